"""The catalogues: every text, in every language of the site."""

import gettext
import os
import re
import shutil
import subprocess
import sys

import pytest
from django.conf import settings

from .conftest import skip_unless

LANGUAGES = [code for code, _name in settings.LANGUAGES if code != "en"]
PLACEHOLDER = re.compile(r"%\(\w+\)[ds]|%[ds]|\{\w+\}")
MARKUP = set('"<>&')
FOLDER = settings.BASE_DIR / "chat" / "locale"

in_each_language = pytest.mark.parametrize("language", LANGUAGES)


def texts(path):
    """The translations of a compiled catalogue, by the text and the plural form."""
    with path.open("rb") as file:
        translated = gettext.GNUTranslations(file)._catalog
    keys = {key if isinstance(key, tuple) else (key, 0): key for key in translated if key}
    return {place: translated[key] for place, key in keys.items()}


def run(*command, cwd):
    environment = os.environ | {"DATA_DIR": str(cwd / "var")}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture
def sources(tmp_path):
    """A copy of them, to be read by makemessages."""
    skip_unless(shutil.which("msgcmp"), "there are no gettext tools here")
    for name in ("chat", "project", "templates"):
        shutil.copytree(settings.BASE_DIR / name, tmp_path / name)
    shutil.copy(settings.BASE_DIR / "manage.py", tmp_path)
    return tmp_path


@in_each_language
def test_placeholders_are_the_same(language):
    for source, text in texts(FOLDER / language / "LC_MESSAGES" / "django.mo").items():
        assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(source[0])), text


@in_each_language
def test_translations_add_no_markup(language):
    """Templates put them into attributes as they are."""
    for source, text in texts(FOLDER / language / "LC_MESSAGES" / "django.mo").items():
        assert not MARKUP & set(text) - set(source[0]), text


def test_every_text_is_translated(sources):
    made = run(sys.executable, "manage.py", "makemessages", "--all", "--keep-pot", cwd=sources)
    assert made.returncode == 0, made.stderr
    template = sources / "chat" / "locale" / "django.pot"
    for language in LANGUAGES:
        catalogue = FOLDER / language / "LC_MESSAGES" / "django.po"
        compared = run("msgcmp", catalogue, template, cwd=sources)
        assert (compared.returncode, compared.stderr) == (0, ""), language


@in_each_language
def test_it_is_compiled(language, tmp_path):
    skip_unless(shutil.which("msgfmt"), "there are no gettext tools here")
    folder = FOLDER / language / "LC_MESSAGES"
    made = run("msgfmt", "--check-format", "-o", "fresh.mo", folder / "django.po", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert texts(tmp_path / "fresh.mo") == texts(folder / "django.mo")
