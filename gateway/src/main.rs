//! Entry point of the `weir` binary.

use std::process::ExitCode;

/// The pipeline allocates and frees on all threads at once; this allocator takes least time for it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    weir::cli::main()
}
