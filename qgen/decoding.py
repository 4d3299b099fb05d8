"""Beam search and sampling with UniLM's ``[MASK]`` step, with an exact key/value cache.

At step ``t`` the model reads the target tokens so far plus one ``[MASK]`` and predicts the token
that stands there.  Source keys and values never change, because source positions do not see the
target; nor do those of a chosen target token, because it sees only what is before it.  So each
step runs two tokens per beam - the token just chosen, whose keys and values are kept, and a
``[MASK]``, whose keys and values the next step overwrites.

Beams are laid side by side as queries of *one* sequence rather than as rows of the batch: all
beams of an input share one copy of its source keys, and a beam that changes parent changes only
which target keys its attention mask shows it.  Nothing in the cache is ever copied or reordered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from qgen.errors import QGenError
from qgen.masks import source_layout
from qgen.settings import GenerationSettings

if TYPE_CHECKING:
    from qgen.modeling import UniLMForConditionalGeneration


@dataclass(frozen=True)
class Generation:
    """Decoded sequences, best first.

    Attributes:
        sequences: ``[batch, n, length]`` token ids ending in ``[SEP]``, padded on the right.
        scores: ``[batch, n]`` log-probability divided by ``length ** length_penalty``.
    """

    sequences: Tensor
    scores: Tensor


class BeamCache:
    """Keys and values of the source, then of ``width`` beams at each step.

    Layout along the key axis: ``source_length`` source slots, then one group of ``width`` slots
    per step.  Each :meth:`update` writes at ``offset``; :meth:`advance` decides how much of what
    was written stays.

    The ``transformers`` attention layers need only the two methods of its ``Cache`` interface
    that are here.
    """

    def __init__(self, capacity: int):
        self.capacity = capacity
        self.offset = 0
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Key slots in use."""
        return self.offset

    def update(self, keys: Tensor, values: Tensor, layer_idx: int, *args, **kwargs):
        """Write ``[batch, heads, new, head_dim]`` at ``offset``; return all up to its end."""
        if layer_idx not in self.layers:
            shape = (*keys.shape[:2], self.capacity, keys.shape[3])
            self.layers[layer_idx] = (keys.new_empty(shape), values.new_empty(shape))
        end = self.offset + keys.shape[2]
        stored = self.layers[layer_idx]
        for buffer, new in zip(stored, (keys, values)):
            buffer[:, :, self.offset : end] = new
        return stored[0][:, :, :end], stored[1][:, :, :end]

    def advance(self, slots: int) -> None:
        """Keep the first ``slots`` of the slots last written."""
        self.offset += slots

    def select(self, rows: Tensor) -> None:
        """Keep only the given batch rows."""
        self.layers = {i: (k[rows], v[rows]) for i, (k, v) in self.layers.items()}


class CachedDecoder:
    """Next-token logits, two tokens per beam and step."""

    def __init__(self, model: UniLMForConditionalGeneration, input_ids, source_mask, width, steps):
        self.model = model
        self.width = width
        self.source_mask = source_mask.bool()
        self.lengths = self.source_mask.sum(1)
        batch, source_length = input_ids.shape
        self.cache = BeamCache(source_length + (steps + 1) * width)
        self.eye = torch.eye(width, dtype=torch.bool, device=input_ids.device)
        # ancestors[b, k, s]: the slot that holds, at step s, the token of beam k.
        self.ancestors = torch.empty(batch, width, 0, dtype=torch.long, device=input_ids.device)
        model.encode(input_ids, *source_layout(self.source_mask), self.cache)
        self.cache.advance(source_length)

    def logits(self, sequences: Tensor, parents: Tensor | None) -> Tensor:
        """Logits ``[batch, width, vocabulary]`` of the token after ``sequences``.

        Args:
            sequences: ``[batch, width, t]`` tokens so far.
            parents: ``[batch, width]``, the beam of the previous step each beam extends;
                ``None`` at the first step.
        """
        batch, width, step = sequences.shape
        masks = sequences.new_full((batch, width), self.model.config.mask_token_id)
        own = self.eye.expand(batch, -1, -1)
        if parents is None:
            tokens, position = masks, self.lengths[:, None].expand(-1, width)
            target_mask = own
        else:
            tokens = torch.cat([sequences[:, :, -1], masks], dim=1)
            position = (self.lengths + step)[:, None].expand(-1, width)
            position = torch.cat([position - 1, position], dim=1)
            history = self.ancestors.gather(1, parents[:, :, None].expand(-1, -1, step - 1))
            slots = torch.arange(width, device=tokens.device).expand(batch, width)
            self.ancestors = torch.cat([history, slots[:, :, None]], dim=2)
            # One group of `width` keys per earlier step, seen through the ancestors, ...
            seen = torch.nn.functional.one_hot(self.ancestors, width).bool().flatten(2)
            # ... then the [MASK] group: the token just chosen cannot see it, its own [MASK] can.
            target_mask = torch.cat(
                [torch.cat([seen, torch.zeros_like(own)], 2), torch.cat([seen, own], 2)], dim=1
            )
        source = self.source_mask[:, None, :].expand(-1, tokens.shape[1], -1)
        hidden = self.model.encode(
            tokens,
            torch.ones_like(tokens),
            position,
            torch.cat([source, target_mask], dim=2),
            self.cache,
        )
        self.cache.advance(tokens.shape[1] - width)  # the [MASK] slots are written over
        return self.model.lm_head(hidden[:, -width:])

    def select(self, rows: Tensor) -> None:
        """Keep only the given batch rows."""
        self.cache.select(rows)
        self.source_mask, self.lengths = self.source_mask[rows], self.lengths[rows]
        self.ancestors = self.ancestors[rows]


