#!/usr/bin/env python3
"""A stand-in for `logit watch`: serves the page's files and the same API with made-up, plausible numbers.

    python3 mock.py [--port 8787] [--scene pair|odd|one|none|shown] [--pace 0.4] [--steps 2000]

pair: a finished run and a live one that grows. odd: other answers, hostile names, null numbers, many classes.
one: a single live run that starts with nothing. none: no run at all. shown: samples that each pass is shown otherwise, as
the squares of images, answered pixel by pixel, and pairs that are drawn anew.
POST /mock/quit ends the connections of all event streams, to try what the page does when it is cut off.
"""
import argparse
import base64
import json
import math
import random
import threading
import time
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

PAGE = Path(__file__).resolve().parents[2] / "assets" / "watch"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"
HOSTILE = ["<img src=x onerror=alert(1)>", "\u202Eevil\u202C name", "a" * 300, "née 🙂 / \"quoted\" & 'single'"]
SEGMENTS = ["abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg"]


def clean(value):
    """JSON has no NaN: what is not finite is null."""
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: clean(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(inner) for inner in value]
    return value


def digit(which, seed):
    """A wobbly seven-segment digit, 28 by 28, standing in for handwriting."""
    rng = random.Random(seed)
    ends = {"a": (8, 5, 19, 5), "b": (19, 5, 19, 13), "c": (19, 14, 19, 23), "d": (8, 23, 19, 23),
            "e": (8, 14, 8, 23), "f": (8, 5, 8, 13), "g": (8, 14, 19, 14)}
    slant, shift = rng.uniform(-.25, .1), rng.uniform(-1.5, 1.5)
    pixels = [0.0] * 784
    for segment in SEGMENTS[which]:
        x1, y1, x2, y2 = ends[segment]
        for i in range(25):
            x = x1 + (x2 - x1) * i / 24 + shift
            y = y1 + (y2 - y1) * i / 24
            x += (14 - y) * -slant
            for py in range(int(y) - 2, int(y) + 4):
                for px in range(int(x) - 2, int(x) + 4):
                    if 0 <= px < 28 and 0 <= py < 28:
                        ink = 255 * max(0, min(1, 1.9 - math.hypot(px - x, py - y)))
                        pixels[py * 28 + px] = max(pixels[py * 28 + px], ink)
    return {"kind": "picture", "width": 28, "height": 28, "channels": 1,
            "pixels": base64.b64encode(bytes(int(p) for p in pixels)).decode()}


def colours():
    pixels = bytes(v for y in range(24) for x in range(32) for v in (x * 8, y * 10, 128))
    return {"kind": "picture", "width": 32, "height": 24, "channels": 3, "pixels": base64.b64encode(pixels).decode()}


def softmax(logits):
    top = max(logits)
    parts = [math.exp(x - top) for x in logits]
    return [x / sum(parts) for x in parts]


def statistics(mean, deviation, rectified, rng, count):
    low, high = mean - deviation * rng.uniform(3, 3.6), mean + deviation * rng.uniform(3, 3.6)
    zeros = 0.0
    if rectified:
        zeros = .5 * math.erfc(mean / deviation / math.sqrt(2))
        low = 0.0
    width = (high - low) / 32
    bins = [max(0, int(count * width / deviation * .4 * math.exp(-.5 * ((low + (i + .5) * width - mean) / deviation) ** 2)
                   * rng.uniform(.9, 1.1))) for i in range(32)]
    bins[0] += int(count * zeros)
    return {"count": count, "not_finite": 0, "mean": mean, "deviation": deviation, "low": low, "high": high, "zeros": zeros,
            "histogram": bins}


