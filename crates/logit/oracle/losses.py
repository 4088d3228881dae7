"""Writes the fixtures that the losses of the crate are tested against: values and gradients, in float64.

Each loss is here twice: as a formula (loss_formulas.py) and as a peer, the function of a library that defines it
(loss_peers.py). Both must agree wherever the peer is defined; the fixture holds the peer's numbers there and the
formula's elsewhere. README.md beside this file says how to run it and what a fixture holds.
"""

import argparse
import json
import random
from pathlib import Path

import torch

import loss_differences
import loss_formulas
import loss_peers
from loss_cases import CASES
from loss_draws import draw_cotangent, draw_logits, draw_targets

FIXTURES = Path(__file__).resolve().parents[1] / "tests" / "fixtures" / "losses"
F32_PEERS = ("lovasz",)  # the peer cannot take float64: it checks the formula and the fixture is the formula's
F32_TOLERANCE = 1e-5
TARGET_KINDS = {"index": "index", "distribution": "distribution"}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--fixtures", type=Path, default=FIXTURES, help="the folder to write to")
    folder = arguments.parse_args().fixtures
    folder.mkdir(parents=True, exist_ok=True)
    loss_differences.check()
    for loss, cases in CASES.items():
        assert len({case.name for case in cases}) == len(cases), f"{loss}: two cases of one name"
        records = [record(loss, case) for case in cases]
        lines = ",\n".join(json.dumps(fixture, separators=(",", ":"), allow_nan=False) for fixture, _, _ in records)
        (folder / f"{loss}.json").write_text(f"[\n{lines}\n]\n")
        with_peer = sum(had_peer for _, had_peer, _ in records)
        worst = max(error for _, _, error in records)
        print(f"{loss}: {len(records)} cases, {with_peer} with a peer, worst f32 error {worst:.1e}")


def record(loss, case):
    """One case of a fixture, whether a peer confirmed it, and the error of the formula in f32 against it."""
    rng = random.Random(f"{loss}: {case.name}")
    logits, targets = draw_logits(rng, case), draw_targets(rng, case)
    formula, peer = getattr(loss_formulas, loss), getattr(loss_peers, loss, lambda *_, **__: None)
    cotangent = draw_cotangent(rng, formula(logits, targets, case.kind, **case.options))
    value, gradient = evaluate(formula, case, logits, targets, cotangent)
    where = f"{loss}: {case.name}"
    dtype = torch.float32 if loss in F32_PEERS else torch.float64
    theirs = evaluate(peer, case, logits.to(dtype), targets, cotangent)
    if theirs:
        limit = F32_TOLERANCE if loss in F32_PEERS else 1e-11
        agree(theirs[0], value, limit, f"{where}: the peer's value")
        if theirs[1] is not None:
            agree(theirs[1], gradient, limit, f"{where}: the peer's gradient")
            value, gradient = (value, gradient) if loss in F32_PEERS else theirs
    if logits.abs().max() < 1000:
        check_finite_differences(formula, case, logits, targets, where)
    error = check_f32(formula, case, (logits, targets, cotangent), (value, gradient), where)
    return fixture(case, logits, targets, value, gradient, cotangent), bool(theirs), error


def evaluate(function, case, logits, targets, cotangent):
    """The loss and its gradient, None for the gradient of a peer that has none; nothing where it is not defined."""
    x = logits.clone().requires_grad_()
    if targets.is_floating_point():
        targets = targets.to(x.dtype)
    loss = function(x, targets, case.kind, **case.options)
    if loss is None:
        return None
    if not loss.requires_grad:
        return loss, None
    total = (loss * cotangent.to(x.dtype)).sum() if loss.dim() else loss
    return loss.detach(), torch.autograd.grad(total, x)[0]


def relative_error(ours, theirs):
    """Norm-wise: max |a - b| / max |b|; where b is all zeros, a must be too."""
    assert ours.shape == theirs.shape, f"shapes {list(ours.shape)} and {list(theirs.shape)}"
    difference = (ours.double() - theirs.double()).abs().max()
    return (difference / theirs.abs().max()).item() if difference > 0 else 0.0


def agree(ours, theirs, limit, what):
    error = relative_error(ours, theirs)
    assert error < limit, f"{what} is {error:.1e} away:\n{ours}\n{theirs}"
    return error


def check_finite_differences(formula, case, logits, targets, where):
    """Central differences in float64 against autograd, for every element of the loss."""
    x = logits.clone().requires_grad_()
    same = torch.autograd.gradcheck(lambda x: formula(x, targets, case.kind, **case.options), x, eps=1e-6, atol=1e-7,
                                    rtol=1e-5, raise_exception=False)
    assert same, f"{where}: the gradient is not that of finite differences"


def check_f32(formula, case, inputs, expected, where):
    """A sound f32 implementation must be able to meet the fixture: well within the tolerance, and no vanishing norm."""
    logits, targets, cotangent = inputs
    ours = evaluate(formula, case, logits.float(), targets, cotangent)
    for name, number in zip(("loss", "gradient"), expected):
        largest = number.abs().max()
        assert torch.isfinite(number).all() and (largest == 0 or largest > 1e-6), f"{where}: {name} {number}"
    return max(agree(a, b, F32_TOLERANCE / 2, f"{where}: in f32") for a, b in zip(ours, expected))


def fixture(case, logits, targets, value, gradient, cotangent):
    record = {
        "name": case.name,
        "options": case.options,
        "kind": case.kind,
        "shape": list(logits.shape),
        "logits": numbers(logits),
        "target_kind": TARGET_KINDS.get(case.target, "dense"),
        "target_shape": list(targets.shape),
        "targets": numbers(targets),
        "loss": numbers(value) if value.dim() else value.item(),
        "grad": numbers(gradient),
    }
    return record | {"cotangent": numbers(cotangent)} if value.dim() else record


def numbers(tensor):
    """A flat list, row by row; whole numbers without a fraction, which is shorter and no less exact."""
    return [int(x) if x == int(x) else x for x in tensor.flatten().tolist()]


if __name__ == "__main__":
    main()
