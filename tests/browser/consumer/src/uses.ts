// Everything that has a type, as a TypeScript project uses it.
import { chooseType, isSupported, Recorder, RecorderError, type Recording, type RecordingEvent } from "viva-voce-recorder";
import { network, PORTAL, problem, storageFull, type Rule } from "viva-voce-recorder/faults";
import { AnswerRecorder, useRecorder, type RecorderView } from "viva-voce-recorder/react";

const told: RecordingEvent[] = [];
const recorder = new Recorder({ token: async ({ refresh, session }) => `${session}${refresh}`, onRecording: (one) => told.push(one) });
recorder.addEventListener("error", ({ detail }) => console.log(detail.status, detail.code.length, detail.detail));
const left: Recording[] = await recorder.whenSent("s");
const kept: Recording | null = await recorder.stop();
await recorder.start({ session: "s", question: "q" }).catch((error: unknown) => {
  if (error instanceof RecorderError && error.code === "microphone_denied") throw new RecorderError("mine", error.message);
});
const rules: Rule[] = [{ path: "/api/", fault: PORTAL, times: 2 }, { fault: problem(503, "busy", { "Retry-After": "1" }) }];
const undo: () => void = network(rules);
storageFull({ after: 1 })();

export const view = (): RecorderView => useRecorder({ token: () => "" });
export const shown = AnswerRecorder({ session: "s", question: "q", token: () => "" });
export const all = [left, kept, undo, chooseType(["audio/webm"]), isSupported()];
