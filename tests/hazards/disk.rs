//! What lies on the disk and is no ordinary project.

use super::program::bounded::bounded;
use super::program::write;

#[test]
fn an_ordinary_project_fits_into_the_bounds_of_these_tests() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dbt_project.yml", "name: shop\n");
    write(folder.path(), "models/canary.sql", "select * from {{ ref('nowhere') }}\n");
    let ended = bounded(folder.path(), &["check"]);
    assert_eq!((ended.code, ended.count("UNKNOWN_REF")), (Some(1), 1), "{ended:?}");
}
