//! The few request fields the gateway itself relies on: checked, and where they stand for rewriting.

use std::ops::Range;

use crate::json::{Doc, Edits, Node, NodeKind, ROOT, Spelling};
use crate::{AskUsage, Endpoint, Invalid, Rewrite};

/// Most answers a request may ask for; the API's own limit.
const MOST_CHOICES: u64 = 128;

/// What a request goes on from that the upstream holds, by the upstream's id for it.
#[derive(Clone, PartialEq, Eq)]
pub enum Origin {
    /// The reply with this id.
    Response(String),
    /// The conversation with this id.
    Conversation(String),
}

/// Fields of a request.
#[derive(Default)]
pub struct Fields {
    pub model: String,
    pub stream: bool,
    pub include_usage: bool,
    pub wants_json: bool,
    pub max_output_tokens: Option<u64>,
    pub choices: u32,
    pub origins: Vec<Origin>,
    model_at: Range<usize>,
    usage_at: UsageSite,
}

/// Where `include_usage` stands, or could stand.
#[derive(Clone, Debug, Default)]
enum UsageSite {
    #[default]
    None,
    /// The value is here.
    Value(Range<usize>),
    /// `stream_options` is null, here.
    NullOptions(Range<usize>),
    /// Insert as a member of `stream_options`, at this byte; whether it has other members.
    Options(usize, Others),
    /// Insert `stream_options` at this byte, behind other members of the body.
    Body(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    Present,
    Absent,
}

impl Fields {
    /// Reads and checks the fields.
    pub fn read(endpoint: &Endpoint, doc: &Doc<'_>) -> Result<Self, Invalid> {
        let root = doc.node(ROOT).filter(|node| node.kind == NodeKind::Object);
        let root = root.ok_or_else(|| Invalid::at("/", "an object was expected"))?;
        let body = Body::read(doc)?;
        body.texts(endpoint)?;
        let at = body.node("model").ok_or_else(|| Invalid::at("/model", "the field is required"))?;
        let model = Some(at).filter(|node| node.kind == NodeKind::String).map(|node| doc.text(node));
        let model = model.filter(|name| !name.is_empty());
        let model = model.ok_or_else(|| Invalid::at("/model", "a string was expected"))?;
        let n = body.count("n")?;
        if n == Some(0) || n > Some(MOST_CHOICES) {
            return Err(Invalid::at("/n", "a number between 1 and 128 was expected"));
        }
        let each = n.max(body.count("best_of")?).unwrap_or(1).min(MOST_CHOICES);
        let mut most = None;
        for name in ["max_tokens", "max_completion_tokens", "max_output_tokens"] {
            most = most.max(body.count(name)?);
        }
        let (include_usage, usage_at) = body.usage(root.end as usize)?;
        Ok(Self {
            model,
            stream: flag(body.node("stream"), "/stream")?.unwrap_or(false),
            include_usage,
            wants_json: body.wants_json(),
            max_output_tokens: most,
            choices: u32::try_from(each.saturating_mul(body.prompts(endpoint))).unwrap_or(u32::MAX),
            origins: origins(endpoint, doc),
            model_at: at.start as usize..at.end as usize,
            usage_at,
        })
    }

