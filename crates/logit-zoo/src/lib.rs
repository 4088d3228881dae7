//! Models, recipes and the trainer of Logit, over the data sets of `logit-data`.
//!
//! ```text
//! data ─→ system ─→ train ─→ run directory ─→ evaluate, predict, report
//! ```
//!
//! Floors, from the ground up: `batch`, `models`, `recipe`, `page`, `error`, `run`, `telemetry`, `system`, `inspect`, `explain`, `evaluate`,
//! `report`, `train`, `study`.
//!
//! The command `logit` is a thin layer over this crate; everything it does can be done from Rust:
//!
//! ```no_run
//! use std::path::Path;
//! use std::sync::atomic::AtomicBool;
//!
//! use logit_zoo::recipe::Setting;
//! use logit_zoo::{Recipe, Source, train};
//!
//! let recipe = Recipe::load("digits", &[Setting::whole("train.epochs", 1)])?;
//! let training = train::start(&recipe, &Source::Embedded, Path::new("runs/first"))?;
//! let end = train::run(&training, &train::Devices::default(), &AtomicBool::new(false), &mut train::Silent)?;
//! println!("{:?}", end);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod batch;
mod error;
pub mod evaluate;
pub mod explain;
pub mod inspect;
pub mod models;
pub mod page;
pub mod recipe;
mod report;
pub mod run;
pub mod study;
pub mod system;
pub mod telemetry;
pub mod train;

pub use error::ZooError;
pub use logit_data as data;
pub use recipe::{RECIPES, Recipe, RecipeError, TaskConfig, TrainConfig};
pub use run::{DataSource as Source, RunDir};
pub use system::predict;
