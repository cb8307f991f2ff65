//! Whose key: a data subject, or a tenant's calls of one day that name nobody.

use std::fmt;
use std::sync::Arc;

use super::crypto::{self, SealingKey};
use super::slot::Slot;
use super::supply::Supply;
use crate::text::Text;

/// The key of a data subject, or of a tenant's calls of one day that name nobody. Cheap to clone; holds no name.
#[derive(Clone)]
pub struct Subject(pub(super) Arc<Key>);

pub(super) struct Key {
    pub tenant: Text,
    pub id: [u8; 16],
    pub spelled: Text,
    is_person: bool,
    pub sealing: SealingKey,
    pub supply: Arc<Supply>,
}

impl Key {
    pub(super) fn new(tenant: Text, slot: &Slot, sealing: SealingKey, supply: Arc<Supply>) -> Self {
        let spelled = Text::from(Arc::<str>::from(crypto::spell(&slot.reference)));
        Self { tenant, id: slot.reference, spelled, is_person: slot.day == 0, sealing, supply }
    }
}

impl Subject {
    /// The random reference for [`crate::Intent::subject_ref`]; `None` for calls that name nobody.
    pub fn reference(&self) -> Option<Text> {
        self.0.is_person.then(|| self.0.spelled.clone())
    }

    /// The public reference of the key, as [`crate::exchange::BodyRef::key`] has it.
    pub fn key(&self) -> &Text {
        &self.0.spelled
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({})", self.0.spelled.as_str())
    }
}
