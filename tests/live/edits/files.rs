//! Edits of files, whatever is in them: they come, go, move, break and are put back.

use super::super::dice::Dice;
use super::super::script::Op;
use super::super::yaml::is_yaml;
use super::{Ops, World, inserted, line_start, stem, write};

pub(super) fn comment(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.some(dice, |path| path.ends_with(".sql") || is_yaml(path))?;
    let number = world.number();
    let at = line_start(dice, &text);
    let comment = match is_yaml(&path) {
        true => format!("# comment {number}\n"),
        false if dice.in_a_hundred(50) => format!("-- comment {number}\n"),
        false => format!("{{# comment {number} #}}\n"),
    };
    write(path, inserted(&text, at, &comment))
}

pub(super) fn blank_line(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.some(dice, |_| true)?;
    write(path, format!("\n{text}"))
}

pub(super) fn new_node(world: &mut World, dice: &mut Dice) -> Ops {
    let number = world.number() % 12;
    let name = world.name(dice);
    let folder = match dice.in_a_hundred(60) {
        true => world.folder(dice),
        false => dice.pick(&["models", "models/marts/sales", "models/staging/raw", "models/stg"]).to_string(),
    };
    let (path, text) = match dice.below(12) {
        0 => (format!("seeds/added_{number}.csv"), "id\n1\n".to_owned()),
        1 => (
            format!("snapshots/added_{number}.sql"),
            format!("{{% snapshot added_{number} %}}select * from {{{{ ref('{name}') }}}}{{% endsnapshot %}}\n"),
        ),
        2 => (format!("tests/added_{number}.sql"), format!("select 1 from {{{{ ref('{name}') }}}} where this_fails\n")),
        3 => (
            format!("tests/generic/added_{number}.sql"),
            format!(
                "{{% test even_{number}(model) %}}select 1 from {{{{ model }}}} join {{{{ ref('{name}') }}}}{{% endtest %}}\n"
            ),
        ),
        4 => (format!("analyses/added_{number}.sql"), format!("select * from {{{{ ref('{name}') }}}}\n")),
        5 => (
            format!("{folder}/added_{number}.py"),
            format!("def model(dbt, session):\n    dbt.config(materialized='table')\n    return dbt.ref('{name}')\n"),
        ),
        6 => (format!("{folder}/added_{number}.md"), format!("{{% docs added_{number} %}}Text.{{% enddocs %}}\n")),
        7 => (format!("functions/added_{number}.sql"), "select 1\n".to_owned()),
        _ => (
            format!("{folder}/added_{number}.sql"),
            format!("with source as (select * from {{{{ ref('{name}') }}}})\nselect * from source\n"),
        ),
    };
    write(path, text)
}

pub(super) fn deleted(world: &mut World, dice: &mut Dice) -> Ops {
    // The files that a project is set up by are few among all.
    let (rare, of_setup) = (dice.in_a_hundred(20), dice.in_a_hundred(30));
    let is_wanted = |path: &str| (!of_setup || !path.contains('/')) && (rare || path != "dbt_project.yml");
    let (path, _) = world.some(dice, is_wanted)?;
    Some(vec![Op::Remove(path)])
}

pub(super) fn renamed(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.some(dice, |path| path.contains('/'))?;
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    let folder = if dice.in_a_hundred(50) { world.folder(dice) } else { path.rsplit_once('/')?.0.to_owned() };
    let name = match dice.below(3) {
        0 => format!("renamed_{}", world.number() % 6),
        1 => world.name(dice),
        _ => stem(&path).to_owned(),
    };
    let other = format!("{folder}/{name}.{extension}");
    (other != path).then(|| vec![Op::Remove(path), Op::Write(other, text)])
}

pub(super) fn copied(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.some(dice, |path| path.contains('/'))?;
    let (_, name) = path.rsplit_once('/')?;
    write(format!("{}/{name}", world.folder(dice)), text)
}

pub(super) fn folder_renamed(world: &mut World, dice: &mut Dice) -> Ops {
    let folder = world.folder(dice);
    let (above, name) = folder.rsplit_once('/').unwrap_or(("models", &folder));
    let other = match dice.below(3) {
        0 => format!("{above}/a_{name}"),
        1 => format!("{above}/staging"),
        _ => format!("{above}/moved/{name}"),
    };
    let mut ops = Vec::new();
    for (path, text) in &world.files {
        if let Some(below) = path.strip_prefix(&format!("{folder}/")) {
            ops.extend([Op::Remove(path.clone()), Op::Write(format!("{other}/{below}"), text.clone())]);
        }
    }
    (!ops.is_empty() && other.len() < 120).then_some(ops)
}

