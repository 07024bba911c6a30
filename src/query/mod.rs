//! Questions about a repo: the catalogue's relations and the findings as facts of a Datalog program,
//! the rules of `queries/derived` as its library, and the places of what a proof stands on.

pub mod ask;
mod followed;
pub mod library;
mod proof;
mod standing;

pub use followed::Followings;
pub use proof::{Kind, Leaf, Tree, absences, leaves, tree};
pub use standing::{RowOf, Standing, standing, stands};

use crate::datalog::{
    Catalogue, Cell, Column, Constant, Facts, OLD, Part, PartedFacts, Schema, Type, former, with_cells,
};
use crate::db::Project;
use crate::derive::{self, Derived};
use crate::observe::{self, Observed};
use crate::relations::places::Place;
use crate::relations::{self, Relation};
use crate::similar::nearest;
use crate::syntax::span::Position;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::OnceCell;
use std::sync::Arc;

/// What a run gives beside the facts of the repo: its findings, and what it makes of rule files.
pub trait Run {
    /// Gives each row of a relation once.
    fn visit(&self, relation: &str, row: &mut dyn FnMut(&[Cell<'_>]));
}

/// A run that gives nothing.
#[derive(Debug)]
pub struct NoRun;

impl Run for NoRun {
    fn visit(&self, _: &str, _: &mut dyn FnMut(&[Cell<'_>])) {}
}

/// A relation that a run gives.
#[derive(Debug, Clone, Copy)]
pub struct OfTheRun {
    pub name: &'static str,
    columns: &'static [(&'static str, Type)],
    /// What a row means; the first sentence alone says the most.
    pub doc: &'static str,
    pub example: &'static str,
}

impl OfTheRun {
    pub fn schema(&self) -> Schema {
        let columns = self.columns.iter().map(|(name, of)| Column { name: (*name).to_owned(), of: *of });
        Schema { name: self.name.to_owned(), columns: columns.collect() }
    }
}

/// The relations that a run gives.
pub const OF_THE_RUN: [OfTheRun; 9] = [
    OfTheRun {
        name: "baseline_entry",
        columns: &[
            ("fingerprint", Type::Text),
            ("rule", Type::Name),
            ("about", Type::Text),
            ("path", Type::Path),
            ("line", Type::Int),
        ],
        doc: "A line of the baseline: its rule, and the node or file it is about. Only where `harness check` has a baseline.",
        example: "baseline_entry(rule: r, about: a, line: l)",
    },
    OfTheRun {
        name: "broken_rule",
        columns: &[
            ("rule", Type::Name),
            ("path", Type::Path),
            ("line", Type::Int),
            ("column", Type::Int),
            ("what", Type::Text),
        ],
        doc: "A rule file of the repo that cannot be used, and why.",
        example: "broken_rule(path: p, line: l, what: w)",
    },
    OfTheRun {
        name: "finding",
        columns: &[
            ("rule", Type::Name),
            ("node", Type::Node),
            ("path", Type::Path),
            ("line", Type::Int),
            ("severity", Type::Name),
        ],
        doc: "A finding of the rules that `harness check` runs here; its node is empty where it is about none.",
        example: r#"finding(rule: r, node: m, severity: "error"), tag(m, "nightly", _)"#,
    },
    OfTheRun {
        name: "house_setting",
        columns: &[
            ("kind", Type::Name),
            ("about", Type::Name),
            ("key", Type::Text),
            ("value", Type::Text),
            ("path", Type::Path),
            ("line", Type::Int),
            ("column", Type::Int),
        ],
        doc: "An entry of harness.yml. Its kind is `severity` (about a rule), `option` (about a rule, its key the option), `override` (about a rule, its key the glob), `reads` (about a layer, its value what it reads), `terminal` or `exclude`; a list has a row an item. Only in `harness check`.",
        example: r#"house_setting(kind: "severity", about: r, value: "off", line: l)"#,
    },
    OfTheRun {
        name: "rule_option",
        columns: &[("rule", Type::Name), ("name", Type::Name), ("value", Type::Text)],
        doc: "What an option of a rule is set to, by harness.yml or its own default; a list has a row an item.",
        example: r#"rule_option(rule: r, name: "allow", value: v)"#,
    },
    OfTheRun {
        name: "rule_severity",
        columns: &[("rule", Type::Name), ("severity", Type::Name)],
        doc: "How grave the findings of a rule may be here, or `off`.",
        example: r#"rule_severity(r, "off")"#,
    },
    OfTheRun {
        name: "stale_baseline",
        columns: &[
            ("fingerprint", Type::Text),
            ("rule", Type::Name),
            ("about", Type::Text),
            ("path", Type::Path),
            ("line", Type::Int),
        ],
        doc: "A line of the baseline that no finding needs any more: its rule, and the node or file it is about. Only where `harness check` has a baseline.",
        example: "stale_baseline(rule: r, about: a, line: l)",
    },
    OfTheRun {
        name: "suppression",
        columns: &[
            ("rule", Type::Name),
            ("path", Type::Path),
            ("reason", Type::Text),
            ("index", Type::Int),
            ("line", Type::Int),
            ("column", Type::Int),
        ],
        doc: "A comment or an entry of `meta` that excuses findings of a rule. Of equal ones in a file the first has the index 0.",
        example: "suppression(rule: r, path: p, reason: w, line: l)",
    },
    OfTheRun {
        name: "unused_suppression",
        columns: &[
            ("rule", Type::Name),
            ("kind", Type::Name),
            ("what", Type::Text),
            ("fix", Type::Text),
            ("path", Type::Path),
            ("line", Type::Int),
            ("column", Type::Int),
        ],
        doc: "A comment or an entry of `meta` that is to excuse findings of a rule and is not as it should be. Its kind is `unused` where it excuses none, `unknown` where it names no rule, `ended` where its day has passed or is none, and `reasonless` where it serves and gives no reason.",
        example: "unused_suppression(rule: r, path: p, line: l, what: w)",
    },
];

pub fn of_the_run(relation: &str) -> Option<&'static OfTheRun> {
    OF_THE_RUN.iter().find(|of_the_run| of_the_run.name == relation)
}

/// What the relations of the families are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Families {
    /// What `queries/derived` derives when it is asked: it can be proved.
    Interpreted,
    /// Facts that Ascent has derived.
    Compiled,
}

/// A repo as questions and rules see it.
pub struct Repo<'a> {
    db: &'a dyn salsa::Database,
    families: Families,
    run: &'a dyn Run,
    names: OnceCell<Names>,
}

impl std::fmt::Debug for Repo<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repo").field("families", &self.families).finish_non_exhaustive()
    }
}

