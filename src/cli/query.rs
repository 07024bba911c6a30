//! `harness query`

use super::since::{Side, SinceArguments, with_sides};
use super::{Failure, Global, Verdict, print, print_data, say};
use crate::datalog::{self, Diagnostic, Limits, Stop};
use crate::files::{Content, Disk, Tree, absolute};
use crate::query::ask::{self, Question};
use crate::report::answer::{self, AnswerOptions};
use crate::report::{escaped, in_json, proof};
use crate::session::{Answered, Session, Unanswered, old_relations};
use crate::similar::nearest;
use clap::ValueEnum;
use std::collections::BTreeMap;
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A question or program in Datalog, or the name of a question; without it, their list.
    #[arg(value_name = "QUESTION")]
    question: Option<String>,
    /// The parameters of a named question, in their order.
    #[arg(value_name = "VALUE")]
    values: Vec<String>,
    /// Read the program from a file.
    #[arg(short, long, value_name = "FILE", conflicts_with = "question")]
    file: Option<PathBuf>,
    /// The value of a parameter $NAME; may be given several times.
    #[arg(long, value_name = "NAME=VALUE")]
    arg: Vec<String>,
    /// How to print the answer.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Sort by this column; -COLUMN begins with the largest.
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    sort: Option<String>,
    /// Print this many rows.
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// Print unique_ids instead of names.
    #[arg(long)]
    ids: bool,
    /// Say why: print a proof of each row that is printed, of ten at most unless --top says otherwise.
    #[arg(long)]
    explain: bool,
    /// Print proofs whole, not their first 15 lines.
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    since: SinceArguments,
    #[command(flatten)]
    limits: LimitArguments,
    /// An answer of more rows is an error.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    max_rows: usize,
    /// Say on standard error what was read and derived, and how long it took.
    #[arg(long)]
    stats: bool,
}

/// What a question may cost.
#[derive(Debug, clap::Args)]
pub(super) struct LimitArguments {
    /// Seconds after which a question is ended.
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    timeout: f64,
    /// Megabytes that a question may take.
    #[arg(long, value_name = "MB", default_value_t = 1024)]
    max_memory: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Ndjson,
    Csv,
}

