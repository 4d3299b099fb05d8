"""Used from Python: wrong input, copies, threads, forks and notebooks."""

import asyncio
import copy
import os
import pickle
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from conftest import PASSAGE

from qgen.asking.generator import NBestGenerator
from qgen.asking.pipeline import QuestionGenerator
from qgen.errors import QGenError
from qgen.model.decoding import Generation
from qgen.model.reader import Reader
from qgen.model.runtime.backends import int8
from qgen.model.runtime.batches import batches_by_size, in_batches
from qgen.model.runtime.linear import set_dtype
from qgen.records import Answer, Request
from qgen.settings import GenerationSettings, QuizSettings

pytestmark = pytest.mark.usefixtures("unchecked")
YEAR = Answer("1937", PASSAGE.index("1937"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None,), "the passage must be text, not None"),
        ((b"text",), "the passage must be text, not bytes"),
        ((PASSAGE, 1937), "the answer must be text, not int"),
        ((PASSAGE, ["1937"]), "the answer must be text, not list"),
        ((PASSAGE, "1937", "50"), "must be a whole number"),
        ((PASSAGE, "1937", True), "must be a whole number"),
        ((PASSAGE + "\ud83d",), "half of a character"),
        ((PASSAGE, "19\udc0037"), "half of a character"),
        ((PASSAGE, "1937", None, {"num_beams": 2}), "must be GenerationSettings, not dict"),
        ((PASSAGE, None, None, None, GenerationSettings()), "must be QuizSettings"),
    ],
)
def test_wrong_input_is_a_sentence(generator, arguments, message):
    with pytest.raises(QGenError) as caught:
        generator.questions(*arguments)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("requests", ["text", None, 5, Request(PASSAGE), {"passage": PASSAGE}])
def test_requests_are_a_list(generator, requests):
    with pytest.raises(QGenError, match=r"questions\(\) takes a single passage"):
        generator.generate(requests)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (None, "the passage must be text, not None"),
        (7, "the passage must be text, not int"),
        ((PASSAGE, "1937"), "the passage must be text, not tuple"),
        (Request(None), "the passage must be text, not None"),
        (Request(PASSAGE, "1937"), "the answers of a request must be a list"),
        (Request(PASSAGE, (1937,)), "the answer must be text, not int"),
        (Request(PASSAGE, ("London",)), "not in the passage"),
        (Request(PASSAGE, (Answer("1937", 0),)), "is not at character 0"),
        (Request(PASSAGE, (Answer("1937", "x"),)), "must be a whole number"),
        (Request(PASSAGE, (Answer(None, 0),)), "the answer must be text, not None"),
        (Request("half \udc80 of it was lost."), "half of a character at 5"),
        (Request(PASSAGE, ("\udc80",)), "half of a character"),
    ],
)
def test_a_bad_request_costs_only_its_own_result(generator, bad, message):
    first, second, third = generator.generate([Request(PASSAGE, (YEAR,)), bad, PASSAGE])
    assert first.questions and third.questions and not second.questions
    [problem] = second.problems
    assert message in problem and second.failure == problem


def test_texts_are_passages_and_answers(generator):
    texts = generator.generate(iter([PASSAGE, Request(PASSAGE, ["1937"])]))
    records = generator.generate([Request(PASSAGE), Request(PASSAGE, (YEAR,))])
    assert texts == records and all(result.questions for result in records)


def test_bad_passages_to_propose_answers_of(generator):
    for passage in (None, "\ud800"):
        with pytest.raises(QGenError, match="the passage"):
            generator.propose([passage])


def with_reader(checkpoint, reader, dtype):
    """A generator of its own, with a reader that computes in the same way."""
    generator = NBestGenerator.from_pretrained(checkpoint, "cpu", dtype=dtype)
    model = copy.deepcopy(reader.model)
    set_dtype(model, dtype)
    return QuestionGenerator(generator, Reader(model, reader.tokenizer, "cpu", max_length=64))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
def test_copies_after_use_ask_the_same(checkpoint, reader, dtype):
    if dtype == "int8" and int8.problem(torch.device("cpu")):
        pytest.skip("no int8 kernels")
    generator = with_reader(checkpoint, reader, dtype)
    quiz = QuizSettings(min_confidence=0, choices=3, max_answers=2)
    expected = generator.questions(PASSAGE, quiz=quiz)
    for made in (copy.deepcopy(generator), pickle.loads(pickle.dumps(generator))):
        assert made.questions(PASSAGE, quiz=quiz) == expected


def test_threads_share_a_generator(checkpoint, reader):
    generator = with_reader(checkpoint, reader, "float32")
    quiz = QuizSettings(min_confidence=0, max_answers=2)
    passages = [PASSAGE, "Joseph led the construction in 1937.", PASSAGE + " It was good."] * 8

    def ask(passage):
        return [(q.question, q.answer) for q in generator.questions(passage, quiz=quiz)]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(ask, passages))
    assert together == list(map(ask, passages))


