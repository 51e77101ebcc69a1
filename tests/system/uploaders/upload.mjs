// Uploads a file by tus-js-client, as it is: what is asked for comes as JSON, what came of it is told as JSON.
import { createReadStream, readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import * as tus from "tus-js-client";

const { path, stream, storage, resume, stopAt, terminate, ...options } = JSON.parse(process.argv[2]);
const requests = [];
const told = { url: null, error: null, status: null, terminated: false };

function note(request, response) {
  requests.push([request.getMethod(), response.getStatus()]);
}

function uploaded() {
  return new Promise((resolve) => {
    const upload = new tus.Upload(stream ? createReadStream(path).pipe(new PassThrough()) : readFileSync(path), {
      ...options,
      ...(storage ? { urlStorage: new tus.FileUrlStorage(storage), fingerprint: async () => path } : {}),
      onAfterResponse: note,
      onSuccess: ({ lastResponse }) => {
        told.status = lastResponse.getStatus();
        told.body = lastResponse.getBody();
        resolve(upload);
      },
      onError: (error) => {
        told.error = error.message;
        told.status = error.originalResponse?.getStatus() ?? null;
        resolve(upload);
      },
      onChunkComplete: async (_, accepted) => {
        if (stopAt !== undefined && accepted >= stopAt) {
          await upload.abort(Boolean(terminate));
          told.terminated = Boolean(terminate);
          resolve(upload);
        }
      },
    });
    upload.findPreviousUploads().then((previous) => {
      if (resume && previous.length) upload.resumeFromPreviousUpload(previous[0]);
      upload.start();
    });
  });
}

told.url = (await uploaded()).url;
console.log(JSON.stringify({ ...told, requests }));
