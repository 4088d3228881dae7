"""The cases, what is compared in each, and the bars: the largest ratio of Logit to the reference that is good enough."""

from dataclasses import dataclass

THREADS = (1, 2)
"""Numbers of threads that a side is given. The last is what Logit is judged with; of a peer the faster counts."""

EAGER = "eager"
ONNX = "onnxruntime"
ZENNIT = "zennit"
CAPTUM = "captum"
BY_HAND = "by_hand"

OPTIONS = {
    EAGER: "PyTorch as it is written: no option",
    "channels_last": "network and images in the memory format `torch.channels_last`",
    "foreach": "the optimiser with `foreach=True`",
    "fused": "the optimiser with `fused=True`",
    "chunked": "`torch.nn.functional.linear_cross_entropy` with `LinearCrossEntropyOptions()`: in chunks",
    "compile": "`torch.compile` of the forward pass and loss, and with them of the backward pass",
    "autotune": '`torch.compile(mode="max-autotune-no-cudagraphs")`',
    "freeze": '`torch.compile(options={"max_autotune": True, "freezing": True})`: weights are constants, packed once',
    ONNX: "the same weights by `torch.onnx.export`, run by onnxruntime with all graph optimisations",
    ZENNIT: "zennit's attributor, made once and used again. `torch.compile` cannot take it as a whole",
    CAPTUM: "captum's `LRP` or `InputXGradient`, where it has the rule",
    BY_HAND: "the rules written in PyTorch for this one network; what does not depend on the input is computed once",
}
"""What the parts of a variant's name mean."""

LOSS = (EAGER, "compile")
LINEAR = (EAGER, "chunked", "compile", "autotune")
CONV_SGD = (EAGER, "fused", "channels_last", "compile+fused", "compile+channels_last+fused")
MLP_ADAM = (EAGER, "foreach", "fused", "compile+fused", "autotune+fused")
CONV_ADAM = (EAGER, "foreach", "fused", "channels_last+fused", "compile+fused", "compile+channels_last+fused")
INFERENCE = (EAGER, "channels_last", "compile", "compile+channels_last", "freeze+channels_last", ONNX)
PAIRS = (ZENNIT, BY_HAND, f"compile+{BY_HAND}")
GRADIENT = (ZENNIT, EAGER, CAPTUM, "compile")


@dataclass(frozen=True)
class Case:
    name: str
    what: str
    variants: tuple[str, ...]
    """Ways of doing it with the peers. The fastest counts; all are shown."""
    time_bar: float
    memory_bar: float | None = None
    script: str = "torch_side.py"
    """The process of the variants, but onnxruntime's."""

    @property
    def reference(self):
        """The variant that the bars are about, and whose numbers the others must get."""
        return self.variants[0]


def explained(name, what, variants):
    return Case(name, what, variants, 0.5, script="torch_explain.py")


DEEP_TAYLOR = "maps of {} of digits by deep Taylor decomposition: z^B for the first layer, z⁺ above"

CASES = (
    Case("cross_entropy", "cross entropy of 65,536×1,000 logits, forward and backward", LOSS, 0.5, 0.5),
    Case("per_pixel", "cross entropy per pixel, 8×5×256×256, forward and backward", LOSS, 0.5),
    Case("multi_label", "binary cross entropy with pos_weight, 4,096×1,000, forward and backward", LOSS, 0.5),
    Case(
        "linear_cross_entropy",
        "linear layer and cross entropy, 2,048×512 features on 32,768 classes, gradients of features and weight",
        LINEAR,
        0.85,
        0.15,
    ),
    Case("mnist_step_64", "training step of the convolutional network on 64 digits, SGD", CONV_SGD, 0.6),
    Case("mnist_step_512", "training step of the convolutional network on 512 digits, SGD", CONV_SGD, 0.6),
    Case("mlp_step_128", "training step of a 784-512-512-10 perceptron on 128 digits, Adam", MLP_ADAM, 0.9),
    Case("unet_step_8", "training step of a U-Net (16 to 256 channels) on 8 images of 3×128×128, Adam", CONV_ADAM, 0.8),
    Case("convnet_inference_64", "the convolutional network's logits of 64 digits", INFERENCE, 0.4),
    Case("convnet_inference_512", "the convolutional network's logits of 512 digits", INFERENCE, 0.4),
    Case("unet_inference_8", "the U-Net's logits of 8 images of 3×128×128", INFERENCE, 0.85),
    explained("explain_pairs_deep_taylor_1", DEEP_TAYLOR.format("one pair"), PAIRS),
    explained("explain_pairs_deep_taylor_64", DEEP_TAYLOR.format("64 pairs"), PAIRS),
    explained("explain_pairs_deep_taylor_256", DEEP_TAYLOR.format("256 pairs"), PAIRS),
    explained("explain_digits_deep_taylor_64", "the same of the convolutional network on 64 digits", (ZENNIT,)),
    explained("explain_digits_epsilon_plus_1", "its map of one digit by EpsilonPlus", (ZENNIT, CAPTUM)),
    explained("explain_digits_epsilon_plus_64", "its maps of 64 digits by EpsilonPlus", (ZENNIT, CAPTUM)),
    explained("explain_digits_epsilon_plus_256", "its maps of 256 digits by EpsilonPlus", (ZENNIT, CAPTUM)),
    explained("explain_digits_epsilon_gamma_box_64", "its maps of 64 digits by EpsilonGammaBox", (ZENNIT,)),
    explained("explain_digits_gradient_x_input_64", "its maps of 64 digits by gradient × input", GRADIENT),
)

COLD = Case("cold_prediction", "one image predicted by a process of its own, from start to exit", (EAGER, ONNX), 0.05)

ALL = (*CASES, COLD)


def threads_of(side):
    """The numbers of threads that a side is measured with. Variants that somebody chose for their speed, and that take
    long to compile, are given all there are."""
    return THREADS if side in ("logit", "before", EAGER, ONNX, ZENNIT, CAPTUM, BY_HAND) else THREADS[-1:]
