use super::*;
use serde_json::json;

fn named(text: &str) -> Vec<String> {
    let rendering = read(text);
    assert!(rendering.errors.is_empty(), "{text}: {:?}", rendering.errors);
    let refs = rendering.trace.refs.iter().map(|call| call.name.to_string());
    refs.chain(rendering.trace.sources.iter().map(|call| format!("{}.{}", call.source, call.table))).collect()
}

/// The errors of a model with these lines as its body.
fn errors_in(lines: &str) -> Vec<String> {
    errors(&format!("def model(dbt, session):\n    {lines}\n    return 1\n"))
}

fn errors(text: &str) -> Vec<String> {
    let index = crate::syntax::span::LineIndex::new(text);
    let errors = read(text).errors;
    errors
        .iter()
        .map(|error| {
            let at = index.position(text, error.span.start);
            format!("{}:{} {}", at.line, at.column, error.message)
        })
        .collect()
}

fn configured(call: &str) -> Value {
    let text = format!("def model(dbt, session):\n    {call}\n    return 1\n");
    let rendering = read(&text);
    assert!(rendering.errors.is_empty(), "{call}: {:?}", rendering.errors);
    rendering.trace.configs.iter().map(|call| Value::Object(call.values.clone())).collect()
}

fn with(expression: &str) -> Vec<String> {
    named(&format!("def model(dbt, session):\n    x = {expression}\n    return x\n"))
}

#[test]
fn calls_are_found_where_dbt_looks_for_them() {
    assert_eq!(with("dbt.ref('a')[['id']]"), ["a"]);
    assert_eq!(with("dbt.ref('a').x.join(dbt.ref('b'), on='id')"), ["b", "a"]);
    assert_eq!(with("dbt.ref('a').count() > dbt.ref('b').count()"), ["a", "b"]);
    assert_eq!(with("session.sql(f\"select {dbt.ref('a')} {str(dbt.ref('b'))!r:>10}\")"), ["a", "b"]);
    assert_eq!(with("f(k=[dbt.ref('a')], **dbt.ref('b'))"), ["a", "b"]);
    assert_eq!(with("f({1: dbt.ref('a'), dbt.ref('b'): 1})"), ["a"]);
    assert_eq!(with("dbt . ref ( 'long_' \"name\" , ) + dbt.source('s', 't')"), ["long_name", "s.t"]);
    assert_eq!(with("(dbt).ref(('a'))"), ["a"]);
    assert_eq!(named("def helper(dbt):\n    return dbt.ref('b')\ndef model(dbt, session):\n    return 1\n"), ["b"]);
    // Below other expressions in a call dbt does not look.
    let unseen = [
        "f(dbt.ref('a').x)",
        "dbt.ref('a').y()[['id']].z()",
        "f(1 + dbt.ref('a'))",
        "f(x for x in dbt.ref('a'))",
        "f([[dbt.ref('a')]])",
        "f(dbt.ref('a'))(1)",
        "k.dbt.ref('a')",
        "dbt.get('a')",
        "'dbt.ref(\"a\")' # dbt.ref('a')",
    ];
    for text in unseen {
        assert_eq!(with(text), if text.contains("))(") { vec![] } else { Vec::<String>::new() }, "{text}");
    }
}

