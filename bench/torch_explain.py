"""The peers' side of the cases that explain: zennit, captum and PyTorch on the digit pairs and the convolutional network.

    python torch_explain.py CASE VARIANT THREADS

A process prepares one case, then answers as `serving` says. A step is a batch of maps. Weights and inputs are numbers of
`torch_data`, so that every side can have the same; relevance starts at the value of the target's output.
"""

import importlib.metadata
import sys

import torch
from captum.attr import LRP, InputXGradient
from captum.attr._utils.lrp_rules import Alpha1_Beta0_Rule, EpsilonRule
from torch import nn
from torch.nn import functional as F
from zennit import composites, rules
from zennit.attribution import Gradient
from zennit.layer import Sum
from zennit.types import Activation, Linear

from serving import serve
from torch_data import indices, uniform

WARM_UP_STEPS = 3
PAIR, UNITS, GROUP = 28 * 56, 400, 4
BLACK, WHITE = -0.5, 1.5
TINY = 1e-30
"""Makes 0/0 a 0, and is lost in every other denominator."""

# The networks. Inputs are stream 1, targets stream 2, parameters the streams from 3 on, in the order of the layers, each
# its weight and then its bias.


def pairs():
    """1568 → 400 detection units → sums of 4 → 400 detection units → their sum. No bias is above 0."""
    net = nn.Sequential(
        *(nn.Linear(PAIR, UNITS), nn.ReLU(), nn.Unflatten(1, (UNITS // GROUP, GROUP)), Sum()),
        *(nn.Linear(UNITS // GROUP, UNITS), nn.ReLU(), nn.Unflatten(1, (1, UNITS)), Sum()),
    )
    for stream, dense in zip((3, 5), (net[0], net[4])):
        # Logit keeps the matrix as [inputs, units]. The paper's deviation is 0.05.
        weight = uniform(stream, (dense.in_features, UNITS), 0.05 * 3**0.5)
        dense.weight.data = weight.t().contiguous()
        dense.bias.data = -uniform(stream + 1, (UNITS,), 0.05).abs()
    return net


class Digits(nn.Module):
    """`torch_models.ConvNet` outside of training. Layers are modules, since zennit and captum see nothing else; captum has
    no rule for a module that flattens."""

    def __init__(self):
        super().__init__()
        self.maps = nn.Sequential(
            *(nn.Conv2d(1, 10, 5), nn.MaxPool2d(2), nn.ReLU()),
            *(nn.Conv2d(10, 20, 5), nn.MaxPool2d(2), nn.ReLU()),
        )
        self.units = nn.Sequential(nn.Linear(320, 50), nn.ReLU(), nn.Linear(50, 10))

    def forward(self, images):
        return self.units(self.maps(images).flatten(1))


def digits():
    net = Digits()
    layers = [module for module in net.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    for stream, layer in zip(range(3, 11, 2), layers):
        scale = layer.weight[0].numel() ** -0.5
        shape = layer.weight.shape
        if isinstance(layer, nn.Linear):
            layer.weight.data = uniform(stream, shape[::-1], scale).t().contiguous()
            layer.bias.data = uniform(stream + 1, shape[:1], scale)
        else:
            layer.weight.data = uniform(stream, shape, scale)
            # Of a convolution's bias zennit counts the positive part and captum does not: with none they agree.
            layer.bias.data.zero_()
    return net


def pair_images(batch):
    """In the box of the pixels."""
    return uniform(1, (batch, PAIR), 1.0) + 0.5


def digit_images(batch):
    """In [0, 1)."""
    return (uniform(1, (batch, 1, 28, 28), 1.0) + 1) / 2


# The ways of explaining. Each is made once for a network, and gives the maps of images.


class Zennit:
    """An attributor whose hooks stay where they are."""

    def __init__(self, net, start, composite):
        self.attributor, self.start = Gradient(net, composite), start
        self.attributor.__enter__()

    def __call__(self, images):
        return self.attributor(images, self.start)[1]


class Captum:
    """`LRP` with z⁺ for convolutions and ε for dense layers: what zennit calls EpsilonPlus, on inputs of at least 0."""

    def __init__(self, net, targets):
        self.net, self.lrp, self.targets = net, LRP(net), targets

    def __call__(self, images):
        # At the end of each call captum forgets the rules.
        for module in self.net.modules():
            if isinstance(module, nn.Conv2d):
                module.rule = Alpha1_Beta0_Rule()
            elif isinstance(module, nn.Linear):
                module.rule = EpsilonRule(epsilon=1e-6)
        return self.lrp.attribute(images.requires_grad_(), target=self.targets)


class DeepTaylorByHand:
    """Deep Taylor decomposition of the pairs' network alone: what does not depend on the images is computed once."""

    def __init__(self, net):
        self.first, self.second = net[0], net[4]
        positive = self.first.weight.clamp(min=0)
        bounds = BLACK * positive + WHITE * (self.first.weight - positive)
        self.down = torch.cat([self.first.weight, bounds], dim=1)
        # What is taken from the first layer's output to be the denominator of its rule.
        self.offset = self.first.bias + bounds.sum(dim=1)
        self.positive = self.second.weight.clamp(min=0)

    @torch.no_grad()
    def __call__(self, images):
        detected = self.first(images)
        active = detected.relu()
        sums = active.view(len(images), -1, GROUP).sum(dim=2)
        relevance = self.second(sums).relu()
        quotients = relevance / (F.linear(sums, self.positive) + TINY)
        # A unit's share of its group's sum cancels the sum.
        per_unit = (quotients @ self.positive).repeat_interleave(GROUP, dim=1)
        quotients = active * per_unit / (detected - self.offset)
        by_weight, by_bounds = (quotients @ self.down).chunk(2, dim=1)
        return images * by_weight - by_bounds


def gradient_x_input(net, targets):
    def explain(images):
        images = images.detach().requires_grad_()
        value = net(images).gather(1, targets[:, None]).sum()
        return torch.autograd.grad(value, images)[0] * images.detach()

    return explain


def zennit_gradient_x_input(net, targets):
    one = F.one_hot(targets, 10).float()
    gradient = Zennit(net, lambda logits: one, None)
    return lambda images: gradient(images) * images.detach()


def captum_gradient_x_input(net, targets):
    method = InputXGradient(net)
    return lambda images: method.attribute(images.requires_grad_(), target=targets)


def compiled_gradient_x_input(net, targets):
    def value(images):
        return net(images).gather(1, targets[:, None]).sum()

    return torch.compile(lambda images: torch.func.grad(value)(images) * images, fullgraph=True)


def deep_taylor(low, high):
    """zennit's rules for it: z^B for the first layer, z⁺ without bias above."""
    others = [(Activation, rules.Pass()), (Sum, rules.Norm()), (Linear, rules.ZPlus(zero_params="bias"))]
    return composites.SpecialFirstLayerMapComposite(others, [(Linear, rules.ZBox(low, high))])


# The cases.


class Explain:
    """Maps of a batch."""

    def __init__(self, net, images, explain):
        self.net, self.images, self.explain = net, images, explain

    def step(self):
        return self.explain(self.images)

    def agreed(self):
        maps = self.step().detach().double()
        direction = uniform(99, maps.shape, 1.0)
        return {
            "numbers in the model": sum(parameter.numel() for parameter in self.net.parameters()),
            "numbers in the maps": maps.numel(),
            "norm of the maps": maps.norm().item(),
            "maps times fixed numbers": (maps * direction).sum().item(),
        }


def ready(net):
    return net.eval().requires_grad_(False)


def on_pairs(batch, variant):
    net, images = ready(pairs()), pair_images(batch)
    low, high = (torch.full((1, PAIR), bound) for bound in (BLACK, WHITE))
    explain = {
        "zennit": lambda: Zennit(net, lambda values: values, deep_taylor(low, high)),
        "by_hand": lambda: DeepTaylorByHand(net),
        "compile+by_hand": lambda: torch.compile(DeepTaylorByHand(net), fullgraph=True),
    }
    return Explain(net, images, explain[variant]())


def on_digits(ways):
    def case(batch, variant):
        net, images, targets = ready(digits()), digit_images(batch), indices(2, (batch,), 10)
        one = F.one_hot(targets, 10).float()
        return Explain(net, images, ways[variant](net, targets, lambda logits: logits * one))

    return case


def by_zennit(composite):
    return lambda net, targets, start: Zennit(net, start, composite())


def black_to_white():
    return {"low": torch.zeros(1, 1, 28, 28), "high": torch.ones(1, 1, 28, 28)}


METHODS = {
    "explain_pairs_deep_taylor": on_pairs,
    "explain_digits_deep_taylor": on_digits({"zennit": by_zennit(lambda: deep_taylor(**black_to_white()))}),
    "explain_digits_epsilon_plus": on_digits(
        {"zennit": by_zennit(composites.EpsilonPlus), "captum": lambda net, targets, _: Captum(net, targets)}
    ),
    "explain_digits_epsilon_gamma_box": on_digits(
        {"zennit": by_zennit(lambda: composites.EpsilonGammaBox(**black_to_white()))}
    ),
    "explain_digits_gradient_x_input": on_digits(
        {
            "zennit": lambda net, targets, _: zennit_gradient_x_input(net, targets),
            "eager": lambda net, targets, _: gradient_x_input(net, targets),
            "captum": lambda net, targets, _: captum_gradient_x_input(net, targets),
            "compile": lambda net, targets, _: compiled_gradient_x_input(net, targets),
        }
    ),
}
"""The cases by their names without the batch."""


def prepare(name, variant):
    """The case; one that is compiled has done its first steps, since those compile."""
    method, _, batch = name.rpartition("_")
    case = METHODS[method](int(batch), variant)
    if "compile" in variant:
        for _ in range(WARM_UP_STEPS):
            case.step()
    return case


def main():
    name, variant, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.set_num_interop_threads(1)
    peer = variant if variant in ("zennit", "captum") else "torch"
    serve(lambda: prepare(name, variant), importlib.metadata.version(peer))


if __name__ == "__main__":
    main()
