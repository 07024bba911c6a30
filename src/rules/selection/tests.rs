use super::*;
use crate::project::settings;
use crate::rules::finding::{Place, Status, Told};
use crate::syntax::span::Position;
use crate::syntax::span::SyntaxError;
use std::sync::Arc;

fn house_rules(registry: &Registry, text: &str) -> Result<HouseRules, Vec<SyntaxError>> {
    settings::read(text, &registry.known())
}

/// Rules of every kind that there is.
fn registry() -> Registry {
    let file = |group: &str, stem: &str, front: &str, subject: &str| {
        let text = format!(
            "---\nmessage: m\n{front}---\n# T\n\nWords.\n\n```datalog\nfinding(node: m) :- model(m, _, _).\n{subject}```\n"
        );
        (format!("queries/rules/{group}/{stem}.md"), text)
    };
    let subject = "subject(m) :- model(m, _, _).\n";
    let files = [
        file("project", "cycle", "severity: error\n", ""),
        file("dependencies", "direction", "severity: error\nstated_by: layers\n", subject),
        file("dependencies", "unknown-layer", "severity: warning\nstated_by: layers\n", ""),
        file("hygiene", "undocumented", "severity: error\n", subject),
        file("hygiene", "not-fresh", "severity: info\n", subject),
        file("hygiene", "hard-coded", "severity: error\n", ""),
        file("hygiene", "unused", "severity: info\nstated_by: rules\n", ""),
        file("hygiene", "sum", "severity: off\n", subject),
        file("packs", "hub", "severity: warning\npresets: [evaluator]\naliases: [fct-fanout]\n", ""),
    ];
    Registry::read(files.iter().map(|(path, text)| (path.clone(), text.as_str()))).unwrap()
}

/// The course of every rule under a harness.yml.
fn courses(house: &str, only: &[&str]) -> Vec<(String, Course)> {
    let registry = registry();
    let rules = house_rules(&registry, house).unwrap();
    let selection = Selection { only: only.iter().map(|id| (*id).to_owned()).collect(), skip: Vec::new() };
    let house = House::new(&rules, &selection);
    registry.rules().iter().map(|rule| (rule.id.to_string(), house.decide(rule).course)).collect()
}

fn course(house: &str, rule: &str) -> Course {
    courses(house, &[]).into_iter().find(|(id, _)| id == rule).unwrap().1
}

use Course::{ByAdherence, Off, On};
use Severity::{Error, Info, Warning};

const LAYERS: &str = "layers: {staging: {reads: [source]}}\n";

#[test]
fn without_house_rules_the_project_is_judged_and_conventions_by_how_they_are_kept() {
    let expected = [
        ("CYCLE", On(Error)),
        ("DIRECTION", ByAdherence(Warning)),
        ("HARD_CODED", On(Warning)),
        ("HUB", Off),
        ("NOT_FRESH", ByAdherence(Info)),
        ("SUM", Off),
        ("UNDOCUMENTED", ByAdherence(Warning)),
        ("UNKNOWN_LAYER", Off),
        ("UNUSED", Off),
    ];
    assert_eq!(courses("", &[]), expected.map(|(id, course)| (id.to_owned(), course)));
}

#[test]
fn strict_is_each_rule_at_its_own_severity() {
    let expected = [
        ("CYCLE", On(Error)),
        ("DIRECTION", On(Error)),
        ("HARD_CODED", On(Error)),
        ("HUB", Off),
        ("NOT_FRESH", On(Info)),
        ("SUM", Off),
        ("UNDOCUMENTED", On(Error)),
        ("UNKNOWN_LAYER", On(Warning)),
        ("UNUSED", On(Info)),
    ];
    assert_eq!(courses("extends: strict", &[]), expected.map(|(id, course)| (id.to_owned(), course)));
}

#[test]
fn what_the_house_states_is_on_at_its_own_severity() {
    assert_eq!(course(LAYERS, "DIRECTION"), On(Error));
    assert_eq!(course(LAYERS, "UNKNOWN_LAYER"), On(Warning));
    assert_eq!(course(LAYERS, "UNDOCUMENTED"), ByAdherence(Warning));
}

#[test]
fn auto_leaves_a_rule_to_its_figures_whatever_is_stated() {
    assert_eq!(course(&format!("{LAYERS}rules: {{DIRECTION: auto}}"), "DIRECTION"), ByAdherence(Warning));
    assert_eq!(course("extends: strict\nrules: {UNDOCUMENTED: auto}", "UNDOCUMENTED"), ByAdherence(Warning));
    assert_eq!(course("extends: strict\nrules: {UNUSED: auto}", "UNUSED"), Off);
    assert_eq!(course(&format!("{LAYERS}rules: {{UNKNOWN_LAYER: auto}}"), "UNKNOWN_LAYER"), On(Warning));
    assert_eq!(course("rules: {CYCLE: auto}", "CYCLE"), On(Error));
}

#[test]
fn a_severity_that_is_stated_holds() {
    assert_eq!(course("rules: {UNDOCUMENTED: error}", "UNDOCUMENTED"), On(Error));
    assert_eq!(course("rules: {SUM: info}", "SUM"), On(Info));
    assert_eq!(course("rules: {UNUSED: warning}", "UNUSED"), On(Warning));
    assert_eq!(course("extends: strict\nrules: {CYCLE: off}", "CYCLE"), Off);
    assert_eq!(course("rules: {HUB: warning}", "HUB"), On(Warning));
    // Options alone say nothing about how grave a rule is.
    assert_eq!(course("rules: {UNDOCUMENTED: {options: {}}}", "UNDOCUMENTED"), ByAdherence(Warning));
}