class UncachedDecoder:
    """Next-token logits by running source, tokens so far and ``[MASK]`` anew at every step."""

    def __init__(self, model: UniLMForConditionalGeneration, input_ids, source_mask, width, steps):
        self.model, self.input_ids, self.source_mask = model, input_ids, source_mask

    def logits(self, sequences: Tensor, parents: Tensor | None) -> Tensor:
        """As :meth:`CachedDecoder.logits`."""
        batch, width, _ = sequences.shape
        masks = sequences.new_full((batch * width, 1), self.model.config.mask_token_id)
        hidden = self.model.decode_hidden(
            self.input_ids.repeat_interleave(width, 0),
            self.source_mask.repeat_interleave(width, 0),
            torch.cat([sequences.flatten(0, 1), masks], dim=1),
        )
        return self.model.lm_head(hidden[:, -1]).view(batch, width, -1)

    def select(self, rows: Tensor) -> None:
        """Keep only the given batch rows."""
        self.input_ids, self.source_mask = self.input_ids[rows], self.source_mask[rows]


def generate(
    model: UniLMForConditionalGeneration,
    input_ids: Tensor,
    source_mask: Tensor,
    settings: GenerationSettings | None = None,
    **overrides,
) -> Generation:
    """Decode the targets of a batch of sources.

    Args:
        model: the model, in ``eval`` mode (dropout is otherwise part of the result).
        input_ids: ``[batch, source_length]`` token ids, padded on the right.
        source_mask: ``[batch, source_length]``, nonzero at real tokens.
        settings: how to decode; ``overrides`` replace single fields of it.

    Returns:
        The ``num_return_sequences`` best of each input.

    Raises:
        QGenError: a setting is out of range, or source and target do not fit the model.
    """
    settings = replace(settings or GenerationSettings(), **overrides)
    if input_ids.shape[1] + settings.max_length > model.max_positions:
        raise QGenError(
            f"a source of {input_ids.shape[1]} and a target of {settings.max_length} tokens do not "
            f"fit the model's {model.max_positions} positions"
        )
    search = _sample if settings.do_sample else _beam_search
    with torch.inference_mode():
        return search(model, input_ids, source_mask, settings)


def _decoder(model, input_ids, source_mask, width, settings):
    kind = CachedDecoder if settings.use_cache else UncachedDecoder
    return kind(model, input_ids, source_mask, width, settings.max_length)


def _log_probabilities(model, logits: Tensor, sequences: Tensor, settings: GenerationSettings):
    """The model's log-probabilities, minus infinity for what may not be generated next."""
    config, step = model.config, sequences.shape[2]
    steps = torch.log_softmax(logits.float(), dim=-1)
    never = [config.pad_token_id, config.bos_token_id, config.mask_token_id, config.unk_token_id]
    steps[..., never] = -torch.inf
    if step < settings.min_length:
        steps[..., config.eos_token_id] = -torch.inf
    if step == settings.max_length - 1:  # no room for more: the sequence must end here
        vocabulary = torch.arange(steps.shape[2], device=steps.device)
        return steps.masked_fill(vocabulary != config.eos_token_id, -torch.inf)
    _block_repeated_ngrams(steps, sequences, settings.no_repeat_ngram_size)
    return steps


def _block_repeated_ngrams(steps: Tensor, sequences: Tensor, size: int) -> None:
    """Set to minus infinity, in place, the tokens that would repeat an n-gram of ``size``."""
    if size == 0 or sequences.shape[2] < size:
        return
    ngrams = sequences.unfold(2, size, 1)  # [batch, width, windows, size]
    prefix = sequences[:, :, sequences.shape[2] - size + 1 :]
    repeats = (ngrams[..., :-1] == prefix[:, :, None]).all(-1)
    banned = torch.zeros_like(steps, dtype=torch.int)
    banned.scatter_add_(2, ngrams[..., -1], repeats.int())
    steps.masked_fill_(banned > 0, -torch.inf)


