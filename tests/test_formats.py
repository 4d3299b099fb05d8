"""What each format's reader keeps and leaves out."""

import gzip
import io
import json
import re
import textwrap
import time
import zipfile

import pytest
from documents import (
    MAKERS,
    TEXTS,
    WORD,
    archive,
    epub,
    html,
    make,
    open_document,
    paragraph,
    pdf,
    run,
    set_pdf,
    tex_pdf,
    word,
)

from qgen.files.documents import read_document
from qgen.files.readers import READERS, tex
from qgen.files.readers import markdown as markdown_reader
from qgen.files.readers.blocks import LeftOut
from qgen.files.readers.markdown import markdown_blocks
from qgen.files.readers.marks import KEPT
from qgen.files.readers.pdf import read_pdf
from qgen.files.readers.text import _spoken

FIRST, SECOND = TEXTS
NAMES = '<w:style w:styleId="{}"><w:name w:val="{}"/>{}</w:style>'


def document_of(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_document(path)


def read(tmp_path, name, content):
    document = document_of(tmp_path, name, content)
    return [p.text for p in document], document.summary


@pytest.mark.parametrize("suffix", [suffix for suffix in MAKERS if suffix in READERS])
def test_every_format_is_read(tmp_path, suffix):
    found, _ = read(tmp_path, f"a{suffix}", make(suffix))
    assert " ".join(found) == " ".join(TEXTS)


@pytest.mark.parametrize("suffix", [".docx", ".pptx", ".odt", ".epub", ".pdf"])
def test_gzipped_documents(tmp_path, suffix):
    found, _ = read(tmp_path, f"a{suffix}.gz", gzip.compress(make(suffix)))
    assert " ".join(found) == " ".join(TEXTS)


# --- Word -------------------------------------------------------------------------------------

BEGIN = "The lighthouse at Fennick Point was built in 1871 by "
LINK = f"<w:hyperlink>{run('Agnes Rowbotham')}</w:hyperlink>"
FIELD = (
    '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>HYPERLINK "http://a.b"'
    '</w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r>'
    f'{run("Agnes Rowbotham")}<w:r><w:fldChar w:fldCharType="end"/></w:r>'
)


@pytest.mark.parametrize(
    "inline",
    [
        LINK,
        FIELD,
        f"<w:ins>{run('Agnes Rowbotham')}</w:ins><w:del><w:r><w:delText>Tom</w:delText></w:r>"
        "</w:del>",
        f"<w:moveTo>{run('Agnes Rowbotham')}</w:moveTo><w:moveFrom>{run('Tom')}</w:moveFrom>",
        f"<w:sdt><w:sdtPr/><w:sdtContent>{run('Agnes Rowbotham')}</w:sdtContent></w:sdt>",
        f'<w:smartTag w:element="x">{run("Agnes ")}{run("Rowbotham")}</w:smartTag>',
        f"<w:fldSimple>{run('Agnes Rowbotham')}</w:fldSimple>",
        f"{run('Tom ', '<w:vanish/>')}{run('Agnes Rowbotham')}",
        run("Agnes ", '<w:vanish w:val="off"/>') + run("Rowbotham", '<w:strike w:val="0"/>'),
        f'{run("Agnes Rowbotham")}<w:r><w:footnoteReference w:id="2"/></w:r>',
    ],
)
def test_word_text_of_every_kind_of_run(tmp_path, inline):
    body = paragraph(run(BEGIN), inline, run(", who designed two bridges."))
    assert read(tmp_path, "a.docx", word(body))[0] == [
        f"{BEGIN}Agnes Rowbotham, who designed two bridges."
    ]


@pytest.mark.parametrize("struck", ["<w:strike/>", '<w:dstrike w:val="true"/>'])
def test_words_struck_through(tmp_path, struck):
    symbol = f'<w:r><w:rPr>{struck}</w:rPr><w:sym w:font="Symbol" w:char="F061"/></w:r>'
    body = paragraph(run(BEGIN), run("Tom ", struck), symbol, run("Agnes."))
    assert read(tmp_path, "a.docx", word(body)) == ([f"{BEGIN}Agnes."], "1 deletion")


def field_mark(kind):
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'


@pytest.mark.parametrize(("end", "code"), [(field_mark("end"), ""), ("", "Agnes Rowbotham α")])
def test_fields_in_the_code_of_a_word_field(tmp_path, end, code):
    """Its result, a tab and a symbol in it are of the code; in a result, or where the code has no
    end, they are text."""
    symbol = '<w:r><w:tab/><w:sym w:font="Symbol" w:char="F061"/></w:r>'
    field = f'{field_mark("begin")}<w:r><w:instrText>IF "</w:instrText></w:r>{FIELD}{symbol}'
    shown = f"{field_mark('separate')}{run('Mrs ')}{FIELD}{field_mark('end')}"
    after = paragraph(run(f"{FIRST} We know "), field, end, run(" this."))
    body = paragraph(run(BEGIN), field, shown, run(".")) + after + paragraph(run(SECOND))
    found = [f"{BEGIN}Mrs Agnes Rowbotham.", f"{FIRST} We know {code} this.", SECOND]
    assert read(tmp_path, "a.docx", word(body)) == ([" ".join(p.split()) for p in found], "")


def test_citations_behind_exponents(tmp_path):
    """Their marks are raised as well, which a program for references has put in."""
    mark = run("14", RAISED)
    field = f"{field_mark('begin')}{field_mark('separate')}{mark}{field_mark('end')}"
    for cited in (field, f"<w:fldSimple>{mark}</w:fldSimple>", f"<w:sdt>{mark}</w:sdt>"):
        body = paragraph(run("We saw 30 kg/m"), run("2", RAISED), cited, run(" of it."))
        assert read(tmp_path, "a.docx", word(body))[0] == ["We saw 30 kg/m² of it."]
    styles = "<style name='S'><text-properties text-position='super 58%'/></style>"
    body = "<p>We saw 30 kg/m<span style-name='S'>2</span><reference-mark-start name='Z'/>"
    content = open_document(f"{body}<span style-name='S'>14</span> of it.</p>", styles)
    assert read(tmp_path, "a.odt", content)[0] == ["We saw 30 kg/m² of it."]
    field = r"{\field{\*\fldinst ADDIN}{\fldrslt{\super 14}}}"
    content = r"{\rtf1\ansi We saw 30 kg/m{\super 2}" + field + r" of it.\par}"
    assert read(tmp_path, "a.rtf", content)[0] == ["We saw 30 kg/m² of it."]


@pytest.mark.parametrize("kind", ["paragraph", "character"])
@pytest.mark.parametrize(("mark", "left_out"), [("vanish", ""), ("strike", "1 deletion")])
def test_styles_of_word_that_hide_or_strike_through(tmp_path, kind, mark, left_out):
    styles = (
        f'<w:styles {WORD}><w:style w:styleId="A" w:type="{kind}"><w:rPr><w:{mark}/></w:rPr>'
        f'</w:style><w:style w:styleId="B" w:type="{kind}"><w:basedOn w:val="A"/></w:style>'
        "</w:styles>"
    )
    shown = f'<w:{mark} w:val="0"/>'
    if kind == "paragraph":
        own = '<w:pStyle w:val="B"/>'
        body = paragraph(run("Not this one."), run(FIRST, shown), properties=own)
    else:
        own = '<w:rStyle w:val="B"/>'
        body = paragraph(run("Not this one.", own), run(FIRST, own + shown))
    assert read(tmp_path, "a.docx", word(body, styles=styles)) == ([FIRST], left_out)


def test_word_boxes_controls_and_frames(tmp_path):
    box = (
        '<w:r><mc:AlternateContent xmlns:mc="http://m"><mc:Choice><w:txbxContent>'
        f"{paragraph(run(FIRST))}</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent>"
        f"{paragraph(run(FIRST))}</w:txbxContent></mc:Fallback></mc:AlternateContent></w:r>"
    )
    cell = f"<w:tbl><w:tr><w:tc>{paragraph(run(SECOND))}</w:tc></w:tr></w:tbl>"
    text = paragraph(run("Copper conducts heat better."))
    control = f"<w:sdt><w:sdtContent>{text}</w:sdtContent></w:sdt>"
    table = "".join(
        f"<w:tr>{''.join(f'<w:tc>{paragraph(run(x))}</w:tc>' for x in row)}</w:tr>"
        for row in (("Bridge", "Length"), ("Kestrel", "310"))
    )
    empty = (
        "<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>"
        f"{paragraph(run('Click or tap here to enter the text of this.'))}</w:sdtContent></w:sdt>"
    )
    found, left_out = read(
        tmp_path,
        "a.docx",
        word(
            f"<w:p>{box}</w:p>{cell}{control}{empty}<w:tbl>{table}</w:tbl>",
            header1=f"<w:hdr {WORD}>{paragraph(run('Draft'))}</w:hdr>",
        ),
    )
    assert found == [FIRST, SECOND, "Copper conducts heat better."]
    assert left_out == "1 header, 1 table"


def test_word_headings_by_style_and_references(tmp_path):
    styles = "".join(
        (
            NAMES.format("berschrift1", "heading 1", '<w:pPr><w:outlineLvl w:val="0"/></w:pPr>'),
            NAMES.format("Mine", "Mine", '<w:basedOn w:val="berschrift1"/>'),
            NAMES.format("Mark", "Mark", '<w:rPr><w:vertAlign w:val="superscript"/></w:rPr>'),
        )
    )
    style = '<w:pStyle w:val="{}"/>'.format
    found, left_out = read(
        tmp_path,
        "a.docx",
        word(
            paragraph(run("A heading that ends with a full stop."), properties=style("Mine"))
            + paragraph(run(FIRST), run("12", '<w:rStyle w:val="Mark"/>'))
            + paragraph(run("References"), properties=style("berschrift1"))
            + paragraph(run("Holm, P. 2014. Readmore: A corpus. Journal of Reading 14(2)."))
            + paragraph(run("Appendix"), properties=style("berschrift1"))
            + paragraph(run(SECOND)),
            styles=f"<w:styles {WORD}>{styles}</w:styles>",
        ),
    )
    assert found == [FIRST, SECOND]
    assert left_out == "1 list of references"


CLAUSE = f"2.1 {FIRST}"
HEADED = '<w:pStyle w:val="Heading2"/>'


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("clause", [CLAUSE, f"{CLAUSE[:-1]};", CLAUSE[:-1], f"{CLAUSE[:-1]}?"])
def test_sentences_set_as_headings(tmp_path, clause, level):
    path = tmp_path / "a.html"
    page = html(f"</p><h2>Tolls</h2><h{level}>{clause}</h{level}><p>{SECOND}")
    path.write_text(page)
    found = [(p.text, p.headings) for p in read_document(path)]
    if clause.endswith((".", ";")):
        over = ("Tolls",) * (level > 2)
        assert found == [(clause, over), (SECOND, over)]
    else:  # a title may be long, and so may a question
        assert found == [(SECOND, ("Tolls",) * (level > 2) + (clause,))]


@pytest.mark.parametrize(
    "title",
    [
        "In Which the Keeper Goes to the Town and Lights the Lamp of the Old Bridge Again.",
        "CHAPTER I. TREATING OF THE PLACE WHERE NILS FALK WAS BORN AND OF ITS LAMP.",
        "A Study of the Effects of Long Exposure to Low Levels of Lead in the U.S.",
    ],
)
def test_long_titles_with_a_full_stop(tmp_path, title):
    (tmp_path / "a.html").write_text(html(f"</p><h2>{title}</h2><p>{SECOND}"))
    found = [(p.text, p.headings) for p in read_document(tmp_path / "a.html")]
    assert found == [(SECOND, (title,))]


def test_a_clause_with_many_terms_is_text(tmp_path):
    clause = "The Tenant shall pay the Landlord the Deposit on each Payment Date of this Lease."
    (tmp_path / "a.html").write_text(html(f"</p><h2>{clause}</h2><p>{SECOND}"))
    assert [p.text for p in read_document(tmp_path / "a.html")] == [clause, SECOND]


def test_clauses_of_a_contract_behind_its_references(tmp_path):
    body = (
        paragraph(run("References"), properties=HEADED)
        + paragraph(run("Holm, P. (2014). A corpus of bridges and of their tolls. Ellby: Holm."))
        + paragraph(run(CLAUSE), properties=HEADED)
        + paragraph(run(SECOND))
    )
    assert read(tmp_path, "a.docx", word(body)) == ([CLAUSE, SECOND], "1 list of references")


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("Body", '<w:basedOn w:val="H"/><w:pPr><w:outlineLvl w:val="9"/></w:pPr>'),
        *((name, "") for name in ("Code of Conduct", "Index Card", "Title Text", "TOC-free",
                                  "Header Note", "Macro Economics", "Table of Facts")),
    ],
)  # fmt: skip
def test_styles_of_text_with_the_names_of_others(tmp_path, name, style):
    styles = NAMES.format("H", "heading 1", '<w:pPr><w:outlineLvl w:val="0"/></w:pPr>')
    styles += NAMES.format("Mine", name, style)
    body = paragraph(run(FIRST), properties='<w:pStyle w:val="Mine"/>')
    body += paragraph(run(SECOND), properties='<w:pStyle w:val="H"/><w:outlineLvl w:val="9"/>')
    document = word(body, styles=f"<w:styles {WORD}>{styles}</w:styles>")
    assert read(tmp_path, "a.docx", document) == (TEXTS, "")


