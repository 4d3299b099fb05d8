"""Tests of qgen.files.batch with a fake model."""

from __future__ import annotations

import csv
import errno
import gc
import json
import os
import signal
import subprocess
import sys
import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from qgen.errors import QGenError
from qgen.files.batch import BatchSummary, run_batch
from qgen.files.best import best_engine
from qgen.files.rows import read_rows
from qgen.files.writers import FORMATS, WRITERS
from qgen.records import Answer, Question, Request, Result

ROOT = Path(__file__).parents[1]


def fake_result(request: Request) -> Result:
    """A question for each answer, or one without an answer."""
    return Result(
        tuple(
            Question(f"What about {request.passage[:12]}?", answer, -0.5)
            for answer in request.answers or (None,)
        )
    )


class FakeModel:
    """Asks one question per request, records its batches, and fails where it is told to."""

    def __init__(self, refuse: str = "\0", crash: str = "\0") -> None:
        self.batches: list[list[str]] = []
        self.refuse, self.crash = refuse, crash

    def __call__(self, requests: list[Request]) -> list[Result]:
        self.batches.append([request.passage for request in requests])
        if any(self.crash in request.passage for request in requests):
            raise KeyboardInterrupt
        if any(self.refuse in request.passage for request in requests):
            raise QGenError("the model refuses")
        return [fake_result(request) for request in requests]

    @property
    def seen(self) -> set[str]:
        return {passage for batch in self.batches for passage in batch}


def write_jsonl(path: Path, records: list) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def read_jsonl(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def read_csv(path: Path) -> list[dict]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def run(source: Path, output: Path, model=None, **options) -> BatchSummary:
    return run_batch(source, output, model or FakeModel(), progress=False, **options)


def run_text(tmp_path: Path, name: str, content: str | bytes, model=None, **options):
    """Run over a file with this content; the summary, the output rows and the error rows."""
    source = tmp_path / name
    source.write_bytes(content if isinstance(content, bytes) else content.encode())
    summary = run(source, tmp_path / "out.jsonl", model, **options)
    errors = read_jsonl(summary.errors_path) if summary.errors_path else []
    return summary, read_jsonl(tmp_path / "out.jsonl"), errors


@pytest.fixture
def numbered(tmp_path: Path) -> Path:
    """Ten rows of uneven length, the fourth of them (row 3) bad."""
    records: list = [{"id": n, "passage": f"row {n} " + "x" * (7 * n % 10)} for n in range(10)]
    records[3] = {"id": 3}
    return write_jsonl(tmp_path / "in.jsonl", records)


# --- Formats ---------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson"])
def test_jsonl_input_with_alias_offset_and_extra_fields(tmp_path, suffix):
    lines = [
        {"id": 7, "passage": "Rome is old. Rome is big.", "answer": "Rome", "answer_start": 13},
        {"context": "Oslo is cold.", "answer": None, "tags": ["a", "b"]},
    ]
    content = "\n\n".join(map(json.dumps, lines))  # a blank line, and no final newline
    summary, rows, _ = run_text(tmp_path, "in" + suffix, content)
    assert rows[0] == {
        "id": 7,
        "passage": "Rome is old. Rome is big.",
        "questions": [
            {
                "question": "What about Rome is old.?",
                "answer": "Rome",
                "answer_start": 13,
                "kind": "",
                "score": -0.5,
                "confidence": None,
            }
        ],
    }
    assert rows[1]["tags"] == ["a", "b"] and rows[1]["passage"] == "Oslo is cold."
    assert rows[1]["questions"][0]["answer_start"] is None
    assert summary == BatchSummary(2, 2, 0, 0, tmp_path / "out.jsonl", None)


@pytest.mark.parametrize("name", ["in.jsonl", "in.json", "in.parquet"])
def test_what_is_no_number_is_written_as_nothing(tmp_path, name):
    row = {"passage": "Rome.", "rating": float("nan"), "more": [float("inf"), 1.5]}
    source = tmp_path / name
    if name == "in.parquet":
        pa = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pa.Table.from_pylist([row]), source)
    else:
        source.write_text(json.dumps(row))
    run(source, tmp_path / "out.jsonl")
    text = (tmp_path / "out.jsonl").read_text()
    [read] = [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]
    assert read["rating"] is None and read["more"] == [None, 1.5]


@pytest.mark.parametrize("name", ["in.jsonl", "in.json"])
def test_a_number_that_is_too_large_is_written_as_nothing(tmp_path, name):
    row = '{"passage": "Rome.", "rating": 1e999, "more": [-1e999, 1.5, 1e30]}'
    (tmp_path / name).write_text(f"[{row}]" if name == "in.json" else row)
    run(tmp_path / name, tmp_path / "out.jsonl")
    text = (tmp_path / "out.jsonl").read_text()
    [read] = [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]
    assert read["rating"] is None and read["more"] == [None, 1.5, 1e30]


