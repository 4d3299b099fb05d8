"""Web pages: their main text, without menus, teasers and comments; all of it where in doubt."""

from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from qgen.files.documents import read_document
from qgen.files.readers import main_text
from qgen.files.readers.blocks import Block, LeftOut
from qgen.files.readers.html import decode_html, html_blocks
from qgen.files.readers.markdown import markdown_blocks
from qgen.files.readers.marks import KEPT

STORY = [
    "The Kestrel Bridge in Dorne was opened by Queen Maud on the 21<sup>st</sup> of May 1897.",
    "Its deck covers 350&nbsp;m<sup>2</sup> of oak, and 10<sup>6</sup> rivets hold it together."
    '<sup><a href="#n1">[1]</a></sup>',
    "The engineer was <a href='/rosa'>Rosa Lund</a> of Marland, who had built two others before.",
    "When the old ferry was given up, its master became the first keeper of the bridge's toll.",
]
READ = [
    "The Kestrel Bridge in Dorne was opened by Queen Maud on the 21st of May 1897.",
    "Its deck covers 350 m² of oak, and 10⁶ rivets hold it together.",
    "The engineer was Rosa Lund of Marland, who had built two others before.",
    "When the old ferry was given up, its master became the first keeper of the bridge's toll.",
]
TEASERS = "".join(
    f'<div class="teaser"><a href="/{n}">Ten things that you never knew about bridges, part {n}.'
    "</a></div>"
    for n in range(6)
)
COMMENTS = (
    '<div id="comments"><h3>3 comments</h3><ol class="commentlist">'
    + "".join(
        f'<li class="comment"><p>I crossed it in {year} and thought that the toll was too high.</p>'
        "</li>"
        for year in (1989, 1994, 2003)
    )
    + "</ol></div>"
)


def page(body: str, menu: str = "") -> str:
    return (
        "<!DOCTYPE html><html><head><title>Bridges</title></head><body>"
        f'<div class="menu"><ul><li><a href="/">Home.</a></li>{menu}</ul></div>{body}'
        '<div id="footer"><p>All rights are reserved by the Dorne Gazette, 2024.</p></div>'
        "</body></html>"
    )


def article(inside: str) -> str:
    return page(f'<div class="article"><h1>A bridge</h1>{inside}</div>{TEASERS}{COMMENTS}')


def html(body: str) -> str:
    return f"<!DOCTYPE html><html><head><title>Bridges</title></head><body>{body}</body></html>"


def read(tmp_path, content: str, name: str = "a.html"):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return read_document(path)


def texts(document) -> list[str]:
    return [paragraph.text for paragraph in document]


def paragraphs_of(texts: list[str]) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


@pytest.mark.parametrize("suffix", [".html", ".mhtml"])
def test_the_main_text_and_its_superscripts(tmp_path, suffix):
    content = article(paragraphs_of(STORY))
    if suffix == ".mhtml":
        message = MIMEMultipart("related")
        message.attach(MIMEText(content, "html", "utf-8"))
        content = message.as_string()
    document = read(tmp_path, content, f"a{suffix}")
    assert texts(document) == READ
    assert "outside the main text" in document.summary


def test_a_paragraph_with_exponents_is_of_the_main_text(tmp_path):
    powers = (
        "The value of e<sup>x</sup> and 2<sup>x</sup> and x<sup>y</sup> was given by Rosa Lund."
    )
    document = read(tmp_path, article(paragraphs_of([*STORY, powers])))
    assert texts(document)[-1] == "The value of e^x and 2^x and x^y was given by Rosa Lund."


def test_what_is_left_out_is_counted():
    blocks = [
        Block("Bridges", None, 1),
        *map(Block, READ),
        Block("This paragraph is in no text that the library has found."),
        Block("A menu"),
    ]
    left_out = LeftOut()
    kept = main_text.main_text(page(paragraphs_of(STORY)), blocks, left_out)
    assert kept == blocks[:5]
    assert str(left_out) == "1 paragraph outside the main text"
    left_out["paragraph outside the main text"] += 1
    assert str(left_out) == "2 paragraphs outside the main text"


