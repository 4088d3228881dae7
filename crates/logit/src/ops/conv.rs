//! Convolutions.

use burn::module::Param;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, ConvTranspose2d};
use burn::tensor::{Tensor, activation::relu};
use logit_kernels::buffer;
use logit_kernels::conv::{self, ConvTransposed2d, Part, PartMut};

use super::array::Array;
use super::operation::{Input, Operation, fits_with, run};

/// A 2-d convolution: `layer.forward(input)`.
///
/// # Shapes
/// `[N, C_in, H, W]` → `[N, C_out, H', W']`
///
/// # Panics
/// As the layer's own `forward`: the input has another number of channels than the layer takes.
///
/// # Examples
/// ```
/// use burn::nn::conv::Conv2dConfig;
/// use burn::tensor::{Device, Distribution, Tensor};
/// use logit::ops;
///
/// let device = Device::flex();
/// let layer = Conv2dConfig::new([1, 4], [3, 3]).init(&device);
/// let images = Tensor::<4>::random([2, 1, 9, 9], Distribution::Default, &device);
/// let ours = ops::conv2d(&layer, images.clone());
/// let difference = (ours - layer.forward(images)).abs().max().into_scalar::<f32>();
/// assert!(difference < 1e-5);
/// ```
pub fn conv2d(layer: &Conv2d, input: Tensor<4>) -> Tensor<4> {
    convolution(layer, Maps::One(input), false)
}

/// A 2-d convolution and the rectifier, `relu(layer.forward(input))`, in one pass.
///
/// # Panics
/// As [`conv2d`].
pub fn conv2d_relu(layer: &Conv2d, input: Tensor<4>) -> Tensor<4> {
    convolution(layer, Maps::One(input), true)
}

/// A 2-d convolution over two maps joined along their channels, without joining them in memory:
/// `layer.forward(Tensor::cat(vec![first, second], 1))`.
///
/// # Panics
/// As [`conv2d`], and where the maps differ in batch, height or width.
pub fn conv2d_joined(layer: &Conv2d, maps: [Tensor<4>; 2]) -> Tensor<4> {
    convolution(layer, Maps::Two(maps), false)
}

/// A transposed 2-d convolution: `layer.forward(input)`.
///
/// # Shapes
/// `[N, C_in, H, W]` → `[N, C_out, H', W']`
///
/// # Panics
/// As the layer's own `forward`: the input has another number of channels than the layer takes.
pub fn conv_transpose2d(layer: &ConvTranspose2d, input: Tensor<4>) -> Tensor<4> {
    if !fits_with(&input, &layer.weight.val()) {
        return layer.forward(input);
    }
    let [batch, in_channels, height, width] = input.dims();
    let geometry = ConvTransposed2d {
        batch,
        in_channels,
        out_channels: layer.channels[1],
        input: [height, width],
        kernel: layer.kernel_size,
        stride: layer.stride,
        padding: layer.padding,
        output_padding: layer.padding_out,
        dilation: layer.dilation,
        groups: layer.groups,
    };
    match geometry.check() {
        Ok(()) => {
            let weight = layer.weight.val();
            let bias = bias_or_zeros(layer.bias.as_ref(), layer.channels[1], &input);
            run(Transposed(geometry), [Input::new(input), Input::new(weight), Input::new(bias)])
        }
        Err(_) => layer.forward(input),
    }
}

/// One map, or two to be joined along their channels.
#[expect(clippy::large_enum_variant, reason = "made and taken apart within a call")]
pub(crate) enum Maps {
    One(Tensor<4>),
    Two([Tensor<4>; 2]),
}

impl Maps {
    pub(crate) fn first(&self) -> &Tensor<4> {
        match self {
            Self::One(map) | Self::Two([map, _]) => map,
        }
    }

    fn joined(self) -> Tensor<4> {
        match self {
            Self::One(map) => map,
            Self::Two(maps) => Tensor::cat(maps.to_vec(), 1),
        }
    }
}

/// The convolution of a layer over maps, by our kernels where they know it.
pub(crate) fn convolution(layer: &Conv2d, maps: Maps, then_relu: bool) -> Tensor<4> {
    // Parameters are drawn when they are first asked for: in the order in which the layer itself asks.
    let weight = layer.weight.val();
    let bias = bias_or_zeros(layer.bias.as_ref(), weight.dims()[0], maps.first());
    match maps {
        Maps::One(map) if let Some(operation) = Convolution::new(layer, [&map], then_relu) => {
            run(operation, [Input::new(map), Input::new(weight), Input::new(bias)])
        }
        Maps::Two([first, second])
            if let Some(operation) = Convolution::new(layer, [&first, &second], then_relu) =>
        {
            run(operation, [Input::new(first), Input::new(second), Input::new(weight), Input::new(bias)])
        }
        maps if then_relu => relu(layer.forward(maps.joined())),
        maps => layer.forward(maps.joined()),
    }
}

