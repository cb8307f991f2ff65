//! Golden files: slots and rendered bodies of requests, deltas and rendered bodies of replies, whole streams.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod rig;

use std::fmt::Write;

use bytes::Bytes;
use serde_json::json;
use weir_dialects::{AskUsage, Inspect, Limits, Reply, Request, Rewrite, StreamReply};

#[test]
fn requests() {
    for (endpoint, path) in rig::inputs(".request.json") {
        let body = Bytes::from(std::fs::read(&path).unwrap());
        let request = Request::parse(endpoint, body.clone(), &Limits::default()).unwrap();
        let mut slots = request.slots();
        let mut listed = String::new();
        for slot in &slots {
            let (path, role, kind, text) = (slot.path(), slot.role(), slot.kind(), json!(slot.text()));
            writeln!(listed, "{path}\t{role:?}\t{kind:?}\t{text}").unwrap();
        }
        for path in request.opaque_inputs() {
            writeln!(listed, "{path}\topaque").unwrap();
        }
        rig::check(&path, "slots", &listed);
        assert_eq!(request.render(&slots, &Rewrite::default()).as_ptr(), body.as_ptr(), "no copy");
        for slot in &mut slots {
            let loud = slot.text().to_ascii_uppercase() + "!";
            slot.set_text(loud);
        }
        let rewrite = Rewrite { model: Some("other/model"), ask_usage: AskUsage::Always };
        let rendered = request.render(&slots, &rewrite);
        let again = Request::parse(request.endpoint().clone(), rendered.clone(), &Limits::default()).unwrap();
        assert_eq!(again.model(), "other/model");
        rig::check(&path, "loud", std::str::from_utf8(&rendered).unwrap());
    }
}

#[test]
fn replies() {
    for (endpoint, path) in rig::inputs(".reply.json") {
        let body = Bytes::from(std::fs::read(&path).unwrap());
        let reply = Reply::parse(endpoint, body.clone()).unwrap();
        let mut deltas = reply.deltas();
        let mut listed = String::new();
        for delta in &deltas {
            assert!(delta.last);
            writeln!(listed, "{:?}\t{:?}\t{}", delta.channel, delta.kind, json!(delta.text)).unwrap();
        }
        writeln!(listed, "{:#?}", reply.summary()).unwrap();
        rig::check(&path, "deltas", &listed);
        assert_eq!(reply.render(&deltas).as_ptr(), body.as_ptr(), "no copy");
        for delta in &mut deltas {
            delta.text = delta.text.to_ascii_uppercase();
        }
        rig::check(&path, "loud", std::str::from_utf8(&reply.render(&deltas)).unwrap());
    }
}

#[test]
fn streams() {
    let weir = json!({ "cost_usd": "0.1" });
    for (endpoint, path) in rig::inputs(".sse") {
        let bytes = std::fs::read(&path).unwrap();
        let reply = StreamReply::new(endpoint.clone(), rig::options(Inspect::Yes));
        let mut shouter = rig::Shouter::new(3);
        let out = rig::run(reply, &[&bytes], &mut shouter, Some(&weir)).unwrap();
        rig::check(&path, "loud", std::str::from_utf8(&out).unwrap());

        let mut refusing = rig::Shouter { refuse: Some("JANE"), ..rig::Shouter::new(2) };
        let reply = StreamReply::new(endpoint.clone(), rig::options(Inspect::Yes));
        if let Err((out, _)) = rig::run(reply, &[&bytes], &mut refusing, None) {
            rig::check(&path, "cut", std::str::from_utf8(&out).unwrap());
        }
        for inspect in [Inspect::No, Inspect::Yes] {
            let mut quiet = StreamReply::new(endpoint.clone(), rig::options(inspect));
            let mut out = quiet.push(&bytes, &mut |_| Ok(())).unwrap();
            out.extend(quiet.flush(&mut |_| Ok(())).unwrap());
            out.extend(quiet.close(None));
            let (out, bytes) = (String::from_utf8_lossy(&out), String::from_utf8_lossy(&bytes));
            assert_eq!(out, bytes, "{} is forwarded byte for byte", path.display());
            rig::check(&path, "summary", &format!("{:#?}\n", quiet.summary()));
        }
    }
}
