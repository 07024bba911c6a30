//! What the place of a model's file means: its layer, domain and tenant.

use super::nodes::{Node, NodeKind, nodes_of_package};
use crate::db::Project;
use crate::db::settings::{Layer, Placeholder, Read, Segment};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The layers dbt's users agree on, with the folders and prefixes they are known by.
const CUSTOMARY: [(&str, &[&str], &[&str]); 7] = [
    ("staging", &["staging"], &["stg_"]),
    ("base", &["base", "tmp"], &["base_"]),
    ("intermediate", &["intermediate"], &["int_"]),
    ("marts", &["marts"], &["fct_", "dim_", "mart_"]),
    ("applications", &["applications"], &[]),
    ("reports", &["reports"], &[]),
    ("utilities", &["utilities", "utils"], &[]),
];

/// The layer that may read all and be read by all.
const UTILITIES: &str = "utilities";

fn customary_reads(layer: &str) -> Vec<Read> {
    let layers = |names: &[&str]| names.iter().map(|name| Read::Layer((*name).to_owned())).collect::<Vec<_>>();
    let mut reads = match layer {
        "staging" | "base" => {
            let mut reads = layers(&["base"]);
            reads.extend([Read::Source, Read::Seed]);
            reads
        }
        "intermediate" => layers(&["staging", "intermediate"]),
        "marts" => layers(&["staging", "intermediate", "marts"]),
        "applications" => layers(&["marts", "intermediate"]),
        "reports" => layers(&["marts", "intermediate", "reports"]),
        _ => {
            let mut reads: Vec<Read> = CUSTOMARY.iter().map(|(name, ..)| Read::Layer((*name).to_owned())).collect();
            reads.push(Read::Source);
            reads
        }
    };
    if layer != UTILITIES {
        reads.extend(layers(&[UTILITIES]));
    }
    reads
}

/// How places are read in this project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// harness.yml states the layers; otherwise they are the customary ones.
    pub stated: bool,
    /// Empty where no layers can be recognised.
    pub layers: Vec<Layer>,
    pub pattern: Vec<Segment>,
    pub tenants: Vec<String>,
}

impl Layout {
    pub fn layer(&self, name: &str) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.name == name)
    }

    /// The layers that stand on sources: the house's staging.
    pub fn reads_sources(layer: &Layer) -> bool {
        layer.reads.contains(&Read::Source)
    }
}

#[salsa::tracked(returns(ref))]
pub fn layout(db: &dyn salsa::Database) -> Layout {
    let Some(project) = Project::try_get(db) else { return Layout::default() };
    let house = project.house_rules(db);
    if !house.layers.is_empty() {
        return Layout {
            stated: true,
            layers: house.layers.clone(),
            pattern: house.paths.clone().unwrap_or_default(),
            tenants: house.tenants.clone(),
        };
    }
    let layers: Vec<Layer> =
        CUSTOMARY.iter().map(|(name, ..)| Layer { name: (*name).to_owned(), reads: customary_reads(name) }).collect();
    let recognised = is_recognised(db, project);
    Layout { layers: if recognised { layers } else { Vec::new() }, ..Layout::default() }
}

/// At least three of five models stand in layers, and in more than one.
fn is_recognised(db: &dyn salsa::Database, project: Project) -> bool {
    let mut models = 0;
    let mut placed = 0;
    let mut layers = BTreeSet::new();
    for node in nodes_of_package(db, project.root(db)) {
        if node.kind(db) == NodeKind::Model {
            models += 1;
            if let Some(layer) = customary_layer(node.file(db).package_path(db), node.name(db)) {
                placed += 1;
                layers.insert(layer);
            }
        }
    }
    layers.len() >= 2 && placed * 10 >= models * 6
}

