//! `harness watch`, as programs use it: `--stdin` for what is told of each edit, the real watcher for how edits
//! come about. Whatever happens, what was told adds up to the findings of a fresh run.

use crate::program;
use crate::program::watching::{ORDERS, Told, Watching, project, rules};
use crate::program::{code, err, harness, write};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

/// What an editor leaves beside a file that is being edited is nobody's finding.
#[test]
#[cfg(unix)]
fn a_lock_of_emacs_is_no_file() {
    let (_temporary, folder) = project();
    let mut watching = Watching::start(&folder, &["--stdin"], &[]);
    std::os::unix::fs::symlink("somebody@somewhere.4711", folder.join("models/.#orders.sql")).unwrap();
    assert_eq!(told(&watching.look()), (NOTHING.0, NOTHING.1, vec![]));
}

const OPTIONS: [&str; 2] = ["--rule", "UNKNOWN_REF"];

fn told(told: &Told) -> (Vec<String>, Vec<String>, Vec<&str>) {
    (rules(&told.removed), rules(&told.added), told.changed.iter().map(String::as_str).collect())
}

/// Nothing came or went.
const NOTHING: (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());

fn came(finding: &str, file: &str) -> impl Fn(&Told) {
    let (finding, file) = (finding.to_owned(), file.to_owned());
    move |all| assert_eq!(told(all), (vec![], vec![finding.clone()], vec![file.as_str()]))
}

fn went(finding: &str, file: &str) -> impl Fn(&Told) {
    let (finding, file) = (finding.to_owned(), file.to_owned());
    move |all| assert_eq!(told(all), (vec![finding.clone()], vec![], vec![file.as_str()]))
}

#[test]
fn each_empty_line_gives_one_settled_and_the_end_of_input_ends_it() {
    let (_temporary, folder) = project();
    let mut watching = Watching::start(&folder, &["--stdin"], &[]);
    assert!(!watching.findings.is_empty());
    assert_eq!(watching.revision, 1);
    for _ in 0..3 {
        let nothing = watching.look();
        assert_eq!(told(&nothing), (vec![], vec![], vec![]));
        assert_eq!(watching.revision, 1, "the same state is the same revision");
    }
    assert_eq!(watching.end().code(), Some(0));
    assert_eq!(watching.rest_of_errors(), "");
}

#[test]
fn lines_that_came_before_the_end_are_all_answered() {
    let (_temporary, folder) = project();
    let mut watching = Watching::start(&folder, &["--stdin"], &[]);
    use std::io::Write;
    watching.child.stdin.as_mut().unwrap().write_all(b"\n\n\r\n").unwrap();
    drop(watching.child.stdin.take());
    for _ in 0..3 {
        watching.settled();
    }
    assert_eq!(watching.end().code(), Some(0));
}

#[test]
fn an_edit_tells_what_it_changed_and_no_more() {
    let (_temporary, folder) = project();
    let mut watching = Watching::start(&folder, &["--stdin"], &OPTIONS);
    assert_eq!(rules(&watching.findings), ["UNKNOWN_REF models/orders.sql:2"]);

    write(&folder, ORDERS, "select * from {{ ref('customers') }}\n");
    went("UNKNOWN_REF models/orders.sql:2", ORDERS)(&watching.look());
    write(&folder, ORDERS, "select * from {{ ref('nowhere') }}\n");
    came("UNKNOWN_REF models/orders.sql:1", ORDERS)(&watching.look());

    // A line that moves is told to programs: the object is another one.
    write(&folder, ORDERS, "\n\nselect * from {{ ref('nowhere') }}\n");
    let moved = watching.look();
    let (gone, new) = (["UNKNOWN_REF models/orders.sql:1"], ["UNKNOWN_REF models/orders.sql:3"]);
    assert_eq!(told(&moved), (gone.map(str::to_owned).into(), new.map(str::to_owned).into(), vec![ORDERS]));
    assert_eq!(watching.revision, 4);

    // The same bytes written again are no change.
    write(&folder, ORDERS, "\n\nselect * from {{ ref('nowhere') }}\n");
    assert_eq!(told(&watching.look()), (NOTHING.0, NOTHING.1, vec![]));
    assert_eq!(watching.revision, 4);
}

