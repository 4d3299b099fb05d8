"""The checkpoint that ships with the package."""

import re
import socket

import pytest
import torch
from conftest import PASSAGE
from safetensors import safe_open

from qgen.asking.confidence import WEIGHTS, confidence
from qgen.asking.pipeline import QuestionGenerator
from qgen.cli import main
from qgen.model.checkpoints import DEFAULT_CHECKPOINT, WIDE_CHECKPOINT
from qgen.model.reader import DEFAULT_READER
from qgen.records import Answer, Question
from qgen.settings import QuizSettings


@pytest.fixture(scope="module")
def shipped():
    """The generator, loaded where every connection is refused."""

    def refuse(*_):
        raise OSError("the shipped checkpoint needs no network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        return QuestionGenerator.from_pretrained(device="cpu", dtype="float32")


@pytest.mark.parametrize(
    ("answer", "interrogatives"),
    [
        ("Joseph Strauss", ["Who"]),
        ("1937", ["When", "What year", "In what year"]),
        ("35 million dollars", ["How much"]),
        ("San Francisco", ["Where", "What city", "In what city"]),
    ],
)
def test_asks_for_the_answer(shipped, answer, interrogatives):
    question = shipped.questions(PASSAGE, answer)[0].question
    assert question.startswith(tuple(interrogatives)) and question.endswith("?")
    assert answer not in question


def test_without_an_answer_every_question_names_its_own(shipped):
    questions = shipped.questions(PASSAGE, quiz=QuizSettings(max_answers=4))
    assert len(questions) >= 3 and all(q.confidence >= 0.3 for q in questions)
    assert len({q.question for q in questions}) == len(questions)
    assert all(q.question.endswith("?") for q in questions)


@pytest.mark.parametrize("checkpoint", [DEFAULT_CHECKPOINT, WIDE_CHECKPOINT, DEFAULT_READER])
def test_files(checkpoint):
    weights = checkpoint / "model.safetensors"
    assert weights.stat().st_size < 46e6
    packed = {torch.int8} if checkpoint == DEFAULT_CHECKPOINT else {torch.uint8, torch.int8}
    with safe_open(weights, "pt") as file:
        names = set(file.keys()) - {"shortlist"}  # whole numbers
        assert {file.get_tensor(name).dtype for name in names} == {torch.float16} | packed
    card = (checkpoint / "README.md").read_text(encoding="utf-8")
    assert "@" not in card and (checkpoint / "LICENSE").is_file()


def test_tells_what_it_was_trained_on(shipped):
    config = shipped.generator.model.config
    assert {"du:train", "fairytaleqa:train", "everyday:train"} < set(config.trained_on)
    assert (config.answer_marker_ids, config.copy_size) == ([1, 2], 128)
    assert (config.max_source_length, config.shortlist_size) == (128, 11_663)
    assert set(shipped.reader.model.config.trained_on) <= set(config.trained_on)


def test_the_best_that_ships_are_two_that_ask_together(shipped):
    best = QuestionGenerator.from_pretrained("best", "cpu", dtype="float32")
    fast, wide = best.generator.model.members
    assert (fast.config.backbone.hidden_size, wide.config.backbone.hidden_size) == (384, 768)
    assert best.generator.controls == shipped.generator.controls
    assert best.fingerprint != shipped.fingerprint
    [question] = best.questions(PASSAGE, "Joseph Strauss")
    assert question.question.startswith("Who ") and question.confidence > 0.5


CURIE = (
    "Marie Curie was born in Warsaw in 1867. She moved to Paris to study physics, and won the "
    "Nobel Prize in 1903 with her husband Pierre."
)


def test_the_reader_answers(shipped):
    asked = {
        "When was Marie Curie born?": "1867",
        "Where was Marie Curie born?": "Warsaw",
        "What did she study?": "physics",
        "Who was her husband?": "Pierre",
    }
    readings = shipped.reader.read([(CURIE, question, None) for question in asked])
    for reading, answer in zip(readings, asked.values(), strict=True):
        assert answer in reading.answer.text and len(reading.answer.text) < len(answer) + 16
    [none] = shipped.reader.read([(CURIE, "How tall is Mount Kilimanjaro?", None)])
    assert none.unanswerable > max(reading.unanswerable for reading in readings)


def sureness(shipped, passage, question):
    """The confidence in a question that somebody else asked."""
    [found] = shipped.reader.read([(passage, question.question, question.answer)])
    return confidence(passage, question, found, shipped._weights)


def test_the_wrong_question_for_an_answer_is_trusted_less(shipped):
    question = "Where was Marie Curie born?"
    sure = [
        sureness(shipped, CURIE, Question(question, Answer(text, CURIE.index(text)), -0.2))
        for text in ("Warsaw", "Paris", "1903", "Pierre")
    ]
    assert sure[0] == max(sure) and sure[0] > sure[2] + 0.1


def test_what_is_put_together_wrongly_is_trusted_less(shipped):
    asked = {
        "Where was Marie Curie born?": "Warsaw",
        "In which city did Pierre Curie marry Warsaw?": "Warsaw",
        "When did Marie Curie marry Pierre Curie?": "1895",
        "What did Pierre Curie win two Nobel Prizes?": "1895",
    }
    passage = (
        "Marie Curie, who won two Nobel Prizes, was born in Warsaw. She married Pierre Curie in "
        "1895."
    )
    drafts = [  # all as probable for the generator
        (passage, Question(question, Answer(text, passage.rindex(text)), -0.3))
        for question, text in asked.items()
    ]
    sure = [sureness(shipped, *draft) for draft in drafts]
    assert sure[0] > sure[1] + 0.2
    assert sure[2] > sure[3] + 0.2


def test_the_weights_of_the_confidence_are_for_this_reader(shipped):
    assert shipped._weights is not WEIGHTS
    assert shipped._weights.states.shape == (2 * shipped.reader.model.config.hidden_size,)


def test_multiple_choice_has_the_answers_kind(shipped):
    [question] = shipped.questions(CURIE, "1903", quiz=QuizSettings(choices=4))
    assert len(question.choices) == 4 and all(
        re.fullmatch(r"(1|2)\d{3}", c) for c in question.choices
    )


OSLO = (
    "Lena was born in Oslo, studied in Bergen, and opened a bakery in Oslo in 2009. She sold it "
    "and moved back to Oslo in 2020."
)


def test_the_question_depends_on_which_occurrence_is_meant(shipped):
    starts = [m.start() for m in re.finditer("Oslo", OSLO)]
    asked = {shipped.questions(OSLO, "Oslo", start)[0].question for start in starts}
    assert len(asked) == 3


def test_spacing_is_the_passages(shipped):
    passage = "The U.S. Army bought 1,200 trucks for $3.4 million in 1942."
    asked = " ".join(
        q.question for q in shipped.questions(passage, quiz=QuizSettings(min_confidence=0))
    )
    assert "U.S. Army" in asked and "$3.4 million" in asked
    assert not re.search(r"\d \.|\. \d|U\. ?s\b|U\. S|\$ ", asked)


def test_default_command(capsys):
    assert main(["generate", "--passage", PASSAGE, "--answer", "1937"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("?  [1937]")
