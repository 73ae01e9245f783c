"""Chromium without a window, driven over a pipe in the DevTools protocol by what Python brings along."""
import base64
import json
import os
import select
import subprocess
import tempfile
import time

FLAGS = [
    "--headless=new", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--disable-gpu",
    "--disable-extensions", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--force-color-profile=srgb", "--disable-dev-shm-usage",
]


class Browser:
    """One Chromium with one page. `events` are what it said since `open`."""

    def __init__(self, program, limit=30):
        self.limit = limit
        self.number = 0
        self.events = []
        self.rest = b""
        self.profile = tempfile.TemporaryDirectory(prefix="dellad-chromium-")
        to_read, self.to_write = os.pipe()
        self.to_hear, to_say = os.pipe()
        flags = FLAGS + [f"--user-data-dir={self.profile.name}"]
        # As root, in a container say, Chromium refuses to run with its sandbox.
        if os.geteuid() == 0:
            flags.append("--no-sandbox")

        def place():
            # The protocol is spoken on descriptors 3 and 4. Either may be what the other is to become.
            read, write = os.dup(to_read), os.dup(to_say)
            high = [os.dup2(read, 60, True), os.dup2(write, 61, True)]
            os.dup2(high[0], 3, True)
            os.dup2(high[1], 4, True)

        self.process = subprocess.Popen(
            [program, *flags, "about:blank"], preexec_fn=place, close_fds=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_say)
        pages = [t for t in self.call("Target.getTargets", session=None)["targetInfos"] if t["type"] == "page"]
        attached = self.call(
            "Target.attachToTarget", {"targetId": pages[0]["targetId"], "flatten": True}, session=None)
        self.session = attached["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network"]:
            self.call(f"{domain}.enable")

    def close(self):
        """Ends the browser, which this object started."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.profile.cleanup()

    def call(self, method, parameters=None, session=""):
        """What the browser answers. Events that come before go to `events`."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters or {}}
        if session is not None:
            message["sessionId"] = self.session
        os.write(self.to_write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + self.limit
        while True:
            heard = self.hear(end)
            if heard.get("id") == message["id"]:
                if "error" in heard:
                    raise RuntimeError(f"{method}: {heard['error']['message']}")
                return heard["result"]
            self.events.append(heard)

    def hear(self, end):
        """The next message."""
        while b"\0" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.to_hear], [], [], left)[0]:
                raise TimeoutError(f"Chromium said nothing for {self.limit} s")
            read = os.read(self.to_hear, 1 << 20)
            if not read:
                raise RuntimeError("Chromium ended")
            self.rest += read
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def open(self, address, width, height, dark=False, scripts=True):
        """Opens a page, and says how many seconds that took, until it was laid out."""
        self.call("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
        self.call("Emulation.setEmulatedMedia", {
            "media": "", "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        self.call("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        self.events = []
        begun = time.monotonic()
        self.call("Page.navigate", {"url": address})
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self.hear(begun + self.limit))
        if scripts:
            self.evaluate("document.documentElement.getBoundingClientRect().height")
        return time.monotonic() - begun

    def evaluate(self, expression):
        """The value of an expression in the page."""
        result = self.call("Runtime.evaluate", {
            "expression": expression, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def complaints(self):
        """Errors and warnings of the console, exceptions, and requests for anything but the file itself."""
        found = []
        requests = []
        for event in self.events:
            method, values = event.get("method"), event.get("params", {})
            if method == "Runtime.consoleAPICalled":
                found.append(f"console: {[a.get('value') for a in values['args']]}")
            elif method == "Runtime.exceptionThrown":
                found.append(f"exception: {values['exceptionDetails'].get('text')}")
            elif method == "Log.entryAdded":
                found.append(f"log: {values['entry']['text']}")
            elif method == "Network.requestWillBeSent":
                requests.append(values["request"]["url"])
        return found, requests

    def picture(self, path, limit=12000):
        """Leaves a picture of the whole page, down to `limit`."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], limit), "scale": 1}
        shot = self.call("Page.captureScreenshot", {"format": "png", "clip": clip, "captureBeyondViewport": True})
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def print_pdf(self, path):
        """Leaves the page as it prints, on A4."""
        printed = self.call("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True})
        with open(path, "wb") as file:
            file.write(base64.b64decode(printed["data"]))
