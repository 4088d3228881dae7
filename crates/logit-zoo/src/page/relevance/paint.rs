//! A sheet into a PNG file, band by band, so that no more than a band is held.

use std::io::Write;

use png::{BitDepth, ColorType, Encoder, EncodingError};

use super::canvas::{Canvas, Letters, text_width};
use super::colour::{Rgb, grey, share};
use super::fit::resampled;
use super::layout::{BAR, BAR_FOOT, BAR_TOP, Band, GAP, LINE, Layout, MARGIN, TITLE};
use super::shades::{Shade, Shades, drawn};
use super::sheet::{Map, Row, Sheet};
use crate::page::number::value;
use crate::page::{Picture, Pixels};

/// The colours of the page's light style.
const INK: Rgb = [0x1B, 0x21, 0x28];
const MUTED: Rgb = [0x59, 0x63, 0x6E];
const EDGE: Rgb = [0xC4, 0xCB, 0xD3];

const PLAIN: Letters = Letters { colour: INK, bold: false, enlarged: 1 };
const QUIET: Letters = Letters { colour: MUTED, ..PLAIN };
const STRONG: Letters = Letters { bold: true, ..PLAIN };
const HEADING: Letters = Letters { enlarged: TITLE, ..STRONG };

/// The file.
pub(super) fn painted(sheet: &Sheet, layout: &Layout, shades: &Shades) -> Result<Vec<u8>, EncodingError> {
    let mut bytes = Vec::new();
    // The limit on pixels keeps both well below what a PNG can have.
    let mut encoder = Encoder::new(&mut bytes, layout.width as u32, layout.height() as u32);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    let mut stream = writer.stream_writer()?;
    stream.write_all(header(sheet, layout).pixels())?;
    for (index, (row, band)) in sheet.rows.iter().zip(&layout.rows).enumerate() {
        stream.write_all(painted_row(row, band, layout, shades.row(index)).pixels())?;
    }
    stream.finish()?;
    writer.finish()?;
    Ok(bytes)
}

fn header(sheet: &Sheet, layout: &Layout) -> Canvas {
    let mut canvas = Canvas::new(layout.width, layout.header);
    canvas.text((MARGIN, MARGIN), &sheet.title, HEADING, layout.width - 2 * MARGIN);
    canvas
}

fn painted_row(row: &Row, band: &Band, layout: &Layout, shades: &[Shade]) -> Canvas {
    let mut canvas = Canvas::new(layout.width, band.height);
    let Band { top, panel, .. } = *band;
    canvas.text((MARGIN, 0), &row.input.caption, STRONG, layout.width - 2 * MARGIN);
    let input = pixels(&row.input, panel);
    canvas.text((MARGIN, top - LINE), "input", QUIET, text_width("input"));
    panel_of(&mut canvas, (MARGIN, top), panel, |place| input[place]);
    for ((map, shade), (left, width)) in row.maps.iter().zip(shades.iter().copied()).zip(&layout.columns) {
        let (left, foot) = (*left, top + panel.1);
        let values = drawn(map, panel);
        let share_at = |place: usize| share(values[place], shade.largest);
        canvas.text((left, top - LINE), &map.title, PLAIN, *width);
        panel_of(&mut canvas, (left, top), panel, |place| shade.colours.at(share_at(place)));
        let beside = (left + panel.0 + GAP, top);
        panel_of(&mut canvas, beside, panel, |place| shade.colours.over(grey(input[place]), share_at(place)));
        below(&mut canvas, (left, foot), *width, map, shade);
    }
    canvas
}

/// Pixels in a frame, each as `colour` says of its place.
fn panel_of(
    canvas: &mut Canvas,
    corner: (usize, usize),
    size: (usize, usize),
    colour: impl Fn(usize) -> Rgb,
) {
    canvas.frame(corner, size, EDGE);
    canvas.fill(corner, size, |x, y| colour(y * size.0 + x));
}

/// The colours of a map with their numbers, and its note.
fn below(canvas: &mut Canvas, (left, foot): (usize, usize), width: usize, map: &Map, shade: Shade) {
    let (top, lowest) = (foot + BAR_TOP, shade.colours.lowest());
    let colour = |x: usize| {
        let place = x as f32 / (width - 1).max(1) as f32;
        let share = lowest + (1.0 - lowest) * place;
        shade.colours.at(if shade.largest > 0.0 { share } else { 0.0 })
    };
    canvas.frame((left, top), (width, BAR), EDGE);
    canvas.fill((left, top), (width, BAR), |x, _| colour(x));
    let numbers = top + BAR + BAR_FOOT;
    for (share, text) in labels(shade) {
        let room = width.saturating_sub(text_width(&text));
        let along = (share - lowest) / (1.0 - lowest);
        canvas.text((left + (room as f32 * along) as usize, numbers), &text, QUIET, width);
    }
    canvas.text((left, numbers + LINE), &map.note, QUIET, width);
}

/// The numbers at the colours, each with the share of the largest that it stands for.
fn labels(shade: Shade) -> Vec<(f32, String)> {
    if shade.largest == 0.0 {
        return vec![(shade.colours.lowest(), value(0.0))];
    }
    let largest = f64::from(shade.largest);
    let [less, more] = shade.beyond;
    let end = |sign: &str, is_beyond: bool, number: f64| {
        format!("{}{}", if is_beyond { sign } else { "" }, value(number))
    };
    let mut labels = vec![(0.0, value(0.0)), (1.0, end("≥", more, largest))];
    if shade.colours.lowest() < 0.0 {
        labels.push((-1.0, end("≤", less, -largest)));
    }
    labels
}

/// The colours of an input at the size of its panel.
fn pixels(picture: &Picture, panel: (usize, usize)) -> Vec<Rgb> {
    let size = (picture.width, picture.height);
    let sized = |value: &dyn Fn(usize) -> u8| -> Vec<u8> {
        let values = resampled(|place| f32::from(value(place)), size, panel);
        values.into_iter().map(|value| value.round() as u8).collect()
    };
    match &picture.pixels {
        Pixels::Grey(pixels) => sized(&|place| pixels[place]).into_iter().map(|grey| [grey; 3]).collect(),
        Pixels::Rgb(pixels) => {
            let [red, green, blue] = [0, 1, 2].map(|channel| sized(&|place| pixels[place][channel]));
            red.into_iter().zip(green).zip(blue).map(|((red, green), blue)| [red, green, blue]).collect()
        }
    }
}
