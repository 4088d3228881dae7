//! Bringing a picture to the size, and the look, of the images that a model was trained on.

use image::imageops::{self, FilterType};
use image::{GrayImage, Luma};

use crate::error::DataError;
use crate::picture::{MAX_SIDE, Picture, border_mean};

/// Side of the images of MNIST.
const FRAME: u32 = 28;

/// Side of the box in the frame into which MNIST fits a digit.
const DIGIT_BOX: u32 = 20;

/// How much brighter than the ground something must be, of 255, to be a drawing and not a shade of the paper.
const LEAST_CONTRAST: u8 = 32;

/// The part of the full contrast from which a pixel belongs to the digit. Lower values take the noise of a
/// photograph for ink, higher ones cut the soft edge of a stroke off and so enlarge the digit.
const INK: f64 = 0.2;

const FILTER: FilterType = FilterType::CatmullRom;

impl Picture {
    /// The picture in a frame of `height`×`width`: as large as fits with its aspect ratio kept, in the
    /// middle, and around it the mean of its border. One that has this size already is left as it is.
    ///
    /// # Errors
    /// [`DataError::Size`] unless both sides are 1 to [`MAX_SIDE`].
    pub fn fit(self, height: usize, width: usize) -> Result<Self, DataError> {
        let sides = 1..=MAX_SIDE as usize;
        if !sides.contains(&height) || !sides.contains(&width) {
            return Err(DataError::Size { height, width, limit: MAX_SIDE as usize });
        }
        let frame = (width as u32, height as u32);
        if self.grey.dimensions() == frame {
            return Ok(self);
        }
        let ground = Luma([border_mean(&self.grey).round() as u8]);
        let resized = resize_within(&self.grey, frame);
        let mut framed = GrayImage::from_pixel(frame.0, frame.1, ground);
        let (x, y) = ((frame.0 - resized.width()) / 2, (frame.1 - resized.height()) / 2);
        imageops::replace(&mut framed, &resized, x.into(), y.into());
        Ok(self.resized_to(framed))
    }

    /// The picture of one digit, made to look like those of MNIST: 28×28, with the digit, its aspect ratio
    /// kept, in a box of 20×20 that is placed so that the centre of mass of its ink is the centre of the
    /// frame. The ground becomes 0 and the brightest ink 255.
    ///
    /// A picture that is 28×28 already is taken to be made in this way, and left as it is.
    ///
    /// The digit is whatever stands out from the ground, the mean of the border, by a fifth of the contrast:
    /// it needs even light, and nothing else in the picture. MNIST's own procedure is described by its
    /// authors at <https://yann.lecun.com/exdb/mnist/>.
    ///
    /// # Errors
    /// [`DataError::Blank`] if nothing stands out.
    pub fn fit_digit(self) -> Result<Self, DataError> {
        let ground = border_mean(&self.grey).round() as u8;
        let contrast = self.grey.pixels().map(|pixel| pixel.0[0]).max().unwrap_or(0).saturating_sub(ground);
        if contrast < LEAST_CONTRAST {
            return Err(DataError::Blank { name: self.name, contrast, needed: LEAST_CONTRAST });
        }
        if self.grey.dimensions() == (FRAME, FRAME) {
            return Ok(self);
        }
        let mut digit = crop_to_ink(&self.grey, ground, contrast);
        digit.pixels_mut().for_each(|pixel| pixel.0[0] = pixel.0[0].saturating_sub(ground));
        let mut digit = resize_within(&digit, (DIGIT_BOX, DIGIT_BOX));
        stretch_to_white(&mut digit);
        Ok(self.resized_to(place_by_mass(&digit)))
    }

    fn resized_to(self, grey: GrayImage) -> Self {
        let resized_from = self.resized_from.or(Some(self.grey.dimensions()));
        Self { grey, resized_from, ..self }
    }
}

/// As large as fits into (width, height), the aspect ratio kept, and at least one pixel wide and high.
fn resize_within(grey: &GrayImage, (width, height): (u32, u32)) -> GrayImage {
    let scale =
        (f64::from(width) / f64::from(grey.width())).min(f64::from(height) / f64::from(grey.height()));
    let scaled = |side: u32, limit| ((f64::from(side) * scale).round() as u32).clamp(1, limit);
    imageops::resize(grey, scaled(grey.width(), width), scaled(grey.height(), height), FILTER)
}

/// The smallest rectangle with all the ink.
fn crop_to_ink(grey: &GrayImage, ground: u8, contrast: u8) -> GrayImage {
    let least = f64::from(ground) + INK * f64::from(contrast);
    let (mut left, mut top, mut right, mut bottom) = (grey.width(), grey.height(), 0, 0);
    for (x, y, _) in grey.enumerate_pixels().filter(|(_, _, pixel)| f64::from(pixel.0[0]) >= least) {
        (left, top, right, bottom) = (left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1));
    }
    let (width, height) = (right.saturating_sub(left), bottom.saturating_sub(top));
    imageops::crop_imm(grey, left, top, width, height).to_image()
}

