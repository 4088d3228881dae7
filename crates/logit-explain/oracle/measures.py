"""How maps are judged, by loops over samples and pixels; infidelity and sensitivity are asserted to be captum's.

A pixel's relevance is the sum over its channels. Where relevances are equal, the pixel that comes first in row order does.
"""

import numpy
import torch
from captum.metrics import infidelity as captum_infidelity
from captum.metrics import sensitivity_max as captum_sensitivity_max

import fixture
from nets import rounded

NOISES = 6


def of(net, inputs, targets, maps, explained_by):
    """The measures of each map by its name. `explained_by` makes some of them anew for other inputs."""
    torch.manual_seed(11)
    noise = rounded(torch.randn(NOISES, *inputs.shape) * 0.2)
    mask = torch.rand(len(inputs), *net.input_shape[1:]) < 0.3 if inputs.dim() == 4 else torch.rand(inputs.shape) < 0.4
    judged = {}
    for name, relevance in maps.items():
        judged[name] = {
            "sums": sums(net, inputs, targets, relevance),
            "pixel_flipping": flipping(net, inputs, targets, relevance, {"baseline": -0.5, "pixels_per_step": 4}),
            "infidelity": infidelity(net, inputs, targets, relevance, noise),
            "localisation": localisation(relevance, mask),
        }
        if name in explained_by:
            judged[name]["sensitivity"] = sensitivity(explained_by[name], inputs, noise)
    return {"noise": fixture.array(noise), "mask": fixture.array(mask.double()), "of": judged}


def per_pixel(relevance):
    """[samples, pixels]"""
    relevance = relevance.numpy()
    return relevance.sum(axis=1).reshape(len(relevance), -1) if relevance.ndim == 4 else relevance


def value(net, x, target):
    return net(x[None])[0, target].item()


def sums(net, inputs, targets, relevance):
    """What is kept of the output, and the lowest relevance of a number of the input."""
    told = []
    for x, target, map in zip(inputs, targets, relevance):
        output, total = value(net, x, target), map.sum().item()
        gap = abs(total - output) / abs(output)
        told.append({"output": output, "sum": total, "relative_gap": gap, "lowest": map.min().item()})
    return told


def flipping(net, inputs, targets, relevance, settings):
    """The target's output while pixels are replaced, the most relevant first; the area is the mean of the curve, which
    begins with the input as it is and ends when no pixel is left."""
    told = []
    for x, target, map in zip(inputs, targets, per_pixel(relevance)):
        order = sorted(range(len(map)), key=lambda pixel: (-map[pixel], pixel))
        x, curve = x.clone(), [value(net, x, target)]
        # All channels of a pixel, in place.
        pixels = x.view(x.shape[0], -1) if x.dim() == 3 else x.view(1, -1)
        for begin in range(0, len(order), settings["pixels_per_step"]):
            for pixel in order[begin : begin + settings["pixels_per_step"]]:
                pixels[:, pixel] = settings["baseline"]
            curve.append(value(net, x, target))
        told.append({"curve": curve, "area": float(numpy.mean(curve))})
    return settings | {"samples": told}


def infidelity(net, inputs, targets, relevance, noise):
    """The mean over perturbations I of (I·R − (f(x) − f(x − I)))²; `scaled` has R times the factor β for which it is the
    least, β = Σ I·R (f(x) − f(x − I)) / Σ (I·R)²."""
    plain, scaled = [], []
    for sample, (x, target, map) in enumerate(zip(inputs, targets, relevance)):
        predicted = numpy.array([(i[sample] * map).sum().item() for i in noise])
        seen = numpy.array([value(net, x, target) - value(net, x - i[sample], target) for i in noise])
        plain.append(float(numpy.mean((predicted - seen) ** 2)))
        factor = (predicted * seen).sum() / (predicted**2).sum()
        scaled.append(float(numpy.mean((factor * predicted - seen) ** 2)))
    noises = by_sample(noise)
    for expected, normalize in ((plain, False), (scaled, True)):
        options = {"target": targets, "n_perturb_samples": len(noise), "normalize": normalize}
        peer = captum_infidelity(net, lambda x: (noises, x - noises), inputs, relevance, **options)
        same(peer, expected)
    return {"plain": plain, "scaled": scaled}


def sensitivity(explain, inputs, noise):
    """The largest ‖R(x + δ) − R(x)‖ / ‖R(x)‖ over perturbations δ, in the Euclidean norm."""
    at_rest = explain(inputs)
    worst = [0.0] * len(inputs)
    for perturbation in noise:
        moved = explain(inputs + perturbation)
        for sample in range(len(inputs)):
            change = numpy.linalg.norm((moved[sample] - at_rest[sample]).numpy())
            worst[sample] = max(worst[sample], float(change / numpy.linalg.norm(at_rest[sample].numpy())))
    noises = by_sample(noise)

    def again(inputs):
        # A tuple of the inputs at first, then each as often as there are perturbations; captum forbids gradients.
        with torch.enable_grad():
            return (explain(inputs[0] if isinstance(inputs, tuple) else inputs),)

    peer = captum_sensitivity_max(again, inputs, lambda x, _: x + noises, n_perturb_samples=len(noise))
    same(peer, worst)
    return worst


def by_sample(noise):
    """Captum has the perturbations of the first sample, then those of the second."""
    return noise.transpose(0, 1).flatten(0, 1)


def same(peer, expected):
    # Captum divides by norms in single precision.
    assert numpy.allclose(peer.numpy(), expected, rtol=1e-5), (peer, expected)


def localisation(relevance, mask):
    """`mass`: the share of the positive relevance that lies on the mask, null if there is none. `rank`: of as many pixels
    as the mask has, those of the highest relevance, the share that lies on it."""
    told = []
    for map, on in zip(per_pixel(relevance), mask.flatten(1).tolist()):
        positive = [max(value, 0.0) for value in map]
        inside = sum(value for value, is_in in zip(positive, on) if is_in)
        best = sorted(range(len(map)), key=lambda pixel: (-map[pixel], pixel))[: sum(on)]
        mass = float(inside / sum(positive)) if any(positive) else None
        told.append({"mass": mass, "rank": sum(on[pixel] for pixel in best) / sum(on)})
    return told
