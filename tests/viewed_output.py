"""What ``mslesion detect`` would have written, made by hand, and a viewer on it, for tests."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from made_up_detection import detection_of, oblique_scan
from mslesion.pipeline import view
from mslesion.read.detections import DetectionFiles
from mslesion.read.side_files import file_sha256
from mslesion.view.server import Viewer
from mslesion.write.detection import write_detection
from mslesion.write.nifti import write_nifti

LESION_COUNT = 2
"""Of the made-up detection."""


def write_scan(folder: Path, name: str = "sub-1", axis_codes: str = "LPS") -> Path:
    """The made-up scan as a file; its axes run in another order than the page's."""
    scan = oblique_scan(axis_codes)
    path = folder / f"{name}_FLAIR.nii.gz"
    stored = scan.to_stored_order(scan.voxels)
    write_nifti(path, stored, scan.stored_grid.affine_vox_to_ras)
    return path


def write_output(folder: Path, name: str = "sub-1", scan: Path | None = None) -> DetectionFiles:
    """The files of a detection with two lesions; of ``scan``, where one is given."""
    source = oblique_scan("LPS", scan)
    sha256 = "cd" * 32 if scan is None else file_sha256(scan)
    detection = detection_of(source, name, input_sha256=sha256)
    return write_detection(replace(detection, warnings=("noise is strong",)), folder)


class _PlainConnection(http.client.HTTPConnection):
    """Sends a path as it is given, ASCII or not."""

    def _encode_request(self, request: str) -> bytes:
        return request.encode("latin-1")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Client:
    """Asks a viewer as its page would; ``host`` and ``cookie`` can be forged."""

    port: int
    token: str
    cookie: str = ""

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request; header values of '' are left out."""
        host = f"127.0.0.1:{self.port}"
        sent = {"Host": host, "Cookie": self.cookie, **(headers or {})}
        if body is not None:
            sent = {"Origin": f"http://{host}", "Content-Type": "application/json", **sent}
            sent.setdefault("Content-Length", str(len(body)))
        connection = _PlainConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                if value:
                    connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """One request that changes nothing."""
        return self.ask("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def log_in(self) -> Answer:
        """Open the printed address, and keep the cookie."""
        answer = self.get(f"/?token={self.token}")
        self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        return answer

    def scan_ids(self) -> dict[str, str]:
        """The id of each scan in the list, by its name."""
        return {scan["name"]: scan["id"] for scan in self.get("/api/scans").value["scans"]}

    def progress(self, name: str) -> dict[str, Any]:
        """How far the review of a scan is, as the list tells it."""
        scans = {scan["name"]: scan for scan in self.get("/api/scans").value["scans"]}
        return dict(scans[name]["reviewed"])

    def save(
        self, scan_id: str, decisions: Mapping[int, str], revision: str, **more: Any
    ) -> Answer:
        """Send a review."""
        value = {"decisions": decisions, "revision": revision, **more}
        return self.ask("PUT", f"/api/scans/{scan_id}/review", json.dumps(value).encode())


@contextmanager
def running(output: Path, **options: Any) -> Iterator[Viewer]:
    """A viewer that answers while the block runs."""
    with view(output, **options) as viewer:
        thread = threading.Thread(target=viewer.serve)
        thread.start()
        try:
            yield viewer
        finally:
            viewer.stop()
            thread.join()


def client_of(viewer: Viewer) -> Client:
    """A client that has the address, and has not opened it yet."""
    address = urlsplit(viewer.url)
    assert address.port is not None
    return Client(address.port, address.query.removeprefix("token="))


@contextmanager
def client_on(output: Path, **options: Any) -> Iterator[Client]:
    """A client that is let in by a viewer on ``output``."""
    with running(output, **options) as viewer:
        client = client_of(viewer)
        client.log_in()
        yield client
