//! Tensors with the class axis at 1, as the rows that metrics read.

use burn::tensor::{Element, Tensor, kind::Basic};

use super::error::MetricError;

/// The numbers of a tensor `[N, K, d…]` as rows of `K`, a row a position: `[N·d…, K]`, row after row.
///
/// For the logits, the probabilities, the values and the targets that have a class axis. What has none, `[N, d…]`,
/// is read by [`flat`], whose order of positions is the same.
///
/// # Errors
///
/// [`MetricError::Device`] if the tensor cannot be read from its device.
///
/// # Examples
///
/// A segmentation, and how well it does:
/// ```
/// use burn::tensor::{Device, Int, Tensor};
/// use logit::metrics::{ConfusionMatrix, LogLoss, flat, rows};
/// use logit::{Classes, Logits};
///
/// let device = Device::flex();
/// // One image of 1×3 pixels, two classes; the last pixel is not annotated.
/// let logits = Tensor::<4>::from_floats([[[[2.0, 0.0, 0.0]], [[0.0, 0.0, 9.0]]]], &device);
/// let logits = Logits::new(logits, Classes::new(2))?;
/// let mask = flat::<i64, _, _>(&Tensor::<3, Int>::from_ints([[[0, 1, 255]]], &device))?;
///
/// let (mut matrix, mut log_loss) = (ConfusionMatrix::new(2)?, LogLoss::new(2)?);
/// matrix.update(&flat::<i64, _, _>(&logits.argmax())?, &mask, Some(255))?;
/// log_loss.update_classes_from_logits(&rows::<f32, _, _>(logits.tensor())?, &mask, Some(255))?;
///
/// assert_eq!(matrix.accuracy(), Some(0.5));
/// assert!((log_loss.log_loss().unwrap() - (0.126_928 + 0.693_147) / 2.0).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn rows<E: Element, const D: usize, T: Basic>(tensor: &Tensor<D, T>) -> Result<Vec<E>, MetricError> {
    let [batch, columns, positions] = match tensor.dims().as_slice() {
        [batch, columns, rest @ ..] => [*batch, *columns, rest.iter().product()],
        short => [short.iter().product(), 1, 1],
    };
    flat(&tensor.clone().reshape([batch, columns, positions]).swap_dims(1, 2))
}

/// The numbers of a tensor `[N, d…]`, a position after the other: class indices, grades, decisions.
///
/// # Errors
///
/// [`MetricError::Device`] if the tensor cannot be read from its device.
pub fn flat<E: Element, const D: usize, T: Basic>(tensor: &Tensor<D, T>) -> Result<Vec<E>, MetricError> {
    let read = tensor.clone().try_into_vec_as::<E>();
    read.map_err(|error| MetricError::Device { reason: format!("{error:?}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Bool, Device, Int};

    #[test]
    fn a_row_is_a_position_and_a_column_a_class() {
        // The number says where it is: batch, class, height, width.
        let place = |n, k, h, w| 1000 * n + 100 * k + 10 * h + w;
        let mut numbers = Vec::new();
        let mut expected = Vec::new();
        for n in 0..2 {
            (0..3).for_each(|k| (0..2).for_each(|h| (0..4).for_each(|w| numbers.push(place(n, k, h, w)))));
            (0..2).for_each(|h| (0..4).for_each(|w| (0..3).for_each(|k| expected.push(place(n, k, h, w)))));
        }
        let map = Tensor::<1, Int>::from_ints(numbers.as_slice(), &Device::flex()).reshape([2, 3, 2, 4]);
        assert_eq!(rows::<i32, _, _>(&map).unwrap(), expected);
        // The positions of class 0 alone, without a class axis, come in the same order.
        let alone = map.narrow(1, 0, 1).squeeze_dim::<3>(1);
        let first: Vec<i32> = expected.iter().copied().step_by(3).collect();
        assert_eq!(flat::<i32, _, _>(&alone).unwrap(), first);
    }

    #[test]
    fn vectors_are_rows_already_and_so_is_nothing() {
        let labels = Tensor::<2, Bool>::from_data([[true, false], [false, false]], &Device::flex());
        assert_eq!(rows::<bool, _, _>(&labels).unwrap(), [true, false, false, false]);
        assert_eq!(
            rows::<f32, _, _>(&Tensor::<1>::from_floats([1.0, 2.0], &Device::flex())).unwrap(),
            [1.0, 2.0]
        );
        assert!(rows::<f64, _, _>(&Tensor::<3>::zeros([0, 2, 3], &Device::flex())).unwrap().is_empty());
    }
}
