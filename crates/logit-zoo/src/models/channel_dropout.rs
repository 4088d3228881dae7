//! Dropout of whole channels.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::Tensor;
use logit::graph::{Described, StepKind};
use logit::ops;
use logit::steps::Step;

/// Leaves out whole channels of a map while training, and scales the others by `1 / (1 − p)`: PyTorch's `Dropout2d`
/// (Tompson et al. 2015, <https://arxiv.org/abs/1411.4280>). Neighbouring pixels tell nearly the same, so that dropping
/// them one by one would drop little.
#[derive(Module, Debug)]
pub struct ChannelDropout {
    channels: Dropout,
}

impl ChannelDropout {
    /// Leaves out each channel with probability `prob`, in [0, 1).
    pub fn new(prob: f64) -> Self {
        Self { channels: DropoutConfig::new(prob).init() }
    }
}

impl Step<Tensor<4>> for ChannelDropout {
    type Output = Tensor<4>;

    /// Applies it to a map `[N, C, H, W]`; outside of training it does nothing.
    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        if !map.device().is_autodiff() || self.channels.prob == 0.0 {
            return map;
        }
        let [batch, channels, ..] = map.dims();
        let kept = self.channels.forward(Tensor::<2>::ones([batch, channels], &map.device()));
        ops::scale_channels(map, kept)
    }

    fn describe(&self) -> Vec<Described> {
        vec![StepKind::ChannelDropout { probability: self.channels.prob }.into()]
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "ones that are kept or doubled are exact")]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_channel_is_kept_whole_or_left_out_whole() {
        let device = Device::flex().autodiff();
        device.seed(1);
        let map = Tensor::<4>::ones([8, 16, 3, 3], &device);
        let out = ChannelDropout::new(0.5).forward(map).try_into_vec_as::<f32>().unwrap();
        let channels: Vec<&[f32]> = out.chunks(9).collect();
        assert!(channels.iter().all(|channel| channel.iter().all(|value| *value == channel[0])));
        let kept = channels.iter().filter(|channel| channel[0] == 2.0).count();
        let left_out = channels.iter().filter(|channel| channel[0] == 0.0).count();
        assert_eq!(kept + left_out, 128);
        assert!((40..88).contains(&kept), "{kept}");
    }

    #[test]
    fn outside_of_training_nothing_happens() {
        let map = Tensor::<4>::ones([2, 4, 2, 2], &Device::flex());
        let out = ChannelDropout::new(0.5).forward(map).try_into_vec_as::<f32>().unwrap();
        assert!(out.iter().all(|value| *value == 1.0));
    }
}
