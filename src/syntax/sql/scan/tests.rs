use super::*;

fn names(scan: &Scan) -> Vec<&str> {
    scan.ctes.iter().map(|cte| &*cte.name).collect()
}

fn tables(text: &str) -> Vec<String> {
    scan(text).tables.iter().map(|table| table.text.to_string()).collect()
}

fn select(text: &str) -> Select {
    scan(text).final_select.unwrap_or_else(|| panic!("no select: {text}"))
}

fn items(text: &str) -> Vec<(String, Option<String>)> {
    let alias = |item: &Item| item.alias.as_ref().map(ToString::to_string);
    let select = select(text);
    let items = select.items.iter();
    items.map(|item| (item.span.of(text).to_owned(), alias(item))).collect()
}

#[test]
fn ctes_have_their_names_bodies_and_selects() {
    let text = "\u{feff}{{ config(a=1) }}\r\nwith a as (\r\n select f(x) as y from {{ ref('t') }}\r\n),\r\n\"B\" (c) as not materialized (select 1)\r\nselect * from a -- end\r\n;";
    let found = scan(text);
    assert_eq!(names(&found), ["a", "B"]);
    assert_eq!(found.ctes[0].body.of(text), "\r\n select f(x) as y from {{ ref('t') }}\r\n");
    assert_eq!(found.ctes[0].name_span.of(text), "a");
    assert_eq!(found.with.map(|span| span.of(text)), Some("with"));
    assert_eq!(found.comments.iter().map(|span| span.of(text)).collect::<Vec<_>>(), ["-- end"]);
    let last = found.final_select.unwrap_or_else(|| panic!("no select"));
    assert_eq!(last.from.map(|from| from.name.to_string()).as_deref(), Some("a"));
    assert!(last.clean_end && last.alone && last.items[0].is_star);
}

#[test]
fn ctes_inside_a_cte_belong_to_its_body() {
    let text = "with recursive a as (with b as (select 1 as c) select c from b) select c from a";
    let found = scan(text);
    assert_eq!(names(&found), ["a"]);
    let inner = found.ctes[0].select.as_ref().and_then(|select| select.from.clone());
    assert_eq!(inner.map(|from| from.name.to_string()).as_deref(), Some("b"));
    assert_eq!(found.tables, []);
}

#[test]
fn jinja_may_name_and_separate_ctes() {
    let text = "with {{ imports() }}, {% for x in y %} c_{{ x }} as (select 1), {% endfor %}\n\
                {{ more() }} d as (select 2) {{ ',' if z }} e as ({{ body() }}) select * from d";
    let found = scan(text);
    assert_eq!(names(&found), ["c_{{ x }}", "d", "e"]);
    assert_eq!(found.ctes[2].select, None);
}

#[test]
fn what_is_no_list_of_ctes_is_none() {
    assert_eq!(scan("select cast(a as timestamp with time zone) as (b) from t").ctes, []);
    assert_eq!(scan("select a from unnest(x) with offset as o (p)").ctes, []);
    assert_eq!(scan("create table x as (select 1)").ctes, []);
    assert_eq!(names(&scan("with 1 as one, t as (select one) select * from t")), ["t"]);
}

#[test]
fn items_are_split_at_their_own_commas_and_named() {
    let text = "select distinct on (k, l) a, t.b, f(c, [1, 2]) as d, count(*) total, x::date,\n\
                a is distinct from b as e, {{ m }} as g, {{ m }}, case when 1 then 2 end,\n\
                \"q\" as \"Q r\", 'it''s, no' lit, v:order::string, interval '1' day, h_{{ m }}, from t";
    let found = items(text);
    let aliases: Vec<_> = found.iter().map(|(_, alias)| alias.as_deref()).collect();
    assert_eq!(
        aliases,
        [
            None,
            None,
            Some("d"),
            Some("total"),
            None,
            Some("e"),
            Some("g"),
            None,
            None,
            Some("Q r"),
            Some("lit"),
            None,
            None,
            None,
        ]
    );
    assert_eq!(found[0].0, "a");
    assert_eq!(found[2].0, "f(c, [1, 2]) as d");
    assert_eq!(found[5].0, "a is distinct from b as e");
    assert_eq!(found[11].0, "v:order::string");
}

#[test]
fn stars_are_told_from_products() {
    let text = "select *, a.*, b.c * 2, * except (d, e), {{ f }}.*, g*h from t";
    let stars: Vec<_> = select(text).items.iter().map(|item| item.is_star).collect();
    assert_eq!(stars, [true, true, false, true, true, false]);
}

#[test]
fn block_tags_are_no_part_of_an_item() {
    let text = "select a {% for x in y %}, {{ x }} as b {% endfor %} {% if z %}, c {% endif %} from t";
    let found = items(text);
    let spans: Vec<_> = found.iter().map(|(span, _)| span.as_str()).collect();
    assert_eq!(spans, ["a", "{{ x }} as b", "c"]);
}

