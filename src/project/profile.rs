//! Which target Jinja sees: from profiles.yml where there is one, else a guess from what the repo
//! says. A profile's secrets are dropped here; nothing else ever sees them.

use super::calls::demanded_variables;
use super::data;
use super::jinja::run::{Names, Run, Subject};
use super::jinja::{Minijinja, Renderer};
use crate::db::settings::HouseRules;
use crate::db::{Database, FileKind, Invocation, Package, Project, SourceFile};
use crate::files::{Content, Tree};
use crate::syntax::yaml::parse;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What the command line chose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    pub profile: Option<String>,
    pub target: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chosen {
    pub target: BTreeMap<String, Value>,
    /// What was assumed.
    pub notes: Vec<String>,
}

/// The keys of an output that templates may see. dbt shows the connection's plain keys only.
const SHOWN: [&str; 18] = [
    "type",
    "schema",
    "database",
    "dbname",
    "project",
    "dataset",
    "catalog",
    "threads",
    "user",
    "role",
    "warehouse",
    "account",
    "host",
    "port",
    "location",
    "http_path",
    "path",
    "cluster",
];

/// Adapters and the words a repo betrays them with.
const ADAPTERS: [&str; 12] = [
    "snowflake",
    "bigquery",
    "databricks",
    "redshift",
    "clickhouse",
    "trino",
    "duckdb",
    "athena",
    "synapse",
    "fabric",
    "spark",
    "postgres",
];

/// Files beside a project that name its adapter's package.
pub const REQUIREMENTS: [&str; 8] = [
    "requirements.txt",
    "requirements-dev.txt",
    "pyproject.toml",
    "Pipfile",
    "poetry.lock",
    "uv.lock",
    "README.md",
    "dbt_project.yml",
];

/// The target of a project. A profile or target that was asked for and is not there is an error: what
/// is wrong, and what to do.
pub fn choose(
    tree: &dyn Tree,
    profiles: &str,
    choice: &Choice,
    env: &BTreeMap<String, String>,
) -> Result<Chosen, (String, String)> {
    let mut chosen = Chosen::default();
    let name = choice.profile.clone().or_else(|| {
        let root = data::of(&parse(tree.read("dbt_project.yml").text()).root);
        root.get("profile").and_then(data::scalar).map(|name| plain(&name, env))
    });
    let all = data::of(&parse(profiles).root);
    // A project that names no profile means the only one there is.
    let only = all.as_object().filter(|all| all.len() == 1).and_then(|all| all.keys().next());
    let name = name.or_else(|| only.cloned());
    let profile = name.as_deref().and_then(|name| all.get(name));
    let has_profiles = all.as_object().is_some_and(|all| !all.is_empty());
    if let (Some(asked), None, true) = (&choice.profile, profile, has_profiles) {
        return Err((format!("profiles.yml has no profile {asked}."), remedy("profiles", all.as_object())));
    }
    let default = profile.and_then(|profile| profile.get("target")).and_then(data::scalar);
    // A target that the environment names and nobody set is unknown, and so the usual one.
    let default = default.map(|target| plain(&target, env)).filter(|target| !target.starts_with("__env_"));
    let target = choice.target.clone().or(default).unwrap_or_else(|| "dev".to_owned());
    let outputs = profile.and_then(|profile| profile.get("outputs")).and_then(Value::as_object);
    let output = outputs.and_then(|outputs| outputs.get(&target)).and_then(Value::as_object);
    if let (Some(asked), None, Some(outputs)) = (&choice.target, output, outputs) {
        return Err((format!("the profile has no target {asked}."), remedy("targets", Some(outputs))));
    }
    match output {
        Some(output) => take_output(output, env, &mut chosen),
        None => guess(tree, &mut chosen),
    }
    chosen.notes.push(format!("the target is {target}"));
    chosen.target.insert("name".to_owned(), Value::String(target));
    if let Some(name) = name {
        chosen.target.insert("profile_name".to_owned(), Value::String(name));
    }
    Ok(chosen)
}

fn remedy(what: &str, there: Option<&Map<String, Value>>) -> String {
    let names: Vec<&str> = there.into_iter().flat_map(|all| all.keys()).map(String::as_str).collect();
    format!("Its {what} are: {}.", names.join(", "))
}

fn take_output(output: &Map<String, Value>, env: &BTreeMap<String, String>, chosen: &mut Chosen) {
    let shown: Vec<(&str, &Value)> = SHOWN.iter().filter_map(|key| Some((*key, output.get(*key)?))).collect();
    let texts: Vec<&str> = shown.iter().map(|(_, value)| value.as_str().unwrap_or_default()).collect();
    for ((key, value), rendered) in shown.into_iter().zip(rendered(&texts, env)) {
        let unset = value.as_str().into_iter().flat_map(demanded_variables).filter(|name| !env.contains_key(&**name));
        let told =
            unset.map(|name| format!("the environment variable {name} is not set; the profile's {key} is unknown"));
        chosen.notes.extend(told);
        let value = if value.is_string() { rendered } else { value.clone() };
        let key = if key == "dbname" { "database" } else { key };
        chosen.target.insert(key.to_owned(), value);
    }
}

