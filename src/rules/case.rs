//! The body of a rule file: its title, its prose, and the small projects it is tested on.

use crate::rules::rule::Rule;
use crate::syntax::span::Position;

/// A small project and what the rule must report on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub name: String,
    /// Of its heading in the rule file.
    pub line: u32,
    /// Paths and texts; a dbt_project.yml is always among them.
    pub files: Vec<(String, String)>,
    pub expected: Vec<Expected>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expected {
    pub path: String,
    pub at: Position,
    pub rule: String,
    /// `None` where the case leaves the wording open.
    pub message: Option<String>,
}

/// What is wrong in a file and on which line, before it is known which file it is.
pub(crate) type Wrong = (u32, String);

/// What stands below the front matter.
pub(crate) struct Body {
    pub(crate) title: String,
    pub(crate) prose: String,
    /// The `datalog` block and the line on which its first line stands.
    pub(crate) program: Option<(u32, String)>,
    pub(crate) cases: Vec<RawCase>,
}

/// A test case as it is written, before it is known whose it is.
pub(crate) struct RawCase {
    name: String,
    line: u32,
    fences: Vec<Fence>,
}

struct Fence {
    info: String,
    line: u32,
    lines: Vec<(u32, String)>,
}

impl Body {
    /// `before` is how many lines of the file stand above.
    pub(crate) fn read(lines: &[&str], before: usize) -> Result<Self, Wrong> {
        let mut title: Option<String> = None;
        let mut prose: Vec<&str> = Vec::new();
        let mut cases: Vec<RawCase> = Vec::new();
        let mut program: Option<(u32, String)> = None;
        let mut rest = lines.iter().enumerate().map(|(at, line)| (number(before + at), *line));
        while let Some((at, line)) = rest.next() {
            if let Some((mark, info)) = opening(line) {
                let mut fence = Fence { info: info.to_owned(), line: at, lines: Vec::new() };
                let mut raw = vec![line];
                loop {
                    let Some((inner, text)) = rest.next() else {
                        return Err((at, format!("the fence '{mark}' is never closed")));
                    };
                    raw.push(text);
                    if closes(text, mark) {
                        break;
                    }
                    fence.lines.push((inner, text.to_owned()));
                }
                match cases.last_mut() {
                    None if fence.info == "datalog" && program.is_some() => {
                        return Err((at, "a rule has one block '```datalog'".to_owned()));
                    }
                    None if fence.info == "datalog" => {
                        let lines: Vec<String> = fence.lines.into_iter().map(|(_, text)| text + "\n").collect();
                        program = Some((at + 1, lines.concat()));
                    }
                    Some(case) => case.fences.push(fence),
                    None => prose.extend(raw),
                }
                continue;
            }
            match heading(line) {
                Some((1, text)) if title.is_none() => title = Some(text.to_owned()),
                Some((1, _)) => {
                    return Err((at, "a rule has one title, the first heading".to_owned()));
                }
                Some((2, _)) if title.is_none() => {
                    return Err((at, "the title ('# …') comes before the first test case".to_owned()));
                }
                Some((2, name)) => {
                    cases.push(RawCase { name: name.to_owned(), line: at, fences: Vec::new() });
                }
                Some(_) => {
                    return Err((at, "a rule's headings are its title ('#') and its test cases ('##')".to_owned()));
                }
                // Words between the fences of a case are for the reader.
                None if !cases.is_empty() => {}
                None if title.is_none() && !line.trim().is_empty() => {
                    return Err((at, "the title ('# …') comes first".to_owned()));
                }
                None => prose.push(line),
            }
        }
        let title = title.ok_or((number(before.saturating_sub(1)), "the rule has no title ('# …')".to_owned()))?;
        Ok(Self { title, prose: prose.join("\n").trim().to_owned(), program, cases })
    }
}

impl RawCase {
    pub(crate) fn finish(self, rule: &Rule) -> Result<Case, Wrong> {
        let mut files: Vec<(String, String)> = Vec::new();
        let mut findings: Option<Fence> = None;
        for fence in self.fences {
            if fence.info == "findings" {
                if findings.is_some() {
                    return Err((fence.line, "a test case has one fence 'findings'".to_owned()));
                }
                findings = Some(fence);
                continue;
            }
            let path = match fence.info.split_once(' ') {
                Some((_, path)) => path.trim(),
                None => {
                    return Err((fence.line, "a test case's fence is 'LANGUAGE PATH' or 'findings'".to_owned()));
                }
            };
            if path.split('/').any(|part| matches!(part, "" | "." | "..")) || path.contains('\\') {
                return Err((fence.line, format!("'{path}' is no path inside a project")));
            }
            if files.iter().any(|file| file.0 == path) {
                return Err((fence.line, format!("'{path}' stands twice in this test case")));
            }
            let mut text = String::new();
            for (_, line) in &fence.lines {
                text.push_str(line);
                text.push('\n');
            }
            files.push((path.to_owned(), text));
        }
        if !files.iter().any(|file| file.0 == "dbt_project.yml") {
            files.push(("dbt_project.yml".to_owned(), DEFAULT_PROJECT.to_owned()));
        }

        let findings = findings.ok_or((self.line, "the test case has no fence 'findings'".to_owned()))?;
        let mut expected = Vec::new();
        for (at, line) in findings.lines.iter().filter(|line| !line.1.trim().is_empty()) {
            let finding = Expected::read(line)
                .ok_or((*at, "a finding is written 'PATH:LINE:COLUMN RULE_ID message'".to_owned()))?;
            if !rule.owns(&finding.rule) {
                return Err((*at, format!("this rule reports {}, never {}", rule.id, finding.rule)));
            }
            if !files.iter().any(|file| file.0 == finding.path) {
                return Err((*at, format!("the test case has no file '{}'", finding.path)));
            }
            expected.push(finding);
        }
        Ok(Case { name: self.name, line: self.line, files, expected })
    }
}