fn stretch_to_white(grey: &mut GrayImage) {
    let brightest = u32::from(grey.pixels().map(|pixel| pixel.0[0]).max().unwrap_or(0).max(1));
    grey.pixels_mut().for_each(|pixel| pixel.0[0] = (u32::from(pixel.0[0]) * 255 / brightest) as u8);
}

/// The digit in the frame of MNIST, its centre of mass at pixel (14, 14) as near as whole pixels allow.
fn place_by_mass(digit: &GrayImage) -> GrayImage {
    let (mut mass, mut x_moment, mut y_moment) = (0.0, 0.0, 0.0);
    for (x, y, pixel) in digit.enumerate_pixels() {
        let ink = f64::from(pixel.0[0]);
        mass += ink;
        x_moment += ink * f64::from(x);
        y_moment += ink * f64::from(y);
    }
    let start = |moment: f64, side: u32| {
        let start = (f64::from(FRAME / 2) - moment / f64::max(mass, 1.0)).round();
        (start.max(0.0) as u32).min(FRAME - side)
    };
    let mut frame = GrayImage::new(FRAME, FRAME);
    let (x, y) = (start(x_moment, digit.width()), start(y_moment, digit.height()));
    imageops::replace(&mut frame, digit, x.into(), y.into());
    frame
}

#[cfg(test)]
mod tests {
    use image::ImageFormat;

    use super::*;
    use crate::image_set::ImageSet;
    use crate::{digits, testing};

    fn picture(width: u32, height: u32, pixels: &[u8]) -> Picture {
        let grey = GrayImage::from_raw(width, height, pixels.to_vec()).expect("as many pixels");
        Picture::decode("drawing.png", &testing::encoded(grey, ImageFormat::Png)).expect("a PNG")
    }

    /// A digit of MNIST, large, in ink of the grey value `ink` on paper of the grey value `paper`, 200 wide
    /// and 300 high.
    fn drawn_large(digit: &[u8], ink: f32, paper: f32) -> GrayImage {
        let digit = GrayImage::from_raw(28, 28, digit.to_vec()).expect("28×28");
        let large = imageops::resize(&digit, 200, 200, FilterType::CatmullRom);
        let shade = |pixel: u8| (paper + (ink - paper) * f32::from(pixel) / 255.0) as u8;
        GrayImage::from_fn(200, 300, |x, y| {
            let pixel = y.checked_sub(70).filter(|&y| y < 200).map_or(0, |y| large.get_pixel(x, y).0[0]);
            Luma([shade(pixel)])
        })
    }

    fn cosine(a: &[u8], b: &[u8]) -> f64 {
        let dot =
            |a: &[u8], b: &[u8]| -> f64 { a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum() };
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    }

    fn nearest_label(set: &ImageSet, pixels: &[u8]) -> u8 {
        let distance = |image: &[u8]| -> u64 {
            image.iter().zip(pixels).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum()
        };
        let nearest = (0..set.len()).min_by_key(|&row| set.image(row).map(distance));
        set.labels()[nearest.expect("a set with images")]
    }

