//! The derived relations: the files of `queries/derived`, read once.

use crate::datalog::{BrokenLibrary, Library};
use std::sync::OnceLock;

static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/derived.rs"));

/// The rules this build carries.
pub fn embedded() -> Result<&'static Library, &'static BrokenLibrary> {
    static EMBEDDED: OnceLock<Result<Library, BrokenLibrary>> = OnceLock::new();
    EMBEDDED.get_or_init(|| Library::read(FILES.iter().copied())).as_ref()
}

/// The file whose rules define a relation, without its ending.
pub fn file_of(relation: &str) -> Option<&'static str> {
    let declares = |text: &str| {
        text.lines().any(|line| {
            let name = line.strip_prefix(".decl ").and_then(|rest| rest.split('(').next());
            name == Some(relation)
        })
    };
    FILES.iter().find(|(_, text)| declares(text)).map(|(file, _)| *file)
}
