//! A training as it was recorded: what its steps showed, what checks found in them, and what `logit watch` shows.
//!
//! Floors, from the ground up: `error`, `bounded`, `finding`, `scores`, `record`, `log`, `about`, `watched`, `telemetry`,
//! `check`, `tensorboard`, `folder`, `new_run`, `recording`, `live`.
//!
//! A recorded training is a folder ([`RunDir`]). `logit train` makes one, and so can any program that trains, in whatever
//! framework: [`Recording`] takes slices of numbers and writes the folder; `docs/recording-format.md` describes its files for
//! writers in other languages. This crate computes no tensor and knows no model, no recipe and no data set.
//!
//! ```
//! use logit_run::telemetry::Truth;
//! use logit_run::{About, Live, Recording, RunDir, Subject, Watched};
//! use logit_spec::{Answer, Loss};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("run");
//! let subject = Subject { answer: Answer::Classes, units: 3, loss: Loss::CrossEntropy };
//! let about = About::of_program("my-trainer", "1.2.0");
//! let mut recording = Recording::create(&path, &about, &Watched::of(subject, ["cat", "dog", "bird"]))?;
//!
//! // In the training loop: logits and loss of the very pass that is trained on.
//! let (logits, targets) = ([2.0, 0.0, -1.0, 0.5, 1.5, 0.0], vec![0, 1]);
//! let hidden = [0.0, 0.7, 1.2, 0.0];
//! let found = recording
//!     .step(1, 1, 0.31, 1e-3)
//!     .output(&logits, &Truth::Classes(targets))
//!     .layer("hidden", &hidden)
//!     .head_gradient_norm(0.4)
//!     .write()?;
//! for found in found {
//!     eprintln!("{}", found.finding);
//! }
//! recording.finish()?;
//!
//! // What `logit watch` and `logit check` read.
//! let live = Live::open(RunDir::open(&path)?)?;
//! assert_eq!(live.summary()?.step, 1);
//! assert_eq!(live.check().expect("a recorded step").frames, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod about;
mod bounded;
pub mod check;
mod error;
mod finding;
mod folder;
pub mod live;
mod log;
mod new_run;
mod record;
mod recording;
mod scores;
pub mod telemetry;
pub mod tensorboard;
mod watched;

pub use about::{About, DataSource, absolute_path};
pub use error::RunError;
pub use finding::{Found, RunPlace};
pub use folder::RunDir;
pub use live::Live;
pub use log::{MetricsLog, MetricsMark, MetricsTail, is_finished, read_records};
pub use new_run::{NewRun, RunAt, unused_folder};
pub use record::Record;
pub use recording::{Recording, StepRecord, TelemetryWriter};
pub use scores::{Goal, Scores, metric_name};
pub use watched::{Input, Picture, Sample, Subject, Watched, spread};
