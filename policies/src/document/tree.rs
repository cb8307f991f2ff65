//! YAML text to a tree of nodes that know their place, within bounds on size, depth and aliases.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};

use super::value::Spot;
use super::{Problem, Sink};

/// Nodes a file may hold, copies made by aliases included.
const MAX_NODES: usize = 100_000;
/// Levels of nesting, copies made by aliases included.
const MAX_DEPTH: usize = 64;
/// Length of a file in bytes.
const MAX_BYTES: usize = 8 << 20;

/// A value with its place. No `Debug`: values may be secrets pasted by mistake.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) spot: Spot,
    pub(super) content: Content,
    size: usize,
    height: usize,
}

#[derive(Clone)]
pub(super) enum Content {
    Scalar { text: String, quoted: bool },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A mapping's key and where it stands.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) spot: Spot,
}

/// Parses all documents of `text`; what is wrong goes to the sink. A file without any document
/// yields one empty mapping.
pub(super) fn parse(text: &str, at_most: Option<usize>, sink: &Sink) -> Vec<Node> {
    let mut builder =
        Builder { sink, stack: Vec::new(), anchors: HashMap::new(), roots: Vec::new(), nodes: 0 };
    if let Err(stop) = builder.run(text, at_most) {
        sink.report(Problem {
            file: sink.file.clone(),
            line: stop.spot.line,
            column: stop.spot.column,
            path: String::new(),
            message: stop.message,
            suggestion: None,
        });
        return Vec::new();
    }
    let mut roots = builder.roots;
    if roots.is_empty() {
        let spot = Spot { line: 1, column: 1, path: String::new() };
        roots.push(Node { spot, content: Content::Map(Vec::new()), size: 1, height: 1 });
    }
    for root in &mut roots {
        root.assign_paths(String::new(), sink);
    }
    roots
}

/// Why the file can't be read any further.
struct Stop {
    spot: Spot,
    message: String,
}

/// A collection being read.
struct Open {
    spot: Spot,
    anchor: usize,
    items: Vec<Node>,
    entries: Vec<(Key, Node)>,
    key: Option<Key>,
    is_map: bool,
}

struct Builder<'s> {
    sink: &'s Sink,
    stack: Vec<Open>,
    anchors: HashMap<usize, Node>,
    roots: Vec<Node>,
    nodes: usize,
}

impl Builder<'_> {
    fn run(&mut self, text: &str, at_most: Option<usize>) -> Result<(), Stop> {
        if text.len() > MAX_BYTES {
            return Err(Stop { spot: Spot::start(), message: format!("longer than {MAX_BYTES} bytes") });
        }
        let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str(text.trim_start_matches('\u{feff}'));
        let mut documents = 0;
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|error| Stop {
                spot: spot(*error.marker()),
                message: format!("not valid YAML: {}", error.info()),
            })?;
            if matches!(event, Event::DocumentStart(_)) {
                documents += 1;
                if at_most.is_some_and(|most| documents > most) {
                    let message = "a second document begins here, only one is expected".to_owned();
                    return Err(Stop { spot: spot(span.start), message });
                }
            }
            self.event(event, spot(span.start))?;
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'_>, spot: Spot) -> Result<(), Stop> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let forced = self.check_tag(tag.as_deref(), &spot);
                let quoted = forced || style != ScalarStyle::Plain;
                let content = Content::Scalar { text: text.into_owned(), quoted };
                self.add(Node { spot, content, size: 1, height: 1 }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), &spot);
                self.open(Open::new(spot, anchor, IsMap::No))
            }
            Event::MappingStart(anchor, tag) => {
                self.check_tag(tag.as_deref(), &spot);
                self.open(Open::new(spot, anchor, IsMap::Yes))
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(open) => {
                    let anchor = open.anchor;
                    self.nodes = self.nodes.saturating_sub(open.count());
                    self.add(open.close(), anchor)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => {
                    let fits =
                        self.nodes + node.size <= MAX_NODES && self.stack.len() + node.height <= MAX_DEPTH;
                    if !fits {
                        let message = "aliases repeat more than may be held".to_owned();
                        return Err(Stop { spot, message });
                    }
                    let node = node.clone();
                    self.add(node, 0)
                }
                None => {
                    Err(Stop { spot, message: "an alias may not stand within what it repeats".to_owned() })
                }
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
        }
    }

    fn open(&mut self, open: Open) -> Result<(), Stop> {
        if self.stack.len() >= MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(Stop { spot: open.spot, message });
        }
        self.stack.push(open);
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        self.nodes += node.size;
        if self.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} values");
            return Err(Stop { spot: node.spot, message });
        }
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut() {
            Some(open) => open.add(node, self.sink),
            None => self.roots.push(node),
        }
        Ok(())
    }

    /// Reports tags other than `!!str`, which forces text, and says whether it did.
    fn check_tag(&self, tag: Option<&Tag>, spot: &Spot) -> bool {
        match tag {
            None => false,
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => true,
            Some(tag) if tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "map" | "seq") => false,
            Some(_) => {
                self.sink.report(spot.problem(self.sink, "tags are not supported"));
                false
            }
        }
    }
}

enum IsMap {
    Yes,
    No,
}

impl Open {
    fn new(spot: Spot, anchor: usize, is_map: IsMap) -> Self {
        let is_map = matches!(is_map, IsMap::Yes);
        Self { spot, anchor, items: Vec::new(), entries: Vec::new(), key: None, is_map }
    }

    fn add(&mut self, node: Node, sink: &Sink) {
        if !self.is_map {
            self.items.push(node);
            return;
        }
        match self.key.take() {
            Some(key) => self.entries.push((key, node)),
            None => {
                let spot = node.spot.clone();
                let text = match node.content {
                    Content::Scalar { text, .. } => text,
                    _ => {
                        sink.report(spot.problem(sink, "a key must be plain text"));
                        String::new()
                    }
                };
                self.key = Some(Key { text, spot });
            }
        }
    }

    fn children(&self) -> impl Iterator<Item = &Node> {
        self.items.iter().chain(self.entries.iter().map(|(_, node)| node))
    }

    /// Nodes counted so far while the collection was open; keys are counted as nodes.
    fn count(&self) -> usize {
        self.children().map(|node| node.size).sum::<usize>() + self.entries.len()
    }

    fn close(self) -> Node {
        let size = 1 + self.count();
        let height = 1 + self.children().map(|node| node.height).max().unwrap_or(0);
        let content = if self.is_map { Content::Map(self.entries) } else { Content::List(self.items) };
        Node { spot: self.spot, content, size, height }
    }
}

impl Node {
    /// Gives every node its path, and reports keys that stand twice in a mapping; the first counts.
    fn assign_paths(&mut self, path: String, sink: &Sink) {
        match &mut self.content {
            Content::Scalar { .. } => {}
            Content::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    item.assign_paths(format!("{path}[{index}]"), sink);
                }
            }
            Content::Map(entries) => {
                let mut seen = HashSet::new();
                for (key, value) in entries.iter_mut() {
                    let below =
                        if path.is_empty() { key.text.clone() } else { format!("{path}.{}", key.text) };
                    key.spot.path = below.clone();
                    if !seen.insert(key.text.clone()) {
                        sink.report(key.spot.problem(sink, "key stands here a second time"));
                    }
                    value.assign_paths(below, sink);
                }
            }
        }
        self.spot.path = path;
    }
}

fn spot(marker: Marker) -> Spot {
    Spot { line: marker.line(), column: marker.col() + 1, path: String::new() }
}
