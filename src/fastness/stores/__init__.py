"""Stores: short-lived records with expiry, owner and version, on memory or SQLite.

Sessions, throttles and one-time codes are kept here. The protocol is `fastness.stores.store.Store`; import the
implementation you use. Stores speak their driver directly and know no ORM.
"""
