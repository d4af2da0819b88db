"""The requests about one call: documents that it carries out, and reports whose answers it does not wait for."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Protocol
from urllib.parse import urljoin

from simulator.account import Account
from simulator.events import Event, Fetched
from simulator.instructions import ApplicationFailed, Page
from simulator.pace import Steps
from simulator.twiml_parser import TwimlError, read_twiml
from simulator.webhook_client import NOT_REACHED, Answer, WebhookClient

RETRIEVAL_FAILURE = 11200


class WebhookCall(Protocol):
    """The call that requests are about, as they see it."""

    account: Account
    now_ms: int
    ended: bool

    def params(self) -> dict[str, str]:
        """The parameters of every request about the call."""

    def emit(self, event: Event) -> None:
        """Report an event."""

    def report(self, code: int, message: str) -> None:
        """Report a mistake of the application."""


class CallWebhooks:
    """The requests about a call. `page_url` is the address of the document that is carried out, and `fetching` the
    answer that is waited for, if any."""

    def __init__(
        self, call: WebhookCall, voice_url: str, fallback_url: str, status_url: str, status_events: Collection[str]
    ) -> None:
        self.client = WebhookClient(call.account.auth_token)
        self.page_url = voice_url
        self.fetching: Future[Answer] | None = None
        self._call = call
        self._fallback_url = fallback_url
        self._status_url = status_url
        self._status_events = frozenset(status_events)
        self._unanswered: list[Future[Answer]] = []
        self._sequence = 0
        self._reports: deque[Mapping[str, str]] = deque()

    def absolute(self, url: str) -> str:
        """The address resolved against the current document's."""
        return urljoin(self.page_url, url)

    def progress(self, event: str, more: Mapping[str, str] | None = None) -> None:
        """Send the application a status callback for this event, if it subscribed to it."""
        if self._status_url and event in self._status_events:
            facts = {
                "SequenceNumber": str(self._sequence),
                "CallbackSource": "call-progress-events",
                "Timestamp": format_datetime(datetime.now(UTC)),
            }
            self._sequence += 1
            self._report_progress(self._call.params() | facts | dict(more or {}))

    def _report_progress(self, report: Mapping[str, str]) -> None:
        """Report it now, or after another one, or at the end, as the carrier does."""
        habits = self._call.account.habits.status_callbacks
        if "out_of_order" in habits and len(self._reports) % 2:
            self._reports.insert(len(self._reports) - 1, report)
        else:
            self._reports.append(report)
        held = "late" in habits or ("out_of_order" in habits and len(self._reports) % 2)
        if self._call.ended or not held:
            self._send_reports()

    def _send_reports(self) -> None:
        times = 2 if "doubled" in self._call.account.habits.status_callbacks else 1
        while self._reports:
            report = self._reports.popleft()
            for _time in range(times):
                self.notify(self._status_url, report)

    def fetch_page(self, url: str, method: str = "POST", params: Mapping[str, str] | None = None) -> Steps[Page]:
        """Fetch the next document from the application, or the one at the fallback address if that fails. Raises
        ApplicationFailed if neither can be carried out."""
        target = self.absolute(url) if url else self.page_url
        try:
            return (yield from self._fetch_page(target, method, params))
        except ApplicationFailed as failure:
            if not self._fallback_url:
                raise
            found_out = {"ErrorCode": str(failure.code), "ErrorUrl": target}
            try:
                page = yield from self._fetch_page(self._fallback_url, "POST", found_out)
            except ApplicationFailed:
                raise failure from None
            self._call.report(failure.code, str(failure))
            return page

    def _fetch_page(self, target: str, method: str, params: Mapping[str, str] | None) -> Steps[Page]:
        answer = yield from self._await(self.client.fetch(method, target, self._call.params() | dict(params or {})))
        self._emit_fetched(answer)
        if answer.status == NOT_REACHED:
            raise ApplicationFailed(RETRIEVAL_FAILURE, f"{method} {target}: {answer.failure}")
        if answer.status >= 400:
            raise ApplicationFailed(RETRIEVAL_FAILURE, f"{method} {target} answered {answer.status}")
        return self.read_page(target, answer.body, answer.content_type)

    def read_page(self, url: str, body: bytes, content_type: str = "text/xml") -> Page:
        """Parse a document and report its flaws. Raises ApplicationFailed if it is not one."""
        try:
            document = read_twiml(body, content_type)
        except TwimlError as error:
            raise ApplicationFailed(error.code, f"{url}: {error}") from error
        for warning in document.warnings:
            self._call.report(warning.code, f"{url}: {warning.message}")
        self.page_url = url
        return Page(url, document.verbs)

    def notify(self, url: str, params: Mapping[str, str], method: str = "POST") -> None:
        """Send the application a request without waiting for its answer."""
        self._unanswered.append(self.client.fetch(method, self.absolute(url), self._call.params() | dict(params)))

    def _await(self, answer: Future[Answer]) -> Steps[Answer]:
        self.fetching = answer
        try:
            while not answer.done():
                yield
        finally:
            self.fetching = None
        return answer.result()

    def collect_answers(self) -> None:
        """Take the answers that have come, and report those that are failures."""
        for future in [future for future in self._unanswered if future.done()]:
            self._unanswered.remove(future)
            answer = future.result()
            self._emit_fetched(answer)
            if answer.status == NOT_REACHED or answer.status >= 400:
                what = answer.failure or f"answered {answer.status}"
                self._call.report(RETRIEVAL_FAILURE, f"{answer.method} {answer.url}: {what}")

    def _emit_fetched(self, answer: Answer) -> None:
        body = answer.body.decode("utf-8", "replace")
        event = Fetched(
            self._call.now_ms, answer.method, answer.url, answer.params, answer.status, answer.took_ms, body
        )
        self._call.emit(event)

    def close(self) -> None:
        """Wait for the answers that are still to come, and make no more requests."""
        while self._unanswered:
            self.collect_answers()
            time.sleep(0.001)
        self.client.close()
