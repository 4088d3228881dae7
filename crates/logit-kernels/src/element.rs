//! Numbers as they are stored: f32, f16 and bf16, of which all are computed with in f32.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

/// A type that tensors are stored in.
pub trait Element: sealed::Sealed + Copy + Send + Sync + 'static {
    /// The number nearest to `number`.
    fn of(number: f32) -> Self;

    /// The number, which every type's `f32` holds exactly.
    fn get(self) -> f32;

    /// Reads a run of numbers.
    ///
    /// # Panics
    /// When the lengths differ.
    fn load(from: &[Self], to: &mut [f32]);

    /// Writes a run of numbers.
    ///
    /// # Panics
    /// When the lengths differ.
    fn store(from: &[f32], to: &mut [Self]);
}

mod sealed {
    pub trait Sealed {
        /// Whether the type is f32, which needs no copy to be computed with.
        const IS_F32: bool;
    }
}

impl sealed::Sealed for f32 {
    const IS_F32: bool = true;
}

impl Element for f32 {
    fn of(number: f32) -> Self {
        number
    }

    fn get(self) -> f32 {
        self
    }

    fn load(from: &[Self], to: &mut [f32]) {
        to.copy_from_slice(from);
    }

    fn store(from: &[f32], to: &mut [Self]) {
        to.copy_from_slice(from);
    }
}

macro_rules! half_element {
    ($half:ty) => {
        impl sealed::Sealed for $half {
            const IS_F32: bool = false;
        }

        impl Element for $half {
            fn of(number: f32) -> Self {
                Self::from_f32(number)
            }

            fn get(self) -> f32 {
                self.to_f32()
            }

            fn load(from: &[Self], to: &mut [f32]) {
                from.convert_to_f32_slice(to);
            }

            fn store(from: &[f32], to: &mut [Self]) {
                to.convert_from_f32_slice(from);
            }
        }
    };
}

half_element!(f16);
half_element!(bf16);

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "what is exact is compared as such")]
mod tests {
    use super::*;

    fn round_trip<E: Element + PartialEq + std::fmt::Debug>() {
        let numbers: Vec<E> = (0..1000).map(|number| E::of(number as f32 * 0.37 - 100.0)).collect();
        let mut wide = vec![0.0; numbers.len()];
        E::load(&numbers, &mut wide);
        assert!(numbers.iter().zip(&wide).all(|(number, wide)| number.get() == *wide));
        let mut back = vec![E::of(0.0); numbers.len()];
        E::store(&wide, &mut back);
        assert_eq!(back, numbers);
        assert!(E::of(f32::NAN).get().is_nan());
    }

    #[test]
    fn a_run_is_read_and_written_as_its_numbers_are() {
        round_trip::<f32>();
        round_trip::<f16>();
        round_trip::<bf16>();
    }
}
