//! Pooling.

use burn::nn::PaddingConfig2d;
use burn::nn::pool::{AvgPool2d, MaxPool2d};
use burn::tensor::{Tensor, activation::relu};
use logit_kernels::buffer;
use logit_kernels::pool::{self, Pool2d, WindowPlace};

use super::array::Array;
use super::operation::{Input, Operation, fits, run};

/// The maximum of each window: `layer.forward(input)`.
///
/// # Shapes
/// `[N, C, H, W]` → `[N, C, H', W']`
pub fn max_pool2d(layer: &MaxPool2d, input: Tensor<4>) -> Tensor<4> {
    max_pool(layer, input, false)
}

/// The maximum of each window and the rectifier, `relu(layer.forward(input))`, in one pass.
pub fn max_pool2d_relu(layer: &MaxPool2d, input: Tensor<4>) -> Tensor<4> {
    max_pool(layer, input, true)
}

/// The average of each window: `layer.forward(input)`.
///
/// # Shapes
/// `[N, C, H, W]` → `[N, C, H', W']`
pub fn avg_pool2d(layer: &AvgPool2d, input: Tensor<4>) -> Tensor<4> {
    let windows = Windows {
        kernel: layer.kernel_size,
        stride: layer.stride,
        dilation: [1, 1],
        padding: &layer.padding,
        ceil_mode: layer.ceil_mode,
    };
    match windows.over(&input) {
        Some(pool) => run(Average { pool, count_include_pad: layer.count_include_pad }, [Input::new(input)]),
        None => layer.forward(input),
    }
}

fn max_pool(layer: &MaxPool2d, input: Tensor<4>, then_relu: bool) -> Tensor<4> {
    let windows = Windows {
        kernel: layer.kernel_size,
        stride: layer.stride,
        dilation: layer.dilation,
        padding: &layer.padding,
        ceil_mode: layer.ceil_mode,
    };
    match windows.over(&input) {
        Some(pool) => run(Maximum { pool, relu: then_relu }, [Input::new(input)]),
        None if then_relu => relu(layer.forward(input)),
        None => layer.forward(input),
    }
}

/// The windows of a layer.
struct Windows<'a> {
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    padding: &'a PaddingConfig2d,
    ceil_mode: bool,
}

impl Windows<'_> {
    /// The pooling of a map by these windows; `None` where the kernels do not know it.
    fn over(&self, map: &Tensor<4>) -> Option<Pool2d> {
        let [batch, channels, height, width] = map.dims();
        let padding = match *self.padding {
            PaddingConfig2d::Valid => [0, 0],
            PaddingConfig2d::Explicit(top, left, bottom, right) if top == bottom && left == right => {
                [top, left]
            }
            _ => return None,
        };
        let sizes = [self.kernel, self.stride, self.dilation];
        let tellable = self.kernel[0].saturating_mul(self.kernel[1]) <= <u8 as WindowPlace>::MOST_TAPS;
        // A window that may lie in the padding alone has no maximum.
        let always_inside = (0..2).all(|axis| 2 * padding[axis] <= self.kernel[axis]);
        if !fits(map) || sizes.iter().any(|size| size.contains(&0)) || !always_inside || !tellable {
            return None;
        }
        Some(Pool2d {
            planes: batch * channels,
            input: [height, width],
            kernel: self.kernel,
            stride: self.stride,
            padding,
            dilation: self.dilation,
            ceil_mode: self.ceil_mode,
        })
    }
}

/// The shape of what comes out of a pooling of `map`.
fn pooled_dims(pool: &Pool2d, map: &Array) -> [usize; 4] {
    let [batch, channels, ..] = map.shape::<4>();
    let [height, width] = pool.output();
    [batch, channels, height, width]
}

#[derive(Clone, Debug)]
struct Maximum {
    pool: Pool2d,
    relu: bool,
}

/// What the gradient of a pooling by maximum needs: the shape of the map, and the place of each maximum in its window.
#[derive(Clone, Debug)]
struct Maxima {
    dims: [usize; 4],
    places: Vec<u8>,
}

impl Operation<1> for Maximum {
    type Saved = Maxima;

    fn forward(&self, [map]: [Array; 1]) -> (Array, Self::Saved) {
        let dims = pooled_dims(&self.pool, &map);
        let mut output = buffer::take(dims.iter().product());
        let mut places = vec![0_u8; output.len()];
        pool::max_forward(&self.pool, map.numbers(), self.relu, &mut output, &mut places);
        let maxima = Maxima { dims: map.shape(), places };
        map.release();
        (Array::new(output, &dims), maxima)
    }

    fn infer(&self, [map]: [Array; 1]) -> Array {
        let dims = pooled_dims(&self.pool, &map);
        let mut output = buffer::take(dims.iter().product());
        let mut no_places = vec![(); output.len()];
        pool::max_forward(&self.pool, map.numbers(), self.relu, &mut output, &mut no_places);
        map.release();
        Array::new(output, &dims)
    }

    fn backward(&self, Maxima { dims, places }: Maxima, upstream: Array, _: [bool; 1]) -> [Option<Array>; 1] {
        let mut gradient = buffer::take(dims.iter().product());
        pool::max_backward(&self.pool, upstream.numbers(), &places, &mut gradient);
        upstream.release();
        [Some(Array::new(gradient, &dims))]
    }
}

#[derive(Clone, Debug)]
struct Average {
    pool: Pool2d,
    count_include_pad: bool,
}

impl Operation<1> for Average {
    type Saved = [usize; 4];

    fn forward(&self, [map]: [Array; 1]) -> (Array, Self::Saved) {
        let dims = pooled_dims(&self.pool, &map);
        let mut output = buffer::take(dims.iter().product());
        pool::average_forward(&self.pool, self.count_include_pad, map.numbers(), &mut output);
        let map_dims = map.shape();
        map.release();
        (Array::new(output, &dims), map_dims)
    }

    fn backward(&self, dims: Self::Saved, upstream: Array, _: [bool; 1]) -> [Option<Array>; 1] {
        let mut gradient = buffer::take(dims.iter().product());
        pool::average_backward(&self.pool, self.count_include_pad, upstream.numbers(), &mut gradient);
        upstream.release();
        [Some(Array::new(gradient, &dims))]
    }
}
