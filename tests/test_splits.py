"""eval.splits on small SQuAD files made here."""

import json

import pytest

from eval import splits
from qgen.errors import QGenError

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
    assert (example.answer, example.answer_start) == ("1960", 24)
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
    with pytest.raises(QGenError, match="not in the SQuAD 1.1 format"):
        splits.load_squad(write_squad(tmp_path / "bad.json", bad))


def counts(split):
    return {part: len(examples) for part, examples in split.items()}


def test_published_counts_are_all_of_squad():
    official_train, official_dev = 87599, 10570
    assert sum(splits.PUBLISHED_COUNTS.values()) == official_train + official_dev
    assert splits.PUBLISHED_COUNTS["dev"] == official_dev


def test_build_split_assigns_articles(squad, doclists, monkeypatch):
    published = {"train": 3, "dev": 4, "test": 5}
    monkeypatch.setattr(splits, "PUBLISHED_COUNTS", published)
    du = splits.build_split("du", squad, doclists)
    assert counts(du) == published
    assert {example.id for example in du["dev"]} == {f"Warsaw-{i}" for i in range(4)}


def test_zhao_reverses_dev_and_test(squad, doclists, monkeypatch):
    monkeypatch.setattr(splits, "PUBLISHED_COUNTS", {"train": 3, "dev": 4, "test": 5})
    du = splits.build_split("du", squad, doclists)
    zhao = splits.build_split("zhao", squad, doclists)
    assert zhao == {"train": du["train"], "dev": du["test"], "test": du["dev"]}


def test_build_split_checks_counts(squad, doclists):
    with pytest.raises(QGenError, match="train part .* 75722 questions.* give 3"):
        splits.build_split("du", squad, doclists)
    assert counts(splits.build_split("du", squad, doclists, check_counts=False)) == {
        "train": 3,
        "dev": 4,
        "test": 5,
    }


def test_article_in_no_doclist(squad, doclists, tmp_path):
    squad.append(write_squad(tmp_path / "more.json", article("Tea")))
    with pytest.raises(QGenError, match="'Tea' .* is in no doclist"):
        splits.build_split("du", squad, doclists)
    split = splits.build_split("du", squad, doclists, check_counts=False)
    assert sum(counts(split).values()) == 12


def test_unknown_setup_names_the_known_ones(squad, doclists):
    with pytest.raises(QGenError, match="'dou'; choose from du, zhao"):
        splits.build_split("dou", squad, doclists)


def test_missing_doclist(squad, tmp_path):
    with pytest.raises(QGenError, match="cannot read .*doclist-train.txt"):
        splits.build_split("du", squad, tmp_path)


def test_load_nqg_aligns_lines(tmp_path):
    sentences = "it was founded in 1960 . \nu+0085 \x85 is no line end . \n"
    (tmp_path / "src-dev.txt").write_text(sentences, "utf-8")
    (tmp_path / "tgt-dev.txt").write_text("when ?\nwhat is no end ?\n", "utf-8")
    first, second = splits.load_nqg(tmp_path, "dev")
    assert (first.passage, first.question) == ("it was founded in 1960 .", "when ?")
    assert (first.answer, first.answer_start) == ("", None)
    assert second.passage == "u+0085 \x85 is no line end ."


def test_load_nqg_rejects_unequal_lengths(tmp_path):
    (tmp_path / "src-test.txt").write_text("one .\ntwo .\n", "utf-8")
    (tmp_path / "tgt-test.txt").write_text("one ?\n", "utf-8")
    with pytest.raises(QGenError, match="src-test.txt has 2 lines .* has 1 "):
        splits.load_nqg(tmp_path, "test")


def test_load_nqg_has_no_train_part(tmp_path):
    with pytest.raises(QGenError, match="'train'; choose from dev, test"):
        splits.load_nqg(tmp_path, "train")
