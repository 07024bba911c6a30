//! Collects the files of queries/ into the library, so that adding a rule, a derived relation or a
//! question touches its own file alone; and makes Ascent programs of the families that rules read.

#[path = "build/ascent.rs"]
mod ascent;
#[path = "build/schema.rs"]
mod schema;

use harness_datalog::Library;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, error::Error, fs};

const FOLDER: &str = "queries/rules";

const DERIVED: &str = "queries/derived";

/// The files of [`DERIVED`] of which programs are made: each has a module in `src/derive`. What leads through
/// many nodes is asked for by a few of them, so that deriving all of it would be the dearer way.
const COMPILED: [&str; 2] = ["coverage", "dependencies"];

/// A family of the tests.
const TRIAL: &str = "tests/reading/trial.dl";

/// Where the base relations are declared.
const CATALOGUE: &str = "src/relations/catalogue";

#[allow(clippy::print_stdout, reason = "standard output is how a build script speaks to cargo")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={FOLDER}");
    let root = env::var("CARGO_MANIFEST_DIR")?;
    let mut rules = Vec::new();
    for group in names(&Path::new(&root).join(FOLDER))? {
        let folder = Path::new(&root).join(FOLDER).join(&group);
        if !folder.is_dir() {
            return Err(format!("{FOLDER}/{group}: a rule file belongs in a group's folder").into());
        }
        for file in names(&folder)? {
            let Some(stem) = file.strip_suffix(".md") else {
                return Err(format!("{FOLDER}/{group}/{file}: a rule file ends in .md").into());
            };
            rules.push((group.clone(), stem.to_owned()));
        }
    }

    let mut code = String::from("&[\n");
    for (group, stem) in &rules {
        let path = format!("/{FOLDER}/{group}/{stem}.md");
        // The root is looked up where the library is compiled, so the generated text is the same
        // on every machine.
        writeln!(code, "    ({group:?}, {stem:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?}))),")?;
    }
    code.push_str("]\n");
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("rules.rs"), code)?;
    fs::write(Path::new(&out).join("derived.rs"), files(&root, DERIVED, ".dl")?)?;
    println!("cargo:rerun-if-changed={TRIAL}");
    for (family, program) in programs(Path::new(&root))? {
        fs::write(Path::new(&out).join(format!("{family}.rs")), program)?;
    }
    fs::write(Path::new(&out).join("ask.rs"), files(&root, "queries/ask", ".md")?)?;
    println!("cargo:rustc-env=HARNESS_SOURCES={:032x}", sources(Path::new(&root))?);
    Ok(())
}

/// The files of one folder as a list of names and texts.
#[allow(clippy::print_stdout, reason = "standard output is how a build script speaks to cargo")]
fn files(root: &str, folder: &str, ending: &str) -> Result<String, Box<dyn Error>> {
    println!("cargo:rerun-if-changed={folder}");
    let mut code = String::from("&[\n");
    for file in names(&Path::new(root).join(folder))? {
        let Some(stem) = file.strip_suffix(ending) else {
            return Err(format!("{folder}/{file}: a file here ends in {ending}").into());
        };
        let path = format!("/{folder}/{file}");
        writeln!(code, "    ({stem:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?}))),")?;
    }
    code.push_str("]\n");
    Ok(code)
}

/// The Ascent programs of the compiled families, by name.
fn programs(root: &Path) -> Result<Vec<(&'static str, String)>, Box<dyn Error>> {
    let mut base = Vec::new();
    for file in names(&root.join(CATALOGUE))? {
        let text = fs::read_to_string(root.join(CATALOGUE).join(&file))?;
        base.extend(schema::declared(&text).map_err(|error| format!("{CATALOGUE}/{file}: {error}"))?);
    }
    let mut texts = Vec::new();
    for file in names(&root.join(DERIVED))? {
        let text = fs::read_to_string(root.join(DERIVED).join(&file))?;
        texts.push((file, text));
    }
    let library = |without: &str| {
        let files = texts.iter().filter(|(file, _)| file != without);
        Library::read(files.map(|(file, text)| (file.as_str(), text.as_str())))
            .map_err(|broken| format!("{DERIVED}/{}", broken.shown))
    };
    // What is wrong with any of them is told now, and not when somebody asks.
    let whole = library("")?;
    let mut programs = Vec::new();
    for name in COMPILED {
        let file = format!("{name}.dl");
        let (_, text) = texts.iter().find(|(other, _)| *other == file).ok_or_else(|| format!("no {DERIVED}/{file}"))?;
        let family = ascent::Family { name, path: &format!("{DERIVED}/{file}"), text };
        programs.push((name, ascent::compiled(family, &library(&file)?, &base)?));
    }
    let trial = fs::read_to_string(root.join(TRIAL))?;
    let family = ascent::Family { name: "trial", path: TRIAL, text: &trial };
    programs.push(("trial", ascent::compiled(family, &whole, &base)?));
    Ok(programs)
}

/// The names in a folder in byte order: a folder's own order differs between machines. Hidden
/// files are an editor's or the system's, no rules.
fn names(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let name =
            entry?.file_name().into_string().map_err(|name| format!("{}: not UTF-8: {name:?}", folder.display()))?;
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// One number for all sources, rules included: what another build understood of a text is not trusted.
#[allow(clippy::print_stdout, reason = "standard output is how a build script speaks to cargo")]
fn sources(root: &Path) -> Result<u128, Box<dyn Error>> {
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=queries");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=Cargo.lock");
    let mut hash = Fnv(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
    // How other crates read a text counts as well.
    hash.add(&fs::read(root.join("Cargo.lock")).unwrap_or_default());
    let mut folders = vec![root.join("src"), root.join("queries"), root.join("build")];
    while let Some(folder) = folders.pop() {
        for name in names(&folder)? {
            let path = folder.join(&name);
            hash.add(name.as_bytes());
            if path.is_dir() { folders.push(path) } else { hash.add(&fs::read(&path)?) }
        }
    }
    Ok(hash.0)
}

/// FNV-1a of 128 bits.
struct Fnv(u128);

impl Fnv {
    fn add(&mut self, part: &[u8]) {
        for byte in (part.len() as u64).to_le_bytes().iter().chain(part) {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
}
