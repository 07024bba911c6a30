//! The order that folders have by how their models read each other, where no custom tells layers.

use std::collections::{BTreeMap, BTreeSet};

/// A model's id and path.
pub(super) type Model<'m> = (&'m str, &'m str);

/// Folders at one depth, those first that others read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Flow {
    /// How many folders stand above, the resource path's own among them.
    pub depth: usize,
    pub folders: Vec<Folder>,
    /// The edges from one of the folders to another, and those of them that run along the order.
    pub edges: usize,
    pub along: usize,
    /// The order says enough to be stated.
    pub is_clear: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Folder {
    pub name: String,
    pub models: usize,
    pub reads_sources: bool,
    /// What its models may read, in the order of the flow: itself and all that does not read it, by way of others too.
    pub reads: Vec<String>,
    /// The later folders its models read, each with the number of edges.
    pub against: Vec<(String, usize)>,
}

/// How many of a hundred edges must run one way.
const ALONG: usize = 90;
/// Fewer edges than these say nothing.
const FEWEST_EDGES: usize = 5;
/// How many of a hundred of all edges must lead from one of the folders to another; where most stay within, the
/// folders are domains.
const CROSSING: usize = 25;
/// How many of a hundred models must stand in the folders.
const COVERED: usize = 60;
/// More folders than these are no layers.
const MOST_FOLDERS: usize = 16;
/// Deeper folders are not looked at.
const DEEPEST: usize = 5;
/// The order of more folders than these is not looked for.
const MOST_ORDERED: usize = 80;

/// The folders at the depth that tells most: clear ones first, then where most edges lead from one to another; but
/// the first folders of the paths if they are clear and join half as many.
pub(super) fn flow(models: &[Model<'_>], edges: &[(&str, &str)], sources: &BTreeSet<&str>) -> Flow {
    let found = (0..DEEPEST).map(|depth| at_depth(depth, models, edges, sources));
    let found = found.filter(|flow| (2..=MOST_FOLDERS).contains(&flow.folders.len()));
    let found: Vec<Flow> = found.collect();
    let most = found.iter().filter(|flow| flow.is_clear).map(|flow| flow.edges).max().unwrap_or_default();
    let first = found.iter().find(|flow| flow.is_clear && flow.edges * 2 >= most);
    first.or_else(|| found.iter().rev().max_by_key(|flow| flow.edges)).cloned().unwrap_or_default()
}

fn at_depth(depth: usize, models: &[Model<'_>], edges: &[(&str, &str)], sources: &BTreeSet<&str>) -> Flow {
    let mut folder_of: BTreeMap<&str, &str> = BTreeMap::new();
    for (id, path) in models {
        let folders = path.rsplit_once('/').map(|(folders, _)| folders).unwrap_or_default();
        if let Some(folder) = folders.split('/').nth(depth).filter(|folder| !folder.is_empty()) {
            folder_of.insert(id, folder);
        }
    }
    let mut pairs: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut all = 0;
    for (child, parent) in edges {
        let (own, other) = (folder_of.get(child), folder_of.get(parent));
        all += 1;
        if let (Some(own), Some(other)) = (own, other)
            && own != other
        {
            *pairs.entry((own, other)).or_default() += 1;
        }
    }
    let mut names: Vec<&str> = folder_of.values().copied().collect::<BTreeSet<_>>().into_iter().collect();
    // What neither reads the others nor is read by them has no order; it is listed only where all is a guess.
    let is_joined = |name: &str| pairs.keys().any(|(own, other)| *own == name || *other == name);
    if names.iter().any(|name| is_joined(name)) {
        names.retain(|name| is_joined(name));
    }
    let reads_sources = |name: &str| folder_of.iter().any(|(id, folder)| *folder == name && sources.contains(id));
    if names.len() <= MOST_ORDERED {
        let mut weights = vec![vec![0; names.len()]; names.len()];
        let at: BTreeMap<&str, usize> = names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
        for ((own, other), edges) in &pairs {
            if let (Some(own), Some(other)) = (at.get(own), at.get(other)) {
                weights[*own][*other] = *edges;
            }
        }
        names = order(&weights).into_iter().map(|at| names[at]).collect();
    }
    let position: BTreeMap<&str, usize> = names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
    let is_along = |own: &str, other: &str| position.get(other) < position.get(own);
    let edges: usize = pairs.values().sum();
    let along = pairs.iter().filter(|((own, other), _)| is_along(own, other)).map(|(_, edges)| edges).sum();
    let stand_on = ground(&names, &|own, other| is_along(own, other) && pairs.contains_key(&(own, other)));
    let folders: Vec<Folder> = names
        .iter()
        .map(|name| {
            let mut against: Vec<(String, usize)> = pairs
                .iter()
                .filter(|((own, other), _)| own == name && !is_along(own, other))
                .map(|((_, other), edges)| ((*other).to_owned(), *edges))
                .collect();
            against.sort_by_key(|(name, edges)| (std::cmp::Reverse(*edges), name.clone()));
            Folder {
                name: (*name).to_owned(),
                models: folder_of.values().filter(|folder| *folder == name).count(),
                reads_sources: reads_sources(name),
                reads: names
                    .iter()
                    .filter(|other| !stand_on.get(*other).is_some_and(|all| all.contains(name)))
                    .map(|other| (*other).to_owned())
                    .collect(),
                against,
            }
        })
        .collect();
    let covered: usize = folders.iter().map(|folder| folder.models).sum();
    let is_clear = folders.len() >= 2
        && edges >= FEWEST_EDGES
        && along * 100 >= edges * ALONG
        && edges * 100 >= all * CROSSING
        && covered * 100 >= models.len() * COVERED;
    Flow { depth, folders, edges, along, is_clear }
}

/// What each of some folders stands on, by way of others too; the folders come in order, so that what a folder reads
/// was looked at before.
fn ground<'f>(names: &[&'f str], reads: &dyn Fn(&str, &str) -> bool) -> BTreeMap<&'f str, BTreeSet<&'f str>> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (at, name) in names.iter().enumerate() {
        let mut own = BTreeSet::new();
        for other in names.iter().take(at).filter(|other| reads(name, other)) {
            own.insert(*other);
            own.extend(all.get(other).into_iter().flatten());
        }
        all.insert(name, own);
    }
    all
}

