use super::*;
use crate::project::layout::place_of;

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap().trim_end_matches(".sql")
}

fn of(paths: &[&str]) -> Layout {
    recognise(&paths.iter().map(|path| (*path, name(path))).collect::<Vec<_>>())
}

fn layer_in(layout: &Layout, path: &str) -> Option<String> {
    place_of(layout, path, name(path)).layer.map(|layer| layer.to_string())
}

fn names(layout: &Layout) -> Vec<&str> {
    layout.layers.iter().map(|layer| layer.name.as_str()).collect()
}

/// `layer: what it reads`.
fn table(layout: &Layout) -> Vec<String> {
    let word = |read: &Read| match read {
        Read::Layer(name) => name.clone(),
        Read::Source => "source".to_owned(),
        Read::Seed => "seed".to_owned(),
    };
    let line =
        |layer: &Layer| format!("{}: {}", layer.name, layer.reads.iter().map(word).collect::<Vec<_>>().join(" "));
    layout.layers.iter().map(line).collect()
}

#[test]
fn the_deepest_folder_wins_over_the_prefix() {
    let layout = of(&["m/marts/staging/fct_a.sql", "m/x/fct_a.sql", "m/staging/base/stg_a.sql", "m/marts/b.sql"]);
    assert_eq!(layer_in(&layout, "m/marts/staging/fct_a.sql").as_deref(), Some("staging"));
    assert_eq!(layer_in(&layout, "m/x/fct_a.sql").as_deref(), Some("marts"));
    assert_eq!(layer_in(&layout, "m/x/a.sql"), None);
    assert_eq!(layer_in(&layout, "m/staging/base/stg_a.sql").as_deref(), Some("base"));
}

#[test]
fn each_customary_folder_and_prefix_tells_its_layer() {
    for (path, layer) in [
        ("models/staging/a.sql", "staging"),
        ("models/x/stg_a.sql", "staging"),
        ("models/base/a.sql", "base"),
        ("models/staging/tmp/a.sql", "base"),
        ("models/x/base_a.sql", "base"),
        ("models/intermediate/a.sql", "intermediate"),
        ("models/x/int_a.sql", "intermediate"),
        ("models/marts/a.sql", "marts"),
        ("models/mart/a.sql", "marts"),
        ("models/Data Marts/a.sql", "marts"),
        ("models/x/fct_a.sql", "marts"),
        ("models/x/dim_a.sql", "marts"),
        ("models/x/mart_a.sql", "marts"),
        ("models/applications/a.sql", "applications"),
        ("models/reports/a.sql", "reports"),
        ("models/utilities/a.sql", "utilities"),
        ("models/utils/a.sql", "utilities"),
        ("models/RAW/a.sql", "raw"),
        ("models/01_staging/a.sql", "staging"),
        ("models/gold_layer/a.sql", "gold"),
        ("models/raw_vault/a.sql", "raw_vault"),
    ] {
        let layout = of(&[path, "models/staging/b.sql", "models/marts/b.sql"]);
        assert_eq!(layer_in(&layout, path).as_deref(), Some(layer), "{path}");
    }
}

#[test]
fn the_customary_layers_read_what_they_are_known_to_read() {
    let folders = ["base", "staging", "intermediate", "marts", "applications", "reports", "utils"];
    let paths = folders.map(|folder| format!("models/{folder}/a.sql"));
    assert_eq!(
        table(&of(&paths.each_ref().map(String::as_str))),
        [
            "base: base source seed utilities",
            "staging: base source seed utilities",
            "intermediate: staging intermediate utilities",
            "marts: staging intermediate marts utilities",
            "applications: intermediate marts utilities",
            "reports: intermediate marts reports utilities",
            "utilities: base staging intermediate marts applications reports source",
        ]
    );
}

#[test]
fn other_layers_read_in_doubt_all_but_what_comes_later() {
    assert_eq!(
        table(&of(&["m/bronze/a.sql", "m/silver/a.sql", "m/gold/a.sql"])),
        ["bronze: bronze source seed", "silver: bronze silver source seed", "gold: bronze silver gold"]
    );
    assert_eq!(
        table(&of(&["m/base/a.sql", "m/intermediate/a.sql", "m/marts/a.sql"])),
        ["base: base source seed", "intermediate: base intermediate", "marts: base intermediate marts"]
    );
}

#[test]
fn layers_are_recognised_from_three_of_five_models_in_two_of_them() {
    let three = ["models/staging/a.sql", "models/staging/b.sql", "models/marts/c.sql"];
    let five = [&three[..], &["models/d.sql", "models/e.sql"]].concat();
    assert_eq!(names(&of(&five)), ["staging", "marts"]);
    assert!(of(&[&five[..], &["models/f.sql"]].concat()).layers.is_empty());
    assert!(of(&["models/staging/a.sql", "models/utils/b.sql"]).layers.is_empty());
    assert!(of(&[]).layers.is_empty());
}

#[test]
fn numbers_in_front_tell_the_order_whatever_the_words_say() {
    let layout = of(&["m/1_base/a.sql", "m/2_prep/a.sql", "m/3_staging/a.sql", "m/4_reporting/a.sql", "m/5_lab/a.sql"]);
    assert_eq!(names(&layout), ["base", "prep", "staging", "reporting"]);
    assert!(layout.order.contains(&("prep".to_owned(), "staging".to_owned())));
    let layout = of(&["m/L1_inlets/x/a.sql", "m/L2_bays/b.sql", "m/L3_coves/c.sql"]);
    assert_eq!(
        table(&layout),
        ["inlets: inlets source seed", "bays: inlets bays source seed", "coves: inlets bays coves source seed"]
    );
}

