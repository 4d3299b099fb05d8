"""Throughput of the service under several clients at once.

    python -m eval.load

starts ``qgen serve`` and lets 1, 4 and 16 clients ask it for one question at a time, each its share
of ``--requests``, over the inputs of ``data/regression.jsonl`` (or of ``--examples FILE``).  Every
answer is checked to be for what was asked.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
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
    address: str, inputs: Sequence[tuple[str, Answer]], clients: int, requests: int
) -> tuple[float, float]:
    """Requests a second with so many clients, and the median seconds that one takes."""
    chosen = [inputs[i % len(inputs)] for i in range(requests)]
    started = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        seconds = sorted(pool.map(lambda one: ask(address, *one), chosen))
    return requests / (time.perf_counter() - started), seconds[requests // 2]


def main(argv: list[str] | None = None) -> None:
    """Start the service, measure, print a table, stop it."""
    parser = argparse.ArgumentParser(prog="python -m eval.load", description=main.__doc__)
    parser.add_argument("--examples", type=Path, default=INPUTS, help="passages with answers")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--requests", type=int, default=96, help="for each number of clients")
    args = parser.parse_args(argv)
    inputs = read_inputs(args.examples)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "qgen", "serve", "--no-page", "--port", str(port)]
    service = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(address, service)
        ask(address, *inputs[0])
        print(f"{'clients':>8}{'requests/s':>12}{'median, s':>11}")
        for clients in args.clients:
            rate, median = measure(address, inputs, clients, args.requests)
            print(f"{clients:8}{rate:12.2f}{median:11.2f}", flush=True)
    finally:
        service.terminate()
        service.wait()


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
