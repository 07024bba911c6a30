//! `harness rules`

use super::{Failure, Global, Verdict, print, project, say};
use crate::datalog::{Type, compile};
use crate::files::{exists, own_place, write_new};
use crate::query::library;
use crate::report::escaped;
use crate::rules::registry::Registry;
use crate::rules::rule::{Rule, spelled_as_id};
use crate::session::{RULES_FOLDER, broken_rules, case_failures};
use clap::Subcommand;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the test cases of the repo's own rules.
    Test {
        /// Only these rules.
        #[arg(value_name = "RULE")]
        rules: Vec<String>,
    },
    /// Write the file of a new rule, with a test case that fails.
    New {
        /// The rule's name, as hub-model.
        #[arg(value_name = "NAME")]
        name: String,
        /// The question whose answers the rule is to report.
        #[arg(long, value_name = "QUERY")]
        from: Option<String>,
    },
}

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<Verdict, Failure> {
    match &arguments.command {
        None => list(&project::all_rules(global)?),
        Some(Command::Test { rules }) => test(global, rules),
        Some(Command::New { name, from }) => new(global, name, from.as_deref()),
    }
}

fn list(registry: &Registry) -> Result<Verdict, Failure> {
    let width = registry.rules().iter().map(|rule| rule.id.len()).max().unwrap_or_default();
    let mut shown = String::new();
    let mut group = "";
    let mut rules: Vec<_> = registry.rules().iter().collect();
    rules.sort_by_key(|rule| (&rule.group, &rule.id));
    for rule in rules {
        if *rule.group != *group {
            group = &rule.group;
            let gap = if shown.is_empty() { "" } else { "\n" };
            shown.push_str(&format!("{gap}{group}\n"));
        }
        let severity = rule.severity.map_or("off", |severity| severity.name());
        shown.push_str(&format!("  {:<width$}  {severity:<7}  {}\n", rule.id, escaped(&rule.title)));
    }
    for broken in registry.broken() {
        shown.push_str(&format!("\nbroken: {}\n", escaped(&broken.to_string())));
    }
    print(&shown)?;
    Ok(Verdict::Clean)
}

fn test(global: &Global, names: &[String]) -> Result<Verdict, Failure> {
    let ids: Vec<String> = names.iter().map(|name| spelled_as_id(name)).collect();
    let registry = project::all_rules(global)?;
    let is_file_of = |id: &str| registry.broken().iter().any(|broken| broken.id() == id);
    if let Some(id) = ids.iter().find(|id| !registry.house_rules().any(|rule| *rule.id == ***id) && !is_file_of(id)) {
        return Err(Failure(format!(
            "harness: no rule of this repo is called {}.\n  → The repo's own rules lie in {RULES_FOLDER}/.",
            escaped(id)
        )));
    }
    let is_asked = |id: &str| ids.is_empty() || ids.iter().any(|asked| asked == id);
    let broken = project::with_session(global, broken_rules)?;
    let rules: Vec<&Arc<Rule>> = registry.house_rules().filter(|rule| is_asked(&rule.id)).collect();
    let mut shown = String::new();
    let (mut passed, mut failed, mut untested) = (0usize, 0usize, 0usize);
    for error in broken.iter().filter(|error| is_asked(&error.id())) {
        failed += 1;
        shown.push_str(&format!("{}\n", escaped(&error.to_string())));
    }
    for rule in rules.iter().filter(|rule| !broken.iter().any(|error| error.path == rule.path)) {
        let failures = case_failures(&registry, rule);
        passed += rule.cases.len() - failures.len();
        failed += failures.len();
        untested += usize::from(rule.cases.is_empty());
        for failure in failures {
            let lines = failure.to_string();
            shown.extend(lines.lines().map(|line| format!("{}\n", escaped(line))));
        }
    }
    print(&shown)?;
    if rules.is_empty() && broken.is_empty() {
        say(&format!("harness: there are no rules in {RULES_FOLDER}/\n  → `harness rules new NAME` writes one."));
    } else {
        let hint = if untested > 0 { format!("; {untested} without a case") } else { String::new() };
        say(&format!("harness: {} rules, {passed} cases passed, {failed} failed{hint}", rules.len()));
    }
    Ok(if failed > 0 { Verdict::Findings } else { Verdict::Clean })
}

