"""Beam search and sampling: exact under the cache, and against searches written out."""

import copy
import itertools

import pytest
import torch

from qgen.errors import QGenError
from qgen.model.decoding import decode
from qgen.settings import GenerationSettings

MODELS = ["bert_model", "roberta_model", "mpnet_model", "copying_model", "shortlisted_model"]


def sources(model, lengths=(9, 4, 6)):
    """Random sources of several lengths, padded, with their mask."""
    generator = torch.Generator().manual_seed(0)
    config, longest = model.config, max(lengths)
    ids = torch.randint(10, 80, (len(lengths), longest), generator=generator)
    mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
    ids[:, 0] = config.bos_token_id
    ids[torch.arange(len(lengths)), torch.tensor(lengths) - 1] = config.eos_token_id
    return ids.masked_fill(~mask, config.pad_token_id), mask


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "options",
    [
        {"num_beams": 1},
        {"num_beams": 5, "num_return_sequences": 5},
        {"num_beams": 5, "num_return_sequences": 5, "early_stopping": "never"},
        {"num_beams": 4, "num_return_sequences": 4, "length_penalty": 0.0},
        {"num_beams": 4, "length_penalty": 2.0, "no_repeat_ngram_size": 2, "min_length": 6},
        {"do_sample": True, "num_return_sequences": 4, "top_k": 20, "top_p": 0.9, "seed": 4},
    ],
)
def test_cached_decode_equals_uncached(name, options, request):
    model = request.getfixturevalue(name)
    ids, mask = sources(model)
    cached = decode(model, ids, mask, max_length=20, **options)
    uncached = decode(model, ids, mask, max_length=20, use_cache=False, **options)
    assert torch.equal(cached.sequences, uncached.sequences)
    torch.testing.assert_close(cached.scores, uncached.scores, atol=1e-4, rtol=0)


def test_a_shortlist_is_all_that_is_chosen_from_beside_the_source(shortlisted_model):
    ids, mask = sources(shortlisted_model)
    allowed = set(shortlisted_model.shortlist.tolist())
    outside = {True: 0, False: 0}
    for used in outside:
        found = decode(shortlisted_model, ids, mask, max_length=20, use_shortlist=used)
        for row, sequence in zip(ids.tolist(), found.sequences.tolist(), strict=True):
            outside[used] += len({t for t in sequence[0] if t} - allowed - set(row))
    assert outside[True] == 0 < outside[False]


@pytest.mark.parametrize("name", MODELS)
def test_batch_equals_one_at_a_time(name, request):
    model = request.getfixturevalue(name)
    ids, mask = sources(model)
    together = decode(model, ids, mask, num_return_sequences=3, max_length=12)
    for row in range(len(ids)):
        length = int(mask[row].sum())
        alone = decode(
            model, ids[row : row + 1, :length], mask[row : row + 1, :length],
            num_return_sequences=3, max_length=12,
        )  # fmt: skip
        width = alone.sequences.shape[2]
        assert torch.equal(together.sequences[row, :, :width], alone.sequences[0])
        assert together.sequences[row, :, width:].eq(model.config.pad_token_id).all()
        torch.testing.assert_close(together.scores[row], alone.scores[0], atol=1e-4, rtol=0)


