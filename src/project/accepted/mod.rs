//! The types of values that dbt accepts in YAML, as tables, and the walk that compares a file with them.
//!
//! A table says for each kind of entry which keys dbt types, and how. `entries` has the property files,
//! `settings` what stands in `config:`, `project` dbt_project.yml and `packages` the declared packages.

mod colors;
mod entries;
mod packages;
mod project;
mod semantics;
mod settings;
mod shared;
mod walk;

pub use entries::entry_faults;
pub use packages::package_faults;
pub use project::project_faults;
pub use settings::{SettingFault, folder_faults, folder_setting_faults, setting_faults};
pub use walk::Fault;

/// One of the types that a key accepts.
#[derive(Debug)]
enum Form {
    Any,
    Null,
    Text,
    /// One of these words; dbt refuses all others.
    Word(&'static [&'static str]),
    /// The same in upper or lower case.
    AnyCase(&'static [&'static str]),
    Bool,
    /// A whole number.
    Int,
    Number,
    /// A mapping with any keys that are strings.
    Map,
    List(&'static [Form]),
    Entry(&'static Entry),
}

/// A mapping whose keys have types.
#[derive(Debug)]
struct Entry {
    /// Keys that dbt demands.
    needs: &'static [&'static str],
    keys: &'static [(&'static str, &'static [Form])],
    /// Whether dbt refuses other keys.
    is_closed: bool,
}

impl Entry {
    fn forms_of(&self, key: &str) -> Option<&'static [Form]> {
        let is_it =
            |name: &str| name.len() == key.len() && name.as_bytes().first() == key.as_bytes().first() && name == key;
        self.keys.iter().find(|(name, _)| is_it(name)).map(|(_, forms)| *forms)
    }
}
