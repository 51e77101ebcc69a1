/** The choice of a microphone; some browsers name none before one of them may be used. */

import { announce, h } from "./dom.js";
import { recall, remember } from "./remember.js";

/**
 * @param {import("./sound.js").Sound} sound
 * @param {AbortSignal} signal ends it
 */
export function microphoneField({ recorder }, signal) {
  const byItself = () => h("option", { value: "" }, "As the browser chooses");
  const select = h("select", { id: "microphone", onchange: () => choose() }, byItself());
  const element = h("div.field", {}, h("label", { for: "microphone" }, "Microphone"), select);
  const choose = () => {
    recorder.choose(select.value || null);
    remember({ microphone: select.value });
  };
  const show = (/** @type {import("../recorder.js").Device[]} */ devices) => {
    const chosen = select.value || recall().microphone || "";
    const named = devices.map(({ deviceId, label }, at) => h("option", { value: deviceId }, label || `Microphone ${at + 1}`));
    select.replaceChildren(byItself(), ...named);
    select.value = devices.some(({ deviceId }) => deviceId === chosen) ? chosen : "";
  };
  const look = () => recorder.devices().then(show, reportError);
  recorder.addEventListener("devices", ({ detail }) => {
    show(detail.devices);
    announce(`A microphone was plugged in or out; there are ${detail.devices.length}.`);
  }, { signal });
  recorder.addEventListener("state", ({ detail }) => {
    select.disabled = detail.state !== "idle";
    if (detail.state === "idle") look(); // after the first permission they have names
  }, { signal });
  look();
  return element;
}
