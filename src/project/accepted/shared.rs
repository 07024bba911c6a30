//! Types that many keys accept.

use super::Form::{self, Bool, Int, List, Map, Null, Number, Text};

pub(super) const TEXT: &[Form] = &[Text];
pub(super) const TEXT_OR_NULL: &[Form] = &[Text, Null];
pub(super) const TEXTS: &[Form] = &[List(TEXT)];
pub(super) const TEXT_OR_LIST: &[Form] = &[Text, List(TEXT)];
pub(super) const TEXT_LIST_OR_NULL: &[Form] = &[Text, List(TEXT), Null];
pub(super) const MAP: &[Form] = &[Map];
pub(super) const MAPS: &[Form] = &[List(MAP)];
pub(super) const BOOL: &[Form] = &[Bool];
pub(super) const BOOL_OR_NULL: &[Form] = &[Bool, Null];
pub(super) const INT_OR_NULL: &[Form] = &[Int, Null];
pub(super) const VERSION: &[Form] = &[Number, Text];
pub(super) const VERSION_OR_NULL: &[Form] = &[Number, Text, Null];
pub(super) const VERSIONS_OR_NULL: &[Form] = &[List(VERSION), Null];
/// That they must not be null is told elsewhere.
pub(super) const TESTS: &[Form] = &[List(&[Map, Text]), Null];
