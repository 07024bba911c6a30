//! Vars: the command line, then the root project, then the package; in each the package's own scope
//! first.

use super::packages::{package_name, vars, vars_of_file};
use crate::db::{Package, Project};
use std::sync::Arc;

#[salsa::interned(revisions = usize::MAX)]
struct VarName<'db> {
    #[returns(copy)]
    package: Package,
    #[returns(ref)]
    name: Arc<str>,
}

/// One query a var: who reads it depends on it and on no other.
#[salsa::tracked]
fn value<'db>(db: &'db dyn salsa::Database, var: VarName<'db>) -> Option<serde_json::Value> {
    let (package, name) = (var.package(db), var.name(db));
    let project = Project::try_get(db)?;
    if let Some(given) = project.invocation(db).vars.get(&**name) {
        return Some(given.clone());
    }
    let own = package_name(db, package);
    [project.root(db), package].into_iter().find_map(|package| {
        let vars = vars(db, package);
        vars.get(&**own).and_then(|scope| scope.get(&**name)).or_else(|| vars.get(&**name)).cloned()
    })
}

/// The value a var has for a package's nodes.
pub fn var(db: &dyn salsa::Database, package: Package, name: &Arc<str>) -> Option<serde_json::Value> {
    value(db, VarName::new(db, package, name.clone())).clone()
}

/// The value a var has while dbt_project.yml is read: of the root project's own vars only those of vars.yml are
/// known by then, and packages see none, not even those of the command line.
pub fn early_var(db: &dyn salsa::Database, package: Package, name: &str) -> Option<serde_json::Value> {
    let project = Project::try_get(db)?;
    if project.root(db) != package {
        return None;
    }
    let given = &project.invocation(db).vars;
    given.get(name).or_else(|| vars_of_file(db).get(name)).cloned()
}
