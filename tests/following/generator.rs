//! The generator of edits knows what the product knows: each YAML key that the source text reads is written by some
//! edit. The keys are taken from the source text itself, so that one that is newly read is missed at once.

use crate::live::bases;
use crate::live::dice::Dice;
use crate::live::edits::World;
use crate::live::script::{Live, Op};
use crate::live::yaml::{self, is_yaml};
use harness::datalog::Cell;
use harness::relations;
use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Folders whose texts are not the keys of what dbt's users write.
const ELSEWHERE: [(&str, &str); 10] = [
    ("src/cli/", "options and the environment"),
    ("src/datalog/", "the language of questions"),
    ("src/db/", "inputs, which others fill"),
    ("src/files/", "the disk"),
    ("src/project/jinja/", "what templates see and call"),
    ("src/python/", "what templates compute with"),
    ("src/query/", "names of relations"),
    ("src/report/", "what is written, and never read"),
    ("src/session/init/", "what is written, and never read"),
    ("src/syntax/", "YAML as such, which has no keys"),
];

/// Words of files that read YAML which are no keys of it, by the file; no words are all but what is looked up.
const OTHER_WORDS: [(&str, &[&str], &str); 24] = [
    ("project/shown.rs", &[], "members of the `node` that templates see"),
    ("project/evidence.rs", &[], "files and settings of other tools"),
    ("project/layout", &[], "customary names of folders"),
    ("project/builtins.rs", &[], "names of macros"),
    ("project/target.rs", &[], "members of the `target` that templates see"),
    ("project/data_tests/call.rs", &[], "the text of a call"),
    ("rules/stated.rs", &[], "columns of relations"),
    ("session/load.rs", &[], "names of files"),
    ("session/state.rs", &[], "what is compared, which is read elsewhere"),
    ("project/data.rs", &[], "texts that are switches"),
    (
        "observe/",
        &["child_name", "fix", "hint", "later_line", "mapping", "missing", "parent_name", "stated", "way", "what"],
        "places of messages",
    ),
    (
        "observe/",
        &["analysis", "exposure", "function", "macro", "operation", "saved_query", "snapshot", "test", "unit_test"],
        "what messages call things",
    ),
    ("project/resources.rs", &["exposure", "saved_query"], "how ids begin"),
    ("project/shapes.rs", &["analysis"], "what messages call things"),
    ("project/accepted/walk.rs", &["anything", "it", "them"], "what messages say"),
    ("relations/places/stands.rs", &["operation", "unit_test", "test"], "how ids begin"),
    ("relations/places/settings.rs", &["true", "false"], "how rows write what is no text"),
    ("project/accepted/walk.rs", &["null"], "how messages write what is no text"),
    ("project/settings.rs", &["folder", "prefix"], "what messages call things"),
    ("project/profile.rs", &["profiles", "targets"], "what messages call things"),
    ("project/profile.rs", &["profile_name"], "a member of `target`"),
    ("project/profile.rs", &["DBT_PROFILE", "DBT_TARGET"], "the environment, which no file states"),
    ("project/data_tests/", &["None", "source_"], "pieces of names"),
    ("project/packages.rs", &["dbt_"], "pieces of names"),
];

/// The text of a source file without its tests and comments.
fn source(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap();
    Regex::new(r"(?m)//.*$").unwrap().replace_all(text, "").into_owned()
}

/// The source files that may read YAML, by their paths from `src/` on.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs")
                && !name.ends_with("tests.rs")
                && !ELSEWHERE.iter().any(|(folder, _)| name.starts_with(folder))
            {
                found.insert(name.strip_prefix("src/").unwrap().to_owned(), source(&path));
            }
        }
    }
    found
}

/// Without the plus that keys of dbt_project.yml may have.
fn bare(key: &str) -> &str {
    key.strip_prefix('+').unwrap_or(key)
}

/// What is read: keys, and words that are keys or values.
#[derive(Default)]
struct Read {
    /// With the file that reads it.
    keys: BTreeMap<String, String>,
    words: BTreeMap<String, String>,
}

