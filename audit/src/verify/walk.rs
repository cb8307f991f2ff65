//! All segments of a lane in order: frames, records, their numbers, boots and pairs, and the leaves they give.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use rayon::prelude::*;
use uuid::Uuid;

use super::absence::{Absences, Said};
use super::clock::{Clock, Moment};
use super::leaves::Leaves;
use super::record::{check_bodies, read};
use super::signed::{Signed, checkpoint_key};
use super::{Bodies, Faults, LaneReport, Trust};
use crate::exchange::BodyRef;
use crate::proof::keys::VerifierKey;
use crate::proof::{Hash, TREE, record_hash};
use crate::record::{Kind, Record};
use crate::segment::{self, HEADER, Header};
use crate::text::Text;

/// What the neighbours of a record are judged by: a record itself is large to hand about.
struct Outline {
    node_seq: u64,
    record_id: Uuid,
    boot_id: Uuid,
    intent_id: Option<Uuid>,
    kind: Kind,
    node_id: Text,
    /// The key that it says the lane began with.
    key: Option<Box<VerifierKey>>,
    /// How many of its bodies fit and which are missing, or what is wrong.
    bodies: Result<(u64, Vec<BodyRef>), String>,
    /// Its tenant, where a body is missing.
    tenant: Text,
    /// What it says of bodies of other records.
    said: Option<Box<Said>>,
    moment: Moment,
}

impl Outline {
    fn of(record: Record, bodies: Option<Bodies<'_>>) -> Self {
        let is_first = record.key.as_ref().is_some_and(|event| event.action.as_str() == "make");
        let checked = bodies.map_or(Ok((0, Vec::new())), |bodies| check_bodies(&record, bodies));
        let is_missing = checked.as_ref().is_ok_and(|(_, missing)| !missing.is_empty());
        Self {
            tenant: if is_missing { record.tenant.clone() } else { Text::default() },
            said: Said::by(&record).map(Box::new),
            moment: Moment::of(&record),
            key: checkpoint_key(&record).filter(|_| is_first).map(Box::new),
            bodies: checked.map_err(|kind| format!("its body `{kind}` is not the one it names")),
            node_seq: record.node_seq,
            record_id: record.record_id,
            boot_id: record.boot_id,
            intent_id: record.intent_id,
            kind: record.kind,
            node_id: record.node_id,
        }
    }
}

/// Records read at once, which bounds the memory.
const CHUNK: usize = 4096;

pub(super) struct Walk<'a> {
    trust: &'a Trust<'a>,
    signed: &'a mut Signed,
    faults: &'a mut Faults,
    absences: &'a mut Absences,
    clock: Clock,
    leaves: Leaves,
    report: LaneReport,
    next_seq: u64,
    /// Segments behind the one that is read.
    rest: usize,
    open: HashMap<Uuid, u64>,
    boot: Uuid,
    boots: HashSet<Uuid>,
}

impl<'a> Walk<'a> {
    /// Walks over the lane in `folder`.
    pub(super) fn over(
        folder: &Path,
        trust: &'a Trust<'a>,
        signed: &'a mut Signed,
        (faults, absences): (&'a mut Faults, &'a mut Absences),
    ) -> LaneReport {
        let segments = segment::list(folder).unwrap_or_else(|error| {
            faults.add(None, None, error.to_string());
            Vec::new()
        });
        let first_seq = segments.first().map_or(1, |(seq, _)| (*seq).max(1));
        let leaves = Leaves::new(&folder.join(TREE), first_seq, signed.covered());
        signed.begin(first_seq, &leaves);
        let mut walk = Self {
            trust,
            signed,
            faults,
            absences,
            clock: Clock::default(),
            leaves,
            report: LaneReport { first_seq, ..LaneReport::default() },
            next_seq: first_seq,
            rest: segments.len(),
            open: HashMap::new(),
            boot: Uuid::nil(),
            boots: HashSet::new(),
        };
        if !segments.is_empty() && segment::minimum(folder).ok() != Some(first_seq) {
            walk.faults.add(
                Some(first_seq),
                None,
                "what stood before it is missing, and no pruning explains that",
            );
        }
        if !walk.leaves.can_go_on() {
            walk.faults.add(Some(first_seq), None, "the tiles of what stood before it are missing");
        }
        for (first_seq, path) in &segments {
            walk.rest -= 1;
            walk.segment(*first_seq, path);
        }
        walk.absences.end_lane(first_seq);
        walk.finish()
    }

