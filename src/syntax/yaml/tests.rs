#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it does not expect")]

use super::*;

fn value(text: &str) -> Value {
    let document = parse(text);
    assert_eq!(document.errors, [], "{text}");
    document.root.value
}

/// The value in the notation of Python's `repr`, which is easy to compare with PyYAML's.
fn repr(text: &str) -> String {
    repr_node(&Node { span: Span::default(), value: value(text) })
}

fn repr_node(node: &Node) -> String {
    match &node.value {
        Value::Str(text) => format!("{text:?}").replace('"', "'"),
        Value::Seq(items) => {
            format!("[{}]", items.iter().map(repr_node).collect::<Vec<_>>().join(", "))
        }
        Value::Map(entries) => {
            let pair = |entry: &Entry| format!("{}: {}", repr_node(&entry.key), repr_node(&entry.value));
            format!("{{{}}}", entries.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
        _ => node.key_text().unwrap().into_owned(),
    }
}

fn messages(text: &str) -> Vec<String> {
    parse(text).errors.into_iter().map(|error| error.message).collect()
}

/// The text each scalar and collection covers, in document order.
fn slices<'t>(text: &'t str, node: &Node, found: &mut Vec<&'t str>) {
    found.push(node.span.of(text));
    for item in node.as_seq().unwrap_or_default() {
        slices(text, item, found);
    }
    for entry in node.as_map().unwrap_or_default() {
        slices(text, &entry.key, found);
        slices(text, &entry.value, found);
    }
}

fn covered(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    slices(text, &parse(text).root, &mut found);
    found
}

#[test]
fn words_are_booleans_and_nulls_in_three_casings() {
    assert_eq!(
        repr("[yes, Yes, YES, no, on, Off, TRUE, false, yEs, y, n, null, Null, NULL, ~, NUll, ]"),
        "[True, True, True, False, True, False, True, False, 'yEs', 'y', 'n', None, None, None, None, 'NUll']"
    );
}

#[test]
fn whole_numbers_have_the_notations_of_yaml_1_1() {
    assert_eq!(
        repr("[0, 012, 08, 0o14, 0x1F, -0b11, 1_000, 1:30, -1:30, 190:20:30, 0:30, 1:60, _1, +1, 0_]"),
        "[0, 10, '08', '0o14', 31, -3, 1000, 90, -90, 685230, '0:30', '1:60', '_1', 1, 0]"
    );
}

#[test]
fn whole_numbers_beyond_64_bits_keep_their_digits() {
    assert_eq!(
        repr("[9223372036854775807, -9223372036854775808, 9223372036854775808, 0xffffffffffffffffff]"),
        "[9223372036854775807, -9223372036854775808, 9223372036854775808, 4722366482869645213695]"
    );
    assert!(matches!(value("99999999999999999999"), Value::BigInt(digits) if digits == "99999999999999999999"));
}

#[test]
fn floats_need_a_dot_and_a_signed_exponent() {
    assert_eq!(
        repr("[1.5, 1e5, 1.e+3, 1.0e5, .5, -.5, 1_0.5e+3, 1:30.5, +.inf, -.INF, .NaN, 1., 1e+5]"),
        "[1.5, '1e5', 1000.0, '1.0e5', 0.5, '-.5', 10500.0, 90.5, inf, -inf, nan, 1.0, '1e+5']"
    );
}

#[test]
fn dates_are_timestamps_and_print_as_python_prints_them() {
    assert_eq!(
        repr("[2001-12-14, 2001-1-1, 2001-12-14t21:59:43.10-05:00, 2001-1-4 1:02:03Z]"),
        "[2001-12-14, '2001-1-1', 2001-12-14 21:59:43.100000-05:00, 2001-01-04 01:02:03+00:00]"
    );
    assert!(matches!(value("2001-12-14"), Value::Timestamp(text) if text == "2001-12-14"));
}

#[test]
fn a_date_off_the_calendar_is_an_error_and_stays_text() {
    let document = parse("day: 2023-02-29\nnext: 1");
    assert_eq!(document.errors[0].message, "`2023-02-29` is no date of the calendar");
    assert_eq!(document.errors[0].span.of("day: 2023-02-29"), "2023-02-29");
    assert_eq!(document.root.get("day").and_then(Node::as_str), Some("2023-02-29"));
    assert_eq!(document.root.get("next").and_then(Node::as_i64), Some(1));
}

#[test]
fn quoted_scalars_are_strings() {
    assert_eq!(
        repr(r#"['yes', "1", '~', "2001-12-14", '<<', "a\tb"]"#),
        r"['yes', '1', '~', '2001-12-14', '<<', 'a\tb']"
    );
}

#[test]
fn explicit_tags_are_respected() {
    assert_eq!(
        repr("[!!str 1, !!int '12', !!float 1e5, !!bool 'yes', !!null x, !!timestamp 2001-1-1, ! '12']"),
        "['1', 12, 100000.0, True, None, 2001-01-01, 12]"
    );
    assert_eq!(repr("a: !!str"), "{'a': ''}");
    assert_eq!(repr("!!set {a, b}"), "{'a': None, 'b': None}");
}

#[test]
fn an_unknown_tag_is_an_error_and_the_value_is_kept() {
    let document = parse("a: !Ref x\nb: !Sub [1]\nc: !!int x");
    let said: Vec<_> = document.errors.iter().map(|error| error.message.as_str()).collect();
    assert_eq!(said, ["the tag `!Ref` is unknown", "the tag `!Sub` is unknown", "`x` is no value of the tag `!!int`"]);
    assert_eq!(repr_node(&document.root), "{'a': 'x', 'b': [1], 'c': 'x'}");
}

#[test]
fn a_tag_that_does_not_fit_its_collection_is_an_error() {
    assert_eq!(messages("!!str [a]"), ["the tag `!!str` does not fit a list"]);
    assert_eq!(messages("!!seq {a: 1}"), ["the tag `!!seq` does not fit a mapping"]);
}

#[test]
fn keys_may_be_any_scalar() {
    assert_eq!(repr("1: a\nyes: b2\n~: c\n2001-01-01: d\n1.5: e"), "{1: 'b2', None: 'c', 2001-01-01: 'd', 1.5: 'e'}");
    assert_eq!(repr("=: a"), "{'=': 'a'}");
}

#[test]
fn the_last_duplicate_wins_at_the_first_ones_place() {
    let text = "models:\n- name: a\n- name: b\n  columns:\n  - {x: 1, name: c, x: 2, x: 3}\nv: 1\nv: 2\n";
    let document = parse(text);
    assert_eq!(
        repr_node(&document.root),
        "{'models': [{'name': 'a'}, {'name': 'b', 'columns': [{'x': 3, 'name': 'c'}]}], 'v': 2}"
    );
    let found: Vec<_> = document
        .duplicates
        .iter()
        .map(|one| (one.key.as_str(), one.path.as_str(), one.first.start, one.last.start))
        .collect();
    assert_eq!(found, [("x", "models[1].columns[0]", 44, 65), ("v", "", 71, 76)]);
    assert_eq!(document.errors, []);
}

#[test]
fn duplicates_are_found_in_large_mappings_and_by_pythons_equality() {
    let mut text: String = (0..500).map(|at| format!("k{at}: {at}\n")).collect();
    text.push_str("k250: again\n1: a\n1.0: b\ntrue: c\n.nan: 1\n.nan: 2\n");
    let document = parse(&text);
    let keys: Vec<_> = document.duplicates.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["k250", "1", "nan"]);
    let entries = document.root.as_map().unwrap();
    assert_eq!(entries.len(), 502);
    assert_eq!(entries[250].value.as_str(), Some("again"));
    assert_eq!(repr_node(&entries[500].key), "1");
    assert_eq!(entries[500].value.as_str(), Some("c"));
}

#[test]
fn aliases_repeat_the_anchors_value() {
    let text = "a: &x [1, {b: 2}]\nc: *x\n&k d: 1\ne: *k\n";
    assert_eq!(repr(text), "{'a': [1, {'b': 2}], 'c': [1, {'b': 2}], 'd': 1, 'e': 'd'}");
    let document = parse(text);
    assert_eq!(document.root.get("c").unwrap().span.of(text), "*x");
}

#[test]
fn a_repeated_or_unknown_or_recursive_anchor_is_an_error() {
    assert_eq!(messages("a: &x 1\nb: &x 2\nc: *x"), ["the anchor `x` is defined twice"]);
    assert_eq!(messages("a: *x"), ["no anchor of this name stands above"]);
    assert_eq!(messages("a: &x [*x]"), ["the alias stands inside its own anchor"]);
}

#[test]
fn merge_keys_put_their_entries_first_and_own_keys_win() {
    assert_eq!(repr("a: 2\n<<: {a: 1, b: 1}\nc: 3"), "{'a': 2, 'b': 1, 'c': 3}");
    assert_eq!(repr("<<: [{a: 1}, {b: 2, a: 2}]\nc: 3"), "{'b': 2, 'a': 1, 'c': 3}");
    assert_eq!(repr("<<: {a: 1}\n<<: {a: 2}"), "{'a': 2}");
    assert_eq!(repr("x: &x {<<: {a: 1}, b: 2}\ny: {<<: *x}"), "{'x': {'a': 1, 'b': 2}, 'y': {'a': 1, 'b': 2}}");
    assert_eq!(parse("<<: {a: 1}\na: 2\n<<: {a: 3}").duplicates, []);
    assert_eq!(repr("'<<': {a: 1}"), "{'<<': {'a': 1}}");
}

#[test]
fn a_merge_of_anything_else_is_an_error() {
    let said = ["`<<` merges something that is no mapping"];
    assert_eq!(messages("<<: 1"), said);
    assert_eq!(messages("<<: [{a: 1}, b]"), said);
    assert_eq!(messages("a: <<"), ["`<<` is a merge key and no value"]);
    assert_eq!(messages("- ="), ["a bare `=` is no value PyYAML can read"]);
}

#[test]
fn a_collection_as_key_is_an_error_and_its_entry_is_dropped() {
    let document = parse("[a]: 1\nb: 2");
    assert_eq!(document.errors[0].message, "a list or a mapping cannot be a key");
    assert_eq!(repr_node(&document.root), "{'b': 2}");
}

#[test]
fn jinja_without_quotes_is_named_as_such() {
    let text = "schema: {{ target.schema }}\nb: 2";
    let document = parse(text);
    assert_eq!(document.errors[0].message, "`{{` without quotes is a mapping to YAML, not Jinja");
    assert_eq!(document.errors[0].span.of(text), "{ target.schema }");
    assert_eq!(repr_node(&document.root), "{'schema': {}, 'b': 2}");
}

#[test]
fn a_second_document_is_an_error_and_the_first_one_is_kept() {
    let text = "a: 1\n---\nb: 2\n";
    let document = parse(text);
    assert_eq!(document.errors[0].message, "a second YAML document begins here");
    assert_eq!(document.errors[0].span.start, 5);
    assert_eq!(repr_node(&document.root), "{'a': 1}");
    assert_eq!(repr("---\na: 1\n...\n"), "{'a': 1}");
}

#[test]
fn an_empty_file_is_null() {
    for text in ["", "\n\n", "# only a comment\n", "\u{feff}", "---\n"] {
        assert_eq!(value(text), Value::Null, "{text:?}");
    }
}

#[test]
fn a_block_scalar_gets_no_line_break_the_file_does_not_have() {
    assert_eq!(repr("a: |\n  x"), "{'a': 'x'}");
    assert_eq!(repr("a: |\n  x\n"), r"{'a': 'x\n'}");
    assert_eq!(repr("a: >\n  x\n  y"), "{'a': 'x y'}");
}

#[test]
fn spans_cover_the_tokens_with_their_quotes() {
    let text = "\u{feff}a: 'é x'\r\nb: \"q\\n\" # c\r\nc: [1, {d: e}]\r\n";
    assert_eq!(
        covered(text),
        [
            "a: 'é x'\r\nb: \"q\\n\" # c\r\nc: [1, {d: e}]",
            "a",
            "'é x'",
            "b",
            "\"q\\n\"",
            "c",
            "[1, {d: e}]",
            "1",
            "{d: e}",
            "d",
            "e",
        ]
    );
    let comments: Vec<_> = parse(text).comments.iter().map(|span| span.of(text)).collect();
    assert_eq!(comments, ["# c"]);
}

#[test]
fn a_block_collection_begins_at_its_first_token_and_ends_with_its_last() {
    let text = "a: # - no\n  - x\n  - - y\n    - z\nb:\n- k: v\n\n# end\n";
    assert_eq!(
        covered(text),
        [
            "a: # - no\n  - x\n  - - y\n    - z\nb:\n- k: v",
            "a",
            "- x\n  - - y\n    - z",
            "x",
            "- y\n    - z",
            "y",
            "z",
            "b",
            "- k: v",
            "k: v",
            "k",
            "v",
        ]
    );
}

#[test]
fn a_block_scalar_begins_at_its_header_and_ends_with_its_text() {
    let text = "a: !!str | # c\n  x\n\n  y\n\nb: >-\n\nc: 1";
    assert_eq!(covered(text)[1..], ["a", "| # c\n  x\n\n  y", "b", ">-", "c", "1"]);
}

#[test]
fn an_absent_value_has_an_empty_span_after_its_key() {
    let text = "a:\nb: 1";
    let document = parse(text);
    let absent = document.root.get("a").unwrap();
    assert!(absent.is_null());
    assert_eq!(absent.span, Span::at(2));
}

#[test]
fn a_scan_error_keeps_the_tree_composed_so_far() {
    let document = parse("models:\n- name: a\n  columns: [{y: 1}, x, z\n");
    assert_eq!(document.errors.len(), 1);
    assert_eq!(repr_node(&document.root), "{'models': [{'name': 'a', 'columns': [{'y': 1}, 'x']}]}");
}

#[test]
fn every_error_has_a_plain_message_and_a_remedy() {
    let broken = [
        "a: b: c",
        "a: 'x",
        "a: \"\\q\"",
        "a: [b",
        "a: ]",
        "a:\n\t- b",
        "a: @x",
        "a: %x",
        "a: 'b' c",
        "a: b\n c: d",
        "- a\nb: c",
        "a: - b",
        "\u{1}",
        "a: {b: c]",
        "a: &\n",
        "a: !<x y",
        "%YAML x\n---\n",
        "  a: 1\n b: 2",
        "- :",
        "{: a}",
        "a: |x\n  b",
        "&a.b c",
    ];
    for text in broken {
        let document = parse(text);
        let error = document.errors.first().unwrap_or_else(|| panic!("{text:?} is no error"));
        assert!(!error.message.contains("while "), "{text:?}: {}", error.message);
        assert!(!error.message.ends_with('.') && !error.message.is_empty(), "{text:?}: {}", error.message);
        assert!(error.remedy.ends_with('.'), "{text:?}: {}", error.remedy);
        assert!(error.span.end as usize <= text.len(), "{text:?}");
    }
}

#[test]
fn deep_nesting_ends_with_an_error() {
    for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000), "? ".repeat(100_000)] {
        assert_eq!(messages(&text), ["the YAML is nested more than 200 levels deep"]);
    }
    assert_eq!(messages(&format!("{}{}", "[".repeat(200), "]".repeat(200))), Vec::<String>::new());
}