RAISED = '<w:vertAlign w:val="superscript"/>'
SHIFTS = {"s": "super", "u": "sub"}


@pytest.mark.parametrize(
    ("before", "raised", "after", "read_as"),
    [
        ("It opened on the 21", "st", " of May 1904.", "It opened on the 21st of May 1904."),
        ("It covers 350 m", "2", " of land.", "It covers 350 m² of land."),
        ("It is 10", "6", " times as faint.", "It is 10⁶ times as faint."),
        ("It was lit in 1854", "3", " by Nils Falk.", "It was lit in 1854 by Nils Falk."),
        ("Nils Falk lit it.", "12", " He grew old.", "Nils Falk lit it. He grew old."),
        ("Nils Falk", "a", " lit it one day.", "Nils Falk lit it one day."),
        ("The keeper lit it", "*", " one day.", "The keeper lit it one day."),
        ("The salt has Na", "+", " ions in it.", "The salt has Na⁺ ions in it."),
        ("We say that a", "2", " + b is c.", "We say that a² + b is c."),
        ("The disc has πr", "2", " in all.", "The disc has πr² in all."),
        ("It is ax", "2", " + bx + c = 0.", "It is ax² + bx + c = 0."),
        ("It falls ½at", "2", " in all.", "It falls ½at² in all."),
        ("We see that (a + b)", "2", " is more.", "We see that (a + b)² is more."),
        ("The sum of sin", "2", " x and more.", "The sum of sin² x and more."),
        ("The sum of cosh", "2", " x and more.", "The sum of cosh² x and more."),
        ("We know that (−3)", "2", " is nine.", "We know that (−3)² is nine."),
        ("We know that (2x)", "3", " is more.", "We know that (2x)³ is more."),
        ("We know that (1/2)", "n", " is less.", "We know that (1/2)ⁿ is less."),
        ("We know that ((x+1)/2)", "2", " is less.", "We know that ((x+1)/2)² is less."),
        (
            "It falls by 10 metres per second",
            "2",
            " or so.",
            "It falls by 10 metres per second² or so.",
        ),
        ("It lasted some 30 seconds", "12", " or so.", "It lasted some 30 seconds or so."),
        ("It was the keeper (2nd)", "2", " who lit it.", "It was the keeper (2nd) who lit it."),
        (
            "It falls at a rate of 5 per day",
            "−1",
            " or so.",
            "It falls at a rate of 5 per day⁻¹ or so.",
        ),
        ("It yields 3 t ha", "-1", " or so.", "It yields 3 t ha⁻¹ or so."),
        ("It grows as e", "x", " or so.", "It grows as e^x or so."),
        ("It grows as 2", "x", " or so.", "It grows as 2^x or so."),
        ("It turns as e", "iπ", " or so.", "It turns as e^(iπ) or so."),
        ("It grows as x", "n + 1", " or so.", "It grows as x^(n+1) or so."),
        ("Nils Falk lit it", "2", " one day.", "Nils Falk lit it one day."),
        ("It was the keeper's", "2", " own lamp.", "It was the keeper's own lamp."),
        ("We read of Falk et al", "2", " there.", "We read of Falk et al there."),
        ("In the 1990s", "2", " it was lit.", "In the 1990s it was lit."),
        ("It was lit (see above)", "2", " one day.", "It was lit (see above) one day."),
        ("It was lit in World War I", "4", " again.", "It was lit in World War I again."),
        ("Falk (1879 – 1955)", "2", " lit it one day.", "Falk (1879 – 1955) lit it one day."),
        ("The keepers (n = 25)", "2", " were old.", "The keepers (n = 25) were old."),
        ("It was dark (p. 5 - 6)", "2", " one day.", "It was dark (p. 5 - 6) one day."),
        ("We use the I", "2", "C bus of it.", "We use the I²C bus of it."),
        ("It covers 350 m", "a", " of land.", "It covers 350 m of land."),
        ("We read of the N", "o", " 5 there.", "We read of the No 5 there."),
        ("It is 10", "6 ", "times as faint.", "It is 10⁶ times as faint."),
        ("Nils Falk lit it", "2 ", "one day.", "Nils Falk lit it one day."),
        ("Nils Falk lit it", "a,b", " one day.", "Nils Falk lit it one day."),
        ("Nils Falk lit it", "(1)(2)", " one day.", "Nils Falk lit it one day."),
    ],
)
def test_raised_text(tmp_path, before, raised, after, read_as):
    body = paragraph(run(before), run(raised, RAISED), run(after))
    assert read(tmp_path, "a.docx", word(body))[0] == [read_as]
    page = html(f"{before}<sup>{raised}</sup>{after}")
    assert read(tmp_path, "a.html", page)[0] == [read_as]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("120 <a>km<s>2</s></a> of land", "120 km² of land"),
        ("the <a>21<s>st</s> century</a>", "the 21st century"),
        ("<a>10<s>6</s></a> birds", "10⁶ birds"),
        ("the <a><s>14</s>C</a> of it", "the ¹⁴C of it"),
        ("the keeper<a><s>12</s></a> of it", "the keeper of it"),
        ("350 m<s><a>2</a></s> of it", "350 m of it"),
        ("10<s>6</s> birds", "10⁶ birds"),
    ],
)
def test_raised_text_in_links(tmp_path, written, read_as):
    page = written.replace("<a>", "<a href='#x'>").replace("s>", "sup>")
    assert read(tmp_path, "a.html", html(f"We have {page}."))[0] == [f"We have {read_as}."]
    office = "http://openoffice.org/2000/office"
    text = written.replace("s>", "span>").replace("<span>", "<span style-name='S'>")
    content = (
        f"<document xmlns='{office}'><style name='S'><text-properties text-position='super 58%'/>"
        f"</style><p>We have {text}.</p></document>"
    )
    assert read(tmp_path, "a.odt", archive({"content.xml": content}))[0] == [f"We have {read_as}."]
    written = f"We have {written}.".replace("<s><a>2</a></s>", "<a><s>2</s></a>")
    runs = [
        run(raised, RAISED) if raised else run(text) if text else tag.replace("a>", "w:hyperlink>")
        for tag, raised, text in re.findall(r"(</?a>)|<s>(\w+)</s>|([^<]+)", written)
    ]
    assert read(tmp_path, "a.docx", word(paragraph(*runs)))[0] == [f"We have {read_as}."]


def test_anchors_and_raised_text_in_raised_text(tmp_path):
    page = html("The keeper<sup><a href='#1'>3</a>,<a href='#2'>4</a></sup> lit it.")
    assert read(tmp_path, "a.html", page)[0] == ["The keeper lit it."]
    page = html('We have <a name="top">350 m<sup>2</sup> and 10<sup>6</sup> birds.')
    assert read(tmp_path, "a.html", page)[0] == ["We have 350 m² and 10⁶ birds."]
    page = html("It falls as e<sup>−x<sup>2</sup>/2</sup> does.")
    assert read(tmp_path, "a.html", page)[0] == ["It falls as e^(−x²/2) does."]
    content = "We have [120 km^2^](http://a.b) of land here.\n"
    assert read(tmp_path, "a.md", content)[0] == ["We have 120 km² of land here."]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("x<u>n+1</u>", "x_(n+1)"),
        ("x<u>n</u><u>+1</u>", "x_(n+1)"),
        ("x<u>i,j</u>", "x_(i,j)"),
        ("log<u>(n+1)</u>", "log_(n+1)"),
        ("x<u>n</u><s>2</s>", "xn²"),
        ("SO<u>4</u><s>2−</s>", "SO4²⁻"),
        ("v<u>max</u> and PM<u>2.5</u>", "vmax and PM2.5"),
        ("CO<u>2,</u> H<u>2</u>O<u>(l)</u>", "CO2, H2O(l)"),
        ("x <u>n+1</u>", "x n+1"),
        ("x<s>(n+1)</s>", "x^(n+1)"),
        ("x<u>n+1 </u>here", "x_(n+1) here"),
        ("e<s>x</s><s>+1</s>", "e^(x+1)"),
        ("(x<u>1</u> + x<u>2</u> + x<u>3</u> + x<u>4</u>)<s>2</s>", "(x1 + x2 + x3 + x4)²"),
    ],
)
def test_lowered_text(tmp_path, written, read_as):
    """In runs and spans, of which two may be one index, and in the elements of a page."""
    written, found = f"We have {written} here.", [f"We have {read_as} here."]
    runs = [
        run(shifted or text, shifted and f'<w:vertAlign w:val="{SHIFTS[tag]}script"/>')
        for tag, shifted, text in re.findall(r"<([us])>(.*?)</\1>|([^<>]+)", written)
    ]
    assert read(tmp_path, "a.docx", word(paragraph(*runs)))[0] == found
    styles = "".join(
        f"<style name='{tag}'><text-properties text-position='{shift} 58%'/></style>"
        for tag, shift in SHIFTS.items()
    )
    spans = re.sub(r"<(\w)>(.*?)</\1>", r"<span style-name='\1'>\2</span>", written)
    assert read(tmp_path, "a.odt", open_document(f"<p>{spans}</p>", styles))[0] == found
    page = re.sub(r"</(\w)><\1>", "", written).replace("u>", "sub>").replace("s>", "sup>")
    assert read(tmp_path, "a.html", html(page))[0] == found


def test_an_index_in_an_exponent_and_an_exponent_in_an_index(tmp_path):
    page = html(
        "What we have is x<sup>a<sub>n+1</sub></sup> and y<sub>n<sup>2</sup></sub> for all."
    )
    assert read(tmp_path, "a.html", page)[0] == ["What we have is x^(a_(n+1)) and y_(n²) for all."]


MATH = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


@pytest.mark.parametrize(
    ("inline", "found", "left_out"),
    [
        ("<m:f><m:num>{3}</m:num><m:den>{4}</m:den></m:f>", "3/4", ""),
        ("{10}<m:sSup><m:e/><m:sup>{6}</m:sup></m:sSup>", "10⁶", ""),
        ("<m:sSup><m:e>{e}</m:e><m:sup>{x+1}</m:sup></m:sSup>", "e^(x+1)", ""),
        ("<m:sSup><m:e>{x}</m:e><m:sup>{2}</m:sup></m:sSup>{y}", "x²y", ""),
        ("<m:sSup><m:e>{90}</m:e><m:sup>{∘}</m:sup></m:sSup>", "90°", ""),
        ("<m:sSub><m:e>{x}</m:e><m:sub>{n+1}</m:sub></m:sSub>", "x_(n+1)", ""),
        ("<m:sSub><m:e>{v}</m:e><m:sub>{0 }</m:sub></m:sSub>", "v0", ""),
        ("<m:sSub><m:e>{T}</m:e><m:sub>{hot side}</m:sub></m:sSub>", "T_(hot side)", ""),
        ("<m:sSup><m:e>{x}</m:e><m:sup/></m:sSup>", "x", ""),
        ("<m:f><m:num>{a+b}</m:num><m:den>{2}</m:den></m:f>", "…", "1 formula"),
        ("<m:rad><m:e>{2}</m:e></m:rad>", "…", "1 formula"),
        ("{v = 5 m/s}", "v = 5 m/s", ""),
    ],
)
def test_word_formulas(tmp_path, inline, found, left_out):
    formula = re.sub(r"\{(.*?)\}", r"<m:r><m:t>\1</m:t></m:r>", inline)
    body = paragraph(run("It is "), f"<m:oMath {MATH}>{formula}</m:oMath>", run(" of all."))
    assert read(tmp_path, "a.docx", word(body)) == ([f"It is {found} of all."], left_out)


def test_formulas_of_old_editors_and_large_initials_in_word(tmp_path):
    formula = (
        '<w:r><w:object><v:shape xmlns:v="v"><v:imagedata/></v:shape>'
        '<o:OLEObject xmlns:o="o" ProgID="Equation.DSMT4"/></w:object></w:r>'
    )
    initial = paragraph(run(FIRST[0]), properties='<w:framePr w:dropCap="drop" w:lines="3"/>')
    code = r"<w:r><w:instrText> EQ \f(1,2) </w:instrText></w:r>"
    field = field_mark("begin") + code + field_mark("end")
    body = (
        paragraph(run("It is "), formula, run(" of "), field, run("all."))
        + initial
        + paragraph(run(FIRST[1:]))
    )
    assert read(tmp_path, "a.docx", word(body)) == (["It is … of …all.", FIRST], "2 formulas")


@pytest.mark.parametrize(
    ("font", "code", "found", "left_out"),
    [
        ("Symbol", "F061", "α", ""),
        ("Symbol", "00B0", "°", ""),
        ("Wingdings", "F04A", "…", "1 symbol"),
        ("Symbol", "x", "…", "1 symbol"),
    ],
)
def test_word_symbols(tmp_path, font, code, found, left_out):
    symbol = f'<w:r><w:sym w:font="{font}" w:char="{code}"/></w:r>'
    body = paragraph(run("The angle "), symbol, run(" is small."))
    assert read(tmp_path, "a.docx", word(body)) == ([f"The angle {found} is small."], left_out)


def test_word_text_in_the_font_symbol_and_charts(tmp_path):
    font = '<w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/>'
    chart = '<w:r><w:drawing><c:chart xmlns:c="c"/></w:drawing></w:r>'
    text = run("\xa0\uf061 ~ 2b\xb0\xa0", font)
    body = paragraph(run("The angle"), text, run("is small."), chart)
    found = ["The angle α ∼ 2β° is small."]
    assert read(tmp_path, "a.docx", word(body)) == (found, "1 chart")


