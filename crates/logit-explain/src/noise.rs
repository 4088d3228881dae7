//! Normal noise from a seed.

use std::f64::consts::TAU;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Numbers from a seed and a place, the same wherever they are drawn.
pub(crate) struct Noise(StdRng);

impl Noise {
    pub(crate) fn new(seed: u64, place: [usize; 2]) -> Self {
        let mut bytes = [0; 32];
        let parts = [seed, place[0] as u64, place[1] as u64];
        bytes
            .chunks_exact_mut(8)
            .zip(parts)
            .for_each(|(bytes, part)| bytes.copy_from_slice(&part.to_le_bytes()));
        Self(StdRng::from_seed(bytes))
    }

    /// A number from a normal distribution of deviation 1, by Box and Muller's way.
    pub(crate) fn normal(&mut self) -> f64 {
        // From (0, 1], whose logarithm is finite.
        let radius = (-2.0 * (1.0 - self.0.random::<f64>()).ln()).sqrt();
        radius * (TAU * self.0.random::<f64>()).cos()
    }

    /// A number from −1 to 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        2.0 * self.0.random::<f64>() - 1.0
    }
}
