"""The numbers of `src/data.rs`, to the last bit."""

import math

import torch

CHUNK = 1 << 18


def mix32(bits):
    bits = bits ^ (bits >> 16)
    bits = (bits * 0x7FEB352D) & 0xFFFFFFFF
    bits = bits ^ (bits >> 15)
    bits = (bits * 0x846CA68B) & 0xFFFFFFFF
    return bits ^ (bits >> 16)


def numbers(stream, dims, dtype, convert):
    """A tensor of the stream's numbers, made piece by piece so that little memory is left behind."""
    out = torch.empty(math.prod(dims), dtype=dtype)
    for begin in range(0, len(out), CHUNK):
        index = torch.arange(begin, min(begin + CHUNK, len(out)))
        out[begin : begin + CHUNK] = convert(mix32((index + stream * 0x9E3779B9) & 0xFFFFFFFF))
    return out.view(dims)


def uniform(stream, dims, scale):
    return numbers(stream, dims, torch.float32, lambda bits: ((bits >> 8).float() / 8388608 - 1) * scale)


def indices(stream, dims, classes):
    return numbers(stream, dims, torch.int64, lambda bits: bits % classes)


def sparse_ones(stream, dims, every):
    return numbers(stream, dims, torch.float32, lambda bits: (bits % every == 0).float())