_SIGNS = {
    "a.docx": word(
        paragraph(
            run("§", '<w:rFonts w:ascii="Wingdings"/>'),
            run(" It is "),
            run("a\xb3\uf062", '<w:rFonts w:ascii="Symbol"/>'),
            run(" of all that was built here."),
        )
    ),
    "a.html": html(
        "<span style='font-family:Wingdings'>§<span style='font-family:Arial'> </span></span>"
        "It is <font face='Symbol'>a\xb3\uf062</font> of all that was built here."
    ),
    "a.odt": open_document(
        "<p><span style-name='W'>§</span> It is <span style-name='S'>a\xb3\uf062</span>"
        " of all that was built here.</p>",
        "<automatic-styles><style name='S'><text-properties font-name='Symbol1'/></style><style "
        "name='W'><text-properties font-name='Wingdings'/></style></automatic-styles>",
    ),
    "a.rtf": (
        r"{\rtf1\ansi{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset2\fprq2{\*\panose 05}Symbol"
        r"{\*\falt Sy};}{\f2 Wingdings;}}{\f2 \'a7} It is {\f1 a\'b3\u-3998 ?} of all that was "
        r"built here.}"
    ),
}


@pytest.mark.parametrize("name", _SIGNS)
def test_text_in_fonts_of_signs(tmp_path, name):
    assert read(tmp_path, name, _SIGNS[name]) == (["It is α≥β of all that was built here."], "")


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        (r"\f1\uc2\u-3999 ??a\f0 a", "ααa"),
        (r"{\f1\u945\'3f\'61}a", "ααa"),
        (r"{\f1\uc0\u-3999 a{\f0 a}\~a\plain a}", "ααa αa"),
    ],
)
def test_symbols_of_rich_text_in_unicode(tmp_path, inside, found):
    content = rf"{{\rtf1{{\fonttbl\f0 Arial;\f1\fcharset2 Symbol;}}It is {inside} in all of it.}}"
    assert read(tmp_path, "a.rtf", content)[0] == [f"It is {found} in all of it."]


def test_two_line_breaks_are_a_new_paragraph(tmp_path):
    office = "http://openoffice.org/2000/office"
    content = (
        f"<document xmlns='{office}'><p>{FIRST}<line-break/><line-break/>{SECOND}</p></document>"
    )
    assert read(tmp_path, "a.odt", archive({"content.xml": content}))[0] == TEXTS
    body = paragraph(run(FIRST), "<w:r><w:br/> <w:br/></w:r>", run(SECOND))
    assert read(tmp_path, "a.docx", word(body))[0] == TEXTS
    page = f"<p>{FIRST}</p><blockquote>{SECOND}<br><br>{FIRST}</blockquote>"
    assert read(tmp_path, "a.html", page)[0] == [*TEXTS, FIRST]


def test_word_deleted_marks_and_captions(tmp_path):
    mark = '<w:rPr><w:del w:id="1"/></w:rPr>'
    body = (
        paragraph(run("The bridge was opened to the traffic "), properties=mark)
        + paragraph(run("of the city "), properties=mark)
        + paragraph(run("in May 1937."))
        + paragraph(run("Figure 1. The bridge."), properties='<w:pStyle w:val="Caption"/>')
        + paragraph(
            run("It is red. "),
            "<w:del><w:r><w:delText>No.</w:delText></w:r></w:del>",
            properties=mark,
        )
    )
    found, left_out = read(tmp_path, "a.docx", word(body))
    assert found == ["The bridge was opened to the traffic of the city in May 1937.", "It is red."]
    assert left_out == "1 caption, 1 deletion"
    styled = '<w:pStyle w:val="{}"/>'.format
    table = f"<w:tbl><w:tr><w:tc>{paragraph(run(SECOND))}</w:tc></w:tr></w:tbl>"
    body = paragraph(run(FIRST), properties=mark) + table
    body += "".join(paragraph(run(n), properties=styled(n)) for n in ("TOC 1", "Footer", "Caption"))
    assert read(tmp_path, "a.docx", word(body)) == (TEXTS, "1 caption")


ITEM = "Land in Marland became ten times as dear"
NUMBERS = '<w:numPr><w:numId w:val="1"/></w:numPr>'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", f"{FIRST}\n\n- {ITEM}\n- {ITEM}\n\n{SECOND}\n"),
        ("a.md", f"{FIRST}\n\n1. {ITEM}\n2. {ITEM}\n\n{SECOND}\n"),
        ("a.html", html(f"{FIRST}</p><ul><li>{ITEM}</li><li><p>{ITEM}</p></li></ul><p>{SECOND}")),
        ("a.docx", word(paragraph(run(FIRST)) + 2 * paragraph(run(ITEM), properties=NUMBERS)
                        + paragraph(run(SECOND)))),
        ("a.docx", word(paragraph(run(FIRST))
                        + 2 * paragraph(run(ITEM), properties='<w:pStyle w:val="ListBullet"/>')
                        + paragraph(run(SECOND)))),
        ("a.tex", f"{FIRST}\\begin{{itemize}}\\item {ITEM}\\item {ITEM}\\end{{itemize}}{SECOND}"),
        ("a.pdf", pdf([[FIRST, f"\xb7 {ITEM}", f"\xb7 {ITEM}"], [SECOND]])),
    ],
)  # fmt: skip
def test_items_of_lists_are_no_headings(tmp_path, name, content):
    document = document_of(tmp_path, name, content)
    assert [(p.text, p.headings) for p in document] == [(FIRST, ()), (SECOND, ())]
    assert document.summary == "2 list items"


LONG = "The keeper of the bridge took the toll in the morning and counted it at night"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", f"1. {LONG}\n2. {ITEM}\n3. {LONG}\n\n{SECOND}\n"),
        ("a.md", f"- {LONG}\n- {ITEM}\n- {LONG}\n\n{SECOND}\n"),
        ("a.html", html(f"</p><ul><li>{LONG}</li><li>{ITEM}</li><li>{LONG}</li></ul><p>{SECOND}")),
        ("a.docx", word("".join(paragraph(run(text), properties=NUMBERS)
                                for text in (LONG, ITEM, LONG)) + paragraph(run(SECOND)))),
    ],
)  # fmt: skip
def test_a_short_item_between_long_ones_is_no_heading(tmp_path, name, content):
    document = document_of(tmp_path, name, content)
    assert [(p.text, p.headings) for p in document] == [(x, ()) for x in (LONG, LONG, SECOND)]
    assert document.summary == "1 list item"


BOLD = "<ol><li><p><b>{}</b></p></li></ol>".format


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.html", html(f"</p>{BOLD('Bridges')}<p>{FIRST}</p>{BOLD('References')}<p>{SECOND}")),
        ("a.docx", word("".join(
            paragraph(run(text), properties=NUMBERS if len(text) < 20 else "")
            for text in ("Bridges", FIRST, "References", SECOND)
        ))),
        ("a.docx", word("".join(
            paragraph(run(text), properties='<w:pStyle w:val="ListParagraph"/>')
            for text in ("Bridges", FIRST, "References", SECOND)
        ))),
    ],
)  # fmt: skip
def test_headings_with_the_numbers_of_a_list(tmp_path, name, content):
    document = document_of(tmp_path, name, content)
    assert [(p.text, p.headings) for p in document] == [(FIRST, ("Bridges",))]
    assert document.summary == "1 list of references"


def test_a_list_in_the_references_and_between_scenes(tmp_path):
    content = f"{FIRST}\n\n* * *\n\n{SECOND}\n\n- {ITEM}\n\nReferences\n\n- {ITEM}\n"
    assert read(tmp_path, "a.txt", content) == (TEXTS, "1 list item, 1 list of references")


def test_titles_of_slides_in_boxes(tmp_path):
    pptx = pytest.importorskip("pptx")
    deck = pptx.Presentation()
    for title, text in (("Bridges", FIRST), ("References", SECOND)):
        slide = deck.slides.add_slide(deck.slide_layouts[6])
        for part in (title, text):
            slide.shapes.add_textbox(0, 0, 99, 99).text_frame.text = part
    deck.save(tmp_path / "a.pptx")
    document = read_document(tmp_path / "a.pptx")
    assert [(p.text, p.headings) for p in document] == [(FIRST, ("Bridges",))]


# --- Pages ------------------------------------------------------------------------------------


def test_html_layout_tables_code_and_hidden_text(tmp_path):
    page = (
        f"<table><tr><td>Home<br>News</td><td>{FIRST}<br><br>{SECOND}</td></tr></table>"
        "<table><tr><th>Bridge</th><th>Length</th></tr><tr><td>Kestrel</td><td>310</td></tr></table>"
        "<pre>for (i = 0; i &lt; n; i++) { a[i] = 0; }</pre>"
        "<pre>Copper conducts heat better than iron\ndoes, so good pans have copper bases.</pre>"
        '<p style="display: none">Nobody sees this sentence on the page.</p>'
        '<div role="navigation">This is no part of the text at all.</div>'
    )
    found, left_out = read(tmp_path, "a.html", page)
    assert found == [
        FIRST,
        SECOND,
        "Copper conducts heat better than iron does, so good pans have copper bases.",
    ]
    assert left_out == "1 block of code, 1 table"


@pytest.mark.parametrize("which", ["mso-bidi-", "mso-fareast-"])
def test_fonts_of_signs_for_other_scripts(tmp_path, which):
    page = html(f'<span style="{which}font-family: Symbol">{FIRST}</span>')
    assert read(tmp_path, "a.html", page)[0] == [FIRST]


def test_what_the_style_of_a_page_makes_invisible(tmp_path):
    page = html(
        'We see <span style="visibility: hidden">never </span>ten '
        '<span style="visibility:collapse">blue </span>birds.'
    )
    assert read(tmp_path, "a.html", page)[0] == ["We see ten birds."]


@pytest.mark.parametrize(
    "mark",
    [
        '<span class="pagenum"><a id="Page_12">[Pg 12]</a></span>',
        '<span class="pageno" title="12">12</span>',
        '<span class="linenum">10</span>',
        '<span class="x page-number">{12}</span>',
    ],
)
def test_numbers_of_pages_and_lines_within_a_text(tmp_path, mark):
    page = html(f"The Kestrel {mark}{FIRST[12:]}")
    assert read(tmp_path, "a.epub", epub(page))[0] == [FIRST]


@pytest.mark.parametrize(
    ("head", "encoding", "text"),
    [
        ("<meta charset=iso-8859-2>", "cp1250", "“Dvořák’s house”"),
        ("<meta charset=iso-8859-15>", "cp1252", "“Zoë’s house”"),
        ("<?xml version='1.0' encoding='iso-8859-15'?>", "iso-8859-15", "A house of 9 €"),
    ],
)
def test_encodings_that_pages_name(tmp_path, head, encoding, text):
    page = f"{head}<html><body><p>{text} is open to all who come.</p></body></html>"
    found, _ = read(tmp_path, "a.html", page.encode(encoding))
    assert found == [f"{text} is open to all who come."]


def test_a_page_without_an_end_of_its_head_and_with_the_class_of_a_part(tmp_path):
    page = f'<head><title>Not this.</title><body class="single sidebar comments"><p>{FIRST}</p>'
    assert read(tmp_path, "a.html", page)[0] == [FIRST]
    assert read(tmp_path, "b.html", f"<head><title>No.</title><div><p>{FIRST}</p>")[0] == [FIRST]


@pytest.mark.parametrize(
    ("page", "left_out"),
    [
        (f'<form id="aspnetForm"><p>{FIRST}</p><p>{SECOND}</p></form>', ""),
        (f'<div class="cookies"><p>{FIRST}</p></div><div class="cookie-banner">We use them.</div>'
         f"<p>{SECOND}</p>", ""),
        (f'<p>The <i epub:type="index-term">Kestrel</i> {FIRST[12:]}</p>'
         f'<p>{SECOND}</p><div epub:type="bodymatter index">Bridges are on page 3.</div>', ""),
    ],
)  # fmt: skip
def test_what_is_no_furniture_of_a_page(tmp_path, page, left_out):
    assert read(tmp_path, "a.epub", epub(f"<html><body>{page}</body></html>")) == (TEXTS, left_out)
    assert read(tmp_path, "a.html", f"<html><body>{page}</body></html>")[0] == TEXTS


def test_forms_that_ask_something(tmp_path):
    form = "<form><p>Please enter your name and say what you think of the bridge.</p></form>"
    page = f"<html><body>{form}<p>{FIRST}</p>{form}<p>{SECOND}</p></body></html>"
    assert read(tmp_path, "a.epub", epub(page))[0] == TEXTS
    page = page.replace(f"<p>{SECOND}</p>", f"<form><h2>Domes</h2><p>{SECOND}</p></form>")
    assert read(tmp_path, "a.epub", epub(page))[0] == TEXTS


