"""The service: its routes, its errors, and requests decoded together."""

import asyncio
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import torch
from conftest import PASSAGE, served

from qgen.asking.pipeline import QuestionGenerator
from qgen.cli import main
from qgen.cli.entry import build_parser
from qgen.english.clean import Mended
from qgen.errors import QGenError
from qgen.files.documents import read_document
from qgen.records import Answer, Question, Request, Result
from qgen.settings import GenerationSettings, QuizSettings

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from qgen.service.app import create_app
from qgen.service.errors import ApiError
from qgen.service.queue import TOKENS, ClosedError, DynamicBatcher, QueueFullError, count_tokens
from qgen.service.routes import finished
from qgen.service.schemas import MOST, BatchIn, Decoding, QuestionsIn
from qgen.service.settings import ServiceSettings

SETTINGS, QUIZ = GenerationSettings(), QuizSettings()


def echo(requests, settings, quiz):
    """A question that names its passage."""
    return [
        Result((Question(f"What of {r.passage.strip()}?", Answer(r.passage[:1], 0), -1.0),))
        for r in requests
    ]


class Gate:
    """A model that waits until it is let go, and remembers its batches."""

    def __init__(self):
        self.open, self.entered = threading.Event(), threading.Event()
        self.batches = []

    def __call__(self, requests, settings, quiz):
        self.batches.append([request.passage.strip() for request in requests])
        self.entered.set()
        assert self.open.wait(10)
        return echo(requests, settings, quiz)


def job(*passages):
    """Requests that take as many tokens as a passage of usual length."""
    answer = (Answer("a", 0),)
    return [Request(passage.ljust(560), answer) for passage in passages]


def queue(model, **settings):
    """A queue whose batches hold so many of ``job``'s requests."""
    assert count_tokens(*job("a"), SETTINGS, QUIZ) <= TOKENS
    return DynamicBatcher(model, **settings)


def asked(results):
    return [result.questions[0].question for result in results]


def only(generate):
    """A question generator that does nothing else."""
    generator = QuestionGenerator(
        SimpleNamespace(device=torch.device("cpu"), within_range=lambda settings: settings)
    )
    generator.generate = generate
    return generator


# --- Batching --------------------------------------------------------------------------------


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open.set()


def test_waiting_jobs_are_decoded_together_one_passage_of_each_in_turn(gate):
    batcher = DynamicBatcher(gate, max_batch=4, max_delay_s=0)
    first = batcher.submit(job("first"), SETTINGS, QUIZ)
    assert gate.entered.wait(5)
    big = batcher.submit(job(*(f"big{n}" for n in range(6))), SETTINGS, QUIZ)
    small = batcher.submit(job("small"), SETTINGS, QUIZ)
    other = batcher.submit(job("other"), GenerationSettings(num_beams=2), QUIZ)
    gate.open.set()
    assert asked(big.result(5)) == [f"What of big{n}?" for n in range(6)]
    assert asked(small.result(5)) == ["What of small?"]
    assert asked(first.result(5)) + asked(other.result(5)) == ["What of first?", "What of other?"]
    assert gate.batches[1] == ["big0", "small", "big1", "big2"]
    assert gate.batches[2] == ["other"], "other settings have their turn before all of the big job"
    batcher.close()


def test_a_batch_is_filled_by_its_tokens(gate):
    """Of long passages, wide beams and proposed answers fewer are decoded together."""
    batcher = DynamicBatcher(gate, max_batch=4, max_delay_s=0)
    wide = GenerationSettings(num_beams=10)
    batcher.submit(job("first"), SETTINGS, QUIZ)
    assert gate.entered.wait(5)
    futures = [
        batcher.submit([Request(f"short{n}", (Answer("s", 0),)) for n in range(9)], SETTINGS, QUIZ),
        batcher.submit(job(*(f"wide{n}" for n in range(3))), wide, QUIZ),
        batcher.submit([Request(f"proposed{n}".ljust(560)) for n in range(2)], SETTINGS, QUIZ),
    ]
    gate.open.set()
    for future in futures:
        future.result(5)
    batcher.close()
    sizes = [(batch[0][:4], len(batch)) for batch in gate.batches[1:]]
    assert sorted(sizes) == [("prop", 1)] * 2 + [("shor", 9), ("wide", 3)]


def test_what_waits_is_shared_among_idle_streams():
    together, sizes = threading.Barrier(2), []

    def model(requests, settings, quiz):
        together.wait(10)  # neither goes on without the other
        sizes.append(len(requests))
        return echo(requests, settings, quiz)

    pool = ThreadPoolExecutor(2)
    batcher = DynamicBatcher(model, max_batch=8, pool=pool, streams=2)
    futures = [batcher.submit(job(str(n)), SETTINGS, QUIZ) for n in range(8)]
    assert [asked(future.result(10)) for future in futures] == [[f"What of {n}?"] for n in range(8)]
    batcher.close()
    assert sizes == [4, 4]


def test_a_stream_takes_its_share_of_what_waits_and_is_decoded(gate):
    """Else one stream would get all clients but one, and keep them, since they ask again."""
    batcher = DynamicBatcher(gate, max_delay_s=0, pool=ThreadPoolExecutor(2), streams=2)
    futures = [batcher.submit(job("first"), SETTINGS, QUIZ)]
    assert gate.entered.wait(5)
    futures.append(batcher.submit(job(*(f"{n}" for n in range(7))), SETTINGS, QUIZ))
    wait_until(lambda: len(gate.batches) == 2)
    gate.open.set()
    assert [len(future.result(5)) for future in futures] == [1, 7]
    batcher.close()
    sizes = [len(batch) for batch in gate.batches]
    assert sizes[:2] == [1, 4] and sorted(sizes[2:]) in ([3], [1, 2])


