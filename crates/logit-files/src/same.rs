//! Whether two paths lead to one file.

use std::path::Path;

/// Whether both paths lead to the same file or folder, by whatever links and names; false where one leads to nothing.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("file");
/// assert!(!logit_files::is_same(&path, &path));
/// std::fs::write(&path, "text")?;
/// assert!(logit_files::is_same(&path, &folder.path().join("./file")));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn is_same(a: &Path, b: &Path) -> bool {
    matches!((identity(a), identity(b)), (Some(a), Some(b)) if a == b)
}

/// What the file system knows it by, whose names may be several.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;

    path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<std::path::PathBuf> {
    path.canonicalize().ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_of_both_kinds_are_seen_through() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "text").unwrap();
        fs::write(at("copy"), "text").unwrap();
        fs::hard_link(at("file"), at("hard")).unwrap();
        symlink("file", at("soft")).unwrap();
        symlink("nothing", at("dangling")).unwrap();
        let is_it = |name: &str| is_same(&at("file"), &at(name));
        assert_eq!(
            ["file", "hard", "soft", "copy", "dangling", "absent"].map(is_it),
            [true, true, true, false, false, false]
        );
    }
}
