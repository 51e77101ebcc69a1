/** Trying the microphone before anything counts: a few seconds, played back, and what was understood of them; then gone. */

import { BASE } from "../call.js";
import { hear, judge } from "../answers.js";
import { whyUnsupported } from "../recorder.js";
import { whileAsking } from "../recorder/asking.js";
import { ASKING } from "../recorder/words.js";
import { h, steady } from "./dom.js";
import { playerOf } from "./listen.js";
import { microphoneField } from "./microphones.js";

const SECONDS = 5;
const PATIENCE_SECONDS = 30;
/** @type {import("../answers.d.ts").Expected} */
const GIVES = { 200: { text: "string", heard: "boolean", seconds: "number" } };
const ABOUT = "Say a sentence. It is played back to you, and what was understood is shown. Nothing of it is kept, and it counts for nothing.";

/**
 * @param {import("./sound.js").Sound} sound
 * @param {import("./api.js").Api} api
 * @param {AbortSignal} signal ends it
 */
export function checkCard(sound, api, signal) {
  const { recorder, canvas } = sound;
  const button = steady(h("button.quiet", { type: "button", onclick: () => toggle() }, "Test the microphone"));
  const left = h("p.time");
  const scope = h("div.scope", { hidden: true }, canvas, h("div.row.clock", {}, "Say something.", h("span.grow"), left));
  const said = h("p", { role: "status" });
  const player = h("div");
  const understood = h("p", { role: "status", dir: "auto" });
  const isOn = () => recorder.state === "testing" || recorder.state === "asking";

  const toggle = () => (isOn() ? recorder.stop() : test()).catch(reportError);
  const test = async () => {
    for (const place of [said, player, understood]) place.replaceChildren();
    try {
      const found = await recorder.test({ seconds: SECONDS });
      if (!found || signal.aborted) return;
      said.textContent = found.sound.size ? heardOf(found) : "Nothing was recorded. Try again.";
      if (!found.sound.size) return;
      player.replaceChildren(playerOf(found.sound, "the test"));
      understood.textContent = "Listening to it …";
      understood.textContent = await understoodOf(api, found.sound);
    } catch (trouble) {
      said.textContent = /** @type {Error} */ (trouble).message;
    }
  };
  recorder.addEventListener("state", ({ detail }) => {
    button.textContent = detail.state === "testing" ? "Stop the test" : "Test the microphone";
    scope.hidden = detail.state !== "testing";
    scope.classList.toggle("on", detail.state === "testing");
  }, { signal });
  whileAsking(recorder, (isAsking) => {
    said.textContent = isAsking ? ASKING : "";
    if (isAsking) button.textContent = "Cancel";
  }, signal);
  recorder.addEventListener("time", ({ detail }) => {
    if (recorder.state === "testing") left.textContent = `${Math.ceil(detail.remaining)} s`;
  }, { signal });

  const why = whyUnsupported();
  return h(
    "section.card.check",
    { "aria-labelledby": "check" },
    h("h2", { id: "check" }, "Is the microphone right?"),
    h("p.hint", {}, why ? `${why.detail} You can answer with files.` : ABOUT),
    !why && microphoneField(sound, signal),
    scope,
    said,
    player,
    understood,
    !why && h("div.row", {}, button),
  );
}

/** @param {import("../recorder.d.ts").MicrophoneTest<unknown>} found */
function heardOf({ device, heard, seconds }) {
  const name = device?.label || "The microphone";
  if (heard === false) return `${name}: nothing could be heard in ${Math.round(seconds)} s. Is it the right one, and not muted?`;
  return heard ? `${name}: you can be heard. Play it back:` : `${name}: how loud it was could not be measured. Play it back:`;
}

/**
 * @param {import("./api.js").Api} api
 * @param {Blob} sound
 */
async function understoodOf(api, sound) {
  const none = "What can be understood of it cannot be told at the moment. The interview works all the same.";
  try {
    const headers = { Authorization: `Bearer ${await api.token()}`, "Content-Type": sound.type };
    const found = judge(await hear(`${BASE}/api/microphone-test`, { method: "POST", headers, body: sound, seconds: PATIENCE_SECONDS }), GIVES);
    if (found.is !== "answer") return none;
    return found.body.text ? `We heard: “${found.body.text}”` : "No words could be made out. Speak louder, or closer to the microphone.";
  } catch {
    return none;
  }
}