impl LimitArguments {
    /// Does work within the limits. Interrupting ends the program: it has nothing to put away.
    pub(super) fn within<R>(&self, work: impl FnOnce(&Limits<'_>) -> R) -> R {
        let begin = Instant::now();
        let patience = Duration::try_from_secs_f64(self.timeout).unwrap_or(Duration::MAX);
        let poll = || (begin.elapsed() > patience).then_some(Stop::Timeout);
        work(&Limits { memory: self.max_memory.saturating_mul(1 << 20), poll: &poll })
    }

    pub(super) fn failure(&self, failure: &datalog::Failure) -> Failure {
        let (what, fix) = match failure {
            datalog::Failure::Stopped(Stop::Timeout) => (
                format!("the question was ended after {} seconds.", self.timeout),
                "Ask for less: name a node or a value where a variable stands, or raise --timeout.",
            ),
            datalog::Failure::Stopped(Stop::Interrupted) => ("the question was interrupted.".to_owned(), "Ask again."),
            datalog::Failure::Memory(_) => (
                format!("the question needs more than {} MB.", self.max_memory),
                "Ask for less: name a node or a value where a variable stands, or raise --max-memory.",
            ),
            datalog::Failure::Overflow => {
                ("a number has more than 28 digits.".to_owned(), "Bound the numbers that a rule counts up, as n < 100.")
            }
        };
        Failure(format!("harness: {what}\n  → {fix}"))
    }
}

/// What is asked.
struct Asked {
    /// What errors call it.
    name: String,
    program: String,
    parameters: BTreeMap<String, String>,
    sort: Option<String>,
}

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<Verdict, Failure> {
    let questions = ask::embedded().map_err(|error| Failure(format!("harness: its own files are broken: {error}")))?;
    if arguments.question.is_none() && arguments.file.is_none() {
        print(&list(questions))?;
        return Ok(Verdict::Clean);
    }
    let asked = asked(arguments, questions)?;
    let proofs = if arguments.explain { arguments.top.unwrap_or(10) } else { 0 };
    let begin = Instant::now();
    let sort = arguments.sort.as_ref().or(asked.sort.as_ref());
    let sort = sort.map(|by| by.strip_prefix('-').map_or((by.as_str(), false), |name| (name, true)));
    let since = arguments.since.read(global)?;
    let relations = old_relations(&asked.program);
    let look = |session: &Session, side: &Side| (session.before_of(&side.registry, &relations), ());
    let answered = with_sides(global, since.as_ref(), false, look, |session, registry, _| {
        arguments.limits.within(|limits| session.ask(registry, &asked.program, &asked.parameters, limits, sort, proofs))
    })?;
    let answered = match answered {
        Ok(answered) => answered,
        Err(Unanswered::Program(errors)) => return Err(told(&asked, &errors)),
        Err(Unanswered::Failure(failure)) => return Err(arguments.limits.failure(&failure)),
        Err(Unanswered::NoColumn(columns)) => {
            let name = sort.map_or("", |(name, _)| name);
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let remedy = format!("Its columns are {}.", names.join(", "));
            return Err(Failure(format!("harness: the answer has no column '{}'.\n  → {remedy}", escaped(name))));
        }
        Err(Unanswered::NothingBefore(relation)) => {
            return Err(Failure(format!(
                "harness: the question reads {relation}, and there is nothing to compare with.\n  → Name a commit, as --since main or --since HEAD~1."
            )));
        }
        Err(Unanswered::Library(error)) => return Err(Failure(format!("harness: its own files are broken: {error}"))),
    };
    answered.warnings.iter().for_each(|warning| say(warning.shown(&asked.name, &asked.program).trim_end()));
    if arguments.stats {
        statistics(&answered, begin.elapsed());
    }
    show(arguments, answered)
}

fn show(arguments: &Arguments, answered: Answered) -> Result<Verdict, Failure> {
    let (columns, mut rows) = (answered.answer.columns, answered.answer.rows);
    if rows.len() > arguments.max_rows {
        return Err(Failure(format!(
            "harness: the answer has {} rows, more than --max-rows {}.\n  → Ask for less, or raise it.",
            rows.len(),
            arguments.max_rows
        )));
    }
    let whole = rows.len();
    rows.truncate(arguments.top.unwrap_or(usize::MAX));
    if arguments.explain {
        let lines = if arguments.full { None } else { Some(proof::USUAL_LINES) };
        let shown: Vec<String> =
            answered
                .proofs
                .iter()
                .map(|tree| {
                    if arguments.format == Format::Table {
                        proof::text(tree, lines)
                    } else {
                        in_json(proof::json(tree))
                    }
                })
                .collect();
        let between = if arguments.format == Format::Table { "\n" } else { "" };
        print(&shown.join(between))?;
        return Ok(Verdict::Clean);
    }
    let options = AnswerOptions { ids: arguments.ids };
    match arguments.format {
        Format::Table => print(&answer::table(&columns, &rows, options)),
        Format::Json => print(&answer::json(&columns, &rows, options)),
        Format::Ndjson => print(&answer::ndjson(&columns, &rows, options)),
        Format::Csv if stdout().is_terminal() => print(&answer::csv(&columns, &rows, options, true)),
        Format::Csv => print_data(&answer::csv(&columns, &rows, options, false)),
    }?;
    if arguments.format == Format::Table && !columns.is_empty() {
        let rest = if rows.len() < whole { format!(" of {whole}") } else { String::new() };
        let word = if whole == 1 { "row" } else { "rows" };
        say(&format!("harness: {}{rest} {word}", rows.len()));
    }
    Ok(Verdict::Clean)
}

fn statistics(answered: &Answered, took: Duration) {
    let statistics = &answered.answer.statistics;
    say(&format!("harness: {} facts read, {} ms with loading", statistics.facts, took.as_millis()));
    for (relation, rows) in &statistics.derived {
        say(&format!("harness: {relation}: {rows} rows derived"));
    }
}

fn told(asked: &Asked, errors: &[Diagnostic]) -> Failure {
    let shown: Vec<String> = errors.iter().map(|error| error.shown(&asked.name, &asked.program)).collect();
    Failure(shown.join("\n"))
}

fn asked(arguments: &Arguments, questions: &[Question]) -> Result<Asked, Failure> {
    let mut parameters = BTreeMap::new();
    for given in &arguments.arg {
        let Some((name, value)) = given.split_once('=') else {
            let given = escaped(given);
            return Err(Failure(format!("harness: --arg {given} has no value.\n  → Write --arg name=value.")));
        };
        parameters.insert(name.to_owned(), value.to_owned());
    }
    if let Some(path) = &arguments.file {
        let path = absolute(path);
        let folder = Disk::new(path.parent().unwrap_or(Path::new("/")));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !folder.is_file(&name) {
            let shown = arguments.file.as_ref().map(|path| escaped(&path.display().to_string()).into_owned());
            let shown = shown.unwrap_or_default();
            return Err(Failure(format!("harness: {shown} does not exist.\n  → Correct the path after --file.")));
        }
        return match folder.read(&name) {
            Content::Text(text) => Ok(Asked { name, program: text.to_string(), parameters, sort: None }),
            Content::Unreadable(problem) => {
                Err(Failure(format!("harness: {}: {}\n  → {}", escaped(&name), problem.what, problem.fix)))
            }
            Content::NameOnly => Ok(Asked { name, program: String::new(), parameters, sort: None }),
        };
    }
    let text = arguments.question.clone().unwrap_or_default();
    let is_name =
        !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    if !is_name {
        if let Some(value) = arguments.values.first() {
            let value = escaped(value);
            return Err(Failure(format!(
                "harness: '{value}' stands behind the question.\n  → Put the whole question into one pair of quotes; parameters are given as --arg name=value."
            )));
        }
        return Ok(Asked { name: "query".to_owned(), program: text, parameters, sort: None });
    }
    let Some(question) = questions.iter().find(|question| question.name == text.replace('_', "-")) else {
        let near = nearest(&text, questions.iter().map(|question| &*question.name));
        let hint = near.map(|name| format!("Did you mean {name}? ")).unwrap_or_default();
        let text = escaped(&text);
        return Err(Failure(format!(
            "harness: no question is called '{text}'.\n  → {hint}`harness query` lists them; a question of your own has relations with arguments, as model(m, n, p)."
        )));
    };
    let known: Vec<&str> = question.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    if arguments.values.len() > known.len() {
        return Err(Failure(format!(
            "harness: {} takes {} values, and {} are given.\n  → Its parameters: {}.",
            question.name,
            known.len(),
            arguments.values.len(),
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        )));
    }
    for (name, value) in known.iter().zip(&arguments.values) {
        parameters.insert((*name).to_owned(), value.clone());
    }
    let mut program = question.program.clone();
    for parameter in &question.parameters {
        match parameters.get(&parameter.name).or(parameter.default.as_ref()).cloned() {
            // A node is looked up by its name.
            Some(value) if parameter.node => {
                program = program.replace(&format!("${}", parameter.name), &format!("@\"{}\"", value.replace('"', "")));
            }
            Some(value) => {
                parameters.insert(parameter.name.clone(), value);
            }
            None => {
                return Err(Failure(format!(
                    "harness: {} needs a {}: {}\n  → harness query {} <{}>",
                    question.name, parameter.name, parameter.doc, question.name, parameter.name
                )));
            }
        }
    }
    Ok(Asked { name: question.name.clone(), program, parameters, sort: question.sort.clone() })
}

fn list(questions: &[Question]) -> String {
    let usage = |question: &Question| {
        let parameters = question.parameters.iter().map(|parameter| match parameter.default {
            Some(_) => format!(" [{}]", parameter.name),
            None => format!(" <{}>", parameter.name),
        });
        format!("{}{}", question.name, parameters.collect::<String>())
    };
    let width = questions.iter().map(|question| usage(question).len()).max().unwrap_or_default();
    let mut shown = String::from("Questions with a name:\n\n");
    for question in questions {
        shown.push_str(&format!("  {:<width$}  {}\n", usage(question), question.title));
    }
    shown.push_str("\nAsk one of your own in Datalog: harness query 'ref(child, parent), layer(parent, \"marts\")'\n");
    shown.push_str("`harness relations` lists what can be asked of.\n");
    shown
}
