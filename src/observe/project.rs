//! What keeps dbt from reading the project, and what it reads other than was meant.

use super::docs::description_errors;
use super::refusals::{Refusal, refusals, refused_models};
use super::test_settings::setting_errors;
use super::{Rows, failures, metrics, place, start_of_file};
use crate::db::{DirectoryOf, FileKind, Package, Project, SourceFile};
use crate::derive::cycles::cycles;
use crate::files::{Content, Outside};
use crate::observe::Observation;
use crate::observe::{Place, Severity};
use crate::project::absent::absent_projects;
use crate::project::data_tests::{
    Place as TestPlace, nests_arguments, takes_spaces, test_errors, tests_of_directory, text_errors,
};
use crate::project::docs::docs_errors;
use crate::project::graph::{Resolved, resolve_ref};
use crate::project::jinja::run::RefCall;
use crate::project::macros::{blocks, macro_errors};
use crate::project::nodes::{Node, Reference, nodes_of_directory, rendering, unique_id};
use crate::project::packages::{
    Origin, absent_packages, declaration_span, project_file_errors, vars_file_errors, yaml,
};
use crate::project::properties::null_tests;
use crate::project::schema_yaml;
use crate::project::selection::selector_errors;
use crate::project::semantic_names::semantic_name_errors;
use crate::project::shapes::shape_errors;
use crate::relations::places::own_files;
use crate::syntax::conflict::conflict_mark;
use crate::syntax::jinja::blocks::{BlockKind, control_flow_errors};
use crate::syntax::span::{Position, SyntaxError};
use crate::syntax::sql::scan;
use crate::syntax::yaml::DuplicateKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

fn is_yaml(kind: FileKind) -> bool {
    matches!(kind, FileKind::ProjectFile | FileKind::PackagesFile | FileKind::Properties | FileKind::Vars)
}

/// What was told, each once at its place.
#[derive(Default)]
struct Errors(BTreeMap<(Place, String), Observation>);

impl Errors {
    fn report(&mut self, place: Place, what: &str, fix: &str, severity: Option<Severity>) {
        let violation = Observation {
            node: None,
            subject: vec![place.path.clone()],
            place: place.clone(),
            locations: Vec::new(),
            severity,
            args: vec![("what", what.to_owned()), ("fix", fix.to_owned())],
        };
        self.0.entry((place, what.to_owned())).or_insert(violation);
    }

    fn add(&mut self, place: Place, what: &str, fix: &str) {
        self.report(place, what, fix, None);
    }

