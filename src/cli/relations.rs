//! `harness relations`

use super::{Failure, Global, Verdict, print, project};
use crate::datalog::Schema;
use crate::observe;
use crate::query::{OF_THE_RUN, library};
use crate::relations::{ALL, Cell, Relation, by_name, closest};
use crate::report::{escaped, in_json};
use crate::similar::nearest;
use clap::ValueEnum;
use serde_json::{Value, json};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Show this relation: its columns, its meaning, an example, its first rows.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// How to print.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// How many rows are shown of one relation.
const SAMPLE: usize = 3;
/// How much of a value the text shows.
const SHOWN: usize = 80;

/// What a project holds of one relation.
#[derive(Debug, Default)]
struct Rows {
    count: usize,
    first: Vec<Vec<Value>>,
}

fn rows(db: &dyn salsa::Database, relation: &Relation) -> Rows {
    let mut rows = Rows::default();
    (relation.visit)(db, &mut |row| {
        rows.count += 1;
        if rows.first.len() < SAMPLE {
            let value = |cell: &Cell<'_>| match cell {
                Cell::Text(text) | Cell::Decimal(text) => json!(text),
                Cell::Int(number) => json!(number),
            };
            rows.first.push(row.iter().map(value).collect());
        }
    });
    rows
}

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<Verdict, Failure> {
    let ruled = ruled()?;
    if let Some(one) = arguments.name.as_ref().and_then(|name| ruled.iter().find(|one| one.schema.name == *name)) {
        print(&match arguments.format {
            Format::Text => ruled_page(one),
            Format::Json => in_json(format!("{}\n", ruled_document(one))),
        })?;
        return Ok(Verdict::Clean);
    }
    let one = match &arguments.name {
        Some(name) => Some(by_name(name).ok_or_else(|| unknown(name))?),
        None => None,
    };
    let relations: Vec<&'static Relation> = one.map_or_else(|| ALL.iter().collect(), |one| vec![one]);
    // The catalogue can be read without a project; then there is nothing to count.
    let counted: Vec<Option<Rows>> = if project::is_there(global) {
        project::with_session(global, |session, _| {
            if one.is_none() {
                session.prefetch();
            }
            relations.iter().map(|relation| Some(rows(&session.db, relation))).collect()
        })?
    } else {
        relations.iter().map(|_| None).collect()
    };
    let all = relations.into_iter().zip(counted);
    let shown = match (arguments.format, one) {
        (Format::Text, None) => format!("{}\n{}", table(all.collect()), ruled_table(&ruled)),
        (Format::Text, Some(_)) => all.map(|(relation, rows)| page(relation, rows.as_ref())).collect(),
        (Format::Json, one) => {
            let mut documents = all.map(|(relation, rows)| document(relation, rows.as_ref(), one.is_some()));
            let whole = match one {
                Some(_) => documents.next().unwrap_or_default(),
                None => documents.chain(ruled.iter().map(ruled_document)).collect(),
            };
            in_json(format!("{whole}\n"))
        }
    };
    print(&shown)?;
    Ok(Verdict::Clean)
}

/// A relation that follows from others. Its rows are not counted: each count would be a question.
struct Ruled {
    schema: Schema,
    doc: String,
    /// The file of `queries/derived`; none where the rules of `harness check` give the rows.
    file: Option<String>,
    example: Option<&'static str>,
}

fn ruled() -> Result<Vec<Ruled>, Failure> {
    let library =
        library::embedded().map_err(|error| Failure(format!("harness: its own files are broken: {}", error.shown)))?;
    let plain = |schema, doc: &str, example| Ruled { schema, doc: doc.to_owned(), file: None, example: Some(example) };
    let of_the_run = OF_THE_RUN.iter().map(|one| plain(one.schema(), one.doc, one.example));
    let seen = observe::ALL.iter().map(|one| plain(one.schema(), one.doc, one.example));
    let derived = library.names().iter().filter_map(|name| {
        let doc = library.doc(name)?.split_whitespace().collect::<Vec<_>>().join(" ");
        let file = library::file_of(name).map(|file| format!("queries/derived/{file}.dl"));
        Some(Ruled { schema: library.schema(name)?.clone(), doc, file, example: None })
    });
    let mut all: Vec<Ruled> = derived.chain(of_the_run).chain(seen).collect();
    all.sort_by(|one, other| one.schema.name.cmp(&other.schema.name));
    Ok(all)
}

fn ruled_signature(one: &Ruled) -> String {
    let columns: Vec<&str> = one.schema.columns.iter().map(|column| column.name.as_str()).collect();
    format!("{}({})", one.schema.name, columns.join(", "))
}

