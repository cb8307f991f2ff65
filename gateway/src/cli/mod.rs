//! The command line: one binary, one command a file.

mod audit;
mod calm;
mod check;
mod detect;
mod duration;
mod infer;
mod keys;
mod logs;
mod models;
mod panics;
mod pseudonyms;
mod serve;
mod time;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::settings::{Books, Folders, Problem, Settings, system_environment};

/// The command line as clap reads it.
#[derive(Parser)]
#[command(
    name = "weir",
    version,
    about = "A gateway that governs traffic to language models",
    disable_help_subcommand = true,
    arg_required_else_help = true
)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway
    Serve(serve::Serve),
    /// Check the settings, policies, prices and models; tell all problems at once
    Check(check::Check),
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Find personal data and secrets in lines of JSON
    Detect(detect::Detect),
    /// Look into the audit log, also while the gateway runs
    Audit(Box<audit::AuditArgs>),
    /// Show what stands behind a pseudonym
    #[command(subcommand)]
    Pseudonyms(pseudonyms::Pseudonyms),
    /// Run the embedded model server on its own
    #[command(subcommand)]
    Infer(infer::Infer),
    /// Look after the files of the embedded models
    #[command(subcommand)]
    Models(models::Models),
}

/// Where the settings are.
#[derive(Args)]
pub struct Config {
    /// Settings file; else the one WEIR_CONFIG names, else ./weir.yaml, else the embedded default
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// How a command ended. Its number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Fine = 0,
    /// Something was found, or failed.
    Finding = 1,
    /// The command line or the settings are wrong.
    Usage = 64,
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// The settings have problems.
    Settings(Vec<Problem>),
    /// The command line is wrong.
    Usage(String),
    /// The work failed.
    Work(anyhow::Error),
}

/// Runs the command of this process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    panics::hush();
    let end = match Line::try_parse() {
        Ok(line) => run(line.command, &mut io::stdout()),
        Err(fault) => {
            // Help and version are asked for, and go to standard output; nothing can be done when that is closed.
            let _closed = fault.print();
            if fault.use_stderr() { End::Usage } else { End::Fine }
        }
    };
    ExitCode::from(end as u8)
}

fn run(command: Command, out: &mut dyn Write) -> End {
    let done = match command {
        Command::Serve(serve) => serve.run(),
        Command::Check(check) => check.run(out),
        Command::Keys(keys) => keys.run(out),
        Command::Detect(detect) => detect.run(out),
        Command::Audit(audit) => audit.run(out),
        Command::Pseudonyms(pseudonyms) => pseudonyms.run(out),
        Command::Infer(infer) => infer.run(),
        Command::Models(models) => models.run(out),
    };
    match done {
        Ok(end) => end,
        Err(failure) => failure.tell(),
    }
}

impl Config {
    /// The settings.
    fn settings(&self) -> Result<Settings, Failure> {
        Settings::load(self.config.as_deref(), &system_environment).map_err(Failure::Settings)
    }

    /// The settings of the audit log alone.
    fn books(&self) -> Result<Books, Failure> {
        crate::settings::books(self.config.as_deref(), &system_environment).map_err(Failure::Settings)
    }

    /// The folders alone.
    fn folders(&self) -> Result<Folders, Failure> {
        crate::settings::folders(self.config.as_deref(), &system_environment).map_err(Failure::Settings)
    }
}

impl Failure {
    /// Says on standard error what is wrong.
    fn tell(self) -> End {
        match self {
            Self::Settings(problems) => {
                problems.iter().for_each(|problem| eprintln!("{problem}"));
                End::Usage
            }
            Self::Usage(message) => {
                eprintln!("weir: {message}");
                End::Usage
            }
            // A reader such as `head` that has seen enough is no fault.
            Self::Work(error) if is_closed_pipe(&error) => End::Fine,
            Self::Work(error) => {
                eprintln!("weir: {error:#}");
                End::Finding
            }
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Work(error.into())
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests;
