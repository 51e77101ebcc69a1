/** The types of react/recorder.js; React itself is a peer. */

import type { FunctionComponentElement, MutableRefObject } from "react";
import type {
  Answered,
  EndReason,
  Problem,
  Recorder,
  RecorderOptions,
  RecorderState,
  Recording,
  RecordingEvent,
  Stored,
} from "../recorder.js";

export interface RecorderView {
  state: RecorderState;
  /** Seconds of the recording that is being made. */
  elapsed: number;
  remaining: number;
  /** Nothing has been heard for four seconds. */
  quiet: boolean;
  /** The last warning that the end is near, until it is put off or over. */
  limit: { remaining: number; canExtend: boolean } | null;
  /** How the last recording ended. */
  ended: { reason: EndReason; seconds: number; recording: Recording | null } | null;
  /** Everything this page knows of, with what was accepted since it mounted. */
  recordings: RecordingEvent[];
  /** How much of the recording that was made last is safely at the server; null until something is. */
  stored: Stored | null;
  error: Problem | null;
  /** Never rejects; what goes wrong is in `error`. */
  start(answered: Answered): Promise<void>;
  stop(): Promise<Recording | null>;
  extend(): boolean;
  /** Put it on a <canvas> to have the level drawn. */
  canvas: MutableRefObject<HTMLCanvasElement | null>;
  /** For the rest: `confirm`, `discard`, `retry`, `test`, `devices`, `choose`. */
  recorder: MutableRefObject<Recorder | null>;
}

export interface Labels {
  start: string;
  stop: string;
  /** On the button, and what is said, while the browser asks for the microphone. */
  cancel: string;
  asking: string;
  extend: string;
  /** Beside the level while it records: how much of it is safely stored. */
  stored: (stored: Stored) => string;
  confirm: string;
  discard: string;
  level: string;
  quiet: string;
  limit: (seconds: number) => string;
  ended: { [reason in EndReason]?: string };
  state: { [state: string]: string };
}

export type AnswerRecorderProps = RecorderOptions & Answered & { labels?: Partial<Labels> };

export function useRecorder(options: RecorderOptions): RecorderView;
export function AnswerRecorder(props: AnswerRecorderProps): FunctionComponentElement<object>;
export function clock(seconds: number): string;
