"""Files people use, read back by their own importers where there are such."""

import csv
import html
import json
import re
import sys
import zipfile
from xml.etree import ElementTree as ET

import pytest

from eval.splits import load_squad
from qgen.errors import QGenError
from qgen.files.cells import protect, restore
from qgen.files.documents import read_document
from qgen.files.rows import read_rows
from qgen.files.writers import (
    FORMATS,
    WRITERS,
    format_of,
    suffix_of,
    to_record,
    write,
)
from qgen.records import Answer, Question, Request, Result

PASSAGE = (
    'The "Ardal" lighthouse\twas lit in 1854 {sic}; its fee: 5 = 5 # ~ \\ kroner.\nIt <b>burnt</b>.'
)
LIT = Answer("1854", PASSAGE.index("1854"), "number")
FEE = Answer("5 = 5 # ~ \\ kroner", PASSAGE.index("5 = 5"), "phrase")

SPECIAL = [
    "a & b < c > d \"e\" 'f'",
    "{x} = ~y # :z:: \\ %50% * [q] [[w]]",
    "a -> b",
    "%50% of it",
    "* [x]",
    "[html] it",
    "[sound:a.mp3] {{c1::x}}",
    "=1+1",
    "<b>bold</b>&amp;",
    "// no comment",
    "#5",
    "\\nu and $\\frac{a}{b}$ and \\",
    "TRUE",
    "a/b",
    "C) third",
    "3) Dry",
    "ANSWER: B",
    "👩‍🚒 and 🚒",
    "مرحبا بالعالم, שלום",
    "naïve Düsseldorf Kočiský",
]
"""Answers with every sign that means something to some format."""


def question(text, answer, passage, **more):
    start = passage.find(answer)
    return {
        "question": text,
        "answer": answer,
        "answer_start": start if start >= 0 else None,
        "kind": "",
        "score": -0.5,
        "confidence": 0.9,
        **more,
    }


def special_records(kind="wh", choices=False):
    """A record with a question for each special text, which the passage, the question, the answer
    and the choices have."""
    records = []
    for number, text in enumerate(SPECIAL):
        passage = f"It is raining. They say {text} in Ardal. It rained."
        if kind == "true-false":
            answer, asked = ("True", "False")[number % 2], f"They say {text} in Ardal."
        elif kind == "cloze":
            answer, asked = text, f"They say _____ in {text}."
        else:
            answer, asked = text, f"{text} What do they say: {text}?"
        more = {"type": kind} if kind != "wh" else {}
        if kind == "true-false":
            more["answer_start"] = passage.index("They")
        if choices:
            more["choices"] = [f"{text} 1", answer, f"~{text}"]
        records.append({"id": number, "passage": passage})
        records[-1]["questions"] = [question(asked, answer, passage, **more)]
    return records


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


def write_file(records, name, tmp_path, kind=None, **options):
    path = tmp_path / name
    left_out = write(format_of(path, kind), records, path, **options)
    return path, left_out.lines


def written(records, name, tmp_path, kind=None):
    return write_file(records, name, tmp_path, kind)[0]


# -- formats ---------------------------------------------------------------------------------------


def test_formats():
    assert set(FORMATS.values()) < set(WRITERS)
    assert all(FORMATS.get(suffix_of(name), name) in WRITERS for name in WRITERS)
    assert suffix_of("jsonl") == ".jsonl" and suffix_of("aiken") == ".txt"
    assert format_of("a.x", "gift") == "gift"
    assert format_of("A.JSON") == "squad"
    with pytest.raises(QGenError, match="unknown file type"):
        format_of("a.xls")
    with pytest.raises(QGenError, match="unknown format 'latex'"):
        format_of("a.csv", "latex")


