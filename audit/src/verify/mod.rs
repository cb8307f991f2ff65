//! Verification offline, on a copy: every record against its checksum, its neighbours and the signed tree.
//!
//! Takes no lock and writes nothing. What it can't read is a fault, never an error or a panic.

mod absence;
mod clock;
mod leaves;
mod record;
mod signed;
mod walk;

use std::fmt;
use std::path::Path;

use serde::Serialize;
use uuid::Uuid;

use crate::exchange::BodyRef;
use crate::proof::checkpoint::SignedCheckpoint;
use crate::proof::keys::VerifierKey;
use crate::read::lanes;
use crate::record::Record;
use absence::Absences;
pub use record::fits;
pub(crate) use record::{check_bodies, read as read_record};
use signed::Signed;
use walk::Walk;

/// Most faults reported of one lane: the first ones say where to look.
const MOST_FAULTS: usize = 100;

/// Gives the ciphertext of one of a record's bodies, if it is kept: [`crate::vault::BodyFiles`] does.
pub type Bodies<'a> = &'a (dyn Fn(&Record, &BodyRef) -> Option<Vec<u8>> + Sync);

/// What the person who verifies brings along. What is brought from elsewhere is what makes a proof: a log that
/// is checked only against itself could have been written anew by whoever has its key.
#[derive(Clone, Default)]
pub struct Trust<'a> {
    /// Keys of the logs, as they were handed over; without one, a lane's own first key is taken.
    pub keys: Vec<VerifierKey>,
    /// Checkpoints that were kept elsewhere: an anchor's, a witness's, an auditor's.
    pub checkpoints: Vec<SignedCheckpoint>,
    /// Witnesses, of which one at least must have signed each lane's checkpoint.
    pub witnesses: Vec<VerifierKey>,
    /// Bodies kept beside the log, to be compared with what the records commit to.
    pub bodies: Option<Bodies<'a>>,
}

/// What verification found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Every lane.
    pub lanes: Vec<LaneReport>,
    /// What is wrong, in the order of lanes and records; at most a hundred of a lane.
    pub faults: Vec<Fault>,
    /// What is worth knowing and proves nothing wrong: clocks that were set, a beginning that no record explains.
    pub notes: Vec<Fault>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Counts of one lane, and what was proven of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LaneReport {
    /// `log` for the first lane, the folder's name for others.
    pub lane: String,
    /// Who wrote it.
    pub node_id: String,
    /// `node_seq` of the first record that is kept.
    pub first_seq: u64,
    /// Records.
    pub records: u64,
    /// Bytes of an unfinished write at the end.
    pub torn_bytes: u64,
    /// Runs of the writer.
    pub boots: u64,
    /// Intents.
    pub intents: u64,
    /// Completions.
    pub completions: u64,
    /// Calls whose end was never reported.
    pub abandoned: u64,
    /// Calls that have no end.
    pub open: u64,
    /// Ends of calls whose intents retention has removed.
    pub pruned_calls: u64,
    /// Bodies that fit their commitment.
    pub bodies: u64,
    /// Bodies that are not there. Where no record of an erasure or a pruning says why, that is a fault too.
    pub missing_bodies: u64,
    /// What the signatures prove.
    pub proof: Option<Proven>,
}

/// What the signatures of a lane prove.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proven {
    /// Name of the log.
    pub origin: String,
    /// Records that the newest good checkpoint covers.
    pub size: u64,
    /// Root of its tree, base64.
    pub root: String,
    /// The key that signed it.
    pub key: String,
    /// Whether that key was brought along, or follows from one that was; else it is the log's own word.
    pub is_trusted: bool,
    /// Witnesses that signed it, with their time in seconds since 1970.
    pub witnesses: Vec<(String, u64)>,
}

/// One thing that is wrong, or worth knowing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fault {
    /// The lane.
    pub lane: String,
    /// The record, by number; that of a missing one is the first that is missing.
    pub node_seq: Option<u64>,
    /// The record, by id, if it can be read.
    pub record_id: Option<Uuid>,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lane)?;
        self.node_seq.map_or(Ok(()), |seq| write!(f, " record {seq}"))?;
        self.record_id.map_or(Ok(()), |id| write!(f, " ({id})"))?;
        write!(f, ": {}", self.reason)
    }
}

/// Faults and notes of one lane as they are found.
pub(crate) struct Faults {
    lane: String,
    list: Vec<Fault>,
    notes: Vec<Fault>,
}

impl Faults {
    pub(crate) fn new(lane: &str) -> Self {
        Self { lane: lane.to_owned(), list: Vec::new(), notes: Vec::new() }
    }

    pub(crate) fn add(&mut self, node_seq: Option<u64>, record_id: Option<Uuid>, reason: impl Into<String>) {
        if self.list.len() < MOST_FAULTS {
            self.list.push(Fault { lane: self.lane.clone(), node_seq, record_id, reason: reason.into() });
        }
    }

    pub(crate) fn note(&mut self, node_seq: u64, record_id: Uuid, reason: String) {
        if self.notes.len() < MOST_FAULTS {
            let (node_seq, record_id) = (Some(node_seq), Some(record_id));
            self.notes.push(Fault { lane: self.lane.clone(), node_seq, record_id, reason });
        }
    }

    fn take_notes(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.notes)
    }

    pub(crate) fn into_sorted(mut self) -> Vec<Fault> {
        self.list.sort_by_key(|fault| fault.node_seq.unwrap_or(u64::MAX));
        self.list
    }
}

/// Verifies the log in `dir`, all its lanes, against itself and against what `trust` brings along.
pub fn verify(dir: &Path, trust: &Trust<'_>) -> Report {
    let mut report = Report::default();
    let (mut origins, mut found, mut absences) = (Vec::new(), Vec::new(), Absences::default());
    for folder in lanes(dir) {
        let name = match folder.file_name() {
            Some(name) if folder != dir => name.to_string_lossy().into_owned(),
            _ => "log".to_owned(),
        };
        let mut faults = Faults::new(&name);
        let mut signed = Signed::read(&folder, trust, &mut faults);
        let told = (&mut faults, &mut absences);
        let mut lane = Walk::over(&folder, trust, &mut signed, told);
        lane.lane = name;
        lane.proof = signed.finish(trust, &lane, &mut faults);
        origins.extend(signed.origin);
        report.lanes.push(lane);
        found.push(faults);
    }
    // Another lane may hold the erasure's record.
    absences.judge(&mut found);
    for mut faults in found {
        report.notes.extend(faults.take_notes());
        report.faults.extend(faults.into_sorted());
    }
    for stray in trust.checkpoints.iter().map(|it| &it.checkpoint().origin) {
        if !origins.contains(stray) {
            let mut faults = Faults::new("log");
            faults.add(None, None, format!("a checkpoint of {stray} is known, but no lane has this name"));
            report.faults.extend(faults.into_sorted());
        }
    }
    report
}
