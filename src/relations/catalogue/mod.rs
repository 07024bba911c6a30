//! The base relations, one file a subject. Facts are of the root project, but where a column names
//! the package. What dbt makes of a text is told of what is enabled, what a text says of all.

mod configured;
mod edges;
mod entries;
mod jinja;
mod keys;
mod layout;
mod makers;
mod nodes;
mod scaling;
mod settings;
mod sql;
mod tests;
mod yaml;

pub use configured::*;
pub use edges::*;
pub use entries::*;
pub use jinja::*;
pub use keys::*;
pub use layout::*;
pub use nodes::*;
pub use scaling::*;
pub use settings::*;
pub use sql::*;
pub use tests::*;
pub use yaml::*;

use super::Relation;

/// The catalogue, by name.
pub static ALL: &[Relation] = &[
    access::RELATION,
    calls_macro::RELATION,
    candidate_key::RELATION,
    canonical_tags::RELATION,
    changed::RELATION,
    column_constraint::RELATION,
    config::RELATION,
    cte::RELATION,
    dbt_calls::RELATION,
    depends_on::RELATION,
    depth::RELATION,
    described_argument::RELATION,
    description::RELATION,
    doc_block::RELATION,
    domain::RELATION,
    domain_order::RELATION,
    enabled::RELATION,
    env_read::RELATION,
    exposure::RELATION,
    file::RELATION,
    final_semicolon::RELATION,
    folder::RELATION,
    folder_config::RELATION,
    freshness::RELATION,
    group::RELATION,
    jinja_call::RELATION,
    known_layer::RELATION,
    layer::RELATION,
    layer_before::RELATION,
    layer_folder::RELATION,
    layer_reads::RELATION,
    literal::RELATION,
    loader::RELATION,
    macros::RELATION,
    macro_argument::RELATION,
    macro_description::RELATION,
    materialized::RELATION,
    may_read::RELATION,
    meta::RELATION,
    model::RELATION,
    node::RELATION,
    node_relation::RELATION,
    own_config::RELATION,
    own_tags::RELATION,
    owner::RELATION,
    owner_field::RELATION,
    package_ref::RELATION,
    raw_name::RELATION,
    reads_source::RELATION,
    reads_sources::RELATION,
    reads_table::RELATION,
    reads_this::RELATION,
    reads::RELATION,
    ref_call::RELATION,
    resource_ref::RELATION,
    scaled::RELATION,
    scaling_macro::RELATION,
    source::RELATION,
    source_description::RELATION,
    source_relation::RELATION,
    staging_cte::RELATION,
    staging_tag::RELATION,
    table_maker::RELATION,
    table_name::RELATION,
    tag::RELATION,
    tenant::RELATION,
    terminal::RELATION,
    test::RELATION,
    test_arg::RELATION,
    test_filter::RELATION,
    text::RELATION,
    time_spine::RELATION,
    var_read::RELATION,
    yaml_column::RELATION,
    yaml_patch::RELATION,
];

#[cfg(test)]
mod check {
    use super::*;

    #[test]
    fn the_catalogue_is_sorted_and_each_relation_is_documented() {
        let names: Vec<&str> = ALL.iter().map(|relation| relation.schema.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
        for Relation { schema, .. } in ALL {
            assert!(schema.doc.ends_with('.') && !schema.columns.is_empty(), "{}", schema.name);
            assert!(schema.example.contains(&format!("{}(", schema.name)), "{}", schema.name);
            assert!(schema.columns.iter().all(|column| !column.name.contains('#')), "{}", schema.name);
        }
    }
}
