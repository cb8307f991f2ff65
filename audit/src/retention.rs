//! How long records and bodies are kept, and the pruning of what is older: whole segments, from the front.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use crate::disk::{lock_file, sync_folder};
use crate::error::AuditError;
use crate::hold::Holds;
use crate::proof::tiles::Tiles;
use crate::proof::{TREE, sealed_size};
use crate::read::lanes;
use crate::record::Record;
use crate::segment::{self, HEADER, Header};
use crate::text::Text;

/// How long something is kept, in whole days; never below the floor of the law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Keep(u64);

impl Keep {
    /// Least days: six months, EU AI Act articles 19 and 26(6).
    pub const FLOOR: u64 = 183;
    /// Terms with a name; a year counts 365.25 days, rounded up.
    pub const PRESETS: [(&str, Self); 4] =
        [("6 months", Self(183)), ("5 years", Self(1827)), ("6 years", Self(2192)), ("7 years", Self(2557))];

    /// A number of days.
    ///
    /// # Errors
    /// [`AuditError::BelowFloor`]
    pub fn days(days: u64) -> Result<Self, AuditError> {
        if days < Self::FLOOR { Err(AuditError::BelowFloor { days }) } else { Ok(Self(days)) }
    }

    /// A term by its name.
    pub fn preset(name: &str) -> Option<Self> {
        Self::PRESETS.into_iter().find(|(known, _)| *known == name).map(|(_, keep)| keep)
    }

    /// How long that is.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0.saturating_mul(86_400))
    }
}

/// How long each retention class is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// For calls without a class, and for records that belong to no call.
    pub default: Keep,
    /// By the name in [`crate::Intent::retention`].
    pub classes: BTreeMap<String, Keep>,
}

impl Retention {
    /// How long a class is kept; one that is not known as long as the longest.
    pub fn of(&self, class: Option<&str>) -> Keep {
        match class {
            None => self.default,
            Some(name) => self.classes.get(name).copied().unwrap_or(self.longest()),
        }
    }

    fn longest(&self) -> Keep {
        self.classes.values().copied().fold(self.default, Keep::max)
    }
}

/// What pruning removed and left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Segment files removed.
    pub segments: u64,
    /// Records in them.
    pub records: u64,
    /// Leaf tiles of the Merkle tree removed.
    pub tiles: u64,
    /// Time of the oldest record that is kept, over all lanes; `None` for an empty log.
    pub oldest: Option<SystemTime>,
}

/// Removes the segments from the front of each lane whose records are all older than `policy` keeps them and
/// under no hold. A writer may be at work.
///
/// The newest segment stays, and so does one with a call that may be open, and one that is not sealed yet. Before a file goes, the lane's
/// `minimum` says durably which record is the first one kept.
///
/// # Errors
/// [`AuditError::Io`]; [`AuditError::Corrupt`] for a segment that can't be read whole, which is never removed.
pub fn prune(dir: &Path, policy: &Retention, now: SystemTime, holds: &Holds) -> Result<Pruned, AuditError> {
    let mut pruned = Pruned::default();
    for lane in lanes(dir) {
        let _lock = lock_file(&lane.join("prune.lock"))?;
        let segments = born(&lane)?;
        let Some((_, newest)) = segments.last() else { continue };
        let may_be_open = read_header(newest)?.oldest_open;
        let mut judge = Judge { policy, now, holds, calls: HashMap::new() };
        let (mut first_kept, mut records) = (segments.first().map_or(1, |(first, _)| *first), 0);
        // What no published checkpoint covers is still needed to make one.
        let sealed = sealed_size(&lane).unwrap_or(u64::MAX);
        let may_go = |next: u64| next <= may_be_open && next - 1 <= sealed;
        let old = segments.iter().zip(segments.iter().skip(1));
        for ((_, path), (next, _)) in old.take_while(|(_, (next, _))| may_go(*next)) {
            let found = read_segment(path)?;
            if !found.iter().all(|record| judge.may_go(record)) {
                break;
            }
            (first_kept, records) = (*next, records + found.len() as u64);
        }
        let gone: Vec<_> = segments.iter().filter(|(first, _)| *first < first_kept).collect();
        if !gone.is_empty() {
            segment::set_minimum(&lane, first_kept)?;
            for (_, path) in &gone {
                fs::remove_file(path).map_err(AuditError::io("removing", path))?;
            }
            sync_folder(&lane).map_err(AuditError::io("syncing", &lane))?;
        }
        pruned.segments += gone.len() as u64;
        pruned.records += records;
        pruned.tiles += Tiles::new(&lane.join(TREE)).prune(first_kept)?;
        let oldest = oldest_of(&lane)?;
        pruned.oldest = [pruned.oldest, oldest].into_iter().flatten().min();
    }
    Ok(pruned)
}

