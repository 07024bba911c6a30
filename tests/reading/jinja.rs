//! Templates and what Jinja2 3.1 makes of them. With these the engine behind `Renderer` could be
//! changed.

use harness::db::{Database, Invocation};
use harness::files::Memory;
use harness::project::jinja::run::{Names, Run, Subject};
use harness::project::jinja::{Minijinja, Rendered, Renderer};
use harness::session::{Session, on_large_stacks};
use harness::syntax::span::Span;

/// Renders texts in one project with these macros.
fn rendered(macros: &str, texts: &[&str]) -> Vec<Rendered> {
    let files =
        [("dbt_project.yml", "name: shop\nvars: {a: '{{ [1, 2] }}', b: 'x{{ 1 }}'}\n"), ("macros/m.sql", macros)];
    on_large_stacks(1, || {
        let tree: Memory = files.into_iter().collect();
        let session = Session::load(Database::default(), &tree, Default::default(), Invocation::default());
        let root = session.project.root(&session.db);
        salsa::attach(&session.db, || {
            let run = || Run::new(root, Names::All, Subject::default());
            texts.iter().map(|text| Minijinja.render(text, Span::new(0, text.len()), run())).collect()
        })
    })
    .unwrap()
}

fn text(macros: &str, template: &str) -> String {
    let rendered = rendered(macros, &[template]).remove(0);
    assert_eq!(rendered.errors, [], "{template}");
    rendered.text
}

#[test]
fn templates_print_what_jinja2_prints() {
    let pairs: Vec<(&str, &str)> = include_str!("../jinja/snippets.txt")
        .split_terminator("\n\n")
        .map(|pair| pair.split_once("\n=> ").unwrap_or_else(|| panic!("no result: {pair}")))
        .collect();
    assert!(pairs.len() > 40);
    // dbt has no macros but those of macro files.
    let (own, plain): (Vec<_>, Vec<_>) = pairs.iter().partition(|(template, _)| template.contains("{% macro "));
    let templates: Vec<&str> = plain.iter().map(|(template, _)| *template).collect();
    let with_macros = own.iter().map(|(template, _)| {
        let (macros, rest) = macros_and_rest(template);
        rendered(&macros, &[&rest]).remove(0)
    });
    let mut failures = Vec::new();
    let results = rendered("", &templates).into_iter().chain(with_macros);
    for ((template, wanted), rendered) in plain.iter().chain(&own).zip(results) {
        let found = rendered.text.replace('\\', "\\\\").replace('\n', "\\n");
        if found != *wanted || !rendered.errors.is_empty() {
            failures.push(format!("{template}\n  wanted {wanted}\n  found  {found} {:?}", rendered.errors));
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), pairs.len(), failures.join("\n"));
}

/// The macros a template defines, and the template without them.
fn macros_and_rest(template: &str) -> (String, String) {
    let (mut macros, mut rest) = (String::new(), String::new());
    for part in template.split_inclusive("{% endmacro %}") {
        let at = part.find("{% macro ").unwrap_or(part.len());
        rest.push_str(&part[..at]);
        macros.push_str(&part[at..]);
    }
    (macros, rest)
}

#[test]
fn macros_return_values_and_take_what_they_do_not_name() {
    let macros = "{% macro list_of() %}ignored{{ return([1, 2]) }}ignored{% endmacro %}\
                  {% macro rest(a) %}{{ a }}|{{ varargs }}|{{ kwargs }}{% endmacro %}\
                  {% macro named(a, b=a, c=b ~ 'x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}\
                  {% macro deep() %}{% for x in [1, 2] %}{% if x == 2 %}{{ return(x) }}{% endif %}{% endfor %}{% endmacro %}\
                  {% macro silent() %}{% do return(none) %}{% endmacro %}";
    assert_eq!(text(macros, "{{ list_of() | length }}{% for x in list_of() %}{{ x }}{% endfor %}"), "212");
    assert_eq!(text(macros, "{{ rest(1, 2, 3, k=4) }}"), "1|(2, 3)|{'k': 4}");
    assert_eq!(text(macros, "{{ named(1) }} {{ named(1, 2) }} {{ named(1, c=3) }}"), "111x 122x 113");
    assert_eq!(text(macros, "{{ deep() + 1 }}{{ silent() }}"), "3None");
}

