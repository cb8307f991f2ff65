//! The gateway: Pingora shell, pipeline, relay, routing, admin.

mod admin;
mod archive;
mod assemble;
pub mod cli;
mod console;
mod controls;
mod detection;
mod gate;
mod housekeeping;
mod keyring;
mod pipeline;
mod refusal;
mod relay;
mod routing;
pub mod serve;
pub mod settings;
mod shell;
mod telemetry;
