//! Every rule is what its file says: each test case is run, and no rule can lose its body unseen.

use harness::rules::finding::{Finding, Place, Severity, Status, Told};
use harness::rules::registry::Registry;
use harness::rules::rule::Rule;
use harness::session::{case_failure, check_files};

type Check<'a> = &'a dyn Fn(&[(String, String)], Option<&str>) -> Vec<Finding>;

fn check(files: &[(String, String)], only: Option<&str>) -> Vec<Finding> {
    check_files(files, only).unwrap_or_else(|error| panic!("{error}"))
}

fn registry() -> &'static Registry {
    Registry::embedded().unwrap_or_else(|errors| panic!("{errors}"))
}

/// What each failing case expects and gets; empty where the rule does what its file says.
fn failures(rule: &Rule, check: Check<'_>) -> Vec<String> {
    let cases = rule.cases.iter();
    let failures = cases.filter_map(|case| case_failure(rule, case, Ok(check(&case.files, Some(&rule.id)))));
    failures.map(|failure| failure.to_string()).collect()
}

#[test]
fn every_case_of_every_rule_reports_what_its_file_says() {
    let failed: Vec<String> = registry().rules().iter().flat_map(|rule| failures(rule, &check)).collect();
    assert!(failed.is_empty(), "{} cases fail\n\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn every_rule_has_a_case_with_findings_and_one_without() {
    for rule in registry().rules() {
        let with = rule.cases.iter().filter(|case| !case.expected.is_empty()).count();
        assert!(with > 0, "{}: no case with findings", rule.path);
        assert!(with < rule.cases.len(), "{}: no case without findings", rule.path);
    }
}

#[test]
fn every_rule_has_a_case_that_demands_its_message() {
    for rule in registry().rules().iter().filter(|rule| rule.message.names().next().is_some()) {
        let mut lines = rule.cases.iter().flat_map(|case| &case.expected);
        // What a file that cannot be read says comes from the parser, whole.
        let passes_on = rule.message.parts().len() == 1;
        assert!(passes_on || lines.any(|line| line.message.is_some()), "{}: no case demands the message", rule.path);
    }
}

/// A rule whose relation is empty reports nothing, whatever else goes on.
#[test]
fn a_rule_whose_relation_is_emptied_fails_its_cases() {
    for rule in registry().rules() {
        assert!(!failures(rule, &|_, _| Vec::new()).is_empty(), "{} would not miss it", rule.path);
    }
}

/// A rule that reports on all it sees is as broken as one that sees nothing.
#[test]
fn a_rule_that_reports_too_much_fails_its_cases() {
    for rule in registry().rules() {
        let any = rule.cases.iter().find_map(|case| case.expected.first());
        let expected = any.unwrap_or_else(|| panic!("{}: no case with findings", rule.path));
        let everywhere = Finding::from(Told {
            rule: expected.rule.as_str().into(),
            severity: Severity::Error,
            place: Place { path: expected.path.as_str().into(), start: expected.at, end: expected.at },
            node: None,
            subject: Vec::new(),
            message: expected.message.clone().unwrap_or_default(),
            remedy: String::new(),
            locations: Vec::new(),
            fingerprint: String::new(),
            cause: None,
            fixable: false,
            status: Status::New,
        });
        let failed = failures(rule, &|_, _| vec![everywhere.clone()]);
        assert!(!failed.is_empty(), "{} would not see it", rule.path);
    }
}

#[test]
fn every_rule_tells_what_it_finds_why_how_to_fix_it_and_when_to_ignore_it() {
    for rule in registry().rules() {
        let mut rest = rule.prose.as_str();
        for part in ["What it finds", "Why it matters", "How to fix it", "When to ignore it"] {
            let lead = format!("**{part}.** ");
            let at = rest.find(&lead).unwrap_or_else(|| panic!("{}: no '{lead}'", rule.path));
            rest = &rest[at + lead.len()..];
        }
    }
}

#[test]
fn a_table_read_by_name_has_the_remedy_of_what_makes_it_and_never_of_its_own_reader() {
    let files: Vec<(String, String)> = [
        ("dbt_project.yml", "name: shop\nmodels:\n  shop:\n    core: {+schema: core}\n"),
        (
            "models/raw.yml",
            "sources:\n  - name: crm\n    schema: raw\n    tables: [{name: people, identifier: Persons}]\n",
        ),
        ("models/orders.sql", "select * from dev.orders join prod.orders on true\n"),
        ("models/core/lines.sql", "select 1 as id\n"),
        ("models/core/renamed.sql", "{{ config(alias='parts') }} select 1 as id\n"),
        (
            "models/report.sql",
            "select * from dev.orders join prod.orders on true join \"CORE\".lines on true\n\
             join dev_core.parts on true join raw.persons on true join lines on true join report on true\n",
        ),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .into();
    let outside = "Declare it as a source and read it with source(), or ref the model that makes it.";
    let found = check(&files, Some("HARD_CODED_REFERENCE"));
    let told: Vec<(&str, &str)> = found.iter().map(|it| (&*it.message, &*it.remedy)).collect();
    assert_eq!(
        told,
        [
            ("reads dev.orders by its name.", "Write {{ this }}, in braces."),
            ("reads prod.orders by its name.", outside),
            ("reads dev.orders by its name.", "Write {{ ref('orders') }}."),
            ("reads prod.orders by its name.", outside),
            ("reads \"CORE\".lines by its name.", "Write {{ ref('lines') }}."),
            ("reads dev_core.parts by its name.", "Write {{ ref('renamed') }}."),
            ("reads raw.persons by its name.", "Write {{ source('crm', 'people') }}."),
            ("reads lines by its name.", "Write {{ ref('lines') }}."),
            ("reads report by its name.", outside),
        ]
    );
}
