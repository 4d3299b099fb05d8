"""Settings: what they take, and one clear sentence about what they do not."""

from dataclasses import fields

import pytest

from qgen.errors import QGenError
from qgen.settings import (
    GenerationSettings,
    QuizSettings,
    ReaderTrainingSettings,
    TrainingSettings,
)

CLASSES = (GenerationSettings, QuizSettings, TrainingSettings, ReaderTrainingSettings)
EVERY = [(kind, field) for kind in CLASSES for field in fields(kind)]


@pytest.mark.parametrize(("kind", "field"), EVERY, ids=lambda one: getattr(one, "name", ""))
def test_every_field_says_what_it_takes_and_refuses_the_rest(kind, field):
    assert field.metadata["help"]
    wrong = [None, float("nan"), float("inf"), -float("inf"), [1], {}, object(), b"1", 1j]
    if field.type == bool | None:
        wrong.remove(None)
    wrong += [] if field.type in (bool, bool | None) else [True]
    wrong += [] if field.type is float else [0.5]
    free = field.type is str and not field.metadata["choices"]
    wrong += [] if free else ["1", "no such thing"]
    for value in wrong:
        with pytest.raises(QGenError) as caught:
            kind(**{field.name: value})
        assert str(caught.value).startswith(f"{field.name} must") and "\n" not in str(caught.value)


@pytest.mark.parametrize(("kind", "field"), EVERY, ids=lambda one: getattr(one, "name", ""))
def test_bounds_are_kept(kind, field):
    for name, beyond in (("ge", -1), ("gt", 0), ("le", 1), ("lt", 0)):
        if name in field.metadata:
            with pytest.raises(QGenError, match=f"{field.name} must"):
                kind(**{field.name: field.metadata[name] + beyond})
    if field.type in (int, float):
        assert {"ge", "gt"} & set(field.metadata), "each number has a least value"


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (QuizSettings, {"choices": 9}, "choices must lie in [0, 8]"),
        (QuizSettings, {"choices": 1}, "choices must be 0 or from 2 to 8"),
        (QuizSettings, {"max_answers": 0}, "max_answers must be at least 1"),
        (QuizSettings, {"kinds": ("people",)}, "not 'people'"),
        (QuizSettings, {"kinds": "date"}, "kinds must be a list of texts, not 'date'"),
        (GenerationSettings, {"top_p": 0}, "top_p must lie in (0, 1]"),
        (GenerationSettings, {"temperature": 1e-300}, "temperature must lie in [0.01, 100]"),
        (GenerationSettings, {"length_penalty": "1"}, "must be a finite number, not '1'"),
        (GenerationSettings, {"num_return_sequences": 6}, "must not exceed num_beams"),
        (GenerationSettings, {"min_length": 48}, "min_length must be below max_length"),
        (TrainingSettings, {"learning_rate": 0}, "learning_rate must be positive"),
    ],
)
def test_messages(kind, values, message):
    with pytest.raises(QGenError) as caught:
        kind(**values)
    assert message in str(caught.value)


def test_what_is_plainly_meant_is_taken():
    numpy = pytest.importorskip("numpy")
    quiz = QuizSettings(max_answers=numpy.int64(3), kinds=["date"], min_confidence=0)
    assert quiz == QuizSettings(max_answers=3, kinds=("date",), min_confidence=0.0)
    assert type(quiz.max_answers) is int and hash(quiz)
