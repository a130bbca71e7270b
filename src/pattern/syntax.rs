//! The pattern language: what may follow what, read from text.
//!
//! ```text
//! pattern  = sequence, { "within", DURATION | "same", COLUMN, { ",", COLUMN } }
//! sequence = part, { ( "->" | "=>" ), [ "[", [ LEAST, ".." ], [ LONGEST ], "]" ], part }
//! part     = item, [ "*" | "+" | "?" | "{", LEAST, [ ",", [ MOST ] ], "}" ] | "!", event, "within", DURATION
//! item     = event | "(", sequence, { "|", sequence }, [ "within", DURATION ], ")"
//! event    = "!", event | "!", "(", event, { "|", event }, ")"
//!          | ( NAME | "." | COLUMN, ":", VALUE ), [ "[", condition, "]" ]
//! ```

use std::ops::Range;

use crate::error::{Error, Result};
use crate::expression::{Expression, show};

/// Bytes of the text.
pub(super) type Span = (usize, usize);

/// How deep parentheses may nest: reading and compiling recurse.
const MOST_DEPTH: usize = 50;
/// More counts than this never fit the positions of a pattern.
const MOST_COUNT: usize = 1_000;
/// As in Python: times lie in 1900–2200, and time + duration stays inside 64 bits.
const LONGEST_US: i64 = 1_000 * 366 * 86_400_000_000;
/// Limits, of groups and of the whole, that one pattern may have.
pub(super) const MOST_LIMITS: usize = 4;
/// Different kinds of events, one bit each.
pub(super) const MOST_CLASSES: usize = 64;

/// A pattern as it was written.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub(super) root: Node,
    pub(super) classes: Vec<Class>,
    pub(super) same: Vec<(String, Span)>,
}

/// A part of a pattern, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) part: Part,
    pub(super) span: Span,
}

#[derive(Debug, Clone)]
pub(super) enum Part {
    /// One event of a class.
    Event(usize),
    /// One after the other.
    Sequence(Box<Node>, Vec<(Arrow, Node)>),
    /// Any one of these.
    Choice(Vec<Node>),
    /// Any number of times, and nothing else.
    Only(Box<Node>),
    /// At least so often, at most so often.
    Count(Box<Node>, usize, Option<usize>),
    /// No longer than `within` from the first event to the last; the number of the limit.
    Limited { inner: Box<Node>, limit: usize, within: i64 },
    /// No event of the class for so long.
    Absence { class: usize, within: i64 },
}

/// What joins two parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrow {
    /// Nothing stands between.
    pub(super) direct: bool,
    /// Least time, µs.
    pub(super) least: i64,
    /// Longest time, µs; the largest number for none.
    pub(super) longest: i64,
    pub(super) span: Span,
}

impl Arrow {
    pub(super) fn is_timed(&self) -> bool {
        self.least > 0 || self.longest < i64::MAX
    }
}

/// A kind of event: any of the terms, or, negated, none of them.
#[derive(Debug, Clone)]
pub(super) struct Class {
    pub(super) terms: Vec<Term>,
    pub(super) negated: bool,
}

/// A name, or any name, and a condition.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub(super) name: Option<(String, Span)>,
    pub(super) condition: Option<Expression>,
}

impl Class {
    fn equals(&self, other: &Self) -> bool {
        let name = |term: &Term| term.name.as_ref().map(|(name, _)| name.clone());
        self.negated == other.negated
            && self.terms.len() == other.terms.len()
            && self
                .terms
                .iter()
                .zip(&other.terms)
                .all(|(one, two)| name(one) == name(two) && one.condition == two.condition)
    }
}

pub(super) fn error(text: &str, span: Span, message: &str) -> Error {
    Error::Argument(located(text, span, message))
}

pub(super) fn located(text: &str, span: Span, message: &str) -> String {
    show(text, &Range { start: span.0, end: span.1 }, &format!("can't read the pattern: {message}"))
}

/// The tree of a whole text.
pub(super) fn parse(text: &str) -> Result<Tree> {
    let mut parser = Parser { text, at: 0, depth: 0, classes: Vec::new(), limits: 0 };
    let inner = parser.sequence()?;
    let (within, same) = parser.limits(true)?;
    if parser.peek().is_some() {
        return Err(parser.unexpected("\"->\", \"=>\", \"within\", \"same\" or the end"));
    }
    let root = parser.limited(inner, within)?;
    Ok(Tree { root, classes: parser.classes, same })
}

