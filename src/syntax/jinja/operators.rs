//! Finds the arithmetic in a tag that may be done with dates, sets and lists, which minijinja cannot
//! add and subtract: `a + b - c`, `a * 2`. Each row of operators of one rank becomes one call, so a
//! long chain nests no deeper than before.

use super::tokens::{Token, TokenKind};

/// A row of more operators is left to minijinja, whose calls take so many arguments.
const MAX_OPERATORS: usize = 200;

/// What to write beside the tokens of a tag, by their indices; empty where a tag has no arithmetic.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// How many rows begin with a token, and how many end with it.
    edges: Vec<(u16, u16)>,
    operators: Vec<usize>,
}

impl Rows {
    pub(super) fn opened_at(&self, index: usize) -> u16 {
        self.edges.get(index).map_or(0, |(opened, _)| *opened)
    }

    pub(super) fn closed_at(&self, index: usize) -> u16 {
        self.edges.get(index).map_or(0, |(_, closed)| *closed)
    }

    pub(super) fn has_operator(&self, index: usize) -> bool {
        self.operators.binary_search(&index).is_ok()
    }
}

#[derive(Debug)]
struct Row {
    start: usize,
    operators: Vec<usize>,
}

/// What stands between two brackets.
#[derive(Debug, Default)]
struct Level {
    /// Where the operand of a sum and of a product begins.
    term: usize,
    factor: usize,
    sum: Option<Row>,
    product: Option<Row>,
}

impl Level {
    fn at(start: usize) -> Self {
        Self { term: start, factor: start, ..Self::default() }
    }
}

/// `first_is_word`: the tag is a statement, whose first token is its name.
pub(super) fn rows(text: &str, list: &[Token], first_is_word: bool) -> Rows {
    let mut found = Rows::default();
    let is_arithmetic =
        |token: &Token| token.kind == TokenKind::Operator && matches!(token.of(text), "+" | "-" | "*" | "/" | "//");
    if !list.iter().any(is_arithmetic) {
        return found;
    }
    found.edges = vec![(0, 0); list.len()];
    let mut levels = vec![Level::at(0)];
    let mut ends_operand = false;
    for (index, token) in list.iter().enumerate() {
        if token.kind == TokenKind::OddSpace {
            continue;
        }
        let shown = token.of(text);
        let before = index.checked_sub(1).and_then(|at| list.get(at)).map_or("", |token| token.of(text));
        let Some(level) = levels.last_mut() else { break };
        let was_operand = std::mem::replace(&mut ends_operand, true);
        match (token.kind, shown) {
            (TokenKind::Name, _) => {
                let attribute = matches!(before, "." | "|");
                let tested =
                    matches!(before, "is") || before == "not" && index >= 2 && list[index - 2].of(text) == "is";
                let keyword = matches!(shown, "and" | "or" | "not" | "in" | "if" | "else" | "elif" | "recursive");
                if !attribute && (keyword && !tested || index == 0 && first_is_word) {
                    found.end(text, list, level, index);
                    *level = Level::at(index + 1);
                    ends_operand = false;
                }
            }
            (TokenKind::Operator, "(" | "[" | "{") => {
                levels.push(Level::at(index + 1));
                ends_operand = false;
            }
            (TokenKind::Operator, ")" | "]" | "}") => {
                found.end(text, list, level, index);
                levels.pop();
                if levels.is_empty() {
                    return Rows::default();
                }
            }
            (TokenKind::Operator, "+" | "-") if was_operand => {
                found.product(text, list, level, index);
                let start = level.term;
                level.sum.get_or_insert_with(|| Row { start, operators: Vec::new() }).operators.push(index);
                level.factor = index + 1;
                ends_operand = false;
            }
            (TokenKind::Operator, "*" | "/" | "//" | "%") if was_operand => {
                let start = level.factor;
                level.product.get_or_insert_with(|| Row { start, operators: Vec::new() }).operators.push(index);
                ends_operand = false;
            }
            (TokenKind::Operator, "~") => {
                found.product(text, list, level, index);
                level.factor = index + 1;
                ends_operand = false;
            }
            // A sign belongs to its operand; attributes, filters and powers bind tighter than all else.
            (TokenKind::Operator, "+" | "-" | "." | "|") => ends_operand = false,
            (TokenKind::Operator, "**") if was_operand => ends_operand = false,
            (TokenKind::Operator, _) => {
                found.end(text, list, level, index);
                *level = Level::at(index + 1);
                ends_operand = false;
            }
            _ => {}
        }
    }
    match levels.as_mut_slice() {
        [level] => found.end(text, list, level, list.len()),
        // Brackets that are not closed: the parser says so.
        _ => return Rows::default(),
    }
    found.operators.sort_unstable();
    found
}