#[test]
fn files_and_folders_come_go_and_are_renamed() {
    let (_temporary, folder) = project();
    let mut watching = Watching::start(&folder, &["--stdin"], &OPTIONS);
    write(&folder, "models/customer.sql", "select 1 as id\n");
    went("UNKNOWN_REF models/orders.sql:2", "models/customer.sql")(&watching.look());
    fs::remove_file(folder.join("models/customer.sql")).unwrap();
    came("UNKNOWN_REF models/orders.sql:2", "models/customer.sql")(&watching.look());

    write(&folder, "models/größer 1/é.sql", "select * from {{ ref('gone') }}\n");
    came("UNKNOWN_REF models/größer 1/é.sql:1", "models/größer 1/é.sql")(&watching.look());
    fs::rename(folder.join("models/größer 1"), folder.join("models/b")).unwrap();
    let renamed = watching.look();
    assert_eq!(rules(&renamed.removed), ["UNKNOWN_REF models/größer 1/é.sql:1"]);
    assert_eq!(rules(&renamed.added), ["UNKNOWN_REF models/b/é.sql:1"]);
    assert_eq!(renamed.changed, ["models/b/é.sql", "models/größer 1/é.sql"]);
    fs::remove_dir_all(folder.join("models/b")).unwrap();
    went("UNKNOWN_REF models/b/é.sql:1", "models/b/é.sql")(&watching.look());
}

#[test]
fn the_project_file_is_just_another_file_and_may_be_gone_for_a_while() {
    let (_temporary, folder) = project();
    write(&folder, "marts/m.sql", "select * from {{ ref('gone') }}\n");
    let mut watching = Watching::start(&folder, &["--stdin"], &OPTIONS);
    write(&folder, "dbt_project.yml", "name: shop\nprofile: shop\nmodel-paths: [models, marts]\n");
    let added = watching.look();
    assert_eq!(rules(&added.added), ["UNKNOWN_REF marts/m.sql:1"]);
    assert_eq!(added.changed, ["dbt_project.yml", "marts/m.sql"]);

    fs::rename(folder.join("dbt_project.yml"), folder.join("away")).unwrap();
    assert_eq!(told(&watching.look_unequal()), (NOTHING.0, NOTHING.1, vec![]));
    watching.said("dbt_project.yml is gone.");
    write(&folder, ORDERS, "select 1 as id\n");
    assert_eq!(told(&watching.look_unequal()), (NOTHING.0, NOTHING.1, vec![]));
    fs::rename(folder.join("away"), folder.join("dbt_project.yml")).unwrap();
    went("UNKNOWN_REF models/orders.sql:2", ORDERS)(&watching.look());
    watching.said("dbt_project.yml is back");
}

#[test]
fn broken_house_rules_are_told_with_their_place_and_the_last_good_ones_hold() {
    let (_temporary, folder) = project();
    write(&folder, "harness.yml", "rules: {UNKNOWN_REF: info}\n");
    let mut watching = Watching::start(&folder, &["--stdin"], &OPTIONS);
    assert!(watching.findings[0].contains("\"severity\":\"info\""));

    write(&folder, "harness.yml", "rules:\n  UNKNOWN_REF: graver\n");
    write(&folder, "models/more.sql", "select * from {{ ref('gone') }}\n");
    let more = watching.look_unequal();
    assert_eq!(rules(&more.added), ["UNKNOWN_REF models/more.sql:1"], "all else goes on");
    assert!(more.added[0].contains("\"severity\":\"info\""), "as the last good rules say");
    assert!(watching.said("harness.yml:2:16: ").contains("harness.yml:2:16: "));
    // The same error is told once.
    watching.look_unequal();
    write(&folder, "harness.yml", "rules: {UNKNOWN_REF: warning}\n");
    let mended = watching.look();
    assert_eq!((mended.removed.len(), mended.added.len()), (2, 2));
    assert_eq!(mended.changed, ["harness.yml"]);
    let said = watching.said("can be used again");
    assert!(!said.contains("harness.yml:2"), "{said}");

    fs::remove_file(folder.join("harness.yml")).unwrap();
    assert_eq!(watching.look().changed, ["harness.yml"], "none is as good as any");
}

