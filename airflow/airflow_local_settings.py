"""Lets several processes of Airflow share one SQLite file; Airflow imports this from the folder `config` of its home.

A SAVEPOINT begins a transaction that reads first, and SQLite refuses it to write once another process has written, at
once and whatever the timeout: `airflow backfill create` beside a scheduler then ends in "database is locked", having
made some of its runs. A transaction that is to write from its start waits for its turn, and is whole or nothing.
"""

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine


@event.listens_for(Engine, "savepoint")
def begin_to_write(connection: Any, _name: str) -> None:
    """Begins the transaction around an outermost savepoint."""
    if connection.dialect.driver == "pysqlite" and not connection.connection.dbapi_connection.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
