"""Writes what zennit, captum and torch compute of small networks to `../tests/fixtures`, in double precision.

    python zennit_fixtures.py

Made with Python 3.11, torch 2.15.0, zennit 1.0.0 and captum 0.9.0 (`pip install torch zennit captum torchvision`; zennit
1.0.0 asks for Python 3.11.11 or newer). The seed of each net is fixed: a second run writes the same files.

A file holds a net as a table of steps. Value 0 is the input, and step `i` makes value `i + 1` from the values in `inputs`.
Arrays are `{"shape", "values"}`, in row order. `relevances` are zennit's, each with the rule of the layers with weights
(`first`: another for the first of them), the rule that every step was given (`assigned`; `gradient`: none), and where
relevance starts: at 1 or at the value of the target's output. `maps` are captum's.

Zennit is run, never copied from: `rule_formulas.py` says each rule in our own words and is compared with it first.
"""

import torch

import fixture
import gradients
import relevances
import rule_formulas
from nets import NETS, drawn, rounded


def main():
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    rule_formulas.check()
    for make, seed, samples in NETS:
        net, inputs, targets = drawn(make, seed, samples)
        outputs = net(inputs)
        written = content(net, inputs, targets, outputs, wider_than(net))
        for name, entry in written["relevances"].items():
            assert (torch.tensor(entry["input"]["values"]).view(samples, -1) != 0).any(1).all(), f"{net.name}: {name} is 0"
        fixture.write(net.name, written)
        assert torch.allclose(net(inputs), outputs, rtol=1e-13, atol=0), f"{net.name} was changed by what explained it"


def wider_than(net):
    """Bounds that differ from feature to feature, and hold the box of the inputs."""
    low, high = net.box
    return rounded(low - torch.rand(1, *net.input_shape) / 2), rounded(high + torch.rand(1, *net.input_shape) / 2)


def content(net, inputs, targets, outputs, bounds):
    return {
        "name": net.name,
        "made_with": fixture.versions(),
        "weight_layout": "torch: dense [out, in], convolution [out, in/groups, h, w], transposed [in, out/groups, h, w]",
        "box": net.box,
        "inputs": fixture.array(inputs),
        "steps": [fixture.step(step) for step in net.steps],
        "output": fixture.array(outputs),
        "targets": targets.tolist(),
        "relevances": relevances.of(net, inputs, targets, bounds),
        "maps": gradients.of(net, inputs, targets),
    }


if __name__ == "__main__":
    main()
