//! Edits of YAML: of its text, and of its values as other projects have them.

use super::super::dice::Dice;
use super::super::script::Op;
use super::super::yaml::{self, Document, Part, is_yaml};
use super::{Ops, World, write};
use serde_json::Value;
use std::collections::BTreeMap;
use std::rc::Rc;

pub(super) fn yaml_entry(world: &mut World, dice: &mut Dice) -> Ops {
    let name = world.name(dice);
    let number = world.number();
    let entry = match dice.below(14) {
        0 => format!("models:\n  - name: {name}\n    description: Text {number}.\n"),
        1 => format!("models:\n  - name: {name}\n    columns:\n      - name: id\n        data_tests: [unique, not_null, even]\n"),
        2 => format!(
            "models:\n  - name: {name}\n    data_tests:\n      - relationships: {{arguments: {{to: \"ref('{}')\", field: id}}}}\n",
            world.name(dice)
        ),
        3 => format!("models:\n  - name: {name}\n    config: {{enabled: false, tags: [t{number}]}}\n"),
        4 => format!("models:\n  - name: {name}\n    latest_version: 1\n    versions: [{{v: 1}}, {{v: 2, defined_in: orders}}]\n"),
        5 => "sources:\n  - name: raw\n    tables: [{name: orders}, {name: events, freshness: {warn_after: {count: 1, period: day}}}]\n".to_owned(),
        6 => "sources:\n  - name: nowhere\n    schema: raw\n    overrides: utils\n    tables: [{name: orders, identifier: o}]\n".to_owned(),
        7 => format!("exposures:\n  - name: board_{}\n    type: dashboard\n    depends_on: [\"ref('{name}')\"]\n", number % 4),
        8 => "groups:\n  - {name: finance, owner: {name: Ann}}\nmetrics:\n  - {name: total, type: simple, type_params: {measure: amount}}\n".to_owned(),
        9 => format!("semantic_models:\n  - {{name: s_{number}, model: \"ref('{name}')\", measures: [{{name: amount}}]}}\n"),
        10 => format!("unit_tests:\n  - {{name: adds_up, model: {name}, given: [{{input: \"ref('{name}')\"}}]}}\n"),
        11 => format!("snapshots:\n  - name: snap_{}\n    relation: ref('{name}')\n    config: {{unique_key: id}}\n", number % 4),
        12 => "macros:\n  - name: cents\n    description: \"{{ doc('money') }}\"\n".to_owned(),
        _ => format!("models:\n  - name: {name}\n    description: \"{{{{ doc('added_{}') }}}}\"\n    meta: {{harness: {{ignore: [ORPHAN_MODEL]}}}}\n", number % 12),
    };
    let path = match world.yaml(dice) {
        Some((path, _)) if dice.in_a_hundred(30) => path,
        _ => format!("{}/added_{}.yml", world.folder(dice), number % 8),
    };
    write(path, entry)
}

pub(super) fn yaml_value(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.yaml(dice)?;
    let lines: Vec<&str> = text.lines().collect();
    let with_value: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].contains(": ")).collect();
    let at = dice.some(&with_value)?;
    let (key, _) = lines[at].split_once(": ")?;
    let name = world.name(dice);
    let value = match dice.below(8) {
        0 => format!("Text {}.", world.number()),
        1 => "[a, b]".to_owned(),
        2 => "\"{{ var('limit') }}\"".to_owned(),
        3 => "{{ var('limit') }}".to_owned(),
        4 => "false".to_owned(),
        5 => "\"{{ doc('money') }} {{ doc('lost') }}\"".to_owned(),
        _ => name,
    };
    let changed = format!("{key}: {value}");
    let lines = lines.iter().enumerate().map(|(line, text)| if line == at { &changed } else { *text });
    write(path, lines.map(|line| format!("{line}\n")).collect())
}

pub(super) fn yaml_key(world: &mut World, dice: &mut Dice) -> Ops {
    const KEYS: [(&str, &str); 7] = [
        ("data_tests:", "tests:"),
        ("columns:", "column:"),
        ("models:", "seeds:"),
        ("name:", "title:"),
        ("description:", "meta:"),
        ("sources:", "exposures:"),
        ("config:", "docs:"),
    ];
    let (path, text) = world.yaml(dice)?;
    let (one, other) = *dice.pick(&KEYS);
    let changed = if text.contains(one) { text.replacen(one, other, 1) } else { text.replacen(other, one, 1) };
    (changed != text).then(|| vec![Op::Write(path, changed)])
}

