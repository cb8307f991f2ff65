//! A witness reached over HTTP (C2SP tlog-witness). It is asked from the sealer's own thread, which may wait.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};
use weir_audit::proof::{
    anchor::AnchorError,
    keys::VerifierKey,
    witness::{Reply, Witness},
};

use crate::settings::WitnessSettings;

/// Longest time for one question.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of an answer.
const MOST: usize = 16 << 10;
/// The content type with which a witness says how far it is.
const SIZE: &str = "text/x.tlog.size";

/// A witness at an address.
pub struct HttpWitness(WitnessSettings);

impl HttpWitness {
    /// A witness as it is set.
    pub fn new(settings: WitnessSettings) -> Self {
        Self(settings)
    }

    async fn post(&self, body: Vec<u8>) -> Result<Reply, AnchorError> {
        let WitnessSettings { host, port, path, .. } = &self.0;
        let failed = |error: &dyn std::fmt::Display| AnchorError { reason: error.to_string() };
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(|error| failed(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failed(&error))?;
        let driver = tokio::spawn(connection);
        let request = Request::post(format!("{path}/add-checkpoint"))
            .header(header::HOST, format!("{host}:{port}"))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| failed(&error))?;
        let reply = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let status = reply.status().as_u16();
        let is_size =
            reply.headers().get(header::CONTENT_TYPE).is_some_and(|it| it.as_bytes() == SIZE.as_bytes());
        let body = Limited::new(reply.into_body(), MOST).collect().await.map_err(|error| failed(&error))?;
        driver.abort();
        let content_type = if is_size { SIZE } else { "text/plain" };
        Ok(Reply { status, content_type, body: body.to_bytes().to_vec() })
    }
}

impl Witness for HttpWitness {
    fn key(&self) -> VerifierKey {
        self.0.key.clone()
    }

    fn add_checkpoint(&self, body: &[u8]) -> Result<Reply, AnchorError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let asked = runtime.block_on(async { timeout(PATIENCE, self.post(body.to_owned())).await });
        asked.unwrap_or_else(|_| Err(AnchorError { reason: "the witness did not answer in time".into() }))
    }
}
