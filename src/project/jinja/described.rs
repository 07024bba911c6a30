//! A node as templates see it. It is made where a template looks at it, for most do not.

use super::ask;
use super::run::with_run;
use crate::python::data::entries;
use crate::python::dicts::MutDict;
use salsa::{Database, Id};
use serde_json::{Map, Value};
use std::sync::{Arc, OnceLock};

/// Makes the members of a node.
pub(super) type Describe = fn(&dyn Database, Id) -> Map<String, Value>;

/// What a template sees of one node.
#[derive(Debug, Clone)]
pub struct Described {
    made: Arc<Made>,
    /// What is known of it since.
    more: Vec<(&'static str, Value)>,
}

#[derive(Debug)]
struct Made {
    id: Id,
    describe: Describe,
    members: OnceLock<Map<String, Value>>,
}

impl Described {
    pub fn new(id: Id, describe: Describe) -> Self {
        Self { made: Arc::new(Made { id, describe, members: OnceLock::new() }), more: Vec::new() }
    }

    /// The same with another member.
    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.more.push((name, value));
        self
    }

    /// All that can be seen of it, a later one in place of an earlier of its name. Nothing outside of a query.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &Value)> {
        let made = &self.made;
        let describe = || ask::describe(made.describe, made.id);
        let members = made.members.get_or_init(describe).iter().map(|(name, value)| (name.as_str(), value));
        members.chain(self.more.iter().map(|(name, value)| (*name, value)))
    }

    /// The same as a dict, which is filled where a template looks at it.
    pub(super) fn value(&self) -> minijinja::Value {
        let node = self.clone();
        MutDict::later(move || entries(node.looked_at()))
    }

    /// The same for the run that looks at it now.
    fn looked_at(&self) -> impl Iterator<Item = (&str, &Value)> {
        with_run(|run| run.looks());
        self.members()
    }
}
