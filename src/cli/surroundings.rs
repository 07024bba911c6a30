//! What is read beside the files of dbt, and where it lies: harness.yml, the house's own rules, profiles.yml.
//! Each part can be read again, for whoever follows edits.

use super::project::{folder, located, registry};
use super::{Failure, Global};
use crate::db::settings::HouseRules;
use crate::db::{Database, Invocation};
use crate::files::watch::Wanted;
use crate::files::{Content, Disk, Tree, absolute, exists, own_place, repository_around};
use crate::project::evidence;
use crate::project::profile;
use crate::project::settings::rule_paths;
use crate::project::target::is_secret;
use crate::report::escaped;
use crate::rules::registry::Registry;
use crate::session::{HOUSE_RULES_FILE, HouseFiles, MASK, Mask, PROJECT_FILE, RULES_FOLDER, house_files, house_rules};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) const PROFILES_FILE: &str = "profiles.yml";
const MISNAMED: &str = "harness.yaml";

/// What the house has written of rules, as texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Written {
    /// harness.yml, or what is used instead, and how it is called.
    pub(super) settings: Option<(String, Arc<str>)>,
    pub(super) rules: HouseFiles,
}

#[derive(Debug)]
pub(super) struct Surroundings<'g> {
    global: &'g Global,
    /// The folder of dbt_project.yml.
    pub(super) folder: PathBuf,
}

impl<'g> Surroundings<'g> {
    pub(super) fn find(global: &'g Global) -> Result<Self, Failure> {
        Ok(Self { global, folder: folder(global)? })
    }

    /// The path by which the folder was named, where links lead over it.
    pub(super) fn link(&self) -> Option<PathBuf> {
        let named = std::path::absolute(self.global.project_dir.as_ref()?).ok()?;
        (named != self.folder && absolute(&named) != named).then_some(named)
    }

    pub(super) fn database(&self) -> Database {
        self.global.database()
    }

    pub(super) fn tree(&self) -> Disk {
        if self.global.allow_outside { Disk::new(&self.folder) } else { Disk::within(&self.folder) }
    }

    /// The texts of harness.yml and of the house's own rules.
    pub(super) fn written(&self) -> Result<Written, Failure> {
        let settings = self.settings()?;
        let folders = settings.as_ref().map(|(_, text)| rule_paths(text)).unwrap_or_default();
        Ok(Written { settings, rules: house_files(&self.tree(), &folders) })
    }

    /// The rules that are built in, and the house's own.
    pub(super) fn registry(&self, written: &Written) -> Result<Registry, Failure> {
        Ok(written.rules.added_to(registry()?))
    }

    pub(super) fn house_rules(&self, written: &Written, registry: &Registry) -> Result<HouseRules, Failure> {
        let Some((shown, text)) = &written.settings else { return Ok(HouseRules::default()) };
        let mut house = house_rules(registry, text).map_err(|errors| Failure(located(shown, text, &errors)))?;
        house.outside = written.rules.outside(shown, text);
        Ok(house)
    }

    /// What dbt's command line, profile and environment say, and what was assumed of them.
    pub(super) fn invocation(&self) -> Result<(Invocation, Vec<String>), Failure> {
        self.invocation_of(&self.tree(), &read_if_there)
    }

    /// The same of another tree of the project. `read` gives a file that is there.
    pub(super) fn invocation_of(
        &self,
        tree: &dyn Tree,
        read: &dyn Fn(&Path) -> Option<Content>,
    ) -> Result<(Invocation, Vec<String>), Failure> {
        let vars = vars(self.global)?;
        let env: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            // No part of the program gets to know a secret.
            .map(|(name, value)| if is_secret(&name) { (name, MASK.to_owned()) } else { (name, value) })
            .collect();
        let choice = profile::Choice { profile: self.global.profile.clone(), target: self.global.target.clone() };
        let profiles = self.profiles(&env, read)?;
        let chosen = profile::choose(tree, &self.above(), profiles.text(), &choice, &env)
            .map_err(|(what, fix)| Failure(format!("harness: {}\n  → {}", escaped(&what), escaped(&fix))))?;
        let shows_environment = self.global.show_env;
        let invocation = Invocation { vars, env, target: chosen.target, shows_environment };
        let mask = Mask::of(&invocation);
        let notes = chosen.notes.into_iter().map(|note| mask.masked(&note, &|_| false).unwrap_or(note)).collect();
        Ok((invocation, notes))
    }

    /// Where the texts of `written` lie.
    pub(super) fn places_of_rules(&self, written: &Written) -> Wanted {
        let mut wanted = Wanted::default();
        wanted.files.insert(self.name_of_settings());
        if self.global.config.is_none() {
            wanted.files.insert(MISNAMED.to_owned());
        }
        let stated = written.settings.as_ref().map(|(_, text)| rule_paths(text)).unwrap_or_default();
        wanted.folders.insert(RULES_FOLDER.to_owned());
        let tree = self.tree();
        wanted.folders.extend(stated.iter().filter_map(|folder| tree.locate("", folder, false).ok()));
        wanted
    }

    /// harness.yml, or what is used instead, as what is watched is named.
    pub(super) fn name_of_settings(&self) -> String {
        self.global.config.as_ref().map_or_else(|| HOUSE_RULES_FILE.to_owned(), |path| self.named(&absolute(path)))
    }

