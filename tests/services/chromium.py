"""I/O: a real Chromium without a screen, driven by selenium through a chromedriver of our own."""

import os
from pathlib import Path

from selenium import webdriver

from tests.services.ports import free_port
from tests.services.process import ServerProcess, find_programs


class Chromium:
    """A browser with an empty profile; `driver` is selenium's."""

    def __init__(self, folder: Path) -> None:
        """Start the browser with its profile in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        browser, program = find_programs("chromium", "chromedriver")
        port = free_port()
        self.process = ServerProcess([program, f"--port={port}"], [port], folder / "chromedriver.log")
        self.process.start()
        self.log_tail = self.process.log_tail
        try:
            self.driver = webdriver.Remote(f"http://127.0.0.1:{port}", options=_options(browser, folder))
        except Exception:
            self.process.kill()
            raise

    def close(self) -> None:
        """End the browser."""
        try:
            self.driver.quit()
        finally:
            self.process.kill()


def _options(browser: str, folder: Path) -> webdriver.ChromeOptions:
    """Return the options of a browser without a screen and without connections to other machines."""
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    options.add_argument("--headless=new")
    # a browser on a pipe ends with its chromedriver, also when that is killed
    options.add_argument("--remote-debugging-pipe")
    options.add_argument(f"--user-data-dir={folder / 'profile'}")
    options.add_argument("--disable-dev-shm-usage")
    options.add_argument("--disable-background-networking")
    options.add_argument("--no-first-run")
    options.add_argument("--window-size=1280,1000")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    return options
