//! `harness init`

use super::project::{self, with_stated};
use super::{Failure, Global, Verdict, print, say};
use crate::db::settings::HouseRules;
use crate::files::{Content, Disk, Tree, exists, own_place, write_new, write_whole};
use crate::report::adherence::table;
use crate::report::agents::with_block;
use crate::report::escaped;
use crate::rules::registry::Registry;
use crate::rules::selection::Selection;
use crate::session::{HOUSE_RULES_FILE, house_rules, with_house_rules};
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Tell coding agents about harness, in AGENTS.md or CLAUDE.md, and write nothing else.
    #[arg(long)]
    agents: bool,
}

/// Files that coding agents read, the first one first.
const AGENT_FILES: [&str; 2] = ["AGENTS.md", "CLAUDE.md"];

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<Verdict, Failure> {
    if arguments.agents { agents(global) } else { house(global) }
}

fn house(global: &Global) -> Result<Verdict, Failure> {
    let folder = project::folder(global)?;
    let (path, shown) = match &global.config {
        Some(path) => (path.clone(), path.display().to_string()),
        None => (folder.join(HOUSE_RULES_FILE), HOUSE_RULES_FILE.to_owned()),
    };
    for (path, shown) in [(&path, shown.as_str()), (&folder.join("harness.yaml"), "harness.yaml")] {
        if exists(path) {
            return Err(Failure(format!(
                "harness: {shown} exists already.\n  → Change it by hand, or move it away first: `harness init` writes over nothing."
            )));
        }
    }
    // Without what --config names: that file is the one to write.
    let registry = with_house_rules(project::registry()?, &Disk::within(&folder), &[]);
    let everything = Selection::default();
    let mut proposal = with_stated(global, &registry, HouseRules::default(), |session, registry| {
        let outcome = session.check(registry, &everything);
        session.propose(registry, &outcome)
    })?;
    // What the file switches on beside what was on before, only a check with it can tell.
    let stated = stated(&registry, &proposal.text())?;
    let outcome = with_stated(global, &registry, stated, |session, registry| session.check(registry, &everything))?;
    proposal.soften(&registry, &outcome);
    let text = proposal.text();
    self::stated(&registry, &text)?;
    write_new(&path, &text).map_err(|error| unwritten(&shown, &error))?;
    let conventions: Vec<_> = proposal.conventions().iter().map(|(kept, level)| (kept, *level)).collect();
    print(&table(&conventions))?;
    say(&format!("harness: wrote {shown}; `harness check` reads it from now on"));
    Ok(Verdict::Clean)
}

/// The proposal as it will be read.
fn stated(registry: &Registry, text: &str) -> Result<HouseRules, Failure> {
    house_rules(registry, text).map_err(|errors| {
        let what: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
        Failure(format!(
            "harness: the house rules it made up cannot be read: {}\n  → Please report this; write harness.yml by hand meanwhile.",
            what.join("; ")
        ))
    })
}

fn unwritten(shown: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure(format!("harness: {shown} exists already.\n  → `harness init` writes over nothing."))
        }
        _ => Failure(format!("harness: {shown} cannot be written: {error}\n  → Make the folder writable.")),
    }
}

/// Writes the block for agents into the file they read: one beside dbt_project.yml or above it within the
/// repo, else a new one in the project's folder.
fn agents(global: &Global) -> Result<Verdict, Failure> {
    let folder = project::folder(global)?;
    let path = agent_file(&folder);
    let above = path.parent().unwrap_or(&folder);
    let project_dir = folder.strip_prefix(above).map(|below| below.to_string_lossy().replace('\\', "/"));
    if !global.allow_outside && own_place(&folder, &path).is_none() {
        return Err(Failure(format!(
            "harness: {} leads out of the repository.\n  → Put a file in its place, or give --allow-outside to write there.",
            escaped(&path.display().to_string())
        )));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let text = match (exists(&path), Disk::new(above).read(&name)) {
        (false, _) => String::new(),
        (true, Content::Text(text)) => text.to_string(),
        (true, Content::Unreadable(problem)) => {
            return Err(Failure(format!(
                "harness: {}: {}\n  → {}",
                escaped(&path.display().to_string()),
                problem.what,
                problem.fix
            )));
        }
        (true, Content::NameOnly) => String::new(),
    };
    let Some(changed) = with_block(&text, &project_dir.unwrap_or_default()) else {
        return Err(Failure(format!(
            "harness: {} has a block of harness that does not end.\n  → Put back the line `<!-- harness: end -->`, or remove the block.",
            escaped(&path.display().to_string())
        )));
    };
    if changed == text {
        say(&format!("harness: {} tells agents of harness already", escaped(&path.display().to_string())));
    } else {
        write_whole(&path, &changed).map_err(|error| unwritten(&path.display().to_string(), &error))?;
        say(&format!("harness: wrote the lines for agents into {}", escaped(&path.display().to_string())));
    }
    Ok(Verdict::Clean)
}

fn agent_file(folder: &Path) -> PathBuf {
    // Above the repo, files are about something else.
    let repo = folder.ancestors().find(|above| exists(&above.join(".git"))).unwrap_or(folder);
    let folders = folder.ancestors().take_while(|above| above.starts_with(repo));
    let mut files = folders.flat_map(|above| AGENT_FILES.map(|name| above.join(name)));
    files.find(|path| exists(path)).unwrap_or_else(|| folder.join(AGENT_FILES[0]))
}
