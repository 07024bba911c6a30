//! Makes an Ascent program of a family of `queries/derived`: its inputs, its rows as rules read them, and what
//! derives them. The clauses are those that the interpreter runs, checked by the same code. What has no translation
//! here is an error of the build with its place, never a guess.

use super::schema::{Base, Declared};
use harness_datalog::ir::{
    Aggregate, AggregateKind, Atom, Clause, Compare, Expr, Kind, Literal, Program, Rel, Term, Var,
};
use harness_datalog::{Compiled, Constant, Diagnostic, Library, Type, check};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A family's file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Family<'f> {
    /// Of the query, too, that a module of `src/derive` has for it.
    pub(crate) name: &'f str,
    /// As errors call the file.
    pub(crate) path: &'f str,
    pub(crate) text: &'f str,
}

/// The Rust text of a family, for a module that has in scope what the generated text names: `Sym`, `sym`,
/// `relations`, `Cell`, `Visitor`, `Derived`, `count`, and the family's query. `others` are the other files of the library.
pub(crate) fn compiled(family: Family<'_>, others: &Library, base: &[Base]) -> Result<String, String> {
    let shown = |errors: &[Diagnostic]| {
        errors.iter().map(|error| error.shown(family.path, family.text)).collect::<Vec<_>>().join("\n")
    };
    let declared = Declared(base);
    let checked = check(family.text, others, &declared).map_err(|errors| shown(&errors))?;
    let made = Generator::new(family, &checked, &declared).and_then(|mut generator| generator.write());
    made.map_err(|error| shown(&[error]))
}

struct Generator<'g> {
    family: Family<'g>,
    checked: &'g Compiled,
    program: &'g Program,
    /// What the base relations are, by number.
    base: BTreeMap<Rel, &'g Base>,
    /// The columns of base relations that some clause asks for.
    columns: BTreeMap<Rel, BTreeSet<usize>>,
    /// The texts that clauses name, in the order in which they come.
    texts: Vec<String>,
}

/// One clause while it is written.
struct Frame {
    /// How often each variable stands in the clause.
    counts: BTreeMap<Var, usize>,
    numbers: BTreeSet<Var>,
    bound: BTreeSet<Var>,
    /// What aggregates gave: values, where all else is a reference.
    given: BTreeSet<Var>,
}

impl<'g> Generator<'g> {
    fn new(family: Family<'g>, checked: &'g Compiled, declared: &Declared<'g>) -> Result<Self, Diagnostic> {
        let program = checked.program();
        let mut generator =
            Self { family, checked, program, base: BTreeMap::new(), columns: BTreeMap::new(), texts: Vec::new() };
        for (rel, relation) in program.relations.iter().enumerate() {
            if let Some(base) = declared.get(&relation.name) {
                generator.base.insert(rel, base);
                // Without any column there would be no row to tell of.
                generator.columns.insert(rel, BTreeSet::new());
            }
        }
        for clause in &program.clauses {
            generator.look_at(clause)?;
        }
        for columns in generator.columns.values_mut().filter(|columns| columns.is_empty()) {
            columns.insert(0);
        }
        Ok(generator)
    }

