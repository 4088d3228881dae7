"""What zennit computes of a net: each rule on every dense and convolution layer, and the composites by name."""

from dataclasses import dataclass, field

import torch
from zennit import composites, rules
from zennit.attribution import Gradient
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.types import Activation, AvgPool, BatchNorm, Linear
from zennit.layer import Sum

import fixture

STABILIZER = 1e-6
NONE = 1e-30
"""A stabiliser that no double notices, but for 0/0, which it makes 0."""

RULES = {
    "epsilon": rules.Epsilon,
    "zplus": rules.ZPlus,
    "gamma": rules.Gamma,
    "alpha_beta": rules.AlphaBeta,
    "wsquare": rules.WSquare,
    "flat": rules.Flat,
    "zbox": rules.ZBox,
    "norm": rules.Norm,
    "pass": rules.Pass,
    "guided": rules.ReLUGuidedBackprop,
    "deconvnet": rules.ReLUDeconvNet,
}
"""Zennit's rules by their names in the fixtures."""


@dataclass(frozen=True)
class Rule:
    """A rule and its options, among them its stabiliser: for `epsilon` that is `epsilon`."""

    name: str
    options: dict = field(default_factory=dict)

    def told(self):
        return {"name": self.name} | {name: told(value) for name, value in self.options.items()}

    def hook(self):
        return RULES[self.name](**self.options)


def told(value):
    return fixture.array(value) if isinstance(value, torch.Tensor) else value


def epsilon(value, zero_params=None):
    return Rule("epsilon", {"epsilon": value, "zero_params": zero_params})


def rule(name, stabilizer=STABILIZER, **options):
    return Rule(name, {"stabilizer": stabilizer, **options})


def without_bias(name, **options):
    return rule(name, **options, zero_params="bias")


def everywhere(net):
    """Each rule on all layers with weights, by the name of the entry."""
    low, high = net.box
    return {
        "epsilon": epsilon(1e-6),
        "epsilon_quarter": epsilon(0.25),
        "epsilon_without_bias": epsilon(0.25, "bias"),
        "zplus": rule("zplus"),
        "zplus_without_bias": without_bias("zplus"),
        "zplus_stabilized": rule("zplus", stabilizer=0.25),
        "gamma": rule("gamma", gamma=0.25),
        "gamma_without_bias": without_bias("gamma", gamma=0.25),
        "alpha1_beta0": rule("alpha_beta", alpha=1.0, beta=0.0),
        "alpha2_beta1": rule("alpha_beta", alpha=2.0, beta=1.0),
        "alpha2_beta1_without_bias": without_bias("alpha_beta", alpha=2.0, beta=1.0),
        "wsquare": rule("wsquare"),
        "wsquare_without_bias": without_bias("wsquare"),
        "flat": rule("flat"),
        "zbox": rule("zbox", low=low, high=high),
    }


def first_and_rest(net, bounds):
    """Deep Taylor as zennit can do it: the first layer's rule, and z⁺ without bias above."""
    low, high = bounds
    return {
        "deep_taylor_box": rule("zbox", stabilizer=NONE, low=low, high=high),
        "deep_taylor_wsquare": without_bias("wsquare", stabilizer=NONE),
    }


def of(net, inputs, targets, bounds):
    """The relevances of the inputs, by the name of the entry."""
    entries = {}
    for name, rest in everywhere(net).items():
        start = "value" if name == "zplus_without_bias" else "one"
        entries[name] = {"rule": rest.told()} | propagated(net, inputs, targets, layers(rest, rest), start)
    above = without_bias("zplus", stabilizer=NONE)
    for name, first in first_and_rest(net, bounds).items():
        told = {"first": first.told(), "rule": above.told()}
        entries[name] = told | propagated(net, inputs, targets, layers(first, above), "value")
    if net.name == "residual":
        entries["pass_in_block"] = {"rule": epsilon(1e-6).told()} | propagated(net, inputs, targets, passing(), "one")
    for name, (composite, options) in named(net).items():
        told = {"composite": name, "options": options}
        entries[name] = told | propagated(net, inputs, targets, composite(**options, **merged()), "one")
    return entries


def merged():
    """Batch norm is folded into the convolution before it."""
    return {"canonizers": [SequentialMergeBatchNorm()]}


def layers(first, rest):
    """Zennit's composite of a rule for the first layer with weights and one for all others; activations pass, and sums
    and average pooling go by share, with the stabiliser of the rest."""
    norm = rules.Norm(rest.options.get("stabilizer", STABILIZER))
    others = [(Activation, rules.Pass()), (BatchNorm, rules.Pass()), (AvgPool, norm), (Sum, norm)]
    layer_map = [*others, (Linear, rest.hook())]
    return composites.SpecialFirstLayerMapComposite(layer_map, [(Linear, first.hook())], **merged())


def passing():
    """The convolutions of the block are passed by; everything else by ε."""
    names = [(("block_conv1", "block_conv2"), rules.Pass())]
    norm = rules.Norm(STABILIZER)
    others = [(Activation, rules.Pass()), (BatchNorm, rules.Pass()), (AvgPool, norm), (Sum, norm)]
    layer_map = [*others, (Linear, rules.Epsilon(1e-6))]
    return composites.NameLayerMapComposite(name_map=names, layer_map=layer_map, **merged())


def named(net):
    """Zennit's composites by the names they are known by, with every option that they take."""
    low, high = net.box
    stabilizer, both = {"stabilizer": STABILIZER}, {"epsilon": 1e-6, "stabilizer": STABILIZER}
    return {
        "EpsilonPlus": (composites.EpsilonPlus, both),
        "EpsilonPlusFlat": (composites.EpsilonPlusFlat, both),
        "EpsilonGammaBox": (composites.EpsilonGammaBox, {"low": low, "high": high, "gamma": 0.25, **both}),
        "EpsilonAlpha2Beta1": (composites.EpsilonAlpha2Beta1, both),
        "EpsilonAlpha2Beta1Flat": (composites.EpsilonAlpha2Beta1Flat, both),
        "ExcitationBackprop": (composites.ExcitationBackprop, stabilizer),
        "GuidedBackprop": (composites.GuidedBackprop, {}),
        "Deconvnet": (composites.DeconvNet, {}),
    }


def propagated(net, inputs, targets, composite, start):
    """Relevance by zennit, from 1 or from the value of the target's output."""

    def attr_output(output):
        one = torch.nn.functional.one_hot(targets, output.shape[1]).to(output)
        return one * output if start == "value" else one

    with Gradient(net, composite) as attributor:
        _, relevance = attributor(inputs, attr_output)
    return {"start": start, "assigned": assigned(net, composite), "input": fixture.array(relevance)}


def assigned(net, composite):
    """The rule that zennit gave to each step; where it gave none the step's gradient is taken."""
    names = {hook: name for name, hook in RULES.items()}
    context = {}
    hooks = {step.name: composite.module_map(context, step.name, step.module) for step in net.steps}
    return {name: "gradient" if hook is None else names[type(hook)] for name, hook in hooks.items()}
