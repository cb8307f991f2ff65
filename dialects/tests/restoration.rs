//! Values come back exactly, in every place of every endpoint's replies, at whatever byte a stream is cut.
//!
//! The controls and the dialect at work together, without a network: the same machines that the gateway runs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code"
)]

mod wire;

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use serde_json::{Value, json};
use weir_dialects::{Answer, Cut, Endpoint, Inspect, Reply, StreamOptions, StreamReply};
use weir_policies::{
    Caller, Control, Delta, Kind, LexicalScreen, Pass, PersonalData, PolicySet, PseudonymKey, Role, Slot,
    Slots, Verdict,
};
use wire::{Escape, Lane, Said};

/// Anything in double angle brackets is protected; personal data is, in both directions.
const POLICY: &str = r"
weir: v1
policy: p
owner: o
lists:
  marked: {patterns: ['<<(?s:.{1,80}?)>>']}
rules:
  - {id: marked, on: request, find: marked, then: pseudonymise}
  - {id: personal, on: [request, reply], find: [email_address, phone_number, credit_card, iban_code], then: pseudonymise}
";

/// Values that are hard to put back.
const VALUES: [&str; 14] = [
    "bob@example.org",
    "+49 30 1234567",
    "4111 1111\n1111 1111",
    r"<<a.*+?^${}()|[]\$1>>",
    "<<\"quoted\", 'too' \\ and \\\\n>>",
    "<<{\"json\": [1, \"x\"]}>>",
    "<<line\nbreak\r\n\ttab>>",
    "<<\u{1f600}\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}>>",
    "<<e\u{301}a\u{308}o\u{302}\u{323}>>",
    "<<שלום \u{202b}مرحبا\u{202c}>>",
    "<<⟦EMAIL_ADDRESS_22222222⟧>>",
    "<<MARKED_1>>",
    "<<MARKED_10>>",
    "<<%41&amp;<br/> >>",
];

static CONTROLS: LazyLock<(LexicalScreen, PersonalData)> = LazyLock::new(|| {
    let read = PolicySet::parse(&[("p.yaml".to_owned(), POLICY.to_owned())]);
    let set = Arc::new(read.unwrap_or_else(|problems| panic!("{}", problems[0])));
    let key = PseudonymKey::from_bytes([9; 32]);
    (LexicalScreen::from(&set, &key).unwrap(), PersonalData::from(&set, &key))
});

/// The passes of one exchange, after a request with all values; and what was sent for each.
fn begun() -> (Vec<Box<dyn Pass>>, Vec<String>) {
    let caller = Caller { tenant: "acme".to_owned(), ..Caller::default() };
    let mut passes = vec![CONTROLS.0.begin(&caller), CONTROLS.1.begin(&caller)];
    let slot = |value: &&str| Slot::new("/x".to_owned(), Role::User, Kind::Prose, (*value).to_owned());
    let mut slots: Slots = VALUES.iter().map(slot).collect();
    for pass in &mut passes {
        pass.request(&mut slots).unwrap();
    }
    let sent: Vec<String> = slots.iter().map(|slot| slot.text().to_owned()).collect();
    for (value, sent) in VALUES.iter().zip(&sent) {
        assert!(sent.starts_with('⟦') && sent.ends_with('⟧'), "{value} was sent as {sent}");
    }
    (passes, sent)
}

/// What the gateway does with a delta: the last control first.
fn judge(passes: &mut [Box<dyn Pass>], delta: &mut Delta) -> Result<(), Cut> {
    for pass in passes.iter_mut().rev() {
        if matches!(pass.reply(delta).unwrap(), Verdict::Deny(_)) {
            return Err(Cut);
        }
    }
    Ok(())
}