/// The deepest folder that names a layer, else the name's prefix.
fn customary_layer(path: &str, name: &str) -> Option<&'static str> {
    let by_folder = path.rsplit('/').skip(1).find_map(|folder| {
        CUSTOMARY.iter().find(|(_, folders, _)| folders.contains(&folder)).map(|(layer, ..)| *layer)
    });
    by_folder.or_else(|| {
        let prefixed = |prefixes: &&[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
        CUSTOMARY.iter().find(|(_, _, prefixes)| prefixed(prefixes)).map(|(layer, ..)| *layer)
    })
}

/// What a path says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    pub layer: Option<Arc<str>>,
    pub domain: Option<Arc<str>>,
    pub tenant: Option<Arc<str>>,
    /// The layer's folder with all above it: `models/north/staging`.
    pub layer_folder: Option<Arc<str>>,
    /// The first folder below the layer's.
    pub below_layer: Option<Arc<str>>,
}

/// Where a model of the root project stands; nothing for any other node.
pub fn place<'db>(db: &'db dyn salsa::Database, node: Node<'db>) -> Place {
    let root = Project::try_get(db).map(|project| project.root(db));
    if node.kind(db) != NodeKind::Model || Some(node.package(db)) != root {
        return Place::default();
    }
    let layout = layout(db);
    let path: &str = node.file(db).package_path(db);
    if layout.stated {
        return stated_place(layout, path);
    }
    let layer = customary_layer(path, node.name(db)).filter(|_| !layout.layers.is_empty());
    Place { layer: layer.map(Arc::from), ..Place::default() }
}

fn stated_place(layout: &Layout, path: &str) -> Place {
    let mut folders: Vec<&str> = path.split('/').collect();
    folders.pop();
    let mut place = Place::default();
    for (depth, segment) in layout.pattern.iter().enumerate() {
        if *segment == Segment::Rest {
            break;
        }
        let Some(folder) = folders.get(depth) else { break };
        match segment {
            Segment::Literal(name) if name != folder => return Place::default(),
            Segment::Placeholder(Placeholder::Tenant) => {
                if !layout.tenants.is_empty() && !layout.tenants.iter().any(|tenant| tenant == folder) {
                    return Place::default();
                }
                place.tenant = Some((*folder).into());
            }
            Segment::Placeholder(Placeholder::Layer) => {
                place.layer = Some((*folder).into());
                place.layer_folder = Some(folders[..=depth].join("/").into());
                place.below_layer = folders.get(depth + 1).map(|folder| (*folder).into());
            }
            Segment::Placeholder(Placeholder::Domain) => place.domain = Some((*folder).into()),
            Segment::Literal(_) | Segment::Any | Segment::Rest => {}
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_folder_wins_over_the_prefix() {
        assert_eq!(customary_layer("models/marts/staging/fct_a.sql", "fct_a"), Some("staging"));
        assert_eq!(customary_layer("models/core/fct_a.sql", "fct_a"), Some("marts"));
        assert_eq!(customary_layer("models/core/a.sql", "a"), None);
    }

    #[test]
    fn a_stated_pattern_gives_each_folder_its_meaning() {
        let layout = Layout {
            stated: true,
            layers: Vec::new(),
            pattern: vec![
                Segment::Literal("models".to_owned()),
                Segment::Placeholder(Placeholder::Tenant),
                Segment::Placeholder(Placeholder::Layer),
                Segment::Placeholder(Placeholder::Domain),
                Segment::Rest,
            ],
            tenants: vec!["north".to_owned()],
        };
        let place = stated_place(&layout, "models/north/staging/crm/deep/stg_a.sql");
        assert_eq!(place.tenant.as_deref(), Some("north"));
        assert_eq!(place.layer.as_deref(), Some("staging"));
        assert_eq!(place.domain.as_deref(), Some("crm"));
        assert_eq!(place.layer_folder.as_deref(), Some("models/north/staging"));
        assert_eq!(stated_place(&layout, "models/north/marts/a.sql").layer.as_deref(), Some("marts"));
        assert_eq!(stated_place(&layout, "models/a.sql"), Place::default());
        assert_eq!(stated_place(&layout, "models/west/staging/a.sql"), Place::default());
    }
}
