"""The ``qgen`` command: generate, batch, train, evaluate."""

from __future__ import annotations

import argparse
import atexit
import gc
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from string import ascii_uppercase

from qgen import __version__
from qgen.errors import QGenError, exit_code
from qgen.files.writers import FORMATS, WRITERS
from qgen.records import Request, Result
from qgen.settings import (
    BUFFER_SIZE,
    DTYPES,
    GenerationSettings,
    QuizSettings,
    ReaderTrainingSettings,
    TrainingSettings,
)

PARAGRAPHS = 8
"""Paragraphs of a document asked about together, between two steps of the progress bar."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 1 where no row of a batch succeeded, 2 for
    bad input, 130 when interrupted."""
    args = _parser().parse_args(argv)
    # What is imported stays to the end.  Looking for garbage in it, at the exit too, takes a third
    # of the time of a short command.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    return exit_code("qgen", partial(args.run, args))


# -- commands --------------------------------------------------------------------------------------


def _generate(args: argparse.Namespace) -> None:
    from qgen.english.locate import locate_answer

    settings, quiz = _settings(args), _settings(args, QuizSettings)
    if args.document:
        if args.answer is not None:
            raise QGenError("--answer goes with --passage or --passage-file")
        requests = _document(args.document)
        results = _about_document(args, requests, settings, quiz)
    else:
        passage = _read(args.passage_file) if args.passage_file else args.passage
        given = args.answer is not None
        answers = (locate_answer(passage, args.answer, args.answer_start),) if given else ()
        requests = [Request(passage, answers)]
        results = _generator(args).generate(requests, settings, quiz)
    if not any(result.questions for result in results):
        raise QGenError(results[0].failure)
    for request, result in zip(requests, results, strict=True):
        for question in result.questions:
            if args.json:
                record = question.to_dict() | request.extra
                print(json.dumps(record, ensure_ascii=False))
                continue
            answer = question.answer.text if question.answer else ""
            where = ", ".join(f"{name} {value}" for name, value in request.extra.items())
            place = f"  ({where})" if where else ""
            print(f"{question.sureness:8.3f}  {question.question}  [{answer}]{place}")
            for letter, choice in zip(ascii_uppercase, question.choices, strict=False):
                print(f"{'':10}{letter}. {choice}")
        if request.extra and not result.questions and not any(result.dropped.values()):
            print(f"qgen: paragraph {request.extra['paragraph']}: {result.reason}", file=sys.stderr)
    _tell_dropped(quiz.max_answers, results)


def _tell_dropped(wanted: int, results: Sequence[Result]) -> None:
    """One line on stderr for what was dropped from all results, and why."""
    dropped: Counter[str] = Counter()
    for result in results:
        dropped.update(result.dropped)
    kept = sum(len(result.questions) for result in results)
    if reason := Result(dropped={why: n for why, n in dropped.items() if n}).reason:
        print(f"qgen: asked for {wanted}, kept {kept}: {reason}", file=sys.stderr)


def _about_document(args: argparse.Namespace, requests, settings, quiz) -> list[Result]:
    """The best questions of a whole document, some paragraphs at a time, with a progress bar."""
    from tqdm import tqdm

    from qgen.asking.selection import best_of_document, share_of_paragraph

    generator = _generator(args)
    share = replace(quiz, max_answers=share_of_paragraph(quiz.max_answers, len(requests)))
    results: list[Result] = []
    with tqdm(total=len(requests), unit="paragraph", disable=None) as bar:  # only on a terminal
        for at in range(0, len(requests), PARAGRAPHS):
            results += generator.generate(requests[at : at + PARAGRAPHS], settings, share)
            bar.update(len(results) - bar.n)
    asked = [(i, q) for i, result in enumerate(results) for q in result.questions]
    chosen = best_of_document(asked, quiz.max_answers)
    return [
        replace(result, questions=tuple(q for number, q in chosen if number == i))
        for i, result in enumerate(results)
    ]


def _document(path: str) -> list[Request]:
    from qgen.files.documents import read_document

    return [
        Request(p.text, extra={"paragraph": p.number} | ({"page": p.page} if p.page else {}))
        for p in read_document(path)
    ]


