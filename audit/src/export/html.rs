//! A summary for people: one HTML file that works offline, prints well, and runs no script.
//!
//! Markup is made by a template that escapes every text; a content policy in the file forbids everything but its
//! own style sheet. Headings, captions, row and column headers and the language are there for screen readers.

use std::collections::BTreeMap;

use maud::{DOCTYPE, Markup, html};

use super::{Known, Totals, rule};
use crate::read::Call;
use crate::text::{Stamp, Text};

/// What a summary shows.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a> {
    /// Its title.
    pub title: &'a str,
    /// When it was made.
    pub made: Stamp,
    /// The filter that chose the calls, as names and values.
    pub filter: &'a [(String, String)],
    /// Counts and sums over all calls of the export.
    pub totals: &'a Totals,
    /// The calls of the table, which may be fewer than were counted.
    pub calls: &'a [Call],
    /// The signed checkpoint that the export belongs to, as its text.
    pub checkpoint: Option<&'a str>,
}

const STYLE: &str = "
:root { color-scheme: light; font: 11pt/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff }
body { margin: 2rem auto; padding: 0 1rem; max-width: 75rem }
table { border-collapse: collapse; margin: 1rem 0; width: 100% }
caption { text-align: left; font-weight: 600; padding: .3rem 0 }
th, td { border: 1px solid #767676; padding: .25rem .5rem; text-align: left; vertical-align: top; overflow-wrap: anywhere }
thead th { background: #eee }
td.n { text-align: right; font-variant-numeric: tabular-nums }
pre { border: 1px solid #767676; padding: .5rem; white-space: pre-wrap; overflow-wrap: anywhere }
@media print { body { margin: 0; max-width: none; font-size: 9pt } thead { display: table-header-group } tr { break-inside: avoid } }
";

/// The summary as one HTML document.
pub fn render(summary: &Summary<'_>) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="referrer" content="no-referrer";
                title { (summary.title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (summary.title) }
                    p { "Made " time datetime=(summary.made.to_string()) { (summary.made.to_string()) } ". "
                        "Times are in UTC. Bodies of requests and replies are not part of this summary." }
                    (filter(summary.filter))
                    (figures(summary.totals))
                    (counts(summary.totals))
                    (calls(summary))
                    (checkpoint(summary.checkpoint))
                }
            }
        }
    };
    page.into_string()
}

fn filter(filter: &[(String, String)]) -> Markup {
    html! {
        h2 { "Filter" }
        @if filter.is_empty() {
            p { "None: every call of the log." }
        } @else {
            table {
                caption { "What the calls had to match" }
                thead { tr { th scope="col" { "Field" } th scope="col" { "Value" } } }
                tbody { @for (name, value) in filter { tr { th scope="row" { (name) } td { (value) } } } }
            }
        }
    }
}

fn figures(totals: &Totals) -> Markup {
    let ranges = [
        ("Energy, kWh", &totals.energy_kwh),
        ("Carbon, kg CO₂-equivalent", &totals.gwp_kg),
        ("Water, litres", &totals.wcf_l),
    ];
    html! {
        h2 { "Sums" }
        table {
            caption { "Over " (totals.calls) " calls; a figure that is not known is not counted as zero" }
            thead { tr {
                th scope="col" { "Figure" } th scope="col" { "From" } th scope="col" { "To" }
                th scope="col" { "Calls with the figure" }
            } }
            tbody {
                tr {
                    th scope="row" { "Money, USD" }
                    td.n { (totals.cost.to_usd()) } td.n { (totals.cost.to_usd()) } td.n { (totals.priced) }
                }
                @for (name, known) in ranges { (range(name, known)) }
            }
        }
    }
}

fn range(name: &str, known: &Known) -> Markup {
    html! {
        tr {
            th scope="row" { (name) }
            @if known.calls == 0 {
                td.n { "unknown" } td.n { "unknown" }
            } @else {
                td.n { (known.min.to_string()) } td.n { (known.max.to_string()) }
            }
            td.n { (known.calls) }
        }
    }
}

fn counts(totals: &Totals) -> Markup {
    let groups = [
        ("State", &totals.states),
        ("Decision", &totals.decisions),
        ("Rule", &totals.rules),
        ("Model", &totals.models),
        ("Tenant", &totals.tenants),
    ];
    html! {
        h2 { "Counts" }
        @for (name, counts) in groups { (count(name, counts)) }
    }
}

fn count(name: &str, counts: &BTreeMap<String, u64>) -> Markup {
    let mut rows: Vec<_> = counts.iter().collect();
    rows.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
    html! {
        table {
            caption { "Calls by " (name.to_lowercase()) }
            thead { tr { th scope="col" { (name) } th scope="col" { "Calls" } } }
            tbody {
                @for (value, calls) in &rows { tr { th scope="row" { (value) } td.n { (calls) } } }
                @if rows.is_empty() { tr { td colspan="2" { "none" } } }
            }
        }
    }
}

