//! Metrics in Prometheus' text format, under vLLM's names, so that one scraper serves both.

use crate::api::models::CHAT;
use crate::engine::Load;

/// The text for `/metrics`.
pub(crate) fn render(load: Load) -> String {
    let rows = [
        ("vllm:num_requests_running", "Texts being generated.", load.running as f64),
        ("vllm:num_requests_waiting", "Texts waiting for a place.", load.waiting as f64),
        ("vllm:kv_cache_usage_perc", "Reserved share of the key/value memory, 0 to 1.", load.kv_usage),
    ];
    let row = |(name, help, value): (&str, &str, f64)| {
        format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name}{{model_name=\"{CHAT}\"}} {value}\n")
    };
    rows.map(row).concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_vllm() {
        let text = render(Load { running: 2, waiting: 1, kv_usage: 0.25 });
        assert!(text.contains("vllm:num_requests_running{model_name=\"smollm2-135m-instruct\"} 2\n"));
        assert!(text.contains("vllm:kv_cache_usage_perc{model_name=\"smollm2-135m-instruct\"} 0.25\n"));
    }
}
