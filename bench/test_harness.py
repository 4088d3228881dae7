"""Tests of what compares: `python3 -m unittest discover bench`."""

import json
import sys
import unittest
import xml.etree.ElementTree

from harness import measure, plot, report
from harness.cases import ALL, Case
from harness.verdict import judge
from harness.worker import Absent, Worker, WorkerError

CASE = Case("a_case", "a case", time_bar=0.5, memory_bar=0.5, variants=("eager", "chunked"))


def measured(logit, eager, chunked, memory):
    seconds = {"logit": logit, "eager": eager, "chunked": chunked}
    return {"seconds": {side: {1: one, 2: two} for side, (one, two) in seconds.items()}, "memory": memory}


class Answering:
    """A worker that agrees to given numbers."""

    def __init__(self, **numbers):
        self.numbers = numbers

    def ask(self, _):
        return {"numbers": self.numbers}


class Verdicts(unittest.TestCase):
    def test_the_faster_way_and_number_of_threads_of_pytorch_count(self):
        memory = {"logit": 30, "eager": 100, "chunked": 40}
        verdict = judge(CASE, measured((2.0, 1.0), (9.0, 8.0), (4.0, 5.0), memory))
        self.assertEqual((verdict.variant, verdict.time_ratio, verdict.memory_ratio), ("chunked", 0.25, 0.75))
        self.assertIs(verdict.reached, False)
        self.assertEqual(len(list(report.shortfalls_of(verdict))), 1)

    def test_what_was_not_measured_has_no_verdict(self):
        alone = judge(CASE, {"seconds": {"logit": {1: 1.0, 2: 1.0}}, "memory": {}})
        self.assertEqual((alone.time_ratio, alone.reached), (None, None))
        self.assertIn("| a_case |", report.table([alone]))

    def test_a_case_that_is_slower_is_named_and_drawn(self):
        memory = {"logit": 1, "eager": 100, "chunked": 100}
        verdict = judge(CASE, measured((30.0, 30.0), (1.0, 2.0), (4.0, 4.0), memory))
        self.assertIn("`a_case` is slower than PyTorch: 30.00 times", report.shortfalls([verdict]))
        drawn = xml.etree.ElementTree.fromstring(plot.svg([verdict]))
        kinds = [element.get("class") for element in drawn.iter()]
        self.assertEqual((kinds.count("slower"), kinds.count("one"), kinds.count("bar")), (1, 1, 1))

    def test_names_are_unique(self):
        self.assertEqual(len({case.name for case in ALL}), len(ALL))


class Agreement(unittest.TestCase):
    def test_numbers_within_the_tolerance_agree(self):
        measure.agree(CASE, {"logit": Answering(loss=1.00005), "eager": Answering(loss=1.0)})

    def test_others_do_not(self):
        for wrong in (Answering(loss=1.0002), Answering(loss=float("nan")), Answering(other=1.0)):
            with self.assertRaises(measure.Mismatch):
                measure.agree(CASE, {"logit": wrong, "eager": Answering(loss=1.0)})


class Workers(unittest.TestCase):
    def start(self, program):
        return Worker([sys.executable, "-c", program], threads=1)

    def test_it_answers_until_it_is_closed(self):
        echo = "import sys\nprint('{\"version\": \"1\"}', flush=True)\nfor line in sys.stdin: print(line, flush=True, end='')"
        with self.start(echo) as worker:
            self.assertEqual(worker.ask("time", seconds=2), {"do": "time", "seconds": 2})
        self.assertEqual(worker.process.returncode, 0)

    def test_one_that_ends_early_or_lacks_the_case_is_an_error(self):
        with self.assertRaises(WorkerError):
            self.start("raise SystemExit(3)")
        with self.assertRaises(Absent):
            self.start(f"print({json.dumps({'absent': 'no such loss'})!r})")


if __name__ == "__main__":
    unittest.main()
