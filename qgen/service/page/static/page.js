// The page: its parts, how they are drawn, and what the controls do.
import { Asker } from "./asking.js";
import { batchPanel } from "./batch.js";
import { drawSureness, editCard, isAnswered, isRight, printSheet, resultOf, takeCard } from "./cards.js";
import { ready, score } from "./client.js";
import { grow, h, plural, say } from "./dom.js";
import { settingsForm } from "./form.js";
import { dropping, tabs, themes } from "./frame.js";
import { notices } from "./notices.js";
import { offerSelection } from "./offer.js";
import { readDocument, served } from "./server.js";
import { Store } from "./store.js";
import { drawPassages, isReplaced, joined, light } from "./text.js";

const element = document.querySelector(".qgen");
const setup = JSON.parse(document.querySelector("#qgen-setup").textContent);

const find = (selector) => element.querySelector(selector);
const [text, reading] = ["#text", "#reading"].map(find);

const { tell, complain, toast, attempt } = notices(find);
const form = settingsForm(setup.schema, find("#prominent"), find("#more"));
const store = new Store(form, () => draw(), toast, () => drawKept());
const asker = new Asker(find, setup, form, store, { tell, toast, attempt });
const hideOffer = offerSelection(
  find,
  () => !asker.busy && store.state.view === "edit",
  (selected) => asker.askFor(selected).then((id) => id !== null && focusCard(id)),
);
const chooseRows = batchPanel(find, form.chosen);

// -- drawing -------------------------------------------------------------------------------------

const OF_KEEPING = {
  before: "This is from before; it is kept in this browser alone, until you begin anew.",
  old: "What this browser has kept is of another version of the page, and cannot be shown. What you put in takes its place.",
  other: "Another tab's quiz is kept now, not this one, unless you change something here.",
  gone: "This is not kept any more, unless you change something here.",
  none: "This browser cannot keep this. Export the questions as JSON Lines to go on with them another time.",
};

const drawKept = () => {
  const { kept, isEmpty } = store;
  const isSaid = kept === "old" ? isEmpty : !isEmpty; // the others are about what is on the page
  const said = (isSaid && OF_KEEPING[kept]) || "";
  find("#kept").hidden = !said;
  say(find("#kept"), said);
};

const lit = (id, on, scroll) => light(reading, id, on, scroll);

const focusCard = (id) => {
  const card = find(`.card[data-id="${id}"]`);
  card?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  (card?.querySelector("textarea") ?? card?.querySelector("button"))?.focus({ preventScroll: true });
};

const growCards = () => grow(...find("#cards").querySelectorAll("textarea"));

const drawText = () => {
  const { state } = store;
  text.hidden = state.marked;
  reading.hidden = find("#edit-text").hidden = !state.marked;
  find("#anew").hidden = store.isEmpty;
  if (text.value !== state.text) text.value = state.text;
  reading.classList.toggle("taking", state.view === "take");
  drawPassages(reading, state.marked ? state.passages : [], store.shown(), focusCard);
  const words = state.text.split(/\s+/).filter(Boolean).length;
  say(find("#text-note"), state.note || (words ? plural(words, "word") : ""));
  if (document.activeElement !== find("#title")) find("#title").value = store.title();
  find("#samples").hidden = state.questions.length > 0 || Boolean(state.text) || asker.busy;
};

const drawTools = () => {
  const { questions, view, atLeast } = store.state;
  const any = questions.length > 0;
  const take = view === "take";
  element.classList.toggle("filled", any);
  element.classList.toggle("testing", take && any);
  find("#quiz").hidden = !any;
  find("#view-edit").setAttribute("aria-pressed", String(!take));
  find("#view-take").setAttribute("aria-pressed", String(take));
  const hidden = questions.length - store.shown().length;
  find("#sure").value = atLeast;
  find("#sure-value").value = `${Math.round(100 * atLeast)} %${hidden ? ` · ${hidden} hidden` : ""}`;
  find("#sure-label").hidden = questions.every((q) => q.confidence === null);
  find("#all-hidden").hidden = !any || hidden < questions.length;
};

const drawCards = () => {
  const take = store.state.view === "take";
  const shown = store.shown().map((q) => (take ? store.asTaken(q) : q));
  const cards = shown.map((q, i) => {
    if (!take) return editCard(q, i, editing);
    return q.aside ? null : takeCard(q, i, taking); // with its number in the whole quiz
  });
  find("#cards").replaceChildren(...cards.filter(Boolean));
  drawResult(take ? resultOf(shown.filter((q) => !q.aside)) : {});
  growCards();
};

