//! The second place that remembers the last checkpoint, so that a log that was put back can be told.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::disk::sync_folder;
use crate::folder::lock_within;

/// A place that keeps one note for each log, and changes it only for who knows the one that is there.
///
/// Calls may block up to a deadline that the implementation sets; they are made by a thread of their own.
pub trait Anchor: Send + Sync {
    /// The note kept for the log `origin`.
    ///
    /// # Errors
    /// [`AnchorError`] when the place can't be asked.
    fn load(&self, origin: &str) -> Result<Option<Vec<u8>>, AnchorError>;

    /// Keeps `new` for the log `origin` if what is there is `expected`; durable when this returns.
    ///
    /// # Errors
    /// [`AnchorError`] when the place can't be asked, or does not tell what came of it.
    fn swap(&self, origin: &str, expected: Option<&[u8]>, new: &[u8]) -> Result<Swapped, AnchorError>;
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swapped {
    /// It is kept.
    Done,
    /// Something else than expected is there; nothing was changed.
    Conflict,
}

/// Why an anchor could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("the anchor can't be reached: {reason}")]
pub struct AnchorError {
    /// The system's or the database's words; holds no secret.
    pub reason: String,
}

impl From<io::Error> for AnchorError {
    fn from(error: io::Error) -> Self {
        Self { reason: error.to_string() }
    }
}

/// An anchor in another folder, best on another device or a mounted share.
#[derive(Clone, Debug)]
pub struct DirAnchor {
    dir: PathBuf,
}

/// How long another process may hold the folder's lock.
const PATIENCE: Duration = Duration::from_secs(2);

impl DirAnchor {
    /// Keeps notes in the folder `dir`, which is made when it is first needed.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The file of a log's note.
    pub fn path(&self, origin: &str) -> PathBuf {
        let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '~' };
        self.dir.join(format!("{}.checkpoint", origin.chars().map(safe).collect::<String>()))
    }

    fn lock(&self) -> Result<File, AnchorError> {
        fs::create_dir_all(&self.dir)?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(self.dir.join("lock"))?;
        match lock_within(&file, PATIENCE) {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

impl Anchor for DirAnchor {
    fn load(&self, origin: &str) -> Result<Option<Vec<u8>>, AnchorError> {
        match fs::read(self.path(origin)) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn swap(&self, origin: &str, expected: Option<&[u8]>, new: &[u8]) -> Result<Swapped, AnchorError> {
        let lock = self.lock()?;
        if self.load(origin)?.as_deref() != expected {
            return Ok(Swapped::Conflict);
        }
        replace(&self.path(origin), new)?;
        drop(lock);
        Ok(Swapped::Done)
    }
}

/// Puts a file in the place of another, whole and durable.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_knows_the_last_note_replaces_it() {
        let dir = tempfile::tempdir().unwrap();
        let anchor = DirAnchor::new(&dir.path().join("far"));
        let check = |expected: Option<&[u8]>, new: &[u8], expect: Swapped| {
            let before = anchor.load("weir/a").unwrap();
            assert_eq!(anchor.swap("weir/a", expected, new).unwrap(), expect);
            let after = anchor.load("weir/a").unwrap();
            assert_eq!(after, if expect == Swapped::Done { Some(new.to_owned()) } else { before });
        };
        check(Some(b"x"), b"1", Swapped::Conflict);
        check(None, b"1", Swapped::Done);
        check(None, b"2", Swapped::Conflict);
        check(Some(b"x"), b"2", Swapped::Conflict);
        check(Some(b"1"), b"2", Swapped::Done);
        assert_eq!(anchor.load("weir/b").unwrap(), None);
    }

    #[test]
    fn of_many_that_try_at_once_one_wins() {
        let dir = tempfile::tempdir().unwrap();
        let anchor = DirAnchor::new(dir.path());
        let won = std::thread::scope(|scope| {
            let race = |index: u8| {
                let anchor = &anchor;
                move || anchor.swap("weir/a", None, &[index]).unwrap() == Swapped::Done
            };
            let threads: Vec<_> = (0..8).map(|index| scope.spawn(race(index))).collect();
            threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum::<usize>()
        });
        assert_eq!(won, 1);
    }
}
