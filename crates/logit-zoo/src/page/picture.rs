//! Small pictures, such as the samples that were predicted wrongly, carried inside the page.

use super::element::Element;
use super::number::counted;

/// A small picture with a caption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// What is seen, for instance `true 4, predicted 9 (0.87)`.
    pub caption: String,
    /// Pixels in a row; more than 512 are not shown among the pictures of a report.
    pub width: usize,
    /// Rows; more than 512 are not shown there either.
    pub height: usize,
    /// The colours, row by row from the top.
    pub pixels: Pixels,
}

/// Colours of the pixels of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pixels {
    /// One byte a pixel, 0 being black.
    Grey(Vec<u8>),
    /// Red, green and blue of each pixel, as for a map of relevance.
    Rgb(Vec<[u8; 3]>),
}

/// More pictures are not shown.
const SHOWN: usize = 40;

/// Greatest width and height.
const LARGEST: usize = 512;

/// The first 40 pictures as a list; a picture whose size is not that of its pixels is replaced by a sentence.
pub(super) fn pictures(pictures: &[Picture]) -> Option<Element> {
    let items = pictures.iter().take(SHOWN).enumerate().map(|(index, picture)| {
        let caption = Element::new("figcaption").text(&picture.caption);
        Element::new("li").child(Element::new("figure").child(image(picture, index)).child(caption))
    });
    let list = Element::new("ul").with("class", "pictures").children(items);
    let more = pictures.len().saturating_sub(SHOWN);
    let note = (more > 0).then(|| {
        let sentence = format!("Not shown: {}.", counted(more, "more picture"));
        Element::new("p").with("class", "note").text(sentence)
    });
    (!pictures.is_empty()).then(|| Element::new("div").child(list).children(note))
}

fn image(picture: &Picture, index: usize) -> Element {
    let Some(bitmap) = bitmap(picture) else {
        let found = match &picture.pixels {
            Pixels::Grey(pixels) => pixels.len(),
            Pixels::Rgb(pixels) => pixels.len(),
        };
        let sentence =
            format!("{} × {} picture with {}", picture.width, picture.height, counted(found, "pixel"));
        return Element::new("p").text(sentence);
    };
    Element::new("img")
        .with("src", embedded("bmp", &bitmap))
        .with("alt", format!("picture {}", index + 1))
        .with("width", picture.width)
        .with("height", picture.height)
}

/// The picture as a Windows bitmap of 24 bits a pixel, which needs neither compression nor checksums. None if
/// the size is 0, beyond the limit, or not that of the pixels.
fn bitmap(picture: &Picture) -> Option<Vec<u8>> {
    const HEADER: u32 = 54;
    let colours: Vec<[u8; 3]> = match &picture.pixels {
        Pixels::Grey(pixels) => pixels.iter().map(|grey| [*grey; 3]).collect(),
        Pixels::Rgb(pixels) => pixels.clone(),
    };
    let Picture { width, height, .. } = *picture;
    if !(1..=LARGEST).contains(&width) || !(1..=LARGEST).contains(&height) || colours.len() != width * height
    {
        return None;
    }
    // Rows are padded to whole words.
    let row_size = (3 * width).next_multiple_of(4);
    let size = u32::try_from(row_size * height).ok()?;
    let (columns, rows) = (i32::try_from(width).ok()?, i32::try_from(height).ok()?);

    let mut bytes = b"BM".to_vec();
    bytes.extend([size + HEADER, 0, HEADER, 40].iter().flat_map(|field| field.to_le_bytes()));
    // A negative height puts the first row at the top.
    bytes.extend([columns, -rows].iter().flat_map(|field| field.to_le_bytes()));
    // One plane of 24 bits, uncompressed; resolution and palette are left open.
    bytes.extend([1_u16, 24].iter().flat_map(|field| field.to_le_bytes()));
    bytes.extend([0, size, 0, 0, 0, 0].iter().flat_map(|field| field.to_le_bytes()));
    for row in colours.chunks(width) {
        bytes.extend(row.iter().flat_map(|[red, green, blue]| [*blue, *green, *red]));
        bytes.resize(bytes.len() + row_size - 3 * width, 0);
    }
    Some(bytes)
}

/// The address of an image that is carried inside the page.
pub(super) fn embedded(format: &str, image: &[u8]) -> String {
    format!("data:image/{format};base64,{}", base64(image))
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let sextet = (group >> (18 - 6 * place) & 63) as usize;
            encoded.push(if place > chunk.len() { '=' } else { char::from(ALPHABET[sextet]) });
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize, pixels: Pixels) -> Picture {
        Picture { caption: "true 4, predicted 9".to_owned(), width, height, pixels }
    }

    #[test]
    fn base64_agrees_with_rfc_4648() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (bytes, expected) in cases {
            assert_eq!(base64(bytes.as_bytes()), expected);
        }
        assert_eq!(base64(&[0xFB, 0xFF]), "+/8=");
    }

    #[test]
    fn bitmaps_hold_blue_green_red_in_padded_rows_from_the_top() {
        let pixels = Pixels::Rgb(vec![[1, 2, 3], [4, 5, 6]]);
        let bytes = bitmap(&picture(1, 2, pixels)).expect("a bitmap");
        assert_eq!(&bytes[..2], b"BM");
        assert_eq!(bytes[2..6], 62_u32.to_le_bytes());
        assert_eq!(bytes[10..14], 54_u32.to_le_bytes());
        assert_eq!(bytes[18..22], 1_i32.to_le_bytes());
        assert_eq!(bytes[22..26], (-2_i32).to_le_bytes());
        assert_eq!(bytes[28..30], 24_u16.to_le_bytes());
        assert_eq!(bytes[54..], [3, 2, 1, 0, 6, 5, 4, 0]);
        let grey = bitmap(&picture(2, 1, Pixels::Grey(vec![9, 200]))).expect("a bitmap");
        assert_eq!(grey[54..], [9, 9, 9, 200, 200, 200, 0, 0]);
    }

    #[test]
    fn pictures_whose_size_is_wrong_are_replaced_by_a_sentence() {
        for (width, height, count) in [(2, 2, 3), (0, 0, 0), (513, 1, 513), (usize::MAX, 2, 4)] {
            let html = image(&picture(width, height, Pixels::Grey(vec![0; count])), 0).to_string();
            assert!(html.starts_with(&format!("<p>{width} × {height} picture with {count} pixel")), "{html}");
        }
    }

    #[test]
    fn forty_pictures_are_shown() {
        let shown = vec![picture(1, 1, Pixels::Grey(vec![0])); 43];
        let html = pictures(&shown).expect("a list").to_string();
        assert_eq!(html.matches("<img").count(), 40);
        assert!(html.contains("Not shown: 3 more pictures."));
    }
}
