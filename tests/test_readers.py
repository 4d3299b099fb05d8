"""Files people have, as rows: one test per kind of file and per kind of fault."""

import gzip
import json
import zipfile

import pytest

from qgen.errors import QGenError
from qgen.files.documents import read_document
from qgen.files.encoding import decode_text, detect_encoding
from qgen.files.fields import FieldNames, to_request
from qgen.files.formats import ROW_SUFFIXES
from qgen.files.rows import ROW_READERS, count_rows, read_rows
from qgen.records import Answer, Request

TEXT = "The Ardal lighthouse was lit in 1854. Its keeper, Nils Falk, lived there."
LIT = Request(TEXT, (Answer("1854", 32),))


def rows_of(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    rows = [row.content for row in read_rows(path)]
    assert count_rows(path) == len(rows)
    return rows


def test_what_is_told_to_be_read_is_read():
    assert tuple(ROW_READERS) == ROW_SUFFIXES


# --- Values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["passage", "Passage", " PASSAGE ", "context", "Text", "paragraph"]
)
def test_names_of_the_passage(name):
    assert to_request({name: TEXT, "answer": "1854"}) == LIT


@pytest.mark.parametrize(
    "fields",
    [
        {"answer": "1854"},
        {"Answer": "1854"},
        {"answer text": "1854"},
        {"answer": 1854},
        {"answer": 1854.0},
        {"answer": "1854", "answer_start": 32},
        {"answer": "1854", "answer_start": 32.0},
        {"answer": "1854", "answer_start": "32"},
        {"answer": "1854", "Answer Start": "32.0"},
        {"answer": "1854", "answer_start": ""},
        {"answer": "1854", "answer_start": None},
        {"answer": "1854", "answer_start": float("nan")},
        {"answer": "1854", "answer_start": "-nan"},
        {"answer": "1854", "answer_start": "1e999"},
        {"answers": ["1854"]},
        {"answers": [1854], "answer_start": [32]},
        {"answers": {"text": ["1854"], "answer_start": [32]}},
        {"answers": {"text": ["1854", "in 1854"], "answer_start": [32, 29]}},
        {"answers": {"text": "1854", "answer_start": 32}},
        {"answers": [{"text": "1854", "answer_start": 32}]},
        {"answer": "1854.0"},
        {"answers": "['1854']"},
        {"answers": "['1854']", "answer_start": ""},
        {"answers": "['1854']", "answer_start": "[32]"},
        {"answers": '{"text": ["1854"], "answer_start": [32]}'},
        {"answers": "{'text': array(['1854',\n 'A'], dtype=object), 'answer_start': array([32])}"},
    ],
)
def test_ways_to_give_the_answer(fields):
    assert to_request({"passage": TEXT} | fields) == LIT


@pytest.mark.parametrize(
    "answer",
    [None, "", "  ", float("nan"), "NaN", "nan", "null", "NA", "<NA>", "None", "#N/A", [],
     {"text": [], "answer_start": []}],
)  # fmt: skip
def test_ways_to_give_none(answer):
    assert to_request({"passage": TEXT, "answer": answer}) == Request(TEXT)


def test_none_is_no_part_of_a_word():
    assert to_request({"passage": "It is in Canada, far north.", "answer": "NA"}).answers == ()


def test_nan_is_an_answer_where_the_passage_has_it():
    assert to_request({"passage": "Her nan baked.", "answer": "nan"}).answers == (Answer("nan", 4),)


