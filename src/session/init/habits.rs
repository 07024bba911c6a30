//! What a repo's own files show of its conventions: layers, the meaning of folders, how staging models
//! are built.

use super::flow::{Flow, flow};
use crate::db::settings::{Layer, Placeholder, Read, Segment};
use crate::project::layout::{Layout, layout, place_of};
use crate::project::nodes::{Node, NodeKind, is_enabled, nodes_of_package, unique_id};
use crate::relations::reads;
use crate::session::Session;
use crate::syntax::jinja::config_call::{ConfigCall, ConfigValue, config_calls};
use crate::syntax::sql::scan;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Habits {
    pub models: usize,
    /// Those that folders and prefixes show; none where they show none.
    pub layers: Vec<SeenLayer>,
    pub pattern: Option<Pattern>,
    /// Folders of models without a layer, most models first.
    pub unplaced: Vec<(String, usize)>,
    /// Where no layers are to be seen: the folders in the order in which they read each other.
    pub flow: Flow,
    pub staging: Option<SeenStaging>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeenLayer {
    pub layer: Layer,
    pub models: usize,
    /// Some models show their layer by their names alone.
    pub by_prefix: bool,
    /// Some stand in a folder that is not called like the layer.
    pub by_other_folder: bool,
    /// Layers that models of this one read though they may not, each with the number of edges.
    pub against: Vec<(String, usize)>,
}

/// What folders at one depth mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    pub text: String,
    /// It gives every model the layer that folders and prefixes give it.
    pub is_exact: bool,
    /// The folders that may be tenants, with the pattern that says so.
    pub tenants: Option<(Vec<String>, String)>,
}

/// The pattern that most staging models follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeenStaging {
    pub models: usize,
    pub ctes: Vec<String>,
    /// How many models have exactly these CTEs.
    pub follow: usize,
    /// Empty where most do not say one.
    pub materialized: String,
    pub tags: Vec<String>,
}

/// Fewer staging models than these show no pattern.
const FEWEST_STAGING: usize = 5;
/// More different folders than these are no tenants.
const MOST_TENANTS: usize = 8;
/// How many unplaced folders are named.
const UNPLACED_NAMED: usize = 6;

struct Model {
    id: Arc<str>,
    path: String,
    name: Arc<str>,
    layer: Option<Arc<str>>,
}

pub(super) fn observe(session: &Session) -> Habits {
    let db = &session.db;
    let own = layout(db);
    let nodes: Vec<Node<'_>> = nodes_of_package(db, session.project.root(db))
        .into_iter()
        .filter(|node| node.kind(db) == NodeKind::Model && is_enabled(db, *node))
        .collect();
    let models: Vec<Model> = nodes
        .iter()
        .map(|node| {
            let path = node.file(db).package_path(db).to_string();
            let layer = place_of(own, &path, node.name(db)).layer;
            Model { id: unique_id(db, *node).clone(), path, name: node.name(db).clone(), layer }
        })
        .collect();
    let edges: Vec<(&str, &str)> =
        reads::rows(db).iter().map(|(child, parent)| (&**child.text(db), &**parent.text(db))).collect();
    let sources: BTreeSet<&str> =
        crate::relations::reads_source::rows(db).iter().map(|(child, _)| &**child.text(db)).collect();
    let texts = nodes.iter().zip(&models).filter_map(|(node, model)| {
        own.layer(model.layer.as_deref()?).filter(|layer| Layout::reads_sources(layer))?;
        let below = place_of(own, &model.path, &model.name).below_layer.unwrap_or_default();
        crate::project::nodes::is_sql_path(&model.path).then(|| (node.file(db).content(db).text(), below))
    });
    let flow = if own.layers.is_empty() {
        let models: Vec<(&str, &str)> = models.iter().map(|model| (&*model.id, model.path.as_str())).collect();
        flow(&models, &edges, &sources)
    } else {
        Flow::default()
    };
    Habits {
        models: models.len(),
        layers: layers(own, &models, &edges),
        pattern: pattern(own, &models).or_else(|| pattern_of(&flow, &models)),
        unplaced: if own.layers.is_empty() { Vec::new() } else { unplaced(&models) },
        flow,
        staging: staging(texts),
    }
}