impl Rows {
    /// Ends the sum and the product before a token.
    fn end(&mut self, text: &str, list: &[Token], level: &mut Level, end: usize) {
        self.product(text, list, level, end);
        if let Some(row) = level.sum.take() {
            self.add(text, list, &row, end);
        }
    }

    fn product(&mut self, text: &str, list: &[Token], level: &mut Level, end: usize) {
        let Some(row) = level.product.take() else { return };
        // A remainder, or Python's formatting, is nothing that dates know.
        if !row.operators.iter().any(|at| list[*at].of(text) == "%") {
            self.add(text, list, &row, end);
        }
    }

    /// Notes a row, unless each operation has a text or a number written out on one side: nothing but
    /// texts and numbers can be added to those.
    fn add(&mut self, text: &str, list: &[Token], row: &Row, end: usize) {
        let mut bounds = vec![row.start];
        for operator in &row.operators {
            bounds.extend([*operator, operator + 1]);
        }
        bounds.push(end);
        let operands: Vec<&[Token]> =
            bounds.chunks(2).map(|pair| list.get(pair[0]..pair[1]).unwrap_or_default()).collect();
        let literal = |operand: &[Token]| match operand {
            [token] => match token.kind {
                TokenKind::Text => Some(true),
                TokenKind::Integer | TokenKind::Number => Some(false),
                _ => None,
            },
            _ => None,
        };
        let scales = row.operators.first().is_some_and(|at| !matches!(list[*at].of(text), "+" | "-"));
        let worthwhile = operands.windows(2).any(|pair| match (literal(pair[0]), literal(pair[1])) {
            (None, None) => true,
            (None, Some(is_text)) | (Some(is_text), None) => scales && !is_text,
            (Some(_), Some(_)) => false,
        });
        let whole = operands.iter().all(|operand| !operand.is_empty());
        if !worthwhile || !whole || row.operators.len() > MAX_OPERATORS {
            return;
        }
        self.operators.extend(&row.operators);
        self.edges[row.start].0 += 1;
        self.edges[end - 1].1 += 1;
    }
}

#[cfg(test)]
mod tests {
    use crate::jinja::rewrite::{Scope, rewrite};
    use crate::span::Span;

    fn rewritten(expression: &str) -> String {
        let text = format!("{{{{ {expression} }}}}");
        let out = rewrite(&text, Span::new(0, text.len()), Scope::Open).text;
        out[3..out.len() - 3].to_owned()
    }

    #[test]
    fn a_row_of_one_rank_is_one_call() {
        assert_eq!(rewritten("a + b - c"), "__math(a ,\"+\", b ,\"-\", c)");
        assert_eq!(rewritten("a + b * c"), "__math(a ,\"+\", __math(b ,\"*\", c))");
        assert_eq!(rewritten("a ~ b + c ~ d"), "__math(a ~ b ,\"+\", c ~ d)");
        assert_eq!(rewritten("a * 2 ~ b"), "__math(a ,\"*\", 2) ~ b");
        assert_eq!(rewritten("(a - b).days"), "(__math(a ,\"-\", b)).days");
        assert_eq!(
            rewritten("a - b < c if d else e + f"),
            "__math(a ,\"-\", b) |__look < c if d else __math(e ,\"+\", f)"
        );
    }

    #[test]
    fn texts_and_numbers_that_are_written_out_are_left_alone() {
        for text in ["a + 1", "1 + a - 2", "'x' + a + 'y'", "2 * 3", "a % b * c", "f(*a, **b)", "-1", "a ** b"] {
            assert_eq!(rewritten(text).replace("__call(3,\"f\",f)", "f"), text);
        }
        assert_eq!(rewritten("a + -1"), "__math(a ,\"+\", -1)");
    }

    #[test]
    fn a_sign_is_a_call_where_it_stands_before_a_name() {
        assert_eq!(rewritten("-a.b(1)"), "__negative(__space(4,\"a\",a).b(1))");
        assert_eq!(rewritten("b - -a"), "__math(b ,\"-\", __negative(a))");
        assert_eq!(rewritten("'%d' % -a"), "'%d' |__format( __negative(a))");
    }

    #[test]
    fn what_is_broken_is_left_to_the_parser() {
        for text in ["a +", "(a + )", "a + , b", "a * / b"] {
            assert_eq!(rewritten(text), text);
        }
    }
}
