//! Where digits come from, and how bytes become a network's input.

use burn::tensor::{Device, Int, Tensor, TensorData};
use logit_run::DataSource;

use super::{DataError, ImageSet, Split, digits, shifted};
use crate::recipe::DataConfig;

/// Reads the digits of a source.
///
/// # Errors
/// The folder lacks a file, or a file is damaged.
pub fn load(source: &DataSource) -> Result<Split, DataError> {
    match source {
        DataSource::Embedded => digits::embedded(),
        DataSource::Folder(folder) | DataSource::File(folder) => digits::from_dir(folder),
    }
}

/// A batch as a network takes it.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `[N, 1, H, W]`: pixels in [0, 1], less the mean, over the deviation.
    pub images: Tensor<4>,
    /// `[N]`: the class of each image.
    pub targets: Tensor<1, Int>,
}

impl Batch {
    /// The images of a set, in their order.
    pub fn of(set: &ImageSet, config: &DataConfig, device: &Device) -> Self {
        Self::from_pixels(set, set.pixels(), config, device)
    }

    /// The images of a set for training, moved as the recipe says.
    pub fn augmented(set: &ImageSet, config: &DataConfig, seed: u64, device: &Device) -> Self {
        Self::from_pixels(set, &shifted(set, config.shift, seed), config, device)
    }

    fn from_pixels(set: &ImageSet, pixels: &[u8], config: &DataConfig, device: &Device) -> Self {
        let targets: Vec<i64> = set.labels().iter().map(|label| i64::from(*label)).collect();
        let images = images(pixels, [set.height(), set.width()], config, device);
        Self { images, targets: Tensor::from_data(TensorData::from(targets.as_slice()), device) }
    }
}

/// Grey images `[N, 1, H, W]`, scaled as the recipe says.
pub fn images(pixels: &[u8], [height, width]: [usize; 2], config: &DataConfig, device: &Device) -> Tensor<4> {
    let scaled: Vec<f32> = (0..=u8::MAX)
        .map(|byte| ((f64::from(byte) / 255.0 - config.mean) / config.deviation) as f32)
        .collect();
    let values: Vec<f32> = pixels.iter().map(|pixel| scaled[usize::from(*pixel)]).collect();
    let count = pixels.len() / (height * width).max(1);
    Tensor::from_data(TensorData::new(values, [count, 1, height, width]), device)
}