    /// The same with further places, unless it is known at this one.
    fn add_with(&mut self, place: Place, what: String, fix: &str, locations: Vec<Place>) {
        self.add(place.clone(), &what, fix);
        if let Some(observation) = self.0.get_mut(&(place, what)) {
            observation.locations = locations;
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        let severity = refusal.mild.then_some(Severity::Warning);
        self.report(refusal.place, &refusal.what, &refusal.fix, severity);
    }

    /// Makes one error a file of all that conflict marks of git cause in it. dbt reads SQL as it stands, so there it
    /// is one only where something else went wrong.
    fn name_conflicts(&mut self, db: &dyn salsa::Database, root: Package, files: &[SourceFile]) {
        for file in files {
            let Some(mark) = conflict_mark(file.content(db).text()) else { continue };
            let path = file.path(db);
            let before = self.0.len();
            self.0.retain(|(place, _), _| place.path != *path);
            let is_macro_whole = || macro_errors(db, root).iter().all(|(broken, _)| broken != file);
            let is_parsed = self.0.len() == before && !is_yaml(file.kind(db)) && is_macro_whole();
            let what = "git left its conflict marks in this file";
            let fix = "Keep one side of each conflict, or join both, and delete the lines with the marks.";
            self.report(place(db, *file, mark), what, fix, is_parsed.then_some(Severity::Warning));
        }
    }

    fn all(self) -> Vec<Observation> {
        self.0.into_values().collect()
    }
}

/// What concerns the project as a whole, and the files that lie in no directory.
pub(super) fn parse_error(rows: &Rows<'_>) -> Vec<Observation> {
    let db = rows.db;
    let mut found = Errors::default();
    refusals(rows).into_iter().for_each(|refusal| found.refuse(refusal));
    let Some(project) = Project::try_get(db) else { return Vec::new() };
    let root = project.root(db);
    for (path, problem) in project.problems(db).iter().filter(|(_, problem)| problem.outside.is_none()) {
        found.add(start_of_file(path), &problem.what, &problem.fix);
    }
    for file in files_beside(db) {
        file_errors(db, root, *file, &mut |place, what, fix| found.add(place, what, fix));
    }
    if let Some(file) = project.selectors_file(db) {
        for error in selector_errors(db) {
            found.add(place(db, file, error.span), &error.message, &error.remedy);
        }
    }
    let has_no_marks = |file: &SourceFile| conflict_mark(file.content(db).text()).is_none();
    for (file, error) in macro_errors(db, root).into_iter().filter(|(file, _)| has_no_marks(file)) {
        found.add(place(db, file, error.span), &error.message, &error.remedy);
    }
    for (place, what, fix, calls) in failures::broken_macros(rows) {
        found.add_with(place, what, &fix, calls);
    }
    found.name_conflicts(db, root, files_beside(db));
    found.all()
}

/// The files of the root project that lie in none of its paths.
#[salsa::tracked(returns(deref))]
fn files_beside(db: &dyn salsa::Database) -> Vec<SourceFile> {
    let is_beside = |file: &SourceFile| {
        use FileKind::{PackagesFile, ProjectFile, Selectors, Vars};
        matches!(file.kind(db), ProjectFile | PackagesFile | Selectors | Vars)
    };
    own_files(db).iter().copied().filter(is_beside).collect()
}

/// The errors of a directory's files, nodes and tests.
pub(super) fn parse_error_in<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    let db = rows.db;
    let (root, directory) = (key.package(db), key.directory(db));
    let mut found = Errors::default();
    refused_models(rows, key).into_iter().for_each(|refusal| found.refuse(refusal));
    for file in directory.files(db) {
        file_errors(db, root, *file, &mut |place, what, fix| found.add(place, what, fix));
    }
    for (file, error) in description_errors(rows, key).into_iter().chain(setting_errors(rows, key)) {
        found.add(place(db, file, error.span), &error.message, &error.remedy);
    }
    for node in nodes_of_directory(db, root, directory) {
        for error in &rendering(db, *node).errors {
            found.add(place(db, node.file(db), error.span), &error.message, &error.remedy);
        }
    }
    let tests = tests_of_directory(db, root, directory).iter().copied();
    for test in tests.filter(|test| test.place(db) == TestPlace::File) {
        for error in text_errors(db, test) {
            found.add(place(db, test.file(db), error.span), &error.message, &error.remedy);
        }
    }
    found.name_conflicts(db, root, directory.files(db));
    found.all()
}

/// The errors of one file's text.
fn file_errors(db: &dyn salsa::Database, root: Package, file: SourceFile, add: &mut dyn FnMut(Place, &str, &str)) {
    let mut add_all = |errors: &[SyntaxError]| {
        for error in errors {
            add(place(db, file, error.span), &error.message, &error.remedy);
        }
    };
    let kind = file.kind(db);
    if is_yaml(kind) {
        add_all(&yaml(db, file).errors);
    }
    match kind {
        FileKind::ProjectFile => add_all(project_file_errors(db, root)),
        FileKind::Vars => add_all(&vars_file_errors(db)),
        FileKind::Properties => {
            let entries = schema_yaml::root(db, root, file);
            add_all(&null_tests(entries));
            add_all(&shape_errors(entries));
            add_all(&semantic_name_errors(entries));
            add_all(&test_errors(entries, nests_arguments(db), takes_spaces(db)));
            add_all(schema_yaml::jinja_errors(db, root, file));
        }
        FileKind::Macro | FileKind::Test | FileKind::Snapshot => {
            add_all(&blocks(db, file).errors);
            let kinds: &[BlockKind] = match kind {
                FileKind::Macro => &[BlockKind::Macro, BlockKind::Test, BlockKind::Materialization],
                FileKind::Snapshot => &[BlockKind::Snapshot],
                _ => &[],
            };
            if !kinds.is_empty() {
                add_all(&control_flow_errors(file.content(db).text(), kinds));
            }
        }
        FileKind::Docs => add_all(docs_errors(db, root, file)),
        _ => {}
    }
    if let Content::Unreadable(problem) = file.content(db)
        && problem.outside.is_none()
    {
        add(start_of_file(file.path(db)), &problem.what, &problem.fix);
    }
}

