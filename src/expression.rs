//! The `where` language: a condition over columns, read once and evaluated with Arrow's kernels.
//!
//! ```text
//! condition  = all, { "or", all }
//! all        = not, { "and", not }
//! not        = { "not" }, comparison
//! comparison = sum, [ ( "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ), sum
//!                   | [ "not" ], "in", "(", sum, { ",", sum }, ")"
//!                   | "is", [ "not" ], "null" ]
//! sum        = product, { ( "+" | "-" ), product }
//! product    = value, { ( "*" | "/" ), value }
//! value      = "-", value | "(", condition, ")" | column | number | text | "true" | "false"
//! ```
//!
//! Logic has three values, as in SQL: a comparison with a missing value is neither true nor false, and a row counts
//! only if the whole condition is true. NaN counts as missing, and `/` by zero gives a missing value.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Datum, Decimal128Array, Float64Array, Int64Array, NullArray, StringArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::kernels::{cmp, numeric};
use arrow::compute::{
    CastOptions, and_kleene, cast, cast_with_options, is_not_null, is_null, not, nullif, or_kleene,
    prep_null_mask_filter, take,
};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use arrow::error::ArrowError;
use foldhash::HashSet;

use crate::calendar::{DAY_US, Parsed, parse_time};
use crate::error::{Error, Result};

/// How deep parentheses, `not` and signs may nest. Reading and evaluating recurse, so this bounds the stack that a
/// hostile text can use.
const MAX_DEPTH: usize = 100;

/// Lists longer than this are looked up in a hash set; shorter ones are compared one by one.
const SHORT_LIST: usize = 4;

/// The widest exact integers: all of `u64`, beside those of `i64`.
const WIDE: DataType = DataType::Decimal128(38, 0);

/// A condition that was read from text.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
    root: Node,
}

impl Expression {
    /// Reads a condition; the error shows where it stops making sense, and what was expected there.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parser = Parser { text, tokens: tokens(text)?, next: 0, depth: 0 };
        let root = parser.condition()?;
        let token = parser.peek();
        if token.kind != TokenKind::End {
            let hint = match &token.kind {
                TokenKind::Compare(_) => "\"and\", \"or\" or the end (comparisons don't chain: write a < b and b < c)",
                _ => "an operator, \"and\", \"or\" or the end",
            };
            return Err(parser.expected(hint));
        }
        Ok(Self { text: text.to_owned(), root })
    }

    /// The text that was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of the columns that the condition uses, sorted, each once.
    pub fn columns(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.root.collect_columns(&mut names);
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether the condition is true, for each of `rows` rows. The result has no nulls.
    ///
    /// `lookup` gives a column of `rows` values by its name; it is asked once for each name. Integers are compared
    /// exactly, other numbers as 64-bit floats, texts by code point, times to the microsecond. Times without a zone,
    /// in columns and in the condition, are UTC.
    pub fn evaluate(&self, lookup: &dyn Fn(&str) -> Result<ArrayRef>, rows: usize) -> Result<BooleanArray> {
        let mut evaluator = Evaluator { text: &self.text, lookup, rows, columns: Vec::new() };
        let value = evaluator.value(&self.root)?;
        if !matches!(value.kind, Kind::Boolean | Kind::Missing) {
            let message = format!(
                "a condition must be true or false, and this is {}; compare it with something",
                value.kind.noun()
            );
            return Err(Error::Argument(show(&self.text, &self.root.span, &message)));
        }
        let result = evaluator.spread(&value);
        Ok(if result.null_count() > 0 {
            prep_null_mask_filter(&result)
        } else {
            BooleanArray::new(result.values().clone(), None)
        })
    }
}

/// A part of a condition and where it stands in the text, in bytes.
#[derive(Debug, Clone, PartialEq)]
struct Node {
    part: Part,
    span: Range<usize>,
}

/// Chains are lists, not nested pairs, so that `a or b or c or …` doesn't deepen the tree.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Column(String),
    Literal(Literal),
    Any(Vec<Node>),
    All(Vec<Node>),
    Not(Box<Node>),
    Compare(Comparison, Box<[Node; 2]>),
    In { value: Box<Node>, list: Vec<Node>, negated: bool },
    IsNull { value: Box<Node>, negated: bool },
    Chain { first: Box<Node>, rest: Vec<(Operator, Node)> },
    Negate(Box<Node>),
}

#[derive(Debug, Clone, PartialEq)]
enum Literal {
    Integer(i128),
    Number(f64),
    Text(String),
    Boolean(bool),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Node {
    fn collect_columns<'a>(&'a self, names: &mut Vec<&'a str>) {
        match &self.part {
            Part::Column(name) => names.push(name),
            Part::Literal(_) => {}
            Part::Any(nodes) | Part::All(nodes) => {
                for node in nodes {
                    node.collect_columns(names);
                }
            }
            Part::Not(node) | Part::Negate(node) | Part::IsNull { value: node, .. } => {
                node.collect_columns(names);
            }
            Part::Compare(_, sides) => {
                for side in sides.iter() {
                    side.collect_columns(names);
                }
            }
            Part::In { value, list, .. } => {
                value.collect_columns(names);
                for node in list {
                    node.collect_columns(names);
                }
            }
            Part::Chain { first, rest } => {
                first.collect_columns(names);
                for (_, node) in rest {
                    node.collect_columns(names);
                }
            }
        }
    }
}

/// A message with the line of the text that it is about, and carets under the span.
fn show(text: &str, span: &Range<usize>, message: &str) -> String {
    const BEFORE: usize = 60;
    const AFTER: usize = 40;
    let line_start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[span.start..].find('\n').map_or(text.len(), |at| span.start + at);
    let before: Vec<char> = text[line_start..span.start].chars().collect();
    let marked: Vec<char> = text[span.start..span.end.clamp(span.start, line_end)].chars().collect();
    let after: Vec<char> = text[span.start..line_end].chars().collect();
    let cut = before.len().saturating_sub(BEFORE);
    let mut line = String::from(if cut > 0 { "…" } else { "" });
    line.extend(before[cut..].iter().chain(after.iter().take(AFTER)));
    if after.len() > AFTER {
        line.push('…');
    }
    // A control character would move the caret.
    let line = line.replace(char::is_control, " ");
    let indent = " ".repeat(before.len() - cut + usize::from(cut > 0));
    let carets = "^".repeat(marked.len().clamp(1, AFTER));
    format!("{message}\n  {}\n  {indent}{carets}", line.trim_end())
}

#[derive(Debug, Clone, PartialEq)]
struct Token {
    kind: TokenKind,
    span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
enum TokenKind {
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

fn tokens(text: &str) -> Result<Vec<Token>> {
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
            Err(syntax(text, &(start..start + first.len_utf8()), &format!("{first:?} has no meaning here{hint}")))
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
                    Err(syntax(text, &(start..start + length), "expected a column name between the backquotes"))
                }
                '`' => Ok((TokenKind::Column(content), length)),
                _ => Ok((TokenKind::Literal(Literal::Text(content)), length)),
            };
        }
        content.push(quote);
        from = end + 2;
    }
    let message = format!("expected a closing {quote} for this one");
    Err(syntax(text, &(start..start + 1), &message))
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
            text,
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
                return Err(syntax(text, &(start..start + length), "expected a number below 1.8e308"));
            }
        },
    };
    Ok((TokenKind::Literal(literal), length))
}

fn syntax(text: &str, span: &Range<usize>, message: &str) -> Error {
    let message = format!("can't read the condition: {message}");
    Error::Argument(show(text, span, &message))
}

