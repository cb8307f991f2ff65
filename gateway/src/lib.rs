//! The gateway: Pingora shell, pipeline, relay, routing, admin.

pub mod settings;