    /// Notes what a clause asks of base relations, and refuses relations that cannot be had.
    fn look_at(&mut self, clause: &Clause) -> Result<(), Diagnostic> {
        let counts = counts(clause);
        let program = self.program;
        let refuse_decimal = |rel: Rel, at: usize| match program.relations[rel].columns[at].of {
            Type::Decimal => {
                let message = format!("'{}' has a column of decimals.", program.relations[rel].name);
                Err(refused(clause, &message, REMEDY))
            }
            _ => Ok(()),
        };
        (0..clause.args.len()).try_for_each(|at| refuse_decimal(clause.head, at))?;
        let mut atoms: Vec<(&Atom, bool)> = Vec::new();
        for literal in &clause.body {
            match literal {
                Literal::Positive(atom) | Literal::Negative(atom) => atoms.push((atom, false)),
                Literal::Aggregate(aggregate) => {
                    atoms.extend(aggregate.body.iter().filter_map(|literal| match literal {
                        Literal::Positive(atom) => Some((atom, true)),
                        _ => None,
                    }));
                }
                _ => {}
            }
        }
        for (atom, is_counted) in atoms {
            let relation = &self.program.relations[atom.rel];
            let Some(base) = self.base.get(&atom.rel) else {
                if !self.program.answers.contains(&atom.rel) {
                    let message = format!("'{}' is a relation of another file.", relation.name);
                    return Err(refused(clause, &message, "A compiled family reads base relations and its own."));
                }
                continue;
            };
            if base.is_streamed {
                let message = format!("the rows of '{}' are streamed and never kept.", relation.name);
                return Err(refused(clause, &message, "A compiled family reads relations whose rows are kept."));
            }
            let columns = self.columns.entry(atom.rel).or_default();
            for (at, term) in atom.args.iter().enumerate() {
                // Rows that differ in what is left out are several where they are counted.
                if is_counted || is_asked(*term, &counts) {
                    refuse_decimal(atom.rel, at)?;
                    columns.insert(at);
                }
            }
        }
        Ok(())
    }

    fn write(&mut self) -> Result<String, Diagnostic> {
        let mut rules = String::new();
        for clause in &self.program.clauses {
            let _ = writeln!(rules, "        {}", self.clause(clause)?);
        }
        let (mut inputs, mut derived) = (Vec::new(), Vec::new());
        for (rel, relation) in self.program.relations.iter().enumerate() {
            if relation.kind == Kind::Base { inputs.push(rel) } else { derived.push(rel) }
        }
        inputs.sort_by_key(|rel| &self.program.relations[*rel].name);
        derived.sort_by_key(|rel| &self.program.relations[*rel].name);
        let mut code = format!("// Made of {} by build/ascent.rs.\n\n", self.family.path);
        self.write_facts(&inputs, &mut code);
        self.write_rows(&derived, &mut code);
        self.write_relations(&derived, &mut code);
        self.write_derive(&inputs, &derived, &rules, &mut code);
        Ok(code)
    }

    fn write_facts(&self, inputs: &[Rel], code: &mut String) {
        code.push_str("/// What the family is derived from, with the columns that it reads.\n");
        code.push_str("#[derive(Debug, Clone, Default)]\npub struct Facts<'db> {\n");
        for rel in inputs {
            let _ = writeln!(code, "    {}", self.field(*rel));
        }
        code.push_str(
            "}\n\nimpl<'db> Facts<'db> {\n    pub fn of(db: &'db dyn salsa::Database) -> Self {\n        Self {\n",
        );
        for rel in inputs {
            let Some(base) = self.base.get(rel) else { continue };
            let columns = self.columns_of(*rel);
            let is_number = |at: &usize| base.schema.columns[*at].of == Type::Int;
            let is_whole = columns.len() == base.schema.columns.len() && !columns.iter().any(is_number);
            let rows = format!("relations::{}::rows(db)", base.module);
            let taken = if is_whole {
                format!("{rows}.clone()")
            } else {
                let cells = columns.iter().map(|at| match is_number(at) {
                    true => format!("i64::from(row.{at}),"),
                    false => format!("row.{at},"),
                });
                format!("{rows}.iter().map(|row| ({})).collect()", joined(cells, " "))
            };
            let _ = writeln!(code, "            {}: {taken},", self.name(*rel));
        }
        code.push_str("        }\n    }\n}\n\n");
    }

    fn write_rows(&self, derived: &[Rel], code: &mut String) {
        code.push_str("/// What follows, each relation sorted by its texts.\n");
        code.push_str("#[derive(Debug, Clone, PartialEq, Eq, Default, salsa::SalsaValue)]\npub struct Rows<'db> {\n");
        for rel in derived {
            let _ = writeln!(code, "    {}", self.field(*rel));
        }
        code.push_str("}\n\n");
    }

    /// A field of rows, with what is in them.
    fn field(&self, rel: Rel) -> String {
        let names = self.columns_of(rel).into_iter().map(|at| self.program.relations[rel].columns[at].name.clone());
        format!("/// {}\n    pub {}: Vec<{}>,", joined(names, ", "), self.name(rel), self.row(rel))
    }

