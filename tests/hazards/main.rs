//! Hostile and broken input: a message with place and remedy, all else still checked, never a panic.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test may stop at what it does not expect, and its modules are its own"
)]

mod disk;
mod growth;
mod printed;
#[path = "../program/mod.rs"]
mod program;
#[path = "../repo/mod.rs"]
mod repo;
mod secrets;
mod work;

use harness::rules::finding::Finding;
use harness::session::check_files;

/// A project with one model that is wrong on purpose, so that "the rest is checked" can be seen.
fn check_with(extra: &[(&str, &str)]) -> Vec<Finding> {
    let mut files = vec![
        ("dbt_project.yml".to_owned(), "name: shop\n".to_owned()),
        ("models/canary.sql".to_owned(), "select * from {{ ref('nowhere') }}\n".to_owned()),
    ];
    files.extend(extra.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    let findings = check_files(&files, None).unwrap();
    let canary =
        findings.iter().find(|finding| &*finding.rule == "UNKNOWN_REF" && &*finding.place.path == "models/canary.sql");
    assert!(canary.is_some(), "the rest was not checked");
    findings
}

/// The parse errors of one file, as `line:column message`.
fn errors(path: &str, text: &str) -> Vec<String> {
    let findings = check_with(&[(path, text)]);
    let own = findings.iter().filter(|finding| &*finding.rule == "PARSE_ERROR" && &*finding.place.path == path);
    own.map(|finding| {
        assert!(!finding.remedy.is_empty());
        format!("{}:{} {}", finding.place.start.line, finding.place.start.column, finding.message)
    })
    .collect()
}

#[test]
fn unclosed_jinja_is_told_where_it_opens() {
    assert_eq!(
        errors("models/a.sql", "select 1\nfrom {{ ref('canary')\n"),
        ["2:6 the Jinja expression that opens with `{{` is never closed"]
    );
    assert_eq!(errors("models/a.sql", "select 1\n{% if x %}\n"), ["2:4 the Jinja block `if` is never closed"]);
    assert_eq!(errors("models/a.sql", "{# open"), ["1:1 the Jinja comment that opens with `{#` is never closed"]);
    assert_eq!(errors("macros/a.sql", "{% macro m() %}\n"), ["1:1 the block `m` is never closed"]);
}

#[test]
fn broken_yaml_is_told_where_it_breaks() {
    let found = errors("models/a.yml", "models:\n  - name: [a\n");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("2:11 "), "{found:?}");
}

