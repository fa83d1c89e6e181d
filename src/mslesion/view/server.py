"""The server of the viewer: on the loopback address, for whoever has its token, and nothing else.

Nothing in a request becomes a path. What can be asked for stands in a table of routes: the
page's own files, read once when the server starts, and scans by the id that the list gives them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from socketserver import TCPServer
from threading import Semaphore
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from mslesion.errors import MslesionError, OutputError, UnforeseenError, UsageError
from mslesion.view.access import ADDRESS, Access
from mslesion.view.opened import told
from mslesion.view.review import StaleReviewError
from mslesion.view.session import BadRequestError, Session, UnknownScanError

MOST_BODY_BYTES = 2**20
"""A review of ten thousand lesions takes a quarter of this."""

MOST_CONNECTIONS = 64
"""A browser opens six. Whoever can reach the port can hold connections open, token or not."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Scripts and styles of the viewer's own files alone, nothing from outside, no markup from text.

``data:`` images are the letters that NiiVue draws with.
"""

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".bin": "application/octet-stream",
    ".txt": "text/plain; charset=utf-8",
}
_GO_ON = (
    b"<!doctype html><meta charset=utf-8><title>mslesion view</title>"
    b"<link rel=icon href='/static/icon.svg'>"  # or a browser asks for /favicon.ico
    b"<meta http-equiv=refresh content='0; url=/'><a href='/'>Go on to the viewer</a>\n"
)
"""No redirection: after one, a browser that came from a link of another site sends no cookie."""

_PAGE_FILES = (
    "index.html", "app.js", "list.js", "scan.js", "pictures.js", "review.js", "keys.js", "dom.js",
    "style.css", "icon.svg", "niivue/niivue.umd.js", "niivue/LICENSE.txt",
)  # fmt: skip


class Reply(NamedTuple):
    """An answer: status, content type by ending, content, further headers."""

    status: HTTPStatus
    ending: str
    content: bytes
    headers: Mapping[str, str] = {}


def _json(status: HTTPStatus, value: object) -> Reply:
    return Reply(status, ".json", json.dumps(value, allow_nan=False).encode())


def _refusal(status: HTTPStatus, why: str) -> Reply:
    return Reply(status, ".txt", f"{why}\n".encode())


@dataclass(frozen=True)
class _Route:
    """Requests by method and path, and what answers them: the groups of the path, the body."""

    method: str
    path: re.Pattern[str]
    answer: Callable[..., Reply]


class _App:
    """Answers requests that were let in."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._page = _read_page()
        scan = "/api/scans/([0-9a-f]{12})"
        self._routes = (
            _Route("GET", re.compile("/"), lambda _: self._page_file("index.html")),
            _Route("GET", re.compile("/favicon[.]ico"), lambda _: self._page_file("icon.svg")),
            _Route("GET", re.compile("/static/([a-z/.]{1,40})"), self._static),
            _Route("GET", re.compile("/api/scans"), self._list),
            _Route("GET", re.compile(scan), self._scan),
            _Route("GET", re.compile(scan + "/(scan|mask|probability)[.]nii"), self._volume),
            _Route("GET", re.compile(scan + "/(labels)[.]bin"), self._volume),
            _Route("PUT", re.compile(scan + "/review"), self._save),
            _Route("DELETE", re.compile(scan + "/review"), self._discard),
        )

    def answer(self, method: str, path: str, body: bytes) -> Reply:
        """The answer to a request; whatever goes wrong has one."""
        matching = [(r, m) for r in self._routes if (m := r.path.fullmatch(path))]
        if not matching:
            return _refusal(HTTPStatus.NOT_FOUND, "There is nothing here.")
        for route, match in matching:
            if route.method == method:
                return _answered(partial(route.answer, *match.groups(), body))
        return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, "This cannot be done here.")

    def _page_file(self, name: str) -> Reply:
        return Reply(HTTPStatus.OK, Path(name).suffix, self._page[name])

    def _static(self, name: str, _body: bytes) -> Reply:
        if name not in self._page:
            return _refusal(HTTPStatus.NOT_FOUND, "There is nothing here.")
        return self._page_file(name)

    def _list(self, _body: bytes) -> Reply:
        return _json(HTTPStatus.OK, self._session.listing())

    def _scan(self, scan_id: str, _body: bytes) -> Reply:
        return _json(HTTPStatus.OK, self._session.scan(scan_id))

    def _volume(self, scan_id: str, kind: str, _body: bytes) -> Reply:
        return Reply(HTTPStatus.OK, ".bin", self._session.volume(scan_id, kind))

    def _save(self, scan_id: str, body: bytes) -> Reply:
        return _json(HTTPStatus.OK, self._session.save(scan_id, _parsed(body)))

    def _discard(self, scan_id: str, body: bytes) -> Reply:
        return _json(HTTPStatus.OK, self._session.discard(scan_id, _parsed(body)))


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequestError("the body is no JSON") from None


