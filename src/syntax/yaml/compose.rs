//! Builds the tree from granit's events. The stack is explicit, so that no input makes it recurse
//! deeper than [`MAX_DEPTH`]; the cost of aliases is bounded by [`MAX_CLONED`].

use std::borrow::Cow;

use granit_parser::{Event, Parser, ScalarStyle, Span as EventSpan, StructureStyle, Tag};
use rustc_hash::{FxHashMap, FxHashSet};

use super::mapping::{Mapping, Pending};
use super::messages::{self, MAX_CLONED, MAX_DEPTH, MAX_EVENTS};
use super::resolve::{self, Special};
use super::{Document, DuplicateKey, Entry, Node, Value};
use crate::span::{Span, SyntaxError};

/// Longer paths say no more to a reader and would cost too much in a file of many duplicates.
const LONGEST_PATH: usize = 500;

pub(super) fn compose(text: &str) -> Document {
    let mut composer = Composer::new(text);
    let options = granit_parser::options! {
        block_scalar_eof_without_line_feed: true,
        bom_inside_document_as_content: true,
        emit_anchor_events: true,
        max_buffered_comment_events: MAX_EVENTS,
        // One level more than the composer allows: its own error says what the limit is.
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut events = 0;
    while let Some(next) = parser.next_event() {
        let step = match next {
            Ok((event, span)) => {
                events += 1;
                let span = to_span(&span);
                if events > MAX_EVENTS { Err(messages::too_many_events(span)) } else { composer.take(event, span) }
            }
            Err(error) => Err(messages::scan_error(text, &error)),
        };
        if let Err(error) = step {
            composer.errors.push(error);
            break;
        }
    }
    composer.finish()
}

fn to_span(span: &EventSpan) -> Span {
    span.byte_range().map_or_else(Span::default, |range| Span::new(range.start, range.end))
}

/// An error after which nothing more can be composed.
type Step = Result<(), SyntaxError>;

/// A finished value with what its place in the tree needs to know.
#[derive(Debug, Clone)]
struct Part {
    node: Node,
    /// Values in it, itself included; long text weighs more.
    weight: usize,
    /// Levels below it.
    height: usize,
    special: Special,
}

#[derive(Debug)]
enum Children {
    Seq(Vec<Node>),
    Map(Box<Mapping>),
}

#[derive(Debug)]
struct Frame {
    children: Children,
    style: StructureStyle,
    anchor: usize,
    span: Span,
    weight: usize,
    height: usize,
}

#[derive(Debug)]
struct Composer<'t> {
    text: &'t str,
    frames: Vec<Frame>,
    root: Option<Node>,
    anchored: FxHashMap<usize, Part>,
    anchor_names: FxHashSet<Cow<'t, str>>,
    cloned: usize,
    in_document: bool,
    /// Where the last token read ends: indicators of the next node follow it.
    cursor: u32,
    errors: Vec<SyntaxError>,
    duplicates: Vec<DuplicateKey>,
    comments: Vec<Span>,
}

