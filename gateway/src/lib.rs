//! The gateway: Pingora shell, pipeline, relay, routing, admin.

pub mod cli;
pub mod settings;
