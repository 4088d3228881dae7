"""What the comparison runs on: PyTorch's interpreter, Logit's binaries, the machine."""

import datetime
import os
import pathlib
import platform
import re
import subprocess
import sys
import venv
from dataclasses import dataclass

BENCH = pathlib.Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
ENVIRONMENT = BENCH / ".venv"


@dataclass(frozen=True)
class Sides:
    """How to start each side; None for the one that is left out."""

    logit_bench: pathlib.Path | None
    logit: pathlib.Path | None
    python: pathlib.Path | None

    def worker(self, side, case, threads):
        """The command that prepares a case. `side` is "logit", or one of the case's variants in PyTorch."""
        if side == "logit":
            return [self.logit_bench, case.name]
        return [self.python, BENCH / "torch_side.py", case.name, side, threads]

    def of(self, case):
        """The sides that are compared in a case."""
        logit = ("logit",) if self.logit_bench else ()
        return logit + (case.variants if self.python else ())


def prepare(only, python):
    """Makes both sides ready: builds Logit, and installs PyTorch if no interpreter is given."""
    binaries = build() if only != "torch" else (None, None)
    interpreter = (python or install()) if only != "ours" else None
    return Sides(*binaries, interpreter)


def build():
    """Builds Logit in release mode; the paths of the two binaries."""
    subprocess.run(
        ["cargo", "build", "--release", "--locked", "-p", "logit-bench", "-p", "logit-cli"], cwd=ROOT, check=True
    )
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return ROOT / target / "release/logit-bench", ROOT / target / "release/logit"


def install():
    """A virtual environment with PyTorch, made at the first run."""
    python = ENVIRONMENT / "bin/python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    probe = subprocess.run([python, "-c", "import torch"], capture_output=True)
    if probe.returncode != 0:
        print("installing PyTorch in bench/.venv …", file=sys.stderr)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "torch"], check=True)
    return python


def describe():
    """The machine and the versions, as a table of texts."""
    return {
        "date": datetime.date.today().isoformat(),
        "processor": first_match("/proc/cpuinfo", r"^model name\s*: (.+)$"),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": memory(),
        "system": platform.system(),
        "Logit": commit(),
        "Burn": first_match(ROOT / "Cargo.lock", r'^name = "burn"\nversion = "(.+)"$'),
        "Rust": output(["rustc", "--version"]),
        "Python": platform.python_version(),
    }


def memory():
    kibibytes = first_match("/proc/meminfo", r"^MemTotal:\s*(\d+)")
    return f"{int(kibibytes) / 1024**2:.0f} GiB" if kibibytes.isdecimal() else kibibytes


def commit():
    """The commit, and whether files differ from it; the comparison's own results do not count."""
    revision = output(["git", "rev-parse", "--short=12", "HEAD"])
    results = [":!bench/RESULTS.md", ":!bench/results.json", ":!docs/speed.svg"]
    changed = output(["git", "status", "--porcelain", "--", ".", *results])
    return f"{revision} with changes" if changed else revision


def first_match(path, pattern):
    found = re.search(pattern, pathlib.Path(path).read_text(), re.MULTILINE)
    return found[1] if found else "unknown"


def output(command):
    try:
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return ran.stdout.strip()
