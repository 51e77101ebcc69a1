"""The package as others install it: packed by npm, built by Vite, run in React's StrictMode, judged by npm's tools."""

import gzip
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from scripts.stack.layout import ROOT
from tests.browser import examples
from tests.browser.bench import Bench
from tests.browser.engines import in_both
from tests.browser.faults import put
from tests.browser.watching import Watched
from tests.system import live

pytestmark = pytest.mark.soak

CONSUMER = ROOT / "tests" / "browser" / "consumer"
NAME = "viva-voce-recorder"
NEEDED = "The package's tests need npm with Node.js 20.19 or later, and npm's registry within reach. {}"
MOST_BYTES = 12_000
REACTS = ("react18", "react19")


def run(*command: str, folder: Path) -> str:
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, f"{' '.join(command)}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@dataclass(frozen=True)
class Installed:
    """Somebody else's frontends, with the package in each."""

    folder: Path
    packed: Path

    @classmethod
    def into(cls, folder: Path) -> "Installed":
        if not shutil.which("npm"):
            pytest.fail(NEEDED.format("There is no npm."), pytrace=False)
        shutil.copytree(CONSUMER, folder, ignore=shutil.ignore_patterns("node_modules"))
        try:
            run("npm", "ci", folder=folder)
        except AssertionError as failed:
            pytest.fail(NEEDED.format(failed), pytrace=False)
        run("npm", "pack", "--pack-destination", str(folder), folder=ROOT / "web")
        installed = cls(folder, next(folder.glob(f"{NAME}-*.tgz")))
        for place in (folder, *(folder / react for react in REACTS)):
            installed._unpack(place / "node_modules" / NAME)
        return installed

    def _unpack(self, place: Path) -> None:
        with tarfile.open(self.packed) as packed:
            packed.extractall(place.with_name("unpacked"), filter="data")
        place.with_name("unpacked").joinpath("package").rename(place)

    def tool(self, name: str, *arguments: str, at: str = ".") -> str:
        return run(str(self.folder / "node_modules" / ".bin" / name), *arguments, folder=self.folder / at)

    def built(self, react: str) -> Path:
        """The app of this React, with the documentation's example in it."""
        app = self.folder / react
        for name in ("index.html", "vite.config.js"):
            shutil.copy(self.folder / name, app)
        shutil.copytree(self.folder / "src", app / "src", dirs_exist_ok=True)
        (app / "src" / "Answer.jsx").write_text(examples.REACT)
        run("env", "NODE_ENV=development", str(self.folder / "node_modules/.bin/vite"), "build", folder=app)
        return app / "dist"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed.into(tmp_path_factory.mktemp("installed") / "consumer")


@pytest.fixture(scope="module", params=REACTS)
def app(request: pytest.FixtureRequest, installed: Installed) -> Path:
    return installed.built(request.param)


@pytest.fixture
async def bench(context: BrowserContext, stack: live.Stack) -> Bench:
    return await Bench.made(context, stack)


async def shown(app: Path, bench: Bench, example: str) -> Page:
    async def built(route: Route) -> None:
        path = route.request.url.partition("/app/")[2].partition("?")[0] or "index.html"
        await route.fulfill(path=app / path)

    async def token(route: Route) -> None:
        await route.fulfill(body=bench.token, content_type="text/plain")

    await bench.context.route("**/app/**", built)
    await bench.context.route("**/my/token", token)
    page = await bench.context.new_page()
    await page.goto(f"/app/?session={bench.session}&{example}")
    return page


@in_both
@pytest.mark.parametrize("example", ["as-it-comes", "own"])
async def test_the_example_records_and_sends_in_strict_mode(
    app: Path, bench: Bench, watched: Watched, example: str
) -> None:
    page = await shown(app, bench, example)
    await page.get_by_role("button", name="Record").click()
    stop = page.get_by_role("button", name="Stop")
    await expect(stop).to_be_visible()
    await page.wait_for_timeout(1200)
    await stop.click()
    await expect(page.locator("output")).to_have_text("q1: accepted")
    await expect(page.get_by_role("button", name="Record")).to_be_enabled()


