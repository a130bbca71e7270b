//! A condition as tokens: words, symbols, numbers, quoted texts and names.

use std::ops::Range;

use super::tree::{Comparison, Literal, Operator};

/// Where a text stops making sense, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The bytes of the text that the message is about.
    pub span: Range<usize>,
    /// What was expected.
    pub message: String,
}

pub(super) type Result<T> = std::result::Result<T, Fault>;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Column(String),
    Literal(Literal),
    And,
    Or,
    Not,
    In,
    Is,
    Null,
    Compare(Comparison),
    Operator(Operator),
    Open,
    Close,
    Comma,
    End,
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        if first.is_whitespace() {
            start += first.len_utf8();
            continue;
        }
        let (kind, length) = token(text, start, first)?;
        tokens.push(Token { kind, span: start..start + length });
        start += length;
    }
    tokens.push(Token { kind: TokenKind::End, span: text.len()..text.len() });
    Ok(tokens)
}

/// The token that starts at a place of the text, and its length in bytes.
fn token(text: &str, start: usize, first: char) -> Result<(TokenKind, usize)> {
    let rest = &text[start..];
    let symbol = match rest.as_bytes() {
        [b'=', b'=', ..] => Some((TokenKind::Compare(Comparison::Equal), 2)),
        [b'!', b'=', ..] | [b'<', b'>', ..] => Some((TokenKind::Compare(Comparison::NotEqual), 2)),
        [b'<', b'=', ..] => Some((TokenKind::Compare(Comparison::LessOrEqual), 2)),
        [b'>', b'=', ..] => Some((TokenKind::Compare(Comparison::GreaterOrEqual), 2)),
        [b'=', ..] => Some((TokenKind::Compare(Comparison::Equal), 1)),
        [b'<', ..] => Some((TokenKind::Compare(Comparison::Less), 1)),
        [b'>', ..] => Some((TokenKind::Compare(Comparison::Greater), 1)),
        [b'+', ..] => Some((TokenKind::Operator(Operator::Add), 1)),
        [b'-', ..] => Some((TokenKind::Operator(Operator::Subtract), 1)),
        [b'*', ..] => Some((TokenKind::Operator(Operator::Multiply), 1)),
        [b'/', ..] => Some((TokenKind::Operator(Operator::Divide), 1)),
        [b'(', ..] => Some((TokenKind::Open, 1)),
        [b')', ..] => Some((TokenKind::Close, 1)),
        [b',', ..] => Some((TokenKind::Comma, 1)),
        _ => None,
    };
    if let Some(symbol) = symbol {
        return Ok(symbol);
    }
    match first {
        '\'' | '"' | '`' => quoted(text, start, first),
        '0'..='9' => number(text, start),
        _ if first.is_alphabetic() || first == '_' => {
            let length = rest.find(|c| !is_name_part(c)).unwrap_or(rest.len());
            Ok((word(&rest[..length]), length))
        }
        _ => {
            let hint = match first {
                '&' => "; write \"and\"",
                '|' => "; write \"or\"",
                '!' => "; write \"not\" or \"!=\"",
                '‘' | '’' | '“' | '”' | '«' | '»' => "; write texts between ' or \"",
                '،' => "; write \",\"",
                '.' => "; write decimals as 0.5",
                _ if first.is_numeric() => "; write numbers with the digits 0 to 9",
                _ => "; write names with such characters between backquotes",
            };
            Err(syntax(&(start..start + first.len_utf8()), &format!("{first:?} has no meaning here{hint}")))
        }
    }
}

/// The zero-width non-joiner is part of many Persian words.
fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '\u{200c}')
}

fn word(word: &str) -> TokenKind {
    match word.to_ascii_lowercase().as_str() {
        "and" => TokenKind::And,
        "or" => TokenKind::Or,
        "not" => TokenKind::Not,
        "in" => TokenKind::In,
        "is" => TokenKind::Is,
        "null" => TokenKind::Null,
        "true" => TokenKind::Literal(Literal::Boolean(true)),
        "false" => TokenKind::Literal(Literal::Boolean(false)),
        _ => TokenKind::Column(word.to_owned()),
    }
}

/// A text or a backquoted name; the quote itself is written twice.
fn quoted(text: &str, start: usize, quote: char) -> Result<(TokenKind, usize)> {
    let body = &text[start + 1..];
    let mut content = String::new();
    let mut from = 0;
    while let Some(found) = body[from..].find(quote) {
        let end = from + found;
        content.push_str(&body[from..end]);
        if !body[end + 1..].starts_with(quote) {
            let length = end + 2;
            return match quote {
                '`' if content.is_empty() => {
                    Err(syntax(&(start..start + length), "expected a column name between the backquotes"))
                }
                '`' => Ok((TokenKind::Column(content), length)),
                _ => Ok((TokenKind::Literal(Literal::Text(content)), length)),
            };
        }
        content.push(quote);
        from = end + 2;
    }
    let message = format!("expected a closing {quote} for this one");
    Err(syntax(&(start..start + 1), &message))
}

fn number(text: &str, start: usize) -> Result<(TokenKind, usize)> {
    let bytes = &text.as_bytes()[start..];
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut length = digits(0);
    let mut whole = true;
    if bytes.get(length) == Some(&b'.') && digits(length + 1) > 0 {
        whole = false;
        length += 1 + digits(length + 1);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits(length + 1 + sign);
        if exponent > 0 {
            whole = false;
            length += 1 + sign + exponent;
        }
    }
    let tail = text[start + length..].find(|c| !is_name_part(c)).unwrap_or(text.len() - start - length);
    if tail > 0 {
        return Err(syntax(
            &(start..start + length + tail),
            "expected a number such as 3, 0.5 or 1e6; names that start with a digit need backquotes",
        ));
    }
    let written = &text[start..start + length];
    // Integers that the widest exact type can't hold are floats.
    let integer = written.parse().ok().filter(|_| whole && written.trim_start_matches('0').len() <= 38);
    let literal = match integer {
        Some(integer) => Literal::Integer(integer),
        None => match written.parse::<f64>() {
            Ok(number) if number.is_finite() => Literal::Number(number),
            _ => {
                return Err(syntax(&(start..start + length), "expected a number below 1.8e308"));
            }
        },
    };
    Ok((TokenKind::Literal(literal), length))
}

pub(super) fn syntax(span: &Range<usize>, message: &str) -> Fault {
    Fault { span: span.clone(), message: format!("can't read the condition: {message}") }
}
