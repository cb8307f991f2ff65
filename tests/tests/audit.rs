//! The audit desk over the built binary: bodies, roles, holds, erasure, proofs, exports, completeness, sinks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use weir_tests::gateway::ADMIN_KEY;
use weir_tests::openai;
use weir_tests::{Answer, Call, Config, Gateway, Script, Upstream, poll, scenario};

/// What the upstream and the caller say; it must stand nowhere in the data folder in clear.
const SECRET: &str = "the heron nests at Quillon Weir";

async fn ask(gateway: &Gateway, subject: &str, text: &str) -> String {
    let call = Call::post("/v1/chat/completions", &openai::chat(text)).key(gateway.key());
    let answer = call.header("x-weir-subject", subject).send(gateway.traffic()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("x-request-id").unwrap().to_owned()
}

/// Asks the desk until the index knows the call.
async fn desk(gateway: &Gateway, key: &str, (path, body): (&str, Option<Value>)) -> Answer {
    let call = match &body {
        Some(body) => Call::post(path, body),
        None => Call::get(path),
    };
    call.key(key).send(gateway.admin()).await
}

async fn indexed(gateway: &Gateway, id: &str) {
    poll::until("the index to know the call", poll::SOON, async || {
        let path = format!("/api/v1/audit/calls?id={id}&state=completed");
        let page = desk(gateway, ADMIN_KEY, (&path, None)).await.json();
        (page["data"].as_array().map(Vec::len) == Some(1)).then_some(())
    })
    .await;
}

/// Whether `needle` stands in any file below `dir`.
fn stands_in(dir: &Path, needle: &str) -> Option<String> {
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = fs::read(&path)
                && bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
            {
                return Some(path.display().to_string());
            }
        }
    }
    None
}

#[test]
fn a_witness_cosigns_what_the_gateway_seals_and_verification_can_demand_it() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let mut gateway = Gateway::start(Config::with(&upstream)).await;
        let first_key = gateway.dir().join("data/audit/tree/first-key");
        let log_key =
            poll::until("the log's first key", poll::SOON, async || fs::read_to_string(&first_key).ok())
                .await;
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let start =
            ["audit", "witness", "--dir", "witness", "--name", "witness.example/w1", "--addr", &address];
        let _witness = gateway.beside(&[&start[..], &["--log", log_key.trim()]].concat(), "witness.log");
        let said = gateway.dir().join("witness.log");
        let key = poll::until("the witness's key", poll::SOON, async || {
            let said = fs::read_to_string(&said).ok()?;
            Some(said.lines().find_map(|line| line.strip_prefix("Witness key: "))?.to_owned())
        })
        .await;
        let demand = ["audit", "verify", "--witness-key", &key];
        ask(&gateway, "ada", "before").await;
        let (code, told) = gateway.try_run(&demand).await;
        assert_eq!(code, 1, "nothing is witnessed yet: {told}");

        gateway.signal("TERM").await;
        gateway.ended().await;
        let settings = gateway.dir().join("weir.yaml");
        let text = fs::read_to_string(&settings).unwrap();
        let witnesses = format!("audit: {{witnesses: [{{key: \"{key}\", url: \"http://{address}/\"}}]}}\n");
        fs::write(&settings, text + &witnesses).unwrap();
        gateway.restart().await;
        ask(&gateway, "ada", "after").await;
        poll::until("a witnessed checkpoint over all records", poll::SOON, async || {
            let (code, told) = gateway.try_run(&demand).await;
            (code == 0 && told.contains("witnessed by witness.example/w1")).then_some(())
        })
        .await;
        let note = gateway.run(&["audit", "checkpoint"]).await;
        assert!(note.contains("— witness.example/w1 "), "{note}");
    });
}

