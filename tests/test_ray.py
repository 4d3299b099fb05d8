"""Batches on a local Ray cluster of two workers: the same rows, whatever happens to a worker."""

import json
import os

import pytest

from qgen.errors import QGenError
from qgen.files.batch import run_batch
from qgen.files.ray import ray_engine

pytestmark = pytest.mark.slow
ray = pytest.importorskip("ray", reason="Ray is not installed")


@pytest.fixture(scope="module", autouse=True)
def cluster():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")  # beside other work, a nice worker never starts
        yield
        ray.shutdown()


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "in.jsonl"
    lines = [json.dumps({"passage": f"Row {i} is {'x' * (i % 7)}.", "id": i}) for i in range(60)]
    lines[7], lines[31] = "{", json.dumps({"passage": "Fail."})
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def make_load(dies_once=None):
    """A model that needs nothing; the first one to see row 20 dies, if ``dies_once`` is a path."""

    def load():
        import os

        from qgen.errors import QGenError
        from qgen.records import Answer, Question, Result

        def generate(requests):
            for request in requests:
                if dies_once and "Row 20 " in request.passage and not os.path.exists(dies_once):
                    open(dies_once, "w").close()
                    os._exit(1)
                if request.passage == "Fail.":
                    raise QGenError("it fails")
            return [
                Result((Question(f"What of {r.passage}?", Answer(r.passage[:3], 0), -1.0),))
                for r in requests
            ]

        return generate

    return load


def run(rows, output, engine=None):
    summary = run_batch(
        rows, output, make_load()(), buffer_size=4, batch_size=2, progress=False, engine=engine
    )
    errors = output.with_name(output.name + ".errors.jsonl").read_bytes()
    return summary.rows, summary.questions, summary.errors, output.read_bytes(), errors


def test_row_for_row_as_the_plain_engine_even_when_a_worker_dies(rows, tmp_path, monkeypatch):
    plain = run(rows, tmp_path / "plain.jsonl")
    assert plain[:3] == (60, 58, 2)
    engine = ray_engine(make_load(), batch_size=2, workers=2)
    assert run(rows, tmp_path / "ray.jsonl", engine) == plain
    marker = tmp_path / "died"
    engine = ray_engine(make_load(str(marker)), batch_size=2, workers=2)
    assert run(rows, tmp_path / "again.jsonl", engine) == plain
    assert marker.exists(), "a worker did die"
    monkeypatch.setattr("qgen.files.ray.WAVE", 6)  # of 15 buffers: two full waves and a part
    engine = ray_engine(make_load(), batch_size=2, workers=2)
    assert run(rows, tmp_path / "waves.jsonl", engine) == plain


def test_no_such_cluster_is_an_error(monkeypatch):
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setitem(os.environ, "RAY_GCS_RPC_TIMEOUT_S", "2")

    def refuse(**kwargs):
        raise ConnectionError("nobody there")

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(QGenError, match="no Ray cluster at 10.0.0.1:6379: nobody there"):
        ray_engine(make_load(), address="10.0.0.1:6379")
