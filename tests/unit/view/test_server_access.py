"""Who is let in by the viewer's server, and what the others get: nothing."""

from __future__ import annotations

import socket
import time
from email.message import Message
from pathlib import Path

import pytest

from mslesion.view import server
from mslesion.view.access import Access
from mslesion.view.server import MOST_BODY_BYTES
from viewed_output import client_of, client_on, running

PATHS = ("/", "/static/app.js", "/static/niivue/niivue.umd.js", "/api/scans")


def test_nothing_is_given_without_the_token(output: Path) -> None:
    """Neither page nor list, nor a scan by its right id; with the cookie all of them are."""
    with running(output) as viewer:
        client = client_of(viewer)
        client.log_in()
        scan_id = client.scan_ids()["sub-1"]
        stranger = client_of(viewer)
        paths = (*PATHS, f"/api/scans/{scan_id}", f"/api/scans/{scan_id}/mask.nii")
        for path in paths:
            refused = stranger.get(path)
            assert refused.status == 403, path
            assert b"sub-1" not in refused.body
            assert client.get(path).status == 200, path


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "%00", "é", "token=" * 9])
def test_a_wrong_token_opens_nothing(output: Path, token: str) -> None:
    """No cookie is handed out, whatever the token looks like."""
    with running(output) as viewer:
        client = client_of(viewer)
        from urllib.parse import quote

        for path in (f"/?token={quote(token)}", f"/?token={client.token}&token={client.token}"):
            answer = client.get(path)
            assert answer.status in {403, 404}
            assert "Set-Cookie" not in answer.headers
        cookie = f"mslesion_view_{client.port}={quote(token)}"
        assert client.get("/api/scans", Cookie=cookie).status == 403


def test_two_viewers_have_two_tokens_of_256_bits(output: Path) -> None:
    """A token of one viewer opens no other; cookies of both live side by side in a browser."""
    with running(output) as first, running(output) as second:
        one, other = client_of(first), client_of(second)
        assert one.token != other.token
        assert len(one.token) == 43
        one.log_in()
        other.log_in()
        assert other.get("/api/scans", Cookie=one.cookie).status == 403
        assert one.get("/api/scans", Cookie=f"{other.cookie}; {one.cookie}").status == 200


@pytest.mark.parametrize(
    "theirs", ['prefs={"a":1}', "version=1", "foo[bar]=1", "theme=dark mode", "", "=", "a;b=\u00e9"]
)
def test_cookies_of_other_servers_on_this_computer_lock_nobody_out(
    output: Path, theirs: str
) -> None:
    """Browsers send them along, the older ones first, and some are no proper cookies."""
    with client_on(output) as client:
        client.log_in()
        given = theirs.encode("latin-1").decode("latin-1")
        assert client.get("/api/scans", Cookie=f"{given}; {client.cookie}").status == 200
        assert client.get("/api/scans", Cookie=given).status == 403


def test_at_port_80_browsers_name_no_port() -> None:
    """The loopback names alone are the viewer's own there, and nowhere else."""
    for port, is_own in ((80, True), (8080, False)):
        headers = Message()
        headers["Host"] = "localhost"
        assert Access(port).is_own_host(headers) is is_own


def test_the_address_for_the_browser_opens_once(output: Path) -> None:
    """Arguments of programs can be read by others on the computer: a used key is worth nothing."""
    with running(output) as viewer:
        client = client_of(viewer)
        key = viewer.launch_url().partition("token=")[2]
        assert key != client.token
        assert client.get(f"/?token={key}").status == 200
        assert client.get(f"/?token={key}").status == 403


def test_the_token_goes_into_a_cookie_that_scripts_and_other_sites_cannot_use(
    output: Path,
) -> None:
    """HttpOnly and SameSite=Strict; the next address is without the token, and no referrer goes."""
    with running(output) as viewer:
        answer = client_of(viewer).log_in()
        assert answer.headers["Set-Cookie"].split("; ")[1:] == [
            "HttpOnly", "SameSite=Strict", "Path=/",
        ]  # fmt: skip
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert b"url=/'" in answer.body
        assert client_of(viewer).token.encode() not in answer.body


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:PORT", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:PORT",
     "0.0.0.0:PORT", "[::1]:PORT", "localhost.evil.example:PORT", "127.0.0.1:PORT@evil.example",
     ""],
)  # fmt: skip
def test_another_host_name_is_refused_even_with_the_token(output: Path, host: str) -> None:
    """As of a page whose name was made to lead to this computer (DNS rebinding)."""
    with client_on(output) as client:
        forged = host.replace("PORT", str(client.port))
        for path in ("/", "/api/scans", f"/?token={client.token}"):
            assert client.get(path, Host=forged).status == 421
        assert client.get("/api/scans", Host=f"localhost:{client.port}").status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Length": str(MOST_BODY_BYTES + 1)}, 413),
        ({"Content-Length": "99999999999"}, 413),
        ({"Content-Length": "-1"}, 411),
        ({"Content-Length": "two"}, 411),
        ({"Transfer-Encoding": "chunked"}, 411),
        ({"Cookie": "x=y"}, 403),
    ],
)
def test_a_change_must_come_from_the_page_itself(
    output: Path, headers: dict[str, str], status: int
) -> None:
    """Forged origins, forms of other sites and huge bodies are refused; nothing is written."""
    before = sorted(path.name for path in output.iterdir())
    with client_on(output) as client:
        path = f"/api/scans/{client.scan_ids()['sub-1']}/review"
        body = b'{"decisions": {"1": "accepted"}, "revision": ""}'
        for method in ("PUT", "DELETE"):
            assert client.ask(method, path, body, headers=headers).status == status
    assert sorted(path.name for path in output.iterdir()) == before


