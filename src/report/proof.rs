//! Proofs: a tree for people, nested objects for programs.

use super::escaped;
use crate::datalog::{Constant, Type};
use crate::query::{Kind, Tree, shown_id};
use serde_json::{Value, json};
use std::fmt::Write;

/// Lines of a proof before it is cut.
pub const USUAL_LINES: usize = 15;

/// One line a row, premises indented below what follows from them; at most `lines`.
pub fn text(tree: &Tree, lines: Option<usize>) -> String {
    let mut all = Vec::new();
    write(tree, "", "", &mut all);
    let most = lines.unwrap_or(usize::MAX);
    let mut shown = String::new();
    let cut = all.len() > most;
    for line in all.iter().take(if cut { most.saturating_sub(1) } else { most }) {
        let _ = writeln!(shown, "{line}");
    }
    if cut {
        let _ = writeln!(shown, "… {} more lines: --full prints them", all.len() + 1 - most.max(1));
    }
    shown
}

fn write(tree: &Tree, first: &str, rest: &str, lines: &mut Vec<String>) {
    let mut line = format!("{first}{}", headline(tree));
    if let Some(note) = &tree.note {
        let _ = write!(line, " … {note}");
    }
    if let Some(place) = &tree.place {
        let _ = write!(line, "  {}:{}:{}", escaped(&place.path), place.start.line, place.start.column);
    } else if tree.kind == Kind::Setting {
        line.push_str("  by default");
    }
    lines.push(line);
    for (at, premise) in tree.premises.iter().enumerate() {
        let is_last = at + 1 == tree.premises.len();
        let (branch, below) = if is_last { ("└ ", "  ") } else { ("├ ", "│ ") };
        write(premise, &format!("{rest}{branch}"), &format!("{rest}{below}"), lines);
    }
}

fn headline(tree: &Tree) -> String {
    let args: Vec<String> = tree.args.iter().map(|(value, of)| argument(value.as_ref(), *of)).collect();
    let row = format!("{}({})", tree.relation, args.join(", "));
    match tree.kind {
        Kind::Absence => format!("no {row}"),
        Kind::Setting => format!("setting {row}"),
        Kind::Aggregate => format!("{} = {}", tree.relation, args.concat()),
        Kind::Fact | Kind::Rule if tree.relation == ANSWER => format!("answer({})", args.join(", ")),
        Kind::Fact | Kind::Rule => row,
    }
}

/// The relation of a question's answer.
const ANSWER: &str = "?";

fn argument(value: Option<&Constant>, of: Type) -> String {
    match value {
        None => "_".to_owned(),
        Some(Constant::Text(text)) if of == Type::Node => escaped(shown_id(text)).into_owned(),
        Some(Constant::Text(text)) => format!("\"{}\"", escaped(text)),
        Some(number) => number.to_string(),
    }
}

/// `{"relation":…,"args":[…],"path":…,"line":…,"column":…,"kind":…,"premises":[…]}`
pub fn json(tree: &Tree) -> String {
    format!("{}\n", object(tree))
}

fn object(tree: &Tree) -> Value {
    let args: Vec<Value> = tree
        .args
        .iter()
        .map(|(value, _)| match value {
            None => Value::Null,
            Some(Constant::Int(number)) => json!(number),
            Some(other) => json!(other.to_string()),
        })
        .collect();
    let premises: Vec<Value> = tree.premises.iter().map(object).collect();
    let place = tree.place.as_ref();
    let mut object = json!({
        "relation": if tree.relation == ANSWER { "answer" } else { &tree.relation },
        "args": args,
        "path": place.map(|place| &*place.path),
        "line": place.map(|place| place.start.line),
        "column": place.map(|place| place.start.column),
        "kind": tree.kind.name(),
        "premises": premises,
    });
    if let (Some(note), Some(fields)) = (&tree.note, object.as_object_mut()) {
        fields.insert("note".to_owned(), json!(note));
    }
    object
}
