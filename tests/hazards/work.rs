//! Templates, rules and selectors that do without end what they may do once: each ends at a limit that counts
//! work, is told at its place, and all else is checked.

use super::program::bounded::{Ended, bounded};
use super::program::write;

const PROJECT: &str = "name: shop\n";
const CANARY: &str = "select * from {{ ref('nowhere') }}\n";
/// A text of 8 MB.
const LARGE: &str = "{% set s = 'aaaaaaaa' %}";

fn doubled(name: &str, times: usize) -> String {
    format!("{{% set {name} = {name} ~ {name} %}}").repeat(times)
}

fn large() -> String {
    format!("{LARGE}{}", doubled("s", 20))
}

fn looped(body: &str) -> String {
    format!("{{% for i in range(100000) %}}{body}{{% endfor %}}")
}

fn checked(files: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", PROJECT);
    write(folder.path(), "models/canary.sql", CANARY);
    files.iter().for_each(|(path, text)| write(folder.path(), path, text));
    bounded(folder.path(), arguments)
}

/// Checks a model that does too much: one error, and the rest is checked.
fn excess(what: &str, files: &[(&str, &str)]) {
    let ended = checked(files, &["check"]);
    assert_eq!(ended.code, Some(1), "{what}: {}", ended.err);
    assert_eq!(ended.count("[PARSE_ERROR]"), 1, "{what}: {}", ended.out);
    assert_eq!(ended.count("[UNKNOWN_REF]"), 1, "{what}: {}", ended.out);
}

/// Checks a model whose work is within the limits, or ends at one: no crash, and the rest is checked.
fn harmless(what: &str, files: &[(&str, &str)]) {
    let ended = checked(files, &["check"]);
    assert_eq!(ended.code, Some(1), "{what}: {}", ended.err);
    assert!(ended.count("[PARSE_ERROR]") <= 1, "{what}: {}", ended.out);
    assert_eq!(ended.count("'nowhere'"), 1, "{what}: {}", ended.out);
}

#[test]
fn a_text_that_grows_without_end_is_an_error() {
    let doubling = |body: &str| format!("{{% set x = 'aaaaaaaa' %}}{}{{{{ x }}}}", body.repeat(60));
    let lists = "{% set l = [s] * 100000 %}";
    for (what, text) in [
        ("~", doubling("{% set x = x ~ x %}")),
        ("+", doubling("{% set x = x + x %}")),
        ("set block", doubling("{% set x %}{{ x }}{{ x }}{% endset %}")),
        ("raw text", looped(&"y".repeat(100_000))),
        ("join", format!("{}{lists}{{{{ l|join(s) }}}}", large())),
        ("method join", format!("{}{lists}{{{{ s.join(l) }}}}", large())),
        ("printed list", format!("{}{lists}{{{{ l }}}}", large())),
        ("tojson", format!("{}{lists}{{{{ tojson(l)|length }}}}", large())),
        ("config", format!("{}{lists}{{{{ config(meta={{'a': l}}) }}}}", large())),
        ("translate", format!("{}{{{{ s.translate('x'.maketrans({{'a': s}}))|length }}}}", large())),
        ("format", format!("{}{{{{ ('{{0}}' * 1000).format(s)|length }}}}", large())),
        ("replace", format!("{}{{{{ s.replace('a', s)|length }}}}", large())),
        ("wordwrap", format!("{}{{{{ s|wordwrap(1, wrapstring=s)|length }}}}", large())),
    ] {
        excess(what, &[("models/a.sql", &text)]);
    }
}

