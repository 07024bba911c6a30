//! Python models, read as dbt reads them: the calls of `dbt.ref`, `dbt.source`, `dbt.config` and
//! `dbt.config.get` where dbt looks for them, with arguments that must be literals.

use super::jinja::run::{ConfigCall, RefCall, SourceCall, Trace};
use super::nodes::Rendering;
use crate::syntax::python::{Parsed, parse};
use crate::syntax::span::{Span, SyntaxError};
use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, ExprFString, InterpolatedStringElement, Number, Stmt, StmtFunctionDef, UnaryOp};
use ruff_text_size::Ranged;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What a Python model asks for, and what of it stops dbt.
pub fn read(text: &str) -> Rendering {
    let jinja = jinja(text);
    let parsed = parse(text);
    let mut calls = Calls { parsed: &parsed, trace: Trace::default(), errors: Vec::new(), used: Used::default() };
    for statement in &parsed.module.body {
        calls.visit_stmt(statement);
    }
    calls.used.note(&mut calls.trace);
    let Calls { mut trace, mut errors, .. } = calls;
    match (jinja, &parsed.error) {
        (Some(jinja), _) => {
            // Names with Jinja in them, and what of it is not Python, have the same cause.
            trace.refs.retain(|call| !super::data::has_jinja(&call.name));
            trace.sources.retain(|call| !super::data::has_jinja(&call.table) && !super::data::has_jinja(&call.source));
            errors.clear();
            errors.push(jinja);
        }
        (None, Some(error)) => errors.insert(0, error.clone()),
        (None, None) => errors.splice(..0, wrong_functions(&parsed)).for_each(drop),
    }
    Rendering { trace, errors }
}

/// The Jinja in a Python model, which dbt refuses, also in strings and comments.
fn jinja(text: &str) -> Option<SyntaxError> {
    let error = |at: usize, message: &str, remedy: &str| Some(SyntaxError::new(Span::new(at, at + 2), message, remedy));
    let first = |marks: [&str; 3]| marks.iter().filter_map(|mark| text.find(mark)).min();
    if let Some(at) = first(["{{", "{%", "{#"]) {
        let what = format!("`{}` in a Python model is Jinja to dbt, which takes none there", &text[at..at + 2]);
        return error(at, &what, "Write it in Python, or put a space between the two characters.");
    }
    // A text with one of these is rendered, which turns the ends of lines.
    let at = first(["}}", "%}", "#}"]).filter(|_| text.trim().contains('\r'))?;
    let what = format!("dbt takes `{}` in a Python model with CRLF line ends for Jinja", &text[at..at + 2]);
    error(at, &what, "Save the file with LF line ends.")
}

/// What is wrong with the functions called `model`: one must be there, and be as dbt calls it.
fn wrong_functions(parsed: &Parsed) -> Vec<SyntaxError> {
    let mut models = Models(Vec::new());
    models.visit_body(&parsed.module.body);
    let error = |span: Span, message: &str, remedy: &str| SyntaxError::new(span, message, remedy);
    let [model] = models.0.as_slice() else {
        return match models.0.get(1) {
            None if parsed.module.body.is_empty() => Vec::new(),
            None => vec![error(
                parsed.module.body.first().map(|first| Span::at(parsed.span(first).start as usize)).unwrap_or_default(),
                "a Python file in a model path is a model, and this one defines no function `model`",
                "Define `model(dbt, session)`, or move the file out of the model paths.",
            )],
            Some(second) => vec![error(
                parsed.span(&second.name),
                &format!("this file defines {} functions `model`, and dbt takes one", models.0.len()),
                "Leave one `model` in the file.",
            )],
        };
    };
    let mut errors = Vec::new();
    let parameters = &model.parameters;
    let is_first_dbt = parameters.args.first().is_none_or(|first| first.parameter.name.as_str() == "dbt");
    if !is_first_dbt || parameters.args.len() != 2 {
        errors.push(error(
            parsed.span(&parameters.range),
            "the function `model` must have two parameters, `dbt` and a session",
            "Write `def model(dbt, session):`.",
        ));
    }
    let last = model.body.last();
    let returns = last.is_some_and(|last| match last {
        Stmt::Return(returned) => !matches!(returned.value.as_deref(), Some(Expr::Tuple(_))),
        _ => false,
    });
    if !returns {
        errors.push(error(
            last.map(|last| parsed.span(last)).map(|span| Span::at(span.start as usize)).unwrap_or_default(),
            "the function `model` must end in a `return` of one data frame",
            "Make `return` with one value its last statement.",
        ));
    }
    errors
}

