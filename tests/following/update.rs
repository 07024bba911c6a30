//! A session that is brought up to its tree holds what a fresh one would, and looks no further than it must.

use harness::db::{Database, Executed, Invocation, Package};
use harness::files::{Content, Listing, Memory, Tree, Unreadable};
use harness::rules::registry::Registry;
use harness::rules::selection::Selection;
use harness::session::{Session, Touched, house_rules, on_large_stacks};
use std::collections::{BTreeSet, HashSet};
use std::sync::Mutex;

/// A tree that tells what it was asked for, and of which parts cannot be read.
#[derive(Default)]
struct Watched {
    files: Memory,
    locked: BTreeSet<String>,
    asked: Mutex<Vec<String>>,
}

impl Watched {
    fn note(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }

    fn is_locked(&self, path: &str) -> bool {
        self.locked.iter().any(|folder| path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/')))
    }
}

fn locked() -> Unreadable {
    Unreadable { what: "it is locked".to_owned(), fix: "Unlock it.".to_owned(), at: 0, outside: None }
}

impl Tree for Watched {
    fn locate(&self, folder: &str, stated: &str, is_named: bool) -> Result<String, String> {
        self.files.locate(folder, stated, is_named)
    }

    fn list(&self, folder: &str, ignored: &dyn Fn(&str, bool) -> bool) -> Listing {
        self.note(format!("list {folder}"));
        let mut listing = self.files.list(folder, ignored);
        listing.files.retain(|path| !self.is_locked(path));
        let folders = self.locked.iter().filter(|path| !self.files.is_file(path));
        let below = folders.filter(|path| *path == folder || path.starts_with(&format!("{folder}/")));
        listing.problems = below.map(|path| (path.clone(), locked())).collect();
        listing
    }

    fn folders(&self, folder: &str) -> Vec<String> {
        self.files.folders(folder)
    }

    fn is_file(&self, path: &str) -> bool {
        !self.is_locked(path) && self.files.is_file(path)
    }

    fn read(&self, path: &str) -> Content {
        self.note(format!("read {path}"));
        if self.locked.contains(path) { Content::Unreadable(locked()) } else { self.files.read(path) }
    }
}

const PROJECT: &str = "name: shop\nmodel-paths: [models]\n";

fn project() -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = [
        ("dbt_project.yml", PROJECT),
        ("README.md", "A shop\n"),
        ("macros/cents.sql", "{% macro cents(x) %}{{ x }} / 100{% endmacro %}\n"),
        ("models/sources.yml", "sources:\n  - name: raw\n    tables: [{name: a}]\n"),
        ("models/marts/orders.sql", "select {{ cents('x') }} as x from {{ ref('stg_1') }}\n"),
        ("other/extra.sql", "select 1 as one from {{ ref('nobody') }}\n"),
        ("seeds/countries.csv", "code\nde\n"),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()))
    .to_vec();
    for n in 0..8 {
        let text = "select * from {{ source('raw', 'a') }}\n".to_owned();
        files.push((format!("models/staging/stg_{n}.sql"), text));
    }
    files
}

struct Running {
    tree: Watched,
    session: Session,
}

impl Running {
    /// Applies an edit and looks at what is touched. The result is that of a fresh session; given back are the
    /// changed paths and what the tree was asked for.
    fn edit(&mut self, touched: &[&str], edit: impl FnOnce(&mut Watched)) -> (Vec<String>, Vec<String>) {
        edit(&mut self.tree);
        self.tree.asked.lock().unwrap().clear();
        let touched: BTreeSet<String> = touched.iter().map(|path| (*path).to_owned()).collect();
        let look = if touched.contains("all") { Touched::All } else { Touched::Paths(&touched) };
        let changes = self.session.update(&self.tree, look);
        let mut asked = self.tree.asked.lock().unwrap().clone();
        asked.sort();
        self.is_as_fresh();
        (changes.files.iter().map(ToString::to_string).collect(), asked)
    }

    fn is_as_fresh(&self) {
        let fresh = Session::load(Database::default(), &self.tree, Default::default(), Invocation::default());
        assert_eq!(held(&self.session), held(&fresh));
        let registry = Registry::embedded().unwrap();
        let check = |session: &Session| session.check(registry, &Selection::default());
        assert_eq!(check(&self.session), check(&fresh));
    }

    fn executed(&self) -> Executed {
        self.session.db.take_executed();
        self.session.check(Registry::embedded().unwrap(), &Selection::default());
        self.session.db.take_executed()
    }
}