/// The findings of a project as `path:line severity RULE`, with how many further places each has.
fn told(files: &[(&str, &str)]) -> Vec<String> {
    let mut all = vec![("dbt_project.yml".to_owned(), "name: shop\nseeds: {+schema: raw}\n".to_owned())];
    all.extend(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    let found = check_files(&all, None).unwrap();
    let found = found.iter().filter(|finding| finding.severity != harness::rules::finding::Severity::Info);
    found
        .map(|it| {
            let place = format!("{}:{}", it.place.path, it.place.start.line);
            format!("{place} {} {} +{}", it.severity.name(), it.rule, it.locations.len())
        })
        .collect()
}

#[test]
fn a_missing_name_is_one_finding_whoever_reads_it_and_a_suppression_silences_its_reader_alone() {
    let paths: Vec<String> = (10..60).map(|at| format!("models/m{at}.sql")).collect();
    let mut files: Vec<(&str, &str)> =
        paths.iter().map(|path| (path.as_str(), "select * from {{ ref('gone') }}\n")).collect();
    assert_eq!(told(&files), ["models/m10.sql:1 error UNKNOWN_REF +49"]);
    files[0].1 = "select * from {{ ref('gone') }} -- harness: ignore[UNKNOWN_REF] comes tomorrow\n";
    assert_eq!(told(&files), ["models/m11.sql:1 error UNKNOWN_REF +48"]);
    // A test that reads it is milder, and does not hide that dbt stops at a model.
    files.push((
        "models/a.yml",
        "models:\n  - name: m10\n    data_tests:\n      - unique_to:\n          arguments: {to: \"ref('gone')\"}\n",
    ));
    files.push(("macros/t.sql", "{% test unique_to(model, to) %}select * from {{ to }}{% endtest %}\n"));
    assert_eq!(told(&files), ["models/m11.sql:1 error UNKNOWN_REF +49"]);
}

#[test]
fn of_two_kinds_with_one_name_dbt_warns_and_takes_the_later_kind() {
    let model = ("models/twin.sql", "select 1 as id\n");
    let reader = ("models/reader.sql", "select * from {{ ref('twin') }}\n");
    let seed = ("seeds/twin.csv", "id\n1\n");
    assert_eq!(told(&[model, reader, seed]), ["seeds/twin.csv:1 warning DUPLICATE_RESOURCE +1"]);
    // The seed is what the name means, so a model that reads it reads no circle.
    let model = ("models/twin.sql", "select * from {{ ref('twin') }}\n");
    assert_eq!(told(&[model, seed]), ["seeds/twin.csv:1 warning DUPLICATE_RESOURCE +1"]);
}

#[test]
fn a_model_that_names_itself_in_a_comment_is_no_error() {
    let told = |text: &str| told(&[("models/a.sql", text)]);
    assert_eq!(
        told("-- {{ ref('a') }}\nselect 1 as id /* {{ ref('shop', 'a') }} */\n"),
        ["models/a.sql:1 warning CYCLE +0"]
    );
    assert_eq!(told("-- {{ ref('a') }}\nselect * from {{ ref('a') }}\n"), ["models/a.sql:1 error CYCLE +0"]);
    assert!(told("{# {{ ref('a') }} #} select * from {{ this }}\n").is_empty());
}

#[test]
fn what_is_not_here_is_never_missing() {
    let lock = "packages:\n  - {package: acme/base, name: base, version: 1.0.0}\n  - {package: acme/deep, name: deep, version: 1.0.0}\n";
    let packages = "packages:\n  - {package: acme/base, version: 1.0.0}\n";
    let read = "select * from {{ ref('deep', 'days') }} join {{ ref('days') }} using (id)\n";
    let (packages, lock) = (("packages.yml", packages), ("package-lock.yml", lock));
    let reader = ("models/a.sql", read);
    assert_eq!(told(&[packages, lock, reader]), ["models/a.sql:1 warning UNKNOWN_REF +0"]);
    // Without the lock, nobody knows which packages a package brings.
    let without = told(&[packages, reader]);
    assert_eq!(without, ["models/a.sql:1 warning UNKNOWN_REF +1"]);
    let mesh = ("dependencies.yml", "projects:\n  - name: finance\n");
    let reader = ("models/a.sql", "select * from {{ ref('finance', 'days') }}\n");
    assert!(told(&[mesh, reader]).is_empty());
    assert_eq!(told(&[reader]), ["models/a.sql:1 error UNKNOWN_REF +0"]);
    let mesh =
        ("dbt_loom.config.yml", "manifests:\n  - {name: finance, type: file, config: {path: up/manifest.json}}\n");
    let node = |access: &str| {
        format!(
            "{{\"nodes\": {{\"model.finance.days\": {{\"name\": \"days\", \"package_name\": \"finance\", \"resource_type\": \"model\", \"access\": \"{access}\"}}}}, \"metadata\": {{\"project_name\": \"finance\"}}}}"
        )
    };
    assert!(told(&[mesh, reader, ("up/manifest.json", &node("public"))]).is_empty());
    assert_eq!(told(&[mesh, reader, ("up/manifest.json", &node("private"))]), ["models/a.sql:1 error UNKNOWN_REF +0"]);
    assert!(told(&[mesh, reader, ("up/manifest.json", "{broken")]).is_empty());
    assert!(told(&[mesh, reader]).is_empty());
}

#[test]
fn conflict_marks_are_one_finding_a_file_and_named_as_such() {
    let found = check_with(&[
        ("models/a.yml", "models:\n<<<<<<< HEAD\n  - name: canary\n=======\n  - name: canry\n>>>>>>> main\n"),
        ("macros/m.sql", "{% macro m() %}\n<<<<<<< HEAD\n{% if true %}\n=======\n>>>>>>> main\n{% endmacro %}\n"),
        ("packages.yml", "<<<<<<< HEAD\npackages: []\n=======\npackages:\n>>>>>>> main\n"),
    ]);
    let errors = found
        .iter()
        .filter(|finding| &*finding.rule != "UNKNOWN_REF")
        .map(|it| format!("{}:{} {} {}", it.place.path, it.place.start.line, it.severity.name(), it.message));
    assert_eq!(
        errors.collect::<Vec<_>>(),
        ["macros/m.sql:2", "models/a.yml:2", "packages.yml:1"]
            .map(|place| format!("{place} error git left its conflict marks in this file"))
    );
}

#[test]
fn a_broken_project_file_stops_nothing() {
    let files = [
        ("dbt_project.yml".to_owned(), "name: shop\nmodels: [\n".to_owned()),
        ("models/canary.sql".to_owned(), "select * from {{ ref('nowhere') }}\n".to_owned()),
    ];
    let rules: Vec<String> = check_files(&files, None).unwrap().iter().map(|it| it.rule.to_string()).collect();
    assert_eq!(rules, ["PARSE_ERROR", "UNKNOWN_REF"]);
}

#[test]
fn an_alias_bomb_is_an_error() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for at in 1..30 {
        let items = vec![format!("*a{}", at - 1); 10].join(", ");
        text.push_str(&format!("a{at}: &a{at} [{items}]\n"));
    }
    assert_eq!(errors("models/a.yml", &text).len(), 1);
}