#[test]
fn a_word_that_may_mean_a_domain_is_a_layer_only_beside_layers() {
    let layout = of(&["m/raw/a.sql", "m/core/b.sql", "m/mart/c.sql", "m/mart/core/d.sql"]);
    assert_eq!(names(&layout), ["raw", "core", "marts"]);
    assert_eq!(layer_in(&layout, "m/mart/core/d.sql").as_deref(), Some("marts"));
    let layout = of(&["m/staging/a.sql", "m/marts/product/b.sql", "m/marts/sales/c.sql"]);
    assert_eq!(names(&layout), ["staging", "marts"]);
    // The folder of a source's reports is staging, too.
    let layout = of(&["m/staging/reports/a.sql", "m/marts/b.sql", "m/reports/c.sql"]);
    assert_eq!(layer_in(&layout, "m/staging/reports/a.sql").as_deref(), Some("staging"));
}

#[test]
fn a_folder_may_name_its_layer_and_more() {
    let layout = of(&["m/stg_crm/a.sql", "m/int_crm/b.sql", "m/mart_crm/c.sql"]);
    assert_eq!(names(&layout), ["staging", "intermediate", "marts"]);
    assert_eq!(names(&of(&["m/stg_crm/a.sql", "m/mart_crm/c.sql"])), ["staging", "marts"]);
    let layout = of(&["m/1. Landing/a.sql", "m/2. Refined/b.sql", "m/3. Handed over/c.sql"]);
    assert_eq!(names(&layout), ["landing", "curated", "handed_over"]);
}

#[test]
fn tables_of_a_data_vault_are_known_together() {
    let layout = of(&["m/raw_stage/a.sql", "m/stage/b.sql", "m/dv/hubs/c.sql", "m/dv/links/d.sql", "m/dv/sats/e.sql"]);
    assert_eq!(names(&layout), ["raw", "staging", "raw_vault"]);
    let layout = of(&["m/stg_a.sql", "m/hub_b.sql", "m/sat_b.sql", "m/link_c.sql"]);
    assert_eq!(names(&layout), ["staging", "raw_vault"]);
    assert!(of(&["m/stg_a.sql", "m/link_b.sql", "m/link_c.sql"]).layers.is_empty());
}

#[test]
fn a_network_called_base_is_no_layer() {
    let layout = of(&["m/staging/base/a.sql", "m/staging/arbitrum/b.sql", "m/marts/c.sql"]);
    assert_eq!(layer_in(&layout, "m/staging/base/a.sql").as_deref(), Some("staging"));
}

#[test]
fn of_a_layer_within_a_later_one_nobody_can_tell_which_comes_first() {
    let modules = of(&["m/core/staging/a.sql", "m/core/final/b.sql", "m/marts/x/staging/c.sql", "m/marts/x/d.sql"]);
    assert!(!modules.order.contains(&("staging".to_owned(), "marts".to_owned())));
    let own = of(&["m/staging/a.sql", "m/marts/x/intermediate/c.sql", "m/intermediate/c.sql", "m/marts/x/d.sql"]);
    assert!(own.order.contains(&("intermediate".to_owned(), "marts".to_owned())));
}

#[test]
fn a_base_within_anything_but_staging_is_what_stands_around_it() {
    let layout = of(&["m/marts/x/base/a.sql", "m/staging/base/b.sql", "m/marts/c.sql", "m/base/d.sql"]);
    assert_eq!(layer_in(&layout, "m/marts/x/base/a.sql").as_deref(), Some("marts"));
    assert_eq!(layer_in(&layout, "m/staging/base/b.sql").as_deref(), Some("base"));
    let layout = of(&["m/x/raw/a.sql", "m/staging/b.sql", "m/marts/c.sql"]);
    assert!(!layout.order.contains(&("raw".to_owned(), "staging".to_owned())));
    let layout = of(&["m/raw/a.sql", "m/staging/b.sql", "m/marts/c.sql"]);
    assert!(layout.order.contains(&("raw".to_owned(), "staging".to_owned())));
}

#[test]
fn a_prefix_says_nothing_in_a_folder_that_numbers_put_beside_the_layers() {
    let layout = of(&["m/1_base/a.sql", "m/2_staging/stg_a.sql", "m/3_marts/c.sql", "m/4_odds/stg_b.sql"]);
    assert_eq!(layer_in(&layout, "m/4_odds/stg_b.sql"), None);
}

#[test]
fn prefixes_are_taken_as_they_are_spelled() {
    let layout = of(&["m/a/STG_A.sql", "m/a/v_stg_b.sql", "m/b/FACT_C.sql", "m/b/dim_d.sql"]);
    assert_eq!(names(&layout), ["staging", "marts"]);
    for (path, layer) in [("m/a/STG_A.sql", "staging"), ("m/a/v_stg_b.sql", "staging"), ("m/b/FACT_C.sql", "marts")] {
        assert_eq!(layer_in(&layout, path).as_deref(), Some(layer), "{path}");
    }
}
