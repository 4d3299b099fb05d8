"""``qgen doctor``: what was found on this machine, what is missing, and how to install it."""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement

from qgen import __version__
from qgen.cli.loading import question_generator
from qgen.cli.options import add_model
from qgen.cli.output import write_report
from qgen.errors import first_line, install

PASSAGE = "The lighthouse on Gull Rock was built in 1868 by the engineer Ada Flint."
"""What it asks about, for the answer 1868."""

EXTRAS = {
    "documents": "documents and Parquet files",
    "serve": "qgen serve --no-page",
    "ui": "qgen serve with its page",
    "retrieval": "marking test sets (--format beir, ragas, llama-index)",
    "eval": "qgen evaluate",
    "bench": "the peers in python -m eval.bench",
    "ray": "qgen batch --engine ray",
    "encoder": "the encoder that training starts from",
}
"""What can be installed as well, and what it is for."""


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: what was looked for.
        found: whether it is there and works.
        detail: version and place, or what is wrong.
        needed: whether nothing can be asked without it.
        remedy: how to get it, where it is not there.
    """

    name: str
    found: bool
    detail: str
    needed: bool = False
    remedy: str = ""


def add_to(commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "doctor",
        usage="%(prog)s [options]",
        help="check what is installed and whether asking works",
        description="Say what was found on this machine, what is missing and how to install it, "
        "and ask one question. The exit code is 0 where asking works, else 1.",
    )
    add_model(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the report; 1 where asking does not work."""
    findings = list(examine(args))
    write_report([(f.name, _state(f), f.detail, f.remedy) for f in findings])
    return 1 if any(finding.needed and not finding.found for finding in findings) else 0


def _state(finding: Finding) -> str:
    if finding.found:
        return "ok"
    return "fails" if finding.needed else "missing"


def examine(args: argparse.Namespace) -> Iterator[Finding]:
    """What there is, the needed things first."""
    python = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding("qgen", True, f"{__version__}, Python {python}")
    problems, versions = _packages("")
    yield Finding(
        "packages",
        not problems,
        "; ".join(problems) or versions,
        needed=True,
        remedy=install(),
    )
    yield from _asking(args)
    for name, purpose in EXTRAS.items():
        problems, versions = _packages(name)
        yield Finding(
            f"[{name}]",
            not problems,
            f"{purpose}: {'; '.join(problems) or versions}",
            remedy=install(name),
        )
    yield _java()


def _packages(extra: str) -> tuple[list[str], str]:
    """What is wrong with the packages of an extra, or those that qgen needs, and their versions."""
    problems, versions = [], []
    for requirement in _requirements(extra):
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            problems.append(f"{requirement.name} is missing")
            continue
        versions.append(f"{requirement.name} {version}")
        if not requirement.specifier.contains(version, prereleases=True):
            wanted = f"{requirement.name}{requirement.specifier}"
            problems.append(f"{requirement.name} {version} is installed, {wanted} is needed")
    return problems, ", ".join(versions)


def _requirements(extra: str) -> Iterator[Requirement]:
    """The packages of an extra, those of the extras that it includes too."""
    for requirement in map(Requirement, metadata.requires("qgen") or []):
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if extra:
            applies = not applies and bool(
                requirement.marker and requirement.marker.evaluate({"extra": extra})
            )
        if not applies:
            continue
        if requirement.name == "qgen":
            for included in sorted(requirement.extras):
                yield from _requirements(included)
        else:
            yield requirement


def _asking(args: argparse.Namespace) -> Iterator[Finding]:
    """The models, their arithmetic, and whether a question comes out."""
    started = time.perf_counter()
    try:
        generator = question_generator(args)
        [question] = generator.questions(PASSAGE, "1868")
    except Exception as error:  # whatever it is, it is what the report is about
        problem = first_line(error)
        yield Finding("asking", False, problem, needed=True, remedy="see the lines above and below")
        return
    seconds = time.perf_counter() - started
    from qgen.model.checkpoints import DEFAULT_GENERATOR
    from qgen.model.runtime.linear import dtype_of

    model, device = generator.generator.model, generator.generator.device
    yield Finding("arithmetic", True, f"{dtype_of(model)} on {device}{_threads(device.type)}")
    yield Finding("model", True, args.model or DEFAULT_GENERATOR)
    if generator.reader:
        which, arithmetic = args.reader or "the one that ships", dtype_of(generator.reader.model)
        yield Finding("reader", True, f"{which}, in {arithmetic}")
    elif args.reader != "none":
        yield Finding(
            "reader",
            False,
            "questions are not checked",
            remedy="install qgen anew, or --reader DIR",
        )
    yield Finding("asking", True, f"{question.question} ({seconds:.1f} s)", needed=True)


def _threads(device: str) -> str:
    import torch

    return f", {torch.get_num_threads()} threads" if device == "cpu" else ""


def _java() -> Finding:
    """Java, which METEOR 1.5 runs on."""
    purpose = "METEOR in qgen evaluate"
    program = shutil.which("java")
    if program is None:
        remedy = "install a Java runtime (Debian: default-jre-headless)"
        return Finding("Java", False, purpose, remedy=remedy)
    try:
        done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30)
        version = first_line(RuntimeError(done.stderr or done.stdout))
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("Java", False, f"{purpose}: {first_line(error)}")
    return Finding("Java", done.returncode == 0, f"{purpose}: {version}")
