/** The types of answers.js. */

import type { Problem } from "./recorder.js";

export type Kind = "string" | "number" | "boolean" | "array" | "object";

/** The answers that are the API's own, by status: what a body has at least; null for none at all. */
export type Expected = Record<number, Record<string, Kind> | null>;

/** An answer as it came; status 0 where none did. */
export interface Heard {
  status: number;
  type: string | null;
  text: string;
  retryAfter: string | null;
}

/** What was asked for, the API's own refusal for good, or something that is to be tried again. */
export type Found =
  | { is: "answer"; status: number; body: any }
  | { is: "refusal"; problem: Problem }
  | { is: "later"; problem: Problem; retryAfter: number | null };

export const NOTHING: Heard;
export const NO_CONNECTION: Problem;
export function judge(heard: Heard, expected: Expected): Found;
/** Rejects only if the caller's signal aborts. */
export function hear(url: string, more?: RequestInit & { seconds?: number }): Promise<Heard & { headers: Headers }>;
