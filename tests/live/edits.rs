//! Edits of all kinds, made up from what the files hold.

use super::dice::Dice;
use super::script::{Files, Op, Step, Told};
use harness::rules::registry::Registry;

/// The files as they are, and what they were.
pub struct World {
    pub files: Files,
    /// As they were at first.
    origin: Files,
    /// Paths with the texts they had before an edit.
    past: Vec<(String, Option<String>)>,
    /// Files of the rules' own cases.
    cases: Vec<(String, String)>,
    made: usize,
}

type Ops = Option<Vec<Op>>;

/// What is done, and how often among a hundred.
type Kind = (&'static str, usize, fn(&mut World, &mut Dice) -> Ops);

const KINDS: [Kind; 31] = [
    ("a comment", 4, comment),
    ("a blank line on top", 2, blank_line),
    ("an excuse", 3, excuse),
    ("the body of a query", 6, body),
    ("another ref", 7, other_ref),
    ("one more ref", 5, more_ref),
    ("another source", 3, other_source),
    ("a table by its name", 2, table_name),
    ("a config block", 6, config),
    ("a new node", 5, new_node),
    ("a file deleted", 5, deleted),
    ("a file renamed", 4, renamed),
    ("a file copied", 2, copied),
    ("a folder renamed", 2, folder_renamed),
    ("two files swapped", 3, swapped),
    ("an earlier text", 8, earlier),
    ("the text at first", 8, mended),
    ("a new macro", 4, new_macro),
    ("the body of a macro", 4, macro_body),
    ("a YAML entry", 6, yaml_entry),
    ("a YAML value", 5, yaml_value),
    ("a YAML key", 3, yaml_key),
    ("a line moved, doubled or lost", 4, line),
    ("broken syntax", 5, broken),
    ("dbt_project.yml", 6, project_file),
    ("harness.yml", 5, house_rules),
    ("a rule of the house", 4, rule_file),
    ("packages", 5, packages),
    ("selectors and .dbtignore", 2, selectors),
    ("the invocation", 2, invocation),
    ("a file of a rule's case", 6, case_file),
];

impl World {
    pub fn new(files: Files) -> Self {
        let rules = Registry::embedded().unwrap().rules().iter().flat_map(|rule| &rule.cases);
        let cases = rules.flat_map(|case| case.files.clone()).filter(|(path, _)| path != "dbt_project.yml").collect();
        Self { origin: files.clone(), files, past: Vec::new(), cases, made: 0 }
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
            let told = match dice.below(10) {
                0 => Told::Nothing,
                1 | 2 => Told::Folders,
                _ => Told::Paths,
            };
            for op in &ops {
                self.apply(op);
            }
            return Step { what, ops, told };
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

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yml") || path.ends_with(".yaml")
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

fn comment(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.some(dice, |path| path.ends_with(".sql") || is_yaml(path))?;
    let number = world.number();
    let at = line_start(dice, &text);
    let comment = match is_yaml(&path) {
        true => format!("# comment {number}\n"),
        false if dice.in_a_hundred(50) => format!("-- comment {number}\n"),
        false => format!("{{# comment {number} #}}\n"),
    };
    write(path, inserted(&text, at, &comment))
}

fn blank_line(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.some(dice, |_| true)?;
    write(path, format!("\n{text}"))
}

fn excuse(world: &mut World, dice: &mut Dice) -> Ops {
    const RULES: [&str; 8] = [
        "UNKNOWN_REF",
        "ORPHAN_MODEL",
        "MISSING_TESTS",
        "HARD_CODED_REFERENCE",
        "PARSE_ERROR",
        "DUPLICATE_RESOURCE",
        "NO_RULE",
        "UNKNOWN_REF, CYCLE",
    ];
    let (path, text) = world.some(dice, |path| path.ends_with(".sql") || is_yaml(path))?;
    let mark = if is_yaml(&path) { "#" } else { "--" };
    let until = if dice.in_a_hundred(20) { "until 2026-01-31 " } else { "" };
    let comment = format!("{mark} harness: ignore[{}] {until}it is meant so\n", dice.pick(&RULES));
    let at = line_start(dice, &text);
    write(path, inserted(&text, at, &comment))
}

fn body(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.query(dice)?;
    let number = world.number();
    let text = match dice.below(4) {
        0 => format!("{text}\nunion all select {number} as n\n"),
        1 => text.replacen("select", &format!("select {number} * 60 as extra_{number},"), 1),
        2 => text.replacen("final", &format!("final_{number}"), 1),
        _ => format!("{text}\n{{{{ cents('x') }}}} {{{{ unknown_macro_{}() }}}}\n", number % 3),
    };
    write(path, text)
}

/// The calls of a function with one text, as byte ranges of the text.
fn calls(text: &str, function: &str) -> Vec<(usize, usize)> {
    let opening = format!("{function}('");
    let found = text.match_indices(&opening).filter_map(|(at, _)| {
        let from = at + opening.len();
        Some((from, from + text[from..].find('\'')?))
    });
    found.collect()
}

fn other_ref(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.some(dice, |_| true)?;
    let (from, to) = dice.some(&calls(&text, "ref"))?;
    let name = world.name(dice);
    write(path, format!("{}{name}{}", &text[..from], &text[to..]))
}

fn more_ref(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.query(dice)?;
    let name = world.name(dice);
    let call = match dice.below(5) {
        0 => format!("ref('{name}', v=1)"),
        1 => format!("ref('shop', '{name}')"),
        _ => format!("ref('{name}')"),
    };
    let text = match dice.below(3) {
        0 => format!("{text}\n-- {{{{ {call} }}}}\n"),
        1 => format!("{text}\n{{% if var('limit') %}} join {{{{ {call} }}}} using (id){{% endif %}}\n"),
        _ => format!("{text}\njoin {{{{ {call} }}}} using (id)\n"),
    };
    write(path, text)
}

fn other_source(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.query(dice)?;
    let (from, to) = match dice.some(&calls(&text, "source")) {
        Some(call) => call,
        None => return write(path, format!("{text}\njoin {{{{ source('raw', 'orders') }}}} using (id)\n")),
    };
    let name = *dice.pick(&["raw", "loaded", "nowhere", "catalogue"]);
    write(path, format!("{}{name}{}", &text[..from], &text[to..]))
}

fn table_name(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.query(dice)?;
    let table = *dice.pick(&["raw.shop.orders", "orders", "information_schema.tables", "raw.events"]);
    write(path, format!("{text}\njoin {table} as other on true\n"))
}

fn config(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.query(dice)?;
    if text.contains("config(") && dice.in_a_hundred(50) {
        let lines = text.lines().filter(|line| !line.contains("config("));
        return write(path, lines.map(|line| format!("{line}\n")).collect());
    }
    let settings = *dice.pick(&[
        "materialized='view'",
        "materialized='table', tags=['staging', 'one']",
        "materialized='incremental', unique_key='id'",
        "enabled=false",
        "enabled=var('limit') is none",
        "alias='orders'",
        "schema='other', database='elsewhere'",
        "meta={'harness': {'ignore': ['ORPHAN_MODEL']}}",
        "pre_hook=[\"insert into log select * from {{ ref('orders') }}\"]",
        "group='finance', access='public', contract={'enforced': true}",
        "materialized=unknown_thing()",
    ]);
    write(path, format!("{{{{ config({settings}) }}}}\n{text}"))
}

fn new_node(world: &mut World, dice: &mut Dice) -> Ops {
    let number = world.number() % 12;
    let name = world.name(dice);
    let folder = match dice.in_a_hundred(60) {
        true => world.folder(dice),
        false => dice.pick(&["models", "models/marts/sales", "models/staging/raw", "models/stg"]).to_string(),
    };
    let (path, text) = match dice.below(12) {
        0 => (format!("seeds/added_{number}.csv"), "id\n1\n".to_owned()),
        1 => (
            format!("snapshots/added_{number}.sql"),
            format!("{{% snapshot added_{number} %}}select * from {{{{ ref('{name}') }}}}{{% endsnapshot %}}\n"),
        ),
        2 => (format!("tests/added_{number}.sql"), format!("select 1 from {{{{ ref('{name}') }}}} where this_fails\n")),
        3 => (
            format!("tests/generic/added_{number}.sql"),
            format!(
                "{{% test even_{number}(model) %}}select 1 from {{{{ model }}}} join {{{{ ref('{name}') }}}}{{% endtest %}}\n"
            ),
        ),
        4 => (format!("analyses/added_{number}.sql"), format!("select * from {{{{ ref('{name}') }}}}\n")),
        5 => (
            format!("{folder}/added_{number}.py"),
            format!("def model(dbt, session):\n    dbt.config(materialized='table')\n    return dbt.ref('{name}')\n"),
        ),
        6 => (format!("{folder}/added_{number}.md"), format!("{{% docs added_{number} %}}Text.{{% enddocs %}}\n")),
        7 => (format!("functions/added_{number}.sql"), "select 1\n".to_owned()),
        _ => (
            format!("{folder}/added_{number}.sql"),
            format!("with source as (select * from {{{{ ref('{name}') }}}})\nselect * from source\n"),
        ),
    };
    write(path, text)
}

fn deleted(world: &mut World, dice: &mut Dice) -> Ops {
    let rare = dice.in_a_hundred(5);
    let (path, _) = world.some(dice, |path| rare || path != "dbt_project.yml")?;
    Some(vec![Op::Remove(path)])
}

fn renamed(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.some(dice, |path| path.contains('/'))?;
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    let folder = if dice.in_a_hundred(50) { world.folder(dice) } else { path.rsplit_once('/')?.0.to_owned() };
    let name = match dice.below(3) {
        0 => format!("renamed_{}", world.number() % 6),
        1 => world.name(dice),
        _ => stem(&path).to_owned(),
    };
    let other = format!("{folder}/{name}.{extension}");
    (other != path).then(|| vec![Op::Remove(path), Op::Write(other, text)])
}

fn copied(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.some(dice, |path| path.contains('/'))?;
    let (_, name) = path.rsplit_once('/')?;
    write(format!("{}/{name}", world.folder(dice)), text)
}

fn folder_renamed(world: &mut World, dice: &mut Dice) -> Ops {
    let folder = world.folder(dice);
    let (above, name) = folder.rsplit_once('/').unwrap_or(("models", &folder));
    let other = match dice.below(3) {
        0 => format!("{above}/a_{name}"),
        1 => format!("{above}/staging"),
        _ => format!("{above}/moved/{name}"),
    };
    let mut ops = Vec::new();
    for (path, text) in &world.files {
        if let Some(below) = path.strip_prefix(&format!("{folder}/")) {
            ops.extend([Op::Remove(path.clone()), Op::Write(format!("{other}/{below}"), text.clone())]);
        }
    }
    (!ops.is_empty() && other.len() < 120).then_some(ops)
}

fn swapped(world: &mut World, dice: &mut Dice) -> Ops {
    let (one, text) = world.some(dice, |path| path.contains('/'))?;
    let ending = one.rsplit_once('.').map_or(String::new(), |(_, ending)| format!(".{ending}"));
    let (other, others) = world.some(dice, |path| path.ends_with(&ending) && path.contains('/') && path != one)?;
    Some(vec![Op::Write(one, others), Op::Write(other, text)])
}

fn earlier(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, before) = dice.some(&world.past)?;
    match before {
        Some(text) if world.files.get(&path) != Some(&text) => write(path, text),
        None if world.files.contains_key(&path) => Some(vec![Op::Remove(path)]),
        _ => None,
    }
}

/// So that a script does not end with a project in which nothing can be read.
fn mended(world: &mut World, dice: &mut Dice) -> Ops {
    const PROJECT: &str = "dbt_project.yml";
    let differing = |path: &&String| world.files.get(*path) != world.origin.get(*path);
    let other: Vec<&String> = world.origin.keys().filter(differing).collect();
    let of_project = other.iter().any(|path| *path == PROJECT) && dice.in_a_hundred(60);
    let path = if of_project { PROJECT.to_owned() } else { dice.some(&other)?.clone() };
    let text = world.origin.get(&path)?.clone();
    write(path, text)
}

fn new_macro(world: &mut World, dice: &mut Dice) -> Ops {
    let path = match world.some(dice, |path| path.contains("macros/") && path.ends_with(".sql")) {
        Some((path, _)) if dice.in_a_hundred(50) => path,
        _ => format!("macros/added_{}.sql", world.number() % 4),
    };
    let before = world.files.get(&path).cloned().unwrap_or_default();
    let name = world.name(dice);
    let text = match dice.below(9) {
        0 => "{% macro cents(x) %}{{ x }} * 2{% endmacro %}\n".to_owned(),
        1 => format!("{{% macro unknown_macro_{}() %}}1{{% endmacro %}}\n", dice.below(3)),
        2 => "{% macro generate_schema_name(name, node) %}{{ name or 'main' }}{% endmacro %}\n".to_owned(),
        3 => "{% macro generate_alias_name(custom_alias_name, node) %}{{ node.name }}_x{% endmacro %}\n".to_owned(),
        4 => format!("{{% macro half(x) %}}{{{{ x }}}} / {{{{ ref('{name}') }}}}{{% endmacro %}}\n"),
        5 => "{% macro ref(name) %}{{ return(builtins.ref(name)) }}{% endmacro %}\n".to_owned(),
        6 => "{% test even(model, column_name) %}select 2 from {{ model }}{% endtest %}\n".to_owned(),
        7 => "{% macro default__cents(x) %}{{ x }}{% endmacro %}\n{% macro cents(x) %}{{ adapter.dispatch('cents')(x) }}{% endmacro %}\n"
            .to_owned(),
        _ => "{% macro log_it() %}{{ log(unknown_macro_1()) }}{{ cents(1) }}{% endmacro %}\n".to_owned(),
    };
    write(path, format!("{before}{text}"))
}

fn macro_body(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.some(dice, |path| path.contains("macros/") && path.ends_with(".sql"))?;
    let number = world.number();
    let text = match dice.below(4) {
        0 => text.replacen("{% endmacro", &format!("+ {number} {{% endmacro"), 1),
        1 => text.replacen("{%- endmacro", &format!("+ {{{{ var('limit') }}}} {number} {{%- endmacro"), 1),
        2 => text.replacen("macro ", "macro renamed_", 1),
        _ => text.replacen("{% endmacro", &format!("{{{{ ref('{}') }}}}{{% endmacro", world.name(dice)), 1),
    };
    write(path, text)
}

fn yaml_entry(world: &mut World, dice: &mut Dice) -> Ops {
    let name = world.name(dice);
    let number = world.number();
    let entry = match dice.below(14) {
        0 => format!("models:\n  - name: {name}\n    description: Text {number}.\n"),
        1 => format!("models:\n  - name: {name}\n    columns:\n      - name: id\n        data_tests: [unique, not_null, even]\n"),
        2 => format!(
            "models:\n  - name: {name}\n    data_tests:\n      - relationships: {{arguments: {{to: \"ref('{}')\", field: id}}}}\n",
            world.name(dice)
        ),
        3 => format!("models:\n  - name: {name}\n    config: {{enabled: false, tags: [t{number}]}}\n"),
        4 => format!("models:\n  - name: {name}\n    latest_version: 1\n    versions: [{{v: 1}}, {{v: 2, defined_in: orders}}]\n"),
        5 => "sources:\n  - name: raw\n    tables: [{name: orders}, {name: events, freshness: {warn_after: {count: 1, period: day}}}]\n".to_owned(),
        6 => "sources:\n  - name: nowhere\n    schema: raw\n    overrides: utils\n    tables: [{name: orders, identifier: o}]\n".to_owned(),
        7 => format!("exposures:\n  - name: board_{}\n    type: dashboard\n    depends_on: [\"ref('{name}')\"]\n", number % 4),
        8 => "groups:\n  - {name: finance, owner: {name: Ann}}\nmetrics:\n  - {name: total, type: simple, type_params: {measure: amount}}\n".to_owned(),
        9 => format!("semantic_models:\n  - {{name: s_{number}, model: \"ref('{name}')\", measures: [{{name: amount}}]}}\n"),
        10 => format!("unit_tests:\n  - {{name: adds_up, model: {name}, given: [{{input: \"ref('{name}')\"}}]}}\n"),
        11 => format!("snapshots:\n  - name: snap_{}\n    relation: ref('{name}')\n    config: {{unique_key: id}}\n", number % 4),
        12 => "macros:\n  - name: cents\n    description: \"{{ doc('money') }}\"\n".to_owned(),
        _ => format!("models:\n  - name: {name}\n    description: \"{{{{ doc('added_{}') }}}}\"\n    meta: {{harness: {{ignore: [ORPHAN_MODEL]}}}}\n", number % 12),
    };
    let path = match world.yaml(dice) {
        Some((path, _)) if dice.in_a_hundred(30) => path,
        _ => format!("{}/added_{}.yml", world.folder(dice), number % 8),
    };
    write(path, entry)
}

fn yaml_value(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.yaml(dice)?;
    let lines: Vec<&str> = text.lines().collect();
    let with_value: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].contains(": ")).collect();
    let at = dice.some(&with_value)?;
    let (key, _) = lines[at].split_once(": ")?;
    let name = world.name(dice);
    let value = match dice.below(8) {
        0 => format!("Text {}.", world.number()),
        1 => "[a, b]".to_owned(),
        2 => "\"{{ var('limit') }}\"".to_owned(),
        3 => "{{ var('limit') }}".to_owned(),
        4 => "false".to_owned(),
        5 => "\"{{ doc('money') }} {{ doc('lost') }}\"".to_owned(),
        _ => name,
    };
    let changed = format!("{key}: {value}");
    let lines = lines.iter().enumerate().map(|(line, text)| if line == at { &changed } else { *text });
    write(path, lines.map(|line| format!("{line}\n")).collect())
}

