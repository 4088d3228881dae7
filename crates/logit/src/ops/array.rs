//! Burn's CPU tensors as plain slices of numbers.

use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{AllocationProperty, Bytes, DType, Shape, TensorData};
use logit_kernels::buffer::{self, Lent};
use logit_kernels::loss::{Indices, scale_all};

/// Numbers in row-major order, and their shape: what a kernel works on.
#[derive(Clone, Debug)]
pub(crate) struct Array(FlexTensor);

impl Array {
    /// An array of `numbers`, which are as many as `dims` say.
    pub(crate) fn new(numbers: Vec<f32>, dims: &[usize]) -> Self {
        Self(FlexTensor::from_data(TensorData::new(numbers, Shape::from(dims.to_vec()))))
    }

    /// An array for others to hold, who know nothing of our buffers: these go back when the last of them is done. It is
    /// copied when it is written to.
    pub(crate) fn lent(numbers: Vec<f32>, dims: &[usize]) -> Self {
        let bytes = bytes::Bytes::from_owner(Lent::new(numbers));
        let bytes = Bytes::from_shared(bytes, AllocationProperty::Other);
        Self(FlexTensor::new(bytes, Layout::contiguous(Shape::from(dims.to_vec())), DType::F32))
    }

    /// The array that a tensor of f32 holds, in row-major order.
    pub(crate) fn of(tensor: FlexTensor) -> Self {
        debug_assert_eq!(tensor.dtype(), DType::F32);
        // The tensor is dropped before the array is used: the array must not look shared when it is not.
        if tensor.is_contiguous() { Self(tensor) } else { Self(tensor.to_contiguous()) }
    }

    pub(crate) fn into_tensor(self) -> FlexTensor {
        self.0
    }

    pub(crate) fn dims(&self) -> &[usize] {
        self.0.layout().shape().as_slice()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.layout().num_elements()
    }

    /// The size of each of `D` axes.
    pub(crate) fn shape<const D: usize>(&self) -> [usize; D] {
        self.0.layout().shape().dims()
    }

    /// The numbers.
    pub(crate) fn numbers(&self) -> &[f32] {
        let start = self.0.layout().start_offset();
        &self.0.storage::<f32>()[start..start + self.len()]
    }

    /// The numbers as a buffer of one's own: this very one where nobody else holds it, a copy otherwise.
    pub(crate) fn into_numbers(self) -> Vec<f32> {
        if self.is_own() {
            return self.0.into_data().try_into_vec().unwrap_or_default();
        }
        let mut copy = buffer::take(self.len());
        copy.copy_from_slice(self.numbers());
        copy
    }

    /// Whether nobody else holds the numbers, and they fill their buffer.
    pub(crate) fn is_own(&self) -> bool {
        let lent = self.0.data_arc().property() == AllocationProperty::Other;
        self.0.is_unique() && !lent && self.0.bytes().len() == self.len() * size_of::<f32>()
    }

    /// Every number times a factor.
    #[expect(clippy::float_cmp, reason = "a factor of exactly 1 changes nothing")]
    pub(crate) fn times(self, factor: f32) -> Self {
        if factor == 1.0 {
            return self;
        }
        let dims = self.dims().to_vec();
        let mut numbers = self.into_numbers();
        scale_all(&mut numbers, factor);
        Self::new(numbers, &dims)
    }

    /// Gives the buffer back to be used again, if nobody else holds it.
    pub(crate) fn release(self) {
        if self.is_own() {
            buffer::give(self.into_numbers());
        }
    }
}

/// Whole numbers in row-major order.
#[derive(Clone, Debug)]
pub(crate) enum IndexArray {
    /// A tensor's own, of 32 or 64 bits.
    Tensor(FlexTensor),
    /// A copy.
    Read(Vec<i64>),
}

impl IndexArray {
    /// A tensor's own numbers, if they are as wide as our kernels take them.
    pub(crate) fn of(tensor: FlexTensor) -> Option<Self> {
        let fits = matches!(tensor.dtype(), DType::I32 | DType::I64);
        fits.then(|| Self::Tensor(if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }))
    }

    /// The numbers.
    pub(crate) fn numbers(&self) -> Indices<'_> {
        let tensor = match self {
            Self::Tensor(tensor) => tensor,
            Self::Read(numbers) => return Indices::I64(numbers),
        };
        let start = tensor.layout().start_offset();
        let all = start..start + tensor.layout().num_elements();
        match tensor.dtype() {
            DType::I32 => Indices::I32(&tensor.storage()[all]),
            _ => Indices::I64(&tensor.storage()[all]),
        }
    }
}
