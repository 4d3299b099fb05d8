"""``qgen score``: how good the questions of a file are, whoever asked them."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from qgen.cli.loading import question_generator
from qgen.cli.options import add_model, add_quiet, add_raw_cells
from qgen.cli.output import tell

AT_ONCE = 256
"""Rows that are scored together, between two steps of the progress bar."""


def add_to(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "score",
        usage="%(prog)s INPUT OUTPUT [options]",
        help="say how good questions are, whoever asked them",
        description="Read rows of passage, question and answer (answer_start, where the answer "
        "occurs more than once), and write them again, in their order and with all their fields, "
        "with a confidence from 0 to 1, the reader's own answer, and reasons against the question.",
    )
    parser.add_argument(
        "input", metavar="INPUT", help="rows (.jsonl, .json, .csv, .tsv, .parquet ...)"
    )
    parser.add_argument(
        "output",
        metavar="OUTPUT",
        help="the file to write, in place of one that is there: .jsonl, .csv, .tsv or .parquet",
    )
    add_raw_cells(parser)
    add_quiet(parser)
    add_model(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the scores; 1 where none could be given."""
    from qgen.files.outputs import only_writer

    with only_writer(Path(args.output)):
        return _score(args)


def _score(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    from qgen.asking.scoring import Verdict, score_questions
    from qgen.files.scores import check_output, read_questions, write_scores

    check_output(args.input, args.output, args.raw_cells)
    generator = question_generator(args)
    scored, unscored = 0, Counter[str]()

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal scored
        read = read_questions(args.input)
        with tqdm(unit="row", disable=args.quiet or None) as bar:
            while some := list(islice(read, AT_ONCE)):
                able = [(row.passage, row.question) for row in some if row.question]
                verdicts = iter(score_questions(generator, able))
                for row in some:
                    verdict = (
                        next(verdicts) if row.question else Verdict(None, reasons=(row.problem,))
                    )
                    if verdict.confidence is None:
                        why = verdict.reasons[0] if generator.reader else "there is no reader"
                        unscored[row.problem or why] += 1
                    else:
                        scored += 1
                    yield row.with_verdict(verdict.to_dict())
                bar.update(len(some))

    write_scores(rows(), args.output, args.raw_cells)
    count = scored + unscored.total()
    missing = f", {unscored.total()} without a score, see their reasons" if unscored else ""
    tell(f"{count} row{'s' * (count != 1)}{missing} -> {args.output}")
    if scored:
        return 0
    tell(f"no row could be scored; the commonest reason: {unscored.most_common(1)[0][0]}")
    return 1
