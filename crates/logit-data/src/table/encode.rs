//! A row's fields as stored numbers, and stored numbers as a network's input or as fields again.

use std::collections::{HashMap, HashSet};

use csv::StringRecord;

use super::answer::AnswerKind;
use super::columnar::Look;
use super::config::LARGEST;
use super::error::TableError;
use super::reader::{Reader, is_blank};
use super::schema::{Feature, Form, Schema};
use super::survey::{check_length, is_tame};
use crate::text::shortened;

/// Reads the rows of a table by its schema.
pub struct Encoder<'a> {
    schema: &'a Schema,
    /// The place of each feature's column, and of its values.
    features: Vec<(usize, HashMap<&'a str, usize>)>,
    /// The place of each target's column; none where new rows need not have them.
    targets: Option<Vec<usize>>,
    classes: HashMap<&'a str, usize>,
}

impl<'a> Encoder<'a> {
    /// For the columns of a reader, with targets or without. With them no other column is looked into; without, the others
    /// are where they can be read, for the rows to be written as they were.
    ///
    /// # Errors
    /// The table lacks a column.
    pub fn new(schema: &'a Schema, reader: &mut Reader, with_targets: bool) -> Result<Self, TableError> {
        let features = schema.features.iter().map(|feature| {
            let values = match &feature.form {
                Form::Category { values, .. } => values.iter().map(String::as_str).zip(0..).collect(),
                Form::Number { .. } => HashMap::new(),
            };
            Ok((reader.column(&feature.name)?, values))
        });
        let features = features.collect::<Result<Vec<_>, TableError>>()?;
        let targets = schema.targets.columns.iter().map(|name| reader.column(name));
        let targets: Option<Vec<usize>> =
            if with_targets { Some(targets.collect::<Result<_, _>>()?) } else { None };
        let classes = match &schema.targets.kind {
            AnswerKind::Classes { names, .. } => names.iter().map(String::as_str).zip(0..).collect(),
            _ => HashMap::new(),
        };
        let needed: HashSet<usize> =
            features.iter().map(|(place, _)| *place).chain(targets.iter().flatten().copied()).collect();
        let others = if with_targets { Look::Past } else { Look::IfReadable };
        reader.look(|place| if needed.contains(&place) { Look::Into } else { others });
        Ok(Self { schema, features, targets, classes })
    }

