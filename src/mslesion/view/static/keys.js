// Which key does what; nothing while text is typed or a dialog is open.

const NAMES = {
  j: "nextLesion", ArrowDown: "nextLesion", k: "previousLesion", ArrowUp: "previousLesion",
  J: "nextScan", K: "previousScan", n: "nextUndecided",
  a: "accept", r: "reject", c: "clear", u: "undo", s: "save",
  1: "viewAll", 2: "viewAxial", 3: "viewCoronal", 4: "viewSagittal", 5: "viewRender",
  m: "toggleMask", o: "toggleOutline", "[": "lessOpacity", "]": "moreOpacity",
  p: "toggleProbability", ",": "lessProbable", ".": "moreProbable", w: "resetWindow", x: "toggleCursor",
  "+": "zoomIn", "=": "zoomIn", "-": "zoomOut", 0: "zoomReset",
  "?": "help", Escape: "leave",
};

/** Call an action by its name for each key that has one; actions that are absent do nothing. */
export function onKeys(actions) {
  // While it is on its way down, so that NiiVue does not act on the same key.
  document.addEventListener("keydown", (event) => {
    if (event.altKey || document.querySelector("dialog[open]")) return;
    const isTyping = event.target.matches?.("input:not([type=range]):not([type=checkbox]), textarea");
    const isSlider = event.target.matches?.("input[type=range]") && event.key.startsWith("Arrow");
    if (isTyping || isSlider) return;
    const action = actions[nameOf(event)];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }, { capture: true });
}

function nameOf(event) {
  if (event.ctrlKey || event.metaKey) {
    return { z: "undo", s: "save" }[event.key.toLowerCase()];
  }
  const isPlain = event.key.length === 1 && !event.shiftKey;
  return NAMES[isPlain ? event.key.toLowerCase() : event.key];
}
