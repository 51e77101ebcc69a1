/** The card of one question: what is asked, how loud it is, how long it may go on, and the buttons. */

import { clock, h, steady } from "./dom.js";
import { Heard } from "./heard.js";

/** What file pickers offer; not every system knows each of these endings as audio. */
const ACCEPTED =
  "audio/*,video/webm,video/mp4,video/3gpp,.webm,.mka,.mkv,.ogg,.oga,.opus,.spx,.wav,.mp3,.mp2,.mp4,.m4a,.3gp,.3g2,.mov,.flac,.aac,.amr,.awb,.caf,.aiff,.aif,.aifc,.au,.snd,.w64,.wma";
const LONG = 160;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{ record: () => void, extend: () => void, go: (step: number) => void, attach: (file: File) => void }} acts
 * @param {Node} microphones
 */
export function talkCard(canvas, acts, microphones) {
  const count = h("p.count");
  const heading = h("h1.asked", { tabindex: -1, dir: "auto", id: "asked" });
  const notice = h("p.notice", { role: "status" });
  const time = h("span.time", { role: "timer", "aria-label": "Time" }, "0:00");
  const limit = h("span.limit");
  const left = h("p.left", { hidden: true });
  const stored = h("p.stored", { hidden: true });
  const extend = h("button.quiet", { type: "button", hidden: true, onclick: acts.extend });
  const hint = h("p.hint", { role: "status" });
  const heard = new Heard();
  const held = h("div.holds");
  const record = steady(h("button.record", { type: "button", onclick: acts.record }, "Record"));
  const back = steady(h("button.quiet", { type: "button", onclick: () => acts.go(-1) }, "Back"));
  const next = steady(h("button.primary", { type: "button", onclick: () => acts.go(1) }, "Next"));
  const file = h("input.unseen", { type: "file", accept: ACCEPTED, id: "file", onchange: () => taken() });
  const taken = () => {
    const [one] = file.files;
    if (one) acts.attach(one);
    file.value = "";
  };
  const element = h(
    "section.card.talk",
    { "aria-labelledby": "asked" },
    count,
    heading,
    notice,
    h("div.scope", {}, canvas, h("div.row.clock", {}, left, stored, h("span.grow"), h("p", {}, time, limit))),
    microphones,
    heard.element,
    hint,
    held,
    h(
      "div.controls",
      {},
      h("div.row", {}, record, extend, file, h("label.button.quiet", { for: "file" }, "Upload a file instead")),
      h("div.row.ends", {}, back, h("span.grow"), next),
    ),
  );
  return { element, count, heading, notice, time, limit, left, stored, extend, heard, hint, held, record, back, next };
}

/**
 * The question, in letters that leave room for the buttons; what is longer still is scrolled, by keyboard too.
 * @param {HTMLElement} heading
 * @param {import("./remember.js").Question} question
 */
export function showQuestion(heading, { text, language }) {
  if (heading.textContent === text && heading.lang === (language ?? "")) return;
  heading.textContent = text;
  heading.lang = language ?? "";
  if (!language) heading.removeAttribute("lang");
  heading.classList.toggle("long", text.length > LONG);
  requestAnimationFrame(() => (heading.tabIndex = heading.scrollHeight > heading.clientHeight + 1 ? 0 : -1));
}

/**
 * Nothing of a recording that is over.
 * @param {ReturnType<typeof talkCard>} card
 * @param {HTMLCanvasElement} canvas
 * @param {number} longest seconds
 */
export function clear({ time, limit, left, stored, extend }, canvas, longest) {
  canvas.getContext("2d")?.clearRect(0, 0, canvas.width, canvas.height);
  time.textContent = clock(0);
  limit.textContent = ` / ${clock(longest)}`;
  left.hidden = stored.hidden = extend.hidden = true;
}
