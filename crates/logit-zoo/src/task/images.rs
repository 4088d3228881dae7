//! The class or the labels of an image, from anybody's folder or list.

use std::path::Path;

use burn::module::ParamId;
use burn::tensor::{Device, Tensor, TensorData};
use logit::Head;
use logit::tape::{Tape, Taped};
use logit_spec::{Fault, Finding, Level};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::answer::{Answer, Outputs};
use super::table::{ForAnswer, check_columns, keep_test_rows, schema_of, with_answer};
use super::{Goal, Judgement, Need, Part, Pass, Task, WithTask};
use crate::data::labelled::{
    Listed, Pictures, Unread, folder_schema, list_schema, listed, listed_folder, unread_images,
};
use crate::data::split::{DataPart, Dealer};
use crate::data::table::{AnswerKind, Schema};
use crate::error::ZooError;
use crate::models::PictureNet;
use crate::recipe::{AnswerChoice, ImagesData, ImagesSetup, TableData};
use crate::report::Fact;
use crate::run::{Calibration, DataSource, Found, RunDir, RunPlace};
use crate::telemetry::{Input, Sample, Subject};

/// Images judged at a time.
const BATCH: usize = 256;

/// What is settled about images before they are trained on.
pub(crate) fn prepared(setup: &ImagesSetup, source: &DataSource) -> Result<(Schema, Vec<Found>), ZooError> {
    match source {
        DataSource::File(list) => {
            if setup.data.table.test_file.is_some() {
                let what = "`--test` is for tables: of a list of images a share is held out, `--set data.table.test=SHARE`"
                    .to_owned();
                return Err(ZooError::Usage { what });
            }
            check_columns(list, &setup.data.table)?;
            let (schema, findings) = list_schema(list, path_column(&setup.data)?, &setup.data.table)?;
            Ok((schema, findings.into_iter().map(|finding| finding.at(RunPlace::DATA)).collect()))
        }
        DataSource::Folder(folder) => {
            refuse_columns(folder, &setup.data.table)?;
            let folders = match parted(folder) {
                Some(parts) => parts.map(|part| folder.join(part)).to_vec(),
                None => vec![folder.clone()],
            };
            let schema = folder_schema(&folders[0])?;
            let unread = folders.iter().map(|folder| unread_images(folder)).collect::<Result<Vec<_>, _>>()?;
            Ok((schema, unread.iter().flatten().map(unread_found).collect()))
        }
        DataSource::Embedded => {
            let what =
                "images are needed: `logit train FOLDER`, with a folder for each class in it".to_owned();
            Err(ZooError::Usage { what })
        }
    }
}

/// The column of a list that names the images.
fn path_column(data: &ImagesData) -> Result<&str, ZooError> {
    data.path_column.as_deref().ok_or_else(|| ZooError::Usage {
        what: "name the column of the images' paths with `--images COLUMN`".to_owned(),
    })
}

/// Refuses what is said of columns where there are none.
fn refuse_columns(folder: &Path, data: &TableData) -> Result<(), ZooError> {
    let said = [
        ("--target", !data.targets.is_empty()),
        ("--answer", data.answer != AnswerChoice::Auto),
        ("--grades", data.grades.is_some()),
        ("--drop", !data.drop.is_empty()),
        ("--test", data.test_file.is_some()),
    ];
    match said.into_iter().find(|(_, is_said)| *is_said) {
        None => Ok(()),
        Some((option, _)) => {
            let folder = folder.display();
            let what = format!(
                "`{option}` is for tables and lists; {folder} is a folder, in which each folder is a class: leave it out"
            );
            Err(ZooError::Usage { what })
        }
    }
}

/// What is said of images that are not read.
fn unread_found(unread: &Unread) -> Found {
    let finding = Finding {
        level: Level::Warning,
        fault: Fault::Named("unread-images".to_owned()),
        message: unread.to_string(),
        reason: "only PNG and JPEG are read, by the endings .png, .jpg and .jpeg: the network never sees the others"
            .to_owned(),
        fix: "save them as PNG, or take them out of the folder".to_owned(),
    };
    finding.at(RunPlace::DATA)
}

/// The training and the test folder, where a folder has both.
fn parted(folder: &Path) -> Option<[&'static Path; 2]> {
    let [train, test] = [Path::new("train"), Path::new("test")];
    (folder.join(train).is_dir() && folder.join(test).is_dir()).then_some([train, test])
}

/// Reads a run's images and calls `then` with its task.
pub(super) fn with_images<W: WithTask>(
    setup: &ImagesSetup,
    seed: u64,
    source: &DataSource,
    run: &RunDir,
    need: Need,
    then: W,
) -> Result<W::Output, ZooError> {
    let schema = schema_of(run)?;
    let own = run.about()?.data == Some(source.absolute()?);
    if let (true, Some(file), DataSource::File(list)) = (own, &schema.file, source) {
        file.check(list)?;
    }
    let sets = Sets::read(setup, &schema, seed, source, need, own, run)?;
    let then = WithAnswer { setup, sets, then };
    with_answer(&schema.targets, setup.data.table.weights, &setup.loss, then)
}

