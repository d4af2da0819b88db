"""Two simulators at once: the application knows one REST address, so the simulator there forwards requests about calls
of its peers.

While the demo's own simulator holds the port, a scripted call serves its REST interface elsewhere and registers here.
"""

from __future__ import annotations

import requests
from flask import Flask, Response, request

from simulator.account import Account

PATH = "/peers"
REQUEST_TIMEOUT_S = 5.0
NOT_FOUND, NO_CONTENT = 404, 204


def accept_peers(rest: Flask, account: Account) -> None:
    """Let other simulators register, and forward requests about their calls and recordings to them."""
    peers: list[str] = []

    @rest.post(PATH)
    def register() -> Response:
        base = request.form.get("base", "")
        if base.startswith("http://127.0.0.1:") and base not in peers:
            peers.append(base)
        return Response(status=204)

    @rest.before_request
    def forward() -> Response | None:
        sid = (request.view_args or {}).get("sid", "").partition(".")[0]
        if not sid or sid in account.calls or sid in account.recordings:
            return None
        for base in list(peers):
            try:
                answer = requests.request(
                    request.method,
                    base + request.path,
                    data=request.form.to_dict(),
                    auth=(account.sid, account.auth_token),
                    timeout=REQUEST_TIMEOUT_S,
                )
            except requests.RequestException:
                peers.remove(base)
                continue
            if answer.status_code != NOT_FOUND:
                return Response(answer.content, answer.status_code, content_type=answer.headers.get("Content-Type"))
        return None


def register_with_peer(peer_url: str, account: Account) -> bool:
    """Register this account's REST interface with the simulator at `peer_url`; False if there is none."""
    try:
        answer = requests.post(
            peer_url + PATH,
            data={"base": account.api_base},
            auth=(account.sid, account.auth_token),
            timeout=REQUEST_TIMEOUT_S,
        )
    except requests.RequestException:
        return False
    return answer.status_code == NO_CONTENT
