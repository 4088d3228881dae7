//! Dense layers on the columns of a table.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use logit::tape::{Tape, Taped};
use logit::{Head, HeadConfig, HeadError, Kind, Logits, steps};

use crate::data::table::{Form, Schema};

/// Numbers, one-hot and embedded categories side by side, dense layers with `ReLU` and dropout, then the head.
///
/// Without hidden layers it is a linear model.
#[derive(Module, Debug)]
pub struct FeedForward<H: Module> {
    embeddings: Vec<Embedding>,
    hidden: Vec<Linear>,
    dropout: Dropout,
    head: H,
}

/// What a [`FeedForward`] takes.
#[derive(Clone, Debug)]
pub struct Columns {
    /// `[N, I]`: standardised numbers, and one-hot categories.
    pub numbers: Tensor<2>,
    /// `[N]` each: a row of its embedding, for each category that has one.
    pub categories: Vec<Tensor<1, Int>>,
}

impl<K: Kind> FeedForward<Head<K>> {
    /// A network for a table, with hidden layers of so many units; `head` is built on the last of them.
    ///
    /// # Errors
    /// A kind that cannot exist.
    pub fn new(
        schema: &Schema,
        layers: &[usize],
        dropout: f64,
        head: impl FnOnce(usize) -> HeadConfig<K>,
        device: &Device,
    ) -> Result<Self, HeadError> {
        let embedding = |form: &Form| match form {
            // The first row is that of a value that is none of the table's.
            Form::Category { values, embedding: Some(units) } => {
                Some(EmbeddingConfig::new(values.len() + 1, *units).init(device))
            }
            _ => None,
        };
        let inputs: usize = schema.features.iter().map(|feature| feature.form.inputs()).sum();
        let from = std::iter::once(inputs).chain(layers.iter().copied());
        Ok(Self {
            embeddings: schema.features.iter().filter_map(|feature| embedding(&feature.form)).collect(),
            hidden: from.zip(layers).map(|(from, to)| LinearConfig::new(from, *to).init(device)).collect(),
            dropout: DropoutConfig::new(dropout).init(),
            head: head(layers.last().copied().unwrap_or(inputs)).init(device)?,
        })
    }

    /// The last layer.
    pub fn head(&self) -> &Head<K> {
        &self.head
    }
}

impl<K: Kind> Taped for FeedForward<Head<K>> {
    type Input = Columns;
    /// `[N, K]`.
    type Output = Logits<K>;

    /// Records `hidden1`, `hidden2`…, each after its `ReLU`.
    fn forward_on(&self, columns: Columns, tape: &mut Tape) -> Logits<K> {
        let mut x = tape.input("numbers", columns.numbers);
        if !self.embeddings.is_empty() {
            let mut parts = vec![x];
            for ((embedding, rows), number) in self.embeddings.iter().zip(columns.categories).zip(1..) {
                let rows = tape.input(format_args!("category{number}"), rows);
                let name = format_args!("category{number}.embedded");
                parts.push(tape.step(name, steps::embedding(embedding), rows));
            }
            x = tape.step("columns.joined", steps::concat(1), parts);
        }
        for (layer, number) in self.hidden.iter().zip(1..) {
            x = tape.step(format_args!("hidden{number}"), steps::linear(layer).relu(), x);
            x = tape.step(format_args!("hidden{number}.dropout"), steps::dropout(&self.dropout), x);
        }
        tape.head(&self.head, x)
    }
}
