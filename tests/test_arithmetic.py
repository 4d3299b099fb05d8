"""What the models compute in."""

import copy
import os
import re
import subprocess
import sys
import warnings

import pytest
import torch
from conftest import random_model

from qgen.errors import QGenError
from qgen.model.checkpoints import fingerprint
from qgen.model.output import Encoded
from qgen.model.runtime import linear as arithmetic
from qgen.model.runtime.backends import bfloat16, int8
from qgen.model.runtime.backends.bfloat16 import PackedLinear, can_be_packed
from qgen.model.runtime.backends.int8 import Int8Linear
from qgen.model.runtime.fused import Projection
from qgen.model.runtime.linear import BACKENDS, dtype_of, set_dtype
from qgen.settings import DTYPES

CPU = torch.device("cpu")
needs_int8 = pytest.mark.skipif(bool(int8.problem(CPU)), reason="no int8 kernels on this machine")


@pytest.fixture
def linear():
    torch.manual_seed(0)
    return torch.nn.Linear(384, 64).eval()


@needs_int8
@torch.inference_mode()
def test_int8_is_close_to_float32(linear):
    inputs = torch.randn(2, 5, 384)
    exact, rounded = linear(inputs), Int8Linear(linear.weight, linear.bias)(inputs)
    assert rounded.shape == exact.shape and rounded.dtype == exact.dtype
    assert (rounded - exact).norm() < 0.03 * exact.norm()


@needs_int8
@torch.inference_mode()
def test_a_row_does_not_depend_on_its_batch(linear):
    int8, row = Int8Linear(linear.weight, linear.bias), torch.randn(1, 384)
    beside_large_ones = int8(torch.cat([row, 1000 * torch.randn(3, 384)]))[:1]
    torch.testing.assert_close(beside_large_ones, int8(row), rtol=0, atol=0)


@needs_int8
@torch.inference_mode()
def test_int8_of_nothing_is_the_bias(linear):
    int8 = Int8Linear(linear.weight, linear.bias)
    torch.testing.assert_close(int8(torch.zeros(1, 384))[0], linear.bias)


@needs_int8
def test_large_activations_do_not_overflow():
    """The worst case of 16-bit sums: everything at its greatest."""
    int8 = Int8Linear(torch.ones(64, 384))
    with torch.inference_mode():
        torch.testing.assert_close(int8(torch.ones(1, 384))[0, 0].item(), 384.0)


@needs_int8
def test_large_activations_do_not_overflow_without_vnni():
    """The same on a processor that has AVX2 alone, as far as this one can pass for it."""
    program = """
import torch
torch.cpu._is_vnni_supported = lambda: False
from qgen.model.runtime.backends.int8 import LEVELS, Int8Linear
with torch.inference_mode():
    print(LEVELS, Int8Linear(torch.ones(64, 384))(torch.ones(1, 384))[0, 0].item())
"""
    found = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"},
        capture_output=True,
        text=True,
        check=True,
    )
    levels, value = found.stdout.split()
    assert levels == "63" and float(value) == pytest.approx(384)


@needs_int8
@torch.inference_mode()
def test_rows_are_some_of_the_outputs(linear):
    int8, inputs = Projection(linear, Int8Linear), torch.randn(3, 384)
    ids = torch.tensor([5, 60, 0])
    torch.testing.assert_close(int8.rows(ids)(inputs), int8(inputs)[:, ids])
    assert int8.rows(ids) is int8.rows(ids.clone())


@pytest.mark.skipif(not can_be_packed(), reason="no bfloat16 kernels on this machine")
@torch.inference_mode()
def test_an_offset_is_added_before_rounding(linear):
    """Outputs of some -90 are whole numbers or halves in bfloat16; about zero they are finer."""
    inputs = torch.randn(100, 384).bfloat16()
    linear.bias -= 90
    linear.bfloat16()
    ids = torch.arange(64)
    exact = torch.nn.functional.linear(inputs.float(), linear.weight.float(), linear.bias.float())
    error, shifted_error = (
        (Projection(linear, PackedLinear).rows(ids, offset)(inputs).float() - exact - offset)
        for offset in (0.0, 90.0)
    )
    assert shifted_error.abs().mean() < 0.05 * error.abs().mean()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", pytest.param("int8", marks=needs_int8)])