@pytest.mark.parametrize(
    ("name", "library"), [("o.parquet", "pyarrow"), ("o.xlsx", "openpyxl"), ("o.docx", "docx")]
)
def test_a_missing_library_is_told_before_any_work(monkeypatch, name, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(QGenError, match=r"pip install -e '\.\[documents\]'"):
        format_of(name)


@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_is_written_without_records_and_again_with_the_same_bytes(kind, tmp_path):
    records = special_records(choices=True)
    for name, content in (("e", []), ("a", records), ("b", records)):
        path, _ = write_file(content, f"{name}{suffix_of(kind)}", tmp_path, kind)
        assert path.stat().st_size or not content
    if kind not in ("docx", "kahoot", "parquet"):  # dated by their libraries
        first, second = (tmp_path / f"{name}{suffix_of(kind)}" for name in "ab")
        assert first.read_bytes() == second.read_bytes()


def test_an_answer_that_was_changed_is_among_its_choices(tmp_path):
    asked = question("Where?", "Ardal", "It is in Ardal.", choices=["Bern", "ardal", "Oslo"])
    records = [{"passage": "It is in Ardal.", "questions": [asked]}]
    for kind in WRITERS:
        written(records, f"{kind}{suffix_of(kind)}", tmp_path, kind)
    assert "{~Bern =Ardal ~Oslo####" in (tmp_path / "gift.gift").read_text()
    assert "A) Bern\nB) Ardal\nC) Oslo\nANSWER: B\n" in (tmp_path / "aiken.txt").read_text()
    asked["choices"][1] = "Turin"
    written(records, "more.txt", tmp_path, "aiken")
    assert (
        "A) Ardal\nB) Bern\nC) Oslo\nD) Turin\nANSWER: A\n" in (tmp_path / "more.txt").read_text()
    )


@pytest.mark.parametrize("kind", ["markdown", "html", "squad", "beir"])
def test_an_empty_field_hides_none_whose_name_differs_in_case(kind, tmp_path):
    record = {"title": "", "Title": "Moon", "passage": "Lit in 1854."}
    record["questions"] = [question("When?", "1854", record["passage"])]
    path, lines = write_file([record], f"o{suffix_of(kind)}", tmp_path, kind)
    content = path.read_bytes()
    if kind == "beir":
        with zipfile.ZipFile(path) as archive:
            content = archive.read("corpus.jsonl")
    assert lines == [] and content.count(b"Moon") == (2 if kind == "html" else 1)


@pytest.mark.parametrize(
    ("kind", "lost"),
    [
        ("csv", ""),
        ("gift", ""),
        ("beir", "choices"),
        ("anki", "notes"),
        ("markdown", "url, notes"),
        ("moodle-xml", "url, notes"),
        ("squad", "url, notes, choices"),
        ("html", "id, url, notes"),
        ("aiken", "title, id, url, notes"),
        ("quizlet", "title, id, url, notes, choices"),
    ],
)
def test_fields_without_a_place_are_told(kind, lost, tmp_path):
    record = {
        "title": "Ardal",
        "id": 7,
        "url": "https://example.org/?a=1",
        "notes": "long " * 40,
        "empty": None,
        "passage": "Ardal was lit in 1854.",
    }
    record["questions"] = [question("When?", "1854", record["passage"], choices=["1854", "1855"])]
    path, lines = write_file([record], f"o{suffix_of(kind)}", tmp_path, kind)
    assert lines == ([f"{kind} has no place for: {lost}"] if lost else [])
    if kind not in ("aiken", "quizlet", "beir"):
        assert "Ardal" in path.read_text(encoding="utf-8").replace("Ardal was lit", "")


@pytest.mark.parametrize(
    ("kind", "lost"),
    [
        ("moodle-xml", "URL"),
        ("html", "ID, URL"),
        ("markdown", "URL"),
        ("beir", ""),
        ("squad", "URL"),
    ],
)
def test_title_and_id_may_be_in_capitals(kind, lost, tmp_path):
    record = {"ID": "A-77", "Title": "Ardal", "URL": "x", "passage": "Lit in 1854."}
    record["questions"] = [question("When?", "1854", record["passage"])]
    path, lines = write_file([record], f"o{suffix_of(kind)}", tmp_path, kind)
    assert lines == ([f"{kind} has no place for: {lost}"] if lost else [])
    if kind == "beir":
        with zipfile.ZipFile(path) as archive:
            [document] = map(json.loads, archive.read("corpus.jsonl").splitlines())
        assert (document["_id"], document["title"]) == ("A-77", "Ardal")
        assert document["metadata"] == {"URL": "x"}
    else:
        text = path.read_text(encoding="utf-8")
        assert "Ardal" in text and (kind == "html" or "A-77" in text)


@pytest.mark.parametrize("kind", ["html", "docx", "markdown", "qti", "h5p"])
def test_a_title_of_all_rows_stands_over_the_whole_and_once(kind, tmp_path):
    asked = [question("When?", "1854", "Lit in 1854.")]
    rows = [{"title": "A & B", "passage": f"Lit in 1854. {n}", "questions": asked} for n in "123"]

    def heads(records):
        path = written(records, f"o{suffix_of(kind)}", tmp_path, kind)
        if kind == "docx":
            lines = pytest.importorskip("docx").Document(str(path)).paragraphs
            return [line.text for line in lines if line.style.name in ("Title", "Heading 1")][:-1]
        if kind == "qti":
            with zipfile.ZipFile(path) as archive:
                return [ET.fromstring(archive.read("test.xml")).get("title")]
        if kind == "h5p":
            with zipfile.ZipFile(path) as archive:
                return [json.loads(archive.read("h5p.json"))["title"]]
        found = re.findall(r"<h[12][^>]*>(.*?)</h|^## (.*)$", path.read_text("utf-8"), re.M)
        return [a or b.replace("\\", "") for a, b in found if a != "Key"]

    shown = "A &amp; B" if kind == "html" else "A & B"
    assert heads(rows) == [shown]
    several = heads([*rows, {**rows[0], "title": "C"}])
    if kind in ("qti", "h5p"):
        assert several == ["Questions"]
    else:
        assert several == [*["Work sheet"] * (kind != "markdown"), shown, "C"]


# -- rows ------------------------------------------------------------------------------------------


def test_jsonl(records, tmp_path):
    lines = written(records, "o.jsonl", tmp_path).read_text(encoding="utf-8").split("\n")
    assert [json.loads(line) for line in lines[:-1]] == records
    assert records[0]["questions"][0]["kind"] == "number"


@pytest.mark.parametrize(("name", "delimiter"), [("o.csv", ","), ("o.tsv", "\t")])
def test_csv(records, tmp_path, name, delimiter):
    with written(records, name, tmp_path).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=delimiter))
    assert [row["rank"] for row in rows] == ["1", "2", "1"]
    assert rows[0]["passage"] == PASSAGE and rows[1]["answer"] == FEE.text
    assert (rows[0]["tags"], rows[0]["input_question"], rows[2]["id"]) == ('["å"]', "old", "")


def test_fields_that_only_some_questions_have_are_columns(tmp_path):
    records = special_records(choices=True)[:1] + special_records("cloze")[:1]
    records[0]["type"] = "mine"
    with written(records, "o.csv", tmp_path).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert json.loads(rows[0]["choices"])[1] == SPECIAL[0]
    assert [row["type"] for row in rows] == ["", "cloze"] and rows[0]["input_type"] == "mine"


