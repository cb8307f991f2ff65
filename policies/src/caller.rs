//! Who is asking: the identity that policies, ledgers and records see.

/// The authenticated caller of one exchange, with what it declared about the call.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The organisation the call is billed to and isolated by.
    pub tenant: String,
    /// The team inside the tenant.
    pub team: Option<String>,
    /// The application that holds the credential.
    pub app: Option<String>,
    /// Id of the API key, never the key itself.
    pub key_id: Option<String>,
    /// End user or data subject; personal data, hence no `Debug` on this type.
    pub subject: Option<String>,
    /// Roles granted by the key or the token.
    pub roles: Vec<String>,
    /// Declared purpose of the processing.
    pub purpose: Option<String>,
    /// Cost centre to charge.
    pub cost_center: Option<String>,
    /// Conversation the call belongs to.
    pub conversation: Option<String>,
    /// Free tags, in the order given.
    pub tags: Vec<(String, String)>,
}
