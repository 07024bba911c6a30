//! Relations that rules define and everybody may read, from files of the embedding.

use super::ast::{Clause, Declaration};
use super::diagnostic::Diagnostic;
use super::parser::parse;
use super::schema::{Column, Schema, Type};
use harness_similar::nearest;
use rustc_hash::FxHashMap;
use std::sync::Arc;

#[derive(Debug, Default)]
pub struct Library {
    relations: FxHashMap<String, Defined>,
    names: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Defined {
    pub schema: Schema,
    pub doc: String,
    pub clauses: Vec<Clause>,
    pub text: Arc<str>,
}

/// What is wrong with a file of the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenLibrary {
    pub file: String,
    pub shown: String,
}

impl Library {
    /// Reads files, given as name and text. Each relation is declared by `.decl` and defined in one
    /// file; the comment above a declaration is what it means.
    pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, BrokenLibrary> {
        let mut library = Self::default();
        for (file, text) in files {
            let broken = |error: &Diagnostic| BrokenLibrary { file: file.to_owned(), shown: error.shown(file, text) };
            let (program, errors) = parse(text);
            if let Some(error) = errors.first() {
                return Err(broken(error));
            }
            let source: Arc<str> = text.into();
            for declaration in &program.declarations {
                let schema = declared(declaration).map_err(|error| broken(&error))?;
                let doc = declaration.doc.clone();
                let defined = Defined { schema, doc, clauses: Vec::new(), text: source.clone() };
                if library.relations.insert(declaration.name.text.clone(), defined).is_some() {
                    let error = Diagnostic::error(
                        declaration.name.span,
                        format!("'{}' is declared twice.", declaration.name.text),
                        "",
                    );
                    return Err(broken(&error));
                }
                library.names.push(declaration.name.text.clone());
            }
            for clause in program.clauses {
                let name = &clause.head.relation;
                match library.relations.get_mut(&name.text).filter(|defined| Arc::ptr_eq(&defined.text, &source)) {
                    Some(defined) => defined.clauses.push(clause),
                    None => {
                        let error =
                            Diagnostic::error(name.span, format!("'{}' is not declared in this file.", name.text), "");
                        return Err(broken(&error));
                    }
                }
            }
        }
        library.names.sort_unstable();
        Ok(library)
    }

    pub fn schema(&self, relation: &str) -> Option<&Schema> {
        self.relations.get(relation).map(|defined| &defined.schema)
    }

    /// The comment above the relation's declaration.
    pub fn doc(&self, relation: &str) -> Option<&str> {
        self.relations.get(relation).map(|defined| defined.doc.as_str())
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn get(&self, relation: &str) -> Option<&Defined> {
        self.relations.get(relation)
    }
}

/// The columns of a declaration.
pub(super) fn declared(declaration: &Declaration) -> Result<Schema, Diagnostic> {
    let mut columns: Vec<Column> = Vec::new();
    for (name, of) in &declaration.columns {
        let types = || Type::ALL.iter().map(|of| of.name());
        let found = Type::of(&of.text).ok_or_else(|| {
            let hint = nearest(&of.text, types()).map(|other| format!("Did you mean '{other}'? ")).unwrap_or_default();
            let all: Vec<&str> = types().collect();
            let remedy = format!("{hint}The types are {}.", all.join(", "));
            Diagnostic::error(of.span, format!("no type is called '{}'.", of.text), remedy)
        })?;
        if columns.iter().any(|column| column.name == name.text) {
            let message = format!("two columns are called '{}'.", name.text);
            return Err(Diagnostic::error(name.span, message, "Give each column its own name."));
        }
        columns.push(Column { name: name.text.clone(), of: found });
    }
    Ok(Schema { name: declaration.name.text.clone(), columns })
}