    fn write_relations(&self, derived: &[Rel], code: &mut String) {
        code.push_str(
            "impl<'db> Rows<'db> {\n    /// Gives the rows of a relation of the family.\n    pub fn visit(&self, db: &'db dyn \
             salsa::Database, relation: &str, emit: &mut Visitor<'_>) {\n        match relation {\n",
        );
        for rel in derived {
            let cells = self.columns_of(*rel).into_iter().map(|at| match self.is_number(*rel, at) {
                true => format!("Cell::Int(row.{at})"),
                false => format!("Cell::Text(row.{at}.text(db))"),
            });
            let (relation, name, cells) = (&self.program.relations[*rel].name, self.name(*rel), joined(cells, ", "));
            let _ = writeln!(code, "            {relation:?} => self.{name}.iter().for_each(|row| emit(&[{cells}])),");
        }
        code.push_str("            _ => {}\n        }\n    }\n}\n\n");
        code.push_str("/// The family's relations as rules read them.\n");
        let _ = writeln!(code, "pub const RELATIONS: [Derived; {}] = [", derived.len());
        for rel in derived {
            let (relation, query) = (&self.program.relations[*rel].name, self.family.name);
            let _ = writeln!(
                code,
                "    Derived {{ name: {relation:?}, visit: |db, emit| {query}(db).visit(db, {relation:?}, emit) }},"
            );
        }
        code.push_str("];\n\n");
    }

    fn write_derive(&self, inputs: &[Rel], derived: &[Rel], rules: &str, code: &mut String) {
        code.push_str("/// The family's rows.\n");
        code.push_str("#[allow(clippy::all, reason = \"what Ascent makes of the rules is nobody's style\")]\n");
        code.push_str("pub fn derive<'db>(db: &'db dyn salsa::Database, facts: Facts<'db>) -> Rows<'db> {\n");
        let texts = self.texts.iter().map(|text| format!("sym(db, {text:?})"));
        let _ = writeln!(code, "    let texts = [{}];", joined(texts, ", "));
        code.push_str("    let mut program = ascent::ascent_run! {\n        struct Program<'db>;\n");
        for rel in inputs {
            let _ = writeln!(code, "        {} = facts.{};", self.relation(*rel), self.name(*rel));
        }
        for rel in derived {
            let _ = writeln!(code, "        {};", self.relation(*rel));
        }
        let _ = writeln!(code, "{rules}    }};");
        for rel in derived {
            let cells = self.columns_of(*rel).into_iter().map(|at| match self.is_number(*rel, at) {
                true => format!("row.{at},"),
                false => format!("&**row.{at}.text(db),"),
            });
            let (name, cells) = (self.name(*rel), joined(cells, " "));
            let _ = writeln!(code, "    program.{name}.sort_by_cached_key(|row| ({cells}));");
        }
        code.push_str("    Rows {\n");
        for rel in derived {
            let _ = writeln!(code, "        {0}: program.{0},", self.name(*rel));
        }
        code.push_str("    }\n}\n");
    }

    fn relation(&self, rel: Rel) -> String {
        let types = self.columns_of(rel).into_iter().map(|at| self.of(rel, at).to_owned());
        format!("relation {}({})", self.name(rel), joined(types, ", "))
    }

    fn row(&self, rel: Rel) -> String {
        format!("({})", joined(self.columns_of(rel).into_iter().map(|at| format!("{},", self.of(rel, at))), " "))
    }

