//! A tree of files that exists only in memory.

use super::{Content, Listing, Tree, is_passed_over, join, normalise};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Default, Clone)]
pub struct Memory {
    files: BTreeMap<String, Arc<str>>,
}

impl Memory {
    pub fn insert(&mut self, path: &str, text: &str) {
        self.files.insert(normalise(path), text.into());
    }

    pub fn remove(&mut self, path: &str) {
        self.files.remove(&normalise(path));
    }
}

impl<P: AsRef<str>, T: AsRef<str>> FromIterator<(P, T)> for Memory {
    fn from_iter<I: IntoIterator<Item = (P, T)>>(files: I) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.insert(path.as_ref(), text.as_ref());
        }
        tree
    }
}

impl Tree for Memory {
    fn locate(&self, folder: &str, stated: &str, _: bool) -> Result<String, String> {
        let path = join(folder, stated);
        if path.starts_with('/') { Err(path) } else { Ok(path) }
    }

    fn list(&self, folder: &str, ignored: &dyn Fn(&str, bool) -> bool) -> Listing {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let hidden = |path: &str| {
            path.match_indices('/').any(|(end, _)| {
                let above = &path[..end];
                above.len() >= prefix.len()
                    && (above.rsplit('/').next().is_some_and(is_passed_over) || ignored(above, true))
            })
        };
        let files = self
            .files
            .keys()
            .filter(|path| path.starts_with(&prefix) && !hidden(path) && !ignored(path, false))
            .cloned()
            .collect();
        Listing { files, problems: Vec::new() }
    }

    fn folders(&self, folder: &str) -> Vec<String> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut names: Vec<String> = self
            .files
            .keys()
            .filter_map(|path| path.strip_prefix(&prefix)?.split_once('/'))
            .map(|(name, _)| name.to_owned())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.dedup();
        names
    }

    fn is_file(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    fn read(&self, path: &str) -> Content {
        self.files.get(path).map_or_else(|| Content::Text("".into()), |text| Content::Text(text.clone()))
    }
}