def log_probability(model, ids, sequence):
    """log P of a sequence by one full forward pass per token."""
    total = 0.0
    for step, token in enumerate(sequence):
        target = torch.tensor([[*sequence[:step], model.config.mask_token_id]])
        with torch.no_grad():
            logits = model(ids, target).logits[0, -1]
        total += torch.log_softmax(logits, 0)[token].item()
    return total


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_wide_beam_finds_the_best_of_all_sequences(bert_model, alpha):
    """A beam as wide as the search space is exhaustive search."""
    model, config = bert_model, bert_model.config
    ids, mask = sources(model, lengths=(5,))
    vocabulary = list(range(config.backbone.vocab_size))
    never = {config.pad_token_id, config.bos_token_id, config.mask_token_id, config.unk_token_id}
    words = [t for t in vocabulary if t not in never and t != config.eos_token_id]
    width = len(words) + 1
    found = decode(
        model, ids, mask, num_beams=width, max_length=2, min_length=0, length_penalty=alpha
    )
    end = [config.eos_token_id]
    everything = [end, *([word, *end] for word in words)]
    scores = [log_probability(model, ids, s) / len(s) ** alpha for s in everything]
    best = max(range(len(scores)), key=scores.__getitem__)
    length = len(everything[best])
    assert found.sequences[0, 0, :length].tolist() == everything[best]
    assert found.scores[0, 0].item() == pytest.approx(scores[best], abs=1e-4)


def test_scores_are_the_models_log_probabilities(bert_model):
    ids, mask = sources(bert_model, lengths=(6,))
    for options in ({"num_beams": 3}, {"do_sample": True, "seed": 1}):
        result = decode(bert_model, ids, mask, max_length=8, length_penalty=0.7, **options)
        end = bert_model.config.eos_token_id
        sequence = result.sequences[0, 0].tolist()
        sequence = sequence[: sequence.index(end) + 1]
        expected = log_probability(bert_model, ids, sequence) / len(sequence) ** 0.7
        assert result.scores[0, 0].item() == pytest.approx(expected, abs=1e-4)


def test_greedy_takes_the_best_token_each_time(bert_model):
    ids, mask = sources(bert_model, lengths=(6,))
    result = decode(
        bert_model, ids, mask, num_beams=1, max_length=6, min_length=5, no_repeat_ngram_size=0
    )
    config, sequence = bert_model.config, []
    never = [config.pad_token_id, config.bos_token_id, config.mask_token_id, config.unk_token_id]
    for _ in range(5):
        with torch.no_grad():
            logits = bert_model(ids, torch.tensor([[*sequence, config.mask_token_id]])).logits
        logits[..., [*never, config.eos_token_id]] = -torch.inf
        sequence.append(int(logits[0, -1].argmax()))
    assert result.sequences[0, 0].tolist() == [*sequence, config.eos_token_id]


def test_lengths_are_kept(bert_model):
    ids, mask = sources(bert_model)
    result = decode(bert_model, ids, mask, num_return_sequences=5, min_length=7, max_length=9)
    ends = result.sequences.eq(bert_model.config.eos_token_id)
    assert ends.sum(-1).eq(1).all()
    first_end = ends.int().argmax(-1)
    assert first_end.ge(7).all() and first_end.le(8).all()


def test_an_input_that_stopped_early_is_left_alone(bert_model):
    """The rest of its batch goes on; what it found by then stands."""
    model = copy.deepcopy(bert_model)
    model.get_output_embeddings().bias.data[model.config.eos_token_id] += 10  # ends soon
    ids, mask = sources(model, lengths=range(3, 15))
    options = {"num_beams": 1, "length_penalty": 2.0, "max_length": 24}
    together = decode(model, ids, mask, **options)
    for row in range(len(ids)):
        alone = decode(model, ids[row : row + 1], mask[row : row + 1], **options)
        torch.testing.assert_close(together.scores[row], alone.scores[0], atol=1e-4, rtol=0)


def test_never_stopping_early_finds_no_worse_and_takes_longer(bert_model, monkeypatch):
    model = copy.deepcopy(bert_model)
    model.get_output_embeddings().bias.data[model.config.eos_token_id] += 12  # ends soon
    ids, mask = sources(model, lengths=range(3, 15))
    steps = []
    encode = model.encode
    monkeypatch.setattr(model, "encode", lambda *a, **k: steps.append(1) or encode(*a, **k))

    def scores(early_stopping):
        steps.clear()
        result = decode(model, ids, mask, max_length=24, early_stopping=early_stopping)
        return result.scores[:, 0], len(steps)

    (soon, few), (late, many) = scores("heuristic"), scores("never")
    assert (late >= soon - 1e-4).all()
    assert many > few