/// The Jinja of profiles and of the profile's name: environment variables, defaults, filters.
fn rendered(texts: &[&str], env: &BTreeMap<String, String>) -> Vec<Value> {
    let db = Database::default();
    let file =
        |kind, text: &str| SourceFile::new(&db, "".into(), "".into(), "".into(), kind, Content::Text(text.into()));
    let package = Package::new(&db, "".into(), file(FileKind::ProjectFile, "name: profile"), Vec::new());
    let invocation = Invocation { env: env.clone(), ..Invocation::default() };
    Project::new(
        &db,
        package,
        Vec::new(),
        package,
        Vec::new(),
        Vec::new(),
        None,
        Vec::new(),
        HouseRules::default(),
        invocation,
        None,
    );
    salsa::attach(&db, || {
        let render = |text: &&str| {
            if !data::has_jinja(text) {
                return Value::from(*text);
            }
            let run = Run::new(package, Names::Profile, Subject::default());
            Minijinja.evaluate(text, run).0.unwrap_or_else(|_| Value::from(*text))
        };
        texts.iter().map(render).collect()
    })
}

fn plain(text: &str, env: &BTreeMap<String, String>) -> String {
    let value = rendered(&[text], env).pop();
    value.as_ref().and_then(data::scalar).unwrap_or_else(|| text.to_owned())
}

fn guess(tree: &dyn Tree, chosen: &mut Chosen) {
    let found = REQUIREMENTS.iter().filter(|file| tree.is_file(file)).find_map(|file| {
        let text = tree.read(file).text().to_lowercase();
        let named =
            |adapter: &&&str| text.contains(&format!("dbt-{adapter}")) || text.contains(&format!("dbt_{adapter}"));
        ADAPTERS.iter().find(named).map(|adapter| (*adapter, *file))
    });
    match found {
        Some((adapter, file)) => {
            chosen.notes.push(format!("no profile was found; the adapter is {adapter}, as {file} names it"));
            chosen.target.insert("type".to_owned(), Value::from(adapter));
        }
        None => chosen.notes.push("no profile was found and no file names an adapter; postgres is assumed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Memory;

    #[test]
    fn a_variable_that_a_profile_needs_and_nobody_set_is_named() {
        let text = "shop: {outputs: {dev: {type: postgres, schema: \"{{ env_var('GONE') }}\", password: \"{{ env_var('SECRET') }}\", \
                    user: \"{{ env_var('ALSO', 'me') }}\"}}}";
        let files: crate::files::Memory = [("dbt_project.yml", "name: shop\nprofile: shop\n")].into_iter().collect();
        let chosen = choose(&files, text, &Choice::default(), &BTreeMap::new()).unwrap();
        let named: Vec<_> = chosen.notes.iter().filter(|note| note.contains("is not set")).collect();
        assert_eq!(named, ["the environment variable GONE is not set; the profile's schema is unknown"]);
    }

    #[test]
    fn a_profiles_secrets_are_never_part_of_the_target() {
        let tree: Memory = [("dbt_project.yml", "name: shop\nprofile: shop\n")].into_iter().collect();
        let profiles = "shop:\n  target: ci\n  outputs:\n    ci: {type: snowflake, schema: \"{{ env_var('S', 'x') }}\", \
                        password: hush, token: hush, account: a}\n";
        let chosen = choose(&tree, profiles, &Choice::default(), &BTreeMap::new()).unwrap();
        let shown = format!("{:?}", chosen);
        assert!(!shown.contains("hush"), "{shown}");
        assert_eq!(chosen.target["name"], "ci");
        assert_eq!(chosen.target["schema"], "x");
        let choice = Choice { target: Some("prod".to_owned()), profile: None };
        let (what, fix) = choose(&tree, profiles, &choice, &BTreeMap::new()).unwrap_err();
        assert_eq!((what.as_str(), fix.as_str()), ("the profile has no target prod.", "Its targets are: ci."));
    }

    #[test]
    fn jinja_in_profiles_and_in_the_profiles_name_is_rendered() {
        let tree: Memory =
            [("dbt_project.yml", "name: shop\nprofile: \"{{ env_var('PROF', 'p') }}\"\n")].into_iter().collect();
        let profiles = "p: {target: d, outputs: {d: {type: duckdb, schema: \"dbt_{{ env_var('U', 'bob') }}\", \
                        threads: \"{{ env_var('T', 4) | as_number }}\"}}}\nq: {}\n";
        let env = BTreeMap::from([("U".to_owned(), "eve".to_owned())]);
        let chosen = choose(&tree, profiles, &Choice::default(), &env).unwrap();
        assert_eq!(chosen.target["schema"], "dbt_eve");
        assert_eq!(chosen.target["threads"], 4);
    }

    #[test]
    fn without_a_profile_the_adapter_is_read_from_the_repo() {
        let tree: Memory = [("dbt_project.yml", "name: shop"), ("requirements.txt", "dbt-core\ndbt-bigquery==1.9")]
            .into_iter()
            .collect();
        let chosen = choose(&tree, "", &Choice::default(), &BTreeMap::new()).unwrap();
        assert_eq!(chosen.target["type"], "bigquery");
        assert_eq!(chosen.target["name"], "dev");
    }
}
