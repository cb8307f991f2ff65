//! The key file's format, and reading and replacing it as a whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::mint::KeyDigest;
use crate::{CallersError, FileStamp};

/// Format of the file; a file of another one is refused, never guessed at.
const SCHEMA: &str = "weir-keys-1";
/// A million keys take less.
const FILE_LIMIT: u64 = 512 << 20;

/// One key as it is stored. Times are seconds since 1970-01-01 UTC.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredKey {
    /// Public name of the key, as in `weir keys revoke ID` and in records.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Tenant of its callers.
    pub tenant: String,
    /// Team of its callers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Application of its callers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Roles; `admin` opens the admin port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Model patterns; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Endpoint names; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<String>,
    /// When it was made.
    pub created: u64,
    /// From when on it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// When it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<u64>,
    /// SHA-256 of the key.
    pub(crate) sha256: StoredDigest,
}

/// A digest, in hexadecimal in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoredDigest(pub(crate) KeyDigest);

/// The whole file.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyDocument {
    schema: String,
    pub(crate) keys: Vec<StoredKey>,
}

impl KeyDocument {
    /// Reads the file with the stamp of what was read; no file counts as no keys.
    pub(crate) fn read(path: &Path) -> Result<(Self, Option<FileStamp>), CallersError> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Self::default(), None)),
            Err(error) => return Err(CallersError::file(path, error)),
        };
        // Asked of the open file, so that a rename in between can't pair old keys with a new stamp.
        let metadata = file.metadata().map_err(|error| CallersError::file(path, error))?;
        let mut text = Vec::new();
        let read = Read::by_ref(&mut file).take(FILE_LIMIT + 1).read_to_end(&mut text);
        let read = read.map_err(|error| CallersError::file(path, error))?;
        if read as u64 > FILE_LIMIT {
            return Err(Self::fault(path, "it is too large".into()));
        }
        Ok((Self::parse(path, &text)?, Some(FileStamp::from(&metadata))))
    }

    fn parse(path: &Path, text: &[u8]) -> Result<Self, CallersError> {
        // The position only: serde's message may repeat values.
        let document: Self = serde_json::from_slice(text).map_err(|error| {
            Self::fault(path, format!("line {} column {} does not fit", error.line(), error.column()))
        })?;
        if document.schema != SCHEMA {
            return Err(Self::fault(path, format!("its schema is not `{SCHEMA}`")));
        }
        Ok(document)
    }

    /// Replaces the file in one step that a crash can't halve: new file, fsync, rename, fsync of the folder.
    pub(crate) fn write(&mut self, path: &Path) -> Result<(), CallersError> {
        SCHEMA.clone_into(&mut self.schema);
        let fresh = path.with_extension("json.new");
        self.replace(path, &fresh).map_err(|error| CallersError::file(path, error))
    }

    fn replace(&self, path: &Path, fresh: &Path) -> io::Result<()> {
        match fs::remove_file(fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(fresh)?;
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(fresh, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }

    fn fault(path: &Path, reason: String) -> CallersError {
        CallersError::KeyFile { path: path.to_owned(), reason }
    }
}

impl Serialize for StoredDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for StoredDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_hex(&text).map(Self).ok_or_else(|| de::Error::custom("not a SHA-256 in hexadecimal"))
    }
}

fn parse_hex(text: &str) -> Option<KeyDigest> {
    let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut digest = KeyDigest::default();
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != digest.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
        *byte = (nibble(*high)? << 4) | nibble(*low)?;
    }
    Some(digest)
}
