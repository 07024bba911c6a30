//! Which macros a macro calls, told from its text alone, as dbt does: every call counts, run or not.

use super::builtins;
use super::hooks::hooks_trace;
use super::jinja::run::Owner;
use super::macros::{
    self, BlockAt, MacroName, blocks, find_macro, has_dispatch_order, in_package, is_builtin, search_order,
};
use super::nodes::{Node, rendering};
use super::packages::{DBT, dbt_packages, is_whole, package_by_name, package_name};
use super::target;
use crate::db::{Package, Project, SourceFile};
use crate::syntax::jinja::tags::{TagKind, tags};
use crate::syntax::jinja::tokens::{Token, TokenKind, tokens};
use crate::syntax::span::Span;
use indexmap::IndexSet;
use std::sync::Arc;

/// A call as a macro's text writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Call<'text> {
    Plain(&'text str),
    Dotted(&'text str, &'text str),
    /// `adapter.dispatch(name, namespace)`
    Dispatch(&'text str, Option<&'text str>),
}

/// The names dbt itself gives to macros: a call of one is no call of a macro.
const CONTEXT: [&str; 34] = [
    "ref",
    "source",
    "config",
    "builtins",
    "dbt_version",
    "var",
    "env_var",
    "return",
    "fromjson",
    "tojson",
    "fromyaml",
    "toyaml",
    "set",
    "set_strict",
    "zip",
    "zip_strict",
    "log",
    "run_started_at",
    "invocation_id",
    "thread_id",
    "modules",
    "flags",
    "print",
    "diff_of_two_dicts",
    "local_md5",
    "target",
    "project_name",
    "env",
    "debug",
    "dbt_metadata_envs",
    "macro",
    "call",
    "caller",
    "filter",
];

/// The calls of a text, with where their names begin.
fn placed_calls(text: &str) -> Vec<(usize, Call<'_>)> {
    let mut found = Vec::new();
    for tag in tags(text).tags {
        if !matches!(tag.kind, TagKind::Expression | TagKind::Statement) {
            continue;
        }
        let list = tokens(text, tag.inner.start as usize, tag.inner.end as usize);
        let is_definition = tag.kind == TagKind::Statement
            && matches!(tag.word(text), "macro" | "test" | "data_test" | "materialization");
        for (at, token) in list.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|at| list.get(at)).map_or("", |before| before.of(text));
            let named = token.kind == TokenKind::Name && !matches!(before, "." | "|" | "is");
            if !named || (is_definition && at <= 1) {
                continue;
            }
            found.extend(call(text, &list[at..]).map(|call| (token.start, call)));
        }
    }
    found
}

fn calls(text: &str) -> impl Iterator<Item = Call<'_>> {
    placed_calls(text).into_iter().map(|(_, call)| call)
}

fn call<'text>(text: &'text str, list: &[Token]) -> Option<Call<'text>> {
    let name = list.first()?.of(text);
    match (list.get(1)?.of(text), list.get(2), list.get(3)) {
        ("(", ..) => Some(Call::Plain(name)),
        (".", Some(attribute), Some(open)) if open.of(text) == "(" => match (name, attribute.of(text)) {
            ("adapter", "dispatch") => dispatch(text, list.get(4..)?),
            ("adapter", _) => None,
            (space, name) => Some(Call::Dotted(space, name)),
        },
        _ => None,
    }
}

