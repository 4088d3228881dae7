//! Masks: trained, judged, and predicted.

use std::fs;
use std::path::Path;

use image::{DynamicImage, GrayImage, Luma, RgbImage};
use serde_json::Value;

use crate::common::{Scratch, json, refused, set, stdout};

/// What makes the recipe small enough for a test.
const SMALL: [&str; 6] = [
    "model.width=4",
    "model.depth=2",
    "data.crop=32",
    "data.mean=0.3",
    "train.batch_size=4",
    "loss.class_weights=root",
];

/// A bright disc on a dark ground, and its mask: 1 inside, 2 at the rim.
fn disc(number: u32) -> (GrayImage, GrayImage) {
    let (width, height) = (40 + 3 * (number % 4), 36 + 5 * (number % 3));
    let centre = (f64::from(12 + 5 * number % 17), f64::from(14 + 3 * number % 11));
    let distance = |x: u32, y: u32| (f64::from(x) - centre.0).hypot(f64::from(y) - centre.1) - 9.0;
    let grain = |x: u32, y: u32| ((x * 7 + y * 13 + number * 5) % 23) as u8;
    let image = GrayImage::from_fn(width, height, |x, y| {
        Luma([if distance(x, y) < 0.0 { 170 } else { 40 } + grain(x, y)])
    });
    let mask = GrayImage::from_fn(width, height, |x, y| match distance(x, y) {
        inside if inside < -2.0 => Luma([1]),
        rim if rim < 0.0 => Luma([2]),
        _ => Luma([0]),
    });
    (image, mask)
}

/// A folder `data` of images of many sizes, with their masks.
fn with_data(count: u32) -> Scratch {
    let scratch = Scratch::new();
    for folder in ["data/images", "data/masks"] {
        fs::create_dir_all(scratch.path(folder)).unwrap();
    }
    for number in 0..count {
        let (image, mask) = disc(number);
        image.save(scratch.path(&format!("data/images/{number:02}.png"))).unwrap();
        mask.save(scratch.path(&format!("data/masks/{number:02}.png"))).unwrap();
    }
    scratch
}

fn train(scratch: &Scratch, run: &str, epochs: &str, settings: &[&str]) -> Value {
    let args = ["train", "nuclei", "--data", "data", "--epochs", epochs, "--out", run, "--json"];
    json(&scratch.logit(&[&args[..], &set(&SMALL), &set(settings)].concat()).success())
}

fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn grey(path: &Path) -> GrayImage {
    let image = image::open(path).unwrap();
    assert!(matches!(image, DynamicImage::ImageLuma8(_)), "{}", path.display());
    image.into_luma8()
}

#[test]
fn discs_are_learned_judged_and_painted() {
    let scratch = with_data(24);
    let trained = train(&scratch, "run", "25", &["train.learning_rate=0.01"]);
    assert!(number(&trained, "iou_nucleus") > 0.7, "{trained}");

    let told = json(&scratch.logit(&["eval", "run", "--json"]).success());
    assert_eq!(told["samples"], 5, "a fifth of the images is the test part");
    for key in ["mean_iou", "mean_dice", "pixel_accuracy", "log_loss", "iou_boundary", "dice_background"] {
        assert_eq!(told[key], trained[key], "{key}");
    }
    // Another folder is a test as a whole.
    fs::rename(scratch.path("data"), scratch.path("moved")).unwrap();
    assert_eq!(json(&scratch.logit(&["eval", "run", "--data", "moved", "--json"]).success())["samples"], 24);

    let told = json(&scratch.logit(&["predict", "run", "moved/images/03.png", "--json"]).success());
    assert_eq!(
        (&told["mask"], &told["overlay"]),
        (&"run/predictions/03.mask.png".into(), &"run/predictions/03.overlay.png".into())
    );
    let (mask, truth) = (grey(&scratch.path("run/predictions/03.mask.png")), disc(3).1);
    assert_eq!(mask.dimensions(), truth.dimensions());
    let right = mask.pixels().zip(truth.pixels()).filter(|(decided, truth)| decided == truth).count();
    assert!(right as f64 > 0.9 * f64::from(truth.width() * truth.height()), "{right}");
    for (class, share) in told["shares"].as_array().unwrap().iter().enumerate() {
        let pixels = mask.pixels().filter(|pixel| usize::from(pixel.0[0]) == class).count();
        assert_eq!(share["pixels"], pixels, "{told}");
        let expected = pixels as f64 / f64::from(mask.width() * mask.height());
        assert!((number(share, "share") - expected).abs() < 1e-12, "{share}");
    }
    let overlay = image::open(scratch.path("run/predictions/03.overlay.png")).unwrap().into_rgb8();
    for ((pixel, decided), grey) in overlay.pixels().zip(mask.pixels()).zip(disc(3).0.pixels()) {
        let [red, green, blue] = pixel.0;
        assert_eq!(decided.0[0] == 0, red == green && green == blue && red == grey.0[0], "{pixel:?}");
    }
    let report = scratch.text("run/report.html");
    for part in ["Overlap of what was decided", "decided, mean IoU ", "class weights"] {
        assert!(report.contains(part), "no {part:?} in the report");
    }
    assert_eq!(report.matches("data:image/bmp").count(), 10, "each test image, annotated and decided");
}

