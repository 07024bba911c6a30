//! Edits of macros.

use super::super::dice::Dice;
use super::{Ops, World, write};

pub(super) fn new_macro(world: &mut World, dice: &mut Dice) -> Ops {
    let path = match world.some(dice, |path| path.contains("macros/") && path.ends_with(".sql")) {
        Some((path, _)) if dice.in_a_hundred(50) => path,
        _ => format!("macros/added_{}.sql", world.number() % 4),
    };
    let before = world.files.get(&path).cloned().unwrap_or_default();
    let name = world.name(dice);
    let text = match dice.below(9) {
        0 => "{% macro cents(x) %}{{ x }} * 2{% endmacro %}\n".to_owned(),
        1 => format!("{{% macro unknown_macro_{}() %}}1{{% endmacro %}}\n", dice.below(3)),
        2 => "{% macro generate_schema_name(name, node) %}{{ name or 'main' }}{% endmacro %}\n".to_owned(),
        3 => "{% macro generate_alias_name(custom_alias_name, node) %}{{ node.name }}_x{% endmacro %}\n".to_owned(),
        4 => format!("{{% macro half(x) %}}{{{{ x }}}} / {{{{ ref('{name}') }}}}{{% endmacro %}}\n"),
        5 => "{% macro ref(name) %}{{ return(builtins.ref(name)) }}{% endmacro %}\n".to_owned(),
        6 => "{% test even(model, column_name) %}select 2 from {{ model }}{% endtest %}\n".to_owned(),
        7 => "{% macro default__cents(x) %}{{ x }}{% endmacro %}\n{% macro cents(x) %}{{ adapter.dispatch('cents')(x) }}{% endmacro %}\n"
            .to_owned(),
        _ => "{% macro log_it() %}{{ log(unknown_macro_1()) }}{{ cents(1) }}{% endmacro %}\n".to_owned(),
    };
    write(path, format!("{before}{text}"))
}

pub(super) fn macro_body(world: &mut World, dice: &mut Dice) -> Ops {
    let (path, text) = world.some(dice, |path| path.contains("macros/") && path.ends_with(".sql"))?;
    let number = world.number();
    let text = match dice.below(4) {
        0 => text.replacen("{% endmacro", &format!("+ {number} {{% endmacro"), 1),
        1 => text.replacen("{%- endmacro", &format!("+ {{{{ var('limit') }}}} {number} {{%- endmacro"), 1),
        2 => text.replacen("macro ", "macro renamed_", 1),
        _ => text.replacen("{% endmacro", &format!("{{{{ ref('{}') }}}}{{% endmacro", world.name(dice)), 1),
    };
    write(path, text)
}
