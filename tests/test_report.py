"""eval.report: the record, the table and the files."""

import json

import pytest
from matplotlib import image

from eval import report
from eval.metrics import Score
from qgen.errors import QGenError

SCORES = [
    Score("BLEU-4", 19.876, "coco-caption formula", "ptb"),
    Score("METEOR", None, "METEOR 1.5", "ptb", "there is no java"),
    Score("ROUGE-L", 47.5, "coco-caption formula", "ptb"),
    Score("BLEU-4", 19.5, "sacreBLEU nrefs:var|tok:none", "ptb"),
]


def example(setup="du", part="test"):
    details = {"beam": 5, "device": "café"}
    return report.build_report(setup, part, "qgen-small", SCORES, 11877, details)


def cells(line):
    """A table row's cells; an escaped bar is part of its cell."""
    parts = line.replace(r"\|", "¦").strip("|").split("|")
    return [part.strip().replace("¦", "|") for part in parts]


def test_table_has_every_score_and_published_value():
    header, rule, *rows = report.format_table(example()).split("\n")
    assert cells(header) == [
        *("metric", "value", "implementation", "tokenisation"),
        *("MiniLM-L12 (published)", "MiniLM-L6 (published)"),
    ]
    assert set(rule) == set("|- ")
    assert [cells(row) for row in rows] == [
        ["BLEU-4", "19.88", "coco-caption formula", "ptb", "21.07", "20.31"],
        ["METEOR", "n/a (there is no java)", "METEOR 1.5", "ptb", "24.09", "23.43"],
        ["ROUGE-L", "47.50", "coco-caption formula", "ptb", "49.14", "48.21"],
        ["BLEU-4", "19.50", "sacreBLEU nrefs:var|tok:none", "ptb", "", ""],
    ]


def test_published_values_are_those_of_the_setup():
    table = report.format_table(example("zhao"))
    for values in (report.PUBLISHED["zhao", "MiniLM-L12"], {"METEOR": 24.24}):
        assert all(f" {value:.2f} " in table for value in values.values())
    assert "21.07" not in table


@pytest.mark.parametrize(("setup", "part"), [("own data", "test"), ("du", "dev"), ("zhao", "fit")])
def test_other_data_have_no_published_values(setup, part, tmp_path):
    other = example(setup, part)
    assert other["published"] == {} and "published)" not in report.format_table(other)
    report.write_report(other, tmp_path)
    assert (tmp_path / "report.png").exists()
    assert "ublished" not in (tmp_path / "report.md").read_text("utf-8")


def test_written_files(tmp_path):
    record = example()
    folder = tmp_path / "new" / "folder"
    report.write_report(record, folder)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["report.json", "report.md", "report.png"]
    assert json.loads((folder / "report.json").read_text("utf-8")) == record
    text = (folder / "report.md").read_text("utf-8")
    assert report.format_table(record) in text
    for expected in ("qgen-small", "11877", "- beam: 5", "- device: café", "arXiv"):
        assert expected in text
    height, width, _ = image.imread(folder / "report.png", format="png").shape
    assert height > 400
    assert width > 800


def test_a_table_can_be_made_from_the_json_file(tmp_path):
    record = example()
    report.write_report(record, tmp_path)
    again = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report.format_table(again) == report.format_table(record)


def test_write_report_replaces_an_earlier_one(tmp_path):
    report.write_report(example("du"), tmp_path)
    report.write_report(example("zhao"), tmp_path)
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["setup"] == "zhao"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_failed_write_leaves_the_earlier_report(tmp_path, monkeypatch):
    report.write_report(example("du"), tmp_path)

    def no_space(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report.os, "replace", no_space)
    with pytest.raises(QGenError, match="cannot write the report .*No space left"):
        report.write_report(example("zhao"), tmp_path)
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["setup"] == "du"


def test_write_report_into_a_file(tmp_path):
    path = tmp_path / "taken"
    path.write_text("")
    with pytest.raises(QGenError, match="cannot write the report to"):
        report.write_report(example(), path)


@pytest.mark.parametrize("name", ["_run", "runs/$x_^$", "a_b$", "\\frac{", "%s {0}", "名前"])
def test_any_model_name_makes_a_chart_that_shows_it(tmp_path, name, monkeypatch):
    from matplotlib.figure import Figure

    shown = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure,
        "savefig",
        lambda self, *args, **kwargs: (
            shown.extend(text.get_text() for text in self.legends[0].get_texts())
            or save(self, *args, **kwargs)
        ),
    )
    report.write_report(report.build_report("du", "test", name, SCORES, 5, {}), tmp_path)
    assert shown[0] == f"{name} (measured)" and len(shown) == 3
    assert (tmp_path / "report.png").stat().st_size > 1000
