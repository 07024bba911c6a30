//! Relations in memory.

use harness_datalog::{Catalogue, Cell, Column, Constant, Facts, Library, Limits, Schema, Type, compile, with_cells};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub relations: BTreeMap<String, (Schema, Vec<Vec<Constant>>)>,
    pub nodes: Vec<(String, String)>,
}

impl World {
    /// A relation of a declaration like `edge(from: node, to: node)`.
    pub(crate) fn with(mut self, declaration: &str, rows: Vec<Vec<Constant>>) -> Self {
        let (name, columns) = declaration.trim_end_matches(')').split_once('(').unwrap();
        let columns = columns
            .split(',')
            .map(|column| {
                let (name, of) = column.split_once(':').unwrap();
                let of = Type::ALL.into_iter().find(|found| found.name() == of.trim()).unwrap();
                Column { name: name.trim().to_owned(), of }
            })
            .collect();
        let schema = Schema { name: name.to_owned(), columns };
        self.relations.insert(name.to_owned(), (schema, rows));
        self
    }

    pub(crate) fn texts(self, declaration: &str, rows: &[&[&str]]) -> Self {
        let rows = rows.iter().map(|row| row.iter().map(|text| Constant::text(text)).collect()).collect();
        self.with(declaration, rows)
    }
}

impl Catalogue for World {
    fn schema(&self, relation: &str) -> Option<Schema> {
        self.relations.get(relation).map(|(schema, _)| schema.clone())
    }

    fn names(&self) -> Vec<String> {
        self.relations.keys().cloned().collect()
    }

    fn nodes(&self, name: &str) -> Vec<Arc<str>> {
        self.nodes.iter().filter(|(other, _)| other == name).map(|(_, id)| id.as_str().into()).collect()
    }

    fn similar_node(&self, name: &str) -> Option<String> {
        self.nodes.iter().map(|(other, _)| other.clone()).find(|other| other.chars().next() == name.chars().next())
    }
}

impl Facts for World {
    fn visit(&self, relation: &str, visit: &mut dyn FnMut(&[Cell<'_>])) {
        for row in self.relations.get(relation).iter().flat_map(|(_, rows)| rows) {
            with_cells(row, |cells| visit(cells));
        }
    }
}

pub(crate) const UNBOUNDED: Limits<'static> = Limits { memory: usize::MAX, poll: &|| None };

/// The rows of the answer, one line each.
pub(crate) fn answer(world: &World, program: &str) -> Vec<String> {
    answer_with(world, &Library::default(), program)
}

pub(crate) fn answer_with(world: &World, library: &Library, program: &str) -> Vec<String> {
    let compiled = match compile(program, library, world, &BTreeMap::new()) {
        Ok(compiled) => compiled,
        Err(errors) => {
            let shown: Vec<String> = errors.iter().map(|error| error.shown("query", program)).collect();
            panic!("{program}\n{}", shown.concat());
        }
    };
    let answer = compiled.run(world, &UNBOUNDED).unwrap();
    answer.rows.iter().map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")).collect()
}
