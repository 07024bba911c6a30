//! The lines about harness in the file that tells coding agents how to work in a repo.

const BEGIN: &str = "<!-- harness: begin; `harness init --agents` writes what stands here anew -->";
const END: &str = "<!-- harness: end -->";
/// How the first line of the block is known, whatever follows on it.
const BEGINS: &str = "<!-- harness: begin";

/// The text with the block in it: in the place of the one it holds, else at its end. Nothing else is
/// touched. `None` where a block begins and does not end.
pub fn with_block(text: &str, project_dir: &str) -> Option<String> {
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let block = block(project_dir).replace('\n', ending);
    let Some(start) = line_that_starts(text, BEGINS) else {
        let gap = match text {
            "" => "",
            _ if text.ends_with("\n\n") || text.ends_with("\r\n\r\n") => "",
            _ if text.ends_with('\n') => ending,
            _ => return Some(format!("{text}{ending}{ending}{block}{ending}")),
        };
        return Some(format!("{text}{gap}{block}{ending}"));
    };
    let (before, rest) = text.split_at(start);
    let end = line_that_starts(rest, END)?;
    let (_, after) = rest.split_at(end + END.len());
    Some(format!("{before}{block}{after}"))
}

/// The offset of the first line that begins so.
fn line_that_starts(text: &str, start: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with(start) {
            return Some(at);
        }
        at += line.len();
    }
    None
}

/// `project_dir` is where the dbt project is, seen from the file; empty where it is the same folder.
fn block(project_dir: &str) -> String {
    let dir = if project_dir.is_empty() { String::new() } else { format!(" --project-dir {}", shell(project_dir)) };
    format!(
        "{BEGIN}\n\
         ## harness: architecture checks of the dbt project\n\
         \n\
         - After each edit: `harness check --format agent{dir}`. It needs no warehouse and no `dbt deps`; exit code 1 \
         means findings.\n\
         - Mend the findings that are new. What a rule means and how to fix it: `harness explain RULE{dir}`; why a \
         finding is one: `harness explain PATH:LINE{dir}`.\n\
         - Before you change a model, ask who reads it: `harness query impact MODEL{dir}`; `harness query{dir}` lists \
         all questions.\n\
         - Do not silence a finding to get a clean run: no change of harness.yml, of a baseline or of an ignore \
         comment unless you were asked for it. If a finding is wrong, say so and leave it.\n\
         {END}"
    )
}

/// A path as a shell reads it.
fn shell(path: &str) -> String {
    let is_plain = path.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '/' | '_' | '-' | '.'));
    if is_plain { path.to_owned() } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_added_once_and_then_replaced() {
        let mine = "# How we work\n\nBe kind.\n";
        let once = with_block(mine, "").unwrap();
        assert!(once.starts_with(&format!("{mine}\n{BEGIN}\n")) && once.ends_with(&format!("{END}\n")));
        assert_eq!(with_block(&once, "").unwrap(), once);
        let aged = once.replace("Mend the findings", "Mind the findings");
        assert_eq!(with_block(&format!("{aged}More.\n"), "").unwrap(), format!("{once}More.\n"));
    }

    #[test]
    fn other_lines_stay_byte_for_byte() {
        for mine in ["", "no end of line", "two\n\n", "windows\r\nlines\r\n"] {
            let text = with_block(mine, "").unwrap();
            assert!(text.starts_with(mine), "{mine:?}");
            assert_eq!(with_block(&text, "").unwrap(), text, "{mine:?}");
        }
        assert!(!with_block("windows\r\n", "").unwrap().replace("\r\n", "").contains('\n'));
    }

    #[test]
    fn a_block_without_an_end_is_left_alone() {
        assert_eq!(with_block(&format!("a\n{BEGIN}\nb\n"), ""), None);
    }

    #[test]
    fn the_commands_name_the_projects_folder_where_it_is_another() {
        let text = with_block("", "transform/my shop").unwrap();
        assert!(text.contains("harness check --format agent --project-dir 'transform/my shop'`"), "{text}");
        assert!(!with_block("", "").unwrap().contains("--project-dir"));
    }
}
