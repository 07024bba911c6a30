//! A rule is one Markdown file: front matter, a title, prose, a `datalog` block, and test cases under `##`
//! headings. What it finds, what it says to people and what it is tested on are read from that one file.

pub use crate::db::settings::spelled_as_id;

use crate::datalog::Reports;
pub use crate::db::settings::OptionValue;
use crate::rules::adherence::Threshold;
use crate::rules::block::{FORMS, NO_BLOCK, SUBJECT, first_of, heads};
use crate::rules::case::{Body, Case, Wrong, number};
use crate::rules::finding::Severity;
use crate::rules::template::{Part, Template, TemplateError};
use serde::Deserialize;
use serde_saphyr::{DefaultMessageFormatter, MessageFormatter};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub struct Rule {
    /// As people write it; of a family with its placeholder: `CTE_MISSING_{CTE}`.
    pub id: Arc<str>,
    /// Set where each finding's id depends on what it is about.
    pub family: Option<Family>,
    /// The folder the file stands in.
    pub group: String,
    /// The file, relative to the repo it belongs to.
    pub path: String,
    /// `None` is off unless somebody switches it on.
    pub severity: Option<Severity>,
    /// The `datalog` block.
    pub program: Arc<Reports>,
    /// The line of the file on which the block's first line stands.
    pub program_line: u32,
    pub message: Template,
    /// Empty where nothing general can be said.
    pub remedy: Template,
    /// Findings that this text is the same of are told as one.
    pub cause: Option<Template>,
    /// A habit a repo may or may not have, where adherence decides; not a plain mistake. Its block says
    /// what could break it: `subject(…)`.
    pub is_convention: bool,
    /// What of harness.yml the rule compares with. Without it a convention is judged by its adherence, and
    /// any other rule says nothing.
    pub stated_by: Option<Stated>,
    pub options: BTreeMap<String, RuleOption>,
    pub status: Status,
    /// Rules that tell the same cause; where one does, this one need not.
    pub subsumed_by: Vec<String>,
    /// Figures of its own, by which alone it is on: `extends: strict` does not switch it on.
    pub adherence: Option<Threshold>,
    /// What it is called elsewhere, in the spelling of ids.
    pub aliases: Vec<String>,
    /// The sets of rules it belongs to; it is off unless one of them is asked for.
    pub presets: Vec<String>,
    /// The fix that a machine can make.
    pub fix: Option<String>,
    /// A document of the repo that teaches what the rule guards; printed with the remedy.
    pub lesson: Option<String>,
    pub title: String,
    /// Markdown, between the title and the first test case.
    pub prose: String,
    pub cases: Vec<Case>,
}

/// A part of harness.yml that switches rules on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stated {
    Layers,
    Tenants,
    Staging,
    Domains,
    /// The rule itself, under `rules:`.
    Rules,
}

/// An id with one placeholder, filled with the upper-cased value of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    pub prefix: String,
    pub arg: String,
    pub suffix: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleOption {
    pub default: OptionValue,
    pub doc: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    #[default]
    Stable,
    Preview,
}

/// Why a rule file cannot be used, and on which of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    pub path: String,
    pub line: u32,
    pub message: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.message)
    }
}

impl std::error::Error for RuleError {}

impl RuleError {
    /// The id that the file's name gives.
    pub fn id(&self) -> String {
        let file = self.path.rsplit('/').next().unwrap_or_default();
        spelled_as_id(file.strip_suffix(".md").unwrap_or(file))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    severity: Level,
    message: String,
    #[serde(default)]
    remedy: String,
    cause: Option<String>,
    id: Option<String>,
    #[serde(default)]
    stated_by: Option<Stated>,
    #[serde(default)]
    options: BTreeMap<String, RuleOption>,
    #[serde(default)]
    status: Status,
    #[serde(default)]
    subsumed_by: Vec<String>,
    adherence: Option<Threshold>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    presets: Vec<String>,
    fix: Option<String>,
    lesson: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Error,
    Warning,
    Info,
    Off,
}

impl Level {
    fn severity(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Info => Some(Severity::Info),
            Self::Off => None,
        }
    }
}

impl Rule {
    /// Reads a rule file; its path gives the rule's group and id.
    pub fn parse(path: &str, text: &str) -> Result<Self, RuleError> {
        read(path, text).map_err(|(line, message)| RuleError { path: path.to_owned(), line, message })
    }

    /// Why this rule cannot be used.
    pub fn broken(&self, line: u32, message: &str) -> RuleError {
        RuleError { path: self.path.clone(), line, message: message.to_owned() }
    }

    /// The id a finding with these arguments bears.
    pub fn finding_id<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> Arc<str> {
        match &self.family {
            None => Arc::clone(&self.id),
            Some(family) => Arc::from(family.member(value(&family.arg).unwrap_or_default())),
        }
    }

