//! What a condition is made of, once read.

use std::ops::Range;

/// A part of a condition and where it stands in the text, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) part: Part,
    pub(super) span: Range<usize>,
}

/// Chains are lists, not nested pairs, so that `a or b or c or …` doesn't deepen the tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
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
pub(super) enum Literal {
    Integer(i128),
    Number(f64),
    Text(String),
    Boolean(bool),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}