fn yaml_key(world: &mut World, dice: &mut Dice) -> Ops {
    const KEYS: [(&str, &str); 7] = [
        ("data_tests:", "tests:"),
        ("columns:", "column:"),
        ("models:", "seeds:"),
        ("name:", "title:"),
        ("description:", "meta:"),
        ("sources:", "exposures:"),
        ("config:", "docs:"),
    ];
    let (path, text) = world.yaml(dice)?;
    let (one, other) = *dice.pick(&KEYS);
    let changed = if text.contains(one) { text.replacen(one, other, 1) } else { text.replacen(other, one, 1) };
    (changed != text).then(|| vec![Op::Write(path, changed)])
}

fn line(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.some(dice, |path| path.contains('/'))?;
    let mut lines: Vec<&str> = text.lines().collect();
    let at = dice.below(lines.len());
    let taken = *lines.get(at)?;
    match dice.below(3) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(dice.below(lines.len()), taken),
        _ => {
            lines.remove(at);
            lines.insert(dice.below(lines.len() + 1), taken);
        }
    }
    write(path, lines.iter().map(|line| format!("{line}\n")).collect())
}

fn broken(world: &mut World, dice: &mut Dice) -> Ops {
    let rare = dice.in_a_hundred(10);
    let (path, text) = world.some(dice, |path| rare || path.contains('/'))?;
    let pieces = [
        "{{",
        "}}",
        "{% if x %}",
        "{% endmacro %}",
        "'",
        "\"",
        "(",
        "/*",
        "\t",
        ": [",
        "&a *b",
        "\u{feff}",
        "{% raw %}",
    ];
    let at = line_start(dice, &text);
    let piece: &&str = dice.pick(&pieces);
    write(path, inserted(&text, at, piece))
}

