//! The text dbt renders for a generic test: the call of its macro with the arguments, in which
//! texts may hold Jinja and so further parents.

use super::declared::{Declared, identifier};
use crate::db::{Package, Project};
use crate::project::data::has_jinja;
use crate::project::macro_calls::nameable_from;
use crate::project::macros::{MacroName, Named, in_package, resolve};
use crate::project::packages::{DBT, all_packages, package_by_name, package_name};
use crate::syntax::jinja::tags::{TagKind, tags};
use serde_json::Value;
use std::fmt::Write;

/// dbt's own generic tests.
const OWN: [&str; 4] = ["unique", "not_null", "accepted_values", "relationships"];
/// Those that dbt does not render: their only parent is what they are declared on.
const SHORTCUTS: [&str; 2] = ["unique", "not_null"];
/// Calls that look like this are Jinja also without braces.
const BARE_CALLS: [&str; 5] = ["env_var", "ref", "var", "source", "doc"];
/// Words that Jinja does not take as the name of an argument.
const RESERVED: [&str; 12] = ["and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False"];
/// A tag of more is not rendered; arguments without Jinja are left out then.
const LONGEST_CALL: usize = 32 * 1024;

/// What a generic test calls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Called {
    /// The macro's unique_id; none where nobody defines it.
    pub macro_id: Option<String>,
    /// The text to render; none where dbt takes a short cut.
    pub text: Option<String>,
    /// The package of the macro, where arguments hold Jinja that might name others.
    pub names_from: Option<Package>,
    /// The package that the test is asked for in is not here.
    pub is_elsewhere: bool,
}

/// Where a test's macro is.
enum Owner {
    Package(Package),
    Dbt,
    /// In a package that is not installed.
    Absent,
    Nobody,
}

/// The test's own package, the namespace it is asked for in, the root project, any package, dbt.
fn owner(db: &dyn salsa::Database, own: Package, declared: &Declared, name: &str) -> Owner {
    let space = declared.namespace.as_deref();
    let asked = space.and_then(|space| package_by_name(db, space));
    let root = Project::try_get(db).map(|project| project.root(db));
    let all = all_packages(db);
    let order = [Some(own), asked, root].into_iter().flatten().chain(all.into_iter().rev());
    let mut order = order.filter(|package| &**package_name(db, *package) != DBT);
    if let Some(found) = order.find(|package| in_package(db, *package, name).is_some()) {
        return Owner::Package(found);
    }
    match (OWN.contains(&&*declared.kind), space) {
        (true, _) => Owner::Dbt,
        (false, Some(space)) if asked.is_none() && space != DBT => Owner::Absent,
        _ => Owner::Nobody,
    }
}

pub(super) fn called(db: &dyn salsa::Database, package: Package, declared: &Declared) -> Called {
    let name = format!("test_{}", declared.kind);
    let owner = owner(db, package, declared, &name);
    let macro_id = match &owner {
        Owner::Package(owner) => Some(format!("macro.{}.{name}", package_name(db, *owner))),
        Owner::Dbt => Some(format!("macro.{DBT}.{name}")),
        Owner::Absent => declared.namespace.as_deref().map(|space| format!("macro.{space}.{name}")),
        Owner::Nobody => None,
    };
    if matches!(owner, Owner::Dbt) && SHORTCUTS.contains(&&*declared.kind) {
        return Called { macro_id, ..Called::default() };
    }
    let callee = match &owner {
        // dbt calls the macro of the namespace, which it knows only where its own search leads there.
        Owner::Package(owner) => match declared.namespace.as_deref() {
            Some(space) if space != &**package_name(db, *owner) => {
                let called = format!("macro.{space}.{name}");
                let named = nameable_from(db, MacroName::new(db, *owner, name.as_str()));
                if named.contains(&called) { format!("{space}.{name}") } else { "dict".to_owned() }
            }
            _ => format!("{}.{name}", package_name(db, *owner)),
        },
        Owner::Dbt if !SHORTCUTS.contains(&&*declared.kind) => format!("{DBT}.{name}"),
        // A list of the arguments runs what is in them.
        Owner::Dbt | Owner::Absent | Owner::Nobody => "dict".to_owned(),
    };
    let mut opening = String::new();
    for name in ["ref", "source"] {
        // dbt renders tests without the project's macros of these names.
        if matches!(resolve(db, package, name), Named::Macro(_)) {
            let _ = write!(opening, "{{% set {name} = builtins.{name} %}}");
        }
    }
    let mut writer = Writer { opening, sets: 0 };
    let mut call = writer.call(&callee, declared, false);
    if call.len() > LONGEST_CALL {
        call = writer.call(&callee, declared, true);
    }
    let is_elsewhere = matches!(owner, Owner::Absent);
    let names_from = match owner {
        Owner::Package(owner) => Some(owner),
        Owner::Dbt => package_by_name(db, DBT),
        Owner::Absent | Owner::Nobody => None,
    };
    let names_from = names_from.filter(|_| declared.arguments.values().any(holds_calls));
    Called { macro_id, text: Some(format!("{}{call}", writer.opening)), names_from, is_elsewhere }
}

