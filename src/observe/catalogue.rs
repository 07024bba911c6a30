//! The relations of what is seen, by name.

use super::{Observation, Rows, config_paths, docs, duplicates, edges, failures, patches, project, staging, values};
use crate::datalog::{Column, Schema, Type};
use crate::db::DirectoryOf;

/// A relation of what is seen.
#[derive(Debug, Clone, Copy)]
pub struct Observed {
    pub name: &'static str,
    /// All but the last three, which are the place: path, line, column.
    pub columns: &'static [(&'static str, Type)],
    /// What a row means; the first sentence alone says the most.
    pub doc: &'static str,
    /// One question over it.
    pub example: &'static str,
    /// Looks at what one directory holds.
    pub(super) each: Option<for<'db> fn(&Rows<'db>, DirectoryOf<'db>) -> Vec<Observation>>,
    /// Looks at the project as a whole.
    pub(super) whole: Option<for<'db> fn(&Rows<'db>) -> Vec<Observation>>,
}

/// The columns of the place.
const PLACE: [(&str, Type); 3] = [("path", Type::Path), ("line", Type::Int), ("column", Type::Int)];

impl Observed {
    pub fn schema(&self) -> Schema {
        let columns = self.columns.iter().chain(&PLACE);
        let columns = columns.map(|(name, of)| Column { name: (*name).to_owned(), of: *of }).collect();
        Schema { name: self.name.to_owned(), columns }
    }
}

pub fn by_name(name: &str) -> Option<&'static Observed> {
    ALL.get(index_of(name)?)
}

pub(crate) fn index_of(name: &str) -> Option<usize> {
    ALL.binary_search_by(|observed| observed.name.cmp(name)).ok()
}