fn read(sources: &BTreeMap<String, String>) -> Read {
    let looked_up = Regex::new(
        r#"\b(?:get|get_entry|contains_key|get_key_value|entries|setting|shift_remove|remove)\((?:[\w.&]+, )?"([^"\s{}]+)""#,
    )
    .unwrap();
    let in_table = Regex::new(r#"\(\s*"([^"\s{}]+)",\s*[A-Z&]"#).unwrap();
    let reserved = Regex::new(r"(?s)const RESERVED: .*?;\n").unwrap();
    let word = Regex::new(r#""(\+?[A-Za-z][A-Za-z0-9_-]*)""#).unwrap();
    let mut read = Read::default();
    for (file, text) in sources {
        let reads_nodes = text.contains("syntax::yaml") || file.starts_with("project/accepted");
        let reads_values = text.contains("serde_json");
        if !reads_nodes && !reads_values {
            continue;
        }
        let all = |regex: &Regex| -> Vec<String> {
            regex.captures_iter(text).map(|found| bare(&found[1]).to_owned()).collect()
        };
        let tables = if file.starts_with("project/accepted") { all(&in_table) } else { Vec::new() };
        // A path is looked up among files.
        let keys = all(&looked_up).into_iter().chain(tables).filter(|key| !key.contains('.'));
        read.keys.extend(keys.map(|key| (key, file.clone())));
        let others: Vec<&[&str]> =
            OTHER_WORDS.iter().filter(|(of, ..)| file.starts_with(of)).map(|(_, words, _)| *words).collect();
        if !reads_nodes || others.contains(&[].as_slice()) {
            continue;
        }
        // Names that dbt keeps for itself are no keys.
        let text = reserved.replace_all(text, "");
        let words = word.captures_iter(&text).map(|found| bare(&found[1]).to_owned());
        let words = words.filter(|word| !others.iter().any(|others| others.contains(&word.as_str())));
        read.words.extend(words.map(|word| (word, file.clone())));
    }
    read
}

/// A table of accepted keys: the file it stands in and its name.
type Table = (String, String);

/// The tables of accepted keys, each key with the tables that its value may be an entry of.
struct Tables {
    of: BTreeMap<Table, BTreeMap<String, Vec<Table>>>,
    /// The tables that each constant leads to: itself, or those that its forms name.
    behind: BTreeMap<Table, Vec<Table>>,
}

impl Tables {
    fn new(sources: &BTreeMap<String, String>) -> Self {
        let constant = Regex::new(r"(?s)const ([A-Z_]+): [^=]+?=\s(.*?);\n").unwrap();
        let key = Regex::new(r#"\(\s*"([^"]+)",\s*"#).unwrap();
        let mut texts: BTreeMap<Table, &str> = BTreeMap::new();
        for (file, text) in sources.iter().filter(|(file, _)| file.starts_with("project/accepted/")) {
            for found in constant.captures_iter(text) {
                texts.insert((file.clone(), found[1].to_owned()), found.get(2).unwrap().as_str());
            }
        }
        let keys = |text: &str| -> Vec<(String, String)> {
            let Some((_, text)) = text.split_once("keys:") else { return Vec::new() };
            let starts: Vec<_> = key.captures_iter(text).collect();
            let end = |at: usize| starts.get(at + 1).map_or(text.len(), |next| next.get(0).unwrap().start());
            let forms = |at: usize| text[starts[at].get(0).unwrap().end()..end(at)].to_owned();
            (0..starts.len()).map(|at| (starts[at][1].to_owned(), forms(at))).collect()
        };
        let mut tables = Self { of: BTreeMap::new(), behind: BTreeMap::new() };
        for constant in texts.keys() {
            let behind = behind(&texts, &|text| !keys(text).is_empty(), constant);
            tables.behind.insert(constant.clone(), behind);
        }
        for (constant, text) in &texts {
            let below = |forms: &str| -> Vec<Table> {
                let named = named(&texts, &constant.0, forms).into_iter();
                named.flat_map(|table| tables.behind[&table].clone()).collect()
            };
            let keys: BTreeMap<_, _> = keys(text).into_iter().map(|(key, forms)| (key, below(&forms))).collect();
            if !keys.is_empty() {
                tables.of.insert(constant.clone(), keys);
            }
        }
        tables
    }

    /// The tables behind a name in a file.
    fn named(&self, file: &str, name: &str) -> Vec<Table> {
        self.behind[&resolved(&self.behind, file, name).unwrap()].clone()
    }

    /// Notes which keys of which tables a value has.
    fn cover(&self, table: &Table, value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.cover(table, item, found)),
            Value::Object(entries) => {
                for (key, below) in &self.of[table] {
                    let Some(value) = entries.get(key) else { continue };
                    found.insert(format!("{} {}: {key}", table.0, table.1));
                    below.iter().for_each(|below| self.cover(below, value, found));
                }
            }
            _ => {}
        }
    }

    /// All tables that some lead to.
    fn reached(&self, mut open: Vec<Table>) -> BTreeSet<Table> {
        let mut reached = BTreeSet::new();
        while let Some(table) = open.pop() {
            if reached.insert(table.clone()) {
                open.extend(self.of[&table].values().flatten().cloned());
            }
        }
        reached
    }
}

/// The constant that a name means in a file: its own, or one of a file beside it.
fn resolved<T>(constants: &BTreeMap<Table, T>, file: &str, name: &str) -> Option<Table> {
    let own = (file.to_owned(), name.to_owned());
    if constants.contains_key(&own) {
        return Some(own);
    }
    constants.keys().find(|(_, other)| other == name).cloned()
}

/// The constants that forms name. What stands behind a path is of another module, whatever it is called here.
fn named(texts: &BTreeMap<Table, &str>, file: &str, forms: &str) -> Vec<Table> {
    let names = Regex::new(r"(?:^|[^:\w])([A-Z][A-Z_]+)\b").unwrap();
    names.captures_iter(forms).filter_map(|found| resolved(texts, file, &found[1])).collect()
}

fn behind(texts: &BTreeMap<Table, &str>, is_table: &dyn Fn(&str) -> bool, constant: &Table) -> Vec<Table> {
    if is_table(texts[constant]) {
        return vec![constant.clone()];
    }
    let named = named(texts, &constant.0, texts[constant]).into_iter();
    named.flat_map(|other| behind(texts, is_table, &other)).collect()
}

/// What edits wrote.
#[derive(Default)]
struct Written {
    keys: BTreeSet<String>,
    words: BTreeSet<String>,
    /// Keys of tables, at their places.
    at: BTreeSet<String>,
}

impl Written {
    fn add(&mut self, value: &Value) {
        let words = |text: &str| -> Vec<String> {
            text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"_-".contains(letter))
                .map(str::to_owned)
                .collect()
        };
        match value {
            Value::Object(entries) => {
                for (key, value) in entries {
                    self.keys.insert(bare(key).to_owned());
                    self.words.insert(bare(key).to_owned());
                    self.add(value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::String(text) => self.words.extend(words(text)),
            _ => {}
        }
    }
}

/// What a value has that another does not have at the same place.
fn new_in(after: &Value, before: &Value) -> Value {
    match (after, before) {
        (Value::Object(after), Value::Object(before)) => {
            let changed = after.iter().filter(|(key, value)| before.get(*key) != Some(value));
            let new = changed.map(|(key, value)| {
                (key.clone(), before.get(key).map_or_else(|| value.clone(), |before| new_in(value, before)))
            });
            Value::Object(new.collect())
        }
        (Value::Array(after), Value::Array(before)) => {
            let changed = after.iter().filter(|item| !before.contains(item));
            Value::Array(
                changed.map(|item| before.iter().fold(item.clone(), |item, before| new_in(&item, before))).collect(),
            )
        }
        _ => after.clone(),
    }
}

/// What dbt's property files, its project file and its lists of packages may hold, by the tables of accepted keys.
struct Places {
    tables: Tables,
    /// By the list of a property file.
    lists: BTreeMap<String, Vec<Table>>,
    project: Table,
    packages: Vec<Table>,
}

impl Places {
    fn new(sources: &BTreeMap<String, String>) -> Self {
        let tables = Tables::new(sources);
        let file = "project/accepted/entries.rs";
        let of_list = Regex::new(r#""(\w+)"(?:, &| if [^=]*=> &)([A-Z_]+)\b"#).unwrap();
        let mut lists: BTreeMap<String, Vec<Table>> = BTreeMap::new();
        for found in of_list.captures_iter(&sources[file]).filter(|found| &found[2] != "NAME") {
            lists.entry(found[1].to_owned()).or_default().extend(tables.named(file, &found[2]));
        }
        let project = tables.named("project/accepted/project.rs", "PROJECT").remove(0);
        let packages = tables.named("project/accepted/packages.rs", "PACKAGES");
        Self { tables, lists, project, packages }
    }

    fn cover(&self, kind: &str, value: &Value, found: &mut BTreeSet<String>) {
        let mut cover = |tables: &[Table], value: &Value| {
            tables.iter().for_each(|table| self.tables.cover(table, value, found));
        };
        match kind {
            "" => {
                for (list, value) in value.as_object().into_iter().flatten() {
                    cover(self.lists.get(list).map_or(&[], Vec::as_slice), value);
                }
            }
            "project" => cover(std::slice::from_ref(&self.project), value),
            "packages" => cover(&self.packages, value.get("packages").unwrap_or_default()),
            _ => {}
        }
    }

    /// All there are. What a table has that nothing leads to is asked of settings, by its key alone.
    fn all(&self) -> Vec<String> {
        let roots = self.lists.values().flatten().chain([&self.project]).chain(&self.packages);
        let reached = self.tables.reached(roots.cloned().collect());
        assert!(reached.len() > 50, "{} tables", reached.len());
        let keys = reached.iter().flat_map(|table| self.tables.of[table].keys().map(move |key| (table, key)));
        keys.map(|(table, key)| format!("{} {}: {key}", table.0, table.1)).collect()
    }
}

/// What each kind of edit writes in each project, until nothing is missed or there were enough of them.
fn written(places: &Places, is_enough: impl Fn(&Written) -> bool) -> Written {
    let mut written = Written::default();
    let mut dice = Dice(0x5eed);
    for _ in 0..ROUNDS {
        for kind in World::kinds() {
            for (_, files) in bases::all() {
                let mut world = World::new(files);
                for _ in 0..EDITS {
                    let before = world.files.clone();
                    for op in world.edit(kind, &mut dice).into_iter().flatten() {
                        let Op::Write(path, text) = op else { continue };
                        let after = Some(&path).filter(|path| is_yaml(path)).and_then(|path| yaml::value(path, &text));
                        let Some(after) = after else { continue };
                        let before = before.get(&path).and_then(|text| yaml::value(&path, text)).unwrap_or_default();
                        let new = new_in(&after, &before);
                        written.add(&new);
                        places.cover(yaml::kind(&path), &new, &mut written.at);
                    }
                }
            }
        }
        if is_enough(&written) {
            break;
        }
    }
    written
}

/// How many edits of each kind each project gets in a round.
const EDITS: usize = 20;
/// Far more than are needed: another edit makes other dice.
const ROUNDS: usize = 20;

#[test]
fn each_yaml_key_that_is_read_is_written_by_some_edit() {
    let sources = sources();
    let (places, read) = (Places::new(&sources), read(&sources));
    let all = places.all();
    assert!(read.keys.len() > 200 && read.words.len() > 300, "{} and {}", read.keys.len(), read.words.len());
    assert!(all.len() > 350, "{} places", all.len());
    let missed = |written: &Written| {
        let keys = read.keys.iter().filter(|(key, _)| !written.keys.contains(*key));
        let words = read.words.iter().filter(|(word, _)| !written.words.contains(*word));
        let told = |what: &str, missed: &mut dyn Iterator<Item = (&String, &String)>| -> Vec<String> {
            missed.map(|(key, file)| format!("the {what} {key} of {file}")).collect()
        };
        let mut missed = told("key", &mut { keys });
        missed.extend(told("word", &mut { words }));
        missed
            .extend(all.iter().filter(|place| !written.at.contains(*place)).map(|place| format!("the place {place}")));
        missed
    };
    let written = written(&places, |written| missed(written).is_empty());
    let missed = missed(&written);
    assert!(missed.is_empty(), "no edit writes {missed:#?}; put them into a file below tests/live/whole");
}

/// The kinds of files that the database knows.
fn kinds_of_files() -> BTreeSet<String> {
    let text = source(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/db/mod.rs"));
    let (_, names) = text.split_once("pub fn name(self)").unwrap();
    let (names, _) = names.split_once("pub fn").unwrap();
    Regex::new(r#"Self::\w+ => "(\w+)""#).unwrap().captures_iter(names).map(|found| found[1].to_owned()).collect()
}

#[test]
fn each_kind_of_file_that_is_read_comes_changes_and_goes_by_some_edit() {
    let (_, whole) = bases::all().into_iter().find(|(name, _)| name == "whole").unwrap();
    let live = Live::start(&whole);
    // The paths of the files, as a relation has them.
    let mut kinds: BTreeMap<String, String> = BTreeMap::new();
    let relation = relations::ALL.iter().find(|relation| relation.schema.name == "file").unwrap();
    (relation.visit)(&live.session.db, &mut |row| {
        if let [Cell::Text(path), Cell::Text(kind), ..] = row {
            kinds.insert(path.to_string(), kind.to_string());
        }
    });
    // Read beside the project.
    kinds.insert("harness.yml".to_owned(), "house_rules".to_owned());
    let known = kinds_of_files();
    assert_eq!(kinds.values().cloned().collect::<BTreeSet<_>>(), known, "tests/live/whole has a file of each kind");

    let all = known.iter().flat_map(|kind| ["comes", "changes", "goes"].map(|what| (kind.as_str(), what)));
    let mut missed: BTreeSet<(&str, &str)> = all.collect();
    let mut dice = Dice(0x5eed);
    for _ in 0..ROUNDS * 10 {
        let mut world = World::new(whole.clone());
        for _ in 0..200 {
            let before = world.files.clone();
            for op in world.step(&mut dice).ops {
                let (path, what) = match &op {
                    Op::Write(path, _) if before.contains_key(path) => (path, "changes"),
                    Op::Write(path, _) => (path, "comes"),
                    Op::Remove(path) => (path, "goes"),
                    Op::Invocation(_) => continue,
                };
                if let Some(kind) = kinds.get(path) {
                    missed.remove(&(kind.as_str(), what));
                }
            }
        }
        if missed.is_empty() {
            return;
        }
    }
    panic!("no edit does these: {missed:?}");
}