pub(super) fn folder_deleted(world: &mut World, dice: &mut Dice) -> Ops {
    // Deep ones hold few files.
    let one = world.folder(dice);
    let other = world.folder(dice);
    let folder = if one.matches('/').count() > other.matches('/').count() { one } else { other };
    let below = world.paths(|path| path.starts_with(&format!("{folder}/")));
    (!below.is_empty() && below.len() < 12).then(|| below.into_iter().map(Op::Remove).collect())
}

/// A file that dbt is told to leave out, which is edited meanwhile, and then is there again.
pub(super) fn left_out(world: &mut World, dice: &mut Dice) -> Ops {
    const PATH: &str = ".dbtignore";
    let text = world.files.get(PATH).cloned().unwrap_or_default();
    let left_out: Vec<&str> = text.lines().filter(|line| world.files.contains_key(*line)).collect();
    let Some(path) = dice.some(&left_out) else {
        let (path, _) = world.some(dice, |path| path.contains('/') && (path.ends_with(".sql") || is_yaml(path)))?;
        return write(PATH.to_owned(), format!("{text}{path}\n"));
    };
    if dice.in_a_hundred(50) {
        let others = text.lines().filter(|line| *line != path);
        return write(PATH.to_owned(), others.map(|line| format!("{line}\n")).collect());
    }
    let number = world.number();
    let before = &world.files[path];
    let changed = match is_yaml(path) {
        true => before.replacen("name: ", &format!("name: late_{number}_"), 1),
        false => format!("{before}\njoin {{{{ ref('late_{number}') }}}} using (id)\n"),
    };
    write(path.to_owned(), changed)
}

pub(super) fn swapped(world: &mut World, dice: &mut Dice) -> Ops {
    let (one, text) = world.some(dice, |path| path.contains('/'))?;
    let ending = one.rsplit_once('.').map_or(String::new(), |(_, ending)| format!(".{ending}"));
    let (other, others) = world.some(dice, |path| path.ends_with(&ending) && path.contains('/') && path != one)?;
    Some(vec![Op::Write(one, others), Op::Write(other, text)])
}

pub(super) fn earlier(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, before) = dice.some(&world.past)?;
    match before {
        Some(text) if world.files.get(&path) != Some(&text) => write(path, text),
        None if world.files.contains_key(&path) => Some(vec![Op::Remove(path)]),
        _ => None,
    }
}

/// So that a script does not end with a project in which nothing can be read.
pub(super) fn mended(world: &mut World, dice: &mut Dice) -> Ops {
    const PROJECT: &str = "dbt_project.yml";
    let differing = |path: &&String| world.files.get(*path) != world.origin.get(*path);
    let other: Vec<&String> = world.origin.keys().filter(differing).collect();
    let of_project = other.iter().any(|path| *path == PROJECT) && dice.in_a_hundred(60);
    let gone: Vec<&String> = other.iter().copied().filter(|path| !world.files.contains_key(*path)).collect();
    let path = match dice.some(&gone).filter(|_| dice.in_a_hundred(40)) {
        _ if of_project => PROJECT.to_owned(),
        Some(path) => path.clone(),
        None => dice.some(&other)?.clone(),
    };
    let text = world.origin.get(&path)?.clone();
    write(path, text)
}

pub(super) fn line(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.some(dice, |path| path.contains('/'))?;
    let mut lines: Vec<&str> = text.lines().collect();
    let at = dice.below(lines.len());
    let taken = *lines.get(at)?;
    match dice.below(3) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(dice.below(lines.len()), taken),
        _ => {
            lines.remove(at);
            lines.insert(dice.below(lines.len() + 1), taken);
        }
    }
    write(path, lines.iter().map(|line| format!("{line}\n")).collect())
}

pub(super) fn broken(world: &mut World, dice: &mut Dice) -> Ops {
    let rare = dice.in_a_hundred(10);
    let (path, text) = world.some(dice, |path| rare || path.contains('/'))?;
    let pieces = [
        "{{",
        "}}",
        "{% if x %}",
        "{% endmacro %}",
        "'",
        "\"",
        "(",
        "/*",
        "\t",
        ": [",
        "&a *b",
        "\u{feff}",
        "{% raw %}",
    ];
    let at = line_start(dice, &text);
    let piece: &&str = dice.pick(&pieces);
    write(path, inserted(&text, at, piece))
}

pub(super) fn case_file(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = dice.some(world.cases)?;
    write(path, text)
}

/// A docs block gets another text or name, or another file has one of its name.
pub(super) fn docs_block(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.some(dice, |path| path.ends_with(".md") && !path.contains("rules/"))?;
    let number = world.number();
    let text = match dice.below(4) {
        0 => text.replacen("{% docs ", "{% docs other_", 1),
        1 => text.replacen("{% docs other_", "{% docs ", 1),
        2 => text.replacen("{% enddocs %}", &format!(" {number}. {{% enddocs %}}"), 1),
        _ => format!("{text}\n{{% docs {} %}}Of {number}.{{% enddocs %}}\n", dice.pick(&["money", "id", "lost"])),
    };
    write(path, text)
}
