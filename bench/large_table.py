#!/usr/bin/env python3
"""Writes a table of so many gigabytes, whose class follows from its numbers: `large_table.py 5 big.csv`."""

import sys

import numpy as np

COLUMNS = 12
ROWS = 100_000

gigabytes, path = float(sys.argv[1]), sys.argv[2]
random = np.random.default_rng(1)
weights = random.normal(size=(COLUMNS, 3))
written = 0
with open(path, "w") as table:
    table.write(",".join(f"x{column}" for column in range(COLUMNS)) + ",place,kind\n")
    # The same block again and again would be learned by heart; numbers are drawn anew, their text is what takes time.
    while written < gigabytes * 1e9:
        numbers = random.normal(size=(ROWS, COLUMNS)).round(4)
        kinds = np.array(["low", "middle", "high"])[(numbers @ weights + random.gumbel(size=(ROWS, 3))).argmax(axis=1)]
        places = np.array(["north", "south", "east", "west"])[random.integers(0, 4, ROWS)]
        block = "\n".join(",".join(map(str, row)) + f",{place},{kind}" for row, place, kind in zip(numbers.tolist(), places, kinds))
        written += table.write(block + "\n")
