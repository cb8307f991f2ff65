//! The thread that signs: once a second, what is durable by then, in an order that no crash can turn around.
//!
//! Records durable → checkpoint swapped into the anchor → tiles durable → checkpoint published. A checkpoint that
//! could not be anchored is tried again as it is; nothing else is signed meanwhile. The writer never waits.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use super::anchor::{Swapped, replace};
use super::checkpoint::{Checkpoint, SignedCheckpoint};
use super::evidence::KeyEvidence;
use super::growth::{FIRST_KEY, Growth, TREE, Wanted};
use super::keyfile::{KeyFile, Retiring};
use super::keys::{SigningKey, VerifierKey};
use super::sealing::{Anchoring, Shared};
use super::witness::Cosigners;
use super::{Seal, lane_file};
use crate::disk::sync_folder;
use crate::error::AuditError;
use crate::options::Options;
use crate::writer::Counters;

/// Most leaves of one checkpoint, which bounds the memory while an anchor is away: further records wait on disk.
const MOST: u64 = 1 << 18;
/// Longest pause between two tries after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Tells that the thread has ended, also by a panic.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.state.send_modify(|state| state.is_over = true);
    }
}

/// Whether more is durable than one checkpoint takes.
enum Turn {
    More,
    Done,
}

pub(crate) struct Sealer {
    dir: PathBuf,
    origin: String,
    seal: Seal,
    options: Options,
    keys: KeyFile,
    growth: Growth,
    cosigners: Cosigners,
    /// What the anchor is known to hold.
    held: Option<Option<Vec<u8>>>,
    /// Signed, and on its way through anchor, tiles and publication.
    in_flight: Option<SignedCheckpoint>,
    published: Option<SignedCheckpoint>,
    signed_at: Option<SystemTime>,
    rotating: Option<SigningKey>,
    /// Whether the key is new and must be announced before it is kept.
    pub is_new_key: bool,
    pub shared: Arc<Shared>,
}

impl Sealer {
    /// Takes up the tree of a lane. Refuses a log that contradicts what was signed for it.
    pub(crate) fn open(
        dir: &Path,
        origin: String,
        lane: usize,
        options: &Options,
    ) -> Result<Option<Self>, AuditError> {
        let Some(seal) = options.seal.clone() else { return Ok(None) };
        let path = dir.join(TREE).join("checkpoint");
        let published = read_checkpoint(&path)?;
        let key_path = lane_file(&seal.key, lane);
        let loaded = KeyFile::load(&key_path, &origin)?;
        if loaded.is_none() && published.is_some() {
            let reason = "it is missing, and the log has a checkpoint that it signed: put it back";
            return Err(AuditError::Key { path: key_path, reason });
        }
        let is_new_key = loaded.is_none();
        let make = || KeyFile::new(&key_path, SigningKey::generate(&origin, &*options.ambient));
        let keys = loaded.unwrap_or_else(make);
        if let Some(published) = &published {
            believe(published, &origin, &keys, &path)?;
        }
        let growth =
            Growth::resume(dir, published.as_ref().map(SignedCheckpoint::checkpoint), options.verify)?;
        let shared = Shared::new(&origin, &keys, published.clone());
        let mut sealer = Self {
            dir: dir.to_owned(),
            origin,
            cosigners: Cosigners::new(&seal.witnesses),
            seal,
            options: options.clone(),
            keys,
            growth,
            held: None,
            in_flight: None,
            published,
            signed_at: None,
            rotating: None,
            is_new_key,
            shared,
        };
        match sealer.ask_anchor() {
            Err(error @ AuditError::Anchor { .. }) => {
                tracing::warn!(%error, "the audit log opens unanchored")
            }
            other => other?,
        }
        Ok(Some(sealer))
    }

    /// The public part of the key that signs.
    pub(crate) fn key(&self) -> VerifierKey {
        self.keys.current.verifier()
    }

    /// Keeps a new key, once its announcement is durable.
    pub(crate) fn save_key(&self) -> Result<(), AuditError> {
        if !self.is_new_key {
            return Ok(());
        }
        self.keys.save()?;
        let tree = self.dir.join(TREE);
        let path = tree.join(FIRST_KEY);
        let written = std::fs::create_dir_all(&tree).and_then(|()| {
            replace(&path, format!("{}\n", self.key()).as_bytes())?;
            sync_folder(&self.dir)
        });
        written.map_err(AuditError::io("writing", &path))
    }

