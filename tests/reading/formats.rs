//! Each format of findings, on one sample: what is written was reviewed, what is read by others is valid.

use boon::{Compiler, Schemas};
use harness::report::{Command, Format, Limit, Options, Run, Summary, render};
use harness::rules::finding::{Finding, Place, Severity, Status, Suppressed, Told};
use harness::rules::registry::Registry;
use harness::syntax::span::Position;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

const PIPED: Options = Options { terminal: false, color: false, width: 100, limit: Limit::Usual, summary_only: false };

fn place(path: &str, line: u32, column: u32, length: u32) -> Place {
    let end = Position { line, column: column + length };
    Place { path: Arc::from(path), start: Position { line, column }, end }
}

fn finding(rule: &str, severity: Severity, place: Place, message: &str, remedy: &str) -> Finding {
    Finding::from(Told {
        rule: Arc::from(rule),
        severity,
        node: Some(Arc::from("model.shop.a")),
        subject: vec![Arc::from("model.shop.a"), Arc::from("model.shop.b")],
        message: message.to_owned(),
        remedy: remedy.to_owned(),
        locations: Vec::new(),
        fingerprint: format!("{:016x}", u64::from(place.start.line) * 0x1111_1111_1111),
        place,
        cause: None,
        fixable: false,
        status: Status::New,
    })
}

const MAY_REF: &str = "marts may ref staging, intermediate. Create an intermediate model or ref an existing one.";

/// All that a format has to tell apart: severities, a family, further places, several lines, no node,
/// the old and the excused, names and messages that nobody would write in good faith.
struct Sample {
    findings: Vec<Finding>,
    suppressed: Vec<Suppressed>,
    summary: Summary,
    texts: BTreeMap<Arc<str>, Arc<str>>,
    command: Command,
}

fn sample() -> Sample {
    let mut twice = finding(
        "DEPENDENCY_DIRECTION",
        Severity::Error,
        place("models/marts/a.sql", 3, 9, 12),
        "refs staging model 'stg_b' directly.",
        MAY_REF,
    );
    twice.locations = vec![place("models/marts/a.sql", 8, 14, 12), place("models/marts/b c.sql", 1, 1, 0)];
    let mut evil = finding(
        "PARSE_ERROR",
        Severity::Error,
        place("models/marts/\u{1b}[2J\u{202e},a:b%.yml", 2, 1, 4),
        "50% of it\r\n::error::\u{200b}, see: above",
        "",
    );
    evil.node = None;
    let mut long = finding(
        "CTE_MISSING_FINAL",
        Severity::Warning,
        place("models/staging/stg_ü.sql", 4, 1, 3),
        "has no CTE 'final'.",
        "Add the CTE 'final'.",
    );
    long.place.end.line = 6;
    let info = finding(
        "PACKAGE_NOT_INSTALLED",
        Severity::Info,
        place("packages.yml", 2, 5, 3),
        "package 'x' is not installed.",
        "Run `dbt deps`.",
    );
    let mut old =
        finding("CYCLE", Severity::Error, place("models/marts/z.sql", 7, 1, 3), "reads itself.", "Break the circle.");
    old.status = Status::Old;
    let excused = finding(
        "SOURCE_OUTSIDE_STAGING",
        Severity::Warning,
        place("models/marts/a.sql", 5, 2, 3),
        "reads source 'x.y' in layer marts.",
        "Read the source's staging model.",
    );
    let suppressed = vec![Suppressed {
        finding: excused,
        reason: "until the move".to_owned(),
        by: place("models/marts/a.sql", 4, 1, 30),
    }];
    let mut direction = twice.clone();
    direction.place = place("models/marts/c.sql", 2, 6, 12);
    direction.locations.clear();
    direction.remedy = "reports may ref marts. Ref a mart.".to_owned();
    direction.fingerprint = "abcdef0123456789".to_owned();
    let findings = vec![evil, twice, direction, old, long, info];
    let summary = Summary {
        models: 9,
        files: 12,
        not_understood: 1,
        suppressed: 1,
        fixed: Some(2),
        rules_run: ["CYCLE", "CTE_MISSING_{CTE}", "DEPENDENCY_DIRECTION", "PARSE_ERROR"].map(Arc::from).to_vec(),
        rules_skipped: vec![Arc::from("MISSING_TESTS")],
        ..Summary::of(&findings)
    };
    let text = "select *\n\nfrom {{ ref('stg_b') }}\n";
    let texts = BTreeMap::from([(Arc::from("models/marts/a.sql"), Arc::from(text))]);
    let command = Command {
        plain: "harness check --project-dir shop".to_owned(),
        whole: "harness check --project-dir shop --rule CYCLE".to_owned(),
    };
    Sample { findings, suppressed, summary, texts, command }
}

