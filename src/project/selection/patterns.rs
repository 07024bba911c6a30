//! Python's `fnmatch` and `Path.glob`, for texts.

use regex::Regex;

/// A shell pattern: `*`, `?`, `[abc]`, `[!abc]`.
#[derive(Debug)]
pub(super) struct Pattern(Option<Regex>);

impl Pattern {
    pub(super) fn new(pattern: &str) -> Self {
        Self(Regex::new(&translated(pattern)).ok())
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.0.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

fn translated(pattern: &str) -> String {
    let letters: Vec<char> = pattern.chars().collect();
    let mut regex = String::from(r"(?s)\A(?:");
    let mut at = 0;
    while let Some(letter) = letters.get(at) {
        at += 1;
        match letter {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => match class(letters.get(at..).unwrap_or_default()) {
                Some((class, length)) => {
                    regex.push_str(&class);
                    at += length;
                }
                // A bracket that nothing closes is itself.
                None => regex.push_str(r"\["),
            },
            other => regex.push_str(&regex::escape(&other.to_string())),
        }
    }
    regex.push_str(r")\z");
    regex
}

/// What stands behind `[`, as a class of a regular expression, and its length with the `]`.
fn class(rest: &[char]) -> Option<(String, usize)> {
    let negated = rest.first() == Some(&'!');
    let begin = usize::from(negated);
    // A `]` at the beginning is one of the letters.
    let end = rest.iter().skip(begin + 1).position(|letter| *letter == ']')? + begin + 1;
    let letters = rest.get(begin..end)?;
    let mut ranges = String::new();
    let mut at = 0;
    while let Some(first) = letters.get(at) {
        let last = letters.get(at + 2).filter(|_| letters.get(at + 1) == Some(&'-'));
        at += if last.is_some() { 3 } else { 1 };
        let last = last.unwrap_or(first);
        // A range that goes backwards holds nothing.
        if first <= last {
            ranges.push_str(&format!(r"\x{{{:x}}}-\x{{{:x}}}", *first as u32, *last as u32));
        }
    }
    let class = match (ranges.is_empty(), negated) {
        (true, true) => ".".to_owned(),
        (true, false) => r"[^\s\S]".to_owned(),
        (false, _) => format!("[{}{ranges}]", if negated { "^" } else { "" }),
    };
    Some((class, end + 1))
}

/// A pattern of paths: part by part, and `**` is any number of folders.
#[derive(Debug)]
pub(super) struct PathPattern {
    parts: Vec<Part>,
    /// A slash at the end: only folders are meant.
    folders_only: bool,
}

#[derive(Debug)]
enum Part {
    Folders,
    Named(Pattern),
}

impl PathPattern {
    pub(super) fn new(pattern: &str) -> Self {
        let parts = pattern.split('/').filter(|part| !part.is_empty() && *part != ".");
        let part = |part: &str| if part == "**" { Part::Folders } else { Part::Named(Pattern::new(part)) };
        Self { parts: parts.map(part).collect(), folders_only: pattern.ends_with('/') }
    }

    pub(super) fn matches_file(&self, path: &str) -> bool {
        // `**` at the end means folders.
        let ends_in_folders = matches!(self.parts.last(), Some(Part::Folders));
        !self.folders_only && !ends_in_folders && fits(&self.parts, &split(path))
    }

    /// The empty path is the project's own folder.
    pub(super) fn matches_folder(&self, path: &str) -> bool {
        !self.parts.is_empty() && fits(&self.parts, &split(path))
    }
}

fn split(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect()
}

/// Whether the parts fit, by how many of them fit the beginning.
fn fits(parts: &[Part], path: &[&str]) -> bool {
    let mut reached = vec![false; path.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    for part in parts {
        let mut next = vec![false; path.len() + 1];
        let mut open = false;
        for (at, next) in next.iter_mut().enumerate() {
            let here = reached.get(at).copied().unwrap_or_default();
            match part {
                Part::Folders => {
                    open |= here;
                    *next = open;
                }
                Part::Named(pattern) => {
                    let before = at.checked_sub(1);
                    let was = before.and_then(|at| reached.get(at)).copied().unwrap_or_default();
                    *next = was && before.and_then(|at| path.get(at)).is_some_and(|name| pattern.matches(name));
                }
            }
        }
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).matches(text)
    }

    #[test]
    fn stars_question_marks_and_classes_are_pythons() {
        assert!(is("stg_*", "stg_orders") && is("*", "") && is("a?c", "abc") && !is("a?c", "ac"));
        assert!(is("[ab]x", "bx") && !is("[!ab]x", "bx") && is("[!ab]x", "cx") && is("[a-c]1", "b1"));
        assert!(is("[]]", "]") && is("[", "[") && is("a[b", "a[b") && !is("[c-a]", "b") && is("a.b", "a.b"));
        assert!(!is("a.b", "axb") && !is("Stg_*", "stg_a"));
    }

    #[test]
    fn two_stars_are_folders_and_one_stays_in_its_folder() {
        let file = |pattern: &str, path: &str| PathPattern::new(pattern).matches_file(path);
        let folder = |pattern: &str, path: &str| PathPattern::new(pattern).matches_folder(path);
        assert!(file("models/*/a.sql", "models/x/a.sql") && !file("models/*.sql", "models/x/a.sql"));
        assert!(file("models/**/a.sql", "models/a.sql") && file("**/a.sql", "models/x/y/a.sql"));
        assert!(!file("models/**", "models/a.sql") && folder("models/**", "models/x"));
        assert!(folder("models/**", "models") && folder("**", "") && !folder("*", ""));
        assert!(folder("models/x/", "models/x") && !file("models/a.sql/", "models/a.sql"));
        assert!(file("./models//a.sql", "models/a.sql"));
    }
}
