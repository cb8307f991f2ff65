//! The index against real logs: every question answered as a plain reading of the log would, every record once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::let_underscore_must_use,
    reason = "test code"
)]

#[path = "../support/cluster.rs"]
mod cluster;
mod erasure;
mod faults;
mod following;
mod kill;
mod questions;
mod shipping;
mod support;
mod wire;