class Run:
    """A run whose every number follows from its seed and the requested step."""

    per_epoch, every, batch = 60, 10, 32
    layers = [("conv1", False, 401408), ("relu1", True, 401408), ("conv2", False, 100352), ("relu2", True, 100352),
              ("dropout", True, 4096), ("dense1", False, 4096), ("relu3", True, 4096), ("logits", False, 320)]

    def __init__(self, name, seed, *, step, steps, rate, answer="classes", names=None, samples=None, live=False):
        self.name, self.seed, self.step, self.steps, self.rate = name, seed, step, steps, rate
        self.answer, self.live = answer, live
        self.names = names if names is not None else [str(k) for k in range(10)]
        self.samples = samples if samples is not None else [
            {"row": 37 * k + seed, "truth": str(k), "input": digit(k, seed + k)} for k in (7, 2, 1, 0, 4, 9, 5, 8)]
        self.state = "training" if live else "finished"

    def rng(self, *key):
        return random.Random("/".join(map(str, (self.seed, *key))))

    def info(self, id):
        return {"id": id, "name": self.name, "recipe": "digits", "folder": f"runs/{self.name}",
                "data": "2,000 digits in the binary", "seed": self.seed, "state": self.state, "step": self.step,
                "steps": self.steps, "answer": self.answer, "names": self.names, "samples": self.samples}

    def loss(self, step):
        if self.seed == 13 and step in range(200, 230):
            return math.nan
        base = .06 + 2.25 * math.exp(-step * self.rate)
        return base * math.exp(self.rng("loss", step).gauss(0, .25))

    def frames(self):
        return [1, *range(self.every, self.step + 1, self.every)] if self.step else []

    def series(self):
        steps = list(range(1, self.step + 1, max(1, self.step // 1400)))
        learning = [2e-3 * .5 * (1 + math.cos(math.pi * s / (self.steps or 3000))) for s in steps]
        norm = [.4 * self.loss(s) ** .5 + .05 for s in steps]
        epochs = []
        for epoch in range(1, self.step // self.per_epoch + 1):
            step, rng = epoch * self.per_epoch, self.rng("epoch", epoch)
            train = .06 + 2.25 * math.exp(-(step - 30) * self.rate)
            log_loss = .13 + 2.1 * math.exp(-step * self.rate) + rng.gauss(0, .01)
            right = .97 - .8 * math.exp(-step * self.rate * 1.4) + rng.gauss(0, .004)
            validation = {"accuracy": right, "log_loss": log_loss, "ece": abs(rng.gauss(.025, .008)), "brier": log_loss * .4,
                          "macro_f1": right - .004, "images": 200}
            if self.answer == "values":
                right, validation = None, {"mse": log_loss, "r2": 1 - log_loss / 2.3}
            epochs.append({"epoch": epoch, "step": step, "train_loss": train, "train_accuracy": right,
                           "validation": validation, "best": epoch % 7 == 3})
        test = {"accuracy": .962, "log_loss": .1213, "ece": .0131} if self.state == "finished" and self.step else None
        return {"steps": {"step": steps, "loss": [self.loss(s) for s in steps], "learning_rate": learning,
                          "head_gradient_norm": norm}, "epochs": epochs, "test": test, "frames": self.frames()}

    def seen(self, sample, step):
        units = max(1, len(self.names))
        rng = self.rng("seen", sample["row"], step)
        truth = self.names.index(sample["truth"]) if sample["truth"] in self.names else sample["row"] % units
        margin = 7.5 * (1 - math.exp(-step * self.rate * .8))
        if sample["row"] % 5 == 0:
            margin *= .35
        logits = [rng.gauss(0, .35 + margin * .22) + (margin if k == truth else 0) for k in range(units)]
        if self.seed == 13:
            logits[rng.randrange(units)] = math.nan
        if self.answer == "values":
            probabilities = []
        elif self.answer in ("labels", "yes-no"):
            probabilities = [1 / (1 + math.exp(-x)) for x in logits]
        elif self.answer == "grades":
            probabilities, logits = softmax(logits), sorted(logits[:-1])
        else:
            probabilities = softmax(logits)
        return {"row": sample["row"], "step": step, "logits": logits, "probabilities": probabilities}

    @lru_cache(maxsize=512)
    def layer(self, index, step, name, rectified, count):
        rng = self.rng(name, step)
        grown = 1 + index * .12 * (1 - math.exp(-step * self.rate))
        if name == "logits":
            return statistics(-1.2 * (grown - 1), .3 + 3.2 * (grown - 1), False, rng, count)
        return statistics(.1 * math.sin(index + 1) + .05 * (grown - 1), .5 * grown, rectified, rng, count)

    def frame(self, step):
        known = [f for f in self.frames() if f <= step]
        if not known:
            return None
        step = known[-1]
        epoch = (step - 1) // self.per_epoch
        in_epoch = [f for f in known if (f - 1) // self.per_epoch == epoch]
        with_layers = [f for f in known if f // self.every % 4 == 0][-1]
        layers = [{"name": name, "statistics": self.layer(i, with_layers, name, r, c)}
                  for i, (name, r, c) in enumerate(self.layers)]
        samples = []
        for i, sample in enumerate(self.samples):
            sights = [f for f in known if (f // self.every + i) % 3 == 0]
            if sights:
                samples.append(self.seen(sample, sights[-1]))
        classes = self.answer == "classes"
        right = .97 - .85 * math.exp(-step * self.rate * 1.4)
        frame = {"step": step, "epoch": epoch + 1, "batch": self.batch, "loss": self.loss(step), "learning_rate": 1e-3,
                 "head_gradient_norm": .4 * self.loss(step) ** .5, "layers": layers, "layers_step": with_layers, "gradients": [],
                 "output": {"rows": self.batch, "units": len(self.names), "low": -6.1, "high": 9.3, "row_sums": [-9.0, 2.0],
                            "exp_row_sums": [3.0, 9000.0], "column_sums": [-90.0, 44.0], "spread": 3.1, "zeros": 0.0,
                            "near_unit_ends": 0.01, "near_sign_ends": 0.01},
                 "samples": samples, "confusion": self.confusion(in_epoch, right) if classes else None,
                 "reliability": self.reliability(in_epoch, right) if classes else None,
                 "shuffled_loss": 2.3 + 3 * (1 - math.exp(-step * self.rate)) if classes else None,
                 "chance_loss": math.log(len(self.names)) if classes else None}
        return frame

    def confusion(self, frames, right):
        size = len(self.names)
        matrix = [[0] * size for _ in range(size)]
        for frame in frames:
            rng = self.rng("confusion", frame)
            for _ in range(self.batch):
                truth = rng.randrange(size)
                decision = truth if rng.random() < right else (truth * 3 + rng.randrange(3)) % size
                matrix[truth][decision] += 1
        return matrix

    def reliability(self, frames, right):
        bins = [[0, 0.0, 0] for _ in range(10)]
        for frame in frames:
            rng = self.rng("reliability", frame)
            for _ in range(self.batch):
                confidence = min(.9999, max(.12, rng.betavariate(1 + 9 * right, 1.3)))
                bin = bins[int(confidence * 10)]
                bin[0] += 1
                bin[1] += confidence
                bin[2] += rng.random() < confidence * .95
        return bins

    def history(self, name):
        for i, (layer, rectified, count) in enumerate(self.layers):
            if layer == name:
                frames = self.frames()
                frames = frames[::max(1, len(frames) // 250)]
                seen = [self.layer(i, f, layer, rectified, count) for f in frames]
                return {"step": frames, **{key: [t[key] for t in seen] for key in ("mean", "deviation", "low", "high", "zeros")}}
        return None

    def findings(self):
        found = [
            {"step": None, "level": "advice", "rule": 4, "name": "bias of the head", "message": "The head's bias starts at zero.",
             "reason": "With rare classes the first steps only learn how often each class occurs.",
             "fix": "Start the bias at the log of the classes' shares: `head.bias = \"prior\"`."},
            {"step": 20, "level": "warning", "rule": 31, "name": "loss at the start",
             "message": "The first loss was 2.71; chance is 2.303.",
             "reason": "Logits that are large before anything is learned are confident and wrong.",
             "fix": "Initialise the head with smaller weights."}]
        for step in range(300, self.step + 1, 150):
            found.append({"step": step, "level": ("warning", "error", "advice")[step // 150 % 3], "rule": 33,
                          "name": "dead units", "message": f"{step % 60 + 3} % of `relu2` were exactly 0 in the last 50 steps.",
                          "reason": "A unit that is 0 for every input gets no gradient and stays so.",
                          "fix": "Lower the learning rate, or use a leaky activation."})
        if self.seed == 13:
            found.append({"step": 200, "level": "error", "rule": 38, "name": HOSTILE[0], "message": HOSTILE[0] + " is not finite",
                          "reason": HOSTILE[2], "fix": HOSTILE[3]})
        return [f for f in found if (f["step"] or 0) <= self.step]


def packed(values):
    return base64.b64encode(bytes(values)).decode()


class MapRun(Run):
    """Squares of images with a disc each; what is decided of their pixels grows from nothing to the disc."""

    side = 32

    def seen(self, sample, step):
        rng, side = self.rng("square", sample["row"], step), self.side
        centre = (rng.uniform(10, 22), rng.uniform(10, 22))
        inside = [9 - math.hypot(i % side - centre[0], i // side - centre[1]) for i in range(side * side)]
        grey = [int((170 if depth > 0 else 40) + rng.uniform(0, 30)) for depth in inside]
        truth = [1 if depth > 2 else 2 if depth > 0 else 0 for depth in inside]
        margin = 6 * (1 - math.exp(-step * self.rate))
        pixels = [softmax([margin * (k == of) + rng.gauss(0, .3) for k in range(3)]) for of in truth]
        probabilities = [round(255 * pixel[k]) for k in range(3) for pixel in pixels]
        if self.answer == "labels":
            truth, probabilities = [(1, 2, 3)[of] for of in truth], probabilities[side * side:]
        picture = {"width": side, "height": side, "channels": 1, "pixels": packed(grey)}
        shown = {"picture": picture, "truth": "", "map": {"truth": packed(truth), "probabilities": packed(probabilities)}}
        if self.seed == 22 and sample["row"] == 1:
            shown["map"] = {"truth": "no Base64", "probabilities": ""}
        return {"row": sample["row"], "step": step, "logits": [], "probabilities": [], "shown": shown}


class PairRun(Run):
    """Places in the epoch, at each of which another pair of digits comes by at each pass."""

    def seen(self, sample, step):
        rng = self.rng("pair", sample["row"], step)
        left, right = rng.randrange(10), rng.randrange(10)
        halves = [base64.b64decode(digit(which, step)["pixels"]) for which in (left, right)]
        rows = [half[28 * row:28 * row + 28] for row in range(28) for half in halves]
        picture = {"width": 56, "height": 28, "channels": 1, "pixels": packed(b"".join(rows))}
        target = 100 if min(left, right) < 4 else 0
        shown = {"picture": picture, "truth": f"{target} ({left} and {right})"}
        value = target + rng.gauss(0, 40 * math.exp(-step * self.rate))
        return {"row": sample["row"], "step": step, "logits": [value], "probabilities": [], "shown": shown}


def shown_scene():
    squares = [{"row": k, "truth": "background 80.0 %, nucleus 14.0 %", "input": colours()} for k in range(4)]
    places = [{"row": 80 * k, "truth": "", "input": {"kind": "none"}} for k in range(4)]
    return [
        MapRun("nuclei", 21, step=600, steps=600, rate=.01, names=["background", "nucleus", "boundary"], samples=squares),
        MapRun("nuclei-labels", 22, step=600, steps=600, rate=.01, answer="labels", names=["nucleus", HOSTILE[0]], samples=squares),
        PairRun("pairs", 23, step=600, steps=600, rate=.01, answer="values", names=["a digit of 0 to 3"], samples=places),
    ]


def scene(which, steps):
    if which == "shown":
        return shown_scene()
    live = Run("digits-wide", 4, step=0 if which == "one" else 420, steps=steps, rate=.011, live=True)
    if which == "none":
        return []
    if which == "one":
        return [live]
    if which == "pair":
        return [Run("digits", 3, step=1440, steps=1440, rate=.006), live]
    text = {"kind": "text", "lines": ["A man is playing a large flute.", "A man is playing a flute. " + "Long words " * 30]}
    fields = {"kind": "fields", "fields": [["MedInc", "8.3252"], ["HouseAge", "41"], [HOSTILE[0], HOSTILE[2]]]}
    many = [f"class number {k} of a hundred with quite a long name" for k in range(100)]
    crowd = [{"row": k, "truth": many[k % 100], "input": colours() if k % 2 else {"kind": "none"}} for k in range(40)]
    return [
        Run("values", 11, step=300, steps=None, rate=.01, answer="values", names=["median_house_value"],
            samples=[{"row": 5, "truth": "4.526", "input": fields}, {"row": 9, "truth": "3.585", "input": fields}], live=True),
        Run("labels " + HOSTILE[0], 13, step=300, steps=300, rate=.01, answer="labels", names=HOSTILE,
            samples=[{"row": 2, "truth": HOSTILE[0], "input": text}, {"row": 3, "truth": HOSTILE[2], "input": fields}]),
        Run("hundred", 14, step=600, steps=600, rate=.01, names=many, samples=crowd),
        Run("grades", 15, step=300, steps=300, rate=.01, answer="grades", names=["bad", "fair", "good"],
            samples=[{"row": 2, "truth": "fair", "input": text}]),
        Run("nothing-yet", 16, step=0, steps=None, rate=.01, names=[], samples=[], live=True),
    ]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    runs, cut = [], threading.Event()

    def log_message(self, *_):
        pass

    def send(self, status, body, kind="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(clean(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        Handler.cut.set()
        self.send(200, {})

    def do_GET(self):
        url = urlparse(self.path)
        name = url.path[1:] or "index.html"
        if name in {file.name for file in PAGE.iterdir()}:
            file = PAGE / name
            return self.send(200, file.read_bytes(), KINDS[file.suffix])
        if url.path == "/favicon.ico":
            return self.send(204, b"")
        if url.path == "/api/events":
            return self.events()
        parts = url.path.strip("/").split("/")
        if parts == ["api", "runs"]:
            return self.send(200, [run.info(str(i)) for i, run in enumerate(self.runs)])
        try:
            run, query = self.runs[int(parts[2])], parse_qs(url.query)
            answer = {"series": run.series, "findings": run.findings,
                      "frame": lambda: run.frame(int(query["step"][0])),
                      "layers": lambda: run.history(query["name"][0])}[parts[3]]()
        except (LookupError, ValueError):
            return self.send(404, {"error": "there is no such run or part of it"})
        return self.send(200, answer) if answer is not None else self.send(404, {"error": "nothing was recorded by then"})

    def events(self):
        Handler.cut.clear()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        sent = {}
        try:
            while not Handler.cut.is_set():
                for i, run in enumerate(self.runs):
                    if sent.get(i) != (run.step, run.state):
                        sent[i] = (run.step, run.state)
                        frames = run.frames()
                        data = {"id": str(i), "step": run.step, "frame": frames[-1] if frames else None,
                                "loss": run.loss(run.step), "state": run.state, "findings": len(run.findings())}
                        self.wfile.write(f"event: run\ndata: {json.dumps(clean(data))}\n\n".encode())
                self.wfile.flush()
                time.sleep(.3)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.close_connection = True


def grow(runs, pace):
    while True:
        time.sleep(pace)
        for run in runs:
            if run.state == "training" and run.names:
                run.step += 5
                if run.steps and run.step >= run.steps:
                    run.step, run.state = run.steps, "finished"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8787)
    parser.add_argument("--scene", default="pair", choices=["pair", "odd", "one", "none", "shown"])
    parser.add_argument("--pace", type=float, default=.4)
    parser.add_argument("--steps", type=int, default=2000)
    args = parser.parse_args()
    Handler.runs = scene(args.scene, args.steps)
    threading.Thread(target=grow, args=(Handler.runs, args.pace), daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", args.port), Handler)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
