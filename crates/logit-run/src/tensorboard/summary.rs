//! The values of an event: a scalar, a histogram, an image. Field numbers are those of TensorBoard's `summary.proto`.
//!
//! These are the values of TensorFlow 1, which the writers of other libraries still write: TensorBoard turns them into the
//! tensors of TensorFlow 2 while it reads them, and shows them in the same tabs.

use std::io;

use super::error::EventError;
use super::message::Message;

/// Numbers counted in bins of equal width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Histogram<'a> {
    /// The smallest number; the first bin begins here.
    pub low: f64,
    /// The largest number; the last bin ends here.
    pub high: f64,
    /// How many numbers there are.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub sum_of_squares: f64,
    /// How many are in each bin. Where `low` is `high` they are not read, and may be absent: all numbers are in one place.
    pub bins: &'a [u32],
}

impl Histogram<'_> {
    /// Where each bin ends, and how many numbers it has.
    fn buckets(&self) -> (Vec<f64>, Vec<f64>) {
        if self.low >= self.high {
            return (vec![self.high], vec![self.count as f64]);
        }
        let (last, width) = (self.bins.len(), self.high - self.low);
        let mut ends: Vec<f64> =
            (1..=last).map(|bin| self.low + width * (bin as f64 / last as f64)).collect();
        ends[last - 1] = self.high;
        (ends, self.bins.iter().map(|&count| f64::from(count)).collect())
    }

    /// Whether the bins have a place on the axis.
    fn is_sound(&self) -> bool {
        let width = self.high - self.low;
        width.is_finite() && (width == 0.0 || width > 0.0 && !self.bins.is_empty())
    }
}

/// The summary of a scalar.
pub(super) fn scalar(tag: &str, value: f32) -> Message {
    summary(&tagged(tag).float(2, value))
}

/// The summary of a histogram.
///
/// # Errors
/// The bins have no place on the axis.
pub(super) fn histogram(tag: &str, histogram: &Histogram) -> Result<Message, EventError> {
    if !histogram.is_sound() {
        let &Histogram { low, high, bins, .. } = histogram;
        return Err(EventError::Histogram { tag: tag.to_owned(), low, high, bins: bins.len() });
    }
    let (ends, counts) = histogram.buckets();
    let value = Message::new()
        .double(1, histogram.low)
        .double(2, histogram.high)
        .double(3, histogram.count as f64)
        .double(4, histogram.sum)
        .double(5, histogram.sum_of_squares)
        .doubles(6, &ends)
        .doubles(7, &counts);
    Ok(summary(&tagged(tag).message(5, &value)))
}

/// The summary of an image: rows from the top, a byte per channel.
///
/// # Errors
/// The pixels do not fill the image.
pub(super) fn image(
    tag: &str,
    width: u32,
    height: u32,
    channels: u8,
    pixels: &[u8],
) -> Result<Message, EventError> {
    let unfit = || EventError::Image { tag: tag.to_owned(), width, height, channels, found: pixels.len() };
    let color = color_of(channels).ok_or_else(unfit)?;
    let needed = (u64::from(width) * u64::from(height)).checked_mul(u64::from(channels));
    if needed != Some(pixels.len() as u64) || pixels.is_empty() {
        return Err(unfit());
    }
    // TensorBoard's numbers of the colour spaces are the numbers of their channels.
    let value = Message::new()
        .integer(1, u64::from(height))
        .integer(2, u64::from(width))
        .integer(3, u64::from(channels))
        .bytes(4, &png(width, height, color, pixels)?);
    Ok(summary(&tagged(tag).message(4, &value)))
}

fn tagged(tag: &str) -> Message {
    Message::new().bytes(1, tag.as_bytes())
}

fn summary(value: &Message) -> Message {
    Message::new().message(1, value)
}

fn color_of(channels: u8) -> Option<png::ColorType> {
    match channels {
        1 => Some(png::ColorType::Grayscale),
        2 => Some(png::ColorType::GrayscaleAlpha),
        3 => Some(png::ColorType::Rgb),
        4 => Some(png::ColorType::Rgba),
        _ => None,
    }
}

fn png(width: u32, height: u32, color: png::ColorType, pixels: &[u8]) -> io::Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counted(low: f64, high: f64, bins: &[u32]) -> Histogram<'_> {
        let count = bins.iter().map(|&count| u64::from(count)).sum();
        Histogram { low, high, count, sum: 0.0, sum_of_squares: 0.0, bins }
    }

    #[test]
    fn bins_end_where_the_next_begin() {
        let buckets = counted(-1.0, 1.0, &[3, 0, 1, 2]).buckets();
        assert_eq!(buckets, (vec![-0.5, 0.0, 0.5, 1.0], vec![3.0, 0.0, 1.0, 2.0]));
        let equal = Histogram { count: 7, ..counted(2.0, 2.0, &[]) };
        assert_eq!(equal.buckets(), (vec![2.0], vec![7.0]));
    }

    #[test]
    fn bins_without_a_place_are_an_error() {
        for (low, high) in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (f64::MIN, f64::MAX)] {
            assert!(histogram("weights", &counted(low, high, &[1])).is_err(), "{low} {high}");
        }
        let error = histogram("weights", &counted(0.0, 1.0, &[])).unwrap_err().to_string();
        assert!(error.contains("`weights`: 0 bins from 0 to 1"), "{error}");
    }

    #[test]
    fn pixels_that_do_not_fill_the_image_are_an_error() {
        let error = image("digit", 2, 2, 3, &[0; 11]).unwrap_err().to_string();
        assert!(error.contains("`digit`: found 11 bytes, but 2×2 pixels of 3 channels"), "{error}");
        let wrong: [(u32, u32, u8, usize); 4] =
            [(2, 2, 5, 20), (0, 2, 1, 0), (2, 2, 0, 0), (u32::MAX, u32::MAX, 4, 4)];
        for (width, height, channels, bytes) in wrong {
            assert!(image("digit", width, height, channels, &vec![0; bytes]).is_err());
        }
    }

    proptest! {
        #[test]
        fn ends_rise_to_the_highest(low in -1e30..1e30, width in 1e-30..1e30, bins in prop::collection::vec(0_u32.., 1..70)) {
            let high: f64 = low + width;
            prop_assume!(high > low);
            let (ends, counts) = counted(low, high, &bins).buckets();
            prop_assert!(ends.is_sorted() && ends[0] >= low && ends.last() == Some(&high));
            prop_assert_eq!(counts.len(), ends.len());
        }

        #[test]
        fn pixels_come_back(width in 1_u32..9, height in 1_u32..9, channels in 1_u8..5, seed: u8) {
            let bytes = width * height * u32::from(channels);
            let pixels: Vec<u8> = (0..bytes).map(|at| (at as u8).wrapping_mul(37) ^ seed).collect();
            let file = png(width, height, color_of(channels).unwrap(), &pixels).unwrap();
            let mut reader = png::Decoder::new(io::Cursor::new(file)).read_info().unwrap();
            let mut back = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut back).unwrap();
            prop_assert_eq!(back, pixels);
        }
    }
}
