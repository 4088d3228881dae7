//! An answer for every pixel of an image: Q1.

mod answer;
mod overlay;
mod tally;
mod task;
mod tiles;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::module::ParamId;
use burn::tensor::{Device, Tensor};
use logit::explain::{Array, Target};
use logit::{Head, Kind};
use logit_files::{is_same, replace_within};
use logit_spec::Answer;
use png::{BitDepth, ColorType, Encoder, EncodingError};
use serde::Serialize;

use self::answer::MaskAnswer;
use self::overlay::tinted;
pub(crate) use self::task::with_segmentation;
use self::tiles::{Reader, SIDE, Sight, Tile, scale, tiles};
use crate::data::segmentation::Grey;
use crate::error::ZooError;
use crate::models::UNet;
use crate::page::{Picture, Pixels};
use crate::recipe::{SegmentationData, SegmentationSetup};
use crate::run::{Calibration, RunDir, RunError};
use crate::system::explained::{Asked, Inputs, Located, Started, Wish, over_channels};
use crate::system::{Answers, Batches, Predictions, Request, System, SystemError, paths};
use crate::telemetry::{Input, Subject};

/// The folder of a run that masks are written to unless told otherwise.
const FOLDER: &str = "predictions";

/// Pixels of an image that is explained, at most: some ten seconds' work.
const MOST_EXPLAINED: usize = 1 << 22;

/// What a run says of one image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaskPrediction {
    /// The file.
    #[serde(serialize_with = "super::lossy")]
    pub input: PathBuf,
    /// Its columns.
    pub width: usize,
    /// Its rows.
    pub height: usize,
    /// Of each class or label, its share of the pixels.
    pub shares: Vec<Share>,
    /// The file of the mask, whose grey values are the answers.
    #[serde(serialize_with = "super::lossy")]
    pub mask: PathBuf,
    /// The file of the image under the mask's colours.
    #[serde(serialize_with = "super::lossy")]
    pub overlay: PathBuf,
}

/// How much of an image has a class or label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// Its name.
    pub class: String,
    /// Pixels that have it.
    pub pixels: u64,
    /// Their share, in [0, 1].
    pub share: f64,
}

/// A network that answers every pixel of an image.
pub(crate) struct SegmentationSystem<A> {
    pub(crate) setup: SegmentationSetup,
    pub(crate) answer: A,
}

/// An image that is answered tile by tile.
pub(crate) struct SeenImage {
    file: PathBuf,
    image: Grey,
    scaled: [f32; 256],
}

/// A tile of an image.
pub(crate) struct AskedTile {
    of: Arc<SeenImage>,
    tile: Tile,
    /// Whether it is the image's last.
    last: bool,
}

impl AskedTile {
    /// An image as its only tile, to be shown to people: to the network all of it is one grey.
    fn whole(file: PathBuf, image: Grey) -> Self {
        let tile = Tile::whole([image.height, image.width]);
        Self { of: Arc::new(SeenImage { file, image, scaled: [0.0; 256] }), tile, last: true }
    }

    /// Whether what is asked for can be had of this image.
    fn check_explicable(&self, wish: &Wish) -> Result<(), ZooError> {
        let (file, Grey { width, height, .. }) = (self.of.file.display(), &self.of.image);
        if wish.log_odds {
            let what = format!("{file}: of masks, logits are explained; leave out `--log-odds`");
            return Err(ZooError::Usage(what));
        }
        if width * height > MOST_EXPLAINED {
            return Err(ZooError::Usage(format!(
                "{file}: {width} × {height} pixels are more than are explained at once, {MOST_EXPLAINED}: cut out a part"
            )));
        }
        Ok(())
    }

    /// A pixel of the image, if it lies in this tile.
    fn pixel(&self, unit: usize, [row, column]: [usize; 2]) -> Result<Option<Target>, ZooError> {
        let Grey { width, height, .. } = self.of.image;
        if row >= height || column >= width {
            return Err(ZooError::Usage(format!(
                "{}: there is no pixel in row {row}, column {column}: the image has {height} rows and {width} columns",
                self.of.file.display()
            )));
        }
        let [rows, columns] = &self.tile.answered;
        let [inner_rows, inner_columns] = self.tile.inner();
        let inside = rows.contains(&row) && columns.contains(&column);
        Ok(inside.then(|| Target::Pixel {
            unit,
            row: row - rows.start + inner_rows.start,
            column: column - columns.start + inner_columns.start,
        }))
    }

