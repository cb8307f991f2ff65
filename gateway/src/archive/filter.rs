//! The filter that a query string asks for: one spelling for HTTP and the command line.

use std::time::SystemTime;

use uuid::Uuid;
use weir_audit::{Decision, PicoUsd, Stamp};
use weir_index::{CallState, EventQuery, MAX_PAGE, Micros, Pico, Query};

use super::DeskError;

const TIME: &str = "a time as 2026-11-23T06:00:00Z, a day as 2026-11-23, or an age as 2h";

/// Reads `name=value&…` as a question about calls. Empty values count as not set.
///
/// # Errors
/// [`DeskError::Parameter`] for a name or value that is none.
pub fn calls(query: &str, now: SystemTime) -> Result<Query, DeskError> {
    let mut wanted = Query { limit: 50, ..Query::default() };
    for (name, value) in pairs(query) {
        let text = || Some(value.clone());
        match name.as_str() {
            "since" => wanted.since = Some(time("since", &value, now)?),
            "until" => wanted.until = Some(time("until", &value, now)?),
            "tenant" => wanted.tenant = text(),
            "app" => wanted.app = text(),
            "caller" => wanted.caller = text(),
            "subject_ref" => wanted.subject_ref = text(),
            "model" => wanted.model = text(),
            "upstream" => wanted.upstream = text(),
            "decision" => {
                let expected = "allow, transformed, flagged or blocked";
                wanted.decision = Some(Decision::from_word(&value).ok_or(no("decision", expected))?);
            }
            "rule" => wanted.rule = text(),
            "label" => wanted.label = text(),
            "min_cost_usd" => wanted.min_cost = Some(usd("min_cost_usd", &value)?),
            "max_cost_usd" => wanted.max_cost = Some(usd("max_cost_usd", &value)?),
            "state" => {
                let expected = "open, completed or abandoned";
                wanted.state = Some(CallState::from_word(&value).ok_or(no("state", expected))?);
            }
            "status" => wanted.status = Some(parsed("status", &value, "an HTTP status")?),
            "review" => wanted.review = text(),
            "id" => wanted.ids.get_or_insert_default().push(parsed("id", &value, "the id of a call")?),
            "limit" => wanted.limit = limit(&value)?,
            "after" => wanted.after = Some(parsed("after", &value, "the `next` of a page")?),
            _ => return Err(unknown()),
        }
    }
    Ok(wanted)
}

/// Reads it as a question about the records that belong to no call.
///
/// # Errors
/// As [`calls`].
pub fn events(query: &str, now: SystemTime) -> Result<EventQuery, DeskError> {
    let mut wanted = EventQuery { limit: 50, ..EventQuery::default() };
    for (name, value) in pairs(query) {
        match name.as_str() {
            "since" => wanted.since = Some(time("since", &value, now)?),
            "until" => wanted.until = Some(time("until", &value, now)?),
            "kind" => wanted.kind = Some(value),
            "actor" => wanted.actor = Some(value),
            "call" => wanted.call = Some(parsed::<Uuid>("call", &value, "the id of a call")?),
            "limit" => wanted.limit = limit(&value)?,
            "after" => wanted.after = Some(parsed("after", &value, "the `next` of a page")?),
            _ => return Err(unknown()),
        }
    }
    Ok(wanted)
}

fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
    pairs.filter(|(_, value)| !value.is_empty())
}

fn no(what: &'static str, expected: &'static str) -> DeskError {
    DeskError::Parameter { what, expected }
}

fn unknown() -> DeskError {
    no("each parameter", "one that /api/v1/openapi.json lists")
}

fn parsed<T: std::str::FromStr>(
    what: &'static str,
    value: &str,
    expected: &'static str,
) -> Result<T, DeskError> {
    value.parse().map_err(|_| no(what, expected))
}

fn limit(value: &str) -> Result<usize, DeskError> {
    let limit = value.parse().ok().filter(|limit| (1..=MAX_PAGE).contains(limit));
    limit.ok_or(no("limit", "a number from 1 to 1000"))
}

fn time(what: &'static str, value: &str, now: SystemTime) -> Result<Micros, DeskError> {
    let stamp = Stamp::from_words(value, now).ok_or(no(what, TIME))?;
    Ok(Micros(i64::try_from(stamp.unix_micros()).unwrap_or(i64::MAX)))
}

/// Exact decimal text, at most twelve places.
fn usd(what: &'static str, value: &str) -> Result<Pico, DeskError> {
    let amount = PicoUsd::from_usd(value).and_then(|amount| i64::try_from(amount.0).ok());
    amount.map(Pico).ok_or(no(what, "an amount in USD such as 0.25"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_read_and_nothing_else_is_taken() {
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000);
        let query =
            "since=1h&tenant=acme&decision=blocked&min_cost_usd=0.000001&state=open&status=400&rule=a&app=";
        let wanted = calls(query, now).unwrap();
        assert_eq!(wanted.since, Some(Micros(1_799_996_400_000_000)));
        assert_eq!((wanted.tenant.as_deref(), wanted.app), (Some("acme"), None));
        assert_eq!((wanted.min_cost, wanted.status), (Some(Pico(1_000_000)), Some(400)));
        for wrong in
            ["since=perhaps", "decision=x", "limit=0", "limit=1001", "id=1", "color=red", "min_cost_usd=-1"]
        {
            assert!(matches!(calls(wrong, now), Err(DeskError::Parameter { .. })), "{wrong}");
        }
        assert_eq!(events("kind=hold&limit=7", now).unwrap().limit, 7);
        assert!(events("tenant=acme", now).is_err());
    }
}
