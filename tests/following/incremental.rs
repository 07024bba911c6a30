//! Which queries run again after one edit. Counted by salsa's own events, so no clock is involved.

use crate::shop::{HARNESS, project};
use harness::db::{Database, Executed, Invocation, SourceFile};
use harness::files::{Content, Memory};
use harness::rules::registry::Registry;
use harness::rules::selection::Selection;
use harness::session::{Session, house_rules, on_large_stacks};

struct Running {
    session: Session,
    registry: &'static Registry,
}

impl Running {
    fn start() -> Self {
        let registry = Registry::embedded().unwrap();
        let tree: Memory = project().into_iter().collect();
        let house = house_rules(registry, HARNESS).unwrap();
        let session = Session::load(Database::counting(), &tree, house, Invocation::default());
        let running = Self { session, registry };
        running.check();
        running.session.db.take_executed();
        running
    }

    fn check(&self) -> usize {
        self.session.check(self.registry, &Selection::default()).findings.len()
    }

    fn file(&self, path: &str) -> SourceFile {
        let db = &self.session.db;
        let root = self.session.project.root(db);
        let files = root.directories(db).iter().flat_map(|directory| directory.files(db));
        let own = [root.project_file(db)];
        files.chain(&own).copied().find(|file| &**file.path(db) == path).unwrap()
    }

    /// What is executed when a file gets a new text and the project is checked again.
    fn edit(&mut self, path: &str, change: impl Fn(&str) -> String) -> Executed {
        let file = self.file(path);
        let text = change(file.content(&self.session.db).text());
        self.session.db.set_content(file, Content::Text(text.into()));
        self.session.db.take_executed();
        self.check();
        self.session.db.take_executed()
    }
}

fn with_running<R: Send>(test: impl FnOnce(Running) -> R + Send) -> R {
    on_large_stacks(2, || test(Running::start())).unwrap()
}

/// The queries that did real work, as `name count`.
fn shown(executed: &Executed) -> String {
    executed.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

fn count(executed: &Executed, name: &str) -> usize {
    executed.get(name).copied().unwrap_or_default()
}

#[test]
fn nothing_runs_when_nothing_changed() {
    with_running(|running| {
        running.check();
        assert_eq!(shown(&running.session.db.take_executed()), "");
    });
}

#[test]
fn an_equal_text_starts_no_revision() {
    with_running(|mut running| {
        let executed = running.edit("models/marts/mart_0.sql", str::to_owned);
        assert_eq!(shown(&executed), "");
    });
}

#[test]
fn a_comment_renders_its_model_and_derives_nothing() {
    with_running(|mut running| {
        // The first edit of a model takes it out of the stable files.
        running.edit("models/marts/mart_0.sql", |text| format!("{text}\n"));
        let executed = running.edit("models/marts/mart_0.sql", |text| format!("-- a comment\n{text}"));
        insta::assert_snapshot!(shown(&executed));
        assert_eq!(count(&executed, "rendering"), 1);
        assert_eq!(count(&executed, "dependencies"), 0);
    });
}

#[test]
fn a_new_ref_derives_again_what_reads_edges() {
    with_running(|mut running| {
        running.edit("models/marts/mart_0.sql", |text| format!("{text}\n"));
        let executed = running.edit("models/marts/mart_0.sql", |text| format!("{text} -- {{{{ ref('stg_7') }}}}\n"));
        insta::assert_snapshot!(shown(&executed));
        assert_eq!(count(&executed, "rendering"), 1);
        assert_eq!(count(&executed, "dependencies"), 1);
    });
}

#[test]
fn a_macro_nobody_calls_renders_nothing() {
    with_running(|mut running| {
        let executed = running
            .edit("macros/money.sql", |text| text.replace("{{ x }}{% endmacro %}\n", "{{ x }} + 0{% endmacro %}\n"));
        assert_eq!(count(&executed, "rendering"), 0, "{}", shown(&executed));
    });
}

#[test]
fn a_macro_renders_its_callers_and_no_one_else() {
    with_running(|mut running| {
        let executed = running.edit("macros/hub.sql", |text| text.replace("stg_0", "stg_1"));
        assert_eq!(count(&executed, "rendering"), 1, "{}", shown(&executed));
        let executed = running.edit("macros/money.sql", |text| text.replace("/ 100", "/ 100.0"));
        assert_eq!(count(&executed, "rendering"), 60, "{}", shown(&executed));
    });
}

#[test]
fn a_new_macro_that_takes_over_a_name_renders_who_asked_for_the_name() {
    with_running(|mut running| {
        let executed =
            running.edit("macros/hub.sql", |text| format!("{text}{{% macro cents(x) %}}{{{{ x }}}}{{% endmacro %}}"));
        // Of two macros of one name the first file's counts here, which is this one.
        assert_eq!(count(&executed, "rendering"), 60, "{}", shown(&executed));
    });
}

#[test]
fn a_var_renders_who_reads_it() {
    with_running(|mut running| {
        let executed = running.edit("dbt_project.yml", |text| text.replace("limit: 10", "limit: 20"));
        assert_eq!(count(&executed, "rendering"), 1, "{}", shown(&executed));
        let executed = running.edit("dbt_project.yml", |text| text.replace("other: 1", "other: 2"));
        assert_eq!(count(&executed, "rendering"), 0, "{}", shown(&executed));
    });
}

#[test]
fn a_yaml_description_reaches_its_model_and_no_relation() {
    with_running(|mut running| {
        let executed = running.edit("models/marts/marts.yml", |text| text.replace("One", "First"));
        assert_eq!(count(&executed, "rendering"), 0, "{}", shown(&executed));
        assert_eq!(count(&executed, "facts"), 1, "{}", shown(&executed));
        assert_eq!(count(&executed, "dependencies"), 0, "{}", shown(&executed));
    });
}

#[test]
fn a_folder_setting_renders_nothing() {
    with_running(|mut running| {
        let executed = running.edit("dbt_project.yml", |text| text.replace("view", "table"));
        assert_eq!(count(&executed, "rendering"), 0, "{}", shown(&executed));
        assert_eq!(count(&executed, "dependencies"), 0, "{}", shown(&executed));
    });
}