#[test]
fn a_pack_is_off_until_it_is_named() {
    assert_eq!(course("extends: evaluator", "HUB"), On(Warning));
    assert_eq!(course("extends: [strict, evaluator]", "HUB"), On(Warning));
    assert_eq!(course("rules: {fct-fanout: info}", "HUB"), On(Info));
}

#[test]
fn a_rule_that_is_asked_for_runs_alone_also_where_it_is_off() {
    let alone = |rule: &str| courses("", &[rule]).into_iter().filter(|(_, course)| *course != Off).collect::<Vec<_>>();
    assert_eq!(alone("UNDOCUMENTED"), [("UNDOCUMENTED".to_owned(), On(Warning))]);
    assert_eq!(alone("SUM"), [("SUM".to_owned(), On(Warning))]);
    assert_eq!(alone("FCT_FANOUT"), [("HUB".to_owned(), On(Warning))]);
}

#[test]
fn what_is_left_to_figures_is_on_only_where_it_is_kept() {
    assert_eq!(ByAdherence(Warning).settled(Some(Verdict::On)), Some(Warning));
    assert_eq!(ByAdherence(Warning).settled(Some(Verdict::Summary)), None);
    assert_eq!(ByAdherence(Warning).settled(None), None);
    assert_eq!(On(Error).settled(Some(Verdict::Silent)), Some(Error));
    assert_eq!(Off.settled(Some(Verdict::On)), None);
}

fn finding(rule: &str, path: &str, severity: Severity) -> Finding {
    let at = Position { line: 1, column: 1 };
    Finding::from(Told {
        rule: Arc::from(rule),
        severity,
        place: Place { path: Arc::from(path), start: at, end: at },
        node: None,
        subject: Vec::new(),
        message: String::new(),
        remedy: String::new(),
        locations: Vec::new(),
        fingerprint: String::new(),
        cause: None,
        fixable: false,
        status: Status::New,
    })
}

/// How grave a finding of UNDOCUMENTED at a path is, where the rule came to a warning.
fn gravity(house: &str, path: &str, only: &[&str]) -> Option<Severity> {
    let registry = registry();
    let rules = house_rules(&registry, house).unwrap();
    let selection = Selection { only: only.iter().map(|id| (*id).to_owned()).collect(), skip: Vec::new() };
    let house = House::new(&rules, &selection);
    let rule = registry.get("UNDOCUMENTED").unwrap();
    house.gravity(&finding("UNDOCUMENTED", path, Error), rule, Some(Warning), None)
}

#[test]
fn the_last_override_that_fits_a_path_decides() {
    let house = "overrides:\n  - {paths: [models/old/**], rules: {UNDOCUMENTED: off}}\n  \
                 - {paths: [models/old/kept/**], rules: {UNDOCUMENTED: error}}\n  \
                 - {paths: ['**'], rules: {CYCLE: off}}\n  \
                 - {paths: [models/new], rules: {UNDOCUMENTED: auto}}\n";
    assert_eq!(gravity(house, "models/a.sql", &[]), Some(Warning));
    assert_eq!(gravity(house, "models/old/a.sql", &[]), None);
    assert_eq!(gravity(house, "models/old/kept/a.sql", &[]), Some(Error));
    assert_eq!(gravity(house, "models/new/a.sql", &[]), None);
    // Who asks for a rule by name gets it.
    assert_eq!(gravity(house, "models/old/a.sql", &["UNDOCUMENTED"]), Some(Warning));
}

#[test]
fn a_rule_that_is_off_runs_where_some_paths_want_it() {
    let registry = registry();
    let rules = "rules: {UNDOCUMENTED: off}\noverrides: [{paths: [models/new/**], rules: {UNDOCUMENTED: info}}]";
    let rules = house_rules(&registry, rules).unwrap();
    let selection = Selection::default();
    let house = House::new(&rules, &selection);
    let rule = registry.get("UNDOCUMENTED").unwrap();
    let decision = house.decide(rule);
    assert_eq!((decision.course, decision.is_on_somewhere), (Off, true));
    let at = |path: &str| house.gravity(&finding("UNDOCUMENTED", path, Error), rule, None, None);
    assert_eq!((at("models/new/a.sql"), at("models/a.sql")), (Some(Info), None));
}

#[test]
fn a_row_that_is_milder_than_its_rule_stays_so() {
    let registry = registry();
    let rules = house_rules(&registry, "").unwrap();
    let selection = Selection::default();
    let house = House::new(&rules, &selection);
    let rule = registry.get("CYCLE").unwrap();
    assert_eq!(house.gravity(&finding("CYCLE", "a", Warning), rule, Some(Error), None), Some(Warning));
}

#[test]
fn options_are_what_the_house_states_else_the_defaults() {
    let text = "---\nseverity: warning\nmessage: m\noptions:\n  n: {default: 3, doc: d}\n  m: {default: 5, doc: d}\n---\n\
                # T\n\n```datalog\nfinding(node: x) :- model(x, _, _), $n < $m.\n```\n";
    let registry = Registry::read([("queries/rules/g/few.md".to_owned(), text)]).unwrap();
    let house = house_rules(&registry, "rules: {FEW: {options: {n: 4}}}").unwrap();
    let options = options(registry.get("FEW").unwrap(), &house);
    assert_eq!(options["n"], crate::rules::rule::OptionValue::Number(4));
    assert_eq!(options["m"], crate::rules::rule::OptionValue::Number(5));
}