/// An order in which few edges run against it: `weights[child][parent]` are edges, and parents come first. What has
/// no reason to stand elsewhere keeps the order it had.
fn order(weights: &[Vec<usize>]) -> Vec<usize> {
    let mut rest: Vec<usize> = (0..weights.len()).collect();
    let (mut first, mut last) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let reads = |node: usize, rest: &[usize]| rest.iter().map(|other| weights[node][*other]).sum::<usize>();
        let is_read = |node: usize, rest: &[usize]| rest.iter().map(|other| weights[*other][node]).sum::<usize>();
        // What reads nothing comes first, what nothing reads last, else what is read most for what it reads.
        let at = if let Some(at) = rest.iter().position(|node| reads(*node, &rest) == 0) {
            first.push(rest[at]);
            at
        } else if let Some(at) = rest.iter().rposition(|node| is_read(*node, &rest) == 0) {
            last.push(rest[at]);
            at
        } else {
            let gain = |node: usize| is_read(node, &rest) as i64 - reads(node, &rest) as i64;
            let best = rest.iter().enumerate().rev().max_by_key(|(_, node)| gain(**node));
            let at = best.map(|(at, _)| at).unwrap_or_default();
            first.push(rest[at]);
            at
        };
        rest.remove(at);
    }
    first.extend(last.into_iter().rev());
    improved(first, weights)
}

