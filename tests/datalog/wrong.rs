//! Programs that are wrong, by what is wrong with them.

use super::facts::World;
use harness_datalog::Library;

pub fn world() -> World {
    let mut world = World::default()
        .texts(
            "ref(child: node, parent: node)",
            &[&["model.orders", "model.stg"], &["model.stg", "model.base"], &["model.base", "model.orders"]],
        )
        .texts("layer(id: node, layer: name)", &[&["model.orders", "marts"], &["model.stg", "staging"]])
        .texts("node(id: node, type: name, name: name)", &[&["model.orders", "model", "orders"]])
        .texts("in_file(id: node, path: path)", &[&["model.orders", "models/orders.sql"]])
        .with(
            "size(id: node, lines: int)",
            vec![vec![harness_datalog::Constant::text("model.orders"), harness_datalog::Constant::Int(12)]],
        );
    world.nodes = [("orders", "model.orders"), ("stg", "model.stg"), ("base", "model.base"), ("base", "source.base")]
        .map(|(name, id)| (name.to_owned(), id.to_owned()))
        .to_vec();
    world
}

pub fn library() -> Library {
    let text = "// Directly or through others.
        .decl reaches(child: node, ancestor: node)
        reaches(c, a) :- ref(c, a).
        reaches(c, a) :- reaches(c, b), ref(b, a).";
    Library::read([("reaches.dl", text)]).unwrap()
}

pub const NAMES: &[(&str, &str)] = &[
    ("unknown relation", "reff(c, p), layer(c, \"marts\")"),
    ("unknown relation, nothing like it", "quux(c)"),
    ("unknown relation behind a negation", "layer(m, \"marts\"), !reach(m, _)"),
    ("unknown relation inside an aggregate", "n = count : { rfe(_, _) }"),
    ("unknown column", "node(id: m, typ: \"model\")"),
    ("unknown column, nothing like it", "node(colour: m)"),
    ("a column twice", "node(id: m, id: n)"),
    ("wrong arity", "node(m, \"model\")"),
    ("wrong arity of the library", "reaches(@orders)"),
    ("wrong arity of an own relation", "p(x, y) :- ref(x, y). ?- p(x)."),
    ("arity differs between rules", "p(x, y) :- ref(x, y).\np(x) :- layer(x, _)."),
    ("head leaves columns open", "p(a: x, b: y) :- ref(x, y).\np(a: x) :- layer(x, _)."),
    ("unknown @name", "ref(x, @oders)"),
    ("unknown @name, nothing like it", "ref(x, @zzz)"),
    ("ambiguous @name", "ref(x, @base)"),
    ("defines a relation of the catalogue", "ref(x, y) :- layer(x, _), layer(y, _)."),
    ("defines a relation of the library", "reaches(x, y) :- ref(y, x). ?- reaches(x, y)."),
    ("defines a function", "lower(x) :- layer(x, _)."),
    ("defines a test", "contains(x, y) :- ref(x, y)."),
    ("declares a relation of the catalogue", ".decl ref(x: node)\np(x) :- ref(x, _)."),
    ("declares twice", ".decl p(x: node)\n.decl p(x: node)\np(x) :- ref(x, _)."),
    ("unknown type of a declaration", ".decl p(x: nod)\np(x) :- ref(x, _)."),
    ("declared column twice", ".decl p(x: node, x: node)\np(x, x) :- ref(x, _)."),
    ("declared with other columns", ".decl p(x: node)\np(x, y) :- ref(x, y)."),
    ("parameter without value", "layer(m, $leyer)"),
];

pub const VARIABLES: &[(&str, &str)] = &[
    ("unsafe in a head", "p(x, y) :- layer(x, _)."),
    ("unsafe in a negation", "layer(m, \"marts\"), !ref(m, p)"),
    ("unsafe in a negation of a rule", "p(x) :- layer(x, _), !ref(x, y)."),
    ("unsafe in a comparison", "layer(m, _), n > 2"),
    ("unsafe in an equation", "layer(m, _), x = y"),
    ("unsafe in a test", "contains(x, \"a\")"),
    ("unsafe in an expression of a head", "p(x + 1) :- layer(_, _)."),
    ("a fact with a variable", "p(x)."),
    ("unsafe inside an aggregate", "n = sum x : { layer(_, _) }"),
    ("group of an aggregate", "o(n, c) :- c = count : { ref(m, n) }."),
    ("group of an aggregate behind a negation", "n = count : { ref(m, x) }, !layer(x, \"marts\")"),
    ("unused", "p(x) :- ref(x, y)."),
    ("unused, several", "p(x) :- node(x, y, z)."),
    ("unused inside an aggregate", "p(n) :- n = count : { ref(x, _) }."),
    ("_ in a head", "p(x, _) :- ref(x, _)."),
    ("_ in a head of an own relation", "p(_) :- ref(x, y)."),
    ("_ in a comparison", "layer(m, _), m != _"),
];

