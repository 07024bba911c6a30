//! All rules: the files of `queries/rules`, read once, and those of the repo that is checked.

use crate::db::cache::{Key, KeyMaker, Work};
use crate::project::settings::{KnownRule, KnownRules};
use crate::rules::rule::{Rule, RuleError, spelled_as_id};
use crate::similar::Typed;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

static FILES: &[(&str, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// The group of a repo's own rules.
pub const HOUSE: &str = "house";

#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// Sorted by id.
    rules: Vec<Arc<Rule>>,
    /// The repo's own rule files that cannot be used.
    broken: Vec<RuleError>,
    /// Of all texts the rules are read from.
    digest: Key,
}

/// Everything that is wrong with the rule files, not only the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryError {
    pub errors: Vec<RuleError>,
}

impl fmt::Display for RegistryError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.errors.iter().map(ToString::to_string).collect();
        write!(out, "{}", lines.join("\n"))
    }
}

impl std::error::Error for RegistryError {}

impl Registry {
    /// The rules this build carries.
    pub fn embedded() -> Result<&'static Self, &'static RegistryError> {
        static EMBEDDED: OnceLock<Result<Registry, RegistryError>> = OnceLock::new();
        EMBEDDED
            .get_or_init(|| {
                Registry::read(
                    FILES.iter().map(|(group, stem, text)| (format!("queries/rules/{group}/{stem}.md"), *text)),
                )
            })
            .as_ref()
    }

    /// The rules of these files, given by path and text.
    pub fn read<'a>(files: impl IntoIterator<Item = (String, &'a str)>) -> Result<Self, RegistryError> {
        let registry = Self::default().with(None, files);
        if registry.broken.is_empty() { Ok(registry) } else { Err(RegistryError { errors: registry.broken }) }
    }

    /// These rules and those of a repo's own files. A file that cannot be used is noted, and the others are
    /// used.
    pub fn with_house_rules<'a>(&self, files: impl IntoIterator<Item = (String, &'a str)>) -> Self {
        self.with(Some(HOUSE), files)
    }

    /// The same, where a file could not be read.
    pub fn with_broken(mut self, errors: impl IntoIterator<Item = RuleError>) -> Self {
        let mut said = KeyMaker::new(Work::Check);
        self.digest.add_to(&mut said);
        for error in errors {
            said.text(&format!("{error:?}"));
            self.broken.push(error);
        }
        self.digest = said.key();
        self.broken.sort_by(|one, other| (&one.path, one.line).cmp(&(&other.path, other.line)));
        self
    }

    /// The rules of the repo itself.
    pub fn house_rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.iter().filter(|rule| rule.group == HOUSE)
    }

    fn with<'a>(&self, group: Option<&str>, files: impl IntoIterator<Item = (String, &'a str)>) -> Self {
        let mut rules: BTreeMap<Arc<str>, Arc<Rule>> =
            self.rules.iter().map(|rule| (Arc::clone(&rule.id), Arc::clone(rule))).collect();
        let mut errors = self.broken.clone();
        let mut said = KeyMaker::new(Work::Check);
        self.digest.add_to(&mut said);
        said.text(group.unwrap_or_default());
        for (path, text) in files {
            said.text(&path);
            said.text(text);
            let rule = match Rule::parse(&path, text) {
                Ok(rule) => Rule { group: group.map_or(rule.group, str::to_owned), ..rule },
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            // A family claims ids too: one of its members must not be another rule's own id.
            let other = rules.values().find(|other| other.owns(&rule.id) || rule.owns(&other.id));
            match other {
                Some(other) => errors.push(RuleError {
                    line: 1,
                    message: format!("{} is already the id of {}", rule.id, other.path),
                    path,
                }),
                None => {
                    rules.insert(Arc::clone(&rule.id), Arc::new(rule));
                }
            }
        }
        Self { rules: rules.into_values().collect(), broken: errors, digest: said.key() }
    }

    /// A number for all texts the rules are read from.
    pub fn digest(&self) -> Key {
        self.digest
    }

    pub fn broken(&self) -> &[RuleError] {
        &self.broken
    }

    /// Whether these are its rules, the very ones.
    pub(super) fn is_of(&self, rules: &[Arc<Rule>]) -> bool {
        let own = self.rules();
        own.len() == rules.len() && own.iter().zip(rules).all(|(one, other)| Arc::ptr_eq(one, other))
    }

    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// What a harness.yml may say of these rules.
    pub fn known(&self) -> KnownRules<'_> {
        let rules = self.rules.iter().map(|rule| KnownRule {
            id: &rule.id,
            aliases: rule.aliases.iter().map(String::as_str).collect(),
            presets: rule.presets.iter().map(String::as_str).collect(),
            options: rule.options.iter().map(|(name, option)| (name.as_str(), option.default.clone())).collect(),
        });
        KnownRules { rules: rules.collect() }
    }

    /// The rule that reports findings of this id, the id of a family's member included; or what is called so
    /// elsewhere.
    pub fn get(&self, id: &str) -> Option<&Arc<Rule>> {
        match self.rules.binary_search_by(|rule| (*rule.id).cmp(id)) {
            Ok(at) => self.rules.get(at),
            Err(_) => {
                let own = self.rules.iter().find(|rule| rule.owns(id));
                own.or_else(|| self.rules.iter().find(|rule| rule.is_alias(id)))
            }
        }
    }

    /// The id that somebody who wrote `id` most likely meant. A rule's file name will do too.
    pub fn closest(&self, id: &str) -> Option<String> {
        let wanted = spelled_as_id(id);
        if self.get(&wanted).is_some() {
            return Some(wanted);
        }
        let typed = Typed::new(&wanted);
        let all = self.rules.iter().flat_map(|rule| candidates(rule, &wanted, &typed));
        all.min().map(|(_, id)| id)
    }
}

