"""`python -m deploy.asterisk.healthy`, the health check of the exchange: exit with 0 if it answers the line (ARI)."""

from __future__ import annotations

import base64
import os
import sys
import urllib.error
import urllib.request

ANSWER_WITHIN_S = 4.0


def main() -> None:
    """Ask ARI, which answers once Asterisk has started, with the line's account; exit with 1 unless it answers."""
    url = os.environ.get("ASTERISK_URL", "http://127.0.0.1:8288").rstrip("/")
    login = f"{os.environ.get('ASTERISK_USER', 'line')}:{os.environ.get('ASTERISK_PASSWORD', '')}"
    authorization = f"Basic {base64.b64encode(login.encode()).decode()}"
    request = urllib.request.Request(f"{url}/ari/asterisk/ping", headers={"Authorization": authorization})
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_WITHIN_S):
            print("The exchange answers.")
    except (urllib.error.URLError, TimeoutError) as error:
        sys.exit(f"The exchange does not answer: {error}")


if __name__ == "__main__":
    main()