pub const TYPES: &[(&str, &str)] = &[
    ("a node and a path", "ref(m, p), in_file(_, p)"),
    ("a node and a name", "ref(m, p), layer(_, m)"),
    ("a name and a node", "layer(_, n), ref(n, _)"),
    ("a node and a number", "ref(m, 3)"),
    ("a number and a text", "size(m, \"12\")"),
    ("compared with a number", "ref(m, p), m > 3"),
    ("compared with a text", "size(m, n), n = \"12\""),
    ("two columns compared", "size(m, n), ref(a, _), a = n"),
    ("through a rule", "p(n) :- size(_, n).\n?- p(x), ref(x, _)."),
    ("rules that differ", "p(x) :- ref(x, _).\np(n) :- size(_, n)."),
    ("a function of a text", "size(_, n), x = lower(n)"),
    ("a sum of texts", "n = sum x : { layer(x, _) }"),
    ("calculates with texts", "layer(m, _), x = m + 1"),
    ("a test of a number", "size(_, n), contains(n, \"1\")"),
    ("a parameter that is no number", "size(m, n), n > $many"),
    ("declared otherwise", ".decl p(x: int)\np(x) :- ref(x, _)."),
];

pub const RECURSION: &[(&str, &str)] = &[
    ("negation of itself", "p(x) :- layer(x, _), !p(x)."),
    ("negation through others", "p(x) :- layer(x, _), !q(x).\nq(x) :- ref(x, y), r(y).\nr(x) :- p(x)."),
    ("aggregate of itself", "p(x, n) :- layer(x, _), n = count : { p(x, _) }."),
    ("aggregate through others", "p(x) :- layer(x, _), n = count : { q(x) }, n > 1.\nq(x) :- ref(x, y), p(y)."),
];

pub const FUNCTIONS: &[(&str, &str)] = &[
    ("unknown function", "layer(m, _), x = lowr(m)"),
    ("unknown function, nothing like it", "layer(m, _), x = quux(m)"),
    ("wrong number of arguments", "layer(m, _), x = substring(m, 1)"),
    ("no arguments", "x = concat()"),
    ("wrong number of arguments of a test", "layer(m, _), starts_with(m)"),
    ("arguments of a test by name", "layer(m, _), contains(text: m, part: \"a\")"),
    ("a test as a value", "layer(m, _), x = contains(m, \"a\")"),
    ("a function as a test", "layer(m, _), lower(m)"),
    ("a relation as a value", "layer(m, _), x = ref(m)"),
    ("bad regular expression", "layer(m, _), matches(m, \"a(b\")"),
    ("bad regular expression, a star", "layer(m, _), matches(m, \"*_tmp\")"),
    ("large regular expression", "layer(m, _), matches(m, \"(a{1000}){1000}\")"),
    ("a variable as a regular expression", "layer(m, x), matches(m, x)"),
    ("alternatives in an aggregate", "n = count : { ref(_, _); layer(_, _) }"),
];

pub const SYNTAX: &[(&str, &str)] = &[
    ("unclosed string", "layer(m, \"marts)"),
    ("unclosed string in a program", "p(m) :- layer(m, \"marts).\nq(m) :- p(m)."),
    ("unclosed comment", "layer(m, \"marts\") /* to be\ncontinued"),
    ("missing full stop", "p(x) :- ref(x, _)\nq(x) :- p(x)."),
    ("missing full stop at the end", "p(x) :- ref(x, _)"),
    ("missing full stop of a question", "?- p(x)\np(x) :- ref(x, _)."),
    ("missing full stop of a fact", "p(\"a\")\nq(x) :- p(x)."),
    ("two questions", "?- ref(x, _). ?- ref(_, x)."),
    ("no question", ""),
    ("a comment and no question", "// nothing"),
    ("a declaration and no rule", ".decl p(x: node)"),
    ("upper-case word", "ref(X, Y)"),
    ("upper-case relation", "Ref(x, y)"),
    ("upper-case head", "P(x) :- ref(x, _)."),
    ("mixed arguments", "node(id: m, \"model\")"),
    ("mixed arguments, the other way", "node(m, type: \"model\")"),
    ("missing comma", "ref(x, y) layer(x, \"marts\")"),
    ("missing comma between arguments", "ref(x y)"),
    ("unclosed parenthesis", "ref(x, y"),
    ("unclosed brace", "n = count : { ref(_, _)"),
    ("one too many", "ref(x, y))"),
    ("'and' between", "ref(x, y) and layer(x, _)"),
    ("a word alone", "orders"),
    ("negated comparison", "layer(m, n), !(n = \"marts\")"),
    ("'not'", "layer(m, _), not ref(m, _)"),
    ("a strange letter", "ref(x, y) & layer(x, _)"),
    ("@ alone", "ref(@, y)"),
    ("$ alone", "ref($, y)"),
    ("value of an aggregate is missing", "n = sum : { size(_, x) }"),
    ("a count of something", "n = count x : { size(_, x) }"),
    ("head that is no relation", "x :- ref(x, _)."),
    ("negated head", "!p(x) :- ref(x, _)."),
    ("empty body", "p(x) :- ."),
    ("several lines", "ref(x, y),\n  layer(x, \"größer\"), lyer(y, _)"),
];

pub const SEVERAL: &[(&str, &str)] = &[
    ("several in one body", "reff(x, y), layer(x, y, 3), node(idd: x), x = lowr(y)"),
    ("several in one program", "p(x) :- reff(x, _).\nq(x) :- layer(x).\n?- p(x), q(x), ref(x, @zzz)."),
    ("several that are syntax", "p(x :- ref(x, _).\nq(X) :- ref(X, _).\nr(x) :- ref(x, \"a).\n?- r(x)."),
    ("syntax and names", "p(x) :- ref(x, _.\nq(x) :- reff(x, _).\n?- p(x), q(x)."),
    ("unsafe and types", "p(x, y) :- layer(x, _).\nq(x) :- ref(x, 3).\n?- p(x, y), q(x)."),
    ("two unsafe ones in one body", "layer(m, _), a > 1, b > 2"),
];
