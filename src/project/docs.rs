//! Docs blocks: `{% docs name %}` in Markdown files.

use super::macros::blocks;
use super::packages::package_name;
use crate::db::{FileKind, Package, SourceFile};
use crate::syntax::jinja::blocks::BlockKind;
use std::sync::Arc;

/// The docs blocks of a file by name.
pub fn docs_in(db: &dyn salsa::Database, file: SourceFile) -> impl Iterator<Item = &Arc<str>> {
    let blocks = if file.kind(db) == FileKind::Docs { blocks(db, file).blocks.as_slice() } else { &[] };
    blocks.iter().filter(|block| block.kind == BlockKind::Docs).map(|block| &block.name)
}

/// The docs blocks of a package by name, in the order of their files.
pub fn docs_of_package(db: &dyn salsa::Database, package: Package) -> Vec<(Arc<str>, SourceFile)> {
    let files = package.directories(db).iter().flat_map(|directory| directory.files(db));
    let mut found = Vec::new();
    for file in files {
        found.extend(docs_in(db, *file).map(|name| (name.clone(), *file)));
    }
    found
}

pub fn docs_id(db: &dyn salsa::Database, package: Package, name: &str) -> String {
    format!("doc.{}.{name}", package_name(db, package))
}