#[test]
fn a_hundred_thousand_brackets_are_an_error_or_nothing_but_no_crash() {
    let open = "[".repeat(100_000);
    let round = format!("{}{}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(errors("models/a.yml", &open).len(), 1);
    assert_eq!(errors("models/a.sql", &format!("select {round}")), Vec::<String>::new());
    assert_eq!(errors("models/a.sql", &format!("{{{{ {open} }}}}")).len(), 1);
    // Within the length of a tag, but too deep for a parser that recurses.
    let nested = format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000));
    assert_eq!(errors("models/a.sql", &format!("{{{{ {nested} }}}}")).len(), 1);
    let lists = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    assert_eq!(errors("models/a.sql", &format!("{{{{ {lists} }}}}")).len(), 1);
    let blocks = format!("{}{}", "{% if true %}".repeat(20_000), "{% endif %}".repeat(20_000));
    assert_eq!(errors("models/a.sql", &blocks).len(), 1);
}

#[test]
fn chains_of_two_hundred_thousand_terms_are_no_crash() {
    assert_eq!(
        errors("models/a.sql", &format!("select 1 where {} true", "x or ".repeat(200_000))),
        Vec::<String>::new()
    );
    assert_eq!(errors("models/a.sql", &format!("{{{{ {} true }}}}", "x or ".repeat(200_000))).len(), 1);
    // About as many as one tag may chain, and many more.
    errors("models/a.sql", &format!("{{{{ {} 1 }}}}", "1 + ".repeat(14_000)));
    errors("models/a.sql", &format!("{{{{ {} 1 }}}}", "a ~ ".repeat(14_000)));
    errors("models/a.sql", &format!("{{{{ {} 1 }}}}", "not ".repeat(14_000)));
    errors("models/a.sql", &format!("{{{{ {} 1 }}}}", "-".repeat(60_000)));
    errors("models/a.sql", &format!("{{{{ x{} }}}}", ".a".repeat(30_000)));
    errors("models/a.sql", &format!("{{{{ x{} }}}}", "|list".repeat(12_000)));
    errors("models/a.sql", &format!("{{{{ x{} }}}}", "[0]".repeat(20_000)));
}