/// A mapping or a list of one of the files, and the file's value. Each kind of place is as likely as any other, however
/// many there are of it.
fn place(world: &World, dice: &mut Dice, is_map: bool) -> Option<(String, Value, Part)> {
    type InFile<'w> = (&'w String, Rc<Document>, usize);
    let mut places: BTreeMap<String, Vec<InFile<'_>>> = BTreeMap::new();
    for (path, text) in world.files.iter().filter(|(path, _)| is_yaml(path)) {
        let Some(document) = yaml::document(path, text) else { continue };
        for (at, part) in document.parts.iter().enumerate().filter(|(_, part)| part.is_map == is_map) {
            places.entry(part.way.clone()).or_default().push((path, document.clone(), at));
        }
    }
    let ways: Vec<&String> = places.keys().collect();
    let way = dice.some(&ways)?;
    let (path, document, at) = dice.pick(&places[way]).clone();
    Some((path.clone(), document.value.clone(), document.parts[at].clone()))
}

/// In lines down to a depth by chance: an entry on one line is another text than one on many.
fn written(dice: &mut Dice, path: String, root: &Value) -> Ops {
    let lines = *dice.pick(&[2, 4, 6, 12]);
    write(path, yaml::text(root, lines))
}

/// Keys that mappings of its kind have elsewhere.
pub(super) fn known_key(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, mut root, part) = place(world, dice, true)?;
    for _ in 0..*dice.pick(&[1, 1, 1, 2, 4]) {
        let (key, value) = world.vocabulary.key(dice, &part.way)?;
        let map = yaml::map(&mut root, &part.steps)?;
        // One that is there is changed or, half of the time, gone.
        if map.contains_key(&key) && dice.in_a_hundred(50) {
            map.shift_remove(&key);
        } else {
            map.insert(key, value);
        }
    }
    written(dice, path, &root)
}

/// Another value for a key that is there, of its kind or of none.
pub(super) fn known_value(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, mut root, part) = place(world, dice, true)?;
    let keys: Vec<String> = yaml::map(&mut root, &part.steps)?.keys().cloned().collect();
    let key = dice.some(&keys)?;
    let value = match dice.below(10) {
        0 | 1 => yaml::odd(dice),
        2 => Value::String(world.name(dice)),
        _ => world.vocabulary.value(dice, &part.way, &key)?,
    };
    yaml::map(&mut root, &part.steps)?.insert(key, value);
    written(dice, path, &root)
}

pub(super) fn key_lost(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, mut root, part) = place(world, dice, true)?;
    let map = yaml::map(&mut root, &part.steps)?;
    let keys: Vec<String> = map.keys().cloned().collect();
    map.shift_remove(&dice.some(&keys)?);
    written(dice, path, &root)
}

/// An entry that comes, goes, is doubled or moved within its list.
pub(super) fn list_entry(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, mut root, part) = place(world, dice, false)?;
    let list = yaml::part(&mut root, &part.steps)?.as_array_mut()?;
    let at = dice.below(list.len());
    match dice.below(5) {
        0 if !list.is_empty() => drop(list.remove(at)),
        1 if !list.is_empty() => list.insert(at, list[at].clone()),
        2 if list.len() > 1 => {
            let other = dice.below(list.len());
            list.swap(at, other);
        }
        _ => {
            let entry = world.vocabulary.entry(dice, &part.way)?;
            list.insert(at, entry);
        }
    }
    written(dice, path, &root)
}

/// An entry of a property file as some project has it: in a file that is there or in its own.
pub(super) fn sample(world: &mut World, dice: &mut Dice) -> Ops {
    let list = (*dice.some(&world.vocabulary.lists())?).to_owned();
    let mut entry = world.vocabulary.entry(dice, &format!(".{list}"))?;
    let is_of_a_node = matches!(list.as_str(), "models" | "seeds" | "snapshots" | "analyses" | "macros" | "functions");
    if is_of_a_node && dice.in_a_hundred(40) {
        entry.as_object_mut()?.insert("name".to_owned(), Value::String(world.name(dice)));
    }
    let (path, mut root) = match world.yaml(dice) {
        Some((path, text)) if dice.in_a_hundred(50) => {
            let root = yaml::value(&path, &text)?;
            (path, root)
        }
        _ => (format!("{}/sample_{}.yml", world.folder(dice), world.number() % 6), serde_json::json!({})),
    };
    let lists = root.as_object_mut()?;
    lists.entry(list).or_insert_with(|| Value::Array(Vec::new())).as_array_mut()?.push(entry);
    written(dice, path, &root)
}

