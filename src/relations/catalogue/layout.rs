//! What the places of files mean.

use super::nodes::living_models;
use crate::db::{Directory, Package, Project, Sym, sym};
use crate::project::layout::{Layout, Place, layout, place};
use crate::project::nodes::unique_id;
use crate::project::staging::canonical_tags as stated_tags;
use crate::relations::texts::is_sql;
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

relation! {
    /// A folder that an enabled model's file lies in, by its own name; all of them, the resource path's first
    /// folder as well.
    folder as "folder" (id: Node, folder: Name)
    Fact r#"folder(m, "finance"), !layer(m, _)"# at places::of_id;
    each |db, package, directory, rows| {
        for node in living_models(db, package, directory) {
            let id = sym(db, unique_id(db, node));
            let path: &str = node.file(db).package_path(db);
            let folders = path.rsplit_once('/').map(|(folders, _)| folders).unwrap_or_default();
            rows.extend(folders.split('/').filter(|folder| !folder.is_empty()).map(|folder| (id, sym(db, folder))));
        }
    }
}

relation! {
    /// The tags that an enabled staging model has to state in its own file, in order and with a comma
    /// between, by the staging pattern of harness.yml. Models that lie in no folder below staging have none
    /// where a tag is called like it, and Python models have none.
    canonical_tags as "canonical_tags" (id: Node, tags: Text)
    Fact r#"canonical_tags(m, wanted), own_tags(m, stated), stated != wanted"# at places::of_staging;
    each |db, package, directory, rows| {
        let staging = Project::try_get(db).and_then(|project| project.house_rules(db).staging.as_ref());
        if let Some(staging) = staging.filter(|staging| !staging.tags.is_empty()) {
            for node in living_models(db, package, directory).filter(|node| is_sql(db, node.file(db))) {
                let place = place(db, node);
                let layer = place.layer.as_deref().and_then(|layer| layout(db).layer(layer));
                if layer.is_some_and(Layout::reads_sources)
                    && let Some(tags) = stated_tags(staging, place.below_layer.as_deref())
                {
                    rows.push((sym(db, unique_id(db, node)), sym(db, &tags)));
                }
            }
        }
    }
}
