"""Data sets for programs: SQuAD's JSON, and test sets for retrieval (BEIR, ragas, LlamaIndex).

A test set for retrieval asks for a passage among others.  Where another passage answers a question
as well, the question's ``answered_elsewhere`` has the numbers of these records, from 0 (see
:mod:`qgen.asking.retrieval`).
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from qgen.files.writers.questions import field_with_text, fields, json_line, text_of, title_of
from qgen.records import ELSEWHERE

# -- SQuAD -----------------------------------------------------------------------------------------


def write_squad(records: Iterable[dict], path: Path) -> Counter[str]:
    """SQuAD 1.1's JSON: an article for each title, a paragraph for each passage.

    A question's id is its row's, with its rank behind it where the row has several; every id is
    there once.  Questions whose answer is no span of the passage are left out.
    """
    left_out: Counter[str] = Counter()
    ids: set[str] = set()
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    # The paragraphs of a title may be anywhere in the input: they wait on the disk, on the
    # output's, since the one for temporary files may be small.
    with tempfile.TemporaryFile(dir=path.parent) as waiting, path.open("wb") as file:
        numbered = enumerate(records)
        for (title, passage), rows in groupby(numbered, lambda pair: _article_and_passage(pair[1])):
            qas = [qa for number, record in rows for qa in _qas(record, number, ids, left_out)]
            line = json.dumps({"context": passage, "qas": qas}, ensure_ascii=False).encode()
            places[title].append((waiting.tell(), len(line)))
            waiting.write(line)
        file.write(b'{"version": "1.1", "data": [')
        for i, (title, lines) in enumerate(places.items()):
            head = json.dumps({"title": title, "paragraphs": []}, ensure_ascii=False)
            file.write((",\n" if i else "\n").encode() + head.removesuffix("]}").encode())
            for j, (begin, length) in enumerate(lines):
                waiting.seek(begin)
                file.write((b",\n" if j else b"\n") + waiting.read(length))
            file.write(b"]}")
        file.write(b"]}\n")
    return left_out


def _article_and_passage(record: dict) -> tuple[str, str]:
    return title_of(record) or "qgen", record["passage"]


def _qas(
    record: dict, number: int, ids: set[str], left_out: Counter[str]
) -> Iterator[dict[str, Any]]:
    for rank, question in enumerate(record["questions"]):
        answer, start = question["answer"], question["answer_start"]
        if start is None or record["passage"][start : start + len(answer)] != answer:
            left_out["without an answer in its passage"] += 1
            continue
        own_id = text_of(record, "id")
        name = f"{number}-{rank}"
        if own_id:
            name = own_id if len(record["questions"]) == 1 else f"{own_id}-{rank}"
        while name in ids:
            name = f"{name}-{number}"
        ids.add(name)
        answers = [{"text": answer, "answer_start": start}]
        yield {"id": name, "question": question["question"], "answers": answers}


# -- retrieval -------------------------------------------------------------------------------------


class _Query(NamedTuple):
    id: str
    text: str
    answer: str
    document: str
    """The id of the passage it was asked about."""
    elsewhere: list[str]
    """The ids of others that answer it as well."""


def write_beir(records: Iterable[dict], path: Path) -> Counter[str]:
    """BEIR's ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/test.tsv``: a ZIP file where the path
    ends in ``.zip``, else a folder.

    The passages that answer a question as well as its own are relevant too, and named in the
    query's ``metadata``.
    """
    documents = _document_ids(records)
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, lines in _beir_files(records, documents):
                entry = zipfile.ZipInfo(name)  # of 1980: the same input makes the same file
                entry.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(entry, "w", force_zip64=True) as member:
                    member.writelines(line.encode() for line in lines)
        return Counter()
    (path / "qrels").mkdir(parents=True)
    for name, lines in _beir_files(records, documents):
        with (path / name).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
    return Counter()


def _beir_files(
    records: Iterable[dict], documents: list[str]
) -> Iterator[tuple[str, Iterator[str]]]:
    """The names of the files, and their lines."""

    def corpus() -> Iterator[str]:
        for document, record in _corpus(records, documents):
            named = {field_with_text(record, name) for name in ("id", "title")}
            metadata = {k: v for k, v in fields(record).items() if k not in named}
            title = title_of(record)
            yield json_line(
                {"_id": document, "title": title, "text": record["passage"], "metadata": metadata}
            )

    def queries() -> Iterator[str]:
        for query in _queries(records, documents):
            metadata: dict[str, Any] = {"answer": query.answer}
            if query.elsewhere:
                metadata[ELSEWHERE] = query.elsewhere
            yield json_line({"_id": query.id, "text": query.text, "metadata": metadata})

    def qrels() -> Iterator[str]:
        yield "query-id\tcorpus-id\tscore\n"
        for query in _queries(records, documents):
            for document in (query.document, *query.elsewhere):
                yield f"{query.id}\t{document}\t1\n"

    yield "corpus.jsonl", corpus()
    yield "queries.jsonl", queries()
    yield "qrels/test.tsv", qrels()


def write_ragas(records: Iterable[dict], path: Path) -> Counter[str]:
    """JSONL that ragas's ``EvaluationDataset.from_jsonl`` reads: a sample per question, whose
    reference context is its passage."""
    documents = _document_ids(records)
    passages = dict(_corpus(records, documents))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for query in _queries(records, documents):
            sample = {
                "user_input": query.text,
                "reference": query.answer,
                "reference_contexts": [passages[query.document]["passage"]],
                "reference_context_ids": [query.document],
            }
            if query.elsewhere:
                sample[ELSEWHERE] = query.elsewhere
            file.write(json_line(sample))
    return Counter()


def write_llama_index(records: Iterable[dict], path: Path) -> Counter[str]:
    """JSON that LlamaIndex's ``EmbeddingQAFinetuneDataset.from_json`` reads.  The passages that
    answer a question as well as its own are relevant too."""
    documents = _document_ids(records)
    queries = list(_queries(records, documents))
    dataset = {
        "queries": {query.id: query.text for query in queries},
        "corpus": {document: record["passage"] for document, record in _corpus(records, documents)},
        "relevant_docs": {query.id: [query.document, *query.elsewhere] for query in queries},
        "mode": "text",
    }
    with path.open("w", encoding="utf-8", newline="\n") as file:
        json.dump(dataset, file, ensure_ascii=False, indent=1)
    return Counter()


def _document_ids(records: Iterable[dict]) -> list[str]:
    """For each record the id of its passage: its row's, where that has one of its own.  A passage
    of several rows is one document."""
    ids: dict[str, str] = {}  # by passage
    taken: set[str] = set()
    found = []
    for number, record in enumerate(records):
        passage = record["passage"]
        if passage not in ids:
            own = "".join(text_of(record, "id").split())
            name = own if own and own not in taken else f"p{number}"
            while name in taken:
                name += "-p"
            taken.add(name)
            ids[passage] = name
        found.append(ids[passage])
    return found


def _corpus(records: Iterable[dict], documents: list[str]) -> Iterator[tuple[str, dict]]:
    """Each document's id, with the first record that has it."""
    seen: set[str] = set()
    for document, record in zip(documents, records, strict=True):
        if document not in seen:
            seen.add(document)
            yield document, record


def _queries(records: Iterable[dict], documents: list[str]) -> Iterator[_Query]:
    for number, record in enumerate(records):
        for rank, question in enumerate(record["questions"]):
            others = dict.fromkeys(documents[i] for i in question.get(ELSEWHERE, []))
            yield _Query(
                f"q{number}-{rank}",
                question["question"],
                question["answer"],
                documents[number],
                [document for document in others if document != documents[number]],
            )
