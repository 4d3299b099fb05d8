"""What a service must survive: many clients at once, hostile requests, slow ones, a full disk."""

import asyncio
import errno
import json
import random
import socket
import threading
import time
from types import SimpleNamespace

import httpx
import pytest
import schemathesis
import torch
from conftest import PASSAGE, served
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from test_service import wait_for, wait_until

from qgen.asking.pipeline import QuestionGenerator
from qgen.records import Answer, Question, Request, Result
from qgen.service.app import ServiceSettings, create_app
from qgen.service.queue import DynamicBatcher
from qgen.settings import GenerationSettings, QuizSettings

BODY = {"passages": [{"passage": PASSAGE}]}


def echoing(seconds=0.0):
    """A generator whose question names its passage, after so many seconds for each call."""

    def generate(requests, settings, quiz):
        time.sleep(seconds)
        return [Result((Question(r.passage, Answer(r.passage[:1], 0), -1.0),)) for r in requests]

    generator = QuestionGenerator(
        SimpleNamespace(
            device=torch.device("cpu"),
            score=lambda asked: [-1.0] * len(asked),
            within_range=lambda settings: settings,
        )
    )
    generator.generate = generate
    generator.propose = lambda passages: [[Answer(p[:1], 0)] for p in passages]
    return generator


# --- Load ------------------------------------------------------------------------------------


def test_two_thousand_requests_get_each_its_own_answer():
    """48 clients against a queue of 32: those sent away with 429 come again, and none is lost."""
    refused, found = 0, {}

    async def client(address, numbers):
        nonlocal refused
        async with httpx.AsyncClient(base_url=address, timeout=60) as http:
            for number in numbers:
                passages = [f"{number}.{i}" for i in range(random.choice([1, 1, 1, 8]))]
                body = {"passages": [{"passage": passage} for passage in passages]}
                while (response := await http.post("/v1/questions", json=body)).status_code == 429:
                    assert int(response.headers["retry-after"]) >= 1
                    refused += 1
                    await asyncio.sleep(0.02)
                assert response.status_code == 200
                results = response.json()["results"]
                found[number] = [r["questions"][0]["question"] for r in results] == passages

    async def clients(address):
        await asyncio.gather(*(client(address, range(n, 2000, 48)) for n in range(48)))

    app = create_app(echoing(0.002), ServiceSettings(max_waiting=32))
    with served(app) as address:
        asyncio.run(clients(address))
    assert refused and len(found) == 2000 and all(found.values())


# --- Hostile requests ------------------------------------------------------------------------


APP = create_app(echoing(), ServiceSettings(max_characters=2000))


@pytest.fixture(scope="module")
def running():
    with TestClient(APP):  # runs the lifespan
        yield


@schemathesis.openapi.from_asgi("/openapi.json", APP).parametrize()
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_requests_made_up_from_the_openapi_get_the_answers_it_promises(case, running):
    """Proper ones and improper ones; never a 500.  What is proper by its form may yet be refused:
    a passage without words, say."""
    case.call_and_validate(excluded_checks=[positive_data_acceptance])


def test_a_passage_of_fifty_megabytes_is_refused_and_a_file_with_one_goes_on():
    app = create_app(echoing(), ServiceSettings(max_upload_bytes=80_000_000))
    huge = "word " * 10_000_000
    with TestClient(app) as client:
        assert (
            client.post("/v1/questions", json={"passages": [{"passage": huge}]}).status_code == 413
        )
        rows = "".join(json.dumps({"passage": text}) + "\n" for text in (PASSAGE, huge, PASSAGE))
        started = client.post("/v1/batches", files={"file": ("rows.jsonl", rows)}).json()
        assert wait_for(client, started["id"], {"done", "failed"})["message"].endswith("1 error")
        result = client.get(f"/v1/batches/{started['id']}/result").text
        rows = [json.loads(line) for line in result.splitlines()]
        assert [row["questions"][0]["question"] for row in rows] == [PASSAGE] * 2


# --- Slow and dying ones ---------------------------------------------------------------------


def test_a_slow_client_does_not_hold_up_the_others():
    with served(create_app(echoing())) as address, httpx.Client(base_url=address) as other:
        host, port = address.removeprefix("http://").split(":")
        body = json.dumps(BODY).encode()
        head = (
            f"POST /v1/questions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        ).encode()
        with socket.create_connection((host, int(port)), timeout=10) as slow:
            slow.sendall(head + body[:10])
            for byte in body[10:]:
                assert other.post("/v1/questions", json=BODY).status_code == 200
                slow.sendall(bytes([byte]))
            answer = b"".join(iter(lambda: slow.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200") and PASSAGE[:20].encode() in answer


def test_a_batch_whose_client_has_gone_before_it_was_accepted_is_stopped():
    loaded = threading.Event()

    def load():
        assert loaded.wait(30)
        return echoing(0.5)

    app = create_app(load)
    rows = "".join(json.dumps({"passage": PASSAGE}) + "\n" for _ in range(1000))
    with served(app) as address:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{address}/v1/batches", files={"file": ("a.jsonl", rows)}, timeout=1)
        loaded.set()
        wait_until(lambda: hasattr(app.state, "batches") and app.state.batches._batches, 20)
        [batch] = app.state.batches._batches.values()
        wait_until(lambda: batch.state == "cancelled", 20)


def test_a_full_disk_fails_the_batch_and_not_the_service(monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with TestClient(create_app(echoing())) as client:
        monkeypatch.setattr("qgen.files.batch.os.fsync", full)
        rows = f'{{"passage": "{PASSAGE}"}}\n' * 3
        started = client.post("/v1/batches", files={"file": ("rows.jsonl", rows)}).json()
        status = wait_for(client, started["id"], {"done", "failed"})
        assert status["state"] == "failed" and "No space left" in status["message"]
        monkeypatch.undo()
        assert client.post("/v1/questions", json=BODY).status_code == 200
        started = client.post("/v1/batches", files={"file": ("rows.jsonl", rows)}).json()
        assert wait_for(client, started["id"], {"done", "failed"})["state"] == "done"


def test_a_batch_whose_worker_is_killed_has_failed():
    def generate(requests, settings, quiz):
        raise SystemExit

    generator = echoing()
    generator.generate = generate
    with TestClient(create_app(generator)) as client:
        started = client.post("/v1/batches", files={"file": ("a.txt", f"{PASSAGE}\n")}).json()
        assert wait_for(client, started["id"], {"done", "failed"})["state"] == "failed"


@pytest.mark.parametrize("death", [SystemExit, MemoryError, RuntimeError])
def test_a_worker_that_is_killed_goes_on_with_the_next_request(death):
    def generate(requests, settings, quiz):
        if requests[0].passage.strip() == "kill":
            raise death
        return [Result() for _ in requests]

    batcher = DynamicBatcher(generate, max_batch=1)
    futures = [
        batcher.submit([Request(text.ljust(560))], GenerationSettings(), QuizSettings())
        for text in ("kill", "a")
    ]
    with pytest.raises(death):
        futures[0].result(5)
    assert futures[1].result(5) == [Result()] and batcher.alive
    batcher.close()
