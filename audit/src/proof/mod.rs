//! The proof: an RFC 6962 tree over the records of a lane, signed checkpoints, anchors and witnesses.
//!
//! `docs/audit-format.md` says how all of it is spelled.

pub mod anchor;
pub mod checkpoint;
pub mod evidence;
pub mod frontier;
mod growth;
mod keyfile;
pub mod keys;
pub mod postgres;
mod sealer;
mod sealing;
pub mod tiles;
pub mod witness;
pub mod witnessing;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use growth::{FIRST_KEY, TREE};
pub(crate) use sealer::Sealer;
pub(crate) use sealing::Shared;
pub use sealing::{Anchoring, Sealing};
pub use tlog_tiles::{Hash, record_hash};

use self::anchor::Anchor;
use self::checkpoint::SignedCheckpoint;
use self::witness::Witness;

/// How a log is sealed: where its key is, how often it signs, and who else remembers.
#[derive(Clone)]
pub struct Seal {
    /// The signing key's file; made with the log, never inside its folder. A further lane has its own beside it.
    pub key: PathBuf,
    /// Name of the log; by default `weir/` and the node's id. A further lane appends its own.
    pub origin: Option<String>,
    /// Least time between two checkpoints.
    pub every: Duration,
    /// A second place that remembers the last checkpoint.
    pub anchor: Option<Arc<dyn Anchor>>,
    /// Who is asked for cosignatures.
    pub witnesses: Vec<Arc<dyn Witness>>,
}

impl Seal {
    /// Once a second, with the key in `audit-keys` beside the log's folder, without anchor and witnesses.
    pub fn beside(dir: &Path) -> Self {
        let folder = dir.parent().unwrap_or(Path::new("..")).join("audit-keys");
        Self {
            key: folder.join("checkpoint.key"),
            origin: None,
            every: Duration::from_secs(1),
            anchor: None,
            witnesses: Vec::new(),
        }
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("key", &self.key).field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Most bytes of a log's name, so that a record can hold its key.
const LONGEST_ORIGIN: usize = 64;

/// Name of the log of a lane.
pub(crate) fn origin(seal: &Seal, node_id: &str, lane: usize) -> String {
    let name = seal.origin.clone().unwrap_or_else(|| format!("weir/{node_id}"));
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-/".contains(c) { c } else { '-' };
    let mut name: String = name.chars().map(safe).collect();
    if name.len() > LONGEST_ORIGIN {
        // Cut names must not meet: what is cut off stands in the hash.
        let hash: String =
            record_hash(name.as_bytes()).0.iter().take(8).map(|it| format!("{it:02x}")).collect();
        name.truncate(LONGEST_ORIGIN - hash.len() - 1);
        name = format!("{name}-{hash}");
    }
    if lane == 0 { name } else { format!("{name}/lane-{lane}") }
}

/// Records that the published checkpoint of a lane covers; `None` for a lane that is not sealed at all.
pub(crate) fn sealed_size(lane: &Path) -> Option<u64> {
    let tree = lane.join(TREE);
    let note = std::fs::read(tree.join("checkpoint")).unwrap_or_default();
    let size = SignedCheckpoint::parse(&note).map_or(0, |signed| signed.checkpoint().size);
    tree.is_dir().then_some(size)
}

/// The file of a lane that belongs beside that of the first.
pub(crate) fn lane_file(path: &Path, lane: usize) -> PathBuf {
    if lane == 0 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-lane-{lane}."));
    name.push(path.extension().unwrap_or_default());
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_has_a_name_and_a_key_of_its_own() {
        let seal = Seal::beside(Path::new("data/audit"));
        let check = |node: &str, lane, expect: &str| assert_eq!(origin(&seal, node, lane), expect);
        check("node-7", 0, "weir/node-7");
        check("node-7", 1, "weir/node-7/lane-1");
        check("a b+c", 0, "weir/a-b-c");
        assert_eq!(seal.key, Path::new("data/audit-keys/checkpoint.key"));
        assert_eq!(lane_file(&seal.key, 1), Path::new("data/audit-keys/checkpoint-lane-1.key"));
        let long = [origin(&seal, &"x".repeat(100), 1), origin(&seal, &("x".repeat(100) + "y"), 1)];
        assert!(long[0] != long[1] && long.iter().all(|name| name.len() <= 74), "{long:?}");
    }
}
