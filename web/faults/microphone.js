/** Microphones that are not given, and that fail while they record. */

/**
 * The candidate, the browser or the frame says no.
 * @returns {() => void}
 */
export function microphoneDenied() {
  const { mediaDevices, permissions } = navigator;
  mediaDevices.getUserMedia = async () => {
    throw new DOMException("Permission denied", "NotAllowedError");
  };
  const { query } = permissions;
  permissions.query = async (asked) => {
    if (/** @type {string} */ (asked.name) !== "microphone") return query.call(permissions, asked);
    return /** @type {any} */ (Object.assign(new EventTarget(), { name: "microphone", state: "denied", onchange: null }));
  };
  return () => {
    delete (/** @type {any} */ (mediaDevices).getUserMedia);
    delete (/** @type {any} */ (permissions).query);
  };
}

/**
 * None is plugged in.
 * @returns {() => void}
 */
export function microphoneMissing() {
  const { mediaDevices } = navigator;
  mediaDevices.getUserMedia = async () => {
    throw new DOMException("Requested device not found", "NotFoundError");
  };
  mediaDevices.enumerateDevices = async () => [];
  mediaDevices.dispatchEvent(new Event("devicechange"));
  return () => {
    const own = /** @type {any} */ (mediaDevices);
    delete own.getUserMedia;
    delete own.enumerateDevices;
    mediaDevices.dispatchEvent(new Event("devicechange"));
  };
}

/**
 * Another program has it.
 * @returns {() => void}
 */
export function microphoneBusy() {
  navigator.mediaDevices.getUserMedia = async () => {
    throw new DOMException("Could not start audio source", "NotReadableError");
  };
  return () => {
    delete (/** @type {any} */ (navigator.mediaDevices).getUserMedia);
  };
}

/**
 * The browser asks, and the candidate does not answer until the fault is taken away.
 * @returns {() => void}
 */
export function microphoneAsks() {
  const { mediaDevices } = navigator;
  /** @type {(() => void)[]} */
  const waiting = [];
  mediaDevices.getUserMedia = async (asked) => {
    await new Promise((resolve) => waiting.push(() => resolve(undefined)));
    return MediaDevices.prototype.getUserMedia.call(mediaDevices, asked);
  };
  return () => {
    delete (/** @type {any} */ (mediaDevices).getUserMedia);
    for (const answer of waiting) answer();
  };
}

/**
 * It is given and says nothing but zeros, as some do over Bluetooth.
 * @returns {() => void}
 */
export function microphoneSilent() {
  const { mediaDevices } = navigator;
  mediaDevices.getUserMedia = async (asked) => {
    const stream = await MediaDevices.prototype.getUserMedia.call(mediaDevices, asked);
    for (const track of stream.getAudioTracks()) track.enabled = false;
    return stream;
  };
  return () => {
    delete (/** @type {any} */ (mediaDevices).getUserMedia);
  };
}

/**
 * It is unplugged while it is open.
 * @param {{ after?: number }} [given] seconds after it was opened
 * @returns {() => void}
 */
export function microphoneLost({ after = 1 } = {}) {
  const { mediaDevices } = navigator;
  /** @type {ReturnType<typeof setTimeout>[]} */
  const timers = [];
  // Firefox lets no event of ours reach the listeners of a track.
  const heard = (/** @type {MediaStreamTrack} */ track) => {
    const ended = new EventTarget();
    for (const name of /** @type {const} */ (["addEventListener", "removeEventListener"])) {
      track[name] = (/** @type {string} */ type, /** @type {any[]} */ ...more) => {
        const target = type === "ended" ? ended : track;
        return /** @type {any} */ (EventTarget.prototype[name]).call(target, type, ...more);
      };
    }
    return () => {
      if (track.readyState === "ended") return;
      const event = new Event("ended");
      track.stop();
      ended.dispatchEvent(event);
      track.onended?.(event);
    };
  };
  mediaDevices.getUserMedia = async (asked) => {
    const stream = await MediaDevices.prototype.getUserMedia.call(mediaDevices, asked);
    const losses = stream.getTracks().map(heard);
    const lose = () => losses.forEach((act) => act());
    timers.push(setTimeout(lose, after * 1000));
    return stream;
  };
  return () => {
    timers.forEach(clearTimeout);
    delete (/** @type {any} */ (mediaDevices).getUserMedia);
  };
}

/**
 * Others are plugged in, and the page is told.
 * @param {{ deviceId: string, label: string }[]} microphones
 * @returns {() => void}
 */
export function devices(microphones) {
  const { mediaDevices } = navigator;
  const described = microphones.map((one) => ({ kind: "audioinput", groupId: "", ...one, toJSON: () => one }));
  mediaDevices.enumerateDevices = async () => /** @type {any} */ (described);
  mediaDevices.dispatchEvent(new Event("devicechange"));
  return () => {
    delete (/** @type {any} */ (mediaDevices).enumerateDevices);
    mediaDevices.dispatchEvent(new Event("devicechange"));
  };
}

/**
 * The browser stops recording by itself, with an error.
 * @param {{ after?: number }} [given] seconds after it began
 * @returns {() => void}
 */
export function recordingFails({ after = 1 } = {}) {
  const { start } = MediaRecorder.prototype;
  MediaRecorder.prototype.start = function (timeslice) {
    start.call(this, timeslice);
    const error = new DOMException("The encoder failed.", "UnknownError");
    setTimeout(() => this.dispatchEvent(Object.assign(new Event("error"), { error })), after * 1000);
  };
  return () => {
    MediaRecorder.prototype.start = start;
  };
}

/**
 * A browser without MediaRecorder.
 * @returns {() => void}
 */
export function recordingUnknown() {
  const own = /** @type {any} */ (globalThis);
  const real = own.MediaRecorder;
  own.MediaRecorder = undefined;
  return () => {
    own.MediaRecorder = real;
  };
}

/**
 * Some pieces of a recording have no bytes, as Safari 26 gives them; what they lack is in the next one.
 * @param {{ every?: number }} [given]
 * @returns {() => void}
 */
export function piecesEmpty({ every = 2 } = {}) {
  const { start } = MediaRecorder.prototype;
  MediaRecorder.prototype.start = function (timeslice) {
    /** @type {Blob[]} */
    let withheld = [];
    let pieces = 0;
    const before = (/** @type {BlobEvent} */ event) => {
      pieces += 1;
      const isLast = this.state === "inactive";
      const data = pieces % every === 0 && !isLast ? new Blob() : new Blob([...withheld, event.data], { type: event.data.type });
      withheld = data.size ? [] : [...withheld, event.data];
      Object.defineProperty(event, "data", { value: data });
    };
    const given = this.ondataavailable;
    this.ondataavailable = null;
    this.addEventListener("dataavailable", before);
    this.ondataavailable = given;
    start.call(this, timeslice);
  };
  return () => {
    MediaRecorder.prototype.start = start;
  };
}
