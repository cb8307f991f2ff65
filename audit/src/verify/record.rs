//! One record by itself: spelled canonically, of a known shape, with the body that its kind asks for.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::Bodies;
use crate::canonical;
use crate::exchange::BodyRef;
use crate::record::{Kind, MAX_RECORD, Record};

/// Reads a record; the reason when it is not one as the log spells it. `scratch` is overwritten.
pub(crate) fn read(json: &[u8], scratch: &mut Vec<u8>) -> Result<Record, &'static str> {
    if json.len() > MAX_RECORD {
        return Err("it is longer than a record may be");
    }
    let record = Record::parse(json).map_err(|_| "it is no record of a known schema")?;
    scratch.clear();
    canonical::append(&record, scratch).map_err(|_| "it is not canonical JSON")?;
    if scratch != json {
        return Err("it is not spelled as canonical JSON of its fields");
    }
    if has_its_body(&record) { Ok(record) } else { Err("its body is not that of its kind") }
}

fn has_its_body(record: &Record) -> bool {
    let present = [
        (Kind::Intent, record.intent.is_some()),
        (Kind::Completion, record.completion.is_some()),
        (Kind::Abandoned, record.abandoned.is_some()),
        (Kind::Gap, record.gap.is_some()),
        (Kind::Admin, record.admin.is_some()),
        (Kind::Reveal, record.reveal.is_some()),
        (Kind::Review, record.review.is_some()),
        (Kind::Export, record.export.is_some()),
        (Kind::Erasure, record.erasure.is_some()),
        (Kind::Hold, record.hold.is_some()),
        (Kind::Key, record.key.is_some()),
    ];
    let ends_a_call = matches!(record.kind, Kind::Completion | Kind::Abandoned);
    present.iter().all(|(kind, is_there)| *is_there == (*kind == record.kind))
        && record.intent_id.is_some() == ends_a_call
}

/// How many bodies of a record fit, and which are not there; the kind of the first that doesn't fit.
pub(crate) fn check_bodies(record: &Record, bodies: Bodies<'_>) -> Result<(u64, Vec<BodyRef>), String> {
    let intent = record.intent.iter().flat_map(|intent| &intent.bodies);
    let completion = record.completion.iter().flat_map(|completion| &completion.bodies);
    let (mut good, mut missing) = (0, Vec::new());
    for body in intent.chain(completion) {
        match bodies(record, body) {
            None => missing.push(body.clone()),
            Some(bytes) if fits(body, &bytes) => good += 1,
            Some(bytes) if is_wiped(body, &bytes) => missing.push(body.clone()),
            Some(_) => return Err(body.kind.as_str().to_owned()),
        }
    }
    Ok((good, missing))
}

/// Whether a ciphertext is the one that the record commits to.
pub fn fits(body: &BodyRef, ciphertext: &[u8]) -> bool {
    let hash = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(ciphertext));
    body.length == ciphertext.len() as u64 && body.sha256.as_str() == hash
}

/// Whether a body is as an erasure leaves it: its length in zeros.
fn is_wiped(body: &BodyRef, stored: &[u8]) -> bool {
    body.length == stored.len() as u64 && stored.iter().all(|byte| *byte == 0)
}
