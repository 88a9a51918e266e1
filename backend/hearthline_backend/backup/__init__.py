"""A copy of both stores in one file, taken while the backend runs, and brought back on any machine and engine.

**Which store first?** Live, a reading is stored, then judged: the register of judged ids never names a reading that the
store lacks. A copy has to keep that, because a judged id is skipped when the home sends it again: judged but not stored
would be lost for good, while stored but not judged is only judged again. So Records are copied first, as one snapshot,
and readings after it: whatever the snapshot's register names was stored before, and is met.

What happens between the snapshot and the end of the copy is put right:

* **A reading that came meanwhile** is in the copy and not in the register. Its home was told that it is stored and does
  not send it again. ``restore`` does not put it into the store: it holds it in quarantine with its whole payload, and
  the backend takes it at its start as if it came now: resolved, stored, judged.
* **A reading that was moved meanwhile** may have been copied twice or not at all. When the copy is done, those that a
  correction after the snapshot names are copied again, at the place where they stood at the snapshot.
* **A patient who was erased meanwhile** may be there in part; an erasure has to be repeated after a restore anyway.

**One format for every engine.** A tar of JSON lines in parts of a few megabytes, each with its rows, length and
SHA-256 in ``manifest.json``, which comes last: a truncated file has none. A hospital may start on SQLite and restore
into PostgreSQL and InfluxDB, and needs no other program of just the right version for it.

**What is left out**: where readings stand in a store that cannot look one up by its id (the store writes that again),
sessions (everybody signs in again), attempts to sign in, and every secret of the settings.
"""
