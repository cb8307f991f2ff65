//! Values beyond their exchange. Where they are kept is another's matter; here is only what is handed over.

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
}

/// Pairs were not taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotKept;

/// Hands pairs over, if there are any and somebody keeps them. The keeper counts what it refused.
pub(crate) fn keep(keeper: Option<&dyn Keeper>, caller: &Caller, pairs: impl FnOnce() -> Vec<Pair>) {
    let Some(keeper) = keeper else { return };
    let pairs = pairs();
    if !pairs.is_empty() {
        let _counted = keeper.keep(caller, pairs).is_err();
    }
}
