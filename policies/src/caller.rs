//! Who is calling: the identity and context every control decides with.

use std::sync::Arc;

use crate::Pair;

/// The authenticated caller of one exchange, with the context it was allowed to state.
///
/// Filled by authentication (key or token) and by the request headers policy lets a caller set.
/// `subject` and `tags` may hold personal data, so the type has no `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// Tenant the credential belongs to; pseudonyms, budgets and records never cross it.
    pub tenant: String,
    /// Team within the tenant, if the credential names one.
    pub team: Option<String>,
    /// Application within the tenant, if the credential names one.
    pub app: Option<String>,
    /// Identifier of the API key (never its secret); none for token callers.
    pub key_id: Option<String>,
    /// End user or data subject on whose behalf the call is made.
    pub subject: Option<String>,
    /// Roles granted by the credential.
    pub roles: Vec<String>,
    /// Declared purpose of processing.
    pub purpose: Option<String>,
    /// Cost centre to which spend is attributed.
    pub cost_center: Option<String>,
    /// Conversation the exchange belongs to.
    pub conversation: Option<String>,
    /// Free key-value tags in the order they were given.
    pub tags: Vec<(String, String)>,
    /// Pseudonyms of earlier exchanges of the same subject or conversation, as far as they are kept.
    pub earlier: Arc<[Pair]>,
}
