//! What people do to the log and to what it guards: bodies of the records that belong to no call.
//!
//! Every body names who acted. None may hold personal data: a reason is what a person typed to justify an act on
//! the log, and its readers are told so.
// INVARIANT: the fields of each struct are declared in the order of their names, which makes the JSON canonical.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::text::{Stamp, Text};

/// The body of a record that belongs to no call, on its way into the log by [`crate::Log::append`].
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A change of policy, key, role or catalogue.
    Admin(AdminEvent),
    /// A subject was erased.
    Erasure(Erasure),
    /// Records were exported.
    Export(Export),
    /// A legal hold was asked for, placed or lifted.
    Hold(Hold),
    /// A key of the log was made, rotated or destroyed.
    Key(KeyEvent),
    /// A body was revealed.
    Reveal(Reveal),
    /// A review changed.
    Review(Review),
}

/// A change of policy, key, role or catalogue, and who made it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AdminEvent {
    /// What was done, for example `key.create`.
    pub action: Text,
    /// Who did it: a key id or `file`.
    pub actor: Text,
    /// Hash or version afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Text>,
    /// Hash or version before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Text>,
    /// What was changed: a file name, a key id; or what was refused.
    pub object: Text,
    /// Why, where a person gave a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// Tenant concerned; empty for the whole node. Spelled in the envelope.
    #[serde(skip)]
    pub tenant: Text,
}

/// A person's data was made unreadable: its keys destroyed, its bodies and index rows deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Erasure {
    /// Who did it: an admin key's name.
    pub actor: Text,
    /// How many bodies were deleted.
    pub bodies: u64,
    /// Why.
    pub reason: Text,
    /// Random reference to the subject, as the calls' intents have it.
    pub subject_ref: Text,
    /// Tenant of the subject. Spelled in the envelope.
    #[serde(skip)]
    pub tenant: Text,
}

/// Records left the log in a bundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Export {
    /// Who took it: an admin key's name.
    pub actor: Text,
    /// How many calls it holds.
    pub calls: u64,
    /// SHA-256 of the filter's canonical JSON, base64url without padding.
    pub filter: Text,
    /// Its form, for example `bundle`, `otel`, `ocsf`, `csv`.
    pub format: Text,
    /// Why.
    pub reason: Text,
    /// Tenant concerned; empty for all. Spelled in the envelope.
    #[serde(skip)]
    pub tenant: Text,
}

/// A legal hold: while it stands, what it covers is neither pruned nor erased.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hold {
    /// What was done: `ask`, `place`, `ask-lift` or `lift`. Placing and lifting take a second person.
    pub action: Text,
    /// Who did it: an admin key's name.
    pub actor: Text,
    /// The hold's own id.
    pub hold: Uuid,
    /// Why.
    pub reason: Text,
    /// The subject it covers; all of the tenant's without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_ref: Option<Text>,
    /// Tenant it covers; empty for all. Spelled in the envelope.
    #[serde(skip)]
    pub tenant: Text,
}

/// A key of the log was made, rotated or destroyed. Secret parts never stand here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyEvent {
    /// What was done: `make`, `rotate` or `destroy`.
    pub action: Text,
    /// Who did it: an admin key's name, or `gateway`.
    pub actor: Text,
    /// The key's id.
    pub key: Text,
    /// The public part of a signing key, as a C2SP signed-note verifier key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public: Option<Text>,
    /// What it is for: `checkpoint`, `tenant` or `subject`.
    pub purpose: Text,
    /// Why, where a person gave a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// Tenant concerned; empty for the node. Spelled in the envelope.
    #[serde(skip)]
    pub tenant: Text,
}

/// Somebody read bodies in clear, or took a step towards it where that takes a second person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reveal {
    /// A step towards reading: `ask`, `approve` or `refuse`. Without one, bodies were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Text>,
    /// Who read, or took the step: an admin key's name.
    pub actor: Text,
    /// Who agreed, where a second person is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approver: Option<Text>,
    /// Which bodies: `request`, `sent`, `reply`, `returned`.
    pub bodies: Vec<Text>,
    /// The call whose bodies were shown; without one, `calls` were searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<Uuid>,
    /// How many calls were decrypted by a search; 1 for a single call.
    pub calls: u64,
    /// Why nothing came of it: `self_approved`, `expired`, `refused`, `not_pending` or `second_person`. Nothing was
    /// shown and nothing changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Text>,
    /// Why.
    pub reason: Text,
    /// The request that this is about, or that permits the reading, where a second person is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Uuid>,
    /// Tenant of the call. Spelled in the envelope.
    #[serde(skip)]
    pub tenant: Text,
    /// When the request or the permission ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Stamp>,
}

/// A person's judgement of a call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Review {
    /// Who judged: an admin key's name.
    pub actor: Text,
    /// The call.
    pub call: Uuid,
    /// Reason or remark; never a copy of what the call said.
    pub reason: Text,
    /// The new state, for example `pending`, `confirmed`, `false_alarm`, `closed`.
    pub state: Text,
    /// Tenant of the call. Spelled in the envelope.
    #[serde(skip)]
    pub tenant: Text,
}

impl Event {
    /// The tenant concerned; empty for the node itself.
    pub fn tenant(&self) -> &Text {
        match self {
            Self::Admin(it) => &it.tenant,
            Self::Erasure(it) => &it.tenant,
            Self::Export(it) => &it.tenant,
            Self::Hold(it) => &it.tenant,
            Self::Key(it) => &it.tenant,
            Self::Reveal(it) => &it.tenant,
            Self::Review(it) => &it.tenant,
        }
    }

    /// Shows every text of the event to `visit`.
    pub(crate) fn for_each_text(&mut self, visit: &mut dyn FnMut(&mut Text)) {
        match self {
            Self::Admin(it) => {
                let own = [&mut it.action, &mut it.actor, &mut it.object, &mut it.tenant];
                own.into_iter().chain(&mut it.after).chain(&mut it.before).for_each(visit);
            }
            Self::Erasure(it) => [&mut it.actor, &mut it.reason, &mut it.tenant].into_iter().for_each(visit),
            Self::Export(it) => [&mut it.actor, &mut it.reason, &mut it.tenant].into_iter().for_each(visit),
            Self::Hold(it) => [&mut it.actor, &mut it.reason, &mut it.tenant].into_iter().for_each(visit),
            Self::Key(it) => [&mut it.actor, &mut it.tenant].into_iter().for_each(visit),
            Self::Reveal(it) => [&mut it.actor, &mut it.reason, &mut it.tenant].into_iter().for_each(visit),
            Self::Review(it) => [&mut it.actor, &mut it.reason, &mut it.tenant].into_iter().for_each(visit),
        }
    }
}