#[test]
fn bodies_are_read_by_role_and_reason_only_and_each_reading_is_recorded() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        // A name that no random number in hexadecimal can hold.
        let id = ask(&gateway, "ada-lovelace", SECRET).await;
        indexed(&gateway, &id).await;
        let auditor = gateway.another_key(&["--role", "auditor"]).await;
        let reviewer = gateway.another_key(&["--role", "reviewer"]).await;
        let stranger = gateway.another_key(&["--role", "reviewer", "--tenant", "other"]).await;
        let path = format!("/api/v1/audit/calls/{id}/reveal");
        let why = json!({"reason": "complaint 4711"});
        let cases = [
            (auditor.as_str(), why.clone(), 403),
            (gateway.key(), why.clone(), 403),
            (stranger.as_str(), why.clone(), 404),
            (reviewer.as_str(), json!({"reason": " "}), 400),
            (reviewer.as_str(), json!({}), 400),
            ("no-such-key", why.clone(), 401),
        ];
        for (key, body, status) in cases {
            let answer = desk(&gateway, key, (&path, Some(body))).await;
            assert_eq!(answer.status, status, "{}", answer.text());
            assert!(!answer.text().contains("heron"), "{}", answer.text());
        }
        let shown = desk(&gateway, &reviewer, (&path, Some(why))).await;
        assert_eq!(shown.status, 200, "{}", shown.text());
        let bodies = shown.json()["bodies"].as_array().unwrap().clone();
        let request = bodies.iter().find(|it| it["kind"] == "request").unwrap();
        let reply = bodies.iter().find(|it| it["kind"] == "reply").unwrap();
        assert!(request["text"].as_str().unwrap().contains(SECRET));
        assert!(reply["text"].as_str().unwrap().contains(SECRET));
        let events = gateway.run(&["audit", "events", "--kind", "reveal"]).await;
        assert_eq!(events.lines().count(), 1, "one reveal, one record: {events}");
        assert!(events.contains("complaint 4711") && events.contains(&id));
        // Who is known and may not do what it asks is told apart from who is not known: the first leaves a record.
        let refused = gateway.run(&["audit", "events", "--kind", "admin"]).await;
        let refused: Vec<_> = refused.lines().filter(|it| it.contains("desk.refused")).collect();
        assert_eq!(refused.len(), 2, "{refused:?}");
        let own = desk(&gateway, &auditor, ("/api/v1/audit/events?kind=admin", None)).await.json();
        let seen = own["data"].to_string().matches("desk.refused").count();
        assert_eq!(seen, 2, "an auditor sees what was tried with the keys of its tenant: {own}");
        assert!(refused.iter().all(|it| it.contains("POST /api/v1/audit/calls/{id}/reveal")), "{refused:?}");
        let one = format!("/api/v1/audit/calls?tenant=demo&id={id}");
        let listed = desk(&gateway, &auditor, (&one, None)).await;
        assert_eq!((listed.status, listed.json()["data"].as_array().unwrap().len()), (200, 1));
        let foreign = desk(&gateway, &stranger, (&one, None)).await;
        assert_eq!(foreign.json()["data"], json!([]));
        assert_eq!(stands_in(&gateway.dir().join("data"), "heron"), None);
        assert_eq!(stands_in(&gateway.dir().join("data/audit"), "ada-lovelace"), None);
    });
}

#[test]
fn an_erased_person_stays_erased_and_every_proof_holds_unless_a_hold_forbids_it() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let config = Config::with(&upstream).yaml("audit: {anchor: {folder: anchor}}");
        let mut gateway = Gateway::start(config).await;
        let second = gateway.another_key(&["--role", "admin"]).await;
        let (ada, bob) = (ask(&gateway, "ada", SECRET).await, ask(&gateway, "bob", SECRET).await);
        indexed(&gateway, &bob).await;
        let data = gateway.dir().join("data");
        let backup = gateway.dir().join("backup");
        copy(&data.join("audit"), &backup.join("audit"));
        copy(&data.join("bodies"), &backup.join("bodies"));

        let about = json!({"tenant": "demo", "subject": "ada", "reason": "court order 12"});
        let asked = desk(&gateway, ADMIN_KEY, ("/api/v1/audit/holds", Some(about.clone()))).await;
        let hold = asked.json()["hold"].as_str().unwrap().to_owned();
        let step = |action: &str| json!({"action": action, "reason": "court order 12"});
        let at = format!("/api/v1/audit/holds/{hold}");
        let erase = ("/api/v1/audit/erasures", Some(about));
        for (key, action, status) in
            [(ADMIN_KEY, "place", 409), (second.as_str(), "place", 200), (second.as_str(), "lift", 409)]
        {
            let answer = desk(&gateway, key, (&at, Some(step(action)))).await;
            assert_eq!(answer.status, status, "{action}: {}", answer.text());
        }
        let held = desk(&gateway, ADMIN_KEY, erase.clone()).await;
        assert_eq!(held.status, 409, "{}", held.text());
        assert!(held.text().contains(&hold), "{}", held.text());
        for (key, action) in [(ADMIN_KEY, "ask-lift"), (second.as_str(), "lift")] {
            let answer = desk(&gateway, key, (&at, Some(step(action)))).await;
            assert_eq!(answer.status, 200, "{action}: {}", answer.text());
        }
        let erased = desk(&gateway, ADMIN_KEY, erase).await;
        assert_eq!(erased.status, 200, "{}", erased.text());
        assert!(erased.json()["bodies"].as_u64().unwrap() >= 2);

        let show = async |gateway: &Gateway, id: &str| -> Value {
            let path = format!("/api/v1/audit/calls/{id}/reveal");
            let why = json!({"reason": "looking after the erasure"});
            desk(gateway, ADMIN_KEY, (&path, Some(why))).await.json()["bodies"].clone()
        };
        let hidden = |bodies: &Value| bodies[0]["hidden"] == "erased" && bodies[0].get("text").is_none();
        assert!(hidden(&show(&gateway, &ada).await), "{}", show(&gateway, &ada).await);
        assert!(show(&gateway, &bob).await[0]["text"].as_str().unwrap().contains(SECRET));
        // A checkpoint is signed once a second.
        poll::until("a sound log", poll::SOON, async || {
            let (code, said) = gateway.try_run(&["audit", "verify"]).await;
            (code == 0 && said.ends_with("sound\n")).then_some(())
        })
        .await;

        // An older copy of log and bodies, put back under the keys as they are now.
        gateway.signal("TERM").await;
        gateway.ended().await;
        for folder in ["audit", "bodies"] {
            fs::remove_dir_all(data.join(folder)).unwrap();
            copy(&backup.join(folder), &data.join(folder));
        }
        let (code, said) = gateway.try_run(&["serve"]).await;
        assert_eq!(code, 1, "a log that was set back must not be served: {said}");
        assert!(said.contains("contradicts its checkpoint"), "{said}");
        fs::remove_dir_all(gateway.dir().join("anchor")).unwrap();
        fs::remove_file(data.join("index.sqlite")).unwrap();
        gateway.restart().await;
        indexed(&gateway, &ada).await;
        assert!(hidden(&show(&gateway, &ada).await), "an old copy must not bring an erased person back");
    });
}

