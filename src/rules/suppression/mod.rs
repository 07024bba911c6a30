//! What a repo's authors excuse: which findings their comments and `meta` entries cover, and which of
//! these excuse nothing.

mod stated;

pub use self::stated::Excuse;
use self::stated::Scope;
pub use self::stated::excuses;
pub(super) use self::stated::stated;
use crate::relations::places::Place;
use crate::rules::finding::{Finding, Suppressed};
use crate::rules::registry::Registry;
use crate::syntax::suppression::Until;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The rule that reports what is wrong with excuses.
pub const UNUSED: &str = "UNUSED_SUPPRESSION";

/// Findings, with those apart that are excused.
#[derive(Debug, Default)]
pub struct Settled {
    pub kept: Vec<Finding>,
    pub suppressed: Vec<Suppressed>,
}

/// What is wrong with one excuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub place: Place,
    /// The rule as it is named there; empty where none is.
    pub rule: Arc<str>,
    pub kind: Kind,
    pub what: String,
    pub fix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// It names no rule, or none that exists.
    Unknown,
    /// Its day has passed, or is none.
    Ended,
    /// There is nothing to excuse.
    Unused,
    /// It serves, and nobody knows why.
    Reasonless,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ended => "ended",
            Self::Unused => "unused",
            Self::Reasonless => "reasonless",
        }
    }
}

/// One excuse, as it stands in the repo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The id of a rule, or what is written where none is called so.
    pub rule: Arc<str>,
    pub reason: Arc<str>,
    pub place: Place,
}

/// All excuses of the repo in the order of their places, each once however much it covers.
pub fn written(excuses: &[Excuse]) -> Vec<Written> {
    let written = |excuse: &Excuse| Written {
        rule: excuse.meant.as_ref().unwrap_or(&excuse.name).clone(),
        reason: excuse.reason.clone(),
        place: excuse.place.clone(),
    };
    let mut all: Vec<Written> = excuses.iter().map(written).collect();
    let key = |it: &Written| (it.place.clone(), it.rule.clone(), it.reason.clone());
    all.sort_by_key(key);
    all.dedup();
    all
}

/// The excuses of one run, and which of them have served.
#[derive(Debug)]
pub struct Excuses<'r> {
    registry: &'r Registry,
    today: Option<Date>,
    all: Vec<Excuse>,
    used: Vec<bool>,
    /// By what they name and the file or the thing they are about.
    index: HashMap<(Arc<str>, Arc<str>), Vec<usize>>,
}

impl<'r> Excuses<'r> {
    /// Without a day, none has ended.
    pub fn new(all: Vec<Excuse>, registry: &'r Registry, today: Option<Date>) -> Self {
        let mut index: HashMap<(Arc<str>, Arc<str>), Vec<usize>> = HashMap::new();
        for (at, excuse) in all.iter().enumerate() {
            let Some(rule) = &excuse.meant else { continue };
            for about in excuse.scope.keys() {
                index.entry((rule.clone(), about)).or_default().push(at);
            }
        }
        Self { registry, today, used: vec![false; all.len()], all, index }
    }

    pub fn all(&self) -> &[Excuse] {
        &self.all
    }

    pub fn today(&self) -> Option<Date> {
        self.today
    }

    /// Takes out what is excused. May be called again with findings that came later.
    pub fn settle(&mut self, findings: Vec<Finding>) -> Settled {
        if self.all.is_empty() {
            return Settled { kept: findings, suppressed: Vec::new() };
        }
        let mut settled = Settled::default();
        for finding in findings {
            let covering = self.covering(&finding);
            covering.iter().for_each(|at| self.used[*at] = true);
            match covering.first() {
                Some(first) => {
                    let excuse = &self.all[*first];
                    let (reason, by) = (excuse.reason.to_string(), excuse.place.clone());
                    settled.suppressed.push(Suppressed { finding, reason, by });
                }
                None => settled.kept.push(finding),
            }
        }
        settled
    }

    /// Counts the excuses of findings that are not told as ones that serve.
    pub fn note(&mut self, findings: &[Finding]) {
        for finding in findings {
            for at in self.covering(finding) {
                self.used[at] = true;
            }
        }
    }