/// The nodes by name.
#[derive(Debug, Default)]
struct Names {
    by_name: FxHashMap<Arc<str>, Vec<(Arc<str>, Rank)>>,
    ids: FxHashSet<Arc<str>>,
}

/// Of several nodes of one name the first kind is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// What `ref` may name.
    Refable,
    Other,
    Disabled,
}

impl<'a> Repo<'a> {
    pub fn new(db: &'a dyn salsa::Database, families: Families, run: &'a dyn Run) -> Self {
        Self { db, families, run, names: OnceCell::new() }
    }

    /// The family's relation where its rows are facts.
    fn derived(&self, relation: &str) -> Option<&'static Derived> {
        derive::by_name(relation).filter(|_| self.families == Families::Compiled)
    }

    /// The relations from which it follows which nodes bear a name.
    pub const NAMING: [&'static str; 2] = ["enabled", "node"];

    /// Whether anybody asked which nodes bear a name.
    pub fn has_named(&self) -> bool {
        self.names.get().is_some()
    }

    fn names(&self) -> &Names {
        self.names.get_or_init(|| {
            let [living, all] = Self::NAMING;
            let mut names = Names::default();
            let mut enabled: FxHashSet<Arc<str>> = FxHashSet::default();
            self.visit(living, &mut |row| {
                if let [Cell::Text(id), ..] = row {
                    enabled.insert(Arc::from(*id));
                }
            });
            self.visit(all, &mut |row| {
                let [Cell::Text(id), Cell::Text(of), Cell::Text(name), ..] = row else { return };
                let is_refable = matches!(*of, "model" | "seed" | "snapshot");
                let rank = match is_refable {
                    true if enabled.contains(*id) => Rank::Refable,
                    true => Rank::Disabled,
                    false => Rank::Other,
                };
                let id: Arc<str> = Arc::from(*id);
                names.ids.insert(id.clone());
                let shown = shown_id(&id);
                // A source's table is called by both its names, a version by its model's.
                for name in FxHashSet::from_iter([*name, shown]) {
                    names.by_name.entry(Arc::from(name)).or_default().push((id.clone(), rank));
                }
            });
            names
        })
    }

    /// Where a row of a relation of facts stands; of several places, the first.
    pub fn place(&self, relation: &str, row: &[Constant]) -> Option<Place> {
        self.places(relation, row).into_iter().next()
    }

    /// The places of a row of a relation of facts, the one that matters most first.
    pub fn places(&self, relation: &str, row: &[Constant]) -> Vec<Place> {
        self.standing(relation, row).places
    }

    /// Where a row stands, and what it is about.
    pub fn standing(&self, relation: &str, row: &[Constant]) -> Standing {
        standing(self.db, relation, row)
    }
}

impl OfTheRun {
    fn place(&self, row: &[Constant]) -> Option<Place> {
        let value = |name: &str| row.get(self.columns.iter().position(|column| column.0 == name)?);
        let number = |name: &str| match value(name) {
            Some(Constant::Int(number)) => u32::try_from(*number).ok(),
            _ => None,
        };
        let Some(Constant::Text(path)) = value("path") else { return None };
        let start = Position { line: number("line")?, column: number("column").unwrap_or(1) };
        Some(Place { path: path.clone(), start, end: start })
    }
}

