//! In which order relations are evaluated: those that depend on each other together, after all that
//! they read.

use super::ir::{Program, Rel};

/// The strongly connected components of a graph of numbered nodes (Tarjan's): groups that reach each
/// other, each after those it reaches.
pub fn components(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let nodes = edges.len();
    const UNSEEN: usize = usize::MAX;
    let mut order = vec![UNSEEN; nodes];
    let mut low = vec![0; nodes];
    let mut on_stack = vec![false; nodes];
    let (mut stack, mut found, mut next) = (Vec::new(), Vec::new(), 0);
    for start in 0..nodes {
        if order[start] != UNSEEN {
            continue;
        }
        // Without recursion: a chain may be as long as a project.
        let mut work = vec![(start, 0)];
        while let Some((node, at)) = work.pop() {
            if at == 0 {
                (order[node], low[node]) = (next, next);
                next += 1;
                stack.push(node);
                on_stack[node] = true;
            }
            if let Some(other) = edges[node].get(at).copied() {
                work.push((node, at + 1));
                if order[other] == UNSEEN {
                    work.push((other, 0));
                } else if on_stack[other] {
                    low[node] = low[node].min(order[other]);
                }
                continue;
            }
            if low[node] == order[node] {
                let from = stack.iter().rposition(|other| *other == node).unwrap_or_default();
                let group = stack.split_off(from);
                group.iter().for_each(|member| on_stack[*member] = false);
                found.push(group);
            }
            if let Some((before, _)) = work.last() {
                low[*before] = low[*before].min(low[node]);
            }
        }
    }
    found
}

pub(super) fn reads_of(program: &Program) -> Vec<Vec<Rel>> {
    let mut reads = vec![Vec::new(); program.relations.len()];
    let mut found = Vec::new();
    for clause in &program.clauses {
        clause.body.iter().for_each(|literal| literal.reads(&mut found));
        reads[clause.head].extend(found.drain(..).map(|(rel, _)| rel));
    }
    for list in &mut reads {
        list.sort_unstable();
        list.dedup();
    }
    reads
}

/// Which relations the answers follow from.
pub(super) fn needed(program: &Program, reads: &[Vec<Rel>]) -> Vec<bool> {
    let mut needed = vec![false; program.relations.len()];
    let mut open = program.answers.clone();
    while let Some(rel) = open.pop() {
        if !std::mem::replace(&mut needed[rel], true) {
            open.extend(&reads[rel]);
        }
    }
    needed
}

/// A way from one relation to another, both ends included.
pub(super) fn way(reads: &[Vec<Rel>], from: Rel, to: Rel) -> Vec<Rel> {
    let mut came: Vec<Option<Rel>> = vec![None; reads.len()];
    let mut queue = std::collections::VecDeque::from([from]);
    while let Some(rel) = queue.pop_front() {
        if rel == to {
            break;
        }
        for read in &reads[rel] {
            if came[*read].is_none() && *read != from {
                came[*read] = Some(rel);
                queue.push_back(*read);
            }
        }
    }
    let mut path = vec![to];
    while let Some(before) = path.last().filter(|last| **last != from).and_then(|last| came[*last]) {
        path.push(before);
    }
    path.reverse();
    path
}
