"""Packages of learning platforms: QTI 2.1 (Canvas, Blackboard, ILIAS and others) and H5P."""

from __future__ import annotations

import html
import json
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from qgen.files.writers.questions import Item, as_references, no_answer, title_of_all, usable

TITLE = "Questions"


def write_entry(archive: zipfile.ZipFile, name: str, content: str) -> None:
    """Add a file to an archive, dated 1980: the same questions make the same archive."""
    archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


# -- QTI 2.1 ---------------------------------------------------------------------------------------

_QTI = "http://www.imsglobal.org/xsd/imsqti_v2p1"
_CONTENT = "http://www.imsglobal.org/xsd/imscp_v1p1"


def write_qti(records: Iterable[dict], path: Path) -> Counter[str]:
    """An IMS content package: an item per question, and a test that has them all in their order.

    Choices and true-false are choice interactions, the others text entries that are right whatever
    their case.  The evidence is shown after the answer.
    """
    left_out: Counter[str] = Counter()
    names: list[str] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in usable(records, left_out, no_answer):
            name = f"item{len(names) + 1}"
            names.append(name)
            write_entry(archive, f"items/{name}.xml", _xml(_qti_item(item, name)))
        write_entry(archive, "test.xml", _xml(_qti_test(title_of_all(records) or TITLE, names)))
        write_entry(archive, "imsmanifest.xml", _xml(_qti_manifest(names)))
    return left_out


def _xml(root: ET.Element) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _qti_item(item: Item, name: str) -> ET.Element:
    root = ET.Element(
        "assessmentItem",
        {"xmlns": _QTI, "identifier": name, "title": item.name[:200]},
        adaptive="false",
        timeDependent="false",
    )
    is_choice = item.type == "true-false" or bool(item.wrong)
    ids = {choice: f"choice{i}" for i, choice in enumerate(item.choices, 1)}
    response = ET.SubElement(
        root,
        "responseDeclaration",
        identifier="RESPONSE",
        cardinality="single",
        baseType="identifier" if is_choice else "string",
    )
    right = ET.SubElement(response, "correctResponse")
    ET.SubElement(right, "value").text = ids[item.answer] if is_choice else item.answer
    if not is_choice:
        mapping = ET.SubElement(response, "mapping", defaultValue="0")
        entry = {"mapKey": item.answer, "mappedValue": "1", "caseSensitive": "false"}
        ET.SubElement(mapping, "mapEntry", entry)
    score = _outcome(root, "SCORE", "float")
    ET.SubElement(ET.SubElement(score, "defaultValue"), "value").text = "0"
    if item.evidence:
        _outcome(root, "FEEDBACK", "identifier")
    _qti_body(ET.SubElement(root, "itemBody"), item, ids if is_choice else {})
    _qti_processing(root, is_choice, bool(item.evidence))
    if item.evidence:
        feedback = {"outcomeIdentifier": "FEEDBACK", "identifier": "EVIDENCE", "showHide": "show"}
        ET.SubElement(root, "modalFeedback", feedback).text = item.evidence
    return root


def _outcome(root: ET.Element, name: str, base: str) -> ET.Element:
    return ET.SubElement(
        root, "outcomeDeclaration", identifier=name, cardinality="single", baseType=base
    )


def _qti_body(body: ET.Element, item: Item, ids: dict[str, str]) -> None:
    if ids:
        interaction = ET.SubElement(
            body,
            "choiceInteraction",
            responseIdentifier="RESPONSE",
            shuffle="false",
            maxChoices="1",
        )
        ET.SubElement(interaction, "prompt").text = item.text
        for choice, name in ids.items():
            ET.SubElement(interaction, "simpleChoice", identifier=name).text = choice
        return
    paragraph = ET.SubElement(body, "p")
    before, after = item.blank if item.type == "cloze" else (item.text + " ", "")
    paragraph.text = before
    length = str(max(10, len(item.answer)))
    entry = {"responseIdentifier": "RESPONSE", "expectedLength": length}
    ET.SubElement(paragraph, "textEntryInteraction", entry).tail = after


def _qti_processing(root: ET.Element, is_choice: bool, has_feedback: bool) -> None:
    processing = ET.SubElement(root, "responseProcessing")
    if is_choice:
        condition = ET.SubElement(processing, "responseCondition")
        when = ET.SubElement(condition, "responseIf")
        match = ET.SubElement(when, "match")
        ET.SubElement(match, "variable", identifier="RESPONSE")
        ET.SubElement(match, "correct", identifier="RESPONSE")
        _set_outcome(when, "SCORE", "float", "1")
    else:
        score = ET.SubElement(processing, "setOutcomeValue", identifier="SCORE")
        ET.SubElement(score, "mapResponse", identifier="RESPONSE")
    if has_feedback:
        _set_outcome(processing, "FEEDBACK", "identifier", "EVIDENCE")


def _set_outcome(parent: ET.Element, name: str, base: str, value: str) -> None:
    outcome = ET.SubElement(parent, "setOutcomeValue", identifier=name)
    ET.SubElement(outcome, "baseValue", baseType=base).text = value