@pytest.mark.parametrize(("suffix", "comma"), [(".csv", ","), (".tsv", "\t")])
def test_csv_input_with_quoted_newlines(tmp_path, suffix, comma):
    table = [
        "id,passage,answer,answer_start",
        '1,"Rome is ""old"".\r\nRome is big.",Rome,16',
        "2,Oslo is cold.,,",
    ]
    content = "\r\n".join(table).replace(",", comma)
    _, rows, errors = run_text(tmp_path, "in" + suffix, content)
    assert not errors
    assert [row["id"] for row in rows] == ["1", "2"]
    assert rows[0]["passage"] == 'Rome is "old".\r\nRome is big.'
    assert rows[0]["questions"][0]["answer_start"] == 16
    assert rows[1]["questions"][0]["answer"] == ""


def test_txt_input(tmp_path):
    _, rows, _ = run_text(tmp_path, "in.txt", "Rome is old.\tRome\n\nOslo is cold.\r\n")
    assert [row["passage"] for row in rows] == ["Rome is old.", "Oslo is cold."]
    assert [row["questions"][0]["answer"] for row in rows] == ["Rome", ""]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.jsonl", '{"passage": "Århus is a city."}\n'),
        ("in.csv", "passage\nÅrhus is a city.\n"),
        ("in.txt", "Århus is a city.\n"),
    ],
)
def test_byte_order_mark_is_dropped(tmp_path, name, content):
    _, rows, _ = run_text(tmp_path, name, b"\xef\xbb\xbf" + content.encode())
    assert [row["passage"] for row in rows] == ["Århus is a city."]


def test_csv_output_has_a_row_per_question(tmp_path):
    def two_questions(requests):
        return [
            Result(
                (
                    Question("Who?", Answer("Rome", 0, "name"), -0.25),
                    Question('Why, "so"?', None, -1.0),
                )
            )
            for _ in requests
        ]

    source = write_jsonl(
        tmp_path / "in.jsonl",
        [{"passage": "Rome\nis old.", "tags": ["å"]}, {"passage": "Oslo", "question": "reference"}],
    )
    summary = run(source, tmp_path / "out.csv", two_questions)
    rows = read_csv(tmp_path / "out.csv")
    assert summary.questions == len(rows) == 4
    assert rows[1] == {
        "tags": '["å"]',
        "input_question": "",
        "passage": "Rome\nis old.",
        "question": 'Why, "so"?',
        "answer": "",
        "answer_start": "",
        "kind": "",
        "score": "-1.0",
        "confidence": "",
        "rank": "2",
    }
    assert (rows[2]["input_question"], rows[2]["question"], rows[2]["rank"]) == (
        "reference",
        "Who?",
        "1",
    )


def test_input_field_that_clashes_with_the_output_is_kept(tmp_path):
    row = '{"passage": "Rome.", "questions": ["old"], "input_questions": ["older"], "input_id": 7}'
    _, rows, _ = run_text(tmp_path, "in.jsonl", row)
    assert rows[0]["input_questions"] == ["old"] and len(rows[0]["questions"]) == 1
    assert rows[0]["input_input_questions"] == ["older"] and rows[0]["input_id"] == 7


def test_a_column_that_differs_from_one_of_ours_in_case_can_be_read_again(tmp_path):
    (tmp_path / "in.csv").write_text("Passage,Question,Score\nRome.,Which?,3\n")
    run(tmp_path / "in.csv", tmp_path / "out.csv")
    [row] = read_csv(tmp_path / "out.csv")
    assert (row["input_Question"], row["input_Score"], row["score"]) == ("Which?", "3", "-0.5")
    [again] = read_rows(tmp_path / "out.csv")
    assert again.content.extra["input_Question"] == "Which?"


@pytest.mark.parametrize("name", ["sample.jsonl", "sample.csv", "sample.txt"])
def test_samples_are_valid(tmp_path, name):
    summary = run(ROOT / "data" / name, tmp_path / "out.jsonl")
    answers = [row["questions"][0]["answer"] for row in read_jsonl(tmp_path / "out.jsonl")]
    assert (summary.rows, summary.errors, answers.count("")) == (4, 0, 1)


