//! One walk over the tokens with a stack of open brackets.

mod from;

use super::branch::unread;
use super::dialect::Dialect;
use super::factor::scale;
use super::frame::{Frame, Level, Phase, Query, Role, With};
use super::item::{item, modifiers, unquoted};
use super::keys::keys;
use super::keyword::Keyword;
use super::tables::{Names, Tables};
use super::token::{Block, Kind, Token, Tokens, tokens_of};
use super::{Cte, FromName, Item, Literal, Scan, Select, TableName};
use crate::span::Span;
use std::ops::Range;
use std::sync::Arc;

pub fn scan(text: &str) -> Scan {
    scan_of(text, Dialect::Unknown)
}

pub fn scan_of(text: &str, dialect: Dialect) -> Scan {
    let found = tokens_of(text, dialect);
    let mut walk = Walk {
        text,
        tokens: &found.tokens,
        frames: vec![Frame::new(0, Level::File, Role::Plain)],
        round: 0,
        previous: None,
        with: None,
        ctes: Vec::new(),
        inner_ctes: Vec::new(),
        tables: Tables::default(),
        branches: Vec::new(),
    };
    let unread = if found.branches { unread(&found.tokens) } else { Vec::new() };
    let mut unread = unread.iter();
    let mut skipped = unread.next();
    let mut at = 0;
    while at < found.tokens.len() {
        while skipped.is_some_and(|range| range.end <= at) {
            skipped = unread.next();
        }
        at = match skipped {
            Some(range) if range.contains(&at) => range.end,
            _ => walk.step(at),
        };
    }
    let (with, ctes, inner_ctes, final_select, tables) = walk.finish();
    let literals = literals(text, &found);
    let keys = keys(text, &found.tokens);
    Scan { ctes, inner_ctes, final_select, with, literals, comments: found.comments, tables, keys }
}

/// The numbers; those in captured blocks, which are no tokens, scale nothing.
fn literals(text: &str, found: &Tokens) -> Vec<Literal> {
    let mut tokens = found.tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Number).peekable();
    let literal = |span: &Span| {
        while tokens.next_if(|(_, token)| token.start < span.start).is_some() {}
        let token = tokens.next_if(|(_, token)| token.start == span.start);
        let scale = token.and_then(|(at, _)| scale(text, &found.tokens, at));
        Literal { span: *span, text: Arc::from(span.of(text)), scale }
    };
    found.numbers.iter().map(literal).collect()
}

struct Walk<'text> {
    text: &'text str,
    tokens: &'text [Token],
    /// Never empty: the first is the file.
    frames: Vec<Frame>,
    /// How many of the frames are round brackets.
    round: usize,
    /// The last token that prints something.
    previous: Option<Token>,
    with: Option<Span>,
    ctes: Vec<Cte>,
    inner_ctes: Vec<Span>,
    tables: Tables,
    /// What was being read where each open `if` began, if it was what comes before a select.
    branches: Vec<Option<Before>>,
}

/// A frame that has not come to its select.
struct Before {
    frames: usize,
    with: With,
    with_keyword: usize,
    name: (usize, usize),
    previous: Option<Token>,
}

type Findings = (Option<Span>, Vec<Cte>, Vec<Arc<str>>, Option<Select>, Vec<TableName>);

