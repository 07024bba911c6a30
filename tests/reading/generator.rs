//! What makes Ascent programs of `queries/derived` when harness is built. That they derive what the interpreter does is
//! asked in `twins.rs`; here, that it reads schemas as they are and refuses what it has no translation for.

use crate::facts::{World, answer_with};
use harness::datalog::{Constant, Library};
use harness::db::{Database, sym};
use harness::query::schema_of;
use std::collections::{BTreeMap, BTreeSet};

#[path = "../../build/ascent.rs"]
mod ascent;
#[path = "../../build/schema.rs"]
mod schema;

/// The program that the build made of `trial.dl`.
mod trial {
    use harness::db::{Sym, sym};
    use harness::derive::{Derived, count};
    use harness::relations::{self, Cell, Visitor};

    include!(concat!(env!("OUT_DIR"), "/trial.rs"));

    fn trial<'db>(db: &'db dyn salsa::Database) -> Rows<'db> {
        derive(db, Facts::of(db))
    }
}

const PATH: &str = "queries/derived/trial.dl";

fn made(text: &str) -> Result<String, String> {
    let base = r##"
        relation! {
            /// An edge.
            reads as "ref" (child: Node, parent: Node)
            Fact r#"ref(c, p)"# at places::of_id;
            each |db, package, directory, rows| {}
        }
        relation! {
            /// How deep a node
            /// of a type lies.
            depth as "depth" (id: Node, r#type: Name, depth: Int, by: Name)
            Fact r#"depth(n, _, d, _)"# at places::of_id;
            each |db, package, directory, rows| {}
        }
        relation! {
            /// A weight.
            weight as "weight" (
                id: Node, kilos: Decimal,
            )
            Fact r#"weight(n, k)"# at places::of_id;
            each |db, package, directory, rows| {}
        }
        relation! {
            /// A line.
            text as "text" (path: Path, line: Int)
            Fact r#"text(p, l)"# at places::of_id;
            stream |db, emit| {}
        }
    "##;
    let base = schema::declared(base).unwrap();
    let others = Library::read([("others.dl", ".decl far(id: node)\nfar(n) :- depth(n, _, d, _), d > 3.")]).unwrap();
    ascent::compiled(ascent::Family { name: "trial", path: PATH, text }, &others, &base)
}

/// The rules of the Ascent program, without the declarations before them.
fn rules(text: &str) -> Vec<String> {
    let made = made(text).unwrap();
    let lines = made.lines().skip_while(|line| !line.contains("ascent_run!")).take_while(|line| *line != "    };");
    let rules = lines.map(str::trim).filter(|line| line.ends_with(';') && !line.starts_with("relation "));
    rules.filter(|line| *line != "struct Program<'db>;").map(str::to_owned).collect()
}

#[test]
fn each_construct_means_what_the_interpreter_makes_of_it() {
    const NODES: [&str; 6] = ["m.a", "m.b", "m.c", "m.d", "m.e", "m.f"];
    const TAGS: [&str; 3] = ["nightly", "daily", "x"];
    let mut state = 0x5eed_u64;
    let mut roll = |sides: usize| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 33) as usize % sides
    };
    let library = Library::read([("trial.dl", include_str!("trial.dl"))]).unwrap();
    let db = Database::default();
    let mut derived: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..1_000 {
        let edges: BTreeSet<[&str; 2]> = (0..roll(14)).map(|_| [NODES[roll(6)], NODES[roll(6)]]).collect();
        let tags: BTreeSet<(&str, &str, i64)> =
            (0..roll(12)).map(|_| (NODES[roll(6)], TAGS[roll(3)], roll(9) as i64)).collect();
        let facts = trial::Facts {
            ref_rows: edges.iter().map(|[child, parent]| (sym(&db, child), sym(&db, parent))).collect(),
            tag: tags.iter().map(|(id, tag, at)| (sym(&db, id), sym(&db, tag), *at)).collect(),
        };
        let edges = edges.iter().map(|edge| edge.map(Constant::text).to_vec()).collect();
        let tags = tags.iter().map(|(id, tag, at)| vec![Constant::text(id), Constant::text(tag), Constant::Int(*at)]);
        let world = World::default()
            .with("ref(child: node, parent: node)", edges)
            .with("tag(id: node, tag: name, index: int)", tags.collect());
        let rows = trial::derive(&db, facts);
        for relation in &trial::RELATIONS {
            let mut found = BTreeSet::new();
            rows.visit(&db, relation.name, &mut |row| {
                let cells: Vec<String> = row.iter().map(|cell| cell.constant().to_string()).collect();
                assert!(found.insert(cells.join(" ")), "given twice: {} {cells:?}", relation.name);
            });
            let columns = &library.schema(relation.name).unwrap().columns;
            let columns: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let question = format!("?- {}({}).", relation.name, columns.join(", "));
            let expected: BTreeSet<String> = answer_with(&world, &library, &question).into_iter().collect();
            assert_eq!(found, expected, "{}\n{world:?}", relation.name);
            *derived.entry(relation.name).or_default() += found.len();
        }
    }
    assert!(derived.len() == library.names().len() && derived.values().all(|rows| *rows > 20), "{derived:?}");
}

#[test]
fn the_schemas_it_reads_are_those_of_the_catalogue() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/relations/catalogue");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        found.extend(schema::declared(&text).unwrap());
    }
    found.sort_by(|left, right| left.schema.name.cmp(&right.schema.name));
    let found: Vec<_> = found.into_iter().map(|base| (base.schema, base.is_streamed)).collect();
    let all = harness::relations::ALL.iter();
    let all: Vec<_> = all.map(|relation| (schema_of(relation), relation.parts.is_none())).collect();
    assert_eq!(found, all);
}

