//! The blocks dbt cuts a file into before Jinja sees it: macros, tests, materializations,
//! snapshots, docs.

use super::tags::{Tag, TagKind, tags};
use crate::span::{Span, SyntaxError, SyntaxErrorKind};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BlockKind {
    Macro,
    Test,
    Materialization,
    Snapshot,
    Docs,
}

impl BlockKind {
    /// Kinds of one family cannot stand within one another.
    fn family(self) -> u8 {
        match self {
            Self::Macro | Self::Test | Self::Materialization => 0,
            Self::Snapshot => 1,
            Self::Docs => 2,
        }
    }

    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "macro" => Self::Macro,
            "test" | "data_test" => Self::Test,
            "materialization" => Self::Materialization,
            "snapshot" => Self::Snapshot,
            "docs" => Self::Docs,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    pub kind: BlockKind,
    /// The name dbt looks it up by: `test_unique`, `materialization_view_default`.
    pub name: Arc<str>,
    pub name_span: Span,
    /// The parameters, without the parentheses.
    pub parameters: Span,
    /// Between the opening and the closing tag.
    pub body: Span,
    /// From the opening to behind the closing tag.
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Blocks {
    pub blocks: Vec<Block>,
    pub errors: Vec<SyntaxError>,
}

pub fn blocks(text: &str) -> Blocks {
    let found = tags(text);
    let mut blocks = Vec::new();
    let mut errors = found.errors;
    let mut open: Option<(Block, String)> = None;
    for tag in found.tags.iter().filter(|tag| tag.kind == TagKind::Statement) {
        let word = tag.word(text);
        if let Some((block, closing)) = &mut open {
            if word == closing {
                block.body.end = tag.span.start;
                block.span.end = tag.span.end;
                blocks.extend(open.take().map(|(block, _)| block));
                continue;
            }
            if BlockKind::of(word).is_none_or(|kind| kind.family() != block.kind.family()) {
                continue;
            }
            errors.push(SyntaxError::new(
                tag.inner,
                format!("a block begins within the block `{}`, which is not closed before it", block.name),
                format!("Write `{{% {closing} %}}` before it: blocks of this kind cannot hold one another."),
            ));
            block.body.end = tag.span.start;
            block.span.end = tag.span.start;
            blocks.extend(open.take().map(|(block, _)| block));
        }
        // An end that nothing opened is text to dbt.
        if let Some(kind) = BlockKind::of(word) {
            match header(text, tag, kind) {
                Ok(block) => open = Some((block, format!("end{word}"))),
                Err(error) => errors.push(error),
            }
        }
    }
    // Where a tag is never closed, what follows it cannot be seen.
    let is_cut = errors.iter().any(|error| error.kind.is_cut());
    if let Some((mut block, _)) = open.take_if(|_| is_cut) {
        (block.body.end, block.span.end) = (text.len() as u32, text.len() as u32);
        blocks.push(block);
    }
    if let Some((block, closing)) = open {
        errors.push(SyntaxError::new(
            Span::new(block.span.start as usize, block.body.start as usize),
            format!("the block `{}` is never closed", block.name),
            format!("Close it with `{{% {closing} %}}`."),
        ));
    }
    errors.sort_by_key(|error| error.span);
    Blocks { blocks, errors }
}

/// Blocks of dbt's that stand within `if` or `for`, and ends of these that nothing opened: dbt looks for both before
/// Jinja reads a file. `kinds` are those it takes from the file.
pub fn control_flow_errors(text: &str, kinds: &[BlockKind]) -> Vec<SyntaxError> {
    let found = tags(text);
    let mut errors = Vec::new();
    let mut flow: Vec<&str> = Vec::new();
    let mut open: Option<BlockKind> = None;
    for tag in found.tags.iter().filter(|tag| tag.kind == TagKind::Statement) {
        let word = tag.word(text);
        let ends = word.strip_prefix("end").unwrap_or_default();
        if open.is_some() {
            // What stands in a block is Jinja's to read.
            if BlockKind::of(ends) == open {
                open = None;
            }
            continue;
        }
        match (word, BlockKind::of(word)) {
            ("if" | "for", _) => flow.push(word),
            ("endif" | "endfor", _) if flow.pop() != Some(ends) => {
                errors.push(SyntaxError::new(
                    tag.inner,
                    format!("`{word}` ends what was never opened, which stops dbt"),
                    format!("Remove it, or open the `{ends}` that it belongs to."),
                ));
                return errors;
            }
            (_, Some(kind)) if kinds.contains(&kind) => {
                if let Some(around) = flow.last() {
                    errors.push(SyntaxError::new(
                        tag.inner,
                        format!("a block stands within `{{% {around} %}}`, which stops dbt"),
                        "Move the block out of it: dbt looks for blocks before it runs any Jinja.",
                    ));
                    return errors;
                }
                open = Some(kind);
            }
            _ => {}
        }
    }
    errors
}

fn header(text: &str, tag: &Tag, kind: BlockKind) -> Result<Block, SyntaxError> {
    let inner = tag.inner.of(text);
    let mut at = inner.len() - inner.trim_start().len() + tag.word(text).len();
    at += inner[at..].len() - inner[at..].trim_start().len();
    let rest = &inner[at..];
    let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    if length == 0 {
        return Err(SyntaxError::new(
            tag.span,
            format!("the {} has no name", tag.word(text)),
            format!("Name it: `{{% {} my_name … %}}`.", tag.word(text)),
        )
        .of(SyntaxErrorKind::NamelessBlock));
    }
    let name = &rest[..length];
    let start = tag.inner.start as usize + at;
    let parameters = match (rest.find('('), rest.rfind(')')) {
        (Some(open), Some(close)) if open < close => Span::new(start + open + 1, start + close),
        _ => Span::at(start + length),
    };
    let name: Arc<str> = match kind {
        BlockKind::Test => format!("test_{name}").into(),
        BlockKind::Materialization => format!("materialization_{name}_{}", adapter_of(&rest[length..])).into(),
        BlockKind::Macro | BlockKind::Snapshot | BlockKind::Docs => name.into(),
    };
    Ok(Block {
        kind,
        name,
        name_span: Span::new(start, start + length),
        parameters,
        body: Span::new(tag.span.end as usize, tag.span.end as usize),
        span: tag.span,
    })
}

/// `, adapter='snowflake'` or `, default`.
fn adapter_of(arguments: &str) -> &str {
    arguments
        .split_once("adapter")
        .and_then(|(_, rest)| rest.trim_start().strip_prefix('='))
        .and_then(|value| value.split(['\'', '"']).nth(1))
        .unwrap_or("default")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_into_its_blocks_by_dbts_names() {
        let text = "{% macro a(x, y=1) %}{{ x }}{% endmacro %} prose\n\
                    {%- test positive(model) -%}select{% endtest %}\
                    {% materialization view, adapter='snowflake' %}{% endmaterialization %}";
        let found = blocks(text);
        let names: Vec<_> = found.blocks.iter().map(|block| &*block.name).collect();
        assert_eq!(names, ["a", "test_positive", "materialization_view_snowflake"]);
        assert_eq!(found.blocks[0].parameters.of(text), "x, y=1");
        assert_eq!(found.blocks[0].body.of(text), "{{ x }}");
        assert!(found.errors.is_empty());
    }

    #[test]
    fn a_block_within_another_is_an_error_and_both_are_kept() {
        let found =
            blocks("{% macro a() %}1 {% macro b() %}2{% endmacro %}{% endmacro %}{% macro c() %}{% endmacro %}");
        assert_eq!(found.errors.len(), 1, "{:?}", found.errors);
        assert_eq!(found.blocks.iter().map(|block| &*block.name).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn blocks_within_control_flow_are_errors_where_dbt_takes_them() {
        let told = |text: &str| control_flow_errors(text, &[BlockKind::Macro]).len();
        assert_eq!(told("{% if a %}{% macro m() %}{% endmacro %}{% endif %}"), 1);
        assert_eq!(told("{% macro m() %}{% endmacro %}{% endif %}"), 1);
        assert_eq!(told("{% if a %}x{% endif %}{% macro m() %}{% if b %}{% endmacro %}{% docs d %}{% enddocs %}"), 0);
    }

    #[test]
    fn an_unclosed_block_is_an_error_and_the_others_are_kept() {
        let found = blocks("{% macro a() %}{% endmacro %}{% macro b() %}");
        assert_eq!(found.blocks.len(), 1);
        assert!(found.errors[0].message.contains("`b`"), "{:?}", found.errors);
    }
}
