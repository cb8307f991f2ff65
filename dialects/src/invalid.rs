//! What is refused before any control looks at it, and the limits that guard the parser.

use thiserror::Error;

/// A body that can't be accepted. Neither part repeats a value or an unknown key of the body.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason} at {path}")]
pub struct Invalid {
    /// JSON Pointer of the place, `/` for the whole body; keys that no API names appear as `*` and their
    /// position.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

/// How large a JSON text may be in structure; its length is limited by whoever reads it from the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most containers open at once.
    pub depth: usize,
    /// Most values and keys; runs of plain numbers in an array count as one.
    pub leaves: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 128, leaves: 250_000 }
    }
}

impl Invalid {
    /// A fault at `path`.
    pub(crate) fn at(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { path: path.into(), reason: reason.into() }
    }
}
