"""Files people use: what came of a batch, in the format that the suffix or ``--format`` names.

A writer is a plain function from records and a path to the complete file.  A record is what a
line of JSONL output holds: ``passage``, ``questions`` (see :meth:`qgen.records.Question.to_dict`)
and the input row's other fields.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from string import ascii_uppercase

from qgen.errors import QGenError
from qgen.records import Request, Result

QUESTION_FIELDS = ("question", "answer", "answer_start", "kind", "score", "confidence")

Writer = Callable[[Iterable[dict], Path], None]
"""Takes records that can be gone through more than once, and where to write."""


def to_record(request: Request, result: Result) -> dict:
    """What a request led to; input fields whose names it needs itself are prefixed ``input_``."""
    return {
        **_renamed(request.extra, ("passage", "questions")),
        "passage": request.passage,
        "questions": [question.to_dict() for question in result.questions],
    }


def format_of(path: str | Path, name: str | None = None) -> str:
    """The format's name: the one given, or the one that the suffix means.

    Raises:
        QGenError: there is no such format, the suffix means none, or what writes it is missing.
    """
    if name is None:
        name = _format_of_suffix(path)
    elif name not in WRITERS:
        raise QGenError(f"unknown format {name!r}; use one of {', '.join(WRITERS)}")
    if name == "parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise QGenError("Parquet needs: pip install 'qgen[documents]'") from error
    return name


def suffix_of(name: str) -> str:
    """The suffix that a format's files have."""
    return next(suffix for suffix, known in FORMATS.items() if known == name)


def _format_of_suffix(path: str | Path) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise QGenError(f"{path}: unknown file type; use one of {', '.join(FORMATS)}, or --format")
    return FORMATS[suffix]


