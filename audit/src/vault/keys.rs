//! The key store: key-encryption key → tenant keys → subject keys, in a folder apart from the log's.
//!
//! `store` proves that the key-encryption key fits; each tenant has a folder with its wrapped key (`tenant`) and up
//! to 256 files of slots, chosen by the first byte of the blind index. `lock` orders the writers of all processes;
//! the length of `epoch` counts burials, so that no process goes on with a key another one destroyed.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cache::Cache;
use super::crypto::{self, Blinder, SealingKey, Secret, WRAPPED};
use super::slot::{self, Slot, State};
use super::subject::Key;
use super::supply::Supply;
use crate::disk::{lock_file, make_folder, replace};
use crate::error::AuditError;
use crate::text::Text;

pub(super) const STORE_CONTEXT: &[u8] = b"weir key store v1";

/// Whose key is wanted.
#[derive(Clone, Copy)]
pub(super) enum Owner<'a> {
    /// A person, as the caller names them.
    Subject(&'a str),
    /// Calls of one day that name nobody.
    Day(u32),
}

/// What the store knows about a reference.
pub(super) enum Found {
    Live(Secret),
    /// The key was destroyed.
    Gone(State),
    Unknown,
}

/// Where a slot stands.
pub(super) struct Place {
    path: PathBuf,
    at: u64,
    pub slot: Slot,
}

pub(super) struct KeyStore {
    dir: PathBuf,
    kek: Secret,
    supply: Arc<Supply>,
    epoch: File,
    tenants: Mutex<HashMap<String, Arc<Tenant>>>,
    cache: Mutex<Cache>,
    /// Files whose newest slots may not be on disk yet.
    dirty: Mutex<HashMap<PathBuf, File>>,
    /// Held during a sync: nobody may take an empty `dirty` for one that is on disk.
    syncing: Mutex<()>,
}

struct Tenant {
    name: Text,
    dir: PathBuf,
    wrapping: Secret,
    blinder: Blinder,
}

impl KeyStore {
    /// Opens the store in `dir`, makes it if there is none.
    pub(super) fn open(
        dir: &Path,
        kek: Secret,
        supply: Arc<Supply>,
        cache: usize,
    ) -> Result<Self, AuditError> {
        make_folder(dir)?;
        let path = dir.join("epoch");
        let epoch = OpenOptions::new().append(true).create(true).open(&path);
        let epoch = epoch.map_err(AuditError::io("opening", &path))?;
        let store = Self {
            dir: dir.to_owned(),
            kek,
            supply,
            epoch,
            tenants: Mutex::default(),
            cache: Mutex::new(Cache::new(cache)),
            dirty: Mutex::default(),
            syncing: Mutex::default(),
        };
        store.check_kek()?;
        Ok(store)
    }

    /// The key of `owner`, made if there is none. A new key is on disk after [`KeyStore::sync`].
    pub(super) fn obtain(&self, tenant: &str, owner: Owner<'_>) -> Result<Arc<Key>, AuditError> {
        let epoch = self.refresh()?;
        // As the records spell it.
        let name = Text::from(tenant.to_owned());
        let tenant = match self.tenant(name.as_str())? {
            Some(tenant) => tenant,
            None => self.make_tenant(name.as_str())?,
        };
        let blind = tenant.blind(owner);
        if let Some(key) = held(&self.cache).get(&blind) {
            return Ok(key);
        }
        let path = tenant.shard(blind[0]);
        let is_wanted = |slot: &Slot| slot.state == State::Live && slot.blind == blind;
        let slot = match find(&path, is_wanted)? {
            Some(place) => place.slot,
            None => self.add(&tenant, owner, &path)?,
        };
        // It may come from another process that has not synced it.
        self.mark_dirty(&path)?;
        let secret = tenant.open(&slot).ok_or(damaged(&path, "a key can't be unwrapped"))?;
        let sealing = SealingKey::new(&secret)?;
        let supply = Arc::clone(&self.supply);
        let key = Arc::new(Key::new(tenant.name.clone(), &slot, sealing, supply));
        held(&self.cache).insert(epoch, blind, &key);
        Ok(key)
    }

    /// The slot of a subject that is known.
    pub(super) fn look_up(&self, tenant: &str, owner: Owner<'_>) -> Result<Option<Place>, AuditError> {
        let name = Text::from(tenant.to_owned());
        let Some(tenant) = self.tenant(name.as_str())? else { return Ok(None) };
        let blind = tenant.blind(owner);
        find(&tenant.shard(blind[0]), |slot| slot.state == State::Live && slot.blind == blind)
    }

