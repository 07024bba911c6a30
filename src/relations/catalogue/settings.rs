//! What the house states: harness.yml, or what holds without one.

use crate::db::settings::{Read, Staging};
use crate::db::{Project, sym};
use crate::project::layout::{Layout, layout, terminal_layers};
use crate::relations::{places, relation};

fn staging(db: &dyn salsa::Database) -> Option<&Staging> {
    Project::try_get(db)?.house_rules(db).staging.as_ref()
}

relation! {
    /// A layer that harness.yml states, else one of the customary layers that folders and prefixes show.
    known_layer as "known_layer" (layer: Name)
    Setting r#"layer(m, l), !known_layer(l)"# at places::of_layers;
    whole |db, rows| {
        rows.extend(layout(db).layers.iter().map(|layer| (sym(db, &layer.name),)));
    }
}

relation! {
    /// Models of a layer may read models of another, by `reads` in harness.yml or by custom.
    may_read as "may_read" (layer: Name, other: Name)
    Setting r#"ref(c, p), layer(c, a), layer(p, b), !may_read(a, b)"# at places::of_layers;
    whole |db, rows| {
        for layer in &layout(db).layers {
            let name = sym(db, &layer.name);
            rows.extend(layer.reads.iter().filter_map(|read| match read {
                Read::Layer(other) => Some((name, sym(db, other))),
                Read::Source | Read::Seed => None,
            }));
        }
    }
}

relation! {
    /// A layer comes before another in the flow: the other reads it, by way of others too, and it reads none of
    /// these. Of the customary layers custom says so. Two layers may be in no order.
    layer_before as "layer_before" (layer: Name, other: Name)
    Setting r#"ref(c, p), layer(c, a), layer(p, b), layer_before(a, b)"# at places::of_layers;
    whole |db, rows| {
        let order = layout(db).order.iter();
        rows.extend(order.map(|(layer, other)| (sym(db, layer), sym(db, other))));
    }
}

relation! {
    /// What a layer may read, as harness.yml lists it or by custom: `marts, intermediate`, or `nothing`.
    layer_reads as "layer_reads" (layer: Name, reads: Text)
    Setting r#"layer_reads(l, r)"# at places::of_layers;
    whole |db, rows| {
        for layer in &layout(db).layers {
            let names: Vec<&str> = layer
                .reads
                .iter()
                .map(|read| match read {
                    Read::Layer(name) => name.as_str(),
                    Read::Source => "source",
                    Read::Seed => "seed",
                })
                .collect();
            let reads = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            rows.push((sym(db, &layer.name), sym(db, &reads)));
        }
    }
}

relation! {
    /// Models of a layer may read sources.
    reads_sources as "reads_sources" (layer: Name)
    Setting r#"reads_source(m, s), layer(m, l), !reads_sources(l)"# at places::of_layers;
    whole |db, rows| {
        let layers = layout(db).layers.iter().filter(|layer| Layout::reads_sources(layer));
        rows.extend(layers.map(|layer| (sym(db, &layer.name),)));
    }
}

relation! {
    /// A CTE of the staging pattern, numbered from 0 in its order. None where harness.yml states no pattern.
    staging_cte as "staging_cte" (name: Name, index: Int)
    Setting r#"staging_cte(c, _), layer(m, "staging"), !cte(m, c, _)"# at places::of_staging;
    whole |db, rows| {
        let ctes = staging(db).map(|staging| staging.ctes.as_slice()).unwrap_or_default();
        rows.extend(ctes.iter().enumerate().map(|(index, name)| (sym(db, name), index as u32)));
    }
}

relation! {
    /// A tag of the staging pattern, numbered from 0 in its order; `{source}` stands for the folder below
    /// staging. None where harness.yml states no pattern.
    staging_tag as "staging_tag" (tag: Name, index: Int)
    Setting r#"staging_tag(t, i)"# at places::of_staging;
    whole |db, rows| {
        let tags = staging(db).map(|staging| staging.tags.as_slice()).unwrap_or_default();
        rows.extend(tags.iter().enumerate().map(|(index, tag)| (sym(db, tag), index as u32)));
    }
}

relation! {
    /// Models of this layer or folder are the end of the flow and wait for no reader, by `terminal` in
    /// harness.yml, else by custom: marts, gold, applications, reports and the like, and layers that no other comes
    /// after. None where no layers are known either.
    terminal as "terminal" (layer: Name)
    Setting r#"model(m, _, _), !ref(_, m), layer(m, l), !terminal(l)"# at places::of_terminal;
    whole |db, rows| {
        rows.extend(terminal_layers(db).iter().map(|layer| (sym(db, layer),)));
    }
}

relation! {
    /// The domains that harness.yml puts in order, numbered from 0: a model may read its own and those of
    /// smaller numbers. None where it states no order.
    domain_order as "domain_order" (domain: Name, index: Int)
    Setting r#"domain_order(d, 0)"# at places::of_domains;
    whole |db, rows| {
        let domains = Project::try_get(db).map(|project| project.house_rules(db).domains.as_slice());
        let domains = domains.unwrap_or_default().iter().enumerate();
        rows.extend(domains.map(|(index, domain)| (sym(db, domain), index as u32)));
    }
}
