"""A period reviewed, from the ledger and a few pictures."""