    /// The slot that a reference names, live or buried.
    pub(super) fn by_reference(&self, tenant: &str, id: [u8; 16]) -> Result<Option<Place>, AuditError> {
        let Some(tenant) = self.tenant(tenant)? else { return Ok(None) };
        find(&tenant.shard(id[0]), |slot| slot.reference == id)
    }

    /// The key that a reference names, or why there is none.
    pub(super) fn secret(&self, tenant: &str, id: [u8; 16]) -> Result<Found, AuditError> {
        let Some(place) = self.by_reference(tenant, id)? else { return Ok(Found::Unknown) };
        if place.slot.state != State::Live {
            return Ok(Found::Gone(place.slot.state));
        }
        let tenant = self.tenant(tenant)?;
        let secret = tenant.and_then(|tenant| tenant.open(&place.slot));
        secret.map(Found::Live).ok_or(damaged(&place.path, "a key can't be unwrapped"))
    }

    /// Destroys the key in a slot; it is gone from disk, and from every process that asks again, when this returns.
    pub(super) fn bury(&self, place: &Place, state: State) -> Result<(), AuditError> {
        let _lock = self.lock()?;
        slot::bury(&place.path, place.at, &place.slot.buried(state))
            .map_err(AuditError::io("writing", &place.path))?;
        self.forget()
    }

    /// Makes every process forget the keys it has in memory.
    pub(super) fn forget(&self) -> Result<(), AuditError> {
        use std::io::Write;
        (&self.epoch).write_all(b".").map_err(AuditError::io("writing", self.dir.join("epoch")))?;
        self.refresh().map(drop)
    }

    /// Destroys the keys of all days before `day`, of every tenant; how many.
    pub(super) fn bury_days_before(&self, day: u32) -> Result<u64, AuditError> {
        let mut buried = 0;
        for shard in self.shards()? {
            for (at, slot) in slot::read(&shard).map_err(AuditError::io("reading", &shard))? {
                if slot.state == State::Live && slot.day != 0 && slot.day < day {
                    self.bury(&Place { path: shard.clone(), at, slot }, State::Pruned)?;
                    buried += 1;
                }
            }
        }
        Ok(buried)
    }

    /// Makes every key that was given out durable.
    pub(super) fn sync(&self) -> Result<(), AuditError> {
        let _syncing = held(&self.syncing);
        let files = std::mem::take(&mut *held(&self.dirty));
        for (path, file) in files {
            file.sync_data().map_err(AuditError::io("syncing", path))?;
        }
        Ok(())
    }

    fn add(&self, tenant: &Tenant, owner: Owner<'_>, path: &Path) -> Result<Slot, AuditError> {
        let blind = tenant.blind(owner);
        let _lock = self.lock()?;
        let is_wanted = |slot: &Slot| slot.state == State::Live && slot.blind == blind;
        if let Some(place) = find(path, is_wanted)? {
            return Ok(place.slot);
        }
        let mut reference = [0; 16];
        self.supply.ambient.secret(&mut reference)?;
        // The first byte says in which file the slot is.
        reference[0] = blind[0];
        let day = if let Owner::Day(day) = owner { day } else { 0 };
        let secret = Secret::random(&*self.supply.ambient)?;
        let mut slot = Slot { state: State::Live, day, reference, blind, wrapped: [0; WRAPPED] };
        slot.wrapped =
            crypto::wrap(&tenant.wrapping, &secret, &tenant.context(&slot), &*self.supply.ambient)?;
        slot::append(path, &slot).map_err(AuditError::io("writing", path))?;
        self.mark_dirty(&tenant.dir)?;
        Ok(slot)
    }

