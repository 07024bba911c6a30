//! What dbt compares of two states of a project, for `state:modified` and its kin.

use super::Session;
use crate::project::data;
use crate::project::macro_calls::macro_id;
use crate::project::macros::{blocks, macros_of_package};
use crate::project::packages::{dbt_packages, yaml};
use crate::project::selection::{Member, members};
use crate::report::manifest;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a project is like, as far as dbt compares it.
#[derive(Debug, Default)]
pub struct State {
    members: BTreeMap<Arc<str>, Standing>,
    macros: BTreeMap<String, Macro>,
}

#[derive(Debug)]
struct Macro {
    text: Arc<str>,
    calls: Vec<String>,
}

/// What is compared of one member.
#[derive(Debug)]
struct Standing {
    kind: &'static str,
    fqn: Vec<Arc<str>>,
    /// What is stated, whoever states it.
    config: Map<String, Value>,
    /// Of a test that YAML declares, its kind.
    test_kind: Option<Arc<str>>,
    file: Arc<str>,
    body: Arc<str>,
    /// What the manifest says of it.
    document: Value,
    /// What YAML says of it, as it is written.
    entry: Value,
}

/// What dbt never takes for another configuration.
const NO_CONFIG: [&str; 5] = ["alias", "schema", "database", "tags", "group"];
/// What alone counts of the configuration of a test.
const OF_TESTS: [&str; 9] = [
    "severity",
    "where",
    "limit",
    "fail_calc",
    "warn_if",
    "error_if",
    "store_failures",
    "store_failures_as",
    "sql_header",
];
/// The lists of a YAML file with things that have a name.
const LISTS: [&str; 9] = [
    "models",
    "seeds",
    "snapshots",
    "exposures",
    "metrics",
    "semantic_models",
    "saved_queries",
    "unit_tests",
    "functions",
];

/// What was selected by a comparison: the values of `state:` that hold, by unique_id.
pub type Modified = BTreeMap<Arc<str>, BTreeSet<&'static str>>;

impl Session {
    /// What the project is like now.
    pub fn state(&self) -> State {
        self.prefetch();
        let db = &self.db;
        let mut documents = manifest::documents(db);
        let contents = self.contents();
        let mut entries: FxHashMap<Arc<str>, FxHashMap<(&'static str, String), Value>> = FxHashMap::default();
        for package in dbt_packages(db) {
            for file in package.directories(db).iter().flat_map(|directory| directory.files(db)) {
                if file.kind(db) == crate::db::FileKind::Properties {
                    let root = &yaml(db, *file).root;
                    let named = LISTS.iter().flat_map(|list| {
                        let items = root.get(list).and_then(|items| items.as_seq()).unwrap_or_default();
                        items
                            .iter()
                            .filter_map(|item| Some(((*list, item.get("name")?.as_str()?.to_owned()), data::of(item))))
                    });
                    entries.insert(file.path(db).clone(), named.collect());
                }
            }
        }
        let standing = |member: &Member| {
            let file = member.files.first().cloned().unwrap_or_default();
            let is_yaml = file.ends_with(".yml") || file.ends_with(".yaml");
            let body = contents.get(&file).filter(|_| !is_yaml).map(|content| content.text().trim().into());
            let list = LISTS.iter().find(|list| **list == format!("{}s", member.kind).replace("querys", "queries"));
            let key = list.map(|list| (*list, member.name.to_string()));
            let entry = key.and_then(|key| member.files.iter().find_map(|file| entries.get(file)?.get(&key)));
            Standing {
                kind: member.kind,
                fqn: member.fqn.clone(),
                config: member.config.clone(),
                test_kind: member.test_kind.clone(),
                body: body.unwrap_or_default(),
                document: documents.remove(&*member.id).unwrap_or_default(),
                entry: entry.cloned().unwrap_or_default(),
                file,
            }
        };
        let mut standing = standing;
        let members = members(db).all.iter().map(|member| (member.id.clone(), standing(member))).collect();
        let mut macros = BTreeMap::new();
        for package in dbt_packages(db) {
            for (name, (file, index)) in macros_of_package(db, package) {
                let Some(block) = blocks(db, *file).blocks.get(*index as usize) else { continue };
                let text = file.content(db).text().get(block.span.start as usize..block.span.end as usize);
                let calls = crate::project::macro_calls::called_by(db, package, name, (*file, *index));
                let text = text.unwrap_or_default().trim().into();
                macros.insert(macro_id(db, package, name), Macro { text, calls });
            }
        }
        State { members, macros }
    }
}

impl State {
    /// The values of `state:` that hold for each member, compared with what was. Of a file whose text nobody
    /// reads, `changed` tells.
    pub fn since(&self, old: &Self, changed: &BTreeSet<Arc<str>>) -> Modified {
        let is_other = |id: &&String| match (old.macros.get(*id), self.macros.get(*id)) {
            (Some(then), Some(now)) => then.text != now.text,
            _ => true,
        };
        let modified: BTreeSet<&str> =
            self.macros.keys().chain(old.macros.keys()).filter(is_other).map(String::as_str).collect();
        let each = self.members.iter().map(|(id, now)| {
            let calls_modified = self.reaches(now, &modified);
            (id.clone(), now.since(old.members.get(id), calls_modified, changed))
        });
        each.collect()
    }

