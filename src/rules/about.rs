//! What a run's summary says of the project.

use crate::db::Project;
use crate::project::layout::layout;
use crate::project::nodes::{NodeKind, nodes_of_package};
use crate::project::packages::is_whole;
use crate::relations::{layer, model, reads, reads_source};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// How many models there are.
    pub models: usize,
    /// Layers are stated, or can be recognised.
    pub has_layers: bool,
    /// Layers are stated, and no model stands in one.
    pub is_none_placed: bool,
    /// Some model names another or a source, or a macro of an absent package may do that for it.
    pub has_edges: bool,
}

/// Whether a model's text has a call that looks like `ref(…)` or `source(…)`, whatever it leads to.
fn is_edge_written(db: &dyn salsa::Database) -> bool {
    let Some(project) = Project::try_get(db) else { return false };
    let is_called = |text: &str, name: &str| text.split(name).skip(1).any(|rest| rest.trim_start().starts_with('('));
    let models = nodes_of_package(db, project.root(db)).into_iter().filter(|node| node.kind(db) == NodeKind::Model);
    models.map(|node| node.file(db).content(db).text()).any(|text| is_called(text, "ref") || is_called(text, "source"))
}

#[salsa::tracked(returns(copy))]
pub fn about(db: &dyn salsa::Database) -> About {
    About::of(db)
}

impl About {
    fn of(db: &dyn salsa::Database) -> Self {
        let models = model::rows(db).len();
        let is_stated = Project::try_get(db).is_some_and(|project| !project.house_rules(db).layers.is_empty());
        let has_layers = models > 0 && !layout(db).layers.is_empty();
        let has_edges =
            !reads::rows(db).is_empty() || !reads_source::rows(db).is_empty() || !is_whole(db) || is_edge_written(db);
        Self { models, has_edges, has_layers, is_none_placed: has_layers && is_stated && layer::rows(db).is_empty() }
    }
}
