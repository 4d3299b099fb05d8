"""Small documents of every format, made by the libraries that people make them with."""

import io
import json
import re
import zipfile
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

TEXTS = [
    "The Kestrel Bridge in Dorne was opened by Queen Maud on 4 June 1897, and it carries the road.",
    "The observatory at Harwick was built in 1904 by Petra Holm, and its dome is eleven metres.",
]
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def archive(parts: dict[str, str] | dict[str, bytes]) -> bytes:
    """A zip archive of the parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return out.getvalue()


def word(body: str, **parts: str) -> bytes:
    """A Word document with this body; ``styles`` and ``header1`` are other parts."""
    others = {f"word/{name}.xml": content for name, content in parts.items()}
    document = f"<w:document {WORD}><w:body>{body}</w:body></w:document>"
    return archive({"word/document.xml": document} | others)


def run(text: str, properties: str = "") -> str:
    """A run of a Word document."""
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(*runs: str, properties: str = "") -> str:
    """A paragraph of a Word document."""
    return f"<w:p><w:pPr>{properties}</w:pPr>{''.join(runs)}</w:p>"


def open_document(body: str, styles: str = "", common: str = "") -> bytes:
    """An OpenDocument text with this body, styles of its own and common ones."""
    office = "xmlns='urn:oasis:names:tc:opendocument:xmlns:office:1.0'"
    content = f"<document-content {office}>{styles}<body><text>{body}</text></body>"
    return archive(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"{content}</document-content>",
            "styles.xml": f"<document-styles {office}>{common}</document-styles>",
        }
    )


def _docx() -> bytes:
    import docx

    document = docx.Document()
    document.add_heading("Bridges", 1)
    for text in TEXTS:
        document.add_paragraph(text)
    return _saved(document.save)


def _pptx() -> bytes:
    import pptx

    deck = pptx.Presentation()
    for text in TEXTS:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = "Bridges"
        slide.placeholders[1].text = text
    return _saved(deck.save)


def _odt() -> bytes:
    from odf.opendocument import OpenDocumentText
    from odf.text import H, P

    document = OpenDocumentText()
    document.text.addElement(H(outlinelevel=1, text="Bridges"))
    for text in TEXTS:
        document.text.addElement(P(text=text))
    return _saved(document.write)


def _xlsx() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    for row in [["passage", "id"], *([text, number] for number, text in enumerate(TEXTS))]:
        book.active.append(row)
    return _saved(book.save)


def _saved(save) -> bytes:
    out = io.BytesIO()
    save(out)
    return out.getvalue()


def html(*paragraphs: str) -> str:
    """A web page of these paragraphs."""
    body = "".join(f"<p>{text}</p>" for text in paragraphs)
    return f"<!DOCTYPE html><html><head><title>Bridges</title></head><body>{body}</body></html>"


def epub(*chapters: str, opf: str = "") -> bytes:
    """A book whose chapters are these pages, last first in the archive."""
    names = [f"c{number}" for number in range(len(chapters))]
    items = "".join(f'<item id="{n}" href="text/{n}.xhtml"/>' for n in reversed(names))
    spine = "".join(f'<itemref idref="{name}"/>' for name in names)
    container = '<container><rootfiles><rootfile full-path="OPS/a.opf"/></rootfiles></container>'
    return archive(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "OPS/a.opf": f"<package><manifest>{items}{opf}</manifest>"
            f"<spine>{spine}</spine></package>",
        }
        | {
            f"OPS/text/{name}.xhtml": page
            for name, page in reversed(list(zip(names, chapters, strict=True)))
        }
    )


def _mhtml() -> bytes:
    message = MIMEMultipart("related")
    message.attach(MIMEText(html(*TEXTS), "html", "utf-8"))
    return message.as_bytes()


def _notebook() -> bytes:
    cells = [{"cell_type": "markdown", "source": ["# Bridges\n", "\n", text]} for text in TEXTS]
    cells.append({"cell_type": "code", "source": "print(1)"})
    return json.dumps({"nbformat": 4, "cells": cells}).encode()


def pdf(pages: list[list[str]]) -> bytes:
    """A PDF of pages of lines, set in Helvetica."""
    return set_pdf([[(line, 11.0, 0.0) for line in lines] for lines in pages])


def set_pdf(pages: list[list[tuple[str, float, float]]]) -> bytes:
    """A PDF of lines of runs: a text, its size, and how far it is raised; a new line is "\\n"."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    kids = []
    for runs in pages:
        shown = ""
        for text, size, rise in runs:
            ends = text.endswith("\n") or rise == 0
            shown += f"/F1 {size} Tf {rise} Ts ({text.rstrip(chr(10))}) Tj "
            shown += "0 -14 Td\n" if ends else ""
        stream = f"BT 50 780 Td\n{shown}ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 842] /Resources << /Font << /F1 3 0 R "
            f">> >> /Contents {len(objects)} 0 R >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    out, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    return (
        f"{out}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n"
        f"<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    ).encode("latin-1")