# --- Unusable runs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "output", "message"),
    [
        ("missing.jsonl", "out.jsonl", "cannot read"),
        ("in.xls", "out.jsonl", "in.xls: unknown file type"),
        ("in.jsonl", "out.xyz", "out.xyz: unknown file type"),
        ("in.jsonl", "in.jsonl", "different files"),
        ("in.jsonl", "./sub/../in.jsonl", "different files"),
        ("in.jsonl", "none/out.jsonl", "directory is missing"),
        ("in.jsonl", "sub.jsonl", "is a directory"),
        ("empty.jsonl", "out.jsonl", "has no rows"),
        ("empty.csv", "out.jsonl", "has no rows"),
        ("header.csv", "out.jsonl", "has no rows"),
        ("no_passage.csv", "out.jsonl", '"passage" column'),
        ("twice.csv", "out.jsonl", "two columns are called"),
        ("two_answers.csv", "out.jsonl", "both name the answer"),
        ("strange.csv", "out.jsonl", '"Correct Answer" looks like an answer'),
        ("sub", "out.jsonl", "holds no document"),
        ("docs", "docs/out.jsonl", "must not be in the folder"),
        ("in.jsonl", "mine.jsonl", "no file of a batch"),
        ("in.jsonl", "half.jsonl", "half.jsonl.partial is in the way"),
        ("in.jsonl", "way.jsonl", "way.jsonl.progress.json is no file of a batch"),
        ("in.jsonl", "new.jsonl", "new.jsonl.progress.json.new is no file of a batch"),
        ("in.jsonl", "in.way.jsonl", "is in the way"),
        ("o.csv.new.csv", "o.csv", "would be lost"),
        ("in.jsonl", "pipe.jsonl", "a pipe or a device"),
        ("pipe.jsonl", "out.jsonl", "cannot read .*: it is a pipe or a device"),
    ],
)
def test_unusable_arguments_are_refused_before_any_work(tmp_path, source, output, message):
    for name, content in {
        "in.jsonl": '{"passage": "Rome."}\n',
        "in.xls": "Rome.",
        "empty.jsonl": "\n",
        "empty.csv": "\ufeff",
        "header.csv": "passage,answer\n",
        "no_passage.csv": "words,answer\nRome,\n",
        "two_answers.csv": "passage,answer,Answers\nRome,,\n",
        "strange.csv": "passage,Correct Answer\nRome,Rome\n",
        "twice.csv": "passage,id,id\nRome,1,2\n",
        "mine.jsonl.errors.jsonl": "mine",
        "in.way.jsonl.new.jsonl": "mine",
        "half.jsonl.partial": "mine",
        "way.jsonl.progress.json": '{"page": 7}',
        "new.jsonl.progress.json.new": "mine",
        "o.csv.new.csv": "passage\nRome\n",
    }.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub.jsonl").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("Rome is an old city.")
    before = sorted(tmp_path.rglob("*"))
    model = FakeModel()
    with pytest.raises(QGenError, match=message):
        run(tmp_path / source, tmp_path / output, model)
    assert not model.batches
    assert sorted(tmp_path.rglob("*")) == before


def test_errors_are_not_kept_in_the_folder_that_is_read(tmp_path):
    """Where the next run would ask about them."""
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("Rome is an old city.")
    with pytest.raises(QGenError, match="errors.txt must not be in the folder"):
        run(folder, tmp_path / "out.jsonl", errors_path=folder / "errors.txt")
    assert [path.name for path in folder.iterdir()] == ["a.md"]


@pytest.mark.parametrize("size", ["batch_size", "buffer_size"])
def test_sizes_must_be_positive(tmp_path, numbered, size):
    with pytest.raises(QGenError, match="at least 1"):
        run(numbered, tmp_path / "out.jsonl", **{size: 0})


# --- Bad rows --------------------------------------------------------------------------------


def test_bad_jsonl_rows_are_reported_and_the_rest_goes_on(tmp_path, capsys):
    lines = [
        b'{"passage": "Rome is old."}',
        b"{not json",
        b"",
        b'["a list"]',
        b'{"answer": "Rome"}',
        b'{"passage": " "}',
        b'{"passage": 5}',
        b'{"passage": "Rome", "answer": {"a": 5}}',
        b'{"passage": "Rome", "answer": "Rome", "answer_start": true}',
        b'{"passage": "Rome", "answer": "Oslo"}',
        b'{"passage": "R\xf8me, \xc3\xa5"}',
        rb'{"passage": "R\ud800me"}',
        b"[" * 100_000,
        b'{"passage": "the model hates this"}',
        b'{"passage": "Oslo is cold."}',
    ]
    model = FakeModel(refuse="hates")
    summary, rows, errors = run_text(tmp_path, "in.jsonl", b"\n".join(lines), model)
    assert [row["passage"] for row in rows] == ["Rome is old.", "Oslo is cold."]
    assert [error["line"] for error in errors] == [2, *range(4, 15)]
    assert [error["error"].split(":")[0] for error in errors] == [
        "not valid JSON",
        "not a JSON object",
        '"passage" is missing; there are "answer"',
        "the passage is empty",
        '"passage" must be text',
        '"answer" must be text, a list, or {"text", "answer_start"}',
        '"answer_start" must be a whole number',
        "the answer 'Oslo' is not in the passage",
        "not valid UTF-8 text",
        "not valid UTF-8 text",
        "not valid JSON",
        "the model refuses",
    ]
    assert errors[0]["input"] == "{not json"
    assert errors[8]["input"] == '{"passage": "R\ufffdme, å"}'
    assert (summary.rows, summary.questions, summary.errors) == (14, 2, 12)
    assert summary.errors_path == tmp_path / "out.jsonl.errors.jsonl"
    reported = capsys.readouterr().err.splitlines()
    assert len(reported) == 12
    assert reported[0].startswith(f"{tmp_path / 'in.jsonl'}:2: not valid JSON")


