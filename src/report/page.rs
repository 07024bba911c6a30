//! What a rule is: its page for people, and the same for programs.

use crate::db::settings::OptionValue;
use crate::rules::rule::{Rule, Stated};
use serde_json::{Value, json};

pub fn text(rule: &Rule) -> String {
    let mut page = format!("{} ({}, group {})\n", rule.id, severity(rule), rule.group);
    let mut line = |words: String| page.push_str(&format!("{words}\n"));
    if !rule.aliases.is_empty() {
        line(format!("Also called {}.", rule.aliases.join(", ")));
    }
    if !rule.presets.is_empty() {
        line(format!("Off unless `extends:` names {}.", rule.presets.join(" or ")));
    }
    if let Some(key) = rule.stated_by.map(key) {
        let else_what = if rule.is_convention { "judged by how well the repo keeps it" } else { "silent" };
        line(format!("On where harness.yml has `{key}:`, else {else_what}."));
    } else if rule.is_convention {
        line(
            "A convention: on where nearly all of the repo keeps it, unless harness.yml gives it a severity."
                .to_owned(),
        );
    }
    page.push_str(&format!("\n# {}\n\n{}\n", rule.title, rule.prose));
    if !rule.options.is_empty() {
        page.push_str("\n**Options.**\n\n");
        for (name, option) in &rule.options {
            page.push_str(&format!("- `{name}: {}` {}\n", shown(&option.default), option.doc));
        }
    }
    if let Some(lesson) = &rule.lesson {
        page.push_str(&format!("\n**Read on.** {lesson}\n"));
    }
    page.push_str(&format!("\n```datalog\n{}\n```\n", rule.program.text().trim_end()));
    page
}

pub fn document(rule: &Rule) -> String {
    let options = rule
        .options
        .iter()
        .map(|(name, option)| json!({"name": name, "default": value(&option.default), "doc": option.doc}));
    let document = json!({
        "id": &*rule.id,
        "group": rule.group,
        "severity": severity(rule),
        "title": rule.title,
        "prose": rule.prose,
        "path": rule.path,
        "aliases": rule.aliases,
        "presets": rule.presets,
        "options": options.collect::<Vec<Value>>(),
        "datalog": rule.program.text(),
    });
    format!("{document}\n")
}

fn severity(rule: &Rule) -> &'static str {
    rule.severity.map_or("off", |severity| severity.name())
}

fn key(stated: Stated) -> &'static str {
    match stated {
        Stated::Layers => "layers",
        Stated::Tenants => "tenants",
        Stated::Staging => "staging",
        Stated::Domains => "domains",
        Stated::Rules => "rules",
    }
}

fn value(option: &OptionValue) -> Value {
    match option {
        OptionValue::Switch(switch) => json!(switch),
        OptionValue::Number(number) => json!(number),
        OptionValue::Text(text) => json!(text),
        OptionValue::List(values) => json!(values),
    }
}

fn shown(option: &OptionValue) -> String {
    match option {
        OptionValue::Text(text) => format!("\"{text}\""),
        OptionValue::List(values) => format!("[{}]", values.join(", ")),
        other => value(other).to_string(),
    }
}
