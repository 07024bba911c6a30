//! The answers of a program: its rows, sorted, and how much was derived for them.

use super::compile::Compiled;
use super::demand::transform;
use super::eval::{Failure, Limits, Machine, evaluate};
use super::ir::{Kind, Program, Rel};
use super::loaded::Loaded;
use super::schema::{Column, Facts};
use super::value::Constant;
use std::collections::BTreeMap;

/// Rows that were derived, by relation; demands are counted as `?name`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statistics {
    pub derived: BTreeMap<String, u64>,
    /// Rows of facts that were read.
    pub facts: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub columns: Vec<Column>,
    /// Sorted.
    pub rows: Vec<Vec<Constant>>,
    pub statistics: Statistics,
}

/// Bytes of a value and of a row of an answer.
const CELL: usize = size_of::<Constant>();
const ROW: usize = size_of::<Vec<Constant>>() + 16;

/// Rows of one relation, sorted.
pub type Rows = Vec<Vec<Constant>>;

impl Compiled {
    /// The rows of the answer.
    pub fn run(&self, facts: &dyn Facts, limits: &Limits<'_>) -> Result<Answer, Failure> {
        let (mut answers, statistics) = self.run_all(facts, limits)?;
        let rows = if answers.is_empty() { Vec::new() } else { answers.swap_remove(0) };
        Ok(Answer { columns: self.columns().to_vec(), rows, statistics })
    }

    /// The rows of each relation that is asked for.
    pub(super) fn run_all(&self, facts: &dyn Facts, limits: &Limits<'_>) -> Result<(Vec<Rows>, Statistics), Failure> {
        self.clone().run_on(facts, limits, &mut Loaded::default())
    }

    /// The same with facts that other programs have loaded. The program was compiled with their values.
    pub(super) fn run_on(
        self,
        facts: &dyn Facts,
        limits: &Limits<'_>,
        loaded: &mut Loaded,
    ) -> Result<(Vec<Rows>, Statistics), Failure> {
        let program = transform(&self.program);
        let mut machine = evaluate(&program, self.values, facts, limits, loaded).inspect_err(|_| loaded.clear())?;
        for answer in &program.answers {
            let table = &machine.tables[*answer];
            let bytes = (table.arity * CELL + ROW).saturating_mul(table.len() as usize);
            machine.grow(bytes);
        }
        machine.fail().inspect_err(|_| loaded.clear())?;
        let rows_of = |answer: &Rel| {
            let table = &machine.tables[*answer];
            let mut codes: Vec<u32> = (0..table.len()).collect();
            codes.sort_by(|left, right| machine.compare_rows(table.row(*left), table.row(*right)));
            let row = |row| table.row(row).iter().map(|value| machine.values.get(*value)).collect();
            codes.into_iter().map(row).collect()
        };
        let found = (program.answers.iter().map(rows_of).collect(), statistics(&program, &machine));
        loaded.keep(&program, machine, facts);
        Ok(found)
    }
}

fn statistics(program: &Program, machine: &Machine<'_>) -> Statistics {
    let mut statistics = Statistics::default();
    for (relation, table) in program.relations.iter().zip(&machine.tables) {
        let rows = u64::from(table.len());
        let name = match relation.kind {
            Kind::Base => {
                statistics.facts += rows;
                continue;
            }
            Kind::Derived => relation.name.clone(),
            Kind::Demand => format!("?{}", relation.name),
        };
        *statistics.derived.entry(name).or_default() += rows;
    }
    statistics.derived.retain(|_, rows| *rows > 0);
    statistics
}
