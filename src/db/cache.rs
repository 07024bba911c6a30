//! What former runs worked out, kept by all it was worked out from: a value that is found here is the
//! value that would be computed. One file holds a project's; who keeps it is `session/`'s business.
//!
//! The file: magic, fingerprint of the build, checksum of all that follows, the number of entries, the
//! table of entries by key, their values. A file that differs in any of this is no cache.

use rustc_hash::FxHashMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use twox_hash::XxHash3_128;

/// The first bytes of a cache file.
pub const MAGIC: [u8; 8] = *b"hrnsfac1";
/// Of all sources of this program: another build may understand a text in another way.
pub const BUILD: &str = env!("HARNESS_SOURCES");
/// Magic, build, checksum.
const HEAD: usize = 8 + 16 + 16;
/// Key, end of the value among the values, writings since it was last asked for.
const ROW: usize = 16 + 4 + 1;
/// What is asked for no more outlives this many writings: a branch that is left for another is soon back.
const MAX_AGE: u8 = 8;
/// The same of what is large and soon no longer true, which this bit of the age tells.
const MAX_AGE_OF_BRIEF: u8 = 1;
const BRIEF: u8 = 0x80;
/// What one file may hold; what is asked for no more goes first.
pub const MAX_BYTES: usize = 96 * 1024 * 1024;

/// The hash of all that a value was worked out from: wide enough that no two are alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Key(u128);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl Key {
    pub fn of(bytes: &[u8]) -> Self {
        Self(XxHash3_128::oneshot(bytes))
    }

    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    pub fn add_to(self, key: &mut KeyMaker) {
        key.0.extend_from_slice(&self.to_bytes());
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }
}

/// What a key is made of, part by part; no two lists of parts run into one another.
#[derive(Debug, Clone)]
pub struct KeyMaker(Vec<u8>);

impl KeyMaker {
    pub fn new(work: Work) -> Self {
        Self(vec![work as u8])
    }

    pub fn text(&mut self, part: &str) {
        self.number(part.len());
        self.0.extend_from_slice(part.as_bytes());
    }

    pub fn number(&mut self, number: usize) {
        self.0.extend_from_slice(&(number as u64).to_le_bytes());
    }

    pub fn span(&mut self, start: u32, end: u32) {
        self.number(start as usize);
        self.number(end as usize);
    }

    pub fn key(&self) -> Key {
        Key::of(&self.0)
    }
}

/// The kinds of work whose results are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Work {
    /// A YAML file.
    Yaml,
    /// The blocks of a file.
    Blocks,
    /// The SQL of a text.
    Sql,
    /// Whether a template can be read at all.
    Syntax,
    /// What a template asked for when it ran.
    Rendering,
    /// The CTEs in what a template prints.
    Printed,
    /// The value of a text in YAML.
    Value,
    /// What a macro gives for some arguments.
    Macro,
    /// What renderings asked the project, and what the answers were.
    Answers,
    /// A whole check.
    Check,
}

impl Work {
    pub const ALL: [Self; 10] = [
        Self::Yaml,
        Self::Blocks,
        Self::Sql,
        Self::Syntax,
        Self::Rendering,
        Self::Printed,
        Self::Value,
        Self::Macro,
        Self::Answers,
        Self::Check,
    ];
}

/// How often a kind of work was done, and how often its result was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub work: Work,
    pub done: usize,
    pub found: usize,
}

/// Values with the bit that says how long they last.
type Fresh = FxHashMap<Key, (u8, Box<[u8]>)>;

/// One project's cache: what was read, and what has come since. What was read never changes, so a query
/// may look into it; what comes is for the next run, and no query of this one sees it.
pub struct Cache {
    bytes: Vec<u8>,
    rows: usize,
    used: Vec<AtomicBool>,
    fresh: Mutex<(Fresh, usize)>,
    takes: AtomicBool,
    done: [AtomicUsize; Work::ALL.len()],
    found: [AtomicUsize; Work::ALL.len()],
    /// The environment variables that somebody asked for.
    environment: Mutex<BTreeSet<String>>,
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self::of(Vec::new(), 0)
    }
}

