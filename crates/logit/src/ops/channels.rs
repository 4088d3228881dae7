//! Whole channels of a map.

use burn::tensor::Tensor;
use logit_kernels::loss::scale_positions;
use logit_kernels::softmax::Shape;

use super::array::Array;
use super::operation::{Input, Operation, array_of, fits, run};

/// Multiplies each channel of a map by a factor, through which no gradient passes: dropout of whole channels.
///
/// # Shapes
/// map `[N, C, H, W]`, factors `[N, C]` → `[N, C, H, W]`
///
/// # Panics
/// The factors are not as many as the channels.
pub fn scale_channels(map: Tensor<4>, factors: Tensor<2>) -> Tensor<4> {
    let [batch, channels, height, width] = map.dims();
    assert_eq!(factors.dims(), [batch, channels], "factors, and channels of a map");
    if !fits(&map) || !fits(&factors) {
        return map * factors.detach().reshape([batch, channels, 1, 1]);
    }
    let shape = Shape { outer: batch * channels, units: height * width, inner: 1 };
    run(Scaling { shape, factors: array_of(factors) }, [Input::new(map)])
}

#[derive(Clone, Debug)]
struct Scaling {
    /// Of the map, as channels of positions.
    shape: Shape,
    factors: Array,
}

impl Scaling {
    fn scaled(&self, map: Array) -> Array {
        let dims = map.dims().to_vec();
        let mut numbers = map.into_numbers();
        scale_positions(&mut numbers, self.shape, self.factors.numbers());
        Array::new(numbers, &dims)
    }
}

impl Operation<1> for Scaling {
    type Saved = ();

    fn forward(&self, [map]: [Array; 1]) -> (Array, Self::Saved) {
        (self.scaled(map), ())
    }

    fn backward(&self, (): Self::Saved, upstream: Array, _: [bool; 1]) -> [Option<Array>; 1] {
        [Some(self.scaled(upstream))]
    }
}