@torch.inference_mode()
def test_the_models_offset_changes_no_probability(dtype, shortlisted_model):
    ids = torch.randint(5, 90, (3, 9))
    states = torch.randn(3, 9, shortlisted_model.config.backbone.hidden_size)
    found = []
    for offset in (0.0, 9.0):
        model = copy.deepcopy(shortlisted_model)
        model.config.logit_offset = offset
        set_dtype(model, dtype)
        hidden = states.to(model.dtype)
        output = model.output(Encoded(hidden, ids, torch.ones_like(ids)), shortlist=True)
        found.append(model.log_probabilities(hidden[:, :2], output).exp())
    torch.testing.assert_close(*found, atol=0.005, rtol=0.1)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", pytest.param("int8", marks=needs_int8)])
def test_set_dtype(dtype, bert_model):
    model = random_model(bert_model.config)
    source, target = torch.tensor([[2, 10, 11, 3]]), torch.tensor([[4]])
    with torch.inference_mode():
        before = model(source, target).logits.exp()
        set_dtype(model, dtype)
        after = model(source, target).logits.exp()
    assert dtype_of(model) == dtype
    assert (after - before).abs().max() < 0.2
    assert torch.equal(after, before) == (dtype == "float32")


@pytest.mark.parametrize("dtype", ["bfloat16", pytest.param("int8", marks=needs_int8)])
def test_fingerprint_tells_arithmetics_and_weights_apart(dtype, bert_model):
    models = [random_model(bert_model.config, seed) for seed in (0, 0, 1)]
    plain = fingerprint(models[0])
    for model in models:
        set_dtype(model, dtype)
    first, same, other = map(fingerprint, models)
    assert first == same and len({plain, first, other}) == 3


@needs_int8
@torch.inference_mode()
def test_int8_is_what_the_formula_says(linear):
    """Weights with a scale per output, activations with a scale per row, both rounded."""
    inputs = torch.randn(2, 5, 384)
    scales = linear.weight.abs().amax(1) / 127
    steps = inputs.abs().amax(-1, keepdim=True) / int8.LEVELS
    weight, rounded = (linear.weight / scales[:, None]).round(), (inputs / steps).round()
    expected = (rounded @ weight.T) * scales * steps + linear.bias
    found = Int8Linear(linear.weight, linear.bias)(inputs)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@needs_int8
def test_no_deprecated_operators(linear):
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("error")
        int8_linear = Int8Linear(linear.weight, linear.bias)
        int8_linear(torch.randn(3, 384))
    weight = int8_linear.state_dict()["weight"]
    scales = linear.weight.detach().abs().amax(1, keepdim=True) / 127
    assert torch.equal(weight, (linear.weight.detach() / scales).round().to(torch.int8))


@pytest.mark.parametrize(
    ("units", "native", "kernels", "expected"),
    [
        (True, True, True, "bfloat16"),
        (False, True, True, "int8"),
        (False, True, False, "bfloat16"),
        (False, False, True, "int8"),
        (False, False, False, "float32"),
    ],
)
def test_auto_takes_the_fastest(units, native, kernels, expected, bert_model, monkeypatch, caplog):
    if kernels and int8.problem(CPU):
        pytest.skip("no int8 kernels on this machine")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: units)
    monkeypatch.setattr(bfloat16, "bfloat16_is_native", lambda _: native)
    monkeypatch.setattr(bfloat16, "can_be_packed", lambda _: False)
    monkeypatch.setattr(int8, "_can_have_kernels", lambda _: kernels)
    model = random_model(bert_model.config)
    set_dtype(model)
    assert dtype_of(model) == expected and not caplog.text


def test_auto_tells_once_what_this_pytorch_lacks(bert_model, monkeypatch, caplog):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(bfloat16, "bfloat16_is_native", lambda _: False)
    monkeypatch.setattr(int8, "_can_have_kernels", lambda _: True)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    arithmetic._warn_once.cache_clear()
    for _ in range(2):
        model = random_model(bert_model.config)
        set_dtype(model)
        assert dtype_of(model) == "float32"
    said = "computing in float32, which is slower: PyTorch .* has no int8 kernels"
    [record] = caplog.records
    assert re.fullmatch(said, record.message) and record.name.startswith("qgen.")


def test_every_arithmetic_has_its_backend():
    assert {backend.DTYPE for backend in BACKENDS} == set(DTYPES) - {"auto"}


def test_refusals(bert_model, monkeypatch):
    model = random_model(bert_model.config)
    with pytest.raises(QGenError, match="dtype must be"):
        set_dtype(model, "int4")
    monkeypatch.setattr(int8, "_can_have_kernels", lambda _: False)
    with pytest.raises(QGenError, match="no int8 kernels for this"):
        set_dtype(model, "int8")
    assert int8.problem(torch.device("cuda")) == "there are no int8 kernels for cuda"
