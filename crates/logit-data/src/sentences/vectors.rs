//! Word vectors that somebody trained, from safetensors.

use std::path::Path;

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::error::SentenceError;
use super::file::{self, Wanted};
use crate::text::{reason, shortened};

/// The largest file of word vectors that is read: two million words of 300 numbers in f32 have 2.4 GB.
pub const MAX_VECTORS_BYTES: u64 = 4 << 30;

const FILE: Wanted = Wanted {
    what: "word vectors",
    most: MAX_VECTORS_BYTES,
    hint: "; a run keeps their path, not the vectors: put them there, or train with `--vectors` again",
};

/// A row of numbers per word, all finite, in f32.
#[derive(Clone, Debug, PartialEq)]
pub struct WordVectors {
    numbers: Vec<f32>,
    width: usize,
}

impl WordVectors {
    /// Reads the one matrix `[words, width]` of a safetensors file, in F16, BF16 or F32.
    ///
    /// # Errors
    /// The file is none, holds no matrix or several, or a number is not finite.
    pub fn read(path: &Path) -> Result<Self, SentenceError> {
        let bytes = file::read(path, FILE)?;
        let unusable = |reason: String| SentenceError::Vectors { path: path.to_owned(), reason };
        let tensors = SafeTensors::deserialize(&bytes)
            .map_err(|error| unusable(format!("no safetensors: {}", reason(error))))?;
        let (name, matrix) = only_matrix(&tensors).map_err(unusable)?;
        let &[rows, width] = matrix.shape() else {
            return Err(unusable(format!("`{name}` has shape {:?}", matrix.shape())));
        };
        if rows == 0 || width == 0 {
            return Err(unusable(format!("`{name}` is {rows}×{width}: there is no number in it")));
        }
        let numbers = numbers(&matrix).ok_or_else(|| {
            unusable(format!("`{name}` is {:?}; F16, BF16 and F32 are read", matrix.dtype()))
        })?;
        if let Some(at) = numbers.iter().position(|number| !number.is_finite()) {
            let (row, column, value) = (at / width, at % width, numbers[at]);
            return Err(SentenceError::NotFinite { path: path.to_owned(), row, column, value });
        }
        if numbers.iter().all(|number| *number == 0.0) {
            return Err(unusable(format!("all numbers of `{name}` are 0")));
        }
        Ok(Self { numbers, width })
    }

    /// Words.
    pub fn rows(&self) -> usize {
        self.numbers.len() / self.width
    }

    /// Numbers per word.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The vector of a word.
    ///
    /// # Panics
    /// There is no such row.
    pub fn row(&self, row: u32) -> &[f32] {
        let start = row as usize * self.width;
        &self.numbers[start..start + self.width]
    }

    /// The same, divided by the root of the mean square of all numbers, so that they are of size 1 whatever made them.
    #[must_use]
    pub fn of_unit_size(mut self) -> Self {
        let squares: f64 = self.numbers.iter().map(|number| f64::from(*number).powi(2)).sum();
        let size = (squares / self.numbers.len() as f64).sqrt();
        self.numbers.iter_mut().for_each(|number| *number = (f64::from(*number) / size) as f32);
        self
    }
}

/// The file's matrix with its name, if it is the only one.
fn only_matrix<'a>(tensors: &SafeTensors<'a>) -> Result<(String, TensorView<'a>), String> {
    let mut matrices: Vec<(String, TensorView<'a>)> = tensors
        .iter()
        .filter(|(_, tensor)| tensor.shape().len() == 2)
        .map(|(name, tensor)| (shortened(name), tensor))
        .collect();
    matrices.sort_by(|a, b| a.0.cmp(&b.0));
    match matrices.len() {
        1 => Ok(matrices.remove(0)),
        0 => Err("it holds no matrix [words, numbers]".to_owned()),
        _ => {
            let names: Vec<String> = matrices.iter().take(5).map(|(name, _)| format!("`{name}`")).collect();
            Err(format!("it holds {} matrices ({}); keep one", matrices.len(), names.join(", ")))
        }
    }
}

/// A tensor's numbers in f32, if its type is one that is read.
fn numbers(tensor: &TensorView<'_>) -> Option<Vec<f32>> {
    let pairs = || tensor.data().chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    match tensor.dtype() {
        Dtype::F16 => Some(pairs().map(|pair| f16::from_le_bytes(pair).to_f32()).collect()),
        Dtype::BF16 => Some(pairs().map(|pair| bf16::from_le_bytes(pair).to_f32()).collect()),
        Dtype::F32 => {
            let fours = tensor.data().chunks_exact(4);
            Some(fours.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(
        name: &str,
        dtype: Dtype,
        shape: &[usize],
        bytes: &[u8],
    ) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        let view = TensorView::new(dtype, shape.to_vec(), bytes).unwrap();
        std::fs::write(&path, safetensors::serialize([(name, view)], None).unwrap()).unwrap();
        (folder, path)
    }

    fn halves(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| f16::from_f32(*number).to_le_bytes()).collect()
    }

    #[test]
    fn halves_become_floats_of_unit_size() {
        let (_folder, path) = written("e", Dtype::F16, &[2, 2], &halves(&[1.0, -2.0, 0.5, 4.0]));
        let vectors = WordVectors::read(&path).unwrap();
        assert_eq!((vectors.rows(), vectors.width(), vectors.row(1)), (2, 2, &[0.5, 4.0][..]));
        let scaled = vectors.of_unit_size();
        let size: f32 = scaled.numbers.iter().map(|number| number * number).sum();
        assert!((size / 4.0 - 1.0).abs() < 1e-6, "{size}");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let message = |dtype, shape: &[usize], bytes: &[u8]| {
            let (_folder, path) = written("e", dtype, shape, bytes);
            WordVectors::read(&path).unwrap_err().to_string()
        };
        let infinite = message(Dtype::F16, &[2, 2], &halves(&[1.0, 2.0, 3.0, f32::INFINITY]));
        assert!(infinite.contains("number 1 of row 1 is inf"), "{infinite}");
        assert!(message(Dtype::F32, &[1, 1], &f32::NAN.to_le_bytes()).contains("is NaN"));
        assert!(message(Dtype::F16, &[4], &halves(&[1.0; 4])).contains("no matrix"));
        assert!(message(Dtype::F16, &[0, 4], &[]).contains("`e` is 0×4"));
        assert!(message(Dtype::U8, &[1, 1], &[1]).contains("`e` is U8"));
        assert!(message(Dtype::F16, &[1, 2], &halves(&[0.0, 0.0])).contains("are 0"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        assert!(WordVectors::read(&path).unwrap_err().to_string().contains("keeps their path"));
        std::fs::write(&path, "nothing of the kind").unwrap();
        assert!(WordVectors::read(&path).unwrap_err().to_string().contains("no safetensors"));
    }
}
