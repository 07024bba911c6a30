//! Cuts SQL, or a template of it, into tokens. What dialects disagree about is decided by what stands
//! around it where the dialect is not known, and what makes no sense becomes punctuation.

use super::dialect::Dialect;
use super::keyword::{Keyword, keyword};
use crate::jinja::tags::{Tag, TagKind, tags};
use crate::span::Span;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Word,
    /// `"name"` or a name in backticks.
    Quoted,
    Text,
    /// A number that is a value; one that is an index (`t.2`) is `Punctuation`.
    Number,
    Open(u8),
    Close(u8),
    Comma,
    Dot,
    Star,
    Colon,
    Semicolon,
    Minus,
    Punctuation,
    /// `{{ … }}`, or a block whose text the template captures instead of printing it.
    Jinja,
    /// `{% … %}`: prints nothing itself.
    Block(Block),
}

/// What a statement tag does to the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// `if`, `for`: what follows has alternatives.
    Branches,
    /// `elif`, `else`.
    Alternative,
    /// `endif`, `endfor`.
    EndBranches,
    /// `set` without a value, `macro`, `call`: what follows is not printed here.
    Capture,
    EndCapture,
    Plain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub(crate) keyword: Keyword,
    pub start: u32,
    pub end: u32,
}

impl Token {
    pub fn span(self) -> Span {
        Span { start: self.start, end: self.end }
    }

    pub fn is_name(self) -> bool {
        matches!(self.kind, Kind::Word | Kind::Quoted)
    }

    pub fn is_block(self) -> bool {
        matches!(self.kind, Kind::Block(_))
    }
}

#[derive(Debug, Default)]
pub struct Tokens {
    pub tokens: Vec<Token>,
    pub comments: Vec<Span>,
    /// Numbers, also those in captured blocks.
    pub numbers: Vec<Span>,
    /// There are alternatives.
    pub branches: bool,
}

pub fn tokens(text: &str) -> Tokens {
    tokens_of(text, Dialect::Unknown)
}

pub fn tokens_of(text: &str, dialect: Dialect) -> Tokens {
    if u32::try_from(text.len()).is_err() {
        return Tokens::default();
    }
    let tags = tags(text).tags;
    let mut lexer = Lexer {
        text,
        dialect,
        bytes: text.as_bytes(),
        tags: &tags,
        next_tag: 0,
        found: Tokens { tokens: Vec::with_capacity(text.len() / 5), ..Tokens::default() },
        captures: Vec::new(),
        unclosed: [false; 256],
        misses: 0,
        no_nesting: false,
    };
    lexer.run();
    lexer.found
}

/// How far ahead a quote is looked for, to tell a closing quote from an escaped one.
const LOOKAHEAD: usize = 400;

/// How long a name in square brackets can be.
const MAX_BRACKETED: usize = 200;
/// How often the end of a string is looked for in vain.
const MAX_MISSES: u8 = 16;

/// How a string ends.
enum Prefix {
    /// By three quotes.
    Triple,
    /// By this character and a quote.
    Delimited(u8),
    /// By a quote that no backslash escapes, where it is known whether one can.
    Escapes(Option<bool>),
}

struct Lexer<'text> {
    text: &'text str,
    dialect: Dialect,
    bytes: &'text [u8],
    tags: &'text [Tag],
    next_tag: usize,
    found: Tokens,
    /// Where in the tokens each open captured block began.
    captures: Vec<usize>,
    /// Quotes that are not closed before the end: later ones are not either, so that no text is
    /// searched twice.
    unclosed: [bool; 256],
    /// How many marks of strings were looked for in vain.
    misses: u8,
    /// Block comments do not balance when nested.
    no_nesting: bool,
}

