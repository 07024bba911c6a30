//! Generic tests as YAML files declare them: on models, seeds, snapshots and sources, and on their
//! columns. Known from one file alone, names and hashes included.

use super::naming::{Argument, hash, synthesized};
use crate::db::{FileOf, Package, Project, SourceFile};
use crate::project::data;
use crate::project::jinja::run::{Names, Run, Subject};
use crate::project::jinja::{Minijinja, Renderer};
use crate::project::overrides::sources_of;
use crate::project::packages::project_file;
use crate::project::properties::PatchKind;
use crate::project::schema_yaml;
use crate::project::target::adapter_type;
use crate::syntax::span::Span;
use crate::syntax::yaml::{Node, Value};
use rustc_hash::FxHashSet;
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// The keys of a test that configure it wherever they stand; all others are arguments.
pub const SETTINGS: [&str; 15] = [
    "severity",
    "tags",
    "enabled",
    "where",
    "limit",
    "warn_if",
    "error_if",
    "fail_calc",
    "store_failures",
    "store_failures_as",
    "sql_header",
    "meta",
    "database",
    "schema",
    "alias",
];

/// What a generic test looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    Node { name: Arc<str>, version: Option<Arc<str>> },
    Source { source: Arc<str>, table: Arc<str> },
}

impl Target {
    /// The call that yields its relation.
    pub fn call(&self) -> String {
        match self {
            Self::Node { name, version: None } => format!("ref('{name}')"),
            Self::Node { name, version: Some(version) } => format!("ref('{name}', version='{version}')"),
            Self::Source { source, table } => format!("source('{source}', '{table}')"),
        }
    }

    /// Its part of a test's name.
    fn title(&self) -> String {
        match self {
            Self::Node { name, version: None } => name.to_string(),
            Self::Node { name, version: Some(version) } => format!("{name}_v{version}"),
            Self::Source { source, table } => format!("{source}_{table}"),
        }
    }
}

/// One test of one YAML file.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    pub target: Target,
    pub namespace: Option<Arc<str>>,
    /// The test's kind: `not_null`.
    pub kind: Arc<str>,
    /// As metadata shows them, with `model` and `column_name`.
    pub arguments: Map<String, Json>,
    pub column: Option<Arc<str>>,
    /// The tags of what it is declared on.
    pub tags: Vec<Arc<str>>,
    /// What the declaration itself configures, rendered.
    pub config: Map<String, Json>,
    pub name: Arc<str>,
    /// The name of the file that dbt would write: the name, cut where it is long.
    pub compiled: Arc<str>,
    pub hash: Arc<str>,
    pub description: Arc<str>,
}

#[salsa::tracked(returns(ref))]
fn declared_in<'db>(db: &'db dyn salsa::Database, key: FileOf<'db>) -> (Vec<Declared>, Vec<Span>) {
    let mut reader = Reader {
        package: key.package(db),
        nests_arguments: nests_arguments(db),
        quote: quote(adapter_type(db)),
        found: Vec::new(),
        spans: Vec::new(),
    };
    let root = schema_yaml::root(db, key.package(db), key.file(db));
    for kind in [PatchKind::Model, PatchKind::Seed, PatchKind::Snapshot] {
        for entry in items(root, kind.key()) {
            reader.node(entry, kind);
        }
    }
    for (_, source) in sources_of(db, key.package(db), key.file(db)) {
        for table in items(&source, "tables") {
            reader.table(&source, table);
        }
    }
    (reader.found, reader.spans)
}

/// The tests a YAML file declares, in its order.
pub fn declared(db: &dyn salsa::Database, package: Package, file: SourceFile) -> &[Declared] {
    &declared_in(db, FileOf::new(db, package, file)).0
}

/// Where the name of each of them stands.
pub(super) fn spans(db: &dyn salsa::Database, package: Package, file: SourceFile) -> &[Span] {
    &declared_in(db, FileOf::new(db, package, file)).1
}

/// Whether `arguments:` holds a test's arguments; off only where the root project says so.
pub fn nests_arguments(db: &dyn salsa::Database) -> bool {
    let Some(project) = Project::try_get(db) else { return true };
    let flags = project_file(db, project.root(db)).get("flags");
    let stated = flags.and_then(|flags| flags.get("require_generic_test_arguments_property"));
    stated.and_then(data::flag).unwrap_or(true)
}