    /// The thread's body.
    pub(crate) fn run(mut self, counters: &Counters) {
        let _end = Ending(Arc::clone(&self.shared));
        let mut pause = self.seal.every;
        loop {
            let is_last = self.shared.wait(pause);
            let turn = self.turn(counters.durable_seq.load(Ordering::Acquire));
            pause = match &turn {
                Ok(Turn::More) => Duration::ZERO,
                Ok(Turn::Done) => self.seal.every,
                Err(_) => (pause * 2).clamp(self.seal.every, LONGEST_PAUSE.max(self.seal.every)),
            };
            if let Err(error) = &turn {
                tracing::error!(%error, origin = self.origin, "the audit log is not sealed");
                self.report(Some(error));
            }
            if is_last && !matches!(turn, Ok(Turn::More)) {
                break;
            }
        }
    }

    /// Seals what is durable.
    fn turn(&mut self, durable: u64) -> Result<Turn, AuditError> {
        if self.held.is_none() {
            self.ask_anchor()?;
        }
        if self.in_flight.is_none() {
            self.in_flight = self.prepare(durable)?;
        }
        if let Some(signed) = self.in_flight.clone() {
            self.anchor(&signed)?;
            self.growth.write()?;
            self.publish(&signed)?;
            self.hand_over(&signed)?;
            self.in_flight = None;
            self.signed_at = Some(self.options.ambient.wall());
        }
        self.cosign()?;
        self.report(None);
        Ok(if durable > self.growth.size() { Turn::More } else { Turn::Done })
    }

    /// Hashes what is new and signs it; nothing when there is nothing to say.
    fn prepare(&mut self, durable: u64) -> Result<Option<SignedCheckpoint>, AuditError> {
        if let Some(key) = self.shared.take_key() {
            self.growth.wanted = Some(Wanted { text: key.verifier().to_string(), seq: None });
            self.rotating = Some(key);
        }
        self.growth.grow(durable.min(self.growth.size() + MOST))?;
        self.take_new_key()?;
        let size = self.growth.size();
        let known = self.published.as_ref().map_or(0, |it| it.checkpoint().size);
        if size == known && (size == 0 || self.keys.retiring.is_none()) {
            return Ok(None);
        }
        let checkpoint = Checkpoint { origin: self.origin.clone(), size, root: self.growth.root() };
        let signed = checkpoint.sign(&self.keys.signers());
        let fault = |_| AuditError::Key { path: self.seal.key.clone(), reason: "it can't sign" };
        signed.map(Some).map_err(fault)
    }

    /// Signs with a new key from the checkpoint on that covers its announcement.
    fn take_new_key(&mut self) -> Result<(), AuditError> {
        let Some(announced) = self.growth.wanted.as_ref().and_then(|wanted| wanted.seq) else {
            return Ok(());
        };
        let Some(key) = self.rotating.take() else { return Ok(()) };
        let mut keys = self.keys.clone();
        keys.retiring = Some(Retiring { key: std::mem::replace(&mut keys.current, key.clone()), announced });
        if let Err(error) = keys.save() {
            self.rotating = Some(key);
            return Err(error);
        }
        self.keys = keys;
        self.growth.wanted = None;
        Ok(())
    }

    fn ask_anchor(&mut self) -> Result<(), AuditError> {
        let Some(anchor) = &self.seal.anchor else {
            self.held = Some(None);
            return Ok(());
        };
        let note = anchor.load(&self.origin).map_err(|source| AuditError::Anchor { source })?;
        if let Some(note) = &note {
            let signed = SignedCheckpoint::parse(note).map_err(|_| self.strange())?;
            believe(&signed, &self.origin, &self.keys, &self.dir).map_err(|_| self.strange())?;
            self.growth.check(signed.checkpoint())?;
        } else if self.published.is_some() {
            tracing::warn!(origin = self.origin, "the anchor of the audit log holds nothing yet");
        }
        self.held = Some(note);
        Ok(())
    }

