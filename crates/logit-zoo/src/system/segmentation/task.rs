//! Images and masks as they are learned and judged.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use logit::Kind;
use logit::tape::{Tape, Taped};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::answer::{AnyLabels, MaskAnswer, OneClass};
use super::overlay::tinted;
use super::tally::{Overlap, Tally, by_image};
use super::tiles::{Reader, scale};
use super::{AskedTile, SegmentationSystem, Share, shares};
use crate::data::segmentation::{
    Annotated, Crop, Grey, MaskValues, ReadFor, SegmentationSet, SegmentationSplit,
};
use crate::error::ZooError;
use crate::page::{Fact, Picture, Pixels};
use crate::recipe::{PixelAnswer, SegmentationData, SegmentationSetup, metric_key};
use crate::run::{Calibration, DataSource};
use crate::system::{
    Explicable, Goal, JudgedPart, Judgement, MapView, Need, NetOf, Pass, Reading, Scores, SystemError, Task,
    View, WithSystem,
};
use crate::telemetry::{Facts, FactsOfTensors as _};

/// Test images shown in a report, each as annotated and as decided.
const SHOWN: usize = 8;

/// The most pixels that calibration looks at; more are thinned out evenly.
const MOST_PIXELS: usize = 1 << 22;

/// The longest side of a picture in a report.
const SHOWN_SIDE: usize = 256;

/// The longest side of the picture of a chosen sample.
const WATCHED_SIDE: usize = 128;

/// The longest side of a map that is recorded of a chosen sample.
const MAP_SIDE: usize = 48;

/// The most bytes of such a map, one per unit and pixel.
const MAP_BYTES: usize = 1 << 14;

/// Calls `then` with the system of the recipe's kind of answer.
pub(crate) fn with_segmentation<W: WithSystem>(
    setup: SegmentationSetup,
    then: W,
) -> Result<W::Output, ZooError> {
    let (units, loss) = (setup.data.units(), &setup.loss);
    match setup.data.answer {
        PixelAnswer::Classes => {
            let answer = OneClass::new(units, loss);
            then.call::<Segmentation<_>>(SegmentationSystem { setup, answer })
        }
        PixelAnswer::Labels => {
            let answer = AnyLabels::new(units, loss);
            then.call::<Segmentation<_>>(SegmentationSystem { setup, answer })
        }
    }
}

