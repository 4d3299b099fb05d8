"""One row's fields as a request: which of them is the passage, which the answers."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from qgen.english.clean import Mended, clean_text
from qgen.english.locate import locate_answer
from qgen.errors import QGenError
from qgen.records import Answer, Request, splits_word

PASSAGE_NAMES = (
    "passage", "context", "text", "paragraph", "page_content", "pagecontent", "content", "body",
    "full_text", "article_text", "body_text", "article", "story", "story_section", "review",
    "review_text", "reviewtext", "sentence", "excerpt", "abstract", "section", "document",
)  # fmt: skip
"""What a passage is called, in the data sets and programs that people have; the first counts."""
_ANSWER = ("answer", "answers", "answer_text")
_START = ("answer_start", "answer_offset")
_NO_SPAN = re.compile(r"answer_?(end|id|ids|kind|type|count|length|number)$|is_?answerable$")
_NOTHING = {"nan", "null", "none", "na", "n/a", "<na>", "#n/a"}
_YES_NO = {"yes", "no", "true", "false", "maybe", "unknown"}


@dataclass(frozen=True)
class FieldNames:
    """Which fields of a row are read; by default those with one of the usual names.

    Attributes:
        passage: the name of the field that holds the passage.
        answer: the name of the field that holds the answer, or the answers.
    """

    passage: str | None = None
    answer: str | None = None

    def passage_in(self, names: Iterable[Any]) -> Any | None:
        """Which of a row's names is the passage's."""
        return find_name(names, (self.passage,) if self.passage else PASSAGE_NAMES)

    def answer_in(self, names: Iterable[Any]) -> Any | None:
        """Which of a row's names is the answer's."""
        return find_name(names, (self.answer,) if self.answer else _ANSWER)


USUAL_NAMES = FieldNames()


def to_request(fields: dict, names: FieldNames = USUAL_NAMES) -> Request:
    """The request that a row's fields make.

    The passage is the field ``passage``, or has another usual name (:data:`PASSAGE_NAMES`); the
    answer is ``answer``, ``answers`` or ``answer_text``: text, a number, a list (each is asked
    for), or SQuAD's ``{"text": [...], "answer_start": [...]}`` (alternatives, of which the first is
    asked for).  Names may differ in case and white space.  A yes or no (BoolQ's), the letter of an
    option (RACE's) or a free answer (CoQA's) that is not in the passage is no span to ask for.
    Fields that are not read are kept as they are.

    The passage's characters are mended (:mod:`qgen.english.clean`); offsets are those of the
    passage that the request has.

    Raises:
        QGenError: there is no passage, a value is of the wrong type, or no answer is in the
            passage.  Where only some are, ``problems`` says which are not.
    """
    try:
        json.dumps(fields, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise QGenError("not valid UTF-8 text") from error
    if names.answer is None:
        check_answer_names(fields)
    passage_key, answer_key = names.passage_in(fields), names.answer_in(fields)
    if names.answer is not None and answer_key is None:
        raise QGenError(f'"{names.answer}" is missing{_listed(fields)}')
    start_key = find_name(fields, _START)
    if passage_key is None:
        raise QGenError(f'"{names.passage or "passage"}" is missing{_listed(fields)}')
    passage = fields[passage_key]
    if passage is None or (isinstance(passage, str) and not passage.strip()):
        raise QGenError("the passage is empty")
    if not isinstance(passage, str):
        raise QGenError(f'"{passage_key}" must be text')
    place = _Place(passage)
    answer = fields.get(answer_key) if answer_key is not None else None
    start = fields.get(start_key) if start_key is not None else None
    read = {passage_key}
    answers: list[Answer] = []
    problems: list[str] = []
    if (free := _free_answers(passage, fields, answer)) is not None:
        answers = [found for text, begin, end in free if (found := place.within(text, begin, end))]
    elif not _is_yes_or_no(answer):
        read |= {answer_key, start_key}
        for text, offset in _spans(answer, start, answer_key or "answer", start_key):
            try:
                if located := place.locate(text, offset):
                    answers.append(located)
            except QGenError as error:
                if isinstance(text, str) and text.strip().lower() in _YES_NO and offset is None:
                    read -= {answer_key, start_key}
                else:
                    problems.append(str(error))
    if problems and not answers:
        raise QGenError(problems[0])
    extra = {name: value for name, value in fields.items() if name not in read}
    return Request(place.passage, tuple(answers), extra, tuple(problems))


def check_answer_names(names: Iterable[str]) -> None:
    """Refuse a name that must mean the answer but is not one of those that are read.  What qgen
    writes beside the answer may be there: ``reader_answer``, and ``input_`` before a name that is
    there as well.

    Raises:
        QGenError: there is such a name, or two that mean the answer, or its start.
    """
    normal = {normal_name(name): name for name in names}
    strange = [
        name
        for key, name in normal.items()
        if "answer" in key and key not in (*_ANSWER, *_START, "reader_answer")
        if not _NO_SPAN.search(key)
        if not (key.startswith("input_") and key.removeprefix("input_") in normal)
    ]
    if strange:
        raise QGenError(
            f'"{strange[0]}" looks like an answer but is not read; call it "answer" '
            '(and its offset "answer_start"), or name the field of the answer: --answer-field'
        )
    for known in (_ANSWER, _START):
        twice = [normal[key] for key in known if key in normal]
        if len(twice) > 1:
            raise QGenError(f'"{twice[0]}" and "{twice[1]}" both name the answer')


def check_columns(columns: list[str], names: FieldNames) -> None:
    """Refuse a table without a column for the passage, or for the answer that was named.

    Raises:
        QGenError: what is missing, and which columns there are.
    """
    if names.passage_in(columns) is None:
        usual = ' (or "context", "text" ...); --passage-field names another'
        raise QGenError(
            f'there is no "{names.passage or "passage"}" column{"" if names.passage else usual}'
            + _listed(columns)
        )
    if names.answer is None:
        check_answer_names(columns)
    elif names.answer_in(columns) is None:
        raise QGenError(f'there is no "{names.answer}" column{_listed(columns)}')


def normal_name(name: Any) -> str:
    """A field's name without its case, and with one kind of space."""
    return re.sub(r"[\s\-]+", "_", str(name).strip().strip("\ufeff").lower())


def find_name(names: Iterable[Any], known: tuple[str, ...]) -> Any | None:
    """Which of the names is one of those known, whatever its case; the first known counts."""
    normal: dict[str, Any] = {}
    for name in names:
        if name == known[0]:  # as it stands, before one that differs in case
            return name
        normal.setdefault(normal_name(name), name)
    return next((normal[key] for key in map(normal_name, known) if key in normal), None)


def _listed(names: Iterable[Any], most: int = 12, longest: int = 30) -> str:
    """The names that there are, for the end of a message."""
    shown = [str(name)[:longest] for name in names]
    if not shown:
        return ""
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return "; there are " + ", ".join(f'"{name}"' for name in shown[:most]) + more


# -- answers ---------------------------------------------------------------------------------------


class _Place:
    """A passage with its characters mended, and answers found by their places before that."""

    def __init__(self, passage: str):
        self._mended = Mended(passage)
        self.passage = self._mended.text
        if problem := self._mended.problem:
            raise QGenError(problem)
        if not self.passage.strip():
            raise QGenError("the passage is empty")

    def locate(self, text: str | None, start: int | None) -> Answer | None:
        """The span of an answer, or ``None`` for what means that there is no answer."""
        if text is None or not clean_text(text).strip():
            return None
        # How some programs write that there is none; but the passage may have it as a word.
        is_nothing = text.strip().lower() in _NOTHING
        try:
            found = self._mended.locate(text, start)
            cut = any(splits_word(self.passage, place) for place in (found.start, found.end))
            return None if is_nothing and cut else found
        except QGenError:
            if is_nothing:
                return None
            if re.fullmatch(r"\s*\d+\.0\s*", text):  # and how they write whole numbers
                return self._mended.locate(text.strip().removesuffix(".0"), start)
            raise

    def within(self, text: str, begin: int, end: int) -> Answer | None:
        """The span of an answer in a part of the given passage, or ``None`` if it is not there."""
        begin, end = self._mended.at(begin), self._mended.at(end)
        part = self.passage[begin:end]
        try:
            found = locate_answer(part, clean_text(text))
        except QGenError:
            return None
        if splits_word(part, found.start) or splits_word(part, found.end):
            return None
        return Answer(found.text, begin + found.start)


def _is_yes_or_no(answer: Any) -> bool:
    """Whether an answer, or all of a list, is true or false, as BoolQ's are."""
    values = answer if isinstance(answer, list) else [answer]
    return bool(values) and all(isinstance(value, bool) for value in values)


def _free_answers(passage: str, fields: dict, answer: Any) -> list[tuple[str, int, int]] | None:
    """CoQA's and RACE's answers, which need not be spans, and the part of the passage they are in.

    Returns:
        The answers that may be in the passage; ``None`` where the row is of neither kind.
    """
    options = fields.get("options")
    if isinstance(options, str) and options.lstrip()[:1] in {"[", "{"}:
        options = _written_out(options)
    if isinstance(options, dict):
        letters = {str(name).upper(): option for name, option in options.items()}
        in_order = sorted(letters)
        if ascii_uppercase.startswith("".join(in_order)):
            options = [letters[letter] for letter in in_order]
    if isinstance(options, list) and options:
        return _right_options(passage, options, answer)
    if isinstance(answer, dict) and "input_text" in answer:  # CoQA, as columns
        keys = ("input_text", "answer_start", "answer_end")
        columns = [answer.get(key) for key in keys]
        if not all(isinstance(column, list) for column in columns):
            return []
        turns = [dict(zip(keys, turn, strict=True)) for turn in zip(*columns, strict=False)]
    elif (
        isinstance(answer, list)
        and answer
        and all(isinstance(turn, dict) and "input_text" in turn for turn in answer)
    ):
        turns = answer
    else:
        return None
    found = []
    for turn in turns:
        begin = turn.get("span_start", turn.get("answer_start"))
        end = turn.get("span_end", turn.get("answer_end"))
        text = turn["input_text"]
        if (
            isinstance(text, str)
            and text.strip().lower() not in _YES_NO
            and isinstance(begin, int)
            and isinstance(end, int)
            and 0 <= begin < end
        ):
            found.append((text, begin, end))
    return list(dict.fromkeys(found))


def _right_options(passage: str, options: list, answer: Any) -> list[tuple[str, int, int]] | None:
    """The text of the options whose letters, or numbers, are the answers."""
    keys = answer if isinstance(answer, list) else [answer]
    lists = options if isinstance(options[0], list) else [options]
    found = []
    for key, choices in zip(keys, lists, strict=False):
        if isinstance(key, str) and re.fullmatch(r"[A-Za-z]", key.strip()):
            number = ord(key.strip().upper()) - ord("A")
        elif isinstance(key, int) and not isinstance(key, bool):
            number = key
        else:
            return None
        fits = isinstance(choices, list) and 0 <= number < len(choices)
        if fits and isinstance(choices[number], str):
            found.append((choices[number], 0, len(passage)))
    return found


def _spans(
    answer: Any, start: Any, answer_name: str, start_name: str | None
) -> list[tuple[str | None, int | None]]:
    """The answers' texts and offsets that a row's values mean."""
    if isinstance(answer, str) and answer.lstrip()[:1] in {"[", "{"}:
        answer = _written_out(answer)
    if isinstance(start, str) and start.lstrip()[:1] == "[":
        start = _written_out(start)
    if isinstance(answer, dict):
        if set(answer) - {"text", "answer_start"} or "text" not in answer:
            raise QGenError(f'"{answer_name}" must be text, a list, or {{"text", "answer_start"}}')
        answer, start = answer["text"], answer.get("answer_start", start)
        if isinstance(answer, list):  # of one question: alternatives
            first_start = start[0] if isinstance(start, list) and start else None
            answer, start = (answer[0], first_start) if answer else (None, None)
    elif isinstance(answer, list):
        if answer and all(isinstance(item, dict) and "text" in item for item in answer):
            start = [item.get("answer_start") for item in answer]
            answer = [item["text"] for item in answer]
        if not isinstance(start, list):
            start = [] if _offset(start, start_name) is None else [start]
        if start and len(start) != len(answer):
            raise QGenError(f"{len(answer)} answers but {len(start)} offsets")
        return [
            (_text(item, answer_name), _offset(start[i] if start else None, start_name))
            for i, item in enumerate(answer)
        ]
    text = _text(answer, answer_name)
    return [] if text is None else [(text, _offset(start, start_name))]


_ARRAY = re.compile(r"\barray\((\[[^\[\]]*\])(?:,\s+dtype=[^()]*)?\)")


def _written_out(text: str) -> Any:
    """A list or an object in a cell of a table, as JSON or Python writes it, pandas with NumPy's
    arrays in it; else the text."""
    bare = _ARRAY.sub(r"\1", text)
    for parse, form in ((json.loads, text), (ast.literal_eval, text), (ast.literal_eval, bare)):
        try:
            return parse(form)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
    return text


def _text(value: Any, name: str) -> str | None:
    """An answer's text; numbers are text too, and NaN is nothing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise QGenError(f'"{name}" must be text')
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _offset(value: Any, name: str | None) -> int | None:
    if value is None:
        return None
    if isinstance(value, str):
        if not value.strip() or value.strip().lower() in _NOTHING:
            return None
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise QGenError(f'"{name or "answer_start"}" must be a whole number')
    return int(value)