#[test]
fn an_alias_bomb_ends_with_an_error() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for at in 1..20 {
        let items = vec![format!("*a{}", at - 1); 9].join(", ");
        text.push_str(&format!("a{at}: &a{at} [{items}]\n"));
    }
    assert_eq!(messages(&text), ["the anchors and aliases stand for more than 1000000 values"]);
}

#[test]
fn a_chain_of_aliases_cannot_nest_deeper_than_brackets() {
    let mut text = "- &a0 [x]\n".to_owned();
    for at in 1..1000 {
        text.push_str(&format!("- &a{at} [*a{}]\n", at - 1));
    }
    assert_eq!(messages(&text), ["the YAML is nested more than 200 levels deep"]);
}

#[test]
fn ten_thousand_comments_in_a_row_are_no_error() {
    let text = format!("a:\n{}  b: 1\n", "# comment\n".repeat(10_000));
    let document = parse(&text);
    assert_eq!((document.errors.len(), document.comments.len()), (0, 10_000));
}

#[test]
fn no_prefix_of_a_file_panics() {
    let text = "%YAML 1.1\n--- # c\na: &x !!map {b: 'é', \"c\": [1, *x]}\nd: |2-\n   t\n? e\n: - f\n  - <<: *x\n";
    for (end, _) in text.char_indices() {
        let prefix = &text[..end];
        for error in parse(prefix).errors {
            assert!(error.span.end as usize <= prefix.len());
        }
    }
}

#[test]
fn scalars_print_as_python_prints_them() {
    assert_eq!(
        repr("[1.0e+16, 1.0e-5, 0.0001, 123456789.125, 1.0e+300, -0.0]"),
        "[1e+16, 1e-05, 0.0001, 123456789.125, 1e+300, -0.0]"
    );
    assert_eq!(parse("[]").root.key_text(), None);
    assert_eq!(parse("{}").root.kind_name(), "a mapping");
}
