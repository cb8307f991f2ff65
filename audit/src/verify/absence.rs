//! Bodies that are not there: an erasure or a pruning must be on record, or each is a fault.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::Faults;
use crate::exchange::BodyRef;
use crate::record::Record;
use crate::text::{Stamp, Text};

/// What the desk's record of a pruning has as its action.
const PRUNE: &str = "audit.prune";

/// A tenant, and the reference of one of its keys.
type Key = (String, String);

/// What a record says of bodies that other records name.
pub(super) enum Said {
    /// The bodies under a key of a tenant were erased.
    Erased(Key),
    /// What was past its time was removed.
    Pruned,
}

impl Said {
    pub(super) fn by(record: &Record) -> Option<Self> {
        let is_pruning = record.admin.as_ref().is_some_and(|it| it.action.as_str() == PRUNE);
        let erased = record.erasure.as_ref();
        let erased = erased.map(|it| Self::Erased((record.tenant.to_string(), it.subject_ref.to_string())));
        if is_pruning { Some(Self::Pruned) } else { erased }
    }
}

/// Bodies of all lanes that are not there, by the key that an erasure would have destroyed.
#[derive(Default)]
pub(super) struct Absences {
    by_key: HashMap<Key, Absent>,
    erased: HashSet<Key>,
    is_pruned: bool,
    /// The lane that is walked over, and the time of its first record.
    lane: usize,
    first: Option<Stamp>,
    /// The earliest time with which a lane begins, and whether the beginning of one was pruned.
    kept_from: Option<Stamp>,
    is_cut: bool,
}

/// The first record that misses a body under a key, and how many bodies are missing in all.
struct Absent {
    lane: usize,
    seq: u64,
    record_id: Uuid,
    kind: Text,
    /// When the newest such record was written.
    newest: Stamp,
    bodies: u64,
}

impl Absences {
    pub(super) fn said(&mut self, said: Said) {
        match said {
            Said::Erased(key) => drop(self.erased.insert(key)),
            Said::Pruned => self.is_pruned = true,
        }
    }

    /// A body of the record at a place is not there.
    pub(super) fn add(
        &mut self,
        (seq, record_id, time): (u64, Uuid, Stamp),
        (tenant, body): (Text, BodyRef),
    ) {
        let lane = self.lane;
        let first = || Absent { lane, seq, record_id, kind: body.kind, newest: time, bodies: 0 };
        let absent = self.by_key.entry((tenant.to_string(), body.key.to_string())).or_insert_with(first);
        absent.bodies += 1;
        absent.newest = absent.newest.max(time);
    }

    /// A record was walked over: the first of a lane says since when it is kept.
    pub(super) fn pass(&mut self, time: Stamp) {
        self.first.get_or_insert(time);
    }

    /// All records of a lane that begins with `first_seq` were walked over.
    pub(super) fn end_lane(&mut self, first_seq: u64) {
        let first = self.first.take();
        self.is_cut |= first_seq > 1;
        self.kept_from = match (self.kept_from, first) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.lane += 1;
    }

    /// Names each record that misses a body for no reason on record. `faults` has one list a lane.
    pub(super) fn judge(self, faults: &mut [Faults]) {
        for (key, absent) in self.by_key {
            // Retention takes bodies by whole days, and only those from before all that it keeps.
            let is_pruned =
                self.is_pruned && self.is_cut && self.kept_from.is_some_and(|kept| absent.newest < kept);
            if is_pruned || self.erased.contains(&key) {
                continue;
            }
            let more = match absent.bodies {
                1 => String::new(),
                count => format!("; {count} bodies under this key are missing in all"),
            };
            let reason = format!(
                "its body `{}` is not there, and no record of an erasure or a pruning says why{more}",
                absent.kind
            );
            if let Some(list) = faults.get_mut(absent.lane) {
                list.add(Some(absent.seq), Some(absent.record_id), reason);
            }
        }
    }
}
