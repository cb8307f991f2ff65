//! What was signed for a lane: its checkpoints, by whom, and whether the records give their roots.

use std::fs;
use std::path::Path;

use tlog_tiles::{EMPTY_HASH, Hash};

use super::leaves::Leaves;
use super::{Faults, LaneReport, Proven, Trust};
use crate::proof::TREE;
use crate::proof::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::proof::evidence::{KeyEvidence, PURPOSE, follow};
use crate::proof::keys::VerifierKey;
use crate::read::Tail;
use crate::record::Record;

/// The key that a `key` record announces, if it is one that signs checkpoints.
pub(super) fn checkpoint_key(record: &Record) -> Option<VerifierKey> {
    let event = record.key.as_ref().filter(|event| event.purpose.as_str() == PURPOSE)?;
    event.public.as_ref()?.as_str().parse().ok()
}

/// The checkpoints of a lane and the keys they are believed by.
pub(super) struct Signed {
    pub origin: Option<String>,
    published: Option<SignedCheckpoint>,
    evidence: Vec<KeyEvidence>,
    keys: Vec<VerifierKey>,
    are_given: bool,
    /// What the records must give, by falling size: the next one is the last.
    expected: Vec<Checkpoint>,
    /// Those that they did not give.
    missed: Vec<Checkpoint>,
}

impl Signed {
    /// Reads what the lane has, and joins what `trust` brings along.
    pub(super) fn read(lane: &Path, trust: &Trust<'_>, faults: &mut Faults) -> Self {
        let tree = lane.join(TREE);
        let published = match fs::read(tree.join("checkpoint")) {
            Ok(bytes) => {
                let parsed = SignedCheckpoint::parse(&bytes).ok();
                if parsed.is_none() {
                    faults.add(None, None, "its checkpoint can't be read");
                }
                parsed
            }
            Err(_) => None,
        };
        let evidence = KeyEvidence::load_all(&tree);
        let mut signed = Self {
            origin: published.as_ref().map(|it| it.checkpoint().origin.clone()),
            published,
            evidence,
            keys: Vec::new(),
            are_given: false,
            expected: Vec::new(),
            missed: Vec::new(),
        };
        if signed.origin.is_none() {
            // A copy without its tree: the first record names the first key, and so the log.
            let first = Tail::open(lane, 0).next(1, u64::MAX).ok().and_then(|mut lines| lines.pop());
            let record = first.and_then(|line| Record::parse(&line.json).ok());
            signed.origin = record.as_ref().and_then(checkpoint_key).map(|key| key.name().to_owned());
        }
        signed.gather(trust);
        signed
    }

    /// Records that the stored tree covers.
    pub(super) fn covered(&self) -> u64 {
        self.published.as_ref().map_or(0, |it| it.checkpoint().size)
    }

    /// A key that the lane's own record says it began with; counts where no key was brought along. There is more
    /// than one only after a crash before the first was kept.
    pub(super) fn announced(&mut self, key: &VerifierKey) {
        if !self.are_given && self.origin.as_deref() == Some(key.name()) {
            self.keys.extend(follow(std::slice::from_ref(key), &self.evidence));
        }
    }

    pub(super) fn next_size(&self) -> Option<u64> {
        self.expected.last().map(|it| it.size)
    }

    /// The records up to `size` have this root.
    pub(super) fn reach(&mut self, size: u64, root: Hash) {
        while let Some(checkpoint) = self.expected.pop_if(|it| it.size <= size) {
            if checkpoint.size < size || checkpoint.root != root {
                self.missed.push(checkpoint);
            }
        }
    }

    /// Checkpoints before the first record that is kept: only the tiles can tell.
    pub(super) fn begin(&mut self, first_seq: u64, leaves: &Leaves) {
        while let Some(checkpoint) = self.expected.pop_if(|it| it.size < first_seq) {
            let is_good = (checkpoint.size == 0 && checkpoint.root == EMPTY_HASH)
                || (checkpoint.size > 0 && leaves.tiles_give(checkpoint.size, checkpoint.root));
            if !is_good {
                self.missed.push(checkpoint);
            }
        }
    }

