//! The tokens inside one tag.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    Name,
    Integer,
    Number,
    Text,
    /// One or two characters; brackets are always one.
    Operator,
    /// Whitespace only Python takes for whitespace, such as U+00A0.
    OddSpace,
    /// A string that is never closed.
    Unclosed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    pub fn of<'text>(&self, text: &'text str) -> &'text str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// The tokens of `text[from..to]`, with offsets into `text`.
pub fn tokens(text: &str, from: usize, to: usize) -> Vec<Token> {
    let mut found = Vec::with_capacity((to - from) / 4);
    let bytes = &text.as_bytes()[..to];
    let mut at = from;
    while at < to {
        let start = at;
        let byte = bytes[at];
        let kind = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            b'\'' | b'"' => match string_end(bytes, at, byte) {
                Some(end) if end <= to => {
                    at = end;
                    TokenKind::Text
                }
                _ => {
                    at = to;
                    TokenKind::Unclosed
                }
            },
            b'0'..=b'9' => {
                at = digits(bytes, at);
                let fraction = at + 1 < to && bytes[at] == b'.' && bytes[at + 1].is_ascii_digit();
                if fraction {
                    at = digits(bytes, at + 1);
                }
                let exponent = at < to && matches!(bytes[at], b'e' | b'E');
                if exponent {
                    let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
                    at = digits(bytes, at + 1 + sign);
                }
                if fraction || exponent { TokenKind::Number } else { TokenKind::Integer }
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                while at < to && (bytes[at] == b'_' || bytes[at].is_ascii_alphanumeric()) {
                    at += 1;
                }
                TokenKind::Name
            }
            0x80.. => {
                let character = text[at..].chars().next().unwrap_or_default();
                at += character.len_utf8();
                if character.is_whitespace() { TokenKind::OddSpace } else { TokenKind::Operator }
            }
            _ => {
                at += 1;
                let pair = (byte, bytes.get(at).copied().unwrap_or_default());
                if matches!(pair, (b'=' | b'!' | b'<' | b'>', b'=') | (b'*', b'*') | (b'/', b'/')) {
                    at += 1;
                }
                TokenKind::Operator
            }
        };
        found.push(Token { kind, start, end: at });
    }
    found
}

fn digits(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len()
        && (bytes[at].is_ascii_alphanumeric() && !matches!(bytes[at], b'e' | b'E') || bytes[at] == b'_')
    {
        at += 1;
    }
    at
}

/// Behind the string that starts at `at`.
pub fn string_end(bytes: &[u8], at: usize, quote: u8) -> Option<usize> {
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}
