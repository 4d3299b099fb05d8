"""Documents as paragraphs."""

import gzip
import time

import pytest
from documents import pdf

from qgen.english.paragraphs import MAX_WORDS
from qgen.errors import QGenError
from qgen.files.documents import read_document, text_paragraphs
from qgen.files.lines import join_lines
from qgen.files.rows import read_rows

FIRST = "The Ardal lighthouse was lit in 1854. Its keeper, Nils Falk, grew potatoes."
SECOND = "Copper conducts heat better than iron does, so good pans have copper bases."


def texts(path):
    return [paragraph.text for paragraph in read_document(path)]


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_wrapped_text(tmp_path, newline):
    content = (
        "The lighthouse\n\nThe Ardal lighthouse was lit in 1854. Its keeper,\nNils Falk, grew\n"
        "  potatoes.\n\n \n" + SECOND + "\n\n          17\n\nPage 3 of 9\n\n- iv -\n"
    )
    assert texts(write(tmp_path, "a.txt", content.replace("\n", newline))) == [FIRST, SECOND]


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        (["The photo-", "synthetic yield rose."], "The photosynthetic yield rose."),
        (["new culti-", "vars and mu-", "tations"], "new cultivars and mutations"),
        (["a well-", "known and well-known man"], "a well-known and well-known man"),
        (["the Anglo-", "Saxon king"], "the Anglo-Saxon king"),
        (["a self-", "evident, well-", "known law"], "a self-evident, well-known law"),
        (["at twenty-", "five a mother-", "in-law"], "at twenty-five a mother-in-law"),
        (
            ["state-of-the-", "art self-", "hood well-", "ness"],
            "state-of-the-art selfhood wellness",
        ),
        (["all day-to-", "day work"], "all day-to-day work"),
        (["it rained -", "then it stopped"], "it rained - then it stopped"),
        (["from 1914-", "1918 on"], "from 1914-1918 on"),
        (["a 19th-", "century NATO-", "led X-", "ray"], "a 19th-century NATO-led X-ray"),
    ],
)
def test_hyphenated_line_breaks(lines, joined):
    assert join_lines(lines) == joined


def test_footnote_marks_lists_and_long_paragraphs(tmp_path):
    content = (
        "The tower[1] was built in 1889.[23] It is tall¹ and old.[citation needed]\n\n"
        "- Boil the pasta for nine minutes.\n- Drain it and add the\n  sauce at once.\n\n"
        + "It rained on that day as well. "
        * 100
    )
    found = texts(write(tmp_path, "a.txt", content))
    assert found[0] == "The tower was built in 1889. It is tall and old."
    assert found[1:3] == ["Boil the pasta for nine minutes.", "Drain it and add the sauce at once."]
    assert len(found) == 3 + -(-700 // (MAX_WORDS // 7 * 7))
    assert all(len(text.split()) <= MAX_WORDS and text.endswith(".") for text in found)


LONG = "It has two towers of stone, " * 8


@pytest.mark.parametrize(
    "content",
    [
        f"{LONG}\nand behind them a gate.",  # wrapped wide
        f"It was built by the town and\nits people.\n{LONG}both old. It stands.",  # in part
        f"{FIRST}\n{LONG}which were built later.\n{SECOND}",  # a sentence a line
    ],
)
def test_lines_that_go_on_are_no_paragraphs(tmp_path, content):
    [found] = texts(write(tmp_path, "a.txt", content))
    assert found.split() == content.split()


def test_long_sentences_end_behind_a_comma(tmp_path):
    clause = "it was built of oak by the people of the town, "
    found = texts(write(tmp_path, "a.txt", f"So {clause * 25}at last. {FIRST}"))
    assert all(text.endswith((",", ".")) for text in found) and len(found) > 1


def test_captions_without_a_full_stop_are_divided_too(tmp_path):
    words = "it was built of oak by the people of the town ".split() * 50
    cues = f"00:01 --> 00:09\n{' '.join(words)}\n"
    found = texts(write(tmp_path, "a.srt", cues))
    assert max(len(text.split()) for text in found) == MAX_WORDS
    assert " ".join(found).split() == words


@pytest.mark.parametrize(
    ("marked", "read"),
    [
        ("The bridge[a] was[b][12] long.[c] It,[Note 3] then[clarification needed] fell.[^1]",
         "The bridge was long. It, then fell."),
        ("“[t]he bridge will stand”, and he claim[s], decide[d] that [a] ship [or two] may pass.",
         None),
        ("It was oak[c] in the Middle Age[d] and made[d] new, as many[n] claim[s] of the plan[B].",
         "It was oak in the Middle Age and made new, as many[n] claim[s] of the plan[B]."),
        ("The sum x[i] of Wal[l]ter is written as a[n] in it.", None),
    ],
)  # fmt: skip
def test_editorial_brackets_are_no_marks_of_notes(tmp_path, marked, read):
    assert texts(write(tmp_path, "a.txt", f"{FIRST}\n\n{marked}\n"))[1] == (read or marked)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a.txt", "It was opened in 1897 [12], and rebuilt (as the map [3] has it [4]) by the town "
         "[5]."),
        ("a.html", "<p>It was opened in 1897 <sup><a href='#x'>12</a></sup>, and rebuilt (as the "
         "map has it <sup>4</sup>) by the town [5] [6].</p>"),
        ("a.tex", r"It was opened in 1897~\cite{a}, and rebuilt (as the map has it \cite{b}) by "
         r"the town~\citep[p.~3]{c}."),
    ],
)  # fmt: skip
def test_no_space_stays_where_a_mark_stood(tmp_path, name, written):
    (tmp_path / name).write_text(written)
    [found] = read_document(tmp_path / name)
    assert found.text == "It was opened in 1897, and rebuilt (as the map has it) by the town."


