//! A condition as a tree: the grammar, by recursive descent.

use super::lexer::{Fault, Result, Token, TokenKind, syntax, tokens};
use super::tree::{Literal, Node, Operator, Part};

/// How deep parentheses, `not` and signs may nest. Reading and evaluating recurse, so this bounds the stack that a
/// hostile text can use.
pub(super) const MAX_DEPTH: usize = 100;

/// The tree of a whole text.
pub(super) fn condition(text: &str) -> Result<Node> {
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
    Ok(root)
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

    fn expected(&self, what: &str) -> Fault {
        let token = self.peek();
        let found = match token.kind {
            TokenKind::End => "the text ends".to_owned(),
            _ => format!("found {}", &self.text[token.span.clone()]),
        };
        let message = format!("expected {what}, {found}");
        syntax(&token.span, &message)
    }

    /// Counts one level of nesting while `read` runs.
    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Node>) -> Result<Node> {
        if self.depth == MAX_DEPTH {
            let message = format!("expected at most {MAX_DEPTH} levels of nesting");
            return Err(syntax(&self.peek().span, &message));
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
