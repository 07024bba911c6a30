//! packages.yml, and `packages:` of dependencies.yml.

use super::Entry;
use super::Form::{self, Entry as Of, List, Map, Null, Number, Text};
use super::shared::*;
use super::walk::{Fault, Step, Walk, What, is_open, start_of};
use crate::similar;
use crate::syntax::yaml::Node;

const REVISION: &[Form] = &[Text, Number, Null];
const LOCAL: Entry =
    Entry { needs: &["local"], keys: &[("local", TEXT), ("unrendered", MAP), ("name", TEXT_OR_NULL)], is_closed: true };
const TARBALL: Entry = Entry {
    needs: &["tarball", "name"],
    keys: &[("tarball", TEXT), ("name", TEXT), ("unrendered", MAP)],
    is_closed: true,
};
const GIT: Entry = Entry {
    needs: &["git"],
    keys: &[
        ("git", TEXT),
        ("revision", REVISION),
        ("warn-unpinned", BOOL_OR_NULL),
        ("subdirectory", TEXT_OR_NULL),
        ("unrendered", MAP),
        ("name", TEXT_OR_NULL),
    ],
    is_closed: true,
};
const HUB: Entry = Entry {
    needs: &["package", "version"],
    keys: &[
        ("package", TEXT),
        ("version", &[Text, Number, List(&[Text, Number])]),
        ("install_prerelease", BOOL_OR_NULL),
        ("unrendered", MAP),
        ("name", TEXT_OR_NULL),
    ],
    is_closed: true,
};
const PRIVATE: Entry = Entry {
    needs: &["private"],
    keys: &[
        ("private", TEXT),
        ("provider", TEXT_OR_NULL),
        ("revision", REVISION),
        ("warn-unpinned", BOOL_OR_NULL),
        ("subdirectory", TEXT_OR_NULL),
        ("unrendered", MAP),
        ("name", TEXT_OR_NULL),
    ],
    is_closed: true,
};
pub(super) const PACKAGES: &[Form] = &[List(&[Of(&LOCAL), Of(&TARBALL), Of(&GIT), Of(&PRIVATE), Of(&HUB)])];
/// By the key that says where a package comes from.
const KINDS: &[(&str, &Entry)] =
    &[("package", &HUB), ("git", &GIT), ("local", &LOCAL), ("private", &PRIVATE), ("tarball", &TARBALL)];

/// Returns what dbt does not accept in the list of declared packages.
pub fn package_faults(root: &Node, is_dependencies: bool, are_declared_twice: bool) -> Vec<Fault> {
    let mut walk = Walk::default();
    if let Some(list) = root.get_entry("packages").filter(|_| are_declared_twice) {
        walk.report(
            list.key.span,
            "`packages:` stands in packages.yml and in dependencies.yml, which stops dbt".to_owned(),
            "Join the two lists in one of the files.",
        );
        return walk.faults;
    }
    if root.is_null() || is_dependencies && root.get("packages").is_none() {
        return walk.faults;
    }
    let file = if is_dependencies { "dependencies.yml" } else { "packages.yml" };
    if root.as_seq().is_some_and(<[_]>::is_empty) {
        return walk.faults;
    }
    let Some(keys) = root.as_map() else {
        walk.report(
            root.as_seq().and_then(<[_]>::first).map_or(root.span, start_of),
            format!("{file} is {} where dbt wants a mapping, which stops dbt", root.kind_name()),
            "Begin the file with `packages:` and put the list below it.",
        );
        return walk.faults;
    };
    if !is_dependencies {
        for entry in keys {
            match entry.key.as_str() {
                Some("packages" | "sha1_hash") => {}
                Some("projects") => walk.report(
                    entry.key.span,
                    "packages.yml has `projects:`, which stops dbt".to_owned(),
                    "Move it to dependencies.yml.",
                ),
                _ => {
                    let name = entry.key.key_text().unwrap_or_default();
                    let near = similar::nearest(&name, ["packages"]).map(similar::question);
                    walk.path.push(Step::key(&name));
                    walk.report(
                        entry.key.span,
                        format!("packages.yml has the key `{name}:`, which dbt does not know and refuses"),
                        &near.unwrap_or_else(|| format!("Delete `{name}:`.")),
                    );
                    walk.path.pop();
                }
            }
        }
    }
    let Some(list) = root.get_entry("packages").filter(|list| !list.value.is_null()) else { return walk.faults };
    walk.path.push(Step::key("packages"));
    match list.value.as_seq() {
        Some(items) => items.iter().enumerate().for_each(|(at, item)| declared(&mut walk, at, item)),
        None => walk.value(&list.key, &list.value, &[List(&[Of(&HUB), Map])]),
    }
    walk.faults
}

