//! A crate's modules, which of them import which, and what of that runs upward.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use crate::paths::{code, named};

/// Where a crate's `lib.rs` or `main.rs` states the order of its modules, from the ground up.
const FLOORS: &str = "//! Floors, from the ground up:";

/// A module and its children.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// Lines of its files.
    pub(crate) lines: usize,
    children: BTreeMap<String, Module>,
    /// Its children that import each other.
    arrows: BTreeSet<(String, String)>,
}

/// The modules of a crate.
#[derive(Debug)]
pub(crate) struct Modules {
    pub(crate) root: Module,
    /// The order that the crate states; none where it states none.
    floors: Option<Vec<String>>,
}

impl Modules {
    /// Reads the sources below a folder.
    pub(crate) fn read(folder: &Path) -> io::Result<Self> {
        let mut sources = Vec::new();
        collect(folder, &mut Vec::new(), &mut sources)?;
        let mut root = Module::default();
        for source in &sources {
            root.add(&source.module, source.lines);
        }
        for source in &sources {
            for path in named(&source.code, &source.module) {
                root.point(&source.module, &path);
            }
        }
        let roots =
            ["lib.rs", "main.rs"].map(|root| fs::read_to_string(folder.join(root)).unwrap_or_default());
        Ok(Self { root, floors: roots.iter().find_map(|text| stated(text)) })
    }

    /// The top modules from the ground up, each with those that it imports.
    pub(crate) fn floors(&self) -> Vec<(&str, Vec<&str>)> {
        let known = self.root.children.keys().map(String::as_str);
        let order: Vec<&str> = match &self.floors {
            Some(floors) => floors.iter().map(String::as_str).collect(),
            None => known.collect(),
        };
        order.into_iter().map(|name| (name, self.root.imports(name))).collect()
    }

    /// What is not as stated: modules without a floor, imports that run upward, and folders whose files import each
    /// other in a circle.
    pub(crate) fn faults(&self, of: &str) -> Vec<String> {
        let mut faults = Vec::new();
        self.root.circles(of, &mut faults);
        let Some(floors) = &self.floors else { return faults };
        let floor = |name: &str| floors.iter().position(|known| known == name);
        for name in self.root.children.keys().filter(|name| floor(name).is_none()) {
            faults.push(format!("{of}: `{name}` has no floor"));
        }
        for name in floors.iter().filter(|name| !self.root.children.contains_key(*name)) {
            faults.push(format!("{of}: `{name}` has a floor, but there is no such module"));
        }
        for (from, to) in &self.root.arrows {
            if floor(from) < floor(to) && floor(from).is_some() {
                faults.push(format!("{of}: `{from}` imports `{to}`, which is above it"));
            }
        }
        faults
    }
}

impl Module {
    fn add(&mut self, path: &[String], lines: usize) {
        self.lines += lines;
        if let Some((first, rest)) = path.split_first() {
            self.children.entry(first.clone()).or_default().add(rest, lines);
        }
    }

    /// Notes that the module `from` names `to`, where their ways part.
    fn point(&mut self, from: &[String], to: &[String]) {
        let (Some(one), Some(other)) = (from.first(), to.first()) else { return };
        if one == other {
            if let Some(child) = self.children.get_mut(one) {
                child.point(&from[1..], &to[1..]);
            }
        } else if self.children.contains_key(other) {
            self.arrows.insert((one.clone(), other.clone()));
        }
    }

    fn imports(&self, name: &str) -> Vec<&str> {
        self.arrows.iter().filter(|(from, _)| from == name).map(|(_, to)| to.as_str()).collect()
    }

    fn circles(&self, of: &str, faults: &mut Vec<String>) {
        if let Some(circle) = self.circle() {
            faults.push(format!("{of}: {} import each other in a circle", circle.join(" → ")));
        }
        for (name, child) in &self.children {
            child.circles(&format!("{of}::{name}"), faults);
        }
    }

    /// Children that import each other in a circle: what is left when those that import none of the rest are taken away.
    fn circle(&self) -> Option<Vec<&str>> {
        let mut left: BTreeSet<&str> = self.children.keys().map(String::as_str).collect();
        loop {
            let is_free = |name: &&str| !self.imports(name).iter().any(|to| left.contains(to));
            let free: Vec<&str> = left.iter().copied().filter(is_free).collect();
            if free.is_empty() {
                break;
            }
            left.retain(|name| !free.contains(name));
        }
        let mut at = *left.first()?;
        let mut way = vec![at];
        loop {
            at = self.imports(at).into_iter().find(|to| left.contains(to))?;
            if let Some(start) = way.iter().position(|known| *known == at) {
                way.push(at);
                return Some(way.split_off(start));
            }
            way.push(at);
        }
    }
}

/// A source file.
struct Source {
    module: Vec<String>,
    lines: usize,
    code: String,
}

fn collect(folder: &Path, module: &mut Vec<String>, sources: &mut Vec<Source>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // Tests may look at whatever they like.
        if ["tests", "testing", "snapshots"].contains(&stem.as_str()) || stem.ends_with("_tests") {
            continue;
        }
        let is_root = ["mod", "lib", "main"].contains(&stem.as_str());
        module.extend((!is_root).then_some(stem));
        if path.is_dir() {
            collect(&path, module, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            sources.push(Source { module: module.clone(), lines: text.lines().count(), code: code(&text) });
        }
        if !is_root {
            module.pop();
        }
    }
    Ok(())
}

/// The names in backticks behind [`FLOORS`], up to the end of the paragraph.
fn stated(root: &str) -> Option<Vec<String>> {
    let (_, after) = root.split_once(FLOORS)?;
    let paragraph = after
        .lines()
        .take_while(|line| !matches!(line.trim(), "//!"))
        .take_while(|line| line.is_empty() || line.starts_with("//!") || line.starts_with(' '));
    let text = paragraph.collect::<Vec<_>>().join(" ");
    Some(text.split('`').skip(1).step_by(2).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(files: &[(&str, &str)]) -> Modules {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Modules::read(folder.path()).unwrap()
    }

    const LIB: &str = "//! A crate.\n//!\n//! Floors, from the ground up: `error`, `data`,\n//! `task`.\n//!\n//! `more`.\n";

    #[test]
    fn what_runs_upward_is_named() {
        let sound = [
            ("lib.rs", LIB),
            ("error.rs", ""),
            ("data.rs", "use crate::error::E;"),
            ("task.rs", "use crate::data;"),
        ];
        let modules = made(&sound);
        assert_eq!(modules.faults("x"), [""; 0]);
        assert_eq!(modules.floors(), [("error", vec![]), ("data", vec!["error"]), ("task", vec!["data"])]);
        let mut upward = sound;
        upward[1].1 = "use super::task::T;";
        assert_eq!(made(&upward).faults("x").last().unwrap(), "x: `error` imports `task`, which is above it");
        let mut lost = sound;
        lost[3].0 = "work.rs";
        let faults = made(&lost).faults("x").join("\n");
        assert!(
            faults.contains("`work` has no floor") && faults.contains("`task` has a floor, but"),
            "{faults}"
        );
    }

    #[test]
    fn circles_in_folders_are_named() {
        let files = [("lib.rs", ""), ("a/mod.rs", "use self::one::X;"), ("a/one.rs", "use super::two::Y;")];
        assert_eq!(made(&files).faults("x"), [""; 0]);
        let mut circle = files.to_vec();
        circle.push(("a/two.rs", "use crate::a::{one::X};"));
        assert_eq!(made(&circle).faults("x"), ["x::a: one → two → one import each other in a circle"]);
    }
}