    fn segment(&mut self, first_seq: u64, path: &Path) {
        let is_last = self.rest == 0;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => return self.lose(format!("{name} can't be read: {error}")),
        };
        let header = match Header::decode(&bytes) {
            Ok(header) => header,
            Err(_) if is_last && bytes.len() <= HEADER => {
                self.report.torn_bytes += bytes.len() as u64;
                return;
            }
            Err(reason) => return self.lose(format!("{name}: {reason}")),
        };
        if header.first_seq != first_seq || first_seq != self.next_seq {
            self.lose(format!("it is missing: {name} does not follow the segment before"));
            self.next_seq = header.first_seq;
        }
        let mut at = HEADER;
        let mut frames = Vec::new();
        while let Some(frame) = bytes.get(at..).and_then(segment::frame) {
            frames.push(frame.json);
            at += frame.len();
        }
        for chunk in frames.chunks(CHUNK) {
            // What each record is by itself takes most of the time, and any core may do it.
            let bodies = self.trust.bodies;
            let parts = chunk.par_iter().map_init(Vec::new, |scratch, json| {
                (record_hash(json), read(json, scratch).map(|record| Outline::of(record, bodies)))
            });
            for (leaf, outline) in parts.collect::<Vec<_>>() {
                self.record(leaf, outline);
            }
        }
        if at == bytes.len() {
            return;
        }
        if is_last && !segment::is_damaged(&bytes, at) {
            self.report.torn_bytes += (bytes.len() - at) as u64;
        } else {
            self.lose(format!("its frame at offset {at} of {name} is damaged"));
        }
    }

    /// The record that is expected now can't be had.
    fn lose(&mut self, reason: String) {
        self.faults.add(Some(self.next_seq), None, reason);
        self.leaves.give_up();
    }

    fn record(&mut self, leaf: Hash, record: Result<Outline, &'static str>) {
        let seq = self.next_seq;
        self.next_seq = seq.saturating_add(1);
        self.report.records += 1;
        self.leaves.push(seq, leaf, self.signed);
        match record {
            Ok(record) => {
                let id = Some(record.record_id);
                if self.leaves.suspect == Some(seq) {
                    self.leaves.suspect_id = id;
                }
                self.absences.pass(record.moment.time);
                if let Some(note) = self.clock.note(record.moment) {
                    self.faults.note(seq, record.record_id, note);
                }
                if let Err(reason) = self.check(seq, record) {
                    self.faults.add(Some(seq), id, reason);
                }
            }
            Err(reason) => self.faults.add(Some(seq), None, reason),
        }
    }

    fn check(&mut self, seq: u64, record: Outline) -> Result<(), String> {
        if record.node_seq != seq {
            // Said once: what follows is judged by the number that stands here.
            self.next_seq = record.node_seq.saturating_add(1);
            self.leaves.give_up();
            return Err(format!("its number is {}", record.node_seq));
        }
        if self.report.node_id.is_empty() {
            record.node_id.as_str().clone_into(&mut self.report.node_id);
        }
        if self.report.node_id != record.node_id.as_str() {
            return Err("another node wrote it".into());
        }
        if self.boot != record.boot_id {
            self.boot = record.boot_id;
            self.report.boots += 1;
            if !self.boots.insert(record.boot_id) {
                return Err("it goes back to an earlier run of the writer".into());
            }
        }
        record.key.iter().for_each(|key| self.signed.announced(key));
        self.pair(seq, &record)?;
        if let Some(said) = record.said {
            self.absences.said(*said);
        }
        let (good, missing) = record.bodies?;
        self.report.bodies += good;
        self.report.missing_bodies += missing.len() as u64;
        for body in missing {
            let place = (seq, record.record_id, record.moment.time);
            self.absences.add(place, (record.tenant.clone(), body));
        }
        Ok(())
    }

    fn pair(&mut self, seq: u64, record: &Outline) -> Result<(), String> {
        match (record.kind, record.intent_id) {
            (Kind::Intent, _) => {
                self.report.intents += 1;
                if self.open.insert(record.record_id, seq).is_some() {
                    return Err("its id is that of a call that is still open".into());
                }
            }
            (kind, Some(intent_id)) => {
                match kind {
                    Kind::Completion => self.report.completions += 1,
                    _ => self.report.abandoned += 1,
                }
                if self.open.remove(&intent_id).is_none() {
                    if self.report.first_seq == 1 {
                        return Err(format!("it ends the call {intent_id}, which is not open"));
                    }
                    self.report.pruned_calls += 1;
                }
            }
            (_, None) => {}
        }
        Ok(())
    }

    fn finish(mut self) -> LaneReport {
        let last = self.next_seq.saturating_sub(1);
        self.signed.blame(last, &self.leaves, self.faults);
        self.leaves.finish(self.faults);
        self.report.open = self.open.len() as u64;
        self.report
    }
}