    fn anchor(&mut self, signed: &SignedCheckpoint) -> Result<(), AuditError> {
        let Some(anchor) = self.seal.anchor.clone() else { return Ok(()) };
        let new = signed.as_bytes();
        let held = self.held.clone().flatten();
        if held.as_deref() == Some(new) {
            return Ok(());
        }
        let swapped = anchor.swap(&self.origin, held.as_deref(), new);
        if swapped.map_err(|source| AuditError::Anchor { source })? == Swapped::Conflict {
            // Either an answer was lost, and what is there is this very note, or the anchor was put back.
            let there = anchor.load(&self.origin).map_err(|source| AuditError::Anchor { source })?;
            if there.as_deref() != Some(new) {
                self.held = None;
                self.ask_anchor()?;
                let held = self.held.clone().flatten();
                let swapped = anchor.swap(&self.origin, held.as_deref(), new);
                if swapped.map_err(|source| AuditError::Anchor { source })? == Swapped::Conflict {
                    return Err(self.strange());
                }
            }
        }
        self.held = Some(Some(new.to_owned()));
        Ok(())
    }

    fn publish(&mut self, signed: &SignedCheckpoint) -> Result<(), AuditError> {
        let path = self.dir.join(TREE).join("checkpoint");
        replace(&path, signed.as_bytes()).map_err(AuditError::io("writing", &path))?;
        self.published = Some(signed.clone());
        Ok(())
    }

    /// Keeps the proof that the old key names the new one, then forgets the old key.
    fn hand_over(&mut self, signed: &SignedCheckpoint) -> Result<(), AuditError> {
        let Some(Retiring { announced, .. }) = &self.keys.retiring else { return Ok(()) };
        let record = self.growth.record(*announced)?;
        let evidence = KeyEvidence::new(&self.growth.tiles, *announced, &record, signed)?;
        evidence.save(&self.dir.join(TREE))?;
        let keys = KeyFile { retiring: None, ..self.keys.clone() };
        keys.save()?;
        self.keys = keys;
        Ok(())
    }

    /// Asks witnesses that have not signed the published checkpoint; what they don't say now is asked again.
    fn cosign(&mut self) -> Result<(), AuditError> {
        let Some(published) = self.published.clone() else { return Ok(()) };
        let now = self.options.ambient.monotonic();
        match self.cosigners.ask(&published, &self.growth.tiles, now) {
            Some(more) => self.publish(&more),
            None => Ok(()),
        }
    }

    fn report(&self, fault: Option<&AuditError>) {
        let failed =
            fault.is_some_and(|it| matches!(it, AuditError::Anchor { .. } | AuditError::Inconsistent { .. }));
        self.shared.state.send_modify(|state| {
            state.key = self.key();
            state.size = self.published.as_ref().map_or(0, |it| it.checkpoint().size);
            state.checkpoint.clone_from(&self.published);
            state.signed_at = self.signed_at;
            state.fault = fault.map(ToString::to_string);
            state.anchor = match (&self.seal.anchor, failed) {
                (None, _) => Anchoring::Absent,
                (Some(_), true) => Anchoring::Failing,
                (Some(_), false) if self.held.is_none() => Anchoring::Unknown,
                (Some(_), false) => Anchoring::Held,
            };
        });
    }

    fn strange(&self) -> AuditError {
        let reason = "the anchor holds a note that this log's key did not sign";
        AuditError::Inconsistent { path: self.dir.clone(), size: self.growth.size(), reason }
    }
}

fn read_checkpoint(path: &Path) -> Result<Option<SignedCheckpoint>, AuditError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(AuditError::io("reading", path)(error)),
    };
    let unreadable = |_| AuditError::Corrupt { path: path.to_owned(), offset: 0, reason: "not a checkpoint" };
    SignedCheckpoint::parse(&bytes).map(Some).map_err(unreadable)
}

/// Whether this log's own key signed the checkpoint, under its own name.
fn believe(signed: &SignedCheckpoint, origin: &str, keys: &KeyFile, path: &Path) -> Result<(), AuditError> {
    let own = std::iter::once(&keys.current).chain(keys.retiring.iter().map(|it| &it.key));
    let is_own = own.map(SigningKey::verifier).any(|key| signed.is_signed_by(&key));
    if is_own && signed.checkpoint().origin == origin {
        return Ok(());
    }
    let reason = "this log's key did not sign it";
    Err(AuditError::Corrupt { path: path.to_owned(), offset: 0, reason })
}