    /// Whether something calls one of these macros, or a macro that does.
    fn reaches(&self, standing: &Standing, modified: &BTreeSet<&str>) -> bool {
        let called = standing.document.get("depends_on").and_then(|it| it.get("macros")).and_then(Value::as_array);
        let mut open: Vec<&str> = called.into_iter().flatten().filter_map(Value::as_str).collect();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        while let Some(id) = open.pop() {
            if modified.contains(id) {
                return true;
            }
            if seen.insert(id) {
                open.extend(self.macros.get(id).into_iter().flat_map(|it| it.calls.iter().map(String::as_str)));
            }
        }
        false
    }
}

impl Standing {
    fn since(&self, old: Option<&Self>, calls_modified: bool, changed: &BTreeSet<Arc<str>>) -> BTreeSet<&'static str> {
        // dbt's nodes have bodies, descriptions that are persisted, and contracts.
        let is_node =
            !matches!(self.kind, "source" | "exposure" | "metric" | "semantic_model" | "saved_query" | "unit_test");
        let differs = |is_equal: &dyn Fn(&Self, &Self) -> bool| old.is_none_or(|old| !is_equal(self, old));
        let body = is_node && differs(&|now, old| now.has_body_of(old, changed));
        let configs = self.kind != "unit_test" && differs(&Self::has_config_of);
        let descriptions = is_node && differs(&Self::has_descriptions_of);
        let relation = (is_node || self.kind == "source") && differs(&Self::has_relation_of);
        let contract = is_node && differs(&Self::has_contract_of);
        let fqn = differs(&|now, old| now.fqn == old.fqn);
        let contents = match (self.kind, old) {
            // dbt takes none of these for modified that was not there before.
            ("source" | "exposure" | "metric" | "semantic_model" | "saved_query", None) => false,
            (_, None) => true,
            ("source", Some(old)) => relation || fqn || configs || !self.is_source_of(old),
            ("exposure", Some(old)) => fqn || configs || !self.has_entry_of(old),
            ("metric" | "semantic_model" | "saved_query", Some(old)) => configs || !self.has_entry_of(old),
            ("unit_test", Some(old)) => self.entry != old.entry,
            ("test", Some(_)) if self.test_kind.is_some() => configs || fqn,
            (_, Some(old)) => {
                let refs = self.kind == "model" && !self.is_referred_to_as(old);
                body || configs || descriptions || fqn || relation || contract || refs
            }
        };
        let is_modified = contents || calls_modified;
        let found = [
            ("new", old.is_none()),
            ("old", old.is_some()),
            ("modified", is_modified),
            ("unmodified", !is_modified),
            ("modified.body", body),
            ("modified.configs", configs),
            ("modified.persisted_descriptions", descriptions),
            ("modified.relation", relation),
            ("modified.macros", calls_modified),
            ("modified.contract", contract),
        ];
        found.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect()
    }