const drawResult = ({ said = "", ended, anyWrong }) => {
  say(find("#points"), said);
  find("#take-again").hidden = !ended;
  find("#take-wrong").hidden = !ended || !anyWrong;
};

/** Takes what is being typed into a card. */
const takeTyped = () => document.activeElement?.closest(".card textarea")?.dispatchEvent(new Event("change"));

/** Draws all anew; what has the focus keeps it, and what is being typed. */
const draw = () => {
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  takeTyped();
  drawText();
  drawTools();
  drawCards();
  if (focused?.dataset.key) focusAgain(focused);
};

/** Focuses what had the focus, or what was drawn in its place. */
const focusAgain = (before) => {
  const again = before.isConnected ? before : find(`[data-key="${before.dataset.key}"]`);
  again?.focus({ preventScroll: true });
  if (again !== before) again?.setSelectionRange?.(before.selectionStart, before.selectionEnd);
};

// -- what cards do -------------------------------------------------------------------------------

const placeOf = (id) => store.shown().findIndex((q) => q.id === id);

const editing = {
  lit,
  another: (id) => asker.another(id),
  isRewording: (id) => asker.isRewording(id),
  /** @returns whether it was changed: `how` gives what is changed, or says why it cannot be. */
  change: (id, how) => {
    const question = store.question(id);
    if (!question) return false; // what is typed is drawn anew: it went with its text
    const changes = how(question);
    if (typeof changes === "string") {
      toast(changes, false);
      return false;
    }
    store.remember(`Question ${placeOf(id) + 1} changed.`);
    // Without drawing: the click that ended the editing would lose its button.
    const other = "question" in changes || "answer" in changes;
    store.note({ questions: store.changed(id, { ...changes, ...(other && { confidence: null, reasons: [], unchecked: true }) }) });
    if (other) check(id);
    return true;
  },
  explain: (id, open) => store.note({ questions: store.changed(id, { open }) }),
  keep: (id) => {
    const kept = !store.question(id).kept;
    store.step({ questions: store.changed(id, { kept }) }, `Question ${placeOf(id) + 1} ${kept ? "" : "no longer "}kept.`);
  },
  remove: (id) => {
    const at = placeOf(id);
    const left = store.state.questions.filter((q) => q.id !== id);
    store.step({ questions: left }, `Question ${at + 1} deleted.`);
    const shown = store.shown();
    const next = shown[Math.min(at, shown.length - 1)];
    find(next ? `[data-key="${next.id}-delete"]` : "#undo")?.focus({ preventScroll: true });
  },
  move: (id, to) => {
    const order = store.shown();
    if (to < 0 || to >= order.length) return;
    const moved = store.question(id);
    const others = store.state.questions.filter((q) => q !== moved);
    const rest = order.filter((q) => q !== moved);
    const at = to < rest.length ? others.indexOf(rest[to]) : others.length;
    store.step({ questions: others.toSpliced(at, 0, moved) }, `Question ${order.indexOf(moved) + 1} is now ${to + 1} of ${order.length}.`);
  },
};

/** Has a question checked that was changed; a statement cannot be, nor one without a place in the text. */
const check = async (id) => {
  const show = () => {
    const card = find(`#cards .card[data-id="${id}"]`);
    if (card?.querySelector(".sure")) drawSureness(card, store.question(id));
    drawTools();
  };
  show();
  const asked = store.question(id);
  if (asked.type || asked.start === null) return;
  const { question, answer, span, start } = asked;
  const passage = store.state.passages[asked.passage].text;
  const place = answer === span ? { answer_start: start } : {};
  const found = await score({ passage, question, answer, ...place }).catch(() => null);
  const now = store.question(id);
  if (!found || now?.question !== question || now.answer !== answer) return; // changed again, or gone
  store.note({ questions: store.changed(id, { confidence: found.confidence, reasons: found.reasons, unchecked: false }) });
  show();
};

const undo = () => goTo(() => store.undo());
const redo = () => goTo(() => store.redo());
const goTo = (go) => {
  if (asker.busy) return;
  const id = go();
  store.state.questions.filter((q) => q.unchecked).forEach((q) => check(q.id)); // of a step before its verdict
  if (id !== undefined && !find("#cards").contains(document.activeElement)) focusCard(id);
  leaveToast();
};

let beforeToast = null; // what had the focus
find("#toast").addEventListener("focusin", ({ relatedTarget }) => {
  if (!find("#toast").contains(relatedTarget)) beforeToast = relatedTarget;
});
/** Where the toast has the focus and is closed, the focus goes back. */
const leaveToast = () => {
  if (beforeToast && find("#toast").contains(document.activeElement)) focusAgain(beforeToast);
};