/// The order with each node moved to where fewer edges run against it, as long as that helps.
fn improved(mut order: Vec<usize>, weights: &[Vec<usize>]) -> Vec<usize> {
    const ROUNDS: usize = 20;
    for _ in 0..ROUNDS {
        let mut is_better = false;
        for from in 0..order.len() {
            let node = order[from];
            // What moving the node past its neighbors changes, one neighbor at a time.
            let (mut best, mut to) = (0, from);
            let mut change = 0;
            for (at, other) in order.iter().enumerate().skip(from + 1) {
                change += weights[*other][node] as i64 - weights[node][*other] as i64;
                if change < best {
                    (best, to) = (change, at);
                }
            }
            change = 0;
            for (at, other) in order.iter().enumerate().take(from).rev() {
                change += weights[node][*other] as i64 - weights[*other][node] as i64;
                if change < best {
                    (best, to) = (change, at);
                }
            }
            if to != from {
                order.remove(from);
                order.insert(to, node);
                is_better = true;
            }
        }
        if !is_better {
            break;
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `child > parent` by folder and number: `b1 > a1`.
    fn flow_of(paths: &[&str], edges: &[(&str, &str)]) -> Flow {
        let models: Vec<Model<'_>> = paths.iter().map(|path| (*path, *path)).collect();
        flow(&models, edges, &BTreeSet::from([paths[0]]))
    }

    fn names(flow: &Flow) -> Vec<&str> {
        flow.folders.iter().map(|folder| folder.name.as_str()).collect()
    }

    #[test]
    fn folders_stand_in_the_order_in_which_they_are_read() {
        let paths = ["m/z/1", "m/z/2", "m/y/1", "m/y/2", "m/x/1", "m/x/2"];
        let edges =
            [("m/y/1", "m/z/1"), ("m/y/2", "m/z/2"), ("m/x/1", "m/y/1"), ("m/x/2", "m/y/2"), ("m/x/2", "m/z/2")];
        let flow = flow_of(&paths, &edges);
        assert_eq!(
            (names(&flow), flow.edges, flow.along, flow.depth, flow.is_clear),
            (vec!["z", "y", "x"], 5, 5, 1, true)
        );
        assert!(flow.folders[0].reads_sources && !flow.folders[1].reads_sources);
        let reads: Vec<String> = flow.folders.iter().map(|folder| folder.reads.join(" ")).collect();
        assert_eq!(reads, ["z", "z y", "z y x"]);
    }

    #[test]
    fn one_edge_of_many_against_the_order_is_counted_and_one_of_few_makes_a_guess_of_it() {
        let paths: Vec<String> = ["a", "b"].iter().flat_map(|at| (0..10).map(move |n| format!("m/{at}/{n}"))).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let mut edges: Vec<(&str, &str)> = (0..10).map(|n| (paths[10 + n], paths[n])).collect();
        edges.push((paths[0], paths[19]));
        let flow = flow_of(&paths, &edges);
        assert_eq!((flow.edges, flow.along, flow.is_clear), (11, 10, true));
        assert_eq!(flow.folders[0].against, [("b".to_owned(), 1)]);
        edges.push((paths[1], paths[18]));
        assert!(!flow_of(&paths, &edges).is_clear);
    }

    #[test]
    fn folders_that_mostly_read_themselves_are_domains() {
        let paths: Vec<String> = ["a", "b"].iter().flat_map(|at| (0..30).map(move |n| format!("m/{at}/{n}"))).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let mut edges: Vec<(&str, &str)> = (1..30).map(|n| (paths[n], paths[n - 1])).collect();
        edges.extend((0..6).map(|n| (paths[30 + n], paths[n])));
        let flow = flow_of(&paths, &edges);
        assert_eq!((names(&flow), flow.is_clear), (vec!["a", "b"], false));
    }

    #[test]
    fn folders_that_do_not_stand_on_each_other_may_read_each_other() {
        let edges =
            [("m/y/1", "m/z/1"), ("m/y/2", "m/z/1"), ("m/x/1", "m/z/1"), ("m/x/2", "m/z/1"), ("m/x/2", "m/z/2")];
        let flow = flow_of(&["m/z/1", "m/z/2", "m/y/1", "m/y/2", "m/x/1", "m/x/2"], &edges);
        let reads: Vec<String> = flow.folders.iter().map(|folder| folder.reads.join(" ")).collect();
        assert_eq!(
            (names(&flow), reads),
            (vec!["z", "x", "y"], vec!["z".to_owned(), "z x y".to_owned(), "z x y".to_owned()])
        );
    }

    #[test]
    fn folders_of_one_name_below_several_are_one() {
        let paths = ["m/n/raw/1", "m/f/raw/1", "m/n/cut/1", "m/f/cut/1", "m/n/cut/2", "m/f/cut/2"];
        let edges = [
            ("m/n/cut/1", "m/n/raw/1"),
            ("m/f/cut/1", "m/f/raw/1"),
            ("m/n/cut/2", "m/n/raw/1"),
            ("m/f/cut/2", "m/f/raw/1"),
            ("m/f/cut/2", "m/n/raw/1"),
        ];
        let flow = flow_of(&paths, &edges);
        assert_eq!((names(&flow), flow.depth, flow.is_clear), (vec!["raw", "cut"], 2, true));
    }

    #[test]
    fn a_circle_of_folders_is_cut_where_it_costs_least() {
        let weights = vec![vec![0, 0, 1], vec![9, 0, 0], vec![0, 9, 0]];
        assert_eq!(order(&weights), [0, 1, 2]);
        assert_eq!(order(&[]), [] as [usize; 0]);
    }
}
