//! Named questions: one Markdown file of `queries/ask` each, with its parameters, its title, what it
//! answers, and a `datalog` block.

use serde::Deserialize;
use serde_saphyr::{DefaultMessageFormatter, MessageFormatter};
use std::sync::OnceLock;

static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/ask.rs"));

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The file's stem.
    pub name: String,
    pub title: String,
    /// Markdown between the title and the program.
    pub prose: String,
    pub program: String,
    pub parameters: Vec<Parameter>,
    /// A column to sort by, with `-` in front for the largest first.
    pub sort: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    pub name: String,
    pub doc: String,
    pub default: Option<String>,
    /// The value is the name of a node: its unique_id takes its place.
    #[serde(default)]
    pub node: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    #[serde(default)]
    parameters: Vec<Parameter>,
    sort: Option<String>,
}

/// The questions this build carries, by name.
pub fn embedded() -> Result<&'static [Question], &'static str> {
    static EMBEDDED: OnceLock<Result<Vec<Question>, String>> = OnceLock::new();
    let read = || FILES.iter().map(|(name, text)| read(name, text)).collect();
    EMBEDDED.get_or_init(read).as_ref().map(Vec::as_slice).map_err(String::as_str)
}

fn read(name: &str, text: &str) -> Result<Question, String> {
    let wrong = |what: &str| format!("queries/ask/{name}.md: {what}");
    let (front, body) = match text.strip_prefix("---\n") {
        Some(rest) => rest.split_once("\n---\n").ok_or_else(|| wrong("the front matter is not closed"))?,
        None => ("", text),
    };
    let front: FrontMatter = if front.trim().is_empty() {
        FrontMatter::default()
    } else {
        serde_saphyr::from_str(front)
            .map_err(|error| wrong(&DefaultMessageFormatter.format_message(error.without_snippet())))?
    };
    let (prose, rest) = body.split_once("```datalog\n").ok_or_else(|| wrong("has no datalog block"))?;
    let (program, _) = rest.split_once("\n```").ok_or_else(|| wrong("the datalog block is not closed"))?;
    let prose = prose.trim();
    let (title, prose) = prose.split_once('\n').unwrap_or((prose, ""));
    let title = title.strip_prefix("# ").ok_or_else(|| wrong("has no title"))?;
    Ok(Question {
        name: name.to_owned(),
        title: title.trim().to_owned(),
        prose: prose.trim().to_owned(),
        program: program.to_owned(),
        parameters: front.parameters,
        sort: front.sort,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_a_title_a_program_and_parameters() {
        let text = "---\nparameters:\n  - {name: model, doc: Which., node: true}\nsort: -n\n---\n# Who?\n\nWords.\n\n```datalog\na(x).\n```\n";
        let question = read("who", text).unwrap();
        assert_eq!((question.title.as_str(), question.prose.as_str()), ("Who?", "Words."));
        assert_eq!((question.program.as_str(), question.sort.as_deref()), ("a(x).", Some("-n")));
        assert!(question.parameters[0].node);
        assert!(read("who", "# T\n").unwrap_err().contains("no datalog block"));
        assert!(read("who", "---\nfoo: 1\n---\n# T\n```datalog\na(x)\n```\n").unwrap_err().contains("foo"));
    }
}
