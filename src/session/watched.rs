//! Which paths a project is read from, for whoever watches them.

use super::load::{PACKAGE_FILES, PROJECT_FILE, SELECTORS_FILE};
use super::Session;
use crate::db::Package;
use crate::files::watch::Wanted;
use crate::files::{join, normalise};
use crate::project::data;
use crate::project::packages::{Paths, paths};

const IGNORE_FILE: &str = ".dbtignore";

/// Whether a file of this name can matter: dbt reads these kinds, and harness Markdown of rules.
pub fn counts(name: &str) -> bool {
    const EXTENSIONS: [&str; 7] = ["sql", "yml", "yaml", "md", "py", "csv", "js"];
    name == IGNORE_FILE || name.rsplit_once('.').is_some_and(|(_, extension)| EXTENSIONS.contains(&extension))
}

impl Session {
    /// Where the files lie that the project and its packages were read from, or would be if they existed.
    pub fn places(&self) -> Wanted {
        let db = &self.db;
        let mut wanted = Wanted::default();
        let text = |package: Package| paths(package.project_file(db).content(db).text());
        let root = text(self.project.root(db));
        wanted.folders.insert(root.packages.clone());
        wanted.files.insert(SELECTORS_FILE.to_owned());
        add(&mut wanted, "", &root);
        for package in self.project.packages(db) {
            add(&mut wanted, package.folder(db), &text(*package));
        }
        // A local package may be declared before it is there.
        for file in self.project.package_files(db) {
            wanted.files.extend(local_packages(file.content(db).text()).map(|folder| join(&folder, PROJECT_FILE)));
        }
        wanted
    }

    /// The same project in another handle of its database, for another thread. While there is one, giving the
    /// project new texts waits for its end.
    pub fn handle(&self) -> Self {
        Self { db: self.db.clone(), project: self.project, files: self.files }
    }
}

fn add(wanted: &mut Wanted, folder: &str, paths: &Paths) {
    let lists = [
        &paths.models,
        &paths.seeds,
        &paths.snapshots,
        &paths.analyses,
        &paths.tests,
        &paths.macros,
        &paths.functions,
        &paths.docs,
    ];
    wanted.folders.extend(lists.into_iter().flatten().map(|path| join(folder, path)));
    wanted.left_out.insert(join(folder, &paths.target));
    let files = PACKAGE_FILES.iter().chain(&[PROJECT_FILE, IGNORE_FILE]);
    wanted.files.extend(files.map(|file| join(folder, file)));
}

fn local_packages(text: &str) -> impl Iterator<Item = String> {
    let root = data::of(&crate::syntax::yaml::parse(text).root);
    let entries = root.get("packages").and_then(|list| list.as_array()).cloned().unwrap_or_default();
    let local = |entry: serde_json::Value| entry.get("local").and_then(data::scalar).map(|folder| normalise(&folder));
    entries.into_iter().filter_map(local).filter(|folder| !folder.is_empty())
}