    /// Where lies what `invocation` reads.
    pub(super) fn places_of_profile(&self) -> Wanted {
        let mut wanted = Wanted::default();
        wanted.files.extend(evidence::places(&[]));
        wanted.files.insert(PROJECT_FILE.to_owned());
        let env = |name: &str| std::env::var(name).ok();
        let folders = self.folders_of_profiles(env("DBT_PROFILES_DIR"), env("HOME"));
        wanted.files.extend(folders.iter().map(|folder| self.named(&absolute(folder).join(PROFILES_FILE))));
        wanted
    }

    /// A path as what is watched is named: relative where it lies in the project.
    pub(super) fn named(&self, path: &Path) -> String {
        let named = path.strip_prefix(&self.folder).unwrap_or(path);
        named.to_string_lossy().replace('\\', "/")
    }

    /// The folders between the project and the root of its repository, relative to the project, nearest first.
    fn above(&self) -> Vec<String> {
        let Some(root) = repository_around(&self.folder) else { return Vec::new() };
        let folder = absolute(&self.folder);
        let depth = folder.strip_prefix(&root).map(|below| below.components().count()).unwrap_or_default();
        (1..=depth).map(|levels| vec![".."; levels].join("/")).collect()
    }

    /// The text of the house rules and how their file is called; `None` where there are none.
    pub(super) fn settings(&self) -> Result<Option<(String, Arc<str>)>, Failure> {
        // What a person names may lie anywhere; what a repo brings may not.
        let (path, shown, above) = match &self.global.config {
            Some(path) => {
                let path = absolute(path);
                let above = Disk::new(path.parent().unwrap_or(Path::new("/")));
                (path.clone(), self.global.config.as_ref().map(|path| path.display().to_string()), above)
            }
            None => (self.folder.join(HOUSE_RULES_FILE), None, self.tree()),
        };
        let shown = shown.unwrap_or_else(|| HOUSE_RULES_FILE.to_owned());
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !exists(&path) {
            return match self.global.config {
                None if above.is_file(MISNAMED) => Err(Failure(format!(
                    "harness: {MISNAMED} is not read.\n  → Rename it to {HOUSE_RULES_FILE}, or give it with --config."
                ))),
                None => Ok(None),
                Some(_) => Err(Failure(format!(
                    "harness: {} does not exist.\n  → Correct the path after --config.",
                    escaped(&shown)
                ))),
            };
        }
        match above.read(&name) {
            Content::Text(text) => Ok(Some((shown, text))),
            Content::Unreadable(problem) => {
                Err(Failure(format!("harness: {}: {}\n  → {}", escaped(&shown), problem.what, problem.fix)))
            }
            Content::NameOnly => Ok(None),
        }
    }

    /// profiles.yml where dbt looks for it. None is needed, so only a folder that was named must hold one.
    fn profiles(
        &self,
        env: &BTreeMap<String, String>,
        read: &dyn Fn(&Path) -> Option<Content>,
    ) -> Result<Content, Failure> {
        let folders = self.folders_of_profiles(env.get("DBT_PROFILES_DIR").cloned(), env.get("HOME").cloned());
        let is_named = self.global.profiles_dir.is_some() || self.global.allow_outside;
        let found = folders.iter().find_map(|folder| {
            let path = folder.join(PROFILES_FILE);
            // What lies in the project is the repo's, not the user's: it may be a link to anywhere.
            let is_own = is_named || *folder != self.folder || own_place(&self.folder, &path).is_some();
            if is_own { read(&path) } else { None }
        });
        match (found, &self.global.profiles_dir) {
            (Some(found), _) => Ok(found),
            (None, None) => Ok(Content::NameOnly),
            (None, Some(named)) => Err(Failure(format!(
                "harness: {} holds no {PROFILES_FILE}.\n  → Correct --profiles-dir, or leave it out: no profile is needed.",
                escaped(&named.display().to_string())
            ))),
        }
    }

    /// The folder that was named; else the environment's, the project's, the user's.
    fn folders_of_profiles(&self, stated: Option<String>, home: Option<String>) -> Vec<PathBuf> {
        match &self.global.profiles_dir {
            Some(named) => vec![named.clone()],
            None => {
                let users = home.map(|home| Path::new(&home).join(".dbt"));
                [stated.map(PathBuf::from), Some(self.folder.clone()), users].into_iter().flatten().collect()
            }
        }
    }
}

/// A file of the disk, if it is there.
pub(super) fn read_if_there(path: &Path) -> Option<Content> {
    let name = path.file_name()?.to_string_lossy();
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = Disk::new(above);
    folder.is_file(&name).then(|| folder.read(&name))
}

fn vars(global: &Global) -> Result<BTreeMap<String, serde_json::Value>, Failure> {
    let Some(text) = &global.vars else { return Ok(BTreeMap::new()) };
    let document = crate::syntax::yaml::parse(text);
    match crate::project::data::of(&document.root) {
        serde_json::Value::Object(vars) if document.errors.is_empty() => Ok(vars.into_iter().collect()),
        _ => Err(Failure(format!(
            "harness: --vars is no YAML mapping: {}\n  → Write it as '{{name: value, other: value}}'.",
            escaped(text)
        ))),
    }
}
