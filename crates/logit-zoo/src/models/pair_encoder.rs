//! Q5's network: one encoder for both sentences, and a head on what they have in common.

use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};
use logit::tape::{Tape, Taped};
use logit::{Head, HeadError, Kind, Logits, steps};
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
    /// Units of the dense layer per word.
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
}

impl<K: Kind> Taped for PairEncoder<Head<K>> {
    type Input = SentencePairs;
    /// `[N, units]`.
    type Output = Logits<K>;

    /// Records `sentences`, `features` of the pairs, and `hidden`.
    fn forward_on(&self, pairs: SentencePairs, tape: &mut Tape) -> Logits<K> {
        let SentencePairs { words, places, means } = pairs;
        let sentences = means.dims()[0];
        let longest = places.dims()[0] / sentences;
        let places = tape.input("places", places.reshape([sentences, longest]));
        let (words, means) = (tape.input("words", words), tape.input("means", means));
        let length = || steps::scale_to_length(LENGTH, LEAST_SQUARE);
        let words = tape.step("words.units", steps::linear(&self.word).relu(), words);
        // Rectified units are never below 0: the zeros of the padding are never more than the maximum over the words.
        let maxima = tape.step("words.maxima", (steps::max_of_named(), length()), (words, places));
        let means = tape.step("means.units", (steps::linear(&self.mean), length()), means);
        let both = tape.step("sentences", steps::concat(1), vec![maxima, means]);
        let [u, v] = tape.step("sentences.halves", steps::split(0), both);
        let apart = tape.step("features.apart", steps::abs_difference(), [u.clone(), v.clone()]);
        let alike = tape.step("features.alike", steps::product(), [u, v]);
        let features = tape.step("features", steps::concat(1), vec![apart, alike]);
        let dense = (steps::dropout(&self.dropout), steps::linear(&self.hidden), steps::tanh());
        let hidden = tape.step("hidden", dense, features);
        tape.head((steps::dropout(&self.dropout), &self.head), hidden)
    }
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
