// What is round the text and its questions: the tabs, files that are dropped, the colours.
import { stored, storing } from "./storage.js";

const NAMES = ["text", "batch"];

/** Opens the one or the other, after a reload again; the page has the class `batch` while that is open. */
export const tabs = (element, find) => {
  const all = NAMES.map((name) => ({ tab: find(`#tab-${name}`), panel: find(`#panel-${name}`) }));
  const open = (wanted) => {
    all.forEach(({ tab, panel }, i) => {
      tab.setAttribute("aria-selected", String(i === wanted));
      tab.tabIndex = i === wanted ? 0 : -1;
      panel.hidden = i !== wanted;
    });
    element.classList.toggle("batch", wanted === 1);
    storing("sessionStorage", "qgen-tab", NAMES[wanted]);
  };
  all.forEach(({ tab }, i) => {
    tab.addEventListener("click", () => open(i));
    tab.addEventListener("keydown", ({ key }) => {
      if (key !== "ArrowLeft" && key !== "ArrowRight") return;
      open(1 - i);
      all[1 - i].tab.focus();
    });
  });
  if (stored("sessionStorage", "qgen-tab") === "batch") open(1);
};

/**
 * Takes files that are dropped anywhere on the page.
 * @param cover lies over the page while a file is held over it.
 * @param take gets the first file, and how many there are.
 */
export const dropping = (cover, take) => {
  let depth = 0; // elements that the file is over
  const files = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  for (const [event, by] of [["dragenter", 1], ["dragleave", -1]])
    document.addEventListener(event, (dragged) => {
      if (!files(dragged)) return;
      depth += by;
      cover.hidden = depth <= 0;
    }); // prettier-ignore
  document.addEventListener("dragover", (event) => files(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    depth = 0;
    cover.hidden = true;
    const { files: dropped } = event.dataTransfer;
    if (dropped.length) take(dropped[0], dropped.length);
  });
};

const THEMES = { "light dark": "Auto", light: "Light", dark: "Dark" };

/** A button that goes through the colours. */
export const themes = (button) => {
  const values = Object.keys(THEMES);
  const set = (theme) => {
    document.documentElement.style.colorScheme = theme;
    button.textContent = `◐ ${THEMES[theme]}`;
    button.setAttribute("aria-label", `Colours: ${THEMES[theme]}`);
    storing("localStorage", "qgen-theme", theme);
  };
  const before = stored("localStorage", "qgen-theme");
  set(values.includes(before) ? before : values[0]);
  button.addEventListener("click", () =>
    set(values[(values.indexOf(document.documentElement.style.colorScheme) + 1) % values.length]),
  );
};
