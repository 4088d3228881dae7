//! Images with a class or labels, from anybody's folder or list, as they are learned and judged.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use logit::tape::{Tape, Taped};
use logit_spec::{Fault, Finding, Level};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{ImageSystem, SquareImage, images};
use crate::data::labelled::{
    Listed, Pictures, Unread, folder_schema, list_schema, listed, listed_folder, unread_images,
};
use crate::data::split::{DataPart, Dealer};
use crate::data::table::{AnswerKind, Schema};
use crate::error::ZooError;
use crate::page::Fact;
use crate::recipe::{AnswerChoice, ImagesData, ImagesSetup, TableData};
use crate::run::{Calibration, DataSource, Found, RunDir, RunPlace};
use crate::system::answer::{Outputs, RowAnswer, with_answer};
use crate::system::table::{check_columns, keep_test_rows, schema_of};
use crate::system::{
    Goal, JudgedPart, Judgement, Need, NetOf, Origin, Pass, Reading, Rows, SystemError, Task, WithSystem,
};

/// Images judged at a time.
const BATCH: usize = 256;

/// Calls `then` with the system of a run's images, or of those that a run is to be made of.
pub(crate) fn with_images<W: WithSystem>(
    setup: ImagesSetup,
    origin: Origin<'_>,
    then: W,
) -> Result<W::Output, ZooError> {
    let (schema, found) = match origin {
        Origin::Run(run) => (schema_of(run)?, Vec::new()),
        Origin::Data(source) => settled(&setup, source)?,
    };
    with_answer!(schema.targets, setup.data.table.weights, setup.loss, |answer| {
        then.call::<ImagesTask<_>>(ImageSystem { setup, schema, found, answer })
    })
}

