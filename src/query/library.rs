//! The derived relations: the files of `queries/derived`, read once.

use crate::datalog::{BrokenLibrary, Library};
use std::sync::OnceLock;

static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/derived.rs"));

/// The rules this build carries.
pub fn embedded() -> Result<&'static Library, &'static BrokenLibrary> {
    static EMBEDDED: OnceLock<Result<Library, BrokenLibrary>> = OnceLock::new();
    EMBEDDED.get_or_init(|| Library::read(FILES.iter().copied())).as_ref()
}
