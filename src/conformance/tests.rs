//! Nets as they are printed, the numbers of the literature, and alignments against all runs.

use super::*;

fn steps(from: usize, to: usize) -> Vec<Block> {
    (from..to).map(Block::Step).collect()
}

/// The letters of steps, and a design of them.
fn design(letters: &str, block: &Block) -> Design {
    Design::new(block, letters.bytes().map(|letter| letter - b'a').collect()).unwrap()
}

/// The journals of van der Aalst, Process Mining (2016), table 8.1: 1391 cases.
const CASES: [(i64, &str); 21] = [
    (455, "acdeh"),
    (191, "abdeg"),
    (177, "adceh"),
    (144, "abdeh"),
    (111, "acdeg"),
    (82, "adceg"),
    (56, "adbeh"),
    (47, "acdefdbeh"),
    (38, "adbeg"),
    (33, "acdefbdeh"),
    (14, "acdefbdeg"),
    (11, "acdefdbeg"),
    (9, "adcefcdeh"),
    (8, "adcefdbeh"),
    (5, "adcefbdeg"),
    (3, "acdefbdefdbeg"),
    (2, "adcefdbeg"),
    (2, "adcefbdefbdeg"),
    (1, "adcefdbefbdeh"),
    (1, "adbefbdefdbeg"),
    (1, "adcefdbefcdefdbeg"),
];

/// The four nets of that chapter as blocks.
fn printed() -> [Design; 4] {
    let decide = |first| Block::Choice(steps(first, first + 2));
    let examine = Block::Parallel(vec![Block::Choice(steps(1, 3)), Block::Step(3)]);
    let first = Block::Sequence(vec![
        Block::Step(0),
        Block::Loop(vec![examine, Block::Step(4)], vec![Block::Step(5)]),
        decide(6),
    ]);
    let in_order = vec![Block::Choice(steps(1, 3)), Block::Step(3), Block::Step(4)];
    let second = Block::Sequence(vec![Block::Step(0), Block::Loop(in_order, vec![Block::Step(5)]), decide(6)]);
    let third = Block::Sequence(vec![Block::Step(0), Block::Parallel(steps(1, 3)), Block::Step(3), Block::Step(4)]);
    let any = Block::Loop(vec![Block::Optional(Box::new(Block::Choice(steps(1, 6))))], vec![]);
    let fourth = Block::Sequence(vec![Block::Step(0), any, decide(6)]);
    [design("abcdefgh", &first), design("abcdefgh", &second), design("acdeh", &third), design("abcdefgh", &fourth)]
}

#[test]
fn fitness_is_that_of_the_literature() {
    for (design, replayed, aligned) in printed()
        .iter()
        .zip([1.0, 0.9504, 0.8797, 1.0])
        .zip([1.0, 0.93888, 0.84461, 1.0])
        .map(|((design, replayed), aligned)| (design, replayed, aligned))
    {
        let (mut tokens, mut sum, mut alignment) = (Replay::default(), 0.0, Alignment::default());
        let mut replays = Replays::default();
        for (cases, letters) in CASES {
            let trace: Vec<u8> = letters.bytes().map(|letter| letter - b'a').collect();
            let known: Vec<u8> = trace.iter().copied().filter(|label| design.labels.contains(label)).collect();
            let counts = design.net.replay(&known, &mut replays);
            tokens.missing += cases * counts.missing;
            tokens.consumed += cases * counts.consumed;
            tokens.remaining += cases * counts.remaining;
            tokens.produced += cases * counts.produced;
            let cost = alignment.find(design, &trace, false).unwrap();
            let longest = trace.len() as f64 + f64::from(design.automaton.shortest());
            sum += cases as f64 * (1.0 - f64::from(cost) / longest);
        }
        assert!((tokens.fitness() - replayed).abs() < 5e-5, "{} instead of {replayed}", tokens.fitness());
        assert!((sum / 1391.0 - aligned).abs() < 5e-6, "{} instead of {aligned}", sum / 1391.0);
    }
}

#[test]
fn a_net_has_no_silent_transition_that_it_can_do_without() {
    let [first, second, third, fourth] = printed();
    let sizes = |design: &Design| {
        let transitions = design.net.transitions();
        (transitions.len(), transitions.iter().filter(|transition| transition.step.is_none()).count())
    };
    assert_eq!(sizes(&first), (8, 0));
    assert_eq!(sizes(&second), (8, 0));
    assert_eq!(sizes(&third), (5, 0));
    assert_eq!(fourth.net.transitions().iter().filter(|transition| transition.step.is_some()).count(), 8);
}

#[test]
fn steps_come_before_each_other_by_sequence_and_by_loop_but_not_side_by_side() {
    let beside = Block::Parallel(vec![Block::Step(1), Block::Sequence(steps(2, 4))]);
    let block = Block::Sequence(vec![Block::Step(0), Block::Loop(vec![beside], vec![Block::Step(4)]), Block::Step(5)]);
    let design = design("abcdef", &block);
    assert_eq!(design.before, [0, 0b01_0011, 0b01_1101, 0b01_1101, 0b01_1111, 0b01_1111]);
}

#[test]
fn a_design_that_is_none_is_refused() {
    let long = (0..30).fold(Block::Step(0), |block, _| Block::Optional(Box::new(block)));
    for (block, labels, reason) in [
        (Block::Sequence(vec![]), vec![0], "has 0 parts"),
        (Block::Parallel(steps(0, 1)), vec![0], "expected 2"),
        (Block::Sequence(steps(0, 1)), vec![0, 1], "step 2 of the designed journey stands in no block"),
        (Block::Sequence(vec![Block::Step(0), Block::Step(0)]), vec![0], "stands twice"),
        (Block::Step(usize::MAX), vec![0], "has no step"),
        (Block::Optional(Box::new(Block::Step(0))), vec![0], "optional steps only"),
        (Block::Step(0), vec![], "0 steps"),
        (long, vec![0], "16 deep"),
        (Block::Parallel(steps(0, 13)), vec![0; 13], "too many orders"),
    ] {
        let error = Design::new(&block, labels).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}