#[test]
fn a_call_block_reaches_the_macro_that_asks_for_it_and_only_then() {
    let macros = "{% macro twice() %}{{ caller() }}{{ caller() }}{% endmacro %}\
                  {% macro each(l) %}{% for x in l %}{{ caller(x) }}{% endfor %}{% endmacro %}\
                  {% macro never(caller=none) %}nothing{% endmacro %}";
    assert_eq!(text(macros, "{% call twice() %}a{% endcall %}"), "aa");
    assert_eq!(text(macros, "{% call(x) each([1, 2]) %}<{{ x }}>{% endcall %}"), "<1><2>");
    let rendered = rendered(
        macros,
        &["{% call never() %}{{ ref('x') }}{% endcall %}", "{% call twice() %}{{ ref('x') }}{% endcall %}"],
    );
    assert_eq!(rendered[0].trace.refs.len(), 0);
    assert_eq!(rendered[1].trace.refs[0].name.as_ref(), "x");
}

#[test]
fn vars_that_hold_jinja_are_texts_whatever_they_hold() {
    assert_eq!(text("", "{{ var('a') | length }}{{ var('b') }}{{ var('none_such', 7) }}"), "6x17");
}

#[test]
fn dbts_own_names_answer_as_they_do_while_parsing() {
    let macros = "{% macro one() %}{{ return(1) }}{% endmacro %}";
    assert_eq!(text(macros, "{{ context['one']() }}{{ context.get('one')() }}{{ context.one() }}"), "111");
    assert_eq!(text("", "{{ config.get('materialized', default='x') == '' }}"), "True");
    assert_eq!(text("", "{% if 'false' | as_bool %}text{% endif %}{{ 'x' | int }}{{ '3.7' | int }}"), "text03");
    assert_eq!(
        text("", "{{ var.has_var('a') }}{{ var.has_var('z') }}{{ local_md5('abc') }}"),
        "TrueFalse900150983cd24fb0d6963f7d28e17f72"
    );
    let rendered =
        rendered("", &["{{ ref(modules.re.sub('a', 'b', env_var('NO_SUCH'))) }}{{ source('s', env_var('NO_SUCH')) }}"]);
    assert_eq!((rendered[0].trace.refs.len(), rendered[0].trace.sources.len()), (0, 0));
    assert!(rendered[0].trace.incomplete);
}

#[test]
fn every_name_of_dbts_context_is_known_while_parsing() {
    let names = "execute ref source function config var env_var target this model graph builtins adapter return \
                 namespace modules run_started_at invocation_id flags log exceptions zip zip_strict set set_strict \
                 tojson fromjson toyaml fromyaml local_md5 print selected_resources dbt_version project_name doc \
                 statement run_query load_result is_incremental api env schema database thread_id \
                 diff_of_two_dicts dbt_metadata_envs invocation_args_dict store_result store_raw_result write \
                 render try_or_compiler_error load_agate_table metric validation pre_hooks post_hooks sql \
                 compiled_code defer_relation submit_python_job adapter_macro column sql_now otel_trace_id context range dict cycler joiner lipsum";
    for name in names.split_whitespace() {
        assert_eq!(text("", &format!("{{{{ {name} is defined }}}}")), "True", "{name}");
    }
    assert_eq!(text("", "{{ render('{{ 1 + 1 }}x') }}{{ try_or_compiler_error('m', range, 2) | list }}"), "2x[0, 1]");
    assert_eq!(
        text("", "{{ flags.FULL_REFRESH }}{{ flags.WHICH }}{{ diff_of_two_dicts({'A': ['x', 'y']}, {'a': ['X']}) }}"),
        "Falseparse{'a': ['y']}"
    );
    let looped = rendered("{% macro again() %}{{ render('{{ again() }}') }}{% endmacro %}", &["{{ again() }}"]);
    assert!(looped[0].trace.failure.is_some());
}

#[test]
fn a_package_is_a_mapping_of_its_macros() {
    let macros = "{% macro one() %}{{ return(1) }}{% endmacro %}{% macro two() %}2{% endmacro %}";
    let template = "{{ shop.get('one')() }}{{ shop['t' ~ 'wo']() }}{{ shop | length }}{{ shop.keys() | list }}\
                    {{ 'one' in shop }}{{ 'no' in shop }}{{ shop.get('no') is none }}{{ shop.get('no', 7) }}\
                    {% for name, called in shop.items() %}{{ name }}={{ called() }};{% endfor %}";
    assert_eq!(text(macros, template), "122['one', 'two']TrueFalseTrue7one=1;two=2;");
    let held = "{% set ms = {'m': one, 'l': [two]} %}{{ ms.m() }}{{ ms['l'][0]() }}{% set ns = namespace(f=one) %}{{ ns.f() }}";
    assert_eq!(text(macros, held), "121");
    assert_eq!(text(macros, "{{ shop['no']() }}{{ context['no']() }}"), "__unknown__");
}

