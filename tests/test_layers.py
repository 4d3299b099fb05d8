"""Encoder layers in fewer operations."""

from itertools import product

import pytest
import torch
from transformers import BertConfig, MPNetConfig, MPNetModel, RobertaConfig
from transformers.models.bert.modeling_bert import BertLayer
from transformers.models.roberta.modeling_roberta import RobertaLayer

from qgen.model.decoding import BeamCache
from qgen.model.runtime.fused import FusedLayer, FusedMPNetEncoder, can_be_fused
from qgen.model.runtime.linear import Int8Linear, PackedLinear, can_be_packed, int8_is_fast

SHAPE = {
    "hidden_size": 48,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "attn_implementation": "sdpa",
}


class PlainLinear(torch.nn.Module):
    """What the layers of each kind are an approximation of."""

    def __init__(self, weight, bias=None, gelu=False):
        super().__init__()
        self.weight, self.bias, self.gelu = weight, bias, gelu

    def forward(self, inputs, added=None):
        outputs = torch.nn.functional.linear(inputs, self.weight, self.bias)
        outputs = torch.nn.functional.gelu(outputs) if self.gelu else outputs
        return outputs if added is None else outputs + added


@pytest.fixture
def layer():
    torch.manual_seed(0)
    made = BertLayer(BertConfig(**SHAPE), layer_idx=1).eval()
    for weight in made.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return made


@pytest.mark.parametrize("additive", [False, True])
@torch.inference_mode()
def test_a_fused_layer_computes_the_same(layer, additive):
    hidden, seen = torch.randn(2, 7, 48), torch.ones(2, 1, 7, 7, dtype=torch.bool).tril()
    mask = torch.zeros(seen.shape).masked_fill(~seen, -1e30) if additive else seen
    fused = FusedLayer(layer, PlainLinear)
    torch.testing.assert_close(fused(hidden, mask), layer(hidden, mask), rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_a_fused_encoder_of_mpnet_counts_distances_too():
    torch.manual_seed(0)
    shape = SHAPE | {"attn_implementation": None}
    model = MPNetModel(MPNetConfig(vocab_size=50, num_hidden_layers=2, **shape)).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    ids, encoder = torch.randint(3, 50, (2, 9)), model.encoder
    for real in (torch.ones(2, 9), torch.tensor([[1] * 9, [1] * 5 + [0] * 4])):
        model.encoder = encoder
        expected = model(ids, attention_mask=real.long()).last_hidden_state
        assert can_be_fused(encoder) and not can_be_fused(encoder.layer[0])
        model.encoder = FusedMPNetEncoder(encoder, PlainLinear)
        found = model(ids, attention_mask=real.long()).last_hidden_state
        torch.testing.assert_close(found[real > 0], expected[real > 0], rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_a_fused_layer_keeps_keys_and_values_where_the_other_does(layer):
    caches = BeamCache(9), BeamCache(9)
    steps = torch.randn(2, 4, 48), torch.randn(2, 3, 48)
    fused = FusedLayer(layer, PlainLinear)
    for hidden in steps:
        seen = torch.ones(2, 1, hidden.shape[1], caches[0].offset + hidden.shape[1]).bool()
        found = fused(hidden, seen, cache=caches[0]), layer(hidden, seen, cache=caches[1])
        torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)
        for cache in caches:
            cache.advance(hidden.shape[1])
    for mine, other in zip(caches[0].layers[1], caches[1].layers[1], strict=True):
        torch.testing.assert_close(mine[:, :, :7], other[:, :, :7], rtol=1e-4, atol=1e-5)


def test_what_can_be_fused(layer):
    assert can_be_fused(layer)
    assert not can_be_fused(layer.attention)
    assert not can_be_fused(BertLayer(BertConfig(**SHAPE, is_decoder=True), layer_idx=0))
    assert not can_be_fused(BertLayer(BertConfig(**SHAPE, hidden_act="relu"), layer_idx=0))
    assert not can_be_fused(RobertaLayer(RobertaConfig(**SHAPE), layer_idx=0))


@pytest.mark.parametrize(
    ("kind", "dtype", "usable"),
    [
        (PackedLinear, torch.bfloat16, can_be_packed()),
        (Int8Linear, torch.float32, int8_is_fast()),
    ],
)
@torch.inference_mode()
def test_linear_layers_apply_gelu_and_add_where_asked(kind, dtype, usable):
    if not usable:
        pytest.skip("no such kernels on this machine")
    torch.manual_seed(0)
    weight, bias = torch.randn(64, 48).to(dtype), torch.randn(64).to(dtype)
    inputs = torch.randn(2, 5, 48).to(dtype)
    wider = torch.randn(2, 9, 64).to(dtype)
    before = wider.clone()
    for gelu, added in product((False, True), (None, wider[:, -5:])):
        exact = PlainLinear(weight.float(), bias.float(), gelu)(inputs.float())
        exact = exact if added is None else exact + added.float()
        found = kind(weight, bias, gelu=gelu)(inputs, added)
        assert found.shape == exact.shape and found.dtype == dtype
        assert (found.float() - exact).norm() < 0.03 * exact.norm()
    assert torch.equal(wider, before)