pub static ALL: [Observed; 29] = [
    Observed {
        name: "column_grouping",
        columns: &[("node", Type::Node), ("detail", Type::Text), ("expected", Type::Text)],
        doc: "A staging model has fewer than two of the comments that group columns. Nothing before harness.yml has a `staging:` block.",
        example: "column_grouping(node: m)",
        each: Some(staging::column_grouping),
        whole: None,
    },
    Observed {
        name: "config_block",
        columns: &[("node", Type::Node), ("detail", Type::Text), ("expected", Type::Text)],
        doc: "A staging model has no config() block. Nothing before harness.yml has a `staging:` block.",
        example: "config_block(node: m)",
        each: Some(staging::config_block),
        whole: None,
    },
    Observed {
        name: "cte_missing",
        columns: &[("node", Type::Node), ("cte", Type::Name), ("detail", Type::Text), ("expected", Type::Text)],
        doc: "A staging model lacks a CTE of the pattern. Once a CTE. Nothing before harness.yml has a `staging:` block.",
        example: "cte_missing(node: m)",
        each: Some(staging::cte_missing),
        whole: None,
    },
    Observed {
        name: "cte_order",
        columns: &[("node", Type::Node), ("detail", Type::Text), ("expected", Type::Text)],
        doc: "A staging model's CTEs stand in another order than the pattern's. Nothing before harness.yml has a `staging:` block.",
        example: "cte_order(node: m)",
        each: Some(staging::cte_order),
        whole: None,
    },
    Observed {
        name: "cte_pattern",
        columns: &[("node", Type::Node), ("detail", Type::Text), ("expected", Type::Text)],
        doc: "A staging model has no CTE at all. Nothing before harness.yml has a `staging:` block.",
        example: "cte_pattern(node: m)",
        each: Some(staging::cte_pattern),
        whole: None,
    },
    Observed {
        name: "cycle_path",
        columns: &[("node", Type::Node), ("way", Type::Text)],
        doc: "A circle of refs, once, at its smallest name, with the way round it. Metrics have circles too.",
        example: "cycle_path(node: m, way: w)",
        each: None,
        whole: Some(project::cycle),
    },
    Observed {
        name: "disabled_parent",
        columns: &[
            ("node", Type::Node),
            ("child_name", Type::Name),
            ("parent_name", Type::Name),
            ("severity", Type::Name),
        ],
        doc: "An enabled node names one that is disabled. In a test that is a warning.",
        example: "disabled_parent(node: m, parent_name: p)",
        each: Some(edges::disabled_parent_in),
        whole: Some(edges::disabled_parent),
    },
    Observed {
        name: "duplicate_resource",
        columns: &[("what", Type::Text), ("first_place", Type::Text)],
        doc: "A thing that bears the name of another, or writes the table of another, which stands at `first_place`.",
        example: "duplicate_resource(what: w, path: p, line: l)",
        each: None,
        whole: Some(duplicates::duplicate_resource),
    },
    Observed {
        name: "duplicate_yaml_key",
        columns: &[("key", Type::Text), ("mapping", Type::Text), ("later_line", Type::Text), ("hint", Type::Text)],
        doc: "A key that stands twice in one mapping of a YAML file. The later one counts.",
        example: "duplicate_yaml_key(key: k, path: p, line: l)",
        each: Some(project::duplicate_yaml_key_in),
        whole: Some(project::duplicate_yaml_key),
    },
    Observed {
        name: "final_explicit_columns",
        columns: &[("node", Type::Node), ("detail", Type::Text), ("expected", Type::Text)],
        doc: "The last CTE of a staging model does not list its columns. Nothing before harness.yml has a `staging:` block.",
        example: "final_explicit_columns(node: m)",
        each: Some(staging::final_explicit_columns),
        whole: None,
    },
    Observed {
        name: "final_select",
        columns: &[("node", Type::Node), ("detail", Type::Text), ("expected", Type::Text)],
        doc: "A staging model does not end in select * from a CTE. Nothing before harness.yml has a `staging:` block.",
        example: "final_select(node: m)",
        each: Some(staging::final_select),
        whole: None,
    },
    Observed {
        name: "invalid_value",
        columns: &[("key", Type::Text), ("what", Type::Text), ("fix", Type::Text)],
        doc: "A value in YAML or in a configuration is of a type that dbt does not accept there, and stops at.",
        example: "invalid_value(key: k, path: p, line: l)",
        each: Some(values::invalid_value_in),
        whole: Some(values::invalid_value),
    },
    Observed {
        name: "loaded_at",
        columns: &[("node", Type::Node), ("detail", Type::Text), ("expected", Type::Text)],
        doc: "The CTE `enhanced` of a staging model has no `_loaded_at`. Nothing before harness.yml has a `staging:` block.",
        example: "loaded_at(node: m)",
        each: Some(staging::loaded_at),
        whole: None,
    },
    Observed {
        name: "macro_arguments",
        columns: &[
            ("node", Type::Node),
            ("name", Type::Name),
            ("child_name", Type::Name),
            ("what", Type::Text),
            ("fix", Type::Text),
        ],
        doc: "A macro is called with arguments that it does not take, or without one that it needs. Once a call; `child_name` is the node or macro that calls.",
        example: "macro_arguments(name: n, what: w)",
        each: None,
        whole: Some(failures::macro_arguments),
    },
    Observed {
        name: "materialized_view",
        columns: &[("node", Type::Node), ("detail", Type::Text), ("expected", Type::Text)],
        doc: "A staging model's own config() does not give the materialization of the pattern. Nothing before harness.yml has a `staging:` block.",
        example: "materialized_view(node: m)",
        each: Some(staging::materialized_view),
        whole: None,
    },
    Observed {
        name: "package_not_installed",
        columns: &[("package", Type::Name), ("what", Type::Text), ("fix", Type::Text)],
        doc: "A package or a project of a mesh that packages.yml, dependencies.yml, package-lock.yml or dbt_loom.config.yml names and that is not here.",
        example: "package_not_installed(package: p)",
        each: None,
        whole: Some(project::package_not_installed),
    },
    Observed {
        name: "parse_error",
        columns: &[("what", Type::Text), ("fix", Type::Text), ("severity", Type::Name)],
        doc: "What keeps dbt or harness from reading a file, or a part of it, as it was meant.",
        example: "parse_error(path: p, line: l, what: w)",
        each: Some(project::parse_error_in),
        whole: Some(project::parse_error),
    },
    Observed {
        name: "path_outside_repo",
        columns: &[("stated", Type::Text)],
        doc: "A path, a link or a package of the project that leads out of its git repository, so that it was not read.",
        example: "path_outside_repo(stated: s, path: p)",
        each: Some(project::path_outside_repo_in),
        whole: Some(project::path_outside_repo),
    },
    Observed {
        name: "surrogate_key",
        columns: &[("node", Type::Node), ("detail", Type::Text), ("expected", Type::Text)],
        doc: "The CTE `enhanced` of a staging model makes no surrogate key. Nothing before harness.yml has a `staging:` block.",
        example: "surrogate_key(node: m)",
        each: Some(staging::surrogate_key),
        whole: None,
    },
    Observed {
        name: "tags_missing",
        columns: &[("node", Type::Node), ("detail", Type::Text), ("expected", Type::Text)],
        doc: "A staging model's own config() has no tags. Nothing before harness.yml has a `staging:` block.",
        example: "tags_missing(node: m)",
        each: Some(staging::tags_missing),
        whole: None,
    },
    Observed {
        name: "tags_source",
        columns: &[("node", Type::Node), ("detail", Type::Text), ("expected", Type::Text)],
        doc: "A staging model's first tag is not the folder below staging. Nothing before harness.yml has a `staging:` block.",
        example: "tags_source(node: m)",
        each: Some(staging::tags_source),
        whole: None,
    },
    Observed {
        name: "tags_staging",
        columns: &[("node", Type::Node), ("detail", Type::Text), ("expected", Type::Text)],
        doc: "A staging model's own tags lack the pattern's fixed one. Nothing before harness.yml has a `staging:` block.",
        example: "tags_staging(node: m)",
        each: Some(staging::tags_staging),
        whole: None,
    },
    Observed {
        name: "tags_third",
        columns: &[("node", Type::Node), ("detail", Type::Text), ("expected", Type::Text)],
        doc: "A staging model's third tag is another than the pattern's. Nothing before harness.yml has a `staging:` block.",
        example: "tags_third(node: m)",
        each: Some(staging::tags_third),
        whole: None,
    },
    Observed {
        name: "unknown_doc",
        columns: &[("name", Type::Name), ("hint", Type::Text), ("missing", Type::Text)],
        doc: "A description asks for a docs block that is not there.",
        example: "unknown_doc(name: n, path: p)",
        each: Some(docs::unknown_doc_in),
        whole: None,
    },
    Observed {
        name: "unknown_macro",
        columns: &[("node", Type::Node), ("name", Type::Name), ("child_name", Type::Name), ("severity", Type::Name)],
        doc: "A macro that is called and that neither the project nor an installed package has. Once a caller and name.",
        example: "unknown_macro(name: n, path: p, line: l)",
        each: None,
        whole: Some(edges::unknown_macro),
    },
    Observed {
        name: "unknown_patch",
        columns: &[("name", Type::Name), ("kind", Type::Text), ("what", Type::Text), ("fix", Type::Text)],
        doc: "An entry of a property file that describes what does not exist or is of another kind: dbt drops it.",
        example: "unknown_patch(name: n, path: p, line: l)",
        each: Some(patches::unknown_patch_in),
        whole: None,
    },
    Observed {
        name: "unknown_ref",
        columns: &[
            ("node", Type::Node),
            ("name", Type::Name),
            ("child_name", Type::Name),
            ("hint", Type::Text),
            ("severity", Type::Name),
            ("missing", Type::Text),
        ],
        doc: "A ref names what is no model, seed or snapshot here. Once a node and name; `missing` is the same where one cause is.",
        example: "unknown_ref(node: m, name: n)",
        each: Some(edges::unknown_ref_in),
        whole: Some(edges::unknown_ref),
    },
    Observed {
        name: "unknown_source",
        columns: &[
            ("node", Type::Node),
            ("name", Type::Name),
            ("child_name", Type::Name),
            ("hint", Type::Text),
            ("severity", Type::Name),
            ("missing", Type::Text),
        ],
        doc: "A source that is read and that no YAML file declares. Once a node and name; `missing` is the source where none of its tables is declared.",
        example: "unknown_source(node: m, name: n)",
        each: Some(edges::unknown_source_in),
        whole: Some(edges::unknown_source),
    },
    Observed {
        name: "unused_config_path",
        columns: &[("name", Type::Text), ("what", Type::Text), ("fix", Type::Text)],
        doc: "A folder of dbt_project.yml in which no resource of its kind lies. The outermost of some in one another.",
        example: "unused_config_path(name: n, path: p, line: l)",
        each: None,
        whole: Some(config_paths::unused_config_path),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relations_are_sorted_and_documented() {
        assert!(ALL.windows(2).all(|pair| pair[0].name < pair[1].name));
        for observed in &ALL {
            assert!(observed.doc.ends_with('.'), "{}", observed.name);
            assert!(observed.example.starts_with(observed.name), "{}", observed.name);
        }
    }
}