#[test]
fn masks_are_written_where_told_and_tiles_leave_no_seams() {
    let scratch = with_data(8);
    train(&scratch, "run", "1", &[]);
    // A period of 4, the network's stride: where no edge is near, the answer has it too.
    let wide = GrayImage::from_fn(1100, 90, |x, y| Luma([60 * (x % 4 / 2) as u8 + 30 * (y % 4) as u8]));
    wide.save(scratch.path("wide.png")).unwrap();
    let told = stdout(
        &scratch.logit(&["predict", "run", "wide.png", "data/images/01.png", "-o", "out/deep"]).success(),
    );
    assert!(
        told.starts_with("wide.png: 1100×90\n") && told.contains("overlay: out/deep/01.overlay.png"),
        "{told}"
    );
    assert!(told.contains("  boundary"), "{told}");
    let mask = grey(&scratch.path("out/deep/wide.mask.png"));
    for x in 40..1056 {
        for y in 40..46 {
            assert_eq!(mask.get_pixel(x, y), mask.get_pixel(x + 4, y), "at {x}, {y}");
        }
    }
    assert_eq!(scratch.names("out/deep").len(), 4);
    assert!(!scratch.path("run/predictions").exists());
}

#[test]
fn labels_are_bits_of_the_masks() {
    let scratch = with_data(10);
    let told = train(&scratch, "run", "2", &["data.answer=labels", "loss.class_weights=balanced"]);
    assert!(told.get("iou_background").is_none() && told.get("iou_nucleus").is_some(), "{told}");
    let told = json(&scratch.logit(&["predict", "run", "data/images/00.png", "--json"]).success());
    let names: Vec<&str> =
        told["shares"].as_array().unwrap().iter().map(|share| share["class"].as_str().unwrap()).collect();
    assert_eq!(names, ["nucleus", "boundary"]);
    let (_, mut mask) = disc(0);
    mask.put_pixel(3, 2, Luma([4]));
    mask.save(scratch.path("data/masks/00.png")).unwrap();
    refused(
        scratch.logit(&["eval", "run"]),
        1,
        &[
            "00.png: the value in row 2, column 3 (from 0) is 4",
            "from 0 to 3",
            "the sum of any of: 1 nucleus, 2 boundary",
        ],
    );
}

#[test]
fn the_seed_decides_and_a_run_goes_on_as_if_it_had_not_stopped() {
    let scratch = with_data(8);
    train(&scratch, "whole", "2", &[]);
    train(&scratch, "again", "2", &[]);
    assert_eq!(scratch.text("whole/metrics.jsonl"), scratch.text("again/metrics.jsonl"));
    train(&scratch, "other", "2", &["train.seed=2"]);
    assert_ne!(scratch.text("whole/metrics.jsonl"), scratch.text("other/metrics.jsonl"));
    // The last checkpoint, of the end, with a log that lost its last line: what is done again is the same.
    scratch.logit(&["train", "--resume", "again"]).success();
    assert_eq!(scratch.text("whole/metrics.jsonl"), scratch.text("again/metrics.jsonl"));
}