def test_a_list_asks_for_each_answer():
    assert to_request({"passage": TEXT, "answers": ["Nils Falk", 1854]}).answers == (
        Answer("Nils Falk", 50),
        Answer("1854", 32),
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, '"passage" is missing'),
        ({"passage": None}, "passage is empty"),
        ({"Text": 5}, '"Text" must be text'),
        ({"passage": " "}, "passage is empty"),
        ({"passage": TEXT, "answer": {"a": 1}}, '"answer" must be text, a list'),
        ({"passage": TEXT, "answer": "1855"}, "not in the passage"),
        ({"passage": TEXT, "answer": "{[18]: 55}"}, "not in the passage"),
        ({"passage": TEXT, "answer": "B", "options": {1: "1853"}}, "not in the passage"),
        ({"passage": TEXT, "answer": "1854", "answer_start": 3}, "at character 3"),
        ({"passage": TEXT, "answer": "1854", "answer_start": True}, "whole number"),
        ({"passage": TEXT, "answer": "1854", "answer_start": 1.5}, "whole number"),
        ({"passage": TEXT, "answer": "1854", "answer_start": "first"}, "whole number"),
        ({"passage": TEXT, "answers": ["1854", "Nils"], "answer_start": [32]}, "2 answers but 1"),
        ({"passage": TEXT, "correct answer": "1854"}, '"correct answer" looks like an answer'),
        ({"passage": TEXT, "gold_answers": ["1854"]}, '"gold_answers" looks like an answer'),
        ({"passage": TEXT, "answer": "1854", "answers": ["1854"]}, "both name the answer"),
        ({"passage": "R\ud800me"}, "not valid UTF-8"),
    ],
)
def test_what_cannot_be_used_is_an_error(fields, message):
    with pytest.raises(QGenError, match=message):
        to_request(fields)


def test_other_fields_are_kept():
    fields = {"id": 7, "passage": TEXT, "answer": "1854", "answer_end": 36, "question": "When?"}
    assert to_request(fields).extra == {"id": 7, "answer_end": 36, "question": "When?"}


# --- Tables ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        f'passage,answer\n"{TEXT}",1854\n',
        f'passage;answer\n"{TEXT}";1854\n',
        f"passage\tanswer\n{TEXT}\t1854\n",
        f"passage|answer\n{TEXT}|1854\n",
        f'Passage,Answer\n"{TEXT}",1854\n',
        f'passage, answer\n"{TEXT}", 1854\n',
        f' Context ,answer_start, ANSWER \n"{TEXT}",32.0,1854\n',
        f'sep=;\npassage;answer\n"{TEXT}";1854\n',
        f'"sep=,"\npassage,answer\n"{TEXT}",1854\n',
        f'\n\npassage,answer\r\n"{TEXT}",1854\r\n\r\n',
        f'passage,answer,\n"{TEXT}",1854,\n',
        f'"passage; all of it, that is",answer,text\nx,1854,"{TEXT}"\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_csv_as_programs_write_it(tmp_path, content, encoding):
    [request] = rows_of(tmp_path, "in.csv", content.encode(encoding))
    assert (request.passage, request.answers) == (TEXT, LIT.answers)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252"]
)
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.csv", "passage,answer\nCafé Zoë opened in Málaga for £5 – “cheap”.,Málaga\n"),
        ("in.txt", "Café Zoë opened in Málaga for £5 – “cheap”.\tMálaga\n"),
        (
            "in.jsonl",
            '{"passage": "Café Zoë opened in Málaga for £5 – “cheap”.", "answer": "Málaga"}\n',
        ),
        (
            "in.json",
            '[{"passage": "Café Zoë opened in Málaga for £5 – “cheap”.", "answer": "Málaga"}]',
        ),
    ],
)
def test_encodings(tmp_path, name, content, encoding):
    [request] = rows_of(tmp_path, name, content.encode(encoding))
    assert request.passage == "Café Zoë opened in Málaga for £5 – “cheap”."
    assert request.answers == (Answer("Málaga", 19),)


def test_utf8_with_a_broken_byte_is_utf8():
    assert detect_encoding("Málaga ".encode() + b"\xe1") == "utf-8"
    assert detect_encoding(b"M\xe1laga") == "cp1252"
    assert detect_encoding(b"") == "utf-8"
    assert decode_text(b"\xef\xbb\xbfRome") == "Rome"


def test_windows_1252_that_has_something_like_a_character_of_utf8():
    text = "“Beyoncé”—the singer—was born in 1981. The café opened in “1937”."
    assert decode_text(text.encode("cp1252")) == text


def test_rows_with_nothing_in_them_are_none(tmp_path):
    rows = rows_of(tmp_path, "a.csv", f'passage,answer\r\n"{TEXT}",1854\r\n,\r\n" ",\r\n,,,\r\n')
    assert rows == [LIT]


def test_columns_without_a_name(tmp_path):
    rows = rows_of(tmp_path, "a.csv", f',passage,,answer\n7,"{TEXT}",,1854\n')
    assert rows == [Request(TEXT, LIT.answers, {"column 1": "7", "column 3": ""})]