def wait_until(holds, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def run_in_threads(client, count):
    """Run ``client(number)`` for each number, all at once."""
    threads = [threading.Thread(target=client, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_many_threads_get_their_own_results():
    sizes = []

    def model(requests, settings, quiz):
        sizes.append(len(requests))
        return echo(requests, settings, quiz)

    batcher = DynamicBatcher(model, max_batch=16, max_delay_s=0.002, max_waiting=10_000)
    wrong = []

    def client(name):
        for n in range(125):
            passages = [f"{name}-{n}-{k}" for k in range(1 + n % 3)]
            found = asked(batcher.submit(job(*passages), SETTINGS, QUIZ).result(30))
            if found != [f"What of {passage}?" for passage in passages]:
                wrong.append((passages, found))

    run_in_threads(client, 16)
    batcher.close()
    assert not wrong
    assert sum(sizes) == 16 * sum(1 + n % 3 for n in range(125))
    assert sum(sizes) / len(sizes) > 4, "requests were decoded together"


def test_clients_that_were_just_answered_are_waited_for(monkeypatch):
    """They ask again one after the other; what has waited meanwhile is not decoded without them."""
    monkeypatch.setattr("qgen.service.queue.QUIET_S", 0.5)
    sizes, answered = [], threading.Barrier(6)

    def model(requests, settings, quiz):
        sizes.append(len(requests))
        return echo(requests, settings, quiz)

    batcher = DynamicBatcher(model, max_batch=6, max_delay_s=20)

    def client(number):
        for n in range(4):
            time.sleep(0.01 * number)
            asked(batcher.submit(job(f"{number}-{n}"), SETTINGS, QUIZ).result(30))
            answered.wait(30)

    run_in_threads(client, 6)
    batcher.close()
    assert sizes == [6] * 4


def test_a_client_that_asks_again_is_not_made_to_wait_for_others(monkeypatch):
    monkeypatch.setattr("qgen.service.queue.QUIET_S", 20.0)
    batcher = DynamicBatcher(echo, max_delay_s=1.0)
    batcher.submit(job("first"), SETTINGS, QUIZ).result(30)  # waits for company
    started = time.monotonic()
    for n in range(20):
        batcher.submit(job(str(n)), SETTINGS, QUIZ).result(30)
    assert time.monotonic() - started < 1.0
    batcher.close()


def test_a_full_queue_refuses_and_says_when_to_come_back(gate):
    batcher = DynamicBatcher(gate, max_batch=1, max_delay_s=0, max_waiting=2)
    batcher.submit(job("a"), SETTINGS, QUIZ)
    assert gate.entered.wait(5)
    waiting = batcher.submit(job("b", "c"), SETTINGS, QUIZ)
    with pytest.raises(QueueFullError) as caught:
        batcher.submit(job("d"), SETTINGS, QUIZ)
    assert caught.value.retry_after >= 1
    waiting.cancel()
    assert batcher.waiting == 0
    last = batcher.submit(job("d"), SETTINGS, QUIZ)
    gate.open.set()
    assert asked(last.result(5)) == ["What of d?"]
    batcher.close()
    assert [b for batch in gate.batches for b in batch] == ["a", "d"], (
        "what was cancelled is not done"
    )


def test_more_passages_than_may_wait_get_their_turn_when_no_others_wait():
    for wait in (False, True):
        batcher = DynamicBatcher(echo, max_delay_s=0, max_waiting=2)
        names = ["a", "b", "c"]
        future = batcher.submit(job(*names), SETTINGS, QUIZ, wait)
        assert asked(future.result(5)) == [f"What of {name}?" for name in names]
        batcher.close()


@pytest.mark.parametrize("fails", [False, True])
def test_a_client_that_goes_while_its_passage_is_decoded_leaves_the_worker_alive(gate, fails):
    def model(requests, settings, quiz):
        found = gate(requests, settings, quiz)
        if fails and requests[0].passage.strip() == "gone":
            raise RuntimeError("out of memory")
        return found

    batcher = DynamicBatcher(model, max_batch=1, max_delay_s=0)
    gone = batcher.submit(job("gone"), SETTINGS, QUIZ)
    assert gate.entered.wait(5)
    assert gone.cancel()
    gate.open.set()
    assert asked(batcher.submit(job("next"), SETTINGS, QUIZ).result(5)) == ["What of next?"]
    assert batcher.alive
    batcher.close()


def test_closing_finishes_what_was_taken_and_takes_no_more(gate):
    batcher = DynamicBatcher(gate, max_batch=2, max_delay_s=0)
    futures = [batcher.submit(job(str(n)), SETTINGS, QUIZ) for n in range(5)]
    closing = threading.Thread(target=batcher.close)
    closing.start()
    gate.open.set()
    closing.join(5)
    assert [asked(future.result(0)) for future in futures] == [[f"What of {n}?"] for n in range(5)]
    with pytest.raises(ClosedError):
        batcher.submit(job("x"), SETTINGS, QUIZ)


def test_a_model_that_fails_does_not_stop_the_worker():
    def model(requests, settings, quiz):
        if "bad" in requests[0].passage:
            raise RuntimeError("out of memory")
        return echo(requests, settings, quiz)

    batcher = DynamicBatcher(model, max_batch=1, max_delay_s=0)
    bad, good = (batcher.submit(job(name), SETTINGS, QUIZ) for name in ("bad", "good"))
    with pytest.raises(RuntimeError):
        bad.result(5)
    assert asked(good.result(5)) == ["What of good?"]
    assert batcher.alive
    batcher.close()


# --- Routes ----------------------------------------------------------------------------------


@pytest.fixture
def client(generator, unchecked):
    with TestClient(create_app(generator), raise_server_exceptions=False) as client:
        yield client


def test_questions(client):
    body = {"passages": [{"passage": PASSAGE, "answers": ["1937", {"text": "in", "start": 47}]}]}
    response = client.post("/v1/questions", json=body)
    assert response.status_code == 200
    [result] = response.json()["results"]
    assert [(q["answer"], q["answer_start"]) for q in result["questions"]] == [
        ("1937", 50),
        ("in", 47),
    ]
    assert result["reason"] == "" and result["problems"] == []


@pytest.mark.parametrize("choices", [0, 3])
def test_a_question_has_the_shape_that_files_hold(client, choices):
    body = {"passages": [{"passage": PASSAGE, "answers": ["1937"]}], "choices": choices}
    [result] = client.post("/v1/questions", json=body).json()["results"]
    distractors = ("1936", "1938") if choices else ()
    record = Question("?", Answer("1937", 50), 0.0, None, distractors).to_dict()
    assert result["questions"][0].keys() == record.keys()


def test_what_cannot_be_used_is_a_problem_of_its_passage_alone(client):
    body = {
        "passages": [
            {"passage": PASSAGE, "answers": ["1937", "London"]},
            {"passage": PASSAGE, "answers": ["Paris"]},
            {"passage": "x" * 20_001},
            {"passage": PASSAGE, "answers": ["San Francisco"]},
        ]
    }
    response = client.post("/v1/questions", json=body)
    assert response.status_code == 200
    results = response.json()["results"]
    asked = [[question["answer"] for question in result["questions"]] for result in results]
    assert asked == [["1937"], [], [], ["San Francisco"]]
    problems = [result["problems"] for result in results]
    assert "'London' is not in the passage" in problems[0][0]
    assert "'Paris' is not in the passage" in problems[1][0] and results[1]["reason"] == ""
    assert "20001 characters" in problems[2][0] and problems[3] == []


def test_questions_for_proposed_answers_and_a_passage_that_has_none(client):
    body = {
        "passages": [{"passage": PASSAGE}, {"passage": "Photosynthesis"}],
        "max_answers": 2,
        "settings": {"num_beams": 2, "max_length": 12},
    }
    good, bad = client.post("/v1/questions", json=body).json()["results"]
    assert 1 <= len(good["questions"]) <= 2
    assert bad["questions"] == [] and bad["reason"] == "the passage has no whole sentence"


OTHER = "Marie Curie was born in Warsaw in 1867."
MESSY = "The o\ufb03ce of Jan\u00adWeber opened in \u200bMarland\u200b in 1937. It was big."
MENDED = "The office of JanWeber opened in Marland in 1937. It was big."


def test_characters_are_mended_and_offsets_are_those_of_the_passage_that_comes_back(client):
    given = ["Marland", {"text": "1937", "start": MESSY.index("1937")}, "o\ufb03ce"]
    body = {"passages": [{"passage": MESSY, "answers": given}, {"passage": PASSAGE}]}
    messy, clean = client.post("/v1/questions", json=body).json()["results"]
    assert messy["passage"] == MENDED and "passage" not in clean
    found = [(q["answer"], q["answer_start"]) for q in messy["questions"]]
    assert found == [(text, MENDED.index(text)) for text in ("Marland", "1937", "office")]
    proposed = client.post("/v1/answers", json={"passage": MESSY}).json()
    assert proposed["passage"] == MENDED and proposed["answers"]
    for answer in proposed["answers"]:
        assert MENDED[answer["start"] :].startswith(answer["text"])


def test_passages_stand_beside_one_another_and_under_their_headings():
    seen = []

    def remember(requests, settings, quiz):
        seen.extend((r.passage, r.beside, r.headings) for r in requests)
        return echo(requests, settings, quiz)

    passages = [
        {"passage": PASSAGE, "headings": ["Bridges", "The Gate"]},
        {"passage": MESSY},
        {"passage": OTHER, "beside": [MESSY, "In Paris.", "x" * 20_001]},
        {"passage": "x" * 20_001},
    ]
    with TestClient(create_app(only(remember))) as client:
        response = client.post("/v1/questions", json={"passages": passages})
        assert response.status_code == 200, response.text
        assert sorted(seen) == sorted(
            [
                (PASSAGE, (MENDED, OTHER), ("Bridges", "The Gate")),
                (MENDED, (PASSAGE, OTHER), ()),
                (OTHER, (MENDED, "In Paris."), ()),
            ]
        )
        seen.clear()
        rows = "\n".join(map(json.dumps, passages[:3]))
        started = client.post("/v1/batches", files={"file": ("rows.jsonl", rows)}).json()
        wait_until(lambda: client.get(f"/v1/batches/{started['id']}").json()["state"] == "done")
    assert (PASSAGE, (MENDED, OTHER)) in [row[:2] for row in seen], "the rows of a file as well"


@pytest.mark.parametrize("path", ["questions", "answers"])
def test_lost_letters_are_told(client, path):
    lost = "The sta\x00 built the of\ue000ce for bridges in 1937, and it was big."
    body = {"passages": [{"passage": lost}]} if path == "questions" else {"passage": lost}
    response = client.post(f"/v1/{path}", json=body)
    assert response.status_code == 422 and "lost letters" in response.json()["error"]["message"]


def test_why_a_question_is_doubted_is_told(generator, reader, unchecked):
    checked = QuestionGenerator(generator.generator, reader)
    body = {"passages": [{"passage": PASSAGE, "answers": ["1937", "San Francisco"]}]}
    with TestClient(create_app(checked)) as client:
        [result] = client.post("/v1/questions", json=body).json()["results"]
    asked = checked.generate([Request(PASSAGE, ("1937", "San Francisco"))])[0].questions
    assert [q.get("reasons", []) for q in result["questions"]] == [list(q.reasons) for q in asked]
    assert any(q.reasons for q in asked), "a random model's questions are doubted"


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_reference_needs_no_network(client, path):
    page = client.get(path).text
    links = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert links and "://" not in page.replace("http://www.w3.org", "")
    for link in links:
        assert client.get(link).status_code == 200


def test_answers(client):
    found = client.post("/v1/answers", json={"passage": PASSAGE}).json()["answers"]
    assert {"text": "Joseph Strauss", "start": 56, "kind": "name"} in found


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("questions", {}, 422, "passages"),
        ("questions", {"passages": []}, 422, "passages"),
        ("questions", {"passages": [{"passage": ""}]}, 422, "passages.0.passage"),
        ("questions", {"passages": [{"passage": 5}]}, 422, "passages.0.passage"),
        ("questions", {"passages": [{"passage": "x" * 20_001}]}, 422, "passages.0.passage"),
        ("questions", {"passages": [{"passage": PASSAGE}] * 65}, 422, "passages"),
        (
            "questions",
            {"passages": [{"passage": PASSAGE, "answers": ["Paris", "London"]}]},
            422,
            "passages.0.answers.0",
        ),
        *(
            (
                "questions",
                {"passages": [{"passage": PASSAGE, "answers": ["1937", answer]}]},
                422,
                f"passages.0.answers.1{field}",
            )
            for answer, field in [
                (5, ""),
                ({"text": 5}, ".text"),
                ({"text": "1937", "begin": 50}, ".begin"),
            ]
        ),
        ("questions", {"passages": [{"passage": PASSAGE}], "colour": "red"}, 422, "colour"),
        ("questions", {"passages": [{"passage": PASSAGE}], "str": 1}, 422, "str"),
        (
            "questions",
            {"passages": [{"passage": PASSAGE}], "settings": {"num_beams": 0}},
            422,
            "settings.num_beams",
        ),
        (
            "questions",
            {
                "passages": [{"passage": PASSAGE}],
                "settings": {"num_beams": 1, "num_return_sequences": 2},
            },
            422,
            "settings",
        ),
        (
            "questions",
            {"passages": [{"passage": PASSAGE}], "settings": {"early_stopping": "soon"}},
            422,
            "settings.early_stopping",
        ),
        (
            "questions",
            {"passages": [{"passage": PASSAGE}], "kinds": ["number", "people"]},
            422,
            "kinds.1",
        ),
        ("answers", {"passage": "Il ponte fu costruito nel 1932 da una ditta."}, 422, "passage"),
        ("answers", {"passage": "\ud800"}, 422, "passage"),
        ("answers", [], 422, ""),
        ("answers", b'{"passage": ', 400, ""),
        ("nothing", {}, 404, ""),
        ("batches/none", None, 404, "batch_id"),
        ("batches/none/result", None, 404, "batch_id"),
    ],
)
def test_errors_have_a_field_and_a_sentence(client, path, body, status, field):
    if body is None:
        response = client.get(f"/v1/{path}")
    else:
        headers = {"Content-Type": "application/json"}
        content = body if isinstance(body, bytes) else json.dumps(body)
        response = client.post(f"/v1/{path}", content=content, headers=headers)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["field"] == field and error["message"] and error["code"]
    assert "Traceback" not in response.text


def test_json_without_its_content_type_is_told(client):
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # what curl sends by itself
    response = client.post("/v1/answers", content='{"passage": "Rome is old."}', headers=form)
    assert response.status_code == 422
    assert "Content-Type: application/json" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 422), (b"NaN", 422), (b"{", 400), (b"\xff\xfe", 400), (b"[" * 20_000, 400)],
)
def test_what_is_no_json_is_told(client, content, status):
    headers = {"Content-Type": "application/json"}
    response = client.post("/v1/questions", content=content, headers=headers)
    error = response.json()["error"]
    assert response.status_code == status and error["message"] and error["field"] == ""


