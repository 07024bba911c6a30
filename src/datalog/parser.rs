//! From words to clauses. After an error it goes on behind the next full stop, so that one run tells
//! all that is wrong.

use super::ast::{
    AggregateKind, Args, Atom, Clause, Compare, Declaration, Expr, ExprKind, Literal, Named, Operator, Program,
    Question,
};
use super::diagnostic::{Diagnostic, Span};
use super::lexer::{Lexeme, Token, lex};
use super::value::Constant;

/// How deep parentheses and braces may nest.
const MAX_DEPTH: u32 = 100;
/// Bytes of a program, and words of one clause's body: more is no question of a person.
const MAX_BYTES: usize = 1 << 20;
const MAX_LITERALS: usize = 500;

type Parsed<T> = Result<T, Diagnostic>;

pub(super) fn parse(text: &str) -> (Program, Vec<Diagnostic>) {
    if text.len() > MAX_BYTES {
        let error = Diagnostic::error(Span::default(), "the program is longer than 1 MB.", "Write a shorter one.");
        return (Program::default(), vec![error]);
    }
    let (words, errors) = lex(text);
    let mut parser = Parser { words, at: 0, depth: 0, literals: 0, errors };
    let mut program = Program::default();
    if parser.is_bare_body() {
        parser.bare(&mut program);
    } else {
        while *parser.token() != Token::End {
            parser.literals = 0;
            parser.depth = 0;
            let start = parser.span();
            if let Err(error) = parser.item(&mut program) {
                parser.tell(start, error);
                parser.skip();
            }
        }
    }
    parser.errors.sort_by_key(|error| error.span.start);
    (program, parser.errors)
}

struct Parser {
    words: Vec<Lexeme>,
    at: usize,
    depth: u32,
    literals: usize,
    errors: Vec<Diagnostic>,
}

impl Parser {
    fn token(&self) -> &Token {
        self.ahead(0)
    }

    fn ahead(&self, by: usize) -> &Token {
        let last = self.words.len() - 1;
        &self.words[(self.at + by).min(last)].token
    }

    fn span(&self) -> Span {
        self.words[self.at.min(self.words.len() - 1)].span
    }

    fn before(&self) -> Span {
        self.words[self.at.saturating_sub(1).min(self.words.len() - 1)].span
    }

    fn advance(&mut self) {
        self.at = (self.at + 1).min(self.words.len() - 1);
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.token(), Token::Sign(other) if *other == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, sign: &'static str, remedy: &str) -> Parsed<()> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected(&format!("'{sign}'"), remedy)) }
    }

    fn unexpected(&self, wanted: &str, remedy: &str) -> Diagnostic {
        let found = match self.token() {
            Token::End => "the end".to_owned(),
            Token::Sign(sign) => format!("'{sign}'"),
            Token::Word(word) | Token::Upper(word) => format!("'{word}'"),
            Token::Any => "'_'".to_owned(),
            Token::Text(_) => "a text".to_owned(),
            Token::Number(number) => number.to_string(),
            Token::Node(name) => format!("'@{name}'"),
            Token::Parameter(name) => format!("'${name}'"),
            Token::Declare => "'.decl'".to_owned(),
        };
        // Whoever writes these words knows them from elsewhere.
        let word = |token: &Token| matches!(token, Token::Word(word) if matches!(word.as_str(), "and" | "or" | "not"));
        let before = &self.words[self.at.saturating_sub(1).min(self.words.len() - 1)].token;
        let remedy =
            if word(self.token()) || word(before) { "Write ',' for and, ';' for or, '!' for not." } else { remedy };
        Diagnostic::error(self.span(), format!("expected {wanted}, found {found}."), remedy)
    }