def test_unicode_text_as_excel_writes_it(tmp_path):
    content = f'Passage\tanswer\r\n"{TEXT}"\t1854\r\n'.encode("utf-16")
    assert rows_of(tmp_path, "a.txt", content) == [LIT]
    unnamed = f"\tpassage\tanswer\n0\t{TEXT}\t1854\n"  # the first column, as pandas writes it
    assert [row.answers for row in rows_of(tmp_path, "a.txt", unnamed)] == [LIT.answers]


@pytest.mark.parametrize(
    "content",
    [
        "Anton Chekhov wrote this as his first long piece.\tstory\n"
        "The Moon orbits the Earth in a month.\tmonth\n",
        "This is the last of all the pieces\tstory\nThe Moon orbits the Earth in a month.\tMoon\n",
        "The end.\tstory\nThe Moon orbits the Earth in a month.\tmonth\n",
        "A long story\tstory\nThe Moon orbits the Earth in a month.\n",
    ],
)
def test_a_passage_and_its_answer_are_no_header(tmp_path, content):
    path = tmp_path / "in.txt"
    path.write_text(content)
    assert [row.raw for row in read_rows(path)] == content.splitlines()


def test_a_text_with_a_header_may_have_line_breaks_in_its_cells(tmp_path):
    content = f'passage\tanswer\n"{TEXT}\nIt is long."\t1854\n'
    assert [row.answers for row in rows_of(tmp_path, "a.txt", content)] == [LIT.answers]


def test_a_text_that_begins_with_a_table_is_a_document(tmp_path):
    moon = "The Moon orbits the Earth once in about 27 days and a bit."
    for table in ("Section\tPage\n", "Section\tPage\nOne\t1\n\n"):
        (tmp_path / "a.txt").write_text(table + moon)
        assert moon in read_document(tmp_path / "a.txt")[-1].text
    assert [row.document for row in read_rows(tmp_path)] == ["a.txt"]


def test_unusable_header_is_told_at_once(tmp_path):
    with pytest.raises(QGenError, match='"Right answer" looks like an answer'):
        rows_of(tmp_path, "in.csv", f'passage,Right answer\n"{TEXT}",1854\n')


def test_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    texts = [TEXT.encode(), b"Copper conducts heat well."]  # bytes, as Spark may write text
    table = pa.table({"context": texts, "answer": ["1854", None]})
    pq.write_table(table, tmp_path / "in.parquet")
    rows = [row.content for row in read_rows(tmp_path / "in.parquet")]
    assert rows == [LIT, Request("Copper conducts heat well.")]
    broken = pa.array([b"Caf\xe9"]).view(pa.string())
    pq.write_table(pa.table({"passage": broken}), tmp_path / "broken.parquet")
    with pytest.raises(QGenError, match="not valid UTF-8"):
        list(read_rows(tmp_path / "broken.parquet"))
    dates = pa.array([1 << 60], pa.timestamp("us"))
    pq.write_table(pa.table({"passage": [TEXT], "at": dates}), tmp_path / "far.parquet")
    with pytest.raises(QGenError, match="has a value that cannot be read: date value out of range"):
        list(read_rows(tmp_path / "far.parquet"))
    twice = pa.Table.from_arrays([pa.array([TEXT])] * 3, ["passage", "a", "a"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(QGenError, match='two columns are called "a"'):
        list(read_rows(tmp_path / "twice.parquet"))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(QGenError, match="not a Parquet file"):
        list(read_rows(tmp_path / "bad.parquet"))


# --- JSON ------------------------------------------------------------------------------------

SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "Ardal",
            "paragraphs": [
                {
                    "context": TEXT,
                    "qas": [
                        {
                            "id": "a1",
                            "question": "When was it lit?",
                            "answers": [
                                {"text": "1854", "answer_start": 32},
                                {"text": "in 1854", "answer_start": 29},
                            ],
                        },
                        {"id": "a2", "question": "Why?", "answers": [], "is_impossible": True},
                    ],
                },
                {"context": "Copper conducts heat well."},
            ],
        }
    ],
}


