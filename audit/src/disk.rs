//! The few file operations the writer needs, behind a trait so that tests can make them fail.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
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

    /// Appends all bytes of all `parts`, in their order; what is left of `parts` means nothing.
    ///
    /// # Errors
    /// As [`SegmentFile::append`].
    fn append_all(&mut self, parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        parts.iter().try_for_each(|part| self.append(part))
    }

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

    fn append_all(&mut self, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        // Steps over parts without bytes, which would else look like a full disk.
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            match self.0.write_vectored(parts) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut parts, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_appended_in_their_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let mut file = LocalDisk.create(&path).unwrap();
        // More of them than one system call takes, and some without bytes.
        let texts: Vec<_> =
            (0..3000).map(|at| if at % 3 == 0 { String::new() } else { format!("{at} ") }).collect();
        for part in [&texts[..], &texts[..2], &[]] {
            let mut slices: Vec<_> = part.iter().map(|text| IoSlice::new(text.as_bytes())).collect();
            file.append_all(&mut slices).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), texts.concat() + &texts[..2].concat());
    }
}
