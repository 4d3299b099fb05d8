"""Encoder layers in fewer operations."""

from itertools import product

import pytest
import torch

from qgen.model.decoding import BeamCache
from qgen.model.encoder import EncoderConfig, EncoderLayer
from qgen.model.runtime.backends import int8
from qgen.model.runtime.backends.bfloat16 import PackedLinear, can_be_packed
from qgen.model.runtime.backends.int8 import Int8Linear
from qgen.model.runtime.fused import FusedLayer, can_be_fused

SHAPE = {"hidden_size": 48, "num_attention_heads": 4, "intermediate_size": 96}


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
    made = EncoderLayer(EncoderConfig(**SHAPE), 1).eval()
    for weight in made.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return made


@pytest.mark.parametrize("last", [None, 2])
@pytest.mark.parametrize("additive", [False, True])
@torch.inference_mode()
def test_a_fused_layer_computes_the_same(layer, additive, last):
    hidden, seen = torch.randn(2, 7, 48), torch.ones(2, 1, 7, 7, dtype=torch.bool).tril()
    mask = torch.zeros(seen.shape).masked_fill(~seen, -1e30) if additive else seen
    expected = layer(hidden, mask)[:, -(last or 7) :]
    fused = FusedLayer(layer, PlainLinear)
    for made in (fused, layer):
        found = made(hidden, mask, last=last)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


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
    assert not can_be_fused(EncoderLayer(EncoderConfig(**SHAPE, hidden_act="relu"), 0))


@pytest.mark.parametrize(
    ("kind", "dtype", "usable"),
    [
        (PackedLinear, torch.bfloat16, can_be_packed()),
        (Int8Linear, torch.float32, not int8.problem(torch.device("cpu"))),
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
