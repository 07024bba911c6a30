//! What a look at the project cost: queries by tier, and rows that were mended.

use crate::datalog::Upkeep;
use crate::db::{Count, Counts, Phase};
use std::fmt::Write as _;

/// A table of queries, each tier with its sum, and one of the rows that came or went where rules are kept up to
/// date. Numbers only: what it says does not depend on the machine, but for who was first among threads.
pub fn stats(counts: &Counts, upkeep: &Upkeep) -> String {
    let mut text = format!("{:<34}{:>9}{:>9}{:>11}\n", "queries", "executed", "reused", "early-cut");
    let mut line = |name: &str, count: Count| {
        let _ = writeln!(text, "{name:<34}{:>9}{:>9}{:>11}", count.executed, count.reused, count.early_cut);
    };
    let mut last: Option<Phase> = None;
    for ((phase, name), count) in &counts.0 {
        if last.replace(*phase) != Some(*phase) {
            let of_phase = counts.0.iter().filter(|((of, _), _)| of == phase);
            line(phase.name(), of_phase.map(|(_, count)| *count).fold(Count::default(), sum));
        }
        line(&format!("  {name}"), *count);
    }
    line("all", counts.0.values().copied().fold(Count::default(), sum));
    for (what, rows) in [("rows of facts", &upkeep.facts), ("rows derived", &upkeep.derived)] {
        if !rows.is_empty() {
            let _ = writeln!(text, "{what:<34}{:>9}", "changed");
        }
        for (relation, changed) in rows {
            let _ = writeln!(text, "  {relation:<32}{changed:>9}");
        }
    }
    text
}

fn sum(one: Count, other: Count) -> Count {
    Count {
        executed: one.executed + other.executed,
        reused: one.reused + other.reused,
        early_cut: one.early_cut + other.early_cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tier_has_its_sum_and_rows_are_told_where_any_changed() {
        let count = |executed, reused, early_cut| Count { executed, reused, early_cut };
        let counts = Counts(
            [
                ((Phase::Text, "yaml".to_owned()), count(1, 2, 0)),
                ((Phase::Directory, "of_directory".to_owned()), count(6, 90, 6)),
                ((Phase::Directory, "seen_in".to_owned()), count(3, 10, 2)),
            ]
            .into(),
        );
        let upkeep = Upkeep { facts: vec![("ref".to_owned(), 2)], derived: Vec::new() };
        insta::assert_snapshot!(stats(&counts, &upkeep), @r"
        queries                            executed   reused  early-cut
        text                                      1        2          0
          yaml                                    1        2          0
        directory                                 9      100          8
          of_directory                            6       90          6
          seen_in                                 3       10          2
        all                                      10      102          8
        rows of facts                       changed
          ref                                     2
        ");
    }
}