def test_csv_errors_carry_physical_line_numbers(tmp_path):
    content = (
        "passage,answer,answer_start\n"
        '"Rome is\nold.",Rome,\n'  # lines 2 and 3
        "\n"
        "Oslo,Rome,\n"  # line 5
        '"Bern\n\nis\nsmall.",Oslo,\n'  # lines 6 to 9
        "Rome,Rome\n"  # line 10
        'Rome,"Ro"me,\n'  # line 11
        "Rome,Rome,first\n"  # line 12
        "Rome,Rome,0\n"
        '"Oslo,never closed,\n'  # line 14
    )
    _, rows, errors = run_text(tmp_path, "in.csv", content)
    assert [row["passage"] for row in rows] == ["Rome is\nold.", "Rome"]
    assert [error["line"] for error in errors] == [5, 6, 10, 11, 12, 14]
    assert [error["error"].split(":")[0] for error in errors] == [
        "the answer 'Rome' is not in the passage",
        "the answer 'Oslo' is not in the passage",
        "the row has 2 fields, the header row 3",
        "not valid CSV",
        '"answer_start" must be a whole number',
        "not valid CSV",
    ]
    assert errors[1]["input"] == '"Bern\n\nis\nsmall.",Oslo,'


def test_a_stray_quotation_mark_costs_no_more_than_its_line(tmp_path):
    content = (
        "passage,answer\n"
        "Rome is old.,Rome\n"
        '"unclosed quote in 1902.,1902\n'  # line 3
        "Oslo is cold.,Oslo\r\n"
        '"Bern is\n""small"".",Bern\n'  # lines 5 and 6
        "Oslo,Rome\n"  # line 7
        '"Lima is" big.,Lima\n'  # line 8
        '"again,1\n'  # line 9
        "\n"
        "Kiev is big.,Kiev\n"
    )
    summary, rows, errors = run_text(tmp_path, "in.csv", content)
    passages = ["Rome is old.", "Oslo is cold.", 'Bern is\n"small".', "Kiev is big."]
    assert [row["passage"] for row in rows] == passages
    assert [(error["line"], error["input"]) for error in errors] == [
        (3, '"unclosed quote in 1902.,1902'),
        (7, "Oslo,Rome"),
        (8, '"Lima is" big.,Lima'),
        (9, '"again,1'),
    ]
    assert "a quotation mark opens a field, and none closes it" in errors[0]["error"]
    assert (summary.rows, summary.errors) == (8, 4)


def test_a_long_table_is_not_held_in_memory_for_a_stray_quotation_mark(tmp_path, monkeypatch):
    monkeypatch.setattr("qgen.files.tables.MAX_CHARACTERS", 200_000)
    csv.field_size_limit(131_072)
    source = tmp_path / "in.csv"
    with source.open("w", encoding="utf-8") as file:
        file.write('passage\n"stray\n')
        file.writelines(f"{n} {'x' * 1000}\n" for n in range(8000))
    tracemalloc.start()
    try:
        rows = sum(isinstance(row.content, Request) for row in read_rows(source))
        assert tracemalloc.get_traced_memory()[1] < 4_000_000  # the file has 8 MB
    finally:
        tracemalloc.stop()
    assert rows == 8000


@pytest.mark.parametrize("first", ['"Hello," said Ann in 1900.', '"Nobody came in 1900.'])
def test_tsv_without_quoting(tmp_path, first):
    """As MS MARCO is written, and pandas with ``quoting=3``."""
    content = f'passage\tanswer\n{first}\t1900\n"Rome" is old.\tRome\n"Oslo is cold."\tOslo\n'
    _, rows, errors = run_text(tmp_path, "in.tsv", content)
    assert [row["passage"] for row in rows] == [first, '"Rome" is old.', '"Oslo is cold."']
    assert not errors


def test_a_quoted_tsv_with_a_stray_mark(tmp_path):
    lines = "".join(f'"{n} is a\n""number""."\t{n}\n' for n in range(3))
    content = f'passage\tanswer\n{lines}"Rome" is old.\tRome\n'
    _, rows, errors = run_text(tmp_path, "in.tsv", content)
    assert [row["passage"] for row in rows] == [f'{n} is a\n"number".' for n in range(3)]
    assert [error["line"] for error in errors] == [8]


def test_quoted_tsv_longer_than_what_is_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr("qgen.files.tables._SAMPLE", 100)
    lines = "".join(f'"{n} is a\n""number""."\t{n}\n' for n in range(50))
    _, rows, errors = run_text(tmp_path, "in.tsv", f"passage\tanswer\n{lines}")
    assert [row["passage"] for row in rows] == [f'{n} is a\n"number".' for n in range(50)]
    assert not errors


def test_error_file_only_exists_if_there_are_errors(tmp_path):
    log = tmp_path / "bad.jsonl"
    summary, _, errors = run_text(tmp_path, "in.txt", "Rome\tOslo\nOslo\n", errors_path=log)
    assert summary.errors_path == log and [error["line"] for error in errors] == [1]
    summary, _, _ = run_text(tmp_path, "in.txt", "Oslo\n", errors_path=log)
    assert summary.errors_path is None
    assert {path.name for path in tmp_path.iterdir()} == {"in.txt", "out.jsonl"}


