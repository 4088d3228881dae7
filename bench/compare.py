#!/usr/bin/env python3
"""Compares Logit's speed and memory with those of its peers; see README.md beside this file."""

import argparse
import math
import pathlib
import subprocess
import sys
import tempfile

from harness import cold, environment, measure, plot, report
from harness.cases import ALL, CAPTUM, COLD, EAGER, ONNX, ZENNIT
from harness.verdict import changes, judge
from harness.worker import WorkerError


def main():
    arguments = parse()
    with tempfile.TemporaryDirectory() as scratch:
        sides = environment.prepare(arguments.only, arguments.python, arguments.before, pathlib.Path(scratch))
        machine = environment.describe()
        measured = {case.name: run(case, sides, arguments) for case in arguments.cases}
    verdicts = [judge(case, measured[case.name]) for case in arguments.cases]
    print(report.table(verdicts), report.variants_table(verdicts), sep="\n\n")
    if not arguments.only:
        print("\n" + report.shortfalls(verdicts))
    if arguments.before:
        changed = [change for case in arguments.cases for change in changes(case, measured[case.name])]
        print("\n" + report.changes_table(changed))
    if arguments.only or tuple(arguments.cases) != ALL:
        note("results are written only by a run of all cases on both sides")
        return
    write(verdicts, measured, machine | versions(measured), arguments)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=named, default=ALL, metavar="A,B", help="only these, by name")
    parser.add_argument("--rounds", type=positive(int), default=5, help="rounds of each process [5]")
    parser.add_argument("--seconds", type=positive(float), default=0.5, help="seconds per round [0.5]")
    parser.add_argument("--only", choices=["ours", "torch"], help="measure Logit or the peers alone")
    parser.add_argument(
        "--python", type=pathlib.Path, help="an interpreter with requirements.txt installed [bench/.venv, made if absent]"
    )
    parser.add_argument(
        "--before", type=pathlib.Path, metavar="LOGIT_BENCH", help="compare with this build too; `logit` lies beside it"
    )
    return parser.parse_args()


def named(text):
    """The cases of a comma-separated list, in their own order."""
    known = [case.name for case in ALL]
    names = text.split(",")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"no case `{unknown[0]}`; there are {', '.join(known)}")
    return [case for case in ALL if case.name in names]


def positive(kind):
    def read(text):
        value = kind(text)
        if not 0 < value < math.inf:
            raise argparse.ArgumentTypeError(f"`{text}` is not above 0")
        return value

    return read


def run(case, sides, arguments):
    def say(text):
        note(f"{case.name}: {text}")

    if case is COLD:
        return cold.measure(sides, arguments.rounds, say)
    return measure.measure(case, sides, arguments.rounds, arguments.seconds, say)


def versions(measured):
    """The versions of the peers."""
    told = [case["versions"] for case in measured.values()]
    return {
        peer: next((by_side[side] for by_side in told if side in by_side), "not measured")
        for peer, side in (("PyTorch", EAGER), ("onnxruntime", ONNX), ("zennit", ZENNIT), ("captum", CAPTUM))
    }


def write(verdicts, measured, machine, arguments):
    settings = machine, arguments.rounds, arguments.seconds
    files = {
        environment.BENCH / "results.json": report.as_json(verdicts, measured, *settings),
        environment.BENCH / "RESULTS.md": report.markdown(verdicts, *settings),
        environment.ROOT / "docs/speed.svg": plot.svg(verdicts),
    }
    for path, text in files.items():
        path.write_text(text)
        note(f"wrote {path.relative_to(environment.ROOT)}")


def note(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except (WorkerError, measure.Mismatch, environment.Missing) as failure:
        sys.exit(f"compare.py: {failure}")
    except subprocess.CalledProcessError as failure:
        errors = (failure.stderr or b"").decode(errors="replace").strip()
        sys.exit(f"compare.py: {failure}" + (f"\n{errors}" if errors else ""))
