"""What torch and captum compute of a net: maps from its gradient, from its maps, and from covered inputs."""

import torch
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion, Saliency

import fixture

STEPS = 16
NOISY = 8
DEVIATION = 0.1


def of(net, inputs, targets):
    """The maps by the name of the entry."""
    gradient = gradient_at(net, inputs, targets)
    integrated = {"baseline": 0.0, "steps": STEPS}
    entries = {
        "gradient": map_of({}, gradient),
        "gradient_x_input": map_of({}, gradient * inputs),
        "integrated_gradients": map_of({"method": "midpoint", **integrated}, along(net, inputs, targets, "riemann_middle")),
        "integrated_gradients_gauss_legendre": map_of(
            {"method": "gauss_legendre", **integrated}, along(net, inputs, targets, "gausslegendre")
        ),
    }
    entries |= {f"occlusion{name}": entry for name, entry in occlusions(net, inputs, targets).items()}
    if net.name == "dense":
        entries["smooth_grad"] = smooth_grad(net, inputs, targets)
    for step in net.steps:
        if step.kind in ("conv2d", "conv_transpose2d"):
            entries |= grad_cam(net, step, inputs, targets)
    return entries


def map_of(options, values):
    return {"options": options, "input": fixture.array(values)}


def gradient_at(net, inputs, targets):
    """Of the target's output; captum's saliency, with its sign."""
    return Saliency(net).attribute(inputs.clone().requires_grad_(), target=targets, abs=False).detach()


def along(net, inputs, targets, method):
    integrate = IntegratedGradients(net)
    return integrate.attribute(inputs, baselines=0.0, target=targets, n_steps=STEPS, method=method)


def smooth_grad(net, inputs, targets):
    """The mean of the gradients at the inputs with each noise added."""
    noise = torch.tensor([round(n, 3) for n in (torch.randn(NOISY * inputs.numel()) * DEVIATION).tolist()])
    noise = noise.view(NOISY, *inputs.shape)
    mean = torch.stack([gradient_at(net, inputs + n, targets) for n in noise]).mean(dim=0)
    return map_of({"noise": fixture.array(noise)}, mean)


def occlusions(net, inputs, targets):
    """Captum's: a feature's value is the mean of the differences over the windows that cover it. The second is of windows
    that overlap and of a last one that reaches over the edge, which covers what is left. Captum adds up in single
    precision here: seven digits are right."""
    settings = {"": ([1], [1], 0.0), "_overlapping": ([4], [3], 0.5)}
    if inputs.dim() == 4:
        channels = inputs.shape[1]
        settings = {"": ([channels, 2, 2], [channels, 2, 2], 0.0), "_overlapping": ([1, 4, 3], [1, 3, 2], 0.5)}
    return {name: covered(net, inputs, targets, *setting) for name, setting in settings.items()}


def covered(net, inputs, targets, window, stride, baseline):
    values = Occlusion(net).attribute(
        inputs, sliding_window_shapes=tuple(window), strides=tuple(stride), baselines=baseline, target=targets
    )
    return map_of({"window": window, "stride": stride, "baseline": baseline}, values)


def grad_cam(net, step, inputs, targets):
    """Of a convolution's own output, before what follows it; one map per sample, as large as that output's."""
    cam = LayerGradCam(net, step.module)
    named = {}
    for suffix, relu in (("", False), ("_relu", True)):
        values = cam.attribute(inputs.clone().requires_grad_(), target=targets, relu_attributions=relu)
        named[f"grad_cam{suffix}_{step.name}"] = {"options": {"at": step.name, "relu": relu}, "map": fixture.array(values)}
    return named
