"""The arithmetic a model computes in: float32, bfloat16, or matrix products of 8-bit integers."""

from __future__ import annotations

import platform
import warnings
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from qgen.errors import QGenError
from qgen.model.runtime.fused import FusedLayer, LinearKind, can_be_fused
from qgen.settings import DTYPES

_LEVELS = 127 if torch.cpu._is_vnni_supported() else 63
"""Activations are rounded to whole numbers from minus this to this.  The kernels for processors
without VNNI add two 8-bit products in 16 bits, which full 8-bit activations could overflow."""


class Int8Linear(nn.Module):
    """``nn.Linear`` with 8-bit weights, a scale per output, and activations of 8 bits (7 without
    VNNI), a scale per row.

    A scale per row, and not one for all of them as in PyTorch's own dynamic quantization, so that
    what comes of a row does not depend on the others in its batch.

    Args:
        weight: ``[outputs, inputs]``, float32.
        bias: ``[outputs]``, float32.
        gelu: whether that is applied to the outputs.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, gelu: bool = False):
        super().__init__()
        self.gelu = gelu
        weight = weight.detach()
        scales = weight.abs().amax(1).clamp_min(1e-12).double() / 127
        zeros = torch.zeros(len(weight), dtype=torch.long)
        with warnings.catch_warnings():  # PyTorch means to replace its quantized tensors
            warnings.simplefilter("ignore")
            rounded = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
        self.packed: Any = torch.ops.quantized.linear_prepack(rounded, None)
        self.bias = bias

    def forward(self, inputs: Tensor, added: Tensor | None = None) -> Tensor:
        """``[..., inputs]`` to ``[..., outputs]``, float32 both; see :class:`LinearKind`."""
        largest = inputs.abs().amax(-1, keepdim=True).clamp_min(1e-12)
        outputs = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32(
            inputs / largest, 1 / _LEVELS, _LEVELS + 1, self.packed
        ).mul_(largest)
        outputs = outputs if self.bias is None else outputs.add_(self.bias)
        outputs = nn.functional.gelu(outputs) if self.gelu else outputs
        return outputs if added is None else outputs.add_(added)

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        weight, _ = torch.ops.quantized.linear_unpack(self.packed)
        destination[f"{prefix}weight"] = weight.int_repr()
        destination[f"{prefix}scales"] = weight.q_per_channel_scales()


class PackedLinear(nn.Module):
    """``nn.Linear`` on a CPU with its weights in the order that oneDNN's kernels want, into which
    they would else be brought at every call.

    Args:
        weight: ``[outputs, inputs]``, bfloat16.
        bias: ``[outputs]``, bfloat16 or float32: it is added before the outputs are rounded.
        gelu: whether that is applied to the outputs, in the same pass.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, gelu: bool = False):
        super().__init__()
        self.gelu = gelu
        # Not a buffer: ``to`` and ``state_dict`` know nothing of oneDNN's layouts.
        self.packed: Any = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), None)
        self.bias = None if bias is None else bias.detach()

    def forward(self, inputs: Tensor, added: Tensor | None = None) -> Tensor:
        """``[..., inputs]`` to ``[..., outputs]``, bfloat16 both; see :class:`LinearKind`."""
        product: Any = torch.ops.mkldnn._linear_pointwise
        if added is not None and not self.gelu:  # in the same pass, before they are rounded
            return product.binary(inputs, added, self.packed, self.bias, "add")
        after, algorithm = ("gelu", "none") if self.gelu else ("none", "")
        outputs = product(inputs, self.packed, self.bias, after, [], algorithm)
        return outputs if added is None else outputs + added

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}weight"] = self.packed.to_dense()


