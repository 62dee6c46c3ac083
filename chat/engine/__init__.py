"""Runtime: tasks that write replies, the journal that stores them, tails that readers follow.

`process` holds one of each per process. A reply arrives through `intake` and `taking`, is written
by a `generation`, stored by the `journal` (`committing`, `commits`) and followed through `tails`
and `following`. `watch`, `leases` and `abandoning` handle others' replies. `lanes` reach the
database. `hooking` calls the site's hooks, `telling` its receivers; both run `aside`.
"""
