//! Which macro a name means, and its text. One query a macro and one a name: a rendering depends on
//! the macros it called and the names it looked up, found or not.

use super::jinja::{Minijinja, Renderer};
use super::packages::{DBT, all_packages, is_whole, package_by_name, package_name, project_file};
use crate::db::cache::{Key, KeyMaker, Work, of_text};
use crate::db::{Directory, FileKind, Package, Project, SourceFile};
use crate::syntax::jinja::blocks::{Block, BlockKind, Blocks, blocks as blocks_of};
use crate::syntax::jinja::call_names::takes_from_outside;
use crate::syntax::jinja::rewrite::{RENAMED, Scope, Shifts, rewrite};
use crate::syntax::jinja::tokens::{TokenKind, tokens};
use crate::syntax::span::{Span, SyntaxError};
use rustc_hash::FxHashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

#[salsa::tracked(returns(ref))]
pub fn blocks(db: &dyn salsa::Database, file: SourceFile) -> Blocks {
    let text = file.content(db).text();
    of_text(db, Work::Blocks, text, || blocks_of(text))
}

fn defines_macros(kind: FileKind) -> bool {
    matches!(kind, FileKind::Macro | FileKind::Test)
}

/// A block by its file and its place among the file's blocks.
pub type BlockAt = (SourceFile, u32);

#[salsa::tracked(returns(deref))]
fn macros_of_directory(db: &dyn salsa::Database, directory: Directory) -> Vec<(Arc<str>, BlockAt)> {
    let mut found = Vec::new();
    for file in directory.files(db).iter().filter(|file| defines_macros(file.kind(db))) {
        for (index, block) in blocks(db, *file).blocks.iter().enumerate() {
            let defines = matches!(block.kind, BlockKind::Macro | BlockKind::Test | BlockKind::Materialization);
            if defines && is_read(db, (*file, index as u32)) {
                found.push((block.name.clone(), (*file, index as u32)));
            }
        }
    }
    found
}

/// Whether dbt reads a macro: of the files under the test paths it reads those in `generic`, and of
/// these only the tests.
pub fn is_read(db: &dyn salsa::Database, (file, index): BlockAt) -> bool {
    let Some(block) = blocks(db, file).blocks.get(index as usize) else { return false };
    let below = file.package_path(db).strip_prefix(&**file.root(db)).unwrap_or_default();
    let generic = block.kind == BlockKind::Test && below.trim_start_matches('/').starts_with("generic/");
    file.kind(db) != FileKind::Test || generic
}

/// The macros of one directory, in the order of its files.
pub fn macros_in(db: &dyn salsa::Database, directory: Directory) -> &[(Arc<str>, BlockAt)] {
    macros_of_directory(db, directory)
}

/// All macros of a package, in the order of their files; of two with one name both are listed.
#[salsa::tracked(returns(deref))]
pub fn macros_of_package(db: &dyn salsa::Database, package: Package) -> Vec<(Arc<str>, BlockAt)> {
    package.directories(db).iter().flat_map(|directory| macros_of_directory(db, *directory)).cloned().collect()
}

#[salsa::tracked(returns(ref))]
fn macro_index(db: &dyn salsa::Database, package: Package) -> FxHashMap<Arc<str>, BlockAt> {
    macros_of_package(db, package).iter().rev().cloned().collect()
}

/// The names of a package's macros, each once, in the order of their files.
pub fn names_in(db: &dyn salsa::Database, package: Package) -> Vec<Arc<str>> {
    let mut seen = rustc_hash::FxHashSet::default();
    let names = macros_of_package(db, package).iter().map(|(name, _)| name);
    names.filter(|name| seen.insert(Arc::clone(name))).cloned().collect()
}

#[salsa::interned(revisions = usize::MAX)]
pub struct MacroName<'db> {
    #[returns(copy)]
    pub package: Package,
    #[returns(ref)]
    pub name: Arc<str>,
}

#[salsa::tracked(returns(copy))]
pub(super) fn find_macro<'db>(db: &'db dyn salsa::Database, name: MacroName<'db>) -> Option<BlockAt> {
    macro_index(db, name.package(db)).get(name.name(db)).copied()
}

/// Where a macro is defined.
pub fn definition<'db>(db: &'db dyn salsa::Database, package: Package, name: &str) -> Option<(SourceFile, &'db Block)> {
    let (file, index) = find_macro(db, MacroName::new(db, package, name))?;
    Some((file, blocks(db, file).blocks.get(index as usize)?))
}