/// Takes a piece out of a file where it is in it, or adds it.
fn toggled(world: &World, path: &str, pieces: &[&str], dice: &mut Dice) -> Ops {
    let text = world.files.get(path).cloned().unwrap_or_default();
    let piece = *dice.pick(pieces);
    let changed = if text.contains(piece) { text.replacen(piece, "", 1) } else { format!("{text}{piece}") };
    write(path.to_owned(), changed)
}

fn project_file(world: &mut World, dice: &mut Dice) -> Ops {
    const PIECES: [&str; 19] = [
        "vars: {limit: 20, start_date: '2021-01-01'}\n",
        "vars: {noise: \"{{ env_var('REGION') }}\"}\n",
        "model-paths: [models, more]\n",
        "model-paths: [models/marts, models/staging]\n",
        "analysis-paths: [analyses, models/drafts]\n",
        "docs-paths: [docs, models]\n",
        "macro-paths: [macros, dbt_packages]\n",
        "test-paths: [tests, models/tests]\n",
        "seed-paths: [seeds, models]\n",
        "snapshot-paths: [snapshots, models]\n",
        "target-path: models/target\n",
        "packages-install-path: installed\n",
        "on-run-start: [\"{{ log_it() }}\", \"select * from {{ ref('orders') }}\"]\n",
        "flags: {require_unique_project_resource_names: true}\n",
        "models: {+enabled: false}\n",
        "models: {+materialized: ephemeral, marts: {+tags: [late]}}\n",
        "data_tests: {+severity: warn}\n",
        "dispatch: [{macro_namespace: shop, search_order: [utils, shop]}]\n",
        "name: other\n",
    ];
    toggled(world, "dbt_project.yml", &PIECES, dice)
}

