"""onnxruntime's side of the cold prediction: a whole process that predicts one image.

    python onnx_predict.py MODEL IMAGE          prints decision and probabilities for a PNG that `grey_png` reads
"""

import os
import sys

import numpy

from grey_png import SIDE, pixels
from onnx_side import session


def main():
    model, image = sys.argv[1:]
    network = session(model, int(os.environ.get("OMP_NUM_THREADS", 1)))
    grey = numpy.frombuffer(pixels(image), numpy.uint8).reshape(1, 1, SIDE, SIDE).astype(numpy.float32) / 255
    logits = network.run(None, {network.get_inputs()[0].name: grey})[0][0]
    powers = numpy.exp(logits - logits.max())
    print(logits.argmax(), (powers / powers.sum()).tolist())


if __name__ == "__main__":
    main()
