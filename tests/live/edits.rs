//! Edits of all kinds, made up from what the files hold and from what stands in other projects.

mod files;
mod macros;
mod queries;
mod settings;
mod suppressions;
mod yaml;

use super::bases;
use super::dice::Dice;
use super::script::{Asked, Files, Op, Step, Told};
use super::yaml::{Vocabulary, is_yaml};
use harness::rules::finding::Finding;
use harness::rules::registry::Registry;
use std::sync::OnceLock;

/// The files as they are, and what they were.
pub struct World {
    pub files: Files,
    /// What is found now, for edits that suppress it.
    pub found: Vec<Found>,
    /// A baseline of all that.
    pub baseline: String,
    /// As they were at first.
    origin: Files,
    /// Paths with the texts they had before an edit.
    past: Vec<(String, Option<String>)>,
    /// Files of the rules' own cases.
    cases: &'static [(String, String)],
    vocabulary: &'static Vocabulary,
    made: usize,
}

/// Where a rule reports.
#[derive(Debug, Clone)]
pub struct Found {
    pub rule: String,
    pub path: String,
    pub line: u32,
}

impl Found {
    pub fn of(finding: &Finding) -> Self {
        Self { rule: finding.rule.to_string(), path: finding.place.path.to_string(), line: finding.place.start.line }
    }
}

type Ops = Option<Vec<Op>>;

/// What is done, and how often among all.
type Kind = (&'static str, usize, fn(&mut World, &mut Dice) -> Ops);

const KINDS: [Kind; 51] = [
    ("a comment", 4, files::comment),
    ("a blank line on top", 2, files::blank_line),
    ("a comment that suppresses", 6, suppressions::by_comment),
    ("a meta that suppresses", 6, suppressions::by_meta),
    ("what stands beside a suppression", 5, suppressions::beside),
    ("the body of a query", 6, queries::body),
    ("another ref", 7, queries::other_ref),
    ("one more ref", 5, queries::more_ref),
    ("another source", 3, queries::other_source),
    ("a table by its name", 2, queries::table_name),
    ("a config block", 6, queries::config),
    ("a new node", 5, files::new_node),
    ("a file deleted", 5, files::deleted),
    ("a file renamed", 4, files::renamed),
    ("a file copied", 2, files::copied),
    ("a folder renamed", 2, files::folder_renamed),
    ("a folder deleted", 3, files::folder_deleted),
    ("a file that is left out", 6, files::left_out),
    ("two files swapped", 3, files::swapped),
    ("an earlier text", 10, files::earlier),
    ("the text at first", 10, files::mended),
    ("a new macro", 4, macros::new_macro),
    ("the body of a macro", 4, macros::macro_body),
    ("a YAML entry", 6, yaml::yaml_entry),
    ("a YAML entry of another project", 7, yaml::sample),
    ("a YAML entry moved to another file", 3, yaml::entry_moved),
    ("an entry of a YAML list", 7, yaml::list_entry),
    ("a YAML key that is known", 14, yaml::known_key),
    ("another YAML value", 8, yaml::known_value),
    ("a YAML key lost", 4, yaml::key_lost),
    ("a setting into config or out of it", 3, yaml::config_moved),
    ("a line's YAML value", 4, yaml::yaml_value),
    ("a YAML key renamed", 3, yaml::yaml_key),
    ("a line moved, doubled or lost", 4, files::line),
    ("broken syntax", 5, files::broken),
    ("dbt_project.yml", 6, settings::project_file),
    ("harness.yml", 5, settings::house_rules),
    ("an option of a rule", 6, settings::rule_option),
    ("who may read a node", 8, yaml::access),
    ("a source of a package replaced", 6, yaml::replaced),
    ("a rule of the house", 4, settings::rule_file),
    ("packages", 5, settings::packages),
    ("selectors", 1, settings::selectors),
    (".dbtignore", 2, settings::ignored),
    ("profiles.yml", 2, settings::profiles),
    ("the baseline", 3, settings::baseline),
    ("the invocation", 6, settings::invocation),
    ("vars.yml", 2, settings::vars),
    ("the manifest of another project", 2, settings::manifest),
    ("a docs block", 3, files::docs_block),
    ("a file of a rule's case", 6, files::case_file),
];

fn cases() -> &'static [(String, String)] {
    static CASES: OnceLock<Vec<(String, String)>> = OnceLock::new();
    CASES.get_or_init(|| {
        let registry = Registry::embedded().unwrap();
        let cases = registry.rules().iter().flat_map(|rule| &rule.cases);
        cases.flat_map(|case| case.files.clone()).filter(|(path, _)| path != "dbt_project.yml").collect()
    })
}

