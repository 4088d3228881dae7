//! Tests that need what the repository or the machine may lack: real data, rights of the user.

use std::path::{Path, PathBuf};

/// Says that a test has nothing to check here, and why; nextest shows it with `--success-output immediate`.
pub(crate) fn skipped(why: &str) {
    println!("skipped: {why}");
}

/// A folder of real data that the repository does not carry: `$LOGIT_DATA/name`, or `shared/data/name` in a folder above
/// this crate. Without it the test has nothing to check, says so, and gets none.
///
/// # Panics
/// `$LOGIT_DATA` is set and lacks the folder: whoever names the data wants the tests of it.
pub(crate) fn shared_data(name: &str) -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("LOGIT_DATA") {
        let folder = Path::new(&named).join(name);
        assert!(folder.is_dir(), "$LOGIT_DATA has no folder `{name}`");
        return Some(folder);
    }
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = above.map(|folder| folder.join("shared/data").join(name)).find(|folder| folder.is_dir());
    if found.is_none() {
        skipped(&format!("no folder `{name}` in $LOGIT_DATA or in a `shared/data` above this crate"));
    }
    found
}
