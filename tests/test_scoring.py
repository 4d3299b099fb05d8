"""Somebody else's questions, judged: the verdict, ``qgen score`` and ``POST /v1/scores``."""

import csv
import json
import os
import sys

import pytest
from conftest import PASSAGE

from qgen.asking.pipeline import QuestionGenerator
from qgen.asking.reasons import without_referent
from qgen.asking.scoring import score_rows
from qgen.cli import main
from qgen.errors import QGenError
from qgen.files.rows import read_fields
from qgen.files.scores import read_questions, write_scores


@pytest.mark.parametrize(
    ("question", "pronoun"),
    [
        ("What did they build?", "they"),
        ("In which year did he die?", "he"),
        ("Why was she angry?", "she"),
        ("In what city did his father work?", "his"),
        ("What famous bridge did they build?", "they"),
        ("When did Maria sell her house?", ""),
        ("Who lost his hat?", ""),
        ("After Maria left, what did she do?", ""),
        ("According to Smith, when did he leave?", ""),
        ("What did the engineers build in their yard?", ""),
        ("Which countries lost their colonies?", ""),
        ("When was the bridge opened?", ""),
        ("What is it that opened in 1937?", ""),
        ("Why do children obey their parents?", ""),
        ("How did women win their rights?", ""),
        ("Why do deer shed their antlers?", ""),
    ],
)
def test_a_pronoun_needs_something_that_it_stands_for(question, pronoun):
    assert without_referent(question) == pronoun


@pytest.fixture(scope="module")
def checked(n_best_generator, reader):
    return QuestionGenerator(n_best_generator, reader)


def test_reasons_are_sentences_and_bad_rows_keep_their_place(checked):
    rows = [
        (PASSAGE, "When did the Golden Gate Bridge open?", "1937", None),
        (PASSAGE, "When did they open it?", "1937", 50),
        (PASSAGE, "What opened in 1937 in San Francisco?", "1937", None),
        (PASSAGE, "Who was Ada Lovelace?", "Joseph Strauss", None),
        (PASSAGE, "When did it open?", "1066", None),
        ("Photosynthesis", "What is it?", "Photosynthesis", None),
        (PASSAGE, "?", "1937", None),
        (PASSAGE.replace("construction", "constru\x00on"), "When did it open?", "1937", None),
    ]
    first, they, given_away, invented, *without = score_rows(checked, rows)
    assert 0 <= first.confidence <= 1
    assert "'they' has no referent" in they.reasons
    assert "the question gives its answer away" in given_away.reasons
    assert "the passage does not have 'ada' or 'lovelace'" in invented.reasons
    for bad, why in zip(without, ("1066", "sentence", "no words", "lost letters"), strict=True):
        assert bad.confidence is None and why in bad.reasons[0]


def test_what_the_reader_answers_is_a_reason(checked, monkeypatch):
    from qgen.model.reader import Reading
    from qgen.records import Answer

    for text, unanswerable, reason in (
        ("San Francisco", 0.0, "the reader answers San Francisco"),
        ("San Francisco", 0.9, "the reader finds no answer in the passage"),
        ("1937, 1938 and 1939", 0.0, "the answer is only a part of '1937, 1938 and 1939'"),
        ("in 1937", 0.0, None),
    ):
        found = Reading(Answer(text, 0), 0.8, unanswerable, 0.1)
        monkeypatch.setattr("qgen.asking.pipeline.reading", lambda *_, found=found: found)
        [verdict] = score_rows(
            checked, [(PASSAGE, "When did the Golden Gate Bridge open?", "1937", None)]
        )
        assert verdict.reasons == ((reason,) if reason else ())
        assert verdict.reader_answer == ("" if unanswerable else text)


ROWS = [
    {"id": 7, "context": PASSAGE, "question": "When did the bridge open?", "answer": "1937"},
    {"id": 8, "context": PASSAGE, "question": "When did he die?", "answer": "1066", "tags": ["a"]},
    {"id": 9, "context": PASSAGE, "answer": "1937", "confidence": "teacher's"},
]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_a_file_is_scored_row_by_row(checked, monkeypatch, tmp_path, capsys, suffix):
    monkeypatch.setattr("qgen.cli.score.question_generator", lambda args: checked)
    source, output = tmp_path / "in.jsonl", tmp_path / f"out{suffix}"
    source.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    assert main(["score", str(source), str(output), "--quiet"]) == 0
    assert "3 rows, 2 without a score" in capsys.readouterr().err
    if suffix == ".jsonl":
        rows = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
        given = [{k: row[k] for k in sent} for row, sent in zip(rows, ROWS, strict=True)]
        assert given[:2] == ROWS[:2]
        assert rows[2]["reasons"] == ["the question is missing"]
        assert rows[2]["input_confidence"] == "teacher's" and rows[2]["confidence"] is None
    elif suffix == ".csv":
        with output.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0])[-3:] == ["confidence", "reader_answer", "reasons"]
        assert "'1066' is not in the passage" in rows[1]["reasons"]
    else:
        pq = pytest.importorskip("pyarrow.parquet")
        rows = pq.read_table(output).to_pylist()
        assert json.loads(rows[1]["tags"]) == ["a"]
    assert [int(row["id"]) for row in rows] == [7, 8, 9]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["in.jsonl", output.name]