/// Refuses to train on spoiled data, and leaves no run.
#[track_caller]
fn spoiled(spoil: impl FnOnce(&Scratch), parts: &[&str]) {
    let scratch = with_data(6);
    spoil(&scratch);
    let args = ["train", "nuclei", "--data", "data", "--epochs", "1", "--out", "run"];
    refused(scratch.logit(&[&args[..], &set(&SMALL)].concat()), 1, parts);
    assert!(!scratch.path("run").exists());
}

#[test]
fn images_and_masks_that_do_not_fit_are_named() {
    let remove = |name: &'static str| move |at: &Scratch| fs::remove_file(at.path(name)).unwrap();
    spoiled(remove("data/masks/02.png"), &["images/02.png has no mask", "masks/02.png does not exist"]);
    spoiled(remove("data/images/02.png"), &["masks/02.png has no image of its name"]);
    spoiled(|at| disc(4).1.save(at.path("data/masks/02.png")).unwrap(), &["02.png is 40×41 pixels", "46×46"]);
    spoiled(
        |at| RgbImage::new(46, 46).save(at.path("data/masks/02.png")).unwrap(),
        &["02.png is a PNG of red, green and blue", "indexed"],
    );
    spoiled(
        |at| GrayImage::from_pixel(46, 46, Luma([255])).save(at.path("data/masks/02.png")).unwrap(),
        &["row 0, column 0 (from 0) is 255", "0 background, 1 nucleus, 2 boundary"],
    );
    spoiled(|at| at.write("data/images/02.png", "text"), &["02.png is neither a PNG nor a JPEG"]);
    spoiled(|at| at.write("data/masks/02.png", "text"), &["cannot decode", "masks/02.png"]);
    spoiled(|at| at.write("data/images/02.tif", "text"), &["02.tif is no image by its name"]);
    spoiled(|at| at.write("data/images/02.jpg", "text"), &["02.jpg and ", "02.png", "the same mask"]);
    spoiled(
        |at| fs::rename(at.path("data/masks"), at.path("data/truth")).unwrap(),
        &["holds no folder `masks`"],
    );
    spoiled(|at| fs::rename(at.path("data/images"), at.path("data/train")).unwrap(), &["no folder `test`"]);
    spoiled(
        |at| {
            for number in 0..6 {
                let mask = GrayImage::new(disc(number).0.width(), disc(number).0.height());
                mask.save(at.path(&format!("data/masks/{number:02}.png"))).unwrap();
            }
        },
        &["no training mask has a pixel of `nucleus`", "loss.class_weights"],
    );
}

#[test]
fn what_cannot_be_asked_is_named() {
    let scratch = with_data(6);
    refused(scratch.logit(&["train", "nuclei"]), 2, &["--data DIR", "`images` and `masks`"]);
    refused(scratch.logit(&["train", "nuclei", "--data", "nowhere"]), 1, &["nowhere is not a folder"]);
    refused(scratch.logit(&["train", "nuclei", "--data", "data/images/00.png"]), 1, &["is not a folder"]);
    let rows: [(&str, i32, &str); 12] = [
        ("data.classes=['one']", 2, "`data.classes`: 1 names"),
        ("data.classes=['a','A','b']", 2, "`data.classes`: the metrics of two classes would be called `a`"),
        ("data.classes=['a','b','?']", 2, "`data.classes`: the name `?`"),
        ("data.answer=both", 2, "`both`"),
        ("data.crop=4", 2, "`data.crop` is 4; it must be from 8 to 2048"),
        ("data.brightness=-1", 2, "`data.brightness` is -1"),
        ("data.test=1", 2, "`data.test` is 1"),
        ("model.depth=0", 2, "`model.depth` is 0"),
        ("model.width=1000", 2, "`model.width` is 1000"),
        ("loss.dice=-1", 2, "`loss.dice` is -1"),
        ("loss.class_weights=some", 2, "`some`"),
        ("data.validation=0.01", 1, "the validation part of"),
    ];
    for (setting, code, part) in rows {
        refused(scratch.logit(&["train", "nuclei", "--data", "data", "--set", setting]), code, &[part]);
    }
    let nothing = set(&["loss.dice=0", "loss.cross_entropy=0"]);
    let nothing = [&["train", "nuclei", "--data", "data"], &nothing[..]].concat();
    refused(
        scratch.logit(&nothing),
        2,
        &["`loss.dice` is 0; it must be above 0 where `loss.cross_entropy` is 0"],
    );
    assert!(!scratch.path("runs").exists());
}

