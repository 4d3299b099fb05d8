"""What commands print: aligned and coloured on a terminal, plain and always the same elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from qgen.english.words import spaced
from qgen.records import Question

SURE, UNSURE = 0.65, 0.4
"""Confidences from which a question is shown in green, and in yellow.  No measurement is
recorded."""


def tell(message: str) -> None:
    """A line for whoever sits at the terminal."""
    print(f"qgen: {message}", file=sys.stderr)


def write_questions(asked: Sequence[tuple[Question, Mapping]], as_json: bool) -> None:
    """Print questions, each with where in its document it comes from (nothing for a passage)."""
    if as_json:
        # With JSON's own escapes, where the encoding may lack a character.
        escaped = (sys.stdout.encoding or "utf-8").lower() not in ("utf-8", "utf8")
        for question, place in asked:
            print(json.dumps(question.to_dict() | dict(place), ensure_ascii=escaped))
    elif sys.stdout.isatty():
        _write_table(asked)
    else:
        _write_lines(asked)


def _number(asked: Sequence[tuple[Question, Mapping]]) -> tuple[str, str]:
    """Name and meaning of the number in front of the questions."""
    if any(question.confidence is not None for question, _ in asked):
        return "confidence", "the confidence, from 0 to 1"
    return "score", "the score, the mean log-probability of its tokens; nearer to 0 is better"


def _place(place: Mapping) -> str:
    return ", ".join(f"{name} {value}" for name, value in place.items())


def _lettered(choices: Sequence[str]) -> list[str]:
    lettered = zip(ascii_uppercase, choices, strict=False)
    return [f"{letter}. {spaced(choice)}" for letter, choice in lettered]


def _write_lines(asked: Sequence[tuple[Question, Mapping]]) -> None:
    tell(f"the number in front of each question is {_number(asked)[1]}")
    for question, place in asked:
        answer = spaced(question.answer_text)
        where = f"  ({_place(place)})" if place else ""
        print(f"{question.sureness:8.3f}  {spaced(question.question)}  [{answer}]{where}")
        for choice in _lettered(question.choices):
            print(f"{'':10}{choice}")


def _write_table(asked: Sequence[tuple[Question, Mapping]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(_number(asked)[0], justify="right", no_wrap=True)
    table.add_column("question", ratio=3)
    table.add_column("answer", ratio=2)
    if any(place for _, place in asked):
        table.add_column("where", no_wrap=True)
    for question, place in asked:
        sure = question.confidence
        style = "" if sure is None else "green" if sure >= SURE else "yellow"
        style = "red" if sure is not None and sure < UNSURE else style
        answer = spaced(question.answer_text)
        table.add_row(
            Text(f"{question.sureness:.2f}", style),
            Text("\n".join([question.question, *_lettered(question.choices)])),
            Text(answer, "bold"),
            *([Text(_place(place), "dim")] if place else []),
        )
    Console(highlight=False).print(table)


def write_report(rows: Sequence[tuple[str, str, str, str]]) -> None:
    """Print what was looked for, its state, details and, where it is missing, what to do."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    width = max(len(name) for name, *_ in rows)
    for name, state, detail, remedy in rows:
        line = Text(f"{name:{width}}  ")
        line.append(f"{state:7}", {"ok": "green", "missing": "yellow"}.get(state, "bold red"))
        line.append(f"  {detail}")
        if state != "ok" and remedy:
            line.append(f"  -> {remedy}", "bold")
        console.print(line)
