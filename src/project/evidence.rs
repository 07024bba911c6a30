//! What a repo tells of its warehouse beside the profile that dbt would read, most trustworthy first.

use super::adapters::{of_dialect, of_setting, packages_in, without_bases};
use super::data;
use crate::files::{Tree, join};
use crate::syntax::yaml::parse;
use serde_json::{Map, Value};

/// The names that people give a profiles.yml that is kept in the repo.
const PROFILES: [&str; 13] = [
    "profiles.yml",
    "profiles.yaml",
    "profiles.yml.example",
    "profiles.example.yml",
    "profiles.sample.yml",
    "profiles.template.yml",
    "profiles.yml.template",
    "profiles.ci.yml",
    "profiles_ci.yml",
    "ci_profiles.yml",
    "example.profiles.yml",
    "example_profiles.yml",
    "sample.profiles.yml",
];
/// Folders with a dot or deeper down that may hold one.
const FOLDERS: [&str; 8] = [
    ".dbt",
    ".github",
    ".circleci",
    ".ci",
    ".devcontainer",
    "integration_tests/ci",
    "integration_tests",
    "ci/profiles",
];
/// Folders that are looked into for one, at most.
const MAX_FOLDERS: usize = 64;

/// Where sqlfluff is configured.
const SQLFLUFF: [&str; 4] = [".sqlfluff", "pyproject.toml", "setup.cfg", "tox.ini"];

/// Files that name the packages a project installs.
const REQUIREMENTS: [&str; 30] = [
    "requirements.txt",
    "requirements.in",
    "requirements.lock",
    "requirements-dev.txt",
    "requirements_dev.txt",
    "requirements-dbt.txt",
    "dev-requirements.txt",
    "dbt-requirements.txt",
    "dbt_requirements.txt",
    "requirements/requirements.txt",
    "requirements/base.txt",
    "requirements/dbt.txt",
    "requirements/dev.txt",
    "constraints.txt",
    "pyproject.toml",
    "Pipfile",
    "setup.py",
    "setup.cfg",
    "environment.yml",
    "environment.yaml",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "Pipfile.lock",
    "Dockerfile",
    "docker-compose.yml",
    "docker-compose.yaml",
    "Makefile",
    "tox.ini",
    ".pre-commit-config.yaml",
];

/// What runs a project on servers.
const CI: [&str; 6] = [
    ".gitlab-ci.yml",
    ".circleci/config.yml",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "cloudbuild.yaml",
    "Jenkinsfile",
];
const WORKFLOWS: &str = ".github/workflows";

/// The adapter of a project and the file that tells it. `above` are the folders up to the repository's root,
/// relative to the project, nearest first.
pub(super) fn adapter(tree: &dyn Tree, above: &[String], profile: Option<&str>) -> Option<(&'static str, String)> {
    let folders: Vec<&str> = std::iter::once("").chain(above.iter().map(String::as_str)).collect();
    let read = |path: String| tree.is_file(&path).then(|| (tree.read(&path).text().to_owned(), path));
    let each = |names: &'static [&'static str]| {
        folders.iter().flat_map(move |folder| names.iter().map(|name| join(folder, name))).collect::<Vec<_>>()
    };
    let profiles = profiles(tree, &folders);
    let of_profiles = |only: Option<&str>| {
        profiles.iter().find_map(|(all, path)| {
            let meant = all.iter().filter(|(name, _)| only.is_none_or(|only| only == *name));
            Some((one(meant.flat_map(|(_, profile)| types(profile)).collect())?, path.clone()))
        })
    };
    if let Some(found) = profile.and_then(|name| of_profiles(Some(name))) {
        return Some(found);
    }
    let dialect =
        each(&SQLFLUFF).into_iter().filter_map(read).find_map(|(text, path)| Some((dialect(&text, &path)?, path)));
    dialect
        .or_else(|| named_in(each(&REQUIREMENTS).into_iter().filter_map(read)))
        .or_else(|| {
            let workflows = folders.iter().flat_map(|folder| tree.list(&join(folder, WORKFLOWS), &|_, _| false).files);
            named_in(each(&CI).into_iter().chain(workflows).filter_map(read))
        })
        .or_else(|| of_profiles(None))
        .or_else(|| {
            let path = "dbt_project.yml".to_owned();
            let (text, path) = read(path)?;
            let mut found = Vec::new();
            settings(&data::of(&parse(&text).root), &mut found);
            one(found).or_else(|| one(packages_in(&text))).map(|adapter| (adapter, path))
        })
        .or_else(|| named_in(each(&["README.md", "readme.md", "CONTRIBUTING.md"]).into_iter().filter_map(read)))
}

