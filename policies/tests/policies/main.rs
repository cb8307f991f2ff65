//! The controls and the policy language from outside.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "a failed expectation should fail the test"
)]

mod kept;
mod language;
mod long;
mod modes;
mod personal;
mod replies;
mod screen;
mod support;
mod surrogates;