def test_layout_tables_and_preformatted_prose_stay(tmp_path):
    first, *others = STORY
    layout = (
        f'<table width="600"><tr><td>{first}</td><td>{others[0]}</td></tr></table>'
        f"<pre>{READ[2]}\n{READ[3]}</pre>"
        "<pre><code>for bridge in bridges:\n    print(bridge)</code></pre>"
        "<table><tr><th>Year</th><th>Toll</th></tr><tr><td>1897</td><td>2</td></tr></table>"
    )
    document = read(tmp_path, article(layout))
    assert texts(document) == [*READ[:2], " ".join(READ[2:])]
    assert document.left_out["table"] == 1 and document.left_out["block of code"] == 1


def test_inline_code_links_and_breaks_do_not_divide_a_paragraph(tmp_path):
    body = (
        "<p>The toll is counted by <code>toll.sum()</code>, which <b>Ro</b>sa wrote, and<br>"
        "the sum is printed every night at ten.</p>" + paragraphs_of(STORY[2:])
    )
    assert texts(read(tmp_path, article(body))) == [
        "The toll is counted by toll.sum(), which Rosa wrote, and the sum is printed every night "
        "at ten.",
        *READ[2:],
    ]


def test_lists_of_a_page_without_an_element_for_its_article(tmp_path):
    items = "".join(f"<li>{text}</li>" for text in STORY[2:])
    body = f"<h1>A bridge</h1>{paragraphs_of(STORY[:2])}<ul>{items}</ul>"
    assert texts(read(tmp_path, f"<!DOCTYPE html><html><body>{body}</body></html>")) == READ


def test_several_articles_on_one_page_stay(tmp_path):
    articles = "".join(
        f"<article><h2>Number {n}</h2><p>{n} of the bridges of Dorne were built of oak. {text}</p>"
        "</article>"
        for n, text in enumerate(READ * 3)
    )
    assert len(read(tmp_path, page(f"<main>{articles}</main>"))) == 12


def test_a_text_that_only_a_browser_without_scripts_shows(tmp_path):
    body = f"<noscript>{paragraphs_of(STORY)}</noscript>"
    assert texts(read(tmp_path, page(body))) == READ


@pytest.mark.parametrize(
    "body",
    [
        f"<p>{READ[0]}</p>",
        f"<div>{READ[0]}</div>",
        f"<table><tr><td>{READ[0]}</td></tr></table>",
        f"<pre>{READ[0]}</pre>",
        f"<ul><li>{READ[0]}</li></ul>",
        f"<blockquote>{READ[0]}</blockquote>",
        f"<p>{READ[0]}",
        READ[0],
    ],
)
def test_short_pages_are_read_whole(tmp_path, body):
    assert texts(read(tmp_path, f"<!DOCTYPE html><html><body>{body}</body></html>")) == [READ[0]]


def test_where_the_library_fails_or_finds_too_little_all_is_kept(monkeypatch):
    import trafilatura

    blocks = [Block(text) for text in READ * 5]

    def fails(*_, **__):
        raise AttributeError("a fault of the library's")

    for extract in (fails, lambda *_, **__: None, lambda *_, **__: READ[0][:40]):
        monkeypatch.setattr(trafilatura, "extract", extract)
        left_out = LeftOut()
        assert main_text.main_text("<p>x", blocks, left_out) == blocks and not str(left_out)


@pytest.mark.parametrize(
    "source",
    ["<div>" * 101 + paragraphs_of(STORY), paragraphs_of(STORY) + "<br>" * 50_001],
    ids=["deep", "long"],
)
def test_the_library_does_not_see_deep_or_very_long_pages(tmp_path, monkeypatch, source):
    from qgen.files.readers import html

    monkeypatch.setattr(html, "main_text", lambda *_: pytest.fail("it has seen the page"))
    found = [block.text for block in html.web_page_blocks(source, LeftOut())]
    assert len(found) == 4


