//! Sheets as PNG files, read back.

use std::io::Cursor;

use proptest::prelude::*;

use super::layout::Layout;
use super::*;
use crate::page::{Picture, Pixels};

/// Explanations all of whose texts are `text`.
pub(in crate::page) fn of_text(text: &str) -> Vec<Explanation> {
    let text = || text.to_owned();
    let word_row = WordRow { title: text(), words: vec![(text(), 0.5)] };
    let bar = Bar { name: text(), value: text(), relevance: 0.5 };
    let map = Map { title: text(), note: text(), ..map(1, 1, vec![0.5]) };
    let sheet = Sheet { title: text(), rows: vec![row(&text(), 1, 1, vec![map])], ..Sheet::default() };
    vec![
        Explanation::Sheet(sheet.draw().expect("a sheet")),
        Explanation::Words(Words { title: text(), rows: vec![word_row], largest: None, note: text() }),
        Explanation::Bars(Bars { title: text(), bars: vec![bar], note: text(), ..Bars::default() }),
    ]
}

fn map(width: usize, height: usize, relevance: Vec<f32>) -> Map {
    Map { title: "z⁺".to_owned(), width, height, relevance, note: String::new() }
}

/// A row whose input has pixels from black to white.
fn row(caption: &str, width: usize, height: usize, maps: Vec<Map>) -> Row {
    let size = width * height;
    let pixels = Pixels::Grey((0..size).map(|place| (place * 255 / (size - 1).max(1)) as u8).collect());
    Row { input: Picture { caption: caption.to_owned(), width, height, pixels }, maps }
}

/// A decoded sheet.
struct Seen {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Seen {
    fn of(sheet: &DrawnSheet) -> Self {
        let mut reader = png::Decoder::new(Cursor::new(sheet.png())).read_info().expect("a header");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("pixels");
        assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
        let (width, height) = (info.width as usize, info.height as usize);
        assert_eq!((width, height), (sheet.width(), sheet.height()));
        Self { width, height, pixels }
    }

    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let place = 3 * (y * self.width + x);
        [self.pixels[place], self.pixels[place + 1], self.pixels[place + 2]]
    }

    /// Whether any pixel of an area is not white.
    fn is_marked(&self, (left, right): (usize, usize), (top, foot): (usize, usize)) -> bool {
        (top..foot).any(|y| (left..right).any(|x| self.at(x, y) != [255; 3]))
    }
}

/// One row without titles: a panel of 320 × 320 pixels each, the first at the margin.
fn one(maps: Vec<Map>, scale: Scale) -> Sheet {
    Sheet { title: String::new(), rows: vec![row("", 2, 2, maps)], scale }
}

/// Left edges of the panels of such a sheet, and the middles of their four values, from the panel's corner.
const PANELS: [usize; 3] = [24, 24 + 320 + 32, 24 + 320 + 32 + 320 + 8];
const TOP: usize = 24 + 19;
const MIDDLES: [(usize, usize); 4] = [(80, 80), (240, 80), (80, 240), (240, 240)];

fn panel(seen: &Seen, panel: usize) -> [[u8; 3]; 4] {
    MIDDLES.map(|(x, y)| seen.at(PANELS[panel] + x, TOP + y))
}

#[test]
fn a_sheet_shows_the_input_the_map_and_both_with_the_colours_below() {
    let drawn = one(vec![map(2, 2, vec![0.0, 0.5, 1.0, 2.0])], Scale::PerMap).draw().expect("a sheet");
    let seen = Seen::of(&drawn);
    assert_eq!((seen.width, seen.height), (24 + 320 + 32 + 648 + 24, TOP + 320 + 10 + 12 + 6 + 19 + 28));
    assert_eq!(panel(&seen, 0), [[0; 3], [85; 3], [170; 3], [255; 3]]);
    assert_eq!(panel(&seen, 1), [[0; 3], [128, 0, 0], [255, 0, 0], [255, 255, 0]]);
    let over = panel(&seen, 2);
    assert_eq!(over[0], [0; 3], "no relevance leaves the image");
    assert_eq!(over[3], [255, 255, 38], "85 % of the strongest colour over white");
    // Values are enlarged without blending.
    assert_eq!([159, 160].map(|x| seen.at(PANELS[1] + x, TOP + 80)), [[0; 3], [128, 0, 0]]);
    let bar = TOP + 320 + 10 + 6;
    assert_eq!([0, 647].map(|x| seen.at(PANELS[1] + x, bar)), [[0; 3], [255, 255, 0]]);
    let numbers = (bar + 12, bar + 12 + 13);
    assert!(
        seen.is_marked((PANELS[1], PANELS[1] + 8), numbers)
            && seen.is_marked((PANELS[1] + 640, PANELS[1] + 648), numbers)
    );
    assert!(!seen.is_marked((PANELS[1] + 9, PANELS[1] + 640), numbers), "nothing stands between 0 and 2");
}

