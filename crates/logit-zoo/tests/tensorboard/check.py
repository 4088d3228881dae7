#!/usr/bin/env python3
"""Whether TensorBoard reads what a training wrote for it: trains, reads the files as TensorBoard does, and asks its server.

    python3 crates/logit-zoo/tests/tensorboard/check.py --logit target/debug/logit

Needs `tensorboard` from PyPI in the Python that runs it.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def train(logit, run):
    settings = ["watch.tensorboard=true", "watch.gradients=true", "watch.every=5"]
    options = [word for setting in settings for word in ("--set", setting)]
    subprocess.run([logit, "train", "digits-mlp", "--epochs", "2", "--out", run, "--json", *options], check=True, capture_output=True)
    lines = [json.loads(line) for line in open(run / "metrics.jsonl")]
    return {line["step"]: line["loss"] for line in lines if line["event"] == "step"}


def check_files(folder, losses):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0, "tensors": 0}).Reload()
    told = {event.step: event.value for event in events.Scalars("train/loss")}
    assert told and all(abs(value - losses[step]) < 1e-6 for step, value in told.items()), told
    tags = events.Tags()
    softmax = [tag for tag in tags["scalars"] if tag.startswith("softmax/")]
    assert len(softmax) == 8 * 10, softmax
    histograms = tags["histograms"]
    for name in ("layers/hidden1", "layers/logits", "gradients/logits"):
        assert name in histograms, (name, tags)
    assert len(tags["images"]) == 8 and all(tag.startswith("samples/row ") for tag in tags["images"]), tags["images"]
    assert events.Images(tags["images"][0])[0].width == 28
    assert len(events.Scalars("validation/log_loss")) == 2, tags["scalars"]
    return len(told), len(histograms)


def ask(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
        return json.load(answer)


def check_server(folder, port):
    server = subprocess.Popen(
        [sys.executable, "-m", "tensorboard.main", "--logdir", folder, "--port", str(port), "--host", "127.0.0.1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(60):
            time.sleep(1)
            try:
                tags = ask(port, "data/plugin/scalars/tags")
            except OSError:
                continue
            if tags:
                break
        run = next(iter(tags))
        points = ask(port, f"data/plugin/scalars/scalars?run={run}&tag=train%2Floss")
        shown = ask(port, f"data/plugin/histograms/histograms?run={run}&tag=layers%2Flogits")
        assert len(points) > 3 and len(shown) > 3, (points, shown)
        assert np.isfinite(np.array([point[2] for point in points])).all()
        return len(points), len(shown)
    finally:
        server.kill()
        server.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logit", required=True)
    parser.add_argument("--port", type=int, default=6007)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run = pathlib.Path(scratch) / "run"
        losses = train(args.logit, run)
        print("files: %d losses, %d histograms" % check_files(run / "tensorboard", losses))
        print("server: %d losses, %d histograms of the logits" % check_server(run / "tensorboard", args.port))


if __name__ == "__main__":
    main()
