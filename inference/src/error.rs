//! What can go wrong before the server answers: files, formats, threads.

use std::path::PathBuf;

/// Why the embedded model server can't be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// A model file is not there.
    #[error("model file {} is missing: fetch it with `make models`", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A model file is there but is another one.
    #[error("model file {} has SHA-256 {found}, not {expected}: fetch it again with `make models`", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// What the digest should be, in lower-case hex.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A model file could not be read.
    #[error("model file {} can't be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A model file doesn't hold what this server can run.
    #[error("model file {} can't be used: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A thread could not be started.
    #[error("engine thread can't be started: {reason}")]
    Thread {
        /// The system's reason.
        reason: String,
    },
}