def test_in_a_notebook(generator):
    """Where an event loop is running."""

    async def cell():
        return generator.questions(PASSAGE, "1937")

    assert asyncio.run(cell()) == generator.questions(PASSAGE, "1937")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_processes_answer(checkpoint):
    """As ``datasets.map(num_proc=2)`` makes them, where OpenMP has several threads."""
    code = """
        import multiprocessing, sys, torch
        from qgen import QuestionGenerator, QuizSettings

        generator = QuestionGenerator.from_pretrained(sys.argv[1], "cpu", reader=None)
        quiz = QuizSettings(min_confidence=0, max_answers=2)
        passage = sys.argv[2]
        def ask(n):
            results = generator.generate([passage] * n, quiz=quiz)
            return len(results), torch.get_num_threads()
        # Both kinds of threads have been started: those of OpenMP and those that decode.
        ask(40), torch.randn(2000, 2000) @ torch.randn(2000, 2000)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(pool.map_async(ask, [3, 40]).get(timeout=200))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), checkpoint, PASSAGE],
        cwd=Path(__file__).parents[1],
        env=os.environ | {"OMP_NUM_THREADS": "2", "TOKENIZERS_PARALLELISM": "false"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.stdout.strip() == "[(3, 1), (40, 1)]", done.stderr[-2000:]


# -- batches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("streams", [1, 2, 4])
@pytest.mark.parametrize(
    "sizes", [[], [5], [100] * 17, [100] * 64, [900, *[10] * 50], list(range(1, 200)), [5000, 5000]]
)
def test_batches_are_filled_by_tokens(sizes, streams):
    batches = batches_by_size(sizes, budget=1600, most=32, streams=streams)
    assert sorted(i for batch in batches for i in batch) == list(range(len(sizes)))
    for batch in batches:
        padded = len(batch) * max(sizes[i] for i in batch)
        assert len(batch) <= 32 and (padded <= 1600 or len(batch) == 1)
    alone = batches_by_size(sizes, budget=1600, most=32)
    assert len(batches) <= -(-len(alone) // streams) * streams


def test_streams_have_equal_parts():
    assert [len(b) for b in batches_by_size([100] * 17, 1600, 32, 2)] == [9, 8]
    assert [len(b) for b in batches_by_size([100] * 64, 1600, 32, 4)] == [16] * 4
    assert [len(b) for b in batches_by_size([10] * 20, 1600, 32, 4)] == [20]


def test_items_come_back_in_their_order():
    sizes, device = [3, 9, 1, 9, 4, 2], torch.device("cpu")
    found = in_batches(lambda batch: [-item for item in batch], range(6), sizes, 9, 2, device)
    assert found == [0, -1, -2, -3, -4, -5]
    assert in_batches(list, [], [], 9, 2, device) == []


def test_a_batch_has_room_for_more_short_sources(n_best_generator, monkeypatch):
    monkeypatch.setattr("qgen.model.runtime.batches.count_streams", lambda device: 1)
    config = n_best_generator.model.config

    def rows(length, **kwargs):
        decoded = []

        def decode(model, input_ids, mask, settings):
            decoded.append(len(input_ids))
            nothing = torch.zeros(len(input_ids), 0, 1)
            return Generation(nothing, nothing[:, :, 0])

        monkeypatch.setattr("qgen.asking.generator.decode", decode)
        monkeypatch.setattr(n_best_generator, "_source", lambda *args: [0] * length)
        settings = GenerationSettings(max_length=config.max_target_length, **kwargs)
        n_best_generator.n_best([("", None)] * 96, settings)
        assert sum(decoded) == 96
        return max(decoded)

    assert rows(config.max_source_length) == 16
    assert 16 < rows(8) < rows(8, num_beams=1) == 32
    assert rows(8, num_beams=40) < 16


@pytest.mark.parametrize("wrong", [5, "text", b"bytes", [1], ["text"], {"a": 1}, object(), 3.5])
def test_wrong_types_are_refused_in_a_sentence(n_best_generator, reader, wrong):
    checked = QuestionGenerator(n_best_generator)
    inputs = [(PASSAGE, Answer("1937", PASSAGE.index("1937")))]
    calls = [
        lambda: n_best_generator.generate(inputs, wrong),
        lambda: n_best_generator.generate(wrong),
        lambda: n_best_generator.generate([(PASSAGE, wrong)]),
        lambda: n_best_generator.score(wrong),
        lambda: n_best_generator.score([(PASSAGE, wrong)]),
        lambda: n_best_generator.score_openings([(wrong, wrong)]),
        lambda: reader.read(wrong),
        lambda: reader.read([(PASSAGE, "Who?", wrong)]),
        lambda: checked.generate([PASSAGE], wrong),
        lambda: checked.generate([PASSAGE], quiz=wrong),
        lambda: checked.propose([wrong] if isinstance(wrong, list) else wrong),
    ]
    for call in calls:
        with pytest.raises(QGenError) as caught:
            call()
        assert str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "16", True, None])
def test_a_batch_size_is_a_whole_number(bert_model, tokenizer, wrong):
    with pytest.raises(QGenError, match="batch_size must be a whole number"):
        NBestGenerator(bert_model, tokenizer, device="cpu", batch_size=wrong)
