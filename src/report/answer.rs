//! Answers of questions: a table for people, JSON and CSV for programs.

use super::escape::in_cell;
use super::{escaped, in_json};
use crate::datalog::{Column, Constant, Type};
use crate::query::shown_id;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// How values are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerOptions {
    /// Nodes as unique_ids, not as names.
    pub ids: bool,
}

type Rows<'r> = &'r [Vec<Constant>];

fn shown<'v>(value: &'v Constant, of: Type, options: AnswerOptions) -> Cow<'v, str> {
    match value {
        Constant::Text(text) if of == Type::Node && !options.ids => Cow::Borrowed(shown_id(text)),
        Constant::Text(text) => Cow::Borrowed(text),
        number => Cow::Owned(number.to_string()),
    }
}

/// Aligned columns under their names. A question without variables is answered by yes or no.
pub fn table(columns: &[Column], rows: Rows<'_>, options: AnswerOptions) -> String {
    if columns.is_empty() {
        return if rows.is_empty() { "no\n".to_owned() } else { "yes\n".to_owned() };
    }
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .zip(columns)
                .map(|(value, column)| escaped(&shown(value, column.of, options)).into_owned())
                .collect()
        })
        .collect();
    let width = |at: usize| {
        let widest = cells.iter().map(|row: &Vec<String>| row[at].chars().count()).max().unwrap_or_default();
        widest.max(columns[at].name.chars().count()).min(WIDEST)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = (&str, bool)>| {
        let mut line = String::new();
        for ((cell, is_number), width) in cells.zip(&widths) {
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            let gap = if line.is_empty() { "" } else { "  " };
            if is_number {
                line.push_str(&format!("{gap}{padding}{cell}"));
            } else {
                line.push_str(&format!("{gap}{cell}{padding}"));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    };
    line(&mut columns.iter().map(|column| (column.name.as_str(), column.of.is_number())));
    for row in &cells {
        line(&mut row.iter().zip(columns).map(|(cell, column)| (cell.as_str(), column.of.is_number())));
    }
    text
}

/// A column is padded to at most this width; longer values stand as they are.
const WIDEST: usize = 60;

fn value(constant: &Constant, of: Type, options: AnswerOptions) -> Value {
    match constant {
        Constant::Int(number) => json!(number),
        // A float would not be exact: the digits are a text.
        Constant::Decimal(number) => json!(number.to_string()),
        text => json!(shown(text, of, options)),
    }
}

fn object(columns: &[Column], row: &[Constant], options: AnswerOptions) -> Value {
    let fields = columns.iter().zip(row);
    let fields = fields.map(|(column, cell)| (column.name.clone(), value(cell, column.of, options)));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// An array of objects, keyed by the names of the columns.
pub fn json(columns: &[Column], rows: Rows<'_>, options: AnswerOptions) -> String {
    let objects: Vec<String> = rows.iter().map(|row| object(columns, row, options).to_string()).collect();
    if objects.is_empty() { "[]\n".to_owned() } else { in_json(format!("[\n{}\n]\n", objects.join(",\n"))) }
}

/// One object a line.
pub fn ndjson(columns: &[Column], rows: Rows<'_>, options: AnswerOptions) -> String {
    in_json(rows.iter().map(|row| format!("{}\n", object(columns, row, options))).collect())
}

/// RFC 4180, with `\n` at the ends of lines. On a terminal it is read by people.
pub fn csv(columns: &[Column], rows: Rows<'_>, options: AnswerOptions, is_terminal: bool) -> String {
    let quoted = |text: &str| {
        let text = &*if is_terminal { escaped(text) } else { in_cell(text) };
        if text.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    let mut text = format!("{}\n", names.join(","));
    for row in rows {
        let cells = row.iter().zip(columns).map(|(value, column)| quoted(&shown(value, column.of, options)));
        text.push_str(&format!("{}\n", cells.collect::<Vec<_>>().join(",")));
    }
    text
}

/// Sorts rows by a column, the largest first where `descending`; the order of equals stays.
pub fn sort(rows: &mut [Vec<Constant>], column: usize, descending: bool) {
    rows.sort_by(|left, right| {
        let order = left.get(column).cmp(&right.get(column));
        if descending { order.reverse() } else { order }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        [("m", Type::Node), ("n", Type::Int), ("text", Type::Text)]
            .map(|(name, of)| Column { name: name.to_owned(), of })
            .to_vec()
    }

    fn rows() -> Vec<Vec<Constant>> {
        vec![
            vec![Constant::text("model.shop.orders"), Constant::Int(7), Constant::text("a, \"b\"")],
            vec![Constant::text("source.shop.crm.leads"), Constant::Int(12), Constant::text("x\u{1b}[2J")],
        ]
    }

    #[test]
    fn people_see_names_aligned_numbers_and_no_control_characters() {
        let shown = table(&columns(), &rows(), AnswerOptions { ids: false });
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "m           n  text");
        assert_eq!(lines[1], "orders      7  a, \"b\"");
        assert!(lines[2].starts_with("crm.leads  12  x") && !lines[2].contains('\u{1b}'));
    }

    #[test]
    fn programs_get_ids_where_they_ask_for_them() {
        let options = AnswerOptions { ids: true };
        assert!(json(&columns(), &rows(), options).contains(r#"{"m":"model.shop.orders","n":7,"#));
        assert_eq!(csv(&columns(), &rows()[..1], options, false), "m,n,text\nmodel.shop.orders,7,\"a, \"\"b\"\"\"\n");
        assert_eq!(ndjson(&columns(), &rows(), options).lines().count(), 2);
        assert_eq!(json(&columns(), &[], options), "[]\n");
    }

    #[test]
    fn a_question_without_variables_is_answered_by_yes_or_no() {
        let options = AnswerOptions { ids: false };
        assert_eq!(table(&[], &[vec![]], options), "yes\n");
        assert_eq!(table(&[], &[], options), "no\n");
    }
}
