"""The cases, what is compared in each, and the bars: the largest ratio of Logit to PyTorch that is good enough."""

from dataclasses import dataclass

THREADS = (1, 2)
"""Numbers of threads that each side is given. The last is what Logit is judged with; of PyTorch the faster counts."""


@dataclass(frozen=True)
class Case:
    name: str
    what: str
    time_bar: float
    memory_bar: float | None = None
    variants: tuple[str, ...] = ("eager",)
    """Ways to do it in PyTorch. The faster counts, in time and in memory; the others are shown."""


CASES = (
    Case("cross_entropy", "cross entropy of 65,536×1,000 logits, forward and backward", 0.5, 0.5),
    Case("per_pixel", "cross entropy per pixel, 8×5×256×256, forward and backward", 0.5),
    Case("multi_label", "binary cross entropy with pos_weight, 4,096×1,000, forward and backward", 0.5),
    Case(
        "linear_cross_entropy",
        "linear layer and cross entropy, 2,048×512 features on 32,768 classes, gradients of features and weight",
        0.85,
        0.15,
        ("eager", "chunked"),
    ),
    Case("mnist_step_64", "training step of the convolutional network on 64 digits, SGD", 0.6),
    Case("mnist_step_512", "training step of the convolutional network on 512 digits, SGD", 0.6),
    Case("mlp_step_128", "training step of a 784-512-512-10 perceptron on 128 digits, Adam", 0.9),
    Case("unet_step_8", "training step of a U-Net (16 to 256 channels) on 8 images of 3×128×128, Adam", 0.8),
    Case("convnet_inference_64", "the convolutional network's logits of 64 digits", 0.4),
    Case("convnet_inference_512", "the convolutional network's logits of 512 digits", 0.4),
    Case("unet_inference_8", "the U-Net's logits of 8 images of 3×128×128", 0.85),
)

COLD = Case("cold_prediction", "one image predicted by a process of its own, from start to exit", 0.05)

ALL = (*CASES, COLD)
