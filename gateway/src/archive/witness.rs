//! A witness reached over HTTP or HTTPS (C2SP tlog-witness). It is asked from the sealer's own thread, which may wait.

use std::time::Duration;

use tokio::time::timeout;
use weir_audit::proof::{
    anchor::AnchorError,
    keys::VerifierKey,
    witness::{Reply, Witness},
};
use weir_sinks::{Question, SinkError};

use crate::settings::WitnessSettings;

/// Longest time for one question.
const PATIENCE: Duration = Duration::from_secs(5);
/// The content type with which a witness says how far it is.
const SIZE: &str = "text/x.tlog.size";

/// A witness at an address.
pub struct HttpWitness {
    key: VerifierKey,
    question: Question,
}

impl HttpWitness {
    /// A witness as it is set.
    ///
    /// # Errors
    /// When the address can't be used, or there is no certificate to trust.
    pub fn new(settings: &WitnessSettings) -> Result<Self, SinkError> {
        let url = format!("{}/add-checkpoint", settings.url.trim_end_matches('/'));
        let question = Question::to("witness", &url, &settings.tls)?;
        Ok(Self { key: settings.key.clone(), question })
    }

    async fn post(&self, body: Vec<u8>) -> Result<Reply, AnchorError> {
        let asked = timeout(PATIENCE, self.question.ask("text/plain; charset=utf-8", body));
        let said =
            asked.await.map_err(|_| AnchorError { reason: "the witness did not answer in time".into() })?;
        let said = said.map_err(|failure| AnchorError { reason: failure.to_string() })?;
        let content_type = if said.content_type == SIZE { SIZE } else { "text/plain" };
        Ok(Reply { status: said.status, content_type, body: said.body })
    }
}

impl Witness for HttpWitness {
    fn key(&self) -> VerifierKey {
        self.key.clone()
    }

    fn add_checkpoint(&self, body: &[u8]) -> Result<Reply, AnchorError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.post(body.to_owned()))
    }
}
