//! Numbers that both sides make for themselves and that are the same to the last bit.
//!
//! Number `i` of stream `s` is `mix32(i + s · 0x9e3779b9)`, where `mix32` is a 32-bit finaliser of two rounds
//! (`lowbias32` of <https://nullprogram.com/blog/2018/07/31/>): integers alone, so that PyTorch gets the same.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// Which numbers: each tensor of a case has a stream of its own.
pub(crate) type Stream = u32;

/// A tensor of numbers spread evenly over [−scale, scale).
pub(crate) fn uniform<const D: usize>(
    stream: Stream,
    dims: [usize; D],
    scale: f32,
    device: &Device,
) -> Tensor<D> {
    let to_number = |bits: u32| ((bits >> 8) as f32 / 8_388_608.0 - 1.0) * scale;
    let numbers: Vec<f32> = bits(stream, dims.iter().product()).map(to_number).collect();
    Tensor::from_data(TensorData::new(numbers, dims), device)
}

/// A tensor of class indices below `classes`.
pub(crate) fn indices<const D: usize>(
    stream: Stream,
    dims: [usize; D],
    classes: u32,
    device: &Device,
) -> Tensor<D, Int> {
    let indices: Vec<i64> =
        bits(stream, dims.iter().product()).map(|bits| i64::from(bits % classes)).collect();
    Tensor::from_data(TensorData::new(indices, dims), device)
}

/// A tensor of zeros with about one 1 in `every` entries.
pub(crate) fn sparse_ones<const D: usize>(
    stream: Stream,
    dims: [usize; D],
    every: u32,
    device: &Device,
) -> Tensor<D> {
    let one_in = |bits: u32| if bits.is_multiple_of(every) { 1.0 } else { 0.0 };
    let ones: Vec<f32> = bits(stream, dims.iter().product()).map(one_in).collect();
    Tensor::from_data(TensorData::new(ones, dims), device)
}

fn bits(stream: Stream, count: usize) -> impl ExactSizeIterator<Item = u32> {
    let first = stream.wrapping_mul(0x9e37_79b9);
    (0..count).map(move |index| mix32(first.wrapping_add(index as u32)))
}

fn mix32(mut bits: u32) -> u32 {
    bits ^= bits >> 16;
    bits = bits.wrapping_mul(0x7feb_352d);
    bits ^= bits >> 15;
    bits = bits.wrapping_mul(0x846c_a68b);
    bits ^ bits >> 16
}
