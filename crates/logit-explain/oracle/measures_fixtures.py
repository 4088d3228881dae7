"""Writes measures of maps to `../tests/fixtures/measures.json`, for nets of `zennit_fixtures.py`, which is run first.

    python measures_fixtures.py

Each net of the file has its perturbations [perturbations, samples, ...] and masks [samples, ...], and the measures of some
of its maps, which are those of the net's own file, by the same name. What is measured is said in `measures.py`.
"""

import json

import torch
from zennit.attribution import Gradient

import fixture
import gradients
import measures
import relevances
from nets import NETS, drawn

MEASURED = ("zplus_without_bias", "EpsilonPlus", "gradient", "gradient_x_input")


def main():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    judged = {}
    for make, seed, samples in NETS[:2]:
        net, inputs, targets = drawn(make, seed, samples)
        stored = json.loads((fixture.FOLDER / f"{net.name}.json").read_text())
        maps = {name: read(stored, name) for name in MEASURED}
        judged[net.name] = measures.of(net, inputs, targets, maps, anew(net, targets))
    fixture.write("measures", {"made_with": fixture.versions(), **rounded(judged)})


def read(stored, name):
    array = (stored["relevances"] | stored["maps"])[name]["input"]
    return torch.tensor(array["values"]).view(array["shape"])


def anew(net, targets):
    """The maps that are also made for perturbed inputs, for which captum repeats each sample."""

    def again(inputs):
        return targets.repeat_interleave(len(inputs) // len(targets))

    def epsilon_plus(inputs):
        of = again(inputs)
        composite, options = relevances.named(net)["EpsilonPlus"]
        with Gradient(net, composite(**options, **relevances.merged())) as attributor:
            return attributor(inputs, lambda output: torch.nn.functional.one_hot(of, output.shape[1]).to(output))[1]

    return {"gradient": lambda inputs: gradients.gradient_at(net, inputs, again(inputs)), "EpsilonPlus": epsilon_plus}


def rounded(value):
    """Every number of a nested value with the digits of all fixtures."""
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return float(f"{value:.{fixture.DIGITS}g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
