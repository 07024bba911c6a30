//! Which paths a project is read from, for whoever watches them.

use super::Session;
use super::inputs::Inputs;
use crate::files::watch::Wanted;
use crate::project::settled::Known;
use std::sync::Arc;

/// Whether a file of this name can matter: dbt reads these kinds, and harness the Markdown of rules.
pub fn counts(name: &str) -> bool {
    const EXTENSIONS: [&str; 10] = ["sql", "yml", "yaml", "md", "py", "csv", "js", "j2", "jinja", "jinja2"];
    let counts = |extension: &str| EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(extension));
    name == ".dbtignore" || name.rsplit_once('.').is_some_and(|(_, extension)| counts(extension))
}

impl Session {
    /// All that the last look at the files asked for, whether or not it is there.
    pub fn places(&self) -> Wanted {
        let asked = &self.inputs.asked;
        let listed = asked.listed.iter().map(|(folder, _)| folder);
        let folders = listed.chain(&asked.folders).cloned().collect();
        let left_out = asked.listed.iter().map(|(_, left_out)| left_out.clone()).collect();
        Wanted { folders, files: asked.files.clone(), left_out }
    }

    /// The same project in another handle of its database, for another thread to ask. Whoever gives the
    /// project other texts waits until it is dropped.
    pub fn handle(&self) -> Self {
        Self {
            db: self.db.clone(),
            project: self.project,
            files: self.files,
            looked_for: self.looked_for.clone(),
            may_lie_elsewhere: false,
            inputs: Inputs::default(),
            live: self.live.clone(),
            settled_from: Known::default(),
            is_cold: Arc::clone(&self.is_cold),
        }
    }
}
