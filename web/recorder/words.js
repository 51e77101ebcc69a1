/** What is said of what goes wrong here; what the API says, it says itself. */

export class RecorderError extends Error {
  /**
   * @param {string} code
   * @param {string} [detail]
   */
  constructor(code, detail = SENTENCES[code]) {
    super(detail);
    this.name = "RecorderError";
    this.code = code;
  }
}

export const ASKING =
  "The browser asks whether this page may use the microphone. Allow it there; where nothing is to be seen, look for a sign beside the address.";

/** @type {Record<string, string>} */
const SENTENCES = {
  microphone_denied: "The microphone is blocked. Allow it for this page, and try again.",
  microphone_missing: "No microphone was found. Plug one in, or choose another.",
  microphone_busy: "The microphone is in use. Close what else uses it, and try again.",
  microphone_failed: "The microphone does not work. Try again, or choose another.",
  microphone_lost: "The microphone was unplugged or taken away.",
  insecure_page: "A microphone needs https, or a page on localhost.",
  unsupported: "This browser cannot record. Try another one, or a newer one.",
  busy: "A recording is being made already.",
  closed: "This recorder is closed.",
  elsewhere: "This answer is being recorded in another tab. Stop it there first.",
  file_empty: "The file is empty. Choose another.",
  recording_failed: "The browser stopped recording.",
  recording_empty: "Nothing was recorded. Try again.",
  level_failed: "The level cannot be shown. It is recorded all the same.",
  slept: "The device slept. Nothing was recorded meanwhile.",
  storage_full: "This browser has no room left. Leave this page open until all is sent.",
  storage_failed: "This browser keeps nothing. Leave this page open until all is sent.",
};

/**
 * @param {string} code
 * @returns {import("../recorder.js").Problem}
 */
export const problem = (code) => ({ status: 0, code, detail: SENTENCES[code] });
