//! Interpolated KL divergence: a place on a scale against a softmax over its steps.

use super::pass::Pass;
use super::softmax_loss::{Hits, Scales, SoftmaxLoss, Spreads};
use crate::element::Element;
use crate::parallel::Shared;
use crate::softmax::Shape;

/// The sum of the KL divergences from the softmax to the target spread over its two neighbouring steps.
///
/// A target at `s` on the scale, from 0 to `units - 1`, becomes `t_k = max(0, 1 - |k - s|)`, and its divergence is
/// `Σ_k t_k (ln t_k - ln p_k)` (Tai, Socher, Manning 2015). `places`, `[outer, inner]`, are the targets; the gradient is
/// multiplied by `scale`; `of_position` gets each position's divergence.
///
/// # Panics
/// When a length does not fit the shape, or a target is outside the scale.
pub fn interpolated_kl<E: Element>(
    shape: Shape,
    pass: Pass<'_, E>,
    places: &[f32],
    scale: f32,
    of_position: Option<&mut [f32]>,
) -> f64 {
    assert_eq!(places.len(), shape.positions(), "targets of {shape:?}");
    let last = shape.units.saturating_sub(1);
    let hits = |position: usize| {
        let place = places[position];
        assert!(place >= 0.0 && place <= last as f32, "{place} on a scale to {last}, at position {position}");
        let step = (place as usize).min(last);
        let upper = place - step as f32;
        let amounts = [(step, 1.0 - upper), ((step + 1).min(last), upper)];
        let constant = amounts.map(|(_, amount)| if amount > 0.0 { amount * amount.ln() } else { 0.0 });
        Some(Hits { amounts, constant: constant.iter().sum() })
    };
    let of_position = of_position.map(|losses| {
        assert_eq!(losses.len(), shape.positions(), "losses of {shape:?}");
        Shared::new(losses)
    });
    let loss = SoftmaxLoss {
        logits: pass.numbers(shape.len()),
        hits,
        spread: Spreads::None,
        z_loss: 0.0,
        soft_cap: None,
        scales: Scales { surprise: scale, z: 0.0 },
        of_position,
    };
    loss.sums(shape).surprise
}