def test_length_penalty_prefers_longer(bert_model):
    model = copy.deepcopy(bert_model)
    model.get_output_embeddings().bias.data[model.config.eos_token_id] += 4  # ends at any length
    ids, mask = sources(model)

    def length(alpha):
        result = decode(model, ids, mask, max_length=16, length_penalty=alpha)
        return result.sequences.ne(model.config.pad_token_id).sum().item()

    assert length(0.0) < length(1.0) < length(3.0)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("do_sample", [False, True])
def test_no_ngram_repeats(bert_model, size, do_sample):
    ids, mask = sources(bert_model)
    common = {"max_length": 24, "min_length": 22, "num_return_sequences": 3, "do_sample": do_sample}
    blocked = decode(bert_model, ids, mask, no_repeat_ngram_size=size, **common)

    def repeats(result):
        for sequence in result.sequences.flatten(0, 1).tolist():
            words = [t for t in sequence if t != bert_model.config.pad_token_id]
            ngrams = list(zip(*(words[i:] for i in range(size)), strict=False))
            if len(ngrams) > len(set(ngrams)):
                return True
        return False

    assert not repeats(blocked)
    if not do_sample:
        unblocked = decode(bert_model, ids, mask, no_repeat_ngram_size=0, **common)
        assert repeats(unblocked), "nothing there to block"


def test_n_best_are_distinct_and_sorted(bert_model):
    ids, mask = sources(bert_model)
    result = decode(bert_model, ids, mask, num_return_sequences=5, max_length=10)
    assert result.scores.diff(dim=1).le(0).all()
    for hypotheses in result.sequences.tolist():
        assert all(a != b for a, b in itertools.combinations(hypotheses, 2))
    best = decode(bert_model, ids, mask, num_return_sequences=1, max_length=10)
    assert torch.equal(best.scores[:, 0], result.scores[:, 0])


def test_never_generates_special_tokens(bert_model):
    ids, mask = sources(bert_model)
    result = decode(bert_model, ids, mask, do_sample=True, num_return_sequences=20, max_length=20)
    config = bert_model.config
    for token in (config.bos_token_id, config.mask_token_id, config.unk_token_id):
        assert not result.sequences.eq(token).any()


def test_never_copies_what_only_sources_have(copying_model):
    """Answer markers, and the tokens of styles and kinds."""
    ids, mask = sources(copying_model)
    model = copy.deepcopy(copying_model)
    model.config.answer_marker_ids, model.config.controls = None, None
    options = {"do_sample": True, "num_return_sequences": 20, "max_length": 20}
    first, second, third = (
        decode(model, ids, mask, **options).sequences[:, :, 0].mode(1)[0].tolist()
    )
    model.config.answer_marker_ids, model.config.controls = [first, second], {"why": third}
    found = decode(model, ids, mask, **options).sequences
    assert not any(found.eq(token).any() for token in (first, second, third))


def test_sampling_is_reproducible_and_seeded(bert_model):
    ids, mask = sources(bert_model)

    def sample(seed):
        return decode(
            bert_model, ids, mask, do_sample=True, seed=seed, num_return_sequences=4, max_length=12
        )

    assert torch.equal(sample(1).sequences, sample(1).sequences)
    assert not torch.equal(sample(1).sequences[..., :2], sample(2).sequences[..., :2])


def test_a_source_and_a_seed_give_the_same_sample_in_any_company(bert_model):
    ids, mask = sources(bert_model)
    options = {"do_sample": True, "seed": 4, "num_return_sequences": 3, "max_length": 12}
    together = decode(bert_model, ids, mask, **options)
    for row in range(len(ids)):
        length = int(mask[row].sum())
        alone = decode(
            bert_model, ids[row : row + 1, :length], mask[row : row + 1, :length], **options
        )
        width = alone.sequences.shape[2]
        assert torch.equal(together.sequences[row, :, :width], alone.sequences[0])