#[test]
fn rules_of_the_house_are_just_files_too() {
    let (_temporary, folder) = project();
    write(&folder, "harness.yml", "rule-paths: [../policies]\n");
    let rule = |message: &str| {
        format!(
            "---\nseverity: error\nmessage: {message}\nremedy: Rename it.\n---\n# No orders\n\n```datalog\n\
             finding(node: m) :- model(m, \"orders\", _).\n```\n"
        )
    };
    // Without git, what lies beside the project is outside of it.
    let mut watching = Watching::start(&folder, &["--stdin"], &["--allow-outside"]);
    for path in ["harness/rules/no-orders.md", "../policies/no-orders.md"] {
        write(&folder, path, &rule("a model is called orders."));
        let added = watching.look();
        assert_eq!(rules(&added.added), ["NO_ORDERS models/orders.sql:1"], "{added:?}");
        assert_eq!(added.changed, [path]);
        write(&folder, path, &rule("a model is still called orders."));
        let reworded = watching.look();
        assert_eq!((reworded.removed.len(), reworded.added.len()), (1, 1));
        assert!(reworded.added[0].contains("is still called"));
        write(&folder, path, "---\nseverity: error\n---\n");
        let broken = watching.look();
        assert_eq!(rules(&broken.removed), ["NO_ORDERS models/orders.sql:1"]);
        assert_eq!(broken.added.len(), 1, "a rule that cannot be used is a finding: {broken:?}");
        fs::remove_file(folder.join(path)).unwrap();
        assert_eq!(watching.look().removed.len(), 1);
    }
}

#[test]
fn a_profile_is_read_again() {
    let (_temporary, folder) = project();
    let profile = |target: &str| {
        format!("shop:\n  target: {target}\n  outputs:\n    a: {{type: duckdb}}\n    b: {{type: duckdb}}\n")
    };
    write(&folder, "profiles.yml", &profile("a"));
    write(&folder, ORDERS, "select * from {{ ref('customers_' ~ target.name) }}\n");
    write(&folder, "models/customers_a.sql", "select 1 as id\n");
    let mut watching = Watching::start(&folder, &["--stdin"], &OPTIONS);
    assert!(watching.findings.is_empty());
    write(&folder, "profiles.yml", &profile("b"));
    came("UNKNOWN_REF models/orders.sql:1", "profiles.yml")(&watching.look());
    write(&folder, "profiles.yml", &profile("a"));
    went("UNKNOWN_REF models/orders.sql:1", "profiles.yml")(&watching.look());
}

#[test]
fn a_baseline_is_read_again_and_nothing_of_a_broken_one_is_trusted() {
    let (_temporary, folder) = project();
    let baseline = folder.join("harness-baseline.ndjson");
    assert_eq!(code(&harness(&folder, &["check", "--write-baseline"])), 0);
    let options = ["--rule", "UNKNOWN_REF", "--baseline", "harness-baseline.ndjson"];
    let mut watching = Watching::start(&folder, &["--stdin"], &options);
    assert!(watching.findings[0].contains("\"status\":\"old\""));
    let whole = fs::read_to_string(&baseline).unwrap();
    fs::write(&baseline, "{\"harness_baseline\":1}\n").unwrap();
    let emptied = watching.look();
    assert!(emptied.added[0].contains("\"status\":\"new\"") && emptied.removed[0].contains("\"status\":\"old\""));
    assert_eq!(emptied.changed, ["harness-baseline.ndjson"]);
    fs::write(&baseline, "<<<<<<<\n").unwrap();
    assert_eq!(told(&watching.look_unequal()), (NOTHING.0, NOTHING.1, vec![]));
    watching.said("harness-baseline.ndjson:1: a merge left its conflict marks here");
    fs::write(&baseline, whole).unwrap();
    assert!(watching.look().added[0].contains("\"status\":\"old\""));
    watching.said("the baseline can be used again");
}

#[test]
fn a_part_of_the_project_is_watched_as_check_would_check_it() {
    let (_temporary, folder) = project();
    for options in [&["models/orders.sql"][..], &["--select", "orders+"], &["--skip-rule", "UNKNOWN_REF"]] {
        write(&folder, ORDERS, "select *\nfrom {{ ref('customer') }}\n");
        write(&folder, "models/customers.sql", "select 1 as id\n");
        let mut watching = Watching::start(&folder, &["--stdin"], options);
        write(&folder, "models/customers.sql", "select * from {{ ref('gone') }}\n");
        assert_eq!(told(&watching.look()).1, Vec::<String>::new(), "{options:?}");
        write(&folder, ORDERS, "select * from {{ ref('away') }}, {{ ref('customers') }}\n");
        watching.look();
    }
    let mut watching = Watching::start(&folder, &["--stdin"], &["--select", "customers+1", "--rule", "UNKNOWN_REF"]);
    write(&folder, ORDERS, "select * from {{ ref('away') }}\n");
    let left = watching.look();
    assert_eq!(rules(&left.removed), ["UNKNOWN_REF models/orders.sql:1"], "what is selected may change: {left:?}");
}

