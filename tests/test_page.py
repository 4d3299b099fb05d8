"""The web page: what its scripts call, and the page itself in headless Chromium."""

import base64
import gzip
import json
import shutil
import threading
import time
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import torch
from conftest import PASSAGE, served
from fastapi.testclient import TestClient

from qgen.asking.document import quiz_of_each
from qgen.asking.scoring import Verdict
from qgen.english.phrases import propose_answers
from qgen.files import encoding
from qgen.files.writers import WRITERS
from qgen.records import Answer, Question, Request, Result
from qgen.service.app import create_app
from qgen.service.page import build, quiz
from qgen.settings import QuizSettings

OTHER = "Marie Curie was born in Warsaw in 1867. She moved to Paris in 1891."
TWO = f"{PASSAGE}\n\n{OTHER}"


class Canned:
    """Instead of a model: a question for each proposed answer, another for each beam."""

    generator = SimpleNamespace(
        device=torch.device("cpu"), score=lambda questions: [-1.0] * len(questions)
    )
    reader = None

    def __init__(self):
        self.go = threading.Event()
        self.go.set()
        self.held = ""  # what waits for it: passages with this
        self.asked = []  # (requests, settings, quiz)

    def within_range(self, settings):
        return settings

    def generate(self, requests, settings, quiz):
        self.asked.append((requests, settings, quiz))
        if any(self.held in request.passage for request in requests):
            self.go.wait(20)
        return [self._result(request, settings, quiz) for request in requests]

    def _result(self, request, settings, quiz):
        if "refused" in request.passage:
            return Result(problems=("the passage is refused",))
        answers = request.answers or propose_answers(request.passage)[: quiz.max_answers]
        beams = settings.num_return_sequences if request.answers else 1
        wrong = ("Nobody", "Nothing", "Nowhere")[: max(0, quiz.choices - 1)]
        return Result(
            tuple(
                Question(
                    f"What is {answer.text}, beam {beam}?", answer, -1.0 - beam,
                    (0.97, 0.88, 0.74, 0.62)[n % 4], wrong,
                    note="1 of 5 choices not found" if quiz.choices == 5 else "",
                )
                for n, answer in enumerate(answers)
                for beam in range(beams)
            ),
            dropped={"repeating another question": 2},
        )  # fmt: skip

    def propose(self, passages):
        return [propose_answers(passage) for passage in passages]


# -- what its scripts call -------------------------------------------------------------------------


def made(question, answer="1937", start=3, passage=0, choices=(), score=-1.0, confidence=None):
    return {
        "question": question, "answer": answer, "answer_start": start, "kind": "date",
        "score": score, "confidence": confidence, "choices": list(choices),
        "id": 1, "passage": passage, "span": "1937", "start": start, "asked": [], "kept": False,
    }  # fmt: skip


def test_paragraphs_know_where_their_sentences_end():
    text = "Mr. Strauss led it in the 1930s. \U0001f309 It cost 35 million dollars in all."
    [first, second] = build.paragraphs(f"{text}\n\n{OTHER}")["passages"]
    assert first["text"] == text
    assert [text[:end] for end in first["sentences"]] == [text[: text.index(" \U0001f309")], text]
    assert second["text"] == OTHER
    assert build.paragraphs(f"{OTHER}\n\n- one\n- two")["left_out"] == "2 list items"


def test_an_upload_is_read_and_nothing_else(tmp_path, monkeypatch):
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    monkeypatch.setattr(build, "get_upload_folder", lambda: str(uploads))
    for folder in (uploads, tmp_path):
        (folder / "notes.md").write_text(f"# Bridge\n\n{PASSAGE}\n", encoding="utf-8")
    read = build.read_upload({"path": str(uploads / "notes.md"), "name": "notes.md"})
    assert [passage["text"] for passage in read["passages"]] == [PASSAGE]
    assert read["passages"][0]["headings"] == ["Bridge"]
    for path in (tmp_path / "notes.md", uploads / ".." / "notes.md"):
        assert "error" in build.read_upload({"path": str(path), "name": "notes.md"})
    (uploads / "empty.md").write_text("# Only a heading\n", encoding="utf-8")
    problem = build.read_upload({"path": str(uploads / "empty.md"), "name": "mine.md"})["error"]
    assert "mine.md" in problem and str(uploads) not in problem
    assert "error" in build.read_upload({"path": str(uploads), "name": "uploads"})
    assert [*uploads.iterdir()] == [], "nothing that was sent is kept"
    assert (tmp_path / "notes.md").exists()