impl Walk<'_> {
    /// Reads the token at `at`; returns the place of the next one.
    fn step(&mut self, at: usize) -> usize {
        let Some(&token) = self.tokens.get(at) else { return at + 1 };
        let next = match token.kind {
            Kind::Block(block) => {
                self.branch(block);
                return at + 1;
            }
            Kind::Open(bracket) => {
                self.open(at, bracket);
                at + 1
            }
            Kind::Close(bracket) => {
                self.close(at, bracket);
                at + 1
            }
            _ => self.plain(at, token),
        };
        self.previous = self.tokens.get(next - 1).copied();
        next
    }

    /// Each alternative begins with what was there before the first.
    fn branch(&mut self, block: Block) {
        match block {
            Block::Branches => {
                let frame = self.frames.last().filter(|frame| frame.phase == Phase::Start);
                self.branches.push(frame.map(|frame| Before {
                    frames: self.frames.len(),
                    with: frame.with,
                    with_keyword: frame.with_keyword,
                    name: frame.name,
                    previous: self.previous,
                }));
            }
            Block::Alternative => {
                let Some(Some(before)) = self.branches.last() else { return };
                if before.frames == self.frames.len()
                    && let Some(frame) = self.frames.last_mut()
                {
                    frame.phase = Phase::Start;
                    (frame.with, frame.with_keyword, frame.name) = (before.with, before.with_keyword, before.name);
                    (frame.expects_table, frame.in_from, frame.expects_alias) = (false, false, false);
                    self.previous = before.previous;
                }
            }
            Block::EndBranches => drop(self.branches.pop()),
            _ => {}
        }
    }

    fn open(&mut self, at: usize, bracket: u8) {
        let first = self.ctes.len();
        let Some(frame) = self.frames.last_mut() else { return };
        let mut child = Frame::new(at, Level::Inner, Role::Plain);
        child.bracket = bracket;
        if frame.phase == Phase::Start && bracket == b'(' {
            match frame.with {
                With::Body if frame.level == Level::File => {
                    child = Frame::new(at, Level::Cte, Role::Body(first));
                    let span = name_span(self.tokens, frame.name);
                    self.ctes.push(Cte {
                        name: Arc::from(unquoted(span.of(self.text))),
                        name_span: span,
                        body: Span::at(0),
                        select: None,
                    });
                    if self.with.is_none() {
                        let keyword = self.tokens.get(frame.with_keyword);
                        self.with = keyword.filter(|token| token.keyword == Keyword::With).map(|token| token.span());
                    }
                    frame.with = With::Comma;
                }
                With::Body => {
                    self.inner_ctes.push(name_span(self.tokens, frame.name));
                    frame.with = With::Comma;
                }
                With::Absent | With::Comma if frame.level != Level::Inner => {
                    child = Frame::new(at, frame.level, Role::Group);
                    frame.phase = Phase::Rest;
                }
                _ => {}
            }
        } else if frame.phase != Phase::Start && (frame.expects_table || frame.expects_alias) {
            // A subquery, tables joined in brackets, or a table function's arguments.
            child.phase = if frame.expects_table { Phase::From } else { Phase::Start };
            child.expects_table = frame.expects_table;
            child.in_from = frame.expects_table;
            frame.expects_table = false;
            frame.first_table = false;
            frame.expects_alias = true;
        }
        self.round += usize::from(bracket == b'(');
        self.frames.push(child);
    }

    fn close(&mut self, at: usize, bracket: u8) {
        let top = self.frames.last().map(|frame| frame.bracket);
        if self.frames.len() < 2 {
            return;
        }
        if top == Some(bracket) {
            self.pop(at);
        } else if bracket == b'(' && self.round > 0 {
            // Brackets of other kinds that were never closed end here, too.
            while self.frames.len() > 1 {
                let round = self.frames.last().is_some_and(|frame| frame.bracket == b'(');
                self.pop(at);
                if round {
                    break;
                }
            }
        }
    }

    /// Ends the innermost bracket before the token at `end`.
    fn pop(&mut self, end: usize) {
        let Some(mut frame) = self.frames.pop() else { return };
        self.round -= usize::from(frame.bracket == b'(');
        let select = self.end_query(&mut frame, end);
        match frame.role {
            Role::Body(place) => {
                let body =
                    Span { start: self.tokens.get(frame.open).map_or(0, |token| token.end), end: self.offset(end) };
                if let Some(cte) = self.ctes.get_mut(place) {
                    cte.body = body;
                    cte.select = select;
                }
            }
            Role::Group => {
                let Some(query) = self.frames.last_mut().and_then(|frame| frame.query.as_mut()) else {
                    return;
                };
                if let Some(select) = select {
                    query.rest = select.clean_end.then_some(end + 1);
                    query.select = Some(select);
                }
            }
            Role::Plain => {}
        }
    }

    fn offset(&self, token: usize) -> u32 {
        let end = || Span::at(self.text.len()).start;
        self.tokens.get(token).map_or_else(end, |token| token.start)
    }

    fn plain(&mut self, at: usize, token: Token) -> usize {
        let guarded = self.previous.is_some_and(|previous| {
            let part = matches!(previous.kind, Kind::Dot | Kind::Colon);
            previous.keyword == Keyword::As || (part && previous.end == token.start)
        });
        let keyword = if guarded { Keyword::None } else { token.keyword };
        if keyword == Keyword::Select {
            self.begin_select(at);
            return at + 1;
        }
        let Some(frame) = self.frames.last() else { return at + 1 };
        match frame.phase {
            Phase::Start if keyword == Keyword::From && self.is_from_first(at) => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.phase = Phase::From;
                    (frame.expects_table, frame.in_from, frame.first_table) = (true, true, false);
                }
                at + 1
            }
            Phase::Start => {
                self.before_select(at, token, keyword);
                at + 1
            }
            Phase::List => self.in_list(at, token, keyword),
            Phase::From | Phase::Rest => self.behind_list(at, token, keyword),
        }
    }

    fn begin_select(&mut self, at: usize) {
        self.end_list(at);
        let tokens = self.tokens;
        let Some(frame) = self.frames.last_mut() else { return };
        frame.phase = Phase::List;
        frame.with = With::Absent;
        (frame.expects_table, frame.in_from, frame.expects_alias) = (false, false, false);
        let Some(query) = frame.query.as_mut() else { return };
        **query = Query {
            select: tokens.get(at).map(|token| Select {
                span: token.span(),
                items: Vec::new(),
                from: None,
                alone: false,
                clean_end: false,
            }),
            item_from: at + 1,
            rest: None,
            named: None,
        };
    }

    /// Reads what may be a list of CTEs.
    fn before_select(&mut self, at: usize, token: Token, keyword: Keyword) {
        let glued = self.previous.is_some_and(|previous| previous.end == token.start);
        let Some(frame) = self.frames.last_mut() else { return };
        let name = token.is_name() || token.kind == Kind::Jinja;
        match (frame.with, token.kind) {
            (With::Absent | With::Name | With::Comma | With::Skip, _) if keyword == Keyword::With => {
                if matches!(frame.with, With::Absent | With::Skip) {
                    frame.with_keyword = at;
                }
                frame.with = With::Name;
            }
            // Behind `union`.
            (With::Absent, _) if matches!(keyword, Keyword::All | Keyword::Distinct) => {}
            // Text before the first name, or a `with` that Jinja prints.
            (With::Absent, Kind::Word | Kind::Quoted) if frame.level == Level::File => {
                frame.with_keyword = at;
                (frame.name, frame.with) = ((at, at), With::As);
            }
            (With::Absent, Kind::Jinja) => {}
            (With::Absent, _) => frame.with = With::Skip,
            (With::Name, _) if name => (frame.name, frame.with) = ((at, at), With::As),
            (With::As, _) if name && glued => frame.name.1 = at,
            (With::As, _) if keyword == Keyword::As => frame.with = With::Body,
            // Jinja that printed nothing of the name, or `recursive`.
            (With::As, _)
                if name
                    && self.previous.is_some_and(|previous| {
                        previous.kind == Kind::Jinja || previous.keyword == Keyword::Recursive
                    }) =>
            {
                frame.name = (at, at);
            }
            (With::Name | With::As | With::Comma | With::Skip, Kind::Comma) => {
                frame.with = With::Name;
            }
            // `as materialized (` and `as not materialized (`.
            (With::Body, Kind::Word | Kind::Jinja) | (With::Comma, Kind::Jinja) => {}
            (With::Comma, _) if token.is_name() && keyword == Keyword::None => {
                (frame.name, frame.with) = ((at, at), With::As);
            }
            (_, Kind::Semicolon) => frame.with = With::Absent,
            _ => frame.with = With::Skip,
        }
    }

    fn in_list(&mut self, at: usize, token: Token, keyword: Keyword) -> usize {
        let after_comma =
            self.previous.is_none_or(|previous| previous.kind == Kind::Comma || previous.keyword == Keyword::Select);
        let after_is_distinct = || {
            let mut back = self.tokens.get(..at).unwrap_or_default().iter().rev();
            back.next().is_some_and(|token| token.keyword == Keyword::Distinct)
                && back.next().is_some_and(|token| matches!(token.keyword, Keyword::Is | Keyword::Operator))
        };
        let next = self.tokens.get(at + 1);
        let ends = match keyword {
            Keyword::From => !after_is_distinct() && !self.is_from_end(at),
            Keyword::SetOperator => !after_comma && self.previous.is_some_and(|previous| previous.kind != Kind::Star),
            Keyword::Clause => !after_comma,
            Keyword::Grouping => !after_comma && next.is_some_and(|next| next.keyword == Keyword::By),
            Keyword::Limit => !after_comma && next.is_some_and(|next| matches!(next.kind, Kind::Number | Kind::Jinja)),
            _ => token.kind == Kind::Semicolon,
        };
        if ends {
            self.end_list(at);
            let Some(frame) = self.frames.last_mut() else { return at + 1 };
            if keyword == Keyword::From {
                frame.phase = Phase::From;
                (frame.expects_table, frame.in_from, frame.first_table) = (true, true, true);
                return at + 1;
            }
            frame.phase = Phase::Rest;
            return self.behind_list(at, token, keyword);
        }
        if token.kind == Kind::Comma {
            self.end_item(at);
        }
        at + 1
    }

    fn behind_list(&mut self, at: usize, token: Token, keyword: Keyword) -> usize {
        let array = self.previous.is_some_and(|previous| previous.keyword == Keyword::Array);
        let token_at = |at: usize| self.tokens.get(at).copied();
        let expects_table = self.frames.last().is_some_and(|frame| frame.expects_table);
        if expects_table && token.kind == Kind::Word && self.is_before_table(at) {
            // `from rows from (f(x))`, `from only t`.
            return at + 1;
        }
        let begins_cte = token_at(at + 2).is_some_and(|token| token.keyword == Keyword::As)
            && token_at(at + 3).is_some_and(|token| token.kind == Kind::Open(b'('));
        let Some(frame) = self.frames.last_mut() else { return at + 1 };
        match keyword {
            Keyword::Join => {
                // ClickHouse's `array join` reads columns.
                (frame.expects_table, frame.in_from) = (!array, !array);
                (frame.first_table, frame.expects_alias) = (false, false);
                return at + 1;
            }
            Keyword::With if frame.expects_table || begins_cte => {
                // A subquery that begins with CTEs, or another alternative of the whole query.
                frame.with = With::Absent;
                frame.phase = Phase::Start;
                (frame.expects_table, frame.in_from) = (false, false);
                self.before_select(at, token, keyword);
                return at + 1;
            }
            Keyword::SetOperator => {
                (frame.phase, frame.with) = (Phase::Start, With::Absent);
                (frame.expects_table, frame.in_from, frame.expects_alias) = (false, false, false);
                return at + 1;
            }
            Keyword::Clause | Keyword::Grouping | Keyword::Limit | Keyword::Tail | Keyword::By => {
                (frame.expects_table, frame.in_from, frame.expects_alias) = (false, false, false);
                return at + 1;
            }
            Keyword::From => {
                // Only behind an alternative's list is there a second `from`.
                let again = frame.phase == Phase::From && !frame.expects_table;
                if again && !self.previous.is_some_and(|p| p.keyword == Keyword::Distinct) {
                    (frame.expects_table, frame.in_from) = (true, true);
                }
                return at + 1;
            }
            Keyword::View | Keyword::Values => {
                // Hive's `lateral view f(x) t as a, b` names columns, and `values` lists rows.
                (frame.in_from, frame.expects_table) = (false, false);
                return at + 1;
            }
            Keyword::NoTable | Keyword::Lateral if frame.expects_table => {
                let table = keyword == Keyword::Lateral;
                (frame.expects_table, frame.expects_alias) = (table, !table);
                frame.first_table = false;
                return at + 1;
            }
            Keyword::On | Keyword::Other => {
                frame.expects_alias = false;
                return at + 1;
            }
            _ => {}
        }
        match token.kind {
            Kind::Comma if frame.in_from => {
                (frame.expects_table, frame.first_table, frame.expects_alias) = (true, false, false);
            }
            Kind::Semicolon => {
                frame.with = With::Absent;
                (frame.expects_table, frame.in_from, frame.expects_alias) = (false, false, false);
            }
            Kind::Jinja if frame.expects_table => {
                (frame.expects_table, frame.first_table, frame.expects_alias) = (false, false, true);
                self.tables.print(token.span());
            }
            Kind::Word | Kind::Quoted if frame.expects_table => return self.table(at),
            Kind::Word | Kind::Quoted if frame.expects_alias => {
                if token.keyword != Keyword::As {
                    frame.expects_alias = false;
                    self.tables.alias(token.span());
                }
            }
            Kind::Dot if frame.expects_alias => {}
            _ => (frame.expects_table, frame.expects_alias) = (false, false),
        }
        at + 1
    }

    /// Reads a table's name, part by part.
    fn table(&mut self, at: usize) -> usize {
        let get = |at: usize| self.tokens.get(at).copied();
        let Some(first) = get(at) else { return at + 1 };
        let mut last = first;
        let mut end = at + 1;
        let mut parts = 1;
        let holds_jinja = |token: Token| {
            let tag = || token.span().of(self.text).contains("{{");
            token.kind == Kind::Jinja || (token.kind == Kind::Quoted && tag())
        };
        let mut jinja = holds_jinja(first);
        while let Some(token) = get(end) {
            let glued = token.start == last.end;
            let part = match token.kind {
                Kind::Dot => true,
                Kind::Jinja => glued || last.kind == Kind::Dot,
                Kind::Word | Kind::Quoted => glued || last.kind == Kind::Dot,
                // BigQuery's projects may be called `my-project` without quotes.
                Kind::Minus => glued && get(end + 1).is_some_and(|next| next.start == token.end),
                // BigQuery's wildcard: `events_*`.
                Kind::Star => glued,
                Kind::Number | Kind::Punctuation => glued && last.kind != Kind::Word,
                _ => false,
            };
            if !part {
                break;
            }
            jinja |= holds_jinja(token);
            parts += usize::from(token.kind == Kind::Dot);
            last = token;
            end += 1;
        }
        let Some(frame) = self.frames.last_mut() else { return end };
        let first_table = frame.first_table;
        (frame.expects_table, frame.expects_alias, frame.first_table) = (false, true, false);
        let function = self.tokens.get(end).is_some_and(|next| next.kind == Kind::Open(b'('));
        if jinja || function || first.keyword != Keyword::None {
            return end;
        }
        let span = Span { start: first.start, end: last.end };
        if first_table && let Some(query) = frame.query.as_mut() {
            let written = span.of(self.text);
            let name = Arc::from(if parts == 1 { unquoted(written) } else { written });
            if let Some(select) = query.select.as_mut() {
                select.from = Some(FromName { span, name });
            }
            query.rest = Some(end);
            query.named = Some(end);
        }
        self.tables.name(span);
        end
    }

    fn end_item(&mut self, end: usize) {
        let (text, tokens) = (self.text, self.tokens);
        let Some(query) = self.frames.last_mut().and_then(|frame| frame.query.as_mut()) else {
            return;
        };
        let Some(select) = query.select.as_mut() else { return };
        if let Some(item) = read_item(text, tokens, query.item_from..end, select.items.is_empty()) {
            select.items.push(item);
        }
        query.item_from = end + 1;
    }

    fn end_list(&mut self, end: usize) {
        if self.frames.last().is_some_and(|frame| frame.phase == Phase::List) {
            self.end_item(end);
        }
    }

    /// The frame's last select, once the frame ends before the token at `end`.
    fn end_query(&self, frame: &mut Frame, end: usize) -> Option<Select> {
        let query = frame.query.take()?;
        let mut select = query.select?;
        if frame.phase == Phase::List
            && let Some(item) = read_item(self.text, self.tokens, query.item_from..end, select.items.is_empty())
        {
            select.items.push(item);
        }
        select.clean_end = query.rest.is_some_and(|rest| {
            let rest = self.tokens.get(rest..end).unwrap_or_default();
            rest.iter().all(|token| token.is_block() || token.kind == Kind::Semicolon)
        });
        if let Some(named) = query.named {
            let rest = self.tokens.get(named..end).unwrap_or_default();
            let next = rest.iter().find(|token| !token.is_block());
            select.alone = next.is_none_or(|next| {
                next.kind == Kind::Semicolon
                    || matches!(next.keyword, Keyword::Clause | Keyword::Grouping | Keyword::Limit | Keyword::Tail)
            });
        }
        Some(select)
    }

    fn finish(mut self) -> Findings {
        let end = self.tokens.len();
        while self.frames.len() > 1 {
            self.pop(end);
        }
        let final_select = self.frames.pop().and_then(|mut frame| self.end_query(&mut frame, end));
        let tables = self.tables.read(&Names {
            text: self.text,
            tokens: self.tokens,
            ctes: &self.ctes,
            inner_ctes: &self.inner_ctes,
        });
        let inner = self.inner_ctes.iter().map(|span| Arc::from(unquoted(span.of(self.text))));
        (self.with, self.ctes, inner.collect(), final_select, tables)
    }
}

fn name_span(tokens: &[Token], (first, last): (usize, usize)) -> Span {
    Span { start: tokens.get(first).map_or(0, |token| token.start), end: tokens.get(last).map_or(0, |token| token.end) }
}

fn read_item(text: &str, tokens: &[Token], range: Range<usize>, first: bool) -> Option<Item> {
    let tokens = tokens.get(range)?;
    let skipped = if first { modifiers(tokens) } else { 0 };
    item(text, tokens.get(skipped..)?)
}

#[cfg(test)]
mod tests;
