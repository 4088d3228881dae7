//! A recorded training as events: its frames, its scores, and the pictures of the chosen samples.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::{EventError, EventFile, Histogram};
use crate::scores::Scores;
use crate::telemetry::{Frame, Layer};
use crate::watched::Sample;

/// The most units whose probabilities have a curve.
const MOST_CURVES: usize = 100;

impl EventFile {
    /// Begins the file of a training with the pictures of its chosen samples, or, where it resumes, of the training from
    /// step `next` on.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn of_training(folder: &Path, next: Option<u64>, samples: &[Sample]) -> io::Result<Self> {
        let mut events = Self::create(folder, SystemTime::now())?;
        if let Some(step) = next {
            events.resume(step)?;
            return Ok(events);
        }
        for Sample { row, truth, input } in samples {
            if let Some(([width, height, channels], pixels)) = input.pixels() {
                let tag = format!("samples/row {row}, {truth}");
                let (width, height, channels) = (width as u32, height as u32, channels as u8);
                shown(events.image(0, &tag, width, height, channels, &pixels))?;
            }
        }
        Ok(events)
    }

    /// Adds what a frame shows.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn frame(&mut self, frame: &Frame) -> io::Result<()> {
        let step = frame.step;
        self.scalar(step, "train/loss", frame.loss as f32)?;
        self.scalar(step, "train/learning_rate", frame.learning_rate as f32)?;
        self.scalar(step, "train/head_gradient_norm", frame.head_gradient_norm as f32)?;
        for layer in &frame.layers {
            self.layer(step, "layers", layer)?;
        }
        for gradient in &frame.gradients {
            self.layer(step, "gradients", gradient)?;
        }
        for sample in &frame.samples {
            for (unit, probability) in sample.probabilities.iter().enumerate().take(MOST_CURVES) {
                self.scalar(step, &format!("softmax/row {}/{unit}", sample.row), *probability)?;
            }
        }
        Ok(())
    }

    /// Adds what the weights of an epoch are worth on the validation part.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn validation(&mut self, step: u64, scores: &Scores) -> io::Result<()> {
        for (metric, value) in scores.iter() {
            self.scalar(step, &format!("validation/{metric}"), value as f32)?;
        }
        Ok(())
    }

    fn layer(&mut self, step: u64, side: &str, Layer { name, statistics }: &Layer) -> io::Result<()> {
        if statistics.histogram.is_empty() {
            return Ok(());
        }
        // Of many numbers the bins count some, and the sums are of as many.
        let counted = statistics.histogram.iter().map(|bin| u64::from(*bin)).sum();
        let count = counted as f64;
        let histogram = Histogram {
            low: statistics.low,
            high: statistics.high,
            count: counted,
            sum: statistics.mean * count,
            sum_of_squares: (statistics.deviation.powi(2) + statistics.mean.powi(2)) * count,
            bins: &statistics.histogram,
        };
        shown(self.histogram(step, &format!("{side}/{name}"), &histogram))
    }
}

/// Pixels that fill no picture, and bounds that no axis has, are not shown.
fn shown(written: Result<(), EventError>) -> io::Result<()> {
    match written {
        Err(EventError::Io(error)) => Err(error),
        Err(EventError::Image { .. } | EventError::Histogram { .. }) | Ok(()) => Ok(()),
    }
}
