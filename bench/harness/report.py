"""What is written of the results: the tables, RESULTS.md, results.json."""

import json

from .cases import OPTIONS, THREADS

MIB = 1024**2
MOST = THREADS[-1]


def table(verdicts):
    """Each case against its reference, which has the bars, and against the fastest variant."""
    threads = [f"Logit, {counted(number, 'thread')}" for number in THREADS]
    header = ["case", *threads, "reference", "its time", "ratio", "bar", "the fastest", "its time", "ratio", "memory ratio", "bar", "reached"]
    return aligned(header, [row(verdict) for verdict in verdicts])


def row(verdict):
    case, reference = verdict.case, verdict.case.reference
    logit = verdict.seconds.get("logit", {})
    return [
        case.name,
        *(milliseconds(logit.get(number)) for number in THREADS),
        reference,
        milliseconds(verdict.fastest(reference)),
        share(verdict.time_ratio(reference)),
        share(case.time_bar),
        verdict.best or "–",
        milliseconds(verdict.fastest(verdict.best)),
        share(verdict.time_ratio(verdict.best)),
        share(verdict.memory_ratio(reference)),
        share(case.memory_bar),
        {True: "yes", False: "no", None: "–"}[verdict.reached],
    ]


def variants_table(verdicts):
    """Each variant of each case, Logit first."""
    header = ["case", "variant", *(counted(number, "thread") for number in THREADS), "ratio", "memory", "ratio", "ready after"]
    sides = [(verdict, side) for verdict in verdicts for side in ("logit", *verdict.variants) if side in verdict.seconds]
    return aligned(header, [variant_row(verdict, side) for verdict, side in sides])


def variant_row(verdict, side):
    ours = side == "logit"
    seconds, prepared_in = verdict.seconds[side], verdict.prepared_in.get(side)
    return [
        verdict.case.name,
        "Logit" if ours else f"{side} (fastest)" if side == verdict.best else side,
        *(milliseconds(seconds.get(number)) for number in THREADS),
        share(None if ours else verdict.time_ratio(side)),
        mebibytes(verdict.memory.get(side)),
        share(None if ours else verdict.memory_ratio(side)),
        "–" if prepared_in is None else f"{prepared_in:.1f} s",
    ]


def changes_table(changes):
    """Each case now and in the build before."""
    header = ["case", "threads", "before", "now", "now / before", "lowest round", "highest round"]
    rows = [
        [
            change.case.name,
            str(change.threads),
            milliseconds(change.before),
            milliseconds(change.now),
            *(f"{ratio:.3f}" for ratio in (change.ratio, min(change.ratios), max(change.ratios))),
        ]
        for change in changes
    ]
    return aligned(header, rows)


def aligned(header, rows):
    """A table in Markdown that reads well in a terminal too: words to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    words = [name in ("case", "variant", "reference", "the fastest") for name in header]
    rule = ["-" * width if word else "-" * (width - 1) + ":" for width, word in zip(widths, words)]
    places = [str.ljust if word else str.rjust for word in words]
    lines = [[place(cell, width) for place, cell, width in zip(places, cells, widths)] for cells in (header, *rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (lines[0], rule, *lines[1:]))


def counted(number, what):
    return f"{number} {what}{'s' * (number > 1)}"


def milliseconds(seconds):
    return "–" if seconds is None else f"{seconds * 1e3:,.{0 if seconds >= 0.1 else 2}f} ms"


def share(value):
    return "–" if value is None else f"{value:.{3 if value < 0.1 else 2}f}"


def mebibytes(size):
    return "–" if size is None else f"{size / MIB:,.1f} MiB"


def markdown(verdicts, machine, rounds, seconds):
    """RESULTS.md."""
    facts = "\n".join(f"| {name} | {value} |" for name, value in machine.items())
    cases = "\n".join(f"- `{verdict.case.name}`: {verdict.case.what}." for verdict in verdicts)
    options = "\n".join(f"- `{name}`: {what}." for name, what in OPTIONS.items())
    return f"""# Logit against PyTorch and onnxruntime

Written by `python3 bench/compare.py`: {rounds} rounds of {seconds:g} seconds for each side and number of threads, in turn.
A ratio below 1 is Logit's gain. It is Logit's time with {MOST} threads over a peer's best: over the reference, which the
bars are about (PyTorch as it is written, `eager`; for explanations `zennit`), and over the fastest of the variants that
are listed below. How they are made, and what memory means, is in [README.md](README.md).

{table(verdicts)}

![The ratios as bars](../docs/speed.svg)

## Where Logit loses or misses a bar

{shortfalls(verdicts)}

## Every variant

A ratio is again Logit over the variant. Memory is that of one step beyond its inputs, with {MOST} threads. *Ready after*
tells what comes before the first timed step and is in no other figure: the inputs and parameters are made, and, with the
options below, the network is compiled, or exported and loaded.

{variants_table(verdicts)}

{options}

A variant of several options has them joined by `+`.

## The machine

| | |
|---|---|
{facts}

## The cases

{cases}
"""


def shortfalls(verdicts):
    lines = [line for verdict in verdicts for line in shortfalls_of(verdict)]
    return "\n".join(lines) or "Nowhere: each case is faster than every variant, and each bar is reached."


def shortfalls_of(verdict):
    case, reference = verdict.case, verdict.case.reference
    time, memory = verdict.time_ratio(reference), verdict.memory_ratio(reference)
    if verdict.faster:
        each = (f"{share(verdict.time_ratio(variant))} times the time of `{variant}`" for variant in verdict.faster)
        yield f"- `{case.name}` is slower than {counted(len(verdict.faster), 'variant')}: it takes {', '.join(each)}."
    for variant, reason in verdict.left_out.items():
        yield f"- `{case.name}`: `{variant}` could not be run on this machine ({reason})."
    if time is not None and time > case.time_bar:
        yield f"- `{case.name}` takes {share(time)} of the time of `{reference}`; the bar is {share(case.time_bar)}."
    if verdict.leaner:
        each = (f"{share(verdict.memory_ratio(variant))} times that of `{variant}`" for variant in verdict.leaner)
        yield f"- `{case.name}` takes more memory than {counted(len(verdict.leaner), 'variant')}: {', '.join(each)}."
    if case.memory_bar is not None and memory is not None and memory > case.memory_bar:
        yield f"- `{case.name}` takes {share(memory)} of the memory of `{reference}`; the bar is {share(case.memory_bar)}."


def as_json(verdicts, measured, machine, rounds, seconds):
    """results.json: everything that was measured of this build and the peers, and the verdicts."""
    cases = {
        verdict.case.name: {
            "best": verdict.best,
            "time_ratio": {variant: verdict.time_ratio(variant) for variant in verdict.variants},
            "time_bar": verdict.case.time_bar,
            "memory_ratio": {variant: verdict.memory_ratio(variant) for variant in verdict.variants},
            "memory_bar": verdict.case.memory_bar,
            "reached": verdict.reached,
        }
        | {name: without_before(by_side) for name, by_side in measured[verdict.case.name].items()}
        for verdict in verdicts
    }
    whole = {"machine": machine, "rounds": rounds, "seconds_a_round": seconds, "cases": cases}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def without_before(by_side):
    """What is of this build and the peers."""
    return {side: what for side, what in by_side.items() if side != "before"}