@pytest.mark.parametrize(
    ("inline", "found", "left_out"),
    [
        ("<del>Tom</del> <s>or</s> <strike>Bob</strike> Agnes", "Agnes", "3 deletions"),
        ('<span style="text-decoration: line-through">Tom</span> Agnes', "Agnes", "1 deletion"),
        ("<label>or</label> <button>Buy</button> <select><option>A</select> Agnes", "Agnes", ""),
        ("<ruby>Agnes<rt>ag-nes</rt></ruby>", "Agnes", ""),
        ("<q>Agnes</q>", "“Agnes”", ""),
    ],
)
def test_inline_elements_do_not_cut_a_sentence(tmp_path, inline, found, left_out):
    page = f"<html><body><p>{BEGIN}{inline}, who is dead.</p></body></html>"
    assert read(tmp_path, "a.epub", epub(page)) == ([f"{BEGIN}{found}, who is dead."], left_out)


def test_furniture_between_paragraphs_divides_them(tmp_path):
    page = (
        f"<html><body>{BEGIN}Agnes<nav>Home</nav>{FIRST}<aside>More</aside>{SECOND}</body></html>"
    )
    assert read(tmp_path, "a.epub", epub(page))[0] == [*TEXTS]
    page = f"<html><body>{FIRST}<iframe src='x'></iframe>{SECOND}</body></html>"
    assert read(tmp_path, "a.epub", epub(page))[0] == TEXTS


def test_line_breaks_of_preformatted_prose(tmp_path):
    page = html(f"</p><pre>The keeper wrote:<br>{FIRST}</pre><p>")
    assert read(tmp_path, "a.html", page)[0] == [f"The keeper wrote: {FIRST}"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_rule_at_the_beginning_is_no_front_matter(tmp_path, end):
    matter = "---\n\n# x\ndate of the last change: x\n\ntags:\n- a\n  b: c\n---\n"
    for begin in ("---\n\n", "---\n", "---\ndate created: x\n---\n", matter):
        content = f"{begin}{FIRST}\n\n---\n\n{SECOND}\n".replace("\n", end)
        assert read(tmp_path, "a.md", content)[0] == TEXTS


def test_markdown_dialects(tmp_path):
    content = (
        "# Cells {#cells .big}\n\nThe mitochondrion{: .term} makes [energy](x){.smallcaps} for the "
        f"cell.[^1]\n{{: #id}}\n\n{{:toc}}\n\n::: note\n{FIRST}\n:::\n\n{{% include x %}}\n\n"
        "[^1]: See the report\n    of 1998 on this.\n\n## Works cited\n\nHolm, P. A corpus. 2014.\n"
    )
    found, left_out = read(tmp_path, "a.md", content)
    assert found == ["The mitochondrion makes energy for the cell.", FIRST]
    assert left_out == "1 list of references, 1 note"


def test_a_book_is_read_in_the_order_of_its_spine(tmp_path):
    note = '<aside epub:type="footnote"><p>The road was closed in 1950.</p></aside>'
    content = epub(html(FIRST), html(SECOND) + note)
    assert read(tmp_path, "a.epub", content)[0] == TEXTS


def test_boxes_beside_the_text_of_a_book_are_read_and_notes_counted(tmp_path):
    boxes = (
        f"<aside><h2>Box</h2>{SECOND}</aside><aside epub:type='footnote'>A note.</aside>"
        "<section role='doc-endnotes'><p>Another note on the bridge of the town.</p></section>"
        "<aside role='doc-endnote'>A third.</aside><aside epub:type='annotation'>Mine.</aside>"
        f"<aside epub:type='note'>A fourth.</aside><aside epub:type='pullquote'>{FIRST}</aside>"
    )
    assert read(tmp_path, "a.epub", epub(html(FIRST + boxes))) == (TEXTS, "4 notes")


def test_chapters_outside_the_order_of_a_book_are_counted(tmp_path):
    content = epub(html(FIRST), html(SECOND), html())
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    for name in (b"c1", b"c2"):  # the last has no text, as a cover has none
        linear = b'idref="%b" linear="no"' % name
        parts["OPS/a.opf"] = parts["OPS/a.opf"].replace(b'idref="%b"' % name, linear)
    found = ([FIRST], "1 chapter outside the reading order")
    assert read(tmp_path, "a.epub", archive(parts)) == found


def test_chapters_that_a_book_lacks_are_told(tmp_path):
    with zipfile.ZipFile(io.BytesIO(epub(*map(html, TEXTS)))) as book:
        parts = {name: book.read(name) for name in book.namelist() if not name.endswith("c0.xhtml")}
    parts["OPS/a.opf"] = parts["OPS/a.opf"].replace(b"</spine>", b'<itemref idref="x"/></spine>')
    assert read(tmp_path, "a.epub", archive(parts)) == ([SECOND], "2 missing chapters")


def test_captions(tmp_path):
    content = (
        "WEBVTT\nKind: captions\n\nNOTE made by hand\n\nSTYLE\n::cue { color: red }\n\n"
        "first\n00:01.000 --> 00:04.000 align:start\n<v Tom>The Vasa was a Swedish warship\n"
        "that was built between 1626\n\n"
        "00:04.000 --> 00:06.000\n<c>that was built between 1626</c>\nand 1628. [MUSIC]\n\n"
        "00:20.000 --> 00:22.000\nIt sank &amp; was raised in 1961.\n"
    )
    found, left_out = read(tmp_path, "a.vtt", content)
    assert found == [
        "The Vasa was a Swedish warship that was built between 1626 and 1628.",
        "It sank & was raised in 1961.",
    ]
    assert left_out == "1 sound"


def test_sounds_over_two_lines_of_captions(tmp_path):
    sounds = (
        "[TENSE MUSIC\nPLAYING]|(DOOR\nCREAKS)|(Laughter)|- (a door\nopens)"
        "|♪ Over the river\nto the town ♪|♪ Over\n♪ The river"
    )
    said = ["The Vasa was a", "Swedish warship", "(not a Danish", "one) that", "(so it is told.)"]
    said.append("was raised then.")
    cues = [
        f"{n}\n00:00:0{n},000 --> 00:00:0{n + 1},000\n{sound}\n{words}\n"
        for n, (sound, words) in enumerate(zip(sounds.split("|"), said, strict=True), 1)
    ]
    assert read(tmp_path, "a.srt", "\n".join(cues)) == ([" ".join(said)], "7 sounds")


@pytest.mark.parametrize(
    ("cues", "found"),
    [
        (["The bridge", "The bridge at Dorne", "The bridge at Dorne\nwas red,",
          "was red, and it", "was red, and it was old."],
         ["The bridge at Dorne was red, and it was old."]),
        (["The bridge was opened...", "...by Queen Maud…", "… in 1897. And then..."],
         ["The bridge was opened by Queen Maud in 1897. And then..."]),
        (["- Was it", "- Was it old?", "- It was old."], ["Was it old?", "It was old."]),
        (["It is said (LAUGHTER) that the office (OED)", "has vitamin (C), (SIGHS) yes.",
          "(DOOR OPENS) No."],
         ["It is said that the office (OED) has vitamin (C), yes. No."]),
    ],
)  # fmt: skip
def test_captions_whose_lines_grow_or_go_on(tmp_path, cues, found):
    content = "\n".join(
        f"{n}\n00:00:{n:02},000 --> 00:00:{n + 1:02},000\n{cue}\n" for n, cue in enumerate(cues, 1)
    )
    assert read(tmp_path, "a.srt", content)[0] == found


def test_captions_whose_times_are_whole_seconds(tmp_path):
    cues = f"1\n00:01 --> 00:04\n{FIRST}\n\n2\n0:00:09 --> 0:00:12\n{SECOND}\n"
    assert read(tmp_path, "a.srt", cues)[0] == TEXTS


def test_marks_that_are_no_tags_of_captions(tmp_path):
    cue = "1\n00:00:01,000 --> 00:00:04,000\n<i>If the load</i> a < b and c > d, it <b>stands.\n"
    assert read(tmp_path, "a.srt", cue)[0] == ["If the load a < b and c > d, it stands."]


def test_latex(tmp_path):
    content = (
        "\\documentclass{article}\n\\title{No}\n\\begin{document}\n\\maketitle\n"
        "\\section{Bridges}\n"
        'The \\emph{Kestrel} Bridge~\\cite{doyle} in D\\"orne was opened by Queen Maud.\\footnote{'
        "Or not.} % a comment\n\n"
        "\\begin{table}\\begin{tabular}{ll}a & b\\end{tabular}\\end{table}\n"
        "\\begin{verbatim}\nx = 1\n\\end{verbatim}\n"
        "\\begin{itemize}\n\\item It cost 90,000 pounds to build.\n\\end{itemize}\n"
        "\\begin{thebibliography}{9}\\bibitem{a} Doyle. A book.\\end{thebibliography}\n"
        "\\end{document}"
    )
    found, left_out = read(tmp_path, "a.tex", content)
    assert found[0] == "The Kestrel Bridge in Dörne was opened by Queen Maud."
    assert "It cost 90,000 pounds to build." in found[1]
    assert len(found) == 2
    assert "1 note" in left_out and "1 table" in left_out


@pytest.mark.parametrize(
    ("source", "found", "left_out"),
    [
        (r"\texttt{oak}, \textsf{ash}, \mbox{elm} and \verb|fir_1|", "oak, ash, elm and fir_1", ""),
        (r"\LaTeX{} for \pounds 5 in \makebox[2cm]{May}", "LaTeX for £5 in May", ""),
        (r"\st{old} $\tr A$, $\argmax_x f$ of", "tr A, arg max_x f of", "1 deletion"),
        (r"\bridge{} of \of{Ann}{oak} in \town, and",
         "Kestrel Bridge of Ann for oak in Dorne, and", ""),
        (r"towers \SI{227}{\metre} high, at \SIrange{5}{9}{\kilo\metre\per\hour}",
         "towers 227 metre high, at 5 to 9 kilometre per hour", ""),
        (r"\foreignlanguage{german}{Brücke} of \colorbox{red}{oak}", "Brücke of oak", ""),
        (r"one of \textcite{a} and \ref{b}~\autocite[2]{c}\cites{a}{b}", "one of … and …", ""),
        (r"\unheard{} of \input{more}", "… of", "1 included file, 1 unknown macro"),
        (r"oak\footnote{Or ash.} of", "oak of", "1 note"),
        (r"work of \queen, \queen and \queen{} of", "work of Maud, Maud and Maud of", ""),
        (r"\who{Doyle} and \who[Ann]{Holm} of", "Otto Doyle and Ann Holm of", ""),
        (r"tax of \SI{5}{\%} of \SI{3}{m\,s}", "tax of 5 % of 3 m s", ""),
        (r"ratio \begin{equation}a = b\end{equation} of", "ratio … of", "1 formula"),
        (r"ratio \[a = b\] or $$a = b$$ of", "ratio … or … of", "2 formulas"),
    ],
)  # fmt: skip
def test_macros_of_latex(tmp_path, source, found, left_out):
    content = (
        "\\newcommand{\\bridge}{Kestrel \\kind}\n\\def\\kind{Bridge}\n\\newcommand*\\town{Dorne}\n"
        "\\DeclareMathOperator{\\tr}{tr}\\DeclareMathOperator*\\argmax{arg\\,max}\n"
        "\\newcommand{\\of}[2]{\\emph{#1} for #2}\n\\newcommand{\\again}{\\again\\again}\n"
        "\\newcommand{\\queen}{Maud\\xspace}\n\\newcommand{\\who}[2][Otto]{#1 #2}\n"
        "\\renewcommand{\\footnote}[1]{\\emph{#1}}\n"
        f"\\begin{{document}}\nThe {source} it was opened by Queen Maud.\\again\n"
        "\\end{document}\n"
    )
    assert read(tmp_path, "a.tex", content) == (
        [f"The {found} it was opened by Queen Maud."],
        left_out,
    )


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (r"The tower\index{tower} at Dorne\index[places]{Dorne!tower} was old.",
         "The tower at Dorne was old."),
        (r"\pagestyle{fancy}\markboth{Left}{Right}\fontsize{12}{14}\selectfont It was old.",
         "It was old."),
        (r"\addcontentsline{toc}{section}{Dorne}\pagenumbering{roman}It was old.", "It was old."),
        ("See \\url{http://a.b/c%20d_e} or \\href{http://a.b/c%20d}{the page} % not this\n"
         "of the town.", "See http://a.b/c%20d_e or the page of the town."),
        (r"Water boils at $100^\circ$C or $212^{\circ}$F, at 9\ensuremath{^\circ}C or 9\degree C.",
         "Water boils at 100°C or 212°F, at 9°C or 9°C."),
        (r"Some $3 \times 10^{6}$ people and $10^{-3}$ of them saw $\sigma_{xy}^2$.",
         "Some 3 × 10⁶ people and 10⁻³ of them saw σ_xy²."),
        (r"We see $e^{-x^2/2}$ and $(x+y)^k$ in the $21^{\mathrm{st}}$ century.",
         "We see e^(-x²/2) and (x+y)^k in the 21st century."),
        (r"We see $x^\frac{1}{2}$, $x^\frac12$, $A^\mathrm{T}$ and $x\^2$ in the town.",
         "We see x^(1/2), x^(1/2), A^T and x2̂ in the town."),
        (r"It is \ang{3;5} of \numrange{3}{4} \textless{} 5, \sout{old}\phantom{x}red, in town.",
         "It is 3°5′ of 3 to 4 < 5, red, in town."),
        (r"The \begin{math}x\end{math} of $\unheard{x}$ is in the town.",
         "The … of … is in the town."),
        ("Energy \\(E = mc^2\\), $a\\\nb$, $a\\/b$ and $x\\text{ for \\(n\\)}$ are known.",
         "Energy E = mc², a b, ab and x for n are known."),
        (r"It is \SI{9.8}{m/s^2} or $v = \qty[x=y]{3}{\kilo\metre\per\second}$.",
         "It is 9.8 m/s² or v = 3 kilometre per second."),
        (r"Rosa Lund$^{1,2}$ and Nils Falk$^\dagger$ saw $^{14}$C there.",
         "Rosa Lund and Nils Falk saw ¹⁴C there."),
    ],
)  # fmt: skip
def test_latex_arguments_addresses_and_exponents(tmp_path, source, found):
    assert read(tmp_path, "a.tex", f"{source}\n\n{FIRST}\n")[0] == [found, FIRST]