fn layers(layout: &Layout, models: &[Model], edges: &[(&str, &str)]) -> Vec<SeenLayer> {
    let layer_of: BTreeMap<&str, &str> =
        models.iter().filter_map(|model| Some((&*model.id, model.layer.as_deref()?))).collect();
    let mut pairs: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (child, parent) in edges {
        if let (Some(lower), Some(upper)) = (layer_of.get(child), layer_of.get(parent)) {
            *pairs.entry((lower, upper)).or_default() += 1;
        }
    }
    let seen = |layer: &Layer| {
        let own: Vec<&Model> = models.iter().filter(|model| model.layer.as_deref() == Some(&layer.name)).collect();
        let place = |model: &&&Model| place_of(layout, &model.path, &model.name);
        let folder = |model: &&Model| place(&model).layer_folder;
        let is_other = |folder: Arc<str>| folder.rsplit('/').next() != Some(&*layer.name);
        let may_read = |other: &str| layer.reads.contains(&Read::Layer(other.to_owned()));
        let mut against: Vec<(String, usize)> = pairs
            .iter()
            .filter(|((lower, upper), _)| *lower == layer.name && !may_read(upper))
            .map(|((_, upper), edges)| ((*upper).to_owned(), *edges))
            .collect();
        against.sort_by_key(|(name, edges)| (std::cmp::Reverse(*edges), name.clone()));
        SeenLayer {
            models: own.len(),
            by_prefix: own.iter().any(|model| folder(model).is_none()),
            by_other_folder: own.iter().filter_map(folder).any(is_other),
            against,
            layer: layer.clone(),
        }
    };
    let mut layers: Vec<SeenLayer> = layout.layers.iter().map(seen).filter(|seen| seen.models > 0).collect();
    // A layer whose models are all disabled is none that others could be said to read.
    let names: BTreeSet<String> = layers.iter().map(|seen| seen.layer.name.clone()).collect();
    for seen in &mut layers {
        seen.layer.reads.retain(|read| match read {
            Read::Layer(name) => names.contains(name),
            Read::Source | Read::Seed => true,
        });
    }
    layers
}

/// The pattern in which the layer's folder stands at the depth at which it stands for most models.
fn pattern(layout: &Layout, models: &[Model]) -> Option<Pattern> {
    let placed = models.iter().filter_map(|model| {
        let folder = place_of(layout, &model.path, &model.name).layer_folder?;
        Some((folder.split('/').count() - 1, model))
    });
    let placed: Vec<(usize, &Model)> = placed.collect();
    let depth = most_common(placed.iter().map(|(depth, _)| *depth)).map(|(depth, _)| depth)?;
    let at: Vec<&Model> = placed.iter().filter(|(own, _)| *own == depth).map(|(_, model)| *model).collect();
    if at.len() * 10 < models.len() * 6 {
        return None;
    }
    let folder = |model: &Model, index: usize| {
        let folders = model.path.rsplit_once('/').map(|(folders, _)| folders).unwrap_or_default();
        folders.split('/').nth(index).map(str::to_owned)
    };
    let mut segments = Vec::new();
    for index in 0..depth {
        let names: BTreeSet<Option<String>> = at.iter().map(|model| folder(model, index)).collect();
        segments.push(match (names.len(), names.into_iter().next().flatten()) {
            (1, Some(name)) => Segment::Literal(name),
            _ => Segment::Any,
        });
    }
    segments.push(Segment::Placeholder(Placeholder::Layer));
    let deeper = at.iter().filter(|model| folder(model, depth + 1).is_some()).count();
    if deeper * 10 >= at.len() * 6 {
        segments.push(Segment::Placeholder(Placeholder::Domain));
    }
    segments.push(Segment::Rest);
    // A folder that cannot be written into the pattern as it is cannot be stated.
    if segments.iter().any(|segment| matches!(segment, Segment::Literal(name) if name.contains(['{', '}', '*', '\\'])))
    {
        return None;
    }
    let stated = Layout::by_pattern(layout.layers.clone(), segments.clone());
    let is_exact = models.iter().all(|model| place_of(&stated, &model.path, &model.name).layer == model.layer);
    // Where folders mean different things at one depth, nobody can tell which of them are tenants.
    let free = segments.iter().position(|segment| *segment == Segment::Any).filter(|_| is_exact);
    let tenants = free.and_then(|index| {
        let mut layers: BTreeMap<String, BTreeSet<Option<&str>>> = BTreeMap::new();
        for model in &at {
            layers.entry(folder(model, index)?).or_default().insert(model.layer.as_deref());
        }
        let fits = (2..=MOST_TENANTS).contains(&layers.len()) && layers.values().all(|layers| layers.len() >= 2);
        let mut stated = segments.clone();
        stated[index] = Segment::Placeholder(Placeholder::Tenant);
        fits.then(|| (layers.into_keys().collect(), shown(&stated)))
    });
    Some(Pattern { text: shown(&segments), is_exact, tenants })
}