/// The name that people know a node by: a unique_id without type and package.
pub fn shown_id(id: &str) -> &str {
    id.splitn(3, '.').nth(2).unwrap_or(id)
}

/// Whether a relation's rows come from harness.yml.
pub fn is_setting(relation: &str) -> bool {
    relations::by_name(relation).is_some_and(|relation| relation.schema.kind == relations::Kind::Setting)
}

/// Whether a relation can be had from the texts of files alone, without rendering any.
pub fn is_plain(relation: &str) -> bool {
    matches!(relation, "text" | "file") || is_setting(relation)
}

/// A relation of the catalogue as the language knows it.
pub fn schema_of(relation: &Relation) -> Schema {
    let columns = relation.schema.columns.iter();
    let columns = columns.map(|column| Column { name: column.name.to_owned(), of: column.of });
    Schema { name: relation.schema.name.to_owned(), columns: columns.collect() }
}

impl Catalogue for Repo<'_> {
    fn schema(&self, relation: &str) -> Option<Schema> {
        if let Some(name) = former(relation) {
            // Those of the families are kept as facts, however the ones of now are had.
            let of_family = || library::embedded().ok()?.schema(derive::by_name(name)?.name).cloned();
            let schema = self.schema(name).or_else(of_family)?;
            return Some(Schema { name: format!("{OLD}{name}"), ..schema });
        }
        let base = relations::by_name(relation).map(schema_of);
        let base = base.or_else(|| observe::by_name(relation).map(Observed::schema));
        let base = base.or_else(|| of_the_run(relation).map(OfTheRun::schema));
        base.or_else(|| {
            let derived = self.derived(relation)?;
            library::embedded().ok()?.schema(derived.name).cloned()
        })
    }

    fn names(&self) -> Vec<String> {
        let base = relations::ALL.iter().map(|relation| relation.schema.name);
        let seen = observe::ALL.iter().map(|observed| observed.name);
        base.chain(seen).chain(OF_THE_RUN.iter().map(|relation| relation.name)).map(str::to_owned).collect()
    }

    fn nodes(&self, name: &str) -> Vec<Arc<str>> {
        let names = self.names();
        if let Some(id) = names.ids.get(name) {
            return vec![id.clone()];
        }
        let Some(found) = names.by_name.get(name) else { return Vec::new() };
        let best = found.iter().map(|(_, rank)| *rank).min();
        let mut ids: Vec<Arc<str>> =
            found.iter().filter(|(_, rank)| Some(*rank) == best).map(|(id, _)| id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn similar_node(&self, name: &str) -> Option<String> {
        nearest(name, self.names().by_name.keys()).map(|name| name.to_string())
    }
}

impl PartedFacts for Repo<'_> {
    fn parts(&self, relation: &str) -> Option<(u64, &[Part])> {
        if former(relation).is_some() {
            // What is compared with nothing has no rows, and else they are kept elsewhere.
            let before = Project::try_get(self.db).and_then(|project| project.before(self.db).as_ref());
            return before.is_none().then_some((0, &[]));
        }
        let parts = match relations::by_name(relation) {
            Some(relation) => relation.parts.map(|parts| (parts.all)(self.db)),
            None => observe::by_name(relation).and_then(|observed| observed.parts(self.db)),
        };
        parts.map(|parts| (parts.stamp, parts.value.as_slice()))
    }

    fn visit_part(&self, relation: &str, part: &Part, row: &mut dyn FnMut(&[Cell<'_>])) {
        if let Some(relation) = relations::by_name(relation) {
            if let Some(parts) = relation.parts {
                (parts.visit)(self.db, part, row);
            }
        } else if let Some(observed) = observe::by_name(relation) {
            observed.visit_part(self.db, part, row);
        }
    }
}

impl Facts for Repo<'_> {
    fn is_lasting(&self, relation: &str) -> bool {
        of_the_run(relation).is_none()
    }

    fn visit(&self, relation: &str, row: &mut dyn FnMut(&[Cell<'_>])) {
        if let Some(name) = former(relation) {
            let before = Project::try_get(self.db).and_then(|project| project.before(self.db).as_ref());
            let rows = before.and_then(|before| before.rows.get(name));
            rows.into_iter().flat_map(|rows| rows.iter()).for_each(|kept| with_cells(kept, &mut *row));
        } else if let Some(relation) = relations::by_name(relation) {
            (relation.visit)(self.db, row);
        } else if let Some(observed) = observe::by_name(relation) {
            observed.visit(self.db, row);
        } else if let Some(derived) = self.derived(relation) {
            (derived.visit)(self.db, row);
        } else {
            self.run.visit(relation, row);
        }
    }
}
