//! The memory of this process, as Linux tells it.

use std::fs;

use crate::case::Failure;

/// Makes the memory in use the new peak.
pub(crate) fn reset_peak() -> Result<(), Failure> {
    fs::write("/proc/self/clear_refs", "5").map_err(|error| format!("/proc/self/clear_refs: {error}").into())
}

/// Bytes in use.
pub(crate) fn resident() -> Result<u64, Failure> {
    field("VmRSS:")
}

/// The most bytes that were in use since the peak was reset.
pub(crate) fn peak() -> Result<u64, Failure> {
    field("VmHWM:")
}

fn field(name: &str) -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|line| line.split_whitespace().next());
    let kibibytes: u64 = kibibytes.ok_or_else(|| format!("/proc/self/status has no `{name}`"))?.parse()?;
    Ok(kibibytes * 1024)
}
