"""The store in SQLite or PostgreSQL: tables made from the rows, SQL made once by SQLAlchemy Core.

store.py         opens a database: with migrate.py the one import of whoever uses it
lanes.py         threads that take works; group.py does those of one group in one transaction
transaction.py   the verbs of `store.base.Tx`; batch.py what they write, sent when it must be
tables.py        the tables; columns.py, rowform.py, stored.py values on the way there and back
*_statements.py  the SQL, by compiled.py
sqlite.py, postgres.py   what differs between the two; driver.py what they have in common
migrations/      every version of the schema
"""
