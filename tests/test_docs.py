"""What docs/, the cards and the README say can be followed: links lead somewhere, and commands are
understood."""

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

from qgen.cli.entry import build_parser
from qgen.files.fields import PASSAGE_NAMES
from qgen.files.formats import DOCUMENT_SUFFIXES, ROW_SUFFIXES
from qgen.files.rows import read_requests
from qgen.files.writers import FORMATS, WRITERS
from qgen.records import Answer, Question

ROOT = Path(__file__).parents[1]
CARDS = sorted(ROOT.glob("qgen/*checkpoint/README.md"))
DOCS = [*sorted(ROOT.glob("docs/*.md")), ROOT / "recipes" / "README.md"]
PAGES = [ROOT / "README.md", *CARDS, *DOCS, *sorted(ROOT.glob("data/*/README.md"))]


def _name(page):
    return page.relative_to(ROOT).as_posix() if isinstance(page, Path) else None


def _commands(page):
    """The commands of the blocks of a page, each on one line."""
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```", page.read_text("utf-8"), re.M | re.S)
    shown = (block for language, block in blocks if language in {"", "bash", "sh", "console"})
    lines = "".join(shown).replace("\\\n", " ").splitlines()
    return [
        match[1]
        for line in lines
        if (match := re.match(r"\s*(?:\$ )?((?:qgen|python -m) .*)", line))
    ]


def _anchors(page):
    """What GitHub names the headings of a page."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text("utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("card", CARDS, ids=_name)
def test_a_card_is_short(card):
    assert len(card.read_text("utf-8").splitlines()) <= 80


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert not anchor or anchor in _anchors(found), target


class _UnderstoodError(Exception):
    pass


@pytest.mark.parametrize(
    "command", [command for page in [*DOCS, *CARDS] for command in _commands(page)]
)
def test_commands_are_understood(command, monkeypatch):
    words = shlex.split(command, comments=True)
    if words[0] == "qgen":
        build_parser().parse_args(words[1:])
        return
    module, arguments = words[2], words[3:]
    parse = argparse.ArgumentParser.parse_args

    def only_parse(self, *args, **kwargs):
        parse(self, *args, **kwargs)
        raise _UnderstoodError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", only_parse)
    with pytest.raises(_UnderstoodError):
        importlib.import_module(module).main(arguments)


def test_the_steps_that_runs_go_on_from_are_kept():
    """Of a run's checkpoints the two newest are left: that of ``--save-steps``, and the last."""
    page = ROOT / "docs" / "training.md"
    text = page.read_text("utf-8")
    planned = dict(re.findall(r"^\| (\w+) \| [\d,]+ of a planned ([\d,]+) \|", text, re.M))
    made = {run[1]: c for c in _commands(page) if (run := re.search(r"--out runs/stage-(\w+)", c))}
    named = set(re.findall(r"runs/stage-(\w+)/checkpoint-(\d+)", text))
    assert named
    for stage, step in named:
        assert f"--save-steps {step}" in made[stage], stage
        assert int(planned[stage].replace(",", "")) <= 2 * int(step), stage


def test_commands_of_every_kind_are_found():
    named = {" ".join(c.split()[:3]) for page in DOCS for c in _commands(page)}
    for start in ("qgen train ", "qgen train-reader", "qgen evaluate ", "python -m recipes.reader"):
        assert any(f"{name} ".startswith(start) for name in named), start


def test_tables_of_experiments_have_one_number_a_cell():
    text = (ROOT / "docs" / "experiments.md").read_text("utf-8")
    header = True
    for line in text.splitlines():
        if not line.startswith("|"):
            header = True
            continue
        if header:
            width = line.count("|")
            header = False
            continue
        assert line.count("|") == width, line
        for cell in line.split("|")[2:-1]:
            assert re.fullmatch(r"\s*(-+|[\d,.]*|none)\s*", cell) or not re.search(r"\d", cell), (
                line
            )


def test_what_is_read_and_written_is_listed():
    """``docs/files.md`` has every suffix, format and name of a field."""
    made = Question("?", Answer("a", 0), -1.0, distractors=("b",), type="cloze", is_true=False,
                    note="n", reasons=("r",))  # fmt: skip
    fields = {*made.to_dict(), *PASSAGE_NAMES, "passage", "questions", "rank"}
    text = (ROOT / "docs" / "files.md").read_text("utf-8")
    named = {name.lower() for name in re.findall(r"`([.\w-]+)`", text)}
    assert {*ROW_SUFFIXES, *DOCUMENT_SUFFIXES, *FORMATS, *WRITERS, *fields} <= named


def test_the_rows_that_are_shown_are_read(tmp_path):
    text = (ROOT / "docs" / "files.md").read_text("utf-8")
    read = {}
    for language, suffix in {"json": ".jsonl", "csv": ".csv", "text": ".txt"}.items():
        [block] = re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)
        path = tmp_path / f"rows{suffix}"
        path.write_text(block, encoding="utf-8")
        requests = [request for _, request in read_requests(path)]
        read[language] = [[answer.text for answer in r.answers] for r in requests]
    assert read == {"json": [["Warsaw", "1867"], []], "csv": [["Warsaw"], []],
                    "text": [["Warsaw"], []]}  # fmt: skip
