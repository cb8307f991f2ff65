//! Metrics in Prometheus' text format, under vLLM's names, so that one scraper serves both.

use crate::api::models::CHAT;
use crate::engine::Load;
use std::fmt::Display;

/// The text for `/metrics`.
pub(crate) fn render(load: &Load) -> String {
    let row = |kind: &str, name: &str, value: &dyn Display| {
        format!("# TYPE {name} {kind}\n{name}{{model_name=\"{CHAT}\"}} {value}\n")
    };
    let gauges = load.gauges().map(|(name, value)| row("gauge", name, &value));
    let counters = load.counters().map(|(name, value)| row("counter", name, &value));
    gauges.concat() + &counters.concat()
}

impl Load {
    /// Texts generated and waiting; share of the key/value memory reserved, 0 to 1.
    pub(crate) fn gauges(&self) -> [(&'static str, f64); 3] {
        [
            ("vllm:num_requests_running", self.running as f64),
            ("vllm:num_requests_waiting", self.waiting as f64),
            ("vllm:kv_cache_usage_perc", self.kv_usage),
        ]
    }

    /// Tokens so far.
    pub(crate) fn counters(&self) -> [(&'static str, u64); 2] {
        [
            ("vllm:prompt_tokens_total", self.prompt_tokens),
            ("vllm:generation_tokens_total", self.generated_tokens),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_vllm() {
        let text =
            render(&Load { running: 2, waiting: 1, kv_usage: 0.25, prompt_tokens: 9, generated_tokens: 5 });
        assert!(text.contains("vllm:num_requests_running{model_name=\"smollm2-135m-instruct\"} 2\n"));
        assert!(text.contains("vllm:generation_tokens_total{model_name=\"smollm2-135m-instruct\"} 5\n"));
        assert!(text.contains("vllm:kv_cache_usage_perc{model_name=\"smollm2-135m-instruct\"} 0.25\n"));
    }
}
