"""PyTorch's side of the comparison: a process that prepares one case, then answers as `serving` says.

    python torch_side.py CASE VARIANT THREADS
    python torch_side.py CASE export FILE        writes the network of a case for onnxruntime, and FILE.npy, its input
"""

import math
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from serving import serve
from torch_data import indices, sparse_ones, uniform
from torch_models import ConvNet, Mlp, UNet, export
from torch_variants import way

LOSS_SCALE = 4.0
SEED = 1
WARM_UP_STEPS = 3


class Gradients:
    """A loss and its gradients for its inputs."""

    def __init__(self, way, inputs, forward):
        self.inputs = [tensor.requires_grad_() for tensor in inputs]
        self.forward = way.of(forward)

    def step(self):
        self.forget()
        loss = self.forward(*self.inputs)
        loss.backward()
        return loss

    def forget(self):
        for tensor in self.inputs:
            tensor.grad = None

    def agreed(self):
        loss = self.step().item()
        return {"loss": loss, "gradient norm": norm(tensor.grad for tensor in self.inputs)}


class Step:
    """A step of training: forward, loss, backward, update."""

    def __init__(self, way, model, optimizer, images, targets):
        self.way, self.model, self.make_optimizer = way, model, optimizer
        self.images, self.targets = way.laid_out(images), targets
        self.use(model())

    def use(self, net):
        """Takes up the training of a network."""
        self.net = self.way.laid_out(net).train()
        self.loss = self.way.of(lambda images, targets: F.cross_entropy(self.net(images), targets))
        self.optimizer = self.make_optimizer(self.net.parameters(), **self.way.optimizer)

    def step(self):
        self.optimizer.zero_grad()
        loss = self.loss(self.images, self.targets)
        loss.backward()
        self.optimizer.step()
        return loss

    def forget(self):
        self.optimizer.zero_grad()
        self.optimizer.state.clear()

    def agreed(self):
        """Of a step of the network as it was drawn, without dropout, whose numbers depend on the variant."""
        if self.way.compile is not None:
            torch.compiler.reset()
        torch.manual_seed(SEED)
        net = self.model()
        for module in net.modules():
            if isinstance(module, (nn.Dropout, nn.Dropout2d)):
                module.p = 0.0
        self.use(net)
        loss = self.step().item()
        return {
            "numbers in the model": numbers_in(net),
            "loss": loss,
            "gradient norm": norm(parameter.grad for parameter in net.parameters()),
            "norm of the weights after the step": norm(net.parameters()),
        }


class Inference:
    """Predictions of a batch, outside of training."""

    def __init__(self, way, net, images):
        self.net, self.images = way.laid_out(net).eval(), way.laid_out(images)
        self.forward = way.of(lambda images: self.net(images))

    @torch.inference_mode()
    def step(self):
        return self.forward(self.images)

    def forget(self):
        pass

    def agreed(self):
        return {"numbers in the model": numbers_in(self.net), **told_by(self.step())}


def told_by(logits):
    """Numbers that tell logits from others: how many, how large, and which is which."""
    targets = indices(2, (logits.shape[0], *logits.shape[2:]), logits.shape[1])
    return {
        "numbers in the logits": logits.numel(),
        "norm of the logits": norm([logits]),
        "cross entropy of the logits": F.cross_entropy(logits, targets).item(),
    }


def norm(tensors):
    return math.hypot(*(torch.linalg.vector_norm(tensor, dtype=torch.float64).item() for tensor in tensors))


def numbers_in(net):
    """Parameters and running statistics, but not the count of batches that batch norm keeps."""
    return sum(tensor.numel() for tensor in net.state_dict().values() if tensor.is_floating_point())


def sgd(parameters, **options):
    return torch.optim.SGD(parameters, lr=0.01, **options)


def adam(parameters, **options):
    return torch.optim.Adam(parameters, lr=1e-3, **options)


# The cases.


def cross_entropy(way):
    targets = indices(2, (65536,), 1000)
    return Gradients(way, [uniform(1, (65536, 1000), LOSS_SCALE)], lambda logits: F.cross_entropy(logits, targets))


def per_pixel(way):
    targets = indices(2, (8, 256, 256), 5)
    logits = uniform(1, (8, 5, 256, 256), LOSS_SCALE)
    return Gradients(way, [logits], lambda logits: F.cross_entropy(logits, targets))


def multi_label(way):
    targets = sparse_ones(2, (4096, 1000), 20)
    pos_weight = 1.0 + torch.arange(1000).remainder(16).float()
    loss = nn.BCEWithLogitsLoss(pos_weight=pos_weight)
    return Gradients(way, [uniform(1, (4096, 1000), LOSS_SCALE)], lambda logits: loss(logits, targets))


def linear_cross_entropy(way):
    targets = indices(3, (2048,), 32768)
    features = uniform(1, (2048, 512), 1.0)
    # Logit keeps the matrix as [features, classes], PyTorch as [classes, features].
    weight = uniform(2, (512, 32768), 0.1).t().contiguous()
    options = nn.LinearCrossEntropyOptions() if way.chunked else None

    def loss(features, weight):
        if options is None:
            return F.cross_entropy(F.linear(features, weight), targets)
        return F.linear_cross_entropy(features, weight, targets, options=options)

    return Gradients(way, [features, weight], loss)


def digits(batch):
    return uniform(1, (batch, 1, 28, 28), 1.0)


def digits_step(way, model, optimizer, batch):
    return Step(way, model, optimizer, digits(batch), indices(2, (batch,), 10))


def segmented(batch):
    return uniform(1, (batch, 3, 128, 128), 1.0)


CASES = {
    "cross_entropy": cross_entropy,
    "per_pixel": per_pixel,
    "multi_label": multi_label,
    "linear_cross_entropy": linear_cross_entropy,
    "mnist_step_64": lambda way: digits_step(way, ConvNet, sgd, 64),
    "mnist_step_512": lambda way: digits_step(way, ConvNet, sgd, 512),
    "mlp_step_128": lambda way: digits_step(way, Mlp, adam, 128),
    "unet_step_8": lambda way: Step(way, UNet, adam, segmented(8), indices(2, (8, 128, 128), 5)),
    "convnet_inference_64": lambda way: Inference(way, ConvNet(), digits(64)),
    "convnet_inference_512": lambda way: Inference(way, ConvNet(), digits(512)),
    "unet_inference_8": lambda way: Inference(way, UNet(), segmented(8)),
}


def prepare(name, way):
    """The case; one that is compiled has done its first steps, since those compile, and has let go of their memory."""
    case = CASES[name](way)
    if way.compile is not None:
        for _ in range(WARM_UP_STEPS):
            case.step()
        case.forget()
    return case


def main():
    name, variant, last = sys.argv[1:]
    torch.manual_seed(SEED)
    if variant == "export":
        case = CASES[name](way("eager"))
        numpy.save(f"{last}.npy", case.images.numpy())
        return export(case.net, case.images, last)
    torch.set_num_threads(int(last))
    torch.set_num_interop_threads(1)
    serve(lambda: prepare(name, way(variant)), torch.__version__)


if __name__ == "__main__":
    main()
