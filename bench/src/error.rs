//! What can go wrong in a benchmark run.

use crate::client::ExchangeError;
use crate::load::LoadError;

/// A run, or one peer's part of it, failed.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A file, process or socket operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The load failed: an answer was wrong or missing.
    #[error("load failed: {0}")]
    Load(#[from] LoadError),
    /// An exchange outside the measured load failed.
    #[error("exchange failed: {0}")]
    Exchange(#[from] ExchangeError),
    /// A peer is not installed: named in the report, no failure of the run.
    #[error("not installed: {0}")]
    Missing(String),
    /// A peer did not start, or answered wrongly from the start.
    #[error("{0}")]
    Peer(String),
    /// A measured process ended while it was measured.
    #[error("process {0} is gone")]
    Gone(u32),
    /// Results could not be written as JSON.
    #[error("results: {0}")]
    Json(#[from] serde_json::Error),
    /// Something that must hold for the figures to mean anything does not.
    #[error("{0}")]
    Broken(String),
}

/// Names the attempt that failed.
pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> BenchError {
    let what = what.into();
    move |source| BenchError::Io { what, source }
}
