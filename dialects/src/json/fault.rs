//! Why a text is not acceptable JSON, and the way from the root to that place.

use super::{Doc, Node, NodeKind};

/// One step from the root to the place of a fault.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Into a member of an object: its key, and how many members stand before it.
    Member(Node, u32),
    /// Into the element of an array with this position.
    Element(u32),
}

/// Why a text was refused, and where.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The way from the root.
    pub steps: Vec<Step>,
    /// What is wrong; never repeats anything of the text.
    pub reason: &'static str,
}

/// The way through the containers that were open when the scanner stopped.
///
/// Open containers don't know their end yet, so the way is found by walking each up to the next open one.
pub(super) fn steps(doc: &Doc<'_>, open: &[u32]) -> Vec<Step> {
    let mut ends = open.iter().skip(1).copied();
    open.iter().filter_map(|&container| step(doc, container, ends.next())).collect()
}

fn step(doc: &Doc<'_>, container: u32, stop: Option<u32>) -> Option<Step> {
    let array = doc.node(container)?.kind == NodeKind::Array;
    let (mut at, mut position, mut key) = (container + 1, 0, None);
    while let Some(node) = doc.node(at) {
        if Some(at) == stop {
            break;
        }
        if array {
            position += if node.kind == NodeKind::Numbers { node.extent } else { 1 };
            at = doc.after(at);
        } else {
            position += u32::from(key.is_some());
            key = Some(node);
            if Some(at + 1) == stop {
                break;
            }
            at = doc.after(at + 1);
        }
    }
    match (array, key) {
        (true, _) => Some(Step::Element(position)),
        (false, Some(key)) => Some(Step::Member(key, position)),
        (false, None) => None,
    }
}
