"""Measures a case: rounds in turn, the memory of one step, and whether both sides compute the same."""

import contextlib
import statistics
import time

from .cases import THREADS
from .worker import Absent, Worker

TOLERANCE = 1e-4
"""How far apart, relative to PyTorch's, the numbers of the two sides may be."""

SETTLE_SECONDS = 0.2
"""Rest before a round: threads of the process before may still spin."""


class Mismatch(Exception):
    """The two sides do not compute the same."""


def measure(case, sides, rounds, seconds, note):
    """Times and memory of a case.

    Gives `{"seconds": {side: {threads: median}}, "rounds": {side: {threads: [...]}}, "memory": {side: bytes},
    "versions": {side: ...}}`. A step's time is the median over its round; a side's is the median over its rounds.
    """
    memory, absent = {}, set()
    for side in sides.of(case):
        try:
            memory[side] = extra_memory(sides.worker(side, case, THREADS[-1]))
        except Absent as reason:
            note(str(reason))
            absent.add(side)
    present = [side for side in sides.of(case) if side not in absent]
    with contextlib.ExitStack() as stack:
        workers = {
            (side, threads): stack.enter_context(Worker(sides.worker(side, case, threads), threads))
            for side in present
            for threads in THREADS
        }
        agree(case, {side: workers[side, THREADS[-1]] for side in present})
        medians = take_turns(workers, rounds, seconds, note)
        versions = {side: workers[side, THREADS[-1]].version for side in present}
    nested = {side: {threads: medians[side, threads] for threads in THREADS} for side in present}
    return summary(nested) | {"memory": memory, "versions": versions}


def summary(rounds):
    """The medians over rounds, beside the rounds."""
    over_rounds = {
        side: {threads: statistics.median(times) for threads, times in by_threads.items()}
        for side, by_threads in rounds.items()
    }
    return {"seconds": over_rounds, "rounds": rounds}


def extra_memory(command):
    """What one step takes beyond its inputs, in bytes, in a process that has done no step before."""
    with Worker(command, THREADS[-1]) as worker:
        answer = worker.ask("memory")
    return answer["peak"] - answer["before"]


def agree(case, workers):
    """Fails if the sides do not get the same numbers."""
    answers = {side: worker.ask("agree")["numbers"] for side, worker in workers.items()}
    reference = next((answers[side] for side in case.variants if side in answers), None)
    if reference is None:
        return
    for side, numbers in answers.items():
        if numbers.keys() != reference.keys():
            raise Mismatch(f"{case.name}: {side} gives {sorted(numbers)}, PyTorch {sorted(reference)}")
        for name, expected in reference.items():
            if not abs(numbers[name] - expected) <= TOLERANCE * abs(expected):
                raise Mismatch(f"{case.name}: {name} of {side} is {numbers[name]}, PyTorch's is {expected}")


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
