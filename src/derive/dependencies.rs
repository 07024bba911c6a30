//! Which edges go against the layers and tenants of the house.

use super::Derived;
use crate::db::settings::Read;
use crate::db::{Sym, sym};
use crate::project::layout::{Layout, layout};
use crate::relations::{Cell, Visitor, layer, layer_folder, reads, reads_source, tenant};
use ascent::aggregators::count;
use ascent::ascent;

ascent! {
    struct Program<'db>;

    // Base relations.
    relation reads(Sym<'db>, Sym<'db>);
    relation reads_source(Sym<'db>, Sym<'db>);
    relation layer(Sym<'db>, Sym<'db>);
    relation layer_folder(Sym<'db>, Sym<'db>);
    relation tenant(Sym<'db>, Sym<'db>);

    // The table of layers.
    relation known(Sym<'db>);
    relation may_read(Sym<'db>, Sym<'db>);
    relation before(Sym<'db>, Sym<'db>);
    relation stands_on_sources(Sym<'db>);
    relation mart(Sym<'db>);

    relation dependency_direction(Sym<'db>, Sym<'db>, Sym<'db>, Sym<'db>);
    dependency_direction(child, parent, lower, upper) <--
        reads(child, parent), layer(child, lower), layer(parent, upper),
        known(lower), known(upper), !may_read(lower, upper);

    relation dependency_backward(Sym<'db>, Sym<'db>, Sym<'db>, Sym<'db>);
    dependency_backward(child, parent, lower, upper) <--
        reads(child, parent), layer(child, lower), layer(parent, upper), before(lower, upper);

    relation mart_reads_staging(Sym<'db>, Sym<'db>, Sym<'db>, Sym<'db>);
    mart_reads_staging(child, parent, lower, upper) <--
        reads(child, parent), layer(child, lower), layer(parent, upper),
        mart(lower), stands_on_sources(upper), may_read(lower, upper);

    relation cross_tenant(Sym<'db>, Sym<'db>, Sym<'db>, Sym<'db>);
    cross_tenant(child, parent, own, other) <--
        reads(child, parent), tenant(child, own), tenant(parent, other), if own != other;

    relation source_outside_staging(Sym<'db>, Sym<'db>, Sym<'db>);
    source_outside_staging(child, source, lower) <--
        reads_source(child, source), layer(child, lower), known(lower), !stands_on_sources(lower);

    relation unknown_folder(Sym<'db>, Sym<'db>);
    unknown_folder(folder, name) <--
        layer_folder(model, folder), layer(model, name), !known(name);

    relation unknown_layer(Sym<'db>, Sym<'db>, usize);
    unknown_layer(folder, name, models) <--
        unknown_folder(folder, name), agg models = count() in layer_folder(_, folder);
}

/// What the family is derived from.
#[derive(Debug, Clone, Default)]
pub struct Facts<'db> {
    pub reads: Vec<(Sym<'db>, Sym<'db>)>,
    pub reads_source: Vec<(Sym<'db>, Sym<'db>)>,
    pub layer: Vec<(Sym<'db>, Sym<'db>)>,
    pub layer_folder: Vec<(Sym<'db>, Sym<'db>)>,
    pub tenant: Vec<(Sym<'db>, Sym<'db>)>,
    pub known: Vec<(Sym<'db>,)>,
    pub may_read: Vec<(Sym<'db>, Sym<'db>)>,
    pub before: Vec<(Sym<'db>, Sym<'db>)>,
    pub stands_on_sources: Vec<(Sym<'db>,)>,
}

/// child, parent, layer of the child, layer of the parent
pub type Edge<'db> = (Sym<'db>, Sym<'db>, Sym<'db>, Sym<'db>);

#[derive(Debug, Clone, PartialEq, Eq, Default, salsa::SalsaValue)]
pub struct Dependencies<'db> {
    pub dependency_direction: Vec<Edge<'db>>,
    pub dependency_backward: Vec<Edge<'db>>,
    pub mart_reads_staging: Vec<Edge<'db>>,
    /// child, parent, tenant of the child, tenant of the parent
    pub cross_tenant: Vec<Edge<'db>>,
    /// child, source, layer of the child
    pub source_outside_staging: Vec<(Sym<'db>, Sym<'db>, Sym<'db>)>,
    /// folder, its name, how many models it holds
    pub unknown_layer: Vec<(Sym<'db>, Sym<'db>, usize)>,
}

/// The family's relations as rules read them.
pub const RELATIONS: [Derived; 6] = [
    Derived { name: "cross_tenant", visit: |db, emit| edges(db, &dependencies(db).cross_tenant, emit) },
    Derived { name: "dependency_backward", visit: |db, emit| edges(db, &dependencies(db).dependency_backward, emit) },
    Derived { name: "dependency_direction", visit: |db, emit| edges(db, &dependencies(db).dependency_direction, emit) },
    Derived { name: "mart_reads_staging", visit: |db, emit| edges(db, &dependencies(db).mart_reads_staging, emit) },
    Derived {
        name: "source_outside_staging",
        visit: |db, emit| {
            for (child, source, layer) in &dependencies(db).source_outside_staging {
                emit(&[child, source, layer].map(|part| Cell::Text(part.text(db))));
            }
        },
    },
    Derived {
        name: "unknown_layer",
        visit: |db, emit| {
            for (folder, layer, models) in &dependencies(db).unknown_layer {
                let models = i64::try_from(*models).unwrap_or(i64::MAX);
                emit(&[Cell::Text(folder.text(db)), Cell::Text(layer.text(db)), Cell::Int(models)]);
            }
        },
    },
];

fn edges(db: &dyn salsa::Database, edges: &[Edge<'_>], emit: &mut Visitor<'_>) {
    for (child, parent, lower, upper) in edges {
        emit(&[child, parent, lower, upper].map(|part| Cell::Text(part.text(db))));
    }
}

/// The layer that MART_REFS_STAGING is about.
const MARTS: &str = "marts";

#[salsa::tracked(returns(ref))]
pub fn dependencies<'db>(db: &'db dyn salsa::Database) -> Dependencies<'db> {
    let mut facts = Facts {
        reads: reads::rows(db).clone(),
        reads_source: reads_source::rows(db).clone(),
        layer: layer::rows(db).clone(),
        layer_folder: layer_folder::rows(db).clone(),
        tenant: tenant::rows(db).clone(),
        ..Facts::default()
    };
    let layout = layout(db);
    facts.before = layout.order.iter().map(|(layer, other)| (sym(db, layer), sym(db, other))).collect();
    for layer in &layout.layers {
        let name = sym(db, &layer.name);
        facts.known.push((name,));
        if Layout::reads_sources(layer) {
            facts.stands_on_sources.push((name,));
        }
        facts.may_read.extend(layer.reads.iter().filter_map(|read| match read {
            Read::Layer(other) => Some((name, sym(db, other))),
            Read::Source | Read::Seed => None,
        }));
    }
    derive(db, facts)
}

/// The family's rows, sorted by their texts. `queries/derived/dependencies.dl` says the same.
pub fn derive<'db>(db: &'db dyn salsa::Database, facts: Facts<'db>) -> Dependencies<'db> {
    let mut program = Program {
        reads: facts.reads,
        reads_source: facts.reads_source,
        layer: facts.layer,
        layer_folder: facts.layer_folder,
        tenant: facts.tenant,
        known: facts.known,
        may_read: facts.may_read,
        before: facts.before,
        stands_on_sources: facts.stands_on_sources,
        mart: vec![(sym(db, MARTS),)],
        ..Program::default()
    };
    program.run();
    // By all of it: two files may bear one id, which then has two layers.
    let by_text = |row: &Edge<'db>| [row.0, row.1, row.2, row.3].map(|part| part.text(db).clone());
    program.dependency_direction.sort_by_cached_key(by_text);
    program.dependency_backward.sort_by_cached_key(by_text);
    program.mart_reads_staging.sort_by_cached_key(by_text);
    program.cross_tenant.sort_by_cached_key(by_text);
    program.source_outside_staging.sort_by_cached_key(|row| [row.0, row.1, row.2].map(|part| part.text(db).clone()));
    program.unknown_layer.sort_by_cached_key(|row| [row.0, row.1].map(|part| part.text(db).clone()));
    Dependencies {
        dependency_direction: program.dependency_direction,
        dependency_backward: program.dependency_backward,
        mart_reads_staging: program.mart_reads_staging,
        cross_tenant: program.cross_tenant,
        source_outside_staging: program.source_outside_staging,
        unknown_layer: program.unknown_layer,
    }
}
