//! Threads whose stacks are large enough for what people write: parsers and templates recurse on it.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

const STACK_BYTES: usize = 64 * 1024 * 1024;
/// How long threads take that have nothing to do to end.
const END_OF_THREADS: Duration = Duration::from_millis(50);

/// The most threads that are started: more only wait for one another.
pub fn most_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).saturating_mul(4).clamp(16, 256)
}

/// Why some work has no result.
#[derive(Debug)]
pub enum Stopped {
    /// The project has got another text meanwhile.
    Outdated,
    /// What it panicked with.
    Panicked(Box<dyn Any + Send>),
}

#[derive(Debug)]
pub struct LargeStacks(rayon::ThreadPool);

impl LargeStacks {
    /// `threads` 0 is one a core. Where the system starts no more, fewer do the work.
    pub fn new(threads: usize) -> Result<Self, String> {
        let mut threads = if threads == 0 { rayon::current_num_threads() } else { threads }.min(most_threads());
        loop {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(STACK_BYTES).build();
            match pool {
                Err(_) if threads > 1 => {
                    threads /= 2;
                    // Those that were started end by themselves, and only then give their memory back.
                    std::thread::sleep(END_OF_THREADS);
                }
                pool => return pool.map(Self).map_err(|error| format!("no threads can be started: {error}")),
            }
        }
    }

    /// Does work and waits for it.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.0.install(work)
    }

    /// Does work while others go on, and gives its result to `done`. `work` must drop what it holds of a
    /// database: whoever changes it waits for that.
    pub fn start<R: 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
        done: impl FnOnce(Result<R, Stopped>) + Send + 'static,
    ) {
        self.0.spawn(move || {
            let result = std::panic::catch_unwind(AssertUnwindSafe(work));
            done(result.map_err(|payload| match payload.downcast::<salsa::Cancelled>() {
                Ok(cancelled) if !matches!(*cancelled, salsa::Cancelled::PropagatedPanic) => Stopped::Outdated,
                Ok(cancelled) => Stopped::Panicked(cancelled),
                Err(payload) => Stopped::Panicked(payload),
            }));
        });
    }
}

/// Runs work on threads with large stacks; `threads` 0 is one a core.
pub fn on_large_stacks<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> Result<R, String> {
    Ok(LargeStacks::new(threads)?.run(work))
}
