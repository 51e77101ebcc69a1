/** The types of recorder.js. */

/** What is recorded, or being recorded, and has not been accepted by the server yet. */
export interface Recording {
  /** Also its Idempotency-Key. */
  id: string;
  api: string;
  owner: string;
  session: string;
  question: string;
  /** What the browser records, like `audio/webm;codecs=opus`. */
  type: string;
  /**
   * `kept`: it waits to be sent. `held`: it would replace a longer take, and waits to be confirmed or discarded.
   * `refused`: the server will not take it as it is; it stays until it is discarded. `accepted`: its sound is deleted here.
   */
  state: "recording" | "kept" | "held" | "refused" | "accepted";
  /** Milliseconds since 1970, as are the other times. */
  startedAt: number;
  touchedAt: number;
  /** That were recorded: while the device slept, nothing was. */
  seconds: number;
  bytes: number;
  /** Why it ended; null while it is made. */
  end: EndReason | "file" | null;
  /** Whether it outlives the page. */
  durable: boolean;
  /** What its page knew of an earlier take: whether there is one, or of how many seconds. */
  replaces: boolean | number;
  /** How much of it is safely at the server, which takes a recording in pieces while it is made. */
  storedBytes: number;
  storedSeconds: number;
  /** The server's name for what it has of it, until it is accepted. */
  upload: string | null;
  /** It is sent in one request when it has ended. */
  whole: boolean;
  /** How often it was tried to send it. */
  attempts: number;
  /** When it is tried next. */
  retryAt: number;
  /** Whether the last attempt did not reach the server. */
  offline: boolean;
  /** It is what was written of a recording whose page ended before it did. */
  recovered: boolean;
  /** Why the last attempt failed. */
  problem: Problem | null;
}

/** A recording that goes on its way. */
export type RecordingEvent = Omit<Recording, "state"> & {
  state: Recording["state"] | "sending" | "discarded";
  /** With `sending`: from 0 to 1. */
  progress?: number;
  /** With `accepted`: the body of the server's 202. */
  answer?: Record<string, unknown>;
  /** Another tab told of it. */
  elsewhere?: boolean;
};

/** How much of a recording is safely at the server, of how much. */
export type Stored = Pick<Recording, "id" | "session" | "question" | "storedBytes" | "storedSeconds" | "bytes" | "seconds">;

/** `page_left`: its page ended before it did. */
export type EndReason = "stopped" | "limit" | "microphone_lost" | "recording_failed" | "page_left";

/** A microphone; `label` is empty until it may be used. */
export interface Device {
  deviceId: string;
  label: string;
}

export interface MicrophoneTest<T> {
  device: Device | null;
  /** What was recorded; it is in memory alone. */
  sound: Blob;
  seconds: number;
  /** The loudest level, from 0 to 1; null where the browser let none be measured. */
  peak: number | null;
  /** Whether anything was loud enough to be speech; null where that is not known. */
  heard: boolean | null;
  /** What `ask` answered. */
  said: T | null;
}

/** What went wrong: the `status`, `code` and `detail` of the server's problem, or status 0 and a code of the recorder. */
export interface Problem {
  status: number;
  code: string;
  detail: string;
  /** With `no_connection`: the status of an answer that was not the API's own. */
  answered?: number;
}

export interface Answered {
  session: string;
  question: string;
  /** Whether the server has an answer already that this browser may not know of, or of how many seconds. */
  replaces?: boolean | number;
}

/** Asked before each request; `refresh` says that the server did not take the last one. */
export type TokenSource = (asked: {
  refresh: boolean;
  /** Whose recording it is. */
  owner: string;
  session: string;
  question: string;
}) => Promise<string> | string;

export type RecorderState = "idle" | "asking" | "recording" | "testing" | "saving" | "closed";

