//! What can go wrong with keys and issuers (not with a caller's credentials: that is a `Refusal`).

use std::{io, path::PathBuf};

/// Why keys could not be read or changed, or an issuer not be used.
#[derive(Debug, thiserror::Error)]
pub enum CallersError {
    /// A file or folder could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key file does not hold what it should.
    #[error("{}: not a key file: {reason}", path.display())]
    KeyFile {
        /// Which file.
        path: PathBuf,
        /// Where it goes wrong; never a value of the file.
        reason: String,
    },
    /// No key has that id.
    #[error("no key has the id `{id}`")]
    NoSuchKey {
        /// The id asked for.
        id: String,
    },
    /// The admin key from the environment is stored as a key that can't serve as one.
    #[error("the given admin key is stored already as `{id}`, which is revoked or has no admin role")]
    GivenKeyUnusable {
        /// Its id.
        id: String,
    },
    /// What was asked of a new key can't be.
    #[error("{field}: {reason}")]
    NewKey {
        /// Which part of the request.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The system gave no random numbers.
    #[error("the system gave no random numbers")]
    Random,
    /// A key set could not be had.
    #[error("key set of {issuer}: {reason}")]
    KeySet {
        /// Whose key set.
        issuer: String,
        /// Why not.
        reason: String,
    },
    /// The certificate authorities this system trusts could not be read.
    #[error("trusted certificate authorities: {0}")]
    Trust(String),
    /// The address of a key set can't be used.
    #[error("address of a key set: {0}")]
    KeySetUrl(&'static str),
}

impl CallersError {
    pub(crate) fn file(path: &std::path::Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}
