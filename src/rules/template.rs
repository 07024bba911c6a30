//! The texts of a rule: `{name}` stands for an argument of the finding, `{{` and `}}` for braces.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    Text(String),
    Name(String),
}

/// Why a template cannot be read; a clause that can follow "message: ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateError {
    Unclosed,
    Unopened,
    /// What stands between the braces is no name.
    NoName(String),
    /// The rule's rows do not give this name; `known` are the ones they give.
    Unknown {
        name: String,
        known: Vec<String>,
    },
}

impl fmt::Display for TemplateError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclosed => write!(out, "a '{{' is not closed; write '{{{{' for a brace"),
            Self::Unopened => write!(out, "a '}}' closes nothing; write '}}}}' for a brace"),
            Self::NoName(text) => {
                write!(out, "'{{{text}}}' is no placeholder: a name has letters, digits and '_'")
            }
            Self::Unknown { name, known } if known.is_empty() => {
                write!(out, "'{{{name}}}' is unknown: the head gives nothing to name")
            }
            Self::Unknown { name, known } => {
                write!(out, "'{{{name}}}' is unknown: the head gives {}", known.join(", "))
            }
        }
    }
}

impl std::error::Error for TemplateError {}

impl Template {
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = brace.strip_prefix("{{") {
                plain.push('{');
                rest = after;
            } else if let Some(after) = brace.strip_prefix("}}") {
                plain.push('}');
                rest = after;
            } else if let Some(after) = brace.strip_prefix('{') {
                let (name, after) = after.split_once('}').ok_or(TemplateError::Unclosed)?;
                if !is_name(name) {
                    return Err(TemplateError::NoName(name.to_owned()));
                }
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Name(name.to_owned()));
                rest = after;
            } else {
                return Err(TemplateError::Unopened);
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// Fails where the template names something that `known` does not hold.
    pub fn check(&self, known: &[String]) -> Result<(), TemplateError> {
        match self.names().find(|name| !known.iter().any(|known| known == name)) {
            None => Ok(()),
            Some(name) => Err(TemplateError::Unknown { name: name.to_owned(), known: known.to_vec() }),
        }
    }

    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with every placeholder filled. One that `value` does not know stays as it was
    /// written: a reader sees which row is at fault, and the run goes on.
    pub fn fill<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Name(name) => match value(name) {
                    Some(value) => text.push_str(value),
                    None => text.extend(["{", name, "}"]),
                },
            }
        }
        text
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> String {
        Template::parse(text)
            .unwrap()
            .fill(|name| [("name", "orders"), ("n", "3")].into_iter().find(|x| x.0 == name).map(|x| x.1))
    }

    #[test]
    fn placeholders_are_filled_and_doubled_braces_are_braces() {
        assert_eq!(filled("{name} has {n}{n}."), "orders has 33.");
        assert_eq!(filled("{{{{ ref('{name}') }}}}"), "{{ ref('orders') }}");
        assert_eq!(filled("{{{name}}}"), "{orders}");
        assert_eq!(filled(""), "");
    }

    #[test]
    fn a_filled_value_is_never_read_as_a_template() {
        let text = Template::parse("{a}{b}").unwrap().fill(|name| (name == "a").then_some("{b}{{"));
        assert_eq!(text, "{b}{{{b}");
    }

    #[test]
    fn a_brace_without_its_other_half_is_an_error() {
        assert_eq!(Template::parse("a {name"), Err(TemplateError::Unclosed));
        assert_eq!(Template::parse("a } b"), Err(TemplateError::Unopened));
        assert_eq!(Template::parse("{name}}"), Err(TemplateError::Unopened));
    }

    #[test]
    fn what_is_no_name_is_an_error() {
        for text in ["", " name", "a b", "1a", "a.b", "{a"] {
            assert_eq!(
                Template::parse(&format!("x {{{text}}}")),
                // Two braces in a row are a brace, so the third closes nothing.
                Err(if text == "{a" { TemplateError::Unopened } else { TemplateError::NoName(text.to_owned()) })
            );
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_the_known_ones() {
        let template = Template::parse("{name} of {kind}").unwrap();
        let known = ["name".to_owned()];
        assert_eq!(template.check(&known).unwrap_err().to_string(), "'{kind}' is unknown: the head gives name");
        assert_eq!(template.check(&[]).unwrap_err().to_string(), "'{name}' is unknown: the head gives nothing to name");
    }
}