/// The functions that dbt counts: those within functions it does not see.
struct Models<'tree>(Vec<&'tree StmtFunctionDef>);

impl<'tree> Visitor<'tree> for Models<'tree> {
    fn visit_stmt(&mut self, statement: &'tree Stmt) {
        match statement {
            Stmt::FunctionDef(function) if !function.is_async => {
                if function.name.as_str() == "model" {
                    self.0.push(function);
                }
            }
            _ => walk_stmt(self, statement),
        }
    }

    fn visit_expr(&mut self, _: &'tree Expr) {}
}

/// What `dbt.config.get` and `dbt.config.meta_get` are asked for: dbt keeps it in the model's config.
#[derive(Default)]
struct Used {
    keys: [Vec<Value>; 2],
    defaults: [Vec<Value>; 2],
    site: Option<u32>,
}

impl Used {
    fn note(&mut self, trace: &mut Trace) {
        let Some(site) = self.site else { return };
        let [keys, meta_keys] = std::mem::take(&mut self.keys);
        let [defaults, meta_defaults] = std::mem::take(&mut self.defaults);
        let lists = [
            ("config_keys_used", keys),
            ("config_keys_defaults", defaults),
            ("meta_keys_used", meta_keys),
            ("meta_keys_defaults", meta_defaults),
        ];
        let values = lists.into_iter().map(|(key, list)| (key.to_owned(), Value::Array(list))).collect();
        trace.configs.push(ConfigCall { values, site });
    }
}

struct Calls<'tree> {
    parsed: &'tree Parsed,
    trace: Trace,
    errors: Vec<SyntaxError>,
    used: Used,
}

impl<'tree> Visitor<'tree> for Calls<'tree> {
    fn visit_expr(&mut self, expression: &'tree Expr) {
        match expression {
            Expr::Call(call) => self.call(call),
            _ => walk_expr(self, expression),
        }
    }
}

impl<'tree> Calls<'tree> {
    /// Below a call dbt looks only at calls that are arguments, or stand in a list, a dict or an f-string
    /// that is one, and at the call whose member this one calls.
    fn call(&mut self, call: &'tree ExprCall) {
        match dotted(&call.func).as_deref() {
            Some("dbt.ref") => self.reference(call),
            Some("dbt.source") => self.source(call),
            Some("dbt.config") => self.config(call),
            Some("dbt.config.get") => self.used(call, 0),
            Some("dbt.config.meta_get") => self.used(call, 1),
            _ => {}
        }
        let keywords = call.arguments.keywords.iter().map(|keyword| &keyword.value);
        for argument in call.arguments.args.iter().chain(keywords) {
            match argument {
                Expr::List(list) => self.calls_among(&list.elts),
                Expr::Tuple(tuple) => self.calls_among(&tuple.elts),
                Expr::Dict(dict) => self.calls_among(dict.items.iter().map(|item| &item.value)),
                Expr::FString(text) => self.calls_in_text(text),
                other => self.calls_among([other]),
            }
        }
        if let Expr::Attribute(member) = &*call.func {
            let mut value = &*member.value;
            while let Expr::Attribute(member) = value {
                value = &member.value;
            }
            self.calls_among([value]);
        }
    }

    fn calls_among(&mut self, expressions: impl IntoIterator<Item = &'tree Expr>) {
        for expression in expressions {
            if let Expr::Call(call) = expression {
                self.call(call);
            }
        }
    }

