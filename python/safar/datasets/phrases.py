"""What customers write, in Persian and English: an opening, one sentence about the subject, sometimes a closing.

The Persian is as people type it: formal and informal spelling side by side, half-spaces in some words, not in others.
"""

from __future__ import annotations

from typing import Final

NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2
SUBJECTS = ("call", "chat", "delivery", "product", "payment", "store")

# language → for negative, neutral, positive
OPENINGS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "fa": (
        (
            "",
            "",
            "متأسفانه ",
            "واقعا ناامید شدم. ",
            "اصلا راضی نبودم؛ ",
            "خیلی بد بود، ",
            "با احترام، ",
            "ببخشید ولی ",
        ),
        ("", "", "", "در کل بد نبود. ", "معمولی بود، ", "نه خوب نه بد؛ ", "اوکی بود. "),
        ("", "", "", "عالی بود! ", "دمتون گرم، ", "خیلی ممنونم. ", "واقعاً راضی‌ام؛ ", "مرسی، "),
    ),
    "en": (
        ("", "", "Unfortunately, ", "Very disappointed: ", "Honestly, ", "Not happy. ", "Sorry, but "),
        ("", "", "Overall okay, ", "It was fine; ", "Average: ", "So-so, "),
        ("", "", "Great! ", "Really happy: ", "Thank you, ", "Love it, "),
    ),
}

CLOSINGS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "fa": (
        (
            "",
            "",
            "",
            " دیگه خرید نمی‌کنم.",
            " لطفا رسیدگی کنید.",
            " پولم رو پس بدید.",
            " به کسی پیشنهاد نمیکنم.",
            " 😡",
        ),
        ("", "", "", "", " امیدوارم بهتر بشه.", " جای پیشرفت داره."),
        ("", "", "", " حتما باز هم می‌خرم.", " به دوستام معرفی کردم.", " خسته نباشید.", " 🌹", " موفق باشید"),
    ),
    "en": (
        (
            "",
            "",
            "",
            " I will not order again.",
            " Please fix this.",
            " I want my money back.",
            " Would not recommend.",
        ),
        ("", "", "", " Room for improvement.", " Hope it gets better."),
        ("", "", "", " Will buy again.", " Told all my friends.", " Keep it up!", " Recommended."),
    ),
}