fn new(global: &Global, name: &str, from: Option<&str>) -> Result<Verdict, Failure> {
    let stem = name.trim().trim_end_matches(".md").to_lowercase().replace(['_', ' '], "-");
    let path = format!("{RULES_FOLDER}/{stem}.md");
    let id = spelled_as_id(&stem);
    let block = match from {
        Some(query) => block_of(global, query)?,
        None => "finding(node: m) :-\n    model(m, name, _), starts_with(name, \"tmp_\").\n".to_owned(),
    };
    let text = skeleton(&id, &block);
    // What the file would be refused for, its name included, is told before it is written.
    if let Err(error) = Rule::parse(&path, &text) {
        return Err(Failure(format!("harness: {}\n  → Give another name or question.", escaped(&error.message))));
    }
    let registry = project::all_rules(global)?;
    if let Some(other) = registry.get(&id) {
        return Err(Failure(format!(
            "harness: {id} is already the id of {}.\n  → Give another name.",
            escaped(&other.path)
        )));
    }
    let folder = project::folder(global)?;
    let file = folder.join(&path);
    if !global.allow_outside && own_place(&folder, &file).is_none() {
        return Err(Failure(format!(
            "harness: {path} leads out of the repository.\n  → Put a folder in its place, or give --allow-outside to write there."
        )));
    }
    if exists(&file) {
        return Err(Failure(format!("harness: {path} exists already.\n  → Give another name, or edit the file.")));
    }
    write_new(&file, &text).map_err(|error| {
        Failure(format!("harness: {path} cannot be written: {error}\n  → Free space, or correct the folder's rights."))
    })?;
    print(&format!("{path}\n"))?;
    say("harness: write its texts and its test cases, then run `harness rules test`");
    Ok(Verdict::Clean)
}

/// The question as a block that reports its first node, or else its first path.
fn block_of(global: &Global, query: &str) -> Result<String, Failure> {
    let library =
        library::embedded().map_err(|error| Failure(format!("harness: its own files are broken: {}", error.shown)))?;
    project::with_session(global, |session, registry| {
        session.with_repo(registry, |repo| {
            let compiled = compile(query, library, repo, &BTreeMap::new()).map_err(|errors| {
                let shown: Vec<String> = errors.iter().map(|error| error.shown("query", query)).collect();
                Failure(shown.join("\n"))
            })?;
            let columns = compiled.columns();
            let of = |of: Type| columns.iter().find(|column| column.of == of);
            let (key, about) = of(Type::Node).map(|column| ("node", column)).or_else(|| Some(("path", of(Type::Path)?))).ok_or_else(|| {
                Failure("harness: the question answers with no node and no path, so nothing says where a finding stands.\n  → Ask for the model it is about.".to_owned())
            })?;
            let others = columns.iter().filter(|column| column.name != about.name && !RESERVED.contains(&column.name.as_str()));
            let others: String = others.map(|column| format!(", {0}: {0}", column.name)).collect();
            let head = format!("finding({key}: {}{others})", about.name);
            let text = query.trim().trim_end_matches('.').trim_end();
            Ok(match text.rsplit_once("?-") {
                Some((rules, body)) => format!("{}{head} :-\n    {}.\n", rules_above(rules), body.trim()),
                None if text.contains(":-") => {
                    let last = text.rsplit('.').next().unwrap_or(text);
                    let atom = last.split(":-").next().unwrap_or_default().trim();
                    format!("{text}.\n\n{head} :-\n    {atom}.\n")
                }
                None => format!("{head} :-\n    {text}.\n"),
            })
        })
    })?
}

/// Arguments that say where a finding stands or how grave it is.
const RESERVED: [&str; 6] = ["at", "path", "line", "column", "subject", "severity"];

fn rules_above(rules: &str) -> String {
    let rules = rules.trim();
    if rules.is_empty() { String::new() } else { format!("{rules}\n\n") }
}

fn skeleton(id: &str, block: &str) -> String {
    format!(
        "---
severity: warning
message: \"{{name}} breaks {id}: say what is wrong, in one sentence.\"
remedy: \"Say what to do about it.\"
---
# Say what the rule is about

**What it finds.** One paragraph.

**Why it matters.** One paragraph.

**How to fix it.** One paragraph.

**When to ignore it.** One paragraph.

```datalog
{block}```

## What it must find
```sql models/example.sql
select 1 as id
```
```findings
models/example.sql:1:1 {id} write the message you expect
```

## What it must leave alone
```sql models/example.sql
select 1 as id
```
```findings
```
"
    )
}
