"""The rules in our own words, for a layer as a matrix, asserted to be what zennit computes.

A rule shares the relevance `R_j` of each output among the inputs: input `i` is given `share_ij / s(denominator_j) · R_j`.
The stabiliser is `s(d) = d + ε` for `d ≥ 0` and `d − ε` below. A convolution is taken as the matrix that it multiplies by.
"""

import torch
from torch import nn
from zennit import rules
from zennit.layer import Sum

EPSILON = 0.1
LOW, HIGH, GAMMA = -4.0, 5.0, 0.25
BIASLESS = "bias"


def check():
    torch.manual_seed(9)
    for module, shape in layers():
        x = torch.randn(3, *shape)
        relevance = torch.randn_like(module(x))
        layer = Layer(module, shape)
        for zero_params in (None, BIASLESS):
            for rule, expected in formulas(layer, x.flatten(1), relevance.flatten(1), zero_params):
                agree(type(rule).__name__, by_zennit(rule, module, x, relevance).flatten(1), expected)
    shares()
    activations()


def layers():
    return [
        (nn.Linear(6, 4), (6,)),
        (nn.Conv2d(2, 4, 3, padding=1, stride=2), (2, 6, 5)),
        (nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2), (4, 5, 5)),
        (nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), (2, 4, 4)),
    ]


class Layer:
    """A layer as the matrix `weight` [outputs, inputs], `bias` [outputs], and which weights there are."""

    def __init__(self, module, shape):
        inputs = torch.Size(shape).numel()
        bias = module(torch.zeros(1, *shape))
        self.weight = (module(torch.eye(inputs).view(-1, *shape)) - bias).flatten(1).T.detach()
        self.bias = bias.flatten().detach()
        self.taps = (self.weight != 0).double()


def formulas(layer, x, relevance, zero_params):
    """Zennit's rules, each with what it gives."""
    options = {"stabilizer": EPSILON, "zero_params": zero_params}
    weight, bias = layer.weight, layer.bias * (zero_params is None)

    def given(share, more=0.0, relevance=relevance):
        return shared(share, share.sum(-1) + more, relevance)

    ones = torch.ones_like(x)
    plus, minus = products(x, up(weight), down(weight)), products(x, down(weight), up(weight))
    for alpha, beta in ((1.0, 0.0), (2.0, 1.0)):
        yield rules.AlphaBeta(alpha, beta, **options), alpha * given(plus, up(bias)) - beta * given(minus, down(bias))
    yield rules.Epsilon(EPSILON, zero_params), given(each(x, weight), bias)
    yield rules.ZPlus(**options), given(plus, up(bias))
    yield rules.WSquare(**options), given(each(ones, weight**2), bias**2)
    # No bias in these two, whatever `zero_params`; and none of the padding's.
    yield rules.Flat(**options), given(each(ones, layer.taps))
    box = each(x, weight) - each(ones * LOW, up(weight)) - each(ones * HIGH, down(weight))
    yield rules.ZBox(LOW, HIGH, **options), given(box)
    yield rules.Gamma(GAMMA, **options), gamma(layer, x, relevance, bias, given)


def gamma(layer, x, relevance, bias, given):
    """Generalised: which way it goes is told by the sign of the layer's own output, always with its bias."""
    favoured, against = raised(layer.weight, up), raised(layer.weight, down)
    output = x @ layer.weight.T + layer.bias
    above = given(products(x, favoured, against), raised(bias, up), relevance * (output > 0))
    below = given(products(x, against, favoured), raised(bias, down), relevance * (output < 0))
    return above + below


def shares():
    """Average pooling divides by the mean, so that the stabiliser is added to the mean."""
    x, relevance = torch.randn(2, 1, 4, 4), torch.randn(2, 1, 2, 2)
    mean = x.unfold(2, 2, 2).unfold(3, 2, 2).mean((-1, -2))
    spread = (relevance / stable(mean)).repeat_interleave(2, 2).repeat_interleave(2, 3)
    agree("Norm of an average", by_zennit(rules.Norm(EPSILON), nn.AvgPool2d(2), x, relevance), x / 4 * spread)
    x, relevance = torch.randn(2, 3, 2), torch.randn(2, 3)
    given = x * (relevance / stable(x.sum(-1)))[..., None]
    agree("Norm of a sum", by_zennit(rules.Norm(EPSILON), Sum(), x, relevance), given)


def activations():
    x, relevance = torch.randn(50), torch.randn(50)
    positive = relevance * (relevance > 0)
    for rule, expected in (
        (rules.Pass(), relevance),
        (rules.ReLUGuidedBackprop(), positive * (x > 0)),
        (rules.ReLUDeconvNet(), positive),
    ):
        agree(type(rule).__name__, by_zennit(rule, nn.ReLU(), x, relevance), expected)


def up(numbers):
    return numbers.clamp(min=0)


def down(numbers):
    return numbers.clamp(max=0)


def raised(weight, part):
    return weight + GAMMA * part(weight)


def each(x, weight):
    """`x_i w_ij`, [samples, outputs, inputs]."""
    return x[:, None] * weight


def products(x, of_positive, of_negative):
    return each(up(x), of_positive) + each(down(x), of_negative)


def stable(denominator):
    return denominator + torch.where(denominator >= 0, EPSILON, -EPSILON)


def shared(share, denominator, relevance):
    return torch.einsum("nji,nj->ni", share, relevance / stable(denominator))


def by_zennit(rule, module, x, relevance):
    hooked = rule.copy()
    handles = hooked.register(module)
    x = x.clone().requires_grad_()
    given = torch.autograd.grad(module(x), x, relevance)[0]
    handles.remove()
    return given


def agree(name, found, expected):
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-12 * expected.abs().max()), name