def test_a_huge_body_is_refused_before_it_is_read(output: Path) -> None:
    """The answer comes while the sender still has a terabyte to send."""
    with client_on(output) as client, socket.create_connection(("127.0.0.1", client.port)) as line:
        line.settimeout(10)
        host = f"127.0.0.1:{client.port}"
        line.sendall(
            f"PUT /api/scans/{'0' * 12}/review HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
            f"Cookie: {client.cookie}\r\nContent-Type: application/json\r\n"
            f"Content-Length: 1000000000000\r\n\r\n".encode()
        )
        assert line.recv(64).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("method", ["POST", "PATCH", "OPTIONS", "PUT", "DELETE", "TRACE", "X"])
def test_no_method_but_those_of_the_page_does_anything(output: Path, method: str) -> None:
    """The list can be read, and that is all."""
    with client_on(output) as client:
        assert client.ask(method, "/api/scans", b"{}").status in {405, 501}


def test_every_answer_forbids_what_a_page_of_ours_never_needs(output: Path) -> None:
    """Scripts of our own files alone, no outside source, no frame, no guessing of types."""
    with client_on(output) as client:
        ids = client.scan_ids()
        found = [client.get(path) for path in (*PATHS, f"/api/scans/{ids['sub-1']}/labels.bin")]
        refused = [client.get("/nothing"), client.get("/", Cookie="x=y"), client.get("/", Host="x")]
        for answer in (*found, *refused):
            policy = dict(
                directive.split(" ", 1)
                for directive in answer.headers["Content-Security-Policy"].split("; ")
            )
            assert policy["default-src"] == "'none'"
            assert policy["script-src"] == policy["connect-src"] == policy["style-src"] == "'self'"
            assert policy["img-src"] == "'self' data:"
            assert (
                policy["frame-ancestors"] == policy["form-action"] == policy["base-uri"] == "'none'"
            )
            assert "unsafe" not in str(policy)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert "Python" not in answer.headers["Server"]


def test_it_listens_on_the_loopback_address_alone(output: Path) -> None:
    """No other address of this computer answers on the port."""
    with running(output) as viewer:
        port = client_of(viewer).port
        assert viewer._server.server_address[0] == "127.0.0.1"
        names = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
        for name in names - {"127.0.0.1", "::1"}:
            with pytest.raises(OSError, match=r"."):
                socket.create_connection((str(name), port), timeout=2).close()


def test_garbage_instead_of_http_is_answered_or_dropped(output: Path) -> None:
    """A server that was sent nonsense answers the next request; nothing is repeated back."""
    with client_on(output) as client:
        for nonsense in (b"\x00" * 400, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01",
                         b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
                         b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n"):  # fmt: skip
            with socket.create_connection(("127.0.0.1", client.port)) as line:
                line.settimeout(10)
                line.sendall(nonsense)
                line.shutdown(socket.SHUT_WR)
                answer = b""
                try:
                    while more := line.recv(4096):
                        answer += more
                except ConnectionError:
                    pass
            assert b"aaaa" not in answer
            assert b"Traceback" not in answer
        assert client.get("/api/scans").status == 200


def test_two_host_headers_are_refused(output: Path) -> None:
    """Which of them a browser meant cannot be known."""
    with client_on(output) as client, socket.create_connection(("127.0.0.1", client.port)) as line:
        line.settimeout(10)
        line.sendall(
            f"GET /api/scans HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nHost: evil.example\r\n"
            f"Cookie: {client.cookie}\r\n\r\n".encode()
        )
        assert line.recv(64).startswith(b"HTTP/1.1 421 ")


def test_slow_senders_hold_up_nobody_and_are_not_let_in_without_end(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three half requests are waited for while others are answered; at four, no more are taken."""
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 4)
    with client_on(output) as client:
        lines = [socket.create_connection(("127.0.0.1", client.port)) for _ in range(3)]
        for line in lines:
            line.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert client.get("/api/scans").status == 200
        time.sleep(0.2)  # until the server has seen that this connection is closed
        with socket.create_connection(("127.0.0.1", client.port)) as fourth:
            fourth.sendall(b"GET / HTTP/1.1\r\nHost: ")
            time.sleep(0.2)
            with socket.create_connection(("127.0.0.1", client.port)) as fifth:
                fifth.settimeout(10)
                assert fifth.recv(1) == b""
        for line in lines:
            line.close()


def test_the_icon_is_where_browsers_look_for_it(output: Path) -> None:
    """Asked for /favicon.ico a page of nothing would be a complaint in the console."""
    with client_on(output) as client:
        assert client.get("/favicon.ico").status == 200
        assert b"/static/icon.svg" in client.get(f"/?token={client.token}").body