def tex_pdf(content: str) -> bytes:
    """A PDF of a page with what draws it, in Times, whose accents are characters of their own as in
    TeX's fonts: \\1 to \\7 are ´ ¨ ˝ ˇ ¸ ` and ı."""
    accents = "acute dieresis hungarumlaut caron cedilla grave dotlessi".split()
    font = (
        "/Type1 /BaseFont /Times-Roman /Encoding << /Type /Encoding /Differences "
        f"[1 /{' /'.join(accents)}] >>"
    )
    made = set_pdf([[("", 10.0, 0.0)]]).decode("latin-1")
    made = made.replace("/Type1 /BaseFont /Helvetica", font)
    # The places of the objects are no longer right; readers look for them then.
    return re.sub(r"0 -14 Td\n", lambda _: content + "\n", made, count=1).encode("latin-1")


def _rtf() -> bytes:
    return ("{\\rtf1\\ansi\\deff0{\\fonttbl{\\f0 Times;}}" + "\\par ".join(TEXTS) + "}").encode()


def _captions(head: str, mark: str) -> bytes:
    cues = [head] if head else []
    for number, text in enumerate(TEXTS):
        cues.append(f"{number + 1}\n00:0{number}:01{mark}000 --> 00:0{number}:04{mark}000\n{text}")
    return "\n\n".join(cues).encode()


MAKERS = {
    ".txt": lambda: "\n\n".join(TEXTS).encode(),
    ".md": lambda: "\n\n".join(["# Bridges", *TEXTS]).encode(),
    ".html": lambda: html(*TEXTS).encode(),
    ".mhtml": _mhtml,
    ".docx": _docx,
    ".odt": _odt,
    ".rtf": _rtf,
    ".epub": lambda: epub(html(TEXTS[0]), html(TEXTS[1])),
    ".pptx": _pptx,
    ".pdf": lambda: pdf([[TEXTS[0]], [TEXTS[1]]]),
    ".ipynb": _notebook,
    ".tex": lambda: "\\begin{document}\n{}\n\\end{document}".replace(
        "{}\n", "\n\n".join(TEXTS) + "\n"
    ).encode(),
    ".srt": lambda: _captions("", ","),
    ".vtt": lambda: _captions("WEBVTT", "."),
    ".xlsx": _xlsx,
    ".csv": lambda: ("passage,id\n" + "".join(f'"{text}",1\n' for text in TEXTS)).encode(),
    ".jsonl": lambda: "".join(json.dumps({"passage": text}) + "\n" for text in TEXTS).encode(),
    ".json": lambda: json.dumps([{"passage": text} for text in TEXTS]).encode(),
}


def make(suffix: str) -> bytes:
    """A small document of the two texts."""
    return MAKERS[suffix]()
