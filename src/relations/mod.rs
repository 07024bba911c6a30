//! The catalogue: every base relation, declared once. A declaration gives the directory tier (one
//! query a directory), the project tier (their sum), the schema, and a form without types for
//! questions that are only known at run time. Both tiers stop an edit that changes no row.
//!
//! Rows are facts without places. Where a fact stands is looked up when somebody asks: `places`.

mod catalogue;
pub mod places;
mod texts;

pub use catalogue::*;

pub use crate::datalog::{Cell, Type};
pub use crate::db::Stamped;

use self::places::Place;
use crate::datalog::Part;
use crate::db::{DirectoryOf, Sym};
use crate::project::things;
use crate::similar::nearest;
use rustc_hash::FxHashSet;
use std::hash::Hash;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub of: Type,
}

/// Where a relation's rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// From the files of the dbt project.
    Fact,
    /// From harness.yml, or what holds without one.
    Setting,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Fact => "fact",
            Self::Setting => "setting",
        }
    }
}

/// A relation as it is documented and queried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    pub name: &'static str,
    pub columns: &'static [Column],
    /// What a row means, and what is absent; the first sentence alone says the most.
    pub doc: &'static str,
    /// One question over it.
    pub example: &'static str,
    pub kind: Kind,
}

impl Schema {
    /// The first sentence of what it means.
    pub fn summary(&self) -> &'static str {
        self.doc.find(". ").map_or(self.doc, |end| &self.doc[..=end])
    }

    /// `ref(child, parent)`
    pub fn signature(&self) -> String {
        let columns: Vec<&str> = self.columns.iter().map(|column| column.name).collect();
        format!("{}({})", self.name, columns.join(", "))
    }
}

/// Receives the rows of a relation.
pub type Visitor<'v> = dyn FnMut(&[Cell<'_>]) + 'v;

/// What the part is known by that belongs to no directory.
pub(crate) const WHOLE: u64 = u64::MAX;

