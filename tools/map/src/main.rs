//! `cargo run -p logit-map`: how the crates and modules of this workspace import each other, drawn from their sources.
//!
//! Floors, from the ground up: `paths`, `modules`, `workspace`.
//!
//! Each crate stands above those that it uses. Each module stands above those that it imports, in the order that the
//! crate's `lib.rs` states in a line like the one above. What runs upward, imports in a circle, or brings an engine to a
//! crate that does without, is said, and the exit code is then 1. The same is a test.

mod modules;
mod paths;
mod workspace;

use std::path::Path;
use std::process::ExitCode;

use self::workspace::Workspace;

fn main() -> ExitCode {
    let workspace = match Workspace::read(&root()) {
        Ok(workspace) => workspace,
        Err(error) => {
            eprintln!("the workspace cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    print!("{}", drawn(&workspace));
    let faults = workspace.faults();
    for fault in &faults {
        eprintln!("{fault}");
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Crates from the ground up, with their lines and floors.
fn drawn(workspace: &Workspace) -> String {
    use std::fmt::Write as _;

    let mut text = String::new();
    for member in &workspace.crates {
        let uses =
            if member.uses.is_empty() { String::new() } else { format!(" → {}", member.uses.join(", ")) };
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{} ({} lines){uses}", member.name, member.modules.root.lines);
        for (module, imports) in member.modules.floors() {
            let arrow = if imports.is_empty() { "" } else { " → " };
            let _ = writeln!(text, "    {module}{arrow}{}", imports.join(", "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_runs_upward() {
        let faults = Workspace::read(&root()).unwrap().faults();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