impl Lexer<'_> {
    fn run(&mut self) {
        let mut at = if self.bytes.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        while let Some(&byte) = self.bytes.get(at) {
            at = match byte {
                b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => self.skip(at + 1, |byte| byte == b' '),
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | 0x80.. => self.word(at),
                b'0'..=b'9' => self.number(at),
                b',' => self.push(Kind::Comma, at, at + 1),
                b'.' => self.dot(at),
                b'(' => self.push(Kind::Open(byte), at, at + 1),
                b'[' => self.bracket(at),
                b')' => self.push(Kind::Close(b'('), at, at + 1),
                b']' => self.push(Kind::Close(b'['), at, at + 1),
                b'}' => self.push(Kind::Close(b'{'), at, at + 1),
                b'{' => match self.tag_at(at) {
                    Some(tag) => self.tag(tag),
                    None => self.push(Kind::Open(b'{'), at, at + 1),
                },
                b'*' => self.push(Kind::Star, at, at + 1),
                b':' => self.push(Kind::Colon, at, at + 1),
                b';' => self.push(Kind::Semicolon, at, at + 1),
                b'\'' | b'"' | b'`' => self.quoted(at, byte),
                b'-' if self.bytes.get(at + 1) == Some(&b'-') => self.line_comment(at),
                b'-' => self.push(Kind::Minus, at, at + 1),
                b'#' if self.is_hash_comment(at) => self.line_comment(at),
                b'/' if self.is_slash_comment(at) => self.line_comment(at),
                b'/' if self.bytes.get(at + 1) == Some(&b'*') => self.block_comment(at),
                _ => self.push(Kind::Punctuation, at, at + 1),
            };
        }
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) -> usize {
        self.push_as(kind, Keyword::None, start, end)
    }

    fn push_as(&mut self, kind: Kind, keyword: Keyword, start: usize, end: usize) -> usize {
        let span = Span::new(start, end);
        self.found.tokens.push(Token { kind, keyword, start: span.start, end: span.end });
        end
    }

    fn word(&mut self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        match rest {
            [0xc2, 0xa0, ..] => return at + 2,
            [0xef, 0xbb, 0xbf, ..] => return at + 3,
            [b'$', b'$', ..] => return self.dollar_quoted(at, 2),
            [b'$', b'a'..=b'z' | b'A'..=b'Z' | b'_', ..] => {
                let name = self.skip(at + 1, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
                if self.bytes.get(name) == Some(&b'$') {
                    return self.dollar_quoted(at, name + 1 - at);
                }
            }
            _ => {}
        }
        let mut length = 0;
        while let Some(&byte) = rest.get(length) {
            if !is_word(byte) || (byte >= 0x80 && starts_with_space(rest.get(length..).unwrap_or_default())) {
                break;
            }
            length += 1;
        }
        let keyword = keyword(rest.get(..length).unwrap_or_default());
        self.push_as(Kind::Word, keyword, at, at + length)
    }

    fn number(&mut self, at: usize) -> usize {
        let mut end = self.skip(at, |byte| byte.is_ascii_digit() || byte == b'_');
        let last = self.found.tokens.last().copied();
        let index = last.is_some_and(|last| last.kind == Kind::Dot && last.end as usize == at);
        if !index {
            if self.bytes.get(end) == Some(&b'.')
                && !self.bytes.get(end + 1).is_some_and(|byte| is_word(*byte) && !byte.is_ascii_digit())
            {
                end = self.skip(end + 1, |byte| byte.is_ascii_digit());
            }
            end = self.exponent(end);
        }
        // `2020_table` and `0xff` are one word each.
        let word_end = self.skip(end, is_word);
        let glued = last.is_some_and(|last| last.kind == Kind::Jinja && last.end as usize == at);
        let hex = self.bytes.get(at..at + 2).is_some_and(|start| matches!(start, b"0x" | b"0X"));
        if glued || (word_end > end && !hex) {
            return self.push(Kind::Word, at, word_end);
        }
        if index {
            return self.push(Kind::Punctuation, at, word_end);
        }
        self.found.numbers.push(Span::new(at, word_end));
        self.push(Kind::Number, at, word_end)
    }

    fn exponent(&self, at: usize) -> usize {
        if !matches!(self.bytes.get(at), Some(b'e' | b'E')) {
            return at;
        }
        let signed = usize::from(matches!(self.bytes.get(at + 1), Some(b'+' | b'-')));
        let end = self.skip(at + 1 + signed, |byte| byte.is_ascii_digit());
        if end > at + 1 + signed { end } else { at }
    }

    fn dot(&mut self, at: usize) -> usize {
        let qualifies = self.found.tokens.last().is_some_and(|last| {
            last.end as usize == at
                && matches!(last.kind, Kind::Word | Kind::Quoted | Kind::Jinja | Kind::Close(_) | Kind::Punctuation)
        });
        let digit = self.bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        if qualifies || !digit {
            return self.push(Kind::Dot, at, at + 1);
        }
        let end = self.exponent(self.skip(at + 1, |byte| byte.is_ascii_digit()));
        self.found.numbers.push(Span::new(at, end));
        self.push(Kind::Number, at, end)
    }

    fn skip(&self, from: usize, wanted: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        from + rest.iter().position(|byte| !wanted(*byte)).unwrap_or(rest.len())
    }

    fn tag_at(&mut self, at: usize) -> Option<Tag> {
        while self.tags.get(self.next_tag).is_some_and(|tag| (tag.span.start as usize) < at) {
            self.next_tag += 1;
        }
        self.tags.get(self.next_tag).copied().filter(|tag| tag.span.start as usize == at)
    }

    fn tag(&mut self, tag: Tag) -> usize {
        let (start, end) = (tag.span.start as usize, tag.span.end as usize);
        match tag.kind {
            TagKind::Comment => end,
            TagKind::Expression | TagKind::Raw => self.push(Kind::Jinja, start, end),
            TagKind::Statement => {
                match block(tag, self.text) {
                    Block::Capture => self.captures.push(self.found.tokens.len()),
                    Block::EndCapture => {
                        if let Some(begin) = self.captures.pop() {
                            self.found.tokens.truncate(begin);
                        }
                    }
                    block => {
                        self.found.branches |= block == Block::Alternative;
                        self.push(Kind::Block(block), start, end);
                    }
                }
                end
            }
        }
    }

    /// Behind a tag that stands in a string or comment. It still steers what is printed.
    fn inner_tag(&mut self, tag: Tag) -> usize {
        if tag.kind == TagKind::Statement {
            return self.tag(tag);
        }
        tag.span.end as usize
    }

    fn quoted(&mut self, at: usize, quote: u8) -> usize {
        let kind = if quote == b'\'' { Kind::Text } else { Kind::Quoted };
        let cursor = self.next_tag;
        let known = self.unclosed.get(quote as usize).copied().unwrap_or_default();
        let end = match self.prefix(at, quote) {
            _ if known => None,
            Prefix::Delimited(close) => self.find(at + 2, &[close, quote]).or_else(|| self.quoted_end(at, quote, None)),
            Prefix::Triple => self.triple_end(at, quote),
            Prefix::Escapes(escapes) => self.quoted_end(at, quote, escapes),
        };
        match end {
            Some(end) => self.push(kind, at, end),
            None => {
                self.next_tag = cursor;
                if let Some(unclosed) = self.unclosed.get_mut(quote as usize) {
                    *unclosed = true;
                }
                self.push(Kind::Punctuation, at, at + 1)
            }
        }
    }

    /// What the letters before a quote, and the quotes behind it, make of a string.
    fn prefix(&self, at: usize, quote: u8) -> Prefix {
        let last = self.found.tokens.last().filter(|last| last.end as usize == at && last.kind == Kind::Word);
        let word = last.map(|last| last.span().of(self.text)).unwrap_or_default();
        if self.dialect.has_triple_quotes() && self.bytes.get(at..at + 3) == Some(&[quote; 3]) {
            return Prefix::Triple;
        }
        match (word, self.bytes.get(at + 1)) {
            // Oracle's own quotes.
            ("q" | "Q" | "nq" | "NQ" | "nQ" | "Nq", Some(open)) if quote == b'\'' => Prefix::Delimited(match open {
                b'[' => b']',
                b'{' => b'}',
                b'(' => b')',
                b'<' => b'>',
                other => *other,
            }),
            ("e" | "E", _) if self.dialect.escapes_by_backslash() != Some(true) => Prefix::Escapes(Some(true)),
            ("r" | "R", _) if self.dialect == Dialect::Hive => Prefix::Escapes(Some(false)),
            _ => Prefix::Escapes(self.dialect.escapes_by_backslash()),
        }
    }

    /// Behind the next place of a mark. Few are looked for in vain, so that it stays linear.
    fn find(&mut self, from: usize, mark: &[u8]) -> Option<usize> {
        if self.misses >= MAX_MISSES {
            return None;
        }
        let rest = self.bytes.get(from..)?;
        let found = rest.windows(mark.len()).position(|found| found == mark);
        self.misses += u8::from(found.is_none());
        Some(from + found? + mark.len())
    }

    fn triple_end(&self, start: usize, quote: u8) -> Option<usize> {
        let mut at = start + 3;
        loop {
            match self.bytes.get(at..)? {
                [b'\\', ..] => at += 2,
                [a, b, c, ..] if [*a, *b, *c] == [quote; 3] => return Some(at + 3),
                [] => return None,
                _ => at += 1,
            }
        }
    }

    /// `escapes` says whether a backslash does, where that is known.
    fn quoted_end(&mut self, start: usize, quote: u8, escapes: Option<bool>) -> Option<usize> {
        let mut at = start + 1;
        loop {
            let byte = *self.bytes.get(at)?;
            at += match byte {
                b'\\' if quote != b'`' => match (self.bytes.get(at + 1), escapes) {
                    (_, Some(escapes)) => 1 + usize::from(escapes),
                    (Some(next), None) if *next == quote && !self.escapes(start, at, quote) => 1,
                    _ => 2,
                },
                b'{' => match self.tag_at(at) {
                    Some(tag) => tag.span.end as usize - at,
                    None => 1,
                },
                _ if byte == quote => {
                    if self.bytes.get(at + 1) != Some(&quote) {
                        return Some(at + 1);
                    }
                    2
                }
                _ => 1,
            };
        }
    }

    /// Whether the backslash at `at` escapes the quote behind it. Half of the dialects say yes,
    /// half say no: a lone backslash in quotes (`split(path, '\')`) and one whose quote is the
    /// last of its line are plain backslashes.
    fn escapes(&self, start: usize, at: usize, quote: u8) -> bool {
        let rest = self.bytes.get(at + 2..).unwrap_or_default();
        if at == start + 1 && rest.first().is_none_or(|next| b" \t\r\n,);]".contains(next)) {
            return false;
        }
        rest.iter().take(LOOKAHEAD).take_while(|byte| **byte != b'\n').any(|byte| *byte == quote)
    }

    /// `$$…$$` and `$name$…$name$`, whose opening mark is so long.
    fn dollar_quoted(&mut self, at: usize, length: usize) -> usize {
        let bytes = self.bytes;
        match self.find(at + length, bytes.get(at..at + length).unwrap_or_default()) {
            Some(end) => self.push(Kind::Text, at, end),
            None => self.push(Kind::Punctuation, at, at + length),
        }
    }

    /// A name in square brackets, as `[db].[orders]`, or an opening bracket.
    fn bracket(&mut self, at: usize) -> usize {
        let rest = self.bytes.get(at + 1..).unwrap_or_default();
        let inside = rest.iter().take(MAX_BRACKETED).position(|byte| b"]['\"`,(){}\n".contains(byte));
        let close = inside.filter(|length| *length > 0 && rest.get(*length) == Some(&b']'));
        let Some(end) = close.map(|length| at + length + 2) else { return self.push(Kind::Open(b'['), at, at + 1) };
        let begins_name = self.found.tokens.last().is_some_and(|last| match last.keyword {
            Keyword::From | Keyword::Join | Keyword::With => true,
            _ => last.kind == Kind::Dot && last.end as usize == at,
        });
        if self.dialect == Dialect::TSql || begins_name || self.names_cte(end) {
            return self.push(Kind::Quoted, at, end);
        }
        self.push(Kind::Open(b'['), at, at + 1)
    }

    /// Whether `as (` comes next.
    fn names_cte(&self, at: usize) -> bool {
        let space = |at: usize| self.skip(at, |byte| byte.is_ascii_whitespace());
        let word = space(at);
        let is_as = self.bytes.get(word..word + 2).is_some_and(|word| word.eq_ignore_ascii_case(b"as"));
        is_as && word > at && self.bytes.get(space(word + 2)) == Some(&b'(')
    }

    fn line_comment(&mut self, start: usize) -> usize {
        let mut at = start + 1;
        while let Some(&byte) = self.bytes.get(at) {
            at = match byte {
                b'\n' => break,
                b'{' => match self.tag_at(at) {
                    Some(tag) => self.inner_tag(tag),
                    None => at + 1,
                },
                _ => at + 1,
            };
        }
        let end = if at > start && self.bytes.get(at - 1) == Some(&b'\r') { at - 1 } else { at };
        self.found.comments.push(Span::new(start, end));
        at
    }

    /// BigQuery and MySQL take `#` for a comment, others for an operator, which begins no line and
    /// follows no comma and no opening bracket.
    fn is_hash_comment(&self, at: usize) -> bool {
        if self.dialect.has_hash_comments() {
            return true;
        }
        let follows = self.bytes.get(at + 1).is_none_or(|next| b" \t\r\n#".contains(next));
        let mut before = self.bytes.get(..at).unwrap_or_default().iter().rev();
        follows && before.find(|byte| !b" \t".contains(byte)).is_none_or(|byte| b"\n,(".contains(byte))
    }

    /// Snowflake takes `//` for a comment, others for a division, which begins no line.
    fn is_slash_comment(&self, at: usize) -> bool {
        let mut before = self.bytes.get(..at).unwrap_or_default().iter().rev();
        self.bytes.get(at + 1) == Some(&b'/')
            && (self.dialect.has_slash_comments()
                || before.find(|byte| !b" \t".contains(byte)).is_none_or(|byte| *byte == b'\n'))
    }

    /// Some dialects nest block comments and others do not: they nest here where that balances.
    fn block_comment(&mut self, start: usize) -> usize {
        let mut at = start + 2;
        let mut depth = 1_usize;
        let mut first = None;
        while depth > 0 {
            at += match self.bytes.get(at..) {
                Some([b'*', b'/', ..]) => {
                    depth -= 1;
                    first = first.or(Some(at + 2));
                    if self.no_nesting {
                        depth = 0;
                    }
                    2
                }
                Some([b'/', b'*', ..]) => {
                    depth += 1;
                    2
                }
                Some([_, ..]) => 1,
                Some([]) | None => break,
            };
        }
        let end = if depth == 0 {
            at
        } else {
            self.no_nesting = true;
            first.unwrap_or(self.bytes.len())
        };
        // Leaves the tags before the comment behind, so that none is visited twice.
        self.tag_at(start);
        let inner = self.tags.get(self.next_tag..).unwrap_or_default();
        let steering: Vec<Tag> = inner.iter().take_while(|tag| (tag.span.end as usize) <= end).copied().collect();
        for tag in steering {
            self.inner_tag(tag);
        }
        self.found.comments.push(Span::new(start, end));
        end
    }
}

fn block(tag: Tag, text: &str) -> Block {
    match tag.word(text) {
        "if" | "for" => Block::Branches,
        "elif" | "else" => Block::Alternative,
        "endif" | "endfor" => Block::EndBranches,
        "set" if !tag.inner.of(text).contains('=') => Block::Capture,
        "macro" | "call" => Block::Capture,
        "endset" | "endmacro" | "endcall" => Block::EndCapture,
        _ => Block::Plain,
    }
}

/// Which bytes go on with a name.
const WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80;
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

fn is_word(byte: u8) -> bool {
    WORD[byte as usize]
}

/// A no-break space, or a byte order mark that came along from a pasted file.
fn starts_with_space(bytes: &[u8]) -> bool {
    matches!(bytes, [0xc2, 0xa0, ..] | [0xef, 0xbb, 0xbf, ..])
}

#[cfg(test)]
mod tests;
