//! The base relations, one file a subject. Facts are of the root project, but where a column names
//! the package; what dbt makes of a text is told of enabled nodes, what a text says of all.

mod edges;
mod layout;
mod nodes;

pub use edges::*;
pub use layout::*;
pub use nodes::*;

use super::Relation;

/// The catalogue, by name.
pub static ALL: [Relation; 14] = [
    depends_on::RELATION,
    domain::RELATION,
    enabled::RELATION,
    layer::RELATION,
    layer_folder::RELATION,
    materialized::RELATION,
    model::RELATION,
    node::RELATION,
    package_ref::RELATION,
    reads_source::RELATION,
    reads::RELATION,
    source::RELATION,
    tag::RELATION,
    tenant::RELATION,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_sorted_and_each_relation_is_documented() {
        let names: Vec<&str> = ALL.iter().map(|relation| relation.schema.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
        for Relation { schema, .. } in &ALL {
            assert!(schema.doc.ends_with('.') && !schema.columns.is_empty(), "{}", schema.name);
            assert!(schema.example.contains(&format!("{}(", schema.name)), "{}", schema.name);
            assert!(schema.columns.iter().all(|column| !column.name.contains('#')), "{}", schema.name);
        }
    }
}
