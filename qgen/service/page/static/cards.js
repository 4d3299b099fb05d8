// The questions: to edit, and to take.
import { grow, h } from "./dom.js";
import { labelOf } from "./form.js";
import { choicesOf } from "./store.js";
import { sentenceAt } from "./text.js";

const LETTERS = "ABCDEFGH";

/** A confidence in words; the model card says how many are wrong at which confidence. */
export const sureness = (confidence) => {
  if (confidence === null) return "not checked";
  if (confidence >= 0.8) return "very sure";
  if (confidence >= 0.65) return "sure";
  if (confidence >= 0.5) return "fairly sure";
  return confidence >= 0.3 ? "unsure" : "doubtful";
};
const level = (confidence) => sureness(confidence).replace(" ", "-");

/** Why a question is trusted, or not: the reasons of its confidence, where the service gives some. */
const reasonsOf = (question) => {
  if (question.confidence === null) return ["No reader has checked this question.", ...(question.reasons ?? [])];
  const share = Math.round(100 * question.confidence);
  const judged = question.type ? "good" : "not wrong"; // a statement's confidence is that it is good
  return [`Of 100 questions judged like this one, about ${share} are ${judged}.`, ...(question.reasons ?? [])];
};

const nameOf = (index) => `question ${index + 1}`;
/** What finds an element again after the card was drawn anew. */
const keyOf = ({ id }, what) => `${id}-${what}`;

/**
 * A text of a card: on one line as far as it goes, and never empty.
 * @param change gets what was put in, and says whether it can stay.
 */
const field = (question, what, label, text, change) => {
  let value = text;
  const area = h("textarea", {
    class: what, rows: 1, dir: "auto", "data-key": keyOf(question, what), "aria-label": label,
    oninput: () => grow(area),
    onkeydown: (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      area.dispatchEvent(new Event("change"));
    },
    onchange: () => {
      const given = area.value.replace(/\s+/g, " ").trim();
      if (given && given !== value && change(given)) value = given;
      area.defaultValue = area.value = value;
      grow(area);
    },
  }, text); // prettier-ignore
  return area;
};

const answerField = (question, index, on) =>
  h("div", { class: "given" }, h("span", { class: "letter", "aria-hidden": "true" }, "→"),
    field(question, "answer", `Answer to ${nameOf(index)}`, question.answer, (answer) =>
      on.change(question.id, ({ type }) =>
        type === "true-false" && answer !== "True" && answer !== "False" ? "Such an answer is True or False." : { answer },
      ),
    )); // prettier-ignore

const choiceField = (question, index, i, on) => {
  const choice = question.choices[i];
  const right = choice === question.answer;
  const label = `Choice ${LETTERS[i]} of ${nameOf(index)}${right ? ", the right one" : ""}`;
  const area = field(question, `choice-${i}`, label, choice, (given) =>
    on.change(question.id, ({ choices }) => {
      const others = choices.toSpliced(i, 1).map((other) => other.toLowerCase());
      if (others.includes(given.toLowerCase())) return "There is such a choice already.";
      return { choices: choices.with(i, given), ...(right && { answer: given }) };
    }),
  );
  return h("li", { class: right && "right" }, h("span", { class: "letter" }, LETTERS[i]), area, right && h("span", { class: "tickmark", "aria-hidden": "true" }, "✓"));
};

const sureWords = ({ confidence }) => [sureness(confidence), confidence !== null && h("b", {}, ` ${Math.round(100 * confidence)} %`)].filter(Boolean);
const reasonItems = (question) => reasonsOf(question).map((reason) => h("li", {}, reason));

/** Draws how sure a question is, and why, on the card that is there: what is typed on it stays, and its buttons. */
export const drawSureness = (card, question) => {
  const sure = card.querySelector(".sure");
  sure.className = `sure ${level(question.confidence)}`;
  sure.replaceChildren(...sureWords(question));
  card.querySelector(".reasons").replaceChildren(...reasonItems(question));
};

/** How sure it is, and what opens the reasons. */
const sureButton = (question, why, on) => {
  const sure = h(
    "button",
    {
      type: "button", class: `sure ${level(question.confidence)}`, "data-key": keyOf(question, "why"),
      "aria-expanded": String(Boolean(question.open)), "aria-controls": why.id,
      title: "Why it is trusted or not",
      onclick: () => {
        why.hidden = !why.hidden;
        sure.setAttribute("aria-expanded", String(!why.hidden));
        on.explain(question.id, !why.hidden);
      },
    },
    sureWords(question),
  ); // prettier-ignore
  return sure;
};

