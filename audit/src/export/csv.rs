//! Calls as CSV (RFC 4180): UTF-8, CRLF, one header row, columns that keep their names and order.
//!
//! New columns are added at the end. A text that a spreadsheet could take for a formula, or that begins with an
//! apostrophe, gets one apostrophe in front, so that taking one away gives the text back. Figures that are not
//! known are empty.

use ::csv::{Terminator, WriterBuilder};

use super::{last, otel, rule};
use crate::exchange::{Completion, Impact, Intent, Span};
use crate::read::Call;
use crate::text::{Quantity, Text};

/// The columns, in their order.
pub const COLUMNS: [&str; 52] = [
    "record_id",
    "time",
    "node_id",
    "node_seq",
    "tenant",
    "state",
    "end_record_id",
    "end_node_seq",
    "end_time",
    "shed",
    "app",
    "team",
    "key_id",
    "subject_ref",
    "conversation",
    "purpose",
    "cost_center",
    "tags",
    "endpoint",
    "route",
    "requested_model",
    "stream",
    "request_bytes",
    "policy_set",
    "answered_model",
    "provider",
    "upstream",
    "region",
    "status",
    "error",
    "decision",
    "rules",
    "redactions",
    "finish_reasons",
    "stream_state",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_usd",
    "energy_kwh_min",
    "energy_kwh_max",
    "gwp_kg_min",
    "gwp_kg_max",
    "wcf_l_min",
    "wcf_l_max",
    "zone",
    "controls_us",
    "first_byte_us",
    "total_us",
    "reply_bytes",
];
/// Characters at which a spreadsheet may begin a formula, their full-width forms included, and the apostrophe.
const STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\'', '＝', '＋', '－', '＠'];

/// The header row.
pub fn header() -> String {
    spell(&COLUMNS.map(str::to_owned))
}

/// The row of a call.
pub fn row(call: &Call) -> String {
    let mut cells = Cells(Vec::with_capacity(COLUMNS.len()));
    cells.call(call);
    cells.intent(call.announced());
    cells.completion(call.completion());
    spell(&cells.0)
}

fn spell(cells: &[String]) -> String {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    // Writing to memory doesn't fail.
    let row = writer.write_record(cells).ok().and_then(|()| writer.into_inner().ok());
    row.and_then(|row| String::from_utf8(row).ok()).unwrap_or_default()
}

/// `text` so that no spreadsheet takes it for a formula.
fn plain(text: &str) -> String {
    // Spaces in front are skipped by some programs.
    if text.trim_start_matches(' ').starts_with(STARTS) { format!("'{text}") } else { text.to_owned() }
}

struct Cells(Vec<String>);

impl Cells {
    fn text(&mut self, text: &str) {
        self.0.push(plain(text));
    }

    fn maybe(&mut self, text: Option<&Text>) {
        self.text(text.map_or("", Text::as_str));
    }

    /// A figure of ours: it may begin with a sign.
    fn figure(&mut self, figure: Option<impl ToString>) {
        self.0.push(figure.map(|it| it.to_string()).unwrap_or_default());
    }

    fn list(&mut self, texts: impl Iterator<Item = String>) {
        self.text(&texts.collect::<Vec<_>>().join("; "));
    }

    fn call(&mut self, call: &Call) {
        self.text(&call.id().to_string());
        self.text(&call.time().to_string());
        self.maybe(Some(&call.intent.node_id));
        self.figure(Some(call.intent.node_seq));
        self.maybe(Some(call.tenant()));
        self.text(call.state());
        let end = call.end();
        self.figure(end.map(|it| it.record_id));
        self.figure(end.map(|it| it.node_seq));
        self.figure(end.map(|it| it.time));
        self.figure(Some(call.intent.shed || last(call).shed));
    }

    fn intent(&mut self, intent: Option<&Intent>) {
        let pick = |pick: fn(&Intent) -> Option<&Text>| intent.and_then(pick);
        self.maybe(pick(|it| it.app.as_ref()));
        self.maybe(pick(|it| it.team.as_ref()));
        self.maybe(pick(|it| it.key_id.as_ref()));
        self.maybe(pick(|it| it.subject_ref.as_ref()));
        self.maybe(pick(|it| it.conversation.as_ref()));
        self.maybe(pick(|it| it.purpose.as_ref()));
        self.maybe(pick(|it| it.cost_center.as_ref()));
        let tags = intent.into_iter().flat_map(|it| &it.tags);
        self.list(tags.map(|tag| format!("{}={}", tag.name, tag.value)));
        self.maybe(intent.map(|it| &it.endpoint));
        self.maybe(pick(|it| it.route.as_ref()));
        self.maybe(pick(|it| it.requested_model.as_ref()));
        self.figure(intent.map(|it| it.stream));
        self.figure(intent.map(|it| it.request_bytes));
        self.maybe(intent.map(|it| &it.policy_set));
    }

