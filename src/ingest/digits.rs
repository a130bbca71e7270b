//! Persian (۰–۹) and Arabic-Indic (٠–٩) digits, as spreadsheets write them.

/// The decimal separator ٫ and the thousands separator ٬ of these digits, and the minus sign of typesetting.
const DECIMAL: char = '\u{66b}';
const THOUSANDS: char = '\u{66c}';
const MINUS: char = '\u{2212}';

fn ascii(character: char) -> Option<char> {
    let value = match character {
        '۰'..='۹' => character as u32 - '۰' as u32,
        '٠'..='٩' => character as u32 - '٠' as u32,
        _ => return None,
    };
    char::from_digit(value, 10)
}

/// The text with ASCII digits; none where it has no others.
pub fn with_ascii_digits(text: &str) -> Option<String> {
    if text.is_ascii() || !text.chars().any(|character| ascii(character).is_some()) {
        return None;
    }
    Some(text.chars().map(|character| ascii(character).unwrap_or(character)).collect())
}

/// The text with ASCII digits where it is digits alone, such as an id; none where it is not, or they are ASCII.
pub fn digits_alone(text: &str) -> Option<String> {
    let digit = |character: char| if character.is_ascii_digit() { Some(character) } else { ascii(character) };
    if text.is_ascii() { None } else { text.chars().map(digit).collect() }
}

/// The number that a text is, in ASCII or in these digits with their separators.
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.is_ascii() {
        return text.parse().ok();
    }
    let plain = |character| match character {
        DECIMAL => '.',
        MINUS => '-',
        other => ascii(other).unwrap_or(other),
    };
    text.chars().filter(|&character| character != THOUSANDS).map(plain).collect::<String>().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persian_and_arabic_numbers_are_read() {
        for (text, value) in [("۱۲۳٫۵", 123.5), ("−۱٬۲۳۴٫۵", -1_234.5), ("٧", 7.0), (" 7e2 ", 700.0), ("1٫5", 1.5)]
        {
            assert_eq!(number(text), Some(value), "{text}");
        }
        for text in ["", "۱۲a", "1,5", "۱,۲", "٫", "یک"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn only_ids_of_digits_alone_change() {
        assert_eq!(digits_alone("۰۰۷").as_deref(), Some("007"));
        assert_eq!(digits_alone("۱2٣").as_deref(), Some("123"));
        assert_eq!((digits_alone("007"), digits_alone("کاربر ۱"), digits_alone("")), (None, None, None));
        assert_eq!(with_ascii_digits("۲۰۲۶-۰۳-۰۱ ۱۰:۰۵").as_deref(), Some("2026-03-01 10:05"));
        assert_eq!((with_ascii_digits("2026"), with_ascii_digits("یک")), (None, None));
    }
}
