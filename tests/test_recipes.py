"""What ships can be made again: every step of the recipes, on models of a moment."""

import json

import pytest
import torch
from conftest import PASSAGE, VOCABULARY
from safetensors.torch import load_file
from transformers import AutoModelForQuestionAnswering, BertConfig

from qgen.errors import QGenError
from qgen.model.checkpoints import load_checkpoint as load_plain
from qgen.model.reader import Reader
from qgen.model.runtime.packed import pack, unpack
from qgen.training.average import average_into
from qgen.training.distill import JudgingReader, judged_batch, judged_items
from qgen.training.prune import importance, prune
from qgen.training.reader import ReaderExamples, SpanObjective
from qgen.training.rounded import rounded_weights
from recipes import average, grow, reader

ROWS = [
    {"passage": PASSAGE, "answer": answer, "question": question, "judgement": judgement}
    for answer, question, judgement in [
        ("1937", "when was the golden gate bridge opened?", "good"),
        ("San Francisco", "where is the golden gate bridge?", "usable"),
        ("Joseph Strauss", "who led its construction?", "good"),
        ("Joseph Strauss", "when did the bridge cost?", "wrong"),
    ]
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
        reader.main([step, *map(str, arguments), "--out", str(tmp_path / out)])

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
    # What was learnt with rounded weights is what the packed file holds.
    unpacked = Reader.from_pretrained(tmp_path / "rounded", device="cpu", dtype="float32")
    items = [(PASSAGE, ROWS[0]["question"], None)]
    [[one]], [[other]] = made.windows(items), unpacked.windows(items)
    torch.testing.assert_close(one.starts, other.starts, atol=0.02, rtol=0)


def test_the_neurons_that_matter_are_kept(teacher, tokenizer, rows):
    model = AutoModelForQuestionAnswering.from_pretrained(teacher)
    layers = model.base_model.encoder.layer
    with torch.no_grad():
        for layer in layers:
            layer.output.dense.weight[:, 1::2] = 0  # the odd neurons do nothing
    objective = SpanObjective(tokenizer)
    batches = [objective.collate(ReaderExamples(reader.read_examples(rows), tokenizer).items)]
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
    torch.testing.assert_close(wide.weight, unpack(*pack(before, 4)), atol=1e-6, rtol=0)


def test_a_row_without_a_judgement_is_told_by_its_line(rows):
    row = {name: value for name, value in ROWS[0].items() if name != "judgement"}
    rows.write_text(rows.read_text("utf-8") + "\n" + json.dumps(row) + "\n", encoding="utf-8")
    with pytest.raises(QGenError, match="line 6: no judgement"):
        list(reader._judged(rows))


def test_the_judge_looks_at_question_and_answer(teacher, tokenizer, rows):
    model = JudgingReader(AutoModelForQuestionAnswering.from_pretrained(teacher)).eval()
    items = judged_items(list(reader._judged(rows)), tokenizer)
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


def test_the_mean_of_checkpoints(checkpoint, bert_model, tmp_path):
    average.main([f"{checkpoint}:1", f"{checkpoint}:3", "--out", str(tmp_path / "mean")])
    saved = average.load_checkpoint(tmp_path / "mean")[0].state_dict()
    for name, tensor in bert_model.state_dict().items():
        torch.testing.assert_close(saved[name], tensor, atol=1e-6, rtol=1e-5)
    first, second = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    wanted = 0.25 * first.weight.detach() + 0.75 * second.weight.detach()
    average_into(first, [second], [1, 3])
    torch.testing.assert_close(first.weight.detach(), wanted)


def test_a_generator_in_eight_bits(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr("qgen.model.runtime.packed.GROUP", 32)  # its matrices are small
    model, tokenizer = average.load_checkpoint(checkpoint)
    model.set_shortlist([1, 2, 300])
    model.save_pretrained(tmp_path / "short")
    tokenizer.save_pretrained(tmp_path / "short")
    out = tmp_path / "packed"
    average.main([f"{tmp_path / 'short'}:1", "--out", str(out), "--packed"])
    small, _ = load_plain(out)
    assert small.shortlist.tolist() == model.shortlist.tolist()
    stored = load_file(out / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} >= {torch.int8}
    assert not any("decoder" in name for name in stored)  # tied: stored once
    for name, tensor in small.state_dict().items():
        if tensor.is_floating_point():
            whole = model.state_dict()[name]
            assert (tensor - whole).abs().max() <= whole.abs().max() / 200


def test_a_generator_of_twice_the_layers_asks_nearly_the_same(checkpoint, tmp_path):
    grow.main([str(checkpoint), "--out", str(tmp_path / "deep")])
    (deep, _), (model, _) = load_plain(tmp_path / "deep"), load_plain(checkpoint)
    depth = model.config.backbone.num_hidden_layers
    assert deep.config.backbone.num_hidden_layers == 2 * depth
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    places = torch.arange(5)[None]
    mask = torch.ones(1, 1, 5, dtype=torch.bool)
    states = [
        each.mlm.base_model(ids, torch.zeros_like(ids), places, mask) for each in (model, deep)
    ]
    assert torch.nn.functional.cosine_similarity(*states, dim=-1).min() > 0.95


@pytest.mark.parametrize("shares", [[1], [1, -1], [0, 0]])
def test_shares_that_make_no_mean(shares):
    with pytest.raises(QGenError, match="share"):
        average_into(torch.nn.Linear(2, 2), [torch.nn.Linear(2, 2)], shares)


def test_models_of_other_shapes_have_no_mean():
    with pytest.raises(QGenError, match="same shape"):
        average_into(torch.nn.Linear(2, 2), [torch.nn.Linear(2, 3)], [1, 1])
