//! The folder of a lane: made, locked against a second writer, and named.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::AuditError;
use crate::options::{Options, new_id};
use crate::text::Text;

/// How long a writer waits for its folder, and between two tries at any lock.
const PATIENCE: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) fn lock(dir: &Path) -> Result<File, AuditError> {
    let path = dir.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(AuditError::io("opening", &path))?;
    // A child that another thread has just forked shares the lock of a writer that is gone until it execs.
    match lock_within(&file, PATIENCE) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(AuditError::Locked { path }),
        Err(TryLockError::Error(error)) => Err(AuditError::io("locking", &path)(error)),
    }
}

/// Takes a file's lock once whoever has it lets go, if that is soon: the standard library waits for ever or not
/// at all.
pub(crate) fn lock_within(file: &File, patience: Duration) -> Result<(), TryLockError> {
    let until = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(PAUSE),
            done => return done,
        }
    }
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