@pytest.mark.parametrize(
    ("content", "encoding", "named"),
    [
        ("Beyoncé”—the “café”", "cp1252", "windows-1252"),
        ("the “café”", "cp1252", "iso-8859-1"),  # as browsers read it
        ("the café of Łódź", "iso8859-2", "iso-8859-2"),
        ("the café", "utf-8", "windows-1252"),  # which the page clearly is not in
        ("the café", "cp1252", "hex"),
        ("the café", "cp1252", "utf-16"),
        ("the café", "cp1252", "utf-8"),
    ],
)
def test_the_encoding_that_a_page_names(content, encoding, named):
    page = f'<meta charset="{named}"><p>{content}'
    assert decode_html(page.encode(encoding)) == page


def test_a_page_in_utf8_with_a_broken_byte_that_names_another_encoding():
    page = '<meta charset="iso-8859-1"><p>the café “Dorne”'
    assert decode_html(page.encode() + b"\xe9") == f"{page}\ufffd"


def test_formulas_leave_a_mark(tmp_path):
    formula = "<math><msup><mi>y</mi><mn>2</mn></msup></math>"
    picture = '<img class="mwe-math-fallback-image-inline" alt="{y^2}">'
    text = "It holds that {} is the sum of the two, as Rosa Lund wrote in 1899."
    body = paragraphs_of([*STORY, text.format(formula), text.format(picture)])
    document = read(tmp_path, article(body))
    assert texts(document) == [*READ, text.format("…"), text.format("…")]
    assert document.left_out["formula"] == 2 and not document.left_out["picture"]


@pytest.mark.parametrize(
    ("formula", "found"),
    [
        ('<span class="katex"><span class="katex-mathml"><math><mi>E</mi></math></span><span '
         'class="katex-html" aria-hidden="true">E=mc2</span></span>', "…"),
        ('<span class="MathJax_Preview">E=mc^2</span><span class="MathJax"><nobr>E=mc2</nobr><span '
         'class="MJX_Assistive_MathML"><math><mi>E</mi></math></span></span>'
         '<script type="math/tex">E=mc^2</script>', "…"),
        ('<script type="math/tex">E=mc^2</script>', "…"),
        ('<span class="math inline">\\(E = mc^2\\)</span>', "E = mc²"),
        ("\\[E = mc^2\\]", "…"),
        ("\\(E = \\unheard{mc}\\)", "…"),
    ],
)  # fmt: skip
def test_formulas_that_scripts_draw_are_read_once(tmp_path, formula, found):
    text = "It holds that {} is the sum of the two, as Rosa Lund wrote in 1899."
    document = read(tmp_path, article(paragraphs_of([*STORY, text.format(formula)])))
    assert texts(document) == [*READ, text.format(found)]
    assert document.left_out["formula"] == (found == "…")


@pytest.mark.parametrize(
    ("name", "source", "found"),
    [
        ("a.html", "<p>In sed, <code>\\(a\\)</code> groups and <code>\\[x\\]</code> is.</p>",
         "In sed, \\(a\\) groups and \\[x\\] is."),
        ("a.html", "<p>In <kbd>\\begin{align}</kbd> or <tt>\\end{align}</tt> nothing is read.</p>",
         "In \\begin{align} or \\end{align} nothing is read."),
        ("a.html", "<p>The text of the page is in C:\\[new\\] and in D:\\(old things\\) too.</p>",
         "The text of the page is in C:\\[new\\] and in D:\\(old things\\) too."),
        ("a.md", "In sed, `\\(a\\)` groups and `\\[x = 1\\]` is.",
         "In sed, \\(a\\) groups and \\[x = 1\\] is."),
        ("a.md", "It holds that \\\\(E = mc^2\\\\) is the energy at rest.",
         "It holds that E = mc² is the energy at rest."),
    ],
)  # fmt: skip
def test_brackets_of_code_and_of_a_text_are_no_formulas(name, source, found):
    blocks = {"a.md": markdown_blocks, "a.html": html_blocks}[name](source, LeftOut())
    assert [block.text.replace(KEPT, "") for block in blocks] == [found]


