//! What a reply says about itself: id, model, why it ended, what it used.

use weir_accounting::Usage;

use crate::json::{Doc, NodeKind};

/// What a reply says about itself.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// The upstream's id of the reply.
    pub id: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// Why it ended, for each choice in the order they ended; for Responses the status, or the reason why it
    /// is incomplete.
    pub finish_reasons: Vec<String>,
    /// Token counts.
    pub usage: Option<Usage>,
}

impl Summary {
    /// Reads a whole reply whose object stands at `at`.
    pub(crate) fn read(&mut self, doc: &Doc<'_>, at: u32) {
        self.read_names(doc, at);
        self.read_usage(doc, at);
        if let Some(choices) = doc.get(at, "choices") {
            let reasons =
                doc.elements(choices).filter_map(|(_, choice)| doc.get_text(choice, "finish_reason"));
            self.finish_reasons.extend(reasons);
        }
        if doc.get(at, "output").is_some() {
            self.read_status(doc, at);
        }
    }

    /// Reads id and model, once.
    pub(crate) fn read_names(&mut self, doc: &Doc<'_>, at: u32) {
        if self.id.is_none() {
            self.id = doc.get_text(at, "id").filter(|id| !id.is_empty());
        }
        if self.model.is_none() {
            self.model = doc.get_text(at, "model").filter(|name| !name.is_empty());
        }
    }

    /// Reads `usage`; true when there is one.
    pub(crate) fn read_usage(&mut self, doc: &Doc<'_>, at: u32) -> bool {
        let node = doc.get(at, "usage").and_then(|at| doc.node(at));
        let Some(node) = node.filter(|node| node.kind == NodeKind::Object) else { return false };
        let usage = serde_json::from_slice(doc.raw(node)).ok();
        self.usage = usage.as_ref().and_then(Usage::from_json).or(self.usage);
        true
    }

    /// Reads the status of a Responses object.
    pub(crate) fn read_status(&mut self, doc: &Doc<'_>, at: u32) {
        let details = doc.get(at, "incomplete_details");
        let reason = details.and_then(|details| doc.get_text(details, "reason"));
        self.finish_reasons.extend(reason.or_else(|| doc.get_text(at, "status")));
    }
}