def _answered(answer: Callable[[], Reply]) -> Reply:
    """An answer, or the error that came in its place."""
    try:
        return answer()
    except UnknownScanError:
        return _refusal(HTTPStatus.NOT_FOUND, "There is no such scan.")
    except BadRequestError as error:
        return _refusal(HTTPStatus.BAD_REQUEST, f"Not understood: {error}.")
    except MslesionError as error:
        status = next(status for kind, status in _STATUS if isinstance(error, kind))
        return _json(status, told(error))
    except Exception as error:  # noqa: BLE001 - the page must hear of our mistakes too
        return _json(HTTPStatus.INTERNAL_SERVER_ERROR, told(UnforeseenError.of(error)))


_STATUS: tuple[tuple[type[MslesionError], HTTPStatus], ...] = (
    (StaleReviewError, HTTPStatus.CONFLICT),
    (OutputError, HTTPStatus.INSUFFICIENT_STORAGE),
    (MslesionError, HTTPStatus.UNPROCESSABLE_ENTITY),
)
"""The first that fits; the page tells a conflict, which it can mend, from all else."""


def _read_page() -> dict[str, bytes]:
    root = files("mslesion.view") / "static"
    return {name: root.joinpath(*name.split("/")).read_bytes() for name in _PAGE_FILES}