def test_samples_follow_the_distribution(bert_model):
    """The first token's frequencies over many samples are the model's probabilities."""
    ids, mask = sources(bert_model, lengths=(6,))
    result = decode(
        bert_model, ids, mask, do_sample=True, num_return_sequences=4000, max_length=2,
        min_length=0, temperature=1.0, top_p=1.0,
    )  # fmt: skip
    with torch.no_grad():
        logits = bert_model(ids, torch.tensor([[bert_model.config.mask_token_id]])).logits[0, 0]
    config = bert_model.config
    logits[
        [config.pad_token_id, config.bos_token_id, config.mask_token_id, config.unk_token_id]
    ] = -torch.inf
    expected = logits.softmax(0)
    found = torch.bincount(result.sequences[0, :, 0], minlength=len(expected)) / 4000
    torch.testing.assert_close(found, expected, atol=0.03, rtol=0)


@pytest.mark.parametrize("option", [{"top_k": 1}, {"top_p": 1e-6}])
def test_sampling_from_one_token_is_greedy(bert_model, option):
    ids, mask = sources(bert_model)
    sampled = decode(bert_model, ids, mask, do_sample=True, max_length=10, **option)
    greedy = decode(bert_model, ids, mask, num_beams=1, max_length=10)
    assert torch.equal(sampled.sequences, greedy.sequences)


def test_top_k_and_top_p_keep_the_right_tokens():
    from qgen.model.decoding import _truncate

    logits = torch.tensor([[0.1, 0.5, 0.25, 0.15]]).log()

    def kept(**options):
        truncated, order = _truncate(logits, GenerationSettings(do_sample=True, **options))
        return order[truncated.isfinite()].tolist()

    assert kept(top_k=2, top_p=1.0) == [1, 2]
    assert kept(top_p=0.7) == [1, 2]
    assert kept(top_p=0.8) == [1, 2, 3]


@pytest.mark.parametrize(
    "options",
    [
        {"num_beams": 0},
        {"num_beams": 2, "num_return_sequences": 3},
        {"max_length": 1},
        {"min_length": 48},
        {"top_p": 0.0},
        {"temperature": 0.0},
        {"top_k": -1},
        {"no_repeat_ngram_size": -1},
    ],
)
def test_settings_out_of_range(options):
    with pytest.raises(QGenError):
        GenerationSettings(**options)


def test_too_long_for_the_positions(bert_model):
    ids = torch.full((1, 120), 10)
    with pytest.raises(QGenError, match="positions"):
        decode(bert_model, ids, ids.ne(0), max_length=48)


@pytest.mark.parametrize("size", [1, 9, 1279, 1280, 1281, 58375])
def test_the_largest_values_are_found_wherever_they_stand(size):
    from qgen.model.decoding import _largest

    values = torch.randn(3, size, generator=torch.Generator().manual_seed(size))
    values[1, : size - size // 3] = -torch.inf  # as where little may come next
    values[2, -1] = 9.0  # where the pieces end
    count = min(size, 10)
    found, places = _largest(values, count)
    assert torch.equal(found, values.topk(count, dim=1).values)
    assert torch.equal(found, values.gather(1, places))
    assert all(len(set(row)) == count for row in places.tolist())


def test_fewer_values_than_are_wanted_may_be_finite():
    from qgen.model.decoding import _largest

    values = torch.full((1, 4000), -torch.inf)
    values[0, [5, 3999]] = torch.tensor([1.0, 2.0])
    found, places = _largest(values, 10)
    assert places[0, :2].tolist() == [3999, 5]
    assert found[0, 2:].eq(-torch.inf).all() and len(set(places[0].tolist())) == 10
