//! Policy language and the controls it steers.

mod caller;

pub use caller::Caller;
