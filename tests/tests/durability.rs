//! What survives a kill, a stop and a change of files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use weir_tests::openai::{self, Escape, Events};
use weir_tests::{
    Call, Config, Gate, Gateway, Script, Step, Upstream, policy, poll, scenario, scenario_within,
};

/// Callers keep asking, the gateway is killed in the middle, again and again: whoever got an answer finds
/// its record after the restart.
#[test]
fn a_kill_loses_no_acknowledged_call() {
    scenario_within(poll::SCENARIO * kills().div_ceil(20), async {
        let upstream = Upstream::start(openai::echo).await;
        let mut gateway = Gateway::start(Config::with(&upstream).audit("strict")).await;
        let mut acknowledged: Vec<String> = vec![];
        for round in 0..kills() as usize {
            let answered = Arc::new(AtomicUsize::new(0));
            let callers: Vec<_> = (0..8)
                .map(|at| {
                    let body = if at % 2 == 0 { openai::chat("hello") } else { openai::chat_stream("hello") };
                    let call = Call::post("/v1/chat/completions", &body).key(gateway.key());
                    tokio::spawn(ask_until_killed(call, gateway.traffic(), Arc::clone(&answered)))
                })
                .collect();
            // A little further each time, so that no moment is spared.
            let enough = 40 + round * 37 % 211;
            poll::until("answers", poll::SOON, async || {
                (answered.load(Ordering::Relaxed) > enough).then_some(())
            })
            .await;
            gateway.signal("KILL").await;
            gateway.ended().await;
            for caller in callers {
                acknowledged.extend(caller.await.unwrap());
            }
            gateway.restart().await;
        }
        let listed = gateway.run(&["audit", "list", "--json", "--limit", "10000000"]).await;
        let id = |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["record_id"].clone();
        let listed: HashSet<String> =
            listed.lines().map(|line| id(line).as_str().unwrap().to_owned()).collect();
        let lost: Vec<_> = acknowledged.iter().filter(|id| !listed.contains(*id)).collect();
        println!("{} acknowledged calls over {} kills, {} lost", acknowledged.len(), kills(), lost.len());
        assert!(lost.is_empty(), "lost: {lost:?}");
        assert_eq!(gateway.chat(&openai::chat("and on")).await.status, 200);
        // A checkpoint is signed once a second.
        poll::until("a sound log with all its bodies", poll::SOON, async || {
            let (code, said) = gateway.try_run(&["audit", "verify"]).await;
            (code == 0 && said.contains(" 0 are not there")).then_some(())
        })
        .await;
        gateway.run(&["audit", "completeness"]).await;
    });
}

/// How often the gateway is killed; more often in a long run.
fn kills() -> u32 {
    std::env::var("WEIR_GATEWAY_KILLS").ok().map_or(3, |text| text.parse().expect("a number of kills"))
}

/// Ids of all whole answers until the connection breaks.
async fn ask_until_killed(call: Call, to: std::net::SocketAddr, answered: Arc<AtomicUsize>) -> Vec<String> {
    let mut ids = vec![];
    while let Some(answer) = call.try_send(to).await {
        if answer.status != 200 || !answer.complete {
            break;
        }
        ids.push(answer.header("x-request-id").unwrap().to_owned());
        answered.fetch_add(1, Ordering::Relaxed);
    }
    ids
}

/// A torn tail is cut, and what was open is closed as abandoned.
#[test]
fn recovery_closes_what_was_open() {
    scenario(async {
        let upstream = Upstream::start(|_| Script::hang()).await;
        let mut gateway = Gateway::start(Config::with(&upstream)).await;
        let call = Call::post("/v1/chat/completions", &openai::chat("x")).key(gateway.key());
        let started = call.start(gateway.traffic()).await;
        upstream.asked(1).await;
        gateway.signal("KILL").await;
        gateway.ended().await;
        started.leave();
        let newest = newest_segment(&gateway);
        let mut bytes = fs::read(&newest).unwrap();
        bytes.extend([0x40, 0, 0, 0, 1, 2, 3]);
        fs::write(&newest, bytes).unwrap();
        gateway.restart().await;
        let listed = gateway.run(&["audit", "list", "--json"]).await;
        assert!(listed.contains("abandoned"), "{listed}");
    });
}

fn newest_segment(gateway: &Gateway) -> std::path::PathBuf {
    let mut found = vec![];
    let mut open = vec![gateway.dir().join("data/audit")];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.metadata().unwrap().len() > 0 && path.extension().is_none_or(|kind| kind != "lock")
            {
                found.push((path.metadata().unwrap().modified().unwrap(), path));
            }
        }
    }
    found.sort();
    found.pop().expect("a segment").1
}

#[test]
fn a_stop_lets_streams_end() {
    scenario(async {
        let gate = Gate::new();
        let held = gate.clone();
        let upstream = Upstream::start(move |seen| {
            // Only the one stream waits: a call taken before the stop is noticed has its answer.
            if openai::asked(seen) != "slow" {
                return openai::echo(seen);
            }
            let event = |text| Escape::Raw.event(&openai::chunk(0, &json!({"content": text}), None));
            let end = event(" last")
                + &Escape::Raw.event(&openai::chunk(0, &json!({}), Some("stop")))
                + "data: [DONE]\n\n";
            Script::stream().chunk(event("first")).then(Step::Wait(held.clone())).chunk(end).end()
        })
        .await;
        let mut gateway = Gateway::start(Config::with(&upstream)).await;
        let slow = Call::post("/v1/chat/completions", &openai::chat_stream("slow")).key(gateway.key());
        let quick = Call::post("/v1/chat/completions", &openai::chat("quick")).key(gateway.key());
        let mut open = slow.open(gateway.traffic()).await;
        open.until("first").await;
        gateway.signal("TERM").await;
        poll::until("new calls to be refused", poll::SOON, async || {
            quick.try_send(gateway.traffic()).await.is_none_or(|answer| answer.status == 503).then_some(())
        })
        .await;
        gate.open(1);
        let answer = open.finish().await;
        let events = Events::of(&answer);
        assert_eq!(events.text(), "first last");
        assert!(events.done && answer.complete, "{}", answer.text());
        assert!(gateway.ended().await.success());
    });
}

