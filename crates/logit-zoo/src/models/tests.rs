//! The steps of every model, as a tape lists them: per step its name, what it computes, where its input comes from if not
//! from the line above, the shapes of input and output, and how many numbers its parameters hold.

use std::collections::BTreeMap;

use burn::module::{ModuleVisitor, Param};
use burn::tensor::{Distribution, Int};
use logit::explain::{self, Array, Composite, Explainer, Target};
use logit::graph::{Graph, Origin};
use logit::tape::{Tape, Watch};
use logit::{HeadConfig, HeadError, Kind, Labels, Values};

use super::*;
use crate::data::table::{AnswerKind, Feature, Form, Schema, TargetsOf};
use burn::tensor::Device;

/// What a network gives, as bits: equal ones are the same number.
trait Bits {
    fn bits(self) -> Vec<u32>;
}

impl<K: Kind, const D: usize> Bits for Logits<K, D> {
    fn bits(self) -> Vec<u32> {
        self.into_tensor().try_into_vec_as::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
    }
}

impl<B: Bits> Bits for Result<B, HeadError> {
    fn bits(self) -> Vec<u32> {
        self.unwrap().bits()
    }
}

/// The numbers of all parameters of a network, by parameter.
#[derive(Default)]
struct Held(BTreeMap<u64, usize>);

impl ModuleVisitor for Held {
    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        self.0.insert(parameter.id.val(), parameter.lazy_shape().num_elements());
    }
}

/// Asserts that a network's steps are those of `table`, in training and outside of it, that they hold all of its
/// parameters, that each takes what an input or an earlier step gave, and that writing them down changes no bit of the
/// output.
#[track_caller]
fn assert_steps<N, I>(table: &str, setting: impl Fn(&Device) -> (N, I))
where
    N: Module + Taped<Input = I, Output: Bits>,
    I: Clone,
{
    for device in [Device::flex(), Device::flex().autodiff()] {
        device.seed(1);
        let (net, input) = setting(&device);
        let net = drawn(net);
        // The passes leave out the same units.
        device.seed(2);
        let alone = net.forward(input.clone());
        device.seed(2);
        let again = input.clone();
        let (told, tape) = net.forward_taped(input, &Watch::new().graph());
        assert_eq!(alone.bits(), told.bits());
        let graph = tape.graph().unwrap();
        assert_eq!(graph.to_string(), table);
        assert_walkable(graph);
        let mut held = Held::default();
        net.visit(&mut held);
        let told = graph.parameters().into_iter().map(|parameter| (parameter.id.val(), parameter.count()));
        assert_eq!(told.collect::<BTreeMap<_, _>>(), held.0);
        if !net.devices().iter().any(Device::is_autodiff) {
            assert_explained(&net, graph, &tape_of(&net, again));
        }
    }
}

/// The tape of a pass whose values are kept.
fn tape_of<N: Taped>(net: &N, input: N::Input) -> Tape {
    net.forward_taped(input, &Watch::new().values()).1
}

/// Asserts that the network that explanations walk through computes what the model does, and that every rule walks it.
#[track_caller]
fn assert_explained(net: &impl Module, graph: &Graph, tape: &Tape) {
    let network = explain::network::<f32>(net, graph).unwrap();
    let pass = tape.pass().unwrap().unwrap();
    let inputs: Vec<Array<f32>> =
        network.inputs().iter().map(|(_, value)| pass.value(*value).unwrap().clone()).collect();
    let logits = pass.value(network.output()).unwrap();
    let again = network.logits(&inputs).unwrap();
    let apart = |(a, b): (&f32, &f32)| (a - b).abs() / b.abs().max(1.0);
    assert!(again.numbers.iter().zip(&logits.numbers).map(apart).all(|apart| apart < 1e-4));
    let target = if logits.shape.len() == 4 {
        Target::Pixel { unit: 0, row: 0, column: 0 }
    } else {
        Target::Logit { unit: 0 }
    };
    for composite in [Composite::deep_taylor(None), Composite::epsilon_plus(), Composite::gradient()] {
        let explainer = Explainer::new(network.clone(), composite).unwrap();
        let why = explainer.explain(&pass, std::slice::from_ref(&target), &[]).unwrap();
        for ((_, relevance), input) in why.inputs.iter().zip(&inputs) {
            assert_eq!(relevance.shape, input.shape);
            assert_eq!(relevance.not_finite(), None);
        }
    }
}