@pytest.mark.parametrize(
    ("name", "written", "found"),
    [
        ("a.md", "Each of them lies in the interval $[0, 1]$, as the book says on its first page.",
         "Each of them lies in the interval [0, 1], as the book says on its first page."),
        ("a.txt", "The list [1, 2, 3] of the first page has no zero, as the second one has [4, 5].",
         "The list [1, 2, 3] of the first page has no zero, as the second one has."),
        ("a.tex", r"The rule of the book says that $(-3)^2 = 9$ and $\cosh^2 x$ are in $[2, 3]$.",
         "The rule of the book says that (-3)² = 9 and cosh² x are in [2, 3]."),
        ("a.txt", "We use the data set [12] of the war² - which ended in 1918 - in all of this.",
         "We use the data set of the war - which ended in 1918 - in all of this."),
        ("a.txt", "The rule says that (−3)² = 9, in O(log² n) steps. He ran the race².",
         "The rule says that (−3)² = 9, in O(log² n) steps. He ran the race."),
    ],
)  # fmt: skip
def test_exponents_and_lists_of_numbers_are_no_marks(tmp_path, name, written, found):
    (tmp_path / name).write_text(written)
    assert [paragraph.text for paragraph in read_document(tmp_path / name)] == [found]


def test_notes_at_the_foot_and_what_project_gutenberg_adds(tmp_path):
    text = "The bridge of Dorne was opened in 1897 by the mayor of the town.\u00b9"
    (tmp_path / "a.txt").write_text(
        "This eBook is for the use of anyone anywhere in the world at no cost.\n\n"
        f"*** START OF THE PROJECT GUTENBERG EBOOK BRIDGES ***\n\n{text}\n\n"
        "\u00b9 This was told by his daughter in a book of hers.\n\n"
        "[Footnote 2: This was told by his son in another.]\n\n"
        "*** END OF THE PROJECT GUTENBERG EBOOK BRIDGES ***\n\n"
        "Updated editions will replace the previous one and be renamed.\n"
    )
    document = read_document(tmp_path / "a.txt")
    assert [found.text for found in document] == [text[:-1]]
    assert document.summary == "1 licence of Project Gutenberg, 2 notes"


