"""The app's settings: what each one is, its unit, and its value when the site does not set it."""

from dataclasses import dataclass, field, fields
from functools import cache, cached_property

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

FIRST = "openai"  # the provider of a site that names none, with the settings OPENAI_…
OPENAI = "https://api.openai.com/v1"
OF_FIRST = {"URL": "OPENAI_BASE_URL", "KEY": "OPENAI_API_KEY", "MODELS": "CHAT_MODELS"}
OF_THE_SITE = ("CONTINUE", "EXTRA_BODY", "FIRST_PIECE_TIMEOUT", "PIECE_TIMEOUT")  # as CHAT_…


@dataclass(frozen=True)
class ProviderConf:
    """One provider: each field is the setting `CHAT_PROVIDER_<NAME>_<FIELD>`, or the site's own."""

    name: str
    URL: str = ""
    KEY: str = field(default="", repr=False)
    MODELS: list[str] = field(default_factory=list)  # by its own ids; empty: its own list
    CONTINUE: str = "ask"
    EXTRA_BODY: dict = field(default_factory=dict)
    FIRST_PIECE_TIMEOUT: float = 60.0  # seconds
    PIECE_TIMEOUT: float = 60.0  # seconds

    @classmethod
    def options(cls) -> dict[str, type]:
        """The settings that a provider may have, and their types."""
        return {each.name: each.type for each in fields(cls) if each.name.isupper()}

    def has_own(self, option: str) -> bool:
        """Whether it is set for this provider, and not for the site."""
        return hasattr(settings, provider_setting(self.name, option))

    def setting(self, option: str) -> str:
        """The name of the setting that says this, to tell people what to change."""
        if self.name == FIRST and option in OF_FIRST and not self.has_own(option):
            return OF_FIRST[option]
        return provider_setting(self.name, option)


def provider_setting(provider: str, option: str) -> str:
    return f"CHAT_PROVIDER_{provider.upper()}_{option}"


@dataclass(frozen=True)
class Conf:
    """The `CHAT_…` settings of the site and its provider's address, read once."""

    OPENAI_API_KEY: str = ""
    OPENAI_BASE_URL: str = ""
    CHAT_PLAIN_HTTP: bool = False  # to a provider on another machine, where the network is trusted
    CHAT_PROXY: str = ""  # for requests to the provider; HTTP_PROXY and the like are ignored
    # The names of several providers, the default one first; each has settings of its own.
    CHAT_PROVIDERS: list[str] = field(default_factory=list)
    CHAT_MODELS: list[str] = field(default_factory=list)  # empty: the providers' own lists
    CHAT_FALLBACK: list[str] = field(default_factory=list)  # models, if the chosen one fails
    CHAT_SYSTEM_PROMPT: str = ""  # sent before every conversation
    CHAT_TITLES: bool = True  # the model names each conversation, with a short request of its own
    CHAT_CONTEXT_CHARS: int = 100_000  # characters of a conversation that go to the provider
    CHAT_MESSAGE_CHARS: int = 32_000  # characters of one message
    CHAT_REPLY_CHARS: int = 200_000  # characters of one reply; a longer one ends as `length`
    CHAT_MESSAGES_PER_MINUTE: int = 20  # of one user
    CHAT_RUNNING_REPLIES: int = (
        500  # being written by one process; further ones are refused for a moment
    )
    CHAT_RUNNING_PER_USER: int = 4  # replies of one user being written at the same time
    CHAT_READERS_PER_USER: int = 20  # open streams of one user in one process
    CHAT_PROXIES: int = 0  # before the site, each of which appends to X-Forwarded-For
    # To a database server, kept by a process for its replies: one stores, one watches and one
    # searches; of the others half send and half read for requests. Pages have their own.
    CHAT_CONNECTIONS: int = 13
    CHAT_CONNECT_TIMEOUT: float = 5.0  # seconds to connect to the provider
    CHAT_FIRST_PIECE_TIMEOUT: float = 60.0  # seconds from the request to the first piece
    CHAT_PIECE_TIMEOUT: float = 60.0  # seconds between two pieces
    CHAT_REPLY_TIMEOUT: float = 600.0  # seconds for a whole reply
    CHAT_RETRIES: int = 2  # further tries, all of them before the first piece
    CHAT_CONTINUE: str = "ask"  # or "prefix": the provider goes on from an unfinished answer
    CHAT_EXTRA_BODY: dict = field(default_factory=dict)  # added to each provider request
    # Seconds after which a reply that nobody follows is stopped, if its owner has no page open
    # either; 0: as soon as the last reader has left; None (empty in the environment): never.
    CHAT_ABANDON_AFTER: float | None = None
    # Who may read what a user shares by a link: "members" (logged-in users), "anyone", or "off".
    CHAT_SHARING: str = "members"
    CHAT_HOOKS: str = "chat.hooks.Hooks"  # the dotted path of the site's hooks class
    CHAT_TICK: float = 0.07  # seconds between two commits of what arrived
    CHAT_LEASE: float = 3.0  # seconds until another process takes over from one that went silent

    @property
    def is_demo(self) -> bool:
        """Whether there is no provider, so that the demo model answers."""
        return not (self.OPENAI_API_KEY or self.OPENAI_BASE_URL or self.CHAT_PROVIDERS)

    @cached_property
    def providers(self) -> dict[str, ProviderConf]:
        """By name, the default one first."""
        return {name: self._provider(name) for name in self.CHAT_PROVIDERS or [FIRST]}

    def _provider(self, name: str) -> ProviderConf:
        options = {each: getattr(self, f"CHAT_{each}") for each in OF_THE_SITE}
        if name == FIRST:
            options |= {"URL": self.OPENAI_BASE_URL or OPENAI, "KEY": self.OPENAI_API_KEY}
        for option in ProviderConf.options() if self.CHAT_PROVIDERS else ():
            if hasattr(settings, own := provider_setting(name, option)):
                options[option] = getattr(settings, own)
        return ProviderConf(name, **options)


@cache
def conf() -> Conf:
    """The settings in force."""
    names = [each.name for each in fields(Conf)]
    return Conf(**{name: getattr(settings, name) for name in names if hasattr(settings, name)})


@receiver(setting_changed)
def _forget(*, setting: str, **_: object) -> None:
    """Tests change settings."""
    if setting.startswith(("CHAT_", "OPENAI_")):
        conf.cache_clear()