class _Handler(BaseHTTPRequestHandler):
    """Reads requests, turns away those of others, writes answers."""

    protocol_version = "HTTP/1.1"
    server_version = "mslesion"
    sys_version = ""
    timeout = 60
    server: _Server

    def do_GET(self) -> None:
        """Give something."""
        self._handle(b"")

    do_HEAD = do_POST = do_PATCH = do_OPTIONS = do_GET

    def do_PUT(self) -> None:
        """Change something."""
        refusal = self._refused() or self._body_refused()
        if refusal is None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) == length:
                self._handle(body)
                return
            refusal = _refusal(HTTPStatus.BAD_REQUEST, "The body ended early.")
        self.close_connection = True  # what was not read would be taken for the next request
        self._send(refusal)

    do_DELETE = do_PUT

    def log_message(self, *_args: object) -> None:
        """Keep quiet: addresses hold the token, and names of scans are nobody's business."""

    def send_error(self, code: int, *_args: object) -> None:
        """Answer what cannot be understood without repeating any of it."""
        self.close_connection = True
        with suppress(ValueError):
            self._send(_refusal(HTTPStatus(code), "Not understood."))

    def _body_refused(self) -> Reply | None:
        """Why the body of a change is not even read; None where it may be."""
        length = self.headers.get("Content-Length", "")
        if not self.server.access.may_change(self.headers):
            return _refusal(HTTPStatus.FORBIDDEN, "Only the viewer's own page may do this.")
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,18}", length):
            return _refusal(HTTPStatus.LENGTH_REQUIRED, "The length of the body is needed.")
        if int(length) > MOST_BODY_BYTES:
            return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large.")
        if self.headers.get("Content-Type", "").split(";")[0].strip() != "application/json":
            return _refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must be JSON.")
        return None

    def _handle(self, body: bytes) -> None:
        if self.command not in {"PUT", "DELETE"} and (
            "Content-Length" in self.headers or "Transfer-Encoding" in self.headers
        ):
            self.close_connection = True
        method = "GET" if self.command == "HEAD" else self.command
        reply = self._refused() or self._entry()
        if reply is None:
            reply = self.server.app.answer(method, self.path, body)
        self._send(reply)

    def _refused(self) -> Reply | None:
        """Why this request is turned away before it is looked at; None where it is not."""
        access = self.server.access
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or not access.is_own_host(self.headers):
            return _refusal(HTTPStatus.MISDIRECTED_REQUEST, "This is not the address of a viewer.")
        if not access.is_own_page(self.headers) and self._token() is None:
            return _refusal(HTTPStatus.FORBIDDEN, "Other sites may not ask this viewer.")
        if not access.is_admitted(self.headers) and self._token() is None:
            return _refusal(
                HTTPStatus.FORBIDDEN,
                "Open the address that 'mslesion view' printed, token included.",
            )
        return None

    def _entry(self) -> Reply | None:
        """Take the token out of the address and into a cookie; None for all other addresses."""
        token = self._token()
        if token is None:
            return None
        if not self.server.access.admits(token):
            return _refusal(HTTPStatus.FORBIDDEN, "This token is not that of the running viewer.")
        return Reply(HTTPStatus.OK, ".html", _GO_ON, {"Set-Cookie": self.server.access.set_cookie})

    def _token(self) -> str | None:
        if self.command not in {"GET", "HEAD"}:
            return None
        with suppress(ValueError):
            address = urlsplit(self.path)
            tokens = parse_qs(address.query, max_num_fields=4).get("token", [])
            if address.path == "/" and len(tokens) == 1:
                return tokens[0]
        return None

    def _send(self, reply: Reply) -> None:
        with suppress(ConnectionError, TimeoutError):  # whoever asked may have left
            self.send_response(reply.status)
            for name, value in {**_HEADERS, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Type", _TYPES[reply.ending])
            self.send_header("Content-Length", str(len(reply.content)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = False

    def __init__(self, port: int, session: Session) -> None:
        super().__init__((ADDRESS, port), _Handler)
        self.access = Access(self.server_port)
        self.app = _App(session)
        self._free = Semaphore(MOST_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, if there are not too many that wait for slow senders."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def server_bind(self) -> None:
        """Take the port; http.server would ask a name server who this computer is."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    def handle_error(self, *_args: object) -> None:
        """A connection that broke is no event."""


class Viewer:
    """A running viewer; :meth:`serve` answers until it is interrupted."""

    def __init__(self, server: _Server, scan_count: int, set_aside_count: int) -> None:
        self._server = server
        self.scan_count = scan_count
        self.set_aside_count = set_aside_count

    @property
    def url(self) -> str:
        """The address to open, with the token."""
        return self._server.access.url

    def launch_url(self) -> str:
        """An address that opens the viewer once, fit for the arguments of a program."""
        return self._server.access.launch_url()

    def serve(self) -> None:
        """Answer requests until KeyboardInterrupt, or until :meth:`stop` from another thread."""
        self._server.serve_forever(poll_interval=0.1)

    def stop(self) -> None:
        """End :meth:`serve`."""
        self._server.shutdown()


@contextmanager
def open_viewer(output: Path, *, scans: Sequence[Path] = (), port: int = 0) -> Iterator[Viewer]:
    """A viewer of what ``mslesion detect`` wrote into ``output``.

    ``scans`` are folders (or files) to look for the scans in; ``port`` 0 is any free one. At the
    end, what is being saved is saved before the port is given back.

    Raises:
        ResultsError: ``output`` is no output of ``mslesion detect``.
        UsageError: a folder of scans does not exist, or the port is taken.
    """
    for folder in scans:
        if not folder.exists():
            raise UsageError("does not exist", remedy="give another --scans", file=folder)
    session = Session(output, scans)
    listing = session.listing()
    try:
        server = _Server(port, session)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"port {port} cannot be had ({error})",
            remedy="choose another --port, or leave it out for any free one",
        ) from error
    try:
        yield Viewer(server, len(listing["scans"]), len(listing["set_aside"]))
    finally:
        session.finish()
        server.server_close()
