"""What calls write to PostgreSQL: its own counts of transactions, rows and log, and the size of its tables."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import create_engine, text

_COUNTS = text(
    "SELECT sum(xact_commit), sum(tup_inserted), sum(tup_updated), sum(tup_deleted) FROM pg_stat_database"
    " WHERE datname = current_database()"
)
# Only a transaction that writes is given a number.
_LOG = text(
    "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"
)
_SIZES = text(
    "SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables ORDER BY pg_total_relation_size(relid) DESC"
)
# Tables that grow by less than this a call are not listed one by one.
LISTED_BYTES = 200


@dataclass(frozen=True)
class Written:
    """The counts of one moment, and the sizes of the tables in bytes."""

    transactions: int
    writing: int
    inserted: int
    updated: int
    deleted: int
    log_bytes: int
    sizes: dict[str, int]

    @classmethod
    def until_now(cls, url: str) -> Written | None:
        """All that was written so far; None on another database than PostgreSQL."""
        if not url.startswith("postgresql"):
            return None
        engine = create_engine(url)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # The server reports a connection's counts when it is idle; what calls did seconds ago is there.
            counts = connection.execute(_COUNTS).one()
            writing, log = connection.execute(_LOG).one()
            sizes = {str(name): int(size) for name, size in connection.execute(_SIZES)}
        engine.dispose()
        transactions, inserted, updated, deleted = map(int, counts)
        return cls(transactions, int(writing), inserted, updated, deleted, int(log), sizes)

    def since(self, url: str, calls: int) -> str:
        """What was written since then, divided by so many calls."""
        now = Written.until_now(url)
        assert now is not None
        grown = {name: (size - self.sizes.get(name, 0)) / calls for name, size in now.sizes.items()}
        tables = ", ".join(f"{name} {size:,.0f}" for name, size in grown.items() if size >= LISTED_BYTES)
        return (
            f"  a call: {(now.transactions - self.transactions) / calls:,.0f} transactions,"
            f" {(now.writing - self.writing) / calls:,.0f} of them write;"
            f" {(now.inserted - self.inserted) / calls:,.0f} rows inserted,"
            f" {(now.updated - self.updated) / calls:,.0f} updated,"
            f" {(now.deleted - self.deleted) / calls:,.0f} deleted;"
            f" {(now.log_bytes - self.log_bytes) / calls / 1024:,.0f} KiB of log;"
            f" {sum(grown.values()) / 1024:,.1f} KiB of tables ({tables}, bytes)"
        )
