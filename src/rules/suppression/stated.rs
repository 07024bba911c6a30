//! All excuses that the root project states.

use crate::db::settings::spelled_as_id;
use crate::db::{DirectoryOf, FileKind, Project, SourceFile, Stamped, of_section};
use crate::project::data;
use crate::project::packages::yaml;
use crate::relations::places::{Lines, MetaExcuse, Place, meta_excuses, place};
use crate::rules::registry::Registry;
use crate::syntax::suppression::{Cover, Directive, Until, in_docs, in_python, in_template, in_yaml, may_hold};
use rustc_hash::FxHashSet;
use serde_json::Value;
use std::sync::Arc;

/// One rule that one comment, or one entry of a `meta`, names.
#[derive(Debug, Clone, PartialEq)]
pub struct Excuse {
    /// As it is written; empty where a comment names none.
    pub(super) name: Arc<str>,
    /// The id of a rule or of a family's member; none where no rule is called so.
    pub(super) meant: Option<Arc<str>>,
    pub(super) reason: Arc<str>,
    pub(super) until: Until,
    pub(super) place: Place,
    pub(super) scope: Scope,
}

impl Excuse {
    /// Whether an entry of `meta` says it, and no comment.
    fn is_of_meta(&self) -> bool {
        matches!(self.scope, Scope::Meta { .. })
    }
}

/// What an excuse is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scope {
    Comment { path: Arc<str>, cover: Cover },
    Meta { id: Arc<str>, column: Option<Arc<str>>, lines: Vec<Lines> },
}

/// Comments first, in the order of their places.
pub fn excuses(db: &dyn salsa::Database, registry: &Registry) -> Vec<Excuse> {
    let mut found: Vec<Excuse> = Vec::new();
    // Two resource paths may overlap; each comment counts once.
    let mut seen: FxHashSet<&Arc<str>> = FxHashSet::default();
    for (path, comments) in all_said(db).value.iter().filter(|(path, _)| seen.insert(path)) {
        for (directive, place) in comments {
            let scope = Scope::Comment { path: path.clone(), cover: directive.cover };
            let none = [Arc::from("")];
            let names = if directive.rules.is_empty() { &none[..] } else { &directive.rules };
            found.extend(names.iter().map(|name| Excuse {
                name: name.clone(),
                meant: meant(registry, name),
                reason: directive.reason.clone(),
                until: directive.until.clone(),
                place: place.clone(),
                scope: scope.clone(),
            }));
        }
    }
    found.extend(meta_excuses(db).value.iter().flat_map(|excuse| of_meta(registry, excuse.clone())));
    found.sort_by(|left, right| {
        (left.is_of_meta(), &left.place, &left.name).cmp(&(right.is_of_meta(), &right.place, &right.name))
    });
    found
}

/// Numbers that are others when something else is excused.
pub(in crate::rules) fn stated(db: &dyn salsa::Database) -> [u64; 2] {
    [all_said(db).stamp, meta_excuses(db).stamp]
}

/// All comments that excuse, by file.
#[salsa::tracked(returns(ref))]
fn all_said(db: &dyn salsa::Database) -> Stamped<Vec<Said>> {
    let mut said = said_beside(db);
    if let Some(root) = Project::try_get(db).map(|project| project.root(db)) {
        said.extend(root.sections(db).flat_map(|section| said_of_section(db, section)).cloned());
    }
    Stamped::new(said)
}

/// A file, and the comments in it that excuse, with their places.
type Said = (Arc<str>, Vec<(Directive, Place)>);

fn said(db: &dyn salsa::Database, files: impl IntoIterator<Item = SourceFile>) -> Vec<Said> {
    let files = files.into_iter().filter(|file| may_hold(file.content(db).text()));
    let of_file = |file: SourceFile| {
        let comments = directives(db, file).iter().map(|it| (it.clone(), place(db, file, it.span))).collect();
        (file.path(db).clone(), comments)
    };
    files.map(of_file).collect()
}

#[salsa::tracked(returns(deref))]
fn said_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<Said> {
    said(db, key.directory(db).files(db).iter().copied())
}

of_section!(said_of_section: said_in => Said);

/// The same of the files that lie in no resource path.
fn said_beside(db: &dyn salsa::Database) -> Vec<Said> {
    let Some(project) = Project::try_get(db) else { return Vec::new() };
    let files =
        project.package_files(db).iter().copied().chain(project.selectors_file(db)).chain(project.vars_file(db));
    said(db, files.chain([project.root(db).project_file(db)]))
}

#[salsa::tracked(returns(deref))]
fn directives(db: &dyn salsa::Database, file: SourceFile) -> Vec<Directive> {
    let text = file.content(db).text();
    let path = file.path(db);
    match file.kind(db) {
        FileKind::ProjectFile
        | FileKind::PackagesFile
        | FileKind::Selectors
        | FileKind::Vars
        | FileKind::HouseRules
        | FileKind::Properties => in_yaml(text, &yaml(db, file).comments),
        FileKind::Docs => in_docs(text),
        FileKind::Seed => Vec::new(),
        FileKind::PythonModel => in_python(text),
        _ if path.ends_with(".py") => in_python(text),
        _ if path.ends_with(".js") => Vec::new(),
        _ => in_template(text),
    }
}

/// What a name means: ids are taken in either case and with dashes, as on the command line, and a
/// family by `CTE_MISSING_*` as well.
fn meant(registry: &Registry, name: &str) -> Option<Arc<str>> {
    let id = spelled_as_id(name);
    if let Some(rule) = registry.get(&id) {
        // What other tools call a rule means the rule.
        return Some(if rule.owns(&id) { id.into() } else { rule.id.clone() });
    }
    let prefix = id.strip_suffix('*')?;
    let is_meant = |family: &crate::rules::rule::Family| family.prefix == prefix && family.suffix.is_empty();
    registry.rules().iter().find(|rule| rule.family.as_ref().is_some_and(is_meant)).map(|rule| rule.id.clone())
}

fn of_meta(registry: &Registry, excuse: MetaExcuse) -> Vec<Excuse> {
    let MetaExcuse { id, column, lines, entry, place } = excuse;
    let text = |key: &str| entry.get(key).and_then(data::scalar).unwrap_or_default();
    let names = match &entry {
        Value::Object(_) => data::texts(entry.get("rule")),
        other => data::scalar(other).into_iter().collect(),
    };
    let names = if names.is_empty() { vec![String::new()] } else { names };
    let until = match text("until") {
        day if day.is_empty() => Until::Ever,
        day => Until::read(&day),
    };
    let reason: Arc<str> = text("reason").into();
    let scope = Scope::Meta { id, column, lines };
    let one = |name: String| Excuse {
        meant: meant(registry, &name),
        name: name.into(),
        reason: reason.clone(),
        until: until.clone(),
        place: place.clone(),
        scope: scope.clone(),
    };
    names.into_iter().map(one).collect()
}
