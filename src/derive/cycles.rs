//! Chains of refs that come back to where they began.

use crate::datalog::components;
use crate::db::Sym;
use crate::relations::node_edges;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;

/// One cycle for each group of nodes that reach each other: from its smallest name, by the shortest
/// way back.
#[salsa::tracked(returns(ref))]
pub fn cycles<'db>(db: &'db dyn salsa::Database) -> Vec<Vec<Sym<'db>>> {
    let mut ids: FxHashMap<Sym<'db>, usize> = FxHashMap::default();
    let mut nodes: Vec<Sym<'db>> = Vec::new();
    let mut edges: Vec<Vec<usize>> = Vec::new();
    for (child, parent) in node_edges::rows(db) {
        let [child, parent] = [*child, *parent].map(|node| {
            *ids.entry(node).or_insert_with(|| {
                nodes.push(node);
                edges.push(Vec::new());
                nodes.len() - 1
            })
        });
        edges[child].push(parent);
    }
    let names: Vec<&str> = nodes.iter().map(|node| &**node.text(db)).collect();
    let found = circles(&names, edges);
    found.into_iter().map(|cycle| cycle.into_iter().map(|node| nodes[node]).collect()).collect()
}

/// The same in any graph: its nodes by name, and which others each has an edge to.
pub fn circles(names: &[&str], mut edges: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    for parents in &mut edges {
        parents.sort_by_key(|parent| names[*parent]);
    }
    let mut found: Vec<Vec<usize>> = components(&edges)
        .into_iter()
        .filter(|group| group.len() > 1 || edges[group[0]].contains(&group[0]))
        .filter_map(|group| {
            let first = group.iter().copied().min_by_key(|node| names[*node])?;
            Some(way_back(&edges, &group, first))
        })
        .collect();
    found.sort_by_key(|cycle: &Vec<usize>| cycle.first().map(|node| names[*node]));
    found
}

fn way_back(edges: &[Vec<usize>], group: &[usize], first: usize) -> Vec<usize> {
    let inside: FxHashMap<usize, ()> = group.iter().map(|node| (*node, ())).collect();
    let mut came_from: FxHashMap<usize, usize> = FxHashMap::default();
    let mut queue = VecDeque::from([first]);
    while let Some(node) = queue.pop_front() {
        for parent in edges[node].iter().copied().filter(|parent| inside.contains_key(parent)) {
            if parent == first {
                let mut path = vec![node];
                while let Some(before) = path.last().filter(|last| **last != first).and_then(|last| came_from.get(last))
                {
                    path.push(*before);
                }
                path.reverse();
                return path;
            }
            if let std::collections::hash_map::Entry::Vacant(slot) = came_from.entry(parent) {
                slot.insert(node);
                queue.push_back(parent);
            }
        }
    }
    vec![first]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_is_found_once_and_a_long_chain_needs_no_stack() {
        let mut edges = vec![vec![1], vec![2], vec![0], vec![0], vec![4]];
        let mut groups = components(&edges);
        groups.retain(|group| group.len() > 1 || edges[group[0]].contains(&group[0]));
        groups.iter_mut().for_each(|group| group.sort_unstable());
        assert_eq!(groups, [vec![0, 1, 2], vec![4]]);
        assert_eq!(way_back(&edges, &groups[0], 0), [0, 1, 2]);
        edges = (0..200_000).map(|node| vec![node + 1]).collect();
        edges.push(Vec::new());
        assert_eq!(components(&edges).len(), 200_001);
    }
}
