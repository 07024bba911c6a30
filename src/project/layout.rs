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

/// All of them, each with what it may read.
fn customary() -> Vec<Layer> {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let layer = |(name, folders, prefixes): &(&str, &[&str], &[&str])| Layer {
        name: (*name).to_owned(),
        reads: customary_reads(name),
        folders: texts(folders),
        prefixes: texts(prefixes),
    };
    CUSTOMARY.iter().map(layer).collect()
}

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

/// The customary layers that are read by people and tools outside of dbt, and what else their folders are
/// called.
const TERMINAL: [&str; 6] = ["marts", "applications", "reports", "mart", "application", "report"];

/// The layers or folders whose models are the end of the flow; none where no layers are known either.
pub fn terminal_layers(db: &dyn salsa::Database) -> Vec<String> {
    let stated = Project::try_get(db).map(|project| project.house_rules(db).terminal.clone()).unwrap_or_default();
    match stated.is_empty() {
        true if layout(db).layers.is_empty() => Vec::new(),
        true => TERMINAL.map(str::to_owned).to_vec(),
        false => stated,
    }
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
fn customary_layers(present: &BTreeSet<String>) -> Vec<Layer> {
    let is_there = |read: &Read| match read {
        Read::Layer(name) => present.contains(name),
        Read::Source | Read::Seed => true,
    };
    let mut layers = customary();
    layers.retain(|layer| present.contains(&layer.name));
    layers.iter_mut().for_each(|layer| layer.reads.retain(is_there));
    layers
}

/// The customary layers of a project; none unless at least three of five models stand in layers, and
/// in more than one.
fn recognised(db: &dyn salsa::Database, project: Project) -> BTreeSet<String> {
    let nodes = nodes_of_package(db, project.root(db));
    let models = nodes.iter().filter(|node| node.kind(db) == NodeKind::Model);
    recognised_of(models.map(|node| (&**node.file(db).package_path(db), &**node.name(db))))
}

fn recognised_of<'n>(models: impl Iterator<Item = (&'n str, &'n str)>) -> BTreeSet<String> {
    let customary = customary();
    let (mut all, mut placed) = (0, 0);
    let mut layers = BTreeSet::new();
    for (path, name) in models {
        all += 1;
        if let Some((layer, _)) = layer_of(&customary, path, name) {
            placed += 1;
            layers.insert(layer.name.clone());
        }
    }
    if layers.len() >= 2 && placed * 10 >= all * 6 { layers } else { BTreeSet::new() }
}

