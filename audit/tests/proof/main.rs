//! The proof from outside: what is sealed can be shown, and no change of it goes unseen.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may stop at once")]

mod anchoring;
mod bundles;
#[allow(dead_code, reason = "written for the index, which asks it for more")]
#[path = "../../../index/tests/support/cluster.rs"]
mod cluster;
mod kill;
mod oracle;
mod postgres;
mod power;
mod rotation;
mod sealing;
mod stored;
mod support;
#[path = "../../examples/evidence/tamper.rs"]
mod tamper;
mod tampering;
mod witnesses;