def test_squad(tmp_path):
    for indent in (None, 2):
        rows = rows_of(tmp_path, "squad.json", json.dumps(SQUAD, indent=indent))
        extra = {"title": "Ardal", "id": "a1", "question": "When was it lit?"}
        assert rows == [
            Request(TEXT, LIT.answers, extra),
            Request(TEXT, (), {"title": "Ardal", "id": "a2", "question": "Why?"}),
            Request("Copper conducts heat well.", (), {"title": "Ardal"}),
        ]


@pytest.mark.parametrize(
    "given",
    [
        {"answers": ["1854"]},
        {"answers": {"text": ["1854", "in 1854"], "answer_start": [32, 29]}},
        {"answers": "1854"},
        {"answers": ["1854", "in 1854"], "answer_start": [32, 29]},
        {"answers": None, "answer": [1854, "in 1854"]},
        {"answer": "1854", "answer_start": 32},
    ],
)
def test_squad_with_answers_in_another_form(tmp_path, given):
    article = {"paragraphs": [{"context": TEXT, "qas": [{"id": "a1", **given}]}]}
    [row] = rows_of(tmp_path, "squad.json", json.dumps({"data": [article]}))
    assert row.answers == LIT.answers and row.extra == {"id": "a1"}


@pytest.mark.parametrize("paragraph", [TEXT, {"text": TEXT}, {"context": TEXT, "qas": 5}])
def test_articles_of_mere_paragraphs(tmp_path, paragraph):
    content = json.dumps([{"title": "Ardal", "paragraphs": [paragraph]}])
    assert rows_of(tmp_path, "a.json", content) == [Request(TEXT, (), {"title": "Ardal"})]


def test_squad_with_an_answer_of_zero(tmp_path):
    article = {"paragraphs": [{"context": "It fell to 0.", "qas": [{"id": "a", "answer": 0}]}]}
    [row] = rows_of(tmp_path, "squad.json", json.dumps(article))
    assert row.answers == (Answer("0", 11),)


@pytest.mark.parametrize(
    "content",
    [
        '[{"passage": "%s", "answer": 1854}]',
        '\n [\n {"passage": "%s", "answer": NaN} , {"passage": "%s"} ]\n',
        '{"passage": "%s"}\n{"passage": "%s"}\n',
        '{\n  "passage": "%s"\n}',
        '{"meta": {"n": [1, 2]}, "data": [{"passage": "%s"}], "end": 1}',
    ],
)
def test_json_arrays_and_objects(tmp_path, content):
    rows = rows_of(tmp_path, "in.json", content.replace("%s", TEXT))
    assert len(rows) == content.count("%s")
    assert {row.passage for row in rows} == {TEXT}


@pytest.mark.parametrize(
    ("content", "good", "message"),
    [
        ('[{"passage": "Rome."}, 5, {"passage": "Oslo."}]', 2, "not a JSON object"),
        ('[{"passage": "Rome."}, {"passage": ', 1, "not valid JSON after record 1"),
        ('[{"passage": "Rome."} {"passage": "Oslo."}]', 1, "a comma is missing"),
        ('[{"passage": "Rome."}', 1, "cut off"),
        ("{", 0, "not valid JSON"),
    ],
)
def test_broken_json_keeps_what_came_before(tmp_path, content, good, message):
    rows = rows_of(tmp_path, "in.json", content)
    assert sum(isinstance(row, Request) for row in rows) == good
    told = [row for row in rows if isinstance(row, str)]
    assert any(message in row for row in told)
    assert not any("in.json" in row for row in told), "the line that tells it names the file"


def test_json_is_streamed(tmp_path):
    """Values longer than what is read at once, and numbers cut by the end of it."""
    path = tmp_path / "in.json"
    records = [{"passage": f"{n} " + "x" * 50_000, "n": n * 10**12} for n in range(20)]
    path.write_text(json.dumps(records))
    assert [row.content.extra["n"] for row in read_rows(path)] == [n * 10**12 for n in range(20)]


# --- Layouts, names and characters ------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    "article story document content body sentence review page_content story_section".split(),
)
def test_usual_names_of_the_passage(name):
    assert to_request({"id": 1, name: TEXT}) == Request(TEXT, extra={"id": 1})