/// The parts of the images.
struct Sets {
    train: Pictures,
    validation: Pictures,
    test: Pictures,
}

impl Sets {
    fn read(
        setup: &ImagesSetup,
        schema: &Schema,
        seed: u64,
        source: &DataSource,
        need: Need,
        own: bool,
        run: &RunDir,
    ) -> Result<Self, ZooError> {
        let data = &setup.data;
        let (rest, test) = match source {
            DataSource::File(list) => (listed(list, path_column(data)?, schema)?, None),
            DataSource::Folder(folder) => match parted(folder) {
                Some([train, test]) => (
                    listed_folder(&folder.join(train), schema)?,
                    Some(listed_folder(&folder.join(test), schema)?),
                ),
                None => (listed_folder(folder, schema)?, None),
            },
            DataSource::Embedded => (Listed::default(), None),
        };
        // Other data than the run's own is a test as a whole.
        if need == Need::Test && !own {
            let nothing = || Pictures::read(Listed::default(), data);
            return Ok(Self {
                train: nothing()?,
                validation: nothing()?,
                test: Pictures::read(test.unwrap_or(rest), data)?,
            });
        }
        let share = if test.is_some() { 0.0 } else { data.table.test };
        let ([train, validation, held_out], rows) = dealt(rest, schema, share, data.table.validation, seed);
        if need == Need::All && test.is_none() {
            keep_test_rows(run, &rows)?;
        }
        let of_training = |listed| if need == Need::All { listed } else { Listed::default() };
        let sets = Self {
            train: Pictures::read(of_training(train), data)?,
            validation: Pictures::read(of_training(validation), data)?,
            test: Pictures::read(test.unwrap_or(held_out), data)?,
        };
        let parts = [("training", &sets.train), ("validation", &sets.validation), ("test", &sets.test)];
        let mut needed = parts.iter().skip(if need == Need::All { 0 } else { 2 });
        match needed.find(|(_, part)| part.paths.is_empty()) {
            None => Ok(sets),
            Some((part, _)) => Err(ZooError::Unfit {
                what: format!("the {part} part of {source} has no image; more are needed"),
            }),
        }
    }
}

/// Images dealt out to training, validation and test, stratified by class; and the numbers of the test images, from 1.
fn dealt(all: Listed, schema: &Schema, test: f64, validation: f64, seed: u64) -> ([Listed; 3], Vec<u64>) {
    let width = schema.target_width();
    let strata = match &schema.targets.kind {
        AnswerKind::Classes { counts, .. } => counts.clone(),
        _ => vec![all.paths.len() as u64],
    };
    let by_class = strata.len() > 1;
    let mut dealer = Dealer::new(&strata, test, validation, seed);
    let (mut parts, mut rows) =
        ([const { Listed { paths: Vec::new(), targets: Vec::new() } }; 3], Vec::new());
    for (number, (path, target)) in (1..).zip(all.paths.into_iter().zip(all.targets.chunks(width))) {
        let part = dealer.deal(if by_class { target[0] as usize } else { 0 });
        if part == DataPart::Test {
            rows.push(number);
        }
        parts[part as usize].paths.push(path);
        parts[part as usize].targets.extend_from_slice(target);
    }
    (parts, rows)
}

struct WithAnswer<'a, W> {
    setup: &'a ImagesSetup,
    sets: Sets,
    then: W,
}

impl<W: WithTask> ForAnswer for WithAnswer<'_, W> {
    type Output = W::Output;

    fn call<A: Answer>(self, answer: A) -> Result<W::Output, ZooError> {
        self.then.call(ImagesTask { setup: self.setup, sets: self.sets, answer })
    }
}

struct ImagesTask<'a, A> {
    setup: &'a ImagesSetup,
    sets: Sets,
    answer: A,
}

/// The network of a recipe for images, with its first weights.
pub(crate) fn network<A: Answer>(
    setup: &ImagesSetup,
    answer: &A,
    device: &Device,
) -> Result<PictureNet<Head<A::Kind>>, ZooError> {
    let model = &setup.model;
    if setup.data.size >> model.stages == 0 {
        let what = format!(
            "an image of {0}×{0} cannot be halved {1} times; lower `model.stages`",
            setup.data.size, model.stages
        );
        return Err(ZooError::Unfit { what });
    }
    let head = |features| answer.head(features);
    Ok(PictureNet::new(setup.data.channels(), model.width, model.stages, model.dropout, head, device)?)
}

/// Pixels as a network takes them: in [−1, 1].
pub(crate) fn images(pixels: &[u8], data: &ImagesData, device: &Device) -> Tensor<4> {
    let values: Vec<f32> = pixels.iter().map(|pixel| f32::from(*pixel) / 127.5 - 1.0).collect();
    let count = pixels.len() / (data.channels() * data.size * data.size);
    Tensor::from_data(TensorData::new(values, [count, data.channels(), data.size, data.size]), device)
}

