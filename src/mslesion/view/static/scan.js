// One scan: its pictures, the table of its lesions, and the review of them.

import { ask, byId, digits, element, getJson } from "./dom.js";
import { flags } from "./list.js";
import { Pictures } from "./pictures.js";
import { Review } from "./review.js";

const MARK = { accepted: "✓ accepted", rejected: "✗ rejected", undecided: "undecided" };
const DECISIONS = ["accepted", "rejected", "undecided"]; // in the colours of the pictures
const OPACITY_STEP = 10;
const PROBABILITY_STEP = 0.1;

let pictures = null;
let detail = null;
let review = null;
let chosen = null;
let loading = null;
let rows = new Map();
let problems = [];

// --- showing a scan --------------------------------------------------------------------------

/** Show a scan of the list; whatever is wrong with it is told on the page. */
export async function showScan(id) {
  loading?.abort();
  loading = new AbortController();
  const { signal } = loading;
  [detail, review, chosen, problems, rows] = [null, null, null, [], new Map()];
  byId("loading").textContent = "Loading…";
  byId("loading").hidden = false;
  clearFacts();
  byId("scan").dataset.state = "loading";
  try {
    detail = await getJson(`/api/scans/${id}`, signal);
    problems = detail.problems;
    review = new Review(detail, update);
    drawFacts();
    drawTable();
    update();
    await draw(signal);
    byId("scan").dataset.state = "ready";
    byId("loading").hidden = true;
    const first = review.nextUndecided(null) ?? review.ids[0];
    if (first !== undefined && chosen === null) choose(first);
  } catch (error) {
    if (error.name === "AbortError") return;
    problems = [...problems, error.message];
    byId("scan").dataset.state = "failed";
    byId("loading").textContent = detail ? "Nothing to be drawn" : "This scan cannot be shown";
    drawNotices();
    drawCounts();
  }
}

async function draw(signal) {
  if (!pictures) {
    pictures = await Pictures.create(byId("canvas"), onMove, syncWindow).catch(() => {
      throw new Error("This browser cannot draw the pictures: it lacks WebGL 2. The table and the review work all the same");
    });
    setView("all");
    byId("mask-opacity").value = pictures.mask.opacity * 100;
  }
  await pictures.show(detail.id, detail, signal);
  problems = [...detail.problems, ...pictures.problems];
  byId("zoom").textContent = "1×";
  syncWindow();
  update();
}

/** Save what is unsaved before another scan is shown; gives whether it may be left. */
export async function leaveScan() {
  if (!review?.isUnsaved || (await review.save())) return true;
  return ask("Leave without saving?", `${review.pending.size} decisions are not saved: ${review.failure}`, "Leave");
}

export const isUnsaved = () => Boolean(review?.isUnsaved);

// --- drawing the page ------------------------------------------------------------------------

/** Nothing of the scan before may be taken for the one that is loaded, or cannot be. */
function clearFacts() {
  document.title = "mslesion view";
  byId("scan-name").textContent = "";
  byId("scan-facts").textContent = "";
  byId("lesion-rows").replaceChildren();
  byId("no-lesions").hidden = true;
  byId("where").textContent = "";
  drawNotices();
  drawCounts();
}

function drawFacts() {
  document.title = `${detail.name} – mslesion view`;
  byId("scan-name").textContent = detail.name;
  const count = detail.lesions.length;
  const spacing = detail.spacing_mm.map((mm) => digits(mm, 1)).join(" × ");
  byId("scan-facts").textContent =
    `${count} lesion${count === 1 ? "" : "s"}, ${digits(detail.lesion_volume_ml, 2)} ml; voxels of ${spacing} mm`;
  byId("help-files").textContent = detail.review_files.join(", ");
}

function drawTable() {
  rows = new Map(detail.lesions.map((lesion, index) => [index + 1, lesionRow(lesion, index + 1)]));
  byId("lesion-rows").replaceChildren(...rows.values());
  byId("no-lesions").hidden = rows.size > 0;
}

function lesionRow(lesion, id) {
  const slices = lesion.first_slice === lesion.last_slice
    ? lesion.first_slice : `${lesion.first_slice}–${lesion.last_slice}`;
  const row = element("tr", { tabindex: "-1" },
    element("th", { scope: "row", text: lesion.lesion_id }),
    element("td", { class: "number", text: digits(lesion.volume_mm3, 0) }),
    element("td", { class: "number", text: digits(lesion.max_probability, 2) }),
    element("td", { class: "number", text: digits(lesion.ventricle_distance_mm, 0) }),
    element("td", { class: "number", text: slices }),
    element("td", { class: "mark" }),
  );
  row.addEventListener("click", () => choose(id));
  return row;
}