    fn of(&self, rel: Rel, at: usize) -> &'static str {
        if self.is_number(rel, at) { "i64" } else { "Sym<'db>" }
    }

    fn is_number(&self, rel: Rel, at: usize) -> bool {
        self.program.relations[rel].columns[at].of == Type::Int
    }

    /// The columns that the program has of a relation.
    fn columns_of(&self, rel: Rel) -> Vec<usize> {
        match self.columns.get(&rel) {
            Some(columns) => columns.iter().copied().collect(),
            None => (0..self.program.relations[rel].columns.len()).collect(),
        }
    }

    /// What Rust calls a relation: `ref` and others are words of its own.
    fn name(&self, rel: Rel) -> String {
        let name = &self.program.relations[rel].name;
        if WORDS.contains(&name.as_str()) { format!("{name}_rows") } else { name.clone() }
    }

    fn clause(&mut self, clause: &Clause) -> Result<String, Diagnostic> {
        let mut frame = Frame {
            counts: counts(clause),
            numbers: self.numbers(clause),
            bound: BTreeSet::new(),
            given: BTreeSet::new(),
        };
        let mut left: Vec<&Literal> = clause.body.iter().collect();
        let mut body: Vec<String> = Vec::new();
        let is_alone = left.iter().filter(|literal| matches!(literal, Literal::Positive(_))).count() == 1;
        // In the order in which they are written, but for what must wait until others have bound its variables:
        // nobody knows the sizes of tables here.
        while !left.is_empty() {
            let Some(at) = left.iter().position(|literal| frame.is_ready(literal)) else {
                return Err(refused(clause, "this clause binds a variable by a comparison.", REMEDY));
            };
            let literal = left.remove(at);
            body.push(match literal {
                Literal::Positive(atom) => self.positive(clause, atom, is_alone, &mut frame)?,
                Literal::Negative(atom) => {
                    let args = self.args(clause, atom, &frame)?;
                    format!("!{}({args})", self.name(atom.rel))
                }
                Literal::Compare(op, left, right) => self.compare(clause, *op, left, right, &frame)?,
                Literal::Aggregate(aggregate) => self.aggregate(clause, aggregate, &mut frame)?,
                Literal::Test { test, .. } => {
                    return Err(refused(clause, &format!("'{}' is not translated.", test.name()), REMEDY));
                }
            });
        }
        let mut args = Vec::new();
        for (at, term) in clause.args.iter().enumerate() {
            let is_number = matches!(term, Term::Var(var) if frame.numbers.contains(var));
            if let Term::Var(_) = term
                && is_number != self.is_number(clause.head, at)
            {
                let message = format!("column {} of this head is given another kind of value.", at + 1);
                return Err(refused(clause, &message, REMEDY));
            }
            args.push(self.term(clause, *term)?);
        }
        let head = format!("{}({})", self.name(clause.head), args.join(", "));
        Ok(if body.is_empty() { format!("{head};") } else { format!("{head} <-- {};", body.join(", ")) })
    }

    /// The variables that are whole numbers.
    fn numbers(&self, clause: &Clause) -> BTreeSet<Var> {
        let mut found = BTreeSet::new();
        for literal in &clause.body {
            match literal {
                Literal::Positive(atom) => {
                    found.extend(atom.args.iter().enumerate().filter_map(|(at, term)| match term {
                        Term::Var(var) if self.is_number(atom.rel, at) => Some(*var),
                        _ => None,
                    }));
                }
                Literal::Aggregate(aggregate) => {
                    found.insert(aggregate.out);
                }
                _ => {}
            }
        }
        found
    }

    /// An atom that binds. Where it is walked, its constants are compared and need no index.
    fn positive(
        &mut self,
        clause: &Clause,
        atom: &Atom,
        is_walked: bool,
        frame: &mut Frame,
    ) -> Result<String, Diagnostic> {
        let mut conditions = String::new();
        let mut args = Vec::new();
        for at in self.columns_of(atom.rel) {
            args.push(match atom.args[at] {
                Term::Const(_) if is_walked => {
                    let constant = self.term(clause, atom.args[at])?;
                    // No variable of the clause ends so.
                    let _ = write!(conditions, ", if *column_{at}_here == {constant}");
                    format!("column_{at}_here")
                }
                term if !is_asked(term, &frame.counts) => "_".to_owned(),
                term => {
                    frame.refuse_given(clause, term)?;
                    self.term(clause, term)?
                }
            });
        }
        frame.bound.extend(vars(atom));
        Ok(format!("{}({}){conditions}", self.name(atom.rel), args.join(", ")))
    }

    /// The arguments of an atom that binds nothing.
    fn args(&mut self, clause: &Clause, atom: &Atom, frame: &Frame) -> Result<String, Diagnostic> {
        let mut args = Vec::new();
        for at in self.columns_of(atom.rel) {
            frame.refuse_given(clause, atom.args[at])?;
            args.push(self.term(clause, atom.args[at])?);
        }
        Ok(args.join(", "))
    }

    fn compare(
        &mut self,
        clause: &Clause,
        op: Compare,
        left: &Expr,
        right: &Expr,
        frame: &Frame,
    ) -> Result<String, Diagnostic> {
        let (Expr::Term(left), Expr::Term(right)) = (left, right) else {
            return Err(refused(clause, "this clause calculates.", REMEDY));
        };
        let is_number = |term: &Term| match term {
            Term::Var(var) => frame.numbers.contains(var),
            Term::Const(value) => !matches!(self.checked.constant(*value), Constant::Text(_)),
            Term::Any => false,
        };
        if is_number(left) != is_number(right) {
            return Err(refused(clause, "this clause compares a number with a text.", REMEDY));
        }
        let op = match op {
            Compare::Eq => "==",
            Compare::Ne => "!=",
            _ if !is_number(left) => {
                return Err(refused(clause, "this clause asks which of two texts comes first.", REMEDY));
            }
            Compare::Lt => "<",
            Compare::Le => "<=",
            Compare::Gt => ">",
            Compare::Ge => ">=",
        };
        let mut side = |term: &Term| -> Result<String, Diagnostic> {
            let written = self.term(clause, *term)?;
            Ok(match term {
                Term::Var(var) if !frame.given.contains(var) => format!("*{written}"),
                _ => written,
            })
        };
        let (left, right) = (side(left)?, side(right)?);
        Ok(format!("if {left} {op} {right}"))
    }

    fn aggregate(&mut self, clause: &Clause, aggregate: &Aggregate, frame: &mut Frame) -> Result<String, Diagnostic> {
        if aggregate.kind != AggregateKind::Count || aggregate.value.is_some() {
            let message = format!("'{}' is not translated.", aggregate.kind.name());
            return Err(refused(clause, &message, REMEDY));
        }
        let [Literal::Positive(atom)] = aggregate.body.as_slice() else {
            let remedy = "Write a rule of its own for what is counted, and count its rows.";
            return Err(refused(clause, "only the rows of one relation are counted.", remedy));
        };
        let mut args = Vec::new();
        let mut own = BTreeSet::new();
        for term in &atom.args {
            args.push(match term {
                Term::Var(var) if !aggregate.outer.contains(var) => {
                    if !own.insert(*var) {
                        return Err(refused(clause, "a variable stands twice in what is counted.", REMEDY));
                    }
                    "_".to_owned()
                }
                term => {
                    frame.refuse_given(clause, *term)?;
                    self.term(clause, *term)?
                }
            });
        }
        if frame.bound.contains(&aggregate.out) {
            return Err(refused(clause, "what is counted is compared with what is known.", REMEDY));
        }
        frame.bound.insert(aggregate.out);
        frame.given.insert(aggregate.out);
        let out = self.term(clause, Term::Var(aggregate.out))?;
        Ok(format!("agg {out} = count() in {}({})", self.name(atom.rel), args.join(", ")))
    }

    fn term(&mut self, clause: &Clause, term: Term) -> Result<String, Diagnostic> {
        Ok(match term {
            Term::Any => "_".to_owned(),
            // The number tells variables of one name apart, and from words of Rust.
            Term::Var(var) => match clause.vars.get(var).map(String::as_str).unwrap_or_default() {
                "" => format!("value_{var}"),
                name => format!("{name}_{var}"),
            },
            Term::Const(value) => match self.checked.constant(value) {
                Constant::Int(number) => format!("{number}i64"),
                Constant::Decimal(_) => return Err(refused(clause, "this clause names a decimal.", REMEDY)),
                Constant::Text(text) => {
                    let known = self.texts.iter().position(|other| **other == *text);
                    let at = known.unwrap_or_else(|| {
                        self.texts.push(text.to_string());
                        self.texts.len() - 1
                    });
                    format!("texts[{at}]")
                }
            },
        })
    }
}

