//! Pairs of digits: Q2.

mod task;

use std::ffi::OsString;
use std::path::PathBuf;

use burn::module::ParamId;
use burn::tensor::{Device, Tensor};
use logit_spec::{Answer, Loss};
use serde::Serialize;

pub(crate) use self::task::with_pairs;
use crate::batch::coded;
use crate::data::side_by_side;
use crate::error::ZooError;
use crate::models::DetectionPooling;
use crate::recipe::PairsSetup;
use crate::run::Calibration;
use crate::system::digits::DigitPicture;
use crate::system::explained::{Inputs, ink};
use crate::system::{Answers, Batches, Kept, Predictions, Request, System};
use crate::telemetry::{Input, Subject};

/// Height and width of a pair's picture.
pub(crate) const SIZE: [usize; 2] = [28, 56];

/// The value from which on a pair is decided to hold a digit of 0 to 3.
pub(crate) const THRESHOLD: f32 = 50.0;

/// Pairs that the network is shown at a time.
pub(crate) const BATCH: usize = 512;

/// Whether a value says that a digit of 0 to 3 is there.
pub(crate) fn decision(value: f32) -> bool {
    value >= THRESHOLD
}

/// What a run says of one pair.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairPrediction {
    /// The picture on the left.
    pub left: Half,
    /// The picture on the right.
    pub right: Half,
    /// The network's output: about 100 where one of the digits is 0 to 3, about 0 where none is.
    pub value: f64,
    /// Whether the value is at least 50: a digit of 0 to 3 is there.
    pub decision: bool,
}

/// One of a pair's pictures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Half {
    /// The file.
    #[serde(serialize_with = "super::lossy")]
    pub input: PathBuf,
    /// Whether the picture was turned from dark on bright to bright on dark, as the training digits are.
    pub inverted: bool,
    /// Its size (width, height) before it was fitted to 28×28; absent if it had that size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resized_from: Option<(u32, u32)>,
}

impl From<&DigitPicture> for Half {
    fn from(picture: &DigitPicture) -> Self {
        let DigitPicture { file, inverted, resized_from, .. } = picture;
        Self { input: file.clone(), inverted: *inverted, resized_from: *resized_from }
    }
}

/// A network that judges pairs of digits.
pub(crate) struct PairSystem {
    pub(crate) setup: PairsSetup,
}

impl PairSystem {
    /// What black and white pixels are coded as.
    pub(crate) fn code(&self) -> [f64; 2] {
        [self.setup.data.low, self.setup.data.high]
    }
}

impl System for PairSystem {
    type Net = DetectionPooling;
    type Asked = [DigitPicture; 2];
    type Answer = PairPrediction;

    fn network(&self, device: &Device) -> Result<DetectionPooling, ZooError> {
        Ok(self.setup.model.init(SIZE[0] * SIZE[1], device))
    }

    /// The network ends in a sum, without weights: those of the last detection units stand for it.
    fn head(&self, net: &DetectionPooling) -> ParamId {
        let [_, last] = net.stages();
        last.detection.weight.id
    }

    fn subject(&self) -> Subject {
        Subject { answer: Answer::Values, units: 1, loss: Loss::Squared }
    }

    fn units(&self) -> Vec<String> {
        vec!["a digit of 0 to 3".to_owned()]
    }

    fn read<'a>(&'a self, inputs: &'a [OsString]) -> Result<Batches<'a, Self>, ZooError> {
        let (pairs, []) = inputs.as_chunks::<2>() else {
            return Err(ZooError::Usage(format!(
                "this run judges pairs: give two pictures for each, the left and then the right digit, not {} in all",
                inputs.len()
            )));
        };
        let read = |[left, right]: &[OsString; 2]| {
            Ok([DigitPicture::read(left.into())?, DigitPicture::read(right.into())?])
        };
        Ok(Box::new(pairs.chunks(BATCH).map(move |batch| batch.iter().map(read).collect())))
    }

    fn blank(&self) -> [DigitPicture; 2] {
        let [height, width] = SIZE;
        [0, 1].map(|_| DigitPicture::blank([height, width / 2]))
    }

    fn tensors(&self, batch: &[[DigitPicture; 2]], device: &Device) -> Tensor<4> {
        let digits: Vec<u8> = batch.iter().flatten().flat_map(|digit| &digit.pixels).copied().collect();
        coded(&side_by_side(&digits), self.code(), device)
    }

    fn answer(
        &self,
        [left, right]: &[DigitPicture; 2],
        logits: &[f32],
        _: &Calibration,
    ) -> Result<PairPrediction, ZooError> {
        let value = logits[0];
        Ok(PairPrediction {
            left: left.into(),
            right: right.into(),
            value: f64::from(value),
            decision: decision(value),
        })
    }

    fn name(&self, [left, right]: &[DigitPicture; 2]) -> String {
        format!("{}, {}", left.file.display(), right.file.display())
    }

    fn show(&self, [left, right]: &[DigitPicture; 2]) -> Input {
        let [height, width] = SIZE;
        let digits = [&left.pixels[..], &right.pixels[..]].concat();
        Input::picture([width, height, 1], &side_by_side(&digits))
    }

    fn inputs(&self) -> Inputs {
        Inputs::pictures(Some(self.code()), SIZE, "deep-taylor")
    }

    fn ink(&self, [left, right]: &[DigitPicture; 2]) -> Option<Vec<bool>> {
        Some(ink(&side_by_side(&[&left.pixels[..], &right.pixels[..]].concat())))
    }

    fn answers<'a>(&'a self, _: &Request<'a>) -> Result<Box<dyn Answers<Self> + 'a>, ZooError> {
        Ok(Box::new(Kept::new(Predictions::Pairs)))
    }
}