#[test]
fn values_that_are_compared_hashed_and_searched_again_and_again_are_an_error() {
    let two = format!("{}{{% set u = 'aaaaaaaa' %}}{}", large(), doubled("u", 20));
    let dict = format!("{}{{% set d = {{s: 1}} %}}", large());
    let list = "{% set b = range(100000)|list %}";
    for (what, text) in [
        ("==", format!("{two}{}", looped("{% if s == u %}{% endif %}"))),
        ("<", format!("{two}{}", looped("{% if s < u %}{% endif %}"))),
        ("in a text", format!("{two}{}", looped("{% if 'b' in s %}{% endif %}"))),
        ("in a list", format!("{two}{{% set l = [s] * 100 %}}{}", looped("{% if u in l %}{% endif %}"))),
        (
            "lists",
            format!("{two}{{% set l = [s] * 9 %}}{{% set m = [u] * 9 %}}{}", looped("{% if l == m %}{% endif %}")),
        ),
        ("key", format!("{}{}", large(), looped("{% set d = {s: 1} %}"))),
        ("subscript", format!("{dict}{}", looped("{{ d[s] }}"))),
        ("get", format!("{dict}{}", looped("{% if d.get(s) %}{% endif %}"))),
        ("sort", format!("{list}{}", looped("{% set z = b|sort %}"))),
        ("first", format!("{list}{}", looped("{% set z = b|first %}"))),
        ("index", format!("{list}{}", looped("{% if b.index(99999) %}{% endif %}"))),
        ("copy", format!("{list}{}", looped("{% set z = b.copy() %}"))),
        ("range", looped("{% set z = range(100000)|list %}")),
        ("set", format!("{{% set b = set(range(100000)|list) %}}{}", looped("{% set z = b.union(b) %}"))),
        ("fromyaml", format!("{{% set s = '[' ~ ('1,' * 50000) ~ '1]' %}}{}", looped("{% set z = fromyaml(s) %}"))),
        ("fromjson", format!("{{% set s = '[' ~ ('1,' * 50000) ~ '1]' %}}{}", looped("{% set z = fromjson(s) %}"))),
        ("md5", format!("{}{}", large(), looped("{% set z = local_md5(s) %}"))),
        ("re", format!("{{% set re = modules.re %}}{}", looped("{% set z = re.compile('a{1,1000}' ~ loop.index) %}"))),
        ("tee", format!("{{% set it = modules.itertools %}}{list}{}", looped("{% set z = it.tee(b, 2) %}"))),
    ] {
        excess(what, &[("models/a.sql", &text)]);
    }
}

#[test]
fn values_that_hold_values_again_and_again_are_an_error() {
    let tuple = "{% set t = ('x', 'y') %}";
    let pairs = "{% set t = (t, t) %}".repeat(40);
    let lists =
        format!("{{% set t = ['x'] %}}{{% set u = ['x'] %}}{}", "{% set t = [t, t] %}{% set u = [u, u] %}".repeat(40));
    for (what, text) in [
        ("print", format!("{tuple}{pairs}{{{{ t }}}}")),
        ("bare", format!("{{% set t = 'x', 'y' %}}{}{{{{ t|string }}}}", "{% set t = t, t %}".repeat(40))),
        ("hash", format!("{tuple}{pairs}{{% set d = {{t: 1}} %}}")),
        ("deep", format!("{tuple}{}", "{% set t = (t,) %}".repeat(20_000))),
        ("append", "{% set h = [] %}".to_owned() + &looped("{% do h.append(range(10000)|list) %}")),
    ] {
        excess(what, &[("models/a.sql", &text)]);
    }
    harmless("lists", &[("models/a.sql", &format!("{lists}{{{{ t == u }}}}"))]);
    let again = "{% macro m(n, t) %}{% if n < 60 %}{{ m(n + 1, (t, t)) }}{% else %}{{ t }}{% endif %}{% endmacro %}";
    excess("arguments", &[("macros/m.sql", again), ("models/a.sql", "{{ m(0, ('x',)) }}")]);
}

#[test]
fn macros_and_vars_have_no_more_than_their_callers() {
    let body = looped("{% for j in range(20) %}{% endfor %}");
    let deep = format!("{{% macro m(n) %}}{body}{{{{ m(n + 1) }}}}{{% endmacro %}}");
    excess("depth", &[("macros/m.sql", &deep), ("models/a.sql", "{{ m(0) }}")]);
    let lists = "{% macro m(n) %}{{ return(range(50000)|list) }}{% endmacro %}";
    let held = format!("{{% set h = [] %}}{}", looped("{% do h.append(m(i)) %}"));
    excess("returned", &[("macros/m.sql", lists), ("models/a.sql", &held)]);
    let project = "name: shop\nvars:\n  a: \"{% for i in range(99999) %}{% endfor %}\"\n";
    excess("vars", &[("dbt_project.yml", project), ("models/a.sql", &looped("{{ var('a') }}"))]);
}

#[test]
fn four_hundred_thousand_branches_are_an_error_and_a_thousand_are_not() {
    let branches = |count: usize| format!("{{% if a %}}x{}{{% endif %}}", "{% elif b %}y".repeat(count));
    excess("elif", &[("models/a.sql", &branches(400_000))]);
    let in_macro = format!("{{% macro m() %}}{}{{% endmacro %}}", branches(400_000));
    excess("elif in a macro", &[("macros/m.sql", &in_macro), ("models/a.sql", "select 1")]);
    let ended = checked(&[("models/a.sql", &branches(1_000))], &["check"]);
    assert_eq!(ended.count("[PARSE_ERROR]"), 0, "{}", ended.out);
    let texts = format!("{{{{ {} }}}}", "'a' ".repeat(30_000));
    excess("texts behind one another", &[("models/a.sql", &texts)]);
}

