"""The checkpoint that ships with the package."""

import socket

import pytest
import torch
from conftest import PASSAGE
from safetensors import safe_open

from qgen.cli import main
from qgen.model.checkpoints import DEFAULT_CHECKPOINT
from qgen.pipeline import QuestionGenerator


@pytest.fixture(scope="module")
def shipped():
    """The generator, loaded where every connection is refused."""

    def refuse(*_):
        raise OSError("the shipped checkpoint needs no network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        return QuestionGenerator.from_pretrained(device="cpu")


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
    questions = shipped.questions(PASSAGE, max_answers=4)
    assert len(questions) == 4
    assert len({q.question for q in questions}) == 4
    assert all(q.question.endswith("?") for q in questions)


def test_files():
    weights = DEFAULT_CHECKPOINT / "model.safetensors"
    assert weights.stat().st_size < 46e6
    with safe_open(weights, "pt") as file:
        names = list(file.keys())
        assert {file.get_tensor(name).dtype for name in names} == {torch.float16}
    assert (DEFAULT_CHECKPOINT / "README.md").is_file()


def test_tells_what_it_was_trained_on(shipped):
    assert shipped.generator.model.config.trained_on == ["du:train"]


def test_default_command(capsys):
    assert main(["generate", "--passage", PASSAGE, "--answer", "1937"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("?  [1937]")
