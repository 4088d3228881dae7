//! Masks as colours over their image.

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

/// The colours of a mask's 256 values.
pub(crate) type Palette = [Option<[u8; 3]>; 256];

/// The colours of masks whose values are classes; the background has none.
pub(crate) fn class_palette() -> Palette {
    std::array::from_fn(|class| Some(COLOURS[class.checked_sub(1)? % COLOURS.len()]))
}

/// The colours of masks whose bits are labels, mixed where a pixel has several; the background has none.
pub(crate) fn label_palette() -> Palette {
    std::array::from_fn(|bits| {
        let labels: Vec<usize> = (0..8).filter(|label| bits >> label & 1 == 1).collect();
        let mean = |channel: usize| {
            let sum: usize =
                labels.iter().map(|label| usize::from(COLOURS[label % COLOURS.len()][channel])).sum();
            (sum / labels.len()) as u8
        };
        (bits > 0).then(|| [mean(0), mean(1), mean(2)])
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
        let classes = class_palette();
        assert_eq!(tinted(77, classes[0]), [77; 3]);
        assert_eq!(tinted(0, classes[1]), [43, 90, 117]);
        assert_eq!(tinted(255, Some([255; 3])), [255; 3]);
        assert!(classes[1] != classes[2] && classes[1] == classes[8]);
        let labels = label_palette();
        assert_eq!((labels[1], labels[2]), (classes[1], classes[2]));
        assert_eq!(labels[3], Some([0x9E, 0xA9, 0x74]));
    }
}
