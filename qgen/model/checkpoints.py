"""Checkpoints: the ones that ship, and any other that can be loaded.

A checkpoint is a directory, or a repository on the Hugging Face hub, of ``config.json``,
``model.safetensors``, ``tokenizer.json`` and ``tokenizer_config.json``.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from qgen.errors import QGenError, first_line
from qgen.model.ensemble import Ensemble
from qgen.model.runtime.packed import unpack_all
from qgen.model.tokenizer import Tokenizer
from qgen.model.unilm import Seq2SeqConfig, UniLM

DEFAULT_CHECKPOINT = Path(__file__).parents[1] / "checkpoint"
"""The fine-tuned model that ships with the package."""

WIDE_CHECKPOINT = Path(__file__).parents[1] / "wide_checkpoint"
"""The other one, which is twice as wide and asks together with it."""

GENERATORS: dict[str | Path, tuple[str | Path, ...]] = {
    "fast": (DEFAULT_CHECKPOINT,),
    "best": (DEFAULT_CHECKPOINT, WIDE_CHECKPOINT),
}
"""What ships, by name, and the checkpoints that ask together under it."""

DEFAULT_GENERATOR = "fast"
"""The one of them that asks unless another is wanted."""

UNILM = "unilm-seq2seq"
"""The ``model_type`` of question generators."""

LOADING_ERRORS = (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError)
"""What loading raises for a checkpoint that is missing or corrupt; ``huggingface_hub``'s errors of
requests and of names are among them."""

_NOWHERE = "there is no such folder, and the hub has none either"
_UNREACHED = "there is no such folder, and the hub is not to be reached"


def load_checkpoint(checkpoint: str | Path = DEFAULT_CHECKPOINT) -> tuple[UniLM, Tokenizer]:
    """A question generator, in float32, and its tokenizer.

    Args:
        checkpoint: a directory or a hub name.

    Raises:
        QGenError: there is no such checkpoint, it is corrupt, or it is a plain encoder, whose LM
            head cannot yet ask questions.
    """
    try:
        settings = read_json(checkpoint, "config.json")
        if settings.get("model_type") != UNILM:
            raise QGenError(
                f"{checkpoint} is a plain {settings.get('model_type')} encoder: "
                "fine-tune it with `qgen train`"
            )
        with torch.device("meta"):  # no weights are drawn that would be overwritten
            model = UniLM(Seq2SeqConfig.of(settings))
        tied = {f"mlm.{name}" for name in model.mlm.tied}
        assign_weights(model, read_weights(checkpoint), tied)
        model.mlm.tie_weights()
        model.name_or_path = str(checkpoint)
        return model.eval(), load_tokenizer(checkpoint)
    except QGenError:
        raise
    except LOADING_ERRORS as error:
        raise QGenError(f"cannot load checkpoint {checkpoint}: {first_line(error)}") from error


def load_generator(name: str | Path) -> tuple[UniLM | Ensemble, Tokenizer]:
    """A question generator, in float32, and its tokenizer.

    Args:
        name: one of :data:`GENERATORS`, or a directory (one of such a name as a ``Path``) or a hub
            name.

    Raises:
        QGenError: a checkpoint cannot be loaded (see :func:`load_checkpoint`), or does not read and
            write as the others do.
    """
    places = GENERATORS.get(name, (name,))
    try:
        loaded = [load_checkpoint(place) for place in places]
    except QGenError as error:
        if (
            name not in GENERATORS
            and isinstance(name, str)
            and re.fullmatch(r"\w+", name)
            and not Path(name).exists()
        ):
            known = " or ".join(map(str, GENERATORS))
            raise QGenError(f"{error}; what ships is named {known}") from error
        raise
    models, (tokenizer, *others) = zip(*loaded, strict=True)
    if any(other.get_vocab() != tokenizer.get_vocab() for other in others):
        raise QGenError(f"{name}: the vocabularies of its checkpoints differ")
    return models[0] if len(models) == 1 else Ensemble(models).eval(), tokenizer


def find_file(checkpoint: str | Path, name: str) -> Path | None:
    """A file of a checkpoint, fetched from the hub where it lies there; ``None`` where the
    checkpoint has none.

    Raises:
        OSError: there is no such checkpoint, or the hub is not to be reached.
    """
    check_place(checkpoint)
    if Path(checkpoint).is_dir():
        path = Path(checkpoint) / name
        return path if path.is_file() else None
    from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    if try_to_load_from_cache(str(checkpoint), name) is _CACHED_NO_EXIST:
        return None  # so the hub said when the rest was fetched
    try:
        return Path(hf_hub_download(str(checkpoint), name))
    except (HFValidationError, RepositoryNotFoundError) as error:
        raise FileNotFoundError(_NOWHERE) from error
    except LocalEntryNotFoundError as error:
        raise FileNotFoundError(_UNREACHED) from error
    except EntryNotFoundError:
        return None


def _needed_file(checkpoint: str | Path, name: str) -> Path:
    """As :func:`find_file`, of a file without which there is no checkpoint."""
    path = find_file(checkpoint, name)
    if path is None:
        raise FileNotFoundError(f"there is no {name}")
    return path


def check_place(checkpoint: str | Path) -> None:
    """Have the hub asked only for what can be a name there, ``owner/name``: a folder whose name is
    mistyped is told at once.

    Raises:
        FileNotFoundError: this is no folder, and no such name, or the hub is not to be reached.
    """
    if Path(checkpoint).is_dir():
        return
    owner, _, name = str(checkpoint).partition("/")
    is_name = re.fullmatch(r"[\w.-]+", owner) and re.fullmatch(r"[\w.-]+", name)
    if not is_name or Path(owner).exists():
        raise FileNotFoundError("there is no such folder (on the hub a name is owner/name)")
    _reach_hub(str(checkpoint))


@cache
def _reach_hub(name: str) -> None:
    """Ask the hub once for a checkpoint of which nothing is here yet.

    ``huggingface_hub``'s download asks a hub that does not answer six times more, with pauses of 23
    seconds in all.

    Raises:
        FileNotFoundError: the hub has no such name, or is not to be reached.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        RepositoryNotFoundError,
    )

    try:
        if not isinstance(try_to_load_from_cache(name, "config.json"), str):
            get_hf_file_metadata(hf_hub_url(name, "config.json"))
    except (HFValidationError, RepositoryNotFoundError) as error:
        raise FileNotFoundError(_NOWHERE) from error
    except HfHubHTTPError:
        return  # it answers; what is wrong the download says
    except Exception as error:  # of the HTTP library that this version of the hub's brings
        raise FileNotFoundError(_UNREACHED) from error