    fn calls_in_text(&mut self, text: &'tree ExprFString) {
        for element in text.value.elements() {
            if let InterpolatedStringElement::Interpolation(element) = element {
                self.calls_among([&*element.expression]);
            }
        }
    }

    fn site(&self, call: &ExprCall) -> u32 {
        self.parsed.span(call).start
    }

    fn refuse(&mut self, part: &impl Ranged, message: String, remedy: &str) {
        self.errors.push(SyntaxError::new(self.parsed.span(part), message, remedy));
    }

    /// The arguments of a call of dbt's; nothing, and an error, where they are not literals.
    fn arguments(&mut self, call: &'tree ExprCall, function: &str) -> Option<Arguments<'tree>> {
        let mut found = Arguments::default();
        for argument in &call.arguments.args {
            found.positional.push((argument, self.literal(argument, function)?));
        }
        for keyword in &call.arguments.keywords {
            let value = self.literal(&keyword.value, function)?;
            match &keyword.arg {
                Some(name) => {
                    found.named.retain(|(known, _, _)| *known != name.as_str());
                    found.named.push((name.as_str(), &keyword.value, value));
                }
                // The names of `**{…}` are none that dbt takes.
                None => {
                    let what = format!("`**` in a call of `{function}`, whose arguments dbt reads one by one");
                    self.refuse(keyword, what, "Write the arguments out.");
                    return None;
                }
            }
        }
        Some(found)
    }

    fn literal(&mut self, expression: &'tree Expr, function: &str) -> Option<Literal> {
        match literal(expression) {
            Ok(literal) => Some(literal),
            Err(part) => {
                let what = match part {
                    Expr::FString(_) => "an f-string",
                    Expr::Starred(_) => "`*`",
                    Expr::Name(_) | Expr::Attribute(_) | Expr::Subscript(_) => "a variable",
                    Expr::Call(_) => "a call",
                    _ => "an expression",
                };
                let what = format!("{what} as an argument of `{function}`, which dbt reads without running the model");
                self.refuse(part, what, "Write the value itself.");
                None
            }
        }
    }

    fn reference(&mut self, call: &'tree ExprCall) {
        let Some(arguments) = self.arguments(call, "dbt.ref") else { return };
        let (package, name) = match arguments.positional.as_slice() {
            [name] => (None, name),
            [package, name] => (Some(package), name),
            other => {
                let what = format!("`dbt.ref` takes a name, or a package and a name: {} given", other.len());
                return self.refuse(call, what, "Give the model's name as a string.");
            }
        };
        let package = package.filter(|(_, package)| package.value != Value::Null);
        for (part, value) in package.into_iter().chain([name]) {
            if !value.value.is_string() {
                let what = format!("`dbt.ref` takes strings, and this is {}", value.kind());
                return self.refuse(*part, what, "Give the model's name as a string.");
            }
        }
        let version = ["version", "v"].iter().find_map(|key| arguments.get(key).filter(|(_, value)| value.is_true()));
        if let Some((part, value)) = version
            && !value.is_scalar()
        {
            let what = format!("the version of `dbt.ref` is a number or a string, and this is {}", value.kind());
            return self.refuse(part, what, "Give the version as a number.");
        }
        let version = version.and_then(|(_, value)| super::data::scalar(&value.value)).map(Arc::from);
        let package = package.and_then(|(_, package)| package.value.as_str()).map(Arc::from);
        let Some(name) = name.1.value.as_str() else { return };
        self.trace.refs.push(RefCall { package, name: name.into(), version, site: self.site(call) });
    }

    fn source(&mut self, call: &'tree ExprCall) {
        let Some(arguments) = self.arguments(call, "dbt.source") else { return };
        let ([source, table], []) = (arguments.positional.as_slice(), arguments.named.as_slice()) else {
            let given = arguments.positional.len() + arguments.named.len();
            let what = format!("`dbt.source` takes two strings, the source and its table: {given} given");
            return self.refuse(call, what, "Give the source's name and the table's.");
        };
        for (part, value) in [source, table] {
            if !value.value.is_string() {
                let what = format!("`dbt.source` takes strings, and this is {}", value.kind());
                return self.refuse(*part, what, "Give the source's name and the table's.");
            }
        }
        if let (Some(source), Some(table)) = (source.1.value.as_str(), table.1.value.as_str()) {
            let call = SourceCall { source: source.into(), table: table.into(), site: self.site(call) };
            self.trace.sources.push(call);
        }
    }

    fn config(&mut self, call: &'tree ExprCall) {
        let Some(arguments) = self.arguments(call, "dbt.config") else { return };
        let mut literals = arguments.positional.iter().map(|(part, value)| (*part, value));
        let named = arguments.named.iter().map(|(_, part, value)| (*part, value));
        if let Some((part, kind)) = literals.clone().chain(named).find_map(|(part, value)| Some((part, value.odd?))) {
            let what = format!("{kind} in `dbt.config`, which dbt cannot keep");
            return self.refuse(part, what, "Write a string, number, boolean, list or dict with string keys.");
        }
        let mut values: Map<String, Value> = match (literals.next(), literals.next(), arguments.named.is_empty()) {
            (Some((_, Literal { value: Value::Object(entries), .. })), None, true) => entries.clone(),
            (Some((_, Literal { value: Value::Array(items), .. })), None, true) if items.is_empty() => Map::new(),
            (None, None, false) => {
                arguments.named.iter().map(|(key, _, value)| ((*key).to_owned(), value.value.clone())).collect()
            }
            _ => {
                let what = "`dbt.config` takes either named arguments or one dict".to_owned();
                return self.refuse(call, what, "Write `dbt.config(key=value, …)`.");
            }
        };
        for (old, new) in [("pre_hook", "pre-hook"), ("post_hook", "post-hook")] {
            if values.contains_key(old) && values.contains_key(new) {
                let what = format!("`dbt.config` has both `{old}` and `{new}`");
                return self.refuse(call, what, "Leave one of them.");
            }
            if let Some(hook) = values.shift_remove(old) {
                values.insert(new.to_owned(), hook);
            }
        }
        self.trace.configs.push(ConfigCall { values, site: self.site(call) });
    }

    fn used(&mut self, call: &'tree ExprCall, which: usize) {
        let function = ["dbt.config.get", "dbt.config.meta_get"][which];
        let Some(arguments) = self.arguments(call, function) else { return };
        let (key, default) = match arguments.positional.as_slice() {
            [(_, key)] => (key, None),
            [(_, key), (_, default)] => (key, Some(default)),
            other => {
                let what = format!("`{function}` takes a key and a default: {} given", other.len());
                return self.refuse(call, what, "Give the key, and its default if there is one.");
            }
        };
        self.used.keys[which].push(key.value.clone());
        self.used.defaults[which].push(default.map(|default| default.value.clone()).unwrap_or_default());
        self.used.site.get_or_insert(self.parsed.span(call).start);
    }
}

/// A name with members, as `dbt.config.get`.
fn dotted(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Name(name) => Some(name.id.to_string()),
        // Longer names are none of dbt's.
        Expr::Attribute(member) => match &*member.value {
            Expr::Name(name) => Some(format!("{}.{}", name.id, member.attr)),
            Expr::Attribute(inner) if matches!(&*inner.value, Expr::Name(_)) => {
                Some(format!("{}.{}", dotted(&member.value)?, member.attr))
            }
            _ => None,
        },
        _ => None,
    }
}