/// Decides about one record after the other.
struct Judge<'a> {
    policy: &'a Retention,
    now: SystemTime,
    holds: &'a Holds,
    /// Class and subject of the calls seen.
    calls: HashMap<Uuid, (Option<Text>, Option<Text>)>,
}

impl Judge<'_> {
    fn may_go(&mut self, record: &Record) -> bool {
        if let Some(intent) = &record.intent {
            let about = (intent.retention.clone(), intent.subject_ref.clone());
            self.calls.insert(record.record_id, about);
        }
        let call = self.calls.get(&record.intent_id.unwrap_or(record.record_id));
        let keep = match (call, record.intent_id) {
            (Some((class, _)), _) => self.policy.of(class.as_ref().map(Text::as_str)),
            // The end of a call whose intent is gone: its class is not known.
            (None, Some(_)) => self.policy.longest(),
            (None, None) => self.policy.default,
        };
        let subject = call.and_then(|(_, subject)| subject.as_ref());
        let subject = subject.or(record.erasure.as_ref().map(|it| &it.subject_ref)).map(Text::as_str);
        self.is_older(record, keep) && !self.is_held(record, subject)
    }

    fn is_older(&self, record: &Record, keep: Keep) -> bool {
        record.time.time().checked_add(keep.duration()).is_some_and(|end| end <= self.now)
    }

    fn is_held(&self, record: &Record, subject: Option<&str>) -> bool {
        // A hold in force is known by its own records.
        let tells_of_hold = record.hold.as_ref().and_then(|hold| self.holds.get(hold.hold));
        tells_of_hold.is_some_and(|standing| standing.is_in_force())
            || self.holds.covering(record.tenant.as_str(), subject).is_some()
    }
}

fn oldest_of(lane: &Path) -> Result<Option<SystemTime>, AuditError> {
    let first = crate::read::iterate(lane)?.next().transpose()?;
    Ok(first.map(|record| record.time.time()))
}

/// The segments of a lane, without a newest one whose header is still being written.
fn born(lane: &Path) -> Result<Vec<(u64, PathBuf)>, AuditError> {
    let mut segments = segment::list(lane)?;
    if let Some((_, path)) = segments.last() {
        let length = fs::metadata(path).map_err(AuditError::io("reading", path))?.len();
        if length < HEADER as u64 {
            segments.pop();
        }
    }
    Ok(segments)
}

fn read_header(path: &Path) -> Result<Header, AuditError> {
    let bytes = fs::read(path).map_err(AuditError::io("reading", path))?;
    Header::decode(&bytes).map_err(|reason| AuditError::Corrupt { path: path.to_owned(), offset: 0, reason })
}

fn read_segment(path: &Path) -> Result<Vec<Record>, AuditError> {
    let bytes = fs::read(path).map_err(AuditError::io("reading", path))?;
    let (mut records, mut at) = (Vec::new(), HEADER);
    while at < bytes.len() {
        let record = bytes
            .get(at..)
            .and_then(segment::frame)
            .and_then(|it| Some((it.len(), Record::parse(it.json).ok()?)));
        let Some((length, record)) = record else {
            let reason = "a bad frame in a segment that is old enough to be pruned";
            return Err(AuditError::Corrupt { path: path.to_owned(), offset: at as u64, reason });
        };
        records.push(record);
        at += length;
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_for_less_than_the_floor() {
        assert!(matches!(Keep::days(182), Err(AuditError::BelowFloor { days: 182 })));
        assert_eq!(Keep::days(183).unwrap().duration(), Duration::from_secs(183 * 86_400));
        for (name, keep) in Keep::PRESETS {
            assert_eq!((Keep::preset(name), keep >= Keep(Keep::FLOOR)), (Some(keep), true), "{name}");
        }
        assert_eq!(Keep::preset("a week"), None);
    }

    #[test]
    fn a_class_nobody_knows_is_kept_longest() {
        let classes = BTreeMap::from([("trades".to_owned(), Keep(2192))]);
        let policy = Retention { default: Keep(183), classes };
        let check = |class, expect| assert_eq!(policy.of(class), Keep(expect), "{class:?}");
        check(None, 183);
        check(Some("trades"), 2192);
        check(Some("tardes"), 2192);
    }
}
