//! Pairs of digits as they are learned and judged.

use burn::tensor::{Device, Tensor, TensorData};
use logit::metrics::{Average, ConfusionMatrix, Ranking, Regression};
use logit::tape::{Tape, Taped};
use logit::{Logits, Values};

use super::{BATCH, PairSystem, SIZE, THRESHOLD, decision};
use crate::batch::{coded, load};
use crate::data::{ImageSet, PairedDigits, Stream, mix};
use crate::error::ZooError;
use crate::models::DetectionPooling;
use crate::page::{Fact, Picture, Pixels, Table};
use crate::recipe::{PairsSetup, RecipeError};
use crate::run::Calibration;
use crate::system::digits::DigitPicture;
use crate::system::{
    Explicable, Goal, JudgedPart, Judgement, Pass, Reading, Scores, System as _, SystemError, Task, View,
    WithSystem, confusion,
};
use crate::telemetry::{Facts, FactsOfTensors as _, Truth};

/// The target of a pair that holds a digit of 0 to 3; that of others is 0.
const PRESENT: f32 = 100.0;

/// The most pairs shown of those that were decided wrongly.
const SHOWN_MISTAKES: usize = 24;

/// Calls `then` with the system that judges pairs.
pub(crate) fn with_pairs<W: WithSystem>(setup: PairsSetup, then: W) -> Result<W::Output, ZooError> {
    then.call::<Pairs>(PairSystem { setup })
}

/// Sees whether the loss's options fit one value.
fn check_loss(setup: &PairsSetup) -> Result<(), ZooError> {
    let nothing = Tensor::<2>::zeros([1, 1], &Device::flex());
    let loss = setup.loss.forward(Logits::new(nothing.clone(), Values::new(1))?, nothing);
    loss.map(|_| ()).map_err(|source| RecipeError::Loss { source }.into())
}

/// Digits, and the pairs of them that networks are judged on.
struct Drawn {
    digits: PairedDigits,
    pairs: Vec<[u32; 2]>,
}

/// Pairs as a network takes them, and whether each holds a digit of 0 to 3.
pub(crate) struct Batch {
    images: Tensor<4>,
    present: Vec<bool>,
    pairs: Vec<[u32; 2]>,
    /// The images as bytes, one after the other.
    pictures: Vec<u8>,
}

/// The places of a digit's picture that are black in all of a set.
fn untouched(set: &ImageSet) -> Vec<bool> {
    let area = set.height() * set.width();
    let mut untouched = vec![true; area];
    for image in set.pixels().chunks_exact(area.max(1)) {
        untouched.iter_mut().zip(image).for_each(|(untouched, pixel)| *untouched &= *pixel == 0);
    }
    untouched
}

struct Pairs {
    system: PairSystem,
    train: PairedDigits,
    validation: Drawn,
    test: Drawn,
}

impl Task for Pairs {
    type System = PairSystem;
    type Batch = Batch;

    /// Reads digits, and draws the pairs to judge on.
    fn read(system: PairSystem, Reading { source, seed, .. }: &Reading<'_>) -> Result<Self, ZooError> {
        check_loss(&system.setup)?;
        let (data, split) = (&system.setup.data, load(source)?);
        let (train, validation) =
            split.train.split_stratified(data.validation, mix(*seed, Stream::Holdout, 0))?;
        let part = |name: &str, set| PairedDigits::new(&format!("the {name} part of {source}"), set);
        let train = part("training", train)?;
        let draw = |digits: PairedDigits, count, seed| {
            let pairs = digits.draw(count, data.sampling, mix(seed, Stream::Pairs, 0));
            Drawn { digits, pairs }
        };
        let validation = draw(part("validation", validation)?, data.validation_pairs, *seed);
        let test = draw(part("test", split.test)?, data.test_pairs, data.test_seed);
        Ok(Self { system, train, validation, test })
    }

    fn system(&self) -> &PairSystem {
        &self.system
    }

    fn samples(&self) -> u32 {
        self.system.setup.data.pairs as u32
    }

    /// Pairs are drawn for each step, so that their numbers need no order of their own.
    fn order(&self, _seed: u64, _epoch: u64) -> Vec<u32> {
        (0..self.samples()).collect()
    }

