"""Products of 8-bit integers on CPUs of the x86 family, by oneDNN.

These are the operators that ``torch.compile`` lowers quantized models to; PyTorch's quantized
tensors, and the operators on them, are deprecated, and torchao's int8 is slower
(``docs/performance.md``).
"""

from __future__ import annotations

import platform
from typing import Any

import torch
from torch import Tensor, nn

from qgen.model.runtime.fused import replace_linears

DTYPE = "int8"

LEVELS = 127 if torch.cpu._is_vnni_supported() else 63
"""Activations are rounded to whole numbers from minus this to this.  The kernels for processors
without VNNI add two products of an unsigned and a signed byte in 16 bits, which two of
255 * 127 overflow and two of 127 * 127 do not (oneDNN, "Nuances of int8 computations")."""

ZERO = LEVELS + 1
"""The unsigned byte that stands for 0, so that all of them are from 1 to ``2 * LEVELS + 1``."""


def problem(device: torch.device) -> str | None:
    """As :meth:`qgen.model.runtime.linear.Backend.problem`."""
    if not _can_have_kernels(device):
        where = f"this {platform.machine()} processor" if device.type == "cpu" else device.type
        return f"there are no int8 kernels for {where}"
    onednn = torch.ops.onednn
    if not torch.backends.mkldnn.is_available() or not all(
        hasattr(onednn, name) for name in ("qlinear_prepack", "qlinear_pointwise")
    ):
        return f"PyTorch {torch.__version__} has no int8 kernels"
    return None


def speed(device: torch.device) -> float:
    """As :meth:`qgen.model.runtime.linear.Backend.speed`."""
    return 3.0 if _can_have_kernels(device) else 0.0


def prepare(model: Any) -> None:
    """As :meth:`qgen.model.runtime.linear.Backend.prepare`."""
    replace_linears(model, Int8Linear)


def _can_have_kernels(device: torch.device) -> bool:
    return (
        device.type == "cpu"
        and platform.machine().lower() in {"x86_64", "amd64"}
        and torch.cpu._is_avx2_supported()
    )


class Int8Linear(nn.Module):
    """``nn.Linear`` with 8-bit weights, a scale per output, and activations of 8 bits (7 without
    VNNI), a scale per row.

    A scale per row, and not one for all of them as the kernel has it, so that what comes of a row
    does not depend on the others in its batch.

    Args:
        weight: ``[outputs, inputs]``, float32.
        bias: ``[outputs]``, float32.
        gelu: whether that is applied to the outputs.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, gelu: bool = False):
        super().__init__()
        self.gelu = gelu
        weight = weight.detach()
        self.scales = weight.abs().amax(1).clamp_min(1e-12) / 127
        rounded = (weight / self.scales[:, None]).round_().to(torch.int8)
        # Not a buffer: ``to`` and ``state_dict`` know nothing of oneDNN's layouts.
        self.packed = torch.ops.onednn.qlinear_prepack(rounded, None)
        self.zeros = torch.zeros(len(weight), dtype=torch.long)
        self.bias = None if bias is None else bias.detach()
        self.product: Any = torch.ops.onednn.qlinear_pointwise.default

    def forward(self, inputs: Tensor, added: Tensor | None = None) -> Tensor:
        """``[..., inputs]`` to ``[..., outputs]``, float32 both; see
        :class:`qgen.model.runtime.fused.LinearKind`."""
        # A row of nothing has a step of 0, and so has what comes of it, whatever the product is.
        steps = inputs.abs().amax(-1, keepdim=True).mul_(1 / LEVELS)
        # The kernels for unsigned numbers are the fast ones, and the conversion to signed ones is.
        signed = (inputs / steps).round_().to(torch.int8)
        outputs = self.product(
            signed.view(torch.uint8).add_(ZERO), 1.0, ZERO, self.packed, self.scales,
            self.zeros, None, 1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip
        outputs = outputs.mul_(steps)
        outputs = outputs if self.bias is None else outputs.add_(self.bias)
        outputs = nn.functional.gelu(outputs) if self.gelu else outputs
        return outputs if added is None else outputs.add_(added)

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles, which cannot hold packed weights."""
        state = self.__dict__ | {"packed": self.packed.to_dense().t().contiguous()}
        del state["product"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.packed = torch.ops.onednn.qlinear_prepack(self.packed, None)
        self.product = torch.ops.onednn.qlinear_pointwise.default

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}weight"] = self.packed.to_dense().t()
        destination[f"{prefix}scales"] = self.scales
        if self.bias is not None:
            destination[f"{prefix}bias"] = self.bias
