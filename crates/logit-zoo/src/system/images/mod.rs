//! The class or the labels of an image.

mod task;

use std::ffi::OsString;
use std::path::PathBuf;

use burn::module::ParamId;
use burn::tensor::{Device, Tensor, TensorData};
use logit::Head;
use serde::Serialize;

pub(crate) use self::task::with_images;
use crate::data::labelled::read_square;
use crate::data::table::Schema;
use crate::error::ZooError;
use crate::models::{Graded, PictureNet};
use crate::recipe::{ImagesData, ImagesSetup};
use crate::run::{Calibration, Found, RunDir};
use crate::system::answer::RowAnswer;
use crate::system::explained::Inputs;
use crate::system::{Answers, Batches, Kept, Predictions, Request, System, SystemError, paths, table};
use crate::telemetry::{Input, Subject};

/// What a run says of an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImagePrediction {
    /// The file.
    #[serde(serialize_with = "super::lossy")]
    pub input: PathBuf,
    /// The names of what was predicted: logits, probabilities, decisions.
    pub columns: Vec<String>,
    /// What was predicted, a value per name.
    pub values: Vec<String>,
}

/// A network that tells the class or the labels of images.
pub(crate) struct ImageSystem<A> {
    pub(crate) setup: ImagesSetup,
    pub(crate) schema: Schema,
    /// What settling the schema found in the data.
    pub(crate) found: Vec<Found>,
    pub(crate) answer: A,
}

/// An image, brought to the recipe's square.
pub(crate) struct SquareImage {
    pub(crate) file: PathBuf,
    /// `[C, S, S]`.
    pub(crate) pixels: Vec<u8>,
}

/// Pixels as a network takes them: in [−1, 1].
pub(crate) fn images(pixels: &[u8], data: &ImagesData, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = pixels.iter().map(|pixel| f32::from(*pixel) / 127.5 - 1.0).collect();
    let count = pixels.len() / (data.channels() * data.size * data.size);
    Tensor::from_data(TensorData::new(values, [count, data.channels(), data.size, data.size]), device)
}

impl<A: RowAnswer> System for ImageSystem<A> {
    type Net = PictureNet<Head<A::Kind>>;
    type Asked = SquareImage;
    type Answer = ImagePrediction;

    fn network(&self, device: &Device) -> Result<Self::Net, ZooError> {
        let (model, data) = (&self.setup.model, &self.setup.data);
        if data.size >> model.stages == 0 {
            return Err(SystemError::TooManyStages { size: data.size, stages: model.stages }.into());
        }
        let head = |features| self.answer.head(features);
        Ok(PictureNet::new(data.channels(), model.width, model.stages, model.dropout, head, device)?)
    }

    fn head(&self, net: &Self::Net) -> ParamId {
        net.head().weight.id
    }

    fn subject(&self) -> Subject {
        self.answer.subject()
    }

    fn units(&self) -> Vec<String> {
        self.answer.units()
    }

    fn keep(&self, run: &RunDir) -> Result<(), ZooError> {
        table::keep_schema(run, &self.schema, &self.found)
    }

    /// Each image alone: it is shown to the network as soon as it is read.
    fn read<'a>(&'a self, inputs: &'a [OsString]) -> Result<Batches<'a, Self>, ZooError> {
        let read = |file: PathBuf| {
            let pixels = read_square(&file, &self.setup.data)?;
            Ok(vec![SquareImage { file, pixels }])
        };
        Ok(Box::new(paths(inputs).map(read)))
    }

    fn blank(&self) -> SquareImage {
        let (side, channels) = (self.setup.data.size, self.setup.data.channels());
        SquareImage { file: PathBuf::new(), pixels: vec![0; channels * side * side] }
    }

    fn tensors(&self, batch: &[SquareImage], device: &Device) -> Tensor<4> {
        let pixels: Vec<u8> = batch.iter().flat_map(|image| &image.pixels).copied().collect();
        images(&pixels, &self.setup.data, device)
    }

    fn answer(
        &self,
        asked: &SquareImage,
        logits: &[f32],
        calibration: &Calibration,
    ) -> Result<ImagePrediction, ZooError> {
        let values = self.answer.decide(logits, calibration);
        Ok(ImagePrediction { input: asked.file.clone(), columns: self.answer.columns(), values })
    }

    fn name(&self, asked: &SquareImage) -> String {
        asked.file.display().to_string()
    }

    fn show(&self, asked: &SquareImage) -> Input {
        let (side, channels) = (self.setup.data.size, self.setup.data.channels());
        let area = side * side;
        // From plane after plane to pixel after pixel.
        let pixels: Vec<u8> = (0..area)
            .flat_map(|pixel| (0..channels).map(move |channel| asked.pixels[channel * area + pixel]))
            .collect();
        Input::picture([side, side, channels], &pixels)
    }

    fn inputs(&self) -> Inputs {
        Inputs::pictures(Some([-1.0, 1.0]), [self.setup.data.size; 2], "epsilon-gamma-box")
    }

    fn graded(&self, logits: &[f32]) -> Option<Graded> {
        self.answer.graded(logits)
    }

    fn is_calibrated(&self) -> bool {
        self.answer.is_calibrated()
    }

    fn answers<'a>(&'a self, _: &Request<'a>) -> Result<Box<dyn Answers<Self> + 'a>, ZooError> {
        Ok(Box::new(Kept::new(Predictions::Images)))
    }
}
