//! The few file operations the writer needs, behind a trait so that tests can make them fail.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::error::AuditError;

/// A disk that holds segment files.
pub trait Disk: Send + Sync {
    /// Makes a new, empty file; fails if it exists. The name is durable when this returns.
    ///
    /// # Errors
    /// The system's reason.
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>>;

    /// Opens an existing file to append to it, cut to its first `length` bytes. The cut is durable when this
    /// returns.
    ///
    /// # Errors
    /// The system's reason.
    fn append(&self, path: &Path, length: u64) -> io::Result<Box<dyn SegmentFile>>;

    /// Bytes free to an unprivileged writer on the disk that holds `dir`.
    ///
    /// # Errors
    /// The system's reason.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
}

/// An open segment file, at its end.
pub trait SegmentFile: Send {
    /// Appends all bytes.
    ///
    /// # Errors
    /// The system's reason; how much was written is then unknown.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when everything appended so far will survive a loss of power.
    ///
    /// # Errors
    /// The system's reason; what is on disk is then unknown, and a second try proves nothing.
    fn sync(&mut self) -> io::Result<()>;
}

/// The machine's own file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalDisk;

impl Disk for LocalDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.sync_all()?;
        sync_folder(path.parent().unwrap_or(Path::new(".")))?;
        Ok(Box::new(LocalFile(file)))
    }

    fn append(&self, path: &Path, length: u64) -> io::Result<Box<dyn SegmentFile>> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        if file.metadata()?.len() != length {
            file.set_len(length)?;
        }
        // What a killed process had written may be in memory only: it counts as durable from here on.
        file.sync_all()?;
        file.seek(SeekFrom::Start(length))?;
        Ok(Box::new(LocalFile(file)))
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Makes a folder that only its owner may read, and its name durable.
pub(crate) fn make_folder(dir: &Path) -> Result<(), AuditError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(AuditError::io("creating", dir))?;
    let parent = dir.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_folder(parent).map_err(AuditError::io("syncing", parent))
}

/// Puts a file that only its owner may read in place of the one at `path`: after a crash there is the old one or
/// the new one, whole. Callers keep two of them from doing so at once.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_added_extension("new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Opens a lock file and waits until nobody else, of this process or another, holds it.
pub(crate) fn lock_file(path: &Path) -> Result<File, AuditError> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    let file = file.map_err(AuditError::io("opening", path))?;
    file.lock().map_err(AuditError::io("locking", path))?;
    Ok(file)
}

struct LocalFile(File);

impl SegmentFile for LocalFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
