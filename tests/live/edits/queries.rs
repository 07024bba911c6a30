//! Edits of queries: what they select, name and set.

use super::super::dice::Dice;
use super::{Ops, World, write};

pub(super) fn body(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.query(dice)?;
    let number = world.number();
    let text = match dice.below(4) {
        0 => format!("{text}\nunion all select {number} as n\n"),
        1 => text.replacen("select", &format!("select {number} * 60 as extra_{number},"), 1),
        2 => text.replacen("final", &format!("final_{number}"), 1),
        _ => format!("{text}\n{{{{ cents('x') }}}} {{{{ unknown_macro_{}() }}}}\n", number % 3),
    };
    write(path, text)
}

/// The calls of a function with one text, as byte ranges of the text.
fn calls(text: &str, function: &str) -> Vec<(usize, usize)> {
    let opening = format!("{function}('");
    let found = text.match_indices(&opening).filter_map(|(at, _)| {
        let from = at + opening.len();
        Some((from, from + text[from..].find('\'')?))
    });
    found.collect()
}

pub(super) fn other_ref(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.some(dice, |_| true)?;
    let (from, to) = dice.some(&calls(&text, "ref"))?;
    let name = world.name(dice);
    write(path, format!("{}{name}{}", &text[..from], &text[to..]))
}

pub(super) fn more_ref(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.query(dice)?;
    let name = world.name(dice);
    let call = match dice.below(5) {
        0 => format!("ref('{name}', v=1)"),
        1 => format!("ref('shop', '{name}')"),
        _ => format!("ref('{name}')"),
    };
    let text = match dice.below(3) {
        0 => format!("{text}\n-- {{{{ {call} }}}}\n"),
        1 => format!("{text}\n{{% if var('limit') %}} join {{{{ {call} }}}} using (id){{% endif %}}\n"),
        _ => format!("{text}\njoin {{{{ {call} }}}} using (id)\n"),
    };
    write(path, text)
}

pub(super) fn other_source(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.query(dice)?;
    let (from, to) = match dice.some(&calls(&text, "source")) {
        Some(call) => call,
        None => return write(path, format!("{text}\njoin {{{{ source('raw', 'orders') }}}} using (id)\n")),
    };
    let name = *dice.pick(&["raw", "loaded", "nowhere", "catalogue"]);
    write(path, format!("{}{name}{}", &text[..from], &text[to..]))
}

pub(super) fn table_name(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.query(dice)?;
    let table = *dice.pick(&["raw.shop.orders", "orders", "information_schema.tables", "raw.events"]);
    write(path, format!("{text}\njoin {table} as other on true\n"))
}

pub(super) fn config(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.query(dice)?;
    if text.contains("config(") && dice.in_a_hundred(50) {
        let lines = text.lines().filter(|line| !line.contains("config("));
        return write(path, lines.map(|line| format!("{line}\n")).collect());
    }
    let settings = *dice.pick(&[
        "materialized='view'",
        "materialized='table', tags=['staging', 'one']",
        "materialized='incremental', unique_key='id'",
        "enabled=false",
        "enabled=var('limit') is none",
        "alias='orders'",
        "schema='other', database='elsewhere'",
        "meta={'harness': {'ignore': ['ORPHAN_MODEL']}}",
        "pre_hook=[\"insert into log select * from {{ ref('orders') }}\"]",
        "group='finance', access='public', contract={'enforced': true}",
        "materialized=unknown_thing()",
        "meta={'harness': {'ignore': [{'rule': 'MISSING_TESTS', 'reason': 'it is young', 'until': '2030-01-31'}]}}",
        "materialized='incremental', incremental_strategy='microbatch', event_time='at', begin='2024-01-01', batch_size='day'",
        "post_hook={'sql': 'select 2', 'transaction': false}, persist_docs={'relation': true}, grants={'select': ['a']}",
        "tags='one', severity='warn', store_failures=true, on_schema_change='ignore', full_refresh=var('limit')",
        "strategy='timestamp', updated_at='at', unique_key='id', hard_deletes='new_record'",
        "docs={'node_color': 'gray', 'show': false}, freshness={'build_after': {'count': 1, 'period': 'day'}}",
    ]);
    write(path, format!("{{{{ config({settings}) }}}}\n{text}"))
}
