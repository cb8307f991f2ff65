//! An OpenTelemetry collector: log records by OTLP over HTTP, as JSON.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderName, HeaderValue};
use serde_json::Value;
use weir_audit::Ambient;
use weir_audit::export::otel;

use crate::batch::Batch;
use crate::error::Failure;
use crate::http_post::{Poster, Wanted};
use crate::sink::Sink;

/// Posts log records to one collector.
pub(crate) struct Otlp {
    pub(crate) poster: Poster,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) deadline: Duration,
    pub(crate) ambient: Arc<dyn Ambient>,
}

#[async_trait]
impl Sink for Otlp {
    fn encode(&self, batch: &Batch) -> Vec<u8> {
        encode(batch)
    }

    async fn deliver(&mut self, batch: &Batch) -> Result<(), Failure> {
        let posted = self.poster.post(&self.headers, self.encode(batch), Wanted::Body);
        let answer = tokio::time::timeout(self.deadline, posted).await.map_err(|_| Failure::TimedOut)??;
        answer.verdict(self.ambient.wall())?;
        match rejected(&answer.body) {
            0 => Ok(()),
            records => Err(Failure::Rejected { records }),
        }
    }
}

fn encode(batch: &Batch) -> Vec<u8> {
    let records: Vec<Value> =
        batch.items.iter().filter_map(|item| serde_json::from_str(&item.body).ok()).collect();
    debug_assert_eq!(records.len(), batch.items.len(), "a body is no JSON");
    otel::request(&batch.node_id, &records).to_string().into_bytes()
}

/// How many records an `ExportLogsServiceResponse` says were not taken; int64 is text or a number.
fn rejected(body: &[u8]) -> u64 {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let count = answer.pointer("/partialSuccess/rejectedLogRecords");
    let text = count.and_then(Value::as_str).and_then(|it| it.parse().ok());
    count.and_then(Value::as_u64).or(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;

    use super::*;
    use crate::batch::samples::batch;

    #[test]
    fn a_partial_success_is_not_a_success() {
        let check = |body: &str, expect: u64| assert_eq!(rejected(body.as_bytes()), expect, "{body}");
        check("", 0);
        check("{}", 0);
        check("no json", 0);
        check(r#"{"partialSuccess":{}}"#, 0);
        check(r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"no"}}"#, 3);
        check(r#"{"partialSuccess":{"rejectedLogRecords":3}}"#, 3);
        check(r#"{"partialSuccess":{"rejectedLogRecords":"0","errorMessage":"hint"}}"#, 0);
    }

    #[test]
    fn a_batch_is_a_request_of_the_protocol() {
        let record = r#"{"timeUnixNano":"5","severityNumber":9,"eventName":"e","attributes":[{"key":"k","value":{"intValue":"7"}}]}"#;
        let request: ExportLogsServiceRequest =
            serde_json::from_slice(&encode(&batch(&[record, record]))).unwrap();
        let resource = &request.resource_logs[0];
        assert_eq!(resource.scope_logs[0].log_records.len(), 2);
        assert_eq!(resource.scope_logs[0].log_records[0].time_unix_nano, 5);
        assert_eq!(resource.schema_url, otel::SCHEMA_URL);
    }
}
