"""The plain networks and tokenizer compute what those of ``transformers`` do."""

import json
from pathlib import Path

import pytest
import torch
from conftest import random_model
from transformers import (
    AutoModelForQuestionAnswering,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertForQuestionAnswering,
    DistilBertConfig,
    DistilBertForQuestionAnswering,
    MPNetConfig,
    MPNetForMaskedLM,
    MPNetForQuestionAnswering,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaForQuestionAnswering,
)

import qgen.transformers
from qgen.errors import QGenError
from qgen.model.checkpoints import (
    DEFAULT_CHECKPOINT,
    WIDE_CHECKPOINT,
    load_checkpoint,
    load_tokenizer,
)
from qgen.model.encoder import EncoderConfig, plain_name
from qgen.model.foreign import OtherSpanModel
from qgen.model.heads import MaskedLanguageModel
from qgen.model.layouts import seq2seq_layout
from qgen.model.reader import DEFAULT_READER, Reader, SpanModel, load_reader
from qgen.model.runtime.linear import set_dtype
from qgen.model.unilm import Seq2SeqConfig, UniLM
from qgen.transformers import UniLMConfig

SHAPE = {
    "vocab_size": 120,
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "max_position_embeddings": 80,
}
REGRESSION = Path(__file__).parents[1] / "data" / "regression.jsonl"


def random_weights(model):
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        (BertForMaskedLM, BertConfig(**SHAPE)),
        (BertForMaskedLM, BertConfig(**SHAPE, hidden_act="gelu_new")),
        (RobertaForMaskedLM, RobertaConfig(**SHAPE, type_vocab_size=1)),
        (MPNetForMaskedLM, MPNetConfig(**SHAPE)),
    ],
)
@torch.inference_mode()
def test_masked_language_models(kind, config):
    theirs = random_weights(kind(config))
    ours = MaskedLanguageModel(EncoderConfig.from_dict(config.to_dict())).eval()
    ours.load_state_dict({plain_name(k): value for k, value in theirs.state_dict().items()})
    ids = torch.randint(5, 90, (2, 9))
    layout = seq2seq_layout(torch.ones(2, 9), 0)
    found = ours.output.decoder(ours.head.transform(ours.base_model(ids, *layout)))
    torch.testing.assert_close(found, theirs(ids).logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        (BertForQuestionAnswering, BertConfig(**SHAPE)),
        (RobertaForQuestionAnswering, RobertaConfig(**SHAPE, type_vocab_size=1)),
        (MPNetForQuestionAnswering, MPNetConfig(**SHAPE)),
        (DistilBertForQuestionAnswering, DistilBertConfig(**SHAPE, dim=48, n_layers=2, n_heads=4)),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@torch.inference_mode()
def test_readers(kind, config, dtype, tokenizer, tmp_path):
    """Of these kinds, and of one that is left to ``transformers``."""
    theirs = random_weights(kind(config))
    theirs.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    ours, _ = load_reader(tmp_path)
    assert type(ours) is (OtherSpanModel if kind is DistilBertForQuestionAnswering else SpanModel)
    ids = torch.randint(5, 90, (2, 70))
    real = torch.ones(2, 70).long()
    real[1, 40:] = 0
    ids[real == 0] = config.pad_token_id
    expected = theirs(ids, attention_mask=real)
    set_dtype(ours, dtype)
    states, logits = ours(ids, torch.zeros_like(ids), real)
    assert states.shape == (2, 70, 48)
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == "float32" else {"rtol": 0.1, "atol": 0.5}
    for i, wanted in enumerate((expected.start_logits, expected.end_logits)):
        torch.testing.assert_close(logits[..., i].float()[real > 0], wanted[real > 0], **tolerance)


@torch.inference_mode()
def test_the_shipped_reader():
    ours, tokenizer = load_reader()
    theirs = AutoModelForQuestionAnswering.from_pretrained(DEFAULT_READER, dtype=torch.float32)
    ids = torch.tensor([tokenizer("who led it? Joseph Strauss led its construction.")["input_ids"]])
    _, logits = ours(ids, torch.zeros_like(ids), torch.ones_like(ids))
    found = theirs(ids)
    torch.testing.assert_close(logits[..., 0], found.start_logits, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(logits[..., 1], found.end_logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "name", ["copying_model", "shortlisted_model", "roberta_model", "mpnet_model"]
)
def test_what_training_saves_is_what_asking_loads(name, request, tokenizer, tmp_path):
    model = request.getfixturevalue(name)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    plain, _ = load_checkpoint(tmp_path)
    assert type(plain) is UniLM and plain.name_or_path == str(tmp_path)
    assert plain.get_input_embeddings().weight is plain.get_output_embeddings().weight
    source, target = torch.tensor([[2, 10, 11, 3]]), torch.tensor([[20, 21]])
    with torch.inference_mode():
        torch.testing.assert_close(plain(source, target).logits, model(source, target).logits)


def test_the_configurations_have_the_same_attributes(copying_model):
    theirs, ours = UniLMConfig(), Seq2SeqConfig()
    for name, value in vars(ours).items():
        if name != "backbone":
            assert getattr(theirs, name) == value, name
    again = Seq2SeqConfig.of(copying_model.config.to_dict())
    assert (again.copy_size, again.answer_marker_ids) == (16, [5, 6])
    assert Seq2SeqConfig.of(json.loads(again.to_json_string())) == again


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model_type": "deberta"}, "'deberta' is none of bert"),
        ({"hidden_act": "mish"}, "'mish' is none of gelu"),
        ({"position_embedding_type": "relative_key"}, "'relative_key' is none of absolute"),
        ({"num_attention_heads": 7}, "no multiple"),
    ],
)
def test_an_encoder_that_is_not_here_is_one_line(changed, said, checkpoint, tmp_path):
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config["backbone"] |= changed
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(QGenError, match=said):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("config.json", None, "there is no config.json"),
        ("config.json", "[]", "config.json is no JSON object"),
        ("tokenizer.json", "{}", "no tokenizer"),
        ("tokenizer.json", None, "there is no tokenizer.json"),
        ("model.safetensors", None, "there is no model.safetensors"),
        ("model.safetensors", "what?", "cannot load checkpoint"),
    ],
)
def test_a_broken_checkpoint_is_one_line(file, content, said, checkpoint, tmp_path):
    for each in checkpoint.iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_text(content)
    with pytest.raises(QGenError, match=said):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "name", ["chekpoint", "runs/final", "runs/a/final", "./final", "/no/final"]
)
@pytest.mark.parametrize("load", [load_checkpoint, load_reader, qgen.transformers.load_checkpoint,
                                  qgen.transformers.load_reader])  # fmt: skip
