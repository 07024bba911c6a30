use super::places::{Extent, Happened, Places, Watcher};
use super::*;
use std::collections::BTreeMap;
use std::fs;

/// Notes what is watched, and refuses once there are too many.
#[derive(Default)]
struct Noting {
    watched: BTreeSet<PathBuf>,
    most: Option<usize>,
}

impl Watcher for Noting {
    fn watch(&mut self, folder: &Path, _extent: Extent) -> Placed {
        if self.most.is_some_and(|most| self.watched.len() >= most) {
            return Err(Lost::Limit);
        }
        assert!(self.watched.insert(folder.to_owned()), "{} is watched once", folder.display());
        Ok(())
    }

    fn unwatch(&mut self, folder: &Path) {
        assert!(self.watched.remove(folder), "{} was watched", folder.display());
    }
}

struct Folder {
    _temporary: tempfile::TempDir,
    path: PathBuf,
}

impl Folder {
    fn new(files: &[&str]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let path = fs::canonicalize(temporary.path()).unwrap();
        let folder = Self { _temporary: temporary, path };
        files.iter().for_each(|file| folder.write(file, "select 1"));
        folder
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn at(&self, path: &str) -> PathBuf {
        self.path.join(path)
    }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn wanted(folders: &[&str], files: &[&str]) -> Wanted {
    Wanted { folders: set(folders), files: set(files), left_out: set(&["target"]) }
}

fn counts(name: &str) -> bool {
    name.ends_with(".sql") || name.ends_with(".yml")
}

/// Places of the project in `project/`, with what is wanted placed.
fn placed(folder: &Folder, wanted: Wanted) -> (Places, Noting) {
    let mut noting = Noting::default();
    let mut places = Places::new(&folder.at("project"), counts, true);
    places.want(wanted, &mut noting);
    (places, noting)
}

fn shown(folder: &Folder, noting: &Noting) -> Vec<String> {
    let relative = |path: &PathBuf| path.strip_prefix(&folder.path).unwrap().to_string_lossy().into_owned();
    noting.watched.iter().map(relative).collect()
}

#[test]
fn folders_are_watched_without_what_dbt_never_reads_or_is_left_out() {
    let folder = Folder::new(&[
        "project/models/a/b/x.sql",
        "project/.git/objects/x",
        "project/target/x.sql",
        "project/models/.x/y.sql",
    ]);
    let (places, noting) = placed(&folder, wanted(&["models"], &["harness.yml"]));
    let there = ["", "project", "project/models", "project/models/.x", "project/models/a", "project/models/a/b"];
    assert_eq!(shown(&folder, &noting), there);
    let (_, whole) = placed(&folder, wanted(&[""], &[]));
    assert_eq!(shown(&folder, &whole), there);
    assert!(!places.is_at_limit());
}

#[test]
fn what_happens_is_told_by_the_names_that_are_wanted() {
    let folder = Folder::new(&["project/models/a/x.sql", "project/harness.yml", "shared/m/y.sql", "rules.yml"]);
    let absolute = folder.at("rules.yml").to_string_lossy().into_owned();
    let (mut places, mut noting) = placed(&folder, wanted(&["models", "../shared/m"], &["harness.yml", &absolute]));
    let mut told = |path: &str| {
        let keys = places.happened(&folder.at(path), Happened::Anything, &mut noting);
        keys.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(told("project/models/a/x.sql"), "models/a/x.sql");
    assert_eq!(told("project/models/a/été 1.sql"), "models/a/été 1.sql");
    assert_eq!(told("shared/m/y.sql"), "../shared/m/y.sql");
    assert_eq!(told("project/harness.yml"), "harness.yml");
    assert_eq!(told("rules.yml"), absolute);
    for nothing in
        ["project/.git", "project/target", "project/models/a/x.sql~", "project/models/a/4913", "project/other.yml"]
    {
        assert_eq!(told(nothing), "", "{nothing}");
    }
}

#[test]
fn a_folder_that_comes_or_goes_or_is_renamed_is_watched_as_it_is_now() {
    let folder = Folder::new(&["project/models/a/b/x.sql"]);
    let (mut places, mut noting) = placed(&folder, wanted(&["models"], &[]));
    fs::rename(folder.at("project/models/a"), folder.at("project/models/c")).unwrap();
    for (path, key) in [("project/models/a", "models/a"), ("project/models/c", "models/c")] {
        assert_eq!(places.happened(&folder.at(path), Happened::Anything, &mut noting), set(&[key]));
    }
    let renamed = ["", "project", "project/models", "project/models/c", "project/models/c/b"];
    assert_eq!(shown(&folder, &noting), renamed);
    fs::remove_dir_all(folder.at("project/models")).unwrap();
    assert_eq!(places.happened(&folder.at("project/models"), Happened::Anything, &mut noting), set(&["models"]));
    assert_eq!(shown(&folder, &noting), ["", "project"]);
    folder.write("project/models/new/x.sql", "");
    assert_eq!(places.happened(&folder.at("project/models"), Happened::Anything, &mut noting), set(&["models"]));
    assert_eq!(shown(&folder, &noting), ["", "project", "project/models", "project/models/new"]);
}

#[test]
fn the_projects_folder_may_go_and_come_back() {
    let folder = Folder::new(&["project/models/x.sql", "project/dbt_project.yml"]);
    let all = set(&["models", "dbt_project.yml"]);
    let (mut places, mut noting) = placed(&folder, wanted(&["models"], &["dbt_project.yml"]));
    fs::remove_dir_all(folder.at("project")).unwrap();
    assert_eq!(places.happened(&folder.at("project"), Happened::Anything, &mut noting), all);
    assert_eq!(shown(&folder, &noting), [""], "what is above tells when it is back");
    folder.write("project/models/x.sql", "");
    assert_eq!(places.happened(&folder.at("project"), Happened::Anything, &mut noting), all);
    assert_eq!(shown(&folder, &noting), ["", "project", "project/models"]);
}

#[test]
fn paths_above_a_wanted_one_are_watched_as_they_may_be_renamed() {
    let folder = Folder::new(&["project/src/dbt/models/x.sql"]);
    let (mut places, mut noting) = placed(&folder, wanted(&["src/dbt/models"], &[]));
    fs::rename(folder.at("project/src"), folder.at("project/other")).unwrap();
    let told = places.happened(&folder.at("project/src"), Happened::Anything, &mut noting);
    assert_eq!(told, set(&["src/dbt/models"]));
    assert_eq!(shown(&folder, &noting), ["", "project"]);
}

#[test]
#[cfg(unix)]
fn links_are_followed_to_files_and_folders_and_told_by_their_own_names() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new(&["project/models/x.sql", "shared/deep/y.sql", "else/z.sql", "else/w.sql"]);
    symlink(folder.at("shared"), folder.at("project/models/linked")).unwrap();
    symlink("../../else/z.sql", folder.at("project/models/z.sql")).unwrap();
    symlink(folder.at("project/models"), folder.at("shared/back")).unwrap();
    let (mut places, mut noting) = placed(&folder, wanted(&["models"], &[]));
    assert_eq!(shown(&folder, &noting), ["", "else", "project", "project/models", "shared", "shared/deep"]);
    let mut told = |path: &str| places.happened(&folder.at(path), Happened::Written, &mut noting);
    assert_eq!(told("shared/deep/y.sql"), set(&["models/linked/deep/y.sql"]));
    assert_eq!(told("else/z.sql"), set(&["models/z.sql"]));
    assert_eq!(told("else/w.sql"), set(&[]), "only the linked file counts");
    fs::remove_file(folder.at("project/models/linked")).unwrap();
    let told = places.happened(&folder.at("project/models/linked"), Happened::Anything, &mut noting);
    assert_eq!(told, set(&["models/linked"]));
    assert_eq!(shown(&folder, &noting), ["", "else", "project", "project/models"]);
}

#[test]
fn what_is_no_longer_wanted_is_no_longer_watched() {
    let folder = Folder::new(&["project/models/x.sql", "project/seeds/a.yml"]);
    let (mut places, mut noting) = placed(&folder, wanted(&["models", "seeds"], &["harness.yml"]));
    assert_eq!(places.want(wanted(&["seeds", "tests"], &[]), &mut noting), set(&["tests"]));
    assert_eq!(shown(&folder, &noting), ["", "project", "project/seeds"]);
    places.want(Wanted::default(), &mut noting);
    assert_eq!(shown(&folder, &noting), Vec::<String>::new());
}

#[test]
fn the_systems_limit_is_noticed() {
    let folder = Folder::new(&["project/models/a/x.sql", "project/models/b/x.sql"]);
    let mut noting = Noting { most: Some(2), ..Noting::default() };
    let mut places = Places::new(&folder.at("project"), counts, true);
    places.want(wanted(&["models"], &[]), &mut noting);
    assert!(places.is_at_limit());
}

/// Watches a folder with the real watcher until a test has seen what it waits for.
struct Real {
    watch: Watch,
    batches: Receiver<Batch>,
}

impl Real {
    fn start(folder: &Folder, poll: Option<Duration>, wanted: Wanted) -> Self {
        let (give, batches) = channel();
        let options = Options { quiet: USUAL_QUIET, poll, counts, may_leave: false };
        let watch = Watch::start(&folder.at("project"), options, move |batch| drop(give.send(batch))).unwrap();
        watch.want(wanted);
        let real = Self { watch, batches };
        real.until(|seen| !seen.is_empty());
        real
    }

    /// Gathers what is told until it is enough.
    fn until(&self, is_enough: impl Fn(&BTreeMap<String, usize>) -> bool) -> BTreeMap<String, usize> {
        let mut seen = BTreeMap::new();
        while !is_enough(&seen) {
            let batch = self.batches.recv_timeout(Duration::from_secs(60)).expect("the event is told");
            match batch.seen {
                Seen::Everything => *seen.entry("everything".to_owned()).or_default() += 1,
                Seen::Paths(paths) => paths.into_iter().for_each(|path| *seen.entry(path).or_default() += 1),
            }
        }
        seen
    }
}

fn edits_are_told(poll: Option<Duration>) {
    let folder = Folder::new(&["project/models/a/x.sql", "project/harness.yml", "project/models/gone.sql"]);
    let real = Real::start(&folder, poll, wanted(&["models"], &["harness.yml"]));
    folder.write("project/models/a/x.sql", "select 2");
    real.until(|seen| seen.contains_key("models/a/x.sql"));
    folder.write("project/models/a/other.sql~", "select 2");
    folder.write("project/models/new 1/été.sql", "select 2");
    fs::remove_file(folder.at("project/models/gone.sql")).unwrap();
    let seen = real.until(|seen| seen.contains_key("models/new 1") && seen.contains_key("models/gone.sql"));
    assert!(!seen.contains_key("models/a/other.sql~"), "{seen:?}");
    folder.write("project/models/new 1/été.sql", "select 3");
    real.until(|seen| seen.contains_key("models/new 1/été.sql"));
    folder.write("project/part", "extends: strict");
    fs::rename(folder.at("project/part"), folder.at("project/harness.yml")).unwrap();
    real.until(|seen| seen.contains_key("harness.yml"));
    fs::rename(folder.at("project/models/new 1"), folder.at("project/models/b")).unwrap();
    real.until(|seen| seen.contains_key("models/new 1") && seen.contains_key("models/b"));
    folder.write("project/models/b/été.sql", "select 4");
    real.until(|seen| seen.contains_key("models/b/été.sql"));
    fs::remove_dir_all(folder.at("project")).unwrap();
    real.until(|seen| seen.contains_key("models") && seen.contains_key("harness.yml"));
    folder.write("project/models/x.sql", "select 5");
    real.until(|seen| seen.contains_key("models"));
    folder.write("project/models/x.sql", "select 6");
    real.until(|seen| seen.contains_key("models/x.sql"));
    real.watch.want(wanted(&["models", "seeds"], &[]));
    real.until(|seen| seen.contains_key("seeds"));
    folder.write("project/seeds/s.yml", "");
    real.until(|seen| seen.contains_key("seeds"));
}

#[test]
fn the_system_tells_of_edits_renames_and_folders() {
    edits_are_told(None);
}

#[test]
fn looking_by_oneself_tells_of_the_same() {
    edits_are_told(Some(Duration::from_millis(20)));
}
