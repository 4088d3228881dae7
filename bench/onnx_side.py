"""onnxruntime's side of the comparison: a process that prepares one case of inference, then answers as `serving` says.

    python onnx_side.py CASE FILE THREADS        FILE is the network; where it is absent, PyTorch writes it first
"""

import pathlib
import subprocess
import sys

import numpy
import onnxruntime

from serving import serve


def session(model, threads):
    """A network made ready, with every optimisation that onnxruntime has for the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class Inference:
    """Predictions of a batch."""

    def __init__(self, name, model, threads):
        if not pathlib.Path(model).exists():
            side = pathlib.Path(__file__).with_name("torch_side.py")
            subprocess.run([sys.executable, side, name, "export", model], check=True, stdout=sys.stderr)
        self.session = session(model, threads)
        self.inputs = {self.session.get_inputs()[0].name: numpy.load(f"{model}.npy")}

    def step(self):
        return self.session.run(None, self.inputs)[0]

    def agreed(self):
        # Here, for PyTorch is no part of what is measured.
        import torch

        from torch_side import told_by

        return told_by(torch.from_numpy(self.step()))


def main():
    name, model, threads = sys.argv[1:]
    serve(lambda: Inference(name, model, int(threads)), onnxruntime.__version__)


if __name__ == "__main__":
    main()
