"""Models that ask together."""

import shutil
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from conftest import PASSAGE, VOCABULARY, random_model
from transformers import BertTokenizerFast, MPNetConfig

from qgen import Answer, NBestGenerator, QGenError, Question
from qgen.cli import main
from qgen.model import checkpoints
from qgen.model.checkpoints import fingerprint, load_checkpoint, load_generator
from qgen.model.decoding import CachedDecoder, EnsembleDecoder, decode
from qgen.model.ensemble import Ensemble
from qgen.model.runtime.linear import dtype_of
from qgen.settings import GenerationSettings
from qgen.transformers import UniLMConfig
from recipes import vocabulary

ASKED = [(PASSAGE, Question("When did the bridge open?", Answer("1937", 51), 0.0))]
IDS = torch.tensor([[2, 7, 8, 9, 10, 3, 8, 3], [2, 14, 15, 3, 14, 3, 0, 0]])
MASK = IDS.ne(0).long()


@pytest.fixture(scope="module")
def members(shortlisted_model):
    """Two of the same vocabulary, of other widths, as checkpoints have them."""
    config = deepcopy(shortlisted_model.config)
    config.backbone.hidden_size = 48
    wide = random_model(config, seed=3)
    wide.set_shortlist(shortlisted_model.shortlist.tolist())
    return shortlisted_model, wide


@pytest.fixture(scope="module")
def folders(members, tokenizer, tmp_path_factory):
    folders = tuple(tmp_path_factory.mktemp("ensemble") / name for name in ("small", "wide"))
    for member, folder in zip(members, folders, strict=True):
        member.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folders


@pytest.fixture
def pair(folders, monkeypatch):
    monkeypatch.setitem(checkpoints.GENERATORS, "best", folders)
    return load_generator("best")[0]


@pytest.mark.parametrize("shortlist", [True, False])
def test_each_step_has_the_mean_of_the_probabilities(pair, shortlist):
    settings = GenerationSettings(num_beams=2, use_shortlist=shortlist, max_length=8)
    with torch.inference_mode():
        decoders = [CachedDecoder(member, IDS, MASK, settings) for member in pair.members]
        together = EnsembleDecoder([CachedDecoder(m, IDS, MASK, settings) for m in pair.members])
        tokens = torch.empty(2, 1, 0, dtype=torch.long)
        for parents in (None, torch.zeros(2, 2, dtype=torch.long)):
            apart = [decoder.log_probabilities(tokens, parents).exp() for decoder in decoders]
            assert (apart[0] - apart[1]).abs().max() > 0.01
            found = together.log_probabilities(tokens, parents).exp()
            torch.testing.assert_close(found, sum(apart) / 2)
            tokens = torch.tensor([[[15], [16]], [[17], [18]]])


@pytest.mark.parametrize("sample", [True, False])
def test_the_cache_changes_nothing(pair, sample):
    runs = [
        decode(pair, IDS, MASK, max_length=9, num_return_sequences=2, do_sample=sample, use_cache=c)
        for c in (True, False)
    ]
    assert torch.equal(runs[0].sequences, runs[1].sequences)
    torch.testing.assert_close(runs[0].scores, runs[1].scores, atol=1e-4, rtol=0)


def test_a_model_with_itself_is_the_model(members):
    alone, *_ = members
    settings = {"max_length": 9, "num_return_sequences": 3}
    for one, two in zip(
        decode(alone, IDS, MASK, **settings).__dict__.values(),
        decode(Ensemble([alone, alone]), IDS, MASK, **settings).__dict__.values(),
        strict=True,
    ):
        torch.testing.assert_close(one, two)


def test_what_decoding_gives_a_target_is_what_scoring_gives_it(pair):
    settings = {"use_shortlist": False, "length_penalty": 0.0, "max_length": 9}
    found = decode(pair, IDS, MASK, **settings)
    labels = found.sequences[:, 0]
    labels = labels.masked_fill(labels.eq(pair.config.pad_token_id), -100)
    with torch.inference_mode():
        scores = pair.score_targets(IDS, MASK, labels).sum(1)
    torch.testing.assert_close(scores, found.scores[:, 0], atol=1e-3, rtol=0)


def test_a_questions_score_is_that_of_all(pair, folders, tokenizer):
    members = [NBestGenerator(load_checkpoint(f)[0], tokenizer, "cpu") for f in folders]
    generators = [NBestGenerator(pair, tokenizer, "cpu"), *members]
    [ours], *theirs = (torch.tensor(each._token_scores(ASKED)).exp() for each in generators)
    torch.testing.assert_close(ours, sum(theirs)[0] / 2)