def test_a_refused_batch_is_retried_one_row_at_a_time(tmp_path):
    content = "good one\nbad\ngood two\nfine\n"
    model = FakeModel(refuse="bad")
    _, rows, errors = run_text(tmp_path, "in.txt", content, model, batch_size=4)
    assert model.batches == [
        ["good one", "good two", "fine", "bad"],
        ["good one"],
        ["good two"],
        ["fine"],
        ["bad"],
    ]
    assert [row["passage"] for row in rows] == ["good one", "good two", "fine"]
    assert [(error["line"], error["error"]) for error in errors] == [(2, "the model refuses")]


def test_a_bad_row_does_not_cut_a_document_in_two(tmp_path):
    passages = {"One.": "a", "": "a", "Two.": "a", "Three.": "b"}
    rows: list = [{"passage": text, "document": name} for text, name in passages.items()]
    rows.insert(2, 7)
    model = FakeModel()

    def ask(paragraphs, progress):
        for number in range(len(paragraphs)):
            progress(number + 1)
        return model(paragraphs)

    told = []
    _, _, errors = run_text(
        tmp_path, "in.jsonl", "\n".join(map(json.dumps, rows)), engine=best_engine(ask),
        on_progress=lambda *counts: told.append(counts),
    )  # fmt: skip
    assert told == [(1, 5), (2, 5), (4, 5), (5, 5), (5, 5)]
    assert model.batches == [["One.", "Two."], ["Three."]]
    assert [error["line"] for error in errors] == [2, 3]


def test_why_nothing_comes_of_a_document_is_told(tmp_path):
    def ask(paragraphs, progress):
        dropped = Result(dropped={"giving the answer away": 2})
        return [fake_result(p) if "Rome" in p.passage else dropped for p in paragraphs]

    passages = {"Rome.": "a", "Bern.": "a", "Oslo.": "b", "Lima.": "b"}
    rows = [{"passage": text, "document": name} for text, name in passages.items()]
    summary, written, errors = run_text(
        tmp_path, "in.jsonl", "\n".join(map(json.dumps, rows)), engine=best_engine(ask)
    )
    assert [row["passage"] for row in written] == ["Rome."] and summary.errors == 2
    assert [(error["line"], error["error"]) for error in errors] == [
        (line, "no question is worth showing: 2 giving the answer away") for line in (3, 4)
    ]


def test_a_model_that_loses_rows_is_not_trusted(tmp_path):
    with pytest.raises(ValueError, match="zip"):
        run_text(tmp_path, "in.txt", "Rome\nOslo\n", lambda requests: [Result()])


def test_a_row_that_no_question_comes_of_is_an_error_with_its_reason(tmp_path):
    def picky(requests):
        return [
            fake_result(r) if "Rome" in r.passage else Result(dropped={"giving the answer away": 2})
            for r in requests
        ]

    summary, rows, errors = run_text(tmp_path, "in.txt", "Rome\nOslo\n", picky)
    assert [row["passage"] for row in rows] == ["Rome"]
    assert [error["error"] for error in errors] == [
        "no question is worth showing: 2 giving the answer away"
    ]
    assert (summary.rows, summary.questions, summary.errors) == (2, 1, 1)


# --- Order, progress and memory --------------------------------------------------------------


