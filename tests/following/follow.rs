//! What one edit makes run again where a session follows its project: which queries, and which rows come and go.
//! Counted by salsa's own events and by the rows themselves, so no clock is involved.

use crate::shop::{HARNESS, project};
use harness::db::{Count, Counts, Database, Executed, Invocation, Phase};
use harness::files::Memory;
use harness::rules::registry::Registry;
use harness::rules::selection::Selection;
use harness::session::{Outcome, Session, house_rules, on_large_stacks};
use std::sync::Arc;

struct Running {
    session: Session,
    registry: &'static Registry,
}

impl Running {
    fn start() -> Self {
        let registry = Registry::embedded().unwrap();
        let tree: Memory = project().into_iter().collect();
        let house = house_rules(registry, HARNESS).unwrap();
        let mut session = Session::load(Database::counting(), &tree, house, Invocation::default());
        session.follow();
        let running = Self { session, registry };
        running.check();
        running.session.db.take_executed();
        running
    }

    fn check(&self) -> usize {
        self.session.check(self.registry, &Selection::default()).findings.len()
    }

    /// What is executed, and which rows come or go, when a file gets a new text and the project is checked again.
    fn edit(&mut self, path: &str, change: impl Fn(&str) -> String) -> Done {
        let texts = self.session.texts(&[Arc::from(path)].into());
        let text = change(&texts[path]);
        self.session.db.take_executed();
        self.session.set_text(path, &text);
        self.check();
        let upkeep = self.session.upkeep();
        let counts = self.session.db.take_counts();
        Done { executed: counts.executed(), counts, facts: upkeep.facts, derived: upkeep.derived }
    }

    /// The same for a file that was edited before.
    fn edit_again(&mut self, path: &str, change: impl Fn(&str) -> String) -> Done {
        self.edit(path, |text| format!("{text}\n"));
        self.edit(path, change)
    }
}

struct Done {
    executed: Executed,
    counts: Counts,
    facts: Vec<(String, usize)>,
    derived: Vec<(String, usize)>,
}

impl Done {
    fn count(&self, name: &str) -> usize {
        self.executed.get(name).copied().unwrap_or_default()
    }

    fn rows_of_directories(&self) -> Count {
        self.counts.0.get(&(Phase::Directory, "of_directory".to_owned())).copied().unwrap_or_default()
    }

    fn has_fact(&self, name: &str) -> bool {
        self.facts.iter().any(|(relation, _)| relation == name)
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |rows: &[(String, usize)]| {
            rows.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
        };
        let executed: Vec<_> = self.executed.iter().map(|(name, count)| (name.clone(), *count)).collect();
        write!(f, "ran: {}\nfacts: {}\nderived: {}", shown(&executed), shown(&self.facts), shown(&self.derived))
    }
}

fn with_running<R: Send>(test: impl FnOnce(Running) -> R + Send) -> R {
    on_large_stacks(1, || test(Running::start())).unwrap()
}

const MART: &str = "models/marts/mart_0.sql";
const YAML: &str = "models/marts/marts.yml";

#[test]
fn nothing_runs_when_nothing_changed() {
    with_running(|mut running| {
        let done = running.edit(MART, str::to_owned);
        assert_eq!(done.to_string(), "ran: \nfacts: \nderived: ");
    });
}

#[test]
fn a_comment_stops_at_the_facts_of_its_file() {
    with_running(|mut running| {
        let done = running.edit_again(MART, |text| format!("-- a comment\n{text}"));
        insta::assert_snapshot!(done);
        assert!(done.facts.is_empty() && done.derived.is_empty());
    });
}

#[test]
fn the_rows_that_a_comment_makes_anew_are_all_counted_as_cut_and_those_of_a_new_ref_are_not() {
    with_running(|mut running| {
        let rows = running.edit_again(MART, |text| format!("-- a comment\n{text}")).rows_of_directories();
        assert!(rows.executed > 0 && rows.reused > 0);
        assert_eq!(rows.early_cut, rows.executed);
        let done = running.edit(MART, |text| format!("{text} -- {{{{ ref('stg_7') }}}}"));
        assert!(done.has_fact("ref"), "{done}");
        let rows = done.rows_of_directories();
        assert!(rows.early_cut < rows.executed, "{rows:?}");
    });
}

#[test]
fn a_body_that_keeps_refs_touches_no_edge() {
    with_running(|mut running| {
        let done = running.edit_again(MART, |text| text.replace("as x", "as y"));
        insta::assert_snapshot!(done);
        assert!(!done.has_fact("ref") && !done.has_fact("depends_on"));
        assert_eq!(done.count("rendering"), 1);
    });
}

