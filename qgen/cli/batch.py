"""``qgen batch``: questions about every row of a file, or every document of a folder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial

from qgen.cli.loading import question_generator
from qgen.cli.options import (
    add_model,
    add_quiet,
    add_raw_cells,
    add_settings,
    check_partners,
    positive,
    settings_of,
    whole,
)
from qgen.cli.output import tell
from qgen.errors import QGenError
from qgen.files.writers import FORMATS, RETRIEVAL, UNMARKED, WRITERS, format_of
from qgen.records import Request, Result, beside_one_another
from qgen.settings import BUFFER_SIZE, GenerationSettings, QuizSettings

WORKERS = 2
"""Processes on Ray, unless said otherwise."""


def add_to(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "batch",
        usage="%(prog)s INPUT OUTPUT [options]",
        help="ask about every row of a file",
        description="Ask about every row of a file, or every document of a folder, and write the "
        "questions to a file. A run that was stopped goes on when the same command is given again; "
        "with --best, from the document that it was asking about.",
    )
    parser.add_argument(
        "input",
        metavar="INPUT",
        help="rows (.jsonl, .json, .csv, .tsv, .xlsx, .parquet, .txt, any of them with .gz), a "
        "document, or a folder of documents",
    )
    parser.add_argument(
        "output",
        metavar="OUTPUT",
        help=f"the file to write, in place of one that is there: {', '.join(FORMATS)}",
    )
    parser.add_argument(
        "--format",
        choices=list(WRITERS),
        help="what to write (default: what the output's suffix means)",
    )
    parser.add_argument(
        "--errors",
        metavar="FILE",
        help="where rows that failed are kept (default: OUTPUT.errors.jsonl)",
    )
    add_raw_cells(parser)
    parser.add_argument(
        "--best",
        type=positive,
        metavar="N",
        help="keep the best N questions of each whole document, spread over its paragraphs "
        "(default: --max-answers of each row or paragraph)",
    )
    parser.add_argument(
        "--passage-field",
        metavar="NAME",
        help="the field or column that holds the passage (default: passage, context, text or "
        "another usual name)",
    )
    parser.add_argument(
        "--answer-field",
        metavar="NAME",
        help="the field or column that holds the answer (default: answer, answers or answer_text)",
    )
    add_quiet(parser)
    add_settings(parser, QuizSettings, "which questions")
    add_settings(parser, GenerationSettings, "decoding")
    add_model(parser)
    group = parser.add_argument_group("running")
    group.add_argument(
        "--buffer-size",
        type=whole(1, 100_000),
        default=BUFFER_SIZE,
        metavar="N",
        help="rows written to disk at once: the most that a stopped run loses, but with --best, "
        "where that is a document (default: %(default)s)",
    )
    group.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="this process, or several on Ray (default: %(default)s)",
    )
    group.add_argument(
        "--workers",
        type=positive,
        metavar="N",
        help=f"processes on Ray, each with the models (default: {WORKERS})",
    )
    group.add_argument(
        "--ray-address",
        metavar="ADDRESS",
        help="a running Ray cluster (default: one is started on this machine)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the questions; 1 where no row succeeded."""
    from qgen.files.batch import run_batch
    from qgen.files.fields import FieldNames
    from qgen.files.rows import check_readable
    from qgen.model.runtime.workers import count_streams

    settings, quiz = settings_of(args, GenerationSettings), settings_of(args, QuizSettings)
    check_partners(args, "--engine ray", args.engine == "ray", "workers", "ray_address")
    if args.best and args.engine == "ray":
        raise QGenError("--best and --engine ray do not go together")
    if args.best and quiz.max_answers != QuizSettings.max_answers:
        raise QGenError("--best and --max-answers do not go together")
    check_readable(args.input)  # before the models are loaded
    mark = _mark(args)
    generator = question_generator(args)
    generator.within_range(settings)  # else it would be the fault of every row
    engine = None
    if args.best:
        from qgen.asking.document import ask_document
        from qgen.files.best import best_engine

        best = replace(quiz, max_answers=args.best)
        ask = partial(ask_document, generator.generate, settings=settings, quiz=best)
        engine = best_engine(ask)
    if args.engine == "ray":
        from qgen.files.ray import ray_engine

        load = partial(_load_generate, args, settings, quiz)
        engine = ray_engine(load, args.batch_size, args.workers or WORKERS, args.ray_address)
    try:
        summary = run_batch(
            args.input,
            args.output,
            partial(_generate_with, generator, settings, quiz),
            engine=engine,
            batch_size=args.batch_size * count_streams(generator.generator.device),
            buffer_size=args.buffer_size,
            output_format=args.format,
            errors_path=args.errors,
            progress=not args.quiet,
            raw_cells=args.raw_cells,
            mark=mark and partial(mark, read=generator.reader.read),
            names=FieldNames(args.passage_field, args.answer_field),
            settings={
                **asdict(settings),
                **asdict(quiz),
                "best": args.best,
                "weights": generator.fingerprint,
            },
        )
    except KeyboardInterrupt:
        tell("the same command goes on from here")
        raise
    tell(str(summary))
    if summary.errors == summary.rows:
        tell(f"no row succeeded; all {summary.rows} failed")
        return 1
    return 0


def _mark(args: argparse.Namespace):
    """What marks the questions of a test set for retrieval; ``None`` for other formats."""
    if format_of(args.output, args.format, args.raw_cells) not in RETRIEVAL:
        return None
    if args.reader == "none":
        tell(UNMARKED)
        return None
    from qgen.asking.retrieval import check_installed, mark_records

    check_installed()
    return mark_records


def _generate_with(generator, settings, quiz, requests: Sequence[Request]) -> list[Result]:
    return generator.generate(beside_one_another(requests), settings, quiz)


def _load_generate(args: argparse.Namespace, settings, quiz):
    """The model in a worker of Ray's."""
    return partial(_generate_with, question_generator(args), settings, quiz)