/// Asserts that a graph can be walked from its inputs to the logits.
#[track_caller]
fn assert_walkable(graph: &Graph) {
    assert_eq!(graph.gaps().count(), 0);
    for (place, node) in graph.nodes().iter().enumerate() {
        for input in &node.inputs {
            match &graph.value(*input).origin {
                Origin::Input(_) => {}
                Origin::Node(before) => assert!(*before < place, "{} takes what {before} gives", node.name),
                Origin::Unknown => panic!("{} takes what nothing gives", node.name),
            }
        }
        for output in &node.outputs {
            assert_eq!(graph.value(*output).origin, Origin::Node(place));
        }
    }
    let (logits, _) = graph.answer().unwrap();
    assert_eq!(graph.nodes().last().unwrap().outputs, [logits]);
}

fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Default, device)
}

#[test]
fn softmax_classifier() {
    let table = "\
head  flatten         2×1×3×4 → 2×12
      head classes    2×12 → 2×3      39
";
    assert_steps(table, |device| {
        let net = SoftmaxClassifierConfig {}.init(12, 3, device).unwrap();
        (net, random([2, 1, 3, 4], device))
    });
}

#[test]
fn mlp() {
    let table = "\
images.flat      flatten         2×1×3×4 → 2×12
hidden1          linear          2×12 → 2×16     208
                 relu            2×16 → 2×16
hidden1.dropout  dropout 0.25    2×16 → 2×16
hidden2          linear          2×16 → 2×8      136
                 relu            2×8 → 2×8
hidden2.dropout  dropout 0.25    2×8 → 2×8
head             head classes    2×8 → 2×3       27
";
    assert_steps(table, |device| {
        let net = MlpConfig { hidden: vec![16, 8], dropout: 0.25 }.init(12, 3, device).unwrap();
        (net, random([2, 1, 3, 4], device))
    });
}

#[test]
fn convnet() {
    let table = "\
conv1  conv2d 5×5             2×1×28×28 → 2×10×24×24   260
       max_pool2d 2×2         2×10×24×24 → 2×10×12×12
       relu                   2×10×12×12 → 2×10×12×12
conv2  conv2d 5×5             2×10×12×12 → 2×20×8×8    5020
       channel_dropout 0.5    2×20×8×8 → 2×20×8×8
       max_pool2d 2×2         2×20×8×8 → 2×20×4×4
       relu                   2×20×4×4 → 2×20×4×4
fc1    flatten                2×20×4×4 → 2×320
       linear                 2×320 → 2×50             16050
       relu                   2×50 → 2×50
head   dropout 0.25           2×50 → 2×50
       head classes           2×50 → 2×10              510
";
    assert_steps(table, |device| {
        let net = ConvNetConfig { channel_dropout: 0.5, dropout: 0.25 }.init(10, device).unwrap();
        (net, random([2, 1, 28, 28], device))
    });
}

#[test]
fn detection_pooling() {
    let table = "\
first   flatten       2×1×3×4 → 2×12
        linear        2×12 → 2×8      104
        relu          2×8 → 2×8
        sum_pool 4    2×8 → 2×2
second  linear        2×2 → 2×8       24
        relu          2×8 → 2×8
        sum_pool 8    2×8 → 2×1
";
    assert_steps(table, |device| {
        let net = DetectionPoolingConfig { units: 8, pool: 4, deviation: 0.05 }.init(12, device);
        (net, random([2, 1, 3, 4], device))
    });
}

#[test]
fn picture_net() {
    let table = "\
stage1    conv2d 3×3, padding 1    2×3×8×12 → 2×4×8×12  112
          batch_norm               2×4×8×12 → 2×4×8×12  16
          relu                     2×4×8×12 → 2×4×8×12
          conv2d 3×3, padding 1    2×4×8×12 → 2×4×8×12  148
          batch_norm               2×4×8×12 → 2×4×8×12  16
          relu                     2×4×8×12 → 2×4×8×12
          max_pool2d 2×2           2×4×8×12 → 2×4×4×6
stage2    conv2d 3×3, padding 1    2×4×4×6 → 2×8×4×6    296
          batch_norm               2×8×4×6 → 2×8×4×6    32
          relu                     2×8×4×6 → 2×8×4×6
          conv2d 3×3, padding 1    2×8×4×6 → 2×8×4×6    584
          batch_norm               2×8×4×6 → 2×8×4×6    32
          relu                     2×8×4×6 → 2×8×4×6
          max_pool2d 2×2           2×8×4×6 → 2×8×2×3
features  global_avg_pool2d        2×8×2×3 → 2×8
head      dropout 0.1              2×8 → 2×8
          head classes             2×8 → 2×5            45
";
    assert_steps(table, |device| {
        let head = |features| HeadConfig::new(features, Classes::new(5));
        let net = PictureNet::new(3, 4, 2, 0.1, head, device).unwrap();
        (net, random([2, 3, 8, 12], device))
    });
}