fn house_rules(world: &mut World, dice: &mut Dice) -> Ops {
    const PIECES: [&str; 10] = [
        "extends: strict\n",
        "presets: [dbt-project-evaluator]\n",
        "presets: [dbt-bouncer]\n",
        "rules: {ORPHAN_MODEL: error, MISSING_TESTS: off}\n",
        "rules: {HUB_MODEL: {severity: warning, options: {readers: 1}}}\n",
        "terminal: [marts]\n",
        "tenants: [north, south]\n",
        "overrides: [{paths: [\"models/marts/**\"], rules: {UNKNOWN_REF: warning}}]\n",
        "layers:\n  staging: {reads: [source]}\n  marts: {reads: [staging]}\n",
        "rule-paths: [house]\n",
    ];
    match dice.below(6) {
        0 => Some(vec![Op::Remove("harness.yml".to_owned())]),
        1 => write(
            "harness.yml".to_owned(),
            "paths: \"models/{layer}/**\"\nlayers:\n  staging: {reads: [source, seed]}\n  intermediate: {reads: [staging]}\n  \
             marts: {reads: [staging, marts]}\nstaging: {ctes: [source, final], materialized: view, tags: [\"{source}\"]}\n"
                .to_owned(),
        ),
        _ => toggled(world, "harness.yml", &PIECES, dice),
    }
}

