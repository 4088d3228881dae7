//! From relevance to colours.

/// A colour: red, green, blue.
pub(super) type Rgb = [u8; 3];

pub(super) const BLACK: Rgb = [0; 3];
pub(super) const WHITE: Rgb = [255; 3];

/// The colours of a map. A map whose relevance is nowhere negative uses all of its colours for what there is; otherwise
/// nothing is white, and equal amounts for and against are equally strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colours {
    /// Black, red, yellow: from 0 to the largest.
    OneSided,
    /// Blue, white, red: from the largest against, over 0, to the largest for.
    Signed,
}

/// What is below this share of the largest is taken for a rounding error of a map that has no negative relevance.
const ROUNDING: f32 = 1e-6;

/// How much of a pixel is colour where a map over an image is strongest.
const STRONGEST: f32 = 0.85;

impl Colours {
    /// The colours for maps of which `smallest` and `largest` are the extremes.
    pub(super) fn for_range(smallest: f32, largest: f32) -> Self {
        if smallest < -ROUNDING * largest.max(0.0) { Self::Signed } else { Self::OneSided }
    }

    /// The lowest share that has a colour of its own.
    pub(super) fn lowest(self) -> f32 {
        match self {
            Self::OneSided => 0.0,
            Self::Signed => -1.0,
        }
    }

    /// The colour of a share of the largest relevance; shares beyond −1 and 1 have the colours of the ends.
    pub(super) fn at(self, share: f32) -> Rgb {
        match self {
            Self::OneSided => between(&[BLACK, [255, 0, 0], [255, 255, 0]], share.max(0.0)),
            Self::Signed => {
                let [strong, weak, other] = between(&[WHITE, [255, 110, 90], [178, 0, 20]], share.abs());
                if share < 0.0 { [other, weak, strong] } else { [strong, weak, other] }
            }
        }
    }

    /// A grey pixel under the colour of a share: the more relevance, the more colour; none is the image itself.
    pub(super) fn over(self, grey: u8, share: f32) -> Rgb {
        // The dark and the white end of the scales would change the image where hardly anything is relevant.
        let seen = 0.5 + 0.5 * share.abs();
        let colour = self.at(seen.copysign(share));
        let amount = STRONGEST * share.abs().min(1.0).sqrt();
        colour.map(|channel| mixed(grey, channel, amount))
    }
}

/// What a value is of the largest amount, between −1 and 1; 0 if there is no amount to compare with.
pub(super) fn share(value: f32, largest: f32) -> f32 {
    if largest > 0.0 && value.is_finite() { (value / largest).clamp(-1.0, 1.0) } else { 0.0 }
}

/// The largest amount among values that are finite; 0 if there are none.
pub(super) fn largest_amount(values: impl IntoIterator<Item = f32>) -> f32 {
    values.into_iter().filter(|value| value.is_finite()).fold(0.0, |largest, value| largest.max(value.abs()))
}

/// What can be read on a background: black, or white.
pub(super) fn ink_on(background: Rgb) -> Rgb {
    if grey(background) > 127 { BLACK } else { WHITE }
}

/// The grey of a colour (ITU-R BT.601).
pub(super) fn grey([red, green, blue]: Rgb) -> u8 {
    ((299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue) + 500) / 1000) as u8
}

/// The colour at a place between 0 and 1 on evenly spaced stops.
fn between([first, middle, last]: &[Rgb; 3], place: f32) -> Rgb {
    let place = 2.0 * place.min(1.0);
    let (from, to, amount) = if place < 1.0 { (first, middle, place) } else { (middle, last, place - 1.0) };
    std::array::from_fn(|channel| mixed(from[channel], to[channel], amount))
}

fn mixed(from: u8, to: u8, amount: f32) -> u8 {
    (f32::from(from) + (f32::from(to) - f32::from(from)) * amount + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_have_the_colours_of_their_names_at_their_ends_and_middle() {
        use Colours::{OneSided, Signed};
        let cases = [
            (OneSided, 0.0, [0, 0, 0]),
            (OneSided, 0.25, [128, 0, 0]),
            (OneSided, 0.5, [255, 0, 0]),
            (OneSided, 0.75, [255, 128, 0]),
            (OneSided, 1.0, [255, 255, 0]),
            (OneSided, 7.0, [255, 255, 0]),
            (OneSided, -0.5, [0, 0, 0]),
            (Signed, -9.0, [20, 0, 178]),
            (Signed, -1.0, [20, 0, 178]),
            (Signed, -0.5, [90, 110, 255]),
            (Signed, 0.0, [255, 255, 255]),
            (Signed, 0.5, [255, 110, 90]),
            (Signed, 1.0, [178, 0, 20]),
        ];
        for (colours, share, expected) in cases {
            assert_eq!(colours.at(share), expected, "{colours:?} at {share}");
        }
    }

    #[test]
    fn equal_amounts_for_and_against_are_equally_strong() {
        for share in (0..=100).map(|percent| percent as f32 / 100.0) {
            let mut mirrored = Colours::Signed.at(-share);
            mirrored.reverse();
            assert_eq!(Colours::Signed.at(share), mirrored);
        }
    }

    #[test]
    fn relevance_that_is_nowhere_negative_is_one_sided_also_after_rounding() {
        let cases = [
            (0.0, 0.0, Colours::OneSided),
            (0.1, 2.0, Colours::OneSided),
            (-1e-7, 2.0, Colours::OneSided),
            (-1e-3, 2.0, Colours::Signed),
            (-2.0, -1.0, Colours::Signed),
            (-1e-30, 0.0, Colours::Signed),
        ];
        for (smallest, largest, expected) in cases {
            assert_eq!(Colours::for_range(smallest, largest), expected, "{smallest} to {largest}");
        }
    }

    #[test]
    fn without_relevance_the_image_is_seen_and_with_it_the_colour() {
        for colours in [Colours::OneSided, Colours::Signed] {
            assert_eq!(colours.over(77, 0.0), [77; 3]);
        }
        let [red, green, blue] = Colours::Signed.over(100, 1.0);
        assert!(red > 160 && green < 20 && blue < 40, "{red} {green} {blue}");
        let [red, _, blue] = Colours::Signed.over(100, -1.0);
        assert!(blue > 160 && red < 40, "{red} {blue}");
    }

    #[test]
    fn ink_can_be_read() {
        assert_eq!((ink_on(WHITE), ink_on(BLACK)), (BLACK, WHITE));
        assert_eq!(
            (ink_on([255, 255, 0]), ink_on([178, 0, 20]), ink_on([20, 0, 178])),
            (BLACK, WHITE, WHITE)
        );
        assert_eq!((grey([255, 0, 0]), grey([9, 9, 9])), (76, 9));
    }
}
