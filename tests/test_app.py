"""The web UI: its callbacks through gradio's client, and the page in headless Chromium."""

import json
import shutil

import pytest
from conftest import PASSAGE
from gradio_client import Client, handle_file

from app import build_app, highlight, main
from qgen.types import Question

DECODING = [5, 3, 24, 1, 1.0, 0, False, 0, 1.0, 1.0, 0]
"""Beam size, questions, longest, shortest, penalty, n-gram, sample, k, p, temperature, seed."""


@pytest.fixture(scope="module")
def address(generator):
    """The address of the page, served on a free port."""
    app = build_app(generator).queue()
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
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
    questions = [Question("Who?", "Strauss", 7, 0.0), Question("Whom?", "Strauss", 7, 0.0)]
    pieces = highlight("Joseph Strauss led.", questions)
    assert pieces == [("Joseph ", None), ("Strauss", "answer"), (" led.", None)]
    assert highlight("Strauss", []) == [("Strauss", None)]


def test_ask_with_an_answer(client):
    table, marked, status = client.predict(PASSAGE, "1937", *DECODING, api_name="/ask")
    assert [row[0] for row in table["data"]] == [1, 2, 3]
    assert {row[2] for row in table["data"]} == {"1937"}
    assert [piece["token"] for piece in marked if piece["class_or_confidence"]] == ["1937"]
    assert status.startswith("3 questions")


def test_ask_without_an_answer(client):
    table, marked, _ = client.predict(PASSAGE, "", *DECODING, api_name="/ask")
    answers = {row[2] for row in table["data"]}
    assert answers == {piece["token"] for piece in marked if piece["class_or_confidence"]}


@pytest.mark.parametrize(
    ("passage", "answer", "message"),
    [("", "", "empty"), (PASSAGE, "London", "not in the passage")],
)
def test_bad_input_is_told(client, passage, answer, message):
    *_, status = client.predict(passage, answer, *DECODING, api_name="/ask")
    assert message in status


def test_more_questions_than_beams_is_told(client):
    *_, status = client.predict(PASSAGE, "1937", 2, *DECODING[1:], api_name="/ask")
    assert "num_beams" in status


def test_batch(client, batch_file):
    output, errors, summary = client.predict(
        handle_file(batch_file), "jsonl", *DECODING, api_name="/batch"
    )
    assert summary == "2 rows, 3 questions, 1 errors"
    with open(output, encoding="utf-8") as file:
        [row] = [json.loads(line) for line in file]
    assert len(row["questions"]) == 3
    with open(errors, encoding="utf-8") as file:
        assert json.loads(file.readline())["line"] == 2


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
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    browser.implicitly_wait(5)
    yield browser
    browser.quit()


def wait(browser, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, 60).until(condition)


@pytest.fixture
def page(browser, address):
    """``find(css)`` on the freshly loaded page."""
    browser.get(address)

    def find(selector):
        return browser.find_element("css selector", selector)

    wait(browser, lambda _: find("#passage textarea").is_displayed())
    return find


def value(element):
    return element.get_property("value")


def test_page_asks_and_highlights(browser, page):
    page("#passage textarea").send_keys(PASSAGE)
    page("#answer textarea, #answer input").send_keys("Joseph Strauss")
    page("#generate").click()
    wait(browser, lambda _: "questions, best first" in page("#status").text)
    assert "Joseph Strauss" in page("#questions").text
    wait(browser, lambda _: "Joseph Strauss" in page("#marked").text)


def test_selecting_in_the_passage_chooses_the_answer(browser, page):
    passage = page("#passage textarea")
    passage.send_keys(PASSAGE)
    start = PASSAGE.index("San Francisco")
    browser.execute_script(
        "arguments[0].focus(); arguments[0].setSelectionRange(arguments[1], arguments[2]);"
        "arguments[0].dispatchEvent(new Event('select', {bubbles: true}))",
        passage, start, start + len("San Francisco"),
    )  # fmt: skip
    wait(browser, lambda _: value(page("#answer textarea, #answer input")) == "San Francisco")


def test_choosing_a_proposal(browser, page):
    page("#passage textarea").send_keys(PASSAGE)
    page("#propose").click()
    wait(browser, lambda _: "proposals" in page("#proposals").text)
    page("#proposals input").click()
    options = browser.find_elements("css selector", "#proposals ul [role=option], ul [role=option]")
    [choice] = [option for option in options if option.text.startswith("1937")]
    choice.click()
    wait(browser, lambda _: value(page("#answer textarea, #answer input")) == "1937")


def test_batch_upload(browser, page, batch_file):
    wait(browser, lambda _: browser.find_elements("css selector", "button[role=tab]"))
    tabs = browser.find_elements("css selector", "button[role=tab]")
    next(tab for tab in tabs if tab.text == "Batch").click()
    page("#upload input[type=file]").send_keys(str(batch_file))
    wait(browser, lambda _: "in.jsonl" in page("#upload").text.replace("\n", ""))
    page("#run-batch").click()
    wait(browser, lambda _: "2 rows" in page("#summary").text)
    assert "questions" in page("#output").text
