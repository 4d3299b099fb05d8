"""The web page: its functions, and the page itself in headless Chromium."""

import json
import shutil
import threading
from pathlib import Path

import pytest
from conftest import PASSAGE, served

from qgen.errors import QGenError
from qgen.records import Answer, Question, Result
from qgen.service.app import create_app
from qgen.service.page.build import AHEAD, _ask, _requests, _write
from qgen.service.queue import DynamicBatcher
from qgen.settings import GenerationSettings, QuizSettings

TWO = f"{PASSAGE}\n\nThe gate opened in 1938. Joseph led the construction of the gate in 1938."


def question(text, answer="1937", start=0, passage=0, accepted=False, choices=(), confidence=None):
    return {
        "question": text, "answer": answer, "answer_start": start, "start": start, "kind": "",
        "score": -1.0, "confidence": confidence, "choices": list(choices), "passage": passage,
        "accepted": accepted,
    }  # fmt: skip


# -- its functions ---------------------------------------------------------------------------------


def test_an_answer_is_asked_for_where_it_stands():
    passages = ["In 1937 it opened in May.", "It closed in May."]
    [(number, request)] = _requests(passages, "May", 0)
    assert (number, request.answers[0].start) == (0, passages[0].index("May"))
    [(number, request)] = _requests(passages, "May", 1)
    assert (number, request.answers[0].start) == (1, passages[1].index("May"))
    assert [number for number, _ in _requests(passages, "", 0)] == [0, 1]
    with pytest.raises(QGenError, match="not in the text"):
        _requests(passages, "London", 0)
    with pytest.raises(QGenError, match="empty"):
        _requests([], "", 0)


def test_a_text_of_more_paragraphs_than_the_queue_holds_is_read_a_few_ahead():
    sizes = []

    def model(requests, settings, quiz):
        sizes.append(batcher.waiting)
        return [Result((Question(r.passage, Answer("1937", 3), -1.0),)) for r in requests]

    batcher = DynamicBatcher(model, max_batch=4, max_waiting=8)
    passages = [f"In 1937 gate {n} opened." for n in range(5 * AHEAD)]
    *_, (quiz, status) = _ask(
        batcher, "\n\n".join(passages), "", 0, QuizSettings(len(passages)), GenerationSettings()
    )
    assert [q["question"] for q in quiz["questions"]] == passages
    assert status == f"{len(passages)} questions" and max(sizes) <= 8 < AHEAD
    batcher.close()


def test_stopping_takes_back_what_waits():
    gate = threading.Event()

    def model(requests, settings, quiz):
        gate.wait(5)
        return [Result() for _ in requests]

    batcher = DynamicBatcher(model, max_batch=1)
    text = "\n\n".join(f"In 1937 gate {n} opened." for n in range(9))
    asking = _ask(batcher, text, "", 0, QuizSettings(), GenerationSettings())
    assert "paragraph 1 of 9" in next(asking)[1]
    asking.close()
    assert batcher.waiting == 0
    gate.set()
    batcher.close()


@pytest.mark.parametrize("kind", ["jsonl", "csv", "gift", "anki", "markdown", "squad", "parquet"])
def test_export(tmp_path, kind):
    quiz = {
        "passages": ["In 1937.", "In 1938."],
        "questions": [
            question("When?", accepted=True, choices=["1936", "1937"]), question("What?"),
            question("Which year?", passage=1, accepted=True),
        ],
    }  # fmt: skip
    content = _write(quiz, kind, tmp_path).read_bytes()
    if kind != "parquet":
        assert b"When?" in content and b"Which year?" in content
        assert b"What?" not in content, "only what is accepted"
        assert b"accepted" not in content
    quiz["questions"] = [q | {"accepted": False} for q in quiz["questions"]]
    if kind == "markdown":
        assert b"What?" in _write(quiz, kind, tmp_path).read_bytes(), "or all"


def test_nothing_to_export(tmp_path):
    with pytest.raises(QGenError, match="no questions"):
        _write(None, "jsonl", tmp_path)