def test_an_upload_that_is_never_read_goes_with_the_service_at_the_latest(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with TestClient(create_app(Canned(), page=True)) as client:
        sent = client.post("/gradio_api/upload", files={"files": ("notes.txt", b"In 1937.")})
        assert [Path(path).read_bytes() for path in sent.json()] == [b"In 1937."]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_page_leaves_the_errors_of_the_api_as_they_are():
    with TestClient(create_app(Canned(), page=True)) as client:
        for method, path, status in (
            ("GET", "/v1/nothing", 404),
            ("GET", "/v1/questions", 405),
            ("PUT", "/v1/batches/none", 405),
        ):
            response = client.request(method, path)
            assert response.status_code == status and response.json()["error"]["message"]
        assert client.put("/v1/batches/none").headers["allow"] == "DELETE, GET, HEAD"
        assert client.get("/").status_code == 200


@pytest.mark.parametrize("stream", ["heartbeat/abc", "queue/data?session_hash=abc", "dev/reload"])
def test_gradio_s_streams_are_not_served(stream):
    """Which would keep the service from ending."""
    with served(create_app(Canned(), page=True)) as address:
        assert httpx.get(f"{address}/gradio_api/{stream}", timeout=20).status_code == 404


def test_the_best_of_a_text_are_chosen_in_its_order():
    questions = [
        made("Where is it?", passage=1, confidence=0.8), made("Who led it?", confidence=0.9),
        made("What is it called?", passage=1, start=0, confidence=0.4),
    ]  # fmt: skip
    assert build.choose({"questions": questions, "count": 2}) == {"chosen": [1, 0]}


def test_questions_are_shared_out_as_a_document_s_are():
    settings = {"max_answers": 5, "tries": 8, "kinds": ["date"]}
    shared = build.share({"headings": [[]] * 90, "settings": settings})
    each = quiz_of_each(QuizSettings(max_answers=5, tries=8), [Request("")] * 90)
    assert shared == {"max_answers": each.max_answers, "tries": each.tries}
    one = {"headings": [["Bridges"], ["Boats"]], "settings": settings | {"focus": "boats"}}
    assert build.share(one) == {"max_answers": 5, "tries": 8}
    assert "error" in build.share({"headings": [[]], "settings": {"max_answers": 0}})


def quiz_of(*questions, passages=("In 1937.", "In 1938."), title=""):
    return {
        "questions": questions, "passages": passages, "headings": [[] for _ in passages],
        "title": title,
    }  # fmt: skip


def test_each_format_s_file_has_a_name_of_its_own():
    quiz = quiz_of(made("When?", choices=["1936", "1937"]))
    names = [build.export_quiz({**quiz, "format": kind})["name"] for kind in WRITERS]
    assert len({*names}) == len(WRITERS)


@pytest.mark.parametrize("kind", ["jsonl", "csv", "gift", "anki", "markdown", "squad", "parquet"])
def test_export(kind):
    quiz = quiz_of(
        made("When?", choices=["1936", "1937"]), made("Which year?", "1938", passage=1),
        made("Edited?", "the year 1937", start=3) | {"unchecked": False},
    )  # fmt: skip
    exported = build.export_quiz({**quiz, "format": kind})
    content = base64.b64decode(exported["content"])
    assert exported["name"].startswith("questions.")
    if kind == "parquet":
        rows = pytest.importorskip("pyarrow.parquet").read_table(BytesIO(content)).to_pylist()
        assert [row["question"] for row in rows] == ["When?", "Which year?", "Edited?"]
        assert not {"asked", "span"} & set(rows[0])
        return
    assert not any(name in content for name in (b"asked", b"span", b"unchecked"))
    assert content.index(b"When?") < content.index(b"Which year?")
    if kind == "jsonl":
        [first, second, third] = map(json.loads, content.splitlines())
        assert [r["passage"] for r in (first, second, third)] == [
            "In 1937.",
            "In 1938.",
            "In 1937.",
        ]
        assert first["questions"][0]["choices"] == ["1936", "1937"]
        assert third["questions"][0]["answer_start"] is None, "no part of the passage any more"
        assert "choices" not in second["questions"][0]


def test_what_cannot_be_exported_is_said():
    empty = {**quiz_of(), "format": "jsonl"}
    assert "no questions" in build.export_quiz(empty)["error"]
    assert "'odt'" in build.export_quiz({**empty, "format": "odt"})["error"]


def opened(tmp_path, monkeypatch, content, name="quiz.jsonl"):
    monkeypatch.setattr(build, "get_upload_folder", lambda: str(tmp_path))
    (tmp_path / name).write_bytes(content)
    return build.read_upload({"path": str(tmp_path / name), "name": name})


def test_an_exported_quiz_opens_as_it_was(tmp_path, monkeypatch):
    passages = [OTHER, PASSAGE, "In 1938.", PASSAGE]
    statement = made("It cost little.", "False", start=70, passage=1) | {"type": "true-false"}
    questions = [
        made("When?", "1937", start=50, passage=1, choices=["1936", "1937"], confidence=0.5),
        made("Where?", "Warsaw", start=24), statement, made("Edited?", "the year", passage=2),
    ]  # fmt: skip
    quiz = quiz_of(*questions, passages=passages, title="Bridges")
    quiz["headings"][1] = ["Golden Gate"]
    exported = build.export_quiz({**quiz, "format": "jsonl"})
    read = opened(tmp_path, monkeypatch, base64.b64decode(exported["content"]))
    assert [one["text"] for one in read["passages"]] == passages, "those not asked about too"
    assert [one["headings"] for one in read["passages"]] == quiz["headings"]
    assert (read["title"], read["left_out"]) == ("Bridges", "")
    names = ["question", "answer", "confidence", "passage"]
    asked = [{name: one[name] for name in names} for one in read["questions"]]
    assert asked == [{name: one[name] for name in names} for one in questions]
    assert [one.get("choices", []) for one in read["questions"]] == [["1936", "1937"], [], [], []]
    assert [one["answer_start"] for one in read["questions"]] == [50, 24, 70, None]
    assert [one.get("type") for one in read["questions"]] == [None, None, "true-false", None]


def test_a_batch_s_questions_are_opened(tmp_path, monkeypatch):
    asked = {"question": "When?", "answer": "1937", "answer_start": 50, "kind": "", "score": -1.0,
             "confidence": None}  # fmt: skip
    rows = [{"id": "a", "document": "d.md", "passage": PASSAGE, "questions": [asked]}]
    for content in (json.dumps(rows[0]), json.dumps(rows), json.dumps({"data": rows})):
        read = opened(tmp_path, monkeypatch, content.encode(), "quiz.json")
        assert [one["text"] for one in read["passages"]] == [PASSAGE], content
        assert (read["title"], read["left_out"]) == ("d.md", "fields id")
        [question] = read["questions"]
        assert question["answer_start"] == 50 and "choices" not in question


def test_what_a_quiz_has_no_place_for_is_said_and_the_rest_is_opened(tmp_path, monkeypatch):
    asked = {"question": "When?", "answer": "1937", "answer_start": 50, "kind": "", "score": -1.0,
             "confidence": None}  # fmt: skip
    row = {"passage": PASSAGE, "questions": [asked]}
    for fields, title, left_out in [
        ({"title": 7}, "7", ""),
        ({"title": ["a", "b"]}, '["a", "b"]', ""),
        ({"title": None, "document": None, "paragraph": None, "headings": None}, "", ""),
        ({"paragraph": "2.", "headings": "Bridges"}, "", "fields paragraph, headings"),
        ({"paragraph": True, "headings": [["Bridges"]]}, "", "fields paragraph, headings"),
        ({"questions": [asked | {"source": "x"}]}, "", "fields questions.source"),
    ]:
        read = opened(tmp_path, monkeypatch, json.dumps(row | fields).encode())
        assert (read["title"], read["left_out"]) == (title, left_out), fields
        assert len(read["questions"]) == 1 and read["passages"][0]["headings"] == []
    two = [row | {"title": "One"}, row | {"title": "Two"}]
    read = opened(tmp_path, monkeypatch, "\n".join(map(json.dumps, two)).encode())
    assert (read["title"], read["left_out"]) == ("", "fields title")


def test_what_is_no_quiz_is_said_in_a_line(tmp_path, monkeypatch):
    good = {"question": "When?", "answer": "1937", "answer_start": 50, "kind": "", "score": -1.0,
            "confidence": 0.5}  # fmt: skip
    for fields, said in [
        ({}, "quiz.jsonl, line 2 has no questions to edit; to ask about rows, open Batch"),
        ({"questions": None}, "line 2 has no questions to edit"),
        ({"questions": []}, "quiz.jsonl has no questions"),
        ({"questions": [good] * 501}, "quiz.jsonl has more than 500 questions"),
        ({"questions": ["When?"]}, "line 2, questions.0: "),
        ({"questions": [{"question": "When?"}]}, "questions.0.answer: Field required"),
        ({"questions": [good | {"question": "\ud800"}]}, "questions.0.question: "),
        ({"questions": [good | {"confidence": "high"}]}, "confidence: "),
        ({"questions": [good | {"choices": ["1936", "1938"]}]}, "'1937' is none of its choices"),
        ({"questions": [good | {"type": "essay"}]}, "questions.0.type: "),
        ({"questions": [good | {"type": "true-false"}]}, "'1937' is neither True nor False"),
        ({"questions": [good], "passage": None}, "line 2, passage: "),
    ]:
        content = b"\n" + json.dumps({"passage": PASSAGE} | fields).encode()
        problem = opened(tmp_path, monkeypatch, content)["error"]
        assert said in problem and "\n" not in problem and str(tmp_path) not in problem
    assert "error" in opened(tmp_path, monkeypatch, b'{"passage": ')
    assert "error" in opened(tmp_path, monkeypatch, b"")
    for start in (-1, 51, 10**6):  # nobody's answer stands there
        row = {"passage": PASSAGE, "questions": [good | {"answer_start": start}]}
        [question] = opened(tmp_path, monkeypatch, json.dumps(row).encode())["questions"]
        assert question["answer_start"] in (None, 50)


def test_a_quiz_that_is_larger_than_a_document_may_be_is_refused(tmp_path, monkeypatch):
    row = json.dumps({"passage": PASSAGE, "questions": []}).encode() + b"\n"
    monkeypatch.setattr(quiz, "MAX_BLOCKS", 1)
    assert "more than 1 paragraphs" in opened(tmp_path, monkeypatch, 2 * row)["error"]
    monkeypatch.setattr(encoding, "MAX_BYTES", len(row))
    packed = gzip.compress(2 * row)
    assert "larger than" in opened(tmp_path, monkeypatch, packed, "quiz.jsonl.gz")["error"]


def test_all_settings_and_formats_are_offered():
    setup = build.page_setup()
    assert set(QuizSettings.__dataclass_fields__) <= set(setup["schema"]["properties"])
    assert set(setup["formats"]) == set(WRITERS)
    assert len(setup["samples"]) == 3
    assert all(sample["source"] and sample["licence"] for sample in setup["samples"])
    for sample in setup["samples"]:
        assert len(build.paragraphs(sample["text"])["passages"]) == sample["text"].count("\n\n") + 1


def test_the_page_comes_with_the_first_answer():
    with TestClient(create_app(Canned(), page=True)) as client:
        html = client.get("/", headers={"Accept-Encoding": "br, gzip"}).text
        assert html.index('id="text"') < html.index("<gradio-app")
        for module in ("page.js", "page.css"):
            assert client.get(f"/page/{module}").status_code == 200
        assert client.get("/docs").status_code == client.get("/healthz").status_code == 200


def test_the_page_is_there_while_the_models_load():
    loaded = threading.Event()

    def load():
        assert loaded.wait(60)
        return Canned()

    with TestClient(create_app(load, page=True)) as client:
        assert 'id="qgen-setup"' in client.get("/").text
        assert client.get("/page/page.js").status_code == 200
        assert client.get("/readyz").status_code == 503
        loaded.set()


def test_its_files_are_packaged():
    names = {path.name for path in Path(build.__file__).parent.rglob("*")}
    assert {"page.html", "samples.json", "page.js", "page.css", "cards.js"} <= names


# -- in a browser ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    return Canned()


@pytest.fixture(scope="module")
def address(model):
    """The service with its page, on a free port."""
    with served(create_app(model, page=True)) as address:
        yield f"{address}/"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("chromium and chromedriver are not installed")
    downloads = tmp_path_factory.mktemp("downloads")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    for flag in (
        "headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
        "disable-background-networking", "disable-component-update", "disable-sync",
        "window-size=1280,1000", f"user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    browser.downloads = downloads
    yield browser
    browser.quit()


class Page:
    """What a person does on the page."""

    def __init__(self, browser, address):
        self.browser = browser
        browser.get(address)
        browser.execute_script("sessionStorage.clear(); localStorage.clear()")
        browser.get(address)
        self.settle()

    def find(self, selector):
        return self.browser.find_element("css selector", selector)

    def all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def js(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def wait(self, condition):
        from selenium.common.exceptions import (
            NoSuchElementException,
            StaleElementReferenceException,
        )
        from selenium.webdriver.support.ui import WebDriverWait

        # The page may redraw an element while it is being read: then look again.
        ignored = [NoSuchElementException, StaleElementReferenceException]
        return WebDriverWait(self.browser, 30, ignored_exceptions=ignored).until(
            lambda _: condition()
        )

    def settle(self):
        """Wait until Gradio has the page, which is drawn beside it at first."""
        self.wait(lambda: self.find(".gradio-container h1").is_displayed())

    def reload(self):
        self.browser.refresh()
        self.settle()

    def insert(self, text):
        """As an input method does it: keys have no emoji."""
        self.browser.execute_cdp_cmd("Input.insertText", {"text": text})

    def write(self, text):
        field = self.find("#text")
        field.clear()
        field.click()
        self.insert(text)
        self.wait(lambda: field.get_property("value") == text)

    def press(self, selector):
        self.js("arguments[0].scrollIntoView({block: 'center'})", self.find(selector))
        self.find(selector).click()

    def hold(self, held, key):
        from selenium.webdriver import ActionChains

        ActionChains(self.browser).key_down(held).send_keys(key).key_up(held).perform()

    def retype(self, selector, text):
        from selenium.webdriver import Keys

        self.find(selector).send_keys(Keys.CONTROL, "a", Keys.NULL, text, Keys.TAB)

    def generate(self, status="question"):
        self.find("#generate").click()
        self.wait(lambda: self.find("#generate").is_displayed() and status in self.said())

    def said(self):
        return self.find("#status").text + self.find("#problem").text

    def questions(self):
        return [field.get_property("value") for field in self.all(".card .asked")]

    def answers(self):
        return [field.get_property("value") for field in self.all(".card .answer")]

    def drop(self, content, *names):
        """Files of the same content, on the page."""
        self.js(
            "const data = new DataTransfer();"
            "for (const name of arguments[1]) data.items.add(new File([arguments[0]], name));"
            "for (const name of ['dragenter', 'drop']) document.body.dispatchEvent("
            "  new DragEvent(name, {bubbles: true, cancelable: true, dataTransfer: data}));",
            content, names,
        )  # fmt: skip

    def select(self, words):
        """In the text as it is edited."""
        self.js(
            "const area = document.querySelector('#text');"
            "const begin = area.value.indexOf(arguments[0]);"
            "area.focus(); area.setSelectionRange(begin, begin + arguments[0].length);",
            words,
        )

    def ask_with(self, text=TWO):
        self.write(text)
        self.generate()
        return self.questions()

    def marks(self):
        """The text before each mark in its paragraph, and the mark."""
        return self.js(
            "return [...document.querySelectorAll('#reading mark')].map(m => {"
            "  const range = document.createRange();"
            "  range.setStart(m.closest('p'), 0); range.setEndBefore(m);"
            "  return [range.toString(), m.textContent]; });"
        )

    def lit(self):
        return "".join(page.get_property("textContent") for page in self.all("mark.lit"))

    def focused(self):
        """The name of what has the focus."""
        element = self.browser.switch_to.active_element
        return element.get_attribute("aria-label") or element.get_attribute("id")

    def errors(self):
        return [e for e in self.browser.get_log("browser") if e["level"] == "SEVERE"]

    def resize(self, width, height=900):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def colours(self, scheme, name="prefers-color-scheme"):
        feature = {"name": name, "value": scheme}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


@pytest.fixture
def page(browser, address):
    yield Page(browser, address)
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


@pytest.mark.slow
def test_asks_a_real_model_and_marks_the_answers(browser, generator):
    with pytest.MonkeyPatch.context() as patch:
        for module in ("selection", "pipeline"):  # a random model's questions are gibberish
            patch.setattr(f"qgen.asking.{module}.question_problem", lambda *_: None, raising=False)
        with served(create_app(generator, page=True)) as address:
            page = Page(browser, f"{address}/")
            shown = page.ask_with()
            assert len(shown) >= 4
            marks = page.marks()
            assert marks and all(f"{before}{answer}" in TWO for before, answer in marks)
            assert len(page.all("#reading p:has(mark)")) == 2, "of both paragraphs"
            assert page.errors() == []


@pytest.mark.slow
def test_what_shows_depends_on_what_there_is(page, model):
    def shown(*selectors):
        return [selector for selector in selectors if page.find(selector).is_displayed()]

    assert shown("#stop", "#export", "#print", "#toast", "#samples") == ["#samples"]
    page.generate("Put a text in first")
    page.write(TWO)
    assert shown("#stop", "#export", "#samples") == []
    model.go.clear()
    page.find("#generate").click()
    page.wait(lambda: shown("#stop", "#generate") == ["#stop"])
    time.sleep(0.6)  # or it would be the second click of a double click
    page.find("#stop").click()
    page.wait(lambda: shown("#stop", "#generate") == ["#generate"])
    assert page.said() == "Stopped." and page.questions() == []
    model.go.set()
    page.generate("questions")
    assert shown("#stop", "#export", "#print", "#samples") == ["#export", "#print"]
    sizes = {page.find(f"#{name}").size["height"] for name in ("generate", "export", "print")}
    assert len(sizes) == 1, "buttons of one size"


@pytest.mark.slow
def test_a_double_click_generates(page, model):
    from selenium.webdriver import ActionChains

    page.write(PASSAGE)
    model.go.clear()
    ActionChains(page.browser).double_click(page.find("#generate")).perform()
    page.wait(lambda: "Reading" in page.said())
    time.sleep(0.5)
    assert page.find("#stop").is_displayed() and "Stopped" not in page.said()
    assert page.focused() == "stop"
    model.go.set()
    page.wait(lambda: "questions" in page.said())
    page.wait(lambda: page.focused() == "generate")


@pytest.mark.slow
def test_a_sample_is_replaced_as_usual_and_nothing_of_it_stays(page):
    """Select all and paste: the selection must not become what is asked about."""
    from selenium.webdriver import Keys

    page.write(TWO)
    page.find("#text").send_keys(Keys.CONTROL, "ac")  # copied
    page.find("#text").send_keys(Keys.CONTROL, "a", Keys.NULL, Keys.DELETE)
    page.press("button.sample")
    sample = page.find("#text").get_property("value")
    page.find("#text").click()
    page.hold(Keys.CONTROL, "a")
    time.sleep(0.3)
    assert not page.find("#ask-this").is_displayed(), "all of a text is no answer"
    page.hold(Keys.CONTROL, "v")
    page.wait(lambda: page.find("#text").get_property("value") == TWO)
    page.generate("questions")
    assert all(answer in TWO and answer not in sample for answer in page.answers()[:1])
    assert page.errors() == []


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "A million bees \U0001f41d\U0001f309. "])
def test_a_selection_is_asked_about_where_it_stands(before, page, model):
    """The browser counts the bee and the bridge as two characters each, Python as one."""
    from selenium.webdriver import Keys

    passage = before + PASSAGE
    page.write(passage)
    begin = passage.rindex(" million ")
    units = len(passage[:begin].encode("utf-16-le")) // 2
    page.js(
        "arguments[0].focus(); arguments[0].setSelectionRange(arguments[1], arguments[2]);",
        page.find("#text"), units, units + len(" million "),
    )  # fmt: skip
    page.wait(lambda: page.find("#ask-this").is_displayed())
    asked = len(model.asked)
    page.find("#text").send_keys(Keys.TAB)  # the offer comes next
    focused = page.browser.switch_to.active_element
    assert focused.text == "Ask about this"
    focused.send_keys(Keys.ENTER)
    page.wait(lambda: page.answers() == ["million"])
    [request] = model.asked[asked][0]
    assert request.answers == (Answer("million", begin + 1),)
    page.wait(lambda: page.focused() == "Question 1")
    assert page.marks() == [[passage[: begin + 1], "million"]]


@pytest.mark.slow
def test_a_selection_of_the_marked_text_adds_a_question_in_its_place(page):
    page.ask_with()
    before = page.answers()
    page.js(
        "const node = document.querySelector('#reading p:last-child').lastChild.firstChild;"
        "const range = document.createRange(); range.selectNodeContents(node);"
        "const selection = getSelection(); selection.removeAllRanges(); selection.addRange(range);"
    )
    chosen = page.js("return getSelection().toString().trim()")
    page.wait(lambda: page.find("#ask-this").is_displayed())
    page.find("#ask-this").click()
    page.wait(lambda: page.answers() == [*before, chosen])


@pytest.mark.slow
def test_a_changed_text_clears_what_no_longer_stands_in_it(page):
    page.ask_with()
    assert page.all("#reading p:has(mark)")
    of_second = [a for a in page.answers() if a in OTHER and a not in PASSAGE]
    page.press("#edit-text")
    page.write(f"{OTHER}\n\nIt rained in London for a week in 1901.")
    assert page.questions(), "what was made stays while one types"
    page.js("const t = document.querySelector('#text'); t.focus(); t.setSelectionRange(0, 11)")
    page.wait(lambda: page.find("#ask-this").is_displayed())
    page.find("#ask-this").click()
    page.wait(lambda: "Asked about" in page.said())
    assert set(page.answers()) == {*of_second, "Marie Curie"}
    assert "went with the text" in page.find("#toast").text
    page.find("#undo").click()
    page.wait(lambda: len(page.answers()) > len(of_second) + 1)


@pytest.mark.slow
def test_a_card_is_edited_kept_deleted_restored_and_exported(page, browser):
    page.press("#setting-choices option[value='4']")
    first, second, *rest = page.ask_with(PASSAGE)
    page.all(".card textarea")[0].send_keys(" edited")
    page.press("[aria-label='Delete question 2']")  # the click that ends the editing counts
    page.wait(lambda: page.questions() == [f"{first} edited", *rest])
    page.find("#undo").click()
    page.wait(lambda: page.questions() == [f"{first} edited", second, *rest])
    page.retype("[aria-label$='of question 1, the right one']", "another answer")
    page.retype("[aria-label^='Choice'][aria-label$='of question 1']", "a wrong one")
    page.press("[aria-label='Keep question 1']")
    page.wait(lambda: len(page.all(".card.kept")) == 1)
    page.press("#format option[value='jsonl']")
    page.press("#export")
    path = browser.downloads / "questions.jsonl"
    page.wait(path.exists)
    [record] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    [question] = record["questions"]
    assert question["question"] == f"{first} edited", "the kept one alone"
    assert question["answer"] == "another answer"
    assert {"another answer", "a wrong one"} < set(question["choices"])
    path.unlink()
    page.reload()  # nothing of it is lost
    page.wait(lambda: page.questions() == [f"{first} edited", second, *rest])


def settled(page):
    """All that is kept, as it is on the screen."""
    page.wait(lambda: page.find(".gradio-container #cards"))
    fields = page.all("#text, .card textarea, #title, #setting-choices, #setting-max_answers")
    return [field.get_property("value") for field in fields]


def new_tab(page, address):
    page.browser.switch_to.new_window("tab")
    page.browser.get(address)
    page.settle()
    return page.browser.current_window_handle


@pytest.fixture
def tabs(page):
    """Closes those that a test opens."""
    first = page.browser.current_window_handle
    yield
    others = [tab for tab in page.browser.window_handles if tab != first]
    if first not in page.browser.window_handles:
        first = others.pop()
    for tab in others:
        page.browser.switch_to.window(tab)
        page.browser.close()
    page.browser.switch_to.window(first)


@pytest.mark.slow
def test_a_quiz_is_there_when_its_tab_was_closed_until_one_begins_anew(page, address, tabs):
    from selenium.webdriver import Keys

    page.press("#setting-choices option[value='4']")
    page.find("#setting-max_answers").send_keys(Keys.ARROW_LEFT)
    assert not page.find("#anew").is_displayed()
    page.ask_with()
    assert page.find("#anew").is_displayed() and not page.find("#kept").is_displayed()
    page.retype(".card .asked", "What is edited?")
    page.retype("[aria-label^='Choice B of question 1']", "an edited one")
    page.find("[aria-label^='Move question 3']").send_keys(Keys.ARROW_UP)
    page.press("[aria-label='Keep question 1']")
    page.press("[aria-label='Delete question 4']")
    page.retype("#title", "A title")
    before = settled(page)
    closed = page.browser.current_window_handle
    new_tab(page, address)
    page.browser.switch_to.window(closed)
    page.browser.close()
    page.browser.switch_to.window(page.browser.window_handles[-1])
    assert settled(page) == before and len(page.all(".card.kept")) == 1
    assert page.marks(), "where the answers stand"
    assert "from before" in page.find("#kept").text and page.find("#kept").is_displayed()
    page.find("#anew").send_keys(Keys.ENTER)
    page.wait(lambda: page.questions() == [] and page.find("#samples").is_displayed())
    assert page.focused() == "text" and not page.find("#kept").is_displayed()
    assert not page.find("#anew").is_displayed()
    assert page.find("#setting-choices").get_property("value") == "0"
    page.find("#undo").click()
    page.wait(lambda: settled(page) == before)
    page.reload()
    assert settled(page) == before
    page.press("#anew")
    page.reload()
    page.wait(lambda: page.find(".gradio-container #samples").is_displayed())
    assert page.find("#text").get_property("value") == "" and page.questions() == []
    assert "Golden" not in page.js(
        "return JSON.stringify([{...localStorage}, {...sessionStorage}])"
    )
    assert page.errors() == []


@pytest.mark.slow
def test_two_tabs_keep_apart(page, address, tabs):
    first = page.browser.current_window_handle
    shown = page.ask_with(PASSAGE)
    second = new_tab(page, address)
    assert page.questions() == shown
    page.press("#anew")
    page.write(OTHER)
    page.generate()
    others = page.questions()
    page.browser.switch_to.window(first)
    page.wait(lambda: "Another tab's quiz is kept now" in page.find("#kept").text)
    page.reload()
    page.wait(lambda: page.questions() == shown)
    assert "Another tab's quiz is kept now" in page.find("#kept").text
    page.press("[aria-label='Delete question 1']")
    assert not page.find("#kept").is_displayed()
    page.browser.switch_to.window(second)
    page.wait(lambda: "Another tab's quiz is kept now" in page.find("#kept").text)
    assert page.questions() == others
    third = new_tab(page, address)
    assert page.questions() == shown[1:], "what was changed last"
    page.browser.switch_to.window(first)
    page.press("[aria-label='Delete question 1']")
    page.browser.switch_to.window(third)
    page.wait(lambda: "Another tab's quiz is kept now" in page.find("#kept").text)
    page.reload()
    page.wait(lambda: page.questions() == shown[1:])
    kept = page.js("return localStorage.qgen")
    page.press("#anew")
    page.press("#setting-choices option[value='4']")
    page.generate("Put a text in first")
    page.js(FULL)
    page.write(OTHER)
    page.wait(lambda: "This browser cannot keep this" in page.find("#kept").text)
    assert page.js("return localStorage.qgen") == kept, "what another tab keeps stays"
    page.js("localStorage.clear()")
    page.browser.switch_to.window(first)
    page.wait(lambda: "not kept any more" in page.find("#kept").text)
    page.reload()
    page.wait(lambda: page.questions() == shown[2:])
    assert "not kept any more" in page.find("#kept").text


REFUSED = (
    "for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name,"
    "  {get() { throw new DOMException('no', 'SecurityError'); }});"
)
FULL = "Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); };"


@pytest.mark.slow
@pytest.mark.parametrize("storage", [REFUSED, FULL], ids=["refused", "full"])
def test_works_where_nothing_can_be_kept(page, storage):
    shown = page.ask_with(PASSAGE)
    given = {"source": storage}
    script = page.browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", given)
    try:
        page.reload()
        page.press("#theme")
        if storage is FULL:
            page.wait(lambda: page.questions() == shown)
            page.press("#anew")
        page.ask_with(OTHER)
        assert "This browser cannot keep this" in page.find("#kept").text
        assert page.errors() == []
    finally:
        page.browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
    page.reload()
    assert page.questions() == (shown if storage is REFUSED else []), "none that is out of date"


@pytest.mark.slow
def test_what_another_version_kept_does_no_harm(page):
    page.ask_with(PASSAGE)
    kept = page.js("return JSON.parse(localStorage.qgen)")

    def restored(value):
        page.js("sessionStorage.clear(); localStorage.qgen = arguments[0]", value)
        page.reload()
        assert page.errors() == []
        return page.find("#kept").text if page.find("#kept").is_displayed() else ""

    state = kept["state"]
    for value in [
        "{", "[]", "7", json.dumps({"state": None}),
        json.dumps({"state": {**state, "passages": 3}}),
        json.dumps({"state": {**state, "questions": [{"question": "When?"}]}}),
        json.dumps({"state": {**state, "passages": []}}),
    ]:  # fmt: skip
        assert "another version" in restored(value), value
        assert page.questions() == []
        page.write(PASSAGE)
        assert not page.find("#kept").is_displayed()
    settings = {"choices": 99, "types": "all", "max_answers": {}, "gone": 1, "settings": 3}
    less = {name: state[name] for name in ("text", "passages", "questions", "marked")}
    assert "from before" in restored(json.dumps({"state": less, "settings": settings}))
    assert len(page.questions()) == len(state["questions"])
    page.js("sessionStorage.qgen = '{'")  # what all tabs keep is tried, too
    page.reload()
    assert len(page.questions()) == len(state["questions"])
    page.generate("questions")


@pytest.mark.slow
def test_a_quiz_is_saved_and_opened_again(page, browser):
    page.press("#setting-choices option[value='4']")
    _, second, *rest = page.ask_with(f"{TWO}\n\nIt rains.")
    page.retype(".card .asked", "What is edited?")
    page.retype("#title", "A title")
    page.press("#format option[value='jsonl']")
    page.press("#export")
    path = browser.downloads / "questions.jsonl"
    page.wait(path.exists)
    before = settled(page)[1:]
    paragraphs = [one.text for one in page.all("#reading p")]
    page.press("#view-take")
    page.press("#edit-text")
    page.write(OTHER)
    page.drop(path.read_text(encoding="utf-8"), "saved.jsonl")
    page.wait(lambda: page.questions() == ["What is edited?", second, *rest])
    assert settled(page)[1:] == before
    assert [one.text for one in page.all("#reading p")] == paragraphs
    assert f"paragraphs, {len(rest) + 2} questions" in page.find("#text-note").text
    assert page.marks()
    page.press("[aria-label='Another one for the answer of question 2']")
    page.wait(lambda: page.questions()[1] == second.replace("beam 0", "beam 1"))
    path.write_text(json.dumps({"passage": PASSAGE}), encoding="utf-8")
    page.find("#upload").send_keys(str(path))
    page.wait(lambda: "no questions to edit" in page.said())
    assert len(page.questions()) == len(rest) + 2
    path.unlink()
    assert page.errors() == []


@pytest.mark.slow
def test_an_opened_quiz_keeps_what_its_text_would_not_be_read_as(page, model):
    """Paragraphs that are no prose, and what stands over one."""
    from selenium.webdriver import Keys

    def asked(question, answer, start, **more):
        return {"question": question, "answer": answer, "answer_start": start, "kind": "",
                "score": -1.0, "confidence": None} | more  # fmt: skip

    rows = [
        {"passage": "Bridges", "questions": [asked("Of what?", "Bridges", 0)]},
        {"passage": PASSAGE, "headings": ["Part 1"],
         "questions": [asked("It cost little.", "False", 0, type="true-false")]},
    ]  # fmt: skip
    page.drop("\n".join(map(json.dumps, rows)), "saved.jsonl")
    page.wait(lambda: page.questions() == ["Of what?", "It cost little."])
    page.retype("[aria-label='Answer to question 2']", "No")
    page.wait(lambda: "True or False" in page.find("#toast").text)
    page.retype("[aria-label='Answer to question 2']", "True")
    assert page.answers() == ["Bridges", "True"]
    for more, words, answers in [
        ("", "1937", {"Bridges", "True", "1937"}),
        (f"\n\n{OTHER}", "million", {"True", "1937", "million"}),
    ]:
        page.press("#edit-text")
        page.find("#text").send_keys(Keys.CONTROL, Keys.END, Keys.NULL)
        if more:
            page.insert(more)
        page.select(words)
        page.wait(lambda: page.find("#ask-this").is_displayed())
        page.find("#ask-this").click()
        page.wait(lambda words=words: words in page.answers())
        assert {*page.answers()} == answers
        assert model.asked[-1][0][0].headings == ("Part 1",)
    assert page.find("#toast span").text == "1 question went with the text that was taken out."
    assert page.errors() == []


@pytest.mark.slow
def test_a_statement_is_taken_and_printed_as_true_or_false(page):
    start = PASSAGE.index("1937")
    sentence = PASSAGE[: PASSAGE.index(".") + 1]
    statement = {"question": "The bridge opened in 1936.", "answer": "False", "answer_start": start,
                 "kind": "", "score": -1.0, "confidence": None, "type": "true-false"}  # fmt: skip
    year = statement | {"question": "When was that?", "answer": "1937", "type": "wh"}
    edited = year | {"answer": "that year", "answer_start": None}
    row = {"passage": PASSAGE, "questions": [statement, year, edited]}
    page.drop(json.dumps(row), "saved.jsonl")
    page.wait(lambda: len(page.questions()) == 3)
    assert "".join(mark for _, mark in page.marks()) == sentence, "no answer of it is in the text"
    assert len(page.all("[data-key$='-another']")) == 1, "it has no answer to ask for"
    pill = page.js("return document.querySelector('#cards .pill').textContent")
    assert pill == "true or false", "as the settings call it"
    page.find("#reading mark:nth-of-type(2)").click()
    page.wait(lambda: page.focused() == "Question 2")
    page.js("dispatchEvent(new Event('beforeprint'))")
    boxes = page.js("return [...document.querySelectorAll('#sheet ul li')].map(e => e.textContent)")
    assert boxes == ["True", "False"]
    key = page.js("return [...document.querySelectorAll('#sheet .key li')].map(e => e.innerHTML)")
    assert "<q>" in key[1] and "<q>" not in key[2], "no quotation marks round nothing"
    page.press("#view-take")
    assert [choice.text.split()[-1] for choice in page.all(".choice")] == ["True", "False"]
    page.press(".choice")
    page.wait(lambda: page.find("#points").text == "0 of 1 right so far")
    page.wait(lambda: page.lit() == sentence)


@pytest.mark.slow
def test_the_title_is_the_document_s_or_how_the_text_begins(page, tmp_path):
    from selenium.webdriver import Keys

    def title():
        return page.find("#title").get_property("value")

    path = tmp_path / "Two bridges.md"
    path.write_text(PASSAGE, encoding="utf-8")
    page.find("#upload").send_keys(str(path))
    page.wait(lambda: page.find("#reading").is_displayed())
    page.generate()
    assert title() == "Two bridges"
    page.retype("#title", "Mine")
    page.retype("#title", Keys.DELETE)
    assert title() == "Two bridges"
    page.press("#edit-text")
    page.find("#text").send_keys(" It is red.")
    page.generate()
    assert title() == "Two bridges", "a small edit makes no other text"
    page.retype("#title", "Mine")
    page.press("#edit-text")
    page.find("#text").send_keys(Keys.CONTROL, "a", Keys.NULL)
    page.insert(OTHER)
    page.generate("questions")
    assert title() == "Marie Curie was born in Warsaw in 1867. …"
    saved = page.js("return JSON.parse(sessionStorage.qgen).state.questions[0]")
    names = ("question", "answer", "answer_start", "kind", "score", "confidence")
    row = {"passage": OTHER, "questions": [{name: saved[name] for name in names}]}
    page.find("#title").click()
    page.drop(json.dumps(row | {"title": "Saved"}), "saved.jsonl")
    page.wait(lambda: len(page.questions()) == 1)
    page.find("#title").send_keys(Keys.TAB)
    assert title() == "Saved", "also where one was in the middle of it"
    page.press("#format option[value='html']")
    page.press("#export")
    exported = page.browser.downloads / "questions.html"
    page.wait(exported.exists)
    assert f'<h1 dir="auto">{title()}</h1>' in exported.read_text(encoding="utf-8")


@pytest.mark.slow
def test_what_is_put_into_a_card_is_seen_and_is_one_line(page):
    from selenium.webdriver import Keys

    page.press("#setting-choices option[value='4']")
    first, second, *_ = page.ask_with(PASSAGE)
    page.retype(".card .asked", Keys.DELETE)
    page.all(".card .asked")[1].click()
    page.insert("In\none line:\n")
    assert page.questions()[:2] != [first, second]
    page.press("#text-note")
    page.wait(lambda: page.questions()[0] == first)
    shown = page.questions()[1]
    assert "\n" not in shown and "one line:" in shown
    field = page.find(".card .choices textarea")
    field.click()
    page.insert("a choice of more words than one line can hold " * 9)
    height, needed = page.js("return [arguments[0].clientHeight, arguments[0].scrollHeight]", field)
    assert height >= needed > 60
    page.press("[aria-label='Delete question 2']")  # the click that ends the editing counts
    page.wait(lambda: page.questions()[1] != shown)
    assert len(page.find(".card .choices textarea").get_property("value")) > 400
    page.retype(".card .choices li:nth-child(2) textarea", "the same")
    page.retype(".card .choices li:nth-child(3) textarea", "The same")
    page.wait(lambda: "such a choice" in page.find("#toast").text)
    values = [one.get_property("value") for one in page.all(".card:first-child .choices textarea")]
    assert len({*values}) == 4


@pytest.mark.slow
def test_a_step_is_told_and_nothing_else_again(page):
    page.ask_with(PASSAGE)
    page.reload()
    page.wait(lambda: page.find("#kept").text and page.find("#text-note").text)
    page.js(
        "window.told = []; const note = (all) => all.forEach(({target}) =>"
        "  told.push(target.closest('[role=status]').id));"
        "for (const one of document.querySelectorAll('[role=status]'))"
        "  new MutationObserver(note).observe(one, {childList: true, subtree: true});"
    )
    page.press("[aria-label='Keep question 1']")
    assert page.js("return told") == ["toast"]


@pytest.mark.slow
def test_what_is_being_typed_is_printed_and_is_there_after_a_reload(page):
    first, *_ = page.ask_with(PASSAGE)
    page.find(".card .asked").send_keys(" edited")
    page.js("dispatchEvent(new Event('beforeprint'))")
    assert f"{first} edited" in page.find("#sheet").get_property("textContent")
    page.find(".card .asked").send_keys(" again")
    page.reload()
    page.wait(lambda: page.questions()[0] == f"{first} edited again")


@pytest.mark.slow
def test_what_is_put_in_from_right_to_left_stands_so(page):
    def directions(*selectors):
        return {page.find(one).value_of_css_property("direction") for one in selectors}

    page.ask_with(PASSAGE)
    for selector in ("#title", ".card .asked", ".card .answer"):
        page.retype(selector, "מתי נפתח הגשר?")
    assert directions("#title", ".card .asked", ".card .answer") == {"rtl"}
    page.js("dispatchEvent(new Event('beforeprint'))")
    sheet = ("#sheet h2", "#sheet > ol p", "#sheet strong bdi")
    assert directions(*sheet) == {"rtl"}
    page.press("#view-take")
    page.press(".card .quiet")
    assert directions(".card .asked", ".card .revealed bdi") == {"rtl"}


@pytest.mark.slow
def test_undo_takes_back_the_last_change_alone(page):
    from selenium.webdriver import Keys

    shown = [first, second, *rest] = page.ask_with(PASSAGE)
    page.press("[aria-label='Delete question 2']")
    page.find(".card .asked").send_keys(" edited", Keys.TAB)
    assert page.find("#toast span").text == "Question 1 changed."
    page.find("#undo").click()
    page.wait(lambda: page.questions() == [first, *rest])
    assert page.focused() == "Question 1", "what came back"
    page.hold(Keys.CONTROL, "z")
    page.wait(lambda: page.questions() == shown)
    answers = page.answers()
    page.find(".card .answer").send_keys(" edited", Keys.ENTER)
    assert page.answers()[0] == f"{answers[0]} edited"
    page.hold(Keys.CONTROL, "z")
    page.wait(lambda: page.answers() == answers)
    page.press("[aria-label='Keep question 1']")
    page.find("[aria-label^='Move question 1']").send_keys(Keys.ARROW_DOWN)
    page.wait(lambda: page.questions() == [second, first, *rest])
    page.press("#edit-text")
    page.find("#text").send_keys(" Typed since.")
    page.find("#undo").click()
    page.wait(lambda: page.questions() == shown)
    assert len(page.all(".card.kept")) == 1
    assert page.find("#text").get_property("value").endswith(" Typed since.")


@pytest.mark.slow
def test_what_was_there_comes_back_where_asking_was_stopped_half_way(page, model):
    page.ask_with(PASSAGE)
    page.find(".card .asked").send_keys(" edited")
    page.press("#edit-text")
    more = [f"{PASSAGE} This is paragraph {number}." for number in range(9)]
    page.write("\n\n".join([PASSAGE, *more, OTHER]))
    before = page.questions()
    model.held = "Warsaw"
    model.go.clear()
    page.find("#generate").click()
    page.wait(lambda: len(page.questions()) not in (0, len(before)))
    assert not page.find("#toast").is_displayed() or not page.find("#undo").is_enabled()
    page.find("#stop").click()
    page.wait(lambda: page.said() == "Stopped.")
    model.go.set()
    model.held = ""
    assert "replaced" in page.find("#toast").text
    page.find("#undo").click()
    page.wait(lambda: page.questions() == before)


@pytest.mark.slow
def test_the_focus_is_not_lost_with_what_had_it(page):
    from selenium.webdriver import ActionChains, Keys

    page.ask_with(PASSAGE)
    for button in ("#undo", "#dismiss"):
        page.find("[aria-label^='Move question 2']").send_keys(Keys.ARROW_UP)
        page.js("arguments[0].focus()", page.find(button))
        ActionChains(page.browser).send_keys(Keys.ENTER).perform()
        assert not page.find("#toast").is_displayed()
        assert page.focused().startswith("Move question"), "where it was before"
    for _ in page.questions():
        page.find("[aria-label='Delete question 1']").send_keys(Keys.ENTER)
    page.wait(lambda: page.focused() == "undo")
    page.browser.switch_to.active_element.send_keys(Keys.ENTER)
    page.wait(lambda: page.focused() == "Question 1")


@pytest.mark.slow
def test_what_is_undone_is_done_again_until_something_else_is(page):
    from selenium.webdriver import ActionChains, Keys

    def redo():
        page.hold(Keys.CONTROL, "y")

    shown = [first, _, *rest] = page.ask_with(PASSAGE)
    page.press("[aria-label='Delete question 2']")
    page.find(".card .asked").send_keys(" edited", Keys.TAB)
    edited = [f"{first} edited", *rest]
    for back in ([first, *rest], shown):
        page.hold(Keys.CONTROL, "z")
        page.wait(lambda back=back: page.questions() == back)
    redo()
    page.wait(lambda: page.questions() == [first, *rest])
    both = ActionChains(page.browser).key_down(Keys.CONTROL).key_down(Keys.SHIFT)
    both.send_keys("z").key_up(Keys.SHIFT).key_up(Keys.CONTROL).perform()
    page.wait(lambda: page.questions() == edited)
    redo()
    assert page.questions() == edited, "there is no more"
    page.hold(Keys.CONTROL, "z")
    page.wait(lambda: page.questions() == [first, *rest])
    page.press("[aria-label='Delete question 1']")
    redo()
    assert page.questions() == rest, "that went another way"
    page.hold(Keys.CONTROL, "z")
    page.wait(lambda: page.questions() == [first, *rest])
    page.press("#anew")
    page.find("#undo").click()
    page.wait(lambda: page.questions() == [first, *rest])
    page.js("document.activeElement.blur()")
    redo()
    page.wait(lambda: page.find("#samples").is_displayed())
    page.hold(Keys.CONTROL, "z")
    page.wait(lambda: page.questions() == [first, *rest])


@pytest.mark.slow
def test_another_question_is_asked_while_one_goes_on(page, model):
    from selenium.webdriver import Keys

    first, _, third, *rest = page.ask_with(PASSAGE)
    again = first.replace("beam 0", "beam 1")
    model.go.clear()
    page.press("[aria-label='Another one for the answer of question 1']")
    page.press("[aria-label='Another one for the answer of question 2']")
    page.press("[aria-label='Delete question 2']")
    page.all(".card .asked")[1].send_keys(" and")
    model.go.set()
    page.wait(lambda: page.questions() == [again, f"{third} and", *rest])
    page.browser.switch_to.active_element.send_keys(" more")
    assert page.questions()[1] == f"{third} and more", "the caret stays"
    page.press("#text-note")
    # Which of the two answers came first decides which of the other changes is the older one.
    for back in (
        [[again, f"{third} and"]],
        [[again, third], [first, f"{third} and"]],
        [[first, third]],
    ):
        page.hold(Keys.CONTROL, "z")
        page.wait(lambda back=back: page.questions() in [[*two, *rest] for two in back])
    buttons = page.all("[aria-label^='Another one']")
    assert {button.text for button in buttons} == {"Another one"}, "none is asked for any more"


@pytest.mark.slow
def test_the_focus_stays_while_another_question_is_asked(page, model):
    from selenium.webdriver import Keys

    page.ask_with(PASSAGE)
    model.go.clear()
    button = "[aria-label='Another one for the answer of question 1']"
    page.find(button).send_keys(Keys.ENTER)
    page.wait(lambda: page.find(button).text == "Asking …")
    page.browser.switch_to.active_element.send_keys(Keys.ENTER)
    model.go.set()
    page.wait(lambda: page.find(button).text == "Another one")
    assert page.focused() == "Another one for the answer of question 1"
    assert "beam 1" in page.questions()[0], "it is asked once"


@pytest.mark.slow
def test_that_there_is_no_other_question_is_said_in_sight(page):
    page.resize(1280, 500)
    page.ask_with(PASSAGE)
    last = "[aria-label='Another one for the answer of question 7']"
    page.press(last)
    for _ in range(10):
        page.wait(lambda: page.find(last).text == "Another one")
        page.press(last)
    page.wait(lambda: "No other question for" in page.find("#toast").text)
    assert page.find("#toast").is_displayed() and not page.find("#undo").is_displayed()
    assert not page.find("#problem").is_displayed()


@pytest.mark.slow
def test_another_question_for_the_same_answer(page):
    first, *rest = page.ask_with(PASSAGE)
    for beam in (1, 2):
        page.press("[aria-label='Another one for the answer of question 1']")
        page.wait(lambda b=beam: page.questions() == [first.replace("beam 0", f"beam {b}"), *rest])
    page.find("#undo").click()
    page.wait(lambda: page.questions() == [first.replace("beam 0", "beam 1"), *rest])


@pytest.mark.slow
def test_order_by_mouse_and_by_keys(page):
    from selenium.webdriver import ActionChains, Keys

    first, second, third, *rest = page.ask_with(PASSAGE)
    handles = page.all("button.handle")
    page.js("arguments[0].scrollIntoView({block: 'center'})", handles[1])
    below = page.all(".card")[2].rect["y"] + page.all(".card")[2].rect["height"]
    half = (below - handles[0].rect["y"]) // 2
    drag = ActionChains(page.browser).click_and_hold(handles[0])
    drag.move_by_offset(0, half).move_by_offset(0, half).release().perform()
    page.wait(lambda: page.questions() == [second, third, first, *rest])
    drag = ActionChains(page.browser).click_and_hold(page.find("button.handle"))
    drag.move_by_offset(0, half).move_by_offset(0, half).send_keys(Keys.ESCAPE).release().perform()
    assert page.questions() == [second, third, first, *rest], "taken back with Escape"
    page.find("[aria-label^='Move question 3']").send_keys(Keys.ARROW_UP)
    page.wait(lambda: page.questions() == [second, first, third, *rest])
    ActionChains(page.browser).send_keys(Keys.ARROW_UP).perform()  # the focus went with it
    page.wait(lambda: page.questions() == [first, second, third, *rest])


@pytest.mark.slow
def test_a_card_that_is_drawn_anew_while_it_is_dragged_is_there_once(page):
    shown = page.ask_with(PASSAGE)
    page.js(
        "const at = (target, name, clientY) => target.dispatchEvent("
        "  new PointerEvent(name, {bubbles: true, cancelable: true, button: 0, clientY}));"
        "at(document.querySelector('.handle'), 'pointerdown', 100);"
        "at(document, 'pointermove', 9000);"
        "document.querySelector('[aria-label=\"Keep question 2\"]').click();"
        "at(document, 'pointermove', -9000); at(document, 'pointerup', -9000);"
    )
    assert page.questions() == shown


@pytest.mark.slow
def test_a_changed_question_is_checked_again(page, monkeypatch):
    from selenium.webdriver import Keys

    checked, go = [], threading.Event()

    def verdicts(_, questions):
        go.wait(20)
        checked.extend(questions)
        return [Verdict(0.42, reasons=("two answers fit",)) for _ in questions]

    monkeypatch.setattr("qgen.asking.scoring.score_questions", verdicts)
    [first, *_] = page.ask_with(PASSAGE)
    page.press(".card .sure")
    page.find(".card .asked").send_keys(" edited", Keys.TAB)
    assert page.find(".card .sure").text == "not checked"
    page.press("[aria-label='Keep question 1']")  # the step before it has no verdict yet
    go.set()
    page.wait(lambda: page.find(".card .sure").text.split() == "unsure 42 %".split())
    assert [(passage, asked.question) for passage, asked in checked] == [
        (PASSAGE, f"{first} edited")
    ]
    assert "two answers fit" in page.find(".reasons").text
    page.retype(".card .answer", "a ship")
    page.wait(lambda: "the answer 'a ship' is not in the passage" in page.find(".reasons").text)
    assert page.find(".card .sure").text == "not checked"
    page.hold(Keys.CONTROL, "z")
    page.wait(lambda: page.find(".card .sure").text.startswith("unsure"))
    page.hold(Keys.CONTROL, "z")
    page.wait(lambda: not page.all(".card.kept"))
    page.wait(lambda: page.find(".card .sure").text.startswith("unsure"))
    page.hold(Keys.CONTROL, "z")
    page.wait(lambda: page.find(".card .sure").text.startswith("very sure"))
    assert page.questions()[0] == first and page.errors() == []


@pytest.mark.slow
def test_the_less_sure_are_hidden_and_why_is_said(page):
    from selenium.webdriver import Keys

    shown = page.ask_with(PASSAGE)
    assert page.all(".card .sure")[0].text.split() == "very sure 97 %".split()
    page.all(".card .sure")[0].click()
    assert "about 97 are not wrong" in page.find(".reasons").text
    slider = page.find("#sure")
    for _ in range(18):
        slider.send_keys(Keys.ARROW_RIGHT)
    page.wait(lambda: 0 < len(page.questions()) < len(shown))
    assert page.find("#sure-value").text.startswith("90 %")
    assert all(one.text.startswith("very sure") for one in page.all(".card .sure"))
    slider.send_keys(Keys.END)
    page.wait(lambda: page.questions() == [])
    page.press("#view-take")
    assert page.find("#all-hidden").is_displayed(), "where there is no slider"
    page.press("#show-all")
    page.press("#view-edit")
    page.wait(lambda: page.questions() == shown)
    page.press("[aria-label='Keep question 2']")
    page.find("#sure").send_keys(Keys.END)
    page.wait(lambda: page.questions() == [shown[1]])


@pytest.mark.slow
def test_an_answer_lights_up_where_it_stands_and_the_text_stays_in_view(page):
    page.resize(1280, 700)
    page.ask_with(f"{TWO}\n\nIt rained in London for a week in 1901.")
    card = page.all(".card")[-1]
    page.js("scrollTo(0, document.body.scrollHeight)")
    card.find_element("css selector", "textarea").click()
    page.wait(lambda: page.lit() == page.answers()[-1])
    assert page.all(".evidence"), "and its sentence"
    box = page.js("return document.querySelector('#reading').getBoundingClientRect().toJSON()")
    assert box["top"] >= 0 and box["bottom"] <= 700
    page.js("scrollTo(0, 0)")
    page.all("#reading mark")[0].click()
    page.wait(lambda: page.browser.switch_to.active_element.tag_name == "textarea")


def colours(page, *selectors):
    """Those of the borders of what is selected."""
    return page.js(
        "return [...new Set([...document.querySelectorAll(arguments[0])]"
        ".map(e => getComputedStyle(e).borderTopColor))]", ", ".join(selectors)
    )  # fmt: skip


@pytest.mark.slow
def test_a_quiz_is_taken_and_printed(page):
    page.press("#setting-choices option[value='4']")
    page.ask_with(PASSAGE)
    assert page.find("#title").get_property("value").startswith("The Golden Gate")
    page.retype("#title", "Bridges & boats")
    right = [q["answer"] for q in page.js("return JSON.parse(sessionStorage.qgen).state.questions")]
    page.press("#view-take")
    assert page.all("mark.lit") == [] and not page.all(".verdict")
    assert not page.find("#ask").is_displayed()
    assert len(colours(page, ".card:last-child .choice")) == 1, "none is marked before"
    page.all(".card")[0].find_element("xpath", f".//button[contains(., '{right[0]}')]").click()
    page.wait(lambda: page.find("#points").text == "1 of 1 right so far")
    page.all(".card")[1].find_element("xpath", ".//button[contains(., 'Nobody')]").click()
    page.wait(lambda: page.find("#points").text == "1 of 2 right so far")
    assert page.find(".wrong .verdict").text == "✗ your choice"
    assert page.focused() == "Where it stands, of question 2", "for the next key"
    second = ".card:nth-child(2) li"
    kinds = [".right", ".wrong", ":not(.right, .wrong)"]
    assert len({*colours(page, *(f"{second}{kind} .choice" for kind in kinds))}) == 3
    page.wait(lambda: page.lit() == right[1])
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    page.js("dispatchEvent(new Event('beforeprint'))")
    sheet, key = page.find("#sheet").text, page.find("#sheet .key").text
    assert sheet.startswith("Bridges & boats\n")
    assert all(answer in key for answer in right)
    assert "Golden Gate Bridge opened" in key, "the sentence that shows it"
    assert "Nobody" in sheet and "Nobody" not in key
    assert not page.find("#tools").is_displayed() and not page.find(".left").is_displayed()


@pytest.mark.slow
def test_a_taken_quiz_ends_and_what_was_wrong_is_taken_again(page):
    page.press("#setting-choices option[value='4']")
    page.ask_with(PASSAGE)
    page.press("#view-take")
    right = [q["answer"] for q in page.js("return JSON.parse(sessionStorage.qgen).state.questions")]
    count = len(right)

    def choose(number, wrong=()):
        answer = "Nobody" if number in wrong else right[number - 1]
        card = page.find(f".card:has([aria-label$=' question {number}'])")
        button = card.find_element("xpath", f".//button[contains(., '{answer}')]")
        page.js("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()

    def offered():
        buttons = page.all("#take-again, #take-wrong")
        return [button.text for button in buttons if button.is_displayed()]

    for number in (*range(2, count + 1), 1):  # in whichever order
        assert offered() == []
        choose(number, wrong=(1, 3))
    page.wait(lambda: page.find("#points").text == f"{count - 2} of {count} right")
    assert page.find("#points").get_attribute("role") == "status"
    box = page.js("return document.querySelector('#result').getBoundingClientRect().toJSON()")
    assert 0 < box["top"] < box["bottom"] <= 1000, "in sight, though the first card was the last"
    assert offered() == ["Take again", "Only the wrong ones"]
    page.reload()
    page.wait(lambda: offered() == ["Take again", "Only the wrong ones"])
    page.press("#take-wrong")
    page.wait(lambda: [n.text for n in page.all(".number")] == ["1", "3"])
    assert page.browser.switch_to.active_element.text.startswith("A"), "the first one's choices"
    assert page.find("#points").text == "" and offered() == []
    choose(1)
    choose(3, wrong=(3,))
    page.wait(lambda: page.find("#points").text == "1 of 2 right")
    page.press("#take-wrong")
    page.wait(lambda: [n.text for n in page.all(".number")] == ["3"])
    choose(3)
    page.wait(lambda: page.find("#points").text == "1 of 1 right")
    assert offered() == ["Take again"]
    page.press("#take-again")
    page.wait(lambda: len(page.all(".card")) == count and not page.all(".verdict"))
    page.press("#view-edit")
    assert len(page.questions()) == count


@pytest.mark.slow
def test_what_is_undone_while_a_quiz_is_taken_leaves_what_was_answered(page):
    from selenium.webdriver import Keys

    def numbers():
        return [number.text for number in page.all(".number")]

    page.press("#setting-choices option[value='4']")
    shown = page.ask_with(PASSAGE)
    page.press("[aria-label='Keep question 1']")
    page.press("[aria-label='Delete question 2']")
    page.hold(Keys.CONTROL, "z")
    page.wait(lambda: page.questions() == shown)
    page.press("#view-take")
    page.press("#view-edit")
    page.hold(Keys.CONTROL, "y")
    page.wait(lambda: len(page.questions()) == len(shown) - 1)
    page.hold(Keys.CONTROL, "z")
    page.press("#view-take")
    page.press(".card:nth-child(1) .choice")
    page.press(".card:nth-child(2) .choice")
    page.wait(lambda: "of 2 right so far" in page.find("#points").text)
    said = page.find("#points").text
    page.press("#view-take")  # which it is already
    page.hold(Keys.CONTROL, "z")
    page.wait(lambda: page.js("return !JSON.parse(sessionStorage.qgen).state.questions[0].kept"))
    assert page.find("#points").text == said

    for number in range(3, len(shown) + 1):
        page.press(f".card:nth-child({number}) [data-key$='-look']")
    page.press("#take-wrong")
    page.wait(lambda: len(numbers()) < len(shown) or said.startswith("0"))
    page.press("#view-edit")
    page.press(f"[aria-label='Delete question {len(shown)}']")
    page.press("#view-take")
    page.press(".card .choice")
    page.hold(Keys.CONTROL, "z")
    page.wait(lambda: len(numbers()) == len(shown))
    assert page.find("#points").text.endswith("of 1 right so far")


@pytest.mark.slow
def test_the_focus_goes_on_to_what_is_not_answered_yet(page):
    page.press("#setting-choices option[value='4']")
    count = len(page.ask_with(PASSAGE))
    page.js(  # as after an edit that no longer stands in the text: nothing to show of it
        "const kept = JSON.parse(sessionStorage.qgen);"
        "for (const question of kept.state.questions) question.start = null;"
        "sessionStorage.qgen = JSON.stringify(kept);"
    )
    page.reload()
    page.wait(lambda: len(page.questions()) == count)
    page.press("#view-take")
    order = [2, count, 1, *range(3, count)]
    for number, after in zip(order, [3, 1, 3, *range(4, count)], strict=False):
        page.press(f".card:nth-child({number}) .choice")
        within = f".card:nth-child({after}) .choice"
        page.wait(
            lambda w=within: page.js("return document.activeElement.matches(arguments[0])", w)
        )
    page.press(f".card:nth-child({count - 1}) .choice")
    page.wait(lambda: page.focused() == "take-again")


@pytest.mark.slow
def test_whoever_takes_it_says_whether_an_answer_without_choices_was_right(page):
    from selenium.webdriver import ActionChains, Keys

    def key(pressed):
        ActionChains(page.browser).send_keys(pressed).perform()

    page.ask_with("Marie Curie was born in Warsaw.")
    [first, *others] = page.answers()
    page.press("#view-take")
    assert page.all(".revealed") == []
    page.js("document.querySelector('.card button').focus()")
    key(Keys.ENTER)
    assert page.find(".revealed").text.endswith(first) and page.find("#points").text == ""
    assert page.focused() == "I was right about question 1"
    described = page.browser.switch_to.active_element.get_attribute("aria-describedby")
    assert first in page.browser.find_element("id", described).text, "the answer is read out"
    key(Keys.ENTER)
    page.wait(lambda: page.find("#points").text.startswith("1 of 1 right"))
    assert page.focused() == "I was right about question 1"
    key(Keys.TAB)
    key(Keys.SPACE)
    page.wait(lambda: page.find("#points").text.startswith("0 of 1 right"))
    pressed = [b.get_attribute("aria-pressed") for b in page.all(".card:first-child .own")]
    assert pressed == ["false", "true"], "one can think better of it"
    for number in range(2, len(others) + 2):
        page.press(f"[aria-label='Show answer to question {number}']")
        page.press(f"[aria-label='I was right about question {number}']")
    page.wait(lambda: page.find("#points").text == f"{len(others)} of {len(others) + 1} right")
    page.press("#take-wrong")
    page.wait(lambda: len(page.all(".card")) == 1)
    assert page.focused() == "Show answer to question 1"


@pytest.mark.slow
def test_settings_are_passed_on(page, model):
    page.press("#settings")
    page.press("#more summary")
    box = page.find("#setting-do_sample")
    empty = box.screenshot_as_png
    box.click()
    assert box.screenshot_as_png != empty, "one sees that it is ticked"
    box.click()
    page.press("#setting-kinds label:nth-child(1)")
    page.press("#setting-choices option[value='3']")
    page.js(
        "const slider = document.querySelector('#setting-max_answers');"
        "slider.value = 3; slider.dispatchEvent(new Event('input', {bubbles: true}));"
    )
    page.write(PASSAGE)
    page.generate()
    _, _, quiz = model.asked[-1]
    assert (quiz.max_answers, quiz.kinds, quiz.choices) == (3, ("date",), 3)


@pytest.mark.slow
def test_enter_runs_what_is_open(page, model):
    from selenium.webdriver import Keys

    page.press("#settings")
    page.press("#more summary")
    page.write(PASSAGE)
    page.press("#tab-batch")
    asked = len(model.asked)
    page.find("#setting-max_length").send_keys(Keys.ENTER)
    page.wait(lambda: page.find("#progress").text == "Choose a file first.")
    page.hold(Keys.CONTROL, Keys.ENTER)
    page.press("#tab-text")
    assert page.said() == "" and len(model.asked) == asked, "the text is not in sight"
    page.hold(Keys.CONTROL, Keys.ENTER)
    page.wait(lambda: page.questions())


@pytest.mark.slow
def test_keys_change_nothing_that_is_not_in_sight(page, model):
    from selenium.webdriver import Keys

    first, *rest = page.ask_with(PASSAGE)
    asked = len(model.asked)
    page.find(".card .asked").send_keys(" edited")
    page.hold(Keys.CONTROL, Keys.ENTER)  # it ends the editing and does not ask for others
    assert page.find("#toast span").text == "Question 1 changed."
    page.press("#view-take")
    page.js("document.activeElement.blur()")
    page.hold(Keys.CONTROL, Keys.ENTER)
    assert page.find("#generate").get_property("hidden") is False
    page.press("#view-edit")
    page.press("#tab-batch")
    page.hold(Keys.CONTROL, "z")
    page.press("#tab-text")
    assert page.questions() == [f"{first} edited", *rest] and len(model.asked) == asked


@pytest.mark.slow
def test_a_setting_out_of_range_is_shown(page):
    page.press("#settings")
    page.press("#more summary")
    page.retype("#setting-max_length", "-5")
    page.press("#more summary")
    page.press("#settings")
    page.write(PASSAGE)
    page.find("#generate").click()
    page.wait(lambda: page.focused() == "setting-max_length")
    assert page.find("#setting-max_length").is_displayed() and page.said() == ""


@pytest.mark.slow
def test_what_is_left_out_of_a_text_is_said(page):
    page.ask_with(f"{PASSAGE}\n\n- one\n- two")
    assert page.find("#text-note").text == "1 paragraph; left out: 2 list items"


@pytest.mark.slow
def test_what_was_dropped_in_several_paragraphs_is_added_up(page):
    page.write(TWO)
    page.generate("dropped")
    assert page.said().endswith("; dropped: 4 repeating another question")


@pytest.mark.slow
def test_what_is_refused_is_said_and_the_questions_stay(page):
    shown = page.ask_with(PASSAGE)
    page.press("#edit-text")
    page.write("This is refused, whatever it says.")
    page.generate("the passage is refused")
    assert page.find("#problem").is_displayed()
    page.find("#undo").click()
    page.wait(lambda: page.questions() == shown)


@pytest.mark.slow
def test_that_the_service_is_gone_is_said(page, browser):
    browser.execute_cdp_cmd("Network.enable", {})
    try:
        page.write(PASSAGE)
        browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/v1/*"]})
        page.generate("cannot be reached")
        page.press("#edit-text")
        page.write(OTHER)
        browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*"]})
        page.generate("cannot be reached")
        page.drop(OTHER, "notes.txt")
        page.wait(lambda: "notes.txt cannot be sent" in page.said())
        assert "cannot be reached" in page.said()
    finally:
        browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})


WATCHED = """
const [faster, refused] = arguments;
const [real, now] = [fetch, performance.now.bind(performance)];
performance.now = () => faster * now();
window.sizes = [];
window.fetch = async (address, options) => {
  if (!String(address).endsWith("v1/questions")) return real(address, options);
  const { passages } = JSON.parse(options.body);
  sizes.push(passages.length);
  const late = () => passages.length > 1 || passages[0].passage.includes(refused);
  const error = { code: "timeout", message: "it took longer than 120 seconds", field: "" };
  if (refused && late()) return new Response(JSON.stringify({ error }), { status: 504 });
  if (faster > 1) await new Promise((resolve) => setTimeout(resolve, 100 * passages.length));
  return real(address, options);
};
"""
"""Notes how many passages each request has, and makes the clock go faster; with a word, requests
time out that have several passages, or one with that word."""


def many(count):
    return "\n\n".join(f"{PASSAGE} This is paragraph {n}." for n in range(1, count + 1))


@pytest.mark.slow
def test_so_many_paragraphs_are_asked_about_at_once_as_take_some_seconds(page):
    page.write(many(48))
    page.js(WATCHED, 1, "")
    page.generate("dropped")
    sizes = page.js("return sizes")
    assert sizes[:3] == [1, 1, 1] and max(sizes) == 4 and sum(sizes) == 48
    page.reload()
    page.press("#edit-text")
    page.write(many(13))
    page.js(WATCHED, 110, "")  # each paragraph takes 11 seconds and more
    page.generate("dropped")
    assert page.js("return sizes") == [1] * 13


@pytest.mark.slow
def test_paragraphs_that_take_too_long_together_are_asked_about_one_by_one(page):
    page.write(many(25))
    page.js(WATCHED, 1, "nothing of it")
    page.generate("dropped")
    sizes = page.js("return sizes")
    assert max(sizes) > 1 and sizes.count(1) == 25
    page.reload()
    page.js(WATCHED, 1, "paragraph 20.")
    page.generate("took longer than 120 seconds; ")
    assert "of 25 paragraphs were read" in page.said() and page.find("#problem").is_displayed()
    asked = page.questions()
    assert len(asked) > 10, "what had come stays"
    assert "replaced" in page.find("#toast").text


@pytest.mark.slow
def test_a_document_by_choosing_and_by_dropping(page, model, tmp_path):
    path = tmp_path / "notes.md"
    path.write_text(f"# Bridge\n\n{PASSAGE}\n\n{OTHER}\n", encoding="utf-8")
    page.find("#upload").send_keys(str(path))
    page.wait(lambda: [p.text for p in page.all("#reading p")] == [PASSAGE, OTHER])
    assert page.find("#text-note").text.startswith("notes.md: 2 paragraphs")
    model.asked.clear()
    page.press("#setting-choices option[value='3']")
    page.generate("questions")
    asked = {request.passage: request for requests, _, _ in model.asked for request in requests}
    assert {r.headings for r in asked.values()} == {("Bridge",)}
    assert (asked[PASSAGE].beside, asked[OTHER].beside) == ((OTHER,), (PASSAGE,))
    page.drop(OTHER, "dropped.txt", "other.txt")
    page.wait(lambda: [p.text for p in page.all("#reading p")] == [OTHER])
    assert page.find("#text-note").text == "dropped.txt: 1 paragraph; of 2 files only this one"
    page.press("#setting-choices option[value='5']")
    page.generate("questions")
    assert [r.headings for r in model.asked[-1][0]] == [()]
    assert page.find(".card .note").text == "1 of 5 choices not found"
    (tmp_path / "empty.md").write_text("# Only a heading\n", encoding="utf-8")
    page.find("#upload").send_keys(str(tmp_path / "empty.md"))
    page.wait(lambda: "empty.md holds no prose" in page.said())


@pytest.mark.slow
def test_a_document_ends_what_is_asked_about_another_text(page, model, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text(OTHER, encoding="utf-8")
    page.write(PASSAGE)
    model.go.clear()
    page.find("#generate").click()
    page.wait(lambda: "Reading 1 paragraph" in page.said())
    page.find("#upload").send_keys(str(path))
    page.wait(lambda: [p.text for p in page.all("#reading p")] == [OTHER])
    assert page.find("#generate").is_displayed()
    model.go.set()
    time.sleep(0.5)
    assert page.questions() == []
    page.find("#undo").click()
    page.wait(lambda: [p.text for p in page.all("#reading p")] == [PASSAGE])


def paragraphs_of(page):
    return [paragraph.text for paragraph in page.all("#reading p")]


@pytest.mark.slow
def test_a_document_that_is_read_slowly_is_put_in_if_it_is_still_wanted(page, model, monkeypatch):
    go, read = threading.Event(), build.read_document

    def slowly(path):
        assert path.name != "slow.txt" or go.wait(20)
        return read(path)

    def drop_slowly(text):
        go.clear()
        page.drop(text, "slow.txt")
        page.wait(lambda: "Reading slow.txt" in page.said())

    monkeypatch.setattr(build, "read_document", slowly)
    drop_slowly(PASSAGE)
    page.drop(OTHER, "quick.txt")
    page.wait(lambda: paragraphs_of(page) == [OTHER])
    go.set()
    time.sleep(1)
    assert paragraphs_of(page) == [OTHER], "the one that was dropped last"
    drop_slowly(PASSAGE)
    model.go.clear()
    page.find("#generate").click()
    page.wait(lambda: "Reading 1 paragraph" in page.said())
    go.set()
    page.wait(lambda: paragraphs_of(page) == [PASSAGE])
    model.go.set()
    time.sleep(0.5)
    assert page.questions() == [], "none about the text before"
    drop_slowly(OTHER)
    page.find("#anew").click()
    go.set()
    time.sleep(1)
    assert paragraphs_of(page) == [] and page.find("#text").get_property("value") == ""
    drop_slowly(OTHER)
    page.press("button.sample")
    sample = page.find("#text").get_property("value")
    assert sample and page.said() == ""
    go.set()
    time.sleep(1)
    assert page.find("#text").get_property("value") == sample


@pytest.fixture
def go(monkeypatch):
    """An event before which no text is read."""
    event, cut = threading.Event(), build.text_paragraphs
    monkeypatch.setattr(build, "text_paragraphs", lambda text: event.wait(20) and cut(text))
    return event


@pytest.mark.slow
def test_what_is_typed_while_the_text_is_read_is_asked_about_next(page, go):
    page.write(PASSAGE)
    page.find("#generate").click()
    page.find("#text").send_keys(" It was big.")
    go.set()
    page.wait(lambda: "questions" in page.said())
    assert page.find("#text").is_displayed() and page.questions()
    page.generate("questions")
    assert paragraphs_of(page) == [f"{PASSAGE} It was big."]


@pytest.mark.slow
def test_the_reading_of_a_text_is_stopped(page, go):
    page.write(PASSAGE)
    page.find("#generate").click()
    page.wait(lambda: "Reading the text" in page.said())
    time.sleep(0.6)  # or it would be the second click of a double click
    page.find("#stop").click()
    page.wait(lambda: page.said() == "Stopped." and page.find("#generate").is_displayed())
    go.set()
    time.sleep(0.5)
    assert page.find("#text").is_displayed(), "what comes too late is not taken"
    page.generate("questions")


@pytest.mark.slow
def test_what_is_being_typed_goes_with_its_text(page):
    page.ask_with(PASSAGE)
    page.all(".card textarea")[0].send_keys(" typed")
    page.drop(OTHER, "other.txt")
    page.wait(lambda: paragraphs_of(page) == [OTHER])
    assert "went with their text" in page.find("#toast").text


@pytest.mark.slow
def test_batch(page, tmp_path):
    path = tmp_path / "in.jsonl"
    rows = [{"passage": PASSAGE, "answer": "1937"}, {"passage": PASSAGE, "answer": "London"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    page.find("#tab-batch").click()
    assert not page.find("#generate").is_displayed() and page.find("#ask").is_displayed()
    page.find("#run-batch").click()
    page.wait(lambda: "Choose a file first" in page.find("#progress").text)
    page.find("#rows").send_keys(str(path))
    page.find("#run-batch").click()
    page.wait(lambda: "2 rows, 1 question" in page.find("#progress").text)
    page.wait(lambda: "Row 2: the answer 'London' is not" in page.find("#files").text)
    links = [link.get_attribute("href") for link in page.all("#files a")]
    assert page.find("#files a").text == "The questions (1)"
    script = "return fetch(arguments[0]).then(answer => answer.text())"
    assert "What is 1937" in page.js(script, links[0]) and "London" in page.js(script, links[1])


def run_batch(page, tmp_path, *rows):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    page.press("#tab-batch")
    page.find("#rows").send_keys(str(path))
    page.press("#run-batch")


@pytest.mark.slow
def test_a_file_that_was_mended_is_chosen_again(page, tmp_path):
    bad, good = ({"passage": PASSAGE, "answer": answer} for answer in ("London", "1937"))
    run_batch(page, tmp_path, bad)
    page.wait(lambda: page.all("#files a"))
    time.sleep(1.1)  # file systems may note no more of the time
    (tmp_path / "in.jsonl").write_text(json.dumps(good) + "\n" * 9, encoding="utf-8")
    page.press("#run-batch")
    page.wait(lambda: "choose it again" in page.find("#progress").text)
    assert page.find("#progress").text.lower().startswith("in.jsonl was changed")
    run_batch(page, tmp_path, good)
    page.wait(lambda: page.find("#files a").text == "The questions (1)")


@pytest.mark.slow
def test_a_batch_has_settings_also_while_a_quiz_is_taken(page):
    page.ask_with(PASSAGE)
    page.press("#view-take")
    assert not page.find("#ask").is_displayed()
    page.press("#tab-batch")
    assert page.find("#setting-choices").is_displayed()


@pytest.mark.slow
def test_a_batch_without_questions_offers_what_failed_alone(page, tmp_path):
    run_batch(page, tmp_path, {"passage": PASSAGE, "answer": "London"})
    page.wait(lambda: page.all("#files a"))
    assert [link.text for link in page.all("#files a")] == ["The rows that failed, and why"]
    assert page.find("#progress.bad").text.startswith("No questions were written: 1 row, 0")
    page.press("#batch-format option[value='aiken']")  # which has no place for open ones
    run_batch(page, tmp_path, {"passage": PASSAGE, "answer": "1937"})
    page.wait(lambda: "aiken leaves out 1 question" in page.find("#files").text)
    assert page.all("#files a") == []


@pytest.mark.slow
def test_a_batch_is_followed_again_after_a_reload(page, model, tmp_path):
    page.errors()  # forget those before
    model.go.clear()
    run_batch(page, tmp_path, {"passage": PASSAGE, "answer": "1937"})
    page.wait(lambda: page.js("return sessionStorage['qgen-batch']"))
    page.reload()
    page.wait(lambda: page.find("#cancel-batch").is_displayed())
    model.go.set()
    page.wait(lambda: page.find("#files a").text == "The questions (1)")
    assert not page.find("#cancel-batch").is_displayed() and page.find("#run-batch").is_enabled()
    page.reload()
    page.wait(lambda: page.find("#files a").text == "The questions (1)")
    page.js(
        "const real = fetch;"
        "window.fetch = (at, ...more) => real(at.replace('/batches/', '/batches/no'), ...more);"
        "document.dispatchEvent(new Event('visibilitychange'));"
    )
    page.wait(lambda: page.all("#files a") == [] and page.find("#progress").text == "")
    page.js("sessionStorage['qgen-batch'] = 'of another day'")
    page.reload()
    page.wait(lambda: page.js("return sessionStorage['qgen-batch'] === undefined"))
    assert page.find("#progress").text == "" and page.all("#files li") == []
    page.wait(lambda: page.find("#run-batch").is_enabled())
    noted = [error["message"] for error in page.errors()]  # by the browser
    assert ["404" in message for message in noted] == [True, True], noted


@pytest.mark.slow
@pytest.mark.parametrize("state", ["sent", "waited for"])
def test_a_batch_is_cancelled_before_it_has_begun(page, tmp_path, state):
    page.js(
        "const late = { status: 429, headers: { 'Retry-After': '60' } };"
        "const waits = (signal) => new Promise((_, reject) =>"
        "  signal.addEventListener('abort', () => reject(signal.reason)));"
        "window.fetch = (at, { signal }) =>"
        "  arguments[0] === 'sent' ? waits(signal) : Promise.resolve(new Response('{}', late));",
        state,
    )  # fmt: skip
    run_batch(page, tmp_path, {"passage": PASSAGE, "answer": "1937"})
    page.wait(lambda: ("Sending" if state == "sent" else "busy") in page.find("#progress").text)
    page.press("#cancel-batch")
    page.wait(lambda: page.find("#progress").text == "The batch was cancelled.")
    assert page.find("#run-batch").is_enabled() and not page.find("#cancel-batch").is_displayed()
    assert page.focused() == "run-batch"


@pytest.mark.slow
def test_a_batch_that_is_cancelled_while_it_is_accepted_is_stopped(page, model, tmp_path):
    page.js(
        "const { fetch } = window; window.fetch = async (at, options) => {"
        "  const answer = await fetch(at, options);"
        "  if (options?.method === 'POST' && String(at).endsWith('batches')) {"
        "    window.accepted = (await answer.clone().json()).id;"
        "    await new Promise((on) => setTimeout(on, 2000));"
        "  }"
        "  return answer; };"
    )
    model.go.clear()
    run_batch(page, tmp_path, *[{"passage": PASSAGE, "answer": "1937"}] * 100)
    accepted = page.wait(lambda: page.js("return window.accepted"))
    page.press("#cancel-batch")
    page.wait(lambda: page.find("#progress").text == "The batch was cancelled.")
    time.sleep(2.5)
    model.go.set()
    state = (
        "const answer = await fetch(`v1/batches/${arguments[0]}`, {});"
        "return (await answer.json()).state;"
    )
    page.wait(lambda: page.js(state, accepted) not in ("queued", "running"))
    assert page.js(state, accepted) == "cancelled"


@pytest.mark.slow
def test_nothing_of_the_last_batch_stays_beside_the_next(page, tmp_path):
    run_batch(page, tmp_path, {"passage": PASSAGE, "answer": "London"})
    page.wait(lambda: page.all("#files a") and page.all("#progress.bad"))
    page.find("#rows").send_keys(str(tmp_path / "in.jsonl"))
    page.wait(lambda: page.find("#progress").text == "")
    assert page.all("#files li") == page.all("#progress.bad") == []
    page.js(
        "const real = fetch;"
        "window.fetch = (at, options) => options?.method === 'POST' ? Promise.reject(TypeError())"
        "  : real(at.replace('/batches/', '/batches/no'), options)"
        "    .finally(() => window.looked = 1);"
    )
    page.press("#run-batch")
    page.wait(lambda: "cannot be reached" in page.find("#progress").text)
    assert page.js("return sessionStorage['qgen-batch'] === undefined")
    page.js("document.dispatchEvent(new Event('visibilitychange'))")
    time.sleep(0.5)
    assert "cannot be reached" in page.find("#progress").text and not page.js(
        "return window.looked"
    )


@pytest.mark.slow
@pytest.mark.parametrize("failing", ["once", "for a while"])
def test_a_batch_is_followed_again_when_the_network_was_gone(page, model, tmp_path, failing):
    model.go.clear()
    page.js(
        "const real = fetch;"
        "window.failing = 0;"
        "window.fetch = (...asked) => failing-- > 0 ? Promise.reject(TypeError()) : real(...asked);"
    )
    run_batch(page, tmp_path, {"passage": PASSAGE, "answer": "1937"})
    page.wait(lambda: page.js("return sessionStorage['qgen-batch']"))
    page.js("failing = arguments[0]", 1 if failing == "once" else 5)
    if failing == "once":
        page.wait(lambda: page.js("return failing <= 0"))
    else:
        page.wait(lambda: "cannot be reached" in page.find("#progress.bad").text)
        page.js("document.dispatchEvent(new Event('visibilitychange'))")
    model.go.set()
    page.wait(lambda: page.find("#files a").text == "The questions (1)")
    assert not page.all("#progress.bad")


# -- for everybody ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_wcag_aa(page, scheme, width, tmp_path):
    axe_selenium = pytest.importorskip("axe_core_python.selenium", reason="axe is not installed")
    axe = axe_selenium.Axe()
    page.resize(width)
    page.colours(scheme)

    def check(state):
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        tags += ["experimental"]  # whether buttons are named by the words on them
        options = {"runOnly": {"type": "tag", "values": tags}}
        found = axe.run(page.browser, options=options)["violations"]
        told = [(v["id"], [node["html"][:200] for node in v["nodes"]]) for v in found]
        assert told == [], state

    check("empty")
    page.press("#settings")
    page.press("#more summary")
    check("settings")
    page.press("#settings")
    page.generate("Put a text in first")
    check("error")
    page.press("#setting-choices option[value='4']")
    page.ask_with()
    page.press("[aria-label='Keep question 1']")
    page.press(".card .sure")
    check("questions")
    page.press("[aria-label='Delete question 2']")
    check("deleted")
    page.reload()
    page.wait(lambda: page.find("#kept").is_displayed())
    check("from before")
    page.press("#view-take")
    page.press(".card .choice")
    check("taking")
    for card in range(2, len(page.all(".card")) + 1):
        page.press(f".card:nth-child({card}) .choice")
    page.wait(lambda: page.find("#take-wrong").is_displayed())
    check("taken")
    page.press("#tab-batch")
    check("batch")
    run_batch(page, tmp_path, {"passage": PASSAGE, "answer": "London"})
    page.wait(lambda: page.all("#files a"))
    check("batch without questions")
    page.press("#tab-text")
    page.press("#anew")
    page.press("#dismiss")
    page.press("#setting-choices option[value='0']")
    page.ask_with(OTHER)
    page.press("#view-take")
    for card, own in ((1, "right"), (2, "wrong")):
        page.press(f".card:nth-child({card}) .quiet")
        page.press(f".card:nth-child({card}) .{own}")
    check("taking without choices")


@pytest.mark.slow
def test_what_is_chosen_is_seen_in_high_contrast(page):
    page.ask_with(PASSAGE)
    page.press("[aria-label='Keep question 1']")
    page.press("#setting-types label:nth-child(1)")
    page.colours("active", "forced-colors")
    for chosen, other in [
        (".chips input:checked + span", ".chips input:not(:checked) + span"),
        ("#tab-text", "#tab-batch"), ("#view-edit", "#view-take"),
        ("[aria-label='Keep question 1']", "[aria-label='Keep question 2']"),
    ]:  # fmt: skip
        colours = [page.find(one).value_of_css_property("color") for one in (chosen, other)]
        assert colours[0] != colours[1], chosen


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 400, 1000, 1600])
def test_fits_every_width(page, width):
    page.resize(width)
    page.press("#setting-choices option[value='4']")
    page.ask_with()
    page.press("#settings")
    for view in ("#view-edit", "#view-take", "#tab-batch"):
        page.press(view)
        scroll, window = page.js("return [document.documentElement.scrollWidth, innerWidth]")
        assert scroll <= window == width
        outside = page.js(
            "return [...document.querySelectorAll('.qgen :is(button, input, select, p, a)')]"
            ".filter(e => e.checkVisibility() && !e.classList.contains('unseen'))"
            ".filter(e => { const b = e.getBoundingClientRect();"
            "  return b.width && (b.left < 0 || b.right > innerWidth); }).map(e => e.outerHTML)"
        )
        assert outside == []
        boxes = page.js(
            "return [...document.querySelectorAll('#ask, .card, #tools')]"
            ".filter(e => e.checkVisibility()).map(e => e.getBoundingClientRect().toJSON())"
        )
        for a in boxes:
            for b in boxes:
                apart = a["bottom"] <= b["top"] or b["bottom"] <= a["top"]
                beside = a["right"] <= b["left"] or b["right"] <= a["left"]
                assert a == b or apart or beside


@pytest.mark.slow
def test_what_has_the_focus_is_not_under_the_text(page):
    from selenium.webdriver import Keys

    def is_seen():
        return page.js(
            "const top = document.activeElement.getBoundingClientRect().top;"
            "return top >= document.querySelector('.left').getBoundingClientRect().bottom"
        )

    page.resize(400)
    page.ask_with()
    page.js("scrollTo(0, document.body.scrollHeight)")
    page.all("#reading mark")[2].click()
    page.wait(lambda: page.browser.switch_to.active_element.tag_name == "textarea" and is_seen())
    page.js("scrollTo(0, document.body.scrollHeight)")
    page.js("[...document.querySelectorAll('.card button')].at(-1).focus()")
    for _ in range(20):
        page.hold(Keys.SHIFT, Keys.TAB)
        assert is_seen()


@pytest.mark.slow
def test_what_has_the_focus_is_not_under_the_toast(page):
    from selenium.webdriver import ActionChains, Keys

    page.resize(400)
    page.ask_with()
    page.press("[aria-label='Keep question 2']")
    page.js("scrollTo(0, 0); document.querySelector('#sure').focus()")
    assert page.find("#toast").is_displayed()
    for _ in range(40):
        ActionChains(page.browser).send_keys(Keys.TAB).perform()
        focused, toast = page.js(
            "return [document.activeElement, document.querySelector('#toast')]"
            ".map(e => e.getBoundingClientRect().toJSON())"
        )
        is_in_toast = page.js("return Boolean(document.activeElement.closest('#toast'))")
        assert is_in_toast or focused["top"] < toast["top"], page.focused()


@pytest.mark.slow
def test_works_by_keyboard_alone(page):
    from selenium.webdriver import ActionChains, Keys

    def keys(*pressed):
        ActionChains(page.browser).send_keys(*pressed).perform()

    def focused():
        return page.browser.switch_to.active_element

    page.js("document.querySelector('#text').focus()")
    page.insert(PASSAGE)
    for _ in range(20):
        keys(Keys.TAB)
        if focused().get_attribute("id") == "generate":
            break
    keys(Keys.ENTER)
    page.wait(lambda: "questions" in page.said() and page.questions())
    shown = page.questions()
    for _ in range(20):
        keys(Keys.TAB)
        if focused().get_attribute("aria-label") == "Keep question 1":
            break
    keys(Keys.ENTER)
    page.wait(lambda: len(page.all(".card.kept")) == 1)
    assert focused().get_attribute("aria-label") == "Keep question 1", "the focus stays"
    keys(Keys.TAB, Keys.TAB, Keys.ENTER)
    page.wait(lambda: page.questions() == shown[1:])
    assert focused().get_attribute("aria-label") == "Delete question 1", "on the next card"
    page.hold(Keys.CONTROL, "z")
    page.wait(lambda: page.questions() == shown)


@pytest.mark.slow
def test_is_drawn_and_works_without_waiting_for_gradio(page, browser, address):
    block = {"urls": ["*/assets/*", "*/static/*"]}
    browser.execute_cdp_cmd("Network.enable", {})
    browser.execute_cdp_cmd("Network.setBlockedURLs", block)
    try:
        browser.get(address)
        page.wait(lambda: page.find("#text").is_displayed())
        page.press("button.sample")
        assert page.find("#text").get_property("value")
        assert page.all(".gradio-container") == []
    finally:
        browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})


@pytest.mark.slow
def test_needs_no_other_host(page, browser, address):
    browser.get_log("performance")  # forget what was before
    browser.get(address)
    page.wait(lambda: page.find(".gradio-container #text").is_displayed())
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert address in requests
    local = (address, "data:", "blob:", "chrome:")
    assert [url for url in requests if not url.startswith(local)] == []