FORMULAS = ["=cmd|' /C calc'!A0", "+SUM(1;1)", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1"]


@pytest.mark.parametrize("text", [*FORMULAS, "''+x", "'tis", "-40", "+3.5", "1e-5", "", "a=b"])
def test_formula_cells_are_harmless_and_come_back(text):
    assert protect(text)[:1] not in set("=@\t\r＝") and restore(protect(text)) == text
    assert (protect(text) != text) == (text in (*FORMULAS, "''+x"))
    assert protect(-40) == -40


@pytest.mark.parametrize(("name", "raw_cells"), [("o.csv", False), ("o.tsv", True)])
def test_csv_is_for_spreadsheets_and_can_be_asked_about_again(name, raw_cells, tmp_path):
    texts = [*FORMULAS, *SPECIAL]
    records = []
    for text in texts:
        passage = f"{text} is what they say in Ardal."
        records.append({"id": text, "passage": passage, "questions": []})
        records[-1]["questions"] = [question("What do they say?", text, passage)]
    path, _ = write_file(records, name, tmp_path, raw_cells=raw_cells)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf") != raw_cells
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file, delimiter="\t" if raw_cells else ",")
                 for cell in row]  # fmt: skip
    formulas = [cell for cell in cells if cell[:1] in set("=+-@\t\r") and cell not in ("-0.5",)]
    assert bool(formulas) == raw_cells
    assert "-0.5" in cells, "numbers stay numbers"
    rows = [row.content for row in read_rows(path)]
    assert [row.passage for row in rows] == [record["passage"] for record in records]
    assert [row.answers[0].text for row in rows] == [text.strip() for text in texts]
    assert [row.extra["id"] for row in rows] == texts


