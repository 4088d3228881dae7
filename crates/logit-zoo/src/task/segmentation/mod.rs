//! An answer for every pixel of an image: Q1.

mod answer;
mod overlay;
mod tally;
mod tiles;

use std::path::Path;

use burn::module::ParamId;
use burn::tensor::{Device, Tensor, TensorData};
use logit::metrics::MetricError;
use logit::tape::{Tape, Taped};
use logit::{Head, Kind};
use logit_spec::{Answer as HeadAnswer, Loss};
use rand::SeedableRng;
use rand::rngs::StdRng;

pub(crate) use answer::{Answer, AnyLabels, OneClass};
pub(crate) use overlay::{palette, tinted};
use tally::{Overlap, Tally, by_image};
pub(crate) use tiles::{Reader, scale};

use super::{Goal, Judgement, Need, Part, Pass, Scores, Task, WithTask};
use crate::data::segmentation::{
    Annotated, Crop, Grey, MaskValues, ReadFor, SegmentationSet, SegmentationSplit,
};
use crate::error::ZooError;
use crate::models::{UNet, UNetConfig};
use crate::recipe::{PixelAnswer, SegmentationData, SegmentationSetup, metric_key};
use crate::report::{Fact, Picture, Pixels};
use crate::run::{Calibration, DataSource, RunDir};
use crate::telemetry::{Facts, FactsOfTensors as _, Sample, Subject};

/// Test images shown in a report, each as annotated and as decided.
const SHOWN: usize = 8;

/// The most pixels that calibration looks at; more are thinned out evenly.
const MOST_PIXELS: usize = 1 << 22;

/// The longest side of a picture in a report.
const SHOWN_SIDE: usize = 256;

/// Reads a folder of images and masks and calls `then` with the task of the recipe's kind of answer.
pub(super) fn with_segmentation<W: WithTask>(
    setup: &SegmentationSetup,
    seed: u64,
    source: &DataSource,
    run: Option<&RunDir>,
    need: Need,
    then: W,
) -> Result<W::Output, ZooError> {
    let sets = load(setup, seed, source, run, need)?;
    let counts = pixel_counts(&sets.train, &setup.data);
    let units = setup.data.units().len();
    let weights = match need {
        Need::All => weights(setup, &counts)?,
        Need::Test => None,
    };
    let config = setup.model.unet();
    match setup.data.answer {
        PixelAnswer::Classes => {
            let answer = OneClass::new(units, &setup.loss, weights.clone());
            then.call(Segmentation { answer, config, setup, sets, counts, weights })
        }
        PixelAnswer::Labels => {
            let answer = AnyLabels::new(units, &setup.loss, weights.clone());
            then.call(Segmentation { answer, config, setup, sets, counts, weights })
        }
    }
}

fn load(
    setup: &SegmentationSetup,
    seed: u64,
    source: &DataSource,
    run: Option<&RunDir>,
    need: Need,
) -> Result<SegmentationSplit, ZooError> {
    let data = &setup.data;
    let folder = match source {
        DataSource::Embedded => {
            let what = "segmentation needs images and masks: give their folder by `--data DIR`, with `images` and \
                        `masks` in it, or `train` and `test` that hold these each";
            return Err(ZooError::Usage { what: what.to_owned() });
        }
        DataSource::Folder(folder) | DataSource::File(folder) => folder,
    };
    // Of a folder without parts, the run's own is split as it was for training; any other is a test as a whole.
    let own = match run {
        Some(run) => run.about()?.data == Some(source.absolute()?),
        None => true,
    };
    let shares = ReadFor::Training { validation: data.validation, test: data.test, seed };
    let tested_alone = need == Need::Test && (!own || folder.join("test").is_dir());
    let part = if tested_alone { ReadFor::Test } else { shares };
    let values = MaskValues::of(data);
    let sets = SegmentationSplit::read(folder, part, &values)?;
    let parts = [("training", &sets.train), ("validation", &sets.validation), ("test", &sets.test)];
    let mut needed = parts.iter().skip(if need == Need::All { 0 } else { 2 });
    match needed.find(|(_, set)| set.images.is_empty()) {
        None => Ok(sets),
        Some((part, _)) => Err(ZooError::Unfit {
            what: format!(
                "the {part} part of {source} has no image; `data.validation` and `data.test` decide the shares held out"
            ),
        }),
    }
}

