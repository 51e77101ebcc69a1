"""Runs the API: `python -m app.serve`. API_PROCESSES of them share one port, and what they count is told as one.

Several are children of one that only watches: it starts one anew that dies, and ends all in order. They have the
listening socket in common, so that what waits to be accepted is lost with none of them.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
from typing import Annotated

import typer
from prometheus_client.multiprocess import mark_process_dead
from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.config import Settings
from app.counts import counts_folder
from app.environment import set_for_children, settings_or_end, variables
from app.logs import configure_logs

# A child that answers nothing for so long is ended, and started anew.
HUNG_SECONDS = 30
# Proxies keep connections for what comes next: nginx and AWS for one minute, Caddy for two, Google for ten. Where one
# is closed here first, a request on its way is a 502 there. How many are kept is bounded in app.guarded_http.
KEPT_SECONDS = 620
PR_SET_PDEATHSIG = 1


def create_app() -> ASGIApp:
    """The API in one of several processes; what no second start would mend ends all of them."""
    from app.main import create_app as create

    _end_with_parent()
    try:
        return create()
    except SystemExit as end:
        sys.stderr.write(f"{end}\n")
        raise SystemExit(STARTUP_FAILURE) from None


class Processes(Multiprocess):
    """The one that watches."""

    def terminate_all(self) -> None:
        """Without its own hold on the socket nobody can connect to a server that stops."""
        for socket in self.sockets:
            socket.close()
        super().terminate_all()

    def init_processes(self) -> None:
        super().init_processes()
        self._hang_up()

    def keep_subprocess_alive(self) -> None:
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        self._hang_up()
        for pid in before - {process.pid for process in self.processes}:
            mark_process_dead(pid)  # type: ignore[no-untyped-call]

    def _hang_up(self) -> None:
        """Without its own hold on their ends of the lines it hears at once that one has died."""
        for process in self.processes:
            process.child_conn.close()


def serve(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at.")] = 8000,
    grace: Annotated[int, typer.Option(help="Seconds in which requests in flight may end at a stop.")] = 20,
) -> None:
    """Serve the API until SIGTERM. Behind a proxy, FORWARDED_ALLOW_IPS is the proxy's address."""
    settings = settings_or_end(Settings)
    several = settings.api_processes > 1
    config = Config(
        f"{'app.serve' if several else 'app.main'}:create_app",
        factory=True,
        host=host,
        port=port,
        workers=settings.api_processes,
        loop="uvloop",
        http="app.guarded_http:GuardedHttp",
        ws="app.guarded_ws:GuardedWebSocket",
        access_log=False,
        forwarded_allow_ips=variables().get("FORWARDED_ALLOW_IPS", ""),
        timeout_graceful_shutdown=grace,
        timeout_keep_alive=KEPT_SECONDS,
        timeout_worker_healthcheck=HUNG_SECONDS,
    )
    if several:
        _several(config, settings)
    else:
        _one(Server(config))


def _one(server: Server) -> None:
    server.config.load_app()
    server.run()
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)


def _several(config: Config, settings: Settings) -> None:
    """Which of them died, and when, is told as all else is; uvicorn's own way was chosen with `config`."""
    configure_logs(settings)
    with counts_folder() as counts:
        set_for_children("PROMETHEUS_MULTIPROC_DIR", str(counts))
        processes = Processes(config, [config.bind_socket()])
        processes.run()
    if any(process.exitcode == STARTUP_FAILURE for process in processes.processes):
        raise SystemExit(STARTUP_FAILURE)


def _end_with_parent() -> None:
    """Nobody would watch over this process, and its socket would keep the port from who comes next."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid != os.getppid():
        raise SystemExit("the process that watched over this one is gone")


if __name__ == "__main__":
    typer.run(serve)