#[test]
fn signed_relevance_is_blue_white_red_around_zero_in_all_rows() {
    let rows = vec![
        row("", 2, 2, vec![map(2, 2, vec![-2.0, -1.0, 0.0, 1.0])]),
        row("", 2, 2, vec![map(2, 2, vec![0.0; 4])]),
    ];
    let sheet = Sheet { rows, ..Sheet::default() };
    let seen = Seen::of(&sheet.draw().expect("a sheet"));
    assert_eq!(panel(&seen, 1), [[20, 0, 178], [90, 110, 255], [255; 3], [255, 110, 90]]);
    let second = (seen.height - 24) / 2;
    let below = MIDDLES.map(|(x, y)| seen.at(PANELS[1] + x, second + TOP + y));
    assert_eq!(below, [[255; 3]; 4], "the map below has the colours of the one above");
}

#[test]
fn no_relevance_is_drawn_as_zero_and_the_bar_says_so() {
    let seen = Seen::of(&one(vec![map(2, 2, vec![0.0; 4])], Scale::PerMap).draw().expect("a sheet"));
    assert_eq!(panel(&seen, 1), [[0; 3]; 4]);
    assert_eq!(panel(&seen, 2), panel(&seen, 0));
    let bar = TOP + 320 + 10 + 6;
    assert_eq!([0, 324, 647].map(|x| seen.at(PANELS[1] + x, bar)), [[0; 3]; 3]);
    let numbers = (bar + 12, bar + 12 + 13);
    assert!(
        seen.is_marked((PANELS[1], PANELS[1] + 8), numbers)
            && !seen.is_marked((PANELS[1] + 9, seen.width), numbers)
    );
}

#[test]
fn scales_let_maps_compare() {
    let values = |scale| {
        let rows =
            [4.0, 2.0].map(|value| row("", 2, 2, vec![map(2, 2, vec![0.0, 0.0, 0.0, value])])).to_vec();
        let seen = Seen::of(&Sheet { rows, scale, ..Sheet::default() }.draw().expect("a sheet"));
        let second = (seen.height - 24) / 2;
        [0, second].map(|top| seen.at(PANELS[1] + 240, top + TOP + 240))
    };
    assert_eq!(values(Scale::PerMap), [[255, 255, 0]; 2]);
    assert_eq!(values(Scale::Shared), [[255, 255, 0], [255, 0, 0]]);
    assert_eq!(values(Scale::Fixed(8.0)), [[255, 0, 0], [128, 0, 0]]);
    assert_eq!(values(Scale::Fixed(1.0)), [[255, 255, 0]; 2]);
}

#[test]
fn errors_say_which_input_and_which_map() {
    let told = |sheet: Sheet| sheet.draw().expect_err("an error").to_string();
    assert_eq!(told(Sheet::default()), "a sheet of heat maps needs at least one input");
    let place = "input 1 (\"\"), map \"z⁺\": ";
    let nan = one(vec![map(2, 2, vec![0.0, 0.0, 0.0, f32::NAN])], Scale::PerMap);
    let reason = "the relevance in column 1, row 1 is NaN; only finite relevance can be drawn";
    assert_eq!(told(nan), format!("{place}{reason}"));
    for (width, height, found) in [(2, 3, 4), (0, 0, 0), (usize::MAX, 2, 3)] {
        let sheet = one(vec![map(width, height, vec![0.0; found])], Scale::PerMap);
        assert_eq!(told(sheet), format!("{place}{width} × {height} pixels, but {found} values"));
    }
    let hostile = row("a\u{1b}\u{202e}", 1, 1, Vec::new());
    let input = Picture { width: 2, ..hostile.input };
    let sheet = Sheet { rows: vec![Row { input, maps: Vec::new() }], ..Sheet::default() };
    assert_eq!(told(sheet), "input 1 (\"a\\u{1b}\\u{202e}\"): 2 × 1 pixels, but 1 pixel");
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let error = told(one(Vec::new(), Scale::Fixed(scale)));
        assert!(error.ends_with(&format!("a finite number above 0, not {scale}")), "{error}");
    }
}

#[test]
fn a_sheet_that_is_too_large_is_an_error_that_says_how_many_rows_fit() {
    let row_of = |maps: usize| row("", 2, 2, vec![map(2, 2, vec![1.0; 4]); maps]);
    let sheet = |rows: usize| Sheet { rows: vec![row_of(1); rows], ..Sheet::default() };
    let Err(SheetError::TooLarge { rows: 1000, fit, .. }) = sheet(1000).draw() else { panic!("an error") };
    let error = sheet(1000).draw().expect_err("an error").to_string();
    let expected = "1,000 inputs with their maps need more than the 64 million pixels of a sheet; ";
    assert_eq!(error, format!("{expected}{fit} fit: draw the others on further sheets"));
    let layout = Layout::of(&sheet(fit)).expect("a layout");
    assert!(layout.width * layout.height() <= 64_000_000);
    assert!(sheet(fit + 1).draw().is_err());
    let wide = Sheet { rows: vec![row_of(1_000_000)], ..Sheet::default() };
    assert!(wide.draw().expect_err("an error").to_string().ends_with("draw fewer maps"));
}

