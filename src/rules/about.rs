//! What a run's summary says of the project.

use crate::db::Project;
use crate::project::layout::layout;
use crate::relations::{layer, model};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// How many models there are.
    pub models: usize,
    /// Layers are stated, or can be recognised.
    pub has_layers: bool,
    /// Layers are stated, and no model stands in one.
    pub is_none_placed: bool,
}

impl About {
    pub fn of(db: &dyn salsa::Database) -> Self {
        let models = model::rows(db).len();
        let is_stated = Project::try_get(db).is_some_and(|project| !project.house_rules(db).layers.is_empty());
        let has_layers = models > 0 && !layout(db).layers.is_empty();
        Self { models, has_layers, is_none_placed: has_layers && is_stated && layer::rows(db).is_empty() }
    }
}