@pytest.mark.parametrize("path", ["answers", "batches"])
def test_a_compressed_body_is_refused_as_such(client, path):
    content = gzip.compress(json.dumps({"passage": PASSAGE}).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    response = client.post(f"/v1/{path}", content=content, headers=headers)
    assert response.status_code == 415 and response.headers["Accept-Encoding"] == "identity"
    assert "without Content-Encoding" in response.json()["error"]["message"]
    headers["Content-Encoding"] = "identity"
    plain = client.post("/v1/answers", content=gzip.decompress(content), headers=headers)
    assert plain.status_code == 200


def test_an_inner_failure_shows_no_trace(generator, monkeypatch):
    def broken(*_):
        raise RuntimeError("secret details")

    monkeypatch.setattr(generator, "generate", broken)
    app = create_app(generator, ServiceSettings(allow_origins=("https://a.example",)))
    with TestClient(app, raise_server_exceptions=False) as client:
        body, headers = {"passages": [{"passage": PASSAGE}]}, {"Origin": "https://a.example"}
        response = client.post("/v1/questions", json=body, headers=headers)
        assert response.status_code == 500 and "secret" not in response.text
        assert response.json()["error"]["code"] == "internal"
        assert response.headers["access-control-allow-origin"] == "https://a.example"
        assert 'route="/v1/questions",status="500"' in client.get("/metrics").text
        assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"controls": ["x"]}, "this model knows no control 'x'; it knows none"),
        ({"min_length": 80, "max_length": 128}, "min_length must be below 24"),
    ],
)
def test_settings_that_the_model_cannot_use_are_refused(client, settings, message):
    body = {"passages": [{"passage": PASSAGE}], "settings": settings}
    form = {"files": {"file": ("a.txt", PASSAGE)}, "data": settings}
    for response in (client.post("/v1/questions", json=body), client.post("/v1/batches", **form)):
        assert response.status_code == 422
        error = response.json()["error"]
        assert message in error["message"] and error["field"] == "settings"