/// Whether names of data tests may have spaces; on only where the root project says so.
pub fn takes_spaces(db: &dyn salsa::Database) -> bool {
    let Some(project) = Project::try_get(db) else { return true };
    let flags = project_file(db, project.root(db)).get("flags");
    let stated = flags.and_then(|flags| flags.get("require_resource_names_without_spaces"));
    stated.and_then(data::flag) == Some(false)
}

/// What the warehouse quotes a column's name with.
fn quote(adapter: &str) -> char {
    match adapter {
        "bigquery" | "databricks" | "spark" | "clickhouse" | "mysql" | "doris" => '`',
        _ => '"',
    }
}

/// The entries of a list below a key.
pub(super) fn items<'doc>(node: &'doc Node, key: &str) -> &'doc [Node] {
    node.get(key).and_then(Node::as_seq).unwrap_or_default()
}

pub(super) fn text(node: &Node, key: &str) -> Option<Arc<str>> {
    node.get(key).filter(|node| !node.is_null()).and_then(Node::key_text).map(Arc::from)
}

/// `data_tests:`, or the older `tests:`.
fn tests_of(entry: &Node) -> &[Node] {
    let older = items(entry, "tests");
    if older.is_empty() { items(entry, "data_tests") } else { older }
}

fn flag(entry: &Node, key: &str) -> Option<bool> {
    entry.get(key).and_then(Node::as_bool)
}

struct Reader {
    package: Package,
    nests_arguments: bool,
    quote: char,
    found: Vec<Declared>,
    spans: Vec<Span>,
}

/// What a test stands below.
struct Place<'doc> {
    target: &'doc Target,
    column: Option<Arc<str>>,
    tags: Vec<Arc<str>>,
}

impl Reader {
    fn node(&mut self, entry: &Node, kind: PatchKind) {
        let Some(name) = text(entry, "name") else { return };
        let quotes = flag(entry, "quote_columns");
        let versions = if kind == PatchKind::Model { items(entry, "versions") } else { &[] };
        if versions.is_empty() {
            let target = Target::Node { name, version: None };
            self.columns(items(entry, "columns"), &target, quotes, &[]);
            self.tests(tests_of(entry), &target);
            return;
        }
        for version in versions {
            let target = Target::Node { name: name.clone(), version: text(version, "v") };
            let own = items(version, "columns");
            let is_included = inclusion(own);
            let shared: Vec<Node> =
                items(entry, "columns").iter().filter(|column| is_included(column)).cloned().collect();
            self.columns(&shared, &target, quotes, &[]);
            self.columns(own, &target, quotes, &[]);
            let states_tests = ["tests", "data_tests"].iter().any(|key| version.get(key).is_some());
            self.tests(tests_of(if states_tests { version } else { entry }), &target);
        }
    }

    fn table(&mut self, source: &Node, table: &Node) {
        let (Some(source_name), Some(name)) = (text(source, "name"), text(table, "name")) else { return };
        let target = Target::Source { source: source_name, table: name };
        let quotes = |entry: &Node| entry.get("quoting").and_then(|quoting| flag(quoting, "column"));
        let tags: Vec<Arc<str>> = [source, table].into_iter().flat_map(|entry| self.tags(entry.get("tags"))).collect();
        for test in tests_of(table) {
            self.test(test, &Place { target: &target, column: None, tags: tags.clone() });
        }
        self.columns(items(table, "columns"), &target, quotes(table).or_else(|| quotes(source)), &tags);
    }

    fn columns(&mut self, columns: &[Node], target: &Target, quotes: Option<bool>, above: &[Arc<str>]) {
        for column in columns {
            let tests = tests_of(column);
            let Some(name) = text(column, "name").filter(|_| !tests.is_empty()) else { continue };
            let is_quoted = flag(column, "quote").or(quotes).unwrap_or_default();
            let name = if is_quoted { format!("{0}{name}{0}", self.quote).into() } else { name };
            let mut tags = above.to_vec();
            tags.extend(self.tags(column.get("tags")));
            tags.extend(self.tags(column.get("config").and_then(|config| config.get("tags"))));
            for test in tests {
                self.test(test, &Place { target, column: Some(name.clone()), tags: tags.clone() });
            }
        }
    }

