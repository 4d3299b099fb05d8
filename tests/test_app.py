"""The web UI: its callbacks through gradio's client, and the page in headless Chromium."""

import csv
import json
import shutil

import gradio as gr
import pytest
from conftest import PASSAGE
from gradio_client import Client, handle_file

from app import THEME, build_app, highlight, locate_selection, main
from qgen.types import Answer, Question

DECODING = [5, 3, 24, 1, 1.0, 0, False, 0, 1.0, 1.0, 0]
"""Beam size, questions, longest, shortest, penalty, n-gram, sample, k, p, temperature, seed."""


@pytest.fixture(scope="module", autouse=True)
def unchecked_module():
    """A random model's questions are gibberish: let them pass."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("checks", "pipeline"):
            patch.setattr(f"qgen.{module}.question_problem", lambda question: None)
        yield


@pytest.fixture(scope="module")
def address(generator, unchecked_module):
    """The address of the page, served on a free port."""
    app = build_app(generator).queue()
    _, url, _ = app.launch(
        prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", theme=THEME
    )
    yield url
    app.close()


@pytest.fixture(scope="module")
def client(address):
    return Client(address, verbose=False)


@pytest.fixture
def batch_file(tmp_path):
    path = tmp_path / "in.jsonl"
    rows = [{"passage": PASSAGE, "answer": "1937"}, {"passage": PASSAGE, "answer": "London"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_highlight():
    answer = Answer("Strauss", 7)
    questions = [Question("Who?", answer, 0.0), Question("Whom?", answer, 0.0)]
    pieces = highlight("Joseph Strauss led.", questions)
    assert pieces == [("Joseph ", None), ("Strauss", "answer"), (" led.", None)]
    assert highlight("Strauss", []) == [("Strauss", None)]


@pytest.mark.parametrize(
    ("selected", "start"),
    [("Bees fly", 15), (" Bees fly\n", 15), ("\N{HONEYBEE} Bees", 0), ("\n", None)],
)
def test_locate_selection(selected, start):
    passage = "\N{HONEYBEE} Bees dance.\n Bees fly\n"
    begin = len(passage[: passage.index(selected)].encode("utf-16-le")) // 2
    end = begin + len(selected.encode("utf-16-le")) // 2  # a browser counts the bee as two
    span = locate_selection(passage, gr.SelectData(None, {"index": [begin, end], "value": ""}))
    if start is None:
        assert span is None
    else:
        assert span == Answer(selected.strip(), start)


def test_ask_with_an_answer(client):
    table, marked, status = client.predict(PASSAGE, "1937", *DECODING, api_name="/ask")
    assert [row[0] for row in table["data"]] == [1, 2, 3]
    assert {row[2] for row in table["data"]} == {"1937"}
    assert [piece["token"] for piece in marked if piece["class_or_confidence"]] == ["1937"]
    assert status.startswith("3 questions")


def test_ask_without_an_answer(client):
    table, marked, _ = client.predict(PASSAGE, "", *DECODING, api_name="/ask")
    answers = {row[2] for row in table["data"]}
    assert len(answers) > 1
    assert answers == {piece["token"] for piece in marked if piece["class_or_confidence"]}


@pytest.mark.parametrize(
    ("passage", "answer", "message"),
    [("", "", "empty"), (PASSAGE, "London", "not in the passage")],
)
def test_bad_input_is_told(client, passage, answer, message):
    *_, status = client.predict(passage, answer, *DECODING, api_name="/ask")
    assert message in status


@pytest.mark.parametrize(("sample", "questions"), [(False, 2), (True, 3)])
def test_no_more_questions_than_beams_except_samples(client, sample, questions):
    decoding = [2, *DECODING[1:6], sample, *DECODING[7:]]
    table, *_ = client.predict(PASSAGE, "1937", *decoding, api_name="/ask")
    assert len(table["data"]) == questions


def test_a_setting_out_of_range_is_told(client):
    decoding = [*DECODING[:2], 4, 20, *DECODING[4:]]
    *_, status = client.predict(PASSAGE, "1937", *decoding, api_name="/ask")
    assert "min_length must be below max_length" in status


def test_batch(client, batch_file):
    (output, errors), summary = client.predict(
        handle_file(batch_file), "jsonl", *DECODING, api_name="/batch"
    )
    assert summary == "2 rows, 3 questions, 1 error"
    with open(output, encoding="utf-8") as file:
        [row] = [json.loads(line) for line in file]
    assert len(row["questions"]) == 3
    with open(errors, encoding="utf-8") as file:
        assert json.loads(file.readline())["line"] == 2


def test_batch_to_csv_without_errors(client, tmp_path):
    path = tmp_path / "in.txt"
    path.write_text(f"{PASSAGE}\t1937\n", encoding="utf-8")
    [output], summary = client.predict(handle_file(path), "csv", *DECODING, api_name="/batch")
    assert summary == "1 row, 3 questions, 0 errors"
    with open(output, encoding="utf-8", newline="") as file:
        assert [row["answer"] for row in csv.DictReader(file)] == ["1937"] * 3


def test_bad_batch_file_is_told_by_its_name(client, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("passage\n", encoding="utf-8")
    _, summary = client.predict(handle_file(path), "jsonl", *DECODING, api_name="/batch")
    assert summary.endswith(" in.csv has no rows")


def test_bad_checkpoint_exits_with_2(tmp_path, capsys):
    assert main(["--model", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.startswith("error: ")


# -- in a browser ----------------------------------------------------------------------------------


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
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    browser.implicitly_wait(5)
    yield browser
    browser.quit()


def wait(browser, condition):
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    # The page may redraw an element while it is being read: then look again.
    stale = [StaleElementReferenceException]
    return WebDriverWait(browser, 60, ignored_exceptions=stale).until(condition)


@pytest.fixture
def page(browser, address):
    """``find(css)`` on the freshly loaded page."""
    browser.get(address)

    def find(selector):
        return browser.find_element("css selector", selector)

    wait(browser, lambda _: find("#passage textarea").is_displayed())
    return find


ANSWER = "#answer textarea, #answer input"
CELLS = "#questions [role=gridcell]"


def wait_for_answer(browser, page, text):
    wait(browser, lambda _: page(ANSWER).get_property("value") == text)


def generate(browser, page, status):
    page("#generate").click()
    wait(browser, lambda _: status in page("#status").text)


def texts(browser, selector):
    return [element.text for element in browser.find_elements("css selector", selector)]


def before_highlight(browser):
    """The passage up to each highlighted answer, and that answer."""
    return browser.execute_script(
        "let before = '', found = [];"
        "for (const token of document.querySelectorAll('#marked .token')) {"
        "  const text = token.querySelector('.text').textContent;"
        "  if (token.classList.contains('highlighted')) found.push([before, text]);"
        "  before += text;"
        "} return found;"
    )


def type_passage(browser, page):
    """Type the passage, and wait until the page has taken it up."""
    page("#passage textarea").send_keys(PASSAGE)
    wait(browser, lambda _: page("#passage textarea").get_property("value") == PASSAGE)


def upload(browser, page, path):
    page("#upload input[type=file]").send_keys(str(path))
    wait(browser, lambda _: path.name in page("#upload").text.replace("\n", ""))


@pytest.mark.slow
def test_page_asks_and_highlights_and_keeps_results_on_an_error(browser, page):
    type_passage(browser, page)
    page(ANSWER).send_keys("Joseph Strauss")
    generate(browser, page, "3 questions, best first")
    start = PASSAGE.index("Joseph Strauss")
    wait(browser, lambda _: before_highlight(browser) == [[PASSAGE[:start], "Joseph Strauss"]])
    wait(browser, lambda _: texts(browser, CELLS).count("Joseph Strauss") == 3)
    cells = texts(browser, CELLS)
    assert {"1", "2", "3"} < set(cells)
    page(ANSWER).clear()
    page(ANSWER).send_keys("London")
    generate(browser, page, "'London' is not in the passage")
    assert texts(browser, CELLS) == cells
    assert before_highlight(browser) == [[PASSAGE[:start], "Joseph Strauss"]]


@pytest.mark.slow
def test_the_occurrence_selected_in_the_passage_is_the_answer(browser, page):
    from selenium.webdriver import Keys

    type_passage(browser, page)
    passage, start = page("#passage textarea"), PASSAGE.index("in 1937")
    assert start > PASSAGE.index("in ")  # an earlier "in" would be found first
    passage.send_keys(Keys.CONTROL, Keys.HOME)
    passage.send_keys(Keys.ARROW_RIGHT * start)
    passage.send_keys(Keys.SHIFT, Keys.ARROW_RIGHT * len("in"))
    wait_for_answer(browser, page, "in")
    generate(browser, page, "questions, best first")
    wait(browser, lambda _: before_highlight(browser) == [[PASSAGE[:start], "in"]])
    passage.send_keys(Keys.CONTROL, Keys.END)
    passage.send_keys(" More.")  # the selection counted for the passage as it was
    generate(browser, page, "questions, best first")
    first = PASSAGE.index("in ")
    wait(browser, lambda _: before_highlight(browser) == [[PASSAGE[:first], "in"]])


@pytest.mark.slow
def test_choosing_a_proposal(browser, page):
    def pick(answer):
        def option(_):  # its list opens, and fills, a moment after the click
            options = browser.find_elements("css selector", "ul [role=option]")
            return next((o for o in options if o.text.startswith(answer)), None)

        page("#proposals input").click()
        wait(browser, option).click()

    type_passage(browser, page)
    page("#propose").click()
    wait(browser, lambda _: "proposals" in page("#proposals").text)
    pick("1937")
    wait_for_answer(browser, page, "1937")
    page("#passage textarea").send_keys(" More.")
    pick("San Francisco")
    wait(browser, lambda _: "the passage has changed" in page("#status").text)
    wait_for_answer(browser, page, "1937")


@pytest.mark.slow
def test_batch_upload(browser, page, batch_file, tmp_path):
    wait(browser, lambda _: "Batch" in texts(browser, "button[role=tab]"))
    tabs = browser.find_elements("css selector", "button[role=tab]")
    next(tab for tab in tabs if tab.text == "Batch").click()
    page("#run-batch").click()
    wait(browser, lambda _: "choose a file first" in page("#summary").text)
    upload(browser, page, batch_file)
    page("#run-batch").click()
    wait(browser, lambda _: page("#summary").text == "2 rows, 3 questions, 1 error")
    files = page("#files").text.replace("\n", "")
    assert "in.questions.jsonl" in files
    assert "in.questions.jsonl.errors.jsonl" in files


@pytest.mark.slow
def test_page_needs_no_other_host(browser, page, address):
    browser.get_log("performance")  # forget what was before
    browser.get(address)
    wait(browser, lambda _: page("#passage textarea").is_displayed())
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert address in requests
    local = (address, "data:", "blob:", "chrome:")
    assert [url for url in requests if not url.startswith(local)] == []
