//! Proof: verify a log, a copy or a bundle offline; the newest checkpoint; a small witness.

use std::{
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use clap::Args;
use weir_audit::{
    System, bundle,
    exchange::BodyRef,
    proof::{
        anchor::DirAnchor,
        checkpoint::SignedCheckpoint,
        keys::{SigningKey, VerifierKey},
        witnessing::WitnessServer,
    },
    vault::{BodyFiles, Stored},
    verify::{self, Report, Trust},
};

use super::{
    super::{End, Failure},
    print,
};
use crate::settings::Books;

/// What to verify, and against what.
#[derive(Args)]
pub struct VerifyArgs {
    /// Folder of a log, of a copy of one, or of an evidence bundle; without one, the log of the settings
    #[arg(value_name = "FOLDER")]
    pub path: Option<PathBuf>,
    /// Key of the log as it was handed to you (`NAME+ID+KEY`); may be given more than once
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<VerifierKey>,
    /// File with a checkpoint kept elsewhere: an anchor's, a witness's or your own; more than once if need be
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    /// Key of a witness, of which one at least must have signed; may be given more than once
    #[arg(long = "witness-key", value_name = "KEY")]
    witnesses: Vec<VerifierKey>,
    /// Folder of the encrypted bodies, to compare them with what the records commit to
    #[arg(long, value_name = "FOLDER")]
    bodies: Option<PathBuf>,
    /// The whole report as JSON
    #[arg(long)]
    json: bool,
}

/// How to print the checkpoint.
#[derive(Args)]
pub struct CheckpointArgs {
    /// Lane: 0, or 1 for the one that a successor writes during an upgrade
    #[arg(long, default_value_t = 0)]
    lane: usize,
}

/// A witness's place and whom it watches.
#[derive(Args)]
pub struct WitnessArgs {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8090")]
    addr: SocketAddr,
    /// Folder of its own for its key and the last checkpoints; made if there is none
    #[arg(long, value_name = "FOLDER")]
    dir: PathBuf,
    /// Its name in cosignatures
    #[arg(long, default_value = "witness")]
    name: String,
    /// Key of a log to watch (`NAME+ID+KEY`); may be given more than once
    #[arg(long = "log", value_name = "KEY", required = true)]
    logs: Vec<VerifierKey>,
}

impl VerifyArgs {
    pub(super) fn run(&self, books: Option<&Books>, out: &mut dyn Write) -> Result<End, Failure> {
        let dir = match (&self.path, books) {
            (Some(path), _) => path.clone(),
            (None, Some(books)) => books.audit.dir.clone(),
            (None, None) => return Err(Failure::Usage("name the folder to verify".into())),
        };
        if !dir.is_dir() {
            return Err(Failure::Usage(format!("there is no folder {}", dir.display())));
        }
        let beside = books.filter(|_| self.path.is_none()).map(|books| books.audit.bodies_dir());
        let files = self.bodies.clone().or(beside).filter(|it| it.is_dir()).map(|it| BodyFiles::open(&it));
        let report = self.check(&dir, files.as_ref())?;
        if self.json {
            print::json(out, &report)?;
        } else {
            tell(&report, out)?;
        }
        out.flush()?;
        Ok(if report.is_sound() { End::Fine } else { End::Finding })
    }

    fn check(&self, dir: &Path, files: Option<&BodyFiles>) -> Result<Report> {
        let checkpoints: Result<Vec<_>> = self.checkpoints.iter().map(|path| read_checkpoint(path)).collect();
        let look_up = |record: &weir_audit::Record, body: &BodyRef| {
            let files = files?;
            match files.check(record, body) {
                // Whether a record says why it is not there is looked up by the verifier.
                Ok(Stored::Wiped | Stored::Pruned | Stored::Missing) => None,
                // What can't be read must not pass for erased: nothing at all fits no commitment.
                Ok(Stored::Intact | Stored::Altered) => {
                    Some(files.sealed(record, body).ok().flatten().unwrap_or_default())
                }
                Err(_) => Some(Vec::new()),
            }
        };
        let trust = Trust {
            keys: self.keys.clone(),
            checkpoints: checkpoints?,
            witnesses: self.witnesses.clone(),
            bodies: files.is_some().then_some(&look_up),
        };
        let is_bundle = dir.join(bundle::MANIFEST).is_file();
        Ok(if is_bundle { bundle::verify(dir, &trust) } else { verify::verify(dir, &trust) })
    }
}

fn read_checkpoint(path: &Path) -> Result<SignedCheckpoint> {
    let bytes = std::fs::read(path).with_context(|| format!("{} can't be read", path.display()))?;
    SignedCheckpoint::parse(&bytes).map_err(|_| anyhow::anyhow!("{} holds no checkpoint", path.display()))
}

fn tell(report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    for lane in &report.lanes {
        writeln!(
            out,
            "{}: {} records from {}, {} intents, {} completions, {} abandoned, {} open; {} bodies fit, {} are not there",
            lane.lane,
            lane.records,
            lane.first_seq,
            lane.intents,
            lane.completions,
            lane.abandoned,
            lane.open,
            lane.bodies,
            lane.missing_bodies
        )?;
        match &lane.proof {
            None => writeln!(out, "  not sealed: nothing proves that it is whole")?,
            Some(proof) => {
                let whose =
                    if proof.is_trusted { "a key you gave" } else { "its own key: bring one with --key" };
                writeln!(
                    out,
                    "  {} at {} records, root {}, signed by {whose}",
                    proof.origin, proof.size, proof.root
                )?;
                for (witness, time) in &proof.witnesses {
                    writeln!(out, "  witnessed by {witness} at {time}")?;
                }
            }
        }
    }
    for note in &report.notes {
        writeln!(out, "note {}", print::plain(&note.to_string()))?;
    }
    for fault in &report.faults {
        writeln!(out, "FAULT {}", print::plain(&fault.to_string()))?;
    }
    writeln!(out, "{}", if report.is_sound() { "sound" } else { "NOT SOUND" })
}

impl CheckpointArgs {
    pub(super) fn run(&self, books: &Books, out: &mut dyn Write) -> Result<End, Failure> {
        let dir = &books.audit.dir;
        let folder = if self.lane == 0 { dir.clone() } else { dir.join(format!("lane-{}", self.lane)) };
        let path = folder.join("tree/checkpoint");
        let Ok(note) = std::fs::read(&path) else {
            writeln!(out, "the log is not sealed yet: {} is not there", path.display())?;
            return Ok(End::Finding);
        };
        out.write_all(&note)?;
        out.flush()?;
        Ok(End::Fine)
    }
}

impl WitnessArgs {
    pub(super) fn run(&self) -> Result<End, Failure> {
        std::fs::create_dir_all(&self.dir)
            .with_context(|| format!("the folder {} can't be made", self.dir.display()))?;
        let key = witness_key(&self.dir, &self.name)?;
        let store = Arc::new(DirAnchor::new(&self.dir.join("checkpoints")));
        let server = WitnessServer::new(key, self.logs.clone(), store, Arc::new(System::default()));
        println!("Witness key: {}", server.key());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(serve(self.addr, Arc::new(server)))?;
        Ok(End::Fine)
    }
}

/// The witness's key: 32 random bytes in a file that only its owner may read.
fn witness_key(dir: &Path, name: &str) -> Result<SigningKey> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = dir.join("witness.key");
    if let Ok(bytes) = std::fs::read(&path) {
        let seed: [u8; 32] =
            bytes.try_into().map_err(|_| anyhow::anyhow!("{} is damaged", path.display()))?;
        return Ok(SigningKey::from_seed(name, seed));
    }
    let mut seed = [0; 32];
    if rand::TryRngCore::try_fill_bytes(&mut rand::rngs::OsRng, &mut seed).is_err() {
        bail!("the system has no randomness to give");
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(&seed)?;
    file.sync_all()?;
    Ok(SigningKey::from_seed(name, seed))
}

async fn serve(address: SocketAddr, server: Arc<WitnessServer>) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("the address {address} can't be used"))?;
    let router = Router::new().route("/add-checkpoint", post(add_checkpoint)).with_state(server);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let stopped = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    axum::serve(listener, router).with_graceful_shutdown(stopped).await.context("the witness failed")
}

async fn add_checkpoint(State(server): State<Arc<WitnessServer>>, body: Bytes) -> Response {
    let answered = tokio::task::spawn_blocking(move || server.add_checkpoint(&body)).await;
    let Ok(reply) = answered else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, reply.content_type)], reply.body).into_response()
}
