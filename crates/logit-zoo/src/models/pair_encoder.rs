//! Q5's network: one encoder for both sentences, and a head on what they have in common.

use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use logit::tape::{Tape, Taped};
use logit::{Head, HeadError, Kind, Logits, ops};
use serde::{Deserialize, Serialize};

use super::score_head::{Cumulative, ScoreHead, ScoreHeadName};

/// The length that encoded sentences are brought to: numbers around 0.25 for a few hundred of them, so that the tanh
/// over the pair is neither linear nor saturated at first.
const LENGTH: f64 = 4.0;

/// Added to a squared length, so that a sentence of zeros has a gradient.
const LEAST_SQUARE: f64 = 1e-12;

/// Configuration of a [`PairEncoder`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairEncoderConfig {
    /// What the score is told by.
    pub head: ScoreHeadName,
    /// The coding of the ordinal head.
    pub ordinal: Cumulative,
    /// Units of the dense layer a word.
    pub word_units: usize,
    /// Units of the dense layer over the pair.
    pub hidden: usize,
    /// Share of the pair's features, and of the hidden units, left out while training, in [0, 1).
    pub dropout: f64,
}

impl PairEncoderConfig {
    /// Builds the network on word vectors of `width` numbers.
    ///
    /// # Errors
    /// No units.
    pub fn init<H: ScoreHead>(
        &self,
        head: &H,
        width: usize,
        device: &Device,
    ) -> Result<PairEncoder<Head<H::Kind>>, HeadError> {
        let dense = |from, to| LinearConfig::new(from, to);
        let rectified = Initializer::KaimingUniform { gain: std::f64::consts::SQRT_2, fan_out_only: false };
        let mut mean = dense(width, width).with_bias(false).init(device);
        mean.weight = Param::from_tensor(Tensor::eye(width, device));
        Ok(PairEncoder {
            word: dense(width, self.word_units).with_initializer(rectified).init(device),
            mean,
            hidden: dense(2 * (self.word_units + width), self.hidden).init(device),
            dropout: DropoutConfig::new(self.dropout).init(),
            head: head.head(self.hidden).init(device)?,
        })
    }
}

/// A batch of pairs of sentences: first all first sentences, then all second ones.
#[derive(Clone, Debug)]
pub struct SentencePairs {
    /// `[W, width]`: the vectors of all words, sentence after sentence; each sentence has one at least.
    pub words: Tensor<2>,
    /// `[2N · L]`: for each place of each sentence, padded to `L` places, the number of its word in `words` from 1, and
    /// 0 where it has none.
    pub places: Tensor<1, Int>,
    /// `[2N, width]`: the mean of each sentence's words.
    pub means: Tensor<2>,
}

/// Encodes both sentences by the same layers, compares them, and answers with a score.
///
/// ```text
/// u = [ max over the words of relu(A w + a) ,  B · (mean of the words) ]     each part of length 4; v likewise
/// logits = head( tanh( C [ |u − v| , u ∘ v ] + c ) )
/// ```
///
/// The maximum is over the words alone: padding does not enter it. The mean's layer starts as the identity, so that
/// before training the sum of that part of `u ∘ v` is 16 times the cosine of the mean vectors. `L` is the head.
#[derive(Module, Debug)]
pub struct PairEncoder<L: Module> {
    word: Linear,
    mean: Linear,
    hidden: Linear,
    dropout: Dropout,
    head: L,
}

impl<K: Kind> PairEncoder<Head<K>> {
    /// The last layer.
    pub fn head(&self) -> &Head<K> {
        &self.head
    }

    /// The maximum of each unit over each sentence's words, `[2N, word_units]`.
    ///
    /// Rectified units are never below 0, and every sentence has a word: a row of zeros in the places of the padding
    /// is never more than the maximum over the words.
    fn maxima(&self, words: Tensor<2>, places: Tensor<1, Int>, sentences: usize) -> Tensor<2> {
        let words = ops::linear_relu(&self.word, words);
        let units = words.dims()[1];
        let padding = Tensor::zeros([1, units], &words.device());
        let longest = places.dims()[0] / sentences;
        let placed = Tensor::cat(vec![padding, words], 0).select(0, places);
        placed.reshape([sentences, longest, units]).max_dim(1).reshape([sentences, units])
    }
}