    fn batch(&self, rows: &[u32], seed: u64, device: &Device) -> Result<Batch, ZooError> {
        let data = &self.system.setup.data;
        let pairs = self.train.draw(rows.len(), data.sampling, mix(seed, Stream::Pairs, 0));
        let pictures = self.train.pictures(&pairs, data.shift, mix(seed, Stream::Augmentation, 0))?;
        Ok(Batch {
            images: coded(&pictures, self.system.code(), device),
            present: present(&self.train, &pairs),
            pairs,
            pictures,
        })
    }

    fn pass(
        &self,
        net: &DetectionPooling,
        Batch { images, present, .. }: Batch,
        tape: &mut Tape,
    ) -> Result<Pass, ZooError> {
        let (device, samples) = (images.device(), present.len() as u64);
        let values = net.forward_on(images, tape)?;
        let facts = Facts::on(tape, values.tensor(), || Ok(Truth::Values(targets(&present))))?;
        let read: Vec<f32> = values.values().without_autodiff().try_into_vec_as()?;
        let right = read.iter().zip(&present).filter(|(value, present)| decision(**value) == **present);
        let right = right.count() as u64;
        let targets = Tensor::<2>::from_data(TensorData::new(targets(&present), [present.len(), 1]), &device);
        let loss = self.system.setup.loss.forward(values, targets)?.value;
        Ok(Pass { loss, samples, decisions: Some([samples, right]), facts })
    }

    /// Pairs are drawn for each step, and none is sure to come by again: a row is a place in the epoch, where each pass is
    /// shown another pair.
    fn sample(&self, _: u32) -> Result<Option<([DigitPicture; 2], String)>, ZooError> {
        Ok(None)
    }

    fn view(&self, Batch { present, pairs, pictures, .. }: &Batch, place: usize) -> Option<View> {
        let [height, width] = SIZE;
        let pixels = pictures.chunks_exact(height * width).nth(place)?;
        let [left, right] = self.train.labels(*pairs.get(place)?);
        let target = targets(&present[place..=place])[0];
        let truth = format!("{target} ({left} and {right})");
        Some(View { size: SIZE, pixels: pixels.to_vec(), truth, map: None })
    }

