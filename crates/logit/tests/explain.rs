//! Explanations of networks on Burn: the translated network computes the same, and its gradients are Burn's.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::pool::{AvgPool2d, AvgPool2dConfig, MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Distribution, Tensor};
use logit::explain::{self, Array, Composite, ExplainError, Explainer, Rule, Target};
use logit::graph::StepKind;
use logit::tape::{Tape, Taped, Watch};
use logit::{Classes, Head, HeadConfig, Logits, steps};

/// Nearly every kind of step: same and uneven padding, groups, norms apart and folded, two maps joined, a skip, products.
#[derive(Module, Debug)]
struct Net {
    even: Conv2d,
    norm: BatchNorm,
    grouped: Conv2d,
    max: MaxPool2d,
    up: ConvTranspose2d,
    joined: Conv2d,
    joined_norm: BatchNorm,
    average: AvgPool2d,
    alone: BatchNorm,
    dropout: Dropout,
    hidden: Linear,
    head: Head<Classes>,
}

impl Net {
    fn init(device: &Device) -> Self {
        let conv = |channels, kernel| Conv2dConfig::new(channels, kernel);
        let norm = |channels| {
            let mut norm = BatchNormConfig::new(channels).init(device);
            norm.gamma = norm.gamma.map(|gamma| gamma.random_like(Distribution::Uniform(0.5, 1.5)));
            norm.beta = norm.beta.map(|beta| beta.random_like(Distribution::Uniform(-0.3, 0.3)));
            norm
        };
        Self {
            even: conv([2, 4], [2, 3]).with_padding(PaddingConfig2d::Same).init(device),
            norm: norm(4),
            grouped: conv([4, 4], [3, 3])
                .with_groups(2)
                .with_padding(PaddingConfig2d::Explicit(1, 0, 1, 2))
                .init(device),
            max: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            up: ConvTranspose2dConfig::new([4, 3], [2, 2]).with_stride([2, 2]).init(device),
            joined: conv([7, 5], [3, 3]).init(device),
            joined_norm: norm(5),
            average: AvgPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            alone: norm(5),
            dropout: DropoutConfig::new(0.5).init(),
            hidden: LinearConfig::new(5, 6).init(device),
            head: HeadConfig::new(6, Classes::new(3)).init(device).unwrap(),
        }
    }
}

impl Taped for Net {
    type Input = Tensor<4>;
    type Output = Logits<Classes>;