#[test]
fn masks_never_replace_what_is_read() {
    let scratch = with_data(6);
    train(&scratch, "run", "1", &[]);
    for folder in ["a", "b"] {
        fs::create_dir(scratch.path(folder)).unwrap();
        disc(0).0.save(scratch.path(&format!("{folder}/x.png"))).unwrap();
    }
    let both = ["predict", "run", "a/x.png", "b/x.png"];
    refused(scratch.logit(&both), 2, &["a/x.png and b/x.png would have the same mask"]);
    disc(1).0.save(scratch.path("a/x.overlay.png")).unwrap();
    let own = ["predict", "run", "a/x.png", "a/x.overlay.png", "--out", "b/../a"];
    refused(scratch.logit(&own), 2, &["a/x.overlay.png would be replaced", "--out"]);
    scratch.write("a/torn.png", "no image");
    let torn = ["predict", "run", "a/x.png", "a/torn.png", "--out", "new"];
    refused(scratch.logit(&torn), 1, &["torn.png is neither a PNG nor a JPEG"]);
    assert!(!scratch.path("new").exists(), "something was written");
    scratch.write("file", "in the way");
    refused(
        scratch.logit(&["predict", "run", "a/x.png", "--out", "file"]),
        1,
        &["cannot make the folder file"],
    );
    assert_eq!(scratch.names("a"), ["torn.png", "x.overlay.png", "x.png"]);
}

#[test]
fn a_task_that_writes_nothing_takes_no_place_for_it() {
    let scratch = with_data(1);
    scratch.trained("run");
    let args = ["predict", "run", "data/images/00.png", "--out", "there"];
    refused(scratch.logit(&args), 2, &["`digits` prints what it predicts", "--out there"]);
}

#[test]
fn pixels_and_regions_of_a_mask_are_explained() {
    let scratch = with_data(12);
    train(&scratch, "run", "2", &[]);
    let explain = |more: &[&str]| {
        json(&scratch.logit(&[&["explain", "run", "data/images/00.png", "--json"], more].concat()).success())
    };
    let told = explain(&["--pixel", "10,12", "--target", "1"]);
    let map = &told["explained"][0]["maps"][0]["located"];
    assert_eq!((&map["width"], &map["height"]), (&40.into(), &36.into()));
    assert_eq!(told["explained"][0]["of"]["of"], "pixel");
    // What decides a pixel lies within the network's reach of it.
    let relevance = map["relevance"].as_array().unwrap();
    assert!(relevance[35 * 40 + 39].as_f64() == Some(0.0), "the far corner has relevance");
    let told = explain(&["--target", "0", "-o", "heat.png"]);
    assert_eq!(told["explained"][0]["of"]["of"], "region");
    assert!(image::open(scratch.path("heat.png")).unwrap().width() > 100);
    let asked = ["explain", "run", "data/images/00.png"];
    for (more, parts) in [
        (["--pixel", "36,0"].as_slice(), ["row 36", "36 rows"]),
        (&["--log-odds"], ["00.png", "`--log-odds`"]),
        (&["--rule", "occlusion", "--layer", "down1"], ["`occlusion`", "`--layer`"]),
        (&["--rule", "epsilon-gamma-box"], ["bounds", "`epsilon-plus`"]),
    ] {
        refused(scratch.logit(&[&asked[..], more].concat()), 2, &parts);
    }
}