#[test]
fn loops_and_recursion_that_do_not_end_are_ended() {
    let endless = "{% macro again() %}{{ again() }}{% endmacro %}";
    let found = check_with(&[("macros/a.sql", endless), ("models/a.sql", "select\n{{ again() }}")]);
    let error = found.iter().find(|finding| &*finding.rule == "PARSE_ERROR").unwrap();
    assert_eq!((&*error.place.path, error.place.start.line), ("macros/a.sql", 1), "{}", error.message);
    let callers: Vec<_> = error.locations.iter().map(|place| (&*place.path, place.start.line)).collect();
    assert_eq!(callers, [("models/a.sql", 2)]);

    let huge = "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}x{% endfor %}{% endfor %}{% endfor %}";
    assert_eq!(errors("models/a.sql", huge).len(), 1);

    let doubling = format!("{{% set x = 'aaaaaaaa' %}}{}{{{{ x }}}}", "{% set x = x ~ x %}".repeat(60));
    assert_eq!(errors("models/a.sql", &doubling).len(), 1);

    let mut fan = "{% macro m0() %}x{% endmacro %}".to_owned();
    for n in 1..40 {
        fan.push_str(&format!("{{% macro m{n}() %}}{{{{ m{0}() }}}}{{{{ m{0}() }}}}{{% endmacro %}}", n - 1));
    }
    let found = check_with(&[("macros/a.sql", &fan), ("models/a.sql", "{{ m39() }}")]);
    assert_eq!(found.iter().filter(|finding| &*finding.rule == "PARSE_ERROR").count(), 1);
}

#[test]
fn a_list_or_dict_that_holds_itself_is_no_crash() {
    errors("models/a.sql", "{% set a = [] %}{% do a.append(a) %}{{ a }}");
    errors("models/a.sql", "{% set a = {} %}{% do a.update({'a': a}) %}{{ a }}{{ config(meta=a) }}");
    errors("models/a.sql", "{% set a = [] %}{% do a.append(a) %}{{ a == a }}{{ tojson(a) }}");
    errors("models/a.sql", "{% set a = [] %}{% set b = [a] %}{% do a.append(b) %}{{ a }}{{ b }}");
    errors("models/a.sql", "{% set ns = namespace(a=1) %}{% set ns.a = ns %}{{ ns }}");
    errors("models/a.sql", "{% set ns = namespace(a=1) %}{% set ns.a = [ns] %}{{ ns }}");
    errors("models/a.sql", "{% set ns = namespace(a=[]) %}{% do ns.a.append(ns) %}{{ ns }}");
    errors(
        "models/a.sql",
        "{% set ns = namespace(a=[]) %}{% for x in range(90000) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a }}{{ ns.a == ns.a }}",
    );
    errors(
        "models/a.sql",
        "{% set ns = namespace(a=[]) %}{% for x in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}{{ config(meta={'a': ns.a}) }}",
    );
}

#[test]
fn vars_that_name_each_other_end() {
    let project = "name: shop\nvars: {a: \"{{ var('b') }}\", b: \"{{ var('a') }}\"}\n";
    let files =
        [("dbt_project.yml".to_owned(), project.to_owned()), ("models/a.sql".to_owned(), "{{ var('a') }}".to_owned())];
    assert_eq!(check_files(&files, None).unwrap().len(), 1);
}

#[test]
fn a_cycle_of_refs_is_found_once_and_needs_no_stack() {
    let mut files: Vec<(String, String)> = vec![("dbt_project.yml".to_owned(), "name: shop\n".to_owned())];
    let length = 3_000;
    for n in 0..length {
        let parent = (n + 1) % length;
        files.push((format!("models/m{n:05}.sql"), format!("select * from {{{{ ref('m{parent:05}') }}}}")));
    }
    let found = check_files(&files, None).unwrap();
    let rules: Vec<&str> = found.iter().map(|finding| &*finding.rule).collect();
    assert_eq!(rules, ["CYCLE"]);
    assert_eq!(found[0].subject.len(), length);
}

#[test]
fn odd_names_and_texts_are_no_crash() {
    for text in
        ["", "\u{feff}", "\0", "{", "{{", "{{}}", "{%%}", "{%-%}", "{{-}}", "{##}", "{{ '", "{% raw %}", "\r", "é{{é}}"]
    {
        errors("models/é ü.sql", text);
        errors("macros/m.sql", text);
        errors("models/m.yml", text);
        errors("snapshots/s.sql", text);
        errors("tests/t.sql", text);
        errors("models/p.py", text);
    }
    for text in [
        "models: 1",
        "models: [1, null, {}]",
        "sources: [{name: 1, tables: x}]",
        "- a",
        "models: {a: b}",
        "version: 2\nmodels:",
    ] {
        errors("models/m.yml", text);
    }
}