const handle = (question, index, on) =>
  h(
    "button",
    {
      type: "button", class: "handle", "data-key": keyOf(question, "handle"),
      "aria-label": `Move ${nameOf(index)}: arrow keys, or drag`, title: "Drag, or press the arrow keys",
      onkeydown: (event) => {
        const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        on.move(question.id, index + by);
      },
      onpointerdown: (event) => drag(event, (to) => on.move(question.id, to)),
    },
    h("span", { class: "number" }, String(index + 1)),
    h("span", { class: "grip", "aria-hidden": "true" }, "⠿"),
  ); // prettier-ignore

const actions = (question, index, on) => {
  const { id, kept } = question;
  const busy = on.isRewording(id);
  const name = nameOf(index);
  const button = (what, words, label, onclick, attributes = {}) =>
    h("button", { type: "button", class: "quiet", "data-key": keyOf(question, what), "aria-label": label, onclick, ...attributes }, words);
  return h("span", { class: "actions" },
    button("keep", "Keep", `Keep ${name}`, () => on.keep(id), { "aria-pressed": String(Boolean(kept)), title: "Only kept questions are exported, if there are any" }),
    question.start !== null && question.type !== "true-false" && button("another", busy ? "Asking …" : "Another one", `Another one for the answer of ${name}`, () => on.another(id), { "aria-disabled": busy && "true", title: "Ask again for the same answer" }),
    button("delete", "Delete", `Delete ${name}`, () => on.remove(id)),
  ); // prettier-ignore
};

/**
 * A card to edit.
 * @param on what may be done: change(id, how), keep(id), another(id), remove(id), move(id, to),
 *   explain(id, on), lit(id, on); and isRewording(id).
 */
export const editCard = (question, index, on) => {
  const { id } = question;
  const why = h("ul", { class: "reasons", id: keyOf(question, "reasons"), hidden: !question.open }, reasonItems(question));
  return h(
    "li",
    {
      class: `card${question.kept ? " kept" : ""}${on.isRewording(id) ? " busy" : ""}`, "data-id": id,
      onmouseenter: () => on.lit(id, true), onmouseleave: () => on.lit(id, false),
      onfocusin: () => on.lit(id, true, true), onfocusout: () => on.lit(id, false),
    },
    handle(question, index, on),
    h(
      "div",
      { class: "body" },
      field(question, "asked", `Question ${index + 1}`, question.question, (asked) => on.change(id, () => ({ question: asked }))),
      question.choices.length
        ? h("ol", { class: "choices" }, question.choices.map((_, i) => choiceField(question, index, i, on)))
        : answerField(question, index, on),
      question.note && h("p", { class: "note" }, question.note),
      why,
      h("div", { class: "facts" },
        sureButton(question, why, on),
        question.type && h("span", { class: "pill" }, labelOf(question.type)),
        actions(question, index, on),
      ),
    ),
  ); // prettier-ignore
};

/** Drags the card of a handle among its siblings; `drop` gets the place where it is let go. */
const drag = (event, drop) => {
  if (event.button) return;
  const card = event.target.closest(".card");
  const list = card.parentElement;
  event.preventDefault();
  const [from, after] = [[...list.children].indexOf(card), card.nextElementSibling];
  const move = ({ clientY }) => {
    card.classList.add("dragged");
    const others = [...list.children].filter((other) => other !== card);
    const next = others.find((other) => {
      const box = other.getBoundingClientRect();
      return clientY < box.top + box.height / 2;
    });
    if (card.nextElementSibling !== (next ?? null)) list.insertBefore(card, next ?? null);
    if (clientY < 60) scrollBy(0, -12);
    if (clientY > innerHeight - 60) scrollBy(0, 12);
  };
  const end = () => {
    listening.abort();
    card.classList.remove("dragged");
    const to = [...list.children].indexOf(card);
    if (to !== from) drop(to);
  };
  const cancel = (cancelled) => {
    if (cancelled.type === "keydown" && cancelled.key !== "Escape") return;
    list.insertBefore(card, after);
    end();
  };
  // On the document: a card that moves in the list would lose a captured pointer.
  const listening = new AbortController();
  const listeners = { pointermove: move, pointerup: end, pointercancel: cancel, keydown: cancel };
  for (const [name, listener] of Object.entries(listeners))
    document.addEventListener(
      name,
      (event) => (card.isConnected ? listener(event) : listening.abort()), // it was drawn anew
      { signal: listening.signal },
    );
};

/** Whether a question is done with: without choices the taker also says how it went. */
export const isAnswered = ({ choices, taken }) => (choices.length ? taken !== undefined : typeof taken === "boolean");
export const isRight = ({ choices, taken, answer }) => (choices.length ? taken === answer : taken === true);

