//! `harness explain`

use super::query::LimitArguments;
use super::{Failure, Global, Verdict, print, project};
use crate::db::settings::spelled_as_id;
use crate::report::{escaped, in_json, page, proof};
use crate::rules::finding::Finding;
use crate::rules::registry::Registry;
use crate::rules::selection::Selection;
use crate::session::{Session, Unanswered};
use clap::ValueEnum;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A rule, a finding's fingerprint (its first 6 digits will do), or PATH:LINE of findings.
    #[arg(value_name = "WHAT")]
    what: String,
    /// How to print.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print the proof whole, not its first 15 lines.
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    limits: LimitArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Digits of a fingerprint that tell it from a rule's name.
const DIGITS: usize = 6;

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<Verdict, Failure> {
    let registry = &project::all_rules(global)?;
    let id = spelled_as_id(&arguments.what);
    if let Some(rule) = registry.get(&id) {
        print(&match arguments.format {
            Format::Text => page::text(rule),
            Format::Json => in_json(page::document(rule)),
        })?;
        return Ok(Verdict::Clean);
    }
    let what = wanted(&arguments.what).ok_or_else(|| {
        let hint = registry.closest(&id).map(|other| format!("Did you mean {other}? ")).unwrap_or_default();
        Failure(format!(
            "harness: '{}' is no rule, no fingerprint and no PATH:LINE.\n  → {hint}`harness rules` lists the rules; `harness check --format json` prints fingerprints.",
            escaped(&arguments.what)
        ))
    })?;
    let shown = project::with_session(global, |session, registry| {
        arguments.limits.within(|limits| {
            let findings = found(session, registry, &what);
            let trees = session.explain(registry, &findings, limits)?;
            Ok::<_, Unanswered>(findings.into_iter().zip(trees).collect::<Vec<_>>())
        })
    })?;
    let shown = shown.map_err(|error| match error {
        Unanswered::Failure(failure) => arguments.limits.failure(&failure),
        other => Failure(format!("harness: its own files are broken: {other:?}")),
    })?;
    if shown.is_empty() {
        return Err(Failure(format!(
            "harness: no finding is at {}.\n  → `harness check` prints the findings; a rule that is off has none.",
            escaped(&arguments.what)
        )));
    }
    let lines = if arguments.full { None } else { Some(proof::USUAL_LINES) };
    let texts: Vec<String> = shown
        .iter()
        .map(|(finding, tree)| match arguments.format {
            Format::Json => in_json(proof::json(tree)),
            Format::Text => format!("{}\n{}", headline(finding), proof::text(tree, lines)),
        })
        .collect();
    print(&texts.join(if arguments.format == Format::Text { "\n" } else { "" }))?;
    Ok(Verdict::Clean)
}

/// Which findings are meant.
enum Wanted {
    Fingerprint(String),
    Place(String, u32),
}

fn wanted(what: &str) -> Option<Wanted> {
    if what.len() >= DIGITS && what.len() <= 16 && what.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Some(Wanted::Fingerprint(what.to_lowercase()));
    }
    // A column behind the line is as `check` prints places.
    let (path, line) = what.rsplit_once(':')?;
    if let Some((path, first)) = path.rsplit_once(':')
        && let (Ok(first), true) = (first.parse(), line.parse::<u32>().is_ok())
    {
        return Some(Wanted::Place(path.to_owned(), first));
    }
    Some(Wanted::Place(path.to_owned(), line.parse().ok()?))
}

fn found(session: &Session, registry: &Registry, wanted: &Wanted) -> Vec<Finding> {
    let is_wanted = |finding: &Finding| match wanted {
        Wanted::Fingerprint(digits) => finding.fingerprint.starts_with(digits.as_str()),
        Wanted::Place(path, line) => {
            let path = path.strip_prefix("./").unwrap_or(path);
            *finding.place.path == *path && finding.place.start.line == *line
        }
    };
    // What is excused is a finding all the same.
    let found = |selection: &Selection| -> Vec<Finding> {
        let outcome = session.check(registry, selection);
        let excused = outcome.suppressed.into_iter().map(|suppressed| suppressed.finding);
        outcome.findings.into_iter().chain(excused).filter(is_wanted).collect()
    };
    let shown = found(&Selection::default());
    if !shown.is_empty() {
        return shown;
    }
    // `--rule` shows findings of rules that are off, too.
    let only = registry.rules().iter().map(|rule| rule.id.to_string()).collect();
    found(&Selection { only, ..Selection::default() })
}

fn headline(finding: &Finding) -> String {
    let start = finding.place.start;
    let place = crate::report::escaped(&finding.place.path);
    let message = crate::report::escaped(&finding.message);
    format!("{place}:{}:{} {}#{} {message}", start.line, start.column, finding.rule, &finding.fingerprint[..DIGITS])
}