#[test]
fn project_files_of_the_wrong_shape_are_no_crash() {
    for text in [
        "",
        "- a",
        "name: 1",
        "name: [a]",
        "models: 1",
        "name: a\nmodels: {a: [1]}",
        "vars: 1",
        "model-paths: {a: b}",
        "dispatch: 1\nname: a",
    ] {
        let files = [
            ("dbt_project.yml".to_owned(), text.to_owned()),
            ("packages.yml".to_owned(), text.to_owned()),
            ("models/a.sql".to_owned(), "{{ ref('nowhere') }}{{ var('x') }}".to_owned()),
        ];
        check_files(&files, None).unwrap();
    }
}

#[test]
fn a_template_that_breaks_the_engine_is_an_error_of_its_own_file() {
    assert_eq!(errors("models/a.sql", "select 1\n{% import 'x' as y if true %}").len(), 1);
    assert_eq!(errors("macros/a.sql", "{% macro m() %}{% import 'x' as y if true %}{% endmacro %}").len(), 1);
}

#[test]
fn a_format_as_wide_as_memory_is_an_error() {
    assert_eq!(errors("models/a.sql", "{{ '%1000000000d' % 1 }}").len(), 1);
    assert_eq!(errors("models/a.sql", "{{ '{:1000000000}'.format(1) }}").len(), 1);
}

#[test]
fn what_is_not_run_after_an_error_is_guessed_and_what_was_decided_is_not() {
    let text =
        "{% if execute %}{{ ref('never') }}{% endif %}{{ ref('canary') }}{{ 'x'.no_such_method() }}{{ ref('gone') }}";
    let found = check_with(&[("models/a.sql", text)]);
    let refs: Vec<&str> = found
        .iter()
        .filter(|finding| &*finding.rule == "UNKNOWN_REF" && &*finding.place.path == "models/a.sql")
        .map(|finding| finding.message.as_str())
        .collect();
    assert_eq!(refs, ["refs 'gone', which is no model, seed or snapshot here."]);
}

#[test]
fn a_bracket_that_closes_another_is_one_error_at_its_place() {
    assert_eq!(errors("models/a.sql", "select {{ ref('canary' }}"), ["1:24 unexpected `}`, expected `)`"]);
    let snapshot = "{% snapshot tiers %}\n{{ config(unique_key='id', strategy='check', check_cols='all') }}\n\
                    select * from {{ source('app', 'events' }}\n{% endsnapshot %}\n";
    assert_eq!(errors("snapshots/tiers.sql", snapshot), ["3:41 unexpected `}`, expected `)`"]);
    assert_eq!(errors("models/a.sql", "{{ {'a': [1, 2} }}"), ["1:15 unexpected `}`, expected `]`"]);
}

#[test]
fn a_macro_that_fails_is_told_once_with_those_that_call_it() {
    let calls = "select {{ m() }}";
    for (body, message, place) in [
        ("{{ oldname['x']() }}", "Jinja: `oldname` is undefined", "macros/m.sql:2"),
        ("{{ 'x' + 1 }}", "Jinja: `+` cannot be used with string and with number", "macros/m.sql:2"),
        (
            "{{ exceptions.raise_compiler_error('no') }}",
            "the project raises an error: no (in macro `shop.m`)",
            "models/a.sql:1",
        ),
    ] {
        let text = format!("{{% macro m() %}}\n{body}{{% endmacro %}}");
        let found = check_with(&[("macros/m.sql", &text), ("models/a.sql", calls), ("models/b.sql", calls)]);
        let own: Vec<_> = found.iter().filter(|finding| &*finding.rule == "PARSE_ERROR").collect();
        assert_eq!(own.len(), 1, "{body}: {own:?}");
        assert_eq!(own[0].message, message);
        assert_eq!(format!("{}:{}", own[0].place.path, own[0].place.start.line), place);
        assert_eq!(own[0].locations.len(), if place.starts_with("macros") { 2 } else { 1 });
    }
}

