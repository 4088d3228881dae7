"""How a process of a peer answers: it prepares one case, then reads requests on standard input.

The requests and answers are those of `src/main.rs`, one JSON object per line. A case has `step`, which is timed, and
`agreed`, numbers that the other sides must get as well.
"""

import ctypes
import json
import sys
import time

MIN_STEPS = 3


def serve(prepare, version):
    """Answers for the case that `prepare` makes. The first answer tells the seconds that this took."""
    begin = time.perf_counter()
    case = prepare()
    say({"version": version, "prepared_in": time.perf_counter() - begin})
    answers = {
        "time": lambda request: timed(case, request["seconds"]),
        "agree": lambda request: {"numbers": case.agreed()},
        "memory": lambda request: one_step_of_memory(case),
    }
    for line in sys.stdin:
        request = json.loads(line)
        say(answers[request["do"]](request))


def timed(case, seconds):
    begin = time.perf_counter()
    steps = []
    while len(steps) < MIN_STEPS or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        case.step()
        steps.append(time.perf_counter() - start)
    return {"steps": steps}


def one_step_of_memory(case):
    # What preparing left behind would hide as much of what the step takes.
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as clear_refs:
        clear_refs.write("5")
    before = status("VmRSS")
    case.step()
    return {"before": before, "peak": status("VmHWM")}


def status(field):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def say(answer):
    print(json.dumps(answer), flush=True)
