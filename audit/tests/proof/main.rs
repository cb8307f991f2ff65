//! The proof from outside: what is sealed can be shown, and no change of it goes unseen.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may stop at once")]

mod anchoring;
mod bundles;
mod oracle;
mod rotation;
mod sealing;
mod support;
#[path = "../../examples/evidence/tamper.rs"]
mod tamper;
mod tampering;
mod witnesses;