/// The files that a change of may tell another adapter, in the project's folder and in those above.
pub fn places(above: &[String]) -> Vec<String> {
    let folders = std::iter::once("").chain(above.iter().map(String::as_str));
    let names = PROFILES.iter().chain(&SQLFLUFF).chain(&REQUIREMENTS).chain(&CI);
    folders.flat_map(|folder| names.clone().map(move |name| join(folder, name))).collect()
}

type Profiles = Vec<(Map<String, Value>, String)>;

/// The profiles that lie in the repo.
fn profiles(tree: &dyn Tree, folders: &[&str]) -> Profiles {
    let mut found = Profiles::new();
    for folder in folders {
        let below = tree.folders(folder);
        let below = below.iter().map(String::as_str).filter(|name| !matches!(*name, "models" | "macros" | "target"));
        let places = std::iter::once("").chain(below.take(MAX_FOLDERS)).chain(FOLDERS);
        for place in places {
            for name in PROFILES {
                let path = join(folder, &join(place, name));
                if !tree.is_file(&path) || found.iter().any(|(_, known)| *known == path) {
                    continue;
                }
                if let Value::Object(all) = data::of(&parse(tree.read(&path).text()).root) {
                    found.push((all, path));
                }
            }
        }
    }
    found
}

/// The types of the outputs of a profile.
fn types(profile: &Value) -> Vec<&'static str> {
    let outputs = profile.get("outputs").and_then(Value::as_object).into_iter().flatten();
    outputs.filter_map(|(_, output)| of_dialect(output.get("type")?.as_str()?)).collect()
}

/// The only adapter of some, if it is the only one.
fn one(mut found: Vec<&'static str>) -> Option<&'static str> {
    found.sort_unstable();
    found.dedup();
    match without_bases(found).as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

/// The only adapter that a file names, of the first file that names one alone.
fn named_in(mut files: impl Iterator<Item = (String, String)>) -> Option<(&'static str, String)> {
    files.find_map(|(text, path)| Some((one(packages_in(&text))?, path)))
}

/// The dialect that a configuration of sqlfluff states: in its own file anywhere, else in its section.
fn dialect(text: &str, path: &str) -> Option<&'static str> {
    let mut is_own = path.ends_with(".sqlfluff");
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            is_own = line.contains("sqlfluff");
        }
        let stated = line.strip_prefix("dialect").map(str::trim_start).and_then(|rest| rest.strip_prefix(['=', ':']));
        if let Some(stated) = stated.filter(|_| is_own) {
            return of_dialect(stated.split(['#', ';']).next().unwrap_or_default());
        }
    }
    None
}

/// Adapters whose settings a value holds.
fn settings(value: &Value, found: &mut Vec<&'static str>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries.iter().filter(|(key, _)| !matches!(key.as_str(), "vars" | "meta" | "+meta")) {
                found.extend(of_setting(key.trim_start_matches('+')));
                settings(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| settings(item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Memory;

    fn told(files: &[(&str, &str)], profile: Option<&str>) -> Option<(&'static str, String)> {
        let tree: Memory = files.iter().copied().collect();
        adapter(&tree, &[], profile)
    }

    #[test]
    fn the_most_trustworthy_file_tells_the_adapter() {
        let profiles = (
            "ci/profiles.yml",
            "shop: {outputs: {a: {type: trino}, b: {type: trino}}}\nother: {outputs: {a: {type: spark}}}",
        );
        let dialect = (".sqlfluff", "[sqlfluff]\ndialect = bigquery  # ours\n");
        let lock = ("uv.lock", "name = \"dbt-redshift\"\nname = \"dbt-postgres\"\n");
        let workflow = (".github/workflows/ci.yml", "run: pip install dbt-athena\n");
        let settings = ("dbt_project.yml", "models: {shop: {+snowflake_warehouse: big}}\n");
        let all = [profiles, dialect, lock, workflow, settings];
        let named = |from: usize, profile| told(&all[from..], profile).map(|(adapter, _)| adapter);
        assert_eq!(named(0, Some("shop")), Some("trino"));
        assert_eq!(named(0, Some("nobody")), Some("bigquery"));
        assert_eq!(
            (named(2, None), named(3, None), named(4, None)),
            (Some("redshift"), Some("athena"), Some("snowflake"))
        );
        assert_eq!(told(&[("requirements.txt", "dbt-bigquery\ndbt-snowflake")], None), None);
    }
}