fn rule_file(world: &mut World, dice: &mut Dice) -> Ops {
    const BODIES: [&str; 5] = [
        "finding(node: m, readers: n) :- model(m, _, _), n = count : { ref(_, m) }, n > $readers.\nsubject(m) :- ref(_, m), model(m, _, _).",
        "finding(node: m, readers: 1) :- model(m, name, _), contains(name, \"a\"), n = $readers.",
        "finding(node: m, readers: l) :- finding(node: m, rule: \"UNKNOWN_REF\", line: l), model(m, _, _), n = $readers.",
        "finding(node: m, readers: 2) :- reach(m, other), model(m, _, _), n = $readers.\nreach(a, b) :- ref(a, b).\nreach(a, c) :- reach(a, b), ref(b, c).",
        "finding(node: m, readers: n) :- nothing(m), n = 1.",
    ];
    let folder = *dice.pick(&["harness/rules", "harness/rules", "house"]);
    let path = format!("{folder}/hub-model.md");
    if world.files.contains_key(&path) && dice.in_a_hundred(25) {
        return Some(vec![Op::Remove(path)]);
    }
    let severity = *dice.pick(&["warning", "error", "off"]);
    let body = *dice.pick(&BODIES);
    let fence = "```";
    write(
        path,
        format!(
            "---\nseverity: {severity}\nmessage: \"is read by {{readers}}.\"\nremedy: \"Split it.\"\noptions:\n  \
             readers: {{default: 1, doc: More are too many.}}\n---\n# A model that is read much\n\n**What it finds.** Hubs.\n\n\
             **Why it matters.** It does.\n\n**How to fix it.** Split it.\n\n**When to ignore it.** Never.\n\n\
             {fence}datalog\n{body}\n{fence}\n"
        ),
    )
}