#[test]
fn a_block_that_returns_ends_the_macro_that_asked_for_it() {
    let macros = "{% macro hold() %}a{{ caller() }}b{% endmacro %}";
    assert_eq!(text(macros, "{% call hold() %}{{ return('x') }}{% endcall %}"), "x");
    let listed = rendered(macros, &["{% call hold() %}{% do return([1]) %}{% endcall %}"]).remove(0);
    assert_eq!(listed.errors.len() + usize::from(listed.trace.failure.is_some()), 1);
}

#[test]
fn a_relation_has_the_parts_it_has_while_parsing() {
    let parts = "{{ ref('a') }}|{{ ref('a').identifier }}{{ ref('a').name }}{{ ref('a').table }}|\
                 {{ ref('a').schema == target.schema }}{{ ref('a').database == target.database }}|\
                 {{ ref('a').render() }}|{{ ref('a').include(database=false) }}|{{ source('s', 't') }}|\
                 {{ source('s', 't').identifier }}";
    assert_eq!(text("", parts), "a|aaa|TrueTrue|a|a|s.t|t");
}

#[test]
fn what_would_not_end_is_an_error_with_a_place() {
    let templates = [
        "{{ modules.re.match('(a|aa)+(?!x)$(?<=b)', 'a' * 5000) }}",
        "{{ modules.re.compile('(((a{1000}){1000}){1000}){1000}') }}",
        "{{ modules.re.compile('(') }}",
        "{{ modules.itertools.product(range(1000), repeat=9) | list | length }}",
        "{{ modules.itertools.permutations(range(30)) | list | length }}",
        "{{ modules.itertools.combinations(range(60), 30) | list | length }}",
        "{{ modules.itertools.count() | list | length }}",
        "{{ modules.itertools.repeat('x', 1000000000000) }}",
        "{{ modules.itertools.chain(modules.itertools.cycle([1])) }}",
        "{% set l = [1] %}{% for i in range(100) %}{% set l = l + l %}{% endfor %}\
         {% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{{ modules.datetime.date(2024, 13, 1) }}",
        "{{ modules.datetime.date.max + modules.datetime.timedelta(days=1) }}",
        "{{ modules.datetime.timedelta(days=10 ** 30) }}",
        "{{ modules.pytz.timezone('Nowhere/Atall') }}",
    ];
    for (template, rendered) in templates.iter().zip(rendered("", &templates)) {
        assert_eq!(rendered.errors.len(), 1, "{template}: {}", rendered.text);
        assert!(rendered.errors[0].span.start > 0, "{template}");
    }
}

#[test]
fn a_date_is_a_date_wherever_it_comes_from() {
    let macros = "{% macro start() %}{{ return(modules.datetime.date(2024, 1, 31)) }}{% endmacro %}\
                  {% macro later(d, n) %}{{ return(d + n * modules.datetime.timedelta(days=1)) }}{% endmacro %}\
                  {% macro days(a, b) %}{{ return((a - b).days) }}{% endmacro %}";
    assert_eq!(text(macros, "{{ later(start(), 2) }} {{ days(later(start(), 2), start()) + 1 }}"), "2024-02-02 3");
    assert_eq!(
        text(macros, "{{ run_started_at }}|{{ modules.datetime.datetime.now().year }}"),
        "2024-01-01 00:00:00+00:00|2024"
    );
    // A date in YAML is one of Python's; it arrives as its text.
    let template = "{{ '2024-03-01'.strftime('%d.%m.%Y') }} {% set a, b = '2024-03-01', '2024-02-01' %}{{ (a - b).days }} \
                    {{ a + modules.datetime.timedelta(days=1) }} {{ a + b }}";
    assert_eq!(text(macros, template), "01.03.2024 29 2024-03-02 2024-03-012024-02-01");
    // What stands for something unknown makes no date, and no error.
    let template = "{{ modules.datetime.datetime.strptime(env_var('NO_SUCH'), '%Y') + modules.datetime.timedelta(1) }}";
    let rendered = rendered(macros, &[template]).remove(0);
    assert_eq!((rendered.errors.len(), rendered.text.as_str()), (0, "__unknown__"));
}

#[test]
fn raw_output_leads_back_to_its_very_place() {
    let template = "select {{ [1, 2] | join(',') }} as é,\n  {% if true %}b{% endif %} from t";
    let rendered = rendered("", &[template]).remove(0);
    let mut seen = 0;
    for segment in rendered.segments.iter().filter(|segment| segment.verbatim) {
        assert_eq!(segment.output.of(&rendered.text), segment.source.of(template));
        seen += 1;
    }
    assert_eq!(seen, 4);
}
