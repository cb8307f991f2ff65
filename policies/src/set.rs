//! A set of policies: loaded whole or not at all, known by the hash of its content.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use weir_classifiers::Reading;

use crate::document::{self, Problem};
use crate::language;
use crate::policy::{Demand, Policy, Rule, Stage};

/// The policy that applies when none is configured.
const BASELINE: &str = include_str!("../packs/baseline.yaml");
/// Its name in problems.
const BASELINE_FILE: &str = "policies/packs/baseline.yaml";

/// What to do about a rule that can't be met.
const NO_VAULT: &str = "the rule requires a vault, and none is set: add `pseudonyms: {vault: sqlite}` to the settings \
                        and restart, or take `vault: required` out";

/// All policies that apply, in the order of their files.
#[derive(Clone)]
pub struct PolicySet {
    pub(crate) policies: Vec<Policy>,
    hash: String,
}

impl PolicySet {
    /// Loads files, and from directories all files named `*.yaml` or `*.yml` in the order of names.
    ///
    /// # Errors
    /// All problems of all files. The set is then not usable in part.
    pub fn load(paths: &[PathBuf]) -> Result<Self, Vec<Problem>> {
        Self::load_behind(Vec::new(), paths)
    }

    /// Loads files as [`PolicySet::load`] does, with the policy shipped with Weir in front of them.
    ///
    /// # Errors
    /// As [`PolicySet::load`].
    pub fn load_behind_baseline(paths: &[PathBuf]) -> Result<Self, Vec<Problem>> {
        Self::load_behind(vec![(BASELINE_FILE.to_owned(), BASELINE.to_owned())], paths)
    }

    fn load_behind(mut texts: Vec<(String, String)>, paths: &[PathBuf]) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        for path in paths.iter().flat_map(|path| files(path, &mut problems)).collect::<Vec<_>>() {
            let name = path.display().to_string();
            match fs::read_to_string(&path) {
                Ok(text) => texts.push((name, text)),
                Err(error) => {
                    problems.push(Problem::of_file(&name, format!("can't be read: {}", error.kind())))
                }
            }
        }
        let read = Self::parse(&texts);
        match read {
            Ok(set) if problems.is_empty() => Ok(set),
            Ok(_) => Err(problems),
            Err(more) => {
                problems.extend(more);
                Err(problems)
            }
        }
    }

    /// Reads policies from `(file name, text)` pairs.
    ///
    /// # Errors
    /// All problems of all texts.
    pub fn parse(texts: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut policies: Vec<Policy> = Vec::new();
        let mut hash = Sha256::new();
        let mut names = HashSet::new();
        for (file, text) in texts {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
            let read = document::read_all(file, text, |value| {
                let policy = language::policy(value, file)?;
                if !names.insert(policy.name.clone()) {
                    value.problem(format!("policy `{}` is in the set a second time", policy.name));
                }
                Some(policy)
            });
            match read {
                Ok(read) => policies.extend(read),
                Err(more) => problems.extend(more),
            }
        }
        let hash = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if problems.is_empty() { Ok(Self { policies, hash }) } else { Err(problems) }
    }

    /// The policy shipped with Weir.
    ///
    /// # Errors
    /// The problems of the shipped file; a test keeps it free of them.
    pub fn baseline() -> Result<Self, Vec<Problem>> {
        Self::parse(&[(BASELINE_FILE.to_owned(), BASELINE.to_owned())])
    }

    /// A set without any policy: everything passes.
    pub fn empty() -> Self {
        Self { policies: Vec::new(), hash: format!("{:x}", Sha256::new().finalize()) }
    }

    /// SHA-256 of the files' contents, in lower-case hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Names of the policies, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().map(|policy| policy.name.as_str())
    }

    /// A problem for every rule that demands that values are kept: for an installation that keeps none.
    pub fn demands(&self) -> Vec<Problem> {
        let rules = self.policies.iter().flat_map(|policy| &policy.rules);
        let demands = rules.filter_map(|rule| rule.demand.as_ref());
        let problem = |demand: &Demand| Problem {
            file: demand.file.clone(),
            line: demand.spot.line,
            column: demand.spot.column,
            path: demand.spot.path.clone(),
            message: NO_VAULT.to_owned(),
            suggestion: None,
        };
        demands.map(problem).collect()
    }

    /// A set of one of the policies, for its tests.
    pub(crate) fn only(&self, policy: &Policy) -> Self {
        Self { policies: vec![policy.clone()], hash: self.hash.clone() }
    }

    /// Which taggers read requests: the most thorough that a policy with rules on them asks for.
    pub(crate) fn reading(&self) -> Reading {
        self.rules(Stage::Request).map(|(policy, _)| policy.reading).max().unwrap_or_default()
    }

    /// The rules of a stage, in order, each with its policy.
    pub(crate) fn rules(&self, stage: Stage) -> impl Iterator<Item = (&Policy, &Arc<Rule>)> {
        self.policies
            .iter()
            .flat_map(|policy| policy.rules.iter().map(move |rule| (policy, rule)))
            .filter(move |(_, rule)| rule.watches(stage))
    }
}

/// A file itself, or the policy files of a directory.
fn files(path: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let is_policy = |path: &Path| path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    match fs::read_dir(path) {
        Ok(entries) => {
            let mut files: Vec<PathBuf> =
                entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_policy(path)).collect();
            files.sort();
            if files.is_empty() {
                problems.push(Problem::of_file(&path.display().to_string(), "holds no policy files"));
            }
            files
        }
        Err(error) => {
            let message = format!("can't be read: {}", error.kind());
            problems.push(Problem::of_file(&path.display().to_string(), message));
            Vec::new()
        }
    }
}
