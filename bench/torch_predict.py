"""PyTorch's side of the cold prediction: a whole process that predicts one image.

    python torch_predict.py save STATE MODEL    writes the weights of a network, as they are drawn, also for onnxruntime
    python torch_predict.py predict STATE IMAGE prints decision and probabilities for a PNG that `grey_png` reads
"""

import sys

import torch

from grey_png import SIDE, pixels
from torch_models import ConvNet, export


def save(state, model):
    net = ConvNet().eval()
    torch.save(net.state_dict(), state)
    export(net, torch.zeros(1, 1, SIDE, SIDE), model)


def predict(state, image):
    net = ConvNet()
    net.load_state_dict(torch.load(state, weights_only=True))
    net.eval()
    grey = torch.frombuffer(pixels(image), dtype=torch.uint8).view(1, 1, SIDE, SIDE).float() / 255
    with torch.inference_mode():
        probabilities = net(grey).softmax(dim=1)[0]
    print(probabilities.argmax().item(), probabilities.tolist())


def main():
    match sys.argv[1:]:
        case ["save", state, model]:
            save(state, model)
        case ["predict", state, image]:
            predict(state, image)
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