impl Cache {
    fn of(bytes: Vec<u8>, rows: usize) -> Self {
        let used = std::iter::repeat_with(AtomicBool::default).take(rows).collect();
        Self {
            bytes,
            rows,
            used,
            fresh: Mutex::default(),
            takes: AtomicBool::new(true),
            done: Default::default(),
            found: Default::default(),
            environment: Mutex::default(),
        }
    }

    /// What the bytes of a cache file hold; nothing where any of them is not as it was written.
    pub fn read(bytes: Vec<u8>) -> Option<Self> {
        let rest = bytes.strip_prefix(&MAGIC)?.strip_prefix(&build())?;
        let (sum, body) = rest.split_at_checked(16)?;
        if Key::of(body).to_bytes() != *sum {
            return None;
        }
        let rows = u32::from_le_bytes(*body.first_chunk::<4>()?) as usize;
        // The sum says that the table is as it was written; it is read with care all the same.
        body.len().checked_sub(4 + rows.checked_mul(ROW)?)?;
        Some(Self::of(bytes, rows))
    }

    fn table(&self) -> &[[u8; ROW]] {
        let table = self.bytes.get(HEAD + 4..HEAD + 4 + self.rows * ROW).unwrap_or_default();
        table.as_chunks().0
    }

    fn value(&self, at: usize) -> Option<&[u8]> {
        let table = self.table();
        let end = end_of(table.get(at)?);
        let start = at.checked_sub(1).and_then(|before| table.get(before)).map_or(0, end_of);
        self.bytes.get(HEAD + 4 + self.rows * ROW..)?.get(start..end)
    }

    /// What was kept under a key when the cache was read.
    pub fn get(&self, key: Key) -> Option<&[u8]> {
        let at = self.table().binary_search_by(|row| key_of(row).cmp(&key)).ok()?;
        let value = self.value(at)?;
        if let Some(used) = self.used.get(at) {
            used.store(true, Ordering::Relaxed);
        }
        Some(value)
    }

    /// Whether it still takes what is new.
    pub fn is_open(&self) -> bool {
        self.takes.load(Ordering::Relaxed)
    }

    /// Keeps a value for the next runs.
    pub fn put(&self, key: Key, value: Vec<u8>) {
        self.take(key, 0, value);
    }

    /// Keeps a value that is worth little once anything has changed.
    pub fn put_briefly(&self, key: Key, value: Vec<u8>) {
        self.take(key, BRIEF, value);
    }

    fn take(&self, key: Key, brief: u8, value: Vec<u8>) {
        if !self.is_open() {
            return;
        }
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        if fresh.1 + value.len() <= MAX_BYTES {
            fresh.1 += value.len() + ROW;
            fresh.0.insert(key, (brief, value.into()));
        }
    }

    /// A value that was kept, or else the one that is made now.
    pub fn kept<T: Serialize + DeserializeOwned>(&self, work: Work, key: Key, make: impl FnOnce() -> T) -> T {
        if let Some(value) = self.get(key).and_then(|bytes| postcard::from_bytes(bytes).ok()) {
            self.count_found(work);
            return value;
        }
        self.count_done(work);
        let value = make();
        // What cannot be written is made again each time.
        if self.is_open()
            && let Ok(bytes) = postcard::to_stdvec(&value)
        {
            self.put(key, bytes);
        }
        value
    }

    /// Notes that somebody asked for an environment variable.
    pub fn note_environment(&self, name: &str) {
        let mut names = self.environment.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.contains(name) {
            names.insert(name.to_owned());
        }
    }