/// What of the project leads out of its repository and was not read.
pub(super) fn path_outside_repo(rows: &Rows<'_>) -> Vec<Observation> {
    let db = rows.db;
    let Some(project) = Project::try_get(db) else { return Vec::new() };
    let of_house = project.house_rules(db).outside.iter().map(|(path, outside)| (path, outside));
    let of_project = project.problems(db).iter().filter_map(|(path, it)| Some((path, it.outside.as_ref()?)));
    let of_files = files_beside(db).iter().filter_map(|file| Some((file.path(db), outside_of(db, *file)?)));
    let found: BTreeSet<_> = of_house.chain(of_project).chain(of_files).collect();
    found.into_iter().map(|(path, outside)| outer(path, outside)).collect()
}

/// The files of a directory that lead out of the repository.
pub(super) fn path_outside_repo_in<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    let db = rows.db;
    let files = key.directory(db).files(db).iter();
    files.filter_map(|file| Some(outer(file.path(db), outside_of(db, *file)?))).collect()
}

fn outside_of(db: &dyn salsa::Database, file: SourceFile) -> Option<&Outside> {
    match file.content(db) {
        Content::Unreadable(problem) => problem.outside.as_ref(),
        _ => None,
    }
}

fn outer(path: &Arc<str>, outside: &Outside) -> Observation {
    let at = Position { line: outside.line, column: outside.column };
    Observation {
        node: None,
        subject: vec![outside.stated.as_str().into()],
        place: Place { path: path.clone(), start: at, end: at },
        locations: Vec::new(),
        severity: None,
        args: vec![("stated", outside.stated.clone())],
    }
}

pub(super) fn duplicate_yaml_key_in<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    repeated_keys(rows.db, key.directory(rows.db).files(rows.db))
}

pub(super) fn duplicate_yaml_key(rows: &Rows<'_>) -> Vec<Observation> {
    repeated_keys(rows.db, files_beside(rows.db))
}

fn repeated_keys(db: &dyn salsa::Database, files: &[SourceFile]) -> Vec<Observation> {
    let mut found = Vec::new();
    for file in files.iter().copied().filter(|file| is_yaml(file.kind(db))) {
        let duplicates = &yaml(db, file).duplicates;
        if duplicates.is_empty() || conflict_mark(file.content(db).text()).is_some() {
            continue;
        }
        // Where a list lacks a dash, two entries are one mapping: their names stand twice in it, and so may all else.
        let is_named = |duplicate: &&DuplicateKey| duplicate.key == "name" && duplicate.path.ends_with(']');
        let joined: BTreeSet<&str> = duplicates.iter().filter(is_named).map(|it| it.path.as_str()).collect();
        for duplicate in duplicates {
            let is_joined = joined.contains(duplicate.path.as_str());
            if is_joined && !is_named(&duplicate) {
                continue;
            }
            let hint = if is_joined { "; a `-` may be missing there" } else { "" };
            let later = place(db, file, duplicate.last);
            found.push(Observation {
                node: None,
                subject: vec![file.path(db).clone(), duplicate.key.as_str().into()],
                place: place(db, file, duplicate.first),
                args: vec![
                    ("key", duplicate.key.clone()),
                    ("mapping", duplicate.path.clone()),
                    ("later_line", later.start.line.to_string()),
                    ("hint", hint.to_owned()),
                ],
                locations: vec![later],
                severity: None,
            });
        }
    }
    found
}

