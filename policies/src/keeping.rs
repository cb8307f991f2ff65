//! Values beyond their exchange. Where they are kept is another's matter; here is only what is handed over.

use std::future::{Future, ready};
use std::pin::Pin;

use crate::Caller;

/// A pseudonym and the value it stands for. No `Debug`: it holds the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// Type of the value, as pseudonyms name it.
    pub kind: String,
    /// The pseudonym without brackets, or the surrogate.
    pub name: String,
    /// The value.
    pub value: String,
}

/// Keeps the values behind an exchange's pseudonyms, for its caller's later exchanges and for authorised persons.
pub trait Keeper: Send + Sync {
    /// Takes pairs over. Must return at once.
    ///
    /// # Errors
    /// When they will not be kept. The exchange goes on.
    fn keep(&self, caller: &Caller, pairs: Vec<Pair>) -> Result<(), NotKept>;

    /// Takes pairs over that the exchange may not leave without. Must return at once; what it returns is done when
    /// they are durable, and fails when they aren't in time.
    fn promise(&self, caller: &Caller, pairs: Vec<Pair>) -> Promise;
}

/// Done when values are durable, failed when they can't be had so. Before that the request may not leave.
pub type Promise = Pin<Box<dyn Future<Output = Result<(), NotKept>> + Send>>;

/// Pairs were not taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotKept;

/// Whether an exchange may go on without its values being kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// It may.
    #[default]
    Wish,
    /// A rule says that it may not.
    Demand,
}

/// Hands pairs over, if there are any; what must be waited for, where a rule demands it. The keeper counts what it
/// refused.
pub(crate) fn keep(
    keeper: Option<&dyn Keeper>,
    (caller, need): (&Caller, Need),
    pairs: impl FnOnce() -> Vec<Pair>,
) -> Option<Promise> {
    if keeper.is_none() && need == Need::Wish {
        return None;
    }
    let pairs = pairs();
    if pairs.is_empty() {
        return None;
    }
    match (keeper, need) {
        (Some(keeper), Need::Wish) => {
            let _counted = keeper.keep(caller, pairs).is_err();
            None
        }
        (Some(keeper), Need::Demand) => Some(keeper.promise(caller, pairs)),
        (None, _) => Some(Box::pin(ready(Err(NotKept)))),
    }
}