/// Pixels of a set: of each class or label, and all.
struct PixelCounts {
    units: Vec<u64>,
    total: u64,
}

fn pixel_counts(set: &SegmentationSet, data: &SegmentationData) -> PixelCounts {
    let total = set.images.iter().map(|image| image.mask.len() as u64).sum();
    PixelCounts { units: data.pixels_by_unit(set.images.iter().flat_map(|image| &image.mask)), total }
}

fn weights(setup: &SegmentationSetup, counts: &PixelCounts) -> Result<Option<Vec<f64>>, ZooError> {
    let found = match setup.data.answer {
        PixelAnswer::Classes => setup.loss.class_weights.of_classes(&counts.units),
        PixelAnswer::Labels => setup.loss.class_weights.of_labels(&counts.units, counts.total),
    };
    match counts.units.iter().position(|count| *count == 0) {
        Some(absent) if found.is_some() => Err(ZooError::Unfit {
            what: format!(
                "no training mask has a pixel of `{}`, so that `loss.class_weights` cannot weigh it; take it out of \
                 `data.classes`, or set `loss.class_weights` to \"none\"",
                setup.data.units()[absent]
            ),
        }),
        _ => Ok(found),
    }
}

struct Segmentation<'a, A> {
    answer: A,
    config: UNetConfig,
    setup: &'a SegmentationSetup,
    sets: SegmentationSplit,
    counts: PixelCounts,
    weights: Option<Vec<f64>>,
}

/// Squares of images, ready for the network.
pub(crate) struct Squares<T> {
    /// `[N, 1, side, side]`.
    images: Tensor<4>,
    targets: T,
}

