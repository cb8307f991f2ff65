//! The log from outside: what is acknowledged is there, after every kind of end.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may stop at once")]

mod admission;
mod bodies;
mod clocks;
mod completeness;
mod damage;
mod disks;
mod erasing;
mod following;
mod keys;
mod kill;
mod lanes;
mod listing;
mod power;
mod pruning;
mod reveals;
mod support;
mod vault;
mod writing;