def test_large_bodies_are_refused(generator):
    with TestClient(create_app(generator, ServiceSettings(max_body_bytes=1000))) as client:
        body = json.dumps({"passage": "x" * 2000}).encode()
        said = client.post("/v1/answers", content=body)
        streamed = client.post("/v1/answers", content=iter([body[:600], body[600:]]))
        for response in (said, streamed):
            assert response.status_code == 413
            assert response.json()["error"]["code"] == "too_large"
        counted = 'qgen_requests_total{route="/v1/answers",status="413"} 2.0'
        assert counted in client.get("/metrics").text


@pytest.mark.parametrize("root", ["", "/quiz"])
def test_files_may_be_larger_than_other_bodies_wherever_the_service_is_mounted(generator, root):
    app = create_app(generator, ServiceSettings(max_body_bytes=1000))
    with TestClient(app, root_path=root) as client:
        # As Gradio's page sends a whole text.
        sent = client.post(f"{root}/gradio_api/component_server/", content=b"x" * 2000)
        assert sent.status_code == 404, "there is no page here, but the text is not too large"
        file = {"file": ("a.txt", f"{PASSAGE}\n" * 20)}
        assert client.post(f"{root}/v1/batches", files=file).status_code == 202
        assert client.post(f"{root}/v1/answers", content=b"x" * 2000).status_code == 413


def test_a_token_is_asked_for_where_one_is_set(generator, unchecked):
    with TestClient(create_app(generator, ServiceSettings(token="s3cret"))) as client:
        for headers in ({}, {"Authorization": "Bearer no"}, {"Authorization": "s3cret"}):
            response = client.post("/v1/answers", json={"passage": PASSAGE}, headers=headers)
            assert response.status_code == 401
            assert response.headers["WWW-Authenticate"] == "Bearer"
        headers = {"Authorization": "Bearer s3cret"}
        response = client.post("/v1/answers", json={"passage": PASSAGE}, headers=headers)
        assert response.status_code == 200
        assert client.get("/healthz").text == "ok\n"


