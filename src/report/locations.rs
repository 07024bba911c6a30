//! Further places of a finding, in words.

use crate::report::escaped;
use crate::rules::finding::{Finding, Place};
use std::collections::HashSet;

/// Places that are named; the others are counted.
const PLACES_NAMED: usize = 3;

/// Further places of a finding, those of its own file first; empty where there are none.
pub(super) fn also(finding: &Finding) -> String {
    let path = &finding.place.path;
    let (own, others): (Vec<&Place>, Vec<&Place>) = finding.locations.iter().partition(|place| place.path == *path);
    let files = others.iter().map(|place| &place.path).collect::<HashSet<_>>().len();
    let named = |places: &[&Place]| {
        let shown: Vec<String> = places.iter().take(PLACES_NAMED).map(|place| short(place, path)).collect();
        (shown.join(", "), places.len().saturating_sub(PLACES_NAMED))
    };
    if files < 2 {
        return match named(&[own, others].concat()) {
            (shown, _) if shown.is_empty() => shown,
            (shown, 0) => format!(" (also {shown})"),
            (shown, more) => format!(" (also {shown} and {more} more)"),
        };
    }
    let own = match named(&own) {
        (shown, _) if shown.is_empty() => shown,
        (shown, 0) => format!("{shown} and "),
        (shown, more) => format!("{shown}, {more} more and "),
    };
    let (shown, more) = named(&others);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(" (also {own}in {files} more files: {shown}{rest})")
}

fn short(place: &Place, path: &str) -> String {
    let at = format!("{}:{}", place.start.line, place.start.column);
    if *place.path == *path { at } else { format!("{}:{at}", escaped(&place.path)) }
}
