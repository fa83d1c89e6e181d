// The page: the list of scans or one scan, as the part of the address after # says.

import { byId, getJson } from "./dom.js";
import { onKeys } from "./keys.js";
import { onlyScan, scanIds, setUpList, showList } from "./list.js";
import { isUnsaved, leaveScan, scanActions, setUpScan, showScan } from "./scan.js";

let shown = null;

const wanted = () => location.hash.slice(1);

async function refreshList() {
  try {
    showList(await getJson("/api/scans"));
    byId("list-notice").hidden = true;
  } catch (error) {
    byId("list-notice").textContent = error.message;
    byId("list-notice").hidden = false;
  }
}

async function follow() {
  const id = wanted();
  if (id === shown) return;
  if (shown && !(await leaveScan())) {
    history.replaceState(null, "", `#${shown}`);
    return;
  }
  shown = id;
  byId("list").hidden = id !== "";
  byId("scan").hidden = id === "";
  if (id === "") {
    document.title = "mslesion view";
    await refreshList();
    return;
  }
  const ids = scanIds();
  byId("previous-scan").disabled = ids.indexOf(id) <= 0;
  byId("next-scan").disabled = ids.indexOf(id) === ids.length - 1;
  await showScan(id);
}

function stepScan(by) {
  const next = scanIds()[scanIds().indexOf(shown) + by];
  if (shown && next) location.hash = next;
}

const leave = () => { location.hash = ""; };
const help = () => byId("help").showModal();

function whenShown(actions) {
  return Object.fromEntries(
    Object.entries(actions).map(([name, action]) => [name, () => shown && action()]),
  );
}

async function start() {
  setUpList();
  setUpScan();
  onKeys({ ...whenShown({ ...scanActions, leave, nextScan: () => stepScan(1), previousScan: () => stepScan(-1) }), help });
  byId("to-list").addEventListener("click", leave);
  byId("previous-scan").addEventListener("click", () => stepScan(-1));
  byId("next-scan").addEventListener("click", () => stepScan(1));
  for (const id of ["list-help", "scan-help"]) byId(id).addEventListener("click", help);
  window.addEventListener("hashchange", follow);
  window.addEventListener("beforeunload", (event) => isUnsaved() && event.preventDefault());
  await refreshList();
  const only = onlyScan();
  if (only && !wanted()) history.replaceState(null, "", `#${only}`);
  shown = wanted() ? null : "";
  byId("list").hidden = wanted() !== "";
  await follow();
}

start();
