"""Documents from strangers: damaged, made to keep a parser busy, or of another kind than named."""

import functools
import gzip
import io
import json
import os
import random
import time
import zipfile
from itertools import pairwise

import pytest
from documents import MAKERS, TEXTS, WORD, make, open_document, word

from qgen.errors import QGenError
from qgen.files import sandbox
from qgen.files.documents import read_document
from qgen.files.readers import READERS
from qgen.files.readers.blocks import MAX_BLOCKS
from qgen.files.rows import read_rows
from qgen.files.sandbox import parse, read_blocks

MUTATIONS = int(os.environ.get("QGEN_FUZZ", "50"))
"""Mutated files of each format; ``QGEN_FUZZ=1000`` for a thorough run."""
FIRST = TEXTS[0]


def damaged(content: bytes, dice: random.Random) -> bytes:
    """A file with some of its bytes changed, cut out, repeated or cut off."""
    data = bytearray(content)
    for _ in range(dice.choice([1, 1, 2, 5, 20])):
        at = dice.randrange(len(data))
        length = dice.choice([1, 1, 4, 64, 1000])
        match dice.randrange(5):
            case 0:
                data[at] = dice.randrange(256)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length] * dice.choice([1, 3, 50])
            case 3:
                data[at:at] = dice.randbytes(length)
            case 4:
                del data[max(at, 1) :]
        if not data:
            return b""
    return bytes(data)