impl<A: Answer> Task for Segmentation<'_, A> {
    type Net = UNet<Head<A::Kind>>;
    type Batch = Squares<A::Targets>;

    fn network(&self, device: &Device) -> Result<Self::Net, ZooError> {
        Ok(self.config.init(self.answer.kind(), device)?)
    }

    fn samples(&self) -> u32 {
        self.sets.train.images.len() as u32
    }

    fn batch(&self, rows: &[u32], seed: u64, device: &Device) -> Result<Self::Batch, ZooError> {
        let data = &self.setup.data;
        let mut rng = StdRng::seed_from_u64(seed);
        let area = data.crop * data.crop;
        let mut values = Vec::with_capacity(rows.len() * area);
        let mut masks = Vec::with_capacity(rows.len() * area);
        for row in rows {
            let annotated = &self.sets.train.images[*row as usize];
            let crop = Crop::random(&annotated.image, data, &mut rng);
            let [pixels, mask] = crop.of(annotated);
            let scaled = scale(data, &annotated.image, crop.gain);
            values.extend(pixels.iter().map(|pixel| scaled[usize::from(*pixel)]));
            masks.extend(mask);
        }
        let (count, side) = (rows.len(), data.crop);
        let images = Tensor::from_data(TensorData::new(values, [count, 1, side, side]), device);
        Ok(Squares { images, targets: self.answer.targets(&masks, [count, side, side], device) })
    }

    fn pass(&self, net: &Self::Net, batch: Self::Batch, tape: &mut Tape) -> Result<Pass, ZooError> {
        let samples = batch.images.dims()[0] as u64;
        let logits = net.forward_on(batch.images, tape);
        let facts = Facts::on(tape, logits.tensor(), || self.answer.truth(&batch.targets))?;
        // Beside Dice, or with weights, the loss has another scale than cross entropy has.
        let scaled = self.setup.loss.is_log_loss() && self.weights.is_none();
        let facts = facts.map(|facts| Facts { chance_loss: facts.chance_loss.filter(|_| scaled), ..facts });
        let loss = self.answer.loss(logits, batch.targets)?;
        Ok(Pass { loss, samples, decisions: None, facts })
    }

    fn subject(&self) -> Subject {
        let (answer, loss) = match self.setup.data.answer {
            PixelAnswer::Classes => (HeadAnswer::Classes, Loss::CrossEntropy),
            PixelAnswer::Labels => (HeadAnswer::Labels, Loss::BinaryCrossEntropy),
        };
        Subject { answer, units: self.units().len(), loss }
    }

    fn units(&self) -> Vec<String> {
        self.setup.data.units().to_vec()
    }

    /// A map has as many answers as pixels: it is not shown as one.
    fn sample(&self, _: u32) -> Result<Option<Sample>, ZooError> {
        Ok(None)
    }

    fn head(&self, net: &Self::Net) -> ParamId {
        net.head().weight.id
    }

    fn goal(&self) -> Goal {
        Goal::most("mean_iou")
    }

    fn loss_metric(&self) -> Option<&'static str> {
        self.setup.loss.is_log_loss().then_some("log_loss")
    }

    fn calibrated(&self, net: &Self::Net, device: &Device) -> Result<Calibration, ZooError> {
        let reader = self.reader(net, self.setup.data.symmetries, device);
        let images = &self.sets.validation.images;
        let pixels: usize = images.iter().map(|image| image.mask.len()).sum();
        let every = pixels.div_ceil(MOST_PIXELS).max(1);
        let (mut logits, mut masks) = (Vec::new(), Vec::new());
        for Annotated { image, mask, .. } in images {
            let (sight, tiles) = reader.sight(image);
            for tile in tiles {
                let rows = reader.logits(&sight, &tile).map_err(evaluating)?;
                logits.extend(rows.chunks(self.answer.kind().units()).step_by(every).flatten());
                masks.extend(tile.of(mask, image.width).iter().step_by(every));
            }
        }
        self.answer.calibrated(&logits, &masks)
    }

    fn judge(
        &self,
        net: &Self::Net,
        part: Part,
        calibration: &Calibration,
        device: &Device,
    ) -> Result<Judgement, ZooError> {
        let set = match part {
            Part::Validation => &self.sets.validation,
            Part::Test => &self.sets.test,
        };
        // The validation part only chooses among weights, once an epoch: one look is enough.
        let symmetries = self.setup.data.symmetries && part == Part::Test;
        let reader = self.reader(net, symmetries, device);
        let new_tally = || Tally::new(&self.setup.data).map_err(evaluating);
        let (mut plain, mut tally) = (new_tally()?, new_tally()?);
        let mut overlaps = Vec::with_capacity(set.images.len());
        for image in &set.images {
            let mut alone = new_tally()?;
            let (sight, tiles) = reader.sight(&image.image);
            for tile in tiles {
                let logits = reader.logits(&sight, &tile).map_err(evaluating)?;
                let truth = tile.of(&image.mask, image.image.width);
                let decided = decisions(&self.answer, &logits, calibration);
                for tally in [&mut tally, &mut alone] {
                    tally.add(&logits, &decided, &truth).map_err(evaluating)?;
                }
                let decided = decisions(&self.answer, &logits, &Calibration::default());
                plain.add(&logits, &decided, &truth).map_err(evaluating)?;
            }
            overlaps.push(alone.overlap());
        }
        let scores = tally.scores(set.images.len() as u64);
        let scores = scores.and(by_image(&overlaps, self.setup.data.units()));
        let summary = self.summary(&scores);
        let (mut tables, mut pictures) = (vec![tally.table()], Vec::new());
        if *calibration != Calibration::default() {
            tables.push(tally.beside(&plain));
        }
        if part == Part::Test {
            pictures = self.pictures(&reader, set, &overlaps, calibration)?;
        }
        Ok(Judgement { confusion: tally.confusion(), tables, pictures, ..Judgement::of(scores, summary) })
    }

    fn facts(&self) -> Vec<Fact> {
        let SegmentationSplit { train, validation, test } = &self.sets;
        let count = |set: &SegmentationSet| set.images.len();
        let images =
            format!("{} training, {} validation, {} test", count(train), count(validation), count(test));
        let units = self.setup.data.units();
        let listed = |of: &dyn Fn(usize) -> String| {
            let each = units.iter().enumerate().map(|(unit, name)| format!("{name} {}", of(unit)));
            each.collect::<Vec<_>>().join(", ")
        };
        let share = |unit: usize| 100.0 * self.counts.units[unit] as f64 / self.counts.total.max(1) as f64;
        let mut facts = vec![
            Fact::new("images", images),
            Fact::new("training pixels", listed(&|unit| format!("{:.2} %", share(unit)))),
        ];
        if let Some(weights) = &self.weights {
            facts.push(Fact::new("class weights", listed(&|unit| format!("{:.3}", weights[unit]))));
        }
        facts
    }
}