def _write_jsonl(records: Iterable[dict], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _write_csv(records: Iterable[dict], path: Path, delimiter: str = ",") -> None:
    """A row per question, with the same columns throughout."""
    columns = _columns(records)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", delimiter=delimiter)
        writer.writeheader()
        for record in records:
            for row in _rows(record):
                writer.writerow(
                    {
                        name: value
                        if isinstance(value, str | int | float | None)
                        else json.dumps(value, ensure_ascii=False)
                        for name, value in row.items()
                    }
                )


def _write_parquet(records: Iterable[dict], path: Path) -> None:
    """A row per question; other fields of the input are text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        "answer_start": pa.int64(),
        "score": pa.float64(),
        "confidence": pa.float64(),
        "rank": pa.int64(),
    }
    schema = pa.schema([(name, types.get(name, pa.string())) for name in _columns(records)])

    def cell(name: str, value):
        if value is None or isinstance(value, str) or name in types:
            return value
        return json.dumps(value, ensure_ascii=False)

    def table(rows: list[dict]) -> pa.Table:
        cells = [{name: cell(name, value) for name, value in row.items()} for row in rows]
        return pa.Table.from_pylist(cells, schema=schema)

    with pq.ParquetWriter(path, schema) as writer:
        rows: list[dict] = []
        for record in records:
            rows += _rows(record)
            if len(rows) >= 4096:
                writer.write_table(table(rows))
                rows = []
        writer.write_table(table(rows))


def _write_squad(records: Iterable[dict], path: Path) -> None:
    """SQuAD 1.1's JSON: one article, a paragraph per record; questions without an answer are left
    out, since the format has no place for them."""
    head = {"version": "1.1", "data": [{"title": "qgen", "paragraphs": []}]}
    before, after = json.dumps(head).split("[]")
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(before + "[")
        for number, record in enumerate(records):
            qas = [
                {
                    "id": f"{number}-{rank}",
                    "question": question["question"],
                    "answers": [
                        {"text": question["answer"], "answer_start": question["answer_start"]}
                    ],
                }
                for rank, question in enumerate(record["questions"])
                if question["answer_start"] is not None
            ]
            paragraph = {"context": record["passage"], "qas": qas}
            separator = ",\n" if number else "\n"
            file.write(separator + json.dumps(paragraph, ensure_ascii=False))
        file.write("]" + after + "\n")


def _write_gift(records: Iterable[dict], path: Path) -> None:
    """Moodle's GIFT: a short-answer or multiple-choice question each."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for number, record in enumerate(records, 1):
            for rank, question in enumerate(record["questions"], 1):
                title = _gift(f"Q{number}.{rank}")
                text, answer = _gift(question["question"]), _gift(question["answer"])
                wrong = [_gift(c) for c in question.get("choices", []) if c != question["answer"]]
                answers = " ".join([f"={answer}" if answer else "", *(f"~{c}" for c in wrong)])
                file.write(f"::{title}::{text} {{{answers}}}\n\n")


def _gift(text: str) -> str:
    """One line, with GIFT's control characters escaped."""
    text = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\~=#{}:" else c for c in text)


def _write_anki(records: Iterable[dict], path: Path) -> None:
    """A text file for Anki's importer: the question in front, the answer at the back.

    No more than these: the importer takes a third column for tags.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("#separator:tab\n#html:false\n#notetype:Basic\n")
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        for record in records:
            for question in record["questions"]:
                letters = dict(zip(question.get("choices", []), ascii_uppercase, strict=False))
                front = [question["question"], *(f"{b}. {a}" for a, b in letters.items())]
                letter = f"{letters[question['answer']]}. " if letters else ""
                writer.writerow(["\n".join(front), letter + question["answer"]])


def _write_markdown(records: Iterable[dict], path: Path) -> None:
    """Each passage as a quotation, then its questions with their answers."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in records:
            quoted = "\n".join(f"> {_markdown(line)}" for line in record["passage"].splitlines())
            file.write(f"{quoted}\n\n")
            for rank, question in enumerate(record["questions"], 1):
                answer = f"  \n   *{_markdown(question['answer'])}*" if question["answer"] else ""
                choices = "".join(f"\n   - {_markdown(c)}" for c in question.get("choices", []))
                file.write(f"{rank}. {_markdown(question['question'])}{answer}{choices}\n")
            file.write("\n")


def _markdown(text: str) -> str:
    text = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\`*_[]<>#|" else c for c in text)


WRITERS: dict[str, Writer] = {
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "tsv": partial(_write_csv, delimiter="\t"),
    "squad": _write_squad,
    "parquet": _write_parquet,
    "gift": _write_gift,
    "anki": _write_anki,
    "markdown": _write_markdown,
}
FORMATS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "squad",
    ".parquet": "parquet",
    ".gift": "gift",
    ".txt": "anki",
    ".md": "markdown",
}
"""Which format a suffix means."""


_RESERVED = (*QUESTION_FIELDS, "choices", "rank")


def _rows(record: dict) -> Iterable[dict]:
    """A row per question: the input's other fields, the passage, the question, and its rank."""
    extra = _renamed(_extra(record), _RESERVED)
    for rank, question in enumerate(record["questions"], start=1):
        yield {**extra, "passage": record["passage"], **question, "rank": rank}


def _columns(records: Iterable[dict]) -> list[str]:
    names: dict[str, None] = {}  # an ordered set
    choices = False
    for record in records:
        names.update(dict.fromkeys(_extra(record)))
        choices = choices or any("choices" in question for question in record["questions"])
    known = [*QUESTION_FIELDS, *(["choices"] if choices else []), "rank"]
    return [*_renamed(dict.fromkeys(names), _RESERVED), "passage", *known]


def _extra(record: dict) -> dict:
    return {name: value for name, value in record.items() if name not in ("passage", "questions")}


def _renamed(extra: dict, taken: Iterable[str]) -> dict:
    taken = set(taken)
    return {f"input_{name}" if name in taken else name: value for name, value in extra.items()}
