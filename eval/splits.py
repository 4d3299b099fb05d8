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
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

from qgen.errors import QGenError
from qgen.types import Example

PARTS = ("train", "dev", "test")
"""The names of the parts of a split."""

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


def build_split(
    setup: str,
    squad_files: Iterable[str | Path],
    doclist_dir: str | Path,
    check_counts: bool = True,
) -> dict[str, list[Example]]:
    """One of the published splits, made from the official SQuAD 1.1 files.

    Args:
        setup: ``"du"`` (Du et al. 2017) or ``"zhao"`` (Zhao et al. 2018).
        squad_files: the official training and development files.
        doclist_dir: the folder of ``doclist-{train,dev,test}.txt``, which hold
            one article title a line.
        check_counts: require every article to be in a doclist and every part to
            have its published number of questions.  When false, articles in no
            doclist are left out.

    Returns:
        ``"train"``, ``"dev"`` and ``"test"`` to their examples, in file order.

    Raises:
        QGenError: an unknown setup, a file that cannot be read, or a split that
            is not the published one.
    """
    if setup not in SETUPS:
        raise QGenError(f"unknown setup {setup!r}; choose from {', '.join(SETUPS)}")
    part_of_title = {
        normalise_title(title): part
        for part, doclist in SETUPS[setup].items()
        for title in _read_lines(Path(doclist_dir) / f"doclist-{doclist}.txt")
    }
    split: dict[str, list[Example]] = {part: [] for part in PARTS}
    for path in squad_files:
        for title, examples in load_squad(path).items():
            if title in part_of_title:
                split[part_of_title[title]] += examples
            elif check_counts:
                raise QGenError(f"article {title!r} of {path} is in no doclist")
    if check_counts:
        for part, examples in split.items():
            expected = PUBLISHED_COUNTS[SETUPS[setup][part]]
            if len(examples) != expected:
                raise QGenError(
                    f"the {part} part of setup {setup!r} should have {expected} "
                    f"questions, but these SQuAD files give {len(examples)}"
                )
    return split


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
        for sentence, question in zip(sentences, questions)
    ]


def _example(context: str, question: dict) -> Example:
    answer = question["answers"][0]
    text, start = answer["text"], answer["answer_start"]
    if not text or start < 0 or not context.startswith(text, start):
        raise QGenError(f"question {question['id']}: the answer {text!r} is not at {start}")
    return Example(
        passage=context,
        answer=text,
        answer_start=start,
        question=question["question"].strip(),
        id=question["id"],
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