/// What is settled about images before they are trained on.
fn settled(setup: &ImagesSetup, source: &DataSource) -> Result<(Schema, Vec<Found>), ZooError> {
    match source {
        DataSource::File(list) => {
            if setup.data.table.test_file.is_some() {
                return Err(ZooError::Usage(
                    "`--test` is for tables: of a list of images a share is held out, `--set data.table.test=SHARE`"
                        .to_owned(),
                ));
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
        DataSource::Embedded => Err(ZooError::Usage(
            "images are needed: `logit train FOLDER`, with a folder for each class in it".to_owned(),
        )),
    }
}

/// The column of a list that names the images.
fn path_column(data: &ImagesData) -> Result<&str, ZooError> {
    data.path_column.as_deref().ok_or_else(|| {
        ZooError::Usage("name the column of the images' paths with `--images COLUMN`".to_owned())
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
            Err(ZooError::Usage(format!(
                "`{option}` is for tables and lists; {folder} is a folder, in which each folder is a class: leave it out"
            )))
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

/// The images of a source, and those of its test folder, where it has one.
fn all_listed(
    source: &DataSource,
    data: &ImagesData,
    schema: &Schema,
) -> Result<(Listed, Option<Listed>), ZooError> {
    match source {
        DataSource::File(list) => Ok((listed(list, path_column(data)?, schema)?, None)),
        DataSource::Folder(folder) => match parted(folder) {
            Some([train, test]) => Ok((
                listed_folder(&folder.join(train), schema)?,
                Some(listed_folder(&folder.join(test), schema)?),
            )),
            None => Ok((listed_folder(folder, schema)?, None)),
        },
        DataSource::Embedded => Ok((Listed::default(), None)),
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

struct ImagesTask<A> {
    system: ImageSystem<A>,
    train: Pictures,
    validation: Pictures,
    test: Pictures,
    /// The numbers of the test images among all, where they were drawn from them.
    test_rows: Vec<u64>,
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

impl<A: RowAnswer> ImagesTask<A> {
    fn outputs(&self, net: &NetOf<Self>, part: JudgedPart, device: &Device) -> Result<Outputs, ZooError> {
        let data = &self.system.setup.data;
        let set = match part {
            JudgedPart::Validation => &self.validation,
            JudgedPart::Test => &self.test,
        };
        let mut outputs = Outputs { logits: Vec::new(), targets: set.targets.clone() };
        for pixels in set.pixels.chunks(BATCH * data.channels() * data.size * data.size) {
            outputs.logits.extend(net.forward(images(pixels, data, device)).rows()?);
        }
        Ok(outputs)
    }
}

impl<A: RowAnswer> Task for ImagesTask<A> {
    type System = ImageSystem<A>;
    type Batch = (Tensor<4>, Vec<f32>);

    fn read(system: ImageSystem<A>, from: &Reading<'_>) -> Result<Self, ZooError> {
        let (data, schema) = (&system.setup.data, &system.schema);
        if let (true, Some(file), DataSource::File(list)) = (from.own, &schema.file, from.source) {
            file.check(list)?;
        }
        let (rest, test) = all_listed(from.source, data, schema)?;
        let read = |listed| Pictures::read(listed, data);
        // Other data than the run's own is a test as a whole.
        if from.need == Need::Test && !from.own {
            let (nothing, test) = (read(Listed::default())?, read(test.unwrap_or(rest))?);
            return Ok(Self {
                system,
                train: nothing.clone(),
                validation: nothing,
                test,
                test_rows: Vec::new(),
            });
        }
        let share = if test.is_some() { 0.0 } else { data.table.test };
        let ([train, validation, held_out], rows) =
            dealt(rest, schema, share, data.table.validation, from.seed);
        let test_rows = if test.is_none() { rows } else { Vec::new() };
        let of_training = |listed| if from.need == Need::All { listed } else { Listed::default() };
        let (train, validation) = (read(of_training(train))?, read(of_training(validation))?);
        let test = read(test.unwrap_or(held_out))?;
        let counts = [&train, &validation, &test].map(|part| part.paths.len());
        if let Some(part) = from.need.missing(counts) {
            let hint = "more are needed";
            return Err(SystemError::EmptyPart { part, data: from.source.to_string(), hint }.into());
        }
        Ok(Self { system, train, validation, test, test_rows })
    }

    fn system(&self) -> &ImageSystem<A> {
        &self.system
    }

    fn samples(&self) -> u32 {
        self.train.paths.len() as u32
    }

    fn batch(&self, rows: &[u32], seed: u64, device: &Device) -> Result<Self::Batch, ZooError> {
        let (data, set, width) = (&self.system.setup.data, &self.train, self.system.answer.width());
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
        net: &NetOf<Self>,
        (images, targets): Self::Batch,
        tape: &mut Tape,
    ) -> Result<Pass, ZooError> {
        let device = images.device();
        self.system.answer.taped_pass(net.forward_on(images, tape), &targets, &device, tape)
    }

    fn sample(&self, row: u32) -> Result<Option<(SquareImage, String)>, ZooError> {
        let (data, set, width) = (&self.system.setup.data, &self.train, self.system.answer.width());
        let (at, size) = (row as usize, data.channels() * data.size * data.size);
        let pixels = set.pixels[at * size..][..size].to_vec();
        let truth = self.system.answer.describe(&set.targets[at * width..][..width]);
        Ok(Some((SquareImage { file: set.paths[at].clone(), pixels }, truth)))
    }

    fn goal(&self) -> Goal {
        self.system.answer.goal()
    }

    fn calibrated(&self, net: &NetOf<Self>, device: &Device) -> Result<Calibration, ZooError> {
        self.system.answer.calibrated(&self.outputs(net, JudgedPart::Validation, device)?)
    }

    fn judge(
        &self,
        net: &NetOf<Self>,
        part: JudgedPart,
        calibration: &Calibration,
        device: &Device,
    ) -> Result<Judgement, ZooError> {
        self.system.answer.judge(&self.outputs(net, part, device)?, calibration)
    }

    fn keep(&self, run: &RunDir) -> Result<(), ZooError> {
        keep_test_rows(run, &self.test_rows)
    }

    fn facts(&self) -> Vec<Fact> {
        let [train, validation, test] =
            [&self.train, &self.validation, &self.test].map(|set| set.paths.len());
        let (side, channels) = (self.system.setup.data.size, self.system.setup.data.channels());
        vec![
            Fact::new("images", format!("{train} training, {validation} validation, {test} test")),
            Fact::new("size", format!("{side}×{side}, {channels} channels")),
        ]
    }
}