    fn sight(&self) -> Sight<'_> {
        Sight { image: &self.of.image, scaled: self.of.scaled }
    }
}

impl<A: MaskAnswer> SegmentationSystem<A> {
    /// A network, to be shown images tile by tile.
    pub(crate) fn reader<'a>(
        &'a self,
        net: &'a UNet<Head<A::Kind>>,
        symmetries: bool,
        device: &'a Device,
    ) -> Reader<'a, A::Kind> {
        Reader { net, config: self.setup.model.unet(), data: &self.setup.data, device, symmetries }
    }

    /// The mask's values that rows of logits decide for.
    pub(crate) fn decisions(&self, logits: &[f32], calibration: &Calibration) -> Vec<u8> {
        let rows = logits.chunks(self.answer.kind().units().max(1));
        rows.map(|row| self.answer.decide(row, calibration)).collect()
    }

    /// The unit that is explained if none is asked for: the first that is no background.
    fn usual_unit(&self) -> usize {
        usize::from(A::Kind::ANSWER == Answer::Classes && self.answer.units().len() > 1)
    }

    /// An image as one tile, as the network sees it.
    fn seen(&self, file: PathBuf, image: Grey) -> AskedTile {
        let scaled = scale(&self.setup.data, &image, 1.0);
        let tile = Tile::whole([image.height, image.width]);
        AskedTile { of: Arc::new(SeenImage { file, image, scaled }), tile, last: true }
    }

    /// The pixels of a tile that are decided for a unit; none where there are none.
    fn region(
        &self,
        asked: &AskedTile,
        unit: usize,
        logits: &Array<f32>,
        calibration: &Calibration,
    ) -> Option<Target> {
        let [columns, plane] = [logits.shape[3], logits.shape[2] * logits.shape[3]];
        let [inner_rows, inner_columns] = asked.tile.inner();
        let mut mask = vec![false; plane];
        for place in
            inner_rows.flat_map(|row| inner_columns.clone().map(move |column| row * columns + column))
        {
            let row: Vec<f32> = logits.numbers.iter().skip(place).step_by(plane).copied().collect();
            mask[place] = A::holds(self.answer.decide(&row, calibration), unit);
        }
        mask.contains(&true).then_some(Target::Region { unit, mask })
    }

    /// The tiles of an image in a file, each a batch of its own: they may differ in size.
    fn tiles_of(&self, file: PathBuf) -> Result<impl Iterator<Item = Vec<AskedTile>> + use<A>, ZooError> {
        let image = Grey::read(&file)?;
        let tiles = tiles(&self.setup.model.unet(), [image.height, image.width], SIDE);
        let scaled = scale(&self.setup.data, &image, 1.0);
        let (of, count) = (Arc::new(SeenImage { file, image, scaled }), tiles.len());
        let asked = move |(at, tile)| vec![AskedTile { of: Arc::clone(&of), tile, last: at + 1 == count }];
        Ok(tiles.into_iter().enumerate().map(asked))
    }
}

impl<A: MaskAnswer> System for SegmentationSystem<A> {
    type Net = UNet<Head<A::Kind>>;
    type Asked = AskedTile;
    /// The mask's values, row by row of the tile.
    type Answer = Vec<u8>;

    const WRITES: bool = true;

    fn network(&self, device: &Device) -> Result<Self::Net, ZooError> {
        Ok(self.setup.model.unet().init(self.answer.kind(), device)?)
    }

    fn head(&self, net: &Self::Net) -> ParamId {
        net.head().weight.id
    }

    fn subject(&self) -> Subject {
        Subject { answer: A::Kind::ANSWER, units: self.units().len(), loss: self.answer.loss_name() }
    }

    fn units(&self) -> Vec<String> {
        self.answer.units()
    }

    /// All images are read once before the first is answered, so that one that cannot be read leaves nothing behind.
    fn read<'a>(&'a self, inputs: &'a [OsString]) -> Result<Batches<'a, Self>, ZooError> {
        for input in paths(inputs) {
            Grey::read(&input)?;
        }
        let tiles = |input: PathBuf| match self.tiles_of(input) {
            Ok(tiles) => Box::new(tiles.map(Ok)) as Batches<'a, Self>,
            Err(error) => Box::new(std::iter::once(Err(error))),
        };
        Ok(Box::new(paths(inputs).flat_map(tiles)))
    }

