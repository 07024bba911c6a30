use super::*;

fn cut(text: &str) -> Vec<&str> {
    tokens(text).tokens.iter().map(|token| token.span().of(text)).collect()
}

#[test]
fn quotes_close_by_doubling_escape_and_what_follows() {
    assert_eq!(cut("'it''s' x"), ["'it''s'", "x"]);
    assert_eq!(cut(r"replace(a, '\'', '')"), ["replace", "(", "a", ",", r"'\''", ",", "''", ")"]);
    assert_eq!(cut(r"split(a, '\'), 'b'"), ["split", "(", "a", ",", r"'\'", ")", ",", "'b'"]);
    assert_eq!(cut("'don\\'t' as b"), ["'don\\'t'", "as", "b"]);
    assert_eq!(cut("`a.b` \"c\"\"d\" $$it's$$ e"), ["`a.b`", "\"c\"\"d\"", "$$it's$$", "e"]);
}

#[test]
fn what_is_never_closed_hides_nothing() {
    assert_eq!(cut("a ' b \" c $$ d"), ["a", "'", "b", "\"", "c", "$$", "d"]);
    assert_eq!(cut("a /* b"), ["a"]);
}

#[test]
fn tags_may_stand_in_strings_and_comments() {
    assert_eq!(cut("'{{ var('a') }}' b"), ["'{{ var('a') }}'", "b"]);
    assert_eq!(cut("a -- {{ f(\n'x') }} gone\r\nb"), ["a", "b"]);
}

#[test]
fn a_hash_that_begins_a_line_begins_a_comment() {
    assert_eq!(cut("# don't, a\n  ## b\nwith a #> b"), ["with", "a", "#", ">", "b"]);
}

#[test]
fn strings_and_comments_end_where_the_dialect_says() {
    use Dialect::{BigQuery, ClickHouse, Hive, MySql, Snowflake, Standard, TSql, Unknown};
    let cases: [(Dialect, &str, &[&str]); 20] = [
        (BigQuery, "a # b's from c\nd", &["a", "d"]),
        (MySql, "a #b\nd", &["a", "d"]),
        (ClickHouse, "a, #! b\nd", &["a", ",", "d"]),
        (Standard, "a # b\nd", &["a", "#", "b", "d"]),
        (Unknown, "(a), # b's\nd", &["(", "a", ")", ",", "d"]),
        (Snowflake, "a // b's\nd", &["a", "d"]),
        (Standard, "a // b\n // c's\nd", &["a", "/", "/", "b", "d"]),
        (BigQuery, "'''a's b''' c", &["'''a's b'''", "c"]),
        (Standard, "'''a''b' c", &["'''a''b'", "c"]),
        (BigQuery, r"'\' a' b", &[r"'\' a'", "b"]),
        (Standard, r"f('[\']', x) b", &["f", "(", r"'[\'", "]", "'", ",", "x", ")", "b"]),
        (Standard, r"e'\' a' b", &["e", r"'\' a'", "b"]),
        (Unknown, r"E'\' a' b", &["E", r"'\' a'", "b"]),
        (Hive, r"r'\' b", &["r", r"'\'", "b"]),
        (Unknown, "q'[it's]' b", &["q", "'[it's]'", "b"]),
        (Unknown, "$t$ a's $$ $t$ b $1 $x", &["$t$ a's $$ $t$", "b", "$1", "$x"]),
        (Unknown, "from [a b].[c] x[1]", &["from", "[a b]", ".", "[c]", "x", "[", "1", "]"]),
        (TSql, "select [a], [b]", &["select", "[a]", ",", "[b]"]),
        (Unknown, "select [a], [b] as (", &["select", "[", "a", "]", ",", "[b]", "as", "("]),
        (Unknown, "$t$ never, $u$ nor $u$", &["$t$", "never", ",", "$u$ nor $u$"]),
    ];
    for (dialect, text, expected) in cases {
        let found: Vec<&str> = tokens_of(text, dialect).tokens.iter().map(|token| token.span().of(text)).collect();
        assert_eq!(found, expected, "{dialect:?} {text}");
    }
}

#[test]
fn block_comments_nest_where_that_balances() {
    assert_eq!(cut("a /* b /* c */ d */ e"), ["a", "e"]);
    assert_eq!(cut("a /* models/*.sql */ b /* c */ d"), ["a", "b", "d"]);
}

#[test]
fn numbers_are_values_and_not_parts_of_names() {
    let numbers =
        |text: &str| -> Vec<String> { tokens(text).numbers.iter().map(|span| span.of(text).to_owned()).collect() };
    assert_eq!(numbers("a / 0.158 + .5 - 1e-3 * 2."), ["0.158", ".5", "1e-3", "2."]);
    assert_eq!(numbers("t.2, $1, x1, 2020_sales, c_{{ n }}_3, {{ n }}3"), Vec::<String>::new());
    assert_eq!(numbers("x*1_000 from a.b1 where c>0xFF"), ["1_000", "0xFF"]);
}

#[test]
fn captured_blocks_print_nothing_but_their_numbers_count() {
    let text = "{% set q %} select 1 {% endset %} a {% set b = 2 %} c";
    assert_eq!(cut(text), ["a", "{% set b = 2 %}", "c"]);
    assert_eq!(tokens(text).numbers.len(), 1);
}
