"""Measures a case: whether all sides compute the same, the memory of one step, and rounds in turn."""

import contextlib
import statistics
import time

from .cases import THREADS, threads_of
from .worker import Worker, WorkerError

TOLERANCE = 1e-4
"""How far apart, relative to the reference's, the numbers of two sides may be."""

SETTLE_SECONDS = 0.2
"""Rest before a round: threads of the process before may still spin."""


class Mismatch(Exception):
    """Two sides do not compute the same."""


def measure(case, sides, rounds, seconds, note):
    """What is measured of a case, by side.

    Gives `{"seconds": {side: {threads: median}}, "rounds": {side: {threads: [...]}}, "memory": {side: bytes},
    "prepared_in": {side: seconds}, "versions": {side: ...}, "left_out": {side: reason}}`. A step's time is the median
    over its round; a side's is the median over its rounds. A variant that this machine cannot run is left out and named.
    """
    looked_at, left_out = {}, {}
    for side in sides.of(case):
        note(f"one step of {side}")
        try:
            looked_at[side] = look(sides.worker(side, case, THREADS[-1]))
        except WorkerError as failure:
            # Without these there is nothing to compare.
            if side in ("logit", "before", case.reference):
                raise
            left_out[side] = "its process failed"
            note(f"{side} is left out: {failure}")
    agree(case, {side: seen["numbers"] for side, seen in looked_at.items()})
    with contextlib.ExitStack() as stack:
        workers = {
            (side, threads): stack.enter_context(Worker(sides.worker(side, case, threads), threads))
            for side in looked_at
            for threads in threads_of(side)
        }
        medians = take_turns(workers, rounds, seconds, note)
    nested = {side: {threads: medians[side, threads] for threads in threads_of(side)} for side in looked_at}
    by_side = {name: {side: seen[name] for side, seen in looked_at.items()} for name in ("memory", "prepared_in", "versions")}
    return summary(nested) | by_side | {"left_out": left_out}


def look(command):
    """A process of its own for what one step takes beyond its inputs, in bytes, and the numbers that must agree. Nothing
    was compiled or written before it, so that the seconds it took to prepare count what a user waits for."""
    with Worker(command, THREADS[-1]) as worker:
        memory = worker.ask("memory")
        numbers = worker.ask("agree")["numbers"]
    return {
        "memory": memory["peak"] - memory["before"],
        "numbers": numbers,
        "prepared_in": worker.prepared_in,
        "versions": worker.version,
    }


def summary(rounds):
    """The medians over rounds, beside the rounds."""
    over_rounds = {
        side: {threads: statistics.median(times) for threads, times in by_threads.items()}
        for side, by_threads in rounds.items()
    }
    return {"seconds": over_rounds, "rounds": rounds}


def agree(case, numbers):
    """Fails if a side does not get the numbers of the reference, or else of the first side. It may tell fewer of them:
    the weights of Logit's networks are drawn by Logit, so that it has no loss in common with PyTorch."""
    first = case.reference if case.reference in numbers else next(iter(numbers))
    reference = numbers[first]
    for side, told in numbers.items():
        if not told or not told.keys() <= reference.keys():
            raise Mismatch(f"{case.name}: {side} gives {sorted(told)}, {first} {sorted(reference)}")
        for name, number in told.items():
            expected = reference[name]
            if not abs(number - expected) <= TOLERANCE * abs(expected):
                raise Mismatch(f"{case.name}: {name} is {number} of {side}, {expected} of {first}")


def take_turns(workers, rounds, seconds, note):
    """The median step of each round and worker. Each round begins with another worker; one round more comes first and
    is left out, for caches, allocators and clocks to come to rest."""
    order = list(workers)
    medians = {key: [] for key in order}
    for round in range(rounds + 1):
        begin = round % len(order)
        for key in order[begin:] + order[:begin]:
            time.sleep(SETTLE_SECONDS)
            steps = workers[key].ask("time", seconds=seconds)["steps"]
            if round > 0:
                medians[key].append(statistics.median(steps))
        note(f"round {round} of {rounds}" if round else "warmed up")
    return medians