#[derive(Default)]
struct Arguments<'tree> {
    positional: Vec<(&'tree Expr, Literal)>,
    named: Vec<(&'tree str, &'tree Expr, Literal)>,
}

impl<'tree> Arguments<'tree> {
    fn get(&self, name: &str) -> Option<(&'tree Expr, &Literal)> {
        self.named.iter().find(|(known, _, _)| *known == name).map(|(_, part, value)| (*part, value))
    }
}

/// A value that a file shows without being run.
struct Literal {
    value: Value,
    /// What in it has no place in JSON.
    odd: Option<&'static str>,
}

impl Literal {
    fn kind(&self) -> &'static str {
        match (&self.value, self.odd) {
            (_, Some(odd)) => odd,
            (Value::Null, _) => "None",
            (Value::Bool(_), _) => "a boolean",
            (Value::Number(_), _) => "a number",
            (Value::String(_), _) => "a string",
            (Value::Array(_), _) => "a list",
            (Value::Object(_), _) => "a dict",
        }
    }

    fn is_scalar(&self) -> bool {
        self.odd.is_none() && !matches!(self.value, Value::Array(_) | Value::Object(_))
    }

    fn is_true(&self) -> bool {
        self.odd.is_some()
            || match &self.value {
                Value::Null => false,
                Value::Bool(flag) => *flag,
                Value::Number(number) => number.as_f64() != Some(0.0),
                Value::String(text) => !text.is_empty(),
                Value::Array(items) => !items.is_empty(),
                Value::Object(entries) => !entries.is_empty(),
            }
    }
}

