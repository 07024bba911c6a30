//! Macros and docs blocks. dbt's own macros are none of the project's and are left out.

use super::Sections;
use crate::db::{Database, Package};
use crate::project::docs::{docs_id, docs_of_package};
use crate::project::macro_calls::{called_by, macro_id};
use crate::project::macros::{is_read, macros_of_package};
use crate::project::packages::package_name;
use serde_json::json;

pub(super) fn add(db: &Database, package: Package, sections: &mut Sections) {
    for (name, at) in macros_of_package(db, package) {
        let (file, _) = *at;
        if !is_read(db, *at) {
            continue;
        }
        let id = macro_id(db, package, name);
        let document = json!({
            "unique_id": id,
            "resource_type": "macro",
            "package_name": package_name(db, package),
            "name": name,
            "original_file_path": file.package_path(db),
            "depends_on": {"macros": called_by(db, package, name, *at)},
        });
        sections.add("macros", id, document);
    }
    for (name, file) in docs_of_package(db, package) {
        let id = docs_id(db, package, &name);
        let document = json!({
            "unique_id": id,
            "resource_type": "doc",
            "package_name": package_name(db, package),
            "name": name,
            "original_file_path": file.package_path(db),
        });
        sections.add("docs", id, document);
    }
}
