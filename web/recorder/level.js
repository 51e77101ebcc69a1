/** How loud it is, twenty times a second, as a number and as bars on a canvas. */

const INTERVAL = 50;
const CALM_INTERVAL = 250;
const FLOOR_DECIBELS = -60;
const BAR = 3;
const GAP = 2;
const LOOKS_PER_WAKING = 20;

/** What is below it is not heard. */
export const QUIET_LEVEL = 0.12;
const QUIET_SECONDS = 4;

export class Meter {
  /** @type {number[]} */
  #levels = [];
  #context;
  #tracks;
  #analyser;
  #samples;
  #canvas;
  #tell;
  #timer;
  #looks = 0;

  /**
   * @param {MediaStream} stream
   * @param {HTMLCanvasElement | null | undefined} canvas
   * @param {(level: number | null) => void} tell null while the browser lets nothing be measured
   */
  constructor(stream, canvas, tell) {
    this.#canvas = canvas;
    this.#tell = tell;
    this.#context = new AudioContext();
    this.#tracks = stream.getAudioTracks();
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = 2048;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(stream).connect(this.#analyser);
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#timer = setInterval(() => this.#look(), isCalm ? CALM_INTERVAL : INTERVAL);
  }

  /** Nothing is left of it: neither the level nor its picture. */
  close() {
    clearInterval(this.#timer);
    this.#context.close().catch(() => {});
    if (this.#canvas) draw(this.#canvas, []);
    this.#tell(0);
  }

  /** While the system has taken the microphone away, for a call or by a key, nothing is heard, whatever can be measured. */
  #look() {
    const isMuted = this.#tracks.some(({ muted }) => muted);
    if (this.#context.state !== "running" && !isMuted) return this.#wake();
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const level = isMuted ? 0 : levelOf(this.#samples);
    this.#levels.push(level);
    if (this.#canvas) draw(this.#canvas, this.#levels);
    this.#tell(level);
  }

  /** A browser may hold the context until somebody touches the page: that is no silence. */
  #wake() {
    if (this.#looks++ % LOOKS_PER_WAKING === 0) this.#context.resume().catch(() => {});
    this.#tell(null);
  }
}

/**
 * Takes each level, and tells when there has been next to none for a while, and when there is some again.
 * @param {(quiet: boolean) => void} onQuiet
 */
export function listenForQuiet(onQuiet) {
  let heardAt = performance.now();
  let isQuiet = false;
  return (/** @type {number | null} */ level) => {
    const now = performance.now();
    if (level === null || level > QUIET_LEVEL) heardAt = now;
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
  const scale = devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const most = Math.ceil(width / (BAR + GAP));
  levels.splice(0, Math.max(0, levels.length - most));
  canvas.width = Math.round(width * scale); // which empties it, and forgets the pen
  canvas.height = Math.round(height * scale);
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.scale(scale, scale);
  pen.fillStyle = getComputedStyle(canvas).color;
  levels.forEach((level, at) => {
    const tall = Math.max(BAR, level * level * height);
    pen.beginPath();
    pen.roundRect(width - (levels.length - at) * (BAR + GAP), (height - tall) / 2, BAR, tall, BAR / 2);
    pen.fill();
  });
}
