"""Products in float32, as PyTorch has them."""

from __future__ import annotations

from typing import Any

import torch

DTYPE = "float32"


def problem(device: torch.device) -> str | None:
    """As :meth:`qgen.model.runtime.linear.Backend.problem`: there is none anywhere."""
    return None


def speed(device: torch.device) -> float:
    """As :meth:`qgen.model.runtime.linear.Backend.speed`."""
    return 1.0


def prepare(model: Any) -> None:
    """As :meth:`qgen.model.runtime.linear.Backend.prepare`: it is loaded so."""
