"""SQuAD 1.1 and the two published question-generation splits of it.

Du, Shao and Cardie 2017 ("Learning to Ask", arXiv 1705.00106) divide SQuAD 1.1
by article: the official development articles are their dev set, and 44 of the
442 official training articles are their test set.  Zhao et al. 2018
("Paragraph-level Neural Question Generation with Maxout Pointer and Gated
Self-attention Networks", EMNLP) use the same articles with dev and test
reversed.  The articles of each part are named by the ``doclist-*.txt`` files of
Du et al.'s release, which also has tokenised ``src-*.txt``/``tgt-*.txt`` files.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote

from qgen.errors import QGenError
from qgen.records import Answer, Example

PARTS = ("train", "dev", "test")
"""The names of the parts of a split."""

SUBPARTS = ("fit", "held-out")
"""What the training part is divided into: what to fit a model on, and what to choose one on."""

PUBLISHED_COUNTS = {"train": 75722, "dev": 10570, "test": 11877}
"""Questions in each part of the Du et al. split (one example per question)."""

SETUPS = {
    "du": {"train": "train", "dev": "dev", "test": "test"},
    "zhao": {"train": "train", "dev": "test", "test": "dev"},
}
"""For each setup, the Du et al. part that each of its parts is made of."""


def load_squad(path: str | Path) -> dict[str, list[Example]]:
    """The questions of a SQuAD 1.1 JSON file, by article title.

    Args:
        path: a file in the SQuAD 1.1 format, such as ``train-v1.1.json``.

    Returns:
        Normalised title (see ``normalise_title``) to its examples, both in file
        order.  Each question has its first answer, its id and its text stripped
        of surrounding white space.

    Raises:
        QGenError: the file is missing, is not JSON, is not in the SQuAD 1.1
            format, or has an answer that is not at its ``answer_start``.
    """
    try:
        content = json.loads(_read_text(path))
    except json.JSONDecodeError as error:
        raise QGenError(f"{path} is not JSON: {error}") from error
    articles: dict[str, list[Example]] = {}
    try:
        for article in content["data"]:
            examples = articles.setdefault(normalise_title(article["title"]), [])
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    examples.append(_example(paragraph["context"], question))
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise QGenError(
            f"{path} is not in the SQuAD 1.1 format: {type(error).__name__} {error}"
        ) from error
    except QGenError as error:
        raise QGenError(f"{path}: {error}") from error
    return articles


def normalise_title(title: str) -> str:
    """An article title in one spelling: percent-decoded, in Unicode NFC.

    SQuAD and the doclists both name articles as in Wikipedia's addresses, where
    the same title can be written ``Bras%C3%ADlia`` or ``Brasília``.
    """
    return unicodedata.normalize("NFC", unquote(title.strip()))


def held_out_titles(train_titles: Iterable[str]) -> list[str]:
    """The training articles on which models and settings are chosen: 20 of the 398.

    Every twentieth of the sorted titles from the eleventh on.  The dev part cannot serve, since it
    is the test part of the other setup.
    """
    return sorted(train_titles)[10::20]


def load_part(
    setup: str,
    part: str,
    squad_files: Sequence[str | Path] = (),
    doclists: str | Path | None = None,
    nqg: str | Path | None = None,
    partial: bool = False,
) -> list[Example]:
    """The examples of one part of a published split.

    With SQuAD files they have passages and answers (answer-aware); with only Du et al.'s files they
    have sentences and no answers (answer-agnostic).

    Args:
        setup: ``"du"`` (Du et al. 2017) or ``"zhao"`` (Zhao et al. 2018).
        part: one of ``PARTS`` or ``SUBPARTS``.
        squad_files: official SQuAD 1.1 JSON files; those that hold the part are enough.
        doclists: directory of the ``doclist-*.txt``; by default ``nqg``.
        nqg: directory of ``src-*.txt`` and ``tgt-*.txt``.
        partial: accept files that hold only some of the part's articles, or articles that are in
            no doclist (which are left out).

    Returns:
        The examples in file order.

    Raises:
        QGenError: an unknown setup or part, an unusable file, an article that is given twice, or
            counts that are not the published ones.
    """
    if setup not in SETUPS:
        raise QGenError(f"unknown split {setup!r}; choose from {', '.join(SETUPS)}")
    if part not in PARTS + SUBPARTS:
        raise QGenError(f"unknown part {part!r}; choose from {', '.join(PARTS + SUBPARTS)}")
    if squad_files:
        directory = doclists or nqg
        if directory is None:
            raise QGenError("--squad needs --doclists, the directory of the doclist-*.txt files")
        examples = _squad_part(setup, part, squad_files, Path(directory), partial)
    elif nqg is not None:
        if part not in PARTS:
            raise QGenError(f"Du et al.'s files hold no {part} part; give --squad and --doclists")
        examples = load_nqg(nqg, SETUPS[setup][part])
    else:
        raise QGenError("give --squad FILE... and --doclists DIR, or --nqg DIR")
    if not examples:
        raise QGenError(f"these files hold no examples of the {part} part of setup {setup!r}")
    return examples


def published_count(setup: str, part: str) -> int | None:
    """How many questions a part has; ``None`` for what nobody published."""
    return PUBLISHED_COUNTS[SETUPS[setup][part]] if setup in SETUPS and part in PARTS else None


def training_warning(
    trained_on: Iterable[str] | None, setup: str, part: str, data: str = ""
) -> str:
    """What a report says where a checkpoint was trained on what it is evaluated on; else nothing.

    Args:
        trained_on: of the checkpoint's config.
        setup: a setup, or the name of a file.
        part: of the setup.
        data: what a checkpoint that was trained on the file calls it.
    """
    # Earlier versions noted a file's name alone, which is what the setup is called.
    names = {f"du:{SETUPS[setup].get(part, 'train')}"} if setup in SETUPS else {data, setup}
    if part == "held-out" or names.isdisjoint(trained_on or []):
        return ""
    return "this checkpoint was TRAINED on these examples; the scores mean nothing"


def _squad_part(
    setup: str, part: str, squad_files: Sequence[str | Path], doclist_dir: Path, partial: bool
) -> list[Example]:
    titles = {
        name: [normalise_title(title) for title in _read_lines(doclist_dir / f"doclist-{name}.txt")]
        for name in PARTS
    }
    in_a_doclist = {title for names in titles.values() for title in names}
    base = part if part in PARTS else "train"
    whole = set(titles[SETUPS[setup][base]])
    seen: dict[str, str | Path] = {}
    examples: dict[str, list[Example]] = {}
    for path in squad_files:
        for title, found in load_squad(path).items():
            if title in seen:
                raise QGenError(f"article {title!r} stands in {seen[title]} and again in {path}")
            seen[title] = path
            if title in whole:
                examples[title] = found
            elif title not in in_a_doclist and not partial:
                raise QGenError(f"article {title!r} of {path} is in no doclist")
    total = sum(map(len, examples.values()))
    expected = PUBLISHED_COUNTS[SETUPS[setup][base]]
    if total != expected and not (partial and total < expected):
        raise QGenError(
            f"the {base} part of setup {setup!r} should have {expected} questions, but these SQuAD "
            f"files give {total}"
        )
    held_out = set(held_out_titles(titles["train"])) if part in SUBPARTS else set()
    return [
        example
        for title, found in examples.items()
        if part in PARTS or (title in held_out) == (part == "held-out")
        for example in found
    ]


def load_nqg(directory: str | Path, part: str) -> list[Example]:
    """Du et al.'s tokenised sentences and questions, with no answers.

    Args:
        directory: the folder of ``src-{part}.txt`` and ``tgt-{part}.txt``, whose
            lines correspond.
        part: ``"dev"`` or ``"test"``; the training files are not distributed
            with this project.

    Returns:
        One example a line: the lower-cased, Penn-Treebank-tokenised sentence as
        ``passage`` and question as ``question``, and no answer.

    Raises:
        QGenError: an unknown part, a file that cannot be read, or two files
            with different numbers of lines.
    """
    if part not in ("dev", "test"):
        raise QGenError(f"unknown part {part!r}; choose from dev, test")
    sentences = _read_lines(Path(directory) / f"src-{part}.txt")
    questions = _read_lines(Path(directory) / f"tgt-{part}.txt")
    if len(sentences) != len(questions):
        raise QGenError(
            f"src-{part}.txt has {len(sentences)} lines but tgt-{part}.txt has "
            f"{len(questions)} in {directory}"
        )
    return [
        Example(passage=sentence, question=question)
        for sentence, question in zip(sentences, questions, strict=True)
    ]


def _example(context: str, question: dict) -> Example:
    if not question["answers"]:
        raise QGenError(f"question {question['id']} has no answer: this is not SQuAD 1.1")
    answer = question["answers"][0]
    text, start = answer["text"], answer["answer_start"]
    if not text.strip() or start < 0 or not context.startswith(text, start):
        raise QGenError(f"question {question['id']}: the answer {text!r} is not at {start}")
    spaces = len(text) - len(text.lstrip())
    return Example(
        passage=context,
        answer=Answer(text.strip(), start + spaces),
        question=question["question"].strip(),
        id=question["id"],
        other_answers=tuple(other["text"].strip() for other in question["answers"][1:]),
    )


def _read_text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise QGenError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise QGenError(f"{path} is not UTF-8 text") from error


def _read_lines(path: Path) -> list[str]:
    # Not str.splitlines, which also breaks at U+0085, U+2028 and the like.
    lines = _read_text(path).removesuffix("\n").split("\n")
    return [line.strip() for line in lines]
