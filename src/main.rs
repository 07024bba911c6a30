use std::process::ExitCode;

/// What a session forgets goes back to the system: the libraries' own allocators keep most of it where many threads
/// have allocated.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    harness::cli::main()
}