/** The id of what is to be answered next, if anything: after this one, or else from the beginning. */
const nextAfter = (id) => {
  const shown = store.shown().map((q) => store.asTaken(q));
  const after = shown.findIndex((q) => q.id === id) + 1;
  const inTurn = [...shown.slice(after), ...shown.slice(0, after)];
  return inTurn.find((q) => !q.aside && !isAnswered(q))?.id;
};

const taking = {
  lit,
  taken: (id, what) => {
    store.update({ taken: { ...store.state.taken, [id]: what } });
    // What was pressed may be no button any more.
    const card = find(`.card[data-id="${id}"]`);
    if (!card.contains(document.activeElement)) {
      const places = [card, find(`.card[data-id="${nextAfter(id)}"]`), find("#result")];
      const next = places.map((place) => place?.querySelector("button:enabled:not([hidden])")).find(Boolean);
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest" });
    }
    lit(id, true, true);
  },
};

/** Begins to take the quiz: all of it, or what went wrong, where the rest is put aside. */
const takeQuiz = (onlyWrong = false) => {
  const done = store.state.questions.map((q) => store.asTaken(q)).filter((q) => q.aside || isRight(q));
  store.update({ view: "take", taken: {}, aside: onlyWrong ? done.map((q) => q.id) : [] });
};
const takeAgain = (onlyWrong) => {
  takeQuiz(onlyWrong);
  focusCard(store.shown().find((q) => !store.asTaken(q).aside).id);
};

// -- the text ------------------------------------------------------------------------------------

let opening = null; // the file that is to be put in once it is read
/** Another text is begun: no file is waited for any more. */
const forget = () => {
  if (opening) tell("");
  opening = null;
};

/** Puts another text in, with what is known of it. */
const setText = (value, { note = "", name = "", title = "", passages, questions = [] } = {}) => {
  forget();
  hideOffer();
  text.value = value;
  complain(null);
  store.kept = "";
  store.update({
    text: value, note, name, title, questions, view: "edit", atLeast: 0, taken: {}, aside: [],
    passages: passages ?? [], marked: Boolean(passages),
  }); // prettier-ignore
};

const open = async (file, count = 1) => {
  opening = file;
  await asker.stop();
  await attempt(async () => {
    tell(`Reading ${file.name} …`);
    const read = await readDocument(file).catch((error) => {
      if (opening !== file) return;
      opening = null;
      throw error;
    });
    if (opening !== file) return;
    const { passages, left_out: left, questions: saved = [], title } = read;
    await asker.stop(); // what was begun meanwhile is about another text
    if (store.state.questions.length) store.remember("The questions went with their text.", store.whole());
    else if (store.state.text) store.remember("The text was replaced.", store.whole());
    const has = plural(passages.length, "paragraph") + (saved.length ? `, ${plural(saved.length, "question")}` : "");
    const note = `${file.name}: ${has}${left ? `; left out: ${left}` : ""}${count > 1 ? `; of ${count} files only this one` : ""}`;
    const name = file.name.replace(/\.[^.]*$/, "");
    const questions = saved.map(({ passage, ...made }) => asker.received(passage, made));
    setText(joined(passages), { note, name, title, passages, questions });
    tell("");
  });
};

text.addEventListener("input", () => {
  forget();
  complain(null);
  const none = isReplaced(store.state.text, text.value) ? { name: "", title: "" } : {};
  store.note({ text: text.value, note: "", marked: false, ...none });
  drawText();
});
find("#edit-text").addEventListener("click", () => {
  store.update({ marked: false });
  text.focus();
});
find("#anew").addEventListener("click", async () => {
  forget();
  await asker.stop();
  store.remember("Begun anew.", { ...store.whole(), settings: form.chosen() });
  form.restore({});
  setText("");
  tell("");
  text.focus();
});
find("#upload").accept = setup.documents.join(",");
find("#upload").addEventListener("change", ({ target }) => {
  if (target.files[0]) open(target.files[0]);
  target.value = "";
});
dropping(find("#dropping"), (file, count) => {
  if (find("#panel-batch").hidden) return open(file, count);
  chooseRows(file);
  if (count > 1) toast(`Of ${count} files only ${file.name} is taken.`, false);
});

