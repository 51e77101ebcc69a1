"""The pages, the files they are made of, and the tokens of those who visit the demo page."""

import re
from pathlib import Path

import pytest

from routes import pages
from routes.dependencies import Guests
from services.adapters.jwt_tokens import JwtTokens, mint
from services.interviews.model import UserId, Viewer
from tests.routes.api import USERS, Api, problem

WEB = Path(__file__).parents[2] / "web"
SECRET = "a secret of a good length for tests"
GUESTS = Guests(lambda user: mint(SECRET, user, seconds=60), 60, 900.0)


async def test_the_demo_page_is_shown_where_it_is_wanted_alone() -> None:
    async with Api(guests=GUESTS).client(None) as client:
        answer = await client.get("/")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.text == (WEB / "index.html").read_text()
        assert (await client.head("/")).status_code == 200
    async with Api().client(None) as client:
        assert problem(await client.get("/")) == (404, "not_found")
        assert problem(await client.post("/local/token")) == (404, "not_found")
        assert (await client.get("/web/recorder.js")).status_code == 200


async def test_pages_run_nothing_that_comes_from_elsewhere() -> None:
    async with Api(guests=GUESTS).client(None) as client:
        for path in ("/", "/web/index.html", "/web/recorder.js", "/web/style.css"):
            headers = (await client.get(path)).headers
            policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
            assert policy["default-src"] == "'none'"
            assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
            assert policy["frame-ancestors"] == "'none'"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
    page = (WEB / "index.html").read_text()
    assert "style=" not in page
    assert "://" not in page


async def test_modules_have_the_type_that_browsers_ask_for() -> None:
    async with Api().client(None) as client:
        types = {path: (await client.get(path)).headers["content-type"] for path in ("/web/demo.js", "/web/style.css")}
        assert types == {"/web/demo.js": "text/javascript; charset=utf-8", "/web/style.css": "text/css; charset=utf-8"}


async def test_a_page_is_kept_and_asked_for_again() -> None:
    async with Api().client(None) as client:
        first = await client.get("/web/recorder.js")
        assert first.headers["cache-control"] == "no-cache"
        again = await client.get("/web/recorder.js", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert "content-security-policy" in again.headers


@pytest.mark.parametrize(
    "path",
    ["../app/config.py", "..%2fapp%2fconfig.py", "%2e%2e/app/config.py", "....//app/config.py",
     "recorder/../../Makefile", "/etc/passwd", "%2fetc%2fpasswd", "recorder", "nothing.js", "x%00.js",
     "..%5capp%5cconfig.py"],
)  # fmt: skip
async def test_no_file_outside_the_folder_is_given(path: str) -> None:
    async with Api(guests=GUESTS).client(None) as client:
        assert problem(await client.get(f"/web/{path}")) == (404, "not_found")


async def test_a_link_that_leads_out_of_the_folder_is_not_followed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "secret.js").write_text("secret")
    (tmp_path / "web" / "link.js").symlink_to(tmp_path / "secret.js")
    monkeypatch.setattr(pages, "FILES", type(pages.FILES)(directory=tmp_path / "web"))
    async with Api().client(None) as client:
        assert problem(await client.get("/web/link.js")) == (404, "not_found")


async def test_each_visitor_gets_a_user_of_its_own_that_is_no_admin() -> None:
    tokens = JwtTokens(secret=SECRET)
    async with Api(guests=GUESTS).client(None) as client:
        given = [(await client.post("/local/token")) for _ in range(2)]
    assert all(answer.headers["cache-control"] == "no-store" for answer in given)
    viewers = [await tokens.verify(answer.json()["token"]) for answer in given]
    assert [viewer.user_id for viewer in viewers] == [answer.json()["user_id"] for answer in given]
    assert viewers[0].user_id != viewers[1].user_id
    assert not any(viewer.is_admin for viewer in viewers)
    assert (given[0].json()["expires_in"], given[0].json()["longest_seconds"]) == (60, 900)


async def test_a_guest_stays_the_same_while_its_token_is_valid_and_nobody_else_becomes_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(USERS, "guest", Viewer(UserId("guest-1")))
    users = {}
    for who in ("guest", "alice", "expired"):
        async with Api(guests=GUESTS).client(who) as client:
            users[who] = (await client.post("/local/token")).json()["user_id"]
    assert users["guest"] == "guest-1"
    assert len({*users.values()}) == 3
    assert users["alice"].startswith("guest-")


async def test_tokens_are_counted_by_address() -> None:
    api = Api(guests=GUESTS)
    async with api.client(None) as client:
        api.house.limits.left["address"] = 0
        answer = await client.post("/local/token")
    assert problem(answer) == (429, "rate_limited")
    assert answer.headers["retry-after"] == "7"


async def test_the_documentation_is_of_our_own_files_and_of_no_others() -> None:
    async with Api().client(None) as client:
        for path in ("/docs", "/redoc"):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert "script-src 'self'" in answer.headers["content-security-policy"]
            assert "//" not in answer.text.replace("<!doctype html>", "")
            for name in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
                assert (await client.get(f"/{name}")).status_code == 200, name
        for name in ("__init__.py", "..%2f__init__.py", "favicon.png", "nothing.js"):
            assert problem(await client.get(f"/reference/{name}"))[0] == 404


async def test_pages_find_their_files_under_a_prefix() -> None:
    async with Api(guests=GUESTS).client(None) as client:
        for path in ("/", "/admin", "/docs", "/redoc"):
            page = (await client.get(path)).text
            named = re.findall(r'(?:src|href)="([^"]+)"', page)
            assert named
            assert [name for name in named if name.startswith("/")] == [], path
    for script in WEB.rglob("*.js"):
        assert not re.search(r"""(?:fetch|EventSource|WebSocket)\(\s*["'`]/""", script.read_text()), script
