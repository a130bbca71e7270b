"""A first map of a log, for a person to edit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from safar.journey_map.writing import quoted

__all__ = ["TEMPLATES", "draft", "guessed"]

# What words in the name of an event tell, in the order in which they are looked for.
WORDS: dict[str, tuple[str, ...]] = {
    "advocacy": (
        *("review", "refer", "invite", "share", "recommend", "testimonial"),
        *("معرفی", "دعوت", "اشتراک گذاری", "توصیه", "نظر"),
    ),
    "support": (
        *("support", "ticket", "call", "chat", "complain", "help", "agent"),
        *("پشتیبانی", "تیکت", "تماس", "شکایت", "گفتگو"),
    ),
    "loyalty": (
        *(
            "loyalty",
            "points",
            "reward",
            "renew",
            "repeat",
            "reorder",
            "nps",
            "churn",
            "cancel",
            "unsubscribe",
        ),
        *("وفاداری", "امتیاز", "جایزه", "تمدید", "لغو"),
    ),
    "experience": (
        *("deliver", "ship", "return", "refund", "csat", "ces", "receive", "use", "usage", "stay", "service"),
        *("تحویل", "ارسال کالا", "مرجوع", "بازگشت", "استفاده"),
    ),
    "onboarding": (
        *(
            "register",
            "registration",
            "signup",
            "onboard",
            "activate",
            "activation",
            "verify",
            "tutorial",
            "trial",
        ),
        *("ثبت نام", "عضویت", "فعال سازی", "آموزش"),
    ),
    "purchase": (
        *(
            "purchase",
            "order",
            "buy",
            "pay",
            "payment",
            "checkout",
            "cart",
            "basket",
            "subscribe",
            "invoice",
            "book",
        ),
        *("خرید", "سفارش", "پرداخت", "سبد", "فاکتور", "اشتراک"),
    ),
    "consideration": (
        *(
            "view",
            "search",
            "visit",
            "product",
            "page",
            "login",
            "compare",
            "wishlist",
            "click",
            "browse",
            "detail",
        ),
        *("مشاهده", "جستجو", "بازدید", "محصول", "ورود", "مقایسه", "کلیک", "صفحه"),
    ),
    "awareness": (
        *(
            "ad",
            "ads",
            "impression",
            "campaign",
            "email",
            "sms",
            "push",
            "social",
            "landing",
            "banner",
            "sent",
            "open",
        ),
        *("تبلیغ", "کمپین", "ایمیل", "پیامک", "بنر"),
    ),
}
# The stages of each template, and where it has what the words tell.
TEMPLATES: dict[str, dict[str, str]] = {
    "purchase": {
        "awareness": "awareness",
        "consideration": "consideration",
        "onboarding": "consideration",
        "purchase": "purchase",
        "experience": "loyalty",
        "support": "loyalty",
        "loyalty": "loyalty",
        "advocacy": "advocacy",
    },
    "service": {
        "awareness": "awareness",
        "consideration": "consideration",
        "purchase": "decision",
        "onboarding": "experience",
        "experience": "experience",
        "loyalty": "retention",
        "advocacy": "retention",
        "support": "support",
    },
    "subscription": {
        "awareness": "awareness",
        "consideration": "engagement",
        "onboarding": "onboarding",
        "purchase": "active",
        "experience": "active",
        "support": "active",
        "loyalty": "retention",
        "advocacy": "advocacy",
    },
}
# As many names of events with an unknown number of endings; a short word must be the whole one.
_SHORTEST_STEM = 4


def guessed(event: str, position: float, template: str, stages: Sequence[str]) -> tuple[str, str]:
    """The stage of an event, and why."""
    separated = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", event)
    # A half-space separates parts of a Persian word.
    name = " ".join(re.findall(r"\w+", separated.replace("_", " ").replace("\u200c", " "))).casefold()
    parts = name.split()
    for meaning, words in WORDS.items():
        for word in words:
            if word.isascii():
                found = any(
                    part.startswith(word) if len(word) >= _SHORTEST_STEM else part in (word, f"{word}s")
                    for part in parts
                )
            else:
                found = word in name
            if found:
                return TEMPLATES[template][meaning], f'by the word "{word}" in its name'
    place = min(int(position * len(stages)), len(stages) - 1)
    return stages[place], f"by its median position, {position:.0%} of the way through its customers' events"


def draft(
    head: str, template: str, stages: Sequence[str], events: Sequence[tuple[str, int, float]], total: int
) -> str:
    """The text of a map with a touchpoint for each event, below the stages of a template."""
    blocks = [
        "# A draft, made from the names and positions of "
        f"{total:,} events. Nobody has looked at it yet: put every touchpoint where it belongs,\n"
        "# give it names in the languages of your readers, join events that are one touchpoint "
        '(event = ["a", "b"]), and remove these comments.\n',
        head,
    ]
    order = {stage: place for place, stage in enumerate(stages)}
    rows = [
        (*guessed(event, position, template, stages), event, count, position)
        for event, count, position in events
    ]
    taken: set[str] = set()
    for stage, reason, event, count, _ in sorted(rows, key=lambda row: (order[row[0]], row[4], row[2])):
        blocks.append(
            f"[[touchpoint]]  # {count:,} events; stage guessed {_comment(reason)}\n"
            f"id = {quoted(_identifier(event, taken))}\n"
            f"stage = {quoted(stage)}\n"
            f"event = {quoted(event)}\n"
        )
    return "\n".join(blocks)


def _comment(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _identifier(event: str, taken: set[str]) -> str:
    """The name of an event as an id: without spaces around it, without control characters, short, and of its own."""
    plain = "".join(
        character if character.isprintable() or character == "\u200c" else " " for character in event
    )
    start = plain.encode()[:150].decode(errors="ignore").strip() or "event"
    found, number = start, 2
    while found in taken or found in ("(start)", "(end)", "(open)"):
        found, number = f"{start} {number}", number + 1
    taken.add(found)
    return found
