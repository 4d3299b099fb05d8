"""A ``tokenizer.json`` and what ``tokenizer_config.json`` says of it, without ``transformers``.

The methods are the few of that library's tokenizers that this package calls, under their names, so
that training can use those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tokenizers import Tokenizer as Backend

NO_LIMIT = 10**30
"""``model_max_length`` where a checkpoint does not say."""


class AnyTokenizer(Protocol):
    """What is asked of a tokenizer: :class:`Tokenizer`, or one of ``transformers``."""

    model_max_length: Any
    cls_token_id: Any
    sep_token_id: Any
    pad_token_id: Any

    def __call__(
        self,
        text: Any,
        *,
        add_special_tokens: bool = True,
        return_offsets_mapping: bool = False,
        verbose: bool = True,
    ) -> Any: ...

    def num_special_tokens_to_add(self, pair: bool = False) -> int: ...

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any: ...


class Tokenizer:
    """Texts to token ids and back.

    Args:
        backend: what does it.
        settings: the content of ``tokenizer_config.json``.

    Attributes:
        model_max_length: tokens that the model was made for.
        cls_token_id, sep_token_id, pad_token_id, mask_token_id, unk_token_id: of the special
            tokens; ``None`` where there is no such one.
    """

    def __init__(self, backend: Backend, settings: Mapping[str, Any]):
        backend.no_truncation()
        backend.no_padding()
        self.backend = backend
        self.model_max_length = int(settings.get("model_max_length") or NO_LIMIT)
        self.cls_token_id, self.sep_token_id, self.pad_token_id = (
            self._special(settings, name) for name in ("cls", "sep", "pad")
        )
        self.mask_token_id, self.unk_token_id = (
            self._special(settings, name) for name in ("mask", "unk")
        )
        added = backend.get_added_tokens_decoder()
        self._skipped = {i for i, token in added.items() if token.special}

    @classmethod
    def from_file(cls, path: str | Path, settings: Mapping[str, Any]) -> Tokenizer:
        """From a ``tokenizer.json``.

        Raises:
            ValueError: it is not one.
        """
        try:
            return cls(Backend.from_file(str(path)), settings)
        except Exception as error:  # the library raises no narrower one
            raise ValueError(f"{path} is no tokenizer: {error}") from error

    def _special(self, settings: Mapping[str, Any], name: str) -> int | None:
        token = settings.get(f"{name}_token")
        if isinstance(token, Mapping):
            token = token.get("content")
        return None if token is None else self.backend.token_to_id(token)

    def __call__(
        self,
        text: str | Sequence[str],
        add_special_tokens: bool = True,
        return_offsets_mapping: bool = False,
        verbose: bool = True,
    ) -> dict[str, Any]:
        """Token ids.

        Args:
            text: one, or a list of them.
            add_special_tokens: put ``[CLS]`` before and ``[SEP]`` behind.
            return_offsets_mapping: say where each token begins and ends in its text, too.
            verbose: of no effect; ``transformers`` warns of long texts without it.

        Returns:
            ``input_ids`` and, where asked for, ``offset_mapping``: of the text, or a list of each.
        """
        many = not isinstance(text, str)
        texts = list(text) if many else [text]
        encoded = self.backend.encode_batch(texts, add_special_tokens=add_special_tokens)
        found: dict[str, list] = {"input_ids": [each.ids for each in encoded]}
        if return_offsets_mapping:
            found["offset_mapping"] = [each.offsets for each in encoded]
        return found if many else {name: values[0] for name, values in found.items()}

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """Special tokens round a text, or round and between two."""
        return self.backend.num_special_tokens_to_add(pair)

    def convert_ids_to_tokens(
        self, ids: Sequence[int], skip_special_tokens: bool = False
    ) -> list[str]:
        """The pieces of words that ids stand for."""
        skipped = self._skipped if skip_special_tokens else frozenset()
        return [self.backend.id_to_token(int(i)) or "" for i in ids if int(i) not in skipped]

    def get_vocab(self) -> dict[str, int]:
        """All pieces and their ids."""
        return self.backend.get_vocab()