def test_spaces_that_are_meant_stay(tmp_path):
    text = "It rose . . . and fell at a ratio of 3 : 4 on .NET in the year of 1897, as we know."
    (tmp_path / "a.txt").write_text(text)
    assert [found.text for found in read_document(tmp_path / "a.txt")] == [text]


def test_chapters_behind_a_list_of_references(tmp_path):
    entries = "Smith, J. (1990). Bridges. Oxford.\n\nBooks\n\n" + (
        "Doyle, Ann. The Bridges of the Northern Rivers and Their Builders. Ellby: Holm, 1990.\n\n"
    )
    content = f"{FIRST}\n\nReferences\n\n{entries}2 Towers\n\n{{}}\n\n{FIRST}\n"
    for begin in (
        SECOND,
        f"However, Queen Maud saw that c{SECOND[1:]}",
        f"{SECOND} Smith (1990) et al.",
    ):
        document = read_document(write(tmp_path, "a.txt", content.format(begin)))
        assert [paragraph.text for paragraph in document] == [FIRST, begin, FIRST]
        assert document.summary == "1 list of references"


@pytest.mark.parametrize(
    ("heading", "text", "read"),
    [
        ("Unit 2: Towers", [SECOND], True),
        ("Lesson Three", ["It was long."], True),
        ("Section 2.4", [SECOND], True),
        ("Volume 2", [SECOND], True),
        ("Volume 12, 44-56", [SECOND], False),
        ("Book reviews", [SECOND], False),
        ("Acknowledgements", [SECOND + " It is so.", "It is long.", FIRST + " It was so."], True),
        ("Acknowledgements", [SECOND + " It is so.", "Towers", FIRST + " It was so."], False),
    ],
)
def test_parts_behind_a_list_of_references(tmp_path, heading, text, read):
    entries = ["Smith, J. (1990). Bridges. Oxford.", "Hale, T. (1850). Lamps. Leeds, pp. 3-5."]
    for title in ("References", "Further reading"):
        content = "\n\n".join([FIRST, title, *entries, heading, *text])
        document = read_document(write(tmp_path, "a.txt", content))
        assert [paragraph.text for paragraph in document] == [FIRST, *(text if read else [])]
        assert document.summary == "1 list of references"


def test_a_list_of_works_without_years_stays_closed(tmp_path):
    work = 'Smith, Mary. "The bridges of the north." Bridge Review, 12 May {}. Web. 3 June 2012.'
    content = "\n\n".join([FIRST, "Works cited", "Web", *map(work.format, (2009, 2010, 2011))])
    assert texts(write(tmp_path, "a.txt", content)) == [FIRST]


@pytest.mark.parametrize("heading", ["Bridge Review 12", "44 Bridge Review", "Web", "2 Books"])
@pytest.mark.parametrize(
    "entry",
    [
        "van der Berg, A. and Smith, T. The influence of the river on bridges. Review 12, 44-56.",
        "Mary Smith and John Doe. Bridges of the world and their builders. Ellby: Holm, 1990.",
        "O'Brien, T. and Wu, K. The bridges of the northern rivers and of their builders. Holm.",
        "Smith JA, Doe B. The bridges of the northern rivers and their builders. Ellby: Holm.",
        "Ministry of Works (1990). The bridges of the northern rivers and their builders. Ellby.",
        "of the northern rivers and their builders in the county of Dorne. Ellby: Holm.",
    ],
)
def test_what_divides_a_list_of_references_opens_no_text(tmp_path, heading, entry):
    content = f"{FIRST}\n\nReferences\n\n{heading}\n\n{entry}\n\n{SECOND}\n"
    assert texts(write(tmp_path, "a.txt", content)) == [FIRST]


