#!/usr/bin/env python3
"""What recording costs: a training with and without it, and Keras with and without a callback that predicts.

    cargo build --release -p logit-cli -p logit-bench
    python3 bench/tape_overhead.py [--keras path/to/python/with/keras/and/torch]

Both train the convolutional network of the recipe `digits`, in batches of 64. Of whole trainings in turn it prints the ratio of
medians, which other work on the machine moves by a per cent or two; of the steps of one process (`logit-bench recording`)
what each kind of recorded step takes more than the same step unrecorded, and what that adds to the mean step. For Keras a
look is one `predict` on 8 samples, every 20 steps, and shows their probabilities alone.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

EPOCHS = 40
EVERY = 20

KERAS = """
import json, os, sys, time
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy as np
rounds, epochs, every = map(int, sys.argv[1:4])
random = np.random.default_rng(1)
x, y = random.normal(size=(1800, 28, 28, 1)).astype("float32"), random.integers(0, 10, 1800)
layers = keras.layers
model = keras.Sequential([
    layers.Input((28, 28, 1)), layers.Conv2D(10, 5), layers.MaxPooling2D(), layers.ReLU(), layers.Conv2D(20, 5),
    layers.SpatialDropout2D(0.5), layers.MaxPooling2D(), layers.ReLU(), layers.Flatten(), layers.Dense(50, "relu"),
    layers.Dropout(0.5), layers.Dense(10)])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
class Look(keras.callbacks.Callback):
    looks = 0
    def on_train_batch_end(self, batch, logs=None):
        if batch % every == 0:
            self.looks += 1
            self.model.predict(x[:8], verbose=0)
look = Look()
model.fit(x, y, batch_size=64, epochs=1, verbose=0, callbacks=[look])
times = {"plain": [], "look": []}
looks = 0
for _ in range(rounds):
    for name, callbacks in (("plain", []), ("look", [Look()])):
        began = time.perf_counter()
        model.fit(x, y, batch_size=64, epochs=epochs, verbose=0, callbacks=callbacks)
        times[name].append(time.perf_counter() - began)
        looks = callbacks[0].looks if callbacks else looks
print(json.dumps({"times": times, "looks": looks}))
"""


def train(logit, every):
    """Seconds of a training, and its recorded steps."""
    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"
        began = time.perf_counter()
        subprocess.run(
            [logit, "train", "digits", "--epochs", str(EPOCHS), "--out", run, "--json",
             "--set", f"watch.every={every}", "--set", "train.batch_size=64", "--set", "train.patience=0"],
            check=True, capture_output=True,
        )
        seconds = time.perf_counter() - began
        steps = sum(1 for line in open(run / "metrics.jsonl") if json.loads(line)["event"] == "step")
        return seconds, steps


def told(name, plain, look, looks):
    plain, look = statistics.median(plain), statistics.median(look)
    each = (look - plain) / max(looks, 1)
    print(f"{name}: {plain:.3f} s without, {look:.3f} s with {looks} looks: ratio {look / plain:.4f}, {1e3 * each:.3f} ms a look")
    return each


def steps(bench):
    """Seconds that a step with recorded layers takes more than one that is not recorded."""
    found = json.loads(subprocess.run([bench, "recording"], check=True, capture_output=True, text=True).stdout)
    print(f"Logit, step by step: {1e3 * found['step']:.3f} ms per step; where nothing is recorded, the trainings are "
          f"{1e3 * found['apart_without']:+.3f} ms apart; beyond that")
    for kind in ("samples", "layers"):
        share, more = found[kind]["share_of_steps"], found[kind]["seconds_more"]
        print(f"  {1e3 * more:+.3f} ms where {kind} were recorded, {100 * share:.1f} % of the steps")
    print(f"  {100 * found['overhead']:.2f} % of the mean step")
    return found["layers"]["seconds_more"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logit", default="target/release/logit")
    parser.add_argument("--bench", default="target/release/logit-bench")
    parser.add_argument("--keras")
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    ours = steps(args.bench)
    times = {0: [], EVERY: []}
    train(args.logit, EVERY)
    for _ in range(args.rounds):
        for every in times:
            seconds, count = train(args.logit, every)
            times[every].append(seconds)
    told("Logit, whole trainings", times[0], times[EVERY], count // EVERY)
    if args.keras:
        command = [args.keras, "-c", KERAS, str(args.rounds), "10", str(EVERY)]
        answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        theirs = told("Keras", answer["times"]["plain"], answer["times"]["look"], answer["looks"])
        print(f"a look costs Keras {theirs / ours:.0f} times as much")


if __name__ == "__main__":
    main()