function update() {
  if (!review) return;
  for (const [id, row] of rows) {
    const decision = review.decisions[id];
    row.dataset.review = decision;
    row.setAttribute("aria-selected", String(id === chosen));
    row.lastElementChild.textContent = MARK[decision];
  }
  pictures?.paint(review.decisions, chosen);
  drawCounts();
  drawNotices();
}

function drawCounts() {
  const count = (decision) => (review ? review.with(decision).length : 0);
  const all = Math.max(1, rows.size);
  for (const bar of byId("meter").children) {
    bar.style.width = `${(100 * count(bar.className)) / all}%`;
  }
  const undecided = review ? review.with("undecided") : [];
  byId("counts").replaceChildren(...(rows.size === 0 ? ["Nothing to review"] : DECISIONS.map((decision) =>
    element("span", {}, element("i", { class: decision }), `${count(decision)} ${decision}`))));
  byId("counts-more").textContent = named(undecided);
  for (const id of ["accept", "reject", "clear"]) byId(id).disabled = !review?.isOpen || chosen === null;
  byId("undo").disabled = !review?.isOpen || review.history.length === 0;
  byId("accept-rest").disabled = !review?.isOpen || undecided.length === 0;
  byId("discard").disabled = !review || Boolean(review.problem) || review.state === "none";
  byId("saved").textContent = review?.status ?? "";
  byId("saved").dataset.failed = String(Boolean(review?.failure));
}

const named = (ids) => (ids.length > 0 && ids.length <= 12 ? `undecided: ${ids.join(", ")}` : "");

function drawNotices() {
  const notices = problems.map((text) => notice("warn", text));
  if (review?.problem) notices.unshift(notice("bad", review.problem));
  if (review?.state === "earlier" && !review.isOpen && !review.problem) {
    notices.unshift(notice("warn", "A review of an earlier detection lies beside this one. It is kept until you begin a new one.",
      ["Begin a new one…", beginAnew]));
  }
  if (review?.failure) {
    notices.unshift(notice("bad", `Not saved. ${review.failure}.`, ["Try again", () => review.save()]));
  }
  if (review?.note) notices.push(notice("", review.note));
  if (detail) {
    const told = flags(detail).filter((flag) => flag.className !== "quiet");
    if (told.length) notices.push(element("div", { class: "notice flags" }, ...told));
  }
  byId("notices").replaceChildren(...notices);
}

function notice(kind, text, [label, action] = []) {
  const made = element("p", { class: `notice ${kind}`, role: "alert", text });
  if (label) {
    const button = element("button", { type: "button", text: label });
    button.addEventListener("click", action);
    made.append(" ", button);
  }
  return made;
}

async function beginAnew() {
  if (await ask("Begin a new review?", "The review of the earlier detection is replaced with the first decision.", "Begin")) {
    review.replaceEarlier();
  }
}

// --- lesions and decisions -------------------------------------------------------------------

function choose(id, isMoved = true) {
  if (!rows.has(id)) return;
  chosen = id;
  update();
  rows.get(id).scrollIntoView({ block: "nearest" });
  if (isMoved) pictures?.goTo(id);
}

function step(by) {
  if (rows.size === 0) return;
  choose(chosen === null ? 1 : Math.min(rows.size, Math.max(1, chosen + by)));
}

function goToUndecided() {
  const next = review?.nextUndecided(chosen);
  if (next) choose(next);
}

function decide(decision) {
  if (!review?.isOpen || chosen === null) return;
  review.decide([chosen], decision);
  if (decision !== "undecided" && byId("advance").checked) goToUndecided();
}

function undo() {
  const ids = review?.undo() ?? [];
  if (ids.length) choose(ids[0]);
}

async function acceptRest() {
  const ids = review.with("undecided");
  const what = ids.length === 1 ? "1 lesion is" : `${ids.length} lesions are`;
  if (await ask("Accept the rest?", `${what} undecided. All of them will be accepted; Undo takes it back.`, "Accept")) {
    review.decide(ids, "accepted");
  }
}

async function discard() {
  const files = detail.review_files.join(", ");
  if (await ask("Discard this review?", `All decisions are forgotten, and these files removed: ${files}. The automatic files stay.`, "Discard")) {
    await review.discard();
  }
}

// --- pictures --------------------------------------------------------------------------------

