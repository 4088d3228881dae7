//! A mask and an overlay for each of some images.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use png::{BitDepth, ColorType, Encoder, EncodingError};
use serde::Serialize;

use crate::data::segmentation::Grey;
use crate::error::ZooError;
use crate::recipe::{PixelAnswer, RecipeError, SegmentationData, SegmentationSetup};
use crate::run::{Checkpoint, RunDir, RunError, TrainedRun as _, replace};
use crate::task::segmentation::{Answer, AnyLabels, OneClass, Reader, decide, palette, tinted};

/// The folder of a run that masks are written to unless told otherwise.
const FOLDER: &str = "predictions";

/// What a run says of one image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
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

/// Decides on every pixel of some images, and writes `NAME.mask.png` and `NAME.overlay.png` for each to `out`, or to the
/// run's folder `predictions`. All images are read once before anything is written, so that one that cannot be read
/// leaves nothing behind.
///
/// # Errors
/// An image cannot be read, two of them would have one mask, or a mask would replace one of them; the folder cannot be
/// written; the run has no checkpoint yet, or its logits are not finite.
pub(super) fn run(
    run: &RunDir,
    setup: &SegmentationSetup,
    inputs: &[PathBuf],
    out: Option<&Path>,
) -> Result<Vec<Prediction>, ZooError> {
    let folder = out.map_or_else(|| run.path().join(FOLDER), Path::to_owned);
    let outputs = outputs(inputs, &folder)?;
    for input in inputs {
        Grey::read(input)?;
    }
    setup.data.check().map_err(RecipeError::from)?;
    let units = setup.data.units().len();
    match setup.data.answer {
        PixelAnswer::Classes => {
            predict(run, setup, &OneClass::new(units, &setup.loss, None), inputs, &folder, outputs)
        }
        PixelAnswer::Labels => {
            predict(run, setup, &AnyLabels::new(units, &setup.loss, None), inputs, &folder, outputs)
        }
    }
}

/// The files that are written for an image.
struct Output {
    mask: PathBuf,
    overlay: PathBuf,
}

fn outputs(inputs: &[PathBuf], folder: &Path) -> Result<Vec<Output>, ZooError> {
    let mut taken: BTreeMap<OsString, &Path> = BTreeMap::new();
    // A folder that is not there yet holds no input.
    let whole = folder.canonicalize().ok();
    let mut outputs = Vec::with_capacity(inputs.len());
    for input in inputs {
        let stem = input.file_stem().unwrap_or_default().to_owned();
        if let Some(first) = taken.insert(stem.clone(), input) {
            return Err(ZooError::Usage {
                what: format!(
                    "{} and {} would have the same mask in {}; predict them apart, each with an `--out` of its own",
                    first.display(),
                    input.display(),
                    folder.display()
                ),
            });
        }
        let named = |ending: &str| {
            let mut name = stem.clone();
            name.push(ending);
            folder.join(name)
        };
        outputs.push(Output { mask: named(".mask.png"), overlay: named(".overlay.png") });
    }
    let Some(whole) = whole else { return Ok(outputs) };
    let read: Vec<(PathBuf, &PathBuf)> =
        inputs.iter().filter_map(|input| Some((input.canonicalize().ok()?, input))).collect();
    for path in outputs.iter().flat_map(|output| [&output.mask, &output.overlay]) {
        let written = whole.join(path.file_name().unwrap_or_default());
        let written = written.canonicalize().unwrap_or(written);
        if let Some((_, input)) = read.iter().find(|(read, _)| *read == written) {
            return Err(ZooError::Usage {
                what: format!(
                    "{} would be replaced by a mask or overlay; choose another folder by `--out`",
                    input.display()
                ),
            });
        }
    }
    Ok(outputs)
}

fn predict<A: Answer>(
    run: &RunDir,
    setup: &SegmentationSetup,
    answer: &A,
    inputs: &[PathBuf],
    folder: &Path,
    outputs: Vec<Output>,
) -> Result<Vec<Prediction>, ZooError> {
    let (device, config, path) = (Device::flex(), setup.model.unet(), run.best_path());
    let calibration = run.calibration()?;
    let net = Checkpoint::load(&path)?.apply(config.init(answer.kind(), &device)?, &path)?;
    let reader = Reader {
        net: &net,
        config: &config,
        data: &setup.data,
        device: &device,
        symmetries: setup.data.symmetries,
    };
    std::fs::create_dir_all(folder).map_err(|source| RunError::io("make the folder", folder, source))?;
    let mut predictions = Vec::with_capacity(inputs.len());
    for (input, Output { mask: mask_path, overlay }) in inputs.iter().zip(outputs) {
        let image = Grey::read(input)?;
        let mask = decide(&reader, answer, &calibration, input, &image)?;
        replace(&mask_path, &encoded(&image, ColorType::Grayscale, input, |row| mask[row].to_vec())?)?;
        let palette = palette(setup.data.answer);
        let coloured = |row: Range<usize>| {
            row.flat_map(|at| tinted(image.pixels[at], palette[usize::from(mask[at])])).collect()
        };
        replace(&overlay, &encoded(&image, ColorType::Rgb, input, coloured)?)?;
        predictions.push(Prediction {
            input: input.clone(),
            width: image.width,
            height: image.height,
            shares: shares(&mask, &setup.data),
            mask: mask_path,
            overlay,
        });
    }
    Ok(predictions)
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
        Err(error) => Err(ZooError::Unfit { what: format!("the mask of {}: {error}", input.display()) }),
    }
}
