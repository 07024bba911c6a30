//! What the places of files mean.

use super::nodes::living_models;
use crate::db::{Directory, Package, Sym, sym};
use crate::project::layout::{Place, place};
use crate::project::nodes::unique_id;
use crate::relations::{places, relation};
use std::sync::Arc;

/// The enabled models of one directory with what their places say.
fn placed<'db>(
    db: &'db dyn salsa::Database,
    package: Package,
    directory: Directory,
    said: impl Fn(Place) -> Option<Arc<str>>,
) -> impl Iterator<Item = (Sym<'db>, Sym<'db>)> {
    living_models(db, package, directory)
        .filter_map(move |node| Some((sym(db, unique_id(db, node)), sym(db, &said(place(db, node))?))))
}

relation! {
    /// The layer an enabled model stands in, by its folders or the prefix of its name. Models outside of
    /// all layers have none, and no model has one where no layers are stated or recognised.
    layer as "layer" (id: Node, layer: Name)
    Fact r#"layer(m, "marts")"# at places::of_id;
    each |db, package, directory, rows| {
        rows.extend(placed(db, package, directory, |place| place.layer));
    }
}

relation! {
    /// The folder that gives an enabled model its layer. Only where harness.yml states what folders mean.
    layer_folder as "layer_folder" (id: Node, folder: Path)
    Fact r#"layer_folder(m, folder), layer(m, l), !known_layer(l)"# at places::of_id;
    each |db, package, directory, rows| {
        rows.extend(placed(db, package, directory, |place| place.layer_folder));
    }
}

relation! {
    /// The domain an enabled model belongs to. Only where `paths` in harness.yml has a `{domain}`.
    domain as "domain" (id: Node, domain: Name)
    Fact r#"ref(c, p), domain(c, a), domain(p, b), a != b"# at places::of_id;
    each |db, package, directory, rows| {
        rows.extend(placed(db, package, directory, |place| place.domain));
    }
}

relation! {
    /// The tenant an enabled model belongs to. Only where harness.yml lists tenants.
    tenant as "tenant" (id: Node, tenant: Name)
    Fact r#"ref(c, p), tenant(c, a), tenant(p, b), a != b"# at places::of_id;
    each |db, package, directory, rows| {
        rows.extend(placed(db, package, directory, |place| place.tenant));
    }
}
