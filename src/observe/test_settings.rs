//! Jinja in the settings of declared data tests, which dbt renders when it reads them: with the names of YAML, so that
//! no macro of the project can be called there.

use super::Rows;
use crate::db::{DirectoryOf, FileKind, SourceFile};
use crate::project::data::has_jinja;
use crate::project::data_tests::declared::SETTINGS;
use crate::project::jinja::run::Names;
use crate::project::schema_yaml::{root as root_of, small_run, value_of_text};
use crate::syntax::span::{SyntaxError, SyntaxErrorKind};
use crate::syntax::yaml::Node;
use rustc_hash::FxHashSet;

/// The lists whose entries have tests.
const TESTED: [&str; 4] = ["models", "seeds", "snapshots", "sources"];

pub(super) fn setting_errors<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<(SourceFile, SyntaxError)> {
    let (db, package) = (rows.db, key.package(rows.db));
    let mut found = Vec::new();
    for file in key.directory(db).files(db).iter().filter(|file| file.kind(db) == FileKind::Properties) {
        let text = file.content(db).text();
        if !has_jinja(text) {
            continue;
        }
        let root = root_of(db, package, *file);
        // Many tests have the same.
        let mut fine: FxHashSet<&str> = FxHashSet::default();
        for entry in TESTED.iter().filter_map(|key| root.get(key)?.as_seq()).flatten() {
            for setting in settings(entry) {
                let shown = setting.as_str().unwrap_or_default();
                if fine.contains(shown) {
                    continue;
                }
                let error = value_of_text(small_run(package, Names::Settings), text, setting).and_then(Result::err);
                if error.is_none() {
                    fine.insert(shown);
                }
                found.extend(error.map(|error| (*file, with_remedy(error))));
            }
        }
    }
    found
}

fn with_remedy(error: SyntaxError) -> SyntaxError {
    if error.kind != SyntaxErrorKind::UndefinedName {
        return error;
    }
    let remedy = "Write it out: no macro of the project can be called in a setting of a data test, nor ref or source.";
    SyntaxError { remedy: remedy.to_owned(), ..error }
}

/// The texts that set something of a test, of an entry and all of its parts.
fn settings(entry: &Node) -> Vec<&Node> {
    let mut found = Vec::new();
    let mut work = vec![entry];
    while let Some(node) = work.pop() {
        for part in node.as_map().unwrap_or_default() {
            let items = part.value.as_seq().unwrap_or_default();
            match part.key.as_str().unwrap_or_default() {
                "tests" | "data_tests" => {
                    for test in items {
                        let given = test.as_map().unwrap_or_default().iter().map(|entry| &entry.value).chain([test]);
                        let given = given.flat_map(|settings| [Some(settings), settings.get("config")]).flatten();
                        found.extend(given.flat_map(|it| SETTINGS.iter().filter_map(|key| it.get(key))));
                    }
                }
                "columns" | "versions" | "tables" => work.extend(items),
                _ => {}
            }
        }
    }
    found
}
