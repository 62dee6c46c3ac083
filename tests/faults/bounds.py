"""How long things may take. A reply's own pace is measured in words, these in seconds."""

BUSY = 5  # times as slow as an idle machine this one may be
LEASE = 3.0  # of a process, CHAT_LEASE
NEW_CHAT = 2.0 * BUSY  # a short chat, from sending it to the end of its reply
GAP = 0.5 * BUSY  # between two frames of a bystander's reply
IDLE = 5.0  # until files and threads are back where they were
SEND = 1.0 * BUSY  # for one send beside somebody else's lock
SPARE_THREADS = 16  # more than before: a process opens its lanes when they are needed
SPARE_FILES = 100  # more than before: connections to the provider, kept for some seconds
BACK = 2.0 * BUSY  # until a reply goes on when the database is back
RECOVERED = 20.0  # until a process works whose connections went silent
MEMORY = 300_000  # KB of one process, at its most
DECIDED = 2.0 * BUSY  # beside the lease of the dead: until a new process goes on with their work
ABANDONED = 2.5 + 1.0 * BUSY  # from the last reader's leaving, with CHAT_ABANDON_AFTER=0
