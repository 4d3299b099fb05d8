"""Sheets for people: Markdown, and work sheets to print as HTML and Word files."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count, groupby
from pathlib import Path

from qgen.files.writers.questions import Item, items, one_line, text_of, title_of, title_of_all

TITLE = "Work sheet"
KEY = "Key"


def write_markdown(records: Iterable[dict], path: Path) -> Counter[str]:
    """Each passage as a quotation, under title and id, then its questions with their answers."""
    last = ""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in records:
            named = (title_of(record), one_line(text_of(record, "id")))
            heading = ", ".join(filter(None, named))
            if heading and heading != last:
                file.write(f"## {_markdown(heading)}\n\n")
            last = heading
            quoted = "\n".join(f"> {_markdown(line)}" for line in record["passage"].splitlines())
            file.write(f"{quoted}\n\n")
            for rank, item in enumerate(items([record]), 1):
                mark = f"{rank}. "
                indent = " " * len(mark)  # with less, what follows is not the item's
                answer = f"  \n{indent}*{_markdown(item.answer)}*" if item.answer else ""
                choices = "".join(f"\n{indent}- {_markdown(choice)}" for choice in item.choices)
                file.write(f"{mark}{_markdown(item.text)}{answer}{choices}\n")
            file.write("\n")
    return Counter()


def _markdown(text: str) -> str:
    """One line, with what Markdown has a meaning for escaped."""
    text = re.sub(r"[\\`*_\[\]<>#|~&$^]", r"\\\g<0>", one_line(text))
    # A mark that would begin a list or underline a heading; of a number, what follows it does.
    return re.sub(r"^(\d+(?=[.)])|(?=[-+=]))", r"\1\\", text)


# -- work sheets -----------------------------------------------------------------------------------


def _texts(records: Iterable[dict]) -> Iterator[tuple[str, list[str], list[Item]]]:
    """For each passage its title where it has another than the one before, its paragraphs and all
    its questions.  The title of all of them is the sheet's."""
    last = title_of_all(records)
    together = groupby(records, lambda record: (title_of(record), record["passage"]))
    for (title, passage), rows in together:
        paragraphs = [line for part in passage.splitlines() if (line := one_line(part))]
        yield title if title != last else "", paragraphs, list(items(rows))
        last = title


def _key(item: Item) -> str:
    """The answer, with its letter where there are choices to tick."""
    if item.wrong and item.type != "true-false" and item.answer in item.choices:
        return f"{item.letters[item.answer]}. {item.answer}"
    return item.answer


_STYLE = """
body { font: 12pt/1.5 serif; max-width: 42em; margin: 2em auto; padding: 0 1em; }
.passage { border-left: 3px solid #888; padding-left: 1em; }
.question { break-inside: avoid; margin-top: 1em; }
.choices { list-style: upper-alpha; }
.line { border-bottom: 1px solid #000; height: 2em; }
.key { break-before: page; }
.evidence { color: #444; font-style: italic; }
"""


def write_html(records: Iterable[dict], path: Path) -> Counter[str]:
    """A work sheet: each passage, its questions with choices to tick or a line to write on, and the
    key with the evidence on a page of its own."""
    numbers = count(1)
    name = html.escape(title_of_all(records) or TITLE)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{name}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
            f'<h1 dir="auto">{name}</h1>\n'
        )
        for title, paragraphs, asked in _texts(records):
            if title:
                file.write(f'<h2 dir="auto">{html.escape(title)}</h2>\n')
            text = "".join(f'<p dir="auto">{html.escape(line)}</p>\n' for line in paragraphs)
            file.write(f'<div class="passage">\n{text}</div>\n')
            for item in asked:
                file.write(_html_question(next(numbers), item))
        file.write(f'<section class="key">\n<h2>{KEY}</h2>\n<ol>\n')
        for item in items(records):
            evidence = (
                f'<br><span class="evidence">{html.escape(item.evidence)}</span>'
                if item.evidence
                else ""
            )
            file.write(f'<li dir="auto">{html.escape(_key(item))}{evidence}</li>\n')
        file.write("</ol>\n</section>\n</body>\n</html>\n")
    return Counter()


def _html_question(number: int, item: Item) -> str:
    lead = f"<b>{number}.</b> "
    asked = f'<p dir="auto">{lead}{html.escape(item.text)}</p>\n'
    if item.type == "true-false":
        answers = "<p>☐ True &nbsp; ☐ False</p>\n"
    elif item.wrong:
        choices = "".join(f'<li dir="auto">{html.escape(c)}</li>\n' for c in item.choices)
        answers = f'<ol class="choices">\n{choices}</ol>\n'
    else:
        answers = "" if item.type == "cloze" else '<div class="line"></div>\n'
    return f'<div class="question">\n{asked}{answers}</div>\n'


def write_docx(records: Iterable[dict], path: Path) -> Counter[str]:
    """The same as a Word file."""
    from docx import Document

    document = Document()
    name = title_of_all(records) or TITLE
    document.core_properties.title = name[:255]  # more it does not take
    document.add_heading(name, 0)
    numbers = count(1)
    for title, paragraphs, asked in _texts(records):
        if title:
            document.add_heading(title, 1)
        for line in paragraphs:
            document.add_paragraph(line, style="Quote")
        for item in asked:
            question = document.add_paragraph()
            question.add_run(f"{next(numbers)}. ").bold = True
            question.add_run(item.text)
            question.paragraph_format.keep_with_next = item.type != "cloze"
            if item.type == "true-false":
                document.add_paragraph("☐ True   ☐ False")
            elif item.wrong:
                for choice, letter in item.letters.items():
                    document.add_paragraph(f"{letter}. {choice}")
            elif item.type != "cloze":
                document.add_paragraph("_" * 60)
    document.add_page_break()
    document.add_heading(KEY, 1)
    for number, item in enumerate(items(records), 1):
        answer = document.add_paragraph(f"{number}. {_key(item)}")
        if item.evidence:
            answer.add_run().add_break()
            answer.add_run(item.evidence).italic = True
    document.save(str(path))
    return Counter()