@pytest.mark.parametrize(
    "source",
    [
        r"\begin{minipage}[t]{0.5\textwidth}%s\end{minipage}%s",
        r"\begin{multicols}{2}%s\end{multicols}\paragraph{Dorne} %s",
        r"\begin{quote}%s\end{quote}%s",
        r"\begin{frame}[t]{Bridges}%s\end{frame}%s",
        r"\begin{itemize}\item %s\item[b] Short\end{itemize}%s",
        r"\begin{unheard}{Bridges}%s\end{unheard}%s",
    ],
)
def test_environments_of_latex(tmp_path, source):
    assert read(tmp_path, "a.tex", source % (FIRST, SECOND))[0] == TEXTS


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (r"\begin{theorem}{\bf Every} bridge in the town of Dorne is long.\end{theorem}",
         ["Every bridge in the town of Dorne is long."]),
        (r"\begin{theorem}{Every} bridge in the town of Dorne is long.\end{theorem}",
         ["Every bridge in the town of Dorne is long."]),
        (r"The poet wrote \begin{verse}Roses \\ are red.\end{verse} and that"
         r"\begin{quote}\emph{Dorne} is a town\end{quote} before he died.",
         ["The poet wrote Roses are red. and that Dorne is a town before he died."]),
    ],
)  # fmt: skip
def test_latex_within_a_sentence(tmp_path, source, found):
    (tmp_path / "a.tex").write_text(f"{source}\n\n{FIRST}\n")
    document = read_document(tmp_path / "a.tex")
    assert [(p.text, p.headings) for p in document] == [(text, ()) for text in [*found, FIRST]]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (r"The mayor said \enquote{it is \emph{old}} and \textcquote[p.~3]{x}{long} of the bridge.",
         "The mayor said “it is old” and “long” of the bridge."),
        (r"The \gls{who} and the \ac{un} met the \Gls{g} and \ac{NATO} in Dorne in the year 1948."
         r"\newacronym[x=y]{who}{WHO}{World Health} \acrodef{un}[UN]{United}"
         r"\newglossaryentry{g}{name={Guild}, description={x}}",
         "The WHO and the UN met the Guild and NATO in Dorne in the year 1948."),
        (r"\begin{itemize}<+->\item<1-> The bridge \only<2|handout:0>{of Dorne} was opened by the "
         r"mayor in 1897.\end{itemize}\note{Say this slowly to the people of the town.}",
         "The bridge of Dorne was opened by the mayor in 1897."),
        (r"\rule{1cm}{2pt}The bridge of Dorne was opened in 1897. \iffalse It was not. \fi",
         "The bridge of Dorne was opened in 1897."),
        ("The bridge of Dorne was opened in 1897.\n\n"
         r"\begin{subequations}\begin{align}a&=b\end{align}\end{subequations}"
         r"\begin{flalign}a&=b\end{flalign}\begin{tabular*}{3cm}{ll}a & b\end{tabular*}",
         "The bridge of Dorne was opened in 1897."),
    ],
)  # fmt: skip
def test_latex_of_usual_packages(tmp_path, source, found):
    assert read(tmp_path, "a.tex", source)[0] == [found]


def test_latex_as_pandoc_writes_it(tmp_path):
    content = (
        "\\begin{document}\n\\hypertarget{b}{\\section{Bridges}\\label{b}}\n"
        "\\href{http://x.org/a_b}{Queen Maud} opened it on the 21\\textsuperscript{st} of May "
        "1897.\\textsuperscript{3} Its deck covers 350\nm\\textsuperscript{2} above the "
        "H\\textsubscript{2}O.\n\n"
        "\\begin{enumerate}\n\\def\\labelenumi{\\arabic{enumi}.}\n\\tightlist\n\\item\n"
        f"  {SECOND}\n\\end{{enumerate}}\n"
        "\\begin{Shaded}\n\\begin{Highlighting}[]\n\\ControlFlowTok{for}\\NormalTok{ it: }\n"
        "\\end{Highlighting}\n\\end{Shaded}\n\\end{document}\n"
    )
    found, left_out = read(tmp_path, "a.tex", content)
    assert found == [
        "Queen Maud opened it on the 21st of May 1897. Its deck covers 350 m² above the H2O.",
        SECOND,
    ]
    assert left_out == "1 block of code"


def test_pandocs_raised_and_lowered_text(tmp_path):
    content = (
        "It opened on the 21^st^ of May 1897,[^1] and covers 350 m^2^ above the H~2~O.[^2]\n\n"
        "It is a way of 10^6^ feet to the north of a^2 fields that the guild owns.\n\n"
        "[^1]: A note.\n\n[^2]: Another.\n"
    )
    assert read(tmp_path, "a.md", content)[0] == [
        "It opened on the 21st of May 1897, and covers 350 m² above the H2O.",
        "It is a way of 10⁶ feet to the north of a^2 fields that the guild owns.",
    ]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("The [[Kestrel Bridge|bridge]] in [[Dorne]] was opened by ==Queen Maud== then. ^b1",
         "The bridge in Dorne was opened by Queen Maud then."),
        (f"{FIRST}\n\n![[picture.png]]\n\n%% A comment that nobody sees. %%", FIRST),
        ("The bridge^[See [the map](x) and\nthe plan.] in Dorne was ~~not~~ opened then, as "
         "`^[a-z]` says.", "The bridge in Dorne was opened then, as ^[a-z] says."),
        (f"- [ ] {FIRST}", FIRST),
        (f"1. [x] {FIRST}", FIRST),
        (f"> [!NOTE]\n> {FIRST}", FIRST),
        (f"Bridge\n: {FIRST}", FIRST),
        (f'!!! note "A title"\n    {FIRST}', FIRST),
        (f"??? warning\n\n    {FIRST}\n", FIRST),
        (f"```{{note}}\n:class: x\n{FIRST}\n```", FIRST),
        (f":::{{tip}} A title\n:class: x\n{FIRST}\n:::", FIRST),
        (f"<aside>\n💡 {FIRST}\n\n</aside>", FIRST),
        ("The bridge in Dorne was opened in 1897.[[2]](#cite_note-2)",
         "The bridge in Dorne was opened in 1897."),
        (f"[TOC]\n\n{FIRST}", FIRST),
        (f'{FIRST} ![](a.png){{width="5in"\nheight="3in"}} ![](b.png){{width=50%}}', FIRST),
        ("The sets of f(x){a=b} are in the town of [Dorne](x.y){width=9} for all to see.",
         "The sets of f(x){a=b} are in the town of Dorne for all to see."),
        ("It was built {cite}`holm90` as {numref}`map` and {ref}`a plan <x>` of {math}`x^2` say.",
         "It was built as … and a plan of x² say."),
        ("It was opened in 1897 [see @smith2004, p. 3; @doe99], as @doe99 [p. 2] and @fig-map say.",
         "It was opened in 1897, as … and … say."),
        ("It was opened in 1897, as [@rosa] and @tom say.\n\n[@rosa]: http://a.b",
         "It was opened in 1897, as @rosa and @tom say."),
        (f"At rest $E=mc^2+y^2$ holds for\nall \\(m < M\\) and a *factor* $a_1*b_1$. {FIRST}",
         f"At rest E=mc²+y² holds for all m < M and a factor a_1*b_1. {FIRST}"),
        ("It costs $5 or $6, and `$HOME/$x$` is \\[sic\\] a path.\n\n$$\nx_1 = y\n$$\n\n"
         "\\[\nx = 1\n\\]", "It costs $5 or $6, and $HOME/$x$ is [sic] a path."),
        (f"+++\ntitle = 'x'\n+++\n\n{FIRST}\n\n{{{{< figure src='x' >}}}}", FIRST),
    ],
)  # fmt: skip
def test_dialects_of_markdown(tmp_path, source, found):
    assert read(tmp_path, "a.md", f"# Bridges\n\n{source}\n")[0] == [found]


def markdown(source):
    left_out = LeftOut()
    blocks = markdown_blocks(source, left_out)
    return [block.text.replace(KEPT, "") for block in blocks], dict(+left_out)


RATED = "The pizzeria is rated $$ by most guests."
LATER = "It opened in 1990, and the bistro is rated $$ too."


@pytest.mark.parametrize(
    ("source", "found", "formulas"),
    [
        ("The Moon \\(our only natural satellite\\) orbits the Earth.",
         ["The Moon (our only natural satellite) orbits the Earth."], 0),
        ("It was held \\(in 1897, see `[x](y)` and *this*\\) by $x^2$.",
         ["It was held (in 1897, see [x](y) and this) by x²."], 0),
        ("Where \\(n\\) is more than \\(m_1 + 2\\).", ["Where n is more than m_1 + 2."], 0),
        (f"{RATED}\n\nIt opened in 1990.\n\n{LATER}", [RATED, "It opened in 1990.", LATER], 0),
        (f"{RATED} {LATER}", [f"{RATED} {LATER}"], 0),
        ("The pizzeria is rated\n$$ by guests. The bistro is rated $$ too.",
         ["The pizzeria is rated $$ by guests. The bistro is rated $$ too."], 0),
        ("Thus:\n\n$$\nx = 1\n\n+ y\n$$\n\nAs said.", ["Thus:", "…", "As said."], 1),
        ("$$ a + b $$\n\nIt is $$x + 1$$ or $$ x = 1 $$ there.", ["…", "It is … or … there."], 3),
        ("> $$\n> x\n> $$\n\nAs said.", ["…", "As said."], 1),
    ],
)  # fmt: skip
def test_brackets_and_dollars_of_markdown_that_are_no_formulas(source, found, formulas):
    assert markdown(source) == (found, {"formula": formulas} if formulas else {})


def test_what_a_template_fills_in_is_a_mark():
    source = "The {{ site.name }} bridge is {% raw %}old{% endraw %}{{< ref x >}}, as `{{ x }}` is."
    found = ["The … bridge is old, as {{ x }} is."]
    assert markdown(source) == (found, {"template field": 1})
    source = "The [{{{ raw }}}]({{ url }}/a) <b id='{{ x }}'>is</b> {{#if x}}old{{else}}new{{/if}}."
    assert markdown(f"{source} {{{{! a note }}}}<!-- {{{{ x }}}} -->") == (
        ["The … is oldnew."],
        {"template field": 1},
    )


@pytest.mark.parametrize("begin", ["{{ ", "{{< ", "{% ", "{{{"])
def test_templates_that_do_not_end_are_read_in_proportion_to_their_length(begin):
    started = time.monotonic()
    for pattern in (markdown_reader._FILLED_IN, markdown_reader._NOT_TEXT):
        pattern.sub("", begin * 20_000)
    assert time.monotonic() - started < 2


def test_rich_text(tmp_path):
    content = (
        r"{\rtf1\ansi{\stylesheet{\s0 Normal;}{\*\cs1 \strike Old;}}"
        r"The \b Kestrel\b0  Bridge covers 350 m{\super 2} of {\field{\*\fldinst "
        r'{HYPERLINK "http://a.b"}}{\fldrslt land}} in D\'f6rne.{\super 3} {\deleted Not this.}'
        r"{\footnote Not this.} It opened in 1897.\par \trowd a\cell b\cell\row "
        r"The observatory is old and dark.}"
    )
    found, left_out = read(tmp_path, "a.rtf", content)
    assert found == [
        "The Kestrel Bridge covers 350 m² of land in Dörne. It opened in 1897.",
        "The observatory is old and dark.",
    ]
    assert left_out == "1 deletion, 1 note, 1 table"


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        (r"A hyperlink is a reference. Hyperlinks were named by {\b HYPERLINK} Nelson.",
         "A hyperlink is a reference. Hyperlinks were named by HYPERLINK Nelson."),
        (r"{The bridge opened in 1937 \v secret\v0  and it was painted orange}.",
         "The bridge opened in 1937 and it was painted orange."),
        (r"It fell in {\strike1 {\b 19{\i 3}6}} 1937 with \striked1 no \striked0 all of it.",
         "It fell in 1937 with all of it."),
        (r"It fell in {\strike 1936} 1937 with \strike no \strike0 all of it.",
         "It fell in 1937 with all of it."),
        (r"It fell \strike a \v b\v0 c\strike0  in {\v a \} \{{b{c{d{e}}}}}1937.",
         "It fell in 1937."),
        (r"It fell {\v in {\v0 the} year} 1937.", "It fell the 1937."),
        (r"It fell.\strike \par\strike0 It is {\upr{10 ??}{\*\ud{\u8220?ten\u8221?}}}.",
         "It fell. It is “ten”."),
        (r"It fell.\super 1\par It\nosupersub  is here.", "It fell. It is here."),
        (r"It\column is at C:\\line so \b\line\b0 in 10\super 6\super0  and x{\sub n{\i +1}} all.",
         r"It is at C:\line so in 10⁶ and x_(n+1) all."),
        (r"It is 10{\super {\b \u8722?6}} {\pict\bin3 {{{} so {\v not }in all.",
         "It is 10⁻⁶ so in all."),
        (r"It fell {\v a {\b hidden}} in {\b\v 1936 }1937 with \deleted no \plain all of \'84it.",
         "It fell in 1937 with all of „it."),
    ],
)  # fmt: skip
def test_hidden_words_and_links_of_rich_text(tmp_path, inside, found):
    content = rf"{{\rtf1\ansi {inside}\par}}"
    assert " ".join(read(tmp_path, "a.rtf", content)[0]) == found


