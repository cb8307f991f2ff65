//! Making, listing and revoking keys, safely beside a running gateway.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    mint,
    store::{KeyDocument, StoredDigest, StoredKey},
};
use crate::{ADMIN_ROLE, CallersError, Clock, Secret};

/// Longest name, tenant, team, application, role, pattern.
const TEXT_LIMIT: usize = 128;
/// A given secret shorter than this could be guessed from its fast digest.
const GIVEN_SECRET_MINIMUM: usize = 16;
/// Name of the key that comes from the environment.
const GIVEN_ADMIN: &str = "admin (environment)";

/// The keys of a data folder, on disk. Several processes may change it at once: a lock file orders them.
pub struct KeyFile {
    path: PathBuf,
    lock: PathBuf,
    clock: Clock,
}

/// What a new key shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewKey {
    /// What its owner calls it.
    pub name: String,
    /// Tenant of its callers.
    pub tenant: String,
    /// Team of its callers.
    pub team: Option<String>,
    /// Application of its callers.
    pub app: Option<String>,
    /// How long it is good for; for ever when absent.
    pub expires: Option<Duration>,
    /// Model patterns; empty for all.
    pub models: Vec<String>,
    /// Endpoint names; empty for all.
    pub endpoints: Vec<String>,
    /// Roles; `admin` opens the admin port.
    pub roles: Vec<String>,
}

/// A key just made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Its id.
    pub id: String,
    /// The key itself. It is stored nowhere: show it once.
    pub secret: Secret,
}

impl KeyFile {
    /// The key file of a data folder, which is made (mode 0700) when it isn't there.
    ///
    /// # Errors
    /// When the folder can't be made or the file is there but not a key file.
    pub fn open(data_dir: &Path) -> Result<Self, CallersError> {
        Self::with_clock(data_dir, Clock::system())
    }

