"""PyTorch's side of the comparison: a process that prepares one case, then answers requests on standard input.

    python torch_side.py CASE VARIANT THREADS

The requests and answers are those of `src/main.rs`, one JSON object per line.
"""

import ctypes
import json
import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

from torch_models import ConvNet, Mlp, UNet

MIN_STEPS = 3
LOSS_SCALE = 4.0
CHUNK = 1 << 18


# The numbers of `src/data.rs`, to the last bit.


def mix32(bits):
    bits = bits ^ (bits >> 16)
    bits = (bits * 0x7FEB352D) & 0xFFFFFFFF
    bits = bits ^ (bits >> 15)
    bits = (bits * 0x846CA68B) & 0xFFFFFFFF
    return bits ^ (bits >> 16)


def numbers(stream, dims, dtype, convert):
    """A tensor of the stream's numbers, made piece by piece so that little memory is left behind."""
    out = torch.empty(math.prod(dims), dtype=dtype)
    for begin in range(0, len(out), CHUNK):
        index = torch.arange(begin, min(begin + CHUNK, len(out)))
        out[begin : begin + CHUNK] = convert(mix32((index + stream * 0x9E3779B9) & 0xFFFFFFFF))
    return out.view(dims)


def uniform(stream, dims, scale):
    return numbers(stream, dims, torch.float32, lambda bits: ((bits >> 8).float() / 8388608 - 1) * scale)


def indices(stream, dims, classes):
    return numbers(stream, dims, torch.int64, lambda bits: bits % classes)


def sparse_ones(stream, dims, every):
    return numbers(stream, dims, torch.float32, lambda bits: (bits % every == 0).float())


# What a case is: `step` is timed, `agreed` are numbers that the other side must get as well.


class Gradients:
    """A loss and its gradients for its inputs."""

    def __init__(self, inputs, forward):
        self.inputs = [tensor.requires_grad_() for tensor in inputs]
        self.forward = forward

    def step(self):
        for tensor in self.inputs:
            tensor.grad = None
        loss = self.forward(*self.inputs)
        loss.backward()
        return loss

    def agreed(self):
        loss = self.step().item()
        norms = [torch.linalg.vector_norm(tensor.grad, dtype=torch.float64).item() for tensor in self.inputs]
        return {"loss": loss, "gradient norm": math.hypot(*norms)}


class Step:
    """A step of training: forward, loss, backward, update."""

    def __init__(self, net, optimizer, images, targets):
        self.net, self.images, self.targets = net.train(), images, targets
        self.optimizer = optimizer(net.parameters())

    def step(self):
        self.optimizer.zero_grad()
        F.cross_entropy(self.net(self.images), self.targets).backward()
        self.optimizer.step()

    def agreed(self):
        return {"numbers in the model": numbers_in(self.net)}


class Inference:
    """Predictions of a batch, outside of training."""

    def __init__(self, net, images):
        self.net, self.images = net.eval(), images

    @torch.inference_mode()
    def step(self):
        return self.net(self.images)

    def agreed(self):
        return {"numbers in the model": numbers_in(self.net), "numbers in the logits": self.step().numel()}


def numbers_in(net):
    """Parameters and running statistics, but not the count of batches that batch norm keeps."""
    return sum(tensor.numel() for tensor in net.state_dict().values() if tensor.is_floating_point())


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.01)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-3)


# The cases.


def cross_entropy():
    targets = indices(2, (65536,), 1000)
    return Gradients([uniform(1, (65536, 1000), LOSS_SCALE)], lambda logits: F.cross_entropy(logits, targets))


def per_pixel():
    targets = indices(2, (8, 256, 256), 5)
    return Gradients([uniform(1, (8, 5, 256, 256), LOSS_SCALE)], lambda logits: F.cross_entropy(logits, targets))


def multi_label():
    targets = sparse_ones(2, (4096, 1000), 20)
    pos_weight = 1.0 + torch.arange(1000).remainder(16).float()
    loss = nn.BCEWithLogitsLoss(pos_weight=pos_weight)
    return Gradients([uniform(1, (4096, 1000), LOSS_SCALE)], lambda logits: loss(logits, targets))


def vocabulary(loss):
    targets = indices(3, (2048,), 32768)
    features = uniform(1, (2048, 512), 1.0)
    # Logit keeps the matrix as [features, classes], PyTorch as [classes, features].
    weight = uniform(2, (512, 32768), 0.1).t().contiguous()
    return Gradients([features, weight], lambda features, weight: loss(features, weight, targets))


def linear_cross_entropy():
    return vocabulary(lambda features, weight, targets: F.cross_entropy(F.linear(features, weight), targets))


def linear_cross_entropy_chunked():
    if not hasattr(nn, "LinearCrossEntropyOptions"):
        return None
    options = nn.LinearCrossEntropyOptions()
    return vocabulary(
        lambda features, weight, targets: F.linear_cross_entropy(features, weight, targets, options=options)
    )


def digits(batch):
    return uniform(1, (batch, 1, 28, 28), 1.0)


def digits_step(net, optimizer, batch):
    return Step(net, optimizer, digits(batch), indices(2, (batch,), 10))


def segmented(batch):
    return uniform(1, (batch, 3, 128, 128), 1.0)


CASES = {
    ("cross_entropy", "eager"): cross_entropy,
    ("per_pixel", "eager"): per_pixel,
    ("multi_label", "eager"): multi_label,
    ("linear_cross_entropy", "eager"): linear_cross_entropy,
    ("linear_cross_entropy", "chunked"): linear_cross_entropy_chunked,
    ("mnist_step_64", "eager"): lambda: digits_step(ConvNet(), sgd, 64),
    ("mnist_step_512", "eager"): lambda: digits_step(ConvNet(), sgd, 512),
    ("mlp_step_128", "eager"): lambda: digits_step(Mlp(), adam, 128),
    ("unet_step_8", "eager"): lambda: Step(UNet(), adam, segmented(8), indices(2, (8, 128, 128), 5)),
    ("convnet_inference_64", "eager"): lambda: Inference(ConvNet(), digits(64)),
    ("convnet_inference_512", "eager"): lambda: Inference(ConvNet(), digits(512)),
    ("unet_inference_8", "eager"): lambda: Inference(UNet(), segmented(8)),
}


# Answers.


def timed(case, seconds):
    begin = time.perf_counter()
    steps = []
    while len(steps) < MIN_STEPS or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        case.step()
        steps.append(time.perf_counter() - start)
    return {"steps": steps}


def one_step_of_memory(case):
    # What making the inputs left behind would hide as much of what the step takes.
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as clear_refs:
        clear_refs.write("5")
    before = status("VmRSS")
    case.step()
    return {"before": before, "peak": status("VmHWM")}


def status(field):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def say(answer):
    print(json.dumps(answer), flush=True)


def main():
    name, variant, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(1)
    case = CASES[name, variant]()
    if case is None:
        return say({"absent": f"PyTorch {torch.__version__} has no {name} that is {variant}"})
    say({"ready": name, "version": torch.__version__})
    answers = {
        "time": lambda request: timed(case, request["seconds"]),
        "agree": lambda request: {"numbers": case.agreed()},
        "memory": lambda request: one_step_of_memory(case),
    }
    for line in sys.stdin:
        request = json.loads(line)
        say(answers[request["do"]](request))


if __name__ == "__main__":
    main()
