// What is the user's: changed, kept in the browser, and taken back step by step.
import { removing, stored, storing } from "./storage.js";

const KEPT = 50; // steps that can be undone
const KEY = "qgen"; // in this tab's storage, for a reload, and in all tabs', for a new one

/** What a step changes, where it does not put in another text: what was typed since stays. */
const undoable = ({ questions, passages, atLeast }) => ({ questions, passages, atLeast });

const has = (type, object, ...names) => names.every((name) => typeof object[name] === type);

const isSound = ({ text, passages, questions }) =>
  typeof text === "string" &&
  passages.every((one) => has("string", one, "text") && Array.isArray(one.sentences)) &&
  questions.every(
    (q) =>
      has("string", q, "question", "answer", "span") && has("number", q, "id", "passage") &&
      passages[q.passage] && Array.isArray(q.choices) && Array.isArray(q.asked),
  ); // prettier-ignore

/** What was kept, if it can be drawn: another version of the page may have kept it. */
const sound = (kept) => {
  try {
    const { state, settings } = JSON.parse(kept);
    return isSound(state) ? { kept, state, settings } : null;
  } catch {
    return null;
  }
};

/** What is chosen among: of a statement, whether it is true. */
export const choicesOf = ({ type, choices }) => (type === "true-false" ? ["True", "False"] : choices);

export class Store {
  /** A question has its span of the text besides what is edited of it. */
  state = {
    text: "", note: "", // the text, and where it is from
    name: "", title: "", // of the document, and what was put in its place
    passages: [], // what the questions are about
    marked: false, // whether these are the paragraphs of the text as it stands
    questions: [], view: "edit", atLeast: 0,
    // While it is taken, by id: no part of the questions, or undoing a change would change it, too.
    taken: {}, // what was answered: a choice, null where it was looked up, or whether it was right
    aside: [], // those not asked, where only the wrong ones are taken
  }; // prettier-ignore
  /**
   * What to know of its keeping: it is from "before"; what was kept is of an "old" page; an "other"
   * tab's is kept now; it is "gone", taken out elsewhere; or there is "none", nothing can be kept.
   */
  kept = "";
  #own = null; // what this tab kept last, or took up
  #history = [];
  #undone = [];
  #nextId = 1;

  /**
   * @param form the settings, which are kept too.
   * @param draw is called after a change.
   * @param toast tells what a step has done, so that it can be taken back.
   * @param tellKept tells what `kept` is.
   */
  constructor(form, draw, toast, tellKept) {
    Object.assign(this, { form, draw, toast, tellKept });
  }

  save() {
    const kept = JSON.stringify({ state: this.state, settings: this.form.chosen() });
    // What another tab keeps stays, where this one has nothing, or too much, to put in its place.
    const isOwn = stored("localStorage", KEY) === this.#own;
    const inTab = storing("sessionStorage", KEY, kept);
    const inAll = !this.isEmpty && storing("localStorage", KEY, kept);
    // Rather none than one that is out of date.
    if (!inTab) removing("sessionStorage", KEY);
    if (!inAll && isOwn) removing("localStorage", KEY);
    this.#own = kept;
    if (!this.isEmpty && !(inTab && inAll)) this.kept = "none";
    else if (this.isEmpty || this.kept !== "before") this.kept = "";
    this.tellKept();
  }

  get isEmpty() {
    return !this.state.text && !this.state.questions.length;
  }

  /** Takes up what this tab had before a reload, or else what was kept last in any. */
  restore() {
    const [own, last] = ["sessionStorage", "localStorage"].map((storage) => stored(storage, KEY));
    const found = sound(own) ?? sound(last);
    if (found) {
      this.state = { ...this.state, ...found.state };
      this.form.restore(found.settings ?? {});
      this.#nextId = 1 + Math.max(0, ...found.state.questions.map((q) => q.id));
      this.#own = found.kept;
      storing("sessionStorage", KEY, found.kept); // for a reload, whatever is kept in its place by then
      if (found.kept === last) this.kept = "before";
      else if (!this.isEmpty) this.kept = last ? "other" : "gone";
    } else if (own ?? last) this.kept = "old";
    this.tellKept();
    // In another tab; what is kept of this one is out of date, or gone, until it is changed.
    addEventListener("storage", ({ key, newValue }) => {
      if (key !== KEY && key !== null) return; // null: all is cleared
      this.kept = newValue ? "other" : "gone";
      this.tellKept();
    });
  }

  /** What a step changes that puts another text in: all but the view. */
  whole() {
    const { view, ...state } = this.state;
    return state;
  }

  /** What stands over the questions: what was put in, or else the document's name, or how it begins. */
  title() {
    const { title, name, passages } = this.state;
    if (title || name) return title || name;
    const words = (passages[0]?.text ?? "").split(/\s+/);
    return words.slice(0, 8).join(" ") + (words.length > 8 ? " …" : "");
  }

  /** A change that is on the screen already. */
  note(changes) {
    this.state = { ...this.state, ...changes };
    this.save();
  }

  update(changes) {
    if (changes.questions) this.#undone = []; // there is another way to go on now
    this.#put(changes);
  }

  #put(changes) {
    this.note(changes);
    this.draw();
  }

  /** Notes what undo goes back to, and tells what has been done since. */
  remember(said, before = undoable(this.state)) {
    this.#history = [...this.#history, before].slice(-KEPT);
    this.#undone = [];
    this.toast(said);
  }

  /** A change that can be taken back. */
  step(changes, said) {
    this.remember(said);
    this.update(changes);
  }

  /** @returns the id of a question that it has brought back or changed, if any. */
  undo() {
    return this.#go(this.#history, this.#undone);
  }

  /** Does again what was undone. */
  redo() {
    return this.#go(this.#undone, this.#history);
  }

  /** Takes the last state of one list up, and puts what was there into the other. */
  #go(from, to) {
    const { settings, ...wanted } = from.pop() ?? {};
    if (!wanted.questions) return undefined;
    const { questions, passages, marked } = this.state;
    const names = Object.keys(wanted); // the same that are changed back
    const there = Object.fromEntries(names.map((name) => [name, this.state[name]]));
    to.push(settings ? { ...there, settings: this.form.chosen() } : there);
    if (settings) this.form.restore(settings);
    this.#put({ marked: marked && passages === wanted.passages, ...wanted });
    this.toast(null);
    return wanted.questions.find((q) => !questions.includes(q))?.id;
  }

  newId() {
    return this.#nextId++;
  }

  question(id) {
    return this.state.questions.find((q) => q.id === id);
  }

  /** The questions, of which one is changed. */
  changed(id, changes) {
    return this.state.questions.map((q) => (q.id === id ? { ...q, ...changes } : q));
  }

  /**
   * A question with its choices and how the taking of it goes: `taken`, as long as it still is an
   * answer to it, and whether it is put `aside`.
   */
  asTaken(question) {
    const { id } = question;
    const choices = choicesOf(question);
    const given = this.state.taken[id];
    const fits = given === null || (choices.length ? choices.includes(given) : typeof given === "boolean");
    return { ...question, choices, taken: fits ? given : undefined, aside: this.state.aside.includes(id) };
  }

  /** The questions that are not hidden as less sure: among them all that were kept or reworded. */
  shown() {
    const isChosen = ({ kept, unchecked }) => kept || unchecked !== undefined;
    return this.state.questions.filter((q) => isChosen(q) || (q.confidence ?? 1) >= this.state.atLeast);
  }

  /** Those that are exported and printed: the kept ones, where there are any. */
  exported() {
    const kept = this.shown().filter((q) => q.kept);
    return kept.length ? kept : this.shown();
  }
}
