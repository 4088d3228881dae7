"""The models of the comparison in PyTorch: layer by layer those of `logit_zoo::models`."""

import logging

import torch
from torch import nn
from torch.nn import functional as F


class ConvNet(nn.Module):
    """Two 5×5 convolutions, each with 2×2 max-pooling and ReLU, a dense layer of 50, and the logits of ten digits."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.channel_dropout = nn.Dropout2d(0.5)
        self.fc1 = nn.Linear(20 * 4 * 4, 50)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(50, 10)

    def forward(self, images):
        maps = F.relu(F.max_pool2d(self.conv1(images), 2))
        maps = F.relu(F.max_pool2d(self.channel_dropout(self.conv2(maps)), 2))
        features = F.relu(self.fc1(maps.flatten(1)))
        return self.head(self.dropout(features))


class Mlp(nn.Sequential):
    """784 → 512 → 512 → 10 with ReLU between."""

    def __init__(self):
        dense = nn.Linear
        super().__init__(
            nn.Flatten(), dense(28 * 28, 512), nn.ReLU(), dense(512, 512), nn.ReLU(), dense(512, 10)
        )


class Block(nn.Sequential):
    """Two 3×3 convolutions, each with batch norm and ReLU."""

    def __init__(self, inputs, outputs):
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True),
        )


class UNet(nn.Module):
    """Four levels of 16, 32, 64 and 128 channels, 256 at the bottom, and the logits of five classes per pixel."""

    def __init__(self, channels=3, widths=(16, 32, 64, 128), bottom=256, classes=5):
        super().__init__()
        self.encoder = nn.ModuleList(map(Block, (channels, *widths), widths))
        self.bottom = Block(widths[-1], bottom)
        upwards = widths[::-1]
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(below, width, 2, stride=2) for below, width in zip((bottom, *upwards), upwards)
        )
        self.decoder = nn.ModuleList(Block(2 * width, width) for width in upwards)
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, images):
        maps, skips = images, []
        for block in self.encoder:
            skips.append(block(maps))
            maps = F.max_pool2d(skips[-1], 2)
        maps = self.bottom(maps)
        for up, block, skip in zip(self.up, self.decoder, reversed(skips)):
            maps = block(torch.cat([skip, up(maps)], dim=1))
        return self.head(maps)


def export(net, images, path):
    """Writes a network for onnxruntime."""
    # Otherwise it warns of a library that is not needed.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    torch.onnx.export(net, (images,), path, dynamo=True, external_data=False, verbose=False)
