"""The cold prediction: whole processes, from start to exit."""

import json
import pathlib
import struct
import subprocess
import tempfile
import time
import zlib

from .cases import COLD, EAGER, ONNX, threads_of
from .environment import BENCH
from .measure import SETTLE_SECONDS, agree, summary
from .worker import environment

SIDE = 28


def measure(sides, rounds, note):
    """Wall times of the processes of all sides, in turn, as `measure.measure` gives them."""
    with tempfile.TemporaryDirectory() as folder:
        commands = prepare(sides, pathlib.Path(folder))
        turns = [(side, threads) for side in commands for threads in threads_of(side)]
        times = {side: {threads: [] for threads in threads_of(side)} for side in commands}
        for round in range(rounds + 1):
            for side, threads in turns:
                time.sleep(SETTLE_SECONDS)
                elapsed = wall(commands[side], threads)
                if round > 0:  # The first round reads the files from the disk.
                    times[side][threads].append(elapsed)
            note(f"round {round} of {rounds}" if round else "warmed up")
    return summary(times) | {"memory": {}, "prepared_in": {}, "versions": {}, "left_out": {}}


def prepare(sides, folder):
    """The commands to time, with an image, a run of each build and the peers' weights in `folder`."""
    image, state, model = folder / "one.png", folder / "state.pt", folder / "model.onnx"
    image.write_bytes(png(a_one()))
    commands = {}
    for side, build in sides.builds().items():
        run = folder / side
        train = [build.logit, "train", "digits", "--epochs", "1", "--out", run]
        subprocess.run(train, check=True, capture_output=True)
        commands[side] = [build.logit, "predict", run, image]
    if sides.python:
        script = BENCH / "torch_predict.py"
        subprocess.run([sides.python, script, "save", state, model], check=True, capture_output=True)
        commands[EAGER] = [sides.python, script, "predict", state, image]
        commands[ONNX] = [sides.python, BENCH / "onnx_predict.py", model, image]
        agree(COLD, {side: probabilities(commands[side]) for side in (EAGER, ONNX)})
    return commands


def probabilities(command):
    """The probabilities that a peer prints after its decision, by class."""
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    _, numbers = printed.split(maxsplit=1)
    return {f"probability of {digit}": number for digit, number in enumerate(json.loads(numbers))}


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
