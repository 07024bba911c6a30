//! What a selection selects.

use super::member::{Ids, Members, members};
use super::methods::search;
use super::parse::of_run;
use super::patterns::Pattern;
use super::selector::{Selector, selectors};
use super::spec::{Criteria, Definition, Indirect, Kinds, Method, Operator, Spec};
use crate::db::Project;
use crate::project::data::scalar;
use crate::project::packages::project_file;
use crate::similar::nearest;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The unique_ids that a selection selects, sorted.
pub fn evaluate(db: &dyn salsa::Database, spec: &Spec) -> BTreeSet<Arc<str>> {
    let members = members(db);
    let run = Run {
        members,
        selectors: selectors(db).as_deref().unwrap_or_default(),
        indirect: spec.indirect.unwrap_or_else(|| stated(db)),
        kinds: &spec.kinds,
        states: Project::try_get(db).and_then(|project| project.before(db).as_ref()?.states.as_ref()),
        known: RefCell::default(),
    };
    let selected = run.selected(&spec.definition, 0);
    selected.iter().filter_map(|at| members.all.get(*at)).map(|member| member.id.clone()).collect()
}

/// What the environment or dbt_project.yml says of tests beside what is selected.
fn stated(db: &dyn salsa::Database) -> Indirect {
    let Some(project) = Project::try_get(db) else { return Indirect::Eager };
    let env = &project.invocation(db).env;
    let named = ["DBT_ENGINE_INDIRECT_SELECTION", "DBT_INDIRECT_SELECTION"].iter().find_map(|name| env.get(*name));
    let flag = || project_file(db, project.root(db)).get("flags")?.get("indirect_selection").and_then(scalar);
    named.cloned().or_else(flag).and_then(|name| Indirect::of(&name)).unwrap_or(Indirect::Eager)
}

/// Refuses a selection that names selectors nobody wrote, or that lead back to themselves or to what cannot
/// be evaluated.
pub fn check(db: &dyn salsa::Database, spec: &Spec) -> Result<(), (String, String)> {
    let all = selectors(db).as_deref().unwrap_or_default();
    let states = Project::try_get(db).and_then(|project| project.before(db).as_ref()?.states.as_ref());
    reach(all, &spec.definition, states.is_some(), &mut Vec::new(), &mut BTreeSet::new())
}

fn reach<'all>(
    all: &'all [Selector],
    definition: &Definition,
    is_compared: bool,
    open: &mut Vec<&'all str>,
    seen: &mut BTreeSet<&'all str>,
) -> Result<(), (String, String)> {
    for criteria in definition.criteria() {
        match criteria.method {
            Method::OfRun(name) => return Err(of_run(name)),
            Method::State if !is_compared => {
                let remedy = "Name the commit to compare with: --since main. It takes the place of dbt's --state.";
                return Err(("state: compares with another state, and none is named".to_owned(), remedy.to_owned()));
            }
            Method::Selector => {}
            _ => continue,
        }
        let pattern = Pattern::new(criteria.text());
        let mut is_any = false;
        for selector in all.iter().filter(|selector| pattern.matches(&selector.name)) {
            is_any = true;
            if open.contains(&&*selector.name) {
                let remedy = "Take one of the references away in selectors.yml.";
                return Err((format!("the selector '{}' leads back to itself", selector.name), remedy.to_owned()));
            }
            if open.len() >= DEEPEST {
                let remedy = "Write out in selectors.yml what some of them select.";
                return Err((format!("selectors name selectors more than {DEEPEST} levels deep"), remedy.to_owned()));
            }
            // What several selectors name is followed once.
            if seen.insert(&selector.name) {
                open.push(&selector.name);
                reach(all, &selector.definition, is_compared, open, seen)?;
                open.pop();
            }
        }
        if !is_any {
            return Err(missing(all, criteria.text()));
        }
    }
    Ok(())
}

/// What is said of a selector that is not there.
pub fn missing(all: &[Selector], name: &str) -> (String, String) {
    let names: Vec<&str> = all.iter().map(|selector| &*selector.name).collect();
    let near = nearest(name, names.iter().copied()).map(|near| format!("Did you mean {near}? ")).unwrap_or_default();
    let rest = if names.is_empty() {
        "Write it in selectors.yml beside dbt_project.yml.".to_owned()
    } else {
        format!("selectors.yml has {}.", names.join(", "))
    };
    (format!("no selector is called '{name}'"), format!("{near}{rest}"))
}

struct Run<'run> {
    members: &'run Members,
    selectors: &'run [Selector],
    indirect: Indirect,
    kinds: &'run Kinds,
    /// The values of `state:` that hold, by unique_id.
    states: Option<&'run BTreeMap<Arc<str>, BTreeSet<&'static str>>>,
    /// What each selector selects, by its place in the list, once that is known.
    known: RefCell<BTreeMap<usize, Ids>>,
}

/// Selectors that name selectors end somewhere; `check` has told those that do not.
const DEEPEST: usize = 64;

