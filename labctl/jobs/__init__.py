"""Slow work behind a quick answer: jobs and their events live in DBOS Transact, on SQLite or PostgreSQL.

`store` is what web processes and commands use, `worker` runs the jobs, `feed` brings new events to open streams,
`web` and `stream_server` answer requests, `service` keeps all those processes. They share one `Settings`.
Nothing here imports dbos until it is needed.
"""
