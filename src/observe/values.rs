//! Values of types that dbt does not accept: in property files, in settings, in dbt_project.yml and in the list of
//! packages.

use super::config_paths::{folders, used_folders};
use super::{Place, Rows, place};
use crate::db::{DirectoryOf, FileKind, Project, SourceFile, of_section};
use crate::observe::Observation;
use crate::project::accepted::{
    Fault, SettingFault, entry_faults, folder_faults, folder_setting_faults, package_faults, project_faults,
    setting_faults,
};
use crate::project::data_tests::{self, declaration, tests_of_directory};
use crate::project::graph::{source_folder_config, source_table};
use crate::project::nodes::{self, facts, nodes_of_directory};
use crate::project::packages::{project_file, yaml};
use crate::project::schema_yaml;
use crate::project::things::{Thing, things_in};
use crate::relations::places::of_setting;
use crate::relations::places::own_files;
use crate::syntax::conflict::conflict_mark;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

fn observation(place: Place, key: &str, message: &str, remedy: &str) -> Observation {
    Observation {
        node: None,
        subject: vec![place.path.clone(), key.into()],
        place,
        locations: Vec::new(),
        severity: None,
        args: vec![("key", key.to_owned()), ("what", message.to_owned()), ("fix", remedy.to_owned())],
    }
}

fn of_fault(db: &dyn salsa::Database, file: SourceFile, fault: &Fault) -> Observation {
    observation(place(db, file, fault.span), &fault.key, &fault.message, &fault.remedy)
}

/// Whether all of a file was read: what stands behind an error is not judged, for it may be another thing than was
/// meant.
fn is_whole(db: &dyn salsa::Database, file: SourceFile) -> bool {
    yaml(db, file).errors.is_empty() && conflict_mark(file.content(db).text()).is_none()
}

/// The property files of a directory.
pub(super) fn invalid_value_in<'db>(rows: &Rows<'db>, key: DirectoryOf<'db>) -> Vec<Observation> {
    let db = rows.db;
    let mut found = Vec::new();
    let properties = key.directory(db).files(db).iter().filter(|file| file.kind(db) == FileKind::Properties);
    for file in properties.filter(|file| is_whole(db, **file)) {
        let faults = entry_faults(schema_yaml::root(db, key.package(db), *file));
        found.extend(faults.iter().map(|fault| of_fault(db, *file, fault)));
    }
    found
}

/// The files beside the directories, and the settings of nodes and data tests.
pub(super) fn invalid_value(rows: &Rows<'_>) -> Vec<Observation> {
    let db = rows.db;
    let Some(root) = Project::try_get(db).map(|project| project.root(db)) else { return Vec::new() };
    let mut found = Vec::new();
    let package_files = own_files(db).iter().filter(|file| file.kind(db) == FileKind::PackagesFile);
    let declaring = package_files.filter(|file| yaml(db, **file).root.get("packages").is_some()).count();
    let is_judged = |file: &SourceFile| matches!(file.kind(db), FileKind::ProjectFile | FileKind::PackagesFile);
    for file in own_files(db).iter().filter(|file| is_judged(file) && is_whole(db, **file)) {
        let root = &yaml(db, *file).root;
        let is_dependencies = file.path(db).ends_with("dependencies.yml");
        let faults = match file.kind(db) {
            FileKind::ProjectFile => project_faults(root),
            FileKind::PackagesFile => package_faults(root, is_dependencies, is_dependencies && declaring > 1),
            _ => continue,
        };
        found.extend(faults.iter().map(|fault| of_fault(db, *file, fault)));
    }
    let used = used_folders(db);
    let is_read = is_whole(db, root.project_file(db));
    for (_, folder) in folders(db).iter().enumerate().filter(|(at, _)| is_read && used.contains(at)) {
        let section = yaml(db, root.project_file(db)).root.get(folder.section());
        let level = folder.path.iter().try_fold(section, |level, key| Some(level?.get(key))).flatten();
        for fault in level.into_iter().flat_map(|level| folder_faults(folder.section(), level, folder.path.is_empty()))
        {
            found.push(of_fault(db, root.project_file(db), &fault));
        }
    }
    // One line of dbt_project.yml may set it for many.
    let all = root.sections(db).flat_map(|section| wrong_settings_of_section(db, section));
    let once: BTreeMap<(&Place, &str), &SettingFault> =
        all.map(|(place, fault)| ((place, fault.key.as_str()), fault)).collect();
    found.extend(once.into_iter().map(|((place, key), fault)| {
        observation(place.clone(), &format!("config.{key}"), &fault.message, &fault.remedy)
    }));
    found
}

/// A wrong setting, and where it is stated.
pub(super) type WrongSetting = (Place, SettingFault);

/// What dbt does not accept in the settings of a directory's nodes.
#[salsa::tracked(returns(deref))]
pub(super) fn wrong_settings_in<'db>(db: &'db dyn salsa::Database, key: DirectoryOf<'db>) -> Vec<WrongSetting> {
    let mut found = Vec::new();
    for node in nodes_of_directory(db, key.package(db), key.directory(db)).iter().copied() {
        let rendered = nodes::rendering(db, node);
        if rendered.trace.incomplete || !rendered.errors.is_empty() {
            // What a setting comes to is not known.
            continue;
        }
        let layers = nodes::own_layers(db, node);
        for fault in setting_faults(layers.iter().map(AsRef::as_ref), &facts(db, node).config) {
            if is_told_of_entry(db, node, &fault.key) {
                continue;
            }
            found.push((of_setting(db, Thing::Node(node), &fault.key, &fault.value), fault));
        }
    }
    // What YAML says of tests and sources is asked with the file it stands in; here is what dbt_project.yml adds.
    let is_stated = |sections: &[&str]| {
        let Some(project) = Project::try_get(db) else { return false };
        sections.iter().any(|section| project_file(db, project.root(db)).get(section).is_some())
    };
    let mut add = |thing: Thing<'db>, mut stated: Map<String, Value>, own: &Map<String, Value>| {
        stated.retain(|key, _| !own.contains_key(key));
        for fault in folder_setting_faults(&stated) {
            found.push((of_setting(db, thing, &fault.key, &fault.value), fault));
        }
    };
    let has_tests = is_stated(&TESTS);
    for test in tests_of_directory(db, key.package(db), key.directory(db)).iter().filter(|_| has_tests) {
        let own = declaration(db, *test).map(|declared| declared.config.clone()).unwrap_or_default();
        add(Thing::Test(*test), data_tests::folder_config(db, *test), &own);
    }
    if is_stated(&["sources"]) {
        for thing in things_in(db, key.package(db), key.directory(db)) {
            if let Thing::Source(source) = thing
                && let Some(table) = source_table(db, source)
            {
                let mut own = table.source_config.clone();
                own.extend(table.config.clone());
                add(thing, source_folder_config(db, source), &own);
            }
        }
    }
    found
}

/// Whether the same is wrong beside `config:` in the entry of a node, where it is told with the file.
fn is_told_of_entry<'db>(db: &'db dyn salsa::Database, node: nodes::Node<'db>, setting: &str) -> bool {
    let Some((package, file)) = facts(db, node).patch_file else { return false };
    let entry = format!("{}.{}.", node.kind(db).patch_kind().key(), node.name(db));
    let faults = entry_faults(schema_yaml::root(db, package, file));
    faults
        .iter()
        .filter_map(|fault| fault.key.strip_prefix(&entry))
        .any(|key| key.split('.').any(|part| part == setting))
}

const TESTS: [&str; 2] = ["tests", "data_tests"];

of_section!(wrong_settings_of_section: wrong_settings_in => WrongSetting);
