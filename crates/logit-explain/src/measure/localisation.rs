//! Whether relevance lies where it should.

use serde::Serialize;

use super::{of_pixels, ordered, pixels};
use crate::array::Array;
use crate::error::ExplainError;
use crate::number::Number;

/// How much of a sample's relevance lies on a mask (Arras et al. 2022, <https://arxiv.org/abs/2003.07258>).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Localisation {
    /// Mass: `Σ_{i in mask} R_i⁺ / Σ_i R_i⁺`; none where no relevance is positive.
    pub mass: Option<f64>,
    /// Rank: of as many pixels as the mask has, those with the highest relevance, the share that lies on it; none of an empty
    /// mask.
    pub rank: Option<f64>,
}

/// The localisation of each sample's map by its mask, or by one for all.
///
/// # Errors
/// There are neither as many masks as samples nor one, or a mask has not as many pixels as the map.
///
/// ```
/// use logit_explain::Array;
/// use logit_explain::measure::localised;
///
/// let map = Array::new([1, 4], vec![3.0_f64, -1.0, 1.0, 0.0]);
/// let found = localised(&map, &[vec![true, true, false, false]])?;
/// assert_eq!((found[0].mass, found[0].rank), (Some(0.75), Some(0.5)));
/// # Ok::<(), logit_explain::ExplainError>(())
/// ```
pub fn localised<T: Number>(map: &Array<T>, masks: &[Vec<bool>]) -> Result<Vec<Localisation>, ExplainError> {
    let samples = map.rows();
    if masks.len() != samples && masks.len() != 1 {
        return Err(ExplainError::Method(format!("{} masks for {samples} samples", masks.len())));
    }
    let [count, _] = pixels(&map.shape);
    if let Some(mask) = masks.iter().find(|mask| mask.len() != count) {
        return Err(ExplainError::Method(format!("a mask of {} pixels for a map of {count}", mask.len())));
    }
    let each = (0..samples).zip(masks.iter().cycle());
    Ok(each.map(|(sample, mask)| of_sample(&of_pixels(map, sample), mask)).collect())
}

fn of_sample(relevance: &[f64], mask: &[bool]) -> Localisation {
    let positive = || relevance.iter().map(|relevance| relevance.max(0.0));
    let (all, inside) = positive().zip(mask).fold((0.0, 0.0), |(all, inside), (relevance, on)| {
        (all + relevance, if *on { inside + relevance } else { inside })
    });
    let size = mask.iter().filter(|on| **on).count();
    let hits = ordered(relevance).into_iter().take(size).filter(|pixel| mask[*pixel]).count();
    Localisation {
        mass: (all > 0.0).then(|| inside / all),
        rank: (size > 0).then(|| hits as f64 / size as f64),
    }
}
