//! Docs blocks: `{% docs name %}` in Markdown files.

use super::macros::blocks;
use super::packages::package_name;
use crate::db::{FileKind, Package, SourceFile};
use crate::syntax::jinja::blocks::{Block, BlockKind};
use std::sync::Arc;

/// The docs blocks of a package, in the order of their files.
pub fn docs_blocks(db: &dyn salsa::Database, package: Package) -> impl Iterator<Item = (&Block, SourceFile)> {
    let files = package.directories(db).iter().flat_map(|directory| directory.files(db));
    let files = files.filter(|file| file.kind(db) == FileKind::Docs);
    files.flat_map(|file| blocks(db, *file).blocks.iter().map(|block| (block, *file))).filter(is_docs)
}

fn is_docs((block, _): &(&Block, SourceFile)) -> bool {
    block.kind == BlockKind::Docs
}

/// Their names.
pub fn docs_of_package(db: &dyn salsa::Database, package: Package) -> Vec<(Arc<str>, SourceFile)> {
    docs_blocks(db, package).map(|(block, file)| (block.name.clone(), file)).collect()
}

pub fn docs_id(db: &dyn salsa::Database, package: Package, name: &str) -> String {
    format!("doc.{}.{name}", package_name(db, package))
}
