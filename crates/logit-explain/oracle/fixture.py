"""How a net and what was computed of it are written as JSON."""

import importlib.metadata
import json
import pathlib
import platform

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests/fixtures"
DIGITS = 13
"""Significant digits of computed numbers; what is drawn has fewer and is exact."""

PARAMETERS = {
    "dense": {"weight": "weight", "bias": "bias"},
    "conv2d": {"weight": "weight", "bias": "bias"},
    "conv_transpose2d": {"weight": "weight", "bias": "bias"},
    "batch_norm": {"weight": "gamma", "bias": "beta", "running_mean": "running_mean", "running_var": "running_var"},
}
"""The tensors of each kind of step: their names in torch and in the file."""


def versions():
    packages = {name: importlib.metadata.version(name) for name in ("torch", "zennit", "captum")}
    return packages | {"python": platform.python_version()}


def array(tensor):
    values = [float(f"{number:.{DIGITS}g}") for number in tensor.detach().flatten().tolist()]
    return {"shape": list(tensor.shape), "values": values}


def step(step):
    tensors = {
        told: array(getattr(step.module, name))
        for name, told in PARAMETERS.get(step.kind, {}).items()
        if getattr(step.module, name) is not None
    }
    return {"name": step.name, "kind": step.kind, "inputs": step.inputs, **step.settings, **tensors}


def write(name, content):
    """A line per entry of the lists and tables at the top, so that files can be read and compared."""
    lines = []
    for key, value in content.items():
        if key in ("steps", "relevances", "maps"):
            opened, closed = "[]" if isinstance(value, list) else "{}"
            entries = value if isinstance(value, list) else value.items()
            told = [dump(e) if isinstance(value, list) else f"{dump(e[0])}:{dump(e[1])}" for e in entries]
            lines.append(f"{dump(key)}:{opened}\n" + ",\n".join(told) + f"\n{closed}")
        else:
            lines.append(f"{dump(key)}:{dump(value)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text("{" + ",\n".join(lines) + "}\n")
    print(f"{path.name}: {path.stat().st_size // 1000} kB")


def dump(value):
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