/// A 1×1 convolution by a weight `[C_out, C_in]`, on tensors that our operations fit.
pub(crate) fn pointwise(map: Tensor<4>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<4> {
    let [batch, in_channels, height, width] = map.dims();
    let [out_channels, _] = weight.dims();
    let geometry = conv::Conv2d {
        batch,
        in_channels,
        out_channels,
        input: [height, width],
        kernel: [1, 1],
        stride: [1, 1],
        padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
    };
    let operation = Convolution { geometry, channels: [in_channels], relu: false };
    let weight = weight.reshape([out_channels, in_channels, 1, 1]);
    run(operation, [Input::new(map), Input::new(weight), Input::new(bias)])
}

impl<const PARTS: usize> Convolution<PARTS> {
    /// The convolution of a layer over maps; `None` where the kernels do not know it.
    fn new(layer: &Conv2d, maps: [&Tensor<4>; PARTS], relu: bool) -> Option<Self> {
        let [batch, _, height, width] = maps[0].dims();
        let joinable = |map: &&Tensor<4>| {
            let [other_batch, _, other_height, other_width] = map.dims();
            let alike = [other_batch, other_height, other_width] == [batch, height, width];
            alike && fits_with(map, &layer.weight.val())
        };
        let [out_channels, group_channels, ..] = layer.weight.dims();
        let channels = maps.map(|map| map.dims()[1]);
        let in_channels = channels.iter().sum();
        if !maps.iter().all(joinable) || group_channels * layer.groups != in_channels {
            return None;
        }
        let geometry = conv::Conv2d {
            batch,
            in_channels,
            out_channels,
            input: [height, width],
            kernel: layer.kernel_size,
            stride: layer.stride,
            padding: padding(layer)?,
            dilation: layer.dilation,
            groups: layer.groups,
        };
        geometry.check().ok()?;
        Some(Self { geometry, channels, relu })
    }
}

/// The padding of each axis where it is the same on both sides, whatever the size of the input.
fn padding(layer: &Conv2d) -> Option<[usize; 2]> {
    let [height, width] = layer.kernel_size;
    match layer.padding {
        PaddingConfig2d::Valid => Some([0, 0]),
        PaddingConfig2d::Explicit(top, left, bottom, right) => {
            (top == bottom && left == right).then_some([top, left])
        }
        PaddingConfig2d::Same => {
            let even =
                layer.stride == [1, 1] && layer.dilation == [1, 1] && height % 2 == 1 && width % 2 == 1;
            even.then_some([height / 2, width / 2])
        }
    }
}

fn bias_or_zeros(bias: Option<&Param<Tensor<1>>>, channels: usize, like: &Tensor<4>) -> Tensor<1> {
    bias.map_or_else(|| Tensor::zeros([channels], (&like.device(), like.dtype())), Param::val)
}

/// A convolution over `PARTS` maps joined along their channels; its inputs are the maps, the weight and the bias.
#[derive(Clone, Debug)]
struct Convolution<const PARTS: usize> {
    geometry: conv::Conv2d,
    channels: [usize; PARTS],
    relu: bool,
}

/// What the gradients of a convolution are computed from.
#[derive(Clone, Debug)]
struct Saved<const PARTS: usize> {
    maps: [Array; PARTS],
    weight: Array,
    /// The output, where it went through the rectifier.
    activated: Option<Array>,
}

impl<const PARTS: usize> Convolution<PARTS> {
    fn output(&self, maps: &[Array; PARTS], weight: &Array, bias: &Array) -> Array {
        let geometry = &self.geometry;
        let [height, width] = geometry.output();
        let dims = [geometry.batch, geometry.out_channels, height, width];
        let mut output = buffer::take(dims.iter().product());
        let parts = self.parts(maps);
        conv::forward(geometry, &parts, weight.numbers(), Some(bias.numbers()), self.relu, &mut output);
        Array::new(output, &dims)
    }

    fn parts<'a>(&self, maps: &'a [Array; PARTS]) -> [Part<'a>; PARTS] {
        std::array::from_fn(|part| Part { data: maps[part].numbers(), channels: self.channels[part] })
    }

    /// The gradients of the maps, if any is wanted, and of the weight and the bias.
    fn gradients(
        &self,
        saved: Saved<PARTS>,
        upstream: Array,
        maps_wanted: bool,
        weight_wanted: bool,
    ) -> (Option<[Array; PARTS]>, Option<[Array; 2]>) {
        let geometry = &self.geometry;
        let activated = saved.activated.as_ref().map(Array::numbers);
        let of_weight = weight_wanted.then(|| {
            let mut weight = buffer::take(saved.weight.len());
            let mut bias = vec![0.0; geometry.out_channels];
            let parts = self.parts(&saved.maps);
            let gradient = upstream.numbers();
            conv::backward_weight(geometry, &parts, gradient, activated, &mut weight, Some(&mut bias));
            [Array::new(weight, saved.weight.dims()), Array::new(bias, &[geometry.out_channels])]
        });
        let of_maps = maps_wanted.then(|| {
            let mut gradients = saved.maps.each_ref().map(|map| buffer::take(map.len()));
            let mut parts: Vec<PartMut> = gradients
                .iter_mut()
                .zip(self.channels)
                .map(|(data, channels)| PartMut { data, channels })
                .collect();
            let weight = saved.weight.numbers();
            conv::backward_data(geometry, upstream.numbers(), activated, weight, &mut parts);
            let mut dims = saved.maps.each_ref().map(Array::shape::<4>).into_iter();
            gradients.map(|numbers| Array::new(numbers, &dims.next().unwrap_or_default()))
        });
        saved.maps.into_iter().for_each(Array::release);
        saved.activated.into_iter().for_each(Array::release);
        upstream.release();
        (of_maps, of_weight)
    }
}

