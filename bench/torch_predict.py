"""PyTorch's side of the cold prediction: a whole process that predicts one image.

    python torch_predict.py save STATE          writes the weights of a network, as they are drawn
    python torch_predict.py predict STATE IMAGE prints probabilities and decision for a PNG, grey, 28×28, unfiltered rows

The image is decoded by hand: that is faster than importing a library for it, and so in PyTorch's favour.
"""

import struct
import sys
import zlib

import torch

from torch_models import ConvNet

SIDE = 28
SIGNATURE_BYTES = 8


def pixels(path):
    """The pixels of the image, in [0, 1]."""
    with open(path, "rb") as file:
        data = file.read()
    position, packed = SIGNATURE_BYTES, b""
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"IDAT":
            packed += data[position + 8 : position + 8 + length]
        position += length + 12
    rows = torch.frombuffer(bytearray(zlib.decompress(packed)), dtype=torch.uint8).view(SIDE, SIDE + 1)
    return rows[:, 1:].float().view(1, 1, SIDE, SIDE) / 255


def predict(state, image):
    net = ConvNet()
    net.load_state_dict(torch.load(state, weights_only=True))
    net.eval()
    with torch.inference_mode():
        probabilities = net(pixels(image)).softmax(dim=1)[0]
    print(probabilities.argmax().item(), probabilities.tolist())


def main():
    match sys.argv[1:]:
        case ["save", state]:
            torch.save(ConvNet().state_dict(), state)
        case ["predict", state, image]:
            predict(state, image)
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
