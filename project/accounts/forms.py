from typing import Any

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.forms import DisconnectForm as AllauthDisconnectForm
from django import forms


class DisconnectForm(AllauthDisconnectForm):
    """Allows disconnecting the last account if there is a password. Django-allauth requires a
    confirmed address too, which accounts made by staff do not have."""

    def clean(self) -> dict[str, Any]:
        data = forms.Form.clean(self)
        if len(self.accounts) == 1 and not self.request.user.has_usable_password():
            raise get_adapter().validation_error("no_password")
        return data
