//! What a condition is made of, once read.

use std::ops::Range;

/// A part of a condition and where it stands in the text, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) part: Part,
    pub(super) span: Range<usize>,
}

impl Node {
    /// Adds the columns of this part, in the order of the text, and where they stand.
    pub(super) fn columns<'a>(&'a self, found: &mut Vec<(&'a str, Range<usize>)>) {
        match &self.part {
            Part::Column(name) => found.push((name, self.span.clone())),
            Part::Literal(_) => {}
            Part::Any(nodes) | Part::All(nodes) => nodes.iter().for_each(|node| node.columns(found)),
            Part::Compare(_, sides) => sides.iter().for_each(|node| node.columns(found)),
            Part::Not(inner) | Part::Negate(inner) => inner.columns(found),
            Part::IsNull { value, .. } => value.columns(found),
            Part::In { value, list, .. } => {
                value.columns(found);
                for node in list {
                    node.columns(found);
                }
            }
            Part::Chain { first, rest } => {
                first.columns(found);
                for (_, node) in rest {
                    node.columns(found);
                }
            }
        }
    }
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