impl Frame {
    /// Whether all variables are bound that a literal asks for and does not bind.
    fn is_ready(&self, literal: &Literal) -> bool {
        let mut needed = BTreeSet::new();
        match literal {
            Literal::Positive(_) => {}
            Literal::Negative(atom) => needed.extend(vars(atom)),
            Literal::Compare(_, left, right) => [left, right].into_iter().for_each(|expr| vars_of(expr, &mut needed)),
            Literal::Test { text, part, .. } => [text, part].into_iter().for_each(|expr| vars_of(expr, &mut needed)),
            Literal::Aggregate(aggregate) => needed.extend(&aggregate.outer),
        }
        needed.is_subset(&self.bound)
    }

    fn refuse_given(&self, clause: &Clause, term: Term) -> Result<(), Diagnostic> {
        match term {
            Term::Var(var) if self.given.contains(&var) => {
                Err(refused(clause, "what is counted is looked up in a relation.", REMEDY))
            }
            _ => Ok(()),
        }
    }
}

const REMEDY: &str = "build/ascent.rs would have to learn it; or the relation goes to a file that is not compiled.";

fn refused(clause: &Clause, message: &str, remedy: &str) -> Diagnostic {
    Diagnostic::error(clause.span, message, remedy)
}

/// Whether it matters what stands in the column: a variable that stands nowhere else is any value.
fn is_asked(term: Term, counts: &BTreeMap<Var, usize>) -> bool {
    match term {
        Term::Any => false,
        Term::Const(_) => true,
        Term::Var(var) => counts.get(&var).is_some_and(|count| *count > 1),
    }
}

