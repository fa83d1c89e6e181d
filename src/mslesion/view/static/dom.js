// Small helpers for the page. Text is only ever set as text: names come from files of others.

export const byId = (id) => document.getElementById(id);

/** An element with text and attributes; children are elements, never markup. */
export function element(tag, { text, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A number with so many digits after the point; a dash where there is none. */
export function digits(value, count) {
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number.toFixed(count) : "–";
}

/** Lines of text that came from a file; anything else is no line. */
export const lines = (value) => (Array.isArray(value) ? value.filter((v) => typeof v === "string") : []);

export class ServerError extends Error {
  constructor(status, told) {
    super(told.what ? `${told.file ? `${told.file} ` : ""}${told.what}: ${told.remedy}` : told);
    this.status = status;
  }
}

async function checked(response) {
  if (response.ok) return response;
  const isJson = response.headers.get("Content-Type") === "application/json";
  throw new ServerError(response.status, isJson ? await response.json() : (await response.text()).trim());
}

async function request(path, options) {
  try {
    return await checked(await fetch(path, options));
  } catch (error) {
    if (error instanceof ServerError || error.name === "AbortError") throw error;
    throw new ServerError(0, "The viewer does not answer: was it closed? Start 'mslesion view' again");
  }
}

export const getJson = async (path, signal) => (await request(path, { signal })).json();
export const getBytes = async (path, signal) => (await request(path, { signal })).arrayBuffer();
export const change = async (method, path, value) =>
  (await request(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) })).json();

/** Ask before something is lost; gives whether it shall be done. */
export function ask(title, text, yes) {
  const dialog = byId("ask");
  byId("ask-title").textContent = title;
  byId("ask-text").textContent = text;
  byId("ask-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