def test_short_paragraphs_behind_a_list_of_references_take_no_time(tmp_path):
    lines = "It is so.\n\n" * 12_000
    path = write(tmp_path, "a.txt", f"{FIRST}\n\nReferences\n\nTowers\n\n{lines}")
    begun = time.monotonic()
    assert texts(path) == [FIRST]
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tex", "\\def\\" + "a" * 100_000),
        ("a.tex", "\\url[ " * 30_000),
        ("a.txt", "[^a " * 50_000),
    ],
)
def test_what_has_no_end_takes_no_time(tmp_path, name, content):
    begun = time.monotonic()
    assert texts(write(tmp_path, name, f"{content}\n\n{FIRST}\n"))[-1] == FIRST
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("name", ["a.txt.gz", "a.md.gz", "a.html.gz"])
def test_a_gzipped_document(tmp_path, name):
    assert texts(write(tmp_path, name, gzip.compress(FIRST.encode()))) == [FIRST]


@pytest.mark.parametrize("bullet", ["-", "*", "•", "·", "–", "3.", "(3)"])
def test_marks_of_items_are_no_text(tmp_path, bullet):
    content = f"{bullet} {FIRST}\n\n{bullet} {SECOND}\n"
    assert texts(write(tmp_path, "a.txt", content)) == [FIRST, SECOND]


def test_paragraphs_whose_first_lines_are_set_in(tmp_path):
    content = "   The ferry sank in\n1881 off Ardal.\n   Nobody on board was\nhurt that night.\n"
    assert texts(write(tmp_path, "a.txt", content)) == [
        "The ferry sank in 1881 off Ardal.", "Nobody on board was hurt that night.",
    ]  # fmt: skip


def test_lines_that_no_program_has_broken_are_paragraphs(tmp_path):
    first, second = (
        f"{text} It was told so in every house of the town. " * 3 for text in (FIRST, SECOND)
    )
    content = f"Lighthouses\n{first}\nThe ferry\n{second}\n"
    found = read_document(write(tmp_path, "a.txt", content))
    assert [(p.text, p.headings) for p in found] == [
        (first.strip(), ("Lighthouses",)), (second.strip(), ("The ferry",)),
    ]  # fmt: skip
    assert text_paragraphs(content)[0] == [first.strip(), second.strip()]


def test_tables_code_and_footnotes_of_plain_text_are_left_out(tmp_path):
    content = (
        f"{FIRST}\n\nyear   yield   price\n2001   3.4   5.5\n2002   3.9   6.1\n\n"
        f"for (i = 0; i < n; i++) {{\n  sum += a[i];\n}}\n\n{SECOND[:-1]}[^1].\n\n"
        "[^1]: See the report of 1998.\n"
    )
    assert texts(write(tmp_path, "a.txt", content)) == [FIRST, SECOND]


def test_numbers_that_end_a_sentence_are_no_page_numbers(tmp_path):
    content = (
        "The bridge was opened to traffic in the summer of\n1937.\n\n"
        "Its floor covers no less than 120 m² of oak² and was laid in\n1998 by the guild.\n\n"
        "The toll was raised for the first time after the war.\n17\n\n18\nThe last toll was paid "
        "in the spring of the same year.\n"
    )
    assert texts(write(tmp_path, "a.txt", content)) == [
        "The bridge was opened to traffic in the summer of 1937.",
        "Its floor covers no less than 120 m² of oak and was laid in 1998 by the guild.",
        "The toll was raised for the first time after the war.",
        "The last toll was paid in the spring of the same year.",
    ]


def test_exponents_of_formulas_are_no_marks_of_notes(tmp_path):
    content = (
        "We see that (a + b)² is more than sin² x, or not.² It falls by 9.8 m/sec² here (at dusk)³ "
        "and there.\n"
    )
    assert texts(write(tmp_path, "a.txt", content)) == [
        "We see that (a + b)² is more than sin² x, or not. It falls by 9.8 m/sec² here (at dusk) "
        "and there."
    ]


def test_form_feeds_are_pages(tmp_path):
    path = write(tmp_path, "a.txt", f"{FIRST}\f{SECOND}\n")
    assert [(p.text, p.number, p.page) for p in read_document(path)] == [
        (FIRST, 1, 1),
        (SECOND, 2, 2),
    ]


