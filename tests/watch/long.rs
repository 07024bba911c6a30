//! What the looks of `harness watch` cost, and that it can go on for long.

use crate::program;
use crate::program::watching::{ORDERS, Watching, project, rules};
use crate::program::{err, harness, write};

#[test]
fn what_each_look_cost_is_told_beside_the_output() {
    let (_temporary, folder) = project();
    let plain = program::out(&harness(&folder, &["check", "--format", "json"]));
    let counted = harness(&folder, &["check", "--format", "json", "--stats"]);
    assert_eq!(program::out(&counted), plain);
    let tiers = ["queries", "text", "project", "directory", "section", "sum", "all"];
    let said = err(&counted);
    assert!(tiers.iter().all(|tier| said.lines().any(|line| line.starts_with(tier))), "{said}");
    assert!(said.lines().next().is_some_and(|line| line.ends_with("executed   reused  early-cut")), "{said}");
    // Standard input is at its end, so there is one look.
    let watched = harness(&folder, &["watch", "--stdin", "--stats"]);
    assert_eq!(err(&watched).matches("early-cut").count(), 1, "{}", err(&watched));
}

#[test]
fn a_session_that_is_worn_begins_again_between_two_looks_and_misses_nothing() {
    let (_temporary, folder) = project();
    let options = ["--rule", "UNKNOWN_REF"];
    let mut watching = Watching::start(&folder, &["--stdin", "--verbose"], &options);
    for edit in 0..260 {
        write(&folder, "models/customers.sql", &format!("select {edit} as id\n"));
        let told = watching.look_unequal();
        assert_eq!((told.changed.as_slice(), told.added.len()), (&["models/customers.sql".to_owned()][..], 0));
    }
    // It is read anew with what nobody has told it of yet.
    write(&folder, ORDERS, "select *\nfrom {{ ref('customers') }}\n");
    watching.until_said("was read anew");
    let told = watching.look();
    assert_eq!(
        (rules(&told.removed), told.changed),
        (vec!["UNKNOWN_REF models/orders.sql:2".to_owned()], vec![ORDERS.to_owned()])
    );
    // It is as it was, and a look tells nothing.
    assert_eq!(watching.look().changed, Vec::<String>::new());
    write(&folder, ORDERS, "select *\nfrom {{ ref('nobody') }}\n");
    assert_eq!(watching.look().added.len(), 1);
}
