"""The small networks that relevance is propagated through, as a table of steps and as a torch module.

Weights, biases, statistics and inputs are drawn from a seed and rounded to three decimals, so that they are short in JSON
and exact in what reads them.
"""

from dataclasses import dataclass, field

import torch
from torch import nn
from zennit.layer import Sum


@dataclass
class Step:
    """Step `i` of a net makes value `i + 1`; value 0 is the input."""

    name: str
    kind: str
    module: nn.Module
    inputs: list
    settings: dict = field(default_factory=dict)
    """What is told of the step beside its parameters."""


class SumPool(nn.AvgPool1d):
    """Sums of `size` neighbouring features, as an average times their number: zennit knows it as average pooling."""

    def __init__(self, size):
        super().__init__(size)
        self.size = size

    def forward(self, features):
        return super().forward(features.unsqueeze(1)).squeeze(1) * self.size


class Net(nn.Module):
    """The steps run in order; the last gives the output."""

    def __init__(self, name, input_shape, box=(-0.5, 1.5)):
        super().__init__()
        self.name, self.input_shape, self.box = name, input_shape, box
        self.steps = []

    def add(self, name, kind, module, inputs=None, **settings):
        """Adds a step, by default on the value before it, and gives the number of its own value."""
        self.add_module(name, module)
        inputs = [len(self.steps)] if inputs is None else inputs
        self.steps.append(Step(name, kind, module, inputs, settings))
        return len(self.steps)

    def forward(self, x):
        values = [x]
        for step in self.steps:
            given = [values[number] for number in step.inputs]
            values.append(step.module(torch.stack(given, dim=-1) if step.kind == "sum" else given[0]))
        return values[-1]

    def dense(self, name, inputs, outputs):
        return self.add(name, "dense", nn.Linear(inputs, outputs))

    def conv(self, name, inputs, outputs, kernel, bias=True, **geometry):
        module = nn.Conv2d(inputs, outputs, kernel, bias=bias, **geometry)
        return self.add(name, "conv2d", module, **geometry_of(module))

    def conv_transpose(self, name, inputs, outputs, kernel, **geometry):
        module = nn.ConvTranspose2d(inputs, outputs, kernel, **geometry)
        return self.add(name, "conv_transpose2d", module, **geometry_of(module), output_padding=list(module.output_padding))

    def batch_norm(self, name, channels):
        module = nn.BatchNorm2d(channels, eps=1e-3)
        return self.add(name, "batch_norm", module, epsilon=module.eps)

    def relu(self, name):
        return self.add(name, "relu", nn.ReLU())

    def pool(self, name, kind, kernel, stride):
        module = {"max_pool2d": nn.MaxPool2d, "avg_pool2d": nn.AvgPool2d}[kind](kernel, stride)
        return self.add(name, kind, module, kernel=[kernel] * 2, stride=[stride] * 2, padding=[0, 0])

    def flat(self):
        return self.add("flatten", "flatten", nn.Flatten())


def geometry_of(module):
    return {
        "stride": list(module.stride),
        "padding": list(module.padding),
        "dilation": list(module.dilation),
        "groups": module.groups,
    }


def dense():
    net = Net("dense", (6,))
    net.dense("dense1", 6, 8)
    net.relu("relu1")
    net.dense("dense2", 8, 7)
    net.relu("relu2")
    net.dense("dense3", 7, 3)
    return net


def convolutional():
    """Pooling that leaves out a last row, and a stride that differs by axis, are here on purpose."""
    net = Net("convolutional", (2, 10, 8))
    net.conv("conv1", 2, 4, 3, padding=1)
    net.relu("relu1")
    net.pool("pool1", "max_pool2d", 2, 2)
    net.conv("conv2", 4, 5, 3, padding=1, stride=(2, 1))
    net.relu("relu2")
    net.pool("pool2", "avg_pool2d", 2, 2)
    net.flat()
    net.dense("head", 10, 3)
    return net


def residual():
    net = Net("residual", (3, 6, 6))
    net.conv("conv1", 3, 4, 3, padding=1, bias=False)
    net.batch_norm("norm1", 4)
    skip = net.relu("relu1")
    net.conv("block_conv1", 4, 4, 3, padding=1)
    net.batch_norm("block_norm1", 4)
    net.relu("block_relu")
    net.conv("block_conv2", 4, 4, 3, padding=1)
    branch = net.batch_norm("block_norm2", 4)
    net.add("sum", "sum", Sum(), [skip, branch])
    net.relu("relu2")
    net.add("global_pool", "global_avg_pool2d", nn.AdaptiveAvgPool2d(1))
    net.flat()
    net.dense("head", 4, 3)
    return net


def more():
    """Groups, dilation, a transposed convolution, tanh, windows that overlap, and sums of features as the answer."""
    net = Net("more", (4, 5, 5))
    net.conv("grouped", 4, 6, 3, padding=2, dilation=2, groups=2)
    net.relu("relu1")
    net.conv_transpose("transposed", 6, 3, 3, stride=2, padding=1, output_padding=1)
    net.add("tanh", "tanh", nn.Tanh())
    net.conv("strided", 3, 4, 2, stride=2)
    net.relu("relu2")
    net.pool("pool1", "max_pool2d", 3, 2)
    net.flat()
    net.dense("dense1", 16, 8)
    net.relu("relu3")
    net.add("sum_pool", "sum_pool", SumPool(4), size=4)
    return net


def drawn(make, seed, samples):
    """A net with its weights, its inputs in the box, and the classes that are explained."""
    torch.manual_seed(seed)
    net = make()
    for module in net.modules():
        draw(module)
    low, high = net.box
    inputs = rounded(torch.rand(samples, *net.input_shape) * (high - low) + low)
    net.eval().requires_grad_(False)
    outputs = net(inputs).shape[1]
    return net, inputs, torch.arange(samples).remainder(outputs)


def draw(module):
    if isinstance(module, nn.BatchNorm2d):
        module.weight.data = rounded(torch.rand(module.num_features) + 0.5)
        module.bias.data = rounded(torch.randn(module.num_features) * 0.3)
        module.running_mean = rounded(torch.randn(module.num_features) * 0.4)
        module.running_var = rounded(torch.rand(module.num_features) + 0.3)
    elif isinstance(getattr(module, "weight", None), torch.Tensor):
        inputs = module.weight[0].numel()
        module.weight.data = rounded(torch.randn(module.weight.shape) * 1.4 / inputs**0.5)
        if module.bias is not None:
            module.bias.data = rounded(torch.randn(module.bias.shape) * 0.3)


def rounded(tensor):
    """To three decimals; the double nearest to each."""
    return torch.tensor([float(f"{number:.3f}") for number in tensor.flatten().tolist()]).view(tensor.shape)


NETS = [(dense, 2, 4), (convolutional, 2, 2), (residual, 5, 2), (more, 4, 2)]
"""Each net with its seed and its number of samples. With these seeds every rule finds relevance in every sample."""