def _batch(args: argparse.Namespace) -> int:
    from qgen.files.batch import run_batch
    from qgen.model.runtime.workers import count_streams

    settings, quiz = _settings(args), _settings(args, QuizSettings)
    generator = _generator(args)
    engine = None
    if args.engine == "ray":
        from qgen.files.ray import ray_engine

        load = partial(_load_generate, args, settings, quiz)
        engine = ray_engine(load, args.batch_size, args.workers, args.ray_address)
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
        settings={
            **asdict(settings),
            **asdict(quiz),
            "weights": generator.fingerprint,
        },
    )
    print(
        f"{summary.rows} rows, {summary.questions} questions, {summary.errors} errors"
        + (f" (see {summary.errors_path})" if summary.errors_path else "")
        + f" -> {summary.output_path}",
        file=sys.stderr,
    )
    if summary.errors == summary.rows:
        print(f"qgen: no row succeeded; all {summary.rows} failed", file=sys.stderr)
        return 1
    return 0


def _generate_with(generator, settings, quiz, requests):
    return generator.generate(requests, settings, quiz)


def _load_generate(args: argparse.Namespace, settings, quiz):
    """The model in a worker of Ray's."""
    return partial(_generate_with, _generator(args), settings, quiz)


def _serve(args: argparse.Namespace) -> None:
    with _extra("serve"):
        import uvicorn

        from qgen.service.app import ServiceSettings, create_app

    settings = ServiceSettings(
        token=args.token or os.environ.get("QGEN_TOKEN", ""),
        allow_origins=tuple(args.allow_origin),
        max_waiting=args.max_waiting,
        max_batch=args.batch_size,
    )
    page = args.page and not settings.token  # browsers send no bearer token
    try:
        app = create_app(_generator(args), settings, page)
    except ImportError as error:
        raise QGenError(f"{error.name} is missing: pip install 'qgen[ui]', or --no-page") from error
    address = f"http://{args.host}:{args.port}"
    what = "the page and the API" if page else "the API"
    print(f"qgen: serving {what} on {address}, documented at /docs", file=sys.stderr)
    # On SIGTERM uvicorn takes no new connections and finishes the requests that it has; the page
    # of a browser that stays open would never finish.
    uvicorn.run(
        app,
        host=args.host,
        port=args.port,
        log_level="warning",
        timeout_graceful_shutdown=30 if page else int(settings.timeout_s),
    )


def _train(args: argparse.Namespace) -> None:
    from qgen.model.checkpoints import load_checkpoint
    from qgen.training.generator import train

    _fine_tune(args, TrainingSettings, load_checkpoint, train)


def _train_reader(args: argparse.Namespace) -> None:
    from qgen.model.reader import load_reader
    from qgen.training.reader import train_reader

    _fine_tune(args, ReaderTrainingSettings, load_reader, train_reader)


def _fine_tune(args: argparse.Namespace, kind, load, train) -> None:
    _quiet_transformers()
    from qgen.training.generator import read_examples

    settings = _settings(args, kind)
    examples = [example for path in args.train for example in read_examples(path)]
    dev = read_examples(args.dev) if args.dev else []
    trained_on = [Path(path).name for path in args.train]
    if args.split:
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


def _evaluate(args: argparse.Namespace) -> None:
    with _extra("eval"):
        from eval.evaluate import evaluate
        from eval.report import format_table, write_report
    from eval.splits import load_part
    from qgen.training.generator import read_examples

    settings = _settings(args)
    if args.examples:
        examples = read_examples(args.examples)
        if len({example.answer is None for example in examples}) > 1:
            raise QGenError(f"{args.examples}: give every example an answer, or none")
    else:
        examples = load_part(
            args.split, args.part, args.squad, args.doclists, args.nqg, partial=args.partial
        )
    report = evaluate(
        _n_best_generator(args),
        examples[: args.limit],
        Path(args.examples).name if args.examples else args.split,
        "all" if args.examples else args.part,
        settings,
        args.model or "default",
        args.out,
        progress=not args.quiet,
    )
    write_report(report, args.out)
    print(format_table(report))
    if "warning" in report["details"]:
        print(f"qgen: warning: {report['details']['warning']}", file=sys.stderr)


