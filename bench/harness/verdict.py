"""From measured times and bytes to ratios, and to whether a bar is reached."""

import statistics
from dataclasses import dataclass

from .cases import THREADS, Case


@dataclass(frozen=True)
class Verdict:
    """What is said of a case. A ratio is Logit's number over a peer's; None where it was not measured."""

    case: Case
    seconds: dict[str, dict[int, float]]
    """By side and number of threads."""
    memory: dict[str, int]
    prepared_in: dict[str, float]
    left_out: dict[str, str]
    """Variants that could not be run, and why."""

    @property
    def variants(self):
        """The variants that were measured, in the case's order."""
        return [variant for variant in self.case.variants if variant in self.seconds]

    @property
    def best(self):
        """The fastest variant: the one that counts."""
        return min(self.variants, key=self.fastest, default=None)

    @property
    def logit(self):
        """Logit's time."""
        return self.seconds.get("logit", {}).get(THREADS[-1])

    def fastest(self, side):
        """The time of a side with the number of threads that suits it."""
        return min(self.seconds[side].values()) if side in self.seconds else None

    def time_ratio(self, variant):
        return ratio(self.logit, self.fastest(variant))

    def memory_ratio(self, variant):
        return ratio(self.memory.get("logit"), self.memory.get(variant))

    @property
    def reached(self):
        """Whether every bar is reached; None where a ratio with a bar was not measured."""
        barred = [(self.time_ratio(self.case.reference), self.case.time_bar)]
        if self.case.memory_bar is not None:
            barred.append((self.memory_ratio(self.case.reference), self.case.memory_bar))
        if any(ratio is None for ratio, _ in barred):
            return None
        return all(ratio <= bar for ratio, bar in barred)

    @property
    def faster(self):
        """The variants that are faster than Logit, the fastest first."""
        times = {variant: self.time_ratio(variant) for variant in self.variants}
        ahead = [variant for variant, time in times.items() if time is not None and time > 1]
        return sorted(ahead, key=times.get, reverse=True)

    @property
    def leaner(self):
        """The variants that take less memory than Logit."""
        ratios = {variant: self.memory_ratio(variant) for variant in self.variants}
        return [variant for variant, memory in ratios.items() if memory is not None and memory > 1]


def judge(case, measured):
    """The verdict on what `measure` gave."""
    return Verdict(case, measured["seconds"], measured["memory"], measured["prepared_in"], measured["left_out"])


def ratio(ours, theirs):
    return ours / theirs if ours is not None and theirs else None


@dataclass(frozen=True)
class Change:
    """How the time of a case has changed since another build, in the same rounds: now over before."""

    case: Case
    threads: int
    before: float
    now: float
    ratios: list[float]
    """Round by round."""

    @property
    def ratio(self):
        """The median over the rounds: a round's two times are close in time, so that the machine's drift is in both."""
        return statistics.median(self.ratios)


def changes(case, measured):
    """The change at each number of threads, if another build was measured."""
    seconds, rounds = measured["seconds"], measured["rounds"]
    if not {"logit", "before"} <= seconds.keys():
        return []
    return [
        Change(
            case,
            threads,
            seconds["before"][threads],
            seconds["logit"][threads],
            [now / before for now, before in zip(rounds["logit"][threads], rounds["before"][threads])],
        )
        for threads in THREADS
    ]