/// A macro's own text, from its opening to behind its closing tag.
#[salsa::tracked(returns(ref))]
fn macro_text<'db>(db: &'db dyn salsa::Database, name: MacroName<'db>) -> Option<(Arc<str>, Block)> {
    let (file, index) = find_macro(db, name)?;
    let block = blocks(db, file).blocks.get(index as usize)?;
    let text: Arc<str> = block.span.of(file.content(db).text()).into();
    let moved = |span: Span| {
        let base = block.span.start as usize;
        Span::new(span.start as usize - base, span.end as usize - base)
    };
    let block = Block {
        name_span: moved(block.name_span),
        parameters: moved(block.parameters),
        body: moved(block.body),
        span: moved(block.span),
        ..block.clone()
    };
    Some((text, block))
}

/// A macro's text as a number, and all that its template is made of beside.
#[salsa::tracked(returns(copy))]
fn macro_digest<'db>(db: &'db dyn salsa::Database, name: MacroName<'db>) -> Key {
    let mut said = KeyMaker::new(Work::Answers);
    said.text(package_name(db, name.package(db)));
    if let Some((text, block)) = macro_text(db, name) {
        said.text(text);
        said.text(&block.name);
        for span in [block.name_span, block.parameters, block.body, block.span] {
            said.span(span.start, span.end);
        }
    }
    said.key()
}

pub fn digest(db: &dyn salsa::Database, package: Package, name: &Arc<str>) -> Key {
    macro_digest(db, MacroName::new(db, package, name.clone()))
}

/// A macro ready for the template engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacroTemplate {
    /// Unique to this text of this macro.
    pub key: String,
    /// The name it has in `source`.
    pub symbol: String,
    pub source: String,
    pub parameters: Vec<Arc<str>>,
    pub uses_varargs: bool,
    pub uses_kwargs: bool,
    pub uses_caller: bool,
    /// Parameters with a default, in the same order.
    pub has_default: Vec<bool>,
    pub errors: Vec<SyntaxError>,
    /// What Python finds wrong in it when it is called first.
    pub repeated: Option<SyntaxError>,
    /// Where the body begins in the source and in the macro's own text, and the way back between the two.
    body: (usize, usize),
    shifts: Shifts,
}

impl MacroTemplate {
    /// The offset in the macro's own text of an offset in the source.
    pub fn original(&self, offset: usize) -> u32 {
        let (source, own) = self.body;
        let at = offset.checked_sub(source).map(|at| own + self.shifts.original(at));
        u32::try_from(at.unwrap_or_default()).unwrap_or_default()
    }
}

/// A keyword or a parameter that stands twice.
pub fn twice(span: Span, name: &str) -> SyntaxError {
    SyntaxError::new(span, format!("the keyword `{name}` is given twice, which stops dbt"), "Remove one of the two.")
}

#[salsa::tracked(returns(ref))]
fn macro_template<'db>(db: &'db dyn salsa::Database, name: MacroName<'db>) -> Option<Arc<MacroTemplate>> {
    let (text, block) = macro_text(db, name).as_ref()?;
    let parameters = parameters(text, block.parameters);
    let names: Vec<Arc<str>> = parameters.iter().map(|(name, _)| name.clone()).collect();
    let body = rewrite(text, block.body, Scope::Macro(&names));
    let takes = |word: &str| !names.iter().any(|name| &**name == word) && takes_from_outside(text, block.body, word);
    let (uses_varargs, uses_kwargs) = (takes("varargs"), takes("kwargs"));
    let symbol = format!("{RENAMED}{}", name.name(db));

    let mut header = Vec::new();
    let mut opening = String::new();
    for (name, default) in &parameters {
        match default {
            None => header.push(name.to_string()),
            Some(default) => {
                let default =
                    rewrite(&format!("{{{{{default}}}}}"), Span::new(0, default.len() + 4), Scope::Macro(&names)).text;
                let default = default[2..default.len() - 2].to_owned();
                let names_another = parameters.iter().any(|(other, _)| other != name && has_name(&default, other));
                if names_another {
                    // minijinja evaluates defaults where the other arguments are not known yet, and wants
                    // one for each argument behind the first that has one.
                    header.push(format!("{name}=__not_given"));
                    opening.push_str(&format!(
                        "{{% if {name} is undefined %}}{{% set {name} = {default} %}}{{% endif %}}"
                    ));
                } else {
                    header.push(format!("{name}={default}"));
                }
            }
        }
    }
    let names_caller = names.iter().any(|name| &**name == "caller");
    header.extend(uses_varargs.then(|| "varargs".to_owned()));
    header.extend(uses_kwargs.then(|| "kwargs".to_owned()));
    let mut source = format!("{{% macro {symbol}({}) %}}{opening}", header.join(", "));
    let start = (source.len(), block.body.start as usize);
    source.push_str(&body.text);
    source.push_str("{% endmacro %}");
    let repeats = |(at, name): (usize, &Arc<str>)| names[..at].contains(name).then(|| twice(block.parameters, name));
    let parameter = names.iter().enumerate().find_map(repeats);
    let keyword = || body.repeated.first().map(|(span, name)| twice(*span, name));
    let mut hasher = rustc_hash::FxHasher::default();
    source.hash(&mut hasher);
    let key = format!("{}.{}#{:016x}", package_name(db, name.package(db)), name.name(db), hasher.finish());
    Some(Arc::new(MacroTemplate {
        key,
        symbol,
        source,
        parameters: names.clone(),
        uses_varargs,
        uses_kwargs,
        uses_caller: takes("caller") || names_caller,
        has_default: parameters.iter().map(|(_, default)| default.is_some()).collect(),
        errors: body.errors,
        repeated: parameter.or_else(keyword),
        body: start,
        shifts: body.shifts,
    }))
}