/// Ids of the rule that `wanted` could stand for, each after the slips between them.
fn candidates(rule: &Rule, wanted: &str, typed: &Typed) -> Vec<(usize, String)> {
    let Some(family) = &rule.family else {
        return typed.slips(&rule.id).map(|slips| (slips, rule.id.to_string())).into_iter().collect();
    };
    // The value is the writer's own word: only what stands around it can be mistyped.
    wanted
        .match_indices('_')
        .filter_map(|(at, _)| {
            let (before, value) = (wanted.get(..=at)?, wanted.get(at + 1..)?);
            let value = value.strip_suffix(family.suffix.as_str())?;
            let id = format!("{}{value}{}", family.prefix, family.suffix);
            let slips = Typed::new(before).slips(&family.prefix)?;
            rule.owns(&id).then_some((slips, id))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(stem: &str, more: &str) -> (String, String) {
        let block = "finding(node: m, cte: c) :- cte(m, c, _).";
        let text = format!("---\nseverity: error\nmessage: m\n{more}---\n# T\n```datalog\n{block}\n```\n");
        (format!("queries/rules/g/{stem}.md"), text)
    }

    fn registry(files: &[(String, String)]) -> Result<Registry, RegistryError> {
        Registry::read(files.iter().map(|(path, text)| (path.clone(), text.as_str())))
    }

    fn sample() -> Registry {
        registry(&[
            file("unknown-ref", ""),
            file("cycle", ""),
            file("cte-missing", "id: CTE_MISSING_{CTE}\n"),
            file("cte-order", ""),
        ])
        .unwrap()
    }

    #[test]
    fn every_rule_that_is_built_in_can_be_read() {
        let registry = Registry::embedded().unwrap_or_else(|errors| panic!("{errors}"));
        assert!(!registry.rules().is_empty());
    }

    #[test]
    fn rules_are_sorted_by_id_and_found_by_it() {
        let registry = sample();
        let ids: Vec<&str> = registry.rules().iter().map(|rule| &*rule.id).collect();
        assert_eq!(ids, ["CTE_MISSING_{CTE}", "CTE_ORDER", "CYCLE", "UNKNOWN_REF"]);
        assert_eq!(&*registry.get("CYCLE").unwrap().id, "CYCLE");
        assert!(registry.get("cycle").is_none() && registry.get("CTE_MISSING_").is_none());
    }

    #[test]
    fn a_member_of_a_family_is_the_familys_rule() {
        let registry = sample();
        for id in ["CTE_MISSING_FINAL", "CTE_MISSING_{CTE}"] {
            assert_eq!(&*registry.get(id).unwrap().id, "CTE_MISSING_{CTE}");
        }
    }

    #[test]
    fn a_slip_is_understood_and_another_word_is_not() {
        let registry = sample();
        for (written, meant) in [
            ("UNKOWN_REF", Some("UNKNOWN_REF")),
            ("unknown-ref", Some("UNKNOWN_REF")),
            ("CYLCE", Some("CYCLE")),
            ("CTE_MISING_FINAL", Some("CTE_MISSING_FINAL")),
            ("cte-missing-final", Some("CTE_MISSING_FINAL")),
            ("CTE_ODRER", Some("CTE_ORDER")),
            ("ORPHAN", None),
            ("", None),
        ] {
            assert_eq!(registry.closest(written).as_deref(), meant, "{written}");
        }
    }

    #[test]
    fn two_rules_of_one_id_are_an_error() {
        let error = registry(&[file("cycle", ""), ("queries/rules/h/cycle.md".to_owned(), file("cycle", "").1)]);
        assert_eq!(
            error.unwrap_err().to_string(),
            "queries/rules/h/cycle.md:1: CYCLE is already the id of queries/rules/g/cycle.md"
        );
        let family = file("cte-missing", "id: CTE_MISSING_{CTE}\n");
        assert!(registry(&[family, file("cte-missing-final", "")]).is_err());
    }

    #[test]
    fn all_broken_files_are_told_at_once() {
        let broken = |stem: &str| (format!("queries/rules/g/{stem}.md"), "# T\n".to_owned());
        let error = registry(&[broken("a"), file("b", ""), broken("c")]).unwrap_err();
        let paths: Vec<&str> = error.errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["queries/rules/g/a.md", "queries/rules/g/c.md"]);
    }
}