def _beam_search(model, input_ids, source_mask, settings: GenerationSettings) -> Generation:
    batch, width, device = len(input_ids), settings.num_beams, input_ids.device
    eos, pad, last = model.config.eos_token_id, model.config.pad_token_id, settings.max_length
    decoder = _decoder(model, input_ids, source_mask, width, settings)
    # The finished hypotheses of every input, best first.
    done = torch.full((batch, width, last), pad, dtype=torch.long, device=device)
    done_scores = torch.full((batch, width), -torch.inf, device=device)
    decided = torch.zeros(batch, dtype=torch.bool, device=device)
    # The live beams of the inputs still searched, whose batch rows are `rows`.
    rows = torch.arange(batch, device=device)
    live = torch.empty(batch, width, 0, dtype=torch.long, device=device)
    live_scores = torch.full((batch, width), -torch.inf, device=device)
    live_scores[:, 0] = 0.0  # all beams start equal: extend but one
    parents = None
    for step in range(last):
        logits = decoder.logits(live, parents)
        steps = _log_probabilities(model, logits, live, settings)
        vocabulary = steps.shape[2]
        totals, flat = (live_scores[:, :, None] + steps).flatten(1).topk(2 * width, dim=1)
        beams, tokens = flat // vocabulary, flat % vocabulary
        extended = torch.cat(
            [live.gather(1, beams[:, :, None].expand(-1, -1, step)), tokens[:, :, None]], dim=2
        )
        ends = tokens == eos
        # Merge the candidates that end here into the finished ones.  Those below the best `width`
        # could not have stayed in the beam, so they may not finish either.
        ranked = torch.arange(2 * width, device=device) < width
        length = step + 1
        ended_scores = (totals / length**settings.length_penalty).masked_fill(
            ~(ends & ranked) | decided[rows, None], -torch.inf
        )
        ended = torch.nn.functional.pad(extended, (0, last - length), value=pad)
        pool_scores, order = torch.cat([done_scores[rows], ended_scores], 1).topk(width, dim=1)
        pool = torch.cat([done[rows], ended], 1)
        done_scores[rows] = pool_scores
        done[rows] = pool.gather(1, order[:, :, None].expand(-1, -1, last))
        if length == last:
            break
        # The best `width` candidates that do not end are the new live beams.
        live_scores, order = totals.masked_fill(ends, -torch.inf).topk(width, dim=1)
        parents = beams.gather(1, order)
        live = extended.gather(1, order[:, :, None].expand(-1, -1, length))
        # An input is decided once its best live beam - ending at the next token, or, to be exact,
        # at the most favourable length, and at no further cost - cannot beat its worst finished one.
        exact = settings.early_stopping == "never" and settings.length_penalty > 0
        bound = live_scores[:, 0] / (last if exact else length + 1) ** settings.length_penalty
        decided[rows] |= bound <= pool_scores[:, -1]
        open_rows = (~decided[rows]).nonzero().flatten()
        if len(open_rows) == 0:
            break
        if len(open_rows) <= len(rows) // 2:  # repack only when it halves the work
            rows, live, live_scores = rows[open_rows], live[open_rows], live_scores[open_rows]
            parents = parents[open_rows]
            decoder.select(open_rows)
    count = settings.num_return_sequences
    return Generation(_trim(done[:, :count], pad), done_scores[:, :count])


def _sample(model, input_ids, source_mask, settings: GenerationSettings) -> Generation:
    batch, width, device = len(input_ids), settings.num_return_sequences, input_ids.device
    eos, pad = model.config.eos_token_id, model.config.pad_token_id
    generator = torch.Generator(device).manual_seed(settings.seed)
    decoder = _decoder(model, input_ids, source_mask, width, settings)
    sequences = torch.empty(batch, width, 0, dtype=torch.long, device=device)
    totals = torch.zeros(batch, width, device=device)
    lengths = torch.zeros(batch, width, device=device)
    finished = torch.zeros(batch, width, dtype=torch.bool, device=device)
    same = torch.arange(width, device=device).expand(batch, -1)
    for step in range(settings.max_length):
        logits = decoder.logits(sequences, same if step else None)
        steps = _log_probabilities(model, logits, sequences, settings)
        probabilities = _truncate(steps / settings.temperature, settings).softmax(-1)
        tokens = torch.multinomial(probabilities.flatten(0, 1), 1, generator=generator)
        tokens = tokens.view(batch, width).masked_fill(finished, pad)
        chosen = steps.gather(2, tokens[:, :, None]).squeeze(2)
        totals += chosen.masked_fill(finished, 0.0)
        lengths += ~finished
        sequences = torch.cat([sequences, tokens[:, :, None]], dim=2)
        finished |= tokens == eos
        if finished.all():
            break
    scores, order = (totals / lengths**settings.length_penalty).sort(dim=1, descending=True)
    sequences = sequences.gather(1, order[:, :, None].expand_as(sequences))
    return Generation(_trim(sequences, pad), scores)


def _truncate(logits: Tensor, settings: GenerationSettings) -> Tensor:
    """Keep the ``top_k`` best, then the fewest whose mass reaches ``top_p``."""
    ordered, indices = logits.sort(dim=-1, descending=True)
    if settings.top_k:
        ordered[..., settings.top_k :] = -torch.inf
    mass_before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
    ordered = ordered.masked_fill(mass_before >= settings.top_p, -torch.inf)
    return torch.full_like(logits, -torch.inf).scatter(-1, indices, ordered)


def _trim(sequences: Tensor, pad: int) -> Tensor:
    """Drop the trailing positions that are padding in every sequence."""
    return sequences[..., : int(sequences.ne(pad).sum(-1).max())]
