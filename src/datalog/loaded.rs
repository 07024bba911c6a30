//! Facts that were loaded for one program and serve the next.

use super::eval::Machine;
use super::ir::{Kind, Program};
use super::schema::Facts;
use super::store::Table;
use super::value::Values;
use rustc_hash::FxHashMap;

/// The rows of base relations with their indexes, and the values that they are codes of.
#[derive(Debug, Default)]
pub struct Loaded {
    pub(super) values: Values,
    tables: FxHashMap<String, Table>,
}

impl Loaded {
    pub(super) fn with_values(values: Values) -> Self {
        Self { values, tables: FxHashMap::default() }
    }

    /// The rows of a relation, where they are here and have this many columns.
    pub(super) fn take(&mut self, relation: &str, arity: usize) -> Option<Table> {
        self.tables.remove(relation).filter(|table| table.arity == arity)
    }

    /// The values, for a program to add its own to. Until they are given back nothing else is known.
    pub(super) fn take_values(&mut self) -> Values {
        std::mem::take(&mut self.values)
    }

    /// Keeps what a program has loaded, but for what other programs see otherwise.
    pub(super) fn keep(&mut self, program: &Program, machine: Machine<'_>, facts: &dyn Facts) {
        self.values = machine.values;
        for (relation, table) in program.relations.iter().zip(machine.tables) {
            if relation.kind == Kind::Base && table.is_loaded() && facts.is_lasting(&relation.name) {
                self.tables.insert(relation.name.clone(), table);
            }
        }
    }

    /// Forgets all: rows are nothing without their values.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
