"""Products in bfloat16: on GPUs, and on CPUs by oneDNN with its weights in the order it wants."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from qgen.model.runtime.fused import replace_linears

DTYPE = "bfloat16"


def problem(device: torch.device) -> str | None:
    """As :meth:`qgen.model.runtime.linear.Backend.problem`: none, though it may be slow."""
    return None


def speed(device: torch.device) -> float:
    """As :meth:`qgen.model.runtime.linear.Backend.speed`: the fastest where there are matrix units
    for it."""
    if not bfloat16_is_native(device):
        return 0.5
    has_units = device.type == "cuda" or torch.cpu._is_amx_tile_supported()
    return 4.0 if has_units else 2.0


def prepare(model: Any) -> None:
    """As :meth:`qgen.model.runtime.linear.Backend.prepare`."""
    model.bfloat16()
    if can_be_packed(model.device):
        replace_linears(model, PackedLinear)


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
        """``[..., inputs]`` to ``[..., outputs]``, bfloat16 both; see
        :class:`qgen.model.runtime.fused.LinearKind`."""
        product: Any = torch.ops.mkldnn._linear_pointwise
        if added is not None and not self.gelu:  # in the same pass, before they are rounded
            return product.binary(inputs, added, self.packed, self.bias, "add")
        after, algorithm = ("gelu", "none") if self.gelu else ("none", "")
        outputs = product(inputs, self.packed, self.bias, after, [], algorithm)
        return outputs if added is None else outputs + added

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles, which cannot hold packed weights."""
        return self.__dict__ | {"packed": self.packed.to_dense()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.packed = torch.ops.mkldnn._reorder_linear_weight(self.packed, None)

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}weight"] = self.packed.to_dense()
