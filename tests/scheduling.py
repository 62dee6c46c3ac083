"""Which process of pytest gets which tests, with `-n`."""

from xdist.scheduler import LoadScopeScheduling

SHARE_SITES = ("tests/faults/", "tests/host/", "tests/live/")


class Scheduling(LoadScopeScheduling):
    """Modules whose tests share a site stay together, and come first, the largest at the head: they
    wait more than they work. All other tests go one by one to who is free."""

    def _split_scope(self, nodeid):
        module = nodeid.partition("::")[0]
        return module if module.startswith(SHARE_SITES) else nodeid
