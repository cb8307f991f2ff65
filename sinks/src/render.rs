//! From a record of the log to the message a receiver is sent: as it stands, or as a call joined with its end.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use uuid::Uuid;
use weir_audit::export::{ocsf, otel};
use weir_audit::read::{self, Call, Ending, Line};
use weir_audit::record::Kind;
use weir_audit::{Decision, Record};

use crate::batch::{Item, Level};
use crate::error::SinkError;

/// Most intents kept in memory to be joined with their ends; others are looked up in the log.
const MOST_INTENTS: usize = 4096;

/// What messages say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The record as it stands.
    Weir,
    /// An OCSF event a call.
    Ocsf,
    /// An OpenTelemetry log record a call.
    Otel,
}

/// Turns the lines of one lane into messages, in their order.
pub(crate) struct Renderer {
    shape: Shape,
    /// Folder of the lane, to look up an intent that is not in memory.
    dir: PathBuf,
    intents: HashMap<Uuid, Record>,
    /// The same by number, oldest first.
    order: BTreeMap<u64, Uuid>,
}

impl Renderer {
    pub(crate) fn new(shape: Shape, dir: PathBuf) -> Self {
        Self { shape, dir, intents: HashMap::new(), order: BTreeMap::new() }
    }

    /// The message for a line; none for an intent where a call is told at its end. Reads the log when the intent of
    /// a call is not in memory.
    ///
    /// # Errors
    /// [`SinkError::Unknown`], and [`SinkError::Log`].
    pub(crate) fn render(&mut self, line: &Line) -> Result<Option<(Item, String)>, SinkError> {
        let record = Record::parse(&line.json).map_err(|_| SinkError::Unknown { seq: line.seq })?;
        let node_id = record.node_id.to_string();
        if self.shape == Shape::Weir {
            let body =
                String::from_utf8(line.json.clone()).map_err(|_| SinkError::Unknown { seq: line.seq })?;
            return Ok(Some((item(&record, body), node_id)));
        }
        if record.kind == Kind::Intent {
            self.keep(record);
            return Ok(None);
        }
        let mut message = item(&record, String::new());
        message.body = match record.intent_id {
            Some(intent_id) => self.call(intent_id, record)?,
            None => self.spell(&record),
        };
        Ok(Some((message, node_id)))
    }

    fn keep(&mut self, intent: Record) {
        self.order.insert(intent.node_seq, intent.record_id);
        self.intents.insert(intent.record_id, intent);
        while self.intents.len() > MOST_INTENTS {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.intents.remove(&oldest);
        }
    }

    fn call(&mut self, intent_id: Uuid, end: Record) -> Result<String, SinkError> {
        let kept = self.intents.remove(&intent_id);
        if let Some(intent) = &kept {
            self.order.remove(&intent.node_seq);
        }
        let intent = match kept {
            Some(intent) => Some(intent),
            None => self.look_up(intent_id)?,
        };
        // Where retention has taken the intent, its end still is told.
        let Some(intent) = intent else { return Ok(self.spell(&end)) };
        let call = Call { intent, ending: Ending::Ended(Box::new(end)) };
        Ok(if self.shape == Shape::Ocsf { ocsf::call(&call) } else { otel::call(&call) }.to_string())
    }

    fn look_up(&self, intent_id: Uuid) -> Result<Option<Record>, SinkError> {
        Ok(match read::find(&self.dir, intent_id)? {
            Some(read::Found::Call(call)) => Some(call.intent),
            _ => None,
        })
    }

    fn spell(&self, record: &Record) -> String {
        if self.shape == Shape::Ocsf { ocsf::record(record) } else { otel::record(record) }.to_string()
    }

    #[cfg(test)]
    fn kept(&self) -> usize {
        self.intents.len().max(self.order.len())
    }
}

fn item(record: &Record, body: String) -> Item {
    Item {
        seq: record.node_seq,
        record_id: record.record_id,
        time: record.time,
        kind: record.kind.as_str(),
        tenant: record.tenant.to_string(),
        level: level(record),
        body,
    }
}

fn level(record: &Record) -> Level {
    match record.kind {
        Kind::Intent => Level::Plain,
        Kind::Completion => match record.completion.as_ref().map(|it| it.decision) {
            Some(Decision::Blocked | Decision::Flagged) => Level::Warning,
            _ => Level::Plain,
        },
        Kind::Abandoned | Kind::Gap => Level::Warning,
        _ => Level::Notice,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn line(seq: u64, kind: &str, more: &Value) -> Line {
        let id = Uuid::from_u128(u128::from(seq) + 1000);
        let mut whole = json!({"boot_id": Uuid::nil(), "clock_offset_us": 0, "kind": kind, "monotonic_us": 0,
            "node_id": "n1", "node_seq": seq, "record_id": id, "schema": 1, "tenant": "acme",
            "time": "2026-11-23T06:00:00.000000Z"});
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Line { seq, json: whole.to_string().into_bytes() }
    }

    fn intent(seq: u64) -> Line {
        line(seq, "intent", &json!({"intent": {"app": "desk", "endpoint": "chat"}}))
    }

    fn end(seq: u64, of: u64) -> Line {
        let intent_id = Uuid::from_u128(u128::from(of) + 1000);
        line(seq, "completion", &json!({"intent_id": intent_id, "completion": {"status": 200}}))
    }

    #[test]
    fn a_record_as_it_stands_is_not_touched() {
        let mut renderer = Renderer::new(Shape::Weir, PathBuf::new());
        for line in [intent(1), end(2, 1)] {
            let (item, node_id) = renderer.render(&line).unwrap().unwrap();
            assert_eq!((item.body.into_bytes(), item.seq, node_id.as_str()), (line.json, line.seq, "n1"));
        }
        let broken = Line { seq: 3, json: b"{}".to_vec() };
        assert!(matches!(renderer.render(&broken), Err(SinkError::Unknown { seq: 3 })));
    }

    #[test]
    fn a_call_is_told_once_at_its_end() {
        let mut renderer = Renderer::new(Shape::Ocsf, PathBuf::new());
        assert_eq!(renderer.render(&intent(1)).unwrap(), None);
        let (item, _) = renderer.render(&end(2, 1)).unwrap().unwrap();
        let event: Value = serde_json::from_str(&item.body).unwrap();
        assert_eq!(
            (&event["actor"]["app_name"], &event["metadata"]["sequence"]),
            (&json!("desk"), &json!(2))
        );
        assert_eq!(renderer.kept(), 0);
    }

    #[test]
    fn intents_in_memory_are_bounded() {
        let mut renderer = Renderer::new(Shape::Otel, PathBuf::new());
        for seq in 1..=MOST_INTENTS as u64 + 100 {
            renderer.render(&intent(seq)).unwrap();
        }
        assert_eq!(renderer.kept(), MOST_INTENTS);
    }
}
