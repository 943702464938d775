"""Makes what takes mails and what sends them."""

from datetime import timedelta
from functools import cache

from fastness.mail.delivery import Postman
from fastness.mail.messages import Messages
from fastness.mail.outbox import Outbox
from fastness.services.services import Services


def make_outbox(services: Services) -> Outbox:
    """Takes mails, in the transaction of what they tell about."""
    return Outbox(
        seals=services.sealer,
        clock=services.clock,
        keep=timedelta(days=services.settings.mail.keep_days),
        wake=services.wake_mail,
    )


def make_postman(services: Services) -> Postman:
    """Empties the outbox."""
    settings = services.settings

    @cache
    def messages() -> Messages:
        return Messages(
            settings.mail, services.mail_folders, reloads=settings.is_development, languages=settings.languages
        )

    return Postman(
        database=services.database,
        mailer=lambda: services.mailer,
        messages=messages,
        seals=services.sealer,
        rules=settings.mail,
        events=services.events,
        clock=services.clock,
        resolvers=services.mail_resolvers,
    )
