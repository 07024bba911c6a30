//! `as_bool` and the like as YAML has them: what goes through one is a text from then on, and is read
//! as a value again where it is all there is in the end. So `x | as_bool` counts as true within a
//! condition, whatever `x` is, and `target.type == 'x' | as_bool` compares texts.

use super::functions::native;
use super::run::with_run;
use minijinja::Value;
use minijinja::value::ValueKind;

/// Texts one rendering marks; more are texts and no more.
const MAX_MARKED: usize = 1000;

/// A value as Python prints it.
pub(super) fn printed(value: &Value) -> String {
    match value.kind() {
        ValueKind::Bool if value.is_true() => "True".to_owned(),
        ValueKind::Bool => "False".to_owned(),
        ValueKind::None => "None".to_owned(),
        _ => value.to_string(),
    }
}

pub(super) fn marked(value: &Value) -> Value {
    let text = printed(value);
    with_run(|run| {
        if run.marked.len() < MAX_MARKED && run.marked.iter().all(|(known, _)| *known != text) {
            run.marked.push((text.clone(), native(value)));
        }
    });
    Value::from(text)
}

/// What a text amounts to whose whole value this is.
pub(super) fn unmarked(value: Value) -> Value {
    let Some(text) = value.as_str() else { return value };
    let found = with_run(|run| run.marked.iter().find(|(known, _)| known == text).map(|(_, value)| value.clone()));
    found.flatten().unwrap_or(value)
}
