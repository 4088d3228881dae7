"""The cold prediction: whole processes, from start to exit."""

import pathlib
import struct
import subprocess
import tempfile
import time
import zlib

from .cases import THREADS
from .environment import BENCH
from .measure import SETTLE_SECONDS, summary
from .worker import environment

SIDE = 28


def measure(sides, rounds, note):
    """Wall times of the processes of both sides, in turn, as `measure.measure` gives them."""
    with tempfile.TemporaryDirectory() as folder:
        commands = prepare(sides, pathlib.Path(folder))
        turns = [(side, threads) for side in commands for threads in THREADS]
        times = {side: {threads: [] for threads in THREADS} for side in commands}
        for round in range(rounds + 1):
            for side, threads in turns:
                time.sleep(SETTLE_SECONDS)
                elapsed = wall(commands[side], threads)
                if round > 0:  # The first round reads the files from the disk.
                    times[side][threads].append(elapsed)
            note(f"round {round} of {rounds}" if round else "warmed up")
    return summary(times) | {"memory": {}, "versions": {}}


def prepare(sides, folder):
    """The commands to time, with an image, a run and PyTorch's weights in `folder`."""
    image, run, state = folder / "one.png", folder / "run", folder / "state.pt"
    image.write_bytes(png(a_one()))
    commands = {}
    if sides.logit:
        train = [sides.logit, "train", "digits", "--epochs", "1", "--out", run]
        subprocess.run(train, check=True, capture_output=True)
        commands["logit"] = [sides.logit, "predict", run, image]
    if sides.python:
        script = BENCH / "torch_predict.py"
        subprocess.run([sides.python, script, "save", state], check=True)
        commands["eager"] = [sides.python, script, "predict", state, image]
    return commands


def wall(command, threads):
    begin = time.perf_counter()
    subprocess.run(command, env=environment(threads), check=True, capture_output=True)
    return time.perf_counter() - begin


def a_one():
    """A bright upright stroke on dark: the digit one."""
    return [[255 if 4 <= row < 24 and 12 <= column < 16 else 0 for column in range(SIDE)] for row in range(SIDE)]


def png(rows):
    """A grey image as a PNG file, its rows unfiltered."""
    raw = b"".join(bytes([0, *row]) for row in rows)
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