#[test]
fn calls_are_found_counted_taken_out_and_proven_to_a_stranger() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let mut ids = Vec::new();
        for at in 0..5 {
            ids.push(ask(&gateway, &format!("person-{at}"), "hello").await);
        }
        let refused = gateway.post("/v1/chat/completions", &json!({"model": 7})).await;
        assert_eq!(refused.status, 400);
        let listed = gateway.run(&["audit", "list", "--json", "--status", "200"]).await;
        assert_eq!(listed.lines().count(), 5, "{listed}");
        let counted = gateway.run(&["audit", "completeness", "--json"]).await;
        let counted: Value = serde_json::from_str(&counted).unwrap();
        assert_eq!(counted["complete"], true, "{counted}");
        let lane = &counted["lanes"][0];
        assert_eq!(
            (&lane["intents"], &lane["indexed"]),
            (&json!(6), &json!(6)),
            "calls in = intents = indexed"
        );
        let bundle = gateway.dir().join("bundle");
        let path = bundle.display().to_string();
        gateway
            .run(&["audit", "export", "--output", &path, "--reason", "for the regulator", "--id", &ids[2]])
            .await;
        let (code, said) = gateway.try_run(&["audit", "verify", &path]).await;
        assert_eq!(code, 0, "{said}");
        for file in ["FORMAT.md", "calls.csv", "summary.html", "records.jsonl", "proofs.jsonl", "checkpoint"]
        {
            assert!(bundle.join(file).is_file(), "{file}");
        }
        let records = fs::read_to_string(bundle.join("records.jsonl")).unwrap();
        assert!(records.contains(&ids[2]) && !records.contains(&ids[1]));
        fs::write(bundle.join("records.jsonl"), records.replace("\"status\":200", "\"status\":201")).unwrap();
        let (code, said) = gateway.try_run(&["audit", "verify", &path]).await;
        assert_eq!(code, 1, "a changed record must be found: {said}");
        let csv = gateway
            .run(&["audit", "export", "--format", "csv", "-o", "-", "--reason", "a sheet of all"])
            .await;
        assert_eq!(csv.lines().count(), 7, "a head and six calls: {csv}");
    });
}

#[test]
fn a_sink_gets_every_record_in_order_and_its_lag_is_a_metric() {
    scenario(async {
        let receiver = Upstream::start(|_| Script::json(200, &json!({}))).await;
        let upstream = Upstream::start(openai::echo).await;
        let config = Config::with(&upstream)
            .file("url", &format!("http://{}/hook", receiver.address()))
            .file("secret", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
            .yaml("audit: {sinks: [{name: siem, webhook: {url: {file: url}, secrets: {file: secret}}}]}");
        let gateway = Gateway::start(config).await;
        let id = ask(&gateway, "ada", "hello").await;
        poll::until("the sink to deliver the call", poll::SOON, async || {
            (receiver.saw(&id) && receiver.saw("\"completion\"")).then_some(())
        })
        .await;
        poll::until("the lag to be none", poll::SOON, async || {
            let metrics = Call::get("/metrics").send(gateway.admin()).await.text();
            let line = metrics
                .lines()
                .find(|line| line.starts_with("weir_sink_lag_records{") && line.contains("lane=\"0\""));
            line.is_some_and(|line| line.ends_with(" 0")).then_some(())
        })
        .await;
    });
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
