//! Convolutions, and what is computed with them in one pass.

use burn::nn;
use burn::tensor::Tensor;

use super::Step;
use super::layers::{Rectified, Rectifies, batch_norm_described, rectifies, with_bias};
use crate::graph::{Described, Padding, StepKind};
use crate::ops;

/// A 2-d convolution: [`ops::conv2d`]. Of two maps it convolves what they are joined along their channels, without joining
/// them in memory.
///
/// # Shapes
/// `[N, C_in, H, W]` → `[N, C_out, H', W']`; of two maps `C_in` is the sum of their channels.
///
/// # Panics
/// When it runs, as the layer's own `forward`: the input has another number of channels than the layer takes.
pub fn conv2d(layer: &nn::conv::Conv2d) -> Conv2d<'_> {
    Conv2d { layer }
}

/// A step made by [`conv2d`].
#[derive(Clone, Copy, Debug)]
pub struct Conv2d<'a> {
    layer: &'a nn::conv::Conv2d,
}

impl<'a> Conv2d<'a> {
    /// The convolution followed by batch norm. With [`relu`](NormedConv2d::relu), the three are one convolution outside of
    /// training.
    ///
    /// # Panics
    /// When it runs: batch norm has another number of features than the convolution has output channels.
    pub fn norm(self, norm: &'a nn::BatchNorm) -> NormedConv2d<'a> {
        NormedConv2d { conv: self.layer, norm }
    }
}

/// A step made by [`Conv2d::norm`].
#[derive(Clone, Copy, Debug)]
pub struct NormedConv2d<'a> {
    conv: &'a nn::conv::Conv2d,
    norm: &'a nn::BatchNorm,
}

rectifies!(Conv2d, NormedConv2d);

fn described(layer: &nn::conv::Conv2d) -> Described {
    let kind = StepKind::Conv2d {
        kernel: layer.kernel_size,
        stride: layer.stride,
        padding: Padding::of(&layer.padding),
        dilation: layer.dilation,
        groups: layer.groups,
    };
    Described { kind, parameters: with_bias(&layer.weight, layer.bias.as_ref()) }
}

/// The joining of two maps along their channels.
fn joining() -> Described {
    StepKind::Concat { axis: 1 }.into()
}

impl Step<Tensor<4>> for Conv2d<'_> {
    type Output = Tensor<4>;

    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        ops::conv2d(self.layer, map)
    }

    fn describe(&self) -> Vec<Described> {
        vec![described(self.layer)]
    }
}

impl Step<[Tensor<4>; 2]> for Conv2d<'_> {
    type Output = Tensor<4>;

    fn forward(&self, maps: [Tensor<4>; 2]) -> Tensor<4> {
        ops::conv2d_joined(self.layer, maps)
    }

    fn describe(&self) -> Vec<Described> {
        vec![joining(), described(self.layer)]
    }
}

impl Rectifies<Tensor<4>> for Conv2d<'_> {
    fn forward_relu(&self, map: Tensor<4>) -> Tensor<4> {
        ops::conv2d_relu(self.layer, map)
    }
}

impl Step<Tensor<4>> for NormedConv2d<'_> {
    type Output = Tensor<4>;

    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        ops::batch_norm(self.norm, ops::conv2d(self.conv, map))
    }

    fn describe(&self) -> Vec<Described> {
        vec![described(self.conv), batch_norm_described(self.norm)]
    }
}

impl Step<[Tensor<4>; 2]> for NormedConv2d<'_> {
    type Output = Tensor<4>;

    fn forward(&self, maps: [Tensor<4>; 2]) -> Tensor<4> {
        ops::batch_norm(self.norm, ops::conv2d_joined(self.conv, maps))
    }

    fn describe(&self) -> Vec<Described> {
        vec![joining(), described(self.conv), batch_norm_described(self.norm)]
    }
}

impl Rectifies<Tensor<4>> for NormedConv2d<'_> {
    fn forward_relu(&self, map: Tensor<4>) -> Tensor<4> {
        ops::conv2d_norm_relu(self.conv, self.norm, map)
    }
}

impl Rectifies<[Tensor<4>; 2]> for NormedConv2d<'_> {
    fn forward_relu(&self, maps: [Tensor<4>; 2]) -> Tensor<4> {
        ops::conv2d_joined_norm_relu(self.conv, self.norm, maps)
    }
}

/// A transposed 2-d convolution: [`ops::conv_transpose2d`].
///
/// # Shapes
/// `[N, C_in, H, W]` → `[N, C_out, H', W']`
///
/// # Panics
/// When it runs, as the layer's own `forward`: the input has another number of channels than the layer takes.
pub fn conv_transpose2d(layer: &nn::conv::ConvTranspose2d) -> ConvTranspose2d<'_> {
    ConvTranspose2d { layer }
}

/// A step made by [`conv_transpose2d`].
#[derive(Clone, Copy, Debug)]
pub struct ConvTranspose2d<'a> {
    layer: &'a nn::conv::ConvTranspose2d,
}

impl Step<Tensor<4>> for ConvTranspose2d<'_> {
    type Output = Tensor<4>;

    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        ops::conv_transpose2d(self.layer, map)
    }

    fn describe(&self) -> Vec<Described> {
        let layer = self.layer;
        let kind = StepKind::ConvTranspose2d {
            kernel: layer.kernel_size,
            stride: layer.stride,
            padding: layer.padding,
            output_padding: layer.padding_out,
            dilation: layer.dilation,
            groups: layer.groups,
        };
        vec![Described { kind, parameters: with_bias(&layer.weight, layer.bias.as_ref()) }]
    }
}
