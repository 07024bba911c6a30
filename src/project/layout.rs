//! What the place of a model's file means: its layer, domain and tenant.

mod recognised;
mod words;

use super::nodes::{Node, NodeKind, nodes_of_package};
use crate::db::Project;
use crate::db::settings::{Layer, Placeholder, Read, Segment};
use recognised::recognise;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use words::{BASE, INTERMEDIATE, RAW_VAULT, STAGING, Trust, UTILITIES, is_at_the_end};

/// Pairs of layers of which the first comes before the second in the flow.
pub type Order = BTreeSet<(String, String)>;

/// How places are read in this project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// As harness.yml states them, else the customary ones; empty where none can be recognised.
    pub layers: Vec<Layer>,
    /// What harness.yml says that folders mean.
    pub pattern: Option<Vec<Segment>>,
    pub tenants: Vec<String>,
    /// Which layers come before which others; of two that are in neither order nobody can tell.
    pub order: Order,
    /// The order of the customs, also of layers of which nobody can tell here.
    nesting: Order,
    /// The folders of recognised layers that do not count everywhere.
    trust: BTreeMap<String, Trust>,
    /// Folders that stand in the row of the layers and are none: no prefix makes their models one's.
    apart: BTreeSet<String>,
}

impl Layout {
    /// Layers whose folders stand where a pattern says.
    pub fn by_pattern(layers: Vec<Layer>, pattern: Vec<Segment>) -> Self {
        Self { layers, pattern: Some(pattern), ..Self::default() }
    }

    /// Whether a folder that is called like one layer by a word of many meanings is that layer within another.
    fn counts_within(&self, outer: &str, inner: &str) -> bool {
        match inner {
            UTILITIES => true,
            BASE => outer == STAGING,
            STAGING | INTERMEDIATE | RAW_VAULT => !self.nesting.contains(&(outer.to_owned(), inner.to_owned())),
            _ => false,
        }
    }

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
        true => terminal_of(layout(db)),
        false => stated,
    }
}

/// By custom, and all layers of an order that none comes after.
fn terminal_of(layout: &Layout) -> Vec<String> {
    if layout.layers.is_empty() {
        return Vec::new();
    }
    let is_last = |name: &str| {
        layout.order.iter().any(|(_, later)| later == name) && !layout.order.iter().any(|(earlier, _)| earlier == name)
    };
    let names = layout.layers.iter().map(|layer| layer.name.as_str());
    let last = names.filter(|name| is_last(name) || is_at_the_end(name));
    let mut found: Vec<String> = last.chain(TERMINAL).map(str::to_owned).collect();
    found.sort();
    found.dedup();
    found
}

#[salsa::tracked(returns(ref))]
pub fn layout(db: &dyn salsa::Database) -> Layout {
    let Some(project) = Project::try_get(db) else { return Layout::default() };
    let house = project.house_rules(db);
    let stated = Layout { pattern: house.paths.clone(), tenants: house.tenants.clone(), ..Layout::default() };
    if !house.layers.is_empty() {
        return Layout { layers: house.layers.clone(), order: order_of(&house.layers), ..stated };
    }
    let nodes = nodes_of_package(db, project.root(db));
    let models = nodes.iter().filter(|node| node.kind(db) == NodeKind::Model);
    let models: Vec<(&str, &str)> = models.map(|node| (&**node.file(db).package_path(db), &**node.name(db))).collect();
    Layout { pattern: stated.pattern, tenants: stated.tenants, ..recognise(&models) }
}