#[test]
fn unet() {
    let table = "\
images.padded  pad2d [0, 0, 2, 0]                                  2×1×6×8 → 2×1×8×8
down1          conv2d 3×3, padding 1                               2×1×8×8 → 2×2×8×8           20
               batch_norm                                          2×2×8×8 → 2×2×8×8           8
               relu                                                2×2×8×8 → 2×2×8×8
               conv2d 3×3, padding 1                               2×2×8×8 → 2×2×8×8           38
               batch_norm                                          2×2×8×8 → 2×2×8×8           8
               relu                                                2×2×8×8 → 2×2×8×8
down1.pool     max_pool2d 2×2                                      2×2×8×8 → 2×2×4×4
down2          conv2d 3×3, padding 1                               2×2×4×4 → 2×4×4×4           76
               batch_norm                                          2×4×4×4 → 2×4×4×4           16
               relu                                                2×4×4×4 → 2×4×4×4
               conv2d 3×3, padding 1                               2×4×4×4 → 2×4×4×4           148
               batch_norm                                          2×4×4×4 → 2×4×4×4           16
               relu                                                2×4×4×4 → 2×4×4×4
down2.pool     max_pool2d 2×2                                      2×4×4×4 → 2×4×2×2
bottom         conv2d 3×3, padding 1                               2×4×2×2 → 2×8×2×2           296
               batch_norm                                          2×8×2×2 → 2×8×2×2           32
               relu                                                2×8×2×2 → 2×8×2×2
               conv2d 3×3, padding 1                               2×8×2×2 → 2×8×2×2           584
               batch_norm                                          2×8×2×2 → 2×8×2×2           32
               relu                                                2×8×2×2 → 2×8×2×2
up1.doubled    conv_transpose2d 2×2, stride 2                      2×8×2×2 → 2×4×4×4           132
up1            concat axis 1                   down2, up1.doubled  2×4×4×4, 2×4×4×4 → 2×8×4×4
               conv2d 3×3, padding 1                               2×8×4×4 → 2×4×4×4           292
               batch_norm                                          2×4×4×4 → 2×4×4×4           16
               relu                                                2×4×4×4 → 2×4×4×4
               conv2d 3×3, padding 1                               2×4×4×4 → 2×4×4×4           148
               batch_norm                                          2×4×4×4 → 2×4×4×4           16
               relu                                                2×4×4×4 → 2×4×4×4
up2.doubled    conv_transpose2d 2×2, stride 2                      2×4×4×4 → 2×2×8×8           34
up2            concat axis 1                   down1, up2.doubled  2×2×8×8, 2×2×8×8 → 2×4×8×8
               conv2d 3×3, padding 1                               2×4×8×8 → 2×2×8×8           74
               batch_norm                                          2×2×8×8 → 2×2×8×8           8
               relu                                                2×2×8×8 → 2×2×8×8
               conv2d 3×3, padding 1                               2×2×8×8 → 2×2×8×8           38
               batch_norm                                          2×2×8×8 → 2×2×8×8           8
               relu                                                2×2×8×8 → 2×2×8×8
head.cropped   crop2d 6×8                                          2×2×8×8 → 2×2×6×8
head           head labels                                         2×2×6×8 → 2×2×6×8           6
";
    assert_steps(table, |device| {
        let net = UNetConfig { channels: 1, width: 2, depth: 2 }.init(Labels::new(2), device).unwrap();
        (net, random([2, 1, 6, 8], device))
    });
}

/// A table of a number with blanks, a category of three values, and for each of `embedded` one of so many values with an
/// embedding of so many units.
fn schema(embedded: &[[usize; 2]]) -> Schema {
    let category = |values: usize, embedding| Form::Category {
        values: (0..values).map(|value| value.to_string()).collect(),
        embedding,
    };
    let number = Form::Number { mean: 0.0, deviation: 1.0, blanks: true };
    let embedded = embedded.iter().map(|[values, units]| category(*values, Some(*units)));
    let forms = [number, category(3, None)].into_iter().chain(embedded);
    let names = vec!["no".to_owned(), "yes".to_owned()];
    let kind = AnswerKind::Classes { names, counts: vec![4, 5], one_hot: false };
    Schema {
        rows: 9,
        features: forms.map(|form| Feature { name: "column".to_owned(), form }).collect(),
        ignored: Vec::new(),
        targets: TargetsOf { columns: vec!["target".to_owned()], kind },
        reason: String::new(),
        without_target: 0,
        file: None,
        test_file: None,
    }
}

