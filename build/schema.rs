//! The base relations as `relation!` declares them, read from the catalogue's own text: a schema has one home,
//! and what is read wrong here does not compile where the rows are taken.

use harness_datalog::{Catalogue, Column, Schema, Type};
use std::sync::Arc;

/// A relation of the catalogue.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    /// The Rust module of its rows.
    pub(crate) module: String,
    pub(crate) schema: Schema,
    /// Its rows are visited and never kept.
    pub(crate) is_streamed: bool,
}

const DECLARES: &str = "relation! {";

/// The relations that one file of the catalogue declares.
pub(crate) fn declared(text: &str) -> Result<Vec<Base>, String> {
    text.split(DECLARES).skip(1).map(base).collect()
}

fn base(text: &str) -> Result<Base, String> {
    let documented = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with("///");
    let rest: Vec<&str> = text.lines().skip_while(documented).collect();
    let rest = rest.join("\n");
    let not_understood = || {
        let line = rest.lines().next().unwrap_or_default().trim();
        format!("'{line}' is not understood; a declaration begins like: layer as \"layer\" (id: Node, layer: Name)")
    };
    let (module, rest_of_it) = rest.split_once(" as \"").ok_or_else(not_understood)?;
    let (name, rest_of_it) = rest_of_it.split_once('"').ok_or_else(not_understood)?;
    let columns = rest_of_it.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let (columns, _) = columns.ok_or_else(not_understood)?;
    let column = |text: &str| {
        let (name, of) = text.split_once(':')?;
        let of = Type::ALL.into_iter().find(|other| format!("{other:?}") == of.trim())?;
        Some(Column { name: name.trim().trim_start_matches("r#").to_owned(), of })
    };
    let columns: Option<Vec<Column>> = columns.split(',').filter(|text| !text.trim().is_empty()).map(column).collect();
    let schema = Schema { name: name.to_owned(), columns: columns.ok_or_else(not_understood)? };
    Ok(Base { module: module.trim().to_owned(), schema, is_streamed: rest.contains("stream |") })
}

/// The base relations alone: a family reads nothing else of outside.
#[derive(Debug)]
pub(crate) struct Declared<'b>(pub(crate) &'b [Base]);

impl<'b> Declared<'b> {
    pub(crate) fn get(&self, relation: &str) -> Option<&'b Base> {
        self.0.iter().find(|base| base.schema.name == relation)
    }
}

impl Catalogue for Declared<'_> {
    fn schema(&self, relation: &str) -> Option<Schema> {
        self.get(relation).map(|base| base.schema.clone())
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|base| base.schema.name.clone()).collect()
    }

    fn nodes(&self, _: &str) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn similar_node(&self, _: &str) -> Option<String> {
        None
    }
}