function onMove({ mm, voxel, intensity, probability, lesion }) {
  const place = mm.map((value) => digits(value, 1)).join(", ");
  byId("where").textContent = [
    `${place} mm`, `voxel ${voxel.join(", ")}`,
    ...(detail?.has_scan ? [`intensity ${digits(intensity, 1)}`] : []),
    `probability ${digits(probability, 3)}`,
    ...(lesion ? [`lesion ${lesion}`] : []),
  ].join("   ");
  if (lesion && lesion !== chosen && byId("scan").dataset.state === "ready") choose(lesion, false);
}

function setView(name) {
  pictures?.setView(name);
  for (const button of document.querySelectorAll("[data-view]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === name));
  }
}

function toggle(id) {
  const isOn = byId(id).getAttribute("aria-pressed") !== "true";
  byId(id).setAttribute("aria-pressed", String(isOn));
  return isOn;
}

const toggleMask = () => pictures?.setMask({ isShown: toggle("toggle-mask") });
const toggleOutline = () => pictures?.setMask({ isOutline: toggle("toggle-outline") });

function toggleProbability() {
  const isOn = toggle("toggle-probability");
  byId("probability-scale").hidden = !isOn;
  pictures?.setProbability(isOn);
}

/** Show probabilities from here on alone. */
function setProbabilityFrom(least) {
  const value = Math.min(0.98, Math.max(0.02, least));
  byId("probability-from").value = value;
  byId("probability-least").textContent = digits(value, 2);
  pictures?.setProbabilityFrom(value);
}

const moreProbable = (by) => {
  if (pictures?.isProbabilityShown) setProbabilityFrom(pictures.leastProbability + by);
};

function setOpacity(percent) {
  const value = Math.min(100, Math.max(0, percent));
  byId("mask-opacity").value = value;
  pictures?.setMask({ opacity: value / 100 });
}

function syncWindow() {
  if (!pictures?.layers.base) return;
  const { level, width } = pictures.window;
  byId("level").value = level;
  byId("width").value = width;
}

function setWindow() {
  if (pictures?.layers.base) {
    pictures.window = { level: Number(byId("level").value), width: Number(byId("width").value) };
  }
}

function resetWindow() {
  if (!pictures?.layers.base) return;
  pictures.resetWindow();
  syncWindow();
}

/** Enlarge by a factor, from once to eight times; 0 is as it was. */
function zoom(by) {
  if (!pictures?.layers.base) return;
  pictures.setZoom(Math.min(8, Math.max(1, pictures.zoom * by)));
  byId("zoom").textContent = `${pictures.zoom}×`;
}

const moreOpacity = (by) => setOpacity(Number(byId("mask-opacity").value) + by);

export const scanActions = {
  nextLesion: () => step(1), previousLesion: () => step(-1), nextUndecided: goToUndecided,
  accept: () => decide("accepted"), reject: () => decide("rejected"), clear: () => decide("undecided"),
  undo, save: () => review?.save(),
  viewAll: () => setView("all"), viewAxial: () => setView("axial"), viewCoronal: () => setView("coronal"),
  viewSagittal: () => setView("sagittal"), viewRender: () => setView("render"),
  toggleMask, toggleOutline, toggleProbability, resetWindow,
  lessOpacity: () => moreOpacity(-OPACITY_STEP), moreOpacity: () => moreOpacity(OPACITY_STEP),
  lessProbable: () => moreProbable(-PROBABILITY_STEP), moreProbable: () => moreProbable(PROBABILITY_STEP),
  zoomIn: () => zoom(2), zoomOut: () => zoom(0.5), zoomReset: () => zoom(0),
  toggleCursor: () => pictures?.setCursor(!pictures.isCursorShown),
};

export function setUpScan() {
  const clicks = {
    accept: scanActions.accept, reject: scanActions.reject, clear: scanActions.clear, undo,
    "toggle-mask": toggleMask, "toggle-outline": toggleOutline,
    "toggle-probability": toggleProbability, "reset-window": resetWindow,
    "accept-rest": acceptRest, discard,
    "zoom-in": scanActions.zoomIn, "zoom-out": scanActions.zoomOut,
  };
  for (const [id, action] of Object.entries(clicks)) byId(id).addEventListener("click", action);
  for (const button of document.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => setView(button.dataset.view));
  }
  byId("mask-opacity").addEventListener("input", (event) => setOpacity(Number(event.target.value)));
  byId("probability-from").addEventListener("input", (event) => setProbabilityFrom(Number(event.target.value)));
  for (const id of ["level", "width"]) byId(id).addEventListener("input", setWindow);
  byId("canvas").addEventListener("contextmenu", (event) => event.preventDefault());
}
