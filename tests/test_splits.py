"""eval.splits on small SQuAD files made here."""

import json

import pytest

from eval import splits
from qgen.errors import QGenError
from qgen.records import Answer

CONTEXT = "Brasília was founded in 1960 by Juscelino Kubitschek."


def article(title, n_questions=1, answer="1960", start=24):
    return {
        "title": title,
        "paragraphs": [
            {
                "context": CONTEXT,
                "qas": [
                    {
                        "id": f"{title}-{i}",
                        "question": " When was it founded? ",
                        "answers": [
                            {"text": answer, "answer_start": start},
                            {"text": "in 1960", "answer_start": 21},
                        ],
                    }
                    for i in range(n_questions)
                ],
            }
        ],
    }


def write_squad(path, *articles):
    path.write_text(json.dumps({"version": "1.1", "data": articles}), "utf-8")
    return path


@pytest.fixture
def doclists(tmp_path):
    for part, titles in {
        "train": "Bras%C3%ADlia\nSeven_Years%27_War\n",
        "dev": "Warsaw\n",
        "test": "Beyonce\u0301\n",
    }.items():
        (tmp_path / f"doclist-{part}.txt").write_text(titles, "utf-8")
    return tmp_path


@pytest.fixture
def squad(tmp_path):
    """Two files like the official ones: 3 train, 4 dev and 5 test questions."""
    train = write_squad(
        tmp_path / "train.json",
        article("Beyonc\u00e9", 5),
        article("Brasília", 2),
        article("Seven_Years%27_War", 1),
    )
    return [train, write_squad(tmp_path / "dev.json", article("Warsaw", 4))]


def test_load_squad_keeps_first_answer_id_and_order(squad):
    articles = splits.load_squad(squad[0])
    assert list(articles) == ["Beyonc\u00e9", "Brasília", "Seven_Years'_War"]
    example = articles["Brasília"][1]
    assert example.passage == CONTEXT
    assert example.answer == Answer("1960", 24)
    assert example.question == "When was it founded?"
    assert example.id == "Brasília-1"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"data": [', "is not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[1, 2]", "not in the SQuAD 1.1 format"),
        (b'{"data": [{"title": "Warsaw"}]}', "not in the SQuAD 1.1 format"),
        (b'{"data": [{"title": 3}]}', "not in the SQuAD 1.1 format"),
    ],
)
def test_load_squad_rejects_bad_files(tmp_path, content, message):
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(QGenError, match=message) as error:
        splits.load_squad(path)
    assert "\n" not in str(error.value)


def test_load_squad_rejects_missing_file(tmp_path):
    with pytest.raises(QGenError, match="cannot read .*absent.json"):
        splits.load_squad(tmp_path / "absent.json")


@pytest.mark.parametrize(("answer", "start"), [("1960", 23), ("1961", 24), ("", 24), ("B", -1)])
def test_load_squad_rejects_misplaced_answer(tmp_path, answer, start):
    bad = article("Warsaw", answer=answer, start=start)
    path = write_squad(tmp_path / "bad.json", bad)
    with pytest.raises(QGenError, match="bad.json: question Warsaw-0: the answer"):
        splits.load_squad(path)


def test_load_squad_rejects_unanswerable_question(tmp_path):
    bad = article("Warsaw")
    bad["paragraphs"][0]["qas"][0]["answers"] = []
    with pytest.raises(QGenError, match="Warsaw-0 has no answer"):
        splits.load_squad(write_squad(tmp_path / "bad.json", bad))


def test_spaces_at_the_ends_of_an_answer_are_not_part_of_it(tmp_path):
    path = write_squad(tmp_path / "spaces.json", article("Warsaw", answer=" 1960 ", start=23))
    assert splits.load_squad(path)["Warsaw"][0].answer == Answer("1960", 24)


def test_published_counts_are_all_of_squad():
    official_train, official_dev = 87599, 10570
    assert sum(splits.PUBLISHED_COUNTS.values()) == official_train + official_dev
    assert splits.PUBLISHED_COUNTS["dev"] == official_dev


@pytest.fixture
def small_counts(monkeypatch):
    monkeypatch.setattr(splits, "PUBLISHED_COUNTS", {"train": 3, "dev": 4, "test": 5})


@pytest.mark.usefixtures("small_counts")
@pytest.mark.parametrize(
    ("setup", "part", "title", "count"),
    [
        ("du", "dev", "Warsaw", 4),
        ("du", "test", "Beyonc\u00e9", 5),
        ("zhao", "dev", "Beyonc\u00e9", 5),
        ("zhao", "test", "Warsaw", 4),
    ],
)
def test_parts_are_made_of_their_articles(squad, doclists, setup, part, title, count):
    examples = splits.load_part(setup, part, squad, doclists)
    assert [example.id for example in examples] == [f"{title}-{i}" for i in range(count)]


