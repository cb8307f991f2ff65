//! The few file operations the writer needs, behind a trait so that tests can make them fail.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

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

struct LocalFile(File);

impl SegmentFile for LocalFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}
