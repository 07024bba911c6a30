//! Questions about a repo: the catalogue's relations and the findings as facts of a Datalog program,
//! the rules of `queries/derived` as its library, and the places of what a proof stands on.

pub mod ask;
pub mod library;
mod proof;

pub use proof::{Kind, Leaf, Tree, absences, leaves, tree};

use crate::datalog::{Catalogue, Cell, Column, Constant, Facts, Schema, Type, with_cells};
use crate::relations::places::Place;
use crate::relations::{self, Relation};
use crate::syntax::span::Position;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::OnceCell;
use std::sync::Arc;

/// What a finding is as a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    pub rule: Arc<str>,
    pub node: Option<Arc<str>>,
    pub path: Arc<str>,
    pub line: u32,
    pub column: u32,
    pub severity: &'static str,
    /// What tells it from the rule's others.
    pub subject: Vec<Arc<str>>,
    /// No derived relation gives it: its rule looks at one file or call alone.
    pub is_observed: bool,
}

/// The columns of `finding`.
const FINDING: [(&str, Type); 5] =
    [("rule", Type::Name), ("node", Type::Node), ("path", Type::Path), ("line", Type::Int), ("severity", Type::Name)];

/// The columns of `observed`.
const OBSERVED: [(&str, Type); 6] = [
    ("rule", Type::Name),
    ("node", Type::Node),
    ("path", Type::Path),
    ("line", Type::Int),
    ("column", Type::Int),
    ("subject", Type::Text),
];

/// What `observed` means.
const OBSERVED_DOC: &str = "What a rule saw in one file that judges it without relations: the broken line, the CTE that is missing, the name that nothing bears. The findings of such rules stand on these rows.";
const OBSERVED_EXAMPLE: &str = r#"observed(rule: r, path: p), starts_with(p, "models/staging/")"#;

/// What `finding` means.
const FINDING_DOC: &str =
    "A finding of the rules that `harness check` runs here; its node is empty where it is about none.";
const FINDING_EXAMPLE: &str = r#"finding(rule: r, node: m, severity: "error"), tag(m, "nightly", _)"#;

/// A repo as questions see it.
pub struct Repo<'a> {
    db: &'a dyn salsa::Database,
    /// Runs the rules; only a question that reads `finding` does.
    check: &'a dyn Fn() -> Vec<FindingRow>,
    findings: OnceCell<Vec<FindingRow>>,
    names: OnceCell<Names>,
}

impl std::fmt::Debug for Repo<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repo").finish_non_exhaustive()
    }
}

/// The nodes by name.
#[derive(Debug, Default)]
struct Names {
    by_name: FxHashMap<Arc<str>, Vec<(Arc<str>, Standing)>>,
    ids: FxHashSet<Arc<str>>,
}

/// Of several nodes of one name the first kind is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// What `ref` may name.
    Refable,
    Other,
    Disabled,
}

impl<'a> Repo<'a> {
    pub fn new(db: &'a dyn salsa::Database, check: &'a dyn Fn() -> Vec<FindingRow>) -> Self {
        Self { db, check, findings: OnceCell::new(), names: OnceCell::new() }
    }

    fn findings(&self) -> &[FindingRow] {
        self.findings.get_or_init(self.check)
    }

    fn names(&self) -> &Names {
        self.names.get_or_init(|| {
            let mut names = Names::default();
            let mut enabled: FxHashSet<Arc<str>> = FxHashSet::default();
            self.visit("enabled", &mut |row| {
                if let [Cell::Text(id), ..] = row {
                    enabled.insert(Arc::from(*id));
                }
            });
            self.visit("node", &mut |row| {
                let [Cell::Text(id), Cell::Text(of), Cell::Text(name), ..] = row else { return };
                let is_refable = matches!(*of, "model" | "seed" | "snapshot");
                let standing = match is_refable {
                    true if enabled.contains(*id) => Standing::Refable,
                    true => Standing::Disabled,
                    false => Standing::Other,
                };
                let id: Arc<str> = Arc::from(*id);
                names.ids.insert(id.clone());
                let shown = shown_id(&id);
                // A source's table is called by both its names, a version by its model's.
                for name in FxHashSet::from_iter([*name, shown]) {
                    names.by_name.entry(Arc::from(name)).or_default().push((id.clone(), standing));
                }
            });
            names
        })
    }