    /// Whether people call the rule so elsewhere.
    pub fn is_alias(&self, name: &str) -> bool {
        self.aliases.iter().any(|alias| alias == name)
    }

    /// Whether findings of this rule may bear the id.
    pub fn owns(&self, id: &str) -> bool {
        *self.id == *id || self.family.as_ref().is_some_and(|family| family.has(id))
    }
}

impl Family {
    fn member(&self, value: &str) -> String {
        // An id is one word on a command line and in a suppression, whatever the value holds.
        let word: String =
            value.to_uppercase().chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect();
        format!("{}{word}{}", self.prefix, self.suffix)
    }

    fn has(&self, id: &str) -> bool {
        id.strip_prefix(self.prefix.as_str())
            .and_then(|rest| rest.strip_suffix(self.suffix.as_str()))
            .is_some_and(|word| !word.is_empty() && self.member(word) == id)
    }
}

fn read(path: &str, text: &str) -> Result<Rule, Wrong> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let group = folder.rsplit('/').next().unwrap_or_default();
    let stem = file.strip_suffix(".md").unwrap_or(file);
    if !is_kebab(stem) {
        return Err((1, format!("'{stem}' is no rule name: write it in kebab-case, as my-rule.md")));
    }

    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    if lines.first().map(|line| line.trim_end()) != Some("---") {
        return Err((1, "a rule file begins with front matter between two lines '---'".to_owned()));
    }
    let end = lines
        .iter()
        .skip(1)
        .position(|line| line.trim_end() == "---")
        .map(|at| at + 1)
        .ok_or((1, "the front matter is not closed by a line '---'".to_owned()))?;
    let (head, body) = lines.split_at(end);
    let head = head.get(1..).unwrap_or_default();
    let front: FrontMatter = serde_saphyr::from_str(&head.join("\n")).map_err(|error| {
        // Line 1 of the front matter is line 2 of the file; the place goes into the error's own.
        let line = error.location().map_or(0, |place| u32::try_from(place.line()).unwrap_or(0));
        let message = DefaultMessageFormatter.format_message(error.without_snippet());
        (line.saturating_add(1), format!("front matter: {message}"))
    })?;

    let line_of = |key: &str| {
        let found =
            head.iter().position(|line| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')));
        number(found.map_or(0, |at| at + 1))
    };
    let body = Body::read(body.get(1..).unwrap_or_default(), end + 1)?;
    let (program_line, program) = body.program.as_ref().ok_or((1, NO_BLOCK.to_owned()))?;
    let program_line = *program_line;
    let reports = Reports::parse(program, FORMS).map_err(|errors| first_of(&errors, program, program_line))?;
    let heads = heads(&reports, program, program_line)?;
    let template = |key: &str, text: &str| {
        let parsed = Template::parse(text);
        parsed.map_err(|error: TemplateError| (line_of(key), format!("{key}: {error}")))
    };
    let message = template("message", &front.message)?;
    if message.parts().is_empty() {
        return Err((line_of("message"), "message: is empty".to_owned()));
    }
    let remedy = template("remedy", &front.remedy)?;
    let cause = front.cause.as_ref().map(|text| template("cause", text)).transpose()?;
    let texts = [("message", &message), ("remedy", &remedy)].into_iter();
    for (key, template) in texts.chain(cause.as_ref().map(|cause| ("cause", cause))) {
        for head in &heads {
            template.check(&head.known).map_err(|error| {
                let error = format!("{key}: {error} (the finding(…) on line {})", head.line);
                (line_of(key), error)
            })?;
        }
    }
    let (id, family) = match &front.id {
        None => (stem.replace('-', "_").to_ascii_uppercase(), None),
        Some(id) => {
            let known = heads.first().map(|head| head.known.as_slice()).unwrap_or_default();
            let family = family(id, known).map_err(|message| (line_of("id"), format!("id: {message}")))?;
            (id.clone(), Some(family))
        }
    };
    let spelled = |names: Vec<String>| names.iter().map(|name| spelled_as_id(name)).collect();

    let mut rule = Rule {
        id: Arc::from(id),
        family,
        group: group.to_owned(),
        path: path.to_owned(),
        severity: front.severity.severity(),
        is_convention: reports.reports.iter().any(|report| report.head == SUBJECT),
        program: Arc::new(reports),
        program_line,
        message,
        remedy,
        cause,
        stated_by: front.stated_by,
        options: front.options,
        status: front.status,
        subsumed_by: spelled(front.subsumed_by),
        adherence: front.adherence,
        aliases: spelled(front.aliases),
        presets: front.presets,
        fix: front.fix,
        lesson: front.lesson,
        title: body.title,
        prose: body.prose,
        cases: Vec::new(),
    };
    rule.cases = body.cases.into_iter().map(|case| case.finish(&rule)).collect::<Result<_, _>>()?;
    Ok(rule)
}

