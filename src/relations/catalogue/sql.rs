//! What the SQL of files says, as text.

use super::makers::makers_of;
use super::nodes::{living, living_models};
use crate::db::{Project, sym};
use crate::project::nodes::unique_id;
use crate::relations::places::position;
use crate::relations::texts::{moved, named_tables, nodes_with_text, of_node, scan_of, scan_of_file, sql_files};
use crate::relations::{Cell, places, relation};
use crate::syntax::sql::raw_names::raw_names;

relation! {
    /// A CTE of an enabled node's own `with`, numbered from 0; those inside of CTEs are absent. A name with
    /// Jinja in it is as written.
    cte as "cte" (id: Node, name: Name, index: Int)
    Fact r#"cte(m, "final", i)"# at places::of_cte;
    each |db, package, directory, rows| {
        for node in living(db, package, directory) {
            let Some((scan, _)) = scan_of(db, node) else { continue };
            let id = sym(db, unique_id(db, node));
            rows.extend(scan.ctes.iter().enumerate().map(|(index, cte)| (id, sym(db, &cte.name), index as u32)));
        }
    }
}

relation! {
    /// A table that a node's SQL reads by its name and not by ref or source; no CTE, no function. The node
    /// may be switched off.
    table_name as "table_name" (id: Node, text: Text, line: Int, column: Int)
    Fact r#"table_name(m, table, line, _), enabled(m)"# at places::of_node_position;
    stream |db, emit| {
        let root = Project::try_get(db).map(|project| project.root(db));
        for (node, text) in root.into_iter().flat_map(|root| nodes_with_text(db, root)) {
            let Some((scan, base)) = scan_of(db, node) else { continue };
            for table in &scan.tables {
                let at = position(db, text.file, moved(table.span, base));
                let [line, column] = [at.line, at.column].map(|number| Cell::Int(i64::from(number)));
                emit(&[Cell::Text(&text.id), Cell::Text(&table.text), line, column]);
            }
        }
    }
}

relation! {
    /// An enabled node's SQL reads a table by its name and not by ref or source: the name as written, and its
    /// last part without quotes. No CTE, also none that a macro prints, and no function.
    reads_table as "reads_table" (id: Node, table: Text, name: Name)
    Fact r#"reads_table(m, table, name), node(id: n, type: "model", name: name)"# at places::of_reads_table;
    each |db, package, directory, rows| {
        for node in living(db, package, directory) {
            let id = sym(db, unique_id(db, node));
            rows.extend(named_tables(db, node).into_iter().map(|table| {
                let last = table.text.rsplit('.').next().unwrap_or_default();
                (id, sym(db, &table.text), sym(db, last.trim_matches(['"', '`', ' '])))
            }));
        }
    }
}

relation! {
    /// A table that an enabled node's SQL reads by its name is the one that this enabled model, seed, snapshot or table of a
    /// source is in the warehouse: by database, schema and alias, as far as the name gives them. A node may read its own.
    /// The call is what reads it: `ref('orders')`.
    table_maker as "table_maker" (id: Node, table: Text, maker: Node, call: Text)
    Fact r#"table_maker(m, table, other, call), m != other"# at places::of_reads_table;
    each |db, package, directory, rows| {
        for node in living(db, package, directory) {
            for table in named_tables(db, node) {
                let (id, name) = (sym(db, unique_id(db, node)), sym(db, &table.text));
                let makers = makers_of(db, &table.text).into_iter();
                rows.extend(makers.map(|(maker, call)| (id, name, sym(db, &maker), sym(db, &call))));
            }
        }
    }
}

relation! {
    /// What looks like a table's name behind `from` or `join` in the raw text of an enabled model, comments of
    /// Jinja included: a dotted name, one in quotes, a var. `table_name` and `reads_table` know SQL better.
    raw_name as "raw_name" (id: Node, text: Text)
    Fact r#"raw_name(m, name), !reads_table(m, name, _)"# at places::of_raw_name;
    each |db, package, directory, rows| {
        for text in living_models(db, package, directory).filter_map(|node| of_node(db, node)) {
            let id = sym(db, &text.id);
            let content = text.region.of(text.file.content(db).text());
            rows.extend(raw_names(content).into_iter().map(|span| (id, sym(db, span.of(content)))));
        }
    }
}

relation! {
    /// A number in the SQL of a file of the project, macros included. Exact: `1e-3` is 0.001, `1_000` is 1000;
    /// hexadecimal numbers and numbers inside of Jinja are absent.
    literal as "literal" (path: Path, value: Decimal, line: Int, column: Int)
    Fact r#"literal(path, 0.158987294928, line, _)"# at places::of_path_position;
    stream |db, emit| {
        for file in sql_files(db) {
            for literal in &scan_of_file(db, file).literals {
                let Some(value) = decimal(&literal.text) else { continue };
                let at = position(db, file, literal.span);
                let [line, column] = [at.line, at.column].map(|number| Cell::Int(i64::from(number)));
                emit(&[Cell::Text(file.path(db)), Cell::Decimal(&value), line, column]);
            }
        }
    }
}

/// Exponents beyond this are no numbers that anybody compares.
const MAX_EXPONENT: i32 = 64;

/// Plain digits with at most one dot between them; `None` for what is no decimal number.
pub(super) fn decimal(text: &str) -> Option<String> {
    let plain = text.replace('_', "");
    let (digits, exponent) = match plain.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (plain.as_str(), 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) || exponent.abs() > MAX_EXPONENT {
        return None;
    }
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let (whole, fraction) = match usize::try_from(point) {
        Ok(at) if at >= all.len() => (format!("{all:0<at$}"), String::new()),
        Ok(at) => (all[..at].to_owned(), all[at..].to_owned()),
        Err(_) => (String::new(), format!("{}{all}", "0".repeat(point.unsigned_abs() as usize))),
    };
    let whole = if whole.is_empty() { "0" } else { &whole };
    Some(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

#[cfg(test)]
mod check {
    use super::decimal;

    #[test]
    fn numbers_are_plain_and_exact() {
        let cases = [
            ("0.158", "0.158"),
            (".5", "0.5"),
            ("2.", "2"),
            ("1e-3", "0.001"),
            ("1.25e1", "12.5"),
            ("1E3", "1000"),
            ("1_000", "1000"),
            ("007", "007"),
        ];
        for (text, expected) in cases {
            assert_eq!(decimal(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(decimal("0xFF"), None);
        assert_eq!(decimal("1e999"), None);
    }
}
