"""The ``qgen`` command: generate, batch, train, evaluate."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from qgen.errors import QGenError
from qgen.settings import GenerationSettings, TrainingSettings


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 2 for bad input, 130 when interrupted."""
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except QGenError as error:
        print(f"qgen: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("qgen: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


# -- commands --------------------------------------------------------------------------------------


def _generate(args: argparse.Namespace) -> None:
    passage = _read(args.passage_file) if args.passage_file else args.passage
    settings = _settings(args)
    questions = _generator(args).questions(
        passage, args.answer, args.answer_start, settings, args.max_answers
    )
    for question in questions:
        if args.json:
            print(json.dumps(question.to_dict(), ensure_ascii=False))
        else:
            print(f"{question.score:8.3f}  {question.question}  [{question.answer}]")


def _batch(args: argparse.Namespace) -> None:
    from qgen.batch import run_batch

    settings = _settings(args)
    generator = _generator(args)
    decides = asdict(settings) | {"model": str(args.model or ""), "max_answers": args.max_answers}
    summary = run_batch(
        args.input,
        args.output,
        lambda requests: generator.generate(requests, settings, args.max_answers),
        batch_size=args.batch_size,
        buffer_size=args.buffer_size,
        errors_path=args.errors,
        progress=not args.quiet,
        settings=decides,
    )
    print(
        f"{summary.rows} rows, {summary.questions} questions, {summary.errors} errors"
        + (f" (see {summary.errors_path})" if summary.errors_path else "")
        + f" -> {summary.output_path}",
        file=sys.stderr,
    )


def _train(args: argparse.Namespace) -> None:
    _quiet_transformers()
    from qgen.generator import load_checkpoint
    from qgen.training import read_examples, train

    settings = _settings(args, TrainingSettings)
    if args.split:
        from eval.evaluate import load_part

        examples, dev = (
            load_part(args.split, part, args.squad, args.doclists, partial=args.partial)
            for part in ("train", "dev")
        )
    elif args.train:
        examples = [example for path in args.train for example in read_examples(path)]
        dev = read_examples(args.dev) if args.dev else []
    else:
        raise QGenError("give --train FILE..., or --split with --squad and --doclists")
    model, tokenizer = load_checkpoint(args.model)
    model.config.trained_on = args.trained_on or (["du:train"] if args.split else None)
    print(train(model, tokenizer, examples, args.out, dev, settings))


def _evaluate(args: argparse.Namespace) -> None:
    from eval.evaluate import evaluate, load_part
    from eval.report import format_table, write_report

    settings = _settings(args)
    examples = load_part(
        args.split, args.part, args.squad, args.doclists, args.nqg, partial=args.partial
    )
    if args.limit:
        examples = examples[: args.limit]
    generator = _generator(args)
    report, predictions = evaluate(
        generator, examples, args.split, args.part, settings, str(args.model or "default"),
        progress=not args.quiet,
    )  # fmt: skip
    out = Path(args.out)
    write_report(report, out)
    with (out / "predictions.txt").open("w", encoding="utf-8") as file:
        file.writelines(f"{prediction}\n" for prediction in predictions)
    print(format_table(report))
    if "warning" in report["details"]:
        print(f"qgen: warning: {report['details']['warning']}", file=sys.stderr)


# -- helpers ---------------------------------------------------------------------------------------


def _quiet_transformers() -> None:
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _generator(args: argparse.Namespace):
    _quiet_transformers()
    from qgen.generator import QuestionGenerator

    return QuestionGenerator.from_pretrained(args.model, args.device, batch_size=args.batch_size)


def _settings(args: argparse.Namespace, kind=GenerationSettings):
    return kind(**{field.name: getattr(args, field.name) for field in fields(kind)})


def _read(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise QGenError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise QGenError(f"{path} is not UTF-8 text") from error


# -- arguments -------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qgen", description="Generate questions for a passage and an answer."
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    generate = commands.add_parser("generate", help="ask about one passage")
    source = generate.add_mutually_exclusive_group(required=True)
    source.add_argument("--passage", help="the passage itself")
    source.add_argument("--passage-file", metavar="FILE", help="a text file, or - for stdin")
    generate.add_argument("--answer", help="a span of the passage; without it, spans are proposed")
    generate.add_argument(
        "--answer-start", type=int, metavar="N", help="its offset, where it occurs more than once"
    )
    generate.add_argument("--json", action="store_true", help="one JSON object per question")
    generate.set_defaults(run=_generate)

    batch = commands.add_parser("batch", help="ask about every row of a file")
    batch.add_argument("input", help=".jsonl, .csv or .tsv (passage[, answer]), or .txt")
    batch.add_argument("output", help=".jsonl or .csv")
    batch.add_argument("--errors", metavar="FILE", help="bad rows (OUTPUT.errors.jsonl)")
    batch.add_argument(
        "--buffer-size", type=int, default=64, metavar="N", help="rows written at once (64)"
    )
    batch.set_defaults(run=_batch)

    evaluate = commands.add_parser("evaluate", help="score a model on a published split")
    evaluate.add_argument("--part", default="test", help="train, dev or test (test)")
    evaluate.add_argument("--out", default="reports", help="directory of the report (reports)")
    evaluate.add_argument("--limit", type=int, default=0, help="only the first N examples")
    evaluate.set_defaults(run=_evaluate)

    train = commands.add_parser("train", help="fine-tune an encoder, or go on with a killed run")
    train.add_argument("--model", required=True, help="encoder or checkpoint to start from")
    train.add_argument("--train", nargs="+", default=[], metavar="FILE", help="JSONL examples")
    train.add_argument("--dev", metavar="FILE", help="JSONL examples for the dev loss")
    train.add_argument("--out", required=True, help="directory of the run; its final/ is the model")
    train.add_argument("--trained-on", nargs="+", help="names to record in the checkpoint")
    train.set_defaults(run=_train)

    for command in (evaluate, train):
        command.add_argument("--split", required=command is evaluate, help="du or zhao")
        command.add_argument("--squad", nargs="+", default=[], metavar="FILE", help="SQuAD JSON")
        command.add_argument("--doclists", metavar="DIR", help="directory of doclist-*.txt")
        command.add_argument(
            "--partial", action="store_true", help="the SQuAD files lack some articles"
        )
    evaluate.add_argument("--nqg", metavar="DIR", help="Du et al.'s files: answer-agnostic")
    for command in (generate, batch, evaluate):
        command.add_argument("--model", help="checkpoint directory or hub name (the one shipped)")
        command.add_argument("--device", help="torch device (a GPU where there is one)")
        command.add_argument("--batch-size", type=_positive, default=16, help="inputs at once (16)")
        _add_settings(command, GenerationSettings)
    for command in (generate, batch):
        command.add_argument(
            "--max-answers", type=int, default=10, help="questions where no answer is given (10)"
        )
    for command in (batch, evaluate):
        command.add_argument("--quiet", action="store_true", help="no progress bar")
    _add_settings(train, TrainingSettings)
    return parser


def _add_settings(parser: argparse.ArgumentParser, kind) -> None:
    """One option per field of a settings class, with its default and description."""
    group = parser.add_argument_group("settings")
    for field in fields(kind):
        option, text = f"--{field.name.replace('_', '-')}", field.metadata["help"]
        if "bool" in field.type:
            group.add_argument(
                option, action=argparse.BooleanOptionalAction, default=field.default, help=text
            )
        else:
            group.add_argument(
                option,
                type=type(field.default),
                default=field.default,
                metavar="N",
                help=f"{text} (%(default)s)",
            )


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1: {text}")
    return value
