//! Bodies beside the log: encrypted by keys that can be destroyed, so that a person is erased and every proof stays.
//!
//! Key-encryption key → tenant key → subject key → body key. The log holds hashes of ciphertext and random
//! references only; keys live in a folder of their own, which no backup of the log brings back.
//! docs/audit-bodies.md spells the formats, docs/decisions/0012 the reasons.

mod bodies;
mod cache;
mod catalogue;
mod crypto;
mod erase;
mod files;
mod frame;
mod keys;
mod note;
mod open;
mod prune;
mod rotate;
mod shelf;
mod slot;
mod subject;
mod supply;
mod volume;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::disk::{make_folder, replace};
use crate::error::AuditError;
use crate::options::{Ambient, System, day_of};
use crate::text::Text;
use crypto::{KEY, Secret};
use keys::{KeyStore, Owner};
use supply::{Spare, Supply};

pub use bodies::Bodies;
pub(crate) use bodies::Kept;
pub use erase::{Erase, Receipt, Whom};
pub use files::{BodyFiles, Stored};
pub use note::NoteKey;
pub use open::{Hidden, Opened, Plaintext};
pub use prune::PrunedBodies;
pub use rotate::change_kek;
pub(crate) use shelf::Shelf;
pub use subject::Subject;

/// Longest body that may be kept, whatever the settings say.
const MOST: usize = 256 << 20;

/// Settings of a vault.
#[derive(Clone)]
pub struct VaultOptions {
    /// Where the key-encryption key comes from.
    pub kek: Kek,
    /// Most bytes of a body that is kept; of a longer one nothing is kept, not even its hash. At most 256 MiB.
    pub max_body: usize,
    /// Size at which a body file is closed and the next begun, in bytes.
    pub volume_bytes: u64,
    /// Most subject keys held in memory.
    pub cached_keys: usize,
    /// Clock and randomness.
    pub ambient: Arc<dyn Ambient>,
}

impl Default for VaultOptions {
    fn default() -> Self {
        Self {
            kek: Kek::Beside,
            max_body: 1 << 20,
            volume_bytes: 64 << 20,
            cached_keys: 8192,
            ambient: Arc::new(System::default()),
        }
    }
}

/// Where the key-encryption key comes from.
#[derive(Clone)]
pub enum Kek {
    /// The file `kek` in the folder of the keys; made, readable by its owner only, if there is none.
    Beside,
    /// A file of 32 bytes, made in the same way.
    File(PathBuf),
    /// These bytes, for example from a key management service.
    Given(Zeroizing<[u8; 32]>),
}

/// Which body of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyKind {
    /// The request as received.
    Request,
    /// The request as sent.
    Sent,
    /// The reply as received.
    Reply,
    /// The reply as returned.
    Returned,
}