impl Sample {
    fn render(&self, format: Format, options: &Options) -> String {
        let run = Run {
            findings: &self.findings,
            fixed: &[],
            suppressed: &self.suppressed,
            summary: &self.summary,
            registry: Registry::embedded().unwrap(),
            folder: "transform/shop",
            texts: &self.texts,
            command: &self.command,
        };
        render(format, &run, options)
    }

    /// Without a baseline: what was old is as new as the rest.
    fn uncompared(mut self) -> Self {
        self.findings.iter_mut().for_each(|finding| finding.status = Status::New);
        self.summary = Summary { fixed: None, old: 0, ..self.summary };
        let counted = Summary::of(&self.findings);
        (self.summary.errors, self.summary.by_rule) = (counted.errors, counted.by_rule);
        self
    }

    /// So many findings of two rules, with the paths and texts of a large project.
    fn large(count: u32) -> Self {
        Self::in_files(count, count)
    }

    fn in_files(count: u32, files: u32) -> Self {
        let mut findings: Vec<Finding> = (1..=count)
            .map(|n| {
                let file = (n - 1) % files + 1;
                let path = format!("models/operations/intermediate/production/int_production__well_{file:03}.sql");
                let (rule, severity) = if n % 3 == 0 {
                    ("UNKNOWN_REF", Severity::Error)
                } else {
                    ("DEPENDENCY_DIRECTION", Severity::Warning)
                };
                let message = format!("refs marts model 'fct_production__daily_allocated_volumes_{n:03}' directly.");
                finding(rule, severity, place(&path, n, 10, 4), &message, MAY_REF)
            })
            .collect();
        findings.sort_by(|one, other| one.place.path.cmp(&other.place.path));
        let summary = Summary { models: 450, files: 900, ..Summary::of(&findings) };
        let command = Command { plain: "harness check".to_owned(), whole: "harness check".to_owned() };
        Self { findings, suppressed: Vec::new(), summary, texts: BTreeMap::new(), command }
    }
}

fn pretty(json: &str) -> String {
    serde_json::to_string_pretty(&serde_json::from_str::<Value>(json).unwrap()).unwrap()
}

/// The whole, with prose of rule files left out: it is theirs to change.
fn pretty_sarif(json: &str) -> String {
    let mut document: Value = serde_json::from_str(json).unwrap();
    for rule in document["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap() {
        for key in ["shortDescription", "fullDescription", "help"] {
            for text in rule[key].as_object_mut().unwrap().values_mut() {
                assert!(!text.as_str().unwrap().is_empty());
                *text = "[the rule's file]".into();
            }
        }
    }
    serde_json::to_string_pretty(&document).unwrap()
}

#[test]
fn each_format_writes_what_was_reviewed() {
    for format in Format::ALL {
        let text = sample().render(format, &PIPED);
        assert!(text.ends_with('\n'), "{}", format.name());
        let text = match format {
            Format::Json => pretty(&text),
            Format::Sarif => pretty_sarif(&text),
            _ => text,
        };
        insta::assert_snapshot!(format!("sample_{}", format.name()), text);
    }
    insta::assert_snapshot!("sample_terminal", sample().render(Format::Text, &Options { terminal: true, ..PIPED }));
}