#[test]
fn a_project_of_many_files_that_do_too_much_ends() {
    let endless = looped(&looped("x"));
    let files: Vec<(String, &str)> = (0..150).map(|n| (format!("models/m{n}.sql"), &*endless)).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let ended = checked(&files, &["check", "--format", "json"]);
    assert_eq!((ended.code, ended.count("\"rule\":\"PARSE_ERROR\"")), (Some(1), 150), "{}", ended.err);
}

#[test]
fn a_yaml_file_of_many_values_that_do_too_much_ends() {
    let value = "{% for i in range(99999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}";
    let entries = (0..300).map(|n| format!("  - name: m{n}\n    config: {{alias: \"{value}\"}}\n"));
    let text = format!("models:\n{}", entries.collect::<String>());
    let ended = checked(&[("models/a.yml", &text)], &["check", "--format", "json"]);
    assert_eq!((ended.code, ended.count("refs 'nowhere'")), (Some(1), 1), "{}", ended.err);
    let test = format!("{{% test bomb(model) %}}{}{{% endtest %}}", looped(&looped("x")));
    let columns = (0..100).map(|n| format!("      - name: c{n}\n        data_tests: [bomb]\n"));
    let text = format!("models:\n  - name: canary\n    columns:\n{}", columns.collect::<String>());
    let ended = checked(&[("macros/t.sql", &test), ("models/a.yml", &text)], &["check", "--format", "json"]);
    assert_eq!((ended.code, ended.count("refs 'nowhere'")), (Some(1), 1), "{}", ended.err);
}

/// What a rule of the repo says of a project with 100 models.
fn with_rule(block: &str, message: &str) -> Ended {
    let rule =
        format!("---\nseverity: warning\nmessage: \"{message}\"\n---\n# T\n\nText.\n\n```datalog\n{block}\n```\n");
    let models: Vec<String> = (0..100).map(|n| format!("models/m{n}.sql")).collect();
    let mut files: Vec<(&str, &str)> = models.iter().map(|path| (path.as_str(), "select 1")).collect();
    files.extend([("harness.yml", "rule-paths: [rules]\n"), ("rules/own.md", rule.as_str())]);
    checked(&files, &["check"])
}

#[test]
fn a_rule_of_the_repo_that_does_not_end_is_broken_and_the_others_run() {
    let names = "n(0, \"aaaaaaaaaaaaaaaa\"). n(i + 1, concat(x, x)) :- n(i, x), i < 12. ";
    for (what, block, message) in [
        ("cross product", "finding(node: a, b: b, c: c, d: d) :- node(id: a), node(id: b), node(id: c), node(id: d).".to_owned(), "m".to_owned()),
        ("numbers", "n(0). n(x + 1) :- n(x). finding(node: a, n: n) :- node(id: a), n(n).".to_owned(), "m".to_owned()),
        (
            "counts",
            "finding(node: a, n: n) :- node(id: a), n = count : { node(id: b), node(id: c), node(id: d), node(id: e) }, n > 1.".to_owned(),
            "m".to_owned(),
        ),
        ("message", "finding(node: a) :- node(id: a).".to_owned(), "{name}".repeat(400_000)),
        ("long message", format!("{names}finding(node: a, n: n) :- node(id: a), n(_, n)."), "{n}".repeat(2_000)),
    ] {
        let ended = with_rule(&block, &message);
        assert_eq!(ended.code, Some(1), "{what}: {}", ended.err);
        assert_eq!(ended.count("[BROKEN_RULE]"), 1, "{what}: {}", ended.out);
        assert_eq!(ended.count("[UNKNOWN_REF]"), 1, "{what}: {}", ended.out);
    }
}

#[test]
fn selectors_that_name_each_other_twice_end_and_too_deep_ones_are_told() {
    let chain = |links: usize, times: usize| {
        let mut text = "selectors:\n  - name: s0\n    definition: {method: fqn, value: '*'}\n".to_owned();
        for n in 1..=links {
            let part = format!("        - {{method: selector, value: s{}}}\n", n - 1).repeat(times);
            text.push_str(&format!("  - name: s{n}\n    definition:\n      union:\n{part}"));
        }
        text
    };
    let ended = checked(&[("selectors.yml", &chain(50, 2))], &["check", "--selector", "s50"]);
    assert_eq!((ended.code, ended.count("[UNKNOWN_REF]")), (Some(1), 1), "{}", ended.err);
    let ended = checked(&[("selectors.yml", &chain(5_000, 1))], &["check", "--selector", "s5000"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("selectors name selectors more than 64 levels deep"), "{}", ended.err);
    let nested = format!("selectors:\n  - name: s0\n    definition: {}a{}\n", "{union: [".repeat(60), "]}".repeat(60));
    let ended = checked(&[("selectors.yml", &nested)], &["check", "--selector", "s0"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("nests more than 30 levels deep"), "{}", ended.err);
}
