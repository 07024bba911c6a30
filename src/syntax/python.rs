//! Python, by ruff's parser. What is deeper than CPython's own limits is refused before it is parsed, so
//! that a tree of any file can be walked and dropped on the stack.

use super::span::{Span, SyntaxError};
use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{ModModule, PySourceType, PythonVersion};
use ruff_python_parser::{Mode, ParseErrorType, ParseOptions, lexer, parse_unchecked, parse_unchecked_source};
use ruff_text_size::{Ranged, TextRange};

const BYTE_ORDER_MARK: char = '\u{feff}';
/// The newest Python that dbt runs on: what older ones lack is taken for right, as nobody knows which runs.
const NEWEST: PythonVersion = PythonVersion::PY314;
/// Brackets within brackets: CPython's own limit.
const MAX_BRACKETS: usize = 200;
/// Blocks within blocks: CPython's own limit.
const MAX_BLOCKS: usize = 100;
/// Operators, calls and members on top of each other. dbt walks the tree with some 480 levels at most.
const MAX_CHAIN: usize = 1000;

/// A file's tree. Its offsets are those of the text without its leading blanks: `base` has to be added.
#[derive(Debug)]
pub struct Parsed {
    pub module: ModModule,
    /// The first thing that is not Python.
    pub error: Option<SyntaxError>,
    base: usize,
}

impl Parsed {
    /// Where a part of the tree stands in the file.
    pub fn span(&self, part: &impl Ranged) -> Span {
        span(self.base, part.range())
    }
}

fn span(base: usize, range: TextRange) -> Span {
    Span::new(base + range.start().to_usize(), base + range.end().to_usize())
}

/// Parses a file as dbt gives it to Python: without blanks around it.
pub fn parse(text: &str) -> Parsed {
    let mut code = text.trim_start();
    let mut error = None;
    if let Some(rest) = code.strip_prefix(BYTE_ORDER_MARK) {
        let start = text.len() - code.len();
        let span = Span::new(start, start + BYTE_ORDER_MARK.len_utf8());
        error = Some(refused(
            span,
            "a byte order mark, which Python takes for an invalid character",
            "Save the file as UTF-8 without it.",
        ));
        code = rest;
    }
    let base = text.len() - code.len();
    code = code.trim_end();
    if let Some(at) = code.find('\0') {
        error.get_or_insert_with(|| refused(Span::new(base + at, base + at + 1), "a null character", "Remove it."));
    }
    let shallow = shallow_part(code);
    let parsed = parse_unchecked(shallow, ParseOptions::from(Mode::Module).with_target_version(NEWEST));
    let broken = parsed.errors().iter().filter(|error| stops_python(&error.error, shallow, error.location));
    let broken = broken.map(|error| (error.location, error.error.to_string()));
    // What is newer than any Python that dbt runs on.
    let unknown = parsed.unsupported_syntax_errors().iter().map(|error| (error.range, error.to_string()));
    let first = broken.chain(unknown).min_by_key(|(range, _)| range.start());
    if let Some((range, what)) = first.filter(|_| error.is_none()) {
        error = Some(refused(span(base, range), &lowered(&what), "Fix the Python; dbt stops here."));
    }
    if shallow.len() < code.len() {
        let rest = &code[shallow.len()..];
        let at = base + shallow.len() + (rest.len() - rest.trim_start().len());
        error.get_or_insert_with(|| refused(Span::at(at), "nested too deeply", "Split it into several statements."));
    }
    let parsed = parsed.try_into_module().unwrap_or_else(|| parse_unchecked_source("", PySourceType::Python));
    Parsed { module: parsed.into_syntax(), error, base }
}

fn refused(span: Span, what: &str, remedy: &str) -> SyntaxError {
    SyntaxError::new(span, format!("Python: {what}"), remedy)
}

/// Whether Python's parser refuses it too. dbt does not see what only Python's compiler refuses: `x = *a`, but
/// not `x = (*a)`.
fn stops_python(error: &ParseErrorType, code: &str, range: TextRange) -> bool {
    let stands_alone = || {
        let before = code.get(..range.start().to_usize()).unwrap_or_default().trim_end_matches([' ', '\t']);
        before.is_empty() || before.ends_with(['\n', ';', ':', '='])
    };
    !matches!(error, ParseErrorType::InvalidStarredExpressionUsage) || !stands_alone()
}