fn ruled_table(all: &[Ruled]) -> String {
    let width = all.iter().map(|one| ruled_signature(one).len()).max().unwrap_or_default();
    let mut shown = String::from("Relations that rules give:\n\n");
    for one in all {
        let summary = one.doc.find(". ").map_or(one.doc.as_str(), |end| &one.doc[..=end]);
        shown.push_str(&format!("{:<width$}  {summary}\n", ruled_signature(one)));
    }
    shown
}

fn ruled_page(one: &Ruled) -> String {
    let mut shown = format!("{}\n\n{}\n\n", ruled_signature(one), one.doc);
    let width = one.schema.columns.iter().map(|column| column.name.len()).max().unwrap_or_default();
    for column in &one.schema.columns {
        shown.push_str(&format!("  {:<width$}  {}\n", column.name, column.of.name()));
    }
    shown.push('\n');
    if let Some(example) = one.example {
        shown.push_str(&format!("example  {example}\n"));
    }
    shown.push_str(&format!("rules    {}\n", one.file.as_deref().unwrap_or("queries/rules")));
    shown
}

fn ruled_document(one: &Ruled) -> Value {
    let columns: Vec<Value> =
        one.schema.columns.iter().map(|column| json!({"name": column.name, "type": column.of.name()})).collect();
    json!({
        "name": one.schema.name,
        "kind": if one.file.is_some() { "derived" } else { "finding" },
        "columns": columns,
        "doc": one.doc,
        "example": one.example,
        "rows": null,
        "file": one.file,
    })
}

fn unknown(name: &str) -> Failure {
    let ruled = ruled().unwrap_or_default();
    let derived = || nearest(name, ruled.iter().map(|other| other.schema.name.as_str()));
    let hint = closest(name).or_else(derived).map(|other| format!("Did you mean {other}? ")).unwrap_or_default();
    let name = escaped(name);
    Failure(format!("harness: no relation is called {name}.\n  → {hint}`harness relations` lists all of them."))
}

fn table(all: Vec<(&Relation, Option<Rows>)>) -> String {
    let width = all.iter().map(|(relation, _)| relation.schema.signature().len()).max().unwrap_or_default();
    let counts: Vec<String> =
        all.iter().map(|(_, rows)| rows.as_ref().map(|rows| rows.count.to_string()).unwrap_or_default()).collect();
    let digits = counts.iter().map(String::len).max().unwrap_or_default();
    let mut shown = String::new();
    for ((relation, _), count) in all.iter().zip(counts) {
        let (signature, summary) = (relation.schema.signature(), relation.schema.summary());
        shown.push_str(&format!("{signature:<width$}  "));
        if digits > 0 {
            shown.push_str(&format!("{count:>digits$}  "));
        }
        shown.push_str(&format!("{summary}\n"));
    }
    shown
}

fn page(relation: &Relation, rows: Option<&Rows>) -> String {
    let schema = &relation.schema;
    let mut shown = format!("{}\n\n{}\n\n", schema.signature(), schema.doc);
    let width = schema.columns.iter().map(|column| column.name.len()).max().unwrap_or_default();
    for column in schema.columns {
        shown.push_str(&format!("  {:<width$}  {}\n", column.name, column.of.name()));
    }
    shown.push_str(&format!("\nexample  {}\n", schema.example));
    if let Some(rows) = rows {
        shown.push_str(&format!("rows     {}\n", rows.count));
        for row in &rows.first {
            let cells: Vec<String> = row.iter().map(cell).collect();
            shown.push_str(&format!("  {}({})\n", schema.name, cells.join(", ")));
        }
        if rows.count > rows.first.len() && !rows.first.is_empty() {
            shown.push_str("  …\n");
        }
    }
    shown
}

fn cell(value: &Value) -> String {
    let Some(text) = value.as_str() else { return value.to_string() };
    let cut: String = text.chars().take(SHOWN).collect();
    let more = if cut.len() < text.len() { "…" } else { "" };
    format!("\"{}{more}\"", escaped(&cut))
}

fn document(relation: &Relation, rows: Option<&Rows>, sample: bool) -> Value {
    let schema = &relation.schema;
    let columns: Vec<Value> =
        schema.columns.iter().map(|column| json!({"name": column.name, "type": column.of.name()})).collect();
    let mut document = json!({
        "name": schema.name,
        "kind": schema.kind.name(),
        "columns": columns,
        "doc": schema.doc,
        "example": schema.example,
        "rows": rows.map(|rows| rows.count),
    });
    if sample && let Some(entries) = document.as_object_mut() {
        entries.insert("first".to_owned(), json!(rows.map(|rows| &rows.first)));
    }
    document
}