#[test]
fn a_family_is_one_rule_whose_remedy_is_told_once() {
    let member = |cte: &str, line| {
        let place = place("models/staging/stg_a.sql", line, 1, 3);
        finding(&format!("CTE_MISSING_{cte}"), Severity::Error, place, "has no such CTE.", "Add the CTE.")
    };
    let findings = vec![member("FINAL", 1), member("SOURCE", 2)];
    let family = Sample { summary: Summary::of(&findings), findings, ..sample() };
    for format in [Format::Text, Format::Agent] {
        let text = family.render(format, &PIPED);
        assert_eq!((text.matches("has no such CTE.").count(), text.matches("→ Add").count()), (2, 1), "{text}");
    }
}

#[test]
fn without_a_baseline_nothing_is_called_new() {
    let sample = sample().uncompared();
    let agent = sample.render(Format::Agent, &PIPED);
    let verdict = agent.lines().next().unwrap();
    assert_eq!(
        verdict,
        "4 errors, 1 warning, 1 info: DEPENDENCY_DIRECTION 2, CYCLE 1, PARSE_ERROR 1, CTE_MISSING_FINAL 1, \
         PACKAGE_NOT_INSTALLED 1; 1 file not understood; 1 suppressed"
    );
    for format in [Format::Text, Format::Concise, Format::Github] {
        let text = sample.render(format, &PIPED);
        assert!(!text.contains("new") && !text.contains("old") && text.contains("reads itself."), "{text}");
    }
    assert!(!sample.render(Format::Sarif, &PIPED).contains("baselineState"));
}

#[test]
fn a_clean_run_says_so_in_each_format() {
    let clean = Sample { findings: Vec::new(), suppressed: Vec::new(), summary: Summary::default(), ..sample() };
    let text = |format| clean.render(format, &PIPED);
    assert_eq!(text(Format::Concise), "No findings; 0 models checked, 0 files read.\n");
    assert_eq!(text(Format::Agent), "0 findings\n");
    assert_eq!(text(Format::Ndjson), "");
    assert_eq!(text(Format::Github), "");
    let sarif: Value = serde_json::from_str(&text(Format::Sarif)).unwrap();
    assert_eq!(sarif["runs"][0]["results"], Value::Array(Vec::new()));
    assert!(problems(&sarif).is_empty());
}

fn problems(document: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(include_str!("../sarif/sarif-schema-2.1.0.json")).unwrap();
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("sarif.json", schema).unwrap();
    let index = compiler.compile("sarif.json", &mut schemas).unwrap();
    schemas.validate(document, index).err().map(|error| format!("{error:#}")).into_iter().collect()
}

#[test]
fn sarif_is_what_the_standards_schema_asks_for() {
    for sample in [sample(), sample().uncompared(), Sample::large(120)] {
        let mut document: Value = serde_json::from_str(&sample.render(Format::Sarif, &PIPED)).unwrap();
        assert_eq!(problems(&document), Vec::<String>::new());
        for result in document["runs"][0]["results"].as_array().unwrap() {
            let at = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            let rule = &document["runs"][0]["tool"]["driver"]["rules"][at];
            assert_eq!(rule["id"], result["ruleId"]);
        }
        document["runs"][0]["columnKind"] = "bytes".into();
        assert!(!problems(&document).is_empty(), "the schema is in use");
    }
}

#[test]
fn ndjson_has_the_objects_of_json() {
    let sample = sample();
    let whole: Value = serde_json::from_str(&sample.render(Format::Json, &PIPED)).unwrap();
    let lines: Vec<Value> =
        sample.render(Format::Ndjson, &PIPED).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::Array(lines), whole["findings"]);
    assert_eq!(whole["summary"]["old"], 1);
    assert_eq!(whole["summary"]["errors"], 3, "the old one is not counted");
}