    fn tenant(&self, name: &str) -> Result<Option<Arc<Tenant>>, AuditError> {
        if let Some(tenant) = held(&self.tenants).get(name) {
            return Ok(Some(Arc::clone(tenant)));
        }
        let dir = self.tenant_dir(name);
        let path = dir.join("tenant");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(AuditError::io("reading", &path)(error)),
        };
        let wrapped = bytes.first_chunk().ok_or(damaged(&path, "it is cut short"))?;
        let secret = crypto::unwrap_key(&self.kek, wrapped, &tenant_context(&dir));
        let secret = secret.ok_or(damaged(&path, "it can't be unwrapped"))?;
        let tenant = Arc::new(Tenant {
            name: Text::from(name.to_owned()),
            dir,
            wrapping: secret.derive(b"wrap")?,
            blinder: Blinder::new(&secret.derive(b"blind")?),
        });
        held(&self.tenants).insert(name.to_owned(), Arc::clone(&tenant));
        Ok(Some(tenant))
    }

    fn make_tenant(&self, name: &str) -> Result<Arc<Tenant>, AuditError> {
        let lock = self.lock()?;
        let dir = self.tenant_dir(name);
        let path = dir.join("tenant");
        if !path.is_file() {
            make_folder(&dir)?;
            let secret = Secret::random(&*self.supply.ambient)?;
            let wrapped = crypto::wrap(&self.kek, &secret, &tenant_context(&dir), &*self.supply.ambient)?;
            replace(&path, &wrapped).map_err(AuditError::io("writing", &path))?;
        }
        drop(lock);
        self.tenant(name)?.ok_or(damaged(&path, "it is missing"))
    }

    fn tenant_dir(&self, name: &str) -> PathBuf {
        let name = crypto::spell(&crypto::sha256(name.as_bytes()));
        self.dir.join("tenants").join(name)
    }

    fn shards(&self) -> Result<Vec<PathBuf>, AuditError> {
        let mut found = Vec::new();
        for tenant in entries(&self.dir.join("tenants"))? {
            let files = entries(&tenant)?;
            found.extend(files.into_iter().filter(|it| it.file_name().is_some_and(|name| name.len() == 2)));
        }
        Ok(found)
    }

    /// Forgets all cached keys if any process has destroyed one since.
    fn refresh(&self) -> Result<u64, AuditError> {
        // The end of a file is found at half the price of all that is known about it.
        let end = (&self.epoch).seek(SeekFrom::End(0));
        let epoch = end.map_err(|error| AuditError::io("reading", self.dir.join("epoch"))(error))?;
        held(&self.cache).move_to(epoch);
        Ok(epoch)
    }

    fn mark_dirty(&self, path: &Path) -> Result<(), AuditError> {
        let file = File::open(path).map_err(AuditError::io("opening", path))?;
        held(&self.dirty).insert(path.to_owned(), file);
        Ok(())
    }

    fn lock(&self) -> Result<File, AuditError> {
        lock_file(&self.dir.join("lock"))
    }

    /// Whether the key-encryption key is the one that the store was made with.
    fn check_kek(&self) -> Result<(), AuditError> {
        let _lock = self.lock()?;
        let path = self.dir.join("store");
        match fs::read(&path) {
            Ok(bytes) => {
                let wrapped = bytes.first_chunk().ok_or(damaged(&path, "it is cut short"))?;
                let known = crypto::unwrap_key(&self.kek, wrapped, STORE_CONTEXT);
                known.map(drop).ok_or(AuditError::WrongKey { path })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let proof = Secret::random(&*self.supply.ambient)?;
                let wrapped = crypto::wrap(&self.kek, &proof, STORE_CONTEXT, &*self.supply.ambient)?;
                replace(&path, &wrapped).map_err(AuditError::io("writing", &path))
            }
            Err(error) => Err(AuditError::io("reading", &path)(error)),
        }
    }
}

impl Tenant {
    fn blind(&self, owner: Owner<'_>) -> [u8; 32] {
        match owner {
            Owner::Subject(name) => self.blinder.blind(0, name.as_bytes()),
            Owner::Day(day) => self.blinder.blind(1, &day.to_be_bytes()),
        }
    }

    fn shard(&self, first: u8) -> PathBuf {
        self.dir.join(format!("{first:02x}"))
    }

    fn open(&self, slot: &Slot) -> Option<Secret> {
        crypto::unwrap_key(&self.wrapping, &slot.wrapped, &self.context(slot))
    }

    fn context(&self, slot: &Slot) -> Vec<u8> {
        let day = slot.day.to_be_bytes();
        [b"weir subject key v1", &slot.reference[..], &slot.blind, &day].concat()
    }
}

/// A tenant's key is bound to the name of its folder, which is a hash of the tenant's.
pub(super) fn tenant_context(dir: &Path) -> Vec<u8> {
    let name = dir.file_name().map_or(&[][..], OsStrExt::as_bytes);
    [b"weir tenant key v1", name].concat()
}

fn find(path: &Path, is_wanted: impl Fn(&Slot) -> bool) -> Result<Option<Place>, AuditError> {
    let slots = slot::read(path).map_err(AuditError::io("reading", path))?;
    let found = slots.into_iter().find(|(_, slot)| is_wanted(slot));
    Ok(found.map(|(at, slot)| Place { path: path.to_owned(), at, slot }))
}

/// What stands in a folder; nothing if there is none.
pub(super) fn entries(dir: &Path) -> Result<Vec<PathBuf>, AuditError> {
    let listed = match fs::read_dir(dir) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(AuditError::io("reading", dir)(error)),
    };
    let mut paths = Vec::new();
    for entry in listed {
        paths.push(entry.map_err(AuditError::io("reading", dir))?.path());
    }
    paths.sort();
    Ok(paths)
}

pub(super) fn damaged(path: &Path, reason: &'static str) -> AuditError {
    AuditError::KeyStore { path: path.to_owned(), reason }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
