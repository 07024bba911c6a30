//! How well conventions are kept: one line for each that is worth one, or a table of all.

use crate::report::escaped;
use crate::rules::adherence::{Adherence, Verdict};
use std::fmt::Write as _;
use std::sync::Arc;

/// A line for each convention that half of the repo keeps and whose breaks are not shown, the best kept
/// first; with what shows them. `run` are the rules whose findings are.
pub fn lines(all: &[Adherence], run: &[Arc<str>]) -> Vec<String> {
    let is_worth = |kept: &&Adherence| kept.verdict == Verdict::Summary && kept.breaks > 0 && !run.contains(&kept.rule);
    let mut worth: Vec<&Adherence> = all.iter().filter(is_worth).collect();
    // By share, without rounding.
    worth.sort_by(|one, other| {
        let part = |kept: &Adherence, of: &Adherence| kept.obeying() as u128 * of.subjects as u128;
        part(other, one).cmp(&part(one, other)).then_with(|| one.rule.cmp(&other.rule))
    });
    let width = worth.iter().map(|kept| escaped(&kept.rule).chars().count()).max().unwrap_or_default();
    worth
        .iter()
        .map(|kept| {
            let rule = escaped(&kept.rule);
            let verb = if kept.breaks == 1 { "does" } else { "do" };
            format!(
                "  {rule:width$}  {:>4} % of {} {} obey ({} {verb} not): harness check --rule {rule}",
                kept.share(),
                kept.subjects,
                kept.noun,
                kept.breaks
            )
        })
        .collect()
}

/// All of them with the severity that is proposed for each.
pub fn table(all: &[(&Adherence, &str)]) -> String {
    let head = ["rule", "subjects", "obey", "breaks", "share", "proposed"].map(str::to_owned);
    let rows = all.iter().map(|(kept, proposed)| {
        [
            escaped(&kept.rule).into_owned(),
            kept.subjects.to_string(),
            kept.obeying().to_string(),
            kept.breaks.to_string(),
            format!("{} %", kept.share()),
            (*proposed).to_owned(),
        ]
    });
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(rows).collect();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or_default();
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let [rule, numbers @ .., proposed] = row;
        let _ = write!(text, "{rule:0$}", widths[0]);
        for (at, number) in numbers.iter().enumerate() {
            let _ = write!(text, "  {number:>0$}", widths[at + 1]);
        }
        let _ = writeln!(text, "  {proposed}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(rule: &str, subjects: usize, breaks: usize) -> Adherence {
        Adherence::of(&Arc::from(rule), "models", subjects, breaks)
    }

    #[test]
    fn a_convention_that_half_of_the_repo_keeps_is_a_line() {
        let all = [kept("SHOWN", 100, 3), kept("HALF", 4, 1), kept("YAML_OFTEN", 449, 145), kept("RARE", 100, 90)];
        assert_eq!(
            lines(&all, &[]),
            [
                "  HALF        75.0 % of 4 models obey (1 does not): harness check --rule HALF",
                "  YAML_OFTEN  67.7 % of 449 models obey (145 do not): harness check --rule YAML_OFTEN",
            ]
        );
        assert!(lines(&[kept("FEW", 3, 0)], &[]).is_empty());
        assert!(lines(&[kept("ASKED", 4, 1)], &[Arc::from("ASKED")]).is_empty());
    }

    #[test]
    fn the_table_has_every_convention_and_what_is_proposed() {
        let (one, two) = (kept("SHOWN", 100, 3), kept("RARE", 1000, 900));
        assert_eq!(
            table(&[(&one, "warning"), (&two, "auto")]),
            "rule   subjects  obey  breaks   share  proposed\n\
             SHOWN       100    97       3  97.0 %  warning\n\
             RARE       1000   100     900  10.0 %  auto\n"
        );
    }
}