def test_why_no_row_has_a_score_is_told(checked, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("qgen.cli.score.question_generator", lambda args: checked)
    (tmp_path / "in.jsonl").write_text(json.dumps({"passage": PASSAGE}), encoding="utf-8")
    assert main(["score", str(tmp_path / "in.jsonl"), str(tmp_path / "out.csv"), "--quiet"]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert "1 row, 1 without a score" in first
    assert second == "qgen: no row could be scored; the commonest reason: the question is missing"
    alone = QuestionGenerator(checked.generator)
    monkeypatch.setattr("qgen.cli.score.question_generator", lambda args: alone)
    row = {"passage": PASSAGE, "question": "When did he open it?", "answer": "1937"}
    (tmp_path / "in.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert main(["score", str(tmp_path / "in.jsonl"), str(tmp_path / "out.csv"), "--quiet"]) == 1
    assert capsys.readouterr().err.endswith("the commonest reason: there is no reader\n")


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.jsonl", b'{"passage": "Rome"}\n{"passage": "Caf\\ud83d"}\n'),
        ("in.json", b'[{"passage": "Rome"}, {"passage": "Caf\\ud83d"}]'),
        ("in.csv", "passage,tag\nRome,é\nCaf".encode() + b"\xe9,x\n"),
    ],
)
def test_broken_characters_cost_no_more_than_their_row(tmp_path, name, content, suffix):
    source, output = tmp_path / name, tmp_path / f"out{suffix}"
    source.write_bytes(content)
    verdict = {"confidence": None, "reasons": ["no"]}
    write_scores((row.with_verdict(verdict) for row in read_questions(source)), output)
    [first, second] = [row for _, row in read_fields(output) if isinstance(row, dict)]
    assert (first["passage"], second["passage"]) == ("Rome", "Caf\ufffd")


def test_questions_of_a_record_are_read_as_rows(tmp_path):
    asked = [
        {"question": "When did it open?", "answer": "1937", "answer_start": None, "score": -0.2,
         "confidence": 0.9},
        {"question": "Who led it?", "answer": "Joseph Strauss", "answer_start": None,
         "choices": ["Irving Morrow", "Joseph Strauss"]},
    ]  # fmt: skip
    record = {"id": 7, "question": "Whose?", "passage": PASSAGE, "questions": asked}
    of_input = {"answer": True, "answer_text": "1066", "answer_start": 9}
    source = tmp_path / "in.jsonl"
    source.write_text(
        f"{json.dumps(record | of_input)}\n{json.dumps(record | {'questions': []})}\n"
    )
    *rows, bare = read_questions(source)
    assert bare.problem == "the answer is missing, or is no part of the passage"
    assert [row.question and row.question.answer_text for row in rows] == ["1937", "Joseph Strauss"]
    row = rows[0].with_verdict({"confidence": 0.5})
    assert row["question"] == asked[0]["question"] and row["input_question"] == "Whose?"
    assert row["id"] == 7 and row["input_confidence"] == 0.9 and row["confidence"] == 0.5


def test_the_question_may_be_called_so_in_any_case(tmp_path):
    (tmp_path / "in.csv").write_text("Passage,Question,Answer\nIt rains.,What does it do?,rains\n")
    [row] = read_questions(tmp_path / "in.csv")
    assert row.question.question == "What does it do?" and not row.problem


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_scored_rows_are_read_again_as_they_were(suffix, tmp_path):
    row = {"passage": "It is -40 °C in Ardal.", "question": "How cold is it?", "answer": "-40 °C"}
    (tmp_path / "in.jsonl").write_text(json.dumps(row))
    verdict = {"confidence": 0.5, "reader_answer": "-40 °C", "reasons": []}
    for source, output in (("in.jsonl", f"a{suffix}"), (f"a{suffix}", f"b{suffix}")):
        rows = (row.with_verdict(verdict) for row in read_questions(tmp_path / source))
        write_scores(rows, tmp_path / output)
    [again] = read_questions(tmp_path / f"b{suffix}")
    assert not again.problem and again.fields.items() >= row.items()
    assert again.fields["input_reader_answer"] == again.fields["reader_answer"] == "-40 °C"


def test_an_answer_of_the_input_that_was_put_aside_is_no_other_answer(tmp_path):
    name = "input_answer"
    (tmp_path / "in.csv").write_text(
        f"{name},passage,question,answer\nTrue,It rains.,What?,rains\n"
    )
    [row] = read_questions(tmp_path / "in.csv")
    assert not row.problem and row.fields[name] == "True"
    (tmp_path / "in.csv").write_text(f"{name},passage,question\nrains,It rains.,What?\n")
    with pytest.raises(QGenError, match="looks like an answer"):
        list(read_questions(tmp_path / "in.csv"))


def test_a_table_has_columns_of_numbers_that_keep_their_values(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    verdict = {"confidence": None, "reasons": ["a", "b"]}
    rows = [{"id": 2**60 + 1, "n": 1, **verdict}, {"id": 2, "n": 2.5, **verdict}]
    write_scores(rows, tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").to_pylist() == [
        {"id": 2**60 + 1, "n": 1.0, "confidence": None, "reasons": "a; b"},
        {"id": 2, "n": 2.5, "confidence": None, "reasons": "a; b"},
    ]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, None], "bool"),
        ([1, None], "int64"),
        ([1, 2**60 + 1], "int64"),
        ([1, 0.5], "double"),
        ([None, None], "double"),
        ([0.5, 2**60 + 1], "string"),
        ([2**70], "string"),
        ([True, 1], "string"),
        (["a", 1], "string"),
    ],
)
def test_a_column_has_the_type_of_its_values(tmp_path, values, kind):
    pq = pytest.importorskip("pyarrow.parquet")
    write_scores([{"x": value, "reasons": []} for value in values], tmp_path / "out.parquet")
    column = pq.read_table(tmp_path / "out.parquet")["x"]
    kept = [value if kind != "string" or value is None else str(value) for value in values]
    assert (str(column.type), column.to_pylist()) == (kind, kept)