    /// A clause goes on where it should have ended: what is missing is missing behind its last word.
    fn unended(&self, wanted: &str, remedy: &str) -> Diagnostic {
        let begins_another = *self.token() == Token::End
            || matches!(self.token(), Token::Sign("?-") | Token::Declare)
            || matches!((self.token(), self.ahead(1)), (Token::Word(_), Token::Sign("(")));
        let is_word = |word: &str| matches!(self.token(), Token::Word(other) if other == word);
        if !begins_another || is_word("and") || is_word("or") || is_word("not") {
            return self.unexpected(wanted, remedy);
        }
        let end = self.before().end as usize;
        let remedy = "Each clause ends with a full stop; its parts have commas between them.";
        Diagnostic::error(Span::new(end, end), "a full stop is missing here.", remedy)
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(Diagnostic::error(self.span(), "nested too deep.", "Write rules of their own for the parts."));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// A question without `?-` and full stop.
    fn is_bare_body(&self) -> bool {
        let mut signs = self.words.iter().enumerate();
        let marks = |token: &Token| matches!(token, Token::Sign(":-" | "?-") | Token::Declare);
        if signs.any(|(_, word)| marks(&word.token)) {
            return false;
        }
        let stops = self.words.iter().filter(|word| word.token == Token::Sign(".")).count();
        let last = self.words.len().checked_sub(2).map(|at| &self.words[at].token);
        stops == 0 || (stops == 1 && last == Some(&Token::Sign(".")) && self.holds_more_than_a_fact())
    }

    /// `a(x), b(x).` is a question that was closed; `a("x").` may be a fact.
    fn holds_more_than_a_fact(&self) -> bool {
        let mut depth = 0;
        self.words.iter().any(|word| {
            match word.token {
                Token::Sign("(" | "{") => depth += 1,
                Token::Sign(")" | "}") => depth -= 1,
                Token::Sign("," | ";" | "=" | "!=" | "<" | ">" | "<=" | ">=" | "!") if depth == 0 => return true,
                _ => {}
            }
            matches!(word.token, Token::Word(_)) && depth > 0
        })
    }

    /// What is no word explains what is missing behind it.
    fn tell(&mut self, start: Span, error: Diagnostic) {
        let is_between = |other: &Diagnostic| (start.start..=error.span.start).contains(&other.span.start);
        if !self.errors.iter().any(is_between) {
            self.errors.push(error);
        }
    }

    /// Goes on behind the next full stop, or where a question or a declaration begins.
    fn skip(&mut self) {
        let start = self.at;
        while !matches!(self.token(), Token::End | Token::Sign(".")) {
            if self.at > start && matches!(self.token(), Token::Sign("?-") | Token::Declare) {
                return;
            }
            self.advance();
        }
        self.advance();
    }

    fn bare(&mut self, program: &mut Program) {
        let start = self.span();
        if *self.token() == Token::End {
            self.errors.push(Diagnostic::error(start, "there is no question.", r#"Ask one, as layer(m, "marts")."#));
            return;
        }
        let body = self.body();
        self.take(".");
        match body {
            Ok(body) if *self.token() == Token::End => {
                program.questions.push(Question { body, span: start.to(self.before()) });
            }
            Ok(_) => {
                let remedy = match self.token() {
                    Token::Sign(")" | "}" | "]") => "Remove it: nothing is open that it could close.",
                    _ => "Put a comma between the parts of a question.",
                };
                let error = self.unexpected("',' or the end", remedy);
                self.tell(start, error);
            }
            Err(error) => self.tell(start, error),
        }
    }

    fn item(&mut self, program: &mut Program) -> Parsed<()> {
        const STOP: &str = "Each clause ends with a full stop.";
        let start = self.span();
        let doc = self.words[self.at].doc.clone();
        if *self.token() == Token::Declare {
            self.advance();
            program.declarations.push(self.declaration(doc)?);
            self.take(".");
            return Ok(());
        }
        if self.take("?-") {
            let body = self.body()?;
            // What stands last can be followed by nothing else.
            if !self.take(".") && *self.token() != Token::End {
                return Err(self.unended("',' or '.'", STOP));
            }
            program.questions.push(Question { body, span: start.to(self.before()) });
            return Ok(());
        }
        let head = self.atom("a relation's name")?;
        let body = if self.take(":-") { self.body()? } else { Vec::new() };
        if !self.is(".") {
            let wanted = if body.is_empty() { "':-' or '.'" } else { "',' or '.'" };
            return Err(self.unended(wanted, STOP));
        }
        self.advance();
        program.clauses.push(Clause { head, body, span: start.to(self.before()) });
        Ok(())
    }

    fn declaration(&mut self, doc: String) -> Parsed<Declaration> {
        const FORM: &str = "Write .decl name(column: type, other: type).";
        let name = self.word("a relation's name", FORM)?;
        self.expect("(", FORM)?;
        let mut columns = Vec::new();
        while !self.is(")") {
            let column = self.word("a column's name", FORM)?;
            self.expect(":", FORM)?;
            columns.push((column, self.word("a type", FORM)?));
            if !self.take(",") {
                break;
            }
        }
        self.expect(")", FORM)?;
        Ok(Declaration { name, columns, doc })
    }

    fn word(&mut self, wanted: &str, remedy: &str) -> Parsed<Named> {
        let span = self.span();
        match self.token() {
            Token::Word(word) => {
                let text = word.clone();
                self.advance();
                Ok(Named { text, span })
            }
            _ => Err(self.unexpected(wanted, remedy)),
        }
    }

    /// `a, b; c` is `(a, b); c`.
    fn body(&mut self) -> Parsed<Vec<Literal>> {
        let mut alternatives = vec![self.conjunction()?];
        while self.take(";") {
            alternatives.push(self.conjunction()?);
        }
        match <[Vec<Literal>; 1]>::try_from(alternatives) {
            Ok([only]) => Ok(only),
            Err(several) => Ok(vec![Literal::Or(several)]),
        }
    }

    fn conjunction(&mut self) -> Parsed<Vec<Literal>> {
        let mut all = vec![self.literal()?];
        while self.take(",") {
            all.push(self.literal()?);
        }
        Ok(all)
    }

    fn literal(&mut self) -> Parsed<Literal> {
        self.literals += 1;
        if self.literals > MAX_LITERALS {
            return Err(Diagnostic::error(self.span(), "this clause is too long.", "Split it into several rules."));
        }
        if self.take("!") {
            let atom = self.literal_after_not()?;
            return Ok(Literal::Atom { negated: true, atom });
        }
        if self.is("(") && !self.is_operator_after(0) {
            self.advance();
            let inner = self.deeper(Self::body)?;
            self.expect(")", "Close the parenthesis.")?;
            return Ok(Literal::Or(vec![inner]));
        }
        let is_call = matches!((self.token(), self.ahead(1)), (Token::Word(_), Token::Sign("(")));
        let is_aggregate = self.aggregate().is_some();
        if is_call && !is_aggregate && !self.is_operator_after(1) {
            return Ok(Literal::Atom { negated: false, atom: self.atom("a relation")? });
        }
        let left = self.expression()?;
        let op = match self.token() {
            Token::Sign("=") => Compare::Eq,
            Token::Sign("!=") => Compare::Ne,
            Token::Sign("<") => Compare::Lt,
            Token::Sign("<=") => Compare::Le,
            Token::Sign(">") => Compare::Gt,
            Token::Sign(">=") => Compare::Ge,
            _ => {
                let remedy = "A body is made of relation(arguments), !relation(arguments) and comparisons, with commas between them.";
                return Err(self.unexpected("a comparison", remedy));
            }
        };
        self.advance();
        let right = self.expression()?;
        let span = left.span.to(right.span);
        Ok(Literal::Compare { op, left, right, span })
    }

    fn literal_after_not(&mut self) -> Parsed<Atom> {
        if matches!((self.token(), self.ahead(1)), (Token::Word(_), Token::Sign("("))) {
            return self.atom("a relation");
        }
        Err(self.unexpected(
            "a relation behind '!'",
            "Only a relation or a test like contains(…) can be negated; write x != y for values.",
        ))
    }

    /// Whether an operator follows the parenthesis that opens `by` words ahead.
    fn is_operator_after(&self, by: usize) -> bool {
        let mut depth = 0usize;
        for at in self.at + by..self.words.len() {
            match self.words[at].token {
                Token::Sign("(" | "{") => depth += 1,
                Token::Sign(")" | "}") => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        let next = self.words.get(at + 1).map(|word| &word.token);
                        return matches!(
                            next,
                            Some(Token::Sign("=" | "!=" | "<" | "<=" | ">" | ">=" | "+" | "-" | "*" | "/" | "%"))
                        );
                    }
                }
                Token::Sign(":-" | "?-" | ".") | Token::End => return false,
                _ => {}
            }
        }
        false
    }

    fn atom(&mut self, wanted: &str) -> Parsed<Atom> {
        const FORM: &str = "Write relation(arguments); lower-case words are variables, texts are quoted.";
        let start = self.span();
        if let Token::Upper(word) = self.token() {
            return Err(capital(word, start));
        }
        let relation = self.word(wanted, FORM)?;
        self.expect("(", FORM)?;
        let by_name = matches!((self.token(), self.ahead(1), self.ahead(2)), (Token::Word(_), Token::Sign(":"), next) if *next != Token::Sign("{"));
        let mut named: Vec<(Named, Expr)> = Vec::new();
        let mut placed: Vec<Expr> = Vec::new();
        while !self.is(")") {
            let is_named = matches!((self.token(), self.ahead(1), self.ahead(2)), (Token::Word(_), Token::Sign(":"), next) if *next != Token::Sign("{"));
            let ends = matches!(self.token(), Token::End | Token::Sign(_)) && !self.is("-") && !self.is("(");
            if is_named != by_name && !ends && !(named.is_empty() && placed.is_empty()) {
                let message = "arguments are given by position and by name.";
                return Err(Diagnostic::error(self.span(), message, "Give all of them by name, or all by position."));
            }
            if by_name {
                let column = self.word("a column's name", "Give all arguments by name, or all by position.")?;
                self.expect(":", "Give all arguments by name, as name: value, or all by position.")?;
                named.push((column, self.deeper(Self::expression)?));
            } else {
                placed.push(self.deeper(Self::expression)?);
            }
            if !self.take(",") {
                break;
            }
        }
        self.expect(")", "Separate arguments by commas and close the parenthesis.")?;
        let args = if by_name { Args::ByName(named) } else { Args::ByPosition(placed) };
        Ok(Atom { relation, args, span: start.to(self.before()) })
    }

    fn expression(&mut self) -> Parsed<Expr> {
        let mut left = self.product()?;
        loop {
            let operator = match self.token() {
                Token::Sign("+") => Operator::Add,
                Token::Sign("-") => Operator::Subtract,
                _ => return Ok(left),
            };
            left = self.binary(operator, left, Self::product)?;
        }
    }

    fn product(&mut self) -> Parsed<Expr> {
        let mut left = self.primary()?;
        loop {
            let operator = match self.token() {
                Token::Sign("*") => Operator::Multiply,
                Token::Sign("/") => Operator::Divide,
                Token::Sign("%") => Operator::Modulo,
                _ => return Ok(left),
            };
            left = self.binary(operator, left, Self::primary)?;
        }
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: Expr,
        operand: impl FnOnce(&mut Self) -> Parsed<Expr>,
    ) -> Parsed<Expr> {
        self.literals += 1;
        if self.literals > MAX_LITERALS {
            return Err(Diagnostic::error(self.span(), "this clause is too long.", "Split it into several rules."));
        }
        self.advance();
        let right = operand(self)?;
        let span = left.span.to(right.span);
        Ok(Expr { kind: ExprKind::Binary(operator, Box::new(left), Box::new(right)), span })
    }

    /// Whether an aggregate begins here; `count` alone is a variable.
    fn aggregate(&self) -> Option<AggregateKind> {
        let Token::Word(word) = self.token() else { return None };
        let kind = AggregateKind::of(word)?;
        let begins_value = matches!(
            self.ahead(1),
            Token::Word(_) | Token::Number(_) | Token::Sign("(") | Token::Parameter(_) | Token::Any | Token::Text(_)
        );
        let begins = match kind {
            AggregateKind::Count => *self.ahead(1) == Token::Sign(":"),
            _ => begins_value || *self.ahead(1) == Token::Sign(":"),
        };
        begins.then_some(kind)
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let span = self.span();
        if let Some(kind) = self.aggregate() {
            return self.deeper(|parser| parser.aggregate_of(kind));
        }
        let kind = match self.token().clone() {
            Token::Word(word) if *self.ahead(1) == Token::Sign("(") => {
                self.advance();
                self.advance();
                let args = self.deeper(|parser| {
                    let mut args = Vec::new();
                    while !parser.is(")") {
                        args.push(parser.expression()?);
                        if !parser.take(",") {
                            break;
                        }
                    }
                    Ok(args)
                })?;
                self.expect(")", "Separate arguments by commas and close the parenthesis.")?;
                let kind = ExprKind::Call(Named { text: word, span }, args);
                return Ok(Expr { kind, span: span.to(self.before()) });
            }
            Token::Any => ExprKind::Any,
            Token::Text(text) => ExprKind::Constant(Constant::text(&text)),
            Token::Number(number) => ExprKind::Constant(number),
            Token::Node(name) => ExprKind::Node(name),
            Token::Parameter(name) => ExprKind::Parameter(name),
            Token::Sign("-") => {
                self.advance();
                let operand = self.deeper(Self::primary)?;
                let span = span.to(operand.span);
                if let ExprKind::Constant(number) = &operand.kind
                    && let Some(number) = number.as_decimal()
                {
                    return Ok(Expr { kind: ExprKind::Constant(Constant::decimal(-number)), span });
                }
                let zero = Expr { kind: ExprKind::Constant(Constant::Int(0)), span };
                let kind = ExprKind::Binary(Operator::Subtract, Box::new(zero), Box::new(operand));
                return Ok(Expr { kind, span });
            }
            Token::Sign("[") => {
                self.advance();
                let mut items = Vec::new();
                while !self.is("]") {
                    items.push(self.deeper(Self::expression)?);
                    if !self.take(",") {
                        break;
                    }
                }
                self.expect("]", "Separate the parts of a list by commas and close the bracket.")?;
                return Ok(Expr { kind: ExprKind::List(items), span: span.to(self.before()) });
            }
            Token::Sign("(") => {
                self.advance();
                let inner = self.deeper(Self::expression)?;
                self.expect(")", "Close the parenthesis.")?;
                return Ok(Expr { kind: inner.kind, span: span.to(self.before()) });
            }
            Token::Upper(word) if *self.ahead(1) == Token::Sign("(") => return Err(capital(&word, span)),
            Token::Word(word) if word == "count" && matches!(self.ahead(1), Token::Word(_)) => {
                let message = "'count' counts rows; it takes no value.";
                return Err(Diagnostic::error(span, message, "Write n = count : { ref(_, m) }."));
            }
            Token::Word(word) => ExprKind::Variable(word),
            Token::Upper(word) => {
                let remedy =
                    format!("Variables begin with a small letter: {}. Texts are quoted: \"{word}\".", lowered(&word));
                return Err(Diagnostic::error(span, format!("'{word}' is no variable and no text."), remedy));
            }
            _ => {
                let remedy =
                    "A value is a variable, a \"text\", a number, @node, $parameter, _ or an expression of these.";
                return Err(self.unexpected("a value", remedy));
            }
        };
        self.advance();
        Ok(Expr { kind, span })
    }

    fn aggregate_of(&mut self, kind: AggregateKind) -> Parsed<Expr> {
        const FORM: &str = "Write n = count : { ref(_, m) } or n = sum x : { size(m, x) }.";
        let start = self.span();
        self.advance();
        let value =
            if kind == AggregateKind::Count || self.is(":") { None } else { Some(Box::new(self.expression()?)) };
        if kind != AggregateKind::Count && value.is_none() {
            return Err(self.unexpected(&format!("the value to take the {} of", kind.name()), FORM));
        }
        self.expect(":", FORM)?;
        let body = if self.take("{") {
            let body = self.body()?;
            self.expect("}", "Close the brace behind the aggregate's body.")?;
            body
        } else {
            vec![Literal::Atom { negated: false, atom: self.atom("'{' or a relation")? }]
        };
        Ok(Expr { kind: ExprKind::Aggregate { kind, value, body }, span: start.to(self.before()) })
    }
}

fn capital(word: &str, span: Span) -> Diagnostic {
    let remedy = format!("Write it in small letters: {}.", lowered(word));
    Diagnostic::error(span, format!("'{word}' begins with a capital letter; names of relations do not."), remedy)
}

fn lowered(word: &str) -> String {
    word.to_lowercase()
}
