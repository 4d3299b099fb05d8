"""The lexicon of things of a kind that wrong choices come from: option sets, this repository's own
groups and WordNet in, one packed file out.

    python -m recipes.things --data DATA --wordnet /usr/share/wordnet \
        --out qgen/english/things.txt.xz

The folder of WordNet 3.0 has ``data.noun`` and ``index.noun``; Debian's package is
``wordnet-base``.  The same input gives the same file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from qgen.english.dictionary import usual_tag
from qgen.errors import exit_code

CATEGORIES = frozenset(
    "world general people history science-technology animals literature humanities geography "
    "for-kids religion-faith hobbies sports".split()
)
"""Of OpenTriviaQA, those whose options are other than films, songs and their stars."""
MOST_WORDS = 4
LEAST, MOST = 3, 24
"""Things in a group; a larger one is divided, those together that stand near in its order."""

_CLEAN = re.compile(r"[A-Za-zÀ-ž][A-Za-zÀ-ž.’' -]*[A-Za-zÀ-ž.]")
_EMPTY = re.compile(
    r"\b(?:all|none|both|neither|either) of\b|\b(?:none|all|both|true|false|yes|no|never|he|she|"
    r"his|her|it|they|their|you|your|i|my)\b",
    re.I,
)


class Synset(NamedTuple):
    """What WordNet says of one meaning: its words, what it is a kind or an instance of, what it is
    a part of, and a year of its gloss."""

    words: tuple[str, ...]
    kinds: tuple[str, ...]
    classes: tuple[str, ...]
    wholes: tuple[str, ...]
    year: int


def option_sets(data: Path) -> Iterator[tuple[str, list[str]]]:
    """The option sets that people wrote, as source ("t" trivia, "b" textbooks) and options."""
    with gzip.open(data / "opentriviaqa/mcq.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["kind"] == "choice" and row["category"] in CATEGORIES:
                yield "t", row["choices"]
    with open(data / "openstax/mcq.jsonl", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            yield "b", row["choices"]


def own_groups(groups: Path, written: Path) -> Iterator[list[str]]:
    """The groups of this repository, whose things may have other names behind "=", and its answers
    with their distractors."""
    for line in groups.read_text(encoding="utf-8").splitlines():
        yield line.split("\t")
    for article in json.loads(written.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                if "distractors" in question:
                    yield [question["answers"][0]["text"], *question["distractors"]]


def is_thing(option: str) -> bool:
    """Whether an option is a short name or phrase, not a sentence or "none of these"."""
    words = option.split()
    return (
        len(words) <= MOST_WORDS
        and len(option) > 2
        and bool(_CLEAN.fullmatch(option))
        and not _EMPTY.search(option)
        and not any(usual_tag(word.lower()) in {"MD", "VBZ", "VBP"} for word in words[1:])
    )


def read_wordnet(folder: Path) -> tuple[dict[str, Synset], dict[str, str]]:
    """WordNet's nouns: synsets by offset, and the first meaning of each lower-cased word."""
    synsets: dict[str, Synset] = {}
    for line in (folder / "data.noun").read_text(encoding="latin-1").splitlines():
        if line.startswith(" "):
            continue
        fields, _, gloss = line.partition(" | ")
        parts = fields.split()
        count = int(parts[3], 16)
        words = tuple(parts[4 + 2 * i].replace("_", " ") for i in range(count))
        at = 4 + 2 * count
        pointers = [parts[at + 1 + 4 * i : at + 3 + 4 * i] for i in range(int(parts[at]))]
        year = re.search(r"\((?:born in )?(\d{3,4})\b(?! BC)", gloss)
        synsets[parts[0]] = Synset(
            words,
            tuple(offset for sign, offset in pointers if sign == "@"),
            tuple(offset for sign, offset in pointers if sign == "@i"),
            tuple(offset for sign, offset in pointers if sign == "#p"),
            int(year[1]) if year else 0,
        )
    first: dict[str, str] = {}
    for line in (folder / "index.noun").read_text(encoding="latin-1").splitlines():
        if not line.startswith(" "):
            parts = line.split()
            first[parts[0].replace("_", " ")] = parts[-int(parts[2])]
    return synsets, first


def wordnet_groups(folder: Path) -> Iterator[list[str]]:
    """Things of one kind, and of one kind in one place; each with its other names behind "="."""
    synsets, first = read_wordnet(folder)
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for offset, synset in synsets.items():
        for kind in synset.classes:
            groups[(kind,)].append(offset)
            for whole in synset.wholes:
                groups[kind, whole].append(offset)
        if not synset.classes:
            for kind in synset.kinds:
                groups[(kind,)].append(offset)
    for key, offsets in groups.items():
        members = []
        for offset in sorted(offsets, key=lambda o: (synsets[o].year, synsets[o].words[0])):
            synset = synsets[offset]
            usual = [
                w for w in synset.words if _is_usual(w, first.get(w.lower()) == offset, synset)
            ]
            if usual:
                members.append("=".join(usual))
        if len(key) == 1 and len(members) > 8 * MOST and not any(synsets[o].year for o in offsets):
            continue  # "plant genus": too many, and too little alike
        yield from _divided(members)


def _is_usual(word: str, is_first: bool, synset: Synset) -> bool:
    if not _CLEAN.fullmatch(word) or len(word.split()) > MOST_WORDS or len(word) < 3:
        return False
    if synset.classes:
        return True
    known = usual_tag(word) or len(word.split()) > 1
    return is_first and bool(known) and not (synset.words[0][:1].isupper() and "genus" in word)


def _divided(members: list[str]) -> Iterator[list[str]]:
    parts = max(1, -(-len(members) // MOST))
    size = -(-len(members) // parts) if members else 0
    for begin in range(0, len(members), size or 1):
        yield members[begin : begin + size]


def lines(data: Path, wordnet: Path, groups: Path, written: Path) -> Iterable[str]:
    """The lines of the lexicon: source and things of one kind, each line once."""
    found: dict[str, None] = {}
    own = (("g", group) for group in own_groups(groups, written))
    for source, options in chain(option_sets(data), own):
        things = [" ".join(option.split()).strip() for option in options]
        things = [thing for thing in things if all(map(is_thing, thing.split("=")))]
        if len(things) >= LEAST:
            found["\t".join([source, *sorted(dict.fromkeys(things))])] = None
    for group in wordnet_groups(wordnet):
        if len(group) >= LEAST:
            found["\t".join(["w", *group])] = None
    return sorted(found)


def main(argv: Sequence[str] | None = None) -> None:
    """Write the lexicon."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--wordnet", type=Path, required=True)
    for name, path in (
        ("groups", "data/things/groups.tsv"),
        ("written", "data/written/train.json"),
    ):
        parser.add_argument(f"--{name}", type=Path, default=Path(path), help="(%(default)s)")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)
    found = lines(args.data, args.wordnet, args.groups, args.written)
    text = "".join(line + "\n" for line in found)
    args.out.write_bytes(lzma.compress(text.encode(), preset=9))


if __name__ == "__main__":
    sys.exit(exit_code("recipes.things", main))
