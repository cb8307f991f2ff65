//! `weir.yaml`: from text to checked settings.

mod types;

pub use types::*;
