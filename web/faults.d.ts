/** The types of faults.js. Each function answers with one that takes the fault away again. */

type Undo = () => void;

export interface Answer {
  status: number;
  type: string | null;
  body: string;
  headers?: Record<string, string>;
  /** The connection ends in the middle of the body. */
  isCut?: boolean;
}

/**
 * `offline`: nothing goes out, and `navigator.onLine` says so until the fault is taken away. `unreachable`: nothing goes
 * out. `answer lost`: it arrives and is answered, and the answer gets lost. `hangs`: nothing comes, until the page gives up.
 */
export type Fault = "offline" | "unreachable" | "answer lost" | "hangs" | Answer;

export interface Rule {
  /** A part of the address; every request if left out. */
  path?: string;
  method?: string;
  fault: Fault;
  /** How many requests meet it; all if left out. */
  times?: number;
}

/** The first rule that fits a request of `fetch` or XMLHttpRequest decides it. */
export function network(rules: Rule[]): Undo;
export const PORTAL: Answer;
export const EMPTY: Answer;
export const CUT: Answer;
export function page(status: number): Answer;
export function problem(status: number, code: string, headers?: Record<string, string>): Answer;

/** `after`: how many writes go well before. */
export function storageFull(given?: { after?: number }): Undo;
export function storageBlocked(): Undo;
export function storageCleared(given?: { name?: string }): Promise<void>;

export function microphoneDenied(): Undo;
export function microphoneMissing(): Undo;
export function microphoneBusy(): Undo;
/** The browser asks until the fault is taken away. */
export function microphoneAsks(): Undo;
export function microphoneSilent(): Undo;
/** `after`: seconds after it was opened. */
export function microphoneLost(given?: { after?: number }): Undo;
/** Others are plugged in; `devicechange` tells the page. */
export function devices(microphones: { deviceId: string; label: string }[]): Undo;
/** `after`: seconds after it began. */
export function recordingFails(given?: { after?: number }): Undo;
export function recordingUnknown(): Undo;
/** Each so-manieth piece has no bytes; they come with the next. */
export function piecesEmpty(given?: { every?: number }): Undo;

/** The machine slept for so long. */
export function clockJumps(given: { seconds: number }): Undo;
export function insecurePage(): Undo;
export function levelSuspended(): Undo;