/// An image moved and mirrored; what is uncovered repeats the nearest pixel.
fn augmented(image: &[u8], data: &ImagesData, random: &mut StdRng, to: &mut Vec<u8>) {
    let (side, most) = (data.size as i32, data.shift.min(data.size) as i32);
    let [down, right] = [0; 2].map(|_: u8| random.random_range(-most..=most));
    let mirrored = data.flips && random.random::<bool>();
    for channel in image.chunks_exact((side * side) as usize) {
        for row in 0..side {
            let from_row = (row - down).clamp(0, side - 1);
            for column in 0..side {
                let column = if mirrored { side - 1 - column } else { column };
                let from = from_row * side + (column - right).clamp(0, side - 1);
                to.push(channel[from as usize]);
            }
        }
    }
}

impl<A: Answer> ImagesTask<'_, A> {
    fn outputs(
        &self,
        net: &PictureNet<Head<A::Kind>>,
        part: Part,
        device: &Device,
    ) -> Result<Outputs, ZooError> {
        let data = &self.setup.data;
        let set = match part {
            Part::Validation => &self.sets.validation,
            Part::Test => &self.sets.test,
        };
        let mut outputs = Outputs { logits: Vec::new(), targets: set.targets.clone() };
        for pixels in set.pixels.chunks(BATCH * data.channels() * data.size * data.size) {
            let logits = net.forward(images(pixels, data, device)).into_tensor();
            outputs.logits.extend(logits.try_into_vec_as::<f32>()?);
        }
        Ok(outputs)
    }
}

impl<A: Answer> Task for ImagesTask<'_, A> {
    type Net = PictureNet<Head<A::Kind>>;
    type Batch = (Tensor<4>, Vec<f32>);

    fn network(&self, device: &Device) -> Result<Self::Net, ZooError> {
        network(self.setup, &self.answer, device)
    }

    fn samples(&self) -> u32 {
        self.sets.train.paths.len() as u32
    }

    fn batch(&self, rows: &[u32], seed: u64, device: &Device) -> Result<Self::Batch, ZooError> {
        let (data, set, width) = (&self.setup.data, &self.sets.train, self.answer.width());
        let size = data.channels() * data.size * data.size;
        let mut random = StdRng::seed_from_u64(seed);
        let (mut pixels, mut targets) = (Vec::with_capacity(rows.len() * size), Vec::new());
        for row in rows.iter().map(|row| *row as usize) {
            augmented(&set.pixels[row * size..][..size], data, &mut random, &mut pixels);
            targets.extend_from_slice(&set.targets[row * width..][..width]);
        }
        Ok((images(&pixels, data, device), targets))
    }

    fn pass(
        &self,
        net: &Self::Net,
        (images, targets): Self::Batch,
        tape: &mut Tape,
    ) -> Result<Pass, ZooError> {
        let device = images.device();
        self.answer.taped_pass(net.forward_on(images, tape), &targets, &device, tape)
    }

    fn subject(&self) -> Subject {
        self.answer.subject()
    }

    fn units(&self) -> Vec<String> {
        self.answer.units()
    }

    fn sample(&self, row: u32) -> Result<Option<Sample>, ZooError> {
        let (data, set, width) = (&self.setup.data, &self.sets.train, self.answer.width());
        let (channels, area) = (data.channels(), data.size * data.size);
        let (at, size) = (row as usize, channels * area);
        let planes = &set.pixels[at * size..][..size];
        // From plane after plane to pixel after pixel.
        let pixels: Vec<u8> = (0..area)
            .flat_map(|pixel| (0..channels).map(move |channel| planes[channel * area + pixel]))
            .collect();
        let truth = self.answer.told(&set.targets[at * width..][..width]);
        Ok(Some(Sample { row, truth, input: Input::picture([data.size, data.size, channels], &pixels) }))
    }

    fn head(&self, net: &Self::Net) -> ParamId {
        net.head().weight.id
    }

    fn goal(&self) -> Goal {
        self.answer.goal()
    }

    fn calibrated(&self, net: &Self::Net, device: &Device) -> Result<Calibration, ZooError> {
        self.answer.calibrated(&self.outputs(net, Part::Validation, device)?)
    }

    fn judge(
        &self,
        net: &Self::Net,
        part: Part,
        calibration: &Calibration,
        device: &Device,
    ) -> Result<Judgement, ZooError> {
        self.answer.judge(&self.outputs(net, part, device)?, calibration)
    }

    fn facts(&self) -> Vec<Fact> {
        let Sets { train, validation, test } = &self.sets;
        let counts = [train, validation, test].map(|set| set.paths.len());
        let side = self.setup.data.size;
        vec![
            Fact::new(
                "images",
                format!("{} training, {} validation, {} test", counts[0], counts[1], counts[2]),
            ),
            Fact::new("size", format!("{side}×{side}, {} channels", self.setup.data.channels())),
        ]
    }
}
