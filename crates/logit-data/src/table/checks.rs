//! What a table's targets show before anything is trained.

use logit_spec::{Finding, Level, Rule};

use super::answer::{AnswerKind, TargetsOf};
use super::config::TableData;
use super::survey::{Column, Survey};
use crate::text::shortened;
use crate::weights::Weights;

/// How many times as common as the rarest the most common class may be.
const BALANCED: f64 = 10.0;

/// What was found of the targets, and can be trained with nevertheless.
pub(super) fn findings(
    found: &Survey,
    targets: &[usize],
    answer: &TargetsOf,
    data: &TableData,
) -> Vec<Finding> {
    let columns: Vec<&Column> = targets.iter().map(|target| &found.columns[*target]).collect();
    let mut all: Vec<Finding> = columns.iter().filter_map(|column| blanks(column)).collect();
    all.extend(one_positive(found, answer));
    all.extend(columns.iter().filter_map(|column| unchanging(column, answer)));
    all.extend(ordered(&columns, answer));
    if data.weights == Weights::None {
        all.extend(imbalance(answer));
    }
    all
}

/// The rows of a finding, as text.
fn rows(rows: &[u64], count: u64) -> String {
    let named: Vec<String> = rows.iter().map(u64::to_string).collect();
    let more = if count > rows.len() as u64 { "…" } else { "" };
    format!("{}{more}", named.join(", "))
}

fn blanks(column: &Column) -> Option<Finding> {
    (column.blanks > 0).then(|| Finding {
        fault: Rule::AllTargetsIgnored.into(),
        level: Level::Advice,
        message: format!(
            "target `{}` is blank in {} rows (rows {})",
            column.name,
            column.blanks,
            rows(&column.blank_rows, column.blanks)
        ),
        reason: "a row without its target teaches nothing, and is left out".to_owned(),
        fix: "fill the target in, or leave the rows out of the table".to_owned(),
    })
}

/// Rule 6.
fn one_positive(found: &Survey, answer: &TargetsOf) -> Option<Finding> {
    let AnswerKind::Labels { .. } = answer.kind else { return None };
    let [none, one, several] = found.targets.with;
    (answer.columns.len() > 1 && none == 0 && several == 0).then(|| Finding {
        fault: Rule::BinaryLossOnExclusiveClasses.into(),
        level: Level::Warning,
        message: format!("each of the {one} rows has exactly one of the {} labels", answer.columns.len()),
        reason: "labels that exclude each other are classes: sigmoids do not know it, a softmax does"
            .to_owned(),
        fix: "`--answer classes`".to_owned(),
    })
}

/// Rule 16, of a label that is the same in every row.
fn unchanging(column: &Column, answer: &TargetsOf) -> Option<Finding> {
    let AnswerKind::Labels { .. } = answer.kind else { return None };
    column.is_one_number().then(|| Finding {
        fault: Rule::ClassImbalance.into(),
        level: Level::Warning,
        message: format!("label `{}` is {} in every row", column.name, column.numbers.least.0),
        reason: "nothing shows when it would be otherwise: the network learns to answer always the same"
            .to_owned(),
        fix: "leave it out of `--targets`, or add rows in which it is otherwise".to_owned(),
    })
}

/// Rule 10, as advice.
fn ordered(columns: &[&Column], answer: &TargetsOf) -> Option<Finding> {
    let AnswerKind::Classes { names, one_hot: false, .. } = &answer.kind else { return None };
    let column = columns.first().filter(|column| column.is_numeric() && names.len() > 2)?;
    let (low, high) = (column.numbers.least.0, column.numbers.most.0);
    Some(Finding {
        fault: Rule::ClassLossOnContinuousTarget.into(),
        level: Level::Advice,
        message: format!("the {} classes of `{}` are the numbers {low} to {high}", names.len(), column.name),
        reason: "if they are in an order, cross entropy does not know that 4 is nearer to 5 than to 9"
            .to_owned(),
        fix: format!(
            "`--grades {low},{high}` where they are grades, `--answer values` where they are amounts"
        ),
    })
}

/// Rule 16.
fn imbalance(answer: &TargetsOf) -> Option<Finding> {
    let (what, name, [least, most]) = match &answer.kind {
        AnswerKind::Classes { names, counts, .. } => {
            let least = (0..counts.len()).min_by_key(|class| counts[*class])?;
            let most = (0..counts.len()).max_by_key(|class| counts[*class])?;
            (
                "class",
                format!(
                    "`{}` has {} rows and `{}` {}",
                    shortened(&names[most]),
                    counts[most],
                    shortened(&names[least]),
                    counts[least]
                ),
                [counts[least], counts[most]],
            )
        }
        AnswerKind::Labels { positives, rows } => {
            // One that never changes has a finding of its own.
            let varied = (0..positives.len()).filter(|label| (1..*rows).contains(&positives[*label]));
            let rarest = varied.min_by_key(|label| positives[*label])?;
            let count = positives[rarest];
            (
                "label",
                format!("`{}` is 1 in {count} of {rows} rows", answer.columns[rarest]),
                [count, rows - count],
            )
        }
        AnswerKind::Values { .. } | AnswerKind::Grades { .. } => return None,
    };
    (most as f64 > BALANCED * least.max(1) as f64).then(|| Finding {
        fault: Rule::ClassImbalance.into(),
        level: Level::Warning,
        message: name,
        reason: format!("a rare {what} hardly moves the loss: the network may never answer with it"),
        fix: "`--weights balanced`, and look at the macro recall".to_owned(),
    })
}

/// Rule 39: classes that only the test part has.
pub(crate) fn unseen(classes: &[(String, u64, Vec<u64>)]) -> Option<Finding> {
    let shown: Vec<String> = classes
        .iter()
        .map(|(class, count, first)| {
            format!("`{}` ({count} rows: {})", shortened(class), rows(first, *count))
        })
        .collect();
    (!shown.is_empty()).then(|| Finding {
        fault: Rule::UnseenTestLabel.into(),
        level: Level::Warning,
        message: format!("the test part has classes that the training part has not: {}", shown.join(", ")),
        reason: "what was never seen is never answered with, and counts as wrong".to_owned(),
        fix: "split the data so that training sees every class, or leave them out of the test".to_owned(),
    })
}
