//! `weir check`: everything `weir serve` would stumble over, without starting anything.

use std::{io::Write, path::PathBuf};

use clap::Args;
use serde_json::json;
use weir_inference::ModelFiles;
use weir_policies::PolicySet;

use super::{Config, End, Failure};
use crate::settings::{Baseline, Engine, Problem, PseudonymVault, Settings};

/// `weir check`.
#[derive(Args)]
pub struct Check {
    /// Print `{"ok", "problems": […]}`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Config,
}

impl Check {
    /// Runs the command.
    ///
    /// # Errors
    /// When standard output can't be written. Problems are no error of the command: it tells them.
    pub fn run(self, out: &mut dyn Write) -> Result<End, Failure> {
        let problems = match self.config.settings() {
            Ok(settings) => beyond(&settings),
            Err(Failure::Settings(problems)) => problems,
            Err(other) => return Err(other),
        };
        if self.json {
            writeln!(out, "{}", document(&problems))?;
        } else {
            problems.iter().try_for_each(|problem| writeln!(out, "{problem}"))?;
            if problems.is_empty() {
                writeln!(out, "no problem found")?;
            }
        }
        Ok(if problems.is_empty() { End::Fine } else { End::Usage })
    }
}

/// Problems beyond the settings file: in what it names.
fn beyond(settings: &Settings) -> Vec<Problem> {
    let mut problems = policies_of(settings);
    problems.extend(models_of(settings));
    problems
}

fn policies_of(settings: &Settings) -> Vec<Problem> {
    let files = &settings.policies.files;
    let read = match settings.policies.baseline {
        Baseline::On => PolicySet::load_behind_baseline(files),
        Baseline::Off => PolicySet::load(files),
    };
    match read {
        Ok(set) if settings.audit.pseudonyms.vault == PseudonymVault::None => set.demands(),
        Ok(_) => Vec::new(),
        Err(problems) => problems,
    }
}

fn models_of(settings: &Settings) -> Vec<Problem> {
    let folders = settings.upstreams.iter().filter_map(|upstream| match &upstream.engine {
        Engine::Embedded(embedded) => Some(&embedded.models),
        Engine::OpenAi(_) => None,
    });
    let problems = |folder: &PathBuf| {
        let name = folder.display().to_string();
        let faults = ModelFiles::at(folder).faults();
        faults.into_iter().map(move |fault| Problem::of_file(&name, fault.to_string()))
    };
    folders.flat_map(problems).collect()
}

fn document(problems: &[Problem]) -> serde_json::Value {
    let list: Vec<_> = problems
        .iter()
        .map(|problem| {
            json!({
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "path": problem.path,
                "message": problem.message,
                "suggestion": problem.suggestion,
            })
        })
        .collect();
    json!({"ok": problems.is_empty(), "problems": list})
}
