//! What names others: the living nodes and data tests of the root project.

use super::Rows;
use super::missing::Name;
use crate::db::{DirectoryOf, Package, Project, Section};
use crate::observe::Place;
use crate::observe::start_of_file;
use crate::project::data_tests::declared::Target;
use crate::project::data_tests::{self, Place as TestPlace, Test, declaration, tests_of_directory};
use crate::project::jinja::run::{RefCall, Site, SourceCall, Trace};
use crate::project::nodes::{Node, living_nodes, rendering, unique_id};
use crate::project::schema_yaml;
use crate::syntax::span::Span;
use crate::syntax::yaml;
use std::sync::Arc;

#[derive(Debug, Clone, Copy)]
pub(super) enum Child<'db> {
    Node(Node<'db>),
    Test(Test<'db>),
}

/// The enabled nodes of a directory, and the enabled data tests whose own texts name others.
pub(super) fn living<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<Child<'db>> {
    let (package, directory) = (key.package(db), key.directory(db));
    let nodes = living_nodes(db, package, directory).iter().copied().map(Child::Node);
    let tests = tests_of_directory(db, package, directory)
        .iter()
        .copied()
        .filter(|test| names_others(db, *test) && data_tests::facts(db, *test).enabled)
        .map(Child::Test);
    nodes.chain(tests).collect()
}

/// The sections of the root project.
pub(super) fn sections(db: &dyn salsa::Database) -> impl Iterator<Item = Section<'_>> {
    Project::try_get(db).into_iter().flat_map(|project| project.root(db).sections(db))
}

pub(super) fn prefetch<'db>(db: &'db dyn salsa::Database, test: Test<'db>) {
    data_tests::facts(db, test);
    data_tests::tested(db, test);
}

/// A declared test names what it is declared on; only its arguments can name more.
fn names_others<'db>(db: &'db dyn salsa::Database, test: Test<'db>) -> bool {
    declaration(db, test).is_none_or(|declared| {
        let model = declared.target.call();
        declared.arguments.iter().filter(|(key, _)| *key != "model").any(|(_, value)| {
            let shown = value.to_string();
            (shown.contains("ref(") || shown.contains("source(")) && !shown.contains(&model)
        })
    })
}

impl<'db> Child<'db> {
    pub(super) fn id(self, db: &'db dyn salsa::Database) -> Arc<str> {
        match self {
            Self::Node(node) => unique_id(db, node).clone(),
            Self::Test(test) => data_tests::test_id(db, test),
        }
    }

    pub(super) fn name(self, db: &'db dyn salsa::Database) -> Arc<str> {
        match self {
            Self::Node(node) => node.name(db).clone(),
            Self::Test(test) => data_tests::name(db, test),
        }
    }

    pub(super) fn package(self, db: &'db dyn salsa::Database) -> Package {
        match self {
            Self::Node(node) => node.package(db),
            Self::Test(test) => test.package(db),
        }
    }

    pub(super) fn trace(self, db: &'db dyn salsa::Database) -> &'db Trace {
        match self {
            Self::Node(node) => &rendering(db, node).trace,
            Self::Test(test) => data_tests::rendering(db, test),
        }
    }

    pub(super) fn as_test(self) -> Option<Test<'db>> {
        match self {
            Self::Test(test) => Some(test),
            Self::Node(_) => None,
        }
    }

    /// dbt only warns of a test that cannot run.
    pub(super) fn is_test(self) -> bool {
        matches!(self, Self::Test(_))
    }

    /// Whether a call is only what a declared test is declared on: a test of a model that is not there
    /// or switched off is switched off with it.
    pub(super) fn is_own_target(self, db: &'db dyn salsa::Database, call: &RefCall) -> bool {
        let Self::Test(test) = self else { return false };
        declaration(db, test).is_some_and(|declared| match &declared.target {
            Target::Node { name, version } => *name == call.name && *version == call.version,
            Target::Source { .. } => false,
        })
    }