#[test]
fn wrong_options_are_told_before_anything_is_watched() {
    let (_temporary, folder) = project();
    for (options, told) in [
        (&["--rule", "UNKOWN_REF"][..], "Did you mean UNKNOWN_REF?"),
        (&["models/nowhere"], "holds no file of the project"),
        (&["--baseline", "none"], "does not exist"),
        (&["--select", "nothing:like_this"], "--select"),
        (&["--selector", "none"], "none"),
        (&["--poll"], "--stdin"),
        (&["--format", "sarif"], "ndjson"),
    ] {
        // Without input, one that starts ends at once.
        let mode = if options.contains(&"--stdin") { &["watch"][..] } else { &["watch", "--stdin"] };
        let output = harness(&folder, &[mode, options].concat());
        assert_eq!(code(&output), 2, "{options:?}");
        assert!(err(&output).contains(told), "{options:?}: {}", err(&output));
    }
    write(&folder, "harness.yml", "nope: 1\n");
    let output = harness(&folder, &["watch", "--stdin"]);
    assert_eq!(code(&output), 2);
    assert!(err(&output).contains("harness.yml:1:1"));
}

/// Saves whose consequences were once not shown, or stayed: each with what comes by it.
#[test]
fn what_a_save_changes_beyond_its_own_entry_is_right_at_once() {
    let far = "models/far.yml";
    let plain = "models:\n  - name: customers\n    description: Kept by the harness\n";
    let metrics =
        "    semantic_model: true\n    metrics: [{name: part, type: ratio, numerator: none, denominator: none}]\n";
    let excuse = "    config: {meta: {harness: {ignore: [{rule: UNKNOWN_REF, reason: it comes}]}}}\n";
    let excused = "select * from {{ ref('away') }} -- harness: ignore[UNKNOWN_REF] it comes\n";
    for mode in [&["--stdin"][..], &[]] {
        let (_temporary, folder) = project();
        write(&folder, far, plain);
        let mut watching = Watching::start(&folder, mode, &[]);
        let mut save = |path: &str, text: &str, what: &str| {
            write(&folder, path, text);
            if mode.is_empty() {
                watching.until_changed(path);
                watching.assert_fresh();
            } else {
                watching.look();
            }
            assert!(watching.findings.iter().any(|finding| finding.contains(what)), "{what}");
        };
        save(far, &format!("{plain}{metrics}"), "metric 'part'");
        save(far, plain, "UNKNOWN_REF");
        save(far, &format!("{plain}{metrics}"), "metric 'part'");
        save(far, &format!("{plain}{excuse}"), "UNUSED_SUPPRESSION");
        save(far, plain, "UNKNOWN_REF");
        save("models/more.sql", excused, "models/more.sql");
        save("models/more.sql", &excused.replace("away", "customers"), "UNUSED_SUPPRESSION");
    }
}

// The real watcher.

#[test]
fn a_saved_file_is_noticed_however_an_editor_saves_it() {
    let (_temporary, folder) = project();
    let orders = folder.join(ORDERS);
    let text = |parent: &str| format!("select * from {{{{ ref('{parent}') }}}}\n");
    type Way<'w> = (&'w str, &'w dyn Fn(&str));
    let ways: [Way<'_>; 6] = [
        ("written in place", &|text| fs::write(&orders, text).unwrap()),
        ("written beside and renamed over it", &|text| {
            write(&folder, "models/.orders.sql.tmp", text);
            fs::rename(folder.join("models/.orders.sql.tmp"), &orders).unwrap();
        }),
        ("the old one renamed to a backup, which is then deleted, as vim does", &|text| {
            write(&folder, "models/4913", "");
            fs::remove_file(folder.join("models/4913")).unwrap();
            fs::rename(&orders, folder.join("models/orders.sql~")).unwrap();
            fs::write(&orders, text).unwrap();
            fs::remove_file(folder.join("models/orders.sql~")).unwrap();
        }),
        ("deleted and written anew", &|text| {
            fs::remove_file(&orders).unwrap();
            fs::write(&orders, text).unwrap();
        }),
        ("written in two halves", &|text| {
            fs::write(&orders, &text[..10]).unwrap();
            thread::sleep(Duration::from_millis(50));
            fs::write(&orders, text).unwrap();
        }),
        ("emptied first, and a swap file beside it", &|text| {
            write(&folder, "models/.orders.sql.swp", "x");
            fs::write(&orders, "").unwrap();
            fs::write(&orders, text).unwrap();
        }),
    ];
    for mode in [&[][..], &["--poll", "20"]] {
        let mut watching = Watching::start(&folder, mode, &OPTIONS);
        for (at, (way, save)) in ways.iter().enumerate() {
            save(&text(&format!("nowhere_{at}")));
            watching.until_fresh();
            assert!(watching.findings[0].contains(&format!("nowhere_{at}")), "{way}");
        }
    }
}

