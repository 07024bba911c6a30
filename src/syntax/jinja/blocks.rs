//! The blocks dbt cuts a file into before Jinja sees it: macros, tests, materializations,
//! snapshots, docs.

use super::tags::{Tag, TagKind, tags};
use crate::syntax::span::{Span, SyntaxError};
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
    let mut open: Option<(Block, String, usize)> = None;
    for tag in found.tags.iter().filter(|tag| tag.kind == TagKind::Statement) {
        let word = tag.word(text);
        match &mut open {
            Some((block, closing, depth)) => {
                if word == &closing[3..] && !matches!(block.kind, BlockKind::Docs) {
                    *depth += 1;
                } else if word == closing {
                    if *depth > 0 {
                        *depth -= 1;
                        continue;
                    }
                    block.body.end = tag.span.start;
                    block.span.end = tag.span.end;
                    blocks.extend(open.take().map(|(block, ..)| block));
                }
            }
            None => match BlockKind::of(word) {
                Some(kind) => match header(text, tag, kind) {
                    Ok(block) => open = Some((block, format!("end{word}"), 0)),
                    Err(error) => errors.push(error),
                },
                None => errors.extend(stray_end(word, tag)),
            },
        }
    }
    if let Some((block, closing, _)) = open {
        errors.push(SyntaxError {
            span: Span::new(block.span.start as usize, block.body.start as usize),
            message: format!("the block `{}` is never closed", block.name),
            remedy: format!("Close it with `{{% {closing} %}}`."),
        });
    }
    errors.sort_by_key(|error| error.span);
    Blocks { blocks, errors }
}

fn stray_end(word: &str, tag: &Tag) -> Option<SyntaxError> {
    BlockKind::of(word.strip_prefix("end")?)?;
    Some(SyntaxError {
        span: tag.span,
        message: format!("`{word}` closes a block that was never opened"),
        remedy: "Remove it, or open the block it belongs to.".to_owned(),
    })
}

fn header(text: &str, tag: &Tag, kind: BlockKind) -> Result<Block, SyntaxError> {
    let inner = tag.inner.of(text);
    let mut at = inner.len() - inner.trim_start().len() + tag.word(text).len();
    at += inner[at..].len() - inner[at..].trim_start().len();
    let rest = &inner[at..];
    let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    if length == 0 {
        return Err(SyntaxError {
            span: tag.span,
            message: format!("the {} has no name", tag.word(text)),
            remedy: format!("Name it: `{{% {} my_name … %}}`.", tag.word(text)),
        });
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
    fn an_unclosed_block_is_an_error_and_the_others_are_kept() {
        let found = blocks("{% macro a() %}{% endmacro %}{% macro b() %}");
        assert_eq!(found.blocks.len(), 1);
        assert!(found.errors[0].message.contains("`b`"), "{:?}", found.errors);
    }
}