/// A relation's rows in parts, for whoever must know which have changed.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    /// The parts, with a stamp for all of them.
    pub all: for<'db> fn(&'db dyn salsa::Database) -> &'db Stamped<Vec<Part>>,
    /// The stamp of what a directory holds; `None` where all rows belong to none.
    pub stamp_in: fn(&dyn salsa::Database, DirectoryOf<'_>) -> Option<u64>,
    /// The stamp of what belongs to no directory; `None` where nothing does.
    pub stamp_beside: fn(&dyn salsa::Database) -> Option<u64>,
    /// Gives each row of a part; rows may be in several.
    pub visit: fn(&dyn salsa::Database, &Part, &mut Visitor<'_>),
}

/// A relation in the form that needs no types.
#[derive(Debug, Clone, Copy)]
pub struct Relation {
    pub schema: Schema,
    /// `None` for rows that are streamed.
    pub parts: Option<Parts>,
    /// Gives each row once, in the order of the files.
    pub visit: fn(&dyn salsa::Database, &mut Visitor<'_>),
    /// Where a row stands; `None` for what is nowhere written, such as a default.
    pub place: fn(&dyn salsa::Database, &[Cell<'_>]) -> Option<Place>,
}

/// A relation of the catalogue by its name.
pub fn by_name(name: &str) -> Option<&'static Relation> {
    ALL.get(index_of(name)?)
}

/// Where it stands in the catalogue.
pub(crate) fn index_of(name: &str) -> Option<usize> {
    ALL.binary_search_by(|relation| relation.schema.name.cmp(name)).ok()
}

/// The relation that a mistyped name most likely means.
pub fn closest(name: &str) -> Option<&'static str> {
    let names = || ALL.iter().map(|other| other.schema.name);
    let wanted = name.trim().to_lowercase();
    nearest(&wanted, names()).or_else(|| names().find(|other| other.split('_').any(|part| part == wanted)))
}

/// What a column of a row may hold.
pub(crate) trait Value<'db>: Copy {
    fn cell(self, db: &'db dyn salsa::Database) -> Cell<'db>;
}

impl<'db> Value<'db> for Sym<'db> {
    fn cell(self, db: &'db dyn salsa::Database) -> Cell<'db> {
        Cell::Text(self.text(db))
    }
}

/// A number that a row keeps: plain digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, salsa::SalsaValue)]
pub struct Digits<'db>(pub Sym<'db>);

impl<'db> Value<'db> for Digits<'db> {
    fn cell(self, db: &'db dyn salsa::Database) -> Cell<'db> {
        Cell::Decimal(self.0.text(db))
    }
}

impl<'db> Value<'db> for u32 {
    fn cell(self, _: &'db dyn salsa::Database) -> Cell<'db> {
        Cell::Int(i64::from(self))
    }
}

/// Keeps the first of equal rows.
pub(crate) fn distinct<Row: Copy + Eq + Hash>(rows: impl IntoIterator<Item = Row>) -> Vec<Row> {
    let mut seen = FxHashSet::default();
    rows.into_iter().filter(|row| seen.insert(*row)).collect()
}

/// A column's name: Rust's own words carry `r#` in a declaration.
pub(crate) const fn bare(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// The Rust type of a column: names are interned, numbers are numbers.
macro_rules! column_type {
    ($db:lifetime Int) => {
        u32
    };
    ($db:lifetime Decimal) => {
        $crate::relations::Digits<$db>
    };
    ($db:lifetime $other:ident) => {
        $crate::db::Sym<$db>
    };
}

/// The two tiers of a set of rows: `each` gives the rows of one directory of the root project,
/// `whole` those that belong to no directory.
macro_rules! tiers {
    (
        ($($type:ident),+)
        $(each |$db:ident, $package:ident, $directory:ident, $rows:ident| $each:block)?
        $(whole |$whole_db:ident, $whole_rows:ident| $whole:block)?
    ) => {
        pub type Row<'db> = ($($crate::relations::column_type!('db $type),)+);

        $(
            #[salsa::tracked(returns(ref))]
            fn of_directory<'db>(
                db: &'db dyn salsa::Database,
                key: $crate::db::DirectoryOf<'db>,
            ) -> $crate::db::Stamped<Vec<Row<'db>>> {
                let mut rows: Vec<Row<'db>> = Vec::new();
                let ($db, $package, $directory) = (db, key.package(db), key.directory(db));
                {
                    let $rows = &mut rows;
                    $each
                }
                $crate::db::Stamped::new(rows)
            }
        )?

        $(
            #[salsa::tracked(returns(ref))]
            fn of_project<'db>(db: &'db dyn salsa::Database) -> $crate::db::Stamped<Vec<Row<'db>>> {
                let mut rows: Vec<Row<'db>> = Vec::new();
                {
                    let ($whole_db, $whole_rows) = (db, &mut rows);
                    $whole
                }
                $crate::db::Stamped::new(rows)
            }
        )?

        /// The parts of a section: one a directory.
        #[salsa::tracked(returns(ref))]
        #[allow(unused_variables, reason = "not each relation has both tiers")]
        fn of_section<'db>(
            db: &'db dyn salsa::Database,
            section: $crate::db::Section<'db>,
        ) -> Vec<$crate::datalog::Part> {
            let parts = std::iter::empty();
            $(
                let parts = parts.chain(section.directories(db).map(|$directory| {
                    let stamp = of_directory(db, $directory).stamp;
                    $crate::datalog::Part { key: $directory.key(), stamp }
                }));
            )?
            parts.collect()
        }

        /// One a directory, and what belongs to none.
        #[salsa::tracked(returns(ref))]
        #[allow(unused_mut, reason = "not each relation has both tiers")]
        pub(crate) fn parts(db: &dyn salsa::Database) -> $crate::db::Stamped<Vec<$crate::datalog::Part>> {
            let root = $crate::db::Project::try_get(db).map(|project| project.root(db));
            let sections = root.into_iter().flat_map(|root| root.sections(db));
            let mut parts: Vec<$crate::datalog::Part> =
                sections.flat_map(|section| of_section(db, section)).copied().collect();
            $(
                let $whole_db = db;
                parts.push($crate::datalog::Part { key: $crate::relations::WHOLE, stamp: of_project($whole_db).stamp });
            )?
            $crate::db::Stamped::new(parts)
        }

        #[allow(unused_variables, dead_code, unreachable_code, reason = "not each relation has both tiers")]
        fn stamp_in(db: &dyn salsa::Database, key: $crate::db::DirectoryOf<'_>) -> Option<u64> {
            $(
                let $directory = key;
                return Some(of_directory(db, $directory).stamp);
            )?
            None
        }

        #[allow(unused_variables, dead_code, unreachable_code, reason = "not each relation has both tiers")]
        fn stamp_beside(db: &dyn salsa::Database) -> Option<u64> {
            $(
                let $whole_db = db;
                return Some(of_project($whole_db).stamp);
            )?
            None
        }

        /// The rows of a part.
        #[allow(unused_variables, reason = "not each relation has both tiers")]
        pub(crate) fn part<'db>(
            db: &'db dyn salsa::Database,
            part: &$crate::datalog::Part,
        ) -> &'db [Row<'db>] {
            $(
                if part.key == $crate::relations::WHOLE {
                    let $whole_db = db;
                    return &of_project($whole_db).value;
                }
            )?
            $(
                let $directory = $crate::db::DirectoryOf::of_key(part.key);
                return &of_directory(db, $directory).value;
            )?
            #[allow(unreachable_code, reason = "not each relation has both tiers")]
            &[]
        }

        /// Each row once, in the order of the files.
        #[salsa::tracked(returns(ref))]
        pub fn rows<'db>(db: &'db dyn salsa::Database) -> Vec<Row<'db>> {
            $crate::relations::distinct(parts(db).value.iter().flat_map(|it| part(db, it)).copied())
        }
    };
}

