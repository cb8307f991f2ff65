//! Sinks against receivers that work, fail, hang, break off, refuse and come back.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may stop at once")]

mod faults;
mod kill;
mod otlp;
mod pki;
mod real;
mod restarts;
mod support;
mod syslog;