def test_the_members_are_loaded_by_name(folders, pair, tokenizer, monkeypatch, capsys):
    generator = NBestGenerator.from_pretrained("best", device="cpu", dtype="bfloat16")
    assert isinstance(generator.model, Ensemble) and dtype_of(generator.model) == "bfloat16"
    assert {member.dtype for member in generator.model.members} == {torch.bfloat16}
    alone = [NBestGenerator.from_pretrained(f, device="cpu", dtype="bfloat16") for f in folders]
    assert len({each.fingerprint for each in (generator, *alone)}) == 3
    assert generator.controls == alone[0].controls
    asked = ["generate", "--passage", PASSAGE, "--answer", "1937", "--model", "best"]
    assert main([*asked, "--reader", "none", "--dtype", "float32"]) == 0
    assert "[1937]" in capsys.readouterr().out
    with pytest.raises(QGenError, match="no such folder"):
        load_generator(Path("best"))  # a folder of this name
    with pytest.raises(QGenError, match="no such folder .* what ships is named fast or best$"):
        load_generator("bset")


def test_the_fingerprint_depends_on_every_configuration(pair):
    before = fingerprint(pair)
    pair.members[1].config.logit_offset = 3.0
    assert fingerprint(pair) != before


def test_vocabularies_that_differ_are_refused(folders, tokenizer, tmp_path, monkeypatch):
    shutil.copytree(folders[1], tmp_path / "other")
    text = (tmp_path / "other" / "tokenizer.json").read_text("utf-8")
    swapped = text.replace('"golden"', '"x"').replace('"gate"', '"golden"').replace('"x"', '"gate"')
    (tmp_path / "other" / "tokenizer.json").write_text(swapped, "utf-8")
    monkeypatch.setitem(checkpoints.GENERATORS, "best", (folders[0], tmp_path / "other"))
    with pytest.raises(QGenError, match="best: the vocabularies of its checkpoints differ"):
        load_generator("best")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"controls": {"why": 8}}, "controls"),
        ({"answer_marker_ids": [7, 8]}, "answer_marker_ids"),
        ({"max_source_length": 64}, "max_source_length"),
        ({}, "the shortlist"),
    ],
)
def test_members_of_other_habits_are_refused(members, change, message):
    config = deepcopy(members[0].config)
    vars(config).update(change)
    config.shortlist_size = 0
    with pytest.raises(QGenError, match=f"differ in {message}"):
        Ensemble([members[0], random_model(config)])


def test_what_any_member_was_trained_on_counts(members):
    first, second = (deepcopy(member) for member in members)
    first.config.trained_on, second.config.trained_on = ["du:train"], ["du:train", "x.jsonl"]
    assert Ensemble([first, second]).config.trained_on == ["du:train", "x.jsonl"]


def test_a_missing_member_is_one_line(folders, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(checkpoints.GENERATORS, "best", (folders[0], tmp_path / "gone"))
    assert main(["generate", "--passage", "A b.", "--model", "best"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "gone" in line


def test_a_vocabulary_in_another_order(shortlisted_model, tokenizer, tmp_path):
    """MPNet's: four special tokens, then BERT's, then the mask."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *VOCABULARY, "<mask>"]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    names = {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}
    theirs = BertTokenizerFast(
        vocab=str(tmp_path / "vocab.txt"), do_lower_case=True,
        **{f"{role}_token": name for role, name in names.items()},
    )  # fmt: skip
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4}
    backbone = MPNetConfig(vocab_size=len(pieces), intermediate_size=64, **shape)
    lengths = {"max_source_length": 80, "max_target_length": 24, "copy_size": 16}
    controls = {"why": pieces.index("z"), "how": pieces.index("y")}
    config = UniLMConfig.from_backbone(
        backbone, theirs, **lengths, answer_marker_ids=[9, 10], controls=controls
    )
    model = random_model(config, seed=5)
    meaningless = [4, 5, 6, 7, 8, *(pieces.index(letter) for letter in "wxyz")]
    model.mlm.output.bias.data[meaningless] = -99.0  # as training leaves them
    model.save_pretrained(tmp_path / "theirs")
    theirs.save_pretrained(tmp_path / "theirs")
    like = deepcopy(shortlisted_model)
    like.config.controls = {"how": VOCABULARY.index("x"), "why": VOCABULARY.index("w")}
    like.save_pretrained(tmp_path / "like")
    tokenizer.save_pretrained(tmp_path / "like")

    def convert():
        out = tmp_path / "alike"
        vocabulary.main(
            [str(tmp_path / "theirs"), "--like", str(tmp_path / "like"), "--out", str(out)]
        )
        return out

    alike = convert()
    before, after = (
        NBestGenerator.from_pretrained(folder, device="cpu", dtype="float32")
        for folder in (tmp_path / "theirs", alike)
    )
    for controls in ((), ("why",), ("how",)):
        assert after.score(ASKED, controls) == pytest.approx(before.score(ASKED, controls))
    assert after.score(ASKED, ("why",)) != pytest.approx(after.score(ASKED), abs=1e-4)
    Ensemble([load_checkpoint(tmp_path / "like")[0], after.model])  # which takes what is alike
    like.config.controls = {"how": 8}
    like.save_pretrained(tmp_path / "like")
    with pytest.raises(QGenError, match="same controls: \\['why'\\]"):
        convert()