/// What the client receives when the stream's bytes arrive in these pieces.
fn streamed<'p>(endpoint: &Endpoint, pieces: impl Iterator<Item = &'p [u8]>, answer: Answer) -> Vec<u8> {
    let (mut passes, _) = begun();
    let options = StreamOptions { client_wants_usage: false, inspect: Inspect::Yes };
    let mut reply = StreamReply::new(endpoint.clone(), options).answering(answer);
    let mut out = Vec::new();
    for piece in pieces {
        out.extend(reply.push(piece, &mut |delta| judge(&mut passes, delta)).unwrap());
    }
    out.extend(reply.flush(&mut |delta| judge(&mut passes, delta)).unwrap());
    out.extend(reply.close(None));
    out
}

fn buffered(endpoint: &Endpoint, bytes: &str, answer: Answer) -> Bytes {
    let (mut passes, _) = begun();
    let reply = Reply::parse(endpoint.clone(), Bytes::from(bytes.to_owned())).unwrap().answering(answer);
    let mut deltas = reply.deltas();
    for delta in &mut deltas {
        judge(&mut passes, delta).unwrap();
    }
    reply.render(&deltas)
}

/// What a model says and what the client must read; the second holds each value where the first holds its
/// pseudonym, in the forms models give it.
fn prose(from: usize, count: usize) -> (String, String) {
    let (_, sent) = begun();
    let (mut says, mut reads) = ("So: ".to_owned(), "So: ".to_owned());
    for at in from..from + count {
        let (value, token) = (VALUES[at % VALUES.len()], &sent[at % VALUES.len()]);
        let bare = token.trim_matches(['⟦', '⟧']);
        says += &format!("{token}, `{bare}` and ⟦{}⟧; ", bare.to_lowercase().replace('_', "-"));
        reads += &format!("{value}, `{value}` and {value}; ");
    }
    (says + "end ⟦X ⟦", reads + "end ⟦X ⟦")
}

/// Arguments of a tool, with a document inside them.
fn arguments(from: usize, count: usize) -> (String, String) {
    let (_, sent) = begun();
    let build = |texts: &[String]| {
        let inner = json!({ "to": texts[0], "all": texts }).to_string();
        json!({ "to": texts[0], "list": texts, "doc": inner, "n": 1 }).to_string()
    };
    let pick = |texts: Vec<String>| -> Vec<String> {
        (from..from + count).map(|at| texts[at % texts.len()].clone()).collect()
    };
    let values = VALUES.iter().map(|value| (*value).to_owned()).collect();
    (build(&pick(sent)), build(&pick(values)))
}

/// However what is said is cut into tokens, the client reads the same.
fn check_tokens(endpoint: &Endpoint, (says, reads): &(Said, Said), answer: Answer) {
    for escape in [Escape::Raw, Escape::Ascii] {
        let whole = buffered(endpoint, &wire::whole(endpoint, says, escape), answer);
        assert_eq!(&wire::read_whole(endpoint, &whole), reads, "whole");
        for size in [1, 2, 3, 5, 8, 13, 1000] {
            let bytes = wire::stream(endpoint, says, (size, escape));
            let out = streamed(endpoint, std::iter::once(bytes.as_bytes()), answer);
            assert_eq!(&wire::read_stream(endpoint, &out), reads, "tokens of {size}");
        }
    }
}

/// Wherever the bytes of a stream are cut, the client receives the same bytes.
fn check_bytes(endpoint: &Endpoint, (says, reads): &(Said, Said), answer: Answer) {
    let bytes = wire::stream(endpoint, says, (41, Escape::Ascii));
    let bytes = bytes.as_bytes();
    let whole = streamed(endpoint, std::iter::once(bytes), answer);
    assert_eq!(&wire::read_stream(endpoint, &whole), reads);
    assert_eq!(streamed(endpoint, bytes.chunks(1), answer), whole, "byte by byte");
    for cut in 1..bytes.len() {
        let (one, two) = bytes.split_at(cut);
        assert!(streamed(endpoint, [one, two].into_iter(), answer) == whole, "cut at {cut}");
    }
    println!("{}: every one of {} cuts of a stream gives the same bytes", endpoint.name(), bytes.len() - 1);
}

