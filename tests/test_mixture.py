"""The mixture that the generator was trained on: what is drawn, renamed, and kept for choosing."""

import json
import random
from collections import Counter
from dataclasses import replace

import pytest

from qgen.files.examples import read_examples
from qgen.records import Answer, Example
from recipes import mixture, templates
from recipes.mixture import (
    Row,
    cut_off,
    draws,
    kind_of,
    mix,
    read_beside,
    read_shared,
    rename,
    with_controls,
)

PASSAGE = (
    "The poet Meister lived in Weimar. In 1801 Meister moved, since the house of Meister burnt."
)


def example(question="Why did Meister move in 1801?", answer="the house of Meister burnt"):
    return Example(PASSAGE, Answer(answer, PASSAGE.index(answer)), question, "a")


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Why did it end?", "why"),
        ("why is that", "why"),
        ("Whyte did what?", None),
        ("How did it end?", "how"),
        ("How many ended?", None),
        ("How often did it end?", None),
        ("When did it end, and how?", None),
    ],
)
def test_kinds_by_the_question(question, kind):
    assert kind_of(question) == kind


@pytest.mark.parametrize("seed", range(20))
def test_a_name_is_replaced_everywhere(seed):
    renamed = rename(example(), random.Random(seed))
    new = renamed.question.split()[2]
    assert new != "Meister" and "Meister" not in renamed.passage + renamed.answer.text
    assert renamed.passage == PASSAGE.replace("Meister", new)
    assert renamed.question == f"Why did {new} move in 1801?"
    assert renamed.answer.text == f"the house of {new} burnt"
    assert renamed.passage.startswith(renamed.answer.text, renamed.answer.start)


def test_no_name_no_change():
    asked = example("Why did he move?")
    assert rename(asked, random.Random(0)) is asked


def test_parts_share_no_passage():
    rows = [Row(Example(f"passage {i % 40}", id=str(i))) for i in range(400)]
    rest, cut = cut_off(rows, 95, random.Random(0))
    assert len(cut) == 100 and len(rest) == 300
    assert not {r.example.passage for r in rest} & {r.example.passage for r in cut}


def test_rare_kinds_are_drawn_more_often():
    rows = [Row(example(), ("why",)), Row(example(), ("action",)), Row(example())]
    supply = draws(rows, random.Random(0))
    counts = Counter(next(supply).kinds for _ in range(50))
    assert counts == {("why",): 30, ("action",): 10, (): 10}


def test_controls_are_the_style_and_half_of_the_times_a_kind():
    draw, row = random.Random(0), Row(example(), ("why", "causal"))
    counts = Counter(with_controls(row, "discourse", draw).controls for _ in range(1000))
    assert set(counts) == {("discourse",), ("discourse", "why"), ("discourse", "causal")}
    assert counts[("discourse",)] == pytest.approx(500, abs=60)
    assert with_controls(Row(example()), None, draw).controls == ()


def test_the_draws_follow_the_shares_and_the_seed():
    sources = {name: [Row(replace(example(), id=name))] for name in ("squad", "qed")}
    made = [
        mix(sources, {"squad": 0.8, "qed": 0.2}, 1000, 0.5, random.Random(seed))
        for seed in (1, 1, 2)
    ]
    assert made[0] == made[1] != made[2]
    of = {name: [e for e in made[0] if e.id == name] for name in sources}
    assert len(of["squad"]) == pytest.approx(800, abs=50)
    assert all(e.controls == ("search",) and e.passage == PASSAGE for e in of["qed"])
    renamed = sum("Meister" not in e.passage for e in of["squad"])
    assert renamed == pytest.approx(400, abs=60)


