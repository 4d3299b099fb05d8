"""Throughput of the service under several clients at once, beside that of ``qgen batch``.

    python -m eval.load

starts ``qgen serve`` and lets 1, 4 and 16 clients ask it for one question at a time, each its share
of ``--requests``, over the inputs of ``data/regression.jsonl`` (or of ``--examples FILE``).  Every
answer is checked to be for what was asked.  ``qgen batch`` then asks for as many rows, the same
ones, in a process that has loaded its models; while one works the other does nothing.  All take
turns ``--repeats`` times, so that a machine that is slower for some minutes is so for all of them.
Printed are medians, and the rate beside that of ``qgen batch`` as the median of all turns' ratios.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from urllib.error import HTTPError

from eval.bench import INPUTS, read_inputs
from qgen.errors import QGenError, exit_code
from qgen.records import Answer

STARTING_S = 60


def ask(address: str, passage: str, answer: Answer) -> float:
    """Ask for one question, again where the service says it is busy.

    Returns:
        Seconds until it came.

    Raises:
        QGenError: what came is for another answer.
    """
    sent = {"text": answer.text, "start": answer.start}
    body = json.dumps({"passages": [{"passage": passage, "answers": [sent]}]}).encode()
    wanted = {"answer": answer.text, "answer_start": answer.start}
    started = time.perf_counter()
    while True:
        request = urllib.request.Request(
            f"{address}/v1/questions", body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request) as response:
                [result] = json.load(response)["results"]
            break
        except HTTPError as error:
            if error.code != 429:
                raise
            time.sleep(float(error.headers["Retry-After"]))
    if any(not wanted.items() <= question.items() for question in result["questions"]):
        raise QGenError(f"another answer than {answer.text!r} came back")
    return time.perf_counter() - started


def measure(
    address: str, inputs: Sequence[tuple[str, Answer]], clients: int
) -> tuple[float, float]:
    """Requests a second with so many clients, and the median seconds that one takes."""
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        seconds = list(pool.map(lambda one: ask(address, *one), inputs))
    return len(inputs) / (time.perf_counter() - started), statistics.median(seconds)


def work(rows: Path) -> None:
    """Be ``qgen batch`` with its default settings: for each line of standard input ask about all
    rows of a file, and print how many seconds it took."""
    from qgen import QuestionGenerator
    from qgen.files.batch import run_batch
    from qgen.model.runtime.workers import count_streams

    generator = QuestionGenerator.from_pretrained()
    size = generator.generator.batch_size * count_streams(generator.generator.device)
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "questions.jsonl"
        run = partial(run_batch, rows, output, batch_size=size, progress=False)
        run(generator.generate)  # as the service has answered before it is measured
        print(flush=True)
        for _ in sys.stdin:
            started = time.perf_counter()
            run(generator.generate)
            print(time.perf_counter() - started, flush=True)


def main(argv: list[str] | None = None) -> None:
    """Start the service and a batch, measure, print a table, stop them."""
    parser = argparse.ArgumentParser(prog="python -m eval.load", description=main.__doc__)
    parser.add_argument("--examples", type=Path, default=INPUTS, help="passages with answers")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--requests", type=int, default=96, help="for each number of clients")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.worker:
        work(args.worker)
        return
    inputs = list(islice(cycle(read_inputs(args.examples)), args.requests))
    rates: dict[int, list[float]] = {clients: [] for clients in args.clients}
    medians: dict[int, list[float]] = {clients: [] for clients in args.clients}
    batch: list[float] = []
    with _service() as address, _batch(inputs) as worker:
        ask(address, *inputs[0])
        for _ in range(args.repeats):
            for clients in args.clients:
                rate, median = measure(address, inputs, clients)
                rates[clients].append(rate)
                medians[clients].append(median)
            batch.append(args.requests / _figure(worker))
    print(f"{'clients':>10}{'rows/s':>10}{'median, s':>12}{'of batch':>10}")
    for clients in args.clients:
        share = statistics.median(map(float.__truediv__, rates[clients], batch))
        rate, median = map(statistics.median, (rates[clients], medians[clients]))
        print(f"{clients:10}{rate:10.2f}{median:12.2f}{share:10.2f}")
    print(f"qgen batch{statistics.median(batch):10.2f}")


@contextmanager
def _service() -> Iterator[str]:
    """The address of a service that is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "qgen", "serve", "--no-page", "--port", str(port)]
    service = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(address, service)
        yield address
    finally:
        service.terminate()
        service.wait()


@contextmanager
def _batch(inputs: Sequence[tuple[str, Answer]]) -> Iterator[subprocess.Popen]:
    """A process that is ready to ask about the inputs, as :func:`work` does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        rows = [
            {"passage": passage, "answer": answer.text, "answer_start": answer.start}
            for passage, answer in inputs
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        command = [sys.executable, "-m", "eval.load", "--worker", str(path)]
        worker = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        assert worker.stdin and worker.stdout
        try:
            worker.stdout.readline()
            yield worker
        finally:
            worker.stdin.close()
            worker.wait()


def _figure(worker: subprocess.Popen) -> float:
    """Seconds that all rows take."""
    assert worker.stdin and worker.stdout
    print(file=worker.stdin, flush=True)
    return float(worker.stdout.readline())


def _wait_until_ready(address: str, service: subprocess.Popen) -> None:
    deadline = time.monotonic() + STARTING_S
    while time.monotonic() < deadline and service.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/readyz"):
                return
        except OSError:
            time.sleep(0.1)
    raise QGenError("the service did not start")


if __name__ == "__main__":
    sys.exit(exit_code("eval.load", main))