fn family(id: &str, args: &[String]) -> Result<Family, String> {
    let template = Template::parse(id).map_err(|error| error.to_string())?;
    let (prefix, name, suffix) = match template.parts() {
        [Part::Name(name)] => ("", name, ""),
        [Part::Text(prefix), Part::Name(name)] => (prefix.as_str(), name, ""),
        [Part::Name(name), Part::Text(suffix)] => ("", name, suffix.as_str()),
        [Part::Text(prefix), Part::Name(name), Part::Text(suffix)] => (prefix.as_str(), name, suffix.as_str()),
        _ => {
            return Err("is only for a family and has one placeholder, as MY_RULE_{ARG}".to_owned());
        }
    };
    let plain = |part: &str| part.chars().all(|x| x.is_ascii_uppercase() || x.is_ascii_digit() || x == '_');
    if !plain(prefix) || !plain(suffix) || !plain(name) || prefix.is_empty() {
        return Err("is written in SCREAMING_SNAKE and begins with a word of its own".to_owned());
    }
    let arg = name.to_ascii_lowercase();
    if !args.contains(&arg) {
        return Err(TemplateError::Unknown { name: arg, known: args.to_vec() }.to_string());
    }
    Ok(Family { prefix: prefix.to_owned(), arg, suffix: suffix.to_owned() })
}