    /// Appends the features of a row.
    ///
    /// # Errors
    /// The row has too many or too few fields, or one that is no number where one must be.
    pub fn features(
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
    ///
    /// # Errors
    /// A target is not of the kind that the schema says.
    pub fn targets(
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
            // A class that the table did not have is reported later, all of them together.
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
                        let reason = format!("`{name}` is {number}, outside of {low} to {high} [rule 12]");
                        return Err(reader.at_row(reason));
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

/// Stored rows spread out to a network's inputs: what [`Encoder`] appended, in the other direction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InputRows {
    /// Rows.
    pub count: usize,
    /// Numbers per row of `dense`.
    pub width: usize,
    /// Numbers and one-hot categories, `[count, width]`.
    pub dense: Vec<f32>,
    /// Of each embedded category the value in every row, 0 for none of them.
    pub categories: Vec<Vec<i32>>,
    /// The targets, as they were stored.
    pub targets: Vec<f32>,
}

impl InputRows {
    /// Spreads rows of stored numbers: those of the features, and so many targets.
    pub fn of(schema: &Schema, numbers: &[f32], targets: usize) -> Self {
        let stored = schema.stored();
        let dense = |form: &Form| match form {
            Form::Category { embedding: Some(_), .. } => 0,
            form => form.inputs(),
        };
        let width = schema.features.iter().map(|feature| dense(&feature.form)).sum();
        let count = numbers.len() / (stored + targets);
        let mut rows = Self { count, width, dense: Vec::with_capacity(count * width), ..Self::default() };
        for row in numbers.chunks_exact(stored + targets) {
            let (features, wanted) = row.split_at(stored);
            rows.spread(schema, features);
            rows.targets.extend_from_slice(wanted);
        }
        rows
    }

    fn spread(&mut self, schema: &Schema, mut features: &[f32]) {
        let mut embedded = 0;
        for feature in &schema.features {
            let (numbers, rest) = features.split_at(feature.form.stored());
            features = rest;
            match &feature.form {
                Form::Number { .. } => self.dense.extend_from_slice(numbers),
                Form::Category { values, embedding: None } => {
                    let is = |value| f32::from(u8::from(numbers[0] as usize == value + 1));
                    self.dense.extend((0..values.len()).map(is));
                }
                Form::Category { .. } => {
                    if self.categories.len() <= embedded {
                        self.categories.push(Vec::new());
                    }
                    self.categories[embedded].push(numbers[0] as i32);
                    embedded += 1;
                }
            }
        }
    }
}

/// The features of a stored row as the table had them, each with its column's name.
pub fn fields(schema: &Schema, features: &[f32]) -> Vec<[String; 2]> {
    let mut rest = features;
    let field = |feature: &Feature| {
        let (numbers, after) = rest.split_at(feature.form.stored().min(rest.len()));
        rest = after;
        let first = numbers.first().copied().unwrap_or_default();
        let value = match &feature.form {
            Form::Number { blanks: true, .. } if numbers.get(1) == Some(&1.0) => "blank".to_owned(),
            Form::Number { mean, deviation, .. } => {
                let value = f64::from(first).mul_add(*deviation, *mean);
                // Four digits more than none, and no tail of what single precision lost.
                ((value * 1e4).round() / 1e4).to_string()
            }
            Form::Category { values, .. } => {
                let known = (first as usize).checked_sub(1).and_then(|at| values.get(at));
                known.cloned().unwrap_or_else(|| "none of the known".to_owned())
            }
        };
        [feature.name.clone(), value]
    };
    schema.features.iter().map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::super::answer::TargetsOf;
    use super::*;

    /// Number with blanks, one-hot category, embedded category; one label.
    fn schema() -> Schema {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let kind = AnswerKind::Labels { positives: vec![1], rows: 2 };
        let targets = TargetsOf { columns: texts(&["y"]), kind };
        let forms = [
            ("a", Form::Number { mean: 3.0, deviation: 0.5, blanks: true }),
            ("b", Form::Category { values: texts(&["no", "yes"]), embedding: None }),
            ("c", Form::Category { values: texts(&["x", "z"]), embedding: Some(2) }),
        ];
        let features = forms.map(|(name, form)| Feature { name: name.to_owned(), form }).to_vec();
        Schema { features, ..Schema::of_targets(2, targets, String::new(), 0) }
    }

    #[test]
    fn what_was_encoded_is_spread_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, "c,a,y,b\nz,4,1,yes\n?,?,0,maybe\n").unwrap();
        let (schema, mut reader) = (schema(), Reader::open(&path).unwrap());
        let encoder = Encoder::new(&schema, &mut reader, true).unwrap();
        let (mut record, mut numbers) = (StringRecord::new(), Vec::new());
        while reader.next(&mut record).unwrap().is_some() {
            encoder.features(&reader, &record, &mut numbers).unwrap();
            assert!(encoder.targets(&reader, &record, &mut numbers).unwrap());
        }
        let rows = InputRows::of(&schema, &numbers, 1);
        assert_eq!((rows.count, rows.width), (2, 4));
        assert_eq!(rows.dense, [2.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!((rows.categories, rows.targets), (vec![vec![2, 0]], vec![1.0, 0.0]));
        let values = |row: usize| {
            fields(&schema, &numbers[5 * row..][..4]).into_iter().map(|[_, value]| value).collect::<Vec<_>>()
        };
        assert_eq!(values(0), ["4", "yes", "z"]);
        assert_eq!(values(1), ["blank", "none of the known", "none of the known"]);
    }
}
