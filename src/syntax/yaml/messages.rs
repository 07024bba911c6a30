//! What this reader says about text it cannot read.

use granit_parser::{ErrorKind, ScanError};

use crate::span::{Span, SyntaxError};

pub(super) const MAX_EVENTS: usize = 3_000_000;
pub(super) const MAX_DEPTH: usize = 200;
pub(super) const MAX_CLONED: usize = 1_000_000;

fn error(span: Span, message: impl Into<String>, remedy: &str) -> SyntaxError {
    SyntaxError::new(span, message, remedy)
}

pub(super) fn too_many_events(span: Span) -> SyntaxError {
    error(span, format!("the YAML has more than {MAX_EVENTS} elements"), "Split the file into smaller ones.")
}

pub(super) fn too_deep(span: Span) -> SyntaxError {
    error(span, format!("the YAML is nested more than {MAX_DEPTH} levels deep"), "Nest fewer lists and mappings.")
}

pub(super) fn too_many_clones(span: Span) -> SyntaxError {
    error(
        span,
        format!("the anchors and aliases stand for more than {MAX_CLONED} values"),
        "Use fewer aliases, or write the values out where they are needed.",
    )
}

pub(super) fn second_document(span: Span) -> SyntaxError {
    error(
        span,
        "a second YAML document begins here",
        "Remove this `---`, or move what follows it to a file of its own.",
    )
}

pub(super) fn recursive_alias(span: Span) -> SyntaxError {
    error(span, "the alias stands inside its own anchor", "Write the value out instead of the alias.")
}

pub(super) fn repeated_anchor(span: Span, name: &str) -> SyntaxError {
    let name: String = name.chars().take(60).collect();
    error(span, format!("the anchor `{name}` is defined twice"), "Give each anchor its own name.")
}

pub(super) fn misnamed_anchor(span: Span) -> SyntaxError {
    error(
        span,
        "the anchor's name holds a character PyYAML does not read",
        "Name anchors with letters, digits, `-` and `_`.",
    )
}

pub(super) fn missing_key(span: Span) -> SyntaxError {
    error(span, "a key is missing before the `:`", "Write the key, or remove the `:`.")
}

pub(super) fn unhashable_key(span: Span, text: &str) -> SyntaxError {
    let start = span.start as usize;
    if text.get(..start).is_some_and(|before| before.ends_with('{')) {
        return error(span, "`{{` without quotes is a mapping to YAML, not Jinja", "Put the whole value in quotes.");
    }
    error(
        span,
        "a list or a mapping cannot be a key",
        "Use a string as the key; quote it if it begins with `[` or `{`.",
    )
}

pub(super) fn misplaced_merge(span: Span) -> SyntaxError {
    error(span, "`<<` is a merge key and no value", "Put the `<<` in quotes if it is meant as text.")
}

pub(super) fn misplaced_default(span: Span) -> SyntaxError {
    error(span, "a bare `=` is no value PyYAML can read", "Put the `=` in quotes.")
}

pub(super) fn wrong_merge(span: Span) -> SyntaxError {
    error(span, "`<<` merges something that is no mapping", "Give `<<` an alias of a mapping, or a list of them.")
}

/// The parser's own error: a clause without its stage directions, and what to do about it.
pub(super) fn scan_error(text: &str, found: &ScanError) -> SyntaxError {
    let span = character_at(text, found.marker().byte_offset().unwrap_or(text.len()));
    if *found.kind() == ErrorKind::RecursionLimitExceeded {
        return too_deep(span);
    }
    let (message, remedy) = wording(found.kind());
    let message = message.map_or_else(|| plain_clause(&found.info()), str::to_owned);
    error(span, message, remedy)
}

fn character_at(text: &str, offset: usize) -> Span {
    let mut start = offset.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let width = text
        .get(start..)
        .and_then(|rest| rest.chars().next())
        .filter(|character| !matches!(character, '\n' | '\r'))
        .map_or(0, char::len_utf8);
    Span::new(start, start + width)
}

/// granit words some errors as "while doing this, found that".
fn plain_clause(info: &str) -> String {
    let info = info.strip_prefix("while ").and_then(|rest| rest.split_once(", ")).map_or(info, |(_, clause)| clause);
    info.replace("did not find expected", "expected").replace(['\r', '\n'], " ")
}

const INDENTATION: &str = "Indent the line like its neighbours.";
const CLOSE: &str = "Close the bracket, or quote the value if the bracket belongs to it.";
const QUOTE: &str = "Put the value in quotes.";
const TAB: &str = "Replace the tab by spaces.";
const ESCAPE: &str = "Correct the escape, or use single quotes.";
const TAG: &str = "Correct the tag, or quote the value if the `!` belongs to it.";
const DIRECTIVE: &str = "Correct the directive, or quote the value if the `%` belongs to it.";

