//! Which name a mistyped one most likely means: one measure for all that people write and type.

use std::borrow::Cow;

/// Of longer names, one letter in so many may be a slip.
const LETTERS_A_SLIP: usize = 4;
/// At most so many letters may be slips.
const SLIPS: usize = 3;
/// Comparing costs the product of the lengths, and no name is that long.
const LONGEST: usize = 200;
/// A name of so many letters or more may be cut short.
const CUT: usize = 3;

/// The nearest of some names to one that is none of them; of equals the first in the alphabet, and none where all are
/// too far. Case, and `-` and spaces for `_`, are no slips; a name that is cut short is one. Linear in the names:
/// most are ruled out by their letters alone.
pub fn nearest<'n, N: AsRef<str> + Copy + 'n>(wanted: &str, names: impl IntoIterator<Item = N>) -> Option<N> {
    if wanted.is_empty() || wanted.len() > LONGEST {
        return None;
    }
    let typed = Typed::new(wanted);
    let mut best: Option<(usize, N)> = None;
    for name in names {
        let text = name.as_ref();
        if text == wanted {
            continue;
        }
        let Some(slips) = typed.slips(text) else { continue };
        if best.as_ref().is_none_or(|(least, other)| (slips, text) < (*least, other.as_ref())) {
            best = Some((slips, name));
        }
    }
    best.map(|(_, name)| name)
}

/// What to say of a name that is none of those allowed.
pub fn did_you_mean(text: &str, allowed: &[&str]) -> String {
    nearest(text, allowed.iter().copied()).map_or_else(|| one_of(allowed), question)
}

pub fn question(name: &str) -> String {
    format!("Did you mean `{name}`?")
}

pub fn one_of(allowed: &[&str]) -> String {
    match allowed {
        [only] => format!("Use `{only}`."),
        _ => format!("Use one of `{}`.", allowed.join("`, `")),
    }
}

/// A name that somebody wrote.
#[derive(Debug)]
pub struct Typed {
    text: String,
    length: usize,
    letters: [i32; 64],
}

impl Typed {
    pub fn new(text: &str) -> Self {
        let text = normal(text).into_owned();
        Self { length: text.chars().count(), letters: counted(&text), text }
    }

    /// How many slips lie between it and a name, unless that is another name altogether.
    pub fn slips(&self, name: &str) -> Option<usize> {
        let allowed = (self.length / LETTERS_A_SLIP).clamp(1, SLIPS);
        let is_cut = self.length >= CUT && name.len() <= 2 * self.text.len();
        if name.len().abs_diff(self.text.len()) > 4 * allowed && !is_cut {
            return None;
        }
        let name = normal(name);
        if is_cut && name.starts_with(&*self.text) {
            return Some(usize::from(*name != self.text));
        }
        if differing(&self.letters, &counted(&name)) > 2 * allowed {
            return None;
        }
        Some(strsim::damerau_levenshtein(&self.text, &name)).filter(|slips| *slips <= allowed)
    }
}

/// The name as it is compared, which most are written as.
fn normal(name: &str) -> Cow<'_, str> {
    let is_normal = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase() && !matches!(byte, b'-' | b' ');
    if name.bytes().all(is_normal) {
        return Cow::Borrowed(name);
    }
    let letters = name.trim().chars().flat_map(char::to_lowercase);
    letters.map(|letter| if matches!(letter, '-' | ' ') { '_' } else { letter }).collect()
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

    fn meant<'n>(wanted: &str, names: &[&'n str]) -> Option<&'n str> {
        nearest(wanted, names.iter().copied())
    }

    #[test]
    fn the_nearest_name_is_meant_and_a_far_one_never() {
        let names = ["stg_orders", "stg_order", "orders", "ordr"];
        assert_eq!(meant("stg_ordrs", &names), Some("stg_orders"));
        assert_eq!(meant("ordres", &names), Some("orders"));
        assert_eq!(meant("customers", &names), None);
        assert_eq!(meant("été", &names), None);
        assert_eq!(meant("", &names), None);
    }

    #[test]
    fn a_name_is_not_meant_by_itself() {
        assert_eq!(meant("orders", &["orders"]), None);
        assert_eq!(meant("Orders", &["orders"]), Some("orders"));
    }

    #[test]
    fn case_and_signs_are_no_slips_and_a_word_that_is_cut_short_is_one() {
        assert_eq!(meant("Dim-Wells", &["dim_wells"]), Some("dim_wells"));
        assert_eq!(meant("warn", &["error", "warning", "worn"]), Some("warning"));
        assert_eq!(meant("or", &["orders"]), None);
    }

    #[test]
    fn of_equals_the_first_in_the_alphabet_is_meant() {
        assert_eq!(meant("stg_a", &["stg_c", "stg_b"]), Some("stg_b"));
    }
}