impl<'t> Composer<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            frames: Vec::new(),
            root: None,
            anchored: FxHashMap::default(),
            anchor_names: FxHashSet::default(),
            cloned: 0,
            in_document: false,
            cursor: 0,
            errors: Vec::new(),
            duplicates: Vec::new(),
            comments: Vec::new(),
        }
    }

    fn take(&mut self, event: Event<'t>, span: Span) -> Step {
        match event {
            Event::DocumentStart(..) => {
                if self.in_document {
                    return Err(messages::second_document(span));
                }
                self.in_document = true;
                self.cursor = span.end;
                Ok(())
            }
            Event::Comment(..) => {
                self.comments.push(span);
                Ok(())
            }
            Event::Anchor(_, name) => {
                self.anchor_name(name, span);
                Ok(())
            }
            Event::Alias(id) => self.alias(id, span),
            Event::Scalar(value, style, anchor, tag) => {
                let part = self.scalar(&value, style, tag.as_deref(), span);
                self.place(part, anchor)
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.open(Children::Seq(Vec::new()), style, anchor, tag.as_deref(), span)
            }
            Event::MappingStart(style, anchor, tag) => {
                self.open(Children::Map(Box::default()), style, anchor, tag.as_deref(), span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(Some(span)),
            _ => Ok(()),
        }
    }

    fn scalar(&mut self, value: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Part {
        let is_plain = style == ScalarStyle::Plain;
        let is_absent = is_plain && span.start == span.end;
        let span = if is_absent { self.absent_span(span, tag.is_some()) } else { span };
        // granit writes `~` for a node that is not there at all.
        let value = if is_absent { "" } else { value };
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let span = if is_block { self.block_scalar_span(span) } else { span };
        self.cursor = self.cursor.max(span.end);
        let resolved = resolve::scalar(value, is_plain, tag);
        if let Some(problem) = resolved.problem {
            self.refuse(span, problem);
        }
        let weight = match &resolved.value {
            // The only text that a clone copies.
            Value::BigInt(text) | Value::Timestamp(text) => 1 + text.len() / 64,
            _ => 1,
        };
        Part { node: Node { span, value: resolved.value }, weight, height: 0, special: resolved.special }
    }

    /// The place for a scalar that is not there: behind the `:` for a value. YAML 1.2 allows
    /// `: value` for an absent key; PyYAML wants a `?` before it.
    fn absent_span(&mut self, span: Span, has_tag: bool) -> Span {
        if self.text.as_bytes().get(span.start as usize) != Some(&b':') {
            return span;
        }
        match self.innermost_mapping().map(|mapping| mapping.pending.is_some()) {
            Some(true) => Span::at(span.start as usize + 1),
            Some(false) if !has_tag => {
                let is_intended = |byte| matches!(byte, b'?' | b'&');
                if self.indicator(self.cursor, span.start, 0, is_intended).is_none() {
                    self.errors.push(messages::missing_key(span));
                }
                span
            }
            _ => span,
        }
    }

    fn anchor_name(&mut self, name: Cow<'t, str>, span: Span) {
        let is_named_well = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !name.bytes().all(is_named_well) {
            self.errors.push(messages::misnamed_anchor(span));
        } else if self.anchor_names.contains(&name) {
            self.errors.push(messages::repeated_anchor(span, &name));
        } else {
            self.anchor_names.insert(name);
        }
    }

    fn refuse(&mut self, span: Span, problem: resolve::Problem) {
        self.errors.push(SyntaxError::new(span, problem.message, problem.remedy));
    }

    fn alias(&mut self, id: usize, span: Span) -> Step {
        self.cursor = self.cursor.max(span.end);
        let Some(part) = self.anchored.get(&id) else {
            self.errors.push(messages::recursive_alias(span));
            let node = Node { span, value: Value::Null };
            return self.place(Part { node, weight: 1, height: 0, special: Special::None }, 0);
        };
        if self.frames.len() + part.height > MAX_DEPTH {
            return Err(messages::too_deep(span));
        }
        self.cloned += part.weight;
        if self.cloned > MAX_CLONED {
            return Err(messages::too_many_clones(span));
        }
        let mut part = part.clone();
        part.node.span = span;
        self.place(part, 0)
    }

    fn open(
        &mut self,
        children: Children,
        style: StructureStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Span,
    ) -> Step {
        if self.frames.len() >= MAX_DEPTH {
            return Err(messages::too_deep(span));
        }
        let is_mapping = matches!(children, Children::Map(_));
        if let Some(problem) = tag.and_then(|tag| resolve::collection_problem(tag, is_mapping)) {
            self.refuse(span, problem);
        }
        let span = if style == StructureStyle::Block && !is_mapping {
            self.block_sequence_start(span)
        } else {
            self.cursor = self.cursor.max(span.end);
            span
        };
        self.frames.push(Frame { children, style, anchor, span, weight: 1, height: 0 });
        Ok(())
    }

    /// Closes the innermost collection, at its end token if the file has one.
    fn close(&mut self, end: Option<Span>) -> Step {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let mut span = frame.span;
        if let Some(end) = end.filter(|_| frame.style == StructureStyle::Flow) {
            span.end = span.end.max(end.end);
            self.cursor = self.cursor.max(end.end);
        }
        let value = match frame.children {
            Children::Seq(items) => Value::Seq(items),
            Children::Map(mapping) => Value::Map(mapping.finish()),
        };
        let part =
            Part { node: Node { span, value }, weight: frame.weight, height: frame.height, special: Special::None };
        self.place(part, frame.anchor)
    }

    /// Keeps a copy for the aliases of an anchor.
    fn remember(&mut self, part: &Part, anchor: usize) -> Step {
        if anchor == 0 {
            return Ok(());
        }
        self.cloned += part.weight;
        if self.cloned > MAX_CLONED {
            return Err(messages::too_many_clones(part.node.span));
        }
        self.anchored.insert(anchor, part.clone());
        Ok(())
    }

    fn place(&mut self, part: Part, anchor: usize) -> Step {
        let remembered = self.remember(&part, anchor);
        self.put(part);
        remembered
    }

    /// Puts a finished value where it belongs: into the innermost open collection.
    fn put(&mut self, part: Part) {
        let Some(frame) = self.frames.last_mut() else {
            self.report_special(part.special, part.node.span);
            self.root = Some(part.node);
            return;
        };
        frame.weight += part.weight;
        frame.height = frame.height.max(part.height + 1);
        frame.span.end = frame.span.end.max(part.node.span.end);
        match &mut frame.children {
            Children::Seq(items) => {
                let span = part.node.span;
                items.push(part.node);
                self.report_special(part.special, span);
            }
            Children::Map(mapping) => match mapping.pending.take() {
                None => self.key(part),
                Some(pending) => self.value(pending, part),
            },
        }
    }

    fn report_special(&mut self, special: Special, span: Span) {
        match special {
            Special::None => {}
            Special::Merge => self.errors.push(messages::misplaced_merge(span)),
            Special::Default => self.errors.push(messages::misplaced_default(span)),
        }
    }

    fn key(&mut self, part: Part) {
        let pending = match (&part.node.value, part.special) {
            (_, Special::Merge) => Pending::Merge,
            (Value::Seq(_) | Value::Map(_), _) => {
                self.errors.push(messages::unhashable_key(part.node.span, self.text));
                Pending::Unusable
            }
            _ => Pending::Key(part.node),
        };
        if let Some(mapping) = self.innermost_mapping() {
            mapping.pending = Some(pending);
        }
    }

    fn value(&mut self, pending: Pending, part: Part) {
        self.report_special(part.special, part.node.span);
        let key = match pending {
            Pending::Unusable => return,
            Pending::Merge => {
                let merged = self.innermost_mapping().map(|mapping| mapping.merge(part.node));
                if let Some(Err(span)) = merged {
                    self.errors.push(messages::wrong_merge(span));
                }
                return;
            }
            Pending::Key(key) => key,
        };
        let last = key.span;
        let next = self.duplicates.len();
        let Some(mapping) = self.innermost_mapping() else { return };
        let Some(replaced) = mapping.insert(Entry { key, value: part.node }) else { return };
        if let Some(known) = mapping.reported.get(&replaced.position).copied() {
            if let Some(duplicate) = self.duplicates.get_mut(known) {
                duplicate.last = last;
            }
            return;
        }
        mapping.reported.insert(replaced.position, next);
        let key = mapping.key_text(replaced.position);
        let path = self.path();
        self.duplicates.push(DuplicateKey { key, path, first: replaced.earlier, last });
    }

    fn innermost_mapping(&mut self) -> Option<&mut Mapping> {
        match &mut self.frames.last_mut()?.children {
            Children::Map(mapping) => Some(mapping),
            Children::Seq(_) => None,
        }
    }

    /// The dotted path of the innermost collection.
    fn path(&self) -> String {
        let mut path = String::new();
        let outer = self.frames.len().saturating_sub(1);
        for frame in self.frames.iter().take(outer) {
            if path.len() > LONGEST_PATH {
                path.push('…');
                break;
            }
            match &frame.children {
                Children::Seq(items) => path.push_str(&format!("[{}]", items.len())),
                Children::Map(mapping) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(&pending_text(mapping.pending.as_ref()));
                }
            }
        }
        path
    }

    /// From the header (`|`, `>-`) to the last line that is not blank.
    fn block_scalar_span(&self, span: Span) -> Span {
        let start =
            self.indicator(self.cursor, span.start, 0, |byte| matches!(byte, b'|' | b'>')).unwrap_or(span.start);
        let content = span.of(self.text);
        let end = span.start as usize + content.trim_end().len();
        let header_only = content.trim_end().is_empty();
        let end = if header_only { self.header_end(start, span.start) } else { end };
        Span::new(start as usize, end)
    }

    fn header_end(&self, start: u32, limit: u32) -> usize {
        let header = Span { start, end: limit }.of(self.text);
        let length = header.bytes().take_while(|byte| !byte.is_ascii_whitespace()).count();
        start as usize + length
    }

    /// A block sequence begins at its first `-`; granit's span begins after it.
    fn block_sequence_start(&mut self, span: Span) -> Span {
        let parents_dashes = match self.frames.last() {
            Some(Frame { children: Children::Seq(items), style: StructureStyle::Block, .. }) => {
                usize::from(!items.is_empty())
            }
            _ => 0,
        };
        let dash = self.indicator(self.cursor, span.start, parents_dashes, |byte| byte == b'-');
        match dash {
            Some(start) => {
                self.cursor = start + 1;
                Span { start, end: start + 1 }
            }
            None => span,
        }
    }

    /// The first indicator between two tokens after `skip` others, beyond white space, comments,
    /// anchors and tags.
    fn indicator(&self, from: u32, to: u32, skip: usize, wanted: fn(u8) -> bool) -> Option<u32> {
        let between = self.text.as_bytes().get(from as usize..to as usize)?;
        let mut skip = skip;
        let mut at = 0;
        while let Some(byte) = between.get(at) {
            let rest = between.get(at..).unwrap_or_default();
            at += match byte {
                b'#' => until(rest, |byte| matches!(byte, b'\n' | b'\r')),
                b'&' | b'!' | b'*' => until(rest, |byte| byte.is_ascii_whitespace()),
                _ if wanted(*byte) && skip == 0 => return Some(from + u32::try_from(at).ok()?),
                _ if wanted(*byte) => {
                    skip -= 1;
                    1
                }
                _ => 1,
            };
        }
        None
    }

    fn finish(mut self) -> Document {
        // What a cut-off collection lacks follows from the error that is already there.
        let found = self.errors.len();
        while let Some(frame) = self.frames.last_mut() {
            frame.anchor = 0;
            let _ = self.close(None);
        }
        self.errors.truncate(found);
        self.duplicates.sort_by_key(|duplicate| duplicate.first);
        self.comments.sort_unstable();
        let nothing = Node { span: Span::default(), value: Value::Null };
        Document {
            root: self.root.unwrap_or(nothing),
            errors: self.errors,
            duplicates: self.duplicates,
            comments: self.comments,
        }
    }
}

fn until(bytes: &[u8], stop: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| stop(*byte)).unwrap_or(bytes.len())
}

fn pending_text(pending: Option<&Pending>) -> Cow<'_, str> {
    match pending {
        Some(Pending::Key(key)) => key.key_text().unwrap_or_default(),
        Some(Pending::Merge) => Cow::Borrowed("<<"),
        Some(Pending::Unusable) | None => Cow::Borrowed("?"),
    }
}
