"""The written examples that the checkpoints are trained on."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from qgen.english.prose import passage_problem
from qgen.files.examples import read_examples
from recipes.mixture import read_beside

DATA = Path(__file__).parents[1] / "data"
PARTS = {"train": (14152, 1464), "dev": (169, 21)}


def word_runs(passages, length=6):
    for passage in passages:
        words = re.findall(r"\w+", passage.lower())
        yield from (tuple(words[i : i + length]) for i in range(len(words) - length + 1))


@pytest.mark.parametrize("part", PARTS)
def test_examples_are_whole(part):
    examples = read_examples(DATA / "everyday" / f"{part}.json")
    passages = {example.passage for example in examples}
    assert (len(examples), len(passages)) == PARTS[part]
    assert [passage for passage in passages if passage_problem(passage)] == []
    for example in examples:
        # A whole span of the passage, asked for by a question that does not say it.
        assert re.fullmatch(r"[A-Z0-9\"].+\?", example.question), example.question
        assert example.answer.text.lower() not in example.question.lower().split(), example.question


def test_questions_for_real_passages_are_whole():
    train, dev = (read_examples(DATA / "written" / f"{part}.json") for part in ("train", "dev"))
    assert (len(train), len(dev)) == (39299, 1667)
    assert {e.passage for e in train}.isdisjoint(e.passage for e in dev)
    for example in train + dev:
        assert re.fullmatch(r"\S.+\?", example.question), example.question
        assert example.answer.text.lower() not in example.question.lower(), example.question
    judged = [
        json.loads(line)
        for line in (DATA / "judged" / "strict.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    newest = (DATA / "judged" / "newest.jsonl").read_text(encoding="utf-8").splitlines()
    # Those of these letters were asked and judged before anything was trained on their passages.
    fresh = {row["passage"] for row in judged if row["id"][0] not in "GERTUVXY"}
    fresh |= {json.loads(line)["passage"] for line in newest}
    assert fresh.isdisjoint(e.passage for e in train + dev)
    assert Counter(row["part"] for row in judged) == {
        "fit": 14389,
        "later": 10026,
        "held-out": 3070,
    }
    # What was judged after the fit that ships: the documented command must not fit to it.
    assert {row["id"][0] for row in judged if row["part"] == "later"} == {"U", "W", "X", "Y"}
    assert not {row["id"][0] for row in judged if row["part"] == "fit"} & {"U", "W", "X", "Y"}
    fitted, held_out = (
        {row["document"] for row in judged if (row["part"] == "held-out") == held}
        for held in (False, True)
    )
    assert fitted.isdisjoint(held_out)


@pytest.mark.parametrize(("part", "stated", "wrong"), [("train", 8894, 27374), ("dev", 366, 1140)])
def test_statements_have_their_answer_once_and_distractors_are_others(part, stated, wrong):
    path = DATA / "written" / f"{part}.json"
    statements, distractors = (read_beside(path, name) for name in ("statement", "distractors"))
    assert (len(statements), len(distractors)) == (stated, wrong)
    for example in statements:
        answer = re.escape(example.answer.text)
        assert len(re.findall(rf"(?<!\w){answer}(?!\w)", example.question, re.I)) == 1
        assert re.search(r"[.!]$", example.question)
    assert all(each.question.lower() != each.answer.text.lower() for each in distractors)


def test_what_is_judged_is_not_trained_on():
    trained = {
        part: {e.passage for e in read_examples(DATA / "everyday" / f"{part}.json")}
        for part in PARTS
    }
    judged = {
        json.loads(line)["passage"]
        for name in ("regression", "judged/earlier", "judged/shipped", "judged/held-out")
        for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    }
    seen = set(word_runs(trained["train"]))
    assert seen.isdisjoint(word_runs(judged)) and seen.isdisjoint(word_runs(trained["dev"]))
