//! Links that lead out of a folder.

use std::io;
use std::path::{Path, PathBuf};

/// Where a link leads that stands in place of `path` and leads out of its folder; nothing where there is no such link.
///
/// A link that leads nowhere leads out: whoever writes through it makes a file that nobody chose.
///
/// # Errors
/// The folder cannot be read.
pub fn leads_out(path: &Path) -> io::Result<Option<PathBuf>> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_symlink() => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize()?;
    match path.canonicalize() {
        Ok(target) if target.starts_with(&folder) => Ok(None),
        Ok(target) => Ok(Some(target)),
        Err(_) => path.read_link().map(Some),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_links_out_of_the_folder_are_named() {
        let around = tempfile::tempdir().unwrap();
        let (outside, folder) = (around.path().join("outside"), around.path().join("folder"));
        fs::create_dir(&folder).unwrap();
        fs::write(&outside, "precious").unwrap();
        fs::write(folder.join("file"), "ours").unwrap();
        let link = |name: &str, to: &str| symlink(to, folder.join(name)).unwrap();
        link("within", "file");
        link("out", "../outside");
        link("nowhere", "../nothing");
        link("round", "round");
        let named = |name: &str| leads_out(&folder.join(name)).unwrap();
        assert_eq!(["file", "within", "absent"].map(named), [None, None, None]);
        assert_eq!(named("out"), Some(outside.canonicalize().unwrap()));
        assert_eq!(named("nowhere"), Some("../nothing".into()));
        assert_eq!(named("round"), Some("round".into()));
    }
}