def test_rows_without_a_span_are_counted(tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    row = {
        "id": "a",
        "passage": "It ended.",
        "answer": "It",
        "answer_start": 0,
        "question": "What?",
    }
    rows = [row, row | {"answer_start": None}, row | {"passage": None}]
    path.write_text("\n".join(map(json.dumps, rows)))
    [(_, found)] = read_shared(path)
    assert found == Example("It ended.", Answer("It", 0), "What?", "a")
    assert "2 rows without a span" in capsys.readouterr().err


def test_what_stands_beside_questions(tmp_path):
    path = tmp_path / "written.json"
    answers = [{"text": "It", "answer_start": 0}]
    qas = [{"id": str(i), "question": "What ended?", "answers": answers} for i in range(3)]
    qas[1] |= {"statement": "It ended in spring.", "distractors": ["The war", "The play"]}
    paragraphs = [{"context": "It ended.", "qas": qas}]
    path.write_text(json.dumps({"data": [{"title": "End", "paragraphs": paragraphs}]}))
    [found] = read_beside(path, "statement")
    assert found == Example("It ended.", Answer("It", 0), "It ended in spring.", "1")
    found = read_beside(path, "distractors")
    assert [example.question for example in found] == ["The war", "The play"]


@pytest.fixture
def data(tmp_path):
    """The data sets of the mixture, each of eight rows about passages of its own."""

    def rows(name, **more):
        return [
            {
                "id": f"{name}-{i}",
                "passage": f"{PASSAGE} {name} {i}",
                "answer": "Weimar",
                "answer_start": PASSAGE.index("Weimar"),
                "question": "Where did Meister live?",
                **more,
            }
            for i in range(8)
        ]

    def articles(name):
        for row in rows(name):
            answer = {"text": row["answer"], "answer_start": row["answer_start"]}
            asked = {"id": row["id"], "question": row["question"], "answers": [answer]}
            paragraph = {"context": row["passage"], "qas": [asked]}
            yield {"title": row["id"], "paragraphs": [paragraph]}

    def write(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")

    def squad(path, *names):
        found = [article for name in names for article in articles(name)]
        write(path, json.dumps({"version": "1.1", "data": found}))

    squad("everyday.json", "everyday")
    squad("written.json", "written")
    squad("squad/train-v1.1.json", "squad", "squad-more", "squad-test")
    squad("squad/dev-v1.1.json", "squad-dev")
    for part, names in (("train", ("squad", "squad-more")), ("dev", ("squad-dev",)),
                        ("test", ("squad-test",))):  # fmt: skip
        titles = [article["title"] for name in names for article in articles(name)]
        write(f"nqg/doclist-{part}.txt", "\n".join(titles))
    sets = {f"squadshifts/{name}-train": rows(name) for name in ("amazon", "reddit", "new_wiki")}
    sets |= {"qed/train": rows("qed", kind="prose") + rows("table", kind="table")}
    sets |= {"qamr/dev": rows("qamr")}
    for part in ("train", "dev"):
        sets[f"fairytaleqa-full/{part}"] = rows(f"tale-{part}", attribute="causal")
        sets[f"qadiscourse/{part}"] = rows(f"talk-{part}", kind="what is the reason")
    for path, found in sets.items():
        write(f"{path}.jsonl", "".join(json.dumps(row) + "\n" for row in found))
    return tmp_path


def test_the_files_are_what_training_reads(data, tmp_path):
    made = []
    for out in (tmp_path / "a", tmp_path / "b"):
        arguments = f"--data {data} --everyday {data}/everyday.json --written {data}/written.json"
        arguments += f" --out {out} --partial --size 300 --dev-rows 3"
        arguments += " --share qamr=0 --share templates=0.1 --share written=0.1"
        mixture.main(arguments.split())
        made.append({path.name: path.read_text() for path in sorted(out.iterdir())})
    assert made[0] == made[1]
    train = read_examples(tmp_path / "a" / "train.jsonl")
    assert all(e.passage.startswith(e.answer.text, e.answer.start) for e in train)
    of = Counter(e.id.rpartition("-")[0] for e in train)
    assert len(train) == 300 and of.keys() == {
        "", "squad", "squad-more", "amazon", "reddit", "new_wiki", "everyday", "written", "qed",
        "tale-train", "talk-train",
    }  # fmt: skip
    assert of[""] == sum("Weimar" not in e.passage for e in train) > 10  # the templates
    squad = {f"{name}-{i}" for name in ("squad", "squad-more") for i in range(8)}
    held_out_title = sorted(squad)[10]
    assert squad & {e.id for e in train} == squad - {held_out_title}
    parts = {path: read_examples(path) for path in (tmp_path / "a").glob("dev-*.jsonl")}
    assert len(parts) == 6 and all(len(part) == 3 for part in parts.values())
    held_out = {e.passage for part in parts.values() for e in part}
    assert not held_out & {e.passage for e in train}
    assert {e.controls for part in parts.values() for e in part} == {
        (), ("search",), ("discourse",)
    }  # fmt: skip
    assert {e.controls for e in train if e.id.startswith("talk")} == {
        ("discourse",), ("discourse", "reason")
    }  # fmt: skip


@pytest.mark.parametrize("template", templates.TEMPLATES, ids=lambda template: template[0])
def test_every_template_has_its_answer_and_no_gap_left(template, monkeypatch):
    monkeypatch.setattr(templates, "TEMPLATES", [template])
    for seed in range(5):
        filled = templates.fill(random.Random(seed), 1)
        answer = filled.answer
        assert answer.text and filled.passage.startswith(answer.text, answer.start)
        assert filled.passage.endswith(".") and filled.question.endswith("?")
        assert not set("{}=^") & set(filled.passage + filled.question)
        assert filled.question[0].isupper() and filled.passage[0].isupper()


def test_a_filled_passage_asks_for_a_whole_word():
    for seed in range(300):
        filled = templates.fill(random.Random(seed))
        words = filled.passage[: filled.answer.start], filled.passage[filled.answer.end :]
        assert not words[0][-1:].isalnum() and not words[1][:1].isalnum()