struct Writer {
    /// What stands before the call.
    opening: String,
    sets: usize,
}

impl Writer {
    fn call(&mut self, callee: &str, declared: &Declared, only_jinja: bool) -> String {
        let mut arguments = Vec::new();
        // The relation comes first, as in dbt.
        let model = declared.arguments.get_key_value("model");
        let others = declared.arguments.iter().filter(|(name, _)| *name != "model");
        for (name, value) in model.into_iter().chain(others) {
            if only_jinja && !holds_calls(value) {
                continue;
            }
            let mut text = String::new();
            if name == "column_name" {
                // A column's name is never rendered.
                quoted(value.as_str().unwrap_or_default(), &mut text);
            } else {
                self.literal(value, &mut text);
            }
            if identifier(name) == Some(name) && !RESERVED.contains(&name.as_str()) {
                arguments.push(format!("{name}={text}"));
            } else {
                let name = self.next();
                let _ = write!(self.opening, "{{% set {name} = {text} %}}");
            }
        }
        format!("{{{{ {callee}({}) }}}}", arguments.join(", "))
    }

    fn next(&mut self) -> String {
        self.sets += 1;
        format!("argument_{}_of_test", self.sets)
    }

    /// A value in Jinja's notation.
    fn literal(&mut self, value: &Value, out: &mut String) {
        match value {
            Value::Null => out.push_str("none"),
            Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
            Value::Number(number) => {
                let _ = write!(out, "{number}");
            }
            Value::String(text) if is_bare_call(text) => {
                let _ = write!(out, "({})", text.trim());
            }
            Value::String(text) if has_jinja(text) => match lone_expression(text) {
                Some(expression) => {
                    let _ = write!(out, "({expression})");
                }
                None => {
                    let name = self.next();
                    let _ = write!(self.opening, "{{% set {name} %}}{text}{{% endset %}}");
                    out.push_str(&name);
                }
            },
            Value::String(text) => quoted(text, out),
            Value::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    self.literal(item, out);
                }
                out.push(']');
            }
            Value::Object(entries) => {
                out.push('{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    out.push_str(if at > 0 { ", " } else { "" });
                    quoted(key, out);
                    out.push_str(": ");
                    self.literal(value, out);
                }
                out.push('}');
            }
        }
    }
}

/// `ref('x')` and the like, alone in a text.
fn is_bare_call(text: &str) -> bool {
    let text = text.trim();
    let Some(name) = identifier(text).filter(|name| BARE_CALLS.contains(name)) else { return false };
    let rest = text[name.len()..].trim_start();
    rest.len() > 2 && rest.starts_with('(') && rest.ends_with(')') && !rest.contains('\n')
}

fn holds_calls(value: &Value) -> bool {
    match value {
        Value::String(text) => has_jinja(text) || is_bare_call(text),
        Value::Array(items) => items.iter().any(holds_calls),
        Value::Object(entries) => entries.values().any(holds_calls),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The inside of a text that is one `{{ … }}`.
fn lone_expression(text: &str) -> Option<&str> {
    let text = text.trim();
    let found = tags(text);
    match found.tags.as_slice() {
        [tag] if tag.kind == TagKind::Expression && tag.span.range() == (0..text.len()) => Some(tag.inner.of(text)),
        _ => None,
    }
}

/// A text in quotes; braces and percent signs are escaped, so that no tag can begin or end in it.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '{' | '}' | '%' | '#' | '\n' | '\r' | '\t' => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn literal(value: Value) -> (String, String) {
        let mut writer = Writer { opening: String::new(), sets: 0 };
        let mut out = String::new();
        writer.literal(&value, &mut out);
        (out, writer.opening)
    }

    #[test]
    fn bare_calls_are_expressions_and_other_texts_are_not() {
        assert_eq!(literal(json!("ref('x')")).0, "(ref('x'))");
        assert_eq!(literal(json!("reference('x')")).0, "\"reference('x')\"");
        assert_eq!(literal(json!("ref('x') or 1")).0, "\"ref('x') or 1\"");
        assert_eq!(literal(json!("a %} \"b\"")).0, "\"a \\u0025\\u007d \\\"b\\\"\"");
    }

    #[test]
    fn a_lone_expression_keeps_its_type_and_other_jinja_is_a_text() {
        assert_eq!(literal(json!("{{ var('x') }}")).0, "( var('x') )");
        let (name, opening) = literal(json!("a {{ var('x') }}"));
        assert_eq!(opening, format!("{{% set {name} %}}a {{{{ var('x') }}}}{{% endset %}}"));
    }

    #[test]
    fn values_are_written_in_jinjas_notation() {
        let value = json!({"a": [1, 2.5, null, true], "b": {"c": "d"}});
        assert_eq!(literal(value).0, "{\"a\": [1, 2.5, none, true], \"b\": {\"c\": \"d\"}}");
    }
}
