// The list of scans: count, volume, flags, and how far each review is.

import { byId, digits, element, lines } from "./dom.js";

let listing = { scans: [], set_aside: [] };
let sorting = { key: null, isDown: false };

export const scanIds = () => listing.scans.map((scan) => scan.id);
export const firstScan = () => listing.scans[0];
export const onlyScan = () =>
  listing.scans.length === 1 && listing.set_aside.length === 0 ? listing.scans[0].id : null;

export function setUpList() {
  byId("list-filter").addEventListener("input", draw);
  for (const button of document.querySelectorAll("[data-sort]")) {
    button.addEventListener("click", () => {
      const key = button.dataset.sort;
      sorting = { key, isDown: sorting.key === key ? !sorting.isDown : key !== "name" };
      draw();
    });
  }
}

export function showList(fetched) {
  listing = fetched;
  byId("list-title").textContent = listing.output;
  draw();
  byId("set-aside").hidden = listing.set_aside.length === 0;
  byId("set-aside-rows").replaceChildren(...listing.set_aside.map((scan) => element("tr", {},
    element("th", { scope: "row", text: scan.name }),
    element("td", {}, element("span", { class: "flag bad", text: scan.code }), ` ${scan.reason}`),
    element("td", { text: scan.remedy }),
  )));
}

function draw() {
  const wanted = byId("list-filter").value.trim().toLowerCase();
  const shown = listing.scans.filter((scan) => scan.name.toLowerCase().includes(wanted));
  if (sorting.key) shown.sort(order);
  byId("list-rows").replaceChildren(...shown.map(row));
  for (const button of document.querySelectorAll("[data-sort]")) {
    const isKey = button.dataset.sort === sorting.key;
    const direction = sorting.isDown ? "descending" : "ascending";
    button.closest("th").setAttribute("aria-sort", isKey ? direction : "none");
  }
  const of = shown.length === listing.scans.length ? "" : ` of ${listing.scans.length}`;
  const aside = listing.set_aside.length ? `, ${listing.set_aside.length} set aside` : "";
  byId("list-count").textContent = `${shown.length}${of} scans with results${aside}`;
}

function order(a, b) {
  const value = (scan) => (sorting.key === "undecided" ? undecided(scan) : scan[sorting.key]);
  const [x, y] = [value(a), value(b)];
  const isText = typeof x === "string" && typeof y === "string";
  const sign = isText ? x.localeCompare(y, undefined, { numeric: true }) : (x ?? -1) - (y ?? -1);
  return sorting.isDown ? -sign : sign;
}

const isBegun = (scan) => scan.reviewed && !scan.reviewed.is_earlier;
const undecided = (scan) => (isBegun(scan) ? scan.reviewed.undecided : scan.lesion_count);

function row(scan) {
  const link = element("a", { href: `#${scan.id}`, text: scan.name });
  return element("tr", {},
    element("th", { scope: "row" }, link),
    element("td", { class: "number", text: digits(scan.lesion_count, 0) }),
    element("td", { class: "number", text: digits(scan.lesion_volume_ml, 2) }),
    element("td", { text: verdict(scan) }),
    element("td", { class: "flags" }, ...flags(scan)),
    element("td", {}, progress(scan)),
  );
}

function verdict(scan) {
  if (typeof scan.verdict !== "string") return "–";
  return typeof scan.ms_probability === "number"
    ? `${scan.verdict} (${probability(scan.ms_probability)})` : scan.verdict;
}

/** Never 0 or 1 for what is neither. */
function probability(value) {
  if (value > 0 && value < 0.005) return "< 0.01";
  return value >= 0.995 && value < 1 ? "> 0.99" : digits(value, 2);
}

/** What a reader should know before the scan is looked at; the whole sentence on hovering. */
export function flags(scan) {
  if (scan.is_damaged) return [element("span", { class: "flag bad", text: "summary damaged" })];
  const told = lines(scan.warnings).map((text) => element("span", { class: "flag warn", text, title: text }));
  const reason = typeof scan.abstained_reason === "string" ? scan.abstained_reason : "";
  if (scan.abstained === true && !lines(scan.warnings).some((warning) => reason.includes(warning))) {
    told.unshift(element("span", { class: "flag", text: `no verdict: ${reason}`, title: reason }));
  }
  if (told.length === 0) told.push(element("span", { class: "quiet", text: "none" }));
  return told;
}

function progress(scan) {
  const { reviewed } = scan;
  if (scan.lesion_count === 0) return element("span", { class: "quiet", text: "no lesions" });
  if (!reviewed) return element("span", { class: "quiet", text: "not begun" });
  if (!isBegun(scan)) return element("span", { class: "quiet", text: "of an earlier detection" });
  const told = `✓ ${reviewed.accepted}  ✗ ${reviewed.rejected}`;
  return reviewed.undecided === 0
    ? element("span", { class: "flag good", text: `done: ${told}` })
    : element("span", { class: "flag", text: `${reviewed.undecided} undecided  ${told}` });
}
