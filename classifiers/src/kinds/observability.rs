//! Keys of monitoring and logging services.

use super::{Kind, Trigger};
use crate::EntityType::SecretToken;
use crate::check;

const fn key(name: &'static str, prefixes: &'static [&'static str], pattern: &'static str) -> Kind {
    Kind::token(name, prefixes, pattern).must(check::random)
}

pub(super) const KINDS: &[Kind] = &[
    key(
        "New Relic user or insert key",
        &["NRAK-", "NRII-", "NRIQ-"],
        r"NR(?:AK-[A-Z0-9]{27}|I[IQ]-[A-Za-z0-9_-]{32})\b",
    )
    .sample("NRAK-{u27}"),
    key("New Relic licence key", &[], r"[a-f0-9]{36}NRAL\b")
        .on(Trigger::Inside("NRAL", 36, 36))
        .sample("{x36}NRAL"),
    key("New Relic browser key", &["NRJS-"], r"NRJS-[a-f0-9]{19}\b").sample("NRJS-{x19}"),
    Kind::label(SecretToken, "Datadog key", r"[a-f0-9]{32}(?:[a-f0-9]{8})?\b")
        .score(0.9)
        .must(check::random)
        .words(&[
            "dd api key",
            "dd app key",
            "dd application key",
            "datadog api key",
            "datadog app key",
            "datadog application key",
            "dd-api-key",
            "dd-application-key",
        ])
        .sample("DD_API_KEY={x32}"),
    key("Grafana service account token", &["glsa_"], r"glsa_[A-Za-z0-9]{32}_[a-fA-F0-9]{8}\b")
        .sample("glsa_{a32}_{x8}"),
    key("Grafana Cloud token", &["glc_"], r"glc_[A-Za-z0-9+/]{32,400}={0,3}").sample("glc_{s80}"),
    key("Grafana key of older form", &["eyJrIjoi"], r"eyJrIjoi[A-Za-z0-9+/]{70,400}={0,3}")
        .sample("eyJrIjoi{s90}"),
    key("Sentry organisation token", &["sntrys_"], r"sntrys_[A-Za-z0-9+/=_-]{80,300}")
        .sample("sntrys_{s150}"),
    key("Sentry user token", &["sntryu_"], r"sntryu_[a-f0-9]{64}\b").sample("sntryu_{x64}"),
    key("Honeycomb key", &["hcaik_", "hcxik_", "hcamk_"], r"hc(?:aik|xik|amk)_[A-Za-z0-9]{32,70}\b")
        .sample("hcaik_{l58}"),
    key("Dynatrace token", &["dt0c01.", "dt0s01.", "dt0s16."], r"dt0[cs]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}\b")
        .sample("dt0c01.{u24}.{u64}"),
    key("PostHog personal key", &["phx_"], r"phx_[A-Za-z0-9]{40,50}\b").sample("phx_{a43}"),
    key("Axiom token", &["xaat-", "xapt-"], r"xa[ap]t-[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}")
        .sample("xaat-{x8}-{x4}-{x4}-{x4}-{x12}"),
    key("PagerDuty, Rollbar, Splunk or Elastic key behind a label", &[], r"[A-Za-z0-9_=+/-]{20,72}")
        .on(Trigger::Label)
        .score(0.85)
        .words(&[
            "pagerduty token",
            "pagerduty api key",
            "rollbar access token",
            "splunk token",
            "splunk hec token",
            "elastic api key",
            "logdna key",
            "loggly token",
            "opsgenie api key",
        ])
        .sample("ROLLBAR_ACCESS_TOKEN={x32}"),
];
