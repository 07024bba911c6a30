//! Docs blocks: `{% docs name %}` in Markdown files.

use super::calls::literals;
use super::jinja::run::{Names, Run, Subject};
use super::jinja::{Minijinja, Renderer};
use super::macros::blocks;
use super::packages::{DBT, dbt_packages, package_by_name, package_name};
use crate::db::{FileKind, Package, SourceFile, files_of};
use crate::syntax::jinja::blocks::{Block, BlockKind};
use crate::syntax::jinja::tags::{TagKind, tags};
use crate::syntax::jinja::tokens::tokens;
use crate::syntax::span::{SyntaxError, SyntaxErrorKind};
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// The docs blocks of a file.
pub fn docs_in(db: &dyn salsa::Database, file: SourceFile) -> impl Iterator<Item = &Block> {
    let blocks = if file.kind(db) == FileKind::Docs { blocks(db, file).blocks.as_slice() } else { &[] };
    blocks.iter().filter(|block| block.kind == BlockKind::Docs)
}

/// The docs blocks of a package, in the order of their files.
pub fn docs_blocks(db: &dyn salsa::Database, package: Package) -> impl Iterator<Item = (&Block, SourceFile)> {
    let files = files_of(db, package, FileKind::Docs).iter();
    files.flat_map(|file| docs_in(db, *file).map(|block| (block, *file)))
}

/// What is wrong in the docs blocks of a file, which dbt renders without any name of its own.
#[salsa::tracked(returns(deref))]
pub fn docs_errors(db: &dyn salsa::Database, package: Package, file: SourceFile) -> Vec<SyntaxError> {
    let text = file.content(db).text();
    let mut found = blocks(db, file).errors.clone();
    // dbt takes for text what opens no block and ends none.
    found.retain(|error| !matches!(error.kind, SyntaxErrorKind::UnclosedStatement | SyntaxErrorKind::NamelessBlock));
    for block in docs_in(db, file)
        .filter(|block| super::data::has_jinja(block.body.of(text)) || block.body.of(text).contains("{#"))
    {
        let run = Run::new(package, Names::Nothing, Subject::default());
        found.extend(Minijinja.trace(text, block.body, run).1.into_iter().map(|error| {
            match error.kind == SyntaxErrorKind::UndefinedName {
                true => SyntaxError {
                    remedy: "Write code in a docs block within `{% raw %}` and `{% endraw %}`: dbt renders the block."
                        .to_owned(),
                    ..error
                },
                false => error,
            }
        }));
    }
    found
}

/// Their names.
pub fn docs_of_package(db: &dyn salsa::Database, package: Package) -> Vec<(Arc<str>, SourceFile)> {
    docs_blocks(db, package).map(|(block, file)| (block.name.clone(), file)).collect()
}

pub fn docs_id(db: &dyn salsa::Database, package: Package, name: &str) -> String {
    format!("doc.{}.{name}", package_name(db, package))
}

/// A call of `doc` in a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocCall {
    pub package: Option<Arc<str>>,
    pub name: Arc<str>,
}

/// The calls a description makes in any case: none of one that has Jinja statements.
pub fn doc_calls(text: &str) -> Vec<DocCall> {
    let found = tags(text).tags;
    if found.iter().any(|tag| tag.kind == TagKind::Statement) {
        return Vec::new();
    }
    let mut calls = Vec::new();
    for tag in found.iter().filter(|tag| tag.kind == TagKind::Expression) {
        let list = tokens(text, tag.inner.start as usize, tag.inner.end as usize);
        let [name, open, rest @ ..] = list.as_slice() else { continue };
        if name.of(text) != "doc" || open.of(text) != "(" {
            continue;
        }
        match literals(text, rest).as_deref() {
            Some([name]) => calls.push(DocCall { package: None, name: name.clone() }),
            Some([package, name]) => calls.push(DocCall { package: Some(package.clone()), name: name.clone() }),
            _ => {}
        }
    }
    calls
}

/// Whether a description has no Jinja but plain calls of `doc`, which cannot fail for another reason than the name.
pub fn has_plain_calls_only(text: &str) -> bool {
    let is_name = |part: &str| {
        let part = part.trim();
        let inner = ['\'', '"'].iter().find_map(|quote| part.strip_prefix(*quote)?.strip_suffix(*quote));
        inner.is_some_and(|name| !name.is_empty() && !name.contains(['\'', '"', '\\', '{', '}']))
    };
    if text.contains("{%") || text.contains("{#") {
        return false;
    }
    let mut tags = text.split("{{");
    // What stands before the first has none.
    tags.next();
    tags.all(|tag| {
        let inner = tag.split_once("}}").map(|(inner, _)| inner.trim_matches(['-', '+']).trim());
        let call = inner.and_then(|inner| inner.strip_prefix("doc")?.trim_start().strip_prefix('(')?.strip_suffix(')'));
        call.is_some_and(|names| names.split(',').all(is_name) && names.matches(',').count() < 2)
    })
}

/// The names of a package's docs blocks.
#[salsa::tracked(returns(ref))]
fn docs_names(db: &dyn salsa::Database, package: Package) -> FxHashSet<Arc<str>> {
    docs_blocks(db, package).map(|(block, _)| block.name.clone()).collect()
}

/// Whether a docs block is there. dbt brings a few of its own, whose names begin with underscores.
pub fn has_docs(db: &dyn salsa::Database, call: &DocCall) -> bool {
    let named = |package: Package| docs_names(db, package).contains(&call.name);
    if call.name.starts_with("__") || call.package.as_deref() == Some(DBT) {
        return true;
    }
    match &call.package {
        Some(package) => package_by_name(db, package).is_some_and(named),
        None => dbt_packages(db).into_iter().any(named),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_calls_of_doc_are_told_from_all_that_may_fail() {
        for plain in ["none", "{{ doc('a') }} and {{doc(\"p\", 'b')}}", "{{- doc( 'a' ) -}}"] {
            assert!(has_plain_calls_only(plain), "{plain}");
        }
        for other in [
            "{{ doc(a) }}",
            "{{ doc('a') | upper }}",
            "{{ doc('a'",
            "{% if a %}",
            "{{ dock('a') }}",
            "{{ doc('a', 'b', 'c') }}",
        ] {
            assert!(!has_plain_calls_only(other), "{other}");
        }
    }

    #[test]
    fn only_calls_that_are_surely_made_count() {
        let names = |text: &str| doc_calls(text).into_iter().map(|call| call.name).collect::<Vec<_>>();
        assert_eq!(names("A {{ doc('a') }} and {{ doc(\"p\", \"b\") }}."), ["a".into(), Arc::from("b")]);
        assert!(names("{% if x %}{{ doc('a') }}{% endif %}").is_empty());
        assert!(names("doc('a') {{ docs('a') }} {{ doc(name) }} {# {{ doc('a') }} #}").is_empty());
    }
}
