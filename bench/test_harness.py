"""Tests of what compares: `python3 -m unittest discover bench`, with Python's standard library only."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

from harness import cold, environment, measure, plot, report
from harness.cases import ALL, BY_HAND, CAPTUM, EAGER, ONNX, OPTIONS, THREADS, ZENNIT, Case, threads_of
from harness.verdict import changes, judge
from harness.worker import Worker, WorkerError

CASE = Case("a_case", "a case", ("eager", "compile", "compile+fused"), time_bar=0.5, memory_bar=0.5)
MEMORY = {"logit": 30, "eager": 100, "compile": 40, "compile+fused": 20}


def measured(logit, eager, compiled, fused, **more):
    """What `measure` gives for times with one and two threads; a variant other than eager has but the latter."""
    seconds = {"logit": dict(enumerate(logit, 1)), "eager": dict(enumerate(eager, 1))}
    seconds |= {"compile": {2: compiled}, "compile+fused": {2: fused}}
    prepared_in = {"eager": 0.1, "compile": 12.0, "compile+fused": 13.0}
    return {"seconds": seconds, "memory": MEMORY, "prepared_in": prepared_in, "versions": {}, "left_out": {}} | more


class Verdicts(unittest.TestCase):
    def test_the_fastest_variant_counts_and_the_bars_are_about_eager(self):
        verdict = judge(CASE, measured((2.0, 1.0), (8.0, 9.0), 4.0, 5.0))
        self.assertEqual((verdict.best, verdict.time_ratio(verdict.best)), ("compile", 0.25))
        self.assertEqual((verdict.time_ratio("eager"), verdict.memory_ratio("eager")), (0.125, 0.3))
        self.assertIs(verdict.reached, True)
        self.assertEqual((verdict.faster, verdict.leaner), ([], ["compile+fused"]))

    def test_eager_can_be_the_fastest_with_one_thread(self):
        verdict = judge(CASE, measured((2.0, 1.0), (1.5, 2.0), 4.0, 5.0))
        self.assertEqual((verdict.best, verdict.time_ratio("eager")), ("eager", 1 / 1.5))
        self.assertIs(verdict.reached, False)

    def test_every_variant_is_shown_and_those_that_win_are_told(self):
        verdict = judge(CASE, measured((30.0, 30.0), (50.0, 60.0), 20.0, 10.0))
        self.assertEqual(verdict.faster, ["compile+fused", "compile"])
        told = report.shortfalls([verdict])
        self.assertIn("slower than 2 variants: it takes 3.00 times the time of `compile+fused`, 1.50 times", told)
        self.assertIn("0.60 of the time of `eager`; the bar is 0.50", told)
        self.assertIn("more memory than 1 variant: 1.50 times that of `compile+fused`", told)
        rows = report.variants_table([verdict]).splitlines()[2:]
        self.assertEqual([row.split("|")[2].strip() for row in rows], ["Logit", "eager", "compile", "compile+fused (fastest)"])
        self.assertIn("13.0 s", rows[-1])

    def test_a_case_that_is_slower_is_drawn_so_with_a_mark_for_eager(self):
        faster, slower = (judge(CASE, measured((1.0, 1.0), (4.0, 4.0), best, 9.0)) for best in (2.0, 0.5))
        drawn = xml.etree.ElementTree.fromstring(plot.svg([faster, slower]))
        kinds = [element.get("class") for element in drawn.iter()]
        self.assertEqual([kinds.count(kind) for kind in ("faster", "slower", "one", "mark")], [1, 1, 1, 2])

    def test_what_was_not_measured_has_no_verdict(self):
        alone = judge(CASE, {"seconds": {"logit": {1: 1.0, 2: 1.0}}, "memory": {}, "prepared_in": {}, "left_out": {}})
        self.assertEqual((alone.best, alone.time_ratio("eager"), alone.reached), (None, None, None))
        self.assertIn("| a_case |", report.table([alone]))
        self.assertEqual(report.shortfalls([alone]).split(":")[0], "Nowhere")


    def test_the_bars_are_about_the_first_variant(self):
        case = Case("maps", "maps", (ZENNIT, EAGER), 0.5)
        seconds = {"logit": {1: 2.0, 2: 1.0}, ZENNIT: {1: 3.0, 2: 4.0}, EAGER: {1: 1.5, 2: 1.25}}
        verdict = judge(case, {"seconds": seconds, "memory": {}, "prepared_in": {}, "left_out": {}})
        self.assertEqual((case.reference, verdict.best, verdict.reached), (ZENNIT, EAGER, True))
        self.assertIn(f"| {ZENNIT} ", report.table([verdict]))


class Changes(unittest.TestCase):
    def test_they_are_ratios_within_rounds(self):
        rounds = {"logit": {1: [1.0, 4.0, 3.0], 2: [1.0, 1.0, 1.0]}, "before": {1: [2.0, 4.0, 2.0], 2: [1.0, 1.0, 1.0]}}
        seconds = {side: {1: 3.0, 2: 1.0} for side in rounds}
        one, two = changes(CASE, {"seconds": seconds, "rounds": rounds})
        self.assertEqual((one.threads, one.ratio, one.ratios), (1, 1.0, [0.5, 1.0, 1.5]))
        self.assertEqual((two.threads, two.ratio), (2, 1.0))
        last = report.changes_table([one, two]).splitlines()[2]
        self.assertEqual([cell.strip() for cell in last.split("|")[5:8]], ["1.000", "0.500", "1.500"])

    def test_results_say_nothing_of_another_build(self):
        both = measured((1.0, 1.0), (4.0, 4.0), 2.0, 3.0)
        both["seconds"]["before"] = {1: 1.0, 2: 1.0}
        told = json.loads(report.as_json([judge(CASE, both)], {"a_case": both}, {}, 5, 0.5))["cases"]["a_case"]
        self.assertEqual(sorted(told["seconds"]), ["compile", "compile+fused", "eager", "logit"])
        self.assertEqual((told["best"], told["time_ratio"]["compile+fused"]), ("compile", 1 / 3))

    def test_without_another_build_there_are_none(self):
        self.assertEqual(changes(CASE, {"seconds": {"logit": {}}, "rounds": {}}), [])


class Cases(unittest.TestCase):
    def test_names_are_unique(self):
        self.assertEqual(len({case.name for case in ALL}), len(ALL))

    def test_each_has_its_reference_and_explained_variants(self):
        for case in ALL:
            self.assertEqual(case.reference, ZENNIT if case.script == "torch_explain.py" else EAGER)
            parts = {option for variant in case.variants for option in variant.split("+")}
            self.assertLessEqual(parts, OPTIONS.keys())

    def test_who_has_one_thread_too(self):
        both = ("before", EAGER, ONNX, ZENNIT, CAPTUM, BY_HAND)
        self.assertEqual([threads_of(side) for side in (*both, "compile")], [THREADS] * len(both) + [THREADS[-1:]])


class Environment(unittest.TestCase):
    def test_a_build_needs_the_command_beside_it(self):
        with tempfile.TemporaryDirectory() as folder:
            bench = pathlib.Path(folder) / "logit-bench"
            bench.touch()
            with self.assertRaises(environment.Missing):
                environment.there(bench)
            bench.with_name("logit").touch()
            self.assertEqual(environment.there(bench), bench)

    def test_an_interpreter_without_the_peers_is_told_what_to_install(self):
        with self.assertRaisesRegex(environment.Missing, "pip install -r bench/requirements.txt"):
            with tempfile.TemporaryDirectory() as folder:
                python = pathlib.Path(folder) / "python"
                python.write_text("#!/bin/sh\necho 'No module named onnx' >&2\nexit 1\n")
                python.chmod(0o755)
                environment.ready(python)

    def test_each_side_has_a_command(self):
        builds = environment.Build(pathlib.Path("now/logit-bench")), environment.Build(pathlib.Path("was/logit-bench"))
        sides = environment.Sides(*builds, pathlib.Path("python"), pathlib.Path("scratch"))
        self.assertEqual(sides.of(CASE), ("logit", "before", *CASE.variants))
        self.assertEqual(sides.worker("before", CASE, 2), [pathlib.Path("was/logit-bench"), "a_case"])
        self.assertEqual(sides.worker(ONNX, CASE, 2)[3:], [pathlib.Path("scratch/a_case.onnx"), 2])
        self.assertEqual(sides.worker("compile", CASE, 1)[1:], [environment.BENCH / "torch_side.py", "a_case", "compile", 1])
        explained = Case("maps", "maps", (ZENNIT,), 0.5, script="torch_explain.py")
        self.assertEqual(sides.worker(ZENNIT, explained, 1)[1], environment.BENCH / "torch_explain.py")


class Agreement(unittest.TestCase):
    def test_numbers_within_the_tolerance_agree(self):
        measure.agree(CASE, {"logit": {"loss": 1.00005}, "eager": {"loss": 1.0, "norm": 2.0}})

    def test_others_do_not(self):
        for wrong in ({"loss": 1.0002}, {"loss": float("nan")}, {"other": 1.0}, {}):
            with self.assertRaises(measure.Mismatch):
                measure.agree(CASE, {"logit": wrong, "eager": {"loss": 1.0}})

    def test_builds_must_agree_too(self):
        with self.assertRaises(measure.Mismatch):
            measure.agree(CASE, {"logit": {"loss": 1.0}, "before": {"loss": 2.0}})


class Workers(unittest.TestCase):
    def start(self, program):
        return Worker([sys.executable, "-c", program], threads=1)

    def test_it_answers_until_it_is_closed(self):
        echo = "import sys\nprint('{\"version\": \"1\"}', flush=True)\nfor line in sys.stdin: print(line, flush=True, end='')"
        with self.start(echo) as worker:
            self.assertEqual(worker.ask("time", seconds=2), {"do": "time", "seconds": 2})
            self.assertEqual((worker.version, worker.prepared_in), ("1", None))
        self.assertEqual(worker.process.returncode, 0)

    def test_one_that_ends_early_is_an_error(self):
        with self.assertRaises(WorkerError):
            self.start("raise SystemExit(3)")

    def test_a_peer_serves_what_is_measured(self):
        program = """