def _qti_test(title: str, names: list[str]) -> ET.Element:
    root = ET.Element("assessmentTest", xmlns=_QTI, identifier="test", title=title)
    part = ET.SubElement(
        root, "testPart", identifier="part", navigationMode="nonlinear", submissionMode="individual"
    )
    section = ET.SubElement(
        part, "assessmentSection", identifier="section", title=title, visible="true"
    )
    for name in names:
        ET.SubElement(section, "assessmentItemRef", identifier=name, href=f"items/{name}.xml")
    return root


def _qti_manifest(names: list[str]) -> ET.Element:
    root = ET.Element("manifest", xmlns=_CONTENT, identifier="manifest")
    metadata = ET.SubElement(root, "metadata")
    ET.SubElement(metadata, "schema").text = "QTIv2.1 Package"
    ET.SubElement(metadata, "schemaversion").text = "1.0.0"
    ET.SubElement(root, "organizations")
    resources = ET.SubElement(root, "resources")
    files = [("test", "imsqti_test_xmlv2p1", "test.xml")]
    files += [(name, "imsqti_item_xmlv2p1", f"items/{name}.xml") for name in names]
    for name, kind, file in files:
        resource = {"identifier": f"resource_{name}", "type": kind, "href": file}
        element = ET.SubElement(resources, "resource", resource)
        ET.SubElement(element, "file", href=file)
        if name == "test":
            for other in names:
                ET.SubElement(element, "dependency", identifierref=f"resource_{other}")
    return root


# -- H5P -------------------------------------------------------------------------------------------

_QUESTION_SET = ("H5P.QuestionSet", 1, 20)
_CHOICE = ("H5P.MultiChoice", 1, 16)
_TRUE_FALSE = ("H5P.TrueFalse", 1, 8)
_BLANKS = ("H5P.Blanks", 1, 14)

Library = tuple[str, int, int]
"""Name, major and minor version."""


def write_h5p(records: Iterable[dict], path: Path) -> Counter[str]:
    """An H5P question set: choices, true-false, and gaps to fill in for the others.

    The package holds the content alone; the libraries are those that the platform has, as H5P's
    hub installs them.
    """
    left_out: Counter[str] = Counter()
    questions: list[dict[str, Any]] = []
    libraries: dict[Library, None] = {_QUESTION_SET: None}  # an ordered set
    for item in usable(records, left_out, no_answer):
        library, params = _h5p_question(item)
        libraries[library] = None
        questions.append(
            {
                "library": f"{library[0]} {library[1]}.{library[2]}",
                "params": params,
                "subContentId": f"00000000-0000-4000-8000-{len(questions) + 1:012x}",
                "metadata": {
                    "contentType": library[0].removeprefix("H5P."),
                    "license": "U",
                    "title": item.name[:255],
                },
            }
        )
    content = {
        "introPage": {"showIntroPage": False},
        "progressType": "dots",
        "passPercentage": 50,
        "questions": questions,
        "disableBackwardsNavigation": False,
        "randomQuestions": False,
        "endGame": {"showResultPage": True, "showSolutionButton": True, "showRetryButton": True},
        "override": {"checkButton": True},
    }
    package = {
        "title": title_of_all(records)[:255] or TITLE,
        "language": "en",
        "mainLibrary": _QUESTION_SET[0],
        "embedTypes": ["iframe"],
        "license": "U",
        "preloadedDependencies": [
            {"machineName": name, "majorVersion": major, "minorVersion": minor}
            for name, major, minor in libraries
        ],
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        write_entry(archive, "h5p.json", json.dumps(package, ensure_ascii=False))
        write_entry(archive, "content/content.json", json.dumps(content, ensure_ascii=False))
    return left_out


def _h5p_question(item: Item) -> tuple[Library, dict[str, Any]]:
    evidence = html.escape(item.evidence)
    if item.type == "true-false":
        behaviour: dict[str, Any] = {"enableRetry": True, "enableSolutionsButton": True}
        if evidence:
            # These two are plain text.
            behaviour |= {"feedbackOnCorrect": item.evidence, "feedbackOnWrong": item.evidence}
        return _TRUE_FALSE, {
            "question": f"<p>{html.escape(item.text)}</p>",
            "correct": "true" if item.is_true else "false",
            "behaviour": behaviour,
        }
    feedback = [{"from": 0, "to": 100, "feedback": item.evidence}] if evidence else []
    if item.wrong:
        answers = [
            {
                "text": f"<div>{html.escape(choice)}</div>",
                "correct": choice == item.answer,
                "tipsAndFeedback": {"tip": "", "chosenFeedback": "", "notChosenFeedback": ""},
            }
            for choice in item.choices
        ]
        return _CHOICE, {
            "question": f"<p>{html.escape(item.text)}</p>",
            "answers": answers,
            "overallFeedback": feedback,
            "behaviour": {"enableRetry": True, "enableSolutionsButton": True, "type": "single"},
        }
    before, after = item.blank if item.type == "cloze" else (item.text + " ", "")
    gap = "".join((_h5p_text(before), "*", _h5p_text(item.answer), "*", _h5p_text(after)))
    return _BLANKS, {
        "text": "<p>Fill in the answer.</p>",
        "questions": [f"<p>{gap}</p>"],
        "overallFeedback": feedback,
        "behaviour": {"enableRetry": True, "enableSolutionsButton": True, "caseSensitive": False},
    }


def _h5p_text(text: str) -> str:
    """With character references for HTML's signs and for those that H5P has for gaps, other answers
    and tips."""
    return as_references(r"[&<>\"'*/:]", text)