def test_named_fields():
    names = FieldNames("prose", "gold_answer")
    fields = {"text": "x", "prose": TEXT, "gold_answer": "1854"}
    assert to_request(fields, names) == Request(TEXT, LIT.answers, {"text": "x"})
    with pytest.raises(QGenError, match='"prose" is missing; there are "text"'):
        to_request({"text": TEXT}, FieldNames("prose"))


@pytest.mark.parametrize("name", ["book.md", "."])
def test_no_field_of_a_document_is_named(tmp_path, name):
    (tmp_path / "book.md").write_text(TEXT)
    with pytest.raises(QGenError, match="has no rows: there is no field or column to be named"):
        list(read_rows(tmp_path / name, FieldNames(answer="gold")))


def test_a_refusal_lists_the_columns(tmp_path):
    with pytest.raises(QGenError, match='no "passage" column .*--passage-field.*"id", "blurb"'):
        rows_of(tmp_path, "in.csv", f'id,blurb\n1,"{TEXT}"\n')


@pytest.mark.parametrize(
    ("fields", "answers"),
    [
        ({"answer": True}, ()),
        ({"answer": "yes"}, ()),
        ({"questions": [1], "answers": [{"span_start": 29, "span_end": 36, "input_text": "1854"}]},
         LIT.answers),
        ({"answers": [{"span_start": 0, "span_end": 9, "input_text": "unknown"}]}, ()),
        ({"answers": {"input_text": ["1854"], "answer_start": [29], "answer_end": [36]}},
         LIT.answers),
        ({"options": [["1853", "1854"], ["a", "b"]], "answers": ["B", "A"]}, LIT.answers),
        ({"options": ["1853", "1854"], "answer": "A"}, ()),
        ({"options": {"A": "1853", "B": "1854"}, "answer": "B"}, LIT.answers),
        ({"options": [["1853"], {"B": "1854"}], "answer": [0, 0]}, ()),
        ({"options": '["1853", "1854"]', "answer": "B"}, LIT.answers),
        ({"options": {"B": "1853", "A": "1854"}, "answer": "A"}, LIT.answers),
    ],
)  # fmt: skip
def test_answers_that_are_no_spans_are_kept_as_fields(fields, answers):
    assert to_request({"article": TEXT} | fields) == Request(TEXT, answers, fields)


def test_one_of_several_answers_that_is_missing_is_a_problem():
    request = to_request({"passage": TEXT, "answers": ["1854", "Prince Otto"]})
    assert request.answers == LIT.answers
    assert request.problems == ("the answer 'Prince Otto' is not in the passage",)


def test_offsets_follow_the_mended_passage():
    passage = "The of\ufb01ce of \u200bRosa Lund\u200b is in D\xa8usseldorf, not Rosa\xad Lund."
    request = to_request(
        {"passage": passage, "answers": ["Rosa Lund", "D\xfcsseldorf"], "answer_start": [14, 31]}
    )
    assert request.passage == "The office of Rosa Lund is in D\xfcsseldorf, not Rosa Lund."
    assert request.answers == (Answer("Rosa Lund", 14), Answer("D\xfcsseldorf", 30))
    with pytest.raises(QGenError, match="lost letters"):
        to_request({"passage": "The of\0ce was lit."})


@pytest.mark.parametrize(
    ("given", "mended"),
    [
        ("O´Connor, D´Arcy, L´Oréal", "O'Connor, D'Arcy, L'Oréal"),
        ("D´ARCY came at five o´clock", "D'ARCY came at five o'clock"),
        ("o`clock, Qur`an, Hawai`i, Kaua´i, ma`am", "o'clock, Qur'an, Hawai'i, Kaua'i, ma'am"),
        ("we´re, it´s, get ´em, y´all, the ´60s", "we're, it's, get 'em, y'all, the '60s"),
        ("she said ´yes´ and left", "she said 'yes' and left"),
        ("called ´Every man´s dream.´ It", "called 'Every man's dream.' It"),
        ("the boys´ eyes, rock ´n´ roll", "the boys' eyes, rock 'n' roll"),
        ("the `code` and 5´10", "the `code` and 5´10"),
        ("´Etienne´s Caf´e, Caf ´e, Caf´ e", "Étienne's Café, Caf é, Café"),
        ("Ra´ul Garc´ıa L´opez, CAF´E", "Raúl García López, CAFÉ"),
        ("Petrovi´c of Gda´nsk, Erd˝os", "Petrović of Gdańsk, Erdős"),
        ("d´ej`a vu, Moli`ere, voil`a, cos`ı", "déjà vu, Molière, voilà, così"),
        ("the ˆ operator, aˆ2 + bˆ2", "the ˆ operator, aˆ2 + bˆ2"),
        ("5´ 30´´, a 90˚, 5˝ of rain", "5´ 30´´, a 90˚, 5˝ of rain"),
        ("the mean x¯ is, nˆ and pˆ are", "the mean x¯ is, nˆ and pˆ are"),
        (
            "an obser\xad\r\n vatory, its con\xac\ntract \xac\nand a\xad b",
            "an observatory, its contract \xac\nand a b",
        ),
        ("Maud\x92s \u200b\x93bridge\x94 \x96 5 \x80\x81", "Maud’s “bridge” – 5 €"),
    ],
)
def test_accents_that_stand_alone(given, mended):
    assert to_request({"passage": given}).passage == mended


