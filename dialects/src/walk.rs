//! Lays a shape over a document and hands every string leaf, and every free key, to a [`Sink`].

use weir_policies::slot::{KEY, Kind, Role};

use crate::Limits;
use crate::json::{Doc, Node, NodeKind, ROOT, Spelling, Strictness, Tape};
use crate::path::{Path, Seg};
use crate::shape::{Keys, Lane, Leaf, Scope, Shape, UNKNOWN, conforms, is_blob};

/// Stringified JSON inside stringified JSON is opened this often; deeper it is plain text.
const NESTING: usize = 3;
/// Shorter numbers are no phone, card or account number.
const TELLING_DIGITS: usize = 7;
/// Card numbers have 12 to 19 digits (ISO/IEC 7812).
const CARD_DIGITS: usize = 12;

/// What receives the leaves of a walk.
pub trait Sink {
    /// Whether stringified JSON is opened (requests) or taken as one text (replies).
    const NESTS: bool;
    /// A text leaf, in document order.
    fn found(&mut self, found: &Found<'_>);
    /// The leaves that follow lie inside a stringified document.
    fn open(&mut self) {}
    /// That document ends; `outer` is the string that holds it.
    fn close(&mut self, _outer: &Found<'_>, _inner: &[u8]) {}
    /// A string that text controls can't read.
    fn opaque(&mut self, _path: String) {}
    /// Text given as token ids.
    fn tokens(&mut self, _path: String) {}
    /// A value that repeats text token by token. In replies it is kept or dropped with the text of its choice;
    /// in requests its own strings are found as well, since nobody made it from the text we see.
    fn derived(&mut self, _choice: u32, _node: Node) {}
    /// A number that counts characters of the text beside it.
    fn offset(&mut self, _at: Context, _node: Node) {}
}

/// How a leaf stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A string value.
    Text,
    /// The key of the object with this node index.
    Key(u32),
    /// A number; an edit turns it into a string.
    Number,
}

/// One leaf of a walk.
pub struct Found<'w> {
    /// The document it stands in: the body, or a nested one.
    pub doc: Doc<'w>,
    /// Its node there.
    pub node: Node,
    /// How it stands there.
    pub form: Form,
    /// What sort of text.
    pub kind: Kind,
    /// Its place in a stream.
    pub lane: Option<Lane>,
    /// What holds for this place.
    pub at: Context,
    path: &'w Path,
}

/// What holds for a place and everything below it.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// Who speaks.
    pub role: Role,
    /// The choice, or item of a Responses output.
    pub choice: u32,
    /// The tool call within the choice.
    pub tool: u32,
    /// The content part within the message.
    pub content: u32,
    position: u32,
}

/// Walks the document under `shape`.
pub fn walk<S: Sink>(doc: Doc<'_>, shape: &'static Shape, sink: &mut S) {
    let at = Context { role: Role::Other, choice: 0, tool: 0, content: 0, position: 0 };
    Walk { doc, sink, path: &mut Path::default(), nesting: 0 }.value(ROOT, shape, at);
}

impl Found<'_> {
    /// The decoded text.
    pub fn text(&self) -> String {
        match self.form {
            Form::Number => String::from_utf8_lossy(self.doc.raw(self.node)).into_owned(),
            Form::Text | Form::Key(_) => self.doc.text(self.node),
        }
    }

    /// The JSON Pointer.
    pub fn pointer(&self) -> String {
        let mut pointer = self.path.pointer();
        if let Form::Key(_) = self.form {
            pointer.push_str(KEY);
        }
        pointer
    }
}

struct Walk<'w, S> {
    doc: Doc<'w>,
    sink: &'w mut S,
    path: &'w mut Path,
    nesting: usize,
}

