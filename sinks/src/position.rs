//! How far a lane was delivered, kept in a small file: written aside, synced, renamed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::SinkError;

/// The record that was delivered last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mark {
    /// Its id: a log that has another record under this number is not the one that was delivered from.
    pub(crate) record_id: Uuid,
    /// Its `node_seq`; 0 when nothing was delivered.
    pub(crate) seq: u64,
}

/// The files of one sink and lane; nobody else touches them while this stands.
#[derive(Debug)]
pub(crate) struct Ledger {
    position: PathBuf,
    refused: PathBuf,
    /// Held until dropped.
    _lock: File,
}

impl Ledger {
    /// Takes the files `NAME.lane-N.*` in `home`; `None` while another process has them.
    pub(crate) fn take(home: &Path, name: &str, lane: usize) -> Result<Option<Self>, SinkError> {
        make_folder(home)?;
        let path = |end: &str| home.join(format!("{name}.lane-{lane}.{end}"));
        let lock_path = path("lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&lock_path);
        let lock = lock.map_err(SinkError::io("opening", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {
                Ok(Some(Self { position: path("position"), refused: path("refused.jsonl"), _lock: lock }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(SinkError::io("locking", lock_path)(error)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.position
    }

    /// The position; that of the log's beginning when there is no file.
    ///
    /// # Errors
    /// [`SinkError::Position`] when the file says nothing: guessing would lose or repeat records.
    pub(crate) fn load(&self) -> Result<Mark, SinkError> {
        let text = match fs::read(&self.position) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Mark::default()),
            Err(error) => return Err(SinkError::io("reading", &self.position)(error)),
        };
        serde_json::from_slice(&text).map_err(|_| SinkError::Position { path: self.position.clone() })
    }

    /// Keeps a position; returns when it is on disk.
    pub(crate) fn save(&self, mark: Mark) -> Result<(), SinkError> {
        let aside = self.position.with_extension("position.new");
        let text = serde_json::to_vec(&mark).unwrap_or_default();
        let write = || {
            let mut file = File::create(&aside)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&aside, &self.position)?;
            sync_parent(&self.position)
        };
        write().map_err(SinkError::io("writing", &self.position))
    }

    /// Keeps a message that the receiver will not take; returns when it is on disk.
    pub(crate) fn set_aside(&self, body: &str) -> Result<(), SinkError> {
        let write = || {
            let mut file = OpenOptions::new().append(true).create(true).open(&self.refused)?;
            file.write_all(format!("{body}\n").as_bytes())?;
            file.sync_all()?;
            sync_parent(&self.refused)
        };
        write().map_err(SinkError::io("writing", &self.refused))
    }
}

fn make_folder(home: &Path) -> Result<(), SinkError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(home);
    made.map_err(SinkError::io("creating", home))
}

fn sync_parent(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    #[test]
    fn a_position_survives_and_its_files_have_one_owner() {
        let home = tempdir().unwrap();
        let take = || Ledger::take(&home.path().join("sinks"), "siem", 1).unwrap();
        let ledger = take().unwrap();
        assert_eq!(ledger.load().unwrap(), Mark::default());
        let mark = Mark { record_id: Uuid::from_u128(7), seq: 9 };
        ledger.save(mark).unwrap();
        assert!(take().is_none(), "taken twice");
        drop(ledger);
        assert_eq!(take().unwrap().load().unwrap(), mark);
    }

    #[test]
    fn a_file_that_says_nothing_is_an_error() {
        let home = tempdir().unwrap();
        let ledger = Ledger::take(home.path(), "siem", 0).unwrap().unwrap();
        for text in ["", "{", "{\"seq\":1}", "7"] {
            fs::write(ledger.path(), text).unwrap();
            assert!(matches!(ledger.load(), Err(SinkError::Position { .. })), "{text:?}");
        }
    }

    #[test]
    fn what_is_set_aside_is_kept_in_order() {
        let home = tempdir().unwrap();
        let ledger = Ledger::take(home.path(), "siem", 0).unwrap().unwrap();
        ledger.set_aside("{\"a\":1}").unwrap();
        ledger.set_aside("{\"a\":2}").unwrap();
        let kept = fs::read_to_string(home.path().join("siem.lane-0.refused.jsonl")).unwrap();
        assert_eq!(kept, "{\"a\":1}\n{\"a\":2}\n");
    }
}
