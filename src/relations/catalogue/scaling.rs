//! What is multiplied and divided by numbers, in the SQL of nodes and in macros.

use super::nodes::{installed, living};
use super::sql::decimal;
use crate::db::{Package, Sym, sym};
use crate::project::macro_calls::macro_id;
use crate::project::macros::{BlockAt, blocks, is_read, macros_in, macros_of_package, parameter_names};
use crate::project::nodes::{Node, unique_id};
use crate::relations::texts::{moved, scan_of};
use crate::relations::{Digits, places, relation};
use crate::syntax::jinja::blocks::BlockKind;
use crate::syntax::span::Span;
use crate::syntax::sql::factor::{Scale, factors};
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A number that can be told from others by its value; none for powers of ten, which measure nothing.
fn measure(text: &str) -> Option<String> {
    let plain = decimal(text)?;
    let plain = match plain.split_once('.') {
        Some(_) => plain.trim_end_matches('0').trim_end_matches('.'),
        None => &plain,
    };
    let trimmed = plain.trim_start_matches('0');
    let plain = if trimmed.is_empty() || trimmed.starts_with('.') { format!("0{trimmed}") } else { trimmed.to_owned() };
    let power = plain.chars().filter(|digit| !matches!(digit, '0' | '.')).collect::<String>();
    (!power.is_empty() && power != "1").then_some(plain)
}

relation! {
    /// A number by which an enabled node's SQL multiplies or divides, the operator `*` or `/`, and which of
    /// its equals in the text it is, from 1. Exact, as in `literal`; powers of ten, which measure nothing, are
    /// absent.
    scaled as "scaled" (id: Node, operator: Name, value: Decimal, nth: Int)
    Fact r#"scaled(m, "/", x, _), scaling_macro(f, "/", x)"# at places::of_scaled;
    each |db, package, directory, rows| {
        for node in living(db, package, directory) {
            let id = sym(db, unique_id(db, node));
            for (scale, value, nth, _) in scaled_in(db, node) {
                rows.push((id, sym(db, scale.sign()), Digits(sym(db, &value)), nth));
            }
        }
    }
}

/// What a node's SQL multiplies and divides by, as `scaled` has it, with the place of each.
pub(in crate::relations) fn scaled_in<'db>(
    db: &'db dyn salsa::Database,
    node: Node<'db>,
) -> Vec<(Scale, String, u32, Span)> {
    let Some((scan, base)) = scan_of(db, node) else { return Vec::new() };
    let mut seen: FxHashMap<String, u32> = FxHashMap::default();
    let scaling =
        scan.literals.iter().filter_map(|literal| Some((literal.scale?, measure(&literal.text)?, literal.span)));
    let numbered = scaling.map(|(scale, value, span)| {
        let nth = seen.entry(value.clone()).or_default();
        *nth += 1;
        (scale, value, *nth, moved(span, base))
    });
    numbered.collect()
}

/// By what a macro of one parameter multiplies or divides it.
fn scales_of<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    (name, at): &(Arc<str>, BlockAt),
) -> Vec<(Sym<'db>, Sym<'db>, Digits<'db>)> {
    let text = at.0.content(db).text();
    let block = blocks(db, at.0).blocks.get(at.1 as usize);
    let Some(block) = block.filter(|block| block.kind == BlockKind::Macro && is_read(db, *at)) else {
        return Vec::new();
    };
    let parameters = parameter_names(text, block);
    let [parameter] = parameters.as_slice() else { return Vec::new() };
    let id = sym(db, &macro_id(db, package, name));
    let found = factors(block.body.of(text), parameter).into_iter();
    found.filter_map(|(scale, number)| Some((id, sym(db, scale.sign()), Digits(sym(db, &measure(&number)?))))).collect()
}

relation! {
    /// A macro of one parameter, of the project or of an installed package, that multiplies or divides it by
    /// this number: `{{ x }} / 0.3048`. Other numbers in it are absent, and so are powers of ten.
    scaling_macro as "scaling_macro" (r#macro: Node, operator: Name, value: Decimal)
    Fact r#"scaling_macro(f, "/", x), scaling_macro(g, "/", x), f < g"# at places::of_id;
    each |db, package, directory, rows| {
        rows.extend(macros_in(db, directory).iter().flat_map(|own| scales_of(db, package, own)));
    }
    whole |db, rows| {
        for package in installed(db) {
            rows.extend(macros_of_package(db, package).iter().flat_map(|own| scales_of(db, package, own)));
        }
    }
}

#[cfg(test)]
mod check {
    use super::measure;

    #[test]
    fn equal_numbers_are_one_measure_and_powers_of_ten_are_none() {
        let cases = [("0.30480", "0.3048"), (".3048", "0.3048"), ("012.0", "12"), ("3048e-4", "0.3048"), ("60", "60")];
        for (text, expected) in cases {
            assert_eq!(measure(text).as_deref(), Some(expected), "{text}");
        }
        for power in ["1", "10", "0.001", "1e9", "1000.0", "0", "0.0"] {
            assert_eq!(measure(power), None, "{power}");
        }
    }
}