# -- in a browser ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address(generator):
    """The service with its page, on a free port; a random model's questions pass."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("selection", "pipeline"):
            patch.setattr(f"qgen.asking.{module}.question_problem", lambda *_: None)
        with served(create_app(generator, page=True)) as address:
            yield f"{address}/"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        "headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
        "disable-background-networking", "disable-component-update", "disable-sync",
        "window-size=1280,1400", f"user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    browser.implicitly_wait(5)
    yield browser
    browser.quit()


class Page:
    """What a person does on the page."""

    def __init__(self, browser, address):
        self.browser = browser
        browser.get(address)
        self.wait(lambda: self.find("#text textarea").is_displayed())

    def find(self, selector):
        return self.browser.find_element("css selector", selector)

    def all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def wait(self, condition):
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        # The page may redraw an element while it is being read: then look again.
        stale = [StaleElementReferenceException]
        return WebDriverWait(self.browser, 20, ignored_exceptions=stale).until(
            lambda _: condition()
        )

    def type(self, text, answer=""):
        for selector, value in (
            ("#text textarea", text),
            ("#answer input, #answer textarea", answer),
        ):
            field = self.find(selector)
            field.clear()
            if value:  # as an input method does it: keys have no emoji
                field.click()
                self.browser.execute_cdp_cmd("Input.insertText", {"text": value})
            else:
                field.send_keys(" \b")
            self.wait(lambda f=field, v=value: f.get_property("value") == v)

    def generate(self, status):
        self.find("#generate").click()
        self.wait(
            lambda: status in self.find("#status").text and "…" not in self.find("#status").text
        )

    def questions(self):
        return [field.get_property("value") for field in self.all("li.card textarea")]

    def press(self, label):
        self.find(f'li.card button[aria-label="{label}"]').click()

    def marks(self):
        """The text before each mark, and the mark."""
        return self.browser.execute_script(
            "return [...document.querySelectorAll('.text mark')].map(m => {"
            "  const range = document.createRange();"
            "  range.setStart(m.closest('p'), 0); range.setEndBefore(m);"
            "  return [range.toString(), m.textContent]; });"
        )


@pytest.fixture
def page(browser, address):
    return Page(browser, address)


@pytest.mark.slow
def test_asks_marks_the_answers_and_keeps_results_on_an_error(page):
    page.type(TWO)
    page.generate("question")
    shown = page.questions()
    assert len(shown) >= 4
    marks = page.marks()
    assert marks and all(f"{before}{answer}" in TWO for before, answer in marks)
    assert len(page.all(".text p:has(mark)")) == 2, "of both paragraphs"
    page.type(TWO, "London")
    page.generate("'London' is not in the text")
    assert page.questions() == shown and page.marks() == marks
    assert [entry for entry in page.browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.slow
def test_edits_reorders_accepts_deletes_and_exports(page, address):
    page.type(PASSAGE)
    page.generate("question")
    first, second, *rest = page.questions()
    page.press("Move question 2 up")
    page.wait(lambda: page.questions() == [second, first, *rest])
    page.all("li.card textarea")[0].send_keys(" edited")
    page.press("Delete question 2")  # the click that ends the editing counts
    page.wait(lambda: page.questions() == [f"{second} edited", *rest])
    page.press("Accept question 1")
    page.wait(lambda: len(page.all("li.card.accepted")) == 1)
    pressed = page.find('button[aria-label="Accept question 1"]').get_attribute("aria-pressed")
    assert pressed == "true"
    page.find("#export").click()
    page.wait(lambda: "questions.md is ready" in page.find("#status").text)
    link = page.find("#exported a").get_attribute("href")
    script = "return fetch(arguments[0]).then(answer => answer.text())"
    exported = page.browser.execute_script(script, link)
    assert "edited" in exported and "\n2. " not in exported, "the accepted one alone"


@pytest.mark.slow
def test_an_answer_lights_up_where_it_stands(page):
    page.type(PASSAGE)
    page.generate("question")
    page.all("li.card textarea")[1].click()
    page.wait(lambda: page.find("mark.lit").text == page.all("li.card .answer")[1].text)
    page.all("mark")[0].click()
    page.wait(lambda: page.browser.switch_to.active_element.tag_name == "textarea")


@pytest.mark.slow
def test_the_occurrence_selected_in_the_text_is_the_answer(page):
    from selenium.webdriver import Keys

    page.type(PASSAGE)
    field, start = page.find("#text textarea"), PASSAGE.index("in 1937")
    assert start > PASSAGE.index("in ")  # an earlier "in" would be found first
    field.send_keys(Keys.CONTROL, Keys.HOME)

    def missing(edge: str, place: int) -> int:
        """Keys still to press: in a slow minute the browser loses some of many."""
        return place - page.browser.execute_script(f"return arguments[0].{edge}", field)

    while keys := missing("selectionStart", start):
        field.send_keys(Keys.ARROW_RIGHT * keys)
    while keys := missing("selectionEnd", start + len("in")):
        field.send_keys(Keys.SHIFT, Keys.ARROW_RIGHT * keys)
    answer = "#answer textarea, #answer input"
    page.wait(lambda: page.find(answer).get_property("value") == "in")
    page.generate("question")
    page.wait(lambda: page.marks() == [[PASSAGE[:start], "in"]])


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "A million bees \U0001f41d\U0001f309. "])
def test_what_is_selected_with_spaces_is_the_answer_without(before, page):
    """The browser counts the bee and the bridge as two characters each, Python as one."""
    passage = before + PASSAGE
    page.type(passage)
    begin = passage.rindex(" million ")
    units = len(passage[:begin].encode("utf-16-le")) // 2
    page.browser.execute_script(
        "arguments[0].focus(); arguments[0].setSelectionRange(arguments[1], arguments[2]);",
        page.find("#text textarea"), units, units + len(" million "),
    )  # fmt: skip
    answer = "#answer textarea, #answer input"
    page.wait(lambda: page.find(answer).get_property("value") == "million")
    page.generate("question")
    page.wait(lambda: page.marks() == [[passage[: begin + 1], "million"]])


@pytest.mark.slow
def test_fits_a_telephone(page):
    size = {"width": 400, "height": 900, "deviceScaleFactor": 1, "mobile": True}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.type(PASSAGE)
        page.find("#choices input").click()
        page.generate("question")
        widths = "return [document.documentElement.scrollWidth, window.innerWidth]"
        scroll, window = page.browser.execute_script(widths)
        assert scroll <= window == 400
        boxes = [field.rect for field in page.all("li.card, #status, #generate, #stop, .text")]
        for box in boxes:
            assert box["x"] >= 0 and box["x"] + box["width"] <= 400
        for a in boxes:
            for b in boxes:
                apart = a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
                beside = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
                assert a == b or apart or beside
    finally:
        page.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.slow
def test_works_by_keyboard(page):
    from selenium.webdriver import ActionChains, Keys

    page.type(PASSAGE)
    page.generate("question")
    page.all("li.card textarea")[0].click()
    before = page.questions()
    ActionChains(page.browser).send_keys(Keys.TAB, Keys.ENTER).perform()
    page.wait(lambda: len(page.all("li.card.accepted")) == 1)
    focused = page.browser.switch_to.active_element.get_attribute("aria-label")
    assert focused == "Accept question 1", "the focus stays where it was"
    ActionChains(page.browser).send_keys(Keys.TAB, Keys.ENTER).perform()  # up is disabled: down
    page.wait(lambda: page.questions()[:2] == before[1::-1])


@pytest.mark.slow
def test_upload_of_a_document(page, tmp_path):
    path = tmp_path / "notes.md"
    path.write_text(f"# Bridge\n\n{PASSAGE}\n", encoding="utf-8")
    page.all("input[type=file]")[0].send_keys(str(path))
    page.wait(lambda: page.find("#text textarea").get_property("value") == PASSAGE)


@pytest.mark.slow
def test_batch(page, tmp_path):
    path = tmp_path / "in.jsonl"
    rows = [{"passage": PASSAGE, "answer": "1937"}, {"passage": PASSAGE, "answer": "London"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    page.wait(lambda: any(tab.text == "Batch" for tab in page.all("button[role=tab]")))
    next(tab for tab in page.all("button[role=tab]") if tab.text == "Batch").click()
    page.find("#run-batch").click()
    page.wait(lambda: "choose a file first" in page.find("#progress").text)
    page.find("#rows input[type=file]").send_keys(str(path))
    page.wait(lambda: path.name in page.find("#rows").text.replace("\n", ""))
    page.find("#run-batch").click()
    page.wait(lambda: "2 rows, 1 questions, 1 errors" in page.find("#progress").text)
    files = page.find("#files").text.replace("\n", "")
    assert "questions.jsonl" in files and "errors.jsonl" in files


@pytest.mark.slow
def test_needs_no_other_host(page, browser, address):
    browser.get_log("performance")  # forget what was before
    browser.get(address)
    page.wait(lambda: page.find("#text textarea").is_displayed())
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert address in requests
    local = (address, "data:", "blob:", "chrome:")
    assert [url for url in requests if not url.startswith(local)] == []


def test_its_files_are_packaged():
    import qgen.service.page as package

    names = {path.name for path in Path(package.__file__).parent.iterdir()}
    assert {"quiz.js", "quiz.css"} <= names