/// The layer of the deepest folder that tells one, with that folder's depth, else the layer of the
/// name's longest prefix.
fn layer_of<'l>(layers: &'l [Layer], path: &str, name: &str) -> Option<(&'l Layer, Option<usize>)> {
    let folders = path.rsplit_once('/').map(|(folders, _)| folders).unwrap_or_default();
    let count = folders.split('/').count();
    let by_folder = folders.rsplit('/').enumerate().find_map(|(up, folder)| {
        let layer = layers.iter().find(|layer| layer.folders.iter().any(|own| own == folder))?;
        Some((layer, Some(count - 1 - up)))
    });
    by_folder.or_else(|| {
        let prefixes = layers.iter().flat_map(|layer| layer.prefixes.iter().map(move |prefix| (prefix, layer)));
        let fitting = prefixes.filter(|(prefix, _)| name.starts_with(prefix.as_str()));
        fitting.max_by_key(|(prefix, _)| prefix.len()).map(|(_, layer)| (layer, None))
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
    let place = place_of(layout, node.file(db).package_path(db), node.name(db));
    let house = Project::try_get(db).map(|project| project.house_rules(db));
    if layout.pattern.is_some() || house.is_some_and(|house| !house.layers.is_empty()) {
        return place;
    }
    // What a folder below a customary layer means, nobody has said.
    Place { layer: place.layer, ..Place::default() }
}

/// Where a model of this path and name would stand.
pub fn place_of(layout: &Layout, path: &str, name: &str) -> Place {
    match &layout.pattern {
        Some(pattern) => place_by_pattern(pattern, layout, path),
        None => place_by_names(layout, path, name),
    }
}

fn place_by_names(layout: &Layout, path: &str, name: &str) -> Place {
    let Some((layer, depth)) = layer_of(&layout.layers, path, name) else { return Place::default() };
    let mut place = Place { layer: Some(layer.name.as_str().into()), ..Place::default() };
    if let Some(depth) = depth {
        let mut folders: Vec<&str> = path.split('/').collect();
        folders.pop();
        place.layer_folder = Some(folders[..=depth].join("/").into());
        place.below_layer = folders.get(depth + 1).map(|folder| (*folder).into());
    }
    place
}

fn place_by_pattern(pattern: &[Segment], layout: &Layout, path: &str) -> Place {
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
                if !layout.tenants.is_empty() {
                    if !layout.tenants.iter().any(|tenant| tenant == folder) {
                        return Place::default();
                    }
                    place.tenant = Some((*folder).into());
                }
            }
            Segment::Placeholder(Placeholder::Layer) => {
                let known = layout.layers.iter().find(|layer| layer.folders.iter().any(|own| own == folder));
                place.layer = Some(known.map_or(*folder, |layer| layer.name.as_str()).into());
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

    fn layer_at(path: &str) -> Option<String> {
        let name = path.rsplit('/').next().unwrap().trim_end_matches(".sql");
        layer_of(&customary(), path, name).map(|(layer, _)| layer.name.clone())
    }

    #[test]
    fn the_deepest_folder_wins_over_the_prefix() {
        assert_eq!(layer_at("models/marts/staging/fct_a.sql").as_deref(), Some("staging"));
        assert_eq!(layer_at("models/core/fct_a.sql").as_deref(), Some("marts"));
        assert_eq!(layer_at("models/core/a.sql"), None);
        assert_eq!(layer_at("models/staging/base/stg_a.sql").as_deref(), Some("base"));
    }

    #[test]
    fn each_customary_folder_and_prefix_tells_its_layer() {
        for (path, layer) in [
            ("models/staging/a.sql", "staging"),
            ("models/x/stg_a.sql", "staging"),
            ("models/base/a.sql", "base"),
            ("models/staging/tmp/a.sql", "base"),
            ("models/x/base_a.sql", "base"),
            ("models/intermediate/a.sql", "intermediate"),
            ("models/x/int_a.sql", "intermediate"),
            ("models/marts/a.sql", "marts"),
            ("models/x/fct_a.sql", "marts"),
            ("models/x/dim_a.sql", "marts"),
            ("models/x/mart_a.sql", "marts"),
            ("models/applications/a.sql", "applications"),
            ("models/reports/a.sql", "reports"),
            ("models/utilities/a.sql", "utilities"),
            ("models/utils/a.sql", "utilities"),
        ] {
            assert_eq!(layer_at(path).as_deref(), Some(layer), "{path}");
        }
    }

    #[test]
    fn the_customary_layers_read_what_they_are_known_to_read() {
        let all: Vec<Layer> = customary();
        let reads = |name: &str, other: &str| {
            let layer = all.iter().find(|layer| layer.name == name).unwrap();
            layer.reads.contains(&Read::Layer(other.to_owned()))
        };
        let names: Vec<&str> = all.iter().map(|layer| layer.name.as_str()).collect();
        let mut table: Vec<String> = Vec::new();
        for name in &names {
            let others: Vec<&str> = names.iter().copied().filter(|other| reads(name, other)).collect();
            let sources = all.iter().any(|layer| layer.name == *name && Layout::reads_sources(layer));
            table.push(format!("{name}: {}{}", others.join(" "), if sources { " source" } else { "" }));
        }
        assert_eq!(
            table,
            [
                "staging: base utilities source",
                "base: base utilities source",
                "intermediate: staging intermediate utilities",
                "marts: staging intermediate marts utilities",
                "applications: intermediate marts utilities",
                "reports: intermediate marts reports utilities",
                "utilities: staging base intermediate marts applications reports utilities source",
            ]
        );
    }

    #[test]
    fn layers_are_recognised_from_three_of_five_models_in_two_of_them() {
        let recognised = |paths: &[&str]| {
            let models: Vec<(&str, &str)> =
                paths.iter().map(|path| (*path, path.rsplit('/').next().unwrap().trim_end_matches(".sql"))).collect();
            recognised_of(models.into_iter()).into_iter().collect::<Vec<_>>()
        };
        let three = ["models/staging/a.sql", "models/staging/b.sql", "models/marts/c.sql"];
        assert_eq!(recognised(&[&three[..], &["models/d.sql", "models/e.sql"]].concat()), ["marts", "staging"]);
        assert!(recognised(&[&three[..], &["models/d.sql", "models/e.sql", "models/f.sql"]].concat()).is_empty());
        assert!(recognised(&["models/staging/a.sql", "models/staging/b.sql"]).is_empty());
        assert!(recognised(&[]).is_empty());
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
        let layers = vec![Layer { folders: vec!["gold".to_owned()], ..Layer::new("marts", Vec::new()) }];
        let layout = Layout { layers, tenants: vec!["north".to_owned()], ..Layout::default() };
        let place = |path: &str| place_by_pattern(&pattern, &layout, path);
        let all = place("models/north/staging/crm/deep/stg_a.sql");
        assert_eq!(all.tenant.as_deref(), Some("north"));
        assert_eq!(all.layer.as_deref(), Some("staging"));
        assert_eq!(all.domain.as_deref(), Some("crm"));
        assert_eq!(all.layer_folder.as_deref(), Some("models/north/staging"));
        assert_eq!(place("models/north/marts/a.sql").layer.as_deref(), Some("marts"));
        assert_eq!(place("models/north/gold/a.sql").layer.as_deref(), Some("marts"));
        assert_eq!(place("models/a.sql"), Place::default());
        assert_eq!(place("models/west/staging/a.sql"), Place::default());
    }

    #[test]
    fn stated_layers_without_a_pattern_are_their_folders_and_prefixes() {
        let gold = Layer { prefixes: vec!["g_".to_owned(), "g_raw_".to_owned()], ..Layer::new("gold", Vec::new()) };
        let raw = Layer { prefixes: vec!["g_raw_x_".to_owned()], ..Layer::new("raw", Vec::new()) };
        let layout = Layout { layers: vec![raw, gold], ..Layout::default() };
        let place = place_by_names(&layout, "models/gold/raw/crm/a.sql", "a");
        assert_eq!((place.layer.as_deref(), place.below_layer.as_deref()), (Some("raw"), Some("crm")));
        assert_eq!(place.layer_folder.as_deref(), Some("models/gold/raw"));
        assert_eq!(place_by_names(&layout, "models/silver/a.sql", "a"), Place::default());
        let by_prefix = |name: &str| place_by_names(&layout, "models/silver/a.sql", name);
        assert_eq!(by_prefix("g_a"), Place { layer: Some("gold".into()), ..Place::default() });
        assert_eq!(by_prefix("g_raw_x_a").layer.as_deref(), Some("raw"));
    }

    #[test]
    fn the_customary_table_names_only_layers_that_are_there() {
        let layers = customary_layers(&BTreeSet::from(["marts".to_owned(), "staging".to_owned()]));
        let marts = layers.iter().find(|layer| layer.name == "marts").unwrap();
        assert_eq!(marts.reads, [Read::Layer("staging".to_owned()), Read::Layer("marts".to_owned())]);
    }
}
