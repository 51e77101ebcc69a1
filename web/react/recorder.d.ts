/** The types of react/recorder.js; React itself is a peer. */

import type { FunctionComponentElement, MutableRefObject } from "react";
import type { Answered, Problem, Recorder, RecorderOptions, RecorderState, Recording, RecordingEvent } from "../recorder.js";

export interface RecorderView {
  state: RecorderState;
  /** Seconds of the recording that is being made. */
  elapsed: number;
  remaining: number;
  /** Nothing has been heard for four seconds. */
  quiet: boolean;
  /** Everything this page knows of, with what was accepted since it mounted. */
  recordings: RecordingEvent[];
  error: Problem | null;
  /** Never rejects; what goes wrong is in `error`. */
  start(answered: Answered): Promise<void>;
  stop(): Promise<Recording | null>;
  /** Put it on a <canvas> to have the level drawn. */
  canvas: MutableRefObject<HTMLCanvasElement | null>;
  recorder: MutableRefObject<Recorder | null>;
}

export type AnswerRecorderProps = RecorderOptions & Answered & { labels?: { start?: string; stop?: string } };

export function useRecorder(options: RecorderOptions): RecorderView;
export function AnswerRecorder(props: AnswerRecorderProps): FunctionComponentElement<object>;
export function clock(seconds: number): string;
