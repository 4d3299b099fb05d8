// The page: what it knows, and what its parts do.
import { batchPanel } from "./batch.js";
import { editCard, pointsOf, printSheet, takeCard } from "./cards.js";
import { Refusal, questions as ask, ready } from "./client.js";
import { grow, h, plural } from "./dom.js";
import { settingsForm } from "./form.js";
import {
  caretBox, drawPassages, light, placeOf, selectedInArea, selectedInPassages,
} from "./text.js"; // prettier-ignore

const AHEAD = 3; // requests on their way at once: the browser has six connections
const KEPT = 50; // steps that can be undone

/** Reasons of several paragraphs, such as "2 repeating another question", with their numbers added up. */
const summed = (reasons) => {
  const counts = new Map();
  for (const reason of reasons.flatMap((one) => one.split(/; |, (?=\d+ )/))) {
    const [, number, why] = reason.match(/^(\d+) (.+)$/) ?? [null, 0, reason];
    counts.set(why, (counts.get(why) ?? 0) + Number(number));
  }
  return [...counts].map(([why, count]) => (count ? `${count} ${why}` : why)).join("; ");
};

let connect;
const gradio = new Promise((resolve) => (connect = resolve));

/**
 * Called by Gradio's component once it is there: it takes the page over, which works already.
 * @param server the component's functions: paragraphs, read_upload, share, choose, export_quiz.
 * @param upload sends a file to the server.
 */
export const adopted = (component, server, upload) => {
  const page = document.querySelector("body > .qgen");
  const focused = document.activeElement;
  if (component.moveBefore) component.moveBefore(page, null);
  else component.append(page);
  if (page.contains(focused)) focused.focus({ preventScroll: true });
  connect({ server, upload });
};

/**
 * @param element holds `page.html`.
 * @param setup {schema, samples, formats, documents, near} of the service.
 */
