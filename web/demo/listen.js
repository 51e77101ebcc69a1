/** A recording that is still here, to be listened to. */

import { h } from "./dom.js";

/**
 * A button that becomes a player.
 * @param {() => Promise<Blob | null>} sound
 * @param {string} of what is said of it to who cannot see where it stands
 */
export function listenButton(sound, of) {
  const button = h("button.quiet.small", { type: "button", "aria-label": `Listen to ${of}`, onclick: () => listen() }, "Listen");
  const listen = async () => {
    const blob = await sound();
    if (!blob?.size) {
      button.textContent = "There is no sound";
      return;
    }
    const player = playerOf(blob, of);
    button.replaceWith(player);
    player.focus();
    player.play().catch(() => {}); // there are its own buttons
  };
  return button;
}

/**
 * @param {Blob} blob
 * @param {string} of
 * @returns {HTMLAudioElement}
 */
export function playerOf(blob, of) {
  const url = URL.createObjectURL(blob);
  const player = h("audio", { controls: true, src: url, "aria-label": `Player of ${of}` });
  const watch = new MutationObserver(() => {
    if (player.isConnected) return;
    watch.disconnect();
    URL.revokeObjectURL(url);
  });
  queueMicrotask(() => watch.observe(document.body, { childList: true, subtree: true }));
  return player;
}