/// A changed policy file takes effect without a restart; a faulty one keeps the old set.
#[test]
fn policies_are_reloaded() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream).policy("p.yaml", policy::NO_BLUEBIRD)).await;
        let ask = async |word: &str| gateway.chat(&openai::chat(word)).await;
        let first = ask("swallow").await.header("x-weir-policy").unwrap().to_owned();
        assert_eq!(ask("bluebird").await.status, 400);

        let file = gateway.dir().join("p.yaml");
        fs::write(&file, policy::NO_BLUEBIRD.replace("bluebird]", "swallow]")).unwrap();
        poll::until("the new policy", poll::SOON, async || {
            (ask("swallow").await.status == 400).then_some(())
        })
        .await;
        let bluebird = ask("bluebird").await;
        assert_eq!(bluebird.status, 200);
        let second = bluebird.header("x-weir-policy").unwrap().to_owned();
        assert_ne!(first, second, "another set has another hash");

        fs::write(&file, "weir: v1\npolicy: house\nrules: [{id: x, when: nonsense}]").unwrap();
        poll::until("the fault to be reported", poll::SOON, async || {
            gateway.log().contains("p.yaml").then_some(())
        })
        .await;
        assert_eq!(ask("swallow").await.status, 400, "the old set stays");
        assert_eq!(ask("bluebird").await.header("x-weir-policy"), Some(second.as_str()));
    });
}

/// Routes are reloaded too.
#[test]
fn routes_are_reloaded() {
    scenario(async {
        let (first, second) = (Upstream::start(openai::echo).await, Upstream::start(openai::echo).await);
        let config =
            Config::default().upstream("first", first.address()).upstream("second", second.address());
        let gateway = Gateway::start(config).await;
        let answered_by = async || {
            gateway.chat(&openai::chat("x")).await.header("x-weir-upstream").unwrap_or_default().to_owned()
        };
        assert_eq!(answered_by().await, "first");
        let file = gateway.dir().join("weir.yaml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("upstreams: [first, second]", "upstreams: [second, first]")).unwrap();
        poll::until("the new routes", poll::SOON, async || (answered_by().await == "second").then_some(()))
            .await;
    });
}

/// `weir check` tells all faults at once and fails.
#[test]
fn check_tells_all_faults() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        gateway.run(&["check"]).await;
        let faulty = "weir: v1\nlissten: {}\nupstreams:\n  - {name: a, url: \"nonsense\"}\nroutes:\n  - {models: [\"*\"], upstreams: [b]}\n";
        let file = gateway.dir().join("faulty.yaml");
        fs::write(&file, faulty).unwrap();
        let (code, said) = gateway.try_run(&["check", "--config", file.to_str().unwrap()]).await;
        assert_ne!(code, 0);
        for told in ["faulty.yaml:2", "lissten", "listen", "faulty.yaml:4", "faulty.yaml:6"] {
            assert!(said.contains(told), "{told} is not told: {said}");
        }
    });
}

/// A new process takes the ports over while the old one ends its streams: no call is refused.
#[test]
fn an_upgrade_drops_nothing() {
    scenario(async {
        let gate = Gate::new();
        let held = gate.clone();
        let upstream = Upstream::start(move |seen| {
            if openai::asked(seen) != "slow" {
                return openai::echo(seen);
            }
            let event = |text| Escape::Raw.event(&openai::chunk(0, &json!({"content": text}), None));
            let end = Escape::Raw.event(&openai::chunk(0, &json!({}), Some("stop"))) + "data: [DONE]\n\n";
            Script::stream().chunk(event("first")).then(Step::Wait(held.clone())).chunk(end).end()
        })
        .await;
        let mut gateway = Gateway::start(Config::with(&upstream)).await;
        let slow = Call::post("/v1/chat/completions", &openai::chat_stream("slow")).key(gateway.key());
        let mut open = slow.open(gateway.traffic()).await;
        open.until("first").await;
        let refused = Arc::new(AtomicUsize::new(0));
        let quick = Call::post("/v1/chat/completions", &openai::chat("quick")).key(gateway.key());
        let (stop, counted, to) = (Gate::new(), Arc::clone(&refused), gateway.traffic());
        let ended = stop.clone();
        let caller = tokio::spawn(async move {
            let mut answered = 0;
            while !ended.is_open() {
                match quick.try_send(to).await {
                    Some(answer) if answer.status == 200 => answered += 1,
                    _ => drop(counted.fetch_add(1, Ordering::Relaxed)),
                }
            }
            answered
        });
        let mut old = gateway.upgrade().await;
        gate.open(1);
        let answer = open.finish().await;
        assert!(Events::of(&answer).done, "{}", answer.text());
        assert!(old.ended().await.success());
        assert_eq!(gateway.chat(&openai::chat("new")).await.status, 200);
        stop.open(1);
        let answered = caller.await.unwrap();
        println!("{answered} calls answered during the upgrade, {} refused", refused.load(Ordering::Relaxed));
        assert_eq!(refused.load(Ordering::Relaxed), 0);
    });
}