/// All that the inputs hold, in their order, and how they are cut into directories.
fn held(session: &Session) -> Vec<String> {
    let (db, project) = (&session.db, session.project);
    let of_package = |package: Package| {
        let directories = package.directories(db).iter().enumerate();
        let files = directories.flat_map(|(at, directory)| directory.files(db).iter().map(move |file| (at, *file)));
        let files = [(0, package.project_file(db))].into_iter().chain(files);
        let shown = files.map(|(at, file)| {
            let (path, root, content) = (file.package_path(db), file.root(db), file.content(db));
            format!("{at} {} {path} {root} {:?} {content:?}", file.path(db), file.kind(db))
        });
        [format!("package {}", package.folder(db))].into_iter().chain(shown).collect::<Vec<_>>()
    };
    let mut held = of_package(project.root(db));
    held.extend(project.packages(db).iter().flat_map(|package| of_package(*package)));
    let single = project.package_files(db).iter().chain(project.inherited_package_files(db));
    held.extend(
        single
            .copied()
            .chain(project.selectors_file(db))
            .map(|file| format!("{} {:?}", file.path(db), file.content(db))),
    );
    held.push(format!("{:?} {} files", project.problems(db), session.files));
    held
}

fn with_running(test: impl FnOnce(Running) + Send) {
    on_large_stacks(2, || {
        let tree = Watched { files: project().into_iter().collect(), ..Watched::default() };
        let session = Session::load(Database::counting(), &tree, Default::default(), Invocation::default());
        let running = Running { tree, session };
        running.is_as_fresh();
        test(running);
    })
    .unwrap();
}

const ORDERS: &str = "models/marts/orders.sql";

fn is_walk(asked: &[String]) -> bool {
    asked.iter().any(|what| what == "list models")
}

#[test]
fn a_saved_file_is_the_only_one_that_is_looked_at() {
    with_running(|mut running| {
        let (changed, asked) = running.edit(&[ORDERS], |tree| tree.files.insert(ORDERS, "select 2 as two\n"));
        assert_eq!(changed, [ORDERS]);
        assert_eq!(asked, [format!("read {ORDERS}")]);
    });
}

#[test]
fn a_file_saved_as_it_was_changes_nothing() {
    with_running(|mut running| {
        running.executed();
        let (changed, _) = running.edit(&[ORDERS, "models/staging/stg_1.sql"], |_| ());
        assert!(changed.is_empty());
        assert_eq!(running.edit(&["all"], |_| ()).0, Vec::<String>::new());
        assert_eq!(running.executed(), Executed::new());
    });
}

#[test]
fn what_nothing_of_the_project_reads_is_not_looked_for() {
    with_running(|mut running| {
        let touched = [
            "README.md",
            "target/run/shop/models/a.sql",
            ".git/index",
            "models/marts/.orders.sql.swp",
            "models/note.txt",
            "models/4913",
        ];
        let (changed, asked) = running.edit(&touched, |tree| {
            tree.files.insert("target/run/shop/models/a.sql", "select 1\n");
            tree.files.insert(".git/index", "");
            tree.files.insert("models/note.txt", "");
        });
        assert!(changed.is_empty());
        assert!(!is_walk(&asked), "{asked:?}");
    });
}

#[test]
fn files_that_come_are_read_and_no_others() {
    with_running(|mut running| {
        let (changed, asked) = running.edit(&["models/marts/new.sql", ORDERS], |tree| {
            tree.files.insert("models/marts/new.sql", "select 1 from {{ ref('orders') }}\n");
            tree.files.insert(ORDERS, "select 2 as two\n");
        });
        assert_eq!(changed, ["models/marts/new.sql", ORDERS]);
        let read: Vec<&String> = asked.iter().filter(|what| what.starts_with("read models")).collect();
        assert_eq!(read, ["read models/marts/new.sql", "read models/marts/orders.sql"]);
        assert!(is_walk(&asked));
    });
}

#[test]
fn a_folder_that_is_named_is_read_whole() {
    with_running(|mut running| {
        let (changed, _) = running.edit(&["models/marts"], |tree| {
            tree.files.insert("models/marts/deep/new.sql", "select 1\n");
            tree.files.insert(ORDERS, "select 2 as two\n");
        });
        assert_eq!(changed, ["models/marts/deep/new.sql", ORDERS]);
    });
}