#[test]
fn the_last_branch_of_a_union_is_the_select() {
    assert_eq!(items("select a from t union all select b from u")[0].0, "b");
    assert_eq!(items("(select a from t) union all (select b from u)")[0].0, "b");
    assert_eq!(items("(select a from t) union (with b as (select 1) select c from b)")[0].0, "c");
    assert_eq!(items("select a except select c")[0].0, "c");
    assert!(!select("(select b from u) order by 1").clean_end);
    assert!(select("(select b from u);").clean_end);
}

#[test]
fn what_follows_the_name_tells_the_end_of_the_file() {
    let end = |text: &str| (select(text).clean_end, select(text).alone);
    assert_eq!(end("{% if a %} select * from t {# b #} ; {% endif %}"), (true, true));
    assert_eq!(end("select * from t where a"), (false, true));
    assert_eq!(end("select * from t as u"), (false, false));
    assert_eq!(end("select * from t, u"), (false, false));
    assert_eq!(end("select * from t left join u using (a)"), (false, false));
    assert_eq!(end("select * from {{ ref('t') }}"), (false, false));
    assert_eq!(end("select * from t {{ limit() }}"), (false, false));
}

#[test]
fn tables_are_names_that_are_nothing_else() {
    let text = "with c as (select 1) select extract(year from d) from db.s.t as x\n\
        join c on x.a = c.a join (e cross join `p.q`) cross join f(g), lateral h(i),\n\
        {{ ref('j') }} k, x.items, k.items, {{ db }}.l, my-project.ds.m, table(n),\n\
        (values (null, 1), (2, 3)) o where a is distinct from b and q in (select r from u.v)";
    assert_eq!(tables(text), ["db.s.t", "e", "`p.q`", "my-project.ds.m", "u.v"]);
    assert_eq!(tables("select a from t array join b, c lateral view f(d) e as g, h"), ["t"]);
    assert_eq!(tables("select * from `{{ db }}`.t -- from u\n/* from v */"), Vec::<String>::new());
    assert_eq!(tables("select trim(both 'x' from y), 'from z' from t"), ["t"]);
}

#[test]
fn alternatives_that_share_a_bracket_are_read_once() {
    let text = "with a as (select f({% if x %} g( {% else %} h( {% endif %} 1)) as b from t\n\
                {% if y %} where 1) {% else %} ) {% endif %}, c as (select 1) select * from c";
    let found = scan(text);
    assert_eq!(names(&found), ["a", "c"]);
    assert!(found.final_select.is_some_and(|select| select.clean_end));
    let whole = "{% if x %} with a as (select 1) select * from a {% else %}\n\
                 with b as (select 2) select * from b {% endif %}";
    assert_eq!(names(&scan(whole)), ["a", "b"]);
    assert_eq!(tables(whole), Vec::<String>::new());
}

#[test]
fn brackets_that_do_not_match_cost_little() {
    assert_eq!(items("select a), b from t")[1].0, "b");
    assert_eq!(names(&scan("with a as (select x[1 from t), b as (select 1) select * from b")), ["a", "b"]);
    assert!(scan("with a as (select 1").ctes[0].select.is_some());
    let junk = "\0\u{1}\u{fffd}{ {{ %} #} ' \" ` $$ /*";
    let comments = vec![Span::new(junk.len() - 2, junk.len())];
    assert_eq!(scan(junk), Scan { comments, ..Scan::default() });
}

#[test]
fn numbers_are_listed_wherever_they_stand() {
    let text = "select a / 0.158987 as b, {{ f(3) }} from t -- 4\nwhere c > -1e3";
    let texts: Vec<_> = scan(text).literals.iter().map(|literal| literal.text.to_string()).collect();
    assert_eq!(texts, ["0.158987", "1e3"]);
}

#[test]
fn hostile_texts_are_scanned_to_their_end() {
    for text in [
        format!("select a from b where {}", "x = 1 or ".repeat(200_000)),
        "(".repeat(100_000),
        "([{".repeat(100_000),
        "[".repeat(100_000) + &")".repeat(100_000),
        "(".to_owned() + &"[".repeat(100_000) + &")".repeat(100_000),
        "with a as (".repeat(50_000),
        "select a from (".repeat(50_000),
        "'".repeat(200_001),
        "'".to_owned() + &"\\' ".repeat(200_000),
        "/* ".repeat(200_000),
        "/* /* */ ".repeat(100_000),
        "/*{{x}}*/".repeat(100_000),
        "{{ ".repeat(200_000),
        "{% ' ".repeat(200_000),
        "$$ $ ".repeat(100_001),
        "{% if x %}({% else %})".repeat(50_000),
        "\u{a0}a".repeat(200_000),
        "é".repeat(300_000),
        format!("select 1 from {}", "a, ".repeat(200_000)),
        format!("select 1 from {}", "a.".repeat(200_000)),
        "select distinct on (".repeat(100_000),
        " ".repeat(500_000) + "#" + &" #".repeat(200_000),
    ] {
        scan(&text);
    }
}
