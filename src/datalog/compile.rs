//! From a program's text to what is evaluated.

use super::ast;
use super::diagnostic::Diagnostic;
use super::infer::infer;
use super::ir::{Kind, Program};
use super::library::Library;
use super::lower::{Lowering, check_strata};
use super::old::former;
use super::parser::parse;
use super::resolve::{Resolved, Resolver};
use super::schema::{Catalogue, Column};
use super::value::{Constant, Value, Values};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A program that can be run.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub(super) program: Program,
    pub(super) values: Values,
    /// What is odd about it.
    pub warnings: Vec<Diagnostic>,
}

impl Compiled {
    /// The columns of the answer.
    pub fn columns(&self) -> &[Column] {
        self.columns_of(0)
    }

    pub(super) fn columns_of(&self, answer: usize) -> &[Column] {
        let relation = self.program.answers.get(answer).and_then(|rel| self.program.relations.get(*rel));
        relation.map(|relation| relation.columns.as_slice()).unwrap_or_default()
    }

    /// What is evaluated.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// What a value of the program stands for.
    pub fn constant(&self, value: Value) -> Constant {
        self.values.get(value)
    }

    /// The base relations that it reads.
    pub fn reads(&self) -> Vec<&str> {
        let base = self.program.relations.iter().filter(|relation| relation.kind == Kind::Base);
        base.map(|relation| relation.name.as_str()).collect()
    }
}

/// Compiles a program or a bare question. All that is wrong with it is told at once.
pub fn compile(
    text: &str,
    library: &Library,
    catalogue: &dyn Catalogue,
    parameters: &BTreeMap<String, String>,
) -> Result<Compiled, Vec<Diagnostic>> {
    let (program, errors) = parse(text);
    let parsed = Parsed { program: &program, errors, heads: &[], text };
    compile_parsed(parsed, library, catalogue, parameters, Values::default())
}

/// Compiles a file of a library as a program of its own that is asked for all it declares, so that what is
/// wrong with it is told. `others` is the rest of the library.
pub fn check(text: &str, others: &Library, catalogue: &dyn Catalogue) -> Result<Compiled, Vec<Diagnostic>> {
    let (program, errors) = parse(text);
    let heads: Vec<&str> = program.declarations.iter().map(|declaration| declaration.name.text.as_str()).collect();
    let parsed = Parsed { program: &program, errors, heads: &heads, text };
    compile_parsed(parsed, others, catalogue, &BTreeMap::new(), Values::default())
}

/// A program that is parsed.
pub(super) struct Parsed<'p> {
    pub program: &'p ast::Program,
    pub errors: Vec<Diagnostic>,
    /// The relations whose rows are asked for; without any, the program's question is.
    pub heads: &'p [&'p str],
    pub text: &'p str,
}

/// The same for a program that is parsed. Its constants are added to the values.
pub(super) fn compile_parsed(
    parsed: Parsed<'_>,
    library: &Library,
    catalogue: &dyn Catalogue,
    parameters: &BTreeMap<String, String>,
    mut values: Values,
) -> Result<Compiled, Vec<Diagnostic>> {
    let Parsed { program, mut errors, heads, text } = parsed;
    let source: Arc<str> = text.into();
    let mut resolver = Resolver::new(catalogue, library, parameters);
    // What the parser passed over may define what the rest reads.
    let is_whole = errors.is_empty();
    let Resolved { clauses, answers } = resolver.program(program, heads, &source);
    let mut relations = std::mem::take(&mut resolver.relations);
    if is_whole {
        errors.append(&mut resolver.errors);
    }
    let declared: Vec<bool> = relations
        .iter()
        .map(|relation| {
            library.schema(former(&relation.name).unwrap_or(&relation.name)).is_some()
                || program.declarations.iter().any(|declaration| declaration.name.text == relation.name)
        })
        .collect();
    let resolves = errors.is_empty();
    let mut found = Vec::new();
    let types = infer(&mut relations, &declared, &clauses, &mut found);
    check_strata(&relations, &clauses, &mut found);
    let mut lowered = Vec::new();
    let mut lowering = Lowering { relations: &relations, values: &mut values, errors: &mut found };
    for (clause, types) in clauses.iter().zip(&types) {
        lowered.extend(lowering.clause(clause, types));
    }
    if resolves {
        errors.append(&mut found);
    }
    errors.sort_by_key(|error| (error.span.start, error.is_warning));
    errors.dedup();
    if errors.iter().any(|error| !error.is_warning) {
        errors.retain(|error| !error.is_warning);
        return Err(errors);
    }
    if answers.is_empty() {
        return Err(errors);
    }
    Ok(Compiled { program: Program { relations, clauses: lowered, answers }, values, warnings: errors })
}
