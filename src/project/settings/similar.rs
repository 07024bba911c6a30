//! "Did you mean": names that are a slip away.

pub fn did_you_mean(text: &str, allowed: &[&str]) -> String {
    nearest(text, allowed).map_or_else(|| one_of(allowed), question)
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

/// The name a typing mistake away, if there is one; case and `-` for `_` are no mistakes.
pub fn nearest<'a>(text: &str, allowed: &[&'a str]) -> Option<&'a str> {
    // Comparing costs the product of the lengths, and no name is that long.
    const LONGEST: usize = 100;
    if text.len() > LONGEST {
        return None;
    }
    let normal = |name: &str| name.to_lowercase().replace('-', "_");
    let typed = normal(text);
    let tolerated = (typed.chars().count() / 3).max(1);
    let distance = |name: &str| {
        let name = normal(name);
        // `warn` for `warning` is cut short, not mistyped.
        if typed.len() > 2 && name.starts_with(&typed) { 0 } else { strsim::damerau_levenshtein(&typed, &name) }
    };
    allowed
        .iter()
        .map(|name| (distance(name), *name))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
