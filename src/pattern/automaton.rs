//! A pattern as an automaton whose states are its events (Glushkov's construction): which may come first, which may
//! follow which, and under what conditions of time.

use super::syntax::{Arrow, Node, Part, Span, Tree, error};
use crate::error::Result;

/// Events that a pattern may have once its counts are written out: one bit each.
const MOST_POSITIONS: usize = 64;
/// Kinds of absences: one bit each.
const MOST_ABSENCES: usize = 64;

/// One event of the pattern.
#[derive(Debug, Clone, Default)]
pub(super) struct Position {
    /// The class of the event.
    pub(super) class: usize,
    /// A match may begin here.
    pub(super) first: bool,
    /// Limits that begin at this event where the match does.
    pub(super) begins: u32,
    /// Limits that the event must keep: their numbers and lengths.
    pub(super) limits: Vec<(usize, i64)>,
    /// From where one comes here.
    pub(super) incoming: Vec<Edge>,
    /// Where one goes from here.
    pub(super) outgoing: Vec<Edge>,
    /// The same as bits.
    pub(super) successors: u64,
    /// A match is complete here at once.
    pub(super) accepts: bool,
    /// A match is complete here once these absences are over.
    pub(super) awaits: Vec<u64>,
    /// All absences that begin here.
    pub(super) watched: u64,
    /// Only an older event may be of more use than a newer one, until so much time is over.
    pub(super) ripe_after: i64,
    /// A newer event may be of more use than an older one.
    pub(super) newer_helps: bool,
}

/// The way from one position to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    /// Where it leads, or where it comes from.
    pub(super) other: usize,
    /// Nothing stands between.
    pub(super) direct: bool,
    /// Least time between, µs; absences included.
    pub(super) least: i64,
    /// Longest time between, µs.
    pub(super) longest: i64,
    /// Absences that lie between.
    pub(super) awaits: u64,
    /// Limits that begin where it leads.
    pub(super) begins: u32,
}

/// The automaton of a pattern.
#[derive(Debug, Clone)]
pub(super) struct Automaton {
    pub(super) positions: Vec<Position>,
    /// Classes of events that must be absent, and for how long, µs.
    pub(super) absences: Vec<(usize, i64)>,
    /// Some event must follow another directly.
    pub(super) has_direct: bool,
    /// Positions at which a match may begin, as bits.
    pub(super) firsts: u64,
    /// Positions of each class, as bits.
    pub(super) of_class: Vec<u64>,
}

impl Automaton {
    /// The class of the one event that a match consists of; none where it may have more, or has to wait.
    pub(super) fn only_event(&self) -> Option<usize> {
        match self.positions.as_slice() {
            [only] if only.first && only.accepts && only.incoming.is_empty() => Some(only.class),
            _ => None,
        }
    }

    /// Builds the automaton; what can't be searched for is refused.
    pub(super) fn of(tree: &Tree, text: &str) -> Result<Self> {
        let mut builder = Builder { text, positions: Vec::new(), absences: Vec::new() };
        let whole = builder.fragment(&tree.root)?;
        let everything = (0, text.trim_end().len());
        if let Some(first) = whole.first.iter().find(|entry| entry.awaits != 0) {
            let span = builder.absence_span(&tree.root, first.awaits);
            return Err(builder.error(
                span,
                "a pattern begins with an event, not with an absence; name the event that starts the clock: \
                 a -> !b within 2h",
            ));
        }
        if let Some(empty) = whole.empty.first() {
            let message = if empty.awaits == 0 {
                "it is met by no event at all; at least one event must be required, as in a+ or a{2}"
            } else {
                "an absence alone has no beginning; name the event that starts the clock: a -> !b within 2h"
            };
            return Err(builder.error(everything, message));
        }
        let edge_star = whole.first.iter().map(|entry| entry.only).chain(whole.last.iter().map(|exit| exit.only));
        if let Some(span) = edge_star.flatten().next() {
            return Err(builder.error(
                span,
                "a part with * says what may stand between two others, so it needs one on each side; for one or more \
                 write +",
            ));
        }
        let Builder { mut positions, absences, .. } = builder;
        for entry in &whole.first {
            positions[entry.position].first = true;
            positions[entry.position].begins |= entry.begins;
        }
        for exit in &whole.last {
            let position = &mut positions[exit.position];
            if exit.awaits == 0 {
                position.accepts = true;
            } else if !position.awaits.contains(&exit.awaits) {
                position.awaits.push(exit.awaits);
            }
        }
        let wait = |awaits: u64| longest_wait(&absences, awaits);
        for from in 0..positions.len() {
            let position = &positions[from];
            let watched = position.outgoing.iter().map(|edge| edge.awaits).chain(position.awaits.iter().copied());
            let watched = watched.fold(0, |all, awaits| all | awaits);
            let outgoing: Vec<Edge> = position
                .outgoing
                .iter()
                .map(|edge| match wait(edge.awaits) {
                    Some(wait) => Edge { least: edge.least.max(wait + 1), ..*edge },
                    None => *edge,
                })
                .collect();
            let ripe_after = outgoing.iter().map(|edge| edge.least).max().unwrap_or(0);
            let newer_helps = outgoing.iter().any(|edge| edge.direct || edge.longest < i64::MAX);
            for edge in &outgoing {
                positions[edge.other].incoming.push(Edge { other: from, ..*edge });
            }
            let position = &mut positions[from];
            (position.watched, position.ripe_after, position.newer_helps) = (watched, ripe_after, newer_helps);
            position.successors = outgoing.iter().fold(0, |all, edge| all | 1 << edge.other);
            position.outgoing = outgoing;
        }
        let has_direct = positions.iter().any(|position| position.outgoing.iter().any(|edge| edge.direct));
        let bits = |chosen: &dyn Fn(&Position) -> bool| {
            let chosen = positions.iter().enumerate().filter(|(_, position)| chosen(position));
            chosen.fold(0, |all, (index, _)| all | 1 << index)
        };
        let firsts = bits(&|position| position.first);
        let of_class = (0..tree.classes.len()).map(|class| bits(&|position| position.class == class)).collect();
        Ok(Self { positions, absences, has_direct, firsts, of_class })
    }
}