fn packages(world: &mut World, dice: &mut Dice) -> Ops {
    let file = |path: &str, text: &str| Op::Write(path.to_owned(), text.to_owned());
    let folder = *dice.pick(&["dbt_packages/utils", "dbt_packages/other", "local_utils"]);
    match dice.below(7) {
        0 => {
            let text = *dice.pick(&[
                "packages:\n  - {package: x/utils, version: 1.0.0}\n",
                "packages:\n  - local: local_utils\n",
                "packages:\n  - local: local_utils\n  - {git: 'https://example.com/other.git', revision: main}\n",
                "packages: []\n",
            ]);
            Some(vec![file("packages.yml", text)])
        }
        1 => {
            let there = world.paths(|path| path.starts_with("dbt_packages/") || path == "packages.yml");
            let ops: Vec<Op> = there.into_iter().map(Op::Remove).collect();
            (!ops.is_empty()).then_some(ops)
        }
        2 => {
            let there = world.paths(|path| path.starts_with(&format!("{folder}/")));
            let ops: Vec<Op> = there.into_iter().map(Op::Remove).collect();
            (!ops.is_empty()).then_some(ops)
        }
        3 => Some(vec![file(&format!("{folder}/packages.yml"), "packages:\n  - {package: x/deep, version: 1.0.0}\n")]),
        4 => Some(vec![file(
            &format!("{folder}/dbt_project.yml"),
            "name: utils\nmodel-paths: [elsewhere]\nvars: {limit: 3}\n",
        )]),
        _ => {
            let name = world.name(dice);
            Some(vec![
                file(&format!("{folder}/dbt_project.yml"), "name: utils\n"),
                file(
                    &format!("{folder}/macros/m.sql"),
                    "{% macro cents(x) %}{{ x }}{% endmacro %}{% macro unknown_macro_1() %}2{% endmacro %}\n",
                ),
                file(&format!("{folder}/models/{name}.sql"), "select * from {{ source('raw', 'orders') }}\n"),
                file(
                    &format!("{folder}/models/utils.yml"),
                    "sources:\n  - name: raw\n    tables: [{name: orders}]\nmodels:\n  - name: orders\n    description: Theirs.\n",
                ),
            ])
        }
    }
}

fn selectors(world: &mut World, dice: &mut Dice) -> Ops {
    match dice.below(4) {
        0 => toggled(world, ".dbtignore", &["models/marts/\n", "*_1.sql\n", "models/**/*.yml\n"], dice),
        1 => toggled(world, "selectors.yml", &["selectors: [\n", "selectors: []\n"], dice),
        _ => toggled(
            world,
            "selectors.yml",
            &[
                "selectors:\n  - name: late\n    definition: {method: tag, value: late}\n",
                "selectors:\n  - {name: a}\n",
            ],
            dice,
        ),
    }
}

fn invocation(_: &mut World, dice: &mut Dice) -> Ops {
    Some(vec![Op::Invocation(dice.below(4))])
}

fn case_file(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = dice.some(&world.cases)?;
    write(path, text)
}