#[test]
fn a_declaration_that_is_not_understood_is_told() {
    let told = schema::declared("relation! {\n    /// A thing.\n    thing as \"thing\" (id: Thing)\n").unwrap_err();
    assert!(told.starts_with("'thing as \"thing\" (id: Thing)' is not understood"), "{told}");
}

#[test]
fn literals_stay_in_the_order_in_which_they_are_written() {
    let family = r#"
.decl named(type: name)
named("model").
.decl apart(child: node, parent: node)
apart(c, p) :- !ref(p, c), c != p, ref(c, p), depth(p, "model", d, _), depth(c, _, e, _), d < e, e != 7, named("model").
.decl circular(id: node)
circular(n) :- ref(n, n).
circular(n) :- circular(m), ref(n, m).
.decl readers(id: node, readers: int)
readers(n, count) :- count = count : { ref(_, n) }, depth(n, _, _, _).
.decl plain(id: node)
plain(n) :- weight(n, _).
plain(n) :- depth(n, "model", 0, _).
plain(n) :- depth(n, "model", 1, _), ref(n, _).
"#;
    assert_eq!(
        rules(family),
        [
            "named(texts[0]);",
            "apart(c_0, p_1) <-- ref_rows(c_0, p_1), !ref_rows(p_1, c_0), if *c_0 != *p_1, depth(p_1, texts[0], d_2), \
             depth(c_0, _, e_3), if *d_2 < *e_3, if *e_3 != 7i64, named(texts[0]);",
            "circular(n_0) <-- ref_rows(n_0, n_0);",
            "circular(n_0) <-- circular(m_1), ref_rows(n_0, m_1);",
            "readers(n_0, count_1) <-- depth(n_0, _, _), agg count_1 = count() in ref_rows(_, n_0);",
            "plain(n_0) <-- weight(n_0);",
            "plain(n_0) <-- depth(n_0, column_1_here, column_2_here), if *column_1_here == texts[0], \
             if *column_2_here == 0i64;",
            "plain(n_0) <-- depth(n_0, texts[0], 1i64), ref_rows(n_0, _);",
        ]
    );
}

#[test]
fn only_columns_that_are_asked_for_are_taken_and_numbers_are_of_one_kind() {
    let made = made(".decl deep(depth: int)\ndeep(d) :- depth(_, \"model\", d, _), d > 2.").unwrap();
    let taken = "depth: relations::depth::rows(db).iter().map(|row| (row.1, i64::from(row.2),)).collect(),";
    assert!(made.contains(taken), "{made}");
    assert!(made.contains("/// type, depth\n    pub depth: Vec<(Sym<'db>, i64,)>,"), "{made}");
    let whole = self::made(".decl edge(a: node, b: node)\nedge(a, b) :- ref(a, b).").unwrap();
    assert!(whole.contains("ref_rows: relations::reads::rows(db).clone(),"), "{whole}");
}

#[test]
fn what_has_no_translation_is_refused_with_its_place() {
    let refused = [
        ("a(n) :- ref(n, m), starts_with(m, \"x\").", "'starts_with' is not translated."),
        ("a(n) :- ref(n, m), concat(m, \"x\") != n.", "this clause calculates."),
        ("a(n) :- ref(n, m), depth(n, _, d, _), depth(m, _, e, _), d < e + 1.", "this clause calculates."),
        ("a(n) :- ref(n, m), m < n.", "this clause asks which of two texts comes first."),
        ("a(n) :- ref(_, m), n = m.", "this clause binds a variable by a comparison."),
        ("a(n) :- weight(n, w), w > 1.5.", "'weight' has a column of decimals."),
        ("a(n) :- depth(n, _, d, _), d > 1.5.", "this clause names a decimal."),
        ("a(n) :- ref(n, _), x = max d : { depth(n, _, d, _) }, x > 3.", "'max' is not translated."),
        (
            "a(n) :- ref(n, _), x = count : { ref(n, m), ref(m, _) }, x > 3.",
            "only the rows of one relation are counted.",
        ),
        ("a(n) :- ref(n, _), x = count : { ref(m, m) }, x > 3.", "a variable stands twice in what is counted."),
        ("a(n) :- x = count : { ref(_, _) }, depth(n, _, x, _).", "what is counted is looked up in a relation."),
        ("a(n) :- depth(n, _, x, _), x = count : { ref(n, _) }.", "what is counted is compared with what is known."),
        ("a(n) :- far(n).", "'far' is a relation of another file."),
        ("a(n) :- ref(n, _), text(_, l), l > 3.", "the rows of 'text' are streamed and never kept."),
        // And what is wrong in any program.
        ("a(n) :- reff(n, _).", "no relation is called 'reff'."),
        ("a(n) :- ref(n).", "'ref' has 2 columns, and 1 is given."),
        ("a(n) :- !ref(n, _).", "'n' is bound by nothing."),
        ("a(n) :- ref(n, _), !a(n).", "'a' depends on the negation of 'a', which depends on 'a' again: 'a' → 'a'."),
    ];
    for (clause, message) in refused {
        let text = format!("// A relation.\n.decl a(id: node)\n{clause}\n");
        let told = made(&text).expect_err(clause);
        let begins = format!("{PATH}:3:");
        assert!(told.starts_with(&begins) && told.contains(message), "{clause}\n{told}");
        assert!(told.contains("  → "), "no remedy: {told}");
    }
}