impl<K: Kind> Taped for PairEncoder<Head<K>> {
    type Input = SentencePairs;
    /// `[N, units]`.
    type Output = Logits<K>;

    /// Records `sentences`, `features` of the pairs, and `hidden`.
    fn forward_on(&self, pairs: SentencePairs, tape: &mut Tape) -> Logits<K> {
        let SentencePairs { words, places, means } = pairs;
        let sentences = means.dims()[0];
        let maxima = of_length(self.maxima(words, places, sentences));
        let means = of_length(ops::linear(&self.mean, means));
        let both = tape.layer("sentences", Tensor::cat(vec![maxima, means], 1));
        let u = both.clone().narrow(0, 0, sentences / 2);
        let v = both.narrow(0, sentences / 2, sentences / 2);
        let features = tape.layer("features", Tensor::cat(vec![(u.clone() - v.clone()).abs(), u * v], 1));
        let hidden = ops::linear(&self.hidden, self.dropout.forward(features)).tanh();
        let hidden = tape.layer("hidden", hidden);
        tape.head(self.head.forward(self.dropout.forward(hidden)))
    }
}

/// Rows of one length.
fn of_length(rows: Tensor<2>) -> Tensor<2> {
    let squares = rows.clone().square().sum_dim(1);
    rows * squares.add_scalar(LEAST_SQUARE).sqrt().recip().mul_scalar(LENGTH)
}

#[cfg(test)]
mod tests {
    use super::super::score_head::ExpectedHead;
    use super::*;

    fn config() -> PairEncoderConfig {
        let (head, ordinal) = (ScoreHeadName::Expected, Cumulative::Coral);
        PairEncoderConfig { head, ordinal, word_units: 5, hidden: 4, dropout: 0.5 }
    }

    /// One pair: words 1 and 2 against word 3, padded to `longest`.
    fn pair(words: [[f32; 3]; 3], longest: usize) -> SentencePairs {
        let device = Device::flex();
        let mut places = vec![0_i64; 2 * longest];
        places[0] = 1;
        places[1] = 2;
        places[longest] = 3;
        let mean = |at: usize| f32::midpoint(words[0][at], words[1][at]);
        SentencePairs {
            words: Tensor::from_floats(words, &device),
            places: Tensor::from_ints(places.as_slice(), &device),
            means: Tensor::from_floats([[mean(0), mean(1), mean(2)], words[2]], &device),
        }
    }

    fn numbers(logits: Logits<logit::Grades>) -> Vec<f32> {
        logits.into_tensor().try_into_vec_as().unwrap()
    }

    #[test]
    fn padding_changes_nothing() {
        let net = config().init(&ExpectedHead, 3, &Device::flex()).unwrap();
        // Were padding in the maximum as a zero vector, the bias alone would be a floor.
        let words = [[-1.0, 2.0, 0.5], [0.3, -4.0, 1.0], [2.0, 2.0, -3.0]];
        assert_eq!(numbers(net.forward(pair(words, 2))), numbers(net.forward(pair(words, 9))));
    }

    #[test]
    fn the_order_of_words_and_of_sentences_does_not_matter() {
        let net = config().init(&ExpectedHead, 3, &Device::flex()).unwrap();
        let (a, b, c) = ([-1.0, 2.0, 0.5], [0.3, -4.0, 1.0], [2.0, 2.0, -3.0]);
        let one = numbers(net.forward(pair([a, b, c], 2)));
        let other = numbers(net.forward(pair([b, a, c], 2)));
        assert!(one.iter().zip(&other).all(|(one, other)| (one - other).abs() < 1e-6));
    }

    #[test]
    fn a_sentence_of_zeros_has_an_answer_and_a_gradient() {
        let device = Device::flex().autodiff();
        let net = config().init(&ExpectedHead, 3, &device).unwrap();
        let words = Tensor::zeros([2, 3], &device);
        let places = Tensor::from_ints([1, 2], &device);
        let logits = net.forward(SentencePairs { words: words.clone(), places, means: words }).into_tensor();
        let gradients = logits.clone().sum().backward();
        assert!(logits.try_into_vec_as::<f32>().unwrap().iter().all(|logit| logit.is_finite()));
        let gradient = net.word.weight.grad(&gradients).unwrap();
        assert!(gradient.try_into_vec_as::<f32>().unwrap().iter().all(|number| number.is_finite()));
    }
}
