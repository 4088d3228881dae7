"""From measured times and bytes to ratios, and to whether a bar is reached."""

from dataclasses import dataclass

from .cases import THREADS, Case


@dataclass(frozen=True)
class Verdict:
    """What is said of a case. A ratio is Logit's number over PyTorch's; None where it was not measured."""

    case: Case
    variant: str | None
    """The way to do it in PyTorch that is the fastest, and that counts."""
    torch: dict[int, float]
    logit: dict[int, float]
    time_ratio: float | None
    memory: dict[str, int]
    memory_ratio: float | None

    @property
    def reached(self):
        """Whether every bar is reached; None where a ratio with a bar was not measured."""
        barred = [(self.time_ratio, self.case.time_bar)]
        if self.case.memory_bar is not None:
            barred.append((self.memory_ratio, self.case.memory_bar))
        if any(ratio is None for ratio, _ in barred):
            return None
        return all(ratio <= bar for ratio, bar in barred)

    @property
    def slower(self):
        return self.time_ratio is not None and self.time_ratio > 1


def judge(case, measured):
    """The verdict on what `measure` gave."""
    seconds, memory = measured["seconds"], measured["memory"]
    logit = seconds.get("logit", {})
    variants = [variant for variant in case.variants if variant in seconds]
    fastest = min(variants, key=lambda variant: min(seconds[variant].values()), default=None)
    torch = seconds.get(fastest, {})
    return Verdict(
        case=case,
        variant=fastest,
        torch=torch,
        logit=logit,
        time_ratio=logit[THREADS[-1]] / min(torch.values()) if logit and torch else None,
        memory=memory,
        memory_ratio=ratio(memory.get("logit"), memory.get(fastest)),
    )


def ratio(ours, theirs):
    return ours / theirs if ours is not None and theirs else None