def _evaluate_reader(args: argparse.Namespace) -> None:
    with _extra("eval"):
        from eval.reading import evaluate_reader
    from eval.splits import load_part
    from qgen.model.reader import Reader

    _quiet_transformers()
    reader = Reader.from_pretrained(
        args.model, args.device, dtype=args.dtype, batch_size=args.batch_size
    )
    examples = load_part(args.split, args.part, args.squad, args.doclists, partial=args.partial)
    report = evaluate_reader(
        reader, examples[: args.limit], args.split, args.part, args.out, not args.quiet
    )
    print(
        "{setup} {part}: {n_examples} questions, EM {exact_match}, F1 {f1}; "
        "{proposed} % of the answers among 10 proposals".format(**report)
    )


# -- helpers ---------------------------------------------------------------------------------------


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Where an import needs one of the package's extras."""
    try:
        yield
    except ImportError as error:
        raise QGenError(f"{error.name} is missing: pip install 'qgen[{name}]'") from error


def _quiet_transformers() -> None:
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _generator(args: argparse.Namespace):
    from qgen import QuestionGenerator
    from qgen.model.reader import DEFAULT_READER

    _quiet_transformers()
    return QuestionGenerator.from_pretrained(
        args.model,
        args.device,
        None if args.reader == "none" else args.reader or DEFAULT_READER,
        dtype=args.dtype,
        batch_size=args.batch_size,
    )


def _n_best_generator(args: argparse.Namespace):
    from qgen import NBestGenerator

    _quiet_transformers()
    return NBestGenerator.from_pretrained(
        args.model, args.device, dtype=args.dtype, batch_size=args.batch_size
    )


