//! Which names behind `from` and `join` are tables.

use super::item::unquoted;
use super::keyword::Keyword;
use super::token::{Kind, Token};
use super::{Cte, TableName};
use crate::span::Span;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// What stands where tables are named.
#[derive(Default)]
pub(crate) struct Tables {
    named: Vec<Span>,
    aliases: Vec<Span>,
    /// Tables and Jinja that have no alias, and so are called by their own names.
    bare: Vec<Span>,
    /// The last of these may still get one.
    is_open: bool,
}

/// What a text names beside its tables.
pub(crate) struct Names<'text> {
    pub(crate) text: &'text str,
    pub(crate) tokens: &'text [Token],
    pub(crate) ctes: &'text [Cte],
    pub(crate) inner_ctes: &'text [Span],
}

/// Formats whose files Spark reads by path: `parquet.`/data``.
const FILE_FORMATS: [&str; 8] = ["avro", "binaryfile", "csv", "delta", "json", "orc", "parquet", "text"];

impl Tables {
    pub(crate) fn name(&mut self, table: Span) {
        self.named.push(table);
        self.print(table);
    }

    /// Jinja stands for a table.
    pub(crate) fn print(&mut self, tag: Span) {
        self.bare.push(tag);
        self.is_open = true;
    }

    /// The last table gets an alias.
    pub(crate) fn alias(&mut self, alias: Span) {
        self.aliases.push(alias);
        if std::mem::take(&mut self.is_open) {
            self.bare.pop();
        }
    }

    /// The tables that are neither a CTE nor, as in BigQuery's `from t, t.items`, part of a row.
    pub(crate) fn read(&self, names: &Names<'_>) -> Vec<TableName> {
        if self.named.is_empty() {
            return Vec::new();
        }
        let (ctes, patterns) = names.ctes();
        let mut rows: FxHashSet<String> = self.aliases.iter().map(|span| lower(span.of(names.text))).collect();
        // A table without an alias is called by its last part, one that Jinja prints by the last text in the tag.
        rows.extend(self.bare.iter().filter_map(|span| {
            let written = span.of(names.text);
            let last = if written.starts_with("{{") { quoted(written).last() } else { written.rsplit('.').next() };
            last.map(lower)
        }));
        let read = |span: &Span| {
            let written = span.of(names.text);
            let name = lower(written);
            let first = name.split_once('.').map(|(first, rest)| (unquoted(first.trim()), rest.trim()));
            let known = match first {
                None => ctes.contains(&name) || patterns.iter().any(|pattern| pattern.fits(&name)),
                Some((first, rest)) => {
                    ctes.contains(&name)
                        || ctes.contains(first)
                        || rows.contains(first)
                        || (FILE_FORMATS.contains(&first) && rest.starts_with('`') && rest.contains('/'))
                }
            };
            // A variable of the session.
            let is_variable = name.starts_with('$');
            (!known && !is_variable).then(|| TableName { span: *span, text: Arc::from(written) })
        };
        self.named.iter().filter_map(read).collect()
    }
}

/// A name with Jinja in it: what it begins and ends with.
struct Pattern {
    start: String,
    end: String,
}

impl Pattern {
    fn fits(&self, name: &str) -> bool {
        name.strip_prefix(&*self.start).is_some_and(|rest| rest.ends_with(&*self.end))
    }
}

impl Names<'_> {
    /// The names of all CTEs, also of those in alternatives that are not read, and the names with Jinja.
    fn ctes(&self) -> (FxHashSet<String>, Vec<Pattern>) {
        let named = self.ctes.iter().map(|cte| lower(&cte.name));
        let inner = self.inner_ctes.iter().map(|span| lower(span.of(self.text)));
        let mut plain = FxHashSet::default();
        let mut patterns = Vec::new();
        for name in named.chain(inner).chain(self.introduced()) {
            match name.split_once("{{") {
                Some((start, rest)) => {
                    let end = rest.rsplit_once("}}").map(|(_, end)| end).unwrap_or_default();
                    // A name that is all Jinja says nothing.
                    if !start.is_empty() || !end.is_empty() {
                        patterns.push(Pattern { start: start.to_owned(), end: end.to_owned() });
                    }
                }
                None => drop(plain.insert(name)),
            }
        }
        (plain, patterns)
    }

    /// What stands before `as (select`, wherever it does.
    fn introduced(&self) -> impl Iterator<Item = String> {
        let (tokens, text) = (self.tokens, self.text);
        let is_printing = |token: &&Token| !token.is_block();
        (0..tokens.len()).filter(|at| tokens[*at].keyword == Keyword::As).filter_map(move |at| {
            let (before, behind) = (tokens.get(..at)?, tokens.get(at + 1..)?);
            let mut behind = behind.iter().filter(is_printing);
            let begins = [Keyword::Select, Keyword::With, Keyword::From, Keyword::Values];
            if behind.next()?.kind != Kind::Open(b'(') || !begins.contains(&behind.next()?.keyword) {
                return None;
            }
            let name = before.iter().rfind(is_printing)?;
            name.is_name().then(|| lower(name.span().of(text)))
        })
    }
}

fn lower(name: &str) -> String {
    unquoted(name.trim()).to_lowercase()
}

/// The texts in quotes of a tag.
fn quoted(tag: &str) -> impl Iterator<Item = &str> {
    tag.split(['\'', '"']).skip(1).step_by(2)
}
