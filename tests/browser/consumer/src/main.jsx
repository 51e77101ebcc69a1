// Answer.jsx is the example of docs/recorder.md.
import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { Answer, OwnAnswer } from "./Answer.jsx";

const asked = new URLSearchParams(location.search);
const Shown = asked.has("own") ? OwnAnswer : Answer;
const given = { session: asked.get("session"), token: async () => (await fetch("/my/token")).text() };

function Interview() {
  const [question, ask] = useState("q1");
  return (
    <>
      <Shown {...given} question={question} />
      <button onClick={() => ask("q2")}>Next</button>
    </>
  );
}

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <Interview />
  </StrictMode>,
);