def _settings(args: argparse.Namespace, kind=GenerationSettings):
    values = {field.name: getattr(args, field.name) for field in fields(kind)}
    return kind(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


def _read(path: str) -> str:
    from qgen.files.encoding import decode_text

    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise QGenError(f"cannot read {path}: {error.strerror}") from error
    return decode_text(content)


# -- arguments -------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qgen", description="Generate questions for a passage and an answer."
    )
    parser.add_argument("--version", action="version", version=f"qgen {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    generate = commands.add_parser("generate", help="ask about one passage")
    source = generate.add_mutually_exclusive_group(required=True)
    source.add_argument("--passage", help="the passage itself")
    source.add_argument("--passage-file", metavar="FILE", help="a text file, or - for stdin")
    source.add_argument(
        "--document", metavar="FILE",
        help=".txt, .md, .html, .docx or .pdf: --max-answers questions, spread over its paragraphs",
    )  # fmt: skip
    generate.add_argument("--answer", help="a span of the passage; without it, spans are proposed")
    generate.add_argument(
        "--answer-start", type=int, metavar="N", help="its offset, where it occurs more than once"
    )
    generate.add_argument("--json", action="store_true", help="one JSON object per question")
    generate.set_defaults(run=_generate)

    batch = commands.add_parser("batch", help="ask about every row of a file")
    batch.add_argument(
        "input",
        help="rows (.jsonl, .json, .csv, .tsv, .parquet, .txt), or a document or folder of them",
    )
    batch.add_argument("output", help=f"a file: {', '.join(FORMATS)}")
    batch.add_argument("--format", choices=list(WRITERS), help="of the output (by its suffix)")
    batch.add_argument("--errors", metavar="FILE", help="bad rows (OUTPUT.errors.jsonl)")
    batch.add_argument(
        "--buffer-size",
        type=_positive,
        default=BUFFER_SIZE,
        metavar="N",
        help="rows written at once (%(default)s)",
    )
    batch.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="what runs it (%(default)s)"
    )
    batch.add_argument(
        "--workers", type=_positive, default=2, metavar="N", help="of Ray (%(default)s)"
    )
    batch.add_argument("--ray-address", help="a running cluster's (one is started on this machine)")
    batch.set_defaults(run=_batch)

    serve = commands.add_parser("serve", help="answer over HTTP")
    serve.add_argument("--host", default="127.0.0.1", help="(%(default)s)")
    serve.add_argument("--port", type=int, default=8000, metavar="N", help="(%(default)s)")
    serve.add_argument("--token", help="what clients must send as bearer token ($QGEN_TOKEN)")
    serve.add_argument(
        "--allow-origin", action="append", default=[], metavar="ORIGIN",
        help="let pages of this origin call the service; may be given several times",
    )  # fmt: skip
    serve.add_argument(
        "--max-waiting", type=_positive, default=512, metavar="N",
        help="passages that may wait before clients are sent away (%(default)s)",
    )  # fmt: skip
    serve.add_argument(
        "--page",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="the web page at /, unless there is a token (%(default)s)",
    )
    serve.set_defaults(run=_serve)

    evaluate = commands.add_parser("evaluate", help="score a model on a published split")
    data = evaluate.add_mutually_exclusive_group(required=True)
    data.add_argument("--split", help="du or zhao")
    data.add_argument("--examples", metavar="FILE", help="rows with a question, instead")
    evaluate.set_defaults(run=_evaluate)

    evaluate_reader = commands.add_parser("evaluate-reader", help="the same, for the reader")
    evaluate_reader.add_argument("--split", help="du or zhao", required=True)
    evaluate_reader.set_defaults(run=_evaluate_reader)
    for command in (evaluate, evaluate_reader):
        command.add_argument(
            "--part", default="test", help="train, dev, test, fit or held-out (test)"
        )
        command.add_argument("--out", default="reports", help="directory of the report (reports)")
        command.add_argument(
            "--limit", type=_positive, metavar="N", help="only the first N examples (all)"
        )

    train = commands.add_parser("train", help="fine-tune an encoder, or go on with a killed run")
    train.set_defaults(run=_train)
    train_reader = commands.add_parser("train-reader", help="the same, for the reader")
    train_reader.set_defaults(run=_train_reader)
    for command in (train, train_reader):
        command.add_argument("--split", help="du or zhao")
        command.add_argument("--model", required=True, help="encoder or checkpoint to start from")
        command.add_argument(
            "--train", nargs="+", default=[], metavar="FILE", help="rows with a question"
        )
        command.add_argument("--dev", metavar="FILE", help="rows for the dev loss")
        command.add_argument(
            "--out", required=True, help="the run's directory, of its final/ model"
        )
        command.add_argument("--trained-on", nargs="+", help="names to record in the checkpoint")

    for command in (evaluate, evaluate_reader, train, train_reader):
        command.add_argument("--squad", nargs="+", default=[], metavar="FILE", help="SQuAD JSON")
        command.add_argument("--doclists", metavar="DIR", help="directory of doclist-*.txt")
        command.add_argument(
            "--partial", action="store_true", help="the SQuAD files lack some articles"
        )
    evaluate.add_argument("--nqg", metavar="DIR", help="Du et al.'s files: answer-agnostic")
    for command in (generate, batch, serve):
        command.add_argument(
            "--reader", metavar="DIR", help="the reader's checkpoint, or none (the one shipped)"
        )
    for command in (generate, batch, serve, evaluate, evaluate_reader):
        command.add_argument("--model", help="checkpoint directory or hub name (the one shipped)")
        command.add_argument("--device", help="torch device (a GPU where there is one)")
        command.add_argument(
            "--dtype",
            choices=DTYPES,
            default=DTYPES[0],
            help="arithmetic; auto: the fastest one that this machine has (%(default)s)",
        )
        command.add_argument(
            "--batch-size",
            type=_positive,
            default=16,
            metavar="N",
            help="inputs decoded together, on each core of a CPU (16)",
        )
    for command in (generate, batch, evaluate):
        _add_settings(command, GenerationSettings)
    for command in (generate, batch):
        _add_settings(command, QuizSettings)
    for command in (batch, evaluate, evaluate_reader):
        command.add_argument("--quiet", action="store_true", help="no progress bar")
    _add_settings(train, TrainingSettings)
    _add_settings(train_reader, ReaderTrainingSettings)
    return parser


def _add_settings(parser: argparse.ArgumentParser, kind) -> None:
    """One option per field of a settings class, with its default and description."""
    group = parser.add_argument_group("settings")
    for field in fields(kind):
        option, text = f"--{field.name.replace('_', '-')}", field.metadata["help"]
        if "tuple" in field.type:
            group.add_argument(
                option, nargs="+", default=field.default, choices=field.metadata["choices"],
                help=text,
            )  # fmt: skip
        elif "bool" in field.type:
            group.add_argument(
                option, action=argparse.BooleanOptionalAction, default=field.default, help=text
            )
        else:
            group.add_argument(
                option,
                type=type(field.default),
                default=field.default,
                choices=field.metadata["choices"] or None,
                metavar=None if field.metadata["choices"] else "N",
                help=f"{text} (%(default)s)",
            )


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1: {text}")
    return value
