//! Any request body: what is accepted is JSON to others too, comes back unchanged when nothing is edited, and
//! reads back what was written when everything is.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use weir_dialects::{Endpoint, Limits, Request, Rewrite};

const LIMITS: Limits = Limits { depth: 60, leaves: 2_000 };

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else { return };
    let endpoint = match first % 4 {
        0 => Endpoint::ChatCompletions,
        1 => Endpoint::Completions,
        2 => Endpoint::Responses,
        _ => Endpoint::Embeddings,
    };
    let body = Bytes::copy_from_slice(body);
    let Ok(request) = Request::parse(endpoint.clone(), body.clone(), &LIMITS) else { return };
    let theirs: serde_json::Value = serde_json::from_slice(&body).expect("accepted, so it is JSON");
    assert_eq!(theirs["model"].as_str(), Some(request.model()));
    let mut slots = request.slots();
    assert_eq!(request.render(&slots, &Rewrite::default()).as_ptr(), body.as_ptr());
    for (number, slot) in slots.iter_mut().enumerate() {
        // Who speaks decides whether JSON in a string is opened, so these stay as they are.
        if slot.path().ends_with("/role") || slot.path().ends_with("/type") {
            continue;
        }
        slot.set_text(format!("\"é\u{1}\\ {number}\" ⟦X⟧\n"));
    }
    let edited = request.render(&slots, &Rewrite::default());
    serde_json::from_slice::<serde_json::Value>(&edited).expect("still JSON");
    let limits = Limits { leaves: LIMITS.leaves * 2, ..LIMITS };
    let again = Request::parse(endpoint, edited, &limits).expect("still a request");
    let again = again.slots();
    // Dropped log probabilities take their strings along.
    let kept = slots.iter().filter(|slot| !slot.path().contains("/logprobs"));
    for (one, other) in kept.zip(again.iter()) {
        assert!(one.path() == other.path() && one.text() == other.text());
    }
});
