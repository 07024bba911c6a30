//! Words of a program with their places. Never fails: what is no word is reported and passed over.

use super::diagnostic::{Diagnostic, Span};
use super::value::Constant;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A lower-case word: a variable, a relation, a function.
    Word(String),
    Upper(String),
    Any,
    Text(String),
    Number(Constant),
    /// `@name`
    Node(String),
    /// `$name`
    Parameter(String),
    /// `.decl`
    Declare,
    /// All else: `:-`, `?-`, `!=`, `(` and so on.
    Sign(&'static str),
    End,
}

#[derive(Debug, Clone)]
pub(super) struct Lexeme {
    pub token: Token,
    pub span: Span,
    /// Comment lines right before it.
    pub doc: String,
}

const SIGNS: [&str; 27] = [
    ":-", "?-", "!=", "<=", ">=", "==", "<>", "(", ")", "{", "}", ",", ".", ";", ":", "=", "<", ">", "!", "+", "-",
    "*", "/", "%", "[", "]", "|",
];

pub(super) fn lex(text: &str) -> (Vec<Lexeme>, Vec<Diagnostic>) {
    let mut lexer = Lexer { text, at: 0, out: Vec::new(), errors: Vec::new(), doc: String::new() };
    while lexer.at < text.len() {
        lexer.next();
    }
    let end = Span::new(text.len(), text.len());
    lexer.push(Token::End, end);
    (lexer.out, lexer.errors)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    out: Vec<Lexeme>,
    errors: Vec<Diagnostic>,
    doc: String,
}

impl Lexer<'_> {
    fn push(&mut self, token: Token, span: Span) {
        let doc = std::mem::take(&mut self.doc);
        self.out.push(Lexeme { token, span, doc });
    }

    fn error(&mut self, span: Span, message: impl Into<String>, remedy: &str) {
        self.errors.push(Diagnostic::error(span, message, remedy));
    }

    fn while_true(&self, from: usize, keep: impl Fn(char) -> bool) -> usize {
        let rest = &self.text[from..];
        from + rest.find(|letter| !keep(letter)).unwrap_or(rest.len())
    }

    fn next(&mut self) {
        let start = self.at;
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else { return };
        if first.is_whitespace() || first == '\u{feff}' {
            let end = self.while_true(start, |x| x.is_whitespace() || x == '\u{feff}');
            if self.text[start..end].matches('\n').count() > 1 {
                // A comment that stands apart belongs to nothing.
                self.doc.clear();
            }
            self.at = end;
        } else if rest.starts_with("//") {
            let end = start + rest.find('\n').unwrap_or(rest.len());
            let line = self.text[start..end].trim_start_matches('/').trim();
            if !self.doc.is_empty() {
                self.doc.push('\n');
            }
            self.doc.push_str(line);
            self.at = end;
        } else if rest.starts_with("/*") {
            match rest.find("*/") {
                Some(end) => self.at = start + end + 2,
                None => {
                    self.error(Span::new(start, start + 2), "this comment is never closed.", "Close it with */.");
                    self.at = self.text.len();
                }
            }
        } else if first == '"' || first == '\'' {
            self.string(first);
        } else if first.is_ascii_digit() {
            self.number();
        } else if first == '@' {
            self.node();
        } else if first == '$' {
            let end = self.while_true(start + 1, is_word);
            self.at = end.max(start + 1);
            if end == start + 1 {
                self.error(Span::new(start, end), "a parameter has a name.", "Write it as $name.");
            } else {
                self.push(Token::Parameter(self.text[start + 1..end].to_owned()), Span::new(start, end));
            }
        } else if first.is_alphabetic() || first == '_' {
            self.word();
        } else if rest.starts_with(".decl") {
            self.at = start + 5;
            self.push(Token::Declare, Span::new(start, self.at));
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            self.at = start + sign.len();
            let sign = match *sign {
                "==" => "=",
                "<>" => "!=",
                other => other,
            };
            self.push(Token::Sign(sign), Span::new(start, self.at));
        } else {
            self.at = start + first.len_utf8();
            self.error(
                Span::new(start, self.at),
                format!("'{first}' means nothing here."),
                "Remove it, or put texts into double quotes.",
            );
        }
    }

    fn string(&mut self, quote: char) {
        let start = self.at;
        let mut value = String::new();
        let mut letters = self.text[start + 1..].char_indices();
        while let Some((at, letter)) = letters.next() {
            let here = start + 1 + at;
            if letter == quote {
                self.at = here + 1;
                self.push(Token::Text(value), Span::new(start, self.at));
                return;
            }
            if letter == '\n' {
                break;
            }
            if letter != '\\' {
                value.push(letter);
                continue;
            }
            match letters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, same @ ('\\' | '"' | '\''))) => value.push(same),
                // Regular expressions are full of other backslashes.
                Some((_, other)) => value.extend(['\\', other]),
                None => {}
            }
        }
        let end = start + self.text[start..].find('\n').unwrap_or(self.text.len() - start);
        let remedy = format!("Close it with {quote} on the same line.");
        self.error(Span::new(start, end), "this text is never closed.", &remedy);
        self.at = end;
        self.push(Token::Text(value), Span::new(start, end));
    }

    fn number(&mut self) {
        let start = self.at;
        let mut end = self.while_true(start, |x| x.is_ascii_digit() || x == '_');
        // `ref(a, 1).` ends a clause: a point counts only before a digit.
        let rest = &self.text[end..];
        if rest.starts_with('.') && rest[1..].starts_with(|x: char| x.is_ascii_digit()) {
            end = self.while_true(end + 1, |x| x.is_ascii_digit() || x == '_');
        }
        self.at = end;
        let spelled = self.text[start..end].replace('_', "");
        let span = Span::new(start, end);
        match Constant::number(&spelled) {
            Some(number) => self.push(Token::Number(number), span),
            None => {
                self.error(span, "this number is too long.", "Numbers have at most 28 digits.");
                self.push(Token::Number(Constant::Int(0)), span);
            }
        }
    }

    fn node(&mut self) {
        let start = self.at;
        let rest = &self.text[start + 1..];
        if let Some(quoted) = rest.strip_prefix('"')
            && let Some(length) = quoted.find(['"', '\n'])
            && quoted[length..].starts_with('"')
        {
            self.at = start + length + 3;
            let name = quoted[..length].to_owned();
            self.push(Token::Node(name), Span::new(start, self.at));
            return;
        }
        // Names hold dots; one at the end closes the clause.
        let end = self.while_true(start + 1, |x| is_word(x) || x == '.' || x == '-');
        let name = self.text[start + 1..end].trim_end_matches(['.', '-']);
        self.at = start + 1 + name.len();
        let span = Span::new(start, self.at);
        if name.is_empty() {
            self.error(span, "a node has a name.", "Write it as @name, or @\"a name with blanks\".");
        } else {
            self.push(Token::Node(name.to_owned()), span);
        }
    }

    fn word(&mut self) {
        let start = self.at;
        let mut end = self.while_true(start, is_word);
        if self.text[end..].starts_with("::") {
            let more = self.while_true(end + 2, is_word);
            if more > end + 2 {
                end = more;
            }
        }
        self.at = end;
        let word = &self.text[start..end];
        let token = match word {
            "_" => Token::Any,
            _ if word.starts_with(char::is_uppercase) => Token::Upper(word.to_owned()),
            _ => Token::Word(word.to_owned()),
        };
        self.push(token, Span::new(start, end));
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}
