"""Options of the command line, made from the settings classes, and settings made from options."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any, NoReturn, TypeVar

from qgen.errors import QGenError
from qgen.settings import DTYPES

Settings = TypeVar("Settings")


class Parser(argparse.ArgumentParser):
    """An argument parser that says what is wrong in one line, without all its options."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")

    def parse_known_args(self, args=None, namespace=None):
        """As argparse's, but unknown arguments are an error of the subcommand that they are given
        to, which names its own help."""
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return namespace, unknown


def add_settings(parser: argparse.ArgumentParser, kind: type, title: str) -> None:
    """One option per field of a settings class, with its default and description.

    Args:
        parser: what gets the options.
        kind: the class.
        title: of the group of options in the help text.
    """
    group = parser.add_argument_group(title)
    for field in fields(kind):
        _add_setting(group, field)


def _add_setting(group: Any, field: Field) -> None:
    option, text = _option(field.name), field.metadata["help"]
    choices = field.metadata["choices"] or None
    kind: Any = field.type
    if kind == tuple[str, ...]:
        group.add_argument(
            option,
            nargs="+",
            action=_Words,
            known=choices,
            default=field.default,
            metavar=field.name.upper(),
            help=f"{text}; one or more of {', '.join(choices)}" if choices else text,
        )
    elif kind in (bool, bool | None):
        group.add_argument(
            option, action=argparse.BooleanOptionalAction, default=field.default, help=text
        )
    else:
        group.add_argument(
            option,
            type={float: finite, int: integer}.get(kind, str),
            default=field.default,
            choices=choices,
            metavar=None if choices else "WORDS" if kind is str else "N",
            help=text if field.default == "" else f"{text} (default: %(default)s)",
        )


class _Words(argparse.Action):
    """Takes words with spaces or commas between them.

    Args:
        known: the words that may be given; ``None`` for any.
        kwargs: as of :class:`argparse.Action`.
    """

    def __init__(self, *, known: tuple[str, ...] | None, **kwargs):
        super().__init__(**kwargs)
        self.known = known

    def __call__(self, parser, namespace, values, option_string=None):
        words = [word for value in values for word in value.replace(",", " ").split()]
        if not words:
            raise argparse.ArgumentError(self, "expected at least one argument")
        for word in words:
            if self.known and word not in self.known:
                names = ", ".join(map(repr, self.known))
                raise argparse.ArgumentError(
                    self, f"invalid choice: {word!r} (choose from {names})"
                )
        setattr(namespace, self.dest, words)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def settings_of(args: argparse.Namespace, kind: type[Settings]) -> Settings:
    """The settings that the options say.

    Raises:
        QGenError: a value is out of range, or would not be used.
    """
    values = {field.name: getattr(args, field.name) for field in fields(kind)}  # type: ignore[arg-type]
    for field in fields(kind):  # type: ignore[arg-type]
        needs = field.metadata.get("needs")
        if needs and not values[needs] and values[field.name] != field.default:
            raise QGenError(f"{_option(field.name)} goes with {_option(needs)}")
    return kind(**values)


def check_partners(args: argparse.Namespace, partner: str, given: bool, *names: str) -> None:
    """Refuse options that mean nothing without another one.

    Args:
        args: in which an option that was not given is ``None``, false or an empty list.
        partner: the other one, as it is written.
        given: whether it was given.
        names: of the attributes of the options.

    Raises:
        QGenError: one was given without it.
    """
    for name in names:
        value = getattr(args, name)
        if not given and not (value is None or value is False or value == []):
            raise QGenError(f"{_option(name)} goes with {partner}")


def add_model(parser: argparse.ArgumentParser, generator: bool = True, reader: bool = True) -> None:
    """Which models to load and how they compute.

    Args:
        parser: of the command.
        generator: whether ``--model`` is a question generator; else it is a reader.
        reader: whether the command has both.
    """
    group = parser.add_argument_group("models")
    if generator:
        group.add_argument(
            "--model",
            metavar="NAME",
            help="the question generator: fast or best, which ship (best asks better and takes "
            "three times as long), or the folder of another checkpoint (default: fast)",
        )
    else:
        group.add_argument(
            "--model", metavar="DIR", help="the checkpoint to use (default: the one that ships)"
        )
    if reader:
        group.add_argument(
            "--reader",
            metavar="DIR",
            help="the checkpoint of the reader, the question-answering model that checks the "
            "questions; none for no checks (default: the one that ships)",
        )
    group.add_argument(
        "--device", help="a torch device, such as cpu or cuda:0 (default: a GPU if there is one)"
    )
    group.add_argument(
        "--dtype",
        choices=DTYPES,
        default=DTYPES[0],
        help="arithmetic; auto takes the fastest that this machine has (default: %(default)s)",
    )
    group.add_argument(
        "--batch-size",
        type=whole(1, 1024),
        default=16,
        metavar="N",
        help="questions to decode together; on a CPU, each core has so many (default: %(default)s)",
    )


def add_split(parser: argparse.ArgumentParser, required: bool = False) -> None:
    """Which published part of SQuAD to take, and where the files are."""
    group = parser.add_argument_group("data")
    if required:
        group.add_argument(
            "--split", metavar="NAME", required=True, help="a published split of SQuAD: du or zhao"
        )
    group.add_argument(
        "--squad", nargs="+", default=[], metavar="FILE", help="SQuAD 1.1's JSON files"
    )
    group.add_argument(
        "--doclists", metavar="DIR", help="the folder with the split's doclist-*.txt"
    )
    group.add_argument(
        "--partial", action="store_true", help="go on although the SQuAD files lack some articles"
    )


def add_raw_cells(parser: argparse.ArgumentParser) -> None:
    """For whom CSV and TSV are written."""
    parser.add_argument(
        "--raw-cells",
        action="store_true",
        help="CSV and TSV for programs: no byte order mark, and no apostrophe in front of what a "
        "spreadsheet would compute",
    )


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Whether the progress is shown."""
    parser.add_argument(
        "--quiet",
        action="store_true",
        help="show no progress bar, as in a log or a pipe, where none is shown anyway",
    )


def not_empty(text: str) -> str:
    """A text, as ``type`` of an option.  An empty one is a script's variable that is not set: as a
    name it would mean this folder, or the default, and as a host all of the machine's."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def integer(text: str) -> int:
    """A whole number, as ``type`` of an option."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number: {text}") from None


def positive(text: str) -> int:
    """A whole number of at least 1, as ``type`` of an option."""
    value = integer(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1: {text}")
    return value


def whole(least: int, most: int) -> Callable[[str], int]:
    """The ``type`` of an option that takes the whole numbers from ``least`` to ``most``."""

    def number(text: str) -> int:
        value = integer(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be from {least} to {most}: {text}")
        return value

    return number


def finite(text: str) -> float:
    """A number that is neither infinite nor not a number, as ``type`` of an option."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"must be a finite number: {text}")
    return value