    /// Adds the edits that a rewrite asks for.
    pub fn rewrite(&self, endpoint: &Endpoint, rewrite: &Rewrite<'_>, edits: &mut Edits) {
        if let Some(model) = rewrite.model.filter(|model| *model != self.model && !self.model.is_empty()) {
            edits.string(self.model_at.clone(), model);
        }
        let counts_on_demand = matches!(endpoint, Endpoint::ChatCompletions | Endpoint::Completions);
        let ask = self.stream && !self.include_usage && rewrite.ask_usage == AskUsage::Always;
        if !ask || !counts_on_demand {
            return;
        }
        const MEMBER: &str = "\"include_usage\":true";
        match self.usage_at.clone() {
            UsageSite::None => {}
            UsageSite::Value(range) => edits.raw(range, "true"),
            UsageSite::NullOptions(range) => edits.raw(range, format!("{{{MEMBER}}}")),
            UsageSite::Options(at, Others::Absent) => edits.raw(at..at, MEMBER),
            UsageSite::Options(at, Others::Present) => edits.raw(at..at, format!(",{MEMBER}")),
            UsageSite::Body(at) => edits.raw(at..at, format!(",\"stream_options\":{{{MEMBER}}}")),
        }
    }
}

/// The members of the body that matter here.
const NAMES: [&str; 13] = [
    "model",
    "messages",
    "input",
    "prompt",
    "stream",
    "stream_options",
    "n",
    "best_of",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "response_format",
    "text",
];

struct Body<'d> {
    doc: &'d Doc<'d>,
    values: [Option<u32>; NAMES.len()],
}

