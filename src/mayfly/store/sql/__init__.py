"""The store in SQLite or PostgreSQL: tables made from the rows, SQL made once by SQLAlchemy Core.

store.py        opens a database: the one import of whoever uses it
lanes.py        threads that carry out works in groups, group.py one group in one transaction
transaction.py  the verbs of `store.base.Tx`; statements.py their SQL, tables.py the tables
sqlite.py, postgres.py   what differs between the two; driver.py what they have in common
migrate.py      brings a database to a version, by migrations/
"""