/// Each place with texts of its own, of so many values.
fn said(places: &[(u32, Lane)], count: usize) -> (Said, Said) {
    let mut both = (Said::new(), Said::new());
    for (at, (choice, lane)) in places.iter().enumerate() {
        let json = matches!(lane, Lane::Tool(_) | Lane::Function | Lane::Arguments);
        let from = at * count + 3;
        let (says, reads) = if json { arguments(from, count) } else { prose(from, count) };
        both.0.insert((*choice, *lane), says);
        both.1.insert((*choice, *lane), reads);
    }
    both
}

fn check(endpoint: &Endpoint, places: &[(u32, Lane)]) {
    check_tokens(endpoint, &said(places, 5), Answer::Words);
    check_bytes(endpoint, &said(places, 1), Answer::Words);
}

#[test]
fn chat_places_of_two_choices_interleaved() {
    check(
        &Endpoint::ChatCompletions,
        &[
            (0, Lane::Content),
            (0, Lane::Reasoning),
            (0, Lane::Refusal),
            (1, Lane::Content),
            (1, Lane::ReasoningAlt),
            (1, Lane::Transcript),
        ],
    );
}

#[test]
fn parallel_tool_calls_interleaved() {
    let places =
        [(0, Lane::Tool(0)), (0, Lane::Tool(1)), (0, Lane::Content), (1, Lane::Function), (2, Lane::Tool(0))];
    check(&Endpoint::ChatCompletions, &places);
}

#[test]
fn completions_of_two_prompts() {
    check(&Endpoint::Completions, &[(0, Lane::Text), (1, Lane::Text)]);
}

#[test]
fn items_of_responses_and_all_that_repeats_them() {
    let lanes = [Lane::Summary, Lane::Content, Lane::Refusal, Lane::Arguments, Lane::Reasoning];
    let places: Vec<(u32, Lane)> = (0..).zip(lanes).collect();
    check(&Endpoint::Responses, &places);
}

#[test]
fn every_value_comes_back_in_every_kind_of_text() {
    for from in 0..VALUES.len() {
        for (says, reads) in [prose(from, 1), arguments(from, 1)] {
            let (chat, place) = (Endpoint::ChatCompletions, (0, Lane::Content));
            let both = (Said::from([(place, says.clone())]), Said::from([(place, reads)]));
            let answer = if says.starts_with('{') { Answer::Json } else { Answer::Words };
            check_tokens(&chat, &both, answer);
        }
    }
}

#[test]
fn an_answer_that_shall_be_json_stays_json() {
    for (endpoint, at) in [(Endpoint::ChatCompletions, 3), (Endpoint::Responses, 5)] {
        let place = (0, Lane::Content);
        let both = |count| {
            let (says, reads) = arguments(at, count);
            (Said::from([(place, says)]), Said::from([(place, reads)]))
        };
        check_tokens(&endpoint, &both(4), Answer::Json);
        check_bytes(&endpoint, &both(1), Answer::Json);
    }
}

#[test]
fn what_the_model_brings_is_replaced_alike_whole_and_streamed() {
    let text = "Ask carol@example.net or call +44 20 7946 0958 about GB82 WEST 1234 5698 7654 32. ".repeat(2);
    let document = json!({ "card": 5_500_005_555_555_559_u64 }).to_string();
    let arguments = json!({ "to": "carol@example.net", "doc": document }).to_string();
    for (endpoint, other) in
        [(Endpoint::ChatCompletions, Lane::Tool(0)), (Endpoint::Responses, Lane::Arguments)]
    {
        let says = Said::from([((0, Lane::Content), text.clone()), ((1, other), arguments.clone())]);
        let whole = buffered(&endpoint, &wire::whole(&endpoint, &says, Escape::Raw), Answer::Words);
        let reads = wire::read_whole(&endpoint, &whole);
        for text in reads.values() {
            assert!(!text.contains("carol") && !text.contains("7946") && !text.contains("5500"), "{text}");
        }
        let parsed: Value = serde_json::from_str(&reads[&(1, other)]).unwrap();
        let inner: Value = serde_json::from_str(parsed["doc"].as_str().unwrap()).unwrap();
        assert!(inner["card"].as_str().unwrap().starts_with("⟦CREDIT_CARD_"));
        let both = (says, reads);
        check_tokens(&endpoint, &both, Answer::Words);
        check_bytes(&endpoint, &both, Answer::Words);
    }
}

