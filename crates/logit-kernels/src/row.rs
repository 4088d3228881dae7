//! One row of numbers on the host: what a unit or a few classes come to, in `f64`.
//!
//! These are the definitions that metrics, predictions and checks share. Whole batches have kernels of their own
//! ([`softmax`](crate::softmax), [`loss`](crate::loss)).

/// Where the first of the largest numbers stands, and that number: 0 and −∞ where there is none.
pub fn largest<N: Into<f64>>(numbers: impl IntoIterator<Item = N>) -> (usize, f64) {
    numbers
        .into_iter()
        .map(Into::into)
        .enumerate()
        .fold((0, f64::NEG_INFINITY), |best, (at, number)| if number > best.1 { (at, number) } else { best })
}

/// Where the first of the largest numbers stands; 0 where there is none.
///
/// ```
/// assert_eq!(logit_kernels::row::argmax(&[0.5_f32, 2.0, 2.0]), 1);
/// ```
pub fn argmax<N: Copy + Into<f64>>(row: &[N]) -> usize {
    largest(row.iter().copied()).0
}

/// Softmax of `logits / temperature`.
pub fn softmax<N: Copy + Into<f64>>(logits: &[N], temperature: f64) -> Vec<f64> {
    let scaled: Vec<f64> = logits.iter().map(|logit| (*logit).into() / temperature).collect();
    let (_, largest) = largest(scaled.iter().copied());
    let powers: Vec<f64> = scaled.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// 1 / (1 + exp(−logit)).
pub fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// ln Σₖ exp(zₖ) − z(target), with the largest term taken out so that nothing overflows and small losses keep
/// all their digits.
///
/// # Panics
/// The row has no such target.
pub fn cross_entropy<N: Copy + Into<f64>>(logits: &[N], target: usize) -> f64 {
    let (top, largest) = largest(logits.iter().copied());
    let others = logits.iter().enumerate().filter(|(class, _)| *class != top);
    let rest: f64 = others.map(|(_, logit)| ((*logit).into() - largest).exp()).sum();
    (largest - logits[target].into()) + rest.ln_1p()
}

/// −t ln σ(z) − (1 − t) ln (1 − σ(z)), of a logit `z` and a target `t` from 0 to 1.
pub fn binary_cross_entropy(logit: f64, target: f64) -> f64 {
    logit.max(0.0) - logit * target + (-logit.abs()).exp().ln_1p()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_of_equals_is_the_largest() {
        assert_eq!(largest([1.0_f32, 3.0, 3.0, f32::NAN]), (1, 3.0));
        assert_eq!(largest::<f64>([]), (0, f64::NEG_INFINITY));
        assert_eq!((argmax::<f32>(&[]), argmax(&[-5.0_f64]), argmax(&[f32::NEG_INFINITY; 2])), (0, 0, 0));
    }

    #[test]
    fn large_logits_overflow_nothing() {
        assert_eq!(softmax(&[1000.0_f32, 0.0], 1.0), [1.0, 0.0]);
        assert_eq!(softmax(&[3.0_f32, 3.0], 0.1), [0.5, 0.5]);
        assert_eq!(cross_entropy(&[1000.0_f32, 0.0], 1), 1000.0);
        assert_eq!((binary_cross_entropy(1000.0, 0.0), binary_cross_entropy(1000.0, 1.0)), (1000.0, 0.0));
        assert_eq!((sigmoid(-1000.0), sigmoid(0.0), sigmoid(1000.0)), (0.0, 0.5, 1.0));
    }

    #[test]
    fn a_small_loss_keeps_its_digits() {
        let sure = cross_entropy(&[50.0_f64, 0.0], 0);
        assert!((sure / (-50.0_f64).exp() - 1.0).abs() < 1e-15, "{sure}");
    }

    proptest! {
        #[test]
        fn losses_are_logarithms_of_probabilities(
            logits in prop::collection::vec(-20.0_f64..20.0, 1..12),
            target in 0_usize..12,
        ) {
            let target = target % logits.len();
            let probabilities = softmax(&logits, 1.0);
            prop_assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            prop_assert!((cross_entropy(&logits, target) + probabilities[target].ln()).abs() < 1e-9);
            let yes = sigmoid(logits[0]);
            let mixed = -0.25 * yes.ln() - 0.75 * (1.0 - yes).ln();
            prop_assert!((binary_cross_entropy(logits[0], 0.25) - mixed).abs() < 1e-6 * (1.0 + mixed));
        }
    }
}