import serving
class Case:
    def step(self): self.block = bytearray(32 << 20)
    def agreed(self): return {"loss": 1.0}
serving.serve(Case, "9")
"""
        command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(environment.BENCH)!r})\n{program}"]
        seen = measure.look(command)
        self.assertEqual((seen["numbers"], seen["versions"]), ({"loss": 1.0}, "9"))
        self.assertGreaterEqual(seen["memory"], 31 << 20)
        with Worker(command, 1) as worker:
            self.assertGreaterEqual(len(worker.ask("time", seconds=0.001)["steps"]), 3)

    def test_a_variant_that_cannot_be_run_is_left_out_and_named(self):
        whole = f"import sys; sys.path.insert(0, {str(environment.BENCH)!r})\n" + """
import serving
class Case:
    def step(self): pass
    def agreed(self): return {"loss": 1.0}
serving.serve(Case, "9")
"""
        programs = {"logit": whole, EAGER: whole, "compile": "raise SystemExit(3)", "compile+fused": whole}

        class Sides:
            def of(self, case):
                return list(programs)

            def worker(self, side, case, threads):
                return [sys.executable, "-c", programs[side]]

        told = measure.measure(CASE, Sides(), 1, 0.001, lambda text: None)
        self.assertEqual((list(told["left_out"]), sorted(told["seconds"])), (["compile"], ["compile+fused", EAGER, "logit"]))
        self.assertIn("`compile` could not be run on this machine", report.shortfalls([judge(CASE, told)]))
        programs[EAGER] = programs["compile"]
        with self.assertRaises(WorkerError):
            measure.measure(CASE, Sides(), 1, 0.001, lambda text: None)


class Images(unittest.TestCase):
    def test_the_peers_read_the_pixels_that_were_written(self):
        with tempfile.TemporaryDirectory() as folder:
            image = pathlib.Path(folder) / "one.png"
            image.write_bytes(cold.png(cold.a_one()))
            program = "import grey_png, sys; sys.stdout.buffer.write(grey_png.pixels(sys.argv[1]))"
            command = [sys.executable, "-c", program, image]
            read = subprocess.run(command, cwd=environment.BENCH, capture_output=True, check=True).stdout
        self.assertEqual(read, bytes(pixel for row in cold.a_one() for pixel in row))


if __name__ == "__main__":
    unittest.main()
