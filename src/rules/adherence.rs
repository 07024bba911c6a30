//! Which conventions a repo keeps, by its own figures: what nearly everything obeys is a convention, and
//! what breaks it is worth seeing; what half of it breaks is none.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// From which figures on a convention is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// How many of a hundred must obey.
    pub share: u64,
    /// From how many subjects on a share says anything.
    pub subjects: usize,
}

impl Default for Threshold {
    fn default() -> Self {
        Self { share: 95, subjects: 10 }
    }
}

/// More breaks than these are no outliers.
const MOST: usize = 50;
/// How many of a hundred must obey for a convention to be worth a line.
const WORTH: u64 = 50;

/// What a convention's figures make of it, where nobody states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// Its findings are shown, as warnings.
    On,
    /// One line tells the share.
    Summary,
    Silent,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Summary => "summary",
            Self::Silent => "silent",
        }
    }
}

/// How well a repo keeps a convention.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Adherence {
    pub rule: Arc<str>,
    /// What the subjects are: `models`.
    pub noun: Arc<str>,
    /// What could break it, and how much of that does.
    pub subjects: usize,
    pub breaks: usize,
    /// What the figures alone make of it, whatever is stated.
    pub verdict: Verdict,
}

impl Adherence {
    pub fn of(rule: &Arc<str>, noun: &str, subjects: usize, breaks: usize) -> Self {
        Self::from(rule, noun, subjects, breaks, Threshold::default())
    }

    /// The same of a convention with figures of its own.
    pub fn from(rule: &Arc<str>, noun: &str, subjects: usize, breaks: usize, on: Threshold) -> Self {
        Self { rule: rule.clone(), noun: noun.into(), subjects, breaks, verdict: judge_from(subjects, breaks, on) }
    }

    pub fn obeying(&self) -> usize {
        self.subjects.saturating_sub(self.breaks)
    }

    /// How many of a hundred obey, with one decimal; never rounded up to a hundred.
    pub fn share(&self) -> String {
        let (all, obeying) = (self.subjects.max(1) as u128, self.obeying() as u128);
        let rounded = (obeying * 2000 + all) / (all * 2);
        let tenths = if self.breaks > 0 { rounded.min(999) } else { rounded };
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

/// `subjects` are what could break a convention, `breaks` those that do.
pub fn judge(subjects: usize, breaks: usize) -> Verdict {
    judge_from(subjects, breaks, Threshold::default())
}

fn judge_from(subjects: usize, breaks: usize, on: Threshold) -> Verdict {
    let (all, obeying) = (subjects as u64, subjects.saturating_sub(breaks) as u64);
    let at_least = |share: u64| u128::from(obeying) * 100 >= u128::from(all) * u128::from(share);
    if subjects >= on.subjects && breaks <= MOST && at_least(on.share) {
        Verdict::On
    } else if subjects > 0 && at_least(WORTH) {
        Verdict::Summary
    } else {
        Verdict::Silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nineteen_of_twenty_are_a_convention_and_its_outliers_are_shown() {
        assert_eq!(judge(20, 1), Verdict::On);
        assert_eq!(judge(20, 0), Verdict::On);
        assert_eq!(judge(1000, 50), Verdict::On);
        // The figures of open repos that the thresholds were chosen by.
        assert_eq!(judge(338, 7), Verdict::On);
        assert_eq!(judge(1638, 30), Verdict::On);
        assert_eq!(judge(59, 2), Verdict::On);
        assert_eq!(judge(821, 97), Verdict::Summary);
    }

    #[test]
    fn a_share_is_rounded_and_not_to_all_of_them() {
        let share = |subjects, breaks| Adherence::of(&Arc::from("R"), "models", subjects, breaks).share();
        assert_eq!(share(338, 7), "97.9");
        assert_eq!(share(449, 145), "67.7");
        assert_eq!(share(10, 0), "100.0");
        assert_eq!(share(10_000, 1), "99.9");
        assert_eq!(share(3, 7), "0.0");
        assert_eq!(share(0, 0), "0.0");
    }

    #[test]
    fn less_than_ninety_five_of_a_hundred_is_a_line() {
        assert_eq!(judge(100, 5), Verdict::On);
        assert_eq!(judge(100, 6), Verdict::Summary);
        assert_eq!(judge(1000, 51), Verdict::Summary);
    }

    #[test]
    fn fewer_than_ten_subjects_are_too_few_to_switch_anything_on() {
        assert_eq!(judge(9, 0), Verdict::Summary);
        assert_eq!(judge(10, 0), Verdict::On);
    }

    #[test]
    fn more_than_fifty_breaks_are_no_outliers() {
        assert_eq!(judge(10_000, 50), Verdict::On);
        assert_eq!(judge(10_000, 51), Verdict::Summary);
    }

    #[test]
    fn a_convention_may_have_figures_of_its_own() {
        let on = Threshold { share: 80, subjects: 5 };
        assert_eq!(judge_from(5, 1, on), Verdict::On);
        assert_eq!(judge_from(4, 0, on), Verdict::Summary);
        assert_eq!(judge_from(100, 21, on), Verdict::Summary);
        assert_eq!(judge_from(1_000, 51, on), Verdict::Summary);
    }

    #[test]
    fn what_half_of_the_repo_breaks_is_no_convention() {
        assert_eq!(judge(100, 50), Verdict::Summary);
        assert_eq!(judge(100, 51), Verdict::Silent);
        assert_eq!(judge(0, 0), Verdict::Silent);
        assert_eq!(judge(3, 7), Verdict::Silent);
        assert_eq!(judge(usize::MAX, 0), Verdict::On);
    }
}