    fn forward_on(&self, x: Tensor<4>, tape: &mut Tape) -> Logits<Classes> {
        let x = tape.input("x", x);
        let x = tape.step("even", steps::conv2d(&self.even).norm(&self.norm).relu(), x);
        let small = tape.step(
            "small",
            (steps::conv2d(&self.grouped), steps::max_pool2d(&self.max).relu()),
            x.clone(),
        );
        let up = tape.step("up", steps::conv_transpose2d(&self.up), small);
        let joined = steps::conv2d(&self.joined).norm(&self.joined_norm).relu();
        let x = tape.step("joined", joined, [x, up]);
        let x = tape.step("average", (steps::avg_pool2d(&self.average), steps::batch_norm(&self.alone)), x);
        let x = tape.step("mean", steps::global_avg_pool2d(), x);
        let x = tape.step(
            "hidden",
            (steps::dropout(&self.dropout), steps::linear(&self.hidden), steps::tanh()),
            x,
        );
        let squared = tape.step("squared", steps::product(), [x.clone(), x.clone()]);
        let x = tape.step("skip", steps::sum(), [squared, x]);
        let x = tape.step("length", steps::scale_to_length(2.0, 1e-6), x);
        tape.head(&self.head, x)
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().unwrap()
}

#[track_caller]
fn close(found: &[f32], expected: &[f32], within: f32) {
    assert_eq!(found.len(), expected.len());
    let most = expected.iter().fold(1e-6_f32, |most, x| most.max(x.abs()));
    let apart = found.iter().zip(expected).map(|(a, b)| (a - b).abs() / most).fold(0.0, f32::max);
    assert!(apart < within, "{apart}: {:?}, not {:?}", &found[..4], &expected[..4]);
}

/// A network, an image batch as large as asked for, and the same with a way back for gradients.
fn net() -> (Net, impl Fn(usize) -> Tensor<4>) {
    let device = Device::flex();
    device.seed(3);
    let net = Net::init(&device);
    (net, move |batch| Tensor::random([batch, 2, 8, 8], Distribution::Normal(0.0, 1.0), &device))
}

#[test]
fn the_translated_network_computes_what_the_pass_did_and_its_gradient_is_burns() {
    let (net, images) = net();
    let image = images(3);
    let (logits, tape) = net.forward_taped(image.clone(), &Watch::new().values());
    let logits = numbers(logits.into_tensor());
    let network = explain::network::<f32>(&net, tape.graph().unwrap()).unwrap();
    let input = Array::new([3, 2, 8, 8], numbers(image.clone()));
    close(&network.logits(std::slice::from_ref(&input)).unwrap().numbers, &logits, 1e-5);

    let explainer = Explainer::new(network, Composite::gradient()).unwrap();
    let pass = tape.pass().unwrap().unwrap();
    assert_eq!(pass.value(explainer.network().output()).unwrap().numbers, logits);
    let targets = [0, 2, 1].map(|unit| Target::Logit { unit });
    let why = explainer.explain(&pass, &targets, &[]).unwrap();

    // By Burn: one number, the sum of each sample's target. Batch norm and dropout stay as they are outside of training.
    let traced = image.autodiff().require_grad();
    let mut network = net.train();
    for norm in [&mut network.norm, &mut network.joined_norm, &mut network.alone] {
        norm.training = Param::from_bool(false);
    }
    network.dropout.training = Param::from_bool(false);
    let logits = network.forward(traced.clone()).into_tensor();
    let picked = logits.clone().slice([0..1, 0..1]).sum()
        + logits.clone().slice([1..2, 2..3]).sum()
        + logits.slice([2..3, 1..2]).sum();
    let gradient = traced.grad(&picked.backward()).unwrap();
    close(&why.inputs[0].1.numbers, &numbers(gradient), 1e-4);
}

#[test]
fn one_explainer_serves_batches_of_any_size_and_accounts_for_each_sample() {
    let (net, images) = net();
    let graph = net.graph(images(1));
    let network = explain::network::<f32>(&net, &graph).unwrap();
    let explainer = Explainer::new(network, Composite::epsilon_plus()).unwrap();
    for batch in [1, 4] {
        let (_, tape) = net.forward_taped(images(batch), &Watch::new().values());
        assert!(explain::same_steps(&graph, tape.graph().unwrap()));
        let pass = tape.pass().unwrap().unwrap();
        let why = explainer.explain(&pass, &[Target::Logit { unit: 1 }], &["small", "joined"]).unwrap();
        assert_eq!(why.inputs[0].1.shape, [batch, 2, 8, 8]);
        assert_eq!((&why.layers[0].1.shape, why.account.arrived.len()), (&vec![batch, 4, 4, 4], batch));
        assert!(why.inputs[0].1.not_finite().is_none());
    }
}

#[test]
fn a_step_without_a_rule_is_named_and_can_be_given_one() {
    #[derive(Module, Debug)]
    struct Waves {
        head: Head<Classes>,
    }
    impl Taped for Waves {
        type Input = Tensor<2>;
        type Output = Logits<Classes>;

        fn forward_on(&self, x: Tensor<2>, tape: &mut Tape) -> Logits<Classes> {
            let x = tape.input("x", x);
            let sine = || steps::from_fn(|| StepKind::Other { operation: "sine" }, Tensor::<2>::sin);
            let x = tape.step("waves", sine(), x);
            tape.head(&self.head, x)
        }
    }
    let device = Device::flex();
    let net = Waves { head: HeadConfig::new(3, Classes::new(2)).init(&device).unwrap() };
    let (_, tape) = net.forward_taped(Tensor::ones([1, 3], &device), &Watch::new().values());
    let network = || explain::network::<f32>(&net, tape.graph().unwrap()).unwrap();
    let refused = Explainer::new(network(), Composite::epsilon_plus()).err().unwrap().to_string();
    assert!(refused.contains("`waves` computes `sine`") && refused.contains("with_rule"), "{refused}");
    let composite = || Composite::epsilon_plus().with_rule("waves", Rule::pass());
    let explainer = Explainer::new(network(), composite()).unwrap();
    let why = explainer.explain(&tape.pass().unwrap().unwrap(), &[Target::Logit { unit: 0 }], &[]).unwrap();
    assert_eq!(why.inputs[0].1.shape, [1, 3]);
    let unknown = Explainer::new(network(), composite().with_rule("wave", Rule::pass())).err().unwrap();
    assert!(
        matches!(&unknown, ExplainError::UnknownStep { nearest, .. } if nearest[0] == "waves"),
        "{unknown}"
    );
}

#[test]
fn what_cannot_be_explained_is_an_error() {
    let (net, images) = net();
    let pass =
        |net: &Net, image: Tensor<4>| net.forward_taped(image, &Watch::new().values()).1.pass().unwrap();
    assert!(pass(&net, images(1)).is_ok());
    let refused = pass(&net.clone().train(), images(1).autodiff()).unwrap_err().to_string();
    assert!(refused.contains("net.valid()"), "{refused}");
    assert!(net.forward_taped(images(1), &Watch::new().graph()).1.pass().is_none());

    let graph = net.graph(images(1));
    let other = Net::init(&Device::flex());
    let refused = explain::network::<f32>(&other, &graph).unwrap_err().to_string();
    assert!(refused.contains("`even`") && refused.contains("none of the module's parameters"), "{refused}");

    let mut broken = net;
    broken.hidden.weight = broken.hidden.weight.map(|weight| weight.mul_scalar(f32::NAN));
    let graph = broken.graph(images(1));
    let refused = explain::network::<f32>(&broken, &graph).unwrap_err().to_string();
    assert!(refused.contains("weight of step `hidden`") && refused.contains("NaN"), "{refused}");
}
