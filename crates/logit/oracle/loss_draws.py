"""A case, and how its logits and targets are drawn."""

from dataclasses import dataclass, field

import torch

SOME, ALL_BUT_ONE, ALL = "some ignored", "all but one ignored", "all ignored"


@dataclass(frozen=True)
class Case:
    """`logits` and `pattern` name how the logits and the targets are drawn; `options` are the loss's own."""

    kind: str
    shape: list
    target: str
    options: dict = field(default_factory=dict)
    logits: str = "random"
    pattern: str = "random"

    @property
    def name(self):
        words = [self.kind, self.target, "x".join(map(str, self.shape))]
        words += [] if self.logits == "random" else [f"{self.logits} logits"]
        words += [] if self.pattern == "random" else [f"targets {self.pattern}"]
        for key, value in self.options.items():
            if isinstance(value, list):
                words.append(f"{key} with a zero" if 0.0 in value else key)
            else:
                words.append(key if value is True else f"{key}={value}")
        return ", ".join(words)


def short(x):
    """The nearest multiple of 1/256: few digits to store, and exact in f32, so that the crate reads what we read."""
    return round(x * 256) / 256


def draw_logits(rng, case):
    logits = draw_any_logits(rng, case)
    while case.logits == "random" and logits.abs().unique().numel() < logits.numel():
        logits = draw_any_logits(rng, case)  # two of one magnitude may tie in a Lovász hinge
    return logits


def draw_any_logits(rng, case):
    """Axis 1 is last while drawn, so that a pattern can hold along it."""
    samples, units, *positions = case.shape
    rows = samples * torch.Size(positions).numel()
    logits = torch.tensor([LOGITS[case.logits](rng, units) for _ in range(rows)], dtype=torch.float64)
    if case.kind == "gaussian" and case.logits == "large":  # log variances stay moderate: exp(1e4) is no number
        log_variances = [LOGITS["random"](rng, units // 2) for _ in range(rows)]
        logits[:, units // 2:] = torch.tensor(log_variances, dtype=torch.float64)
    return logits.reshape(samples, *positions, units).movedim(-1, 1).contiguous()


def large(rng, units):
    """Up to 1e4 in magnitude, and 1000 apart: softmax and sigmoid are exactly 0 or 1 in f32 and in f64."""
    row = [rng.choice((-1, 1)) * short(1e4 - 1500 * i - rng.uniform(0, 500)) for i in range(units)]
    rng.shuffle(row)
    return row


LOGITS = {
    "random": lambda rng, units: [short(rng.gauss(0, 1.5)) for _ in range(units)],
    "wide": lambda rng, units: [short(rng.gauss(0, 6)) for _ in range(units)],
    "equal": lambda rng, units: [0.75] * units,
    "large": large,
}


def distribution(rng, case):
    """64 parts dealt to the classes, some of which may get none: multiples of 1/64 that sum to one."""
    samples, units, *positions = case.shape
    rows = torch.zeros(samples, *positions, units, dtype=torch.float64)
    for row in rows.reshape(-1, units):
        cuts = sorted(rng.choice((0, 64, rng.randrange(65))) for _ in range(units - 1))
        row += torch.tensor([b - a for a, b in zip([0, *cuts], [*cuts, 64])]) / 64
    return rows.movedim(-1, 1).contiguous()


def real(rng, case):
    shape = list(case.shape)
    shape[1] //= {"gaussian": 2, "quantiles": len(case.options.get("levels", [0]))}.get(case.kind, 1)
    return draw(shape, lambda: short(rng.gauss(0, 1.5)))


def whole(rng, case):
    low, step = case.options["low"], (case.options["high"] - case.options["low"]) / (case.options["steps"] - 1)
    return draw(case.shape[:1], lambda: low + step * rng.randrange(case.options["steps"]))


def fractional(rng, case):
    low, high = case.options["low"], case.options["high"]
    targets = draw(case.shape[:1], lambda: short(rng.uniform(low, high)))
    targets[:2] = torch.tensor([low, high])
    return targets


def draw(shape, number, dtype=torch.float64):
    return torch.tensor([number() for _ in range(torch.Size(shape).numel())], dtype=dtype).reshape(shape)


TARGETS = {
    "index": lambda rng, case: draw([case.shape[0], *case.shape[2:]], lambda: rng.randrange(case.shape[1]), torch.long),
    "distribution": distribution,
    "hard": lambda rng, case: draw(case.shape, lambda: rng.randrange(2)),
    "soft": lambda rng, case: draw(case.shape, lambda: rng.randrange(9) / 8),
    "real": real,
    "whole": whole,
    "fractional": fractional,
}


def draw_targets(rng, case):
    targets = TARGETS[case.target](rng, case)
    flat, ignored = targets.view(-1), case.options.get("ignore_index")
    if case.pattern == "one class":
        targets.fill_(1)
    if case.pattern == "absent" and case.target == "index":
        targets[targets == case.shape[1] - 1] = 0
    elif case.pattern == "absent":
        targets[:, -1] = 0
    if case.pattern == "empty sample":
        targets[0] = 0
    if case.pattern == SOME:
        flat[0], flat[1] = ignored, 1
        flat[2:][torch.tensor([rng.random() < 0.3 for _ in flat[2:]], dtype=torch.bool)] = ignored
        assert not case.options.get("per_sample") or (targets != ignored).flatten(1).any(1).all()
    if case.pattern in (ALL_BUT_ONE, ALL):
        targets.fill_(ignored)
        flat[1] = 1 if case.pattern == ALL_BUT_ONE else ignored
    return targets


def draw_cotangent(rng, like):
    return draw(like.shape, lambda: short(rng.gauss(0, 1)))