const sampleButton = ({ text, source, licence, topic, title }) => {
  const from = `${source}, ${licence}`;
  const onclick = () => {
    setText(text, { note: from, name: title });
    find("#generate").focus();
  };
  return h("button", { type: "button", class: "sample", onclick },
    h("span", { class: "topic" }, topic), h("strong", {}, title), h("small", {}, from)); // prettier-ignore
};
find("#samples ul").append(...setup.samples.map((sample) => h("li", {}, sampleButton(sample))));

// -- asking --------------------------------------------------------------------------------------

find("#ask").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!find("#panel-batch").hidden) return find("#run-batch").click();
  store.kept = "";
  return asker.generate();
});
find("#ask").addEventListener("change", () => store.save());
const showMore = (open) => {
  find("#more").hidden = !open;
  find("#settings").setAttribute("aria-expanded", String(open));
};
find("#settings").addEventListener("click", () => showMore(find("#more").hidden));
const showInvalid = ({ target }) => {
  showMore(true);
  target.closest("details")?.setAttribute("open", "");
};
find("#ask").addEventListener("invalid", showInvalid, true); // a hidden one cannot be told of
find("#stop").addEventListener("click", ({ timeStamp }) => {
  if (timeStamp - asker.began > 500) asker.stop(); // or it is a double click on "Generate"
});
document.addEventListener("keydown", (event) => {
  const typed = event.target.closest?.("input:not([type=range], [type=checkbox]), textarea, select");
  const isUntouched = typed?.closest(".card") && typed.value === typed.defaultValue;
  const control = event.ctrlKey || event.metaKey;
  const key = event.key?.toLowerCase(); // capital letters with Shift
  const isQuiz = find("#panel-batch").hidden; // what is not in sight is not changed
  const isRedo = (control && event.shiftKey && key === "z") || (event.ctrlKey && key === "y");
  if (isQuiz && (isRedo || (control && key === "z")) && (!typed || isUntouched)) {
    event.preventDefault();
    (isRedo ? redo : undo)();
  }
  if (control && event.key === "Enter" && find("#ask").checkVisibility() && !event.target.closest?.("#quiz"))
    find("#ask").requestSubmit();
  if (event.key === "Escape") hideOffer();
});

// -- the questions -------------------------------------------------------------------------------

find("#undo").addEventListener("click", undo);
find("#dismiss").addEventListener("click", () => {
  toast(null);
  leaveToast();
});
find("#view-edit").addEventListener("click", () => store.update({ view: "edit" }));
find("#view-take").addEventListener("click", () => {
  if (store.state.view !== "take") takeQuiz();
});
find("#take-again").addEventListener("click", () => takeAgain(false));
find("#take-wrong").addEventListener("click", () => takeAgain(true));
find("#sure").addEventListener("input", ({ target }) => store.update({ atLeast: Number(target.value) }));
find("#show-all").addEventListener("click", () => {
  store.update({ atLeast: 0 });
  focusCard(store.shown()[0].id);
});
find("#title").addEventListener("input", ({ target }) => store.note({ title: target.value.trim() }));
find("#title").addEventListener("blur", ({ target }) => (target.value = store.title()));
find("#print").addEventListener("click", () => print());
addEventListener("beforeprint", () => {
  takeTyped();
  printSheet(find("#sheet"), store.title(), store.exported(), store.state.passages);
});

const download = async () => {
  const questions = store.exported();
  const { passages, questions: all } = store.state;
  const file = await served("export_quiz", {
    format: find("#format").value, title: store.title(), questions,
    passages: passages.map((passage) => passage.text),
    headings: passages.map((passage) => passage.headings ?? []),
  }); // prettier-ignore
  const bytes = Uint8Array.from(atob(file.content), (c) => c.charCodeAt(0));
  const url = URL.createObjectURL(new Blob([bytes]));
  h("a", { href: url, download: file.name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  const of = questions.length < all.length ? `${questions.length} of ` : "";
  tell([`${file.name}: ${of}${plural(all.length, "question")}`, ...file.left_out].join("; "));
};
find("#export").addEventListener("click", () => attempt(download));
for (const select of ["#format", "#batch-format"])
  find(select).append(...Object.entries(setup.formats).map(([value, name]) => h("option", { value }, name)));
find("#batch-format").value = "jsonl";

let width = 0;
new ResizeObserver(([{ contentRect }]) => {
  if (contentRect.width === width) return;
  width = contentRect.width;
  growCards();
}).observe(find("#cards"));

// -- the start -----------------------------------------------------------------------------------

tabs(element, find);
themes(find("#theme"));
ready(() => (find("#loading").hidden = false)).then(() => (find("#loading").hidden = true));
store.restore();
draw();
addEventListener("pagehide", takeTyped); // whoever reloads has not left the field