/// The value of a literal, or the part of it that is none.
fn literal(expression: &Expr) -> Result<Literal, &Expr> {
    let plain = |value: Value| Ok(Literal { value, odd: None });
    let odd = |kind: &'static str| Ok(Literal { value: Value::Null, odd: Some(kind) });
    match expression {
        Expr::StringLiteral(text) => plain(text.value.to_str().into()),
        Expr::BooleanLiteral(flag) => plain(flag.value.into()),
        Expr::NoneLiteral(_) => plain(Value::Null),
        Expr::NumberLiteral(number) => signed(&number.value, false),
        Expr::UnaryOp(unary) => match (unary.op, &*unary.operand) {
            (UnaryOp::USub, Expr::NumberLiteral(number)) => signed(&number.value, true),
            (UnaryOp::UAdd, Expr::NumberLiteral(number)) => signed(&number.value, false),
            _ => Err(expression),
        },
        Expr::List(list) => items(&list.elts),
        Expr::Tuple(tuple) => items(&tuple.elts),
        Expr::Dict(dict) => {
            let mut entries = Map::new();
            let mut odd = None;
            for item in &dict.items {
                let key = literal(item.key.as_ref().ok_or(expression)?)?;
                let value = literal(&item.value)?;
                odd = odd.or(value.odd).or((!key.is_scalar()).then_some("a key that is not a string"));
                let key = super::data::scalar(&key.value).unwrap_or_else(|| "None".to_owned());
                entries.insert(key, value.value);
            }
            Ok(Literal { value: Value::Object(entries), odd })
        }
        Expr::Set(set) => items(&set.elts).map(|items| Literal { odd: Some("a set"), ..items }),
        Expr::Call(call)
            if call.arguments.is_empty() && matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "set") =>
        {
            odd("a set")
        }
        Expr::BytesLiteral(_) => odd("bytes"),
        Expr::EllipsisLiteral(_) => odd("`...`"),
        _ => Err(expression),
    }
}

fn items(elements: &[Expr]) -> Result<Literal, &Expr> {
    let mut values = Vec::new();
    let mut odd = None;
    for element in elements {
        let item = literal(element)?;
        odd = odd.or(item.odd);
        values.push(item.value);
    }
    Ok(Literal { value: Value::Array(values), odd })
}

fn signed<'tree>(number: &Number, is_negative: bool) -> Result<Literal, &'tree Expr> {
    let value = match number {
        Number::Int(integer) => match (integer.as_i64(), integer.as_u64()) {
            (Some(integer), _) => Value::from(if is_negative { -integer } else { integer }),
            (None, Some(integer)) if !is_negative => Value::from(integer),
            _ => return Ok(Literal { value: Value::Null, odd: Some("an integer of more than 64 bits") }),
        },
        Number::Float(float) => Value::from(if is_negative { -float } else { *float }),
        Number::Complex { .. } => return Ok(Literal { value: Value::Null, odd: Some("a complex number") }),
    };
    Ok(Literal { value, odd: None })
}

#[cfg(test)]
mod tests;
