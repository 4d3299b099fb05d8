"""Checkpoints: the one that ships, and any other that can be loaded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from qgen.errors import QGenError, first_line
from qgen.model.unilm import UniLMConfig, UniLMForConditionalGeneration

DEFAULT_CHECKPOINT = Path(__file__).parents[1] / "checkpoint"
"""The fine-tuned model that ships with the package."""

LOADING_ERRORS = (
    OSError,
    ValueError,
    KeyError,
    RuntimeError,
    TypeError,
    SafetensorError,
    HfHubHTTPError,
    HFValidationError,
    json.JSONDecodeError,
)
"""What ``from_pretrained`` raises for a checkpoint that is missing or corrupt."""


def load_checkpoint(
    checkpoint: str | Path = DEFAULT_CHECKPOINT, fine_tuned: bool = False, **kwargs
) -> tuple[UniLMForConditionalGeneration, PreTrainedTokenizerBase]:
    """A model and its tokenizer, from a directory or a hub name.

    Args:
        checkpoint: one of this package's checkpoints, or any BERT/MiniLM/RoBERTa encoder.
        fine_tuned: refuse a plain encoder, whose LM head cannot yet ask questions.
        kwargs: passed to ``from_pretrained`` (``dtype`` is float32 unless given).

    Raises:
        QGenError: there is no such checkpoint, or it is corrupt.
    """
    try:
        config = AutoConfig.from_pretrained(checkpoint)
        if fine_tuned and not isinstance(config, UniLMConfig):
            raise QGenError(
                f"{checkpoint} is a plain {config.model_type} encoder: "
                "fine-tune it with `qgen train`"
            )
        kwargs.setdefault("dtype", torch.float32)
        model = UniLMForConditionalGeneration.from_pretrained(checkpoint, **kwargs)
        return model, AutoTokenizer.from_pretrained(checkpoint)
    except QGenError:
        raise
    except LOADING_ERRORS as error:
        raise QGenError(f"cannot load checkpoint {checkpoint}: {first_line(error)}") from error


def fingerprint(model: PreTrainedModel) -> str:
    """SHA-256 of a model's configuration and weights."""
    digest = hashlib.sha256(model.config.to_json_string(use_diff=True).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()


def move_to(model: torch.nn.Module, device: str | torch.device | None) -> torch.device:
    """Move a model to a device, by default a GPU where there is one, and say which.

    Raises:
        QGenError: there is no such device.
    """
    try:
        found = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        model.to(found)
    except (RuntimeError, AssertionError) as error:
        raise QGenError(f"cannot use device {str(device)!r}: {first_line(error)}") from error
    return found