pub fn template(db: &dyn salsa::Database, package: Package, name: &Arc<str>) -> Option<Arc<MacroTemplate>> {
    macro_template(db, MacroName::new(db, package, name.clone())).clone()
}

/// What is wrong in the texts of a package's macros, called or not.
pub fn macro_errors(db: &dyn salsa::Database, package: Package) -> Vec<(SourceFile, SyntaxError)> {
    let mut found = Vec::new();
    for (name, (file, index)) in macros_of_package(db, package) {
        let base = blocks(db, *file).blocks.get(*index as usize).map_or(0, |block| block.span.start as usize);
        let errors = macro_syntax(db, MacroName::new(db, package, name.clone()));
        found.extend(errors.iter().map(|error| {
            let span = Span::new(base + error.span.start as usize, base + error.span.end as usize);
            (*file, SyntaxError { span, ..error.clone() })
        }));
    }
    found
}

#[salsa::tracked(returns(deref))]
fn macro_syntax<'db>(db: &'db dyn salsa::Database, name: MacroName<'db>) -> Vec<SyntaxError> {
    match macro_text(db, name) {
        Some((text, block)) => {
            let mut errors = Minijinja.check(text, block.body);
            errors.extend(late_parameter(text, block));
            errors
        }
        None => Vec::new(),
    }
}

/// A parameter without a default behind one that has one.
fn late_parameter(text: &str, block: &Block) -> Option<SyntaxError> {
    let parameters = parameters(text, block.parameters);
    let first = parameters.iter().position(|(_, default)| default.is_some())?;
    let (name, _) = parameters.iter().skip(first).find(|(_, default)| default.is_none())?;
    let is_it = |token: &&crate::syntax::jinja::tokens::Token| token.of(text) == &**name;
    let list = tokens(text, block.parameters.start as usize, block.parameters.end as usize);
    let span = list.iter().rfind(is_it).map_or(block.parameters, |token| Span::new(token.start, token.end));
    Some(SyntaxError::new(
        span,
        format!("the parameter `{name}` has no default and stands behind one that has, which stops dbt"),
        "Give it a default, or put it before those that have one.",
    ))
}

fn has_name(text: &str, name: &str) -> bool {
    tokens(text, 0, text.len()).iter().any(|token| token.kind == TokenKind::Name && token.of(text) == name)
}

/// The names of a macro's parameters.
pub fn parameter_names(text: &str, block: &Block) -> Vec<Arc<str>> {
    parameters(text, block.parameters).into_iter().map(|(name, _)| name).collect()
}

/// The parameters of a definition with their defaults' texts.
fn parameters(text: &str, span: Span) -> Vec<(Arc<str>, Option<String>)> {
    let list = tokens(text, span.start as usize, span.end as usize);
    let mut found: Vec<(Arc<str>, Option<String>)> = Vec::new();
    let mut depth = 0usize;
    let mut default_from = None;
    let mut expects_name = true;
    let finish = |found: &mut Vec<(Arc<str>, Option<String>)>, from: Option<usize>, until: usize| {
        if let (Some(from), Some(last)) = (from, found.last_mut()) {
            last.1 = Some(text.get(from..until).unwrap_or_default().trim().to_owned());
        }
    };
    for token in &list {
        match (token.kind, token.of(text)) {
            (TokenKind::Operator, "(" | "[" | "{") => depth += 1,
            (TokenKind::Operator, ")" | "]" | "}") => depth = depth.saturating_sub(1),
            (TokenKind::Operator, ",") if depth == 0 => {
                finish(&mut found, default_from.take(), token.start);
                expects_name = true;
            }
            (TokenKind::Operator, "=") if depth == 0 => default_from = Some(token.end),
            (TokenKind::Name, name) if expects_name => {
                found.push((name.into(), None));
                expects_name = false;
            }
            _ => {}
        }
    }
    finish(&mut found, default_from, span.end as usize);
    found
}

