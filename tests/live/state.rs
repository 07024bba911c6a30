//! All that a session says of its project, as texts to compare.

use harness::datalog::{Cell, Facts};
use harness::db::settings::HouseRules;
use harness::db::{Database, Invocation};
use harness::derive;
use harness::files::{Content, Memory, Tree};
use harness::observe;
use harness::project::settings::rule_paths;
use harness::relations;
use harness::report::{Command, Format, Options, Run, manifest, render};
use harness::rules::baseline::{self, Baseline};
use harness::rules::finding::Finding;
use harness::rules::registry::Registry;
use harness::rules::selection::Selection;
use harness::session::{Circumstances, HOUSE_RULES_FILE, Outcome, Session, house_rules, with_house_rules};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What is said, by what it is.
pub type State = BTreeMap<String, String>;

/// What is read beside the project: rules and settings.
pub struct Settings {
    pub registry: Registry,
    pub house: HouseRules,
    /// What a file parks, or what was found at first.
    pub baseline: Option<Baseline>,
}

impl Settings {
    /// As a tree states them. Of a harness.yml that cannot be read the former settings hold. Where no rule file
    /// was touched the former registry stays, so that its rules are the same ones.
    pub fn of(tree: &Memory, former: Option<&Self>, are_rules_touched: bool) -> Self {
        let text = match tree.read(HOUSE_RULES_FILE) {
            Content::Text(text) => text,
            _ => "".into(),
        };
        let registry = match former.filter(|_| !are_rules_touched) {
            Some(former) => former.registry.clone(),
            None => with_house_rules(Registry::embedded().unwrap(), tree, &rule_paths(&text)),
        };
        let house = house_rules(&registry, &text);
        let house = house.unwrap_or_else(|_| former.map(|former| former.house.clone()).unwrap_or_default());
        let stated = match tree.read(baseline::FILE) {
            Content::Text(text) => Baseline::read(baseline::FILE, &text).ok(),
            _ => None,
        };
        Self { registry, house, baseline: stated.or_else(|| former.and_then(|former| former.baseline.clone())) }
    }

    /// Parks what a session finds now.
    pub fn park(&mut self, session: &Session) {
        let found = session.check(&self.registry, &self.selection(false)).findings;
        self.baseline = Some(Baseline::read(baseline::FILE, &baseline::text(&found)).unwrap());
    }

    /// The rules that are on, or all there are.
    pub fn selection(&self, all_rules: bool) -> Selection {
        let ids = self.registry.rules().iter().map(|rule| rule.id.to_string());
        Selection { only: ids.filter(|_| all_rules).collect(), skip: Vec::new() }
    }
}

pub fn fresh(tree: &Memory, settings: &Settings, invocation: Invocation) -> Session {
    Session::load(Database::default(), tree, settings.house.clone(), invocation)
}

/// The findings alone.
pub fn found(session: &Session, settings: &Settings, all_rules: bool) -> Vec<Finding> {
    checked(session, settings, all_rules).findings
}

fn checked(session: &Session, settings: &Settings, all_rules: bool) -> Outcome {
    let day = jiff::civil::date(2026, 11, 1);
    // With all rules no baseline stands in the way.
    let baseline = settings.baseline.as_ref().filter(|_| !all_rules);
    let circumstances = Circumstances { today: Some(day), baseline, house: None };
    session.check_with(&settings.registry, &settings.selection(all_rules), circumstances)
}

/// All that is said of findings, as JSON.
pub fn findings(session: &Session, settings: &Settings, all_rules: bool) -> String {
    let outcome = checked(session, settings, all_rules);
    let (findings, suppressed, summary) = (&outcome.findings, &outcome.suppressed, &outcome.summary);
    let (registry, command, texts) = (&settings.registry, &Command::default(), &BTreeMap::new());
    let run = Run { findings, suppressed, fixed: &[], summary, registry, folder: "", texts, command };
    let mut text = render(Format::Json, &run, &Options::default());
    // One finding a line.
    text = text.replace("{\"rule\":", "\n{\"rule\":");
    let _ = writeln!(text, "{:#?}\n{:#?}\n{:#?}", outcome.suppressed, outcome.problems, outcome.notes);
    text
}

pub fn state(session: &Session, settings: &Settings, all_rules: bool) -> State {
    let db = &session.db;
    let mut state = State::new();
    state.insert("findings".to_owned(), findings(session, settings, all_rules));
    state.insert("manifest".to_owned(), manifest::render(db));
    for relation in relations::ALL {
        let mut rows = String::new();
        (relation.visit)(db, &mut |row| {
            let place = (relation.place)(db, row);
            let _ = writeln!(rows, "{} at {place:?}", shown(row));
        });
        state.insert(format!("relation {}", relation.schema.name), rows);
    }
    for derived in derive::all() {
        let mut rows = String::new();
        (derived.visit)(db, &mut |row| {
            let _ = writeln!(rows, "{}", shown(row));
        });
        state.insert(format!("derived {}", derived.name), rows);
    }
    session.with_repo(&settings.registry, |repo| {
        for observed in &observe::ALL {
            let mut rows = String::new();
            repo.visit(observed.name, &mut |row| {
                let _ = writeln!(rows, "{}", shown(row));
            });
            state.insert(format!("observed {}", observed.name), rows);
        }
    });
    state.insert("environment".to_owned(), format!("{:?}", session.unset_environment()));
    state
}

fn shown(row: &[Cell<'_>]) -> String {
    let cells = row.iter().map(|cell| match cell {
        Cell::Text(text) | Cell::Decimal(text) => format!("{text:?}"),
        Cell::Int(number) => number.to_string(),
    });
    cells.collect::<Vec<_>>().join(", ")
}

/// Where two states differ: of each part the first lines that do.
pub fn difference(live: &State, fresh: &State) -> Option<String> {
    let mut told = String::new();
    for (part, fresh) in fresh {
        let live = live.get(part).map_or("", String::as_str);
        if live == fresh {
            continue;
        }
        let _ = writeln!(told, "{part}:");
        let (live, fresh): (Vec<&str>, Vec<&str>) = (live.lines().collect(), fresh.lines().collect());
        let only = |one: &[&str], other: &[&str], sign: &str, told: &mut String| {
            for line in one.iter().filter(|line| !other.contains(line)).take(4) {
                let _ = writeln!(told, "  {sign} {}", line.chars().take(600).collect::<String>());
            }
        };
        only(&live, &fresh, "only live: ", &mut told);
        only(&fresh, &live, "only fresh:", &mut told);
        if let Some(at) = live.iter().zip(&fresh).position(|(one, other)| one != other) {
            let _ =
                writeln!(told, "  first at line {}: live {}\n  and fresh {}", at + 1, cut(live[at]), cut(fresh[at]));
        }
    }
    (!told.is_empty()).then_some(told)
}

fn cut(line: &str) -> String {
    line.chars().take(300).collect()
}