/// The order that stated layers have by what they read: a layer comes before those that read it, by way of
/// others too, if it reads none of these. One that may read all others, and they it, stands beside
/// the flow.
fn order_of(all: &[Layer]) -> Order {
    let may_read = |layer: &Layer, other: &Layer| layer.reads.contains(&Read::Layer(other.name.clone()));
    let is_beside = |layer: &&Layer| {
        let mut others = all.iter().filter(|other| other.name != layer.name);
        others.all(|other| may_read(layer, other) && may_read(other, layer))
    };
    let layers: Vec<&Layer> = all.iter().filter(|layer| !is_beside(layer)).collect();
    let mut read: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for layer in &layers {
        let mut seen = BTreeSet::new();
        let mut open = vec![layer.name.as_str()];
        while let Some(name) = open.pop() {
            let reads = layers.iter().filter(|other| other.name == name).flat_map(|layer| &layer.reads);
            let others = reads.filter_map(|read| match read {
                Read::Layer(other) => Some(other.as_str()),
                Read::Source | Read::Seed => None,
            });
            open.extend(others.filter(|other| seen.insert(*other)));
        }
        read.insert(&layer.name, seen);
    }
    let reads = |layer: &str, other: &str| read.get(layer).is_some_and(|read| read.contains(other));
    let pairs = layers.iter().flat_map(|one| layers.iter().map(move |other| (one, other)));
    pairs
        .filter(|(one, other)| reads(&other.name, &one.name) && !reads(&one.name, &other.name))
        .map(|(one, other)| (one.name.clone(), other.name.clone()))
        .collect()
}

/// The layer that the folders tell, with the depth of the folder, else the layer of the name's longest prefix.
/// Of several folders the deepest tells, as far as it counts there.
fn layer_of<'l>(layout: &'l Layout, path: &str, name: &str) -> Option<(&'l Layer, Option<usize>)> {
    let layers = &layout.layers;
    let folders = path.rsplit_once('/').map(|(folders, _)| folders).unwrap_or_default();
    let mut by_folder: Option<(&Layer, usize)> = None;
    for (depth, folder) in folders.split('/').enumerate() {
        let Some(layer) = layers.iter().find(|layer| layer.folders.iter().any(|own| own == folder)) else { continue };
        let counts = match (by_folder, layout.trust.get(folder)) {
            (None, _) | (Some(_), None | Some(Trust::Clear)) => true,
            (Some((outer, _)), Some(Trust::Outer)) => layout.counts_within(&outer.name, &layer.name),
            (Some(_), Some(Trust::Weak)) => false,
        };
        if counts {
            by_folder = Some((layer, depth));
        }
    }
    if by_folder.is_none() && folders.split('/').any(|folder| layout.apart.contains(folder)) {
        return None;
    }
    by_folder.map(|(layer, depth)| (layer, Some(depth))).or_else(|| {
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
    let Some((layer, depth)) = layer_of(layout, path, name) else { return Place::default() };
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
    fn the_last_layers_wait_for_no_reader() {
        let of = |paths: &[&str]| terminal_of(&recognise(&paths.iter().map(|path| (*path, "a")).collect::<Vec<_>>()));
        let all = |last: &[&str]| {
            let mut names: Vec<String> = TERMINAL.iter().chain(last).map(|name| (*name).to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(of(&["m/bronze/a.sql", "m/silver/a.sql", "m/gold/a.sql"]), all(&["gold"]));
        assert_eq!(of(&["m/staging/a.sql", "m/facts/a.sql", "m/dims/a.sql"]), all(&["dimensions", "facts"]));
        assert_eq!(of(&["m/L1_in/a.sql", "m/L2_on/a.sql", "m/L3_out/a.sql"]), all(&["out"]));
        assert!(of(&["m/a.sql"]).is_empty());
    }

    #[test]
    fn stated_layers_have_the_order_in_which_they_read_each_other() {
        let layer = |name: &str, reads: &[&str]| {
            Layer::new(name, reads.iter().map(|read| Read::Layer((*read).to_owned())).collect())
        };
        let layers = [
            layer("served", &["shaped", "tools"]),
            layer("taken", &["tools"]),
            layer("shaped", &["taken", "shaped", "tools"]),
            layer("tools", &["taken", "shaped", "served", "tools"]),
        ];
        let order = |layers: &[Layer]| -> Vec<String> {
            order_of(layers).iter().map(|(one, other)| format!("{one} {other}")).collect()
        };
        assert_eq!(order(&layers), ["shaped served", "taken served", "taken shaped"]);
        assert_eq!(order(&layers[..3]), order(&layers));
        let circle = [layer("one", &["other"]), layer("other", &["one"]), layer("last", &["one"])];
        assert_eq!(order(&circle), ["one last", "other last"]);
    }
}