#[test]
fn yaml_has_the_names_of_settings_and_no_macro() {
    let at = |line: &str| {
        let text = format!("models:\n  - name: canary\n    {line}\n");
        let found = check_with(&[("models/a.yml", &text), ("macros/m.sql", "{% macro mine() %}x{% endmacro %}")]);
        let own = found.into_iter().filter(|finding| &*finding.rule == "PARSE_ERROR");
        own.map(|it| format!("{}:{} {}", it.place.start.line, it.place.start.column, it.message)).collect::<Vec<_>>()
    };
    assert_eq!(at("meta: {x: \"{{ mine() }}\"}"), ["3:19 Jinja: `mine` is undefined"]);
    assert_eq!(at("meta: {x: \"{{ ref('canary') }}\"}"), ["3:19 Jinja: `ref` is undefined"]);
    assert_eq!(at("meta: {x: '{{ doc(\"a\") }}'}"), ["3:19 Jinja: `doc` is undefined"]);
    assert_eq!(at("description: \"see {{ ref('canary') }}\""), ["3:26 Jinja: `ref` is undefined"]);
    assert_eq!(at("meta: {x: \"{{ user.name }} said\"}"), ["3:19 Jinja: `user` is undefined"]);
    assert_eq!(at("config: {alias: \"{{ var('q') }}\"}").len(), 1);
    assert_eq!(at("data_tests: [{unique: {column_name: id, config: {where: \"{{ mine() }}\"}}}]").len(), 1);
    assert_eq!(at("description: \"{{ broken\"").len(), 1);
    for fine in [
        "meta: {x: \"{{ whatever }}\", y: \"{{ this }}\", z: \"{{ target.nope }}\"}",
        "description: \"{{ var('q', 1) }} {{ target.name }} {{ env_var('HOME') }}\"",
        "config: {post_hook: \"{{ mine() }}\"}",
        "data_tests: [{unique: {column_name: id, config: {where: \"x = {{ y }}\"}}}]",
    ] {
        assert_eq!(at(fine), Vec::<String>::new(), "{fine}");
    }
}

#[test]
fn docs_blocks_have_no_names_at_all() {
    assert_eq!(
        errors("models/d.md", "{% docs a %}\nsee {{ ref('canary') }}\n{% enddocs %}"),
        ["2:8 Jinja: `ref` is undefined"]
    );
    assert_eq!(
        errors("models/d.md", "{% docs a %}{{ target.name }}{% enddocs %}"),
        ["1:16 Jinja: `target` is undefined"]
    );
    assert_eq!(errors("models/d.md", "{% docs a %}open {{ 'x'\n{% enddocs %}").len(), 1);
    let fine = "{% docs a %}{% raw %}{{ x.y }}{% endraw %}{{ some_thing }}{{ 'a' | upper }}{% enddocs %} 100 {% of";
    assert_eq!(errors("models/d.md", fine), Vec::<String>::new());
}

#[test]
fn a_keyword_given_twice_stops_dbt_unless_it_reads_the_model_without_jinja() {
    let twice = "{{ config(tags=['x'], tags=['y']) }} select 1";
    assert_eq!(errors("models/a.sql", twice), Vec::<String>::new());
    assert_eq!(
        errors("models/a.sql", &format!("{twice} as {{{{ this }}}}")),
        ["1:23 the keyword `tags` is given twice, which stops dbt"]
    );
    assert_eq!(errors("tests/a.sql", twice).len(), 1);
}

#[test]
fn blocks_in_control_flow_and_in_one_another_are_errors() {
    let inner = "{% if true %}{% macro m() %}{% endmacro %}{% endif %}";
    assert_eq!(errors("macros/m.sql", inner), ["1:16 a block stands within `{% if %}`, which stops dbt"]);
    let open = errors("macros/m.sql", "{% macro a() %}1\n{% macro b() %}2{% endmacro %}");
    assert_eq!(open, ["2:3 a block begins within the block `a`, which is not closed before it"]);
}

#[test]
fn python_models_that_dbt_refuses_are_told_where_and_the_rest_is_checked() {
    let model = |body: &str| format!("def model(dbt, session):\n    {body}\n    return 1\n");
    let refs = "a variable as an argument of `dbt.ref`, which dbt reads without running the model";
    assert_eq!(errors("models/a.py", &model("x = [dbt.ref(name) for name in names]")), [format!("2:18 {refs}")]);
    assert_eq!(
        errors("models/a.py", "import os\n\ndef helper(a):\n    return a\n"),
        ["1:1 a Python file in a model path is a model, and this one defines no function `model`"]
    );
    assert_eq!(
        errors("models/a.py", "def model(dbt, session)\n    return dbt.ref('canary')\n"),
        ["1:24 Python: expected `:`, found newline"]
    );
    assert_eq!(errors("models/a.py", &model("x = dbt.ref('canary')[['id']].toPandas()")), Vec::<String>::new());
    // A name that leads nowhere is found behind a syntax error, too.
    let found = check_with(&[("models/a.py", "def model(dbt, session)\n    return dbt.ref('absent')\n")]);
    assert!(found.iter().any(|finding| &*finding.rule == "UNKNOWN_REF" && finding.message.contains("absent")));
}