export interface RecorderOptions {
  /** A bearer token for each request. */
  token: TokenSource;
  /** The address of the API, without a slash at its end; the page's own origin if left out. */
  api?: string;
  /** Who records: what one owner left on this machine is never sent for another. */
  owner?: string;
  /** The IndexedDB database. */
  name?: string;
  /** Seconds after which a recording ends by itself. */
  maxDuration?: number;
  /** Seconds before the end at which `limit` is told. */
  limitWarnings?: number[];
  /** How often `extend()` may put the end off, and by how many seconds. */
  maxExtensions?: number;
  extendSeconds?: number;
  bitsPerSecond?: number;
  /** Media types to choose from, the best first. */
  types?: string[];
  /** Milliseconds of sound that are written at a time, and lost at most when the page dies. */
  timeslice?: number;
  /** Send a recording while it is made, in pieces; otherwise in one request when it has ended. */
  sendWhileRecording?: boolean;
  /** An upload of which nothing moves for so long is given up and tried again. */
  stallSeconds?: number;
  /** Have the browser ask before the page is left while it records, or while something would be lost with it. */
  warnBeforeLeaving?: boolean;
  /** Keep the microphone open between recordings. */
  keepMicrophone?: boolean;
  /** More constraints on the microphone, like `deviceId`. */
  microphone?: MediaTrackConstraints;
  /** The level is drawn on it, in its CSS colour. */
  canvas?: HTMLCanvasElement | null;
  onState?: (detail: { state: RecorderState }) => void;
  onTime?: (detail: { elapsed: number; remaining: number }) => void;
  onLevel?: (detail: { level: number }) => void;
  onQuiet?: (detail: { quiet: boolean }) => void;
  onLimit?: (detail: { remaining: number; canExtend: boolean }) => void;
  onEnded?: (detail: { reason: EndReason; seconds: number; recording: Recording | null }) => void;
  onDevices?: (detail: { devices: Device[] }) => void;
  onRecording?: (detail: RecordingEvent) => void;
  onStored?: (detail: Stored) => void;
  onError?: (detail: Problem) => void;
}

export interface RecorderEventMap {
  state: CustomEvent<{ state: RecorderState }>;
  /** Four times a second while recording. */
  time: CustomEvent<{ elapsed: number; remaining: number }>;
  /** Twenty times a second while recording: from 0 to 1. */
  level: CustomEvent<{ level: number }>;
  /** Nothing has been heard for four seconds; or something is again. */
  quiet: CustomEvent<{ quiet: boolean }>;
  /** The end by itself is near: once for each of the warnings. */
  limit: CustomEvent<{ remaining: number; canExtend: boolean }>;
  /** Why a recording ended, once it is kept. */
  ended: CustomEvent<{ reason: EndReason; seconds: number; recording: Recording | null }>;
  /** A microphone was plugged in or out. */
  devices: CustomEvent<{ devices: Device[] }>;
  recording: CustomEvent<RecordingEvent>;
  /** More of a recording is safely at the server. */
  stored: CustomEvent<Stored>;
  error: CustomEvent<Problem>;
}

export class RecorderError extends Error {
  constructor(code: string, detail?: string);
  code: string;
}

/** Records answers and hands them to the server. One for each page is enough. */
export class Recorder extends EventTarget {
  constructor(options: RecorderOptions);
  readonly state: RecorderState;
  readonly isDurable: boolean;
  readonly elapsed: number;
  readonly device: Device | null;
  devices(): Promise<Device[]>;
  choose(deviceId: string | null): void;
  start(answered: Answered): Promise<void>;
  stop(): Promise<Recording | null>;
  extend(): boolean;
  test<T = unknown>(how?: { seconds?: number; ask?: (sound: Blob) => Promise<T> }): Promise<MicrophoneTest<T> | null>;
  addFile(given: Answered & { file: Blob }): Promise<Recording>;
  recordings(which?: { everyone?: boolean }): Promise<Recording[]>;
  audio(id: string): Promise<Blob | null>;
  whenSent(session?: string): Promise<Recording[]>;
  retry(id?: string): Promise<void>;
  confirm(id: string): Promise<void>;
  discard(id: string): Promise<void>;
  close(): Promise<void>;
  addEventListener<K extends keyof RecorderEventMap>(
    type: K,
    listener: (event: RecorderEventMap[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

export function isSupported(): boolean;
/** Why this page cannot record, in a code and a sentence; null if it can. */
export function whyUnsupported(): Problem | null;
export function chooseType(types?: string[]): string;
