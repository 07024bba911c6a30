//! The `datalog` block of a rule: which heads it has, and what they must give.

use crate::datalog::{Diagnostic, Form, Forms, Reports, Span};
use crate::rules::case::Wrong;

/// What blocks report, and how.
pub const FINDING: &str = "finding";
pub const SUBJECT: &str = "subject";
/// The argument that says at which row's place a finding stands.
pub const ROW: &str = "at";
pub(crate) const FORMS: Forms<'static> = Forms { heads: &[FINDING, SUBJECT], row: ROW };
/// Arguments of a head that texts cannot name.
const PLACE: [&str; 5] = [ROW, "line", "column", "subject", "severity"];
pub(crate) const NO_BLOCK: &str = "the rule has no block '```datalog' that says what it finds";

/// What a finding's head is known to give.
pub(crate) struct Head {
    pub(crate) line: u32,
    pub(crate) known: Vec<String>,
}

/// The heads that report findings, checked: each must stand somewhere.
pub(crate) fn heads(reports: &Reports, program: &str, program_line: u32) -> Result<Vec<Head>, Wrong> {
    let line_of = |span: Span| program_line + span.line_in(program) - 1;
    let mut heads = Vec::new();
    for report in reports.reports.iter().filter(|report| report.head == FINDING) {
        let line = line_of(report.span);
        let arg = |name: &str| report.args.iter().find(|arg| arg.name == name);
        if let Some(position) = report.args.iter().find(|arg| arg.name.starts_with(|x: char| x.is_ascii_digit())) {
            let message = "finding(…) takes its arguments by name: finding(node: m, …)";
            return Err((line_of(position.span), message.to_owned()));
        }
        if ["node", ROW, "path"].iter().all(|name| arg(name).is_none()) {
            return Err((line, "a finding stands somewhere: give it node:, at: or path:".to_owned()));
        }
        if let (Some(at), true) = (arg(ROW), arg("path").or(arg("line")).is_some()) {
            return Err((
                line_of(at.span),
                "a finding stands in one place: give it at:, or path: and line:".to_owned(),
            ));
        }
        if let Some(list) = report.args.iter().find(|arg| arg.name != "subject" && matches!(arg.form, Form::List(_))) {
            return Err((line_of(list.span), "only subject: is a list".to_owned()));
        }
        let given = report.args.iter().map(|arg| arg.name.clone()).filter(|name| !PLACE.contains(&name.as_str()));
        let mut known: Vec<String> = given.collect();
        let own = arg("node").map(|_| "name").into_iter().chain(["path"]);
        known.extend(own.filter(|name| arg(name).is_none()).map(str::to_owned));
        heads.push(Head { line, known });
    }
    if heads.is_empty() {
        return Err((program_line, "the block has no head finding(…)".to_owned()));
    }
    Ok(heads)
}

/// The gravest of a block's errors, the first, as one of the file.
pub(crate) fn first_of(errors: &[Diagnostic], program: &str, program_line: u32) -> Wrong {
    match errors.first() {
        Some(error) => (program_line + error.span.line_in(program) - 1, told(error)),
        None => (program_line, "the block cannot be read".to_owned()),
    }
}

/// An error of a block as one line.
pub(crate) fn told(error: &Diagnostic) -> String {
    let gap = if error.remedy.is_empty() { "" } else { " " };
    format!("datalog: {}{gap}{}", error.message, error.remedy)
}