    /// An image as large as those that the network is trained on.
    fn blank(&self) -> AskedTile {
        let side = self.setup.data.crop;
        let image = Grey { height: side, width: side, pixels: vec![0; side * side] };
        AskedTile::whole(PathBuf::new(), image)
    }

    fn tensors(&self, batch: &[AskedTile], device: &Device) -> Tensor<4> {
        Tensor::cat(batch.iter().map(|asked| asked.sight().of(&asked.tile, device)).collect(), 0)
    }

    fn logits(&self, net: &Self::Net, batch: &[AskedTile], device: &Device) -> Result<Vec<f32>, ZooError> {
        let reader = self.reader(net, self.setup.data.symmetries, device);
        let logits = batch.iter().map(|asked| reader.logits(&asked.sight(), &asked.tile));
        Ok(logits.collect::<Result<Vec<_>, _>>()?.concat())
    }

    fn answer(&self, _: &AskedTile, logits: &[f32], calibration: &Calibration) -> Result<Vec<u8>, ZooError> {
        Ok(self.decisions(logits, calibration))
    }

    fn name(&self, asked: &AskedTile) -> String {
        asked.of.file.display().to_string()
    }

    fn show(&self, asked: &AskedTile) -> Input {
        let image = &asked.of.image;
        let [rows, columns] = [0, 1].map(|axis: usize| asked.tile.answered[axis].len());
        Input::picture([columns, rows, 1], &asked.tile.of(&image.pixels, image.width))
    }

    /// Tiles may differ in size.
    const TOGETHER: bool = false;

    fn inputs(&self) -> Inputs {
        Inputs::pictures(None, [self.setup.data.crop; 2], "epsilon-plus")
    }

    /// Of a pixel its logit; otherwise the sum of the target's logits over the pixels that are decided for it. Without a
    /// target, that is the first unit that is no background.
    fn start(
        &self,
        asked: &AskedTile,
        logits: &Array<f32>,
        wish: &Wish,
        calibration: &Calibration,
    ) -> Result<Option<Started>, ZooError> {
        let output = Asked { answer: A::Kind::ANSWER, units: &self.answer.units(), wish, graded: None };
        asked.check_explicable(wish)?;
        let unit = output.unit()?.unwrap_or_else(|| self.usual_unit());
        let (target, what) = match wish.pixel {
            Some(pixel) => {
                (asked.pixel(unit, pixel)?, format!("logit in row {}, column {}", pixel[0], pixel[1]))
            }
            None => (
                self.region(asked, unit, logits, calibration),
                "sum of its logits where it was decided".to_owned(),
            ),
        };
        Ok(target.map(|target| Started { target, name: output.name(unit), what, value: None }))
    }

    fn located(&self, asked: &AskedTile, relevance: &[(String, Array<f32>)]) -> Located {
        let Grey { width, height, pixels } = &asked.of.image;
        let mut plane = vec![0.0; width * height];
        if let Some((_, map)) = relevance.first() {
            asked.tile.spread(&over_channels(map), &mut plane, *width);
        }
        let pixels = Pixels::Grey(pixels.clone());
        let picture = Picture { caption: String::new(), width: *width, height: *height, pixels };
        Located::Map { picture, width: *width, height: *height, relevance: plane }
    }

    fn is_last(&self, asked: &AskedTile) -> bool {
        asked.last
    }

    fn is_calibrated(&self) -> bool {
        true
    }

    /// Writes `NAME.mask.png` and `NAME.overlay.png` for each image.
    fn answers<'a>(
        &'a self,
        &Request { run, inputs, out }: &Request<'a>,
    ) -> Result<Box<dyn Answers<Self> + 'a>, ZooError> {
        let folder = out.map_or_else(|| run.path().join(FOLDER), Path::to_owned);
        let inputs: Vec<PathBuf> = paths(inputs).collect();
        let outputs = outputs(&inputs, &folder)?.into_iter();
        Ok(Box::new(Masks { system: self, run, out, outputs, mask: Vec::new(), done: Vec::new() }))
    }
}

/// Masks, each written as soon as the last tile of its image is answered.
struct Masks<'a, A> {
    system: &'a SegmentationSystem<A>,
    run: &'a RunDir,
    /// Where they are written, unless into the run's folder.
    out: Option<&'a Path>,
    /// The files of the images that are still to come.
    outputs: std::vec::IntoIter<Output>,
    /// The mask of the image whose tiles are being answered.
    mask: Vec<u8>,
    done: Vec<MaskPrediction>,
}

