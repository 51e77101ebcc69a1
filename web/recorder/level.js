/** How loud it is, twenty times a second, as a number and as bars on a canvas. */

const INTERVAL = 50;
const CALM_INTERVAL = 250;
const FLOOR_DECIBELS = -60;
const BAR = 3;
const GAP = 2;
const QUIET_LEVEL = 0.12;
const QUIET_SECONDS = 4;

export class Meter {
  /** @type {number[]} */
  #levels = [];
  #context;
  #analyser;
  #samples;
  #timer;

  /**
   * @param {MediaStream} stream
   * @param {{ canvas?: HTMLCanvasElement | null, onLevel: (level: number) => void }} given
   */
  constructor(stream, { canvas, onLevel }) {
    this.#context = new AudioContext();
    this.#context.resume().catch(() => {});
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = 2048;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(stream).connect(this.#analyser);
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#timer = setInterval(() => this.#look(canvas, onLevel), isCalm ? CALM_INTERVAL : INTERVAL);
  }

  close() {
    clearInterval(this.#timer);
    this.#context.close().catch(() => {});
  }

  /**
   * @param {HTMLCanvasElement | null | undefined} canvas
   * @param {(level: number) => void} onLevel
   */
  #look(canvas, onLevel) {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const level = levelOf(this.#samples);
    this.#levels.push(level);
    if (canvas) draw(canvas, this.#levels);
    onLevel(level);
  }
}

/**
 * Takes each level, and tells when there has been next to none for a while, and when there is some again.
 * @param {(quiet: boolean) => void} onQuiet
 */
export function listenForQuiet(onQuiet) {
  let heardAt = performance.now();
  let isQuiet = false;
  return (/** @type {number} */ level) => {
    const now = performance.now();
    if (level > QUIET_LEVEL) heardAt = now;
    const wasQuiet = isQuiet;
    isQuiet = now - heardAt > QUIET_SECONDS * 1000;
    if (wasQuiet !== isQuiet) onQuiet(isQuiet);
  };
}

/**
 * 0 for silence, 1 for as loud as it gets.
 * @param {Float32Array} samples
 */
function levelOf(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / samples.length || Number.MIN_VALUE);
  return Math.min(1, Math.max(0, 1 - decibels / FLOOR_DECIBELS));
}

/**
 * Bars that move to the left, in the canvas's own colour; what does not fit is forgotten.
 * @param {HTMLCanvasElement} canvas
 * @param {number[]} levels
 */
function draw(canvas, levels) {
  const scale = globalThis.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const most = Math.ceil(width / (BAR + GAP));
  levels.splice(0, Math.max(0, levels.length - most));
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.fillStyle = getComputedStyle(canvas).color;
  levels.forEach((level, at) => {
    const tall = Math.max(BAR, level * level * height);
    pen.beginPath();
    pen.roundRect(width - (levels.length - at) * (BAR + GAP), (height - tall) / 2, BAR, tall, BAR / 2);
    pen.fill();
  });
}
