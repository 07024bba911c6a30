//! Colors of nodes in dbt's documentation.

/// The names of CSS that dbt knows: those with `gray`, and not their twins with `grey`.
const NAMES: &str = "\
    aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue blueviolet brown \
    burlywood cadetblue chartreuse chocolate coral cornflowerblue cornsilk crimson cyan darkblue \
    darkcyan darkgoldenrod darkgray darkgreen darkkhaki darkmagenta darkolivegreen darkorange darkorchid \
    darkred darksalmon darkseagreen darkslateblue darkslategray darkturquoise darkviolet deeppink \
    deepskyblue dimgray dodgerblue firebrick floralwhite forestgreen fuchsia gainsboro ghostwhite gold \
    goldenrod gray green greenyellow honeydew hotpink indianred indigo ivory khaki lavender \
    lavenderblush lawngreen lemonchiffon lightblue lightcoral lightcyan lightgoldenrodyellow lightgray \
    lightgreen lightpink lightsalmon lightseagreen lightskyblue lightslategray lightsteelblue \
    lightyellow lime limegreen linen magenta maroon mediumaquamarine mediumblue mediumorchid \
    mediumpurple mediumseagreen mediumslateblue mediumspringgreen mediumturquoise mediumvioletred \
    midnightblue mintcream mistyrose moccasin navajowhite navy oldlace olive olivedrab orange orangered \
    orchid palegoldenrod palegreen paleturquoise palevioletred papayawhip peachpuff peru pink plum \
    powderblue purple rebeccapurple red rosybrown royalblue saddlebrown salmon sandybrown seagreen \
    seashell sienna silver skyblue slateblue slategray snow springgreen steelblue tan teal thistle \
    tomato turquoise violet wheat white whitesmoke yellow yellowgreen";

/// Whether a text is a color that dbt accepts: a name, `#rgb` or `#rrggbb`.
pub(super) fn is_color(text: &str) -> bool {
    let text = text.to_lowercase();
    match text.strip_prefix('#') {
        Some(digits) => matches!(digits.len(), 3 | 6) && digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
        None => NAMES.split_whitespace().any(|name| *name == text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_names_of_css_or_hex_codes() {
        for fine in ["red", "Red", "rebeccapurple", "#f00", "#FF0000"] {
            assert!(is_color(fine), "{fine}");
        }
        for wrong in ["grey", "transparent", "#FF00001", "nope", "", "5"] {
            assert!(!is_color(wrong), "{wrong}");
        }
    }
}
