//! Writes the house rules of a repo as a harness.yml with comments.

use super::flow::Flow;
use super::habits::{Habits, Pattern, SeenLayer, SeenStaging};
use crate::db::settings::Read;
use std::fmt::Write as _;

/// A rule's line in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RuleLine {
    pub rule: String,
    pub level: &'static str,
    /// Why it is this one.
    pub why: String,
}

/// The column at which comments begin, where the line before them leaves room.
const COMMENT: usize = 60;

/// Folders in one comment, and against-edges in another.
const NAMED: usize = 4;

pub(super) fn house_yml(habits: &Habits, rules: &[RuleLine]) -> String {
    let mut page = Page(String::new());
    page.line("# The house rules of this project, as `harness init` saw them. Change what you want to be otherwise.");
    page.line("# With the file as it is, nothing is an error that was none without it.");
    page.with_comment("extends: auto", "`strict`: every rule at its own severity");
    page.paths(habits);
    page.layers(habits);
    page.staging(habits.staging.as_ref());
    page.rules(rules);
    page.0
}

struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn with_comment(&mut self, line: &str, comment: &str) {
        if comment.is_empty() {
            return self.line(line);
        }
        let width = COMMENT.saturating_sub(line.chars().count());
        self.line(&format!("{line}{:width$}  # {comment}", ""));
    }

    fn paths(&mut self, habits: &Habits) {
        let Some(pattern) = &habits.pattern else { return };
        self.line("");
        self.line("# What a folder's place means, from dbt_project.yml on.");
        let line = format!("paths: {}", quoted(&pattern.text));
        if pattern.is_exact {
            self.line(&line);
        } else {
            self.with_comment(&format!("# {line}"), "does not fit every model");
        }
        self.tenants(pattern);
    }

    fn tenants(&mut self, pattern: &Pattern) {
        if let Some((tenants, text)) = &pattern.tenants {
            self.line("# If these folders are tenants that must not read each other:");
            self.line(&format!("# paths: {}", quoted(text)));
            self.line(&format!("# tenants: {}", list(tenants.iter().map(String::as_str))));
        }
    }

    fn layers(&mut self, habits: &Habits) {
        self.line("");
        if habits.layers.is_empty() {
            return self.flow(&habits.flow);
        }
        self.line("# What models of a layer may read. Seeds and models of packages may be read from everywhere.");
        self.line("layers:");
        let by_folder = habits.pattern.as_ref().is_some_and(|pattern| pattern.is_exact);
        for seen in &habits.layers {
            let comment = format!("{}{}", count(seen.models, "model"), against(&seen.against));
            self.with_comment(&layer(seen, by_folder), &comment);
        }
        if !habits.unplaced.is_empty() {
            let folders: Vec<String> =
                habits.unplaced.iter().map(|(folder, models)| format!("{} ({models})", bare(folder))).collect();
            self.line(&format!("# Models without a layer: {}", folders.join(", ")));
        }
    }

    fn flow(&mut self, flow: &Flow) {
        if flow.is_clear {
            self.line("# What models of a layer may read: folders read each other in this order,");
            self.line(&format!("# {}. Seeds and models of packages may be read from everywhere.", figures(flow)));
        } else {
            self.line("# Neither folders nor prefixes show layers. State yours, and dependency rules judge them:");
            if flow.edges > 0 {
                self.line(&format!("# (in this order {})", figures(flow)));
            }
        }
        let mark = if flow.is_clear { "" } else { "# " };
        self.line(&format!("{mark}layers:"));
        if flow.folders.is_empty() {
            self.line("#   staging: {reads: [source, seed]}");
            self.line("#   marts: {reads: [staging, marts]}");
        }
        // Such a name has a meaning of its own in `reads`.
        let names: Vec<String> = flow.folders.iter().map(|folder| layer_name(&folder.name)).collect();
        for (at, folder) in flow.folders.iter().enumerate() {
            let reads: Vec<String> = folder.reads.iter().map(|name| layer_name(name)).collect();
            let mut reads: Vec<&str> = reads.iter().map(String::as_str).collect();
            if folder.reads_sources {
                reads.extend(["source", "seed"]);
            }
            let mut line = format!("{mark}  {}: {{reads: {}", quoted(&names[at]), list(reads.into_iter()));
            if names[at] != folder.name {
                let _ = write!(line, ", folders: {}", list([folder.name.as_str()].into_iter()));
            }
            line.push('}');
            self.with_comment(&line, &format!("{}{}", count(folder.models, "model"), against(&folder.against)));
        }
    }

    fn staging(&mut self, seen: Option<&SeenStaging>) {
        let Some(seen) = seen else { return };
        self.line("");
        let share = format!("{} of {} models that may read sources", seen.follow, seen.models);
        self.line(&format!("# How staging models are built: {share} have these CTEs."));
        self.line("staging:");
        self.line(&format!("  ctes: {}", list(seen.ctes.iter().map(String::as_str))));
        let comment = if seen.materialized.is_empty() { "anything" } else { "" };
        self.with_comment(&format!("  materialized: {}", quoted(&seen.materialized)), comment);
        let comment = if seen.tags.is_empty() { "any" } else { "{source}: the folder below the layer's" };
        self.with_comment(&format!("  tags: {}", list(seen.tags.iter().map(String::as_str))), comment);
    }

    fn rules(&mut self, rules: &[RuleLine]) {
        self.line("");
        self.line("# error, warning, info, off, or auto: on as a warning while at least 95 % obey.");
        if rules.is_empty() {
            return self.line("# rules: {CYCLE: error}");
        }
        self.line("rules:");
        for rule in rules {
            self.with_comment(&format!("  {}: {}", rule.rule, rule.level), &rule.why);
        }
    }
}

