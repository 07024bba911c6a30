//! One rendering on one thread: what it may do, the expressions it has compiled, and whom it tells what nobody
//! knows.

use crate::meter::Meter;
use crate::re::{self, Compiled};
use std::cell::Cell;

thread_local! {
    /// Who is told where a value is given up for unknown.
    static TOLD: Cell<fn()> = const { Cell::new(nobody) };
}

fn nobody() {}

/// Counts what this thread does as a rendering of its own while it lives. Outside of any nothing is counted.
#[derive(Debug)]
pub struct Rendering {
    meter: Meter,
    compiled: Option<Compiled>,
    told: fn(),
}

impl Rendering {
    /// `fuel` is what one template has: an instruction, or 64 bytes that the engine writes. All else follows from
    /// it. `unknown` is told where a value has become unknown, so that what follows may differ from Python's.
    pub fn begin(fuel: u64, unknown: fn()) -> Self {
        Self {
            meter: Meter::full(fuel).begin(),
            compiled: re::keep_compiled(Some(Compiled::default())),
            told: TOLD.replace(unknown),
        }
    }
}

impl Drop for Rendering {
    fn drop(&mut self) {
        self.meter.begin();
        re::keep_compiled(self.compiled.take());
        TOLD.set(self.told);
    }
}

/// Tells that a value is given up for unknown.
pub(crate) fn note_unknown() {
    TOLD.get()();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::environment;
    use crate::meter;

    thread_local! {
        static UNKNOWN: Cell<u32> = const { Cell::new(0) };
    }

    fn count() {
        UNKNOWN.set(UNKNOWN.get() + 1);
    }

    #[test]
    fn what_becomes_unknown_is_told_to_the_rendering_that_runs() {
        let engine = environment(1_000);
        let store = || engine.render_str("{% set n = namespace() %}{{ __keep(n) }}", ()).unwrap();
        assert_eq!((store(), UNKNOWN.get()), ("__unknown__".to_owned(), 0));
        let outer = Rendering::begin(1_000, count);
        drop(Rendering::begin(1_000, nobody));
        assert_eq!((store(), UNKNOWN.get()), ("__unknown__".to_owned(), 1));
        drop(outer);
        store();
        assert_eq!(UNKNOWN.get(), 1);
    }

    #[test]
    fn a_rendering_within_another_has_its_own_budget() {
        let outer = Rendering::begin(1_000, nobody);
        let inner = Rendering::begin(10, nobody);
        assert!(meter::spend(51).is_err());
        drop(inner);
        assert!(meter::spend(51).is_ok());
        drop(outer);
        assert!(meter::spend(u64::MAX / 2).is_ok());
    }
}