/// Declares a relation: a module with its rows, its schema and its form without types. Rows that
/// are as many as lines of text are not kept but streamed, each time they are asked for.
macro_rules! relation {
    (
        $(#[doc = $doc:literal])+
        $module:ident as $name:literal ($($column:ident: $type:ident),+)
        $kind:ident $example:literal at $place:path;
        stream |$db:ident, $emit:ident| $body:block
    ) => {
        $(#[doc = $doc])+
        pub mod $module {
            use super::*;

            fn visit($db: &dyn salsa::Database, $emit: &mut $crate::relations::Visitor<'_>) {
                $body
            }

            const PARTS: Option<$crate::relations::Parts> = None;

            $crate::relations::erased!($name ($($column: $type),+) $kind $example $place, $($doc)+);
        }
    };
    (
        $(#[doc = $doc:literal])+
        $module:ident as $name:literal ($($column:ident: $type:ident),+)
        $kind:ident $example:literal at $place:path;
        $($tiers:tt)+
    ) => {
        $(#[doc = $doc])+
        pub mod $module {
            use super::*;

            $crate::relations::tiers! { ($($type),+) $($tiers)+ }

            fn visit(db: &dyn salsa::Database, emit: &mut $crate::relations::Visitor<'_>) {
                for row in rows(db) {
                    let ($($column,)+) = *row;
                    emit(&[$($crate::relations::Value::cell($column, db)),+]);
                }
            }

            fn visit_part(
                db: &dyn salsa::Database,
                of: &$crate::datalog::Part,
                emit: &mut $crate::relations::Visitor<'_>,
            ) {
                for row in part(db, of) {
                    let ($($column,)+) = *row;
                    emit(&[$($crate::relations::Value::cell($column, db)),+]);
                }
            }

            const PARTS: Option<$crate::relations::Parts> =
                Some($crate::relations::Parts { all: |db| parts(db), stamp_in, stamp_beside, visit: visit_part });

            $crate::relations::erased!($name ($($column: $type),+) $kind $example $place, $($doc)+);
        }
    };
}

macro_rules! erased {
    ($name:literal ($($column:ident: $type:ident),+) $kind:ident $example:literal $place:path, $($doc:literal)+) => {
        pub const RELATION: $crate::relations::Relation = $crate::relations::Relation {
            schema: $crate::relations::Schema {
                name: $name,
                columns: &[$($crate::relations::Column {
                    name: $crate::relations::bare(stringify!($column)),
                    of: $crate::relations::Type::$type,
                }),+],
                doc: concat!($($doc),+).trim_ascii(),
                example: $example,
                kind: $crate::relations::Kind::$kind,
            },
            parts: PARTS,
            visit,
            place: $place,
        };
    };
}

pub(crate) use {column_type, erased, relation, tiers};
