// "Ask about this", beside what is selected in the text.
import { caretBox, selectedInArea, selectedInPassages } from "./text.js";

/**
 * @param find looks an element of the page up.
 * @param allowed says whether anything can be asked for now.
 * @param ask gets what was selected.
 * @returns what takes the offer back.
 */
export const offerSelection = (find, allowed, ask) => {
  const [text, reading, button] = ["#text", "#reading", "#ask-this"].map(find);
  let selected = null;

  const hide = () => {
    selected = null;
    button.hidden = true;
  };
  const offer = (found, box) => {
    if (!found || !allowed()) return hide();
    selected = found;
    button.hidden = false;
    const frame = find("#source").getBoundingClientRect();
    const room = frame.width - button.offsetWidth - 8;
    button.style.left = `${Math.max(8, Math.min(box.left - frame.left, room))}px`;
    button.style.top = `${box.bottom - frame.top + 6}px`;
    return undefined;
  };
  document.addEventListener("selectionchange", () => {
    if (document.activeElement === button) return;
    if (document.activeElement === text) {
      const found = selectedInArea(text);
      offer(found, found && caretBox(text));
    } else {
      const found = selectedInPassages(reading);
      offer(found, found?.box);
    }
  });
  button.addEventListener("pointerdown", (event) => event.preventDefault()); // keep the selection
  button.addEventListener("click", () => {
    const wanted = selected;
    hide();
    document.getSelection().removeAllRanges();
    if (wanted) ask(wanted);
  });
  return hide;
};
