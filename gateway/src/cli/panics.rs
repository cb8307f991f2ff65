//! What a panic says: where it happened, and never with what. A message may quote the text that was at work.

use std::panic::{self, PanicHookInfo};

/// From now on panics are told without their message, unless it was written in the source as it stands.
pub fn hush() {
    panic::set_hook(Box::new(|info| eprintln!("{}", told(info))));
}

fn told(info: &PanicHookInfo<'_>) -> String {
    let place = info.location().map_or_else(String::new, |it| format!(" at {}:{}", it.file(), it.line()));
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("without a name");
    // A message that was put together is a `String`, and may hold anything.
    let message =
        info.payload().downcast_ref::<&'static str>().copied().unwrap_or("not shown: it may hold data");
    format!("thread {name} panicked{place}: {message}")
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

    #[test]
    fn a_panic_tells_its_place_and_no_data() {
        let before = panic::take_hook();
        panic::set_hook(Box::new(|info| {
            SAID.lock().unwrap_or_else(PoisonError::into_inner).push(told(info));
        }));
        let value = "ada@example.com é";
        let ended = [
            panic::catch_unwind(|| panic!("a plain message")),
            panic::catch_unwind(|| panic!("with {value}")),
            panic::catch_unwind(|| assert!(value.get(..17).is_some(), "{value}")),
        ];
        panic::set_hook(before);
        assert!(ended.iter().all(Result::is_err));
        let said = SAID.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let own: Vec<_> = said.iter().filter(|it| it.contains("panics.rs")).collect();
        assert_eq!(own.len(), 3, "{said:?}");
        assert!(own[0].ends_with("a plain message"), "{own:?}");
        assert!(own.iter().all(|it| !it.contains("ada")), "{own:?}");
    }
}
