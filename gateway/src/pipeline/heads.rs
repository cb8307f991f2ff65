//! Heads of answers: what Weir says about each exchange in its headers.

use http::{HeaderName, HeaderValue};

use super::trail::Trail;
use crate::{refusal::Refusal, relay::Opened, shell::ReplyHead};

/// Headers of an upstream that a client may see, beside `x-ratelimit-*`.
const KEPT: [&str; 4] = ["openai-processing-ms", "openai-version", "retry-after", "x-should-retry"];

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const DECISION: HeaderName = HeaderName::from_static("x-weir-decision");
const POLICY: HeaderName = HeaderName::from_static("x-weir-policy");
const UPSTREAM: HeaderName = HeaderName::from_static("x-weir-upstream");
const MODEL: HeaderName = HeaderName::from_static("x-weir-model");
const COST: HeaderName = HeaderName::from_static("x-weir-cost-usd");
const ENERGY: HeaderName = HeaderName::from_static("x-weir-energy-wh");
const CARBON: HeaderName = HeaderName::from_static("x-weir-carbon-g");
const OVERHEAD: HeaderName = HeaderName::from_static("x-weir-overhead-ms");

/// A head with what is known of every exchange.
pub fn plain(trail: &Trail, status: u16) -> ReplyHead {
    let mut head = ReplyHead::new(status);
    head.add(REQUEST_ID, trail.id_text());
    head.headers.push((DECISION, HeaderValue::from_static(trail.decision().as_str())));
    head.add(POLICY, trail.policy());
    head.add(OVERHEAD, &format!("{:.3}", trail.overhead().as_secs_f64() * 1e3));
    head
}

/// The head of a refusal.
pub fn refusal(trail: &Trail, refusal: &Refusal) -> ReplyHead {
    let mut head = plain(trail, refusal.status());
    if let Some(after) = refusal.retry_after() {
        head.add(http::header::RETRY_AFTER, &after.as_secs().max(1).to_string());
    }
    if matches!(refusal, Refusal::Unauthenticated(_)) {
        head.headers.push((http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
    }
    head
}

/// The head of an upstream's answer.
pub fn answer(trail: &Trail, opened: &Opened, status: u16) -> ReplyHead {
    let mut head = plain(trail, status);
    for name in KEPT {
        if let Some(value) = opened.headers.get(name) {
            head.headers.push((HeaderName::from_static(name), value.clone()));
        }
    }
    for (name, value) in &opened.headers {
        if name.as_str().starts_with("x-ratelimit-") {
            head.headers.push((name.clone(), value.clone()));
        }
    }
    head.add(UPSTREAM, opened.upstream.name());
    head.add(MODEL, trail.model());
    head
}

/// Adds what a whole reply cost; on a stream the final usage chunk says it.
pub fn measured(head: &mut ReplyHead, trail: &Trail) {
    let figures = Figures::of(trail);
    head.add(COST, &figures.cost_usd);
    head.add(ENERGY, &figures.energy_wh);
    head.add(CARBON, &figures.carbon_g);
}

/// Money, energy and carbon as clients read them; `unknown` where no price or method applies, never 0.
pub struct Figures {
    /// USD, exact decimal text.
    pub cost_usd: String,
    /// Watt-hours, `MIN..MAX`.
    pub energy_wh: String,
    /// Grams of CO2-equivalent, `MIN..MAX`.
    pub carbon_g: String,
}

impl Figures {
    /// Those of an exchange that has ended.
    pub fn of(trail: &Trail) -> Self {
        let unknown = || "unknown".to_owned();
        let impact = |figure: fn(&weir_accounting::Impact) -> weir_accounting::Range| {
            trail.impact().map_or_else(unknown, |impact| span(figure(impact), 1e3))
        };
        Self {
            cost_usd: trail.cost().map_or_else(unknown, |cost| cost.total.to_string()),
            energy_wh: impact(|impact| impact.energy_kwh),
            carbon_g: impact(|impact| impact.gwp_kg),
        }
    }
}

/// `MIN..MAX` in a smaller unit, three significant digits.
fn span(range: weir_accounting::Range, factor: f64) -> String {
    format!("{}..{}", digits(range.min * factor), digits(range.max * factor))
}

fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let places = (2.0 - value.abs().log10().floor()).clamp(0.0, 17.0);
    // Whole numbers are written much faster than fractions. The clamp keeps the places within u32.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in range, or cut to its end"
    )]
    let (places, scaled) = (places as u32, (value * 10_f64.powf(places)).round() as u64);
    let unit = 10_u64.pow(places);
    let (whole, rest) = (scaled / unit, scaled % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = places as usize;
    format!("{whole}.{rest:0width$}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use weir_accounting::Range;

    #[test]
    fn ranges_keep_three_digits() {
        let cases = [
            (0.0, 0.0, "0..0"),
            (0.001_234_5, 0.5, "1.23..500"),
            (0.000_000_123_45, 12.345, "0.000123..12345"),
        ];
        for (min, max, expect) in cases {
            assert_eq!(super::span(Range { min, max }, 1e3), expect);
        }
    }
}
