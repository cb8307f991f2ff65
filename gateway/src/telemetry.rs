//! Metrics: where they are kept, and what each is called and means.

use anyhow::{Context, Result};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Buckets of times in seconds: fine below a millisecond, where the gateway's own cost lies.
const SECONDS: [f64; 17] = [
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
    20.0, 60.0,
];

/// Every metric with its meaning, for `/metrics` and the operator's page.
const MEANINGS: [(&str, &str); 22] = [
    ("weir_requests_total", "exchanges by endpoint, status class and decision"),
    ("weir_request_seconds", "from the request's head to the end of its record"),
    (
        "weir_overhead_seconds",
        "the part of that which was spent neither at an upstream nor on the audit log's disk",
    ),
    ("weir_audit_wait_seconds", "until an exchange was announced in the audit log, durably"),
    ("weir_tokens_total", "tokens by direction, as upstreams count them"),
    ("weir_cost_pico_usd_total", "money, in 1e-12 USD"),
    ("weir_upstream_attempts_total", "attempts by upstream and result"),
    ("weir_upstream_up", "1 while an upstream answers"),
    ("weir_refused_credentials_total", "refused keys and tokens by reason"),
    ("weir_control_faults_total", "controls that could not evaluate"),
    ("weir_bodies_left_out_total", "bodies of streams that were too long to be kept, or had no room"),
    ("weir_malformed_heads_total", "connections whose request head was not HTTP"),
    ("weir_reloads_total", "reloads by result"),
    ("weir_in_flight", "exchanges running now"),
    ("weir_audit_unsealed_records", "records on disk that no checkpoint covers yet"),
    ("weir_audit_seal_alarm", "1 while sealing, its anchor or a witness fails"),
    ("weir_index_lag_records", "records in the audit log that the index has not"),
    ("weir_index_lag_seconds", "for how long the index has been behind, in seconds"),
    ("weir_index_alarm", "1 while log and index contradict each other"),
    ("weir_sink_lag_records", "records that a sink has not delivered"),
    ("weir_sink_lag_seconds", "age of the oldest of those, in seconds"),
    ("weir_sink_alarm", "1 while a sink needs its operator"),
];

/// Installs the recorder of the whole process.
///
/// # Errors
/// When one is installed already.
pub fn install() -> Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .context("the buckets of the metrics are wrong")?;
    let handle = builder.install_recorder().context("metrics are installed already")?;
    for (name, meaning) in MEANINGS {
        if name.ends_with("_total") {
            metrics::describe_counter!(name, meaning);
        } else if name.ends_with("_seconds") && !name.contains("_lag_") {
            metrics::describe_histogram!(name, meaning);
        } else {
            metrics::describe_gauge!(name, meaning);
        }
    }
    Ok(handle)
}
