"""``qgen evaluate`` and ``qgen evaluate-reader``: score a model on examples."""

from __future__ import annotations

import argparse
from pathlib import Path

from qgen.cli.loading import extra, n_best_generator, own_eval
from qgen.cli.options import (
    add_model,
    add_quiet,
    add_settings,
    add_split,
    check_partners,
    positive,
    settings_of,
)
from qgen.cli.output import tell
from qgen.errors import QGenError
from qgen.settings import GenerationSettings

PART = "test"
"""The part of a split that is taken, unless said otherwise."""


def add_to(commands) -> None:
    """Add the commands to the parser."""
    generator = commands.add_parser(
        "evaluate",
        usage="%(prog)s (--split NAME | --examples FILE) [options]",
        help="score the question generator on published data",
        description="Ask for the answers of a published split of SQuAD, or of your own examples, "
        "and compare the questions with the ones that people wrote.",
    )
    data = generator.add_mutually_exclusive_group(required=True)
    data.add_argument("--split", metavar="NAME", help="a published split of SQuAD: du or zhao")
    data.add_argument("--examples", metavar="FILE", help="your own rows, with question")
    generator.set_defaults(run=evaluate)
    reader = commands.add_parser(
        "evaluate-reader",
        usage="%(prog)s --split NAME [options]",
        help="score the reader on published data",
        description="Let the reader answer the questions of a published split of SQuAD, and "
        "compare its answers with the ones that people gave.",
    )
    reader.set_defaults(run=evaluate_reader)
    for parser in (generator, reader):
        parser.add_argument(
            "--part",
            help=f"of the split: train, dev, test, fit or held-out (default: {PART})",
        )
        parser.add_argument(
            "--out",
            default="reports",
            metavar="DIR",
            help="the folder of the report, which replaces an earlier one (default: %(default)s)",
        )
        parser.add_argument(
            "--limit", type=positive, metavar="N", help="take the first N examples (default: all)"
        )
        add_quiet(parser)
        add_split(parser, required=parser is reader)
    generator.add_argument(
        "--nqg",
        metavar="DIR",
        help="in place of --squad: Du et al.'s src-*.txt and tgt-*.txt, sentences and questions "
        "without answers, of the parts dev and test",
    )
    add_settings(generator, GenerationSettings, "decoding")
    for parser in (generator, reader):
        add_model(parser, generator=parser is generator, reader=False)


def evaluate(args: argparse.Namespace) -> None:
    """Score the question generator."""
    own_eval()
    with extra("eval"):
        from eval.evaluate import evaluate
        from eval.report import format_table, write_report
    from eval.splits import load_part
    from qgen.files.examples import data_name, read_examples
    from qgen.model.checkpoints import DEFAULT_GENERATOR

    settings = settings_of(args, GenerationSettings)
    of_split = ("part", "squad", "doclists", "partial", "nqg")
    check_partners(args, "--split", bool(args.split), *of_split)
    part = args.part or PART
    if args.examples:
        examples = read_examples(args.examples)
        if len({example.answer is None for example in examples}) > 1:
            raise QGenError(f"{args.examples}: give every example an answer, or none")
    else:
        examples = load_part(
            args.split, part, args.squad, args.doclists, args.nqg, partial=args.partial
        )
    report = evaluate(
        n_best_generator(args),
        examples[: args.limit],
        Path(args.examples).name if args.examples else args.split,
        "all" if args.examples else part,
        settings,
        args.model or DEFAULT_GENERATOR,
        args.out,
        progress=not args.quiet,
        data=data_name(args.examples) if args.examples else "",
    )
    write_report(report, args.out)
    print(format_table(report))
    if subset := report["details"].get("subset"):
        tell(f"these are {subset}: published figures are not comparable")
    _tell_warning(report["details"])


def evaluate_reader(args: argparse.Namespace) -> None:
    """Score the reader."""
    own_eval()
    with extra("eval"):
        from eval.reading import evaluate_reader
    from eval.splits import load_part
    from qgen.model.reader import Reader

    reader = Reader.from_pretrained(
        args.model, args.device, dtype=args.dtype, batch_size=args.batch_size
    )
    part = args.part or PART
    examples = load_part(args.split, part, args.squad, args.doclists, partial=args.partial)
    report = evaluate_reader(
        reader, examples[: args.limit], args.split, part, args.out, not args.quiet
    )
    print(
        "{setup} {part}: {n_examples} questions, EM {exact_match}, F1 {f1}; "
        "{proposed} % of the answers among 10 proposals".format(**report)
    )
    _tell_warning(report)


def _tell_warning(report: dict) -> None:
    if "warning" in report:
        tell(f"warning: {report['warning']}")