/// What a comment says of edges that a layer should not have.
fn against(edges: &[(String, usize)]) -> String {
    if edges.is_empty() {
        return String::new();
    }
    let named = edges.iter().take(NAMED).map(|(other, edges)| format!("{} to {}", count(*edges, "edge"), bare(other)));
    format!("; against it: {}", named.collect::<Vec<_>>().join(", "))
}

fn figures(flow: &Flow) -> String {
    let share = (flow.along * 1000).checked_div(flow.edges).unwrap_or_default();
    let (whole, tenth) = (share / 10, share % 10);
    format!("{} of {} between them run this way, {whole}.{tenth} %", flow.along, count(flow.edges, "edge"))
}

/// What a folder's layer can be called: not like one of the words that `reads` has a meaning for.
fn layer_name(folder: &str) -> String {
    if matches!(folder, "source" | "seed") { format!("{folder}_models") } else { folder.to_owned() }
}

fn layer(seen: &SeenLayer, by_folder: bool) -> String {
    let layer = &seen.layer;
    let reads = layer.reads.iter().map(|read| match read {
        Read::Layer(name) => name.as_str(),
        Read::Source => "source",
        Read::Seed => "seed",
    });
    let mut line = format!("  {}: {{reads: {}", quoted(&layer.name), list(reads));
    if seen.by_other_folder {
        let _ = write!(line, ", folders: {}", list(layer.folders.iter().map(String::as_str)));
    }
    if seen.by_prefix && !by_folder && !layer.prefixes.is_empty() {
        let _ = write!(line, ", prefixes: {}", list(layer.prefixes.iter().map(String::as_str)));
    }
    line.push('}');
    line
}

fn list<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    format!("[{}]", texts.map(quoted).collect::<Vec<_>>().join(", "))
}

/// A text as YAML reads it back, in quotes where it needs them.
fn quoted(text: &str) -> String {
    const OTHER_VALUES: [&str; 11] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"];
    let is_word = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'));
    if is_word && !OTHER_VALUES.contains(&text.to_lowercase().as_str()) {
        return text.to_owned();
    }
    // A JSON string is one of YAML's, but for what YAML does not let stand as it is.
    let json = serde_json::Value::from(text).to_string();
    json.chars()
        .map(|letter| {
            let code = u32::from(letter);
            if letter.is_control() || (0x7f..=0xa0).contains(&code) || matches!(code, 0x2028 | 0x2029 | 0xfeff) {
                format!("\\u{code:04x}")
            } else {
                letter.to_string()
            }
        })
        .collect()
}

/// A name inside a comment, which ends at a line's end.
fn bare(text: &str) -> String {
    if text.chars().any(char::is_control) { quoted(text) } else { text.to_owned() }
}

fn count(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::settings::Layer;
    use crate::syntax::yaml;

    #[test]
    fn a_text_is_read_back_as_it_is_whatever_it_holds() {
        for text in ["a", "no", "On", "1", "", "a b", "a: b", "#", "{source}", "é", "\u{85}\"\\\n\t\u{feff}", "-", "~"]
        {
            let document = yaml::parse(&format!("[{}]", quoted(text)));
            let items = document.root.as_seq().unwrap();
            assert_eq!(items[0].as_str(), Some(text), "{}", quoted(text));
        }
    }

    #[test]
    fn layers_are_written_with_what_they_read_and_how_they_are_known() {
        let base = Layer {
            folders: vec!["base".to_owned(), "tmp".to_owned()],
            prefixes: vec!["base_".to_owned()],
            ..Layer::new("base", vec![Read::Source, Read::Layer("base".to_owned())])
        };
        let seen = SeenLayer { layer: base, models: 1, by_prefix: true, by_other_folder: true, against: Vec::new() };
        assert_eq!(layer(&seen, false), "  base: {reads: [source, base], folders: [base, tmp], prefixes: [base_]}");
        assert_eq!(layer(&seen, true), "  base: {reads: [source, base], folders: [base, tmp]}");
    }
}
