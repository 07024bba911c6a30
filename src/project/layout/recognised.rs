//! The layers of a project that states none, from the paths and names of its models alone.

use super::words::{
    APPLICATIONS, BASE, CUSTOMS, Custom, HUB_PREFIXES, HUBS, INTERMEDIATE, LINK_PREFIXES, LINKS_AND_SATELLITES, MARTS,
    RAW_VAULT, REPORTS, STAGING, Spelled, Trust, UTILITIES, UTILITY_FOLDERS, custom_of, custom_of_name, is_at_the_end,
};
use super::{Layout, Order, layer_of};
use crate::db::settings::{Layer, Read};
use std::collections::{BTreeMap, BTreeSet};

/// A model's path and name.
pub(super) type Model<'n> = (&'n str, &'n str);

/// How many of a hundred models must stand in layers for these to be recognised.
const PLACED: usize = 60;
/// More folders beside one called `base` than these are no layers, but what a source is made of.
const FEW_FOLDERS: usize = 8;
/// Prefixes that say so by themselves; any other must be borne by some models.
const SURE_PREFIXES: [&str; 4] = [STAGING, BASE, INTERMEDIATE, MARTS];
const FEWEST_PREFIXED: usize = 3;
/// Networks that stand beside one called `base`.
const NETWORKS: [&str; 8] =
    ["ethereum", "arbitrum", "optimism", "polygon", "avalanche", "solana", "bsc", "avalanche_c"];

/// Layers known by custom; nothing unless most models stand in one, and in more than one.
pub(super) fn recognise(models: &[Model<'_>]) -> Layout {
    let tree = FolderTree::of(models);
    let found = Found::of(&tree, models);
    let layout = found.layout();
    let mut present: BTreeMap<String, usize> = BTreeMap::new();
    for (path, name) in models {
        if let Some((layer, _)) = layer_of(&layout, path, name) {
            *present.entry(layer.name.clone()).or_default() += 1;
        }
    }
    let placed: usize = present.values().sum();
    let layers = present.keys().filter(|name| *name != UTILITIES).count();
    if layers < 2 || placed * 100 < models.len() * PLACED {
        return Layout::default();
    }
    found.allowed(layout, &present, &tree)
}

/// The folders models stand in.
struct FolderTree<'n> {
    models: usize,
    /// How many models lie below a folder, by its path.
    below: BTreeMap<&'n str, usize>,
    /// The folders directly in a folder, by its path; `""` holds the paths' first folders.
    children: BTreeMap<&'n str, BTreeSet<&'n str>>,
}

impl<'n> FolderTree<'n> {
    fn of(models: &[Model<'n>]) -> Self {
        let mut tree = Self { models: models.len(), below: BTreeMap::new(), children: BTreeMap::new() };
        for (path, _) in models {
            let mut parent = "";
            for (end, _) in path.match_indices('/') {
                let folder = &path[..end];
                *tree.below.entry(folder).or_default() += 1;
                tree.children.entry(parent).or_default().insert(name_of(folder));
                parent = folder;
            }
        }
        tree
    }

    fn below(&self, parent: &str, name: &str) -> usize {
        let path = if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") };
        self.below.get(path.as_str()).copied().unwrap_or_default()
    }

    fn names(&self) -> BTreeSet<&'n str> {
        self.children.values().flatten().copied().collect()
    }
}

fn name_of(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}

/// A layer that may be there.
#[derive(Debug, Default)]
struct Candidate {
    folders: BTreeSet<String>,
    prefixes: BTreeSet<String>,
    custom: Option<&'static Custom>,
    /// The number its folder bears, where numbers tell the order.
    number: Option<u32>,
}

#[derive(Debug, Default)]
struct Found {
    candidates: BTreeMap<String, Candidate>,
    trust: BTreeMap<String, Trust>,
    apart: BTreeSet<String>,
}