/** What the taker says of an answer that was not among choices, and can think better of. */
const ownVerdict = ({ id, taken }, index, on) =>
  [[true, "I was right"], [false, "I was wrong"]].map(([right, words]) =>
    h("button", {
      type: "button", class: `own ${right ? "right" : "wrong"}`, "data-key": `${id}-${right}`,
      "aria-pressed": String(taken === right), "aria-label": `${words} about question ${index + 1}`,
      "aria-describedby": keyOf({ id }, "right"),
      onclick: () => on.taken(id, right),
    }, words)); // prettier-ignore

/**
 * A card to take: the answer stays hidden until it is asked for, or a choice is made.
 * @param on taken(id, what): the choice that was made; null, where the answer was looked up; or
 *   whether an answer without choices was right. lit(id, on).
 */
export const takeCard = (question, index, on) => {
  const { id } = question;
  const taken = question.taken;
  const done = taken !== undefined;
  const choices =
    question.choices.length > 0 &&
    h(
      "ul",
      { class: "choices" },
      question.choices.map((choice, i) => {
        const right = choice === question.answer;
        const verdict = done && (right ? "right" : taken === choice ? "wrong" : "");
        return h("li", { class: verdict || null, id: done && right && keyOf(question, "right") },
          h("button", { type: "button", class: "choice", disabled: done, "data-key": `${id}-choice-${i}`, onclick: () => on.taken(id, choice) },
            h("span", { class: "letter" }, LETTERS[i]), h("bdi", {}, choice),
            verdict && h("span", { class: "verdict" }, verdict === "right" ? "✓ right" : "✗ your choice")));
      }),
    ); // prettier-ignore
  return h(
    "li",
    { class: "card take", "data-id": id, onmouseenter: () => done && on.lit(id, true), onmouseleave: () => on.lit(id, false) },
    h("span", { class: "handle" }, h("span", { class: "number" }, String(index + 1))),
    h(
      "div",
      { class: "body" },
      h("p", { class: "asked", dir: "auto" }, question.question),
      choices,
      done && !choices && h("p", { class: "revealed", id: keyOf(question, "right") }, h("span", { class: "letter", "aria-hidden": "true" }, "→"), h("bdi", {}, question.answer)),
      h("div", { class: "facts" },
        done && !choices && ownVerdict(question, index, on),
        !done && h("button", { type: "button", class: "quiet", "data-key": `${id}-look`, "aria-label": `Show answer to question ${index + 1}`, onclick: () => on.taken(id, null) }, "Show answer"),
        done && question.start !== null && h("button", { type: "button", class: "quiet", "data-key": `${id}-show`, "aria-label": `Where it stands, of question ${index + 1}`, "aria-describedby": keyOf(question, "right"), onfocus: () => on.lit(id, true, true), onblur: () => on.lit(id, false), onclick: () => on.lit(id, true, true) }, "Where it stands"),
      ),
    ),
  ); // prettier-ignore
};

/** How a quiz that is taken goes: what to say of it, whether it has ended, and whether any was wrong. */
export const resultOf = (questions) => {
  const answered = questions.filter(isAnswered);
  const right = answered.filter(isRight).length;
  const ended = questions.length > 0 && answered.length === questions.length;
  const said = answered.length ? `${right} of ${answered.length} right${ended ? "" : " so far"}` : "";
  return { said, ended, anyWrong: right < answered.length };
};

/** The work sheet that is printed: questions with room for answers, and the key on a page of its own. */
export const printSheet = (place, title, questions, passages) => {
  const key = questions.map((q) => {
    const letter = q.choices.length && q.type !== "true-false" ? `${LETTERS[q.choices.indexOf(q.answer)]}. ` : "";
    const shown = q.start !== null && h("q", {}, evidence(q, passages));
    return h("li", {}, h("strong", {}, letter, h("bdi", {}, q.answer)), shown);
  });
  place.replaceChildren(
    h("h2", { dir: "auto" }, title),
    h("p", { class: "name" }, "Name: "),
    h(
      "ol",
      {},
      questions.map((q) =>
        h(
          "li",
          {},
          h("p", { dir: "auto" }, q.question),
          choicesOf(q).length
            ? h("ul", {}, choicesOf(q).map((c, i) => h("li", {}, h("span", { class: "box" }), h("span", {}, q.type !== "true-false" && `${LETTERS[i]}. `, h("bdi", {}, c)))))
            : h("p", { class: "line" }),
        ),
      ),
    ),
    h("section", { class: "key" }, h("h2", {}, "Answers"), h("ol", {}, key)),
  );
};

/** The sentence in which the answer stands. */
const evidence = (question, passages) => {
  const passage = passages[question.passage];
  return Array.from(passage.text).slice(...sentenceAt(passage, question.start)).join("").trim();
};