#[test]
fn large_inputs_are_shrunk_and_coarse_maps_drawn_as_large() {
    let input = row("photo", 1000, 500, vec![map(2, 1, vec![1.0, 0.5])]);
    let seen = Seen::of(&Sheet { rows: vec![input], ..Sheet::default() }.draw().expect("a sheet"));
    let top = TOP + 19 + 4;
    assert_eq!([80, 240].map(|x| seen.at(PANELS[1] + x, top + 80)), [[255, 255, 0], [255, 0, 0]]);
    assert_eq!(seen.at(PANELS[1] + 319, top + 159), [255, 0, 0]);
}

#[test]
fn titles_that_are_long_or_hostile_stay_in_their_place() {
    let text = "</title><script>\u{1b}[31m \u{202E}\0漢字 ".repeat(1000);
    let map = Map { title: text.clone(), note: text.clone(), ..map(2, 2, vec![1.0; 4]) };
    let row = row(&text, 2, 2, vec![map]);
    let seen =
        Seen::of(&Sheet { title: text, rows: vec![row], scale: Scale::PerMap }.draw().expect("a sheet"));
    assert!(seen.is_marked((24, seen.width - 24), (24, 50)));
    assert!(!seen.is_marked((seen.width - 22, seen.width), (0, seen.height)), "the margin is white");
}

#[test]
fn a_sheet_is_told_in_words() {
    let rows = vec![row("a.png", 2, 2, vec![map(2, 2, vec![1.0; 4])]), row("b.png", 2, 2, Vec::new())];
    let sheet = Sheet { title: "Why 7?".to_owned(), rows, scale: Scale::PerMap };
    let drawn = sheet.draw().expect("a sheet");
    assert_eq!(drawn.description(), "Why 7? Heat maps of 2 inputs: a.png, b.png; maps: z⁺.");
    let html = Explanation::Sheet(drawn).element("sheet").to_string();
    assert!(
        html.contains("src=\"data:image/png;base64,iVBORw0KGgo") && html.contains("maps: z⁺.\""),
        "{html}"
    );
}

#[test]
fn terminals_are_sent_no_sequence_of_a_stranger() {
    let text = "a\u{1b}]0;title\u{7}\u{202e}\r\n\u{9b}2K";
    for colours in [TerminalColours::None, TerminalColours::Palette, TerminalColours::All] {
        for explanation in of_text(text) {
            let lines = match explanation {
                Explanation::Sheet(_) => continue,
                Explanation::Words(words) => words.lines(colours, 80),
                Explanation::Bars(bars) => bars.lines(colours, 80),
            };
            for line in lines {
                assert!(!line.contains(['\u{7}', '\u{202e}', '\r', '\n', '\u{9b}']), "{line:?}");
                assert!(line.matches('\u{1b}').count() == line.matches("\u{1b}[").count(), "{line:?}");
                assert!(colours != TerminalColours::None || !line.contains('\u{1b}'), "{line:?}");
            }
        }
    }
}

fn any_map() -> impl Strategy<Value = Map> {
    let value = prop_oneof![8 => -1.0_f32..1.0, 1 => Just(0.0), 1 => Just(f32::MAX), 1 => Just(-1e-40)];
    let wrong = prop_oneof![20 => Just(0_usize), 1 => Just(1)];
    (1_usize..40, 1_usize..40, wrong, prop::collection::vec(value, 1600), any::<bool>()).prop_map(
        |(width, height, wrong, mut relevance, spoiled)| {
            relevance.truncate(width * height + wrong);
            if spoiled && relevance.len() % 7 == 0 {
                relevance[0] = f32::NEG_INFINITY;
            }
            map(width, height, relevance)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_sheet_is_an_error_or_a_picture_of_the_size_it_says(
        inputs in prop::collection::vec((".{0,80}", 1_usize..400, 1_usize..400, prop::collection::vec(any_map(), 0..3)), 0..3),
        title in ".{0,80}",
        scale in prop_oneof![Just(Scale::PerMap), Just(Scale::Shared), any::<f32>().prop_map(Scale::Fixed)],
    ) {
        let rows = inputs.into_iter().map(|(caption, width, height, maps)| row(&caption, width, height, maps)).collect();
        match (Sheet { title, rows, scale }).draw() {
            Ok(drawn) => prop_assert!(Seen::of(&drawn).pixels.len() == 3 * drawn.width() * drawn.height()),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