    fn tests(&mut self, tests: &[Node], target: &Target) {
        for test in tests {
            self.test(test, &Place { target, column: None, tags: Vec::new() });
        }
    }

    fn tags(&self, node: Option<&Node>) -> Vec<Arc<str>> {
        let value = node.map(|node| self.rendered(data::of(node)));
        data::texts(value.as_ref()).into_iter().map(Arc::from).collect()
    }

    fn rendered(&self, value: Json) -> Json {
        let mut render = |text: &str| {
            let run = Run::new(self.package, Names::Settings, Subject::default());
            Minijinja.evaluate(text, run).0.unwrap_or(Json::Null)
        };
        data::rendered(value, &|_| false, &mut render)
    }

    fn test(&mut self, test: &Node, place: &Place<'_>) {
        let Some((called, mut given)) = split(test) else { return };
        if let Some(column) = &place.column {
            put(&mut given, "column_name", &string(column));
        }
        if self.nests_arguments
            && let Some(nested) = take(&mut given, "arguments")
        {
            for entry in nested.as_map().unwrap_or_default() {
                if let Some(key) = entry.key.key_text() {
                    put(&mut given, &key, &entry.value);
                }
            }
        }
        let Some((namespace, kind)) = name_parts(&called) else { return };
        if given.iter().any(|(name, _)| &**name == "model") {
            return;
        }
        let model = format!("{{{{ get_where_subquery({}) }}}}", place.target.call());
        put(&mut given, "model", &string(&model));
        let mut config = self.config(&mut given);
        let description = take(&mut given, "description").and_then(|node| node.as_str().map(Arc::from));
        let own_name = take(&mut given, "name").and_then(|name| Some(Arc::from(name.key_text()?)));
        let mut compiled = own_name.clone();
        let name: Arc<str> = own_name.unwrap_or_else(|| {
            let source = if matches!(place.target, Target::Source { .. }) { "source_" } else { "" };
            let prefix = namespace.as_deref().map(|space| format!("{space}_")).unwrap_or_default();
            let names = synthesized(&format!("{prefix}{source}{kind}"), &place.target.title(), &given);
            compiled = Some(names.short.as_str().into());
            if names.short != names.full && !config.contains_key("alias") {
                config.insert("alias".to_owned(), names.short.into());
            }
            names.full.into()
        });
        self.spans.push(name_span(test));
        self.found.push(Declared {
            target: place.target.clone(),
            hash: hash(&name, namespace.as_deref(), &kind, &given).into(),
            namespace,
            kind,
            arguments: given.iter().map(|(key, value)| (key.to_string(), data::of(value))).collect(),
            column: place.column.clone(),
            tags: place.tags.clone(),
            config,
            compiled: compiled.unwrap_or_else(|| name.clone()),
            name,
            description: description.unwrap_or_default(),
        });
    }

    /// Takes the settings out of a test's keys: those that stand alone win over those in `config:`.
    fn config(&self, given: &mut Vec<Argument>) -> Map<String, Json> {
        let nested = take(given, "config").map(|node| data::of(&node));
        let has_nested = nested.is_some();
        let mut nested = match nested {
            Some(Json::Object(nested)) => nested,
            _ => Map::new(),
        };
        let mut config = Map::new();
        for key in SETTINGS {
            let alone = take(given, key).map(|node| data::of(&node)).filter(|value| !has_nested || is_true(value));
            if let Some(value) = alone.or_else(|| nested.shift_remove(key)) {
                config.insert(key.to_owned(), value);
            }
        }
        config.extend(nested);
        let rendered = config.into_iter().map(|(key, value)| match value {
            // Texts inside of lists and mappings stay as they are written.
            Json::String(_) => (key, self.rendered(value)),
            other => (key, other),
        });
        rendered.filter(|(_, value)| !value.is_null()).collect()
    }
}

