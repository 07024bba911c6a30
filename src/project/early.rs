//! Texts that are rendered before the project is read: paths and profiles.

use super::data;
use super::jinja::run::{Names, Run, Subject};
use super::jinja::{Minijinja, Renderer};
use crate::db::settings::HouseRules;
use crate::db::{Database, FileKind, Invocation, Package, Project, SourceFile};
use crate::files::Content;
use serde_json::Value;

/// The values of texts, each rendered as dbt renders dbt_project.yml: vars, environment variables, the target. A
/// text that cannot be rendered is what is written.
pub(super) fn rendered(texts: &[&str], invocation: &Invocation, names: Names) -> Vec<Value> {
    if !texts.iter().any(|text| data::has_jinja(text)) {
        return texts.iter().map(|text| Value::from(*text)).collect();
    }
    let db = Database::default();
    let file =
        |kind, text: &str| SourceFile::new(&db, "".into(), "".into(), "".into(), kind, Content::Text(text.into()));
    let package = Package::new(&db, "".into(), file(FileKind::ProjectFile, "name: project"), Vec::new());
    Project::new(
        &db,
        package,
        Vec::new(),
        package,
        Vec::new(),
        Vec::new(),
        None,
        None,
        Vec::new(),
        HouseRules::default(),
        invocation.clone(),
        None,
    );
    salsa::attach(&db, || {
        let render = |text: &&str| {
            if !data::has_jinja(text) {
                return Value::from(*text);
            }
            let run = Run::new(package, names, Subject::default());
            Minijinja.evaluate(text, run).0.unwrap_or_else(|_| Value::from(*text))
        };
        texts.iter().map(render).collect()
    })
}
