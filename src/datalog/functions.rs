//! Functions over values, and tests that hold or not.

use super::ast::Operator;
use super::schema::Type;
use super::value::Constant;
use regex::Regex;
use rust_decimal::Decimal;

/// What a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Text,
    Number,
    Anything,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    Lower,
    Upper,
    Concat,
    Length,
    Substring,
    Replace,
    Trim,
    Directory,
    Position,
    ToNumber,
    ToText,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Test {
    StartsWith,
    EndsWith,
    Contains,
    Matches,
}

/// Name, arguments, what it is.
pub const FUNCTIONS: [(&str, &str, &str); 15] = [
    ("concat", "value, value, …", "the texts one after the other"),
    ("contains", "text, part", "holds where the part stands in the text"),
    ("directory", "path", "the path without its last part: `models/staging`; no slash is at its end"),
    ("ends_with", "text, end", "holds where the text ends so"),
    ("length", "text", "how many characters the text has"),
    ("lower", "text", "the text in small letters"),
    (
        "matches",
        "text, \"regex\"",
        "holds where the regular expression matches somewhere in the text; ^ and $ are its ends",
    ),
    ("position", "text, part", "where the part first stands in the text; the first is 0, and no row where it does not"),
    ("replace", "text, part, other", "the text with each such part replaced"),
    ("starts_with", "text, start", "holds where the text begins so"),
    ("substring", "text, start, length", "that many characters from a place on; the first is 0"),
    ("to_number", "text", "the number a text spells; no row where it spells none"),
    ("to_text", "value", "the value as a text"),
    ("trim", "text", "the text without white space at its ends"),
    ("upper", "text", "the text in capital letters"),
];

impl Function {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "lower" => Self::Lower,
            "upper" => Self::Upper,
            "concat" => Self::Concat,
            "length" => Self::Length,
            "substring" => Self::Substring,
            "replace" => Self::Replace,
            "trim" => Self::Trim,
            "directory" => Self::Directory,
            "position" => Self::Position,
            "to_number" => Self::ToNumber,
            "to_text" => Self::ToText,
            _ => return None,
        })
    }

    /// `None`: any number of anything.
    pub(super) fn takes(self) -> Option<&'static [Takes]> {
        Some(match self {
            Self::Concat => return None,
            Self::Lower | Self::Upper | Self::Length | Self::Trim | Self::Directory | Self::ToNumber => &[Takes::Text],
            Self::Position => &[Takes::Text, Takes::Text],
            Self::Substring => &[Takes::Text, Takes::Number, Takes::Number],
            Self::Replace => &[Takes::Text, Takes::Text, Takes::Text],
            Self::ToText => &[Takes::Anything],
        })
    }

    pub(super) fn gives(self) -> Type {
        match self {
            Self::Length | Self::Position => Type::Int,
            Self::ToNumber => Type::Decimal,
            _ => Type::Text,
        }
    }

    /// `None` where there is no such value.
    pub(super) fn apply(self, args: &[Constant]) -> Option<Constant> {
        let text = |at: usize| match args.get(at) {
            Some(Constant::Text(text)) => Some(text),
            _ => None,
        };
        let count = |at: usize| match args.get(at) {
            Some(Constant::Int(number)) => usize::try_from(*number).ok(),
            _ => None,
        };
        Some(match self {
            Self::Lower => Constant::text(&text(0)?.to_lowercase()),
            Self::Upper => Constant::text(&text(0)?.to_uppercase()),
            Self::Length => Constant::Int(i64::try_from(text(0)?.chars().count()).ok()?),
            Self::Trim => Constant::text(text(0)?.trim()),
            Self::Directory => Constant::text(text(0)?.rsplit_once('/').map_or("", |(before, _)| before)),
            Self::Position => {
                let (whole, part) = (text(0)?, text(1)?);
                let before = whole.get(..whole.find(&**part)?)?;
                Constant::Int(i64::try_from(before.chars().count()).ok()?)
            }
            Self::ToNumber => Constant::number(text(0)?.trim())?,
            Self::ToText => Constant::text(&args.first()?.to_string()),
            Self::Concat => bounded(args.iter().map(ToString::to_string).collect())?,
            Self::Substring => {
                let part: String = text(0)?.chars().skip(count(1)?).take(count(2)?).collect();
                Constant::text(&part)
            }
            Self::Replace => {
                let (whole, part, other) = (text(0)?, text(1)?, text(2)?);
                if part.is_empty() {
                    return Some(Constant::Text(whole.clone()));
                }
                let found = whole.matches(&**part).count();
                if found.saturating_mul(other.len()) > MAX_TEXT {
                    return None;
                }
                bounded(whole.replace(&**part, other))?
            }
        })
    }
}

