//! Harness for scenarios: starts the built gateway, plays scripted upstreams, speaks raw HTTP.
//!
//! Everything here may panic: a broken harness is a failed test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::missing_panics_doc,
    reason = "test code"
)]

pub mod client;
pub mod clock;
pub mod config;
pub mod gateway;
pub mod openai;
pub mod policy;
pub mod poll;
pub mod script;
pub mod upstream;
pub mod wire;

pub use client::{Answer, Call, Open};
pub use clock::Clock;
pub use config::Config;
pub use gateway::Gateway;
pub use script::{Gate, Script, Step};
pub use upstream::{Seen, Upstream};

/// Runs one scenario on a runtime of its own, with a limit so that a hang fails instead of blocking.
pub fn scenario<F: Future<Output = ()>>(body: F) {
    scenario_within(poll::SCENARIO, body);
}

/// Runs one that takes longer.
pub fn scenario_within<F: Future<Output = ()>>(limit: std::time::Duration, body: F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(limit, body).await.expect("the scenario ends in time");
    });
}
