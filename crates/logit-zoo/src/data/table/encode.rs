//! A row's fields as numbers.

use std::collections::HashMap;

use csv::StringRecord;

use super::TableError;
use super::answer::AnswerKind;
use super::reader::{Reader, is_blank};
use super::schema::{Form, Schema};
use super::survey::{LARGEST, check_length, is_tame, shortened};

/// Reads the rows of a table by its schema.
pub(crate) struct Encoder<'a> {
    schema: &'a Schema,
    /// The place of each feature's column, and of its values.
    features: Vec<(usize, HashMap<&'a str, usize>)>,
    /// The place of each target's column; none where new rows need not have them.
    targets: Option<Vec<usize>>,
    classes: HashMap<&'a str, usize>,
}

impl<'a> Encoder<'a> {
    /// For the columns of a reader, with targets or without.
    pub(crate) fn new(schema: &'a Schema, reader: &Reader, with_targets: bool) -> Result<Self, TableError> {
        let features = schema.features.iter().map(|feature| {
            let values = match &feature.form {
                Form::Category { values, .. } => values.iter().map(String::as_str).zip(0..).collect(),
                Form::Number { .. } => HashMap::new(),
            };
            Ok((reader.column(&feature.name)?, values))
        });
        let features = features.collect::<Result<_, TableError>>()?;
        let targets = schema.targets.columns.iter().map(|name| reader.column(name));
        let targets = if with_targets { Some(targets.collect::<Result<_, _>>()?) } else { None };
        let classes = match &schema.targets.kind {
            AnswerKind::Classes { names, .. } => names.iter().map(String::as_str).zip(0..).collect(),
            _ => HashMap::new(),
        };
        Ok(Self { schema, features, targets, classes })
    }

    /// Appends the features of a row.
    pub(crate) fn features(
        &self,
        reader: &Reader,
        record: &StringRecord,
        to: &mut Vec<f32>,
    ) -> Result<(), TableError> {
        check_length(reader, record)?;
        for (feature, (place, values)) in self.schema.features.iter().zip(&self.features) {
            let field = record.get(*place).unwrap_or_default();
            match &feature.form {
                Form::Number { mean, deviation, blanks } => {
                    let number =
                        if is_blank(field) { None } else { Some(number(reader, &feature.name, field)?) };
                    to.push(number.map_or(0.0, |number| (number - mean) / deviation) as f32);
                    if *blanks {
                        to.push(f32::from(u8::from(number.is_none())));
                    }
                }
                // 0 is none of them.
                Form::Category { .. } => to.push(values.get(field).map_or(0.0, |value| (value + 1) as f32)),
            }
        }
        Ok(())
    }

    /// Appends the targets of a row; false, and nothing, if one is blank.
    pub(crate) fn targets(
        &self,
        reader: &Reader,
        record: &StringRecord,
        to: &mut Vec<f32>,
    ) -> Result<bool, TableError> {
        let Some(places) = &self.targets else { return Ok(true) };
        let fields: Vec<&str> = places.iter().map(|place| record.get(*place).unwrap_or_default()).collect();
        if fields.iter().any(|field| is_blank(field)) {
            return Ok(false);
        }
        let named = self.schema.targets.columns.iter().zip(&fields);
        match &self.schema.targets.kind {
            AnswerKind::Classes { one_hot: true, .. } => {
                let positives: Vec<usize> =
                    (0..fields.len()).filter(|place| fields[*place].parse() == Ok(1.0)).collect();
                let [class] = positives[..] else {
                    return Err(reader
                        .at_row(format!("{} of the classes are 1; exactly one must be", positives.len())));
                };
                to.push(class as f32);
            }
            // A class that the table did not have is told of later, all of them together.
            AnswerKind::Classes { .. } => {
                to.push(self.classes.get(fields[0]).map_or(-1.0, |class| *class as f32));
            }
            AnswerKind::Labels { .. } => {
                for (name, field) in named {
                    let number = number(reader, name, field)?;
                    if ![0.0, 1.0].contains(&number) {
                        return Err(reader.at_row(format!("`{name}` is {number}; a label is 0 or 1")));
                    }
                    to.push(number as f32);
                }
            }
            AnswerKind::Values { means, deviations } => {
                for ((name, field), (mean, deviation)) in named.zip(means.iter().zip(deviations)) {
                    to.push(((number(reader, name, field)? - mean) / deviation) as f32);
                }
            }
            AnswerKind::Grades { low, high, .. } => {
                for (name, field) in named {
                    let number = number(reader, name, field)?;
                    if !(*low..=*high).contains(&number) {
                        let told = format!("`{name}` is {number}, outside of {low} to {high} [rule 12]");
                        return Err(reader.at_row(told));
                    }
                    to.push(number as f32);
                }
            }
        }
        Ok(true)
    }
}

fn number(reader: &Reader, name: &str, field: &str) -> Result<f64, TableError> {
    let what = match field.parse::<f64>() {
        Ok(number) if is_tame(number) => return Ok(number),
        Ok(number) if number.is_finite() => format!("which is beyond {LARGEST:e}, the largest that is read"),
        _ => "which is no finite number".to_owned(),
    };
    Err(reader.at_row(format!("`{name}` holds `{}`, {what}; mend it, or leave it blank", shortened(field))))
}
