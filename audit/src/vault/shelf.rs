//! The writer's side of the body files: appends the bodies of a group, and makes them durable before the records
//! that name them.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Vault;
use super::bodies::Kept;
use super::frame::{self, Place};
use super::volume::{self, VOLUME_HEAD};
use crate::disk::{Disk, SegmentFile, lock_file};
use crate::error::AuditError;
use crate::options::{day_of, new_id};

/// How much is gathered before it is handed to the system.
const GATHER: usize = 1 << 20;

/// Where a log's writer puts bodies. A volume belongs to one writer, from its first body until it is closed.
pub(crate) struct Shelf {
    vault: Arc<Vault>,
    disk: Arc<dyn Disk>,
    current: Option<Current>,
    /// Frames that are not handed to the system yet, and how many bytes they are.
    waiting: Vec<Vec<u8>>,
    waiting_bytes: usize,
    has_room: bool,
}

struct Current {
    path: PathBuf,
    file: Box<dyn SegmentFile>,
    /// Held as long as this process writes the volume.
    _lock: File,
    /// Bytes handed to the system, and how many of them are on disk.
    length: u64,
    synced: u64,
    day: u32,
    places: Vec<Place>,
}

impl Shelf {
    /// Cuts torn tails off the volumes that no writer holds any more, and gives them their indexes.
    pub(crate) fn open(vault: Arc<Vault>, disk: Arc<dyn Disk>) -> Result<Self, AuditError> {
        let _lock = lock(&vault.files.dir)?;
        for path in volume::list(&vault.files.dir)? {
            if !volume::index_path(&path).is_file() {
                close_orphan(&path)?;
            }
        }
        Ok(Self { vault, disk, current: None, waiting: Vec::new(), waiting_bytes: 0, has_room: true })
    }

    /// Looks whether the disk of the bodies, which may not be the log's, has `floor` bytes free.
    pub(crate) fn measure(&mut self, floor: u64) {
        let free = self.disk.free_bytes(&self.vault.files.dir);
        let has_room = free.is_ok_and(|free| free >= floor);
        if has_room != self.has_room {
            tracing::warn!(has_room, "free space of the bodies' disk");
        }
        self.has_room = has_room;
    }

    /// Whether bodies are taken.
    pub(crate) fn has_room(&self) -> bool {
        self.has_room
    }

    /// Takes the frames of one record's bodies.
    pub(crate) fn put(&mut self, kept: &mut Kept) -> Result<(), AuditError> {
        if kept.frames.is_empty() {
            return Ok(());
        }
        let day = day_of(self.vault.supply.ambient.wall());
        if self.current.as_ref().is_some_and(|current| current.day != day) {
            self.close()?;
        }
        let current = match &mut self.current {
            Some(current) => current,
            none => none.insert(begin(&self.vault, &*self.disk)?),
        };
        let start = current.length + self.waiting_bytes as u64;
        let (places, _) = frame::scan(&kept.frames, 0);
        current.places.extend(places.into_iter().map(|it| Place { offset: start + it.offset, ..it }));
        self.waiting_bytes += kept.frames.len();
        self.waiting.push(std::mem::take(&mut kept.frames));
        if self.waiting_bytes >= GATHER { self.flush() } else { Ok(()) }
    }

    /// Makes the keys that are in use, and then all bodies taken so far, durable.
    pub(crate) fn sync(&mut self) -> Result<(), AuditError> {
        self.vault.sync()?;
        self.flush()?;
        let Some(current) = self.current.as_mut().filter(|it| it.synced < it.length) else { return Ok(()) };
        current.file.sync().map_err(AuditError::io("syncing", &current.path))?;
        current.synced = current.length;
        if current.length >= self.vault.volume_bytes { self.close() } else { Ok(()) }
    }

    /// Ends the volume that is being written.
    pub(crate) fn close(&mut self) -> Result<(), AuditError> {
        self.flush()?;
        let Some(mut current) = self.current.take() else { return Ok(()) };
        current.file.sync().map_err(AuditError::io("syncing", &current.path))?;
        volume::write_index(&current.path, &mut current.places)
    }

    fn flush(&mut self) -> Result<(), AuditError> {
        let Some(current) = self.current.as_mut().filter(|_| self.waiting_bytes > 0) else { return Ok(()) };
        let mut parts: Vec<_> = self.waiting.iter().map(|frames| IoSlice::new(frames)).collect();
        current.file.append_all(&mut parts).map_err(AuditError::io("writing", &current.path))?;
        current.length += self.waiting_bytes as u64;
        self.vault.supply.spare.give(&mut self.waiting);
        self.waiting_bytes = 0;
        Ok(())
    }
}

fn begin(vault: &Vault, disk: &dyn Disk) -> Result<Current, AuditError> {
    // Nobody may take the new volume for one that a crash left.
    let _lock = lock(&vault.files.dir)?;
    let id = new_id(&*vault.supply.ambient);
    let path = vault.files.dir.join(format!("{id}.body"));
    let mut file = disk.create(&path).map_err(AuditError::io("creating", &path))?;
    let held = File::open(&path).map_err(AuditError::io("opening", &path))?;
    held.lock().map_err(AuditError::io("locking", &path))?;
    file.append(&volume::head()).map_err(AuditError::io("writing", &path))?;
    let day = day_of(vault.supply.ambient.wall());
    let length = VOLUME_HEAD as u64;
    Ok(Current { path, file, _lock: held, length, synced: 0, day, places: Vec::new() })
}

/// Ends a volume whose writer is gone; leaves it alone if it has one.
fn close_orphan(path: &Path) -> Result<(), AuditError> {
    let file =
        OpenOptions::new().read(true).write(true).open(path).map_err(AuditError::io("opening", path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(AuditError::io("locking", path)(error)),
    }
    let (mut places, end) = volume::scan(path)?;
    if places.is_empty() {
        return fs::remove_file(path).map_err(AuditError::io("removing", path));
    }
    file.set_len(end).map_err(AuditError::io("cutting", path))?;
    file.sync_all().map_err(AuditError::io("syncing", path))?;
    volume::write_index(path, &mut places)
}

/// Orders what several processes do to the list of volumes.
pub(super) fn lock(dir: &Path) -> Result<File, AuditError> {
    lock_file(&dir.join("lock"))
}
