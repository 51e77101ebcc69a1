/** The questions that a new interview begins with. */

export const SAMPLES = [
  {
    text: "What is a database index, and what does it cost?",
    key_points: [
      "an index finds rows without scanning the whole table",
      "an index is a separate structure, usually a tree",
      "every change must update the index, so saving data is slower",
      "an index takes extra disk space",
    ],
  },
  {
    text: "What is the difference between a process and a thread?",
    key_points: [
      "each process has its own memory",
      "threads of a process share the same memory",
      "shared data needs a lock",
      "when one process crashes, the others go on",
    ],
  },
  {
    text: "What does it mean that an HTTP request is idempotent, and why does it matter?",
    key_points: [
      "sending a request two times has the same effect as sending it once",
      "the client can retry safely when there is no answer",
      "GET, PUT and DELETE are idempotent",
      "an idempotency key lets the server recognize a repeated request",
    ],
  },
];