@pytest.mark.parametrize(
    ("inside", "found", "left_out"),
    [
        (r"It {\*\shppict{\pict 00}}{\nonshppict{\pict 00}}fell.", "It fell.", "1 picture"),
        (
            r"It {\mmath{\*\moMath{\mr x}}} fell{\annotation x}.",
            "It … fell.",
            "1 comment, 1 formula",
        ),
        (r"It is 10{\super 6}{\mmath{\*\moMath x}} in all.", "It is 10⁶… in all.", "1 formula"),
        (
            r"It fell {\*\listtable\strike x}in {\upr{10}{\*\ud{ten \u8220?}}}.",
            "It fell in ten “.",
            "",
        ),
        (
            r"It \strike did\v  x\v0  not\strike0  fall; \deleted no\deleted0  one.",
            "It fall; one.",
            "2 deletions",
        ),
        (r"It \\footnote fell.", r"It \footnote fell.", ""),
        (r"{\header A\par}{\footerf Page 3}It fell.", "It fell.", "1 footer, 1 header"),
        (
            r"It {\object\objemb{\*\objclass Excel}{\*\objdata 01}{\result{\f0 twice}}} fell.",
            "It twice fell.",
            "",
        ),
        (
            r"It is {\object\objemb{\*\objclass Equation.3}{\*\objdata 0}{\result{\pict 0}}} now.",
            "It is … now.",
            "1 formula",
        ),
    ],
)
def test_what_rich_text_leaves_out_is_counted(tmp_path, inside, found, left_out):
    content = rf"{{\rtf1\ansi {inside}\par}}"
    assert read(tmp_path, "a.rtf", content) == ([found], left_out)


def test_slides_of_tables_and_diagrams(tmp_path):
    pptx = pytest.importorskip("pptx")
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Two bridges"
    table = slide.shapes.add_table(1, 2, 0, 0, 99, 99).table
    table.cell(0, 0).text, table.cell(0, 1).text = TEXTS
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.placeholders[1].text = f"{ITEM}\n{ITEM}\n{FIRST}"
    part = pptx.opc.package.Part(
        pptx.opc.packuri.PackURI("/ppt/diagrams/data1.xml"), "application/xml", deck.part.package
    )
    slide.part.relate_to(part, "http://x/diagramData")
    out = io.BytesIO()
    deck.save(out)
    path = tmp_path / "a.pptx"
    path.write_bytes(out.getvalue())
    document = read_document(path)
    assert [(p.text, p.headings) for p in document] == [
        *((text, ("Two bridges",)) for text in [*TEXTS, FIRST])
    ]
    assert document.summary == "1 diagram, 2 list items"


def test_a_slide_that_is_missing_is_told(tmp_path):
    with zipfile.ZipFile(io.BytesIO(make(".pptx"))) as deck:
        parts = {name: deck.read(name) for name in deck.namelist()}
    del parts["ppt/slides/slide1.xml"]
    parts["ppt/slides/slide9.xml"] = b""
    assert read(tmp_path, "a.pptx", archive(parts)) == (TEXTS[1:], "1 missing slide")


def test_slides_in_sections_and_with_attributes_in_another_order(tmp_path):
    with zipfile.ZipFile(io.BytesIO(make(".pptx"))) as deck:
        parts = {name: deck.read(name) for name in deck.namelist()}
    name = "ppt/presentation.xml"
    turned = re.sub(rb'<p:sldId (id="\d+") (r:id="\w+")', rb"<p:sldId \2 \1", parts[name])
    assert turned != parts[name]
    turned = turned.replace(
        b"</p:presentation>",
        b'<p:extLst><p:ext><q:sectionLst xmlns:q="q"><q:section><q:sldIdLst><q:sldId id="256"/>'
        b"</q:sldIdLst></q:section></q:sectionLst></p:ext></p:extLst></p:presentation>",
    )
    assert read(tmp_path, "a.pptx", archive(parts | {name: turned})) == (TEXTS, "")


def test_slides_with_formulas_empty_notes_and_the_title_behind(tmp_path):
    pptx = pytest.importorskip("pptx")
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    title, frame = slide.shapes.title, slide.placeholders[1].text_frame
    title.text, frame.text = "Bridges", FIRST
    title._element.getparent().append(title._element)
    assert slide.notes_slide.notes_text_frame.text == ""
    names = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:b="b" ' + MATH
    frame._txBody.append(
        pptx.oxml.parse_xml(
            f"<a:p {names}><a:r><a:t>It is </a:t></a:r><b:m><m:oMath><m:f><m:num><m:r><m:t>a+b"
            "</m:t></m:r></m:num><m:den><m:r><m:t>c</m:t></m:r></m:den></m:f></m:oMath></b:m>"
            "<a:r><a:t> of all that is in the town.</a:t></a:r></a:p>"
        )
    )
    deck.save(tmp_path / "a.pptx")
    document = read_document(tmp_path / "a.pptx")
    assert [(found.text, found.headings) for found in document] == [
        (text, ("Bridges",)) for text in (FIRST, "It is … of all that is in the town.")
    ]
    assert document.summary == "1 formula"


def test_slides_with_fonts_of_signs(tmp_path):
    runs = [
        ("It is ", ""),
        ("a\uf062", '<a:latin typeface="Symbol"/>'),
        (" of all ", ""),
        ("\xe0 that was £5 at a café.", '<a:latin typeface="A"/><a:sym typeface="Wingdings"/>'),
    ]
    text = "".join(f"<a:r><a:rPr>{font}</a:rPr><a:t>{text}</a:t></a:r>" for text, font in runs)
    with zipfile.ZipFile(io.BytesIO(make(".pptx"))) as deck:
        parts = {name: deck.read(name) for name in deck.namelist()}
    slide = parts["ppt/slides/slide1.xml"].decode()
    slide = re.sub(rf"<a:r>(?:(?!<a:r>).)*{FIRST}.*?</a:r>", text, slide)
    deck = archive(parts | {"ppt/slides/slide1.xml": slide.encode()})
    assert read(tmp_path, "a.pptx", deck)[0] == ["It is αβ of all that was £5 at a café.", SECOND]


def test_pictures_objects_and_comments_of_slides_are_counted(tmp_path):
    with zipfile.ZipFile(io.BytesIO(make(".pptx"))) as deck:
        parts = {name: deck.read(name) for name in deck.namelist()}
    old = '<p:graphicFrame><mc:AlternateContent xmlns:mc="m"><mc:Choice>{}</mc:Choice><mc:Fallback>'
    old += "{}<p:pic/></mc:Fallback></mc:AlternateContent></p:graphicFrame>"
    formula, sheet = '<p:oleObj progId="Equation.3"/>', '<p:oleObj progId="Excel.Sheet.12"/>'
    shapes = f"{old.format(formula, formula)}{old.format(sheet, sheet)}<p:pic/>"
    shapes += f"<p:graphicFrame>{sheet[:-2]}><p:pic/></p:oleObj></p:graphicFrame></p:spTree>"
    name, rels = "ppt/slides/slide1.xml", "ppt/slides/_rels/slide1.xml.rels"
    parts[name] = parts[name].replace(b"</p:spTree>", shapes.encode())
    relation = b'<Relationship Id="c" Type="c" Target="../comments/c1.xml"/></Relationships>'
    parts[rels] = parts[rels].replace(b"</Relationships>", relation)
    parts["ppt/comments/c1.xml"] = b'<p:cmLst><p:cm authorId="0"/><p:cm/><p:cm idx="2"></p:cm>'
    found = read(tmp_path, "a.pptx", archive(parts))
    assert found == (TEXTS, "3 comments, 1 formula, 3 pictures")


def test_what_slides_hide_strike_through_and_lower(tmp_path):
    pptx = pytest.importorskip("pptx")
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    for shapes in (slide.shapes, slide.shapes.add_group_shape().shapes):
        shapes.add_textbox(0, 0, 9, 9).text_frame.text = "This is for nobody to see."
    for shape in slide.shapes:
        shape._element._nvXxPr.cNvPr.set("hidden", "1")
    frame = slide.shapes.add_textbox(0, 0, 9, 9).text_frame
    for text, name, value in (
        ("We saw x", "strike", "noStrike"),
        ("n", "baseline", "-25000"),
        ("+1", "baseline", "-25000"),
        (" red", "strike", "sngStrike"),
        (" birds.", "baseline", "0"),
    ):
        part = frame.paragraphs[0].add_run()
        part.text = text
        part._r.get_or_add_rPr().set(name, value)
    deck.save(tmp_path / "a.pptx")
    document = read_document(tmp_path / "a.pptx")
    assert [found.text for found in document] == ["We saw x_(n+1) birds."]
    assert document.summary == "1 deletion"


def test_slides(tmp_path):
    pptx = pytest.importorskip("pptx")
    deck = pptx.Presentation()
    for text in TEXTS:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = "A title that ends with a full stop."
        slide.placeholders[1].text = text
    slide.shapes.add_table(2, 2, 0, 0, 99, 99).table.cell(0, 0).text = "Bridge"
    slide.notes_slide.notes_text_frame.text = "Say this slowly to the people."
    deck.slides._sldIdLst.insert(0, deck.slides._sldIdLst[1])
    out = io.BytesIO()
    deck.save(out)
    path = tmp_path / "a.pptx"
    path.write_bytes(out.getvalue())
    document = read_document(path)
    assert [(p.text, p.page) for p in document] == [(SECOND, 1), (FIRST, 2)]
    assert document.summary == "1 speaker's note, 1 table"


def test_open_document_with_formulas_captions_and_code(tmp_path):
    formula = (
        '<draw:frame><draw:object xlink:href="./Object 1"/>'
        '<draw:image xlink:href="./Pictures/1"/></draw:frame>'
    )
    body = "".join(
        f'<text:p text:style-name="{style}">{text}</text:p>'
        for style, text in [
            ("P1", " ".join(["Bridges"] * 12)),
            ("P2", f"Figure 1: {FIRST}"),
            ("Preformatted_20_Text", "bridge = open(x); bridge.close()"),
            ("Standard", f"It is {formula} of all."),
        ]
    )
    styles = "".join(
        f'<style:style style:name="P{number}" style:parent-style-name="{name}"/>'
        for number, name in [(1, "Title"), (2, "Illustration")]
    )
    names = " ".join(f'xmlns:{name}="{name}"' for name in "office text draw style xlink m".split())
    content = (
        f"<office:document-content {names}>{styles}<office:text>{body}</office:text>"
        "</office:document-content>"
    )
    manifest = (
        f"<m:manifest {names}><m:file-entry m:full-path='Object 1/' "
        "m:media-type='application/vnd.oasis.opendocument.formula'/></m:manifest>"
    )
    parts = {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "content.xml": content,
        "META-INF/manifest.xml": manifest,
    }
    (tmp_path / "a.odt").write_bytes(archive(parts))
    document = read_document(tmp_path / "a.odt")
    assert [found.text for found in document] == ["It is … of all."]
    assert document.summary == "1 block of code, 1 caption, 1 formula"
    assert document[0].headings == (" ".join(["Bridges"] * 12),)


def test_what_open_document_hides(tmp_path):
    """By a character's style, a paragraph's, and a section."""
    office = "http://openoffice.org/2000/office"
    body = (
        "<p>We have <span style-name='H'>never seen </span>ten birds.</p>"
        "<p style-name='H'>This is for the printer.</p>"
        "<section display='none'><p>This is <span>a draft</span>.</p></section>"
        "<section><p style-name='P'>They sing all day.</p></section>"
    )
    hidden = "<text-properties display='none'/>"
    content = (
        f"<document xmlns='{office}'><style name='H'>{hidden}</style><style name='P'/>"
        f"<list-style name='L'><list-level-style-number>{hidden}</list-level-style-number>"
        f"</list-style>{body}</document>"
    )
    found, _ = read(tmp_path, "a.odt", archive({"content.xml": content}))
    assert found == ["We have ten birds.", "They sing all day."]


STYLES = "".join(
    f"<style name='{name}' parent-style-name='{parent}'><text-properties {properties}/></style>"
    for name, parent, properties in [
        ("Hid", "", "display='none'"),
        ("Own", "Hid", ""),
        ("Shown", "", "display='true' text-line-through-style='none' text-position='0% 100%'"),
        ("Struck", "", "text-line-through-style='solid'"),
        ("Up", "", "text-position='super 58%'"),
    ]
)
STYLES += "<currency-style name='N'><text-properties color='#f00'/></currency-style>"


