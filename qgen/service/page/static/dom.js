// Making elements, and characters as Python counts them.

/** An element with attributes, properties, listeners (`onclick`) and children; empty ones are left out. */
export const h = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "value") made.value = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return made;
};

/** Where the n-th character (code point) of a text begins in UTF-16 units. */
export const unitsBefore = (text, n) => Array.from(text).slice(0, n).join("").length;

/** How many characters (code points) stand in so many UTF-16 units. */
export const charactersIn = (text, units) => Array.from(text.slice(0, units)).length;

export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** Puts a text in if it is another one: what is said again would be read out again. */
export const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/** Grows text areas with their content; the page is laid out once for all of them. */
export const grow = (...areas) => {
  areas.forEach((area) => (area.style.height = "auto"));
  const heights = areas.map((area) => area.scrollHeight);
  areas.forEach((area, i) => (area.style.height = `${heights[i] + 2}px`));
};
