"""Reads the one PNG of the cold prediction: grey, 28×28, its rows unfiltered.

By hand, since that is faster than importing a library for it, and so in favour of the peers.
"""

import struct
import zlib

SIDE = 28
SIGNATURE_BYTES = 8


def pixels(path):
    """The pixels, a byte each, row by row."""
    with open(path, "rb") as file:
        data = file.read()
    position, packed = SIGNATURE_BYTES, b""
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"IDAT":
            packed += data[position + 8 : position + 8 + length]
        position += length + 12
    rows = zlib.decompress(packed)
    return bytearray().join(rows[begin + 1 : begin + 1 + SIDE] for begin in range(0, len(rows), SIDE + 1))