@pytest.mark.parametrize(
    ("body", "found", "left_out"),
    [
        ("We <s Hid>never <s Shown>often </s>not </s>saw it.", "We often saw it.", ""),
        ("We <s Own>never </s>saw it.", "We saw it.", ""),
        ("We <s Struck>never <s Shown>often </s>not </s>saw it.", "We often saw it.", "1 deletion"),
        ("We saw 10<s Up>6<s Shown> of</s></s> them.", "We saw 10⁶ of them.", ""),
        ("We saw it.</p><p style-name='Struck'>We did not.", "We saw it.", "1 deletion"),
        ("We saw it.</p><p style-name='Own'>We did not.", "We saw it.", ""),
        ("We <hidden-text is-hidden='true'>never </hidden-text>saw it.", "We saw it.", ""),
        ("We saw it.</p><p>No, <s Up><hidden-paragraph is-hidden='true'/> we</s> did not.",
         "We saw it.", ""),
        ("No<hidden-paragraph is-hidden='true'/><hidden-paragraph is-hidden='true'/>.</p>"
         "<p>We saw it.", "We saw it.", ""),
        ("We saw it.</p><p style-name='Hid'>No<frame><text-box><p>Nor this.</p></text-box></frame>",
         "We saw it.", ""),
        ("We saw it.</p><section display='condition' is-hidden='true'><p>No <s Shown>it</s>.</p>"
         "</section><p>", "We saw it.", ""),
        ("We saw<variable-set display='none'>3</variable-set> it<script>x()</script>.",
         "We saw it.", ""),
        ("</p><tracked-changes><changed-region><deletion><change-info/><p>No.</p></deletion>"
         "</changed-region><changed-region><insertion><change-info><p>Why</p></change-info>"
         "</insertion></changed-region></tracked-changes><p>We saw <change/>it.",
         "We saw it.", "1 deletion"),
    ],
)  # fmt: skip
def test_what_open_document_shows_again_or_hides_otherwise(tmp_path, body, found, left_out):
    body = re.sub(r"<s (\w+)>", r"<span style-name='\1'>", body).replace("</s>", "</span>")
    for styles in ((STYLES, ""), ("", STYLES)):
        content = open_document(f"<p>{body}</p>", *styles)
        assert read(tmp_path, "a.odt", content) == ([found], left_out)


def test_open_document(tmp_path):
    from odf.opendocument import OpenDocumentText
    from odf.style import Style, TextProperties
    from odf.table import Table, TableCell, TableRow
    from odf.text import A, H, List, ListItem, Note, NoteBody, P, Span, Title

    document = OpenDocumentText()
    raised = Style(name="T1", family="text")
    raised.addElement(TextProperties(textposition="super 58%"))
    document.automaticstyles.addElement(raised)
    struck = Style(name="T2", family="text")
    struck.addElement(TextProperties(textlinethroughstyle="solid"))
    document.automaticstyles.addElement(struck)
    document.text.addElement(H(outlinelevel=1, text="A heading that ends in a full stop."))
    first = P(text="It covers 350 m")
    first.addElement(Span(stylename=raised, text="2"))
    first.addText(" of land in ")
    first.addElement(Span(stylename=struck, text="Ellby "))
    first.addElement(A(href="http://a.b", text="Dorne"))
    note = Note(noteclass="footnote")
    body = NoteBody()
    body.addElement(P(text="Or not so much."))
    note.addElement(body)
    first.addElement(note)
    first.addText(" (")
    first.addElement(Title(text="On Dorne"))
    first.addText(").")
    document.text.addElement(first)
    items = List()
    for _ in range(2):
        items.addElement(ListItem())
        items.lastChild.addElement(P(text=ITEM))
    document.text.addElement(items)
    table = Table()
    for row in (("Bridge", "Length"), ("Kestrel", "310")):
        line = TableRow()
        for text in row:
            cell = TableCell()
            cell.addElement(P(text=text))
            line.addElement(cell)
        table.addElement(line)
    document.text.addElement(table)
    out = io.BytesIO()
    document.write(out)
    found, left_out = read(tmp_path, "a.odt", out.getvalue())
    assert found == ["It covers 350 m² of land in Dorne (On Dorne)."]
    assert left_out == "1 deletion, 2 list items, 1 note, 1 table"


# --- PDF --------------------------------------------------------------------------------------


def test_pdf_sizes_and_positions(tmp_path):
    page = [
        ("Bridges of the county of Dorne and their builders", 16.0, 0.0),
        (
            "The Kestrel Bridge in Dorne was opened by Queen Maud on 4 June 1897, and it carries",
            11.0,
            0.0,
        ),
        ("the road to Ellby.", 11.0, 0.001),
        ("3", 7.0, 4.0),
        (" It covers 350 m", 11.0, 0.001),
        ("2", 7.0, 4.0),
        (" of land and was designed by the engineer Ann Doyle.\n", 11.0, 0.0),
        ("Figure 1: The bridge in its first year.", 9.0, 0.0),
        ("3 The road was closed in 1950 and opened again in the year after that.", 8.0, 0.0),
    ]
    found, left_out = read(tmp_path, "a.pdf", set_pdf([page]))
    assert found == [
        "The Kestrel Bridge in Dorne was opened by Queen Maud on 4 June 1897, and it carries the "
        "road to Ellby. It covers 350 m² of land and was designed by the engineer Ann Doyle."
    ]
    assert left_out == "1 caption, 1 note"


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (  # as pdfTeX writes it: accent, way back, letter
            "[(In 1904 Ana Hern)-55(\\1)388(andez met Garc)27(\\1)306(\\7a, Erd)-83(\\3)416(os)]TJ "
            "0 -14 Td [(and Poincar)-55(\\1)388(e at a na)27(\\2)306(\\7ve table "
            "of Fran)-55(\\5)388(cois.)]TJ",
            "In 1904 Ana Hernández met García, Erdős and Poincaré at a naïve table of François.",
        ),
        (  # as others do, with each accent raised by itself; PDFium gives them behind the words
            "[(It was in Paris that he met )]TJ 107.4 2.2 Td (\\1) Tj -1 -2.2 Td [(Etienne of the "
            "north and )]TJ 99.2 0 Td (Hern) Tj 20.3 0 Td (\\1) Tj -0.5 0 Td [(andez met P)]TJ "
            "49.7 0 Td (\\1) Tj -0.8 0 Td (olya there.) Tj",
            "It was in Paris that he met Étienne of the north and Hernández met Pólya there.",
        ),
        (  # apostrophes stand beside letters
            "[(In 1904 the dogs\\1 owners said \\1yes\\1 and Ana O\\1Neill met "
            "them at the gate.)]TJ",
            "In 1904 the dogs' owners said 'yes' and Ana O'Neill met them at the gate.",
        ),
    ],
)
def test_pdf_accents_that_are_set_over_letters(tmp_path, shown, text):
    assert read(tmp_path, "a.pdf", tex_pdf(shown))[0] == [text]


def test_a_paragraph_goes_on_behind_the_end_of_a_page(tmp_path):
    lines = [
        [
            (
                "The Kestrel Bridge in Dorne was opened by Queen Maud on 4 June 1897, and it",
                11.0,
                0.0,
            )
        ],
        [("carries the road to Ellby. It was designed by the engineer Ann Doyle.", 11.0, 0.0)],
    ]
    found, _ = read(tmp_path, "a.pdf", set_pdf(lines))
    assert found == [
        "The Kestrel Bridge in Dorne was opened by Queen Maud on 4 June 1897, and it carries the "
        "road to Ellby. It was designed by the engineer Ann Doyle."
    ]


def test_the_end_of_an_overlong_page_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("qgen.files.readers.pdf.MAX_PAGE_CHARACTERS", len(FIRST) + 1)
    (tmp_path / "a.pdf").write_bytes(pdf([[FIRST, SECOND]]))
    left_out = LeftOut()
    assert [block.text for block in read_pdf(tmp_path / "a.pdf", left_out)] == [FIRST]
    assert str(left_out) == "1 overlong page"


def test_pdf_pages_without_text_and_passwords(tmp_path):
    pypdf = pytest.importorskip("pypdf")
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(make(".pdf")))
    writer.encrypt("", "owner", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    assert read(tmp_path, "a.pdf", out.getvalue())[0] == TEXTS
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(make(".pdf")))
    writer.encrypt("secret", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    with pytest.raises(ValueError, match="is encrypted"):
        read(tmp_path, "a.pdf", out.getvalue())


@pytest.mark.parametrize("label", ["Figure 3", "Table 2.1", "Chart 5-7"])
def test_pdf_paragraphs_that_begin_with_the_name_of_a_figure(tmp_path, label):
    text = f"{label} shows that the crossings have grown from four to forty million in the years."
    caption = f"{label}. The crossings of the Kestrel Bridge in its first years."
    found, left_out = read(tmp_path, "a.pdf", pdf([[FIRST], [text], [caption], [SECOND]]))
    assert (found, left_out) == ([FIRST, text, SECOND], "1 caption")


@pytest.mark.parametrize("matrix", ["0 1 -1 0 72 72", "0 -1 1 0 72 780", "-1 0 0 -1 580 72"])
def test_pdf_pages_that_are_turned(tmp_path, matrix):
    lines = [*TEXTS[0].replace(", and", ",\nand").split("\n"), TEXTS[1], "1"]
    turned = pdf([lines]).replace(b"BT 50 780 Td", f"BT {matrix} Tm".encode())
    assert read(tmp_path, "a.pdf", turned)[0] == TEXTS


def beside(left, right):
    """A line of two columns, for :func:`pdf`."""
    return f"{left}) Tj 270 0 Td ({right}) Tj -270 0 Td ("


LEFT = (
    "The Kestrel Bridge in Dorne was opened by Queen Maud, and it carries the road to Ellby. Its "
    "keeper took the toll in the morning, and he counted it at night with his two daughters."
)
RIGHT = (
    "The observatory at Harwick was built in 1904 by Petra Holm, and its dome is eleven metres "
    "wide. People who wanted to see the moon had to wait for years."
)


def test_pdf_columns_that_are_written_row_by_row(tmp_path):
    left, right = textwrap.wrap(LEFT, 40), textwrap.wrap(RIGHT, 40)
    assert len(left) == len(right) + 1
    rows = [*map(beside, left, right), left[-1]]
    title = "The bridges and observatories of the northern county of Dorne"
    body = [(row, 11.0, 0.0) for row in rows]
    page = [(title, 16.0, 0.0), *body, (title, 16.0, 0.0), *body, ("12", 11.0, 0.0)]
    assert read(tmp_path, "a.pdf", set_pdf([page])) == ([LEFT, RIGHT, LEFT, RIGHT], "")


@pytest.mark.parametrize(
    "rows",
    [
        [("The bridge of the queen", "The road of the king")] * 6,  # cells
        [("1897", "the bridge was opened by Queen Maud.")] * 6,
        [("The Kestrel Bridge was opened in that year", "12")] * 6,
    ],
)
def test_pdf_tables_are_no_columns_of_text(tmp_path, rows):
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf([[FIRST, *(beside(*row) for row in rows)]]))
    left_out = LeftOut()
    lines = " ".join(block.text for block in read_pdf(path, left_out))
    assert left_out["table"] or " ".join(rows[0]) in lines


def test_pdf_items_of_a_list_are_no_notes(tmp_path):
    wide = "The river froze in that winter, and every week the piers were measured by Ola Brandt."
    notes = ["1. The queen came an hour late because of the rain.", "2. It was printed in 1899."]
    page = [
        ("The bridge was opened in 1897", 11.0, 0.0001),
        ("1", 7.0, 5.0),
        (" by Queen Maud of Ellby", 11.0, 0.0001),
        ("2", 7.0, 5.0),
        (", and it carries the road to Marland.\n", 11.0, 0.0001),
        *((f"{number}. {wide}", 11.0, 0.0) for number in (1, 2)),
        (
            "The cost was paid by the county of Marland, and the tolls paid for the keeper.",
            11.0,
            0.0,
        ),
        *((note, 11.0, 0.0) for note in notes),
    ]
    found, left_out = read(tmp_path, "a.pdf", set_pdf([page]))
    assert " ".join(found).count(wide) == 2 and "printed" not in " ".join(found)
    assert left_out == "2 notes"


def test_pdf_heads_and_feet_of_two_pages(tmp_path):
    head, foot = "The bridges of Dorne, 28/11/26", "file:///bridges.html"
    content = [[head, "P. Holm et al.", text, f"{foot} {n}/2"] for n, text in enumerate(TEXTS, 1)]
    assert read(tmp_path, "a.pdf", pdf(content))[0] == TEXTS


@pytest.mark.parametrize("end", [b"xref\n", b"trailer"])
def test_a_pdf_that_is_cut_off_gives_the_pages_that_are_there(tmp_path, end):
    whole = pdf([[text] for text in [*TEXTS, *TEXTS]])
    found, left_out = read(tmp_path, "a.pdf", whole[: whole.index(end)])
    assert found[:2] == TEXTS and left_out == "1 damaged part"


@pytest.mark.parametrize(
    "change",
    [
        lambda pdf: b"HTTP/1.1 200 OK\r\n\r\n" + pdf,
        lambda pdf: pdf.replace(b"startxref", b"startxxxx"),
        lambda pdf: pdf.replace(b"/Count 2", b""),
        lambda pdf: pdf.replace(b"/Type /Page", b""),
        lambda pdf: pdf.replace(b"%PDF-1.4", b"%PDF-9.9"),
        lambda pdf: re.sub(rb"/Length \d+", b"/Length 5", pdf),
        lambda pdf: pdf + bytes(5000),
        lambda pdf: linearised(pdf),
        lambda pdf: linearised(pdf, encryption=True),
    ],
)
def test_odd_pdfs(tmp_path, change):
    assert read(tmp_path, "a.pdf", change(make(".pdf")))[0] == TEXTS