fn vocabulary() -> &'static Vocabulary {
    static VOCABULARY: OnceLock<Vocabulary> = OnceLock::new();
    VOCABULARY.get_or_init(|| {
        let cases: Vec<Files> = cases().iter().map(|file| [file.clone()].into()).collect();
        let bases: Vec<Files> = bases::all().into_iter().map(|(_, files)| files).collect();
        Vocabulary::of(bases.iter().chain(&cases))
    })
}

impl World {
    pub fn new(files: Files) -> Self {
        Self {
            origin: files.clone(),
            files,
            found: Vec::new(),
            baseline: String::new(),
            past: Vec::new(),
            cases: cases(),
            vocabulary: vocabulary(),
            made: 0,
        }
    }

    /// What edits there are.
    pub fn kinds() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|kind| kind.0)
    }

    /// One edit of a kind, applied here; none where the files have nothing for it.
    pub fn edit(&mut self, kind: &str, dice: &mut Dice) -> Option<Vec<Op>> {
        let (_, _, make) = KINDS.iter().find(|other| other.0 == kind)?;
        let ops = make(self, dice)?;
        ops.iter().for_each(|op| self.apply(op));
        Some(ops)
    }

    /// A step that changes something, applied here.
    pub fn step(&mut self, dice: &mut Dice) -> Step {
        loop {
            let total: usize = KINDS.iter().map(|kind| kind.1).sum();
            let mut at = dice.below(total);
            let chosen = KINDS.iter().find(|kind| {
                let is_it = at < kind.1;
                at = at.saturating_sub(kind.1);
                is_it
            });
            let Some((what, _, make)) = chosen else { continue };
            let Some(mut ops) = make(self, dice) else { continue };
            // Now and then a second edit is saved at once.
            if dice.in_a_hundred(10) {
                let (_, _, more) = dice.pick(&KINDS);
                ops.extend(more(self, dice).into_iter().flatten());
            }
            // Of what goes whole mostly its folder is told.
            let folders = if ops.iter().all(|op| matches!(op, Op::Remove(_))) { 6 } else { 2 };
            let told = match dice.below(10) {
                0 => Told::Nothing,
                at if at <= folders => Told::Folders,
                _ => Told::Paths,
            };
            for op in &ops {
                self.apply(op);
            }
            let asked = if dice.in_a_hundred(30) { Asked::Nothing } else { Asked::Findings };
            return Step { what, ops, told, asked };
        }
    }

    pub fn apply(&mut self, op: &Op) {
        let (path, before) = match op {
            Op::Write(path, text) => (path, self.files.insert(path.clone(), text.clone())),
            Op::Remove(path) => (path, self.files.remove(path)),
            Op::Invocation(_) => return,
        };
        self.past.push((path.clone(), before));
        if self.past.len() > 200 {
            self.past.remove(0);
        }
    }

    fn number(&mut self) -> usize {
        self.made += 1;
        self.made
    }

    fn paths(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
        self.files.keys().filter(|path| is_wanted(path)).cloned().collect()
    }

    fn some(&self, dice: &mut Dice, is_wanted: impl Fn(&str) -> bool) -> Option<(String, String)> {
        let path = dice.some(&self.paths(is_wanted))?;
        let text = self.files.get(&path)?.clone();
        Some((path, text))
    }

    fn query(&self, dice: &mut Dice) -> Option<(String, String)> {
        self.some(dice, |path| path.ends_with(".sql") && !path.contains("macros/"))
    }

    fn yaml(&self, dice: &mut Dice) -> Option<(String, String)> {
        self.some(dice, |path| is_yaml(path) && path.contains('/'))
    }

    /// A name that a ref may bear, mostly one there is.
    fn name(&self, dice: &mut Dice) -> String {
        let stems: Vec<&str> = self
            .files
            .keys()
            .filter(|path| path.ends_with(".sql") || path.ends_with(".csv"))
            .map(|path| stem(path))
            .collect();
        match dice.below(12) {
            0 => "nobody".to_owned(),
            1 => "added_1".to_owned(),
            _ => dice.some(&stems).unwrap_or("nobody").to_owned(),
        }
    }

    fn folder(&self, dice: &mut Dice) -> String {
        let folders: Vec<&str> = self.files.keys().filter_map(|path| Some(path.rsplit_once('/')?.0)).collect();
        dice.some(&folders).unwrap_or("models").to_owned()
    }
}

fn stem(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or_default();
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

fn write(path: String, text: String) -> Ops {
    Some(vec![Op::Write(path, text)])
}

/// A place where a line begins.
fn line_start(dice: &mut Dice, text: &str) -> usize {
    let starts: Vec<usize> = [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    *dice.pick(&starts)
}

fn inserted(text: &str, at: usize, more: &str) -> String {
    format!("{}{more}{}", &text[..at], &text[at..])
}