@pytest.mark.parametrize("token", ["s3cret", "pässwort"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_the_right_token_is_right_however_it_is_written(token, scheme):
    with TestClient(create_app(only(echo), ServiceSettings(token=token))) as client:
        headers = {"Authorization": f"{scheme} {token}".encode()}
        assert client.get("/v1/batches/none", headers=headers).status_code == 404


@pytest.mark.parametrize("path", ["answers", "batches"])
def test_a_body_is_not_read_without_the_token(path):
    """It is refused with nothing but the header there, and while the models load."""
    loaded = threading.Event()

    def load():
        assert loaded.wait(30)
        return only(echo)

    with served(create_app(load, ServiceSettings(token="s3cret"))) as address:
        host, port = address.removeprefix("http://").split(":")
        head = f"POST /v1/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9000\r\n\r\n"
        with socket.create_connection((host, int(port)), timeout=20) as client:
            client.sendall(head.encode())
            assert client.recv(65536).startswith(b"HTTP/1.1 401")
        loaded.set()


@pytest.mark.parametrize("token", ["", "s3cret"])
def test_the_reference_offers_to_authorise_where_there_is_a_token(token):
    schema = create_app(only(echo), ServiceSettings(token=token)).openapi()
    schemes = schema["components"].get("securitySchemes", {})
    assert [(one["type"], one["scheme"]) for one in schemes.values()] == (
        [("http", "bearer")] if token else []
    )
    for path, methods in schema["paths"].items():
        for route in methods.values():
            assert ("security" in route) == bool(token and path.startswith("/v1/"))


def test_other_origins_are_let_in_only_when_asked(generator):
    ask = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    for origins, allowed in (((), False), (("https://a.example",), True)):
        with TestClient(create_app(generator, ServiceSettings(allow_origins=origins))) as client:
            response = client.options("/v1/questions", headers=ask)
            assert ("access-control-allow-origin" in response.headers) == allowed
            response = client.get("/healthz", headers=ask)
            shown = response.headers.get("access-control-expose-headers", "")
            assert ("Retry-After" in shown) == allowed


WAITING = [
    ("questions", {"passages": [{"passage": PASSAGE}]}),
    ("answers", {"passage": PASSAGE}),
    ("scores", {"rows": [{"passage": PASSAGE, "question": "When?", "answer": "1937"}]}),
]


def occupy(batcher, gate):
    """Give each stream a batch."""
    for n in range(batcher.streams):
        batcher.submit(job("a"), SETTINGS, QUIZ)
        wait_until(lambda n=n: len(gate.batches) > n)


@pytest.mark.parametrize(("path", "body"), WAITING)
def test_a_full_queue_is_429(gate, path, body):
    app = create_app(only(gate), ServiceSettings(max_waiting=1, max_batch=1))
    with TestClient(app) as client:
        occupy(app.state.batcher, gate)
        app.state.batcher.submit(job("b"), SETTINGS, QUIZ)
        response = client.post(f"/v1/{path}", json=body)
        assert response.status_code == 429 and int(response.headers["Retry-After"]) >= 1
        gate.open.set()


@pytest.mark.parametrize(("path", "body"), WAITING)
def test_a_request_that_takes_too_long_is_504(gate, path, body):
    app = create_app(only(gate), ServiceSettings(timeout_s=0.1, max_batch=1))
    with TestClient(app) as client:
        occupy(app.state.batcher, gate)
        assert client.post(f"/v1/{path}", json=body).status_code == 504
        assert app.state.batcher.waiting == 0
        gate.open.set()


def test_the_service_answers_others_while_it_looks_for_answers(gate, monkeypatch):
    def slow(passage):
        gate.entered.set()
        assert gate.open.wait(30)
        return Mended(passage)

    monkeypatch.setattr("qgen.service.routes.Mended", slow)
    with TestClient(create_app(only(echo))) as client, ThreadPoolExecutor(2) as pool:
        asking = pool.submit(client.post, "/v1/questions", json=WAITING[0][1])
        assert gate.entered.wait(10)
        other = pool.submit(client.get, "/healthz")
        try:
            assert other.result(10).text == "ok\n"
        finally:
            gate.open.set()
        assert asking.result(30).status_code == 200


def test_what_several_clients_have_read_goes_through_the_models_together(gate):
    """Beside the questions that are asked, and each client gets its own."""
    read = []

    def lengths(rows):
        read.append(rows)
        return [len(row) for row in rows]

    batcher = DynamicBatcher(gate, max_delay_s=0)
    batcher.submit(job("first"), SETTINGS, QUIZ)
    assert gate.entered.wait(5)
    futures = [batcher.read(lengths, rows, rows) for rows in (["a", "bb"], ["ccc"])]
    asked_for = batcher.submit(job("second"), SETTINGS, QUIZ)
    gate.open.set()
    assert [future.result(5) for future in futures] == [[1, 2], [3]]
    assert asked(asked_for.result(5)) == ["What of second?"]
    batcher.close()
    assert read == [["a", "ccc", "bb"]]


def test_what_a_client_that_has_gone_asked_for_is_taken_back():
    class Gone:
        async def is_disconnected(self):
            return True

    future = Future()
    with pytest.raises(ApiError, match="gone"):
        asyncio.run(finished(future, Gone(), timeout_s=30))
    assert future.cancelled()


def test_what_a_client_that_has_gone_waited_for_is_not_computed(gate):
    generator, proposed = only(gate), []
    generator.propose = lambda passages: proposed.append(passages) or [[]]
    app = create_app(generator, ServiceSettings(max_batch=1))
    with served(app) as address:
        occupy(app.state.batcher, gate)
        body = json.dumps({"passage": PASSAGE}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{address}/v1/answers", body, headers)
        with pytest.raises(TimeoutError):
            urllib.request.urlopen(request, timeout=1)
        wait_until(lambda: app.state.batcher.waiting == 0)
        gate.open.set()
        urllib.request.urlopen(request, timeout=30).close()
    assert proposed == [[PASSAGE]], "for the second time alone"


def test_a_batch_ends_with_the_service(gate):
    generator = only(gate)
    app = create_app(generator)
    with TestClient(app) as client:
        rows = f"{PASSAGE}\n" * 1000
        client.post("/v1/batches", files={"file": ("a.txt", rows)})
        assert gate.entered.wait(5)
        [batch] = app.state.batches._batches.values()
        threading.Timer(0.2, gate.open.set).start()
    assert batch.state == "cancelled" and not batch.source.exists()


@pytest.mark.parametrize("page", [False, True])
def test_head_is_answered_as_get_without_the_body(page):
    if page:
        pytest.importorskip("gradio")
    with served(create_app(only(echo), page=page)) as address:
        for path, status in [("healthz", 200), ("readyz", 200), ("docs", 200), ("v1/answers", 405)]:
            got, head = httpx.get(f"{address}/{path}"), httpx.head(f"{address}/{path}")
            assert got.status_code == head.status_code == status
            assert head.content == b"" and head.headers["content-length"] == str(len(got.content))
        allowed = httpx.put(f"{address}/v1/batches/none").headers["Allow"]
    assert allowed == "DELETE, GET, HEAD"


def test_metrics_count_by_route(client):
    client.post("/v1/answers", json={"passage": PASSAGE})
    client.get("/v1/batches/x")
    text = client.get("/metrics").text
    assert 'qgen_requests_total{route="/v1/answers",status="200"} 1.0' in text
    assert 'route="/v1/batches/{batch_id}",status="404"' in text
    assert "qgen_waiting_passages 0.0" in text


def test_openapi_has_every_route_and_an_example(client):
    schema = client.get("/openapi.json").json()
    assert {
        "/v1/questions",
        "/v1/answers",
        "/v1/batches",
        "/healthz",
        "/readyz",
        "/metrics",
    } <= set(schema["paths"])
    for path, methods in schema["paths"].items():
        for route in methods.values():
            assert ("422" in route["responses"]) == path.startswith("/v1/"), path
    [example] = schema["components"]["schemas"]["QuestionsIn"]["examples"]
    assert client.post("/v1/questions", json=example).status_code == 200
    settings = schema["components"]["schemas"]["Decoding"]["properties"]
    assert settings["num_beams"]["maximum"] == 10 and "use_cache" not in settings


def test_what_can_be_set_is_what_the_settings_classes_have():
    for kind, models in (
        (GenerationSettings, (Decoding, BatchIn)),
        (QuizSettings, (QuestionsIn, BatchIn)),
    ):
        for field in fields(kind):
            for model in models:
                if field.name == "use_cache":
                    assert field.name not in model.model_fields
                    continue
                found = model.model_fields[field.name]
                assert found.description == field.metadata["help"]
                default = found.get_default(call_default_factory=True)
                assert default == (list(field.default) if field.default == () else field.default)
    assert set(MOST) <= {
        f.name for kind in (GenerationSettings, QuizSettings) for f in fields(kind)
    }


# --- Files -----------------------------------------------------------------------------------


def wait_for(client, batch_id, states):
    for _ in range(400):
        status = client.get(f"/v1/batches/{batch_id}").json()
        if status["state"] in states:
            return status
        time.sleep(0.05)
    raise AssertionError(status)


def test_a_batch_from_upload_to_result(client):
    rows = (
        f'{{"passage": "{PASSAGE}", "answer": "1937"}}\n{{"passage": "{PASSAGE}", "answer": "x"}}\n'
    )
    files = {"file": ("../../etc/rows.jsonl", rows)}
    started = client.post("/v1/batches", files=files, data={"format": "gift"})
    assert started.status_code == 202
    batch_id = started.json()["id"]
    status = wait_for(client, batch_id, {"done", "failed"})
    assert status["message"] == "2 rows, 1 question, 1 error" and status["rows"] == 2
    assert started.json()["questions"] == 0 and status["questions"] == 1
    result = client.get(f"/v1/batches/{batch_id}/result")
    assert result.status_code == 200 and "{=1937" in result.text
    [failed] = client.get(f"/v1/batches/{batch_id}/errors").text.splitlines()
    assert "'x' is not in the passage" in json.loads(failed)["error"]
    assert json.loads(failed)["line"] == 2
    [batch] = client.app.state.batches._batches.values()
    wait_until(lambda: not batch.source.exists())


def test_how_many_questions_are_in_the_result_is_told(client):
    good, bad = ({"passage": PASSAGE, "answer": answer} for answer in ("1937", "x"))
    for row, form, questions, why in [
        (good, "jsonl", 1, ""),
        (bad, "jsonl", 0, ""),
        (good, "aiken", 0, "aiken leaves out 1 question without choices (--choices finds some)"),
    ]:
        files = {"file": ("rows.jsonl", json.dumps(row))}
        started = client.post("/v1/batches", files=files, data={"format": form}).json()
        status = wait_for(client, started["id"], {"done", "failed"})
        assert (status["questions"], "".join(status["left_out"])) == (questions, why)
        assert f" {questions} question" in status["message"]
        result = client.get(f"/v1/batches/{started['id']}/result")
        assert bool(result.content) == bool(questions)


def test_what_a_batch_leaves_out_is_told_and_a_document_is_read_once(client, monkeypatch):
    read = []
    monkeypatch.setattr(
        "qgen.files.rows.read_document", lambda path: read.append(path) or read_document(path)
    )
    table = "<table><tr><td>1</td><td>2</td></tr><tr><td>3</td><td>4</td></tr></table>"
    page = f"<html><body><p>{PASSAGE}</p>{table}</body></html>"
    data = {"format": "quizlet", "choices": "3", "min_confidence": "0"}
    started = client.post("/v1/batches", files={"file": ("a.html", page)}, data=data).json()
    status = wait_for(client, started["id"], {"done", "failed"})
    assert status["state"] == "done" and len(read) == 1
    assert "a.html: left out: 1 table" in status["left_out"]
    assert any("choices" in line for line in status["left_out"])
    assert not any("/" in line for line in status["left_out"]), "no path of the server's"


def test_a_test_set_for_retrieval_is_marked(generator, reader, unchecked, monkeypatch):
    pytest.importorskip("bm25s")
    marked = []

    def mark(records, read):
        items = [(PASSAGE, question, None) for question in ("Who?", "When?", "Where?")]
        marked.append(read(items) == reader.read(items))
        return list(records)

    monkeypatch.setattr("qgen.service.jobs.mark_records", mark)
    rows = f'{{"passage": "{PASSAGE}", "answer": "1937"}}\n'
    upload = {"files": {"file": ("rows.jsonl", rows)}, "data": {"format": "ragas"}}
    with TestClient(create_app(QuestionGenerator(generator.generator, reader))) as client:
        started = client.post("/v1/batches", **upload).json()
        assert wait_for(client, started["id"], {"done", "failed"})["left_out"] == []
    assert marked == [True]
    with TestClient(create_app(generator)) as client:
        started = client.post("/v1/batches", **upload).json()
        [told] = wait_for(client, started["id"], {"done", "failed"})["left_out"]
        assert told.startswith("without a reader") and len(marked) == 1


def test_a_batch_takes_settings_and_keeps_the_name_of_its_file(client):
    files = {"file": ("..\\notes\\My bridges.md", f"# Bridges\n\n{PASSAGE}\n")}
    data = {"max_answers": "1", "min_confidence": "0", "choices": "3", "kinds": ["date", "number"]}
    started = client.post("/v1/batches", files=files, data=data | {"num_beams": "2"})
    assert started.status_code == 202, started.text
    wait_for(client, started.json()["id"], {"done"})
    [batch] = client.app.state.batches._batches.values()
    assert batch.quiz == QuizSettings(
        max_answers=1, min_confidence=0.0, kinds=("date", "number"), choices=3
    )
    assert batch.settings == GenerationSettings(num_beams=2)
    [row] = client.get(f"/v1/batches/{batch.id}/result").text.splitlines()
    row = json.loads(row)
    assert row["document"] == "My bridges.md" and len(row["questions"]) == 1


def test_a_document_has_so_many_questions_in_all(client):
    text = "\n\n".join(PASSAGE.replace("1937", str(year)) for year in (1931, 1932, 1933))
    files = {"file": ("bridges.md", text)}
    counts = {}
    for best in ("", "2", "1"):
        data = {"min_confidence": "0"} | ({"best": best} if best else {})
        started = client.post("/v1/batches", files=files, data=data)
        assert started.status_code == 202, started.text
        status = wait_for(client, started.json()["id"], {"done", "failed"})
        assert status["message"].startswith("3 rows") and status["rows"] == 3
        counts[best] = int(status["message"].split()[2])
    assert counts[""] >= 3 and 1 <= counts["2"] <= 2 and counts["1"] == 1
    assert client.post("/v1/batches", files=files, data={"best": "0"}).status_code == 422


@pytest.mark.parametrize(
    "name",
    ["../../etc/rows.txt", "C:\\a\\rows.txt", "é" * 200 + ".txt", "a\x00b\n.txt", ".txt.txt"],
)
def test_any_name_of_a_file_is_safe(client, name):
    started = client.post("/v1/batches", files={"file": (name, f"{PASSAGE}\t1937\n")})
    assert started.status_code == 202, started.text
    wait_for(client, started.json()["id"], {"done"})
    folder = Path(client.app.state.batches._scratch.name) / started.json()["id"]
    assert all(folder in path.parents for path in kept_files(client))


def test_a_batch_without_failed_rows_has_no_errors(client):
    started = client.post("/v1/batches", files={"file": ("a.txt", f"{PASSAGE}\t1937\n")}).json()
    url = f"/v1/batches/{started['id']}"
    assert wait_for(client, started["id"], {"done"})["message"].endswith("0 errors")
    assert (client.get(f"{url}/errors").status_code, client.get(f"{url}/errors").text) == (200, "")


def kept_files(client):
    """What is on the service's disk for its batches."""
    folder = Path(client.app.state.batches._scratch.name)
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("name", "content", "data", "field"),
    [
        ("a.exe", b"x", {}, "file"),
        ("", b"x", {}, "file"),
        ("a.jsonl", b"", {}, "file"),
        ("a.jsonl", b"{}", {"format": "xml"}, "format"),
        ("a.jsonl", b"{}", {"colour": "red"}, "colour"),
        ("a.jsonl", b"{}", {"choices": "-1"}, "choices"),
        ("a.jsonl", b"{}", {"num_beams": "0"}, "num_beams"),
        ("a.jsonl", b"{}", {"num_beams": "1", "num_return_sequences": "2"}, "settings"),
    ],
)
def test_files_that_cannot_be_read_are_refused(client, name, content, data, field):
    before = kept_files(client)
    response = client.post("/v1/batches", files={"file": (name, content)}, data=data)
    assert response.status_code == 422 and field in response.json()["error"]["field"]
    assert kept_files(client) == before


def test_a_batch_is_of_one_file(client):
    """And none is left out without a word."""
    file = ("a.txt", PASSAGE)
    for form, message in (
        ({"files": [("file", file), ("file", file)]}, "one file makes a batch"),
        ({"data": {"file": "a.txt"}}, "must be sent as a file"),  # as of curl -F file=a.txt
    ):
        response = client.post("/v1/batches", **form)
        error = response.json()["error"]
        assert (response.status_code, error["field"]) == (422, "file"), response.text
        assert error["message"] == message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"question\nwhat\n"),
        ("a.parquet", b"PAR1"),
        ("a.pdf", b"%PDF-"),
        ("a.docx", b"PK"),
    ],
)
def test_a_broken_file_fails_alone_and_says_why(client, name, content):
    started = client.post("/v1/batches", files={"file": (name, content)}).json()
    status = wait_for(client, started["id"], {"failed"})
    assert status["message"] and "/tmp" not in status["message"]
    for what in ("result", "errors"):
        assert client.get(f"/v1/batches/{started['id']}/{what}").status_code == 409
    assert client.get("/readyz").status_code == 200


