"""What is written of the results: the table, RESULTS.md, results.json."""

import json

from .cases import THREADS

MIB = 1024**2


def table(verdicts):
    """The table, in Markdown, aligned so that it reads well in a terminal too."""
    threads = [f"{number} thread{'s' * (number > 1)}" for number in THREADS]
    header = [
        "case",
        *(f"PyTorch, {text}" for text in threads),
        *(f"Logit, {text}" for text in threads),
        "time ratio",
        "bar",
        "memory ratio",
        "bar",
        "reached",
    ]
    rows = [row(verdict) for verdict in verdicts]
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    aligned = [[cells[0].ljust(widths[0]), *map(str.rjust, cells[1:], widths[1:])] for cells in (header, *rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (aligned[0], rule, *aligned[1:]))


def row(verdict):
    case = verdict.case
    return [
        case.name,
        *(milliseconds(verdict.torch.get(number)) for number in THREADS),
        *(milliseconds(verdict.logit.get(number)) for number in THREADS),
        share(verdict.time_ratio),
        share(case.time_bar),
        share(verdict.memory_ratio),
        share(case.memory_bar),
        {True: "yes", False: "no", None: "–"}[verdict.reached],
    ]


def milliseconds(seconds):
    return "–" if seconds is None else f"{seconds * 1e3:,.{0 if seconds >= 0.1 else 2}f} ms"


def share(value):
    return "–" if value is None else f"{value:.{3 if value < 0.1 else 2}f}"


def markdown(verdicts, machine, rounds, seconds):
    """RESULTS.md."""
    facts = "\n".join(f"| {name} | {value} |" for name, value in machine.items())
    cases = "\n".join(f"- `{verdict.case.name}`: {verdict.case.what}." for verdict in verdicts)
    return f"""# Logit against PyTorch

Written by `python3 bench/compare.py`: {rounds} rounds of {seconds:g} seconds for each side and number of threads, in turn.
A ratio below 1 is Logit's gain. It is Logit's time with {THREADS[-1]} threads over PyTorch's best; how it is made, and
what memory means, is in [README.md](README.md).

{table(verdicts)}

![The ratios as bars](../docs/speed.svg)

## Where Logit loses or misses a bar

{shortfalls(verdicts)}

## Memory of one step

Beyond the inputs, with {THREADS[-1]} threads, in a process that has done no step before.

{memory_table(verdicts)}

## The machine

| | |
|---|---|
{facts}

## The cases

{cases}
"""


def shortfalls(verdicts):
    lines = [line for verdict in verdicts for line in shortfalls_of(verdict)]
    return "\n".join(lines) or "Nowhere: each case is faster than PyTorch, and each bar is reached."


def shortfalls_of(verdict):
    case, time, memory = verdict.case, verdict.time_ratio, verdict.memory_ratio
    if verdict.slower:
        yield f"- `{case.name}` is slower than PyTorch: {share(time)} times its time; the bar is {share(case.time_bar)}."
    elif time is not None and time > case.time_bar:
        yield f"- `{case.name}` takes {share(time)} of PyTorch's time; the bar is {share(case.time_bar)}."
    if case.memory_bar is not None and memory is not None and memory > case.memory_bar:
        yield f"- `{case.name}` takes {share(memory)} of PyTorch's extra memory; the bar is {share(case.memory_bar)}."


def memory_table(verdicts):
    rows = [
        f"| {verdict.case.name} | {mebibytes(verdict.memory.get('logit'))} | {variant} "
        f"| {mebibytes(verdict.memory[variant])} | {'yes' if variant == verdict.variant else 'no'} |"
        for verdict in verdicts
        for variant in verdict.case.variants
        if variant in verdict.memory
    ]
    header = "| case | Logit | PyTorch's way | PyTorch | counts |\n|---|---:|---|---:|---|"
    return "\n".join([header, *rows])


def mebibytes(size):
    return "–" if size is None else f"{size / MIB:,.1f} MiB"


def as_json(verdicts, measured, machine, rounds, seconds):
    """results.json: everything that was measured, and the verdicts."""
    cases = {
        verdict.case.name: {
            "time_ratio": verdict.time_ratio,
            "time_bar": verdict.case.time_bar,
            "memory_ratio": verdict.memory_ratio,
            "memory_bar": verdict.case.memory_bar,
            "reached": verdict.reached,
            "pytorch_variant": verdict.variant,
        }
        | measured[verdict.case.name]
        for verdict in verdicts
    }
    whole = {"machine": machine, "rounds": rounds, "seconds_a_round": seconds, "cases": cases}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
