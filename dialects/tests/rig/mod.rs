//! A control that holds text back and changes it, and the golden files.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code; each test file uses a part of it"
)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use weir_dialects::{Cut, Endpoint, Inspect, StreamFault, StreamOptions, StreamReply};
use weir_policies::reply::{Channel, Delta};

/// Upper-cases text and always keeps the last few characters back until the channel ends.
pub struct Shouter {
    pub keep: usize,
    pub held: HashMap<Channel, String>,
    /// A word at which the stream is refused.
    pub refuse: Option<&'static str>,
}

impl Shouter {
    pub fn new(keep: usize) -> Self {
        Self { keep, held: HashMap::new(), refuse: None }
    }

    pub fn judge(&mut self, delta: &mut Delta) -> Result<(), Cut> {
        let mut text = self.held.remove(&delta.channel).unwrap_or_default();
        text.push_str(&delta.text.to_ascii_uppercase());
        if self.refuse.is_some_and(|word| text.contains(word)) {
            return Err(Cut);
        }
        if !delta.last {
            let cut = text.char_indices().rev().take(self.keep).last().map_or(text.len(), |(at, _)| at);
            let kept = text.split_off(cut);
            self.held.insert(delta.channel.clone(), kept);
        }
        delta.text = text;
        Ok(())
    }
}

pub fn options(inspect: Inspect) -> StreamOptions {
    StreamOptions { client_wants_usage: true, inspect }
}

/// Runs a whole stream through the machine, in the given pieces.
pub fn run(
    mut reply: StreamReply,
    pieces: &[&[u8]],
    shouter: &mut Shouter,
    weir: Option<&Value>,
) -> Result<Vec<u8>, (Vec<u8>, StreamFault)> {
    let mut out = Vec::new();
    for piece in pieces {
        match reply.push(piece, &mut |delta| shouter.judge(delta)) {
            Ok(bytes) => out.extend(bytes),
            Err(fault) => {
                out.extend(reply.cut());
                return Err((out, fault));
            }
        }
    }
    match reply.flush(&mut |delta| shouter.judge(delta)) {
        Ok(bytes) => out.extend(bytes),
        Err(fault) => {
            out.extend(reply.cut());
            return Err((out, fault));
        }
    }
    out.extend(reply.close(weir));
    Ok(out)
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Golden inputs whose name ends so, with the endpoint that their folder names.
pub fn inputs(ending: &str) -> Vec<(Endpoint, PathBuf)> {
    let mut found = Vec::new();
    for (name, endpoint) in [
        ("chat", Endpoint::ChatCompletions),
        ("completions", Endpoint::Completions),
        ("responses", Endpoint::Responses),
        ("embeddings", Endpoint::Embeddings),
        ("models", Endpoint::Models),
    ] {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(folder().join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let ours = paths.into_iter().filter(|path| path.to_str().unwrap().ends_with(ending));
        found.extend(ours.map(|path| (endpoint.clone(), path)));
    }
    assert!(!found.is_empty(), "no golden file ends in {ending}");
    found
}

/// Compares with the golden file beside `input`; `GOLDEN=write` writes it instead.
pub fn check(input: &Path, ending: &str, actual: &str) {
    let path = PathBuf::from(format!("{}.{ending}", input.to_str().unwrap()));
    if std::env::var("GOLDEN").is_ok_and(|mode| mode == "write") {
        std::fs::write(&path, actual).unwrap();
    }
    let expect = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expect == actual, "{} differs; it should be\n{actual}", path.display());
}