/// How long the longest of some absences lasts.
pub(super) fn longest_wait(absences: &[(usize, i64)], awaits: u64) -> Option<i64> {
    let chosen = absences.iter().enumerate().filter(|(index, _)| awaits & (1 << index) != 0);
    chosen.map(|(_, &(_, within))| within).max()
}

/// A part of the automaton: where one enters, where one leaves, and the ways past it.
#[derive(Debug, Default)]
struct Fragment {
    first: Vec<Entry>,
    last: Vec<Exit>,
    empty: Vec<Empty>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    position: usize,
    /// Absences before it.
    awaits: u64,
    /// It belongs to a part with `*`, or one stands before it: nothing else stands between.
    only: Option<Span>,
    /// Limits that begin with it.
    begins: u32,
}

#[derive(Debug, Clone, Copy)]
struct Exit {
    position: usize,
    /// Absences after it.
    awaits: u64,
    /// It belongs to a part with `*`, or one stands after it.
    only: Option<Span>,
}

/// A way past a part without an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Empty {
    awaits: u64,
    only: Option<Span>,
}

struct Builder<'a> {
    text: &'a str,
    positions: Vec<Position>,
    absences: Vec<(usize, i64)>,
}

impl Builder<'_> {
    fn error(&self, span: Span, message: &str) -> crate::error::Error {
        error(self.text, span, message)
    }

    fn fragment(&mut self, node: &Node) -> Result<Fragment> {
        match &node.part {
            Part::Event(class) => self.event(*class, node.span),
            Part::Sequence(first, rest) => {
                let mut whole = self.fragment(first)?;
                for (arrow, part) in rest {
                    let next = self.fragment(part)?;
                    whole = self.joined(whole, Some(arrow), next)?;
                }
                Ok(whole)
            }
            Part::Choice(branches) => {
                let mut whole = Fragment::default();
                for branch in branches {
                    let one = self.fragment(branch)?;
                    whole.first.extend(one.first);
                    whole.last.extend(one.last);
                    one.empty.into_iter().for_each(|empty| whole.add_empty(empty));
                }
                Ok(whole)
            }
            Part::Only(inner) => self.only(inner, node.span),
            Part::Count(inner, least, most) => self.count(inner, *least, *most, node.span),
            Part::Limited { inner, limit, within } => {
                let start = self.positions.len();
                let mut whole = self.fragment(inner)?;
                for position in &mut self.positions[start..] {
                    position.limits.push((*limit, *within));
                }
                whole.first.iter_mut().for_each(|entry| entry.begins |= 1 << limit);
                Ok(whole)
            }
            Part::Absence { class, within } => {
                let absence = (*class, *within);
                let index = self.absences.iter().position(|known| *known == absence).unwrap_or(self.absences.len());
                if index == self.absences.len() {
                    if index == MOST_ABSENCES {
                        return Err(self.error(node.span, &format!("expected at most {MOST_ABSENCES} absences")));
                    }
                    self.absences.push(absence);
                }
                Ok(Fragment { empty: vec![Empty { awaits: 1 << index, only: None }], ..Fragment::default() })
            }
        }
    }

    fn event(&mut self, class: usize, span: Span) -> Result<Fragment> {
        let position = self.positions.len();
        if position == MOST_POSITIONS {
            return Err(self.error(
                span,
                &format!("the pattern is longer than {MOST_POSITIONS} events once its counts are written out"),
            ));
        }
        self.positions.push(Position { class, ..Position::default() });
        Ok(Fragment {
            first: vec![Entry { position, awaits: 0, only: None, begins: 0 }],
            last: vec![Exit { position, awaits: 0, only: None }],
            empty: Vec::new(),
        })
    }

    /// Any number of times, and nothing else between.
    fn only(&mut self, inner: &Node, span: Span) -> Result<Fragment> {
        let mut whole = self.fragment(inner)?;
        if whole.empty.iter().any(|empty| empty.awaits != 0) {
            return Err(self.error(span, "an absence can't be repeated"));
        }
        whole.first.iter_mut().for_each(|entry| entry.only = Some(span));
        whole.last.iter_mut().for_each(|exit| exit.only = Some(span));
        self.link(&whole.last, &whole.first, None)?;
        whole.empty = vec![Empty { awaits: 0, only: Some(span) }];
        Ok(whole)
    }

    /// A number of times, anything between.
    fn count(&mut self, inner: &Node, least: usize, most: Option<usize>, span: Span) -> Result<Fragment> {
        let mut whole: Option<Fragment> = None;
        for copy in 0..most.unwrap_or(least.max(1)) {
            let mut next = self.fragment(inner)?;
            if next.empty.iter().any(|empty| empty.awaits != 0) {
                return Err(self.error(span, "an absence can't be repeated"));
            }
            if most.is_none() && copy + 1 == least.max(1) {
                self.link(&next.last, &next.first, None)?;
            }
            if copy >= least {
                next.add_empty(Empty { awaits: 0, only: None });
            }
            whole = Some(match whole {
                None => next,
                Some(before) => self.joined(before, None, next)?,
            });
        }
        Ok(whole.unwrap_or_default())
    }

    /// One part after the other. A part that is passed by takes the arrow before it along.
    fn joined(&mut self, before: Fragment, arrow: Option<&Arrow>, after: Fragment) -> Result<Fragment> {
        self.link(&before.last, &after.first, arrow)?;
        let mut whole = Fragment { first: before.first, last: after.last, empty: Vec::new() };
        for empty in &before.empty {
            let passed = after.first.iter();
            whole.first.extend(passed.map(|entry| Entry {
                awaits: entry.awaits | empty.awaits,
                only: entry.only.or(empty.only),
                ..*entry
            }));
        }
        for empty in &after.empty {
            let passed = before.last.iter();
            whole.last.extend(passed.map(|exit| Exit {
                awaits: exit.awaits | empty.awaits,
                only: exit.only.or(empty.only),
                ..*exit
            }));
            for earlier in &before.empty {
                whole.add_empty(Empty { awaits: earlier.awaits | empty.awaits, only: earlier.only.or(empty.only) });
            }
        }
        Ok(whole)
    }

    fn link(&mut self, exits: &[Exit], entries: &[Entry], arrow: Option<&Arrow>) -> Result<()> {
        for exit in exits {
            for entry in entries {
                let only = exit.only.or(entry.only);
                if let (Some(arrow), Some(_)) = (arrow.filter(|arrow| arrow.is_timed()), only) {
                    return Err(self.error(
                        arrow.span,
                        "an arrow beside a part with * has no time of its own; limit the whole: (a -> b* -> c within 2h)",
                    ));
                }
                let edge = Edge {
                    other: entry.position,
                    direct: only.is_some() || arrow.is_some_and(|arrow| arrow.direct),
                    least: arrow.map_or(0, |arrow| arrow.least),
                    longest: arrow.map_or(i64::MAX, |arrow| arrow.longest),
                    awaits: exit.awaits | entry.awaits,
                    begins: entry.begins,
                };
                let edges = &mut self.positions[exit.position].outgoing;
                if !edges.contains(&edge) {
                    edges.push(edge);
                }
            }
        }
        Ok(())
    }

    /// Where the first of some absences is written.
    fn absence_span(&self, node: &Node, awaits: u64) -> Span {
        fn find(node: &Node, wanted: &dyn Fn(usize, i64) -> bool) -> Option<Span> {
            match &node.part {
                Part::Event(_) => None,
                Part::Sequence(first, rest) => {
                    find(first, wanted).or_else(|| rest.iter().find_map(|(_, part)| find(part, wanted)))
                }
                Part::Choice(branches) => branches.iter().find_map(|branch| find(branch, wanted)),
                Part::Only(inner) | Part::Count(inner, _, _) | Part::Limited { inner, .. } => find(inner, wanted),
                Part::Absence { class, within } => wanted(*class, *within).then_some(node.span),
            }
        }
        let wanted = |class: usize, within: i64| {
            let index = self.absences.iter().position(|known| *known == (class, within));
            index.is_some_and(|index| awaits & (1 << index) != 0)
        };
        find(node, &wanted).unwrap_or(node.span)
    }
}

impl Fragment {
    fn add_empty(&mut self, empty: Empty) {
        if !self.empty.contains(&empty) {
            self.empty.push(empty);
        }
    }
}