fn declared(walk: &mut Walk, at: usize, item: &Node) {
    let kind = KINDS.iter().find(|(key, _)| item.get(key).is_some());
    let own = kind.and_then(|(key, _)| item.get(key)).and_then(Node::as_str);
    walk.path.push(own.map_or(Step::At(at), Step::key));
    match kind {
        Some((key, entry)) => {
            let what = own.map_or_else(|| "a package".to_owned(), |own| format!("package `{own}`"));
            walk.entry(item, entry, What::As(&what));
            let address = item.get_entry(key);
            if let Some(address) = address.filter(|address| address.value.as_str() == Some("")) {
                walk.report(address.key.span, format!("`{key}:` is empty, which stops dbt"), "Name the package.");
            }
            if *key == "package" {
                hub(walk, item, own.unwrap_or_default());
            }
        }
        None => {
            let is = match item.as_map().and_then(<[_]>::first) {
                Some(first) => format!("begins with `{}:`", first.key.key_text().unwrap_or_default()),
                None => format!("is {}", item.kind_name()),
            };
            walk.report(
                start_of(item),
                format!(
                    "an entry of `packages:` {is}, by which dbt does not know where the package comes from, and stops"
                ),
                "Write `package:`, `git:`, `local:`, `private:` or `tarball:`.",
            );
        }
    }
    walk.path.pop();
}

fn hub(walk: &mut Walk, item: &Node, name: &str) {
    if let Some(package) = item.get("package").filter(|_| !name.is_empty() && !name.contains('/') && !is_open(name)) {
        walk.report(
            package.span,
            format!("package `{name}` has no namespace, which stops dbt"),
            "Write it with whose it is on the hub: `dbt-labs/dbt_utils`.",
        );
    }
    let Some(version) = item.get_entry("version") else { return };
    let is_empty = version.value.as_str() == Some("") || version.value.as_seq().is_some_and(<[_]>::is_empty);
    if is_empty {
        walk.path.push(Step::key("version"));
        walk.report(
            version.key.span,
            format!("package `{name}` has an empty `version:`, which stops dbt"),
            "Name a version.",
        );
        walk.path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::yaml::parse;

    #[test]
    fn a_package_says_where_it_comes_from_and_no_more_than_that() {
        let count = |text: &str| package_faults(&parse(text).root, false, false).len();
        for fine in [
            "",
            "[]",
            "packages:",
            "packages: [{package: a/b, version: 1}, {package: a/b, version: ['>=1', 2.0], install_prerelease: true}]",
            "packages: [{git: x}, {git: x, revision: 5, warn-unpinned: false, subdirectory: y}, {local: ../z}]",
            "packages: [{tarball: x, name: y}, {private: a/b, provider: github}]",
            "packages: [{package: '{{ env_var(\"A\") }}', version: 1}]",
        ] {
            assert_eq!(count(fine), 0, "{fine}");
        }
        for wrong in [
            "[{package: a/b, version: 1}]",
            "packages: {package: a/b}",
            "packages: [a/b]",
            "packages: [{}]",
            "packages: [{xyz: abc}]",
            "packages: [{package: a/b}]",
            "packages: [{package: a/b, version: }]",
            "packages: [{package: a/b, version: ''}]",
            "packages: [{package: b, version: 1}]",
            "packages: [{package: a/b, version: 1, other: x}]",
            "packages: [{git: x, branch: main}]",
            "packages: [{git: x, revision: [a]}]",
            "packages: [{tarball: x}]",
            "package: [{package: a/b, version: 1}]",
            "projects: []",
        ] {
            assert_eq!(count(wrong), 1, "{wrong}");
        }
        assert_eq!(package_faults(&parse("projects: [{nme: up}]").root, true, false).len(), 0);
        assert_eq!(package_faults(&parse("packages: []").root, true, true).len(), 1);
    }
}