fn wording(kind: &ErrorKind) -> (Option<&'static str>, &'static str) {
    use ErrorKind as Kind;
    match kind {
        Kind::MappingValueNotAllowed | Kind::InvalidColonPlacement => (
            Some("a `:` stands where no value can begin"),
            "Quote the value that holds the `:`, or indent the line like its neighbours.",
        ),
        Kind::MappingKeyNotAllowed => (Some("a key stands where none is allowed"), INDENTATION),
        Kind::ExpectedBlockMappingKey => (
            Some("a key was expected here"),
            "Indent the line like its neighbours, and quote a value that goes on after its closing quote.",
        ),
        Kind::ExpectedBlockSequenceEntry => (Some("a `-` was expected here"), INDENTATION),
        Kind::BlockSequenceEntryNotAllowed => (
            Some("a list item stands where none is allowed"),
            "Begin the list on a line of its own, indented like its neighbours.",
        ),
        Kind::BlockEntryInFlowCollection | Kind::PlainScalarStartsWithDashFlowIndicator => {
            (Some("a `-` item stands inside brackets"), "Separate items inside brackets by commas.")
        }
        Kind::SimpleKeyExpected | Kind::InvalidSimpleKey => (
            Some("this line has no `:` after its key"),
            "Write `key: value`, or indent the line as part of the value above.",
        ),
        Kind::InvalidIndentation
        | Kind::InvalidFlowScalarIndent
        | Kind::InvalidQuotedScalarIndent
        | Kind::InvalidBlockScalarIndent
        | Kind::ExpectedDocumentStart => (Some("the indentation fits nothing above"), INDENTATION),
        Kind::TabNotAllowed
        | Kind::TabInBlockIndentation
        | Kind::TabInIndentation
        | Kind::TabInPlainScalar
        | Kind::TabAtBlockScalarStart => (Some("a tab stands where YAML wants spaces"), TAB),
        Kind::UnclosedQuotedScalar => (Some("a quote is never closed"), "Close the quote."),
        Kind::DocumentIndicatorInQuotedScalar => {
            (Some("a document marker stands inside quotes"), "Close the quote, or indent the marker.")
        }
        Kind::InvalidTrailingSingleQuotedScalar | Kind::InvalidTrailingDoubleQuotedScalar => {
            (Some("text follows a closing quote"), "Put the whole value inside the quotes.")
        }
        Kind::UnknownQuotedScalarEscape
        | Kind::InvalidQuotedScalarHexEscape
        | Kind::InvalidLowSurrogateHexEscape
        | Kind::InvalidLowSurrogate
        | Kind::MissingLowSurrogate
        | Kind::UnpairedLowSurrogate
        | Kind::InvalidUnicodeEscape => (Some("an escape inside double quotes is unknown"), ESCAPE),
        Kind::ExpectedFlowMappingSeparator => (Some("a `,` or `}` was expected here"), CLOSE),
        Kind::ExpectedFlowSequenceSeparator => (Some("a `,` or `]` was expected here"), CLOSE),
        Kind::UnexpectedEofFlowSequence
        | Kind::UnexpectedEofFlowMapping
        | Kind::UnexpectedEofImplicitFlowMapping
        | Kind::UnclosedFlowCollection { .. } => (Some("a bracket is never closed"), CLOSE),
        Kind::MisplacedFlowCollectionEnd => {
            (Some("a bracket is closed that was never opened"), "Remove the bracket, or quote the value it belongs to.")
        }
        Kind::MismatchedFlowCollectionEnd { .. } => {
            (Some("a bracket is closed by one of another kind"), "Close each bracket by its own kind.")
        }
        Kind::UnknownAnchor => (
            Some("no anchor of this name stands above"),
            "Define the anchor with `&` first, or quote the value if the `*` belongs to it.",
        ),
        Kind::MissingAnchorOrAliasName => {
            (Some("`&` or `*` has no name"), "Name the anchor, or quote the value if the sign belongs to it.")
        }
        Kind::ExpectedNodeContent => (Some("a value was expected here"), QUOTE),
        Kind::UnexpectedCharacter { .. } => (None, QUOTE),
        Kind::CommentNotSeparated | Kind::CommentInterceptedScalar => {
            (Some("a comment breaks a value"), "Put a space before the `#`, or quote the value it belongs to.")
        }
        Kind::BomInsideDocument => (Some("a byte order mark stands inside the file"), "Remove the byte order mark."),
        Kind::InvalidBlockScalarHeader | Kind::ZeroBlockScalarIndent => {
            (Some("text follows `|` or `>` on its line"), "Begin the text on the next line, indented.")
        }
        Kind::ExpectedTagBang
        | Kind::InvalidGlobalTagCharacter
        | Kind::InvalidTagTerminator
        | Kind::MissingTagUri
        | Kind::UnclosedVerbatimTag
        | Kind::InvalidTagEscape
        | Kind::InvalidTagUtf8LeadingByte
        | Kind::InvalidTagUtf8TrailingByte
        | Kind::InvalidTagUtf8
        | Kind::UndeclaredTagHandle => (Some("the tag cannot be read"), TAG),
        Kind::InvalidDirectiveTerminator
        | Kind::MissingDirectiveName
        | Kind::InvalidDirectiveName
        | Kind::MissingDocumentEndBeforeDirective => (Some("the `%` directive cannot be read"), DIRECTIVE),
        Kind::InvalidMappingValueWhitespace | Kind::ExpectedWhitespace | Kind::InvalidBlockEntryWhitespace => {
            (Some("a space is missing"), "Put a space after `:`, `-` and `,`.")
        }
        _ => (None, "Correct the YAML here."),
    }
}
