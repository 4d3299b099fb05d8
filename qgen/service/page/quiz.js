// Draws the text with its answers marked beside the questions, and keeps `props.value` equal to what
// the user has made of them: {passages: [text], questions: [{passage, start, answer, ...}]}.
const button = (label, title, action, pressed) => {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.title = title;
  made.setAttribute("aria-label", title);
  if (pressed !== undefined) made.setAttribute("aria-pressed", String(pressed));
  made.addEventListener("click", action);
  return made;
};
const make = (tag, name, text) => {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
};
const value = () => props.value || { passages: [], questions: [] };
const keep = (questions) => {
  props.value = { ...value(), questions };
  draw(); // what is set here is not watched
};
const changed = (index, changes) =>
  value().questions.map((q, i) => (i === index ? { ...q, ...changes } : q));
const move = (index, by) => {
  const questions = [...value().questions];
  const [moved] = questions.splice(index, 1);
  questions.splice(index + by, 0, moved);
  keep(questions);
};
const light = (index, on) => {
  element
    .querySelectorAll(`[data-question="${index}"]`)
    .forEach((marked) => marked.classList.toggle("lit", on));
};

const drawText = (passages, questions) => {
  const text = make("div", "text");
  passages.forEach((passage, number) => {
    const paragraph = make("p");
    const spans = questions
      .map((q, index) => ({ start: q.start, end: q.start + q.answer.length, index, of: q.passage }))
      .filter((span) => span.of === number && span.start !== null)
      .sort((a, b) => a.start - b.start || b.end - a.end);
    // Offsets count characters, not UTF-16 units.
    const characters = Array.from(passage);
    let at = 0;
    for (const span of spans) {
      const end = span.start + Array.from(questions[span.index].answer).length;
      if (span.start < at) continue; // several questions for one answer share its mark
      paragraph.append(characters.slice(at, span.start).join(""));
      const mark = make("mark", "", characters.slice(span.start, end).join(""));
      mark.dataset.question = span.index;
      mark.addEventListener("click", () => {
        element.querySelectorAll("li.card textarea")[span.index].focus();
      });
      paragraph.append(mark);
      at = end;
    }
    paragraph.append(characters.slice(at).join(""));
    text.append(paragraph);
  });
  return text;
};

const drawCard = (question, index, count) => {
  const card = make("li", question.accepted ? "card accepted" : "card");
  const text = make("textarea");
  text.value = question.question;
  text.rows = 1;
  text.setAttribute("aria-label", `Question ${index + 1}`);
  // No redraw, which would take a button away from under the click that ended the editing.
  text.addEventListener("change", () => {
    props.value = { ...value(), questions: changed(index, { question: text.value }) };
  });
  card.append(text);
  const facts = make("p", "facts");
  facts.append(make("span", "answer", question.answer));
  if (question.confidence !== null) {
    const sure = make("span", "sure", `${Math.round(100 * question.confidence)} % sure`);
    sure.style.setProperty("--sure", question.confidence);
    facts.append(sure);
  }
  card.append(facts);
  if (question.choices && question.choices.length) {
    const choices = make("ol", "choices");
    for (const choice of question.choices) {
      choices.append(make("li", choice === question.answer ? "right" : "", choice));
    }
    card.append(choices);
  }
  const actions = make("div", "actions");
  const name = `question ${index + 1}`;
  actions.append(
    button(
      question.accepted ? "Accepted" : "Accept",
      `Accept ${name}`,
      () => keep(changed(index, { accepted: !question.accepted })),
      Boolean(question.accepted),
    ),
  );
  const up = button("↑", `Move ${name} up`, () => move(index, -1));
  const down = button("↓", `Move ${name} down`, () => move(index, 1));
  up.disabled = index === 0;
  down.disabled = index === count - 1;
  actions.append(
    up,
    down,
    button("Delete", `Delete ${name}`, () =>
      keep(value().questions.filter((_, i) => i !== index)),
    ),
  );
  card.append(actions);
  for (const [event, on] of [
    ["mouseenter", true],
    ["mouseleave", false],
    ["focusin", true],
    ["focusout", false],
  ]) {
    card.addEventListener(event, () => light(index, on));
  }
  return card;
};

const draw = () => {
  const { passages, questions } = value();
  // A redraw must not take the keyboard's place away.
  const label = element.contains(document.activeElement)
    ? document.activeElement.getAttribute("aria-label")
    : null;
  const root = element.querySelector(".quiz");
  const list = make("ol", "cards");
  list.append(...questions.map((q, i) => drawCard(q, i, questions.length)));
  root.replaceChildren(...(passages.length ? [drawText(passages, questions), list] : []));
  root.querySelectorAll("textarea").forEach((text) => {
    text.style.height = `${text.scrollHeight + 2}px`;
    text.addEventListener("input", () => {
      text.style.height = "auto";
      text.style.height = `${text.scrollHeight + 2}px`;
    });
  });
  if (label) root.querySelector(`[aria-label="${label}"]`)?.focus();
};
watch("value", draw);
draw();