/// Bytes of a text that a program may build; a longer one is no value.
const MAX_TEXT: usize = 1 << 20;

fn bounded(text: String) -> Option<Constant> {
    (text.len() <= MAX_TEXT).then(|| Constant::text(&text))
}

impl Test {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "starts_with" => Self::StartsWith,
            "ends_with" => Self::EndsWith,
            "contains" => Self::Contains,
            "matches" => Self::Matches,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::StartsWith => "starts_with",
            Self::EndsWith => "ends_with",
            Self::Contains => "contains",
            Self::Matches => "matches",
        }
    }

    pub(super) fn holds(self, text: &str, part: &str, regex: Option<&Regex>) -> bool {
        match self {
            Self::StartsWith => text.starts_with(part),
            Self::EndsWith => text.ends_with(part),
            Self::Contains => text.contains(part),
            Self::Matches => regex.is_some_and(|regex| regex.is_match(text)),
        }
    }
}

/// Why an operation has no result: a division by nought has none, an overflow is an error.
pub(super) fn calculate(operator: Operator, left: &Constant, right: &Constant) -> Result<Option<Constant>, Overflow> {
    let (Some(left), Some(right)) = (left.as_decimal(), right.as_decimal()) else { return Ok(None) };
    let result = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide | Operator::Modulo if right == Decimal::ZERO => return Ok(None),
        Operator::Divide => left.checked_div(right),
        Operator::Modulo => left.checked_rem(right),
    };
    result.map(|number| Some(Constant::decimal(number))).ok_or(Overflow)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overflow;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Constant {
        Constant::text(text)
    }

    #[test]
    fn functions_count_characters_and_not_bytes() {
        assert_eq!(Function::Length.apply(&[text("größe")]), Some(Constant::Int(5)));
        let args = [text("größe"), Constant::Int(2), Constant::Int(2)];
        assert_eq!(Function::Substring.apply(&args), Some(text("öß")));
        let args = [text("ab"), Constant::Int(5), Constant::Int(2)];
        assert_eq!(Function::Substring.apply(&args), Some(text("")));
    }

    #[test]
    fn parts_of_paths_and_texts() {
        assert_eq!(Function::Directory.apply(&[text("models/größe/a.sql")]), Some(text("models/größe")));
        assert_eq!(Function::Directory.apply(&[text("a.sql")]), Some(text("")));
        assert_eq!(Function::Position.apply(&[text("größe"), text("ß")]), Some(Constant::Int(3)));
        assert_eq!(Function::Position.apply(&[text("größe"), text("x")]), None);
        assert_eq!(Function::Trim.apply(&[text(" a b\n")]), Some(text("a b")));
    }

    #[test]
    fn numbers_are_exact() {
        let number = |spelled| Constant::number(spelled).unwrap();
        let add = |left, right| calculate(Operator::Add, &number(left), &number(right));
        assert_eq!(add("0.1", "0.2"), Ok(Some(number("0.3"))));
        assert_eq!(add("9223372036854775807", "1"), Ok(Some(number("9223372036854775808"))));
        assert_eq!(calculate(Operator::Divide, &number("7"), &number("2")), Ok(Some(number("3.5"))));
        assert_eq!(calculate(Operator::Divide, &number("7"), &number("0")), Ok(None));
        assert_eq!(
            calculate(Operator::Multiply, &number("79228162514264337593543950"), &number("79228162514264337593543950")),
            Err(Overflow)
        );
    }

    #[test]
    fn what_has_no_value_gives_none() {
        assert_eq!(Function::ToNumber.apply(&[text("12 m")]), None);
        assert_eq!(Function::ToNumber.apply(&[text(" 12.50 ")]), Constant::number("12.5"));
        let long = "x".repeat(1000);
        assert_eq!(Function::Replace.apply(&[text(&long), text("x"), text(&"y".repeat(2000))]), None);
    }
}
