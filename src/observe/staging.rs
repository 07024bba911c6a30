//! The staging pattern, model by model.

use super::{Rows, name_of};
use crate::db::settings::Staging;
use crate::db::{DirectoryOf, Project, SourceFile};
use crate::observe::Observation;
use crate::project::layout::{Layout, layout, place};
use crate::project::nodes::{Node, NodeKind, is_enabled, nodes_of_directory, unique_id};
use crate::project::staging::{StagingBreak, judge};
use std::sync::Arc;

/// How one model departs from the pattern. Local to the model: an edit of another file runs none of
/// this.
#[salsa::tracked(returns(ref))]
fn breaks<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Vec<StagingBreak> {
    let Some(settings) = Project::try_get(db).and_then(|project| project.house_rules(db).staging.as_ref()) else {
        return Vec::new();
    };
    let Some(source) = staging_source(db, node, settings) else { return Vec::new() };
    let file: SourceFile = node.file(db);
    judge(file.content(db).text(), settings, &source)
}

pub(super) fn prefetch<'db>(db: &'db dyn salsa::Database, node: Node<'db>) {
    breaks(db, node);
}

/// The source folder of a model that the pattern binds.
fn staging_source<'db>(db: &'db dyn salsa::Database, node: Node<'db>, settings: &Staging) -> Option<Arc<str>> {
    if node.kind(db) != NodeKind::Model || !is_enabled(db, node) {
        return None;
    }
    let place = place(db, node);
    let layer = layout(db).layer(place.layer.as_deref()?).filter(|layer| Layout::reads_sources(layer));
    let path: &str = node.file(db).path(db);
    let excluded =
        !crate::project::nodes::is_sql_path(path) || settings.exclude.iter().any(|part| path.contains(part.as_str()));
    layer.filter(|_| !excluded).map(|_| place.below_layer.unwrap_or_default())
}

fn all<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>, rule: &str) -> Vec<Observation> {
    let db = rows.db;
    let Some(project) = Project::try_get(db) else { return Vec::new() };
    let Some(settings) = &project.house_rules(db).staging else { return Vec::new() };
    let mut found = Vec::new();
    for node in nodes_of_directory(db, key.package(db), key.directory(db)).iter().copied() {
        for broken in breaks(db, node).iter().filter(|broken| broken.rule == rule) {
            let source = place(db, node).below_layer.unwrap_or_default();
            let id = unique_id(db, node).clone();
            let mut args = vec![
                ("detail", detail(broken)),
                ("expected", expected(broken, settings, &source)),
                ("name", name_of(&id).to_owned()),
            ];
            args.extend(broken.cte.as_ref().map(|cte| ("cte", cte.to_string())));
            found.push(Observation {
                node: Some(id.clone()),
                subject: vec![id],
                place: rows.place(node.file(db), broken.span),
                locations: Vec::new(),
                severity: None,
                args,
            });
        }
    }
    found
}

pub(super) fn config_block<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    all(rows, key, "CONFIG_BLOCK")
}

pub(super) fn materialized_view<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    all(rows, key, "MATERIALIZED_VIEW")
}

pub(super) fn tags_missing<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    all(rows, key, "TAGS_MISSING")
}

pub(super) fn tags_staging<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    all(rows, key, "TAGS_STAGING")
}

pub(super) fn tags_third<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    all(rows, key, "TAGS_THIRD")
}

pub(super) fn tags_source<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    all(rows, key, "TAGS_SOURCE")
}

pub(super) fn cte_pattern<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    all(rows, key, "CTE_PATTERN")
}

pub(super) fn cte_order<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    all(rows, key, "CTE_ORDER")
}

pub(super) fn final_explicit_columns<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    all(rows, key, "FINAL_EXPLICIT_COLUMNS")
}

pub(super) fn surrogate_key<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    all(rows, key, "SURROGATE_KEY")
}

pub(super) fn loaded_at<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    all(rows, key, "LOADED_AT")
}

pub(super) fn column_grouping<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    all(rows, key, "COLUMN_GROUPING")
}

pub(super) fn final_select<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    all(rows, key, "FINAL_SELECT")
}

pub(super) fn cte_missing<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    all(rows, key, "CTE_MISSING")
}

fn detail(broken: &StagingBreak) -> String {
    match broken.rule {
        "MATERIALIZED_VIEW" if broken.detail.is_empty() => "not set".to_owned(),
        _ => broken.detail.clone(),
    }
}

/// What the pattern asks for, as the rule's text shows it.
fn expected(broken: &StagingBreak, settings: &Staging, source: &str) -> String {
    let tags: Vec<String> = settings.tags.iter().map(|tag| tag.replace("{source}", source)).collect();
    let order = || settings.ctes.join(" → ");
    match broken.rule {
        "CONFIG_BLOCK" => {
            let tags: Vec<String> = tags.iter().map(|tag| format!("'{tag}'")).collect();
            format!("{{{{ config(materialized='{}', tags=[{}]) }}}}", settings.materialized, tags.join(", "))
        }
        "MATERIALIZED_VIEW" => settings.materialized.clone(),
        "TAGS_MISSING" => tags.join(", "),
        "TAGS_STAGING" => {
            let fixed = settings.tags.iter().find(|tag| !tag.contains("{source}"));
            fixed.cloned().unwrap_or_default()
        }
        "TAGS_THIRD" => tags.get(2).cloned().unwrap_or_default(),
        "TAGS_SOURCE" => source.to_owned(),
        "CTE_ORDER" => {
            let found: Vec<&str> = broken.detail.split(" → ").collect();
            let kept = settings.ctes.iter().filter(|cte| found.iter().any(|other| other.eq_ignore_ascii_case(cte)));
            kept.cloned().collect::<Vec<_>>().join(" → ")
        }
        "CTE_PATTERN" | "CTE_MISSING" => order(),
        "FINAL_EXPLICIT_COLUMNS" => settings.ctes.last().cloned().unwrap_or_default(),
        "COLUMN_GROUPING" => settings.column_groups.join(", "),
        _ => String::new(),
    }
}
