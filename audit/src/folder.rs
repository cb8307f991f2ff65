//! The folder of a lane: made, locked against a second writer, and named.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use crate::error::AuditError;
use crate::options::{Options, new_id};
use crate::text::Text;

/// How often, and at what distance, the folder's lock is tried.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

pub(crate) fn lock(dir: &Path) -> Result<File, AuditError> {
    let path = dir.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(AuditError::io("opening", &path))?;
    // A child that another thread has just forked shares the lock of a writer that is gone until it execs.
    for patience in (0..LOCK_TRIES).rev() {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if patience > 0 => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(error)) => return Err(AuditError::io("locking", &path)(error)),
        }
    }
    Err(AuditError::Locked { path })
}

/// The configured name of the node, or the random one kept in the folder.
pub(crate) fn node_id(dir: &Path, options: &Options) -> Result<String, AuditError> {
    if let Some(name) = &options.node_id {
        return Ok(Text::from(name).as_str().to_owned());
    }
    let path = dir.join("node");
    match fs::read_to_string(&path) {
        Ok(name) if !name.trim().is_empty() => Ok(Text::from(name.trim().to_owned()).as_str().to_owned()),
        Ok(_) => make_node_id(&path, options),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make_node_id(&path, options),
        Err(error) => Err(AuditError::io("reading", &path)(error)),
    }
}

fn make_node_id(path: &Path, options: &Options) -> Result<String, AuditError> {
    let name = new_id(&*options.ambient).to_string();
    fs::write(path, format!("{name}\n")).map_err(AuditError::io("writing", path))?;
    Ok(name)
}
