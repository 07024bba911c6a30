//! How many rows a step is expected to yield, from what the tables hold.

use super::eval::Machine;
use super::ir::{Atom, Rel};
use super::plan::Sizes;
use super::value::Value;
use rustc_hash::FxHashSet;

impl Sizes for Machine<'_> {
    fn estimate(&mut self, atom: &Atom, known: &[usize]) -> f64 {
        let rows = f64::from(self.tables[atom.rel].len());
        if known.len() == atom.args.len() {
            return 0.0;
        }
        let mut estimate = rows;
        for column in known {
            estimate /= self.distinct(atom.rel, *column);
        }
        estimate
    }
}

impl Machine<'_> {
    fn distinct(&mut self, rel: Rel, column: usize) -> f64 {
        let table = &self.tables[rel];
        if let Some((rows, known)) = self.distinct.get(&(rel, column))
            && table.len() <= rows.saturating_mul(2)
        {
            return *known;
        }
        // A sample tells enough.
        let step = (table.len() / 4096).max(1) as usize;
        let sample: FxHashSet<Value> = (0..table.len()).step_by(step).map(|row| table.get(row, column)).collect();
        let seen = f64::from(table.len().div_ceil(u32::try_from(step).unwrap_or(1))).max(1.0);
        let share = sample.len() as f64 / seen;
        // Where nearly all of the sample differ, nearly all rows do.
        let known = if share > 0.5 { share * f64::from(table.len()) } else { sample.len() as f64 };
        self.distinct.insert((rel, column), (table.len(), known.max(1.0)));
        known.max(1.0)
    }
}