impl Found {
    fn of(tree: &FolderTree<'_>, models: &[Model<'_>]) -> Self {
        let spelled: BTreeMap<&str, Spelled> = tree.names().into_iter().map(|name| (name, Spelled::of(name))).collect();
        let mut known: BTreeMap<&str, (&'static Custom, Trust)> =
            spelled.iter().filter_map(|(name, spelled)| Some((*name, custom_of(&spelled.words)?))).collect();
        known.retain(|name, (custom, _)| custom.name != BASE || !is_network(tree, name, models));
        let is_utility = |name: &str| {
            let words = spelled.get(name).map(|spelled| spelled.words.join("_")).unwrap_or_default();
            UTILITY_FOLDERS.contains(&words.as_str())
        };
        let weak = accepted(tree, &known, &is_utility);
        let vault = vault_folders(tree, &spelled);
        let mut found = Self::default();
        let (numbers, apart) = numbers(tree, &spelled, &known);
        found.apart = apart;
        for (name, spelled) in &spelled {
            let number = numbers.get(name).copied();
            if is_utility(name) {
                found.folder(UTILITIES, name, None, Trust::Outer, None);
            } else if vault.contains(name) {
                let custom = CUSTOMS.iter().find(|custom| custom.name == RAW_VAULT);
                found.folder(RAW_VAULT, name, custom, Trust::Outer, None);
            } else if let Some((custom, trust)) = known.get(name) {
                let is_several = |(other, number): (&&str, &u32)| {
                    known.get(*other).is_some_and(|(own, _)| own.name == custom.name)
                        && numbers.get(name) != Some(number)
                };
                if number.is_some() && numbers.iter().any(is_several) {
                    found.folder(&name.to_lowercase(), name, Some(*custom), Trust::Clear, number);
                } else if number.is_some() || *trust != Trust::Weak || weak.contains(name) {
                    let trust = if number.is_some() { Trust::Clear } else { *trust };
                    found.folder(custom.name, name, Some(*custom), trust, number);
                }
            } else if number.is_some() {
                let word = spelled.words.join("_");
                let is_shared = numbers.keys().filter(|other| spelled_like(other, &word)).count() > 1;
                let own = if word.is_empty() || is_shared { name.to_lowercase() } else { word };
                found.folder(&own, name, None, Trust::Clear, number);
            }
        }
        found.prefixes(models, is_base_excluded(&known, &spelled));
        found
    }

    fn folder(
        &mut self,
        layer: &str,
        folder: &str,
        custom: Option<&'static Custom>,
        trust: Trust,
        number: Option<u32>,
    ) {
        let candidate = self.candidates.entry(layer.to_owned()).or_default();
        candidate.folders.insert(folder.to_owned());
        candidate.custom = candidate.custom.or(custom);
        candidate.number = candidate.number.or(number);
        if trust != Trust::Clear {
            self.trust.insert(folder.to_owned(), trust);
        }
    }

    fn prefixes(&mut self, models: &[Model<'_>], is_base_excluded: bool) {
        let begins =
            |name: &str, prefixes: &[&str]| prefixes.iter().any(|prefix| name.to_lowercase().starts_with(prefix));
        let has = |prefixes: &[&str]| models.iter().any(|(_, name)| begins(name, prefixes));
        let has_vault = has(&HUB_PREFIXES) && has(&LINK_PREFIXES);
        let mut seen: BTreeMap<&'static str, (usize, BTreeSet<&str>)> = BTreeMap::new();
        for (_, name) in models {
            if let Some((custom, prefix)) = custom_of_name(name, has_vault) {
                let (count, spelled) = seen.entry(custom).or_default();
                *count += 1;
                spelled.insert(prefix);
            }
        }
        for (name, (count, spelled)) in seen {
            let is_sure = SURE_PREFIXES.contains(&name) || has_vault && name == RAW_VAULT;
            let is_borne = count >= FEWEST_PREFIXED && count * 20 >= models.len();
            if !is_sure && !is_borne || name == BASE && is_base_excluded {
                continue;
            }
            let custom = CUSTOMS.iter().find(|custom| custom.name == name);
            let candidate = self.candidates.entry(name.to_owned()).or_default();
            candidate.custom = candidate.custom.or(custom);
            candidate.prefixes.extend(spelled.into_iter().map(str::to_owned));
            candidate.prefixes.extend(custom.into_iter().flat_map(|custom| custom.prefixes).map(|it| (*it).to_owned()));
        }
    }

    /// Places and order; what may be read is not known yet.
    fn layout(&self) -> Layout {
        let mut layers: Vec<(usize, Layer)> = self
            .candidates
            .iter()
            .map(|(name, candidate)| {
                let at = CUSTOMS.iter().position(|custom| candidate.custom.is_some_and(|own| own.name == custom.name));
                let at = candidate.number.map_or(at.unwrap_or(CUSTOMS.len()) + 1000, |number| number as usize);
                let folders = candidate.folders.iter().cloned().collect();
                let prefixes = candidate.prefixes.iter().cloned().collect();
                (at, Layer { folders, prefixes, ..Layer::new(name, Vec::new()) })
            })
            .collect();
        layers.sort_by(|one, other| (one.0, &one.1.name).cmp(&(other.0, &other.1.name)));
        let mut order = Order::new();
        for (name, candidate) in &self.candidates {
            for (other, later) in &self.candidates {
                if candidate.is_before(later) {
                    order.insert((name.clone(), other.clone()));
                }
            }
        }
        let layers = layers.into_iter().map(|(_, layer)| layer).collect();
        Layout {
            layers,
            order: order.clone(),
            nesting: order,
            trust: self.trust.clone(),
            apart: self.apart.clone(),
            ..Layout::default()
        }
    }

    /// The layout of the layers that are there, with what they may read: in doubt, they may.
    fn allowed(&self, mut layout: Layout, present: &BTreeMap<String, usize>, tree: &FolderTree<'_>) -> Layout {
        let mut doubtful = nested_the_other_way(&layout, tree);
        doubtful.extend(apart_on_the_ground(&layout, tree));
        layout.layers.retain(|layer| present.contains_key(&layer.name));
        let is_there = |name: &str| present.contains_key(name);
        layout.order.retain(|pair| is_there(&pair.0) && is_there(&pair.1) && !doubtful.contains(pair));
        let names: Vec<String> = layout.layers.iter().map(|layer| layer.name.clone()).collect();
        let has_ground = names.iter().any(|name| GROUND.contains(&name.as_str()));
        for layer in &mut layout.layers {
            let own = layer.name.clone();
            let may_read = |other: &&String| {
                let is_numbered = self.is_numbered(&own) || self.is_numbered(other);
                !layout.order.contains(&(own.clone(), (*other).clone()))
                    && (is_numbered || !is_against_custom(&own, other, &is_there))
            };
            let others = names.iter().filter(|other| **other != UTILITIES).filter(may_read);
            layer.reads = others.map(|other| Read::Layer(other.clone())).collect();
            if own == UTILITIES {
                layer.reads.push(Read::Source);
                continue;
            }
            if !has_ground || !ABOVE_GROUND.contains(&own.as_str()) {
                layer.reads.extend([Read::Source, Read::Seed]);
            }
            if is_there(UTILITIES) {
                layer.reads.push(Read::Layer(UTILITIES.to_owned()));
            }
        }
        layout
    }

    fn is_numbered(&self, layer: &str) -> bool {
        self.candidates.get(layer).is_some_and(|candidate| candidate.number.is_some())
    }
}

impl Candidate {
    fn is_before(&self, other: &Self) -> bool {
        match (self.number, other.number) {
            (Some(own), Some(other)) => own < other,
            _ => self.custom.zip(other.custom).is_some_and(|(own, other)| own.is_before(other)),
        }
    }
}

/// Layers that stand on sources, and those that do not where one of these is there.
const GROUND: [&str; 8] = ["raw", "landing", "input", "ods", "bronze", "sources", BASE, STAGING];
const ABOVE_GROUND: [&str; 8] =
    [INTERMEDIATE, MARTS, APPLICATIONS, REPORTS, "gold", "platinum", "presentation", "reporting"];

/// What people agree that a layer does not read, though it comes later or is its own.
fn is_against_custom(layer: &str, other: &str, is_there: &dyn Fn(&str) -> bool) -> bool {
    let is_top = layer == APPLICATIONS || layer == REPORTS;
    match other {
        STAGING if is_top => is_there(INTERMEDIATE) || is_there(MARTS),
        STAGING => layer == STAGING,
        BASE => (is_top || layer == INTERMEDIATE || layer == MARTS) && is_there(STAGING),
        APPLICATIONS => is_top,
        REPORTS => layer == APPLICATIONS,
        _ => false,
    }
}

/// Whether `base` is the name of one network among others, or of one of a source's many folders.
fn is_network(tree: &FolderTree<'_>, name: &str, models: &[Model<'_>]) -> bool {
    tree.children.iter().filter(|(_, children)| children.contains(name)).any(|(parent, children)| {
        if children.iter().any(|child| NETWORKS.contains(&child.to_lowercase().as_str())) {
            return true;
        }
        let folder = format!("{parent}/{name}/");
        let own = models.iter().filter(|(path, _)| path.starts_with(&folder));
        let says_so = |name: &str| name.contains("base_") || name.contains("_tmp") || name.contains("_base");
        children.len() > FEW_FOLDERS && own.filter(|(_, name)| !says_so(name)).count() * 2 > tree.below(parent, name)
    })
}