    pub(super) fn is_own_source(self, db: &'db dyn salsa::Database, call: &SourceCall) -> bool {
        let Self::Test(test) = self else { return false };
        declaration(db, test).is_some_and(|declared| match &declared.target {
            Target::Source { source, table } => *source == call.source && *table == call.table,
            Target::Node { .. } => false,
        })
    }

    pub(super) fn start(self, rows: &Rows<'db>) -> Place {
        match self {
            Self::Node(node) => rows.start_of(node),
            Self::Test(test) => match test.place(rows.db) {
                TestPlace::Declared(_) => rows.place(test.file(rows.db), data_tests::test_span(rows.db, test)),
                TestPlace::File => start_of_file(test.file(rows.db).path(rows.db)),
            },
        }
    }

    /// The calls of a name in the arguments of a declared test; none for all else, or where Jinja writes them.
    pub(super) fn arguments_that_name(self, rows: &Rows<'db>, name: &Name) -> Vec<Place> {
        let Self::Test(test) = self else { return Vec::new() };
        if test.place(rows.db) == TestPlace::File {
            return Vec::new();
        }
        let (db, file) = (rows.db, test.file(rows.db));
        let root = schema_yaml::root(db, test.package(db), file);
        let Some(item) = item_at(root, data_tests::test_span(db, test)) else { return Vec::new() };
        let text = file.content(db).text();
        let (mut work, mut spans) = (vec![item], Vec::new());
        while let Some(node) = work.pop() {
            if node.as_str().is_some() {
                spans.extend(calls_of(text, node.span, name));
            }
            work.extend(node.as_seq().unwrap_or_default());
            work.extend(node.as_map().unwrap_or_default().iter().map(|entry| &entry.value));
        }
        spans.sort_unstable_by_key(|span| span.start);
        spans.into_iter().map(|span| rows.place(file, span)).collect()
    }

    /// The call that begins at an offset of the child's text.
    pub(super) fn call(self, rows: &Rows<'db>, site: Site) -> Place {
        match self {
            Self::Node(node) => rows.call(node, site),
            Self::Test(test) => match test.place(rows.db) {
                TestPlace::Declared(_) => self.start(rows),
                TestPlace::File => {
                    let file = test.file(rows.db);
                    rows.place(file, crate::project::calls::call_span(file.content(rows.db).text(), site))
                }
            },
        }
    }
}

/// The innermost item of a list that holds a key or a text at a span.
fn item_at(root: &yaml::Node, span: Span) -> Option<&yaml::Node> {
    let mut work = vec![(root, None)];
    while let Some((node, item)) = work.pop() {
        if node.span == span {
            return item;
        }
        for entry in node.as_map().unwrap_or_default() {
            if entry.key.span == span {
                return item;
            }
            work.push((&entry.value, item));
        }
        work.extend(node.as_seq().unwrap_or_default().iter().map(|inner| (inner, Some(inner))));
    }
    None
}

/// The calls in a part of a text that give a name in quotes.
fn calls_of(text: &str, part: Span, name: &Name) -> Vec<Span> {
    let whole = part.of(text);
    let quoted = [format!("'{}'", name.name), format!("\"{}\"", name.name)];
    let words: &[&str] = if name.source.is_some() { &["source"] } else { &["ref", "function"] };
    let mut spans = Vec::new();
    for word in words {
        for (at, _) in whole.match_indices(word) {
            let after = &whole[at + word.len()..];
            let is_word = !whole[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
            let Some(end) = after.find(')').filter(|_| is_word && after.trim_start().starts_with('(')) else {
                continue;
            };
            if quoted.iter().any(|quoted| after[..end].contains(quoted.as_str())) {
                let start = part.start as usize + at;
                spans.push(Span::new(start, start + word.len() + end + 1));
            }
        }
    }
    spans
}
