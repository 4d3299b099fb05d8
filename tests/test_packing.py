"""Source packing and answer location."""

import pytest
from conftest import PASSAGE

from qgen.errors import QGenError
from qgen.packing import locate_answer, pack_source, pad
from qgen.types import Example


def words(tokenizer, ids):
    return tokenizer.convert_ids_to_tokens(ids)


def test_passage_and_answer(tokenizer):
    packed = words(tokenizer, pack_source(tokenizer, Example(PASSAGE, "1937")))
    assert packed[0] == "[CLS]" and packed[-1] == "[SEP]"
    assert packed[-3:-1] == ["[SEP]", "1937"]
    assert packed.count("[SEP]") == 2
    assert packed[1:4] == ["the", "golden", "gate"]


def test_without_an_answer(tokenizer):
    packed = words(tokenizer, pack_source(tokenizer, Example(PASSAGE)))
    assert packed.count("[SEP]") == 1 and packed[-1] == "[SEP]"


@pytest.mark.parametrize("where", ["start", "middle", "end"])
@pytest.mark.parametrize("limit", [16, 31, 64])
def test_window_keeps_the_answer_whole(tokenizer, where, limit):
    filler = "the bridge opened in the year . " * 40
    answer = "san francisco in 1937"
    passage = {
        "start": answer + " " + filler,
        "middle": filler + answer + " " + filler,
        "end": filler + answer,
    }[where]
    packed = words(tokenizer, pack_source(tokenizer, Example(passage, answer), limit))
    assert len(packed) == limit
    window = packed[1 : packed.index("[SEP]")]
    assert " ".join(answer.split()) in " ".join(window)
    if where == "middle":
        before = " ".join(window).split(answer)[0].split()
        after = " ".join(window).split(answer)[1].split()
        assert abs(len(before) - len(after)) <= 1


def test_window_follows_the_given_occurrence(tokenizer):
    filler = "the bridge opened in the year . " * 40
    passage = f"golden 1937 {filler} joseph 1937 {filler}"
    start = passage.index("1937", 20)
    packed = words(tokenizer, pack_source(tokenizer, Example(passage, "1937", start), 20))
    assert "joseph" in packed and "golden" not in packed


def test_answer_too_long_for_the_window(tokenizer):
    with pytest.raises(QGenError, match="room"):
        pack_source(tokenizer, Example(PASSAGE, PASSAGE), 20)


def test_answer_is_found_in_any_case_and_spelled_as_in_the_passage():
    found = locate_answer(Example(PASSAGE, "san francisco"))
    assert (found.answer, found.answer_start) == ("San Francisco", PASSAGE.index("San"))


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (Example(""), "empty"),
        (Example(" \n", "x"), "empty"),
        (Example(PASSAGE, "London"), "not in the passage"),
        (Example(PASSAGE, "1937", 0), "character 0"),
        (Example(PASSAGE, "1937", -5), "character -5"),
    ],
)
def test_bad_examples(example, message):
    with pytest.raises(QGenError, match=message):
        locate_answer(example)


def test_pad():
    assert pad([[1], [2, 3]], 9).tolist() == [[1, 9], [2, 3]]
