import pytest

from . import site_hooks


@pytest.fixture
def hooked(settings, unit_settings):
    """Has one of the classes in `site_hooks` asked."""

    def use(name):
        settings.CHAT_HOOKS = f"tests.hooks.site_hooks.{name}"

    yield use
    site_hooks.gate.set()
    site_hooks.gate.clear()
    site_hooks.threads.clear()


@pytest.fixture(params=["Plain", "Async"])
def both(hooked, request):
    """Once with plain methods, once with async ones."""
    hooked(request.param)
    return request.param