#[test]
fn a_ref_mends_the_rows_that_read_its_edge() {
    with_running(|mut running| {
        let done = running.edit_again(MART, |text| format!("{text} -- {{{{ ref('stg_7') }}}}\n"));
        insta::assert_snapshot!(done);
        assert!(done.has_fact("ref"));
        assert_eq!(done.count("rendering"), 1);
        assert!(done.facts.iter().chain(&done.derived).all(|(_, rows)| *rows <= 4), "{done}");
    });
}

#[test]
fn a_test_in_yaml_reaches_its_model_and_renders_no_other() {
    with_running(|mut running| {
        let done = running.edit_again(YAML, |text| text.replace("description: One", "tests: [{cents: {x: 1}}]"));
        insta::assert_snapshot!(done);
        // The new test is rendered, and is one of the two whose facts are asked for.
        assert_eq!((done.count("rendering"), done.count("facts")), (1, 2));
    });
}

#[test]
fn a_description_touches_no_rule_that_does_not_read_descriptions() {
    with_running(|mut running| {
        let done = running.edit_again(YAML, |text| text.replace("One", "First"));
        insta::assert_snapshot!(done);
        assert!(done.facts.is_empty() && done.derived.is_empty());
        assert_eq!(done.count("rendering"), 0);
    });
}

#[test]
fn a_macro_renders_its_callers_and_no_one_else() {
    with_running(|mut running| {
        let done = running.edit("macros/hub.sql", |text| text.replace("stg_0", "stg_1"));
        insta::assert_snapshot!(done);
        assert_eq!(done.count("rendering"), 1);
    });
}

#[test]
fn a_config_in_a_model_reaches_that_model() {
    with_running(|mut running| {
        let done = running.edit_again(MART, |text| format!("{{{{ config(tags=['a']) }}}}\n{text}"));
        insta::assert_snapshot!(done);
        assert_eq!((done.count("rendering"), done.count("facts")), (1, 1));
    });
}

/// A session that follows edits, and one that runs each rule anew.
fn two_sessions(registry: &Registry) -> [Session; 2] {
    let tree: Memory = project().into_iter().collect();
    let load = || {
        let house = house_rules(registry, HARNESS).unwrap();
        Session::load(Database::default(), &tree, house, Invocation::default())
    };
    let mut sessions = [load(), load()];
    sessions[0].follow();
    sessions
}

/// What both say after an edit.
fn said_by_both(registry: &Registry, sessions: &mut [Session; 2], path: &str, text: &str) -> Outcome {
    let [followed, fresh] = sessions.each_mut().map(|session| {
        session.set_text(path, text);
        session.check(registry, &Selection::default())
    });
    assert_eq!(followed, fresh);
    followed
}

/// A rule of the house whose numbers become too large.
const OVERFLOWS: &str = "---
severity: error
message: counts too far
---
# Counts too far
```datalog
finding(node: m, n: n) :- model(m, _, _), x = 9999999999999999999999999999, n = x * x.
```
";

#[test]
fn a_rule_that_cannot_be_kept_is_told_and_the_others_go_on() {
    on_large_stacks(2, || {
        let registry = Registry::embedded().unwrap();
        let registry = registry.with_house_rules([("harness/rules/far.md".to_owned(), OVERFLOWS)]);
        let mut sessions = two_sessions(&registry);
        for text in ["select * from {{ ref('nobody') }}\n", "select 1 as x\n"] {
            let told = said_by_both(&registry, &mut sessions, MART, text);
            assert!(told.findings.iter().any(|it| &*it.rule == "BROKEN_RULE" && it.message.contains("28 digits")));
            assert!(told.findings.len() > 1);
        }
    })
    .unwrap();
}

/// A rule of the house that names a node and reads none of what tells which one that is.
const NAMES: &str = "---
severity: error
message: stands on the hub
---
# Stands on the hub
```datalog
finding(node: m) :- depends_on(m, @hubbed), m != \"\".
```
";

#[test]
fn a_name_in_a_rule_means_what_it_means_now() {
    on_large_stacks(2, || {
        let registry = Registry::embedded().unwrap();
        let registry = registry.with_house_rules([("harness/rules/hub.md".to_owned(), NAMES)]);
        let mut sessions = two_sessions(&registry);
        let mut counts = Vec::new();
        let off = "{{ config(enabled=false) }} select * from {{ hub() }}\n";
        for (path, text) in [
            (MART, "select * from {{ ref('hubbed') }}\n"),
            ("models/marts/hubbed.sql", off),
            ("models/marts/hubbed.sql", "select * from {{ hub() }}\n"),
        ] {
            let told = said_by_both(&registry, &mut sessions, path, text);
            counts.push(told.findings.iter().filter(|it| &*it.rule == "HUB").count());
        }
        assert_eq!(counts, [1, 0, 1]);
    })
    .unwrap();
}
