//! Puts what an exchange found into the words of the audit record.

use weir_accounting::UsageSource;
use weir_audit::{Completion, Intent, PicoUsd, Quantity, exchange as audit};
use weir_dialects::Summary;
use weir_policies::{Caller, Enforcement, Findings};

use crate::{relay::Attempt, routing::Upstream};

/// The caller, as an intent names it. The subject itself never enters a record.
pub fn caller(intent: &mut Intent, caller: &Caller) {
    let text = |field: &Option<String>| field.clone().map(Into::into);
    intent.tenant = caller.tenant.clone().into();
    intent.team = text(&caller.team);
    intent.app = text(&caller.app);
    intent.key_id = text(&caller.key_id);
    intent.purpose = text(&caller.purpose);
    intent.cost_center = text(&caller.cost_center);
    intent.conversation = text(&caller.conversation);
    let tag = |(name, value): &(String, String)| audit::Tag {
        name: name.clone().into(),
        value: value.clone().into(),
    };
    intent.tags = caller.tags.iter().map(tag).collect();
}

/// What a reply says about itself.
pub fn summary(completion: &mut Completion, summary: &Summary) {
    completion.response_id = summary.id.clone().map(Into::into);
    completion.answered_model = summary.model.clone().map(Into::into);
    completion.finish_reasons = summary.finish_reasons.iter().cloned().map(Into::into).collect();
    completion.usage = summary.usage.map(|usage| audit::Usage {
        cache_write: usage.cache_write,
        cached_input: usage.cached_input,
        input: usage.input,
        output: usage.output,
        reasoning: usage.reasoning,
        source: usage_source(usage.source).into(),
        suspect: usage.suspect,
    });
}

/// What one control found.
pub fn findings(completion: &mut Completion, findings: &Findings) {
    for hit in &findings.hits {
        let action = match hit.enforced {
            Enforcement::Enforce => hit.action.name().to_owned(),
            Enforcement::Shadow => format!("shadow:{}", hit.action.name()),
        };
        completion.hits.push(audit::Hit {
            action: action.into(),
            count: hit.count,
            entity: hit.subject.clone().into(),
            policy: hit.policy.clone().into(),
            rule: hit.rule.clone().into(),
            score: None,
            slot: hit.path.clone().into(),
        });
    }
    for (entity, count) in &findings.redactions {
        completion.redactions.push(audit::Redaction { count: *count, entity: entity.clone().into() });
    }
    completion.places.extend(findings.places.iter().map(|place| audit::Place {
        end: place.range.end as u64,
        entity: place.subject.clone().into(),
        mode: place.mode.into(),
        slot: place.path.clone().into(),
        start: place.range.start as u64,
    }));
    // There are the counts for the rest.
    completion.places.truncate(audit::MAX_PLACES);
}

/// Money.
pub fn cost(cost: &weir_accounting::Cost) -> audit::Cost {
    let amount = |amount: weir_accounting::PicoUsd| PicoUsd(i128::from(amount.0));
    audit::Cost {
        catalogue: cost.catalogue.clone().into(),
        input: amount(cost.input),
        output: amount(cost.output),
        total: amount(cost.total),
    }
}

/// Energy, carbon and water.
pub fn impact(impact: &weir_accounting::Impact) -> audit::Impact {
    let span =
        |range: weir_accounting::Range| audit::Span { max: Quantity(range.max), min: Quantity(range.min) };
    audit::Impact {
        energy_kwh: span(impact.energy_kwh),
        gwp_kg: span(impact.gwp_kg),
        method: impact.method.into(),
        wcf_l: impact.wcf_l.map(span),
        zone: impact.zone.clone().into(),
    }
}

/// Who answered.
pub fn upstream(completion: &mut Completion, upstream: &Upstream) {
    completion.upstream = Some(upstream.name().to_owned().into());
    completion.provider = Some(upstream.settings.provider.clone().into());
    completion.region = upstream.settings.region.clone().map(Into::into);
}

/// Which upstreams were tried, where it took more than one try.
pub fn attempts(completion: &mut Completion, attempts: &[Attempt]) {
    if attempts.len() < 2 {
        return;
    }
    let kept = |attempt: &Attempt| audit::Attempt {
        result: attempt.result.clone().into(),
        upstream: attempt.upstream.clone().into(),
    };
    completion.attempts = attempts.iter().map(kept).collect();
}

fn usage_source(source: UsageSource) -> &'static str {
    match source {
        UsageSource::Provider => "provider",
        UsageSource::Counted => "counted",
        UsageSource::Estimated => "estimated",
    }
}

/// `2xx` and so on: a label of few values.
pub fn status_class(status: u16) -> &'static str {
    match status {
        0..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}