impl<A: Answer> Segmentation<'_, A> {
    fn reader<'a>(
        &'a self,
        net: &'a UNet<Head<A::Kind>>,
        symmetries: bool,
        device: &'a Device,
    ) -> Reader<'a, A::Kind> {
        Reader { net, config: &self.config, data: &self.setup.data, device, symmetries }
    }

    fn summary(&self, scores: &Scores) -> String {
        let number = |name: &str| scores.get(name).unwrap_or(f64::NAN);
        let each = self.setup.data.units().iter().filter_map(|unit| {
            let iou = scores.get(&format!("iou_{}", metric_key(unit)))?;
            Some(format!("{unit} {iou:.3}"))
        });
        format!(
            "Mean intersection over union {:.3} over the pixels of {} test images: {}. As a mean over the images {:.3}.",
            number("mean_iou"),
            scores.samples,
            each.collect::<Vec<_>>().join(", "),
            number("mean_iou_by_image")
        )
    }

    /// Some test images, evenly from the worst to the best, as they are annotated and as they were decided.
    fn pictures(
        &self,
        reader: &Reader<'_, A::Kind>,
        set: &SegmentationSet,
        overlaps: &[Overlap],
        calibration: &Calibration,
    ) -> Result<Vec<Picture>, ZooError> {
        let overlaps: Vec<f64> = overlaps.iter().map(|overlap| overlap.mean.unwrap_or(0.0)).collect();
        let mut order: Vec<usize> = (0..overlaps.len()).collect();
        order.sort_by(|a, b| overlaps[*a].total_cmp(&overlaps[*b]).then(a.cmp(b)));
        let shown = SHOWN.min(order.len());
        let mut pictures = Vec::with_capacity(2 * shown);
        for place in 0..shown {
            let row = order[place * (order.len() - 1) / (shown - 1).max(1)];
            let Annotated { name, image, mask } = &set.images[row];
            let decided = decide(reader, &self.answer, calibration, Path::new(name), image)?;
            let name = file_name(name);
            let caption = format!("{name}: annotated");
            pictures.push(picture(image, mask, self.setup.data.answer, caption));
            let caption = format!("{name}: decided, mean IoU {:.3}", overlaps[row]);
            pictures.push(picture(image, &decided, self.setup.data.answer, caption));
        }
        Ok(pictures)
    }
}

/// The mask that a network decides on for an image, which errors call `input`.
pub(crate) fn decide<A: Answer>(
    reader: &Reader<'_, A::Kind>,
    answer: &A,
    calibration: &Calibration,
    input: &Path,
    image: &Grey,
) -> Result<Vec<u8>, ZooError> {
    let mut mask = vec![0; image.pixels.len()];
    let (sight, tiles) = reader.sight(image);
    for tile in tiles {
        let logits = reader
            .logits(&sight, &tile)
            .map_err(|source| ZooError::Metric { what: "the logits of a tile", source })?;
        if let Some(at) = logits.iter().position(|logit| !logit.is_finite()) {
            let (class, value) = (at % answer.kind().units(), logits[at]);
            return Err(ZooError::Logit { input: input.to_owned(), class, value });
        }
        let decided = decisions(answer, &logits, calibration);
        let rows = decided.chunks(tile.answered[1].len().max(1));
        for (places, row) in tile.places(image.width).zip(rows) {
            mask[places].copy_from_slice(row);
        }
    }
    Ok(mask)
}

/// The mask's values that rows of logits decide for.
fn decisions<A: Answer>(answer: &A, logits: &[f32], calibration: &Calibration) -> Vec<u8> {
    logits.chunks(answer.kind().units().max(1)).map(|row| answer.decide(row, calibration)).collect()
}

fn evaluating(source: MetricError) -> ZooError {
    ZooError::Metric { what: "the evaluation", source }
}

fn file_name(path: &str) -> String {
    let name = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| path.to_owned())
}

/// An image under a mask, of which every so many pixels are left out where it is large.
fn picture(image: &Grey, mask: &[u8], answer: PixelAnswer, caption: String) -> Picture {
    let palette = palette(answer);
    let step = image.height.max(image.width).div_ceil(SHOWN_SIDE);
    let (height, width) = (image.height.div_ceil(step), image.width.div_ceil(step));
    let pixel = |at: usize| tinted(image.pixels[at], palette[usize::from(mask[at])]);
    let places =
        (0..height).flat_map(|row| (0..width).map(move |column| step * (row * image.width + column)));
    Picture { caption, width, height, pixels: Pixels::Rgb(places.map(pixel).collect()) }
}