    /// After the last record `last`: what the records did not give, and which of them is to blame.
    pub(super) fn blame(&mut self, last: u64, leaves: &Leaves, faults: &mut Faults) {
        for checkpoint in self.missed.iter().chain(self.expected.iter().rev()) {
            let Checkpoint { size, root, .. } = checkpoint;
            if *size > last {
                let reason = format!("it is missing: a checkpoint covers {size} records");
                faults.add(Some(last.saturating_add(1)), None, reason);
            }
            match leaves.suspect.filter(|seq| seq <= size && leaves.tiles_give(*size, *root)) {
                Some(seq) => faults.add(Some(seq), leaves.suspect_id, "it is not the record that was signed"),
                None if *size > last => {}
                None => {
                    let reason = format!("its first {size} records don't give the root that was signed");
                    faults.add(None, None, reason);
                }
            }
        }
    }

    /// What is proven, once all records were looked at.
    pub(super) fn finish(&self, trust: &Trust<'_>, lane: &LaneReport, faults: &mut Faults) -> Option<Proven> {
        for known in self.known(trust).filter(|known| self.signer(known).is_none()) {
            let size = known.checkpoint().size;
            faults.add(None, None, format!("no trusted key signed its checkpoint at {size}"));
        }
        let newest = self.known(trust).filter(|known| self.signer(known).is_some());
        let Some(newest) = newest.max_by_key(|it| it.checkpoint().size) else {
            if lane.records > 0 {
                faults.add(None, None, "no checkpoint shows that it is whole");
            }
            return None;
        };
        let same = |it: &&SignedCheckpoint| it.checkpoint() == newest.checkpoint();
        let witnesses: Vec<_> = self
            .known(trust)
            .filter(same)
            .flat_map(|it| trust.witnesses.iter().filter_map(move |key| Some((key, it.witnessed_at(key)?))))
            .map(|(key, time)| (key.name().to_owned(), time))
            .collect();
        if witnesses.is_empty() && !trust.witnesses.is_empty() {
            faults.add(None, None, "no witness signed its newest checkpoint");
        }
        let Checkpoint { origin, size, root } = newest.checkpoint().clone();
        let key = self.signer(newest).map(ToString::to_string).unwrap_or_default();
        Some(Proven { origin, size, root: root.to_string(), key, is_trusted: self.are_given, witnesses })
    }

    fn gather(&mut self, trust: &Trust<'_>) {
        let Some(origin) = &self.origin else { return };
        let given: Vec<_> = trust.keys.iter().filter(|key| key.name() == origin).cloned().collect();
        // Who brings keys along means them: a lane that none of them fits is not believed by its own word.
        self.are_given = !trust.keys.is_empty();
        self.keys = follow(&given, &self.evidence);
        let handed = self.evidence.iter();
        let handed = handed.filter_map(|it| SignedCheckpoint::parse(it.checkpoint.as_bytes()).ok());
        let mut expected: Vec<_> = self.known(trust).map(|it| it.checkpoint().clone()).collect();
        expected.extend(handed.map(|it| it.checkpoint().clone()).filter(|it| it.origin == *origin));
        expected.sort_by_key(|it| std::cmp::Reverse(it.size));
        self.expected = expected;
    }

    /// The checkpoints of this lane: its own, and those brought along.
    fn known<'a>(&'a self, trust: &'a Trust<'_>) -> impl Iterator<Item = &'a SignedCheckpoint> {
        let given = trust.checkpoints.iter();
        let is_ours =
            |it: &&SignedCheckpoint| self.origin.as_deref() == Some(it.checkpoint().origin.as_str());
        self.published.iter().chain(given.filter(is_ours))
    }

    fn signer(&self, signed: &SignedCheckpoint) -> Option<&VerifierKey> {
        self.keys.iter().find(|key| !key.is_witness() && signed.is_signed_by(key))
    }
}
