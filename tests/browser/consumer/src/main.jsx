// Answer.jsx is the example of docs/recorder.md.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Answer, OwnAnswer } from "./Answer.jsx";

const asked = new URLSearchParams(location.search);
const Shown = asked.has("own") ? OwnAnswer : Answer;
const given = { session: asked.get("session"), question: "q1", token: async () => (await fetch("/my/token")).text() };

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <Shown {...given} />
  </StrictMode>,
);
