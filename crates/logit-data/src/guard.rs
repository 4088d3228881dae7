//! Panics of a library, as errors: what a stranger's file makes of somebody else's code ends here.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::text::reason;

thread_local! {
    /// Whether a panic of this thread becomes an error, and is not printed.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Calls a library, whose panic is an error that says what it said. Only panics of this thread within the call are silent.
///
/// What the call leaves behind is not used after a panic.
pub(crate) fn caught<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let told = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                told(panic);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    QUIET.set(before);
    result.map_err(|panic| format!("the library that reads it gave up ({})", said(panic.as_ref())))
}

/// What a panic said, in one line.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    reason(text.unwrap_or("it does not say why").lines().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_says_what_it_said() {
        assert_eq!(caught(|| 1), Ok(1));
        let refused = caught(|| panic!("at {}", "once")).map(|()| 0).unwrap_err();
        assert_eq!(refused, "the library that reads it gave up (at once)");
        assert!(caught(|| caught(|| panic!("inner")).is_err()).unwrap());
        assert!(!QUIET.get());
    }
}
