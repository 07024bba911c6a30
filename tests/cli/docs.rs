//! docs/query.md: what it shows is what the program prints, and its reference is the catalogue's.
//! `UPDATE_DOCS=1 cargo test --test docs` writes both anew.

use boon::{Compiler, Schemas};
use harness::datalog::{Catalogue, FUNCTIONS, Schema, compile};
use harness::observe;
use harness::project::settings;
use harness::query::{OF_THE_RUN, library, of_the_run, schema_of};
use harness::relations::{ALL, by_name};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

const BEGIN: &str = "<!-- reference: written by tests/cli/docs.rs -->\n";
const END: &str = "<!-- end of the reference -->\n";
const REFRESH: &str = "Write it anew: UPDATE_DOCS=1 cargo test --test docs";

/// Two tests may write the file.
static WRITING: Mutex<()> = Mutex::new(());

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/query.md")
}

/// Compares, or writes what should be there.
fn compare(of: impl Fn(&str) -> String, what: &str) {
    let _guard = WRITING.lock().unwrap();
    let text = std::fs::read_to_string(path()).unwrap();
    let right = of(&text);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(), right).unwrap();
        return;
    }
    let differs = text.lines().zip(right.lines()).position(|(old, new)| old != new);
    let line = differs.unwrap_or_else(|| text.lines().count().min(right.lines().count())) + 1;
    assert!(text == right, "docs/query.md:{line}: {what} is stale. {REFRESH}");
}