@pytest.mark.parametrize(
    ("mark", "note"),
    [
        ('<span class="ltx_note ltx_role_footnote"><sup class="ltx_note_mark">1</sup>'
         '<span class="ltx_note_outer">{}</span></span>', ""),  # of arXiv
        ('<label for="s"></label><input type="checkbox" id="s"/><span class="sidenote">{}</span>',
         ""),
        ('<sup><a href="#ftnt1" id="ftnt_ref1">[1]</a></sup>',  # Google Docs
         '<hr><div><p><a href="#ftnt_ref1" id="ftnt1">[1]</a> {}</p></div>'),
        ('<sup><a href="#cmnt1" id="cmnt_ref1">[a]</a></sup>',
         '<div><p><a href="#cmnt_ref1" id="cmnt1">[a]</a><span>{}</span></p></div>'),
        ('<a href="#_ftn1" name="_ftnref1"><span class=MsoFootnoteReference>[1]</span></a>',  # Word
         '<div><p class=MsoFootnoteText><a href="#_ftnref1" name="_ftn1">[1]</a> {}</p></div>'),
        ('<a class="sdfootnoteanc" name="sdfootnote1anc" href="#sdfootnote1sym"><sup>1</sup></a>',
         '<div id="sdfootnote1"><p class="sdfootnote-western"><a class="sdfootnotesym" '
         'href="#sdfootnote1anc">1</a>{}</p></div>'),  # LibreOffice
    ],
)  # fmt: skip
def test_notes_as_programs_write_them(tmp_path, mark, note):
    said = "That was told by the mayor of the town in a book of his that is lost."
    first = STORY[2].removesuffix(".") + mark.format(said) + "."
    body = paragraphs_of([first, STORY[3]]) + note.format(said)
    assert texts(read(tmp_path, html(body))) == READ[2:]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (f"<table><tr><td>{STORY[0]}<br><br>{STORY[2]}<br><br><sup><a href='#fnref1'>1</a></sup> "
         f"It is told so.<br><br>{STORY[3]}</td></tr></table>", [READ[0], *READ[2:]]),
        (f"<p>{STORY[2]}<br><a href='#fnref1'>1</a> It is told so.<br>{STORY[3]}</p>", READ[2:]),
        (f"<p>{STORY[2]}</p><ol><li id=fn1><p>{STORY[0]}</p><p>It is told so. <a href='#fnref1'>"
         f"b</a></p></li></ol><p>{STORY[3]}</p>", READ[2:]),
        (f"<p>{STORY[2]}</p><ol><li id='fn:a'><p><a href='#fnref:a'>1</a> It is told so.</p>"
         f"<p>{STORY[0]}</p></li></ol><ul><li id=next>{STORY[3]}</ul>", READ[2:]),
    ],
)  # fmt: skip
def test_notes_are_left_out_and_nothing_round_them(source, found):
    left_out = LeftOut()
    assert [block.text for block in html_blocks(source, left_out)] == found
    assert left_out == {"note": 1}


def test_call_outs_of_notion_are_read(tmp_path):
    call_out = f'<figure class="gray callout"><div>💡</div><div>{STORY[2]}</div></figure>'
    body = f'<article class="page sans"><p>{STORY[0]}</p>{call_out}<p>{STORY[3]}</p></article>'
    assert texts(read(tmp_path, html(body))) == [READ[0], *READ[2:]]


def test_a_page_of_comments_alone_is_read(tmp_path):
    comments = "".join(f'<div class="comment"><p>{text}</p></div>' for text in STORY)
    body = f'<html><body><div id="comments">{comments}</div></body></html>'
    assert texts(read(tmp_path, body)) == READ


def test_note_marks_do_not_make_a_paragraph_foreign(tmp_path):
    marked = " ".join(
        f'{word}<sup class="reference"><a href="#{n}">[{n}]</a></sup>' if n % 3 == 0 else word
        for n, word in enumerate(READ[3].split(), 1)
    )
    document = read(tmp_path, article(paragraphs_of([*STORY[:3], marked])))
    assert texts(document)[-1] == READ[3]
