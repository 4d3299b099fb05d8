"""The mixture that the question generator was fine-tuned on: data sets in, JSONL out.

    python -m recipes.mixture --data DATA --out DIR

writes ``train.jsonl``, the draws in their order, so that one epoch of it is the run, and a
``dev-*.jsonl`` for each domain, none of whose passages is trained on.  The same seed and the same
data give the same files.  ``recipes/README.md`` says which files ``DATA`` must have.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.splits import load_part, load_squad
from qgen.errors import QGenError, exit_code
from qgen.records import Answer, Example
from qgen.settings import STATEMENT
from recipes.templates import code, fill, rare_name

SHARES = {
    "squad": 0.35,
    "amazon": 0.10,
    "reddit": 0.10,
    "new_wiki": 0.08,
    "everyday": 0.12,
    "fairytaleqa": 0.10,
    "qed": 0.07,
    "qadiscourse": 0.06,
    "qamr": 0.02,
    "templates": 0.0,
    "written": 0.0,
    "statements": 0.0,
    "distractors": 0.0,
}
"""The weight of each source among the draws; the weights are divided by their sum."""

STYLES = {
    "qed": "search",
    "qadiscourse": "discourse",
    "qamr": "short",
    "statements": STATEMENT,
    "distractors": "distractor",
}
"""The control that every row of a source has; the others ask as a quiz does."""

DISCOURSE = {
    "what is the reason": "reason",
    "what is the cause of": "reason",
    "what is the result of": "outcome",
    "in what manner": "manner",
    "what is contrasted with": "contrast",
    "despite what": "contrast",
    "in what case": "condition",
    "unless what": "condition",
    "after what": "time",
    "before what": "time",
    "since when": "time",
    "until when": "time",
    "while what": "time",
    "during what": "time",
    "what is an example of": "example",
    "what is similar to": "similarity",
}
"""The kind of question that QADiscourse's openings ask; others have none."""

_WHY = re.compile(r"(for what reason|why)\b", re.I)
_HOW = re.compile(
    r"how (?!many|much|long|old|far|tall|high|big|often|large|deep|fast|wide|heavy|late|soon|early"
    r"|close|hot|cold|small|good|common|likely|strong|expensive)\b",
    re.I,
)
_COPIES = {"why": 3, "how": 2}
"""How often a quiz's rows of these kinds stand where others stand once: they are rare."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Row:
    """An example and the kinds it is of."""

    example: Example
    kinds: tuple[str, ...] = ()


def kind_of(question: str) -> str | None:
    """ "why", "how" (in what way, not how many or how long), or ``None``."""
    if _WHY.match(question):
        return "why"
    return "how" if _HOW.match(question) else None


def read_shared(path: Path) -> Iterator[tuple[dict, Example]]:
    """The rows of one of the shared files whose answer stands in the passage; how many others there
    are goes to stderr."""
    skipped = 0
    for line in path.open(encoding="utf-8"):
        row = json.loads(line)
        if row["passage"] is None or row["answer_start"] is None:
            skipped += 1
            continue
        answer = Answer(row["answer"], row["answer_start"])
        yield row, Example(row["passage"], answer, row["question"], row["id"])
    if skipped:
        print(f"{path.name}: {skipped} rows without a span left out", file=sys.stderr)


def read_beside(path: Path, name: str) -> list[Example]:
    """What a file in SQuAD's form has beside some of its questions, in place of these: a
    ``statement`` that says the same as question and answer do, or ``distractors``."""
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    questions = [q for each in articles for text in each["paragraphs"] for q in text["qas"]]
    found = {q["id"]: q[name] for q in questions if name in q}
    return [
        replace(example, question=text)
        for example in itertools.chain.from_iterable(load_squad(path).values())
        for text in _several(found.get(example.id, []))
    ]


def _several(texts: str | list[str]) -> list[str]:
    return [texts] if isinstance(texts, str) else texts


def read_sources(
    data: Path, everyday: Path, written: Path, partial: bool = False
) -> tuple[dict[str, list[Row]], dict[str, list[Row]]]:
    """The rows of every source, and those of the development parts that the data sets have; with
    ``partial`` SQuAD's files may lack some articles."""
    squad = [data / "squad" / name for name in ("train-v1.1.json", "dev-v1.1.json")]
    train = {
        "squad": load_part("du", "fit", squad, data / "nqg", partial=partial),
        "everyday": list(itertools.chain.from_iterable(load_squad(everyday).values())),
        "written": list(itertools.chain.from_iterable(load_squad(written).values())),
        **{
            name: [example for _, example in read_shared(data / f"squadshifts/{name}-train.jsonl")]
            for name in ("amazon", "reddit", "new_wiki")
        },
        "qed": [
            example
            for row, example in read_shared(data / "qed/train.jsonl")
            if row["kind"] == "prose"
        ],
        "qamr": [example for _, example in read_shared(data / "qamr/dev.jsonl")],
        "templates": [fill(random.Random(number)) for number in range(6000)],
    }
    rows = {name: [_quiz_row(example) for example in found] for name, found in train.items()}
    rows["statements"] = list(map(Row, read_beside(written, "statement")))
    rows["distractors"] = list(map(Row, read_beside(written, "distractors")))
    dev: dict[str, list[Row]] = {}
    for part, to in (("train", rows), ("dev", dev)):
        to["fairytaleqa"] = [
            _quiz_row(example, row["attribute"])
            for row, example in read_shared(data / f"fairytaleqa-full/{part}.jsonl")
        ]
        to["qadiscourse"] = [
            Row(example, tuple(filter(None, [DISCOURSE.get(row["kind"])])))
            for row, example in read_shared(data / f"qadiscourse/{part}.jsonl")
        ]
    return rows, dev


