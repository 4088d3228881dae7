//! Small pieces of tensor arithmetic that losses, heads and probabilities share.

use burn::tensor::{DType, Device, Tensor, TensorData};

/// The tensor in the type that sums are kept in: half precision becomes f32, everything else stays.
pub(crate) fn accumulate<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    match tensor.dtype() {
        DType::F16 | DType::BF16 => tensor.cast(DType::F32),
        _ => tensor,
    }
}

/// `ln(1 + exp(x))`, without overflow, and with the right derivative at 0 too.
///
/// The positive part is written `(x + |x|) / 2`: its derivative at 0 is ½, and so is the sum's, as it should be.
pub(crate) fn softplus<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let size = x.clone().abs();
    (x + size.clone()).mul_scalar(0.5) + size.neg().exp().log1p()
}

/// `ln Σ exp(x)` over an axis, which stays with size 1.
pub(crate) fn log_sum_exp<const D: usize>(x: Tensor<D>, axis: usize) -> Tensor<D> {
    // Finite, for from an infinity its own infinity cannot be taken off.
    let bound = if x.dtype() == DType::F64 { f64::MAX } else { f64::from(f32::MAX) };
    let largest = x.clone().detach().max_dim(axis).clamp(-bound, bound);
    (x - largest.clone()).exp().sum_dim(axis).log() + largest
}

/// A number per unit, shaped `[1, K, 1…]` to go along axis 1 of a tensor like `like`.
pub(crate) fn along_units<const D: usize>(numbers: &[f64], like: &Tensor<D>) -> Tensor<D> {
    let mut shape = [1; D];
    shape[1] = numbers.len();
    floats(numbers, shape, &like.device(), like.dtype())
}

/// A tensor of a given type from numbers held in f64.
pub(crate) fn floats<const D: usize>(
    numbers: &[f64],
    shape: [usize; D],
    device: &Device,
    dtype: DType,
) -> Tensor<D> {
    Tensor::from_data(TensorData::new(numbers.to_vec(), shape), (device, dtype))
}