/// Whether folders called `base` are something else here, and so are models' prefixes.
fn is_base_excluded(known: &BTreeMap<&str, (&'static Custom, Trust)>, spelled: &BTreeMap<&str, Spelled>) -> bool {
    spelled.iter().any(|(name, own)| own.words == [BASE] && !known.contains_key(name))
}

/// The folders whose words say little, and that stand beside layers and hardly anything else.
fn accepted<'n>(
    tree: &FolderTree<'n>,
    known: &BTreeMap<&str, (&'static Custom, Trust)>,
    is_utility: &dyn Fn(&str) -> bool,
) -> BTreeSet<&'n str> {
    let mut accepted = BTreeSet::new();
    for (parent, children) in &tree.children {
        let customs = |is_weak: bool| -> BTreeSet<&str> {
            let known = children.iter().filter_map(|child| known.get(child));
            known.filter(|(_, trust)| (*trust == Trust::Weak) == is_weak).map(|(custom, _)| custom.name).collect()
        };
        let (strong, weak) = (customs(false), customs(true));
        let models = |wanted: &dyn Fn(&str) -> bool| -> usize {
            children.iter().filter(|child| wanted(child)).map(|child| tree.below(parent, child)).sum()
        };
        let all = models(&|_| true);
        let other = models(&|child| !known.contains_key(child) && !is_utility(child));
        let telling = weak.iter().filter(|name| has_clear_word(name)).count();
        if (!strong.is_empty() || telling >= 2 || weak.len() >= 3) && other * 3 <= all {
            accepted.extend(children.iter().filter(|child| known.contains_key(*child)));
        }
    }
    accepted
}

