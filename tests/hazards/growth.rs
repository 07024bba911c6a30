//! What grows in a file costs in line with it: queries are counted at n and at 4n, and what is many times larger
//! still ends.

use super::program::bounded::bounded;
use super::program::write;
use harness::db::{Database, Invocation};
use harness::files::Memory;
use harness::rules::registry::Registry;
use harness::rules::selection::Selection;
use harness::session::{Session, house_rules, on_large_stacks};

type Files = Vec<(String, String)>;

fn files(list: &[(&str, String)]) -> Files {
    list.iter().map(|(path, text)| ((*path).to_owned(), text.clone())).collect()
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

/// A name, and the files of a project of a size.
type Growing = (&'static str, fn(usize) -> Files);

/// Projects that grow, each in one way.
fn growing() -> [Growing; 10] {
    [
        ("columns", |n| {
            let columns = lines(n, |at| format!("      - name: c{at}\n        description: d{at}\n"));
            files(&[
                ("models/m.sql", "select 1".into()),
                ("models/a.yml", format!("models:\n  - name: m\n    columns:\n{columns}")),
            ])
        }),
        ("versions", |n| {
            let versions = lines(n, |at| format!("      - v: {at}\n"));
            let yaml = format!("models:\n  - name: m\n    latest_version: 1\n    versions:\n{versions}");
            let mut all = files(&[("models/a.yml", yaml)]);
            all.extend((0..n).map(|at| (format!("models/m_v{at}.sql"), "select 1".to_owned())));
            all
        }),
        ("tests", |n| {
            let columns = lines(n, |at| format!("      - name: c{at}\n        data_tests: [unique]\n"));
            files(&[
                ("models/m.sql", "select 1".into()),
                ("models/a.yml", format!("models:\n  - name: m\n    columns:\n{columns}")),
            ])
        }),
        ("tables", |n| {
            let tables = lines(n, |at| format!("      - name: t{at}\n"));
            let reads = lines(n, |at| format!("select * from {{{{ source('s', 't{at}') }}}} union all\n"));
            files(&[
                ("models/a.yml", format!("sources:\n  - name: s\n    tables:\n{tables}")),
                ("models/m.sql", format!("{reads}select 1")),
            ])
        }),
        ("joins", |n| {
            let joins = lines(n, |at| format!("join t{at} on t{at}.id = a.id\n"));
            files(&[
                ("models/m.sql", format!("select a.id from {{{{ ref('b') }}}} as a\n{joins}")),
                ("models/b.sql", "select 1 as id".into()),
            ])
        }),
        ("environment", |n| files(&[("models/m.sql", lines(n, |at| format!("{{{{ env_var('E{at}', '') }}}}\n")))])),
        ("vars", |n| files(&[("models/m.sql", lines(n, |at| format!("{{{{ var('v{at}', '') }}}}\n")))])),
        ("macros", |n| {
            let macros = lines(n, |at| format!("{{% macro m{at}() %}}x{{% endmacro %}}\n"));
            files(&[("macros/m.sql", macros), ("models/m.sql", lines(n, |at| format!("{{{{ m{at}() }}}}\n")))])
        }),
        ("docs", |n| {
            let docs = lines(n, |at| format!("{{% docs d{at} %}}x{{% enddocs %}}\n"));
            let columns =
                lines(n, |at| format!("      - name: c{at}\n        description: \"{{{{ doc('d{at}') }}}}\"\n"));
            files(&[
                ("models/d.md", docs),
                ("models/m.sql", "select 1".into()),
                ("models/a.yml", format!("models:\n  - name: m\n    columns:\n{columns}")),
            ])
        }),
        ("suppressions", |n| {
            let calls =
                lines(n, |at| format!("-- harness: ignore UNKNOWN_REF: r\nselect * from {{{{ ref('x{at}') }}}}\n"));
            files(&[("models/m.sql", calls)])
        }),
    ]
}

fn executed(files: Files) -> usize {
    let count = move || {
        let mut tree: Vec<(String, String)> = vec![("dbt_project.yml".into(), "name: shop\n".into())];
        tree.extend(files);
        let tree: Memory = tree.into_iter().collect();
        let registry = Registry::embedded().unwrap();
        let session =
            Session::load(Database::counting(), &tree, house_rules(registry, "").unwrap(), Invocation::default());
        session.check(registry, &Selection::default());
        session.db.take_executed().values().sum::<usize>()
    };
    on_large_stacks(2, count).unwrap()
}

#[test]
fn four_times_as_much_runs_four_times_as_many_queries_at_most() {
    for (what, project) in growing() {
        let (small, large) = (executed(project(50)), executed(project(200)));
        assert!(large <= 4 * small, "{what}: {small} queries, then {large}");
    }
}

/// Sizes at which what grows with the square takes minutes.
#[test]
fn very_large_files_end() {
    for (what, project) in growing() {
        let size = match what {
            "columns" | "joins" => 30_000,
            "versions" => 2_000,
            "tests" | "suppressions" => 4_000,
            _ => 8_000,
        };
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "dbt_project.yml", "name: shop\n");
        write(folder.path(), "models/canary.sql", "select * from {{ ref('nowhere') }}\n");
        project(size).iter().for_each(|(path, text)| write(folder.path(), path, text));
        let ended = bounded(folder.path(), &["check"]);
        assert_eq!((ended.code, ended.count("'nowhere'")), (Some(1), 1), "{what}: {}", ended.err);
    }
}

/// One line of so many calls: where each stands is not counted from the line's beginning.
#[test]
fn a_file_of_one_line_ends() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\n");
    let calls = lines(20_000, |at| format!("select * from {{{{ ref('x{at}') }}}} union all "));
    write(folder.path(), "models/m.sql", &format!("{calls}select 1"));
    let ended = bounded(folder.path(), &["check", "--format", "json"]);
    assert_eq!((ended.code, ended.count("\"rule\":\"UNKNOWN_REF\"")), (Some(1), 20_000), "{}", ended.err);
}
