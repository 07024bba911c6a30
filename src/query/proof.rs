//! Proofs as people read them: rows with the names and places of this repo.

use super::{Repo, is_setting};
use crate::datalog::{Constant, Proof, ProofKind, Type};
use crate::relations::places::Place;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A row of a base relation.
    Fact,
    Rule,
    Absence,
    /// What harness.yml states, or holds without one.
    Setting,
    Aggregate,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Fact => "fact",
            Self::Rule => "rule",
            Self::Absence => "absence",
            Self::Setting => "setting",
            Self::Aggregate => "aggregate",
        }
    }
}

/// A row and what it follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    pub relation: String,
    /// `None` stands for any value.
    pub args: Vec<(Option<Constant>, Type)>,
    pub kind: Kind,
    pub place: Option<Place>,
    pub premises: Vec<Tree>,
    /// Why premises are left out: told above, or too many.
    pub note: Option<String>,
}

/// A proof with places.
pub fn tree(repo: &Repo<'_>, proof: &Proof) -> Tree {
    let (kind, note) = match proof.kind {
        ProofKind::Fact if is_setting(&proof.relation) => (Kind::Setting, None),
        ProofKind::Fact => (Kind::Fact, None),
        ProofKind::Rule => (Kind::Rule, None),
        ProofKind::Absence => (Kind::Absence, None),
        ProofKind::Aggregate => (Kind::Aggregate, None),
        ProofKind::Above => (Kind::Rule, Some("as above".to_owned())),
        ProofKind::Cut => (Kind::Rule, Some("and so on".to_owned())),
    };
    let more = (proof.more > 0).then(|| format!("and {} more", proof.more));
    let row: Option<Vec<Constant>> = proof.args.iter().map(|(value, _)| value.clone()).collect();
    let place = match kind {
        Kind::Fact | Kind::Setting => row.and_then(|row| repo.place(&proof.relation, &row)),
        _ => None,
    };
    let premises = proof.premises.iter().map(|premise| tree(repo, premise)).collect();
    Tree { relation: proof.relation.clone(), args: proof.args.clone(), kind, place, premises, note: note.or(more) }
}

/// A row that a proof stands on.
pub type Leaf<'t> = (&'t str, Vec<Constant>);

/// The facts and settings of a proof.
pub fn leaves(tree: &Tree) -> Vec<Leaf<'_>> {
    let mut found = Vec::new();
    let mut open = vec![tree];
    while let Some(tree) = open.pop() {
        open.extend(&tree.premises);
        if matches!(tree.kind, Kind::Fact | Kind::Setting) {
            let row: Option<Vec<Constant>> = tree.args.iter().map(|(value, _)| value.clone()).collect();
            found.extend(row.map(|row| (tree.relation.as_str(), row)));
        }
    }
    found
}

/// The rows that are absent: relation and values, where `None` is any.
pub fn absences(tree: &Tree) -> Vec<(&str, Vec<Option<Constant>>)> {
    let mut found = Vec::new();
    let mut open = vec![tree];
    while let Some(tree) = open.pop() {
        open.extend(&tree.premises);
        if tree.kind == Kind::Absence {
            found.push((tree.relation.as_str(), tree.args.iter().map(|(value, _)| value.clone()).collect()));
        }
    }
    found
}
