/**
 * A recording on its way in pieces: begun at the server by tus 1.0.0 before its length is known, appended to from the byte
 * that the server has asked for, and finished by an empty last request, whose answer is that of an ordinary upload.
 *
 * How far it is, is asked by GET: a refusal of HEAD has no body, and could be anybody's.
 *
 * @typedef {import("../recorder.js").Recording} Recording
 * @typedef {import("../recorder.js").TokenSource} TokenSource
 * @typedef {import("../answers.d.ts").Found} Found
 * @typedef {import("../answers.d.ts").Expected} Expected
 * @typedef {{ data: Blob, end: number, seconds: number }} Piece bytes, where they end, and the seconds that are over then
 */

import { hear, judge, NO_CONNECTION } from "../answers.js";
import { bearerOf, GIVES } from "./upload.js";

const TUS = { "Tus-Resumable": "1.0.0" };
const ADDRESS = /\/api\/uploads\/(\w+)$/;
const LEAST = 64 * 1024;
const MOST = 4 * 1024 * 1024;
/** Refusals that say nothing of the upload. */
const OF_TOKEN = [401, 403];

/** No answer, as it were. @type {Found} */
export const LATER = { is: "later", problem: NO_CONNECTION, retryAfter: null };

/**
 * Whether the server has no such door, has forgotten the upload, or refuses it: what is to be said of the recording is then
 * said when it is sent as a whole.
 * @param {Found} found
 */
export const isNoWay = (found) => found.is === "refusal" && !OF_TOKEN.includes(found.problem.status);

export class Passage {
  #given;
  #isSure = false;
  #most = LEAST;
  /** @type {string | null} */
  #token = null;

  /** @param {{ token: TokenSource, stallSeconds: number, signal: AbortSignal }} given */
  constructor(given) {
    this.#given = given;
  }

  /**
   * One step: begin, find out how far it is, or send what follows. Answers with what is to be noted of the recording.
   * @param {Recording} recording
   * @param {(from: number, most: number) => Promise<Piece>} read
   * @returns {Promise<{ found: Found, news: Partial<Recording> }>}
   */
  async step(recording, read) {
    if (!recording.upload) return this.#begin(recording);
    return this.#isSure ? this.#append(recording, read) : this.#locate(recording);
  }

  /**
   * Everything is there: the answer is the one that the recording would have had as a whole, as often as it is asked for.
   * @param {Recording} recording
   */
  async finish(recording) {
    const said = { "Upload-Offset": `${recording.bytes}`, "Upload-Length": `${recording.bytes}`, "Upload-Complete": "?1" };
    const headers = { ...said, "Content-Type": "application/partial-upload" };
    return this.#sure((await this.#ask(recording, "PATCH", addressOf(recording), GIVES, headers)).found);
  }

  /**
   * Have the server forget what it has of it.
   * @param {Recording} recording
   */
  async withdraw(recording) {
    return (await this.#ask(recording, "DELETE", addressOf(recording), { 204: null }, TUS)).found;
  }

  /** @param {Recording} recording */
  async #begin(recording) {
    const { id, api, session, question, type } = recording;
    const metadata = Object.entries({ session_id: session, question_id: question, filetype: type });
    const said = metadata.filter(([, value]) => value).map(([name, value]) => `${name} ${coded(value)}`);
    const headers = { ...TUS, "Upload-Defer-Length": "1", "Upload-Metadata": said.join(), "Idempotency-Key": id };
    const { found, heard } = await this.#ask(recording, "POST", `${api}/api/uploads`, { 201: null }, headers);
    if (found.is !== "answer") return { found, news: {} };
    const [, upload] = ADDRESS.exec(heard.headers.get("Location") ?? "") ?? [];
    if (!upload) return { found: LATER, news: {} };
    this.#isSure = true;
    return { found, news: { upload, storedBytes: 0, storedSeconds: 0 } };
  }

  /** @param {Recording} recording */
  async #locate(recording) {
    const gives = /** @type {Expected} */ ({ 200: { upload_id: "string", offset: "number" } });
    const { found } = await this.#ask(recording, "GET", addressOf(recording), gives, {});
    if (found.is !== "answer") return { found, news: {} };
    const storedBytes = found.body.offset;
    this.#isSure = true;
    const isMore = storedBytes > recording.bytes; // than is here: its page kept the rest in memory, and is gone
    return { found, news: { storedBytes, ...(isMore && { bytes: storedBytes }) } };
  }

  /**
   * @param {Recording} recording
   * @param {(from: number, most: number) => Promise<Piece>} read
   */
  async #append(recording, read) {
    const from = recording.storedBytes;
    const { data, end, seconds } = await read(from, this.#most);
    if (end === from) return { found: LATER, news: { whole: true } }; // it was deleted under the page
    const headers = { ...TUS, "Upload-Offset": `${from}`, "Content-Type": "application/offset+octet-stream" };
    const { found, heard } = await this.#ask(recording, "PATCH", addressOf(recording), { 204: null }, headers, data);
    const offset = Number(heard.headers.get("Upload-Offset"));
    const isGood = found.is === "answer" && offset > from && offset <= end;
    this.#most = isGood ? Math.min(2 * this.#most, MOST) : LEAST;
    if (!isGood) return { found: this.#sure(found.is === "answer" ? LATER : found), news: {} };
    return { found, news: { storedBytes: offset, ...(offset === end && { storedSeconds: seconds }) } };
  }

  /**
   * After anything but what was asked for, how far it is, is asked anew; a take that a newer one has overtaken is found to be
   * there, and is not sent once more: it would be the newest.
   * @param {Found} found
   */
  #sure(found) {
    if (found.is !== "answer") this.#isSure = false;
    const isPassing = found.is === "refusal" && (found.problem.status === 409 || found.problem.status === 423);
    return isPassing ? { ...LATER, problem: found.problem } : found;
  }

  /**
   * With the token of before, and with a new one where that is not taken.
   * @param {Recording} recording
   * @param {string} method
   * @param {string} url
   * @param {Expected} gives
   * @param {Record<string, string>} headers
   * @param {Blob} [body]
   */
  async #ask(recording, method, url, gives, headers, body) {
    const { stallSeconds: seconds, signal } = this.#given;
    for (let refresh = false; ; refresh = true) {
      if (refresh || this.#token === null) this.#token = await bearerOf({ ...this.#given, recording }, refresh);
      const Authorization = `Bearer ${this.#token}`;
      const heard = await hear(url, { method, body, headers: { ...headers, Authorization }, seconds, signal });
      const found = judge(heard, gives);
      if (refresh || found.is !== "refusal" || found.problem.status !== 401) return { found, heard };
    }
  }
}

/** @param {Recording} recording */
const addressOf = ({ api, upload }) => `${api}/api/uploads/${upload}`;

/** @param {string} text */
const coded = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