fn lowered(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// The lines before the first that makes the tree too deep: mostly all.
fn shallow_part(code: &str) -> &str {
    if !is_too_deep(code) {
        return code;
    }
    let ends: Vec<usize> = code.match_indices('\n').map(|(at, _)| at + 1).collect();
    let kept = ends.partition_point(|end| !is_too_deep(&code[..*end]));
    kept.checked_sub(1).and_then(|last| code.get(..*ends.get(last)?)).unwrap_or_default()
}

/// Whether a tree would be too deep, judged by tokens: what can stand on top of each other is counted from
/// one comma, or line, to the next, together with what it stands in.
fn is_too_deep(code: &str) -> bool {
    /// A pair of brackets, or a statement.
    #[derive(Default)]
    struct Level {
        chain: usize,
        /// Lambdas whose parameters are being listed: their commas separate nothing else.
        lambdas: usize,
    }
    let mut levels = vec![Level::default()];
    let mut chained = 0;
    let mut blocks = 0usize;
    let mut tokens = lexer::lex(code, Mode::Module);
    loop {
        let kind = tokens.next_token();
        let is_bracketed = levels.len() > 1;
        let Some(level) = levels.last_mut() else { return false };
        match kind {
            TokenKind::EndOfFile => return false,
            TokenKind::Indent => blocks += 1,
            TokenKind::Dedent => blocks = blocks.saturating_sub(1),
            TokenKind::Newline => {
                levels = vec![Level::default()];
                chained = 0;
            }
            TokenKind::Comma | TokenKind::Semi if level.lambdas == 0 => {
                chained -= level.chain;
                level.chain = 0;
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace if is_bracketed => {
                chained -= level.chain;
                levels.pop();
            }
            _ if stacks(kind) => {
                level.chain += 1;
                chained += 1;
                match kind {
                    TokenKind::Lambda => level.lambdas += 1,
                    TokenKind::Colon => level.lambdas = level.lambdas.saturating_sub(1),
                    TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => levels.push(Level::default()),
                    _ => {}
                }
            }
            _ => {}
        }
        if levels.len() > MAX_BRACKETS || blocks > MAX_BLOCKS || chained > MAX_CHAIN {
            return true;
        }
    }
}

/// Whether a token puts one expression or statement into another.
fn stacks(kind: TokenKind) -> bool {
    kind.is_operator() || matches!(kind, TokenKind::Lambda | TokenKind::Else | TokenKind::Await | TokenKind::Yield)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> Option<String> {
        parse(text).error.map(|error| format!("{} {}", error.span.start, error.message))
    }

    #[test]
    fn what_python_parses_is_no_error_though_its_compiler_may_refuse_it() {
        let fine = [
            "",
            "\n  x = 1\n",
            "return 2",
            "def f(a, a): pass",
            "f(a=1, a=2)",
            "await x",
            "break",
            "x = *a",
            "f\"{x['a']}\"",
            "f\"{x[\"a\"]}\"",
            "match x:\n    case [1, *_] | {'a': b, **c}: pass",
            "type X = int",
            "def f[T](x: T) -> T: ...",
            "class A:\n    yield 1",
            "__debug__ = 1",
            "nonlocal x",
            "x = 1\r\ny = 2",
            "def f():\n    from x import *",
            "global x; x = 1",
            "*a, *b = c",
            "with (a as b, c): pass",
            "print(x, end='')",
            "try: pass\nexcept* E: pass",
            "lambda: (yield)",
            "x = [a for a in b if c if d]",
            "del x, (y, [z])",
        ];
        for text in fine {
            assert_eq!(error(text), None, "{text}");
        }
    }

    #[test]
    fn the_first_thing_that_is_not_python_is_the_error() {
        assert_eq!(error("def f(x)\n    y = (1\n").as_deref(), Some("8 Python: expected `:`, found newline"));
        for text in [
            "print 'a'",
            "x = 012",
            "x = '\\x4'",
            "del f()",
            "f() = 1",
            "x := 1",
            "\u{feff}x = 1",
            "# \0\nx",
            "x = 'a",
            "x = (*a)",
            "[*y for y in z]",
        ] {
            assert!(error(text).is_some(), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_long_lists_are_not() {
        let lists = format!("x = [{}]", "-1, a.b, f(x), {'k': lambda x, y: 1}, ".repeat(20_000));
        assert_eq!(error(&lists), None);
        let lines = "x = a.b + c(d)\n".repeat(20_000);
        assert_eq!(error(&lines), None);
        for part in [
            "(",
            "[",
            "-",
            "not ",
            "a.",
            "f()",
            "lambda a, b: ",
            "1 + ",
            "a if b else ",
            "f'{",
            "if a: ",
            "(def",
            "await ",
        ] {
            assert!(error(&format!("y = 1\nx = {}\n", part.repeat(100_000))).is_some(), "{part}");
            let before = parse(&format!("y = 1\nx = {}\n", part.repeat(100_000)));
            assert_eq!(before.module.body.len(), 1, "{part}");
        }
        assert_eq!(error(&format!("x = {}1{}", "(".repeat(150), ")".repeat(150))), None);
        assert_eq!(error(&format!("x = 1{}", " + 1".repeat(400))), None);
    }

    #[test]
    fn offsets_are_those_of_the_file() {
        let text = "\n\n  x = abc\n";
        let parsed = parse(text);
        assert_eq!(parsed.span(&parsed.module.body[0]).of(text), "x = abc");
    }
}