/// A parser by recursive descent, without a lexer: what a character means depends on where it stands.
struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    classes: Vec<Class>,
    limits: usize,
}

impl<'a> Parser<'a> {
    /// The next character that is no space.
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, symbol: &str) -> bool {
        self.peek();
        let found = self.text[self.at..].starts_with(symbol);
        self.at += if found { symbol.len() } else { 0 };
        found
    }

    fn error(&self, start: usize, message: &str) -> Error {
        error(self.text, (start, self.at.max(start)), message)
    }

    /// An error at what comes next.
    fn unexpected(&mut self, expected: &str) -> Error {
        let next = self.peek();
        let start = self.at;
        let Some(next) = next else {
            return self.error(start, &format!("expected {expected}, the pattern ends"));
        };
        let rest = &self.text[start..];
        let found: &str = if is_word_start(next) {
            self.word()
        } else if rest.starts_with("->") || rest.starts_with("=>") {
            &rest[..2]
        } else {
            &rest[..next.len_utf8()]
        };
        self.at = start + found.len();
        let hint = match next {
            '→' | '›' | '»' | '>' => "; write \"->\" for later, \"=>\" for directly after",
            '|' => "; alternatives stand in parentheses: (a | b)",
            ')' => "; this parenthesis was never opened",
            ',' | '،' | ';' => "; parts are joined with \"->\"",
            '‘' | '’' | '“' | '”' | '«' => "; write names between ' or \"",
            '*' | '+' | '?' | '{' => "; a part has one count, and it stands right behind the part",
            '[' => "; a condition stands behind an event, a time behind an arrow",
            _ if is_word_start(next) && expected.starts_with("\"->\"") => {
                "; names of several words stand in quotes, and parts are joined with \"->\""
            }
            _ => "",
        };
        let found = found.to_owned();
        self.error(start, &format!("expected {expected}, found {found}{hint}"))
    }

    /// A word from here on; empty if none stands here.
    fn word(&self) -> &'a str {
        let rest = &self.text[self.at..];
        let mut end = 0;
        let mut characters = rest.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let inside = matches!(character, '-' | '.' | '/')
                && at > 0
                && characters.peek().is_some_and(|(_, next)| is_word_start(*next));
            if !(is_word_start(character) || (at > 0 && character == '\u{200c}') || inside) {
                break;
            }
            end = at + character.len_utf8();
        }
        &rest[..end]
    }

    /// Takes a word that the language itself uses.
    fn keyword(&mut self, wanted: &str) -> bool {
        self.peek();
        let word = self.word();
        let found = word.eq_ignore_ascii_case(wanted);
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// A word, or text in quotes, where the quote itself is written twice; and whether it was quoted.
    fn name(&mut self, what: &str) -> Result<(String, Span, bool)> {
        let next = self.peek();
        let start = self.at;
        let Some(quote @ ('"' | '\'' | '`')) = next else {
            let word = self.word();
            if word.is_empty() {
                return Err(self.unexpected(what));
            }
            self.at += word.len();
            return Ok((word.to_owned(), (start, self.at), false));
        };
        let mut content = String::new();
        self.at += 1;
        loop {
            let Some(found) = self.text[self.at..].find(quote) else {
                self.at = start + 1;
                return Err(self.error(start, &format!("expected a closing {quote} for this one")));
            };
            content.push_str(&self.text[self.at..self.at + found]);
            self.at += found + 1;
            if !self.text[self.at..].starts_with(quote) {
                break;
            }
            content.push(quote);
            self.at += 1;
        }
        if content.is_empty() {
            return Err(self.error(start, &format!("expected {what} between the quotes")));
        }
        Ok((content, (start, self.at), true))
    }

    fn sequence(&mut self) -> Result<Node> {
        self.peek();
        let start = self.at;
        let first = self.part()?;
        let mut rest = Vec::new();
        while let Some(arrow) = self.arrow()? {
            let part = self.part()?;
            if matches!(part.part, Part::Absence { .. }) && (arrow.direct || arrow.is_timed()) {
                return Err(error(
                    self.text,
                    arrow.span,
                    "an absence is joined with a plain \"->\": it says itself how long it lasts",
                ));
            }
            rest.push((arrow, part));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Node { part: Part::Sequence(Box::new(first), rest), span: (start, self.at) })
    }

    fn arrow(&mut self) -> Result<Option<Arrow>> {
        self.peek();
        let start = self.at;
        let direct = self.take("=>");
        if !direct && !self.take("->") {
            return Ok(None);
        }
        let (mut least, mut longest) = (0, i64::MAX);
        if self.take("[") {
            let from = self.at;
            let first =
                if self.peek().is_some_and(|next| next.is_ascii_digit()) { Some(self.duration()?) } else { None };
            if self.take("..") {
                least = first.unwrap_or(0);
                if self.peek().is_some_and(|next| next.is_ascii_digit()) {
                    longest = self.duration()?;
                } else if first.is_none() {
                    return Err(self.unexpected("a time such as 2h"));
                }
            } else if let Some(first) = first {
                longest = first;
            } else {
                return Err(self.unexpected("a longest time such as 2h, or a range such as 10m..2h"));
            }
            if least > longest {
                return Err(self.error(from, "the least time is longer than the longest"));
            }
            if !self.take("]") {
                return Err(self.unexpected("\"]\" after the time"));
            }
        }
        Ok(Some(Arrow { direct, least, longest, span: (start, self.at) }))
    }

    fn part(&mut self) -> Result<Node> {
        let next = self.peek();
        let start = self.at;
        let item = match next {
            Some('(') => self.group()?,
            Some('!') => {
                let class = self.negation()?;
                let span = (start, self.at);
                if self.keyword("within") {
                    let within = self.duration()?;
                    let class = Class { negated: !class.negated, ..class };
                    let part = Part::Absence { class: self.class(class)?, within };
                    return Ok(Node { part, span: (start, self.at) });
                }
                if class.terms.iter().any(|term| term.name.is_none() && term.condition.is_none()) {
                    return Err(error(
                        self.text,
                        span,
                        "no event is other than any event; an absence of all events needs its time: !. within 30d",
                    ));
                }
                Node { part: Part::Event(self.class(class)?), span }
            }
            _ => {
                let term = self.event()?;
                let class = self.class(Class { terms: vec![term], negated: false })?;
                Node { part: Part::Event(class), span: (start, self.at) }
            }
        };
        self.counted(item, start)
    }

    /// The count behind an item.
    fn counted(&mut self, item: Node, start: usize) -> Result<Node> {
        let inner = Box::new(item);
        let part = if self.take("*") {
            Part::Only(inner)
        } else if self.take("+") {
            Part::Count(inner, 1, None)
        } else if self.take("?") {
            Part::Count(inner, 0, Some(1))
        } else if self.take("{") {
            let from = self.at;
            let least = self.number()?;
            let most = if !self.take(",") {
                Some(least)
            } else if self.peek() == Some('}') {
                None
            } else {
                Some(self.number()?)
            };
            if most.is_some_and(|most| most < least.max(1)) {
                return Err(self.error(from, "expected a count such as {2}, {2,} or {2,4}, the smaller number first"));
            }
            if !self.take("}") {
                return Err(self.unexpected("\"}\" after the count"));
            }
            Part::Count(inner, least, most)
        } else {
            return Ok(*inner);
        };
        Ok(Node { part, span: (start, self.at) })
    }

    fn number(&mut self) -> Result<usize> {
        self.peek();
        let start = self.at;
        let digits = self.text[start..].bytes().take_while(u8::is_ascii_digit).count();
        self.at += digits;
        match self.text[start..self.at].parse() {
            Ok(number) if number <= MOST_COUNT => Ok(number),
            _ if digits == 0 => Err(self.unexpected("a count such as {2}, {2,} or {2,4}")),
            _ => Err(self.error(start, &format!("expected a count up to {MOST_COUNT}"))),
        }
    }

    fn group(&mut self) -> Result<Node> {
        let start = self.at;
        self.at += 1;
        if self.depth == MOST_DEPTH {
            return Err(self.error(start, &format!("expected at most {MOST_DEPTH} levels of parentheses")));
        }
        self.depth += 1;
        let mut branches = vec![self.sequence()?];
        while self.take("|") {
            branches.push(self.sequence()?);
        }
        self.depth -= 1;
        let (within, _) = self.limits(false)?;
        if within.is_some() && self.peek() == Some('|') {
            let start = self.at;
            self.at += 1;
            return Err(self.error(
                start,
                "a limit stands at the end of a group; for one of its branches give that its own parentheses: \
                 ((a -> b within 2h) | c)",
            ));
        }
        if !self.take(")") {
            return Err(self.unexpected("\"->\", \"=>\", \"|\", \"within\" or \")\""));
        }
        let node = match self.one_class(&branches)? {
            Some(class) => Node { part: Part::Event(class), span: (start, self.at) },
            None if branches.len() == 1 => branches.remove(0),
            None => Node { part: Part::Choice(branches), span: (start, self.at) },
        };
        self.limited(Node { span: (start, self.at), ..node }, within)
    }

    /// The class of alternatives that are single events.
    fn one_class(&mut self, branches: &[Node]) -> Result<Option<usize>> {
        let mut terms = Vec::new();
        for branch in branches {
            match branch.part {
                Part::Event(class) if !self.classes[class].negated => {
                    terms.extend(self.classes[class].terms.iter().cloned());
                }
                _ => return Ok(None),
            }
        }
        if branches.len() == 1 { Ok(None) } else { self.class(Class { terms, negated: false }).map(Some) }
    }

    fn limited(&mut self, inner: Node, within: Option<(i64, Span)>) -> Result<Node> {
        let Some((within, at)) = within else { return Ok(inner) };
        if self.limits == MOST_LIMITS {
            return Err(error(
                self.text,
                at,
                &format!("expected \"within\" at most {MOST_LIMITS} times in one pattern"),
            ));
        }
        let limit = self.limits;
        self.limits += 1;
        let span = inner.span;
        Ok(Node { part: Part::Limited { inner: Box::new(inner), limit, within }, span })
    }

    /// The limits at the end of the pattern, or of a group.
    #[allow(clippy::type_complexity, reason = "the two limits, as they are used at once")]
    fn limits(&mut self, whole: bool) -> Result<(Option<(i64, Span)>, Vec<(String, Span)>)> {
        let (mut within, mut same) = (None, Vec::new());
        loop {
            self.peek();
            let start = self.at;
            if self.keyword("within") {
                let found = self.duration()?;
                if within.is_some() {
                    return Err(self.error(start, "within is given twice"));
                }
                within = Some((found, (start, self.at)));
            } else if self.keyword("same") {
                if !whole {
                    return Err(self.error(start, "same holds for the whole pattern: write it at the end"));
                }
                loop {
                    let (name, span, _) = self.name("a column")?;
                    same.push((name, span));
                    if !self.take(",") {
                        break;
                    }
                }
            } else {
                break;
            }
        }
        let limited = within.is_some() || !same.is_empty();
        self.peek();
        let rest = &self.text[self.at..];
        if limited && (rest.starts_with("->") || rest.starts_with("=>")) {
            let start = self.at;
            self.at += 2;
            return Err(self.error(
                start,
                "limits stand at the end; a limit for some parts goes into their parentheses: (a -> b within 2h) -> c",
            ));
        }
        Ok((within, same))
    }

    /// What follows "!".
    fn negation(&mut self) -> Result<Class> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some('!') => {
                self.at += 1;
                Err(self.error(start, "two negations: leave both out"))
            }
            Some('(') => {
                self.at += 1;
                let mut terms = vec![self.event()?];
                while self.take("|") {
                    terms.push(self.event()?);
                }
                if !self.take(")") {
                    return Err(self.unexpected(
                        "\"|\" or \")\": only single events can be negated, as in !(a | b); to say that they do not \
                         come for a time, write !a within 2h,",
                    ));
                }
                Ok(Class { terms, negated: true })
            }
            _ => Ok(Class { terms: vec![self.event()?], negated: true }),
        }
    }

    fn event(&mut self) -> Result<Term> {
        let next = self.peek();
        let start = self.at;
        let mut term = Term { name: None, condition: None };
        let mut written = None;
        if next == Some('.') {
            self.at += 1;
        } else {
            let (name, span, quoted) = self.name("an event")?;
            if !quoted && ["within", "same"].iter().any(|word| name.eq_ignore_ascii_case(word)) {
                let message = format!("expected an event before {name}; an event of that name is written \"{name}\"");
                return Err(self.error(start, &message));
            }
            if self.text[self.at..].starts_with(':') {
                self.at += 1;
                written = Some(self.shorthand(&name)?);
            } else if self.text[start..].starts_with('`') {
                return Err(self.error(start, "backquotes are for columns; write events between ' or \""));
            } else {
                term.name = Some((name, span));
            }
        }
        if self.take("[") {
            let inner = self.bracketed()?;
            written = Some(match written {
                Some(first) => format!("{first} and ({inner})"),
                None => inner.to_owned(),
            });
        }
        term.condition = written.as_deref().map(Expression::parse).transpose()?;
        Ok(term)
    }

    /// The condition of `column:value`.
    fn shorthand(&mut self, column: &str) -> Result<String> {
        let (value, _, quoted) = self.name("a value")?;
        let number = !quoted
            && value.parse::<f64>().is_ok_and(f64::is_finite)
            && value.starts_with(|c: char| c.is_ascii_digit());
        let truth = !quoted && matches!(value.as_str(), "true" | "false");
        let literal = if number || truth { value } else { format!("'{}'", value.replace('\'', "''")) };
        Ok(format!("`{}` = {literal}", column.replace('`', "``")))
    }

    /// The text up to the bracket that closes; one inside quotes does not.
    fn bracketed(&mut self) -> Result<&'a str> {
        let start = self.at;
        let mut quote = None;
        for (at, character) in self.text[start..].char_indices() {
            match quote {
                Some(open) if open == character => quote = None,
                None if character == ']' => {
                    self.at = start + at + 1;
                    return Ok(&self.text[start..start + at]);
                }
                None if matches!(character, '\'' | '"' | '`') => quote = Some(character),
                _ => {}
            }
        }
        Err(error(self.text, (start - 1, start), "expected a closing ] for this one"))
    }

    fn duration(&mut self) -> Result<i64> {
        self.peek();
        let start = self.at;
        let bytes = self.text.as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut end = start + digits(start);
        if end == start {
            return Err(self.unexpected("a time such as 30m, 2h or 7d"));
        }
        let whole = !(bytes.get(end) == Some(&b'.') && digits(end + 1) > 0);
        if !whole {
            end += 1 + digits(end + 1);
        }
        let number = &self.text[start..end];
        self.at = end;
        self.peek();
        let unit_start = self.at;
        let unit: &str = {
            let rest = &self.text[unit_start..];
            let length = rest.find(|character: char| !character.is_alphanumeric()).unwrap_or(rest.len());
            &rest[..length]
        };
        self.at = unit_start + unit.len();
        let length = match unit {
            "w" => 604_800_000_000_i64,
            "d" => 86_400_000_000,
            "h" => 3_600_000_000,
            "m" => 60_000_000,
            "s" => 1_000_000,
            "ms" => 1_000,
            "us" => 1,
            _ => {
                return Err(self.error(
                    start,
                    "expected a number and a unit (w weeks, d days, h hours, m minutes, s seconds, ms, us), such as \
                     30m, 2h or 7d",
                ));
            }
        };
        let total = if whole {
            number.parse::<i64>().ok().and_then(|number| number.checked_mul(length))
        } else {
            number.parse::<f64>().ok().map(|number| (number * length as f64).round_ties_even() as i64)
        };
        match total {
            Some(0) => Err(self.error(start, "a time must be longer than 0")),
            Some(total) if total <= LONGEST_US => Ok(total),
            _ => Err(self.error(start, "a time must not be longer than 1000 years")),
        }
    }

    /// The number of a class; equal ones share it.
    fn class(&mut self, class: Class) -> Result<usize> {
        if let Some(known) = self.classes.iter().position(|known| known.equals(&class)) {
            return Ok(known);
        }
        if self.classes.len() == MOST_CLASSES {
            return Err(self.error(self.at, &format!("expected at most {MOST_CLASSES} kinds of events in one pattern")));
        }
        self.classes.push(class);
        Ok(self.classes.len() - 1)
    }
}

fn is_word_start(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
