/**
 * Requests that meet a fault on their way, by `fetch` and by XMLHttpRequest.
 *
 * @typedef {import("../faults.d.ts").Rule} Rule
 * @typedef {import("../faults.d.ts").Answer} Answer
 */

/**
 * The first rule that fits a request decides it; a request that none fits goes its way.
 * @param {Rule[]} rules
 * @returns {() => void}
 */
export function network(rules) {
  const { open, send, setRequestHeader } = XMLHttpRequest.prototype;
  const real = { fetch: globalThis.fetch, open, send, setRequestHeader };
  const left = rules.map((rule) => rule.times ?? Infinity);
  const isOffline = rules.some((rule) => rule.fault === "offline");
  /** @type {WeakMap<XMLHttpRequest, { method: string, url: string, headers: [string, string][] }>} */
  const opened = new WeakMap();

  /** @type {(method: string, url: string) => Rule["fault"] | undefined} */
  const faultOf = (method, url) => {
    const fits = (/** @type {Rule} */ rule, /** @type {number} */ at) =>
      left[at] > 0 && url.includes(rule.path ?? "") && (!rule.method || rule.method === method);
    const at = rules.findIndex(fits);
    if (at === -1) return undefined;
    left[at] -= 1;
    return rules[at].fault;
  };
  const headersOf = (/** @type {Answer} */ answer) => ({ ...(answer.type && { "Content-Type": answer.type }), ...answer.headers });
  const failed = () => new TypeError("Failed to fetch");

  /** @type {typeof fetch} */
  globalThis.fetch = async (input, init) => {
    const asked = input instanceof Request ? input : null;
    const url = asked ? asked.url : new URL(String(input), document.baseURI).href;
    const fault = faultOf((init?.method ?? asked?.method ?? "GET").toUpperCase(), url);
    if (fault === undefined) return real.fetch.call(globalThis, input, init);
    const signal = init?.signal ?? asked?.signal;
    signal?.throwIfAborted();
    if (fault === "hangs") return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    if (fault === "answer lost") await (await real.fetch.call(globalThis, input, init)).arrayBuffer();
    if (typeof fault === "string") throw failed();
    const bodiless = [204, 205, 304].includes(fault.status);
    const whole = new Response(bodiless ? null : fault.body, { status: fault.status, headers: headersOf(fault) });
    if (!fault.isCut) return whole;
    const cut = new ReadableStream({
      start: (body) => body.enqueue(new TextEncoder().encode(fault.body)),
      pull: (body) => body.error(failed()),
    });
    const half = new Response(cut, { status: fault.status, headers: headersOf(fault) });
    for (const read of ["text", "json", "blob", "arrayBuffer", "formData"]) {
      Object.defineProperty(half, read, { value: () => Promise.reject(failed()) });
    }
    return half;
  };

  /** @type {(request: XMLHttpRequest, answer: Answer | null, last: string) => void} */
  const settle = (request, answer, last) => {
    const headers = new Headers(answer ? headersOf(answer) : {});
    const [status, text] = [answer?.status ?? 0, answer?.body ?? ""];
    const read = {
      readyState: 4,
      status,
      statusText: "",
      responseText: text,
      response: text,
      responseURL: answer ? opened.get(request)?.url : "",
      getResponseHeader: (/** @type {string} */ name) => headers.get(name),
      getAllResponseHeaders: () => [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join(""),
    };
    for (const [name, value] of Object.entries(read)) Object.defineProperty(request, name, { value, configurable: true });
    for (const type of ["readystatechange", last, "loadend"]) request.dispatchEvent(new ProgressEvent(type));
  };

  XMLHttpRequest.prototype.open = function (/** @type {any[]} */ ...given) {
    const [method, url] = /** @type {[string, string | URL]} */ (given);
    opened.set(this, { method: method.toUpperCase(), url: new URL(url, document.baseURI).href, headers: [] });
    for (const name of Object.getOwnPropertyNames(this)) delete (/** @type {any} */ (this)[name]);
    return /** @type {any} */ (real.open).apply(this, given);
  };
  XMLHttpRequest.prototype.setRequestHeader = function (name, value) {
    opened.get(this)?.headers.push([name, value]);
    real.setRequestHeader.call(this, name, value);
  };
  XMLHttpRequest.prototype.send = function (body) {
    const { method = "GET", url = "", headers = [] } = opened.get(this) ?? {};
    const fault = faultOf(method, url);
    if (fault === undefined) return real.send.call(this, body);
    if (fault === "answer lost") {
      const hidden = new XMLHttpRequest();
      hidden.upload.onprogress = (event) => this.upload.dispatchEvent(new ProgressEvent("progress", event));
      hidden.onloadend = () => settle(this, null, "error");
      real.open.call(hidden, method, url, true);
      for (const [name, value] of headers) hidden.setRequestHeader(name, value);
      return real.send.call(hidden, body);
    }
    const sent = { lengthComputable: true, loaded: 1, total: 1 };
    const abort = () => settle(this, null, "abort");
    Object.defineProperty(this, "abort", { value: abort, configurable: true });
    queueMicrotask(() => {
      const isSent = typeof fault === "object" || fault === "hangs";
      if (isSent) this.upload.dispatchEvent(new ProgressEvent("progress", sent));
      if (fault === "hangs") return;
      if (typeof fault === "string" || fault.isCut) settle(this, null, "error");
      else settle(this, fault, "load");
    });
  };

  const tell = (/** @type {string} */ type) => globalThis.dispatchEvent(new Event(type));
  if (isOffline) {
    Object.defineProperty(navigator, "onLine", { get: () => false, configurable: true });
    tell("offline");
  }
  return () => {
    globalThis.fetch = real.fetch;
    Object.assign(XMLHttpRequest.prototype, { open, send, setRequestHeader });
    if (!isOffline) return;
    delete (/** @type {any} */ (navigator).onLine);
    tell("online");
  };
}
