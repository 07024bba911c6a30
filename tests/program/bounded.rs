//! The program in a child process of its own, with little memory and little time: for input that means harm.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Address space, in KiB.
const MEMORY: u64 = 2 * 1024 * 1024;
/// Processor seconds are not counted: a child that has not ended by then is killed.
const MOST: Duration = Duration::from_secs(10);

/// What a child left.
#[derive(Debug)]
pub struct Ended {
    /// `None` where a signal ended it, or it was killed for its time.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// How often a text stands in what was printed to standard output.
    pub fn count(&self, text: &str) -> usize {
        self.out.matches(text).count()
    }
}

/// Runs the program in a folder under 2 GB of address space, killed after 10 s. It sees no settings, no
/// cache and no environment of the user but what is given.
pub fn bounded(folder: &Path, arguments: &[&str]) -> Ended {
    bounded_with(folder, arguments, &[])
}

/// The same with environment variables.
pub fn bounded_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let program = env!("CARGO_BIN_EXE_harness");
    let (out, err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    // A shell sets the limit, so that no test needs unsafe code; it becomes the program itself.
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -v {MEMORY}; ulimit -c 0; exec \"$0\" \"$@\""), program]).args(arguments);
    command.current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", "/nowhere").env("XDG_CACHE_HOME", "/dev/null");
    command.envs(environment.iter().copied()).stdin(Stdio::null());
    command.stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if start.elapsed() > MOST => {
                child.kill().unwrap();
                break child.wait().unwrap();
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    Ended { code: status.code(), out: text(out), err: text(err) }
}

fn text(mut file: File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}
