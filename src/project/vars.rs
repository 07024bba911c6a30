//! Vars: the command line, then the root project, then the package; in each the package's own scope
//! first.

use super::packages::{package_name, vars};
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

/// The value a var has while dbt_project.yml is read: only the command line's are known by then.
pub fn command_line_var(db: &dyn salsa::Database, name: &str) -> Option<serde_json::Value> {
    Project::try_get(db)?.invocation(db).vars.get(name).cloned()
}
