//! Where the log goes: standard error, as text or as one JSON object a line.

use std::io::{self, IsTerminal as _};

use clap::{Args, ValueEnum};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// Options of commands that run on.
#[derive(Args)]
pub struct Logs {
    /// Form of the log on standard error; RUST_LOG chooses what is in it
    #[arg(long = "log", value_name = "FORM", value_enum, default_value_t = Form::Text)]
    form: Form,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

impl Logs {
    /// Starts logging, once in a process.
    pub fn start(&self) {
        let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
        let started = match self.form {
            Form::Text => builder.with_ansi(io::stderr().is_terminal()).try_init(),
            Form::Json => builder.json().flatten_event(true).try_init(),
        };
        if started.is_err() {
            tracing::debug!("logging was started already");
        }
    }
}