    fn has_body_of(&self, old: &Self, changed: &BTreeSet<Arc<str>>) -> bool {
        match self.kind {
            "seed" => !changed.contains(&self.file),
            "test" if self.test_kind.is_some() => self.has_config_of(old),
            _ => self.body == old.body,
        }
    }

    fn has_config_of(&self, old: &Self) -> bool {
        let counts = |key: &str| match self.kind {
            "test" => OF_TESTS.contains(&key),
            "source" | "exposure" => true,
            "metric" | "semantic_model" | "saved_query" => key != "group",
            _ => !NO_CONFIG.contains(&key),
        };
        let mut keys = self.config.keys().chain(old.config.keys()).filter(|key| counts(key));
        keys.all(|key| self.config.get(key) == old.config.get(key))
    }

    fn has_descriptions_of(&self, old: &Self) -> bool {
        let persists = |what: &str| {
            let stated = self.config.get("persist_docs").and_then(|docs| docs.get(what));
            stated.and_then(Value::as_bool).unwrap_or(false)
        };
        let of = |standing: &Self, key: &str| standing.document.get(key).cloned().unwrap_or_default();
        (!persists("relation") || of(self, "description") == of(old, "description"))
            && (!persists("columns") || of(self, "columns") == of(old, "columns"))
    }

    fn has_relation_of(&self, old: &Self) -> bool {
        if self.kind == "source" {
            return ["database", "schema", "identifier"]
                .iter()
                .all(|key| self.document.get(key) == old.document.get(key));
        }
        ["database", "schema", "alias"].iter().all(|key| self.config.get(*key) == old.config.get(*key))
    }

    fn is_source_of(&self, old: &Self) -> bool {
        let keys = ["freshness", "loaded_at_field", "quoting", "external"];
        let of = |standing: &Self, key: &str| {
            let document = standing.document.get(key).or_else(|| standing.config.get(key));
            document.cloned().unwrap_or_default()
        };
        keys.iter().all(|key| of(self, key) == of(old, key))
    }

    fn has_entry_of(&self, old: &Self) -> bool {
        let plain = |standing: &Self| {
            let mut entry = standing.entry.clone();
            if let Some(entry) = entry.as_object_mut() {
                ["tags", "meta", "config"].iter().for_each(|key| drop(entry.remove(*key)));
            }
            entry
        };
        plain(self) == plain(old)
    }

    fn is_referred_to_as(&self, old: &Self) -> bool {
        let date = |standing: &Self| standing.entry.get("deprecation_date").cloned();
        let keys = ["latest_version", "access"];
        keys.iter().all(|key| self.document.get(key) == old.document.get(key)) && date(self) == date(old)
    }

    fn has_contract_of(&self, old: &Self) -> bool {
        if self.kind != "model" {
            return true;
        }
        let is_enforced = |standing: &Self| {
            let contract = standing.config.get("contract");
            contract.and_then(|it| it.get("enforced")).and_then(Value::as_bool).unwrap_or(false)
        };
        match (is_enforced(self), is_enforced(old)) {
            (false, false) => true,
            (true, true) => self.columns() == old.columns(),
            _ => false,
        }
    }

    /// The types and constraints that a contract holds.
    fn columns(&self) -> Value {
        let items = self.entry.get("columns").and_then(Value::as_array);
        let of = |column: &Value| {
            let name = column.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            (name, json!([column.get("data_type"), column.get("constraints")]))
        };
        let columns: BTreeMap<String, Value> = items.into_iter().flatten().map(of).collect();
        json!([columns, self.entry.get("constraints")])
    }
}
