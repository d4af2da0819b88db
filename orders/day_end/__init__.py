"""The end of a business day: balances, audit, settlement, hand-over, notice, close (AY 4.3, AS 4.2.4)."""
