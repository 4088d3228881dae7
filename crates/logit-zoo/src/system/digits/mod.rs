//! Handwritten digits: Q3 and Q4.

mod task;

use std::ffi::OsString;
use std::path::PathBuf;

use burn::module::ParamId;
use burn::tensor::{Device, Tensor};
use logit::HeadError;
use logit_kernels::row::{argmax, softmax};
use logit_spec::{Answer, Loss};
use serde::Serialize;

pub use self::task::judge;
pub(crate) use self::task::with_digits;
use crate::batch::images;
use crate::data::{Picture, digits};
use crate::error::ZooError;
use crate::models::{
    Classifier, ConvNet, ConvNetConfig, Mlp, MlpConfig, SoftmaxClassifier, SoftmaxClassifierConfig,
};
use crate::recipe::{DataConfig, DigitsSetup};
use crate::run::Calibration;
use crate::system::explained::{Inputs, ink};
use crate::system::{Answers, Batches, Kept, Predictions, Request, System, SystemError, paths};
use crate::telemetry::{Input, Subject};

/// Height and width of a digit's picture.
const SIZE: [usize; 2] = [28, 28];

/// Pictures that the network is shown at a time.
const BATCH: usize = 512;

/// What a run says of one image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DigitPrediction {
    /// The file.
    #[serde(serialize_with = "super::lossy")]
    pub input: PathBuf,
    /// The raw output, a number per class.
    pub logits: Vec<f64>,
    /// Their softmax, in f64.
    pub probabilities: Vec<f64>,
    /// The class with the largest logit.
    pub decision: usize,
    /// Whether the picture was turned from dark on bright to bright on dark, as the training digits are.
    pub inverted: bool,
    /// Its size (width, height) before it was fitted to 28×28; absent if it had that size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resized_from: Option<(u32, u32)>,
}

/// A network's configuration.
pub(crate) trait Build: Sync + 'static {
    type Net: Classifier;

    /// Whether the network takes images of a size.
    fn fits(&self, _size: [usize; 2]) -> Result<(), SystemError> {
        Ok(())
    }

    /// The network for images of a size.
    fn build(&self, size: [usize; 2], classes: usize, device: &Device) -> Result<Self::Net, HeadError>;
}

impl Build for ConvNetConfig {
    type Net = ConvNet;

    fn fits(&self, size: [usize; 2]) -> Result<(), SystemError> {
        let [height, width] = size;
        if size == SIZE { Ok(()) } else { Err(SystemError::ConvNetSize { height, width }) }
    }

    fn build(&self, _size: [usize; 2], classes: usize, device: &Device) -> Result<ConvNet, HeadError> {
        self.init(classes, device)
    }
}

impl Build for SoftmaxClassifierConfig {
    type Net = SoftmaxClassifier;

    fn build(
        &self,
        [height, width]: [usize; 2],
        classes: usize,
        device: &Device,
    ) -> Result<Self::Net, HeadError> {
        self.init(height * width, classes, device)
    }
}

impl Build for MlpConfig {
    type Net = Mlp;

    fn build(&self, [height, width]: [usize; 2], classes: usize, device: &Device) -> Result<Mlp, HeadError> {
        self.init(height * width, classes, device)
    }
}

/// A network that reads digits.
pub(crate) struct DigitSystem<B> {
    pub(crate) config: B,
    pub(crate) setup: DigitsSetup,
    /// Height and width of the images.
    pub(crate) size: [usize; 2],
    pub(crate) classes: usize,
}

impl<B> DigitSystem<B> {
    /// For pictures of the ten digits.
    pub(crate) fn new(config: B, setup: DigitsSetup) -> Self {
        Self { config, setup, size: SIZE, classes: digits::CLASSES }
    }
}

/// A picture of a digit, as the network is to see it.
pub(crate) struct DigitPicture {
    pub(crate) file: PathBuf,
    pub(crate) pixels: Vec<u8>,
    pub(crate) inverted: bool,
    pub(crate) resized_from: Option<(u32, u32)>,
}

impl DigitPicture {
    /// A black picture.
    pub(crate) fn blank([height, width]: [usize; 2]) -> Self {
        Self { file: PathBuf::new(), pixels: vec![0; height * width], inverted: false, resized_from: None }
    }

    /// Reads a picture and makes it look like the training digits.
    pub(crate) fn read(file: PathBuf) -> Result<Self, ZooError> {
        let picture = Picture::read(&file)?.fit_digit()?;
        let (inverted, resized_from) = (picture.inverted(), picture.resized_from());
        Ok(Self { file, pixels: picture.pixels().to_vec(), inverted, resized_from })
    }
}

impl<B: Build> System for DigitSystem<B> {
    type Net = B::Net;
    type Asked = DigitPicture;
    type Answer = DigitPrediction;

    fn network(&self, device: &Device) -> Result<B::Net, ZooError> {
        Ok(self.config.build(self.size, self.classes, device)?)
    }

    fn head(&self, net: &B::Net) -> ParamId {
        net.head().weight.id
    }

    fn subject(&self) -> Subject {
        Subject { answer: Answer::Classes, units: self.classes, loss: Loss::CrossEntropy }
    }

    fn units(&self) -> Vec<String> {
        (0..self.classes).map(|class| class.to_string()).collect()
    }

    fn read<'a>(&'a self, inputs: &'a [OsString]) -> Result<Batches<'a, Self>, ZooError> {
        let batches = inputs.chunks(BATCH);
        Ok(Box::new(batches.map(|batch| paths(batch).map(DigitPicture::read).collect())))
    }

    fn blank(&self) -> DigitPicture {
        DigitPicture::blank(self.size)
    }

    fn tensors(&self, batch: &[DigitPicture], device: &Device) -> Tensor<4> {
        let pixels: Vec<u8> = batch.iter().flat_map(|picture| &picture.pixels).copied().collect();
        images(&pixels, self.size, &self.setup.data, device)
    }

    fn answer(
        &self,
        asked: &DigitPicture,
        logits: &[f32],
        _: &Calibration,
    ) -> Result<DigitPrediction, ZooError> {
        Ok(DigitPrediction {
            input: asked.file.clone(),
            logits: logits.iter().map(|logit| f64::from(*logit)).collect(),
            probabilities: softmax(logits, 1.0),
            decision: argmax(logits),
            inverted: asked.inverted,
            resized_from: asked.resized_from,
        })
    }

    fn name(&self, asked: &DigitPicture) -> String {
        asked.file.display().to_string()
    }

    fn show(&self, asked: &DigitPicture) -> Input {
        let [height, width] = self.size;
        Input::picture([width, height, 1], &asked.pixels)
    }

    fn inputs(&self) -> Inputs {
        let DataConfig { mean, deviation, .. } = &self.setup.data;
        let bounds = [0.0, 1.0].map(|pixel| (pixel - mean) / deviation);
        Inputs::pictures(Some(bounds), self.size, "epsilon-gamma-box")
    }

    fn ink(&self, asked: &DigitPicture) -> Option<Vec<bool>> {
        Some(ink(&asked.pixels))
    }

    fn answers<'a>(&'a self, _: &Request<'a>) -> Result<Box<dyn Answers<Self> + 'a>, ZooError> {
        Ok(Box::new(Kept::new(Predictions::Digits)))
    }
}