@pytest.mark.parametrize(
    "content",
    [
        f'passage,answer\n"{TEXT}",1854,\n',
        f'passage,answer,,\n"{TEXT}",1854,,\n',
    ],
)
def test_delimiters_at_the_end_of_a_line(tmp_path, content):
    assert rows_of(tmp_path, "in.csv", content) == [LIT]


def test_quotation_marks_behind_a_backslash(tmp_path):
    content = (
        'passage,answer\n"She said \\"yes\\" in Dorne, C:\\\\ and all.",Dorne\n"It rained.",\n'
    )
    rows = rows_of(tmp_path, "in.csv", content)
    assert [row.passage for row in rows] == ['She said "yes" in Dorne, C:\\ and all.', "It rained."]
    [request] = rows_of(tmp_path, "in.csv", 'passage,answer\n"It is in C:\\",C:\\\n')
    assert request.passage == "It is in C:\\"
    content = 'passage\n"It is in C:\\new."\n"He said \\"C:\\\\new\\" there."\n'
    content += "Red\\, green and blue are old.\n"
    found = [row.passage for row in rows_of(tmp_path, "in.csv", content)]
    assert found.pop() == "Red, green and blue are old."
    assert found == ["It is in C:\\new.", 'He said "C:\\new" there.']


def test_a_long_field(tmp_path):
    [request] = rows_of(tmp_path, "in.csv", f'passage\n"{TEXT * 5000}"\n')
    assert len(request.passage) == len(TEXT) * 5000


@pytest.mark.parametrize("name", ["in.csv", "in.jsonl", "in.json", "in.txt", "in.tsv"])
def test_gzipped_rows(tmp_path, name):
    content = {
        ".csv": f'passage,answer\n"{TEXT}",1854\n',
        ".tsv": f"passage\tanswer\n{TEXT}\t1854\n",
        ".txt": f"{TEXT}\t1854\n",
    }.get(name[2:], json.dumps({"passage": TEXT, "answer": "1854"}))
    assert rows_of(tmp_path, f"{name}.gz", gzip.compress(content.encode())) == [LIT]


def test_a_workbook(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["a list of something else"])
    sheet = book.create_sheet()
    for row in (["Passage", "Answer"], [TEXT, 1854], [None, None], ["Rome.", None]):
        sheet.append(row)
    book.save(tmp_path / "in.xlsx")
    told = []
    rows = list(read_rows(tmp_path / "in.xlsx", tell=told.append))
    assert [(row.line, row.content) for row in rows] == [(2, LIT), (4, Request("Rome."))]
    assert len(told) == 1 and 'the sheet "Sheet" is not read: the header row: there is' in told[0]


def test_a_formula_without_a_value_and_a_gzipped_workbook(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["passage", "id"], ['="The " & "lamp"', 1], [TEXT, 2]):
        book.active.append(row)
    book.save(tmp_path / "in.xlsx")
    packed = tmp_path / "in.xlsx.gz"
    packed.write_bytes(gzip.compress((tmp_path / "in.xlsx").read_bytes()))
    for path in (tmp_path / "in.xlsx", packed):
        empty, full = read_rows(path)
        assert empty.content == "the passage is empty" and full.content.passage == TEXT


