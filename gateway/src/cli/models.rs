//! `weir models`: the files of the embedded models, each pinned by its digest.

use std::{io::Write, path::PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use weir_inference::ModelFiles;

use super::{End, Failure};

/// `weir models`.
#[derive(Subcommand)]
pub enum Models {
    /// Check the files of the default models by their SHA-256
    Verify(Verify),
}

/// `weir models verify`.
#[derive(Args)]
pub struct Verify {
    /// Folder of the models
    #[arg(long, value_name = "FOLDER", default_value = "models")]
    models: PathBuf,
    /// Print `{"ok", "faults": […]}`
    #[arg(long)]
    json: bool,
}

impl Models {
    /// Runs the command.
    ///
    /// # Errors
    /// When standard output can't be written.
    pub fn run(self, out: &mut dyn Write) -> Result<End, Failure> {
        let Self::Verify(verify) = self;
        let faults: Vec<String> =
            ModelFiles::at(&verify.models).faults().iter().map(ToString::to_string).collect();
        if verify.json {
            writeln!(out, "{}", json!({"ok": faults.is_empty(), "faults": faults}))?;
        } else if faults.is_empty() {
            writeln!(out, "the models in {} are what they should be", verify.models.display())?;
        } else {
            faults.iter().try_for_each(|fault| writeln!(out, "{fault}"))?;
        }
        Ok(if faults.is_empty() { End::Fine } else { End::Finding })
    }
}