/// An entry of one file that another file gets.
pub(super) fn entry_moved(world: &mut World, dice: &mut Dice) -> Ops {
    let (from, text) = world.yaml(dice)?;
    let mut root = yaml::value(&from, &text)?;
    let lists = root.as_object_mut()?;
    let keys: Vec<String> = lists.keys().filter(|key| lists[*key].is_array()).cloned().collect();
    let list = dice.some(&keys)?;
    let items = lists.get_mut(&list)?.as_array_mut()?;
    let at = dice.below(items.len());
    let entry = (at < items.len()).then(|| items.remove(at))?;
    if items.is_empty() {
        lists.shift_remove(&list);
    }
    let (to, text) = world.yaml(dice)?;
    let mut other = yaml::value(&to, &text).filter(|_| to != from)?;
    other.as_object_mut()?.entry(list).or_insert_with(|| Value::Array(Vec::new())).as_array_mut()?.push(entry);
    let mut ops = written(dice, from, &root)?;
    ops.extend(written(dice, to, &other)?);
    Some(ops)
}

/// A setting that moves into `config:` or out of it.
pub(super) fn config_moved(world: &mut World, dice: &mut Dice) -> Ops {
    const KEYS: [&str; 9] = ["meta", "tags", "docs", "group", "access", "contract", "enabled", "freshness", "severity"];
    let (path, mut root, part) = place(world, dice, true)?;
    let map = yaml::map(&mut root, &part.steps)?;
    let key = *dice.pick(&KEYS);
    match map.shift_remove(key) {
        Some(value) => {
            let config = map.entry("config").or_insert_with(|| serde_json::json!({}));
            config.as_object_mut()?.insert(key.to_owned(), value);
        }
        None => {
            let value = map.get_mut("config")?.as_object_mut()?.shift_remove(key)?;
            map.insert(key.to_owned(), value);
        }
    }
    written(dice, path, &root)
}

/// The group a node is in, and whether others may read it: mostly of one that not all may.
pub(super) fn access(world: &mut World, dice: &mut Dice) -> Ops {
    let stated = |model: &Value, key: &str| model.get(key).or_else(|| model.get("config")?.get(key)).cloned();
    let mut models: Vec<(String, Rc<Document>, usize)> = Vec::new();
    for (path, text) in world.files.iter().filter(|(path, _)| is_yaml(path)) {
        let Some(document) = yaml::document(path, text) else { continue };
        let many = document.value.get("models").and_then(Value::as_array).map_or(0, Vec::len);
        models.extend((0..many).map(|at| (path.clone(), document.clone(), at)));
    }
    let is_private = |(_, document, at): &&(String, Rc<Document>, usize)| {
        stated(&document.value["models"][*at], "access").is_some_and(|access| access == "private")
    };
    let private: Vec<_> = models.iter().filter(is_private).cloned().collect();
    let any = dice.some(&models)?;
    let (path, document, at) = dice.some(&private).filter(|_| dice.in_a_hundred(50)).unwrap_or(any);
    let mut root = document.value.clone();
    let mut model = root.get_mut("models")?.get_mut(at)?.as_object_mut()?;
    if model.contains_key("config") && dice.in_a_hundred(50) {
        model = model.get_mut("config")?.as_object_mut()?;
    }
    let (key, value) = match dice.below(3) {
        0 => ("access", *dice.pick(&["private", "private", "protected", "public", "secret"])),
        _ => ("group", *dice.pick(&["finance", "finance", "data", "data", "nobody"])),
    };
    if model.get(key).is_some_and(|before| *before == value) {
        model.shift_remove(key);
    } else {
        model.insert(key.to_owned(), Value::from(value));
    }
    written(dice, path, &root)
}

/// What a project says instead of a package of one of its sources.
pub(super) fn replaced(world: &mut World, dice: &mut Dice) -> Ops {
    let with: Vec<&String> = world
        .files
        .iter()
        .filter(|(path, text)| is_yaml(path) && text.contains("sources:"))
        .map(|(path, _)| path)
        .collect();
    let path = dice.some(&with)?.clone();
    let mut root = yaml::value(&path, &world.files[&path])?;
    let sources = root.get_mut("sources")?.as_array_mut()?;
    let replacing = sources.iter().position(|source| source.get("overrides").is_some());
    let at = replacing.unwrap_or_else(|| dice.below(sources.len()));
    let source = sources.get_mut(at)?.as_object_mut()?;
    match dice.below(6) {
        0..=2 if replacing.is_some() => drop(source.shift_remove("overrides")),
        0..=3 => {
            source.insert("overrides".to_owned(), Value::from(*dice.pick(&["utils", "utils", "other"])));
            source.insert("name".to_owned(), Value::from(*dice.pick(&["shipped", "raw"])));
        }
        4 => {
            let enabled = dice.in_a_hundred(50);
            source.insert("config".to_owned(), serde_json::json!({"enabled": enabled}));
        }
        _ => {
            let (key, value) = world.vocabulary.key(dice, ".sources[].tables[]")?;
            let table = source.get_mut("tables")?.as_array_mut()?.first_mut()?;
            table.as_object_mut()?.insert(key, value);
        }
    }
    written(dice, path, &root)
}
