//! How far an edit reaches where a session follows its project: what it cannot have changed is not asked again, and
//! whatever it changes elsewhere is found.

use harness::db::{Counts, Database, Invocation};
use harness::files::Memory;
use harness::rules::registry::Registry;
use harness::rules::selection::Selection;
use harness::session::{Outcome, Session, house_rules, on_large_stacks};
use std::sync::Arc;

const HARNESS: &str = "extends: strict
paths: \"models/{layer}/**\"
layers:
  staging: {reads: [source, seed]}
  marts: {reads: [staging, marts]}
";

const ORDERS: &str = "models/staging/stg_orders.sql";
const MART: &str = "models/marts/mart_orders.sql";
const OTHER: &str = "models/other/other.sql";
const YAML: &str = "models/staging/stg.yml";
/// Describes a model of another folder.
const FAR: &str = "models/docs/far.yml";
/// Names this program, and excuses nothing.
const SAID: &str = "models/said/said.yml";
const EXCUSED: &str = "models/own/excused.sql";

/// A small project, and so many more folders that have nothing to do with it.
fn project(more: usize) -> Memory {
    let mut files: Vec<(String, String)> = [
        ("dbt_project.yml", "name: shop\nmodels: {shop: {+materialized: view}}\n"),
        ("macros/money.sql", "{% macro cents(x) %}{{ x }} / 100{% endmacro %}\n"),
        (ORDERS, "select {{ cents('x') }} as x from {{ source('raw', 'orders') }}\n"),
        ("models/staging/stg_items.sql", "select * from {{ source('raw', 'items') }}\n"),
        (
            YAML,
            "sources:\n  - name: raw\n    tables: [{name: orders}, {name: items}]\nmodels:\n  - name: stg_orders\n    \
             description: All orders\n    columns:\n      - name: x\n        data_tests: [not_null]\n  - name: stg_items\n",
        ),
        (MART, "select * from {{ ref('stg_orders') }}\n"),
        ("models/marts/marts.yml", "models:\n  - name: mart_orders\n    data_tests: [{unique: {column_name: x}}]\n"),
        (OTHER, "select * from {{ ref('mart_orders') }}\n"),
        (FAR, "models:\n  - name: other\n    description: Far from home\n"),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .to_vec();
    for folder in 0..more {
        for model in 0..4 {
            let (path, text) = (format!("models/more/f{folder}/m{folder}_{model}.sql"), "select * from ");
            let parent = if model == 0 { "stg_items".to_owned() } else { format!("m{folder}_{}", model - 1) };
            files.push((path, format!("{text}{{{{ ref('{parent}') }}}}\n")));
        }
        let yaml = format!("models:\n  - name: m{folder}_0\n    columns: [{{name: id, data_tests: [unique]}}]\n");
        files.push((format!("models/more/f{folder}/f.yml"), yaml));
    }
    files.into_iter().collect()
}

fn session(tree: &Memory, database: Database, registry: &Registry) -> Session {
    Session::load(database, tree, house_rules(registry, HARNESS).unwrap(), Invocation::default())
}

fn text_of(session: &Session, path: &str) -> Arc<str> {
    session.texts(&[Arc::from(path)].into()).remove(path).unwrap()
}

fn check(session: &Session, registry: &Registry) -> Outcome {
    session.check(registry, &Selection::default())
}

type Edit = (&'static str, fn(&str) -> String);

/// Edits that reach no further than what they describe.
const NEAR: [Edit; 6] = [
    (ORDERS, |text| format!("-- a comment\n{text}")),
    (ORDERS, |text| text.replace("as x", "as x, 1 as y")),
    (MART, |text| format!("{text} -- {{{{ ref('stg_items') }}}}\n")),
    (MART, |text| format!("{{{{ config(tags=['a']) }}}}\n{text}")),
    (YAML, |text| text.replace(" orders\n", " of the orders\n")),
    (FAR, |text| text.replace("Far", "Far, far")),
];

fn counts_of_edits(more: usize) -> Vec<Counts> {
    let registry = Registry::embedded().unwrap();
    let mut session = session(&project(more), Database::counting(), registry);
    session.follow();
    check(&session, registry);
    let mut counts = Vec::new();
    for (path, edit) in NEAR {
        // The first time and once more.
        for _ in 0..2 {
            let text = edit(&text_of(&session, path));
            session.db.take_counts();
            session.set_text(path, &text);
            check(&session, registry);
            counts.push(session.db.take_counts());
        }
    }
    counts
}

/// Of a folder that has nothing to do with an edit, whether it and its section hold still is asked for all relations of
/// a group at once, and once for each sum over directories. What it holds is not asked.
const ASKED_A_FOLDER: usize = 20;

#[test]
fn a_file_that_is_saved_again_runs_as_much_in_a_small_project_as_in_a_large_one_and_asks_nothing_of_what_other_folders_hold()
 {
    on_large_stacks(1, || {
        let (small, large) = (counts_of_edits(12), counts_of_edits(40));
        for (at, (small, large)) in small.into_iter().zip(large).enumerate() {
            let path = NEAR[at / 2].0;
            // The first save of a file has salsa doubt all that is as durable, and run once more the sums over its
            // section, which may be one where files were saved before.
            if at % 2 == 1 {
                assert_eq!(small.executed(), large.executed(), "edit {at} of {path}");
                let asked = |counts: &Counts| counts.0.values().map(|it| it.executed + it.reused).sum::<usize>();
                let more = asked(&large) - asked(&small);
                assert!(more <= (40 - 12) * ASKED_A_FOLDER, "edit {at} of {path}: {more}");
            }
        }
    })
    .unwrap();
}

/// What comes to be found, and stays unfound without the edit: of a rule, in a file.
type Found = (&'static str, &'static str);

/// Edits whose consequences stand in other files, or that change what is summed up over all.
const FAR_REACHING: [(&str, Edit, Found); 23] = [
    (
        "a model is switched off",
        (ORDERS, |text| format!("{{{{ config(enabled=false) }}}}\n{text}")),
        ("DISABLED_PARENT", MART),
    ),
    (
        "a model becomes private",
        (ORDERS, |text| format!("{{{{ config(access='private', group='own') }}}}\n{text}")),
        ("PARSE_ERROR", MART),
    ),
    (
        "YAML switches a model of another folder off",
        (FAR, |text| text.replace("description", "config: {enabled: false}\n    description")),
        ("DISABLED_PARENT", "models/other/reader.sql"),
    ),
    ("a circle closes", (ORDERS, |text| format!("{text} -- {{{{ ref('other') }}}}\n")), ("CYCLE", MART)),
    (
        "two models share a table",
        (OTHER, |text| format!("{{{{ config(alias='stg_items') }}}}\n{text}")),
        ("DUPLICATE_RESOURCE", "models/staging/stg_items.sql"),
    ),
    (
        "a macro is called that is not there",
        (MART, |text| format!("{text}{{{{ nobody() }}}}\n")),
        ("UNKNOWN_MACRO", MART),
    ),
    ("a model cannot be parsed", (MART, |text| format!("{text}{{% if %}}\n")), ("PARSE_ERROR", MART)),
    ("YAML cannot be parsed", (YAML, |text| format!("{text} : [\n")), ("PARSE_ERROR", YAML)),
    ("a source is renamed", (YAML, |text| text.replace("name: raw", "name: cooked")), ("UNKNOWN_SOURCE", ORDERS)),
    (
        "a source's table is switched off",
        (YAML, |text| text.replace("{name: items}", "{name: items, config: {enabled: false}}")),
        ("DISABLED_PARENT", "models/staging/stg_items.sql"),
    ),
    (
        "a model gets versions",
        (YAML, |text| text.replace("  - name: stg_items", "  - name: stg_items\n    versions: [{v: 1}, {v: 2}]")),
        ("PARSE_ERROR", YAML),
    ),
    ("an entry is there twice", (FAR, |text| format!("{text}  - name: stg_orders\n")), ("DUPLICATE_RESOURCE", YAML)),
    (
        "a test is there twice",
        (FAR, |text| format!("{text}    data_tests: [{{cents: {{x: 1}}}}, {{cents: {{x: 1}}}}]\n")),
        ("DUPLICATE_RESOURCE", FAR),
    ),
    (
        "a group that nobody declares",
        (MART, |text| format!("{{{{ config(group='nobody') }}}}\n{text}")),
        ("PARSE_ERROR", MART),
    ),
    ("a private model is read", (MART, |text| format!("{text} -- {{{{ ref('secret') }}}}\n")), ("PARSE_ERROR", MART)),
    (
        "YAML declares an exposure of what is private",
        (FAR, |text| {
            format!(
                "{text}exposures: [{{name: board, type: dashboard, owner: {{name: Ann}}, depends_on: [\"ref('secret')\"]}}]\n"
            )
        }),
        ("PARSE_ERROR", FAR),
    ),
    (
        "an excuse that excuses nothing",
        (MART, |text| format!("-- harness: ignore[CYCLE] why not\n{text}")),
        ("UNUSED_SUPPRESSION", MART),
    ),
    (
        "a model gets a semantic model and metrics of its own",
        (YAML, |text| {
            let metrics = "[{name: all, type: simple, agg: sum, expr: x}, {name: part, type: ratio, numerator: al, denominator: all}]";
            text.replace(
                "    description",
                &format!("    semantic_model: true\n    metrics: {metrics}\n    description"),
            )
        }),
        ("PARSE_ERROR", YAML),
    ),
    (
        "a metric of a model is told of a model of another folder",
        (FAR, |text| {
            format!(
                "{text}    semantic_model: true\n    metrics: [{{name: all, type: derived, expr: x, input_metrics: [none]}}]\n"
            )
        }),
        ("PARSE_ERROR", FAR),
    ),
    (
        "a version of a model is told with a key that nobody knew before",
        (FAR, |text| format!("{text}    latest_version: 2\n")),
        ("PARSE_ERROR", FAR),
    ),
    (
        "an excuse in meta that excuses nothing, in a folder that named this program before",
        (SAID, |text| {
            text.replace(
                "description",
                "config: {meta: {harness: {ignore: [{rule: CYCLE, reason: why}]}}}\n    description",
            )
        }),
        ("UNUSED_SUPPRESSION", SAID),
    ),
    (
        "an excuse whose rule reports no more",
        (EXCUSED, |text| text.replace("gone", "stg_items")),
        ("UNUSED_SUPPRESSION", EXCUSED),
    ),
    (
        "an excuse in meta that excuses nothing",
        (FAR, |text| {
            text.replace(
                "description",
                "config: {meta: {harness: {ignore: [{rule: CYCLE, reason: why}]}}}\n    description",
            )
        }),
        ("UNUSED_SUPPRESSION", FAR),
    ),
];

fn finds(outcome: &Outcome, (rule, path): Found) -> bool {
    let is_at = |finding: &harness::rules::finding::Finding| {
        *finding.place.path == *path || finding.locations.iter().any(|place| *place.path == *path)
    };
    outcome.findings.iter().any(|finding| &*finding.rule == rule && is_at(finding))
}

fn said_by_both(sessions: &[Session; 2], registry: &Registry, what: &str) -> Outcome {
    let [followed, fresh] = sessions;
    let said = check(followed, registry);
    assert_eq!(said, check(fresh, registry), "{what}");
    said
}

#[test]
fn what_an_edit_changes_elsewhere_is_found_at_once_and_gone_when_it_is_taken_back() {
    on_large_stacks(1, || {
        let registry = Registry::embedded().unwrap();
        let mut tree = project(12);
        tree.insert("models/other/reader.sql", "select * from {{ ref('other') }}\n");
        // Nobody declares its group, which is told of this file.
        tree.insert("models/own/secret.sql", "{{ config(access='private', group='own') }} select 1 as x\n");
        tree.insert(SAID, "models:\n  - name: reader\n    description: Read by the harness\n");
        tree.insert(
            EXCUSED,
            "select * from {{ ref('gone') }} -- harness: ignore[UNKNOWN_REF] it comes with the next release\n",
        );
        for (what, (path, edit), found) in FAR_REACHING {
            let mut sessions = [0, 1].map(|_| session(&tree, Database::default(), registry));
            sessions[0].follow();
            let text = text_of(&sessions[0], path);
            let said = said_by_both(&sessions, registry, what);
            assert!(!finds(&said, found), "{what}");
            // The second time the file is one that was saved before.
            for _ in 0..2 {
                for (text, is_edit) in [(edit(&text), true), (text.to_string(), false)] {
                    sessions.iter_mut().for_each(|session| {
                        session.set_text(path, &text);
                    });
                    let now = said_by_both(&sessions, registry, what);
                    assert_eq!(finds(&now, found), is_edit, "{what}");
                    assert!(is_edit || now == said, "{what}");
                }
            }
        }
    })
    .unwrap();
}
