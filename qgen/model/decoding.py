"""Beam search and sampling with UniLM's ``[MASK]`` step, with an exact key/value cache.

At step ``t`` the model reads the target tokens so far plus one ``[MASK]`` and predicts the token
that stands there.  Source keys and values never change, because source positions do not see the
target; nor do those of a chosen target token, because it sees only what is before it.  So each
step runs two tokens per beam - the token just chosen, whose keys and values are kept, and a
``[MASK]``, whose keys and values the next step overwrites.

Beams are laid side by side as queries of *one* sequence rather than as rows of the batch: all
beams of an input share one copy of its source keys, and a beam that changes parent changes only
which target keys its attention mask shows it.  The cache is never reordered; when an input is done,
another one takes its place.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from qgen.errors import QGenError
from qgen.model.ensemble import Ensemble, mean_probability
from qgen.model.layouts import Layout, seq2seq_layout
from qgen.model.output import Encoded, Output
from qgen.model.unilm import UniLM
from qgen.settings import GenerationSettings

PIECE = 64
"""Values that are looked at together where the largest of many are wanted, which are the same for
any number.  How fast others are is not recorded."""
REPACK_BELOW = 0.9
"""Decoding goes on without the inputs that are done once so few of the rows are still open.  No
measurement of this value is recorded."""


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
    """

    def __init__(self, capacity: int):
        self.capacity = capacity
        self.offset = 0
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}

    def update(self, keys: Tensor, values: Tensor, index: int) -> tuple[Tensor, Tensor]:
        """Write ``[batch, heads, new, head_dim]`` at ``offset``; return all up to its end."""
        if index not in self.layers:
            shape = (*keys.shape[:2], self.capacity, keys.shape[3])
            self.layers[index] = (keys.new_empty(shape), values.new_empty(shape))
        end = self.offset + keys.shape[2]
        stored = self.layers[index]
        for buffer, new in zip(stored, (keys, values), strict=True):
            buffer[:, :, self.offset : end] = new
        return stored[0][:, :, :end], stored[1][:, :, :end]

    def advance(self, slots: int) -> None:
        """Keep the first ``slots`` of the slots last written."""
        self.offset += slots

    def select(self, rows: Tensor) -> None:
        """Keep only the given batch rows, ``[kept]``, in this order; copies those that change their
        place."""
        moved = rows.ne(torch.arange(len(rows), device=rows.device)).nonzero().flatten()
        for buffer in (buffer for pair in self.layers.values() for buffer in pair):
            buffer[moved, :, : self.offset] = buffer[rows[moved], :, : self.offset]
        self.layers = {i: (k[: len(rows)], v[: len(rows)]) for i, (k, v) in self.layers.items()}


