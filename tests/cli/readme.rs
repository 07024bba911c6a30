//! What README.md shows is what the program prints.

use std::path::Path;
use std::process::Command;

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

#[test]
fn the_sample_is_what_the_command_prints() {
    let readme = readme();
    let sample = readme.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    let output = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["check", "--project-dir", "fixtures/two_tenants"])
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut rest = printed.as_str();
    for part in sample.split("[…]\n") {
        let at =
            rest.find(part).unwrap_or_else(|| panic!("README.md shows what is not printed (in this order):\n{part}"));
        rest = &rest[at + part.len()..];
    }
    assert_eq!(rest, "", "the sample ends where the output ends");
}

/// A line may be cut: `[…]` at its end stands for anything.
fn is_shown(shown: &str, printed: &str) -> bool {
    shown.strip_suffix("[…]").map_or(shown == printed, |beginning| printed.starts_with(beginning))
}

#[test]
fn each_format_is_shown_as_it_is_printed() {
    let readme = readme();
    let mut formats = 0;
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let (command, shown) = block.split_once('\n').unwrap();
        let words: Vec<&str> = command.split(' ').collect();
        assert_eq!(words[..3], ["$", "harness", "check"], "{command}");
        let mut harness = Command::new(env!("CARGO_BIN_EXE_harness"));
        let output = harness.current_dir(env!("CARGO_MANIFEST_DIR")).args(&words[2..]).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let is_same = shown.lines().count() == printed.lines().count()
            && shown.lines().zip(printed.lines()).all(|(shown, printed)| is_shown(shown, printed));
        assert!(is_same, "README.md shows\n{shown}\nfor `{command}`, which prints\n{printed}");
        formats += 1;
    }
    assert_eq!(formats, 5);
}

#[test]
fn the_plans_house_rules_are_the_example_and_fit_forty_lines() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/plan.harness.yml");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.lines().count() <= 40);
    let registry = harness::rules::registry::Registry::embedded().unwrap();
    let house = harness::session::house_rules(registry, &text).unwrap();
    assert_eq!(house.layers.len(), 4);
    let readme = readme();
    let shown = readme.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(harness::session::house_rules(registry, shown).unwrap(), house, "README.md shows the same rules");
}