class Projection(nn.Module):
    """The projection onto the vocabulary, as a layer of all its outputs or of some.

    Its weights are the word embeddings and stay as they are anyway, so either is made when it is
    first needed: decoding with a shortlist never needs them all.

    Args:
        linear: what to compute, with biases.
        kind: what to make of it.
    """

    def __init__(self, linear: nn.Linear, kind: LinearKind):
        super().__init__()
        self.linear = linear
        self._kind = kind
        self._rows: tuple[Tensor, nn.Module] | None = None

    @cached_property
    def _whole(self) -> nn.Module:
        return self._kind(self.linear.weight, self.linear.bias)

    def rows(self, ids: Tensor, offset: float = 0.0) -> nn.Module:
        """The layer with only these outputs, to which ``offset`` is added before they are rounded;
        made once."""
        if self._rows is None or not torch.equal(self._rows[0], ids):
            weight, bias = self.linear.weight[ids], self.linear.bias[ids].float() + offset
            self._rows = ids, self._kind(weight, bias)
        return self._rows[1]

    def forward(self, inputs: Tensor) -> Tensor:
        """``[..., inputs]`` to ``[..., outputs]``."""
        return self._whole(inputs)


def bfloat16_is_native(device: str | torch.device = "cpu") -> bool:
    """Whether a device computes matrix products in bfloat16."""
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def can_be_packed(device: str | torch.device = "cpu") -> bool:
    """Whether a device has the kernels of :class:`PackedLinear`: a CPU that computes in bfloat16,
    under a PyTorch that has them."""
    return (
        torch.device(device).type == "cpu"
        and bfloat16_is_native(device)
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
        and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")
    )


def int8_is_fast(device: str | torch.device = "cpu") -> bool:
    """Whether a device has the 8-bit kernels used here: a CPU of the x86 family with AVX2, under a
    PyTorch that still has them."""
    return (
        torch.device(device).type == "cpu"
        and platform.machine().lower() in {"x86_64", "amd64"}
        and torch.cpu._is_avx2_supported()
        and hasattr(torch.ops.quantized, "linear_with_input_q_dq_qweight_dq_output_fp32")
    )


def set_dtype(model: Any, dtype: str = "auto") -> None:
    """Make a float32 model compute in another arithmetic, in place.

    Args:
        model: on the device it is to stay on.
        dtype: one of :data:`qgen.settings.DTYPES`; "auto" is the fastest: bfloat16 on GPUs and on
            CPUs with matrix units for it (AMX), else int8 where there are kernels, else bfloat16
            where the device computes in it, else float32.

    Raises:
        QGenError: there is no such arithmetic, or not on this device.
    """
    if dtype not in DTYPES:
        raise QGenError(f"dtype must be {' or '.join(DTYPES)}")
    if dtype == "auto":
        dtype = _fastest(model.device)
    if dtype == "bfloat16":
        model.bfloat16()
        if can_be_packed(model.device):
            _replace_linears(model, PackedLinear)
    if dtype == "int8":
        if not int8_is_fast(model.device):
            raise QGenError(f"there are no int8 kernels for this {model.device.type} here")
        _replace_linears(model, Int8Linear)


def _fastest(device: torch.device) -> str:
    has_units = device.type == "cuda" or torch.cpu._is_amx_tile_supported()
    if bfloat16_is_native(device) and (has_units or not int8_is_fast(device)):
        return "bfloat16"
    return "int8" if int8_is_fast(device) else "float32"


def dtype_of(model: Any) -> str:
    """The arithmetic that a model computes in, as :func:`set_dtype` takes it."""
    if any(isinstance(module, Int8Linear) for module in model.modules()):
        return "int8"
    return str(model.dtype).removeprefix("torch.")


def _replace_linears(model: Any, kind: LinearKind) -> None:
    """Replace encoder layers and linear ones; embeddings stay as they are, and so do layers with a
    few outputs, for which there is nothing to gain."""
    project = getattr(model, "get_output_embeddings", None)  # a reader has none
    projection = project() if project else None

    def replace_in(parent: nn.Module) -> None:
        for name, child in list(parent.named_children()):
            if can_be_fused(child):
                setattr(parent, name, FusedLayer(child, kind))
            elif child is projection:
                setattr(parent, name, Projection(child, kind))
            elif isinstance(child, nn.Linear) and child.out_features >= 32:
                setattr(parent, name, kind(child.weight, child.bias))
            else:
                replace_in(child)

    replace_in(model)