    /// The environment variables that anybody asked for since the cache was read.
    pub fn environment(&self) -> BTreeSet<String> {
        self.environment.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn count_done(&self, work: Work) {
        self.done[work as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub fn count_found(&self, work: Work) {
        self.found[work as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often each kind of work was done because nothing was kept, and how often it was spared.
    pub fn counts(&self) -> Vec<Count> {
        let count = |counts: &[AtomicUsize], work: Work| counts[work as usize].load(Ordering::Relaxed);
        let of = |work| Count { work, done: count(&self.done, work), found: count(&self.found, work) };
        Work::ALL.into_iter().map(of).collect()
    }

    /// The file for the next run, or nothing where it would hold nothing new. From here on nothing more is
    /// taken: a session that lives on must not grow.
    pub fn close(&self) -> Option<Vec<u8>> {
        self.takes.store(false, Ordering::Relaxed);
        let (fresh, _) = std::mem::take(&mut *self.fresh.lock().unwrap_or_else(PoisonError::into_inner));
        if fresh.is_empty() {
            return None;
        }
        let mut all: Vec<(Key, u8, &[u8])> =
            fresh.iter().map(|(key, (brief, value))| (*key, *brief, &**value)).collect();
        for (at, row) in self.table().iter().enumerate() {
            let key = key_of(row);
            let is_used = self.used.get(at).is_some_and(|used| used.load(Ordering::Relaxed));
            let (brief, age) = (row[ROW - 1] & BRIEF, row[ROW - 1] & !BRIEF);
            let age = if is_used { 0 } else { age + 1 };
            let limit = if brief == 0 { MAX_AGE } else { MAX_AGE_OF_BRIEF };
            if age <= limit && !fresh.contains_key(&key) {
                all.extend(self.value(at).map(|value| (key, age | brief, value)));
            }
        }
        // The youngest first, as far as there is room.
        all.sort_unstable_by_key(|(key, age, _)| (*age & !BRIEF, *key));
        let mut size = 0;
        let fits = all.iter().take_while(|(.., value)| {
            size += ROW + value.len();
            size <= MAX_BYTES
        });
        let fits = fits.count();
        all.truncate(fits);
        all.sort_unstable_by_key(|(key, ..)| *key);
        Some(written(&all))
    }
}

fn written(all: &[(Key, u8, &[u8])]) -> Vec<u8> {
    let size: usize = all.iter().map(|(.., value)| ROW + value.len()).sum();
    let mut bytes = Vec::with_capacity(HEAD + 4 + size);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&build());
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend_from_slice(&(all.len() as u32).to_le_bytes());
    let mut end = 0u32;
    for (key, age, value) in all {
        end += value.len() as u32;
        bytes.extend_from_slice(&key.to_bytes());
        bytes.extend_from_slice(&end.to_le_bytes());
        bytes.push(*age);
    }
    for (.., value) in all {
        bytes.extend_from_slice(value);
    }
    let sum = Key::of(&bytes[HEAD..]).to_bytes();
    bytes[HEAD - 16..HEAD].copy_from_slice(&sum);
    bytes
}

fn build() -> [u8; 16] {
    Key::of(BUILD.as_bytes()).to_bytes()
}

fn key_of(row: &[u8; ROW]) -> Key {
    row.first_chunk().map_or(Key(0), |key| Key::from_bytes(*key))
}

fn end_of(row: &[u8; ROW]) -> usize {
    row.get(16..).and_then(|rest| rest.first_chunk()).map_or(0, |end| u32::from_le_bytes(*end) as usize)
}

/// The cache of this database; one without works everything out.
#[salsa::input(singleton)]
pub struct Remembered {
    #[returns(ref)]
    pub cache: Arc<Cache>,
}

pub fn cache(db: &dyn salsa::Database) -> Option<&Arc<Cache>> {
    Remembered::try_get(db).map(|remembered| remembered.cache(db))
}

/// What a pure function of one text gives: kept, or else made now.
pub fn of_text<T: Serialize + DeserializeOwned>(
    db: &dyn salsa::Database,
    work: Work,
    text: &str,
    make: impl FnOnce() -> T,
) -> T {
    of_text_as(db, work, text, 0, make)
}

/// The same of a function of one text and a number.
pub fn of_text_as<T: Serialize + DeserializeOwned>(
    db: &dyn salsa::Database,
    work: Work,
    text: &str,
    number: usize,
    make: impl FnOnce() -> T,
) -> T {
    match cache(db) {
        None => make(),
        Some(cache) => {
            let mut key = KeyMaker::new(work);
            key.text(text);
            key.number(number);
            cache.kept(work, key.key(), make)
        }
    }
}