#[test]
fn python_that_means_harm_is_an_error_and_no_crash() {
    for part in [
        "(",
        "[",
        "{",
        "-",
        "not ",
        "a.",
        "f()",
        "f(x)(",
        "lambda a, b: ",
        "1 + ",
        "a if b else ",
        "f'{",
        "(def ",
        "match ",
        "if a: ",
    ] {
        let text = format!("x = {}\n", part.repeat(500_000 / part.len()));
        assert_eq!(errors("models/a.py", &text).len(), 1, "{part}");
    }
    let blocks: String = (0..2_000).map(|depth| format!("{}if a:\n", " ".repeat(depth))).collect();
    assert_eq!(errors("models/a.py", &blocks).len(), 1);
    let long =
        format!("def model(dbt, session):\n    x = [{}]\n    return x\n", "f(-1, a.b), {'k': [1]}, ".repeat(60_000));
    assert_eq!(errors("models/a.py", &long), Vec::<String>::new());
    let many = format!("def model(dbt, session):\n{}    return 1\n", "    x = dbt.ref('canary').y(z)\n".repeat(30_000));
    assert_eq!(errors("models/a.py", &many), Vec::<String>::new());
}

#[test]
fn paths_of_one_kind_that_overlap_are_told_once_at_the_path() {
    let project = "name: shop\nmodel-paths: [models, ./models/sub, other]\nseed-paths: [nothing, nothing]\n";
    let files = [("dbt_project.yml", project), ("models/sub/a.sql", "select 1"), ("other/b.sql", "select 1")];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let found = check_files(&files, None).unwrap();
    let said: Vec<String> =
        found.iter().map(|it| format!("{} {} {}", it.rule, it.place.start.line, it.message)).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("PARSE_ERROR 2 model-paths lists './models/sub', which lies in 'models'"), "{said:?}");
}

#[test]
fn vars_in_two_places_or_none_at_all_stop_dbt() {
    let errors = |project: &str, vars: &str| {
        let files = [("dbt_project.yml", project), ("vars.yml", vars), ("models/a.sql", "select 1")];
        let found = check_files(&files.map(|(path, text)| (path.to_owned(), text.to_owned())), None).unwrap();
        found.iter().map(|it| format!("{}:{}", it.place.path, it.place.start.line)).collect::<Vec<_>>()
    };
    assert_eq!(errors("name: shop\nvars: {a: 1}\n", "vars: {b: 1}\n"), ["vars.yml:1"]);
    assert_eq!(errors("name: shop\nvars: {}\n", "vars: {b: 1}\n"), [""; 0]);
    assert_eq!(errors("name: shop\nvars: {a: 1}\n", "vars: {}\n"), [""; 0]);
    assert_eq!(errors("name: shop\nvars: {a: 1}\n", "other: 1\n"), [""; 0]);
    assert_eq!(errors("name: shop\n", "\nvars:\n"), ["vars.yml:2"]);
    assert_eq!(errors("name: shop\n", "- a\n"), ["vars.yml:1"]);
    assert_eq!(errors("name: shop\n", ""), [""; 0]);
}

#[test]
fn what_python_has_and_the_engine_has_not_is_unknown_and_no_error() {
    let nested = "{% set a = namespace(b=namespace(c=1)) %}{% set a.d = namespace(e=2) %}select {{ a.d.e }}";
    assert_eq!(errors("models/a.sql", nested), Vec::<String>::new());
    let large = format!("{{% set a = {} %}}select {{{{ a + 1 }}}}", "9".repeat(40));
    assert_eq!(errors("models/a.sql", &large), Vec::<String>::new());
}
