"""The floors of the house: what may import what."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def imported_by(folder: str) -> set[str]:
    """The modules named by the import statements of a folder, those inside functions included."""
    found = set()
    for path in (ROOT / "qgen" / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module or "")
    return found


@pytest.mark.parametrize(
    ("floor", "above"),
    [
        ("english", ("files", "model", "asking", "training", "service", "cli")),
        ("model", ("english", "files", "asking", "training", "service", "cli", "transformers")),
        ("files", ("model", "asking", "training", "service", "cli")),
        ("asking", ("files", "training", "service", "cli")),
        ("training", ("service", "cli")),
        ("service", ("training", "cli")),
    ],
)
def test_no_floor_imports_one_above_it(floor, above):
    forbidden = tuple(f"qgen.{name}" for name in above)
    assert not {name for name in imported_by(floor) if name.startswith(forbidden)}


@pytest.mark.parametrize(
    "modules",
    ["qgen", "qgen.english.prose, qgen.english.phrases, qgen.english.locate, qgen.english.verbs",
     "qgen.files.rows, qgen.files.documents, qgen.files.writers, qgen.files.batch,"
     "qgen.files.examples",
     "qgen.asking.document, qgen.asking.retrieval"],
)  # fmt: skip
def test_it_is_imported_without_torch(modules):
    code = f"import sys, {modules}; assert not {{'torch', 'transformers'}} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