#[test]
fn folders_branches_and_packages_are_noticed() {
    let (_temporary, folder) = project();
    write(&folder, "../shared/dbt_project.yml", "name: shared\n");
    write(&folder, "../shared/models/base.sql", "select 1 as id\n");
    write(&folder, "packages.yml", "packages: [{local: ../shared}]\n");
    let mut watching = Watching::start(&folder, &[], &OPTIONS);
    // A branch with some hundred other files.
    for n in 0..300 {
        write(
            &folder,
            &format!("models/area {}/m_{n}.sql", n % 7),
            &format!("select * from {{{{ ref('m_{}') }}}}\n", n + 1),
        );
    }
    watching.until_fresh();
    fs::rename(folder.join("models/area 1"), folder.join("models/área")).unwrap();
    watching.until_fresh();
    write(&folder, "models/área/m_1.sql", "select * from {{ ref('gone') }}\n");
    watching.until_fresh();
    // A package beside the project.
    write(&folder, ORDERS, "select * from {{ ref('base') }}\n");
    watching.until_fresh();
    fs::rename(folder.join("../shared/models/base.sql"), folder.join("../shared/models/ground.sql")).unwrap();
    watching.until_fresh();
    assert!(rules(&watching.findings).contains(&"UNKNOWN_REF models/orders.sql:1".to_owned()));
    for n in 0..7 {
        let _ = fs::remove_dir_all(folder.join(format!("models/area {n}")));
    }
    watching.until_fresh();
}

#[test]
#[cfg(unix)]
fn what_links_lead_to_is_noticed() {
    use std::os::unix::fs::symlink;
    let (_temporary, folder) = project();
    write(&folder, "../elsewhere/deep/linked.sql", "select 1 as id\n");
    write(&folder, "../files/one.sql", "select 1 as id\n");
    symlink("../../elsewhere", folder.join("models/linked")).unwrap();
    symlink("../../files/one.sql", folder.join("models/one.sql")).unwrap();
    let mut watching = Watching::start(&folder, &[], &["--rule", "UNKNOWN_REF", "--allow-outside"]);
    write(&folder, "../elsewhere/deep/linked.sql", "select * from {{ ref('gone') }}\n");
    assert_eq!(rules(&watching.until_fresh().added), ["UNKNOWN_REF models/linked/deep/linked.sql:1"]);
    write(&folder, "../files/one.sql", "select * from {{ ref('lost') }}\n");
    assert_eq!(rules(&watching.until_fresh().added), ["UNKNOWN_REF models/one.sql:1"]);
    fs::remove_file(folder.join("models/linked")).unwrap();
    assert_eq!(rules(&watching.until_fresh().removed), ["UNKNOWN_REF models/linked/deep/linked.sql:1"]);
}