def test_parquet(records, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    rows = pq.read_table(written(records, "o.parquet", tmp_path)).to_pylist()
    assert [row["answer_start"] for row in rows] == [LIT.start, FEE.start, None]
    assert rows[0]["tags"] == '["å"]' and rows[0]["passage"] == PASSAGE
    assert rows[0]["id"] == "7"
    assert pq.read_table(written([], "e.parquet", tmp_path)).num_rows == 0


# -- SQuAD -----------------------------------------------------------------------------------------


def test_squad_is_read_back_by_the_evaluation(records, tmp_path):
    path, lines = write_file(records, "o.json", tmp_path)
    [examples] = load_squad(path).values()
    assert [(e.passage, e.answer.text, e.answer.start, e.id) for e in examples] == [
        (PASSAGE, LIT.text, LIT.start, "7-0"),
        (PASSAGE, FEE.text, FEE.start, "7-1"),
    ]
    assert lines == [
        "squad leaves out 1 question without an answer in its passage",
        "squad has no place for: tags, question",
    ]
    assert json.loads(written([], "e.json", tmp_path).read_text())["data"] == []


def test_squad_has_an_article_for_each_title_and_each_id_once(tmp_path):
    records = []
    for title, passage, own_id in [
        ("A", "One is 1.", "x"), ("B", "Two is 2.", "y"), ("A", "One is 1.", "x"),
        ("A", "One is 1.", "z"), ("B", "Three is 3.", None),
    ]:  # fmt: skip
        record = {"title": title, "id": own_id, "passage": passage}
        record["questions"] = [question("What is it?", passage[-2], passage)]
        records.append(record)
    content = json.loads(written(records, "o.json", tmp_path).read_text())
    found = {article["title"]: article["paragraphs"] for article in content["data"]}
    assert list(found) == ["A", "B"]
    ids = {p["context"]: [qa["id"] for qa in p["qas"]] for p in found["A"][1:] + found["B"]}
    assert ids == {"One is 1.": ["x-2", "z"], "Two is 2.": ["y"], "Three is 3.": ["4-0"]}


def test_squad_needs_no_room_for_temporary_files(tmp_path, monkeypatch, records):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    assert json.loads(written(records, "o.json", tmp_path).read_text())["data"]


# -- Moodle ----------------------------------------------------------------------------------------


def read_gift(path):
    parser = pytest.importorskip("pygiftparser.parser")
    with path.open(encoding="utf-8") as file:
        return parser.parseFile(file)


def plain(gift):
    return re.sub(r"\\([\\~=#{}:])", r"\1", gift)


def read_gift_as_moodle(path):
    """The questions as Moodle's qformat_gift makes them: type, text, answers with their share, and
    general feedback."""
    marks = {f"\\{mark}": f"&&{ord(mark):03};" for mark in ":#={}~"} | {"\\n": "&&010;"}

    def before(text):
        text = text.replace("\\\\", "&&092;")
        for mark, placeholder in marks.items():
            text = text.replace(mark, placeholder)
        return text.replace("&&092;", "\\")

    def after(text):
        if text.startswith("["):
            end = text.find("]")
            if text[1:end] in ("html", "moodle", "plain", "markdown"):
                text = text[end + 1 :]
        return re.sub("&&(\\d+);", lambda match: chr(int(match[1])), text).strip()

    def weighed(text):
        if match := re.match(r"%-*([0-9]{1,2})\.?([0-9]*)%", text):
            return after(text[match.end() :]), float(text[1 : match.end() - 1])
        return after(text), None

    for block in path.read_text(encoding="utf-8").split("\n\n")[:-1]:
        lines = [line for line in block.split("\n") if not line.startswith("//")]
        text = before("\n".join(lines))
        _, name, text = text.split("::", 2)
        begin, end = text.index("{"), text.index("}")
        gap = "" if text.endswith("}") else "_____"
        answers, _, feedback = text[begin + 1 : end].strip().partition("####")
        question = after(text[:begin] + gap + text[end + 1 :])
        if answers in ("TRUE", "FALSE"):
            kind, found = "truefalse", answers
        elif "~" in answers:
            kind, found = "multichoice", []
            for answer in filter(None, answers.replace("=", "~=").split("~")):
                answer = answer.strip()
                if answer.startswith("="):
                    found.append((after(answer[1:]), 100))
                else:
                    read, share = weighed(answer)
                    found.append((read, share or 0))
        elif "=" in answers and "->" in answers:
            kind, found = "match", []
        else:
            assert answers.startswith("=")
            kind, found = "shortanswer", [weighed(answers[1:])]
        yield kind, after(name), question, found, after(feedback)


def as_moodle_matches(answer):
    """What pupils type that Moodle's pattern for a short answer takes."""
    bits = re.split(r"(?<!\\)\*+", answer.removeprefix("[plain]"))
    return re.compile(".*".join(re.escape(bit.replace("\\*", "*")) for bit in bits) + "$", re.I)


def test_gift_is_read_back_by_a_gift_parser(records, tmp_path):
    path = written(records, "o.gift", tmp_path)
    assert [q.title for q in read_gift(path)] == ["7.1", "7.2", "Q2.1"]
    text = path.read_text(encoding="utf-8")
    assert text.startswith('// id: 7\n// tags: ["å"]\n// question: old\n')
    assert '::7.1::[plain]When was the "Ardal" lighthouse lit? {=1854####The "Ardal"' in text
    assert "What was the fee\\: \\{5 \\= 5\\}? {=5 \\= 5 \\# \\~ \\\\ kroner####" in text
    assert text.endswith("::Q2.1::[plain]What conducts? {}\n\n")


def test_gift_has_each_field_on_a_line(tmp_path):
    record = {"passage": "It rains.", "Notes\n(optional)": "a\nb", "questions": []}
    record["questions"].append(question("What does it do?", "rains", record["passage"]))
    text = written([record], "o.gift", tmp_path).read_text(encoding="utf-8")
    assert text.startswith("// Notes (optional): a b\n::")
    assert write("html", [record | {"": "0"}], tmp_path / "o.html").lines == [
        "html has no place for: Notes (optional), a field without a name"
    ]
    assert write("markdown", [record], tmp_path / "o.md").lines == [
        "markdown has no place for: Notes (optional)"
    ]


@pytest.mark.parametrize("choices", [False, True])
def test_gift_protects_every_sign(choices, tmp_path):
    records = special_records(choices=choices)
    found = read_gift_as_moodle(written(records, "o.gift", tmp_path))
    for number, (text, read) in enumerate(zip(SPECIAL, found, strict=True)):
        kind, name, asked, answers, feedback = read
        assert name == str(number) and asked == f"{text} What do they say: {text}?"
        if choices:
            assert kind == "multichoice"
            shown = text.replace("->", "→")  # which cannot be written otherwise
            assert answers == [(f"{shown} 1", 0), (shown, 100), (f"~{shown}", 0)]
        else:
            [(answer, share)] = answers
            assert kind == "shortanswer" and share is None
            assert as_moodle_matches(answer).match(text)
            assert not as_moodle_matches(answer).match(f"x{text}")
        assert feedback == f"They say {text} in Ardal."


@pytest.mark.parametrize("choices", [False, True])
def test_a_gift_parser_sees_every_sign(choices, tmp_path):
    # The parser ends a question at any closing brace.
    records = [r for r in special_records(choices=choices) if "}" not in r["passage"]]
    questions = read_gift(written(records, "o.gift", tmp_path))
    for record, read in zip(records, questions, strict=True):
        [asked] = record["questions"]
        assert read.valid and read.markup == "plain" and plain(read.text) == asked["question"]
        assert type(read.answers).__name__ == ("SelectSet" if choices else "ShortSet")
        answers = [plain(answer.answer.strip()) for answer in read.answers.answers]
        fractions = [answer.fraction for answer in read.answers.answers]
        assert fractions == ([0, 100, 0] if choices else [100]), "in their own order"
        right = asked["answer"].replace("->", "→") if choices else asked["answer"]
        assert as_moodle_matches(answers[fractions.index(100)]).match(right)
        assert plain(read.generalFeedback) == f"They say {asked['answer']} in Ardal."


def test_gift_has_true_false_and_gaps(tmp_path):
    records = special_records("true-false")
    path = written(records, "t.gift", tmp_path)
    for record, read in zip(records, read_gift_as_moodle(path), strict=True):
        kind, _, asked, answer, feedback = read
        [question] = record["questions"]
        assert (kind, asked, answer) == (
            "truefalse", question["question"], question["answer"].upper(),
        )  # fmt: skip
        assert feedback == question["question"]
    assert {type(read.answers).__name__ for read in read_gift(path)} == {"TrueFalseSet"}
    for choices in (False, True):
        records = special_records("cloze", choices)
        found = read_gift_as_moodle(written(records, "c.gift", tmp_path))
        for text, (kind, _, asked, answers, _) in zip(SPECIAL, found, strict=True):
            assert kind == ("multichoice" if choices else "shortanswer")
            assert asked == f"They say _____ in {text}."
            assert as_moodle_matches(answers[0][0]).match(text) or choices
    record = special_records("cloze")[0]
    record["questions"][0] |= {"question": "It is _____", "answer": "raining"}
    path = written([record], "e.gift", tmp_path)
    assert "[plain]It is _____ {=raining####" in path.read_text()


@pytest.mark.parametrize("choices", [False, True])
def test_moodle_xml_of_questions(choices, tmp_path):
    path, lines = write_file(special_records(choices=choices), "o.xml", tmp_path)
    root = ET.parse(path).getroot()
    assert root.tag == "quiz" and not lines
    for text, read in zip(SPECIAL, root, strict=True):
        assert read.get("type") == ("multichoice" if choices else "shortanswer")
        asked = read.find("questiontext")
        assert asked.get("format") == "plain_text"
        assert asked.findtext("text") == f"{text} What do they say: {text}?"
        assert text in read.findtext("generalfeedback/text")
        answers = {a.findtext("text"): a.get("fraction") for a in read.iter("answer")}
        if choices:
            assert answers == {f"{text} 1": "0", text: "100", f"~{text}": "0"}
            assert read.findtext("single") == "true"
        else:
            [answer] = answers
            assert as_moodle_matches(answer).match(text) and answers[answer] == "100"
        assert read.findtext("idnumber") == read.findtext("name/text")
    if choices:
        parser = pytest.importorskip("moodle_xml_parser.parser")
        found = parser.parse_file(str(path))["multichoice"]
        assert [[o.answer for o in q.options if o.score_fraction] for q in found] == [
            [html.unescape(text)]
            for text in SPECIAL  # the parser takes plain text for HTML
        ]


def test_an_id_that_moodle_has_no_room_for_is_in_the_name(tmp_path):
    records = [
        {"id": sign * length, "passage": PASSAGE} for sign, length in (("a", 100), ("b", 101))
    ]
    for record in records:
        record["questions"] = [question("When?", "1854", PASSAGE)]
    root = ET.parse(written(records, "o.xml", tmp_path)).getroot()
    assert [read.findtext("idnumber") for read in root] == ["a" * 100, ""]
    assert [read.findtext("name/text") for read in root] == ["a" * 100, "b" * 101]


def test_moodle_xml_has_true_false_and_cloze(tmp_path):
    root = ET.parse(written(special_records("true-false"), "t.xml", tmp_path)).getroot()
    for number, read in enumerate(root):
        assert read.get("type") == "truefalse"
        answers = {a.findtext("text"): a.get("fraction") for a in read.iter("answer")}
        assert answers == {"true": str(100 * (number % 2 == 0)), "false": str(100 * (number % 2))}
    parser = pytest.importorskip("moodle_xml_parser.parser")
    for choices in (False, True):
        path = written(special_records("cloze", choices), "c.xml", tmp_path)
        found = ET.parse(path).getroot()
        assert len(parser.parse_file(str(path))["cloze"]) == len(SPECIAL)
        for text, read in zip(SPECIAL, found, strict=True):
            body = read.findtext("questiontext/text")
            # as Moodle's qtype_multianswer finds a gap and its answers
            gap = re.search(r"\{1:(SHORTANSWER|MULTICHOICE):(.+?)(?<!\\)\}", body)
            answers = [html.unescape(answer) for answer in gap[2].split("~")]
            if choices:  # which Moodle does not shuffle
                assert answers == [f"{text} 1", f"={text}", f"~{text}"]
            else:
                [answer] = answers
                assert as_moodle_matches(answer.removeprefix("=")).match(text)
            around = html.unescape(re.sub("</?p>", "", body.replace(gap[0], "_____")))
            assert around == f"They say _____ in {text}."


def test_aiken_as_moodle_reads_it(tmp_path):
    path, lines = write_file(special_records(choices=True), "o.txt", tmp_path, "aiken")
    found, question, choices = [], [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        if len(line) < 2:
            continue
        if re.match(r"[A-Z][).][ \t]", line):  # Moodle's own expressions
            choices.append(line[2:].strip())
        elif line.startswith("ANSWER:"):
            found.append((" ".join(question), choices, choices["ABC".index(line[8])]))
            question, choices = [], []
        else:
            question.append(line)
    assert lines == ["aiken has no place for: id"]
    for text, (asked, choices, right) in zip(SPECIAL, found, strict=True):
        assert asked.replace("\xa0", " ").replace("ANSWER :", "ANSWER:") == (
            f"{text} What do they say: {text}?"
        )
        assert choices == [f"{text} 1", text, f"~{text}"] and right == text
    _, lines = write_file(special_records(), "n.txt", tmp_path, "aiken")
    assert (
        f"aiken leaves out {len(SPECIAL)} questions without choices (--choices finds some)" in lines
    )
    path = written(special_records("true-false"), "t.txt", tmp_path, "aiken")
    assert path.read_text().count("A) True\nB) False\nANSWER: B\n") == len(SPECIAL) // 2


# -- packages --------------------------------------------------------------------------------------


def qti_items(path, tmp_path):
    """The package's items, as an importer of QTI 2.1 reads them, in the order of its test."""
    parser = pytest.importorskip("onyx2moodle.parser")
    folder = tmp_path / path.stem
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    manifest = ET.parse(folder / "imsmanifest.xml").getroot()
    hrefs = [r.get("href") for r in manifest.iter("{http://www.imsglobal.org/xsd/imscp_v1p1}file")]
    assert sorted([*hrefs, "imsmanifest.xml"]) == sorted(zipfile.ZipFile(path).namelist())
    test = ET.parse(folder / "test.xml").getroot()
    references = test.iter("{http://www.imsglobal.org/xsd/imsqti_v2p1}assessmentItemRef")
    return [parser.parse_item(folder / reference.get("href")) for reference in references]


@pytest.mark.parametrize(
    ("kind", "choices"), [("wh", False), ("wh", True), ("true-false", False), ("cloze", False)]
)
def test_qti_is_read_back_by_an_importer(kind, choices, tmp_path):
    records = special_records(kind, choices)
    path, lines = write_file(records, f"{kind}.zip", tmp_path)
    found = qti_items(path, tmp_path)
    assert not lines and len({item.identifier for item in found}) == len(SPECIAL)
    for record, item in zip(records, found, strict=True):
        [asked] = record["questions"]
        [interaction] = item.interactions
        response = item.response_decls["RESPONSE"]
        body = "".join(item.body_xml.itertext())
        if kind == "true-false" or choices:
            offered = {c.identifier: c.html for c in interaction.choices}
            assert interaction.kind == "choice" and interaction.max_choices == 1
            assert list(offered.values()) == asked.get("choices", ["True", "False"])
            assert [offered[name] for name in response.correct_values] == [asked["answer"]]
            assert body.startswith(asked["question"])
        else:
            assert interaction.kind == "textEntry"
            assert response.correct_values == [asked["answer"]]
            assert response.mapping == {asked["answer"]: 1.0}
            text = asked["question"]
            assert body == (text.replace("_____", "") if kind == "cloze" else f"{text} ")
        assert "They say" in item.feedback[0].html


def test_qti_packages_are_read_by_a_converter(tmp_path):
    convert = pytest.importorskip("qti_convert")
    path = written(special_records(choices=True), "o.zip", tmp_path)
    convert.upgrade_package(path, tmp_path / "qti3.zip")
    with zipfile.ZipFile(tmp_path / "qti3.zip") as archive:
        items = [name for name in archive.namelist() if name.startswith("items/")]
        assert len(items) == len(SPECIAL)
        for number, text in enumerate(SPECIAL, 1):
            item = ET.fromstring(archive.read(f"items/item{number}.xml"))
            assert item.tag.endswith("qti-assessment-item")
            assert any(element.text == text for element in item.iter())


@pytest.mark.parametrize(
    ("kind", "choices", "library"),
    [
        ("wh", False, "H5P.Blanks 1.14"),
        ("wh", True, "H5P.MultiChoice 1.16"),
        ("true-false", False, "H5P.TrueFalse 1.8"),
        ("cloze", False, "H5P.Blanks 1.14"),
    ],
)
def test_h5p_has_what_its_question_types_ask_for(kind, choices, library, tmp_path):
    records = special_records(kind, choices)
    with zipfile.ZipFile(written(records, "o.h5p", tmp_path)) as archive:
        package = json.loads(archive.read("h5p.json"))
        content = json.loads(archive.read("content/content.json"))
    assert package["mainLibrary"] == "H5P.QuestionSet"
    libraries = {
        f"{p['machineName']} {p['majorVersion']}.{p['minorVersion']}"
        for p in package["preloadedDependencies"]
    }
    assert libraries == {"H5P.QuestionSet 1.20", library}
    for record, read in zip(records, content["questions"], strict=True):
        [asked] = record["questions"]
        params = read["params"]
        assert read["library"] == library
        if kind == "true-false":
            assert html.unescape(params["question"]) == f"<p>{asked['question']}</p>"
            assert params["correct"] == asked["answer"].lower()
            assert "They say" in params["behaviour"]["feedbackOnWrong"]
        elif choices:
            assert html.unescape(params["question"]) == f"<p>{asked['question']}</p>"
            texts = [html.unescape(a["text"]) for a in params["answers"]]
            assert texts == [f"<div>{choice}</div>" for choice in asked["choices"]]
            assert [a["correct"] for a in params["answers"]] == [False, True, False]
        else:
            [text] = params["questions"]
            before, gap, after = re.fullmatch(r"<p>([^*]*)\*([^*:/]*)\*([^*]*)</p>", text).groups()
            assert html.unescape(gap) == asked["answer"]
            around = f"{html.unescape(before)}{html.unescape(after)}"
            if kind == "cloze":
                assert around == asked["question"].replace("_____", "")
            else:
                assert around == f"{asked['question']} "


# -- cards -----------------------------------------------------------------------------------------


@pytest.fixture
def import_into_anki(tmp_path):
    collection = pytest.importorskip("anki.collection")
    from anki.import_export_pb2 import ImportCsvRequest

    deck = collection.Collection(str(tmp_path / "c.anki2"))

    def notes(path):
        metadata = deck.get_csv_metadata(str(path), None)
        deck.import_csv(ImportCsvRequest(path=str(path), metadata=metadata))
        return [deck.get_note(note) for note in deck.find_notes("", order="n.id")]

    yield notes
    deck.close()


def test_anki_imports_the_text_file(records, tmp_path, import_into_anki):
    notes = import_into_anki(written(records, "o.txt", tmp_path))
    assert len(notes) == 3
    fields = [[html.unescape(field) for field in note.fields] for note in notes]
    assert fields[0] == ['When was the "Ardal" lighthouse lit?', "1854"]
    assert fields[1] == ["What was the fee: {5 = 5}?", FEE.text]
    assert notes[0].tags == ["id::7", "question::old", 'tags::["å"]']
    assert notes[2].tags == []


def test_anki_shows_every_sign(tmp_path, import_into_anki):
    notes = import_into_anki(written(special_records(choices=True), "o.txt", tmp_path))
    assert len(notes) == len(SPECIAL)
    for text, note in zip(SPECIAL, notes, strict=True):
        front, back = map(html.unescape, note.fields)
        assert front.split("<br>") == [
            f"{text} What do they say: {text}?", f"A. {text} 1", f"B. {text}", f"C. ~{text}",
        ]  # fmt: skip
        assert back == f"B. {text}" and "[sound" not in note.fields[0]


def test_anki_keeps_questions_of_the_same_words_apart(records, tmp_path, import_into_anki):
    [asked, *_] = records[0]["questions"]
    records = [records[0] | {"questions": [asked, asked | {"answer": answer}]} for answer in "ab"]
    path = written(records, "o.txt", tmp_path)
    answers = [note.fields[1] for note in import_into_anki(path)]
    assert answers == [asked["answer"], "a", asked["answer"], "b"]
    assert [note.fields[1] for note in import_into_anki(path)] == answers
    records[1]["questions"][1]["answer"] = "c"
    changed = import_into_anki(written(records, "o.txt", tmp_path))
    assert [note.fields[1] for note in changed] == [*answers[:3], "c"]


def test_anki_has_cloze_and_true_false_notes(tmp_path, import_into_anki):
    records = special_records("cloze") + special_records("true-false")
    notes = import_into_anki(written(records, "o.txt", tmp_path))
    assert len(notes) == len(records)
    for text, note in zip(SPECIAL, notes, strict=False):
        assert note.note_type()["name"] == "Cloze" and note.cloze_numbers_in_fields() == [1]
        [card] = note.cards()
        answer = re.search(r'<span class="cloze"[^>]*>(.*?)</span>', card.answer(), re.S)
        assert html.unescape(answer[1]) == text
        assert "They say" in note.fields[1]
    assert html.unescape(notes[-1].fields[0]).startswith("True or false? They say")
    written(special_records("cloze", choices=True)[:1], "c.txt", tmp_path)
    text = (tmp_path / "c.txt").read_text(encoding="utf-8")
    assert ".<br>A. a &amp; b" in text and "<br>B. " in text and "<br>C. ~" in text
    assert {note.fields[1] for note in notes[len(SPECIAL) :]} == {"True", "False"}


def test_quizlet_has_a_line_per_question(tmp_path):
    path = written(special_records(), "o.txt", tmp_path, "quizlet")
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    assert rows == [[f"{text} What do they say: {text}?", text] for text in SPECIAL]


def test_quizlet_asks_whether_a_statement_is_true(tmp_path):
    path = written(special_records("true-false")[:1], "o.txt", tmp_path, "quizlet")
    assert (
        path.read_text().startswith("True or false? They say ") and "\tTrue\n" in path.read_text()
    )


def test_kahoot_has_the_columns_of_its_template(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    records = special_records(choices=True)
    records += special_records("true-false")
    long = special_records(choices=True)[:2] + special_records()[:1]
    long[0]["questions"][0]["question"] = "x" * 121
    long[1]["questions"][0]["choices"].append("y" * 76)
    path, lines = write_file([*records, *long], "o.xlsx", tmp_path)
    sheet = openpyxl.load_workbook(path).active
    assert sheet["B8"].value == "Question - max 120 characters"
    rows = list(sheet.iter_rows(min_row=9))
    for number, (record, row) in enumerate(zip(records, rows, strict=True), 1):
        [asked] = record["questions"]
        choices = asked.get("choices", ["True", "False"])
        assert all(cell.data_type in "sn" for cell in row), "no formula"
        assert [cell.value for cell in row][:2] == [number, asked["question"]]
        assert [cell.value for cell in row[2 : 2 + len(choices)]] == choices
        assert choices[row[7].value - 1] == asked["answer"] and row[6].value == 20
    assert lines[:3] == [
        "kahoot leaves out 1 question longer than 120 characters",
        "kahoot leaves out 1 question with an answer longer than 75 characters",
        "kahoot leaves out 1 question without choices (--choices finds some)",
    ]


# -- sheets ----------------------------------------------------------------------------------------


def test_markdown(records, tmp_path):
    markdown_it = pytest.importorskip("markdown_it")
    rendered = markdown_it.MarkdownIt().render(
        written(records, "o.md", tmp_path).read_text("utf-8")
    )
    assert rendered.count("<li>") == 3 and rendered.count("<blockquote>") == 2
    assert "<em>1854</em>" in rendered and "<b>" not in rendered
    assert "5 = 5 # ~ \\ kroner" in rendered and "<h2>7</h2>" in rendered


def test_markdown_shows_every_sign(tmp_path):
    markdown_it = pytest.importorskip("markdown_it")
    bs4 = pytest.importorskip("bs4")
    path = written(special_records(choices=True), "o.md", tmp_path)
    page = bs4.BeautifulSoup(markdown_it.MarkdownIt().render(path.read_text("utf-8")), "lxml")
    lists = page.find_all("ol")
    for text, found in zip(SPECIAL, lists, strict=True):
        item = found.find("li")
        assert item.get_text().strip().startswith(f"{text} What do they say: {text}?")
        assert item.find("em").get_text() == text
        assert [li.get_text() for li in item.find_all("li")] == [f"{text} 1", text, f"~{text}"]


def test_the_choices_of_a_tenth_question_are_its_own_in_markdown(tmp_path):
    markdown_it = pytest.importorskip("markdown_it")
    [record] = special_records(choices=True)[:1]
    record["questions"] *= 10
    path = written([record], "o.md", tmp_path)
    rendered = markdown_it.MarkdownIt().render(path.read_text("utf-8"))
    assert rendered.count("<ol>") == 1 and rendered.count("<ul>") == 10
    assert re.search(r"</ul>\s*</li>\s*</ol>\s*$", rendered)


def test_lines_of_a_passage_are_no_lists_in_markdown(tmp_path):
    markdown_it = pytest.importorskip("markdown_it")
    passage = "1. Rinse it.\n1937. It is done.\n2) Dry it.\n- Fold it.\n1.5 hours"
    path = written([{"passage": passage, "questions": []}], "o.md", tmp_path)
    rendered = markdown_it.MarkdownIt().render(path.read_text("utf-8"))
    assert rendered == f"<blockquote>\n<p>{passage}</p>\n</blockquote>\n"


@pytest.mark.parametrize("kind", ["wh", "true-false", "cloze"])
@pytest.mark.parametrize("choices", [False, True])
def test_html_is_a_sheet_with_its_key_at_the_end(kind, choices, tmp_path):
    bs4 = pytest.importorskip("bs4")
    records = special_records(kind, choices)
    path = written(records, "o.html", tmp_path)
    page = bs4.BeautifulSoup(path.read_text(encoding="utf-8"), "lxml")
    asked = [question.find("p").get_text() for question in page.select(".question")]
    assert asked == [
        f"{i}. {record['questions'][0]['question']}" for i, record in enumerate(records, 1)
    ]
    *_, key = page.find("body").find_all(recursive=False)
    assert "key" in key["class"]
    for record, line in zip(records, key.find_all("li"), strict=True):
        answer, evidence = line.find_all(string=True)
        right = record["questions"][0]["answer"]
        assert answer == (f"B. {right}" if choices and kind != "true-false" else right)
        assert "They say" in evidence
    passages = [p.get_text().strip() for p in page.select(".passage")]
    assert passages == [record["passage"] for record in records]


@pytest.mark.parametrize("kind", ["wh", "true-false", "cloze"])
def test_docx_is_a_sheet_with_its_key_at_the_end(kind, tmp_path):
    docx = pytest.importorskip("docx")
    records = special_records(kind, choices=kind == "wh")
    document = docx.Document(str(written(records, "o.docx", tmp_path)))
    texts = [paragraph.text for paragraph in document.paragraphs]
    key = texts.index("Key")
    for i, record in enumerate(records, 1):
        [asked] = record["questions"]
        assert texts.index(record["passage"]) < texts.index(f"{i}. {asked['question']}") < key
        answer, evidence = texts[key + i].split("\n")
        right = f"B. {asked['answer']}" if kind == "wh" else asked["answer"]
        assert answer == f"{i}. {right}" and "They say" in evidence


def test_powers_are_no_raised_text_in_markdown(tmp_path):
    pytest.importorskip("markdown_it")
    passage = "The square on the longest side of such a triangle is a^2+b^2, as Pythagoras showed."
    path = written([{"passage": passage, "questions": []}], "o.md", tmp_path)
    assert [paragraph.text for paragraph in read_document(path)] == [passage]


# -- test sets for retrieval -----------------------------------------------------------------------


@pytest.fixture
def corpus():
    """Three passages in four rows; the question about the first is answered by the third too, and
    the last passage has no question."""
    texts = ["The bridge of Ardal opened in 1897.", "Olive oil is pressed in November.",
             "In 1897 a bridge was opened in Ardal."]  # fmt: skip
    records = [
        {"id": "a b", "title": "Bridge", "passage": texts[0], "page": 3},
        {"passage": texts[1]},
        {"id": "c", "passage": texts[2]},
        {"id": "d", "passage": texts[0]},
    ]
    answers = ["1897", "November", None, "Ardal"]
    for record, answer in zip(records, answers, strict=True):
        asked = [question(f"What: {answer}?", answer, record["passage"])] if answer else []
        record["questions"] = asked
    records[0]["questions"][0]["answered_elsewhere"] = [2, 3]
    return records


@pytest.mark.parametrize("name", ["o.zip", "o.ZIP", "folder"])
def test_beir(corpus, name, tmp_path):
    path = written(corpus, name, tmp_path, "beir")
    if name != "folder":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(path := tmp_path / "unpacked")
    documents = [json.loads(line) for line in (path / "corpus.jsonl").open(encoding="utf-8")]
    assert [(d["_id"], d["title"]) for d in documents] == [("ab", "Bridge"), ("p1", ""), ("c", "")]
    assert documents[0]["metadata"] == {"page": 3}
    queries = {
        (q := json.loads(line))["_id"]: q
        for line in (path / "queries.jsonl").open("r", -1, "utf-8")
    }
    assert queries["q0-0"] == {
        "_id": "q0-0",
        "text": "What: 1897?",
        "metadata": {"answer": "1897", "answered_elsewhere": ["c"]},
    }
    with (path / "qrels" / "test.tsv").open(encoding="utf-8") as file:
        qrels = list(csv.reader(file, delimiter="\t"))
    assert qrels == [
        ["query-id", "corpus-id", "score"],
        ["q0-0", "ab", "1"],
        ["q0-0", "c", "1"],
        ["q1-0", "p1", "1"],
        ["q3-0", "ab", "1"],
    ]


def test_ragas(corpus, tmp_path):
    path = written(corpus, "o.jsonl", tmp_path, "ragas")
    samples = [json.loads(line) for line in path.open(encoding="utf-8")]
    assert samples[0] == {
        "user_input": "What: 1897?",
        "reference": "1897",
        "reference_contexts": [corpus[0]["passage"]],
        "reference_context_ids": ["ab"],
        "answered_elsewhere": ["c"],
    }
    assert [sample["reference"] for sample in samples] == ["1897", "November", "Ardal"]


def test_llama_index(corpus, tmp_path):
    content = json.loads(written(corpus, "o.json", tmp_path, "llama-index").read_text())
    assert set(content) == {"queries", "corpus", "relevant_docs", "mode"}
    assert content["relevant_docs"] == {"q0-0": ["ab", "c"], "q1-0": ["p1"], "q3-0": ["ab"]}
    assert content["queries"]["q1-0"] == "What: November?" and content["mode"] == "text"
    assert list(content["corpus"]) == ["ab", "p1", "c"]
