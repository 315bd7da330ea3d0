"""What the ledger and a few pictures tell of a period."""
