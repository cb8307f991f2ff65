//! Outcomes for the tests of the meters.

use std::time::{Duration, SystemTime};

use weir_accounting::Usage;
use weir_policies::Outcome;

/// What differs between the outcomes that tests need.
pub(super) struct Answer<'a> {
    pub(super) provider: &'a str,
    pub(super) requested: &'a str,
    pub(super) answered: Option<&'a str>,
    pub(super) usage: Option<Usage>,
}

/// An answer of a vendor after 5 s on 22 November 2026.
pub(super) fn vendor(answer: &Answer<'_>) -> Outcome {
    Outcome {
        status: 200,
        upstream: "upstream".to_owned(),
        provider: answer.provider.to_owned(),
        requested_model: answer.requested.to_owned(),
        answered_model: answer.answered.map(str::to_owned),
        usage: answer.usage,
        latency: Duration::from_secs(5),
        cpu: None,
        at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_305_600),
    }
}
