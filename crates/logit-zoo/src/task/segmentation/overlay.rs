//! Masks as colours over their image.

use crate::recipe::PixelAnswer;

/// Colours that are told apart also with a colour vision deficiency (Okabe and Ito 2008), for the units after the
/// background.
const COLOURS: [[u8; 3]; 7] = [
    [0x56, 0xB4, 0xE9], // sky blue
    [0xE6, 0x9F, 0x00], // orange
    [0x00, 0x9E, 0x73], // bluish green
    [0xF0, 0xE4, 0x42], // yellow
    [0x00, 0x72, 0xB2], // blue
    [0xD5, 0x5E, 0x00], // vermilion
    [0xCC, 0x79, 0xA7], // reddish purple
];

/// Parts of colour in a pixel of ten; the rest is the image.
const COLOUR: u16 = 5;

/// The colours of a mask's 256 values; the background has none.
pub(crate) fn palette(answer: PixelAnswer) -> [Option<[u8; 3]>; 256] {
    std::array::from_fn(|value| match (answer, value) {
        (_, 0) => None,
        (PixelAnswer::Classes, class) => Some(COLOURS[(class - 1) % COLOURS.len()]),
        (PixelAnswer::Labels, bits) => {
            let labels: Vec<usize> = (0..8).filter(|label| bits >> label & 1 == 1).collect();
            let mean = |channel: usize| {
                let sum: usize =
                    labels.iter().map(|label| usize::from(COLOURS[label % COLOURS.len()][channel])).sum();
                (sum / labels.len()) as u8
            };
            Some([mean(0), mean(1), mean(2)])
        }
    })
}

/// A pixel with the colour of what it was decided to be.
pub(crate) fn tinted(grey: u8, colour: Option<[u8; 3]>) -> [u8; 3] {
    let mixed = |colour: u8| ((u16::from(grey) * (10 - COLOUR) + u16::from(colour) * COLOUR + 5) / 10) as u8;
    colour.map_or([grey; 3], |colour| colour.map(mixed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_background_is_the_image_and_labels_mix() {
        let classes = palette(PixelAnswer::Classes);
        assert_eq!(tinted(77, classes[0]), [77; 3]);
        assert_eq!(tinted(0, classes[1]), [43, 90, 117]);
        assert_eq!(tinted(255, Some([255; 3])), [255; 3]);
        assert!(classes[1] != classes[2] && classes[1] == classes[8]);
        let labels = palette(PixelAnswer::Labels);
        assert_eq!((labels[1], labels[2]), (classes[1], classes[2]));
        assert_eq!(labels[3], Some([0x9E, 0xA9, 0x74]));
    }
}