def _quiz_row(example: Example, *kinds: str) -> Row:
    kind = kind_of(example.question)
    return Row(example, (kind, *kinds) if kind else kinds)


def cut_off(rows: Sequence[Row], size: int, draw: random.Random) -> tuple[list[Row], list[Row]]:
    """Rows to train on, and about ``size`` others, which share no passage with them."""
    passages = list(dict.fromkeys(row.example.passage for row in rows))
    draw.shuffle(passages)
    counts = Counter(row.example.passage for row in rows)
    total = itertools.accumulate((counts[passage] for passage in passages), initial=0)
    held_out = {passage for passage, before in zip(passages, total, strict=False) if before < size}
    parts: tuple[list[Row], list[Row]] = ([], [])
    for row in rows:
        parts[row.example.passage in held_out].append(row)
    return parts


def draws(rows: Sequence[Row], draw: random.Random) -> Iterator[Row]:
    """Rows for ever, in a new order each time round, those of rare kinds more often."""
    pool = [row for row in rows for _ in range(max(_COPIES.get(k, 1) for k in ("", *row.kinds)))]
    while True:
        draw.shuffle(pool)
        yield from pool


def with_controls(row: Row, style: str | None, draw: random.Random) -> Example:
    """The row with its style and, half of the times, with one of its kinds."""
    kinds = [draw.choice(row.kinds)] if row.kinds and draw.random() < 0.5 else []
    return replace(row.example, controls=tuple(filter(None, [style, *kinds])))


def rename(example: Example, draw: random.Random) -> Example:
    """The example with a name of passage and question replaced by a word never seen or a code, such
    as "Kovaruzi" or "XR-4471B", which can only be copied; or unchanged, where there is no name."""
    passage, answer = example.passage, example.answer
    asked = set(_WORD.findall(example.question.partition(" ")[2]))
    names = [
        word
        for word in dict.fromkeys(_WORD.findall(passage))
        if word in asked and len(word) > 3 and word[0].isupper() and word.lower() not in passage
    ]
    if not names or answer is None:
        return example
    name = re.compile(rf"\b{re.escape(draw.choice(names))}\b")
    new = draw.choice([rare_name, code])(draw)

    def renamed(text: str) -> str:
        return name.sub(new, text)

    before, after = renamed(passage[: answer.start]), renamed(passage[answer.end :])
    moved = Answer(renamed(answer.text), len(before))
    question = renamed(example.question)
    return replace(example, passage=before + moved.text + after, answer=moved, question=question)