    /// Where a row of a base relation stands.
    pub fn place(&self, relation: &str, row: &[Constant]) -> Option<Place> {
        if is_of_the_run(relation) {
            let (path, line) = (row.get(2)?, row.get(3)?);
            let (Constant::Text(path), Constant::Int(line)) = (path, line) else { return None };
            let column = match row.get(4) {
                Some(Constant::Int(column)) => u32::try_from(*column).ok()?,
                _ => 1,
            };
            let start = Position { line: u32::try_from(*line).ok()?, column };
            return Some(Place { path: path.clone(), start, end: start });
        }
        let relation = relations::by_name(relation)?;
        with_cells(row, |cells| (relation.place)(self.db, cells))
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

/// The relations that a run of the rules gives.
const OF_THE_RUN: [&str; 2] = ["finding", "observed"];

fn is_of_the_run(relation: &str) -> bool {
    OF_THE_RUN.contains(&relation)
}

/// Their columns.
pub fn schema_of_the_run(relation: &str) -> Option<Schema> {
    let columns: &[(&str, Type)] = match relation {
        "finding" => &FINDING,
        "observed" => &OBSERVED,
        _ => return None,
    };
    let columns = columns.iter().map(|(name, of)| Column { name: (*name).to_owned(), of: *of });
    Some(Schema { name: relation.to_owned(), columns: columns.collect() })
}

/// Their columns, what they mean, and a question over each.
pub fn of_the_run() -> Vec<(Schema, &'static str, &'static str)> {
    let about = [(FINDING_DOC, FINDING_EXAMPLE), (OBSERVED_DOC, OBSERVED_EXAMPLE)];
    let schemas = OF_THE_RUN.into_iter().filter_map(schema_of_the_run);
    schemas.zip(about).map(|(schema, (doc, example))| (schema, doc, example)).collect()
}

impl Catalogue for Repo<'_> {
    fn schema(&self, relation: &str) -> Option<Schema> {
        schema_of_the_run(relation).or_else(|| relations::by_name(relation).map(schema_of))
    }

    fn names(&self) -> Vec<String> {
        let all = relations::ALL.iter().map(|relation| relation.schema.name.to_owned());
        all.chain(OF_THE_RUN.map(str::to_owned)).collect()
    }

    fn nodes(&self, name: &str) -> Vec<Arc<str>> {
        let names = self.names();
        if let Some(id) = names.ids.get(name) {
            return vec![id.clone()];
        }
        let Some(found) = names.by_name.get(name) else { return Vec::new() };
        let best = found.iter().map(|(_, standing)| *standing).min();
        let mut ids: Vec<Arc<str>> =
            found.iter().filter(|(_, standing)| Some(*standing) == best).map(|(id, _)| id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn similar_node(&self, name: &str) -> Option<String> {
        let limit = (name.chars().count() / 3).clamp(1, 4);
        let close = |other: &Arc<str>| (strsim::damerau_levenshtein(name, other), other.to_string());
        let names = self.names().by_name.keys();
        names.map(close).filter(|(distance, _)| *distance <= limit).min().map(|(_, name)| name)
    }
}

impl Facts for Repo<'_> {
    fn visit(&self, relation: &str, row: &mut dyn FnMut(&[Cell<'_>])) {
        if is_of_the_run(relation) {
            for finding in self.findings() {
                let node = Cell::Text(finding.node.as_deref().unwrap_or_default());
                let (rule, path) = (Cell::Text(&finding.rule), Cell::Text(&finding.path));
                let line = Cell::Int(i64::from(finding.line));
                if relation == "finding" {
                    row(&[rule, node, path, line, Cell::Text(finding.severity)]);
                } else if finding.is_observed {
                    let column = Cell::Int(i64::from(finding.column));
                    row(&[rule, node, path, line, column, Cell::Text(&finding.subject.join(" "))]);
                }
            }
            return;
        }
        let Some(relation) = relations::by_name(relation) else { return };
        (relation.visit)(self.db, row);
    }
}
