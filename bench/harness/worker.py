"""Processes that prepare a case and answer requests about it, one JSON object per line."""

import json
import os
import subprocess


class WorkerError(Exception):
    """A process ended, or said what it should not."""


def environment(threads):
    """The environment that gives a process of either side so many threads."""
    names = ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return os.environ | {name: str(threads) for name in names}


class Worker:
    """One side of one case with a number of threads. It computes only while it is asked."""

    def __init__(self, command, threads):
        self.command = [str(part) for part in command]
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(threads),
        )
        try:
            hello = self._answer()
            self.version = hello["version"]
            self.prepared_in = hello.get("prepared_in")
        except BaseException:
            self.close()
            raise

    def ask(self, do, **arguments):
        """Sends a request and waits for the answer."""
        try:
            self.process.stdin.write(json.dumps({"do": do} | arguments) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # It has ended; what is missing of its answer says so.
        return self._answer()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(f"`{' '.join(self.command)}` ended with exit code {self.process.wait()}")
        try:
            return json.loads(line)
        except json.JSONDecodeError as error:
            raise WorkerError(f"`{' '.join(self.command)}` said no JSON: {line!r}") from error