#[test]
fn no_format_for_people_lets_a_name_move_hide_or_reorder_a_line() {
    for format in [Format::Text, Format::Concise, Format::Agent, Format::Github] {
        for terminal in [false, true] {
            let text = sample().render(format, &Options { terminal, ..PIPED });
            let bad = text.chars().find(|letter| {
                (letter.is_control() && *letter != '\n')
                    || matches!(letter, '\u{200b}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            });
            assert_eq!(bad, None, "{}: {text}", format.name());
            assert!(!text.contains("\n::error::"), "{}", format.name());
        }
    }
}

#[test]
fn caps_hold_where_people_and_agents_read_and_never_where_machines_do() {
    let large = Sample::large(120);
    let lines = |format, options: Options| large.render(format, &options).lines().count();
    let places = |format, options: Options| large.render(format, &options).matches("int_production__well_").count();
    // A header and a line a finding, the remedies of two rules, what is hidden, the totals.
    assert_eq!(lines(Format::Text, PIPED), 50 + 50 + 2 + 4);
    let first = Options { limit: Limit::First(5), ..PIPED };
    let all = Options { limit: Limit::All, ..PIPED };
    assert_eq!(places(Format::Concise, PIPED), 120);
    assert_eq!(places(Format::Concise, first), 5);
    assert_eq!([PIPED, first, all].map(|options| places(Format::Agent, options)), [20, 5, 120]);
    assert_eq!([PIPED, first, all].map(|options| places(Format::Github, options)), [20, 5, 120]);
    for format in [Format::Json, Format::Ndjson, Format::Sarif] {
        assert_eq!(places(format, first), 120, "{}", format.name());
    }
}

#[test]
fn what_github_would_drop_is_told_in_a_notice() {
    let text = Sample::large(120).render(Format::Github, &PIPED);
    let (first, rest) = text.split_once('\n').unwrap();
    assert_eq!(first, "::notice title=harness::100 more findings not shown here; `harness check` prints them.");
    assert_eq!(rest.matches("::error file=transform/shop/models/").count(), 10);
    assert_eq!(rest.matches("::warning file=transform/shop/models/").count(), 10);
}

#[test]
fn an_agent_pays_forty_tokens_a_finding_and_gets_the_worst_first() {
    // A token of these texts has four letters and more.
    for (count, files) in [(20, 10), (20, 5), (21, 11), (120, 60)] {
        let text = Sample::in_files(count, files).render(Format::Agent, &PIPED);
        let characters = text.chars().count();
        assert!(characters <= 20 * 160, "{characters} for 20 findings:\n{text}");
        // The worst of 120 are all of one rule.
        assert_eq!(text.matches("→").count(), if count == 120 { 1 } else { 2 });
        let mut is_error = Vec::new();
        for line in text.lines().skip(1).filter(|line| line.contains('#') || !line.starts_with(' ')) {
            let is_head = !line.starts_with(' ');
            if is_head {
                is_error.push(false);
            }
            if let Some(last) = is_error.last_mut() {
                *last |= if is_head { line.starts_with("E ") } else { line.contains(" E ") };
            }
        }
        assert!(is_error.is_sorted_by(|first, second| first >= second), "{text}");
    }
    let few = Sample::large(3).render(Format::Agent, &PIPED);
    assert_eq!(few.matches(MAY_REF).count(), 2, "{few}");
    let text = Sample::large(120).render(Format::Agent, &PIPED);
    let verdict = "40 errors, 80 warnings: UNKNOWN_REF 40, DEPENDENCY_DIRECTION 80; the worst 20 shown";
    assert_eq!(text.lines().next(), Some(verdict), "{text}");
    assert!(text.ends_with("\nNext: harness check --rule UNKNOWN_REF --limit all --format agent\n"), "{text}");
}

#[test]
fn an_agent_pays_twenty_five_tokens_a_finding_of_a_rule_that_says_one_thing() {
    let mut sample = Sample::large(50);
    for found in &mut sample.findings {
        found.rule = "INTERMEDIATE_AS_VIEW".into();
        found.severity = Severity::Warning;
        found.message = "is materialized as a view.".to_owned();
    }
    sample.summary = Summary::of(&sample.findings);
    let text = sample.render(Format::Agent, &Options { limit: Limit::All, ..PIPED });
    assert_eq!((text.matches("is materialized").count(), text.matches("→").count()), (1, 1), "{text}");
    let characters = text.chars().count();
    assert!(characters <= 50 * 100, "{characters}:\n{text}");
}
