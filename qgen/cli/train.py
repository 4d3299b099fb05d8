"""``qgen train`` and ``qgen train-reader``: fine-tune an encoder."""

from __future__ import annotations

import argparse
from typing import Any

from qgen.cli.loading import own_eval
from qgen.cli.options import add_settings, add_split, check_partners, settings_of
from qgen.errors import QGenError
from qgen.settings import ReaderTrainingSettings, TrainingSettings

USAGE = "%(prog)s --model DIR --out DIR [--train FILE ...] [--split NAME] [options]"
RESUMING = " A run that was stopped goes on when the same command is given again."


def add_to(commands) -> None:
    """Add the commands to the parser."""
    generator = commands.add_parser(
        "train",
        usage=USAGE,
        help="fine-tune an encoder to ask questions",
        description="Fine-tune an encoder to ask questions." + RESUMING,
    )
    generator.set_defaults(run=train)
    reader = commands.add_parser(
        "train-reader",
        usage=USAGE,
        help="fine-tune an encoder to check questions",
        description="Fine-tune an encoder as a reader, which answers questions and so checks them."
        + RESUMING,
    )
    reader.set_defaults(run=train_reader)
    for parser, kind in ((generator, TrainingSettings), (reader, ReaderTrainingSettings)):
        parser.add_argument(
            "--model",
            required=True,
            metavar="DIR",
            help="the encoder or checkpoint to start from: a folder, or a name on the hub",
        )
        parser.add_argument(
            "--out",
            required=True,
            metavar="DIR",
            help="the run's folder; the model is in its final/ at the end",
        )
        parser.add_argument(
            "--train", nargs="+", default=[], metavar="FILE", help="rows to train on, with question"
        )
        parser.add_argument("--dev", metavar="FILE", help="rows to report the loss on")
        parser.add_argument(
            "--split",
            metavar="NAME",
            help="train on a published split of SQuAD as well: du or zhao",
        )
        parser.add_argument(
            "--trained-on",
            nargs="+",
            metavar="NAME",
            help="data to name in the checkpoint (default: folder and file, as in everyday:train)",
        )
        add_split(parser)
        add_settings(parser, kind, "training")


def train(args: argparse.Namespace) -> None:
    """Fine-tune the question generator."""
    from qgen.training.generator import train
    from qgen.transformers import load_checkpoint

    _fine_tune(args, TrainingSettings, load_checkpoint, train)


def train_reader(args: argparse.Namespace) -> None:
    """Fine-tune the reader."""
    from qgen.training.reader import train_reader
    from qgen.transformers import load_reader

    _fine_tune(args, ReaderTrainingSettings, load_reader, train_reader)


def _fine_tune(args: argparse.Namespace, kind: type, load, train) -> None:
    from qgen.files.examples import data_name, read_examples

    settings: Any = settings_of(args, kind)
    check_partners(args, "--split", bool(args.split), "squad", "doclists", "partial")
    examples = [example for path in args.train for example in read_examples(path)]
    dev = read_examples(args.dev) if args.dev else []
    trained_on = [data_name(path) for path in args.train]
    if args.split:
        own_eval()
        from eval.splits import load_part

        fit, held_out = (
            load_part(args.split, part, args.squad, args.doclists, partial=args.partial)
            for part in ("fit", "held-out")
        )
        examples, dev = fit + examples, dev or held_out
        trained_on.insert(0, "du:train")
    if not examples:
        raise QGenError("give --train FILE..., or --split with --squad and --doclists")
    model, tokenizer = load(args.model)
    known = getattr(model.config, "trained_on", None) or []
    model.config.trained_on = args.trained_on or list(dict.fromkeys([*known, *trained_on]))
    print(train(model, tokenizer, examples, args.out, dev, settings))