def test_a_workbook_of_several_sheets(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for sheet, passage in (book.active, TEXT), (book.create_sheet("Chapter 2"), "Rome."):
        sheet.append(["passage"])
        sheet.append([passage])
    book.save(tmp_path / "in.xlsx")
    assert [
        (row.content.passage, row.content.extra) for row in read_rows(tmp_path / "in.xlsx")
    ] == [
        (TEXT, {"sheet": "Sheet"}),
        ("Rome.", {"sheet": "Chapter 2"}),
    ]
    book.active["B1"], book.active["B2"] = "Sheet", "mine"
    book.create_sheet("Old").append(["passage"])
    book["Old"].append(["Oslo."])
    book["Old"].sheet_state = "hidden"
    book.save(tmp_path / "in.xlsx")
    told = []
    rows = list(read_rows(tmp_path / "in.xlsx", tell=told.append))
    assert [row.content.extra for row in rows] == [{"Sheet": "mine"}, {"sheet": "Chapter 2"}]
    assert told == [f'{tmp_path / "in.xlsx"}: the sheet "Old" is hidden and is not read']


def test_hidden_rows_of_a_workbook_are_read_and_told(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for cells in ["id", "passage"], [1, TEXT], [2, "Rome."], [3, '<row hidden="1"'], [4, "Oslo."]:
        book.active.append(cells)
    for number in 2, 5, 9:  # the last has nothing in it
        book.active.row_dimensions[number].hidden = True
    book.active.column_dimensions["A"].hidden = True
    book.save(tmp_path / "in.xlsx")
    told = []
    rows = list(read_rows(tmp_path / "in.xlsx", tell=told.append))
    assert [row.content.extra["id"] for row in rows] == [1, 2, 3, 4]
    assert told == [
        f'{tmp_path / "in.xlsx"}: the sheet "Sheet" has 2 hidden rows, which are read too'
    ]


def test_merged_cells_of_a_workbook(tmp_path):
    """A passage beside several questions is that of each; what is merged away is not shown."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for cells in (
        ["passage", "question", "answer", "note"],
        [TEXT, "When?", "1854", "a"],
        ["Not this.", "Who?", "Nils Falk", "b"],
        [None, "What?", None, "c"],
        ["Rome is old.", "Oslo is old.", None, "d"],
        [None, None, None, None],
        ["Bern is old."],
    ):
        book.active.append(cells)
    sheet = book.active
    sheet.merge_cells("A2:A4")
    sheet.merge_cells("A5:B6")
    for row, column in (3, 1), (5, 2):  # as a program may leave them
        sheet._cells[row, column] = openpyxl.cell.Cell(sheet, row, column, "Not this.")
    book.save(tmp_path / "in.xlsx")
    rows = [(row.line, row.content) for row in read_rows(tmp_path / "in.xlsx")]
    assert [(line, row.passage, row.extra["question"]) for line, row in rows] == [
        (2, TEXT, "When?"),
        (3, TEXT, "Who?"),
        (4, TEXT, "What?"),
        (5, "Rome is old.", None),
        (7, "Bern is old.", None),
    ]
    assert [row.answers[0].text for _, row in rows[:2]] == ["1854", "Nils Falk"]


def test_merged_cells_beside_the_columns_of_a_workbook(tmp_path):
    """Such as of a remark beside the table: its own row has too many fields, none below it."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for cells in (["passage"], [TEXT, None, "A remark"], ["Bern is old."]):
        book.active.append(cells)
    book.active.merge_cells("C2:C3")
    book.save(tmp_path / "in.xlsx")
    refused, read = read_rows(tmp_path / "in.xlsx")
    assert "3 fields" in str(refused.content) and read.content.passage == "Bern is old."


def test_a_workbook_with_line_ends_whose_size_is_out_of_date(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for cells in ["passage", "answer"], ["Rome is old._x000D_\nVery.", "Very"], [TEXT, "1854"]:
        book.active.append(cells)
    book.save(tmp_path / "new.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "new.xlsx") as new,
        zipfile.ZipFile(tmp_path / "in.xlsx", "w") as old,
    ):
        for name in new.namelist():
            old.writestr(name, new.read(name).replace(b'ref="A1:B3"', b'ref="A1"'))
    rows = [row.content for row in read_rows(tmp_path / "in.xlsx")]
    assert [row.passage.split() for row in rows] == [["Rome", "is", "old.", "Very."], TEXT.split()]
    assert [row.answers[0].text for row in rows] == ["Very", "1854"]


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        ("in.jsonl", json.dumps([{"passage": TEXT}] * 2, indent=1), [1, 2]),
        ("in.jsonl", json.dumps({"passage": TEXT}, indent=1), [1]),
        ("in.json", '{"passage": "Rome."}\n{"blurb": "x"}\n{"passage": "Oslo."}\n', [1, 2, 3]),
        ("in.json", '{"version": 1, "examples": [{"passage": "Rome."}]}', [1]),
        ("in.json", '{"a": {"rows": [{"x": 1}], "docs": [{"text": "Rome."}]}}', [1]),
        ("in.txt", '{"passage": "Rome."}\n{"passage": "Oslo."}\n', [1, 2]),
    ],
)
def test_content_decides_how_rows_are_written(tmp_path, name, content, lines):
    path = tmp_path / name
    path.write_text(content)
    rows = list(read_rows(path))
    assert [row.line for row in rows] == lines
    bad = [row.content for row in rows if isinstance(row.content, str)]
    assert bad == (['"passage" is missing; there are "blurb"'] if "blurb" in content else [])


FRAME = {"passage": [TEXT, "Rome is old."], "answer": ["1854", None]}


@pytest.mark.parametrize(
    "content",
    [
        FRAME,
        {name: dict(zip("01", column, strict=True)) for name, column in FRAME.items()},
        {"columns": list(FRAME), "index": [0, 1], "data": [[TEXT, "1854"], ["Rome is old.", None]]},
        {"0": {"passage": TEXT, "answer": "1854"}, "1": {"passage": "Rome is old."}},
        {"schema": {"fields": [{"name": "passage"}]},
         "data": [{"passage": TEXT, "answer": "1854"}, {"passage": "Rome is old."}]},
    ],
)  # fmt: skip
def test_data_frames_in_json(tmp_path, content):
    rows = rows_of(tmp_path, "in.json", json.dumps(content))
    assert [(row.passage, row.answers) for row in rows] == [
        (TEXT, LIT.answers),
        ("Rome is old.", ()),
    ]


def test_rows_inside_of_other_objects(tmp_path):
    rows = [{"row_idx": n, "row": {"passage": TEXT}, "truncated_cells": []} for n in range(2)]
    viewer = {"features": [{"name": "passage"}], "rows": rows}
    found = rows_of(tmp_path, "in.json", json.dumps(viewer))
    assert [row.passage for row in found] == [TEXT, TEXT] and found[1].extra["row_idx"] == 1
    lines = [json.dumps({"_id": n, "_source": {"body": TEXT}}) for n in range(2)]
    found = rows_of(tmp_path, "in.jsonl", "\n".join(lines))
    assert found == [Request(TEXT, extra={"_id": n}) for n in range(2)]
    other = {"blurb": "x", "metadata": {"content": "text/html"}}
    assert rows_of(tmp_path, "in.jsonl", json.dumps(other)) == [
        '"passage" is missing; there are "blurb", "metadata"'
    ]


def test_an_array_of_texts(tmp_path):
    path = tmp_path / "in.json"
    path.write_text(json.dumps([TEXT, "Rome is old."]))
    assert [row.content.passage for row in read_rows(path)] == [TEXT, "Rome is old."]
    named = [row.content.passage for row in read_rows(path, FieldNames("prose"))]
    assert named == [TEXT, "Rome is old."]


def test_lines_that_are_no_passages_are_told(tmp_path):
    path = tmp_path / "in.txt"
    path.write_text("The bridge in Dorne was\nopened by Queen Maud\nin 1897, and it\nis long.\n")
    told = []
    list(read_rows(path, tell=told.append))
    assert len(told) == 1 and "most lines end in mid-sentence" in told[0]
    path.write_text(f"{TEXT}\n{TEXT}\n{TEXT}\n")
    list(read_rows(path, tell=told.append))
    assert len(told) == 1


# --- The samples of kinds --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("in.doc", "x", "unknown file type"), ("in", "x", "unknown file type")],
)
def test_unknown_types_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(QGenError, match=message):
        list(read_rows(tmp_path / name))