def linearised(content: bytes, encryption: bool = False) -> bytes:
    """The PDF for the web, its objects in streams, and encrypted without a password."""
    pikepdf = pytest.importorskip("pikepdf")
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(content)) as pages:
        pages.save(
            out,
            linearize=True,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            encryption=pikepdf.Encryption(user="", owner="x", R=6) if encryption else False,
        )
    return out.getvalue()


def test_notebooks_count_their_code(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": FIRST},
        {"cell_type": "code", "source": ["x"]},
        {"cell_type": "raw", "source": "x"},
    ]
    found, left_out = read(tmp_path, "a.ipynb", json.dumps({"cells": cells}))
    assert (found, left_out) == ([FIRST], "1 cell with code, 1 raw cell")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("````{note}\n```{tip}\nInner.\n```\nOuter.\n````", ["Inner.", "Outer."]),
        ("```{note}\n```{tip}\nInner.\n```\nOuter.\n```\nLast.", ["Inner.", "Outer.", "Last."]),
        ("````{note} A title\r\n:class: x\r\nOuter.\r\n```python\r\n:a: 1\r\n```\r\n````",
         ["Outer."]),
        ("````md\n```{note}\nThis is shown.\n```\n````\n\nLast.", ["Last."]),
        ("- ```sh\n  ls\n\n  cd\n  ```\n\n```{note}\nIt is $x^2$.\n```", ["It is x²."]),
        ("```{note}\nIt has no end.\n\nLast.", ["It has no end.", "Last."]),
    ],
)  # fmt: skip
def test_directives_of_myst_in_one_another(source, found):
    assert markdown(source)[0] == found


@pytest.mark.parametrize("source", ["```{note}\n" + ":a:\n" * 5000, "```{note}\n" * 2000])
def test_many_directives_of_myst_take_no_time(source):
    start = time.process_time()
    markdown(source)
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("source", "found", "left_out"),
    [
        ("It is 10{sup}`6` kilograms of H{sub}`2`O.", "It is 10⁶ kilograms of H2O.", {}),
        ("Then {py:func}`__init__` is called.", "Then __init__ is called.", {}),
        ("It burnt{footcite:p}`key` as {footcite:t}`key` say.", "It burnt as … say.",
         {"citation": 1}),
        ("It is {term}`a *long* name <name>` of {doc}`this <that>`, {doc}`there`.",
         "It is a *long* name of this, ….", {}),
    ],
)  # fmt: skip
def test_roles_of_myst(source, found, left_out):
    assert markdown(source) == ([found], left_out)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("[The Moon](http://a.b) orbits", "The Moon orbits"),
        ('"The Moon" orbits', '"The Moon" orbits'),
        ("“The Moon” orbits", "“The Moon” orbits"),
        ("`The Moon` orbits", "The Moon orbits"),
        ("💡 The Moon orbits", "The Moon orbits"),
        ("⚠️ **The Moon** orbits", "The Moon orbits"),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_signs_of_call_outs_of_notion(source, found, line_end):
    lines = ["Before.", "", "<aside>", source, "", "</aside>", "", "Behind."]
    assert markdown(line_end.join(lines))[0] == ["Before.", found, "Behind."]


@pytest.mark.parametrize(
    ("source", "found", "cited"),
    [
        ("Write `[@doe99]` to cite.", "Write [@doe99] to cite.", 0),
        ("Write ``[@doe99] as @doe99`` to cite [@doe99].",
         "Write [@doe99] as @doe99 to cite.", 1),
        ("The tweet [by @nasa] says so.", "The tweet [by @nasa] says so.", 0),
        ("Mail [me @home] there.", "Mail [me @home] there.", 0),
        ("It opened [see @smith; @rosa] then [cf. @tom] and [-@tom] so [in @rosa, p. 3].",
         "It opened then and so.", 4),
        ("Write `{{x}}` and `==x==` or `[[x]]`{.md} there.",
         "Write {{x}} and ==x== or [[x]] there.", 0),
        ("It costs 5` here.[^1]\n\n[^1]: A `note`.\n\n    ```\n    x\n    ```\n",
         "It costs 5` here.", 0),
    ],
)  # fmt: skip
def test_citations_of_markdown_and_what_is_none(source, found, cited):
    texts, left_out = markdown(source)
    assert [text.replace(" .", ".").replace("[^1]", "") for text in texts] == [found]
    assert left_out.get("citation", 0) == cited


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (r"The agency \acro{NASA} is a large one of the state.",
         "The agency NASA is a large one of the state."),
        (r"\newcommand{\acro}[1]{\textsc{#1}}The agency \acro{NASA} is a large one of the state.",
         "The agency NASA is a large one of the state."),
        (r"\begin{acronym}\acro{N}[NASA]{The {\em Agency} for Space}\acro{ESA}{The other Agency}"
         r"\end{acronym}The agency \ac{N} is a large one of the state.",
         "The agency NASA is a large one of the state."),
        (r"\newcommand{\note}[1]{\textbf{Note:} #1}\note{The Moon orbits the Earth in a month.}",
         "Note: The Moon orbits the Earth in a month."),
    ],
)  # fmt: skip
def test_latex_macros_of_its_own_that_packages_have_too(tmp_path, source, found):
    assert read(tmp_path, "a.tex", source) == ([found], "")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("%\\iffalse\nThis is printed. \n%\\fi\nAfter.", "This is printed. After."),
        ("\\iffalse Not \\else This is printed. \\fi After.", "This is printed. After."),
        ("\\iffalse Not \\ifx\\a\\b Not \\else Not \\fi Not \\fi After.", "After."),
        ("\\newif\\ifdraft\\iffalse Not \\ifdraft Not \\fi Not \\fi After.", "After."),
        ("\\iffalse Not \\ifthenelse{a}{b}{c} \\iff Not \\fi After.", "After."),
        ("\\iffalse Not \\else This \\ifx\\a\\a is \\fi printed. \\fi After \\iffalse Not \\fi it.",
         "This is printed. After it."),
        ("See \\url{http://a.b/c%20} \\iffalse Not % \\fi\n Not \\fi After.",
         "See http://a.b/c%20 After."),
        ("The word \\verb|\\iffalse| hides text until \\verb|\\fi| comes.",
         "The word \\iffalse hides text until \\fi comes."),
        ("It is 5\\% of it. \\iffalse has no end.", "It is 5% of it. has no end."),
    ],
)  # fmt: skip
def test_latex_that_is_never_printed(tmp_path, source, found):
    found += " The bridge of Dorne was opened by Queen Maud."
    source += " The bridge of Dorne was opened by Queen Maud."
    assert " ".join(read(tmp_path, "a.tex", source)[0]) == found


@pytest.mark.parametrize(
    "source",
    ["\\iffalse " * 20000, "\\iffalse \\ifx " * 9000 + "\\fi " * 9000, "\\acro{a}[" * 20000,
     "\\verb|" * 9999, "\\begin{comment}" * 9999 + "\\iffalse"],
)  # fmt: skip
def test_latex_is_read_in_proportion_to_its_length(source):
    begin = time.monotonic()
    tex._with_abbreviations(tex._without_false(source, source), source)
    tex._ENTRY.sub("", source)
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize(
    "formula",
    [r"\sqrt[", "\\sqrt[" * 12, r"\frac{a", r"\sqrt", r"\frac", "5% x", "a$b", "a}", "{" * 3000,
     r"\sqrt[{]}", r"\textbf", r"x \unheard y", r"\norm{x}", r"a \over b", r"\underbrace{x}_{n}",
     r"\begin{cases}1&2\\3&4\end{cases}", r"\overset{a}{=}", r"\overline{A \cup B}",
     r"\widehat{AB}", r"\bar{x^2}", r"\hat{\frac{a}{b}}", r"\vec{AB}", r"x \st y", r"\ce{SO4^2-}",
     r"\ce{A ->[k] B}", r"\begin{array}{l}a\end{array}"],
)  # fmt: skip
def test_formulas_that_are_not_whole_or_fit_no_line_are_a_mark(formula):
    left_out = LeftOut()
    assert tex.formula_text(formula, left_out) == "…" and left_out == {"formula": 1}


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        (r"x \in [0, 1)", "x ∈ [0, 1)"),
        (r"\left[0, 1\right)", "[0, 1)"),
        (r"5\%", "5%"),
        (r"\$5", "$5"),
        (r"\{a", "{a"),
        (r"\frac{1}{2}", "1/2"),
        (r"\dfrac{a+b}{2c} - \tfrac12", "(a+b)/(2c) - 1/2"),
        (r"\frac{\sqrt{x+1}}{f(x-1)}", "√(x+1)/f(x-1)"),
        (r"\sqrt[3]{8} + \sqrt[4]{x} + 2\sqrt[n+1]{x}", "∛(8) + ∜(x) + 2(x)^(1/(n+1))"),
        (r"a_{n+1} = a_n + \sum_{i=1}^n x_{ij}", "a_(n+1) = a_n + ∑_(i=1)ⁿ x_ij"),
        (r"2\frac{1}{2}, \frac{a}{b}\frac{c}{d}, \frac{1}{2}bh", "2 1/2, a/b c/d, 1/2 bh"),
        (r"\frac{1}{2x^2}, \frac{x}{2(a+b)}", "1/(2x²), x/(2(a+b))"),
        (r"\frac{1}{(1-x)(1+x)}, \frac{n!}{k!(n-k)!}", "1/((1-x)(1+x)), n!/(k!(n-k)!)"),
        (r"\frac{1}{2\sqrt{x}}, \frac{dy}{dx^2}", "1/(2√(x)), dy/dx²"),
        (r"\frac{a}{(b+c)^2}, \frac{a}{x_1^2}, \frac{1}{2{,}000}", "a/(b+c)², a/x_1², 1/2,000"),
        (r"(\frac{a}{b}), x^{\frac{1}{2}}, a_{2^n}", "(a/b), x^(1/2), a_(2ⁿ)"),
        (r"\bar{x}, \hat\beta, \vec{v}", "x̅, β̂, v⃗"),
        (r"f'''(x), f', y^{\prime\prime}, \text{``high''}", "f‴(x), f′, y″, “high”"),
        (r"\ce{SO4^{2-}}, \ce{Na^+}", "SO4²⁻, Na⁺"),
        (r"\SI{9.8}{m/s^{2}}, \qty{5}{m_e}", "9.8 m/s², 5 m_e"),
        (r"\det A \ne 0 \iff k = \{0\}", "det A ≠ 0 ⟺ k = {0}"),
        (r"\binom{n}{k} \bmod p, f''(x)", "(n choose k) mod p, f″(x)"),
        (r"\left. \operatorname*{argmax} x \right|_0", "argmax x |_0"),
        (r"\displaystyle\lim\limits_{x\to0} f(\boldsymbol{v})", "lim_(x→0) f(v)"),
    ],
)
def test_formulas_whose_brackets_need_no_other(formula, shown):
    left_out = LeftOut()
    assert tex.formula_text(formula, left_out).replace(KEPT, "") == shown and not left_out


def test_a_formula_that_is_not_whole_is_one_mark_of_its_document(tmp_path):
    source = f"The side is $\\sqrt[$ of it.\n\n{FIRST}\n"
    found, left_out = read(tmp_path, "a.md", source)
    assert found[-1:] == [FIRST] and left_out == "1 formula"
    found, left_out = read(tmp_path, "a.tex", source.replace("[$", "[$ b"))
    assert FIRST in found[-1] and left_out == "1 formula"


@pytest.mark.parametrize("words", ["[a\n" * 64000, "{\\" * 64000, "(A\n" * 64000])
def test_captions_are_read_in_proportion_to_their_length(words):
    begin = time.monotonic()
    _spoken(words.split("\n"))
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        ("\\item <div> is an element of a page.", "<div> is an element of a page."),
        ("\\item <h1> is an element of a page.", "<h1> is an element of a page."),
        ("\\item<1-| alert@1> It is an element of a page.", "It is an element of a page."),
        ("\\item <2-> It is an element of a page.", "It is an element of a page."),
        ("\\item<+-> It is an element of a page.", "It is an element of a page."),
    ],
)
def test_latex_on_which_slides_something_is_shown(tmp_path, item, shown):
    source = f"\\begin{{itemize}}{item} {FIRST}\\end{{itemize}}\n"
    assert read(tmp_path, "a.tex", source)[0] == [f"{shown} {FIRST}"]


def test_damaged_notes_of_a_slide_are_a_note(tmp_path):
    pptx = pytest.importorskip("pptx")
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.placeholders[1].text = FIRST
    slide.notes_slide.notes_text_frame.text = "Say this slowly to the people."
    deck.save(tmp_path / "whole.pptx")
    with (
        zipfile.ZipFile(tmp_path / "whole.pptx") as whole,
        zipfile.ZipFile(tmp_path / "a.pptx", "w") as damaged,
    ):
        for name in whole.namelist():
            is_note = name.startswith("ppt/notesSlides/notesSlide")
            damaged.writestr(name, b"<p:notes" if is_note else whole.read(name))
    document = read_document(tmp_path / "a.pptx")
    assert ([p.text for p in document], document.summary) == ([FIRST], "1 speaker's note")
