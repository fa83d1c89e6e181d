// The scan with its mask and probability, drawn by NiiVue (window.niivue).

import { getBytes } from "./dom.js";

// Classes of the drawn mask; the chosen lesion takes its class plus CHOSEN.
const CLASS = { undecided: 1, accepted: 2, rejected: 3 };
const CHOSEN = 3;
const PROBABILITY_OPACITY = 0.6;
const ZERO_TO_MAX_TRANSPARENT_BELOW_MIN = 1; // of COLORMAP_TYPE, which NiiVue does not export
const RIM = "dcolor.a = drawRimOpacity;"; // of NiiVue's shader of planes: where an outline is
const COLOURS = {
  R: [0, 255, 0, 200, 255, 90, 255],
  G: [0, 160, 200, 60, 215, 255, 110],
  B: [0, 0, 140, 90, 60, 200, 140],
  A: [0, 200, 200, 120, 255, 255, 255],
  I: [0, 1, 2, 3, 4, 5, 6], // NiiVue clears the first, and gives a table of 256
  labels: ["", "undecided", "accepted", "rejected", "undecided", "accepted", "rejected"],
};

export class Pictures {
  /** Draws into a canvas; onMove and onWindow are called when the cursor or the window changes. */
  static async create(canvas, onMove, onWindow) {
    const { Niivue, SHOW_RENDER, MULTIPLANAR_TYPE, SLICE_TYPE } = window.niivue;
    const nv = new Niivue({
      isRadiologicalConvention: true, // as in the report
      sagittalNoseLeft: true,
      multiplanarShowRender: SHOW_RENDER.ALWAYS,
      multiplanarLayout: MULTIPLANAR_TYPE.GRID,
      backColor: [0, 0, 0, 1],
      crosshairColor: [0.35, 0.75, 1, 0.75],
      crosshairWidthUnit: "pixels",
      crosshairWidth: 1,
      crosshairGap: 12,
      fontColor: [0.75, 0.8, 0.85, 1],
      isCornerOrientationText: false,
      show3Dcrosshair: true,
      dragAndDropEnabled: false, // nothing but the listed scans is shown
      viewModeHotKey: "",
      clipPlaneHotKey: "",
      cycleClipPlaneHotKey: "",
      loadingText: "",
      logLevel: "error",
    });
    await withOutlinesAboveOverlays(() => nv.attachToCanvas(canvas));
    return new Pictures(nv, SLICE_TYPE, onMove, onWindow);
  }

