//! A rule that is run whole, where what it reads has changed.

use super::known::{Known, View};
use super::reach::Near;
use crate::datalog::{Cell, Constant, Maintained};
use crate::db::Database;
use crate::query::{Families, OF_THE_RUN, Repo, Run, of_the_run};
use crate::rules::engine::{self, Broken, Judged, Options, RuleRows};
use crate::rules::run::Asked;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct WholeRule {
    last: Option<Last>,
    judged: Option<Arc<Judged>>,
}

#[derive(Debug)]
struct Last {
    options: Options,
    /// The relations of facts that it reads and those that tell what `@name` means, as they were; `None` where nobody knows whether they changed.
    versions: Option<Vec<(String, u64)>>,
    revision: salsa::Revision,
    run: Vec<Vec<Constant>>,
    rows: Result<RuleRows, Broken>,
}

impl Last {
    /// Whether a place of its rows may be another.
    fn concerns(&self, near: &Near, judged: &Judged) -> bool {
        let values = self.rows.iter().flat_map(RuleRows::texts);
        let paths = judged.findings.iter().flat_map(|finding| finding.paths());
        near.concerns(values) || near.concerns(paths)
    }
}

impl WholeRule {
    pub(super) fn judge(
        &mut self,
        db: &Database,
        asked: &Asked<'_>,
        (known, maintained): (&Known, &Maintained),
        near: Option<&Near>,
    ) -> Result<Arc<Judged>, Broken> {
        let repo = Repo::new(db, Families::Interpreted, &asked.view);
        let view = View { repo: &repo, known, maintained: Some(maintained) };
        let run = if asked.reads_run { rows_of_the_run(&asked.view) } else { Vec::new() };
        let revision = salsa::plumbing::current_revision(db);
        let is_same = |last: &Last| {
            let same_facts = match &last.versions {
                Some(versions) => versions.iter().all(|(name, version)| view.version(name) == Some(*version)),
                None => last.revision == revision,
            };
            last.options == asked.options && last.run == run && same_facts
        };
        let last = match self.last.take().filter(is_same) {
            Some(last) => {
                let judged =
                    self.judged.as_ref().filter(|judged| near.is_some_and(|near| !last.concerns(near, judged)));
                if let Some(judged) = judged.cloned() {
                    self.last = Some(last);
                    return Ok(judged);
                }
                last
            }
            None => {
                let rows = engine::rows_of(asked.rule, &asked.options, &view);
                let versions = rows.as_ref().ok().and_then(|rows| {
                    let facts = rows.reads.iter().map(String::as_str);
                    let facts = facts.filter(|name| of_the_run(name).is_none() && *name != engine::OPTION);
                    let facts = facts.chain(Repo::NAMING.into_iter().filter(|_| repo.has_named()));
                    facts.map(|name| Some((name.to_owned(), view.version(name)?))).collect()
                });
                Last { options: asked.options.clone(), versions, revision, run, rows }
            }
        };
        let judged = match &last.rows {
            Ok(rows) => Ok(Judged::of(asked.rule, &rows.evaluation(&repo))),
            Err(broken) => Err(broken.clone()),
        };
        self.last = Some(last);
        let judged = judged?;
        // What is the same as before stays what it was.
        let known = self.judged.take().filter(|known| **known == judged);
        Ok(self.judged.insert(known.unwrap_or_else(|| Arc::new(judged))).clone())
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
