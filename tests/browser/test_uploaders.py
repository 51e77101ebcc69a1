"""tus-js-client and Uppy in Chromium, as they are, on a page of another origin."""

import base64
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.browser.engines import Engines
from tests.cutting_line import cutting_line_to
from tests.hostile.served import Served, serve
from tests.loopback import Handler, serving
from tests.system.resumable import PIECE, accepted, is_the_one_take, parts, recording, session
from tests.system.uploading import PATIENT, Uploaders

pytestmark = pytest.mark.long

DATA = recording(13)
PAGE = b"<!doctype html><title>Page</title><script src='/bundle.js'></script>"
MADE = """async ({ data, size }) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  window.file = new File([bytes], "answer.webm", { type: "audio/webm", lastModified: 1 });
  return file.size === size;
}"""
BY_TUS = """({ stream, resume, stopAt, terminate, ...options }) => new Promise((resolve) => {
  const requests = [];
  const told = (more) => resolve({ url: upload.url, requests, error: null, ...more });
  const upload = new tus.Upload(stream ? file.stream().getReader() : file, {
    ...options,
    onAfterResponse: (request, response) => { requests.push([request.getMethod(), response.getStatus()]); },
    onSuccess: () => told({}),
    onError: (error) => told({ error: error.message }),
    onChunkComplete: (_, accepted) => {
      if (stopAt && accepted >= stopAt) upload.abort(Boolean(terminate)).then(() => told({}));
    },
  });
  upload.findPreviousUploads().then((previous) => {
    if (resume) upload.resumeFromPreviousUpload(previous[0]);
    upload.start();
  });
})"""
BY_UPPY = """async ({ metadata, ...options }) => {
  const uppy = new Uppy().use(Tus, options);
  uppy.addFile({ name: file.name, type: file.type, data: file, meta: metadata });
  const { successful, failed } = await uppy.upload();
  return { successful: successful.length, failed: failed.map(({ error }) => error) };
}"""
PROTOCOLS: list[dict[str, Any]] = [{}, {"protocol": "ietf-draft-05"}]
WAYS: dict[str, dict[str, Any]] = {
    "in one": {},
    "in pieces": {"chunkSize": 100_000},
    "with its beginning": {"chunkSize": 100_000, "uploadDataDuringCreation": True},
    "a stream of unknown length": {"stream": True, "chunkSize": 90_000, "uploadLengthDeferred": True},
    "a stream whose pieces come out even": {"stream": True, "chunkSize": 100_000, "uploadLengthDeferred": True},
}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of a page that has the uploaders."""
    bundle = Uploaders.into(tmp_path_factory.mktemp("npm") / "uploaders").bundle().encode()

    class Giving(Handler):
        def answer(self) -> None:
            is_script = self.path == "/bundle.js"
            kind = "text/javascript" if is_script else "text/html"
            self.give(200, bundle if is_script else PAGE, [("Content-Type", kind)])

    with serving(Giving) as url:
        yield url


@pytest.fixture(scope="module")
def api(mongodb_url: str, redis_url: str, origin: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("api"), mongodb_url, redis_url, CORS_ORIGINS=origin) as served:
        yield served


@pytest.fixture
async def context(engines: Engines, origin: str) -> AsyncIterator[BrowserContext]:
    context = await engines.context("chromium", origin)
    yield context
    await context.close()


async def opened(context: BrowserContext) -> Page:
    page = await context.new_page()
    await page.goto("/")
    assert await page.evaluate(MADE, {"data": base64.b64encode(DATA).decode(), "size": len(DATA)})
    return page


def options(api: Served, session: str, port: int = 0, **more: Any) -> dict[str, Any]:
    address = f"http://127.0.0.1:{port or api.port}"
    return {
        "endpoint": f"{address}/api/upload-answer/{session}/q1" if "protocol" in more else f"{address}/api/uploads",
        "headers": {"Authorization": f"Bearer {api.token()}"},
        "metadata": {"session_id": session, "question_id": "q1", "filetype": "audio/webm"},
        "retryDelays": PATIENT,
        **more,
    }


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=["tus", "ietf"])
@pytest.mark.parametrize("way", WAYS)
async def test_each_way_of_sending(api: Served, context: BrowserContext, way: str, protocol: dict[str, Any]) -> None:
    made = session(api)
    told = await (await opened(context)).evaluate(BY_TUS, options(api, made, **WAYS[way], **protocol))
    assert told["error"] is None, told
    assert is_the_one_take(api, made, DATA)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=["tus", "ietf"])
async def test_cut_after_every_piece(api: Served, context: BrowserContext, protocol: dict[str, Any]) -> None:
    made, page = session(api), await opened(context)
    with cutting_line_to(api.port, [PIECE] * 9) as line:
        told = await page.evaluate(BY_TUS, options(api, made, line.port, **protocol))
        assert line.broken > 5
    assert told["error"] is None, told
    assert is_the_one_take(api, made, DATA)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=["tus", "ietf"])
async def test_a_page_that_was_reloaded_goes_on_also_after_the_end(
    api: Served, context: BrowserContext, protocol: dict[str, Any]
) -> None:
    made, said = session(api), {"chunkSize": 100_000, **protocol}
    page = await opened(context)
    first = await page.evaluate(BY_TUS, options(api, made, stopAt=300_000, **said))
    assert accepted(api, made) == []
    await page.close()
    page = await opened(context)
    second = await page.evaluate(BY_TUS, options(api, made, resume=True, **said))
    assert (second["error"], second["url"]) == (None, first["url"])
    assert is_the_one_take(api, made, DATA)
    third = await page.evaluate(BY_TUS, options(api, made, resume=True, **said))
    assert [method for method, _ in third["requests"]] == ["HEAD"]
    assert is_the_one_take(api, made, DATA)


async def test_what_is_terminated_is_gone(api: Served, context: BrowserContext) -> None:
    made, page = session(api), await opened(context)
    said = {"chunkSize": 100_000, "stopAt": 200_000, "terminate": True}
    told = await page.evaluate(BY_TUS, options(api, made, **said))
    assert ["DELETE", 204] in told["requests"]
    assert [part["state"] for part in parts(api, made)] == ["aborted"]


@pytest.mark.parametrize("size", [None, 100_000])
async def test_uppy_uploads(api: Served, context: BrowserContext, size: int | None) -> None:
    made, page = session(api), await opened(context)
    chunks = {} if size is None else {"chunkSize": size}
    with cutting_line_to(api.port, [PIECE] * 4) as line:
        told = await page.evaluate(BY_UPPY, options(api, made, line.port, **chunks))
        assert line.broken == 4
    assert told == {"successful": 1, "failed": []}
    assert is_the_one_take(api, made, DATA)