def write(path: Path, examples: Sequence[Example]) -> None:
    """Examples as rows that ``qgen train`` reads."""
    with path.open("w", encoding="utf-8") as file:
        for example in examples:
            assert example.answer is not None
            row = {
                "id": example.id,
                "passage": example.passage,
                "answer": example.answer.text,
                "answer_start": example.answer.start,
                "question": example.question,
                "controls": example.controls,
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def mix(
    sources: dict[str, list[Row]],
    shares: dict[str, float],
    size: int,
    renamed_share: float,
    draw: random.Random,
) -> list[Example]:
    """The draws: ``size`` of them, each from a source chosen in proportion to its share."""
    supplies = {name: draws(sources[name], draw) for name in shares}
    chosen = draw.choices(list(shares), list(shares.values()), k=size)
    examples = []
    for name in chosen:
        example = with_controls(next(supplies[name]), STYLES.get(name), draw)
        if name not in STYLES and draw.random() < renamed_share:
            example = rename(example, draw)
        examples.append(example)
    return examples


def make(args: argparse.Namespace) -> None:
    """Write the files that the command line asks for."""
    args.out.mkdir(parents=True, exist_ok=True)
    draw = random.Random(args.dev_seed)
    sources, dev = read_sources(args.data, args.everyday, args.written, args.partial)
    for name in ("amazon", "reddit", "new_wiki", "qed"):
        sources[name], dev[name] = cut_off(sources[name], args.dev_rows, draw)
    for name, rows in dev.items():
        controls = tuple(filter(None, [STYLES.get(name)]))
        _, some = cut_off(rows, args.dev_rows, draw)
        examples = [replace(row.example, controls=controls) for row in some]
        write(args.out / f"dev-{name}.jsonl", examples)
    for name in SHARES:
        print(f"{name}: {len(sources[name])} rows", file=sys.stderr)
    shares = SHARES | dict(args.share)
    if empty := [name for name in SHARES if shares[name] and not sources[name]]:
        raise QGenError(f"no rows of {empty[0]}, which has a share")
    if args.seed != args.dev_seed:
        draw = random.Random(args.seed)
    train = mix(sources, shares, args.size, args.renamed_share, draw)
    write(args.out / "train.jsonl", train)
    counts = Counter(name for example in train for name in example.controls)
    print(f"{len(train)} draws; controls {dict(counts)}", file=sys.stderr)


def _share(text: str) -> tuple[str, float]:
    name, _, share = text.partition("=")
    if name not in SHARES:
        raise argparse.ArgumentTypeError(f"no source {name!r}")
    return name, float(share)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the mixture of the generator's training.")
    parser.add_argument("--data", type=Path, required=True, help="directory of the data sets")
    for name in ("everyday", "written"):
        path = Path(f"data/{name}/train.json")
        parser.add_argument(f"--{name}", type=Path, default=path, help="(%(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="directory of the files")
    parser.add_argument("--partial", action="store_true", help="SQuAD's files may lack articles")
    parser.add_argument("--size", type=int, default=150_000, help="draws (%(default)s)")
    parser.add_argument("--dev-rows", type=int, default=300, help="of a domain (%(default)s)")
    parser.add_argument("--renamed-share", type=float, default=0.06, help="(%(default)s)")
    parser.add_argument(
        "--share",
        type=_share,
        action="append",
        default=[],
        metavar="SOURCE=WEIGHT",
        help="draw from a source in proportion to this weight; weights need not add up to 1",
    )
    parser.add_argument("--seed", type=int, default=27, help="of the draws (%(default)s)")
    parser.add_argument(
        "--dev-seed",
        type=int,
        default=27,
        help="of what is cut off for development, which should be the same for all runs that "
        "start from one another (%(default)s)",
    )
    make(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(exit_code("recipes.mixture", main))