SENTENCES: Final[dict[str, dict[str, tuple[tuple[str, ...], ...]]]] = {
    "fa": {
        "call": (
            ("نیم ساعت پشت خط موندم تا کسی جواب بده.", "هیچ‌کس تلفن را جواب نمی‌دهد.",
             "پشتیبانی تلفنی خیلی کنده.",
             "سه بار زنگ زدم و هر بار قطع شد.", "مدت انتظار برای صحبت با کارشناس غیرقابل قبول است.",
             "یک ساعت آهنگ گوش دادم آخرشم مشکلم حل نشد."),
            ("جواب دادند ولی معطل شدم.", "کارشناس مودب بود اما زمان انتظار زیاد بود.",
             "تلفنی راهنمایی کردند، کمی طول کشید."),
            ("کارشناس تلفنی خیلی مودب و کاربلد بود.", "همون تماس اول مشکلم حل شد.",
             "سریع جواب دادند و راهنمایی کامل کردند."),
        ),
        "chat": (
            ("پشتیبان چت فقط جواب آماده می‌داد.", "مشکلم حل نشد و گفتگو رو بستند.",
             "پاسخ پشتیبانی آنلاین بی‌ربط بود."),
            ("پشتیبانی آنلاین جواب داد ولی کامل نبود.", "چت پشتیبانی بد نیست.",
             "باید چند بار سوالم رو تکرار می‌کردم."),
            ("پشتیبانی چت چند دقیقه‌ای جواب داد.", "پشتیبان آنلاین خیلی با حوصله بود.",
             "تو چت سریع کارم راه افتاد."),
        ),
        "delivery": (
            ("بسته‌ام چند روز دیرتر رسید.", "ارسال خیلی طول کشید و کسی خبر نداد.", "کارتن پاره بود و پیک بی‌ادب.",
             "هنوز نرسیده ولی زدید تحویل شده!", "زمان تحویل رعایت نمیشه."),
            ("ارسال به موقع بود ولی بسته‌بندی ضعیف بود.", "یک روز دیرتر رسید.", "پیک قبلش زنگ نزد."),
            ("ارسال سریع و بسته بندی تمیز.", "زودتر از موعد رسید.", "پیک خیلی محترم بود و سالم رسید.",
             "همون روز به دستم رسید."),
        ),
        "product": (
            ("کالا با عکس سایت فرق داشت.", "جنسش اصلا کیفیت نداره.", "سایزش اشتباه بود.",
             "کالای دست دوم فرستادید!",
             "بعد از دو روز خراب شد.", "قیمتش نسبت به کیفیتش گرونه."),
            ("کیفیتش در حد قیمته.", "رنگش کمی با عکس فرق داره.", "بد نیست، انتظار بیشتری داشتم."),
            ("کیفیت کالا عالی و قیمت مناسب.", "دقیقا همونی بود که می‌خواستم.", "اصل بود و سالم.",
             "از خریدم خیلی راضیم."),
        ),
        "payment": (
            ("پرداخت چند بار خطا داد.", "پول از حسابم کم شد ولی سفارش ثبت نشد.",
             "درگاه بانکی توی گوشی باز نمیشه.",
             "سبد خرید خالی شد و باید از اول شروع می‌کردم."),
            ("مراحل خرید کمی طولانیه.", "رمز پویا دیر اومد ولی پرداخت شد.", "اپلیکیشن گاهی کند میشه."),
            ("خرید خیلی راحت و سریع بود.", "پرداخت تو دو دقیقه انجام شد.", "اپلیکیشن روان و ساده است."),
        ),
        "store": (
            ("صف صندوق خیلی شلوغ بود.", "فروشنده‌ها جوابگو نبودند.", "کالایی که تو سایت بود در فروشگاه نبود."),
            ("فروشگاه مرتب بود ولی تنوع کم.", "قیمت‌ها با سایت یکی نیست.", "جای پارک سخت پیدا میشه."),
            ("فروشنده با حوصله راهنمایی کرد.", "فروشگاه تمیز و مرتب بود.", "تنوع اجناس فروشگاه عالیه."),
        ),
    },
    "en": {
        "call": (
            ("I was on hold for half an hour.", "nobody answers the phone.", "the call center is painfully slow.",
             "I called three times and got cut off each time."),
            ("they answered but I had to wait.", "polite agent, long waiting time.",
             "phone support took a while."),
            ("the agent on the phone was polite and knew the job.", "solved in the first call.",
             "they picked up quickly."),
        ),
        "chat": (
            ("chat support only sends canned answers.", "they closed the chat before solving it.",
             "the chat answer had nothing to do with my question."),
            ("chat support answered, not completely though.", "had to repeat my question in the chat."),
            ("chat support answered within minutes.", "the support chat was patient and clear.",
             "quick help in the chat."),
        ),
        "delivery": (
            ("my parcel came days late.", "no news while the delivery kept slipping.", "the box was torn.",
             "it says delivered but I have nothing."),
            ("on time but weak packaging.", "arrived one day late.", "courier did not call first."),
            ("fast delivery and clean packaging.", "arrived earlier than promised.",
             "courier was kind, all intact."),
        ),
        "product": (
            ("the item differs from the photo.", "poor quality for this price.", "wrong size was sent.",
             "it broke after two days."),
            ("quality is what you pay for.", "color is a bit different.", "I expected a little more."),
            ("excellent quality and fair price.", "exactly what I wanted.", "original and in perfect shape."),
        ),
        "payment": (
            ("the payment failed again and again.", "money was taken but no order was made.",
             "the bank page does not open on my phone.",
             "my cart was emptied and I had to start over."),
            ("checkout has too many steps.", "the one-time code came late but it worked.",
             "the app is slow at times."),
            ("checkout was quick and easy.", "paid in two minutes.", "the app is smooth and simple."),
        ),
        "store": (
            ("the queue at the till was endless.", "staff could not help.",
             "the store did not have what the site shows."),
            ("tidy store, little choice.", "store prices differ from the site.", "hard to find parking."),
            ("the staff took their time to help.", "clean and tidy store.", "great choice in the store."),
        ),
    },
}  # fmt: skip
