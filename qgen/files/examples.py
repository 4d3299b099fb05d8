"""Examples of questions, to train and to evaluate on."""

from __future__ import annotations

from pathlib import Path

from qgen.errors import QGenError
from qgen.files.rows import read_requests
from qgen.records import Example


def data_name(path: str | Path) -> str:
    """What a file of examples is called in a checkpoint's ``trained_on``: ``everyday:train`` for
    ``data/everyday/train.json``, since files of several data sets have the same names."""
    path = Path(path).resolve()
    return f"{path.parent.name}:{Path(path.name.removesuffix('.gz')).stem}"


def read_examples(path: str | Path) -> list[Example]:
    """Training examples of a file: rows as ``qgen batch`` reads them, with a ``question`` and,
    optionally, a list of ``controls``.

    Raises:
        QGenError: the file cannot be read, or a row of it is not such an example.
    """
    examples = []
    for line, request in read_requests(path):
        question = request.extra.get("question")
        if not isinstance(question, str) or not question.strip():
            raise QGenError(f"{path}, line {line}: no question")
        identifier, controls = str(request.extra.get("id", "")), request.extra.get("controls", [])
        if not isinstance(controls, list) or not all(isinstance(name, str) for name in controls):
            raise QGenError(f'{path}, line {line}: "controls" must be a list of names')
        examples += [
            Example(request.passage, answer, question, identifier, controls=tuple(controls))
            for answer in request.answers or (None,)
        ]
    return examples
