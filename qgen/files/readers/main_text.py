"""Which blocks of a web page are its text, and which are menus, teasers, comments and the like.

trafilatura (Barbaresi 2021) knows that of most pages.  Its own text has lost where superscripts
and headings are, so it only judges: a block stays if its words are in that text.
"""

from __future__ import annotations

import re
import unicodedata

from qgen.english.clean import clean_text
from qgen.files.lines import ends_sentence
from qgen.files.readers.blocks import Block, LeftOut

_RUN = 4
"""Words of the runs in which a block and the text are compared."""
_SHARED = 0.5
"""The share of a block's runs that must be in the text."""
_LEAST = 0.1
"""The share of the blocks' words that must stay; where fewer do, the text was not found.  Round
numbers, all three; no measurement is recorded."""


def main_text(source: str, blocks: list[Block], left_out: LeftOut) -> list[Block]:
    """The blocks of a page that belong to its text; all of them where the text is not found.

    Args:
        source: the page, of some ten thousand elements at most and not nested deep: the library's
            time grows with the product of both.
        blocks: all blocks of the page.
        left_out: is told how many paragraphs are outside the text.
    """
    import trafilatura  # slow; the readers of Markdown and EPUB, which import this too, never do

    try:
        # Without favor_recall the lists of a page are lost that has no element for its article.
        text = trafilatura.extract(source, include_comments=False, favor_recall=True)
    except Exception:  # the library's fault; the blocks are there without it
        return blocks
    words = _words(text or "")
    whole, runs = f" {' '.join(words)} ", set(_runs(words))
    kept: list[Block] = []
    outside = all_words = kept_words = 0
    for block in blocks:
        words = _words(block.text)
        own = list(_runs(words))
        all_words += len(words)
        if (
            sum(run in runs for run in own) >= _SHARED * len(own)
            if own
            else f" {' '.join(words)} " in whole
        ):
            kept_words += len(words)
        elif not block.level:
            outside += bool(own) and ends_sentence(block.text)
            continue
        kept.append(block)
    if kept_words < _LEAST * all_words:
        return blocks
    left_out["paragraph outside the main text"] += outside
    return kept


def _words(text: str) -> list[str]:
    """The words of a text, without numbers, some of which are the marks of notes."""
    # Of an exponent or an index: "e^x", "x_(n+1)".
    text = re.sub(r"\^\(?|_\(", "", unicodedata.normalize("NFKC", text))
    return re.findall(r"[^\W\d_]+", clean_text(text).lower())


def _runs(words: list[str]) -> zip[tuple[str, ...]]:
    return zip(*(words[i:] for i in range(_RUN)), strict=False)
