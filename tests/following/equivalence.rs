//! Whatever happens to the files, a session that follows says what a fresh one says, byte for byte: findings,
//! relations and the manifest.
//!
//! Each project gets a script of random edits from a fixed seed and one from a seed of this run, which a failure
//! prints. `HARNESS_SEED=… HARNESS_STEPS=… cargo test --test following equivalence::NAME` runs one again. Many
//! steps: `cargo bench --bench equivalence`.

use crate::live::script::{Asked, Files, Op, Plan, Step, Told};
use crate::live::{bases, script};
use harness::session::on_large_stacks;
use std::time::SystemTime;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// The steps of a script; each project has two.
const STEPS: u64 = 75;
/// A fresh session costs ten times what a look of one that follows does, so that not every step is compared. What is
/// wrong after a step mostly stays wrong, and a failure is shortened to the steps that matter.
const COMPARED: usize = 15;
const FIXED: u64 = 0x5eed;

fn follows(project: &str) {
    let (_, files) = bases::all().into_iter().find(|(name, _)| name == project).unwrap();
    let steps = number("HARNESS_STEPS").unwrap_or(STEPS) as usize;
    let of_this_run = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into();
    let seeds = match number("HARNESS_SEED") {
        Some(seed) => vec![seed],
        None => vec![FIXED, of_this_run()],
    };
    for seed in seeds {
        // The packs of other tools say much, and cost twice as much.
        let plan = Plan { seed, steps, all_rules: seed % 4 == 0, compared: COMPARED };
        let ran = on_large_stacks(1, || script::run(&files, plan, |_, _| ())).unwrap();
        if let Err(failure) = ran {
            panic!(
                "{failure}\nHARNESS_SEED={seed} HARNESS_STEPS={steps} cargo test --test following equivalence::{project}"
            );
        }
    }
}

macro_rules! projects {
    ($($name:ident),+) => {$(
        #[test]
        fn $name() {
            follows(stringify!($name));
        }
    )+

        #[test]
        fn every_project_has_its_scripts() {
            let names: Vec<String> = bases::all().into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, [$(stringify!($name)),+]);
        }
    };
}

/// Scripts that once ended in a difference.
#[test]
fn what_once_differed_does_so_no_more() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    // One id in two folders that are no layers: which stands first followed from what was met first.
    let twice: Files = [
        file("models/archive/open_loans.sql", "select * from {{ ref('loans') }}\n"),
        file("models/loans/loans.sql", "select 1 as id\n"),
        file("models/loans/loans.yml", "models:\n  - name: loans\n"),
        file("models/loans/open_loans.sql", "select * from {{ ref('loans') }}\n"),
    ]
    .into();
    // Two settings in another order are the same settings, and were told in the former order.
    let settings: Files = [file("models/visits.sql", "{{ config(alias='orders') }}\nselect 1 as id\n")].into();
    let text = "{{ config(tags=['a']) }}\n{{ config(alias='orders') }}\nselect 1 as id\n".to_owned();
    let other = "{{ config(alias='orders') }}\n{{ config(tags=['a']) }}\nselect 1 as id\n".to_owned();
    let write = |text: String| Op::Write("models/visits.sql".to_owned(), text);
    let steps = [text, other].map(|text| Step {
        what: "a config",
        ops: vec![write(text)],
        told: Told::Paths,
        asked: Asked::All,
    });
    assert_eq!(on_large_stacks(1, || script::replayed(&settings, &steps, false)).unwrap(), None);

    let stated = "paths: \"models/{layer}/{domain}/**\"\nlayers:\n  staging: {reads: [source, seed]}\n";
    let step = Step {
        what: "harness.yml",
        ops: vec![Op::Write("harness.yml".to_owned(), stated.to_owned())],
        told: Told::Folders,
        asked: Asked::All,
    };
    let differs = on_large_stacks(1, || script::replayed(&twice, &[step], false)).unwrap();
    assert_eq!(differs, None);
}

projects!(broken, flat, macros, ordinary, packages, two_tenants, yaml, shop, whole);