#[test]
fn what_stands_beside_dbts_files_is_watched_too() {
    let (_temporary, folder) = project();
    write(&folder, "../house/other.yml", "extends: auto\n");
    write(&folder, "../profiles/profiles.yml", "shop: {target: a, outputs: {a: {type: duckdb}, b: {type: duckdb}}}\n");
    write(&folder, ORDERS, "select * from {{ ref('customers_' ~ target.name) }}\n");
    write(&folder, "models/customers_a.sql", "select 1 as id\n");
    let options = ["--rule", "UNKNOWN_REF", "--config", "../house/other.yml", "--profiles-dir", "../profiles"];
    let mut watching = Watching::start(&folder, &[], &options);
    write(&folder, "../profiles/profiles.yml", "shop: {target: b, outputs: {a: {type: duckdb}, b: {type: duckdb}}}\n");
    assert_eq!(watching.until_fresh().added.len(), 1);
    write(&folder, "../house/other.yml", "rules: {UNKNOWN_REF: info}\n");
    assert!(watching.until_fresh().added[0].contains("\"severity\":\"info\""));
    fs::remove_file(folder.join("../house/other.yml")).unwrap();
    watching.said("../house/other.yml does not exist");
    write(&folder, "../house/other.yml", "rules: {UNKNOWN_REF: warning}\n");
    watching.said("can be used again");
    watching.until_fresh();
}

#[test]
fn the_projects_folder_may_be_deleted_and_restored() {
    let (_temporary, folder) = project();
    let away = folder.with_file_name("away");
    let mut watching = Watching::start(&folder, &[], &OPTIONS);
    program::copy(&folder, &away);
    fs::remove_dir_all(&folder).unwrap();
    watching.said("dbt_project.yml is gone");
    assert_eq!(watching.findings.len(), 1, "what was found is kept meanwhile");
    write(&away, ORDERS, "select * from {{ ref('other') }}\n");
    program::copy(&away, &folder);
    watching.said("dbt_project.yml is back");
    watching.until_fresh();
    write(&folder, ORDERS, "select * from {{ ref('another') }}\n");
    watching.until_fresh();
    assert!(watching.findings[0].contains("another"));
}

#[test]
#[cfg(unix)]
fn permissions_may_be_lost_and_regained() {
    use std::os::unix::fs::PermissionsExt;
    let (_temporary, folder) = project();
    let mut watching = Watching::start(&folder, &["--stdin"], &[]);
    let before = watching.findings.clone();
    for path in [ORDERS, "models"] {
        let path = folder.join(path);
        let was = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        // The superuser may read everything.
        watching.look();
        fs::set_permissions(&path, was).unwrap();
        watching.look();
        assert_eq!(watching.findings.len(), before.len());
    }
}

#[test]
fn ten_thousand_files_touched_with_equal_bytes_are_no_change() {
    let (_temporary, folder) = project();
    for n in 0..10_000 {
        write(&folder, &format!("models/docs_{}/d_{n}.md", n % 40), "Nothing.\n");
    }
    let mut watching = Watching::start(&folder, &[], &OPTIONS);
    for n in 0..10_000 {
        write(&folder, &format!("models/docs_{}/d_{n}.md", n % 40), "Nothing.\n");
    }
    write(&folder, ORDERS, "select * from {{ ref('other') }}\n");
    assert_eq!(watching.until_changed(ORDERS), [ORDERS]);
    assert_eq!(watching.revision, 2);
}

#[test]
fn content_decides_and_no_clock() {
    let (_temporary, folder) = project();
    let path = folder.join(ORDERS);
    let set = |time: SystemTime| fs::File::options().append(true).open(&path).unwrap().set_modified(time).unwrap();
    for mode in [&[][..], &["--poll", "20"]] {
        write(&folder, ORDERS, "select * from {{ ref('a') }}\n");
        let mut watching = Watching::start(&folder, mode, &OPTIONS);
        // Another time with the same bytes, then another text of the same length from long ago.
        set(SystemTime::now() + Duration::from_secs(86_400));
        thread::sleep(Duration::from_millis(50));
        write(&folder, ORDERS, "select * from {{ ref('b') }}\n");
        set(SystemTime::UNIX_EPOCH + Duration::from_secs(86_400));
        assert_eq!(watching.until_changed(ORDERS), [ORDERS]);
        watching.assert_fresh();
        assert_eq!(watching.revision, 2);
    }
}

#[test]
fn a_stream_of_saves_is_followed_to_its_end() {
    let (_temporary, folder) = project();
    let mut watching = Watching::start(&folder, &["--debounce", "1"], &[]);
    for n in 0..150 {
        write(&folder, ORDERS, &format!("select * from {{{{ ref('gone_{n}') }}}}\n"));
        if n % 10 == 0 {
            write(&folder, "dbt_project.yml", &format!("name: shop\nprofile: shop\nvars: {{n: {n}}}\n"));
        }
        thread::sleep(Duration::from_millis(2));
    }
    watching.until_fresh();
    assert!(watching.findings.iter().any(|finding| finding.contains("gone_149")));
}

