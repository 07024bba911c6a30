//! In which order relations are evaluated: those that depend on each other together, after all that
//! they read.

use super::ir::{Program, Rel};

/// Groups of relations, each after those it reads.
pub(super) fn groups(relations: usize, reads: &[Vec<Rel>]) -> Vec<Vec<Rel>> {
    const UNSEEN: usize = usize::MAX;
    let mut order = vec![UNSEEN; relations];
    let mut low = vec![0; relations];
    let mut on_stack = vec![false; relations];
    let (mut stack, mut found, mut next) = (Vec::new(), Vec::new(), 0);
    for start in 0..relations {
        if order[start] != UNSEEN {
            continue;
        }
        // Without recursion: a program may chain thousands of relations.
        let mut work = vec![(start, 0)];
        while let Some((rel, at)) = work.pop() {
            if at == 0 {
                (order[rel], low[rel]) = (next, next);
                next += 1;
                stack.push(rel);
                on_stack[rel] = true;
            }
            if let Some(read) = reads[rel].get(at).copied() {
                work.push((rel, at + 1));
                if order[read] == UNSEEN {
                    work.push((read, 0));
                } else if on_stack[read] {
                    low[rel] = low[rel].min(order[read]);
                }
                continue;
            }
            if low[rel] == order[rel] {
                let from = stack.iter().rposition(|other| *other == rel).unwrap_or_default();
                let group = stack.split_off(from);
                group.iter().for_each(|member| on_stack[*member] = false);
                found.push(group);
            }
            if let Some((reader, _)) = work.last() {
                low[*reader] = low[*reader].min(low[rel]);
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