def test_batches_are_sorted_by_length_but_written_in_input_order(tmp_path):
    passages = ["x" * length for length in (3, 9, 1, 7, 5, 2, 8)]
    model = FakeModel()
    _, rows, _ = run_text(
        tmp_path, "in.txt", "\n".join(passages), model, batch_size=2, buffer_size=4
    )
    assert [[len(p) for p in batch] for batch in model.batches] == [[9, 7], [3, 1], [8, 5], [2]]
    assert [row["passage"] for row in rows] == passages


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_is_reported(tmp_path, numbered, capsys, monkeypatch, terminal):
    """With a bar on a terminal alone: a log would be full of it."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    calls = []
    run_batch(
        numbered,
        tmp_path / "out.jsonl",
        FakeModel(),
        batch_size=4,
        buffer_size=5,
        on_progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(1, 10), (5, 10), (9, 10), (10, 10)]
    assert ("10/10" in capsys.readouterr().err) == terminal


@pytest.mark.slow
def test_memory_does_not_grow_with_the_input(tmp_path):
    def peak(rows: int) -> int:
        source = tmp_path / "in.txt"
        with source.open("w", encoding="utf-8") as file:
            file.writelines(f"{n} {'x' * 10_000}\n" for n in range(rows))
        tracemalloc.start()
        try:
            run(source, tmp_path / "out.jsonl", counting, batch_size=4, buffer_size=8)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def counting(requests):
        alive.append(count_requests())
        return FakeModel()(requests)

    def count_requests() -> int:
        return sum(type(thing) is Request for thing in gc.get_objects())

    gc.collect()
    before = count_requests()
    alive: list[int] = []
    peak(40)  # what is allocated once, is allocated now
    assert peak(400) < peak(40) + 500_000  # the larger file has 3.6 MB more
    assert before < max(alive) <= before + 8


# --- Kill and resume -------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", FORMATS)
def test_interrupted_run_resumes_where_it_stopped(tmp_path, numbered, suffix, capsys):
    whole, output = tmp_path / f"whole{suffix}", tmp_path / f"out{suffix}"
    options = {"batch_size": 1, "buffer_size": 4, "settings": {"beams": 5}}
    expected = run(numbered, whole, **options)

    with pytest.raises(KeyboardInterrupt):
        run(numbered, output, FakeModel(crash="row 6"), **options)
    assert not output.exists()
    partial = Path(f"{output}.partial")
    partial.write_bytes(partial.read_bytes() + b"half a li")  # a write cut short by the kill
    errors = Path(f"{output}.errors.jsonl")
    errors.write_bytes(errors.read_bytes() + b"half a li")

    model = FakeModel()
    summary = run(numbered, output, model, **options)
    assert {passage.split()[1] for passage in model.seen} == {"4", "5", "6", "7", "8", "9"}
    dated = suffix in (".parquet", ".xlsx", ".docx")  # by their libraries
    assert dated or output.read_bytes() == whole.read_bytes()
    assert errors.read_bytes() == Path(f"{whole}.errors.jsonl").read_bytes()
    assert summary.resumed_from == 4
    told = capsys.readouterr().err
    questions = 0 if "leaves out 9 questions" in told else 9
    assert (summary.rows, summary.questions, summary.errors) == (10, questions, 1)
    assert (expected.rows, expected.questions, expected.errors) == (10, questions, 1)
    assert "resuming after row 4" in told
    assert not partial.exists() and not Path(f"{output}.progress.json").exists()


def test_a_run_is_resumed_from_another_folder(tmp_path, numbered, monkeypatch):
    options = {"batch_size": 1, "buffer_size": 4}
    with pytest.raises(KeyboardInterrupt):
        run(numbered, tmp_path / "out.jsonl", FakeModel(crash="row 6"), **options)
    monkeypatch.chdir(tmp_path)
    assert run(Path("in.jsonl"), Path("out.jsonl"), **options).resumed_from == 4


def test_errors_written_after_the_last_journal_entry_are_dropped(tmp_path):
    options = {"batch_size": 1, "buffer_size": 1}
    with pytest.raises(KeyboardInterrupt):
        run_text(tmp_path, "in.txt", "Rome\nOslo\n", FakeModel(crash="Oslo"), **options)
    (tmp_path / "out.jsonl.errors.jsonl").write_text('{"line": 2, "er')
    summary, rows, errors = run_text(tmp_path, "in.txt", "Rome\nOslo\n", **options)
    assert (summary.resumed_from, len(rows), errors) == (1, 2, [])
    assert not (tmp_path / "out.jsonl.errors.jsonl").exists()


def test_killed_process_resumes_to_identical_bytes(tmp_path, numbered):
    script = """
import sys, time
from qgen.files.batch import run_batch
from tests.test_batch import fake_result

def generate(requests):
    if any(request.passage.startswith("row 7") for request in requests):
        print("stuck", flush=True)
        time.sleep(600)
    return [fake_result(request) for request in requests]

