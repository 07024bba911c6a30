//! What a finding is known by from one run to the next: a baseline, a tracker or a review holds
//! these digits, so neither the hash nor what it is taken over may ever change.
//!
//! The hash is FNV-1a with 64 bits (offset basis `cbf29ce484222325`, prime `100000001b3`) over
//! these bytes, where a field is its length as eight bytes, lowest first, and then its UTF-8:
//!
//! 1. the rule's id;
//! 2. `node` and the node's unique_id, or `path` and the file's path where the finding has no node;
//! 3. the number of the subject's parts (eight bytes, lowest first), and each part;
//! 4. the finding's ordinal among those equal in all of the above (eight bytes, lowest first).
//!
//! Lengths stand before their fields so that no two lists of fields have the same bytes. No line
//! and no message is part of it: a finding keeps its digits when code moves or a text is reworded.

use std::sync::Arc;

/// All that a fingerprint is taken over, but for the ordinal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    pub rule: Arc<str>,
    pub node: Option<Arc<str>>,
    /// Empty where there is a node: a file that is renamed keeps its findings.
    pub path: Arc<str>,
    pub subject: Vec<Arc<str>>,
}

impl Identity {
    pub fn new(rule: Arc<str>, node: Option<Arc<str>>, path: Arc<str>, subject: Vec<Arc<str>>) -> Self {
        let path = if node.is_some() { Arc::from("") } else { path };
        Self { rule, node, path, subject }
    }

    /// 16 hex digits.
    pub fn fingerprint(&self, ordinal: u64) -> String {
        let mut hash = Fnv::default();
        hash.field(&self.rule);
        match &self.node {
            Some(node) => {
                hash.field("node");
                hash.field(node);
            }
            None => {
                hash.field("path");
                hash.field(&self.path);
            }
        }
        hash.number(self.subject.len() as u64);
        for part in &self.subject {
            hash.field(part);
        }
        hash.number(ordinal);
        format!("{:016x}", hash.0)
    }
}

struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    fn field(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(node: Option<&str>, path: &str, subject: &[&str]) -> Identity {
        Identity::new(
            Arc::from("CYCLE"),
            node.map(Arc::from),
            Arc::from(path),
            subject.iter().copied().map(Arc::from).collect(),
        )
    }

    #[test]
    fn the_hash_is_the_published_fnv_1a() {
        for (text, expected) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            let mut hash = Fnv::default();
            hash.bytes(text.as_bytes());
            assert_eq!(hash.0, expected);
        }
    }

    #[test]
    fn the_digits_never_change_between_releases() {
        assert_eq!(
            identity(Some("model.shop.orders"), "models/orders.sql", &["a", "b"]).fingerprint(0),
            "23514c1790fb996a"
        );
        assert_eq!(identity(None, "models/x.yml", &["x"]).fingerprint(1), "3058264a56b4c165");
    }

    #[test]
    fn a_renamed_file_keeps_the_findings_of_its_node() {
        assert_eq!(
            identity(Some("model.shop.a"), "models/a.sql", &[]).fingerprint(0),
            identity(Some("model.shop.a"), "models/b/a.sql", &[]).fingerprint(0)
        );
    }

    #[test]
    fn fields_that_read_the_same_in_a_row_are_told_apart() {
        let all = [
            identity(Some("n"), "", &["a", "bc"]),
            identity(Some("n"), "", &["ab", "c"]),
            identity(Some("n"), "", &["abc"]),
            identity(Some("n"), "", &["abc", ""]),
            identity(None, "n", &["abc"]),
        ];
        let digits: std::collections::BTreeSet<_> = all.iter().map(|x| x.fingerprint(0)).collect();
        assert_eq!(digits.len(), all.len());
        assert_ne!(all[0].fingerprint(0), all[0].fingerprint(1));
    }
}
