//! Policy language and the controls it steers.

mod caller;
mod control;
pub mod document;
pub mod reply;
pub mod slot;

pub use caller::Caller;
pub use control::{Action, Control, Denial, Enforcement, Fault, Findings, Hit, Outcome, Pass, Verdict};
pub use reply::{Channel, Delta, Part};
pub use slot::{EditError, Kind, Role, Slot, Slots};