fn is_kebab(stem: &str) -> bool {
    stem.starts_with(|first: char| first.is_ascii_lowercase())
        && stem
            .split('-')
            .all(|word| !word.is_empty() && word.chars().all(|x| x.is_ascii_lowercase() || x.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "```datalog\nfinding(node: m, b: n) :- model(m, n, _).\n```\n";

    fn with(front: &str, body: &str) -> Result<Rule, String> {
        let text = format!("---\n{front}---\n{body}");
        Rule::parse("queries/rules/project/hub-model.md", &text)
            .map_err(|error| format!("{}: {}", error.line, error.message))
    }

    fn front(front: &str) -> Result<Rule, String> {
        with(front, &format!("# A title\n\nWords.\n\n{BLOCK}"))
    }

    fn block(block: &str) -> Result<Rule, String> {
        with("severity: error\nmessage: m\n", &format!("# T\n```datalog\n{block}\n```\n"))
    }

    #[test]
    fn a_whole_file_is_read() {
        let rule = with(
            "severity: off\nmessage: \"{name} is a hub for {n}.\"\naliases: [fct-hub]\nsubsumed_by: [OTHER]\n\
             stated_by: layers\nstatus: preview\noptions:\n  readers: {default: 9, doc: How many.}\n",
            "# A hub\n\n**Why.** Words.\n\n```sql\nselect 1\n```\n\n\
             ```datalog\nfinding(node: m, n: n) :-\n  model(m, _, _), n = count : { ref(_, m) }.\nsubject(m) :- model(m, _, _).\n```\n\n\
             ## One case\nSome words.\n```sql models/a.sql\nselect 1\n\n```\n\
             ```findings\nmodels/a.sql:1:4 HUB_MODEL a is a hub.\n```\n\
             ## None\n````yaml dbt_project.yml\n```\n````\n~~~ findings\n~~~\n",
        )
        .unwrap();
        assert_eq!((&*rule.id, rule.group.as_str(), rule.severity), ("HUB_MODEL", "project", None));
        assert_eq!((rule.program_line, rule.program.reports.len()), (20, 2));
        assert!(rule.is_convention && rule.stated_by == Some(Stated::Layers) && rule.status == Status::Preview);
        assert!(rule.is_alias("FCT_HUB") && rule.subsumed_by == ["OTHER"]);
        assert_eq!(rule.options["readers"].default, OptionValue::Number(9));
        assert_eq!((rule.title.as_str(), rule.remedy.parts().len()), ("A hub", 0));
        assert_eq!(rule.prose, "**Why.** Words.\n\n```sql\nselect 1\n```");
        let [one, none] = rule.cases.as_slice() else { panic!("two cases") };
        assert_eq!((one.name.as_str(), one.line), ("One case", 25));
        assert_eq!(one.files[0], ("models/a.sql".to_owned(), "select 1\n\n".to_owned()));
        assert_eq!(one.files[1].0, "dbt_project.yml");
        assert_eq!(one.expected[0].message.as_deref(), Some("a is a hub."));
        assert_eq!(none.files, [("dbt_project.yml".to_owned(), "```\n".to_owned())]);
        assert!(none.expected.is_empty());
    }

    #[test]
    fn windows_line_ends_and_a_byte_order_mark_change_nothing() {
        let text =
            format!("---\nseverity: info\nmessage: m\n---\n# T\n{BLOCK}## A\n```sql a.sql\nx\n```\n```findings\n```\n");
        let path = "queries/rules/project/hub.md";
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        let read = |text: &str| {
            let rule = Rule::parse(path, text).unwrap();
            (rule.program_line, rule.program.text().to_owned(), rule.cases, rule.prose)
        };
        assert_eq!(read(&windows), read(&text));
    }

    #[test]
    fn every_severity_has_its_word() {
        let severity = |word: &str| front(&format!("severity: {word}\nmessage: m\n")).map(|rule| rule.severity);
        assert_eq!(severity("error"), Ok(Some(Severity::Error)));
        assert_eq!(severity("warning"), Ok(Some(Severity::Warning)));
        assert_eq!(severity("info"), Ok(Some(Severity::Info)));
        assert_eq!(severity("off"), Ok(None));
        assert!(severity("fatal").unwrap_err().starts_with("2: front matter: "));
    }

    #[test]
    fn front_matter_errors_tell_their_line() {
        for (text, expected) in [
            ("severity: error\nmessage: m\nfoo: 1\n", "4: front matter: unknown field"),
            ("severity: error\n", "front matter: missing field `message`"),
            (
                "severity: error\nmessage: \"{a}\"\n",
                "3: message: '{a}' is unknown: the head gives node, b, name, path (the finding(…) on line 10)",
            ),
            ("severity: error\nmessage: m\nremedy: \"a {b\"\n", "4: remedy: a '{' is not"),
            ("severity: error\nmessage: ''\n", "3: message: is empty"),
            ("severity: error\nmessage: m\nmessage: n\n", "4: front matter: duplicate"),
            ("severity: error\nmessage: [\n", "front matter: "),
            ("severity: error\nmessage: m\nid: PLAIN\n", "4: id: is only for a family"),
            ("severity: error\nmessage: m\nid: A_{C}\n", "4: id: '{c}' is unknown"),
            ("severity: error\nmessage: m\nid: a_{B}\n", "4: id: is written in"),
        ] {
            let error = front(text).unwrap_err();
            assert!(error.contains(expected), "{text}\n{error}");
        }
        let error = |text| Rule::parse("q/hub.md", text).unwrap_err().to_string();
        assert!(error("# T\n").starts_with("q/hub.md:1: a rule file begins with front matter"));
        assert!(error("---\nseverity: off\n").starts_with("q/hub.md:1: the front matter is not closed"));
        assert!(Rule::parse("q/Hub_model.md", "").unwrap_err().message.contains("kebab-case"));
    }

    #[test]
    fn a_block_that_cannot_be_read_is_told_with_its_line() {
        for (text, expected) in [
            ("finding(node: m) :- model(m, _, _)", "7: datalog: "),
            ("\n\nfinding(node: m) :- model(m _, _).", "9: datalog: "),
            ("?- model(m, _, _).", "7: datalog: a rule asks no question"),
            ("other(m) :- model(m, _, _).", "7: the block has no head finding(…)"),
            ("finding(m) :- model(m, _, _).", "7: finding(…) takes its arguments by name"),
            ("finding(name: n) :- model(_, n, _).", "7: a finding stands somewhere"),
            ("finding(at: cte, path: p) :- cte(m, p, i).", "7: a finding stands in one place"),
            ("finding(node: [m]) :- model(m, _, _).", "7: only subject: is a list"),
            ("finding(node: m, at: 3) :- model(m, _, _).", "7: datalog: 'at' is a row of a relation"),
            ("finding(node: m, node: m) :- model(m, _, _).", "7: datalog: 'node' is given twice"),
        ] {
            let error = block(text).unwrap_err();
            assert!(error.starts_with(expected), "{text}\n{error}");
        }
        assert!(with("severity: error\nmessage: m\n", "# T\n").unwrap_err().contains("has no block"));
        let two = format!("# T\n{BLOCK}{BLOCK}");
        assert!(with("severity: error\nmessage: m\n", &two).unwrap_err().starts_with("9: a rule has one block"));
    }

    #[test]
    fn a_family_gives_each_value_its_id() {
        let rule = front("severity: error\nmessage: m\nid: CTE_MISSING_{B}\n").unwrap();
        let id = |value: &'static str| rule.finding_id(|name| (name == "b").then_some(value));
        assert_eq!(&*id("final"), "CTE_MISSING_FINAL");
        assert_eq!(&*id("my cte-2"), "CTE_MISSING_MY_CTE_2");
        assert!(rule.owns("CTE_MISSING_FINAL") && rule.owns("CTE_MISSING_{B}"));
        assert!(!rule.owns("CTE_MISSING_") && !rule.owns("CTE_MISSING_final"));
    }
}
