//! Mixed load for a while: no wrong answer, and memory that stops growing. A few seconds in `make test`,
//! `WEIR_SOAK_SECONDS` in `make soak`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use weir_tests::openai::{self, Events};
use weir_tests::{Call, Config, Gateway, Upstream, policy, poll};

const CALLERS: usize = 16;
/// Growth between the end of warming up and the end, beyond which memory counts as leaking.
const GROWTH: u64 = 32 << 20;

#[test]
fn memory_stays_flat_under_mixed_load() {
    let seconds =
        std::env::var("WEIR_SOAK_SECONDS").ok().map_or(10, |text| text.parse().expect("a number of seconds"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream).policy("p.yaml", policy::PERSONAL)).await;
        let warm = load(&gateway, &upstream, Duration::from_secs(seconds) / 2).await;
        let before = gateway.resident();
        let asked = load(&gateway, &upstream, Duration::from_secs(seconds) / 2).await;
        let after = gateway.resident();
        println!(
            "{warm} then {asked} exchanges; resident {} MiB after warming up, {} MiB at the end",
            before >> 20,
            after >> 20
        );
        assert!(after.saturating_sub(before) < GROWTH, "{before} to {after} bytes");
    });
}

/// Returns how many exchanges were made.
async fn load(gateway: &Gateway, upstream: &Upstream, time: Duration) -> u64 {
    let (end, count) = (Instant::now() + time, Arc::new(AtomicU64::new(0)));
    let callers = (0..CALLERS).map(|at| {
        let (key, to, count) = (gateway.key().to_owned(), gateway.traffic(), Arc::clone(&count));
        tokio::spawn(async move {
            let text = format!("caller {at} is user{at}@example.com, {}", "word ".repeat(at * 20));
            while Instant::now() < end {
                ask(&key, to, &text).await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    for caller in callers {
        poll::until("a caller to end", time * 2 + poll::SOON, async || {
            upstream.forget();
            caller.is_finished().then_some(())
        })
        .await;
        caller.await.unwrap();
    }
    count.load(Ordering::Relaxed)
}

/// One of each kind: whole, streamed, left in the middle, malformed.
async fn ask(key: &str, to: std::net::SocketAddr, text: &str) {
    let call = |body: &serde_json::Value| Call::post("/v1/chat/completions", body).key(key);
    let whole = call(&openai::chat(text)).send(to).await;
    assert_eq!(whole.json()["choices"][0]["message"]["content"], text);
    let streamed = call(&openai::chat_stream(text)).send(to).await;
    assert_eq!(Events::of(&streamed).text(), text);
    call(&openai::chat_stream(text)).open(to).await.leave();
    assert_eq!(Call::bytes("/v1/chat/completions", b"{".to_vec()).key(key).send(to).await.status, 400);
}
