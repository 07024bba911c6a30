//! What may be a node's key, before anybody tests it.

use super::nodes::living;
use crate::db::sym;
use crate::project::data;
use crate::project::nodes::{facts, unique_id};
use crate::relations::texts::scan_of;
use crate::relations::{places, relation};

relation! {
    /// What an enabled node names as its key, column by column with a comma between, and how: a "surrogate
    /// key" that its SQL makes, a "partition" of whose rows its SQL keeps one, the "unique_key" of its
    /// configuration. At most one of each kind.
    candidate_key as "candidate_key" (id: Node, key: Text, kind: Name)
    Fact r#"candidate_key(m, k, _), !key(m, _)"# at places::of_candidate_key;
    each |db, package, directory, rows| {
        for node in living(db, package, directory) {
            let id = sym(db, unique_id(db, node));
            if let Some((scan, _)) = scan_of(db, node) {
                let found = &scan.keys;
                rows.extend(found.surrogate.as_ref().map(|(key, _)| (id, sym(db, key), sym(db, "surrogate key"))));
                rows.extend(found.partition.as_ref().map(|(key, _)| (id, sym(db, key), sym(db, "partition"))));
            }
            let stated = data::texts(facts(db, node).config.get("unique_key")).join(", ");
            // ClickHouse's lists come in brackets.
            let bare = stated.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(&stated);
            if !bare.is_empty() {
                rows.push((id, sym(db, bare), sym(db, "unique_key")));
            }
        }
    }
}