impl Body<'_> {
    /// Finds the members in one pass. Some engines match keys without regard to case, so `Model` beside `model`
    /// would be read as the model: refused.
    fn read<'d>(doc: &'d Doc<'d>) -> Result<Body<'d>, Invalid> {
        let mut values = [None; NAMES.len()];
        for (key, at) in doc.members(ROOT) {
            let decoded;
            let name = match key.spelling {
                Spelling::Plain => doc.inner(key),
                Spelling::Escaped => {
                    decoded = doc.text(key);
                    decoded.as_bytes()
                }
            };
            let alike = |(own, _): &(&&str, &mut Option<u32>)| own.as_bytes().eq_ignore_ascii_case(name);
            let Some((own, value)) = NAMES.iter().zip(&mut values).find(alike) else { continue };
            if own.as_bytes() != name {
                return Err(Invalid::at(format!("/{own}"), "the field's name must be in lower case"));
            }
            *value = Some(at);
        }
        Ok(Body { doc, values })
    }

    /// Index of the value of a member.
    fn get(&self, name: &str) -> Option<u32> {
        NAMES.iter().zip(self.values).find(|(own, _)| **own == name).and_then(|(_, value)| value)
    }

    /// Whether the answer shall be JSON: `response_format` of chat, `text.format` of Responses.
    fn wants_json(&self) -> bool {
        let chat = self.get("response_format");
        let responses = self.get("text").and_then(|at| self.doc.get(at, "format"));
        chat.into_iter().chain(responses).any(|format| {
            let kind = self.doc.get(format, "type").and_then(|at| self.doc.node(at));
            let kind = kind.filter(|node| node.kind == NodeKind::String).map(|node| self.doc.text(node));
            matches!(kind.as_deref(), Some("json_object" | "json_schema"))
        })
    }

    fn node(&self, name: &str) -> Option<Node> {
        self.doc.node(self.get(name)?)
    }

    /// The endpoint's input: present and of a type that has a meaning.
    fn texts(&self, endpoint: &Endpoint) -> Result<(), Invalid> {
        let (name, required) = match endpoint {
            Endpoint::ChatCompletions => return self.messages(),
            Endpoint::Completions => ("prompt", false),
            Endpoint::Responses => ("input", false),
            _ => ("input", true),
        };
        match self.kind(name) {
            Some(NodeKind::String | NodeKind::Array) => Ok(()),
            None | Some(NodeKind::Null) if !required => Ok(()),
            None => Err(Invalid::at(format!("/{name}"), "the field is required")),
            Some(_) => Err(Invalid::at(format!("/{name}"), "a string or an array was expected")),
        }
    }

    fn messages(&self) -> Result<(), Invalid> {
        let list = self.get("messages");
        let list = list.ok_or_else(|| Invalid::at("/messages", "the field is required"))?;
        if self.doc.node(list).is_none_or(|node| node.kind != NodeKind::Array) {
            return Err(Invalid::at("/messages", "an array was expected"));
        }
        for (position, message) in self.doc.elements(list) {
            if self.doc.node(message).is_none_or(|node| node.kind != NodeKind::Object) {
                return Err(Invalid::at(format!("/messages/{position}"), "an object was expected"));
            }
            let role = self.doc.get(message, "role").and_then(|at| self.doc.node(at));
            if role.is_none_or(|node| node.kind != NodeKind::String) {
                return Err(Invalid::at(format!("/messages/{position}/role"), "a string was expected"));
            }
        }
        Ok(())
    }

    /// How many prompts: a list of strings or of token lists is many, a string or a token list is one.
    fn prompts(&self, endpoint: &Endpoint) -> u64 {
        let list = self.get("prompt").filter(|_| *endpoint == Endpoint::Completions);
        let Some(list) = list else { return 1 };
        let whole = |at: &u32| self.doc.node(*at).is_some_and(|node| node.kind != NodeKind::Numbers);
        let many = self.doc.elements(list).filter(|(_, at)| whole(at)).count();
        u64::try_from(many).unwrap_or(u64::MAX).max(1)
    }

    fn usage(&self, end: usize) -> Result<(bool, UsageSite), Invalid> {
        let options = self.get("stream_options");
        let Some((at, node)) = options.and_then(|at| Some((at, self.doc.node(at)?))) else {
            return Ok((false, UsageSite::Body(end.saturating_sub(1))));
        };
        let range = node.start as usize..node.end as usize;
        match node.kind {
            NodeKind::Null => return Ok((false, UsageSite::NullOptions(range))),
            NodeKind::Object => {}
            _ => return Err(Invalid::at("/stream_options", "an object was expected")),
        }
        let value = self.doc.get(at, "include_usage").and_then(|at| self.doc.node(at));
        let asked = flag(value, "/stream_options/include_usage")?;
        let site = match (value, self.doc.members(at).next()) {
            (Some(value), _) => UsageSite::Value(value.start as usize..value.end as usize),
            (None, Some(_)) => UsageSite::Options(range.end.saturating_sub(1), Others::Present),
            (None, None) => UsageSite::Options(range.end.saturating_sub(1), Others::Absent),
        };
        Ok((asked.unwrap_or(false), site))
    }

    fn count(&self, name: &str) -> Result<Option<u64>, Invalid> {
        let node = self.node(name);
        let Some(node) = node.filter(|node| node.kind != NodeKind::Null) else { return Ok(None) };
        let number = std::str::from_utf8(self.doc.raw(node)).ok().and_then(|raw| raw.parse().ok());
        let wrong = || Invalid::at(format!("/{name}"), "a non-negative integer was expected");
        number.filter(|_| node.kind == NodeKind::Number).map(Some).ok_or_else(wrong)
    }

    fn kind(&self, name: &str) -> Option<NodeKind> {
        self.node(name).map(|node| node.kind)
    }
}

/// What a request of Responses goes on from.
fn origins(endpoint: &Endpoint, doc: &Doc<'_>) -> Vec<Origin> {
    if *endpoint != Endpoint::Responses {
        return Vec::new();
    }
    let response = doc.get_text(ROOT, "previous_response_id").map(Origin::Response);
    // By its id alone, or as an object that has it.
    let object = || doc.get(ROOT, "conversation").and_then(|at| doc.get_text(at, "id"));
    let conversation = doc.get_text(ROOT, "conversation").or_else(object).map(Origin::Conversation);
    response.into_iter().chain(conversation).collect()
}

fn flag(node: Option<Node>, path: &str) -> Result<Option<bool>, Invalid> {
    match node.map(|node| node.kind) {
        None | Some(NodeKind::Null) => Ok(None),
        Some(NodeKind::True) => Ok(Some(true)),
        Some(NodeKind::False) => Ok(Some(false)),
        Some(_) => Err(Invalid::at(path, "true or false was expected")),
    }
}