    /// The half with the digit of 0 to 3, where there is exactly one; ink; and the pixels that no test digit touches.
    fn explicable(&self, count: usize) -> Result<Vec<Explicable<[DigitPicture; 2]>>, ZooError> {
        let Drawn { digits, pairs } = &self.test;
        let set = digits.digits();
        let [height, width] = SIZE;
        let (once, side) = (untouched(set), width / 2);
        let places = || (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
        let untouched: Vec<bool> = places().map(|(row, column)| once[row * side + column % side]).collect();
        let explicable = |pair: &[u32; 2]| {
            let picture = |row: u32| DigitPicture {
                file: format!("row {row}").into(),
                pixels: set.image(row as usize).unwrap_or_default().to_vec(),
                ..DigitPicture::blank([height, side])
            };
            let asked = pair.map(picture);
            let mut masks = vec![("untouched", untouched.clone())];
            masks.extend(self.system.ink(&asked).map(|ink| ("ink", ink)));
            if let [left, right] = digits.sought(*pair)
                && left != right
            {
                masks.push(("half", places().map(|(_, column)| (column >= side) == right).collect()));
            }
            Explicable { asked, masks }
        };
        Ok(pairs.iter().take(count).map(explicable).collect())
    }

    fn constrained(&self, net: DetectionPooling) -> DetectionPooling {
        net.hold_biases()
    }

    fn goal(&self) -> Goal {
        Goal::least("mse")
    }

    fn judge(
        &self,
        net: &DetectionPooling,
        part: JudgedPart,
        _: &Calibration,
        device: &Device,
    ) -> Result<Judgement, ZooError> {
        let drawn = match part {
            JudgedPart::Validation => &self.validation,
            JudgedPart::Test => &self.test,
        };
        let values = values(net, drawn, self.system.code(), device)?;
        let judgement = judge(&values, drawn)?;
        Ok(Judgement { tables: [judgement.tables, vec![biases(net)?]].concat(), ..judgement })
    }

    fn facts(&self) -> Vec<Fact> {
        let data = &self.system.setup.data;
        let [train, validation, test] =
            [&self.train, &self.validation.digits, &self.test.digits].map(|digits| digits.digits().len());
        let pairs = format!(
            "{} an epoch, {} for validation, {} for the test (seed {}); {} sampling",
            data.pairs,
            data.validation_pairs,
            data.test_pairs,
            data.test_seed,
            data.sampling.name()
        );
        vec![
            Fact::new("digits", format!("{train} training, {validation} validation, {test} test")),
            Fact::new("pairs", pairs),
            Fact::new("pixels", format!("from {} (black) to {} (white)", data.low, data.high)),
        ]
    }
}

fn present(digits: &PairedDigits, pairs: &[[u32; 2]]) -> Vec<bool> {
    pairs.iter().map(|pair| digits.sought(*pair).contains(&true)).collect()
}

fn targets(present: &[bool]) -> Vec<f32> {
    present.iter().map(|present| if *present { PRESENT } else { 0.0 }).collect()
}

/// The network's value of each pair.
fn values(
    net: &DetectionPooling,
    Drawn { digits, pairs }: &Drawn,
    code: [f64; 2],
    device: &Device,
) -> Result<Vec<f32>, ZooError> {
    let mut values = Vec::with_capacity(pairs.len());
    for pairs in pairs.chunks(BATCH) {
        let pictures = digits.pictures(pairs, 0, 0)?;
        let of_part: Vec<f32> =
            net.forward(coded(&pictures, code, device))?.into_tensor().try_into_vec_as()?;
        values.extend(of_part);
    }
    Ok(values)
}

fn judge(values: &[f32], drawn: &Drawn) -> Result<Judgement, ZooError> {
    let present = present(&drawn.digits, &drawn.pairs);
    let mut errors = Regression::new(1)?;
    let mut ranking = Ranking::new(1)?;
    let mut matrix = ConfusionMatrix::new(2)?;
    errors.update(values, &targets(&present))?;
    ranking.update_labels(values, &present, None)?;
    let classes = |of: &[bool]| of.iter().map(|present| usize::from(*present)).collect::<Vec<_>>();
    let decisions: Vec<bool> = values.iter().map(|value| decision(*value)).collect();
    matrix.update(&classes(&decisions), &classes(&present), None)?;

    let one_kind = || SystemError::PairsOfOneKind { pairs: present.len() };
    let scores = Scores::new(
        errors.rows(),
        [
            ("mse", errors.mse().ok_or_else(one_kind)?),
            ("accuracy", matrix.accuracy().ok_or_else(one_kind)?),
            ("auroc", ranking.auroc(Average::Macro).ok_or_else(one_kind)?),
        ],
    );
    Ok(Judgement {
        summary: summary(&scores, &present),
        confusion: Some(confusion(&matrix, vec!["none of 0 to 3".to_owned(), "one of 0 to 3".to_owned()])),
        tables: vec![histogram(values, &present), halves(values, drawn)],
        pictures: mistakes(values, drawn)?,
        ..Judgement::of(scores, String::new())
    })
}

fn summary(scores: &Scores, present: &[bool]) -> String {
    let number = |name: &str| scores.get(name).unwrap_or(f64::NAN);
    let share = present.iter().filter(|present| **present).count() as f64 / present.len() as f64;
    format!(
        "{:.2} % of {} test pairs right; mean squared error {:.1} (a constant's is at least {:.0}), AUROC {:.4}.",
        100.0 * number("accuracy"),
        scores.samples,
        number("mse"),
        share * (1.0 - share) * f64::from(PRESENT) * f64::from(PRESENT),
        number("auroc")
    )
}

/// How many pairs of each kind have which values.
fn histogram(values: &[f32], present: &[bool]) -> Table {
    const WIDTH: f32 = 10.0;
    const BINS: usize = 15;
    // The first row is of values that are exactly 0, the last of all above the others.
    let mut counts = [[0_u64; 2]; BINS + 2];
    for (value, present) in values.iter().zip(present) {
        let bin = if *value <= 0.0 { 0 } else { ((value / WIDTH) as usize).min(BINS) + 1 };
        counts[bin][usize::from(*present)] += 1;
    }
    let name = |bin: usize| match bin {
        0 => "0".to_owned(),
        bin if bin > BINS => format!("{} and more", BINS as f32 * WIDTH),
        bin => format!("{} to {}", (bin - 1) as f32 * WIDTH, bin as f32 * WIDTH),
    };
    let row =
        |(bin, [without, with]): (usize, &[u64; 2])| vec![name(bin), without.to_string(), with.to_string()];
    Table {
        title: "Values".to_owned(),
        columns: ["value", "pairs of target 0", "pairs of target 100"].map(str::to_owned).to_vec(),
        rows: counts.iter().enumerate().map(row).collect(),
        note: format!("A pair is decided to hold a digit of 0 to 3 from {THRESHOLD} on."),
    }
}

/// How values and decisions depend on the half that holds a sought digit.
fn halves(values: &[f32], Drawn { digits, pairs }: &Drawn) -> Table {
    let kinds = [
        ("neither", [false, false]),
        ("the left", [true, false]),
        ("the right", [false, true]),
        ("both", [true, true]),
    ];
    let row = |(name, kind): (&str, [bool; 2])| {
        let of: Vec<f32> = pairs
            .iter()
            .zip(values)
            .filter(|(pair, _)| digits.sought(**pair) == kind)
            .map(|(_, value)| *value)
            .collect();
        let count = of.len() as f64;
        let mean = of.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
        let squares = of.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
        let right =
            of.iter().filter(|value| decision(**value) == kind.contains(&true)).count() as f64 / count;
        let cell = |number: String| if of.is_empty() { "–".to_owned() } else { number };
        vec![
            name.to_owned(),
            of.len().to_string(),
            cell(format!("{mean:.1}")),
            cell(format!("{:.1}", squares.sqrt())),
            cell(format!("{:.2} %", 100.0 * right)),
        ]
    };
    Table {
        title: "Where the digit of 0 to 3 is".to_owned(),
        columns: ["half", "pairs", "mean value", "deviation", "right"].map(str::to_owned).to_vec(),
        rows: kinds.into_iter().map(row).collect(),
        note: String::new(),
    }
}

/// The biases of the detection units, which are held at 0 or below.
fn biases(net: &DetectionPooling) -> Result<Table, ZooError> {
    let mut rows = Vec::new();
    for (name, stage) in ["first", "second"].into_iter().zip(net.stages()) {
        let Some(bias) = &stage.detection.bias else { continue };
        let values: Vec<f32> = bias.val().try_into_vec_as()?;
        let lowest = values.iter().copied().fold(f32::INFINITY, f32::min);
        let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let held = values.iter().filter(|value| **value == 0.0).count();
        rows.push(vec![
            name.to_owned(),
            values.len().to_string(),
            format!("{lowest:.2e}"),
            format!("{highest:.2e}"),
            held.to_string(),
        ]);
    }
    Ok(Table {
        title: "Biases".to_owned(),
        columns: ["detection layer", "units", "lowest", "highest", "at 0"].map(str::to_owned).to_vec(),
        rows,
        note: "None may be above 0, or relevance is neither conserved nor free of negative parts.".to_owned(),
    })
}

/// The wrongly decided pairs, those furthest on the wrong side first.
fn mistakes(values: &[f32], Drawn { digits, pairs }: &Drawn) -> Result<Vec<Picture>, ZooError> {
    let wrong = |(at, value): (usize, &f32)| {
        let present = digits.sought(pairs[at]).contains(&true);
        (decision(*value) != present).then_some((at, *value, present))
    };
    let mut mistakes: Vec<(usize, f32, bool)> = values.iter().enumerate().filter_map(wrong).collect();
    let distance = |value: f32| (value - THRESHOLD).abs();
    mistakes.sort_by(|a, b| distance(b.1).total_cmp(&distance(a.1)).then(a.0.cmp(&b.0)));
    let picture = |&(at, value, present): &(usize, f32, bool)| {
        let [left, right] = digits.labels(pairs[at]);
        Ok(Picture {
            caption: format!(
                "pair {at}: {left} and {right}, value {value:.1}, target {}",
                if present { PRESENT } else { 0.0 }
            ),
            width: SIZE[1],
            height: SIZE[0],
            pixels: Pixels::Grey(digits.pictures(&[pairs[at]], 0, 0)?),
        })
    };
    mistakes.iter().take(SHOWN_MISTAKES).map(picture).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Sampling, digits};