fn shown(segments: &[Segment]) -> String {
    let word = |segment: &Segment| match segment {
        Segment::Literal(name) => name.clone(),
        Segment::Placeholder(Placeholder::Tenant) => "{tenant}".to_owned(),
        Segment::Placeholder(Placeholder::Layer) => "{layer}".to_owned(),
        Segment::Placeholder(Placeholder::Domain) => "{domain}".to_owned(),
        Segment::Any => "*".to_owned(),
        Segment::Rest => "**".to_owned(),
    };
    segments.iter().map(word).collect::<Vec<_>>().join("/")
}

fn unplaced(models: &[Model]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for model in models.iter().filter(|model| model.layer.is_none()) {
        let folder = model.path.rsplit_once('/').map(|(folder, _)| folder).unwrap_or_default();
        *counts.entry(folder).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    counts.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), name.clone()));
    counts.truncate(UNPLACED_NAMED);
    counts
}

/// The pattern by which the folders of a flow are layers, where their names alone are not enough: some stand elsewhere
/// as well.
fn pattern_of(flow: &Flow, models: &[Model]) -> Option<Pattern> {
    let folders = |model: &Model| -> Vec<String> {
        let folders = model.path.rsplit_once('/').map(|(folders, _)| folders).unwrap_or_default();
        folders.split('/').map(str::to_owned).collect()
    };
    let is_one = |name: &String| flow.folders.iter().any(|folder| folder.name == *name);
    let is_elsewhere = |model: &Model| {
        let folders = folders(model);
        folders.iter().enumerate().any(|(depth, name)| depth != flow.depth && is_one(name))
    };
    if !flow.is_clear || !models.iter().any(is_elsewhere) {
        return None;
    }
    let mut segments: Vec<Segment> = (0..flow.depth)
        .map(|depth| {
            let mut names: BTreeSet<Option<String>> = BTreeSet::new();
            names.extend(models.iter().map(|model| folders(model).into_iter().nth(depth)));
            match (names.len(), names.into_iter().next().flatten()) {
                (1, Some(name)) if !name.contains(['{', '}', '*', '\\']) => Segment::Literal(name),
                _ => Segment::Any,
            }
        })
        .collect();
    segments.extend([Segment::Placeholder(Placeholder::Layer), Segment::Rest]);
    Some(Pattern { text: shown(&segments), is_exact: true, tenants: None })
}

/// The pattern of most of these texts; each with the folder below its layer's.
fn staging<'t>(texts: impl Iterator<Item = (&'t str, Arc<str>)>) -> Option<SeenStaging> {
    let mut lists: Vec<Vec<String>> = Vec::new();
    let mut materialized: Vec<String> = Vec::new();
    let mut tags: Vec<Vec<String>> = Vec::new();
    for (text, source) in texts {
        lists.push(scan(text).ctes.iter().map(|cte| cte.name.to_lowercase()).collect());
        let calls = config_calls(text);
        materialized.extend(stated(&calls, "materialized").into_iter().last());
        let own: Vec<String> = stated(&calls, "tags");
        if !own.is_empty() {
            let of_source = |tag: String| if *tag == *source { "{source}".to_owned() } else { tag };
            tags.push(own.into_iter().map(of_source).collect());
        }
    }
    let models = lists.len();
    let is_most = |count: usize| count * 2 > models;
    let (ctes, follow) = most_common(lists.into_iter())?;
    if models < FEWEST_STAGING || ctes.is_empty() || !is_most(follow) {
        return None;
    }
    let materialized = most_common(materialized.into_iter()).filter(|(_, count)| is_most(*count));
    let tags = most_common(tags.into_iter()).filter(|(_, count)| is_most(*count));
    // A tag that looks like a placeholder could not be stated.
    let tags = tags
        .map(|(tags, _)| tags)
        .filter(|tags| tags.iter().all(|tag| !tag.replace("{source}", "").contains(['{', '}'])));
    Some(SeenStaging {
        models,
        ctes,
        follow,
        materialized: materialized.map(|(value, _)| value).unwrap_or_default(),
        tags: tags.unwrap_or_default(),
    })
}

/// The texts that the config calls of a file give a setting.
fn stated(calls: &[ConfigCall], name: &str) -> Vec<String> {
    let text = |value: &ConfigValue| match value {
        ConfigValue::Str(text) => Some(text.to_string()),
        _ => None,
    };
    let args = calls.iter().flat_map(|call| &call.args).filter(|arg| &*arg.name == name);
    args.flat_map(|arg| match &arg.value {
        ConfigValue::List(items) => items.iter().filter_map(|(_, item)| text(item)).collect(),
        value => text(value).into_iter().collect::<Vec<_>>(),
    })
    .collect()
}

/// The most frequent of some values, with how often it is there; of equals the smallest.
fn most_common<T: Ord + Hash>(values: impl Iterator<Item = T>) -> Option<(T, usize)> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count)
}
