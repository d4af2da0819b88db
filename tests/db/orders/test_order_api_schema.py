"""The order API under requests made from its own description, fit and unfit: it answers as described, and never with
an error of its own."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import Engine, func, select

from orders.book.models import OrderRow
from storage import open_sessions, read_only
from tests.db.orders.test_web_orders import Channels, channels  # noqa: F401  the fixture
from tests.support.desk_world import CHINA, CLASSIC, CORNER, SHOP

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
EXAMPLES = 60


@pytest.fixture(params=["fit", "unfit"])
def mode(request: pytest.FixtureRequest) -> schemathesis.GenerationMode:
    return schemathesis.GenerationMode.POSITIVE if request.param == "fit" else schemathesis.GenerationMode.NEGATIVE


def test_every_answer_is_described_and_none_is_an_error(channels: Channels, mode: schemathesis.GenerationMode) -> None:  # noqa: F811
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", channels.app)
    operation = schema["/api/orders"]["POST"]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    def answered_as_described(case: schemathesis.Case) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {channels.tokens['web']}"}, checks=list(CHECKS))

    answered_as_described()


ORDERS = st.fixed_dictionaries(
    {
        "customer_code": st.sampled_from([SHOP, CORNER, "4" * 12, "４１０５０２１０００１２", "1" * 5_000, ""])
        | st.text(max_size=13),
        "lines": st.lists(
            st.fixed_dictionaries(
                {
                    "barcode": st.sampled_from([CHINA, CLASSIC, "0" * 13]) | st.text(max_size=14),
                    "cartons": st.integers(-1, 10_001) | st.sampled_from([1, 2, 10**400, 1e308, "5", None, True]),
                }
            ),
            max_size=4,
        ),
    }
)


def test_no_order_whatever_its_figures_is_an_error(channels: Channels, any_engine: Engine) -> None:  # noqa: F811
    @given(order=ORDERS, key=st.sampled_from(["order-0001", "order-0002", "k" * 81, "short", "a\x7fbcdefgh"]))
    @settings(max_examples=EXAMPLES)
    def is_answered(order: dict[str, object], key: str) -> None:
        assert channels.post(order, key=key).status_code < 500

    is_answered()
    with read_only(open_sessions(any_engine)) as session:
        assert (
            session.scalar(select(func.count()).select_from(OrderRow).where(OrderRow.number.is_not(None))) or 0
        ) <= 2


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\x00", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 20_000, b'{"customer_code": "\\ud800", "lines": []}'),
        *(b'{"lines": [{"barcode": "6901028000017", "cartons": 1e1000000}]}', b"9" * 100_000, b"NaN", b"x" * 200_000),
    ],
)
def test_a_body_that_is_no_order_is_refused(channels: Channels, body: bytes) -> None:  # noqa: F811
    assert channels.post(body).status_code in (413, 422)
