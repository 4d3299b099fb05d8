"""Masking, learning, and going on after a kill."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from conftest import PASSAGE, random_model
from safetensors.torch import load_file
from transformers import AutoModel, BertConfig, MPNetConfig, TrainingArguments

from qgen.asking.pipeline import QuestionGenerator
from qgen.english.locate import locate_answer
from qgen.errors import QGenError
from qgen.files.examples import read_examples
from qgen.model.checkpoints import load_checkpoint
from qgen.model.layouts import seq2seq_layout
from qgen.model.runtime.packed import pack, unpack
from qgen.model.unilm import IGNORE_INDEX
from qgen.records import Example
from qgen.settings import OBJECTIVES, TrainingSettings
from qgen.training.generator import (
    Seq2SeqExamples,
    make_objective,
    train,
    warm_up_lm_head,
)
from qgen.training.objectives import (
    MaskedObjective,
    PseudoMaskedObjective,
    divergence_of_halves,
)
from qgen.training.trainer import (
    _delete_unfinished_checkpoints,
    _ObjectiveTrainer,
    _set_dropout,
    newest_checkpoint,
)

EXAMPLES = [
    Example(PASSAGE, locate_answer(PASSAGE, answer), question)
    for answer, question in [
        ("1937", "what year was the golden gate bridge opened?"),
        ("San Francisco", "where is the golden gate bridge?"),
        ("Joseph Strauss", "who led the construction?"),
        ("35 million dollars", "how much did the construction cost?"),
    ]
]


def test_every_objective_of_the_settings_is_made(tokenizer):
    made = {type(make_objective(tokenizer, TrainingSettings(objective=o))) for o in OBJECTIVES}
    assert len(made) == len(OBJECTIVES)


def test_source_and_target_ids(tokenizer):
    item = Seq2SeqExamples(EXAMPLES, tokenizer)[2]
    assert tokenizer.convert_ids_to_tokens(item["input_ids"])[-4:] == [
        "[SEP]", "joseph", "strauss", "[SEP]",
    ]  # fmt: skip
    assert tokenizer.convert_ids_to_tokens(item["labels"]) == [
        "who", "led", "the", "construction", "?", "[SEP]",
    ]  # fmt: skip


def test_long_target_still_ends(tokenizer):
    item = Seq2SeqExamples(EXAMPLES, tokenizer, max_target_length=4)[2]
    assert tokenizer.convert_ids_to_tokens(item["labels"]) == ["who", "led", "the", "[SEP]"]


def test_answers_that_do_not_fit_are_left_out_and_counted(bert_model, tokenizer, tmp_path, caplog):
    examples = [*EXAMPLES, Example(PASSAGE, locate_answer(PASSAGE, PASSAGE), "what?")]
    dataset = Seq2SeqExamples(examples, tokenizer, max_source_length=20)
    assert (len(dataset), dataset.skipped) == (4, 1)
    settings = TrainingSettings(epochs=1, max_source_length=20, max_target_length=24, bf16=False)
    model = random_model(bert_model.config)
    with pytest.raises(QGenError, match="no training example's answer fits"):
        train(model, tokenizer, examples[4:], tmp_path, settings=settings)
    assert "left out 1 of 1 examples" in caplog.text


@pytest.mark.parametrize(("objective", "copies"), [("masked", 1), ("pseudo-masked", 2)])
def test_batches_hold_sequences_of_like_length(bert_model, tokenizer, tmp_path, objective, copies):
    draw = torch.randint(1, 20, (640, 2), generator=torch.Generator().manual_seed(0)).tolist()
    examples = [Example("bridge " * words, question="year " * more) for words, more in draw]
    trainer = _ObjectiveTrainer(
        model=bert_model,
        args=TrainingArguments(
            output_dir=str(tmp_path), per_device_train_batch_size=8, use_cpu=True, report_to="none"
        ),
        train_dataset=Seq2SeqExamples(examples, tokenizer),
        objective=make_objective(tokenizer, TrainingSettings(objective=objective)),
    )
    lengths = torch.tensor([words + 2 + copies * (more + 1) for words, more in draw])

    def padding(order):
        batches = lengths[list(order)].view(-1, 8)
        return (batches.amax(1, keepdim=True) - batches).sum()

    order = list(trainer._get_train_sampler())
    assert sorted(order) == list(range(640))
    assert padding(order) < 0.3 * padding(range(640))


def test_masking_shares(tokenizer):
    torch.manual_seed(0)
    items = Seq2SeqExamples(EXAMPLES, tokenizer).items * 500
    batch = MaskedObjective(tokenizer, 0.7).collate(items)
    lengths = torch.tensor([len(item["labels"]) for item in items])
    real = torch.arange(batch["labels"].shape[1]) < lengths[:, None]
    truth = torch.zeros_like(batch["labels"])
    for row, item in enumerate(items):
        truth[row, : lengths[row]] = torch.tensor(item["labels"])
    chosen = batch["labels"].ne(IGNORE_INDEX)
    assert not (chosen & ~real).any(), "padding carries no loss"
    assert torch.equal(batch["labels"][chosen], truth[chosen])
    assert torch.equal(batch["decoder_input_ids"][real & ~chosen], truth[real & ~chosen])
    assert chosen[real].float().mean().item() == pytest.approx(0.7, abs=0.02)
    ends = truth.eq(tokenizer.sep_token_id) & real
    assert chosen[ends].float().mean().item() == pytest.approx(0.7, abs=0.05)
    shown = batch["decoder_input_ids"][chosen]
    assert shown.eq(tokenizer.mask_token_id).float().mean().item() == pytest.approx(0.8, abs=0.02)
    assert shown.eq(truth[chosen]).float().mean().item() == pytest.approx(0.1, abs=0.02)


def test_every_target_has_a_label(tokenizer):
    batch = MaskedObjective(tokenizer, 1e-9).collate(Seq2SeqExamples(EXAMPLES, tokenizer).items)
    assert batch["labels"].ne(IGNORE_INDEX).sum(1).tolist() == [1, 1, 1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["masked", "pseudo-masked"])
def test_learns_to_ask(bert_model, tokenizer, tmp_path, objective, unchecked):
    """Overfitting four examples, the model asks each answer its own question."""
    model = random_model(bert_model.config)
    for parameter in model.parameters():
        parameter.data.mul_(0.2 if parameter.ndim > 1 else 1.0)
    settings = TrainingSettings(
        objective=objective, epochs=250, batch_size=4, learning_rate=5e-3, label_smoothing=0.0,
        max_source_length=80,
        max_target_length=24, save_steps=1000, logging_steps=25, bf16=False,
    )  # fmt: skip
    final = train(model, tokenizer, EXAMPLES, tmp_path, EXAMPLES, settings)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    losses = [entry["loss"] for entry in log if "loss" in entry]
    assert losses[-1] < 0.3 * losses[0]
    assert all("eval_loss" in entry for entry in log if "eval_runtime" in entry)
    generator = QuestionGenerator.from_pretrained(
        final, device="cpu", dtype="float32", restore_case=False
    )
    assert generator.generator.model.config.answer_marker_ids == [5, 6]
    assert generator.generator.model.config.copy_size
    asked = [generator.questions(e.passage, e.answer.text)[0].question for e in EXAMPLES]
    assert asked == [e.question for e in EXAMPLES]


@pytest.mark.parametrize("bf16", [True, False])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_mixed_precision_reaches_every_objective(bert_model, tokenizer, tmp_path, objective, bf16):
    model, used = random_model(bert_model.config), set()
    dense = model.mlm.base_model.encoder.layer[0].intermediate.dense
    dense.register_forward_hook(
        lambda module, _, output: used.add(output.dtype) if module.training else None
    )
    settings = TrainingSettings(
        objective=objective, epochs=1, max_source_length=80, max_target_length=24, bf16=bf16
    )
    train(model, tokenizer, EXAMPLES, tmp_path, settings=settings)
    assert used == {torch.bfloat16 if bf16 else torch.float32}


@pytest.mark.parametrize(
    ("bits", "attention", "inner"), [("4", 4, 4), ("8", 8, 8), ("mixed", 8, 4)]
)
def test_training_with_the_weights_of_a_packed_checkpoint(
    bits, attention, inner, bert_model, tokenizer, tmp_path, monkeypatch
):
    monkeypatch.setattr("qgen.model.runtime.packed.GROUP", 32)  # its matrices are small
    model, seen = random_model(bert_model.config), []

    def look(number):
        def compare(module, *_):
            rounded = unpack(*pack(module.parametrizations.weight.original, number))
            seen.append(torch.allclose(module.weight, rounded, atol=1e-6))

        return compare

    layer = model.mlm.base_model.encoder.layer[0]
    handles = [
        layer.attention.self.query.register_forward_hook(look(attention)),
        layer.intermediate.dense.register_forward_hook(look(inner)),
    ]
    settings = TrainingSettings(
        epochs=1, max_source_length=80, max_target_length=24, bf16=False, rounded_bits=bits
    )
    final = train(model, tokenizer, EXAMPLES, tmp_path, settings=settings)
    for handle in handles:
        handle.remove()
    assert len(seen) > 1 and all(seen)
    trained, _ = load_checkpoint(final)  # saved under the usual names, unrounded
    for name, weight in trained.named_parameters():
        assert torch.equal(weight, model.get_parameter(name))


def test_a_shortlist_of_the_frequent_tokens(bert_model, tokenizer, tmp_path):
    asked = tokenizer([e.question for e in EXAMPLES], add_special_tokens=False)["input_ids"]
    counts = Counter(token for question in asked for token in question)
    settings = TrainingSettings(
        epochs=1, max_source_length=80, max_target_length=24, bf16=False, shortlist_min_count=2
    )
    final = train(random_model(bert_model.config), tokenizer, EXAMPLES, tmp_path, (), settings)
    model, _ = load_checkpoint(final)
    frequent = {token for token, count in counts.items() if count > 1}
    special = {model.config.eos_token_id, model.config.unk_token_id}
    assert set(model.shortlist.tolist()) == frequent | special and frequent


def test_head_warm_up_trains_the_head_alone(bert_model, tokenizer):
    model = random_model(bert_model.config)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    dataset = Seq2SeqExamples(EXAMPLES, tokenizer)
    ids = torch.tensor([dataset[0]["input_ids"]])

    def source_loss():
        with torch.no_grad():
            hidden = model.encode(ids, seq2seq_layout(ids.ne(0), 0))
        return torch.nn.functional.cross_entropy(model.lm_head(hidden)[0], ids[0]).item()

    untrained = source_loss()
    warm_up_lm_head(model, dataset, steps=200)
    assert source_loss() < 0.5 * untrained
    changed = {n for n, tensor in model.state_dict().items() if not torch.equal(tensor, before[n])}
    assert changed and all(".cls." in name for name in changed)
    assert model.get_input_embeddings().weight.requires_grad


def test_pseudo_masked_targets_do_not_see_themselves(bert_model, tokenizer):
    """A token that changes may change the predictions after it, but not its own or earlier ones."""
    batch = PseudoMaskedObjective(tokenizer).collate(Seq2SeqExamples(EXAMPLES, tokenizer).items)
    changed = batch["decoder_input_ids"].clone()
    changed[0, 3] = tokenizer.convert_tokens_to_ids("z")
    known = (batch["input_ids"], batch["attention_mask"])
    with torch.no_grad():
        _, before = bert_model.pseudo_masked_states(*known, batch["decoder_input_ids"])
        _, after = bert_model.pseudo_masked_states(*known, changed)
    torch.testing.assert_close(before[0, :4], after[0, :4])
    last = batch["labels"][0].ne(IGNORE_INDEX).sum()
    assert not torch.allclose(before[0, 4:last], after[0, 4:last])
    assert batch["labels"].ne(IGNORE_INDEX).sum() == sum(
        len(item["labels"]) for item in Seq2SeqExamples(EXAMPLES, tokenizer).items
    )


def test_hidden_tokens_are_of_every_second_target(tokenizer):
    torch.manual_seed(0)
    objective = PseudoMaskedObjective(tokenizer, hidden_share=0.4)
    batch = objective.collate(Seq2SeqExamples(EXAMPLES, tokenizer).items * 500)
    hidden = objective._hide(batch["decoder_input_ids"]).eq(tokenizer.mask_token_id)
    hidden = hidden.float().mean(1)  # all are real or padding, which is never seen
    assert hidden.mean().item() == pytest.approx(0.2, abs=0.02)
    assert hidden.eq(0).float().mean().item() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(BertConfig, "attention.self.dropout"), (MPNetConfig, "attention.attn.dropout")],
)
def test_dropout_of_attention_is_that_of_its_weights(kind, name):
    config = kind(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    model = AutoModel.from_config(config)
    _set_dropout(model, 0.1, 0.4)
    shares = {n: m.p for n, m in model.named_modules() if isinstance(m, torch.nn.Dropout)}
    assert sorted(shares.values()) == [0.1] * 5 + [0.4] * 2
    assert all(n.endswith(name) for n, share in shares.items() if share == 0.4)


def test_divergence_of_halves():
    first, second = torch.tensor([[0.5, 0.5], [0.2, 0.8]]), torch.tensor([[0.25, 0.75], [0.2, 0.8]])
    both_ways = [(p * (p / q).log()).sum(-1) for p, q in ((first, second), (second, first))]
    expected = sum(both_ways).mean() / 2
    torch.testing.assert_close(divergence_of_halves(torch.cat([first, second]).log()), expected)
    assert divergence_of_halves(torch.cat([first, first]).log()) == 0


@pytest.mark.parametrize("copy_size", [0, 8])
def test_two_passes_alike_cost_what_one_does(bert_model, tokenizer, copy_size):
    model = random_model(bert_model.config)
    if copy_size:
        model.add_copy_gate(copy_size)
    items = Seq2SeqExamples(EXAMPLES, tokenizer).items
    once = PseudoMaskedObjective(tokenizer, label_smoothing=0.1)
    twice = PseudoMaskedObjective(tokenizer, label_smoothing=0.1, consistency_weight=1.0)
    batch = once.collate(items)
    model.train()
    _set_dropout(model, 0.0, 0.0)
    torch.testing.assert_close(twice.loss(model, batch), once.loss(model, batch))
    _set_dropout(model, 0.3, 0.0)
    torch.manual_seed(0)
    apart = twice.loss(model, batch)
    torch.manual_seed(0)
    twice.consistency_weight = 1e-9
    assert apart > twice.loss(model, batch) + 1e-4
    model.eval()  # the dev loss is the likelihood's alone
    once.label_smoothing = 0.0
    torch.testing.assert_close(twice.loss(model, batch), once.loss(model, batch))


@pytest.mark.parametrize("copy_size", [0, 8])
def test_what_is_learnt_of_a_teacher(bert_model, tokenizer, copy_size):
    """At each token its whole distribution: a student that has it loses the entropy and no more."""
    model, other = (random_model(bert_model.config, seed=seed) for seed in (1, 2))
    if copy_size:
        model.add_copy_gate(copy_size)
    teacher = deepcopy(model).requires_grad_(False)
    batch = PseudoMaskedObjective(tokenizer).collate(Seq2SeqExamples(EXAMPLES, tokenizer).items)
    _set_dropout(model.train(), 0.0, 0.0)

    def losses(teacher, weight):
        objective = PseudoMaskedObjective(tokenizer, 0.1, teacher=teacher, teacher_weight=weight)
        model.zero_grad()
        loss = objective.loss(model, batch)
        loss.backward()
        return loss.detach(), max(p.grad.abs().max() for p in model.parameters())

    names = ("input_ids", "attention_mask", "labels")
    taught = teacher.target_distributions(*(batch[name] for name in names))
    assert len(taught) == batch["labels"].ne(IGNORE_INDEX).sum()
    alone, gradient = losses(teacher, 1.0)
    torch.testing.assert_close(alone, -(taught.exp() * taught).sum(-1).mean())
    assert gradient < 1e-4
    apart, gradient = losses(other, 1.0)
    assert apart > alone and gradient > 1e-3
    plain = PseudoMaskedObjective(tokenizer, 0.1).loss(model, batch)
    torch.testing.assert_close(losses(teacher, 0.25)[0], 0.25 * alone + 0.75 * plain)
    model.eval()  # the dev loss is the likelihood's alone
    dev = PseudoMaskedObjective(tokenizer, teacher=other, teacher_weight=1.0).loss(model, batch)
    torch.testing.assert_close(dev, PseudoMaskedObjective(tokenizer).loss(model, batch))


def test_a_teacher_sees_what_is_hidden_from_the_student(bert_model, tokenizer):
    seen = []

    class Teacher:
        def target_distributions(self, input_ids, attention_mask, labels):
            seen.append(labels)
            return torch.full((int(labels.ne(IGNORE_INDEX).sum()), len(tokenizer)), -5.0)

    objective = PseudoMaskedObjective(
        tokenizer, hidden_share=0.99, teacher=Teacher(), teacher_weight=1.0
    )
    batch = objective.collate(Seq2SeqExamples(EXAMPLES, tokenizer).items)
    objective.loss(random_model(bert_model.config).train(), batch)
    assert torch.equal(*seen, batch["labels"])


def test_a_teacher_is_learnt_from(bert_model, tokenizer, tmp_path):
    student, checkpoint = random_model(bert_model.config, seed=7), tmp_path / "teacher"
    bert_model.save_pretrained(checkpoint)
    tokenizer.save_pretrained(checkpoint)
    settings = TrainingSettings(
        objective="pseudo-masked", teacher=str(checkpoint), teacher_weight=1.0, epochs=30,
        learning_rate=3e-3, max_source_length=80, max_target_length=24, bf16=False,
        hidden_dropout=0.0, attention_dropout=0.0,
    )  # fmt: skip
    objective = make_objective(tokenizer, settings)
    batch = objective.collate(Seq2SeqExamples(EXAMPLES, tokenizer, 80, 24).items)
    least, before = (objective.loss(m.train(), batch) for m in (deepcopy(bert_model), student))
    train(student, tokenizer, EXAMPLES, tmp_path / "run", settings=settings)
    after = objective.loss(student.train(), batch)
    assert after - least < (before - least) / 4


def test_a_teacher_of_another_vocabulary(checkpoint, tokenizer, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(checkpoint, other)
    path = other / "tokenizer.json"
    path.write_text(path.read_text().replace('"bridge"', '"brigde"'))
    with pytest.raises(QGenError, match="the teacher .*other has another vocabulary"):
        make_objective(tokenizer, TrainingSettings(objective="pseudo-masked", teacher=str(other)))


def test_passages_are_cropped_anew_each_time(tokenizer):
    passage = "The bridge opened in the year. " * 30 + "Joseph led it. " + "It cost dollars. " * 30
    example = Example(passage, locate_answer(passage, "Joseph"), "who led it?")
    whole = Seq2SeqExamples([example], tokenizer, marker_ids=[5, 6])
    cropped = Seq2SeqExamples([example], tokenizer, marker_ids=[5, 6], crop_share=0.5)
    torch.manual_seed(0)
    drawn = [cropped[0]["input_ids"] for _ in range(200)]
    same = sum(ids == whole[0]["input_ids"] for ids in drawn) / 200
    assert same == pytest.approx(0.5, abs=0.1)
    assert len({len(ids) for ids in drawn}) > 20
    assert cropped[0]["labels"] == whole[0]["labels"]
    assert whole[0] is whole.items[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"consistency_weight": -1.0}, "consistency_weight must be at least 0"),
        ({"consistency_weight": 1.0, "objective": "masked"}, "needs the objective pseudo-masked"),
        ({"teacher": "best"}, "a teacher needs the objective pseudo-masked"),
        (
            {"teacher": "best", "objective": "pseudo-masked", "consistency_weight": 1.0},
            "without consistency_weight",
        ),
        ({"hidden_share": 1.0}, r"hidden_share must lie in \[0, 1\)"),
        ({"crop_share": 1.5}, r"crop_share must lie in \[0, 1\]"),
        ({"crop_share": 0.5, "mark_answers": False}, "crop_share needs marked answers"),
    ],
)
def test_regularisation_out_of_range(settings, message):
    with pytest.raises(QGenError, match=message):
        TrainingSettings(**settings)


def test_a_checkpoint_cut_short_is_not_gone_on_from(tmp_path):
    """A kill leaves no state, an empty one or half of one, whichever moment it hits."""
    states = {10: '{"global_step": 10}', 20: '{"global_st', 30: "", 40: None}
    for step, state in states.items():
        (tmp_path / f"checkpoint-{step}").mkdir()
        if state is not None:
            (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
    assert newest_checkpoint(tmp_path).name == "checkpoint-10"


def test_only_checkpoints_of_the_run_are_deleted(tmp_path):
    names = ["checkpoint-mine", "checkpoint-10-copy", "checkpoint-10", "checkpoint-20"]
    for name in names:
        (tmp_path / name).mkdir()
    for name in names[:3]:
        (tmp_path / name / "trainer_state.json").write_text("{}")
    (tmp_path / "checkpoint-notes.txt").touch()
    _delete_unfinished_checkpoints(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*names[:3], "checkpoint-notes.txt"}
    assert newest_checkpoint(tmp_path).name == "checkpoint-10"


RUN = """
import sys
from pathlib import Path
from qgen.transformers import load_checkpoint
from qgen.settings import OBJECTIVES, TrainingSettings
from qgen.files.examples import read_examples
from qgen.training.generator import train
checkpoint, examples, out = sys.argv[1:]
train(*load_checkpoint(checkpoint), read_examples(examples), out, settings=TrainingSettings(
    epochs=60, batch_size=2, save_steps=10, logging_steps=1, max_source_length=80,
    max_target_length=24, bf16=False))
