// The settings, as controls made of the service's own JSON schema: what it says of each field - type,
// bounds, choices, default, description - is all that is known of it here.
import { h } from "./dom.js";

const PROMINENT = ["types", "max_answers", "choices"];
const LABELS = {
  types: "Kinds of question",
  max_answers: "Questions",
  choices: "Answers",
  kinds: "Answers that are a",
  min_confidence: "Least confidence",
  wh: "what, who, when …",
  "true-false": "true or false",
  cloze: "fill in the blank",
};
/** What a setting, or one of its choices, is called. */
export const labelOf = (name) =>
  LABELS[name] ?? (name[0].toUpperCase() + name.slice(1)).replaceAll("_", " ");

let made = 0;

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** @param about {id, name, helpId, explained} of a property. */
const field = ({ id, name, explained }, input) =>
  h("div", { class: "field" }, h("label", { for: id }, labelOf(name)), input, explained);

/** Boxes of which any number can be ticked. */
const chips = ({ id, name, helpId, explained }, options) => {
  const boxes = options.map((option) => h("input", { type: "checkbox", value: option }));
  return {
    element: h(
      "fieldset",
      { class: "field", "aria-describedby": helpId, id },
      h("legend", {}, labelOf(name)),
      h(
        "div",
        { class: "chips" },
        boxes.map((box) => h("label", {}, box, h("span", {}, LABELS[box.value] ?? box.value))),
      ),
      explained,
    ),
    get: () => boxes.filter((box) => box.checked).map((box) => box.value),
    set: (values) => boxes.forEach((box) => (box.checked = values.includes(box.value))),
  };
};

const tick = ({ id, name, helpId, explained }) => {
  const box = h("input", { type: "checkbox", id, "aria-describedby": helpId });
  return {
    element: h("div", { class: "field" }, h("label", { class: "tick" }, box, labelOf(name)), explained),
    get: () => box.checked,
    set: (value) => (box.checked = value),
  };
};

/** @param entries [value, text], where the values are numbers or texts. */
const menu = (about, entries) => {
  const select = h(
    "select",
    { id: about.id, "aria-describedby": about.helpId },
    entries.map(([value, text]) => h("option", { value }, text)),
  );
  return {
    element: field(about, select),
    get: () => (typeof entries[0][0] === "number" ? Number(select.value) : select.value),
    set: (value) => (select.value = value),
  };
};

/** A text or number that is typed. */
const typed = (about, property) => {
  const number = property.type !== "string";
  const input = h("input", {
    id: about.id,
    type: number ? "number" : "text",
    step: property.type === "integer" ? 1 : "any",
    min: property.minimum ?? property.exclusiveMinimum,
    max: property.maximum,
    required: number,
    "aria-describedby": about.helpId,
  });
  return {
    element: field(about, input),
    get: () => (number ? Number(input.value) : input.value.trim()),
    set: (value) => (input.value = value ?? ""),
  };
};

const slider = (about, property) => {
  const step = property.type === "integer" ? 1 : 0.05;
  const input = h("input", {
    id: about.id,
    type: "range",
    min: property.minimum ?? property.exclusiveMinimum + step,
    max: property.maximum,
    step,
    "aria-describedby": about.helpId,
  });
  const shown = h("output", { for: about.id });
  const show = () => (shown.value = input.value);
  input.addEventListener("input", show);
  return {
    element: field(about, h("span", { class: "slider" }, input, shown)),
    get: () => Number(input.value),
    set: (value) => {
      input.value = value;
      show();
    },
  };
};

/** A control for one property: its element, its value, and how to set it. */
const control = (name, property) => {
  const help = property.description;
  const helpId = help && `help-${++made}`;
  const about = { id: `setting-${name}`, name, helpId, explained: help && h("small", { id: helpId }, help) };

  const options = property.enum ?? property.items?.enum;
  if (property.type === "array" && options) return chips(about, options);
  if (property.type === "boolean") return tick(about);
  if (options) return menu(about, options.map((one) => [one, one]));
  if (name === "choices") {
    const counts = Array.from({ length: (property.maximum ?? 8) - 1 }, (_, i) => i + 2);
    return menu(about, [[0, "Open"], ...counts.map((n) => [n, `Multiple choice of ${n}`])]);
  }
  if (property.type === "string") return typed(about, property);
  // A slider for shares and small counts; what has a wider range is typed.
  const range = property.maximum - (property.minimum ?? property.exclusiveMinimum);
  return range <= (property.type === "integer" ? 50 : 1) ? slider(about, property) : typed(about, property);
};

/**
 * Puts the controls into the page.
 * @param schema the JSON schema of what `POST /v1/questions` takes.
 * @returns what was chosen, as that route takes it: only what is not the default.
 */
export const settingsForm = (schema, prominent, more) => {
  const resolve = (property) => {
    const reference = property.$ref ?? property.allOf?.[0]?.$ref;
    if (reference) return { ...schema.$defs[reference.split("/").pop()], ...property };
    const known = property.anyOf?.find((one) => one.type !== "null");
    return known ? { ...property, ...resolve(known) } : property;
  };
  const controls = (properties, place) =>
    Object.entries(properties).flatMap(([name, unresolved]) => {
      const property = resolve(unresolved);
      if (name === "passages" || (property.type === "array" && !property.items?.enum && !resolve(property.items ?? {}).enum))
        return [];
      if (property.type === "object") {
        const inner = h("div", { class: "fields" });
        const parts = controls(property.properties ?? {}, () => inner);
        place(name).append(h("details", {}, h("summary", {}, "Decoding"), inner));
        return [{ name, parts }];
      }
      if (property.type === "array") property.items = resolve(property.items);
      const one = control(name, property);
      const start = property.default ?? (property.type === "array" ? [] : undefined);
      one.set(start);
      place(name).append(one.element);
      return [{ name, start, ...one }];
    });
  const read = (parts) =>
    Object.fromEntries(
      parts
        .map((part) => [part.name, part.parts ? read(part.parts) : part.get(), part])
        .filter(([, value, part]) =>
          part.parts ? Object.keys(value).length : !same(value, part.start),
        ),
    );
  // What another version of the page has kept may be no value any more.
  const write = (parts, values) =>
    parts.forEach((part) => {
      const value = values[part.name];
      if (part.parts) return write(part.parts, value ?? {});
      if (value !== undefined && Array.isArray(value) === Array.isArray(part.start)) part.set(value);
      if (!same(part.get(), value)) part.set(part.start);
    });
  // How it is decoded, which hardly anybody changes, comes last.
  const inOrder = ([name, property]) => {
    const known = PROMINENT.indexOf(name);
    if (known >= 0) return known;
    return PROMINENT.length + (resolve(property).type === "object");
  };
  const sorted = Object.fromEntries(
    Object.entries(schema.properties).sort((a, b) => inOrder(a) - inOrder(b)),
  );
  const all = controls(sorted, (name) => (PROMINENT.includes(name) ? prominent : more));
  return {
    chosen: () => read(all),
    restore: (values) => write(all, values),
    value: (name) => all.find((part) => part.name === name)?.get(),
  };
};
