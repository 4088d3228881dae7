//! Data sets, models, recipes and the trainer of Logit.
//!
//! ```text
//! data ─→ system ─→ train ─→ run directory ─→ evaluate, predict, report
//! ```
//!
//! Floors, from the ground up: `data`, `models`, `recipe`, `page`, `error`, `run`, `telemetry`, `system`, `evaluate`,
//! `report`, `train`, `study`.
//!
//! The command `logit` is a thin layer over this crate; everything it does can be done from Rust:
//!
//! ```no_run
//! use std::path::Path;
//! use std::sync::atomic::AtomicBool;
//!
//! use logit_zoo::{Recipe, Source, train};
//!
//! let recipe = Recipe::load("digits", &["train.epochs=1".to_owned()])?;
//! let training = train::start(&recipe, &Source::Embedded, Path::new("runs/first"))?;
//! let end = train::run(&training, &train::Devices::default(), &AtomicBool::new(false), &mut train::Silent)?;
//! println!("{:?}", end);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod data;
mod error;
pub mod evaluate;
pub mod models;
pub mod page;
mod recipe;
mod report;
pub mod run;
pub mod study;
pub mod system;
pub mod telemetry;
pub mod train;

pub use error::ZooError;
pub use recipe::{
    AnswerChoice, ClassWeights, DataConfig, DigitsSetup, ImagesData, ImagesModel, ImagesSetup, ModelConfig,
    Optimizer, PairsConfig, PairsSetup, PixelAnswer, RECIPES, Recipe, RecipeError, Schedule, ScoreLoss,
    SegmentationData, SegmentationLoss, SegmentationModel, SegmentationSetup, SentenceConfig, Setup,
    StsSetup, TableData, TableLoss, TableModel, TableModelKind, TableSetup, TaskConfig, TrainConfig,
    WatchConfig, Weights, setting,
};
pub use run::{DataSource as Source, RunDir};
pub use system::predict;
