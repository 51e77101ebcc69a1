/** What the machine around the page does. */

/**
 * The machine slept: all clocks are ahead at once, and no timer has run meanwhile.
 * @param {{ seconds: number }} given
 * @returns {() => void}
 */
export function clockJumps({ seconds }) {
  const { now } = Date;
  const real = performance.now;
  Date.now = () => now() + seconds * 1000;
  performance.now = () => real.call(performance) + seconds * 1000;
  return () => {
    Date.now = now;
    delete (/** @type {any} */ (performance).now);
  };
}

/**
 * A page by plain http.
 * @returns {() => void}
 */
export function insecurePage() {
  const own = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(globalThis, "isSecureContext"));
  Object.defineProperty(globalThis, "isSecureContext", { value: false, configurable: true });
  return () => {
    Object.defineProperty(globalThis, "isSecureContext", own);
  };
}

/**
 * The browser lets no AudioContext run, so that no level can be measured; the microphone itself works.
 * @returns {() => void}
 */
export function levelSuspended() {
  const Real = globalThis.AudioContext;
  globalThis.AudioContext = class extends Real {
    /** @param {AudioContextOptions} [options] */
    constructor(options) {
      super(options);
      super.suspend().catch(() => {});
    }

    /** @returns {Promise<void>} */
    resume() {
      return new Promise(() => {});
    }
  };
  return () => {
    globalThis.AudioContext = Real;
  };
}
