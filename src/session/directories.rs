//! Where the files of a package are cut into directories.

/// The fewest and most files of a directory input. An edit costs one directory's rows, and a fresh look one
/// step a directory: this is about where the two meet.
const FEWEST: usize = 4;
const MOST: usize = 16;

/// The lengths of the directories, in order. Too many files are cut before the one whose path has the lowest
/// digest. So the borders follow from the files alone, whatever happened before, and a file that comes or goes
/// moves few of them.
pub(super) fn lengths<'p>(paths: impl Iterator<Item = &'p str>) -> Vec<usize> {
    let digests: Vec<u64> = paths.map(digest).collect();
    let mut lengths = Vec::new();
    let mut open: Vec<&[u64]> = vec![&digests];
    while let Some(files) = open.pop() {
        if files.len() <= MOST {
            lengths.extend((!files.is_empty()).then_some(files.len()));
            continue;
        }
        let lowest = (FEWEST..files.len() - FEWEST).min_by_key(|at| files.get(*at)).unwrap_or(FEWEST);
        let (before, after) = files.split_at(lowest);
        open.extend([after, before]);
    }
    lengths
}

/// FNV-1a, and its bits once more mixed: paths that differ at their ends only must not be alike.
fn digest(path: &str) -> u64 {
    let bytes = path.bytes();
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn paths(count: usize) -> BTreeSet<String> {
        (0..count).map(|n| format!("models/area_{}/model_{n}.sql", n % 13)).collect()
    }

    fn cut(paths: &BTreeSet<String>) -> BTreeSet<Vec<&String>> {
        let mut rest = paths.iter();
        lengths(paths.iter().map(String::as_str)).into_iter().map(|many| rest.by_ref().take(many).collect()).collect()
    }

    #[test]
    fn all_files_are_in_a_directory_and_none_is_too_large() {
        for count in [0, 1, 96, 97, 5_000] {
            let lengths = lengths(paths(count).iter().map(String::as_str));
            assert_eq!(lengths.iter().sum::<usize>(), count);
            assert!(lengths.iter().all(|many| *many <= MOST && (*many >= FEWEST || count < FEWEST)), "{lengths:?}");
        }
    }

    #[test]
    fn a_file_that_comes_changes_few_directories() {
        let before = paths(5_000);
        let old = cut(&before);
        let mut changed = 0;
        for n in 0..100 {
            let mut after = before.clone();
            after.insert(format!("models/area_{}/new_{n}.sql", n % 13));
            changed += cut(&after).difference(&old).count();
        }
        // One each, and now and then a border that moves.
        assert!(changed < 200, "{changed}");
    }
}
