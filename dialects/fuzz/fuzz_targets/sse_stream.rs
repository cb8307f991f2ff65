//! Any stream, cut anywhere: the same bytes come out as for the whole, and nothing panics.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use weir_dialects::error::ErrorShape;
use weir_dialects::{Cut, Endpoint, Inspect, StreamOptions, StreamReply};
use weir_policies::reply::{Channel, Delta};

const SHAPE: ErrorShape<'_> =
    ErrorShape { message: "broken", kind: "server_error", param: None, code: "upstream_error" };

/// Upper-cases text and keeps its last two characters back; refuses a text with a NUL.
#[derive(Default)]
struct Shouter(HashMap<Channel, String>);

impl Shouter {
    fn judge(&mut self, delta: &mut Delta) -> Result<(), Cut> {
        let mut text = self.0.remove(&delta.channel).unwrap_or_default();
        text.push_str(&delta.text.to_ascii_uppercase());
        if text.contains('\0') {
            return Err(Cut);
        }
        if !delta.last {
            let at = text.char_indices().rev().nth(1).map_or(0, |(at, _)| at);
            self.0.insert(delta.channel.clone(), text.split_off(at));
        }
        delta.text = text;
        Ok(())
    }
}

fn run(endpoint: &Endpoint, options: StreamOptions, pieces: &[&[u8]]) -> Vec<u8> {
    let mut reply = StreamReply::new(endpoint.clone(), options);
    let mut shouter = Shouter::default();
    let mut out = Vec::new();
    for piece in pieces {
        match reply.push(piece, &mut |delta| shouter.judge(delta)) {
            Ok(bytes) => out.extend(bytes),
            Err(_) => {
                out.extend(reply.cut());
                return out;
            }
        }
    }
    match reply.flush(&mut |delta| shouter.judge(delta)) {
        Ok(bytes) => out.extend(bytes),
        Err(_) => return [out, reply.broken(&SHAPE, &serde_json::Value::Null)].concat(),
    }
    out.extend(reply.close(Some(&serde_json::Value::Null)));
    out
}

fuzz_target!(|data: &[u8]| {
    let Some((first, data)) = data.split_first() else { return };
    let Some((cuts, stream)) = data.split_at_checked(4) else { return };
    let endpoint = match first % 3 {
        0 => Endpoint::ChatCompletions,
        1 => Endpoint::Completions,
        _ => Endpoint::Responses,
    };
    let inspect = if first & 4 == 0 { Inspect::Yes } else { Inspect::No };
    let options = StreamOptions { client_wants_usage: first & 8 == 0, inspect };
    let mut at: Vec<usize> = cuts.iter().map(|cut| usize::from(*cut) * (stream.len() + 1) / 256).collect();
    at.extend([0, stream.len()]);
    at.sort_unstable();
    let pieces: Vec<&[u8]> = at.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
    let whole = run(&endpoint, options, &[stream]);
    assert!(run(&endpoint, options, &pieces) == whole);
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert!(run(&endpoint, options, &bytes) == whole);
});