/// Citations count characters: they must point to the same words after values have come back.
#[test]
fn citations_point_to_the_same_words() {
    let (_, sent) = begun();
    // Text that is still held back can't be counted.
    let more = "Words follow. ".repeat(30);
    let text = format!(
        "{} wrote: see the annual report. {} agrees with the annual report. {more}",
        sent[0], sent[3]
    );
    let read = format!(
        "{} wrote: see the annual report. {} agrees with the annual report. {more}",
        VALUES[0], VALUES[3]
    );
    let at = |text: &str, place: Option<usize>| text[..place.unwrap()].chars().count();
    let spans = |text: &str| {
        [text.find("annual report"), text.rfind("annual report")]
            .map(|place| (at(text, place), at(text, place) + 13))
    };
    let cite = |(start, end): (usize, usize)| {
        json!({ "type": "url_citation", "start_index": start, "end_index": end,
        "url": "https://x.example", "title": "Report" })
    };
    let check = |annotations: &Value, nested: &str| {
        for (cited, (start, end)) in annotations.as_array().unwrap().iter().zip(spans(&read)) {
            let cited = cited.pointer(nested).unwrap();
            assert_eq!(
                (&cited["start_index"], &cited["end_index"]),
                (&json!(start), &json!(end)),
                "{annotations}"
            );
        }
    };
    let own: Vec<Value> = spans(&text).into_iter().map(cite).collect();
    let wrapped: Vec<Value> =
        own.iter().map(|own| json!({ "type": "url_citation", "url_citation": own })).collect();

    let chat = json!({ "id": "c", "choices": [{ "index": 0, "finish_reason": "stop",
        "message": { "role": "assistant", "content": text, "annotations": wrapped } }] });
    let out = buffered(&Endpoint::ChatCompletions, &chat.to_string(), Answer::Words);
    let out: Value = serde_json::from_slice(&out).unwrap();
    check(&out["choices"][0]["message"]["annotations"], "/url_citation");

    let part = json!({ "type": "output_text", "text": text, "annotations": own });
    let item = json!({ "type": "message", "id": "m", "role": "assistant", "content": [part] });
    let response = json!({ "id": "r", "output": [item] });
    let out = buffered(&Endpoint::Responses, &response.to_string(), Answer::Words);
    let out: Value = serde_json::from_slice(&out).unwrap();
    check(&out["output"][0]["content"][0]["annotations"], "");

    let place = |event: Value| {
        let mut event = event;
        event["output_index"] = json!(0);
        event["content_index"] = json!(0);
        event
    };
    let mut events: Vec<Value> = text
        .char_indices()
        .map(|(at, c)| {
            place(json!({ "type": "response.output_text.delta", "delta": text[at..at + c.len_utf8()] }))
        })
        .collect();
    for own in &own {
        events.push(place(json!({ "type": "response.output_text.annotation.added", "annotation": own })));
    }
    events.push(place(json!({ "type": "response.output_text.done", "text": text })));
    events.push(place(json!({ "type": "response.content_part.done", "part": part })));
    events.push(json!({ "type": "response.completed", "response": response }));
    let bytes: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let out = streamed(&Endpoint::Responses, std::iter::once(bytes.as_bytes()), Answer::Words);
    let out = String::from_utf8(out).unwrap();
    let values = out.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = values.map(|data| serde_json::from_str(data).unwrap()).collect();
    let added: Vec<Value> =
        events.iter().filter_map(|event| Some(event.get("annotation")?.clone())).collect();
    assert_eq!(added.len(), 2);
    check(&json!(added), "");
    let find = |pointer: &str| events.iter().find_map(|event| event.pointer(pointer)).unwrap();
    check(find("/part/annotations"), "");
    check(find("/response/output/0/content/0/annotations"), "");
}