    fn completion(&mut self, end: Option<&Completion>) {
        let pick = |pick: fn(&Completion) -> Option<&Text>| end.and_then(pick);
        self.maybe(pick(|it| it.answered_model.as_ref()));
        self.maybe(pick(|it| it.provider.as_ref()));
        self.maybe(pick(|it| it.upstream.as_ref()));
        self.maybe(pick(|it| it.region.as_ref()));
        self.figure(end.map(|it| it.status));
        self.maybe(pick(|it| it.error.as_ref()));
        self.text(end.map_or("", |it| it.decision.as_str()));
        self.list(end.into_iter().flat_map(|it| &it.hits).map(rule));
        let redactions = end.into_iter().flat_map(|it| &it.redactions);
        self.list(redactions.map(|it| format!("{}={}", it.entity, it.count)));
        self.list(end.into_iter().flat_map(|it| &it.finish_reasons).map(Text::to_string));
        self.text(end.map_or("", |it| otel::stream_state(it.stream_state)));
        let usage = end.and_then(|it| it.usage.as_ref());
        self.figure(usage.map(|it| it.input));
        self.figure(usage.map(|it| it.cached_input));
        self.figure(usage.map(|it| it.cache_write));
        self.figure(usage.map(|it| it.output));
        self.figure(usage.map(|it| it.reasoning));
        self.figure(end.and_then(|it| it.cost.as_ref()).map(|it| it.total.to_usd()));
        self.impact(end.and_then(|it| it.impact.as_ref()));
        self.figure(end.map(|it| it.latency.controls_us));
        self.figure(end.and_then(|it| it.latency.first_byte_us));
        self.figure(end.map(|it| it.latency.total_us));
        self.figure(end.map(|it| it.reply_bytes));
    }

    fn impact(&mut self, impact: Option<&Impact>) {
        self.span(impact.map(|it| &it.energy_kwh));
        self.span(impact.map(|it| &it.gwp_kg));
        self.span(impact.and_then(|it| it.wcf_l.as_ref()));
        self.maybe(impact.map(|it| &it.zone));
    }

    fn span(&mut self, span: Option<&Span>) {
        let known = |quantity: Quantity| Some(quantity).filter(|it| it.0.is_finite());
        self.figure(span.and_then(|it| known(it.min)));
        self.figure(span.and_then(|it| known(it.max)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{abandoned, completion, ended, intent, open};
    use super::*;
    use crate::read::Ending;

    fn cell(call: &Call, column: &str) -> String {
        let text = header() + &row(call);
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let at = reader.headers().unwrap().iter().position(|it| it == column).unwrap();
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!((rows.len(), rows[0].len()), (1, COLUMNS.len()));
        rows[0][at].to_owned()
    }

    #[test]
    fn a_call_is_read_back_by_column() {
        let whole = ended(completion("flagged", 200));
        for (column, expect) in [
            ("state", "completed"),
            ("node_seq", "7"),
            ("end_node_seq", "9"),
            ("end_time", "2026-11-23T06:00:01.500000Z"),
            ("tags", "k=v"),
            ("stream", "true"),
            ("decision", "flagged"),
            ("rules", "p/r"),
            ("redactions", "email=3"),
            ("stream_state", "complete"),
            ("input_tokens", "30"),
            ("reasoning_tokens", "4"),
            ("cost_usd", "0.0000015"),
            ("gwp_kg_max", "0.2"),
            ("wcf_l_max", ""),
            ("zone", "DE"),
            ("total_us", "1500000"),
            ("reply_bytes", "300"),
            ("policy_set", "ab12"),
        ] {
            assert_eq!(cell(&whole, column), expect, "{column}");
        }
        assert_eq!((cell(&open(), "decision"), cell(&open(), "status")), (String::new(), String::new()));
        assert_eq!(cell(&ended(abandoned()), "state"), "abandoned");
    }

    #[test]
    fn no_text_is_taken_for_a_formula_and_quotes_and_commas_survive() {
        let check = |app: &str, expect: &str| {
            let call = Call { intent: intent(app), ending: Ending::Open };
            assert_eq!(cell(&call, "app"), expect);
        };
        check("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")");
        check("  +1", "'  +1");
        check("-2,3", "'-2,3");
        check("@SUM(A1)", "'@SUM(A1)");
        check("＝1", "'＝1");
        check("'quoted", "''quoted");
        check("a, \"b\"; c", "a, \"b\"; c");
        check("plain", "plain");
    }

    #[test]
    fn rows_end_as_rfc_4180_says() {
        assert!(header().starts_with("record_id,time,") && header().ends_with(",reply_bytes\r\n"));
        assert!(row(&open()).ends_with("\r\n"));
    }
}
