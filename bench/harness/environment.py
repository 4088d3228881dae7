"""What the comparison runs on: the peers' interpreter, Logit's binaries, the machine."""

import datetime
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass

from .cases import ONNX

BENCH = pathlib.Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
ENVIRONMENT = BENCH / ".venv"
REQUIREMENTS = BENCH / "requirements.txt"


@dataclass(frozen=True)
class Sides:
    """How to start each side; None for one that is left out."""

    logit: "Build | None"
    before: "Build | None"
    python: pathlib.Path | None
    scratch: pathlib.Path
    """A folder for networks that are exported and code that is compiled."""

    def worker(self, side, case, threads):
        """The command that prepares a case. `side` is "logit", "before" or one of the case's variants."""
        if side in self.builds():
            return [self.builds()[side].bench, case.name]
        if side == ONNX:
            return [self.python, BENCH / "onnx_side.py", case.name, self.scratch / f"{case.name}.onnx", threads]
        return [self.python, BENCH / case.script, case.name, side, threads]

    def builds(self):
        """Logit's builds by the side they are."""
        builds = {"logit": self.logit, "before": self.before}
        return {side: build for side, build in builds.items() if build}

    def of(self, case):
        """The sides that are compared in a case."""
        return (*self.builds(), *(case.variants if self.python else ()))


@dataclass(frozen=True)
class Build:
    """The binaries of a commit, in one folder."""

    bench: pathlib.Path

    @property
    def logit(self):
        """The command `logit` beside the binary that measures."""
        return self.bench.with_name("logit")

    def copied(self, folder):
        """The same binaries, copied: how a file came to be decides how it lies in memory, and so how fast a process starts."""
        folder.mkdir()
        for binary in (self.bench, self.logit):
            shutil.copy2(binary, folder)
        return Build(folder / self.bench.name)


class Missing(Exception):
    """Something that the comparison needs is not there."""


def prepare(only, python, before, scratch):
    """Makes all sides ready: builds Logit, and installs the peers if no interpreter is given."""
    earlier = Build(there(before.resolve())).copied(scratch / "before") if before else None
    logit = build().copied(scratch / "now") if only != "torch" else None
    interpreter = ready(python or install()) if only != "ours" else None
    # Empty at the start, so that the time to compile is that of a user's first time.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(scratch / "compiled")
    return Sides(logit, earlier, interpreter, scratch)


def there(bench):
    """A build's binary that measures, if `logit` is beside it."""
    for path in (bench, Build(bench).logit):
        if not path.is_file():
            raise Missing(f"there is no {path}: `--before` needs `logit-bench` and, beside it, `logit`")
    return bench


def build():
    """Builds Logit in release mode."""
    subprocess.run(
        ["cargo", "build", "--release", "--locked", "-p", "logit-bench", "-p", "logit-cli"], cwd=ROOT, check=True
    )
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return Build(ROOT / target / "release/logit-bench")


def install():
    """A virtual environment with the peers, made at the first run."""
    python = ENVIRONMENT / "bin/python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
        print("installing PyTorch and onnxruntime in bench/.venv …", file=sys.stderr)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", REQUIREMENTS], check=True)
    return python


def ready(python):
    """An interpreter, if it has what the peers need, and the machine has what they compile with."""
    probe = subprocess.run([python, "-c", "import torch, onnx, onnxruntime, onnxscript, zennit, captum"], capture_output=True, text=True)
    if probe.returncode != 0:
        reason = probe.stderr.strip().splitlines()[-1]
        raise Missing(f"{reason}: run `{python} -m pip install -r {REQUIREMENTS.relative_to(ROOT)}`")
    if not shutil.which("g++"):
        raise Missing("there is no g++, which torch.compile needs: install it, on Debian by `apt-get install g++`")
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
        "g++": output(["g++", "-dumpfullversion"]),
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
