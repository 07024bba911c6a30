//! The catalogue: every base relation, declared once. A declaration gives the directory tier (one
//! query a directory), the project tier (their sum) and the schema. Both tiers stop an edit that
//! changes no row.

mod catalogue;

pub use catalogue::*;

use crate::db::Sym;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A unique_id.
    Node,
    Name,
    Path,
    Text,
    Int,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub of: Type,
}

/// A relation as it is documented and queried.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    pub name: &'static str,
    pub columns: &'static [Column],
    pub doc: &'static str,
}

/// The Rust type of a column: names are interned, numbers are numbers.
macro_rules! column_type {
    ($db:lifetime Int) => {
        u32
    };
    ($db:lifetime $other:ident) => {
        $crate::db::Sym<$db>
    };
}

/// Declares a relation over the root project's directories.
macro_rules! relation {
    (
        $(#[doc = $doc:literal])+
        $module:ident as $name:literal ($($column:ident: $type:ident),+)
        |$db:ident, $package:ident, $directory:ident, $rows:ident| $body:block
    ) => {
        $(#[doc = $doc])+
        pub mod $module {
            use super::*;

            pub type Row<'db> = ($($crate::relations::column_type!('db $type),)+);

            #[salsa::tracked(returns(ref))]
            fn of_directory<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<Row<'db>> {
                let mut rows: Vec<Row<'db>> = Vec::new();
                let ($db, $package, $directory) = (db, key.package(db), key.directory(db));
                {
                    let $rows = &mut rows;
                    $body
                }
                rows
            }

            /// All rows, in the order of the files.
            #[salsa::tracked(returns(ref))]
            pub fn rows<'db>(db: &'db dyn salsa::Database) -> Vec<Row<'db>> {
                let Some(project) = $crate::db::Project::try_get(db) else { return Vec::new() };
                let root = project.root(db);
                let directories = root.directories(db).iter();
                directories.flat_map(|directory| of_directory(db, DirectoryOf::new(db, root, *directory))).copied().collect()
            }

            pub const SCHEMA: Schema = Schema {
                name: $name,
                columns: &[$(Column { name: stringify!($column), of: Type::$type }),+],
                doc: concat!($($doc),+),
            };
        }
    };
}

pub(crate) use {column_type, relation};

/// The text of a symbol.
pub fn text<'db>(db: &'db dyn salsa::Database, sym: Sym<'db>) -> &'db str {
    sym.text(db)
}