  constructor(nv, sliceType, onMove, onWindow) {
    this.nv = nv;
    this.views = {
      all: sliceType.MULTIPLANAR, axial: sliceType.AXIAL, coronal: sliceType.CORONAL,
      sagittal: sliceType.SAGITTAL, render: sliceType.RENDER,
    };
    this.mask = { isShown: true, opacity: 0.5, isOutline: false };
    this.painted = new Map();
    this.isProbabilityShown = false;
    this.leastProbability = 0.1;
    this.isCursorShown = true;
    this.zoom = 1;
    this.layers = {};
    this.voxelsOf = new Map();
    this.problems = [];
    drawOncePerFrame(nv);
    nv.onLocationChange = (place) => onMove(this.#told(place));
    nv.onIntensityChange = () => onWindow();
  }

  /** Fetch the volumes of a scan and draw them; what cannot be had stands in this.problems. */
  async show(scanId, detail, signal) {
    this.problems = [];
    const path = `/api/scans/${scanId}`;
    const optional = (kind) =>
      getBytes(`${path}/${kind}.nii`, signal).catch((error) => {
        if (error.name === "AbortError") throw error;
        this.problems.push(error.message);
        return null;
      });
    const [scan, probability, mask, labels] = await Promise.all([
      detail.has_scan ? optional("scan") : null,
      optional("probability"),
      getBytes(`${path}/mask.nii`, signal),
      getBytes(`${path}/labels.bin`, signal),
    ]);
    signal.throwIfAborted();
    await this.#load(scan, probability, mask);
    signal.throwIfAborted();
    this.shape = detail.shape;
    this.labels = new Uint16Array(labels);
    this.voxelsOf = voxelsByLabel(this.labels);
    this.nv.opts.isOrientationTextVisible = detail.sides_known;
    this.chosen = null;
    this.decisions = {};
    this.setZoom(1);
    this.#paint();
  }

  async #load(scan, probability, mask) {
    const { NVImage } = window.niivue;
    const image = (bytes, name, colormap, opacity, low = NaN, high = NaN) =>
      NVImage.new(bytes.slice(0), `${name}.nii`, colormap, opacity, null, low, high);
    const base = scan ? await image(scan, "scan", "gray", 1)
      : await image(probability ?? mask, "scan", "gray", 1, 0, 1.5);
    const overlay = probability ? await image(probability, "probability", "blue2cyan", this.isProbabilityShown ? PROBABILITY_OPACITY : 0, this.leastProbability, 1) : null;
    // Colours run from 0, wherever what is shown begins.
    if (overlay) overlay.colormapType = ZERO_TO_MAX_TRANSPARENT_BELOW_MIN;
    while (this.nv.volumes.length) this.nv.removeVolumeByIndex(0);
    this.layers = { base, probability: overlay };
    for (const volume of [base, overlay]) if (volume) this.nv.addVolume(volume);
    // The mask is NiiVue's layer for drawing: one texture, quick to change. Nobody draws in it.
    this.nv.createEmptyDrawing();
    this.nv.setDrawColormap(structuredClone(COLOURS));
    this.painted.clear();
    const high = Math.max(base.robust_max ?? base.cal_max, base.cal_max);
    this.range = scan ? [Math.min(0, base.global_min), Math.max(high * 1.6, base.cal_min + 1)] : [0, 2];
    this.startWindow = [base.cal_min, base.cal_max];
    this.#applyMask();
  }

  /** Show the decisions by lesion, and which lesion is chosen. */
  paint(decisions, chosen) {
    this.decisions = decisions;
    this.chosen = chosen;
    this.#paint();
  }