def read_json(checkpoint: str | Path, name: str) -> dict[str, Any]:
    """What is in a JSON file of a checkpoint.

    Raises:
        OSError, ValueError: it is missing or not JSON; see :func:`find_file`.
    """
    found = json.loads(_needed_file(checkpoint, name).read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{name} is no JSON object")
    return found


def read_weights(checkpoint: str | Path) -> dict[str, Tensor]:
    """The weights of a checkpoint by name, float32; packed ones are unpacked.

    Raises:
        OSError, ValueError, SafetensorError: they are missing or corrupt; see :func:`find_file`.
    """
    stored = unpack_all(load_file(_needed_file(checkpoint, "model.safetensors")))
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in stored.items()
    }


def assign_weights(model: nn.Module, weights: dict[str, Tensor], tied: set[str]) -> None:
    """Put weights into a model without any.

    Args:
        model: on PyTorch's meta device.
        weights: by name; those that the model does not have are passed over.
        tied: names of parameters that are others, and need not be there.

    Raises:
        ValueError: some are missing.
        RuntimeError: some are of another shape.
    """
    missing = set(model.load_state_dict(weights, strict=False, assign=True).missing_keys) - tied
    if missing:
        raise ValueError(f"there are no weights {min(missing)} (and {len(missing) - 1} others)")


def load_tokenizer(checkpoint: str | Path) -> Tokenizer:
    """The tokenizer of a checkpoint.

    Raises:
        OSError, ValueError: it is missing or corrupt; see :func:`find_file`.
    """
    settings = read_json(checkpoint, "tokenizer_config.json")
    return Tokenizer.from_file(_needed_file(checkpoint, "tokenizer.json"), settings)


def fingerprint(model: Any) -> str:
    """SHA-256 of configuration and weights, of every member of an ensemble.

    Args:
        model: a module whose ``config`` has a ``to_json_string``, or whose ``members`` have one.
    """
    configs = [member.config.to_json_string() for member in getattr(model, "members", [model])]
    digest = hashlib.sha256("".join(configs).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()


def move_to(model: nn.Module, device: str | torch.device | None) -> torch.device:
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
