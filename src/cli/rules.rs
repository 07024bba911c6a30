//! `harness rules`

use super::{Failure, Global, Verdict, print, project};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_: &Global, _: &Arguments) -> Result<Verdict, Failure> {
    let registry = project::registry()?;
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
        shown.push_str(&format!("  {:<width$}  {severity:<7}  {}\n", rule.id, rule.title));
    }
    print(&shown)?;
    Ok(Verdict::Clean)
}
