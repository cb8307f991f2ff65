//! `weir.yaml`: from text to checked settings, and again when a file changes.

mod read;
mod types;
pub mod watch;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

pub use types::*;
pub use weir_policies::document::Problem;

/// Looks up an environment variable.
pub type Environment<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// Names the file when neither `--config` nor this is given: `weir.yaml` here, if there is one.
const DEFAULT_FILE: &str = "weir.yaml";

impl Settings {
    /// Reads and checks the settings: from `path`, else from the file that `WEIR_CONFIG` names, else from
    /// `weir.yaml` in the current folder, else the embedded default.
    ///
    /// # Errors
    /// Everything that is wrong, with its place.
    pub fn load(path: Option<&Path>, env: Environment<'_>) -> Result<Self, Vec<Problem>> {
        read::load(path, env).0
    }
}

/// Where a gateway keeps what lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// Keys and ledgers.
    pub data: PathBuf,
    /// The audit log.
    pub audit: PathBuf,
}

/// What the commands on the audit log need: where it is, how it is set, and where a running gateway listens.
#[derive(Clone, Debug)]
pub struct Books {
    /// Keys and ledgers.
    pub data: PathBuf,
    /// The audit log.
    pub audit: AuditSettings,
    /// Address of the admin port.
    pub admin: SocketAddr,
}

/// The audit log's settings alone, without the secrets of upstreams.
///
/// # Errors
/// When the file can't be read as YAML, or what it says of these can't be used.
pub fn books(path: Option<&Path>, env: Environment<'_>) -> Result<Books, Vec<Problem>> {
    read::books(path, env)
}

/// The folders alone: other commands need them where the secrets that the gateway needs are not at hand.
///
/// # Errors
/// When the file can't be read as YAML, or what it says of the folders can't be used.
pub fn folders(path: Option<&Path>, env: Environment<'_>) -> Result<Folders, Vec<Problem>> {
    read::folders(path, env)
}

/// The process's environment.
#[must_use]
pub fn system_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
