//! `weir serve`: the gateway.

use clap::Args;

use super::{Config, End, Failure, calm::calm, logs};
use crate::serve::{self, Start};

/// `weir serve`.
#[derive(Args)]
pub struct Serve {
    /// Take over the listening sockets of the running gateway; send it SIGQUIT then
    #[arg(long)]
    upgrade: bool,
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    logs: logs::Logs,
}

impl Serve {
    /// Runs the gateway until it is told to stop.
    ///
    /// # Errors
    /// Problems of the settings, or what keeps the gateway from starting.
    pub fn run(self) -> Result<End, Failure> {
        let settings = self.config.settings()?;
        calm();
        self.logs.start();
        let start = if self.upgrade { Start::Upgrade } else { Start::Fresh };
        serve::run(settings, start)?;
        Ok(End::Fine)
    }
}
