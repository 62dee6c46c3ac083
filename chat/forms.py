from functools import partial
from typing import Any

from django import forms
from django.db import IntegrityError
from django.db.models import Model
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from .conf import conf
from .database import atomic
from .hooks import overrides
from .models import MAX_PRESETS, Message, Preferences, Preset, TooManyPresets
from .models.conversation import INSTRUCTION_CHARS
from .naming import full_name
from .refusals import Refused

COMMENT_CHARS = 2_000

grouped = partial(number_format, force_grouping=True)


class OneAtATime:
    """A form that reports one error at a time."""

    def first_error(self) -> str:
        return next(iter(self.errors.values()))[0]

    def checked(self) -> dict[str, Any]:
        """The cleaned data. Raises Refused with the first error."""
        if not self.is_valid():
            raise Refused(self.first_error())
        return self.cleaned_data


class Form(OneAtATime, forms.Form):
    pass


class FeedbackForm(Form):
    """The rating of a reply. Without a comment, the stored one stays."""

    rating = forms.TypedChoiceField(
        choices=Message.Rating,
        coerce=int,
        empty_value=None,
        required=False,
        error_messages={"invalid_choice": _("The rating must be 1, -1 or empty.")},
    )
    comment = forms.CharField(
        required=False,
        max_length=COMMENT_CHARS,
        error_messages={
            "max_length": _("The comment may have %(limit_value)d characters. Shorten it."),
            "null_characters_not_allowed": _("The comment has a character that cannot be stored."),
        },
    )

    def clean_comment(self) -> str | None:
        """With newlines as they were typed: browsers send CRLF."""
        return (
            self.cleaned_data["comment"].replace("\r\n", "\n") if "comment" in self.data else None
        )


class InstructionField(forms.CharField):
    """The instruction that precedes a conversation. Browsers send newlines as CRLF."""

    widget = forms.Textarea(attrs={"rows": 6, "dir": "auto"})

    def __init__(self, **kwargs: Any) -> None:
        too_long = _("The instructions are longer than the %(limit_value)d characters possible.")
        nul = _("The instructions have a character that cannot be stored.")
        super().__init__(label=_("Instructions"), max_length=INSTRUCTION_CHARS, **kwargs)
        self.error_messages |= {"max_length": too_long, "null_characters_not_allowed": nul}
        for validator in self.validators:
            validator.message = self.error_messages.get(validator.code, validator.message)

    def to_python(self, value: Any) -> str:
        return super().to_python(value).replace("\r\n", "\n")


class ModelChoiceForm(Form):
    """The model that shall answer: one of those offered."""

    model = forms.CharField(required=False)

    def __init__(self, *args: Any, models: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._models = models

    def clean_model(self) -> str:
        """The default, if none was chosen."""
        model = full_name(self.cleaned_data["model"])
        if model and model not in self._models:
            raise forms.ValidationError(
                _("There is no model “%(model)s” here. Choose one of: %(models)s."),
                params={
                    "model": self.cleaned_data["model"][:100],
                    "models": ", ".join(self._models[:20]),
                },
            )
        return model or self._models[0]


class MessageForm(ModelChoiceForm):
    """A message from the page or from a program."""

    field_order = ("message",)

    message = forms.CharField(
        strip=False,
        widget=forms.Textarea,
        error_messages={
            "required": _("Write a message first."),
            "null_characters_not_allowed": _("The message has a character that cannot be stored."),
        },
    )
    client_id = forms.UUIDField(
        required=False, error_messages={"invalid": _("The client_id must be a UUID.")}
    )
    conversation = forms.UUIDField(
        required=False, error_messages={"invalid": _("The conversation must be a UUID.")}
    )
    # The earlier message that this one is a new version of.
    replaces = forms.UUIDField(
        required=False, error_messages={"invalid": _("The message to replace must be a UUID.")}
    )
    # For new conversations only:
    instruction = InstructionField(required=False)
    preset = forms.IntegerField(
        required=False, error_messages={"invalid": _("The preset must be a number.")}
    )

    def clean_message(self) -> str:
        message = self.cleaned_data["message"]
        limit = conf().CHAT_MESSAGE_CHARS
        if not message.strip():
            raise forms.ValidationError(_("Write a message first."))
        if len(message) > limit:
            raise forms.ValidationError(
                _("The message has %(length)s characters; %(limit)s are possible. Shorten it."),
                params={"length": grouped(len(message)), "limit": grouped(limit)},
            )
        return message


class TitleForm(Form):
    """A title that the user gives to a conversation."""

    title = forms.CharField(
        max_length=200,
        error_messages={
            "required": _("Write a title first."),
            "max_length": _("A title has at most %(limit_value)d characters. Shorten it."),
            "null_characters_not_allowed": _("The title has a character that cannot be stored."),
        },
    )


class SearchForm(Form):
    """What a person looks for in their conversations; nothing at first."""

    q = forms.CharField(
        max_length=200,
        required=False,
        error_messages={
            "max_length": _("Search for at most %(limit_value)d characters. Shorten it."),
            "null_characters_not_allowed": _("No message has such a character. Leave it out."),
        },
    )


class InstructionForm(Form):
    """The instruction of a conversation: as it is written, or as one of the person's presets is."""

    instruction = InstructionField(required=False)
    preset = forms.ModelChoiceField(
        Preset.objects.none(),
        required=False,
        error_messages={"invalid_choice": _("This preset does not exist.")},
    )

    def __init__(self, *args: Any, user: Model, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["preset"].queryset = user.chat_presets.all()

    def chosen(self) -> str:
        """Raises Refused as `checked` does."""
        said = self.checked()
        return said["preset"].instruction if said["preset"] else said["instruction"]


class ModelField(forms.ChoiceField):
    """A model of those offered, by its full name or as `naming` understands it."""

    def to_python(self, value: Any) -> str:
        return full_name(super().to_python(value))


class PresetForm(OneAtATime, forms.ModelForm):
    """A preset of `user`. Only models that are offered can be chosen."""

    instruction = InstructionField()
    model = ModelField(label=_("Model"), required=False)

    class Meta:
        model = Preset
        fields = ("name", "instruction", "model")
        labels = {"name": _("Name")}

    def __init__(self, *args: Any, user: Model, models: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.user = user
        self.initial["model"] = full_name(self.initial.get("model") or "")
        is_kept = self.instance.model and not (models and overrides("models"))
        kept = [full_name(self.instance.model)] if is_kept else []
        offered = [(name, name) for name in dict.fromkeys(models + kept)]
        self.fields["model"].choices = [("", _("Any (use the chosen one)")), *offered]

    def store(self) -> bool:
        """False, with an error, if the name is taken or the user has as many as allowed."""
        try:
            with atomic():
                if self.instance._state.adding:
                    self.instance.add()
                else:
                    self.save()
        except IntegrityError:
            self.add_error("name", _("You have a preset of this name. Choose another one."))
        except TooManyPresets:
            text = _("You have %(limit)d presets, and no more are possible. Delete one first.")
            self.add_error(None, forms.ValidationError(text, params={"limit": MAX_PRESETS}))
        return not self.errors


class PreferencesForm(Form):
    """The user's settings; what is empty follows the browser."""

    theme = forms.ChoiceField(choices=Preferences.Theme, required=False)
    language = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, languages: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = languages
