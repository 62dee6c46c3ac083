"""Names of models. With several providers it is `provider/model`, with one the model's own id.

Ids may have slashes: the first segment is a provider's name only if there is one of that name. A
name without one is a model of the first provider, as it was before there were several.
"""

from .conf import ProviderConf, conf


def full_name(model: str) -> str:
    """`model` as it is offered, requested and stored; the same for a full name."""
    provider, id = find(model)
    return full_name_at(provider, id) if model else ""


def full_name_at(provider: ProviderConf, id: str) -> str:
    """The name of a provider's model by the provider's own `id`."""
    return f"{provider.name}/{id}" if len(conf().providers) > 1 else id


def find(model: str) -> tuple[ProviderConf, str]:
    """The provider of a model, and its id there."""
    providers = conf().providers
    name, _, id = model.partition("/")
    if len(providers) > 1 and name in providers and id:
        return providers[name], id
    return next(iter(providers.values())), model


def is_doubtful(model: str) -> bool:
    """Whether it seems to name a provider, but one that there is not."""
    return len(conf().providers) > 1 and "/" in model and find(model)[1] == model
