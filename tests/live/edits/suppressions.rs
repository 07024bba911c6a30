//! Suppressions of all forms: comments, and `meta` at each level. Mostly they silence what is found there.

use super::super::dice::Dice;
use super::super::yaml::{self, is_yaml};
use super::{Ops, World, inserted, line_start, write};
use serde_json::{Value, json};

const RULES: [&str; 10] = [
    "UNKNOWN_REF",
    "ORPHAN_MODEL",
    "MISSING_TESTS",
    "HARD_CODED_REFERENCE",
    "PARSE_ERROR",
    "UNKNOWN_SOURCE",
    "DUPLICATE_RESOURCE",
    "NO_RULE",
    "UNUSED_SUPPRESSION",
    "HUB_MODEL",
];

/// A rule that reports something now, or any.
fn rule(world: &World, dice: &mut Dice) -> String {
    let found = dice.some(&world.found).filter(|_| dice.in_a_hundred(70));
    found.map_or_else(|| (*dice.pick(&RULES)).to_owned(), |found| found.rule)
}

fn until(dice: &mut Dice) -> &'static str {
    // The day of the looks is in between.
    const DAYS: [&str; 7] = ["", "", "", "", "until 2026-01-31 ", "until 2030-01-31 ", "until soon "];
    DAYS[dice.below(DAYS.len())]
}

fn comment(world: &World, dice: &mut Dice, path: &str, rule: &str) -> String {
    let until = until(dice);
    let rules = match dice.below(8) {
        0 => format!("{rule}, CYCLE"),
        1 => format!("{rule}, {}", self::rule(world, dice)),
        _ => rule.to_owned(),
    };
    let said = match dice.below(12) {
        0 => format!("harness: ignore[{rules}]"),
        1 => format!("harness: ignroe[{rules}] it is meant so"),
        2 => "harness: ignore it is meant so".to_owned(),
        _ => format!("harness: ignore[{rules}] {until}it is meant so"),
    };
    let jinja = format!("{{# {said} #}}");
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "yml" | "yaml" | "py" => format!("# {said}"),
        "md" => jinja,
        _ => match dice.below(4) {
            0 => jinja,
            1 => format!("/* {said} */"),
            _ => format!("-- {said}"),
        },
    }
}

/// A comment: at a finding, above it or behind its line, or anywhere.
pub(super) fn by_comment(world: &mut World, dice: &mut Dice) -> Ops {
    let found = dice.some(&world.found).filter(|_| dice.in_a_hundred(75));
    if let Some(found) = found.filter(|found| world.files.contains_key(&found.path)) {
        let text = world.files[&found.path].clone();
        let comment = comment(world, dice, &found.path, &found.rule);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let at = (found.line.max(1) as usize - 1).min(lines.len());
        match lines.get_mut(at) {
            Some(line) if dice.in_a_hundred(40) => *line = format!("{line} {comment}"),
            _ => lines.insert(at, comment),
        }
        return write(found.path, lines.iter().map(|line| format!("{line}\n")).collect());
    }
    let (path, text) = world.some(dice, |path| !path.ends_with(".csv"))?;
    let rule = rule(world, dice);
    let comment = comment(world, dice, &path, &rule);
    let at = line_start(dice, &text);
    write(path, inserted(&text, at, &format!("{comment}\n")))
}

/// `meta` of any mapping: of nodes, columns, tables, tests, versions, folders, and of what has none.
pub(super) fn by_meta(world: &mut World, dice: &mut Dice) -> Ops {
    let is_top = dice.in_a_hundred(12);
    let (path, text) = world
        .some(dice, |path| if is_top { path == "dbt_project.yml" } else { is_yaml(path) && path.contains('/') })?;
    let document = yaml::document(&path, &text)?;
    let mut root = document.value.clone();
    let is_entry = |part: &&yaml::Part| part.is_map && !part.way.is_empty() && !part.way.contains("meta");
    let maps: Vec<&yaml::Part> = document.parts.iter().filter(is_entry).collect();
    let part = dice.some(&maps)?;
    let mut map = yaml::map(&mut root, &part.steps)?;
    if !is_top && !part.way.ends_with("config") && dice.in_a_hundred(50) {
        map = map.entry("config").or_insert_with(|| json!({})).as_object_mut()?;
    }
    let meta = map.entry(if is_top { "+meta" } else { "meta" }).or_insert_with(|| json!({})).as_object_mut()?;
    if meta.contains_key("harness") && dice.in_a_hundred(60) {
        meta.shift_remove("harness");
    } else {
        let rule = rule(world, dice);
        let list = match dice.below(8) {
            0 => Value::String(rule),
            1 => json!({"rule": rule, "reason": "it is meant so", "until": "2030-01-31"}),
            2 => json!([{"rule": rule, "reason": "it is meant so", "until": *dice.pick(&["2026-01-31", "soon"])}]),
            3 => json!([{"rule": [rule, "CYCLE"], "reason": "it is meant so"}]),
            4 => json!([rule, {"rule": "ORPHAN_MODEL"}]),
            5 => yaml::odd(dice),
            _ => json!([{"rule": rule, "reason": "it is meant so"}]),
        };
        meta.insert("harness".to_owned(), json!({"ignore": list}));
    }
    let lines = *dice.pick(&[4, 12]);
    write(path, yaml::text(&root, lines))
}

/// A comment that suppresses goes, or its line, or what stands beside it becomes another text.
pub(super) fn beside(world: &mut World, dice: &mut Dice) -> Ops {
    const MARK: &str = "harness: ignore";
    let with: Vec<String> =
        world.files.iter().filter(|(_, text)| text.contains(MARK)).map(|(path, _)| path.clone()).collect();
    let path = dice.some(&with)?;
    let text = &world.files[&path];
    let (at, _) = dice.some(&text.match_indices(MARK).collect::<Vec<_>>())?;
    let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
    let line = &text[start..end];
    let next = text[end..].lines().nth(1).unwrap_or_default();
    let changed = match dice.below(5) {
        0 => text.replacen(line, "", 1),
        1 => text.replacen(MARK, "once: ignore", 1),
        // What is suppressed is there no more.
        2 if !next.is_empty() => text.replacen(next, "", 1),
        3 if next.contains("ref('") => text.replacen(next, &next.replace("ref('", "ref('customers_"), 1),
        _ => text.replacen("select", "select 1 as one,", 1),
    };
    write(path, changed)
}
