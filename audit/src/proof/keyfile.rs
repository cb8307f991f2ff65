//! The file that holds a lane's signing key, outside the log's folder, and its change.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use signed_note::Signer;

use super::keys::SigningKey;
use crate::disk::sync_folder;
use crate::error::AuditError;

const HEAD: &str = "weir-checkpoint-key 1";

/// The key a lane signs with and, after a change, the one before it until one checkpoint carries both.
#[derive(Clone, Debug)]
pub(crate) struct KeyFile {
    pub path: PathBuf,
    pub current: SigningKey,
    pub retiring: Option<Retiring>,
}

/// A key that has a successor.
#[derive(Clone, Debug)]
pub(crate) struct Retiring {
    pub key: SigningKey,
    /// `node_seq` of the record that announces the successor.
    pub announced: u64,
}

impl KeyFile {
    /// A file that is yet to be written, with a new key.
    pub(crate) fn new(path: &Path, current: SigningKey) -> Self {
        Self { path: path.to_owned(), current, retiring: None }
    }

    /// Reads the key of the log `name`; `None` when there is no file.
    pub(crate) fn load(path: &Path, name: &str) -> Result<Option<Self>, AuditError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(AuditError::io("reading", path)(error)),
        };
        let fail = |reason| AuditError::Key { path: path.to_owned(), reason };
        let (owner, file) = parse(path, &text).ok_or_else(|| fail("it can't be read as a key file"))?;
        // Two logs must not share a key: each announces its own.
        if owner == name { Ok(Some(file)) } else { Err(fail("it is the key of another log")) }
    }

    /// Who signs now.
    pub(crate) fn signers(&self) -> Vec<&dyn Signer> {
        let retiring = self.retiring.iter().map(|it| &it.key as &dyn Signer);
        retiring.chain([&self.current as &dyn Signer]).collect()
    }

    /// Writes the file, readable by its owner only; durable when this returns.
    pub(crate) fn save(&self) -> Result<(), AuditError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(AuditError::io("creating", folder))?;
        let draft = self.path.with_extension("new");
        let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
        let written = written.and_then(|mut file| {
            file.write_all(self.spelled().as_bytes())?;
            file.sync_all()
        });
        written.map_err(AuditError::io("writing", &draft))?;
        fs::rename(&draft, &self.path).map_err(AuditError::io("renaming", &draft))?;
        sync_folder(folder).map_err(AuditError::io("syncing", folder))
    }

    fn spelled(&self) -> String {
        let (name, key) = (self.current.name(), BASE64_STANDARD.encode(self.current.seed()));
        let mut text = format!("{HEAD}\nlog {name}\ncurrent {key}\n");
        if let Some(Retiring { key, announced }) = &self.retiring {
            text += &format!("retiring {} {announced}\n", BASE64_STANDARD.encode(key.seed()));
        }
        text
    }
}

/// The log's name, and its keys.
fn parse<'a>(path: &Path, text: &'a str) -> Option<(&'a str, KeyFile)> {
    let mut lines = text.lines();
    lines.next().filter(|line| *line == HEAD)?;
    let name = lines.next()?.strip_prefix("log ")?;
    let key = |spelled: &str| {
        let seed = BASE64_STANDARD.decode(spelled).ok()?;
        Some(SigningKey::from_seed(name, seed.try_into().ok()?))
    };
    let current = key(lines.next()?.strip_prefix("current ")?)?;
    let retiring = match lines.next() {
        None => None,
        Some(line) => {
            let (seed, announced) = line.strip_prefix("retiring ")?.split_once(' ')?;
            Some(Retiring { key: key(seed)?, announced: announced.parse().ok()? })
        }
    };
    lines.next().is_none().then(|| (name, KeyFile { path: path.to_owned(), current, retiring }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_file_survives_and_is_its_owners_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/checkpoint.key");
        assert!(KeyFile::load(&path, "weir/a").unwrap().is_none());
        let mut file = KeyFile::new(&path, SigningKey::from_seed("weir/a", [1; 32]));
        for _ in 0..2 {
            file.save().unwrap();
            let read = KeyFile::load(&path, "weir/a").unwrap().unwrap();
            assert_eq!(read.spelled(), file.spelled());
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let key = SigningKey::from_seed("weir/a", [2; 32]);
            file.retiring = Some(Retiring { key: std::mem::replace(&mut file.current, key), announced: 9 });
        }
        assert!(matches!(KeyFile::load(&path, "weir/b"), Err(AuditError::Key { .. })), "another log's");
        for text in ["", "weir-checkpoint-key 2\n", "weir-checkpoint-key 1\nlog weir/a\ncurrent AAAA\n"] {
            fs::write(&path, text).unwrap();
            assert!(matches!(KeyFile::load(&path, "weir/a"), Err(AuditError::Key { .. })), "{text:?}");
        }
    }
}