fn dispatch<'text>(text: &'text str, arguments: &[Token]) -> Option<Call<'text>> {
    let (mut name, mut space) = (None, None);
    let mut depth = 0usize;
    let mut position = 0;
    let mut keyword = None;
    for (at, token) in arguments.iter().enumerate() {
        let shown = token.of(text);
        match token.kind {
            TokenKind::Operator => match shown {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" if depth == 0 => break,
                ")" | "]" | "}" => depth -= 1,
                "," if depth == 0 => (position, keyword) = (position + 1, None),
                _ => {}
            },
            TokenKind::Name if depth == 0 && arguments.get(at + 1).is_some_and(|next| next.of(text) == "=") => {
                keyword = Some(shown);
            }
            TokenKind::Text if depth == 0 => {
                let value = Some(shown.trim_matches(['\'', '"']));
                match (keyword, position) {
                    (Some("macro_name"), _) | (None, 0) => name = value,
                    (Some("macro_namespace"), _) | (None, 1) => space = value,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Some(Call::Dispatch(name?, space))
}

/// The macro a bare name means to a macro of some package: its own package's, the root's, any
/// other package's, dbt's.
fn by_name(db: &dyn salsa::Database, local: Option<Package>, name: &str) -> Option<String> {
    let root = Project::try_get(db)?.root(db);
    let id = |package: Package| in_package(db, package, name).map(|_| macro_id(db, package, name));
    let others = || dbt_packages(db).into_iter().rev().find_map(id);
    local.and_then(id).or_else(|| id(root)).or_else(others).or_else(|| builtins::unique_id(db, name))
}

pub fn macro_id(db: &dyn salsa::Database, package: Package, name: &str) -> String {
    let space = package_name(db, package);
    match (&**space, builtins::owner(target::adapter_type(db), name)) {
        (DBT, Some(owner)) => format!("macro.{owner}.{name}"),
        _ => format!("macro.{space}.{name}"),
    }
}

fn dotted(db: &dyn salsa::Database, space: &str, name: &str) -> Option<String> {
    if builtins::is_package(db, space) {
        let own = builtins::defines(space, name).then(|| format!("macro.{space}.{name}"));
        return own.or_else(|| by_name(db, None, name));
    }
    by_name(db, package_by_name(db, space), name)
}

/// Where `adapter.dispatch` leads.
fn dispatched(db: &dyn salsa::Database, name: &str, space: Option<&str>) -> Option<String> {
    let names: Vec<String> =
        target::possible_prefixes(db).into_iter().map(|prefix| format!("{prefix}__{name}")).collect();
    let searched = space.and_then(|space| Some((space, search_order(db, space)?)));
    let Some((space, searched)) = searched else { return names.iter().find_map(|name| by_name(db, None, name)) };
    let mut found = searched.into_iter().filter(|package| &**package_name(db, *package) != DBT);
    let in_packages = found.find_map(|package| {
        names.iter().find_map(|name| in_package(db, package, name).map(|_| macro_id(db, package, name)))
    });
    in_packages.or_else(|| names.iter().filter(|_| space == DBT).find_map(|name| builtins::unique_id(db, name)))
}

/// The names that a macro's text gives to `adapter.dispatch` and that lead to no macro, with their offsets in the file. dbt
/// looks for them whether the macro is called or not, and stops.
pub fn lost_dispatches(db: &dyn salsa::Database, file: SourceFile, span: Span) -> Vec<(usize, Arc<str>)> {
    let text = span.of(file.content(db).text());
    let Some(project) = Project::try_get(db).filter(|_| text.contains("dispatch")) else { return Vec::new() };
    let own = package_name(db, project.root(db));
    // Packages that are not here may have it, but for what is looked for in the project alone.
    let is_known = |space: Option<&str>| {
        is_whole(db) || space.is_some_and(|space| space == &**own && !has_dispatch_order(db, space))
    };
    // Where the target is a guess, a macro for another adapter is one as well.
    let is_target_given = project.invocation(db).target.contains_key("schema") && !target::is_unknown(db);
    let exists = |name: &str| !is_target_given && has_version_of(db, name);
    let calls = placed_calls(text).into_iter();
    let lost = calls.filter_map(|(at, call)| match call {
        Call::Dispatch(name, space) if is_known(space) && dispatched(db, name, space).is_none() && !exists(name) => {
            Some((span.start as usize + at, macros::lost_name(name)))
        }
        _ => None,
    });
    lost.collect()
}

/// Whether any package or adapter has a macro that is one's version for some adapter.
fn has_version_of(db: &dyn salsa::Database, name: &str) -> bool {
    let ending = format!("__{name}");
    let in_package = |package: Package| macros::names_in(db, package).iter().any(|it| it.ends_with(&ending));
    dbt_packages(db).into_iter().any(in_package) || builtins::has_ending(&ending)
}

/// The unique_ids of the macros that a node's own text and its hooks call.
pub fn called_by_node<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Vec<String> {
    let mut found: IndexSet<String> = IndexSet::new();
    let mut add = |id: String| found.extend([id]);
    for trace in [&rendering(db, node).trace, hooks_trace(db, node)] {
        trace.macros.iter().for_each(|(package, name)| add(macro_id(db, *package, name)));
        // dbt's own macros that have no behaviour here are known by name all the same.
        let unknown = trace.unknown.iter().filter(|call| call.owner == Owner::Text);
        unknown.filter_map(|call| builtins::unique_id(db, &call.name)).for_each(&mut add);
    }
    found.into_iter().collect()
}

/// The unique_ids of the macros a macro calls.
pub fn called_by(db: &dyn salsa::Database, package: Package, name: &Arc<str>, (file, index): BlockAt) -> Vec<String> {
    let Some(block) = blocks(db, file).blocks.get(index as usize) else { return Vec::new() };
    let mut found = IndexSet::new();
    let mut add = |id: Option<String>| found.extend(id);
    for call in calls(block.span.of(file.content(db).text())) {
        match call {
            Call::Plain(called) if CONTEXT.contains(&called) || called == &**name => {}
            Call::Plain(called) => add(by_name(db, Some(package), called)),
            Call::Dotted(space, called) => add(dotted(db, space, called)),
            Call::Dispatch(called, space) => {
                if called != &**name {
                    add(by_name(db, Some(package), called));
                }
                add(dispatched(db, called, space));
            }
        }
    }
    found.into_iter().collect()
}

/// The package and the name in a macro's unique_id.
pub fn split_id(id: &str) -> Option<(&str, &str)> {
    id.strip_prefix("macro.")?.split_once('.')
}

/// The package that holds the macros of that name's package: dbt's own for an adapter's.
pub fn macro_space(db: &dyn salsa::Database, space: &str) -> Option<Package> {
    package_by_name(db, if builtins::is_package(db, space) { DBT } else { space })
}

/// The macros whose names the arguments of a generic test may hold: its own macro, the one that dbt
/// wraps the tested relation with, and all that these call, and so on.
#[salsa::tracked(returns(ref))]
pub fn nameable_from<'db>(db: &'db dyn salsa::Database, test: MacroName<'db>) -> Arc<[String]> {
    let start = [by_name(db, None, "get_where_subquery"), Some(macro_id(db, test.package(db), test.name(db)))];
    let mut found: IndexSet<String> = start.into_iter().flatten().collect();
    let mut at = 0;
    while let Some(id) = found.get_index(at) {
        let called = split_id(id).and_then(|(space, name)| {
            let package = package_by_name(db, space).filter(|package| !is_builtin(db, *package))?;
            let name = MacroName::new(db, package, name);
            Some(called_by(db, package, name.name(db), find_macro(db, name)?))
        });
        found.extend(called.unwrap_or_default());
        at += 1;
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_from_filters_tests_and_methods() {
        let text = "{% macro m(a=f()) %}{{ g(x) | h(1) }}{% if x is t(2) %}{{ p.q(y) }}{{ a.b.c() }}\
                    {% call s('n') %}{{ adapter.quote(z) }}{% endcall %}{# no() #}{% endif %}{% endmacro %}";
        let expected = [Call::Plain("f"), Call::Plain("g"), Call::Dotted("p", "q"), Call::Plain("s")];
        assert_eq!(calls(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_dispatch_names_a_macro_and_perhaps_a_namespace() {
        let text = "{{ adapter.dispatch('a', 'n')(f(1)) }}{{ adapter.dispatch(macro_name='b', macro_namespace='m') }}\
                    {{ adapter.dispatch('c', packages=s._p()) }}";
        let expected = [
            Call::Dispatch("a", Some("n")),
            Call::Plain("f"),
            Call::Dispatch("b", Some("m")),
            Call::Dispatch("c", None),
            Call::Dotted("s", "_p"),
        ];
        assert_eq!(calls(text).collect::<Vec<_>>(), expected);
    }
}
