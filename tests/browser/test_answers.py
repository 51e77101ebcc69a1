"""Answers that are not the API's own, at every call of the pages and of the recorder: one rule, one table."""

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, Route

from tests.answers import CASES, FOREIGN, REFUSALS, TABLE, Case
from tests.browser.bench import Bench, Line, answers, event
from tests.browser.engines import in_both
from tests.system import live

pytestmark = in_both


@pytest.fixture
async def bench(context: BrowserContext, stack: live.Stack) -> Bench:
    return await Bench.made(context, stack)


JUDGE = """async ({ gives, cases }) => {
  const { judge } = await import("/web/answers.js");
  return cases.map(({ status, type, body, headers = {} }) =>
    judge({ status, type, text: body, retryAfter: headers["Retry-After"] ?? null }, gives));
}"""


async def test_an_answer_means_what_the_table_says(bench: Bench) -> None:
    page = await bench.page()
    judged = await page.evaluate(JUDGE, TABLE)
    for case, found in zip(CASES, judged, strict=True):
        assert (found["is"], found.get("problem", {}).get("code")) == (case.is_, case.code), case.name
        if case.is_foreign:
            assert found["problem"]["detail"] == "There is no connection to the server at the moment."
            assert (found["problem"]["status"], found["problem"]["answered"]) == (0, case.status)


CALLS = """async () => {
  const { Api } = await import("/web/demo/api.js");
  const { call } = await import("/web/call.js");
  const admin = await import("/web/admin/api.js");
  const api = new Api();
  localStorage["viva-voce-demo-token"] = JSON.stringify({ token: "t", user: "u", until: Date.now() + 9e9 });
  const shape = (gives) => ({ gives });
  const calls = {
    token: () => call("POST", "/local/token", shape({ 200: { token: "string" } })),
    create: () => api.call("POST", "/api/sessions", shape({ 201: { session_id: "string" } })),
    status: () => api.call("GET", "/api/transcription-status/s", shape({ 200: { answers: "object" }, 304: null })),
    analyze: () => api.call("POST", "/api/analyze/s", shape({ 200: { answers: "array" }, 202: { message: "string" } })),
    overview: () => admin.get("/api/admin/overview"),
    sessions: () => admin.get("/api/admin/sessions", { q: "x" }),
    failed: () => admin.get("/api/admin/failed"),
    trends: () => admin.get("/api/admin/trends", { span: "hour" }),
    retryMany: () => admin.post("/api/admin/failed/retry", { file_ids: ["x"] }),
    stuck: () => admin.get("/api/admin/stuck"),
    audit: () => admin.get("/api/admin/audit"),
    found: () => admin.get("/api/sessions/s"),
    retry: () => admin.post("/api/admin/answers/s/q/retry"),
    fail: () => admin.post("/api/admin/answers/s/q/fail", { reason: "x" }),
    sweep: () => admin.post("/api/admin/sweep", { dry_run: true }),
  };
  const told = {};
  for (const [name, act] of Object.entries(calls)) {
    const how = ({ isPassing, status, code, message }) => [isPassing, status, code, message];
    told[name] = await act().then(() => "answer", how);
  }
  return told;
}"""


class Portal:
    """Answers every call of the API in its place."""

    def __init__(self, case: Case) -> None:
        self.case = case

    @classmethod
    async def before(cls, context: BrowserContext) -> "Portal":
        portal = cls(FOREIGN[0])
        for calls in ("**/api/**", "**/local/**"):
            await context.route(calls, portal.answer)
        return portal

    async def answer(self, route: Route) -> None:
        await route.fulfill(status=self.case.status, headers=self.case.all_headers, body=self.case.body)

    async def told(self, page: Page, case: Case) -> dict[str, Any]:
        self.case = case
        told: dict[str, Any] = await page.evaluate(CALLS)
        return told


@pytest.mark.long
async def test_no_call_of_the_pages_takes_a_strangers_answer(bench: Bench) -> None:
    page = await bench.page()
    portal = await Portal.before(bench.context)
    lost = [True, 0, "no_connection", "There is no connection to the server at the moment."]
    for case in FOREIGN:
        told = await portal.told(page, case)
        assert [name for name, how in told.items() if how != lost] == [], case.name
    for case in REFUSALS:
        told = await portal.told(page, case)
        refused = [False, case.status, case.code, "What the API says."]
        assert [name for name, how in told.items() if how != refused] == [], case.name


HANGING = """async () => {
  const { hear, judge } = await import("/web/answers.js");
  const outcome = judge(await hear("/api/silent", { seconds: 0.3 }), { 200: {} });
  const abort = new AbortController();
  const left = hear("/api/silent", { signal: abort.signal }).catch(({ name }) => name);
  abort.abort();
  return [outcome, await left];
}"""


@pytest.mark.long
async def test_a_server_that_hangs_is_no_connection_in_time(bench: Bench) -> None:
    async def silent(_: Route) -> None: ...

    page = await bench.page()
    await bench.context.route("**/api/silent", silent)
    outcome, left = await page.evaluate(HANGING)
    assert (outcome["is"], outcome["problem"]["code"]) == ("later", "no_connection")
    assert left == "AbortError"


@pytest.mark.long
async def test_a_recording_outlives_every_answer_that_is_not_the_apis_own(bench: Bench) -> None:
    line = await Line([answers(case.status, case.body, **case.all_headers) for case in FOREIGN]).on(bench.context)
    page = await bench.page()
    await bench.add(page)
    for tries, _ in enumerate(FOREIGN, 1):
        await page.wait_for_function("(tries) => heard.some((e) => e.problem && e.attempts === tries)", arg=tries)
        await page.evaluate("recorder.retry()")
    accepted = await event(page, "accepted")
    assert accepted["attempts"] == len(FOREIGN) + 1 == len(line.keys)
    heard = await page.evaluate("heard")
    assert {one["state"] for one in heard} == {"kept", "sending", "accepted"}
    assert {one["problem"]["code"] for one in heard if one["problem"]} == {"no_connection"}


async def test_what_the_api_itself_refuses_is_refused_at_once(bench: Bench) -> None:
    page = await bench.page()
    for case in REFUSALS:
        line = await Line([answers(case.status, case.body, **case.all_headers)] * 2).on(bench.context)
        await page.evaluate("heard.length = 0")
        kept = await bench.add(page)
        refused = await event(page, "refused")
        assert (refused["problem"]["status"], refused["problem"]["code"]) == (case.status, case.code), case.name
        assert len(line.keys) == 1 + (case.status == 401), case.name
        await page.evaluate("(id) => recorder.discard(id)", kept["id"])
