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
    /// As harness.yml states them, else the customary ones; empty where none can be recognised.
    pub layers: Vec<Layer>,
    /// What harness.yml says that folders mean.
    pub pattern: Option<Vec<Segment>>,
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

/// The customary layers that are read by people and tools outside of dbt.
const TERMINAL: [&str; 3] = ["marts", "applications", "reports"];

/// The layers or folders whose models are the end of the flow.
pub fn terminal_layers(db: &dyn salsa::Database) -> Vec<String> {
    let stated = Project::try_get(db).map(|project| project.house_rules(db).terminal.clone()).unwrap_or_default();
    if stated.is_empty() { TERMINAL.map(str::to_owned).to_vec() } else { stated }
}

#[salsa::tracked(returns(ref))]
pub fn layout(db: &dyn salsa::Database) -> Layout {
    let Some(project) = Project::try_get(db) else { return Layout::default() };
    let house = project.house_rules(db);
    let stated = Layout { layers: house.layers.clone(), pattern: house.paths.clone(), tenants: house.tenants.clone() };
    if !house.layers.is_empty() {
        return stated;
    }
    Layout { layers: customary_layers(&recognised(db, project)), ..stated }
}

/// The customary table of the layers that are there, so that no text names others.
fn customary_layers(present: &BTreeSet<&'static str>) -> Vec<Layer> {
    let is_there = |read: &Read| match read {
        Read::Layer(name) => present.contains(name.as_str()),
        Read::Source | Read::Seed => true,
    };
    let layer = |name: &str| Layer {
        name: name.to_owned(),
        reads: customary_reads(name).into_iter().filter(is_there).collect(),
    };
    CUSTOMARY.iter().filter(|(name, ..)| present.contains(name)).map(|(name, ..)| layer(name)).collect()
}

/// The customary layers of a project; none unless at least three of five models stand in layers, and
/// in more than one.
fn recognised(db: &dyn salsa::Database, project: Project) -> BTreeSet<&'static str> {
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
    if layers.len() >= 2 && placed * 10 >= models * 6 { layers } else { BTreeSet::new() }
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
    if let Some(pattern) = &layout.pattern {
        return place_by_pattern(pattern, &layout.tenants, path);
    }
    let house = Project::try_get(db).map(|project| project.house_rules(db));
    if house.is_some_and(|house| !house.layers.is_empty()) {
        return place_by_folder(layout, path);
    }
    let layer = customary_layer(path, node.name(db)).filter(|layer| layout.layer(layer).is_some());
    Place { layer: layer.map(Arc::from), ..Place::default() }
}

/// The deepest folder that is called like a layer.
fn place_by_folder(layout: &Layout, path: &str) -> Place {
    let mut folders: Vec<&str> = path.split('/').collect();
    folders.pop();
    let Some(depth) = folders.iter().rposition(|folder| layout.layer(folder).is_some()) else {
        return Place::default();
    };
    Place {
        layer: Some(folders[depth].into()),
        layer_folder: Some(folders[..=depth].join("/").into()),
        below_layer: folders.get(depth + 1).map(|folder| (*folder).into()),
        ..Place::default()
    }
}

fn place_by_pattern(pattern: &[Segment], tenants: &[String], path: &str) -> Place {
    let mut folders: Vec<&str> = path.split('/').collect();
    folders.pop();
    let mut place = Place::default();
    for (depth, segment) in pattern.iter().enumerate() {
        if *segment == Segment::Rest {
            break;
        }
        let Some(folder) = folders.get(depth) else { break };
        match segment {
            Segment::Literal(name) if name != folder => return Place::default(),
            Segment::Placeholder(Placeholder::Tenant) => {
                // Without a list of tenants the folder is a part of the path like any other.
                if !tenants.is_empty() {
                    if !tenants.iter().any(|tenant| tenant == folder) {
                        return Place::default();
                    }
                    place.tenant = Some((*folder).into());
                }
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
        let pattern = [
            Segment::Literal("models".to_owned()),
            Segment::Placeholder(Placeholder::Tenant),
            Segment::Placeholder(Placeholder::Layer),
            Segment::Placeholder(Placeholder::Domain),
            Segment::Rest,
        ];
        let place = |path: &str| place_by_pattern(&pattern, &["north".to_owned()], path);
        let all = place("models/north/staging/crm/deep/stg_a.sql");
        assert_eq!(all.tenant.as_deref(), Some("north"));
        assert_eq!(all.layer.as_deref(), Some("staging"));
        assert_eq!(all.domain.as_deref(), Some("crm"));
        assert_eq!(all.layer_folder.as_deref(), Some("models/north/staging"));
        assert_eq!(place("models/north/marts/a.sql").layer.as_deref(), Some("marts"));
        assert_eq!(place("models/a.sql"), Place::default());
        assert_eq!(place("models/west/staging/a.sql"), Place::default());
    }

    #[test]
    fn stated_layers_without_a_pattern_are_the_folders_of_that_name() {
        let layer = |name: &str| Layer { name: name.to_owned(), reads: Vec::new() };
        let layout = Layout { layers: vec![layer("raw"), layer("gold")], ..Layout::default() };
        let place = place_by_folder(&layout, "models/gold/raw/crm/a.sql");
        assert_eq!((place.layer.as_deref(), place.below_layer.as_deref()), (Some("raw"), Some("crm")));
        assert_eq!(place_by_folder(&layout, "models/silver/a.sql"), Place::default());
    }

    #[test]
    fn the_customary_table_names_only_layers_that_are_there() {
        let layers = customary_layers(&BTreeSet::from(["marts", "staging"]));
        let marts = layers.iter().find(|layer| layer.name == "marts").unwrap();
        assert_eq!(marts.reads, [Read::Layer("staging".to_owned()), Read::Layer("marts".to_owned())]);
    }
}
