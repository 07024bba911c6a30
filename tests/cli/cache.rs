//! The cache: it spares work and changes no result, whatever happened to the project or to the cache.

use crate::program;
use harness::db::cache::Work;
use harness::db::{Database, Invocation};
use harness::files::{Content, Disk, Mark, Memory, Tree, write_stored};
use harness::relations;
use harness::report::manifest;
use harness::rules::baseline::Baseline;
use harness::rules::registry::Registry;
use harness::rules::selection::Selection;
use harness::session::{
    Circumstances, HOUSE_RULES_FILE, Session, Store, house_rules, on_large_stacks, with_house_rules,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

type Files = BTreeMap<String, String>;

/// All that a run can say: findings, facts, the manifest.
fn said(session: &Session, registry: &Registry) -> String {
    let own = registry.rules().iter().filter(|rule| rule.presets.is_empty());
    let only = own.map(|rule| rule.id.to_string()).collect();
    let selection = Selection { only, skip: Vec::new() };
    let once = session.check_once(registry, &selection, Circumstances::default());
    let outcome = session.check(registry, &selection);
    assert!(once == outcome, "a former run's result is another one");
    let mut text = format!("{outcome:#?}\n");
    for relation in relations::ALL {
        (relation.visit)(&session.db, &mut |row| writeln!(text, "{}{row:?}", relation.schema.name).unwrap());
    }
    text + &manifest::render(&session.db)
}

/// What one run said and what it had to do for it, by kind.
struct Ran {
    said: String,
    done: BTreeMap<Work, usize>,
    found: usize,
    problem: Option<String>,
    saved: Result<(), String>,
}

impl Ran {
    fn renderings(&self) -> usize {
        self.done.get(&Work::Rendering).copied().unwrap_or_default()
    }
}

fn run(cache: Option<(&Path, &str)>, files: &Files, invocation: &Invocation) -> Ran {
    let registry = Registry::embedded().unwrap();
    let tree: Memory = files.iter().collect();
    // What is no harness.yml is none: this is about the project.
    let house = files.get(HOUSE_RULES_FILE).and_then(|text| house_rules(registry, text).ok()).unwrap_or_default();
    on_large_stacks(2, || {
        let store = cache.map(|(folder, project)| Store::open(folder, Path::new(project), &tree));
        let db = Database::default();
        store.iter().for_each(|store| store.serve(&db));
        let session = Session::load(db, &tree, house, invocation.clone());
        let said = said(&session, registry);
        let counts = store.iter().flat_map(Store::counts).collect::<Vec<_>>();
        Ran {
            said,
            done: counts.iter().filter(|count| count.done > 0).map(|count| (count.work, count.done)).collect(),
            found: counts.iter().map(|count| count.found).sum(),
            problem: store.as_ref().and_then(|store| store.problem.clone()),
            saved: store.map_or(Ok(()), |store| store.save()),
        }
    })
    .unwrap()
}

fn cold(files: &Files, invocation: &Invocation) -> String {
    run(None, files, invocation).said
}

/// A cache in a folder of its own.
struct Cached {
    folder: TempDir,
}

impl Cached {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn run_with(&self, files: &Files, invocation: &Invocation) -> Ran {
        let ran = run(Some((self.folder.path(), "project")), files, invocation);
        assert_eq!(ran.saved, Ok(()));
        assert!(ran.said == cold(files, invocation), "with a cache something else is said");
        ran
    }

    fn run(&self, files: &Files) -> Ran {
        self.run_with(files, &Invocation::default())
    }

    fn files(&self) -> Vec<PathBuf> {
        fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn file(&self) -> PathBuf {
        let mut files = self.files();
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }
}

fn fixtures() -> Vec<(String, Files)> {
    let disk = Disk::new(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"));
    let names = disk.folders("").into_iter();
    let fixture = |name: String| {
        let listing = disk.list(&name, &|_, _| false);
        let texts = listing.files.into_iter().filter_map(|path| match disk.read(&path) {
            Content::Text(text) => Some((path[name.len() + 1..].to_owned(), text.to_string())),
            _ => None,
        });
        let files = texts.collect();
        (name, files)
    };
    names.map(fixture).collect()
}

fn of(files: &[(&str, &str)]) -> Files {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// Four models, three of which ask for something beside their own text, and one data test that does.
fn shop() -> Files {
    of(&[
        ("dbt_project.yml", "name: shop\nvars: {limit: 10, other: 1}\n"),
        ("packages.yml", "packages: [{package: acme/tools, version: 1.0.0}]\n"),
        ("dbt_packages/tools/dbt_project.yml", "name: tools\n"),
        (
            "dbt_packages/tools/macros/tools.sql",
            "{% macro half(x) %}{{ x }} / 2{% endmacro %}\n{% macro twice(x) %}{{ x }} * 2{% endmacro %}\n",
        ),
        (
            "macros/money.sql",
            "{% macro cents(x) %}{{ x }} / 100{% endmacro %}\n{% macro hub() %}{{ ref('plain') }}{% endmacro %}\n\
             {% test positive(model, column_name) %}select * from {{ model }} where {{ cents(column_name) }} < 0{% endtest %}\n",
        ),
        ("models/plain.sql", "select 1 as a\n"),
        ("models/priced.sql", "select {{ cents('a') }} as a, {{ tools.half('a') }} from {{ ref('plain') }}\n"),
        ("models/limited.sql", "select * from {{ ref('plain') }} limit {{ var('limit') }}\n"),
        ("models/stated.sql", "select '{{ env_var('STAGE', 'none') }}' as a from {{ hub() }} where {{ missing() }}\n"),
        (
            "models/models.yml",
            "models: [{name: priced, columns: [{name: a, data_tests: [positive, {accepted_values: {values: [1]}}]}]}]\n",
        ),
    ])
}

fn edited(files: &Files, path: &str, from: &str, to: &str) -> Files {
    let mut files = files.clone();
    let text = files.get_mut(path).unwrap();
    assert!(text.contains(from), "{path} has no {from}");
    *text = text.replacen(from, to, 1);
    files
}

#[test]
fn a_second_check_of_an_unchanged_project_parses_and_renders_nothing() {
    for (name, files) in fixtures().into_iter().chain([("shop".to_owned(), shop())]) {
        let cached = Cached::new();
        let first = cached.run(&files);
        assert!(first.done.len() > 2 && first.found < first.done.values().sum(), "{name}: {:?}", first.done);
        let written = fs::read(cached.file()).unwrap();
        let second = cached.run(&files);
        assert_eq!(second.done, BTreeMap::new(), "{name}");
        assert!(second.found > 0, "{name}");
        assert!(fs::read(cached.file()).unwrap() == written, "{name}: nothing is new, so nothing is written");
    }
}

#[test]
fn an_edit_renders_what_asked_for_it_and_nothing_else() {
    let files = shop();
    let edit = |path, from, to| edited(&files, path, from, to);
    for (what, after, renderings) in [
        ("a comment", edit("models/plain.sql", "select", "-- none\nselect"), 1),
        ("a macro and the test that calls it", edit("macros/money.sql", "/ 100", "/ 1000"), 2),
        ("a macro that nobody calls", edit("dbt_packages/tools/macros/tools.sql", "* 2", "* 3"), 0),
        ("a macro of a package", edit("dbt_packages/tools/macros/tools.sql", "/ 2", "* 0.5"), 1),
        ("a var", edit("dbt_project.yml", "limit: 10", "limit: 20"), 1),
        ("a var that nobody reads", edit("dbt_project.yml", "other: 1", "other: 2"), 0),
        ("the name of a package", edit("dbt_packages/tools/dbt_project.yml", "tools", "other"), 1),
        (
            "a macro for a name that meant nothing",
            edit("macros/money.sql", "{% macro hub", "{% macro missing() %}1{% endmacro %}{% macro hub"),
            1,
        ),
        (
            "a macro that shadows dbt's ref",
            edit(
                "macros/money.sql",
                "{% macro hub",
                "{% macro ref(x) %}{{ builtins.ref(x) }}{% endmacro %}{% macro hub",
            ),
            5,
        ),
        ("a setting", edit("dbt_project.yml", "name: shop", "name: shop\nmodels: {+materialized: table}"), 0),
        ("a description", edit("models/models.yml", "name: priced,", "name: priced, description: New,"), 0),
    ] {
        let cached = Cached::new();
        cached.run(&files);
        let ran = cached.run(&after);
        assert_eq!(ran.renderings(), renderings, "{what}: {:?}", ran.done);
        // Of one text the last rendering is kept; what has another text did not make it forgotten.
        let undone = if what == "a comment" { 0 } else { renderings };
        assert!(cached.run(&files).renderings() <= undone, "{what}, undone");
    }
}

#[test]
fn a_macro_that_looks_at_its_node_is_asked_again_where_the_node_is_another() {
    let cached = Cached::new();
    let files = of(&[
        ("dbt_project.yml", "name: shop\n"),
        (
            "macros/names.sql",
            "{% macro generate_schema_name(custom, node) %}{{ custom or node.tags | join('_') }}{% endmacro %}\n\
             {% macro generate_alias_name(custom, node) %}{{ 'x_' ~ node.name }}{% endmacro %}\n",
        ),
        ("models/a.sql", "{{ config(tags=['red'], post_hook='{{ seen() }}') }} select 1 as id\n"),
        ("macros/seen.sql", "{% macro seen() %}{{ ref(model.tags[0]) }}{% endmacro %}\n"),
        ("models/red.sql", "select 1 as id\n"),
        ("models/blue.sql", "select 1 as id\n"),
    ]);
    let schema = |ran: &Ran| ["red", "blue"].map(|name| ran.said.contains(&format!("Text(\"{name}\"), Text(\"x_a\")")));
    assert_eq!(schema(&cached.run(&files)), [true, false]);
    assert_eq!(cached.run(&files).done, BTreeMap::new());
    let blue = edited(&files, "models/a.sql", "red", "blue");
    let ran = cached.run(&blue);
    assert_eq!(schema(&ran), [false, true]);
    assert_eq!(ran.said, cold(&blue, &Invocation::default()));
}

#[test]
fn what_the_command_line_the_environment_and_the_profile_say_counts() {
    let files = shop();
    let with = |change: fn(&mut Invocation)| {
        let mut invocation = Invocation::default();
        change(&mut invocation);
        invocation
    };
    for (what, invocation, renderings) in [
        ("--vars", with(|it| drop(it.vars.insert("limit".to_owned(), 5.into()))), 1),
        ("other --vars", with(|it| drop(it.vars.insert("nobodys".to_owned(), 5.into()))), 0),
        ("the environment", with(|it| drop(it.env.insert("STAGE".to_owned(), "x".to_owned()))), 1),
        ("other variables", with(|it| drop(it.env.insert("HOME".to_owned(), "x".to_owned()))), 0),
        // The relations that ref gives are the target's.
        ("the target", with(|it| drop(it.target.insert("schema".to_owned(), "x".into()))), 5),
    ] {
        let cached = Cached::new();
        cached.run(&files);
        assert_eq!(cached.run_with(&files, &invocation).renderings(), renderings, "{what}");
        assert_eq!(cached.run_with(&files, &invocation).done, BTreeMap::new(), "{what}, again");
    }
}

/// One check as the program does it: what it gives, and whether a former run's result was taken.
fn check_once(folder: &Path, files: &Files, invocation: &Invocation, asked: &Asked) -> (String, bool) {
    let tree: Memory = files.iter().collect();
    let registry = with_house_rules(Registry::embedded().unwrap(), &tree, &[]);
    let house = house_rules(&registry, files.get(HOUSE_RULES_FILE).map_or("", |text| text)).unwrap();
    let circumstances = Circumstances { today: Some(asked.today), baseline: asked.baseline.as_ref(), house: None };
    on_large_stacks(2, || {
        let store = Store::open(folder, Path::new("project"), &tree);
        let db = Database::default();
        store.serve(&db);
        let session = Session::load(db, &tree, house.clone(), invocation.clone());
        let outcome = session.check_once(&registry, &asked.selection, circumstances);
        store.save().unwrap();
        let plain = Session::load(Database::default(), &tree, house, invocation.clone());
        assert!(outcome == plain.check_with(&registry, &asked.selection, circumstances));
        let taken = store.counts().iter().any(|count| count.work == Work::Check && count.found > 0);
        (format!("{outcome:?}"), taken)
    })
    .unwrap()
}

#[derive(Default)]
struct Asked {
    selection: Selection,
    today: jiff::civil::Date,
    baseline: Option<Baseline>,
}

#[test]
fn a_whole_result_is_taken_only_where_all_that_counts_is_as_it_was() {
    let mut files = shop();
    files.insert(
        "models/old.sql".to_owned(),
        "-- harness: ignore[NO_SUCH] until 2026-06-01 it is old\nselect 1\n".to_owned(),
    );
    files.insert("seeds/a.csv".to_owned(), "a\n1\n".to_owned());
    let plain = Invocation::default();
    let with = |change: fn(&mut Invocation)| {
        let mut invocation = Invocation::default();
        change(&mut invocation);
        invocation
    };
    let more = |path: &str, text: &str| {
        files.clone().into_iter().chain([(path.to_owned(), text.to_owned())]).collect::<Files>()
    };
    let asked = |change: fn(&mut Asked)| {
        let mut asked = Asked::default();
        change(&mut asked);
        asked
    };
    let rule = "---\nid: HOUSE_RULE\nseverity: error\nmessage: \"{name} is there.\"\n---\n\n# A rule\n\nIt is.\n\n```datalog\nfinding(node: m, name: n) :- model(m, n, _).\n```\n";
    let folder = tempfile::tempdir().unwrap();
    let first = check_once(folder.path(), &files, &plain, &Asked::default());
    assert!(!first.1);
    for (what, files, invocation, asked) in [
        ("a text", edited(&files, "models/plain.sql", "1", "2"), plain.clone(), Asked::default()),
        ("a new file", more("models/b.sql", "select 1"), plain.clone(), Asked::default()),
        ("a new seed", more("seeds/b.csv", ""), plain.clone(), Asked::default()),
        ("a file of a package", more("dbt_packages/tools/models/x.sql", "select 1"), plain.clone(), Asked::default()),
        ("selectors", more("selectors.yml", "selectors: []"), plain.clone(), Asked::default()),
        ("harness.yml", more("harness.yml", "extends: strict"), plain.clone(), Asked::default()),
        ("a rule", more("harness/rules/house-rule.md", rule), plain.clone(), Asked::default()),
        ("a broken rule", more("harness/rules/house-rule.md", "x"), plain.clone(), Asked::default()),
        ("a var", files.clone(), with(|it| drop(it.vars.insert("limit".to_owned(), 5.into()))), Asked::default()),
        (
            "the target",
            files.clone(),
            with(|it| drop(it.target.insert("name".to_owned(), "x".into()))),
            Asked::default(),
        ),
        (
            "a variable",
            files.clone(),
            with(|it| drop(it.env.insert("STAGE".to_owned(), "x".to_owned()))),
            Asked::default(),
        ),
        ("the day", files.clone(), plain.clone(), asked(|it| it.today = jiff::civil::date(2026, 7, 1))),
        ("one rule", files.clone(), plain.clone(), asked(|it| it.selection.only = vec!["UNKNOWN_REF".to_owned()])),
        ("a rule less", files.clone(), plain.clone(), asked(|it| it.selection.skip = vec!["UNKNOWN_MACRO".to_owned()])),
        ("a baseline", files.clone(), plain.clone(), asked(|it| it.baseline = Some(Baseline::default()))),
    ] {
        assert!(!check_once(folder.path(), &files, &invocation, &asked).1, "{what}");
        assert!(check_once(folder.path(), &files, &invocation, &asked).1, "{what}, again");
    }
    check_once(folder.path(), &files, &plain, &Asked::default());
    let others = with(|it| drop(it.env.insert("NOBODYS".to_owned(), "x".to_owned())));
    assert_eq!(check_once(folder.path(), &files, &others, &Asked::default()), (first.0, true));
}

/// A small generator of numbers: the same everywhere for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % bound.max(1) as u64).unwrap_or_default()
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

const PIECES: [&str; 16] = [
    "{{ ref('plain') }}",
    "{{ source('a', 'b') }}",
    "{{ var('limit') }}",
    "{{ var('read_archive', true) }}",
    "{{ target.schema }}",
    "{{ this }}",
    "{{ env_var('STAGE') }}",
    "{{ cents(1) }}",
    "{{ adapter.dispatch('half', 'tools')(1) }}",
    "{% macro cents(x) %}{{ ref('stated') }}{% endmacro %}",
    "{% macro default__half(x) %}{{ x }}{% endmacro %}",
    "{% if execute %}",
    "{{ config(tags=['x'], materialized='table') }}",
    "- name: x\n",
    "\n",
    "'",
];

/// One edit as a person may make it, or as a branch may bring it.
fn edit(dice: &mut Dice, files: &mut Files, former: &[Files]) {
    let paths: Vec<String> = files.keys().cloned().collect();
    let path = dice.pick(&paths).clone();
    let other = dice.pick(&paths).clone();
    match dice.below(7) {
        0 => drop(files.remove(&path).filter(|_| path != "dbt_project.yml")),
        1 => {
            let text = files[&path].clone();
            files.insert(other, text);
        }
        2 => {
            let text = files.remove(&path).unwrap();
            files.insert(
                format!(
                    "{}x{}",
                    &path[..path.rfind('.').unwrap_or(path.len())],
                    &path[path.rfind('.').unwrap_or(path.len())..]
                ),
                text,
            );
        }
        3 => *files = dice.pick(former).clone(),
        _ => {
            let text = files.get_mut(&path).unwrap();
            let mut at = dice.below(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let piece = *dice.pick(&PIECES);
            text.insert_str(at, piece);
        }
    }
}

#[test]
fn after_any_edits_a_cache_changes_nothing() {
    let steps = std::env::var("HARNESS_CACHE_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(6);
    let seed = std::env::var("HARNESS_CACHE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for (at, (name, start)) in fixtures().into_iter().chain([("shop".to_owned(), shop())]).enumerate() {
        let mut dice = Dice(seed * 1000 + at as u64);
        let cached = Cached::new();
        let mut files = start.clone();
        let mut former = vec![start];
        cached.run(&files);
        for step in 0..steps {
            edit(&mut dice, &mut files, &former);
            if files.contains_key("dbt_project.yml") {
                println!("{name}, step {step} of seed {seed}");
                cached.run(&files);
                former.push(files.clone());
            } else {
                files = former.last().unwrap().clone();
            }
        }
    }
}

#[test]
fn a_damaged_cache_is_none() {
    let files = shop();
    let cached = Cached::new();
    cached.run(&files);
    let whole = fs::read(cached.file()).unwrap();
    let mut dice = Dice(7);
    for case in 0..12 {
        let mut bytes = whole.clone();
        match dice.below(4) {
            0 => bytes.truncate(dice.below(whole.len())),
            1 => bytes.extend_from_slice(&whole[..dice.below(whole.len())]),
            2 => drop(bytes.drain(dice.below(whole.len() / 2)..whole.len() / 2 + dice.below(whole.len() / 2))),
            _ => {
                let at = dice.below(whole.len());
                bytes[at] ^= 1 << dice.below(8);
            }
        }
        if bytes == whole {
            continue;
        }
        fs::write(cached.file(), bytes).unwrap();
        let ran = cached.run(&files);
        assert_eq!(ran.problem.as_deref(), Some("it is damaged"), "case {case}");
        assert_eq!(ran.renderings(), 6, "case {case}");
        assert!(fs::read(cached.file()).unwrap().len() > 100, "case {case}: the next run has one again");
        assert_eq!(cached.run(&files).done, BTreeMap::new());
    }
}

#[test]
fn a_cache_of_another_version_is_none() {
    let files = shop();
    let cached = Cached::new();
    cached.run(&files);
    let path = cached.file();
    let mut bytes = fs::read(&path).unwrap();
    // The build stands behind eight bytes of magic.
    bytes[8] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(cached.run(&files).renderings(), 6);
    // What another version wrote lies beside, under a name of its own.
    let name = path.file_name().unwrap().to_str().unwrap().replace(".facts", "x.facts");
    fs::rename(&path, path.with_file_name(name)).unwrap();
    assert_eq!(cached.run(&files).renderings(), 6);
    assert_eq!(cached.files().len(), 2);
}

#[test]
fn a_new_worktree_starts_with_what_another_one_keeps() {
    let files = shop();
    let cached = Cached::new();
    cached.run(&files);
    let elsewhere = run(Some((cached.folder.path(), "worktree")), &files, &Invocation::default());
    assert_eq!(elsewhere.done, BTreeMap::new());
    let other = edited(&files, "models/plain.sql", "1", "2");
    let ran = run(Some((cached.folder.path(), "worktree")), &other, &Invocation::default());
    assert_eq!(ran.renderings(), 1);
    assert_eq!(ran.said, cold(&other, &Invocation::default()));
    assert_eq!(cached.files().len(), 2, "each writes a file of its own");
}

#[test]
fn what_a_killed_process_leaves_is_no_cache_and_does_not_stay() {
    let files = shop();
    let cached = Cached::new();
    cached.run(&files);
    let path = cached.file();
    let whole = fs::read(&path).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    let parts: Vec<PathBuf> = [1, 2].map(|at| path.with_file_name(format!("{name}.{at}-0.part"))).to_vec();
    for part in &parts {
        fs::write(part, &whole[..whole.len() / 2]).unwrap();
    }
    // One was begun long ago; another process may still be at work on the other.
    let long_ago = fs::metadata(&path).unwrap().modified().unwrap() - std::time::Duration::from_secs(10 * 60 * 60);
    fs::File::options().write(true).open(&parts[0]).unwrap().set_modified(long_ago).unwrap();
    assert_eq!(cached.run(&files).done, BTreeMap::new());
    cached.run(&edited(&files, "models/plain.sql", "1", "2"));
    assert!(!parts[0].exists());
    assert!(parts[1].exists());
}

#[test]
fn several_processes_write_one_cache_and_each_result_is_whole() {
    let cached = Cached::new();
    let states: Vec<Files> = (0..4).map(|n| edited(&shop(), "macros/money.sql", "/ 100", &format!("/ {n}"))).collect();
    let said: Vec<String> = states.iter().map(|files| cold(files, &Invocation::default())).collect();
    std::thread::scope(|scope| {
        for (files, said) in states.iter().zip(&said) {
            scope.spawn(|| {
                for _ in 0..4 {
                    let ran = run(Some((cached.folder.path(), "project")), files, &Invocation::default());
                    assert_eq!(ran.saved, Ok(()));
                    assert_eq!(ran.problem, None);
                    assert!(ran.said == *said);
                }
            });
        }
    });
    assert_eq!(cached.files().len(), 1, "no part is left");
}

#[test]
fn a_cache_that_cannot_be_written_or_read_costs_no_finding() {
    let files = shop();
    let cached = Cached::new();
    cached.run(&files);
    let path = cached.file();
    // A folder where the file should be: neither reading nor the last step of writing works.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let ran = run(Some((cached.folder.path(), "project")), &files, &Invocation::default());
    assert!(ran.problem.is_some());
    assert!(ran.saved.is_err());
    assert_eq!(ran.said, cold(&files, &Invocation::default()));
    assert_eq!(cached.files(), [path], "no part is left");
    // A file where the folder should be.
    let file = cached.folder.path().join("file");
    fs::write(&file, "").unwrap();
    let ran = run(Some((&file, "project")), &files, &Invocation::default());
    assert!(ran.saved.is_err());
    assert_eq!(ran.said, cold(&files, &Invocation::default()));
}

#[test]
fn what_is_asked_for_no_more_goes_in_time() {
    let cached = Cached::new();
    let state = |n: usize| edited(&shop(), "models/plain.sql", "1", &n.to_string());
    let mut sizes = Vec::new();
    for n in 0..16 {
        cached.run(&state(n));
        sizes.push(fs::metadata(cached.file()).unwrap().len());
    }
    assert!(sizes[15] <= sizes[11] + 100, "{sizes:?}");
}

#[test]
fn the_oldest_caches_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let mark = Mark { ending: ".facts", head: b"head" };
    let named = |name: &str| format!("{name}.0123456789ab.0123456789ab.facts");
    let write = |name: &str, age: u64, bytes: &[u8]| {
        let path = folder.path().join(name);
        write_stored(folder.path(), name, bytes, mark).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        // No disk holds these bytes.
        file.set_len(100 * 1024 * 1024).unwrap();
        file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(age)).unwrap();
    };
    // What is not called so, or begins otherwise, is somebody's own.
    write("notes.facts", 500, b"head");
    write(&named("own"), 400, b"mine");
    write(&named("a"), 300, b"head");
    write(&named("b"), 200, b"head");
    write(&named("d"), 100, b"head");
    write_stored(folder.path(), &named("c"), b"head", mark).unwrap();
    let there = |name: &str| folder.path().join(name).exists();
    assert_eq!(["a", "b", "c", "d", "own"].map(|name| there(&named(name))), [false, true, true, true, true]);
    assert!(there("notes.facts"));
}

#[test]
fn the_program_keeps_its_cache_where_it_is_told_and_nothing_in_the_project() {
    let project = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    for (path, text) in shop() {
        program::write(project.path(), &path, &text);
    }
    let before = listed(project.path());
    let start = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
        command.current_dir(project.path()).arg("check").args(arguments).arg("--verbose");
        let home = ("XDG_CACHE_HOME", home.path());
        let output =
            command.env_remove("DBT_PROFILES_DIR").env("HOME", "/nowhere").env(home.0, home.1).output().unwrap();
        (program::out(&output), program::err(&output))
    };
    let (plain, talk) = start(&["--no-cache"]);
    assert!(!talk.contains("cache"), "{talk}");
    assert_eq!(listed(home.path()), Vec::<PathBuf>::new());
    let (first, talk) = start(&[]);
    assert!(!talk.contains("; 0 were worked out"), "{talk}");
    assert_eq!(listed(home.path()).len(), 1);
    let (second, talk) = start(&[]);
    assert!(talk.contains("; 0 were worked out") && !talk.contains("of no use"), "{talk}");
    let elsewhere = home.path().join("else where");
    let (third, _) = start(&["--cache-dir", elsewhere.to_str().unwrap()]);
    assert_eq!(listed(&elsewhere).len(), 1);
    let file = listed(&elsewhere).remove(0);
    let (fourth, talk) = start(&["--cache-dir", file.to_str().unwrap()]);
    assert!(talk.contains("of no use"), "{talk}");
    assert!([first, second, third, fourth].iter().all(|said| *said == plain));
    assert_eq!(listed(project.path()), before);
}

/// All files below a folder.
fn listed(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() { found.extend(listed(&entry.path())) } else { found.push(entry.path()) }
    }
    found.sort();
    found
}