    /// Test digits, in pairs that are known: 7 2, 2 1, 7 4, 4 9.
    fn drawn() -> Drawn {
        let digits = PairedDigits::new("the test part", digits::embedded().unwrap().test).unwrap();
        let drawn = Drawn { digits, pairs: vec![[0, 1], [1, 2], [0, 4], [4, 7]] };
        let labels: Vec<[u8; 2]> = drawn.pairs.iter().map(|pair| drawn.digits.labels(*pair)).collect();
        assert_eq!(labels, [[7, 2], [2, 1], [7, 4], [4, 9]]);
        drawn
    }

    #[test]
    fn scores_tables_and_mistakes_follow_from_the_values() {
        let judgement = judge(&[100.0, 40.0, 0.0, 170.0], &drawn()).unwrap();
        let scores = &judgement.scores;
        assert_eq!(scores.get("mse"), Some((0.0 + 3600.0 + 0.0 + 28_900.0) / 4.0));
        assert_eq!((scores.get("accuracy"), scores.get("auroc")), (Some(0.5), Some(0.5)));
        assert_eq!(scores.samples, 4);
        assert!(judgement.summary.contains("50.00 % of 4") && judgement.summary.contains("at least 2500"));

        let [values, halves] = &judgement.tables[..] else { panic!("{:?}", judgement.tables) };
        let filled: Vec<&Vec<String>> =
            values.rows.iter().filter(|row| row[1] != "0" || row[2] != "0").collect();
        assert_eq!(
            filled,
            [
                &["0", "1", "0"],
                &["40 to 50", "0", "1"],
                &["100 to 110", "0", "1"],
                &["150 and more", "1", "0"]
            ]
        );
        assert_eq!(
            halves.rows,
            [
                ["neither", "2", "85.0", "85.0", "50.00 %"],
                ["the left", "0", "–", "–", "–"],
                ["the right", "1", "100.0", "0.0", "100.00 %"],
                ["both", "1", "40.0", "0.0", "0.00 %"]
            ]
        );
        let captions: Vec<&str> = judgement.pictures.iter().map(|picture| picture.caption.as_str()).collect();
        assert_eq!(
            captions,
            ["pair 3: 4 and 9, value 170.0, target 0", "pair 1: 2 and 1, value 40.0, target 100"]
        );
        assert_eq!((judgement.pictures[0].height, judgement.pictures[0].width), (28, 56));
    }

    #[test]
    fn pairs_of_one_kind_and_values_that_are_not_finite_are_told() {
        let Drawn { digits, pairs } = drawn();
        let one = Drawn { digits, pairs: vec![pairs[0]] };
        assert!(judge(&[1.0], &one).unwrap_err().to_string().contains("raise `data.test_pairs`"));
        assert!(judge(&[f32::NAN], &one).unwrap_err().to_string().starts_with("the evaluation: "));
    }

    #[test]
    fn a_constant_has_the_error_that_is_told() {
        let mut drawn = drawn();
        drawn.pairs = drawn.digits.draw(10_000, Sampling::Uniform, 1);
        let present = present(&drawn.digits, &drawn.pairs);
        let mean = targets(&present).iter().sum::<f32>() / 1e4;
        let judgement = judge(&vec![mean; 10_000], &drawn).unwrap();
        let mse = judgement.scores.get("mse").unwrap();
        assert!(judgement.summary.contains(&format!("at least {mse:.0})")), "{mse}: {}", judgement.summary);
        assert_eq!(judgement.scores.get("auroc"), Some(0.5));
    }
}