const DEFAULT_PROJECT: &str = "\
name: shop
version: '1.0'
config-version: 2
model-paths: [models]
seed-paths: [seeds]
snapshot-paths: [snapshots]
macro-paths: [macros]
test-paths: [tests]
";

impl std::fmt::Display for Expected {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:{}:{} {}", self.path, self.at.line, self.at.column, self.rule)?;
        match &self.message {
            Some(message) => write!(out, " {message}"),
            None => Ok(()),
        }
    }
}

impl Expected {
    fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        // A path may hold spaces and colons: the first place that reads as `:1:2 ` ends it.
        let (path, at, rest) = line.match_indices(' ').find_map(|(space, _)| {
            let (before, column) = line.get(..space)?.rsplit_once(':')?;
            let (path, row) = before.rsplit_once(':')?;
            let at = Position { line: row.parse().ok()?, column: column.parse().ok()? };
            (!path.is_empty()).then_some((path, at, line.get(space..)?.trim_start()))
        })?;
        let (rule, message) = rest.split_once(' ').unwrap_or((rest, ""));
        let message = message.trim();
        Some(Self {
            path: path.to_owned(),
            at,
            rule: rule.to_owned(),
            message: (!message.is_empty()).then(|| message.to_owned()),
        })
    }
}

pub(crate) fn number(line: usize) -> u32 {
    u32::try_from(line + 1).unwrap_or(u32::MAX)
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    let text = text.strip_prefix(' ')?.trim();
    (matches!(level, 1..=6) && !text.is_empty()).then_some((level, text))
}

/// The mark and the info string of a line that opens a fence.
fn opening(line: &str) -> Option<(&str, &str)> {
    let length = |mark: char| line.len() - line.trim_start_matches(mark).len();
    let length = length('`').max(length('~'));
    (length >= 3).then(|| {
        let (mark, info) = line.split_at(length);
        (mark, info.trim())
    })
}

fn closes(line: &str, mark: &str) -> bool {
    let line = line.trim_end();
    line.len() >= mark.len() && mark.chars().next().is_some_and(|x| line.chars().all(|y| x == y))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(body: &str) -> Result<Rule, String> {
        let block = "```datalog\nfinding(node: m) :- hub(m).\n```\n";
        let body = body.replacen("# T\n", &format!("# T\n{block}"), 1);
        // Lines are counted as if there were no block.
        let more = if body.contains(block) { block.lines().count() } else { 0 };
        let text = format!("---\nseverity: error\nmessage: m\nstatus: stable\n---\n{body}");
        Rule::parse("queries/rules/project/hub-model.md", &text)
            .map_err(|error| format!("{}: {}", error.line as usize - more, error.message))
    }

    #[test]
    fn a_damaged_body_is_told_with_its_line() {
        for (body, expected) in [
            ("", "5: the rule has no title"),
            ("Words.\n", "6: the title ('# …') comes first"),
            ("# T\n# U\n", "7: a rule has one title"),
            ("# T\n### U\n", "7: a rule's headings are"),
            ("## One\n", "6: the title ('# …') comes before"),
            ("# T\n\n```sql\nselect\n", "8: the fence '```' is never closed"),
        ] {
            assert!(with(body).unwrap_err().starts_with(expected), "{body}");
        }
    }

    #[test]
    fn a_damaged_test_case_is_told_with_its_line() {
        let file = "```sql a.sql\nselect 1\n```\n";
        for (body, expected) in [
            (file.to_owned(), "7: the test case has no fence 'findings'"),
            (format!("{file}```sql\n```\n"), "11: a test case's fence is"),
            (format!("{file}{file}"), "11: 'a.sql' stands twice"),
            ("```sql ../a.sql\n```\n".to_owned(), "8: '../a.sql' is no path inside"),
            (format!("{file}```findings\n```\n```findings\n```\n"), "13: a test case has one fence"),
            (format!("{file}```findings\na.sql:1 HUB_MODEL\n```\n"), "12: a finding is written"),
            (format!("{file}```findings\na.sql:1:1 HUB\n```\n"), "12: this rule reports HUB_MODEL"),
            (format!("{file}```findings\nb.sql:1:1 HUB_MODEL\n```\n"), "12: the test case has no file"),
        ] {
            let error = with(&format!("# T\n## One\n{body}")).unwrap_err();
            assert!(error.starts_with(expected), "{body}\n{error}");
        }
    }

    #[test]
    fn an_expected_finding_may_have_spaces_in_its_path_and_its_message() {
        let finding = Expected::read("models/a b: c.sql:12:3 HUB_MODEL it is 1:2 big").unwrap();
        assert_eq!((finding.path.as_str(), finding.at.line, finding.at.column), ("models/a b: c.sql", 12, 3));
        assert_eq!((finding.rule.as_str(), finding.message.as_deref()), ("HUB_MODEL", Some("it is 1:2 big")));
        assert_eq!(Expected::read("a.sql:1:1 HUB_MODEL").unwrap().message, None);
        assert_eq!(Expected::read("a.sql:1:1"), None);
    }
}