@in_both
async def test_the_next_question_ends_the_recording_of_the_one_before(
    app: Path, bench: Bench, watched: Watched
) -> None:
    page = await shown(app, bench, "as-it-comes")
    await page.get_by_role("button", name="Record").click()
    await expect(page.locator(".stored")).to_be_visible()
    await page.get_by_role("button", name="Next").click()
    await expect(page.locator("output")).to_have_text("q1: accepted")
    await page.get_by_role("button", name="Record").focus()
    for _ in range(3):
        await page.keyboard.down("Enter")  # held
    await page.keyboard.up("Enter")
    await expect(page.locator(".stored")).to_be_visible()
    await page.get_by_role("button", name="Stop").click()
    await expect(page.locator("output")).to_have_text("q2: accepted")


@in_both
async def test_a_browser_that_asks_unseen_is_told_of_and_can_be_left_unanswered(
    app: Path, bench: Bench, watched: Watched
) -> None:
    page = await shown(app, bench, "as-it-comes")
    await page.clock.install()
    await put(page, "microphoneAsks")
    await page.get_by_role("button", name="Record").click()
    await page.clock.run_for(1100)
    await expect(page.locator("[role=status]")).to_contain_text(
        "The browser asks whether this page may use the microphone"
    )
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("button", name="Record")).to_be_enabled()
    await expect(page.locator("[role=status]")).to_be_empty()


def test_the_package_holds_what_it_names_and_nothing_else(installed: Installed) -> None:
    with tarfile.open(installed.packed) as packed:
        names = {name.removeprefix("package/") for name in packed.getnames()}
    assert {"package.json", "README.md", "recorder.js", "recorder.d.ts", "faults.d.ts", "react/recorder.d.ts"} <= names
    assert {name.split("/")[0].split(".")[0] for name in names} == {
        *("package", "README", "recorder", "answers", "react", "faults")
    }


def test_tools_that_know_packages_find_no_fault(installed: Installed) -> None:
    installed.tool("publint", str(installed.packed), "--strict")
    installed.tool("attw", str(installed.packed), "--profile", "esm-only")


@pytest.mark.parametrize("react", REACTS)
def test_a_typescript_project_has_types_for_everything(installed: Installed, react: str) -> None:
    app = installed.folder / react
    shutil.copy(installed.folder / "tsconfig.json", app)
    shutil.copytree(installed.folder / "src", app / "src", dirs_exist_ok=True)
    for module in ("nodenext", "esnext"):
        resolution = ("--moduleResolution", "bundler") if module == "esnext" else ()
        installed.tool("tsc", "--module", module, *resolution, at=react)


def test_the_modules_own_code_has_the_types_that_it_says(installed: Installed) -> None:
    checked = installed.folder / "react19" / "checked"
    shutil.copytree(installed.folder / "react19" / "node_modules" / NAME, checked)
    files = [f"checked/{name}" for name in ("recorder.js", "faults.js", "react/recorder.js")]
    options = ("--allowJs", "--checkJs", "--strict", "--noEmit", "--target", "es2024", "--module", "nodenext")
    libraries = ("--lib", "es2024,dom,dom.iterable", "--types", "", "--ignoreConfig")
    installed.tool("tsc", *options, *libraries, *files, at="react19")


def test_all_of_the_recorder_has_the_size_that_is_promised_at_most_in_a_bundle(installed: Installed) -> None:
    """Minified by Vite and gzipped: the recorder with everything that it imports, without React."""
    installed.tool("vite", "build", "--config", "size.config.js")
    size = len(gzip.compress((installed.folder / "size" / "recorder.js").read_bytes(), 9))
    print(f"The recorder has {size} bytes, minified and gzipped.")
    assert 4_000 < size <= MOST_BYTES
