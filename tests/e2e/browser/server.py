"""A JupyterLab server of our own: loopback, no token, every folder private, the environment's kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..waiting import wait_until

PROJECT = Path(__file__).parents[3]

CONFIG = {
    "ServerApp": {
        "ip": "127.0.0.1",
        "port": 0,  # the system chooses; the server's own info file tells which
        "open_browser": False,
        "password": "",
        "disable_check_xsrf": True,
        "allow_root": True,
        "terminals_enabled": False,
    },
    "IdentityProvider": {"token": ""},
    "LabApp": {
        "expose_app_in_browser": True,  # window.jupyterapp
        "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "extension_manager": "readonly",
    },
    "JupyterNotebookApp": {"expose_app_in_browser": True},
}

SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # All cells stay in the page, so that tests find them.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}


@dataclass(frozen=True)
class Server:
    url: str
    root: Path
    """Folder that the notebooks live in."""
    log: Path

    def ask(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(f"{self.url}{path}", method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def shut_kernels_down(self) -> None:
        for kernel in self.ask("/api/kernels"):
            self.ask(f"/api/kernels/{kernel['id']}", "DELETE")


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Start JupyterLab below an empty folder; end its kernels, then itself."""
    root = folder / "notebooks"
    root.mkdir()
    config = folder / "server.json"
    config.write_text(json.dumps(CONFIG))
    for plugin, values in SETTINGS.items():
        path = folder / "settings" / (plugin.replace(":", "/") + ".jupyterlab-settings")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))
    log = folder / "server.log"
    command = [sys.executable, "-m", "jupyterlab", f"--config={config}", f"--ServerApp.root_dir={root}"]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=root,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal ends the tests; they end the server
        )
    try:
        server = Server(address(process, folder / "runtime", log), root, log)
        yield server
        with suppress(urllib.error.URLError):
            server.shut_kernels_down()
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which nothing of the user's is read and nothing of theirs is written."""
    private = {
        name: str(folder / place)
        for name, place in {
            "HOME": "home",
            "IPYTHONDIR": "ipython",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        }.items()
    }
    (folder / "home").mkdir()
    beside = Path(sys.executable).parent
    return {
        **os.environ,
        **private,
        "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel of this environment, whatever the machine has
        "JUPYTER_PLATFORM_DIRS": "1",
        "PATH": f"{beside}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(PROJECT),
    }


def address(process: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """Return the URL of the server once it answers."""

    def answers() -> str | None:
        assert process.poll() is None, f"the server ended: {log.read_text()[-3000:]}"
        for info in runtime.glob("jpserver-*.json"):
            with suppress(OSError, ValueError):
                url: str = json.loads(info.read_text())["url"].rstrip("/")
                urllib.request.urlopen(f"{url}/api/status", timeout=2).read()
                return url
        return None

    return wait_until(answers, "the server answers", timeout=60)
