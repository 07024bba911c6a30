//! The options of dbt's node selection; the same for every command that has them.

use super::{Failure, note, project, say};
use crate::project::selection::{Indirect, Members, Selector, Spec, check, members, missing, parse_all, selectors};
use crate::report::escaped;
use crate::rules::finding::Finding;
use crate::session::Session;
use crate::syntax::span::SyntaxError;
use clap::ValueEnum;
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(super) struct Selecting {
    /// What to select, as dbt has it: names, methods such as tag:nightly, +parents, children+, a,b for both.
    #[arg(short, long, value_name = "SELECTION", num_args = 1..)]
    select: Vec<String>,
    /// What to leave out of it.
    #[arg(long, value_name = "SELECTION", num_args = 1..)]
    exclude: Vec<String>,
    /// The selector of selectors.yml to select by.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["select", "exclude"])]
    selector: Option<String>,
    /// Which tests come along with what they test.
    #[arg(long, value_name = "MODE", value_enum, ignore_case = true)]
    indirect_selection: Option<Mode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// Each test with a selected parent.
    Eager,
    /// Tests all of whose parents are selected.
    Cautious,
    /// The same where a parent may also be an ancestor of what is selected.
    Buildable,
    /// No test that is not selected itself.
    Empty,
}

impl Mode {
    fn indirect(self) -> Indirect {
        match self {
            Self::Eager => Indirect::Eager,
            Self::Cautious => Indirect::Cautious,
            Self::Buildable => Indirect::Buildable,
            Self::Empty => Indirect::Empty,
        }
    }
}

/// What the options say, before a project is loaded.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    Nothing(Option<Indirect>),
    Spec(Spec),
    Selector(String, Option<Indirect>),
}

impl Selecting {
    pub(super) fn is_empty(&self) -> bool {
        self.select.is_empty() && self.exclude.is_empty() && self.selector.is_none()
    }

    /// Whether somebody may select by what has changed: selectors are not read yet.
    pub(super) fn may_compare(&self) -> bool {
        let mut texts = self.select.iter().chain(&self.exclude);
        self.selector.is_some() || texts.any(|text| text.contains("state:") || text.contains("selector:"))
    }

    /// Reads the options; all that is wrong with them is told at once.
    pub(super) fn read(&self) -> Result<Asked, Failure> {
        let indirect = self.indirect_selection.map(Mode::indirect);
        if let Some(name) = &self.selector {
            return Ok(Asked::Selector(name.clone(), indirect));
        }
        if self.is_empty() {
            return Ok(Asked::Nothing(indirect));
        }
        let spec = parse_all(&self.select, &self.exclude, indirect);
        spec.map(Asked::Spec).map_err(|errors| {
            let told = errors.iter().map(|(option, text, error)| shown(option, text, error));
            Failure(told.collect::<Vec<_>>().join("\n"))
        })
    }
}

fn shown(option: &str, text: &str, error: &SyntaxError) -> String {
    let column = text.get(..error.span.start as usize).unwrap_or_default().chars().count() + 1;
    let (text, message) = (escaped(text), escaped(&error.message));
    format!("harness: {option} '{text}', column {column}: {message}.\n  → {}", escaped(&error.remedy))
}

/// The selection of the options in a project; nothing where they say nothing. A selector that is the
/// default is taken where `by_default` says so.
pub(super) fn spec(session: &Session, asked: Asked, by_default: bool) -> Result<Option<Spec>, Failure> {
    let db = &session.db;
    let named = |all: &[Selector], name: &str, indirect| match all.iter().find(|selector| *selector.name == *name) {
        Some(selector) => Ok(Spec::new(selector.definition.clone(), indirect)),
        None => {
            let (what, fix) = missing(all, name);
            Err(Failure(format!("harness: {}.\n  → {}", escaped(&what), escaped(&fix))))
        }
    };
    let spec = match asked {
        Asked::Nothing(_) if !by_default => return Ok(None),
        Asked::Nothing(indirect) => {
            let default = written(session)?.iter().find(|selector| selector.is_default);
            match default {
                Some(selector) => {
                    note(&format!("the selector {} of selectors.yml is the default", selector.name));
                    Spec::new(selector.definition.clone(), indirect)
                }
                None => match parse_all(&[], &[], indirect) {
                    Ok(spec) => spec,
                    Err(_) => return Ok(None),
                },
            }
        }
        Asked::Spec(spec) => {
            if spec.names_selectors() {
                written(session)?;
            }
            spec
        }
        Asked::Selector(name, indirect) => named(written(session)?, &name, indirect)?,
    };
    check(db, &spec).map_err(|(what, fix)| Failure(format!("harness: {}.\n  → {}", escaped(&what), escaped(&fix))))?;
    Ok(Some(spec))
}

/// What selectors.yml says.
fn written(session: &Session) -> Result<&[Selector], Failure> {
    let text = |file: crate::db::SourceFile| file.content(&session.db).text().to_owned();
    selectors(&session.db).as_deref().map_err(|errors| {
        let text = session.project.selectors_file(&session.db).map(text).unwrap_or_default();
        Failure(project::located("selectors.yml", &text, errors))
    })
}

/// What of a project is selected, for findings.
pub(super) struct Selected<'session> {
    ids: BTreeSet<Arc<str>>,
    members: &'session Members,
    files: BTreeSet<Arc<str>>,
}

/// What the options select; nothing where they say nothing, for then all is meant.
pub(super) fn selected(session: &Session, asked: Asked) -> Result<Option<Selected<'_>>, Failure> {
    let Some(spec) = spec(session, asked, false)? else { return Ok(None) };
    let ids = session.select(&spec);
    let members = members(&session.db);
    let files = ids.iter().filter_map(|id| members.get(id)).flat_map(|member| member.files.iter().cloned()).collect();
    Ok(Some(Selected { ids, members, files }))
}

impl Selected<'_> {
    pub(super) fn note_if_empty(&self) {
        note_if_empty(&self.ids);
    }

    /// Whether a finding is of a selected node; one of nothing that can be selected, whether it stands in a
    /// file of one.
    pub(super) fn holds(&self, finding: &Finding) -> bool {
        match finding.node.as_ref().filter(|id| self.members.get(id).is_some()) {
            Some(id) => self.ids.contains(id),
            None => self.files.contains(&finding.place.path),
        }
    }
}

/// A selection that selects nothing is no failure, but perhaps a mistake.
pub(super) fn note_if_empty(ids: &BTreeSet<Arc<str>>) {
    if ids.is_empty() {
        say("harness: note: the selection selects nothing; `harness list` without options lists all there is");
    }
}
