//! A report as a run on the ten digits leaves it: what the tests read, and what one looks at after a change
//! of style.

use logit_spec::{Fault, Finding, Level};

use super::relevance::{Bar, Bars, Map, Row, Sheet, WordRow, Words};
use super::{
    Bin, Confusion, Explanation, Fact, LineChart, Metric, Picture, Pixels, Reliability, Report, Scale,
    Series, Table,
};

/// The report.
pub(crate) fn digits() -> Report {
    Report {
        title: "Digits: convolutional network, softmax head".to_owned(),
        summary: "98.91 % of 10,000 test digits are read rightly; the cross entropy is 0.0342 nats."
            .to_owned(),
        findings: findings(),
        metrics: metrics(),
        charts: vec![loss(), accuracy()],
        explanations: vec![heat_maps(), words(), bars()],
        confusion: Some(confusion(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"])),
        reliability: vec![reliability()],
        tables: vec![classes()],
        pictures: (0..9).map(picture).collect(),
        facts: facts(),
    }
}

/// A confusion matrix of as many classes as names, nearly diagonal.
pub(crate) fn confusion(labels: &[&str]) -> Confusion {
    let classes = labels.len() as u64;
    let count = |truth: u64, predicted: u64| {
        if truth == predicted {
            return 958 + (truth * 37) % 90;
        }
        // A few classes look alike, most do not.
        let likeness = (truth * 7 + predicted * 11) % 13;
        if likeness < 3 { 1 + likeness * truth % 9 } else { 0 }
    };
    let counts =
        (0..classes).map(|truth| (0..classes).map(|predicted| count(truth, predicted)).collect()).collect();
    Confusion { labels: labels.iter().map(|label| (*label).to_owned()).collect(), counts }
}

fn findings() -> Vec<Finding> {
    let finding = |level, name: &str, message: &str, reason: &str, fix: &str| Finding {
        level,
        fault: Fault::Named(name.to_owned()),
        message: message.to_owned(),
        reason: reason.to_owned(),
        fix: fix.to_owned(),
    };
    vec![
        finding(
            Level::Warning,
            "overconfident",
            "mean confidence 99.4 %, accuracy 98.9 %",
            "the network is surer than it is right",
            "Scale the logits: `logit calibrate runs/digits` finds a temperature on the validation split.",
        ),
        finding(
            Level::Advice,
            "best-epoch",
            "the loss was lowest in epoch 16 of 20",
            "its weights are the ones that are reported on",
            "",
        ),
    ]
}

fn metrics() -> Vec<Metric> {
    [
        ("accuracy", Some(0.9987), 0.9885, 0.9891),
        ("cross entropy (nats)", Some(0.0046), 0.0391, 0.0342),
        ("macro F1", None, 0.9884, 0.989),
        ("expected calibration error", None, 0.0051, 0.00047),
    ]
    .map(|(name, train, validation, test)| Metric {
        name: name.to_owned(),
        train,
        validation: Some(validation),
        test: Some(test),
    })
    .to_vec()
}

fn loss() -> LineChart {
    let mut noise = Noise(7);
    let level = |step: u32| 2.3 * (-f64::from(step) / 900.0).exp() + 0.02;
    let points =
        (0..17_200).map(|step| (f64::from(step), level(step) * (0.4 + 1.6 * noise.next()))).collect();
    LineChart {
        title: "Loss of each batch".to_owned(),
        x_label: "step".to_owned(),
        y_label: "cross entropy (nats)".to_owned(),
        y_scale: Scale::Log,
        series: vec![Series { name: "training, each batch".to_owned(), points }],
        note: "In training mode, before the update.".to_owned(),
    }
}

fn accuracy() -> LineChart {
    let series = |name: &str, last: f64, way: f64, pace: f64| {
        let point = |epoch: u32| (f64::from(epoch), last - way * (-f64::from(epoch) / pace).exp());
        Series { name: name.to_owned(), points: (1..=20).map(point).collect() }
    };
    LineChart {
        title: "Accuracy".to_owned(),
        x_label: "epoch".to_owned(),
        y_label: "share of digits read rightly".to_owned(),
        y_scale: Scale::Linear,
        series: vec![series("training", 0.9985, 0.06, 3.0), series("validation", 0.989, 0.035, 2.2)],
        note: "In inference mode, after the last update of each epoch.".to_owned(),
    }
}

fn classes() -> Table {
    let rows = [
        ["0", "0.9929", "0.9959", "980"],
        ["1", "0.9947", "0.9965", "1,135"],
        ["2", "0.9865", "0.9903", "1,032"],
    ];
    Table {
        title: "Classes".to_owned(),
        columns: ["Digit", "Precision", "Recall", "Samples"].map(str::to_owned).to_vec(),
        rows: rows.map(|row| row.map(str::to_owned).to_vec()).to_vec(),
        note: "The first three digits.".to_owned(),
    }
}

fn facts() -> Vec<Fact> {
    [
        ("recipe", "digits"),
        ("seed", "42"),
        ("data", "MNIST: 55,000 training, 5,000 validation, 10,000 test digits of 28 × 28"),
        ("model", "2 convolutions of 5 × 5, 2 linear layers; 1,663,370 parameters"),
        ("optimiser", "AdamW, learning rate 0.001, batches of 64"),
        ("steps", "17,200 in 20 epochs"),
        ("version", "logit 0.1.0"),
    ]
    .map(|(name, value)| Fact { name: name.to_owned(), value: value.to_owned() })
    .to_vec()
}

fn reliability() -> Reliability {
    let counts = [0, 0, 3, 12, 35, 48, 61, 92, 187, 9_562];
    let gaps = [0.0, 0.0, 0.12, -0.05, 0.08, 0.1, 0.07, 0.09, 0.06, 0.003];
    let bins = counts.into_iter().zip(gaps).enumerate().map(|(index, (count, gap))| {
        let lower = index as f64 / 10.0;
        let confidence = if index == 9 { 0.997 } else { lower + 0.05 };
        Bin { lower, upper: lower + 0.1, count, confidence, accuracy: confidence - gap }
    });
    let bins: Vec<Bin> = bins.collect();
    let total: u64 = counts.iter().sum();
    let error = |bin: &Bin| bin.count as f64 / total as f64 * (bin.accuracy - bin.confidence).abs();
    Reliability {
        title: "Test digits, before calibration".to_owned(),
        ece: bins.iter().map(error).sum(),
        bins,
    }
}

/// A ring with one-sided and with signed relevance.
fn heat_maps() -> Explanation {
    let input = Picture { caption: "a ring".to_owned(), ..picture(0) };
    let Pixels::Grey(pixels) = &input.pixels else { panic!("the pictures are grey") };
    let map = |title: &str, of: fn(f32, f32) -> f32| {
        let relevance = pixels.iter().enumerate().map(|(place, pixel)| {
            of((place % 28) as f32 / 27.0, (place / 28) as f32 / 27.0) * f32::from(*pixel) / 255.0
        });
        let relevance: Vec<f32> = relevance.collect();
        let note = format!("Σ {:.2}", relevance.iter().sum::<f32>());
        Map { title: title.to_owned(), width: 28, height: 28, relevance, note }
    };
    let maps = vec![map("z⁺", |_, y| 1.0 - y), map("ε = 0.01", |x, y| 0.01 * (x - y))];
    let sheet = Sheet { title: "Why 0?".to_owned(), rows: vec![Row { input, maps }], ..Sheet::default() };
    Explanation::Sheet(sheet.draw().expect("a sheet of finite numbers"))
}

fn words() -> Explanation {
    let row = |title: &str, words: &[(&str, f32)]| WordRow {
        title: title.to_owned(),
        words: words.iter().map(|(word, relevance)| ((*word).to_owned(), *relevance)).collect(),
    };
    let rows = vec![
        row("First sentence", &[("a", 0.01), ("man", 0.12), ("plays", 0.31), ("a", 0.0), ("guitar", 0.44)]),
        row("Second sentence", &[("someone", 0.05), ("is", 0.0), ("eating", -0.38), ("pasta", -0.21)]),
    ];
    Explanation::Words(Words { title: "Why 1.8 of 5?".to_owned(), rows, ..Words::default() })
}

fn bars() -> Explanation {
    let columns = [("sex", "female", 1.42), ("class", "3", -0.63), ("age", "22", 0.11), ("port", "S", -0.08)];
    let bar = |(name, value, relevance): (&str, &str, f32)| Bar {
        name: name.to_owned(),
        value: value.to_owned(),
        relevance,
    };
    let bars = columns.map(bar).to_vec();
    Explanation::Bars(Bars { title: "Why \"survived\"?".to_owned(), bars, ..Bars::default() })
}

/// A ring or a stroke of 28 × 28 pixels.
fn picture(index: u32) -> Picture {
    let shade = |pixel: u32| {
        let (x, y) = (f64::from(pixel % 28) - 13.5, f64::from(pixel / 28) - 13.5);
        let off = if index.is_multiple_of(2) {
            (x.hypot(y) - 8.0 + f64::from(index) / 3.0).abs()
        } else {
            (x + y * 0.3).abs()
        };
        if y.abs() > 10.0 { 0 } else { (255.0 - 110.0 * off).clamp(0.0, 255.0) as u8 }
    };
    Picture {
        caption: format!("true {}, predicted {} (0.8{index})", index % 2, index),
        width: 28,
        height: 28,
        pixels: Pixels::Grey((0..28 * 28).map(shade).collect()),
    }
}

/// A linear congruential generator (Numerical Recipes), so that the example needs no crate.
struct Noise(u32);

impl Noise {
    /// The next number between 0 and 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0) / f64::from(u32::MAX)
    }
}
