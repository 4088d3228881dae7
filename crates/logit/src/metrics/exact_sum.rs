//! Sums of `f64` without rounding, so that neither order nor grouping shows in a metric.

/// A larger magnitude could overflow when products of up to 2^64 of them are summed.
pub(crate) const LARGEST: f64 = pow2(448);
/// A product of two multiples of the last bit of anything smaller would lose bits to underflow.
const SMALLEST: f64 = pow2(-484);

/// An exact sum, held as parts that do not overlap, in increasing magnitude.
///
/// The method is Shewchuk's ("Adaptive precision floating-point arithmetic", 1997), the final rounding that
/// of Python's `math.fsum`: half to even over *all* parts. So the value depends on the exact sum alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExactSum {
    parts: Vec<f64>,
}

impl ExactSum {
    /// Adds a number of at most [`LARGEST`]² in magnitude.
    pub(crate) fn add(&mut self, value: f64) {
        let mut carried = value;
        self.parts.retain_mut(|part| {
            let (sum, error) = two_sum(carried, *part);
            carried = sum;
            *part = error;
            error != 0.0
        });
        if carried != 0.0 {
            self.parts.push(carried);
        }
    }

    /// Adds `left · right`, exactly if both are sums or single numbers that [`exact`] lets through.
    pub(crate) fn add_product(&mut self, left: f64, right: f64) {
        let product = left * right;
        self.add(product);
        self.add(left.mul_add(right, -product));
    }

    /// Adds all that another sum holds.
    pub(crate) fn merge(&mut self, other: &Self) {
        for &part in &other.parts {
            self.add(part);
        }
    }

    /// The sum, correctly rounded.
    pub(crate) fn value(&self) -> f64 {
        let mut rest = self.parts.iter().rev().copied();
        let Some(mut high) = rest.next() else { return 0.0 };
        let mut low = 0.0;
        for part in rest.by_ref() {
            (high, low) = two_sum(high, part);
            if low != 0.0 {
                break;
            }
        }
        // `high` was rounded to even on a tie; what is left below the tie decides which neighbour is nearer.
        if rest.next().is_some_and(|next| (next < 0.0) == (low < 0.0)) {
            let neighbour = high + low * 2.0;
            if neighbour - high - low * 2.0 == 0.0 {
                high = neighbour;
            }
        }
        high
    }

    /// `n·Σxy − Σx·Σy`, which is `n²` times the covariance, rounded once: no digits cancel, and it is 0 just
    /// when one of the two is constant (or they are uncorrelated).
    pub(crate) fn centred(count: u64, products: &Self, left: &Self, right: &Self) -> f64 {
        let mut total = Self::default();
        for &part in &products.parts {
            total.add_product(part, count as f64);
        }
        for &left in &left.parts {
            for &right in &right.parts {
                total.add_product(-left, right);
            }
        }
        total.value()
    }
}

/// The number itself, or 0 if it is below 2^-484 (about 2·10^-146) in magnitude, where squares underflow.
pub(crate) fn exact(value: f64) -> f64 {
    if value.abs() < SMALLEST { 0.0 } else { value }
}

/// Knuth's exact addition: the rounded sum and what the rounding lost.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    let of_a = sum - of_b;
    (sum, (a - of_a) + (b - of_b))
}

/// 2 to the power of a normal number's exponent.
const fn pow2(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the sums are exact")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = ExactSum::default();
        for &value in values {
            sum.add(value);
        }
        sum.value()
    }

    #[test]
    fn rounds_once_as_python_fsum() {
        assert_eq!(sum(&[]), 0.0);
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(sum(&[1e100, 1.0, -1e100, 1e-100]), 1.0);
        // Ties go to even, unless something below the tie decides.
        let half_bit = pow2(-53);
        assert_eq!(sum(&[1.0, half_bit]), 1.0);
        assert_eq!(sum(&[1.0, half_bit, 1e-40]), 1.0 + pow2(-52));
        assert_eq!(sum(&[-1.0, -half_bit, -1e-40]), -1.0 - pow2(-52));
        assert_eq!(sum(&[1.0 + pow2(-52), half_bit, -1e-40]), 1.0 + pow2(-52));
    }

    #[test]
    fn centred_is_zero_just_for_a_constant() {
        let spread = |values: &[f64]| {
            let (mut squares, mut plain) = (ExactSum::default(), ExactSum::default());
            for &value in values {
                squares.add_product(value, value);
                plain.add(value);
            }
            ExactSum::centred(values.len() as u64, &squares, &plain, &plain)
        };
        assert_eq!(spread(&[0.1; 7]), 0.0);
        let next_to = f64::from_bits(0.1_f64.to_bits() + 1);
        let gap = next_to - 0.1;
        assert_eq!(spread(&[0.1, next_to]), gap * gap);
        assert_eq!(spread(&[SMALLEST, 2.0 * SMALLEST]), SMALLEST * SMALLEST);
        assert!(spread(&[LARGEST, -LARGEST]).is_finite());
        assert_eq!(exact(SMALLEST / 2.0), 0.0);
    }

    proptest! {
        /// Integers scaled by powers of two have an exact sum that integer arithmetic knows.
        #[test]
        fn agrees_with_integers(
            terms in prop::collection::vec((-(1_i64 << 52)..(1_i64 << 52), 0_u32..60), 0..40),
            cut in 0_usize..40,
        ) {
            let values: Vec<f64> = terms.iter().map(|&(m, e)| m as f64 * 2_f64.powi(e as i32)).collect();
            let expected: i128 = terms.iter().map(|&(m, e)| i128::from(m) << e).sum();
            prop_assert_eq!(sum(&values), expected as f64);

            let cut = cut.min(values.len());
            let (mut left, mut right) = (ExactSum::default(), ExactSum::default());
            values[..cut].iter().for_each(|&value| left.add(value));
            values[cut..].iter().rev().for_each(|&value| right.add(value));
            right.merge(&left);
            prop_assert_eq!(right.value().to_bits(), (expected as f64).to_bits());
        }
    }
}
