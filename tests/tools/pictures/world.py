"""The sites, people and conversations of the pictures; the model is the double."""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit
from uuid import UUID

from ...double import ENDING, Cut, Finish, ProviderDouble, Reasoning, Stall, Status, Text, answer
from ...letters import newest_link
from ...site import PASSWORD, RUNNING, Person, Site, free_port
from . import texts

PEOPLE = ("ana", "ben", "cleo", "dora")
EMAIL = "ana@example.com"
FOREIGN_HOST = "foreign.example"  # leads here, to a site that does not know it by this name
DAY = timedelta(days=1)


class World:
    """`with World() as world:` runs the sites of the pictures.

    ana has many conversations, ben a few archived ones, cleo none; dora has
    sent too much.
    """

    def __init__(self):
        self._stack = ExitStack()
        self._ports, self._people = {}, {}

    def __enter__(self):
        self.directory = Path(self._stack.enter_context(TemporaryDirectory()))
        self.letters = self.directory / "letters"
        self.letters.mkdir()
        self.double = self._stack.enter_context(ProviderDouble(models=texts.MODELS))
        self._teach()
        self.site = self._site(
            CHAT_MODELS=",".join(texts.MODELS),
            EMAIL_URL=f"filemail:///{self.letters}",
        )
        self.port = self.site.start()
        self._settle()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _site(self, **environment):
        directory = TemporaryDirectory(dir=self.directory, ignore_cleanup_errors=True)
        folder = self._stack.enter_context(directory)
        return self._stack.enter_context(Site(self.double, folder, **environment))

    def _teach(self):
        """What the model answers, by words of the question."""
        for words, steps in {
            "Raft": answer(texts.SHORT),
            "Everything": answer(texts.MARKDOWN),
            "Streaming": (Text(texts.BEGINNING), Stall()),
            "Waiting": (Stall(),),
            "Long thoughts": (Reasoning(texts.THOUGHTS), Stall()),
            "Thinking": (Reasoning(texts.THOUGHTS), *answer(texts.SHORT)),
            "Length": (Text(texts.BEGINNING), Finish("length"), *ENDING[1:]),
            "Filtered": (Text("The beginning. "), Finish("content_filter"), *ENDING[1:]),
            "Refused": (Status(401),),
            "Cut": (Text(texts.BEGINNING), Cut(clean=False)),
            texts.ARABIC_QUESTION: answer(texts.ARABIC),
            "Endless": answer(texts.LONG_WORDS),
        }.items():
            self.double.script(*steps, when=words)

    def _settle(self):
        self.admin = self.person("admin")
        for name in PEOPLE:
            passwords = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
            self.admin.post("/admin/auth/user/add/", username=name, **passwords)
        self.site.sql(f"UPDATE auth_user SET email = '{EMAIL}' WHERE username = 'ana'")
        ana, ben = self.person("ana"), self.person("ben")
        for name, instruction in texts.PRESETS:
            ana.post("/chat/presets/", name=name, instruction=instruction, model="")
        for age, question in enumerate(texts.QUESTIONS):
            url = self.ask(ana, question)
            self.age(url, DAY * age * age / 4)
        for question in texts.PINNED:
            ana.post(self.ask(ana, question) + "pin")
        for question in texts.QUESTIONS[:3]:
            ben.post(self.ask(ben, question) + "archive")
        self._kept = [pk for (pk,) in self.site.sql("SELECT id FROM chat_conversation")]

    def person(self, name):
        if name not in self._people:
            self._people[name] = Person(self.port, name)
        return self._people[name]

    def ask(self, person, question, path="/chat/", *, settles=True):
        """The address of the conversation; the reply has ended."""
        asked = person.ask(question, path)
        if settles:
            person.wait_settled(asked)
        return asked["conversation"]["url"]

    def tidy(self):
        """Leaves no reply that is written for ever, and only the conversations of the beginning."""
        for (pk,) in self.site.sql(f"SELECT id FROM chat_message WHERE state IN {RUNNING}"):
            self.person("ana").post(
                f"/chat/replies/{UUID(str(pk))}/stop", accept="application/json"
            )

        kept = ", ".join(f"'{pk}'" for pk in self._kept)
        now = "deleted_at = CURRENT_TIMESTAMP, pinned_at = NULL, archived_at = NULL"
        self.site.sql(f"UPDATE chat_conversation SET {now} WHERE id NOT IN ({kept})")

    def age(self, url, age):
        """As if the last that was said there had been said so long ago."""
        moment = f"{datetime.now(UTC) - age:%Y-%m-%d %H:%M:%S}"
        pk = UUID(url.split("/")[2]).hex
        self.site.sql(f"UPDATE chat_conversation SET updated_at = '{moment}' WHERE id = '{pk}'")

    def end_as(self, url, state):
        """As if the last reply had ended like this, which cannot be brought about quickly."""
        pk = UUID(url.split("/")[2]).hex
        self.site.sql(
            f"UPDATE chat_message SET state = '{state}', finish_reason = '' WHERE id ="
            f" (SELECT head_id FROM chat_conversation WHERE id = '{pk}')"
        )

    def reset_link(self):
        """The address in the newest letter."""
        return urlsplit(newest_link(self.letters)).path

    # Other processes, on the same database but for the broken one; each is started once:

    def strict(self):
        """One that takes one message a minute."""
        return self._process("strict", CHAT_MESSAGES_PER_MINUTE="1")

    def lonely(self):
        """One whose provider does not answer."""
        nowhere = f"http://127.0.0.1:{free_port()}/v1"
        return self._process("lonely", OPENAI_BASE_URL=nowhere, CHAT_MODELS="")

    def demo(self):
        """One without a provider."""
        return self._process("demo", OPENAI_BASE_URL="", OPENAI_API_KEY="", CHAT_MODELS="")

    def _process(self, name, **environment):
        if name not in self._ports:
            before = dict(self.site.environment)
            self.site.environment.update(environment)
            self._ports[name] = self.site.start()
            self.site.environment = before
        return self._ports[name]

    def broken(self):
        """One whose database has lost a table."""
        if "broken" not in self._ports:
            site = self._site()
            self._ports["broken"] = site.start()
            site.sql("DROP TABLE django_session")
        return self._ports["broken"]
