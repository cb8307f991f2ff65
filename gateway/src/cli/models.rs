//! `weir models`: the files of the embedded models, each pinned by its digest.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use sha2::{Digest as _, Sha256};

use super::{End, Failure};

/// The files of the default models and their SHA-256; `scripts/models.sh` fetches them.
const FILES: [(&str, &str); 3] = [
    ("smollm2-135m-instruct-q4_1.gguf", "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
    (
        "all-minilm-l6-v2/model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    ("all-minilm-l6-v2/tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
];

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
    /// Print a list of objects
    #[arg(long)]
    json: bool,
}

/// What is wrong with a model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It isn't there.
    Missing,
    /// It can't be read.
    Unreadable,
    /// It holds something else.
    Differs,
}

impl Fault {
    /// In words.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Missing => "missing; `make models` fetches it",
            Self::Unreadable => "can't be read",
            Self::Differs => "differs from the model it should be; remove it and run `make models`",
        }
    }
}

impl Models {
    /// Runs the command.
    ///
    /// # Errors
    /// When standard output can't be written.
    pub fn run(self, out: &mut dyn Write) -> Result<End, Failure> {
        let Self::Verify(verify) = self;
        let checked = verify_files(&verify.models);
        let word = |fault: &Option<Fault>| fault.map_or("fine", Fault::text);
        if verify.json {
            let list: Vec<_> = checked
                .iter()
                .map(|(file, fault)| serde_json::json!({"file": file, "ok": fault.is_none(), "fault": fault.map(Fault::text)}))
                .collect();
            writeln!(out, "{}", serde_json::Value::from(list))?;
        } else {
            for (file, fault) in &checked {
                writeln!(out, "{}: {}", verify.models.join(file).display(), word(fault))?;
            }
        }
        let is_fine = checked.iter().all(|(_, fault)| fault.is_none());
        Ok(if is_fine { End::Fine } else { End::Finding })
    }
}

/// Every file of the default models in a folder, with what is wrong with it.
#[must_use]
pub fn verify_files(folder: &Path) -> Vec<(&'static str, Option<Fault>)> {
    FILES.iter().map(|(file, digest)| (*file, verify(&folder.join(file), digest))).collect()
}

fn verify(path: &Path, expect: &str) -> Option<Fault> {
    let digest = File::open(path).and_then(digest);
    match digest {
        Ok(found) if found == expect => None,
        Ok(_) => Some(Fault::Differs),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Fault::Missing),
        Err(_) => Some(Fault::Unreadable),
    }
}

/// SHA-256 of a file, in hexadecimal.
fn digest(mut file: File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(format!("{:x}", hasher.finalize())),
            read => hasher.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::{Fault, verify, verify_files};

    #[test]
    fn files_are_told_apart() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("abc");
        fs::write(&path, "abc").unwrap();
        // FIPS 180-2, appendix B.1.
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(verify(&path, digest), None);
        assert_eq!(verify(&path, &digest.replace("ba", "ab")), Some(Fault::Differs));
        assert_eq!(verify(&folder.path().join("none"), digest), Some(Fault::Missing));
        assert_eq!(verify(folder.path(), digest), Some(Fault::Unreadable));
        assert!(verify_files(folder.path()).iter().all(|(_, fault)| *fault == Some(Fault::Missing)));
    }
}