const start = (element, setup) => {
  const find = (selector) => element.querySelector(selector);
  const [text, reading, floating, status, problem] = [
    "#text", "#reading", "#ask-this", "#status", "#problem",
  ].map(find); // prettier-ignore
  const form = settingsForm(setup.schema, find("#prominent"), find("#more"));

  /** All that is the user's. A question has its span of the text besides what is edited of it. */
  let state = {
    text: "", note: "", // the text, and where it is from
    passages: [], // what the questions are about
    marked: false, // whether these are the paragraphs of the text as it stands
    questions: [], view: "edit", atLeast: 0,
  }; // prettier-ignore
  let history = [];
  let running = null; // an AbortController
  let nextId = 1;

  // -- what is kept ------------------------------------------------------------------------------

  const save = () => {
    try {
      sessionStorage.setItem("qgen", JSON.stringify({ state, settings: form.chosen(), nextId }));
    } catch {
      // Too much, or not allowed: the page works without.
    }
  };
  const restore = () => {
    const kept = JSON.parse(sessionStorage.getItem("qgen") ?? "null");
    if (!kept) return;
    state = { ...state, ...kept.state };
    state.questions.forEach((q) => delete q.busy);
    nextId = kept.nextId;
    form.restore(kept.settings);
  };
  const update = (changes) => {
    state = { ...state, ...changes };
    save();
    draw();
  };
  /** A change that can be taken back, with what to say of it. */
  const step = (changes, said) => {
    history = [...history, state].slice(-KEPT);
    update(changes);
    toast(said);
  };
  const undo = () => {
    const before = history.pop();
    if (!before) return;
    update({ ...before, view: state.view });
    toast(null);
  };
  const toast = (said) => {
    find("#toast").hidden = !said;
    find("#toast span").textContent = said ?? "";
  };
  const changed = (id, changes) =>
    state.questions.map((q) => (q.id === id ? { ...q, ...changes } : q));

  const tell = (said) => (status.textContent = said ?? "");
  const complain = (message) => {
    problem.hidden = !message;
    problem.textContent = message ?? "";
  };
  const attempt = async (work) => {
    complain(null);
    try {
      return await work();
    } catch (error) {
      if (error.name === "AbortError") tell("Stopped.");
      else {
        tell("");
        complain(error instanceof Refusal ? error.message : "Something went wrong in the page.");
        if (!(error instanceof Refusal)) console.error(error);
      }
      return null;
    }
  };
  /** What a function of the server gives; what it objects to is thrown. */
  const served = async (name, argument) => {
    const { server } = await gradio;
    const result = await server[name](argument).catch(() => ({
      error: "the service cannot be reached; is it still running?",
    }));
    if (result.error) throw new Refusal(result.error);
    return result;
  };

  // -- drawing -----------------------------------------------------------------------------------

  const lit = (id, on, scroll) => light(reading, id, on, scroll);
  const shown = () =>
    state.questions.filter((q) => (q.confidence ?? 1) >= state.atLeast);
  const focusCard = (id) => {
    const card = find(`.card[data-id="${id}"]`);
    card?.scrollIntoView({ block: "nearest", behavior: "smooth" });
    (card?.querySelector("textarea") ?? card?.querySelector("button"))?.focus({ preventScroll: true });
  };

  const drawText = () => {
    text.hidden = state.marked;
    reading.hidden = find("#edit-text").hidden = !state.marked;
    if (text.value !== state.text) text.value = state.text;
    reading.classList.toggle("taking", state.view === "take");
    const visible = shown();
    drawPassages(reading, state.marked ? state.passages : [], visible, focusCard);
    const words = state.text.split(/\s+/).filter(Boolean).length;
    find("#text-note").textContent = state.note || (words ? plural(words, "word") : "");
  };

  const draw = () => {
    const key = element.contains(document.activeElement) && document.activeElement.dataset.key;
    drawText();
    const any = state.questions.length > 0;
    const take = state.view === "take";
    element.classList.toggle("filled", any);
    element.classList.toggle("testing", take && any);
    find("#samples").hidden = any || Boolean(state.text) || Boolean(running);
    find("#quiz").hidden = !any;
    find("#view-edit").setAttribute("aria-pressed", String(!take));
    find("#view-take").setAttribute("aria-pressed", String(take));
    const visible = shown();
    const hidden = state.questions.length - visible.length;
    find("#sure").value = state.atLeast;
    find("#sure-value").value = `${Math.round(100 * state.atLeast)} %${hidden ? ` · ${hidden} hidden` : ""}`;
    find("#sure-label").hidden = state.questions.every((q) => q.confidence === null);
    find("#cards").replaceChildren(
      ...visible.map((q, i) => (take ? takeCard(q, i, taking) : editCard(q, i, visible.length, editing))),
    );
    find("#points").textContent = take ? pointsOf(visible) : "";
    find("#cards").querySelectorAll("textarea").forEach(grow);
    if (key) find(`[data-key="${key}"]`)?.focus({ preventScroll: true });
  };

  const drawRunning = () => {
    find("#stop").hidden = !running;
    find("#generate").hidden = Boolean(running);
    find("#asking").hidden = !running;
    find("#cards").inert = Boolean(running); // what is still coming in cannot be edited yet
    if (!running) find("#asking").removeAttribute("value");
  };

  // -- asking ------------------------------------------------------------------------------------

  /** The paragraphs of the text as it stands; what no longer stands in it is cleared. */
  const paragraphs = async () => {
    if (state.marked) return state.passages;
    const { passages } = await served("paragraphs", text.value);
    if (!passages.length) throw new Refusal("There is no English prose in the text.");
    const places = new Map(passages.map((passage, i) => [passage.text, i]));
    const place = (q) => places.get(state.passages[q.passage].text);
    const standing = state.questions
      .filter((q) => place(q) !== undefined)
      .map((q) => ({ ...q, passage: place(q) }));
    const gone = state.questions.length - standing.length;
    const changes = { passages, questions: standing, marked: true };
    if (gone) step(changes, `${plural(gone, "question")} went with the text they were about.`);
    else update(changes);
    return passages;
  };
  /** A passage as the service takes it; for wrong answers with those round it in the text. */
  const sent = (passage, answers = []) => {
    const { text, headings = [] } = state.passages[passage];
    const { choices, types } = form.chosen();
    const near = state.passages.slice(Math.max(0, passage - setup.near), passage + setup.near + 1);
    const beside = choices || types ? near.map((one) => one.text).filter((one) => one !== text) : [];
    return { passage: text, answers, headings, beside };
  };
  const received = (passage, made) => {
    return {
      ...made, id: nextId++, passage, span: made.answer, start: made.answer_start,
      choices: made.choices ?? [], asked: [made.question], kept: false,
    }; // prettier-ignore
  };
  const work = async (job) => {
    if (running) return;
    running = new AbortController();
    drawRunning();
    await attempt(() => job(running.signal));
    running = null;
    drawRunning();
    draw();
  };

  const generate = () =>
    work(async (signal) => {
      if (!text.value.trim()) throw new Refusal("Put a text in first, or try one of the samples.");
      tell("Reading the text …");
      const passages = await paragraphs();
      const before = state;
      const settings = form.chosen();
      const count = form.value("max_answers");
      const each = await served("share", {
        settings: { ...settings, max_answers: count }, headings: passages.map((p) => p.headings ?? []),
      }); // prettier-ignore
      const found = passages.map(() => []);
      const reasons = [];
      const size = Math.min(8, Math.ceil(passages.length / 12));
      let next = 0;
      let done = 0;
      const bar = find("#asking");
      const show = () =>
        update({ questions: found.flat().map((made) => ({ ...made })), view: "edit", atLeast: 0 });
      const worker = async () => {
        while (next < passages.length) {
          const first = next;
          next += size;
          const part = passages.slice(first, next);
          const { results } = await ask(
            { ...settings, ...each, passages: part.map((_, i) => sent(first + i)) },
            { signal, waiting: tell },
          );
          results.forEach((result, i) => {
            found[first + i] = result.questions.map((made) => received(first + i, made));
            if (result.reason) reasons.push(result.reason);
          });
          done += part.length;
          Object.assign(bar, { max: passages.length, value: done });
          tell(`Read ${done} of ${plural(passages.length, "paragraph")} …`);
          if (found.flat().length) show();
        }
      };
      tell(`Reading ${plural(passages.length, "paragraph")} …`);
      bar.removeAttribute("value");
      const workers = Array.from({ length: AHEAD }, worker);
      try {
        await Promise.all(workers);
      } catch (error) {
        if (error.name !== "AbortError") running.abort(); // the other requests are not needed
        await Promise.allSettled(workers);
        if (!found.flat().length) update(before);
        throw error;
      }
      const all = found.flat();
      if (!all.length) {
        update(before);
        throw new Refusal(`${reasons.find(Boolean) ?? "no question could be asked"}`);
      }
      const { chosen } = await served("choose", { questions: all, count });
      const dropped = summed(reasons);
      const changes = { questions: chosen.map((i) => all[i]) };
      if (before.questions.length) {
        history = [...history, before].slice(-KEPT);
        toast(`${plural(before.questions.length, "question")} replaced.`);
      }
      update(changes);
      tell(`${plural(chosen.length, "question")}${dropped ? `; dropped: ${dropped}` : ""}`);
    });

  /** Asks for one answer; the new card comes where its answer stands in the text. */
  const askFor = (selected) =>
    work(async (signal) => {
      tell("Asking …");
      const passages = await paragraphs();
      const place = selected.passage === undefined ? placeOf(selected, passages) : selected;
      if (!place) throw new Refusal("This part of the text is left out as no prose; select another.");
      const { passage, start } = place;
      const { results } = await ask(
        { ...form.chosen(), passages: [sent(passage, [{ text: place.answer, start }])] },
        { signal, waiting: tell },
      );
      const made = results[0].questions.map((one) => received(passage, one));
      if (!made.length) throw new Refusal(results[0].reason || results[0].problems.join("; "));
      const at = state.questions.findIndex(
        (q) => q.passage > passage || (q.passage === passage && q.start > start),
      );
      const list = [...state.questions];
      list.splice(at < 0 ? list.length : at, 0, ...made);
      update({ questions: list, view: "edit", atLeast: 0 });
      tell(`Asked about “${place.answer}”`);
      focusCard(made[0].id);
    });

  const another = (id) => {
    const question = state.questions.find((q) => q.id === id);
    update({ questions: changed(id, { busy: true }) });
    return attempt(async () => {
      const chosen = form.chosen();
      const most = setup.schema.$defs?.Decoding?.properties?.num_beams?.maximum ?? 10;
      const { results } = await ask(
        {
          ...chosen,
          passages: [sent(question.passage, [{ text: question.span, start: question.start }])],
          settings: { ...chosen.settings, num_beams: most, num_return_sequences: most },
        },
        { waiting: tell },
      );
      const asked = question.asked.map((one) => one.toLowerCase());
      const made = results[0].questions.find((one) => !asked.includes(one.question.toLowerCase()));
      if (!made) throw new Refusal(`No other question for “${question.span}” is worth showing.`);
      const fresh = received(question.passage, made);
      update({ questions: changed(id, { busy: false }) });
      step(
        { questions: changed(id, { ...fresh, id, kept: question.kept, asked: [...question.asked, made.question] }) },
        "Asked in other words.",
      );
    }).finally(() => {
      if (state.questions.find((q) => q.id === id)?.busy) update({ questions: changed(id, { busy: false }) });
    });
  };

  const editing = {
    lit,
    another,
    change: (id, changes, redraw = Boolean(changes.choices?.length || changes.answer)) => {
      state = { ...state, questions: changed(id, changes) };
      save();
      if (redraw) draw(); // else the click that ended the editing would lose its button
    },
    remove: (id) => {
      const at = shown().findIndex((q) => q.id === id);
      step({ questions: state.questions.filter((q) => q.id !== id) }, `Question ${at + 1} deleted.`);
      const next = shown()[Math.min(at, shown().length - 1)];
      if (next) find(`[data-key="${next.id}-delete"]`)?.focus({ preventScroll: true });
    },
    move: (id, to) => {
      const order = shown();
      if (to < 0 || to >= order.length) return;
      const moved = state.questions.find((q) => q.id === id);
      const others = state.questions.filter((q) => q !== moved);
      const rest = order.filter((q) => q !== moved);
      const at = to < rest.length ? others.indexOf(rest[to]) : others.length;
      others.splice(at, 0, moved);
      update({ questions: others });
      tell(`Question ${to + 1} of ${order.length}`);
    },
  };
  const taking = {
    lit,
    taken: (id, choice) => {
      update({ questions: changed(id, { taken: choice }) });
      lit(id, true, true);
    },
  };

  // -- the text ----------------------------------------------------------------------------------

  const setText = (value, note = "", passages = null) => {
    hideFloating();
    text.value = value;
    complain(null);
    update({ text: value, note, ...(passages ? { passages, marked: true } : { marked: false }) });
  };
  const open = (file) =>
    attempt(async () => {
      tell(`Reading ${file.name} …`);
      const { upload } = await gradio;
      const { path } = await upload(file).catch(() => {
        throw new Refusal(`${file.name} cannot be sent; is it too large?`);
      });
      const { passages, left_out: left } = await served("read_upload", { path, name: file.name });
      if (state.questions.length) step({ questions: [] }, "The questions went with their text.");
      const note = `${file.name}: ${plural(passages.length, "paragraph")}${left ? `; left out: ${left}` : ""}`;
      setText(passages.map((passage) => passage.text).join("\n\n"), note, passages);
      tell("");
    });

  let selected = null;
  const hideFloating = () => {
    selected = null;
    floating.hidden = true;
  };
  const offer = (found, box) => {
    if (!found || running || state.view === "take") return hideFloating();
    selected = found;
    floating.hidden = false;
    const frame = find("#source").getBoundingClientRect();
    const room = frame.width - floating.offsetWidth - 8;
    floating.style.left = `${Math.max(8, Math.min(box.left - frame.left, room))}px`;
    floating.style.top = `${box.bottom - frame.top + 6}px`;
    return undefined;
  };
  const onSelection = () => {
    if (document.activeElement === floating) return;
    if (document.activeElement === text) {
      const found = selectedInArea(text);
      offer(found, found && caretBox(text));
    } else {
      const found = selectedInPassages(reading);
      offer(found, found?.box);
    }
  };

  document.addEventListener("selectionchange", onSelection);
  floating.addEventListener("pointerdown", (event) => event.preventDefault()); // keep the selection
  floating.addEventListener("click", () => {
    const wanted = selected;
    hideFloating();
    document.getSelection().removeAllRanges();
    if (wanted) askFor(wanted);
  });
  text.addEventListener("input", () => {
    complain(null);
    state = { ...state, text: text.value, note: "", marked: false };
    save();
    drawText();
    find("#samples").hidden = state.questions.length > 0 || Boolean(state.text);
  });
  find("#edit-text").addEventListener("click", () => {
    update({ marked: false });
    text.focus();
  });
  find("#upload").addEventListener("change", ({ target }) => {
    if (target.files[0]) open(target.files[0]);
    target.value = "";
  });

  // -- the rest ----------------------------------------------------------------------------------

  find("#ask").addEventListener("submit", (event) => {
    event.preventDefault();
    generate();
  });
  find("#ask").addEventListener("change", save);
  find("#settings").addEventListener("click", ({ target }) => {
    find("#more").hidden = !find("#more").hidden;
    target.setAttribute("aria-expanded", String(!find("#more").hidden));
  });
  find("#stop").addEventListener("click", () => running?.abort());
  find("#undo").addEventListener("click", undo);
  find("#dismiss").addEventListener("click", () => toast(null));
  find("#view-edit").addEventListener("click", () => update({ view: "edit" }));
  find("#view-take").addEventListener("click", () =>
    update({ view: "take", questions: state.questions.map(({ taken, ...q }) => q) }),
  );
  find("#sure").addEventListener("input", ({ target }) => update({ atLeast: Number(target.value) }));
  find("#print").addEventListener("click", () => print());
  addEventListener("beforeprint", () => printSheet(find("#sheet"), exported(), state.passages));
  const exported = () => {
    const visible = shown();
    const kept = visible.filter((q) => q.kept);
    return kept.length ? kept : visible;
  };
  find("#export").addEventListener("click", () =>
    attempt(async () => {
      const all = exported();
      const file = await served("export_quiz", {
        format: find("#format").value, questions: all, passages: state.passages.map((p) => p.text),
      }); // prettier-ignore
      const bytes = Uint8Array.from(atob(file.content), (c) => c.charCodeAt(0));
      const url = URL.createObjectURL(new Blob([bytes]));
      const link = h("a", { href: url, download: file.name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
      tell([`${file.name}: ${plural(all.length, "question")}`, ...file.left_out].join("; "));
    }),
  );
  for (const select of ["#format", "#batch-format"])
    find(select).append(...Object.entries(setup.formats).map(([value, name]) => h("option", { value }, name)));
  find("#batch-format").value = "jsonl";

  const chooseRows = batchPanel(find, form.chosen);
  const tabs = ["text", "batch"].map((name) => ({ tab: find(`#tab-${name}`), panel: find(`#panel-${name}`) }));
  const openTab = (wanted) => {
    tabs.forEach(({ tab, panel }, i) => {
      tab.setAttribute("aria-selected", String(i === wanted));
      tab.tabIndex = i === wanted ? 0 : -1;
      panel.hidden = i !== wanted;
    });
    element.classList.toggle("batch", wanted === 1);
  };
  tabs.forEach(({ tab }, i) => {
    tab.addEventListener("click", () => openTab(i));
    tab.addEventListener("keydown", ({ key }) => {
      if (key !== "ArrowLeft" && key !== "ArrowRight") return;
      openTab(1 - i);
      tabs[1 - i].tab.focus();
    });
  });

  let dragging = 0;
  const files = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  for (const [event, by] of [["dragenter", 1], ["dragleave", -1]])
    document.addEventListener(event, (dragged) => {
      if (!files(dragged)) return;
      dragging += by;
      find("#dropping").hidden = dragging <= 0;
    }); // prettier-ignore
  document.addEventListener("dragover", (event) => files(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    dragging = 0;
    find("#dropping").hidden = true;
    const file = event.dataTransfer.files[0];
    if (file) (tabs[1].panel.hidden ? open : chooseRows)(file);
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches?.("input:not([type=range], [type=checkbox]), textarea, select");
    if ((event.ctrlKey || event.metaKey) && event.key === "z" && !typing) {
      event.preventDefault();
      undo();
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && !running) generate();
    if (event.key === "Escape") hideFloating();
  });

  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === width) return;
    width = contentRect.width;
    find("#cards").querySelectorAll("textarea").forEach(grow);
  }).observe(find("#cards"));

  const themes = ["light dark", "light", "dark"];
  const names = { "light dark": "Auto", light: "Light", dark: "Dark" };
  const setTheme = (theme) => {
    document.documentElement.style.colorScheme = theme;
    find("#theme").textContent = `◐ ${names[theme]}`;
    find("#theme").setAttribute("aria-label", `Colours: ${names[theme]}`);
    localStorage.setItem("qgen-theme", theme);
  };
  setTheme(localStorage.getItem("qgen-theme") ?? themes[0]);
  find("#theme").addEventListener("click", () =>
    setTheme(themes[(themes.indexOf(document.documentElement.style.colorScheme) + 1) % 3]),
  );

  find("#samples ul").append(
    ...setup.samples.map((sample) =>
      h("li", {},
        h("button", { type: "button", class: "sample", onclick: () => { setText(sample.text, `${sample.source}, ${sample.licence}`); find("#generate").focus(); } },
          h("span", { class: "topic" }, sample.topic), h("strong", {}, sample.title),
          h("small", {}, `${sample.source}, ${sample.licence}`))),
    ),
  ); // prettier-ignore
  find("#upload").accept = setup.documents.join(",");
  ready(() => (find("#loading").hidden = false)).then(() => (find("#loading").hidden = true));
  restore();
  draw();
};

start(
  document.querySelector("body > .qgen"),
  JSON.parse(document.querySelector("#qgen-setup").textContent),
);