#[test]
fn feed_forward() {
    let table = "\
category1.embedded  embedding      category1                                        2 → 2×4               124
category2.embedded  embedding      category2                                        2 → 2×3               78
columns.joined      concat axis 1  numbers, category1.embedded, category2.embedded  2×5, 2×4, 2×3 → 2×12
hidden1             linear                                                          2×12 → 2×8            104
                    relu                                                            2×8 → 2×8
hidden1.dropout     dropout 0.25                                                    2×8 → 2×8
head                head labels                                                     2×8 → 2×2             18
";
    assert_steps(table, |device| {
        let head = |features| HeadConfig::new(features, Labels::new(2));
        let net = FeedForward::new(&schema(&[[30, 4], [25, 3]]), &[8], 0.25, head, device).unwrap();
        let rows = |rows: [i32; 2]| Tensor::<1, Int>::from_ints(rows, device);
        (net, Columns { numbers: random([2, 5], device), categories: vec![rows([0, 30]), rows([7, 25])] })
    });
}

#[test]
fn a_linear_model_of_a_table() {
    let table = "head  head values    2×5 → 2×1  6\n";
    assert_steps(table, |device| {
        let head = |features| HeadConfig::new(features, Values::new(1));
        let net = FeedForward::new(&schema(&[]), &[], 0.25, head, device).unwrap();
        (net, Columns { numbers: random([2, 5], device), categories: Vec::new() })
    });
}

/// What the pair encoder computes before each of its heads.
const PAIR_ENCODER: &str = "\
words.units       linear             words                                   6×3 → 6×5        20
                  relu                                                       6×5 → 6×5
words.maxima      max_of_named       words.units, places                     6×5, 4×2 → 4×5
                  scale_to_length 4                                          4×5 → 4×5
means.units       linear             means                                   4×3 → 4×3        9
                  scale_to_length 4                                          4×3 → 4×3
sentences         concat axis 1      words.maxima, means.units               4×5, 4×3 → 4×8
sentences.halves  split axis 0                                               4×8 → 2×8, 2×8
features.apart    abs_difference                                             2×8, 2×8 → 2×8
features.alike    product            sentences.halves.1, sentences.halves.2  2×8, 2×8 → 2×8
features          concat axis 1      features.apart, features.alike          2×8, 2×8 → 2×16
hidden            dropout 0.5                                                2×16 → 2×16
                  linear                                                     2×16 → 2×4       68
                  tanh                                                       2×4 → 2×4
head              dropout 0.5                                                2×4 → 2×4
";

/// Asserts the steps of the pair encoder with a head, which is told by `last`.
#[track_caller]
fn assert_pair_steps<H: ScoreHead>(head: &H, last: &str) {
    let config = PairEncoderConfig {
        head: ScoreHeadName::Values,
        ordinal: Cumulative::Coral,
        word_units: 5,
        hidden: 4,
        dropout: 0.5,
    };
    assert_steps(&format!("{PAIR_ENCODER}{last}\n"), |device| {
        // Two pairs: the first sentences have two words and one, and so have the second ones.
        let places = Tensor::from_ints([1, 2, 3, 0, 4, 5, 6, 0], device);
        let (words, means) = (random([6, 3], device), random([4, 3], device));
        (config.init(head, 3, device).unwrap(), SentencePairs { words, places, means })
    });
}

#[test]
fn pair_encoder() {
    let values =
        "                  head values                                                2×4 → 2×1        5";
    let steps =
        "                  head grades                                                2×4 → 2×6        30";
    let coral =
        "                  head grades                                                2×4 → 2×5        9";
    let corn =
        "                  head grades                                                2×4 → 2×5        25";
    assert_pair_steps(&ValueHead, values);
    assert_pair_steps(&ExpectedHead, steps);
    assert_pair_steps(&PearsonHead, steps);
    assert_pair_steps(&CoralHead, coral);
    assert_pair_steps(&CornHead, corn);
}