def test_tables_for_programs(checked, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("qgen.cli.score.question_generator", lambda args: checked)
    row = {"passage": "It is -40 °C in Ardal.", "question": "How cold?", "answer": "-40 °C"}
    (tmp_path / "in.jsonl").write_text(json.dumps(row), encoding="utf-8")
    command = ["score", str(tmp_path / "in.jsonl"), "--quiet", "--raw-cells"]
    assert main([*command, str(tmp_path / "out.csv")]) == 0
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        [written] = csv.DictReader(file)
    assert written.items() >= row.items(), "no byte order mark, and no apostrophe"
    capsys.readouterr()
    assert main([*command, str(tmp_path / "out.jsonl")]) == 2
    assert "raw cells are for csv and tsv, not for jsonl" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_a_run_that_is_killed_is_not_in_the_way_of_the_next(tmp_path, suffix):
    def rows():
        yield {"confidence": 0.5, "reasons": []}
        assert not list(tmp_path.iterdir()), "what a kill would leave"

    write_scores(rows(), tmp_path / f"out{suffix}")
    assert [path.name for path in tmp_path.iterdir()] == [f"out{suffix}"]


def test_the_format_is_that_of_the_name_that_is_given_not_of_where_it_leads(tmp_path):
    (tmp_path / "out.csv").symlink_to(tmp_path / "data")
    write_scores([{"confidence": 0.5, "reasons": []}], tmp_path / "out.csv")
    assert (tmp_path / "data").read_text(encoding="utf-8-sig") == "confidence,reasons\n0.5,\n"


def test_a_missing_library_is_told_before_a_model_is_loaded(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps(ROWS[0]) + "\n", encoding="utf-8")
    monkeypatch.setattr("qgen.cli.score.question_generator", lambda args: pytest.fail("loaded"))
    assert main(["score", str(source), str(tmp_path / "out.parquet")]) == 2
    assert "pip install -e '.[documents]'" in capsys.readouterr().err


def test_bad_files_are_refused_before_a_model_is_loaded(tmp_path, capsys):
    source = tmp_path / "o.jsonl.new.jsonl"  # which o.jsonl is called while it is written
    source.write_text("{}\n")
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "a.csv.partial").write_text("mine")
    (tmp_path / "b.csv.new.csv").write_text("mine")
    refused = ("out.gift", source.name, "none/o.jsonl", "o.jsonl", "pipe.jsonl", "a.csv", "b.csv")
    for name in refused:
        output = tmp_path / name
        assert main(["score", str(source), str(output)]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith("qgen: error: ")


def test_a_second_run_on_the_same_output_is_refused(checked, monkeypatch, tmp_path, capsys):
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps(ROWS[0]) + "\n", encoding="utf-8")
    command = ["score", str(source), str(output), "--quiet"]

    def load(args):
        assert main(command) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert line == f"qgen: error: another run is writing {output}"
        return checked

    monkeypatch.setattr("qgen.cli.score.question_generator", load)
    assert main(command) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out.jsonl"}


def test_scores_over_http(checked):
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from qgen.service.app import create_app

    row = {"passage": PASSAGE, "question": "When did the bridge open?", "answer": "1937"}
    with TestClient(create_app(checked)) as client:
        body = {"rows": [row, {**row, "answer": "1066"}, {**row, "answer_start": 50}]}
        good, bad, placed = client.post("/v1/scores", json=body).json()["scores"]
        assert good == placed and 0 <= good["confidence"] <= 1
        assert bad["confidence"] is None and "1066" in bad["reasons"][0]
        assert client.post("/v1/scores", json={"rows": []}).status_code == 422
        assert client.post("/v1/scores", json={"rows": [row] * 65}).status_code == 422
