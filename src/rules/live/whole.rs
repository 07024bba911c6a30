//! A rule that is run whole, where what it reads has changed.

use super::view::View;
use crate::datalog::{Cell, Constant, Maintained};
use crate::db::Database;
use crate::query::{Families, Followings, OF_THE_RUN, Repo, RowOf, Run, Standing, of_the_run, standing, stands};
use crate::rules::engine::{self, Broken, Judged, Options, RuleRows};
use crate::rules::run::Asked;
use salsa::plumbing::{AsId, FromId};
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct WholeRule {
    last: Option<Last>,
}

#[derive(Debug)]
struct Last {
    options: Options,
    /// The relations of facts that it reads and those that tell what `@name` means, as they were; `None` where nobody knows whether they changed.
    versions: Option<Vec<(String, u64)>>,
    revision: salsa::Revision,
    run: Vec<Vec<Constant>>,
    rows: Result<RuleRows, Broken>,
    told: Option<Told>,
}

/// What the rows came to, and where they stood.
#[derive(Debug)]
struct Told {
    judged: Arc<Judged>,
    /// What their places were looked up by, and what that gave.
    looked: Vec<(salsa::Id, u64)>,
    /// Some rows are of the run, whose places may be others each time.
    is_of_the_run: bool,
}

impl Told {
    fn of(db: &Database, rows: &RuleRows, asked: &Asked<'_>) -> Self {
        let (mut looked, mut is_of_the_run) = (Vec::new(), false);
        let mut look = |relation: &str, row: &[Constant]| -> Standing {
            if of_the_run(relation).is_some() {
                is_of_the_run = true;
                return standing(db, relation, row);
            }
            let key = RowOf::new(db, Arc::<str>::from(relation), row.to_vec());
            let known = stands(db, key);
            looked.push((key.as_id(), known.stamp));
            known.value.clone()
        };
        let judged = Arc::new(Judged::of(asked.rule, &rows.evaluation(&mut look)));
        Self { judged, looked, is_of_the_run }
    }

    fn is_true(&self, db: &Database) -> bool {
        !self.is_of_the_run && self.looked.iter().all(|(id, stamp)| stands(db, RowOf::from_id(*id)).stamp == *stamp)
    }
}

impl WholeRule {
    pub(super) fn judge(
        &mut self,
        db: &Database,
        asked: &Asked<'_>,
        (maintained, parts): (&Maintained, &Followings),
    ) -> Result<Arc<Judged>, Broken> {
        let repo = Repo::new(db, Families::Interpreted, &asked.view);
        let view = View { repo: &repo, parts, maintained: Some(maintained) };
        let run = if asked.reads_run { rows_of_the_run(&asked.view) } else { Vec::new() };
        let revision = salsa::plumbing::current_revision(db);
        let is_same = |last: &Last| {
            let same_facts = match &last.versions {
                Some(versions) => versions.iter().all(|(name, version)| view.version(name) == Some(*version)),
                None => last.revision == revision,
            };
            last.options == asked.options && last.run == run && same_facts
        };
        let known = self.last.take();
        let former = known.as_ref().and_then(|last| Some(last.told.as_ref()?.judged.clone()));
        let mut last = known.filter(is_same).unwrap_or_else(|| {
            let rows = engine::rows_of(asked.rule, &asked.options, &view);
            let versions = rows.as_ref().ok().and_then(|rows| {
                let facts = rows.reads.iter().map(String::as_str);
                let facts = facts.filter(|name| of_the_run(name).is_none() && *name != engine::OPTION);
                let facts = facts.chain(Repo::NAMING.into_iter().filter(|_| repo.has_named()));
                facts.map(|name| Some((name.to_owned(), view.version(name)?))).collect()
            });
            Last { options: asked.options.clone(), versions, revision, run, rows, told: None }
        });
        let rows = match &last.rows {
            Ok(rows) => rows,
            Err(broken) => {
                let broken = broken.clone();
                self.last = Some(last);
                return Err(broken);
            }
        };
        let mut told = last.told.take().filter(|told| told.is_true(db)).unwrap_or_else(|| Told::of(db, rows, asked));
        // What is the same as before stays what it was.
        if let Some(former) = former.filter(|former| **former == *told.judged) {
            told.judged = former;
        }
        let judged = told.judged.clone();
        self.last = Some(Last { told: Some(told), ..last });
        Ok(judged)
    }
}

fn rows_of_the_run(run: &dyn Run) -> Vec<Vec<Constant>> {
    let mut rows = Vec::new();
    for (at, relation) in OF_THE_RUN.iter().enumerate() {
        run.visit(relation.name, &mut |row| {
            let cells = row.iter().copied().map(Cell::constant);
            rows.push(std::iter::once(Constant::Int(at as i64)).chain(cells).collect());
        });
    }
    rows
}
