//! Values of the environment and of profiles: what a repo can make the program print of them.

use super::program::bounded::bounded_with;
use super::program::write;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const ENVIRONMENT: [(&str, &str); 2] = [("TOKEN", "Hunter2-AbcDef"), ("DBT_ENV_SECRET_KEY", "Zk9-very-hush")];

fn project(models: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\nprofile: shop\n");
    for (path, text) in models {
        write(folder.path(), path, text);
    }
    folder
}

/// All that was printed.
fn said(folder: &Path, arguments: &[&str]) -> String {
    let ended = bounded_with(folder, arguments, &ENVIRONMENT);
    assert!(matches!(ended.code, Some(0..=2)), "{ended:?}");
    ended.out + &ended.err
}

#[test]
fn values_of_the_environment_are_masked_in_messages() {
    let folder = project(&[
        ("models/a.sql", "select * from {{ ref(env_var('TOKEN')) }}\n"),
        ("models/b.sql", "select * from {{ source(env_var('TO' ~ 'KEN'), 'x') }}\n"),
        ("models/c.sql", "{{ exceptions.raise_compiler_error('it is ' ~ env_var('TOKEN')) }}\n"),
        ("models/d.sql", "{{ exceptions.raise_compiler_error(env_var('TOKEN') | upper) }}\n"),
        ("models/e.sql", "{{ exceptions.raise_compiler_error(env_var('TOKEN')[1:]) }}\n"),
        ("models/f.sql", "{{ exceptions.raise_compiler_error(env_var('TOKEN') | reverse) }}\n"),
        ("models/g.sql", "{{ config(materialized=env_var('TOKEN'), access=env_var('TOKEN')) }} select 1\n"),
        (
            "models/g.yml",
            "models:\n  - name: \"{{ env_var('TOKEN') }}\"\n  - name: g\n    access: \"{{ env_var('TOKEN') }}\"\n",
        ),
    ]);
    let formats = ["text", "concise", "json", "ndjson", "agent", "github", "sarif"];
    for format in formats {
        let said = said(folder.path(), &["check", "--format", format, "--limit", "all"]).to_lowercase();
        assert!(said.contains("*****"), "{format}: {said}");
        assert!(!said.contains("unter2-abc") && !said.contains("cba-2retnu"), "{format}: {said}");
    }
    let explained = said(folder.path(), &["explain", "models/a.sql:1"]);
    assert!(explained.contains("*****") && !explained.contains("Hunter2"), "{explained}");
    let said = said(folder.path(), &["check", "--show-env"]);
    assert!(said.contains("Hunter2-AbcDef"), "{said}");
}

#[test]
fn what_the_repo_itself_says_is_not_masked() {
    let folder = project(&[("models/a.sql", "select * from {{ ref(env_var('PLAIN', 'analytics')) }}\n")]);
    let ended = bounded_with(folder.path(), &["check"], &[("PLAIN", "analytics")]);
    assert!(ended.out.contains("'analytics'") && !ended.out.contains("***"), "{ended:?}");
}

#[test]
fn secrets_of_dbt_are_read_by_profiles_alone_and_shown_nowhere() {
    let folder = project(&[
        ("models/a.sql", "select * from {{ ref(env_var('DBT_ENV_SECRET_KEY')) }}\n"),
        ("models/b.sql", "{{ config(alias=env_var('DBT_ENV_SECRET_NONE', 'x')) }} select 1\n"),
        ("models/c.sql", "{{ config(schema=target.schema, meta={'u': target.user}) }} select '{{ target.user }}'\n"),
        (
            "profiles.yml",
            "shop: {target: dev, outputs: {dev: {type: postgres, schema: \"{{ env_var('DBT_ENV_SECRET_KEY') }}\", \
             user: \"{{ env_var('DBT_ENV_SECRET_KEY') }}\"}}}\n",
        ),
    ]);
    let cache = tempfile::tempdir().unwrap();
    let cache_dir = cache.path().to_str().unwrap();
    let said_of_check = said(folder.path(), &["check", "--format", "concise", "--cache-dir", cache_dir]);
    assert_eq!(said_of_check.matches("secret environment variables").count(), 2, "{said_of_check}");
    for arguments in [
        &["check", "--verbose", "--show-env"][..],
        &["export", "--format", "manifest"],
        &["list", "--output", "json"],
        &["query", "config(node, key, value)"],
    ] {
        let said = said(folder.path(), &[arguments, &["--cache-dir", cache_dir]].concat());
        assert!(!said.contains("very-hush"), "{arguments:?}: {said}");
    }
    for entry in fs::read_dir(cache.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(9).any(|part| part == b"very-hush"), "a secret is in the cache");
    }
}

#[test]
fn who_connects_and_where_to_is_masked_in_messages_and_notes() {
    let folder = project(&[
        (
            "models/a.sql",
            "{{ exceptions.raise_compiler_error(target.user ~ '@' ~ target.host ~ '/' ~ target.account) }}\n",
        ),
        ("models/b.sql", "{{ config(meta={'by': target.user}) }} select 1\n"),
    ]);
    let home = tempfile::tempdir().unwrap();
    write(
        home.path(),
        "profiles.yml",
        "shop: {target: dev, outputs: {dev: {type: snowflake, schema: s, user: grace.hopper, host: db.example.org, \
         account: xy12345.eu, password: rosebud}}}\n",
    );
    let home = home.path().to_str().unwrap();
    let checked = said(folder.path(), &["check", "--verbose", "--profiles-dir", home]);
    for value in ["grace.hopper", "db.example.org", "xy12345", "rosebud"] {
        assert!(!checked.contains(value), "{value}: {checked}");
    }
    assert!(said(folder.path(), &["check", "--show-env", "--profiles-dir", home]).contains("grace.hopper"));
    // What dbt knows of a node is a fact.
    assert!(said(folder.path(), &["export", "--format", "manifest", "--profiles-dir", home]).contains("grace.hopper"));
}