/// Whether a version has a column of the model: all but those its `include` and `exclude` leave out.
fn inclusion(own: &[Node]) -> impl Fn(&Node) -> bool {
    let names = |list: &[Node]| -> FxHashSet<String> {
        list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let rule = own.iter().find(|entry| entry.get("include").is_some() || entry.get("exclude").is_some());
    let included = match rule.and_then(|rule| rule.get("include")) {
        Some(include) if matches!(include.as_str(), Some("all" | "*")) => None,
        Some(include) => Some(names(include.as_seq().unwrap_or_default())),
        None => None,
    };
    let excluded = rule.map(|rule| names(items(rule, "exclude"))).unwrap_or_default();
    move |column| {
        let Some(name) = text(column, "name") else { return false };
        included.as_ref().is_none_or(|included| included.contains(&*name)) && !excluded.contains(&*name)
    }
}

fn name_span(test: &Node) -> Span {
    let named = test.get("test_name").map(|name| name.span);
    let first = test.as_map().and_then(<[_]>::first).map(|entry| entry.key.span);
    named.or(first).unwrap_or(test.span)
}

/// A test's name and its keys, in each of the three ways dbt lets it be written.
fn split(test: &Node) -> Option<(String, Vec<Argument>)> {
    if let Some(name) = test.as_str() {
        return Some((name.to_owned(), Vec::new()));
    }
    let keys = |node: &Node| -> Vec<Argument> {
        let entries = node.as_map().unwrap_or_default().iter();
        entries.filter_map(|entry| Some((entry.key.key_text()?.into(), entry.value.clone()))).collect()
    };
    if let Some(name) = test.get("test_name") {
        let mut given = keys(test);
        take(&mut given, "test_name");
        return Some((name.as_str()?.to_owned(), given));
    }
    match test.as_map()? {
        [entry] if entry.value.as_map().is_some() => Some((entry.key.as_str()?.to_owned(), keys(&entry.value))),
        _ => None,
    }
}

/// `dbt_utils.unique` is a test of a namespace. What follows a name's last fitting letter is dropped,
/// as dbt does.
pub(super) fn name_parts(called: &str) -> Option<(Option<Arc<str>>, Arc<str>)> {
    let first = identifier(called)?;
    let after = called[first.len()..].strip_prefix('.').and_then(identifier);
    Some(match after {
        Some(name) => (Some(first.into()), name.into()),
        None => (None, first.into()),
    })
}

pub(super) fn identifier(text: &str) -> Option<&str> {
    let length = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len());
    let found = &text[..length];
    found.starts_with(|letter: char| !letter.is_ascii_digit()).then_some(found)
}

pub(super) fn is_true(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => false,
        Json::Bool(true) => true,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(entries) => !entries.is_empty(),
    }
}

fn string(text: &str) -> Node {
    Node { span: Span::default(), value: Value::Str(text.into()) }
}

/// As a Python dict does: a new key goes to the end, a known one keeps its place.
fn put(given: &mut Vec<Argument>, key: &str, value: &Node) {
    match given.iter_mut().find(|(name, _)| &**name == key) {
        Some((_, present)) => *present = value.clone(),
        None => given.push((key.into(), value.clone())),
    }
}

fn take(given: &mut Vec<Argument>, key: &str) -> Option<Node> {
    let at = given.iter().position(|(name, _)| &**name == key)?;
    Some(given.remove(at).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_written_in_three_ways() {
        let parsed = |text: &str| {
            let (name, given) = split(&crate::syntax::yaml::parse(text).root).unwrap_or_default();
            (name, given.iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>())
        };
        assert_eq!(parsed("unique"), ("unique".to_owned(), vec![]));
        assert_eq!(parsed("{unique: {name: x}}"), ("unique".to_owned(), vec!["name".to_owned()]));
        assert_eq!(parsed("{test_name: unique, name: x}"), ("unique".to_owned(), vec!["name".to_owned()]));
        assert_eq!(parsed("{a: {}, b: {}}"), (String::new(), vec![]));
    }

    #[test]
    fn a_namespace_ends_at_the_dot() {
        assert_eq!(name_parts("dbt_utils.unique"), Some((Some("dbt_utils".into()), "unique".into())));
        assert_eq!(name_parts("unique"), Some((None, "unique".into())));
        assert_eq!(name_parts(".x"), None);
    }

    #[test]
    fn a_version_has_the_columns_it_includes() {
        let column = crate::syntax::yaml::parse("{name: a}").root;
        let included = |rule: &str| inclusion(crate::syntax::yaml::parse(rule).root.as_seq().unwrap_or(&[]))(&column);
        assert!(included("[{name: b}]"));
        assert!(included("[{include: all, exclude: [b]}]"));
        assert!(!included("[{include: '*', exclude: [a]}]"));
        assert!(!included("[{include: [b]}]"));
    }
}