/// Reads a folder of images and masks.
fn load(data: &SegmentationData, from: &Reading<'_>) -> Result<SegmentationSplit, ZooError> {
    let folder = match from.source {
        DataSource::Embedded => {
            return Err(ZooError::Usage(
                "segmentation needs images and masks: give their folder with `--data DIR`, with `images` and `masks` in \
                 it, or `train` and `test` that hold these each"
                    .to_owned(),
            ));
        }
        DataSource::Folder(folder) | DataSource::File(folder) => folder,
    };
    // Of a folder without parts, the run's own is split as it was for training; any other is a test as a whole.
    let shares = ReadFor::Training { validation: data.validation, test: data.test, seed: from.seed };
    let tested_alone = from.need == Need::Test && (!from.own || folder.join("test").is_dir());
    let part = if tested_alone { ReadFor::Test } else { shares };
    let values = MaskValues::of(data);
    let sets = SegmentationSplit::read(folder, part, &values)?;
    let counts = [&sets.train, &sets.validation, &sets.test].map(|set| set.images.len());
    match from.need.missing(counts) {
        None => Ok(sets),
        Some(part) => {
            let hint = "`data.validation` and `data.test` decide the shares held out";
            Err(SystemError::EmptyPart { part, data: from.source.to_string(), hint }.into())
        }
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

/// How much each unit weighs in the loss, where they differ.
fn weights<A: MaskAnswer>(
    setup: &SegmentationSetup,
    counts: &PixelCounts,
) -> Result<Option<Vec<f64>>, ZooError> {
    let weights = A::weights(setup.loss.class_weights, &counts.units, counts.total);
    match counts.units.iter().position(|count| *count == 0) {
        Some(absent) if weights.is_some() => {
            Err(SystemError::AbsentClass { class: setup.data.units()[absent].clone() }.into())
        }
        _ => Ok(weights),
    }
}

struct Segmentation<A> {
    system: SegmentationSystem<A>,
    sets: SegmentationSplit,
    counts: PixelCounts,
    weights: Option<Vec<f64>>,
}

/// Squares of images, ready for the network.
pub(crate) struct Squares<T> {
    /// `[N, 1, side, side]`.
    images: Tensor<4>,
    targets: T,
    /// The same as bytes.
    cut: Vec<Square>,
}

/// A square of an image.
struct Square {
    crop: Crop,
    pixels: Vec<u8>,
    mask: Vec<u8>,
}

impl<A: MaskAnswer> Task for Segmentation<A> {
    type System = SegmentationSystem<A>;
    type Batch = Squares<A::Targets>;

    /// Reads images and masks; from their pixels follow the loss's weights.
    fn read(mut system: SegmentationSystem<A>, from: &Reading<'_>) -> Result<Self, ZooError> {
        let sets = load(&system.setup.data, from)?;
        let counts = pixel_counts(&sets.train, &system.setup.data);
        let weights = match from.need {
            Need::All => weights::<A>(&system.setup, &counts)?,
            Need::Test => None,
        };
        if let Some(weights) = &weights {
            system.answer.weigh(weights.clone());
        }
        Ok(Self { system, sets, counts, weights })
    }

    fn system(&self) -> &SegmentationSystem<A> {
        &self.system
    }

    fn samples(&self) -> u32 {
        self.sets.train.images.len() as u32
    }

    fn batch(&self, rows: &[u32], seed: u64, device: &Device) -> Result<Self::Batch, ZooError> {
        let data = &self.system.setup.data;
        let mut rng = StdRng::seed_from_u64(seed);
        let area = data.crop * data.crop;
        let mut values = Vec::with_capacity(rows.len() * area);
        let mut masks = Vec::with_capacity(rows.len() * area);
        let mut cut = Vec::with_capacity(rows.len());
        for row in rows {
            let annotated = &self.sets.train.images[*row as usize];
            let crop = Crop::random(&annotated.image, data, &mut rng);
            let [pixels, mask] = crop.of(annotated);
            let scaled = scale(data, &annotated.image, crop.gain);
            values.extend(pixels.iter().map(|pixel| scaled[usize::from(*pixel)]));
            masks.extend(&mask);
            cut.push(Square { crop, pixels, mask });
        }
        let (count, side) = (rows.len(), data.crop);
        let images = Tensor::from_data(TensorData::new(values, [count, 1, side, side]), device);
        let targets = self.system.answer.targets(&masks, [count, side, side], device);
        Ok(Squares { images, targets, cut })
    }

    fn pass(&self, net: &NetOf<Self>, batch: Self::Batch, tape: &mut Tape) -> Result<Pass, ZooError> {
        let samples = batch.images.dims()[0] as u64;
        let logits = net.forward_on(batch.images, tape);
        let facts = Facts::on(tape, logits.tensor(), || self.system.answer.truth(&batch.targets))?;
        // Beside Dice, or with weights, the loss has another scale than cross entropy has.
        let scaled = self.system.setup.loss.is_log_loss() && self.weights.is_none();
        let facts = facts.map(|facts| Facts { chance_loss: facts.chance_loss.filter(|_| scaled), ..facts });
        let loss = self.system.answer.loss(logits, batch.targets)?;
        Ok(Pass { loss, samples, decisions: None, facts })
    }

    /// A whole image, thinned out where it is large, and its classes or labels by their shares.
    fn sample(&self, row: u32) -> Result<Option<(AskedTile, String)>, ZooError> {
        let Some(Annotated { name, image, mask }) = self.sets.train.images.get(row as usize) else {
            return Ok(None);
        };
        let Thinned { height, width, places } = Thinned::of([image.height, image.width], WATCHED_SIDE);
        let image = Grey { height, width, pixels: places.iter().map(|place| image.pixels[*place]).collect() };
        Ok(Some((AskedTile::whole(name.into(), image), self.shares(mask))))
    }

    /// The square that was cut out, as it lies in the image, by chosen pixels: every so many, along both axes.
    fn view(&self, Squares { cut, .. }: &Self::Batch, place: usize) -> Option<View> {
        let Square { crop, pixels, mask } = cut.get(place)?;
        let side = self.system.setup.data.crop;
        let most = (MAP_BYTES / self.system.answer.kind().units().max(1)).isqrt().clamp(1, MAP_SIDE);
        let Thinned { height, width, places } = Thinned::of([side; 2], most);
        let chosen: Vec<usize> = places.into_iter().map(|pixel| crop.laid(pixel)).collect();
        let of = |plane: &[u8]| chosen.iter().map(|at| plane[*at]).collect::<Vec<u8>>();
        let (pixels, truth) = (of(pixels), of(mask));
        let map = Some(MapView { positions: side * side, chosen, truth });
        Some(View { size: [height, width], pixels, truth: String::new(), map })
    }

    /// The pixels that the mask gives to the target: the first unit that is no background.
    fn explicable(&self, count: usize) -> Result<Vec<Explicable<AskedTile>>, ZooError> {
        let unit = self.system.usual_unit();
        let explicable = |annotated: &Annotated| {
            let asked = self.system.seen(annotated.name.clone().into(), annotated.image.clone());
            let mask = annotated.mask.iter().map(|value| A::holds(*value, unit)).collect();
            Explicable { asked, masks: vec![("mask", mask)] }
        };
        Ok(self.sets.test.images.iter().take(count).map(explicable).collect())
    }

    fn goal(&self) -> Goal {
        Goal::most("mean_iou")
    }

    fn loss_metric(&self) -> Option<&'static str> {
        self.system.setup.loss.is_log_loss().then_some("log_loss")
    }

    fn calibrated(&self, net: &NetOf<Self>, device: &Device) -> Result<Calibration, ZooError> {
        let reader = self.system.reader(net, self.system.setup.data.symmetries, device);
        let images = &self.sets.validation.images;
        let pixels: usize = images.iter().map(|image| image.mask.len()).sum();
        let every = pixels.div_ceil(MOST_PIXELS).max(1);
        let (mut logits, mut masks) = (Vec::new(), Vec::new());
        for Annotated { image, mask, .. } in images {
            let (sight, tiles) = reader.sight(image);
            for tile in tiles {
                let rows = reader.logits(&sight, &tile)?;
                logits.extend(rows.chunks(self.system.answer.kind().units()).step_by(every).flatten());
                masks.extend(tile.of(mask, image.width).iter().step_by(every));
            }
        }
        self.system.answer.calibrated(&logits, &masks)
    }

    fn judge(
        &self,
        net: &NetOf<Self>,
        part: JudgedPart,
        calibration: &Calibration,
        device: &Device,
    ) -> Result<Judgement, ZooError> {
        let set = match part {
            JudgedPart::Validation => &self.sets.validation,
            JudgedPart::Test => &self.sets.test,
        };
        // The validation part only chooses among weights, once an epoch: one look is enough.
        let symmetries = self.system.setup.data.symmetries && part == JudgedPart::Test;
        let reader = self.system.reader(net, symmetries, device);
        let new_tally =
            || Tally::new(self.system.answer.decisions()?, self.system.setup.data.units().to_vec());
        let (mut plain, mut tally) = (new_tally()?, new_tally()?);
        let mut overlaps = Vec::with_capacity(set.images.len());
        for image in &set.images {
            let mut alone = new_tally()?;
            let (sight, tiles) = reader.sight(&image.image);
            for tile in tiles {
                let logits = reader.logits(&sight, &tile)?;
                let truth = tile.of(&image.mask, image.image.width);
                let decided = self.system.decisions(&logits, calibration);
                for tally in [&mut tally, &mut alone] {
                    tally.add(&logits, &decided, &truth)?;
                }
                let decided = self.system.decisions(&logits, &Calibration::None);
                plain.add(&logits, &decided, &truth)?;
            }
            overlaps.push(alone.overlap());
        }
        let scores = tally.scores(set.images.len() as u64);
        let scores = scores.and(by_image(&overlaps, self.system.setup.data.units()));
        let summary = self.summary(&scores);
        let (mut tables, mut pictures) = (vec![tally.table()], Vec::new());
        if *calibration != Calibration::None {
            tables.push(tally.beside(&plain));
        }
        if part == JudgedPart::Test {
            pictures = self.pictures(&reader, set, &overlaps, calibration)?;
        }
        Ok(Judgement { confusion: tally.confusion(), tables, pictures, ..Judgement::of(scores, summary) })
    }

    fn facts(&self) -> Vec<Fact> {
        let SegmentationSplit { train, validation, test } = &self.sets;
        let count = |set: &SegmentationSet| set.images.len();
        let images =
            format!("{} training, {} validation, {} test", count(train), count(validation), count(test));
        let units = self.system.setup.data.units();
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

impl<A: MaskAnswer> Segmentation<A> {
    fn summary(&self, scores: &Scores) -> String {
        let number = |name: &str| scores.get(name).unwrap_or(f64::NAN);
        let each = self.system.setup.data.units().iter().filter_map(|unit| {
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

    /// Which classes or labels a mask has, and their shares of its pixels.
    fn shares(&self, mask: &[u8]) -> String {
        let shares = shares(mask, &self.system.setup.data).into_iter().filter(|share| share.pixels > 0);
        let share = |Share { class, share, .. }: Share| format!("{class} {:.1} %", 100.0 * share);
        shares.map(share).collect::<Vec<_>>().join(", ")
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
            let decided = self.decide(reader, calibration, image)?;
            let name = file_name(name);
            let caption = format!("{name}: annotated");
            pictures.push(picture::<A>(image, mask, caption));
            let caption = format!("{name}: decided, mean IoU {:.3}", overlaps[row]);
            pictures.push(picture::<A>(image, &decided, caption));
        }
        Ok(pictures)
    }

    /// The mask that a network decides on for an image.
    fn decide(
        &self,
        reader: &Reader<'_, A::Kind>,
        calibration: &Calibration,
        image: &Grey,
    ) -> Result<Vec<u8>, ZooError> {
        let mut mask = vec![0; image.pixels.len()];
        let (sight, tiles) = reader.sight(image);
        for tile in tiles {
            let decided = self.system.decisions(&reader.logits(&sight, &tile)?, calibration);
            tile.put(&decided, &mut mask, image.width);
        }
        Ok(mask)
    }
}

fn file_name(path: &str) -> String {
    let name = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| path.to_owned())
}

/// An image under a mask, thinned out where it is large.
fn picture<A: MaskAnswer>(image: &Grey, mask: &[u8], caption: String) -> Picture {
    let palette = A::palette();
    let pixel = |at: &usize| tinted(image.pixels[*at], palette[usize::from(mask[*at])]);
    let Thinned { height, width, places } = Thinned::of([image.height, image.width], SHOWN_SIDE);
    Picture { caption, width, height, pixels: Pixels::Rgb(places.iter().map(pixel).collect()) }
}

/// Some pixels of an image: every so many along both axes, so that no side has more than it may.
struct Thinned {
    height: usize,
    width: usize,
    /// Where they stand in the image, row by row.
    places: Vec<usize>,
}

impl Thinned {
    fn of([height, width]: [usize; 2], most: usize) -> Self {
        let step = height.max(width).div_ceil(most).max(1);
        let row = |row: usize| (0..width).step_by(step).map(move |column| row * width + column);
        let places = (0..height).step_by(step).flat_map(row).collect();
        Self { height: height.div_ceil(step), width: width.div_ceil(step), places }
    }
}
