"""The record of one evaluation, beside the published MiniLM results."""

from __future__ import annotations

import io
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from eval.metrics import Score
from qgen.errors import QGenError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PUBLISHED = {
    ("du", "MiniLM-L12"): {"BLEU-4": 21.07, "METEOR": 24.09, "ROUGE-L": 49.14},
    ("du", "MiniLM-L6"): {"BLEU-4": 20.31, "METEOR": 23.43, "ROUGE-L": 48.21},
    ("zhao", "MiniLM-L12"): {"BLEU-4": 23.27, "METEOR": 25.15, "ROUGE-L": 50.60},
    ("zhao", "MiniLM-L6"): {"BLEU-4": 22.01, "METEOR": 24.24, "ROUGE-L": 49.51},
}
"""Test-set percentages by setup and model (12 or 6 layers, hidden size 384)."""

SOURCE = "Wang et al. 2020, MiniLM, arXiv 2002.10957"
"""Where the published results are from."""

_CHART_METRICS = ("BLEU-4", "METEOR", "ROUGE-L")


def build_report(
    setup: str,
    part: str,
    model_name: str,
    scores: list[Score],
    n_examples: int,
    details: dict,
) -> dict:
    """The record of one evaluation, as plain JSON types.

    Args:
        setup: ``"du"`` or ``"zhao"`` (see ``eval.splits``); any other setup has
            no published results.
        part: of it; only ``"test"`` has published results, and all of it.
        model_name: the evaluated model's name.
        scores: in order; the first one of a metric's name is the one to compare
            with the published results, as ``eval.metrics.score_all`` gives them.
        n_examples: how many questions were evaluated; those that share an input are scored as one.
        details: whatever else should be on record, as plain JSON types; ``subset`` where these are
            not all questions of the part.

    Returns:
        ``setup``, ``part``, ``model``, ``n_examples``, ``details``, ``scores``
        (a dict for each ``Score``), ``published`` (model to metric to percent)
        and ``published_source``.
    """
    return {
        "setup": setup,
        "part": part,
        "model": model_name,
        "n_examples": n_examples,
        "details": details,
        "scores": [asdict(score) for score in scores],
        "published": {
            model: dict(values)
            for (published_setup, model), values in PUBLISHED.items()
            if (published_setup, "test") == (setup, part) and "subset" not in details
        },
        "published_source": SOURCE,
    }


def format_table(report: dict) -> str:
    """The report's scores as a Markdown table that also reads well as text.

    One row a score: metric, percent, implementation and tokenisation, then one
    column for each published model.  A published value stands in the row of the
    score it is comparable with.  A score without a value shows as ``n/a`` and
    the reason.
    """
    published = report["published"]
    rows = [["metric", "value", "implementation", "tokenisation"]]
    rows[0] += [f"{model} (published)" for model in published]
    comparable = _comparable(report)
    for score in report["scores"]:
        row = [
            score["metric"],
            _format_value(score),
            score["implementation"],
            score["tokenisation"],
        ]
        for values in published.values():
            value = values.get(score["metric"])
            shown = value is not None and comparable[score["metric"]] is score
            row.append(f"{value:.2f}" if shown else "")
        rows.append([cell.replace("|", r"\|") for cell in row])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows)


def write_report(report: dict, directory: str | Path) -> None:
    """Write ``report.json``, ``report.md`` and ``report.png`` into a folder.

    The chart shows the measured score beside the published ones, in percent, for
    BLEU-4, METEOR and ROUGE-L.  The folder is made where it does not exist; each
    file appears whole or not at all, replacing an earlier one.

    Raises:
        QGenError: the folder or a file in it cannot be written.
    """
    record = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    files = {
        "report.json": record.encode(),
        "report.md": _format_markdown(report).encode(),
        "report.png": _draw_chart(report),
    }
    write_files(files, directory)


def write_files(files: dict[str, bytes], directory: str | Path) -> None:
    """Write files by name into a folder, which is made where it does not exist.

    Each appears whole or not at all, replacing an earlier one.

    Raises:
        QGenError: the folder or a file in it cannot be written.
    """
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            temporary = directory / f"{name}.tmp"
            temporary.write_bytes(content)
            os.replace(temporary, directory / name)
    except OSError as error:
        raise QGenError(f"cannot write the report to {directory}: {error.strerror}") from error


def _comparable(report: dict) -> dict[str, dict]:
    """By metric, the first score: the one to compare with published results."""
    return {score["metric"]: score for score in reversed(report["scores"])}


def _format_value(score: dict) -> str:
    if score["value"] is None:
        return f"n/a ({score['reason']})"
    interval = score.get("interval")
    of_interval = f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else ""
    return f"{score['value']:.2f}{of_interval}"


def _title(report: dict) -> str:
    return (
        f"{report['model']}: {report['setup']} {report['part']}, {report['n_examples']} questions"
    )


def _format_markdown(report: dict) -> str:
    source = f" Published results: {report['published_source']}." if report["published"] else ""
    paragraphs = [
        f"# {_title(report)}",
        format_table(report),
        f"Percentages; in brackets a 95 % bootstrap interval.{source}",
    ]
    if report["details"]:
        paragraphs.append(
            "\n".join(f"- {key}: {value}" for key, value in report["details"].items())
        )
    return "\n\n".join(paragraphs) + "\n"


def _draw_chart(report: dict) -> bytes:
    """The PNG bar chart: one group a metric, one bar a model."""
    from matplotlib.figure import Figure  # slow to import, and only needed here

    comparable = _comparable(report)
    measured = {
        metric: comparable[metric]["value"] for metric in _CHART_METRICS if metric in comparable
    }
    series = {f"{report['model']} (measured)": measured}
    for model, values in report["published"].items():
        series[f"{model} (published)"] = values
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    width = 0.8 / len(series)
    bars = [
        _draw_bars(axes, values, (i - (len(series) - 1) / 2) * width, width)
        for i, values in enumerate(series.values())
    ]
    axes.set_xticks(range(len(_CHART_METRICS)), _CHART_METRICS)
    axes.set_ylabel("score (%)")
    axes.margins(y=0.1)
    axes.set_title(_title(report), parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    # Given with the bars, names that begin with "_" are shown too.
    legend = figure.legend(bars, list(series), loc="outside lower center", frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=150)
    return png.getvalue()


def _draw_bars(axes: Axes, values: dict, offset: float, width: float):
    """One model's bar in each metric's group; a value it lacks shows as n/a.  Returns the bars."""
    heights = [values.get(metric) for metric in _CHART_METRICS]
    bars = axes.bar(
        [position + offset for position in range(len(heights))],
        [height or 0 for height in heights],
        width,
    )
    axes.bar_label(
        bars,
        ["n/a" if height is None else f"{height:.2f}" for height in heights],
        fontsize=9,
        padding=2,
    )
    return bars
