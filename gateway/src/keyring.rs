//! Secrets of this installation: made at the first start, kept in the data folder for its owner only.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use hmac::{
    Hmac, Mac,
    digest::{Key, KeyInit},
};
use rand::TryRngCore;
use sha2::Sha256;

/// Bytes of the master secret.
const LENGTH: usize = 32;

/// The master secret, from which every other is derived. It has no `Debug`.
pub struct Keyring([u8; LENGTH]);

/// The secret can't be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// A file operation failed.
    #[error("the secret {} can't be {action}: {source}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file has another length than a secret of ours.
    #[error("the secret {} is damaged: restore it from a backup, or pseudonyms change", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

impl Keyring {
    /// The secret of a data folder, made when there is none.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn open(data_dir: &Path) -> Result<Self, KeyringError> {
        let path = data_dir.join("pseudonym.key");
        let failed = |action: &'static str| {
            let path = path.clone();
            move |source: io::Error| KeyringError::Io { action, path, source }
        };
        match fs::read(&path) {
            Ok(bytes) => return bytes.try_into().map(Self).map_err(|_| KeyringError::Damaged { path }),
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(failed("read")(fault)),
            Err(_) => {}
        }
        // Written whole under another name first: a crash in between must not leave half a secret.
        let draft = data_dir.join(format!(".pseudonym.key.{}", std::process::id()));
        let secret = write_new(&draft).map_err(failed("written"))?;
        let kept = fs::hard_link(&draft, &path);
        fs::remove_file(&draft).map_err(failed("written"))?;
        match kept {
            Ok(()) => {
                fs::File::open(data_dir).and_then(|dir| dir.sync_all()).map_err(failed("written"))?;
                Ok(Self(secret))
            }
            // Another process made one first.
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => Self::open(data_dir),
            Err(fault) => Err(failed("made")(fault)),
        }
    }

    /// The key from which pseudonyms are made.
    pub fn pseudonyms(&self) -> [u8; LENGTH] {
        self.derive(&[b"pseudonyms"])
    }

    /// HMAC-SHA256 over the parts, each with its length in front so that none can run into the next.
    fn derive(&self, parts: &[&[u8]]) -> [u8; LENGTH] {
        // RFC 2104: a key shorter than a block is padded with zeros.
        let mut key = Key::<Hmac<Sha256>>::default();
        key.iter_mut().zip(self.0).for_each(|(slot, byte)| *slot = byte);
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&key);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

fn write_new(path: &Path) -> io::Result<[u8; LENGTH]> {
    let mut secret = [0; LENGTH];
    rand::rngs::OsRng.try_fill_bytes(&mut secret).map_err(io::Error::other)?;
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(&secret)?;
    file.sync_all()?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_secret_stays_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = Keyring::open(dir.path()).unwrap();
        let second = Keyring::open(dir.path()).unwrap();
        assert_eq!(first.pseudonyms(), second.pseudonyms());
        let mode = fs::metadata(dir.path().join("pseudonym.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_secret_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("pseudonym.key"), b"short").unwrap();
        assert!(matches!(Keyring::open(dir.path()), Err(KeyringError::Damaged { .. })));
    }
}
