//! What an aggregate makes of the solutions of its body.

use super::ast::AggregateKind;
use super::eval::{Failure, Machine, Sink};
use super::ir::Expr;
use super::value::{Constant, Value, Values};
use rust_decimal::Decimal;
use rustc_hash::FxHashSet;

pub(super) struct Collect<'c> {
    kind: AggregateKind,
    value: Option<&'c Expr>,
    count: i64,
    best: Option<Value>,
    sum: Decimal,
    seen: FxHashSet<Value>,
}

/// Bytes that a value takes in the list.
const LISTED: usize = 8;

/// Between the values of a list.
const SEPARATOR: &str = ", ";

impl Sink for Collect<'_> {
    fn solution(&mut self, machine: &mut Machine<'_>, regs: &mut [Value]) -> bool {
        let value = match self.value {
            None => None,
            Some(expr) => match machine.eval(expr, regs) {
                Some(value) => Some(value),
                None => return machine.failure.is_none(),
            },
        };
        self.count += 1;
        match (self.kind, value) {
            (AggregateKind::Sum | AggregateKind::Mean, Some(value)) => {
                let number = machine.values.get(value).as_decimal().unwrap_or_default();
                match self.sum.checked_add(number) {
                    Some(sum) => self.sum = sum,
                    None => machine.failure = Some(Failure::Overflow),
                }
            }
            (AggregateKind::Min | AggregateKind::Max, Some(value)) => {
                let better = self.best.is_none_or(|best| {
                    let order = machine.values.compare(value, best);
                    if self.kind == AggregateKind::Min { order.is_lt() } else { order.is_gt() }
                });
                if better {
                    self.best = Some(value);
                }
            }
            (AggregateKind::List, Some(value)) if self.seen.insert(value) => machine.grow(LISTED),
            _ => {}
        }
        machine.failure.is_none()
    }
}

impl<'c> Collect<'c> {
    pub(super) fn new(kind: AggregateKind, value: Option<&'c Expr>) -> Self {
        Self { kind, value, count: 0, best: None, sum: Decimal::ZERO, seen: FxHashSet::default() }
    }

    pub(super) fn result(self, values: &mut Values) -> Option<Value> {
        match self.kind {
            AggregateKind::Count => Some(values.int(self.count)),
            AggregateKind::Sum => Some(values.constant(&Constant::decimal(self.sum))),
            AggregateKind::Min | AggregateKind::Max => self.best,
            AggregateKind::Mean => {
                let mean = self.sum.checked_div(Decimal::from(self.count))?;
                Some(values.constant(&Constant::decimal(mean)))
            }
            AggregateKind::List => {
                let mut all: Vec<Value> = self.seen.into_iter().collect();
                all.sort_unstable_by(|left, right| values.compare(*left, *right));
                let texts: Vec<String> = all.into_iter().map(|value| values.get(value).to_string()).collect();
                Some(values.text(&texts.join(SEPARATOR)))
            }
        }
    }
}