impl BodyKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Request, Self::Sent, Self::Reply, Self::Returned];

    /// The word the record uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Sent => "sent",
            Self::Reply => "reply",
            Self::Returned => "returned",
        }
    }

    /// The kind a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    fn code(self) -> u8 {
        match self {
            Self::Request => 1,
            Self::Sent => 2,
            Self::Reply => 3,
            Self::Returned => 4,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Encrypted bodies and the keys to them. Several processes may have the same vault open.
pub struct Vault {
    files: BodyFiles,
    keys_dir: PathBuf,
    keys: KeyStore,
    supply: Arc<Supply>,
    volume_bytes: u64,
}

impl Vault {
    /// Opens the vault with its bodies and its keys in two folders; makes what there is not.
    ///
    /// # Errors
    /// [`AuditError::WrongKey`] if the key-encryption key is not the one that the store was made with;
    /// [`AuditError::KeyStore`] if the store is damaged or others may read the key; [`AuditError::Io`].
    pub fn open(bodies: &Path, keys: &Path, options: VaultOptions) -> Result<Self, AuditError> {
        make_folder(bodies)?;
        make_folder(keys)?;
        make_folder(&keys.join("erasing"))?;
        make_folder(&keys.join("tenants"))?;
        let ambient = options.ambient;
        let kek = match options.kek {
            Kek::Given(bytes) => Secret::new(*bytes),
            Kek::Beside => kek_from(&keys.join("kek"), keys, &*ambient)?,
            Kek::File(path) => kek_from(&path, keys, &*ambient)?,
        };
        let supply = Arc::new(Supply { ambient, most: options.max_body.min(MOST), spare: Spare::default() });
        Ok(Self {
            files: BodyFiles::open(bodies),
            keys_dir: keys.to_owned(),
            keys: KeyStore::open(keys, kek, Arc::clone(&supply), options.cached_keys)?,
            supply,
            volume_bytes: options.volume_bytes,
        })
    }

    /// The key of a data subject, made at its first call; without one, the key of the tenant's nameless calls of
    /// this day. `subject` stays nowhere but in a keyed hash.
    ///
    /// Touches no disk for a key in memory. A new key is durable before the first record that was written after
    /// this by a log that has this vault; [`Vault::sync`] makes it so for others.
    ///
    /// # Errors
    /// [`AuditError::KeyStore`], [`AuditError::Crypto`], [`AuditError::Io`].
    pub fn subject(&self, tenant: &str, subject: Option<&str>) -> Result<Subject, AuditError> {
        let owner = subject.map_or(Owner::Day(day_of(self.supply.ambient.wall())), Owner::Subject);
        self.keys.obtain(tenant, owner).map(Subject)
    }

    /// The random reference to a data subject, for [`crate::Intent::subject_ref`]; as [`Vault::subject`].
    ///
    /// # Errors
    /// As [`Vault::subject`].
    pub fn subject_ref(&self, tenant: &str, subject: &str) -> Result<Text, AuditError> {
        self.subject(tenant, Some(subject)).map(|it| it.key().clone())
    }

    /// The reference to a data subject that has one; makes none.
    ///
    /// # Errors
    /// As [`Vault::subject`].
    pub fn known_ref(&self, tenant: &str, subject: &str) -> Result<Option<Text>, AuditError> {
        let place = self.keys.look_up(tenant, Owner::Subject(subject))?;
        Ok(place.map(|place| Text::from(crypto::spell(&place.slot.reference))))
    }

    /// The body files, as a reader without keys sees them.
    pub fn files(&self) -> &BodyFiles {
        &self.files
    }

    /// Makes every key that was given out durable.
    ///
    /// # Errors
    /// [`AuditError::Io`]
    pub fn sync(&self) -> Result<(), AuditError> {
        self.keys.sync()
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("bodies", &self.files.dir).finish_non_exhaustive()
    }
}

/// The key in a file. A new one is made only for a new store: a store without its key must not look like one.
fn kek_from(path: &Path, keys: &Path, ambient: &dyn Ambient) -> Result<Secret, AuditError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = match fs::metadata(path) {
        Ok(found) => found.permissions().mode(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if keys.join("store").exists() {
                return Err(AuditError::WrongKey { path: path.to_owned() });
            }
            return make_kek(path, ambient);
        }
        Err(error) => return Err(AuditError::io("reading", path)(error)),
    };
    let bad = |reason| AuditError::KeyStore { path: path.to_owned(), reason };
    if mode & 0o077 != 0 {
        return Err(bad("others may read it: allow its owner only (chmod 600)"));
    }
    let bytes = Zeroizing::new(fs::read(path).map_err(AuditError::io("reading", path))?);
    let key: [u8; KEY] = bytes.as_slice().try_into().map_err(|_| bad("it is not 32 bytes long"))?;
    Ok(Secret::new(key))
}

fn make_kek(path: &Path, ambient: &dyn Ambient) -> Result<Secret, AuditError> {
    let secret = Secret::random(ambient)?;
    replace(path, secret.bytes()).map_err(AuditError::io("writing", path))?;
    Ok(secret)
}
