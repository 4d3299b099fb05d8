"""``qgen generate``: questions about one passage, or about a document."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from qgen.cli.loading import question_generator
from qgen.cli.options import add_model, add_settings, check_partners, integer, settings_of
from qgen.cli.output import tell, write_questions
from qgen.errors import QGenError
from qgen.records import Request, Result
from qgen.settings import GenerationSettings, QuizSettings


def add_to(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "generate",
        usage="%(prog)s (--passage TEXT | --passage-file FILE | --document FILE) [options]",
        help="ask about one passage or document",
        description="Print questions about a passage or a document, with their answers.",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--passage", metavar="TEXT", help="the passage itself")
    source.add_argument("--passage-file", metavar="FILE", help="a text file; - reads from stdin")
    source.add_argument(
        "--document",
        metavar="FILE",
        help="a document, such as .txt, .md, .html, .docx, .epub or .pdf: the best questions about "
        "all of it, spread over its paragraphs",
    )
    parser.add_argument(
        "--answer",
        metavar="TEXT",
        help="ask for this part of the passage (default: find answers worth asking for)",
    )
    parser.add_argument(
        "--answer-start",
        type=integer,
        metavar="N",
        help="characters before the answer, where the passage has it more than once",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object for each question")
    add_settings(parser, QuizSettings, "which questions")
    add_settings(parser, GenerationSettings, "decoding")
    add_model(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print the questions."""
    from qgen.english.locate import locate_answer

    settings, quiz = settings_of(args, GenerationSettings), settings_of(args, QuizSettings)
    check_partners(args, "--answer", args.answer is not None, "answer_start")
    if args.document:
        if args.answer is not None:
            raise QGenError("--answer goes with --passage or --passage-file")
        requests = _document(args.document)
        results = _about_document(args, requests, settings, quiz)
    else:
        passage = args.passage if args.passage_file is None else _read(args.passage_file)
        given = args.answer is not None
        answers = (locate_answer(passage, args.answer, args.answer_start),) if given else ()
        requests = [Request(passage, answers)]
        results = question_generator(args).generate(requests, settings, quiz)
    if not any(result.questions for result in results):
        raise QGenError(_failure(results))
    asked = [
        (question, request.extra)
        for request, result in zip(requests, results, strict=True)
        for question in result.questions
    ]
    write_questions(asked, args.json)
    if lacking := sum(bool(question.note) for question, _ in asked):
        tell(f"{lacking} of {len(asked)} questions have fewer choices than {quiz.choices}")
    for request, result in zip(requests, results, strict=True):
        if request.extra and not result.questions and result.problems:
            tell(f"paragraph {request.extra['paragraph']}: {result.reason}")
    _tell_dropped(quiz.max_answers, results)


def _failure(results: Sequence[Result]) -> str:
    """One line that says why there are no questions: what a passage lacks that is about the topic,
    where there is one."""
    looked_at = [result for result in results if not result.passed_over]
    return (looked_at or results)[0].failure


def _tell_dropped(wanted: int, results: Sequence[Result]) -> None:
    """One line on stderr for what was dropped from all results, and why."""
    dropped: Counter[str] = Counter()
    for result in results:
        dropped.update(result.dropped)
    kept = sum(len(result.questions) for result in results)
    if reason := Result(dropped=dict(dropped)).reason:
        tell(f"asked for {wanted}, kept {kept}: {reason}")


def _about_document(args: argparse.Namespace, requests, settings, quiz) -> list[Result]:
    """The best questions of a whole document, with a progress bar."""
    from tqdm import tqdm

    from qgen.asking.document import ask_document

    generate = question_generator(args).generate
    with tqdm(total=len(requests), unit="paragraph", disable=None) as bar:  # only on a terminal
        return ask_document(
            generate, requests, settings, quiz, lambda done: bar.update(done - bar.n)
        )


def _document(path: str) -> list[Request]:
    from qgen.files.documents import read_document

    document = read_document(path)
    if document.summary:
        tell(f"left out: {document.summary}")
    return [
        Request(
            p.text,
            extra={"paragraph": p.number} | ({"page": p.page} if p.page else {}),
            headings=p.headings,
        )
        for p in document
    ]


def _read(path: str) -> str:
    from qgen.files.encoding import decode_text
    from qgen.files.formats import NO_TEXT

    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise QGenError(f"cannot read {path}: {error.strerror}") from error
    if content.startswith(NO_TEXT):
        raise QGenError(f"{path} is not plain text; --document reads .docx, .pdf, .epub and more")
    return decode_text(content)