/// Whether some word says by itself that a folder is this layer.
fn has_clear_word(layer: &str) -> bool {
    CUSTOMS.iter().any(|custom| custom.name == layer && !custom.clear.is_empty())
}

/// Folders of hubs, links and satellites that stand beside each other.
fn vault_folders<'n>(tree: &FolderTree<'n>, spelled: &BTreeMap<&str, Spelled>) -> BTreeSet<&'n str> {
    let is_one_of = |child: &str, words: &[&str]| {
        let own = spelled.get(child).and_then(|spelled| spelled.words.last());
        own.is_some_and(|word| words.contains(&word.as_str()))
    };
    let mut found = BTreeSet::new();
    for children in tree.children.values() {
        let has = |words: &[&str]| children.iter().any(|child| is_one_of(child, words));
        if has(&HUBS) && has(&LINKS_AND_SATELLITES) {
            let all = [&HUBS[..], &LINKS_AND_SATELLITES[..]].concat();
            found.extend(children.iter().filter(|child| is_one_of(child, &all)));
        }
    }
    found
}

/// The numbers of the folders at one depth that most models stand in, where nearly all of these bear one.
/// Beside folders that are known by their words, one of another word counts only before the end of the flow; those that do
/// not count are given as well.
fn numbers<'n>(
    tree: &FolderTree<'n>,
    spelled: &BTreeMap<&str, Spelled>,
    known: &BTreeMap<&str, (&'static Custom, Trust)>,
) -> (BTreeMap<&'n str, u32>, BTreeSet<String>) {
    let mut by_depth: BTreeMap<usize, (usize, BTreeMap<&'n str, u32>)> = BTreeMap::new();
    for (parent, children) in &tree.children {
        let depth = if parent.is_empty() { 0 } else { parent.split('/').count() };
        for child in children {
            if let Some(number) = spelled.get(child).and_then(|spelled| spelled.number) {
                let (models, numbers) = by_depth.entry(depth).or_default();
                *models += tree.below(parent, child);
                numbers.insert(child, number);
            }
        }
    }
    let is_order = |models: usize, numbers: &BTreeMap<&str, u32>| {
        models * 100 >= tree.models * PLACED && numbers.values().collect::<BTreeSet<_>>().len() >= 2
    };
    let Some((_, mut numbers)) = by_depth.into_values().find(|(models, numbers)| is_order(*models, numbers)) else {
        return (BTreeMap::new(), BTreeSet::new());
    };
    let mut apart = BTreeSet::new();
    let named: BTreeSet<&str> = numbers.keys().filter_map(|name| known.get(name)).map(|(it, _)| it.name).collect();
    if named.len() >= 2 {
        let layers = numbers.iter().filter_map(|(name, number)| Some((*number, known.get(name)?.0.name)));
        let last = layers.max().map(|(number, name)| if is_at_the_end(name) { number } else { u32::MAX });
        numbers.retain(|name, number| {
            let is_layer = known.contains_key(name) || Some(*number) < last;
            if !is_layer {
                apart.insert((*name).to_owned());
            }
            is_layer
        });
    }
    (numbers, apart)
}

fn spelled_like(folder: &str, word: &str) -> bool {
    Spelled::of(folder).words.join("_") == word
}

/// The layers whose folders lie in a folder of a later layer: what comes first there, nobody can tell. A base
/// layer within staging is customary, and so are intermediate models of a mart beside those of all.
fn nested_the_other_way(layout: &Layout, tree: &FolderTree<'_>) -> Order {
    let own_layer = |folder: &str| layer_of(layout, &format!("{folder}/"), "");
    let mut found = Order::new();
    let mut has_own_intermediate = false;
    for path in tree.below.keys() {
        let Some((above, _)) = path.rsplit_once('/') else { continue };
        let Some((inner, depth)) = own_layer(path) else { continue };
        if depth != Some(above.split('/').count()) {
            continue;
        }
        let pair = own_layer(above).map(|(outer, _)| (inner.name.clone(), outer.name.clone()));
        let pair = pair.filter(|pair| layout.nesting.contains(pair));
        has_own_intermediate |= inner.name == INTERMEDIATE && pair.is_none();
        found.extend(pair);
    }
    found.retain(|(inner, _)| inner != BASE && !(inner == INTERMEDIATE && has_own_intermediate));
    found
}

/// Layers that stand on sources and nowhere beside each other: `projects/x/raw` may well read `staging`.
fn apart_on_the_ground(layout: &Layout, tree: &FolderTree<'_>) -> Order {
    let is_one_of = |layer: &str, children: &BTreeSet<&str>| {
        let folders = layout.layers.iter().filter(|own| own.name == layer).flat_map(|own| &own.folders);
        folders.into_iter().any(|folder| children.contains(folder.as_str()))
    };
    let is_ground = |layer: &String| GROUND.contains(&layer.as_str());
    let has_folders = |layer: &str| layout.layers.iter().any(|own| own.name == layer && !own.folders.is_empty());
    let is_apart = |(one, other): &&(String, String)| {
        is_ground(one)
            && is_ground(other)
            && !(one == BASE && other == STAGING)
            && has_folders(one)
            && has_folders(other)
            && !tree.children.values().any(|children| is_one_of(one, children) && is_one_of(other, children))
    };
    layout.order.iter().filter(is_apart).cloned().collect()
}

#[cfg(test)]
mod tests;
