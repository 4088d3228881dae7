//! Bytes as a network takes them: rows of the data become tensors here and in the tasks, nowhere else.

use burn::tensor::{Device, Int, Tensor, TensorData};
use logit_run::DataSource;

use crate::data::digits::{self, DataConfig};
use crate::data::pairs::DIGIT;
use crate::data::{DataError, ImageSet, Split, shifted};

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
pub fn images(pixels: &[u8], size: [usize; 2], config: &DataConfig, device: &Device) -> Tensor<4> {
    grey(pixels, size, |byte| (byte / 255.0 - config.mean) / config.deviation, device)
}

/// Pictures of pairs as a network takes them, `[N, 1, 28, 56]`, from `low` for black to `high` for white.
pub fn coded(pictures: &[u8], [low, high]: [f64; 2], device: &Device) -> Tensor<4> {
    let [height, width] = DIGIT;
    grey(pictures, [height, 2 * width], |byte| low + (high - low) * byte / 255.0, device)
}

/// Grey images `[N, 1, H, W]`, with the number that stands for each byte.
fn grey(
    pixels: &[u8],
    [height, width]: [usize; 2],
    number: impl Fn(f64) -> f64,
    device: &Device,
) -> Tensor<4> {
    let numbers: Vec<f32> = (0..=u8::MAX).map(|byte| number(f64::from(byte)) as f32).collect();
    let values: Vec<f32> = pixels.iter().map(|pixel| numbers[usize::from(*pixel)]).collect();
    let count = pixels.len() / (height * width).max(1);
    Tensor::from_data(TensorData::new(values, [count, 1, height, width]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_is_low_and_white_is_high() {
        let mut picture = vec![0; 28 * 56];
        (picture[1], picture[2]) = (255, 51);
        let tensor = coded(&picture, [-0.5, 1.5], &Device::flex());
        assert_eq!(tensor.dims(), [1, 1, 28, 56]);
        assert_eq!(tensor.try_into_vec_as::<f32>().unwrap()[..4], [-0.5, 1.5, -0.1, -0.5]);
    }
}
