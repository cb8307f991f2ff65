//! A web server that takes batches as signed JSON, after Standard Webhooks 1.0.0.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use http::{HeaderName, HeaderValue};
use serde_json::json;
use serde_json::value::RawValue;
use sha2::Sha256;
use weir_audit::Ambient;

use crate::batch::Batch;
use crate::error::Failure;
use crate::http_post::{Poster, Wanted};
use crate::sink::Sink;

/// Posts batches to one address.
pub(crate) struct Webhook {
    pub(crate) poster: Poster,
    /// Signing keys; a receiver needs to know one of them.
    pub(crate) keys: Vec<Vec<u8>>,
    pub(crate) deadline: Duration,
    pub(crate) ambient: Arc<dyn Ambient>,
}

#[async_trait]
impl Sink for Webhook {
    fn encode(&self, batch: &Batch) -> Vec<u8> {
        encode(batch)
    }

    async fn deliver(&mut self, batch: &Batch) -> Result<(), Failure> {
        let now = self.ambient.wall();
        let body = self.encode(batch);
        let headers = headers(&self.keys, &message_id(batch), now, &body);
        let posted = self.poster.post(&headers, body, Wanted::Status);
        let answer = tokio::time::timeout(self.deadline, posted).await.map_err(|_| Failure::TimedOut)??;
        answer.verdict(now)
    }
}

/// The same for the same records: a receiver that has seen it may answer without looking.
fn message_id(batch: &Batch) -> String {
    let first = batch.items.first().map(|it| it.record_id.simple().to_string()).unwrap_or_default();
    format!("weir_{first}_{}", batch.items.len())
}

fn encode(batch: &Batch) -> Vec<u8> {
    let (first, last) = (batch.items.first(), batch.items.last());
    let raw = |body: &String| RawValue::from_string(body.clone()).ok();
    let records: Vec<_> = batch.items.iter().filter_map(|it| raw(&it.body)).collect();
    debug_assert_eq!(records.len(), batch.items.len(), "a body is no JSON");
    let envelope = Envelope {
        kind: "weir.audit.records",
        // Of the records, not of the try: the same batch is spelled the same every time.
        timestamp: last.map(|it| it.time.to_string()).unwrap_or_default(),
        batch: Records {
            first_seq: first.map_or(0, |it| it.seq),
            lane: batch.lane,
            last_seq: last.map_or(0, |it| it.seq),
            node_id: &batch.node_id,
            records,
        },
    };
    serde_json::to_vec(&envelope).unwrap_or_else(|_| json!({}).to_string().into_bytes())
}

#[derive(serde::Serialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    #[serde(rename = "data")]
    batch: Records<'a>,
}

#[derive(serde::Serialize)]
struct Records<'a> {
    first_seq: u64,
    lane: usize,
    last_seq: u64,
    node_id: &'a str,
    records: Vec<Box<RawValue>>,
}

fn headers(keys: &[Vec<u8>], id: &str, now: SystemTime, body: &[u8]) -> Vec<(HeaderName, HeaderValue)> {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
    let signatures: Vec<String> = keys.iter().filter_map(|key| sign(key, &[id, &seconds], body)).collect();
    let values = [
        (HeaderName::from_static("webhook-id"), id.to_owned()),
        (HeaderName::from_static("webhook-timestamp"), seconds),
        (HeaderName::from_static("webhook-signature"), signatures.join(" ")),
    ];
    values.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_str(&value).ok()?))).collect()
}

/// `v1,` and the HMAC of id, time and body with dots between them.
fn sign(key: &[u8], signed: &[&str; 2], body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in signed {
        mac.update(part.as_bytes());
        mac.update(b".");
    }
    mac.update(body);
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::samples::batch;

    #[test]
    fn a_batch_is_spelled_once_and_for_all() {
        let batch = batch(&[r#"{"b":1,"a":2}"#, r#"{"n":12345678901234567890}"#]);
        let expect = concat!(
            r#"{"type":"weir.audit.records","timestamp":"2027-01-15T08:00:00.000000Z","#,
            r#""data":{"first_seq":1,"lane":0,"last_seq":2,"node_id":"n1","#,
            r#""records":[{"b":1,"a":2},{"n":12345678901234567890}]}}"#
        );
        assert_eq!(String::from_utf8(encode(&batch)).unwrap(), expect);
        assert_eq!(message_id(&batch), "weir_01930000000070008000000000000001_2");
    }

    #[test]
    fn it_signs_as_the_specification_shows() {
        // The example of the specification.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            sign(&key, &["msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330"], br#"{"test": 2432232314}"#);
        assert_eq!(signature.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn every_key_signs_while_one_replaces_another() {
        let now = UNIX_EPOCH + Duration::from_secs(1_614_265_330);
        let headers = headers(&[vec![1; 24], vec![2; 24]], "msg", now, b"{}");
        assert_eq!(headers.len(), 3);
        assert_eq!(headers[1].1, "1614265330");
        assert_eq!(headers[2].1.to_str().unwrap().split(' ').filter(|it| it.starts_with("v1,")).count(), 2);
    }
}