    /// The same with another clock.
    ///
    /// # Errors
    /// As `open`.
    pub fn with_clock(data_dir: &Path, clock: Clock) -> Result<Self, CallersError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
        made.map_err(|error| CallersError::file(data_dir, error))?;
        let path = data_dir.join("keys.json");
        KeyDocument::read(&path)?;
        Ok(Self { lock: data_dir.join("keys.lock"), path, clock })
    }

    /// Where the keys are.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a key and stores its digest, durably.
    ///
    /// # Errors
    /// When a text of `new` is unusable, or the file can't be read or replaced.
    pub fn create(&self, new: &NewKey) -> Result<Created, CallersError> {
        check(new)?;
        let secret = mint::secret()?;
        let key = self.stored(new, &secret)?;
        let id = key.id.clone();
        self.change(|document| {
            document.keys.push(key);
            Ok(())
        })?;
        Ok(Created { id, secret })
    }

    /// All keys, in the order they were made, revoked and expired ones too.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn list(&self) -> Result<Vec<StoredKey>, CallersError> {
        Ok(KeyDocument::read(&self.path)?.0.keys)
    }

    /// Takes a key back; its entry stays, for the records that name it. Once more is no error.
    ///
    /// # Errors
    /// When no key has the id, or the file can't be read or replaced.
    pub fn revoke(&self, id: &str) -> Result<StoredKey, CallersError> {
        let now = self.clock.unix().as_secs();
        self.change(|document| {
            let key = document.keys.iter_mut().find(|key| key.id == id);
            let key = key.ok_or_else(|| CallersError::NoSuchKey { id: id.to_owned() })?;
            key.revoked.get_or_insert(now);
            Ok(key.clone())
        })
    }

    /// Sees to it that an administrator can get in: stores the `given` key unless it is stored already, in
    /// place of an earlier given one; without a given key makes one, unless a usable admin key is there.
    ///
    /// # Errors
    /// When the given key is too short, or is stored as another, unusable key, or the file can't be changed.
    pub fn ensure_admin(&self, given: Option<&Secret>) -> Result<Option<Created>, CallersError> {
        let new = |name: &str| NewKey {
            name: name.into(),
            tenant: "admin".into(),
            roles: vec![ADMIN_ROLE.into()],
            ..NewKey::default()
        };
        let now = self.clock.unix().as_secs();
        let Some(given) = given else {
            let usable = |key: &StoredKey| {
                key.revoked.is_none() && key.expires.is_none_or(|at| now < at) && is_admin(key)
            };
            if self.list()?.iter().any(usable) {
                return Ok(None);
            }
            return self.create(&new("admin")).map(Some);
        };
        if given.expose().len() < GIVEN_SECRET_MINIMUM {
            return Err(CallersError::NewKey {
                field: "admin key",
                reason: "it is shorter than 16 characters",
            });
        }
        let key = self.stored(&new(GIVEN_ADMIN), given)?;
        self.change(|document| replace_given(document, key, now))
            .map(|id| id.map(|id| Created { id, secret: given.clone() }))
    }

    fn stored(&self, new: &NewKey, secret: &Secret) -> Result<StoredKey, CallersError> {
        let created = self.clock.unix().as_secs();
        Ok(StoredKey {
            id: mint::id()?,
            name: new.name.clone(),
            tenant: new.tenant.clone(),
            team: new.team.clone(),
            app: new.app.clone(),
            roles: new.roles.clone(),
            models: new.models.clone(),
            endpoints: new.endpoints.clone(),
            created,
            expires: new.expires.map(|after| created.saturating_add(after.as_secs())),
            revoked: None,
            sha256: StoredDigest(mint::digest(secret.expose())),
        })
    }

    fn change<T>(
        &self,
        edit: impl FnOnce(&mut KeyDocument) -> Result<T, CallersError>,
    ) -> Result<T, CallersError> {
        let _held = self.hold_lock().map_err(|error| CallersError::file(&self.lock, error))?;
        let (mut document, _) = KeyDocument::read(&self.path)?;
        let result = edit(&mut document)?;
        document.write(&self.path)?;
        Ok(result)
    }

    /// The lock lies beside the key file, since that one is replaced under its holder; it ends with the
    /// process at the latest.
    fn hold_lock(&self) -> std::io::Result<File> {
        let lock =
            OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(&self.lock)?;
        lock.lock()?;
        Ok(lock)
    }
}

fn is_admin(key: &StoredKey) -> bool {
    key.roles.iter().any(|role| role == ADMIN_ROLE)
}

/// Stores a given admin key and revokes the earlier given one; none when it is stored already.
fn replace_given(
    document: &mut KeyDocument,
    key: StoredKey,
    now: u64,
) -> Result<Option<String>, CallersError> {
    if let Some(same) = document.keys.iter().find(|known| known.sha256 == key.sha256) {
        let usable = is_admin(same) && same.revoked.is_none();
        return if usable { Ok(None) } else { Err(CallersError::GivenKeyUnusable { id: same.id.clone() }) };
    }
    for earlier in document.keys.iter_mut().filter(|known| known.name == GIVEN_ADMIN && is_admin(known)) {
        earlier.revoked.get_or_insert(now);
    }
    let id = key.id.clone();
    document.keys.push(key);
    Ok(Some(id))
}

fn check(new: &NewKey) -> Result<(), CallersError> {
    let one = |field: &'static str, text: &str| {
        let reason = if text.trim().is_empty() {
            "it is empty"
        } else if text.chars().count() > TEXT_LIMIT {
            "it is longer than 128 characters"
        } else if text.chars().any(char::is_control) {
            "it holds control characters"
        } else {
            return Ok(());
        };
        Err(CallersError::NewKey { field, reason })
    };
    one("name", &new.name)?;
    one("tenant", &new.tenant)?;
    let lists = [("role", &new.roles), ("model", &new.models), ("endpoint", &new.endpoints)];
    new.team.iter().try_for_each(|team| one("team", team))?;
    new.app.iter().try_for_each(|app| one("app", app))?;
    lists.iter().try_for_each(|(field, texts)| texts.iter().try_for_each(|text| one(field, text)))
}