    /// The excuses that hold for a finding, in their order.
    fn covering(&self, finding: &Finding) -> Vec<usize> {
        let family = self.registry.get(&finding.rule).map(|rule| rule.id.clone()).filter(|id| *id != finding.rule);
        let rules = [Some(finding.rule.clone()), family].into_iter().flatten();
        let about = || [Some(finding.place.path.clone()), finding.node.clone()].into_iter().flatten();
        let keys = rules.flat_map(|rule| about().map(move |about| (rule.clone(), about)));
        let listed = keys.filter_map(|key| self.index.get(&key)).flatten().copied();
        let mut found: Vec<usize> =
            listed.filter(|at| self.holds(&self.all[*at]) && self.all[*at].scope.has(finding)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn holds(&self, excuse: &Excuse) -> bool {
        match &excuse.until {
            Until::Ever => true,
            Until::Day(day) => self.today.is_none_or(|today| today <= *day),
            Until::Wrong(_) => false,
        }
    }

    /// What is wrong with the excuses, once all findings are settled. `ran` says of an id and a
    /// file whether all findings there are known: of others nobody knows what they would be.
    pub fn problems(&self, ran: &dyn Fn(&str, &Arc<str>) -> bool) -> Vec<Problem> {
        // What a folder states serves where one thing in it needs it.
        let mut groups: BTreeMap<(&Place, &str), Group<'_>> = BTreeMap::new();
        for (excuse, used) in self.all.iter().zip(&self.used) {
            let group = groups.entry((&excuse.place, &excuse.name));
            let group = group.or_insert(Group { excuse, is_used: false, is_judged: false });
            group.is_used |= used;
            group.is_judged |= excuse.meant.as_ref().is_some_and(|rule| {
                let mut paths = excuse.scope.paths().peekable();
                // A test has no entry of its own.
                let none = paths.peek().is_none().then_some(&excuse.place.path);
                paths.chain(none).any(|path| ran(rule, path))
            });
        }
        groups.into_values().filter_map(|group| self.problem(&group)).collect()
    }

    fn problem(&self, group: &Group<'_>) -> Option<Problem> {
        let excuse = group.excuse;
        let name = &excuse.name;
        let (kind, what, fix) = match (&excuse.meant, &excuse.until) {
            (None, _) if name.is_empty() => (
                Kind::Unknown,
                "this is to excuse a finding and names no rule".to_owned(),
                format!("Write {}.", excuse.scope.form()),
            ),
            (None, _) => (
                Kind::Unknown,
                format!("no rule is called {name}, so this excuses nothing"),
                match self.registry.closest(name) {
                    Some(other) => format!("Did you mean {other}?"),
                    None => "`harness rules` lists all rules.".to_owned(),
                },
            ),
            (Some(_), Until::Wrong(text)) => (
                Kind::Ended,
                format!("the excuse of {name} has no effect: '{text}' is no day"),
                "Write the last day on which it holds as 2027-01-31.".to_owned(),
            ),
            (Some(rule), _) if **rule == *UNUSED || !group.is_judged => return None,
            (Some(_), Until::Day(day)) if !self.holds(excuse) => (
                Kind::Ended,
                format!("the excuse of {name} ended on {day}"),
                "Mend what it excused and delete it, or decide anew and write another day.".to_owned(),
            ),
            (Some(_), _) if !group.is_used => {
                (Kind::Unused, format!("{name} has nothing to excuse here"), excuse.scope.remedy())
            }
            (Some(_), _) if excuse.reason.is_empty() => (
                Kind::Reasonless,
                format!("{name} is excused without a reason"),
                format!("Write {}.", excuse.scope.form()),
            ),
            (Some(_), _) => return None,
        };
        Some(Problem { place: excuse.place.clone(), rule: name.clone(), kind, what, fix })
    }
}

/// What one place says of one rule, of one thing or of many.
struct Group<'e> {
    excuse: &'e Excuse,
    is_used: bool,
    is_judged: bool,
}

impl Scope {
    /// The files it is about.
    fn paths(&self) -> impl Iterator<Item = &Arc<str>> {
        let (one, more) = match self {
            Self::Comment { path, .. } => (Some(path), None),
            Self::Meta { lines, .. } => (None, Some(lines)),
        };
        one.into_iter().chain(more.into_iter().flatten().map(|lines| &lines.path))
    }

    /// The file or the things it is about, as the index knows them.
    fn keys(&self) -> Vec<Arc<str>> {
        match self {
            Self::Comment { path, .. } => vec![path.clone()],
            Self::Meta { id, lines, .. } => {
                let mut keys: Vec<Arc<str>> = lines.iter().map(|lines| lines.path.clone()).collect();
                keys.push(id.clone());
                keys
            }
        }
    }

    fn has(&self, finding: &Finding) -> bool {
        let at = &finding.place;
        match self {
            Self::Comment { path, cover, .. } => at.path == *path && cover.has(at.start.line, at.start.column),
            Self::Meta { id, column: None, lines } => match &finding.node {
                Some(node) => node == id,
                None => lines.iter().any(|lines| lines.has(at)),
            },
            Self::Meta { id, column: Some(column), lines } => {
                let is_named = finding.subject.iter().any(|part| part.eq_ignore_ascii_case(column));
                (finding.node.as_ref() == Some(id) && is_named) || lines.iter().any(|lines| lines.has(at))
            }
        }
    }

    /// How one is written.
    fn form(&self) -> &'static str {
        match self {
            Self::Comment { .. } => "`harness: ignore[RULE] reason`, with the rule's name in brackets",
            Self::Meta { .. } => "`ignore: [RULE]`, or `ignore: [{rule: RULE, reason: …}]`",
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Comment { cover, .. } => match cover.code {
                Some((first, last)) if first == last => {
                    format!("Delete it, or move it to the finding; it speaks of line {first}.")
                }
                Some((first, last)) => {
                    format!("Delete it, or move it to the finding; it speaks of lines {first} to {last}.")
                }
                None => "Delete it, or move it to the finding; no code stands below it.".to_owned(),
            },
            Self::Meta { .. } => "Delete it.".to_owned(),
        }
    }
}