/// What a bare name means to a node of some package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The macro of that name, in this package.
    Macro(Package),
    /// The macros of this package: `dbt_utils.…`.
    Space(Package),
    Nothing,
}

#[salsa::interned(revisions = usize::MAX)]
struct NameIn<'db> {
    #[returns(copy)]
    package: Package,
    #[returns(ref)]
    name: Arc<str>,
}

#[salsa::tracked(returns(copy))]
fn resolved<'db>(db: &'db dyn salsa::Database, name: NameIn<'db>) -> Named {
    let (own, name) = (name.package(db), name.name(db));
    let Some(project) = Project::try_get(db) else { return Named::Nothing };
    let defines = |package: Package| find_macro(db, MacroName::new(db, package, name.clone())).is_some();
    if let Some(package) = [own, project.root(db)].into_iter().find(|package| defines(*package)) {
        return Named::Macro(package);
    }
    if let Some(package) = package_by_name(db, name) {
        return Named::Space(package);
    }
    let builtins = project.builtins(db);
    if defines(builtins) { Named::Macro(builtins) } else { Named::Nothing }
}

pub fn resolve(db: &dyn salsa::Database, package: Package, name: &str) -> Named {
    resolved(db, NameIn::new(db, package, name))
}

/// The macro of that name in one package, or in dbt's where the package is `dbt` itself.
pub fn in_package(db: &dyn salsa::Database, package: Package, name: &str) -> Option<Package> {
    find_macro(db, MacroName::new(db, package, name)).map(|_| package)
}

#[salsa::interned(revisions = usize::MAX)]
struct SpaceName<'db> {
    #[returns(ref)]
    name: Arc<str>,
}

#[salsa::tracked(returns(ref))]
fn searched<'db>(db: &'db dyn salsa::Database, space: SpaceName<'db>) -> Option<Vec<Package>> {
    let name = space.name(db);
    let project = Project::try_get(db)?;
    let root = project.root(db);
    let configured = project_file(db, root).get("dispatch").and_then(|list| list.as_array()).and_then(|list| {
        let entry = list.iter().find(|entry| entry.get("macro_namespace").and_then(|it| it.as_str()) == Some(name))?;
        let order = entry.get("search_order")?.as_array()?;
        Some(order.iter().filter_map(|name| package_by_name(db, name.as_str()?)).collect::<Vec<_>>())
    });
    // dbt takes an empty list for none.
    configured.filter(|order| !order.is_empty()).or_else(|| match package_by_name(db, name) {
        Some(package) => Some(vec![root, package]),
        // The name may be that of a package that is not here.
        None if !is_whole(db) => Some(vec![root]),
        None => None,
    })
}

/// The packages `adapter.dispatch` searches for a namespace, in order; nothing where the name means no
/// package and dbt looks as it does without one.
pub fn search_order(db: &dyn salsa::Database, space: &str) -> Option<Vec<Package>> {
    searched(db, SpaceName::new(db, space)).clone()
}

/// What is missing where `adapter.dispatch` finds nothing.
pub fn lost_name(dispatched: &str) -> Arc<str> {
    format!("default__{dispatched}").into()
}

/// Whether dbt_project.yml says where `adapter.dispatch` searches for a namespace.
pub fn has_dispatch_order(db: &dyn salsa::Database, space: &str) -> bool {
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return false };
    let orders = project_file(db, root).get("dispatch").and_then(|list| list.as_array());
    orders.into_iter().flatten().any(|entry| entry.get("macro_namespace").and_then(|it| it.as_str()) == Some(space))
}

/// Whether a package is dbt's own.
pub fn is_builtin(db: &dyn salsa::Database, package: Package) -> bool {
    all_packages(db).last() == Some(&package) && &**package_name(db, package) == DBT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_split_at_their_own_commas() {
        let text = "a, b=f(1, [2, 3]), c = 'x,y' , d";
        let found = parameters(text, Span::new(0, text.len()));
        let shown: Vec<_> = found.iter().map(|(name, default)| (&**name, default.as_deref())).collect();
        assert_eq!(shown, [("a", None), ("b", Some("f(1, [2, 3])")), ("c", Some("'x,y'")), ("d", None)]);
    }
}