/// The graph takes a fixed number of inputs: one implementation for each number of maps.
macro_rules! convolution_of_maps {
    ($parts:literal, $inputs:literal, $($map:ident),+) => {
        impl Operation<$inputs> for Convolution<$parts> {
            type Saved = Saved<$parts>;

            fn forward(&self, [$($map,)+ weight, bias]: [Array; $inputs]) -> (Array, Self::Saved) {
                let maps = [$($map),+];
                let output = self.output(&maps, &weight, &bias);
                let activated = self.relu.then(|| output.clone());
                (output, Saved { maps, weight, activated })
            }

            fn infer(&self, [$($map,)+ weight, bias]: [Array; $inputs]) -> Array {
                let maps = [$($map),+];
                let output = self.output(&maps, &weight, &bias);
                maps.into_iter().for_each(Array::release);
                output
            }

            fn backward(
                &self,
                saved: Self::Saved,
                upstream: Array,
                wanted: [bool; $inputs],
            ) -> [Option<Array>; $inputs] {
                let (maps, weights) = wanted.split_at($parts);
                let any = |wanted: &[bool]| wanted.contains(&true);
                let (of_maps, of_weight) = self.gradients(saved, upstream, any(maps), any(weights));
                let [$($map),+] = of_maps.map_or([const { None }; $parts], |maps| maps.map(Some));
                let [weight, bias] = of_weight.map_or([None, None], |pair| pair.map(Some));
                [$($map,)+ weight, bias]
            }
        }
    };
}

convolution_of_maps!(1, 3, map);
convolution_of_maps!(2, 4, first, second);

/// A transposed convolution; its inputs are the map, the weight and the bias.
#[derive(Clone, Debug)]
struct Transposed(ConvTransposed2d);

impl Operation<3> for Transposed {
    type Saved = [Array; 2];

    fn forward(&self, [map, weight, bias]: [Array; 3]) -> (Array, Self::Saved) {
        let geometry = &self.0;
        let [height, width] = geometry.output();
        let dims = [geometry.batch, geometry.out_channels, height, width];
        let mut output = buffer::take(dims.iter().product());
        conv::transposed_forward(
            geometry,
            map.numbers(),
            weight.numbers(),
            Some(bias.numbers()),
            &mut output,
        );
        (Array::new(output, &dims), [map, weight])
    }

    fn infer(&self, inputs: [Array; 3]) -> Array {
        let (output, [map, _]) = self.forward(inputs);
        map.release();
        output
    }

    fn backward(&self, [map, weight]: Self::Saved, upstream: Array, wanted: [bool; 3]) -> [Option<Array>; 3] {
        let geometry = &self.0;
        let gradient = upstream.numbers();
        let of_weight = (wanted[1] || wanted[2]).then(|| {
            let mut of_weight = buffer::take(weight.len());
            let mut of_bias = vec![0.0; geometry.out_channels];
            conv::transposed_backward_weight(
                geometry,
                map.numbers(),
                gradient,
                &mut of_weight,
                Some(&mut of_bias),
            );
            [Array::new(of_weight, weight.dims()), Array::new(of_bias, &[geometry.out_channels])]
        });
        let of_map = wanted[0].then(|| {
            let mut of_map = buffer::take(map.len());
            conv::transposed_backward_data(geometry, gradient, weight.numbers(), &mut of_map);
            Array::new(of_map, map.dims())
        });
        map.release();
        upstream.release();
        let [weight, bias] = of_weight.map_or([None, None], |pair| pair.map(Some));
        [of_map, weight, bias]
    }
}
