//! The crates of a workspace, and what they depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::modules::Modules;

/// Crates that must do without an engine, with everything that they depend on.
const WITHOUT_BURN: [&str; 6] =
    ["logit-spec", "logit-kernels", "logit-explain", "logit-files", "logit-run", "logit-data"];

/// A crate of the workspace.
#[derive(Debug)]
pub(crate) struct Crate {
    pub(crate) name: String,
    /// Crates of the workspace that it uses, those of its tests left out.
    pub(crate) uses: Vec<String>,
    pub(crate) modules: Modules,
}

/// A workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Its crates, each after those that it uses.
    pub(crate) crates: Vec<Crate>,
    /// What each locked package depends on, tests included.
    locked: BTreeMap<String, Vec<String>>,
}

impl Workspace {
    /// Reads a workspace's manifests, sources and lock file.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut crates = Vec::new();
        for folder in members(root)? {
            crates.push(Crate::read(&folder)?);
        }
        Ok(Self { crates: ordered(crates), locked: locked(&root.join("Cargo.lock"))? })
    }

    /// All that is not as it should be.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> =
            self.crates.iter().flat_map(|member| member.modules.faults(&member.name)).collect();
        for name in WITHOUT_BURN {
            if !self.locked.contains_key(name) {
                faults.push(format!("{name} is not in the workspace"));
            } else if self.all_uses(name).iter().any(|used| used.starts_with("burn")) {
                faults.push(format!("{name} depends on Burn"));
            }
        }
        faults
    }

    fn all_uses<'a>(&'a self, name: &'a str) -> BTreeSet<&'a str> {
        let (mut seen, mut open) = (BTreeSet::new(), vec![name]);
        while let Some(name) = open.pop() {
            let uses = self.locked.get(name).into_iter().flatten().map(String::as_str);
            open.extend(uses.filter(|used| seen.insert(*used)));
        }
        seen
    }
}

impl Crate {
    fn read(folder: &Path) -> io::Result<Self> {
        let manifest = table(&folder.join("Cargo.toml"))?;
        let name = manifest["package"]["name"].as_str().unwrap_or_default().to_owned();
        let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
        let uses = dependencies.into_iter().flat_map(toml::Table::keys);
        let uses = uses.filter(|used| used.starts_with("logit")).cloned().collect();
        Ok(Self { name, uses, modules: Modules::read(&folder.join("src"))? })
    }
}

fn members(root: &Path) -> io::Result<Vec<PathBuf>> {
    let manifest = table(&root.join("Cargo.toml"))?;
    let patterns = manifest["workspace"]["members"].as_array().cloned().unwrap_or_default();
    let mut folders = Vec::new();
    for pattern in patterns.iter().filter_map(toml::Value::as_str) {
        match pattern.strip_suffix("/*") {
            None => folders.push(root.join(pattern)),
            Some(parent) => {
                for entry in fs::read_dir(root.join(parent))? {
                    folders.push(entry?.path());
                }
            }
        }
    }
    folders.retain(|folder| folder.join("Cargo.toml").is_file());
    folders.sort();
    Ok(folders)
}

/// Crates in an order in which each comes after those that it uses.
fn ordered(mut left: Vec<Crate>) -> Vec<Crate> {
    let mut ordered: Vec<Crate> = Vec::new();
    while !left.is_empty() {
        let is_ready =
            |member: &Crate| member.uses.iter().all(|used| ordered.iter().any(|known| known.name == *used));
        // Cargo refuses circles, so that there always is one.
        let next = left.iter().position(is_ready).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

fn locked(path: &Path) -> io::Result<BTreeMap<String, Vec<String>>> {
    let lock = table(path)?;
    let mut locked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in lock["package"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default().to_owned();
        let uses = package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
        // `name version` where there are several of a name.
        let uses = uses.filter_map(|used| used.as_str()?.split(' ').next().map(str::to_owned));
        locked.entry(name).or_default().extend(uses);
    }
    Ok(locked)
}

fn table(path: &Path) -> io::Result<toml::Table> {
    let text = fs::read_to_string(path)?;
    text.parse().map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
}
