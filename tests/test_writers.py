"""Files people use, read back by their own readers where there are such."""

import csv
import html
import json
import sys

import pytest

from eval.splits import load_squad
from qgen.errors import QGenError
from qgen.files.rows import read_rows
from qgen.files.writers import FORMATS, WRITERS, format_of, to_record
from qgen.records import Answer, Question, Request, Result

PASSAGE = (
    'The "Ardal" lighthouse\twas lit in 1854 {sic}; its fee: 5 = 5 # ~ \\ kroner.\nIt <b>burnt</b>.'
)
LIT = Answer("1854", PASSAGE.index("1854"), "number")
FEE = Answer("5 = 5 # ~ \\ kroner", PASSAGE.index("5 = 5"), "phrase")


@pytest.fixture
def records():
    questions = (
        Question('When was the "Ardal" lighthouse lit?', LIT, -0.25),
        Question("What was the fee: {5 = 5}?", FEE, -0.5),
    )
    return [
        to_record(
            Request(PASSAGE, (), {"id": 7, "tags": ["å"], "question": "old"}), Result(questions)
        ),
        to_record(
            Request("Copper conducts heat."), Result((Question("What conducts?", None, -1.0),))
        ),
    ]


def write(records, name, tmp_path):
    path = tmp_path / name
    WRITERS[format_of(path)](records, path)
    return path


def test_formats():
    assert set(FORMATS.values()) == set(WRITERS)
    assert format_of("a.x", "gift") == "gift"
    assert format_of("A.JSON") == "squad"
    with pytest.raises(QGenError, match="unknown file type"):
        format_of("a.xls")
    with pytest.raises(QGenError, match="unknown format 'xml'"):
        format_of("a.csv", "xml")


def test_a_missing_library_is_told_before_any_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(QGenError, match=r"pip install 'qgen\[documents\]'"):
        format_of("o.parquet")


def test_jsonl(records, tmp_path):
    lines = write(records, "o.jsonl", tmp_path).read_text(encoding="utf-8").split("\n")
    assert [json.loads(line) for line in lines[:-1]] == records
    assert records[0]["questions"][0]["kind"] == "number"


@pytest.mark.parametrize(("name", "delimiter"), [("o.csv", ","), ("o.tsv", "\t")])
def test_csv(records, tmp_path, name, delimiter):
    with write(records, name, tmp_path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=delimiter))
    assert [row["rank"] for row in rows] == ["1", "2", "1"]
    assert rows[0]["passage"] == PASSAGE and rows[1]["answer"] == FEE.text
    assert (rows[0]["tags"], rows[0]["input_question"], rows[2]["id"]) == ('["å"]', "old", "")


def test_csv_can_be_asked_about_again(records, tmp_path):
    rows = [row.content for row in read_rows(write(records, "o.csv", tmp_path))]
    assert rows[1].answers == (Answer(FEE.text, FEE.start),)


def test_parquet(records, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    rows = pq.read_table(write(records, "o.parquet", tmp_path)).to_pylist()
    assert [row["answer_start"] for row in rows] == [LIT.start, FEE.start, None]
    assert rows[0]["tags"] == '["å"]' and rows[0]["passage"] == PASSAGE
    assert pq.read_table(write([], "e.parquet", tmp_path)).num_rows == 0


def test_squad_is_read_back_by_the_evaluation(records, tmp_path):
    [examples] = load_squad(write(records, "o.json", tmp_path)).values()
    assert [(e.passage, e.answer.text, e.answer.start) for e in examples] == [
        (PASSAGE, LIT.text, LIT.start),
        (PASSAGE, FEE.text, FEE.start),
    ]
    assert json.loads(write([], "e.json", tmp_path).read_text())["data"][0]["paragraphs"] == []


def test_gift_is_read_back_by_a_gift_parser(records, tmp_path):
    parser = pytest.importorskip("pygiftparser.parser")
    path = write(records, "o.gift", tmp_path)
    with path.open(encoding="utf-8") as file:
        questions = parser.parseFile(file)
    assert [q.title for q in questions] == ["Q1.1", "Q1.2", "Q2.1"]
    assert path.read_text(encoding="utf-8").startswith(
        '::Q1.1::When was the "Ardal" lighthouse lit? {=1854}'
    )
    assert "What was the fee\\: \\{5 \\= 5\\}? {=5 \\= 5 \\# \\~ \\\\ kroner}" in path.read_text()


def test_anki_imports_the_text_file(records, tmp_path):
    collection = pytest.importorskip("anki.collection")
    from anki.import_export_pb2 import ImportCsvRequest

    path = write(records, "o.txt", tmp_path)
    deck = collection.Collection(str(tmp_path / "c.anki2"))
    try:
        metadata = deck.get_csv_metadata(str(path), None)
        deck.import_csv(ImportCsvRequest(path=str(path), metadata=metadata))
        notes = [deck.get_note(note) for note in deck.find_notes("")]
        assert len(notes) == 3
        fields = [[html.unescape(field) for field in note.fields] for note in notes]
        assert fields[0] == ['When was the "Ardal" lighthouse lit?', "1854"]
        assert fields[1] == ["What was the fee: {5 = 5}?", FEE.text]
        assert notes[0].tags == []
    finally:
        deck.close()


def test_markdown(records, tmp_path):
    markdown_it = pytest.importorskip("markdown_it")
    rendered = markdown_it.MarkdownIt().render(write(records, "o.md", tmp_path).read_text("utf-8"))
    assert rendered.count("<li>") == 3 and rendered.count("<blockquote>") == 2
    assert "<em>1854</em>" in rendered and "<b>" not in rendered
    assert "5 = 5 # ~ \\ kroner" in rendered