impl<A: MaskAnswer> Answers<SegmentationSystem<A>> for Masks<'_, A> {
    fn take(&mut self, asked: AskedTile, answer: Vec<u8>) -> Result<(), ZooError> {
        let AskedTile { of, tile, last } = asked;
        self.mask.resize(of.image.pixels.len(), 0);
        tile.put(&answer, &mut self.mask, of.image.width);
        if last {
            let mask = std::mem::take(&mut self.mask);
            self.done.extend(self.outputs.next().map(|output| self.write(&of, &mask, output)).transpose()?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Predictions, ZooError> {
        Ok(Predictions::Masks(self.done))
    }
}

impl<A: MaskAnswer> Masks<'_, A> {
    fn write(
        &self,
        SeenImage { file, image, .. }: &SeenImage,
        mask: &[u8],
        Output { mask: mask_path, overlay }: Output,
    ) -> Result<MaskPrediction, ZooError> {
        match self.out {
            Some(out) => {
                std::fs::create_dir_all(out)
                    .map_err(|source| RunError::io("make the folder", out, source))?;
            }
            None => drop(self.run.folder(FOLDER)?),
        }
        write(&mask_path, &encoded(image, ColorType::Grayscale, file, |row| mask[row].to_vec())?)?;
        let palette = A::palette();
        let coloured = |row: Range<usize>| {
            row.flat_map(|at| tinted(image.pixels[at], palette[usize::from(mask[at])])).collect()
        };
        write(&overlay, &encoded(image, ColorType::Rgb, file, coloured)?)?;
        Ok(MaskPrediction {
            input: file.clone(),
            width: image.width,
            height: image.height,
            shares: shares(mask, &self.system.setup.data),
            mask: mask_path,
            overlay,
        })
    }
}

fn write(path: &Path, image: &[u8]) -> Result<(), RunError> {
    replace_within(path, image).map_err(|source| RunError::io("write", path, source))
}

/// The files that are written for an image.
struct Output {
    mask: PathBuf,
    overlay: PathBuf,
}

fn outputs(inputs: &[PathBuf], folder: &Path) -> Result<Vec<Output>, ZooError> {
    let mut taken: BTreeMap<OsString, &Path> = BTreeMap::new();
    let mut outputs = Vec::with_capacity(inputs.len());
    for input in inputs {
        let stem = input.file_stem().unwrap_or_default().to_owned();
        if let Some(first) = taken.insert(stem.clone(), input) {
            return Err(ZooError::Usage(format!(
                "{} and {} would have the same mask in {}; predict them apart, each with an `--out` of its own",
                first.display(),
                input.display(),
                folder.display()
            )));
        }
        let named = |ending: &str| {
            let mut name = stem.clone();
            name.push(ending);
            folder.join(name)
        };
        outputs.push(Output { mask: named(".mask.png"), overlay: named(".overlay.png") });
    }
    for path in outputs.iter().flat_map(|output| [&output.mask, &output.overlay]) {
        if let Some(input) = inputs.iter().find(|input| is_same(input, path)) {
            return Err(ZooError::Usage(format!(
                "{} would be replaced by a mask or overlay; choose another folder with `--out`",
                input.display()
            )));
        }
    }
    Ok(outputs)
}

fn shares(mask: &[u8], data: &SegmentationData) -> Vec<Share> {
    let counts = data.pixels_by_unit(mask);
    let share = |(class, pixels): (&String, u64)| Share {
        class: class.clone(),
        pixels,
        share: pixels as f64 / mask.len().max(1) as f64,
    };
    data.units().iter().zip(counts).map(share).collect()
}

/// A PNG of an image's size, made a row at a time of the bytes that `row` gives for the places of its pixels.
fn encoded(
    image: &Grey,
    colour: ColorType,
    input: &Path,
    row: impl Fn(Range<usize>) -> Vec<u8>,
) -> Result<Vec<u8>, ZooError> {
    let mut bytes = Vec::new();
    let mut written = || -> Result<(), EncodingError> {
        let mut encoder = Encoder::new(&mut bytes, image.width as u32, image.height as u32);
        encoder.set_color(colour);
        encoder.set_depth(BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        let mut stream = writer.stream_writer()?;
        for start in (0..image.pixels.len()).step_by(image.width.max(1)) {
            stream.write_all(&row(start..start + image.width))?;
        }
        stream.finish()?;
        writer.finish()
    };
    match written() {
        Ok(()) => Ok(bytes),
        Err(source) => Err(SystemError::Mask { input: input.to_owned(), source }.into()),
    }
}