impl Run<'_> {
    fn selected(&self, definition: &Definition, depth: usize) -> Ids {
        let (direct, _) = self.select(definition, depth);
        let is_wanted = |at: &usize| self.members.all.get(*at).is_some_and(|member| self.kinds.has(member.kind));
        direct.into_iter().filter(is_wanted).collect()
    }

    /// What is selected, and the tests that are if the rest of their parents is.
    fn select(&self, definition: &Definition, depth: usize) -> (Ids, Ids) {
        let (operator, parts, indirect) = match definition {
            Definition::Criteria(criteria) => return self.criteria(criteria, depth),
            Definition::Group { operator, parts, indirect } => (*operator, parts, indirect),
        };
        let bundles: Vec<(Ids, Ids)> = parts.iter().map(|part| self.select(part, depth)).collect();
        let direct = combined(operator, bundles.iter().map(|(direct, _)| direct.clone()));
        let late = combined(operator, bundles.iter().map(|(direct, late)| direct | late));
        let selected = self.with_late(direct, &late, indirect.unwrap_or(self.indirect));
        (selected, late)
    }

    fn criteria(&self, criteria: &Criteria, depth: usize) -> (Ids, Ids) {
        let is_selector = criteria.method == Method::Selector;
        let named = match criteria.method {
            Method::Selector => self.of_selectors(criteria, depth),
            Method::State => self.members.having(|member| {
                let holding = self.states.and_then(|states| states.get(&member.id));
                holding.is_some_and(|holding| holding.contains(criteria.text()))
            }),
            _ => search(self.members, criteria),
        };
        let mut selected = named.clone();
        if criteria.childrens_parents {
            let below = &self.related(&named, None, false) | &named;
            selected.extend(self.related(&below, None, true));
            selected.extend(below);
        }
        if let Some(steps) = criteria.parents {
            selected.extend(self.related(&named, steps, true));
        }
        if let Some(steps) = criteria.children {
            selected.extend(self.related(&named, steps, false));
        }
        let indirect = criteria.indirect.unwrap_or(self.indirect);
        // A selector has the tests it wants already.
        if is_selector || indirect == Indirect::Empty {
            return (selected, Ids::new());
        }
        self.with_tests(selected, indirect)
    }

    fn of_selectors(&self, criteria: &Criteria, depth: usize) -> Ids {
        let pattern = Pattern::new(criteria.text());
        let named = self.selectors.iter().enumerate().filter(|(_, selector)| pattern.matches(&selector.name));
        let mut found = Ids::new();
        for (at, selector) in named.filter(|_| depth < DEEPEST) {
            let known = self.known.borrow().get(&at).cloned();
            let selected = known.unwrap_or_else(|| self.selected(&selector.definition, depth + 1));
            found.extend(selected.iter().copied());
            self.known.borrow_mut().insert(at, selected);
        }
        found
    }

    /// The ancestors or descendants of a set, at most some steps away.
    fn related(&self, from: &Ids, steps: Option<u32>, upwards: bool) -> Ids {
        let mut found = Ids::new();
        let mut layer = from.clone();
        let mut step = 0;
        while !layer.is_empty() && steps.is_none_or(|steps| step < steps) {
            let members = layer.iter().filter_map(|at| self.members.all.get(*at));
            let next = members.flat_map(|member| if upwards { &member.parents } else { &member.children });
            layer = next.copied().filter(|at| !found.contains(at)).collect();
            found.extend(layer.iter().copied());
            step += 1;
        }
        found
    }

    /// Adds the tests of what is selected; those that wait for other parents apart.
    fn with_tests(&self, selected: Ids, indirect: Indirect) -> (Ids, Ids) {
        let present = match indirect {
            Indirect::Buildable => {
                let mut present = &selected | &self.related(&selected, None, true);
                present.extend(self.members.having(|member| member.kind == "source"));
                present
            }
            _ => selected.clone(),
        };
        let (mut direct, mut late) = (selected.clone(), Ids::new());
        for child in self.related(&selected, Some(1), false) {
            let Some(test) = self.members.all.get(child).filter(|member| member.is_test()) else { continue };
            if indirect == Indirect::Eager || test.parents.iter().all(|parent| present.contains(parent)) {
                direct.insert(child);
            } else {
                late.insert(child);
            }
        }
        (direct, late)
    }

    /// Adds the tests whose parents only all parts together select.
    fn with_late(&self, direct: Ids, late: &Ids, indirect: Indirect) -> Ids {
        let present = match indirect {
            Indirect::Eager | Indirect::Empty => return direct,
            Indirect::Cautious => direct.clone(),
            Indirect::Buildable => &direct | &self.related(&direct, None, true),
        };
        let is_complete = |at: &usize| {
            let member = self.members.all.get(*at).filter(|member| member.is_node());
            member.is_some_and(|member| member.parents.iter().all(|parent| present.contains(parent)))
        };
        let added: Ids = late.iter().copied().filter(is_complete).collect();
        &direct | &added
    }
}

fn combined(operator: Operator, mut sets: impl Iterator<Item = Ids>) -> Ids {
    let Some(first) = sets.next() else { return Ids::new() };
    sets.fold(first, |all, set| match operator {
        Operator::Union => &all | &set,
        Operator::Intersection => &all & &set,
        Operator::Difference => &all - &set,
    })
}