def test_the_hub_is_not_asked_for_a_mistyped_folder(load, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    with pytest.raises(QGenError, match=f"{name}: there is no such folder \\(on the hub"):
        load(name)


def test_a_name_that_is_not_on_the_hub_is_one_line():
    with pytest.raises(QGenError, match="no such folder, and the hub is not to be reached$"):
        load_checkpoint("nobody/nothing")  # the tests are offline


@pytest.mark.parametrize("load", [load_checkpoint, load_reader, qgen.transformers.load_checkpoint])
def test_a_hub_that_is_not_to_be_reached_is_asked_once(load, tmp_path, monkeypatch):
    from huggingface_hub import constants

    def wait(seconds):
        raise AssertionError("it is tried again")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # where nothing listens
    monkeypatch.setattr("time.sleep", wait)
    with pytest.raises(QGenError, match="nobody/at-all: .* the hub is not to be reached$"):
        load("nobody/at-all")


def test_missing_weights_are_told(copying_model, bert_model, tokenizer, tmp_path):
    random_model(bert_model.config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | {"copy_size": 16}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(QGenError, match="no weights copy_gate"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("checkpoint", [DEFAULT_CHECKPOINT, WIDE_CHECKPOINT, DEFAULT_READER])
def test_the_tokenizer(checkpoint):
    ours, theirs = load_tokenizer(checkpoint), AutoTokenizer.from_pretrained(checkpoint)
    rows = [json.loads(line) for line in REGRESSION.read_text(encoding="utf-8").splitlines()]
    texts = [*{row["passage"] for row in rows}, "", " \u200b", "naïve 北京 ½ 😀 don't [SEP] <mask>"]
    wanted = {"add_special_tokens": False, "return_offsets_mapping": True}
    for text in texts:
        found, expected = ours(text, **wanted), theirs(text, **wanted)
        assert found["input_ids"] == expected["input_ids"]
        assert found["offset_mapping"] == expected["offset_mapping"]
        ids = ours(text)["input_ids"]
        assert ids == theirs(text)["input_ids"]
        for skip in (False, True):
            pieces = theirs.convert_ids_to_tokens(ids, skip_special_tokens=skip)
            assert ours.convert_ids_to_tokens(ids, skip_special_tokens=skip) == pieces
    assert ours(texts)["input_ids"] == theirs(texts)["input_ids"]
    assert ours([])["input_ids"] == []
    for name in ("cls", "sep", "pad", "mask", "unk"):
        assert getattr(ours, f"{name}_token_id") == getattr(theirs, f"{name}_token_id"), name
    assert ours.model_max_length == theirs.model_max_length
    assert ours.get_vocab() == theirs.get_vocab()
    assert ours.num_special_tokens_to_add(pair=True) == theirs.num_special_tokens_to_add(pair=True)


def test_a_reader_of_another_library_reads(tokenizer, tmp_path):
    config = DistilBertConfig(**SHAPE, dim=48, n_layers=2, n_heads=4)
    random_weights(DistilBertForQuestionAnswering(config)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    reader = Reader.from_pretrained(tmp_path, device="cpu", dtype="float32")
    [reading] = reader.read([("Joseph led it in 1937.", "who led it?", None)])
    assert 0 < reading.probability < 1
