//! Names that are nearly the same.

use std::sync::Arc;

/// Of longer names, one letter in so many may be another.
const LETTERS_A_SLIP: usize = 5;
/// At most so many letters may be others.
const SLIPS: usize = 3;

/// The name that is nearest to one that nothing bears; of equals the first in the alphabet, and none where all are
/// too far. Linear in the names: most are ruled out by their letters alone.
pub fn closest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n Arc<str>>) -> Option<Arc<str>> {
    let slips = (wanted.chars().count() / LETTERS_A_SLIP).clamp(1, SLIPS);
    let letters = counted(wanted);
    let mut best: Option<(usize, &Arc<str>)> = None;
    for name in names {
        let may_be = &**name != wanted && name.len().abs_diff(wanted.len()) <= 4 * slips;
        if !may_be || differing(&letters, &counted(name)) > 2 * slips {
            continue;
        }
        let distance = strsim::damerau_levenshtein(wanted, name);
        if distance <= slips && best.is_none_or(|best| (distance, name) < best) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name.clone())
}

/// How often each letter occurs, by its last bits.
fn counted(name: &str) -> [i32; 64] {
    let mut counts = [0; 64];
    name.bytes().for_each(|byte| counts[usize::from(byte & 63)] += 1);
    counts
}

fn differing(one: &[i32; 64], other: &[i32; 64]) -> usize {
    one.iter().zip(other).map(|(one, other)| one.abs_diff(*other) as usize).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_meant_and_a_far_one_never() {
        let names: Vec<Arc<str>> = ["stg_orders", "stg_order", "orders", "ordr"].map(Arc::from).into();
        let meant = |wanted: &str| closest(wanted, &names).map(|name| name.to_string());
        assert_eq!(meant("stg_ordrs").as_deref(), Some("stg_orders"));
        assert_eq!(meant("ordres").as_deref(), Some("orders"));
        assert_eq!(meant("customers"), None);
        assert_eq!(meant("orders").as_deref(), None);
        assert_eq!(meant("été"), None);
    }
}