#[test]
fn files_that_go_and_come_back_are_the_same_inputs() {
    with_running(|mut running| {
        let text = running.tree.files.read(ORDERS);
        assert_eq!(running.edit(&[ORDERS], |tree| tree.files.remove(ORDERS)).0, [ORDERS]);
        assert_eq!(running.edit(&[ORDERS], |tree| tree.files.insert(ORDERS, text.text())).0, [ORDERS]);
        let (changed, _) = running.edit(&["models/marts/moved.sql", ORDERS], |tree| {
            tree.files.remove(ORDERS);
            tree.files.insert("models/marts/moved.sql", text.text());
        });
        assert_eq!(changed, ["models/marts/moved.sql", ORDERS]);
        running.executed();
        running.edit(&["models"], |tree| {
            tree.files.remove("models/marts/moved.sql");
            tree.files.insert(ORDERS, text.text());
        });
        // Its text is as it was, and so is all that follows from the text alone.
        let executed = running.executed();
        assert_eq!(executed.get("scan_of_file"), None, "{executed:?}");
    });
}

#[test]
fn two_files_that_are_swapped_are_read_again() {
    with_running(|mut running| {
        let one = running.tree.files.read(ORDERS);
        let other = "models/staging/stg_1.sql";
        let (changed, _) = running.edit(&[ORDERS, other], |tree| {
            let text = tree.files.read(other);
            tree.files.insert(ORDERS, text.text());
            tree.files.insert(other, one.text());
        });
        assert_eq!(changed, [ORDERS, other]);
    });
}

#[test]
fn other_paths_in_dbt_project_yml_are_other_files() {
    with_running(|mut running| {
        let set = |text: &'static str| move |tree: &mut Watched| tree.files.insert("dbt_project.yml", text);
        let (changed, _) = running.edit(&["dbt_project.yml"], set("name: shop\nmodel-paths: [models, other]\n"));
        assert_eq!(changed, ["dbt_project.yml", "other/extra.sql"]);
        // The same file, now as another kind.
        let (changed, _) =
            running.edit(&["dbt_project.yml"], set("name: shop\nmodel-paths: [models]\nanalysis-paths: [other]\n"));
        assert_eq!(changed, ["dbt_project.yml", "other/extra.sql"]);
        // The same file under another root.
        let (changed, _) = running.edit(&["dbt_project.yml"], set("name: shop\nmodel-paths: [models/marts]\n"));
        assert!(changed.contains(&ORDERS.to_owned()), "{changed:?}");
        running.edit(&["dbt_project.yml"], set("name: [\n"));
        running.edit(&["dbt_project.yml"], set(PROJECT));
    });
}

#[test]
fn packages_come_and_go_with_their_files() {
    with_running(|mut running| {
        let package = |tree: &mut Watched| {
            tree.files.insert("packages.yml", "packages:\n  - package: x/utils\n    version: 1.0.0\n");
            tree.files.insert("dbt_packages/utils/dbt_project.yml", "name: utils\n");
            tree.files.insert("dbt_packages/utils/macros/m.sql", "{% macro cents(x) %}{% endmacro %}\n");
            tree.files.insert("dbt_packages/utils/packages.yml", "packages: []\n");
        };
        let (changed, _) = running.edit(&["packages.yml", "dbt_packages/utils"], package);
        assert_eq!(changed.len(), 4, "{changed:?}");
        let (changed, asked) = running.edit(&["dbt_packages/utils/macros/m.sql"], |tree| {
            tree.files.insert("dbt_packages/utils/macros/m.sql", "{% macro cents(y) %}{{ y }}{% endmacro %}\n");
        });
        assert_eq!((changed.len(), asked.len()), (1, 1), "{changed:?} {asked:?}");
        let moved = "dbt_packages/utils/dbt_project.yml";
        running.edit(&[moved], |tree| tree.files.insert(moved, "name: utils\nmacro-paths: [elsewhere]\n"));
        running.edit(&[moved], |tree| tree.files.remove(moved));
        running.edit(&["dbt_packages"], package);
        running.edit(&["dbt_packages"], |tree| {
            for path in ["dbt_project.yml", "macros/m.sql", "packages.yml"] {
                tree.files.remove(&format!("dbt_packages/utils/{path}"));
            }
        });
    });
}

#[test]
fn a_local_package_is_there_as_soon_as_it_is_declared_and_exists() {
    with_running(|mut running| {
        let packages = "packages:\n  - local: ../shared\n";
        running.edit(&["packages.yml"], |tree| tree.files.insert("packages.yml", packages));
        let (changed, _) = running.edit(&["../shared"], |tree| {
            tree.files.insert("../shared/dbt_project.yml", "name: shared\n");
            tree.files.insert("../shared/models/common.sql", "select 1\n");
        });
        assert_eq!(changed.len(), 2, "{changed:?}");
        running.edit(&["../shared/models/more.sql"], |tree| {
            tree.files.insert("../shared/models/more.sql", "select 1\n");
        });
        running.edit(&["packages.yml"], |tree| tree.files.remove("packages.yml"));
    });
}