def test_only_so_many_batches_are_kept(gate, monkeypatch):
    monkeypatch.setattr("qgen.service.jobs.MAX_KEPT", 2)
    generator = only(gate)
    with TestClient(create_app(generator)) as client:

        def start():
            return client.post("/v1/batches", files={"file": ("a.txt", f"{PASSAGE}\n")})

        def uploads():  # the running batch has other files, which come and go
            return [path for path in kept_files(client) if path.name == "a.txt"]

        first, second = start().json()["id"], start().json()["id"]
        files = uploads()
        assert len(files) == 2
        refused = start()
        assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
        assert uploads() == files
        gate.open.set()
        wait_for(client, second, {"done"})
        third = start().json()["id"]
        assert client.get(f"/v1/batches/{first}").status_code == 404, "the oldest has made room"
        wait_for(client, third, {"done"})
        assert len(list(Path(client.app.state.batches._scratch.name).iterdir())) == 2


def test_a_batch_can_be_cancelled(gate):
    generator = only(gate)
    with TestClient(create_app(generator)) as client:
        rows = f"{PASSAGE}\n" * 100
        started = client.post("/v1/batches", files={"file": ("a.txt", rows)}).json()
        queued = client.post("/v1/batches", files={"file": ("b.txt", rows)}).json()
        assert gate.entered.wait(5)
        assert client.delete(f"/v1/batches/{queued['id']}").json()["state"] == "cancelled"
        client.delete(f"/v1/batches/{started['id']}")
        assert wait_for(client, started["id"], {"cancelled"})["rows"] < 100, "while it is asking"
        gate.open.set()
        wait_for(client, queued["id"], {"cancelled"})