def test_markdown(tmp_path):
    content = (
        f"---\ntitle: x\n---\n# Lights\n\n{FIRST.replace('Nils', '**Nils**')}\n\n"
        "| a | b |\n|---|---|\n| not | this. |\n\n```python\nprint('not this.')\n```\n\n"
        "    indented code is not prose.\n\n"
        f"> {SECOND}\n\n1. See [the harbour](http://x.y) of Ardal.\n2. It froze in 1881.\n"
    )
    assert texts(write(tmp_path, "a.md", content)) == [
        FIRST, SECOND, "See the harbour of Ardal.", "It froze in 1881.",
    ]  # fmt: skip


def test_html(tmp_path):
    content = (
        "<html><head><title>No title here.</title><style>p {}</style></head><body>"
        "<nav>Home is not prose here.</nav><h1>Lights of the coast.</h1>"
        f"<p>The Ardal\n lighthouse was <b>lit</b> in 1854.<sup>1</sup> Its keeper, "
        "Nils&nbsp;Falk, grew potatoes.</p>"
        "<table><tr><td>Not in a table, please.</td></tr></table><pre>not code.</pre>"
        f"<div>{SECOND}<ul><li>It froze in 1881.</li></ul></div><script>not(this.one)</script>"
        "<!-- not a comment. --></body></html>"
    )
    for name in ("a.html", "a.HTM"):
        assert texts(write(tmp_path, name, content)) == [FIRST, SECOND, "It froze in 1881."]


def test_word(tmp_path):
    docx = pytest.importorskip("docx")
    document = docx.Document()
    document.add_heading("Lights of the coast.", 1)
    paragraph = document.add_paragraph("The Ardal lighthouse was lit in 1854.")
    paragraph.add_run("7").font.superscript = True
    paragraph.add_run(" Its keeper, Nils Falk, grew potatoes.")
    table = document.add_table(2, 2)
    for i, cell in enumerate([cell for row in table.rows for cell in row.cells]):
        cell.text = f"Not in a table {i}"
    document.add_paragraph(SECOND)
    document.save(tmp_path / "a.docx")
    assert texts(tmp_path / "a.docx") == [FIRST, SECOND]


def test_pdf(tmp_path):
    head = "Journal of Lights, vol. 3"
    pages = [
        [
            head,
            "The Ardal lighthouse was lit in 1854. Its keep-",
            "er, Nils Falk, grew potatoes.",
            "1",
        ],
        [
            head,
            "Copper conducts heat better than iron does, so",
            "good pans have copper bases.",
            "2",
        ],
        [head, "The harbour froze in 1881, and it did so again", "in the winter of 1893.", "3"],
    ]
    found = read_document(write(tmp_path, "a.pdf", pdf(pages)))
    assert [(p.text, p.page) for p in found] == [
        (FIRST, 1),
        (SECOND, 2),
        ("The harbour froze in 1881, and it did so again in the winter of 1893.", 3),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "", "holds no prose"),
        ("a.txt", "Heading\n\n17\n", "holds no prose"),
        ("a.docx", "no zip", "not a Word document"),
        ("a.pdf", "no PDF", "not a PDF"),
        ("a.doc", "{}", "unknown type of document"),
    ],
)
def test_unusable_documents_are_told(tmp_path, name, content, message):
    with pytest.raises(QGenError, match=message) as caught:
        read_document(write(tmp_path, name, content))
    assert "\n" not in str(caught.value)


def test_missing_document(tmp_path):
    with pytest.raises(QGenError, match="cannot read"):
        read_document(tmp_path / "none.md")


def test_a_document_is_rows_for_a_batch(tmp_path):
    path = write(tmp_path, "a.md", f"# Lights\n\n{FIRST}\n\n{SECOND}\n")
    rows = list(read_rows(path))
    assert [row.content.passage for row in rows] == [FIRST, SECOND]
    assert rows[1].content.extra == {"document": "a.md", "paragraph": 2}