/// The words of a command as a shell reads them; only single quotes are used.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    for letter in command.chars() {
        match letter {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

fn printed(command: &str) -> String {
    let words = words(command);
    assert_eq!(words[0], "harness", "{command}");
    let mut harness = Command::new(env!("CARGO_BIN_EXE_harness"));
    let output = harness.args(&words[1..]).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    text(output.stdout) + &text(output.stderr)
}

/// Each block ```` ```console ```` with what its command prints.
fn with_output(text: &str) -> String {
    let mut parts = text.split("```console\n");
    let mut right = parts.next().unwrap().to_owned();
    for part in parts {
        let (block, rest) = part.split_once("```").unwrap();
        let command = block.lines().next().unwrap();
        let output = printed(command.strip_prefix("$ ").unwrap());
        let lines: String = output.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        write!(right, "```console\n{command}\n{lines}```{rest}").unwrap();
    }
    right
}

fn entry(into: &mut String, schema: &Schema, doc: &str, example: Option<&str>) {
    let doc = doc.split_whitespace().collect::<Vec<_>>().join(" ");
    write!(into, "**`{}`**  \n{doc}", schema.shown()).unwrap();
    if let Some(example) = example {
        write!(into, "  \nExample: `{example}`").unwrap();
    }
    into.push_str("\n\n");
}

fn reference() -> String {
    let mut text = String::from("\n### Functions\n\n| form | gives |\n|---|---|\n");
    for (name, form, gives) in FUNCTIONS {
        writeln!(text, "| `{name}({form})` | {gives} |").unwrap();
    }
    text.push_str("\n### Relations that rules give\n\n");
    let library = library::embedded().unwrap();
    for name in library.names() {
        let doc = library.doc(name).unwrap();
        entry(&mut text, library.schema(name).unwrap(), doc, None);
    }
    for one in &OF_THE_RUN {
        entry(&mut text, &one.schema(), one.doc, Some(one.example));
    }
    text.push_str("### What is seen in one place\n\n");
    for one in &observe::ALL {
        entry(&mut text, &one.schema(), one.doc, Some(one.example));
    }
    text.push_str("### Base relations\n\n");
    for relation in ALL {
        entry(&mut text, &schema_of(relation), relation.schema.doc, Some(relation.schema.example));
    }
    text
}

#[test]
fn every_command_shown_prints_what_is_shown() {
    compare(with_output, "what a command prints");
}

#[test]
fn the_reference_is_the_catalogues() {
    compare(
        |text| {
            let (before, rest) = text.split_once(BEGIN).unwrap();
            let (_, after) = rest.split_once(END).unwrap();
            format!("{before}{BEGIN}{}{END}{after}", reference())
        },
        "the reference",
    );
}

#[test]
fn every_derived_relation_says_what_it_means() {
    let library = library::embedded().unwrap();
    for name in library.names() {
        assert!(library.doc(name).unwrap().trim().ends_with('.'), "{name}");
    }
}

/// The catalogue where each name is a node's.
struct Named;

impl Catalogue for Named {
    fn schema(&self, relation: &str) -> Option<Schema> {
        let seen = observe::by_name(relation).map(|one| one.schema());
        let seen = seen.or_else(|| of_the_run(relation).map(|one| one.schema()));
        seen.or_else(|| by_name(relation).map(schema_of))
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    fn nodes(&self, name: &str) -> Vec<Arc<str>> {
        vec![format!("model.p.{name}").into()]
    }

    fn similar_node(&self, _: &str) -> Option<String> {
        None
    }
}

#[test]
fn every_example_of_a_relation_compiles() {
    let library = library::embedded().unwrap();
    let examples = ALL.iter().map(|relation| relation.schema.example);
    let examples =
        examples.chain(OF_THE_RUN.iter().map(|one| one.example)).chain(observe::ALL.iter().map(|one| one.example));
    for example in examples {
        let compiled = compile(example, library, &Named, &BTreeMap::new());
        let errors = compiled.err().unwrap_or_default();
        let shown: String = errors.iter().map(|error| error.shown("example", example)).collect();
        assert!(errors.is_empty(), "{shown}");
    }
}

fn schema() -> serde_json::Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/harness.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn as_json(yaml: &str) -> serde_json::Value {
    harness::project::data::of(&harness::syntax::yaml::parse(yaml).root)
}

#[test]
fn the_schema_of_harness_yml_has_its_keys_and_no_others() {
    let schema = schema();
    let keys = |at: &str| -> Vec<String> {
        let properties = schema.pointer(at).and_then(|it| it["properties"].as_object()).unwrap();
        let mut keys: Vec<String> = properties.keys().cloned().collect();
        keys.sort();
        keys
    };
    let sorted = |keys: &[&str]| {
        let mut keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(""), sorted(&settings::KEYS));
    assert_eq!(keys("/$defs/layer"), sorted(&settings::LAYER_KEYS));
    assert_eq!(keys("/$defs/staging"), sorted(&settings::STAGING_KEYS));
    assert_eq!(keys("/$defs/rule"), sorted(&settings::RULE_KEYS));
    assert_eq!(keys("/$defs/override"), sorted(&settings::OVERRIDE_KEYS));
    let levels: Vec<&str> =
        schema["$defs"]["severity"]["enum"].as_array().unwrap().iter().filter_map(|it| it.as_str()).collect();
    assert_eq!(levels, settings::LEVELS);
}

/// What the schema says against a harness.yml.
fn validator() -> impl Fn(&str) -> Option<String> {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("harness.json", schema()).unwrap();
    let index = compiler.compile("harness.json", &mut schemas).unwrap();
    move |text| schemas.validate(&as_json(text), index).err().map(|error| format!("{error:#}"))
}

#[test]
fn the_schema_takes_every_harness_yml_that_is_shown() {
    let problem = validator();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = vec![std::fs::read_to_string(root.join("docs/examples/plan.harness.yml")).unwrap()];
    for fixture in std::fs::read_dir(root.join("fixtures")).unwrap() {
        texts.extend(std::fs::read_to_string(fixture.unwrap().path().join("harness.yml")));
    }
    for rule in harness::rules::registry::Registry::embedded().unwrap().rules() {
        for case in &rule.cases {
            texts.extend(case.files.iter().filter(|(path, _)| path == "harness.yml").map(|(_, text)| text.clone()));
        }
    }
    texts.push(
        "extends: [strict, evaluator]\nlayers: {a: {reads: [], folders: [b], prefixes: [c_]}}\n\
         rules: {A: {severity: off, options: {b: 1, c: [d]}}, B: off}\n\
         overrides: [{paths: [models/**], rules: {A: auto}}]\nrule-paths: [checks]\n"
            .to_owned(),
    );
    assert!(texts.len() > 10);
    for text in texts {
        assert_eq!(problem(&text), None, "{text}");
    }
}

#[test]
fn the_schema_refuses_what_the_program_refuses() {
    let problem = validator();
    for text in [
        "extend: strict",
        "extends: [auto, strict]",
        "layers: {a: {}}",
        "layers: {source: {reads: []}}",
        "layers: {a: {reads: [], read: []}}",
        "staging: {ctes: []}",
        "rules: {A: loud}",
        "rules: {A: {level: off}}",
        "overrides: [{paths: [a]}]",
        "overrides: {}",
        "tenants: a",
    ] {
        assert!(problem(text).is_some(), "{text}");
        let known =
            settings::KnownRules { rules: vec![settings::KnownRule { id: "A", ..settings::KnownRule::default() }] };
        assert!(settings::read(text, &known).is_err(), "{text}");
    }
}