# --- Loading ---------------------------------------------------------------------------------


def test_requests_that_come_while_the_models_load_wait_for_them(generator, unchecked):
    loaded = threading.Event()

    def load():
        assert loaded.wait(30)
        return generator

    body = {"passages": [{"passage": PASSAGE, "answers": ["1937"]}]}
    with TestClient(create_app(load)) as client, ThreadPoolExecutor(2) as pool:
        early = pool.submit(client.post, "/v1/questions", json=body)
        batch = pool.submit(client.get, "/v1/batches/none")
        assert client.get("/healthz").status_code == 200
        assert client.get("/metrics").status_code == 200
        loading = client.get("/readyz")
        assert loading.status_code == 503 and loading.json()["error"]["code"] == "loading"
        time.sleep(0.1)
        assert not early.done() and not batch.done()
        loaded.set()
        assert len(early.result(30).json()["results"][0]["questions"]) == 1
        assert batch.result(30).status_code == 404
        assert client.get("/readyz").text == "ready\n"


def test_models_that_take_too_long_or_cannot_be_loaded(generator):
    loaded = threading.Event()

    def load():
        assert loaded.wait(30)
        raise QGenError("no such checkpoint")

    body = {"passage": PASSAGE}
    with TestClient(create_app(load, ServiceSettings(timeout_s=0.1))) as client:
        assert client.post("/v1/answers", json=body).status_code == 504
        loaded.set()
        wait_until(client.app.state.loaded.done)
        answers = [client.post("/v1/answers", json=body), client.get("/readyz")]
        assert client.get("/healthz").status_code == client.get("/metrics").status_code == 200
    assert [(a.status_code, a.json()["error"]["code"]) for a in answers] == [(503, "not_ready")] * 2


