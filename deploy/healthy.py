"""`python -m deploy.healthy`, the health check of a container: exit with 0 if what `deploy.serve` serves is in order.

With a host name in SITE_ADDRESS the line answers by https only, whose certificate is of no concern here.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import sys

ANSWER_WITHIN_S = 4.0


def main() -> None:
    """Ask for /healthz over the loopback; exit with its answer and 1 unless it is 200."""
    site = os.environ.get("SITE_ADDRESS", "http://").removeprefix("https://").split("/")[0].split(":")[0]
    by_http = site in ("", "http")
    port = int(os.environ.get("PORT", "8000") if by_http else os.environ.get("HTTPS_PORT", "443"))
    connection = http.client.HTTPConnection("127.0.0.1" if by_http else site, port, timeout=ANSWER_WITHIN_S)
    try:
        if not by_http:
            unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
            plain = socket.create_connection(("127.0.0.1", port), ANSWER_WITHIN_S)
            connection.sock = unverified.wrap_socket(plain, server_hostname=site)
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"Nothing answers on port {port}: {error}")
    if answer.status != http.client.OK:
        sys.exit(f"{answer.status} {said}")


if __name__ == "__main__":
    main()