pub(super) fn package_not_installed(rows: &Rows<'_>) -> Vec<Observation> {
    let db = rows.db;
    // Of one that may not be read, the path is what is wrong.
    let problems = Project::try_get(db).map(|project| project.problems(db)).unwrap_or_default();
    let outside: BTreeSet<&str> =
        problems.iter().filter_map(|(_, problem)| Some(problem.outside.as_ref()?.stated.as_str())).collect();
    absent_packages(db)
        .filter(|declared| !outside.contains(&*declared.shown))
        .chain(absent_projects(db))
        .map(|declared| {
            let name = declared.name.as_ref().unwrap_or(&declared.shown);
            let what = match declared.origin {
                Origin::Package => format!("package '{name}' is declared and not installed"),
                Origin::Lock => format!("package '{name}' is locked and not installed"),
                Origin::Project => format!("project '{name}' is declared, and its models are not here"),
            };
            let fix = match declared.origin {
                Origin::Package | Origin::Lock => {
                    "Run `dbt deps` for a complete answer. Its models and macros are unknown until then, and calls into it are not judged."
                }
                Origin::Project => "Refs to it are not judged. dbt-loom's manifest of it is read where it lies in the repo.",
            };
            Observation {
                node: None,
                subject: vec![name.clone()],
                place: place(db, declared.file, declaration_span(db, declared)),
                locations: Vec::new(),
                severity: None,
                args: vec![("package", name.to_string()), ("what", what), ("fix", fix.to_owned())],
            }
        })
        .collect()
}

pub(super) fn cycle(rows: &Rows<'_>) -> Vec<Observation> {
    let db = rows.db;
    let mut found = Vec::new();
    for cycle in cycles(db) {
        let ids: Vec<&Arc<str>> = cycle.iter().map(|node| node.text(db)).collect();
        let Some(first) = ids.first().and_then(|id| rows.node(id)) else { continue };
        let next = ids.get(1).or(ids.first()).map(|id| &***id).unwrap_or_default();
        let path: Vec<&str> = ids.iter().chain(ids.first()).map(|id| super::name_of(id)).collect();
        found.push(Observation {
            node: Some(unique_id(db, first).clone()),
            subject: ids.iter().map(|id| (*id).clone()).collect(),
            place: first_call(rows, first, next),
            locations: Vec::new(),
            // dbt parses it and stops at `compile` and `ls`.
            severity: (ids.len() == 1 && refs_itself_in_comments(db, first)).then_some(Severity::Warning),
            args: vec![("way", path.join(" → "))],
        });
    }
    found.extend(metrics::circular(rows));
    found
}

/// Whether a model names itself in SQL comments alone.
fn refs_itself_in_comments<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> bool {
    let scan = scan(node.file(db).content(db).text());
    let is_own = |call: &&RefCall| matches!(resolve_ref(db, node.package(db), &Reference::of(call)), Resolved::Found(found) if found == node);
    let is_comment = |call: &RefCall| scan.comments.iter().any(|it| it.start <= call.site && call.site < it.end);
    rendering(db, node).trace.refs.iter().filter(is_own).all(is_comment)
}

fn first_call<'db>(rows: &Rows<'db>, child: Node<'db>, parent: &str) -> Place {
    let db = rows.db;
    let calls = rendering(db, child).trace.refs.iter().filter(|call| {
        let reference =
            Reference::of(call);
        matches!(resolve_ref(db, child.package(db), &reference), Resolved::Found(node) if **unique_id(db, node) == *parent)
    });
    calls.map(|call| call.site).min().map_or_else(|| rows.start_of(child), |site| rows.call(child, site))
}