#[test]
fn arguments_are_literals() {
    assert_eq!(
        configured(
            "dbt.config(tags=('a', 'b'), meta={'n': -1, 'x': [None, 0.5, True]}, alias='al' 'ias', schema='s\\x41')"
        ),
        json!([{"tags": ["a", "b"], "meta": {"n": -1, "x": [null, 0.5, true]}, "alias": "alias", "schema": "sA"}])
    );
    assert_eq!(configured("dbt.config({'pre_hook': 'x', 'a': 0x1_0})"), json!([{"a": 16, "pre-hook": "x"}]));
    assert_eq!(configured("dbt.config(a=1, a=2); dbt.config([])"), json!([{"a": 2}, {}]));
    assert_eq!(
        configured("dbt.config.get('a'); dbt.config.get('b', 7, x=1)"),
        json!([{"config_keys_used": ["a", "b"], "config_keys_defaults": [null, 7],
            "meta_keys_used": [], "meta_keys_defaults": []}])
    );
    assert_eq!(with("dbt.ref(None, 'a', x={1}, v=0)"), ["a"]);
    let refused = [
        ("dbt.ref(NAME)", "2:13 a variable as an argument of `dbt.ref`, which dbt reads without running the model"),
        ("dbt.ref('a', v=V)", "2:20 a variable as an argument of `dbt.ref`, which dbt reads without running the model"),
        (
            "f([dbt.ref(f'a')])",
            "2:16 an f-string as an argument of `dbt.ref`, which dbt reads without running the model",
        ),
        (
            "dbt.config(a=not 1)",
            "2:18 an expression as an argument of `dbt.config`, which dbt reads without running the model",
        ),
        (
            "dbt.config(a=[bool(1)])",
            "2:19 a call as an argument of `dbt.config`, which dbt reads without running the model",
        ),
        (
            "dbt.config(a='x' + 'y')",
            "2:18 an expression as an argument of `dbt.config`, which dbt reads without running the model",
        ),
        ("dbt.config(**{'a': 1})", "2:16 `**` in a call of `dbt.config`, whose arguments dbt reads one by one"),
        ("dbt.config(a={1, 2})", "2:18 a set in `dbt.config`, which dbt cannot keep"),
        ("dbt.config(a={(1, 2): 3})", "2:18 a key that is not a string in `dbt.config`, which dbt cannot keep"),
        ("dbt.config()", "2:5 `dbt.config` takes either named arguments or one dict"),
        ("dbt.config({'a': 1}, b=2)", "2:5 `dbt.config` takes either named arguments or one dict"),
        ("dbt.config('a')", "2:5 `dbt.config` takes either named arguments or one dict"),
        ("dbt.config({'pre_hook': 'x', 'pre-hook': 'y'})", "2:5 `dbt.config` has both `pre_hook` and `pre-hook`"),
        ("dbt.config.get()", "2:5 `dbt.config.get` takes a key and a default: 0 given"),
        (
            "dbt.config.get('a', default=x)",
            "2:33 a variable as an argument of `dbt.config.get`, which dbt reads without running the model",
        ),
        ("dbt.ref(name='a')", "2:5 `dbt.ref` takes a name, or a package and a name: 0 given"),
        ("dbt.ref(1)", "2:13 `dbt.ref` takes strings, and this is a number"),
        ("dbt.ref('a', v=[1])", "2:20 the version of `dbt.ref` is a number or a string, and this is a list"),
        ("dbt.source('s.t')", "2:5 `dbt.source` takes two strings, the source and its table: 1 given"),
        ("dbt.source('s', None)", "2:21 `dbt.source` takes strings, and this is None"),
    ];
    for (text, expected) in refused {
        assert_eq!(errors_in(text), [expected], "{text}");
    }
}

#[test]
fn a_file_has_one_model_as_dbt_calls_it() {
    for fine in [
        "",
        "# nothing\n",
        "class K:\n    def model(dbt, session):\n        return 1\n",
        "if x:\n    def model(dbt, other, *, k=1): return\n",
        "def model(dbt, session):\n    def model(): pass\n    return [1, 2]\n",
    ] {
        assert_eq!(errors(fine), Vec::<String>::new(), "{fine}");
    }
    for none in
        ["'''doc'''\n", "import os\n", "async def model(dbt, session):\n    return 1\n", "model = lambda dbt, s: 1\n"]
    {
        let what = "a Python file in a model path is a model, and this one defines no function `model`";
        assert_eq!(errors(none), [format!("1:1 {what}")], "{none}");
    }
    let one = "def model(dbt, session):\n    return 1\n";
    assert_eq!(errors(&one.repeat(2)), ["3:5 this file defines 2 functions `model`, and dbt takes one"]);
    for wrong in ["session, dbt", "dbt", "dbt, session, x=1", "dbt, /, session", "*dbt"] {
        let text = format!("def model({wrong}):\n    return 1\n");
        assert_eq!(
            errors(&text),
            ["1:10 the function `model` must have two parameters, `dbt` and a session"],
            "{wrong}"
        );
    }
    for wrong in ["if x:\n        return 1", "return 1, 2", "x = 1", "return 1\n    x = 2"] {
        let text = format!("def model(dbt, session):\n    {wrong}\n");
        let what = "the function `model` must end in a `return` of one data frame";
        let line = if wrong.contains("    x") { 3 } else { 2 };
        assert_eq!(errors(&text), [format!("{line}:5 {what}")], "{wrong}");
    }
}

#[test]
fn jinja_is_refused_once_wherever_it_stands() {
    let jinja = "`{{` in a Python model is Jinja to dbt, which takes none there";
    assert_eq!(errors_in("x = dbt.ref(\"{{ var('x') }}\")"), [format!("2:18 {jinja}")]);
    assert_eq!(errors_in("# {{ x }}"), [format!("2:7 {jinja}")]);
    assert_eq!(errors("{{ config(a=1) }} 1\n"), [format!("1:1 {jinja}")]);
    assert_eq!(errors_in("x = {1: {2: 3}}"), Vec::<String>::new());
    let crlf = "def model(dbt, session):\r\n    x = {1: {2: 3}}\r\n    return 1\r\n";
    assert_eq!(errors(crlf), ["2:18 dbt takes `}}` in a Python model with CRLF line ends for Jinja"]);
    assert_eq!(errors(&crlf.replace("}}", "} }")), Vec::<String>::new());
}

#[test]
fn what_is_around_a_syntax_error_is_still_read() {
    let rendering = read("def model(dbt, session)\n    return dbt.ref('a')\n");
    assert_eq!(rendering.errors.len(), 1);
    assert_eq!(&*rendering.trace.refs[0].name, "a");
}
