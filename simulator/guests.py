"""Two stand-ins at once: the application knows one REST address, so its keeper passes on what it does not know itself.

While the demo's own stand-in holds the port, a scripted call offers its REST interface elsewhere and registers here.
"""

from __future__ import annotations

import requests
from flask import Flask, Response, request

from simulator.account import Account

PATH = "/guests"
ASK_SECONDS = 5.0
NOT_FOUND, NO_CONTENT = 404, 204


def welcome_guests(rest: Flask, account: Account) -> None:
    """Let other stand-ins register, and pass on to them what is asked about calls and recordings of theirs."""
    guests: list[str] = []

    @rest.post(PATH)
    def register() -> Response:
        base = request.form.get("base", "")
        if base.startswith("http://127.0.0.1:") and base not in guests:
            guests.append(base)
        return Response(status=204)

    @rest.before_request
    def pass_on() -> Response | None:
        sid = (request.view_args or {}).get("sid", "").partition(".")[0]
        if not sid or sid in account.calls or sid in account.recordings:
            return None
        for base in list(guests):
            try:
                answer = requests.request(
                    request.method,
                    base + request.path,
                    data=request.form.to_dict(),
                    auth=(account.sid, account.auth_token),
                    timeout=ASK_SECONDS,
                )
            except requests.RequestException:
                guests.remove(base)
                continue
            if answer.status_code != NOT_FOUND:
                return Response(answer.content, answer.status_code, content_type=answer.headers.get("Content-Type"))
        return None


def visit(keeper: str, account: Account) -> bool:
    """Register this account's REST interface with the stand-in at `keeper`; False where that is none of ours."""
    try:
        answer = requests.post(
            keeper + PATH,
            data={"base": account.api_base},
            auth=(account.sid, account.auth_token),
            timeout=ASK_SECONDS,
        )
    except requests.RequestException:
        return False
    return answer.status_code == NO_CONTENT