@pytest.mark.usefixtures("small_counts")
def test_the_files_that_hold_a_part_are_enough_for_it(squad, doclists):
    assert len(splits.load_part("zhao", "test", squad[1:], doclists)) == 4
    with pytest.raises(QGenError, match="train part .* 3 questions.* give 0"):
        splits.load_part("zhao", "train", squad[1:], doclists)


def test_counts_are_checked(squad, doclists):
    with pytest.raises(QGenError, match="train part .* 75722 questions.* give 3"):
        splits.load_part("du", "train", squad, doclists)
    assert len(splits.load_part("du", "train", squad, doclists, partial=True)) == 3


@pytest.mark.usefixtures("small_counts")
@pytest.mark.parametrize("partial", [False, True])
def test_a_file_given_twice_is_refused(squad, doclists, partial):
    with pytest.raises(QGenError, match="'Warsaw' stands in .* and again in"):
        splits.load_part("du", "dev", [*squad, squad[1]], doclists, partial=partial)


@pytest.mark.usefixtures("small_counts")
def test_more_questions_than_were_published_are_refused_even_in_part(squad, doclists, tmp_path):
    path = write_squad(tmp_path / "more.json", article("Warsaw", 6))
    with pytest.raises(QGenError, match="dev part .* 4 questions.* give 6"):
        splits.load_part("du", "dev", [path], doclists, partial=True)


@pytest.mark.usefixtures("small_counts")
def test_article_in_no_doclist(squad, doclists, tmp_path):
    squad.append(write_squad(tmp_path / "more.json", article("Tea")))
    with pytest.raises(QGenError, match="'Tea' .* is in no doclist"):
        splits.load_part("du", "train", squad, doclists)
    assert len(splits.load_part("du", "train", squad, doclists, partial=True)) == 3


def test_twenty_training_articles_are_held_out_by_a_fixed_rule():
    titles = [f"{n:03}" for n in range(398)]
    held_out = splits.held_out_titles(reversed(titles))
    assert held_out == [f"{n:03}" for n in range(10, 398, 20)] and len(held_out) == 20


@pytest.mark.usefixtures("small_counts")
def test_held_out_and_fit_divide_the_training_part(squad, doclists, monkeypatch):
    monkeypatch.setattr(splits, "held_out_titles", lambda titles: [sorted(titles)[1]])
    train, fit, held_out = (
        splits.load_part("du", part, squad, doclists) for part in ("train", "fit", "held-out")
    )
    assert [e.id for e in held_out] == ["Seven_Years%27_War-0"]
    assert fit + held_out == train


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dou", "test"), "'dou'; choose from du, zhao"),
        (("du", "eval"), "'eval'; choose from train, dev, test, fit, held-out"),
        (("du", "test"), "give --squad"),
        (("du", "test", ["x.json"]), "needs --doclists"),
        (("du", "fit", [], None, "nqg"), "hold no fit part"),
    ],
)
def test_unusable_arguments(arguments, message):
    with pytest.raises(QGenError, match=message):
        splits.load_part(*arguments)


def test_missing_doclist(squad, tmp_path):
    with pytest.raises(QGenError, match="cannot read .*doclist-train.txt"):
        splits.load_part("du", "test", squad, tmp_path)


def test_load_nqg_aligns_lines(tmp_path):
    sentences = "it was founded in 1960 . \nu+0085 \x85 is no line end . \n"
    (tmp_path / "src-dev.txt").write_text(sentences, "utf-8")
    (tmp_path / "tgt-dev.txt").write_text("when ?\nwhat is no end ?\n", "utf-8")
    first, second = splits.load_nqg(tmp_path, "dev")
    assert (first.passage, first.question) == ("it was founded in 1960 .", "when ?")
    assert first.answer is None
    assert second.passage == "u+0085 \x85 is no line end ."


def test_load_nqg_rejects_unequal_lengths(tmp_path):
    (tmp_path / "src-test.txt").write_text("one .\ntwo .\n", "utf-8")
    (tmp_path / "tgt-test.txt").write_text("one ?\n", "utf-8")
    with pytest.raises(QGenError, match="src-test.txt has 2 lines .* has 1 "):
        splits.load_nqg(tmp_path, "test")


def test_load_nqg_has_no_train_part(tmp_path):
    with pytest.raises(QGenError, match="'train'; choose from dev, test"):
        splits.load_nqg(tmp_path, "train")
