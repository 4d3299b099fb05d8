"""docs/asking.md has every setting, type, kind, control and field, and its Python runs; the
examples of docs/serving.md have the service's shapes."""

import json
import os
import re
import subprocess
import sys
from dataclasses import fields
from operator import attrgetter
from pathlib import Path

import pytest

from qgen.cli.entry import build_parser
from qgen.model.checkpoints import DEFAULT_CHECKPOINT
from qgen.records import Answer, Question
from qgen.settings import (
    ANSWER_KINDS,
    QUESTION_TYPES,
    STATEMENT,
    GenerationSettings,
    QuizSettings,
)

pytest.importorskip("fastapi")
from qgen.service import schemas

ROOT = Path(__file__).parents[1]
ASKING, SERVING, README, CHANGELOG = (
    (ROOT / name).read_text("utf-8")
    for name in ("docs/asking.md", "docs/serving.md", "README.md", "CHANGELOG.md")
)
CODE = "\n".join(re.findall(r"^```python\n(.*?)^```", ASKING, re.M | re.S))
SHOWN = {"()": "none", "": "none", "True": "on", "False": "off"}
"""How the table says the defaults that it does not have as they are."""
GENERATE = next(a for a in build_parser()._actions if isinstance(a.choices, dict)).choices[
    "generate"
]


def table(heading):
    """The rows of the table under a heading, without its own first two."""
    section = ASKING.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in section.splitlines()
        if line.startswith("|")
    ][2:]


def first_names(heading):
    return [row[0].strip("` ") for row in table(heading)]


def test_the_table_has_every_setting():
    options = {action.dest: action.option_strings for action in GENERATE._actions}
    expected = []
    for kind, body, place in (
        (QuizSettings, schemas.QuestionsIn, ""),
        (GenerationSettings, schemas.Decoding, "settings."),
    ):
        for field in fields(kind):
            name, default = field.name, str(field.default)
            expected.append(
                [
                    ", ".join(f"`{option}`" for option in options[name]),
                    f"`{place}{name}`" if name in body.model_fields else "none",
                    f"`{kind.__name__}.{name}`",
                    SHOWN.get(default, default),
                ]
            )
    rows = table("Settings")
    assert [row[:4] for row in rows] == expected
    assert all(len(row) == 5 for row in rows)


def test_the_options_it_names_exist():
    subparsers = next(a for a in build_parser()._actions if isinstance(a.choices, dict))
    known = {o for p in subparsers.choices.values() for a in p._actions for o in a.option_strings}
    assert set(re.findall(r"`(--[a-z-]+)", ASKING)) <= known


def test_every_type_kind_and_control_is_explained():
    config = json.loads((DEFAULT_CHECKPOINT / "config.json").read_text("utf-8"))
    controls = sorted(set(config["controls"]) - {STATEMENT})
    assert sorted(first_names("Types of question")) == sorted(QUESTION_TYPES)
    assert first_names("Kinds of answers") == list(ANSWER_KINDS)
    assert first_names("Controls") == controls
    help_text = next(f for f in fields(GenerationSettings) if f.name == "controls").metadata["help"]
    assert help_text.endswith(f"knows {', '.join(controls)}")


def test_every_field_of_a_question_has_its_attribute():
    rows = table("What comes back")
    names = [name.strip("`") for name, *_ in rows]
    assert sorted(names) == sorted(schemas.QuestionOut.model_fields)
    question = Question("Who?", Answer("Ann", 0), -1.0, distractors=("Eve",))
    for name, attribute, *_ in rows:
        value = attrgetter(re.findall(r"`([\w.]+)`", attribute)[0])(question)
        if name.strip("`") in question.to_dict():
            assert value == question.to_dict()[name.strip("`")]


@pytest.mark.parametrize(
    "options",
    re.findall(r"`(--(?:types|kinds|controls|choices) [^`]+)`", ASKING + README + CHANGELOG),
)
def test_options_with_values_are_understood(options):
    GENERATE.parse_args(["--passage", "a", *options.split()])


@pytest.mark.slow
def test_its_python_says_what_its_comments_show():
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # In other arithmetic a word may differ.
    program = CODE.replace("from_pretrained()", 'from_pretrained(dtype="float32")')
    assert program != CODE
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == re.findall(r"# (.*)", CODE)


def test_requests_and_answers_of_the_service_have_its_shapes():
    pairs = re.findall(
        r"/v1/(\w+) -H [^\n]*\\\n\s*-d '([^']*)'\n```\n\n```json\n(.*?)```", SERVING, re.S
    )
    assert [route for route, *_ in pairs] == ["questions", "answers", "scores"]
    for route, sent, answered in pairs:
        name = route.capitalize()
        getattr(schemas, f"{name}In").model_validate_json(sent)
        getattr(schemas, f"{name}Out").model_validate_json(answered)
