from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404

from ..forms import InstructionForm
from ..models import Conversation
from .access import SeeOther, methods, page_for_signed_in, refusal, wants_json


@methods("POST")
@page_for_signed_in
async def instruction(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Set what goes to the model before a conversation: a text, or a preset's."""
    return await sync_to_async(_instruct)(request, pk)


def _instruct(request: HttpRequest, pk: UUID) -> HttpResponse:
    conversation = get_object_or_404(Conversation.objects.owned_by(request.user), pk=pk)
    form = InstructionForm(request.POST, user=request.user)
    if form.is_valid():
        conversation.instruct(form.chosen())
    else:
        error = form.first_error()
        if wants_json(request):
            return refusal(error, 400)
        messages.error(request, error)
    if wants_json(request):
        return JsonResponse({"instruction": conversation.instruction})
    return SeeOther(conversation.get_absolute_url())