fn calls(summary: &Summary<'_>) -> Markup {
    let columns = [
        "Time",
        "Call",
        "Tenant",
        "App",
        "Model",
        "State",
        "Status",
        "Decision",
        "Rules",
        "Tokens in",
        "Tokens out",
        "USD",
        "kg CO₂-eq.",
    ];
    html! {
        h2 { "Calls" }
        table {
            caption { (summary.calls.len()) " of " (summary.totals.calls) " calls" }
            thead { tr { @for column in columns { th scope="col" { (column) } } } }
            tbody { @for one in summary.calls { (call(one)) } }
        }
    }
}

fn call(call: &Call) -> Markup {
    let (intent, end) = (call.announced(), call.completion());
    let asked = intent.and_then(|it| it.requested_model.as_ref());
    let model = end.and_then(|it| it.answered_model.as_ref()).or(asked);
    let usage = end.and_then(|it| it.usage.as_ref());
    let carbon = end.and_then(|it| it.impact.as_ref()).map(|it| &it.gwp_kg);
    html! {
        tr {
            td { (call.time().to_string()) }
            th scope="row" { (call.id().to_string()) }
            td { (call.tenant().as_str()) }
            td { (intent.and_then(|it| it.app.as_ref()).map_or("", Text::as_str)) }
            td { (model.map_or("", Text::as_str)) }
            td { (call.state()) }
            td.n { (end.map(|it| it.status.to_string()).unwrap_or_default()) }
            td { (end.map_or("", |it| it.decision.as_str())) }
            td { (end.map(|it| it.hits.iter().map(rule).collect::<Vec<_>>().join(", ")).unwrap_or_default()) }
            td.n { (usage.map(|it| it.input.to_string()).unwrap_or_default()) }
            td.n { (usage.map(|it| it.output.to_string()).unwrap_or_default()) }
            td.n { (end.and_then(|it| it.cost.as_ref()).map_or_else(|| "unknown".into(), |it| it.total.to_usd())) }
            td.n { (carbon.map_or_else(|| "unknown".into(), |it| format!("{} to {}", it.min, it.max))) }
        }
    }
}

fn checkpoint(text: Option<&str>) -> Markup {
    html! {
        h2 { "Checkpoint" }
        @match text {
            Some(text) => { p { "The signed state of the log that the export belongs to:" } pre { (text) } },
            None => p { "No checkpoint was given: this summary is not tied to a signed state of the log." },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::samples::{completion, ended, intent, open};
    use super::*;
    use crate::read::Ending;

    fn rendered(calls: &[Call], checkpoint: Option<&str>, filter: &[(String, String)]) -> String {
        let mut totals = Totals::default();
        calls.iter().for_each(|call| totals.add(call));
        let made = Stamp::from(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        render(&Summary { title: "Calls & more", made, filter, totals: &totals, calls, checkpoint })
    }

    #[test]
    fn every_text_is_escaped() {
        let evil = "<script>alert('1')</script>\"&";
        let call = Call { intent: intent(evil), ending: Ending::Open };
        let page = rendered(&[call], Some(evil), &[(evil.into(), evil.into())]);
        assert!(!page.contains("<script"));
        assert_eq!(page.matches("&lt;script&gt;").count(), 4);
        assert!(page.contains("<title>Calls &amp; more</title>"));
    }

    #[test]
    fn it_shows_sums_counts_and_calls_and_loads_nothing() {
        let calls = [ended(completion("allow", 200)), ended(completion("blocked", 400)), open()];
        let page = rendered(&calls, Some("weir/n1\n9\nhash\n"), &[]);
        for expect in [
            "<html lang=\"en\">",
            "<td class=\"n\">0.000003</td>",
            "<td class=\"n\">0.2</td><td class=\"n\">0.4</td><td class=\"n\">2</td>",
            "<th scope=\"row\">Water, litres</th><td class=\"n\">unknown</td>",
            "<caption>Calls by decision</caption>",
            "<caption>3 of 3 calls</caption>",
            "0.1 to 0.2",
            "<pre>weir/n1\n9\nhash\n</pre>",
        ] {
            assert!(page.contains(expect), "{expect} in {page}");
        }
        for absent in ["http://", "https://", "src=", "href=", "javascript"] {
            assert!(!page.contains(absent), "{absent}");
        }
    }

    #[test]
    fn tables_are_well_formed() {
        let page = rendered(&[open()], None, &[("tenant".into(), "acme".into())]);
        for tag in ["table", "thead", "tbody", "tr", "th", "td", "caption", "main", "h1", "h2"] {
            let opened =
                page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        assert_eq!(page.matches("<table>").count(), page.matches("<caption>").count());
    }
}