impl<S: Sink> Walk<'_, S> {
    fn value(&mut self, index: u32, shape: &'static Shape, at: Context) {
        let Some(node) = self.doc.node(index) else { return };
        let mut shape = shape;
        if shape.leaf == Leaf::Derived {
            self.sink.derived(at.choice, node);
            if !S::NESTS {
                return;
            }
            shape = &UNKNOWN;
        }
        match node.kind {
            NodeKind::Object => self.object(index, shape, self.enter(index, shape.scope, at)),
            NodeKind::Array => self.array(index, shape, at),
            NodeKind::String => self.string(node, shape, self.enter(index, shape.scope, at)),
            NodeKind::Number => self.number(node, shape, at),
            NodeKind::Numbers if self.path.is_prompt() => self.sink.tokens(self.path.parent()),
            _ => {}
        }
    }

    fn object(&mut self, index: u32, shape: &'static Shape, at: Context) {
        for (position, (key, value)) in (0..).zip(self.doc.members(index)) {
            let decoded;
            let name = match key.spelling {
                Spelling::Plain => self.doc.inner(key),
                Spelling::Escaped => {
                    decoded = self.doc.text(key);
                    decoded.as_bytes()
                }
            };
            if let Some((name, field)) = shape.field(name) {
                self.path.push(Seg::Name(name));
                self.value(value, field, at);
            } else {
                self.path.push(Seg::Unnamed(position));
                self.key(key, Form::Key(index), (shape, at));
                self.value(value, shape.unnamed(), at);
            }
            self.path.pop();
        }
    }

    fn array(&mut self, index: u32, shape: &'static Shape, at: Context) {
        let (items, at) = match shape.items {
            Some(items) => (items, self.enter(index, shape.scope, at)),
            None => (shape, at),
        };
        for (position, element) in self.doc.elements(index) {
            self.path.push(Seg::Index(position));
            self.value(element, items, Context { position, ..at });
            self.path.pop();
        }
    }

    fn key(&mut self, node: Node, form: Form, (shape, at): (&'static Shape, Context)) {
        let inner = self.doc.inner(node);
        let kind = match shape.keys {
            Keys::Text(Kind::Arguments) if !S::NESTS => Kind::Schema,
            Keys::Text(kind) => kind,
            Keys::Closed if conforms(crate::shape::Why::Closed, inner) => return,
            Keys::Closed => Kind::Schema,
        };
        if !inner.is_empty() {
            self.emit(node, form, (kind, None, at));
        }
    }

    fn string(&mut self, node: Node, shape: &'static Shape, at: Context) {
        let inner = self.doc.inner(node);
        if inner.is_empty() {
            return;
        }
        let (kind, nested) = match shape.leaf {
            Leaf::Text(Kind::Arguments) if S::NESTS => (Kind::Arguments, true),
            // In a delta, `Arguments` means JSON source; this is a plain string of an object.
            Leaf::Text(Kind::Arguments) => (Kind::Prose, false),
            Leaf::Text(kind) => (kind, at.role == Role::Tool && kind == Kind::Prose),
            Leaf::Nested(kind) => (kind, true),
            Leaf::Skip(why) if conforms(why, inner) => return,
            Leaf::Blob if is_blob(inner) => return self.sink.opaque(self.path.pointer()),
            // Not what it should be, so nothing can refer to it: it may be changed like any text.
            Leaf::Skip(_) => (Kind::Schema, false),
            Leaf::Blob | Leaf::Derived | Leaf::Offset => (Kind::Prose, false),
        };
        if S::NESTS && nested && self.nested(node, kind, at) {
            return;
        }
        self.emit(node, Form::Text, (kind, shape.lane, at));
    }

    /// A number that could be a phone, card or account number is text wherever text may stand. In fields
    /// nobody knows it must be as long as a card's, since time stamps and counters are common there.
    fn number(&mut self, node: Node, shape: &'static Shape, at: Context) {
        if shape.leaf == Leaf::Offset {
            self.sink.offset(at, node);
        }
        let Leaf::Text(kind) = shape.leaf else { return };
        let raw = self.doc.raw(node);
        let digits = raw.iter().skip_while(|byte| **byte == b'-').take_while(|byte| byte.is_ascii_digit());
        let least = if std::ptr::eq(shape, &UNKNOWN) { CARD_DIGITS } else { TELLING_DIGITS };
        if digits.count() >= least {
            self.emit(node, Form::Number, (kind, None, at));
        }
    }

    /// Opens the JSON in a string; false when there is none.
    fn nested(&mut self, node: Node, kind: Kind, at: Context) -> bool {
        let opening = self.doc.inner(node).trim_ascii_start().first();
        if self.nesting >= NESTING || !matches!(opening, Some(b'{' | b'[')) {
            return false;
        }
        let text = self.doc.text(node);
        let Ok(tape) = Tape::parse(text.as_bytes(), &Limits::default(), Strictness::Lenient) else {
            return false;
        };
        let doc = Doc::new(text.as_bytes(), &tape);
        let shape = if kind == Kind::Arguments { &crate::shape::VALUES } else { &UNKNOWN };
        self.sink.open();
        self.path.push(Seg::Nested);
        let nesting = self.nesting + 1;
        Walk { doc, sink: self.sink, path: self.path, nesting }.value(ROOT, shape, at);
        self.path.pop();
        let outer = Found { doc: self.doc, node, form: Form::Text, kind, lane: None, at, path: self.path };
        self.sink.close(&outer, text.as_bytes());
        true
    }

    fn emit(&mut self, node: Node, form: Form, (kind, lane, at): (Kind, Option<Lane>, Context)) {
        self.sink.found(&Found { doc: self.doc, node, form, kind, lane, at, path: self.path });
    }

    fn enter(&self, index: u32, scope: Scope, at: Context) -> Context {
        let number = || self.doc.get_u32(index, "index").unwrap_or(at.position);
        match scope {
            Scope::Inherit => at,
            Scope::As(role) => Context { role, ..at },
            Scope::Message => Context { role: self.speaker(index).unwrap_or(at.role), ..at },
            Scope::Item => Context { role: self.item_speaker(index, at.role), choice: at.position, ..at },
            Scope::Choice => Context { choice: number(), ..at },
            Scope::ToolCall => Context { tool: number(), ..at },
            Scope::Content => Context { content: at.position, ..at },
        }
    }

    fn speaker(&self, index: u32) -> Option<Role> {
        Some(match self.doc.get_text(index, "role")?.as_str() {
            "system" | "developer" => Role::System,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "tool" | "function" => Role::Tool,
            _ => Role::Other,
        })
    }

    fn item_speaker(&self, index: u32, outer: Role) -> Role {
        let by_type = || {
            let sort = self.doc.get_text(index, "type").unwrap_or_default();
            match sort.as_str() {
                "" | "message" => outer,
                "reasoning" | "compaction" => Role::Assistant,
                sort if sort.ends_with("_output") || sort.ends_with("_response") => Role::Tool,
                sort if sort.ends_with("_call") || sort.ends_with("_request") => Role::Assistant,
                _ => Role::Other,
            }
        };
        self.speaker(index).unwrap_or_else(by_type)
    }
}
