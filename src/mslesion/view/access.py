"""Who may ask the viewer: the one who started it, from a page that the viewer served.

Other programs of this computer, other people on it, and pages of other sites open in the same
browser can all reach a port of the loopback address. So:

* a random token is asked of every request. It comes in the address that is printed, becomes a
  cookie at once (HttpOnly, SameSite=Strict), and the page's own address does not hold it;
* ``Host`` must name the loopback address, or a page could have its own name resolve to
  127.0.0.1 and read along (DNS rebinding, https://crypto.stanford.edu/dns/);
* what changes anything must come from the viewer's own page, by ``Origin``.
"""

from __future__ import annotations

import hmac
import secrets
from email.message import Message

ADDRESS = "127.0.0.1"
_NAMES = (ADDRESS, "localhost")
_HTTP_PORT = 80
_OWN_SITES = {"same-origin", "none"}
"""``Sec-Fetch-Site`` of what the viewer's page asks for, and of an address that is typed in."""


class Access:
    """Decides on requests by their headers alone."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._token = secrets.token_urlsafe(32)
        self._launch_keys: set[str] = set()

    @property
    def url(self) -> str:
        """The address to open, with the token."""
        return f"http://{ADDRESS}:{self._port}/?token={self._token}"

    def launch_url(self) -> str:
        """An address that opens once: programs' arguments can be read by others on the computer."""
        key = secrets.token_urlsafe(32)
        self._launch_keys.add(key)
        return f"http://{ADDRESS}:{self._port}/?token={key}"

    def is_own_host(self, headers: Message) -> bool:
        """Whether the request was meant for the loopback address, on this port."""
        own = {f"{name}:{self._port}" for name in _NAMES}
        if self._port == _HTTP_PORT:  # which browsers leave out
            own |= set(_NAMES)
        return headers.get("Host", "") in own

    def is_own_page(self, headers: Message) -> bool:
        """Whether the request comes from a page of the viewer, where the browser tells."""
        origin = headers.get("Origin")
        return (origin is None or origin == f"http://{headers.get('Host', '')}") and headers.get(
            "Sec-Fetch-Site", "none"
        ) in _OWN_SITES

    def may_change(self, headers: Message) -> bool:
        """Whether the request surely comes from a page of the viewer."""
        return "Origin" in headers and self.is_own_page(headers)

    def admits(self, token: str) -> bool:
        """Whether this is the token, or a key for one use, which is then used up."""
        if token in self._launch_keys:
            self._launch_keys.discard(token)
            return True
        return _is_same(token, self._token)

    def is_admitted(self, headers: Message) -> bool:
        """Whether the cookie holds the token, whatever stands beside it.

        Cookies of other servers on this computer come along, of which some are no proper ones.
        """
        pairs = (part.strip().partition("=") for part in headers.get("Cookie", "").split(";"))
        return any(
            name == self._cookie and _is_same(value, self._token) for name, _, value in pairs
        )

    @property
    def set_cookie(self) -> str:
        """The header that hands the token over for later requests; ends with the browser."""
        return f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"

    @property
    def _cookie(self) -> str:
        # Cookies do not know ports: two viewers in one browser would overwrite each other's.
        return f"mslesion_view_{self._port}"


def _is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())