  #paint() {
    if (!this.nv.drawBitmap) return;
    let isChanged = false;
    for (const [lesion, voxels] of this.voxelsOf) {
      const value = CLASS[this.decisions[lesion] ?? "undecided"] + (lesion === this.chosen ? CHOSEN : 0);
      if (this.painted.get(lesion) === value) continue;
      this.painted.set(lesion, value);
      for (const voxel of voxels) this.nv.drawBitmap[voxel] = value;
      isChanged = true;
    }
    if (isChanged) this.nv.refreshDrawing(true);
  }

  /** Move the cursor into a lesion: to its voxel nearest to its middle. */
  goTo(lesion) {
    const voxels = this.voxelsOf.get(lesion);
    if (!voxels) return;
    const places = voxels.map((voxel) => this.#indices(voxel));
    const middle = [0, 1, 2].map((axis) => places.reduce((sum, p) => sum + p[axis], 0) / places.length);
    const far = (p) => p.reduce((sum, v, axis) => sum + (v - middle[axis]) ** 2, 0);
    const nearest = places.reduce((best, p) => (far(p) < far(best) ? p : best));
    this.nv.scene.crosshairPos = this.nv.vox2frac(nearest);
    this.nv.createOnLocationChange();
    this.setZoom(this.zoom);
  }

  /** Enlarge the planes around the cursor, which keeps its place on the page. */
  setZoom(zoom) {
    const [x, y, z] = this.nv.frac2mm(this.nv.scene.crosshairPos);
    this.zoom = zoom;
    this.setCursor(this.isCursorShown); // NiiVue enlarges the lines as well
    this.nv.setPan2Dxyzmm([(1 - zoom) * x, (1 - zoom) * y, (1 - zoom) * z, zoom]);
  }

  #indices(voxel) {
    const [nx, ny] = this.shape;
    return [voxel % nx, Math.floor(voxel / nx) % ny, Math.floor(voxel / (nx * ny))];
  }

  #told(place) {
    const [i, j, k] = Array.from(place.vox, Math.round);
    const [nx, ny] = this.shape ?? [0, 0];
    const values = Object.fromEntries(place.values.map((v) => [v.name, v.value]));
    return {
      mm: Array.from(place.mm).slice(0, 3),
      voxel: [i, j, k],
      intensity: values["scan.nii"],
      probability: values["probability.nii"],
      lesion: this.labels?.[i + nx * (j + ny * k)] || null,
    };
  }

  setView(name) {
    this.nv.setSliceType(this.views[name]);
  }

  setMask(change) {
    Object.assign(this.mask, change);
    this.#applyMask();
  }

  #applyMask() {
    const { isShown, opacity, isOutline } = this.mask;
    // An outline always, so that what is judged can be seen within: the scan, not the paint.
    this.nv.drawRimOpacity = isShown ? 1 : -1;
    // NiiVue draws a rim around what is not wholly transparent.
    this.nv.setDrawOpacity(!isShown ? 0 : isOutline ? 0.005 : opacity);
  }

  setProbability(isShown) {
    this.isProbabilityShown = isShown;
    if (!this.layers.probability) return;
    this.layers.probability.opacity = isShown ? PROBABILITY_OPACITY : 0;
    this.#refresh();
  }

  setProbabilityFrom(least) {
    this.leastProbability = least;
    if (!this.layers.probability) return;
    this.layers.probability.cal_min = least;
    this.#refresh();
  }

  setCursor(isShown) {
    this.isCursorShown = isShown;
    this.nv.setCrosshairWidth(isShown ? 1 / this.zoom : 0);
  }

  /** Draw the volumes anew, once for all that was changed before the next picture. */
  #refresh() {
    this.isRefreshing ??= requestAnimationFrame(() => {
      this.isRefreshing = null;
      this.nv.updateGLVolume();
    });
  }

  /** Level and width of the window, in per cent of the range of the sliders. */
  get window() {
    const { cal_min: low, cal_max: high } = this.layers.base;
    const [first, last] = this.range;
    const share = 100 / (last - first);
    return { level: ((low + high) / 2 - first) * share, width: (high - low) * share };
  }

  set window({ level, width }) {
    const [first, last] = this.range;
    const unit = (last - first) / 100;
    this.#setWindow(first + (level - width / 2) * unit, first + (level + width / 2) * unit);
  }

  resetWindow() {
    this.#setWindow(...this.startWindow);
  }

  #setWindow(low, high) {
    Object.assign(this.layers.base, { cal_min: low, cal_max: high });
    this.#refresh();
  }
}

/** NiiVue draws overlays above outlines, and has no option for that: its shader is changed as it is made. */
async function withOutlinesAboveOverlays(makeShaders) {
  const { prototype } = window.WebGL2RenderingContext ?? { prototype: {} };
  const { shaderSource } = prototype;
  prototype.shaderSource = function (shader, text) {
    shaderSource.call(this, shader, text.replace(RIM, `{ ${RIM} ocolor.a = 0.0; }`));
  };
  try {
    await makeShaders();
  } finally {
    prototype.shaderSource = shaderSource;
  }
}

/** NiiVue draws after each small change; without a graphics card each drawing may take a second. */
function drawOncePerFrame(nv) {
  const draw = nv.drawScene.bind(nv);
  let frame = null;
  nv.drawScene = () => {
    frame ??= requestAnimationFrame(() => {
      frame = null;
      draw();
    });
  };
}

/** The voxels of each lesion, by its number. */
function voxelsByLabel(labels) {
  const found = new Map();
  for (let voxel = 0; voxel < labels.length; voxel += 1) {
    const label = labels[voxel];
    if (!label) continue;
    if (!found.has(label)) found.set(label, []);
    found.get(label).push(voxel);
  }
  return found;
}