run_batch(sys.argv[1], sys.argv[2], generate, batch_size=2, buffer_size=3, progress=False)
"""
    whole, output = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    command = [sys.executable, "-c", script, str(numbered), str(output)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "stuck\n"
        with pytest.raises(QGenError, match="another run is writing .*out.jsonl"):
            run(numbered, output, batch_size=2, buffer_size=3)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not output.exists()

    model = FakeModel()
    summary = run(numbered, output, model, batch_size=2, buffer_size=3)
    run(numbered, whole, batch_size=2, buffer_size=3)
    assert summary.resumed_from == 6
    assert {passage.split()[1] for passage in model.seen} == {"6", "7", "8", "9"}
    assert output.read_bytes() == whole.read_bytes()


def test_a_second_run_is_refused_and_harms_nothing(tmp_path, numbered):
    output, log = tmp_path / "out.jsonl", tmp_path / "bad.jsonl"
    (tmp_path / "link.jsonl").symlink_to(output)

    def generate(requests):
        for other in (output, tmp_path / "link.jsonl", tmp_path / "other.jsonl"):
            with pytest.raises(QGenError, match="another run is writing"):
                run(numbered, other, errors_path=log)
        return FakeModel()(requests)

    summary = run(numbered, output, generate, batch_size=2, buffer_size=3, errors_path=log)
    assert len(read_jsonl(output)) == summary.questions == 9
    assert [error["line"] for error in read_jsonl(log)] == [4]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"in.jsonl", "out.jsonl", "link.jsonl", "bad.jsonl"}


def test_a_lock_file_of_somebody_else_is_left_alone(tmp_path, numbered):
    (tmp_path / "out.jsonl.lock").write_text("mine")
    run(numbered, tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl.lock").read_text() == "mine"


def test_a_folder_without_locks_is_written_to(tmp_path, numbered, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def flock(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    run(numbered, tmp_path / "out.jsonl")
    assert not list(tmp_path.glob("*.lock"))


def test_a_lock_that_cannot_be_made_is_one_line(tmp_path, numbered):
    (tmp_path / "out.jsonl.lock").mkdir()
    with pytest.raises(QGenError, match=r"cannot write .*out\.jsonl\.lock: "):
        run(numbered, tmp_path / "out.jsonl")


def test_older_output_stays_until_the_new_one_is_complete(tmp_path, numbered):
    output = tmp_path / "out.jsonl"
    output.write_text("older")
    with pytest.raises(KeyboardInterrupt):
        run(numbered, output, FakeModel(crash="row 9"), buffer_size=2)
    assert output.read_text() == "older"
    during = []

    def watching(requests):
        during.append(output.read_text())
        return FakeModel()(requests)

    run(numbered, output, watching, buffer_size=2)
    assert during == ["older"]
    assert len(read_jsonl(output)) == 9


def change_settings(tmp_path: Path, options: dict) -> None:
    options["settings"] = {"beams": 1}


def change_input(tmp_path: Path, options: dict) -> None:
    with (tmp_path / "in.jsonl").open("a") as file:
        file.write("\n")


def lose_partial(tmp_path: Path, options: dict) -> None:
    (tmp_path / "out.jsonl.partial").write_text("")


def lose_errors(tmp_path: Path, options: dict) -> None:
    (tmp_path / "out.jsonl.errors.jsonl").unlink()


def spoil_journal(tmp_path: Path, options: dict) -> None:
    (tmp_path / "out.jsonl.progress.json").write_text('{"run": {}, "rows": 4}')


@pytest.mark.parametrize(
    "change", [change_settings, change_input, lose_partial, lose_errors, spoil_journal]
)
def test_a_run_that_cannot_be_resumed_starts_anew(tmp_path, numbered, change, capsys):
    output = tmp_path / "out.jsonl"
    options = {"buffer_size": 4, "settings": {"beams": 5}}
    with pytest.raises(KeyboardInterrupt):
        run(numbered, output, FakeModel(crash="row 6"), **options)
    change(tmp_path, options)
    model = FakeModel()
    summary = run(numbered, output, model, **options)
    assert summary.resumed_from == 0
    assert len(model.seen) == len(read_jsonl(output)) == 9
    assert "starting anew" in capsys.readouterr().err


def test_kill_after_the_last_row_leaves_nothing_to_redo(tmp_path, numbered, monkeypatch):
    output = tmp_path / "out.jsonl"
    with monkeypatch.context() as patch:
        patch.setattr("qgen.files.batch._Sink.publish", lambda *_: sys.exit(1))
        with pytest.raises(SystemExit):
            run(numbered, output)
    assert not output.exists()
    model = FakeModel()
    summary = run(numbered, output, model)
    assert not model.batches
    assert (summary.resumed_from, summary.questions) == (10, 9)
    assert len(read_jsonl(output)) == 9


def test_a_disk_that_fills_up_while_writing_the_output_loses_nothing(
    tmp_path, numbered, monkeypatch
):
    output = tmp_path / "out.csv"

    def full(records, path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setitem(WRITERS, "csv", replace(WRITERS["csv"], write=full))
        with pytest.raises(OSError, match="No space"):
            run(numbered, output)
    assert not output.exists() and not list(tmp_path.glob("*.new*"))
    model = FakeModel()
    assert run(numbered, output, model).questions == 9
    assert not model.batches, "every row was kept"


def test_a_folder_of_documents(tmp_path):
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("Rome is an old city\nin Italy.\n\nOslo is a cold city.\n")
    (folder / "sub" / "b.md").write_text("# Bern\n\nBern is a small city in Switzerland.\n")
    (folder / "broken.pdf").write_text("no PDF")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    summary = run(folder, tmp_path / "out.jsonl")
    rows = read_jsonl(tmp_path / "out.jsonl")
    assert [(row["document"], row["paragraph"], row["passage"]) for row in rows] == [
        ("a.txt", 1, "Rome is an old city in Italy."),
        ("a.txt", 2, "Oslo is a cold city."),
        ("sub/b.md", 1, "Bern is a small city in Switzerland."),
    ]
    [error] = read_jsonl(summary.errors_path)
    assert "broken.pdf is not a PDF" in error["error"]


def test_a_run_about_a_folder_goes_on_although_other_files_came_into_it(tmp_path):
    folder, output = tmp_path / "folder", tmp_path / "out.jsonl"
    folder.mkdir()
    (folder / "a.txt").write_text("Rome is an old city in Italy.\n\nOslo is a cold city.\n")
    (folder / "gone.txt").symlink_to(folder / "nothing.txt")
    options = {"batch_size": 1, "buffer_size": 1}
    with pytest.raises(KeyboardInterrupt):
        run(folder, output, FakeModel(crash="Oslo"), **options)
    for name in ("~$a.docx", ".DS_Store", "picture.png"):
        (folder / name).write_bytes(b"new")
    assert run(folder, output, **options).resumed_from == 1
    with pytest.raises(KeyboardInterrupt):
        run(folder, output, FakeModel(crash="Oslo"), **options)
    (folder / "b.txt").write_text("Bern is a small city in Switzerland.")
    assert run(folder, output, **options).resumed_from == 0


# --- What is told ----------------------------------------------------------------------------


def test_names_of_files_that_are_no_text(tmp_path):
    folder, output = tmp_path / "f", tmp_path / os.fsdecode(b"caf\xe9.jsonl")
    folder.mkdir()
    for name in (b"caf\xe9.txt", b"caf\xe9.docx"):
        (folder / os.fsdecode(name)).write_text("Rome is an old city in Italy.")
    summary = run(folder, output)
    assert [row["document"] for row in read_jsonl(output)] == ["caf\ufffd.txt"]
    assert [row["document"] for row in read_jsonl(summary.errors_path)] == ["caf\ufffd.docx"]


def test_links_are_written_through(tmp_path, numbered):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (tmp_path / "out.jsonl").symlink_to(folder / "real.jsonl")
    (tmp_path / "bad.jsonl").symlink_to(folder / "errors.jsonl")
    run(numbered, tmp_path / "out.jsonl", errors_path=tmp_path / "bad.jsonl")
    assert (tmp_path / "out.jsonl").is_symlink() and (tmp_path / "bad.jsonl").is_symlink()
    assert len(read_jsonl(folder / "real.jsonl")) == 9
    assert [path.name for path in sorted(folder.iterdir())] == ["errors.jsonl", "real.jsonl"]


def test_an_answer_that_is_left_out_is_told_and_the_others_are_asked_for(
    tmp_path, numbered, monkeypatch, capsys
):
    def rows(path, *others):
        for row in read_rows(path, *others):
            if isinstance(row.content, Request) and row.line in (2, 5):
                problem = f"the answer 'x{row.line}' is not in the passage"
                yield replace(row, content=replace(row.content, problems=(problem,)))
            else:
                yield row

    monkeypatch.setattr("qgen.files.rows.read_rows", rows)
    summary = run(numbered, tmp_path / "out.jsonl")
    assert len(read_jsonl(tmp_path / "out.jsonl")) == 9
    errors = read_jsonl(summary.errors_path)
    assert [(error["line"], error["error"]) for error in errors] == [
        (2, "the answer 'x2' is not in the passage"),
        (4, '"passage" is missing; there are "id"'),
        (5, "the answer 'x5' is not in the passage"),
    ]
    assert (summary.rows, summary.errors, summary.problems) == (10, 1, 2)
    assert f"{numbered}:5: the answer 'x5' is not in the passage" in capsys.readouterr().err
    assert str(summary) == (
        f"10 rows, 9 questions, 1 error, 2 answers left out (see {summary.errors_path}) -> "
        f"{tmp_path / 'out.jsonl'}"
    )


def test_what_a_format_has_no_place_for_is_told_once(tmp_path, capsys):
    lines = [{"passage": "Rome is old.", "url": "https://example.org", "id": n} for n in range(3)]
    run(write_jsonl(tmp_path / "in.jsonl", lines), tmp_path / "out.md")
    assert capsys.readouterr().err == "markdown has no place for: url\n"


def test_raw_cells_are_for_tables(tmp_path, numbered):
    run(numbered, tmp_path / "out.csv", raw_cells=True)
    assert (tmp_path / "out.csv").read_bytes().startswith(b"id,passage")
    with pytest.raises(QGenError, match="raw cells are for csv and tsv, not for gift"):
        run(numbered, tmp_path / "out.gift", raw_cells=True)


@pytest.mark.parametrize("name", ["corpus.zip", "corpus"])
def test_a_test_set_for_retrieval_has_every_passage_and_is_marked(tmp_path, name):
    def picky(requests):
        return [
            fake_result(r) if "Rome" in r.passage else Result(dropped={"too short": 1})
            for r in requests
        ]

    def mark(records):
        for number, record in enumerate(records):
            for question in record["questions"]:
                question["answered_elsewhere"] = [1 - number]
            yield record

    source = tmp_path / "in.txt"
    source.write_text("Rome is old.\tRome\nOslo is cold.\n", encoding="utf-8")
    output = tmp_path / name
    summary = run(source, output, picky, output_format="beir", mark=lambda r: list(mark(r)))
    assert (summary.rows, summary.questions, summary.errors) == (2, 1, 1)
    if name.endswith(".zip"):
        with zipfile.ZipFile(output) as archive:
            archive.extractall(output := tmp_path / "unpacked")
    assert [row["text"] for row in read_jsonl(output / "corpus.jsonl")] == [
        "Rome is old.", "Oslo is cold.",
    ]  # fmt: skip
    assert (output / "qrels" / "test.tsv").read_text().split("\n")[1:3] == [
        "q0-0\tp0\t1", "q0-0\tp1\t1",
    ]  # fmt: skip
    again = FakeModel()
    if name == "corpus":
        with pytest.raises(QGenError, match="is a directory"):
            run(source, tmp_path / name, again, output_format="beir")
        assert not again.batches