fn counts(clause: &Clause) -> BTreeMap<Var, usize> {
    fn count(literal: &Literal, found: &mut Vec<Var>) {
        let mut own = BTreeSet::new();
        match literal {
            Literal::Positive(atom) | Literal::Negative(atom) => found.extend(vars(atom)),
            Literal::Compare(_, left, right) => [left, right].into_iter().for_each(|expr| vars_of(expr, &mut own)),
            Literal::Test { text, part, .. } => [text, part].into_iter().for_each(|expr| vars_of(expr, &mut own)),
            Literal::Aggregate(aggregate) => {
                own.insert(aggregate.out);
                aggregate.value.iter().for_each(|value| vars_of(value, &mut own));
                aggregate.body.iter().for_each(|literal| count(literal, found));
            }
        }
        found.extend(own);
    }
    let mut found: Vec<Var> = Vec::new();
    found.extend(clause.args.iter().filter_map(|term| if let Term::Var(var) = term { Some(*var) } else { None }));
    clause.body.iter().for_each(|literal| count(literal, &mut found));
    let mut counts = BTreeMap::new();
    found.into_iter().for_each(|var| *counts.entry(var).or_default() += 1);
    counts
}

fn vars(atom: &Atom) -> impl Iterator<Item = Var> + '_ {
    atom.args.iter().filter_map(|term| if let Term::Var(var) = term { Some(*var) } else { None })
}

fn vars_of(expr: &Expr, found: &mut BTreeSet<Var>) {
    match expr {
        Expr::Term(Term::Var(var)) => {
            found.insert(*var);
        }
        Expr::Term(_) => {}
        Expr::Call(_, args) => args.iter().for_each(|arg| vars_of(arg, found)),
        Expr::Binary(_, left, right) => [left, right].into_iter().for_each(|expr| vars_of(expr, found)),
    }
}

fn joined(parts: impl Iterator<Item = String>, between: &str) -> String {
    parts.collect::<Vec<_>>().join(between)
}

/// Words of Rust and of Ascent that a relation may be called by.
const WORDS: [&str; 53] = [
    "abstract", "agg", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "lattice", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "relation", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where",
    "while",
];
