//! Every recipe made small: a little data, and settings under which it trains in a moment, in six epochs of a few steps with a
//! checkpoint within each.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use image::{GrayImage, Luma, Rgb, RgbImage};

/// A recipe made small.
pub(crate) struct Small {
    pub(crate) data: PathBuf,
    /// What replaces values of the recipe, as `--set` takes it.
    pub(crate) settings: Vec<String>,
}

/// Recipes that are made small alike: what writes their data and gives its path, and their settings, in which `FOLDER` is the
/// folder of the data.
type Row = (&'static [&'static str], fn(&Path) -> PathBuf, &'static [&'static str]);

const ROWS: [Row; 6] = [
    (&["digits", "digits-linear", "digits-mlp"], digits, &["train.batch_size=40"]),
    (
        &["digit-pairs", "digit-pairs-paper"],
        digits,
        &[
            "train.batch_size=12",
            "model.units=16",
            "data.pairs=60",
            "data.validation_pairs=20",
            "data.test_pairs=20",
        ],
    ),
    (
        &["images"],
        pictures,
        &["train.batch_size=12", "model.width=4", "model.stages=2", "data.size=16", "data.shift=2"],
    ),
    (&["nuclei"], masks, &["train.batch_size=2", "model.width=4", "model.depth=2", "data.crop=16"]),
    (
        &["sts"],
        sentences,
        &["train.batch_size=50", "model.word_units=16", "model.hidden=8", "data.vectors=FOLDER/glove"],
    ),
    (&["table"], table, &["train.batch_size=16", "model.hidden=[8]", "data.targets=['kind']"]),
];

const SHORT: [&str; 3] = ["train.epochs=6", "train.min_steps=0", "train.checkpoint_every=2"];

impl Small {
    /// Makes a recipe small, with its data in a folder that is empty.
    ///
    /// # Panics
    /// Nothing here makes it small: a new recipe needs a row.
    pub(crate) fn of(recipe: &str, folder: &Path) -> Self {
        let row = ROWS.iter().find(|row| row.0.contains(&recipe));
        let (_, write, settings) = row.unwrap_or_else(|| panic!("no small data for the recipe `{recipe}`"));
        let settings = SHORT.iter().chain(*settings);
        let settings = settings.map(|setting| setting.replace("FOLDER", folder.to_str().unwrap()));
        Self { data: write(folder), settings: settings.collect() }
    }
}

/// Noise that is the same each time.
fn grain(number: u32, x: u32, y: u32) -> u8 {
    let mixed = (number * 7919 + x * 613 + y * 101).wrapping_mul(2_654_435_761);
    (mixed >> 26) as u8
}

/// A set in MNIST's form: stripes whose direction tells the digit.
fn digits(folder: &Path) -> PathBuf {
    const SIDE: u32 = 28;
    let ink = |number: u32, x: u32, y: u32| {
        let digit = number % 10;
        let bright = (x * (digit + 1) + y * (10 - digit)) % 28 < 12;
        grain(number, x, y) + if bright { 150 } else { 0 }
    };
    for (part, first, count) in [("train", 0, 200_u32), ("t10k", 200, 60)] {
        let numbers = || first..first + count;
        let pixels =
            numbers().flat_map(|number| (0..SIDE * SIDE).map(move |at| ink(number, at % SIDE, at / SIDE)));
        let labels = numbers().map(|number| (number % 10) as u8);
        let header =
            |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
        let images = header(&[0x0803, count, SIDE, SIDE]).into_iter().chain(pixels).collect::<Vec<u8>>();
        let labels = header(&[0x0801, count]).into_iter().chain(labels).collect::<Vec<u8>>();
        fs::write(folder.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
    folder.to_owned()
}

/// A folder for each of three classes, told apart by colour and stripes.
fn pictures(folder: &Path) -> PathBuf {
    for (class, name) in (0..).zip(["across", "down", "plain"]) {
        fs::create_dir(folder.join(name)).unwrap();
        for number in 0..24_u32 {
            let image = RgbImage::from_fn(12, 12, |x, y| {
                let stripe = [x % 4 < 2, y % 4 < 2, false][class];
                let grain = grain(number, x, y);
                Rgb([grain + if stripe { 120 } else { 30 }, grain, 40 * class as u8 + grain])
            });
            image.save(folder.join(name).join(format!("{number:02}.png"))).unwrap();
        }
    }
    folder.to_owned()
}

/// Bright discs on a dark ground, with their masks: 1 inside, 2 at the rim.
fn masks(folder: &Path) -> PathBuf {
    for name in ["images", "masks"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    for number in 0..16_u32 {
        let [width, height] = [18 + number % 3, 17 + number % 4];
        let centre = [8.0 + f64::from(number % 3), 7.0 + f64::from(number % 4)];
        let beyond = |x: u32, y: u32| (f64::from(x) - centre[0]).hypot(f64::from(y) - centre[1]) - 5.5;
        let image = GrayImage::from_fn(width, height, |x, y| {
            Luma([grain(number, x, y) + if beyond(x, y) < 0.0 { 150 } else { 30 }])
        });
        let mask = GrayImage::from_fn(width, height, |x, y| match beyond(x, y) {
            inside if inside < -1.5 => Luma([1]),
            rim if rim < 0.0 => Luma([2]),
            _ => Luma([0]),
        });
        image.save(folder.join(format!("images/{number:02}.png"))).unwrap();
        mask.save(folder.join(format!("masks/{number:02}.png"))).unwrap();
    }
    folder.to_owned()
}

/// A few captions, and the vectors of their words; `NOTICE` beside the files says where they come from.
fn sentences(folder: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../logit-cli/tests/fixtures/sts");
    fs::create_dir(folder.join("glove")).unwrap();
    for name in ["images.tsv", "glove/glove.safetensors", "glove/glove.vocab.txt"] {
        fs::copy(from.join(name), folder.join(name)).unwrap();
    }
    folder.join("images.tsv")
}

/// Rows of three kinds, told apart by numbers and a colour; some cells are blank.
fn table(folder: &Path) -> PathBuf {
    let mut table = "length,width,colour,kind\n".to_owned();
    for row in 0..120 {
        let kind = row % 3;
        let wobble = f64::from(grain(row, 3, 5)) / 16.0;
        let length =
            if row % 10 == 9 { "NA".to_owned() } else { format!("{}", 2.0 * f64::from(kind) + wobble) };
        let colour = ["red", "blue", "white"][(kind + u32::from(row % 4 == 0)) as usize % 3];
        let width = 3.0 - f64::from(kind) + f64::from(grain(row, 7, 1)) / 20.0;
        writeln!(table, "{length},{width},{colour},{}", ["a", "b", "c"][kind as usize]).unwrap();
    }
    let path = folder.join("table.csv");
    fs::write(&path, table).unwrap();
    path
}
