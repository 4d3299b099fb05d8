// The text: what is selected in it, and its paragraphs with the answers marked.
import { charactersIn, h, unitsBefore } from "./dom.js";

const MAX_ANSWER = 200; // characters: a longer selection is a passage, not an answer

/** Paragraphs as a text to edit. */
export const joined = (passages) => passages.map(({ text }) => text).join("\n\n");

/** Where the sentence begins and ends, in characters, in which a place of a paragraph is. */
export const sentenceAt = ({ text, sentences }, place) => [
  sentences.findLast((end) => end <= place) ?? 0,
  sentences.find((end) => end > place) ?? charactersIn(text, text.length),
];

/** Where a question's answer begins and ends, in UTF-16 units; of a statement, all of its sentence. */
const spanOf = ({ id, type, start, span }, passage) => {
  const { text } = passage;
  if (type !== "true-false") {
    const begin = unitsBefore(text, start);
    return { id, begin, end: begin + span.length };
  }
  const [begin, end] = sentenceAt(passage, start).map((place) => unitsBefore(text, place));
  return { id, begin: begin + text.slice(begin).search(/\S/), end };
};

/** Draws paragraphs; each stretch knows its sentence and the questions whose answer it belongs to. */
export const drawPassages = (place, passages, questions, onpick) => {
  place.replaceChildren(
    ...passages.map((passage, number) => {
      const { text, sentences } = passage;
      const spans = questions
        .filter((q) => q.passage === number && q.start !== null)
        .map((q) => spanOf(q, passage))
        .sort((a, b) => a.end - a.begin - (b.end - b.begin)); // the shortest is picked
      const ends = sentences.map((end) => unitsBefore(text, end));
      const cuts = [0, text.length, ...ends, ...spans.flatMap((s) => [s.begin, s.end])];
      const points = [...new Set(cuts)].sort((a, b) => a - b);
      const pieces = points.slice(0, -1).map((begin, i) => {
        const asked = spans.filter((s) => s.begin <= begin && begin < s.end);
        return h(
          asked.length ? "mark" : "span",
          {
            "data-sentence": `${number}.${ends.filter((end) => end <= begin).length}`,
            "data-questions": asked.map((s) => s.id).join(" ") || null,
            onclick: asked.length > 0 && (() => onpick(asked[0].id)),
          },
          text.slice(begin, points[i + 1]),
        );
      });
      return h("p", { "data-passage": number }, pieces);
    }),
  );
};

/** Lights up a question's answer and the sentence it stands in, and scrolls only the text to it. */
export const light = (place, id, on, scroll = false) => {
  const marks = [...place.querySelectorAll("mark")].filter((mark) =>
    mark.dataset.questions.split(" ").includes(String(id)),
  );
  for (const mark of marks) {
    mark.classList.toggle("lit", on);
    place
      .querySelectorAll(`[data-sentence="${mark.dataset.sentence}"]`)
      .forEach((piece) => piece.classList.toggle("evidence", on));
  }
  if (on && scroll && marks.length) {
    const [box, mark] = [place.getBoundingClientRect(), marks[0].getBoundingClientRect()];
    if (mark.top < box.top + 24 || mark.bottom > box.bottom - 24)
      place.scrollBy({ top: mark.top - box.top - box.height / 3, behavior: "smooth" });
  }
};

/** The part of a span without white space at its ends; nothing if it cannot be an answer. */
const trimmed = (text, begin, end) => {
  const chosen = text.slice(begin, end);
  const answer = chosen.trim();
  if (!answer || answer.length > MAX_ANSWER || answer.includes("\n\n")) return null;
  return { answer, begin: begin + chosen.indexOf(answer) };
};

/** What is selected in the text area: the answer, and what stands before and after it. */
export const selectedInArea = (area) => {
  const found = trimmed(area.value, area.selectionStart, area.selectionEnd);
  if (!found || found.answer === area.value.trim()) return null;
  const end = found.begin + found.answer.length;
  return { answer: found.answer, before: area.value.slice(0, found.begin), after: area.value.slice(end) };
};

/** What is selected in the drawn paragraphs: the answer, its paragraph and its offset there. */
export const selectedInPassages = (place) => {
  const selection = document.getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  const paragraph = (node) => (node.nodeType === 1 ? node : node.parentElement).closest("p[data-passage]");
  const [first, last] = [paragraph(range.startContainer), paragraph(range.endContainer)];
  if (!first || first !== last || !place.contains(first)) return null;
  const before = document.createRange();
  before.setStart(first, 0);
  before.setEnd(range.startContainer, range.startOffset);
  const begin = before.toString().length;
  const text = first.textContent;
  const found = trimmed(text, begin, begin + range.toString().length);
  return (
    found && {
      answer: found.answer,
      passage: Number(first.dataset.passage),
      start: charactersIn(text, found.begin),
      box: range.getBoundingClientRect(),
    }
  );
};

const squeezed = (text) => text.replace(/\s+/g, " ");
const agreeing = (a, b) => {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
};

/** Whether more of a text was put in another's place than stays, at its beginning and its end. */
export const isReplaced = (before, after) => {
  const begin = agreeing(before, after);
  let stays = begin;
  const last = (text) => text.at(begin - stays - 1);
  while (stays < Math.min(before.length, after.length) && last(before) === last(after)) stays++;
  return 2 * stays < before.length;
};

const reversed = (text) => Array.from(text).reverse().join("");

/**
 * Where a selection of the text area stands in the paragraphs that were made of it: of the places
 * that read like it, the one whose surroundings agree most.
 */
export const placeOf = ({ answer, before, after }, passages) => {
  const wanted = squeezed(answer);
  const [left, right] = [reversed(squeezed(before).slice(-200)), squeezed(after).slice(0, 200)];
  let best = null;
  passages.forEach(({ text }, passage) => {
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
      const agrees =
        agreeing(left, reversed(text.slice(Math.max(0, at - 200), at))) +
        agreeing(right, text.slice(at + wanted.length, at + wanted.length + 200));
      if (!best || agrees > best.agrees)
        best = { agrees, passage, start: charactersIn(text, at), answer: wanted };
    }
  });
  return best;
};

/** Where the selection of a text area ends on the screen, by a copy of it that has no caret. */
export const caretBox = (area) => {
  const style = getComputedStyle(area);
  const copy = h("div", { "aria-hidden": "true" });
  for (const name of ["font", "padding", "border", "lineHeight", "letterSpacing", "boxSizing"])
    copy.style[name] = style[name];
  Object.assign(copy.style, {
    position: "absolute", visibility: "hidden", whiteSpace: "pre-wrap", overflowWrap: "break-word",
    top: 0, left: 0, width: `${area.clientWidth}px`,
  }); // prettier-ignore
  copy.append(area.value.slice(0, area.selectionEnd));
  const end = h("span", {}, "\u200b");
  copy.append(end);
  area.parentElement.append(copy);
  const [at, from, box] = [end, copy, area].map((one) => one.getBoundingClientRect());
  copy.remove();
  const top = box.top + (at.top - from.top) - area.scrollTop;
  return {
    left: box.left + (at.left - from.left),
    top: Math.min(Math.max(top, box.top), box.bottom - at.height),
    bottom: Math.min(Math.max(top + at.height, box.top + at.height), box.bottom),
  };
};