#[test]
fn selectors_and_dbtignore_are_read_again() {
    with_running(|mut running| {
        running.edit(&["selectors.yml"], |tree| tree.files.insert("selectors.yml", "selectors: []\n"));
        running.edit(&["selectors.yml"], |tree| tree.files.insert("selectors.yml", "selectors: [\n"));
        running.edit(&["selectors.yml"], |tree| tree.files.remove("selectors.yml"));
        let (changed, _) = running.edit(&[".dbtignore"], |tree| tree.files.insert(".dbtignore", "marts/\n"));
        assert_eq!(changed, [ORDERS]);
        assert_eq!(running.edit(&[".dbtignore"], |tree| tree.files.remove(".dbtignore")).0, [ORDERS]);
    });
}

#[test]
fn a_folder_that_cannot_be_read_is_told_until_it_can() {
    with_running(|mut running| {
        let lock = |path: &'static str| {
            move |tree: &mut Watched| {
                tree.locked.insert(path.to_owned());
            }
        };
        let open = |tree: &mut Watched| tree.locked.clear();
        let (changed, _) = running.edit(&["models/marts"], lock("models/marts"));
        assert_eq!(changed, ["models/marts", ORDERS]);
        assert_eq!(running.edit(&["models/marts"], open).0, ["models/marts", ORDERS]);
        // A folder without files: nothing but the problem tells of it.
        assert_eq!(running.edit(&["models/empty"], lock("models/empty")).0, ["models/empty"]);
        assert_eq!(running.edit(&["models/empty"], open).0, ["models/empty"]);
        assert_eq!(running.edit(&[ORDERS], lock(ORDERS)).0, [ORDERS]);
        assert_eq!(running.edit(&[ORDERS], open).0, [ORDERS]);
    });
}

#[test]
fn the_whole_project_may_go_and_come_back() {
    with_running(|mut running| {
        let all: Vec<(String, String)> = project();
        let (changed, _) = running.edit(&["all"], |tree| tree.files = Memory::default());
        assert!(changed.contains(&"dbt_project.yml".to_owned()), "{changed:?}");
        running.edit(&[""], |tree| tree.files = all.into_iter().collect());
    });
}

#[test]
fn a_file_among_hundreds_moves_few_directories() {
    with_running(|mut running| {
        let many = |tree: &mut Watched| {
            for n in 0..500 {
                tree.files.insert(&format!("models/many/m_{n}.sql"), "select 1 as one\n");
            }
        };
        running.edit(&["models/many"], many);
        let directories = |running: &Running| {
            let db = &running.session.db;
            let root = running.session.project.root(db);
            root.directories(db).iter().map(|directory| directory.files(db).to_vec()).collect::<HashSet<_>>()
        };
        let before = directories(&running);
        assert!(before.len() > 5);
        running.edit(&["models/many/between.sql"], |tree| tree.files.insert("models/many/between.sql", "select 1\n"));
        assert!(directories(&running).difference(&before).count() <= 2);
        running.edit(&["models/many"], |tree| {
            for n in 0..500 {
                tree.files.remove(&format!("models/many/m_{n}.sql"));
            }
        });
        running.edit(&["models/many"], many);
    });
}

#[test]
fn equal_house_rules_and_invocations_are_no_change() {
    with_running(|mut running| {
        let house = |text: &str| house_rules(Registry::embedded().unwrap(), text).unwrap();
        running.executed();
        assert!(!running.session.set_house_rules(Default::default()));
        assert!(!running.session.set_invocation(Invocation::default()));
        assert_eq!(running.executed(), Executed::new());
        assert!(running.session.set_house_rules(house("extends: strict\n")));
        let env = [("A".to_owned(), "1".to_owned())].into();
        assert!(running.session.set_invocation(Invocation { env, ..Invocation::default() }));
        assert!(running.session.set_house_rules(Default::default()));
    });
}

#[test]
fn a_session_that_is_worn_is_renewed_and_says_the_same() {
    with_running(|mut running| {
        running.session.follow();
        let mut edits = 0;
        while !running.session.is_worn() {
            running.edit(&[ORDERS], |tree| tree.files.insert(ORDERS, &format!("select {edits} as n\n")));
            edits += 1;
            assert!(edits < 1000, "it never wears");
        }
        assert!(edits > 100, "it is worn after {edits}");
        running.session.renew(&running.tree);
        assert!(!running.session.is_worn());
        running.is_as_fresh();
        // What was edited before is still expected to be edited.
        running.executed();
        running.edit(&[ORDERS], |tree| tree.files.insert(ORDERS, "select 1 as n\n"));
        running.is_as_fresh();
    });
}