class CachedDecoder:
    """Next-token log-probabilities, two tokens per beam and step.

    Args:
        model: the model.
        input_ids: source ``[batch, source_length]``, padded on the right.
        source_mask: ``[batch, source_length]``, nonzero at real tokens.
        settings: how to decode.

    Attributes:
        output: what turns hidden states into distributions.
    """

    def __init__(
        self,
        model: UniLM,
        input_ids: Tensor,
        source_mask: Tensor,
        settings: GenerationSettings,
    ):
        self.model = model
        real, width = source_mask.bool(), settings.width
        self.lengths = real.sum(1)
        source_length = input_ids.shape[1]
        self.cache = BeamCache(source_length + (settings.max_length + 1) * width)
        self.eye = torch.eye(width, dtype=torch.bool, device=input_ids.device)
        # Which of the slots so far a beam sees, [batch, width, slots]: the source's, then, of the
        # group of `width` of each step, that of its own token.
        self.seen = real[:, None].expand(-1, width, -1)
        layout = seq2seq_layout(real, 0)
        self.places = layout.position_ids  # of the slots, [batch, slots]
        source = model.encode(input_ids, layout, self.cache)
        self.output = model.output(Encoded(source, input_ids, real), settings.use_shortlist)
        self.cache.advance(source_length)

    def log_probabilities(self, sequences: Tensor, parents: Tensor | None) -> Tensor:
        """Log-probabilities ``[batch, width, tokens]`` of what may come after ``sequences``; which
        tokens these are says ``output.vocabulary``.

        Args:
            sequences: ``[batch, width, t]`` tokens so far; at the first step, where all beams
                are the same, there may be fewer of them than at the others.
            parents: ``[batch, width]``, the beam of the previous step each beam extends;
                ``None`` at the first step.
        """
        batch, width, step = sequences.shape
        own = self.eye[:width, :width].expand(batch, -1, -1)
        masks = sequences.new_full((batch, width), self.model.config.mask_token_id)
        position_ids = (self.lengths + step)[:, None].expand(-1, width)
        if parents is None:
            tokens, mask = masks, torch.cat([self.seen[:, :width], own], dim=2)
        else:
            tokens = torch.cat([sequences[:, :, -1], masks], dim=1)
            self.places = torch.cat([self.places, position_ids - 1], dim=1)
            position_ids = torch.cat([position_ids - 1, position_ids], dim=1)
            slots = parents[:, :, None].expand(-1, -1, self.seen.shape[2])
            self.seen = torch.cat([self.seen.gather(1, slots), own], dim=2)
            # Last the [MASK] group: the token just chosen cannot see it, its own [MASK] can.
            mask = torch.nn.functional.pad(self.seen, (0, width)).repeat(1, 2, 1)
            mask[:, width:, -width:] = own
        keys = torch.cat([self.places, position_ids[:, -width:]], dim=1)
        layout = Layout(torch.ones_like(tokens), position_ids, mask, keys)
        hidden = self.model.encode(tokens, layout, self.cache, last=width)
        self.cache.advance(tokens.shape[1] - width)  # the [MASK] slots are written over
        return self.model.log_probabilities(hidden, self.output)

    def select(self, rows: Tensor) -> None:
        """Keep only the given batch rows, ``[kept]``, in this order."""
        self.cache.select(rows)
        self.output = self.output.select(rows)
        self.lengths, self.seen = self.lengths[rows], self.seen[rows]
        self.places = self.places[rows]


class UncachedDecoder:
    """As :class:`CachedDecoder`, by running source, tokens so far and ``[MASK]`` at every step."""

    def __init__(
        self,
        model: UniLM,
        input_ids: Tensor,
        source_mask: Tensor,
        settings: GenerationSettings,
    ):
        self.model, self.input_ids, self.source_mask = model, input_ids, source_mask
        encoded, _ = model.seq2seq_states(input_ids, source_mask, input_ids[:, :0])
        self.output = model.output(encoded, settings.use_shortlist)

    def log_probabilities(self, sequences: Tensor, parents: Tensor | None) -> Tensor:
        """As :meth:`CachedDecoder.log_probabilities`."""
        batch, width, _ = sequences.shape
        masks = sequences.new_full((batch * width, 1), self.model.config.mask_token_id)
        input_ids = self.input_ids.repeat_interleave(width, 0)
        source_mask = self.source_mask.repeat_interleave(width, 0)
        _, target = self.model.seq2seq_states(
            input_ids, source_mask, torch.cat([sequences.flatten(0, 1), masks], dim=1)
        )
        return self.model.log_probabilities(target[:, -1].view(batch, width, -1), self.output)

    def select(self, rows: Tensor) -> None:
        """Keep only the given batch rows, ``[kept]``, in this order."""
        self.input_ids, self.source_mask = self.input_ids[rows], self.source_mask[rows]
        self.output = self.output.select(rows)


class EnsembleDecoder:
    """The mean of what the decoders of several models find probable.

    Args:
        decoders: of the same sources, one of each model.

    Attributes:
        output: what the first one's distributions are over; that of the others is the same.
    """

    def __init__(self, decoders: Sequence[CachedDecoder | UncachedDecoder]):
        self.decoders = decoders

    @property
    def output(self) -> Output:
        return self.decoders[0].output

    def log_probabilities(self, sequences: Tensor, parents: Tensor | None) -> Tensor:
        """As :meth:`CachedDecoder.log_probabilities`."""
        return mean_probability(
            [decoder.log_probabilities(sequences, parents) for decoder in self.decoders]
        )

    def select(self, rows: Tensor) -> None:
        """Keep only the given batch rows, ``[kept]``, in this order."""
        for decoder in self.decoders:
            decoder.select(rows)


