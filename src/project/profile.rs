//! Which target Jinja sees: from profiles.yml where there is one, else a guess from what the repo
//! says. A profile's secrets are dropped here; nothing else ever sees them.

use super::adapters::UNKNOWN;
use super::calls::demanded_variables;
use super::data;
use super::jinja::run::Names;
use super::{early, evidence};
use crate::db::Invocation;
use crate::files::Tree;
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

/// The target of a project. A profile or target that was asked for and is not there is an error: what
/// is wrong, and what to do.
pub fn choose(
    tree: &dyn Tree,
    above: &[String],
    profiles: &str,
    choice: &Choice,
    env: &BTreeMap<String, String>,
) -> Result<Chosen, (String, String)> {
    let mut chosen = Chosen::default();
    let of_env = |name: &str| env.get(name).filter(|value| !value.is_empty()).cloned();
    let name = choice.profile.clone().or_else(|| of_env("DBT_PROFILE")).or_else(|| {
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
    let default = match profile.and_then(|profile| profile.get("target")).filter(|target| !target.is_null()) {
        Some(target) => data::scalar(target).map(|target| plain(&target, env)),
        None => profile.map(|_| "default".to_owned()),
    };
    // A target that the environment names and nobody set is unknown, and so the usual one.
    let default = default.filter(|target| !target.starts_with("__env_"));
    let given = choice.target.clone().or_else(|| of_env("DBT_TARGET"));
    let target = given.or(default).unwrap_or_else(|| "dev".to_owned());
    let outputs = profile.and_then(|profile| profile.get("outputs")).and_then(Value::as_object);
    let output = outputs.and_then(|outputs| outputs.get(&target)).and_then(Value::as_object);
    if let (Some(asked), None, Some(outputs)) = (&choice.target, output, outputs) {
        return Err((format!("the profile has no target {asked}."), remedy("targets", Some(outputs))));
    }
    match (output, outputs) {
        (Some(output), _) => take_output(output, env, &mut chosen),
        (None, Some(outputs)) => {
            let note = "the profile has no target {target}; what all of its outputs share is taken";
            chosen.notes.push(note.replace("{target}", &target));
            take_output(&shared(outputs), env, &mut chosen);
        }
        (None, None) => {}
    }
    let is_known = |kind: &Value| kind.as_str().is_some_and(|kind| !data::is_unknown(kind));
    if !chosen.target.get("type").is_some_and(is_known) {
        guess(tree, above, name.as_deref(), &mut chosen);
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
    early::rendered(texts, &Invocation { env: env.clone(), ..Invocation::default() }, Names::Profile)
}

fn plain(text: &str, env: &BTreeMap<String, String>) -> String {
    let value = rendered(&[text], env).pop();
    value.as_ref().and_then(data::scalar).unwrap_or_else(|| text.to_owned())
}

/// What all outputs of a profile have in common.
fn shared(outputs: &Map<String, Value>) -> Map<String, Value> {
    let mut all = outputs.values().filter_map(Value::as_object);
    let mut shared = all.next().cloned().unwrap_or_default();
    for output in all {
        shared.retain(|key, value| output.get(key) == Some(value));
    }
    shared
}

fn guess(tree: &dyn Tree, above: &[String], name: Option<&str>, chosen: &mut Chosen) {
    let (kind, note) = match evidence::adapter(tree, above, name) {
        Some((adapter, file)) => (adapter, format!("no profile tells the adapter; it is {adapter}, as {file} has it")),
        None => (UNKNOWN, "no profile and no file tells the adapter, so target.type is unknown".to_owned()),
    };
    chosen.notes.push(note);
    chosen.target.insert("type".to_owned(), Value::from(kind));
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
        let chosen = choose(&files, &[], text, &Choice::default(), &BTreeMap::new()).unwrap();
        let named: Vec<_> = chosen.notes.iter().filter(|note| note.contains("is not set")).collect();
        assert_eq!(named, ["the environment variable GONE is not set; the profile's schema is unknown"]);
    }

    #[test]
    fn a_profiles_secrets_are_never_part_of_the_target() {
        let tree: Memory = [("dbt_project.yml", "name: shop\nprofile: shop\n")].into_iter().collect();
        let profiles = "shop:\n  target: ci\n  outputs:\n    ci: {type: snowflake, schema: \"{{ env_var('S', 'x') }}\", \
                        password: hush, token: hush, account: a}\n";
        let chosen = choose(&tree, &[], profiles, &Choice::default(), &BTreeMap::new()).unwrap();
        let shown = format!("{:?}", chosen);
        assert!(!shown.contains("hush"), "{shown}");
        assert_eq!(chosen.target["name"], "ci");
        assert_eq!(chosen.target["schema"], "x");
        let choice = Choice { target: Some("prod".to_owned()), profile: None };
        let (what, fix) = choose(&tree, &[], profiles, &choice, &BTreeMap::new()).unwrap_err();
        assert_eq!((what.as_str(), fix.as_str()), ("the profile has no target prod.", "Its targets are: ci."));
    }

    #[test]
    fn jinja_in_profiles_and_in_the_profiles_name_is_rendered() {
        let tree: Memory =
            [("dbt_project.yml", "name: shop\nprofile: \"{{ env_var('PROF', 'p') }}\"\n")].into_iter().collect();
        let profiles = "p: {target: d, outputs: {d: {type: duckdb, schema: \"dbt_{{ env_var('U', 'bob') }}\", \
                        threads: \"{{ env_var('T', 4) | as_number }}\"}}}\nq: {}\n";
        let env = BTreeMap::from([("U".to_owned(), "eve".to_owned())]);
        let chosen = choose(&tree, &[], profiles, &Choice::default(), &env).unwrap();
        assert_eq!(chosen.target["schema"], "dbt_eve");
        assert_eq!(chosen.target["threads"], 4);
    }

    #[test]
    fn a_profile_without_a_target_means_the_one_called_default() {
        let tree: Memory = [("dbt_project.yml", "name: shop\nprofile: shop\n")].into_iter().collect();
        let profiles = "shop: {outputs: {dev: {type: trino}, default: {type: duckdb, schema: s}}}";
        let chosen = choose(&tree, &[], profiles, &Choice::default(), &BTreeMap::new()).unwrap();
        assert_eq!((&chosen.target["name"], &chosen.target["type"]), (&Value::from("default"), &Value::from("duckdb")));
    }

    #[test]
    fn of_a_target_that_no_output_is_what_all_outputs_share_holds() {
        let tree: Memory = [("dbt_project.yml", "name: shop\nprofile: shop\n")].into_iter().collect();
        let profiles = "shop: {target: \"{{ env_var('T') }}\", outputs: {a: {type: trino, schema: x, host: h}, \
                        b: {type: trino, schema: y, host: h}}}";
        let chosen = choose(&tree, &[], profiles, &Choice::default(), &BTreeMap::new()).unwrap();
        assert_eq!((&chosen.target["type"], &chosen.target["host"]), (&Value::from("trino"), &Value::from("h")));
        assert!(!chosen.target.contains_key("schema"));
        let profiles = "shop: {target: prod, outputs: {a: {type: trino}, b: {type: spark}}}";
        let chosen = choose(&tree, &[], profiles, &Choice::default(), &BTreeMap::new()).unwrap();
        assert_eq!((&chosen.target["type"], &chosen.target["name"]), (&Value::from(UNKNOWN), &Value::from("prod")));
    }

    #[test]
    fn without_a_profile_the_adapter_is_read_from_the_repo() {
        let tree: Memory = [("dbt_project.yml", "name: shop"), ("requirements.txt", "dbt-core\ndbt-bigquery==1.9")]
            .into_iter()
            .collect();
        let chosen = choose(&tree, &[], "", &Choice::default(), &BTreeMap::new()).unwrap();
        assert_eq!(chosen.target["type"], "bigquery");
        assert_eq!(chosen.target["name"], "dev");
    }
}
