"""Things of a kind: names and nouns that people, and WordNet, have put side by side.

The lexicon ships; `recipes/things.py` makes it, of option sets of multiple-choice questions, of
groups that were written for it and of WordNet's nouns.
"""

from __future__ import annotations

import lzma
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

from qgen.english.words import fold, spaced

LEXICON = Path(__file__).with_name("things.txt.xz")
"""A group a line: its source, "t" trivia, "b" textbooks, "g" this repository's own or "w" WordNet,
and things of one kind, each with its other names behind "="."""
_MOST_OF_HEAD = 40
"""Things with the same last word that are looked at.  A round number; no measurement is
recorded."""


class Likeness(NamedTuple):
    """What the lexicon says of a thing beside another one.

    Attributes:
        options: option sets that hold both.
        wordnet: WordNet's groups that hold both, a small one counting for more.
        linked: option sets of each with a third thing.
        head: 1 where they have nothing in common but their last word.
    """

    options: int = 0
    wordnet: float = 0.0
    linked: float = 0.0
    head: int = 0


class Things:
    """The groups of a lexicon.

    Args:
        lines: as :data:`LEXICON` has them.
    """

    def __init__(self, lines: list[str]):
        self._groups: list[tuple[str, list[list[str]]]] = []
        self._of: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._by_last: dict[str, dict[str, str]] = defaultdict(dict)
        for number, line in enumerate(lines):
            source, *members = line.split("\t")
            things = [member.split("=") for member in members]
            self._groups.append((source, things))
            for place, names in enumerate(things):
                for name in names:
                    key = fold(name)
                    self._of[key].append((number, place))
                    if " " in key:
                        self._by_last[key.rsplit(" ", 1)[1]].setdefault(key, name)

    def synonyms(self, name: str) -> set[str]:
        """The other names of a thing, folded."""
        return {
            fold(other)
            for number, place in self._of.get(fold(spaced(name)), ())
            for other in self._groups[number][1][place]
        }

    def like(self, name: str) -> dict[str, Likeness]:
        """Things like a name or noun, in the form that has as many words, with what is known.

        Args:
            name: without article or preposition.
        """
        key, words = fold(spaced(name)), len(name.split())  # a line may end within it
        places = self._of.get(key, [])
        last_only = False
        if not places and words == 1 and name[:1].isupper():  # a surname
            full = [k for k in self._by_last.get(key, ()) if len(k.split()) <= 3]
            places = [place for k in full[:3] for place in self._of[k]]
            last_only = True
        options: Counter[str] = Counter()
        wordnet: Counter[str] = Counter()
        form: dict[str, str] = {}
        for number, at in places:
            source, things = self._groups[number]
            for place, names in enumerate(things):
                if place == at:
                    continue
                shown = _in_words(names, words, last_only)
                if source == "w":
                    wordnet[fold(shown)] += 1 / len(things)  # type: ignore[assignment]
                else:
                    options[fold(shown)] += 1
                form.setdefault(fold(shown), shown)
        linked: Counter[str] = Counter()
        for other, count in options.most_common(12):
            for number, at in self._of.get(other, [])[:20]:
                source, things = self._groups[number]
                if source == "w":
                    continue
                for place, names in enumerate(things):
                    shown = _in_words(names, words, last_only)
                    if place != at and fold(shown) != key:
                        linked[fold(shown)] += count / len(places)  # type: ignore[assignment]
                        form.setdefault(fold(shown), shown)
        heads: dict[str, str] = {}
        if words > 1 and not name[:1].isupper():
            heads = dict(list(self._by_last.get(key.rsplit(" ", 1)[1], {}).items())[:_MOST_OF_HEAD])
        for other, shown in heads.items():
            form.setdefault(other, shown)
        form.pop(key, None)
        return {
            shown: Likeness(options[other], wordnet[other], linked[other], int(other in heads))
            for other, shown in form.items()
        }


def _in_words(names: list[str], words: int, last_only: bool) -> str:
    """The name of a thing that has so many words, or else its first."""
    if last_only:
        return names[0].split()[-1]
    return next((name for name in names if len(name.split()) == words), names[0])


@cache
def things() -> Things:
    """The lexicon that ships, read when it is first asked for."""
    return Things(lzma.decompress(LEXICON.read_bytes()).decode().splitlines())
