"""Checkpoints of 4 and 8 bits a weight."""

import pytest
import torch
from conftest import PASSAGE
from safetensors.torch import load_file
from transformers import (
    AutoModelForQuestionAnswering,
    MPNetConfig,
    MPNetForQuestionAnswering,
    MPNetTokenizer,
)

from qgen.english.locate import locate_answer
from qgen.errors import QGenError
from qgen.model.reader import Reader, SpanModel
from qgen.model.reader import load_reader as load_plain_reader
from qgen.model.runtime.packed import GROUP, bits_of, pack, save_packed, unpack
from qgen.transformers import load_reader


@pytest.mark.parametrize(("bits", "levels"), [(4, 7), (8, 127)])
def test_weights_are_rounded_to_the_nearest_level(bits, levels):
    torch.manual_seed(0)
    weight = torch.randn(6, 2 * GROUP)
    weight[0] = 0
    weight[1, :GROUP] *= 1000  # no other group of the row suffers with 4 bits
    packed, scales = pack(weight, bits)
    assert packed.element_size() * packed.numel() == weight.numel() * bits // 8
    found = unpack(packed, scales)
    assert found.shape == weight.shape and not found[0].any()
    group = GROUP if bits == 4 else 2 * GROUP
    steps = weight.view(6, -1, group).abs().amax(-1).repeat_interleave(group, 1) / levels
    assert ((found - weight).abs() <= 0.51 * steps + 1e-6).all()


def test_rounding_again_changes_nothing():
    torch.manual_seed(0)
    for bits in (4, 8):
        once = unpack(*pack(torch.randn(8, 4 * GROUP), bits))
        torch.testing.assert_close(unpack(*pack(once, bits)), once, rtol=1e-3, atol=1e-4)


@pytest.fixture
def mpnet(tmp_path):
    """A random reader of MPNet's kind, and its tokenizer."""
    words = ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", *"abcdefghijklmnopqrstuvwxyz0123456789.,?"]
    words += [f"##{word}" for word in words[5:]] + ["<mask>"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    tokenizer = MPNetTokenizer(vocab=str(tmp_path / "vocab.txt"), model_max_length=128)
    torch.manual_seed(0)
    config = MPNetConfig(
        vocab_size=2000,
        hidden_size=2 * GROUP,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=8 * GROUP,
        max_position_embeddings=130,
    )
    return MPNetForQuestionAnswering(config).eval(), tokenizer


def test_a_packed_reader_is_a_checkpoint_as_any_other(mpnet, tmp_path):
    model, tokenizer = mpnet
    save_packed(model, tokenizer, tmp_path / "packed")
    file = tmp_path / "packed" / "model.safetensors"
    assert file.stat().st_size < 0.8 * model.num_parameters()
    loaded, same = load_reader(tmp_path / "packed")
    assert loaded.name_or_path == str(tmp_path / "packed") and loaded.dtype == torch.float32
    assert same.get_vocab() == tokenizer.get_vocab()
    tensors = load_file(file)
    for name, weight in loaded.state_dict().items():
        scale = tensors.get(name + "_scale")
        stored = tensors[name].float() if scale is None else unpack(tensors[name], scale)
        assert torch.equal(weight, stored), name
    loaded.save_pretrained(tmp_path / "stock")
    stock = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "stock")
    assert not hasattr(stock.config, "quantization_config")
    for one, other in zip(stock.parameters(), loaded.parameters(), strict=True):
        assert torch.equal(one, other)
    plain, tokens = load_plain_reader(tmp_path / "packed")
    assert isinstance(plain, SpanModel) and tokens.get_vocab() == tokenizer.get_vocab()
    sums = [sum(weight.double().sum() for weight in m.parameters()) for m in (plain, loaded)]
    torch.testing.assert_close(*sums)
    half = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "packed", dtype=torch.bfloat16)
    assert {weight.dtype for weight in half.parameters()} == {torch.bfloat16}


def test_rows_that_are_no_whole_groups_have_eight_bits():
    name = "encoder.layer.0.output.dense.weight"
    assert [bits_of(name, torch.empty(GROUP, GROUP + more)) for more in (0, 1)] == [4, 8]


def test_a_corrupt_packed_file_is_one_line(mpnet, tmp_path):
    save_packed(*mpnet, tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    for load in (load_reader, load_plain_reader):
        with pytest.raises(QGenError, match="cannot load the reader"):
            load(tmp_path)


def test_two_separators_where_the_tokenizer_has_two(mpnet, tmp_path):
    model, tokenizer = mpnet
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    reader = Reader.from_pretrained(tmp_path, device="cpu", dtype="float32")
    answer = locate_answer(PASSAGE, "1937")
    [[window]] = reader.windows([(PASSAGE, "when?", answer)])
    encoded = tokenizer("when?", PASSAGE, return_tensors="pt", truncation="only_second")
    with torch.inference_mode():
        output = model(**encoded)
    first = encoded["input_ids"][0].tolist().index(tokenizer.sep_token_id) + 2
    starts = output.start_logits[0].log_softmax(-1)[first : first + len(window.starts)]
    torch.testing.assert_close(window.starts, starts, rtol=1e-3, atol=1e-4)