# --- The process -----------------------------------------------------------------------------


def test_what_cannot_be_loaded_ends_the_process_with_one_line(tmp_path):
    model = str(tmp_path / "none")
    command = [sys.executable, "-m", "qgen", "serve", "--no-page", "--port", "0", "--model", model]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    serving, error = done.stderr.splitlines()
    assert re.match(r"qgen: serving the API on http://127\.0\.0\.1:[1-9]\d*,", serving)
    assert error.startswith("qgen: error: cannot load checkpoint ")


def test_an_address_that_is_not_to_be_had_is_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for host, reason in (("127.0.0.1", "in use"), ("192.0.2.1", ""), ("no host", "")):
            assert main(["serve", "--no-page", "--host", host, "--port", port]) == 2
            [line] = capsys.readouterr().err.splitlines()
            assert line.startswith(f"qgen: error: cannot listen on {host}, port {port}: ")
            assert line.endswith(reason)


def test_an_empty_token_of_the_environment_is_refused(capsys, monkeypatch):
    monkeypatch.setenv("QGEN_TOKEN", " ")
    assert main(["serve", "--no-page"]) == 2
    assert "QGEN_TOKEN is white space alone" in capsys.readouterr().err


@pytest.mark.parametrize("token", ["", " \n"])
def test_an_empty_token_is_refused(capsys, token):
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--token", token])
    assert ended.value.code == 2
    assert "argument --token: must not be empty" in capsys.readouterr().err


@pytest.mark.parametrize("origin", ["https://a.example/", "a.example", "https://A.example"])
def test_an_origin_that_no_browser_sends_is_refused(capsys, origin):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["serve", "--allow-origin", origin])
    [line] = capsys.readouterr().err.splitlines()
    assert f"--allow-origin: must be as in https://example.org:8080: {origin} " in line
    for sent in ("https://a.example", "http://localhost:3000", "http://[::1]:80", "null", "*"):
        args = build_parser().parse_args(["serve", "--allow-origin", sent])
        assert args.allow_origin == [sent]


def test_serving_needs_no_pytorch_before_the_models_load():
    code = "import sys, qgen.service.app, qgen.service.page.build; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.slow
def test_sigterm_finishes_what_is_in_flight(checkpoint):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "qgen",
        "serve",
        "--port",
        str(port),
        "--model",
        str(checkpoint),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
    address = f"http://127.0.0.1:{port}"

    def ready():
        try:
            return urllib.request.urlopen(f"{address}/readyz").status == 200
        except OSError:
            return False

    try:
        deadline = time.monotonic() + 60
        while not ready():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        # On a machine that does other things this takes seconds; with the page 30 are waited for.
        body = json.dumps({"passages": [{"passage": f"{PASSAGE} " * 3}] * 3}).encode()
        headers = {"Content-Type": "application/json"}
        answers = []

        def ask():
            request = urllib.request.Request(f"{address}/v1/questions", body, headers)
            answers.append(json.loads(urllib.request.urlopen(request).read()))

        client = threading.Thread(target=ask)
        client.start()
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        client.join(60)
        assert process.wait(30) in {0, -signal.SIGTERM}
        assert len(answers[0]["results"]) == 3
    finally:
        process.kill()
