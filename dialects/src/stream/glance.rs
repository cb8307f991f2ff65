//! A cheap look at an event that nobody inspects: does it carry anything the gateway itself must know?

use memchr::memmem::Finder;

use crate::sse::Frame;

/// Searches for the few members that matter.
pub struct Glance {
    usage: Finder<'static>,
    finish: Finder<'static>,
    begun: bool,
}

impl Default for Glance {
    fn default() -> Self {
        Self { usage: Finder::new("\"usage\""), finish: Finder::new("\"finish_reason\""), begun: false }
    }
}

impl Glance {
    /// Whether the event must be parsed: the first one for id and model, then those with a usage or a reason
    /// why the reply ends, and those that end a Responses stream.
    pub fn matters(&mut self, frame: &Frame<'_>) -> bool {
        let first = !std::mem::replace(&mut self.begun, true);
        let data = frame.data().unwrap_or_default();
        first || has_value(&self.usage, data) || has_value(&self.finish, data) || ends(frame.name())
    }
}

/// Whether an event of this type ends a Responses stream.
pub fn ends(name: &[u8]) -> bool {
    matches!(name, b"response.completed" | b"response.incomplete" | b"response.failed")
}

/// Whether the member is there with another value than null. A text that contains the name has a backslash
/// before the second quote, so it can at most cause a needless parse.
fn has_value(finder: &Finder<'_>, data: &[u8]) -> bool {
    finder.find_iter(data).any(|at| {
        let rest = data.get(at + finder.needle().len()..).unwrap_or_default().trim_ascii_start();
        let value = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        value.is_some_and(|value| !value.starts_with(b"null"))
    })
}