    /// Fits large drawings of the first test digits; returns the cosines to the originals, and how many of
    /// the originals and of the drawings have a nearest neighbour of the right class in the training set.
    fn compare(draw: impl Fn(&[u8]) -> Vec<u8>) -> (Vec<f64>, usize, usize) {
        let set = digits::embedded().expect("undamaged assets");
        let (mut cosines, mut originals_right, mut drawings_right) = (Vec::new(), 0, 0);
        for (row, &label) in set.test.labels().iter().enumerate().take(200) {
            let original = set.test.image(row).expect("a row of the set");
            let fitted =
                Picture::decode("drawing", &draw(original)).and_then(Picture::fit_digit).expect("a digit");
            assert!(fitted.inverted());
            assert_eq!(fitted.resized_from(), Some((200, 300)));
            cosines.push(cosine(fitted.pixels(), original));
            originals_right += usize::from(nearest_label(&set.train, original) == label);
            drawings_right += usize::from(nearest_label(&set.train, fitted.pixels()) == label);
        }
        (cosines, originals_right, drawings_right)
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    #[test]
    fn a_large_drawing_becomes_the_digit_that_it_was() {
        let draw = |digit: &[u8]| testing::encoded(drawn_large(digit, 0.0, 255.0), ImageFormat::Png);
        let (cosines, originals_right, drawings_right) = compare(draw);
        assert!(mean(&cosines) > 0.95, "mean {}", mean(&cosines));
        assert!(cosines.iter().all(|&cosine| cosine > 0.6), "{cosines:?}");
        assert!(drawings_right + 4 >= originals_right, "{drawings_right} of {originals_right}");
    }

    #[test]
    fn a_noisy_photograph_becomes_the_digit_that_it_was() {
        let draw = |digit: &[u8]| {
            let mut photograph = drawn_large(digit, 50.0, 200.0);
            for (x, y, pixel) in photograph.enumerate_pixels_mut() {
                let noise = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519))
                    .wrapping_mul(3_266_489_917)
                    >> 27;
                pixel.0[0] = pixel.0[0] - 16 + noise as u8;
            }
            testing::encoded(photograph, ImageFormat::Jpeg)
        };
        let (cosines, originals_right, drawings_right) = compare(draw);
        assert!(mean(&cosines) > 0.94, "mean {}", mean(&cosines));
        assert!(drawings_right + 4 >= originals_right, "{drawings_right} of {originals_right}");
    }

    #[test]
    fn a_digit_of_mnist_is_left_as_it_is() {
        let digits = digits::embedded().expect("undamaged assets").test;
        for row in 0..50 {
            let original = digits.image(row).expect("a row of the set");
            let fitted = picture(28, 28, original).fit_digit().expect("a digit");
            assert_eq!((fitted.pixels(), fitted.inverted(), fitted.resized_from()), (original, false, None));
        }
    }

    #[test]
    fn a_digit_is_centred_by_its_mass() {
        // A square with a thin tail to the right: 40×20 in all, most of its mass on the left.
        let mut drawing = GrayImage::new(100, 100);
        for (x, y) in (0..20).flat_map(|x| (0..20).map(move |y| (x, y))) {
            drawing.put_pixel(x + 50, y + 70, Luma([200]));
        }
        for x in 20..40 {
            drawing.put_pixel(x + 50, 80, Luma([200]));
        }
        let fitted = picture(100, 100, drawing.as_raw()).fit_digit().expect("a digit");
        let lit: Vec<(usize, usize)> =
            (0..784).filter(|&i| fitted.pixels()[i] > 127).map(|i| (i / 28, i % 28)).collect();
        let rows = lit.iter().map(|&(row, _)| row);
        assert_eq!((rows.clone().min(), rows.max()), (Some(9), Some(18)));
        let columns = lit.iter().map(|&(_, column)| column);
        assert_eq!((columns.clone().min(), columns.max()), (Some(8), Some(17)));
        assert_eq!(fitted.pixels().iter().max(), Some(&255));
        assert_eq!(fitted.pixels()[0], 0);
    }

    #[test]
    fn nothing_drawn_is_an_error() {
        let paper: Vec<u8> = (0..30 * 30).map(|i| 225 + (i % 7) as u8).collect();
        assert_eq!(
            picture(30, 30, &paper).fit_digit().expect_err("only paper").to_string(),
            "drawing.png is blank: no pixel is more than 3 of 255 brighter than the border, and 32 \
             are needed; draw in one colour on an even ground (transparent parts count as white)"
        );
        assert!(matches!(picture(28, 28, &[0; 784]).fit_digit(), Err(DataError::Blank { contrast: 0, .. })));
        assert!(matches!(picture(1, 1, &[255]).fit_digit(), Err(DataError::Blank { .. })));
    }

    #[test]
    fn the_aspect_ratio_is_kept() {
        // Two columns of ink across a wide picture, on a ground of 10.
        let wide: Vec<u8> =
            (0..40 * 10).map(|i| if (10..30).contains(&(i % 40)) { 210 } else { 10 }).collect();
        let fitted = picture(40, 10, &wide).fit(16, 20).expect("a size");
        assert_eq!((fitted.height(), fitted.width(), fitted.resized_from()), (16, 20, Some((40, 10))));
        let column = |x: usize| fitted.pixels().iter().skip(x).step_by(20).copied().collect::<Vec<_>>();
        let ground = 10 + (200.0 * 40.0 / 100.0) as u8;
        assert_eq!(column(10)[5..10], [210; 5]);
        assert_eq!(column(10)[..5], [ground; 5]);
        assert_eq!(column(0)[5..10], [10; 5]);
    }

    #[test]
    fn a_picture_of_the_right_size_is_left_as_it_is() {
        let pixels: Vec<u8> = (0..12).map(|i| i * 9).collect();
        let fitted = picture(4, 3, &pixels).fit(3, 4).expect("a size");
        assert_eq!((fitted.pixels(), fitted.resized_from()), (&pixels[..], None));
        assert_eq!(
            picture(4, 3, &pixels).fit(0, 4).expect_err("no rows").to_string(),
            "0×4 is no size for an image; each side must be 1 to 10000"
        );
    }

    #[test]
    fn a_line_keeps_a_pixel() {
        let fitted = picture(500, 1, &[90; 500]).fit(28, 28).expect("a size");
        assert_eq!(fitted.pixels(), [90; 784]);
    }
}