Decoder = CachedDecoder | UncachedDecoder | EnsembleDecoder


def decode(
    model: UniLM | Ensemble,
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
    kind = CachedDecoder if settings.use_cache else UncachedDecoder
    with torch.inference_mode():
        decoder: Decoder
        if isinstance(model, Ensemble):
            decoder = EnsembleDecoder(
                [kind(member, input_ids, source_mask, settings) for member in model.members]
            )
        else:
            decoder = kind(model, input_ids, source_mask, settings)
        return search(model, decoder, input_ids, settings)


class _Rules:
    """What may be generated next.

    Args:
        columns: ``[vocabulary]``, where each token stands in a distribution; -1 where it does not.
        config: the model's.
        settings: how to decode.
    """

    def __init__(self, columns: Tensor, config: Any, settings: GenerationSettings):
        self.columns, self.settings = columns, settings
        self.end = int(columns[config.eos_token_id])
        ids = [config.pad_token_id, config.bos_token_id, config.mask_token_id, config.unk_token_id]
        # What stands in sources alone, from which it could be copied.
        ids += [*(config.answer_marker_ids or ()), *(config.controls or {}).values()]
        never = columns[ids]
        self.never = never[never >= 0]

    def apply(self, log_probabilities: Tensor, sequences: Tensor) -> Tensor:
        """The log-probabilities, minus infinity for what may not come after the sequences; in
        place."""
        step = sequences.shape[2]
        log_probabilities[..., self.never] = -torch.inf
        if step < self.settings.min_length:
            log_probabilities[..., self.end] = -torch.inf
        if step == self.settings.max_length - 1:  # no room for more: the sequence must end here
            ending = log_probabilities[..., self.end].clone()
            log_probabilities.fill_(-torch.inf)
            log_probabilities[..., self.end] = ending
            return log_probabilities
        size = self.settings.no_repeat_ngram_size
        _block_repeated_ngrams(log_probabilities, sequences, self.columns, size)
        return log_probabilities


def _block_repeated_ngrams(
    log_probabilities: Tensor, sequences: Tensor, columns: Tensor, size: int
) -> None:
    """Set to minus infinity, in place, the tokens that would repeat an n-gram of ``size``."""
    if size == 0 or sequences.shape[2] < size:
        return
    ngrams = sequences.unfold(2, size, 1)  # [batch, width, windows, size]
    prefix = sequences[:, :, sequences.shape[2] - size + 1 :]
    row, beam, window = (ngrams[..., :-1] == prefix[:, :, None]).all(-1).nonzero(as_tuple=True)
    if len(row) == 0:
        return
    log_probabilities[row, beam, columns[ngrams[row, beam, window, -1]]] = -torch.inf


def _beam_search(
    model: UniLM | Ensemble,
    decoder: Decoder,
    input_ids: Tensor,
    settings: GenerationSettings,
) -> Generation:
    """The best hypotheses of each input that a beam search finds.

    Args:
        model: the model.
        decoder: of the inputs; it is used up.
        input_ids: ``[batch, source_length]``.
        settings: how to decode.
    """
    batch, width, device = len(input_ids), settings.width, input_ids.device
    vocabulary = decoder.output.vocabulary
    rules = _Rules(vocabulary.columns, model.config, settings)
    eos, pad, last = model.config.eos_token_id, model.config.pad_token_id, settings.max_length
    # The finished hypotheses of every input, best first.
    done = torch.full((batch, width, last), pad, dtype=torch.long, device=device)
    done_scores = torch.full((batch, width), -torch.inf, device=device)
    # The live beams of the inputs still searched, whose batch rows are `rows`; some of these are
    # decided, but go along until there are enough of them.
    rows = torch.arange(batch, device=device)
    decided = torch.zeros(batch, dtype=torch.bool, device=device)
    # At first all beams would be the same, so there is one.
    live = torch.empty(batch, 1, 0, dtype=torch.long, device=device)
    live_scores = torch.zeros(batch, 1, device=device)
    parents = None
    for step in range(last):
        following = decoder.log_probabilities(live, parents)
        following = rules.apply(following, live)
        totals, flat = _largest(following.add_(live_scores[:, :, None]).flatten(1), 2 * width)
        size = len(vocabulary.ids)
        beams, tokens = flat // size, vocabulary.ids[flat % size]
        extended = torch.cat(
            [live.gather(1, beams[:, :, None].expand(-1, -1, step)), tokens[:, :, None]], dim=2
        )
        ends = tokens == eos
        length = step + 1
        # Merge the candidates that end here into the finished ones.  Those below the best `width`
        # could not have stayed in the beam, so they may not finish either.
        finishing = ends[:, :width] & ~decided[:, None]
        if finishing.any():
            scores = _score(totals[:, :width], length, settings).masked_fill(~finishing, -torch.inf)
            ended = torch.nn.functional.pad(extended[:, :width], (0, last - length), value=pad)
            _finish(done, done_scores, rows, ended, scores)
        if length == last:
            break
        # The best `width` candidates that do not end are the new live beams.
        live_scores, order = _largest(totals.masked_fill(ends, -torch.inf), width)
        parents = beams.gather(1, order)
        live = extended.gather(1, order[:, :, None].expand(-1, -1, length))
        # An input is decided once its best live beam - ending at the next token, or, to be exact,
        # at the best length, and at no further cost - cannot beat its worst finished one.
        exact = settings.early_stopping == "never" and settings.length_penalty > 0
        bound = _score(live_scores[:, 0], last if exact else length + 1, settings)
        decided |= bound <= done_scores[rows, -1]
        if not decided.any():
            continue
        kept = _compacted(~decided)
        if len(kept) == 0:
            break
        if len(kept) <= REPACK_BELOW * len(rows):
            rows, decided, live, live_scores = (
                each[kept] for each in (rows, decided, live, live_scores)
            )
            parents = parents[kept]
            decoder.select(kept)
    count = settings.num_return_sequences
    return Generation(_trim(done[:, :count], pad), done_scores[:, :count])


def _finish(done: Tensor, done_scores: Tensor, rows: Tensor, ended: Tensor, scores: Tensor) -> None:
    """Merge hypotheses that end into the finished ones, in place.

    Args:
        done: ``[batch, width, max_length]``, the finished ones of every input, best first.
        done_scores: ``[batch, width]``.
        rows: ``[searched]``, the inputs that ``ended`` is of.
        ended: ``[searched, width, max_length]``.
        scores: ``[searched, width]``; minus infinity for those that do not count.
    """
    best, order = torch.cat([done_scores[rows], scores], 1).topk(done.shape[1], dim=1)
    pool = torch.cat([done[rows], ended], 1)
    done_scores[rows] = best
    done[rows] = pool.gather(1, order[:, :, None].expand(-1, -1, done.shape[2]))


def _largest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """As ``values.topk(count, dim=1)``, or all of them where there are fewer, in two steps: the
    largest are in the pieces whose largest are largest, and finding these takes one look at each
    value."""
    size = values.shape[1]
    count = min(count, size)
    whole = size - size % PIECE
    if whole < 2 * count * PIECE:
        return values.topk(count, dim=1)
    pieces = values[:, :whole].unflatten(1, (-1, PIECE)).amax(2).topk(count, dim=1).indices
    within = torch.arange(PIECE, device=values.device)
    places = (pieces[:, :, None] * PIECE + within).flatten(1)
    rest = torch.arange(whole, size, device=values.device).expand(len(values), -1)
    places = torch.cat([places, rest], dim=1)
    found, order = values.gather(1, places).topk(count, dim=1)
    return found, places.gather(1, order)


def _compacted(open_rows: Tensor) -> Tensor:
    """The numbers of the rows that are open, ordered so that few of them change their place: the
    last ones move into the gaps."""
    count = int(open_rows.sum())
    order = torch.arange(count, device=open_rows.device)
    order[~open_rows[:count]] = open_rows[count:].nonzero().flatten() + count
    return order


def _score(totals: Tensor, length, settings: GenerationSettings) -> Tensor:
    """What hypotheses are ranked by: their log-probability, set right for their length."""
    return totals / length**settings.length_penalty


def _sample(
    model: UniLM | Ensemble,
    decoder: Decoder,
    input_ids: Tensor,
    settings: GenerationSettings,
) -> Generation:
    """Sequences drawn for each input, best first.

    Args:
        model, decoder, input_ids, settings: as of :func:`_beam_search`.
    """
    batch, width, device = len(input_ids), settings.width, input_ids.device
    eos, pad = model.config.eos_token_id, model.config.pad_token_id
    vocabulary = decoder.output.vocabulary
    rules = _Rules(vocabulary.columns, model.config, settings)
    draws = _draws(input_ids, pad, settings)
    sequences = torch.empty(batch, width, 0, dtype=torch.long, device=device)
    totals = torch.zeros(batch, width, device=device)
    lengths = torch.zeros(batch, width, device=device)
    finished = torch.zeros(batch, width, dtype=torch.bool, device=device)
    same = torch.arange(width, device=device).expand(batch, -1)
    for step in range(settings.max_length):
        following = decoder.log_probabilities(sequences, same if step else None)
        following = rules.apply(following, sequences)
        logits, order = _truncate(following / settings.temperature, settings)
        mass = logits.softmax(-1).cumsum(-1)
        # The token in whose share of the mass the draw falls; the last one has rounding errors.
        place = torch.searchsorted(mass, draws[:, :, step, None] * mass[..., -1:], right=True)
        chosen = order.gather(2, place.clamp_max(order.shape[2] - 1))
        tokens = vocabulary.ids[chosen.squeeze(2)].masked_fill(finished, pad)
        totals += following.gather(2, chosen).squeeze(2).masked_fill(finished, 0.0)
        lengths += ~finished
        sequences = torch.cat([sequences, tokens[:, :, None]], dim=2)
        finished |= tokens == eos
        if finished.all():
            break
    scores, order = _score(totals, lengths, settings).sort(dim=1, descending=True)
    sequences = sequences.gather(1, order[:, :, None].expand_as(sequences))
    return Generation(_trim(sequences, pad), scores)


def _draws(input_ids: Tensor, pad: int, settings: GenerationSettings) -> Tensor:
    """Uniform random numbers ``[batch, width, max_length]`` that depend on each source alone.

    So a request and a seed give the same question whatever else is in the batch.
    """
    rows = []
    for row in input_ids.tolist():
        while row and row[-1] == pad:
            row.pop()
        generator = torch.Generator().manual_seed(settings.seed ^ zlib.crc32(str(row).encode()))
        rows.append(torch.rand(settings.width, settings.max_length, generator=generator))
    return torch.stack(rows).to(input_ids.device)


def _truncate(logits: Tensor, settings: GenerationSettings) -> tuple[Tensor, Tensor]:
    """The logits in falling order, minus infinity below ``top_k`` and ``top_p``, and the order."""
    ordered, indices = logits.sort(dim=-1, descending=True)
    if settings.top_k:
        ordered[..., settings.top_k :] = -torch.inf
    probabilities = ordered.softmax(-1)
    mass_before = probabilities.cumsum(-1) - probabilities
    return ordered.masked_fill(mass_before >= settings.top_p, -torch.inf), indices


def _trim(sequences: Tensor, pad: int) -> Tensor:
    """Drop the trailing positions that are padding in every sequence."""
    return sequences[..., : int(sequences.ne(pad).sum(-1).max())]
