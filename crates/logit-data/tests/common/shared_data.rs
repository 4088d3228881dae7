//! Real data that the repository does not carry.
//!
//! Tests of it are ignored, and named `on_real_data_…`: `.ci/run` runs them where there is a folder of data, and says that
//! they were skipped where there is none.

use std::path::{Path, PathBuf};

/// A folder of real data: `$LOGIT_DATA/name`, or `shared/data/name` in a folder above this crate.
///
/// # Panics
/// There is none: whoever runs a test of real data wants it tested.
pub(crate) fn shared_data(name: &str) -> PathBuf {
    if let Some(named) = std::env::var_os("LOGIT_DATA") {
        let folder = Path::new(&named).join(name);
        assert!(folder.is_dir(), "$LOGIT_DATA has no folder `{name}`");
        return folder;
    }
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = above.map(|folder| folder.join("shared/data").join(name)).find(|folder| folder.is_dir());
    found
        .unwrap_or_else(|| panic!("no folder `{name}` in $LOGIT_DATA or in a `shared/data` above this crate"))
}
