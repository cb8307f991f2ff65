//! The gateway: Pingora shell, pipeline, relay, routing, admin.

mod gate;
mod keyring;
mod pipeline;
mod refusal;
mod relay;
mod routing;
pub mod settings;
mod shell;
mod telemetry;