/// A parser by recursive descent; one method for each level of precedence.
struct Parser<'a> {
    text: &'a str,
    /// The last one is `End`, which is never consumed.
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.next]
    }

    fn take_if(&mut self, kind: &TokenKind) -> bool {
        let found = self.peek().kind == *kind;
        self.next += usize::from(found);
        found
    }

    fn take_or_expect(&mut self, kind: &TokenKind, what: &str) -> Result<()> {
        if self.take_if(kind) { Ok(()) } else { Err(self.expected(what)) }
    }

    fn expected(&self, what: &str) -> Error {
        let token = self.peek();
        let found = match token.kind {
            TokenKind::End => "the text ends".to_owned(),
            _ => format!("found {}", &self.text[token.span.clone()]),
        };
        let message = format!("expected {what}, {found}");
        syntax(self.text, &token.span, &message)
    }

    /// Counts one level of nesting while `read` runs.
    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Node>) -> Result<Node> {
        if self.depth == MAX_DEPTH {
            let message = format!("expected at most {MAX_DEPTH} levels of nesting");
            return Err(syntax(self.text, &self.peek().span, &message));
        }
        self.depth += 1;
        let node = read(self);
        self.depth -= 1;
        node
    }

    /// A node from a start to the end of the last token that was read.
    fn node(&self, start: usize, part: Part) -> Node {
        let end = self.tokens[self.next - 1].span.end;
        Node { part, span: start..end }
    }

    fn condition(&mut self) -> Result<Node> {
        self.joined(&TokenKind::Or, Self::all, Part::Any)
    }

    fn all(&mut self) -> Result<Node> {
        self.joined(&TokenKind::And, Self::not, Part::All)
    }

    fn joined(
        &mut self,
        word: &TokenKind,
        read: fn(&mut Self) -> Result<Node>,
        part: fn(Vec<Node>) -> Part,
    ) -> Result<Node> {
        let first = read(self)?;
        if self.peek().kind != *word {
            return Ok(first);
        }
        let start = first.span.start;
        let mut nodes = vec![first];
        while self.take_if(word) {
            nodes.push(read(self)?);
        }
        Ok(self.node(start, part(nodes)))
    }

    fn not(&mut self) -> Result<Node> {
        let start = self.peek().span.start;
        if self.take_if(&TokenKind::Not) {
            let node = self.nested(Self::not)?;
            return Ok(self.node(start, Part::Not(Box::new(node))));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Node> {
        let left = self.sum()?;
        let start = left.span.start;
        let part = match self.peek().kind {
            TokenKind::Compare(comparison) => {
                self.next += 1;
                let right = self.sum()?;
                Part::Compare(comparison, Box::new([left, right]))
            }
            TokenKind::In => {
                self.next += 1;
                self.list(left, false)?
            }
            TokenKind::Not => {
                self.next += 1;
                self.take_or_expect(&TokenKind::In, "\"in\" after \"not\"")?;
                self.list(left, true)?
            }
            TokenKind::Is => {
                self.next += 1;
                let negated = self.take_if(&TokenKind::Not);
                self.take_or_expect(&TokenKind::Null, "\"null\" or \"not null\" after \"is\"")?;
                Part::IsNull { value: Box::new(left), negated }
            }
            _ => return Ok(left),
        };
        Ok(self.node(start, part))
    }

    fn list(&mut self, value: Node, negated: bool) -> Result<Part> {
        self.take_or_expect(&TokenKind::Open, "\"(\" and a list of values after \"in\"")?;
        let mut list = vec![self.sum()?];
        while self.take_if(&TokenKind::Comma) {
            list.push(self.sum()?);
        }
        self.take_or_expect(&TokenKind::Close, "\",\" or \")\" in the list of values")?;
        Ok(Part::In { value: Box::new(value), list, negated })
    }

    fn sum(&mut self) -> Result<Node> {
        self.chain(Self::product, |operator| matches!(operator, Operator::Add | Operator::Subtract))
    }

    fn product(&mut self) -> Result<Node> {
        self.chain(Self::operand, |operator| matches!(operator, Operator::Multiply | Operator::Divide))
    }

    fn chain(&mut self, read: fn(&mut Self) -> Result<Node>, belongs: fn(Operator) -> bool) -> Result<Node> {
        let first = read(self)?;
        let start = first.span.start;
        let mut rest = Vec::new();
        while let TokenKind::Operator(operator) = self.peek().kind
            && belongs(operator)
        {
            self.next += 1;
            rest.push((operator, read(self)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        let first = Box::new(first);
        Ok(self.node(start, Part::Chain { first, rest }))
    }

    fn operand(&mut self) -> Result<Node> {
        let start = self.peek().span.start;
        let part = match &self.peek().kind {
            TokenKind::Column(name) => Part::Column(name.clone()),
            TokenKind::Literal(literal) => Part::Literal(literal.clone()),
            TokenKind::Open => {
                self.next += 1;
                let node = self.nested(Self::condition)?;
                self.take_or_expect(&TokenKind::Close, "\")\"")?;
                return Ok(self.node(start, node.part));
            }
            TokenKind::Operator(Operator::Subtract) => {
                self.next += 1;
                let node = self.nested(Self::operand)?;
                let part = match node.part {
                    Part::Literal(Literal::Integer(value)) => Part::Literal(Literal::Integer(-value)),
                    Part::Literal(Literal::Number(value)) => Part::Literal(Literal::Number(-value)),
                    part => Part::Negate(Box::new(Node { part, span: node.span })),
                };
                return Ok(self.node(start, part));
            }
            TokenKind::Null => {
                return Err(self.expected("a value (ask for missing ones with \"is null\")"));
            }
            _ => {
                return Err(self.expected("a value: a column, a number, a 'text', true or false"));
            }
        };
        self.next += 1;
        Ok(self.node(start, part))
    }
}

/// What the values of a part are. Each kind has one Arrow type, except for texts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// `Int64`.
    Integer,
    /// `Decimal128(38, 0)`, for integers beyond `i64`.
    Wide,
    /// `Float64`, without NaN and negative zero, which Arrow's kernels would order and tell apart.
    Number,
    /// Any of Arrow's string types, or a dictionary of one.
    Text,
    Boolean,
    /// `Int64`: UTC microseconds.
    Time,
    /// `Null`: a column without any value.
    Missing,
    /// Any type that has only `is null`.
    Other,
}

impl Kind {
    fn noun(self) -> &'static str {
        match self {
            Self::Integer | Self::Wide | Self::Number => "a number",
            Self::Text => "a text",
            Self::Boolean => "true or false",
            Self::Time => "a time",
            Self::Missing => "missing",
            Self::Other => "of a type without comparisons",
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Wide | Self::Number)
    }
}

/// The values of a part: one for each row, or one for all.
#[derive(Debug, Clone)]
struct Value {
    array: ArrayRef,
    kind: Kind,
    constant: bool,
}

impl Datum for Value {
    fn get(&self) -> (&dyn Array, bool) {
        (self.array.as_ref(), self.constant)
    }
}

impl Value {
    fn constant(kind: Kind, array: impl Array + 'static) -> Self {
        Self { array: Arc::new(array), kind, constant: true }
    }

    fn with_array(&self, kind: Kind, array: ArrayRef) -> Self {
        Self { array, kind, constant: self.constant }
    }

    fn cast(&self, kind: Kind, to: &DataType) -> Result<Self> {
        Ok(self.with_array(kind, cast(&self.array, to)?))
    }

    /// The same numbers as floats.
    fn as_number(&self) -> Result<Self> {
        match self.kind {
            Kind::Number => Ok(self.clone()),
            _ => self.cast(Kind::Number, &DataType::Float64),
        }
    }

    fn as_wide(&self) -> Result<Self> {
        match self.kind {
            Kind::Wide => Ok(self.clone()),
            _ => self.cast(Kind::Wide, &WIDE),
        }
    }
}

/// Evaluates a condition over one set of columns.
struct Evaluator<'a> {
    text: &'a str,
    lookup: &'a dyn Fn(&str) -> Result<ArrayRef>,
    rows: usize,
    /// The columns that were looked up: name, type as given, and values.
    columns: Vec<(&'a str, DataType, Value)>,
}

impl<'a> Evaluator<'a> {
    fn value(&mut self, node: &'a Node) -> Result<Value> {
        match &node.part {
            Part::Column(name) => self.column(name),
            Part::Literal(literal) => Ok(constant(literal)),
            Part::Any(nodes) => self.joined(nodes, "or", or_kleene),
            Part::All(nodes) => self.joined(nodes, "and", and_kleene),
            Part::Not(inner) => {
                let value = self.condition(inner, "not")?;
                let array = not(value.array.as_boolean())?;
                Ok(value.with_array(Kind::Boolean, Arc::new(array)))
            }
            Part::Compare(comparison, sides) => {
                let [left, right] = sides.as_ref();
                let (left_value, right_value) = (self.value(left)?, self.value(right)?);
                self.compare(*comparison, (left, &left_value), (right, &right_value))
            }
            Part::In { value, list, negated } => self.contained(value, list, *negated),
            Part::IsNull { value, negated } => {
                let value = self.value(value)?;
                let test = if *negated { is_not_null } else { is_null };
                let array = test(value.array.as_ref())?;
                Ok(value.with_array(Kind::Boolean, Arc::new(array)))
            }
            Part::Chain { first, rest } => self.chain(first, rest),
            Part::Negate(inner) => self.negate(inner),
        }
    }

    fn column(&mut self, name: &'a str) -> Result<Value> {
        if let Some((_, _, value)) = self.columns.iter().find(|(known, _, _)| *known == name) {
            return Ok(value.clone());
        }
        let array = (self.lookup)(name)?;
        if array.len() != self.rows {
            return Err(Error::Internal(format!(
                "column \"{name}\" has {} values for {} rows",
                array.len(),
                self.rows
            )));
        }
        let data_type = array.data_type().clone();
        let value = read(&array)?;
        self.columns.push((name, data_type, value.clone()));
        Ok(value)
    }

    /// The value of a part that a logical word joins, which must be a condition.
    fn condition(&mut self, node: &'a Node, word: &str) -> Result<Value> {
        let value = self.value(node)?;
        match value.kind {
            Kind::Boolean => Ok(value),
            Kind::Missing => {
                let array = BooleanArray::new_null(value.array.len());
                Ok(value.with_array(Kind::Boolean, Arc::new(array)))
            }
            _ => Err(self.mistyped(
                node,
                &format!(
                    "\"{word}\" needs conditions, and {} isn't true or false; compare it with something",
                    self.described(node, &value)
                ),
            )),
        }
    }

    fn joined(
        &mut self,
        nodes: &'a [Node],
        word: &str,
        join: fn(&BooleanArray, &BooleanArray) -> std::result::Result<BooleanArray, ArrowError>,
    ) -> Result<Value> {
        let mut joined: Option<BooleanArray> = None;
        for node in nodes {
            let value = self.condition(node, word)?;
            let array = self.spread(&value);
            joined = Some(match joined {
                Some(joined) => join(&joined, &array)?,
                None => array,
            });
        }
        let joined = joined.ok_or_else(|| Error::Internal(format!("an empty \"{word}\"")))?;
        Ok(self.per_row(Kind::Boolean, Arc::new(joined)))
    }

    fn per_row(&self, kind: Kind, array: ArrayRef) -> Value {
        debug_assert_eq!(array.len(), self.rows);
        Value { array, kind, constant: false }
    }

    /// The truth of a condition, for each row.
    fn spread(&self, value: &Value) -> BooleanArray {
        match value.array.as_boolean_opt() {
            Some(array) if !value.constant => array.clone(),
            Some(array) if array.is_valid(0) => {
                let values = if array.value(0) {
                    BooleanBuffer::new_set(self.rows)
                } else {
                    BooleanBuffer::new_unset(self.rows)
                };
                BooleanArray::new(values, None)
            }
            _ => BooleanArray::new_null(self.rows),
        }
    }

    fn compare(&self, comparison: Comparison, left: (&'a Node, &Value), right: (&'a Node, &Value)) -> Result<Value> {
        let constant = left.1.constant && right.1.constant;
        let (left, right) = match (left.1.kind, right.1.kind) {
            (Kind::Other, _) | (_, Kind::Other) => return Err(self.mismatch(left, right)),
            (Kind::Missing, _) | (_, Kind::Missing) => {
                let rows = if constant { 1 } else { self.rows };
                return Ok(Value { array: Arc::new(BooleanArray::new_null(rows)), kind: Kind::Boolean, constant });
            }
            (Kind::Text, Kind::Text) => alike(left.1, right.1)?,
            (Kind::Time, Kind::Text) => (left.1.clone(), self.time(left, right)?),
            (Kind::Text, Kind::Time) => (self.time(right, left)?, right.1.clone()),
            (one, other) if one == other => (left.1.clone(), right.1.clone()),
            (one, other) if one.is_number() && other.is_number() => {
                if one == Kind::Number || other == Kind::Number {
                    (left.1.as_number()?, right.1.as_number()?)
                } else {
                    (left.1.as_wide()?, right.1.as_wide()?)
                }
            }
            _ => return Err(self.mismatch(left, right)),
        };
        let kernel = match comparison {
            Comparison::Equal => cmp::eq,
            Comparison::NotEqual => cmp::neq,
            Comparison::Less => cmp::lt,
            Comparison::LessOrEqual => cmp::lt_eq,
            Comparison::Greater => cmp::gt,
            Comparison::GreaterOrEqual => cmp::gt_eq,
        };
        Ok(Value { array: Arc::new(kernel(&left, &right)?), kind: Kind::Boolean, constant })
    }

    /// The time that a text literal means beside a time.
    fn time(&self, time: (&'a Node, &Value), text: (&'a Node, &Value)) -> Result<Value> {
        if let Part::Literal(Literal::Text(literal)) = &text.0.part
            && let Parsed::Utc(time) | Parsed::Local(time) = parse_time(literal)
        {
            return Ok(Value::constant(Kind::Time, Int64Array::from(vec![time])));
        }
        Err(self.mismatch(time, text))
    }

    fn contained(&mut self, value: &'a Node, list: &'a [Node], negated: bool) -> Result<Value> {
        let left = self.value(value)?;
        let found = match looked_up(&left, list)? {
            Some(found) => found,
            None => self.compared_with_each(value, &left, list)?,
        };
        let found = if negated { not(&found)? } else { found };
        Ok(self.per_row(Kind::Boolean, Arc::new(found)))
    }

    fn compared_with_each(&mut self, value: &'a Node, left: &Value, list: &'a [Node]) -> Result<BooleanArray> {
        let mut found = BooleanArray::new(BooleanBuffer::new_unset(self.rows), None);
        for node in list {
            let right = self.value(node)?;
            let equal = self.compare(Comparison::Equal, (value, left), (node, &right))?;
            found = or_kleene(&found, &self.spread(&equal))?;
        }
        Ok(found)
    }

    fn chain(&mut self, first: &'a Node, rest: &'a [(Operator, Node)]) -> Result<Value> {
        let mut left = self.numeric(first)?;
        for (operator, node) in rest {
            let right = self.numeric(node)?;
            left = self.calculate(*operator, &left, &right, node)?;
        }
        Ok(left)
    }

    /// The value of a part of a calculation, which must be a number or missing.
    fn numeric(&mut self, node: &'a Node) -> Result<Value> {
        let value = self.value(node)?;
        if value.kind.is_number() || value.kind == Kind::Missing {
            return Ok(value);
        }
        let message = format!("only numbers can be calculated with, and {} isn't one", self.described(node, &value));
        Err(self.mistyped(node, &message))
    }

    fn calculate(&self, operator: Operator, left: &Value, right: &Value, node: &Node) -> Result<Value> {
        let constant = left.constant && right.constant;
        let result = |kind, array| Value { array, kind, constant };
        let (left, right) = match (left.kind, right.kind) {
            (Kind::Missing, _) | (_, Kind::Missing) => {
                let rows = if constant { 1 } else { self.rows };
                return Ok(result(Kind::Missing, Arc::new(NullArray::new(rows))));
            }
            (Kind::Number, _) | (_, Kind::Number) => (left.as_number()?, right.as_number()?),
            _ if operator == Operator::Divide => (left.as_number()?, right.as_number()?),
            (Kind::Integer, Kind::Integer) => (left.clone(), right.clone()),
            _ => (left.as_wide()?, right.as_wide()?),
        };
        let array = match operator {
            Operator::Add => numeric::add(&left, &right),
            Operator::Subtract => numeric::sub(&left, &right),
            Operator::Multiply => numeric::mul(&left, &right),
            Operator::Divide => {
                let zero = Float64Array::new_scalar(0.0);
                let is_zero = cmp::eq(&right, &zero)?;
                let divisor = right.with_array(Kind::Number, nullif(&right.array, &is_zero)?);
                numeric::div(&left, &divisor)
            }
        };
        let array = array.map_err(|error| self.overflown(node, error))?;
        Ok(result(left.kind, tidied(left.kind, array)))
    }

    fn negate(&mut self, inner: &'a Node) -> Result<Value> {
        let value = self.numeric(inner)?;
        if value.kind == Kind::Missing {
            return Ok(value);
        }
        let array = numeric::neg(&value.array).map_err(|error| self.overflown(inner, error))?;
        Ok(value.with_array(value.kind, tidied(value.kind, array)))
    }

    fn overflown(&self, node: &Node, error: ArrowError) -> Error {
        match error {
            ArrowError::ArithmeticOverflow(_) => Error::Data(show(
                self.text,
                &node.span,
                "a whole number becomes too large here; calculate with decimals (1.0 * …)",
            )),
            error => error.into(),
        }
    }

    fn mistyped(&self, node: &Node, message: &str) -> Error {
        Error::Type(show(self.text, &node.span, message))
    }

    fn mismatch(&self, left: (&'a Node, &Value), right: (&'a Node, &Value)) -> Error {
        let hint = hint(left, right).or_else(|| hint(right, left));
        let message = format!(
            "{} can't be compared with {}{}",
            self.described(left.0, left.1),
            self.described(right.0, right.1),
            hint.unwrap_or_default()
        );
        let span = left.0.span.start.min(right.0.span.start)..left.0.span.end.max(right.0.span.end);
        Error::Type(show(self.text, &span, &message))
    }

    fn described(&self, node: &Node, value: &Value) -> String {
        let written = &self.text[node.span.clone()];
        match &node.part {
            Part::Column(name) => {
                let known = self.columns.iter().find(|(known, _, _)| known == name);
                let data_type = known.map_or(value.array.data_type(), |(_, given, _)| given);
                format!("column \"{name}\" ({data_type})")
            }
            Part::Literal(Literal::Integer(_) | Literal::Number(_)) => {
                format!("the number {written}")
            }
            Part::Literal(Literal::Text(_)) => format!("the text {written}"),
            Part::Literal(Literal::Boolean(_)) => written.to_owned(),
            _ => format!("`{written}` ({})", value.kind.noun()),
        }
    }
}

/// The way out of a comparison of a literal with something of another kind.
fn hint(value: (&Node, &Value), literal: (&Node, &Value)) -> Option<String> {
    match (value.1.kind, &literal.0.part) {
        (Kind::Text, Part::Literal(Literal::Integer(integer))) => Some(format!("; write '{integer}' to compare texts")),
        (Kind::Text, Part::Literal(Literal::Number(number))) => Some(format!("; write '{number}' to compare texts")),
        (Kind::Text, Part::Literal(Literal::Boolean(truth))) => Some(format!("; write '{truth}' to compare texts")),
        (Kind::Integer | Kind::Wide | Kind::Number, Part::Literal(Literal::Text(text)))
            if text.parse::<f64>().is_ok_and(f64::is_finite) =>
        {
            Some(format!("; write {text} without quotes"))
        }
        (Kind::Boolean, Part::Literal(_)) => Some("; write true or false".to_owned()),
        (Kind::Time, Part::Literal(_)) => Some("; write times as '2026-03-21' or '2026-03-21T10:30:00Z'".to_owned()),
        (Kind::Other, _) => Some("; only \"is null\" works for this type".to_owned()),
        _ => None,
    }
}

fn constant(literal: &Literal) -> Value {
    match literal {
        Literal::Integer(integer) => match i64::try_from(*integer) {
            Ok(integer) => Value::constant(Kind::Integer, Int64Array::from(vec![integer])),
            Err(_) => Value::constant(Kind::Wide, Decimal128Array::from(vec![*integer]).with_data_type(WIDE)),
        },
        Literal::Number(number) => {
            let array: ArrayRef = Arc::new(Float64Array::from(vec![*number]));
            Value::constant(Kind::Number, tidied(Kind::Number, array))
        }
        Literal::Text(text) => Value::constant(Kind::Text, StringArray::from(vec![text.as_str()])),
        Literal::Boolean(truth) => Value::constant(Kind::Boolean, BooleanArray::from(vec![*truth])),
    }
}

/// A column as values of one of the kinds.
fn read(array: &ArrayRef) -> Result<Value> {
    let (kind, array) = match array.data_type() {
        DataType::Null => (Kind::Missing, array.clone()),
        DataType::Boolean => (Kind::Boolean, array.clone()),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => (Kind::Integer, cast(array, &DataType::Int64)?),
        DataType::UInt64 => {
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            match cast_with_options(array, &DataType::Int64, &strict) {
                Ok(array) => (Kind::Integer, array),
                Err(_) => (Kind::Wide, cast(array, &WIDE)?),
            }
        }
        DataType::Float16
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => {
            let array = cast(array, &DataType::Float64)?;
            (Kind::Number, tidied(Kind::Number, array))
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => (Kind::Text, array.clone()),
        DataType::Dictionary(_, values) if is_text(values) => (Kind::Text, array.clone()),
        DataType::Dictionary(_, values) if !matches!(**values, DataType::Dictionary(..)) => {
            return read(&cast(array, values)?);
        }
        DataType::Timestamp(unit, _) => (Kind::Time, microseconds(array, *unit)?),
        DataType::Date32 => {
            let days = cast(&cast(array, &DataType::Int32)?, &DataType::Int64)?;
            let times = days.as_primitive::<Int64Type>().unary::<_, Int64Type>(|day| day.saturating_mul(DAY_US));
            (Kind::Time, Arc::new(times) as ArrayRef)
        }
        DataType::Date64 => (Kind::Time, microseconds(array, TimeUnit::Millisecond)?),
        _ => (Kind::Other, array.clone()),
    };
    Ok(Value { array, kind, constant: false })
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Times of any unit as UTC microseconds. A cast between Arrow's timestamp types would move the times of a zone to
/// its wall clock, so this works on their integers.
fn microseconds(array: &ArrayRef, unit: TimeUnit) -> Result<ArrayRef> {
    let times = cast(array, &DataType::Int64)?;
    let scaled = |factor: i64| -> ArrayRef {
        let times = times.as_primitive::<Int64Type>();
        Arc::new(times.unary::<_, Int64Type>(|time| time.saturating_mul(factor)))
    };
    Ok(match unit {
        TimeUnit::Second => scaled(1_000_000),
        TimeUnit::Millisecond => scaled(1_000),
        TimeUnit::Microsecond => times,
        TimeUnit::Nanosecond => {
            let times = times.as_primitive::<Int64Type>();
            Arc::new(times.unary::<_, Int64Type>(|time| time.div_euclid(1_000)))
        }
    })
}

/// Floats without NaN, which becomes missing, and without negative zero; other arrays as they are.
fn tidied(kind: Kind, array: ArrayRef) -> ArrayRef {
    if kind != Kind::Number {
        return array;
    }
    let numbers = array.as_primitive::<Float64Type>();
    let values = numbers.values();
    let negative_zero = (-0.0_f64).to_bits();
    // Without an early exit these loops are vectorised.
    let (has_nan, has_negative_zero) = values
        .iter()
        .fold((false, false), |(nan, zero), value| (nan | value.is_nan(), zero | (value.to_bits() == negative_zero)));
    if !has_nan && !has_negative_zero {
        return array;
    }
    let valid = BooleanBuffer::collect_bool(values.len(), |row| !values[row].is_nan());
    let nulls = NullBuffer::union(numbers.nulls(), Some(&NullBuffer::new(valid)));
    let values = values.iter().map(|value| value + 0.0).collect();
    Arc::new(Float64Array::new(values, nulls))
}

/// Two texts in the same representation, so that one kernel compares them.
fn alike(left: &Value, right: &Value) -> Result<(Value, Value)> {
    let representation = |value: &Value| match value.array.data_type() {
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        plain => plain.clone(),
    };
    let (left_type, right_type) = (representation(left), representation(right));
    if left_type == right_type {
        Ok((left.clone(), right.clone()))
    } else if right.constant {
        Ok((left.clone(), right.cast(Kind::Text, &left_type)?))
    } else if left.constant {
        Ok((left.cast(Kind::Text, &right_type)?, right.clone()))
    } else {
        let large = &DataType::LargeUtf8;
        Ok((left.cast(Kind::Text, large)?, right.cast(Kind::Text, large)?))
    }
}

/// Whether each value is one of a long list of literals of its own kind; nothing if the list is another one.
fn looked_up(value: &Value, list: &[Node]) -> Result<Option<BooleanArray>> {
    if list.len() <= SHORT_LIST || value.constant {
        return Ok(None);
    }
    match value.kind {
        Kind::Integer => {
            let mut wanted = HashSet::default();
            for node in list {
                let Part::Literal(Literal::Integer(integer)) = node.part else {
                    return Ok(None);
                };
                wanted.extend(i64::try_from(integer).ok());
            }
            let integers = value.array.as_primitive::<Int64Type>();
            let values = integers.values();
            let found = BooleanBuffer::collect_bool(values.len(), |row| wanted.contains(&values[row]));
            Ok(Some(BooleanArray::new(found, integers.nulls().cloned())))
        }
        Kind::Text => {
            let mut wanted = HashSet::default();
            for node in list {
                let Part::Literal(Literal::Text(text)) = &node.part else {
                    return Ok(None);
                };
                wanted.insert(text.as_str());
            }
            text_lookup(&value.array, &wanted).map(Some)
        }
        _ => Ok(None),
    }
}

fn text_lookup(array: &ArrayRef, wanted: &HashSet<&str>) -> Result<BooleanArray> {
    let lookup = |text: Option<&str>| text.map(|text| wanted.contains(text));
    Ok(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().map(lookup).collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().map(lookup).collect(),
        DataType::Utf8View => array.as_string_view().iter().map(lookup).collect(),
        _ => {
            // Each distinct text is looked up once.
            let dictionary = array.as_any_dictionary();
            let found = text_lookup(dictionary.values(), wanted)?;
            take(&found, dictionary.keys(), None)?.as_boolean().clone()
        }
    })
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests {
    use std::fmt::{self, Display, Formatter};

    use arrow::array::{
        Date32Array, DictionaryArray, FixedSizeBinaryArray, Float32Array, LargeStringArray, StringViewArray,
        TimestampMicrosecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
    };
    use arrow::datatypes::Int32Type;
    use proptest::prelude::*;

    use super::*;

    type Columns = Vec<(&'static str, ArrayRef)>;

    fn evaluate(text: &str, columns: &Columns) -> Result<Vec<bool>> {
        let rows = columns.first().map_or(3, |(_, array)| array.len());
        let lookup = |name: &str| {
            let found = columns.iter().find(|(known, _)| *known == name);
            found.map(|(_, array)| array.clone()).ok_or_else(|| Error::UnknownColumn(name.to_owned()))
        };
        let result = Expression::parse(text)?.evaluate(&lookup, rows)?;
        assert_eq!((result.len(), result.null_count()), (rows, 0));
        assert!(result.nulls().is_none());
        Ok(result.values().iter().collect())
    }

    fn rows(text: &str, columns: &Columns) -> Vec<usize> {
        let truth = evaluate(text, columns).unwrap_or_else(|error| panic!("{error}"));
        truth.iter().enumerate().filter_map(|(row, &truth)| truth.then_some(row)).collect()
    }

    fn message(text: &str, columns: &Columns) -> String {
        evaluate(text, columns).unwrap_err().to_string()
    }

    fn shop() -> Columns {
        let plan = ["pro", "free", "it's", "pro"];
        vec![
            ("value", Arc::new(Float64Array::from(vec![Some(1.5), Some(-0.0), None, Some(f64::NAN)]))),
            ("count", Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(-4)]))),
            ("plan", Arc::new(DictionaryArray::<Int32Type>::from_iter(plan))),
            ("paid", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]))),
            ("shop.name", Arc::new(StringArray::from(vec![Some("a"), None, Some("شهر"), Some("b")]))),
            ("odd name`s", Arc::new(LargeStringArray::from(vec!["a", "x", "شهر", "c"]))),
            (
                "at",
                Arc::new(
                    TimestampSecondArray::from(vec![Some(0), Some(86_400), None, Some(-1)])
                        .with_timezone("Asia/Tehran"),
                ),
            ),
            ("nothing", Arc::new(NullArray::new(4))),
        ]
    }

    #[test]
    fn comparisons_arithmetic_and_logic_follow_their_precedence() {
        let shop = shop();
        assert_eq!(rows("count + 2 * 3 = 7", &shop), [0]);
        assert_eq!(rows("(count + 2) * 3 == 9", &shop), [0]);
        assert_eq!(rows("8 - 4 - 3 = count", &shop), [0]);
        assert_eq!(rows("count / 2 = 1.5", &shop), [2]);
        assert_eq!(rows("-count > 3", &shop), [3]);
        assert_eq!(rows("- -count > 2", &shop), [2]);
        assert_eq!(rows("paid or count = 3 and false", &shop), [0, 3]);
        assert_eq!(rows("(paid or count = 3) and count > 0", &shop), [0, 2]);
        assert_eq!(rows("not count = 3", &shop), [0, 3]);
        assert_eq!(rows("NOT paid OR paid = TRUE And count <> 1", &shop), [1, 3]);
        assert_eq!(rows("true", &shop), [0, 1, 2, 3]);
        assert_eq!(rows("1 = 1 and not false", &shop), [0, 1, 2, 3]);
        assert_eq!(rows("1 in (1, 2) and 3 not in (1, 2)", &shop), [0, 1, 2, 3]);
        assert_eq!(rows("1 > 2", &shop), [0_usize; 0]);
    }

    #[test]
    fn a_missing_value_makes_a_comparison_neither_true_nor_false() {
        let shop = shop();
        assert_eq!(rows("count = 1 or count <> 1", &shop), [0, 2, 3]);
        assert_eq!(rows("count is null", &shop), [1]);
        assert_eq!(rows("count is not null", &shop), [0, 2, 3]);
        assert_eq!(rows("count in (1, 3)", &shop), [0, 2]);
        assert_eq!(rows("count not in (1, 3)", &shop), [3]);
        assert_eq!(rows("not (count = 3 and paid)", &shop), [0, 1, 3]);
        assert_eq!(rows("nothing = 1 or nothing = 'x' or not nothing", &shop), [0_usize; 0]);
        assert_eq!(rows("nothing is null and (nothing + 1) is null", &shop), [0, 1, 2, 3]);
        assert_eq!(rows("(count = 1) is null", &shop), [1]);
    }

    #[test]
    fn nan_is_missing_and_the_zeros_are_equal() {
        let shop = shop();
        assert_eq!(rows("value is null", &shop), [2, 3]);
        assert_eq!(rows("value > 0", &shop), [0]);
        assert_eq!(rows("value = 0 and value = -0.0 and value >= 0", &shop), [1]);
        assert_eq!(rows("-value = 0", &shop), [1]);
        assert_eq!(rows("(1 / value) is null", &shop), [1, 2, 3]);
        assert_eq!(rows("1 / 0 is null", &shop), [0, 1, 2, 3]);
        assert_eq!(rows("(1e308 * 10 - 1e308 * 10) is null", &shop), [0, 1, 2, 3]);
    }

    #[test]
    fn texts_compare_in_every_representation() {
        let texts = [Some("a"), None, Some("b"), Some("شهر")];
        let dictionary: ArrayRef = Arc::new(texts.into_iter().collect::<DictionaryArray<Int32Type>>());
        let plain: [ArrayRef; 4] = [
            Arc::new(StringArray::from(texts.to_vec())),
            Arc::new(LargeStringArray::from(texts.to_vec())),
            Arc::new(StringViewArray::from(texts.to_vec())),
            cast(&dictionary, &DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::LargeUtf8)))
                .unwrap(),
        ];
        for left in plain.iter().chain([&dictionary]) {
            for right in plain.iter().chain([&dictionary]) {
                let columns: Columns = vec![("left", left.clone()), ("right", right.clone())];
                assert_eq!(rows("left = right", &columns), [0, 2, 3]);
                assert_eq!(rows("left < 'b' or 'b' < right", &columns), [0, 3]);
                assert_eq!(rows("left != right", &columns), [0_usize; 0]);
                assert_eq!(rows("left in ('a', 'c', 'd', 'e', 'شهر')", &columns), [0, 3]);
                assert_eq!(rows("left not in ('a', 'c', 'd', 'e', 'f')", &columns), [2, 3]);
                assert_eq!(rows("left in ('q', right)", &columns), [0, 2, 3]);
                assert_eq!(rows("left is null", &columns), [1]);
            }
        }
    }

    #[test]
    fn quotes_are_doubled_and_names_may_be_anything() {
        let shop = shop();
        assert_eq!(rows("plan = 'it''s'", &shop), [2]);
        assert_eq!(rows("plan = \"it's\"", &shop), [2]);
        assert_eq!(rows("shop.name = `odd name``s`", &shop), [0, 2]);
        let columns: Columns = vec![("شماره\u{200c}سفارش", Arc::new(Int64Array::from(vec![1, 2])))];
        assert_eq!(rows("شماره\u{200c}سفارش>1", &columns), [1]);
    }

    #[test]
    fn integers_are_compared_exactly() {
        let big = 9_007_199_254_740_993_i64;
        let columns: Columns = vec![
            ("id", Arc::new(Int64Array::from(vec![big - 1, big, big + 1, i64::MIN]))),
            ("hash", Arc::new(UInt64Array::from(vec![u64::MAX, u64::MAX - 1, 0, 1 << 63]))),
            ("small", Arc::new(UInt64Array::from(vec![1, 2, 3, 4]))),
        ];
        assert_eq!(rows("id = 9007199254740993", &columns), [1]);
        assert_eq!(rows("id in (1, 2, 3, 4, 9007199254740993)", &columns), [1]);
        assert_eq!(rows("id = -9223372036854775808", &columns), [3]);
        assert_eq!(rows("hash = 18446744073709551615", &columns), [0]);
        assert_eq!(rows("hash - 1 = 18446744073709551614", &columns), [0]);
        assert_eq!(rows("hash > id and small < hash", &columns), [0, 1, 3]);
        assert_eq!(rows("small = 2.0 and small + 0.5 > 2", &columns), [1]);
        assert_eq!(rows("id < 100000000000000000000000000000000000000000", &columns), [0, 1, 2, 3]);
        let error = evaluate("id * id > 0", &columns).unwrap_err();
        assert!(matches!(&error, Error::Data(message) if message.contains("1.0 *")), "{error}");
        assert!(evaluate("-id > 0", &columns).is_err());
    }

    #[test]
    fn times_compare_with_iso_text_in_utc() {
        let shop = shop();
        assert_eq!(rows("at = '1970-01-01'", &shop), [0]);
        assert_eq!(rows("'1970-01-01T03:30+03:30' <= at", &shop), [0, 1]);
        assert_eq!(rows("at in ('1970-01-02', '1969-12-31 23:59:59')", &shop), [1, 3]);
        assert_eq!(rows("at in ('1970-01-02', '1970-01-03', '1970-01-04', '1970-01-05', '1970-01-06')", &shop), [1]);
        let columns: Columns = vec![
            ("micro", Arc::new(TimestampMicrosecondArray::from(vec![0, 1, 86_400_000_000]))),
            ("nano", Arc::new(TimestampNanosecondArray::from(vec![-1, 1_000, 86_400_000_000_000]))),
            ("day", Arc::new(Date32Array::from(vec![0, 1, 1]))),
        ];
        assert_eq!(rows("micro = nano", &columns), [1, 2]);
        assert_eq!(rows("day = micro", &columns), [0, 2]);
        assert_eq!(rows("nano < '1970-01-01'", &columns), [0]);
        for text in ["at = 'soon'", "at > 5", "at = plan", "at + 1 > 2"] {
            assert!(matches!(evaluate(text, &shop), Err(Error::Type(_))), "{text}");
        }
    }

    #[test]
    fn a_comparison_of_different_types_names_both_sides_and_the_way_out() {
        let shop = shop();
        assert_eq!(
            message("paid and plan > 3", &shop),
            "column \"plan\" (Dictionary(Int32, Utf8)) can't be compared with the number 3; write '3' to compare texts\
             \n  paid and plan > 3\n           ^^^^^^^^"
        );
        assert!(message("value = '3'", &shop).contains("the text '3'; write 3 without quotes"));
        assert!(message("paid = 'true'", &shop).contains("column \"paid\" (Boolean)"));
        assert!(message("plan in ('pro', 3)", &shop).contains("the number 3"));
        assert!(message("plan in ('a', 'b', 'c', 'd', 'e', 3)", &shop).contains("the number 3"));
        assert!(message("count and paid", &shop).contains("\"and\" needs conditions, and column \"count\" (Int64)"));
        assert!(message("not plan", &shop).contains("\"not\" needs conditions"));
        assert!(message("plan + 1 > 2", &shop).contains("only numbers can be calculated with"));
        assert!(message("count + value > 'x'", &shop).contains("`count + value` (a number)"));
        assert!(matches!(evaluate("wrong > 1", &shop), Err(Error::UnknownColumn(_))));
        let id = FixedSizeBinaryArray::try_from_iter([[1_u8; 16], [2; 16]].into_iter()).unwrap();
        let columns: Columns = vec![("id", Arc::new(id))];
        assert_eq!(rows("id is not null", &columns), [0, 1]);
        assert!(message("id = 'x'", &columns).contains("only \"is null\" works"));
    }

    #[test]
    fn a_condition_must_be_true_or_false() {
        let error = evaluate("count + 1", &shop()).unwrap_err();
        assert!(matches!(&error, Error::Argument(message) if message.contains("this is a number")));
        assert!(matches!(evaluate("'yes'", &shop()), Err(Error::Argument(_))));
    }

    #[test]
    fn a_column_of_another_length_is_a_defect() {
        let short: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
        let result = Expression::parse("paid").unwrap().evaluate(&|_| Ok(short.clone()), 2);
        assert!(matches!(result, Err(Error::Internal(_))));
    }

    #[test]
    fn no_rows_give_no_rows() {
        let columns: Columns = vec![
            ("value", Arc::new(Float32Array::from(Vec::<f32>::new()))),
            ("plan", Arc::new(DictionaryArray::<Int32Type>::from_iter(Vec::<&str>::new()))),
        ];
        for text in ["value / 0 > 1 and plan in ('a', 'b', 'c', 'd', 'e')", "true", "1 in (1, value)", "plan < 'a'"] {
            assert_eq!(evaluate(text, &columns).unwrap(), [false; 0], "{text}");
        }
    }

    #[test]
    fn syntax_errors_point_to_the_place_and_say_what_was_expected() {
        let shop = shop();
        assert_eq!(
            message("value > and paid", &shop),
            "can't read the condition: expected a value: a column, a number, a 'text', true or false, found and\n  \
             value > and paid\n          ^^^"
        );
        assert_eq!(
            message("شهر = ", &shop),
            "can't read the condition: expected a value: a column, a number, a 'text', true or false, the text ends\n  \
             شهر =\n        ^"
        );
        for (text, expected) in [
            ("", "the text ends"),
            ("1 < count < 3", "comparisons don't chain"),
            ("count = 1 2", "expected an operator, \"and\", \"or\" or the end, found 2"),
            ("(count = 1", "expected \")\""),
            ("count in ()", "expected a value"),
            ("count in 3", "expected \"(\" and a list"),
            ("count in (1 2)", "expected \",\" or \")\""),
            ("count not 3", "expected \"in\" after \"not\""),
            ("count is 3", "expected \"null\" or \"not null\""),
            ("count = null", "ask for missing ones with \"is null\""),
            ("plan = 'x", "expected a closing '"),
            ("`` = 1", "expected a column name"),
            ("2nd = 1", "names that start with a digit"),
            ("1.5.2 = 1", "expected a number"),
            ("value = 1e999", "expected a number below"),
            ("paid && true", "write \"and\""),
            ("plan = “x”", "write texts between"),
            ("value > ۵", "the digits 0 to 9"),
            ("plan @ 3", "between backquotes"),
        ] {
            let message = message(text, &shop);
            assert!(message.contains(expected) && message.contains('^'), "{text}: {message}");
        }
        let long = format!("{} = 1 = 2 or {}", "x".repeat(500), "y = 1 or ".repeat(500));
        let message = message(&long, &shop);
        let lines: Vec<&str> = message.lines().collect();
        let caret = lines[2].chars().count();
        assert_eq!(lines[1].chars().nth(caret - 1), Some('='));
        assert!(lines[1].chars().count() < 120);
    }

    #[test]
    fn an_error_in_a_long_text_shows_its_own_line() {
        let message = message("paid and\n\tvalue >> 3\nor true", &shop());
        assert!(message.ends_with("\n   value >> 3\n          ^"), "{message}");
    }

    #[test]
    fn deep_nesting_is_refused_and_long_chains_are_not() {
        let deep = |levels: usize| {
            [("(", "true", ")"), ("not ", "true", ""), ("- ", "count", ""), ("1 + -(", "count", ")")]
                .map(|(open, middle, close)| format!("{}{middle}{}", open.repeat(levels), close.repeat(levels)))
        };
        // Less than the 2 MiB of a Rust thread; a debug build needs about 1.1 MiB.
        let small = std::thread::Builder::new().stack_size(1536 * 1024);
        let handle = small.spawn(move || {
            for text in deep(50) {
                assert!(Expression::parse(&text).is_ok());
            }
            for text in deep(100_000) {
                assert!(Expression::parse(&text).unwrap_err().to_string().contains("nesting"));
            }
            let nested = (0..MAX_DEPTH).fold("paid".to_owned(), |inner, _| format!("(false or true and {inner})"));
            assert_eq!(rows(&nested, &shop()), [0, 3]);
            let nested = (0..MAX_DEPTH).fold("count".to_owned(), |inner, _| format!("(0 + 1 * {inner})"));
            assert_eq!(rows(&format!("{nested} = 3"), &shop()), [2]);
            let chain = format!("{}paid", "false or ".repeat(20_000));
            assert_eq!(rows(&chain, &shop()), [0, 3]);
            let sum = format!("count{} = 20001", " + 1".repeat(20_000));
            assert_eq!(rows(&sum, &shop()), [0]);
        });
        handle.unwrap().join().unwrap();
    }

    #[test]
    fn columns_are_named_once_in_order() {
        let expression = Expression::parse("b = 1 and (a + `c d` > -b or not a.x is null or e in (f, 1))").unwrap();
        assert_eq!(expression.columns(), ["a", "a.x", "b", "c d", "e", "f"]);
        assert_eq!(Expression::parse(expression.text()).unwrap(), expression);
    }

    /// A condition of the oracle, which writes itself and gives its own value.
    #[derive(Debug, Clone)]
    enum Truth {
        Constant(bool),
        Paid,
        Numbers(&'static str, Number, Number),
        Texts(&'static str, Text, Text),
        NumberIn(Number, Vec<Number>, bool),
        TextIn(Text, Vec<Text>, bool),
        Missing(Number, bool),
        Unknown(Box<Truth>, bool),
        Same(&'static str, Box<Truth>, Box<Truth>),
        Not(Box<Truth>),
        And(Box<Truth>, Box<Truth>),
        Or(Box<Truth>, Box<Truth>),
    }

    #[derive(Debug, Clone)]
    enum Number {
        Literal(i64),
        Decimal(f64),
        Count,
        Value,
        Negative(Box<Number>),
        Pair(char, Box<Number>, Box<Number>),
    }

    #[derive(Debug, Clone)]
    enum Text {
        Literal(String),
        Plan,
        Name,
    }

    #[derive(Debug, Clone)]
    struct Row {
        count: Option<i64>,
        value: Option<f64>,
        paid: Option<bool>,
        plan: Option<String>,
        name: Option<String>,
    }

    /// An integer or a float: which of the two decides how it is compared and calculated.
    #[derive(Debug, Clone, Copy)]
    enum Numeric {
        Whole(i64),
        Float(f64),
    }

    impl Numeric {
        fn float(self) -> f64 {
            match self {
                Self::Whole(whole) => whole as f64,
                Self::Float(float) => float,
            }
        }
    }

    fn holds(operator: &str, order: std::cmp::Ordering) -> bool {
        match operator {
            "=" | "==" => order.is_eq(),
            "!=" | "<>" => order.is_ne(),
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            _ => order.is_ge(),
        }
    }

    fn compared(operator: &str, left: Option<Numeric>, right: Option<Numeric>) -> Option<bool> {
        let order = match (left?, right?) {
            (Numeric::Whole(left), Numeric::Whole(right)) => left.cmp(&right),
            (left, right) => left.float().partial_cmp(&right.float()).unwrap(),
        };
        Some(holds(operator, order))
    }

    fn any(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
        let truths: Vec<_> = truths.collect();
        if truths.contains(&Some(true)) {
            return Some(true);
        }
        if truths.contains(&None) { None } else { Some(false) }
    }

    impl Number {
        fn evaluate(&self, row: &Row) -> Option<Numeric> {
            let number = match self {
                Self::Literal(literal) => Numeric::Whole(*literal),
                Self::Decimal(decimal) => Numeric::Float(*decimal),
                Self::Count => Numeric::Whole(row.count?),
                Self::Value => Numeric::Float(row.value?),
                Self::Negative(inner) => match inner.evaluate(row)? {
                    Numeric::Whole(whole) => Numeric::Whole(-whole),
                    Numeric::Float(float) => Numeric::Float(-float),
                },
                Self::Pair(operator, left, right) => match (operator, left.evaluate(row)?, right.evaluate(row)?) {
                    ('+', Numeric::Whole(left), Numeric::Whole(right)) => Numeric::Whole(left + right),
                    ('-', Numeric::Whole(left), Numeric::Whole(right)) => Numeric::Whole(left - right),
                    ('*', Numeric::Whole(left), Numeric::Whole(right)) => Numeric::Whole(left * right),
                    ('+', left, right) => Numeric::Float(left.float() + right.float()),
                    ('-', left, right) => Numeric::Float(left.float() - right.float()),
                    ('*', left, right) => Numeric::Float(left.float() * right.float()),
                    (_, _, right) if right.float() == 0.0 => return None,
                    (_, left, right) => Numeric::Float(left.float() / right.float()),
                },
            };
            (!number.float().is_nan()).then_some(number)
        }

        fn level(&self) -> u8 {
            match self {
                Self::Pair('+' | '-', ..) => 0,
                Self::Pair(..) => 1,
                _ => 2,
            }
        }
    }

    impl Text {
        fn evaluate<'a>(&'a self, row: &'a Row) -> Option<&'a str> {
            match self {
                Self::Literal(literal) => Some(literal),
                Self::Plan => row.plan.as_deref(),
                Self::Name => row.name.as_deref(),
            }
        }
    }

    impl Truth {
        fn evaluate(&self, row: &Row) -> Option<bool> {
            match self {
                Self::Constant(truth) => Some(*truth),
                Self::Paid => row.paid,
                Self::Numbers(operator, left, right) => compared(operator, left.evaluate(row), right.evaluate(row)),
                Self::Texts(operator, left, right) => {
                    Some(holds(operator, left.evaluate(row)?.cmp(right.evaluate(row)?)))
                }
                Self::NumberIn(value, list, negated) => {
                    let value = value.evaluate(row);
                    let found = any(list.iter().map(|item| compared("=", value, item.evaluate(row))));
                    found.map(|found| found != *negated)
                }
                Self::TextIn(value, list, negated) => {
                    let value = value.evaluate(row);
                    let found = any(list.iter().map(|item| Some(value? == item.evaluate(row)?)));
                    found.map(|found| found != *negated)
                }
                Self::Missing(number, negated) => Some(number.evaluate(row).is_none() != *negated),
                Self::Unknown(truth, negated) => Some(truth.evaluate(row).is_none() != *negated),
                Self::Same(operator, left, right) => {
                    Some(holds(operator, left.evaluate(row)?.cmp(&right.evaluate(row)?)))
                }
                Self::Not(truth) => truth.evaluate(row).map(|truth| !truth),
                Self::Or(left, right) => any([left, right].map(|truth| truth.evaluate(row)).into_iter()),
                Self::And(left, right) => {
                    any([left, right].map(|truth| truth.evaluate(row).map(|truth| !truth)).into_iter())
                        .map(|truth| !truth)
                }
            }
        }

        fn level(&self) -> u8 {
            match self {
                Self::Or(..) => 0,
                Self::And(..) => 1,
                Self::Not(..) => 2,
                Self::Constant(_) | Self::Paid => 4,
                _ => 3,
            }
        }
    }

    /// Writes with parentheses only where the level needs them, so that the text tests precedence.
    fn bracketed(out: &mut Formatter<'_>, needed: bool, inner: &dyn Display) -> fmt::Result {
        if needed { write!(out, "({inner})") } else { write!(out, "{inner}") }
    }

    fn listed(list: &[impl Display]) -> String {
        list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    impl Display for Number {
        fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
            match self {
                Self::Literal(literal) => write!(out, "{literal}"),
                Self::Decimal(decimal) => write!(out, "{decimal:?}"),
                Self::Count => out.write_str("count"),
                Self::Value => out.write_str("value"),
                Self::Negative(inner) => {
                    out.write_str("-")?;
                    bracketed(out, inner.level() < 2, inner)
                }
                Self::Pair(operator, left, right) => {
                    bracketed(out, left.level() < self.level(), left)?;
                    write!(out, "{operator}")?;
                    bracketed(out, right.level() <= self.level(), right)
                }
            }
        }
    }

    impl Display for Text {
        fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
            match self {
                Self::Literal(literal) => write!(out, "'{}'", literal.replace('\'', "''")),
                Self::Plan => out.write_str("plan"),
                Self::Name => out.write_str("`the name`"),
            }
        }
    }

    impl Display for Truth {
        fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
            let not = |negated: &bool| if *negated { "not " } else { "" };
            match self {
                Self::Constant(truth) => write!(out, "{truth}"),
                Self::Paid => out.write_str("paid"),
                Self::Numbers(operator, left, right) => write!(out, "{left} {operator} {right}"),
                Self::Texts(operator, left, right) => write!(out, "{left}{operator}{right}"),
                Self::NumberIn(value, list, negated) => write!(out, "{value} {}in ({})", not(negated), listed(list)),
                Self::TextIn(value, list, negated) => write!(out, "{value} {}IN({})", not(negated), listed(list)),
                Self::Missing(number, negated) => write!(out, "{number} is {}null", not(negated)),
                Self::Unknown(truth, negated) => {
                    bracketed(out, truth.level() < 4, truth)?;
                    write!(out, " is {}null", not(negated))
                }
                Self::Same(operator, left, right) => {
                    bracketed(out, left.level() < 4, left)?;
                    write!(out, " {operator} ")?;
                    bracketed(out, right.level() < 4, right)
                }
                Self::Not(truth) => {
                    out.write_str("not ")?;
                    bracketed(out, truth.level() < 2, truth)
                }
                Self::And(left, right) => {
                    bracketed(out, left.level() < 1, left)?;
                    out.write_str(" and ")?;
                    bracketed(out, right.level() < 1, right)
                }
                Self::Or(left, right) => write!(out, "{left} or {right}"),
            }
        }
    }

    fn operators() -> impl Strategy<Value = &'static str> {
        proptest::sample::select(vec!["=", "==", "!=", "<>", "<", "<=", ">", ">="])
    }

    fn numbers() -> impl Strategy<Value = Number> {
        let leaf = prop_oneof![
            (-3_i64..4).prop_map(Number::Literal),
            proptest::sample::select(vec![-1.5, 0.0, 0.5, 2.0]).prop_map(Number::Decimal),
            Just(Number::Count),
            Just(Number::Value),
        ];
        leaf.prop_recursive(3, 8, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(|inner| Number::Negative(Box::new(inner))),
                (proptest::sample::select(vec!['+', '-', '*', '/']), inner.clone(), inner)
                    .prop_map(|(operator, left, right)| Number::Pair(operator, Box::new(left), Box::new(right))),
            ]
        })
    }

    fn texts() -> impl Strategy<Value = Text> {
        let literal = proptest::sample::select(vec!["", "a", "b'", "شهر"]);
        prop_oneof![literal.prop_map(|text| Text::Literal(text.to_owned())), Just(Text::Plan), Just(Text::Name)]
    }

    fn truths() -> impl Strategy<Value = Truth> {
        let lists = |length| (proptest::collection::vec(texts(), length), any_bool());
        let literals = (-3_i64..4).prop_map(Number::Literal);
        let leaf = prop_oneof![
            any_bool().prop_map(Truth::Constant),
            Just(Truth::Paid),
            (operators(), numbers(), numbers())
                .prop_map(|(operator, left, right)| Truth::Numbers(operator, left, right)),
            (operators(), texts(), texts()).prop_map(|(operator, left, right)| Truth::Texts(operator, left, right)),
            (numbers(), proptest::collection::vec(numbers(), 1..4), any_bool())
                .prop_map(|(value, list, negated)| Truth::NumberIn(value, list, negated)),
            (numbers(), proptest::collection::vec(literals, 4..8), any_bool())
                .prop_map(|(value, list, negated)| Truth::NumberIn(value, list, negated)),
            (texts(), lists(1..8)).prop_map(|(value, (list, negated))| Truth::TextIn(value, list, negated)),
            (numbers(), any_bool()).prop_map(|(number, negated)| Truth::Missing(number, negated)),
        ];
        leaf.prop_recursive(4, 16, 2, |inner| {
            let pair = (inner.clone(), inner.clone()).prop_map(|(left, right)| (Box::new(left), Box::new(right)));
            prop_oneof![
                inner.clone().prop_map(|truth| Truth::Not(Box::new(truth))),
                (inner, any_bool()).prop_map(|(truth, negated)| Truth::Unknown(Box::new(truth), negated)),
                pair.clone().prop_map(|(left, right)| Truth::And(left, right)),
                pair.clone().prop_map(|(left, right)| Truth::Or(left, right)),
                (operators(), pair).prop_map(|(operator, (left, right))| Truth::Same(operator, left, right)),
            ]
        })
    }

    fn any_bool() -> impl Strategy<Value = bool> {
        proptest::bool::ANY
    }

    fn table() -> impl Strategy<Value = Vec<Row>> {
        let float = proptest::sample::select(vec![-1.5, -0.0, 0.0, 0.5, 2.0, f64::INFINITY, f64::NAN]);
        let text = || proptest::option::of(proptest::sample::select(vec!["", "a", "b'", "شهر"]));
        let row = (
            proptest::option::of(-3_i64..4),
            proptest::option::of(float),
            proptest::option::of(any_bool()),
            text(),
            text(),
        );
        let row = row.prop_map(|(count, value, paid, plan, name)| Row {
            count,
            value,
            paid,
            plan: plan.map(str::to_owned),
            name: name.map(str::to_owned),
        });
        proptest::collection::vec(row, 0..20)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn every_condition_agrees_with_an_interpreter_of_rows(truth in truths(), rows in table()) {
            let columns: Columns = vec![
                ("count", Arc::new(rows.iter().map(|row| row.count).collect::<Int64Array>())),
                ("value", Arc::new(rows.iter().map(|row| row.value).collect::<Float64Array>())),
                ("paid", Arc::new(rows.iter().map(|row| row.paid).collect::<BooleanArray>())),
                ("plan", Arc::new(rows.iter().map(|row| row.plan.as_deref()).collect::<DictionaryArray<Int32Type>>())),
                ("the name", Arc::new(rows.iter().map(|row| row.name.as_deref()).collect::<StringViewArray>())),
            ];
            let expected: Vec<bool> = rows.iter().map(|row| truth.evaluate(row) == Some(true)).collect();
            let text = truth.to_string();
            prop_assert_eq!(evaluate(&text, &columns).unwrap(), expected, "{}", text);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = evaluate(&text, &shop());
        }

        #[test]
        fn no_sequence_of_words_panics(words in proptest::collection::vec(proptest::sample::select(vec![
            "count", "value", "plan", "paid", "at", "nothing", "`odd name``s`", "shop.name", "and", "or", "not", "in",
            "is", "null", "true", "(", ")", ",", "=", "<", "<>", ">=", "+", "-", "*", "/", "1", "0", "2.5",
            "9223372036854775807", "18446744073709551615", "'a'", "'1970-01-01'", "\"", "'", "`", "\n",
            "۵", "is null", "not in (1)",
        ]), 0..14)) {
            for text in [words.join(" "), words.concat()] {
                if let Err(error) = evaluate(&text, &shop()) {
                    prop_assert!(!error.to_string().is_empty());
                    prop_assert!(!matches!(error, Error::Internal(_)), "{}", error);
                }
            }
        }
    }
}
