//! The words that shape a query. Everything else is a name to the scan.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    /// No keyword.
    None,
    Select,
    From,
    With,
    Recursive,
    As,
    Distinct,
    All,
    Top,
    On,
    By,
    Is,
    Join,
    Array,
    Lateral,
    View,
    Interval,
    /// Ends a `case`.
    End,
    /// `union`, `intersect`, `except`, `minus`.
    SetOperator,
    /// `where`, `having`, `qualify`: words that no dialect takes as a bare name.
    Clause,
    /// `group`, `order`: a clause when `by` follows.
    Grouping,
    Limit,
    /// Ends a `from` but may well be a column in a select list.
    Tail,
    /// Starts a statement that is no query, or stands between joined tables.
    Other,
    /// Needs an operand after it, so that a name behind it is no alias.
    Operator,
    /// Ends an expression and can be no alias.
    Ending,
    /// `table`, `unnest`: opens something that is no table name.
    NoTable,
    /// Rows, which commas separate.
    Values,
}

const LONGEST: usize = 13;

pub(crate) fn keyword(word: &[u8]) -> Keyword {
    let mut buffer = [0_u8; LONGEST];
    let Some(lower) = buffer.get_mut(..word.len()) else { return Keyword::None };
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    match &*lower {
        b"select" => Keyword::Select,
        b"from" => Keyword::From,
        b"with" => Keyword::With,
        b"recursive" => Keyword::Recursive,
        b"as" => Keyword::As,
        b"distinct" => Keyword::Distinct,
        b"all" => Keyword::All,
        b"top" => Keyword::Top,
        b"on" => Keyword::On,
        b"by" => Keyword::By,
        b"is" => Keyword::Is,
        b"join" | b"straight_join" => Keyword::Join,
        b"array" => Keyword::Array,
        b"lateral" => Keyword::Lateral,
        b"view" => Keyword::View,
        b"interval" => Keyword::Interval,
        b"end" => Keyword::End,
        b"union" | b"intersect" | b"except" | b"minus" => Keyword::SetOperator,
        b"where" | b"having" | b"qualify" | b"prewhere" => Keyword::Clause,
        b"group" | b"order" => Keyword::Grouping,
        b"limit" => Keyword::Limit,
        b"window" | b"offset" | b"fetch" | b"settings" | b"connect" | b"start" => Keyword::Tail,
        b"using" | b"left" | b"right" | b"inner" | b"outer" | b"full" | b"cross" | b"natural" | b"asof" | b"anti"
        | b"semi" | b"insert" | b"update" | b"delete" | b"merge" | b"create" | b"pivot" | b"unpivot" => Keyword::Other,
        b"and" | b"or" | b"not" | b"in" | b"like" | b"ilike" | b"rlike" | b"regexp" | b"between" | b"then"
        | b"else" | b"when" | b"case" | b"over" | b"collate" | b"div" | b"xor" | b"similar" | b"escape" => {
            Keyword::Operator
        }
        b"null" | b"true" | b"false" | b"zone" | b"precision" | b"varying" | b"asc" | b"desc" | b"nulls"
        | b"unknown" => Keyword::Ending,
        b"table" | b"unnest" => Keyword::NoTable,
        b"values" => Keyword::Values,
        _ => Keyword::None,
    }
}