def inside(content: bytes, dice: random.Random) -> bytes:
    """An archive one of whose members is damaged, so that the parsers inside meet it."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        names = [name for name in old.namelist() if old.read(name)]
        chosen = dice.choice(names)
        for name in old.namelist():
            part = old.read(name)
            new.writestr(name, damaged(part, dice) if name == chosen else part)
    return out.getvalue()


@functools.cache
def sound(suffix: str) -> bytes:
    return make(suffix)


def failure(function, *arguments) -> str:
    """What a function raises, which is a ``QGenError``; empty where it does its work."""
    try:
        function(*arguments)
        return ""
    except QGenError as error:
        return str(error)


def rows(path) -> list:
    return list(read_rows(path))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", MAKERS)
def test_damaged_files_are_read_or_told(tmp_path, suffix):
    content = sound(suffix)
    dice = random.Random(suffix)
    path = tmp_path / f"a{suffix}"
    for number in range(MUTATIONS):
        archive = content.startswith(b"PK") and number % 2
        path.write_bytes(inside(content, dice) if archive else damaged(content, dice))
        begun = time.process_time()
        message = failure(parse, path, suffix) if suffix in READERS else failure(rows, path)
        assert "\n" not in message and (not message or "a" + suffix in message)
        assert time.process_time() - begun < 10, f"mutation {number}"


DEEP = {
    "deep.html": b"<div>" * 200_000 + FIRST.encode(),
    "raised.html": b"<sup>" * 100_000 + FIRST.encode(),
    "tables.html": b"<table><tr><td>" * 50_000 + FIRST.encode(),
    "breaks.html": b"<br>" * 300_000 + FIRST.encode(),
    "deep.md": b">" * 20_000 + b" " + FIRST.encode(),
    "deep.rtf": b"{\\rtf1 " + b"{" * 100_000 + FIRST.encode() + b"}" * 100_001,
    "deep.tex": b"{" * 20_000 + FIRST.encode() + b"}" * 20_000,
    "deep.ipynb": b"[" * 100_000,
    "hyphens.txt": b"culti-\n" * 100_000 + FIRST.encode(),
    "word.txt": b"1" * 3_000_000 + b"x. " + FIRST.encode(),
    "empty lines.txt": b"\n \n" * 500_000 + FIRST.encode(),
    "cues.srt": b"1\n00:00:01,000 --> 00:00:02,000\n[x] -\n\n" * 20_000 + FIRST.encode(),
}


@pytest.mark.parametrize("name", DEEP)
def test_time_grows_with_the_size_alone(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(DEEP[name])
    begun = time.process_time()
    assert "\n" not in failure(read_document, path)
    assert time.process_time() - begun < 20


def test_time_grows_with_the_number_of_styles_and_fields(tmp_path):
    chain = [(f"S{number}", f"S{number + 1}") for number in range(10_000)]
    based = '<w:style w:styleId="{}"><w:basedOn w:val="{}"/></w:style>'
    styles = "".join(based.format(*pair) for pair in chain)
    marks = "".join(f'<w:fldChar w:fldCharType="{kind}"/>' for kind in ("begin", "separate"))
    fields = f"<w:p><w:r>{f'{marks}<w:t>{FIRST} </w:t>' * 10_000}</w:r></w:p>"
    content = word(fields, styles=f"<w:styles {WORD}>{styles}</w:styles>")
    (tmp_path / "a.docx").write_bytes(content)
    styles = "".join("<style name='{}' parent-style-name='{}'/>".format(*pair) for pair in chain)
    (tmp_path / "a.odt").write_bytes(open_document(f"<p>{FIRST}</p>", styles))
    begun = time.process_time()
    for suffix in (".docx", ".odt"):
        assert parse(tmp_path / f"a{suffix}", suffix)[0][0].text.startswith(FIRST)
    assert time.process_time() - begun < 5


def test_a_word_file_that_unpacks_to_gigabytes(tmp_path):
    path = tmp_path / "bomb.docx"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("word/document.xml", "w") as part,
    ):
        part.write(f"<w:document {WORD}><w:body><w:p><w:r><w:t>".encode())
        for _ in range(80):
            part.write(b"x " * 500_000)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(QGenError, match="unpacks to more than 64 MiB"):
        read_document(path)


def test_entities_and_depth_of_xml_are_bounded(tmp_path):
    names = "abcdefghij"
    entities = '<!ENTITY a "lollollol">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise(names)
    )
    part = (
        f"<!DOCTYPE x [{entities}]><w:document {WORD}><w:body><w:p><w:r><w:t>&j;</w:t></w:r></w:p>"
        "</w:body></w:document>"
    )
    for content in (part, f"<w:document {WORD}>" + "<w:sdt>" * 100_000):
        path = tmp_path / "a.docx"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("word/document.xml", content)
        with pytest.raises(QGenError, match="damaged|no prose"):
            read_document(path)


def test_a_file_with_too_many_paragraphs(tmp_path):
    path = tmp_path / "a.docx"
    path.write_bytes(word("<w:p><w:r><w:t>It rained.</w:t></w:r></w:p>" * (MAX_BLOCKS + 1)))
    with pytest.raises(QGenError, match="more than 50,000 paragraphs"):
        read_document(path)


def test_a_reader_is_bounded_in_time_and_memory(tmp_path, monkeypatch):
    path = tmp_path / "a.html"
    path.write_text(f"<p>{FIRST}</p>")
    command = sandbox.subprocess.run

    def slow(arguments, **options):
        script = "import qgen.files.sandbox as s; s.MAX_SECONDS = 1; s._bound()\nwhile True: pass"
        return command([arguments[0], "-c", script], **options)

    monkeypatch.setattr(sandbox.subprocess, "run", slow)
    with pytest.raises(QGenError, match="seconds to read"):
        read_blocks(path, ".html")

    def large(arguments, **options):
        script = "import qgen.files.sandbox as s; s._bound(); bytearray(2 << 30)"
        return command([arguments[0], "-c", script], **options)

    monkeypatch.setattr(sandbox.subprocess, "run", large)
    with pytest.raises(QGenError, match="crashed"):
        read_blocks(path, ".html")


def test_a_packed_file_of_one_endless_line(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(20):
            file.write(b"x" * 1_000_000)
    [row] = read_rows(path)
    assert "longer than" in row.content and len(row.raw) < 2000
    path.write_bytes(gzip.compress(b'{"passage": "Rome."}\n' * 500)[:-20])
    with pytest.raises(QGenError, match="damaged gzip"):
        list(read_rows(path))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.docx", b"no archive", "not a Word document"),
        ("a.docx", word("")[:-30], "not a Word document"),
        ("a.docx", word("<w:p>"), "not a Word document"),
        ("a.odt", b"x", "not an OpenDocument text"),
        ("a.pptx", b"x", "not a presentation"),
        ("a.epub", b"x", "not an EPUB book"),
        ("a.pdf", b"x", "not a PDF"),
        ("a.pdf", b"", "a.pdf is empty"),
        ("a.docx", b"", "a.docx is empty"),
        ("a.ipynb", b"{}", "not a notebook"),
        ("a.mhtml", b"x", "not a saved web page"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old Word document"),
        (
            "a.docx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "is encrypted",
        ),
    ],
)
def test_what_is_no_such_document_is_told_in_a_sentence(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(QGenError, match=message) as caught:
        read_document(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".docx", ".pdf", ".odt", ".epub", ".pptx", ".rtf", ".html"])
def test_content_decides_what_a_document_is(tmp_path, suffix):
    path = tmp_path / "a.txt"
    path.write_bytes(sound(suffix))
    assert [p.text for p in read_document(path)] == TEXTS
    assert [row.content.passage for row in read_rows(path)] == TEXTS


@pytest.mark.parametrize(
    "start", ["Every such file starts with %PDF-1.4.", "WEBVTT is a format.", "PAR1 is a gene."]
)
def test_a_text_about_a_format_is_a_text(tmp_path, start):
    (tmp_path / "a.txt").write_text(f"{start} {FIRST}")
    assert [p.text for p in read_document(tmp_path / "a.txt")] == [f"{start} {FIRST}"]


def test_one_bad_document_costs_one_row_of_its_folder(tmp_path):
    (tmp_path / "a.docx").write_bytes(b"no archive")
    (tmp_path / "b.txt").write_text(FIRST)
    (tmp_path / "c.pdf").write_bytes(b"%PDF-1.4 cut")
    (tmp_path / "d.csv").write_text("passage\nRome.\n")
    (tmp_path / "~$a.docx").write_bytes(b"a lock of Word's")
    told = []
    rows = list(read_rows(tmp_path, tell=told.append))
    assert [row.document for row in rows] == ["a.docx", "b.txt", "c.pdf"]
    assert rows[1].content.passage == FIRST
    assert rows[0].content == "a.docx is not a Word document"
    assert rows[2].content.startswith("c.pdf is not a PDF")
    assert told == [f"{tmp_path}: 1 file is not read: d.csv; a file of rows is read by itself"]


def test_what_a_folder_has_beside_files_is_told(tmp_path, monkeypatch):
    (tmp_path / "a.txt").symlink_to(tmp_path / "gone.txt")
    os.mkfifo(tmp_path / "b.txt")
    (tmp_path / "c").mkdir()
    (tmp_path / "d.txt").write_text(FIRST)
    (tmp_path / "e").symlink_to(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: path.name != "c")
    told = []
    rows = list(read_rows(tmp_path, tell=told.append))
    assert rows[0].content == "cannot read a.txt: No such file or directory"
    assert [row.content.passage for row in rows[1:]] == [FIRST]
    assert told == [f"{tmp_path}: 3 files are not read: b.txt, c, e"]


def test_rows_in_json_nest_as_deep_as_they_like(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('[{"passage": "Rome."}, ' + "[" * 100_000)
    rows = [row.content for row in read_rows(path)]
    assert rows[0].passage == "Rome." and "not valid JSON" in rows[1]
    path.write_text(json.dumps({"a": {"b": {"rows": [{"passage": "Oslo."}]}}}))
    assert [row.content.passage for row in read_rows(path)] == ["Oslo."]