#[cfg(unix)]
fn interrupt(id: u32) {
    assert!(Command::new("kill").args(["-INT", &id.to_string()]).status().unwrap().success());
}

#[test]
#[cfg(unix)]
fn an_interrupt_ends_it_with_130() {
    let (_temporary, folder) = project();
    let mut watching = Watching::start(&folder, &[], &[]);
    interrupt(watching.child.id());
    assert_eq!(watching.child.wait().unwrap().code(), Some(130));
}

#[test]
fn people_read_a_line_for_each_finding_that_comes_or_goes() {
    let (_temporary, folder) = project();
    let shown = piped(
        &folder,
        &[
            &|| {
                write(&folder, ORDERS, "\n\nselect * from {{ ref('customer') }}\n");
            },
            &|| {
                write(&folder, ORDERS, "select * from {{ ref('nowhere') }}\n");
            },
        ],
    );
    insta::assert_snapshot!(shown);
}

/// A line without the time it ends with.
fn timeless(line: &str) -> String {
    match line.rsplit_once("; ") {
        Some((rest, _)) if !line.starts_with(['+', '-']) => format!("{rest}; [time]\n"),
        _ => format!("{line}\n"),
    }
}

/// What a pipe shows of some edits.
fn piped(folder: &Path, edits: &[&dyn Fn()]) -> String {
    use std::io::{BufRead, BufReader, Write};
    let mut child = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(["watch", "--stdin", "--rule", "UNKNOWN_REF"])
        .current_dir(folder)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut shown = timeless(&lines.next().unwrap().unwrap());
    for edit in edits {
        edit();
        input.write_all(b"\n").unwrap();
        loop {
            let line = lines.next().unwrap().unwrap();
            shown.push_str(&timeless(&line));
            if !line.starts_with(['+', '-']) {
                break;
            }
        }
    }
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    shown
}

#[test]
fn a_reader_that_has_gone_ends_it_quietly() {
    let (_temporary, folder) = project();
    let mut child = Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(["watch", "--stdin", "--format", "ndjson"])
        .current_dir(&folder)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}

/// On a terminal, which `script` lends where it is installed.
#[test]
#[cfg(target_os = "linux")]
fn on_a_terminal_a_status_stands_below_what_changed_and_an_interrupt_takes_it_away() {
    use std::io::{Read, Write};
    let (_temporary, folder) = project();
    let command = format!("stty cols 60; exec {} watch --rule UNKNOWN_REF", env!("CARGO_BIN_EXE_harness"));
    let started = Command::new("script")
        .args(["-qefc", &command, "/dev/null"])
        .current_dir(&folder)
        .env("HOME", "/nowhere")
        .env_remove("NO_COLOR")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let Ok(mut child) = started else { return };
    let mut out = child.stdout.take().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut shown = String::new();
    let (sender, pieces) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = out.read(&mut buffer) {
            let _ = sender.send(String::from_utf8_lossy(&buffer[..read]).into_owned());
        }
    });
    let mut until = |text: &str| {
        while !shown.contains(text) {
            let piece = pieces.recv_timeout(Duration::from_secs(60));
            shown.push_str(&piece.unwrap_or_else(|_| panic!("{text:?} is not shown: {shown:?}")));
        }
        shown.clone()
    };
    let first = until("watching");
    assert!(first.contains("\u{1b}[31m1 error\u{1b}[0m"), "{first:?}");
    write(&folder, ORDERS, "select * from {{ ref('nowhere') }}\n");
    let changed = until("+ models/orders.sql:1:18");
    assert!(changed.contains("\r\u{1b}[J"), "the status is drawn anew below: {changed:?}");
    assert!(changed.contains("\u{1b}[32m- models/orders.sql:2:9\u{1b}[0m"), "{changed:?}");
    write(&folder, "harness.yml", "nope: 1\n");
    until("harness.yml:1:1");
    until("harness.yml is broken");
    input.write_all(b"\x03").unwrap();
    let status = child.wait().unwrap();
    let rest: String = pieces.iter().collect();
    assert_eq!(status.code(), Some(130), "{rest:?}");
    let all = format!("{}{rest}", shown);
    assert!(all.trim_end().ends_with("\u{1b}[J"), "nothing is left at the cursor: {all:?}");
}
