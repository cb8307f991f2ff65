//! The filters of the command line, spelled as the API takes them.

use clap::Args;

/// Which calls.
#[derive(Args, Clone, Debug, Default)]
pub struct FilterArgs {
    /// Only calls since then: a time (2026-11-23T06:00:00Z), a day, or an age (2h)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only calls before then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only calls of this tenant
    #[arg(long)]
    tenant: Option<String>,
    /// Only calls of this application
    #[arg(long)]
    app: Option<String>,
    /// Only calls with this key, by its public id
    #[arg(long, value_name = "KEY_ID")]
    caller: Option<String>,
    /// Only calls about this data subject, by the reference that records have
    #[arg(long, value_name = "REFERENCE", allow_hyphen_values = true)]
    subject_ref: Option<String>,
    /// Only calls with this requested or answered model
    #[arg(long)]
    model: Option<String>,
    /// Only calls that this upstream answered
    #[arg(long)]
    upstream: Option<String>,
    /// Only calls with this decision: allow, transformed, flagged or blocked
    #[arg(long)]
    decision: Option<String>,
    /// Only calls that this rule hit
    #[arg(long)]
    rule: Option<String>,
    /// Only calls in which this type of entity or group of terms was found
    #[arg(long)]
    label: Option<String>,
    /// Only calls that cost at least this much, in USD
    #[arg(long, value_name = "USD")]
    min_cost_usd: Option<String>,
    /// Only calls that cost at most this much, in USD
    #[arg(long, value_name = "USD")]
    max_cost_usd: Option<String>,
    /// Only calls in this state: open, completed or abandoned
    #[arg(long)]
    state: Option<String>,
    /// Only calls answered with this HTTP status
    #[arg(long)]
    status: Option<String>,
    /// Only calls with this state of review
    #[arg(long)]
    review: Option<String>,
    /// Only these calls; may be given more than once
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
}

impl FilterArgs {
    /// As a query string.
    pub(super) fn query(&self) -> String {
        let single = [
            ("since", &self.since),
            ("until", &self.until),
            ("tenant", &self.tenant),
            ("app", &self.app),
            ("caller", &self.caller),
            ("subject_ref", &self.subject_ref),
            ("model", &self.model),
            ("upstream", &self.upstream),
            ("decision", &self.decision),
            ("rule", &self.rule),
            ("label", &self.label),
            ("min_cost_usd", &self.min_cost_usd),
            ("max_cost_usd", &self.max_cost_usd),
            ("state", &self.state),
            ("status", &self.status),
            ("review", &self.review),
        ];
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in single {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        for id in &self.ids {
            query.append_pair("id", id);
        }
        query.finish()
    }
}
