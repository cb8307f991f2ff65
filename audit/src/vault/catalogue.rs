//! What is in the volumes, remembered: a search through many bodies must not read the same index again for each.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::frame::{self, Place};
use super::volume::{VOLUME_HEAD, decode_index, index_path, sort};
use crate::error::AuditError;

/// Volumes that are remembered; the contents of one take a few mebibytes at most.
const MOST: usize = 16;

/// The contents of the volumes that were asked for last.
#[derive(Default)]
pub(super) struct Catalogue {
    known: Mutex<Vec<Known>>,
}

#[derive(Clone)]
struct Known {
    volume: PathBuf,
    /// Bytes that were looked at; `None` once the volume has its index and grows no more.
    until: Option<u64>,
    /// Sorted by call and kind.
    places: Arc<Vec<Place>>,
}

impl Catalogue {
    /// The bodies of a volume, sorted by call and kind.
    pub(super) fn of(&self, volume: &Path) -> Result<Arc<Vec<Place>>, AuditError> {
        let known = self.take(volume);
        let known = match known {
            Some(known) if known.until.is_none() => known,
            known => look(volume, known)?,
        };
        let places = Arc::clone(&known.places);
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.remove(0);
        }
        all.push(known);
        Ok(places)
    }

    fn take(&self, volume: &Path) -> Option<Known> {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|known| known.volume == volume)?;
        Some(all.remove(at))
    }
}

/// Reads the index of a volume, or of one that is still written what came since `before`.
fn look(volume: &Path, before: Option<Known>) -> Result<Known, AuditError> {
    let index = fs::read(index_path(volume)).ok();
    if let Some(places) = index.as_deref().and_then(decode_index) {
        return Ok(Known { volume: volume.to_owned(), until: None, places: Arc::new(places) });
    }
    let start = before.as_ref().and_then(|known| known.until).unwrap_or(VOLUME_HEAD as u64);
    let mut places = before.map_or_else(Vec::new, |known| Arc::unwrap_or_clone(known.places));
    let mut bytes = Vec::new();
    let mut file = File::open(volume).map_err(AuditError::io("opening", volume))?;
    file.seek(SeekFrom::Start(start)).map_err(AuditError::io("reading", volume))?;
    file.read_to_end(&mut bytes).map_err(AuditError::io("reading", volume))?;
    let (found, end) = frame::scan(&bytes, 0);
    places.extend(found.into_iter().map(|place| Place { offset: place.offset + start, ..place }));
    sort(&mut places);
    Ok(Known { volume: volume.to_owned(), until: Some(start + end as u64), places: Arc::new(places) })
}