"""


@pytest.mark.slow
def test_goes_on_after_a_kill(checkpoint, tmp_path):
    examples = tmp_path / "examples.jsonl"
    rows = [
        {"passage": e.passage, "answer": e.answer.text, "question": e.question} for e in EXAMPLES
    ]
    examples.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def start(out):
        arguments = [sys.executable, "-c", RUN, checkpoint, examples, tmp_path / out]
        return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    whole = start("whole")
    killed = start("killed")
    deadline = time.monotonic() + 120
    while not newest_checkpoint(tmp_path / "killed"):
        assert time.monotonic() < deadline and killed.poll() is None
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL, "the run ended before it could be killed"
    assert not (tmp_path / "killed" / "final").exists()
    done = int(newest_checkpoint(tmp_path / "killed").name.split("-")[1])
    (tmp_path / "killed" / "checkpoint-9999").mkdir()  # as a kill during a save would leave it
    assert start("killed").wait() == 0 and whole.wait() == 0

    log = (tmp_path / "killed" / "log.jsonl").read_text().splitlines()
    steps = [entry["step"] for entry in map(json.loads, log) if "loss" in entry]
    assert steps.count(done) == 1, "finished steps are not repeated"
    assert set(steps) == set(range(1, 121))
    resumed, uninterrupted = (
        load_file(tmp_path / out / "final" / "model.safetensors") for out in ("killed", "whole")
    )
    for name, tensor in uninterrupted.items():
        torch.testing.assert_close(resumed[name], tensor, atol=1e-4, rtol=1e-4)


def test_a_run_killed_within_an_epoch_goes_on_as_if_it_was_not(
    bert_model, tokenizer, tmp_path, monkeypatch
):
    """What is left of the epoch is learnt from, and no example twice."""
    settings = settings_for(
        objective="pseudo-masked", epochs=3, batch_size=1, save_steps=6, hidden_dropout=0.3,
        learning_rate=1e-2,
    )  # fmt: skip

    def weights(out):
        model = random_model(bert_model.config)
        final = train(model, tokenizer, EXAMPLES, tmp_path / out, (), settings)
        return load_file(final / "model.safetensors")

    whole = weights("whole")
    loss, steps = PseudoMaskedObjective.loss, iter(range(8))
    with monkeypatch.context() as patch:
        patch.setattr(PseudoMaskedObjective, "loss", lambda *a: (next(steps), loss(*a))[1])
        with pytest.raises(StopIteration):
            weights("killed")
    assert newest_checkpoint(tmp_path / "killed").name == "checkpoint-6", "of four an epoch"
    for name, tensor in weights("killed").items():
        torch.testing.assert_close(tensor, whole[name], msg=name)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2"),
        ("[]", "line 2"),
        ('{"passage": "a b", "question": ""}', "no question"),
        ('{"passage": "a b", "answer": "c", "question": "d?"}', "not in the passage"),
        ('{"passage": 5, "question": "d?"}', "line 2"),
    ],
)
def test_bad_training_file(tmp_path, line, message):
    path = tmp_path / "examples.jsonl"
    path.write_text('{"passage": "a b", "question": "c?"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(QGenError, match=message):
        read_examples(path)


def settings_for(**changes):
    fixed = {
        "epochs": 1, "batch_size": 2, "save_steps": 1, "max_source_length": 80,
        "max_target_length": 24, "bf16": False,
    }  # fmt: skip
    return TrainingSettings(**fixed | changes)


def test_a_run_does_not_go_on_with_other_settings(bert_model, tokenizer, tmp_path):
    def start(examples=EXAMPLES, name="", **changes):
        model, settings = random_model(bert_model.config), settings_for(**changes)
        model.name_or_path = name
        return train(model, tokenizer, examples, tmp_path, (), settings)

    start()
    with pytest.raises(QGenError) as caught:
        start(learning_rate=1e-3, copy_size=0)
    assert "learning_rate 0.0001, now 0.001" in str(caught.value)
    assert "copy_size 128, now 0" in str(caught.value)
    with pytest.raises(QGenError, match="examples 4, now 3"):
        start(EXAMPLES[:3])
    with pytest.raises(QGenError, match="CRC-32 of the examples"):
        start([replace(EXAMPLES[0], question="when?"), *EXAMPLES[1:]])
    with pytest.raises(QGenError, match="model '', now 'another'"):
        start(name="another")
    noted = json.loads((tmp_path / "settings.json").read_text())
    del noted["model"]  # as an earlier version left it
    (tmp_path / "settings.json").write_text(json.dumps(noted))
    start(name="another")
    start(name="another", save_steps=2, logging_steps=1)  # what the model does not depend on


def test_markers_need_a_vocabulary_that_has_them(roberta_model, tmp_path, monkeypatch, tokenizer):
    monkeypatch.setattr("qgen.training.generator.ANSWER_MARKERS", ("[none]", "[no]"))
    with pytest.raises(QGenError, match="--no-mark-answers"):
        train(roberta_model, tokenizer, EXAMPLES, tmp_path, (), settings_for())


def test_learning_rate_warms_up_stays_and_decays(bert_model, tokenizer, tmp_path):
    settings = settings_for(
        epochs=10, warmup_ratio=0.2, decay_ratio=0.3, learning_rate=1.0, logging_steps=1
    )
    train(random_model(bert_model.config), tokenizer, EXAMPLES, tmp_path, (), settings)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    rates = [entry["learning_rate"] for entry in log if "loss" in entry]
    assert len(rates) == 20
    assert rates[4:14] == [1.0] * 10
    assert rates[:4] == sorted(rates[:4]) and rates[0] < 0.5
    assert rates[14:] == sorted(rates[14:], reverse=True) and rates[-1] < 0.2


@pytest.mark.parametrize("objective", ["masked", "pseudo-masked"])
def test_of_several_gpus_one_is_used(bert_model, tokenizer, tmp_path, monkeypatch, objective):
    monkeypatch.setattr(TrainingArguments, "n_gpu", 2)
    settings = settings_for(objective=objective, epochs=2, warmup_ratio=0, logging_steps=1)
    train(random_model(bert_model.config), tokenizer, EXAMPLES, tmp_path, (), settings)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    rates = [entry["learning_rate"] for entry in log if "loss" in entry]
    assert rates == pytest.approx([1e-4, 0.75e-4, 0.5e-4, 0.25e-4])


def test_several_processes_are_refused(bert_model, tokenizer, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")  # as torchrun has it
    with pytest.raises(QGenError, match="without torchrun"):
        train(bert_model, tokenizer, EXAMPLES, tmp_path)


def test_lengths_that_do_not_fit_the_model(bert_model, tokenizer, tmp_path):
    settings = settings_for(max_source_length=105)
    with pytest.raises(QGenError, match="come to 129 tokens, and the model has 128 positions"):
        train(bert_model, tokenizer, EXAMPLES, tmp_path, (), settings)


def test_no_training_examples(bert_model, tokenizer, tmp_path):
    with pytest.raises(QGenError, match="no training examples"):
        train(bert_model, tokenizer, [], tmp_path)
